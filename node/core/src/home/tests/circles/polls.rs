//! Polls: asked, voted in, closed; and those who cheat.

use maille_protocol::id::MembershipId;

use super::*;
use crate::command::{BallotFate, BallotShown, PollOutcome, PollShown, PollWish, Quorum};
use crate::poll::{
    BALLOTS_EACH_MAX, Ballot, CHOICES_MAX, Close, EntryHash, POLLS_EACH_MAX, PollSaid, Proposal,
    QUESTION_BYTES_MAX,
};

mod finality;

const QUESTION: &str = "Which evening?";

fn wish() -> PollWish {
    PollWish {
        question: QUESTION.to_owned(),
        choices: ["Monday", "Tuesday"].map(str::to_owned).to_vec(),
        until: None,
        quorum: None,
    }
}

fn hash_of(id: &str) -> EntryHash {
    let byte = |at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).unwrap();
    EntryHash(std::array::from_fn(byte))
}

impl World {
    fn asks_all(&mut self, n: usize, wish: PollWish) -> Result<PollShown, CommandError> {
        let circle = CIRCLE.to_owned();
        let done = self.asks(n, Command::CirclePollOpen { circle, wish })?;
        Ok(polled(done))
    }

    #[track_caller]
    fn opens(&mut self, n: usize) -> PollShown {
        let poll = self.asks_all(n, wish()).unwrap();
        self.settle();
        poll
    }

    fn tries_to_vote(&mut self, n: usize, choice: &str) -> Result<PollShown, CommandError> {
        let (poll, choice) = (QUESTION.to_owned(), choice.to_owned());
        self.asks(n, Command::CirclePollVote { poll, choice })
            .map(polled)
    }

    #[track_caller]
    fn votes(&mut self, n: usize, choice: &str) {
        self.tries_to_vote(n, choice).unwrap();
    }

    fn tries_to_close(&mut self, n: usize) -> Result<PollShown, CommandError> {
        let poll = QUESTION.to_owned();
        self.asks(n, Command::CirclePollClose { poll }).map(polled)
    }

    #[track_caller]
    fn closes(&mut self, n: usize) {
        self.tries_to_close(n).unwrap();
    }

