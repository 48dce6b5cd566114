//! The whole flag surface, in one place.
//!
//! Help texts are not here: they are sentences for people and live in `i18n`, one per
//! command and argument, in both languages. [`command`] hangs them onto the clap tree;
//! a test asserts that none is missing and none is left over.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{
    ArgAction, Args, Command, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum,
};
use maille_core::command::{CircleKind, Quorum};

use maille_protocol::card::{Card, ShareLink};
use maille_protocol::invite::InviteLink;
use maille_protocol::pairing::PairCode;
use maille_protocol::relay::RelayCode;

use crate::cli::failure::{Failure, Pasted};
use crate::cli::poll::quorum;
use crate::cli::relay::room;
use crate::cli::sync::budget;
use crate::i18n::{Lang, Text};

/// The command line, parsed.
#[derive(Parser, Debug)]
#[command(
    name = "maille",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true
)]
pub(crate) struct Flags {
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "MAILLE_HOME",
        hide_env = true
    )]
    pub(crate) home: Option<PathBuf>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[arg(long, global = true, value_name = "fr|en", hide_possible_values = true)]
    pub(crate) lang: Option<Lang>,
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    #[arg(short = 'h', long, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    Init(InitFlags),
    Recover(RecoverFlags),
    Card,
    Run(RunFlags),
    Sync(SyncFlags),
    Status,
    Import(ImportFlags),
    #[command(subcommand)]
    Trip(TripVerb),
    #[command(subcommand)]
    Show(ShowVerb),
    #[command(subcommand)]
    Lens(LensVerb),
    #[command(subcommand)]
    Share(ShareVerb),
    #[command(subcommand)]
    Received(ReceivedVerb),
    #[command(subcommand)]
    Backup(BackupVerb),
    Doctor(DoctorFlags),
    #[command(subcommand)]
    Relay(RelayVerb),
    #[command(subcommand)]
    Device(DeviceVerb),
    #[command(subcommand)]
    Circle(CircleVerb),
    #[command(subcommand)]
    Log(LogVerb),
    Export(ExportFlags),
    Demo(DemoFlags),
}

