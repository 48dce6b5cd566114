//! Importers: bytes of a file in, records and a report out.
//!
//! | format | recognised by | makes |
//! |---|---|---|
//! | [`Format::Gpx`] | a `gpx` element | one trip per track with times |
//! | [`Format::CozyGeojson`] | JSON with `series` | one trip per series, one section per feature |
//! | [`Format::LinkyCsv`] | a header that begins with `Identifiant PRM` | one reading per interval |
//!
//! The content decides, never the name of the file. What is not understood is
//! skipped and reported with its place and reason; what is no such file at all is
//! refused. Importing twice changes nothing: ids are made of the facts of the
//! source (see each format).
//!
//! # Invariants
//!
//! - No input makes an importer panic, and memory stays within 32 times the file and 2 MiB
//!   (`tests/fuzz` measures it; records are larger than the lines that they come from).
//! - No record is invented: a missing half hour is a note, a date that nobody gave a refusal.
//! - Texts taken over from a file are at most [`TEXT_CHARS_MAX`] characters long.

pub mod cozy;
pub mod gpx;
pub mod linky;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::record::{ContentHash, Provenance, Record};
use crate::time::{Moment, MomentError};

/// The largest file read: ten years of half hours are 6 MiB, a year of tracks
/// with a point a second about 60.
pub const BYTES_MAX: usize = 64 * 1024 * 1024;
/// The longest title, name or meter number taken over from a file.
pub const TEXT_CHARS_MAX: usize = 200;
/// Skipped things and notes listed one by one; further ones are counted.
pub const REPORT_LINES_MAX: usize = 1_000;
/// Sections of one trip: a day of walking with a phone has some dozens.
pub const SECTIONS_MAX: usize = 500;

/// A file format that can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// GPX 1.0 or 1.1.
    Gpx,
    /// Coach CO2's `io.cozy.timeseries.geojson`.
    CozyGeojson,
    /// Enedis' half-hour load curve of a Linky meter.
    LinkyCsv,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Gpx, Self::CozyGeojson, Self::LinkyCsv];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gpx => "gpx",
            Self::CozyGeojson => "cozy-geojson",
            Self::LinkyCsv => "linky-csv",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// No format has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no format is called {0}: gpx, cozy-geojson or linky-csv")]
pub struct UnknownFormatName(pub String);

impl FromStr for Format {
    type Err = UnknownFormatName;
    fn from_str(name: &str) -> Result<Self, UnknownFormatName> {
        Self::ALL
            .iter()
            .copied()
            .find(|it| it.as_str() == name)
            .ok_or_else(|| UnknownFormatName(name.chars().take(40).collect()))
    }
}

/// A place in a file, counted from 1. Text form: `file`, `line 12`, `trip 1 section 2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The file as a whole.
    File,
    /// A line of text.
    Line(u64),
    /// A byte.
    Byte(u64),
    /// A track of a GPX file.
    Track(u64),
    /// A trip (series) of a Coach CO2 file.
    Trip(u64),
    /// A section of a trip of a Coach CO2 file.
    Section {
        /// Which trip.
        trip: u64,
        /// Which of its sections.
        section: u64,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Line(number) => write!(f, "line {number}"),
            Self::Byte(number) => write!(f, "byte {number}"),
            Self::Track(number) => write!(f, "track {number}"),
            Self::Trip(number) => write!(f, "trip {number}"),
            Self::Section { trip, section } => write!(f, "trip {trip} section {section}"),
        }
    }
}

/// Not a place as [`Place`] writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a place in a file")]
pub struct NotAPlace;

impl FromStr for Place {
    type Err = NotAPlace;
    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        // A fifth word is one too many already.
        let words: Vec<&str> = text.splitn(5, ' ').collect();
        let number = |word: &str| word.parse::<u64>().map_err(|_| NotAPlace);
        Ok(match words[..] {
            ["file"] => Self::File,
            ["line", n] => Self::Line(number(n)?),
            ["byte", n] => Self::Byte(number(n)?),
            ["track", n] => Self::Track(number(n)?),
            ["trip", n] => Self::Trip(number(n)?),
            ["trip", n, "section", m] => Self::Section {
                trip: number(n)?,
                section: number(m)?,
            },
            _ => return Err(NotAPlace),
        })
    }
}

