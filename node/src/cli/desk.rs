//! Where commands are carried out: by the node that runs on the home, else in this
//! process on the home's store.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, Instant};

use maille_core::OpenError as MachineError;
use maille_core::command::{Command, Done, PollShown};
use maille_node::control::{Client, Session, SessionError};
use maille_node::driver::{CallError, Mode, Node, StartError};
use maille_node::home_dir::HomeDir;
use maille_node::keystore::{self, Passphrase};
use maille_node::net::NetError;
use maille_node::store::OpenError;
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::cli::failure::{Failure, causes};
use crate::cli::{Context, secret};

/// How long to wait for another command that has the store for a moment.
const BUSY_MAX: Duration = Duration::from_secs(10);

/// How often to look whether it is done.
const BUSY_LOOK_EVERY: Duration = Duration::from_millis(50);

/// A way to have commands carried out.
pub(crate) struct Desk {
    runtime: Runtime,
    /// `None` only while it is closed.
    session: Option<Session>,
    running: bool,
    /// What to call people who have no name yet; `None`: nothing, for programs.
    someone: Option<&'static str>,
}

impl Desk {
    /// Opens the home: the node that runs on it, else its store.
    pub(crate) fn open(context: &Context) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let home = HomeDir::open(&context.home).map_err(Failure::of_home)?;
        // A running node has been given its passphrase already.
        let running = runtime
            .block_on(Client::connect(&home))
            .is_ok_and(|client| client.is_some());
        let passphrase = if running {
            None
        } else {
            home_passphrase(context, &home)?
        };
        let session = runtime.block_on(Session::open(&home, passphrase.as_ref()));
        let session = session.map_err(|error| of_session(&context.home, error))?;
        let running = session.is_remote();
        Ok(Self {
            runtime,
            session: Some(session),
            running,
            someone: someone(context),
        })
    }

    /// The same, but able to meet other nodes: without a running node, this process is
    /// one until the desk is closed, and takes other commands meanwhile.
    pub(crate) fn open_online(context: &Context) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let home = HomeDir::open(&context.home).map_err(Failure::of_home)?;
        let session = match start(&runtime, context, &home, Mode::Daemon)? {
            Holder::Us(node) => Session::Local(node),
            Holder::Running(client) => Session::Remote(client),
        };
        Ok(Self {
            runtime,
            session: Some(session),
            running: true,
            someone: someone(context),
        })
    }

    /// Has a command carried out; what it changes is durable when this returns.
    pub(crate) fn ask(&mut self, command: Command) -> Result<Done, Failure> {
        let session = self.session.as_mut().expect("only dropping takes it");
        let mut done = self
            .runtime
            .block_on(session.call(command))
            .map_err(of_call)?;
        if let Some(someone) = self.someone {
            name_everybody(&mut done, someone);
        }
        Ok(done)
    }

    /// Whether a node meets others for this home right now.
    pub(crate) fn is_running(&self) -> bool {
        self.running
    }

    /// Whether another process does the work, and goes on when this one has ended.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_remote)
    }
}

impl Drop for Desk {
    /// Waits until the home is free for the next command.
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.runtime.block_on(session.close());
        }
    }
}

fn someone(context: &Context) -> Option<&'static str> {
    (!context.screen.json).then(|| context.screen.text.someone())
}

/// Calls people without a name `someone`. The word is never kept: the next reader may have another
/// language.
fn name_everybody(done: &mut Done, someone: &str) {
    let name = |name: &mut String| {
        if name.is_empty() {
            someone.clone_into(name);
        }
    };
    match done {
        Done::Status(status) => status.contacts.iter_mut().for_each(|it| name(&mut it.name)),
        Done::ShareCreated { share, .. } | Done::ShareRevoked { share } => name(&mut share.name),
        Done::Shares { shares } => shares.iter_mut().for_each(|it| name(&mut it.name)),
        Done::ReceivedAccepted { share, .. } | Done::Received { share, .. } => {
            name(&mut share.name);
        }
        Done::ReceivedList { shares } => shares.iter_mut().for_each(|it| name(&mut it.name)),
        Done::Sent { entries } => entries.iter_mut().for_each(|it| name(&mut it.name)),
        Done::CircleCreated { circle } | Done::CircleChanged { circle } => {
            circle.members.iter_mut().for_each(|it| name(&mut it.name));
        }
        Done::Circles { circles, .. } => {
            let members = circles.iter_mut().flat_map(|it| &mut it.members);
            members.for_each(|it| name(&mut it.name));
        }
        Done::CircleListed { items, .. } => items.iter_mut().for_each(|it| name(&mut it.by)),
        Done::CirclePolls { polls } => polls.iter_mut().for_each(|it| name_electors(it, name)),
        Done::CirclePolled { poll, .. } => {
            poll.iter_mut().for_each(|it| name_electors(it, name));
        }
        Done::CircleConsidered { .. }
        | Done::DeviceCode { .. }
        | Done::CircleRelays { .. }
        | Done::Reached { .. }
        | Done::RelayOffered { .. }
        | Done::RelayRooms { .. }
        | Done::RelayEnded { .. }
        | Done::Devices { .. }
        | Done::CircleInvited { .. }
        | Done::CircleJoining { .. }
        | Done::Card { .. }
        | Done::CheckedUp(_)
        | Done::Recorded { .. }
        | Done::Trips { .. }
        | Done::Footprint { .. }
        | Done::Preview { .. }
        | Done::Exported(_) => {}
    }
}

