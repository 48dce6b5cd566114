//! The figures of Coach CO2 v0.24.0 (2024-12-05), for comparison with that app;
//! figures only, no code of it. Direct use only, per person, a carpool half a car.
//!
//! Kept as that app has them, two traps included: a plane or a fast train, unknown
//! which, counts as a plane, and a vehicle, unknown which, as a car. Its zero for
//! an unknown mode is not kept: unknown stays unknown here too. It has no figure
//! for electricity, coaches and kinds of trains; electricity is ADEME's.

use super::{Factor, FactorSet, FactorSetId, Per, Scope, base_carbone_v22};
use crate::domain::mobility::Mode;

const fn factor(micrograms_per_m: u64) -> Factor {
    Factor {
        id: "-",
        micrograms_per_m,
        per: Per::Person,
        scope: Scope::Use,
        uncertainty_pct: None,
        validity: "2024-12-05",
    }
}

pub(super) static SET: FactorSet = FactorSet {
    id: FactorSetId::CoachCo2,
    version: "Coach CO2 v0.24.0",
    source: "Cozy Cloud, Coach CO2 v0.24.0, after ADEME Base Carbone",
    licence: "figures only",
    modes: &[
        (Mode::Walking, factor(0)),
        (Mode::Running, factor(0)),
        (Mode::OnFoot, factor(0)),
        (Mode::Bicycling, factor(0)),
        (Mode::BicyclingElectric, factor(0)),
        (Mode::ScooterElectric, factor(0)),
        (Mode::Car, factor(192_000)),
        (Mode::InVehicle, factor(192_000)),
        (Mode::CarElectric, factor(19_800)),
        (Mode::Carpool, factor(96_000)),
        (Mode::CarpoolElectric, factor(9_900)),
        (Mode::Moped, factor(64_000)),
        (Mode::MotorbikeSmall, factor(60_400)),
        (Mode::MotorbikeLarge, factor(165_000)),
        (Mode::Bus, factor(137_330)),
        (Mode::BusElectric, factor(21_700)),
        (Mode::Tramway, factor(3_000)),
        (Mode::Subway, factor(3_300)),
        (Mode::Train, factor(10_610)),
    ],
    flights: [factor(258_000), factor(187_000), factor(152_000)],
    flying: &[Mode::Plane, Mode::AirOrHighSpeedRail],
    electricity: base_carbone_v22::ELECTRICITY,
};
