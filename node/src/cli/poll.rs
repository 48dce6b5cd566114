//! `maille circle poll …`: the members of a circle vote.

use maille_core::command::{Command, Done, PollShown, PollWish, Quorum};
use maille_node::clock;
use serde_json::json;

use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::{PollFlags, PollListFlags, PollOpenFlags, PollVoteFlags};
use crate::cli::screen::Screen;
use crate::cli::{Context, until};

/// Reads `3` or `50%`.
pub(crate) fn quorum(typed: &str) -> Result<Quorum, String> {
    let typed = typed.trim();
    let (number, is_part) = match typed.strip_suffix('%') {
        Some(number) => (number.trim_end(), true),
        None => (typed, false),
    };
    let number: u32 = number.parse().map_err(|_| typed.to_owned())?;
    Ok(if is_part {
        Quorum::Percent(number)
    } else {
        Quorum::Voters(number)
    })
}

/// Asks the members of a circle.
pub(crate) fn open(context: &Context, flags: &PollOpenFlags) -> Result<(), Failure> {
    let until = flags.until.as_deref();
    let until = until.map(|it| until::until(it, clock::now(), &context.screen.clock));
    let wish = PollWish {
        question: flags.question.trim().to_owned(),
        choices: (flags.choices.iter())
            .map(|it| it.trim().to_owned())
            .collect(),
        until: until.transpose()?,
        quorum: flags.quorum,
    };
    let circle = flags.circle.clone();
    let command = Command::CirclePollOpen { circle, wish };
    done(context, "circle-poll-opened", command, |screen, poll| {
        screen.line(screen.text.poll_opened(poll));
    })
}

/// Lists the polls.
pub(crate) fn list(context: &Context, flags: &PollListFlags) -> Result<(), Failure> {
    let circle = flags.circle.clone();
    let Done::CirclePolls { polls } = Desk::open(context)?.ask(Command::CirclePolls { circle })?
    else {
        return Err(unexpected("circle poll list"));
    };
    let fields = json!({ "polls": polls });
    context.screen.done("circle-polls", fields, |screen| {
        if polls.is_empty() {
            screen.note(screen.text.no_polls());
        }
        for poll in &polls {
            screen.line(screen.text.poll(poll, clock::now(), &screen.clock));
        }
    });
    Ok(())
}

/// Shows one poll.
pub(crate) fn show(context: &Context, flags: &PollFlags) -> Result<(), Failure> {
    let poll = flags.poll.clone();
    done(context, "circle-poll", Command::CirclePoll { poll }, whole)
}

/// Votes.
pub(crate) fn vote(context: &Context, flags: &PollVoteFlags) -> Result<(), Failure> {
    let (poll, choice) = (flags.poll.clone(), flags.choice.clone());
    let command = Command::CirclePollVote { poll, choice };
    done(context, "circle-poll-voted", command, whole)
}

/// Ends a poll.
pub(crate) fn close(context: &Context, flags: &PollFlags) -> Result<(), Failure> {
    let poll = flags.poll.clone();
    let command = Command::CirclePollClose { poll };
    done(context, "circle-poll-closed", command, whole)
}

fn whole(screen: &Screen, poll: &PollShown) {
    screen.lines(screen.text.poll_whole(poll, clock::now(), &screen.clock));
}

/// Asks, and tells what came of it.
fn done(
    context: &Context,
    done: &str,
    command: Command,
    readable: impl FnOnce(&Screen, &PollShown),
) -> Result<(), Failure> {
    let writes = command.writes();
    let mut desk = Desk::open(context)?;
    let Done::CirclePolled {
        poll,
        circle,
        waiting,
    } = desk.ask(command)?
    else {
        return Err(unexpected("circle poll"));
    };
    let fields = json!({ "poll": poll, "circle": circle, "waiting": waiting });
    context.screen.done(done, fields, |screen| {
        if let Some(poll) = &poll {
            readable(screen, poll);
        }
        if waiting > 0 {
            screen.note(screen.text.circle_edits_waiting(waiting));
        } else if writes && !desk.is_running() {
            screen.note(screen.text.circle_not_running());
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quorum_is_a_number_of_people_or_a_part_of_them() {
        assert_eq!(quorum("3"), Ok(Quorum::Voters(3)));
        assert_eq!(quorum(" 50 % "), Ok(Quorum::Percent(50)));
        for typed in ["", "%", "half", "-1", "1.5", "5000000000"] {
            assert!(quorum(typed).is_err(), "{typed}");
        }
    }
}