    #[track_caller]
    fn polls(&mut self, n: usize) -> Vec<PollShown> {
        match self.asks(n, Command::CirclePolls { circle: None }) {
            Ok(Done::CirclePolls { polls }) => polls,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn the_poll(&mut self, n: usize) -> PollShown {
        let mut polls = self.polls(n);
        assert_eq!(polls.len(), 1);
        polls.remove(0)
    }

    /// The poll, which all of them show alike.
    #[track_caller]
    fn same_poll(&mut self, nodes: &[usize]) -> PollShown {
        let shared = |mut poll: PollShown| {
            (poll.mine, poll.may_vote, poll.may_close) = (None, false, false);
            poll
        };
        let first = shared(self.the_poll(nodes[0]));
        for n in &nodes[1..] {
            assert_eq!(shared(self.the_poll(*n)), first, "{n}");
        }
        first
    }

    fn memberships(&mut self, n: usize) -> Vec<MembershipId> {
        let id = self.the_circle(n).id;
        self.nodes[n].home.memberships_of(id)
    }

    fn ballot(&self, n: usize, poll: &PollShown, choice: u32) -> PollSaid {
        PollSaid::Ballot(Ballot {
            poll: hash_of(&poll.id),
            by: self.person_of(n),
            number: 1,
            choice,
            at: self.now,
        })
    }

    fn close_of(&self, n: usize, poll: &PollShown, named: Vec<EntryHash>) -> PollSaid {
        PollSaid::Close(Close {
            poll: hash_of(&poll.id),
            by: self.person_of(n),
            named,
            at: self.now,
        })
    }

    fn proposal(&self, n: usize, electors: Vec<MembershipId>) -> PollSaid {
        let wish = wish();
        PollSaid::Proposal(Proposal {
            by: self.person_of(n),
            question: wish.question,
            choices: wish.choices,
            electors,
            at: self.now,
            until: None,
            quorum: None,
        })
    }

    /// Writes an entry of a poll by hand, as a changed Maille could, and lets it arrive.
    fn forges(&mut self, n: usize, said: PollSaid) -> EntryHash {
        let id = self.the_circle(n).id;
        let now = self.now;
        let written = self.nodes[n].home.writes_of_polls(now, id, said);
        self.settle();
        written
    }
}

#[track_caller]
fn polled(done: Done) -> PollShown {
    match done {
        Done::CirclePolled {
            poll: Some(poll), ..
        } => *poll,
        other => panic!("{other:?}"),
    }
}

fn fates_of(poll: &PollShown, name: &str) -> Vec<BallotFate> {
    let theirs = |it: &&BallotShown| it.by.name == name;
    poll.ballots
        .iter()
        .filter(theirs)
        .map(|it| it.fate)
        .collect()
}

fn names(electors: &[crate::command::Elector]) -> Vec<&str> {
    let mut names: Vec<&str> = electors.iter().map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn all_see_the_same_tally_of_a_poll_that_was_closed() {
    let mut world = World::of(3);
    world.circle(3);
    let wish = PollWish {
        quorum: Some(Quorum::Percent(60)),
        ..wish()
    };
    let opened = world.asks_all(1, wish).unwrap();
    assert_eq!(names(&opened.electorate).len(), 3);
    world.settle();
    world.votes(0, "Tuesday");
    world.votes(1, "1");
    world.settle();
    // Marc changes his mind.
    world.votes(1, "tuesday");
    world.settle();
    let open = world.same_poll(&[0, 1, 2]);
    assert_eq!(open.tally.votes, [0, 2]);
    assert_eq!(open.tally.outcome, PollOutcome::Open);
    assert_eq!(world.the_poll(1).mine, Some(2));
    let refused = world.tries_to_close(2).unwrap_err();
    assert!(matches!(refused, CommandError::NotCloser { .. }));
    world.closes(1);
    world.settle();
    let closed = world.same_poll(&[0, 1, 2]);
    assert_eq!(closed.tally.outcome, PollOutcome::Chosen { choice: 2 });
    assert_eq!((closed.tally.needed, closed.tally.reached), (Some(2), true));
    let replaced = vec![BallotFate::Replaced, BallotFate::Counted];
    assert_eq!(fates_of(&closed, "member 1"), replaced);
    for refused in [world.tries_to_vote(2, "1"), world.tries_to_close(0)] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, CommandError::PollClosed { .. }));
    }
    world.crashes(2);
    assert_eq!(world.same_poll(&[0, 1, 2]), closed);
}

#[test]
fn a_member_who_votes_from_two_devices_has_one_ballot() {
    let mut world = World::of(2);
    world.circle(2);
    let phone = world.pairs(1, false);
    world.settle();
    world.opens(0);
    // Both apart, so that neither knows of the other.
    world.goes_away(phone);
    world.votes(1, "Monday");
    world.votes(phone, "Tuesday");
    world.comes_back(phone);
    world.settle();
    let poll = world.same_poll(&[0, 1, phone]);
    assert_eq!(poll.ballots.len(), 2);
    assert_eq!((poll.tally.voted, poll.tally.electors), (1, 2));
    let mut fates: Vec<_> = poll.ballots.iter().map(|it| it.fate).collect();
    fates.sort_by_key(|it| *it != BallotFate::Counted);
    assert_eq!(fates, [BallotFate::Counted, BallotFate::Replaced]);
    world.votes(phone, "Tuesday");
    world.settle();
    assert_eq!(world.same_poll(&[0, 1, phone]).tally.votes, [0, 1]);
}

