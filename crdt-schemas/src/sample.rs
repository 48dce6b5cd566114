//! Made-up files in real formats, for the demo and the tests.
//!
//! The same seed and month give the same bytes on every machine. Every file says
//! itself that it is made up, and the importers repeat it
//! ([`crate::import::NoteKind::MadeUp`]): a GPX file in its `<desc>`, a Coach CO2
//! file as its `captureDevice`, a Linky file by a PRM of zeros.

use std::fmt::Write;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;

use crate::document::Month;
use crate::import::cozy::MADE_UP_DEVICE;
use crate::import::gpx::MADE_UP_DESCRIPTION;
use crate::import::linky::MADE_UP_METER;
use crate::time::paris;

/// A file: what it would be called, and its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleFile {
    /// A name that says that it is made up.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Four files of a made-up person's life: the tracks of the first and of the
/// second two weeks of `start` (GPX), two longer trips (Coach CO2), and the Linky
/// half hours of ten days around the October clock change of that year.
///
/// Trips are those of the years 1970 to 2199; outside, importers refuse the dates.
#[must_use]
pub fn files(seed: u64, start: Month) -> Vec<SampleFile> {
    let year = start.year().min(9_998);
    let first = date(year, start.month(), 1);
    let mut chance = Chance(seed);
    let name = |what: &str, ending: &str| format!("maille-made-up-{what}-{start}.{ending}");
    let file = |name: String, text: String| SampleFile {
        name,
        bytes: text.into_bytes(),
    };
    vec![
        file(name("tracks-1", "gpx"), gpx(&mut chance, first, 14)),
        file(
            name("tracks-2", "gpx"),
            gpx(&mut chance, first.saturating_add(14.days()), 14),
        ),
        file(
            name("trips", "geojson"),
            cozy(&mut chance, first.saturating_add(9.days())),
        ),
        file(
            name("linky", "csv"),
            linky(&mut chance, last_sunday_of_october(year)),
        ),
    ]
}

/// Around La Rochelle; degrees × 10^7. Nobody's home: a point in the harbour.
const HOME: (i64, i64) = (461_500_000, -11_600_000);
const WORK: (i64, i64) = (461_850_000, -11_250_000);
const BEACH: (i64, i64) = (463_900_000, -14_200_000);

/// How one goes to work: the GPX type, if the app writes one, and minutes.
const COMMUTES: [(Option<&str>, u64); 6] = [
    (Some("cycling"), 19),
    (Some("cycling"), 18),
    (Some("bus"), 17),
    (Some("driving"), 10),
    (Some("walking"), 58),
    (None, 16),
];

fn gpx(chance: &mut Chance, first: Date, days: i64) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <gpx version=\"1.1\" creator=\"maille sample\" xmlns=\"http://www.topografix.com/GPX/1/1\">\n\
         <metadata><desc>{MADE_UP_DESCRIPTION}</desc></metadata>\n"
    );
    for day in 0..days {
        let date = first.saturating_add(day.days());
        match date.weekday() {
            Weekday::Sunday => {}
            Weekday::Saturday => {
                let (kind, minutes) = if chance.below(2) == 0 {
                    ("driving", 38)
                } else {
                    ("cycling", 130)
                };
                track(
                    &mut text,
                    chance,
                    "made-up outing",
                    Some(kind),
                    at(date, 10, 0),
                    minutes,
                    HOME,
                    BEACH,
                );
                track(
                    &mut text,
                    chance,
                    "made-up way back",
                    Some(kind),
                    at(date, 16, 20),
                    minutes,
                    BEACH,
                    HOME,
                );
            }
            _ => {
                let (kind, minutes) = COMMUTES[chance.index(COMMUTES.len())];
                let late = chance.below(20).cast_signed();
                track(
                    &mut text,
                    chance,
                    "made-up way to work",
                    kind,
                    at(date, 8, late),
                    minutes,
                    HOME,
                    WORK,
                );
                track(
                    &mut text,
                    chance,
                    "made-up way home",
                    kind,
                    at(date, 17, 30 + late),
                    minutes,
                    WORK,
                    HOME,
                );
            }
        }
    }
    text.push_str("</gpx>\n");
    text
}

