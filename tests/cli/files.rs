//! Files that people give by mistake or that came to harm: refused by name, place and reason, and
//! nothing of them kept. Files with small faults: read, with the faults named.

use std::fs;
use std::path::Path;

use maille_schemas::sample;
use maille_tests::gpx::Track;
use maille_tests::person::Person;
use serde_json::Value;

use crate::told::{RIDE, Told, refused, told, trips};

/// A person with a ride in their store: what a bad file must leave alone.
fn with_a_ride() -> Person {
    let person = Person::new();
    person.imports("monday.gpx", RIDE);
    person
}

/// The made-up Linky file of October 2026.
fn linky() -> String {
    let files = sample::files(1, "2026-09".parse().expect("a month"));
    let linky = files
        .into_iter()
        .find(|file| file.name.ends_with("csv"))
        .expect("one sample is a CSV");
    String::from_utf8(linky.bytes).expect("samples are UTF-8")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have plain names")
}

/// Writes a file that must be refused; returns the words and the error.
#[track_caller]
fn bad(person: &Person, name: &str, content: &[u8], arguments: &[&str]) -> (Told, Value) {
    let file = person.writes(name, "");
    fs::write(&file, content).expect("the disk takes a small file");
    let arguments = [&["import", path(&file)], arguments].concat();
    let (words, error) = refused(person, &arguments, 1, "file-refused");
    words.is_report_with(&[name, "rien de ce fichier n'a été gardé"]);
    (words, error)
}

#[test]
fn an_empty_file_is_refused() {
    let (words, error) = bad(&with_a_ride(), "vide.gpx", b"", &[]);
    words.is_report_with(&["le fichier est vide", "tout le fichier"]);
    assert_eq!(error["reason"]["code"], "empty");
    assert_eq!(error["place"], "file");
}

#[test]
fn a_file_that_is_only_a_byte_order_mark_is_empty_and_one_that_begins_with_it_is_read() {
    let person = Person::new();
    bad(&person, "bom.csv", b"\xef\xbb\xbf", &[])
        .0
        .is_report_with(&["vide"]);
    let file = person.writes("bom.gpx", &format!("\u{feff}{}", RIDE.file()));
    let done = person.json(&["import", path(&file)]);
    assert_eq!(done["files"][0]["kept"]["added"], 1, "{done}");
}

#[test]
fn a_file_that_was_cut_is_refused_whole() {
    let person = with_a_ride();
    let whole = Track {
        day: "2026-03-03",
        ..RIDE
    }
    .file();
    let (words, error) = bad(
        &person,
        "coupe.gpx",
        &whole.as_bytes()[..whole.len() / 2],
        &[],
    );
    assert!(
        words.stderr.contains("coupé") || words.stderr.contains("mal formé"),
        "{words:?}"
    );
    assert_ne!(error["place"], "file", "it says where: {error}");
}

#[test]
fn a_file_of_another_format_is_refused_and_named() {
    let person = with_a_ride();
    let (words, error) = bad(&person, "facture.pdf", b"%PDF-1.7 ...", &[]);
    words.is_report_with(&["un PDF", "GPX", "Coach CO2", "Linky"]);
    assert!(!words.stderr.contains("corrigez"), "{words:?}");
    assert_eq!(error["reason"]["looked_like"], "pdf");
    let (words, error) = bad(
        &person,
        "trace.csv",
        RIDE.file().as_bytes(),
        &["--as", "linky-csv"],
    );
    words.is_report_with(&["linky-csv", "une trace GPX"]);
    assert_eq!(error["reason"]["code"], "wrong-format");
}

#[test]
fn a_hundred_megabytes_of_zeros_are_refused_unread() {
    let person = with_a_ride();
    let file = person.writes("zeros.gpx", "");
    fs::File::options()
        .write(true)
        .open(&file)
        .and_then(|file| file.set_len(100_000_000))
        .expect("a sparse file");
    let (words, error) = refused(&person, &["import", path(&file)], 1, "file-refused");
    words.is_report_with(&["zeros.gpx", "100,0 MB"]);
    assert_eq!(error["reason"]["code"], "too-large");
    let (words, _) = bad(&person, "zeros.csv", &[0; 4_096], &[]);
    words.is_report_with(&["plein de zéros"]);
}

#[test]
fn text_that_is_not_utf_8_is_refused_at_its_byte() {
    let person = with_a_ride();
    let mut content = RIDE.file().into_bytes();
    content[200] = 0xff;
    let (words, error) = bad(&person, "abime.gpx", &content, &[]);
    words.is_report_with(&["octet 201"]);
    assert_eq!(
        (&error["place"], &error["reason"]["code"]),
        (&"byte 201".into(), &"invalid-utf8".into())
    );
}

