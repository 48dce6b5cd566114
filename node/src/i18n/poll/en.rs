//! In English.

use maille_core::command::{
    BallotFate, BallotShown, CommandError, Elector, PollOutcome, PollShown, PollTally,
};
use maille_protocol::time::Timestamp;

use super::{PollText, choice, is_over, short};
use crate::cli::failure::Sentence;
use crate::i18n::Clock;
use crate::i18n::en::{English, counted, quoted};

/// The help text of a command or an argument about polls.
pub(crate) fn help(key: &str) -> Option<&'static str> {
    Some(match key {
        "circle poll" => "Votes in a circle: each member one ballot, open and signed",
        "circle poll open" => "Asks the members of a circle a question; who is in it now may vote",
        "circle poll open CIRCLE" => "The circle's name, or the beginning of its id",
        "circle poll open QUESTION" => "What you ask",
        "circle poll open --choice" => "What can be answered: give it twice or more",
        "circle poll open --until" => {
            "Until when ballots count, by the clocks of those who vote: 7d, 2 weeks, 2027-01-31"
        }
        "circle poll open --quorum" => "How many have to vote for it to count: 3, or 50%",
        "circle poll list" => "Shows the polls of your circles",
        "circle poll list CIRCLE" => "Only of this circle: its name, or the beginning of its id",
        "circle poll show" => "Shows a poll: who may vote, who voted what, and what came of it",
        "circle poll show POLL" => {
            "The beginning of its number (`maille circle poll list`), or its question"
        }
        "circle poll vote" => "Votes; once more, and the last counts, until the poll is closed",
        "circle poll vote POLL" => {
            "The beginning of its number (`maille circle poll list`), or its question"
        }
        "circle poll vote CHOICE" => "The number or the text of a choice",
        "circle poll close" => {
            "Ends a poll for good: the ballots that count on your device now are those that count"
        }
        "circle poll close POLL" => {
            "The beginning of its number (`maille circle poll list`), or its question"
        }
        _ => return None,
    })
}

/// What went wrong with a poll.
pub(crate) fn error(error: &CommandError, clock: &Clock) -> Option<Sentence> {
    Some(match error {
        CommandError::UnknownPoll { poll } => {
            Sentence::new(format!("no poll is known as {}", quoted(poll))).hint(
                "give the beginning of its number, or its question: `maille circle poll list`",
            )
        }
        CommandError::AmbiguousPoll { poll, candidates } => {
            Sentence::new(format!("several polls are known as {}", quoted(poll)))
                .details(candidates)
                .hint("give more of the number of the one you mean")
        }
        CommandError::BadChoices { min, max } => Sentence::new(format!(
            "a poll has from {min} to {max} choices, each another"
        ))
        .hint("for example `--choice Monday --choice Tuesday`"),
        CommandError::BadQuorum { electors } => Sentence::new(format!(
            "this quorum can never be reached, or never be missed: {} may vote",
            counted(*electors, "person", "people")
        ))
        .hint("give a number of people, such as `--quorum 3`, or a part of them: `--quorum 50%`"),
        CommandError::UnknownChoice { choice, choices } => {
            Sentence::new(format!("there is no choice {}", quoted(choice)))
                .details(&numbered(choices))
                .hint("give the number or the whole text of one of these")
        }
        CommandError::AmbiguousChoice { choice, choices } => Sentence::new(format!(
            "{} is the text of one choice and the number of another",
            quoted(choice)
        ))
        .details(&numbered(choices))
        .hint("give the text if you gave the number, or the number if you gave the text"),
        CommandError::NotInElectorate { question } => Sentence::new(format!(
            "you may not vote on {}: it was opened before you came into the circle",
            quoted(question)
        ))
        .hint("ask a member to open another poll"),
        CommandError::PollClosed { question } => {
            Sentence::new(format!("{} is closed", quoted(question)))
                .hint("see what came of it: `maille circle poll show POLL`")
        }
        CommandError::PollOver { question, until } => Sentence::new(format!(
            "the vote on {} ended on {}",
            quoted(question),
            clock.spell(*until, &English)
        ))
        .hint("who opened it, or an admin, closes it now: `maille circle poll close POLL`"),
        CommandError::PollArriving { question } => Sentence::new(format!(
            "{} is still arriving: who may vote is not known here yet",
            quoted(question)
        ))
        .hint("let Maille run until it is here (`maille run`), then try again"),
        CommandError::NotCloser { question } => {
            Sentence::new(format!("you may not close {}", quoted(question)))
                .hint("ask whoever opened it, or an admin of the circle")
        }
        _ => return None,
    })
}

fn numbered(choices: &[String]) -> Vec<String> {
    let numbered = (1..).zip(choices);
    numbered
        .map(|(number, text): (u32, _)| format!("{number}. {text}"))
        .collect()
}

fn name(elector: &Elector) -> String {
    if elector.member {
        elector.name.clone()
    } else {
        format!("{} (not in the circle any more)", elector.name)
    }
}

