//! `maille init`: a new person in a new folder.
//!
//! The twelve words exist only here and on paper: if they cannot be shown or written,
//! the folder is unmade again, so that nobody is left with a home whose words are lost.
//! Where somebody is there to answer, three of them are asked back before there is a home:
//! see [`words`](super::words).

use std::fs;
use std::path::Path;

use maille_node::home_dir::HomeDir;
use maille_node::keystore::{self, CreateOptions, Passphrase, WordList};
use serde_json::json;

use crate::cli::export::write_new;
use crate::cli::failure::Failure;
use crate::cli::flags::InitFlags;
use crate::cli::screen::Screen;
use crate::cli::{Context, ask, secret, words};
use crate::i18n::Lang;

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
    let of_create = |error| Failure::of_create(&context.home, error);
    let begun = keystore::begin(&context.home, options).map_err(of_create)?;
    let asks = !flags.no_check && flags.words_file.is_none() && ask::somebody(screen);
    if asks {
        words::until_known(&begun.words, &mut words::Terminal { screen })?;
    }
    let founded = begun.finish().map_err(of_create)?;
    let told = match &flags.words_file {
        Some(file) => write_new(file, founded.words.as_bytes()),
        None => Ok(()),
    };
    if told.is_ok() {
        let file = flags.words_file.as_deref();
        tell(screen, &founded, wants_passphrase, (file, asks));
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

fn tell(
    screen: &Screen,
    founded: &keystore::Founded,
    passphrase: bool,
    (words_file, known): (Option<&Path>, bool),
) {
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
            None if known => {}
            None => words::show(screen, &founded.words),
        }
        screen.notes(text.home_ready(&home.display().to_string(), passphrase));
    });
}