#[test]
fn who_came_in_later_does_not_vote() {
    let mut world = World::of(3);
    world.circle(2);
    let opened = world.opens(0);
    let link = world.invites(0, 1);
    world.joins(2, &link).unwrap();
    world.settle();
    let refused = world.tries_to_vote(2, "Monday").unwrap_err();
    assert!(matches!(refused, CommandError::NotInElectorate { .. }));
    let ballot = world.ballot(2, &opened, 0);
    world.forges(2, ballot);
    let poll = world.same_poll(&[0, 1, 2]);
    assert_eq!(names(&poll.electorate), ["member 0", "member 1"]);
    assert_eq!(names(&poll.outside), ["member 2"]);
    assert_eq!(fates_of(&poll, "member 2"), [BallotFate::NotInElectorate]);
    assert_eq!(poll.tally.votes, [0, 0]);
    // Not even if who closes names it.
    let named = vec![hash_of(&poll.ballots[0].id)];
    let close = world.close_of(0, &opened, named);
    world.forges(0, close);
    let poll = world.same_poll(&[0, 1, 2]);
    assert_eq!(poll.tally.outcome, PollOutcome::NoVotes);
}

/// A ballot is whose it says, if it lies in the log of a device of theirs.
#[test]
fn a_ballot_is_of_whoever_signed_it_and_of_nobody_else() {
    let mut world = World::of(3);
    world.circle(3);
    let opened = world.opens(0);
    world.votes(2, "Monday");
    world.settle();
    // Marc writes a ballot of a higher number than Zoé's: it is his own.
    let ballot = |by| {
        PollSaid::Ballot(Ballot {
            poll: hash_of(&opened.id),
            by,
            number: u64::MAX,
            choice: 1,
            at: Timestamp::from_millis(0),
        })
    };
    let (marc, zoe) = (world.person_of(1), world.person_of(2));
    world.forges(1, ballot(marc));
    // And one that says that it is hers is nobody's.
    world.forges(1, ballot(zoe));
    let poll = world.same_poll(&[0, 1, 2]);
    assert_eq!(fates_of(&poll, "member 2"), [BallotFate::Counted]);
    assert_eq!(poll.tally.votes, [1, 1]);
    assert_eq!(world.the_poll(2).mine, Some(1));
    // And his entry, changed in one byte to lie in her log, is nobody's.
    let mut items = world.items_of(1);
    let forged = items.iter_mut().rev().find_map(|item| match item {
        CircleItem::Entry(bytes) => Some(bytes),
        _ => None,
    });
    let forged = forged.unwrap();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let (id, from) = (world.the_circle(0).id, world.nodes[1].secrets.transport);
    let (now, person) = (world.now, world.person_of(1));
    let item = CircleItem::Entry(forged.clone());
    let node = &mut world.nodes[0];
    let taken = (node.home).take_circle_item(now, &mut node.rng, (person, from), (id, item));
    assert!(taken.is_err(), "its sender is at fault");
    assert_eq!(world.same_poll(&[0, 1, 2]), poll);
}

#[test]
fn a_ballot_that_who_closes_leaves_out_is_seen_by_all() {
    let mut world = World::of(3);
    world.circle(3);
    let opened = world.opens(0);
    for (n, choice) in [(0, "Monday"), (1, "Tuesday"), (2, "Tuesday")] {
        world.votes(n, choice);
    }
    world.settle();
    let of_the_first = world.the_poll(0).ballots.into_iter();
    let named: Vec<_> = of_the_first
        .filter(|it| it.by.name == "member 0")
        .map(|it| hash_of(&it.id))
        .collect();
    let close = world.close_of(0, &opened, named);
    world.forges(0, close);
    let poll = world.same_poll(&[0, 1, 2]);
    assert_eq!(poll.tally.outcome, PollOutcome::Chosen { choice: 1 });
    for left_out in ["member 1", "member 2"] {
        assert_eq!(fates_of(&poll, left_out), [BallotFate::NotCounted]);
    }
    assert_eq!(poll.closes[0].by.name, "member 0");
}

