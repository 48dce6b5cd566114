//! Values of a scenario file that carry a unit and a range: what does not fit is refused where it
//! stands, with what would fit.

use serde::Deserialize;

use crate::clock::VirtualSpan;

/// A length of time, as in `"250ms"`, `"40s"`, `"15m"`, `"24h"`, `"7d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(pub VirtualSpan);

/// Longest length of time that a scenario may name.
const SPAN_MAX_DAYS: u64 = 366;

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(VirtualSpan::ZERO);

    /// Whole microseconds.
    pub fn as_micros(self) -> u64 {
        self.0.as_micros()
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no length of time: a whole number and ms, s, m, h or d, \
                 such as \"250ms\" or \"24h\", at most \"{SPAN_MAX_DAYS}d\""
            )
        };
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(unit_at);
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        let span = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(millis))
            .filter(|millis| *millis <= SPAN_MAX_DAYS * 86_400_000)
            .ok_or_else(wrong)?;
        Ok(Self(VirtualSpan::from_millis(span)))
    }
}

/// A share of a whole, 0 to 1, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Number")]
pub struct Fraction(pub u32);

/// TOML tells `1` and `1.0` apart; people do not.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum Number {
    Whole(i64),
    Broken(f64),
}

impl Fraction {
    /// The whole.
    pub const ALL: Self = Self(1_000_000);

    /// This share of `count`, rounded up.
    pub fn of(self, count: usize) -> usize {
        let part = (count as u64 * u64::from(self.0)).div_ceil(1_000_000);
        usize::try_from(part).unwrap_or(count)
    }
}

impl TryFrom<Number> for Fraction {
    type Error = String;

    fn try_from(number: Number) -> Result<Self, String> {
        // Through the decimal text: nothing here computes with floats.
        let text = match number {
            Number::Whole(whole) => format!("{whole}.000000"),
            Number::Broken(broken) => format!("{broken:.6}"),
        };
        let ppm = text.replace('.', "").parse::<u32>();
        ppm.ok()
            .filter(|ppm| *ppm <= Self::ALL.0)
            .map(Self)
            .ok_or_else(|| format!("{number} is not a fraction from 0 to 1"))
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(whole) => whole.fmt(f),
            Self::Broken(broken) => broken.fmt(f),
        }
    }
}

/// What passes in a second, as in `"500kbit"`, `"20Mbit"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate {
    /// Bytes per second.
    pub bytes_per_s: u64,
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let units = [("kbit", 1_000 / 8), ("Mbit", 1_000_000 / 8)];
        let read = |(unit, bytes): &(&str, u64)| {
            let number = text.strip_suffix(unit)?.parse::<u64>().ok()?;
            (1..=10_000).contains(&number).then_some(Self {
                bytes_per_s: number * bytes,
            })
        };
        units.iter().find_map(read).ok_or_else(|| {
            format!("{text:?} is no rate: 1 to 10000 and kbit or Mbit, such as \"20Mbit\"")
        })
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "i64")]
pub struct Whole<const MIN: u32, const MAX: u32>(pub u32);

impl<const MIN: u32, const MAX: u32> TryFrom<i64> for Whole<MIN, MAX> {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        u32::try_from(number)
            .ok()
            .filter(|number| (MIN..=MAX).contains(number))
            .map(Self)
            .ok_or_else(|| format!("{number} is not within {MIN} to {MAX}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_their_unit_and_bounded() {
        let micros = |text: &str| Span::try_from(text.to_owned()).map(Span::as_micros);
        assert_eq!(micros("250ms"), Ok(250_000));
        assert_eq!(micros("15m"), Ok(900_000_000));
        assert_eq!(micros("366d"), Ok(366 * 86_400_000_000));
        for wrong in [
            "367d",
            "15",
            "m",
            "1.5h",
            "-3s",
            "3 s",
            "3w",
            "",
            "99999999999999999999s",
        ] {
            assert!(
                micros(wrong).is_err_and(|told| told.contains("24h")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn rates_are_read_with_their_unit() {
        let rate = |text: &str| Rate::try_from(text.to_owned()).map(|rate| rate.bytes_per_s);
        assert_eq!(rate("20Mbit"), Ok(2_500_000));
        assert_eq!(rate("500kbit"), Ok(62_500));
        for wrong in ["20", "0Mbit", "20MB", "1.5Mbit", "10001Mbit"] {
            assert!(
                rate(wrong).is_err_and(|told| told.contains("Mbit")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn fractions_are_exact_millionths_from_nought_to_one() {
        let broken = |number| Fraction::try_from(Number::Broken(number));
        assert_eq!(broken(0.3), Ok(Fraction(300_000)));
        assert_eq!(broken(1.0), Ok(Fraction::ALL));
        assert_eq!(Fraction::try_from(Number::Whole(1)), Ok(Fraction::ALL));
        for wrong in [1.000_001, -0.1, f64::NAN, f64::INFINITY] {
            assert!(broken(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Fraction(300_000).of(200), 60);
        assert_eq!(Fraction(1).of(200), 1, "rounded up");
    }
}
