//! The folder that a node lives in.
//!
//! | file | what | mode |
//! |---|---|---|
//! | `key` | the secrets, see [`crate::keystore`]; written last, so its presence means "set up" | 0600 |
//! | `store.redb` | everything else, sealed, see [`crate::store`] | 0600 |
//! | `config.json` | where to listen | 0600 |
//! | `lock` | held by the one process that has the store open; holds its process id | 0600 |
//! | `control.sock` | how other commands reach a running node | 0600 |
//!
//! **Invariants.** The folder is mode 0700 and belongs to whoever runs the process: a
//! [`HomeDir`] is only made after checking that.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Why a folder cannot be a node's home, or could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// Nothing was set up there yet.
    #[error("nothing is set up in {}", path.display())]
    NotInitialised {
        /// The folder.
        path: PathBuf,
    },
    /// Somebody was set up there already.
    #[error("{} is set up already", path.display())]
    AlreadyInitialised {
        /// The folder.
        path: PathBuf,
    },
    /// There are other things in the folder.
    #[error("{} holds other files, {found} for one", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// One of them.
        found: String,
    },
    /// It belongs to another user of this computer.
    #[error("{} belongs to user {owner}", path.display())]
    SomebodyElses {
        /// The folder or file.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Other users of this computer may open it.
    #[error("{} is open to other users (mode {mode:03o})", path.display())]
    OpenToOthers {
        /// The folder or file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The configuration file does not read.
    #[error("{} does not read", path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        source: serde_json::Error,
    },
    /// The configuration was written by a newer Maille.
    #[error("{} has version {found}, this program knows {CONFIG_VERSION}", path.display())]
    NewerConfig {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Another process has the store open.
    #[error("another maille{} runs on {}", pid_text(*pid), path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Which process, if it said so.
        pid: Option<u32>,
    },
    /// The operating system refused.
    #[error("{}", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

fn pid_text(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})"))
        .unwrap_or_default()
}

impl HomeError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// A folder that is ours alone. See the module's page.
#[derive(Clone, Debug)]
pub struct HomeDir {
    path: PathBuf,
}

