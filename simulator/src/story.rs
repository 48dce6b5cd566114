//! What a node is given and says, in words: one line each, for whoever reads how a run went.

use maille_core::command::{Command, Done};
use maille_core::{Input, Output};
use maille_protocol::entry::UnverifiedEntry;
use maille_protocol::sync::{Frame, Item};

/// An input in words.
pub fn input(input: &Input<'_>) -> String {
    match input {
        Input::Command(id, command) => format!("command {}: {}", id.0, asked(command)),
        Input::Connected {
            connection,
            peer,
            role,
        } => format!("connected {:x} with {peer:?} as {role:?}", connection.0),
        Input::Received { from, frame } => format!("received on {:x}: {}", from.0, framed(frame)),
        Input::Disconnected { connection } => format!("disconnected {:x}", connection.0),
        Input::DialFailed { peer } => format!("dial failed: {peer:?}"),
        Input::Nearby { peer } => format!("on the local network: {peer:?}"),
        Input::Committed(id) => format!("durable up to batch {}", id.0),
        Input::Addresses(addresses) => format!("reachable at {addresses:?}"),
        Input::Listening(addresses) => format!("listens at {addresses:?}"),
        Input::Tick => String::from("tick"),
    }
}

/// An output in words.
pub fn output(output: &Output) -> String {
    match output {
        Output::Commit { id, batch } => format!("commit batch {}: {} values", id.0, batch.len()),
        Output::Dial { peer, addresses } => format!("dial {peer:?} at {addresses:?}"),
        Output::Send { to, frame } => format!("send on {:x}: {}", to.0, framed(frame)),
        Output::Close { connection } => format!("close {:x}", connection.0),
        Output::Finished { command, result } => match result {
            Ok(done) => format!("answer {}: {}", command.0, answered(done)),
            Err(error) => format!("answer {}: refused, {error}", command.0),
        },
        Output::Event(event) => format!("event: {event:?}"),
    }
}

fn asked(command: &Command) -> String {
    match command {
        Command::Record { records } => format!("record {} trips", records.len()),
        Command::ShareCreate {
            lens, name, until, ..
        } => {
            format!("share {lens} with {name} until {until}")
        }
        Command::ShareRevoke { share } => format!("stop share {share}"),
        Command::ReceivedAccept { link, name } => {
            format!("accept share {:?} of {name}", link.grant)
        }
        Command::ReceivedShow { share } => format!("show share {share}"),
        other => format!("{other:?}"),
    }
}

fn answered(done: &Done) -> String {
    match done {
        Done::Recorded {
            added, unchanged, ..
        } => format!("{added} added, {unchanged} known"),
        Done::ShareCreated { share, .. } => format!("share {:?} made", share.id),
        Done::ShareRevoked { share } => format!("share {:?} is {:?}", share.id, share.state),
        Done::ReceivedAccepted { share, .. } => {
            format!("share {:?} is {:?}", share.id, share.state)
        }
        Done::Trips { trips } => format!("{} trips", trips.len()),
        Done::Preview { rows, .. } | Done::Received { rows, .. } => format!("{} rows", rows.len()),
        Done::Shares { shares } => format!("{} shares given", shares.len()),
        Done::ReceivedList { shares } => format!("{} shares received", shares.len()),
        Done::Card { .. } => String::from("card"),
        other => {
            let mut text = format!("{other:?}");
            text.truncate(text.char_indices().nth(80).map_or(text.len(), |(at, _)| at));
            text
        }
    }
}

fn framed(bytes: &[u8]) -> String {
    let len = bytes.len();
    match Frame::from_bytes(bytes) {
        Ok(Frame::Hello(hello)) => format!(
            "hello, my feed {}, yours taken in up to {} of {}",
            short(&hello.feed.0),
            hello.cursor.position,
            short(&hello.cursor.feed.0)
        ),
        Ok(Frame::Authority(_)) => format!("authority ({len} bytes)"),
        Ok(Frame::Names(names)) => format!("{} names", names.len()),
        Ok(Frame::Item { position, item }) => {
            let what = match item {
                Item::Parcel(_) => String::from("parcel"),
                Item::Withdrawn => String::from("withdrawn"),
                Item::Entry(entry) => match UnverifiedEntry::decode(&entry) {
                    Ok(entry) => {
                        let prefix = entry.claimed();
                        format!("entry {} of {:?}", prefix.seq, prefix.log)
                    }
                    Err(error) => format!("no entry: {error}"),
                },
                Item::Circle { circle, item } => {
                    format!("{} bytes of {circle:?}", item.bytes().len())
                }
            };
            format!("item {position}: {what} ({len} bytes)")
        }
        Ok(Frame::Ack { position }) => format!("taken in up to {position}"),
        Ok(Frame::Knock(_)) => String::from("knocks with an invite"),
        Ok(Frame::Pair(_)) => String::from("asks to be another device"),
        Ok(Frame::Paired(_)) => String::from("answers a new device"),
        Ok(Frame::Claim(_)) => String::from("claims to hold a root key"),
        Ok(Frame::Claimed(_)) => String::from("answers who the root's person is"),
        Ok(Frame::Return(_)) => String::from("returns as a device of its person's"),
        Ok(Frame::Visit(visit)) => format!("visits a relay for {}", visit.mailboxes.len()),
        Ok(Frame::Visited(visited)) => format!("has {} of them", visited.found.len()),
        Ok(Frame::Put { number, what, .. }) => format!("puts {number}: {} bytes", what.len()),
        Ok(Frame::PutDone(done)) => format!("put {}: {:?}", done.number, done.why_not),
        Ok(Frame::Holds(_)) => String::from("what is held of a circle"),
        Ok(Frame::Held(held)) => format!("{} names of what is held of a circle", held.names.len()),
        Ok(Frame::Stored(stored)) => format!("entry {} of a mailbox", stored.position),
        Ok(Frame::Answer(answer)) => format!("answers a knock: {answer:?}"),
        Err(error) => format!("no frame ({len} bytes): {error}"),
    }
}

fn short(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(3)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use maille_core::{CommandId, ConnectionId};

    use super::*;

    #[test]
    fn lines_say_what_passed_and_not_its_bytes() {
        let frame = Frame::Ack { position: 7 }.to_bytes();
        let from = ConnectionId(0x2a);
        let received = Input::Received {
            from,
            frame: &frame,
        };
        assert_eq!(input(&received), "received on 2a: taken in up to 7");
        let noise = Output::Send {
            to: from,
            frame: vec![0xff; 9],
        };
        assert!(output(&noise).starts_with("send on 2a: no frame (9 bytes)"));
        let asked = Input::Command(
            CommandId(3),
            Command::Record {
                records: Vec::new(),
            },
        );
        assert_eq!(input(&asked), "command 3: record 0 trips");
    }
}
