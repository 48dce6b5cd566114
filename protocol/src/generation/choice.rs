//! Which key is sealed under, and what a removal still asks for.
//!
//! A removed member keeps the keys that they had. So each level of keys (the ring of a person,
//! the ring of a circle, the part) needs a new one that they never had, sealed under the new one of
//! the level below. Nothing of that is stored as an obligation: it follows from what is known, so
//! it survives a crash, and whoever heard of the removal can carry it out. `protocol/spec/authority.md`,
//! "Keys after a removal", is this module in words; `protocol/tests/model/keys.rs` judges every short
//! history by the same rule.
//!
//! 1. A generation is **tainted** if whoever made it was removed, or if it is [`exposed`].
//! 2. **Fresh** are the generations that count, are untainted, and come before no other such.
//! 3. The fresh one with the lowest id is sealed under; all of them open.
//! 4. A level without a fresh generation **owes** a rotation, the lowest level first.
//! 5. While anything is owed, entries wait.
//!
//! No cryptography here, and no levels by name: the caller says of each generation what it knows.
//!
//! [`exposed`]: Generation::exposed

use std::collections::{BTreeMap, BTreeSet};

/// What is known of one generation of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation<Id> {
    /// The generations of its level that its maker knew and replaced.
    pub parents: Vec<Id>,
    /// Whether it may be sealed under at all: it stands, and a ring's recipients are exactly the
    /// members at what its maker cited.
    pub counts: bool,
    /// Whether whoever made it was removed since: who made a key has it.
    pub maker_removed: bool,
    /// Whether somebody removed could open it: it is boxed to them, or sealed under a key of the
    /// level below that is tainted ([`Choice::is_tainted`]).
    pub exposed: bool,
}

/// What follows for one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<Id> {
    untainted: BTreeSet<Id>,
    fresh: BTreeSet<Id>,
}

impl<Id> Default for Choice<Id> {
    /// Of a level without a key.
    fn default() -> Self {
        let (untainted, fresh) = (BTreeSet::new(), BTreeSet::new());
        Self { untainted, fresh }
    }
}

impl<Id: Copy + Ord> Choice<Id> {
    /// Judges all generations of one level. In whatever order they came, the answer is the same.
    ///
    /// A parent that is not here is not followed. Then what it replaced may look fresh, and
    /// is untainted all the same: nobody removed has it.
    #[must_use]
    pub fn among(generations: &BTreeMap<Id, Generation<Id>>) -> Self {
        let untainted: BTreeSet<Id> = generations
            .iter()
            .filter(|(_, generation)| !generation.maker_removed && !generation.exposed)
            .map(|(id, _)| *id)
            .collect();
        let usable: BTreeSet<Id> = generations
            .iter()
            .filter(|(id, generation)| generation.counts && untainted.contains(id))
            .map(|(id, _)| *id)
            .collect();
        let mut replaced = BTreeSet::new();
        let mut next: Vec<Id> = parents(generations, &usable);
        while let Some(id) = next.pop() {
            if replaced.insert(id)
                && let Some(generation) = generations.get(&id)
            {
                next.extend(&generation.parents);
            }
        }
        let fresh = usable.difference(&replaced).copied().collect();
        Self { untainted, fresh }
    }

    /// Returns whether somebody removed may have the key. So may they have one that is not known.
    #[must_use]
    pub fn is_tainted(&self, id: &Id) -> bool {
        !self.untainted.contains(id)
    }

    /// Returns the generations that may be sealed under.
    #[must_use]
    pub const fn fresh(&self) -> &BTreeSet<Id> {
        &self.fresh
    }

    /// Returns the one of them that everybody seals under.
    #[must_use]
    pub fn current(&self) -> Option<Id> {
        self.fresh.first().copied()
    }
}

fn parents<Id: Copy + Ord>(
    generations: &BTreeMap<Id, Generation<Id>>,
    of: &BTreeSet<Id>,
) -> Vec<Id> {
    of.iter()
        .filter_map(|id| generations.get(id))
        .flat_map(|generation| &generation.parents)
        .copied()
        .collect()
}

/// A rotation is owed: nothing is sealed until it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a new key of level {level} is owed")]
pub struct Owed {
    /// Of which level, from 0, the lowest.
    pub level: usize,
}

