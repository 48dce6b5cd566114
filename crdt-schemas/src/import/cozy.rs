//! Coach CO2's `io.cozy.timeseries.geojson`: one document per day or trip, as JSON.
//!
//! `series[]` are trips, each a feature collection whose `features[]` are a start
//! place, an end place, stops (which are part of the sections beside them), and
//! one feature collection per section. A file holds one document or an array of them.
//!
//! A section's `manual_mode` wins over its `sensed_mode` (`PredictedModeTypes.X`).
//! Sections that end before they begin occur: they keep their distance and last no
//! time. The id of a trip is that of its series, or its instants and ends.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{ImportError, NoteKind, Place, Report, SECTIONS_MAX, SkipReason, quoted, short_text};
use crate::domain::mobility::{Location, Mode, ModeSource, Purpose, Section, Trip};
use crate::record::{Record, RecordId};
use crate::time::{Moment, MomentError};
use crate::units::Millimetres;

/// What our own made-up files say in `captureDevice`.
pub(crate) const MADE_UP_DEVICE: &str = "maille made-up data";

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ImportError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut reading = Reading { report, trips: 0 };
    Documents(&mut reading)
        .deserialize(&mut json)
        .map_err(|error| refused(&error))?;
    json.end().map_err(|error| refused(&error))
}

fn refused(error: &serde_json::Error) -> ImportError {
    let place = Place::Line(error.line() as u64);
    if error.is_eof() {
        return ImportError::Truncated { place };
    }
    ImportError::Malformed {
        place,
        reason: error.to_string(),
    }
}

/// Reads trip by trip, so that one at a time is in memory.
struct Reading<'a> {
    report: &'a mut Report,
    trips: u64,
}

impl Reading<'_> {
    fn take(&mut self, series: &Series) {
        self.trips += 1;
        match read_trip(series, self.trips, self.report) {
            Ok(trip) => self.report.records.push(Record::Trip(trip)),
            Err(reason) => self.report.skip(Place::Trip(self.trips), reason),
        }
    }
}

/// One document, or an array of them.
struct Documents<'a, 'b>(&'a mut Reading<'b>);

impl<'de> DeserializeSeed<'de> for Documents<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Documents<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with series, or an array of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while array.next_element_seed(Documents(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                "series" => {
                    object.next_value_seed(AllSeries(self.0))?;
                    found = true;
                }
                "captureDevice" => {
                    if object.next_value::<Lenient>()?.text() == Some(MADE_UP_DEVICE) {
                        self.0.report.note(Place::File, NoteKind::MadeUp);
                    }
                }
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        if found {
            Ok(())
        } else {
            Err(serde::de::Error::missing_field("series"))
        }
    }
}

struct AllSeries<'a, 'b>(&'a mut Reading<'b>);

impl<'de> DeserializeSeed<'de> for AllSeries<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for AllSeries<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        while let Some(series) = array.next_element::<Series>()? {
            self.0.take(&series);
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Series {
    #[serde(default)]
    id: Lenient,
    #[serde(default, deserialize_with = "null_as_default")]
    features: Few<Feature>,
    #[serde(default, deserialize_with = "null_as_default")]
    properties: Properties,
}

#[derive(Deserialize)]
struct Feature {
    geometry: Option<Geometry>,
    #[serde(default, deserialize_with = "null_as_default")]
    features: Few<Inner>,
    #[serde(default, deserialize_with = "null_as_default")]
    properties: Properties,
}

/// A feature inside a feature, if it is a section; what may lie inside that one is none. Anything else
/// is let go at once: a million empty ones are three megabytes of text.
struct Inner(Option<Box<Properties>>);

impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Any {
            #[serde(default, deserialize_with = "null_as_default")]
            properties: Properties,
        }
        let properties = Any::deserialize(json)?.properties;
        Ok(Self(properties.is("section").then(|| Box::new(properties))))
    }
}