impl HomeDir {
    /// Opens a home that was set up.
    ///
    /// # Errors
    /// [`HomeError::NotInitialised`] without a key file; the others if it is not ours alone.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, HomeError> {
        let home = Self { path: path.into() };
        if !home.is_initialised()? {
            return Err(HomeError::NotInitialised { path: home.path });
        }
        check_private(&home.path)?;
        check_private(&home.key_path())?;
        Ok(home)
    }

    /// Makes the folder, or takes an empty one, for a home that is to be set up.
    ///
    /// What an earlier attempt left that did not get as far as the key file is removed: nobody
    /// was told any words then, and without a key nothing can read it.
    ///
    /// # Errors
    /// [`HomeError::AlreadyInitialised`], [`HomeError::NotEmpty`], or what the disk says.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, HomeError> {
        let home = Self { path: path.into() };
        let path = &home.path;
        if home.is_initialised()? {
            return Err(HomeError::AlreadyInitialised { path: home.path });
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(HomeError::io(path))?;
        check_owner(path)?;
        for entry in fs::read_dir(path).map_err(HomeError::io(path))? {
            let name = entry.map_err(HomeError::io(path))?.file_name();
            let ours = [
                "store.redb",
                "lock",
                "config.json",
                "config.json.new",
                "key.new",
            ];
            if !ours.iter().any(|ours| name == *ours) {
                let found = name.to_string_lossy().into_owned();
                return Err(HomeError::NotEmpty {
                    path: home.path,
                    found,
                });
            }
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(HomeError::io(path))?;
        Ok(home)
    }

    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where the secrets are.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        self.path.join("key")
    }

    /// Returns where the store is.
    #[must_use]
    pub fn store_path(&self) -> PathBuf {
        self.path.join("store.redb")
    }

    /// Returns where a running node listens for commands.
    #[must_use]
    pub fn socket_path(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    fn config_path(&self) -> PathBuf {
        self.path.join("config.json")
    }

    fn is_initialised(&self) -> Result<bool, HomeError> {
        let key = self.key_path();
        match fs::symlink_metadata(&key) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(HomeError::Io { path: key, source }),
        }
    }

    /// Takes the right to open the store; it ends with the returned value, or the process.
    ///
    /// # Errors
    /// [`HomeError::InUse`] if another process, or another part of this one, has it.
    pub fn lock(&self) -> Result<Lock, HomeError> {
        let path = self.path.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(HomeError::io(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Only to name the other process: it may be about to write its number.
                let _ = file.take(20).read_to_string(&mut text);
                let pid = text.trim().parse().ok();
                return Err(HomeError::InUse {
                    path: self.path.clone(),
                    pid,
                });
            }
            Err(TryLockError::Error(source)) => return Err(HomeError::Io { path, source }),
        }
        // A full disk must not keep anyone from reading what they have: the number is a courtesy.
        let _ = file.set_len(0).and_then(|()| file.rewind());
        let _ = writeln!(file, "{}", std::process::id());
        Ok(Lock { _file: file })
    }

    /// Reads where to listen.
    ///
    /// # Errors
    /// [`HomeError::BadConfig`], [`HomeError::NewerConfig`], or what the disk says.
    pub fn config(&self) -> Result<Config, HomeError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let path = self.config_path();
        let bytes = fs::read(&path).map_err(HomeError::io(&path))?;
        let bad = |source| HomeError::BadConfig {
            path: path.clone(),
            source,
        };
        let Version { version } = serde_json::from_slice(&bytes).map_err(bad)?;
        if version > CONFIG_VERSION {
            return Err(HomeError::NewerConfig {
                path,
                found: version,
            });
        }
        serde_json::from_slice(&bytes).map_err(bad)
    }

    /// Writes where to listen.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_config(&self, config: &Config) -> Result<(), HomeError> {
        let mut text = serde_json::to_vec_pretty(config).expect("texts and numbers are JSON");
        text.push(b'\n');
        write_whole(&self.config_path(), &text)
    }
}

/// The right to open one home's store.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Version of `config.json` that this program writes.
pub const CONFIG_VERSION: u32 = 1;

/// What a home remembers that is no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// [`CONFIG_VERSION`].
    pub version: u32,
    /// Where to listen, as multiaddr texts with their ports.
    pub listen: Vec<String>,
    /// Nobody asked for this port: if it is taken by now, another one will do.
    #[serde(default)]
    pub chosen: bool,
}

impl Config {
    /// Listens at these multiaddr texts.
    #[must_use]
    pub fn listening(listen: Vec<String>) -> Self {
        Self {
            version: CONFIG_VERSION,
            listen,
            chosen: false,
        }
    }

    /// Listens on this computer only, QUIC and TCP, at a port that is free now. It is kept, since
    /// contacts remember it, as long as nobody else has it when the node starts.
    ///
    /// # Errors
    /// What the operating system says if it has no port.
    pub fn on_loopback() -> io::Result<Self> {
        let port = free_port(Ipv4Addr::LOCALHOST.into())?;
        let listen = vec![
            format!("/ip4/127.0.0.1/udp/{port}/quic-v1"),
            format!("/ip4/127.0.0.1/tcp/{port}"),
        ];
        Ok(Self {
            chosen: true,
            ..Self::listening(listen)
        })
    }
}

/// Finds a port of `ip` that is free for TCP and for UDP.
///
/// # Errors
/// What the operating system says if it has none.
pub fn free_port(ip: IpAddr) -> io::Result<u16> {
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..64 {
        let tcp = TcpListener::bind((ip, 0))?;
        let address: SocketAddr = tcp.local_addr()?;
        match UdpSocket::bind(address) {
            Ok(_) => return Ok(address.port()),
            Err(error) => last = error, // free for one but not for the other
        }
    }
    Err(last)
}

/// Replaces `path` by a file with `bytes`, mode 0600: after a crash it holds the old bytes or the
/// new ones, never a part.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let written = (|| {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    })();
    if let Err(source) = written {
        let _ = fs::remove_file(&new); // nothing to keep; the first error is what counts
        return Err(HomeError::Io {
            path: path.to_owned(),
            source,
        });
    }
    sync_folder_of(path)
}

