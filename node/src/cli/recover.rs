//! `maille recover`: the person is back, with the twelve words, on a machine that holds nothing.
//!
//! The words prove who somebody is and do not say where they were: a card does, of another device or of a contact;
//! or a backup is all that is needed. The words are read, used and dropped.

use maille_core::command::CommandError;
use maille_core::{NotClaimedError, Person};
use maille_node::home_dir::HomeDir;
use maille_node::keystore::{EmptyHome, Passphrase};
use maille_node::returning::{Asking, ReturnError};
use maille_protocol::id::DeviceId;
use serde_json::json;

use crate::cli::desk::{Desk, runtime};
use crate::cli::failure::{Failure, causes};
use crate::cli::flags::{BackupOpenFlags, RecoverFlags};
use crate::cli::{Context, ask, backup, device, secret, typed};

/// Brings the person back into a home that holds nobody.
pub(crate) fn run(context: &Context, flags: &RecoverFlags) -> Result<(), Failure> {
    if let Some(file) = &flags.backup {
        let flags = BackupOpenFlags {
            file: file.clone(),
            words: true,
            words_file: flags.words_file.clone(),
        };
        return backup::restore(context, &flags);
    }
    let screen = &context.screen;
    if HomeDir::open(&context.home).is_ok() {
        return Err(Failure::HomeExists {
            home: context.home.clone(),
        });
    }
    let Some(from) = &flags.from else {
        return Err(Failure::NowhereToAsk);
    };
    let card = typed::card_of_any(from)?;
    let called = device::called(flags.name.as_deref())?;
    let passphrase = match flags.passphrase || context.passphrase_file.is_some() {
        true => Some(Passphrase::new(&secret::new_passphrase(context)?)),
        false => None,
    };
    let seed = secret::words(context, flags.words_file.as_deref())?;
    let runtime = runtime()?;
    screen.note(screen.text.recover_asking());
    let asked = runtime.block_on(Asking::who(seed.as_slice(), card.clone()));
    drop(seed);
    let (asking, person) = asked.map_err(of_return)?;
    let id = person.person();
    let lost = lost(context, &person, &flags.lost)?;
    let home = EmptyHome::create(&context.home, passphrase, Vec::new())
        .map_err(|error| Failure::of_create(&context.home, error))?;
    let back = runtime.block_on(asking.comes_back(person, &lost, called));
    let back = back.map_err(of_return)?;
    let home = home.fill(back.founding, back.transport);
    let home = home.map_err(|error| Failure::of_create(&context.home, error))?;
    drop(runtime);
    let status = match &back.from {
        Some(_) => {
            screen.note(screen.text.device_arriving());
            Some(device::arrival(&mut Desk::open_online(context)?)?)
        }
        None => None,
    };
    let fields = json!({
        "person": id,
        "home": home.path(),
        "removed": lost,
        "data": status.is_some(),
        "devices_not_reached": back.in_vain,
        "trips": status.as_ref().map(|it| it.trips),
        "readings": status.as_ref().map(|it| it.readings),
    });
    screen.done("recovered", fields, |screen| {
        let home = home.path().display().to_string();
        screen.notes(screen.text.recovered(&home, lost.len()));
        match &status {
            Some(status) => screen.notes(screen.text.device_joined(status, &home)),
            None => screen.notes(screen.text.recovered_alone(card.person == id, back.in_vain)),
        }
        screen.note(screen.text.recovered_not());
    });
    Ok(())
}

/// Which devices are lost: as said beforehand, or as asked for.
fn lost(context: &Context, person: &Person, said: &[String]) -> Result<Vec<DeviceId>, Failure> {
    let screen = &context.screen;
    let devices: Vec<(DeviceId, String)> = (person.devices().into_iter())
        .map(|(device, name)| (device.signing, name))
        .collect();
    let mut lost = Vec::new();
    for typed in said {
        lost.push(one_of(&devices, typed)?);
    }
    if !said.is_empty() || !ask::somebody(screen) {
        return Ok(lost);
    }
    screen.note(screen.text.recover_devices_head());
    for (device, name) in &devices {
        screen.note(format!("  {device}  {name}"));
    }
    loop {
        let answer = ask::line(screen.text.recover_which_lost())?;
        if answer.is_empty() {
            return Ok(lost);
        }
        match one_of(&devices, &answer) {
            Ok(device) if lost.contains(&device) => {}
            Ok(device) => lost.push(device),
            Err(failure) => screen.note(&screen.text.failure(&failure, &screen.clock).message),
        }
    }
}

/// The device of this name, or whose id begins so.
fn one_of(devices: &[(DeviceId, String)], typed: &str) -> Result<DeviceId, Failure> {
    let lower = typed.to_lowercase();
    let begins =
        |id: &DeviceId| lower.len() > "device1".len() && id.to_string().starts_with(&lower);
    let found: Vec<DeviceId> = (devices.iter())
        .filter(|(id, name)| (!name.is_empty() && name.to_lowercase() == lower) || begins(id))
        .map(|(id, _)| *id)
        .collect();
    let device = typed.to_owned();
    match found[..] {
        [one] => Ok(one),
        [] => Err(CommandError::UnknownDevice { device }.into()),
        _ => Err(CommandError::AmbiguousDevice {
            device,
            candidates: found,
        }
        .into()),
    }
}

fn of_return(error: ReturnError) -> Failure {
    match error {
        ReturnError::NotReached => Failure::NodeNotReached,
        ReturnError::NotKnown => Failure::WordsNotKnown,
        ReturnError::Answer(NotClaimedError::NotInOrder) => Failure::WordsNotKnown,
        ReturnError::Answer(NotClaimedError::CannotSpeak) => Failure::RootReplaced,
        other => Failure::Bug {
            what: causes(&other),
        },
    }
}
