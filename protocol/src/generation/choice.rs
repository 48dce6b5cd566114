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
pub fn sealed_under<Id: Copy + Ord>(levels: &[Choice<Id>]) -> Result<Id, Owed> {
    let mut current = Err(Owed { level: 0 });
    for (level, choice) in levels.iter().enumerate() {
        current = Ok(choice.current().ok_or(Owed { level })?);
    }
    current
}
