//! Lenses: what a share shows. A lens is data ([`LensSpec`]), evaluated over records
//! into rows, the same on every device, and explains itself in one sentence of
//! French or English.
//!
//! Rows are grouped into *parts*, one per month; a part's rows can be read or
//! withheld together. A row of an ISO week belongs to the part of the month in which
//! its Thursday lies (the rule by which ISO gives a week to a year), so it may need
//! records of the months before and after.
//!
//! # Invariants
//!
//! - A row holds only what the spec names: no place, hour, title, purpose, meter or id.
//! - No lens reads a clock; weeks and months are cut in [`LensSpec::zone`].
//! - A week without trips has no row; an unknown emission is absent, not zero.
//! - [`Lens::id`] changes whenever the same records could give other rows.
//! - [`decode`] takes only what [`Lens::project_part`] could have written.

mod row;
mod spec;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, ISOWeekDate, Weekday};

use crate::document::Month;
use crate::domain::mobility::{Mode, Trip};
use crate::record::Record;
use crate::units::{MilligramsCo2e, Millimetres};

pub use row::{FIELDS_BYTES_MAX, KEY_BYTES_MAX, LensError, Row, WeeklyRow, decode};
pub use spec::{Field, Grouping, Lang, Lens, LensSpec};

impl Lens {
    /// The rows of `part` that `records` give, by key.
    ///
    /// `records` are those of the months from `part` − 1 to `part` + 1, edits
    /// applied; others in them change nothing.
    #[must_use]
    pub fn project_part(&self, part: Month, records: &[Record]) -> Vec<Row> {
        let set = self.spec().factors.set();
        let mut groups: BTreeMap<(i16, i8, Mode), Group> = BTreeMap::new();
        for trip in trips(records) {
            let week = week_of(trip);
            if part_of(week) != Some(part) {
                continue;
            }
            let mut modes = BTreeSet::new();
            for section in &trip.sections {
                let group = groups
                    .entry((week.year(), week.week(), section.mode))
                    .or_default();
                group.trips += u64::from(modes.insert(section.mode));
                group.distance += section.distance;
                match set.section_co2e(section) {
                    Some(co2e) => group.co2e += co2e,
                    None => group.unknown = true,
                }
            }
        }
        let rows = groups
            .into_iter()
            .map(|((year, week, mode), group)| self.row(year, week, mode, &group));
        let mut rows: Vec<Row> = rows.collect();
        rows.sort();
        rows
    }

    /// The parts whose rows `record` may change; empty if the lens does not look at it.
    #[must_use]
    pub fn parts_touched(&self, record: &Record) -> BTreeSet<Month> {
        match record {
            Record::Trip(trip) => part_of(week_of(trip)).into_iter().collect(),
            Record::Reading(_) => BTreeSet::new(),
        }
    }

    fn row(&self, year: i16, week: i8, mode: Mode, group: &Group) -> Row {
        let spec = self.spec();
        let row = WeeklyRow {
            year: year.unsigned_abs(),
            week: week.unsigned_abs(),
            mode,
            trips: group.trips,
            distance: group.distance.rounded_to(spec.distance_step_mm),
            co2e: (!group.unknown).then(|| group.co2e.rounded_to(spec.co2e_step_mg)),
        };
        row.encode()
    }
}

#[derive(Default)]
struct Group {
    trips: u64,
    distance: Millimetres,
    co2e: MilligramsCo2e,
    /// A section of it has no figure, so neither has the sum.
    unknown: bool,
}

fn trips(records: &[Record]) -> impl Iterator<Item = &Trip> {
    records.iter().filter_map(|record| match record {
        Record::Trip(trip) => Some(trip),
        Record::Reading(_) => None,
    })
}

/// A trip belongs to the week in which it starts.
fn week_of(trip: &Trip) -> ISOWeekDate {
    trip.start.date().iso_week_date()
}

/// The month of the week's Thursday.
fn part_of(week: ISOWeekDate) -> Option<Month> {
    let thursday: Date = ISOWeekDate::new(week.year(), week.week(), Weekday::Thursday)
        .ok()?
        .date();
    Month::new(
        u16::try_from(thursday.year()).ok()?,
        u8::try_from(thursday.month()).ok()?,
    )
}
