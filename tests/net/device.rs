//! A second device, in a process of its own: added by code and words, in step, lost, removed.

use std::process::{Child, Output, Stdio};

use maille_tests::eventually;
use maille_tests::gpx::Track;
use maille_tests::person::{Person, text};
use serde_json::Value;

use crate::share::RIDE;

pub(crate) fn code_of(laptop: &Person) -> String {
    let shown = laptop.json(&["device", "add", "--no-wait", "--as", "laptop"]);
    text(&shown, "/device_code")
}

/// `maille device join`, on its way.
pub(crate) fn joins(phone: &Person, code: &str) -> Child {
    let mut command = phone.maille();
    command.args(["device", "join", code, "--as", "phone", "--json"]);
    let spawned = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    spawned.expect("the binary can be started")
}

/// The words that the laptop shows, once a device has come.
pub(crate) fn words_at(laptop: &Person) -> Vec<String> {
    eventually("a device asks", || {
        let words = laptop.json(&["device", "list"])["words"]["fr"].clone();
        let words: Vec<String> = serde_json::from_value(words).ok()?;
        Some(words)
    })
}

pub(crate) fn confirms(
    laptop: &Person,
    words: &[String],
) -> Result<Value, maille_tests::person::Refused> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    laptop.try_json(&[&["device", "confirm"], &words[..]].concat())
}

pub(crate) fn said(child: Child) -> (Option<i32>, Value) {
    let Output { status, stdout, .. } = child.wait_with_output().expect("it ends");
    let object = serde_json::from_slice(&stdout).unwrap_or(Value::Null);
    (status.code(), object)
}

pub(crate) fn trips(person: &Person) -> usize {
    let listed = person.json(&["trip", "list"]);
    listed["trips"].as_array().map_or(0, Vec::len)
}

fn on(day: &'static str) -> Track<'static> {
    Track { day, ..RIDE }
}

#[test]
fn a_phone_is_added_follows_and_is_removed() {
    let (laptop, phone) = (Person::new(), Person::nobody());
    laptop.imports("monday.gpx", on("2026-03-02"));
    let _laptop_node = laptop.runs(&[]);
    let joining = joins(&phone, &code_of(&laptop));
    let words = words_at(&laptop);
    assert_eq!(words.len(), 3);
    confirms(&laptop, &words).expect("the same words");
    let (exit, joined) = said(joining);
    assert_eq!(exit, Some(0), "{joined}");
    assert_eq!(joined["trips"], 1, "the vault arrives: {joined}");

    let phone_node = phone.runs(&[]);
    phone.imports("tuesday.gpx", on("2026-03-03"));
    eventually("the laptop has it, too", || {
        (trips(&laptop) == 2).then_some(())
    });
    // Killed in the middle of what comes next, it goes on where it was.
    drop(phone_node);
    laptop.imports("wednesday.gpx", on("2026-03-04"));
    let _phone_node = phone.runs(&[]);
    eventually("the phone catches up", || {
        (trips(&phone) == 3).then_some(())
    });
    let listed = phone.json(&["device", "list"]);
    let names: Vec<&Value> = (listed["devices"].as_array().expect("a list").iter())
        .map(|device| &device["name"])
        .collect();
    assert_eq!(names, ["laptop", "phone"]);

    let senior = phone.try_json(&["device", "remove", "laptop", "--yes"]);
    let senior = senior.expect_err("a junior removes no senior");
    assert_eq!(senior.object["error"]["code"], "not-allowed-of-device");
    let unasked = laptop.try_json(&["device", "remove", "phone"]);
    assert_eq!(unasked.expect_err("nobody to ask").exit_code, Some(2));
    laptop.json(&["device", "remove", "phone", "--yes"]);
    laptop.imports("thursday.gpx", on("2026-03-05"));
    eventually("the phone hears that it was removed", || {
        (phone.json(&["device", "list"])["removed"] == true).then_some(())
    });
    let file = phone.writes("friday.gpx", &on("2026-03-06").file());
    let refused = phone.try_json(&["import", file.to_str().expect("a plain name")]);
    assert!(refused.is_err(), "it may only look: {refused:?}");
    assert_eq!((trips(&laptop), trips(&phone)), (4, 3));
}

#[test]
fn other_words_add_nothing_and_use_the_code_up() {
    let (laptop, phone) = (Person::new(), Person::nobody());
    let _laptop_node = laptop.runs(&[]);
    let code = code_of(&laptop);
    let joining = joins(&phone, &code);
    let mut words = words_at(&laptop);
    words.rotate_left(1);
    words[0] = "abaisser".to_owned();
    let refused = confirms(&laptop, &words).expect_err("other words");
    assert_eq!(refused.object["error"]["code"], "words-differ");
    let (exit, said_there) = said(joining);
    assert_eq!(
        (exit, &said_there["error"]["code"]),
        (Some(1), &Value::from("words-differ"))
    );
    let again = phone
        .try_json(&["device", "join", &code])
        .expect_err("used up");
    assert_eq!(again.object["error"]["code"], "pairing-over");
    assert_eq!(
        laptop.json(&["device", "list"])["devices"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert!(phone.try_json(&["status"]).is_err(), "no home was made");
}

#[test]
fn who_is_killed_while_the_words_are_compared_comes_again_with_another_code() {
    let (laptop, phone) = (Person::new(), Person::nobody());
    laptop.imports("monday.gpx", on("2026-03-02"));
    let _laptop_node = laptop.runs(&[]);
    let mut first = joins(&phone, &code_of(&laptop));
    words_at(&laptop);
    first.kill().expect("it can be killed");
    let _ = first.wait();
    eventually("the laptop notices", || {
        laptop.json(&["device", "list"])["pairing"]
            .is_null()
            .then_some(())
    });
    let joining = joins(&phone, &code_of(&laptop));
    let words = words_at(&laptop);
    confirms(&laptop, &words).expect("the same words");
    let (exit, joined) = said(joining);
    assert_eq!(
        (exit, &joined["trips"]),
        (Some(0), &Value::from(1)),
        "{joined}"
    );
}