/// A straight way with a point a minute, each a little beside it.
#[expect(
    clippy::too_many_arguments,
    reason = "a track is these eight things, and only this file makes one"
)]
fn track(
    text: &mut String,
    chance: &mut Chance,
    name: &str,
    kind: Option<&str>,
    start: DateTime,
    minutes: u64,
    from: (i64, i64),
    to: (i64, i64),
) {
    let kind = kind
        .map(|kind| format!("<type>{kind}</type>"))
        .unwrap_or_default();
    let start = utc(start);
    let minutes = minutes.cast_signed();
    let mut points = String::new();
    for minute in 0..=minutes {
        let between = |from: i64, to: i64| from + (to - from) * minute / minutes;
        let latitude = between(from.0, to.0) + chance.below(2_000).cast_signed() - 1_000;
        let longitude = between(from.1, to.1) + chance.below(2_000).cast_signed() - 1_000;
        let time = start.saturating_add(minute.minutes());
        let (lat, lon) = (degrees(latitude), degrees(longitude));
        append(
            &mut points,
            format_args!("<trkpt lat=\"{lat}\" lon=\"{lon}\"><time>{time}Z</time></trkpt>\n"),
        );
    }
    append(
        text,
        format_args!("<trk><name>{name}</name>{kind}<trkseg>\n{points}</trkseg></trk>\n"),
    );
}

/// A walk and a tram that the phone took for a bus; then something fast of which
/// nobody knows whether it flew.
fn cozy(chance: &mut Chance, day: Date) -> String {
    let mut trips = Vec::new();
    let walk = 600 + chance.below(400);
    let tram = 5_000 + chance.below(3_000);
    let fast = 340_000 + chance.below(40_000);
    trips.push(cozy_trip(
        chance,
        at(day, 9, 0),
        &[
            ("\"sensed_mode\": \"PredictedModeTypes.WALKING\"", walk, 10),
            (
                "\"sensed_mode\": \"PredictedModeTypes.BUS\", \"manual_mode\": \"TRAMWAY\"",
                tram,
                18,
            ),
        ],
    ));
    trips.push(cozy_trip(
        chance,
        at(day.saturating_add(2.days()), 7, 15),
        &[(
            "\"sensed_mode\": \"PredictedModeTypes.AIR_OR_HSR\"",
            fast,
            125,
        )],
    ));
    format!(
        "{{\"captureDevice\": \"{MADE_UP_DEVICE}\", \"source\": \"maille sample\", \"series\": [\n{}\n]}}\n",
        trips.join(",\n")
    )
}

fn cozy_trip(chance: &mut Chance, start: DateTime, sections: &[(&str, u64, i64)]) -> String {
    let id = format!("{:016x}{:08x}", chance.next(), chance.next() >> 32);
    let mut features = vec![
        cozy_place("start_place", "Made-up quay", HOME),
        cozy_place("end_place", "Made-up square", WORK),
    ];
    let mut begin = start;
    let mut metres = 0;
    for &(modes, distance, minutes) in sections {
        let end = begin.saturating_add(minutes.minutes());
        let (start_time, end_time) = (stamp(begin), stamp(end));
        features.push(format!(
            "{{\"type\": \"FeatureCollection\", \"features\": [{{\"type\": \"Feature\", \
             \"geometry\": {{\"type\": \"LineString\", \"coordinates\": []}}, \
             \"properties\": {{\"feature_type\": \"section\", {modes}, \"distance\": {distance}.25, \
             \"start_fmt_time\": \"{start_time}\", \"end_fmt_time\": \"{end_time}\"}}}}]}}"
        ));
        begin = end;
        metres += distance;
    }
    let (start_time, end_time, features) = (stamp(start), stamp(begin), features.join(",\n "));
    format!(
        "{{\"type\": \"FeatureCollection\", \"id\": \"{id}\", \
         \"properties\": {{\"feature_type\": \"trip\", \"distance\": {metres}, \
         \"start_fmt_time\": \"{start_time}\", \"end_fmt_time\": \"{end_time}\"}}, \"features\": [\n {features}]}}"
    )
}

fn cozy_place(kind: &str, name: &str, (latitude, longitude): (i64, i64)) -> String {
    format!(
        "{{\"type\": \"Feature\", \"geometry\": {{\"type\": \"Point\", \"coordinates\": [{}, {}]}}, \
         \"properties\": {{\"feature_type\": \"{kind}\", \"display_name\": \"{name}\"}}}}",
        degrees(longitude),
        degrees(latitude)
    )
}

/// Ten days around the night of the change, one value missing.
fn linky(chance: &mut Chance, change: Date) -> String {
    let first = change.saturating_sub(5.days());
    let last = change.saturating_add(5.days());
    let day = |date: Date| format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year());
    let mut text = format!(
        "\u{feff}Identifiant PRM;Type de donnees;Date de debut;Date de fin;Grandeur physique;\
         Grandeur metier;Etape metier;Unite;Pas en minutes\n\
         {MADE_UP_METER};Courbe de charge;{};{};Energie active;Consommation;Comptage Brut;W;\n\
         Horodate;Valeur\n",
        day(first),
        day(last)
    );
    let paris = paris();
    let mut end = paris.to_timestamp(at(first, 0, 0)).unwrap_or_default();
    let until = paris.to_timestamp(at(last, 0, 0)).unwrap_or_default();
    let empty = chance.below(400);
    let mut count = 0;
    while end < until {
        end += 30.minutes();
        let local = paris.to_datetime(end);
        let evening = if (18..23).contains(&local.hour()) {
            900
        } else {
            0
        };
        let morning = if (6..9).contains(&local.hour()) {
            500
        } else {
            0
        };
        let watts = 120 + evening + morning + chance.below(300);
        let value = if count == empty {
            String::new()
        } else {
            watts.to_string()
        };
        append(
            &mut text,
            format_args!(
                "{};{value}\n",
                stamp_of(local, paris.to_offset(end).seconds())
            ),
        );
        count += 1;
    }
    text
}