/// Makes the names in the folder of `path` durable.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), HomeError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(HomeError::io(folder))
}

fn check_owner(path: &Path) -> Result<u32, HomeError> {
    let metadata = fs::metadata(path).map_err(HomeError::io(path))?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(HomeError::SomebodyElses {
            path: path.to_owned(),
            owner: metadata.uid(),
        });
    }
    Ok(metadata.mode() & 0o777)
}

fn check_private(path: &Path) -> Result<(), HomeError> {
    let mode = check_owner(path)?;
    if mode & 0o077 != 0 {
        return Err(HomeError::OpenToOthers {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_up(path: &Path) -> HomeDir {
        let home = HomeDir::create(path).unwrap();
        write_whole(&home.key_path(), b"key").unwrap();
        home
    }

    #[test]
    fn a_home_that_was_set_up_opens_and_is_not_set_up_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/home");
        assert!(matches!(
            HomeDir::open(&path),
            Err(HomeError::NotInitialised { .. })
        ));
        let home = set_up(&path);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(home.key_path()).unwrap().mode() & 0o777, 0o600);
        HomeDir::open(&path).unwrap();
        assert!(matches!(
            HomeDir::create(&path),
            Err(HomeError::AlreadyInitialised { .. })
        ));
    }

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("letter.txt"), "dear").unwrap();
        let error = HomeDir::create(folder.path()).unwrap_err();
        assert!(matches!(error, HomeError::NotEmpty { found, .. } if found == "letter.txt"));
    }

    #[test]
    fn a_set_up_that_was_cut_short_can_be_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let home = HomeDir::create(folder.path()).unwrap();
        fs::write(home.store_path(), "half").unwrap();
        HomeDir::create(folder.path()).unwrap();
    }

    #[test]
    fn a_key_or_a_folder_that_others_may_open_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let home = set_up(folder.path());
        fs::set_permissions(home.key_path(), fs::Permissions::from_mode(0o640)).unwrap();
        let error = HomeDir::open(folder.path()).unwrap_err();
        assert!(
            matches!(error, HomeError::OpenToOthers { mode: 0o640, .. }),
            "{error}"
        );
        fs::set_permissions(home.key_path(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        let error = HomeDir::open(folder.path()).unwrap_err();
        assert!(
            matches!(error, HomeError::OpenToOthers { mode: 0o711, .. }),
            "{error}"
        );
    }

    #[test]
    fn one_home_has_one_holder_and_the_second_learns_who_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let home = set_up(folder.path());
        let held = home.lock().unwrap();
        let error = home.lock().unwrap_err();
        let me = std::process::id();
        assert!(
            matches!(error, HomeError::InUse { pid: Some(pid), .. } if pid == me),
            "{error}"
        );
        drop(held);
        home.lock().unwrap();
    }

    #[test]
    fn the_port_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let home = set_up(folder.path());
        let config = Config::on_loopback().unwrap();
        home.set_config(&config).unwrap();
        assert_eq!(home.config().unwrap(), config);
        assert!(config.chosen);
        assert!(config.listen[0].starts_with("/ip4/127.0.0.1/udp/"));
    }

    #[test]
    fn a_configuration_from_before_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let home = set_up(folder.path());
        fs::write(home.config_path(), "{\"version\": 1, \"listen\": []}").unwrap();
        assert_eq!(home.config().unwrap(), Config::listening(Vec::new()));
    }

    #[test]
    fn a_configuration_that_is_damaged_or_newer_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let home = set_up(folder.path());
        fs::write(home.config_path(), "{\"version\": 1, ").unwrap();
        assert!(matches!(home.config(), Err(HomeError::BadConfig { .. })));
        fs::write(home.config_path(), "{\"version\": 2, \"hear\": 1}").unwrap();
        assert!(matches!(
            home.config(),
            Err(HomeError::NewerConfig { found: 2, .. })
        ));
    }
}
