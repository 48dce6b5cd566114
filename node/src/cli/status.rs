//! `maille status`: how the node is doing.

use maille_core::command::{Command, Done};

use crate::cli::Context;
use crate::cli::desk::{Desk, fields_of, unexpected};
use crate::cli::failure::Failure;

/// Shows the status.
pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let mut desk = Desk::open(context)?;
    let Done::Status(status) = desk.ask(Command::Status)? else {
        return Err(unexpected("status"));
    };
    let mut fields = fields_of(&status);
    fields["running"] = desk.is_running().into();
    context.screen.done("status", fields, |screen| {
        let text = screen.text;
        screen.lines(text.status(&status, desk.is_running()));
        if !status.contacts.is_empty() {
            screen.line(text.contacts_head());
        }
        for contact in &status.contacts {
            let how = text.contact(contact, &screen.clock);
            screen.line(format!("  {}", text.labelled(&contact.name, &how)));
            for aside in &contact.aside {
                screen.line(format!("    {}", text.set_aside(aside, &screen.clock)));
            }
        }
    });
    Ok(())
}
