//! What must hold, and whether it does.

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::evaluation::{Speaker, Who};
use maille_protocol::id::StatementId;
use maille_protocol::replica::{Me, Replica};
use maille_protocol::statement::{Kind, SignedStatement, Subject};

use super::node::PART;
use super::{Item, ROUNDS_MAX, Story, TICK};

impl Story<'_> {
    /// Looks at a node after something came to it.
    pub(super) fn looks(&mut self, index: usize) {
        let node = &self.nodes[index];
        if !node.honest || self.by_thief.is_empty() || !self.answered {
            return;
        }
        let outcome = node.replica.access().statements().outcome();
        let past = (node.replica.standing())
            .filter(|it| self.by_thief.contains(&it.entry.header_hash()))
            .filter(|it| {
                outcome.is_cut_here(&Speaker {
                    membership: it.author.membership,
                    key: *it.author.device.as_bytes(),
                })
            })
            .count();
        if past > 0 {
            let what = format!("{past} entries of the thief stand at node {index}");
            self.broke("no node shows an entry past a cut that it holds", what);
        }
    }

    /// Nothing goes wrong any more: everybody who belongs has to agree.
    pub(super) fn liveness(&mut self) {
        for round in 0..ROUNDS_MAX as u64 {
            self.now = self.now.plus(TICK);
            let tick = 1_000_000 + round;
            for index in 0..self.nodes.len() {
                for nth in 0..3 {
                    let draw = self.seed.draw("healed", &[index as u64, tick, nth]);
                    let partner = draw.within(0..self.nodes.len() as u64);
                    let partner = usize::try_from(partner).expect("an index");
                    if partner != index {
                        self.meet(index, partner, 0);
                    }
                }
                if self.nodes[index].honest && !self.nodes[index].is_removed() {
                    self.duties(index, tick);
                    self.edits(index);
                }
            }
            if self.differences().is_empty() {
                self.count("rounds until all agreed", round + 1);
                return;
            }
        }
        for what in self.differences() {
            self.broke("all who belong agree in the end", what);
        }
    }

    /// Who belongs, judged with everything that was ever said: a device that nobody speaks with any
    /// more may be the last to hear of its removal.
    fn core(&self) -> Vec<usize> {
        let judge = self.judge();
        let all = 0..self.nodes.len();
        all.filter(|index| self.nodes[*index].honest && !self.nodes[*index].is_removed_at(&judge))
            .collect()
    }

    /// A device that has heard everything that was ever said.
    fn judge(&self) -> Replica {
        let mut judge = self.begin.replica(self.nodes[0].replica.me().clone());
        let said = self.items.iter().filter_map(|item| match item {
            Item::Statement(said) => Some(said.clone()),
            Item::Generation(_) | Item::Object(_) | Item::Entry(_) => None,
        });
        let _ = judge.take_statements(said);
        judge
    }

    /// In what nodes that belong differ, or what they still owe.
    fn differences(&mut self) -> Vec<String> {
        let core = self.core();
        let Some((first, others)) = core.split_first() else {
            return vec![String::from("nobody belongs any more")];
        };
        let heads: BTreeMap<usize, _> = (core.iter())
            .map(|index| (*index, self.nodes[*index].gate().document().get_heads()))
            .collect();
        let one = &self.nodes[*first];
        let mut found = Vec::new();
        let authority = |index: usize| {
            let replica = &self.nodes[index].replica;
            let people: Vec<Vec<u8>> = replica
                .known()
                .people
                .values()
                .map(|of| of.to_bytes())
                .collect();
            (
                people,
                replica.circle().to_bytes(),
                replica.access().to_bytes(),
            )
        };
        let (mine, stands) = (authority(*first), one.stands());
        for other in others {
            let node = &self.nodes[*other];
            let theirs = authority(*other);
            if theirs.0 != mine.0 {
                found.push(format!("{first} and {other} hold different persons"));
            }
            if theirs.1 != mine.1 {
                found.push(format!("{first} and {other} hold different circles"));
            }
            if theirs.2 != mine.2 {
                found.push(format!(
                    "{first} and {other} hold different words about the slice"
                ));
            }
            if node.stands() != stands {
                let (a, b) = (node.stands(), &stands);
                let (more, less) = (a.difference(b).count(), b.difference(&a).count());
                found.push(format!(
                    "{other} shows {more} entries more and {less} less than {first}"
                ));
            } else if heads[other] != heads[first] {
                found.push(format!("{first} and {other} have different documents"));
            }
        }
        for index in &core {
            let node = &self.nodes[*index];
            match node.replica.sealed_under(PART) {
                Err(owed) => found.push(format!("{index}: {owed}")),
                Ok(generation) if !node.replica.opens(&generation) => {
                    found.push(format!("{index} was not given the current key"));
                }
                Ok(_) => {}
            }
            if node.waiting > 0 && node.replica.own_log(PART).is_some() {
                found.push(format!("{index} has {} edits that wait", node.waiting));
            }
        }
        found
    }

    /// What only the end shows.
    pub(super) fn verdict(&mut self) {
        let Some(first) = self.core().first().copied() else {
            return;
        };
        self.count(
            "members in the end",
            self.nodes[first].replica.circle().members().len() as u64,
        );
        self.count(
            "entries that stand",
            self.nodes[first].stands().len() as u64,
        );
        self.count("items", self.items.len() as u64);
        let gate = self.nodes[first].gate();
        let (aside, waiting) = (gate.aside().count(), gate.waiting().count());
        self.count("edits set aside", aside as u64);
        self.count("edits that wait", waiting as u64);
        let (core, judge) = (self.core(), self.judge());
        let standing = removals_of(&judge);
        for index in 0..self.nodes.len() {
            // A removal that was taken back, a thief's, kept nobody out for good. It may stand once more
            // in the end, when what took it back is itself past a senior's cut: keys are handed on by
            // what the giver has seen (`protocol/spec/authority.md`, limits).
            let of_it: BTreeSet<StatementId> = (self.items.iter())
                .filter_map(|item| match item {
                    Item::Statement(said) => Some(said),
                    Item::Generation(_) | Item::Object(_) | Item::Entry(_) => None,
                })
                .filter(|said| standing.contains(&said.id()))
                .filter(|said| !self.taken_back.contains(&said.id()))
                .filter(|said| targets(said, self.nodes[index].replica.me(), &judge))
                .map(SignedStatement::id)
                .collect();
            let sealed_without: BTreeSet<_> = (self.made_after.iter())
                .filter(|made| made.removed.contains(&index) && !made.removals.is_disjoint(&of_it))
                .map(|made| made.generation)
                .collect();
            if core.contains(&index) || sealed_without.is_empty() {
                continue;
            }
            // It gets hold of everything that was ever sent.
            let all: Vec<usize> = (0..self.items.len()).collect();
            let before = self.nodes[index].replica.clone();
            let items = std::mem::take(&mut self.items);
            self.nodes[index].takes(&all, &items);
            self.items = items;
            let replica = std::mem::replace(&mut self.nodes[index].replica, before);
            let opened = sealed_without.iter().filter(|id| replica.opens(id)).count();
            self.count("removed devices", 1);
            self.count(
                "keys made without a removed device",
                sealed_without.len() as u64,
            );
            if opened > 0 {
                let what = format!("device {index} opens {opened} keys made after its removal");
                self.broke("no removed device opens a later key", what);
            }
        }
    }
}