/// What an importer made of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The name of the file, as the caller gave it.
    pub file: String,
    /// What it was read as.
    pub format: Format,
    /// What was understood, in the order of the file.
    pub records: Vec<Record>,
    /// What was not taken over, and why; at most [`REPORT_LINES_MAX`].
    pub skipped: Vec<Skipped>,
    /// How many more were skipped than `skipped` lists.
    pub skipped_more: u64,
    /// What a person should know about what was taken over; at most [`REPORT_LINES_MAX`].
    pub notes: Vec<Note>,
    /// How many more notes there are than `notes` lists.
    pub notes_more: u64,
}

/// Something that was not taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Where it stands.
    pub place: Place,
    /// Why it was left.
    pub reason: SkipReason,
}

/// Why something was not taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SkipReason {
    /// Marked points are no trips.
    #[error("{count} marked points, which are no trips")]
    Waypoints {
        /// How many.
        count: u64,
    },
    /// A planned route was not necessarily travelled.
    #[error("{count} planned routes, which were not necessarily travelled")]
    Routes {
        /// How many.
        count: u64,
    },
    /// Nothing says when.
    #[error("no date")]
    NoDate,
    /// A date that cannot be.
    #[error("{0}")]
    BadDate(DateFault),
    /// A single point or none has no length.
    #[error("{count} points, at least two are needed")]
    TooFewPoints {
        /// How many.
        count: u64,
    },
    /// A trip without sections.
    #[error("no section")]
    NoSections,
    /// A distance that is absent, negative or longer than any on Earth.
    #[error("a distance that is absent or impossible")]
    BadDistance,
    /// Coordinates that are not on Earth.
    #[error("coordinates that are not on Earth")]
    BadLocation,
    /// More sections than a trip may have.
    #[error("more than {max} sections")]
    TooManySections {
        /// [`SECTIONS_MAX`].
        max: u64,
    },
    /// A meter gave no value.
    #[error("no value")]
    NoValue,
    /// Not a whole number of watts, zero or more.
    #[error("{text:?} is not a whole number of watts")]
    BadValue {
        /// What stands there, shortened.
        text: String,
    },
    /// The same stamp stands before with another value.
    #[error("the same stamp as line {line}, with another value")]
    Contradicts {
        /// The line that was kept.
        line: u64,
    },
    /// The interval overlaps the one before.
    #[error("overlaps the interval before")]
    Overlaps,
    /// Nothing says how long the interval was.
    #[error("nothing says how long the interval was")]
    NoStep,
    /// A block that holds something else than a load curve in watts.
    #[error("{what:?} in {unit:?}, not a load curve in W")]
    NotALoadCurve {
        /// What the header says it holds, shortened.
        what: String,
        /// In which unit, shortened.
        unit: String,
    },
    /// A line with too few or too many columns.
    #[error("{got} columns instead of {expected}")]
    Columns {
        /// How many there should be.
        expected: u64,
        /// How many there are.
        got: u64,
    },
}

/// What is wrong with a date; see [`MomentError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum DateFault {
    /// Not a date and time.
    #[error("not a date and time")]
    Malformed,
    /// No offset from UTC.
    #[error("a date and time without its offset from UTC")]
    NoOffset,
    /// Before 1970 or after 2199.
    #[error("a date outside 1970 to 2199")]
    OutOfRange,
}

impl From<MomentError> for SkipReason {
    fn from(error: MomentError) -> Self {
        Self::BadDate(match error {
            MomentError::Malformed => DateFault::Malformed,
            MomentError::NoOffset => DateFault::NoOffset,
            MomentError::OutOfRange => DateFault::OutOfRange,
        })
    }
}

