//! In English.

use maille_core::command::{CommandError, RelayShown, RoomShown};
use maille_protocol::relay::WhyNotPut;

use super::{Offered, RelayText, reached, short, waiting};
use crate::cli::failure::Sentence;
use crate::cli::relay;
use crate::cli::sync::Synced;
use crate::i18n::Clock;
use crate::i18n::en::{English, counted, quoted};
use crate::i18n::numbers::Numbers;

/// The help text of a command or an argument about relays.
pub(crate) fn help(key: &str) -> Option<&'static str> {
    Some(match key {
        "relay" => {
            "Be a relay: keep for others what they are never there together for; you can read none of it"
        }
        "relay offer" => "Makes a code: whoever holds it may leave so much here, until then",
        "relay offer --room" => "How much may lie here by this code: 500MB, 2GB",
        "relay offer --until" => "Until when something may be left here: 90d, 1y, 2027-12-31",
        "relay list" => "Shows the codes that you gave, and how much lies here by each",
        "relay end" => "Takes a code back: what lies here by it is deleted",
        "relay end CODE" => "The code, or the beginning of its number (`maille relay list`)",
        "sync" => "Meets whoever is there, for a short while, and ends: for a phone that wakes up",
        "sync --once" => "Once, which is all it does; to go on, there is `maille run`",
        "sync --budget" => "How long at most: 20s, 2min",
        "circle relay" => {
            "Relays of a circle: what members write waits there for those who are away"
        }
        "circle relay use" => "Lets a relay carry the circle, for all its members; admins may",
        "circle relay use CIRCLE" => "The circle's name, or the beginning of its id",
        "circle relay use CODE" => "The relay's code, or a file that holds it",
        "circle relay drop" => "Lets a relay carry the circle no more",
        "circle relay drop CIRCLE" => "The circle's name, or the beginning of its id",
        "circle relay drop RELAY" => {
            "The beginning of the relay's id (`maille circle relay list CIRCLE`)"
        }
        "circle relay list" => "Shows the relays of a circle, and what waits to be left there",
        "circle relay list CIRCLE" => "The circle's name, or the beginning of its id",
        "device relay" => {
            "Relays of your own devices: what one of them writes waits there for the others"
        }
        "device relay use" => "Lets a relay carry what goes between your devices",
        "device relay use CODE" => "The relay's code, or a file that holds it",
        "device relay drop" => "Lets a relay carry it no more",
        "device relay drop RELAY" => "The beginning of the relay's id (`maille device relay list`)",
        "device relay list" => "Shows the relays of your devices, and what waits to be left there",
        _ => return None,
    })
}

/// What went wrong with a relay.
pub(crate) fn error(error: &CommandError) -> Option<Sentence> {
    Some(match error {
        CommandError::UnknownRelay { relay } => {
            Sentence::new(format!("no relay here is known as {}", quoted(relay)))
                .hint("give the beginning of its id, as `maille circle relay list CIRCLE` shows it")
        }
        CommandError::UnknownRelayCode { relay } => {
            Sentence::new(format!("you gave no relay code known as {}", quoted(relay)))
                .hint("give the code, or the beginning of its number: `maille relay list`")
        }
        CommandError::OwnRelay => Sentence::new(
            "this code is of this very device, which does not visit itself",
        )
        .hint(
            "ask somebody else for a code, or make one on another computer: `maille relay offer`",
        ),
        CommandError::OneDevice => {
            Sentence::new("you have no other device yet").hint("add one first: `maille device add`")
        }
        CommandError::TooLittleRoom { min } => Sentence::new(format!(
            "that is too little room: at least {}",
            English.size(*min)
        )),
        _ => return None,
    })
}

fn why_not(why: WhyNotPut) -> &'static str {
    match why {
        WhyNotPut::Code => "its code is over: ask for another one, and `use` that",
        WhyNotPut::Room => {
            "the room that its code gives is full: ask for another one, and `use` that"
        }
        WhyNotPut::Quota => "this device has left as much there as one may",
        WhyNotPut::Mailbox | WhyNotPut::Control | WhyNotPut::Ticket | WhyNotPut::Entry => {
            "it did not take what was left there; it is tried again"
        }
    }
}

