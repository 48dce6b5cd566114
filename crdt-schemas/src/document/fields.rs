//! Records as Automerge maps of typed scalars, and back.
//!
//! A trip's fields end with their unit (`start_ms`, `distance_mm`); a value that
//! is absent has no key. A reading's interval, direction and meter are its key;
//! its map holds what was measured and where from.

use std::borrow::Cow;
use std::collections::BTreeMap;

use automerge::transaction::Transactable;
use automerge::{AutoCommit, AutomergeError, ObjId, ObjType, ReadDoc, Value, ValueRef};

use super::Domain;
use crate::domain::energy::{Flow, Reading};
use crate::domain::mobility::{Location, ModeSource, Purpose, Section, Trip};
use crate::import::{Format, Place};
use crate::record::{ContentHash, Provenance, Record, RecordId};
use crate::time::Moment;
use crate::units::{Joules, Millimetres};

/// The name of a field that is absent or not of its type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadField(pub(super) &'static str);

pub(super) fn write(
    automerge: &mut AutoCommit,
    records: &ObjId,
    key: &str,
    record: &Record,
) -> Result<(), AutomergeError> {
    let map = automerge.put_object(records, key, ObjType::Map)?;
    match record {
        Record::Trip(trip) => write_trip(automerge, &map, trip),
        Record::Reading(reading) => write_reading(automerge, &map, reading),
    }
}

/// The record under `key` as its source gave it; `Ok(None)` if there is none.
pub(super) fn read(
    automerge: &AutoCommit,
    records: &ObjId,
    domain: Domain,
    key: &str,
) -> Result<Option<Record>, BadField> {
    let Some((value, map)) = automerge.get(records, key).ok().flatten() else {
        return Ok(None);
    };
    if value.to_objtype() != Some(ObjType::Map) {
        return Err(BadField("record"));
    }
    read_at(automerge, &map, domain, key).map(Some)
}

/// The record in `map`, which lies under `key`.
pub(super) fn read_at(
    automerge: &AutoCommit,
    map: &ObjId,
    domain: Domain,
    key: &str,
) -> Result<Record, BadField> {
    let fields = Fields::of(automerge, map);
    Ok(match domain {
        Domain::Mobility => Record::Trip(read_trip(&fields, key)?),
        Domain::Energy => Record::Reading(read_reading(&fields, key)?),
    })
}

fn write_trip(automerge: &mut AutoCommit, map: &ObjId, trip: &Trip) -> Result<(), AutomergeError> {
    write_interval(automerge, map, trip.start, trip.end)?;
    for (location, names) in [(&trip.from, FROM), (&trip.to, TO)] {
        if let Some(location) = location {
            automerge.put(map, names.latitude, i64::from(location.latitude_e7))?;
            automerge.put(map, names.longitude, i64::from(location.longitude_e7))?;
            if let Some(name) = &location.name {
                automerge.put(map, names.name, name.as_str())?;
            }
        }
    }
    if let Some(purpose) = trip.purpose {
        automerge.put(map, "purpose", purpose.as_str())?;
    }
    if let Some(title) = &trip.title {
        automerge.put(map, "title", title.as_str())?;
    }
    write_provenance(automerge, map, &trip.provenance)?;
    let list = automerge.put_object(map, "sections", ObjType::List)?;
    for (index, section) in trip.sections.iter().enumerate() {
        let map = automerge.insert_object(&list, index, ObjType::Map)?;
        automerge.put(&map, "mode", section.mode.as_str())?;
        automerge.put(&map, "mode_source", section.mode_source.as_str())?;
        automerge.put(&map, "distance_mm", section.distance.get())?;
        write_interval(automerge, &map, section.start, section.end)?;
        if let Some(occupancy) = section.occupancy {
            automerge.put(&map, "occupancy", u64::from(occupancy))?;
        }
    }
    Ok(())
}

