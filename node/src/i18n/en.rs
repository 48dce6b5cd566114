//! English.

use std::path::Path;

use maille_core::KnownDevice;
use maille_core::command::{
    Aside, AsideReason, Checkup, CommandError, ContactStatus, DeviceShown, GivenShare,
    ReceivedShare, SentEntry, SentWhat, SentWhy, ShareState, Status,
};
use maille_core::io::Event;
use maille_node::backup::Summary;
use maille_protocol::id::PersonId;
use maille_protocol::pairing::PairCode;
use maille_schemas::domain::mobility::Mode;
use maille_schemas::factors::{ElectricityFactor, FactorSetInfo, FactorUsed, Per, Scope};
use maille_schemas::import::{
    DateFault, Format, ImportError, LooksLike, NoteKind, Place, SkipReason,
};
use maille_schemas::time::Moment;

use crate::cli::failure::{Failure, Mistyped, Pasted, Sentence};
use crate::i18n::circle::help_en;
use crate::i18n::clock::spell_month;
use crate::i18n::{CircleText as _, os, poll, relay, validity};
use crate::i18n::{Clock, Lang, Numbers, OsFault, Text, purpose_or};

/// English sentences.
#[derive(Debug)]
pub(crate) struct English;

/// "0 rows", "1 row", "2 rows".
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    let word = if count == 1 { one } else { many };
    format!("{} {word}", English.count(count))
}

pub(super) fn quoted(word: &str) -> String {
    format!("“{word}”")
}

/// A moment of a file on its own wall clock: `2022-10-30 02:30`.
fn figures(moment: Moment) -> String {
    let text = moment.to_string();
    text.get(..16).unwrap_or(&text).replace('T', " ")
}

/// What is wrong with something pasted; `what` and `this` name what was asked for.
fn mistyped(what: &str, this: &str, reason: Mistyped, got: Option<Pasted>) -> String {
    match (reason, got) {
        (Mistyped::NotOne, _) => format!("this is not {what}"),
        (Mistyped::Checksum, _) => {
            format!("{this} has a mistake in it: a character changed or is missing")
        }
        (Mistyped::WrongKind, Some(got)) => {
            let got = match got {
                Pasted::Card => "a card",
                Pasted::Link => "a share link",
                Pasted::Invite => "an invite to a circle",
                Pasted::PairCode => "a device's code",
                Pasted::RelayCode => "a relay's code",
                Pasted::ShareId => "the identifier of a share",
                Pasted::PersonId => "the identifier of a person",
            };
            format!("this is not {what} but {got}")
        }
        (Mistyped::WrongKind, None) => {
            format!("this is not {what} but something else of Maille's")
        }
        (Mistyped::WrongLength, _) => format!("{this} is cut short or too long"),
        (Mistyped::Content, _) => format!("{this} cannot be read, or comes from a newer Maille"),
    }
}

/// The formats that can be read, as people know them.
const FORMATS: &str = "GPX tracks, Coach CO2 trips (GeoJSON), Linky load curves (Enedis' CSV)";

/// What to do about a file that was refused.
fn import_hint(reason: &ImportError) -> String {
    let then = match reason {
        ImportError::UnknownFormat { .. } => {
            return format!("nothing of this file was kept; Maille reads {FORMATS}");
        }
        ImportError::WrongFormat { .. } => "let Maille recognise the format: without `--as`",
        ImportError::TooLarge { .. } => "cut it into smaller files, then try again",
        ImportError::NotALoadCurve { .. } => {
            "at Enedis, download the « courbe de charge » (by 30 minutes)"
        }
        _ => "correct it or download it again, then try again",
    };
    format!("nothing of this file was kept; {then}")
}

fn command_error(error: &CommandError, clock: &Clock) -> Sentence {
    match error {
        CommandError::UnknownLens { lens } => Sentence::new(format!("no view is called {}", quoted(lens)))
            .hint("see the views there are: `maille lens list`"),
        CommandError::EndsInThePast { until, .. } => {
            Sentence::new(format!("this would end before it begins, on {}", clock.spell(*until, &English)))
                .hint("choose a date to come, such as `--until 90d`")
        }
        CommandError::EndsTooLate { until, days_max } => {
            Sentence::new(format!("this would last too long, until {}", clock.spell(*until, &English)))
                .detail(format!("at most {}; you can do it again afterwards", counted(u64::from(*days_max), "day", "days")))
                .hint(format!("for example `--until {days_max}d`"))
        }
        CommandError::Oneself => Sentence::new("this card or link is your own")
            .hint("use the other person's card: `maille card` shows it on their device"),
        CommandError::UnknownShare { share } => Sentence::new(format!("no share is known as {}", quoted(share)))
            .hint("see your shares: `maille share list` or `maille received list`"),
        CommandError::AmbiguousShare { share, count, candidates } => {
            Sentence::new(format!("{} match {}", counted(*count, "share", "shares"), quoted(share)))
                .details(candidates)
                .hint("give the beginning of one of these identifiers")
        }
        CommandError::AlreadyEnded { share } => Sentence::new("this share has ended already").detail(share.to_string())
            .hint("see how it stands: `maille share list`"),
        CommandError::ForSomebodyElse { to } => Sentence::new("this link is for somebody else")
            .detail(to.to_string())
            .hint("give your card (`maille card`) to whoever wants to share with you, and ask for a link made for you"),
        CommandError::LinkMismatch { share } => Sentence::new("this link does not say the same as the share you have already")
            .detail(share.to_string())
            .hint("keep the share you have; ask the person where this link comes from"),
        CommandError::LinkExpired { until } => {
            Sentence::new(format!("this link expired on {}", clock.spell(*until, &English)))
                .hint("ask whoever gave it to you for a new one")
        }
        CommandError::UnknownCircle { circle } => {
            Sentence::new(format!("no circle is called “{circle}”"))
                .hint("see their names: `maille circle list`")
        }
        CommandError::AmbiguousCircle { circle, candidates } => {
            Sentence::new(format!("several circles are called “{circle}”"))
                .details(candidates)
                .hint("give the beginning of the id of the one you mean")
        }
        CommandError::NotAllowedInCircle { circle } => {
            Sentence::new(format!("you may not do this in “{circle}”"))
                .hint("only its admins invite and remove members, and only its members write")
        }
        CommandError::AlreadyInCircle { circle } => {
            Sentence::new(format!("you are a member of “{circle}” already"))
                .hint("see how it stands: `maille circle list`")
        }
        CommandError::UnknownMember { member } => {
            Sentence::new(format!("no member is called “{member}”"))
                .hint("see their names: `maille circle status CIRCLE`")
        }
        CommandError::AmbiguousMember { member, candidates } => {
            Sentence::new(format!("several members are called “{member}”"))
                .details(candidates)
                .hint("give the beginning of the id of the one you mean")
        }
        CommandError::DeviceRemoved => Sentence::new("this device was removed by another one of yours")
            .hint("it shows what it holds and changes nothing any more; to use it again, keep this folder elsewhere and add it as a new device"),
        CommandError::NotAllowedOfDevice => Sentence::new("this device may not do that")
            .hint("a device adds and removes those below it: do it on one that is above both (`maille device list`)"),
        CommandError::NoDeviceAsks => Sentence::new("no device asks to be added")
            .hint("`maille device add` shows a code; on the new device: `maille device join CODE`"),
        CommandError::ThisDevice => Sentence::new("this is the device that you are using")
            .hint("remove it from another of your devices that is above it"),
        CommandError::UnknownDevice { device } => {
            Sentence::new(format!("no device of yours is called “{device}”"))
                .hint("see their names: `maille device list`")
        }
        CommandError::AmbiguousDevice { device, candidates } => {
            Sentence::new(format!("several of your devices are called “{device}”"))
                .details(candidates)
                .hint("give the beginning of the id of the one you mean")
        }
        CommandError::UnknownInvite { invite } => {
            Sentence::new(format!("none of your invites is “{invite}”"))
                .hint("give its link, or the beginning of its number: `maille circle status CIRCLE` shows them")
        }
        CommandError::UnknownItem { item } => {
            Sentence::new(format!("nothing on the list is called “{item}”"))
                .hint("give its number (`maille circle items CIRCLE`), or its whole text")
        }
        CommandError::BadText { field, bytes_max } => {
            let field = match field.as_str() {
                "name" => "the name",
                "purpose" => "the purpose",
                "as" => "the name you take",
                "text" => "the text",
                "question" => "the question",
                "choice" => "a choice",
                _ => field,
            };
            Sentence::new(format!("{field} is empty, too long, or has a line end in it"))
                .hint(format!("from 1 to {bytes_max} characters (a few less with accents)"))
        }
        CommandError::Disk { reason } => os::refused_write(
            Sentence::new("the disk refused the change; nothing has changed"),
            reason,
            Path::new("FOLDER"),
            "make some room, then try again",
            &English,
        ),
        CommandError::TooMany { what, max } => {
            let hint = match what.as_str() {
                "open invites" => Some("take back those of no use any more: `maille circle status CIRCLE`, then `maille circle uninvite`"),
                "uses of one invite" => Some("make several invites"),
                "items of a list" => Some("take off what is done: `maille circle drop`"),
                _ => None,
            };
            let sentence = Sentence::new(format!("the limit is reached: at most {} {what}", English.count(*max)));
            match hint {
                Some(hint) => sentence.hint(hint),
                None => sentence,
            }
        }
        CommandError::Damaged { key } => Sentence::new("something kept here cannot be read; nothing has changed")
            .detail(key.clone())
            .hint("keep a copy of the folder as it is, then look with `maille doctor`"),
        CommandError::BeginsAfterEnd { from, until } => {
            Sentence::new(format!(
                "this share would show nothing: it begins in {}, after its end on {}",
                spell_month(*from, &English),
                clock.spell(*until, &English)
            ))
            .hint("choose an earlier month (`--from`) or a later end (`--until`)")
        }
        CommandError::OtherContactsNode { person } => {
            Sentence::new("this card names the device of another of your contacts")
                .detail(person.to_string())
                .hint("ask for a new card, and compare it with them by another way")
        }
        CommandError::NotTheirNode { person } => {
            Sentence::new("this card places somebody you know on a device that is not theirs")
                .detail(person.to_string())
                .hint("it is forged or mistaken: ask them for a new one by another way")
        }
        other => (poll::error_en(other, clock).or_else(|| relay::error_en(other)))
            .unwrap_or_else(|| Sentence::new(other.to_string())),
    }
}

