//! Nothing that a person typed or that a file said can be read on the wire or on a disk.

use std::net::SocketAddr;

use maille_tests::eventually;
use maille_tests::gpx::Track;
use maille_tests::person::{Person, assert_sealed, contains_word};
use maille_tests::proxy::{self, Recording};

use crate::share::{RIDE, only};

/// Words that occur nowhere but where this test plants them.
const PLANTED: [&str; 6] = [
    "Zwurbelhausen",   // a place in a file
    "Kvistagong",      // a name in a file
    "Quorzimplak",     // why something is shared
    "Marcofizzle",     // what Inès calls Marc
    "Inesqwaxle",      // what Marc calls Inès
    "mobility.weekly", // which lens
];

#[test]
fn neither_quic_nor_the_disks_show_a_planted_word() {
    nothing_shows("quic", proxy::udp);
}

#[test]
fn neither_tcp_nor_the_disks_show_a_planted_word() {
    nothing_shows("tcp", proxy::tcp);
}

#[test]
fn a_planted_word_would_be_found() {
    let bytes = [b"before", PLANTED[0].as_bytes(), b"after"].concat();
    assert!(contains_word(&bytes, PLANTED[0]));
    let wide: Vec<u8> = PLANTED[0]
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(contains_word(&wide, PLANTED[0]));
    assert!(!contains_word(&bytes, PLANTED[1]));
}

#[track_caller]
fn nothing_shows(transport: &str, wire: fn(SocketAddr) -> (SocketAddr, Recording)) {
    let (ines, marc) = (Person::new(), Person::new());
    let place = format!("from {} to {}", PLANTED[1], PLANTED[0]);
    ines.imports(
        "ride.gpx",
        Track {
            name: &place,
            ..RIDE
        },
    );

    // Their cards and links say where the recorded wires begin; they listen where those end.
    let behind: Vec<(String, Recording)> = [&ines, &marc]
        .map(|person| put_behind(person, transport, wire))
        .into();
    let (share, link) = ines.shares_with(&marc.card(), PLANTED[3], PLANTED[2]);
    let (_ines_node, _marc_node) = (ines.runs(&[&behind[0].0]), marc.runs(&[&behind[1].0]));
    let passed = || {
        behind
            .iter()
            .map(|(_, recording)| recording.len())
            .sum::<usize>()
    };

    let accepted = marc.json(&["received", "accept", &link, "--name", PLANTED[4]]);
    assert_eq!(accepted["rows"], ines.preview());
    let before = passed();
    assert!(
        before > 2_000,
        "the share went through the recorded wires: {before} bytes"
    );
    ines.imports(
        "again.gpx",
        Track {
            name: &place,
            day: "2026-03-10",
            ..RIDE
        },
    );
    eventually("Marc sees the new week", || {
        (marc.rows(&share) == ines.preview()).then_some(())
    });
    assert!(passed() > before, "and so did what followed");
    ines.json(&["share", "revoke", &share]);
    eventually("Marc hears of the end", || {
        (marc.listed("received", &share)["state"]["state"] == "revoked").then_some(())
    });

    for (_, recording) in &behind {
        for word in PLANTED {
            assert!(
                !contains_word(&recording.bytes(), word),
                "the wire shows {word:?}"
            );
        }
    }
    for person in [&ines, &marc] {
        assert_sealed(person, &PLANTED);
    }
}

/// Has `person`'s card say the front of a wire, and returns where they have to listen.
fn put_behind(
    person: &Person,
    transport: &str,
    wire: fn(SocketAddr) -> (SocketAddr, Recording),
) -> (String, Recording) {
    let address = only(person, transport).remove(0);
    let port: u16 = port_of(&address);
    let (front, recording) = wire(SocketAddr::from(([127, 0, 0, 1], port)));
    person.configures(&[address.replace(&format!("/{port}"), &format!("/{}", front.port()))]);
    (address, recording)
}

fn port_of(address: &str) -> u16 {
    let port = address.split('/').nth(4).and_then(|port| port.parse().ok());
    port.unwrap_or_else(|| panic!("no port in {address}"))
}
