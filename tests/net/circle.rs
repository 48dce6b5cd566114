//! Circles, with a process for each person: invited, in step, apart, removed, killed.

use std::process::{Child, Stdio};

use maille_tests::eventually;
use maille_tests::person::{Node, Person, text};
use serde_json::Value;

const CIRCLE: &str = "Rue des Lilas";

/// Inès makes the circle.
fn founds() -> Person {
    let ines = Person::new();
    ines.json(&[
        "circle",
        "create",
        CIRCLE,
        "--kind",
        "household",
        "--as",
        "Inès",
    ]);
    ines
}

fn invites(person: &Person, uses: &str) -> String {
    let made = person.json(&["circle", "invite", CIRCLE, "--uses", uses]);
    text(&made, "/link")
}

fn joins(person: &Person, link: &str, called: &str) -> Value {
    person.json(&["circle", "join", link, "--as", called, "--yes"])
}

fn status(person: &Person) -> Value {
    person.json(&["circle", "status", CIRCLE])["circle"].clone()
}

fn members(person: &Person) -> Vec<String> {
    let members = status(person)["members"].clone();
    let members = members.as_array().cloned().unwrap_or_default();
    let mut names: Vec<String> = members.iter().map(|it| text(it, "/name")).collect();
    names.sort();
    names
}

fn adds(person: &Person, what: &str) {
    person.json(&["circle", "add", CIRCLE, what]);
}

/// The list, as `text` or `text, done`.
fn list(person: &Person) -> Vec<String> {
    let listed = person.json(&["circle", "items", CIRCLE]);
    let items = listed["items"].as_array().cloned().unwrap_or_default();
    let said = |item: &Value| {
        let done = if item["done"] == true { ", done" } else { "" };
        format!("{}{done}", text(item, "/text"))
    };
    items.iter().map(said).collect()
}

#[track_caller]
fn comes_to(person: &Person, expected: &[&str]) {
    let mut last = Vec::new();
    eventually(&format!("the list comes to {expected:?}"), || {
        last = list(person);
        (last == expected).then_some(())
    });
}

/// Three in one circle, all nodes running.
pub(crate) fn three() -> ([Person; 3], [Node; 3]) {
    let people = [founds(), Person::new(), Person::new()];
    let nodes = [
        people[0].runs(&[]),
        people[1].runs(&[]),
        people[2].runs(&[]),
    ];
    let link = invites(&people[0], "2");
    joins(&people[1], &link, "Marc");
    joins(&people[2], &link, "Zoé");
    for person in &people {
        eventually("all three are there", || {
            (members(person) == ["Inès", "Marc", "Zoé"]).then_some(())
        });
    }
    (people, nodes)
}

