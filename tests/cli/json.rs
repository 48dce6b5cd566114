//! What scripts read: one versioned object per command, and an export that is whole.

use maille_tests::person::{Person, in_days, text};
use serde_json::{Value, json};

use crate::told::{RIDE, share};

#[test]
fn every_command_answers_with_one_versioned_object() {
    let (ines, marc) = (Person::new(), Person::new());
    let ride = ines.writes("ride.gpx", &RIDE.file());
    let ride = ride.to_str().expect("plain names");
    let card = marc.card();
    let until = in_days(30);
    let create = share("mobility.weekly", &card, &until);
    let commands: [(&[&str], &str, &[&str]); 14] = [
        (&["card"], "card", &["/card", "/person", "/addresses/0"]),
        (
            &["status"],
            "status",
            &["/person", "/trips", "/running", "/contacts"],
        ),
        (
            &["import", ride],
            "imported",
            &[
                "/files/0/file",
                "/files/0/format",
                "/files/0/kept/added",
                "/files/0/skipped",
            ],
        ),
        (
            &["trip", "list"],
            "trips",
            &["/trips/0/id", "/trips/0/sections/0/distance_mm"],
        ),
        (
            &["doctor"],
            "checked-up",
            &["/documents", "/entries", "/differing"],
        ),
        (
            &["show", "footprint"],
            "footprint",
            &[
                "/mobility/months/2026-03/co2e_mg",
                "/mobility/factors/version",
                "/electricity",
            ],
        ),
        (
            &["lens", "list"],
            "lenses",
            &["/lenses/0/name", "/lenses/0/id", "/lenses/0/sentence"],
        ),
        (
            &["lens", "preview", "mobility.weekly"],
            "preview",
            &["/rows/0/week", "/rows/0/distance_mm", "/sentence"],
        ),
        (
            &create,
            "share-created",
            &["/share/id", "/share/rows", "/link", "/sentence"],
        ),
        (
            &["share", "list"],
            "shares",
            &["/shares/0/id", "/shares/0/state/state"],
        ),
        (
            &["share", "revoke", "Marc"],
            "share-revoked",
            &["/share/state/at", "/share/end_acknowledged"],
        ),
        (&["received", "list"], "received-list", &["/shares"]),
        (&["log", "sent"], "sent", &["/entries"]),
        (
            &["export"],
            "exported",
            &[
                "/format",
                "/format_version",
                "/person",
                "/records/0/kind",
                "/given/0/id",
            ],
        ),
    ];
    for (arguments, done, pointers) in commands {
        let object = ines.json(arguments);
        assert_eq!(
            (&object["version"], &object["done"]),
            (&1.into(), &done.into()),
            "{arguments:?}: {object}"
        );
        for pointer in pointers {
            assert!(
                object
                    .pointer(pointer)
                    .is_some_and(|value| !value.is_null()),
                "{arguments:?}: no {pointer} in {object}"
            );
        }
    }
}

#[test]
fn an_export_is_whole_and_goes_to_a_new_file() {
    let person = Person::new();
    person.imports("ride.gpx", RIDE);
    let home = person.home();
    let file = home.with_file_name("export.json");
    let file_text = file.to_str().expect("plain names");
    let done = person.json(&["export", "--out", file_text]);
    assert_eq!(
        (&done["done"], &done["records"]),
        (&"exported".into(), &1.into())
    );
    let export: Value =
        serde_json::from_slice(&std::fs::read(&file).expect("it was written")).expect("JSON");
    assert_eq!(text(&export, "/format"), "maille-export");
    assert_eq!(export["format_version"], 1);
    assert_eq!(text(&export, "/records/0/kind"), "trip");
    let again = person
        .try_json(&["export", "--out", file_text])
        .expect_err("nothing is written over");
    assert_eq!(
        (again.exit_code, &again.object["error"]["code"]),
        (Some(1), &"file-exists".into())
    );
    let nowhere = person
        .try_json(&["export", "--out", "nowhere/export.json"])
        .expect_err("no such folder");
    assert_eq!(nowhere.object["error"]["code"], "file-unwritable");
}

