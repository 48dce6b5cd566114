//! The disk: one redb file, one table, every value sealed.
//!
//! | table | key | value |
//! |---|---|---|
//! | `maille` | the core's own keys, in the clear: structured bytes, no words | nonce (24 bytes) \| sealed value |
//! | `meta` | `version` | 1, big endian, 4 bytes |
//! | `meta` | `check` | an empty value sealed as above: tells a wrong key from damage |
//!
//! A value is sealed with XChaCha20-Poly1305 under the home's store key, its key in the table as
//! associated data, so that two values cannot change places unseen. The nonce is random: 24 bytes
//! of it cannot collide. Deleting is what redb makes of it: pages are reused, not overwritten.
//!
//! **Invariants.** One process writes ([`crate::home_dir::Lock`]). A commit that returned is on
//! the disk; one that failed changed nothing. After a crash redb goes back to the last commit.

mod commit_queue;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use maille_core::io::{Store as CoreStore, StoreError, Write};
use maille_protocol::crypto::Key;
use redb::{Database, Durability, ReadableDatabase, TableDefinition, TableError};

pub use commit_queue::CommitQueue;

const VALUES: TableDefinition<'static, &[u8], &[u8]> = TableDefinition::new("maille");
const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
const VERSION: u32 = 1;
const NONCE_BYTES: usize = 24;

/// Pages kept in memory. Half of redb's smallest sensible figure for a phone; the spike shows that
/// reads beyond it cost 7 µs instead of 4.
const CACHE_BYTES: usize = 16 << 20;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is open already", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The key file belongs to another store.
    #[error("{} was sealed with another key", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a newer Maille.
    #[error("{} has version {found}, this program knows {VERSION}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// It is no store, or a damaged one.
    #[error("{} does not read: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What redb said.
        reason: String,
    },
    /// The operating system refused.
    #[error("{}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
}

/// Why a commit was not made. Nothing of it is in the store; this store takes no more: open it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// There is no room.
    #[error("the disk is full")]
    Full,
    /// The operating system refused otherwise, or the file is damaged.
    #[error("{0}")]
    Disk(String),
}

/// An open store; clones share it.
#[derive(Clone)]
pub struct Store {
    database: Arc<Database>,
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store([redacted])")
    }
}