fn names(electors: &[Elector]) -> String {
    electors.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn votes(count: u64) -> String {
    counted(count, "vote", "votes")
}

/// What comes of a poll by one of its counts.
fn outcome(poll: &PollShown, tally: &PollTally, now: Timestamp, clock: &Clock) -> String {
    match &tally.outcome {
        PollOutcome::Open if is_over(poll, now) => {
            "the deadline has passed, not closed yet".to_owned()
        }
        PollOutcome::Open => match poll.until {
            Some(until) => format!("open until {}", clock.spell(until, &English)),
            None => "open".to_owned(),
        },
        PollOutcome::Arriving if tally.missing == 0 => {
            "closed; it is not known here yet who may vote".to_owned()
        }
        PollOutcome::Arriving => format!(
            "closed; {} on the way here",
            counted(
                tally.missing,
                "ballot that counts is",
                "ballots that count are"
            )
        ),
        PollOutcome::Contested => {
            "contested: closed more than once, with other ballots; nothing is decided".to_owned()
        }
        PollOutcome::Undone => "open again: a removal has taken back that it was closed".to_owned(),
        PollOutcome::NoVotes => "closed: nobody voted".to_owned(),
        PollOutcome::NoQuorum => "closed: too few voted, nothing is decided".to_owned(),
        PollOutcome::Tie { choices } => {
            let tied: Vec<String> = choices.iter().map(|it| quoted(choice(poll, *it))).collect();
            format!(
                "closed: a tie of {}, nothing is decided",
                tied.join(" and ")
            )
        }
        PollOutcome::Chosen { choice: number } => {
            format!("closed: {}", quoted(choice(poll, *number)))
        }
    }
}

/// What came of a ballot, if that is to be told.
fn fate(ballot: &BallotShown) -> &'static str {
    match ballot.fate {
        BallotFate::Counted if !ballot.holds => " (counted; cut since by a removal)",
        BallotFate::Counted => "",
        BallotFate::Replaced => " (replaced by a later one)",
        BallotFate::NotCounted => {
            " (not counted: it came after the end, or who closed left it out)"
        }
        BallotFate::Late => " (not counted: cast after the end)",
        BallotFate::PastDeadline => " (not counted: cast after the deadline)",
        BallotFate::Cut => " (not counted: cut by a removal)",
        BallotFate::NotInElectorate => " (not counted: may not vote in this poll)",
        BallotFate::NoSuchChoice => " (not counted: no such choice)",
    }
}

impl PollText for English {
    fn no_polls(&self) -> &'static str {
        "No poll yet. To open one: `maille circle poll open CIRCLE \"question\" --choice A --choice B`"
    }

    fn poll(&self, poll: &PollShown, now: Timestamp, clock: &Clock) -> String {
        format!(
            "{} · {} · {} · {} · {}/{}",
            short(poll),
            poll.circle_name,
            poll.question,
            outcome(poll, &poll.tally, now, clock),
            poll.tally.voted,
            votes(poll.tally.electors)
        )
    }

    fn poll_whole(&self, poll: &PollShown, now: Timestamp, clock: &Clock) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{} · {}",
                poll.question,
                outcome(poll, &poll.tally, now, clock)
            ),
            format!(
                "{} · {} · asked by {} on {}",
                short(poll),
                poll.circle_name,
                name(&poll.by),
                clock.spell(poll.at, self)
            ),
        ];
        for ((number, text), count) in (1..).zip(&poll.choices).zip(&poll.tally.votes) {
            let mine = if poll.mine == Some(number) {
                ", yours"
            } else {
                ""
            };
            lines.push(format!("  {number}. {text} · {}{mine}", votes(*count)));
        }
        let tally = &poll.tally;
        let electors = counted(tally.electors, "person", "people");
        lines.push(format!("{} of {electors} voted.", tally.voted));
        if let Some(needed) = tally.needed {
            let reached = if tally.reached {
                "reached"
            } else {
                "not reached"
            };
            lines.push(format!("Quorum: {needed} of {electors}, {reached}."));
        }
        lines.push(format!("May vote: {}", names(&poll.electorate)));
        if tally.unknown > 0 {
            lines.push(format!(
                "Of {} more it is not known here that they belong to the circle: nothing is decided before.",
                tally.unknown
            ));
        }
        if !poll.left_out.is_empty() {
            lines.push(format!(
                "Left out, though in the circle before others who may vote: {}",
                names(&poll.left_out)
            ));
        }
        if !poll.outside.is_empty() {
            lines.push(format!(
                "In the circle now, but not when it was asked: {}",
                names(&poll.outside)
            ));
        }
        if !poll.ballots.is_empty() {
            lines.push("Ballots:".to_owned());
        }
        for ballot in &poll.ballots {
            lines.push(format!(
                "  {} · {} · {}{}",
                name(&ballot.by),
                choice(poll, ballot.choice),
                clock.spell(ballot.at, self),
                fate(ballot)
            ));
        }
        for closed in &poll.closes {
            let came_to = match poll.tally.outcome {
                _ if !closed.holds => "; taken back since by a removal".to_owned(),
                PollOutcome::Contested => format!("; {}", outcome(poll, &closed.tally, now, clock)),
                _ => String::new(),
            };
            lines.push(format!(
                "Closed by {} on {}, who counts {}{came_to}.",
                name(&closed.by),
                clock.spell(closed.at, self),
                counted(closed.named, "ballot", "ballots")
            ));
        }
        if poll.may_vote && !is_over(poll, now) {
            lines.push(format!(
                "To vote: maille circle poll vote {} CHOICE",
                short(poll)
            ));
        }
        if poll.may_close {
            lines.push(format!(
                "To end it: maille circle poll close {}",
                short(poll)
            ));
        }
        lines
    }

    fn poll_opened(&self, poll: &PollShown) -> String {
        format!(
            "Asked; {} may vote, each once: maille circle poll vote {} CHOICE",
            counted(poll.tally.electors, "person", "people"),
            short(poll)
        )
    }
}
