//! Polls of a circle: what goes over the wire, and the count.
//!
//! A poll is three kinds of entries in the circle's slice, each signed and sealed as any other. All are read from the
//! entries, never from the merged document, which anybody may write over.
//!
//! | entry | says | counts when |
//! |---|---|---|
//! | proposal | the question, and who may vote: the memberships that its author's node saw then | its author may vote |
//! | ballot | one choice, and a number that rises with each change of mind | see below |
//! | close | by their hashes, the ballots that count | its author proposed, or is an admin of those who may vote |
//!
//! Each says whose it is, and is theirs if the device that bound its log is one of that person's, removed since or not.
//! One person has one ballot, whichever device cast it.
//!
//! **The record date** is the moment at which the proposal was written: its author's node names everybody who belongs to
//! the circle there. That is its word, so it is looked at: whoever never rightly belonged is no voter, and the poll has
//! no result; of whom it leaves out all see whether they came later or were in before others who may vote.
//!
//! **The end.** While nobody has closed a poll, the ballots count that hold: no removal cuts them. A close names ballots
//! by their hashes, and with it those count and no others. Everything that a result rests on is named by the proposal or
//! by the close, and nothing of it changes: so a result is shown when all of that is here, and what comes later does not
//! change it. What may follow on it is shown on all nodes, and another result only after a removal took the close away,
//! which stays shown, too:
//!
//! | state | when | what can be done |
//! |---|---|---|
//! | open | nobody has closed it | vote, close |
//! | arriving | a named ballot, or that one of the voters belongs to the circle, is not known here | wait; after some days close again |
//! | a result | one close, or several that name the same ballots, and all is here | nothing |
//! | contested | closes hold that name different ballots: there is no result, and each is shown with its own | ask again |
//! | undone | a removal keeps less of a log than the only close | vote, close again |
//!
//! A named ballot counts though its device is removed later, or its author leaves or is removed: only the close has to
//! hold. What a removed key wrote holds until somebody has said what stays of it.
//!
//! **What it does not promise.** Nobody knows whether there is another close that has not arrived: a result can still
//! become contested. Times are what each device says. A ballot whose own time is past the deadline never
//! counts; one that lies about it counts if the close names it. Whoever closes can leave a ballot out, or name one that
//! was cut: nobody can prove that they had it, but all see it, with its time. Whoever proposes with a changed Maille can
//! leave out whom they like, and name those who have gone: all see it. An admission that falls with whoever gave it
//! takes the result of polls in which it counted away, and puts no other in its place.
//!
//! Nothing here knows a key, a clock or a store.

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::id::{MembershipId, PersonId};
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
/// Most polls that are shown of one log, the first ones: years of them.
pub const POLLS_EACH_MAX: usize = 256;
/// Most ballots in one poll that are looked at of one log, the first ones: who changes their mind more often is playing.
pub const BALLOTS_EACH_MAX: usize = 64;
/// Most who may vote, and most ballots that a close names: either list fits an entry.
pub(crate) const VOTERS_MAX: usize = 4096;
/// Most closes of one poll that are counted and shown, those that hold first. One of each log is looked at; two that
/// differ make a poll contested, however many there are.
pub(crate) const CLOSES_MAX: usize = 16;

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

impl PollSaid {
    /// Whether each list has one order and names nothing twice, and there is something to choose.
    pub(crate) fn is_in_order(&self) -> bool {
        match self {
            Self::Proposal(proposal) => {
                proposal.electors.is_sorted_by(|a, b| a < b)
                    && proposal.choices.len() >= CHOICES_MIN
            }
            Self::Ballot(_) => true,
            Self::Close(close) => close.named.is_sorted_by(|a, b| a < b),
        }
    }
}

