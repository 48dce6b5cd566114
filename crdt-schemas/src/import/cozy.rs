//! Coach CO2's `io.cozy.timeseries.geojson`: one document per day or trip, as JSON.
//!
//! `series[]` are trips, each a feature collection whose `features[]` are a start
//! place, an end place, stops (which are part of the sections beside them), and
//! one feature collection per section. A file holds one document or an array of them.
//!
//! A section's `manual_mode` wins over its `sensed_mode` (`PredictedModeTypes.X`).
//! Sections that end before they begin occur: they keep their distance and last no
//! time. The id of a trip is that of its series, or its instants and ends.

use serde::Deserialize;

use super::{ImportError, NoteKind, Place, Report, SECTIONS_MAX, SkipReason, quoted, short_text};
use crate::domain::mobility::{Location, Mode, ModeSource, Purpose, Section, Trip};
use crate::record::{Record, RecordId};
use crate::time::{Moment, MomentError};
use crate::units::Millimetres;

/// What our own made-up files say in `captureDevice`.
pub(crate) const MADE_UP_DEVICE: &str = "maille made-up data";

#[derive(Deserialize)]
struct Exported {
    series: Vec<Series>,
    #[serde(rename = "captureDevice")]
    capture_device: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Series {
    id: Option<serde_json::Value>,
    #[serde(default)]
    features: Vec<Feature>,
    #[serde(default)]
    properties: Properties,
}

#[derive(Deserialize)]
struct Feature {
    geometry: Option<Geometry>,
    #[serde(default)]
    features: Vec<Feature>,
    #[serde(default)]
    properties: Properties,
}

#[derive(Deserialize)]
struct Geometry {
    coordinates: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
struct Properties {
    feature_type: Option<String>,
    distance: Option<f64>,
    start_fmt_time: Option<String>,
    end_fmt_time: Option<String>,
    start_ts: Option<f64>,
    end_ts: Option<f64>,
    start_loc: Option<Geometry>,
    end_loc: Option<Geometry>,
    display_name: Option<String>,
    sensed_mode: Option<String>,
    manual_mode: Option<String>,
    manual_purpose: Option<String>,
}

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ImportError> {
    // An untagged enum would copy everything and lose the line of a fault.
    let exported: Vec<Exported> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|error| refused(&error))?
    } else {
        vec![serde_json::from_str(text).map_err(|error| refused(&error))?]
    };
    let mut number = 0;
    for document in exported {
        if document
            .capture_device
            .as_ref()
            .and_then(serde_json::Value::as_str)
            == Some(MADE_UP_DEVICE)
        {
            report.note(Place::File, NoteKind::MadeUp);
        }
        for series in document.series {
            number += 1;
            match read_trip(&series, number, report) {
                Ok(trip) => report.records.push(Record::Trip(trip)),
                Err(reason) => report.skip(Place::Trip(number), reason),
            }
        }
    }
    Ok(())
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

fn read_trip(series: &Series, number: u64, report: &mut Report) -> Result<Trip, SkipReason> {
    let place = Place::Trip(number);
    let features: Vec<&Feature> = series.features.iter().flat_map(sections_of).collect();
    if features.len() > SECTIONS_MAX {
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
    let start = moment(properties.start_fmt_time.as_deref(), properties.start_ts)
        .unwrap_or(Ok(first.start))?;
    let end =
        moment(properties.end_fmt_time.as_deref(), properties.end_ts).unwrap_or(Ok(last.end))?;
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
        purpose: properties
            .manual_purpose
            .as_deref()
            .map(Purpose::from_manual),
        title: None,
        provenance: report.provenance(place),
    })
}

/// `feature` itself if it is a section, else the sections it holds.
fn sections_of(feature: &Feature) -> Vec<&Feature> {
    let is_section = |it: &&Feature| it.properties.feature_type.as_deref() == Some("section");
    if is_section(&feature) {
        return vec![feature];
    }
    feature.features.iter().filter(is_section).collect()
}

fn read_section(
    feature: &Feature,
    place: Place,
    report: &mut Report,
) -> Result<Section, SkipReason> {
    let properties = &feature.properties;
    let distance = properties
        .distance
        .and_then(Millimetres::from_metres)
        .ok_or(SkipReason::BadDistance)?;
    let start = moment(properties.start_fmt_time.as_deref(), properties.start_ts)
        .ok_or(SkipReason::NoDate)??;
    let end = moment(properties.end_fmt_time.as_deref(), properties.end_ts).unwrap_or(Ok(start))?;
    if end.at_ms() < start.at_ms() {
        report.note(place, NoteKind::EndsBeforeItBegins);
    }
    let (word, source) = match (&properties.manual_mode, &properties.sensed_mode) {
        (Some(manual), _) => (Some(manual), ModeSource::Person),
        (None, Some(sensed)) => (Some(sensed), ModeSource::Sensed),
        (None, None) => (None, ModeSource::Nobody),
    };
    let mode = word
        .and_then(|word| Mode::from_sensed(word))
        .unwrap_or(Mode::Unknown);
    if mode == Mode::Unknown {
        report.note(
            place,
            NoteKind::UnknownMode {
                word: word.map(|word| quoted(word)),
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
fn moment(text: Option<&str>, seconds: Option<f64>) -> Option<Result<Moment, MomentError>> {
    if let Some(text) = text {
        return Some(text.parse());
    }
    // 2^53: beyond, a float holds no whole milliseconds.
    let ms = seconds? * 1e3;
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
        .iter()
        .find(|it| it.properties.feature_type.as_deref() == Some(feature_type));
    let geometry = loc.or_else(|| place.and_then(|it| it.geometry.as_ref()))?;
    let point = geometry.coordinates.as_ref()?.as_array()?;
    let (longitude, latitude) = (point.first()?.as_f64()?, point.get(1)?.as_f64()?);
    let name = place
        .and_then(|it| it.properties.display_name.as_deref())
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
    let oid = |id: &serde_json::Value| {
        id.as_str()
            .or_else(|| id.get("$oid")?.as_str())
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
    };
    if let Some(id) = series.id.as_ref().and_then(oid) {
        return RecordId::from_facts("cozy.trip", &[id.as_bytes()]);
    }
    let ends = [from, to].map(|it| it.map_or((0, 0), |it| (it.latitude_e7, it.longitude_e7)));
    let facts = format!("{} {} {ends:?}", start.at_ms(), end.at_ms());
    RecordId::from_facts("cozy.trip.facts", &[facts.as_bytes()])
}