#[derive(Deserialize)]
struct Geometry {
    #[serde(default)]
    coordinates: Lenient,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Properties {
    feature_type: Lenient,
    distance: Lenient,
    start_fmt_time: Lenient,
    end_fmt_time: Lenient,
    start_ts: Lenient,
    end_ts: Lenient,
    start_loc: Option<Geometry>,
    end_loc: Option<Geometry>,
    display_name: Lenient,
    sensed_mode: Lenient,
    manual_mode: Lenient,
    manual_purpose: Lenient,
}

impl Properties {
    fn is(&self, feature_type: &str) -> bool {
        self.feature_type.text() == Some(feature_type)
    }

    fn start(&self) -> Option<Result<Moment, MomentError>> {
        moment(&self.start_fmt_time, &self.start_ts)
    }

    fn end(&self) -> Option<Result<Moment, MomentError>> {
        moment(&self.end_fmt_time, &self.end_ts)
    }
}

/// GeoJSON may write `null` where it has nothing.
fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    json: D,
) -> Result<T, D::Error> {
    Option::deserialize(json).map(Option::unwrap_or_default)
}

/// A list of which no more is kept than a trip may have; the rest is counted.
struct Few<T> {
    items: Vec<T>,
    more: bool,
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            more: false,
        }
    }
}

/// Sections, the stops between them, and both ends.
const FEATURES_MAX: usize = 2 * SECTIONS_MAX + 2;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Items<T>(Few<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = Few<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of features")
            }

            fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<Few<T>, A::Error> {
                while self.0.items.len() < FEATURES_MAX {
                    match array.next_element()? {
                        Some(item) => self.0.items.push(item),
                        None => return Ok(self.0),
                    }
                }
                while array.next_element::<IgnoredAny>()?.is_some() {
                    self.0.more = true;
                }
                Ok(self.0)
            }
        }
        json.deserialize_seq(Items(Self::default()))
    }
}

/// A number, a text (a MongoDB `{"$oid": text}` too) or the first two numbers of an
/// array; anything else is as good as absent, however large it is.
#[derive(Default)]
enum Lenient {
    #[default]
    Nothing,
    Number(f64),
    Text(String),
    Pair(f64, f64),
}

