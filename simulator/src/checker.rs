//! What must hold in every run, whatever goes wrong.
//!
//! A [`Watch`] stands beside each node and looks at everything its machine is given and says, as
//! it happens; it costs little, and depends on that node alone. What only several nodes together
//! can show (that a reader holds what its writer wrote, that all agree at the end) is seen by the
//! scenario, which knows what it asked for. Both end up in lists of [`Broken`].
//!
//! | invariant | seen |
//! |---|---|
//! | no log forks | in every entry that a node sends, over all its lives |
//! | a restored backup starts new logs | in every entry sent after a restore |
//! | what is acknowledged is durable | at every acknowledgement sent |
//! | an entry is durable before it leaves | at every entry sent |
//! | a frame keeps its bound; honest nodes send what can be read | at every frame sent |

use std::collections::BTreeMap;

use maille_core::sim::Inspect;
use maille_core::{ConnectionId, Event, Input, Output, Store};
use maille_protocol::entry::{LogId, UnverifiedEntry};
use maille_protocol::id::TransportId;
use maille_protocol::relay::Put;
use maille_protocol::sync::{Frame, Item};
use maille_protocol::wire::FRAME_BYTES_MAX;
use serde::Serialize;

use crate::clock::VirtualTime;
use crate::world::NodeIndex;

/// An invariant that did not hold, as first seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// When it was seen, in virtual microseconds.
    pub at_us: u64,
    /// Which invariant, as a sentence.
    pub invariant: &'static str,
    /// What was seen instead.
    pub what: String,
    /// At which node, by its number; none for what only several show.
    pub node: Option<u32>,
    /// How often it was seen.
    pub times: u64,
}

impl Broken {
    /// Adds to a list of what was broken: the first time what was seen, then how often.
    pub fn add(list: &mut Vec<Self>, now: VirtualTime, invariant: &'static str, what: String) {
        Self::add_at(list, now, invariant, what, None);
    }

    /// As [`Broken::add`], seen at a node.
    pub fn add_at(
        list: &mut Vec<Self>,
        now: VirtualTime,
        invariant: &'static str,
        what: String,
        node: Option<NodeIndex>,
    ) {
        let at_us = now.as_micros();
        let one = Self {
            at_us,
            invariant,
            what,
            node: node.map(|node| node.0),
            times: 1,
        };
        one.join(list);
    }

    /// Several lists as one, each invariant once, as it was first seen.
    pub fn merged<'a>(all: impl Iterator<Item = &'a Self>) -> Vec<Self> {
        let mut ordered: Vec<&Self> = all.collect();
        ordered.sort_by_key(|broken| (broken.at_us, broken.node));
        let mut list = Vec::new();
        for broken in ordered {
            broken.clone().join(&mut list);
        }
        list
    }

    fn join(self, list: &mut Vec<Self>) {
        match list
            .iter_mut()
            .find(|known| known.invariant == self.invariant)
        {
            Some(known) => known.times += self.times,
            None => list.push(self),
        }
    }
}

/// What befalls a node itself, as its [`Watch`] is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The process starts.
    Boots,
    /// The process dies.
    Crashes,
    /// An old copy of the disk is back; the process is about to start.
    Restored,
    /// The disk is empty.
    Wiped,
}

/// A protocol violation that a node noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: VirtualTime,
    /// By whose node.
    pub by: TransportId,
    /// What it did.
    pub what: String,
}

/// Most violations kept word for word; the rest is counted.
const VIOLATIONS_KEPT_MAX: usize = 1_000;

/// Frames that a node's machine has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// All of them.
    pub all: u64,
    /// Those that carry something of a circle: to a node, to a relay, or from one.
    pub carrying: u64,
    /// Those that say that such a thing has come.
    pub acknowledging: u64,
}

/// Looks at one node.
#[derive(Debug, Default)]
pub struct Watch {
    sent: Sent,
    node: Option<u32>,
    /// The one entry seen at each place of each log: the hash of its bytes.
    entries: BTreeMap<(LogId, u64), [u8; 32]>,
    /// Where each log stood that a backup brought back.
    restored: BTreeMap<LogId, u64>,
    peers: BTreeMap<ConnectionId, TransportId>,
    violations: Vec<Violation>,
    violation_count: u64,
    broken: Vec<Broken>,
}

impl Watch {
    /// Stands beside `node`.
    pub fn of(node: NodeIndex) -> Self {
        Self {
            node: Some(node.0),
            ..Self::default()
        }
    }