impl Verb {
    /// Whether it leaves the person's folder alone.
    pub(crate) fn needs_no_home(&self) -> bool {
        match self {
            Self::Demo(_) | Self::Lens(LensVerb::List) | Self::Backup(BackupVerb::Check(_)) => true,
            Self::Import(flags) => flags.dry_run,
            _ => false,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct InitFlags {
    #[arg(long, value_name = "fr|en", hide_possible_values = true)]
    pub(crate) words_lang: Option<Lang>,
    #[arg(long, value_name = "FILE")]
    pub(crate) words_file: Option<PathBuf>,
    #[arg(long)]
    pub(crate) no_check: bool,
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) passphrase: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RecoverFlags {
    #[arg(long, value_name = "CARD")]
    pub(crate) from: Vec<String>,
    #[arg(long, value_name = "FILE", conflicts_with_all = ["from", "lost", "yes", "name", "passphrase"])]
    pub(crate) backup: Option<PathBuf>,
    #[arg(long, value_name = "DEVICE")]
    pub(crate) lost: Vec<String>,
    #[arg(long)]
    pub(crate) yes: bool,
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub(crate) words_file: Option<PathBuf>,
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) passphrase: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RunFlags {
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,
    #[arg(long)]
    pub(crate) nearby: bool,
}

#[derive(Args, Debug)]
pub(crate) struct SyncFlags {
    /// The only way there is: to go on, there is `run`.
    #[arg(long)]
    pub(crate) once: bool,
    #[arg(long, value_name = "SECONDS", default_value = "20s", value_parser = budget)]
    pub(crate) budget: Duration,
}

#[derive(Args, Debug)]
pub(crate) struct ImportFlags {
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    #[arg(long = "as", value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum TripVerb {
    List(TripListFlags),
}

#[derive(Args, Debug)]
pub(crate) struct TripListFlags {
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) month: Option<String>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ShowVerb {
    Footprint(FootprintFlags),
}

#[derive(Args, Debug)]
pub(crate) struct FootprintFlags {
    #[arg(long, value_name = "SET")]
    pub(crate) factors: Option<String>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum LensVerb {
    List,
    Preview(LensPreviewFlags),
}

#[derive(Args, Debug)]
pub(crate) struct LensPreviewFlags {
    #[arg(value_name = "NAME")]
    pub(crate) lens: String,
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) from: Option<String>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ShareVerb {
    Create(ShareCreateFlags),
    List,
    Revoke(ShareRevokeFlags),
}

#[derive(Args, Debug)]
pub(crate) struct ShareCreateFlags {
    #[arg(long, value_name = "NAME")]
    pub(crate) lens: String,
    #[arg(long, value_name = "CARD")]
    pub(crate) with: String,
    // So that `-5d` is told to be in the past, and not to be an unknown option.
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    pub(crate) until: String,
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[arg(long, value_name = "YYYY-MM")]
    pub(crate) from: Option<String>,
    #[arg(long, value_name = "TEXT")]
    pub(crate) purpose: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct ShareRevokeFlags {
    #[arg(value_name = "SHARE")]
    pub(crate) share: String,
}

#[derive(Subcommand, Debug)]
pub(crate) enum BackupVerb {
    Make(BackupMakeFlags),
    Check(BackupOpenFlags),
    Restore(BackupOpenFlags),
}

#[derive(Args, Debug)]
pub(crate) struct DoctorFlags {
    #[arg(long)]
    pub(crate) rebuild: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BackupMakeFlags {
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[arg(long)]
    pub(crate) with_passphrase: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BackupOpenFlags {
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[arg(long)]
    pub(crate) words: bool,
    #[arg(long, value_name = "FILE")]
    pub(crate) words_file: Option<PathBuf>,
}

#[derive(Subcommand, Debug)]
pub(crate) enum DeviceVerb {
    Add(DeviceAddFlags),
    Confirm(DeviceConfirmFlags),
    Join(DeviceJoinFlags),
    List,
    Remove(DeviceRemoveFlags),
    #[command(subcommand)]
    Relay(DeviceRelayVerb),
}

#[derive(Args, Debug)]
pub(crate) struct DeviceAddFlags {
    #[arg(long)]
    pub(crate) senior: bool,
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[arg(long)]
    pub(crate) no_qr: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DeviceConfirmFlags {
    #[arg(value_name = "WORD", num_args = 3, required = true)]
    pub(crate) words: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct DeviceJoinFlags {
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[arg(long, conflicts_with = "passphrase_file")]
    pub(crate) passphrase: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DeviceRemoveFlags {
    #[arg(value_name = "DEVICE")]
    pub(crate) device: String,
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Subcommand, Debug)]
pub(crate) enum CircleVerb {
    Create(CircleCreateFlags),
    List,
    Status(CircleFlags),
    Invite(CircleInviteFlags),
    Uninvite(CircleUninviteFlags),
    Join(CircleJoinFlags),
    Leave(CircleLeaveFlags),
    Remove(CircleRemoveFlags),
    Items(CircleFlags),
    Add(CircleAddFlags),
    Tick(CircleItemFlags),
    Untick(CircleItemFlags),
    Drop(CircleItemFlags),
    Rename(CircleRenameFlags),
    #[command(subcommand)]
    Poll(PollVerb),
    #[command(subcommand)]
    Relay(CircleRelayVerb),
}

#[derive(Subcommand, Debug)]
pub(crate) enum RelayVerb {
    Offer(RelayOfferFlags),
    List,
    End(RelayEndFlags),
}

#[derive(Subcommand, Debug)]
pub(crate) enum CircleRelayVerb {
    Use(CircleRelayUseFlags),
    Drop(CircleRelayDropFlags),
    List(CircleFlags),
}

#[derive(Subcommand, Debug)]
pub(crate) enum DeviceRelayVerb {
    Use(DeviceRelayUseFlags),
    Drop(DeviceRelayDropFlags),
    List,
}

#[derive(Args, Debug)]
pub(crate) struct RelayOfferFlags {
    #[arg(long, value_name = "SIZE", default_value = "256MB", value_parser = room)]
    pub(crate) room: u64,
    #[arg(
        long,
        value_name = "DATE",
        default_value = "1y",
        allow_hyphen_values = true
    )]
    pub(crate) until: String,
}

#[derive(Args, Debug)]
pub(crate) struct RelayEndFlags {
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
}

#[derive(Args, Debug)]
pub(crate) struct CircleRelayUseFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: String,
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
}

#[derive(Args, Debug)]
pub(crate) struct CircleRelayDropFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: String,
    #[arg(value_name = "RELAY")]
    pub(crate) relay: String,
}

#[derive(Args, Debug)]
pub(crate) struct DeviceRelayUseFlags {
    #[arg(value_name = "CODE")]
    pub(crate) code: String,
}

#[derive(Args, Debug)]
pub(crate) struct DeviceRelayDropFlags {
    #[arg(value_name = "RELAY")]
    pub(crate) relay: String,
}

#[derive(Subcommand, Debug)]
pub(crate) enum PollVerb {
    Open(PollOpenFlags),
    List(PollListFlags),
    Show(PollFlags),
    Vote(PollVoteFlags),
    Close(PollFlags),
}

/// What kind of circle it is, as typed in either language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindFlag {
    #[value(alias = "foyer")]
    Household,
    #[value(aliases = ["collègues", "collegues"])]
    Colleagues,
    #[value(aliases = ["autre", "circle", "cercle"])]
    Other,
}

impl From<KindFlag> for CircleKind {
    fn from(kind: KindFlag) -> Self {
        match kind {
            KindFlag::Household => Self::Household,
            KindFlag::Colleagues => Self::Colleagues,
            KindFlag::Other => Self::Other,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct CircleCreateFlags {
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[arg(
        long,
        value_name = "household|colleagues|other",
        hide_possible_values = true
    )]
    pub(crate) kind: KindFlag,
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) called: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct CircleFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: String,
}

#[derive(Args, Debug)]
pub(crate) struct CircleInviteFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: String,
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1,
        hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) uses: u32,
    #[arg(
        long,
        value_name = "DATE",
        default_value = "7d",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) until: String,
    #[arg(long)]
    pub(crate) admin: bool,
    #[arg(long)]
    pub(crate) no_qr: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CircleUninviteFlags {
    #[arg(value_name = "INVITE")]
    pub(crate) invite: String,
}

#[derive(Args, Debug)]
pub(crate) struct CircleJoinFlags {
    #[arg(value_name = "LINK")]
    pub(crate) link: String,
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) called: Option<String>,
    #[arg(long)]
    pub(crate) yes: bool,
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        hide_default_value = true
    )]
    pub(crate) wait: u64,
}

#[derive(Args, Debug)]
pub(crate) struct CircleLeaveFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: String,
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CircleRemoveFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: String,
    #[arg(value_name = "PERSON")]
    pub(crate) person: String,
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CircleAddFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: String,
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
}

