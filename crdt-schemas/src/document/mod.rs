//! Documents: one month of one domain, small enough to load whole.
//!
//! [`DocumentId`] names one (`mobility/2021-12`), [`Document`] holds its records
//! as an Automerge document. What lies where inside it is told in `content.rs`.

mod content;
mod fields;
#[cfg(test)]
#[path = "tests.rs"]
mod laws;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use content::{Document, DocumentError, Edit, EditError, Malformed, Put, SCHEMA_VERSION};

use crate::time::Moment;

/// A calendar month of the years 1 to 9999. Text and serde form: `2021-12`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    year: u16,
    month: u8,
}

impl Month {
    /// The first month there is, 0001-01.
    pub const MIN: Self = Self { year: 1, month: 1 };
    /// The last month there is, 9999-12.
    pub const MAX: Self = Self {
        year: 9999,
        month: 12,
    };

    /// `None` unless `year` is 1 to 9999 and `month` 1 to 12.
    #[must_use]
    pub const fn new(year: u16, month: u8) -> Option<Self> {
        if year < 1 || year > 9999 || month < 1 || month > 12 {
            return None;
        }
        Some(Self { year, month })
    }

    /// The month of `moment` on a calendar in [`crate::time::ZONE`].
    #[must_use]
    pub fn of(moment: Moment) -> Self {
        let date = moment.date();
        let year = u16::try_from(date.year()).expect("a moment's year is 1970 to 2200");
        let month = u8::try_from(date.month()).expect("1 to 12");
        Self { year, month }
    }

    /// The month with this ordinal; `None` outside the years 1 to 9999.
    #[must_use]
    pub fn from_ordinal(ordinal: u32) -> Option<Self> {
        let year = u16::try_from(ordinal / 12).ok()?;
        Self::new(year, u8::try_from(ordinal % 12 + 1).ok()?)
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month of the year, 1 to 12.
    #[must_use]
    pub const fn month(self) -> u8 {
        self.month
    }

    /// Year × 12 + month − 1: consecutive months have consecutive ordinals.
    #[must_use]
    pub const fn ordinal(self) -> u32 {
        self.year as u32 * 12 + self.month as u32 - 1
    }

    /// The month after; [`Month::MAX`] stays.
    #[must_use]
    pub fn next(self) -> Self {
        Self::from_ordinal(self.ordinal() + 1).unwrap_or(self)
    }

    /// The month before; [`Month::MIN`] stays.
    #[must_use]
    pub fn prev(self) -> Self {
        Self::from_ordinal(self.ordinal() - 1).unwrap_or(self)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text names no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentIdError {
    /// Not a month.
    #[error("not a month such as 2021-12")]
    Month,
    /// No domain has this name.
    #[error("not a domain: mobility or energy")]
    Domain,
    /// Not two parts.
    #[error("not a document such as mobility/2021-12")]
    Form,
}

impl FromStr for Month {
    type Err = DocumentIdError;
    fn from_str(text: &str) -> Result<Self, DocumentIdError> {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| {
            bytes[range].iter().try_fold(0_u16, |number, byte| {
                byte.is_ascii_digit()
                    .then(|| number * 10 + u16::from(byte - b'0'))
            })
        };
        if bytes.len() != 7 || bytes[4] != b'-' {
            return Err(DocumentIdError::Month);
        }
        let (year, month) = digits(0..4)
            .zip(digits(5..7))
            .ok_or(DocumentIdError::Month)?;
        u8::try_from(month)
            .ok()
            .and_then(|month| Self::new(year, month))
            .ok_or(DocumentIdError::Month)
    }
}

/// A domain of life. Text form: `mobility`, `energy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Domain {
    /// Trips.
    Mobility,
    /// Meter readings.
    Energy,
}

impl Domain {
    /// Every domain.
    pub const ALL: &'static [Self] = &[Self::Mobility, Self::Energy];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mobility => "mobility",
            Self::Energy => "energy",
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Domain {
    type Err = DocumentIdError;
    fn from_str(text: &str) -> Result<Self, DocumentIdError> {
        Self::ALL
            .iter()
            .copied()
            .find(|it| it.as_str() == text)
            .ok_or(DocumentIdError::Domain)
    }
}

/// Names a document. Text and serde form: `mobility/2021-12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DocumentId {
    /// The domain.
    pub domain: Domain,
    /// The month in which its records start.
    pub month: Month,
}

impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.month)
    }
}

impl FromStr for DocumentId {
    type Err = DocumentIdError;
    fn from_str(text: &str) -> Result<Self, DocumentIdError> {
        let (domain, month) = text.split_once('/').ok_or(DocumentIdError::Form)?;
        Ok(Self {
            domain: domain.parse()?,
            month: month.parse()?,
        })
    }
}

macro_rules! serde_as_text {
    ($($name:ident),*) => {$(
        impl TryFrom<String> for $name {
            type Error = DocumentIdError;
            fn try_from(text: String) -> Result<Self, DocumentIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}
serde_as_text!(Month, DocumentId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other_and_stop_at_the_ends() {
        let december: Month = "2021-12".parse().unwrap();
        assert_eq!(december.next().to_string(), "2022-01");
        assert_eq!(december.next().prev(), december);
        assert_eq!(Month::from_ordinal(december.ordinal()), Some(december));
        assert_eq!(Month::MAX.next(), Month::MAX);
        assert_eq!(Month::MIN.prev(), Month::MIN);
        assert_eq!(Month::from_ordinal(u32::MAX), None);
        assert_eq!(Month::from_ordinal(11), None);
    }

    #[test]
    fn mistyped_ids_are_refused() {
        for text in [
            "", "2021-1", "2021-13", "2021-00", "0000-01", "2021/12", "+021-12", "2021-12 ",
            "20é1-12",
        ] {
            assert_eq!(text.parse::<Month>(), Err(DocumentIdError::Month), "{text}");
        }
        let id: DocumentId = "energy/2022-07".parse().unwrap();
        assert_eq!(id.to_string(), "energy/2022-07");
        assert_eq!(
            "food/2022-07".parse::<DocumentId>(),
            Err(DocumentIdError::Domain)
        );
        assert_eq!("energy".parse::<DocumentId>(), Err(DocumentIdError::Form));
    }

    #[test]
    fn the_month_is_cut_in_paris() {
        let moment: Moment = "2022-07-31T22:00:00Z".parse().unwrap();
        assert_eq!(Month::of(moment).to_string(), "2022-08");
    }
}