fn last_sunday_of_october(year: u16) -> Date {
    let end = date(year, 10, 31);
    end.saturating_sub(i64::from(end.weekday().to_sunday_zero_offset()).days())
}

fn date(year: u16, month: u8, day: i8) -> Date {
    let (year, month) = (year.cast_signed(), month.cast_signed());
    Date::new(year, month, day).expect("a month has a first day, October a thirty-first")
}

fn at(date: Date, hour: i8, minutes: i64) -> DateTime {
    date.at(hour, 0, 0, 0).saturating_add(minutes.minutes())
}

/// The same instant in UTC; the samples are made of daytime hours, which no clock
/// change makes double.
fn utc(local: DateTime) -> DateTime {
    paris()
        .to_timestamp(local)
        .map_or(local, |at| TimeZone::UTC.to_datetime(at))
}

fn stamp(local: DateTime) -> String {
    let offset = paris()
        .to_timestamp(local)
        .map_or(0, |at| paris().to_offset(at).seconds());
    stamp_of(local, offset)
}

fn stamp_of(local: DateTime, offset_s: i32) -> String {
    let sign = if offset_s < 0 { '-' } else { '+' };
    let minutes = offset_s.unsigned_abs() / 60;
    format!("{local}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

fn degrees(e7: i64) -> String {
    let sign = if e7 < 0 { "-" } else { "" };
    let e7 = e7.unsigned_abs();
    format!("{sign}{}.{:07}", e7 / 10_000_000, e7 % 10_000_000)
}

fn append(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("writing to memory cannot fail");
}

/// SplitMix64 (Steele, Lea, Flood 2014): a few lines, the same everywhere. Not for secrets.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `bound` − 1; the bias of the remainder does not matter here.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a usize")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mobility::Mode;
    use crate::import::{Format, Imported, NoteKind, SkipReason, import};
    use crate::record::Record;

    fn imported(seed: u64, start: &str) -> Vec<Imported> {
        let files = files(seed, start.parse().unwrap());
        files
            .iter()
            .map(|file| import(&file.name, &file.bytes, None).unwrap())
            .collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_files_and_another_gives_others() {
        let start = "2026-09".parse().unwrap();
        assert_eq!(files(7, start), files(7, start));
        assert_ne!(files(7, start), files(8, start));
    }

    #[test]
    fn every_file_is_read_and_says_that_it_is_made_up() {
        let formats = [
            Format::Gpx,
            Format::Gpx,
            Format::CozyGeojson,
            Format::LinkyCsv,
        ];
        for (imported, format) in imported(7, "2026-09").iter().zip(formats) {
            assert_eq!(imported.format, format);
            assert!(
                imported
                    .notes
                    .iter()
                    .any(|note| note.what == NoteKind::MadeUp),
                "{}",
                imported.file
            );
            assert!(!imported.records.is_empty());
        }
    }

    #[test]
    fn the_ten_days_of_the_clock_change_have_one_hour_more() {
        let linky = &imported(7, "2026-09")[3];
        let skipped: Vec<_> = linky.skipped.iter().map(|it| &it.reason).collect();
        assert_eq!(skipped, [&SkipReason::NoValue]);
        assert_eq!(linky.records.len() + skipped.len(), 10 * 48 + 2);
    }

    #[test]
    fn a_manual_mode_and_an_unknown_one_are_among_the_trips() {
        let modes: Vec<Mode> = imported(7, "2026-09")[2]
            .records
            .iter()
            .flat_map(|record| match record {
                Record::Trip(trip) => trip.sections.clone(),
                Record::Reading(_) => Vec::new(),
            })
            .map(|section| section.mode)
            .collect();
        assert_eq!(
            modes,
            [Mode::Walking, Mode::Tramway, Mode::AirOrHighSpeedRail]
        );
    }

    #[test]
    fn the_first_and_the_last_month_are_made_without_a_panic() {
        for start in [Month::MIN, Month::MAX] {
            assert_eq!(files(1, start).len(), 4);
        }
    }
}