#[test]
fn a_file_that_is_not_there_is_refused() {
    let person = with_a_ride();
    let (words, _) = refused(&person, &["import", "nulle-part.gpx"], 1, "file-unreadable");
    words.is_report_with(&["nulle-part.gpx", "rien de ce nom", "vérifiez le nom"]);
    let (words, error) = refused(&person, &["import", "."], 1, "file-unreadable");
    words.is_report_with(&["c'est un dossier", "*.gpx"]);
    assert!(!words.stderr.contains("os error"), "{words:?}");
    assert_eq!(
        error["reason"], "Is a directory (os error 21)",
        "for whoever helps"
    );
    let words = told(&person, &["--lang", "en", "import", "nowhere.gpx"]);
    assert!(
        words.stderr.contains("there is nothing of this name")
            && !words.stderr.contains("os error"),
        "{words:?}"
    );
}

#[test]
fn pictures_archives_and_unknown_tables_are_told_what_can_be_read() {
    let person = with_a_ride();
    for (name, content) in [
        ("photo.jpg", &b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"[..]),
        ("traces.zip", b"PK\x03\x04\x14\x00\x00\x00"),
        (
            "banque.csv",
            b"date;libelle;montant\n2026-01-02;pain;-2,10\n",
        ),
    ] {
        let (words, error) = bad(&person, name, content, &[]);
        words.is_report_with(&["GPX", "Coach CO2", "Linky"]);
        assert_eq!(error["reason"]["code"], "unknown-format", "{name}");
    }
}

#[test]
fn a_track_without_times_is_no_success_and_the_next_step_is_told() {
    let person = with_a_ride();
    let before = person.json(&["export"]);
    let undated: String = RIDE
        .file()
        .split("<time>")
        .map(|part| part.split_once("</time>").map_or(part, |(_, rest)| rest))
        .collect();
    let file = person.writes("plan.gpx", &undated);
    for arguments in [
        &["import", path(&file)][..],
        &["import", "--dry-run", path(&file)],
    ] {
        let words = told(&person, arguments);
        assert_eq!(words.exit_code, Some(1), "{words:?}");
        assert!(words.stdout.contains("sans date"), "{words:?}");
        assert!(
            words.stderr.contains("aucune heure n'y est notée")
                && words
                    .stderr
                    .contains("Astuce : exportez la trace de nouveau"),
            "{words:?}"
        );
    }
    let refused = person
        .try_json(&["import", path(&file)])
        .expect_err("nothing could be kept");
    assert_eq!(refused.object["error"]["code"], "nothing-to-keep");
    assert_eq!(refused.object["error"]["undated"], true);
    assert_eq!(
        refused.object["files"][0]["skipped"][0]["reason"],
        "no-date"
    );
    assert_eq!(person.json(&["export"]), before);
}

#[test]
fn what_emits_nothing_has_no_factor_and_sources_speak_the_reader_s_language() {
    let person = Person::new();
    person.imports(
        "walk.gpx",
        Track {
            kind: "walking",
            ..RIDE
        },
    );
    person.imports(
        "ride.gpx",
        Track {
            day: "2026-03-04",
            ..RIDE
        },
    );
    let file = person.writes("linky.csv", &linky());
    person.json(&["import", path(&file)]);
    let french = told(&person, &["show", "footprint"]).stdout;
    assert!(
        french.contains("vélo : 0 kg CO2e/km par personne, usage seul\n"),
        "{french}"
    );
    assert!(
        !french.contains("± 0 %") && !french.contains("-, -"),
        "{french}"
    );
    assert!(
        french.contains("mix moyen de 2021, consommation"),
        "{french}"
    );
    let english = told(&person, &["--lang", "en", "show", "footprint"]).stdout;
    assert!(
        english.contains("average mix of 2021, consumption"),
        "{english}"
    );
    assert!(!english.contains("mix moyen"), "{english}");
    let coach = told(&person, &["show", "footprint", "--factors", "coach-co2"]).stdout;
    assert!(coach.contains("licence : chiffres seulement"), "{coach}");
    assert!(
        !coach.contains("after") && coach.contains("5 décembre 2024"),
        "{coach}"
    );
    let json = person.json(&["show", "footprint"]);
    assert_eq!(
        json["electricity_factor"]["validity"],
        "2021 - mix moyen, consommation"
    );
}

#[test]
fn a_linky_file_with_a_missing_block_is_read_and_the_gap_is_named() {
    let person = Person::new();
    let whole = linky();
    let lines: Vec<&str> = whole.lines().collect();
    // Four half hours of a night that has no clock change.
    let cut: Vec<&str> = [&lines[..40], &lines[44..]].concat();
    let file = person.writes("linky.csv", &cut.join("\n"));
    let words = told(&person, &["import", path(&file)]);
    assert_eq!(words.exit_code, Some(0), "{words:?}");
    assert!(words.stdout.contains("rien de mesuré du"), "{words:?}");
    assert!(words.stdout.contains("4 relevés manquent"), "{words:?}");
    let again = person.json(&["import", path(&file)]);
    let kept = &again["files"][0]["kept"];
    assert_eq!(
        (&kept["added"], &kept["differing"]),
        (&0.into(), &0.into()),
        "{again}"
    );
    assert!(
        again["files"][0]["notes"]
            .as_array()
            .is_some_and(|notes| notes.iter().any(|note| note["note"] == "gap"))
    );
}

#[test]
fn the_night_when_clocks_go_back_has_two_half_hours_more() {
    let person = Person::new();
    let file = person.writes("linky.csv", &linky());
    let done = person.json(&["import", path(&file)]);
    let readings = done["files"][0]["readings"].as_u64().expect("a count");
    assert_eq!(done["files"][0]["kept"]["added"], readings);
    let export = person.json(&["export"]);
    let starts: Vec<&str> = export["records"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|record| record["start"].as_str())
        .filter(|start| start.starts_with("2026-10-25T02:"))
        .collect();
    // 02:00 and 02:30, once in summer time and once in winter time.
    assert_eq!(starts.len(), 4, "{starts:?}");
}

#[test]
fn good_files_are_kept_beside_a_bad_one_and_the_exit_code_says_so() {
    let person = Person::new();
    let (good, bad) = (
        person.writes("bon.gpx", &RIDE.file()),
        person.writes("vide.gpx", ""),
    );
    let words = told(&person, &["import", path(&bad), path(&good)]);
    assert_eq!(words.exit_code, Some(1));
    assert!(
        words.stdout.contains("bon.gpx : trace GPX") && words.stdout.contains("1 nouveau"),
        "{words:?}"
    );
    assert!(
        words.stderr.contains("vide.gpx") && words.stderr.contains("1 fichier importé, 1 refusé"),
        "{words:?}"
    );
    let refused = person
        .try_json(&["import", path(&bad), path(&good)])
        .expect_err("one is bad");
    assert_eq!(
        (refused.exit_code, &refused.object["error"]["code"]),
        (Some(1), &"file-refused".into())
    );
    assert_eq!(
        refused.object["files"][1]["kept"]["unchanged"], 1,
        "{refused:?}"
    );
    assert_eq!(trips(&person), Some(1));
}

#[test]
fn a_trial_keeps_nothing_and_importing_twice_changes_nothing() {
    let person = Person::new();
    let file = person.writes("ride.gpx", &RIDE.file());
    let trial = told(&person, &["import", "--dry-run", path(&file)]);
    assert!(trial.stdout.contains("rien n'a été gardé"), "{trial:?}");
    assert_eq!(
        person.json(&["trip", "list"])["trips"],
        serde_json::json!([])
    );
    person.json(&["import", path(&file)]);
    let before = person.json(&["export"]);
    let again = person.json(&["import", path(&file)]);
    assert_eq!(
        again["files"][0]["kept"],
        serde_json::json!({"added": 0, "unchanged": 1, "differing": 0})
    );
    assert_eq!(person.json(&["export"]), before);
}

#[test]
fn a_trip_that_nobody_can_name_is_unknown_and_not_zero() {
    let person = Person::new();
    person.imports("ride.gpx", Track { kind: "9", ..RIDE });
    let words = told(&person, &["show", "footprint"]);
    assert!(
        words.stdout.contains("inconnu ") && words.stdout.contains("inconnues"),
        "{words:?}"
    );
    assert!(
        words
            .stdout
            .contains("plus 2,0 km dont les émissions sont inconnues"),
        "{words:?}"
    );
    let footprint = person.json(&["show", "footprint"]);
    assert_eq!(
        footprint.pointer("/mobility/months/2026-03/modes/unknown/co2e_mg"),
        Some(&Value::Null),
        "{footprint}"
    );
    let rows = person.json(&["lens", "preview", "mobility.weekly"]);
    assert_eq!(
        (&rows["rows"][0]["mode"], &rows["rows"][0]["co2e_mg"]),
        (&"unknown".into(), &Value::Null)
    );
}
