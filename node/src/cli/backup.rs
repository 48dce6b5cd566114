//! `maille backup make|check|restore`: everything in one sealed file.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use maille_node::backup::{self, MakeError, Opener, ReadError, Summary};
use maille_node::home_dir::HomeDir;
use maille_node::keystore::{self, EmptyHome, Passphrase};
use maille_node::store::Store;
use serde_json::{Value, json};

use crate::cli::desk::home_passphrase;
use crate::cli::failure::{Failure, causes};
use crate::cli::flags::{BackupMakeFlags, BackupOpenFlags};
use crate::cli::{Context, secret};

/// Writes a backup of this home.
pub(crate) fn make(context: &Context, flags: &BackupMakeFlags) -> Result<(), Failure> {
    let home = HomeDir::open(&context.home).map_err(Failure::of_home)?;
    let _lock = home.lock().map_err(Failure::of_home)?;
    let passphrase = home_passphrase(context, &home)?;
    let of_key = |error| Failure::of_key(&context.home, error);
    let keys = keystore::open(&home, passphrase.as_ref()).map_err(of_key)?;
    let store = Store::open(&home.store_path(), &keys.store);
    let store = store.map_err(|error| damaged_home(context, &error))?;
    let passphrase = match flags.with_passphrase {
        true => Some(Passphrase::new(&secret::new_passphrase(context)?)),
        false => None,
    };
    let file = new_file(&flags.file)?;
    let made = backup::make(&keys, &store, passphrase.as_ref(), &file)
        .and_then(|summary| Ok(file.sync_all().map(|()| summary)?));
    let summary = made.map_err(|error| {
        // Half a file would look like a whole one.
        let _ = fs::remove_file(&flags.file);
        match error {
            MakeError::File(error) => unwritable(&flags.file, &error),
            other => damaged_home(context, &other),
        }
    })?;
    let fields = fields(&flags.file, &summary);
    context.screen.done("backup-made", fields, |screen| {
        let file = flags.file.display().to_string();
        screen.notes(
            screen
                .text
                .backup_made(&file, &summary, flags.with_passphrase),
        );
    });
    Ok(())
}

/// Reads a backup, and keeps nothing.
pub(crate) fn check(context: &Context, flags: &BackupOpenFlags) -> Result<(), Failure> {
    let summary = opened(context, flags, backup::check)?;
    let fields = fields(&flags.file, &summary);
    context.screen.done("backup-checked", fields, |screen| {
        screen.lines(screen.text.backup_whole(&summary, &screen.clock));
    });
    Ok(())
}

/// Brings a backup back into a home that holds nobody; a passphrase that opened it is the home's from then on.
pub(crate) fn restore(context: &Context, flags: &BackupOpenFlags) -> Result<(), Failure> {
    if HomeDir::open(&context.home).is_ok() {
        return Err(Failure::HomeExists {
            home: context.home.clone(),
        });
    }
    let summary = opened(context, flags, |file, opener| {
        let passphrase = match opener {
            Opener::Passphrase(passphrase) => Some((*passphrase).clone()),
            Opener::Words(_) => None,
        };
        // First: a backup that is not whole leaves no trace of a home.
        backup::check(File::open(&flags.file)?, opener)?;
        let empty = EmptyHome::create(&context.home, passphrase, Vec::new())?;
        backup::restore(file, opener, empty)
    })?;
    let mut fields = fields(&flags.file, &summary);
    fields["home"] = json!(context.home);
    context.screen.done("backup-restored", fields, |screen| {
        let home = context.home.display().to_string();
        screen.notes(screen.text.backup_restored(&home, &summary, &screen.clock));
    });
    Ok(())
}

fn opened(
    context: &Context,
    flags: &BackupOpenFlags,
    read: impl FnOnce(File, &Opener<'_>) -> Result<Summary, ReadError>,
) -> Result<Summary, Failure> {
    let path = &flags.file;
    let open = || {
        File::open(path).map_err(|error| Failure::FileUnreadable {
            file: path.clone(),
            reason: error.to_string(),
        })
    };
    let told = |error| of_read(context, path, error);
    let (_, has_passphrase) = backup::looks(open()?).map_err(told)?;
    let read = if flags.words || flags.words_file.is_some() || !has_passphrase {
        let seed = secret::words(context, flags.words_file.as_deref())?;
        read(open()?, &Opener::Words(seed.as_slice()))
    } else {
        let passphrase = Passphrase::new(&secret::passphrase(context)?);
        read(open()?, &Opener::Passphrase(&passphrase))
    };
    read.map_err(told)
}

fn fields(file: &Path, summary: &Summary) -> Value {
    json!({
        "file": file,
        "person": summary.person,
        "created": summary.created,
        "values": summary.values,
        "bytes": summary.bytes,
    })
}

fn new_file(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::FileExists {
            file: path.to_owned(),
        },
        _ => unwritable(path, &error),
    })
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::FileUnwritable {
        file: path.to_owned(),
        reason: error.to_string(),
    }
}

fn damaged_home(context: &Context, error: &dyn std::error::Error) -> Failure {
    Failure::HomeDamaged {
        home: context.home.clone(),
        reason: causes(error),
    }
}

fn of_read(context: &Context, path: &Path, error: ReadError) -> Failure {
    let file = path.to_owned();
    match error {
        ReadError::Locked | ReadError::NoPassphrase => Failure::BackupLocked { file },
        ReadError::Damaged { values } => Failure::BackupDamaged { file, values },
        ReadError::File(error) => Failure::FileUnreadable {
            file,
            reason: error.to_string(),
        },
        ReadError::Create(error) => Failure::of_create(&context.home, error),
        ReadError::Commit(error) => Failure::HomeUnusable {
            home: context.home.clone(),
            reason: error.to_string(),
        },
        other => Failure::BadBackup {
            file,
            reason: causes(&other),
        },
    }
}
