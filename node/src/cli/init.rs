//! `maille init`: a new person in a new folder.
//!
//! The twelve words exist only here and on paper: if they cannot be shown or written,
//! the folder is unmade again, so that nobody is left with a home whose words are lost.

use std::fs;
use std::path::Path;

use maille_node::home_dir::HomeDir;
use maille_node::keystore::{self, CreateOptions, Passphrase, WordList};
use serde_json::json;

use crate::cli::export::write_new;
use crate::cli::failure::Failure;
use crate::cli::flags::InitFlags;
use crate::cli::screen::Screen;
use crate::cli::{Context, secret};
use crate::i18n::Lang;

/// Words on one line of the screen.
const WORDS_PER_LINE: usize = 4;

/// Sets the folder up.
pub(crate) fn run(context: &Context, flags: &InitFlags) -> Result<(), Failure> {
    let screen = &context.screen;
    let wants_passphrase = flags.passphrase || context.passphrase_file.is_some();
    if let Some(file) = &flags.words_file
        && file.symlink_metadata().is_ok()
    {
        return Err(Failure::FileExists { file: file.clone() });
    }
    if HomeDir::open(&context.home).is_ok() {
        // Before a passphrase is asked for in vain.
        return Err(Failure::HomeExists {
            home: context.home.clone(),
        });
    }
    let options = CreateOptions {
        passphrase: match wants_passphrase {
            true => Some(Passphrase::new(&secret::new_passphrase(context)?)),
            false => None,
        },
        words: match flags.words_lang.unwrap_or(screen.text.lang()) {
            Lang::Fr => WordList::French,
            Lang::En => WordList::English,
        },
        listen: Vec::new(),
    };
    let founded = keystore::create(&context.home, options)
        .map_err(|error| Failure::of_create(&context.home, error))?;
    let told = match &flags.words_file {
        Some(file) => write_new(file, founded.words.as_bytes()),
        None => Ok(()),
    };
    if told.is_ok() {
        let file = flags.words_file.as_deref();
        tell(screen, &founded, wants_passphrase, file);
    }
    match told.err().or_else(|| screen.lost()) {
        None => Ok(()),
        Some(failure) => {
            // Without its key file the folder is no home, and `init` may be run again.
            let _ = fs::remove_file(founded.home.key_path());
            Err(failure)
        }
    }
}

fn tell(screen: &Screen, founded: &keystore::Founded, passphrase: bool, words_file: Option<&Path>) {
    let home = founded.home.path();
    let fields = json!({
        "person": founded.person,
        "home": home,
        "words": words_file.is_none().then(|| founded.words.as_str()),
        "words_file": words_file,
    });
    screen.done("initialised", fields, |screen| {
        let text = screen.text;
        match words_file {
            Some(file) => screen.note(text.words_in_file(&file.display().to_string())),
            None => {
                screen.note(text.words_head());
                screen.note("");
                let words: Vec<&str> = founded.words.split(' ').collect();
                for (line, words) in words.chunks(WORDS_PER_LINE).enumerate() {
                    let numbered = words.iter().enumerate().map(|(column, word)| {
                        let number = line * WORDS_PER_LINE + column + 1;
                        format!("{number:>2}. {word:<14}")
                    });
                    screen.line(format!("  {}", numbered.collect::<String>()).trim_end());
                }
                screen.note("");
                screen.note(text.words_foot());
            }
        }
        screen.notes(text.home_ready(&home.display().to_string(), passphrase));
    });
}
