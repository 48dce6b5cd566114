//! `maille log sent`: what left my node, to whom, why.

use maille_core::command::{Command, Done};
use serde_json::json;

use crate::cli::Context;
use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;

/// Shows the journal of what was sent.
pub(crate) fn sent(context: &Context) -> Result<(), Failure> {
    let Done::Sent { entries } = Desk::open(context)?.ask(Command::LogSent)? else {
        return Err(unexpected("log sent"));
    };
    context
        .screen
        .done("sent", json!({ "entries": entries }), |screen| {
            if entries.is_empty() {
                screen.line(screen.text.nothing_sent());
            }
            for entry in &entries {
                screen.line(screen.text.sent(entry, &screen.clock));
            }
        });
    Ok(())
}
