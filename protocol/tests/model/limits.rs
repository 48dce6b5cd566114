//! What the rules do not give, as histories: a promise that nobody should make.

use crate::evaluate::{Charter, Rules, evaluate};
use crate::statement::{Actor, History, Kind};

const LAPTOP: Actor = Actor(1);
const PHONE: Actor = Actor(2);
const WRITER: Actor = Actor(5);
const RULES: Rules = Rules {
    charter: Charter::Rank,
    founders: &[(LAPTOP, 1), (PHONE, 2), (WRITER, 10)],
    without: None,
};

fn say(history: &mut History, author: Actor, past: u16, kind: Kind) {
    *history = history
        .with(author, 0, None, past, kind)
        .expect("said for the first time");
}

/// Finality by citing binds who cites: a stolen junior does not, and voids what a senior had
/// checkpointed. It is undone by removing the thief with a cut below, which gives all back.
#[test]
fn a_junior_who_does_not_cite_a_checkpoint_cuts_below_it_until_it_is_removed() {
    let mut story = History::EMPTY;
    say(&mut story, WRITER, 0, Kind::Entry);
    say(
        &mut story,
        LAPTOP,
        0b1,
        Kind::Checkpoint {
            covers: 0b1,
            early: false,
        },
    );
    say(
        &mut story,
        PHONE,
        0,
        Kind::Remove {
            who: WRITER,
            keep: 0,
            trusted: 0,
        },
    );
    assert!(!evaluate(&story, story.all(), &RULES).stands_at(0));
    say(
        &mut story,
        LAPTOP,
        0b111,
        Kind::Remove {
            who: PHONE,
            keep: 0,
            trusted: 0,
        },
    );
    assert!(evaluate(&story, story.all() & !0b10, &RULES).stands_at(0));
}

/// A cut is as good as what its issuer had seen: the root removes a lost laptop, having seen
/// nothing of it, and the stolen phone that the laptop had removed is back.
#[test]
fn a_cut_from_somebody_who_has_not_seen_a_removal_undoes_it() {
    let mut story = History::EMPTY;
    say(
        &mut story,
        LAPTOP,
        0,
        Kind::Remove {
            who: PHONE,
            keep: 0,
            trusted: 0,
        },
    );
    assert_eq!(
        evaluate(&story, story.all(), &RULES).members() & PHONE.bit(),
        0
    );
    say(
        &mut story,
        Actor::ROOT,
        0,
        Kind::Remove {
            who: LAPTOP,
            keep: 0,
            trusted: 0,
        },
    );
    assert_ne!(
        evaluate(&story, story.all(), &RULES).members() & PHONE.bit(),
        0
    );
}
