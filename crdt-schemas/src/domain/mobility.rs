//! Mobility: trips, cut into sections of one mode each.
//!
//! A trip keeps its two ends, not its whole line: no use of this version needs
//! the points in between, and they tell the most about a life. They stay in the
//! file that was imported.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::record::{Provenance, RecordId};
use crate::time::Moment;
use crate::units::Millimetres;

macro_rules! modes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// How a section was travelled. Text form: a name such as `car-electric`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Mode {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl Mode {
            /// Every mode, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name used in documents, rows and JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

modes! {
    /// Walking.
    Walking = "walking",
    /// Running.
    Running = "running",
    /// On foot, walking or running: what a phone senses.
    OnFoot = "on-foot",
    /// A bicycle without a motor.
    Bicycling = "bicycling",
    /// A bicycle with electric assistance.
    BicyclingElectric = "bicycling-electric",
    /// A stand-up electric scooter.
    ScooterElectric = "scooter-electric",
    /// A car, energy not known or fuel.
    Car = "car",
    /// An electric car.
    CarElectric = "car-electric",
    /// A car shared with someone who would have driven.
    Carpool = "carpool",
    /// An electric car shared.
    CarpoolElectric = "carpool-electric",
    /// A road vehicle, which one not known: what a phone senses.
    InVehicle = "in-vehicle",
    /// A moped, up to 50 cm3.
    Moped = "moped",
    /// A motorbike up to 250 cm3.
    MotorbikeSmall = "motorbike-small",
    /// A motorbike over 250 cm3.
    MotorbikeLarge = "motorbike-large",
    /// A town bus.
    Bus = "bus",
    /// An electric town bus.
    BusElectric = "bus-electric",
    /// A long-distance coach.
    Coach = "coach",
    /// A tram.
    Tramway = "tramway",
    /// A metro.
    Subway = "subway",
    /// A train, which kind not known.
    Train = "train",
    /// A regional train (TER).
    TrainRegional = "train-regional",
    /// A main-line train (Intercités).
    TrainMainLine = "train-main-line",
    /// A high-speed train (TGV).
    TrainHighSpeed = "train-high-speed",
    /// A plane.
    Plane = "plane",
    /// A plane or a high-speed train, which is not known: what a phone senses.
    /// Never counted as either of them on its own.
    AirOrHighSpeedRail = "air-or-high-speed-rail",
    /// Nobody knows. Shown as unknown, never as zero.
    Unknown = "unknown",
}

impl Mode {
    /// What a Coach CO2 or OpenPATH name says: `CAR`, `PredictedModeTypes.TRAIN`,
    /// `MotionTypes.BICYCLING`. `None` for a name that is not one of theirs.
    #[must_use]
    pub fn from_sensed(name: &str) -> Option<Self> {
        let name = name.rsplit('.').next().unwrap_or(name);
        Some(match name.trim().to_ascii_uppercase().as_str() {
            "WALKING" => Self::Walking,
            "RUNNING" => Self::Running,
            "ON_FOOT" => Self::OnFoot,
            "BICYCLING" => Self::Bicycling,
            "BICYCLING_ELECTRIC" => Self::BicyclingElectric,
            "SCOOTER_ELECTRIC" => Self::ScooterElectric,
            "CAR" => Self::Car,
            "CAR_ELECTRIC" => Self::CarElectric,
            "CARPOOL" => Self::Carpool,
            "CARPOOL_ELECTRIC" => Self::CarpoolElectric,
            "IN_VEHICLE" => Self::InVehicle,
            "MOPED" => Self::Moped,
            "MOTO_INF_250" => Self::MotorbikeSmall,
            "MOTO_SUP_250" => Self::MotorbikeLarge,
            "BUS" => Self::Bus,
            "BUS_ELECTRIC" => Self::BusElectric,
            "TRAMWAY" => Self::Tramway,
            "SUBWAY" => Self::Subway,
            "TRAIN" => Self::Train,
            "AIR_OR_HSR" => Self::AirOrHighSpeedRail,
            "UNKNOWN" => Self::Unknown,
            _ => return None,
        })
    }