impl RelayText for English {
    fn no_relays(&self, own: bool) -> &'static str {
        if own {
            "No relay: your devices meet only while two of them are there at the same time."
        } else {
            "No relay: members meet only while two of them are there at the same time."
        }
    }

    fn relay(&self, it: &RelayShown, clock: &Clock) -> Vec<String> {
        let state = match (it.connected, it.met) {
            (true, _) => "connected".to_owned(),
            (false, Some(at)) => format!("last visited on {}", clock.spell(at, self)),
            (false, None) => "never reached yet".to_owned(),
        };
        let mut lines = vec![format!(
            "{}…  {state}, until {}",
            relay::short(it),
            clock.spell(it.until, self)
        )];
        lines.extend(it.addresses.iter().map(|at| format!("  at {at}")));
        if it.waiting > 0 {
            let things = counted(it.waiting, "thing waits", "things wait");
            lines.push(format!("  {things} to be left there"));
        }
        lines.extend(it.problem.map(|why| format!("  {}", why_not(why))));
        if it.lost > 0 {
            lines.push(format!(
                "  it has lost what it kept, {}; all was left there again",
                counted(u64::from(it.lost), "time", "times")
            ));
        }
        if it.withheld > 0 {
            lines.push(format!(
                "  it keeps back {} that others have read there: use another relay, too",
                counted(u64::from(it.withheld), "entry", "entries")
            ));
        }
        lines
    }

    fn relay_offered(&self, offered: &Offered<'_>, clock: &Clock) -> Vec<String> {
        let code = &offered.room.code;
        let mut lines = vec![
            format!(
                "Whoever holds this code may leave {} here, until {}. You will be able to read none of it.",
                self.size(code.bytes),
                clock.spell(code.until, self)
            ),
            "Hand it over to one person you trust to use your room: they type `maille circle relay use CIRCLE CODE`.".to_owned(),
        ];
        if code.addresses.is_empty() || offered.here_only {
            lines.push(
                "Nobody reaches it from another computer yet: listen on an address of your network (`maille run --listen IP:PORT`), then make a new code."
                    .to_owned(),
            );
        } else if !offered.running {
            lines.push("A relay has to be there: leave `maille run` running.".to_owned());
        }
        lines
    }

    fn no_rooms(&self) -> &'static str {
        "You gave no code: this device is no relay. `maille relay offer` makes one."
    }

    fn room(&self, room: &RoomShown, clock: &Clock) -> String {
        let state = if room.open { "until" } else { "was open until" };
        format!(
            "{}  {} of {} used, {}, {state} {}",
            short(room),
            self.size(room.used),
            self.size(room.code.bytes),
            counted(u64::from(room.mailboxes), "mailbox", "mailboxes"),
            clock.spell(room.code.until, self)
        )
    }

    fn synced(&self, synced: &Synced) -> Vec<String> {
        let (there, all) = reached(&synced.peers);
        if all == 0 {
            return vec!["There is nobody to meet yet.".to_owned()];
        }
        let mut lines = vec![format!(
            "{there} of {} reached; {}.",
            counted(all, "device or relay", "devices and relays"),
            match synced.news {
                0 => "nothing new has arrived".to_owned(),
                news => counted(
                    news,
                    "piece of news has arrived",
                    "pieces of news have arrived"
                ),
            }
        )];
        match waiting(&synced.peers) {
            0 => lines.push("All that was due has been taken.".to_owned()),
            due => lines.push(format!(
                "{} for whom was not there.",
                counted(due, "thing still waits here", "things still wait here")
            )),
        }
        if synced.cut_short {
            lines.push(
                "The time was over before it was quiet: give more (`--budget`), or `maille run`."
                    .to_owned(),
            );
        }
        lines
    }

    fn relay_ended(&self, room: &RoomShown) -> String {
        format!(
            "The code {} is taken back; what lay here by it is deleted ({}).",
            short(room),
            self.size(room.used)
        )
    }
}
