//! What a command says: results on stdout, narration on stderr, or one JSON object.
//!
//! | | without `--json` | with `--json` |
//! |---|---|---|
//! | result | lines on stdout | `{"version":1,"done":…}` on stdout |
//! | narration | lines on stderr | nothing |
//! | failure | report on stderr | `{"version":1,"error":{…}}` on stdout |
//!
//! A reader that goes away (`maille … | head`) is no failure: what is left to say is
//! dropped in silence. A full disk behind stdout is one.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, ErrorKind, Write};

use serde_json::{Map, Value};

use crate::cli::failure::{Failure, Sentence};
use crate::i18n::{Clock, Lang, Text};

/// Version of the JSON that commands print. Fields may be added within a version.
pub(crate) const JSON_VERSION: u64 = 1;

/// Where a command's words go, in which language and form.
pub(crate) struct Screen {
    pub(crate) text: &'static dyn Text,
    pub(crate) clock: Clock,
    pub(crate) json: bool,
    broken: RefCell<Option<io::Error>>,
}

impl Screen {
    pub(crate) fn new(lang: Lang, json: bool) -> Self {
        Self {
            text: lang.text(),
            clock: Clock::system(),
            json,
            broken: RefCell::new(None),
        }
    }

    /// A line of the result.
    pub(crate) fn line(&self, line: impl AsRef<str>) {
        if self.broken.borrow().is_some() {
            return;
        }
        let mut out = io::stdout().lock();
        let written = writeln!(out, "{}", visible(line.as_ref())).and_then(|()| out.flush());
        if let Err(error) = written {
            *self.broken.borrow_mut() = Some(error);
        }
    }

    /// Lines of the result.
    pub(crate) fn lines<L: AsRef<str>>(&self, lines: impl IntoIterator<Item = L>) {
        for line in lines {
            self.line(line);
        }
    }

    /// A line of narration; dropped with `--json`.
    pub(crate) fn note(&self, line: impl AsRef<str>) {
        if !self.json {
            // Nobody to tell if stderr is gone too.
            let _ = writeln!(io::stderr().lock(), "{}", visible(line.as_ref()));
        }
    }

    /// Lines of narration; dropped with `--json`.
    pub(crate) fn notes<L: AsRef<str>>(&self, lines: impl IntoIterator<Item = L>) {
        for line in lines {
            self.note(line);
        }
    }

    /// A picture of dark squares on light ones, whatever the terminal's own colours: not every camera reads the
    /// reverse. Only for a terminal.
    pub(crate) fn picture(&self, lines: &[String]) {
        for line in lines {
            let _ = writeln!(io::stderr().lock(), "\u{1b}[30;107m{line}\u{1b}[0m");
        }
    }

    /// A long sentence of narration, on lines that fit; dropped with `--json`.
    pub(crate) fn prose(&self, sentence: &str) {
        self.notes(self.wrapped(sentence, 2));
    }

    /// A long sentence on lines that fit, pushed in by so many columns.
    pub(crate) fn wrapped(&self, sentence: &str, indent: usize) -> Vec<String> {
        wrap(sentence, indent, columns())
    }

    /// The result: `fields` with `--json`, else what `readable` prints.
    pub(crate) fn done(&self, done: &str, fields: Value, readable: impl FnOnce(&Self)) {
        if self.json {
            self.object("done", Value::from(done), fields);
        } else {
            readable(self);
        }
    }

    /// Tells a failure; `fields` stand beside the error with `--json`.
    pub(crate) fn failed(&self, failure: &Failure, fields: Value) {
        let sentence = self.text.failure(failure, &self.clock);
        if self.json {
            let mut error = failure.values();
            error.insert("message".to_owned(), Value::from(sentence.message));
            error.insert("hint".to_owned(), Value::from(sentence.hint));
            self.object("error", Value::Object(error), fields);
        } else {
            self.report(&sentence);
        }
    }

    /// Why a result did not reach stdout, a reader that went away included: for what
    /// can never be shown again.
    pub(crate) fn lost(&self) -> Option<Failure> {
        let reason = self.broken.borrow().as_ref()?.to_string();
        Some(Failure::FileUnwritable {
            file: "stdout".into(),
            reason,
        })
    }