    /// What the `<type>` of a GPX track says, in the words that apps write.
    /// `None` for a word that names no single mode ("motorcycle", "9", ...).
    #[must_use]
    pub fn from_gpx_type(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        Some(match name.replace(['-', '_'], " ").as_str() {
            "walking" | "walk" | "hiking" | "hike" | "marche" | "randonnée" => Self::Walking,
            "running" | "run" | "trail running" | "jogging" | "course à pied" => Self::Running,
            "on foot" | "foot" | "à pied" => Self::OnFoot,
            "cycling" | "bicycling" | "biking" | "bike" | "bicycle" | "ride" | "road biking"
            | "mountain biking" | "gravel cycling" | "vélo" => Self::Bicycling,
            "e bike" | "ebike" | "e biking" | "e bike fitness" | "ebikeride" | "vae" => {
                Self::BicyclingElectric
            }
            "e scooter" | "escooter" | "trottinette" => Self::ScooterElectric,
            "driving" | "car" | "drive" | "automotive" | "voiture" => Self::Car,
            "electric car" => Self::CarElectric,
            "carpool" | "carpooling" | "covoiturage" => Self::Carpool,
            "in vehicle" | "vehicle" => Self::InVehicle,
            "moped" => Self::Moped,
            "bus" => Self::Bus,
            "coach" | "autocar" => Self::Coach,
            "tram" | "tramway" => Self::Tramway,
            "subway" | "metro" | "métro" => Self::Subway,
            "train" | "rail" => Self::Train,
            "tgv" => Self::TrainHighSpeed,
            "ter" => Self::TrainRegional,
            "plane" | "flight" | "flying" | "airplane" | "avion" => Self::Plane,
            other => return Self::from_str(&other.replace(' ', "-")).ok(),
        })
    }

    /// Whether it names what was travelled closely enough for a factor of its own.
    #[must_use]
    pub const fn is_known(self) -> bool {
        !matches!(
            self,
            Self::Unknown | Self::InVehicle | Self::AirOrHighSpeedRail
        )
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No mode has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no mode of transport is called {0}")]
pub struct UnknownMode(pub String);

impl FromStr for Mode {
    type Err = UnknownMode;
    fn from_str(name: &str) -> Result<Self, UnknownMode> {
        Self::ALL
            .iter()
            .copied()
            .find(|mode| mode.as_str() == name)
            .ok_or_else(|| UnknownMode(name.chars().take(40).collect()))
    }
}

/// Who said which mode it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModeSource {
    /// The person.
    Person,
    /// The file, for the whole track.
    File,
    /// An algorithm, from movement.
    Sensed,
    /// Nobody.
    Nobody,
}

impl ModeSource {
    /// The name used in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::File => "file",
            Self::Sensed => "sensed",
            Self::Nobody => "nobody",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Person, Self::File, Self::Sensed, Self::Nobody]
            .into_iter()
            .find(|it| it.as_str() == name)
    }
}

/// What a trip was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Going home.
    Home,
    /// Between home and work.
    Commute,
    /// For work.
    Work,
    /// To school or studies.
    School,
    /// Shopping.
    Shopping,
    /// A meal out.
    Meal,
    /// Taking or fetching someone.
    PickDrop,
    /// A doctor, a formality.
    Personal,
    /// Sport.
    Exercise,
    /// Leisure.
    Leisure,
    /// Something else.
    Other,
}

impl Purpose {
    const ALL: [Self; 11] = [
        Self::Home,
        Self::Commute,
        Self::Work,
        Self::School,
        Self::Shopping,
        Self::Meal,
        Self::PickDrop,
        Self::Personal,
        Self::Exercise,
        Self::Leisure,
        Self::Other,
    ];

