//! Zoé knows every id and every address, and was given nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use maille_node::net::{Net, NetEvent, NetOptions, transport_id};
use maille_protocol::card::{Card, ShareLink};
use maille_protocol::crypto::Key;
use maille_protocol::id::{PersonId, SliceId, TransportId};
use maille_protocol::sync::{Cursor, FeedId, Frame, Hello, Item, Name};
use maille_tests::DEADLINE;
use maille_tests::person::Person;
use tokio::time::timeout;

use crate::share::RIDE;

/// How long Zoé's node tries before it says that nothing came.
const PATIENCE: &str = "3";

#[test]
fn a_third_node_that_was_given_the_link_and_every_card_gets_nothing() {
    let [ines, marc, zoe] = [(); 3].map(|()| Person::new());
    ines.imports("monday.gpx", RIDE);
    let (_ines_node, _marc_node, _zoe_node) = (ines.runs(&[]), marc.runs(&[]), zoe.runs(&[]));
    let (share, link) = ines.shares_with(&marc.card(), "Marc", "comparing our weeks");

    // Even before Marc has it.
    refused_or_nothing(&zoe, &link);
    let accepted = marc.json(&["received", "accept", &link, "--name", "Inès"]);
    assert_eq!(accepted["rows"], ines.preview());
    // And from Marc's node no more than from hers.
    refused_or_nothing(&zoe, &link);

    let listed = zoe.json(&["received", "list"])["shares"].clone();
    for received in listed.as_array().into_iter().flatten() {
        assert_eq!(received["rows"], 0, "{received}");
        assert_eq!(received["state"]["state"], "pending", "{received}");
        assert_eq!(received["purpose"], "", "{received}");
    }
    let names: BTreeSet<String> = ines.json(&["log", "sent"])["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| entry["name"].to_string())
        .collect();
    assert_eq!(
        names,
        BTreeSet::from([String::from("\"Marc\"")]),
        "nothing left for anybody else"
    );
    assert_eq!(ines.listed("share", &share)["state"]["state"], "active");
}

/// Zoé accepts the link; her node tries, and has nothing to show.
#[track_caller]
fn refused_or_nothing(zoe: &Person, link: &str) {
    let refused = zoe
        .try_json(&[
            "received", "accept", link, "--name", "Inès", "--wait", PATIENCE,
        ])
        .expect_err("nothing can come of a link made for somebody else");
    assert!(matches!(refused.exit_code, Some(1 | 3)), "{refused:?}");
    assert!(refused.object.get("rows").is_none(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_peer_hears_the_same_of_a_slice_that_exists_and_of_one_that_does_not() {
    let [ines, marc, yann] = [(); 3].map(|()| Person::new());
    ines.imports("monday.gpx", RIDE);
    let _nodes = [&ines, &marc, &yann].map(|person| person.runs(&[]));
    let (_, link) = ines.shares_with(&marc.card(), "Marc", "comparing our weeks");
    marc.json(&["received", "accept", &link, "--name", "Inès"]);

    let link: ShareLink = link.parse().expect("a link reads");
    let marcs: Card = marc.card().parse().expect("a card reads");
    let yanns: Card = yann.card().parse().expect("a card reads");
    let unknown = SliceId::from_bytes([0x5A; 32]);
    let nobody = PersonId::from_bytes([0xA5; 32]);

    let mut heard = Vec::new();
    for (at, slice, person) in [
        (&link.card, link.slice, marcs.person), // everything that is to be known, in Marc's name
        (&link.card, link.slice, nobody),
        (&link.card, unknown, marcs.person),
        (&link.card, unknown, nobody),
        (&marcs, link.slice, link.card.person), // at the reader's node, in the giver's name
        (&yanns, link.slice, marcs.person),     // at a node that never shared anything
    ] {
        heard.push(talk(at, slice, person).await);
    }
    for (number, heard) in heard.iter().enumerate() {
        assert_eq!(heard, &Heard::default(), "try {number} heard something");
    }
}

/// What a node said before it closed the stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Heard {
    frames: Vec<Vec<u8>>,
}

/// Says everything that a stranger can make up about `slice` in `person`'s name to the node of
/// `card`, and listens until that node closes the stream.
async fn talk(card: &Card, slice: SliceId, person: PersonId) -> Heard {
    let seed = [7; 32];
    let options = NetOptions {
        seed: Key::from_bytes(seed),
        listen: Vec::new(),
        nearby: false,
    };
    let (net, mut inbox) = Net::start(options)
        .await
        .expect("a peer needs no port to dial");
    net.dial(card.transport, card.addresses.clone());
    let mut heard = Heard::default();
    loop {
        let event = timeout(DEADLINE, inbox.recv())
            .await
            .expect("the node closes a stranger's stream");
        match event.expect("the network runs") {
            NetEvent::Connected { connection, .. } => {
                for frame in made_up(
                    transport_id(&seed).expect("any seed is a key"),
                    slice,
                    person,
                ) {
                    net.send(connection, frame.to_bytes());
                }
            }
            NetEvent::Received { frame, .. } => heard.frames.push(frame),
            NetEvent::Disconnected { .. } => break,
            // Closed before the stream was up: that tells a stranger even less.
            NetEvent::DialFailed { .. } => break,
            NetEvent::Listening(_) | NetEvent::Nearby { .. } => {}
        }
    }
    let _ = timeout(Duration::from_secs(10), net.shutdown(inbox)).await;
    heard
}

/// Frames that use all that a stranger knows.
fn made_up(me: TransportId, slice: SliceId, person: PersonId) -> Vec<Frame> {
    let names = [
        slice.as_bytes(),
        me.as_bytes(),
        person.as_bytes(),
        turned(slice).as_bytes(),
    ]
    .map(|id| Name(*id));
    vec![
        Frame::Hello(Hello {
            version: maille_protocol::sync::frame::VERSION,
            features: 0,
            salt: [1; 16],
            person,
            addresses: Vec::new(),
            feed: FeedId([2; 16]),
            cursor: Cursor::default(),
            authority: [0; 32],
            authority_held: [0; 32],
        }),
        Frame::Names(names.to_vec()),
        Frame::Item {
            position: 1,
            item: Item::Parcel(slice.as_bytes().to_vec()),
        },
        Frame::Ack { position: 0 },
    ]
}

fn turned(slice: SliceId) -> SliceId {
    // Any other function of what is known would do as well.
    let mut bytes = *slice.as_bytes();
    bytes.reverse();
    SliceId::from_bytes(bytes)
}
