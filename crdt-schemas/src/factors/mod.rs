//! Emission factors, and the footprint they give.
//!
//! A factor set is a table in a file of its own, with source, version and validity
//! of every figure: [`FactorSetId::BaseCarboneV22`] (`base_carbone_v22.rs`) and
//! [`FactorSetId::CoachCo2`] (`coach_co2.rs`, for comparison).
//!
//! Factors are whole micrograms per metre: 0.218 kg/km is 218 000 µg/m. Per vehicle
//! they are divided by the people aboard; nobody said how many: one, and two for a
//! carpool, which with fewer would be none. What a mode leaves open
//! ([`Mode::is_known`] false) has no figure in Base Carbone: it shows as unknown,
//! never as zero, and a high-speed train is never counted as a plane.

mod base_carbone_v22;
mod coach_co2;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::document::Month;
use crate::domain::energy::Flow;
use crate::domain::mobility::{Mode, Section};
use crate::record::Record;
use crate::units::{Joules, MilligramsCo2e, Millimetres};

/// Longest flight that counts as short, and as medium (Base Carbone's and Coach CO2's classes).
const SHORT_FLIGHT_MAX: Millimetres = Millimetres(1_000_000_000);
const MEDIUM_FLIGHT_MAX: Millimetres = Millimetres(3_500_000_000);

/// Names a factor set. Text form: `base-carbone-v22`, `coach-co2`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum FactorSetId {
    /// ADEME's Base Carbone V22.0.
    #[default]
    #[serde(rename = "base-carbone-v22")]
    BaseCarboneV22,
    /// The figures of Coach CO2 v0.24.0, for comparison with that app.
    #[serde(rename = "coach-co2")]
    CoachCo2,
}

impl FactorSetId {
    /// Every factor set.
    pub const ALL: &'static [Self] = &[Self::BaseCarboneV22, Self::CoachCo2];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BaseCarboneV22 => "base-carbone-v22",
            Self::CoachCo2 => "coach-co2",
        }
    }

    /// The set itself.
    #[must_use]
    pub fn set(self) -> &'static FactorSet {
        match self {
            Self::BaseCarboneV22 => &base_carbone_v22::SET,
            Self::CoachCo2 => &coach_co2::SET,
        }
    }
}

impl fmt::Display for FactorSetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No factor set has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no factor set is called {0}: base-carbone-v22 or coach-co2")]
pub struct UnknownFactorSet(pub String);

impl FromStr for FactorSetId {
    type Err = UnknownFactorSet;
    fn from_str(name: &str) -> Result<Self, UnknownFactorSet> {
        Self::ALL
            .iter()
            .copied()
            .find(|it| it.as_str() == name)
            .ok_or_else(|| UnknownFactorSet(name.chars().take(40).collect()))
    }
}

/// What a factor counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Fuel or electricity, its production included.
    Use,
    /// The above and the making of the vehicle.
    UseAndMaking,
}

/// For whom a factor counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// One person.
    Person,
    /// The whole vehicle: divided by the people aboard.
    Vehicle,
}

/// One figure of a factor set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Factor {
    /// Its id in the source, several joined by `+` when it is their mean; `-` if the source gives none.
    pub id: &'static str,
    /// Micrograms of CO2-equivalent per metre.
    pub micrograms_per_m: u64,
    /// Per person or per vehicle.
    pub per: Per,
    /// What it counts.
    pub scope: Scope,
    /// Plus or minus, in percent; `None` if the source gives none.
    pub uncertainty_pct: Option<u16>,
    /// Until when the source vouches for it, in its own words.
    pub validity: &'static str,
}

/// The factor of electricity from the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ElectricityFactor {
    /// Its id in the source.
    pub id: &'static str,
    /// Milligrams of CO2-equivalent per kilowatt-hour.
    pub milligrams_per_kwh: u64,
    /// Plus or minus, in percent.
    pub uncertainty_pct: Option<u16>,
    /// Which mix it counts, in the words of the source.
    pub validity: &'static str,
}

/// A versioned table of factors.
#[derive(Debug)]
pub struct FactorSet {
    /// Its id here.
    pub id: FactorSetId,
    /// Name and version of the source.
    pub version: &'static str,
    /// Who made it, and where it was read.
    pub source: &'static str,
    /// The licence of the figures.
    pub licence: &'static str,
    /// The figure of each mode that has one.
    modes: &'static [(Mode, Factor)],
    /// Planes: short, medium, long.
    flights: [Factor; 3],
    /// Modes counted as flights by distance.
    flying: &'static [Mode],
    /// Electricity from the grid.
    pub electricity: ElectricityFactor,
}

