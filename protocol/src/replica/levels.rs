//! What follows for the keys of the circle's ring and of each part from all that is held.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use super::Replica;
use super::keys::key_of;
use crate::evaluation::{Outcome, Speaker};
use crate::generation::choice::{Choice, Generation};
use crate::id::{KeyId, StatementId};
use crate::slice::PartNumber;
use crate::statement::{Kind, SignedStatement};

/// The keys of a circle's slice, judged.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    pub(super) rings: Level,
    pub(super) parts: BTreeMap<PartNumber, Level>,
}

/// All keys of one level.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) choice: Choice<KeyId>,
    /// The removals that a key of this level has to name, in their order.
    removals: Vec<StatementId>,
    knowledge: BTreeMap<KeyId, Knowledge>,
    /// Keys that a new one replaces.
    heads: BTreeSet<KeyId>,
}

/// Which removals the maker of a key knew: those that it names, and that all before it do.
#[derive(Clone, Debug, Default)]
struct Knowledge {
    /// Those that are known here too, by their place in [`Level::removals`].
    known: FixedBitSet,
    /// Whether it names one that was never heard of here.
    unheard: bool,
}

/// A key, for as far as its level is concerned.
struct Link<'a> {
    parents: Vec<KeyId>,
    removed: &'a [StatementId],
    counts: bool,
    maker_removed: bool,
    /// Whether it is sealed under a key that somebody has who shall not have this one, or, a ring
    /// key, somebody has joined since who shall not.
    given_away: bool,
}

impl Levels {
    pub(super) fn of(replica: &Replica) -> Self {
        let rings = Level::of(
            &replica.ring_links(),
            replica.removals_of_ring(),
            |removal| replica.has_heard(removal),
        );
        let mut links: BTreeMap<PartNumber, BTreeMap<KeyId, Link<'_>>> = BTreeMap::new();
        for (id, held) in &replica.generations {
            let (record, head) = (held.signed.unverified(), held.signed.unverified_head());
            let maker = head.speaker();
            let parents = record.parents.iter();
            let link = Link {
                parents: parents
                    .map(|id| KeyId::from_bytes(*id.as_bytes()))
                    .collect(),
                removed: &record.removed,
                counts: head.under.len() == 1,
                maker_removed: !replica.access.statements().outcome().speaks(&maker),
                given_away: head
                    .under
                    .iter()
                    .any(|under| rings.choice.is_tainted(under)),
            };
            let of_part = links.entry(record.part).or_default();
            of_part.insert(KeyId::from_bytes(*id.as_bytes()), link);
        }
        let access = &replica.access;
        let removals: BTreeSet<StatementId> = ending(
            access.statements().removals(),
            access.statements().outcome(),
            |id| access.statements().get(id),
        )
        .collect();
        let heard = |removal: &StatementId| replica.access.statements().get(removal).is_some();
        let level = |(part, links)| (part, Level::of(&links, removals.clone(), heard));
        let parts = links.into_iter().map(level).collect();
        Self { rings, parts }
    }
}

impl Level {
    fn of(
        links: &BTreeMap<KeyId, Link<'_>>,
        removals: BTreeSet<StatementId>,
        heard: impl Fn(&StatementId) -> bool,
    ) -> Self {
        let removals: Vec<StatementId> = removals.into_iter().collect();
        let mut knowledge: BTreeMap<KeyId, Knowledge> = BTreeMap::new();
        for id in links.keys() {
            // Depth first, without recursion. A key's name is the hash of what names those before it,
            // so no key comes before itself.
            let mut open = vec![*id];
            while let Some(top) = open.last().copied() {
                let link = &links[&top];
                let missing = (link.parents.iter())
                    .find(|parent| links.contains_key(parent) && !knowledge.contains_key(parent));
                if let Some(parent) = missing.filter(|_| !knowledge.contains_key(&top)) {
                    open.push(*parent);
                    continue;
                }
                let mut knows = Knowledge {
                    known: FixedBitSet::with_capacity(removals.len()),
                    unheard: !link.removed.iter().all(&heard),
                };
                let named = link.removed.iter();
                knows
                    .known
                    .extend(named.filter_map(|it| removals.binary_search(it).ok()));
                for before in link.parents.iter().filter_map(|id| knowledge.get(id)) {
                    knows.known.union_with(&before.known);
                    knows.unheard |= before.unheard;
                }
                knowledge.insert(top, knows);
                open.pop();
            }
        }
        let generation = |(id, link): (&KeyId, &Link<'_>)| {
            let generation = Generation {
                parents: link.parents.clone(),
                counts: link.counts,
                maker_removed: link.maker_removed,
                exposed: link.given_away || !knowledge[id].known.is_full(),
            };
            (*id, generation)
        };
        let choice = Choice::among(&links.iter().map(generation).collect());
        // Who was removed may go on to make keys: nothing is to be learnt from those.
        let followed = |id: &&KeyId| !knowledge[*id].unheard && !links[*id].maker_removed;
        let mut heads: BTreeSet<KeyId> = links.keys().filter(followed).copied().collect();
        for id in links.keys().filter(followed) {
            for parent in &links[id].parents {
                heads.remove(parent);
            }
        }
        Self {
            choice,
            removals,
            knowledge,
            heads,
        }
    }

