//! Moments, in whole milliseconds since 1970 UTC.
//!
//! A [`Timestamp`] is what the caller says the time is, or what a record claims. It is an
//! integer on the wire and RFC 3339 text, in UTC and with milliseconds, for people.

use std::fmt;
use std::str::FromStr;

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds in a day of UTC as counted here, without leap seconds.
pub const DAY_MS: u64 = 86_400_000;

/// A moment, in whole milliseconds since 1970-01-01 UTC; at most [`Timestamp::MAX`].
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The last moment that has a text form in every time zone: 9999-12-30T22:00:00Z.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// Returns the moment `millis` after 1970; later than [`Timestamp::MAX`] becomes that.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.0 {
            Self::MAX
        } else {
            Self(millis)
        }
    }

    /// Returns the milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the moment `millis` later, at most [`Timestamp::MAX`].
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    /// Returns the moment `millis` earlier, at least 1970.
    #[must_use]
    pub const fn minus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_sub(millis))
    }

    /// Returns how many milliseconds lie between `earlier` and this; 0 if it is not earlier.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the number of the day in UTC, counted from 1970-01-01 as 0.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the year 9999 is day 2 932 895"
    )]
    pub const fn day(self) -> u32 {
        (self.0 / DAY_MS) as u32
    }
}

/// Why a text is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// Not RFC 3339.
    #[error("{0:?} is not a date and time such as 2025-03-12T18:00:00Z")]
    NotRfc3339(String),
    /// Before 1970 or after 9999.
    #[error("{0:?} is before 1970 or after 9999")]
    OutOfRange(String),
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    /// Reads RFC 3339 with any offset; what is finer than a millisecond is dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || text.chars().take(40).collect::<String>();
        let moment: jiff::Timestamp = text
            .trim()
            .parse()
            .map_err(|_| TimestampError::NotRfc3339(shown()))?;
        u64::try_from(moment.as_millisecond())
            .ok()
            .filter(|millis| *millis <= Self::MAX.0)
            .map(Self)
            .ok_or_else(|| TimestampError::OutOfRange(shown()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = i64::try_from(self.0).expect("MAX is far below i64::MAX");
        let moment = jiff::Timestamp::from_millisecond(millis).expect("MAX is within jiff's range");
        write!(f, "{moment:.3}")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl<C> minicbor::Encode<C> for Timestamp {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u64(self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for Timestamp {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        let millis = d.u64()?;
        if millis > Self::MAX.0 {
            return Err(decode::Error::message("moment after 9999").at(at));
        }
        Ok(Self(millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_741_802_400_007, "2025-03-12T18:00:00.007Z"),
            (Timestamp::MAX.as_millis(), "9999-12-30T22:00:00.000Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
            assert_eq!(text.parse(), Ok(Timestamp::from_millis(millis)));
        }
        assert_eq!(
            "2025-03-12T19:00:00+01:00".parse(),
            Ok(Timestamp::from_millis(1_741_802_400_000))
        );
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        assert!(matches!(
            "yesterday".parse::<Timestamp>(),
            Err(TimestampError::NotRfc3339(_))
        ));
        assert!(matches!(
            "1969-12-31T23:59:59Z".parse::<Timestamp>(),
            Err(TimestampError::OutOfRange(_))
        ));
        assert!(matches!(
            "9999-12-30T22:00:00.001Z".parse::<Timestamp>(),
            Err(TimestampError::OutOfRange(_) | TimestampError::NotRfc3339(_))
        ));
    }

    #[test]
    fn arithmetic_stays_in_range() {
        assert_eq!(Timestamp::MAX.plus_millis(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(u64::MAX), Timestamp::MAX);
        assert_eq!(
            Timestamp::from_millis(5).minus_millis(6),
            Timestamp::default()
        );
        assert_eq!(Timestamp::from_millis(DAY_MS * 3 - 1).day(), 2);
        assert_eq!(Timestamp::MAX.day(), 2_932_895);
    }
}