impl FactorSet {
    /// The factor for `distance` in one go by `mode`; `None` if the set has no figure for it.
    #[must_use]
    pub fn factor(&self, mode: Mode, distance: Millimetres) -> Option<&Factor> {
        if self.flying.contains(&mode) {
            let class = usize::from(distance > SHORT_FLIGHT_MAX)
                + usize::from(distance > MEDIUM_FLIGHT_MAX);
            return Some(&self.flights[class]);
        }
        self.modes
            .iter()
            .find(|(it, _)| *it == mode)
            .map(|(_, factor)| factor)
    }

    /// What `section` emits for one person aboard; `None`: unknown, which is not zero.
    #[must_use]
    pub fn section_co2e(&self, section: &Section) -> Option<MilligramsCo2e> {
        let factor = self.factor(section.mode, section.distance)?;
        let aboard = match (factor.per, section.occupancy) {
            (Per::Person, _) => 1,
            (Per::Vehicle, Some(aboard)) => u64::from(aboard.max(1)),
            (Per::Vehicle, None) => people_aboard_if_unsaid(section.mode),
        };
        // µg/m × mm = nanograms; 10^6 of them are a milligram.
        let divisor = 1_000_000 * u128::from(aboard);
        let product = u128::from(factor.micrograms_per_m) * u128::from(section.distance.get());
        Some(MilligramsCo2e(
            u64::try_from((product + divisor / 2) / divisor).unwrap_or(u64::MAX),
        ))
    }

    /// What the set says about itself, for an answer.
    #[must_use]
    pub fn info(&self) -> FactorSetInfo {
        FactorSetInfo {
            id: self.id,
            version: self.version.to_owned(),
            source: self.source.to_owned(),
            licence: self.licence.to_owned(),
        }
    }
}

fn people_aboard_if_unsaid(mode: Mode) -> u64 {
    match mode {
        Mode::Carpool | Mode::CarpoolElectric => 2,
        _ => 1,
    }
}

/// Which factor set an answer was counted with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorSetInfo {
    /// Its id.
    pub id: FactorSetId,
    /// Name and version of the source.
    pub version: String,
    /// Who made it.
    pub source: String,
    /// The licence of the figures.
    pub licence: String,
}

/// A factor that an answer used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorUsed {
    /// Its id in the source.
    pub id: String,
    /// Micrograms of CO2-equivalent per metre (µg/m = 10^-6 kg/km).
    pub micrograms_per_m: u64,
    /// Per person or per vehicle.
    pub per: Per,
    /// What it counts.
    pub scope: Scope,
    /// Plus or minus, in percent.
    pub uncertainty_pct: Option<u16>,
    /// Until when the source vouches for it, in its own words.
    pub validity: String,
}

impl From<&Factor> for FactorUsed {
    fn from(factor: &Factor) -> Self {
        Self {
            id: factor.id.to_owned(),
            micrograms_per_m: factor.micrograms_per_m,
            per: factor.per,
            scope: factor.scope,
            uncertainty_pct: factor.uncertainty_pct,
            validity: factor.validity.to_owned(),
        }
    }
}

/// Emissions of trips, by month and mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footprint {
    /// What it was counted with.
    pub factors: FactorSetInfo,
    /// Months that have a trip.
    pub months: BTreeMap<Month, MonthFootprint>,
}

/// Emissions of one month's trips.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthFootprint {
    /// Trips that start in it.
    pub trips: u64,
    /// By mode; a trip of two modes counts in both.
    pub modes: BTreeMap<Mode, ModeFootprint>,
    /// Of all sections.
    #[serde(rename = "distance_mm")]
    pub distance: Millimetres,
    /// Of the sections that have no figure.
    #[serde(rename = "unknown_distance_mm")]
    pub unknown_distance: Millimetres,
    /// Of the sections that have a figure; the others add to it, nobody knows how much.
    #[serde(rename = "co2e_mg")]
    pub co2e: MilligramsCo2e,
    /// `co2e` by the uncertainty of its factors; `None` if one of them has none given.
    pub range: Option<Range>,
}

/// Emissions of one mode in one month.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeFootprint {
    /// Trips that have a section of it.
    pub trips: u64,
    /// Of its sections.
    #[serde(rename = "distance_mm")]
    pub distance: Millimetres,
    /// `None`: unknown, which is not zero.
    #[serde(rename = "co2e_mg")]
    pub co2e: Option<MilligramsCo2e>,
    /// `co2e` by the uncertainty of its factors; `None` if unknown.
    pub range: Option<Range>,
    /// The factors used; several for flights of several lengths.
    pub factors: Vec<FactorUsed>,
}

/// From the lowest to the highest that the uncertainty of the factors allows, all
/// of them erring the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The lowest.
    #[serde(rename = "low_mg")]
    pub low: MilligramsCo2e,
    /// The highest.
    #[serde(rename = "high_mg")]
    pub high: MilligramsCo2e,
}

