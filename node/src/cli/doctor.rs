//! `maille doctor`: whether what is kept here is whole.

use maille_core::command::{Command, Done};

use crate::cli::Context;
use crate::cli::desk::{Desk, fields_of, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::DoctorFlags;

/// Compares the documents with the entries that they are made of, and makes them again if asked.
pub(crate) fn run(context: &Context, flags: &DoctorFlags) -> Result<(), Failure> {
    let rebuild = flags.rebuild;
    let Done::CheckedUp(report) = Desk::open(context)?.ask(Command::Checkup { rebuild })? else {
        return Err(unexpected("checkup"));
    };
    context
        .screen
        .done("checked-up", fields_of(&report), |screen| {
            screen.lines(screen.text.checked_up(&report));
        });
    if report.is_well() {
        return Ok(());
    }
    Err(Failure::NotWell {
        entries_are_whole: report.entries_are_whole() && report.out_of_place == 0,
        newer: report.differing.iter().any(|it| it.newer),
    })
}
