//! All devices but one are gone, or all: the words, and whoever still runs.

use std::path::PathBuf;

use maille_tests::eventually;
use maille_tests::gpx::Track;
use maille_tests::person::{Node, Person, contains_word};
use serde_json::Value;

use crate::device::{code_of, confirms, joins, said, trips, words_at};
use crate::share::RIDE;

fn on(day: &'static str) -> Track<'static> {
    Track { day, ..RIDE }
}

/// Where Inès' words lie, on paper so to speak.
fn words_of(ines: &Person) -> PathBuf {
    ines.home().with_file_name("words")
}

fn recovers(
    at: &Person,
    ines: &Person,
    more: &[&str],
) -> Result<Value, maille_tests::person::Refused> {
    let words = words_of(ines);
    let words = words.to_str().expect("a plain name");
    let arguments = [&["recover", "--as", "new", "--words-file", words], more].concat();
    at.try_json(&arguments)
}

/// Inès with a trip on her laptop, and a phone that has it, too.
fn two_devices() -> (Person, Person, Node, Node) {
    let (laptop, phone) = (Person::new(), Person::nobody());
    laptop.imports("monday.gpx", on("2026-03-02"));
    let laptop_node = laptop.runs(&[]);
    let joining = joins(&phone, &code_of(&laptop));
    let words = words_at(&laptop);
    confirms(&laptop, &words).expect("the same words");
    assert_eq!(said(joining).0, Some(0));
    let phone_node = phone.runs(&[]);
    (laptop, phone, laptop_node, phone_node)
}

#[test]
fn the_words_bring_the_trips_back_from_the_second_device_and_end_the_lost_one() {
    let (laptop, phone, laptop_node, _phone_node) = two_devices();
    phone.imports("tuesday.gpx", on("2026-03-03"));
    eventually("the laptop has it", || (trips(&laptop) == 2).then_some(()));
    drop(laptop_node);
    std::fs::remove_dir_all(laptop.home()).expect("the laptop is gone");

    let new = Person::nobody();
    let card = phone.card();
    let unknown = recovers(&new, &laptop, &["--from", &card, "--lost", "fridge"]);
    let unknown = unknown.expect_err("no such device");
    assert_eq!(unknown.object["error"]["code"], "unknown-device");
    let back = recovers(&new, &laptop, &["--from", &card, "--lost", "laptop"]);
    let back = back.expect("she is back");
    assert_eq!(back["data"], true, "{back}");
    assert_eq!(back["trips"], 2, "{back}");
    assert_eq!(back["removed"].as_array().map(Vec::len), Some(1), "{back}");
    let told: Vec<(&Value, &Value)> = (back["devices"].as_array().expect("a list").iter())
        .map(|it| (&it["names"][0], &it["answered"]))
        .collect();
    assert_eq!(
        told,
        [
            (&"laptop".into(), &false.into()),
            (&"phone".into(), &true.into())
        ]
    );

    let _new_node = new.runs(&[]);
    new.imports("wednesday.gpx", on("2026-03-04"));
    eventually("the phone has what is new", || {
        (trips(&phone) == 3).then_some(())
    });
    let listed = phone.json(&["device", "list"]);
    let names: Vec<&Value> = (listed["devices"].as_array().expect("a list").iter())
        .map(|device| &device["name"])
        .collect();
    assert_eq!(names, ["new", "phone"]);
    // The words are on paper and nowhere else.
    let words = std::fs::read_to_string(words_of(&laptop)).expect("words");
    for (file, content) in new.files() {
        for word in words.split_whitespace().filter(|it| it.len() > 5) {
            assert!(
                !contains_word(&content, word),
                "{word} in {}",
                file.display()
            );
        }
    }
    let again = recovers(&new, &laptop, &["--from", &card]);
    assert_eq!(
        again.expect_err("taken").object["error"]["code"],
        "home-exists"
    );
}

#[test]
fn without_a_device_that_answers_a_contact_says_who_she_is_and_the_data_follow_later() {
    let (laptop, phone, laptop_node, phone_node) = two_devices();
    let marc = Person::new();
    let _marc_node = marc.runs(&[]);
    let (_, link) = laptop.shares_with(&marc.card(), "Marc", "comparing our weeks");
    marc.json(&["received", "accept", &link, "--name", "Inès"]);
    let listed = phone.json(&["device", "list"]);
    let lost = listed["devices"][1]["device"].as_str().expect("an id");
    drop((laptop_node, phone_node));

    let new = Person::nobody();
    let nowhere = recovers(&new, &laptop, &[]).expect_err("whom to ask");
    assert_eq!(nowhere.object["error"]["code"], "nowhere-to-ask");
    let gone = recovers(&new, &laptop, &["--from", &link]).expect_err("her laptop is off");
    assert_eq!(gone.object["error"]["code"], "node-not-reached");
    assert_eq!(gone.exit_code, Some(3));
    let hint = gone.object["error"]["hint"].to_string();
    assert!(hint.contains("--backup"), "what to do next: {hint}");
    assert!(new.try_json(&["status"]).is_err(), "no home was made");

    // Zoé's words are nobody's whom Marc knows.
    let zoe = Person::new();
    let other = recovers(&new, &zoe, &["--from", &marc.card()]);
    let other = other.expect_err("a stranger");
    assert_eq!(other.object["error"]["code"], "words-not-known");

    // On his word alone nothing is removed for good, unless she says so.
    let unsure = recovers(&new, &laptop, &["--from", &marc.card(), "--lost", lost]);
    let unsure = unsure.expect_err("a yes is asked for");
    assert_eq!(unsure.exit_code, Some(2));
    assert!(
        unsure.object["error"]["message"]
            .to_string()
            .contains("--yes")
    );
    assert!(new.try_json(&["status"]).is_err(), "no home was made");

    let back = recovers(&new, &laptop, &["--from", &marc.card()]).expect("she is back");
    assert_eq!(back["data"], false, "{back}");
    let _new_node = new.runs(&[]);
    assert_eq!(trips(&new), 0);
    // The laptop was only switched off.
    let _laptop_node = laptop.runs(&[]);
    eventually("what the laptop holds arrives", || {
        (trips(&new) == 1).then_some(())
    });
}
