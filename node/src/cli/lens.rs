//! `maille lens list|preview`: what could be shared, row by row; nothing leaves.

use maille_core::command::{Command, Done};
use maille_schemas::lens::Lens;
use serde_json::json;

use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::LensPreviewFlags;
use crate::cli::{Context, rows, typed};

/// Lists the lenses. Needs no home: they are part of the program.
pub(crate) fn list(context: &Context) {
    let lang = context.screen.text.lang();
    let lenses: Vec<_> = Lens::all()
        .iter()
        .map(|lens| {
            json!({
                "name": lens.name(),
                "id": rows::hex(&lens.id()),
                "sentence": rows::sentence(lens.name(), lang),
            })
        })
        .collect();
    context
        .screen
        .done("lenses", json!({ "lenses": lenses }), |screen| {
            for lens in Lens::all() {
                screen.line(lens.name());
                screen.lines(screen.wrapped(&rows::sentence(lens.name(), lang), 2));
            }
        });
}

/// Shows what a lens would show.
pub(crate) fn preview(context: &Context, flags: &LensPreviewFlags) -> Result<(), Failure> {
    let from = flags.from.as_deref().map(typed::month).transpose()?;
    let command = Command::LensPreview {
        lens: flags.lens.clone(),
        from,
    };
    let Done::Preview { lens, rows: found } = Desk::open(context)?.ask(command)? else {
        return Err(unexpected("lens preview"));
    };
    let fields = json!({
        "lens": lens,
        "sentence": rows::sentence(&lens, context.screen.text.lang()),
        "rows": rows::json(&lens, &found),
    });
    context.screen.done("preview", fields, |screen| {
        screen.prose(&rows::sentence(&lens, screen.text.lang()));
        screen.lines(rows::lines(&lens, &found, screen));
        let count = u64::try_from(found.len()).unwrap_or(u64::MAX);
        screen.note(screen.text.preview_foot(count));
    });
    Ok(())
}
