//! A running node: the loop that feeds [`maille_core::Home`] and carries out what it says.
//!
//! The machine has a thread of its own, since a command may keep it busy for a while and several
//! nodes can share a process. The loop takes, in this order: the order to stop, commits that
//! became durable, commands, the timer, the network. It decides nothing.
//!
//! | the machine says | the loop does |
//! |---|---|
//! | `Commit` | queues it for the disk ([`CommitQueue`]) |
//! | `Dial`, `Send`, `Close` | hands it to [`Net`] |
//! | `Finished` | answers whoever called |
//! | `Event` | tells whoever watches |
//!
//! While more than [`UNCOMMITTED_BYTES_MAX`] wait for the disk, nothing new is taken in.
//!
//! A batch that the disk refuses ends the machine, not the node: every command that waits is
//! answered `Disk`, every stream is closed, and a new machine begins from what is durable.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use maille_core::command::{Command, CommandError, Done};
use maille_core::io::{CommandId, CommitId, ConnectionId, Event, Input, Output};
use maille_core::{Home, OpenError as MachineError, Secrets};
use maille_protocol::crypto::Key;
use maille_protocol::id::PersonId;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::clock::{self, OsRng};
use crate::control::Server;
use crate::home_dir::{Config, HomeDir, HomeError, Lock};
use crate::keystore::Keys;
use crate::net::{Net, NetError, NetEvent, NetOptions};
use crate::store::{CommitError, CommitQueue, OpenError, Store};

/// Bytes on their way to the disk, beyond which the node takes nothing more in.
pub const UNCOMMITTED_BYTES_MAX: usize = 32 << 20;

/// Commands that may wait for the machine; then callers wait to hand theirs in.
const CALLS_MAX: usize = 64;

/// Events kept for a watcher that is slow; then it misses the oldest.
const EVENTS_MAX: usize = 1024;

/// Least pause between two machines, so that a full disk is not tried without rest.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Least sleep, so that a timeout in the past costs little.
const SLEEP_MIN: Duration = Duration::from_millis(1);

/// What a node does besides answering its own process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing: for one command, on the store alone.
    Offline,
    /// Meets other nodes.
    Online,
    /// Meets other nodes, and takes commands over the home's socket.
    Daemon,
    /// The same, and says on the local network who and where it is, and hears others do so.
    Nearby,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The folder will not do, or another process has it.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// What is in the store does not open.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// The network did not come up.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The socket for commands did not open.
    #[error("the socket for commands does not open")]
    Control(#[source] std::io::Error),
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The machine said no; nothing was changed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The node ended, or was lost, before it answered. The change may have been made or not.
    #[error("the node ended before it answered: {reason}")]
    Lost {
        /// What is known of why.
        reason: String,
    },
    /// The running node and this program do not understand each other.
    #[error("the running node does not understand this program: {reason}")]
    Misunderstood {
        /// What it said.
        reason: String,
    },
    /// More than one call can carry: split it.
    #[error("a call of {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
}

struct Call {
    command: Command,
    answer: oneshot::Sender<Result<Done, CommandError>>,
}

/// Calls a node; clones call the same one.
#[derive(Clone, Debug)]
pub struct Caller {
    calls: mpsc::Sender<Call>,
    events: broadcast::Sender<Event>,
}

impl Caller {
    /// Has the node carry out a command; what it changes is durable when this returns.
    ///
    /// # Errors
    /// What the machine says, or [`CallError::Lost`].
    pub async fn call(&self, command: Command) -> Result<Done, CallError> {
        let lost = || CallError::Lost {
            reason: "it was stopped".to_owned(),
        };
        let (answer, answered) = oneshot::channel();
        self.calls
            .send(Call { command, answer })
            .await
            .map_err(|_| lost())?;
        Ok(answered.await.map_err(|_| lost())??)
    }

    /// Returns what happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Call") // commands hold what is nobody's business
    }
}

/// A running node. Dropping it stops it without waiting; see [`Node::shutdown`].
#[derive(Debug)]
pub struct Node {
    caller: Caller,
    person: PersonId,
    stop: watch::Sender<bool>,
    listening: watch::Receiver<Vec<String>>,
    ended: watch::Receiver<Option<Ended>>,
    thread: Option<JoinHandle<()>>,
}