/// The removals that stand for all that a device knows.
pub(super) fn removals_of(replica: &Replica) -> BTreeSet<StatementId> {
    let known = replica.known();
    let people = (known.people.values()).flat_map(|of| of.statements().removals());
    let circle = replica.circle().statements().removals();
    people.chain(circle).collect()
}

/// The removals that a device has heard of and takes for void.
pub(super) fn void_removals_of(replica: &Replica) -> BTreeSet<StatementId> {
    let standing = removals_of(replica);
    let people = (replica.known().people.values()).map(|of| of.statements());
    let all = people.chain([replica.circle().statements()]);
    (all.flat_map(|of| of.iter()))
        .filter(|said| matches!(said.statement().kind, Kind::Remove { .. }))
        .map(SignedStatement::id)
        .filter(|id| !standing.contains(id))
        .collect()
}

/// Whether a removal is of this device, or of its person.
fn targets(said: &SignedStatement, me: &Me, judge: &Replica) -> bool {
    let Kind::Remove {
        membership,
        key: None,
        ..
    } = &said.statement().kind
    else {
        return false;
    };
    let (statements, who) = match said.statement().subject {
        Subject::Person(person) if person == me.person => {
            let of = judge.known().people[&person].statements();
            (of, Who::Key(me.signing.public()))
        }
        Subject::Circle(_) => (judge.circle().statements(), Who::Person(me.person)),
        Subject::Person(_) | Subject::Slice(_) | Subject::Control(_) => return false,
    };
    let members = statements.outcome().members();
    members
        .get(membership)
        .is_some_and(|member| member.who == who)
}
