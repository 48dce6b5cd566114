//! What an honest and a dishonest author can do next, whatever it says.
//!
//! Honest: one log, at its tip, citing all that it has seen, which is any closed set that holds
//! what it had cited before. Dishonest: at the tip, at any earlier place (a fork, or a restored
//! backup), or in a new log; and it cites as little as it can or all there is.

use crate::statement::{Actor, History, Set, each, small};

/// Where and with what past a statement can be made.
pub(crate) struct Place {
    pub(crate) log: u8,
    pub(crate) previous: Option<u8>,
    pub(crate) past: Set,
}

/// The places of an honest author.
pub(crate) fn honest(history: &History, author: Actor) -> Vec<Place> {
    let previous = each(history.by(author)).last().map(small);
    closed(history, behind(history, author, previous))
        .map(|past| Place {
            log: 0,
            previous,
            past,
        })
        .collect()
}

/// The places of a thief: of who has its key, or its backup.
pub(crate) fn dishonest(history: &History, author: Actor) -> Vec<Place> {
    let mine = history.by(author);
    let logs = each(mine)
        .map(|place| history.get(place).log + 1)
        .max()
        .unwrap_or(0);
    let mut places = Vec::new();
    let mut at = |log, previous| {
        let least = behind(history, author, previous);
        let sets = [least, history.all()];
        for past in &sets[usize::from(sets[0] == sets[1])..] {
            places.push(Place {
                log,
                previous,
                past: *past,
            });
        }
    };
    for place in each(mine) {
        at(history.get(place).log, Some(small(place)));
    }
    at(0, None);
    if logs == 1 {
        at(1, None);
    }
    places
}

/// Every way to cut `who`: a beginning of one branch of each log, of what is in `past`.
pub(crate) fn cuts(history: &History, who: Actor, past: Set) -> impl Iterator<Item = Set> {
    let theirs = history.by(who) & past;
    submasks(theirs).filter(move |&keep| {
        each(keep).all(|place| {
            let s = history.get(place);
            s.previous.is_none_or(|previous| keep >> previous & 1 == 1)
                && history.siblings(place) & keep == 0
        })
    })
}

/// Every set that holds `base` and all that it cites.
fn closed(history: &History, base: Set) -> impl Iterator<Item = Set> {
    (base..=history.all()).filter(move |&set| set & base == base && history.closure(set) == set)
}

fn submasks(set: Set) -> impl Iterator<Item = Set> {
    (0..=set).filter(move |sub| sub & set == *sub)
}

/// What a statement after `previous` cites at least; a log begins by citing its author's admission.
fn behind(history: &History, author: Actor, previous: Option<u8>) -> Set {
    let admission =
        || each(history.all()).find(|&place| history.get(place).admits() == Some(author));
    previous
        .map(usize::from)
        .or_else(admission)
        .map_or(0, |place| history.get(place).past | 1 << place)
}
