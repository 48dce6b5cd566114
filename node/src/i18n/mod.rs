//! Every sentence a person sees, in French and in English.
//!
//! A language is a type that implements [`Text`]; the trait has no default methods, so
//! the compiler refuses a language that lacks a sentence. Help texts are looked up by
//! command and argument; a test in `cli::flags` walks the clap tree in both languages.
//! Fluent was the alternative: better for many languages and outside translators, but
//! its keys are checked at run time only, and it costs 28 crates.
//!
//! French says « vous ». No "node", "peer", "key" or "CRDT" on screen: a person has an
//! *appareil* (device), *partages* (shares) and a *phrase de secours* (recovery phrase).
//! Lens sentences are not here: `maille_schemas` makes them from the lens itself.
//!
//! **Invariants.** Nothing here reads a clock, a file or the network; the one exception
//! is [`Lang::from_environment`]. Codes, flags and JSON keys are never translated.

mod circle;
mod clock;
mod demo;
mod en;
mod fr;
mod numbers;
mod os;
mod poll;
mod relay;
mod validity;

use clap::ValueEnum;
use maille_core::KnownDevice;
use maille_core::command::{
    Aside, Checkup, ContactStatus, DeviceShown, GivenShare, ReceivedShare, SentEntry, Status,
};
use maille_core::io::Event;
use maille_node::backup::Summary;
use maille_protocol::id::PersonId;
use maille_protocol::pairing::PairCode;
use maille_schemas::domain::mobility::Mode;
use maille_schemas::factors::{ElectricityFactor, FactorSetInfo, FactorUsed};
use maille_schemas::import::{Format, ImportError, LooksLike, NoteKind, Place, SkipReason};

pub(crate) use circle::{CircleText, Invited, Terms};
pub(crate) use clock::{Clock, spell_month};
pub(crate) use demo::{DemoDevices, DemoStep, DemoText, DemoView};
pub(crate) use numbers::Numbers;
pub(crate) use os::OsFault;
pub(crate) use poll::PollText;
pub(crate) use relay::{Offered, RelayText};

use crate::cli::failure::{Failure, Sentence};

/// A language this program speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// French, the default.
    Fr,
    /// English.
    En,
}

impl Lang {
    /// Both.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 2] = [Self::Fr, Self::En];

    /// The language of a code such as `fr`, `fr_FR.UTF-8` or `en`.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        let end = code.find(['_', '.', '-', '@']).unwrap_or(code.len());
        match code[..end].to_ascii_lowercase().as_str() {
            "fr" => Some(Self::Fr),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// What `LC_ALL`, `LC_MESSAGES` and `LANG` ask for, else French.
    pub(crate) fn from_environment() -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .filter_map(|name| std::env::var(name).ok())
            .find_map(|value| Self::from_code(&value))
            .unwrap_or(Self::Fr)
    }

    /// Its sentences.
    pub(crate) fn text(self) -> &'static dyn Text {
        match self {
            Self::Fr => &fr::French,
            Self::En => &en::English,
        }
    }
}

