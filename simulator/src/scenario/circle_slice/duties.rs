//! What honest devices do, what happens to them, and what a thief does.

use std::collections::BTreeSet;

use maille_protocol::evaluation::{Speaker, Upto};
use maille_protocol::grant::{Abilities, Audience, Grant};
use maille_protocol::id::{InstallationId, MembershipId, StatementId};
use maille_protocol::replica::{NoKeyError, WriteError};
use maille_protocol::statement::{Key32, Kind, SignedStatement, Subject};

use super::node::{PART, items_of};
use super::people::{ADMINS, PERSONS, signer};
use super::plan::first_device;
use super::verdict::{removals_of, void_removals_of};
use super::{Item, Made, Story, TICK};

impl Story<'_> {
    /// What the plan has for a node at this time.
    pub(super) fn suffers(&mut self, index: usize, tick: u64) {
        let (from, until) = (self.now, self.now.plus(TICK));
        let due = |at| from <= at && at < until;
        for restore in self.plan.restores.clone() {
            if restore.node != index {
                continue;
            }
            if due(restore.copied) {
                let node = &mut self.nodes[index];
                node.copy = Some((node.replica.clone(), node.held.clone()));
            }
            if due(restore.at) {
                self.restores(index, tick, restore.reinstalled);
            }
        }
        if self.plan.theft.node() == index && due(self.plan.theft.at) {
            let node = &mut self.nodes[index];
            node.honest = false;
            node.copy = Some((node.replica.clone(), node.held.clone()));
            self.stolen = Some(self.nodes[index].replica.clone());
        }
        let first = first_device(self.nodes[index].person);
        if index == first {
            let person = self.nodes[index].person;
            for removal in self.plan.removals.clone() {
                if removal.by == person && due(removal.at) {
                    self.removes(index, removal.of);
                }
            }
            if person == self.plan.theft.of && due(self.plan.theft.noticed) {
                self.answers_the_theft(index);
            }
        }
    }

    fn restores(&mut self, index: usize, tick: u64, reinstalled: bool) {
        let node = &mut self.nodes[index];
        let Some((replica, held)) = node.copy.take() else {
            return;
        };
        (node.replica, node.held) = (replica, held);
        node.lives += 1;
        if reinstalled {
            self.reinstall(index, tick);
        }
        self.count("restores", 1);
    }

    fn reinstall(&mut self, index: usize, tick: u64) {
        let name = crypto_name(self.seed.0, index as u64, tick);
        self.nodes[index]
            .replica
            .reinstall(InstallationId::from_bytes(name));
    }

    /// Says something, if this node has a say; returns whether it did.
    fn says(&mut self, index: usize, subject: Subject, kind: Kind) -> Option<SignedStatement> {
        let said = self.nodes[index].replica.say(subject, kind).ok()?;
        self.made(index, [Item::Statement(said.clone())]);
        Some(said)
    }

    fn removes(&mut self, index: usize, person: usize) {
        let replica = &self.nodes[index].replica;
        let of = self.begin.persons[person].id;
        let Some(member) = replica.circle().members().get(&of) else {
            return;
        };
        let (membership, circle) = (member.membership, self.begin.subject());
        let kind = Kind::Remove {
            membership,
            key: None,
            keep: only_statements(replica.held_of(&membership, &circle)),
            trusted: None,
        };
        if self.says(index, circle, kind).is_some() {
            self.count("removals", 1);
        }
    }

    /// The owner of a stolen device removes it everywhere, and keeps what it had said before.
    fn answers_the_theft(&mut self, index: usize) {
        let Some(stolen) = self.stolen.clone() else {
            return;
        };
        let theft = self.plan.theft;
        let person = &self.begin.persons[theft.of];
        let (id, key) = (person.id, person.devices[1].signing.public());
        let subject = Subject::Person(id);
        let device = maille_protocol::id::DeviceId::from_bytes(key);
        let known = stolen.known();
        let Some(membership) = known.people[&id].device(&device).map(|it| it.membership) else {
            return;
        };
        let kind = Kind::Remove {
            membership,
            key: None,
            keep: only_statements(stolen.held_of(&membership, &subject)),
            trusted: None,
        };
        if theft.by_root {
            let root = signer(&person.devices[0], person.root_membership);
            let root = maille_protocol::statement::Signer {
                key: &person.root,
                ..root
            };
            let replica = &mut self.nodes[index].replica;
            let history = replica.known().people[&id].statements().history();
            let said = root.say(history, subject, kind).expect("a good statement");
            if replica.take_statements([said.clone()]).is_ok() {
                self.made(index, [Item::Statement(said)]);
            }
        } else {
            self.says(index, subject, kind);
        }
        // In the circle, what the device had said there.
        let circle = self.begin.subject();
        if let Some(member) = known.circles[&self.begin.circle].members().get(&id) {
            let membership = member.membership;
            let tips = stolen.held_of(&membership, &circle);
            self.cuts_key(index, circle, membership, key, only_statements(tips));
        }
        // In the slice, what it had written.
        let slice = Subject::Slice(stolen.access().id());
        for speaker in speakers(&stolen, key) {
            let keep = stolen.held_of_key(&speaker, &slice);
            self.cuts_key(index, slice, speaker.membership, key, keep);
        }
        // What the thief writes from the theft on is past that cut.
        let late: Vec<[u8; 32]> = (self.items.iter())
            .filter_map(|item| match item {
                Item::Entry(entry) => Some(entry),
                Item::Statement(_) | Item::Generation(_) | Item::Object(_) => None,
            })
            .filter(|entry| self.by_thief.contains(&entry.header_hash()))
            .map(maille_protocol::entry::Entry::header_hash)
            .collect();
        self.count("late entries when noticed", late.len() as u64);
        self.answered = true;
        self.count("thefts answered", 1);
    }

    fn cuts_key(
        &mut self,
        index: usize,
        subject: Subject,
        membership: MembershipId,
        key: [u8; 32],
        keep: Upto,
    ) {
        let kind = Kind::Remove {
            membership,
            key: Some(Key32(key)),
            keep,
            trusted: None,
        };
        self.says(index, subject, kind);
    }

    /// What an honest device owes the others.
    pub(super) fn duties(&mut self, index: usize, tick: u64) {
        let person = self.nodes[index].person;
        let admin = person < ADMINS;
        let seed = self.seed;
        let happens = |what: &str, ppm: u32| seed.draw(what, &[index as u64, tick]).happens(ppm);
        let (cuts, extends) = (happens("cuts", 300_000), happens("extends", 100_000));
        let rotates = match self.nodes[index].replica.sealed_under(PART) {
            Ok(_) => false,
            Err(NoKeyError::NotGiven) => happens("makes one", 30_000), // it may be on its way
            Err(_) => happens("rotates", if admin { 500_000 } else { 60_000 }),
        };
        if admin && cuts {
            self.cuts_what_is_uncut(index);
        }
        if admin && extends {
            self.extends(index);
        }
        if rotates {
            self.rotates(index);
        }
        if happens("hands on", 100_000) {
            let void = void_removals_of(&self.nodes[index].replica);
            self.taken_back.extend(void);
            let node = &mut self.nodes[index];
            let given = node.replica.hand_on(&mut node.random);
            node.replica.take_objects(given.clone());
            self.count("keys handed on", given.len() as u64);
            self.made(index, given.into_iter().map(Item::Object));
        }
    }

    /// Says in the slice how much stays of what a removed member wrote.
    fn cuts_what_is_uncut(&mut self, index: usize) {
        let slice = Subject::Slice(self.nodes[index].replica.access().id());
        for speaker in self.nodes[index].replica.uncut() {
            let replica = &self.nodes[index].replica;
            if !outranks(replica, &speaker) || self.is_stolen(&speaker.key) {
                continue; // a stolen device's own person knows from when on it was not theirs
            }
            let keep = replica.held_of_key(&speaker, &slice);
            self.cuts_key(index, slice, speaker.membership, speaker.key, keep);
            self.count("cuts", 1);
        }
    }

    /// Gives back what others' cuts took of somebody whom they held less of.
    fn extends(&mut self, index: usize) {
        let slice = Subject::Slice(self.nodes[index].replica.access().id());
        let replica = &self.nodes[index].replica;
        let removals: Vec<(StatementId, Speaker)> = (replica.access().statements().iter())
            .filter_map(|said| match &said.statement().kind {
                Kind::Remove {
                    membership,
                    key: Some(key),
                    ..
                } => {
                    let (membership, key) = (*membership, key.0);
                    Some((said.id(), Speaker { membership, key }))
                }
                _ => None,
            })
            .filter(|(id, speaker)| !self.extended.contains(id) && !self.is_stolen(&speaker.key))
            .collect();
        let Some((_, speaker)) = removals.first().copied() else {
            return;
        };
        let mut of: Vec<StatementId> = (removals.iter())
            .filter(|(_, other)| *other == speaker)
            .map(|(id, _)| *id)
            .collect();
        of.sort_unstable();
        of.truncate(maille_protocol::statement::EXTENDED_MAX);
        let upto = replica.held_of_key(&speaker, &slice);
        self.extended.extend(of.iter().copied());
        if self.says(index, slice, Kind::Extend { of, upto }).is_some() {
            self.count("extensions", 1);
        }
    }

    fn is_stolen(&self, key: &[u8; 32]) -> bool {
        let person = &self.begin.persons[self.plan.theft.of];
        person.devices[1].signing.public() == *key
    }

    /// Carries out what is owed.
    pub(super) fn rotates(&mut self, index: usize) {
        let maker = &self.nodes[index].replica;
        let removed: BTreeSet<usize> = (0..self.nodes.len())
            .filter(|other| self.nodes[*other].is_removed_at(maker))
            .collect();
        let removals = removals_of(maker);
        let Some(news) = self.nodes[index].rotate() else {
            return;
        };
        for generation in &news.generations {
            self.made_after.push(Made {
                generation: generation.id(),
                removed: removed.clone(),
                removals: removals.clone(),
            });
        }
        self.count(
            "rotations",
            (news.statements.len() + news.generations.len()) as u64,
        );
        self.made(index, items_of(news));
    }

    /// Writes what waits, as far as there is a key.
    pub(super) fn edits(&mut self, index: usize) {
        while self.nodes[index].waiting > 0 {
            let now = self.now.timestamp();
            match self.nodes[index].edit(now) {
                Ok(item) => {
                    self.nodes[index].waiting -= 1;
                    self.count("edits", 1);
                    self.made(index, [item]);
                }
                Err(WriteError::Forked) => {
                    // A copy of this store wrote, or what we wrote on was cut: that log is over, and what
                    // it lost is written again.
                    self.count("logs that are over", 1);
                    let lost = self.nodes[index].lost();
                    self.nodes[index].waiting += lost;
                    self.count("edits written again", lost);
                    let tick = self.steps;
                    self.reinstall(index, tick);
                }
                Err(_) => return,
            }
        }
    }

    /// What a thief does with a device: goes on as if nothing had been, tells two stories, backdates.
    pub(super) fn misbehaves(&mut self, index: usize, tick: u64) {
        let seed = self.seed;
        let happens = |what: &str, ppm: u32| seed.draw(what, &[index as u64, tick]).happens(ppm);
        let (writes, forks, says, rotates) = (
            happens("thief writes", 500_000),
            happens("thief forks", 200_000),
            happens("thief says", 300_000),
            happens("thief rotates", 200_000),
        );
        let now = self.now.timestamp();
        if writes && let Ok(item) = self.nodes[index].edit(now) {
            self.made_by_thief(index, item);
        }
        if forks && let Some((copy, held)) = self.nodes[index].copy.clone() {
            // As the device was when it was stolen: the same places once more, citing old heads.
            let node = &mut self.nodes[index];
            let (now_replica, now_held) = (
                std::mem::replace(&mut node.replica, copy),
                std::mem::replace(&mut node.held, held),
            );
            if let Ok(item) = self.nodes[index].edit(now) {
                self.made_by_thief(index, item);
            }
            self.thief_says(index, tick);
            let node = &mut self.nodes[index];
            let copy = std::mem::replace(&mut node.replica, now_replica);
            let held = std::mem::replace(&mut node.held, now_held);
            let new: Vec<usize> = held.difference(&node.held).collect();
            node.copy = Some((copy, held));
            let items = std::mem::take(&mut self.items);
            self.nodes[index].takes(&new, &items);
            self.items = items;
        }
        if says {
            self.thief_says(index, tick);
        }
        if rotates && let Some(news) = self.nodes[index].rotate() {
            self.made(index, items_of(news));
        }
    }

    fn made_by_thief(&mut self, index: usize, item: Item) {
        if let Item::Entry(entry) = &item {
            self.by_thief.insert(entry.header_hash());
            self.count("thief's entries", 1);
        }
        self.made(index, [item]);
    }

    fn thief_says(&mut self, index: usize, tick: u64) {
        let replica = &self.nodes[index].replica;
        let (circle, slice) = (self.begin.subject(), Subject::Slice(replica.access().id()));
        let draw = self.seed.draw("thief's word", &[index as u64, tick]);
        let victim = self
            .seed
            .draw("victim", &[index as u64, tick])
            .within(0..PERSONS as u64);
        let victim = self.begin.persons[usize::try_from(victim).expect("an index")].id;
        let said = match draw.within(0..3) {
            0 => {
                let Some(member) = replica.circle().members().get(&victim) else {
                    return;
                };
                let kind = Kind::Remove {
                    membership: member.membership,
                    key: None,
                    keep: Upto::default(),
                    trusted: None,
                };
                self.says(index, circle, kind)
            }
            1 => {
                let (_, grant) = replica.access().grants().next().expect("the first one");
                let kind = Kind::Grant(Grant {
                    audience: Audience::Person(victim),
                    abilities: Abilities::WRITE,
                    ..grant.clone()
                });
                self.says(index, slice, kind)
            }
            _ => {
                let speaker = replica.standing().map(|it| it.author).last();
                let Some(author) = speaker else {
                    return;
                };
                let key = *author.device.as_bytes();
                let kind = Kind::Remove {
                    membership: author.membership,
                    key: Some(Key32(key)),
                    keep: Upto::default(),
                    trusted: None,
                };
                self.says(index, slice, kind)
            }
        };
        if said.is_some() {
            self.count("thief's statements", 1);
        }
    }
}