/// Listens where the home says; elsewhere if nobody asked for that port and another program has it by now.
async fn start_net(
    home: &HomeDir,
    keys: &Keys,
    mode: Mode,
    config: &mut Config,
) -> Result<(Net, mpsc::Receiver<NetEvent>), StartError> {
    let options = |config: &Config| NetOptions {
        seed: keys.transport.clone(),
        listen: config.listen.clone(),
        nearby: mode == Mode::Nearby,
    };
    match Net::start(options(config)).await {
        Err(NetError::CannotListen { address, reason }) if config.chosen => {
            let other = Config::on_loopback().map_err(|_| NetError::CannotListen {
                address: address.clone(),
                reason: reason.clone(),
            })?;
            tracing::warn!(%address, %reason, instead = ?other.listen, "another port");
            let net = Net::start(options(&other)).await?;
            home.set_config(&other)?;
            *config = other;
            Ok(net)
        }
        other => Ok(other?),
    }
}

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// It could not go on: its store does not open any more, or it had a bug.
    Failed(String),
}

impl Node {
    /// Starts the node of `home`; returns once it listens and answers.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(home: &HomeDir, keys: Keys, mode: Mode) -> Result<Self, StartError> {
        let lock = home.lock()?;
        Self::start_locked(home, lock, keys, mode).await
    }

    pub(crate) async fn start_locked(
        home: &HomeDir,
        lock: Lock,
        keys: Keys,
        mode: Mode,
    ) -> Result<Self, StartError> {
        let mut config = home.config()?;
        let store = Store::open(&home.store_path(), &keys.store)?;
        let person = keys.secrets.person;
        let (calls, called) = mpsc::channel(CALLS_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let caller = Caller {
            calls,
            events: events.clone(),
        };
        let net = match mode {
            Mode::Offline => None,
            Mode::Online | Mode::Daemon | Mode::Nearby => {
                Some(start_net(home, &keys, mode, &mut config).await?)
            }
        };
        let server = match mode {
            Mode::Daemon | Mode::Nearby => {
                Some(Server::start(home, caller.clone()).map_err(StartError::Control)?)
            }
            Mode::Offline | Mode::Online => None,
        };
        let (stop, stopping) = watch::channel(false);
        let (say_listening, listening) = watch::channel(Vec::new());
        let (say_ended, ended) = watch::channel(None);
        let (say_open, open) = oneshot::channel();
        let (net, inbox) = net.unzip();
        let driver = Driver {
            home: home.clone(),
            secrets: keys.secrets,
            store_key: keys.store,
            addresses: config.listen,
            calls: called,
            events,
            stopping,
            listening: say_listening,
            net,
            inbox,
            live: BTreeSet::new(),
            next_command: 0,
            waiting: BTreeMap::new(),
        };
        let runtime = tokio::runtime::Handle::current();
        let run = move || {
            let ended = runtime.block_on(driver.run(store, say_open));
            // First the socket, then the lock: whoever has the lock may remove the socket.
            drop(server);
            drop(lock);
            say_ended.send_replace(Some(ended));
        };
        let thread = std::thread::Builder::new()
            .name("maille-node".to_owned())
            .spawn(run)
            .expect("the operating system starts a thread");
        match open.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let _ = thread.join(); // the lock is free then; a panic was printed there
                return Err(error.into());
            }
            Err(_) => std::panic::panic_any("the machine's thread ended before it began"),
        }
        Ok(Self {
            caller,
            person,
            stop,
            listening,
            ended,
            thread: Some(thread),
        })
    }

    /// Whose node this is.
    #[must_use]
    pub fn person(&self) -> PersonId {
        self.person
    }

    /// Returns something to call this node with, for as long as it runs.
    #[must_use]
    pub fn caller(&self) -> Caller {
        self.caller.clone()
    }

    /// Has the node carry out a command; see [`Caller::call`].
    ///
    /// # Errors
    /// What the machine says, or [`CallError::Lost`].
    pub async fn call(&self, command: Command) -> Result<Done, CallError> {
        self.caller.call(command).await
    }

    /// Returns what happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.caller.events()
    }

    /// Returns where the node listens now, QUIC first; empty if it is offline.
    #[must_use]
    pub fn listening(&self) -> Vec<String> {
        self.listening.borrow().clone()
    }

    /// Waits until the node ends, and says how.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await {
            Ok(how) => how.clone().expect("waited until it was there"),
            Err(_) => Ended::Failed("a bug".to_owned()),
        }
    }

    /// Stops the node: commands that are being carried out are finished and answered, streams are
    /// closed in order. Returns when the home is free for another.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        self.ended().await;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // it is at its last line; a panic was printed there
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// What the loop has in hand, over all machines that it runs one after the other.
struct Driver {
    home: HomeDir,
    secrets: Secrets,
    store_key: Key,
    addresses: Vec<String>,
    calls: mpsc::Receiver<Call>,
    events: broadcast::Sender<Event>,
    stopping: watch::Receiver<bool>,
    listening: watch::Sender<Vec<String>>,
    net: Option<Net>,
    inbox: Option<mpsc::Receiver<NetEvent>>,
    /// Streams that the present machine knows of.
    live: BTreeSet<ConnectionId>,
    next_command: u64,
    waiting: BTreeMap<CommandId, oneshot::Sender<Result<Done, CommandError>>>,
}

