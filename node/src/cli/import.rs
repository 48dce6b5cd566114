//! `maille import FILE…`: reads files, says what was understood, keeps it.
//!
//! Each file stands alone: it is kept whole or not at all, and one that is refused
//! does not stop the others. (All or nothing over twenty files was the alternative:
//! importing twice changes nothing, so the good ones would only have to be imported
//! again.) If any was refused, the command ends with the first refusal's exit code.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use maille_core::command::{Command, Done};
use maille_schemas::import::{
    BYTES_MAX, Format, ImportError, Imported, REPORT_LINES_MAX, SkipReason,
};
use maille_schemas::record::Record;
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::ImportFlags;
use crate::cli::screen::Screen;

/// Skipped places and remarks shown per file; the rest is in the JSON.
const LINES_SHOWN_MAX: usize = 8;

/// Records handed over at a time, all or nothing: five years of half hours, about half of
/// what a running node takes in one line.
const RECORDS_PER_COMMAND_MAX: usize = 100_000;

/// What came of keeping the records of a file.
#[derive(Clone, Copy, Default)]
struct Kept {
    added: u64,
    unchanged: u64,
    differing: u64,
}

/// Imports files.
pub(crate) fn run(context: &Context, flags: &ImportFlags) -> Result<(), Failure> {
    let screen = &context.screen;
    let format = flags.format.as_deref().map(format_named).transpose()?;
    // A trial run needs no home at all.
    let mut desk = if flags.dry_run {
        None
    } else {
        Some(Desk::open(context)?)
    };
    let mut told = Vec::new();
    let mut refused = Vec::new();
    for path in &flags.files {
        match import(path, format, desk.as_mut()) {
            Ok((imported, kept)) => {
                tell(path, &imported, kept, screen);
                let mut entry = as_json(path, &imported, kept);
                if imported.records.is_empty() && !imported.skipped.is_empty() {
                    let undated = imported.skipped.iter();
                    let failure = Failure::NothingToKeep {
                        file: path.clone(),
                        undated: undated
                            .into_iter()
                            .any(|it| it.reason == SkipReason::NoDate),
                    };
                    if !screen.json {
                        screen.failed(&failure, json!({}));
                    }
                    entry["error"] = failure.values().into();
                    refused.push(failure);
                }
                told.push(entry);
            }
            Err(failure) => {
                if !screen.json {
                    screen.failed(&failure, json!({}));
                }
                told.push(json!({ "file": path, "error": failure.values() }));
                let over = matches!(
                    failure,
                    Failure::Command(_) | Failure::PartlyKept { .. } | Failure::DaemonLost { .. }
                );
                refused.push(failure);
                if over {
                    break; // the disk is full or the node gone: the next file fares no better
                }
            }
        }
    }
    let fields = json!({ "files": told, "dry_run": flags.dry_run });
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let Some(first) = refused.first() else {
        screen.done("imported", fields, |_| {});
        return Ok(());
    };
    if screen.json {
        screen.failed(first, fields);
    } else if flags.files.len() > 1 {
        let kept = told.len() - refused.len();
        screen.note(screen.text.import_mixed(count(kept), count(refused.len())));
    }
    Err(Failure::Told {
        exit_code: first.exit_code(),
    })
}

/// Reads one file and keeps what is in it.
fn import(
    path: &Path,
    format: Option<Format>,
    desk: Option<&mut Desk>,
) -> Result<(Imported, Option<Kept>), Failure> {
    let bytes = read(path)?;
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    let imported = maille_schemas::import::import(&name, &bytes, format)
        .map_err(|reason| Failure::refused(path.to_owned(), reason))?;
    let Some(desk) = desk else {
        return Ok((imported, None));
    };
    if imported.records.is_empty() {
        return Ok((imported, Some(Kept::default())));
    }
    let kept = keep(path, &imported.records, desk)?;
    Ok((imported, Some(kept)))
}

/// Has records kept: in one go unless there are very many.
fn keep(path: &Path, records: &[Record], desk: &mut Desk) -> Result<Kept, Failure> {
    let mut kept = Kept::default();
    for records in records.chunks(RECORDS_PER_COMMAND_MAX) {
        let before = kept.added;
        let answer = desk.ask(Command::Record {
            records: records.to_vec(),
        });
        match answer {
            Ok(Done::Recorded {
                added,
                unchanged,
                differing,
            }) => {
                kept.added += added;
                kept.unchanged += unchanged;
                kept.differing += differing;
            }
            Ok(_) => return Err(unexpected("import")),
            Err(failure) if before == 0 => return Err(failure),
            Err(_) => {
                return Err(Failure::PartlyKept {
                    file: path.to_owned(),
                    added: before,
                });
            }
        }
    }
    Ok(kept)
}

