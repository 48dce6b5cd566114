//! Rows of a lens, for the eye and as JSON.
//!
//! They may come from somebody else's node: a row that the lens cannot read is shown
//! as its bytes, never guessed at and never dropped.

use std::fmt::Write;

use maille_core::command::ProjectedRow;
use maille_schemas::lens::{self, Lens, WeeklyRow};
use serde_json::{Value, json};

use crate::cli::screen::{Screen, table};
use crate::i18n::Lang;

/// What a lens shows, in one sentence; empty for a lens that this program lacks.
pub(crate) fn sentence(name: &str, lang: Lang) -> String {
    let lang = match lang {
        Lang::Fr => lens::Lang::Fr,
        Lang::En => lens::Lang::En,
    };
    Lens::find(name)
        .map(|lens| lens.explain(lang))
        .unwrap_or_default()
}

/// Rows as JSON, unit in each field's name.
pub(crate) fn json(name: &str, rows: &[ProjectedRow]) -> Vec<Value> {
    rows.iter()
        .map(|row| match read(name, row) {
            Some(weekly) => json!({
                "week": week(&weekly),
                "mode": weekly.mode,
                "trips": weekly.trips,
                "distance_mm": weekly.distance,
                "co2e_mg": weekly.co2e,
            }),
            None => json!({ "key": hex(&row.key), "fields": hex(&row.fields) }),
        })
        .collect()
}

/// Rows as a table with a heading.
pub(crate) fn lines(name: &str, rows: &[ProjectedRow], screen: &Screen) -> Vec<String> {
    let text = screen.text;
    if rows.is_empty() {
        return vec![text.no_rows().to_owned()];
    }
    let mut cells = vec![text.weekly_columns().map(str::to_owned).to_vec()];
    let mut unread = Vec::new();
    for row in rows {
        match read(name, row) {
            Some(weekly) => cells.push(vec![
                week(&weekly),
                text.mode(weekly.mode).to_owned(),
                text.count(weekly.trips),
                text.distance_mm(weekly.distance.get()),
                match weekly.co2e {
                    Some(co2e) => text.mass_mg(co2e.get()),
                    None => text.unknown_emissions().to_owned(),
                },
            ]),
            None => unread.push(format!("{} {}", hex(&row.key), hex(&row.fields))),
        }
    }
    let mut lines = table(&cells, &[2, 3, 4]);
    lines.extend(unread);
    lines
}

fn read(name: &str, row: &ProjectedRow) -> Option<WeeklyRow> {
    if name != "mobility.weekly" {
        return None;
    }
    lens::decode(&row.key, &row.fields).ok()
}

/// An ISO week as ISO 8601 writes it: `2027-W03`.
fn week(row: &WeeklyRow) -> String {
    format!("{:04}-W{:02}", row.year, row.week)
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_the_lens_cannot_read_is_shown_as_bytes() {
        let row = ProjectedRow {
            key: vec![0xff, 1],
            fields: vec![],
        };
        let screen = Screen::new(Lang::En, false);
        assert_eq!(
            json("mobility.weekly", std::slice::from_ref(&row))[0]["key"],
            "ff01"
        );
        assert!(
            lines("mobility.weekly", &[row], &screen)
                .last()
                .unwrap()
                .contains("ff01")
        );
    }

    #[test]
    fn every_lens_explains_itself_in_both_languages() {
        for lens in Lens::all() {
            assert_ne!(
                sentence(lens.name(), Lang::Fr),
                sentence(lens.name(), Lang::En)
            );
        }
    }
}
