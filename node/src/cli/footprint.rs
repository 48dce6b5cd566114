//! `maille show footprint`: emissions by month and mode, and electricity by month.
//!
//! Every figure can be traced: factor set, factor id, value, validity and uncertainty
//! stand below the months. What is unknown is said to be unknown and left out of the
//! total, which says so.

use std::collections::{BTreeMap, BTreeSet};

use maille_core::command::{Command, Done, ElectricityMonth};
use maille_schemas::document::Month;
use maille_schemas::factors::{FactorSetId, Footprint, MonthFootprint, Range};
use serde_json::json;

use crate::cli::Context;
use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::FootprintFlags;
use crate::cli::screen::{Screen, table};
use crate::i18n::{Text, spell_month};

/// Shows the footprint.
pub(crate) fn run(context: &Context, flags: &FootprintFlags) -> Result<(), Failure> {
    let factors = match flags.factors.as_deref() {
        None => FactorSetId::default(),
        Some(name) => name.parse().map_err(|_| Failure::UnknownFactors {
            factors: name.to_owned(),
            known: FactorSetId::ALL.iter().map(ToString::to_string).collect(),
        })?,
    };
    let Done::Footprint {
        mobility,
        electricity,
    } = Desk::open(context)?.ask(Command::Footprint { factors })?
    else {
        return Err(unexpected("show footprint"));
    };
    let fields = json!({
        "mobility": mobility,
        "electricity": electricity,
        "electricity_factor": factors.set().electricity,
    });
    context.screen.done("footprint", fields, |screen| {
        screen.lines(lines(&mobility, &electricity, screen));
    });
    Ok(())
}

/// The whole picture, for the eye.
pub(crate) fn lines(
    mobility: &Footprint,
    electricity: &BTreeMap<Month, ElectricityMonth>,
    screen: &Screen,
) -> Vec<String> {
    let text = screen.text;
    let mut lines = Vec::new();
    if mobility.months.is_empty() && electricity.is_empty() {
        return vec![text.footprint_empty().to_owned()];
    }
    if !mobility.months.is_empty() {
        lines.push(text.footprint_mobility().to_owned());
        for (month, footprint) in &mobility.months {
            lines.push(format!("  {}", spell_month(*month, text)));
            lines.extend(
                month_lines(footprint, screen)
                    .into_iter()
                    .map(|line| format!("    {line}")),
            );
        }
    }
    if !electricity.is_empty() {
        lines.push(text.footprint_electricity().to_owned());
        let row = |(month, it): (&Month, &ElectricityMonth)| {
            vec![
                spell_month(*month, text),
                text.electricity(it.energy_j, it.co2e_mg, it.readings),
            ]
        };
        let rows: Vec<_> = electricity.iter().map(row).collect();
        lines.extend(
            table(&rows, &[])
                .into_iter()
                .map(|line| format!("  {line}")),
        );
    }
    lines.push(String::new());
    lines.extend(text.footprint_factors(&mobility.factors));
    lines.extend(factor_lines(mobility, screen));
    if !electricity.is_empty() {
        let factor = text.electricity_factor(&mobility.factors.id.set().electricity);
        lines.push(format!("  {factor}"));
    }
    lines
}

fn month_lines(footprint: &MonthFootprint, screen: &Screen) -> Vec<String> {
    let text = screen.text;
    let mut rows = vec![text.footprint_columns().map(str::to_owned).to_vec()];
    for (mode, it) in &footprint.modes {
        rows.push(vec![
            text.mode(*mode).to_owned(),
            text.count(it.trips),
            text.distance_mm(it.distance.get()),
            match it.co2e {
                Some(co2e) => text.mass_mg(co2e.get()),
                None => text.unknown_emissions().to_owned(),
            },
            it.range.map(|it| between(it, text)).unwrap_or_default(),
        ]);
    }
    rows.push(vec![
        text.total().to_owned(),
        text.count(footprint.trips),
        text.distance_mm(footprint.distance.get()),
        text.mass_mg(footprint.co2e.get()),
        footprint
            .range
            .map(|it| between(it, text))
            .unwrap_or_default(),
    ]);
    let mut lines = table(&rows, &[1, 2, 3]);
    if footprint.unknown_distance.get() > 0 {
        lines.push(text.footprint_unknown(footprint.unknown_distance.get()));
    }
    lines
}

/// A range, unless it is a single figure.
fn between(range: Range, text: &dyn Text) -> String {
    if range.low == range.high {
        return String::new();
    }
    text.between(range.low.get(), range.high.get())
}

/// Each factor that was used, once.
fn factor_lines(mobility: &Footprint, screen: &Screen) -> BTreeSet<String> {
    let modes = mobility.months.values().flat_map(|month| &month.modes);
    modes
        .flat_map(|(mode, it)| it.factors.iter().map(move |factor| (*mode, factor)))
        .map(|(mode, factor)| format!("  {}", screen.text.factor(mode, factor)))
        .collect()
}