/// Reads a file, but never more than importers take.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error: std::io::Error| Failure::FileUnreadable {
        file: path.to_owned(),
        reason: error.to_string(),
    };
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let max = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX);
    let too_large = |bytes| Failure::refused(path.to_owned(), ImportError::TooLarge { bytes, max });
    if size > max {
        return Err(too_large(size));
    }
    let mut bytes = Vec::new();
    // A pipe has no size, and a file may grow.
    file.take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() > BYTES_MAX {
        return Err(too_large(max + 1));
    }
    Ok(bytes)
}

fn format_named(name: &str) -> Result<Format, Failure> {
    name.parse().map_err(|_| Failure::UnknownFormat {
        format: name.to_owned(),
        known: Format::ALL.iter().map(ToString::to_string).collect(),
    })
}

fn counts(imported: &Imported) -> (u64, u64) {
    let trips = imported
        .records
        .iter()
        .filter(|record| matches!(record, Record::Trip(_)))
        .count();
    let readings = imported.records.len() - trips;
    (
        u64::try_from(trips).unwrap_or(u64::MAX),
        u64::try_from(readings).unwrap_or(u64::MAX),
    )
}

fn as_json(path: &Path, imported: &Imported, kept: Option<Kept>) -> Value {
    let (trips, readings) = counts(imported);
    let lines = |lines: Vec<(String, Value)>| -> Vec<Value> {
        lines
            .into_iter()
            .map(|(place, mut why)| {
                why["place"] = place.into();
                why
            })
            .collect()
    };
    let value = |it: Result<Value, _>| it.unwrap_or_default();
    let skipped = imported.skipped.iter().map(|it| {
        (
            it.place.to_string(),
            value(serde_json::to_value(&it.reason)),
        )
    });
    let notes = imported
        .notes
        .iter()
        .map(|it| (it.place.to_string(), value(serde_json::to_value(&it.what))));
    json!({
        "file": path,
        "format": imported.format,
        "trips": trips,
        "readings": readings,
        "kept": kept.map(|kept| json!({
            "added": kept.added, "unchanged": kept.unchanged, "differing": kept.differing,
        })),
        "skipped": lines(skipped.collect()),
        "skipped_more": imported.skipped_more,
        "notes": lines(notes.collect()),
        "notes_more": imported.notes_more,
    })
}

/// Says what was understood of one file.
fn tell(path: &Path, imported: &Imported, kept: Option<Kept>, screen: &Screen) {
    if screen.json {
        return;
    }
    let text = screen.text;
    let (trips, readings) = counts(imported);
    screen.line(text.import_head(&path.display().to_string(), imported.format));
    screen.line(format!("  {}", text.import_read(trips, readings)));
    screen.line(match kept {
        Some(kept) => format!(
            "  {}",
            text.import_kept(kept.added, kept.unchanged, kept.differing)
        ),
        None => format!("  {}", text.import_dry_run()),
    });
    let skipped = imported
        .skipped
        .iter()
        .map(|it| (text.place(it.place), text.skip_reason(&it.reason)));
    let skipped: Vec<_> = skipped.collect();
    if !skipped.is_empty() {
        screen.line(format!(
            "  {}",
            text.import_skipped(total(skipped.len(), imported.skipped_more))
        ));
        listed(&skipped, imported.skipped_more, screen);
    }
    let notes = imported
        .notes
        .iter()
        .map(|it| (text.place(it.place), text.import_note(&it.what)));
    let notes: Vec<_> = notes.collect();
    if !notes.is_empty() {
        screen.line(format!(
            "  {}",
            text.import_notes(total(notes.len(), imported.notes_more))
        ));
        listed(&notes, imported.notes_more, screen);
    }
}

fn listed(lines: &[(String, String)], more: u64, screen: &Screen) {
    debug_assert!(
        lines.len() <= REPORT_LINES_MAX,
        "importers bound their reports"
    );
    for (place, why) in lines.iter().take(LINES_SHOWN_MAX) {
        screen.line(format!("    {}", screen.text.labelled(place, why)));
    }
    let hidden = total(lines.len().saturating_sub(LINES_SHOWN_MAX), more);
    if hidden > 0 {
        screen.line(format!("    {}", screen.text.and_more(hidden)));
    }
}

fn total(listed: usize, more: u64) -> u64 {
    more.saturating_add(u64::try_from(listed).unwrap_or(u64::MAX))
}

/// Imports one file whose bytes are at hand, for the demo.
pub(crate) fn read_bytes(name: &str, bytes: &[u8]) -> Result<Imported, Failure> {
    maille_schemas::import::import(name, bytes, None)
        .map_err(|reason| Failure::refused(PathBuf::from(name), reason))
}