impl Range {
    fn of(co2e: MilligramsCo2e, factor: &Factor) -> Option<Self> {
        let by = u128::from(co2e.get()) * u128::from(factor.uncertainty_pct?) / 100;
        let by = u64::try_from(by).unwrap_or(u64::MAX);
        Some(Self {
            low: MilligramsCo2e(co2e.get().saturating_sub(by)),
            high: co2e + MilligramsCo2e(by),
        })
    }

    fn plus(self, other: Self) -> Self {
        Self {
            low: self.low + other.low,
            high: self.high + other.high,
        }
    }
}

/// The footprint of the trips among `records`, counted with `factors`.
#[must_use]
pub fn footprint(records: &[Record], factors: FactorSetId) -> Footprint {
    let set = factors.set();
    let mut months: BTreeMap<Month, MonthFootprint> = BTreeMap::new();
    for record in records {
        let Record::Trip(trip) = record else { continue };
        let month = months
            .entry(Month::of(trip.start))
            .or_insert_with(|| MonthFootprint {
                range: Some(Range::default()),
                ..MonthFootprint::default()
            });
        month.trips += 1;
        for (index, section) in trip.sections.iter().enumerate() {
            let first = !trip.sections[..index]
                .iter()
                .any(|before| before.mode == section.mode);
            add_section(month, set, section, first);
        }
    }
    Footprint {
        factors: set.info(),
        months,
    }
}

fn add_section(
    month: &mut MonthFootprint,
    set: &FactorSet,
    section: &Section,
    first_of_mode: bool,
) {
    let mode = month.modes.entry(section.mode).or_default();
    let new = mode.trips == 0;
    mode.trips += u64::from(first_of_mode);
    mode.distance += section.distance;
    month.distance += section.distance;
    let figures = set
        .factor(section.mode, section.distance)
        .zip(set.section_co2e(section));
    let Some((factor, co2e)) = figures else {
        month.unknown_distance += section.distance;
        return;
    };
    let range = Range::of(co2e, factor);
    month.co2e += co2e;
    month.range = month.range.zip(range).map(|(sum, it)| sum.plus(it));
    mode.co2e = Some(mode.co2e.unwrap_or_default() + co2e);
    mode.range = if new {
        range
    } else {
        mode.range.zip(range).map(|(sum, it)| sum.plus(it))
    };
    let used = FactorUsed::from(factor);
    if !mode.factors.contains(&used) {
        mode.factors.push(used);
    }
}

/// What `energy` from the grid emits.
#[must_use]
pub fn electricity_co2e(energy: Joules, factors: FactorSetId) -> MilligramsCo2e {
    let product =
        u128::from(energy.get()) * u128::from(factors.set().electricity.milligrams_per_kwh);
    let per_kwh = u128::from(Joules::PER_KWH);
    MilligramsCo2e(u64::try_from((product + per_kwh / 2) / per_kwh).unwrap_or(u64::MAX))
}

