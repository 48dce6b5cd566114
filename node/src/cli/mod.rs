//! The command line: one file per subcommand, one for the whole flag surface.
//!
//! A command parses what was typed, asks the person's node ([`desk`]: the running one
//! over its socket, else the store), and says what came of it ([`screen`]). It decides
//! nothing about data or sharing: the machine in `maille_core` does.
//!
//! **Invariants.** Every sentence comes from `i18n`. stdout carries the result and
//! nothing else. A failure changes nothing, says whose turn it is by its exit code
//! ([`failure`]), and names the next step.

mod ask;
mod backup;
mod card;
mod circle;
pub(crate) mod desk;
pub(crate) mod device;
mod doctor;
mod export;
pub(crate) mod failure;
mod flags;
pub(crate) mod footprint;
pub(crate) mod import;
mod init;
mod lens;
mod log;
mod poll;
mod qr;
pub(crate) mod received;
mod recover;
pub(crate) mod relay;
pub(crate) mod rows;
mod run;
pub(crate) mod screen;
mod secret;
pub(crate) mod share;
mod status;
pub(crate) mod sync;
mod trip;
mod typed;
mod until;
mod words;

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use serde_json::json;

use failure::Failure;
use flags::{
    BackupVerb, CircleVerb, DeviceVerb, Flags, LensVerb, LogVerb, Parsed, PollVerb, ReceivedVerb,
    ShareVerb, ShowVerb, TripVerb, Verb,
};
use screen::Screen;

/// What every command needs.
pub(crate) struct Context {
    /// Where to say things.
    pub(crate) screen: Screen,
    /// The person's folder.
    pub(crate) home: PathBuf,
    /// Where the passphrase is, if it is in a file.
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let lang = flags::language_of(&arguments);
    let screen = Screen::new(lang, flags::wants_json(&arguments));
    let flags = match flags::parse(&arguments, lang.text()) {
        Parsed::Flags(flags) => flags,
        Parsed::Show(text) => {
            screen.line(text.trim_end());
            return ExitCode::SUCCESS;
        }
        Parsed::Refused(failure) => return fail(&screen, &failure),
    };
    trace(flags.verbose);
    let home = match flags.home.clone().or_else(default_home) {
        Some(home) => home,
        None if flags.verb.needs_no_home() => PathBuf::new(),
        None => {
            let what = lang.text().usage_missing("--home");
            let hint = Some(lang.text().usage_see_help("maille"));
            return fail(&screen, &Failure::Usage { what, hint });
        }
    };
    let context = Context {
        screen,
        home,
        passphrase_file: flags.passphrase_file.clone(),
    };
    match catch_bugs(|| dispatch(&context, *flags)) {
        Ok(()) => match context.screen.broken() {
            None => ExitCode::SUCCESS,
            Some(failure) => fail(&context.screen, &failure),
        },
        Err(failure) => fail(&context.screen, &failure),
    }
}

