//! What is shown as the end of a poll stays it, or is shown as none: on every node alike.

use maille_protocol::principal::UnverifiedAuthority;

use super::*;

impl World {
    /// The first three, a poll of the second in which the last two chose Tuesday, and its end.
    #[track_caller]
    fn ended(&mut self) -> PollShown {
        self.circle(3);
        self.opens(1);
        for (n, choice) in [(0, "Monday"), (1, "Tuesday"), (2, "Tuesday")] {
            self.votes(n, choice);
        }
        self.settle();
        self.closes(1);
        self.settle();
        let end = self.same_poll(&[0, 1, 2]);
        assert_eq!(end.tally.outcome, PollOutcome::Chosen { choice: 2 });
        end
    }

    fn holds_only(&mut self, n: usize, here: impl Fn(&CircleItem) -> bool) {
        let id = self.the_circle(n).id;
        self.nodes[n].home.holds_only(id, here);
    }
}

/// A fresh reader: a node to which a voter's authority was still on its way counted without the voter, and called that
/// the end.
#[test]
fn no_end_is_shown_while_a_voters_devices_are_not_known() {
    let mut world = World::of(3);
    let end = world.ended();
    let voter = world.person_of(2);
    let is_theirs = |item: &CircleItem| {
        let CircleItem::Person(bytes) = item else {
            return false;
        };
        UnverifiedAuthority::decode(bytes).unwrap().claimed_person() == Some(voter)
    };
    world.holds_only(0, |item| !is_theirs(item));
    let waits = world.the_poll(0);
    assert_eq!(waits.tally.outcome, PollOutcome::Arriving);
    assert!(!waits.may_vote && !waits.may_close);
    world.holds_only(0, |_| true);
    let comes = world.same_poll(&[0, 1, 2]);
    assert_eq!(comes.tally, end.tally);
}

/// Whatever a node lacks, it shows the end that the others show, or none.
#[test]
fn with_any_item_missing_the_end_is_the_same_or_none() {
    let mut world = World::of(3);
    let end = world.ended().tally.outcome;
    let items = world.items_of(0);
    let mut ends = 0;
    for missing in &items {
        world.holds_only(0, |item| item != missing);
        for poll in world.polls(0) {
            let shown = poll.tally.outcome;
            assert!(
                shown == end || matches!(shown, PollOutcome::Arriving | PollOutcome::Open),
                "{shown:?} without {missing:?}"
            );
            ends += usize::from(shown == end);
        }
    }
    assert!(ends > 0, "some items have nothing to do with it");
}

/// A fresh reader: whoever may close closed once more from another device, or somebody more senior did, and what had
/// been shown as the end was silently another.
#[test]
fn two_ends_that_differ_are_shown_as_contested_by_all_and_neither_wins() {
    let mut world = World::of(3);
    world.circle(3);
    let phone = world.pairs(1, false);
    world.settle();
    world.opens(1);
    world.votes(0, "Monday");
    world.settle();
    world.goes_away(phone);
    world.votes(1, "Tuesday");
    world.votes(2, "Tuesday");
    world.settle();
    world.closes(1);
    world.settle();
    let before = world.same_poll(&[0, 1, 2]);
    assert_eq!(before.tally.outcome, PollOutcome::Chosen { choice: 2 });
    // The phone has heard of no vote but the first.
    world.closes(phone);
    assert_eq!(
        world.the_poll(phone).tally.outcome,
        PollOutcome::Chosen { choice: 1 }
    );
    world.comes_back(phone);
    world.settle();
    let contested = world.same_poll(&[0, 1, 2, phone]);
    assert_eq!(contested.tally.outcome, PollOutcome::Contested);
    let mut ends: Vec<_> = contested
        .closes
        .iter()
        .map(|it| it.tally.votes.clone())
        .collect();
    ends.sort();
    assert_eq!(ends, [[1, 0], [1, 2]]);
    assert!(contested.closes.iter().all(|it| it.by.name == "member 1"));
    world.crashes(2);
    assert_eq!(world.same_poll(&[0, 1, 2, phone]), contested);
}

/// A fresh reader: a voter lost the phone they had voted with, took it out of their devices, and the vote was gone.
#[test]
fn a_counted_ballot_stays_when_its_device_is_removed_later() {
    let mut world = World::of(3);
    world.circle(3);
    let phone = world.pairs(2, false);
    world.settle();
    world.opens(1);
    world.votes(0, "Monday");
    world.votes(phone, "Tuesday");
    world.settle();
    world.goes_away(0); // nobody says what stays of the phone's
    world.closes(1);
    world.settle();
    let end = world.same_poll(&[1, 2]).tally;
    assert_eq!(end.voted, 2);
    let device = format!("device {phone}");
    world.asks(2, Command::DeviceRemove { device }).unwrap();
    world.settle();
    assert_eq!(world.same_poll(&[1, 2]).tally, end);
    world.comes_back(0);
    world.settle();
    assert_eq!(world.same_poll(&[0, 1, 2]).tally, end);
}

/// A fresh reader: an admin who had let a voter in was removed by somebody who had not heard of it, and the voter's
/// ballot silently went out of the count.
#[test]
fn a_poll_one_of_whose_voters_turns_out_not_to_belong_has_no_end() {
    let mut world = World::of(4);
    world.circle(1);
    world.lets_in_an_admin(1);
    world.lets_in_an_admin(2);
    world.goes_away(0);
    let link = world.invites(1, 1);
    world.joins(3, &link).unwrap();
    world.settle();
    world.opens(2);
    world.votes(2, "Monday");
    world.votes(3, "Tuesday");
    world.votes(1, "Tuesday");
    world.settle();
    world.closes(2);
    world.settle();
    let end = world.same_poll(&[1, 2, 3]).tally;
    assert_eq!(end.outcome, PollOutcome::Chosen { choice: 2 });
    world.goes_away(1);
    world.goes_away(2);
    world.goes_away(3);
    world.removes(0, 1);
    world.settle();
    world.comes_back(0);
    world.comes_back(2);
    world.settle();
    let poll = world.the_poll(2).tally;
    assert_eq!(
        (poll.outcome.clone(), poll.unknown),
        (PollOutcome::Arriving, 1)
    );
    assert_eq!(world.the_poll(0).tally, poll);
}