#[derive(Args, Debug)]
pub(crate) struct CircleItemFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: String,
    #[arg(value_name = "ITEM")]
    pub(crate) item: String,
}

#[derive(Args, Debug)]
pub(crate) struct CircleRenameFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: String,
    #[arg(value_name = "ITEM")]
    pub(crate) item: String,
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
}

#[derive(Args, Debug)]
pub(crate) struct PollOpenFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: String,
    #[arg(value_name = "QUESTION")]
    pub(crate) question: String,
    #[arg(long = "choice", value_name = "CHOICE", required = true)]
    pub(crate) choices: Vec<String>,
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,
    #[arg(long, value_name = "N|N%", value_parser = quorum)]
    pub(crate) quorum: Option<Quorum>,
}

#[derive(Args, Debug)]
pub(crate) struct PollListFlags {
    #[arg(value_name = "CIRCLE")]
    pub(crate) circle: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct PollFlags {
    #[arg(value_name = "POLL")]
    pub(crate) poll: String,
}

#[derive(Args, Debug)]
pub(crate) struct PollVoteFlags {
    #[arg(value_name = "POLL")]
    pub(crate) poll: String,
    #[arg(value_name = "CHOICE")]
    pub(crate) choice: String,
}

#[derive(Subcommand, Debug)]
pub(crate) enum ReceivedVerb {
    Accept(ReceivedAcceptFlags),
    List,
    Show(ReceivedShowFlags),
}

#[derive(Args, Debug)]
pub(crate) struct ReceivedAcceptFlags {
    #[arg(value_name = "LINK")]
    pub(crate) link: String,
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 30,
        hide_default_value = true
    )]
    pub(crate) wait: u64,
}

#[derive(Args, Debug)]
pub(crate) struct ReceivedShowFlags {
    #[arg(value_name = "SHARE")]
    pub(crate) share: String,
}

#[derive(Subcommand, Debug)]
pub(crate) enum LogVerb {
    Sent,
}