/// Electricity drawn from the grid among `records`, by month of the start of the
/// interval: how many readings, energy, emissions. What was fed in is not counted.
#[must_use]
pub fn electricity_by_month(
    records: &[Record],
    factors: FactorSetId,
) -> BTreeMap<Month, (u64, Joules, MilligramsCo2e)> {
    let mut months: BTreeMap<Month, (u64, Joules)> = BTreeMap::new();
    for record in records {
        if let Record::Reading(reading) = record
            && reading.flow == Flow::Consumed
        {
            let (count, energy) = months.entry(Month::of(reading.start)).or_default();
            *count += 1;
            *energy += reading.energy;
        }
    }
    let emitting =
        |(month, (count, energy))| (month, (count, energy, electricity_co2e(energy, factors)));
    months.into_iter().map(emitting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mobility::{ModeSource, Trip};
    use crate::import::{Format, Place};
    use crate::record::{ContentHash, Provenance, RecordId};
    use crate::time::Moment;

    fn section(mode: Mode, metres: f64) -> Section {
        let start: Moment = "2026-09-01T08:00:00+02:00".parse().unwrap();
        let distance = Millimetres::from_metres(metres).unwrap();
        Section {
            mode,
            mode_source: ModeSource::Sensed,
            distance,
            start,
            end: start,
            occupancy: None,
        }
    }

    fn trip(sections: Vec<Section>) -> Record {
        let start = sections[0].start;
        Record::Trip(Trip {
            id: RecordId::from_bytes([0; 32]),
            start,
            end: start,
            from: None,
            to: None,
            sections,
            purpose: None,
            title: None,
            provenance: Provenance {
                format: Format::Gpx,
                content: ContentHash::of(b""),
                place: Place::File,
            },
        })
    }

    fn mg(set: FactorSetId, section: &Section) -> Option<u64> {
        set.set().section_co2e(section).map(MilligramsCo2e::get)
    }

    #[test]
    fn a_car_emits_what_coach_co2_expects() {
        assert_eq!(
            mg(FactorSetId::CoachCo2, &section(Mode::Car, 14_789.0)),
            Some(2_839_488)
        );
    }

    #[test]
    fn a_car_is_divided_by_the_people_aboard_and_a_carpool_has_two_at_least() {
        let mut car = section(Mode::Car, 1_000.0);
        assert_eq!(mg(FactorSetId::BaseCarboneV22, &car), Some(218_000));
        car.occupancy = Some(4);
        assert_eq!(mg(FactorSetId::BaseCarboneV22, &car), Some(54_500));
        car.occupancy = Some(0);
        assert_eq!(mg(FactorSetId::BaseCarboneV22, &car), Some(218_000));
        let carpool = section(Mode::Carpool, 1_000.0);
        assert_eq!(mg(FactorSetId::BaseCarboneV22, &carpool), Some(109_000));
        assert_eq!(mg(FactorSetId::CoachCo2, &carpool), Some(96_000));
    }

    #[test]
    fn flights_change_class_at_1000_and_3500_km() {
        for (km, micrograms) in [
            (1_000.0, 259),
            (1_001.0, 187),
            (3_500.0, 187),
            (3_501.0, 152),
        ] {
            let flight = section(Mode::Plane, km * 1e3);
            let expected = FactorSetId::BaseCarboneV22
                .set()
                .factor(Mode::Plane, flight.distance);
            assert_eq!(
                expected.unwrap().micrograms_per_m,
                micrograms * 1_000,
                "{km} km"
            );
        }
    }

    #[test]
    fn what_the_mode_leaves_open_is_unknown_and_never_a_plane() {
        for &mode in Mode::ALL {
            let known = mg(FactorSetId::BaseCarboneV22, &section(mode, 500_000.0)).is_some();
            assert_eq!(known, mode.is_known(), "{mode}");
        }
        // 500 km by TGV: 1.18 kg, not the 129 kg that the app shows.
        let tgv = section(Mode::TrainHighSpeed, 500_000.0);
        assert_eq!(mg(FactorSetId::BaseCarboneV22, &tgv), Some(1_180_000));
        assert_eq!(
            mg(FactorSetId::CoachCo2, &section(Mode::Unknown, 1.0)),
            None
        );
    }

    #[test]
    fn the_longest_distance_neither_wraps_nor_panics() {
        let mut far = section(Mode::Plane, 1.0);
        far.distance = Millimetres(u64::MAX);
        assert_eq!(
            mg(FactorSetId::BaseCarboneV22, &far),
            Some(2_803_905_099_203_851_845)
        );
        let range = Range::of(MilligramsCo2e(u64::MAX), &base_carbone_v22::SET.flights[0]).unwrap();
        assert_eq!(range.high.get(), u64::MAX);
    }

    #[test]
    fn a_month_sums_what_is_known_and_tells_what_is_not() {
        let records = [
            trip(vec![
                section(Mode::Car, 10_000.0),
                section(Mode::Walking, 500.0),
                section(Mode::Car, 1.0),
            ]),
            trip(vec![section(Mode::Unknown, 7_000.0)]),
        ];
        let footprint = footprint(&records, FactorSetId::BaseCarboneV22);
        let month = &footprint.months[&"2026-09".parse().unwrap()];
        assert_eq!((month.trips, month.modes[&Mode::Car].trips), (2, 1));
        assert_eq!(month.co2e, MilligramsCo2e(2_180_218));
        assert_eq!(month.modes[&Mode::Unknown].co2e, None);
        assert_eq!(month.modes[&Mode::Walking].co2e, Some(MilligramsCo2e(0)));
        assert_eq!(month.unknown_distance, Millimetres(7_000_000));
        let range = month.range.unwrap();
        assert_eq!((range.low.get(), range.high.get()), (872_088, 3_488_348));
        assert_eq!(month.modes[&Mode::Car].factors[0].id, "27970");
        let json = serde_json::to_string(&footprint).unwrap();
        assert_eq!(serde_json::from_str::<Footprint>(&json).unwrap(), footprint);
    }

    #[test]
    fn coach_co2_gives_no_uncertainty_and_so_no_range() {
        let footprint = footprint(
            &[trip(vec![section(Mode::Car, 1.0)])],
            FactorSetId::CoachCo2,
        );
        assert_eq!(footprint.months.values().next().unwrap().range, None);
    }

    #[test]
    fn electricity_emits_what_the_mix_of_2021_does() {
        // 5 576.487 kWh at 0.0569 kg.
        let energy = Joules(20_075_353_200_000 / 1_000);
        assert_eq!(
            electricity_co2e(energy, FactorSetId::BaseCarboneV22).get() / 1_000,
            317_302
        );
    }
}
