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
/// Most columns that are looked at; Enedis writes nine. The names of a header are kept, and one without
/// letters is a byte in the file and a hundred in memory.
const COLUMNS_MAX: usize = 64;
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
    let rows = csv::ReaderBuilder::new()
        .delimiter(b';')
        .has_headers(false)
        .flexible(true)
        .quoting(false)
        .from_reader(text.as_bytes())
        .into_records();
    let mut blocks = Blocks {
        report,
        names: None,
        block: None,
        stamped: Vec::new(),
        read: 0,
        refused: None,
    };
    let mut last_line = 0;
    for row in rows {
        let row = row.map_err(|error| ImportError::Malformed {
            place: Place::File,
            reason: error.to_string(),
        })?;
        last_line = row.position().map_or(0, csv::Position::line);
        let cells: Vec<&str> = row
            .iter()
            .take(COLUMNS_MAX)
            .map(|cell| cell.trim().trim_matches('"'))
            .collect();
        blocks.take(&cells, last_line);
    }
    blocks.finish_block();
    match (blocks.read, blocks.refused) {
        (0, Some(refused)) => Err(refused),
        (0, None) => Err(ImportError::Truncated {
            place: Place::Line(last_line),
        }),
        _ => Ok(()),
    }
}

/// The blocks of a file, line by line.
struct Blocks<'a> {
    report: &'a mut Report,
    /// Column names, from the first line of a header until its second.
    names: Option<BTreeMap<String, usize>>,
    /// The block whose values are being read; `None` if it is of another kind.
    block: Option<Header>,
    stamped: Vec<Stamped>,
    /// How many blocks were load curves.
    read: u64,
    /// Why the last block that was none was refused.
    refused: Option<ImportError>,
}

impl Blocks<'_> {
    fn take(&mut self, cells: &[&str], line: u64) {
        if is_header(cells[0].as_bytes()) {
            self.finish_block();
            self.names = Some(
                cells
                    .iter()
                    .enumerate()
                    .map(|(at, name)| (name.to_lowercase(), at))
                    .collect(),
            );
        } else if let Some(names) = self.names.take() {
            self.start_block(&names, cells, line);
        } else if self.block.is_some() && !is_passed_over(cells) {
            match read_value(cells, line) {
                Ok(value) => self.stamped.push(value),
                Err(reason) => self.report.skip(Place::Line(line), reason),
            }
        }
    }

    fn start_block(&mut self, names: &BTreeMap<String, usize>, cells: &[&str], line: u64) {
        match read_header(names, cells, line) {
            Ok(header) => {
                self.read += 1;
                self.block = Some(header);
            }
            Err((what, unit)) => {
                let place = Place::Line(line);
                self.report.skip(
                    place,
                    SkipReason::NotALoadCurve {
                        what: what.clone(),
                        unit: unit.clone(),
                    },
                );
                self.refused = Some(ImportError::NotALoadCurve { place, what, unit });
            }
        }
    }

    fn finish_block(&mut self) {
        if let Some(header) = self.block.take() {
            finish_block(&header, std::mem::take(&mut self.stamped), self.report);
        }
    }
}