/// Why something that a contact sent was of no use, and what to do.
fn aside_reason(reason: AsideReason, clock: Option<&Clock>) -> String {
    match (reason, clock) {
        (AsideReason::TooManyOffers, _) => {
            "too many shares offered that you have not accepted: the last was not kept".to_owned()
        }
        (AsideReason::BeginsLater { at }, Some(clock)) => format!(
            "a share that begins later, on {}: check your clock, then accept its link again",
            clock.spell(at, &English)
        ),
        (AsideReason::BeginsLater { .. }, None) => {
            "a share that begins later: check your clock, then accept its link again".to_owned()
        }
        (AsideReason::NewerContent, _) => {
            "rows that this version of Maille cannot read: install a newer one".to_owned()
        }
    }
}

/// How a share that I gave stands.
fn given_state(share: &GivenShare, clock: &Clock) -> String {
    match share.state {
        ShareState::Offered | ShareState::Pending => "being prepared".to_owned(),
        ShareState::Active if share.accepted.is_none() => format!(
            "offered, until {}; {} has not accepted it yet",
            clock.spell(share.until, &English),
            share.name
        ),
        ShareState::Active => format!("on, until {}", clock.spell(share.until, &English)),
        ShareState::Revoked { at } => format!("stopped by you on {}", clock.spell(at, &English)),
        ShareState::Expired { at } => format!("ended on {}", clock.spell(at, &English)),
    }
}

/// What the end of a share that I gave means, truthfully.
fn given_end(share: &GivenShare) -> Vec<String> {
    let mut lines = vec![format!(
        "{} keeps what has arrived there already (at most {}) and may have copied it: that cannot be taken back",
        share.name,
        English.rows(share.rows)
    )];
    lines.push("nothing written since can be read there".to_owned());
    lines.push(if share.end_acknowledged {
        "their device has confirmed the end of the share".to_owned()
    } else {
        "their device has not heard of it yet: it will when you are both online".to_owned()
    });
    lines
}

impl Text for English {
    fn lang(&self) -> Lang {
        Lang::En
    }