fn read_trip(fields: &Fields<'_>, key: &str) -> Result<Trip, BadField> {
    let id: RecordId = key.parse().map_err(|_| BadField("id"))?;
    let (start, end) = fields.interval()?;
    let sections = fields.list("sections")?;
    let sections = sections
        .iter()
        .map(read_section)
        .collect::<Result<_, _>>()?;
    Ok(Trip {
        id,
        start,
        end,
        from: fields.location(FROM)?,
        to: fields.location(TO)?,
        sections,
        purpose: fields
            .text("purpose")?
            .map(|name| Purpose::from_name(&name).ok_or(BadField("purpose")))
            .transpose()?,
        title: fields.text("title")?,
        provenance: fields.provenance()?,
    })
}

fn read_section(fields: &Fields<'_>) -> Result<Section, BadField> {
    let (start, end) = fields.interval()?;
    let mode = fields.text("mode")?.ok_or(BadField("mode"))?;
    let source = fields.text("mode_source")?.ok_or(BadField("mode_source"))?;
    let occupancy = fields.optional("occupancy", |value| u8::try_from(value.as_u64()?).ok())?;
    Ok(Section {
        mode: mode.parse().map_err(|_| BadField("mode"))?,
        mode_source: ModeSource::from_name(&source).ok_or(BadField("mode_source"))?,
        distance: Millimetres(fields.unsigned("distance_mm")?),
        start,
        end,
        occupancy,
    })
}

fn write_reading(
    automerge: &mut AutoCommit,
    map: &ObjId,
    reading: &Reading,
) -> Result<(), AutomergeError> {
    automerge.put(map, "energy_j", reading.energy.get())?;
    // Almost always the zone's own, and then told by the key's instants.
    for (name, moment) in [
        ("start_offset_min", reading.start),
        ("end_offset_min", reading.end),
    ] {
        if Moment::in_zone(moment.at_ms()) != Ok(moment) {
            automerge.put(map, name, i64::from(moment.offset_min()))?;
        }
    }
    write_provenance(automerge, map, &reading.provenance)
}

fn read_reading(fields: &Fields<'_>, key: &str) -> Result<Reading, BadField> {
    let mut parts = key.splitn(4, '/');
    let mut part = |name| parts.next().ok_or(BadField(name));
    let flow = Flow::from_name(part("flow")?).ok_or(BadField("flow"))?;
    let start_ms: i64 = part("start")?.parse().map_err(|_| BadField("start"))?;
    let length_ms: i64 = part("length")?.parse().map_err(|_| BadField("length"))?;
    let meter = part("meter")?.to_owned();
    let moment = |at_ms: i64, offset: &'static str| {
        match fields.optional(offset, |value| i16::try_from(value.as_i64()?).ok())? {
            Some(offset_min) => Moment::new(at_ms, offset_min),
            None => Moment::in_zone(at_ms),
        }
        .map_err(|_| BadField("start"))
    };
    Ok(Reading {
        start: moment(start_ms, "start_offset_min")?,
        end: moment(start_ms.saturating_add(length_ms), "end_offset_min")?,
        energy: Joules(fields.unsigned("energy_j")?),
        flow,
        meter,
        provenance: fields.provenance()?,
    })
}

fn write_interval(
    automerge: &mut AutoCommit,
    map: &ObjId,
    start: Moment,
    end: Moment,
) -> Result<(), AutomergeError> {
    automerge.put(map, "start_ms", start.at_ms())?;
    automerge.put(map, "start_offset_min", i64::from(start.offset_min()))?;
    automerge.put(map, "end_ms", end.at_ms())?;
    automerge.put(map, "end_offset_min", i64::from(end.offset_min()))
}

fn write_provenance(
    automerge: &mut AutoCommit,
    map: &ObjId,
    provenance: &Provenance,
) -> Result<(), AutomergeError> {
    automerge.put(map, "source_format", provenance.format.as_str())?;
    automerge.put(
        map,
        "source_content",
        provenance.content.as_bytes().to_vec(),
    )?;
    automerge.put(map, "source_place", provenance.place.to_string())
}

struct LocationNames {
    latitude: &'static str,
    longitude: &'static str,
    name: &'static str,
}