/// The header of the values, and empty lines.
fn is_passed_over(cells: &[&str]) -> bool {
    cells[0].eq_ignore_ascii_case("horodate") || cells.iter().all(|cell| cell.is_empty())
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
    // A record is ten times its line: growing by doubling would double that again.
    report.records.reserve(stamped.len());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{DateFault, Imported, import};

    const HEAD: &str = "Identifiant PRM;Type de donnees;Date de debut;Date de fin;Grandeur physique;\
                        Grandeur metier;Etape metier;Unite;Pas en minutes\n";

    fn block(unit_and_step: &str, lines: &[&str]) -> String {
        let meter = "11111111111111;Courbe de charge;01/01/2022;02/01/2022;Energie active";
        format!(
            "{HEAD}{meter};Consommation;Comptage Brut;{unit_and_step}\nHorodate;Valeur\n{}\n",
            lines.join("\n")
        )
    }

    #[track_caller]
    fn read(text: &str) -> Imported {
        import("linky.csv", text.as_bytes(), None).unwrap()
    }

    fn readings(imported: &Imported) -> Vec<&Reading> {
        imported
            .records
            .iter()
            .map(|record| match record {
                Record::Reading(reading) => reading,
                Record::Trip(_) => unreachable!("a meter makes no trips"),
            })
            .collect()
    }

    fn reasons(imported: &Imported) -> Vec<(Place, &SkipReason)> {
        imported
            .skipped
            .iter()
            .map(|it| (it.place, &it.reason))
            .collect()
    }

    #[test]
    fn a_stamp_is_the_end_of_its_half_hour() {
        let imported = read(&block("W;30", &["2022-08-01T00:00:00+02:00;400"]));
        let reading = readings(&imported)[0];
        assert_eq!(reading.start.to_string(), "2022-07-31T23:30:00.000+02:00");
        assert_eq!(imported.records[0].document().to_string(), "energy/2022-07");
        assert_eq!(reading.energy, Joules(400 * 1_800));
        assert_eq!(reading.provenance.place, Place::Line(4));
    }

    #[test]
    fn a_byte_order_mark_carriage_returns_and_quotes_change_nothing() {
        let plain = block("W;30", &["2022-08-01T00:00:00+02:00;400"]);
        let odd = format!(
            "\u{feff}{}",
            plain
                .replace('\n', "\r\n")
                .replace("Horodate", "\"Horodate\"")
        );
        assert_eq!(
            readings(&read(&plain))[0].id(),
            readings(&read(&odd))[0].id()
        );
        assert_eq!(reasons(&read(&odd)), []);
    }

    #[test]
    fn the_step_comes_from_the_stamps_when_the_header_gives_none() {
        for (step, second) in [(10, "00:20"), (30, "00:40"), (60, "01:10")] {
            let second = format!("2022-08-01T{second}:00+02:00;60");
            let imported = read(&block("W;", &["2022-08-01T00:10:00+02:00;60", &second]));
            assert!(
                imported
                    .notes
                    .iter()
                    .any(|it| it.what == NoteKind::StepInferred { minutes: step })
            );
            assert_eq!(readings(&imported)[1].energy, Joules(60 * 60 * step));
        }
        let alone = read(&block("W;", &["2022-08-01T00:10:00+02:00;60"]));
        assert_eq!(reasons(&alone), [(Place::Line(4), &SkipReason::NoStep)]);
    }

    #[test]
    fn the_double_hour_of_october_is_two_hours() {
        let imported = read(&block(
            "W;30",
            &[
                "2022-10-30T02:00:00+02:00;1",
                "2022-10-30T02:30:00+02:00;2",
                "2022-10-30T02:00:00+01:00;3",
                "2022-10-30T02:30:00+01:00;4",
                "2022-10-30T03:00:00+01:00;5",
            ],
        ));
        assert_eq!(imported.records.len(), 5);
        assert_eq!((reasons(&imported), imported.notes.len()), (vec![], 0));
        assert_eq!(
            readings(&imported)[3].start.to_string(),
            "2022-10-30T02:00:00.000+01:00"
        );
    }

    #[test]
    fn the_missing_hour_of_march_is_no_gap() {
        let stamps = [
            "2022-03-27T01:30:00+01:00;1",
            "2022-03-27T03:00:00+02:00;2",
            "2022-03-27T03:30:00+02:00;3",
        ];
        let imported = read(&block("W;30", &stamps));
        assert_eq!((imported.records.len(), imported.notes.len()), (3, 0));
        assert_eq!(
            readings(&imported)[1].start.to_string(),
            "2022-03-27T01:30:00.000+01:00"
        );
    }

    #[test]
    fn a_missing_block_is_noted_and_not_invented() {
        let stamps = [
            "2022-08-01T00:30:00+02:00;1",
            "2022-08-01T01:00:00+02:00;1",
            "2022-08-01T12:00:00+02:00;1",
        ];
        let imported = read(&block("W;30", &stamps));
        assert_eq!(imported.records.len(), 3);
        let [note] = &imported.notes[..] else {
            panic!("{:?}", imported.notes)
        };
        let NoteKind::Gap { from, to, missing } = note.what else {
            panic!("{note:?}")
        };
        assert_eq!(note.place, Place::Line(6));
        assert_eq!(from.to_string(), "2022-08-01T01:00:00.000+02:00");
        assert_eq!(to.to_string(), "2022-08-01T11:30:00.000+02:00");
        assert_eq!(missing, 21);
    }

    #[test]
    fn each_bad_line_is_skipped_with_its_place_and_reason() {
        let imported = read(&block(
            "W;30",
            &[
                "2022-08-01T00:30:00+02:00;",
                "2022-08-01T01:00:00+02:00;-5",
                "2022-08-01T01:30:00+02:00;1,5",
                "01/08/2022 02:00;5",
                "2022-08-01T02:30:00;5",
                "2022-08-01T03:00:00+02:00;5;6",
                "2222-08-01T03:00:00+02:00;5",
                "2022-08-01T03:00:00+02:00;99999999999999999999999",
                "2022-08-01T04:00:00+02:00;5",
                "2022-08-01T04:00:00+02:00;5",
                "2022-08-01T04:00:00+02:00;6",
                "2022-08-01T04:10:00+02:00;6",
            ],
        ));
        let bad = |text: &str| SkipReason::BadValue {
            text: text.to_owned(),
        };
        let expected = [
            (4, SkipReason::NoValue),
            (5, bad("-5")),
            (6, bad("1,5")),
            (7, SkipReason::BadDate(DateFault::Malformed)),
            (8, SkipReason::BadDate(DateFault::NoOffset)),
            (
                9,
                SkipReason::Columns {
                    expected: 2,
                    got: 3,
                },
            ),
            (10, SkipReason::BadDate(DateFault::OutOfRange)),
            (11, bad("99999999999999999999999")),
            (14, SkipReason::Contradicts { line: 12 }),
            (15, SkipReason::Overlaps),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(line, reason)| (Place::Line(*line), reason))
            .collect();
        assert_eq!(reasons(&imported), expected);
        assert_eq!(imported.notes[0].what, NoteKind::Repeats { line: 12 });
        assert_eq!(imported.records.len(), 1);
    }

    #[test]
    fn several_blocks_are_read_and_one_of_another_kind_is_skipped() {
        let first = block("W;30", &["2022-08-01T00:30:00+02:00;1"]);
        let index =
            block("W;30", &["2022-08-01T01:00:00+02:00;9"]).replace("Courbe de charge", "Index");
        let third =
            block("W;30", &["2022-08-01T01:00:00+02:00;2"]).replace("Consommation", "Production");
        let imported = read(&format!("{first}{index}{third}"));
        assert_eq!(
            readings(&imported)
                .iter()
                .map(|it| it.flow)
                .collect::<Vec<_>>(),
            [Flow::Consumed, Flow::Produced]
        );
        let reason = SkipReason::NotALoadCurve {
            what: "Index".into(),
            unit: "W".into(),
        };
        assert_eq!(reasons(&imported), [(Place::Line(6), &reason)]);
    }

    #[test]
    fn a_file_of_indexes_is_refused_and_so_is_one_cut_off_in_its_header() {
        let index = block("Wh;", &[]).replace("Courbe de charge", "Index");
        let refused = import("f", index.as_bytes(), None).unwrap_err();
        let what = ("Index".to_owned(), "Wh".to_owned());
        assert_eq!(
            refused,
            ImportError::NotALoadCurve {
                place: Place::Line(2),
                what: what.0,
                unit: what.1
            }
        );
        let cut = import("f", HEAD.as_bytes(), None).unwrap_err();
        assert_eq!(
            cut,
            ImportError::Truncated {
                place: Place::Line(1)
            }
        );
    }
}