/// A fresh reader: the proposer, or whoever had closed, left, and until an admin said what stays of them the poll, or
/// its end, was gone.
#[test]
fn who_asked_and_closed_may_leave_and_the_end_stays() {
    let mut world = World::of(3);
    let end = world.ended().tally;
    world.goes_away(0); // the only admin
    world.leaves(1);
    assert_eq!(world.the_poll(2).tally, end);
    world.comes_back(0);
    world.settle();
    assert_eq!(world.same_poll(&[0, 2]).tally, end);
}

/// A removal that keeps less than a close takes it away: that is told, and the poll can be closed again.
#[test]
fn a_close_that_a_removal_cuts_is_told_and_another_can_be_made() {
    let mut world = World::of(3);
    world.circle(1);
    world.lets_in_an_admin(1);
    world.lets_in_an_admin(2);
    world.opens(2);
    world.votes(2, "Tuesday");
    world.settle();
    world.goes_away(0);
    world.closes(1);
    world.settle();
    let end = world.same_poll(&[1, 2]).tally;
    world.goes_away(1);
    world.goes_away(2);
    world.removes(0, 1);
    world.settle();
    world.comes_back(0);
    world.comes_back(2);
    world.settle();
    let undone = world.same_poll(&[0, 2]);
    assert_eq!(undone.tally.outcome, PollOutcome::Undone);
    assert!(!undone.closes[0].holds);
    world.closes(2);
    world.settle();
    let again = world.same_poll(&[0, 2]);
    assert_eq!(again.tally, end);
    assert_eq!(again.closes.len(), 2);
}

/// A fresh reader: whoever had a closed poll and then wrote 256 proposals in a new log hid it.
#[test]
fn a_closed_poll_is_hidden_by_no_number_of_later_ones() {
    let mut world = World::of(1);
    world.founds(0);
    for at in 0..=POLLS_EACH_MAX {
        world.adds(0, &at.to_string());
    }
    world.opens(0);
    world.votes(0, "Monday");
    world.closes(0);
    let end = world.the_poll(0);
    let id = world.the_circle(0).id;
    world.nodes[0].home.begins_another_log(id);
    let (now, electors) = (world.now, world.memberships(0));
    for _ in 0..=POLLS_EACH_MAX {
        let asks = world.proposal(0, electors.clone());
        world.nodes[0].home.writes_of_polls(now, id, asks);
    }
    assert_eq!(world.polls(0).len(), 1 + POLLS_EACH_MAX);
    let shown = world.polls(0).into_iter().find(|it| it.id == end.id);
    assert_eq!(shown.map(|it| it.tally), Some(end.tally));
}

/// A fresh reader: a vote that had to wait for a key was dated when it could be written, and shown as late.
#[test]
fn a_vote_that_waits_for_a_key_is_dated_when_it_was_cast() {
    let mut world = World::of(3);
    world.circle(3);
    world.opens(0);
    world.goes_away(2);
    world.removes(0, 1);
    // The third hears of the removal, and of no key yet that the removed has not.
    let said: Vec<_> = (world.items_of(0).into_iter())
        .filter(|it| matches!(it, CircleItem::Statement(_)))
        .collect();
    world.is_given(2, 0, said);
    let cast = world.now;
    world.votes(2, "Tuesday");
    assert!(world.the_poll(2).ballots.is_empty(), "it waits");
    world.now = world.now.plus_millis(DAY);
    world.closes(0);
    world.comes_back(2);
    world.settle();
    let poll = world.same_poll(&[0, 2]);
    assert_eq!(poll.ballots[0].at, cast);
    assert_eq!(poll.ballots[0].fate, BallotFate::NotCounted, "and not late");
}

/// A close that names what nobody has waited for ever, and nobody could make another.
#[test]
fn what_nobody_has_is_waited_for_some_days_and_another_may_close() {
    let mut world = World::of(2);
    world.circle(2);
    let opened = world.opens(1);
    world.votes(1, "Tuesday");
    world.settle();
    let named = vec![EntryHash([7; 32])];
    let close = world.close_of(1, &opened, named);
    world.forges(1, close);
    let waits = world.same_poll(&[0, 1]);
    assert_eq!(waits.tally.outcome, PollOutcome::Arriving);
    assert_eq!(waits.tally.missing, 1);
    let refused = world.tries_to_close(0).unwrap_err();
    assert!(matches!(refused, CommandError::PollClosed { .. }));
    world.now = world.now.plus_millis(8 * DAY);
    let refused = world.tries_to_close(1).unwrap_err();
    assert!(matches!(refused, CommandError::PollClosed { .. }));
    assert!(world.the_poll(0).may_close);
    world.closes(0);
    world.settle();
    let contested = world.same_poll(&[0, 1]);
    assert_eq!(contested.tally.outcome, PollOutcome::Contested);
    let ends = contested.closes.into_iter();
    let ends: Vec<_> = ends.map(|it| (it.by.name, it.tally.outcome)).collect();
    let chosen = PollOutcome::Chosen { choice: 2 };
    assert!(ends.contains(&("member 0".to_owned(), chosen)), "{ends:?}");
}