/// Returns the key that entries are sealed under: the current one of the last of `levels`.
///
/// # Errors
/// [`Owed`] with the lowest level that has no key to seal under: that level rotates first, under the
/// current key of the level below.
pub fn sealed_under<'a, Id: Copy + Ord + 'a>(
    levels: impl IntoIterator<Item = &'a Choice<Id>>,
) -> Result<Id, Owed> {
    let mut current = Err(Owed { level: 0 });
    for (level, choice) in levels.into_iter().enumerate() {
        current = Ok(choice.current().ok_or(Owed { level })?);
    }
    current
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A generation that counts and that nobody removed has, after `parents`.
    fn good(parents: &[u8]) -> Generation<u8> {
        Generation {
            parents: parents.to_vec(),
            counts: true,
            maker_removed: false,
            exposed: false,
        }
    }

    fn exposed(parents: &[u8]) -> Generation<u8> {
        Generation {
            exposed: true,
            ..good(parents)
        }
    }

    fn by_removed(parents: &[u8]) -> Generation<u8> {
        Generation {
            maker_removed: true,
            ..good(parents)
        }
    }

    fn refused(parents: &[u8]) -> Generation<u8> {
        Generation {
            counts: false,
            ..good(parents)
        }
    }

    fn choice(generations: &[(u8, Generation<u8>)]) -> Choice<u8> {
        Choice::among(&generations.iter().cloned().collect())
    }

    #[test]
    fn nothing_is_sealed_where_there_is_no_key() {
        assert_eq!(choice(&[]).current(), None);
        assert_eq!(sealed_under::<u8>(&[]), Err(Owed { level: 0 }));
        assert!(choice(&[]).is_tainted(&1), "what is not known");
    }

    #[test]
    fn the_latest_generation_is_sealed_under() {
        let choice = choice(&[(9, good(&[])), (5, good(&[9])), (7, good(&[5]))]);
        assert_eq!(choice.current(), Some(7));
        assert_eq!(choice.fresh().len(), 1);
    }

    #[test]
    fn of_two_at_the_same_time_the_lowest_id_is_sealed_under_until_one_replaces_both() {
        let mut both = vec![(9, good(&[])), (7, good(&[9])), (5, good(&[9]))];
        assert_eq!(choice(&both).current(), Some(5));
        assert_eq!(choice(&both).fresh().len(), 2, "both open");
        both.push((8, good(&[5, 7])));
        assert_eq!(choice(&both).current(), Some(8));
    }

    #[test]
    fn a_key_that_somebody_removed_made_or_could_open_is_never_sealed_under() {
        for tainted in [by_removed(&[9]), exposed(&[9])] {
            // The one before is fresh again only if nobody removed has that one.
            let choice = choice(&[(9, good(&[])), (5, tainted.clone())]);
            assert!(choice.is_tainted(&5));
            assert_eq!(choice.current(), Some(9));
            let none = Choice::among(&BTreeMap::from([(9, exposed(&[])), (5, tainted)]));
            assert_eq!(none.current(), None);
        }
    }

    #[test]
    fn what_does_not_count_is_not_sealed_under_and_replaces_nothing() {
        let choice = choice(&[(9, good(&[])), (5, refused(&[9]))]);
        assert_eq!(choice.current(), Some(9));
        assert!(!choice.is_tainted(&5), "though nobody removed has it");
    }

    #[test]
    fn a_generation_replaces_all_that_it_descends_from_whatever_lies_between() {
        for between in [exposed(&[9]), by_removed(&[9]), refused(&[9])] {
            let choice = choice(&[
                (1, good(&[])),
                (9, good(&[1])),
                (5, between),
                (7, good(&[5])),
            ]);
            assert_eq!(choice.fresh().iter().collect::<Vec<_>>(), [&7]);
        }
        // A generation between that is not here is not followed.
        let choice = choice(&[(9, good(&[])), (7, good(&[5]))]);
        assert_eq!(choice.fresh().iter().collect::<Vec<_>>(), [&7, &9]);
    }

    #[test]
    fn parents_in_a_circle_end() {
        let choice = choice(&[(5, good(&[7])), (7, good(&[5])), (9, good(&[9]))]);
        assert_eq!(choice.current(), None);
    }

    /// The laptop removes the tablet; the phone boxes a new circle key under the person's old
    /// ring. It is newer than the removal, and the tablet opens it (authority.md, 12).
    #[test]
    fn a_new_key_under_an_old_ring_is_not_sealed_under() {
        let ring = choice(&[(1, exposed(&[]))]);
        let under = |level: &Choice<u8>, id| Generation {
            exposed: level.is_tainted(&id),
            ..good(&[])
        };
        let circle = choice(&[(2, under(&ring, 1))]);
        let content = choice(&[(3, under(&circle, 2))]);
        let all = [ring, circle, content];
        assert_eq!(sealed_under(&all), Err(Owed { level: 0 }));

        // The ring rotates, and the levels above are owed one by one.
        let ring = choice(&[(1, exposed(&[])), (4, good(&[1]))]);
        let [_, circle, content] = all;
        let levels = [ring.clone(), circle, content.clone()];
        assert_eq!(sealed_under(&levels), Err(Owed { level: 1 }));
        let rotated = |level: &Choice<u8>, below, old: u8| Generation {
            parents: vec![old],
            ..under(level, below)
        };
        let circle = choice(&[(2, exposed(&[])), (5, rotated(&ring, 4, 2))]);
        let levels = [ring.clone(), circle.clone(), content];
        assert_eq!(sealed_under(&levels), Err(Owed { level: 2 }));
        let content = choice(&[(3, exposed(&[])), (6, rotated(&circle, 5, 3))]);
        assert_eq!(sealed_under(&[ring, circle, content]), Ok(6));
    }

    /// Two devices that hear two removals in different order answer each with a rotation; every
    /// key is tainted by one of them (authority.md, 13).
    #[test]
    fn rotations_that_answer_one_removal_each_leave_one_owed() {
        let choice = choice(&[(1, exposed(&[])), (2, exposed(&[1])), (3, exposed(&[1]))]);
        assert_eq!(sealed_under(&[choice]), Err(Owed { level: 0 }));
    }

    /// A ring that leaves its maker out does not count, and what is under it waits.
    #[test]
    fn what_is_under_a_ring_that_does_not_count_waits_though_untainted() {
        let ring = choice(&[(1, exposed(&[])), (2, refused(&[1]))]);
        let content = choice(&[(3, good(&[]))]);
        assert_eq!(content.current(), Some(3));
        let got = sealed_under(&[ring, content]);
        assert_eq!(got, Err(Owed { level: 0 }));
    }

    fn level() -> impl Strategy<Value = BTreeMap<u8, Generation<u8>>> {
        let generation = (
            proptest::collection::vec(0u8..8, 0..3),
            prop::bool::weighted(0.8),
            prop::bool::weighted(0.2),
            prop::bool::weighted(0.3),
        )
            .prop_map(|(parents, counts, maker_removed, exposed)| Generation {
                parents,
                counts,
                maker_removed,
                exposed,
            });
        proptest::collection::btree_map(0u8..8, generation, 0..8)
    }

    proptest! {
        #[test]
        fn the_choice_is_the_rule_said_one_by_one(level in level()) {
            let choice = Choice::among(&level);
            let usable = |id: &u8| level.get(id).is_some_and(|it| {
                it.counts && !it.maker_removed && !it.exposed
            });
            // Whether `from` descends from `to`, in at most as many steps as there are ids.
            fn descends(level: &BTreeMap<u8, Generation<u8>>, from: u8, to: u8, steps: u8) -> bool {
                steps > 0 && level.get(&from).is_some_and(|it| {
                    it.parents.iter().any(|&up| up == to || descends(level, up, to, steps - 1))
                })
            }
            for id in 0..8 {
                let replaced = (0..8).any(|other| usable(&other) && descends(&level, other, id, 8));
                prop_assert_eq!(choice.fresh().contains(&id), usable(&id) && !replaced);
                let untainted = level.get(&id).is_some_and(|it| !it.maker_removed && !it.exposed);
                prop_assert_eq!(choice.is_tainted(&id), !untainted);
            }
            prop_assert_eq!(choice.current(), choice.fresh().iter().min().copied());
        }
    }
}
