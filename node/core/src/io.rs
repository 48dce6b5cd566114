//! What goes into the machine and what comes out of it.
//!
//! The driver in `node` (and the simulator) own the clock, the generator, the disk
//! and the network; the machine owns every decision.
//!
//! # The contract
//!
//! - Reads are a trait: [`Store`] is consulted inside [`crate::Home::handle`], answers
//!   at once, and holds what was committed so far (group commits that are still on their
//!   way are overlaid by the machine itself).
//! - Writes are outputs: [`Output::Commit`] batches are applied in order, each all or
//!   nothing, and made durable before [`Input::Committed`] names them. Several may be made
//!   durable together. Nothing that depends on a batch leaves the machine before.
//! - A batch that cannot be made durable ends the machine: drop it, open a new one from the
//!   store, and answer the commands that were waiting with `CommandError::Disk`.
//! - Heavy pure work (Automerge, seals, signatures) is done inline.

use crate::command::{AsideReason, Command, CommandError, Done};
use maille_protocol::id::{CircleId, GrantId, PersonId, TransportId};
use maille_protocol::invite::WhyNot;

/// Names a command; chosen by the caller, comes back in [`Output::Finished`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId(pub u64);

/// Names one stream to one peer; chosen by the driver, never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Names a batch; chosen by the machine, rising.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitId(pub u64);

/// Which end opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This node did.
    Dialler,
    /// The other node did.
    Acceptor,
}

/// One change to the store: a key, and its new value or `None` to delete it.
pub type Write = (Vec<u8>, Option<Vec<u8>>);

/// Something that happened.
#[expect(clippy::large_enum_variant, reason = "one input at a time, never kept")]
#[derive(Debug)]
pub enum Input<'a> {
    /// The person asks for something.
    Command(CommandId, Command),
    /// A stream to `peer` is open. The transport has authenticated `peer`.
    Connected {
        /// The new stream.
        connection: ConnectionId,
        /// Whose node it is, as proven by the transport.
        peer: TransportId,
        /// Who opened it.
        role: Role,
    },
    /// One whole frame, at most `maille_protocol::wire::FRAME_BYTES_MAX` long.
    Received {
        /// On which stream.
        from: ConnectionId,
        /// The frame without its length.
        frame: &'a [u8],
    },
    /// A stream is gone; whatever was sent on it may be lost.
    Disconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// An [`Output::Dial`] came to nothing.
    DialFailed {
        /// Whom it was for.
        peer: TransportId,
    },
    /// A node says on the local network that it is there: a dial of it finds it now, whatever addresses are known.
    Nearby {
        /// Whose it says that it is.
        peer: TransportId,
    },
    /// Every batch up to and including this one is durable.
    Committed(CommitId),
    /// Where this node can be reached while it runs (multiaddr text, without the peer id); goes
    /// on cards and links. A driver without a network says it too.
    Addresses(Vec<String>),
    /// Where this node listens now, in the same form. From here on it dials.
    Listening(Vec<String>),
    /// Time has passed. Early, late or twice is harmless.
    Tick,
}

/// Something to do.
#[expect(clippy::large_enum_variant, reason = "few at a time, drained at once")]
#[derive(Debug)]
pub enum Output {
    /// Make this batch durable, all or nothing, then say [`Input::Committed`].
    Commit {
        /// Its name.
        id: CommitId,
        /// What it changes.
        batch: Vec<Write>,
    },
    /// Try to reach a peer at one of these addresses (multiaddr text).
    Dial {
        /// Whom.
        peer: TransportId,
        /// Where.
        addresses: Vec<String>,
    },
    /// Send one frame.
    Send {
        /// On which stream.
        to: ConnectionId,
        /// At most `FRAME_BYTES_MAX` long.
        frame: Vec<u8>,
    },
    /// Close a stream; a `Disconnected` for it may still come.
    Close {
        /// Which.
        connection: ConnectionId,
    },
    /// The answer to a command.
    Finished {
        /// Which.
        command: CommandId,
        /// Its answer.
        result: Result<Done, CommandError>,
    },
    /// Something a person may want to see at once.
    Event(Event),
}

/// News for whoever watches the node.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A session with a contact is up.
    ContactOnline {
        /// Who.
        person: PersonId,
    },
    /// A session with a contact is over.
    ContactOffline {
        /// Who.
        person: PersonId,
    },
    /// A grant arrived for a share that nobody here has accepted.
    ShareOffered {
        /// Which.
        grant: GrantId,
    },
    /// Something that a contact sent was of no use here.
    SetAside {
        /// Whose.
        person: PersonId,
        /// Why.
        #[serde(flatten)]
        why: AsideReason,
    },
    /// A grant arrived for a share that was accepted.
    ShareArrived {
        /// Which.
        grant: GrantId,
    },
    /// Rows arrived.
    RowsArrived {
        /// Under which grant.
        grant: GrantId,
        /// How many.
        rows: u64,
    },
    /// A share that was received has ended.
    ShareEnded {
        /// Which.
        grant: GrantId,
    },
    /// The other side has everything that was published so far.
    Delivered {
        /// Who.
        person: PersonId,
    },
    /// A node asks to be another device of our person's, who is to compare words: [`Command::DeviceConfirm`].
    DeviceAsks {
        /// What it is called.
        name: String,
        /// The words, by their places in the list.
        words: [u16; maille_protocol::pairing::WORDS],
    },
    /// A node came with the pairing code that is shown, but asked for what is not in order: the code is over now.
    PairingRefused,
    /// This device was removed by another one of our person's.
    DeviceRemoved,
    /// Our person is in a circle that they asked to come into.
    CircleJoined {
        /// Which.
        circle: CircleId,
        /// What it is called, by the invite: the circle itself still has to arrive.
        name: String,
    },
    /// A circle does not let our person in, for now or for good.
    JoinRefused {
        /// Which.
        circle: CircleId,
        /// Why.
        why: WhyNot,
    },
    /// Somebody came into a circle by an invite of our person's.
    MemberJoined {
        /// Which.
        circle: CircleId,
        /// What they want to be called.
        name: String,
    },
    /// Somebody came with an invite of our person's that lets nobody in.
    InviteRefused {
        /// To which circle.
        circle: CircleId,
        /// Why.
        why: WhyNot,
    },
    /// Something was said or written in a circle.
    CircleNews {
        /// Which.
        circle: CircleId,
    },
    /// A peer broke the protocol; its session was closed.
    Violation {
        /// Whose node.
        peer: TransportId,
        /// What it did, for the log.
        what: String,
    },
}

/// Keys with their values, in the keys' byte order.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// What is durable, for reading. Answers at once.
pub trait Store {
    /// The value of `key`.
    ///
    /// # Errors
    /// The disk's own error.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// All keys that begin with `prefix`, in byte order, with their values.
    ///
    /// # Errors
    /// The disk's own error.
    fn scan(&self, prefix: &[u8]) -> Result<Pairs, StoreError>;
}

/// The disk could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store could not be read: {0}")]
pub struct StoreError(pub String);