#[test]
fn an_invite_for_one_lets_one_in_and_who_comes_second_is_told_and_reported() {
    let (ines, marc, zoe) = (founds(), Person::new(), Person::new());
    let _node = ines.runs(&[]);
    adds(&ines, "pain");
    let link = invites(&ines, "1");
    // Without a node of his own: the command is one while it waits.
    let joined = joins(&marc, &link, "Marc");
    assert_eq!(joined["circle"]["standing"], "member", "{joined}");
    assert_eq!(list(&marc), ["pain"], "what was written before is here");
    assert_eq!(members(&marc), ["Inès", "Marc"]);

    let refused = zoe.try_json(&["circle", "join", &link, "--as", "Zoé", "--yes"]);
    let refused = refused.expect_err("it is used up");
    assert_eq!(refused.exit_code, Some(1));
    assert_eq!(refused.object["error"]["code"], "not-welcome");
    assert_eq!(refused.object["error"]["why"], "used-up");
    let invite = status(&ines)["invites"][0].clone();
    assert_eq!(invite["used"][0][0], "Marc", "{invite}");
    assert_eq!(invite["refused"], 1, "{invite}");
    assert_eq!(members(&ines), ["Inès", "Marc"]);
    let asked = zoe.json(&["circle", "status", CIRCLE]);
    assert_eq!(asked["joining"]["refused"], "used-up", "{asked}");
    let told = ines.maille().args(["circle", "status", CIRCLE]).output();
    let told = String::from_utf8(told.expect("it can be started").stdout).expect("words");
    for part in ["Marc est entré", "n'est pas entré", "épuisée", "en ligne"] {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
}

#[test]
fn an_invite_that_was_taken_back_lets_nobody_in() {
    let (ines, marc) = (founds(), Person::new());
    let _node = ines.runs(&[]);
    let link = invites(&ines, "3");
    let number = text(&status(&ines), "/invites/0/id");
    ines.json(&["circle", "uninvite", &number]);
    let refused = marc.try_json(&["circle", "join", &link, "--as", "Marc", "--yes"]);
    let refused = refused.expect_err("it was taken back");
    assert_eq!(refused.object["error"]["why"], "revoked");
}

#[test]
fn what_two_write_while_one_is_away_merges_on_all() {
    let ([ines, marc, zoe], [_first, second, _third]) = three();
    adds(&ines, "pain");
    for person in [&ines, &marc, &zoe] {
        comes_to(person, &["pain"]);
    }
    second.is_killed();
    ines.json(&["circle", "tick", CIRCLE, "1"]);
    adds(&zoe, "sel");
    comes_to(&ines, &["pain, done", "sel"]);
    // Away, he goes on writing: no node runs.
    adds(&marc, "lait");
    marc.json(&["circle", "rename", CIRCLE, "pain", "pain de mie"]);
    assert_eq!(list(&marc), ["pain de mie", "lait"]);
    let _second = marc.runs(&[]);
    let merged = eventually("all see the same", || {
        let lists = [list(&ines), list(&marc), list(&zoe)];
        let same = lists[0].len() == 3 && lists.iter().all(|it| *it == lists[0]);
        same.then(|| lists[0].clone())
    });
    assert!(
        merged.contains(&"pain de mie, done".to_owned()),
        "{merged:?}"
    );
    eventually("all is delivered", || {
        let members = status(&ines)["members"].clone();
        let behind = members.as_array()?.iter().any(|it| it["behind"] == true);
        (!behind).then_some(())
    });
}

#[test]
fn who_is_removed_sees_nothing_new_and_does_not_come_back_by_the_same_invite() {
    let ([ines, marc, zoe], _nodes) = three();
    adds(&marc, "de Marc");
    for person in [&ines, &marc, &zoe] {
        comes_to(person, &["de Marc"]);
    }
    let not_admin = marc.try_json(&["circle", "remove", CIRCLE, "Zoé", "--yes"]);
    let not_admin = not_admin.expect_err("only admins remove");
    assert_eq!(not_admin.object["error"]["code"], "not-allowed-in-circle");
    let removed = ines.json(&["circle", "remove", CIRCLE, "Marc", "--yes"]);
    assert_eq!(removed["removed"]["name"], "Marc");
    eventually("Marc is told", || {
        (status(&marc)["standing"] == "removed").then_some(())
    });
    eventually("Zoé hears of it", || {
        (members(&zoe) == ["Inès", "Zoé"]).then_some(())
    });
    adds(&ines, "secret");
    adds(&zoe, "secret aussi");
    for person in [&ines, &zoe] {
        comes_to(person, &["de Marc", "secret", "secret aussi"]);
    }
    assert_eq!(list(&marc), ["de Marc"], "what he had, and nothing new");
    let late = marc.try_json(&["circle", "add", CIRCLE, "trop tard"]);
    assert_eq!(
        late.expect_err("he is out").object["error"]["code"],
        "not-allowed-in-circle"
    );
    zoe.json(&["circle", "leave", CIRCLE, "--yes"]);
    eventually("Inès is alone", || {
        (members(&ines) == ["Inès"]).then_some(())
    });
    adds(&ines, "seule");
    // Her own lines stand once an admin's device has said that they stay.
    comes_to(&zoe, &["de Marc", "secret", "secret aussi"]);
}

/// `maille circle join`, on its way.
fn joining(person: &Person, link: &str) -> Child {
    let mut command = person.maille();
    command.args(["circle", "join", link, "--as", "Marc", "--yes", "--json"]);
    let spawned = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    spawned.expect("the binary can be started")
}

fn has_asked(person: &Person) -> Option<()> {
    // Nobody answers in the moments in which the home has no holder.
    let listed = person.try_json(&["circle", "list"]).ok()?;
    let asked = listed["joining"].as_array()?;
    (asked.len() == 1).then_some(())
}

#[test]
fn who_is_killed_right_after_asking_comes_in_later() {
    let (ines, marc) = (founds(), Person::new());
    adds(&ines, "pain");
    let link = invites(&ines, "1");
    // Inès' device is off: the wish must outlive the process that said it.
    let mut process = joining(&marc, &link);
    eventually("he has asked", || has_asked(&marc));
    process.kill().expect("it can be killed");
    process.wait().expect("it was ours");
    eventually("it is kept", || has_asked(&marc));
    let _first = ines.runs(&[]);
    let second = marc.runs(&[]);
    eventually("he is in", || {
        (marc.json(&["circle", "list"])["circles"][0]["standing"] == "member").then_some(())
    });
    // And killed at once, before the circle may have arrived.
    second.is_killed();
    let _second = marc.runs(&[]);
    comes_to(&marc, &["pain"]);
    adds(&marc, "lait");
    comes_to(&ines, &["pain", "lait"]);
    assert_eq!(members(&ines), ["Inès", "Marc"]);
    let invite = status(&ines)["invites"][0].clone();
    assert_eq!(invite["used"].as_array().map(Vec::len), Some(1), "{invite}");
    assert_eq!(invite["refused"], 0, "{invite}");
}