    /// Something befell the node; `store` is what is durable after it.
    pub fn fate(&mut self, fate: Fate, store: &impl Store) {
        match fate {
            Fate::Boots => {}
            Fate::Crashes => self.peers.clear(),
            Fate::Wiped => {
                self.peers.clear();
                self.restored.clear();
            }
            Fate::Restored => {
                self.peers.clear();
                self.restored.clear();
                let inspect = Inspect(store);
                for slice in inspect.projections() {
                    for entry in inspect.entries(slice) {
                        let tip = self.restored.entry(entry.log).or_insert(0);
                        *tip = (*tip).max(entry.seq + 1);
                    }
                }
            }
        }
    }

    /// The machine is about to be given `input`.
    pub fn input(&mut self, _now: VirtualTime, input: &Input<'_>) {
        match input {
            Input::Connected {
                connection, peer, ..
            } => {
                self.peers.insert(*connection, *peer);
            }
            Input::Disconnected { connection } => {
                self.peers.remove(connection);
            }
            Input::Command(..)
            | Input::Received { .. }
            | Input::DialFailed { .. }
            | Input::Nearby { .. }
            | Input::Committed(_)
            | Input::Addresses(_)
            | Input::Listening(_)
            | Input::Tick => {}
        }
    }

    /// The machine said `output`; `store` is what is durable now.
    pub fn output(&mut self, now: VirtualTime, output: &Output, store: &impl Store) {
        match output {
            Output::Send { to, frame } => self.sent(now, *to, frame, store),
            Output::Event(Event::Violation { peer, what }) => {
                self.violation_count += 1;
                if self.violations.len() < VIOLATIONS_KEPT_MAX {
                    self.violations.push(Violation {
                        at: now,
                        by: *peer,
                        what: what.clone(),
                    });
                }
            }
            Output::Event(_)
            | Output::Commit { .. }
            | Output::Dial { .. }
            | Output::Close { .. }
            | Output::Finished { .. } => {}
        }
    }

    /// Notes an invariant that did not hold: the first time what was seen, then how often.
    pub fn broke(&mut self, now: VirtualTime, invariant: &'static str, what: String) {
        let one = Broken {
            at_us: now.as_micros(),
            invariant,
            what,
            node: self.node,
            times: 1,
        };
        one.join(&mut self.broken);
    }

    /// Every invariant that did not hold so far.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// What other nodes did wrong here: the first thousand.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// What the machine has sent.
    pub fn frames_sent(&self) -> Sent {
        self.sent
    }

    /// How often other nodes did something wrong here.
    pub fn violation_count(&self) -> u64 {
        self.violation_count
    }

    fn sent(&mut self, now: VirtualTime, to: ConnectionId, frame: &[u8], store: &impl Store) {
        if frame.len() > FRAME_BYTES_MAX {
            self.broke(
                now,
                "a frame keeps its bound",
                format!("{} bytes", frame.len()),
            );
        }
        self.sent.all += 1;
        match Frame::from_bytes(frame) {
            Ok(Frame::Item {
                item: Item::Entry(entry),
                ..
            }) => self.entry(now, &entry, store),
            Ok(
                Frame::Item {
                    item: Item::Circle { .. },
                    ..
                }
                | Frame::Put {
                    what: Put::Entry(_),
                    ..
                }
                | Frame::Stored(_),
            ) => self.sent.carrying += 1,
            Ok(Frame::PutDone(_)) => self.sent.acknowledging += 1,
            Ok(Frame::Ack { position }) => {
                self.sent.acknowledging += 1;
                self.acknowledged(now, to, position, store);
            }
            Ok(_) => {}
            Err(error) => self.broke(now, "honest nodes send what can be read", error.to_string()),
        }
    }

    fn acknowledged(
        &mut self,
        now: VirtualTime,
        to: ConnectionId,
        position: u64,
        store: &impl Store,
    ) {
        let Some(peer) = self.peers.get(&to) else {
            return;
        };
        // A relay has no feed: what it is told has come is numbered by the visit.
        let Some(cursor) = Inspect(store).cursor_of(*peer) else {
            return;
        };
        let durable = cursor.position;
        if durable < position {
            self.broke(
                now,
                "what is acknowledged is durable",
                format!("acknowledged {position}, durable up to {durable}"),
            );
        }
    }

