//! En français.

use maille_core::command::{
    BallotFate, BallotShown, CommandError, Elector, PollOutcome, PollShown, PollTally,
};
use maille_protocol::time::Timestamp;

use super::{PollText, choice, is_over, short};
use crate::cli::failure::Sentence;
use crate::i18n::Clock;
use crate::i18n::fr::{French, counted, quoted};

/// The help text of a command or an argument about polls.
pub(crate) fn help(key: &str) -> Option<&'static str> {
    Some(match key {
        "circle poll" => "Les votes d'un cercle : à chaque membre une voix, ouverte et signée",
        "circle poll open" => {
            "Pose une question aux membres d'un cercle ; votent ceux qui en sont à ce moment"
        }
        "circle poll open CIRCLE" => "Le nom du cercle, ou le début de son identifiant",
        "circle poll open QUESTION" => "Ce que vous demandez",
        "circle poll open --choice" => "Ce qu'on peut répondre : à donner deux fois ou plus",
        "circle poll open --until" => {
            "Jusqu'à quand les voix comptent, à l'horloge de qui vote : 7j, 2 semaines, 2027-01-31"
        }
        "circle poll open --quorum" => "Combien doivent voter pour que cela compte : 3, ou 50%",
        "circle poll list" => "Affiche les votes de vos cercles",
        "circle poll list CIRCLE" => {
            "De ce cercle seulement : son nom, ou le début de son identifiant"
        }
        "circle poll show" => "Affiche un vote : qui peut voter, qui a voté quoi, et le résultat",
        "circle poll show POLL" => {
            "Le début de son numéro (`maille circle poll list`), ou sa question"
        }
        "circle poll vote" => "Vote ; une autre fois, et la dernière compte, jusqu'à la clôture",
        "circle poll vote POLL" => {
            "Le début de son numéro (`maille circle poll list`), ou sa question"
        }
        "circle poll vote CHOICE" => "Le numéro ou le texte d'un choix",
        "circle poll close" => {
            "Clôt un vote pour de bon : les voix qui comptent ici à cet instant sont celles qui comptent"
        }
        "circle poll close POLL" => {
            "Le début de son numéro (`maille circle poll list`), ou sa question"
        }
        _ => return None,
    })
}

