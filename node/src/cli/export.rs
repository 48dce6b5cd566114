//! `maille export`: everything, as JSON.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use maille_core::command::{Command, Done};
use serde_json::{Value, json};

use crate::cli::Context;
use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;

/// Writes everything to a new file or to stdout.
pub(crate) fn run(
    context: &Context,
    flags: &crate::cli::flags::ExportFlags,
) -> Result<(), Failure> {
    let Done::Exported(export) = Desk::open(context)?.ask(Command::Export)? else {
        return Err(unexpected("export"));
    };
    let records = u64::try_from(export.records.len()).unwrap_or(u64::MAX);
    let document = crate::export::document(&export);
    let Some(out) = &flags.out else {
        context.screen.done("exported", document.clone(), |screen| {
            screen.line(pretty(&document));
        });
        return Ok(());
    };
    write_new(out, pretty(&document).as_bytes())?;
    let fields = json!({ "file": out, "records": records });
    context.screen.done("exported", fields, |screen| {
        screen.notes(screen.text.exported(&out.display().to_string(), records));
    });
    Ok(())
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).expect("a JSON value always has a text form")
}

/// Writes a file that must not exist yet, readable by its owner alone; leaves nothing
/// behind when the disk is full.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let told = |error: io::Error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::FileExists {
            file: path.to_owned(),
        },
        _ => Failure::FileUnwritable {
            file: path.to_owned(),
            reason: error.to_string(),
        },
    };
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(told)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half a file would look like a whole one; the first error is the one to tell.
        let _ = std::fs::remove_file(path);
        told(error)
    })
}