/// Asks a question.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Proposal {
    /// Who asks.
    #[n(0)]
    pub(crate) by: PersonId,
    #[n(1)]
    #[cbor(decode_with = "wire::text::<Ctx, QUESTION_BYTES_MAX>")]
    pub(crate) question: String,
    #[n(2)]
    #[cbor(decode_with = "wire::texts::<Ctx, CHOICES_MAX, CHOICE_BYTES_MAX>")]
    pub(crate) choices: Vec<String>,
    /// Who may vote, in rising order: by which membership each belonged to the circle when this was written.
    #[n(3)]
    #[cbor(decode_with = "wire::list::<Ctx, MembershipId, VOTERS_MAX>")]
    pub(crate) electors: Vec<MembershipId>,
    #[n(4)]
    pub(crate) at: Timestamp,
    /// After that, by their own times, ballots do not count.
    #[n(5)]
    pub(crate) until: Option<Timestamp>,
    #[n(6)]
    pub(crate) quorum: Option<Quorum>,
}

/// A vote in the poll of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Ballot {
    #[n(0)]
    pub(crate) poll: EntryHash,
    /// Who votes.
    #[n(1)]
    pub(crate) by: PersonId,
    /// Rises with every ballot of one person: the highest counts.
    #[n(2)]
    pub(crate) number: u64,
    /// Which choice, from 0.
    #[n(3)]
    pub(crate) choice: u32,
    /// When it was cast.
    #[n(4)]
    pub(crate) at: Timestamp,
}

/// Ends a poll.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Close {
    #[n(0)]
    pub(crate) poll: EntryHash,
    /// Who closes.
    #[n(1)]
    pub(crate) by: PersonId,
    /// The ballots that count, in rising order.
    #[n(2)]
    #[cbor(decode_with = "wire::list::<Ctx, EntryHash, VOTERS_MAX>")]
    pub(crate) named: Vec<EntryHash>,
    #[n(3)]
    pub(crate) at: Timestamp,
}

/// Who may vote, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Electorate {
    pub(crate) persons: BTreeSet<PersonId>,
    /// Those of them who are admins.
    pub(crate) admins: BTreeSet<PersonId>,
    /// How many the proposal names of whom it is not known here that they ever belonged to the circle, or by which
    /// devices they speak.
    pub(crate) unknown: u64,
}

impl Electorate {
    /// Whether somebody may close a poll of this proposal.
    pub(crate) fn may_close(&self, proposal: &Proposal, person: PersonId) -> bool {
        proposal.by == person || self.admins.contains(&person)
    }
}

/// A ballot as it is held: of whom it says that it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cast {
    pub(crate) id: EntryHash,
    pub(crate) ballot: Ballot,
    /// Whether its entry holds; else a removal cuts it, or its log forks.
    pub(crate) holds: bool,
}

impl Cast {
    /// The later of one person's counts.
    const fn place(&self) -> (u64, EntryHash) {
        (self.ballot.number, self.id)
    }
}

/// A close as it is held, by somebody who may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing<'a> {
    pub(crate) id: EntryHash,
    pub(crate) close: &'a Close,
    /// Whether its entry holds.
    pub(crate) holds: bool,
}

/// What a close comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) id: EntryHash,
    pub(crate) by: PersonId,
    pub(crate) at: Timestamp,
    /// How many ballots it names.
    pub(crate) named: u64,
    pub(crate) holds: bool,
    pub(crate) tally: PollTally,
}

/// Ballots with what came of each, in the order of their hashes.
pub(crate) type Judged = BTreeMap<EntryHash, (Cast, BallotFate)>;

/// What came of a poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) tally: PollTally,
    pub(crate) judged: Judged,
    /// The closes, at most [`CLOSES_MAX`]: those that hold first, by their hashes.
    pub(crate) closes: Vec<Closed>,
}

