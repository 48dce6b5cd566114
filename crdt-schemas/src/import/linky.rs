//! Enedis' load curve of a Linky meter, as the customer portal exports it.
//!
//! ```text
//! Identifiant PRM;Type de donnees;Date de debut;Date de fin;Grandeur physique;Grandeur metier;Etape metier;Unite;Pas en minutes
//! 00000000000000;Courbe de charge;29/06/2022;29/07/2023;Energie active;Consommation;Comptage Brut;W;30
//! Horodate;Valeur
//! 2022-07-29T00:30:00+02:00;330
//! ```
//!
//! A file may hold several such blocks, one after the other. The value is the mean
//! power over the step, the stamp is its END and carries its offset: the two hours
//! of the October night differ by their offset, the missing one in March is missing
//! rightly. The step stands in the header, or, when that is empty, is the commonest
//! of 10, 15, 30, 60 minutes between stamps. Nothing is invented: an empty value is
//! skipped, a silence is noted.
//!
//! A reading's id is made of meter, direction and interval.

use std::collections::BTreeMap;

use super::{ImportError, NoteKind, Place, Report, SkipReason, quoted, short_text};
use crate::domain::energy::{Flow, Reading};
use crate::record::Record;
use crate::time::Moment;
use crate::units::Joules;

const HEADER: &str = "identifiant prm";
/// Steps of Linky meters, in minutes.
const STEPS_MIN: [u64; 4] = [10, 15, 30, 60];
/// The largest mean power believed: the strongest connection that has a Linky is 36 kVA, 36 kVA × 1000 is beyond doubt.
const WATTS_MAX: u64 = 36_000_000;
/// The PRM by which our own made-up files say what they are.
pub(crate) const MADE_UP_METER: &str = "00000000000000";

const MINUTE_MS: i64 = 60_000;

/// Whether `head`, without its byte order mark, begins as such a file does.
pub(super) fn is_header(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\"").unwrap_or(head);
    head.get(..HEADER.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(HEADER.as_bytes()))
}

/// What a block's header says.
#[derive(Clone)]
struct Header {
    line: u64,
    meter: String,
    flow: Flow,
    step_min: Option<u64>,
}

/// One line of values.
#[derive(Clone, Copy)]
struct Stamped {
    line: u64,
    end: Moment,
    watts: u64,
}

pub(super) fn read(text: &str, report: &mut Report) -> Result<(), ImportError> {
    let mut rows = csv::ReaderBuilder::new()
        .delimiter(b';')
        .has_headers(false)
        .flexible(true)
        .quoting(false)
        .from_reader(text.as_bytes())
        .into_records();
    let mut names: Option<BTreeMap<String, usize>> = None;
    let mut block: Option<Header> = None;
    let mut stamped = Vec::new();
    let mut blocks = 0_u64;
    let mut refused = None;
    let mut last_line = 0;
    while let Some(row) = rows.next() {
        let row = row.map_err(|error| ImportError::Malformed {
            place: Place::File,
            reason: error.to_string(),
        })?;
        let line = row.position().map_or(0, csv::Position::line);
        last_line = line;
        let cells: Vec<&str> = row
            .iter()
            .map(|cell| cell.trim().trim_matches('"'))
            .collect();
        if is_header(cells[0].as_bytes()) {
            if let Some(header) = block.take() {
                finish_block(&header, std::mem::take(&mut stamped), report);
            }
            names = Some(
                cells
                    .iter()
                    .enumerate()
                    .map(|(at, name)| (name.to_lowercase(), at))
                    .collect(),
            );
        } else if let Some(names) = names.take() {
            match read_header(&names, &cells, line) {
                Ok(header) => {
                    blocks += 1;
                    block = Some(header);
                }
                Err((what, unit)) => {
                    report.skip(
                        Place::Line(line),
                        SkipReason::NotALoadCurve {
                            what: what.clone(),
                            unit: unit.clone(),
                        },
                    );
                    refused = Some(ImportError::NotALoadCurve {
                        place: Place::Line(line),
                        what,
                        unit,
                    });
                }
            }
        } else if cells[0].eq_ignore_ascii_case("horodate")
            || cells.iter().all(|cell| cell.is_empty())
        {
        } else if block.is_some() {
            match read_value(&cells, line) {
                Ok(value) => stamped.push(value),
                Err(reason) => report.skip(Place::Line(line), reason),
            }
        }
    }
    if let Some(header) = block.take() {
        finish_block(&header, stamped, report);
    }
    match (blocks, refused) {
        (0, Some(refused)) => Err(refused),
        (0, None) => Err(ImportError::Truncated {
            place: Place::Line(last_line),
        }),
        _ => Ok(()),
    }
}

