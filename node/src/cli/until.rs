//! The end of a share, as people write ends.
//!
//! | typed | means |
//! |---|---|
//! | `2027-01-31` | the last moment of that day, on the person's own calendar |
//! | `demain`, `tomorrow` | the last moment of tomorrow |
//! | `30d`, `30j`, `30 jours`, `2w`, `2 semaines` | so many days or weeks from now |
//! | `3m`, `3 mois`, `1y`, `1 an` | the same time of day, so many months or years on |
//!
//! Both languages are read whatever the language of the messages: a person copies what another
//! wrote. `31/12/2026` is refused and not guessed at, since 5/12 is two dates. Whether the end
//! lies ahead (`-5d`) is for the machine to say.

use jiff::civil;
use maille_protocol::time::{DAY_MS, Timestamp};

use crate::cli::failure::Failure;
use crate::i18n::Clock;

/// A span that people count in.
enum Unit {
    Days,
    Weeks,
    Months,
    Years,
}

impl Unit {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "d" | "day" | "days" | "j" | "jour" | "jours" => Self::Days,
            "w" | "week" | "weeks" | "sem" | "semaine" | "semaines" => Self::Weeks,
            "m" | "month" | "months" | "mois" => Self::Months,
            "y" | "year" | "years" | "a" | "an" | "ans" | "année" | "années" | "annee"
            | "annees" => Self::Years,
            _ => return None,
        })
    }
}

/// Reads the end of a share.
pub(crate) fn until(typed: &str, now: Timestamp, clock: &Clock) -> Result<Timestamp, Failure> {
    read(&typed.trim().to_lowercase(), now, clock).ok_or_else(|| Failure::BadDate {
        typed: typed.to_owned(),
    })
}

fn read(words: &str, now: Timestamp, clock: &Clock) -> Option<Timestamp> {
    if matches!(words, "demain" | "tomorrow") {
        return clock.end_of(clock.day_of(now)?.tomorrow().ok()?);
    }
    let (past, span) = match words.strip_prefix('-') {
        Some(span) => (true, span),
        None => (false, words),
    };
    let figures = span.find(|c: char| !c.is_ascii_digit())?;
    if let Some(unit) = Unit::named(span[figures..].trim()) {
        let count: i64 = span[..figures].parse().ok()?;
        return later(now, if past { -count } else { count }, &unit, clock);
    }
    // A time of day would be dropped without a word.
    if words.len() != "2027-01-31".len() {
        return None;
    }
    clock.end_of(words.parse::<civil::Date>().ok()?)
}

fn later(now: Timestamp, count: i64, unit: &Unit, clock: &Clock) -> Option<Timestamp> {
    let days = |days: i64| {
        let span = days.unsigned_abs().checked_mul(DAY_MS)?;
        let millis = match days < 0 {
            true => now.as_millis().saturating_sub(span),
            false => now.as_millis().checked_add(span)?,
        };
        Some(Timestamp::from_millis(millis))
    };
    match unit {
        Unit::Days => days(count),
        Unit::Weeks => days(count.checked_mul(7)?),
        Unit::Months => clock.months_after(now, count),
        Unit::Years => clock.months_after(now, count.checked_mul(12)?),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::{Offset, TimeZone};

    use super::*;

    /// 2026-11-24T12:00:00Z.
    const NOON: u64 = 1_795_521_600_000;

    #[test]
    fn a_date_is_the_end_of_that_day_where_the_person_is() {
        let paris = Clock::in_zone(TimeZone::get("Europe/Paris").unwrap());
        let utc = Clock::in_zone(Offset::UTC.to_time_zone());
        let now = Timestamp::from_millis(0);
        assert_eq!(
            until("2027-01-31", now, &utc).unwrap().to_string(),
            "2027-01-31T23:59:59.999Z"
        );
        assert_eq!(
            until("2027-01-31", now, &paris).unwrap().to_string(),
            "2027-01-31T22:59:59.999Z"
        );
    }

    #[test]
    fn spans_count_from_now_in_either_language() {
        let clock = Clock::in_zone(TimeZone::UTC);
        let now = Timestamp::from_millis(NOON);
        for (typed, end) in [
            ("1j", "2026-11-25T12:00:00.000Z"),
            ("90d", "2027-02-22T12:00:00.000Z"),
            ("30 jours", "2026-12-24T12:00:00.000Z"),
            (" 30 Days ", "2026-12-24T12:00:00.000Z"),
            ("1 jour", "2026-11-25T12:00:00.000Z"),
            ("2w", "2026-12-08T12:00:00.000Z"),
            ("2 semaines", "2026-12-08T12:00:00.000Z"),
            ("3m", "2027-02-24T12:00:00.000Z"),
            ("3 mois", "2027-02-24T12:00:00.000Z"),
            ("1 an", "2027-11-24T12:00:00.000Z"),
            ("1y", "2027-11-24T12:00:00.000Z"),
            ("2 années", "2028-11-24T12:00:00.000Z"),
            ("demain", "2026-11-25T23:59:59.999Z"),
            ("Tomorrow", "2026-11-25T23:59:59.999Z"),
        ] {
            let read = until(typed, now, &clock).map(|end| end.to_string());
            assert_eq!(read.unwrap(), end, "{typed}");
        }
    }

    #[test]
    fn what_lies_in_the_past_is_read_as_such_and_left_to_the_machine() {
        let clock = Clock::in_zone(TimeZone::UTC);
        let now = Timestamp::from_millis(NOON);
        for typed in ["-5d", "-5 jours", "-1m", "-1 an", "-99999999d"] {
            assert!(until(typed, now, &clock).unwrap() < now, "{typed}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let clock = Clock::in_zone(TimeZone::UTC);
        let now = Timestamp::from_millis(NOON);
        for typed in [
            "",
            "-",
            "d",
            "jours",
            "30",
            "3 lunes",
            "1.5m",
            "après-demain",
            "2027-13-01",
            "31/12/2026",
            "05/12/2026",
            "2027-02-30",
            "2027-01-31T10:00",
            "99999999999999999999d",
            "9000000000000000000d",
            "9000000000000000000y",
            "--3d",
        ] {
            assert!(until(typed, now, &clock).is_err(), "{typed}");
        }
    }
}