/// Something a person should know about what was taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Where.
    pub place: Place,
    /// What.
    pub what: NoteKind,
}

/// What a [`Note`] says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NoteKind {
    /// A meter is silent from `from` to `to`.
    #[error("nothing measured from {from} to {to} ({missing} intervals)")]
    Gap {
        /// End of the last interval before.
        from: Moment,
        /// Start of the first interval after.
        to: Moment,
        /// How many intervals are missing.
        missing: u64,
    },
    /// The header gives no step; the stamps do.
    #[error("the header gives no step: {minutes} minutes, by the stamps")]
    StepInferred {
        /// The step.
        minutes: u64,
    },
    /// Nothing says which mode it was, or in a word that names none.
    #[error("unknown mode of transport")]
    UnknownMode {
        /// The word that stands there, shortened; `None` if there is none.
        word: Option<String>,
    },
    /// It ended before it began; taken as ended when it began.
    #[error("ends before it begins, taken as lasting no time")]
    EndsBeforeItBegins,
    /// Points are not in the order of their times.
    #[error("points out of the order of their times")]
    OutOfOrder,
    /// A line stands twice.
    #[error("the same as line {line}")]
    Repeats {
        /// The line that was kept.
        line: u64,
    },
    /// The file itself says that its data are made up.
    #[error("made-up data")]
    MadeUp,
}

/// Why a file was refused as a whole. Nothing of it was taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ImportError {
    /// No content.
    #[error("the file is empty")]
    Empty,
    /// Larger than [`BYTES_MAX`].
    #[error("{bytes} bytes, at most {max} are read")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The largest size read.
        max: u64,
    },
    /// None of the formats that can be read.
    #[error("not a format that can be read; it looks like {looked_like}")]
    UnknownFormat {
        /// What it looks like.
        looked_like: LooksLike,
    },
    /// Another format than the caller asked for.
    #[error("not {expected}; it looks like {got}")]
    WrongFormat {
        /// What was asked for.
        expected: Format,
        /// What it looks like.
        got: LooksLike,
    },
    /// Text that is not UTF-8.
    #[error("not UTF-8 text at byte {at}")]
    InvalidUtf8 {
        /// The first byte that is wrong, counted from 1.
        at: u64,
    },
    /// It ends in the middle.
    #[error("cut off at {place}")]
    Truncated {
        /// Where it ends.
        place: Place,
    },
    /// It breaks the rules of its format.
    #[error("malformed at {place}: {reason}")]
    Malformed {
        /// Where.
        place: Place,
        /// What the parser says, in English.
        reason: String,
    },
    /// A file of Enedis that holds no load curve in watts.
    #[error("{what:?} in {unit:?} at {place}, not a load curve in W")]
    NotALoadCurve {
        /// Where its header stands.
        place: Place,
        /// What the header says it holds, shortened.
        what: String,
        /// In which unit, shortened.
        unit: String,
    },
}

/// What a file looks like, from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LooksLike {
    /// A GPX file.
    Gpx,
    /// A Coach CO2 export.
    CozyGeojson,
    /// An Enedis export.
    LinkyCsv,
    /// Nothing but zero bytes.
    Zeros,
    /// A FIT file of a watch.
    Fit,
    /// A ZIP archive, or an office file.
    Zip,
    /// A PDF.
    Pdf,
    /// A web page.
    Html,
    /// XML that is not GPX.
    Xml,
    /// JSON that is not Coach CO2's.
    Json,
    /// A calendar.
    Calendar,
    /// Text of another kind.
    Text,
    /// Bytes that are no text.
    Binary,
}