/// Err: what the block holds instead, and its unit.
fn read_header(
    names: &BTreeMap<String, usize>,
    cells: &[&str],
    line: u64,
) -> Result<Header, (String, String)> {
    let cell = |name: &str| {
        names
            .get(name)
            .and_then(|&at| cells.get(at))
            .copied()
            .unwrap_or("")
    };
    let (what, unit) = (cell("type de donnees"), cell("unite"));
    if !what.eq_ignore_ascii_case("courbe de charge") || !unit.eq_ignore_ascii_case("w") {
        return Err((quoted(what), quoted(unit)));
    }
    let produced = cell("grandeur metier").eq_ignore_ascii_case("production");
    Ok(Header {
        line,
        meter: short_text(cell(HEADER)).unwrap_or_default(),
        flow: if produced {
            Flow::Produced
        } else {
            Flow::Consumed
        },
        step_min: cell("pas en minutes")
            .parse()
            .ok()
            .filter(|step| STEPS_MIN.contains(step)),
    })
}

fn read_value(cells: &[&str], line: u64) -> Result<Stamped, SkipReason> {
    let &[stamp, value] = cells else {
        return Err(SkipReason::Columns {
            expected: 2,
            got: cells.len() as u64,
        });
    };
    let end: Moment = stamp.parse()?;
    if value.is_empty() {
        return Err(SkipReason::NoValue);
    }
    let watts = value.parse().ok().filter(|&watts: &u64| watts <= WATTS_MAX);
    let watts = watts.ok_or_else(|| SkipReason::BadValue {
        text: quoted(value),
    })?;
    Ok(Stamped { line, end, watts })
}

fn finish_block(header: &Header, mut stamped: Vec<Stamped>, report: &mut Report) {
    if header.meter == MADE_UP_METER {
        report.note(Place::Line(header.line), NoteKind::MadeUp);
    }
    stamped.sort_by_key(|it| (it.end.at_ms(), it.line));
    let Some(step_min) = header.step_min.or_else(|| infer_step(&stamped)) else {
        for it in stamped {
            report.skip(Place::Line(it.line), SkipReason::NoStep);
        }
        return;
    };
    if header.step_min.is_none() {
        report.note(
            Place::Line(header.line),
            NoteKind::StepInferred { minutes: step_min },
        );
    }
    let mut before: Option<Stamped> = None;
    for it in stamped {
        if let Some(reading) = next_reading(header, step_min, before, it, report) {
            report.records.push(Record::Reading(reading));
            before = Some(it);
        }
    }
}

/// The reading of `it`, if it follows `before` as it should.
fn next_reading(
    header: &Header,
    step_min: u64,
    before: Option<Stamped>,
    it: Stamped,
    report: &mut Report,
) -> Option<Reading> {
    let place = Place::Line(it.line);
    let step_ms = i64::try_from(step_min).expect("at most 60") * MINUTE_MS;
    let start_ms = it.end.at_ms() - step_ms;
    // Its own offset, unless the clock changed inside the interval.
    let start = match Moment::in_zone(it.end.at_ms()) {
        Ok(end) if end == it.end => Moment::in_zone(start_ms),
        _ => Moment::new(start_ms, it.end.offset_min()),
    };
    let start = match start {
        Ok(start) => start,
        Err(error) => {
            report.skip(place, error);
            return None;
        }
    };
    if let Some(before) = before {
        let gap_ms = start_ms - before.end.at_ms();
        if before.end.at_ms() == it.end.at_ms() {
            if before.watts == it.watts {
                report.note(place, NoteKind::Repeats { line: before.line });
            } else {
                report.skip(place, SkipReason::Contradicts { line: before.line });
            }
            return None;
        }
        if gap_ms < 0 {
            report.skip(place, SkipReason::Overlaps);
            return None;
        }
        if gap_ms > 0 {
            let missing = u64::try_from(gap_ms / step_ms).unwrap_or(0).max(1);
            report.note(
                place,
                NoteKind::Gap {
                    from: before.end,
                    to: start,
                    missing,
                },
            );
        }
    }
    Some(Reading {
        start,
        end: it.end,
        // W × s = J, exactly.
        energy: Joules(it.watts * step_min * 60),
        flow: header.flow,
        meter: header.meter.clone(),
        provenance: report.provenance(place),
    })
}

/// The commonest step between neighbours; the shortest of equally common ones.
fn infer_step(stamped: &[Stamped]) -> Option<u64> {
    let mut counts = [0_usize; STEPS_MIN.len()];
    for pair in stamped.windows(2) {
        let minutes = pair[1].end.since_ms(pair[0].end) / 60_000;
        if let Some(at) = STEPS_MIN.iter().position(|&step| step == minutes) {
            counts[at] += 1;
        }
    }
    let most = counts.iter().copied().max().filter(|&most| most > 0)?;
    counts
        .iter()
        .position(|&count| count == most)
        .map(|at| STEPS_MIN[at])
}