/// The memberships by which a key has a say in the slice.
fn speakers(replica: &maille_protocol::replica::Replica, key: [u8; 32]) -> Vec<Speaker> {
    let members = replica.access().statements().outcome().members().keys();
    (members.map(|membership| Speaker {
        membership: *membership,
        key,
    }))
    .filter(|speaker| {
        replica
            .access()
            .statements()
            .outcome()
            .seniority(speaker)
            .is_some()
    })
    .collect()
}

fn outranks(replica: &maille_protocol::replica::Replica, target: &Speaker) -> bool {
    let outcome = replica.access().statements().outcome();
    let mine = (speakers(replica, replica.me().signing.public()).into_iter())
        .filter(|speaker| outcome.speaks(speaker))
        .filter_map(|speaker| outcome.seniority(&speaker))
        .min();
    match (mine, outcome.seniority(target)) {
        (Some(mine), Some(theirs)) => mine < theirs,
        _ => false,
    }
}

fn only_statements(upto: Upto) -> Upto {
    Upto {
        logs: Vec::new(),
        ..upto
    }
}

fn crypto_name(seed: u64, index: u64, tick: u64) -> [u8; 32] {
    let parts = [seed, index, tick].map(u64::to_le_bytes);
    maille_protocol::crypto::hash(
        "maille simulator installation v1",
        &[&parts[0], &parts[1], &parts[2]],
    )
}