    fn entry(&mut self, now: VirtualTime, bytes: &[u8], store: &impl Store) {
        let (log, seq) = match UnverifiedEntry::decode(bytes) {
            Ok(entry) => (entry.claimed().log, entry.claimed().seq),
            Err(error) => {
                return self.broke(now, "honest nodes send what can be read", error.to_string());
            }
        };
        if !Inspect(store).holds(bytes) {
            self.broke(
                now,
                "an entry is durable before it leaves",
                format!("{seq} of {log:?}"),
            );
        }
        if self.restored.get(&log).is_some_and(|tip| seq >= *tip) {
            self.broke(
                now,
                "a restored backup starts new logs",
                format!("{seq} of {log:?}"),
            );
        }
        let hash = *blake3::hash(bytes).as_bytes();
        if *self.entries.entry((log, seq)).or_insert(hash) != hash {
            self.broke(
                now,
                "no log forks",
                format!("two entries at {seq} of {log:?}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use maille_core::Pairs;
    use maille_core::StoreError;
    use maille_protocol::crypto::{Key, SigningKey};
    use maille_protocol::entry::{Body, LogKey, LogTip, SealParams, seal};
    use maille_protocol::generation::ContentKey;
    use maille_protocol::id::{GenerationId, InstallationId, MembershipId, SliceId};
    use maille_protocol::slice::PartNumber;

    use super::*;

    /// A disk on which everything, or nothing, is durable.
    struct Disk(Option<Vec<u8>>);

    impl Store for Disk {
        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            Ok(self.0.clone())
        }

        fn scan(&self, _: &[u8]) -> Result<Pairs, StoreError> {
            Ok(Vec::new())
        }
    }

    const ON: ConnectionId = ConnectionId(1);

    fn sends(watch: &mut Watch, frame: Vec<u8>, store: &Disk) {
        watch.output(VirtualTime::START, &Output::Send { to: ON, frame }, store);
    }

    fn invariants(watch: &Watch) -> Vec<&'static str> {
        watch
            .broken()
            .iter()
            .map(|broken| broken.invariant)
            .collect()
    }

    fn item(entry: &[u8]) -> Vec<u8> {
        let item = Item::Entry(entry.to_vec());
        Frame::Item { position: 1, item }.to_bytes()
    }

    #[test]
    fn what_breaks_again_and_again_is_told_once_and_counted() {
        let mut watch = Watch::of(NodeIndex(4));
        for _ in 0..3 {
            sends(&mut watch, b"no frame".to_vec(), &Disk(None));
        }
        let mut list = watch.broken().to_vec();
        Broken::add(&mut list, VirtualTime::START, "some other", String::new());
        let merged = Broken::merged(list.iter().chain(watch.broken()));
        assert_eq!((merged.len(), list.len()), (2, 2));
        let unreadable = merged.iter().find(|broken| broken.node == Some(4));
        assert_eq!(unreadable.map(|broken| broken.times), Some(6));
    }

    #[test]
    fn two_entries_at_one_place_of_a_log_are_a_fork() {
        let entries: Vec<Vec<u8>> = [b"one", b"two"].map(|content| entry(content)).into();
        let mut watch = Watch::default();
        for again in [&entries[0], &entries[0]] {
            sends(&mut watch, item(again), &Disk(Some(again.clone())));
        }
        assert_eq!(invariants(&watch), Vec::<&str>::new(), "sent again");
        sends(
            &mut watch,
            item(&entries[1]),
            &Disk(Some(entries[1].clone())),
        );
        assert_eq!(invariants(&watch), ["no log forks"]);
    }

    #[test]
    fn an_entry_leaves_only_when_it_is_durable() {
        let mut watch = Watch::default();
        sends(&mut watch, item(&entry(b"one")), &Disk(None));
        assert_eq!(invariants(&watch), ["an entry is durable before it leaves"]);
    }

    /// The first entry of a log that is the same at each call.
    fn entry(content: &[u8]) -> Vec<u8> {
        let seed = Key::from_bytes([1; 32]);
        let device = SigningKey::from_seed(seed.as_bytes());
        let (slice, part) = (SliceId::from_bytes([2; 32]), PartNumber::SINGLE);
        let membership = MembershipId::from_bytes([6; 32]);
        let installation = InstallationId::from_bytes([3; 32]);
        let log = LogKey::derive(&seed, membership, installation, slice, part);
        let (entry, _) = seal(SealParams {
            slice,
            part,
            generation: GenerationId::from_bytes([4; 32]),
            key: &ContentKey::new(Key::from_bytes([5; 32])),
            log: &log,
            tip: &LogTip::START,
            now: VirtualTime::START.timestamp(),
            body: &Body::new(Some(log.bind(&device)), content.to_vec()),
        })
        .expect("a small entry is sealed");
        entry.to_bytes()
    }
}
