//! How commands reach a running node: one JSON object per line over the home's Unix socket.
//!
//! | line to the node | lines back |
//! |---|---|
//! | `{"version":1,"command":{..}}` | `{"version":1,"done":{..}}` or `{"version":1,"error":{..}}` |
//! | `{"version":1,"watch":true}` | `{"version":1,"event":{..}}`, until the connection ends |
//! | anything else | `{"version":1,"refused":"why"}`, and the end |
//!
//! The values are `maille_core`'s own commands, answers and events. [`Session`] is what a command
//! line uses: the running node if there is one, else the store itself.
//!
//! A Unix socket's path may have 107 bytes. For a home that lies deeper the socket is made and
//! reached through `/proc/self/fd/N/`, a short name for the folder, so that it always lies in the
//! home, under the home's permissions; a hashed name in `/tmp` would need guarding of its own.
//!
//! **Invariants.** Whoever connects runs as the same user. The socket is removed and made only by
//! whoever holds the home's lock.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use maille_core::command::{Command, CommandError, Done};
use maille_core::io::Event;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::driver::{CallError, Caller, Mode, Node, StartError};
use crate::home_dir::{HomeDir, HomeError};
use crate::keystore::{self, KeyError, Passphrase};

/// Version of the lines.
pub const VERSION: u32 = 1;

/// Longest line to a node: an import sends its records, some 200 bytes each.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// Longest line back: an export holds everything.
const ANSWER_BYTES_MAX: usize = 1 << 30;

/// Connections served at a time; the next wait.
const CONNECTIONS_MAX: usize = 32;

/// How long a command waits for another process that has the store for a moment.
const LOCK_WITHIN: Duration = Duration::from_secs(10);

/// `sockaddr_un` has 108 bytes, one of them the end.
const SOCKET_PATH_BYTES_MAX: usize = 107;

#[derive(Debug, Serialize, Deserialize)]
struct Line<T> {
    version: u32,
    #[serde(flatten)]
    body: T,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "made once per line, and moved on at once"
)]
enum Request {
    Command(Command),
    Watch(bool),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::large_enum_variant,
    reason = "made once per line, and moved on at once"
)]
enum Answer {
    Done(Done),
    Error(CommandError),
    Event(Event),
    Refused(String),
}

/// The socket of a running node. Dropping it ends every connection and removes it.
#[derive(Debug)]
pub(crate) struct Server {
    home: HomeDir,
    task: JoinHandle<()>,
}

impl Server {
    /// Opens the socket. Only for whoever holds the home's lock: what is left of another is removed.
    pub(crate) fn start(home: &HomeDir, caller: Caller) -> io::Result<Self> {
        match fs::remove_file(home.socket_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let (path, _folder) = short_path(home)?;
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(home.socket_path(), Permissions::from_mode(0o600))?;
        let task = tokio::spawn(accept(listener, caller));
        Ok(Self {
            home: home.clone(),
            task,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(self.home.socket_path()); // the next one removes it otherwise
    }
}

async fn accept(listener: UnixListener, caller: Caller) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = tokio::task::JoinSet::new(); // ended with this task
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let caller = caller.clone();
                connections.spawn(async move {
                    if let Err(error) = serve(stream, &caller).await {
                        tracing::debug!(%error, "a command connection ended");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a command connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await; // out of file handles
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: UnixStream, caller: &Caller) -> io::Result<()> {
    if stream.peer_cred()?.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    while let Some(line) = read_line(&mut reader, LINE_BYTES_MAX).await? {
        let request = match parse::<Request>(&line) {
            Ok(request) => request,
            Err(reason) => return write_line(&mut writer, Answer::Refused(reason)).await,
        };
        match request {
            Request::Command(command) => {
                let answer = match caller.call(command).await {
                    Ok(done) => Answer::Done(done),
                    Err(CallError::Command(error)) => Answer::Error(error),
                    Err(_) => return Ok(()), // the node is ending
                };
                write_line(&mut writer, answer).await?;
            }
            Request::Watch(_) => return watch(&mut reader, &mut writer, caller).await,
        }
    }
    Ok(())
}

async fn watch(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    caller: &Caller,
) -> io::Result<()> {
    let mut events = caller.events();
    let mut byte = [0];
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => write_line(writer, Answer::Event(event)).await?,
                Err(RecvError::Lagged(_)) => {} // the watcher is slow and misses some
                Err(RecvError::Closed) => return Ok(()),
            },
            _ = reader.read(&mut byte) => return Ok(()), // gone, or speaking out of turn
        }
    }
}

/// Reads what follows the version, if the version is ours.
fn parse<T: for<'a> Deserialize<'a>>(line: &[u8]) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let found: Version = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if found.version != VERSION {
        return Err(format!(
            "version {}, this node speaks {VERSION}",
            found.version
        ));
    }
    serde_json::from_slice(line)
        .map(|line: Line<T>| line.body)
        .map_err(|error| error.to_string())
}

/// Reads one line, without its end; `None` at the end of the stream.
async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    bytes_max: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut bounded = reader.take(bytes_max as u64 + 1);
    bounded.read_until(b'\n', &mut line).await?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if line.len() >= bytes_max => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the line is too long",
        )),
        Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn line<T: Serialize>(body: T) -> Vec<u8> {
    let mut line = serde_json::to_vec(&Line {
        version: VERSION,
        body,
    })
    .expect("commands, answers and events are JSON");
    line.push(b'\n');
    line
}