impl fmt::Display for LooksLike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gpx => "GPX",
            Self::CozyGeojson => "io.cozy.timeseries.geojson",
            Self::LinkyCsv => "a CSV of Enedis",
            Self::Zeros => "nothing but zero bytes",
            Self::Fit => "FIT",
            Self::Zip => "a ZIP archive",
            Self::Pdf => "PDF",
            Self::Html => "a web page",
            Self::Xml => "XML",
            Self::Json => "JSON",
            Self::Calendar => "a calendar",
            Self::Text => "text",
            Self::Binary => "bytes that are no text",
        })
    }
}

impl LooksLike {
    fn format(self) -> Option<Format> {
        match self {
            Self::Gpx => Some(Format::Gpx),
            Self::CozyGeojson => Some(Format::CozyGeojson),
            Self::LinkyCsv => Some(Format::LinkyCsv),
            _ => None,
        }
    }

    /// Judges by the first bytes; looks at all of them only for zeros and for JSON.
    fn of(bytes: &[u8]) -> Self {
        let bytes = without_bom(bytes);
        if bytes.iter().all(|&byte| byte == 0) {
            return Self::Zeros;
        }
        let head = bytes.trim_ascii_start();
        let window = &head[..head.len().min(4_096)];
        if bytes.starts_with(b"PK\x03\x04") {
            return Self::Zip;
        }
        if bytes.starts_with(b"%PDF") {
            return Self::Pdf;
        }
        if bytes.get(8..12) == Some(b".FIT") {
            return Self::Fit;
        }
        match head.first() {
            Some(b'<') => {
                let lower = window.to_ascii_lowercase();
                if holds(&lower, b"<gpx") || holds(&lower, b":gpx") {
                    Self::Gpx
                } else if holds(&lower, b"<html") {
                    Self::Html
                } else {
                    Self::Xml
                }
            }
            Some(b'{' | b'[') => {
                if holds(bytes, b"\"series\"") {
                    Self::CozyGeojson
                } else {
                    Self::Json
                }
            }
            _ if linky::is_header(window) => Self::LinkyCsv,
            _ if window.starts_with(b"BEGIN:VCALENDAR") => Self::Calendar,
            _ if window.contains(&0) => Self::Binary,
            _ if is_text(window) => Self::Text,
            _ => Self::Binary,
        }
    }
}

/// Reads `bytes` as `as_format`, or as the format that they are in.
///
/// `file_name` is only repeated in the answer.
///
/// # Errors
/// [`ImportError`] if it is no such file; then nothing was read.
pub fn import(
    file_name: &str,
    bytes: &[u8],
    as_format: Option<Format>,
) -> Result<Imported, ImportError> {
    if bytes.len() > BYTES_MAX {
        return Err(ImportError::TooLarge {
            bytes: bytes.len() as u64,
            max: BYTES_MAX as u64,
        });
    }
    if without_bom(bytes).trim_ascii().is_empty() {
        return Err(ImportError::Empty);
    }
    let looked_like = LooksLike::of(bytes);
    let format = match (as_format, looked_like.format()) {
        (Some(expected), found) if found != Some(expected) => {
            return Err(ImportError::WrongFormat {
                expected,
                got: looked_like,
            });
        }
        (_, None) => return Err(ImportError::UnknownFormat { looked_like }),
        (_, Some(format)) => format,
    };
    let text = std::str::from_utf8(without_bom(bytes)).map_err(|error| {
        let before = bytes.len() - without_bom(bytes).len();
        ImportError::InvalidUtf8 {
            at: (before + error.valid_up_to() + 1) as u64,
        }
    })?;
    let mut report = Report::new(format, ContentHash::of(bytes));
    match format {
        Format::Gpx => gpx::read(text, &mut report)?,
        Format::CozyGeojson => cozy::read(text, &mut report)?,
        Format::LinkyCsv => linky::read(text, &mut report)?,
    }
    Ok(report.finish(file_name))
}

/// What an importer gathers.
pub(crate) struct Report {
    format: Format,
    content: ContentHash,
    records: Vec<Record>,
    skipped: Vec<Skipped>,
    skipped_more: u64,
    notes: Vec<Note>,
    notes_more: u64,
}