#[derive(Args, Debug)]
pub(crate) struct ExportFlags {
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct DemoFlags {
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

/// Which language the arguments ask for, read before anything is parsed, so that even
/// a usage error is in the person's language.
pub(crate) fn language_of(arguments: &[OsString]) -> Lang {
    let mut words = arguments.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        let value = match word {
            "--" => break,
            "--lang" => words.next(),
            _ => word.strip_prefix("--lang="),
        };
        if let Some(lang) = value.and_then(Lang::from_code) {
            return lang;
        }
    }
    Lang::from_environment()
}

/// Whether the arguments ask for JSON; needed when they cannot be parsed.
pub(crate) fn wants_json(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .take_while(|word| *word != "--")
        .any(|word| word == "--json")
}

/// Where the flags that every command has begin in a help text: past any command's own.
const GLOBAL_FLAGS_FROM: usize = 100;

/// What came of the arguments.
pub(crate) enum Parsed {
    /// Something to do.
    Flags(Box<Flags>),
    /// Help or version, already in words.
    Show(String),
    /// Wrong usage.
    Refused(Failure),
}

/// Parses the arguments; what clap refuses is told in our own words.
pub(crate) fn parse(arguments: &[OsString], text: &dyn Text) -> Parsed {
    let arguments = &help_last(arguments);
    let parsed = command(text)
        .try_get_matches_from(arguments)
        .and_then(|matches| Flags::from_arg_matches(&matches));
    match parsed {
        Ok(flags) => Parsed::Flags(Box::new(flags)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Parsed::Show(error.render().to_string())
            }
            _ => Parsed::Refused(refusal(&error, arguments, text)),
        },
    }
}

/// clap's refusal as a failure of ours.
fn refusal(error: &clap::Error, arguments: &[OsString], text: &dyn Text) -> Failure {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(value)) => value.clone(),
        Some(ContextValue::Strings(values)) => values.join(", "),
        _ => String::new(),
    };
    let argument = context(ContextKind::InvalidArg);
    let what = match error.kind() {
        _ if lacks_an_end(arguments) => text.usage_bad_value("--until", ""),
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            text.usage_unknown_argument(&argument)
        }
        ErrorKind::UnknownArgument => text.usage_extra_word(&shortened(&argument)),
        ErrorKind::InvalidSubcommand => {
            text.usage_unknown_command(&context(ContextKind::InvalidSubcommand))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            text.usage_bad_value(&argument, &context(ContextKind::InvalidValue))
        }
        ErrorKind::MissingRequiredArgument => text.usage_missing(&argument),
        ErrorKind::ArgumentConflict => {
            text.usage_conflict(&argument, &context(ContextKind::PriorArg))
        }
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            text.usage_missing(text.help_command_word())
        }
        _ => text.usage_other(),
    };
    let suggestions = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    // clap puts the likeliest last.
    let suggestion = suggestions
        .into_iter()
        .find_map(|kind| match error.get(kind) {
            Some(ContextValue::String(value)) => Some(value.clone()),
            Some(ContextValue::Strings(values)) => values.last().cloned(),
            _ => None,
        });
    let extra = error.kind() == ErrorKind::UnknownArgument
        && !argument.starts_with('-')
        && !lacks_an_end(arguments);
    let hint = match suggestion {
        _ if extra && pastes(arguments) => text.usage_quote_pasted().to_owned(),
        _ if extra => text.usage_quote_words().to_owned(),
        Some(suggestion) => text.usage_did_you_mean(&suggestion),
        None => text.usage_see_help(&command_line(arguments)),
    };
    Failure::Usage {
        what,
        hint: Some(hint),
    }
}

/// Whether a card or a link is among the arguments that is not whole.
fn pastes(arguments: &[OsString]) -> bool {
    let mut words = arguments.iter().filter_map(|word| word.to_str());
    words.any(|word| match Pasted::like(word) {
        Some(Pasted::Card) => word.parse::<Card>().is_err(),
        Some(Pasted::Link) => word.parse::<ShareLink>().is_err(),
        Some(Pasted::Invite) => word.parse::<InviteLink>().is_err(),
        Some(Pasted::PairCode) => word.parse::<PairCode>().is_err(),
        Some(Pasted::RelayCode) => word.parse::<RelayCode>().is_err(),
        _ => word.starts_with("maille:"),
    })
}

/// Whether the next option stands where the end of a share was awaited: any hyphen may begin an
/// end, so clap takes it for one.
fn lacks_an_end(arguments: &[OsString]) -> bool {
    arguments
        .windows(2)
        .any(|pair| pair[0] == "--until" && pair[1].to_string_lossy().starts_with("--"))
}

/// The beginning of a word, enough to find it again.
fn shortened(word: &str) -> String {
    match word.char_indices().nth(24) {
        Some((at, _)) => format!("{}…", &word[..at]),
        None => word.to_owned(),
    }
}

/// `maille help share create` means `maille share create --help`.
fn help_last(arguments: &[OsString]) -> Vec<OsString> {
    let mut words = arguments.to_vec();
    let takes_value = |word: &OsString| {
        ["--home", "--lang", "--passphrase-file"]
            .iter()
            .any(|it| word == it)
    };
    let mut at = 1;
    while let Some(word) = words.get(at) {
        if word == "help" {
            words.remove(at);
            words.push("--help".into());
            break;
        }
        if !word.to_string_lossy().starts_with('-') {
            break;
        }
        at += if takes_value(word) { 2 } else { 1 };
    }
    words
}

