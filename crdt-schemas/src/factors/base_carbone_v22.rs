//! ADEME, Base Carbone V22.0 (Licence Ouverte 2.0): transport of persons and
//! electricity, France (continental), kg CO2e per km × 10^6 = µg/m.
//!
//! Choices where the source distinguishes what we do not know:
//!
//! | mode | taken | why |
//! |---|---|---|
//! | bus | mean of 27998, 27999, 28000 | the size of the town is not known; ±60 % holds all three |
//! | tram, metro | 28151, towns over 250 000 | holds the Paris figures (28147, 28148) within its ±60 % |
//! | train | mean of 28144, 28145, 28146 | TGV, main line and TER lie a factor of 12 apart; ±135 % holds all three |
//! | electric car | 28007, compact | the range of car is not known |
//! | on foot, bicycle | 0 | no fuel; Base Carbone has no entry |
//! | a vehicle, plane or fast train, unknown | none | unknown is not zero, and a TGV is no plane |

use super::{ElectricityFactor, Factor, FactorSet, FactorSetId, Per, Scope};
use crate::domain::mobility::Mode;

const fn factor(
    id: &'static str,
    micrograms_per_m: u64,
    per: Per,
    uncertainty_pct: u16,
    validity: &'static str,
) -> Factor {
    Factor {
        id,
        micrograms_per_m,
        per,
        scope: Scope::Use,
        uncertainty_pct: Some(uncertainty_pct),
        validity,
    }
}

const fn with_making(mut it: Factor) -> Factor {
    it.scope = Scope::UseAndMaking;
    it
}

const NOTHING: Factor = factor("-", 0, Per::Person, 0, "-");
const CAR: Factor = factor("27970", 218_000, Per::Vehicle, 60, "avr-21");
const CAR_ELECTRIC: Factor = with_making(factor("28007", 103_000, Per::Vehicle, 70, "avr-21"));
const URBAN_RAIL: Factor = factor("28151", 3_290, Per::Person, 60, "avr-21");

/// Electricity drawn from the grid of France.
pub(super) const ELECTRICITY: ElectricityFactor = ElectricityFactor {
    id: "37091",
    milligrams_per_kwh: 56_900,
    uncertainty_pct: Some(10),
    validity: "2021 - mix moyen, consommation",
};

pub(super) static SET: FactorSet = FactorSet {
    id: FactorSetId::BaseCarboneV22,
    version: "Base Carbone V22.0",
    source: "ADEME, Base Carbone V22.0",
    licence: "Licence Ouverte 2.0",
    modes: &[
        (Mode::Walking, NOTHING),
        (Mode::Running, NOTHING),
        (Mode::OnFoot, NOTHING),
        (Mode::Bicycling, NOTHING),
        (
            Mode::BicyclingElectric,
            with_making(factor("28331", 11_000, Per::Vehicle, 50, "20/12/2023")),
        ),
        (
            Mode::ScooterElectric,
            with_making(factor("28329", 24_900, Per::Vehicle, 50, "20/12/2023")),
        ),
        (Mode::Car, CAR),
        (Mode::Carpool, CAR),
        (Mode::CarElectric, CAR_ELECTRIC),
        (Mode::CarpoolElectric, CAR_ELECTRIC),
        (
            Mode::Moped,
            factor("27989", 76_300, Per::Vehicle, 60, "avr-21"),
        ),
        (
            Mode::MotorbikeSmall,
            factor("27992", 76_300, Per::Vehicle, 60, "avr-21"),
        ),
        (
            Mode::MotorbikeLarge,
            factor("27995", 191_000, Per::Vehicle, 60, "avr-21"),
        ),
        (
            Mode::Bus,
            factor("27998+27999+28000", 166_667, Per::Person, 60, "avr-22"),
        ),
        (
            Mode::BusElectric,
            factor("28003", 21_700, Per::Person, 70, "avr-21"),
        ),
        (
            Mode::Coach,
            factor("28006", 29_500, Per::Person, 60, "avr-21"),
        ),
        (Mode::Tramway, URBAN_RAIL),
        (Mode::Subway, URBAN_RAIL),
        (
            Mode::Train,
            factor("28144+28145+28146", 12_627, Per::Person, 135, "avr-21"),
        ),
        (
            Mode::TrainMainLine,
            factor("28144", 5_920, Per::Person, 20, "avr-21"),
        ),
        (
            Mode::TrainHighSpeed,
            factor("28145", 2_360, Per::Person, 20, "avr-21"),
        ),
        (
            Mode::TrainRegional,
            factor("28146", 29_600, Per::Person, 60, "avr-21"),
        ),
    ],
    // With condensation trails.
    flights: [
        factor("28130", 259_000, Per::Person, 70, "31-mars-21"),
        factor("28132", 187_000, Per::Person, 70, "31-mars-21"),
        factor("28134", 152_000, Per::Person, 70, "31-mars-21"),
    ],
    flying: &[Mode::Plane],
    electricity: ELECTRICITY,
};