/// All sentences of one language.
///
/// A method that returns a `Vec` returns whole lines. Counts come as `u64` so that
/// each language can choose its plural.
pub(crate) trait Text:
    Numbers + CircleText + DemoText + PollText + RelayText + Sync
{
    /// Which language this is.
    fn lang(&self) -> Lang;

    // Times.

    /// The name of a month, 1 to 12.
    fn month_name(&self, month: i8) -> &'static str;
    /// A day, as in "12 mars 2027".
    fn day(&self, year: i16, month: i8, day: i8) -> String;
    /// A day and a time, as in "12 mars 2027 à 18 h 00".
    fn moment(&self, year: i16, month: i8, day: i8, hour: i8, minute: i8) -> String;

    // Help.

    /// The help text of a command (`share create`), an argument (`share create --until`)
    /// or a global flag (`--json`).
    fn help(&self, key: &str) -> Option<&'static str>;
    /// What follows a command's help: examples.
    fn help_after(&self, path: &str) -> Option<&'static str>;
    /// The word before the usage line.
    fn help_usage(&self) -> &'static str;
    /// The heading above the subcommands.
    fn help_commands(&self) -> &'static str;
    /// The heading above the options, as clap prints it before its colon.
    fn help_options(&self) -> &'static str;
    /// The heading above what has no dashes.
    fn help_arguments(&self) -> &'static str;
    /// The placeholder for a subcommand.
    fn help_command_word(&self) -> &'static str;
    /// The placeholder for a value, from its English one: `FILE`, `NAME`.
    fn help_value(&self, english: &'static str) -> &'static str;

    // Failures.

    /// What begins an error.
    fn error_head(&self) -> &'static str;
    /// What begins a hint.
    fn hint_head(&self) -> &'static str;
    /// One failure, told.
    fn failure(&self, failure: &Failure, clock: &Clock) -> Sentence;
    /// clap does not know this argument.
    fn usage_unknown_argument(&self, argument: &str) -> String;
    /// A word stands where none is awaited.
    fn usage_extra_word(&self, word: &str) -> String;
    /// Suggests quotes: the shell cut a card or a link at a space.
    fn usage_quote_pasted(&self) -> &'static str;
    /// Suggests quotes for what has spaces.
    fn usage_quote_words(&self) -> &'static str;
    /// clap does not know this subcommand.
    fn usage_unknown_command(&self, command: &str) -> String;
    /// An argument has a value that it cannot have.
    fn usage_bad_value(&self, argument: &str, value: &str) -> String;
    /// These arguments are missing.
    fn usage_missing(&self, arguments: &str) -> String;
    /// Two arguments exclude each other.
    fn usage_conflict(&self, argument: &str, other: &str) -> String;
    /// Anything else that clap refuses.
    fn usage_other(&self) -> String;
    /// Suggests a spelling.
    fn usage_did_you_mean(&self, suggestion: &str) -> String;
    /// Suggests `--help`.
    fn usage_see_help(&self, command: &str) -> String;

    // Words.

    /// Why the operating system refused something `at` a place, and what to do about it.
    fn os_fault(&self, fault: OsFault, at: &str) -> (&'static str, String);
    /// Electricity as it comes from the grid of a year, on average.
    fn average_mix(&self, year: &str) -> String;
    /// A mode of transport.
    fn mode(&self, mode: Mode) -> &'static str;
    /// A file format.
    fn format(&self, format: Format) -> &'static str;
    /// Why an importer refused a file.
    fn import_error(&self, error: &ImportError) -> String;
    /// Why an importer skipped something.
    fn skip_reason(&self, reason: &SkipReason) -> String;
    /// What an importer says about something that it did take over.
    fn import_note(&self, note: &NoteKind) -> String;
    /// A label and what it is about, with the language's own colon.
    fn labelled(&self, label: &str, what: &str) -> String;
    /// A place in a file.
    fn place(&self, place: Place) -> String;
    /// What a file looks like.
    fn looks_like(&self, what: LooksLike) -> &'static str;
    /// "n rows".
    fn rows(&self, count: u64) -> String;
    /// "n trips".
    fn trips(&self, count: u64) -> String;
    /// "n readings".
    fn readings(&self, count: u64) -> String;

    // init.

    /// Asks for a new passphrase.
    fn passphrase_new(&self) -> &'static str;
    /// Asks for it again.
    fn passphrase_again(&self) -> &'static str;
    /// Asks for the passphrase.
    fn passphrase_ask(&self) -> &'static str;
    /// Above the twelve words.
    fn words_head(&self) -> &'static str;
    /// Below the twelve words.
    fn words_foot(&self) -> &'static str;
    /// Waits until the words are written down.
    fn words_written(&self) -> &'static str;
    /// Asks for one of the words, counted from 1.
    fn words_ask_back(&self, number: usize) -> String;
    /// That was another word than number `number`.
    fn words_wrong(&self, number: usize) -> String;
    /// All that were asked were right.
    fn words_known(&self) -> &'static str;
    /// The words went to a file.
    fn words_in_file(&self, file: &str) -> String;
    /// All set up in `home`, with a passphrase or not; what to do next.
    fn home_ready(&self, home: &str, passphrase: bool) -> Vec<String>;

    // card, run, status.

    /// What to do with the card, and where it says this node can be reached.
    fn card_note(&self, addresses: &[String]) -> Vec<String>;
    /// The node runs.
    fn running(&self, listening: &[String]) -> Vec<String>;
    /// The node stopped as asked.
    fn stopped(&self) -> &'static str;
    /// Something happened while the node runs. `name` is the person or share concerned.
    fn event(&self, event: &Event, name: &str) -> String;
    /// The node's own state.
    fn status(&self, status: &Status, running: bool) -> Vec<String>;
    /// Above the contacts.
    fn contacts_head(&self) -> &'static str;
    /// How things stand with a contact, without the name.
    fn contact(&self, contact: &ContactStatus, clock: &Clock) -> String;
    /// What a contact sent that was of no use here, and what to do about it.
    fn set_aside(&self, aside: &Aside, clock: &Clock) -> String;

    // backup.

    /// Asks for the twelve words.
    fn words_ask(&self) -> &'static str;
    /// A backup was made, and what opens it.
    fn backup_made(&self, file: &str, summary: &Summary, passphrase: bool) -> Vec<String>;
    /// A backup is whole.
    fn backup_whole(&self, summary: &Summary, clock: &Clock) -> Vec<String>;
    /// How the documents compare with their entries.
    fn checked_up(&self, report: &Checkup) -> Vec<String>;
    /// A backup is back in this home.
    fn backup_restored(&self, home: &str, summary: &Summary, clock: &Clock) -> Vec<String>;

    // device.

    /// Above a pairing code: what it is for; `here_only` if it names no place but this computer.
    fn device_code(&self, code: &PairCode, here_only: bool, clock: &Clock) -> Vec<String>;
    /// A device asks, and shows these words, in two languages.
    fn device_asks(&self, name: &str, words: &[String; 2]) -> Vec<String>;
    /// Asks whether the other screen shows the same.
    fn device_same_words(&self) -> &'static str;
    /// How to say so by another command.
    fn device_confirm_elsewhere(&self) -> &'static str;
    /// The new device looks for the other one.
    fn device_asking(&self) -> &'static str;
    /// The new device shows these words, in two languages.
    fn device_compare(&self, words: &[String; 2]) -> Vec<String>;
    /// The new device is let in, and waits for the data.
    fn device_arriving(&self) -> &'static str;
    /// The new device holds this much.
    fn device_joined(&self, status: &Status, home: &str) -> Vec<String>;
    /// The words are shown to a node.
    fn recover_asking(&self) -> &'static str;
    /// Above the devices of somebody who comes back.
    fn recover_devices_head(&self) -> &'static str;
    /// One of them, and whether it has answered.
    fn recover_device(&self, device: &KnownDevice) -> String;
    /// A contact who was asked.
    fn recover_contact(&self, contact: &PersonId, answered: bool) -> String;
    /// None of the devices that are left has answered, and one is to be removed.
    fn recover_unsure(&self) -> Vec<String>;
    /// Asks whether it is to be removed all the same.
    fn recover_unsure_sure(&self) -> &'static str;
    /// Asks which of them is lost.
    fn recover_which_lost(&self) -> &'static str;
    /// Somebody is back in `home`, and so many devices were removed.
    fn recovered(&self, home: &str, lost: usize) -> Vec<String>;
    /// Their data are not; whether one's `own` device has answered before, and how many were asked `in_vain`.
    fn recovered_alone(&self, own: bool, in_vain: usize) -> Vec<String>;
    /// What does not come back in any case.
    fn recovered_not(&self) -> &'static str;
    /// This device was removed.
    fn device_removed(&self) -> &'static str;
    /// One device as listed.
    fn device(&self, device: &DeviceShown, clock: &Clock) -> String;
    /// What removing a device means, truthfully.
    fn device_removing(&self, device: &str) -> Vec<String>;
    /// Asks whether to remove it.
    fn device_remove_sure(&self) -> &'static str;
    /// Suggests `--yes`.
    fn usage_add_yes(&self) -> &'static str;
    /// The terminal is too narrow for a picture.
    fn qr_too_wide(&self) -> &'static str;
    /// What an answer means; nothing if it is neither.
    fn yes_or_no(&self, answer: &str) -> Option<bool>;

    // import.

    /// What a file was.
    fn import_head(&self, file: &str, format: Format) -> String;
    /// What was read in it.
    fn import_read(&self, trips: u64, readings: u64) -> String;
    /// What came of it.
    fn import_kept(&self, added: u64, unchanged: u64, differing: u64) -> String;
    /// A dry run kept nothing.
    fn import_dry_run(&self) -> &'static str;
    /// So much was skipped; the lines follow.
    fn import_skipped(&self, count: u64) -> String;
    /// So many remarks; the lines follow.
    fn import_notes(&self, count: u64) -> String;
    /// More of the same, not shown.
    fn and_more(&self, count: u64) -> String;
    /// Some files were refused, others were kept.
    fn import_mixed(&self, kept: u64, refused: u64) -> String;

    // trip list, show footprint.

    /// There is no trip.
    fn no_trips(&self) -> &'static str;
    /// A month's heading.
    fn month(&self, year: i16, month: i8) -> String;
    /// A total line's name.
    fn total(&self) -> &'static str;
    /// Heading of the mobility part of a footprint.
    fn footprint_mobility(&self) -> &'static str;
    /// Heading of the electricity part of a footprint.
    fn footprint_electricity(&self) -> &'static str;
    /// Column titles of a month's footprint.
    fn footprint_columns(&self) -> [&'static str; 5];
    /// Emissions that nobody knows.
    fn unknown_emissions(&self) -> &'static str;
    /// A total leaves out a distance whose emissions nobody knows.
    fn footprint_unknown(&self, distance_mm: u64) -> String;
    /// From the lowest to the highest that the factors' uncertainty allows.
    fn between(&self, low_mg: u64, high_mg: u64) -> String;
    /// One month's electricity.
    fn electricity(&self, energy_j: u64, co2e_mg: u64, readings: u64) -> String;
    /// There is nothing to count yet.
    fn footprint_empty(&self) -> &'static str;
    /// Which factors were used.
    fn footprint_factors(&self, factors: &FactorSetInfo) -> Vec<String>;
    /// One factor that was used.
    fn factor(&self, mode: Mode, factor: &FactorUsed) -> String;
    /// The factor of electricity.
    fn electricity_factor(&self, factor: &ElectricityFactor) -> String;

    // lens, share, received, log.

    /// A preview shows what would be seen, and nothing has left.
    fn preview_foot(&self, rows: u64) -> String;
    /// There is nothing to show.
    fn no_rows(&self) -> &'static str;
    /// Column titles of `mobility.weekly`.
    fn weekly_columns(&self) -> [&'static str; 5];
    /// Above what will be seen.
    fn share_will_see(&self, name: &str) -> String;
    /// How much will be seen, and until when.
    fn share_will_show(&self, share: &GivenShare, clock: &Clock) -> Vec<String>;
    /// What to do with the link.
    fn share_link_note(&self, share: &GivenShare, running: bool) -> Vec<String>;
    /// The name given to somebody who was not named.
    fn someone(&self) -> &'static str;
    /// The purpose given when none was.
    fn no_purpose(&self) -> &'static str;
    /// Nothing was shared.
    fn no_given(&self) -> &'static str;
    /// Nothing was received.
    fn no_received(&self) -> &'static str;
    /// A share that I gave, as listed.
    fn given(&self, share: &GivenShare, clock: &Clock) -> Vec<String>;
    /// A share that I just ended: what the other keeps and will not get.
    fn revoked(&self, share: &GivenShare, clock: &Clock) -> Vec<String>;
    /// A share that I received, as listed.
    fn received(&self, share: &ReceivedShare, clock: &Clock) -> Vec<String>;
    /// Waiting for the giver's data.
    fn waiting_for(&self, name: &str, seconds: u64) -> String;
    /// Nothing left this node.
    fn nothing_sent(&self) -> &'static str;
    /// Something that left this node.
    fn sent(&self, entry: &SentEntry, clock: &Clock) -> String;

    // export.

    /// Everything was written to a file.
    fn exported(&self, file: &str, records: u64) -> Vec<String>;
}

/// A purpose, or the words for one that nobody gave. They are never kept: the reader may have
/// another language.
fn purpose_or<'a>(purpose: &'a str, none: &'a str) -> &'a str {
    if purpose.is_empty() { none } else { purpose }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_code_is_recognised_with_its_country_and_charset() {
        assert_eq!(Lang::from_code("fr_FR.UTF-8"), Some(Lang::Fr));
        assert_eq!(Lang::from_code("EN"), Some(Lang::En));
        assert_eq!(Lang::from_code("en-GB"), Some(Lang::En));
        assert_eq!(Lang::from_code("C.UTF-8"), None);
        assert_eq!(Lang::from_code("french"), None);
    }
}
