//! Every history of a world, once, and what breaks in the smallest.
//!
//! A history is a set of statements, so the order in which they are thought of must not multiply
//! it: a statement is added only if it has the greatest hash of those that nothing cites. Each
//! set is then made in one way only, and no list of seen sets is kept. Since a set that holds all
//! that it cites is a history too, every set that a relay can show to a node is checked.

use crate::evaluate::{Outcome, Rules, evaluate};
use crate::statement::{History, Set};

/// A world: what can happen in it, and what must hold.
pub(crate) trait World {
    /// Who is who, for the story.
    fn names(&self) -> &'static [&'static str];

    /// What is judged by.
    fn rules(&self) -> &Rules;

    /// Every way in which `history` can go on, when `left` statements are still to come.
    fn moves(&self, history: &History, left: usize, out: &mut Vec<History>);

    /// The first invariant that `history` breaks, by name.
    fn broken(&self, history: &History) -> Option<&'static str>;
}

/// An invariant that does not hold, and the smallest history that shows it.
#[derive(Debug)]
pub(crate) struct Break {
    pub(crate) invariant: &'static str,
    pub(crate) story: String,
}

/// Checks all histories of up to `operations` statements, shorter ones first; returns how many.
///
/// # Errors
/// The first [`Break`].
pub(crate) fn search(world: &dyn World, operations: usize) -> Result<u64, Break> {
    let mut checked = 0;
    for depth in 1..=operations {
        grow(world, &History::EMPTY, depth, &mut checked)?;
    }
    Ok(checked)
}

fn grow(world: &dyn World, history: &History, left: usize, checked: &mut u64) -> Result<(), Break> {
    if left == 0 {
        *checked += 1;
        return match world.broken(history) {
            None => Ok(()),
            Some(invariant) => Err(Break {
                invariant,
                story: history.story(world.names()),
            }),
        };
    }
    let mut next = Vec::new();
    world.moves(history, left, &mut next);
    for longer in &next {
        let last = longer.get(longer.len() - 1).hash;
        if longer.iter(longer.sinks()).all(|(_, s)| s.hash <= last) {
            grow(world, longer, left - 1, checked)?;
        }
    }
    Ok(())
}

/// An invariant by its name, and whether it holds.
pub(crate) type Check<V> = (&'static str, fn(&V) -> bool);

/// The first of `checks` that does not hold, of `only` one if so asked.
pub(crate) fn first_broken<V>(
    checks: &[Check<V>],
    only: Option<&'static str>,
    view: &V,
) -> Option<&'static str> {
    checks
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == *name))
        .find(|(_, holds)| !holds(view))
        .map(|(name, _)| *name)
}

/// Whether `history`, received in another order, gives `outcome`.
pub(crate) fn same_answer(history: &History, rules: &Rules, outcome: &Outcome) -> bool {
    let other = history.reordered();
    let got = evaluate(&other, other.all(), rules);
    got.members() == outcome.members()
        && got.seniority == outcome.seniority
        && hashes(&other, got.stands) == hashes(history, outcome.stands)
}

/// A set by what its statements are, not by when they came.
pub(crate) fn hashes(history: &History, set: Set) -> Vec<u64> {
    let mut hashes: Vec<_> = history.iter(set).map(|(_, s)| s.hash).collect();
    hashes.sort_unstable();
    hashes
}