    /// The name used in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Commute => "commute",
            Self::Work => "work",
            Self::School => "school",
            Self::Shopping => "shopping",
            Self::Meal => "meal",
            Self::PickDrop => "pick-drop",
            Self::Personal => "personal",
            Self::Exercise => "exercise",
            Self::Leisure => "leisure",
            Self::Other => "other",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// What a Coach CO2 or OpenPATH purpose says; what is not one of theirs is [`Purpose::Other`].
    #[must_use]
    pub fn from_manual(name: &str) -> Self {
        match name.trim().to_ascii_uppercase().as_str() {
            "HOME" => Self::Home,
            "COMMUTE" => Self::Commute,
            "WORK" => Self::Work,
            "SCHOOL" => Self::School,
            "SHOPPING" => Self::Shopping,
            "MEAL" => Self::Meal,
            "PICKDROP" | "PICK_DROP" => Self::PickDrop,
            "PERSONALMED" | "PERSONAL_MED" => Self::Personal,
            "EXERCISE" | "RECREATION" => Self::Exercise,
            "ENTERTAINMENT" => Self::Leisure,
            _ => Self::Other,
        }
    }
}

/// A point on Earth, WGS 84, in ten-millionths of a degree (about 1 cm). Never
/// leaves through a lens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees north × 10 000 000.
    pub latitude_e7: i32,
    /// Degrees east × 10 000 000.
    pub longitude_e7: i32,
    /// What the source calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Location {
    /// `None` unless both are degrees on Earth.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "180 × 10^7 fits an i32, and the range is checked first"
    )]
    pub fn from_degrees(latitude: f64, longitude: f64, name: Option<String>) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        on_earth.then(|| Self {
            latitude_e7: (latitude * 1e7).round() as i32,
            longitude_e7: (longitude * 1e7).round() as i32,
            name,
        })
    }
}

/// A part of a trip, of one mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// How it was travelled.
    pub mode: Mode,
    /// Who said so.
    pub mode_source: ModeSource,
    /// How far.
    #[serde(rename = "distance_mm")]
    pub distance: Millimetres,
    /// When it began.
    pub start: Moment,
    /// When it ended; never before `start`.
    pub end: Moment,
    /// People in the vehicle, the person included; `None` if nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occupancy: Option<u8>,
}

/// One way from one place to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trip {
    /// The same whenever the same trip is imported.
    pub id: RecordId,
    /// When it began; it decides the month and the week.
    pub start: Moment,
    /// When it ended; never before `start`.
    pub end: Moment,
    /// Where it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Location>,
    /// Where it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Location>,
    /// Its parts, in order.
    pub sections: Vec<Section>,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// What its source calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl Trip {
    /// The sum of its sections' distances.
    #[must_use]
    pub fn distance(&self) -> Millimetres {
        self.sections.iter().map(|section| section.distance).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_reads_back_from_its_name() {
        for &mode in Mode::ALL {
            assert_eq!(mode.to_string().parse::<Mode>().unwrap(), mode);
            assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
        }
        assert_eq!("CAR".parse::<Mode>(), Err(UnknownMode("CAR".into())));
    }

    #[test]
    fn the_words_of_coach_co2_and_of_gpx_apps_are_understood() {
        assert_eq!(
            Mode::from_sensed("PredictedModeTypes.TRAIN"),
            Some(Mode::Train)
        );
        assert_eq!(
            Mode::from_sensed("AIR_OR_HSR"),
            Some(Mode::AirOrHighSpeedRail)
        );
        assert_eq!(Mode::from_sensed("TELEPORT"), None);
        assert_eq!(Mode::from_gpx_type("Cycling"), Some(Mode::Bicycling));
        assert_eq!(Mode::from_gpx_type("trail_running"), Some(Mode::Running));
        assert_eq!(Mode::from_gpx_type("car-electric"), Some(Mode::CarElectric));
        assert_eq!(
            Mode::from_gpx_type("motorcycle"),
            None,
            "small or large is not said"
        );
        assert_eq!(Mode::from_gpx_type("t"), None);
    }

    #[test]
    fn a_location_is_on_earth_or_absent() {
        assert!(Location::from_degrees(90.0, -180.0, None).is_some());
        for (lat, lon) in [
            (f64::NAN, 0.0),
            (91.0, 0.0),
            (0.0, 180.1),
            (0.0, f64::INFINITY),
        ] {
            assert_eq!(Location::from_degrees(lat, lon, None), None);
        }
    }
}