/// What went wrong with a poll.
pub(crate) fn error(error: &CommandError, clock: &Clock) -> Option<Sentence> {
    Some(match error {
        CommandError::UnknownPoll { poll } => {
            Sentence::new(format!("aucun vote n'est connu comme {}", quoted(poll)))
                .hint("donnez le début de son numéro, ou sa question : `maille circle poll list`")
        }
        CommandError::AmbiguousPoll { poll, candidates } => {
            Sentence::new(format!("plusieurs votes sont connus comme {}", quoted(poll)))
                .details(candidates)
                .hint("donnez plus de signes du numéro de celui que vous voulez dire")
        }
        CommandError::BadChoices { min, max } => {
            Sentence::new(format!("un vote a de {min} à {max} choix, tous différents"))
                .hint("par exemple `--choice lundi --choice mardi`")
        }
        CommandError::BadQuorum { electors } => Sentence::new(format!(
            "ce quorum ne peut jamais être atteint, ou jamais manqué : {} voter",
            counted(*electors, "personne peut", "personnes peuvent")
        ))
        .hint("donnez un nombre de personnes, comme `--quorum 3`, ou une part : `--quorum 50%`"),
        CommandError::UnknownChoice { choice, choices } => {
            Sentence::new(format!("il n'y a pas de choix {}", quoted(choice)))
                .details(&numbered(choices))
                .hint("donnez le numéro ou le texte entier de l'un d'eux")
        }
        CommandError::AmbiguousChoice { choice, choices } => Sentence::new(format!(
            "{} est le texte d'un choix et le numéro d'un autre",
            quoted(choice)
        ))
        .details(&numbered(choices))
        .hint("donnez le texte si vous aviez donné le numéro, ou le numéro si c'était le texte"),
        CommandError::NotInElectorate { question } => Sentence::new(format!(
            "vous ne pouvez pas voter sur {} : la question a été posée avant votre entrée",
            quoted(question)
        ))
        .hint("demandez à un membre de la poser de nouveau"),
        CommandError::PollClosed { question } => {
            Sentence::new(format!("le vote sur {} est clos", quoted(question)))
                .hint("voyez le résultat : `maille circle poll show VOTE`")
        }
        CommandError::PollOver { question, until } => Sentence::new(format!(
            "le vote sur {} a pris fin le {}",
            quoted(question),
            clock.spell(*until, &French)
        ))
        .hint("qui a posé la question, ou un admin, le clôt maintenant : `maille circle poll close VOTE`"),
        CommandError::PollArriving { question } => Sentence::new(format!(
            "{} est encore en route : on ne sait pas encore ici qui peut voter",
            quoted(question)
        ))
        .hint("laissez Maille tourner jusqu'à ce que tout arrive (`maille run`), puis recommencez"),
        CommandError::NotCloser { question } => {
            Sentence::new(format!("vous ne pouvez pas clore le vote sur {}", quoted(question)))
                .hint("demandez à qui a posé la question, ou à un admin du cercle")
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
        format!("{} (hors du cercle depuis)", elector.name)
    }
}

fn names(electors: &[Elector]) -> String {
    electors.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn votes(count: u64) -> String {
    counted(count, "voix", "voix")
}

/// What comes of a poll by one of its counts.
fn outcome(poll: &PollShown, tally: &PollTally, now: Timestamp, clock: &Clock) -> String {
    match &tally.outcome {
        PollOutcome::Open if is_over(poll, now) => "délai passé, pas encore clos".to_owned(),
        PollOutcome::Open => match poll.until {
            Some(until) => format!("ouvert jusqu'au {}", clock.spell(until, &French)),
            None => "ouvert".to_owned(),
        },
        PollOutcome::Arriving if tally.missing == 0 => {
            "clos ; on ne sait pas encore ici qui peut voter".to_owned()
        }
        PollOutcome::Arriving => format!(
            "clos ; {} en route",
            counted(
                tally.missing,
                "voix qui compte est",
                "voix qui comptent sont"
            )
        ),
        PollOutcome::Contested => {
            "contesté : clos plus d'une fois, avec d'autres voix ; rien n'est décidé".to_owned()
        }
        PollOutcome::Undone => "rouvert : un retrait a annulé la clôture".to_owned(),
        PollOutcome::NoVotes => "clos : personne n'a voté".to_owned(),
        PollOutcome::NoQuorum => "clos : trop peu ont voté, rien n'est décidé".to_owned(),
        PollOutcome::Tie { choices } => {
            let tied: Vec<String> = choices.iter().map(|it| quoted(choice(poll, *it))).collect();
            format!(
                "clos : égalité entre {}, rien n'est décidé",
                tied.join(" et ")
            )
        }
        PollOutcome::Chosen { choice: number } => {
            format!("clos : {}", quoted(choice(poll, *number)))
        }
    }
}

/// What came of a ballot, if that is to be told.
fn fate(ballot: &BallotShown) -> &'static str {
    match ballot.fate {
        BallotFate::Counted if !ballot.holds => " (comptée ; coupée depuis par un retrait)",
        BallotFate::Counted => "",
        BallotFate::Replaced => " (remplacée par une plus récente)",
        BallotFate::NotCounted => {
            " (pas comptée : arrivée après la clôture, ou laissée de côté par qui a clos)"
        }
        BallotFate::Late => " (pas comptée : donnée après la clôture)",
        BallotFate::PastDeadline => " (pas comptée : donnée après le délai)",
        BallotFate::Cut => " (pas comptée : coupée par un retrait)",
        BallotFate::NotInElectorate => " (pas comptée : ne peut pas voter ici)",
        BallotFate::NoSuchChoice => " (pas comptée : ce choix n'existe pas)",
    }
}

impl PollText for French {
    fn no_polls(&self) -> &'static str {
        "Pas encore de vote. Pour en ouvrir un : `maille circle poll open CERCLE \"question\" --choice A --choice B`"
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
                "{} · {} · demandé par {} le {}",
                short(poll),
                poll.circle_name,
                name(&poll.by),
                clock.spell(poll.at, self)
            ),
        ];
        for ((number, text), count) in (1..).zip(&poll.choices).zip(&poll.tally.votes) {
            let mine = if poll.mine == Some(number) {
                ", dont la vôtre"
            } else {
                ""
            };
            lines.push(format!("  {number}. {text} · {}{mine}", votes(*count)));
        }
        let tally = &poll.tally;
        let electors = counted(tally.electors, "personne", "personnes");
        let voted = if tally.voted < 2 {
            "a voté"
        } else {
            "ont voté"
        };
        lines.push(format!("{} sur {electors} {voted}.", tally.voted));
        if let Some(needed) = tally.needed {
            let reached = if tally.reached {
                "atteint"
            } else {
                "pas atteint"
            };
            lines.push(format!("Quorum : {needed} sur {electors}, {reached}."));
        }
        lines.push(format!("Peuvent voter : {}", names(&poll.electorate)));
        if tally.unknown > 0 {
            lines.push(format!(
                "Et {} : rien n'est décidé avant.",
                counted(
                    tally.unknown,
                    "personne dont on ne sait pas ici si elle est du cercle",
                    "personnes dont on ne sait pas ici si elles sont du cercle"
                )
            ));
        }
        if !poll.left_out.is_empty() {
            lines.push(format!(
                "Pas consultés, alors que d'autres qui peuvent voter sont entrés après : {}",
                names(&poll.left_out)
            ));
        }
        if !poll.outside.is_empty() {
            lines.push(format!(
                "Du cercle aujourd'hui, mais pas quand la question a été posée : {}",
                names(&poll.outside)
            ));
        }
        if !poll.ballots.is_empty() {
            lines.push("Voix :".to_owned());
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
                _ if !closed.holds => " ; annulé depuis par un retrait".to_owned(),
                PollOutcome::Contested => {
                    format!(" ; {}", outcome(poll, &closed.tally, now, clock))
                }
                _ => String::new(),
            };
            lines.push(format!(
                "Clos par {} le {}, qui compte {}{came_to}.",
                name(&closed.by),
                clock.spell(closed.at, self),
                votes(closed.named)
            ));
        }
        if poll.may_vote && !is_over(poll, now) {
            lines.push(format!(
                "Pour voter : maille circle poll vote {} CHOIX",
                short(poll)
            ));
        }
        if poll.may_close {
            lines.push(format!(
                "Pour clore : maille circle poll close {}",
                short(poll)
            ));
        }
        lines
    }

    fn poll_opened(&self, poll: &PollShown) -> String {
        format!(
            "Question posée ; {} voter, chacune une fois : maille circle poll vote {} CHOIX",
            counted(poll.tally.electors, "personne peut", "personnes peuvent"),
            short(poll)
        )
    }
}
