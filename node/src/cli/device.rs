//! `maille device add|confirm|join|list|remove`: the devices that speak for me.

use std::time::Duration;

use maille_core::NotPairedError;
use maille_core::command::{Command, DeviceAsks, DeviceShown, Done, PairingShown, Status};
use maille_node::home_dir::HomeDir;
use maille_node::keystore::{EmptyHome, Passphrase, WordList, words_at};
use maille_node::pairing::{Asking, PairError};
use maille_protocol::id::DeviceId;
use serde_json::json;

use crate::cli::desk::{Desk, runtime, unexpected};
use crate::cli::failure::{Failure, causes};
use crate::cli::flags::{DeviceAddFlags, DeviceConfirmFlags, DeviceJoinFlags, DeviceRemoveFlags};
use crate::cli::screen::Screen;
use crate::cli::{Context, ask, qr, secret, typed};
use crate::i18n::Lang;

/// How often to look whether a device has come.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long nothing new must arrive on a new device before what is there is taken for all of it.
const QUIET: Duration = Duration::from_secs(2);
/// How long a new device waits for what the others hold, at most; it goes on when it runs.
const ARRIVAL: Duration = Duration::from_secs(60);

/// Shows a code and waits for the device that comes with it.
pub(crate) fn add(context: &Context, flags: &DeviceAddFlags) -> Result<(), Failure> {
    let screen = &context.screen;
    let called = called(flags.name.as_deref())?;
    let mut desk = match flags.no_wait {
        false => Desk::open_online(context)?,
        true => Desk::open(context)?,
    };
    if !desk.is_running() {
        // The code would be gone with this process.
        return Err(Failure::NotRunning);
    }
    let before: Vec<DeviceId> = listed(&mut desk)?.0.iter().map(|it| it.device).collect();
    let senior = flags.senior;
    let Done::DeviceCode { code } = desk.ask(Command::DeviceAdd { senior, called })? else {
        return Err(unexpected("device add"));
    };
    let here_only = typed::only_of_this_computer(&code.card.addresses);
    let fields = json!({ "device_code": code.to_string(), "until": code.until, "rank": code.rank });
    screen.done("device-code", fields, |screen| {
        screen.notes(screen.text.device_code(&code, here_only, &screen.clock));
        screen.line(code.to_string());
        qr::show(screen, &code.to_string(), flags.no_qr);
    });
    if flags.no_wait {
        return Ok(());
    }
    let is_new = |it: &DeviceShown| !before.contains(&it.device);
    let (mut devices, asks) = wait_for_device(&mut desk, is_new, true)?;
    if let Some(asks) = asks {
        let words = both_lists(screen, &asks.words);
        screen.notes(screen.text.device_asks(&asks.name, &words));
        devices = if ask::somebody(screen) {
            let same = ask::yes(screen, screen.text.device_same_words())?;
            let devices = confirm_words(&mut desk, same)?;
            if !same {
                return Err(Failure::WordsDiffer);
            }
            devices
        } else {
            screen.note(screen.text.device_confirm_elsewhere());
            wait_for_device(&mut desk, is_new, false)?.0
        };
    }
    // What the new one is owed goes out while this process lives.
    let begun = std::time::Instant::now();
    let is_behind = |it: &DeviceShown| is_new(it) && (it.behind || it.last_seen.is_none());
    while begun.elapsed() < ARRIVAL && devices.iter().any(is_behind) {
        std::thread::sleep(LOOK_EVERY);
        devices = listed(&mut desk)?.0;
    }
    tell_devices(context, "device-added", &devices);
    Ok(())
}

