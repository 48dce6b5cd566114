//! A person with a home of their own, who types commands and runs a node.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use maille_node::home_dir::HomeDir;
use maille_node::keystore;
use maille_node::store::Store;
use serde_json::Value;
use tempfile::TempDir;

use crate::gpx::Track;
use crate::{DEADLINE, binary, isolated};

/// A person with a home of their own.
#[derive(Debug)]
pub struct Person {
    folder: TempDir,
}

/// A command that was not carried out.
#[derive(Debug)]
pub struct Refused {
    /// The exit code; `None` if it was killed.
    pub exit_code: Option<i32>,
    /// The object it printed, if it printed one.
    pub object: Value,
}

impl Person {
    /// Sets up a new person.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        let person = Self::nobody();
        let words = person.folder.path().join("words");
        person.json(&[
            "init",
            "--words-file",
            words.to_str().expect("temporary folders have plain names"),
        ]);
        person
    }

    /// A place for a home, and no person in it yet.
    ///
    /// # Panics
    /// If there is no place for temporary files.
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            folder: TempDir::new().expect("there is a place for temporary files"),
        }
    }

    /// Where the person's node keeps everything.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// What lies in the person's store, opened with the person's own keys.
    ///
    /// # Panics
    /// If that fails: a node that runs has the store for itself.
    #[must_use]
    #[track_caller]
    pub fn store(&self) -> Store {
        let home = HomeDir::open(self.home()).expect("the person has a home");
        let keys = keystore::open(&home, None).expect("the key file is readable");
        Store::open(&home.store_path(), &keys.store).expect("the store opens")
    }

    /// `maille`, for this person.
    #[must_use]
    #[track_caller]
    pub fn maille(&self) -> Command {
        let mut command = isolated(&binary("maille"));
        command
            .current_dir(self.folder.path())
            .arg("--home")
            .arg(self.home());
        command
    }

    /// What `maille ARGUMENTS --json` printed.
    ///
    /// # Errors
    /// [`Refused`] if it did not end with 0.
    ///
    /// # Panics
    /// If it ended with 0 and did not print one object.
    #[track_caller]
    pub fn try_json(&self, arguments: &[&str]) -> Result<Value, Refused> {
        let output: Output = self
            .maille()
            .arg("--json")
            .args(arguments)
            .output()
            .expect("the binary can be started");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let object = serde_json::from_str(stdout.trim()).unwrap_or(Value::Null);
        if !output.status.success() {
            return Err(Refused {
                exit_code: output.status.code(),
                object,
            });
        }
        assert!(
            object.is_object(),
            "maille {arguments:?} --json printed {stdout:?} and {:?}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(object)
    }

    /// What `maille ARGUMENTS --json` printed.
    ///
    /// # Panics
    /// If it did not end with 0.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        match self.try_json(arguments) {
            Ok(object) => object,
            Err(refused) => panic!("maille {arguments:?}: {refused:?}"),
        }
    }

    /// Writes a file beside the home and returns its path.
    ///
    /// # Panics
    /// If the disk is full.
    #[track_caller]
    pub fn writes(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).expect("the disk takes a small file");
        path
    }

    /// Imports a track.
    ///
    /// # Panics
    /// If that is refused.
    #[track_caller]
    pub fn imports(&self, file: &str, track: Track<'_>) -> Value {
        let path = self.writes(file, &track.file());
        self.json(&[
            "import",
            path.to_str().expect("temporary folders have plain names"),
        ])
    }

    /// The person's card, as text.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn card(&self) -> String {
        text(&self.json(&["card"]), "/card")
    }

    /// The person's card, as text; `None` if the node was killed while it was asked.
    #[must_use]
    pub fn card_if_it_answers(&self) -> Option<String> {
        let card = self.try_json(&["card"]).ok()?;
        Some(text(&card, "/card"))
    }

    /// Starts the person's node, and waits until it listens.
    ///
    /// # Panics
    /// If it does not listen in time.
    #[track_caller]
    pub fn runs(&self, listen: &[&str]) -> Node {
        self.runs_with(listen, &[])
    }

    /// Starts the person's node at an address of the local network, where it is to be found.
    ///
    /// # Panics
    /// If it does not listen in time.
    #[track_caller]
    pub fn runs_nearby(&self, address: &str) -> Node {
        self.runs_with(&[address], &["--nearby"])
    }

    #[track_caller]
    fn runs_with(&self, listen: &[&str], more: &[&str]) -> Node {
        let mut command = self.maille();
        command.args(["run", "--json"]).args(more);
        for address in listen {
            command.args(["--listen", address]);
        }
        let mut node = Node::start(command);
        node.says(r#""done":"running""#);
        node
    }

    /// Shares `mobility.weekly` and returns the share's id and its link.
    ///
    /// # Panics
    /// If that is refused.
    #[track_caller]
    pub fn shares_with(&self, card: &str, name: &str, purpose: &str) -> (String, String) {
        self.try_shares_with(card, name, purpose)
            .unwrap_or_else(|refused| panic!("no share: {refused:?}"))
    }

    /// As [`Person::shares_with`], where it may be refused.
    ///
    /// # Errors
    /// [`Refused`] if it is.
    #[track_caller]
    pub fn try_shares_with(
        &self,
        card: &str,
        name: &str,
        purpose: &str,
    ) -> Result<(String, String), Refused> {
        let made = self.try_json(&[
            "share",
            "create",
            "--lens",
            "mobility.weekly",
            "--with",
            card,
            "--name",
            name,
            "--until",
            "30d",
            "--purpose",
            purpose,
        ])?;
        Ok((text(&made, "/share/id"), text(&made, "/link")))
    }

    /// The rows that the lens would show now.
    ///
    /// # Panics
    /// If there is no preview.
    #[must_use]
    #[track_caller]
    pub fn preview(&self) -> Value {
        self.json(&["lens", "preview", "mobility.weekly"])["rows"].clone()
    }

    /// The rows held of a received share.
    ///
    /// # Panics
    /// If the share is not known.
    #[must_use]
    #[track_caller]
    pub fn rows(&self, share: &str) -> Value {
        self.json(&["received", "show", share])["rows"].clone()
    }

    /// How one share given or received stands; `list` is `share` or `received`.
    ///
    /// # Panics
    /// If it is not listed.
    #[must_use]
    #[track_caller]
    pub fn listed(&self, list: &str, share: &str) -> Value {
        let listed = self.json(&[list, "list"]);
        let shares = listed["shares"].as_array().cloned().unwrap_or_default();
        let found = shares.into_iter().find(|entry| entry["id"] == share);
        found.unwrap_or_else(|| panic!("{share} is not in {listed}"))
    }

    /// Every file of the home, with its bytes.
    ///
    /// # Panics
    /// If the home cannot be read.
    #[must_use]
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.home()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("one's own home can be listed") {
                let entry = entry.expect("one's own home can be listed");
                let kind = entry.file_type().expect("a listed file has a kind");
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let bytes = fs::read(entry.path()).expect("one's own files can be read");
                    files.push((entry.path(), bytes));
                }
            }
        }
        files
    }

    /// Where the person's node listens when it is not told otherwise.
    ///
    /// # Panics
    /// If the home has no configuration.
    #[must_use]
    pub fn configured(&self) -> Vec<String> {
        let config = fs::read(self.home().join("config.json")).expect("a home has a configuration");
        let config: Value = serde_json::from_slice(&config).expect("the configuration is JSON");
        let listen = config["listen"].as_array().cloned().unwrap_or_default();
        listen
            .iter()
            .filter_map(|address| address.as_str().map(str::to_owned))
            .collect()
    }

    /// Changes where the person's node listens, and what its card says.
    ///
    /// # Panics
    /// If the configuration cannot be written.
    pub fn configures(&self, listen: &[String]) {
        let path = self.home().join("config.json");
        let config = fs::read(&path).expect("a home has a configuration");
        let mut config: Value = serde_json::from_slice(&config).expect("the configuration is JSON");
        config["listen"] = listen.into();
        fs::write(path, config.to_string()).expect("the disk takes a small file");
    }
}

