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

/// The part to which the row with this key belongs; a row that is gone has its key left.
///
/// # Errors
/// [`LensError`] unless this lens could have written the key in some part.
pub fn part_of_key(key: &[u8]) -> Result<Month, LensError> {
    let (year, week, _) = row::decode_key(key)?;
    let out_of_range = LensError::OutOfRange {
        year,
        week,
        trips: 1,
    };
    let (Ok(iso_year), Ok(iso_week)) = (i16::try_from(year), i8::try_from(week)) else {
        return Err(out_of_range);
    };
    ISOWeekDate::new(iso_year, iso_week, Weekday::Thursday)
        .ok()
        .and_then(part_of)
        .ok_or(out_of_range)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample;

    fn weekly() -> &'static Lens {
        Lens::find("mobility.weekly").unwrap()
    }

    fn trips_of(start: &str) -> Vec<Record> {
        let files = sample::files(7, start.parse().unwrap());
        let read = |file: &sample::SampleFile| {
            crate::import::import(&file.name, &file.bytes, None)
                .unwrap()
                .records
        };
        files.iter().flat_map(read).collect()
    }

    fn decoded(rows: &[Row]) -> Vec<WeeklyRow> {
        rows.iter()
            .map(|row| decode(&row.key, &row.fields).unwrap())
            .collect()
    }

    fn part(text: &str) -> Month {
        text.parse().unwrap()
    }

    #[test]
    fn rows_say_week_mode_trips_distance_and_emissions_and_nothing_else() {
        let rows = decoded(&weekly().project_part(part("2026-09"), &trips_of("2026-09")));
        assert!(
            rows.iter()
                .all(|row| (36..=40).contains(&row.week) && row.year == 2026)
        );
        assert!(rows.iter().all(|row| row.distance.get() % 100_000 == 0));
        assert!(
            rows.iter()
                .all(|row| row.co2e.is_none_or(|co2e| co2e.get() % 10_000 == 0))
        );
        let unknown = rows
            .iter()
            .find(|row| row.mode == Mode::AirOrHighSpeedRail)
            .unwrap();
        assert_eq!((unknown.trips, unknown.co2e), (1, None));
        let bus = rows.iter().find(|row| row.mode == Mode::Bus).unwrap();
        assert!(bus.co2e.is_some());
    }

    #[test]
    fn every_trip_is_in_exactly_one_part_and_that_part_is_the_one_it_touches() {
        // 2026-12-28 to 2027-01-03 is week 53 of 2026: its Thursday is 31 December.
        let mut trips = trips_of("2026-12");
        trips.extend(trips_of("2027-01"));
        for record in trips
            .iter()
            .filter(|record| matches!(record, Record::Trip(_)))
        {
            let touched = weekly().parts_touched(record);
            let mut month = part("2026-10");
            while month < part("2027-05") {
                let shown = !weekly()
                    .project_part(month, std::slice::from_ref(record))
                    .is_empty();
                assert_eq!(
                    shown,
                    touched.contains(&month),
                    "{month} {:?}",
                    record.start()
                );
                month = month.next();
            }
            assert_eq!(touched.len(), 1);
        }
        let new_year = trips
            .iter()
            .find(|it| it.start().to_string().starts_with("2027-01-01"))
            .unwrap();
        assert_eq!(
            weekly().parts_touched(new_year),
            BTreeSet::from([part("2026-12")])
        );
    }

    #[test]
    fn a_reading_touches_no_part_of_a_lens_of_trips() {
        let trips = trips_of("2026-09");
        let reading = trips
            .iter()
            .find(|it| matches!(it, Record::Reading(_)))
            .unwrap();
        assert!(weekly().parts_touched(reading).is_empty());
    }

    #[test]
    fn the_same_records_in_another_order_give_the_same_rows() {
        let mut trips = trips_of("2026-09");
        let rows = weekly().project_part(part("2026-09"), &trips);
        trips.reverse();
        assert_eq!(weekly().project_part(part("2026-09"), &trips), rows);
        assert!(rows.is_sorted());
    }

    #[test]
    fn a_lens_explains_itself_in_one_sentence() {
        assert_eq!(
            weekly().explain(Lang::Fr),
            "Par semaine et mode de transport, la personne voit le nombre, la distance (arrondie à 100 m) \
             et les émissions de CO2e (arrondies à 10 g, Base Carbone V22.0) de vos trajets ; \
             ni lieu, ni heure, ni motif."
        );
        assert_eq!(
            weekly().explain(Lang::En),
            "By week and mode of transport, they see the number, the distance (rounded to 100 m) \
             and the CO2e emissions (rounded to 10 g, Base Carbone V22.0) of your trips; \
             no place, no time of day, no purpose."
        );
    }

    #[test]
    fn a_lens_is_found_by_name_and_by_id() {
        let lens = weekly();
        assert_eq!(Lens::find_id(&lens.id()), Some(lens));
        assert_eq!(Lens::find("mobility.daily"), None);
        // Other ids mean other rows: change this only with ENGINE_VERSION or the spec.
        let id = blake3::Hash::from_bytes(lens.id()).to_hex();
        assert_eq!(&id[..16], "1b740dcbfdf69e83");
    }

    #[test]
    fn a_rows_key_tells_its_part() {
        for month in ["2026-09", "2026-12", "2027-01"] {
            let rows = weekly().project_part(part(month), &trips_of(month));
            assert!(!rows.is_empty());
            for row in rows {
                assert_eq!(part_of_key(&row.key).unwrap(), part(month));
            }
        }
        let week_53 = WeeklyRow {
            year: 2025, // has 52 weeks
            week: 53,
            mode: Mode::Bus,
            trips: 1,
            distance: Millimetres(0),
            co2e: None,
        };
        part_of_key(&week_53.encode().key).unwrap_err();
        part_of_key(b"").unwrap_err();
    }

    #[test]
    fn a_row_that_no_lens_writes_is_refused() {
        let row = WeeklyRow {
            year: 2026,
            week: 36,
            mode: Mode::AirOrHighSpeedRail,
            trips: u64::MAX,
            distance: Millimetres(u64::MAX),
            co2e: Some(MilligramsCo2e(u64::MAX)),
        };
        let Row { key, fields } = row.encode();
        assert!(key.len() <= KEY_BYTES_MAX && fields.len() <= FIELDS_BYTES_MAX);
        assert_eq!(decode(&key, &fields).unwrap(), row);

        let refused = |key: &[u8], fields: &[u8]| decode(key, fields).unwrap_err().to_string();
        assert_eq!(refused(&[0; 49], &fields), "49 bytes, at most 48");
        assert_eq!(refused(&key, &[0; 29]), "29 bytes, at most 28");
        assert_eq!(refused(b"", &fields), "not the CBOR of a row");
        let trailing = [&key[..], &[0]].concat();
        assert_eq!(refused(&trailing, &fields), "not canonical CBOR");
        // 1 as two bytes, and null as undefined.
        assert_eq!(refused(&key, &[0x83, 0x18, 1, 0, 0]), "not canonical CBOR");
        decode(&key, &[0x83, 1, 0, 0xf6]).unwrap();
        decode(&key, &[0x83, 1, 0, 0xf7]).unwrap_err();
        let week_54 = WeeklyRow {
            week: 54,
            ..row.clone()
        }
        .encode();
        assert_eq!(
            refused(&week_54.key, &[0x83, 1, 0, 0xf6]),
            "year 2026, week 54, 1 trips cannot be"
        );
        let zero = WeeklyRow { trips: 0, ..row }.encode();
        assert!(matches!(
            decode(&zero.key, &zero.fields),
            Err(LensError::OutOfRange { .. })
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_or_refused(
            key in prop::collection::vec(any::<u8>(), 0..50),
            fields in prop::collection::vec(any::<u8>(), 0..30),
        ) {
            if let Ok(row) = decode(&key, &fields) {
                prop_assert_eq!(row.encode(), Row { key, fields });
            }
        }
    }
}