impl Lenient {
    const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    const fn pair(&self) -> Option<(f64, f64)> {
        match self {
            Self::Pair(first, second) => Some((*first, *second)),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(LenientVisitor)
    }
}

struct LenientVisitor;

impl<'de> Visitor<'de> for LenientVisitor {
    type Value = Lenient;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Lenient, E> {
        Ok(Lenient::Nothing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Lenient, E> {
        Ok(Lenient::Nothing)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Lenient, E> {
        Ok(Lenient::Number(number))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "JSON numbers are floats to whoever wrote them"
    )]
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Lenient, E> {
        self.visit_f64(number as f64)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "JSON numbers are floats to whoever wrote them"
    )]
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Lenient, E> {
        self.visit_f64(number as f64)
    }

    fn visit_str<E>(self, text: &str) -> Result<Lenient, E> {
        Ok(Lenient::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Lenient, A::Error> {
        // Not `Lenient` again: arrays in arrays would go as deep as the input.
        let first = array.next_element::<Number>()?.and_then(|it| it.0);
        let second = array.next_element::<Number>()?.and_then(|it| it.0);
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first
            .zip(second)
            .map_or(Lenient::Nothing, |(first, second)| {
                Lenient::Pair(first, second)
            }))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Lenient, A::Error> {
        let mut found = Lenient::Nothing;
        while let Some(key) = object.next_key::<String>()? {
            if key == "$oid" {
                found = object.next_value()?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// A number, or nothing of use.
struct Number(Option<f64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        Lenient::deserialize(json).map(|it| Self(it.number()))
    }
}

fn read_trip(series: &Series, number: u64, report: &mut Report) -> Result<Trip, SkipReason> {
    let place = Place::Trip(number);
    let features = series.features.items.iter().flat_map(sections_of);
    let features: Vec<&Properties> = features.take(SECTIONS_MAX + 1).collect();
    if features.len() > SECTIONS_MAX || series.features.more {
        return Err(SkipReason::TooManySections {
            max: SECTIONS_MAX as u64,
        });
    }
    let mut sections = Vec::new();
    for (index, feature) in features.iter().enumerate() {
        let place = Place::Section {
            trip: number,
            section: index as u64 + 1,
        };
        match read_section(feature, place, report) {
            Ok(section) => sections.push(section),
            Err(reason) => report.skip(place, reason),
        }
    }
    let (Some(first), Some(last)) = (sections.first(), sections.last()) else {
        return Err(SkipReason::NoSections);
    };
    let properties = &series.properties;
    let start = properties.start().unwrap_or(Ok(first.start))?;
    let end = properties.end().unwrap_or(Ok(last.end))?;
    if end.at_ms() < start.at_ms() {
        report.note(place, NoteKind::EndsBeforeItBegins);
    }
    let end = end.max(start);
    let from = end_point(series, properties.start_loc.as_ref(), "start_place");
    let to = end_point(series, properties.end_loc.as_ref(), "end_place");
    Ok(Trip {
        id: trip_id(series, start, end, from.as_ref(), to.as_ref()),
        start,
        end,
        from,
        to,
        sections,
        purpose: properties.manual_purpose.text().map(Purpose::from_manual),
        title: None,
        provenance: report.provenance(place),
    })
}

/// `feature` itself if it is a section, else the sections it holds.
fn sections_of(feature: &Feature) -> Vec<&Properties> {
    if feature.properties.is("section") {
        return vec![&feature.properties];
    }
    let inner = feature.features.items.iter();
    inner.filter_map(|it| it.0.as_deref()).collect()
}

fn read_section(
    properties: &Properties,
    place: Place,
    report: &mut Report,
) -> Result<Section, SkipReason> {
    let metres = properties.distance.number();
    let distance = metres
        .and_then(Millimetres::from_metres)
        .ok_or(SkipReason::BadDistance)?;
    let start = properties.start().ok_or(SkipReason::NoDate)??;
    let end = properties.end().unwrap_or(Ok(start))?;
    if end.at_ms() < start.at_ms() {
        report.note(place, NoteKind::EndsBeforeItBegins);
    }
    let (word, source) = match (properties.manual_mode.text(), properties.sensed_mode.text()) {
        (Some(manual), _) => (Some(manual), ModeSource::Person),
        (None, Some(sensed)) => (Some(sensed), ModeSource::Sensed),
        (None, None) => (None, ModeSource::Nobody),
    };
    let mode = word.and_then(Mode::from_sensed).unwrap_or(Mode::Unknown);
    if mode == Mode::Unknown {
        report.note(
            place,
            NoteKind::UnknownMode {
                word: word.map(quoted),
            },
        );
    }
    Ok(Section {
        mode,
        mode_source: source,
        distance,
        start,
        end: end.max(start),
        occupancy: None,
    })
}

/// The instant that the text gives, else the seconds; `None` if neither stands there.
fn moment(text: &Lenient, seconds: &Lenient) -> Option<Result<Moment, MomentError>> {
    if let Some(text) = text.text() {
        return Some(text.parse());
    }
    // 2^53: beyond, a float holds no whole milliseconds.
    let ms = seconds.number()? * 1e3;
    if !(0.0..9e15).contains(&ms) {
        return Some(Err(MomentError::OutOfRange));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was just checked"
    )]
    Some(Moment::in_zone(ms.floor() as i64))
}

/// Where the trip starts or ends: the point of `loc`, else of the place feature,
/// with the name of the latter.
fn end_point(series: &Series, loc: Option<&Geometry>, feature_type: &str) -> Option<Location> {
    let place = series
        .features
        .items
        .iter()
        .find(|it| it.properties.is(feature_type));
    let geometry = loc.or_else(|| place.and_then(|it| it.geometry.as_ref()))?;
    let (longitude, latitude) = geometry.coordinates.pair()?;
    let name = place
        .and_then(|it| it.properties.display_name.text())
        .and_then(short_text);
    Location::from_degrees(latitude, longitude, name)
}

fn trip_id(
    series: &Series,
    start: Moment,
    end: Moment,
    from: Option<&Location>,
    to: Option<&Location>,
) -> RecordId {
    if let Some(id) = series.id.text().filter(|id| !id.is_empty()) {
        return RecordId::from_facts("cozy.trip", &[id.as_bytes()]);
    }
    let ends = [from, to].map(|it| it.map_or((0, 0), |it| (it.latitude_e7, it.longitude_e7)));
    let facts = format!("{} {} {ends:?}", start.at_ms(), end.at_ms());
    RecordId::from_facts("cozy.trip.facts", &[facts.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::testing::trip;
    use crate::import::{DateFault, Imported, Skipped, import};

    /// One trip of one section; `more` goes into the section's properties.
    fn file(more: &str) -> String {
        format!(
            r#"{{"series": [{{"id": "t1", "properties": {{"feature_type": "trip"}}, "features": [
                {{"properties": {{"feature_type": "start_place", "display_name": " Rue\u0007 A "}},
                  "geometry": {{"coordinates": [2.31251, 48.7799432]}}}},
                {{"features": [{{"properties": {{"feature_type": "section", {more}}}}}]}}
            ]}}]}}"#
        )
    }

    const TIMES: &str = r#""start_fmt_time": "2021-12-07T16:24:49+01:00", "end_fmt_time": "2021-12-07T16:39:16+01:00""#;

    #[track_caller]
    fn read(text: &str) -> Imported {
        import("trips.json", text.as_bytes(), None).unwrap()
    }

    #[test]
    fn a_trip_keeps_its_ends_and_its_sections() {
        let imported = read(&file(&format!(
            r#"{TIMES}, "distance": 5058.309344424814, "sensed_mode": "PredictedModeTypes.TRAIN""#
        )));
        let trip = trip(&imported);
        assert_eq!(trip.start.to_string(), "2021-12-07T16:24:49.000+01:00");
        let from = trip.from.as_ref().unwrap();
        assert_eq!(
            (from.latitude_e7, from.longitude_e7),
            (487_799_432, 23_125_100)
        );
        assert_eq!(
            from.name.as_deref(),
            Some("Rue A"),
            "control characters are left out"
        );
        assert_eq!(trip.to, None);
        assert_eq!(trip.sections[0].distance, Millimetres(5_058_309));
        assert_eq!(
            (trip.sections[0].mode, trip.sections[0].mode_source),
            (Mode::Train, ModeSource::Sensed)
        );
    }

    #[test]
    fn the_manual_mode_wins_over_the_sensed_one() {
        let modes = r#""sensed_mode": "PredictedModeTypes.BUS", "manual_mode": "CAR""#;
        let imported = read(&file(&format!(r#"{TIMES}, "distance": 1, {modes}"#)));
        let section = &trip(&imported).sections[0];
        assert_eq!(
            (section.mode, section.mode_source),
            (Mode::Car, ModeSource::Person)
        );
    }

    #[test]
    fn a_mode_nobody_can_name_is_unknown_and_noted() {
        let imported = read(&file(&format!(
            r#"{TIMES}, "distance": 1, "sensed_mode": "TELEPORT""#
        )));
        assert_eq!(trip(&imported).sections[0].mode, Mode::Unknown);
        assert_eq!(
            imported.notes[0].what,
            NoteKind::UnknownMode {
                word: Some("TELEPORT".into())
            }
        );
    }

    #[test]
    fn a_section_that_ends_before_it_begins_keeps_its_distance_and_lasts_no_time() {
        let times = r#""start_ts": 1638890689, "end_ts": 1638890600.5"#;
        let imported = read(&file(&format!(
            r#"{times}, "distance": 12, "sensed_mode": "X.WALKING""#
        )));
        let section = &trip(&imported).sections[0];
        assert_eq!(section.start, section.end);
        assert_eq!(section.distance, Millimetres(12_000));
        assert_eq!(imported.notes[0].what, NoteKind::EndsBeforeItBegins);
    }

    #[test]
    fn a_bad_section_is_skipped_with_its_place_and_the_trip_with_it_if_none_is_left() {
        let section = Place::Section {
            trip: 1,
            section: 1,
        };
        for (more, reason) in [
            (
                format!(r#"{TIMES}, "distance": -3.5"#),
                SkipReason::BadDistance,
            ),
            (TIMES.to_owned(), SkipReason::BadDistance),
            (r#""distance": 5"#.to_owned(), SkipReason::NoDate),
            (
                r#""distance": 5, "start_ts": -1"#.to_owned(),
                SkipReason::BadDate(DateFault::OutOfRange),
            ),
            (
                r#""distance": 5, "start_fmt_time": "soon""#.to_owned(),
                SkipReason::BadDate(DateFault::Malformed),
            ),
        ] {
            let imported = read(&file(&more));
            let expected = [
                Skipped {
                    place: section,
                    reason,
                },
                Skipped {
                    place: Place::Trip(1),
                    reason: SkipReason::NoSections,
                },
            ];
            assert_eq!(imported.skipped, expected, "{more}");
        }
    }

    #[test]
    fn deep_cut_off_and_other_json_is_refused_with_its_line() {
        let deep = format!("{{\"series\": {}", "[".repeat(100_000));
        assert!(matches!(
            import("f", deep.as_bytes(), None),
            Err(ImportError::Malformed { .. })
        ));
        let cut = "{\"series\": [\n{\"id\": \"a\",";
        assert_eq!(
            import("f", cut.as_bytes(), None),
            Err(ImportError::Truncated {
                place: Place::Line(2)
            })
        );
        let other = "{\n\"series\": 3}";
        let Err(ImportError::Malformed { place, .. }) = import("f", other.as_bytes(), None) else {
            panic!()
        };
        assert_eq!(place, Place::Line(2));
    }

    #[test]
    fn an_array_of_documents_is_read_and_a_trip_without_an_id_has_one_of_its_facts() {
        let one = file(&format!(
            r#"{TIMES}, "distance": 1, "sensed_mode": "WALKING""#
        ));
        let without = one.replace(r#""id": "t1","#, "");
        let both = read(&format!("[{one}, {without}]"));
        let ids: Vec<_> = both.records.iter().map(Record::id).collect();
        assert_eq!(ids.len(), 2);
        assert_ne!(ids[0], ids[1]);
        assert_eq!(read(&without).records[0].id(), ids[1]);
    }

    #[test]
    fn millions_of_features_are_counted_and_not_kept() {
        let many = format!(
            "{{\"series\": [{{\"features\": [{}{{}}]}}]}}",
            "{},".repeat(1_000_000)
        );
        let max = SECTIONS_MAX as u64;
        let skipped = Skipped {
            place: Place::Trip(1),
            reason: SkipReason::TooManySections { max },
        };
        assert_eq!(read(&many).skipped, [skipped]);
    }

    #[test]
    fn values_of_an_unexpected_type_are_as_good_as_absent() {
        let odd = format!(
            r#"{TIMES}, "distance": 3, "sensed_mode": [["x"], {{"$oid": 1}}], "end_ts": true"#
        );
        assert_eq!(trip(&read(&file(&odd))).sections[0].mode, Mode::Unknown);
        let oid = file(&format!(r#"{TIMES}, "distance": 1"#));
        let mongo = oid.replace(r#""id": "t1""#, r#""id": {"$oid": "t1"}"#);
        assert_eq!(read(&mongo).records[0].id(), read(&oid).records[0].id());
    }
}