/// Waits for a device: until it asks, if that is `asked_for`, or until it is there, since somebody has confirmed it by
/// another command.
fn wait_for_device(
    desk: &mut Desk,
    is_new: impl Fn(&DeviceShown) -> bool,
    asked_for: bool,
) -> Result<(Vec<DeviceShown>, Option<DeviceAsks>), Failure> {
    loop {
        let (devices, pairing) = listed(desk)?;
        match pairing {
            None if devices.iter().any(&is_new) => return Ok((devices, None)),
            None => return Err(Failure::PairingOver),
            Some(PairingShown { asks, .. }) if asked_for && asks.is_some() => {
                return Ok((devices, asks));
            }
            Some(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
}

/// Says that the words on the other screen are these: they are typed, in either language.
pub(crate) fn confirm(context: &Context, flags: &DeviceConfirmFlags) -> Result<(), Failure> {
    let mut desk = Desk::open(context)?;
    let (
        _,
        Some(PairingShown {
            asks: Some(asks), ..
        }),
    ) = listed(&mut desk)?
    else {
        return Err(maille_core::command::CommandError::NoDeviceAsks.into());
    };
    let typed: Vec<String> = flags.words.iter().map(|word| folded(word)).collect();
    let same = [WordList::French, WordList::English].iter().any(|list| {
        let words = words_at(*list, &asks.words);
        words
            .iter()
            .map(|word| folded(word))
            .eq(typed.iter().cloned())
    });
    let devices = confirm_words(&mut desk, same)?;
    if !same {
        return Err(Failure::WordsDiffer);
    }
    tell_devices(context, "device-confirmed", &devices);
    Ok(())
}

fn confirm_words(desk: &mut Desk, same: bool) -> Result<Vec<DeviceShown>, Failure> {
    match desk.ask(Command::DeviceConfirm { same })? {
        Done::Devices { devices, .. } => Ok(devices),
        _ => Err(unexpected("device confirm")),
    }
}

/// Makes this folder one more device of a person's.
pub(crate) fn join(context: &Context, flags: &DeviceJoinFlags) -> Result<(), Failure> {
    let screen = &context.screen;
    let code = typed::pair_code(&flags.code)?;
    let called = called(flags.name.as_deref())?;
    if HomeDir::open(&context.home).is_ok() {
        return Err(Failure::HomeExists {
            home: context.home.clone(),
        });
    }
    let passphrase = match flags.passphrase || context.passphrase_file.is_some() {
        true => Some(Passphrase::new(&secret::new_passphrase(context)?)),
        false => None,
    };
    let home = EmptyHome::create(&context.home, passphrase, Vec::new())
        .map_err(|error| Failure::of_create(&context.home, error))?;
    let runtime = runtime()?;
    screen.note(screen.text.device_asking());
    let person = code.card.person;
    let asking = runtime
        .block_on(Asking::ask(code, called))
        .map_err(of_pair)?;
    screen.notes(
        screen
            .text
            .device_compare(&both_lists(screen, &asking.words())),
    );
    let (founding, transport) = runtime.block_on(asking.answer()).map_err(of_pair)?;
    let home = home.fill(founding, transport);
    let home = home.map_err(|error| Failure::of_create(&context.home, error))?;
    drop(runtime);
    screen.note(screen.text.device_arriving());
    let mut desk = Desk::open_online(context)?;
    let (status, _) = arrival(&mut desk, QUIET)?;
    drop(desk);
    let fields = json!({
        "person": person,
        "home": home.path(),
        "trips": status.trips,
        "readings": status.readings,
    });
    screen.done("device-joined", fields, |screen| {
        let home = home.path().display().to_string();
        screen.notes(screen.text.device_joined(&status, &home));
    });
    Ok(())
}

/// Waits until nothing more comes from the other devices, or a minute; returns, too, whether one of them was met.
/// While there is nothing at all, that takes as long as `patience`.
pub(super) fn arrival(desk: &mut Desk, patience: Duration) -> Result<(Status, bool), Failure> {
    let begun = std::time::Instant::now();
    let (mut seen, mut since) = (None, std::time::Instant::now());
    loop {
        let Done::Status(status) = desk.ask(Command::Status)? else {
            return Err(unexpected("status"));
        };
        let others = listed(desk)?
            .0
            .iter()
            .any(|it| !it.me && it.last_seen.is_some());
        let now = (status.trips, status.readings, others);
        if seen != Some(now) {
            (seen, since) = (Some(now), std::time::Instant::now());
        }
        let nothing = status.trips + status.readings == 0;
        let quiet = if nothing { patience.max(QUIET) } else { QUIET };
        if (others && since.elapsed() >= quiet) || begun.elapsed() >= ARRIVAL {
            return Ok((status, others));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Lists the devices.
pub(crate) fn list(context: &Context) -> Result<(), Failure> {
    let mut desk = Desk::open(context)?;
    let (devices, pairing) = listed(&mut desk)?;
    let Done::Devices { removed, .. } = desk.ask(Command::Devices)? else {
        return Err(unexpected("device list"));
    };
    let words = |screen: &Screen, asks: &DeviceAsks| both_lists(screen, &asks.words);
    let fields = json!({
        "devices": devices,
        "removed": removed,
        "pairing": pairing,
        "words": pairing.as_ref().and_then(|it| it.asks.as_ref()).map(|it| {
            json!({
                "fr": words_at(WordList::French, &it.words),
                "en": words_at(WordList::English, &it.words),
            })
        }),
    });
    context.screen.done("devices", fields, |screen| {
        if removed {
            screen.note(screen.text.device_removed());
        }
        for device in &devices {
            screen.line(screen.text.device(device, &screen.clock));
        }
        if let Some(asks) = pairing.and_then(|it| it.asks) {
            screen.notes(screen.text.device_asks(&asks.name, &words(screen, &asks)));
            screen.note(screen.text.device_confirm_elsewhere());
        }
    });
    Ok(())
}

/// Ends what another device may say.
pub(crate) fn remove(context: &Context, flags: &DeviceRemoveFlags) -> Result<(), Failure> {
    let screen = &context.screen;
    let mut desk = Desk::open(context)?;
    ask::needs_a_yes(screen, flags.yes)?;
    if !flags.yes {
        screen.notes(screen.text.device_removing(&flags.device));
    }
    ask::sure(screen, flags.yes, screen.text.device_remove_sure())?;
    let device = flags.device.clone();
    let Done::Devices { devices, .. } = desk.ask(Command::DeviceRemove { device })? else {
        return Err(unexpected("device remove"));
    };
    tell_devices(context, "device-removed", &devices);
    Ok(())
}

fn tell_devices(context: &Context, done: &str, devices: &[DeviceShown]) {
    let fields = json!({ "devices": devices });
    context.screen.done(done, fields, |screen| {
        for device in devices {
            screen.line(screen.text.device(device, &screen.clock));
        }
    });
}

fn listed(desk: &mut Desk) -> Result<(Vec<DeviceShown>, Option<PairingShown>), Failure> {
    match desk.ask(Command::Devices)? {
        Done::Devices {
            devices, pairing, ..
        } => Ok((devices, pairing)),
        _ => Err(unexpected("device list")),
    }
}

/// What this device is called: what was typed, else the computer's own name.
pub(super) fn called(name: Option<&str>) -> Result<String, Failure> {
    let typed = typed::name(name)?;
    if !typed.is_empty() {
        return Ok(typed);
    }
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy();
    let name: String = name
        .chars()
        .filter(|it| !it.is_control())
        .take(24)
        .collect();
    Ok(if name.is_empty() {
        "maille".to_owned()
    } else {
        name
    })
}

/// The words of both languages, one's own first: the other screen may speak the other.
fn both_lists(screen: &Screen, places: &[u16]) -> [String; 2] {
    let lists = match screen.text.lang() {
        Lang::Fr => [WordList::French, WordList::English],
        Lang::En => [WordList::English, WordList::French],
    };
    lists.map(|list| words_at(list, places).join("  "))
}

/// A word without capitals and accents: nobody should fail at one.
pub(crate) fn folded(word: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    word.trim()
        .to_lowercase()
        .nfd()
        .filter(char::is_ascii_alphabetic)
        .collect()
}

fn of_pair(error: PairError) -> Failure {
    match error {
        PairError::NotReached => Failure::DeviceNotReached,
        PairError::Closed => Failure::PairingOver,
        PairError::Answer(NotPairedError::Refused) => Failure::WordsDiffer,
        other => Failure::Bug {
            what: causes(&other),
        },
    }
}