/// Counts a poll.
///
/// `is_here` says of an entry that a close names whether it was opened here and is known whose it is, whatever it is.
/// All follows from the sets alone: neither the order in which something came nor how often makes a difference.
pub(crate) fn count<'a>(
    proposal: &Proposal,
    electorate: &Electorate,
    casts: impl IntoIterator<Item = Cast>,
    closings: impl IntoIterator<Item = Closing<'a>>,
    is_here: impl Fn(&EntryHash) -> bool,
) -> Counted {
    let casts: BTreeMap<EntryHash, Cast> = casts.into_iter().map(|it| (it.id, it)).collect();
    let of = |close: Option<&Close>| tally(proposal, electorate, &casts, close, &is_here);
    let mut closings: Vec<Closing<'_>> = closings.into_iter().collect();
    closings.sort_unstable_by_key(|it| (!it.holds, it.id));
    closings.dedup_by_key(|it| it.id);
    let holding = closings.iter().filter(|it| it.holds);
    let ends: BTreeSet<&[EntryHash]> = holding.map(|it| it.close.named.as_slice()).collect();
    let end = (closings.first()).filter(|it| it.holds && ends.len() == 1);
    let (mut tally, judged) = of(end.map(|it| it.close));
    if ends.len() > 1 {
        tally.outcome = PollOutcome::Contested;
    } else if end.is_none() && !closings.is_empty() {
        tally.outcome = PollOutcome::Undone;
    }
    // One of each end is shown before a second of any.
    let mut seen = BTreeSet::new();
    let (mut shown, again): (Vec<_>, Vec<_>) =
        (closings.into_iter()).partition(|it| seen.insert((it.holds, it.close.named.as_slice())));
    shown.extend(again);
    shown.truncate(CLOSES_MAX);
    shown.sort_unstable_by_key(|it| (!it.holds, it.id));
    let closed = |it: Closing<'_>| Closed {
        id: it.id,
        by: it.close.by,
        at: it.close.at,
        named: it.close.named.len() as u64,
        holds: it.holds,
        tally: of(Some(it.close)).0,
    };
    Counted {
        tally,
        judged,
        closes: shown.into_iter().map(closed).collect(),
    }
}

/// Counts the ballots that a close names; without one, those that hold.
fn tally(
    proposal: &Proposal,
    electorate: &Electorate,
    casts: &BTreeMap<EntryHash, Cast>,
    close: Option<&Close>,
    is_here: impl Fn(&EntryHash) -> bool,
) -> (PollTally, Judged) {
    let counts = |cast: &Cast| {
        close.map_or(cast.holds, |close| {
            close.named.binary_search(&cast.id).is_ok()
        })
    };
    let counted = last_of_each(proposal, electorate, casts.values().filter(|it| counts(it)));
    let judge = |cast: &Cast| {
        if let Some(fault) = fault(proposal, electorate, cast) {
            return fault;
        }
        match counted.get(&cast.ballot.by) {
            Some(last) if *last == cast.place() => return BallotFate::Counted,
            Some(last) if cast.place() < *last => return BallotFate::Replaced,
            _ => {}
        }
        match close {
            _ if !cast.holds => BallotFate::Cut,
            Some(close) if close.at < cast.ballot.at => BallotFate::Late,
            _ => BallotFate::NotCounted,
        }
    };
    let judged: Judged = (casts.iter())
        .map(|(id, cast)| (*id, (cast.clone(), judge(cast))))
        .collect();
    let mut votes = vec![0; proposal.choices.len()];
    for (cast, fate) in judged.values() {
        if *fate == BallotFate::Counted
            && let Some(votes) = votes.get_mut(cast.ballot.choice as usize)
        {
            *votes += 1;
        }
    }
    let named = close.iter().flat_map(|close| &close.named);
    let missing = named.filter(|it| !is_here(it)).count() as u64;
    let voted = counted.len() as u64;
    let electors = electorate.persons.len() as u64 + electorate.unknown;
    let needed = proposal.quorum.map(|quorum| quorum.of(electors));
    let reached = needed.is_none_or(|needed| voted >= needed);
    let outcome = match close {
        None => PollOutcome::Open,
        Some(_) if missing + electorate.unknown > 0 => PollOutcome::Arriving,
        Some(_) if voted == 0 => PollOutcome::NoVotes,
        Some(_) if !reached => PollOutcome::NoQuorum,
        Some(_) => most(&votes),
    };
    let tally = PollTally {
        votes,
        voted,
        electors,
        unknown: electorate.unknown,
        needed,
        reached,
        missing,
        outcome,
    };
    (tally, judged)
}