const FROM: LocationNames = LocationNames {
    latitude: "from_latitude_e7",
    longitude: "from_longitude_e7",
    name: "from_name",
};
const TO: LocationNames = LocationNames {
    latitude: "to_latitude_e7",
    longitude: "to_longitude_e7",
    name: "to_name",
};

/// One map's fields, read in one go: a search for each field takes five times as long.
struct Fields<'a> {
    automerge: &'a AutoCommit,
    fields: BTreeMap<Cow<'a, str>, (Value<'static>, ObjId)>,
}

impl<'a> Fields<'a> {
    fn of(automerge: &'a AutoCommit, map: &ObjId) -> Self {
        let items = automerge.map_range(map, ..);
        let fields = items.map(|item| {
            let id = item.id();
            (item.key, (item.value.into_value(), id))
        });
        Self {
            automerge,
            fields: fields.collect(),
        }
    }

    fn value(&self, name: &'static str) -> Option<&Value<'static>> {
        self.fields.get(name).map(|(value, _)| value)
    }

    /// `Ok(None)` if there is no such field; malformed if `convert` gives nothing.
    fn optional<T>(
        &self,
        name: &'static str,
        convert: impl Fn(&Value<'static>) -> Option<T>,
    ) -> Result<Option<T>, BadField> {
        self.value(name)
            .map(|value| convert(value).ok_or(BadField(name)))
            .transpose()
    }

    fn unsigned(&self, name: &'static str) -> Result<u64, BadField> {
        self.optional(name, Value::as_u64)?.ok_or(BadField(name))
    }

    fn signed(&self, name: &'static str) -> Result<i64, BadField> {
        self.optional(name, Value::as_i64)?.ok_or(BadField(name))
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, BadField> {
        self.optional(name, |value| value.as_str().map(str::to_owned))
    }

    fn interval(&self) -> Result<(Moment, Moment), BadField> {
        let moment = |at: &'static str, offset: &'static str| {
            let offset_min = i16::try_from(self.signed(offset)?).map_err(|_| BadField(offset))?;
            Moment::new(self.signed(at)?, offset_min).map_err(|_| BadField(at))
        };
        Ok((
            moment("start_ms", "start_offset_min")?,
            moment("end_ms", "end_offset_min")?,
        ))
    }

    fn location(&self, names: LocationNames) -> Result<Option<Location>, BadField> {
        let degrees =
            |name: &'static str| self.optional(name, |value| i32::try_from(value.as_i64()?).ok());
        let (latitude, longitude) = (degrees(names.latitude)?, degrees(names.longitude)?);
        let Some((latitude_e7, longitude_e7)) = latitude.zip(longitude) else {
            return Ok(None);
        };
        Ok(Some(Location {
            latitude_e7,
            longitude_e7,
            name: self.text(names.name)?,
        }))
    }

    fn provenance(&self) -> Result<Provenance, BadField> {
        let format = self
            .text("source_format")?
            .ok_or(BadField("source_format"))?;
        let content = self
            .optional("source_content", |value| value.as_bytes()?.try_into().ok())?
            .ok_or(BadField("source_content"))?;
        let place = self.text("source_place")?.ok_or(BadField("source_place"))?;
        Ok(Provenance {
            format: format
                .parse::<Format>()
                .map_err(|_| BadField("source_format"))?,
            content: ContentHash::from_bytes(content),
            place: place
                .parse::<Place>()
                .map_err(|_| BadField("source_place"))?,
        })
    }

    fn list(&self, name: &'static str) -> Result<Vec<Self>, BadField> {
        let (value, list) = self.fields.get(name).ok_or(BadField(name))?;
        if value.to_objtype() != Some(ObjType::List) {
            return Err(BadField(name));
        }
        self.automerge
            .list_range(list, ..)
            .map(|item| match &item.value {
                ValueRef::Object(ObjType::Map) => Ok(Self::of(self.automerge, &item.id())),
                _ => Err(BadField(name)),
            })
            .collect()
    }
}
