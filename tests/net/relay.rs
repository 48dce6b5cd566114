//! A relay between members who are never there together: real processes, one of which keeps what it cannot read.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use maille_tests::eventually;
use maille_tests::person::{Person, contains_word, text};
use serde_json::Value;

const CIRCLE: &str = "Rue des Lilas";

fn adds(person: &Person, what: &str) {
    person.json(&["circle", "add", CIRCLE, what]);
}

fn list(person: &Person) -> Vec<String> {
    let listed = person.json(&["circle", "items", CIRCLE]);
    let items = listed["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| text(item, "/text")).collect()
}

#[track_caller]
fn comes_to(person: &Person, expected: &[&str]) {
    eventually(&format!("the list comes to {expected:?}"), || {
        (list(person) == expected).then_some(())
    });
}

/// The one relay of the circle, as a member's node stands with it.
#[track_caller]
fn relay_of(person: &Person) -> Value {
    let shown = person.json(&["circle", "relay", "list", CIRCLE]);
    shown["relays"][0].clone()
}

#[track_caller]
fn has_left_all(person: &Person) {
    eventually("all is at the relay", || {
        let relay = relay_of(person);
        (relay["connected"] == true && relay["waiting"] == 0 && !relay["met"].is_null())
            .then_some(())
    });
}

#[test]
fn what_one_writes_waits_at_a_relay_for_the_other_and_the_relay_reads_nothing() {
    let (ines, marc, relay) = (Person::new(), Person::new(), Person::new());
    let relay_node = relay.runs(&[]);
    let code = text(
        &relay.json(&["relay", "offer", "--room", "20MB"]),
        "/room/code",
    );
    ines.json(&[
        "circle",
        "create",
        CIRCLE,
        "--kind",
        "household",
        "--as",
        "Inès Rouvière",
    ]);
    {
        let _ines_there = ines.runs(&[]);
        let invited = ines.json(&["circle", "invite", CIRCLE]);
        let _marc_there = marc.runs(&[]);
        let link = text(&invited, "/link");
        marc.json(&["circle", "join", &link, "--as", "Marc Delétang", "--yes"]);
        ines.json(&["circle", "relay", "use", CIRCLE, &code]);
        has_left_all(&ines);
        has_left_all(&marc);
    }
    {
        let _ines_there = ines.runs(&[]);
        adds(&ines, "le numéro du médecin");
        has_left_all(&ines);
    }
    {
        let _marc_there = marc.runs(&[]);
        comes_to(&marc, &["le numéro du médecin"]);
        adds(&marc, "du sel");
        has_left_all(&marc);
    }
    {
        let _ines_there = ines.runs(&[]);
        comes_to(&ines, &["le numéro du médecin", "du sel"]);
    }
    let rooms = relay.json(&["relay", "list"]);
    assert_eq!(rooms["rooms"][0]["mailboxes"], 1, "{rooms}");
    assert!(rooms["rooms"][0]["used"].as_u64() > Some(10_000), "{rooms}");
    // Neither its memory nor its disk holds a word of it; in hers the same search finds them.
    let words = ["médecin", CIRCLE, "Rouvière", "Delétang"];
    let ines_there = ines.runs(&[]);
    comes_to(&ines, &["le numéro du médecin", "du sel"]);
    assert_eq!(found_in_memory(ines_there.pid(), &words), words);
    assert_eq!(found_in_memory(relay_node.pid(), &words), [""; 0]);
    for (path, bytes) in relay.files() {
        for word in words {
            assert!(!contains_word(&bytes, word), "{word} in {}", path.display());
        }
    }
}

/// Which of some words stand anywhere in the memory of a process.
fn found_in_memory<'a>(pid: u32, words: &[&'a str]) -> Vec<&'a str> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("it runs");
    let mut memory = File::open(format!("/proc/{pid}/mem")).expect("it is a child of ours");
    let mut found = vec![false; words.len()];
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (Some(range), Some(rights)) = (fields.next(), fields.next()) else {
            continue;
        };
        let place = |hex| u64::from_str_radix(hex, 16).expect("an address");
        let (from, to) = range.split_once('-').expect("a range");
        let (from, to) = (place(from), place(to));
        // What cannot be written holds the program alone.
        if !rights.starts_with("rw") {
            continue;
        }
        let mut bytes = vec![0; usize::try_from(to - from).expect("fits")];
        let read = memory
            .seek(SeekFrom::Start(from))
            .and_then(|_| memory.read_exact(&mut bytes));
        if read.is_err() {
            continue; // a device's, or gone meanwhile
        }
        for (word, found) in words.iter().zip(&mut found) {
            *found |= contains_word(&bytes, word);
        }
    }
    let words = words.iter().zip(found);
    words
        .filter(|(_, found)| *found)
        .map(|(word, _)| *word)
        .collect()
}

#[test]
fn a_code_that_is_no_code_is_told_and_a_relay_is_named_by_admins_only() {
    let (ines, marc) = (Person::new(), Person::new());
    let _there = (ines.runs(&[]), marc.runs(&[]));
    ines.json(&[
        "circle",
        "create",
        CIRCLE,
        "--kind",
        "household",
        "--as",
        "Inès Rouvière",
    ]);
    let invited = ines.json(&["circle", "invite", CIRCLE]);
    let link = text(&invited, "/link");
    marc.json(&["circle", "join", &link, "--as", "Marc Delétang", "--yes"]);
    let own = text(&ines.json(&["relay", "offer"]), "/room/code");
    let refused = |person: &Person, code: &str| {
        let arguments = ["circle", "relay", "use", CIRCLE, code];
        let refused = person.try_json(&arguments).expect_err("refused");
        text(&refused.object, "/error/code")
    };
    assert_eq!(refused(&ines, &own), "own-relay");
    assert_eq!(refused(&marc, &own), "not-allowed-in-circle");
    assert_eq!(refused(&ines, &link), "bad-relay-code");
    assert_eq!(refused(&ines, &own.replace('q', "p")), "bad-relay-code");
    let few = ines.try_json(&["relay", "offer", "--room", "0MB"]);
    let few = few.expect_err("too little");
    assert_eq!(few.object["error"]["code"], "too-little-room");
}