impl Default for Person {
    fn default() -> Self {
        Self::new()
    }
}

/// The text at `pointer` of an object.
///
/// # Panics
/// If there is none.
#[must_use]
#[track_caller]
pub fn text(object: &Value, pointer: &str) -> String {
    let text = object.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no text at {pointer} of {object}"))
        .to_owned()
}

/// The date in `days` days, as typed for `--until`.
///
/// # Panics
/// If the clock of this machine is before 1970.
#[must_use]
pub fn in_days(days: u64) -> String {
    let now = std::time::SystemTime::now();
    let since = now
        .duration_since(std::time::UNIX_EPOCH)
        .expect("it is after 1970");
    let millis = u64::try_from(since.as_millis()).expect("it is before the year 500 million");
    let then = maille_protocol::time::Timestamp::from_millis(millis + days * 86_400_000);
    then.to_string().chars().take("2026-01-01".len()).collect()
}

/// A running node. It is killed when this is dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    lines: Receiver<String>,
    /// What it has printed, as far as it was read here.
    printed: Vec<String>,
}

impl Node {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let stderr = child.stderr.take().expect("stderr is a pipe");
        read_lines(stdout, sender.clone());
        read_lines(stderr, sender);
        Self {
            child,
            lines,
            printed: Vec::new(),
        }
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line that contains `part`.
    ///
    /// # Panics
    /// If it does not come in time, or the node ends first.
    #[track_caller]
    pub fn says(&mut self, part: &str) -> String {
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) => {
                    let found = line.contains(part);
                    self.printed.push(line.clone());
                    if found {
                        return line;
                    }
                }
                Err(_) => panic!("the node never said {part:?}, only {:#?}", self.printed),
            }
        }
    }

    /// Kills the node as `kill -9` does: it gets no chance to write or to say anything.
    ///
    /// # Panics
    /// If it had ended already.
    #[track_caller]
    pub fn is_killed(mut self) {
        let ended = self.child.try_wait().expect("the process is ours");
        assert!(
            ended.is_none(),
            "the node had ended already: {ended:?}, {:#?}",
            self.everything()
        );
        // `drop` does the rest.
    }

    fn everything(&mut self) -> &[String] {
        self.printed.extend(self.lines.try_iter());
        &self.printed
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let printed = self.everything().join("\n  ");
            // The test's own output is where whoever reads a red test looks.
            #[expect(clippy::print_stderr, reason = "a red test tells what its nodes said")]
            {
                eprintln!("node {} said:\n  {printed}", self.pid());
            }
        }
    }
}

fn read_lines(from: impl Read + Send + 'static, to: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { return };
            if to.send(line).is_err() {
                return;
            }
        }
    });
}

/// Whether `bytes` contain `word`, as UTF-8, or as UTF-16 of either order.
#[must_use]
pub fn contains_word(bytes: &[u8], word: &str) -> bool {
    let utf16 =
        |order: fn(u16) -> [u8; 2]| word.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let forms = [
        word.as_bytes().to_vec(),
        utf16(u16::to_le_bytes),
        utf16(u16::to_be_bytes),
    ];
    forms
        .iter()
        .any(|form| bytes.windows(form.len()).any(|window| window == form))
}

/// Panics if a file of `person`'s home contains one of `words`.
///
/// # Panics
/// See above.
#[track_caller]
pub fn assert_sealed(person: &Person, words: &[&str]) {
    let files = person.files();
    assert!(
        files.iter().any(|(path, _)| is_store(path)),
        "the store was not found: {files:?}"
    );
    for (path, bytes) in files {
        for word in words {
            assert!(
                !contains_word(&bytes, word),
                "{} contains {word:?}",
                path.display()
            );
        }
    }
}

fn is_store(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "redb")
}
