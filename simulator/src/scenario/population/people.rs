//! Who there is, and who shares with whom.

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::card::ShareLink;
use maille_protocol::entry::LogId;
use maille_protocol::id::{GrantId, SliceId};
use maille_protocol::slice::PartNumber;
use maille_schemas::record::RecordId;

use super::super::file::{Conduct, File, Topology};
use super::super::value::Whole;
use crate::clock::VirtualTime;
use crate::random::Seed;
use crate::workload::Traveller;
use crate::world::{NodeIndex, World};

/// When something was asked for and when it was answered.
pub(super) type When = (VirtualTime, VirtualTime);

/// One person with their node.
pub(super) struct Person {
    pub(super) node: NodeIndex,
    pub(super) name: String,
    /// Index of their group in the file.
    pub(super) group: usize,
    /// Place within the group.
    pub(super) place: usize,
    pub(super) conduct: Conduct,
    pub(super) honest: bool,
    /// Healed for good in the end.
    pub(super) core: bool,
    pub(super) traveller: Traveller,
    /// Changes that were acknowledged.
    pub(super) acknowledged: BTreeMap<RecordId, When>,
    /// Times from which nothing is left: from when a backup was made until it came back.
    pub(super) lost: Vec<When>,
    /// When their disk was emptied for good.
    pub(super) gone: Option<VirtualTime>,
    /// The second machine of one who shows two histories.
    pub(super) twin: Option<NodeIndex>,
}

impl Person {
    /// Whether what was acknowledged then may rightly be gone: it came after a backup that was
    /// brought back later, or the disk is empty.
    pub(super) fn may_have_lost(&self, (asked, answered): When) -> bool {
        self.gone.is_some()
            || self
                .lost
                .iter()
                .any(|(backup, restore)| answered >= *backup && asked <= *restore)
    }

    pub(super) fn was_restored(&self) -> bool {
        !self.lost.is_empty()
    }
}

/// How far a share has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShareState {
    /// It is to be made, or on its way to the reader.
    Wanted,
    /// Its reader said yes.
    Accepted(When),
    /// It came too late.
    Dropped,
}

/// A stop that was acknowledged.
pub(super) struct Stop {
    pub(super) when: When,
    /// Where the giver's logs of the slice stood then.
    pub(super) tips: BTreeMap<(PartNumber, LogId), u64>,
}

/// One share.
pub(super) struct Share {
    /// Index of the giver.
    pub(super) giver: usize,
    /// Index of the reader.
    pub(super) reader: usize,
    /// Whether it is to be stopped.
    pub(super) stops: bool,
    /// Whether it is to run out.
    pub(super) expires: bool,
    pub(super) state: ShareState,
    /// The grant, its slice, and when it was made.
    pub(super) made: Option<(GrantId, SliceId, When)>,
    pub(super) link: Option<ShareLink>,
    pub(super) stop: Option<Stop>,
    /// It was asked for again without knowing whether it had been made: there may be two.
    pub(super) twice: bool,
}

/// Starts everybody's node and chooses the core.
pub(super) fn found(file: &File, seed: Seed, world: &mut World<'_>) -> Vec<Person> {
    let mut people = Vec::new();
    for (group, table) in file.group.iter().enumerate() {
        for place in 0..usize::try_from(table.count.0).unwrap_or(0) {
            let name = format!("{} {place}", table.name);
            let node = world.person(&name);
            people.push(Person {
                node,
                name,
                group,
                place,
                conduct: table.behaviour,
                honest: table.behaviour == Conduct::Honest,
                core: false,
                traveller: Traveller {
                    seed,
                    node,
                    days: u64::from(table.workload.days.0),
                },
                acknowledged: BTreeMap::new(),
                lost: Vec::new(),
                gone: None,
                twin: None,
            });
        }
    }
    let mut honest: Vec<usize> = (0..people.len())
        .filter(|one| people[*one].honest)
        .collect();
    honest.sort_by_key(|one| seed.draw("core", &[*one as u64]).within(0..u64::MAX));
    let core = file.liveness.core.of(honest.len());
    for one in honest.into_iter().take(core) {
        people[one].core = true;
    }
    people
}

/// How many shares there will be.
pub(super) fn share_count(file: &File) -> u64 {
    let people = u64::from(file.count());
    match (file.shares.topology, file.shares.degree) {
        (Topology::All, _) => people * (people - 1),
        (_, degree) => people * u64::from(degree.map_or(0, |Whole(degree)| degree)),
    }
}

/// Who shares with whom.
pub(super) fn shares(file: &File, seed: Seed, people: &[Person]) -> Vec<Share> {
    let count = people.len();
    let degree = file.shares.degree.map_or(0, |Whole(degree)| degree);
    let mut pairs = Vec::new();
    for giver in 0..count {
        let readers: BTreeSet<usize> = match file.shares.topology {
            Topology::All => (0..count).filter(|reader| *reader != giver).collect(),
            Topology::Ring => (1..=degree as usize)
                .map(|step| (giver + step) % count)
                .collect(),
            Topology::Random => {
                let drawn = |number: u64| {
                    let key = [giver as u64, number];
                    usize::try_from(seed.draw("shares with", &key).within(0..count as u64))
                        .unwrap_or(0)
                };
                let mut readers = BTreeSet::new();
                for reader in (0..).map(drawn) {
                    if readers.len() == degree as usize {
                        break;
                    }
                    if reader != giver {
                        readers.insert(reader);
                    }
                }
                readers
            }
        };
        pairs.extend(readers.into_iter().map(|reader| (giver, reader)));
    }
    let share = |(number, (giver, reader)): (u64, (usize, usize))| {
        let happens = |purpose, ppm| seed.draw(purpose, &[number]).happens(ppm);
        let expires = happens("expires", file.shares.expiring.0);
        Share {
            giver,
            reader,
            stops: !expires && happens("is stopped", file.shares.stopped.0),
            expires,
            state: ShareState::Wanted,
            made: None,
            link: None,
            stop: None,
            twice: false,
        }
    };
    (0..).zip(pairs).map(share).collect()
}
