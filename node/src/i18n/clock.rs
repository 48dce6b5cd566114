//! Times as a person reads them: on their own wall clock.

use jiff::civil;
use jiff::tz::TimeZone;
use maille_protocol::time::Timestamp;
use maille_schemas::document::Month;

use crate::i18n::Text;

/// A time zone, for spelling and reading times.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// The machine's own zone; UTC where that cannot be known.
    pub(crate) fn system() -> Self {
        Self {
            zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
        }
    }

    /// A given zone.
    #[cfg(test)]
    pub(crate) fn in_zone(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// A time spelt out in a language.
    pub(crate) fn spell(&self, time: Timestamp, text: &dyn Text) -> String {
        let Some(at) = self.civil(time) else {
            return time.to_string();
        };
        text.moment(at.year(), at.month(), at.day(), at.hour(), at.minute())
    }

    /// A time as short figures, for columns: `2027-03-12 18:00:05`.
    pub(crate) fn figures(&self, time: Timestamp) -> String {
        match self.civil(time) {
            Some(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            None => time.to_string(),
        }
    }

    /// The last millisecond of a local day.
    pub(crate) fn end_of(&self, day: civil::Date) -> Option<Timestamp> {
        let next = day
            .tomorrow()
            .ok()?
            .to_zoned_datetime(self.zone.clone())
            .ok()?;
        let millis = u64::try_from(next.timestamp().as_millisecond()).ok()?;
        Some(Timestamp::from_millis(millis.checked_sub(1)?))
    }

    /// The local day of a time.
    pub(crate) fn day_of(&self, time: Timestamp) -> Option<civil::Date> {
        self.civil(time).map(|at| at.date())
    }

    /// The same time of day, so many months later (before, if negative); the last day of a
    /// shorter month.
    pub(crate) fn months_after(&self, time: Timestamp, months: i64) -> Option<Timestamp> {
        let span = jiff::Span::new().try_months(months).ok()?;
        let at = self.civil(time)?.checked_add(span).ok()?;
        let at = at.to_zoned_datetime(self.zone.clone()).ok()?;
        let millis = u64::try_from(at.timestamp().as_millisecond()).ok()?;
        Some(Timestamp::from_millis(millis))
    }

    fn civil(&self, time: Timestamp) -> Option<civil::DateTime> {
        let millis = i64::try_from(time.as_millis()).ok()?;
        let instant = jiff::Timestamp::from_millisecond(millis).ok()?;
        Some(self.zone.to_datetime(instant))
    }
}

/// A month spelt out.
pub(crate) fn spell_month(month: Month, text: &dyn Text) -> String {
    let (year, month) = (month.year(), month.month());
    text.month(
        i16::try_from(year).unwrap_or(i16::MAX),
        i8::try_from(month).unwrap_or(1),
    )
}