/// One machine with its way to the disk.
struct Machine {
    home: Home<Store>,
    rng: OsRng,
    queue: CommitQueue,
    reports: mpsc::UnboundedReceiver<Result<CommitId, CommitError>>,
    uncommitted: BTreeMap<CommitId, usize>,
}

impl Machine {
    fn start(store: Store, secrets: Secrets) -> Result<Self, MachineError> {
        let home = Home::open(store.clone(), secrets, clock::now())?;
        let (report, reports) = mpsc::unbounded_channel();
        let queue = CommitQueue::start(store, move |result| {
            let _ = report.send(result); // nobody listens when the node ends
        });
        Ok(Self {
            home,
            rng: clock::os_rng(),
            queue,
            reports,
            uncommitted: BTreeMap::new(),
        })
    }

    fn is_behind(&self) -> bool {
        self.uncommitted.values().sum::<usize>() > UNCOMMITTED_BYTES_MAX
    }
}

impl Driver {
    async fn run(
        mut self,
        store: Store,
        opened: oneshot::Sender<Result<(), MachineError>>,
    ) -> Ended {
        let mut machine = match Machine::start(store, self.secrets.clone()) {
            Ok(machine) => machine,
            Err(error) => {
                let reason = error.to_string();
                let _ = opened.send(Err(error)); // whoever started it may have gone
                return Ended::Failed(reason);
            }
        };
        self.greet(&mut machine).await;
        let _ = opened.send(Ok(()));
        let ended = loop {
            let started = Instant::now();
            let Err(error) = self.drive(&mut machine).await else {
                self.finish(machine);
                break Ended::Stopped;
            };
            tracing::error!(%error, "a batch was not made durable: begin again from the disk");
            drop(machine);
            self.forget(&error);
            if started.elapsed() < RESTART_PAUSE {
                tokio::time::sleep(RESTART_PAUSE).await;
            }
            machine = match self.reopen() {
                Ok(machine) => machine,
                Err(error) => break Ended::Failed(error.to_string()),
            };
            self.greet_again(&mut machine);
        };
        if let (Some(net), Some(inbox)) = (self.net.take(), self.inbox.take()) {
            net.shutdown(inbox).await;
        }
        ended
    }

    /// Tells a new machine where it can be reached.
    async fn greet(&mut self, machine: &mut Machine) {
        self.feed(machine, Input::Addresses(self.addresses.clone()));
        // The network's first event says where it listens: have it before the first command.
        if let Some(event) = async { self.inbox.as_mut()?.recv().await }.await {
            self.on_net(machine, event);
        }
    }

    fn greet_again(&mut self, machine: &mut Machine) {
        self.feed(machine, Input::Addresses(self.addresses.clone()));
        if self.net.is_some() {
            let listening = self.listening.borrow().clone();
            self.feed(machine, Input::Listening(listening));
        }
    }

    /// Runs a machine until it is to stop or the disk refuses a batch.
    async fn drive(&mut self, machine: &mut Machine) -> Result<(), CommitError> {
        loop {
            let ready = !machine.is_behind();
            let due = machine.home.poll_timeout().map(clock::until);
            tokio::select! {
                biased;
                () = told(&mut self.stopping) => return Ok(()),
                report = machine.reports.recv() => match report {
                    Some(report) => self.on_commit(machine, report?),
                    None => return Err(CommitError::Disk("the writing thread ended".to_owned())),
                },
                call = self.calls.recv(), if ready => match call {
                    Some(call) => self.on_call(machine, call),
                    None => return Ok(()),
                },
                () = sleep(due) => self.feed(machine, Input::Tick),
                Some(event) = next(&mut self.inbox), if ready => self.on_net(machine, event),
            }
        }
    }

    fn on_commit(&mut self, machine: &mut Machine, id: CommitId) {
        machine.uncommitted.retain(|commit, _| *commit > id);
        self.feed(machine, Input::Committed(id));
    }

    fn on_call(&mut self, machine: &mut Machine, call: Call) {
        self.next_command += 1;
        let id = CommandId(self.next_command);
        self.waiting.insert(id, call.answer);
        self.feed(machine, Input::Command(id, call.command));
    }

