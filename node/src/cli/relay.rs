//! `maille relay …`: being a relay; `maille circle relay …` and `maille device relay …`: using one.

use maille_core::command::{Command, Done, RelayShown, RoomShown};
use maille_node::clock;
use serde_json::json;

use crate::cli::desk::{Desk, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::{
    CircleRelayVerb, DeviceRelayVerb, RelayEndFlags, RelayOfferFlags, RelayVerb,
};
use crate::cli::{Context, typed, until};
use crate::i18n::Offered;

/// Reads `500 MB`, `2 GB`, `2Go`: bytes.
pub(crate) fn room(typed: &str) -> Result<u64, String> {
    let typed = typed.trim().to_lowercase();
    let at = typed.find(|it: char| !it.is_ascii_digit());
    let (number, unit) = typed.split_at(at.unwrap_or(typed.len()));
    let number: u64 = number.parse().map_err(|_| typed.clone())?;
    let unit = match unit.trim() {
        "mb" | "mo" | "m" => 1_000_000,
        "gb" | "go" | "g" => 1_000_000_000,
        _ => return Err(typed),
    };
    number.checked_mul(unit).ok_or(typed)
}

/// Being a relay.
pub(crate) fn run(context: &Context, verb: &RelayVerb) -> Result<(), Failure> {
    match verb {
        RelayVerb::Offer(flags) => offer(context, flags),
        RelayVerb::List => list(context),
        RelayVerb::End(flags) => end(context, flags),
    }
}

/// What a circle is carried by.
pub(crate) fn of_circle(context: &Context, verb: &CircleRelayVerb) -> Result<(), Failure> {
    match verb {
        CircleRelayVerb::Use(flags) => {
            let code = typed::relay_code(&flags.code)?;
            let circle = Some(flags.circle.clone());
            carried(
                context,
                "circle-relay-used",
                Command::CircleRelayUse { circle, code },
            )
        }
        CircleRelayVerb::Drop(flags) => {
            let (circle, relay) = (Some(flags.circle.clone()), flags.relay.clone());
            let command = Command::CircleRelayDrop { circle, relay };
            carried(context, "circle-relay-dropped", command)
        }
        CircleRelayVerb::List(flags) => {
            let circle = Some(flags.circle.clone());
            carried(context, "circle-relays", Command::CircleRelays { circle })
        }
    }
}

/// What our own devices are carried by.
pub(crate) fn of_devices(context: &Context, verb: &DeviceRelayVerb) -> Result<(), Failure> {
    match verb {
        DeviceRelayVerb::Use(flags) => {
            let (circle, code) = (None, typed::relay_code(&flags.code)?);
            carried(
                context,
                "device-relay-used",
                Command::CircleRelayUse { circle, code },
            )
        }
        DeviceRelayVerb::Drop(flags) => {
            let (circle, relay) = (None, flags.relay.clone());
            let command = Command::CircleRelayDrop { circle, relay };
            carried(context, "device-relay-dropped", command)
        }
        DeviceRelayVerb::List => {
            let command = Command::CircleRelays { circle: None };
            carried(context, "device-relays", command)
        }
    }
}

fn carried(context: &Context, done: &str, command: Command) -> Result<(), Failure> {
    let writes = command.writes();
    let mut desk = Desk::open(context)?;
    let Done::CircleRelays {
        circle,
        own,
        relays,
    } = desk.ask(command)?
    else {
        return Err(unexpected("circle relay"));
    };
    let fields = json!({ "circle": (!own).then_some(&circle), "relays": relays });
    let running = desk.is_running();
    context.screen.done(done, fields, |screen| {
        let text = screen.text;
        if relays.is_empty() {
            screen.note(text.no_relays(own));
        }
        for relay in &relays {
            screen.lines(text.relay(relay, &screen.clock));
        }
        if writes && !running {
            screen.note(text.circle_not_running());
        }
    });
    Ok(())
}

fn offer(context: &Context, flags: &RelayOfferFlags) -> Result<(), Failure> {
    let command = Command::RelayOffer {
        bytes: flags.room,
        until: until::until(&flags.until, clock::now(), &context.screen.clock)?,
    };
    let mut desk = Desk::open(context)?;
    let Done::RelayOffered { room } = desk.ask(command)? else {
        return Err(unexpected("relay offer"));
    };
    let running = desk.is_running();
    let fields = json!({ "room": room, "id": room.code.id().to_string() });
    context.screen.done("relay-offered", fields, |screen| {
        let offered = Offered {
            room: &room,
            here_only: typed::only_of_this_computer(&room.code.addresses),
            running,
        };
        screen.notes(screen.text.relay_offered(&offered, &screen.clock));
        screen.line(room.code.to_string());
    });
    Ok(())
}

fn list(context: &Context) -> Result<(), Failure> {
    let Done::RelayRooms { rooms } = Desk::open(context)?.ask(Command::RelayRooms)? else {
        return Err(unexpected("relay list"));
    };
    let shown: Vec<_> = rooms.iter().map(with_id).collect();
    context
        .screen
        .done("relay-codes", json!({ "rooms": shown }), |screen| {
            if rooms.is_empty() {
                screen.note(screen.text.no_rooms());
            }
            for room in &rooms {
                screen.line(screen.text.room(room, &screen.clock));
            }
        });
    Ok(())
}

fn end(context: &Context, flags: &RelayEndFlags) -> Result<(), Failure> {
    let code = flags.code.clone();
    let Done::RelayEnded { room } = Desk::open(context)?.ask(Command::RelayEnd { code })? else {
        return Err(unexpected("relay end"));
    };
    let fields = json!({ "room": with_id(&room) });
    context.screen.done("relay-ended", fields, |screen| {
        screen.line(screen.text.relay_ended(&room));
    });
    Ok(())
}

/// A code as listed: by its id, which gives nothing away.
fn with_id(room: &RoomShown) -> serde_json::Value {
    json!({
        "id": room.code.id().to_string(),
        "created": room.created,
        "until": room.code.until,
        "bytes": room.code.bytes,
        "used": room.used,
        "mailboxes": room.mailboxes,
        "open": room.open,
    })
}

/// The part of a relay's id that people type.
pub(crate) fn short(relay: &RelayShown) -> String {
    relay.relay.to_string().chars().take(14).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_read_in_both_languages() {
        assert_eq!(room("500 MB"), Ok(500_000_000));
        assert_eq!(room("2Go"), Ok(2_000_000_000));
        for typed in [
            "",
            "5",
            "MB",
            "-1 GB",
            "1.5 GB",
            "5 TB",
            "99999999999999 GB",
        ] {
            assert!(room(typed).is_err(), "{typed}");
        }
    }
}
