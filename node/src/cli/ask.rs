//! Questions that are answered with yes or no, or with a line.
//!
//! Nobody is asked where nobody could answer: with `--json`, and where stdin is no terminal. What needs a yes
//! there is said beforehand, by `--yes`.

use std::io::{self, IsTerminal, Write};

use crate::cli::failure::Failure;
use crate::cli::screen::Screen;

/// Longest line that is read as an answer.
const ANSWER_BYTES_MAX: usize = 1_000;

/// Whether somebody is there to answer.
pub(crate) fn somebody(screen: &Screen) -> bool {
    !screen.json && io::stdin().is_terminal()
}

/// Refuses to begin what will need a yes that nobody can give.
pub(crate) fn needs_a_yes(screen: &Screen, said: bool) -> Result<(), Failure> {
    if said || somebody(screen) {
        return Ok(());
    }
    Err(Failure::Usage {
        what: screen.text.usage_missing("--yes"),
        hint: Some(screen.text.usage_add_yes().to_owned()),
    })
}

/// Goes on if the answer is yes, or was said beforehand.
pub(crate) fn sure(screen: &Screen, said: bool, question: &str) -> Result<(), Failure> {
    needs_a_yes(screen, said)?;
    if said || yes(screen, question)? {
        return Ok(());
    }
    Err(Failure::NotDone)
}

/// Asks a question that is answered with yes or no.
pub(crate) fn yes(screen: &Screen, question: &str) -> Result<bool, Failure> {
    loop {
        if let Some(answer) = screen.text.yes_or_no(&line(question)?) {
            return Ok(answer);
        }
    }
}

/// Asks for a line; what is typed without its spaces around.
pub(crate) fn line(question: &str) -> Result<String, Failure> {
    let _ = write!(io::stderr().lock(), "{question} ").and_then(|()| io::stderr().flush());
    let mut line = String::new();
    match io::stdin().read_line(&mut line) {
        Ok(read) if read > 0 && read <= ANSWER_BYTES_MAX => Ok(line.trim().to_owned()),
        _ => Err(Failure::NotDone),
    }
}