async fn write_line(writer: &mut OwnedWriteHalf, answer: Answer) -> io::Result<()> {
    writer.write_all(&line(answer)).await
}

/// Returns a path to the socket that is short enough, with the folder that keeps it valid.
fn short_path(home: &HomeDir) -> io::Result<(PathBuf, Option<File>)> {
    let path = home.socket_path();
    if path.as_os_str().as_bytes().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok((path, None));
    }
    let folder = File::open(home.path())?;
    let path = format!("/proc/self/fd/{}/control.sock", folder.as_raw_fd());
    Ok((path.into(), Some(folder)))
}

/// A connection to a running node.
#[derive(Debug)]
pub struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Client {
    /// Connects to the node that runs on `home`; `None` if none does.
    ///
    /// # Errors
    /// What the operating system says.
    pub async fn connect(home: &HomeDir) -> io::Result<Option<Self>> {
        let (path, _folder) = short_path(home)?;
        match UnixStream::connect(path).await {
            Ok(stream) => {
                let (reader, writer) = stream.into_split();
                Ok(Some(Self {
                    reader: BufReader::new(reader),
                    writer,
                }))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Has the node carry out a command.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&mut self, command: Command) -> Result<Done, CallError> {
        let line = line(Request::Command(command));
        if line.len() > LINE_BYTES_MAX {
            return Err(CallError::TooLong {
                bytes: line.len(),
                bytes_max: LINE_BYTES_MAX,
            });
        }
        self.writer.write_all(&line).await.map_err(lost)?;
        match self.answer().await? {
            Answer::Done(done) => Ok(done),
            Answer::Error(error) => Err(error.into()),
            Answer::Refused(reason) => Err(CallError::Misunderstood { reason }),
            Answer::Event(_) => Err(out_of_turn()),
        }
    }

    /// Watches the node from now on.
    ///
    /// # Errors
    /// [`CallError::Lost`].
    pub async fn watch(mut self) -> Result<Watch, CallError> {
        self.writer
            .write_all(&line(Request::Watch(true)))
            .await
            .map_err(lost)?;
        Ok(Watch { client: self })
    }

    async fn answer(&mut self) -> Result<Answer, CallError> {
        let line = read_line(&mut self.reader, ANSWER_BYTES_MAX)
            .await
            .map_err(lost)?;
        let line = line.ok_or_else(|| lost(io::ErrorKind::UnexpectedEof.into()))?;
        parse(&line).map_err(|reason| CallError::Misunderstood { reason })
    }
}

/// What happens in a running node.
#[derive(Debug)]
pub struct Watch {
    client: Client,
}

impl Watch {
    /// Waits for the next event.
    ///
    /// # Errors
    /// [`CallError::Lost`] when the node ends.
    pub async fn next(&mut self) -> Result<Event, CallError> {
        match self.client.answer().await? {
            Answer::Event(event) => Ok(event),
            Answer::Refused(reason) => Err(CallError::Misunderstood { reason }),
            Answer::Done(_) | Answer::Error(_) => Err(out_of_turn()),
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is used as a function of map_err"
)]
fn lost(error: io::Error) -> CallError {
    CallError::Lost {
        reason: error.to_string(),
    }
}

fn out_of_turn() -> CallError {
    CallError::Misunderstood {
        reason: "an answer to something else".to_owned(),
    }
}

/// Why a home cannot be spoken to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The secrets do not open.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The node does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A node runs, but its socket cannot be reached.
    #[error("the running node cannot be reached")]
    Unreachable(#[source] io::Error),
}

/// A way to have commands carried out, whether a node runs or not.
#[derive(Debug)]
pub enum Session {
    /// By the running node.
    Remote(Client),
    /// By a node in this process, without network.
    Local(Box<Node>),
}

impl Session {
    /// Connects to the node that runs on `home`, or opens its store.
    ///
    /// The passphrase is only needed for the latter. Another command that has the store open for a
    /// moment is waited for.
    ///
    /// # Errors
    /// See [`SessionError`].
    pub async fn open(
        home: &HomeDir,
        passphrase: Option<&Passphrase>,
    ) -> Result<Self, SessionError> {
        let deadline = Instant::now() + LOCK_WITHIN;
        loop {
            if let Some(client) = Client::connect(home)
                .await
                .map_err(SessionError::Unreachable)?
            {
                return Ok(Self::Remote(client));
            }
            let lock = match home.lock() {
                Ok(lock) => lock,
                Err(HomeError::InUse { .. }) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
                Err(error) => return Err(StartError::Home(error).into()),
            };
            let keys = keystore::open(home, passphrase)?;
            let node = Node::start_locked(home, lock, keys, Mode::Offline).await?;
            return Ok(Self::Local(Box::new(node)));
        }
    }

    /// Has a command carried out; what it changes is durable when this returns.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call(&mut self, command: Command) -> Result<Done, CallError> {
        match self {
            Self::Remote(client) => client.call(command).await,
            Self::Local(node) => node.call(command).await,
        }
    }

    /// Whether a node runs on the home.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// Ends the session; the home is free for another then.
    pub async fn close(self) {
        if let Self::Local(node) = self {
            node.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests;
