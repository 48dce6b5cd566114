//! Polls of a circle: what goes over the wire, and the tally.
//!
//! A poll is three kinds of entries in the circle's slice, each signed and sealed as any other; whose ballot it is, is
//! whose log it lies in, and nothing that an entry says of itself. All are read from the entries, never from the
//! merged document, which anybody may write over.
//!
//! | entry | says | counts when |
//! |---|---|---|
//! | proposal | the question, and the circle's statements that make the electorate | its author belongs to that electorate |
//! | ballot | one choice, and a number that rises with each change of mind | see below |
//! | close | by their hashes, the ballots that count | it stands; its author proposed, or is an admin as the statements have it that it cites |
//!
//! The electorate is who belonged to the circle by the cited statements and what is behind them: all who hold those
//! make the same of it. One person has one ballot, whichever device cast it. While a poll is open, the tally is
//! of what is here. Once it is closed, those ballots count that the close names, and no others: one that comes
//! later, or that was left out, is shown as not counted. A named ballot counts though a later removal cuts its log:
//! whoever is removed after the record date keeps the vote that they cast. Of several closes that have not seen each
//! other that of the most senior closer counts, then the one that comes first in its log, then the one of the lowest
//! hash.
//!
//! **What it does not promise.** Times are what each device says. A ballot whose own time is past the deadline never
//! counts; one that lies about it counts if the close names it. Whoever closes can leave a ballot out: nobody can
//! prove that they had it, but all see it, with its time. A close falls with its author's log: a removal
//! that keeps less than it opens the poll again.
//!
//! Nothing here knows a key, a clock or a store.

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::evaluation::Seniority;
use maille_protocol::id::{PersonId, StatementId};
use maille_protocol::time::Timestamp;
use maille_protocol::wire;
use minicbor::{Decode, Encode};

use crate::command::{BallotFate, PollOutcome, PollTally, Quorum};

/// Longest question, in bytes: what a person reads before they choose.
pub const QUESTION_BYTES_MAX: usize = 500;
/// Longest choice, in bytes.
pub const CHOICE_BYTES_MAX: usize = 200;
/// Fewest choices: with one there is nothing to choose.
pub const CHOICES_MIN: usize = 2;
/// Most choices: a list that fits a screen.
pub const CHOICES_MAX: usize = 20;
/// Most polls of one person in one circle that are shown: years of them.
pub const POLLS_EACH_MAX: usize = 256;
/// Most statements that one entry cites: as many as were made at once by members apart.
pub(crate) const TIPS_MAX: usize = 256;
/// Most ballots that a close names, one for each who may vote: their hashes fit an entry.
pub(crate) const NAMED_MAX: usize = 4096;

/// An entry, by the hash of its header. A proposal's is the id of its poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct EntryHash(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) [u8; 32],
);

impl std::fmt::Display for EntryHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (self.0.iter()).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What an entry says of a poll.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum PollSaid {
    #[n(0)]
    Proposal(#[n(0)] Proposal),
    #[n(1)]
    Ballot(#[n(0)] Ballot),
    #[n(2)]
    Close(#[n(0)] Close),
}

/// Asks a question.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Proposal {
    #[n(0)]
    #[cbor(decode_with = "wire::text::<Ctx, QUESTION_BYTES_MAX>")]
    pub(crate) question: String,
    #[n(1)]
    #[cbor(decode_with = "wire::texts::<Ctx, CHOICES_MAX, CHOICE_BYTES_MAX>")]
    pub(crate) choices: Vec<String>,
    /// The record date: the statements of the circle, with what is behind them, that make the electorate.
    #[n(2)]
    #[cbor(decode_with = "wire::list::<Ctx, StatementId, TIPS_MAX>")]
    pub(crate) tips: Vec<StatementId>,
    #[n(3)]
    pub(crate) at: Timestamp,
    /// After that, by their own times, ballots do not count.
    #[n(4)]
    pub(crate) until: Option<Timestamp>,
    #[n(5)]
    pub(crate) quorum: Option<Quorum>,
}

/// A vote in the poll of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Ballot {
    #[n(0)]
    pub(crate) poll: EntryHash,
    /// Rises with every ballot of one person: the highest counts.
    #[n(1)]
    pub(crate) number: u64,
    /// Which choice, from 0.
    #[n(2)]
    pub(crate) choice: u32,
    #[n(3)]
    pub(crate) at: Timestamp,
}

/// Ends a poll.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Close {
    #[n(0)]
    pub(crate) poll: EntryHash,
    /// The ballots that count.
    #[n(1)]
    #[cbor(decode_with = "wire::list::<Ctx, EntryHash, NAMED_MAX>")]
    pub(crate) named: Vec<EntryHash>,
    /// The statements of the circle by which its author may close.
    #[n(2)]
    #[cbor(decode_with = "wire::list::<Ctx, StatementId, TIPS_MAX>")]
    pub(crate) tips: Vec<StatementId>,
    #[n(3)]
    pub(crate) at: Timestamp,
}

