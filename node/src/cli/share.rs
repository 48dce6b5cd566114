//! `maille share create|list|revoke`: what I give.

use maille_core::command::{Command, Done, GivenShare};
use serde_json::json;

use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::{ShareCreateFlags, ShareRevokeFlags};
use crate::cli::screen::Screen;
use crate::cli::{Context, rows, typed, until};

/// Makes a share and prints its link.
pub(crate) fn create(context: &Context, flags: &ShareCreateFlags) -> Result<(), Failure> {
    let text = context.screen.text;
    let command = Command::ShareCreate {
        lens: flags.lens.clone(),
        with: typed::card(&flags.with)?,
        name: typed::name(flags.name.as_deref())?,
        until: until::until(
            &flags.until,
            maille_node::clock::now(),
            &context.screen.clock,
        )?,
        from: flags.from.as_deref().map(typed::month).transpose()?,
        purpose: flags.purpose.clone().unwrap_or_default(),
    };
    let mut desk = Desk::open(context)?;
    let Done::ShareCreated { share, link } = desk.ask(command)? else {
        return Err(unexpected("share create"));
    };
    let sentence = rows::sentence(&share.lens, text.lang());
    let fields = json!({ "share": share, "sentence": sentence, "link": link.to_string() });
    context.screen.done("share-created", fields, |screen| {
        screen.note(text.share_will_see(&share.name));
        screen.prose(&sentence);
        screen.notes(text.share_will_show(&share, &screen.clock));
        screen.line(link.to_string());
        screen.notes(text.share_link_note(&share, desk.is_running()));
    });
    Ok(())
}

/// Lists the shares given.
pub(crate) fn list(context: &Context) -> Result<(), Failure> {
    let Done::Shares { shares } = Desk::open(context)?.ask(Command::ShareList)? else {
        return Err(unexpected("share list"));
    };
    context
        .screen
        .done("shares", json!({ "shares": shares }), |screen| {
            if shares.is_empty() {
                screen.line(screen.text.no_given());
            }
            for share in &shares {
                screen.lines(given(share, screen));
            }
        });
    Ok(())
}

/// Ends a share.
pub(crate) fn revoke(context: &Context, flags: &ShareRevokeFlags) -> Result<(), Failure> {
    let share = typed::share(&flags.share)?;
    let Done::ShareRevoked { share } = Desk::open(context)?.ask(Command::ShareRevoke { share })?
    else {
        return Err(unexpected("share revoke"));
    };
    context
        .screen
        .done("share-revoked", json!({ "share": share }), |screen| {
            screen.lines(indented(screen.text.revoked(&share, &screen.clock)));
        });
    Ok(())
}

/// One share as listed.
pub(crate) fn given(share: &GivenShare, screen: &Screen) -> Vec<String> {
    indented(screen.text.given(share, &screen.clock))
}

/// All lines but the first pushed in.
pub(crate) fn indented(lines: Vec<String>) -> Vec<String> {
    let mut lines = lines;
    for line in lines.iter_mut().skip(1) {
        line.insert_str(0, "  ");
    }
    lines
}
