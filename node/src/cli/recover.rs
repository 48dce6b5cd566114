//! `maille recover`: the person is back, with the twelve words, on a machine that holds nothing.
//!
//! The words prove who somebody is and do not say where they were: cards do, of another device or of a contact; or a
//! backup is all that is needed. All devices that are heard of are asked before anything is said: what the root removes
//! stays removed. The words are read, used and dropped; then the home is written, and its node does the rest, now or
//! when it runs.

use std::time::{Duration, Instant};

use maille_core::command::{Command, CommandError, Done};
use maille_core::{KnownDevice, NotClaimedError};
use maille_node::home_dir::HomeDir;
use maille_node::keystore::{EmptyHome, Passphrase};
use maille_node::returning::{Asking, ReturnError};
use maille_protocol::id::{DeviceId, PersonId};
use serde_json::json;

use crate::cli::desk::{Desk, runtime, unexpected};
use crate::cli::failure::{Failure, causes};
use crate::cli::flags::{BackupOpenFlags, RecoverFlags};
use crate::cli::{Context, ask, backup, device, secret, typed};

/// How long contacts are given to hear who speaks for the person now. Else they hear it when this device runs.
const TOLD: Duration = Duration::from_secs(3);

/// How long it takes at most until this device has said what stays of what a lost one wrote.
const UNTIL_CUT: Duration = Duration::from_secs(20);

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
    if flags.from.is_empty() {
        return Err(Failure::NowhereToAsk);
    }
    let cards: Result<Vec<_>, _> = flags.from.iter().map(|it| typed::card_of_any(it)).collect();
    let cards = cards?;
    let called = device::called(flags.name.as_deref())?;
    let passphrase = match flags.passphrase || context.passphrase_file.is_some() {
        true => Some(Passphrase::new(&secret::new_passphrase(context)?)),
        false => None,
    };
    let seed = secret::words(context, flags.words_file.as_deref())?;
    let runtime = runtime()?;
    screen.note(screen.text.recover_asking());
    let asking = runtime.block_on(Asking::who(seed.as_slice(), cards));
    drop((seed, runtime));
    let asking = asking.map_err(of_return)?;
    let (person, devices) = (asking.person().person(), asking.person().devices());
    screen.note(screen.text.recover_devices_head());
    for device in &devices {
        screen.note(screen.text.recover_device(device));
    }
    let others: Vec<(PersonId, bool)> = (asking.others().into_iter())
        .map(|(card, answered)| (card.person, answered))
        .collect();
    for (contact, answered) in &others {
        screen.note(screen.text.recover_contact(contact, *answered));
    }
    let lost = lost(context, &devices, &flags.lost)?;
    let is_left = |it: &KnownDevice| !lost.contains(&it.device);
    let has_met = devices.iter().any(|it| it.answered && is_left(it));
    if !lost.is_empty() && !has_met {
        // The root is about to speak, for good, on the word of those who may know little.
        screen.notes(screen.text.recover_unsure());
        ask::sure(screen, flags.yes, screen.text.recover_unsure_sure())?;
    }
    let home = EmptyHome::create(&context.home, passphrase, Vec::new())
        .map_err(|error| Failure::of_create(&context.home, error))?;
    let returned = asking.returns(&lost, &called);
    let (founding, transport) = returned.map_err(|error| of_return(error.into()))?;
    let home = home.fill(founding, transport);
    let home = home.map_err(|error| Failure::of_create(&context.home, error))?;
    // From here on it is a device like any other, which has yet to ask its person's others for their circles.
    let mut desk = Desk::open_online(context)?;
    let mut arrived = None;
    if has_met {
        screen.note(screen.text.device_arriving());
        // Nothing counts before this device has said what stays of what the lost one wrote.
        let patience = if lost.is_empty() {
            Duration::ZERO
        } else {
            UNTIL_CUT
        };
        let (status, others) = device::arrival(&mut desk, patience)?;
        arrived = Some(status).filter(|_| others);
    }
    let contacts: Vec<PersonId> = (others.iter())
        .filter(|(_, answered)| *answered)
        .map(|(contact, _)| *contact)
        .collect();
    wait_until_told(&mut desk, &contacts)?;
    drop(desk);
    let not_reached = |it: &&KnownDevice| !it.answered && it.is_somewhere && is_left(it);
    let not_reached = devices.iter().filter(not_reached).count();
    let fields = json!({
        "person": person,
        "home": home.path(),
        "removed": lost,
        "data": arrived.is_some(),
        "devices": devices.iter().map(|it| json!({
            "device": it.device,
            "names": it.names,
            "answered": it.answered,
        })).collect::<Vec<_>>(),
        "devices_not_reached": not_reached,
        "trips": arrived.as_ref().map(|it| it.trips),
        "readings": arrived.as_ref().map(|it| it.readings),
    });
    screen.done("recovered", fields, |screen| {
        let home = home.path().display().to_string();
        screen.notes(screen.text.recovered(&home, lost.len()));
        match &arrived {
            Some(status) => screen.notes(screen.text.device_joined(status, &home)),
            None => screen.notes(screen.text.recovered_alone(has_met, not_reached)),
        }
        screen.note(screen.text.recovered_not());
    });
    Ok(())
}

/// Waits until these contacts have been met, or for a moment.
fn wait_until_told(desk: &mut Desk, contacts: &[PersonId]) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        let Done::Status(status) = desk.ask(Command::Status)? else {
            return Err(unexpected("status"));
        };
        let met = |person: &PersonId| {
            let mut all = status.contacts.iter();
            all.any(|it| it.person == *person && it.last_seen.is_some())
        };
        if contacts.iter().all(met) || begun.elapsed() >= TOLD {
            return Ok(());
        }
        std::thread::sleep(device::LOOK_EVERY);
    }
}

/// Which devices are lost: as said beforehand, or as asked for.
fn lost(
    context: &Context,
    devices: &[KnownDevice],
    said: &[String],
) -> Result<Vec<DeviceId>, Failure> {
    let screen = &context.screen;
    let mut lost = Vec::new();
    for typed in said {
        lost.push(one_of(devices, typed)?);
    }
    if !said.is_empty() || !ask::somebody(screen) {
        return Ok(lost);
    }
    loop {
        let answer = ask::line(screen.text.recover_which_lost())?;
        if answer.is_empty() {
            return Ok(lost);
        }
        match one_of(devices, &answer) {
            Ok(device) if lost.contains(&device) => {}
            Ok(device) => lost.push(device),
            Err(failure) => screen.note(&screen.text.failure(&failure, &screen.clock).message),
        }
    }
}

/// The device of this name, or whose id begins so.
fn one_of(devices: &[KnownDevice], typed: &str) -> Result<DeviceId, Failure> {
    let lower = typed.to_lowercase();
    let begins =
        |id: &DeviceId| lower.len() > "device1".len() && id.to_string().starts_with(&lower);
    let named = |it: &KnownDevice| it.names.iter().any(|name| name.to_lowercase() == lower);
    let found: Vec<DeviceId> = (devices.iter())
        .filter(|it| named(it) || begins(&it.device))
        .map(|it| it.device)
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