    /// How many bits of knowledge are held.
    #[cfg(test)]
    pub(super) fn bits(&self) -> usize {
        let known = self.knowledge.values().map(|knows| knows.known.len());
        known.sum()
    }

    /// Whether every removal that the maker of a key knew was heard of here, whatever became of it.
    pub(super) fn knows_no_more_than_is_here(&self, key: &KeyId) -> bool {
        (self.knowledge.get(key)).is_some_and(|knowledge| !knowledge.unheard)
    }

    /// The keys that a new one of this level replaces, at most `most`, those first whose makers knew most;
    /// and the removals that it has to name.
    ///
    /// It replaces no key whose maker knew of a removal that was not heard of here: whoever
    /// replaces a key is taken to know all that its maker did.
    pub(super) fn next(&self, most: usize) -> (Vec<KeyId>, Vec<StatementId>) {
        let mut parents: Vec<KeyId> = self.heads.iter().copied().collect();
        parents.sort_by_key(|id| Reverse(self.knowledge[id].known.count_ones(..)));
        parents.truncate(most);
        parents.sort_unstable();
        let mut known = FixedBitSet::with_capacity(self.removals.len());
        for parent in &parents {
            known.union_with(&self.knowledge[parent].known);
        }
        let removed = known.zeroes().map(|at| self.removals[at]).collect();
        (parents, removed)
    }
}

impl Replica {
    fn ring_links(&self) -> BTreeMap<KeyId, Link<'_>> {
        let circle = self.circle().statements();
        let (history, outcome) = (circle.history(), circle.outcome());
        let joined: Vec<usize> = if self.circle().charter().opens_past {
            Vec::new()
        } else {
            let members = self.circle().members().values();
            let admissions = members.map(|member| *member.membership.as_bytes());
            admissions
                .filter_map(|id| history.place(&StatementId::from_bytes(id)))
                .collect()
        };
        let mut links = BTreeMap::new();
        for said in circle.iter() {
            let (id, kind) = (said.id(), &said.statement().kind);
            let (
                Kind::Ring {
                    parents, removed, ..
                },
                Some(place),
            ) = (kind, history.place(&id))
            else {
                continue;
            };
            let maker = history.get(place).author;
            let past = history.past(place);
            let link = Link {
                parents: parents.iter().map(key_of).collect(),
                removed,
                counts: outcome.stands(place),
                maker_removed: !outcome.speaks(&maker),
                given_away: !joined.iter().all(|admission| past.contains(*admission)),
            };
            links.insert(key_of(&id), link);
        }
        links
    }

    /// The removals that stand of whoever would be given the circle's ring.
    fn removals_of_ring(&self) -> BTreeSet<StatementId> {
        let circle = self.circle().statements();
        let persons = self.circle().members().keys();
        let persons = persons.filter_map(|person| self.known.people.get(person));
        (persons.map(|person| person.statements()).chain([circle]))
            .flat_map(|of| ending(of.removals(), of.outcome(), |id| of.get(id)))
            .collect()
    }

    /// Whether this removal was heard of, whatever became of it.
    fn has_heard(&self, removal: &StatementId) -> bool {
        let circle = self.circle().statements().get(removal).is_some();
        let mut people = self.known.people.values();
        circle || people.any(|of| of.statements().get(removal).is_some())
    }
}

/// Those of some removals that end somebody: anybody can say that a key is removed which was never admitted.
fn ending<'a>(
    removals: Vec<StatementId>,
    outcome: &'a Outcome,
    statement: impl Fn(&StatementId) -> Option<&'a SignedStatement> + 'a,
) -> impl Iterator<Item = StatementId> + 'a {
    removals.into_iter().filter(move |id| {
        let Some(Kind::Remove {
            membership, key, ..
        }) = statement(id).map(|said| &said.statement().kind)
        else {
            return false;
        };
        match key {
            None => outcome.members().contains_key(membership),
            Some(key) => outcome.knows(&Speaker {
                membership: *membership,
                key: key.0,
            }),
        }
    })
}