    fn on_net(&mut self, machine: &mut Machine, event: NetEvent) {
        match event {
            NetEvent::Connected {
                connection,
                peer,
                role,
            } => {
                self.live.insert(connection);
                self.feed(
                    machine,
                    Input::Connected {
                        connection,
                        peer,
                        role,
                    },
                );
            }
            // A stream of an earlier machine is being closed; this one never heard of it.
            NetEvent::Received { connection, .. } | NetEvent::Disconnected { connection }
                if !self.live.contains(&connection) => {}
            NetEvent::Received { connection, frame } => {
                self.feed(
                    machine,
                    Input::Received {
                        from: connection,
                        frame: &frame,
                    },
                );
            }
            NetEvent::Disconnected { connection } => {
                self.live.remove(&connection);
                self.feed(machine, Input::Disconnected { connection });
            }
            NetEvent::DialFailed { peer } => self.feed(machine, Input::DialFailed { peer }),
            NetEvent::Nearby { peer } => self.feed(machine, Input::Nearby { peer }),
            NetEvent::Listening(addresses) => {
                self.listening.send_replace(addresses.clone());
                self.feed(machine, Input::Listening(addresses));
            }
        }
    }

    fn feed(&mut self, machine: &mut Machine, input: Input<'_>) {
        machine.home.handle(clock::now(), &mut machine.rng, input);
        while let Some(output) = machine.home.poll_output() {
            self.act(machine, output);
        }
    }

    fn act(&mut self, machine: &mut Machine, output: Output) {
        match (output, &self.net) {
            (Output::Commit { id, batch }, _) => {
                let size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
                let bytes = batch
                    .iter()
                    .map(|(key, value)| key.len() + size(value))
                    .sum();
                machine.uncommitted.insert(id, bytes);
                machine.queue.push(id, batch);
            }
            (Output::Finished { command, result }, _) => {
                if let Some(answer) = self.waiting.remove(&command) {
                    let _ = answer.send(result); // whoever asked may have gone
                }
            }
            (Output::Event(event), _) => {
                let _ = self.events.send(event); // perhaps nobody watches
            }
            (Output::Dial { peer, addresses }, Some(net)) => net.dial(peer, addresses),
            (Output::Send { to, frame }, Some(net)) => net.send(to, frame),
            (Output::Close { connection }, Some(net)) => net.close(connection),
            (Output::Dial { .. } | Output::Send { .. } | Output::Close { .. }, None) => {
                unreachable!("a machine that was never told where it listens dials nobody")
            }
        }
    }

    /// Lets a machine that is to stop finish what is on its way to the disk.
    fn finish(&mut self, machine: Machine) {
        let Machine {
            mut home,
            mut rng,
            queue,
            mut reports,
            ..
        } = machine;
        drop(queue); // waits for the disk
        while let Ok(Ok(id)) = reports.try_recv() {
            home.handle(clock::now(), &mut rng, Input::Committed(id));
            while let Some(output) = home.poll_output() {
                match (output, &self.net) {
                    (Output::Finished { command, result }, _) => {
                        if let Some(answer) = self.waiting.remove(&command) {
                            let _ = answer.send(result);
                        }
                    }
                    (Output::Send { to, frame }, Some(net)) => net.send(to, frame),
                    // A change that begins only now would not be finished: it is not begun.
                    _ => {}
                }
            }
        }
    }

    /// Ends everything that belonged to a machine whose batch failed.
    fn forget(&mut self, error: &CommitError) {
        for (_, answer) in std::mem::take(&mut self.waiting) {
            let _ = answer.send(Err(CommandError::Disk {
                reason: error.to_string(),
            }));
        }
        for connection in std::mem::take(&mut self.live) {
            if let Some(net) = &self.net {
                net.close(connection);
            }
        }
    }

    fn reopen(&self) -> Result<Machine, StartError> {
        let store = Store::open(&self.home.store_path(), &self.store_key)?;
        Ok(Machine::start(store, self.secrets.clone())?)
    }
}

/// Waits until the node is to stop, or nobody is left who could say so.
async fn told(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

async fn sleep(due: Option<Duration>) {
    match due {
        Some(due) => tokio::time::sleep(due.max(SLEEP_MIN)).await,
        None => std::future::pending().await,
    }
}

async fn next(inbox: &mut Option<mpsc::Receiver<NetEvent>>) -> Option<NetEvent> {
    match inbox {
        Some(inbox) => inbox.recv().await,
        None => std::future::pending().await,
    }
}