impl Report {
    fn new(format: Format, content: ContentHash) -> Self {
        Self {
            format,
            content,
            records: Vec::new(),
            skipped: Vec::new(),
            skipped_more: 0,
            notes: Vec::new(),
            notes_more: 0,
        }
    }

    fn provenance(&self, place: Place) -> Provenance {
        Provenance {
            format: self.format,
            content: self.content,
            place,
        }
    }

    fn skip(&mut self, place: Place, reason: impl Into<SkipReason>) {
        if self.skipped.len() < REPORT_LINES_MAX {
            self.skipped.push(Skipped {
                place,
                reason: reason.into(),
            });
        } else {
            self.skipped_more += 1;
        }
    }

    fn note(&mut self, place: Place, what: NoteKind) {
        if self.notes.len() < REPORT_LINES_MAX {
            self.notes.push(Note { place, what });
        } else {
            self.notes_more += 1;
        }
    }

    fn finish(self, file_name: &str) -> Imported {
        Imported {
            file: file_name.to_owned(),
            format: self.format,
            records: self.records,
            skipped: self.skipped,
            skipped_more: self.skipped_more,
            notes: self.notes,
            notes_more: self.notes_more,
        }
    }
}

/// `text` without surrounding space and control characters, at most
/// [`TEXT_CHARS_MAX`] long; `None` if nothing is left.
fn short_text(text: &str) -> Option<String> {
    let clean: String = text
        .trim()
        .chars()
        .filter(|it| !it.is_control())
        .take(TEXT_CHARS_MAX)
        .collect();
    (!clean.is_empty()).then_some(clean)
}

/// The start of a text that is quoted in a report.
fn quoted(text: &str) -> String {
    text.trim().chars().take(40).collect()
}

fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Whether `window`, the start of a file, is text: UTF-8 but for a character cut
/// at its end, or without control characters (Latin-1).
fn is_text(window: &[u8]) -> bool {
    let controls = window
        .iter()
        .filter(|&&byte| byte < 0x20 && !byte.is_ascii_whitespace())
        .count();
    controls == 0
}

#[cfg(test)]
mod testing {
    use super::Imported;
    use crate::domain::mobility::Trip;
    use crate::record::Record;

