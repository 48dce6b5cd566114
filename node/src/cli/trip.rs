//! `maille trip list`: trips, oldest first.

use maille_core::command::{Command, Done};
use maille_schemas::domain::mobility::Trip;
use serde_json::json;

use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::TripListFlags;
use crate::cli::screen::{Screen, table};
use crate::cli::{Context, typed};

/// Lists trips.
pub(crate) fn list(context: &Context, flags: &TripListFlags) -> Result<(), Failure> {
    let month = flags.month.as_deref().map(typed::month).transpose()?;
    let Done::Trips { trips } = Desk::open(context)?.ask(Command::Trips { month })? else {
        return Err(unexpected("trip list"));
    };
    context
        .screen
        .done("trips", json!({ "trips": trips }), |screen| {
            if trips.is_empty() {
                screen.line(screen.text.no_trips());
            }
            let rows: Vec<_> = trips.iter().map(|trip| row(trip, screen)).collect();
            screen.lines(table(&rows, &[1]));
        });
    Ok(())
}

/// When (as the trip's own clock showed it), how far, how, and what it is called.
fn row(trip: &Trip, screen: &Screen) -> Vec<String> {
    let text = screen.text;
    let start = trip.start.to_string();
    let when = start.get(..16).unwrap_or(&start).replace('T', " ");
    let mut modes: Vec<&str> = Vec::new();
    for section in &trip.sections {
        let mode = text.mode(section.mode);
        if modes.last() != Some(&mode) {
            modes.push(mode);
        }
    }
    vec![
        when,
        text.distance_mm(trip.distance().get()),
        modes.join(" + "),
        trip.title.clone().unwrap_or_default(),
    ]
}
