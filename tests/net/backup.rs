//! A disk that dies, and the backup and the words that bring it back.

use maille_tests::eventually;
use maille_tests::gpx::Track;
use maille_tests::person::Person;

use crate::share::RIDE;

fn on(day: &'static str) -> Track<'static> {
    Track { day, ..RIDE }
}

#[test]
fn after_the_disk_died_the_words_and_a_backup_bring_it_back_and_a_share_goes_on() {
    let (ines, marc) = (Person::new(), Person::new());
    ines.imports("monday.gpx", on("2026-03-02"));
    let _marc_node = marc.runs(&[]);
    let node = ines.runs(&[]);
    let (share, link) = ines.shares_with(&marc.card(), "Marc", "comparing our weeks");
    marc.json(&["received", "accept", &link, "--name", "Inès"]);
    let running = ines.try_json(&["backup", "make", "backup.maille"]);
    assert!(running.is_err(), "its store is in use");
    drop(node);
    let made = ines.json(&["backup", "make", "backup.maille"]);
    let again = ines
        .try_json(&["backup", "make", "backup.maille"])
        .expect_err("it is there");
    assert_eq!(again.object["error"]["code"], "file-exists");

    // After the backup: gone, and known to Marc.
    let node = ines.runs(&[]);
    ines.imports("tuesday.gpx", on("2026-03-10"));
    eventually("Marc sees it", || {
        (marc.rows(&share).as_array()?.len() == 2).then_some(())
    });
    drop(node);
    std::fs::remove_dir_all(ines.home()).expect("the disk dies");

    let words = ["--words-file", "words"];
    let checked = ines.json(&[&["backup", "check", "backup.maille"], &words[..]].concat());
    assert_eq!(checked["values"], made["values"]);
    let wrong = ines.try_json(&[
        "backup",
        "restore",
        "backup.maille",
        "--words-file",
        "monday.gpx",
    ]);
    assert_eq!(
        wrong.expect_err("no words").object["error"]["code"],
        "bad-words"
    );
    let restored = ines.json(&[&["backup", "restore", "backup.maille"], &words[..]].concat());
    assert_eq!(restored["person"], made["person"]);
    let _node = ines.runs(&[]);
    ines.imports("wednesday.gpx", on("2026-03-18"));
    eventually("Marc sees what Inès has now, and nothing else", || {
        let shown = ines.preview();
        (shown.as_array()?.len() == 2 && marc.rows(&share) == shown).then_some(())
    });
}

#[test]
fn a_backup_of_somebody_else_or_a_cut_one_restores_nothing() {
    let (ines, marc) = (Person::new(), Person::new());
    ines.json(&["backup", "make", "backup.maille"]);
    let file = ines.home().with_file_name("backup.maille");
    let bytes = std::fs::read(&file).expect("the backup");
    let cut = marc.writes("cut.maille", "");
    std::fs::write(&cut, &bytes[..bytes.len() - 1]).expect("there is room");
    let nobody = Person::nobody();
    let path = |file: &std::path::Path| file.to_str().expect("a plain name").to_owned();
    let ines_words = path(&ines.home().with_file_name("words"));
    let marc_words = path(&marc.home().with_file_name("words"));
    for (file, words, code) in [
        (&file, &marc_words, "backup-locked"),
        (&cut, &ines_words, "backup-damaged"),
        (
            &marc.home().with_file_name("words"),
            &marc_words,
            "bad-backup",
        ),
    ] {
        let file = path(file);
        let refused = nobody.try_json(&["backup", "restore", &file, "--words-file", words]);
        assert_eq!(refused.expect_err(code).object["error"]["code"], code);
    }
    assert!(!nobody.home().exists(), "nothing is left behind");
}
