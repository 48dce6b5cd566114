//! Integers with a unit. Serialised as the bare integer, in a field that ends
//! with the unit (`distance_mm`, `co2e_mg`, `energy_j`).

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The bare number, in the unit that the type names.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The nearest multiple of `step`, halves up. `step` 0 or 1 changes nothing.
            #[must_use]
            pub const fn rounded_to(self, step: u64) -> Self {
                if step < 2 {
                    return self;
                }
                Self(self.0.saturating_add(step / 2) / step * step)
            }
        }

        impl Add for $name {
            type Output = Self;
            /// Stays at the largest value instead of wrapping around.
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                items.fold(Self(0), Add::add)
            }
        }
    };
}

unit! {
    /// A length, in whole millimetres.
    Millimetres
}

unit! {
    /// Greenhouse gas mass, in whole milligrams of CO2-equivalent.
    MilligramsCo2e
}

unit! {
    /// Energy, in whole joules: 3 600 000 to the kWh, and a mean of W watts over
    /// half an hour is W × 1 800 J exactly.
    Joules
}

impl Millimetres {
    /// Nearest whole millimetre to `metres`; `None` for what is no distance on
    /// Earth: negative, not a number, or over 100 000 km.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked first"
    )]
    pub fn from_metres(metres: f64) -> Option<Self> {
        (0.0..=1e8)
            .contains(&metres)
            .then(|| Self((metres * 1e3).round() as u64))
    }
}

impl Joules {
    /// Joules in a kilowatt-hour.
    pub const PER_KWH: u64 = 3_600_000;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_stays_at_the_largest_value_instead_of_wrapping() {
        assert_eq!(Joules(u64::MAX) + Joules(1), Joules(u64::MAX));
        assert_eq!(
            Millimetres(u64::MAX).rounded_to(100),
            Millimetres(u64::MAX / 100 * 100)
        );
    }

    #[test]
    fn rounding_takes_halves_up() {
        assert_eq!(
            Millimetres(149_999).rounded_to(100_000),
            Millimetres(100_000)
        );
        assert_eq!(
            Millimetres(150_000).rounded_to(100_000),
            Millimetres(200_000)
        );
        assert_eq!(Millimetres(7).rounded_to(0), Millimetres(7));
    }

    #[test]
    fn what_is_no_distance_on_earth_is_refused() {
        assert_eq!(Millimetres::from_metres(0.0005), Some(Millimetres(1)));
        for bad in [-0.001, f64::NAN, f64::INFINITY, 1.1e8] {
            assert_eq!(Millimetres::from_metres(bad), None, "{bad}");
        }
    }
}
