//! One device: its replica, and what its person does with it.

use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::Transactable as _;
use automerge::{ActorId, ROOT};
use fixedbitset::FixedBitSet;
use maille_protocol::crypto;
use maille_protocol::entry::{LogId, UnverifiedEntry};
use maille_protocol::evaluation::InsertError;
use maille_protocol::id::{DeviceId, StatementId};
use maille_protocol::replica::{News, RefusedError, Replica, Taken, WriteError};
use maille_protocol::slice::PartNumber;
use maille_protocol::time::Timestamp;
use maille_schemas::gate::{Gate, Offered};

use super::Item;
use crate::random::{NotForRealKeys, Seed};
use crate::trace::NodeTrace;
use crate::world::NodeIndex;

/// The one part of the slice.
pub(super) const PART: PartNumber = PartNumber::SINGLE;

pub(super) struct Node {
    pub(super) person: usize,
    pub(super) replica: Replica,
    pub(super) honest: bool,
    pub(super) random: NotForRealKeys,
    pub(super) trace: NodeTrace,
    /// Numbers of the items that it took in or made.
    pub(super) held: FixedBitSet,
    /// Numbers of statements, to ask for one that is missing.
    pub(super) numbers: BTreeMap<StatementId, usize>,
    /// Edits that wait for a key.
    pub(super) waiting: u64,
    pub(super) edits: u64,
    pub(super) lives: u64,
    /// Its document, and the entries that it is made of.
    gate: Gate,
    offered: BTreeSet<[u8; 32]>,
    /// A copy of its store.
    pub(super) copy: Option<(Replica, FixedBitSet)>,
}

impl Node {
    pub(super) fn new(seed: Seed, index: usize, person: usize, replica: Replica) -> Self {
        let place = NodeIndex(u32::try_from(index).expect("few"));
        Self {
            person,
            replica,
            honest: true,
            random: seed.stream(place, "circle-slice"),
            trace: NodeTrace::default(),
            held: FixedBitSet::new(),
            numbers: BTreeMap::new(),
            waiting: 0,
            edits: 0,
            lives: 1,
            gate: Gate::default(),
            offered: BTreeSet::new(),
            copy: None,
        }
    }

    /// Whether its person's authority and the circle still have it.
    pub(super) fn is_removed(&self) -> bool {
        let me = self.replica.me();
        !knows(&self.replica, me.person, &me.signing.public())
    }

    /// The same, for all that another device knows.
    pub(super) fn is_removed_at(&self, replica: &Replica) -> bool {
        let me = self.replica.me();
        !knows(replica, me.person, &me.signing.public())
    }

    /// Whether it would speak with another: not with a device that it knows to be removed.
    pub(super) fn welcomes(&self, other: &Self) -> bool {
        let them = other.replica.me();
        !self.honest || knows(&self.replica, them.person, &them.signing.public())
    }

    /// Takes in items by their numbers, in the order in which they were made.
    pub(super) fn takes(&mut self, numbers: &[usize], items: &[Item]) {
        let (mut objects, mut statements) = (Vec::new(), Vec::new());
        for number in numbers {
            self.held.grow_and_insert(*number);
            match &items[*number] {
                Item::Object(object) => objects.push(object.clone()),
                Item::Statement(said) => {
                    self.numbers.insert(said.id(), *number);
                    statements.push((*number, said.clone()));
                }
                Item::Generation(_) | Item::Entry(_) => {}
            }
        }
        let said = statements.iter().map(|(_, said)| said.clone());
        if let Err(RefusedError::Statement(InsertError::Missing(id))) =
            self.replica.take_statements(said)
        {
            // Lost on the way, or forgotten: it comes again, and with it what cites it.
            let missing = self.numbers.get(&id).copied();
            let waiting = statements
                .iter()
                .filter(|(_, said)| !self.replica.holds(said));
            let again: Vec<usize> = waiting.map(|(number, _)| *number).chain(missing).collect();
            again.iter().for_each(|number| {
                self.held.remove(*number);
            });
        }
        self.replica.take_objects(objects);
        for number in numbers {
            match &items[*number] {
                Item::Generation(signed) => {
                    if self.replica.take_generation(signed.clone()).is_err() {
                        self.held.remove(*number); // whoever made it may become known
                    }
                }
                Item::Entry(entry) => {
                    let read =
                        UnverifiedEntry::decode(&entry.to_bytes()).expect("one that was made");
                    if matches!(self.replica.take_entry(read), Ok(Taken::Early)) {
                        self.held.remove(*number);
                    }
                }
                Item::Statement(_) | Item::Object(_) => {}
            }
        }
    }