fn dispatch(context: &Context, flags: Flags) -> Result<(), Failure> {
    match flags.verb {
        Verb::Init(flags) => init::run(context, &flags),
        Verb::Card => card::run(context),
        Verb::Run(flags) => run::run(context, &flags),
        Verb::Sync(flags) => sync::run(context, &flags),
        Verb::Status => status::run(context),
        Verb::Import(flags) => import::run(context, &flags),
        Verb::Trip(TripVerb::List(flags)) => trip::list(context, &flags),
        Verb::Show(ShowVerb::Footprint(flags)) => footprint::run(context, &flags),
        Verb::Lens(LensVerb::List) => {
            lens::list(context);
            Ok(())
        }
        Verb::Lens(LensVerb::Preview(flags)) => lens::preview(context, &flags),
        Verb::Share(ShareVerb::Create(flags)) => share::create(context, &flags),
        Verb::Share(ShareVerb::List) => share::list(context),
        Verb::Share(ShareVerb::Revoke(flags)) => share::revoke(context, &flags),
        Verb::Received(ReceivedVerb::Accept(flags)) => received::accept(context, &flags),
        Verb::Received(ReceivedVerb::List) => received::list(context),
        Verb::Received(ReceivedVerb::Show(flags)) => received::show(context, &flags),
        Verb::Backup(BackupVerb::Make(flags)) => backup::make(context, &flags),
        Verb::Backup(BackupVerb::Check(flags)) => backup::check(context, &flags),
        Verb::Backup(BackupVerb::Restore(flags)) => backup::restore(context, &flags),
        Verb::Relay(verb) => relay::run(context, &verb),
        Verb::Doctor(flags) => doctor::run(context, &flags),
        Verb::Recover(flags) => recover::run(context, &flags),
        Verb::Device(DeviceVerb::Add(flags)) => device::add(context, &flags),
        Verb::Device(DeviceVerb::Confirm(flags)) => device::confirm(context, &flags),
        Verb::Device(DeviceVerb::Join(flags)) => device::join(context, &flags),
        Verb::Device(DeviceVerb::List) => device::list(context),
        Verb::Device(DeviceVerb::Remove(flags)) => device::remove(context, &flags),
        Verb::Device(DeviceVerb::Relay(verb)) => relay::of_devices(context, &verb),
        Verb::Circle(verb) => circle(context, &verb),
        Verb::Log(LogVerb::Sent) => log::sent(context),
        Verb::Export(flags) => export::run(context, &flags),
        Verb::Demo(flags) => crate::demo::run(context, flags.keep.as_deref()),
    }
}

fn circle(context: &Context, verb: &CircleVerb) -> Result<(), Failure> {
    match verb {
        CircleVerb::Create(flags) => circle::create(context, flags),
        CircleVerb::List => circle::list(context),
        CircleVerb::Status(flags) => circle::status(context, flags),
        CircleVerb::Invite(flags) => circle::invite(context, flags),
        CircleVerb::Uninvite(flags) => circle::uninvite(context, flags),
        CircleVerb::Join(flags) => circle::join(context, flags),
        CircleVerb::Leave(flags) => circle::leave(context, flags),
        CircleVerb::Remove(flags) => circle::remove(context, flags),
        CircleVerb::Items(flags) => circle::items(context, flags),
        CircleVerb::Add(flags) => circle::add(context, flags),
        CircleVerb::Tick(flags) => circle::tick(context, flags, true),
        CircleVerb::Untick(flags) => circle::tick(context, flags, false),
        CircleVerb::Drop(flags) => circle::drop_item(context, flags),
        CircleVerb::Rename(flags) => circle::rename(context, flags),
        CircleVerb::Poll(PollVerb::Open(flags)) => poll::open(context, flags),
        CircleVerb::Poll(PollVerb::List(flags)) => poll::list(context, flags),
        CircleVerb::Poll(PollVerb::Show(flags)) => poll::show(context, flags),
        CircleVerb::Poll(PollVerb::Vote(flags)) => poll::vote(context, flags),
        CircleVerb::Poll(PollVerb::Close(flags)) => poll::close(context, flags),
        CircleVerb::Relay(verb) => relay::of_circle(context, verb),
    }
}

fn fail(screen: &Screen, failure: &Failure) -> ExitCode {
    // `import` has told its refused files already, in one object with the others.
    if !matches!(failure, Failure::Told { .. }) {
        screen.failed(failure, json!({}));
    }
    ExitCode::from(failure.exit_code())
}

/// Runs `work`; a panic becomes [`Failure::Bug`] with its place, instead of a backtrace.
fn catch_bugs(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    static PLACE: Mutex<String> = Mutex::new(String::new());
    panic::set_hook(Box::new(|panic| {
        let mut place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_empty() {
            *place = panic.to_string();
        }
    }));
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let place = PLACE.lock().unwrap_or_else(PoisonError::into_inner);
        Err(Failure::Bug {
            what: place.replace('\n', " "),
        })
    })
}

/// `$XDG_DATA_HOME/maille`, else `~/.local/share/maille`.
fn default_home() -> Option<PathBuf> {
    let given = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let data = given("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(given("HOME")?).join(".local/share")));
    Some(data?.join("maille"))
}

/// Sends the program's own log to stderr, in English, for whoever looks for a bug.
fn trace(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => "maille=info",
        2 => "maille=debug",
        _ => "debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("MAILLE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level));
    // Set twice only in tests.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
}