fn name_electors(poll: &mut PollShown, name: impl Fn(&mut String)) {
    (poll.electorate.iter_mut())
        .chain(&mut poll.outside)
        .chain(&mut poll.left_out)
        .chain(poll.ballots.iter_mut().map(|it| &mut it.by))
        .chain(poll.closes.iter_mut().map(|it| &mut it.by))
        .chain([&mut poll.by])
        .for_each(|it| name(&mut it.name));
}

/// Who has the home.
pub(crate) enum Holder<T> {
    /// This process, with this.
    Us(T),
    /// A node that runs in another process.
    Running(Client),
}

/// Starts a node that meets others and takes commands, unless one runs already.
pub(crate) fn start(
    runtime: &Runtime,
    context: &Context,
    home: &HomeDir,
    mode: Mode,
) -> Result<Holder<Box<Node>>, Failure> {
    take_home(runtime, home, || {
        start_here(runtime, context, home, mode).map(Box::new)
    })
}

/// Takes the home by `attempt`, unless a node runs on it. Waits for another command that has it
/// for a moment.
pub(crate) fn take_home<T>(
    runtime: &Runtime,
    home: &HomeDir,
    mut attempt: impl FnMut() -> Result<T, Failure>,
) -> Result<Holder<T>, Failure> {
    let begun = Instant::now();
    loop {
        let client = runtime.block_on(Client::connect(home));
        if let Some(client) = client.map_err(|error| unreachable(&error))? {
            return Ok(Holder::Running(client));
        }
        match attempt() {
            Ok(taken) => return Ok(Holder::Us(taken)),
            Err(Failure::HomeInUse { .. }) if begun.elapsed() < BUSY_MAX => {
                std::thread::sleep(BUSY_LOOK_EVERY);
            }
            Err(failure) => return Err(failure),
        }
    }
}

fn start_here(
    runtime: &Runtime,
    context: &Context,
    home: &HomeDir,
    mode: Mode,
) -> Result<Node, Failure> {
    // Before a passphrase is asked for in vain; taken again by the node itself.
    drop(home.lock().map_err(Failure::of_home)?);
    let passphrase = home_passphrase(context, home)?;
    let keys = keystore::open(home, passphrase.as_ref())
        .map_err(|error| Failure::of_key(&context.home, error))?;
    runtime
        .block_on(Node::start(home, keys, mode))
        .map_err(|error| of_start(&context.home, error))
}

/// A runtime of a few threads: the network's work goes on while a command waits.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    Runtime::new().map_err(|error| Failure::Bug {
        what: format!("no thread to work with: {error}"),
    })
}

/// The passphrase, if the home has one.
pub(crate) fn home_passphrase(
    context: &Context,
    home: &HomeDir,
) -> Result<Option<Passphrase>, Failure> {
    let needed =
        keystore::needs_passphrase(home).map_err(|error| Failure::of_key(&context.home, error))?;
    if !needed {
        return Ok(None);
    }
    let typed = secret::passphrase(context)?;
    Ok(Some(Passphrase::new(&typed)))
}

/// The node answered something else than was asked.
pub(crate) fn unexpected(command: &str) -> Failure {
    Failure::Bug {
        what: format!("{command}: an answer to another command"),
    }
}

/// The fields of a struct, for `--json`.
pub(crate) fn fields_of(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn unreachable(error: &io::Error) -> Failure {
    Failure::DaemonLost {
        reason: error.to_string(),
    }
}

fn of_session(home: &Path, error: SessionError) -> Failure {
    match error {
        SessionError::Key(error) => Failure::of_key(home, error),
        SessionError::Start(error) => of_start(home, error),
        SessionError::Unreachable(error) => unreachable(&error),
        other => Failure::Bug {
            what: causes(&other),
        },
    }
}

/// Why a call came to nothing.
pub(crate) fn of_call(error: CallError) -> Failure {
    match error {
        CallError::Command(error) => Failure::Command(error),
        CallError::Lost { reason } | CallError::Misunderstood { reason } => {
            Failure::DaemonLost { reason }
        }
        other => Failure::Bug {
            what: causes(&other),
        },
    }
}

/// Why a node did not start.
pub(crate) fn of_start(home: &Path, error: StartError) -> Failure {
    match error {
        StartError::Home(error) => Failure::of_home(error),
        StartError::Store(OpenError::InUse { .. }) => Failure::HomeInUse {
            home: home.to_owned(),
        },
        StartError::Store(OpenError::WrongKey { .. })
        | StartError::Machine(MachineError::OtherPerson { .. }) => Failure::HomeMixed {
            home: home.to_owned(),
        },
        // What redb says of a file that is none of its own.
        StartError::Store(OpenError::Io { source, .. })
            if matches!(
                source.kind(),
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof
            ) =>
        {
            Failure::HomeDamaged {
                home: home.to_owned(),
                reason: source.to_string(),
            }
        }
        StartError::Store(OpenError::Io { path, source }) => Failure::HomeUnusable {
            home: path,
            reason: source.to_string(),
        },
        StartError::Net(NetError::BadAddress { address }) => Failure::BadAddress { typed: address },
        StartError::Net(error @ NetError::CannotListen { .. }) => Failure::CannotListen {
            reason: causes(&error),
        },
        StartError::Net(NetError::NoNearby(error)) => Failure::NobodyNearby {
            reason: Some(error.to_string()),
        },
        StartError::Control(error) => Failure::HomeUnusable {
            home: home.to_owned(),
            reason: error.to_string(),
        },
        error => Failure::HomeDamaged {
            home: home.to_owned(),
            reason: causes(&error),
        },
    }
}
