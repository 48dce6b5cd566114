//! One node: a machine with its disk, clock, connections and person.
//!
//! | a node is | commands | frames and dials | its disk |
//! |---|---|---|---|
//! | up | reach its machine | reach its machine | group commits end and are told |
//! | up, offline | reach its machine | are lost | as above |
//! | paused | wait | wait | what has ended is told later |
//! | down | are answered [`WentDown`] | are lost | keeps what was durable when it went down |
//!
//! What happens here depends on this node, on what is sent to it and on [`Air`], which no node
//! changes: the world may be split by node.

mod fate;
mod machine;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use maille_core::command::{CommandError, Done};
use maille_core::{CommandId, ConnectionId, Founding, Home, Secrets, Write};
use maille_protocol::id::TransportId;
use rand_core::Rng;

use super::NodeIndex;
use super::queue::{Happening, Key};
use crate::byzantine::Behaviour;
use crate::checker::Watch;
use crate::clock::{NodeClock, VirtualTime};
use crate::disk::{Disk, DiskReader};
use crate::network::nat::Mappings;
use crate::network::{Bucket, End, Nat, Network};
use crate::random::{NotForRealKeys, Seed};
use crate::trace::NodeTrace;

/// What a node answered.
pub type Answer = Result<Done, CommandError>;

/// Why a command got no answer: its node was down, or went down before it answered. It may or may
/// not have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node went down before it answered")]
pub struct WentDown;

/// How a command ended.
#[derive(Debug)]
pub struct Answered {
    /// When.
    pub at: VirtualTime,
    /// Whose command.
    pub node: NodeIndex,
    /// Which.
    pub command: CommandId,
    /// The answer.
    pub answer: Result<Answer, WentDown>,
}

/// What every node lives in, and none changes.
#[derive(Debug)]
pub(super) struct Air {
    pub(super) seed: Seed,
    pub(super) network: Network,
    /// How many nodes there are.
    pub(super) places: u32,
    pub(super) planted: Option<Arc<maille_core::sim::Run>>,
}

/// One step: when it is, and what it causes.
pub(super) struct Step<'a> {
    pub(super) now: VirtualTime,
    pub(super) air: &'a Air,
    pub(super) caused: &'a mut Vec<(Key, Happening)>,
    /// Lines of the log, if somebody reads it.
    pub(super) lines: Option<&'a mut Vec<String>>,
}

impl Step<'_> {
    fn tell(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{now} {}", line()));
        }
    }
}

/// A node that is down, for other worlds to begin with: its person, its secrets, its disk.
#[derive(Clone, Debug)]
pub struct Picture {
    name: String,
    secrets: Secrets,
    disk: Vec<Write>,
}

/// A copy of a disk; never with the installation.
#[derive(Debug)]
struct Backup {
    disk: Vec<Write>,
    /// How many installations the node has had since.
    restored: u64,
}

/// One node.
pub(super) struct Node {
    index: NodeIndex,
    pub(super) name: String,
    pub(super) secrets: Secrets,
    pub(super) disk: Disk,
    pub(super) machine: Option<Home<DiskReader>>,
    /// How often it was started.
    pub(super) life: u64,
    random: NotForRealKeys,
    pub(super) clock: NodeClock,
    pub(super) online: bool,
    paused: bool,
    /// What came while it was paused.
    held: VecDeque<(NodeIndex, Happening)>,
    /// Until when its disk is full.
    full_until: VirtualTime,
    backup: Option<Backup>,
    connections: BTreeMap<ConnectionId, End>,
    /// What its router lets in.
    pub(super) nat: Nat,
    mappings: Mappings,
    up: Bucket,
    down: Bucket,
    dials: u32,
    /// Messages sent on the network so far: numbers each draw about one.
    messages: u64,
    flushes: u64,
    /// Number of the last happening this node caused.
    number: u64,
    wake: Option<VirtualTime>,
    wake_setting: u64,
    pub(super) commands: u64,
    /// Commands that the machine has not answered yet.
    pending: BTreeSet<CommandId>,
    pub(super) answered: Vec<Answered>,
    pub(super) behaviour: Option<Box<dyn Behaviour>>,
    pub(super) watch: Watch,
    pub(super) trace: NodeTrace,
}

impl Node {
    /// A node of a new person.
    pub(super) fn found(seed: Seed, index: NodeIndex, name: &str) -> Self {
        let mut random = seed.stream(index, "founding");
        let mut words = [0; 64];
        random.fill_bytes(&mut words);
        let mut transport = [0; 32];
        random.fill_bytes(&mut transport);
        let Founding { secrets, batch } =
            maille_core::found(&words, TransportId::from_bytes(transport), &mut random);
        Self::with(seed, index, name, secrets, Disk::with(batch))
    }

