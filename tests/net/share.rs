//! The main job between two processes: share, see, follow live, stop.

use maille_core::sim::Inspect;
use maille_protocol::id::{GrantId, PersonId, SliceId};
use maille_tests::eventually;
use maille_tests::gpx::Track;
use maille_tests::person::{Person, text};
use serde_json::Value;

/// A bicycle ride of 5 km in the first week of March.
pub(crate) const RIDE: Track<'_> = Track {
    name: "made-up ride",
    kind: "cycling",
    day: "2026-03-02",
    hour: 7,
    hectometres: 50,
};

#[test]
fn what_ines_shares_reaches_marc_over_quic_and_ends_when_she_says_so() {
    shares_follows_and_stops("quic");
}

#[test]
fn what_ines_shares_reaches_marc_over_tcp_and_ends_when_she_says_so() {
    shares_follows_and_stops("tcp");
}

/// The addresses at which `person` can be reached over one transport alone.
pub(crate) fn only(person: &Person, transport: &str) -> Vec<String> {
    let all = person.configured();
    let some: Vec<String> = all
        .iter()
        .filter(|address| address.contains(transport))
        .cloned()
        .collect();
    assert!(!some.is_empty(), "no {transport} among {all:?}");
    some
}

#[track_caller]
fn shares_follows_and_stops(transport: &str) {
    let (ines, marc) = (Person::new(), Person::new());
    for person in [&ines, &marc] {
        person.configures(&only(person, transport));
    }
    ines.imports("monday.gpx", RIDE);
    let (_ines_node, _marc_node) = (ines.runs(&[]), marc.runs(&[]));

    let (share, link) = ines.shares_with(&marc.card(), "Marc", "comparing our weeks");
    let accepted = marc.json(&["received", "accept", &link, "--name", "Inès"]);
    let shown = ines.preview();
    assert_eq!(
        shown.as_array().map(Vec::len),
        Some(1),
        "one week, one mode: {shown}"
    );
    assert_eq!(accepted["rows"], shown);
    assert_eq!(marc.rows(&share), shown);

    // A new import appears at Marc's without his asking.
    ines.imports(
        "tuesday.gpx",
        Track {
            day: "2026-03-10",
            ..RIDE
        },
    );
    let followed = ines.preview();
    assert_eq!(followed.as_array().map(Vec::len), Some(2), "{followed}");
    eventually("Marc sees the new week", || {
        (marc.rows(&share) == followed).then_some(())
    });
    eventually("Inès hears that Marc has it", || {
        ines.listed("share", &share)["acknowledged"]
            .as_str()
            .map(drop)
    });

    let revoked = ines.json(&["share", "revoke", &share]);
    assert_eq!(text(&revoked, "/share/state/state"), "revoked");
    // Recorded after the stop: in a week that Marc has seen, and in a week of its own.
    ines.imports(
        "wednesday.gpx",
        Track {
            day: "2026-03-11",
            ..RIDE
        },
    );
    ines.imports(
        "later.gpx",
        Track {
            day: "2026-03-18",
            ..RIDE
        },
    );
    assert_ne!(ines.preview(), followed);

    let received = eventually("Marc hears that the share has ended", || {
        let listed = marc.listed("received", &share);
        (listed["state"]["state"] == "revoked").then_some(listed)
    });
    eventually("Inès hears that Marc knows", || {
        (ines.listed("share", &share)["end_acknowledged"] == true).then_some(())
    });
    assert_eq!(
        marc.rows(&share),
        followed,
        "he keeps what he had and gets nothing more"
    );
    assert_eq!(received["rows"], 2);
    assert_eq!(
        text(&ines.listed("share", &share), "/state/state"),
        "revoked"
    );
    the_journal_says_what_left(&ines, &share);

    // And it stays like that when both meet again.
    drop((_ines_node, _marc_node));
    the_readers_store_holds_nothing_written_later(&ines, &marc, &share);
    let (_ines_node, _marc_node) = (ines.runs(&[]), marc.runs(&[]));
    eventually("they meet again", || {
        let contacts = ines.json(&["status"])["contacts"].clone();
        contacts
            .as_array()?
            .iter()
            .any(|contact| contact["connected"] == true)
            .then_some(())
    });
    assert_eq!(marc.rows(&share), followed);
    assert_eq!(marc.listed("received", &share)["state"]["state"], "revoked");
}

/// Looks into both stores: what the giver has written since the end, the reader neither holds nor
/// could open.
#[track_caller]
fn the_readers_store_holds_nothing_written_later(giver: &Person, reader: &Person, share: &str) {
    let share: GrantId = share.parse().expect("the id of a share");
    let (giver, reader) = (giver.store(), reader.store());
    let (giver, reader) = (Inspect(&giver), Inspect(&reader));
    let of_share = |(id, ..): &(GrantId, SliceId, PersonId, bool)| *id == share;
    let (_, slice, _, ended) = giver.given().into_iter().find(of_share).expect("given");
    assert!(ended);
    let (_, taken, _, ended) = reader.taken().into_iter().find(of_share).expect("taken");
    assert!(ended && taken == slice);

    let written = giver.entries(slice);
    let held = reader.entries(slice);
    assert_eq!(written.len(), 4, "one entry for each of the four imports");
    assert_eq!(
        held,
        written[..2],
        "the two from before the end, as they were written"
    );
    let openable = reader.generations(slice);
    for entry in &written[2..] {
        assert!(
            !openable.contains(&(entry.part, entry.generation)),
            "{entry:?}"
        );
    }
    assert_eq!(reader.rows(slice).len(), 2);
    assert_eq!(giver.rows(slice).len(), 3);
}

#[track_caller]
fn the_journal_says_what_left(person: &Person, share: &str) {
    let sent = person.json(&["log", "sent"]);
    let entries: Vec<&Value> = sent["entries"].as_array().into_iter().flatten().collect();
    for entry in &entries {
        assert_eq!(entry["grant"], *share);
        assert_eq!(entry["name"], "Marc");
        assert_eq!(entry["purpose"], "comparing our weeks");
    }
    let rows: u64 = entries
        .iter()
        .filter_map(|entry| entry.pointer("/what/rows/rows")?.as_u64())
        .sum();
    assert_eq!(rows, 2, "two rows left, and nothing after the stop: {sent}");
}