#[test]
fn without_a_running_node_accepting_goes_online_by_itself() {
    let (ines, marc) = (Person::new(), Person::new());
    ines.imports("ride.gpx", RIDE);
    let _node = ines.runs(&[]);
    let (share, link) = ines.shares_with(&marc.card(), "Marc", "comparer");
    let accepted = marc.json(&["received", "accept", &link, "--name", "Inès"]);
    assert_eq!(
        (&accepted["version"], &accepted["done"]),
        (&1.into(), &"received-accepted".into())
    );
    assert_eq!(accepted["rows"], ines.preview());
    let shown = marc.json(&["received", "show", "Inès"]);
    assert_eq!(
        (&shown["done"], &shown["rows"]),
        (&"received".into(), &accepted["rows"])
    );
    assert_eq!(text(&shown, "/share/id"), share);
    let export = marc.json(&["export"]);
    assert_eq!(
        export["received"][0]["rows"], accepted["rows"],
        "what was received is exported too"
    );
}

#[test]
fn the_demo_says_what_it_checked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let homes = folder.path().join("homes");
    let output = maille_tests::isolated(&maille_tests::binary("maille"))
        .args(["demo", "--json", "--keep"])
        .arg(&homes)
        .output()
        .expect("the binary can be started");
    let object: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(
        (output.status.code(), &object["done"]),
        (Some(0), &"demo".into()),
        "{object}"
    );
    assert!(object["seconds"].as_u64() < Some(60), "{object}");
    let steps = object["steps"].as_array().expect("a list");
    let names: Vec<&Value> = steps.iter().map(|step| &step["step"]).collect();
    assert_eq!(
        names,
        [
            "found",
            "import",
            "footprint",
            "share",
            "accept",
            "live",
            "stranger",
            "revoke",
            "after",
            "log",
            "circle",
            "poll",
            "list",
            "remove",
            "device",
            "recover"
        ]
    );
    let seen = |name: &str| {
        let step = steps.iter().find(|step| step["step"] == name);
        &step.expect("one of the steps")["seen"]
    };
    assert_eq!(seen("circle")["members"], 8, "{object}");
    assert_eq!(
        seen("circle")["invites"],
        json!([
            { "uses": 1, "used": 1, "refused": 1 },
            { "uses": 6, "used": 6, "refused": 0 },
        ])
    );
    let poll = seen("poll");
    assert_eq!(
        (&poll["electors"], &poll["voted"], &poll["needed"]),
        (&8.into(), &7.into(), &4.into())
    );
    assert_eq!(poll["outcome"], json!({ "is": "chosen", "choice": 2 }));
    assert_eq!(object["poll"]["ballots"].as_array().map(Vec::len), Some(8));
    assert_eq!(
        (&seen("remove")["items"], &seen("remove")["items_at_marc"]),
        (&10.into(), &8.into())
    );
    let recovered = seen("recover");
    for held in ["trips", "readings"] {
        assert_eq!(recovered[held], seen("device")[held], "{held}");
    }
    assert_eq!(
        (&recovered["members"], &recovered["items"]),
        (&7.into(), &10.into())
    );
    assert_eq!(recovered["missing"]["shares_given"], 1);
    assert_eq!(text(&object, "/received/share/state/state"), "revoked");
    assert!(!homes.join("ines").exists(), "her laptop is gone");
    let at = |home: &str, arguments: &[&str]| {
        let output = maille_tests::isolated(&maille_tests::binary("maille"))
            .args(["--lang", "en", "--home"])
            .arg(homes.join(home))
            .args(arguments)
            .output()
            .expect("the binary can be started");
        String::from_utf8(output.stdout).expect("text")
    };
    let kept = at("marc", &["received", "list"]);
    assert!(kept.contains("stopped by Inès on"), "{kept}");
    let back = at("ines-new", &["trip", "list", "--json"]);
    let back: Value = serde_json::from_str(&back).expect("JSON");
    let trips = back["trips"].as_array().map(|it| it.len() as u64);
    assert_eq!(trips, recovered["trips"].as_u64());
}
