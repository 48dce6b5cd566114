//! Rows on the wire: canonical CBOR, read strictly, since they come from other people.
//!
//! | part | bytes |
//! |---|---|
//! | key | array of 3: year (uint), ISO week (uint), mode (text) |
//! | fields | array of 3: trips (uint), distance in mm (uint), CO2e in mg (uint) or null |

use minicbor::decode::Error;
use minicbor::encode::{self, Write};
use minicbor::{Decoder, Encoder};
use serde::{Deserialize, Serialize};

use crate::domain::mobility::Mode;
use crate::units::{MilligramsCo2e, Millimetres};

/// Longest key: the longest mode's name and two small numbers take 30 bytes.
pub const KEY_BYTES_MAX: usize = 48;
/// Longest fields: three numbers of 9 bytes.
pub const FIELDS_BYTES_MAX: usize = 28;

const MEMORY: &str = "writing to memory cannot fail";

const YEAR_MIN: u16 = 1969;
const YEAR_MAX: u16 = 2200;

/// One row of a projection, as it is shared. Ordered by key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// What makes it apart from other rows.
    pub key: Vec<u8>,
    /// What it says.
    pub fields: Vec<u8>,
}

/// A row of the lens `mobility.weekly`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WeeklyRow {
    /// The year of the ISO week, which is not always that of the date.
    pub year: u16,
    /// The ISO week, 1 to 53.
    pub week: u8,
    /// The mode.
    pub mode: Mode,
    /// Trips of the week that have a section of it.
    pub trips: u64,
    /// Rounded.
    #[serde(rename = "distance_mm")]
    pub distance: Millimetres,
    /// Rounded; `None`: unknown, which is not zero.
    #[serde(rename = "co2e_mg")]
    pub co2e: Option<MilligramsCo2e>,
}

/// Why bytes are no row. The fault is with whoever sent them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LensError {
    /// Longer than any row.
    #[error("{bytes} bytes, at most {max}")]
    TooLong {
        /// How many.
        bytes: usize,
        /// How many at most.
        max: usize,
    },
    /// Not the CBOR of a row.
    #[error("not the CBOR of a row")]
    Malformed(#[source] Error),
    /// Not the one way to write it.
    #[error("not canonical CBOR")]
    NotCanonical,
    /// No mode has this name.
    #[error("no mode of transport is called {0}")]
    UnknownMode(String),
    /// A year, week or count that cannot be.
    #[error("year {year}, week {week}, {trips} trips cannot be")]
    OutOfRange {
        /// The year.
        year: u16,
        /// The week.
        week: u8,
        /// The trips.
        trips: u64,
    },
}

impl WeeklyRow {
    pub(super) fn encode(&self) -> Row {
        let mut row = Row {
            key: Vec::new(),
            fields: Vec::new(),
        };
        write_key(
            &mut Encoder::new(&mut row.key),
            self.year,
            self.week,
            self.mode,
        )
        .expect(MEMORY);
        self.write_fields(&mut Encoder::new(&mut row.fields))
            .expect(MEMORY);
        row
    }

    fn write_fields<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
    ) -> Result<(), encode::Error<W::Error>> {
        encoder
            .array(3)?
            .u64(self.trips)?
            .u64(self.distance.get())?;
        match self.co2e {
            Some(co2e) => encoder.u64(co2e.get())?,
            None => encoder.null()?,
        };
        Ok(())
    }
}

/// The row that `key` and `fields` hold.
///
/// # Errors
/// [`LensError`] unless it is exactly what this lens writes.
pub fn decode(key: &[u8], fields: &[u8]) -> Result<WeeklyRow, LensError> {
    check_length(fields, FIELDS_BYTES_MAX)?;
    let (year, week, mode) = decode_key(key)?;
    let (trips, distance, co2e) = read_fields(fields).map_err(LensError::Malformed)?;
    if trips == 0 {
        return Err(LensError::OutOfRange { year, week, trips });
    }
    let row = WeeklyRow {
        year,
        week,
        mode,
        trips,
        distance: Millimetres(distance),
        co2e: co2e.map(MilligramsCo2e),
    };
    if row.encode().fields != fields {
        return Err(LensError::NotCanonical);
    }
    Ok(row)
}

/// The year, ISO week and mode of a row, from its key alone: all that is left of a row that is gone.
///
/// # Errors
/// [`LensError`] unless it is exactly what this lens writes.
pub(super) fn decode_key(key: &[u8]) -> Result<(u16, u8, Mode), LensError> {
    check_length(key, KEY_BYTES_MAX)?;
    let (year, week, mode) = read_key(key).map_err(LensError::Malformed)?;
    let mode: Mode = mode
        .parse()
        .map_err(|_| LensError::UnknownMode(mode.to_owned()))?;
    if !(YEAR_MIN..=YEAR_MAX).contains(&year) || !(1..=53).contains(&week) {
        return Err(LensError::OutOfRange {
            year,
            week,
            trips: 1,
        });
    }
    let mut canonical = Vec::new();
    write_key(&mut Encoder::new(&mut canonical), year, week, mode).expect(MEMORY);
    if canonical != key {
        return Err(LensError::NotCanonical);
    }
    Ok((year, week, mode))
}

fn check_length(bytes: &[u8], max: usize) -> Result<(), LensError> {
    if bytes.len() > max {
        return Err(LensError::TooLong {
            bytes: bytes.len(),
            max,
        });
    }
    Ok(())
}

fn write_key<W: Write>(
    encoder: &mut Encoder<W>,
    year: u16,
    week: u8,
    mode: Mode,
) -> Result<(), encode::Error<W::Error>> {
    encoder.array(3)?.u16(year)?.u8(week)?.str(mode.as_str())?;
    Ok(())
}

fn read_key(bytes: &[u8]) -> Result<(u16, u8, &str), Error> {
    let mut decoder = Decoder::new(bytes);
    array_of_three(&mut decoder)?;
    Ok((decoder.u16()?, decoder.u8()?, decoder.str()?))
}

fn read_fields(bytes: &[u8]) -> Result<(u64, u64, Option<u64>), Error> {
    let mut decoder = Decoder::new(bytes);
    array_of_three(&mut decoder)?;
    Ok((decoder.u64()?, decoder.u64()?, decoder.decode()?))
}

fn array_of_three(decoder: &mut Decoder<'_>) -> Result<(), Error> {
    match decoder.array()? {
        Some(3) => Ok(()),
        _ => Err(Error::message("not an array of three")),
    }
}