#[test]
fn who_was_removed_keeps_the_vote_that_they_cast_and_casts_no_other() {
    let mut world = World::of(3);
    world.circle(3);
    world.opens(0);
    world.votes(1, "Tuesday");
    world.settle();
    world.removes(0, 1);
    world.settle();
    let refused = world.tries_to_vote(1, "Monday").unwrap_err();
    assert!(matches!(refused, CommandError::NotAllowedInCircle { .. }));
    world.closes(0);
    world.settle();
    let poll = world.same_poll(&[0, 2]);
    assert_eq!(poll.tally.votes, [0, 1]);
    assert_eq!(poll.tally.electors, 3, "as when it was asked");
    let gone = poll.electorate.iter().find(|it| it.name == "member 1");
    assert!(!gone.unwrap().member);
}

/// The first removes the second, of whose ballot they have not heard; the third has, and had closed.
#[test]
fn a_ballot_that_was_counted_counts_though_its_log_is_cut_later() {
    let mut world = World::of(3);
    world.circle(3);
    world.opens(2);
    world.goes_away(0);
    world.votes(1, "Tuesday");
    world.settle();
    world.closes(2);
    world.settle();
    let before = world.the_poll(2).tally;
    assert_eq!(before.votes, [0, 1]);
    world.removes(0, 1);
    // Their cut is said before anybody can tell them of the ballot.
    world.settle();
    world.goes_away(1);
    world.comes_back(0);
    world.settle();
    let poll = world.same_poll(&[0, 2]);
    assert_eq!(poll.tally, before);
    assert!(!poll.ballots[0].holds, "and all see that it was cut");
}

#[test]
fn a_vote_for_what_nobody_asked_is_refused_and_counts_for_nothing() {
    let mut world = World::of(2);
    world.circle(2);
    let opened = world.opens(0);
    for typed in ["Sunday", "3", "0", ""] {
        let refused = world.tries_to_vote(1, typed).unwrap_err();
        assert!(
            matches!(refused, CommandError::UnknownChoice { choices, .. } if choices.len() == 2)
        );
    }
    let ballot = world.ballot(1, &opened, 2);
    world.forges(1, ballot);
    let poll = world.same_poll(&[0, 1]);
    assert_eq!(fates_of(&poll, "member 1"), [BallotFate::NoSuchChoice]);
    assert_eq!(poll.tally.voted, 0);
}

#[test]
fn a_choice_that_is_anothers_number_has_to_be_said_otherwise() {
    let mut world = World::of(1);
    world.founds(0);
    let choices = ["2", "1", "10"].map(str::to_owned).to_vec();
    world.asks_all(0, PollWish { choices, ..wish() }).unwrap();
    let refused = world.tries_to_vote(0, "1").unwrap_err();
    assert!(matches!(refused, CommandError::AmbiguousChoice { .. }));
    assert_eq!(world.tries_to_vote(0, "3").unwrap().mine, Some(3));
    assert_eq!(world.tries_to_vote(0, "10").unwrap().mine, Some(3));
}

#[test]
fn whom_a_proposal_leaves_out_is_seen_and_one_of_unknown_members_waits() {
    let mut world = World::of(4);
    world.circle(2);
    let before = world.memberships(1);
    let link = world.invites(0, 2);
    world.joins(2, &link).unwrap();
    world.settle();
    let with_third = world.memberships(1);
    world.joins(3, &link).unwrap();
    world.settle();
    // As if nobody had been let in yet: that may be.
    let asks = world.proposal(1, before.clone());
    world.forges(1, asks);
    let poll = world.same_poll(&[0, 1, 2, 3]);
    assert_eq!(names(&poll.electorate), ["member 0", "member 1"]);
    assert_eq!(names(&poll.outside), ["member 2", "member 3"]);
    assert!(poll.left_out.is_empty());
    // With the fourth, and without the third who was there before.
    let last: Vec<_> = (world.memberships(1).into_iter())
        .filter(|it| before.contains(it) || !with_third.contains(it))
        .collect();
    let asks = world.proposal(1, last);
    world.forges(1, asks);
    // As if there were somebody of whom nobody has heard.
    let nobody = MembershipId::from_bytes([0xFF; 32]);
    let with_nobody = [before.as_slice(), &[nobody]].concat();
    let asks = world.proposal(1, with_nobody);
    world.forges(1, asks);
    for n in 0..4 {
        let polls = world.polls(n);
        let left_out: Vec<_> = polls.iter().map(|it| names(&it.left_out)).collect();
        assert_eq!(
            left_out.concat(),
            ["member 2"],
            "all see whom it leaves out"
        );
        let waits: Vec<_> = polls.iter().filter(|it| it.tally.unknown > 0).collect();
        assert_eq!((polls.len(), waits.len()), (3, 1));
        assert!(!waits[0].may_vote && !waits[0].may_close);
        let (poll, choice) = (waits[0].id.clone(), "1".to_owned());
        let refused = world.asks(n, Command::CirclePollVote { poll, choice });
        assert!(matches!(refused, Err(CommandError::PollArriving { .. })));
    }
    // And who does not belong to the electorate that they name asks nothing.
    let asks = world.proposal(2, before);
    world.forges(2, asks);
    assert_eq!(world.polls(0).len(), 3);
}