    /// The one trip that a test expects.
    #[track_caller]
    pub(super) fn trip(imported: &Imported) -> &Trip {
        match &imported.records[..] {
            [Record::Trip(trip)] => trip,
            other => panic!(
                "one trip expected: {other:?}, skipped {:?}",
                imported.skipped
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_named() {
        let refused = |bytes: &[u8]| import("f", bytes, None).unwrap_err();
        assert_eq!(refused(b""), ImportError::Empty);
        assert_eq!(refused(b"\xef\xbb\xbf \r\n"), ImportError::Empty);
        for (bytes, looked_like) in [
            (&[0_u8; 64][..], LooksLike::Zeros),
            (b"PK\x03\x04....", LooksLike::Zip),
            (b"%PDF-1.7", LooksLike::Pdf),
            (b"\x0e\x10\x43\x08\x10\x00\x00\x00.FIT", LooksLike::Fit),
            (b"<!DOCTYPE html><html>", LooksLike::Html),
            (b"<kml>", LooksLike::Xml),
            (b"{\"locations\": []}", LooksLike::Json),
            (b"BEGIN:VCALENDAR", LooksLike::Calendar),
            (b"date;montant\n1;2", LooksLike::Text),
            (b"\xff\x00\x01", LooksLike::Binary),
        ] {
            assert_eq!(refused(bytes), ImportError::UnknownFormat { looked_like });
        }
    }

    #[test]
    fn a_hundred_megabytes_of_zeros_are_refused_before_they_are_looked_at() {
        let zeros = vec![0; 100_000_000];
        let refused = ImportError::TooLarge {
            bytes: 100_000_000,
            max: BYTES_MAX as u64,
        };
        assert_eq!(import("f", &zeros, None), Err(refused));
    }

    #[test]
    fn a_format_asked_for_must_be_the_one_found() {
        let refused = import(
            "f.csv",
            b"<gpx version=\"1.1\"></gpx>",
            Some(Format::LinkyCsv),
        );
        assert_eq!(
            refused,
            Err(ImportError::WrongFormat {
                expected: Format::LinkyCsv,
                got: LooksLike::Gpx
            })
        );
    }

    #[test]
    fn invalid_utf8_is_refused_with_its_place() {
        assert_eq!(
            import("f", b"<gpx>\xff", None),
            Err(ImportError::InvalidUtf8 { at: 6 })
        );
        assert_eq!(
            import("f", b"\xef\xbb\xbf<gpx>\xff", None),
            Err(ImportError::InvalidUtf8 { at: 9 })
        );
    }

    #[test]
    fn a_place_reads_back_from_its_text() {
        for place in [
            Place::File,
            Place::Line(3),
            Place::Byte(9),
            Place::Track(1),
            Place::Trip(2),
            Place::Section {
                trip: 1,
                section: 4,
            },
        ] {
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        assert_eq!("line x".parse::<Place>(), Err(NotAPlace));
    }
}

#[cfg(test)]
mod hostile {
    use proptest::prelude::*;

    use super::*;
    use crate::document::Document;
    use crate::sample;

    /// Reads `bytes`, and puts what was understood into documents.
    fn survive(bytes: &[u8]) {
        let _ = import("f", bytes, None);
        for &format in Format::ALL {
            let Ok(imported) = import("f", bytes, Some(format)) else {
                continue;
            };
            for record in &imported.records {
                let mut document = Document::new(record.document(), &[1; 32]);
                document.put(record, 1);
                assert_eq!(document.records().0, std::slice::from_ref(record));
            }
        }
    }

    /// Long enough to be interesting, short enough to try many times.
    fn small_samples() -> Vec<Vec<u8>> {
        let files = sample::files(3, "2026-09".parse().unwrap());
        let mut samples: Vec<Vec<u8>> = files.into_iter().map(|file| file.bytes).collect();
        for sample in &mut samples {
            let end = if sample.starts_with(b"{") {
                sample.len()
            } else {
                sample.len().min(1_500)
            };
            sample.truncate(end);
        }
        // Whole again, so that a change inside is what is wrong with it.
        let whole = samples[0]
            .windows(8)
            .rposition(|it| it == b"</trkpt>")
            .unwrap()
            + 8;
        samples[0].truncate(whole);
        samples[0].extend_from_slice(b"</trkseg></trk></gpx>");
        samples
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn no_bytes_make_an_importer_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            survive(&bytes);
            for head in [&b"<gpx version=\"1.1\">"[..], b"{\"series\": [", b"Identifiant PRM;"] {
                survive(&[head, &bytes].concat());
            }
        }

        #[test]
        fn no_change_to_a_good_file_makes_an_importer_panic(
            which in 0_usize..4,
            at in any::<prop::sample::Index>(),
            remove in 0_usize..40,
            insert in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..6),
                prop::sample::select(vec![
                    "NaN", "-1", "1e999", "99999999999999999999", "null", "\"\"", "[]", "{}", ";", "\n", "<", ">",
                    "&", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+23:59", "-9223372036854775808",
                ]).prop_map(|text| text.as_bytes().to_vec()),
            ],
        ) {
            let mut bytes = small_samples().swap_remove(which);
            let at = at.index(bytes.len());
            let end = (at + remove).min(bytes.len());
            bytes.splice(at..end, insert);
            survive(&bytes);
        }

        #[test]
        fn a_file_cut_off_anywhere_is_read_or_refused(which in 0_usize..4, at in any::<prop::sample::Index>()) {
            let bytes = small_samples().swap_remove(which);
            survive(&bytes[..at.index(bytes.len())]);
        }
    }
}
