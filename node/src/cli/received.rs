//! `maille received accept|list|show`: what others give me.

use std::time::{Duration, Instant};

use maille_core::command::{Command, Done, ProjectedRow, ReceivedShare, ShareState};
use serde_json::json;

use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::{ReceivedAcceptFlags, ReceivedShowFlags};
use crate::cli::screen::Screen;
use crate::cli::share::indented;
use crate::cli::{Context, rows, typed};

/// How often to look whether something arrived.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long nothing new must arrive before what is there is taken for all of it. Rows
/// come in one go after the grant, so this only has to bridge one disk commit.
const QUIET: Duration = Duration::from_millis(600);

/// Accepts a link, waits for the data, and shows them.
///
/// With a running node it does the waiting; without one, this process goes online
/// until the data are here.
pub(crate) fn accept(context: &Context, flags: &ReceivedAcceptFlags) -> Result<(), Failure> {
    let text = context.screen.text;
    let link = typed::link(&flags.link)?;
    let name = typed::name(flags.name.as_deref())?;
    let mut desk = Desk::open_online(context)?;
    let Done::ReceivedAccepted { share, .. } = desk.ask(Command::ReceivedAccept { link, name })?
    else {
        return Err(unexpected("received accept"));
    };
    context
        .screen
        .note(text.waiting_for(&share.name, flags.wait));
    let wait = Duration::from_secs(flags.wait);
    let arrived = arrival(&mut desk, &share.id.to_string(), wait)?;
    let Some((share, found)) = arrived else {
        return Err(Failure::NotArrived {
            name: share.name,
            seconds: flags.wait,
        });
    };
    tell(context, "received-accepted", &share, &found);
    Ok(())
}

/// Waits until a share's grant and rows are here; `None` if they did not come in time.
pub(crate) fn arrival(
    desk: &mut Desk,
    share: &str,
    wait: Duration,
) -> Result<Option<(ReceivedShare, Vec<ProjectedRow>)>, Failure> {
    let begun = Instant::now();
    let mut seen = None;
    let mut since = Instant::now();
    loop {
        let found = held(desk, share)?;
        let now = (found.0.state, found.0.rows);
        if seen != Some(now) {
            seen = Some(now);
            since = Instant::now();
        }
        let here = found.0.state != ShareState::Pending;
        // A share without a single row is possible, but rare: give rows more time.
        let quiet = if found.0.rows > 0 { QUIET } else { QUIET * 4 };
        if here && since.elapsed() >= quiet {
            return Ok(Some(found));
        }
        if begun.elapsed() >= wait {
            return Ok(here.then_some(found));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What is held of a share.
pub(crate) fn held(
    desk: &mut Desk,
    share: &str,
) -> Result<(ReceivedShare, Vec<ProjectedRow>), Failure> {
    match desk.ask(Command::ReceivedShow {
        share: share.to_owned(),
    })? {
        Done::Received { share, rows } => Ok((share, rows)),
        _ => Err(unexpected("received show")),
    }
}

/// Lists the shares received.
pub(crate) fn list(context: &Context) -> Result<(), Failure> {
    let Done::ReceivedList { shares } = Desk::open(context)?.ask(Command::ReceivedList)? else {
        return Err(unexpected("received list"));
    };
    context
        .screen
        .done("received-list", json!({ "shares": shares }), |screen| {
            if shares.is_empty() {
                screen.line(screen.text.no_received());
            }
            for share in &shares {
                screen.lines(received(share, screen));
            }
        });
    Ok(())
}

/// Shows the rows of one share.
pub(crate) fn show(context: &Context, flags: &ReceivedShowFlags) -> Result<(), Failure> {
    let share = typed::share(&flags.share)?;
    let (share, found) = held(&mut Desk::open(context)?, &share)?;
    tell(context, "received", &share, &found);
    Ok(())
}

fn tell(context: &Context, done: &str, share: &ReceivedShare, found: &[ProjectedRow]) {
    let fields = json!({ "share": share, "rows": rows::json(&share.lens, found) });
    context.screen.done(done, fields, |screen| {
        screen.notes(received(share, screen));
        screen.lines(rows::lines(&share.lens, found, screen));
    });
}

/// One share as listed.
pub(crate) fn received(share: &ReceivedShare, screen: &Screen) -> Vec<String> {
    indented(screen.text.received(share, &screen.clock))
}