    fn month_name(&self, month: i8) -> &'static str {
        const NAMES: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        NAMES[usize::try_from(month - 1).unwrap_or(0).min(11)]
    }

    fn day(&self, year: i16, month: i8, day: i8) -> String {
        format!("{day} {} {year}", self.month_name(month))
    }

    fn moment(&self, year: i16, month: i8, day: i8, hour: i8, minute: i8) -> String {
        format!("{} at {hour:02}:{minute:02}", self.day(year, month, day))
    }

    fn help(&self, key: &str) -> Option<&'static str> {
        Some(match key {
            "" => "Maille: your data at home, and what you choose to share of it.",
            "--home" => "The folder of your data (else MAILLE_HOME, else ~/.local/share/maille)",
            "--json" => "Answers with one JSON object on standard output, errors too",
            "--lang" => "The language, fr or en (else that of LANG, else French)",
            "--verbose" => "Tells more on standard error (-vv: even more)",
            "--passphrase-file" => "A file whose first line is your passphrase",
            "--help" => "Shows this help",
            "--version" => "Shows the version",
            "init" => "Sets this folder up for you and shows, only once, your recovery phrase",
            "init --words-lang" => {
                "The language of the twelve words, fr or en (else that of the messages)"
            }
            "init --words-file" => {
                "Writes the twelve words to this new file, readable by you alone, instead of showing them"
            }
            "init --no-check" => "Does not ask three of the words back",
            "init --passphrase" => "Asks for a passphrase, needed by every command from then on",
            "recover" => "Makes you yourself again in an empty folder, with the twelve words",
            "recover --from" => {
                "The card or a link of whoever to ask: another device of yours, or a contact"
            }
            "recover --backup" => {
                "Brings everything back from this backup instead, as `backup restore`"
            }
            "recover --yes" => {
                "Removes what is lost although none of the devices that you keep has answered"
            }
            "recover --lost" => {
                "A device that is lost or stolen, by name or id: it speaks for you no more"
            }
            "recover --as" => "What this device is called (else the computer's name)",
            "recover --words-file" => {
                "Reads the twelve words from this file instead of asking for them"
            }
            "recover --passphrase" => "Asks for a passphrase, needed by every command from then on",
            "card" => "Shows your card, to give to whoever wants to share with you",
            "run" => "Starts Maille: receives and sends what is shared, until Ctrl-C",
            "run --listen" => {
                "Where to listen, such as 192.168.1.10:4001; remembered (at first: this computer only)"
            }
            "run --nearby" => {
                "Finds those you know on this Wi-Fi, wherever they are; tells everybody on it that this node is there"
            }
            "status" => "Tells how your data, your contacts and what waits to be sent are doing",
            "import" => "Reads files and keeps what they hold",
            "import FILE" => "The files to read",
            "import --as" => "The format, if it is not recognised by itself",
            "import --dry-run" => "Reads and tells, but keeps nothing",
            "trip" => "Your trips",
            "trip list" => "Shows your trips, oldest first",
            "trip list --month" => "Only this month, such as 2027-01",
            "show" => "Your figures",
            "show footprint" => "Shows your emissions by month and mode, and your electricity",
            "show footprint --factors" => {
                "The emission factors: base-carbone-v22 (default) or coach-co2"
            }
            "lens" => "The views that can be shared",
            "lens list" => "Shows the views and what each of them shows",
            "lens preview" => "Shows, row by row, what the other person would see; nothing leaves",
            "lens preview NAME" => "The view's name, such as mobility.weekly",
            "lens preview --from" => "The first month shown, such as 2027-01",
            "share" => "What you share",
            "share create" => "Shares a view with a person, until a date",
            "share create --lens" => "The view's name, such as mobility.weekly",
            "share create --with" => {
                "The person's card (`maille card` on their device), or a file that holds it"
            }
            "share create --until" => {
                "The end of the share: 2027-01-31 (that day included), 30d, 2 weeks, 3 months, 1 year"
            }
            "share create --name" => "What you call this person; only you see it",
            "share create --from" => "The first month shared (else all you have)",
            "share create --purpose" => "Why, in your words; the other person reads it",
            "share list" => "Shows what you share or shared, and how it stands",
            "share revoke" => "Stops a share",
            "share revoke SHARE" => "The share's identifier (grant1…), or the person's name",
            "received" => "What others share with you",
            "received accept" => "Accepts a share, waits for its data and shows them",
            "received accept LINK" => "The link the person gave you, or a file that holds it",
            "received accept --name" => "What you call this person; only you see it",
            "received accept --wait" => "How many seconds to wait for the data (else 30)",
            "received list" => "Shows what you receive or received, and how it stands",
            "received show" => "Shows the data of a share you received",
            "received show SHARE" => "The share's identifier (grant1…), or the person's name",
            "doctor" => "Checks that what is kept here is whole",
            "doctor --rebuild" => {
                "Makes documents again from their signed entries, where they differ"
            }
            "backup" => "A copy of everything, in one sealed file",
            "backup make" => "Writes everything of this folder into one new, sealed file",
            "backup make FILE" => "The new file to write",
            "backup make --with-passphrase" => {
                "Asks for a passphrase that opens it, besides your twelve words"
            }
            "backup check" => {
                "Reads a backup to its last byte and says what is in it; keeps nothing"
            }
            "backup check FILE" => "The backup",
            "backup check --words" => "Opens it with your twelve words, though it has a passphrase",
            "backup check --words-file" => "A file whose first line is your twelve words",
            "backup restore" => "Brings a backup back, into an empty folder",
            "backup restore FILE" => "The backup",
            "backup restore --words" => {
                "Opens it with your twelve words, though it has a passphrase"
            }
            "backup restore --words-file" => "A file whose first line is your twelve words",
            "device" => "Your devices: all hold your data and speak for you",
            "device add" => "Shows a code by which another device is added, and waits for it",
            "device add --senior" => {
                "Above all devices that this one can add (else below them): it may remove them"
            }
            "device add --as" => "What this device is called (else the computer's name)",
            "device add --no-wait" => {
                "Shows the code and ends; the running Maille waits for the device"
            }
            "device add --no-qr" => "Does not show the code as a picture to photograph",
            "device confirm" => {
                "Says that the new device shows these three words; if it does not, nothing is added"
            }
            "device confirm WORD" => "The three words that the new device shows",
            "device join" => {
                "Makes this folder one more device of yours, by the code that another one shows"
            }
            "device join CODE" => {
                "The code (`maille device add` on the other device), or a file that holds it"
            }
            "device join --as" => "What this new device is called (else the computer's name)",
            "device join --passphrase" => {
                "Asks for a passphrase, needed by every command from then on"
            }
            "device list" => "Shows your devices, the one above all others first",
            "device remove" => {
                "Takes a lost or sold device out: it gets nothing new and speaks for you no more"
            }
            "device remove DEVICE" => "The device's name, or the beginning of its id",
            "device remove --yes" => "Does not ask whether you are sure",
            "log" => "What left your device",
            "log sent" => "Shows the grants, rows, keys and ends that left, to whom, and why",
            "export" => "Writes all your data as JSON, readable without Maille",
            "export --out" => "The new file to write (else standard output)",
            "demo" => "Shows the main thing in less than a minute, with made-up people",
            "demo --keep" => "Keeps the made-up people's folders here, instead of deleting them",
            _ => {
                return help_en(key)
                    .or_else(|| poll::help_en(key))
                    .or_else(|| relay::help_en(key));
            }
        })
    }

    fn help_after(&self, path: &str) -> Option<&'static str> {
        Some(match path {
            "" => {
                "To begin:\n  \
                 maille demo                      see the main thing, nothing to prepare\n  \
                 maille init                      set your folder up\n  \
                 maille import trip.gpx           put your data in it\n  \
                 maille show footprint            see your emissions\n\n\
                 Exit codes: 0 done; 1 you can fix it; 2 mistyped command; 3 network or other device; 70 a bug in\n\
                 Maille.\n\
                 With --json: {\"version\":1,\"done\":…} or {\"version\":1,\"error\":{\"code\":…,\"hint\":…}}, always on\n\
                 standard output."
            }
            "run" => {
                "Keep it running while you share: it sends what you add and receives what is sent to you.\n\
                 `maille received accept` does without it, if the other person's device is running. Your own\n\
                 figures always do."
            }
            "import" => {
                "Maille reads GPX tracks, Coach CO2 trips (GeoJSON) and Linky load curves (Enedis' CSV).\n\
                 Of a track start, end, times, distance, mode and title are kept; its points are not.\n\
                 Each file is kept whole or not at all; a refused file does not stop the others.\n\
                 Importing the same file twice changes nothing.\n\n\
                 Examples:\n  \
                 maille import trips/*.gpx\n  \
                 maille import --dry-run mes-puissances-30min.csv"
            }
            "share create" => {
                "The link goes to standard output, the rest to standard error.\n\n\
                 Example:\n  \
                 maille share create --lens mobility.weekly --with marcs-card.txt --name Marc --until 90d"
            }
            "device add" => {
                "Both devices then show three words: say yes only if they are the same.\n\n\
                 Example:\n  \
                 maille device add --as laptop          on this device\n  \
                 maille device join CODE --as phone     on the new one"
            }
            "recover" => {
                "The words prove who you are; they do not say where you were. So somebody is asked, who is shown a signature and\n\
                 never the words: another device of yours, which gives your data too, or a contact, who knows who speaks for you.\n\
                 maille recover --from CARD --lost laptop"
            }
            "backup restore" => {
                "What comes back is the same device: use it only where the old one is gone. If that was lost or stolen, remove\n\
                 it from another of your devices instead (`maille device remove`)."
            }
            "doctor" => {
                "Signed entries are the truth; each document is made of them. Without `--rebuild` nothing changes."
            }
            "device remove" => {
                "What the device holds already stays on it: that cannot be taken back. Its circles change their keys."
            }
            "share revoke" => {
                "The other person keeps what has arrived there already; nothing written afterwards can be read there."
            }
            _ => return None,
        })
    }

    fn help_usage(&self) -> &'static str {
        "Usage:"
    }

    fn help_commands(&self) -> &'static str {
        "Commands"
    }

    fn help_options(&self) -> &'static str {
        "Options"
    }

    fn help_arguments(&self) -> &'static str {
        "Arguments"
    }

    fn help_value(&self, english: &'static str) -> &'static str {
        english
    }

    fn help_command_word(&self) -> &'static str {
        "COMMAND"
    }

    fn error_head(&self) -> &'static str {
        "Error:"
    }

    fn hint_head(&self) -> &'static str {
        "Hint:"
    }

    fn failure(&self, failure: &Failure, clock: &Clock) -> Sentence {
        match failure {
            Failure::Command(error) => command_error(error, clock),
            Failure::NoHome { home } => Sentence::new(format!("there is nothing in {} yet", home.display()))
                .hint("set this folder up: `maille init`, or choose another one with `--home`"),
            Failure::HomeExists { home } => Sentence::new(format!("{} is set up already", home.display()))
                .detail("your data there are untouched")
                .hint("for another person, choose another folder with `--home`"),
            Failure::HomeInUse { home } => {
                Sentence::new(format!("another Maille command is using {}", home.display()))
                    .hint("wait for the other command to end (or for Maille to finish starting), then try again")
            }
            Failure::AlreadyRunning { home } => {
                Sentence::new(format!("Maille is running already for {}", home.display()))
                    .hint("leave it: the other commands go through it; to start it otherwise, stop it first (Ctrl-C in its terminal)")
            }
            Failure::HomeNotEmpty { home, found } => {
                Sentence::new(format!("{} holds other things already", home.display())).detail(found.clone())
                    .hint("choose an empty or new folder with `--home`")
            }
            Failure::HomeOpenToOthers { home } => {
                Sentence::new(format!("other users of this computer can read {}", home.display()))
                    .hint(format!("close it: `chmod go-rwx {}`", home.display()))
            }
            Failure::HomeSomebodyElses { home } => {
                Sentence::new(format!("{} belongs to another user of this computer", home.display()))
                    .hint("choose a folder of your own with `--home`")
            }
            Failure::HomeMixed { home } => {
                Sentence::new(format!("the data in {} were made with another key", home.display()))
                    .detail("`store.redb` and `key` come from two people, or from two copies")
                    .hint("put the two files of one person back together")
            }
            Failure::HomeUnusable { home, reason } => {
                let sentence = Sentence::new(format!("{} cannot be used", home.display()));
                if OsFault::of(reason) == Some(OsFault::NotAFolder) {
                    sentence
                        .detail("it is a file, and a folder is needed")
                        .hint("choose a new folder, or the one that you set up, with `--home`")
                } else {
                    let otherwise = "check that this folder is yours and that the disk has room";
                    os::refused_write(sentence, reason, home, otherwise, self)
                }
            }
            Failure::HomeDamaged { home, reason } => Sentence::new(format!("{} cannot be read", home.display()))
                .detail(reason.clone())
                .hint("keep a copy of the folder as it is before trying anything else"),
            Failure::WrongPassphrase { home } => Sentence::new("this is not the right passphrase")
                .detail(home.display().to_string())
                .hint("try again; nothing has changed"),
            Failure::PassphraseNeeded { home } => Sentence::new("your passphrase is needed")
                .detail(home.display().to_string())
                .hint("run the command in a terminal, or give `--passphrase-file FILE`"),
            Failure::PassphraseUnusable => {
                Sentence::new("the passphrase is empty, or the two are not the same").hint("try again; nothing was made")
            }
            Failure::FileUnreadable { file, reason } => {
                let sentence = Sentence::new(format!("{} cannot be read", file.display()));
                let otherwise = "check the file's name and that you may read it";
                os::refused(sentence, reason, file, otherwise, self)
            }
            Failure::FileUnwritable { file, reason } => {
                let sentence = Sentence::new(format!("{} cannot be written", file.display()));
                let otherwise = "check that the folder exists and that the disk has room";
                os::refused_write(sentence, reason, file, otherwise, self)
            }
            Failure::FileExists { file } => Sentence::new(format!("{} exists already", file.display()))
                .hint("choose another name: nothing is ever overwritten"),
            Failure::FileRefused { file, place, reason } => {
                Sentence::new(format!("{} was not imported: {}", file.display(), self.import_error(reason)))
                    .detail(self.place(*place))
                    .hint(import_hint(reason))
            }
            Failure::NothingToKeep { file, undated } => {
                let sentence = Sentence::new(format!("nothing of {} could be kept", file.display()));
                if *undated {
                    sentence
                        .detail("no times stand in it: Maille could not know when you made this trip")
                        .hint("export the track again with its times, from the watch or app that recorded it")
                } else {
                    sentence.hint("what was left aside is told above; export again what is missing")
                }
            }
            Failure::PartlyKept { file, added } => {
                Sentence::new(format!("{} was kept only in part", file.display()))
                    .detail(counted(*added, "record added", "records added"))
                    .hint("make some room, then import it again: what is there will not be doubled")
            }
            Failure::UnknownFormat { format, known } => Sentence::new(format!("there is no format {}", quoted(format)))
                .hint(format!("the formats that can be read: {}", known.join(", "))),
            Failure::UnknownFactors { factors, known } => {
                Sentence::new(format!("there are no factors called {}", quoted(factors)))
                    .hint(format!("choose one of: {}", known.join(", ")))
            }
            Failure::BadCard { reason: reason @ Mistyped::NotOne, .. } => {
                Sentence::new(mistyped("a card", "this card", *reason, None))
                    .hint("give a card, which begins with `maille1`, or the name of a file that holds it; `maille card` shows it on the other person's device")
            }
            Failure::BadCard { got: got @ Some(Pasted::Link), reason } => {
                Sentence::new(mistyped("a card", "this card", *reason, *got))
                    .hint("a link is to be accepted: `maille received accept LINK`; to share, ask the person for their card (`maille card`)")
            }
            Failure::BadCard { reason, got } => Sentence::new(mistyped("a card", "this card", *reason, *got))
                .hint("ask for the card again and copy all of it: `maille card` shows it on the other person's device"),
            Failure::BadLink { reason: reason @ Mistyped::NotOne, .. } => {
                Sentence::new(mistyped("a share link", "this link", *reason, None))
                    .hint("give the link, which begins with `maille:share#`, within quotes, or the name of a file that holds it")
            }
            Failure::BadLink { got: got @ Some(Pasted::Card), reason } => {
                Sentence::new(mistyped("a share link", "this link", *reason, *got))
                    .hint("a card is for sharing with this person (`maille share create --with`); to receive, ask them for a link")
            }
            Failure::BadLink { got: got @ Some(Pasted::Invite), reason } => {
                Sentence::new(mistyped("a share link", "this link", *reason, *got))
                    .hint("an invite is taken by `maille circle join LINK`")
            }
            Failure::BadLink { reason, got } => Sentence::new(mistyped("a share link", "this link", *reason, *got))
                .hint("ask for the link again and copy all of it, within quotes"),
            Failure::BadPairCode { reason, got } => Sentence::new(mistyped("a pairing code", "this code", *reason, *got))
                .hint("copy all of it from the other device, where `maille device add` shows it; it begins with `maille:device#`"),
            Failure::BadRelayCode { reason, got } => Sentence::new(mistyped("a relay's code", "this code", *reason, *got))
                .hint("whoever runs the relay makes one with `maille relay offer`; it begins with `maille:relay#`: copy all of it, within quotes"),
            Failure::BadWords { place: Some(place) } => {
                Sentence::new(format!("word {place} is in neither list of words"))
                    .hint("check its spelling: the words are all French, or all English")
            }
            Failure::BadWords { place: None } => Sentence::new("these are not twelve words that fit together")
                .hint("one is wrong or missing, or two changed places: compare with your sheet"),
            Failure::BadBackup { file, reason } => {
                Sentence::new(format!("{} is no backup that this Maille reads", file.display())).detail(reason.clone())
                    .hint("give a file that `maille backup make` wrote")
            }
            Failure::BackupDamaged { file, values } => {
                Sentence::new(format!("{} was changed or cut: after {values} values it does not fit", file.display()))
                    .hint("nothing was restored; take another copy of it, or an older backup")
            }
            Failure::BackupLocked { file } => {
                Sentence::new(format!("this does not open {}", file.display()))
                    .hint("try its passphrase, or your twelve words (`--words`)")
            }
            Failure::BadInvite { got: got @ Some(Pasted::Link), reason } => {
                Sentence::new(mistyped("an invite", "this invite", *reason, *got))
                    .hint("a share link is accepted by `maille received accept LINK`")
            }
            Failure::BadInvite { got: got @ Some(Pasted::PairCode), reason } => {
                Sentence::new(mistyped("an invite", "this invite", *reason, *got))
                    .hint("a device's code adds a device of yours, in a new folder: `maille device join CODE`")
            }
            Failure::BadInvite { got: got @ Some(Pasted::Card), reason } => {
                Sentence::new(mistyped("an invite", "this invite", *reason, *got))
                    .hint("a card says who somebody is; to come into their circle, ask them for an invite (`maille circle invite`)")
            }
            Failure::BadInvite { reason: reason @ Mistyped::NotOne, .. } => {
                Sentence::new(mistyped("an invite", "this invite", *reason, None))
                    .hint("give the link, which begins with `maille:join#`, within quotes, or the name of a file that holds it")
            }
            Failure::BadInvite { reason, got } => Sentence::new(mistyped("an invite", "this invite", *reason, *got))
                .hint("ask for the link again and copy all of it, within quotes"),
            Failure::NotWelcome { circle, inviter, why } => self.circle_not_welcome(circle, inviter, *why),
            Failure::NoWelcomeYet { circle, inviter, seconds, here_only, running } => {
                self.circle_no_welcome_yet(circle, inviter, *seconds, *here_only, *running)
            }
            Failure::NotWell { newer: true, .. } => Sentence::new("a newer Maille has written documents here: this one leaves them as they are")
                .hint("install the version of Maille that your other devices have"),
            Failure::NotWell { entries_are_whole: true, .. } => Sentence::new("some documents are not what their entries say")
                .hint("make them again from these: `maille doctor --rebuild`"),
            Failure::NotWell { entries_are_whole: false, .. } => {
                Sentence::new("entries are lost, or cannot be read: the disk may be failing")
                    .hint("keep a copy of the folder; what your other devices or a backup hold comes back from there")
            }
            Failure::NotRunning => Sentence::new("Maille is not running here")
                .hint("start it in another terminal (`maille run`), or leave out `--no-wait`"),
            Failure::NowhereToAsk => Sentence::new("the words show who you are, not where your data are")
                .hint("`maille recover --from CARD`, with the card or a link of another device of yours or of a contact; or `--backup FILE`"),
            Failure::NodeNotReached => Sentence::new("nobody answers at the places on these cards: you are not back, nothing was changed")
                .hint("Maille must be running there (`maille run`); try another device's or a contact's card, or `maille recover --backup FILE`"),
            Failure::WordsNotKnown => Sentence::new("whoever was asked knows nobody of these words")
                .hint("check the words, and that none of a second sheet have replaced them; else take the card of another device of yours, of somebody whom you shared with, or `--backup FILE`"),
            Failure::RootReplaced => Sentence::new("these words may not speak for you any more: nothing was changed")
                .hint("words of a second sheet have replaced them: add this device from another one (`maille device add`), or `maille recover --backup FILE`"),
            Failure::DeviceNotReached => Sentence::new("the other device does not answer")
                .hint("it must show the code right now, and be on the same network; `maille run --listen` there sets where it is reached"),
            Failure::PairingOver => Sentence::new("this code is used up, too old, or was never shown: no device was added")
                .hint("a code is good for ten minutes and one device: `maille device add` shows a new one"),
            Failure::WordsDiffer => Sentence::new("the words are not the same: no device was added")
                .hint("somebody else may have seen the code: show a new one (`maille device add`) where nobody sees it"),
            Failure::NotDone => Sentence::new("nothing was done"),
            Failure::BadShareId { reason } => Sentence::new(mistyped("a share's identifier", "this identifier", *reason, None))
                .hint("copy all of it from `maille share list` or `maille received list`"),
            Failure::BadDate { typed } => Sentence::new(format!("{} is not a date", quoted(typed)))
                .hint("write the year first, such as `2027-01-31`, or a span: `30d`, `2 weeks`, `3 months`, `1 year`, `tomorrow`"),
            Failure::BadMonth { typed } => {
                Sentence::new(format!("{} is not a month", quoted(typed))).hint("write for example `2027-01`")
            }
            Failure::BadAddress { typed } => Sentence::new(format!("{} is not an address", quoted(typed)))
                .hint("write for example `192.168.1.10:4001`"),
            Failure::CannotListen { reason } => {
                let sentence = Sentence::new("cannot listen at this address");
                match OsFault::of(reason) {
                    Some(OsFault::Denied) => sentence
                        .detail("this port is kept for this computer's administrator")
                        .hint("choose a port from 1024 on"),
                    _ => os::refused(
                        sentence,
                        reason,
                        Path::new("--listen"),
                        "choose another port, or let Maille choose one: without `--listen`",
                        self,
                    ),
                }
            }
            Failure::NobodyNearby { reason: None } => Sentence::new("nobody nearby can reach you: this node listens on this computer only")
                .hint("give it a port of the network: `maille run --nearby --listen 0.0.0.0:4001`"),
            Failure::NobodyNearby { reason: Some(reason) } => Sentence::new("the local network cannot be asked who is there")
                .detail(reason.clone())
                .hint("connect to a network first, or start without `--nearby`"),
            Failure::NotArrived { name, seconds } => {
                Sentence::new(format!("{name} did not answer within {}", counted(*seconds, "second", "seconds")))
                    .detail("the share is accepted: its data will arrive when both your devices are online")
                    .hint("keep Maille running with `maille run`, and ask them to do the same")
            }
            Failure::DaemonLost { reason } => Sentence::new("Maille is running but does not answer any more")
                .detail(reason.clone())
                .hint("stop `maille run` and start it again"),
            Failure::DemoFailed { step, seen } => {
                Sentence::new(format!("the demo failed at the step {}", quoted(step))).detail(seen.clone())
                    .hint("run it again; if it fails again, report it: Maille is at fault")
            }
            Failure::Usage { what, hint } => {
                Sentence { message: what.clone(), details: Vec::new(), hint: hint.clone() }
            }
            Failure::Told { .. } => Sentence::new(""),
            Failure::Bug { what } => Sentence::new("a bug in Maille stopped this command")
                .detail(what.clone())
                .hint("your data are untouched; report this message"),
        }
    }

    fn usage_unknown_argument(&self, argument: &str) -> String {
        format!("there is no option {} here", quoted(argument))
    }

    fn usage_extra_word(&self, word: &str) -> String {
        format!("{} is one word too many", quoted(word))
    }

    fn usage_quote_pasted(&self) -> &'static str {
        "a space has cut the link or the card: put it within quotes, \"maille…\""
    }

    fn usage_quote_words(&self) -> &'static str {
        "put what has a space in it within quotes: \"Marc D.\", \"2 weeks\""
    }

    fn usage_unknown_command(&self, command: &str) -> String {
        format!("there is no command {}", quoted(command))
    }

    fn usage_bad_value(&self, argument: &str, value: &str) -> String {
        if value.is_empty() {
            format!("a value is missing after {}", quoted(argument))
        } else {
            format!("{} does not do for {}", quoted(value), quoted(argument))
        }
    }

    fn usage_missing(&self, arguments: &str) -> String {
        format!("{arguments} is missing")
    }

    fn usage_conflict(&self, argument: &str, other: &str) -> String {
        format!(
            "{} and {} do not go together",
            quoted(argument),
            quoted(other)
        )
    }

    fn usage_other(&self) -> String {
        "this command is mistyped".to_owned()
    }

    fn usage_did_you_mean(&self, suggestion: &str) -> String {
        format!("did you mean `{suggestion}`?")
    }

    fn usage_see_help(&self, command: &str) -> String {
        format!("see `{command} --help`")
    }

    fn os_fault(&self, fault: OsFault, at: &str) -> (&'static str, String) {
        match fault {
            OsFault::NotFound => (
                "there is nothing of this name",
                "check the name, and the folder that you are in".to_owned(),
            ),
            OsFault::NoFolder => (
                "there is no such folder",
                "make this folder, or choose another one".to_owned(),
            ),
            OsFault::Denied => (
                "this computer forbids it to you",
                format!("see whose it is: `ls -ld {at}`"),
            ),
            OsFault::IsAFolder => (
                "it is a folder",
                format!(
                    "name a file; all those of a folder: `{}/*.gpx`",
                    at.trim_end_matches('/')
                ),
            ),
            OsFault::NotAFolder => (
                "it is a file, and a folder is needed",
                "check the path: what stands before a `/` must be a folder".to_owned(),
            ),
            OsFault::DiskFull => (
                "the disk is full",
                "make some room, then try again".to_owned(),
            ),
            OsFault::ReadOnly => (
                "this disk can only be read",
                "choose a folder on a disk that you can write to".to_owned(),
            ),
            OsFault::BadName => (
                "this name is too long or impossible",
                "choose a shorter name".to_owned(),
            ),
            OsFault::PortTaken => (
                "another program listens at this port already",
                "choose another port, or let Maille choose one: without `--listen`".to_owned(),
            ),
            OsFault::NotOurAddress => (
                "this address is not one of this computer's",
                "give an address of this computer: `ip address` shows them".to_owned(),
            ),
        }
    }

    fn average_mix(&self, year: &str) -> String {
        format!("average mix of {year}, consumption")
    }

    fn mode(&self, mode: Mode) -> &'static str {
        match mode {
            Mode::Walking => "walking",
            Mode::Running => "running",
            Mode::OnFoot => "on foot",
            Mode::Bicycling => "bicycle",
            Mode::BicyclingElectric => "electric bicycle",
            Mode::ScooterElectric => "electric scooter",
            Mode::Car => "car",
            Mode::CarElectric => "electric car",
            Mode::Carpool => "carpool",
            Mode::CarpoolElectric => "electric carpool",
            Mode::InVehicle => "vehicle, which is unknown",
            Mode::Moped => "moped",
            Mode::MotorbikeSmall => "motorbike up to 250 cm³",
            Mode::MotorbikeLarge => "motorbike over 250 cm³",
            Mode::Bus => "bus",
            Mode::BusElectric => "electric bus",
            Mode::Coach => "coach",
            Mode::Tramway => "tram",
            Mode::Subway => "metro",
            Mode::Train => "train",
            Mode::TrainRegional => "regional train",
            Mode::TrainMainLine => "main-line train",
            Mode::TrainHighSpeed => "high-speed train",
            Mode::Plane => "plane",
            Mode::AirOrHighSpeedRail => "plane or high-speed train, which is unknown",
            Mode::Unknown => "unknown",
        }
    }

    fn format(&self, format: Format) -> &'static str {
        match format {
            Format::Gpx => "GPX track",
            Format::CozyGeojson => "Coach CO2 trips (Cozy)",
            Format::LinkyCsv => "Linky load curve (Enedis)",
        }
    }

    fn import_error(&self, error: &ImportError) -> String {
        match error {
            ImportError::Empty => "the file is empty".to_owned(),
            ImportError::TooLarge { bytes, max } => {
                format!(
                    "it has {}, and at most {} are read",
                    self.size(*bytes),
                    self.size(*max)
                )
            }
            ImportError::UnknownFormat { looked_like } => {
                format!(
                    "this is not a known format; it looks like {}",
                    self.looks_like(*looked_like)
                )
            }
            ImportError::WrongFormat { expected, got } => {
                format!(
                    "this is not the format {expected}; it looks like {}",
                    self.looks_like(*got)
                )
            }
            ImportError::InvalidUtf8 { .. } => "the text is damaged (it is not UTF-8)".to_owned(),
            ImportError::Truncated { .. } => "the file is cut off before its end".to_owned(),
            ImportError::Malformed { reason, .. } => format!("the content is malformed ({reason})"),
            ImportError::NotALoadCurve { what, unit, .. } => {
                format!(
                    "it holds {} in {}, not a load curve in W",
                    quoted(what),
                    quoted(unit)
                )
            }
            other => other.to_string(),
        }
    }

    fn skip_reason(&self, reason: &SkipReason) -> String {
        match reason {
            SkipReason::Waypoints { count } => counted(
                *count,
                "marked point, which is no trip",
                "marked points, which are no trips",
            ),
            SkipReason::Routes { count } => counted(
                *count,
                "planned route, not necessarily travelled",
                "planned routes, not necessarily travelled",
            ),
            SkipReason::NoDate => "no date".to_owned(),
            SkipReason::BadDate(fault) => match fault {
                DateFault::Malformed => "this is not a date".to_owned(),
                DateFault::NoOffset => "a date without its time zone".to_owned(),
                DateFault::OutOfRange => "a date before 1970 or after 2199".to_owned(),
            },
            SkipReason::TooFewPoints { count } => {
                format!(
                    "{}, at least two are needed",
                    counted(*count, "point", "points")
                )
            }
            SkipReason::NoSections => "no section".to_owned(),
            SkipReason::BadDistance => "a distance that is absent or impossible".to_owned(),
            SkipReason::BadLocation => "coordinates that are not on Earth".to_owned(),
            SkipReason::TooManySections { max } => {
                format!("more than {}", counted(*max, "section", "sections"))
            }
            SkipReason::NoValue => "no value".to_owned(),
            SkipReason::BadValue { text } => {
                format!("{} is not a whole number of watts", quoted(text))
            }
            SkipReason::Contradicts { line } => format!("contradicts line {line}, which is kept"),
            SkipReason::Overlaps => "overlaps the reading before".to_owned(),
            SkipReason::NoStep => "nothing says how long this reading lasted".to_owned(),
            SkipReason::NotALoadCurve { what, unit } => {
                format!(
                    "{} in {}, not a load curve in W",
                    quoted(what),
                    quoted(unit)
                )
            }
            SkipReason::Columns { expected, got } => format!("{got} columns instead of {expected}"),
            other => other.to_string(),
        }
    }

    fn import_note(&self, note: &NoteKind) -> String {
        match note {
            NoteKind::Gap { from, to, missing } => format!(
                "nothing measured from {} to {} ({})",
                figures(*from),
                figures(*to),
                counted(*missing, "reading is missing", "readings are missing")
            ),
            NoteKind::StepInferred { minutes } => {
                format!(
                    "the file does not say how long readings last: {minutes} minutes, by their dates"
                )
            }
            NoteKind::UnknownMode { word: Some(word) } => {
                format!("unknown mode of transport ({})", quoted(word))
            }
            NoteKind::UnknownMode { word: None } => "unknown mode of transport".to_owned(),
            NoteKind::EndsBeforeItBegins => {
                "ends before it begins: counted as lasting no time".to_owned()
            }
            NoteKind::OutOfOrder => "points out of order".to_owned(),
            NoteKind::Repeats { line } => format!("repeats line {line}"),
            NoteKind::MadeUp => "made-up data, as the file itself says".to_owned(),
            other => other.to_string(),
        }
    }

    fn labelled(&self, label: &str, what: &str) -> String {
        format!("{label}: {what}")
    }

    fn place(&self, place: Place) -> String {
        match place {
            Place::File => "the whole file".to_owned(),
            Place::Line(number) => format!("line {number}"),
            Place::Byte(number) => format!("byte {number}"),
            Place::Track(number) => format!("track {number}"),
            Place::Trip(number) => format!("trip {number}"),
            Place::Section { trip, section } => format!("trip {trip}, section {section}"),
        }
    }

    fn looks_like(&self, what: LooksLike) -> &'static str {
        match what {
            LooksLike::Gpx => "a GPX track",
            LooksLike::CozyGeojson => "a Coach CO2 export (Cozy)",
            LooksLike::LinkyCsv => "an Enedis export",
            LooksLike::Zeros => "a file full of zeros",
            LooksLike::Fit => "a watch's FIT file",
            LooksLike::Zip => "a ZIP archive (open it first)",
            LooksLike::Pdf => "a PDF",
            LooksLike::Html => "a web page",
            LooksLike::Xml => "XML of another kind",
            LooksLike::Json => "JSON of another kind",
            LooksLike::Calendar => "a calendar",
            LooksLike::Text => "text of another kind",
            LooksLike::Binary => "a file that is not text",
        }
    }

    fn rows(&self, count: u64) -> String {
        counted(count, "row", "rows")
    }

    fn trips(&self, count: u64) -> String {
        counted(count, "trip", "trips")
    }

    fn readings(&self, count: u64) -> String {
        counted(count, "energy reading", "energy readings")
    }

    fn passphrase_new(&self) -> &'static str {
        "Choose a passphrase: "
    }

    fn passphrase_again(&self) -> &'static str {
        "The same once more: "
    }

    fn passphrase_ask(&self) -> &'static str {
        "Passphrase: "
    }

    fn words_head(&self) -> &'static str {
        "Your recovery phrase, to copy on paper, in this order:"
    }

    fn words_foot(&self) -> &'static str {
        "It is kept nowhere and will never be shown again. If you lose this device, it alone will prove that you\n\
         are you. Give it to nobody."
    }

    fn words_written(&self) -> &'static str {
        "Press Enter when they are on paper: this screen is then cleared, and three of them are asked."
    }

    fn words_ask_back(&self, number: usize) -> String {
        format!("Word number {number}:")
    }

    fn words_wrong(&self, number: usize) -> String {
        format!("Word number {number} is another one. Here they are again:")
    }

    fn words_known(&self) -> &'static str {
        "Right. Keep that paper where you keep what must not be lost."
    }

    fn words_in_file(&self, file: &str) -> String {
        format!(
            "Your recovery phrase is in {file}, readable by you alone. Copy it on paper, then delete this file: it is\n\
             kept nowhere else and will never be shown again."
        )
    }

    fn home_ready(&self, home: &str, passphrase: bool) -> Vec<String> {
        let key = if passphrase {
            "Your passphrase will be asked for by every command: without it, these data are lost."
        } else {
            "Without a passphrase, whoever copies this folder can read your data (`init --passphrase` prevents it)."
        };
        vec![
            format!("All is ready in {home}."),
            key.to_owned(),
            "Next: `maille import FILE` to put your data in it, `maille demo` to see how sharing works.".to_owned(),
        ]
    }

    fn card_note(&self, addresses: &[String]) -> Vec<String> {
        let mut lines = vec![
            "This is your card: give it to whoever wants to share with you. It says who you are and where to reach\n\
             you, nothing of your data."
                .to_owned(),
        ];
        if addresses.is_empty() {
            lines.push(
                "It does not say yet where to reach you: start Maille first, with `maille run`."
                    .to_owned(),
            );
        } else {
            lines.push(format!("Addresses: {}", addresses.join(", ")));
        }
        lines
    }

    fn running(&self, listening: &[String]) -> Vec<String> {
        let mut lines = vec!["Maille is running. Ctrl-C stops it.".to_owned()];
        lines.extend(
            listening
                .iter()
                .map(|address| format!("  listening on {address}")),
        );
        lines
    }

    fn stopped(&self) -> &'static str {
        "Maille has stopped; everything is kept."
    }

    fn event(&self, event: &Event, name: &str) -> String {
        match event {
            Event::ContactOnline { .. } => format!("{name} is online"),
            Event::ContactOffline { .. } => format!("{name} is no longer online"),
            Event::ShareOffered { .. } => {
                format!("{name} offers a share: nothing of it is taken before you accept its link")
            }
            Event::SetAside { why, .. } => format!("{name}: {}", aside_reason(*why, None)),
            Event::ShareArrived { .. } => format!("the share from {name} has arrived"),
            Event::RowsArrived { rows, .. } => {
                format!("{} from {name}", counted(*rows, "new row", "new rows"))
            }
            Event::ShareEnded { .. } => {
                format!("the share from {name} has ended: you keep what you received")
            }
            Event::Delivered { .. } => format!("{name} has received everything"),
            Event::DeviceAsks { .. } => format!(
                "the device “{name}” asks to be yours: `maille device list` shows the words to compare"
            ),
            Event::PairingRefused => {
                "a device came with the code but asked for something else: the code that was shown is used up".to_owned()
            }
            Event::DeviceRemoved => self.device_removed().to_owned(),
            Event::CircleJoined { .. } => format!("you are in the circle {name}"),
            Event::JoinRefused { why, .. } => {
                format!(
                    "the circle {name} does not let you in: {}",
                    self.why_not(*why)
                )
            }
            Event::MemberJoined { name: who, .. } => {
                format!("{who} came into the circle {name} by your invite")
            }
            Event::InviteRefused { why, .. } => {
                format!(
                    "somebody came to the circle {name} by an invite that lets nobody in: {}",
                    self.why_not(*why)
                )
            }
            Event::CircleNews { .. } => format!("news in the circle {name}"),
            Event::Violation { what, .. } => {
                format!("a device spoke badly, its connection is closed: {what}")
            }
        }
    }

    fn words_ask(&self) -> &'static str {
        "Your twelve words, in their order (not shown): "
    }

    fn backup_made(&self, file: &str, summary: &Summary, passphrase: bool) -> Vec<String> {
        let opens = if passphrase {
            "Your twelve words open it, and so does the passphrase."
        } else {
            "Your twelve words open it, and nothing else does."
        };
        vec![
            format!(
                "{} written to {file}",
                counted(summary.values, "value", "values")
            ),
            opens.to_owned(),
            "Try it: maille backup check FILE".to_owned(),
        ]
    }

    fn backup_whole(&self, summary: &Summary, clock: &Clock) -> Vec<String> {
        vec![
            format!("Of: {}", summary.person),
            format!(
                "Whole: {}, made on {}",
                counted(summary.values, "value", "values"),
                clock.spell(summary.created, self)
            ),
        ]
    }

    fn checked_up(&self, report: &Checkup) -> Vec<String> {
        let mut lines = vec![format!(
            "Looked at: {}, {}",
            counted(report.documents, "document", "documents"),
            counted(report.entries, "entry", "entries")
        )];
        for it in &report.differing {
            let mut what = Vec::new();
            if it.newer {
                let what = "written by a newer Maille, left as it is: install that one here";
                lines.push(format!("  {}: {what}", it.document));
                continue;
            }
            if it.unreadable {
                what.push("cannot be read".to_owned());
            }
            if it.lacks > 0 {
                what.push(format!("lacks {}", counted(it.lacks, "change", "changes")));
            }
            if it.unsaid > 0 {
                let changes = counted(it.unsaid, "change", "changes");
                what.push(format!("holds {changes} that no entry says"));
            }
            let done = if it.rebuilt { "; made again" } else { "" };
            lines.push(format!("  {}: {}{done}", it.document, what.join(", ")));
        }
        if !report.unreadable_entries.is_empty() {
            let count = report.unreadable_entries.len() as u64;
            let entries = counted(count, "entry", "entries");
            lines.push(format!("{entries} that cannot be read"));
        }
        if report.missing_entries > 0 {
            let entries = counted(report.missing_entries, "entry", "entries");
            lines.push(format!("{entries} missing"));
        }
        if report.out_of_place > 0 {
            let changes = counted(report.out_of_place, "change", "changes");
            lines.push(format!(
                "{changes} in no document: what they build on is not here"
            ));
        }
        if report.is_well() {
            lines.push("All is as it should be.".to_owned());
        }
        lines
    }

    fn backup_restored(&self, home: &str, summary: &Summary, clock: &Clock) -> Vec<String> {
        vec![
            format!(
                "{home} is as it was on {}. What was written after that is gone here.",
                clock.spell(summary.created, self)
            ),
            "It is the same device: use it only if the old one is gone for good.".to_owned(),
            "Your contacts and circles follow once it runs: maille run".to_owned(),
        ]
    }

    fn device_code(&self, code: &PairCode, here_only: bool, clock: &Clock) -> Vec<String> {
        let mut lines = vec![
            "On the new device, within ten minutes: maille device join CODE".to_owned(),
            format!(
                "Whoever has the code can ask to be you, once, until {}: show it to nobody else.",
                clock.spell(code.until, self)
            ),
        ];
        if here_only {
            lines.push(
                "It only works on this computer: to reach it from another, first `maille run --listen 192.168.1.10:4001` with your address."
                    .to_owned(),
            );
        }
        lines
    }

    fn device_asks(&self, name: &str, [own, other]: &[String; 2]) -> Vec<String> {
        vec![
            format!("The device “{name}” asks to be added. It must show these words:"),
            format!("    {own}"),
            format!("    (in French: {other})"),
        ]
    }

    fn device_same_words(&self) -> &'static str {
        "Does the new device show the same words? [y/n]"
    }

    fn device_confirm_elsewhere(&self) -> &'static str {
        "If it does: maille device confirm WORD WORD WORD"
    }

    fn device_asking(&self) -> &'static str {
        "Looking for the other device…"
    }

    fn device_compare(&self, [own, other]: &[String; 2]) -> Vec<String> {
        vec![
            "Compare these words with those on the other device, and say there whether they are the same:".to_owned(),
            format!("    {own}"),
            format!("    (in French: {other})"),
        ]
    }

    fn device_arriving(&self) -> &'static str {
        "This device is yours now; your data are on their way…"
    }

    fn device_joined(&self, status: &Status, home: &str) -> Vec<String> {
        vec![
            format!(
                "Here now: {}, {}, in {home}",
                self.trips(status.trips),
                self.readings(status.readings)
            ),
            "The rest comes while both run: maille run".to_owned(),
        ]
    }

    fn recover_asking(&self) -> &'static str {
        "Asking who has these words…"
    }

    fn recover_devices_head(&self) -> &'static str {
        "Your devices, as far as those who were asked know them:"
    }

    fn recover_device(&self, device: &KnownDevice) -> String {
        let names = match device.names.is_empty() {
            true => "(none of your devices has said its name)".to_owned(),
            false => device.names.join(" / "),
        };
        let state = match (device.answered, device.is_somewhere) {
            (true, _) => "answered",
            (false, true) => "did not answer",
            (false, false) => "not asked: nobody knows where it is",
        };
        format!("  {names}: {state} · {}", device.device)
    }

    fn recover_contact(&self, contact: &PersonId, answered: bool) -> String {
        let state = if answered {
            "answered"
        } else {
            "did not answer"
        };
        format!("  the contact on a card: {state} · {contact}")
    }

    fn recover_unsure(&self) -> Vec<String> {
        vec![
            "None of the devices that you keep has answered. What you remove now stays removed, and a device that the lost".to_owned(),
            "one added without those above knowing of it is cut off, too: you can add it again with `maille device add`.".to_owned(),
            "A device that the lost one removed meanwhile would speak for you again. To ask more of them, add `--from CARD`.".to_owned(),
        ]
    }

    fn recover_unsure_sure(&self) -> &'static str {
        "Remove it all the same? [y/n]"
    }

    fn recover_which_lost(&self) -> &'static str {
        "Which one is lost or stolen? Its name or id; nothing if none:"
    }

    fn recovered(&self, home: &str, lost: usize) -> Vec<String> {
        let mut lines = vec![format!(
            "You are back: {home} is a device of yours, and none is above it."
        )];
        match lost {
            0 => {}
            1 => lines.push("The lost device speaks for you no more; the others hear of it when they meet this one.".to_owned()),
            _ => lines.push(format!("{lost} lost devices speak for you no more; the others hear of it when they meet this one.")),
        }
        lines
    }

    fn recovered_alone(&self, own: bool, in_vain: usize) -> Vec<String> {
        let tried = match (own, in_vain) {
            (false, 0) => "No other device of yours is known to be anywhere.",
            (true, _) => "The device of yours that answered has not given them yet.",
            (false, _) => "No device of yours answered.",
        };
        vec![
            format!("Not back: your data. {tried} They are where you left them: on another device, in a backup, and"),
            "what you shared at your contacts'.".to_owned(),
            "Switch another device of yours on and start Maille on both (`maille run`); or, in an empty folder,".to_owned(),
            "`maille recover --from CARD` with its card, or `maille recover --backup FILE`.".to_owned(),
        ]
    }

    fn recovered_not(&self) -> &'static str {
        "Shares that you gave or received lived on the lost device: give and ask for them again from this one."
    }

    fn device_removed(&self) -> &'static str {
        "This device was removed by another one of yours: it gets nothing new."
    }

    fn device(&self, device: &DeviceShown, clock: &Clock) -> String {
        let state = if device.me {
            "this device".to_owned()
        } else if device.connected {
            "online".to_owned()
        } else {
            match device.last_seen {
                Some(at) => format!("last seen on {}", clock.spell(at, self)),
                None => "not seen yet".to_owned(),
            }
        };
        let behind = if device.behind {
            ", does not have everything yet"
        } else {
            ""
        };
        let name = if device.name.is_empty() {
            "(no name yet)"
        } else {
            &device.name
        };
        format!(
            "{name}: {state}{behind} · rank {} · {}",
            device.rank, device.device
        )
    }

    fn device_removing(&self, device: &str) -> Vec<String> {
        vec![
            format!(
                "“{device}” will get nothing new and speak for you no more; your circles change their keys."
            ),
            "What it holds already stays on it. To come back it has to be added as a new device."
                .to_owned(),
        ]
    }

    fn device_remove_sure(&self) -> &'static str {
        "Remove it? [y/n]"
    }

    fn usage_add_yes(&self) -> &'static str {
        "nobody is there to ask: add `--yes` if you are sure"
    }

    fn qr_too_wide(&self) -> &'static str {
        "(No picture to photograph: this terminal is too narrow for it.)"
    }

    fn yes_or_no(&self, answer: &str) -> Option<bool> {
        match answer.to_lowercase().as_str() {
            "y" | "yes" => Some(true),
            "n" | "no" => Some(false),
            _ => None,
        }
    }

    fn status(&self, status: &Status, running: bool) -> Vec<String> {
        let mut lines = vec![
            format!("You: {}", status.person),
            format!(
                "Your data: {}, {}, in {}",
                self.trips(status.trips),
                self.readings(status.readings),
                counted(status.documents, "document", "documents")
            ),
        ];
        if status.malformed > 0 {
            lines.push(format!(
                "{} that this version cannot read: one of your devices wrote them, which is newer or broken (`maille device list`)",
                counted(status.malformed, "more record", "more records")
            ));
        }
        if running {
            lines.push("Maille is running".to_owned());
            lines.extend(
                status
                    .listening
                    .iter()
                    .map(|address| format!("  listening on {address}")),
            );
        } else {
            lines.push(
                "Maille is not running: nothing arrives or leaves (`maille run` for that)"
                    .to_owned(),
            );
        }
        lines
    }

    fn contacts_head(&self) -> &'static str {
        "Your contacts:"
    }

    fn contact(&self, contact: &ContactStatus, clock: &Clock) -> String {
        let seen = match (contact.connected, contact.last_seen) {
            (true, _) => "online".to_owned(),
            (false, Some(at)) => format!("seen on {}", clock.spell(at, self)),
            (false, None) => "never seen".to_owned(),
        };
        let waiting = match contact.waiting {
            0 => "nothing waiting".to_owned(),
            count => counted(
                count,
                "thing waiting to be sent",
                "things waiting to be sent",
            ),
        };
        format!("{seen}, {waiting}")
    }

    fn set_aside(&self, aside: &Aside, clock: &Clock) -> String {
        format!(
            "{}: {}",
            clock.spell(aside.at, self),
            aside_reason(aside.reason, Some(clock))
        )
    }

    fn import_head(&self, file: &str, format: Format) -> String {
        format!("{file}: {}", self.format(format))
    }

    fn import_read(&self, trips: u64, readings: u64) -> String {
        match (trips, readings) {
            (0, 0) => "nothing to keep in this file".to_owned(),
            (_, 0) => format!("read: {}", self.trips(trips)),
            (0, _) => format!("read: {}", self.readings(readings)),
            _ => format!("read: {}, {}", self.trips(trips), self.readings(readings)),
        }
    }

    fn import_kept(&self, added: u64, unchanged: u64, differing: u64) -> String {
        let mut line = format!(
            "{} new, {} there already",
            self.count(added),
            self.count(unchanged)
        );
        if differing > 0 {
            line.push_str(&format!(
                ", {} not as you had it: what you had stays",
                self.count(differing)
            ));
        }
        line
    }

    fn import_dry_run(&self) -> &'static str {
        "a trial only: nothing was kept"
    }

    fn import_skipped(&self, count: u64) -> String {
        counted(count, "place left out:", "places left out:")
    }

    fn import_notes(&self, count: u64) -> String {
        counted(count, "remark:", "remarks:")
    }

    fn and_more(&self, count: u64) -> String {
        format!("… and {} more (all of them with --json)", self.count(count))
    }

    fn import_mixed(&self, kept: u64, refused: u64) -> String {
        format!(
            "{}, {} refused",
            counted(kept, "file imported", "files imported"),
            self.count(refused)
        )
    }

    fn no_trips(&self) -> &'static str {
        "No trip yet. `maille import FILE` reads GPX tracks or a Cozy export."
    }

    fn month(&self, year: i16, month: i8) -> String {
        format!("{} {year}", self.month_name(month))
    }

    fn total(&self) -> &'static str {
        "total"
    }

    fn footprint_mobility(&self) -> &'static str {
        "Your travel"
    }

    fn footprint_electricity(&self) -> &'static str {
        "Your electricity"
    }

    fn footprint_columns(&self) -> [&'static str; 5] {
        ["mode", "trips", "distance", "emissions", "between"]
    }

    fn unknown_emissions(&self) -> &'static str {
        "unknown"
    }

    fn footprint_unknown(&self, distance_mm: u64) -> String {
        format!(
            "plus {} whose emissions are unknown",
            self.distance_mm(distance_mm)
        )
    }

    fn between(&self, low_mg: u64, high_mg: u64) -> String {
        format!("{} – {}", self.mass_mg(low_mg), self.mass_mg(high_mg))
    }

    fn electricity(&self, energy_j: u64, co2e_mg: u64, readings: u64) -> String {
        format!(
            "{}, {} ({})",
            self.energy_j(energy_j),
            self.mass_mg(co2e_mg),
            self.readings(readings)
        )
    }

    fn footprint_empty(&self) -> &'static str {
        "Nothing to count yet: `maille import FILE`."
    }

    fn footprint_factors(&self, factors: &FactorSetInfo) -> Vec<String> {
        vec![
            format!("Counted with: {} ({})", factors.version, factors.id),
            format!("Source: {}; licence: {}", factors.source, factors.licence),
        ]
    }

    fn factor(&self, mode: Mode, factor: &FactorUsed) -> String {
        let per = match factor.per {
            Per::Person => "per person",
            Per::Vehicle => "per vehicle, divided by the people aboard",
        };
        let scope = match factor.scope {
            Scope::Use => "use only",
            Scope::UseAndMaking => "use and making",
        };
        let uncertainty = factor
            .uncertainty_pct
            .filter(|pct| *pct > 0)
            .map(|pct| format!(", ± {pct} %"))
            .unwrap_or_default();
        let validity = validity::spell(&factor.validity, self);
        let entry = match (factor.id.as_str(), factor.validity.as_str()) {
            ("-", "-") => String::new(),
            ("-", _) => format!(" ({validity})"),
            (id, _) => format!(" (factor {id}, {validity})"),
        };
        format!(
            "{}: {} kg CO2e/km {per}, {scope}{uncertainty}{entry}",
            self.mode(mode),
            match factor.micrograms_per_m {
                0 => "0".to_owned(),
                figure => self.decimal(figure, 1_000_000, 5),
            }
        )
    }

    fn electricity_factor(&self, factor: &ElectricityFactor) -> String {
        let uncertainty = factor
            .uncertainty_pct
            .map(|pct| format!(", ± {pct} %"))
            .unwrap_or_default();
        format!(
            "electricity: {} kg CO2e/kWh{uncertainty} (factor {}, {})",
            self.decimal(factor.milligrams_per_kwh, 1_000_000, 4),
            factor.id,
            validity::spell(factor.validity, self)
        )
    }

    fn preview_foot(&self, rows: u64) -> String {
        format!(
            "{}: that is all that would be seen. Nothing has left.",
            self.rows(rows)
        )
    }

    fn no_rows(&self) -> &'static str {
        "(no row)"
    }

    fn weekly_columns(&self) -> [&'static str; 5] {
        ["week", "mode", "trips", "distance", "emissions"]
    }

    fn share_will_see(&self, name: &str) -> String {
        format!("What {name} will see:")
    }

    fn share_will_show(&self, share: &GivenShare, clock: &Clock) -> Vec<String> {
        let from = match share.from {
            Some(month) => format!("from {}", spell_month(month, self)),
            None => "from the beginning".to_owned(),
        };
        vec![
            format!(
                "Today {}, {from}, then what you add, until {}.",
                self.rows(share.rows),
                clock.spell(share.until, self)
            ),
            "You can stop at any time (`maille share revoke`); what has arrived there stays there."
                .to_owned(),
        ]
    }

    fn share_link_note(&self, share: &GivenShare, running: bool) -> Vec<String> {
        let mut lines = vec![format!(
            "Give this link to {} only; on their device: `maille received accept LINK`.",
            share.name
        )];
        if !running {
            lines.push("Nothing leaves until Maille runs on your device: `maille run`.".to_owned());
        }
        lines
    }

    fn someone(&self) -> &'static str {
        "somebody"
    }

    fn no_purpose(&self) -> &'static str {
        "no reason given"
    }

    fn no_given(&self) -> &'static str {
        "You share nothing."
    }

    fn no_received(&self) -> &'static str {
        "Nobody shares anything with you yet."
    }

    fn given(&self, share: &GivenShare, clock: &Clock) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{} · {} · {}",
                share.name,
                share.lens,
                given_state(share, clock)
            ),
            format!("why: {}", purpose_or(&share.purpose, self.no_purpose())),
        ];
        match share.state {
            ShareState::Active if share.accepted.is_none() => {
                lines.push("nothing of it has left: give them the link".to_owned());
            }
            ShareState::Offered | ShareState::Pending | ShareState::Active => {
                lines.push(match share.acknowledged {
                    Some(at) => format!(
                        "{}, all received by their device on {}",
                        self.rows(share.rows),
                        clock.spell(at, self)
                    ),
                    None => format!(
                        "{}, not all received by their device yet",
                        self.rows(share.rows)
                    ),
                })
            }
            ShareState::Revoked { .. } | ShareState::Expired { .. } => {
                lines.extend(given_end(share))
            }
        }
        lines.push(share.id.to_string());
        lines
    }

    fn revoked(&self, share: &GivenShare, clock: &Clock) -> Vec<String> {
        let mut lines = vec![format!(
            "{} · {} · {}",
            share.name,
            share.lens,
            given_state(share, clock)
        )];
        lines.extend(given_end(share));
        lines
    }

    fn received(&self, share: &ReceivedShare, clock: &Clock) -> Vec<String> {
        let state = match share.state {
            ShareState::Offered => {
                format!(
                    "offered, until {}; not accepted",
                    clock.spell(share.until, self)
                )
            }
            ShareState::Pending => "accepted; their device has not answered yet".to_owned(),
            ShareState::Active => format!("on, until {}", clock.spell(share.until, self)),
            ShareState::Revoked { at } => {
                format!("stopped by {} on {}", share.name, clock.spell(at, self))
            }
            ShareState::Expired { at } => format!("ended on {}", clock.spell(at, self)),
        };
        let mut lines = vec![format!("{} · {} · {state}", share.name, share.lens)];
        if !share.purpose.is_empty() {
            lines.push(format!("why: {}", share.purpose));
        }
        let rows = self.rows(share.rows);
        lines.push(match share.state {
            ShareState::Offered => format!(
                "nothing of it has been taken: to accept, ask {} for the link, then `maille received accept LINK`",
                share.name
            ),
            ShareState::Revoked { .. } | ShareState::Expired { .. } => {
                format!("you keep what you received ({rows}); you will get nothing written since")
            }
            ShareState::Pending | ShareState::Active => match share.updated {
                Some(at) => format!("{rows}, last on {}", clock.spell(at, self)),
                None => rows,
            },
        });
        lines.push(share.id.to_string());
        lines
    }

    fn waiting_for(&self, name: &str, seconds: u64) -> String {
        format!(
            "Waiting for the data of {name}, at most {}…",
            counted(seconds, "second", "seconds")
        )
    }

    fn nothing_sent(&self) -> &'static str {
        "Nothing has left your device."
    }

    fn sent(&self, entry: &SentEntry, clock: &Clock) -> String {
        let what = match entry.what {
            SentWhat::Grant => "access to the share".to_owned(),
            SentWhat::Rows { rows } => self.rows(rows),
            SentWhat::Keys => "new keys".to_owned(),
            SentWhat::End => "the news of the end".to_owned(),
            SentWhat::Circle => "what is said and written in a circle".to_owned(),
        };
        let (of, purpose) = match &entry.why {
            SentWhy::Share { lens, purpose, .. } => (lens, purpose_or(purpose, self.no_purpose())),
            SentWhy::Circle { called, .. } => (called, "circle"),
        };
        let to = match entry.to {
            Some(_) => &entry.name,
            None => "a relay, sealed",
        };
        format!(
            "{}  {} → {}  ({}, {}, {})",
            clock.figures(entry.at),
            what,
            to,
            of,
            purpose,
            self.size(entry.bytes)
        )
    }

    fn exported(&self, file: &str, records: u64) -> Vec<String> {
        vec![
            format!(
                "All your data are in {file}: {}.",
                counted(records, "record", "records")
            ),
            "This file is not encrypted: keep it in a safe place.".to_owned(),
        ]
    }
}