/// A ballot as it is held, with the person in whose log it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cast {
    pub(crate) id: EntryHash,
    pub(crate) by: PersonId,
    pub(crate) ballot: Ballot,
    /// Whether its entry stands; else a removal cuts it, or its log forks.
    pub(crate) stands: bool,
}

impl Cast {
    /// The later of one person's counts.
    const fn place(&self) -> (u64, EntryHash) {
        (self.ballot.number, self.id)
    }
}

/// A close by somebody who may, with what decides between several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    /// Where its author stands in the circle.
    pub(crate) seniority: Seniority,
    /// Its number in its log.
    pub(crate) seq: u64,
    pub(crate) id: EntryHash,
    pub(crate) by: PersonId,
    pub(crate) close: Close,
}

/// The close that counts of several, and the others.
pub(crate) fn decides(mut closings: Vec<Closing>) -> Option<(Closing, Vec<Closing>)> {
    closings.sort_by(|a, b| (&a.seniority, a.seq, a.id).cmp(&(&b.seniority, b.seq, b.id)));
    closings.dedup_by_key(|it| it.id);
    let mut closings = closings.into_iter();
    let first = closings.next()?;
    Some((first, closings.collect()))
}

/// Ballots with what came of each, in the order of their hashes.
pub(crate) type Judged = BTreeMap<EntryHash, (Cast, BallotFate)>;

/// Counts the ballots of one poll.
///
/// `is_here` says of an entry that a close names whether it was opened here, whatever it is. The outcome follows
/// from the sets alone: neither the order in which ballots came nor how often makes a difference.
pub(crate) fn tally(
    proposal: &Proposal,
    electorate: &BTreeSet<PersonId>,
    casts: impl IntoIterator<Item = Cast>,
    close: Option<&Close>,
    is_here: impl Fn(&EntryHash) -> bool,
) -> (PollTally, Judged) {
    let named: Option<BTreeSet<EntryHash>> =
        close.map(|close| close.named.iter().copied().collect());
    let counts =
        |cast: &Cast| (named.as_ref()).map_or(cast.stands, |named| named.contains(&cast.id));
    let casts: BTreeMap<EntryHash, Cast> = casts.into_iter().map(|it| (it.id, it)).collect();
    let mut counted: BTreeMap<PersonId, (u64, EntryHash)> = BTreeMap::new();
    for cast in casts.values() {
        if fault(proposal, electorate, cast).is_none() && counts(cast) {
            let last = counted.entry(cast.by).or_insert_with(|| cast.place());
            *last = (*last).max(cast.place());
        }
    }
    let judge = |cast: &Cast| {
        if let Some(fault) = fault(proposal, electorate, cast) {
            return fault;
        }
        match counted.get(&cast.by) {
            Some(last) if *last == cast.place() => return BallotFate::Counted,
            Some(last) if cast.place() < *last => return BallotFate::Replaced,
            _ => {}
        }
        match close {
            _ if !cast.stands => BallotFate::Cut,
            Some(close) if close.at < cast.ballot.at => BallotFate::Late,
            _ => BallotFate::NotCounted,
        }
    };
    let judged: Judged = (casts.into_iter())
        .map(|(id, cast)| {
            let fate = judge(&cast);
            (id, (cast, fate))
        })
        .collect();
    let mut votes = vec![0; proposal.choices.len()];
    for (cast, fate) in judged.values() {
        if *fate == BallotFate::Counted
            && let Some(votes) = votes.get_mut(cast.ballot.choice as usize)
        {
            *votes += 1;
        }
    }
    let missing = named.map_or(0, |named| named.iter().filter(|it| !is_here(it)).count());
    let (voted, electors) = (counted.len() as u64, electorate.len() as u64);
    let needed = proposal.quorum.map(|quorum| quorum.of(electors));
    let reached = needed.is_none_or(|needed| voted >= needed);
    let outcome = match close {
        None => PollOutcome::Open,
        Some(_) if missing > 0 => PollOutcome::Arriving,
        Some(_) if voted == 0 => PollOutcome::NoVotes,
        Some(_) if !reached => PollOutcome::NoQuorum,
        Some(_) => most(&votes),
    };
    let tally = PollTally {
        votes,
        voted,
        electors,
        needed,
        reached,
        missing: missing as u64,
        outcome,
    };
    (tally, judged)
}