    /// A second computer with a copy of this node's disk and all of its secrets.
    pub(super) fn twin(&self, seed: Seed, index: NodeIndex) -> Self {
        let name = format!("{} again", self.name);
        let disk = Disk::with(self.disk.copy());
        Self::with(seed, index, &name, self.secrets.clone(), disk)
    }

    /// A node as a picture of it says.
    pub(super) fn pictured(seed: Seed, index: NodeIndex, picture: &Picture) -> Self {
        let disk = Disk::with(picture.disk.clone());
        Self::with(seed, index, &picture.name, picture.secrets.clone(), disk)
    }

    /// What is durable of this node.
    pub(super) fn picture(&self) -> Picture {
        Picture {
            name: self.name.clone(),
            secrets: self.secrets.clone(),
            disk: self.disk.copy(),
        }
    }

    /// Makes a picture its backup.
    pub(super) fn back_up(&mut self, picture: &Picture) {
        self.backup = Some(Backup {
            disk: picture.disk.clone(),
            restored: 0,
        });
    }

    fn with(seed: Seed, index: NodeIndex, name: &str, secrets: Secrets, disk: Disk) -> Self {
        Self {
            index,
            name: name.to_owned(),
            secrets,
            disk,
            machine: None,
            life: 0,
            random: seed.stream(index, "machine"),
            clock: NodeClock::default(),
            online: true,
            paused: false,
            held: VecDeque::new(),
            full_until: VirtualTime::START,
            backup: None,
            connections: BTreeMap::new(),
            nat: Nat::Open,
            mappings: Mappings::default(),
            up: Bucket::default(),
            down: Bucket::default(),
            dials: 0,
            messages: 0,
            flushes: 0,
            number: 0,
            wake: None,
            wake_setting: 0,
            commands: 0,
            pending: BTreeSet::new(),
            answered: Vec::new(),
            behaviour: None,
            watch: Watch::of(index),
            trace: NodeTrace::default(),
        }
    }

    pub(super) fn is_up(&self) -> bool {
        self.machine.is_some()
    }

    /// Takes one happening in.
    pub(super) fn happens(&mut self, step: &mut Step<'_>, from: NodeIndex, happening: Happening) {
        if self.paused && !matches!(happening, Happening::Fault(_) | Happening::Resumed) {
            self.held.push_back((from, happening));
            return;
        }
        match happening {
            Happening::Boot => self.boot(step),
            Happening::Fault(fault) => self.suffer(step, fault),
            Happening::Resumed => self.resume(step),
            Happening::Asked { id, command } => self.asked(step, id, *command),
            Happening::Dialled { connection, dial } => self.dialled(step, from, connection, dial),
            Happening::Opened { connection, dial } => self.opened(step, from, connection, dial),
            Happening::Refused { dial } => self.refused(step, dial),
            Happening::Frame { connection, bytes } => self.arrives(step, connection, bytes),
            Happening::Received { connection, bytes } => self.receives(step, connection, &bytes),
            Happening::DoubleDial {
                connection,
                dial,
                from,
            } => self.double_dialled(step, from, connection, dial),
            Happening::Leaves {
                connection,
                frame,
                life,
            } => {
                if self.lives(life) && self.connections.contains_key(&connection) {
                    self.transmit(step, connection, frame);
                }
            }
            Happening::Gone { connection } => self.gone(step, connection),
            Happening::Severed => self.severed(step),
            Happening::Flushed { life } => self.flushed(step, life),
            Happening::Wake { life, setting } => self.wakes(step, life, setting),
        }
    }

    fn lives(&self, life: u64) -> bool {
        self.is_up() && self.life == life
    }

    /// Queues what this node causes at `to`.
    fn cause(&mut self, step: &mut Step<'_>, at: VirtualTime, to: NodeIndex, happening: Happening) {
        // A world split by node lets its pieces run ahead of each other for that long.
        assert!(
            to == self.index || at >= step.now.plus(step.air.network.latency_floor()),
            "nothing reaches another node faster than the fastest link"
        );
        self.number += 1;
        let key = Key {
            at,
            to,
            from: self.index,
            number: self.number,
        };
        step.caused.push((key, happening));
    }

    fn cause_here(&mut self, step: &mut Step<'_>, at: VirtualTime, happening: Happening) {
        self.cause(step, at, self.index, happening);
    }

    fn count_message(&mut self) -> u64 {
        self.messages += 1;
        self.messages
    }

    fn tell(&self, step: &mut Step<'_>, what: impl FnOnce() -> String) {
        step.tell(|| format!("{} {}", self.name, what()));
    }
}