#[test]
fn two_who_close_at_once_are_shown_to_all_with_what_each_comes_to() {
    let mut world = World::of(3);
    world.circle(3);
    world.opens(1);
    world.goes_away(1);
    world.goes_away(2);
    world.votes(0, "Monday");
    world.closes(0);
    world.votes(1, "Tuesday");
    world.closes(1);
    assert_ne!(world.the_poll(0).tally, world.the_poll(1).tally);
    world.comes_back(1);
    world.comes_back(2);
    world.settle();
    let poll = world.same_poll(&[0, 1, 2]);
    assert_eq!(poll.tally.outcome, PollOutcome::Contested);
    let ends = poll.closes.into_iter();
    let mut ends: Vec<_> = ends.map(|it| (it.by.name, it.tally.votes)).collect();
    ends.sort();
    let of = |name: &str, votes: [u64; 2]| (name.to_owned(), votes.to_vec());
    assert_eq!(ends, [of("member 0", [1, 0]), of("member 1", [0, 1])]);
    let refused = world.tries_to_vote(2, "Monday").unwrap_err();
    assert!(matches!(refused, CommandError::PollClosed { .. }));
}

#[test]
fn what_somebody_votes_who_was_away_for_weeks_is_shown_as_late() {
    let mut world = World::of(3);
    world.circle(3);
    world.opens(0);
    world.goes_away(2);
    world.goes_away(1);
    world.votes(1, "Tuesday"); // before the close, and it comes after
    world.settle();
    world.votes(0, "Monday");
    world.closes(0);
    world.settle();
    let before = world.the_poll(0).tally;
    world.now = world.now.plus_millis(21 * DAY);
    world.votes(2, "Tuesday"); // weeks after
    world.comes_back(1);
    world.comes_back(2);
    world.settle();
    let poll = world.same_poll(&[0, 1, 2]);
    assert_eq!(poll.tally, before);
    assert_eq!(fates_of(&poll, "member 1"), [BallotFate::NotCounted]);
    assert_eq!(fates_of(&poll, "member 2"), [BallotFate::Late]);
}

#[test]
fn a_ballot_past_the_deadline_does_not_count() {
    let mut world = World::of(2);
    world.circle(2);
    let until = Some(world.now.plus_millis(DAY));
    world.asks_all(0, PollWish { until, ..wish() }).unwrap();
    world.settle();
    world.votes(0, "Monday");
    world.now = world.now.plus_millis(2 * DAY);
    world.settle();
    let refused = world.tries_to_vote(1, "Monday").unwrap_err();
    assert!(matches!(refused, CommandError::PollOver { .. }));
    let opened = world.the_poll(0);
    let ballot = world.ballot(1, &opened, 1);
    world.forges(1, ballot);
    world.closes(0);
    world.settle();
    let poll = world.same_poll(&[0, 1]);
    assert_eq!(fates_of(&poll, "member 1"), [BallotFate::PastDeadline]);
    assert_eq!(poll.tally.votes, [1, 0]);
}