/// The last of each person's ballots that can count, by number and hash.
pub(crate) fn last_of_each<'a>(
    proposal: &Proposal,
    electorate: &Electorate,
    casts: impl IntoIterator<Item = &'a Cast>,
) -> BTreeMap<PersonId, (u64, EntryHash)> {
    let mut last = BTreeMap::new();
    for cast in casts {
        if fault(proposal, electorate, cast).is_none() {
            let place = last.entry(cast.ballot.by).or_insert_with(|| cast.place());
            *place = (*place).max(cast.place());
        }
    }
    last
}

/// Why a ballot can never count.
fn fault(proposal: &Proposal, electorate: &Electorate, cast: &Cast) -> Option<BallotFate> {
    if !electorate.persons.contains(&cast.ballot.by) {
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
            by: person(1),
            question: "Which evening?".to_owned(),
            choices: vec!["Monday".to_owned(), "Tuesday".to_owned()],
            electors: Vec::new(),
            at: at(0),
            until: Some(at(100)),
            quorum,
        }
    }

    fn cast(id: u8, by: u8, number: u64, choice: u32) -> Cast {
        let poll = hash(0);
        Cast {
            id: hash(id),
            ballot: Ballot {
                poll,
                by: person(by),
                number,
                choice,
                at: at(10),
            },
            holds: true,
        }
    }

    /// A close as an entry has it.
    #[derive(Clone, Debug)]
    struct Ends {
        id: EntryHash,
        close: Close,
        holds: bool,
    }

    impl Ends {
        const fn held(&self) -> Closing<'_> {
            Closing {
                id: self.id,
                close: &self.close,
                holds: self.holds,
            }
        }
    }

    fn ends(id: u8, named: &[u8]) -> Ends {
        let named: BTreeSet<EntryHash> = named.iter().copied().map(hash).collect();
        Ends {
            id: hash(id),
            close: Close {
                poll: hash(0),
                by: person(1),
                named: named.into_iter().collect(),
                at: at(50),
            },
            holds: true,
        }
    }

    fn electorate(people: &[u8]) -> Electorate {
        Electorate {
            persons: people.iter().copied().map(person).collect(),
            ..Electorate::default()
        }
    }

    fn outcome(quorum: Option<Quorum>, casts: &[Cast], named: &[u8]) -> PollOutcome {
        counted(quorum, casts, &[ends(100, named)]).tally.outcome
    }

    fn counted(quorum: Option<Quorum>, casts: &[Cast], closes: &[Ends]) -> Counted {
        let (three, casts) = (electorate(&[1, 2, 3]), casts.iter().cloned());
        let closings = closes.iter().map(Ends::held);
        count(&proposal(quorum), &three, casts, closings, |_| true)
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
        let three = electorate(&[1, 2, 3]);
        let counts = |here: &[EntryHash]| {
            let (casts, ends) = ([cast(1, 1, 1, 0)], ends(100, &[1, 9]));
            let is_here = |it: &EntryHash| here.contains(it);
            count(&proposal(None), &three, casts, [ends.held()], is_here).tally
        };
        let waits = counts(&[hash(1)]);
        assert_eq!((waits.outcome, waits.missing), (PollOutcome::Arriving, 1));
        // What it names and is no ballot of this poll counts for nothing.
        let comes = counts(&[hash(1), hash(9)]);
        assert_eq!(comes.outcome, PollOutcome::Chosen { choice: 1 });
        assert_eq!(comes.voted, 1);
    }

    #[test]
    fn there_is_no_result_while_a_voter_is_not_known() {
        let three = Electorate {
            unknown: 1,
            ..electorate(&[1, 2])
        };
        let (casts, ends) = ([cast(1, 1, 1, 0)], ends(100, &[1]));
        let asks = proposal(Some(Quorum::Percent(50)));
        let waits = count(&asks, &three, casts, [ends.held()], |_| true).tally;
        assert_eq!(waits.outcome, PollOutcome::Arriving);
        assert_eq!((waits.electors, waits.needed), (3, Some(2)));
    }

    #[test]
    fn closes_that_name_the_same_agree_and_others_leave_no_result() {
        let casts = [cast(1, 1, 1, 0), cast(2, 2, 1, 1)];
        let chosen = PollOutcome::Chosen { choice: 1 };
        let (one, same, other) = (ends(100, &[1]), ends(101, &[1]), ends(99, &[2]));
        let agreed = counted(None, &casts, &[one.clone(), same.clone(), one.clone()]);
        assert_eq!(agreed.tally.outcome, chosen);
        assert_eq!(agreed.closes.len(), 2);
        let contested = counted(None, &casts, &[same, other.clone(), one.clone()]);
        assert_eq!(contested.tally.outcome, PollOutcome::Contested);
        let each: Vec<_> = (contested.closes.iter())
            .map(|it| &it.tally.outcome)
            .collect();
        let second = PollOutcome::Chosen { choice: 2 };
        assert_eq!(each, [&second, &chosen, &chosen]);
        // One that was cut decides nothing, beside another or alone.
        let cut = Ends {
            holds: false,
            ..other
        };
        let beside = counted(None, &casts, &[cut.clone(), one]);
        assert_eq!(beside.tally.outcome, chosen);
        assert_eq!(beside.closes.len(), 2);
        let alone = counted(None, &casts, &[cut]).tally;
        assert_eq!(alone.outcome, PollOutcome::Undone);
        assert_eq!(alone.votes, [1, 1]);
    }

    #[test]
    fn one_close_past_the_bound_hides_no_contest() {
        let casts = [cast(1, 1, 1, 0), cast(2, 2, 1, 1)];
        let id = |it: usize| u8::try_from(it).unwrap();
        let mut all: Vec<Ends> = (0..=CLOSES_MAX).map(|it| ends(id(it), &[1])).collect();
        assert_eq!(counted(None, &casts, &all).closes.len(), CLOSES_MAX);
        all.push(ends(200, &[2])); // the last by its hash
        let contested = counted(None, &casts, &all);
        assert_eq!(contested.tally.outcome, PollOutcome::Contested);
        assert_eq!(contested.closes.len(), CLOSES_MAX);
        assert!(contested.closes.iter().any(|it| it.id == hash(200)));
    }

    #[test]
    fn a_list_out_of_order_or_that_names_something_twice_says_nothing() {
        let close = |named: Vec<EntryHash>| {
            PollSaid::Close(Close {
                named,
                ..ends(100, &[]).close
            })
        };
        assert!(close(vec![hash(1), hash(2)]).is_in_order());
        assert!(!close(vec![hash(2), hash(1)]).is_in_order());
        assert!(!close(vec![hash(1), hash(1)]).is_in_order());
        let asks = |electors: &[u8], choices: usize| {
            let mut asks = proposal(None);
            let membership = |it: &u8| MembershipId::from_bytes([*it; 32]);
            asks.electors = electors.iter().map(membership).collect();
            asks.choices.truncate(choices);
            PollSaid::Proposal(asks)
        };
        assert!(asks(&[1, 2], 2).is_in_order());
        assert!(!asks(&[2, 1], 2).is_in_order());
        assert!(!asks(&[1, 2], 1).is_in_order());
    }

    fn casts() -> impl Strategy<Value = Vec<Cast>> {
        let one = (1u8..6, 0u64..4, 0u32..4, 0u64..150, any::<bool>());
        proptest::collection::vec(one, 0..12).prop_map(|all| {
            let made = (1u8..).zip(all);
            made.map(|(id, (by, number, choice, seconds, holds))| {
                let mut made = cast(id, by, number, choice);
                made.ballot.at = at(seconds);
                made.holds = holds;
                made
            })
            .collect()
        })
    }

    fn closes() -> impl Strategy<Value = Vec<Ends>> {
        let named = proptest::collection::vec(1u8..14, 0..4);
        proptest::collection::vec((named, any::<bool>()), 0..4).prop_map(|all| {
            let made = (100u8..).zip(all);
            made.map(|(id, (named, holds))| Ends {
                holds,
                ..ends(id, &named)
            })
            .collect()
        })
    }

    /// In another order, and each twice.
    fn mixed<T: Clone + std::fmt::Debug>(
        all: impl Strategy<Value = Vec<T>>,
    ) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
        all.prop_flat_map(|all| {
            let twice = [all.clone(), all.clone()].concat();
            (Just(all), Just(twice).prop_shuffle())
        })
    }

    proptest! {
        #[test]
        fn the_same_ballots_and_closes_make_the_same_in_any_order_and_however_often_they_come(
            (casts, mixed_casts) in mixed(casts()),
            (closes, mixed_closes) in mixed(closes()),
        ) {
            let (three, proposal) = (electorate(&[1, 2, 3]), proposal(Some(Quorum::Percent(50))));
            let here: BTreeSet<EntryHash> = casts.iter().map(|it| it.id).collect();
            let counts = |casts: Vec<Cast>, closes: &[Ends]| {
                let closings = closes.iter().map(Ends::held);
                count(&proposal, &three, casts, closings, |it| here.contains(it))
            };
            let expected = counts(casts, &closes);
            prop_assert_eq!(&counts(mixed_casts, &mixed_closes), &expected);
            let counted = expected.judged.values().filter(|it| it.1 == BallotFate::Counted);
            let voters: Vec<_> = counted.map(|it| it.0.ballot.by).collect();
            let each: BTreeSet<_> = voters.iter().copied().collect();
            prop_assert_eq!(each.len(), voters.len(), "one person, one ballot");
            prop_assert!(each.is_subset(&three.persons));
            prop_assert_eq!(expected.tally.votes.iter().sum::<u64>(), expected.tally.voted);
        }

        /// Whatever is missing, and whatever comes later: there is this result, or none.
        #[test]
        fn a_result_is_never_followed_by_another(
            casts in casts(),
            closes in closes(),
            here in proptest::collection::vec(any::<bool>(), 16),
            known in any::<bool>(),
            heard in proptest::collection::vec(any::<bool>(), 4),
            later_cut in proptest::collection::vec(any::<bool>(), 12),
        ) {
            let three = electorate(&[1, 2, 3]);
            let all: BTreeSet<EntryHash> = casts.iter().map(|it| it.id).collect();
            let part: Vec<Cast> = (casts.iter().zip(&here))
                .filter(|(_, here)| **here)
                .map(|(cast, _)| cast.clone())
                .collect();
            let heard = (closes.iter().zip(&heard)).filter(|(_, heard)| **heard);
            let heard = heard.map(|(closes, _)| closes.held());
            let fewer = Electorate {
                unknown: 1,
                ..electorate(&[1, 2])
            };
            let before = count(
                &proposal(None),
                if known { &three } else { &fewer },
                part.clone(),
                heard,
                |it| part.iter().any(|cast| cast.id == *it) || !all.contains(it),
            );
            let mut later = casts;
            later.iter_mut().zip(&later_cut).for_each(|(cast, cut)| cast.holds &= !cut);
            let after = counted(None, &later, &closes);
            let is_result = |of: &PollOutcome| !matches!(
                of,
                PollOutcome::Open | PollOutcome::Arriving | PollOutcome::Contested | PollOutcome::Undone
            );
            if is_result(&before.tally.outcome) && is_result(&after.tally.outcome) {
                prop_assert_eq!(&before.tally, &after.tally);
            }
            prop_assert!(!is_result(&before.tally.outcome) || after.tally.outcome != PollOutcome::Open);
        }
    }
}