impl Store {
    /// Makes an empty store, in place of what may be at `path`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn create(path: &Path, key: &Key) -> Result<Self, OpenError> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(OpenError::Io {
                    path: path.to_owned(),
                    source: error,
                });
            }
            Ok(()) | Err(_) => {}
        }
        let database = builder()
            .create(path)
            .map_err(|error| explain(path, error.into()))?;
        let store = Self {
            database: Arc::new(database),
            cipher: cipher(key),
        };
        store.write_meta().map_err(|error| explain(path, error))?;
        let io = |source| OpenError::Io {
            path: path.to_owned(),
            source,
        };
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(path, private).map_err(io)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(io)?;
        Ok(store)
    }

    /// Opens a store, going back to its last commit if a crash cut one short.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path, key: &Key) -> Result<Self, OpenError> {
        let database = builder()
            .open(path)
            .map_err(|error| explain(path, error.into()))?;
        let store = Self {
            database: Arc::new(database),
            cipher: cipher(key),
        };
        let (version, check) = store.read_meta().map_err(|error| explain(path, error))?;
        match version.as_deref().map(<[u8; 4]>::try_from) {
            Some(Ok(bytes)) if u32::from_be_bytes(bytes) > VERSION => {
                let found = u32::from_be_bytes(bytes);
                return Err(OpenError::Newer {
                    path: path.to_owned(),
                    found,
                });
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => {
                let reason = "it says no version".to_owned();
                return Err(OpenError::Damaged {
                    path: path.to_owned(),
                    reason,
                });
            }
        }
        let opened = check.and_then(|check| store.unseal(b"", &check));
        if opened.is_none() {
            return Err(OpenError::WrongKey {
                path: path.to_owned(),
            });
        }
        Ok(store)
    }

    /// Makes all of `batches` durable, in order, all or nothing.
    ///
    /// # Errors
    /// See [`CommitError`].
    pub fn commit<'a>(
        &self,
        batches: impl IntoIterator<Item = &'a [Write]>,
    ) -> Result<(), CommitError> {
        self.try_commit(batches).map_err(|error| match error {
            redb::Error::Io(error) if is_full(&error) => CommitError::Full,
            other => CommitError::Disk(other.to_string()),
        })
    }

    fn try_commit<'a>(
        &self,
        batches: impl IntoIterator<Item = &'a [Write]>,
    ) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(VALUES)?;
            for (key, value) in batches.into_iter().flatten() {
                match value {
                    Some(value) => {
                        table.insert(key.as_slice(), self.seal(key, value).as_slice())?
                    }
                    None => table.remove(key.as_slice())?,
                };
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Shows every value to `see`, in the order of the keys, as of one moment; stops where it says so.
    ///
    /// # Errors
    /// What the disk says, a value that does not open, or what `see` says.
    pub fn try_for_each<E: From<StoreError>>(
        &self,
        mut see: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let say = |error: redb::Error| StoreError(error.to_string());
        let all = || -> Result<_, redb::Error> {
            let table = self.database.begin_read()?.open_table(VALUES)?;
            Ok(table.range::<&[u8]>(..)?)
        };
        for row in all().map_err(say)? {
            let (key, sealed) = row.map_err(|error| say(error.into()))?;
            let value = self.unseal_or_say(key.value(), sealed.value())?;
            see(key.value(), &value)?;
        }
        Ok(())
    }

    fn write_meta(&self) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(META)?;
            table.insert("version", VERSION.to_be_bytes().as_slice())?;
            table.insert("check", self.seal(b"", b"").as_slice())?;
            transaction.open_table(VALUES)?;
        }
        transaction.commit()?;
        Ok(())
    }

    #[expect(
        clippy::type_complexity,
        reason = "two values that may each be missing"
    )]
    fn read_meta(&self) -> Result<(Option<Vec<u8>>, Option<Vec<u8>>), redb::Error> {
        let table = match self.database.begin_read()?.open_table(META) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok((None, None)),
            Err(error) => return Err(error.into()),
        };
        let read =
            |name| Ok::<_, redb::Error>(table.get(name)?.map(|value| value.value().to_vec()));
        Ok((read("version")?, read("check")?))
    }

    fn seal(&self, key: &[u8], value: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).expect("the operating system has randomness");
        let payload = Payload {
            msg: value,
            aad: key,
        };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.expect("values are far below 256 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    fn unseal(&self, key: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        self.cipher
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: key,
                },
            )
            .ok()
    }

    fn unseal_or_say(&self, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.unseal(key, sealed).ok_or_else(|| {
            let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            StoreError(format!("the value at {hex} was changed or damaged"))
        })
    }
}

impl CoreStore for Store {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let read = || -> Result<_, redb::Error> {
            let table = self.database.begin_read()?.open_table(VALUES)?;
            Ok(table.get(key)?)
        };
        match read().map_err(|error| StoreError(error.to_string()))? {
            Some(sealed) => self.unseal_or_say(key, sealed.value()).map(Some),
            None => Ok(None),
        }
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let say = |error: redb::Error| StoreError(error.to_string());
        let range = || -> Result<_, redb::Error> {
            let table = self.database.begin_read()?.open_table(VALUES)?;
            Ok(table.range(prefix..)?)
        };
        let mut found = Vec::new();
        for row in range().map_err(say)? {
            let (key, sealed) = row.map_err(|error| say(error.into()))?;
            if !key.value().starts_with(prefix) {
                break;
            }
            let value = self.unseal_or_say(key.value(), sealed.value())?;
            found.push((key.value().to_vec(), value));
        }
        Ok(found)
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.as_bytes().into())
}

/// Whether there is no room: on the disk, in the quota, or under the limit of the process.
fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

fn explain(path: &Path, error: redb::Error) -> OpenError {
    let path = path.to_owned();
    match error {
        redb::Error::Io(source) => OpenError::Io { path, source },
        redb::Error::DatabaseAlreadyOpen => OpenError::InUse { path },
        other => OpenError::Damaged {
            path,
            reason: other.to_string(),
        },
    }
}

#[cfg(test)]
mod small_disk;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use small_disk::SmallDisk;