#[test]
fn one_choice_byte_or_voter_past_the_bounds_is_refused() {
    let mut world = World::of(1);
    world.founds(0);
    let choices = |count: usize| (0..count).map(|it| it.to_string()).collect::<Vec<_>>();
    for count in [0, 1, CHOICES_MAX + 1] {
        let choices = choices(count);
        let refused = world
            .asks_all(0, PollWish { choices, ..wish() })
            .unwrap_err();
        assert!(
            matches!(refused, CommandError::BadChoices { .. }),
            "{count}"
        );
    }
    let twice = ["yes", "Yes"].map(str::to_owned).to_vec();
    let refused = world.asks_all(
        0,
        PollWish {
            choices: twice,
            ..wish()
        },
    );
    assert!(matches!(refused, Err(CommandError::BadChoices { .. })));
    for (quorum, good) in [
        (Quorum::Voters(0), false),
        (Quorum::Voters(1), true),
        (Quorum::Voters(2), false),
        (Quorum::Percent(0), false),
        (Quorum::Percent(100), true),
        (Quorum::Percent(101), false),
    ] {
        let quorum = Some(quorum);
        let asked = world.asks_all(0, PollWish { quorum, ..wish() });
        match asked {
            Ok(_) => assert!(good, "{quorum:?}"),
            Err(refused) => {
                assert!(!good && matches!(refused, CommandError::BadQuorum { electors: 1 }));
            }
        }
    }
    let long = |bytes| PollWish {
        question: "x".repeat(bytes),
        choices: choices(CHOICES_MAX),
        ..wish()
    };
    let refused = world.asks_all(0, long(QUESTION_BYTES_MAX + 1)).unwrap_err();
    assert!(matches!(refused, CommandError::BadText { field, .. } if field == "question"));
    for _ in 2..POLLS_EACH_MAX {
        world.asks_all(0, long(QUESTION_BYTES_MAX)).unwrap();
    }
    let refused = world.asks_all(0, wish()).unwrap_err();
    assert!(matches!(refused, CommandError::TooMany { max: 256, .. }));
    // Nor is one more shown that somebody writes all the same.
    let id = world.the_circle(0).id;
    let (now, electors) = (world.now, world.memberships(0));
    let one_more = world.proposal(0, electors);
    world.nodes[0].home.writes_of_polls(now, id, one_more);
    assert_eq!(world.polls(0).len(), POLLS_EACH_MAX);
}

#[test]
fn one_change_of_mind_past_the_bound_is_refused_and_counts_for_nothing() {
    let mut world = World::of(1);
    world.founds(0);
    let opened = world.opens(0);
    for at in 0..BALLOTS_EACH_MAX {
        world.votes(0, ["Monday", "Tuesday"][at % 2]);
    }
    let refused = world.tries_to_vote(0, "Monday").unwrap_err();
    assert!(matches!(refused, CommandError::TooMany { max: 64, .. }));
    let PollSaid::Ballot(ballot) = world.ballot(0, &opened, 0) else {
        panic!("a ballot")
    };
    let number = u64::MAX;
    let one_more = world.forges(0, PollSaid::Ballot(Ballot { number, ..ballot }));
    let poll = world.the_poll(0);
    assert_eq!(poll.ballots.len(), BALLOTS_EACH_MAX);
    assert_eq!(poll.tally.votes, [0, 1]);
    // Not even if a close names it: that ends the poll without a vote.
    let close = world.close_of(0, &opened, vec![one_more]);
    world.forges(0, close);
    assert_eq!(world.the_poll(0).tally.outcome, PollOutcome::NoVotes);
}

/// Of closes without number by one device the first is looked at.
#[test]
fn a_second_close_in_one_log_says_nothing() {
    let mut world = World::of(1);
    world.founds(0);
    let opened = world.opens(0);
    world.votes(0, "Monday");
    world.closes(0);
    let end = world.the_poll(0);
    let close = world.close_of(0, &opened, Vec::new());
    world.forges(0, close);
    assert_eq!(world.the_poll(0), end);
}