/// `maille` and the subcommands that were recognised, for `… --help`.
fn command_line(arguments: &[OsString]) -> String {
    let tree = Flags::command();
    let mut at = &tree;
    let mut line = "maille".to_owned();
    for word in arguments.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(below) = at.find_subcommand(word) {
            at = below;
            line = format!("{line} {word}");
        }
    }
    line
}

/// The clap tree with its texts in one language.
pub(crate) fn command(text: &dyn Text) -> Command {
    dress(Flags::command(), "", text)
}

/// Hangs the help texts onto `command` and everything below it. `path` is empty for
/// the root, else as typed: `share create`.
fn dress(command: Command, path: &str, text: &dyn Text) -> Command {
    let about = text.help(path).unwrap_or_default();
    let template = format!(
        "{{about-with-newline}}\n{} {{usage}}\n\n{{all-args}}{{after-help}}",
        text.help_usage()
    );
    let mut command = command
        .about(about)
        .help_template(template)
        .subcommand_help_heading(text.help_commands())
        .subcommand_value_name(text.help_command_word())
        .mut_args(|arg| {
            let key = argument_key(path, &arg);
            let heading = match arg.is_positional() {
                true => text.help_arguments(),
                false => text.help_options(),
            };
            let arg = arg
                .help(text.help(&key).unwrap_or_default())
                .help_heading(heading);
            let arg = match value_name(&arg) {
                Some(name) => arg.value_name(text.help_value(name)),
                None => arg,
            };
            // A command's own flags come before those that every command has.
            if path.is_empty() {
                arg.display_order(GLOBAL_FLAGS_FROM)
            } else {
                arg
            }
        });
    if let Some(after) = text.help_after(path) {
        command = command.after_help(after);
    }
    let names: Vec<String> = command
        .get_subcommands()
        .map(|below| below.get_name().to_owned())
        .collect();
    for name in names {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path} {name}")
        };
        command = command.mut_subcommand(name, |below| dress(below, &path, text));
    }
    command
}

/// The placeholder of an argument's value.
fn value_name(arg: &clap::Arg) -> Option<&'static str> {
    const NAMES: [&str; 21] = [
        "ADDR", "CARD", "CIRCLE", "CODE", "COUNT", "DATE", "DEVICE", "DIR", "FILE", "INVITE",
        "ITEM", "LINK", "NAME", "PERSON", "RELAY", "SECONDS", "SET", "SHARE", "SIZE", "TEXT",
        "WORD",
    ];
    let name = arg.get_value_names()?.first()?.as_str();
    NAMES.into_iter().chain(["YYYY-MM"]).find(|it| *it == name)
}

/// The key of an argument's help text: `share create --until`, `import FILE`, and for
/// global flags just `--json`.
pub(crate) fn argument_key(path: &str, arg: &clap::Arg) -> String {
    let name = match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => arg
            .get_value_names()
            .and_then(|names| names.first())
            .map(ToString::to_string)
            .unwrap_or_default(),
    };
    if path.is_empty() {
        name
    } else {
        format!("{path} {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(command: &Command, path: &str, into: &mut Vec<String>) {
        into.push(path.to_owned());
        into.extend(command.get_arguments().map(|arg| argument_key(path, arg)));
        for below in command.get_subcommands() {
            let path = format!("{path} {}", below.get_name()).trim().to_owned();
            keys(below, &path, into);
        }
    }

    #[test]
    fn every_command_and_argument_has_a_help_text_in_both_languages() {
        let mut all = Vec::new();
        keys(&Flags::command(), "", &mut all);
        assert!(all.len() > 40, "the walk lost its way: {all:?}");
        for key in &all {
            for lang in Lang::ALL {
                let help = lang.text().help(key);
                assert!(
                    help.is_some_and(|help| !help.is_empty()),
                    "{lang:?}: no help for `{key}`"
                );
            }
            if !matches!(key.as_str(), "") {
                assert_ne!(
                    Lang::Fr.text().help(key),
                    Lang::En.text().help(key),
                    "`{key}`"
                );
            }
        }
    }

    #[test]
    fn the_tree_is_sound() {
        for lang in Lang::ALL {
            command(lang.text()).debug_assert();
        }
    }

    #[test]
    fn the_language_is_known_before_parsing() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert_eq!(language_of(&words("maille --lang en --nonsense")), Lang::En);
        assert_eq!(language_of(&words("maille status --lang=fr")), Lang::Fr);
        assert!(wants_json(&words("maille status --json --oops")));
        assert!(!wants_json(&words("maille import -- --json")));
    }
}