    /// Writes the next edit of the list, on top of what stands here.
    pub(super) fn edit(&mut self, now: Timestamp) -> Result<Item, WriteError> {
        let log = self.replica.own_log(PART).ok_or(WriteError::NotAllowed)?;
        let actor = actor_of(&log);
        let stands = (self.replica.standing()).filter(|it| it.entry.log() == log);
        let stands = stands.count() as u64;
        let edits = self.edits.cast_signed();
        let key = format!(
            "{edits} of {}",
            DeviceId::from_bytes(self.replica.me().signing.public())
        );
        let gate = self.gate();
        if stands > gate.taken_of(actor.to_bytes()) {
            // An edit of ours depends on something that was cut, or is not opened yet.
            return Err(WriteError::Forked);
        }
        let content = gate.write(actor.to_bytes(), now.as_millis().cast_signed(), |edit| {
            edit.put(ROOT, key, edits).expect("the root is a map");
        });
        let content = content.expect("a small change");
        let [content] = <[_; 1]>::try_from(content).expect("one new key, after few others");
        let entry = self.replica.write(PART, content, now)?;
        self.edits += 1;
        Ok(Item::Entry(entry))
    }

    /// The list as it stands here, behind its gate. What depends on something that does not stand waits.
    pub(super) fn gate(&mut self) -> &Gate {
        let standing: BTreeMap<_, _> = (self.replica.standing())
            .filter_map(|it| Some((it.entry.header_hash(), (it.entry, it.content?))))
            .collect();
        if !self.offered.iter().all(|it| standing.contains_key(it)) {
            (self.gate, self.offered) = (Gate::default(), BTreeSet::new());
        }
        let new = standing
            .iter()
            .filter(|(hash, _)| !self.offered.contains(*hash));
        let new: Vec<_> = (new
            .map(|(_, (entry, bytes))| (actor_of(&entry.log()), entry.seq(), *bytes)))
        .collect();
        self.gate
            .offer(new.iter().map(|(actor, number, bytes)| Offered {
                actor: actor.to_bytes(),
                number: *number,
                bytes,
            }));
        self.offered = standing.into_keys().collect();
        &self.gate
    }

    /// How many edits of this log wait for something that does not stand, or were set aside.
    pub(super) fn lost(&mut self) -> u64 {
        let Some(log) = self.replica.own_log(PART) else {
            return 0;
        };
        let actor = actor_of(&log);
        let gate = self.gate();
        let waits = gate.waiting().filter(|(of, _)| *of == actor.to_bytes());
        let aside = gate.aside().filter(|(of, ..)| *of == actor.to_bytes());
        (waits.count() + aside.count()) as u64
    }

    /// Carries out what is owed; returns what it made.
    pub(super) fn rotate(&mut self) -> Option<News> {
        self.replica.rotate(PART, &mut self.random).ok()
    }

    /// Header hashes of what stands here.
    pub(super) fn stands(&self) -> BTreeSet<[u8; 32]> {
        self.replica
            .standing()
            .map(|it| it.entry.header_hash())
            .collect()
    }
}

/// The actor of a log, of which each has its own.
fn actor_of(log: &LogId) -> ActorId {
    ActorId::from(&crypto::hash("maille simulator actor v1", &[log.as_bytes()])[..])
}

/// Whether, for all that is known in `replica`, the device belongs to a member of the circle.
fn knows(replica: &Replica, person: maille_protocol::id::PersonId, key: &[u8; 32]) -> bool {
    let device = DeviceId::from_bytes(*key);
    let belongs = replica.circle().members().contains_key(&person);
    let authority = replica.known().people.get(&person);
    belongs && authority.is_some_and(|of| of.device(&device).is_some())
}

/// The items of what a rotation made.
pub(super) fn items_of(news: News) -> Vec<Item> {
    let statements = news.statements.into_iter().map(Item::Statement);
    let generations = news.generations.into_iter().map(Item::Generation);
    let objects = news.objects.into_iter().map(Item::Object);
    statements.chain(generations).chain(objects).collect()
}