/// Why a ballot can never count.
fn fault(proposal: &Proposal, electorate: &BTreeSet<PersonId>, cast: &Cast) -> Option<BallotFate> {
    if !electorate.contains(&cast.by) {
        Some(BallotFate::NotInElectorate)
    } else if cast.ballot.choice as usize >= proposal.choices.len() {
        Some(BallotFate::NoSuchChoice)
    } else if proposal.until.is_some_and(|until| until < cast.ballot.at) {
        Some(BallotFate::PastDeadline)
    } else {
        None
    }
}

/// The choice of most, counted from 1; those that share the first place, if several do.
fn most(votes: &[u64]) -> PollOutcome {
    let top = votes.iter().copied().max().unwrap_or(0);
    let first = votes.iter().zip(1..).filter(|(votes, _)| **votes == top);
    let choices: Vec<u32> = first.map(|(_, choice)| choice).collect();
    match choices[..] {
        [choice] => PollOutcome::Chosen { choice },
        _ => PollOutcome::Tie { choices },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn person(n: u8) -> PersonId {
        PersonId::from_bytes([n; 32])
    }

    fn hash(n: u8) -> EntryHash {
        EntryHash([n; 32])
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn proposal(quorum: Option<Quorum>) -> Proposal {
        Proposal {
            question: "Which evening?".to_owned(),
            choices: vec!["Monday".to_owned(), "Tuesday".to_owned()],
            tips: Vec::new(),
            at: at(0),
            until: Some(at(100)),
            quorum,
        }
    }

    fn cast(id: u8, by: u8, number: u64, choice: u32) -> Cast {
        let poll = hash(0);
        Cast {
            id: hash(id),
            by: person(by),
            ballot: Ballot {
                poll,
                number,
                choice,
                at: at(10),
            },
            stands: true,
        }
    }

    fn close(named: &[u8]) -> Close {
        Close {
            poll: hash(0),
            named: named.iter().copied().map(hash).collect(),
            tips: Vec::new(),
            at: at(50),
        }
    }

    fn electorate(people: &[u8]) -> BTreeSet<PersonId> {
        people.iter().copied().map(person).collect()
    }

    fn outcome(quorum: Option<Quorum>, casts: &[Cast], named: &[u8]) -> PollOutcome {
        let (three, close) = (electorate(&[1, 2, 3]), close(named));
        let proposal = proposal(quorum);
        let casts = casts.iter().cloned();
        tally(&proposal, &three, casts, Some(&close), |_| true)
            .0
            .outcome
    }

    #[test]
    fn a_quorum_is_of_the_electorate_and_is_rounded_up() {
        let two = [cast(1, 1, 1, 0), cast(2, 2, 1, 0)];
        let chosen = PollOutcome::Chosen { choice: 1 };
        for (quorum, expected) in [
            (None, chosen.clone()),
            (Some(Quorum::Voters(2)), chosen.clone()),
            (Some(Quorum::Voters(3)), PollOutcome::NoQuorum),
            (Some(Quorum::Percent(66)), chosen),
            (Some(Quorum::Percent(67)), PollOutcome::NoQuorum),
            (Some(Quorum::Percent(100)), PollOutcome::NoQuorum),
        ] {
            assert_eq!(outcome(quorum, &two, &[1, 2]), expected, "{quorum:?}");
        }
        assert_eq!(outcome(None, &two, &[]), PollOutcome::NoVotes);
    }

    #[test]
    fn a_tie_has_no_winner_and_is_said() {
        let casts = [cast(1, 1, 1, 0), cast(2, 2, 1, 1)];
        let choices = vec![1, 2];
        assert_eq!(outcome(None, &casts, &[1, 2]), PollOutcome::Tie { choices });
    }

    #[test]
    fn a_close_that_names_what_is_not_here_waits_for_it() {
        let (three, close) = (electorate(&[1, 2, 3]), close(&[1, 9]));
        let casts = || [cast(1, 1, 1, 0)];
        let held = |it: &EntryHash| *it == hash(1);
        let (waits, _) = tally(&proposal(None), &three, casts(), Some(&close), held);
        assert_eq!((waits.outcome, waits.missing), (PollOutcome::Arriving, 1));
        // What it names and is no ballot of this poll counts for nothing.
        let (comes, _) = tally(&proposal(None), &three, casts(), Some(&close), |_| true);
        assert_eq!(comes.outcome, PollOutcome::Chosen { choice: 1 });
        assert_eq!(comes.voted, 1);
    }

    #[test]
    fn of_several_closes_the_most_senior_persons_decides() {
        let closing = |rank, seq, id: u8| Closing {
            seniority: Seniority::of_rank(rank),
            seq,
            id: hash(id),
            by: person(1),
            close: close(&[]),
        };
        let all = [
            closing(2, 0, 1),
            closing(1, 5, 2),
            closing(1, 4, 9),
            closing(1, 4, 8),
        ];
        for turn in 0..all.len() {
            let mut turned = all.to_vec();
            turned.rotate_left(turn);
            turned.extend(all.clone());
            let (first, others) = decides(turned).unwrap();
            assert_eq!((first.id, others.len()), (hash(8), 3));
        }
        assert_eq!(decides(Vec::new()), None);
    }

    fn casts() -> impl Strategy<Value = Vec<Cast>> {
        let one = (1u8..6, 0u64..4, 0u32..4, 0u64..150, any::<bool>());
        proptest::collection::vec(one, 0..12).prop_map(|all| {
            let made = (1u8..).zip(all);
            made.map(|(id, (by, number, choice, seconds, stands))| {
                let mut made = cast(id, by, number, choice);
                made.ballot.at = at(seconds);
                made.stands = stands;
                made
            })
            .collect()
        })
    }

    fn closes() -> impl Strategy<Value = Option<Close>> {
        let named = proptest::collection::vec(1u8..14, 0..8);
        proptest::option::of(named.prop_map(|named| close(&named)))
    }

    proptest! {
        #[test]
        fn the_same_ballots_make_the_same_tally_in_any_order_and_however_often_they_come(
            (casts, mixed) in casts().prop_flat_map(|casts| {
                let twice = [casts.clone(), casts.clone()].concat();
                (Just(casts), Just(twice).prop_shuffle())
            }),
            close in closes(),
        ) {
            let (three, proposal) = (electorate(&[1, 2, 3]), proposal(Some(Quorum::Percent(50))));
            let here: BTreeSet<EntryHash> = casts.iter().map(|it| it.id).collect();
            let counts = |casts: Vec<Cast>| {
                tally(&proposal, &three, casts, close.as_ref(), |it| here.contains(it))
            };
            let expected = counts(casts);
            prop_assert_eq!(&counts(mixed), &expected);
            let (tally, judged) = expected;
            let counted: Vec<_> = judged.values().filter(|it| it.1 == BallotFate::Counted).collect();
            let voters: BTreeSet<_> = counted.iter().map(|it| it.0.by).collect();
            prop_assert_eq!(voters.len(), counted.len(), "one person, one ballot");
            prop_assert!(voters.is_subset(&three));
            prop_assert_eq!(tally.votes.iter().sum::<u64>(), tally.voted);
        }

        #[test]
        fn what_comes_after_the_close_changes_nothing(
            before in casts(),
            later in casts(),
            close in closes().prop_filter("closed", Option::is_some),
        ) {
            let three = electorate(&[1, 2, 3]);
            let close = close.map(|mut close| {
                close.named.retain(|named| before.iter().any(|it| it.id == *named));
                close
            });
            let later = later.into_iter().map(|mut it| {
                it.id.0[0] = 0xFF;
                it
            });
            let counts = |casts: Vec<Cast>| {
                tally(&proposal(None), &three, casts, close.as_ref(), |_| true).0
            };
            let all = before.iter().cloned().chain(later).collect();
            prop_assert_eq!(counts(before), counts(all));
        }
    }
}
