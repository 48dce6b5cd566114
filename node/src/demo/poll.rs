//! The circle votes: one asks, all but one vote, one of them twice, and all see the same count.

use std::collections::BTreeSet;
use std::time::Instant;

use maille_core::command::{
    BallotFate, Command, CommandError, Done, PollOutcome, PollShown, PollWish, Quorum,
};
use maille_node::driver::CallError;
use maille_protocol::id::{CircleId, PersonId};
use serde_json::json;

use super::circle::MEMBERS;
use super::held::same_for_all;
use super::someone::{Someone, other_answer};
use super::{Show, millis_since};
use crate::cli::failure::Failure;
use crate::i18n::DemoStep;

/// Who asks, by their place in the circle: Léo, who is no admin.
const ASKS: usize = 2;
/// Who does not vote in time: the last.
const SILENT: usize = MEMBERS - 1;
/// The ballots, in the order in which they are cast: who, and the number of the choice. Marc changes his mind.
const BALLOTS: [(usize, u32); MEMBERS] = [
    (1, 1),
    (0, 2),
    (2, 1),
    (3, 2),
    (4, 3),
    (5, 2),
    (6, 1),
    (1, 2),
];
/// What they come to, choice by choice.
const VOTES: [u64; 3] = [2, 4, 1];
/// How many have to vote: half.
const QUORUM: Quorum = Quorum::Percent(50);

/// Returns the poll as Léo sees it at its end.
pub(super) async fn poll(
    circle: CircleId,
    members: &[&Someone; MEMBERS],
    show: &mut Show<'_>,
) -> Result<PollShown, Failure> {
    let step = show.step(DemoStep::Poll);
    let begun = Instant::now();
    let (asks, silent) = (members[ASKS], members[SILENT]);
    let wish = PollWish {
        question: show.screen.text.demo_question().to_owned(),
        choices: show.screen.text.demo_choices().map(str::to_owned).into(),
        until: None,
        quorum: Some(QUORUM),
    };
    let circle = circle.to_string();
    let Some(opened) = polled(asks, Command::CirclePollOpen { circle, wish }).await? else {
        return Err(step.failed("the poll waits for a key"));
    };
    let all: BTreeSet<PersonId> = members.iter().map(|it| it.node.person()).collect();
    let may_vote: BTreeSet<PersonId> = opened.electorate.iter().map(|it| it.person).collect();
    step.sure(may_vote == all, || {
        format!("{} of {MEMBERS} may vote", may_vote.len())
    })?;

    for (at, number) in BALLOTS {
        let voter = members[at];
        step.wait("the poll at a member's", || async {
            let seen = seen(voter, &opened.id).await?;
            Ok(seen.filter(|it| it.may_vote).map(drop))
        })
        .await?;
        let vote = vote(&opened, number);
        let voted = polled(voter, vote).await?;
        step.sure(voted.is_some_and(|it| it.mine == Some(number)), || {
            format!("the ballot of {} is not theirs", voter.called)
        })?;
    }
    step.wait("all ballots at who asked", || async {
        let seen = seen(asks, &opened.id).await?;
        Ok(seen.filter(|it| it.tally.votes == VOTES).map(drop))
    })
    .await?;
    let close = || Command::CirclePollClose {
        poll: opened.id.clone(),
    };
    let refused = silent.node.call(close()).await;
    let may_not = |error: &CommandError| matches!(error, CommandError::NotCloser { .. });
    step.sure(is_refused(&refused, may_not), || {
        format!("{} closed it", silent.called)
    })?;
    polled(asks, close()).await?;

    let poll = step.wait("the end of the poll", || async {
        let seen = seen(asks, &opened.id).await?;
        Ok(seen.filter(|it| it.tally.outcome == PollOutcome::Chosen { choice: 2 }))
    });
    let poll = same_for_all(poll.await?);
    for member in members {
        step.wait("the same poll at all", || async {
            let seen = seen(member, &opened.id).await?.map(same_for_all);
            Ok((seen.as_ref() == Some(&poll)).then_some(()))
        })
        .await?;
    }
    let tally = &poll.tally;
    step.sure(
        tally.votes == VOTES
            && (tally.voted, tally.electors) == (BALLOTS.len() as u64 - 1, all.len() as u64)
            && tally.needed == Some(QUORUM.of(tally.electors))
            && tally.reached,
        || format!("{tally:?}"),
    )?;
    let cast = cast(members);
    let ballots: BTreeSet<(PersonId, u32, bool)> = (poll.ballots.iter())
        .map(|it| (it.by.person, it.choice, it.fate == BallotFate::Counted))
        .collect();
    step.sure(ballots == cast, || {
        format!("other ballots than were cast: {:?}", poll.ballots)
    })?;
    let late = silent.node.call(vote(&poll, 1)).await;
    let closed = |error: &CommandError| matches!(error, CommandError::PollClosed { .. });
    step.sure(is_refused(&late, closed), || {
        format!("{} voted after the end", silent.called)
    })?;
    let within_ms = millis_since(begun);
    show.note(&show.screen.text.demo_counted(&poll));
    show.seen(
        &step,
        &json!({
            "poll": poll.id,
            "electors": poll.tally.electors,
            "voted": poll.tally.voted,
            "needed": poll.tally.needed,
            "votes": poll.tally.votes,
            "outcome": poll.tally.outcome,
            "same_at": members.len(),
            "within_ms": within_ms,
        }),
    );
    Ok(poll)
}

/// The ballots as they were cast: whose, the choice, and whether it is the last of theirs.
fn cast(members: &[&Someone; MEMBERS]) -> BTreeSet<(PersonId, u32, bool)> {
    let is_last = |place: usize, at: usize| BALLOTS[place + 1..].iter().all(|it| it.0 != at);
    let ballots = BALLOTS.iter().enumerate();
    ballots
        .map(|(place, (at, number))| (members[*at].node.person(), *number, is_last(place, *at)))
        .collect()
}

/// A ballot for a choice, by its text.
fn vote(poll: &PollShown, number: u32) -> Command {
    Command::CirclePollVote {
        poll: poll.id.clone(),
        choice: poll.choices[number as usize - 1].clone(),
    }
}

/// The poll as a member sees it; nothing before it has come.
async fn seen(member: &Someone, poll: &str) -> Result<Option<PollShown>, Failure> {
    let poll = poll.to_owned();
    match member.node.call(Command::CirclePoll { poll }).await {
        Err(CallError::Command(CommandError::UnknownPoll { .. })) => Ok(None),
        Err(error) => Err(crate::cli::desk::of_call(error)),
        Ok(Done::CirclePolled { poll, .. }) => Ok(poll.map(|it| *it)),
        Ok(other) => Err(other_answer(&other)),
    }
}

async fn polled(member: &Someone, command: Command) -> Result<Option<PollShown>, Failure> {
    match member.ask(command).await? {
        Done::CirclePolled { poll, .. } => Ok(poll.map(|it| *it)),
        other => Err(other_answer(&other)),
    }
}

fn is_refused(answer: &Result<Done, CallError>, why: impl Fn(&CommandError) -> bool) -> bool {
    matches!(answer, Err(CallError::Command(error)) if why(error))
}
