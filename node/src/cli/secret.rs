//! Passphrases: from a file, or typed unseen at the terminal.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use maille_node::keystore::{WordsError, words_to_seed};

use crate::cli::Context;
use crate::cli::failure::Failure;

/// Longest passphrase: longer is a wrong file, not a passphrase.
const PASSPHRASE_BYTES_MAX: u64 = 1_024;

/// The passphrase of an existing home.
pub(crate) fn passphrase(context: &Context) -> Result<Zeroizing<String>, Failure> {
    match &context.passphrase_file {
        Some(file) => from_file(file),
        None => ask(context, context.screen.text.passphrase_ask()),
    }
}

/// The passphrase of a new home: typed twice, or once from a file.
pub(crate) fn new_passphrase(context: &Context) -> Result<Zeroizing<String>, Failure> {
    let text = context.screen.text;
    let first = match &context.passphrase_file {
        Some(file) => from_file(file)?,
        None => {
            let first = ask(context, text.passphrase_new())?;
            let second = ask(context, text.passphrase_again())?;
            if first != second {
                return Err(Failure::PassphraseUnusable);
            }
            first
        }
    };
    if first.is_empty() {
        Err(Failure::PassphraseUnusable)
    } else {
        Ok(first)
    }
}

/// The seed of the twelve words: from a file, or typed unseen.
pub(crate) fn words(
    context: &Context,
    file: Option<&Path>,
) -> Result<Zeroizing<[u8; 64]>, Failure> {
    let typed = match file {
        Some(file) => from_file(file)?,
        None => ask(context, context.screen.text.words_ask())?,
    };
    words_to_seed(&typed).map_err(|error| match error {
        WordsError::Unknown(place) => Failure::BadWords {
            place: Some(place as u64),
        },
        _ => Failure::BadWords { place: None },
    })
}

/// The first line of a file.
fn from_file(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |error: io::Error| Failure::FileUnreadable {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let mut line = Zeroizing::new(String::new());
    BufReader::new(
        File::open(file)
            .map_err(unreadable)?
            .take(PASSPHRASE_BYTES_MAX),
    )
    .read_line(&mut line)
    .map_err(unreadable)?;
    Ok(without_line_end(&line))
}

/// Asks at the terminal, without showing what is typed.
fn ask(context: &Context, question: &str) -> Result<Zeroizing<String>, Failure> {
    let stdin = io::stdin();
    let needed = || Failure::PassphraseNeeded {
        home: context.home.clone(),
    };
    if !stdin.is_terminal() {
        return Err(needed());
    }
    let shown = tcgetattr(&stdin).map_err(|_| needed())?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
    tcsetattr(&stdin, OptionalActions::Flush, &hidden).map_err(|_| needed())?;
    let mut line = Zeroizing::new(String::new());
    let read = stdin.lock().take(PASSPHRASE_BYTES_MAX).read_line(&mut line);
    // Shown again even if reading failed.
    let restored = tcsetattr(&stdin, OptionalActions::Now, &shown);
    read.map_err(|_| needed())?;
    restored.map_err(|_| needed())?;
    Ok(without_line_end(&line))
}

fn without_line_end(line: &str) -> Zeroizing<String> {
    Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned())
}
