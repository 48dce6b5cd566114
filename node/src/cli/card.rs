//! `maille card`: who I am and where to reach me, as text that can be pasted.

use maille_core::command::{Command, Done};
use serde_json::json;

use crate::cli::Context;
use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;

/// Shows the card.
pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let Done::Card { card } = Desk::open(context)?.ask(Command::Card)? else {
        return Err(unexpected("card"));
    };
    let fields = json!({
        "card": card.to_string(),
        "person": card.person,
        "addresses": card.addresses,
    });
    context.screen.done("card", fields, |screen| {
        screen.notes(screen.text.card_note(&card.addresses));
        screen.line(card.to_string());
    });
    Ok(())
}