    /// What went wrong with stdout, if that is worth telling.
    pub(crate) fn broken(&self) -> Option<Failure> {
        let error = self.broken.borrow_mut().take()?;
        if error.kind() == ErrorKind::BrokenPipe {
            return None;
        }
        Some(Failure::FileUnwritable {
            file: "stdout".into(),
            reason: error.to_string(),
        })
    }

    /// The report of style §4: what happened, what else is known, the next step.
    fn report(&self, sentence: &Sentence) {
        self.note(format!("{} {}", self.text.error_head(), sentence.message));
        self.notes(sentence.details.iter().map(|line| format!("  {line}")));
        if let Some(hint) = &sentence.hint {
            self.note(format!("{} {hint}", self.text.hint_head()));
        }
    }

    fn object(&self, key: &str, value: Value, fields: Value) {
        let mut object = Map::new();
        object.insert("version".to_owned(), Value::from(JSON_VERSION));
        object.insert(key.to_owned(), value);
        if let Value::Object(fields) = fields {
            for (name, field) in fields {
                object.entry(name).or_insert(field);
            }
        }
        self.line(Value::Object(object).to_string());
    }
}

/// Widest line: longer ones are hard to read, however wide the terminal.
const COLUMNS_MAX: usize = 100;

/// How wide lines may be.
fn columns() -> usize {
    let terminal = rustix::termios::tcgetwinsize(io::stderr()).ok();
    terminal
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0)
        .map_or(COLUMNS_MAX, |columns| columns.min(COLUMNS_MAX))
}

/// Breaks a sentence at its spaces, each line pushed in and at most `columns` wide; a
/// word that is wider stands alone. French marks stay with the word before them.
fn wrap(sentence: &str, indent: usize, columns: usize) -> Vec<String> {
    let bound = [" :", " ;", " !", " ?", " %"]
        .iter()
        .fold(sentence.to_owned(), |text, mark| {
            text.replace(mark, &mark.replace(' ', "\u{a0}"))
        });
    let mut lines: Vec<String> = Vec::new();
    for word in bound.split_ascii_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{:indent$}{word}", "")),
        }
    }
    // No-break spaces have done their work, and searching and copying go better without.
    lines
        .iter()
        .map(|line| line.replace('\u{a0}', " "))
        .collect()
}

/// `line` without what a terminal would obey instead of showing: names and purposes come from
/// other people. JSON writes control characters as escapes; direction marks lose nothing here.
fn visible(line: &str) -> Cow<'_, str> {
    let obeyed = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if line.contains(obeyed) {
        Cow::Owned(line.replace(obeyed, "\u{fffd}"))
    } else {
        Cow::Borrowed(line)
    }
}

/// Columns padded to their widest cell; numbers (`right`) are pushed to the right.
pub(crate) fn table(rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.iter().map(Vec::len).max().unwrap_or(0))
        .map(width)
        .collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                let pad = " ".repeat(widths[column] - cell.chars().count());
                if right.contains(&column) {
                    format!("{pad}{cell}")
                } else {
                    format!("{cell}{pad}")
                }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_made_visible() {
        assert_eq!(visible("Défi vélo\nsuite"), "Défi vélo\nsuite");
        assert_eq!(visible("\u{1b}[2JOK"), "\u{fffd}[2JOK");
        assert_eq!(visible("txt\u{202e}gpx"), "txt\u{fffd}gpx");
    }

    #[test]
    fn a_long_sentence_is_broken_where_it_may_be() {
        let sentence = "Par semaine, la personne voit le nombre ; ni lieu, ni heure.";
        assert_eq!(
            wrap(sentence, 2, 42),
            [
                "  Par semaine, la personne voit le",
                "  nombre ; ni lieu, ni heure."
            ]
        );
        for columns in [1, 20, 41, 60, 100] {
            let lines = wrap(sentence, 2, columns);
            let words: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
            assert_eq!(words.join(" "), sentence);
            assert!(
                lines
                    .iter()
                    .all(|line| line.chars().count() <= columns.max(10))
            );
            assert!(!words.iter().any(|line| line.starts_with(';')));
        }
        assert!(wrap("", 2, 100).is_empty());
    }

    #[test]
    fn columns_line_up_whatever_the_accents() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let lines = table(&[row(["vélo", "12,4 km"]), row(["à pied", "850 m"])], &[1]);
        assert_eq!(lines, ["vélo    12,4 km", "à pied    850 m"]);
        assert!(table(&[], &[]).is_empty());
    }
}
