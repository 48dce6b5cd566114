//! What people mistype or paste wrongly.

use maille_tests::person::{Person, in_days, text};

use crate::told::{refused, share, share_as, told};

/// `text` with one character changed, far enough from its start to leave its kind readable.
fn mistyped(text: &str) -> String {
    let at = text.len() - 20;
    let other = if &text[at..=at] == "q" { "p" } else { "q" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

#[test]
fn a_mistyped_card_is_refused() {
    let (ines, marc) = (Person::new(), Person::new());
    let card = mistyped(&marc.card());
    let (words, error) = refused(
        &ines,
        &share("mobility.weekly", &card, "90d"),
        1,
        "bad-card",
    );
    words.is_report_with(&[
        "cette carte comporte une faute",
        "un caractère",
        "maille card",
    ]);
    assert_eq!(error["reason"], "checksum");
    let (words, error) = refused(
        &ines,
        &share("mobility.weekly", "Marc", "90d"),
        1,
        "bad-card",
    );
    words.is_report_with(&["ceci n'est pas une carte", "maille1", "fichier"]);
    assert_eq!(error["reason"], "not-one");
}

#[test]
fn one_s_own_card_is_refused() {
    let ines = Person::new();
    let (words, _) = refused(
        &ines,
        &share("mobility.weekly", &ines.card(), "90d"),
        1,
        "oneself",
    );
    words.is_report_with(&["le vôtre"]);
}

#[test]
fn a_mistyped_link_is_refused_and_so_is_a_card_in_its_place() {
    let (ines, marc) = (Person::new(), Person::new());
    let (_, link) = ines.shares_with(&marc.card(), "Marc", "essai");
    let (words, error) = refused(
        &marc,
        &["received", "accept", &mistyped(&link)],
        1,
        "bad-link",
    );
    words.is_report_with(&["ce lien comporte une faute", "un caractère"]);
    assert_eq!(error["reason"], "checksum");
    let (words, error) = refused(&marc, &["received", "accept", &ines.card()], 1, "bad-link");
    words.is_report_with(&[
        "ceci n'est pas un lien de partage, mais une carte",
        "un lien",
    ]);
    assert_eq!(
        (&error["reason"], &error["got"]),
        (&"wrong-kind".into(), &"card".into())
    );
    let (words, error) = refused(
        &ines,
        &share("mobility.weekly", &link, "90d"),
        1,
        "bad-card",
    );
    words.is_report_with(&["mais un lien de partage", "maille received accept"]);
    assert_eq!(error["got"], "link");
}

#[test]
fn a_link_that_a_space_cut_is_told_to_be_put_within_quotes() {
    let (ines, marc) = (Person::new(), Person::new());
    let (_, link) = ines.shares_with(&marc.card(), "Marc", "essai");
    let (begin, end) = link.split_at(link.len() / 2);
    let (words, _) = refused(&marc, &["received", "accept", begin, end], 2, "usage");
    words.is_report_with(&["est de trop", "un espace a coupé", "guillemets"]);
    assert!(!words.stderr.contains("option"), "{words:?}");
    assert!(
        !words.stderr.contains(end),
        "the beginning is enough: {words:?}"
    );
    // Within quotes, a space does no harm.
    let whole = format!("{begin} {end}");
    let accepted = told(&marc, &["received", "accept", &whole, "--wait", "0"]);
    assert_eq!(accepted.exit_code, Some(3), "{accepted:?}");
    // A whole card is not what was cut.
    let card = marc.card();
    let mut create = share("mobility.weekly", &card, "30");
    create.insert(8, "jours");
    let (words, _) = refused(&ines, &create, 2, "usage");
    words.is_report_with(&["« jours » est de trop", "2 semaines"]);
    assert!(!words.stderr.contains("un espace a coupé"), "{words:?}");
    create.truncate(7);
    create.extend(["--name", "Marc"]);
    let (words, _) = refused(&ines, &create, 2, "usage");
    words.is_report_with(&["il manque une valeur après « --until »"]);
    let (words, _) = refused(&ines, &["share", "revoke", "Marc", "D."], 2, "usage");
    words.is_report_with(&["« D. » est de trop", "guillemets"]);
    assert!(!words.stderr.contains("lien"), "{words:?}");
}

#[test]
fn a_card_s_file_that_is_not_there_is_told_as_such() {
    let (ines, marc) = (Person::new(), Person::new());
    for name in ["rien.card", "cartes/marc"] {
        let (words, _) = refused(
            &ines,
            &share("mobility.weekly", name, "90d"),
            1,
            "file-unreadable",
        );
        words.is_report_with(&[name, "rien de ce nom", "vérifiez le nom"]);
    }
    let (words, _) = refused(
        &marc,
        &["received", "accept", "rien.link"],
        1,
        "file-unreadable",
    );
    words.is_report_with(&["rien.link", "rien de ce nom"]);
    let (words, _) = refused(&marc, &["received", "accept", "."], 1, "file-unreadable");
    words.is_report_with(&["c'est un dossier"]);
}

#[test]
fn an_end_may_be_a_span_in_either_language() {
    let (ines, marc) = (Person::new(), Person::new());
    let card = marc.card();
    for end in ["30 jours", "2w", "3 mois", "1 an", "demain", "tomorrow"] {
        let made = told(&ines, &share("mobility.weekly", &card, end));
        assert_eq!(made.exit_code, Some(0), "{end}: {made:?}");
    }
}

#[test]
fn a_link_for_somebody_else_is_refused() {
    let (ines, marc, zoe) = (Person::new(), Person::new(), Person::new());
    let (_, link) = ines.shares_with(&marc.card(), "Marc", "essai");
    let (words, _) = refused(
        &zoe,
        &["received", "accept", &link, "--wait", "1"],
        1,
        "for-somebody-else",
    );
    words.is_report_with(&["une autre personne"]);
}

#[test]
fn a_mistyped_identifier_is_told_apart_from_an_unknown_one() {
    let (ines, marc) = (Person::new(), Person::new());
    let (id, _) = ines.shares_with(&marc.card(), "Marc", "essai");
    let (words, error) = refused(
        &ines,
        &["share", "revoke", &mistyped(&id)],
        1,
        "bad-share-id",
    );
    words.is_report_with(&["cet identifiant", "un caractère"]);
    assert_eq!(error["reason"], "checksum");
    let (words, _) = refused(&ines, &["share", "revoke", "Zoé"], 1, "unknown-share");
    words.is_report_with(&["« Zoé »", "maille share list"]);
    let (words, _) = refused(&marc, &["received", "show", &id], 1, "unknown-share");
    words.is_report_with(&["maille received list"]);
}

#[test]
fn a_date_must_be_one_and_lie_ahead() {
    let (ines, marc) = (Person::new(), Person::new());
    let card = marc.card();
    let (words, _) = refused(
        &ines,
        &share("mobility.weekly", &card, "2020-01-31"),
        1,
        "ends-in-the-past",
    );
    words.is_report_with(&["31 janvier 2020 à 23 h 59", "--until 90j"]);
    let (words, _) = refused(
        &ines,
        &share("mobility.weekly", &card, "31/01/2027"),
        2,
        "bad-date",
    );
    words.is_report_with(&["« 31/01/2027 » n'est pas une date", "2027-01-31", "30j"]);
    // Nobody means an option by it.
    for ago in ["-5d", "-5 jours"] {
        let (words, _) = refused(
            &ines,
            &share("mobility.weekly", &card, ago),
            1,
            "ends-in-the-past",
        );
        words.is_report_with(&["finirait avant de commencer"]);
    }
    refused(
        &ines,
        &share("mobility.weekly", &card, "99999d"),
        1,
        "ends-too-late",
    );
}

#[test]
fn what_will_be_seen_is_told_on_lines_that_fit_and_without_elision() {
    let (ines, marc) = (Person::new(), Person::new());
    let mut create = share("mobility.weekly", "", "30j");
    let card = marc.card();
    create[5] = &card;
    create[9] = "Inès";
    create.extend(["--from", "2026-08"]);
    let made = told(&ines, &create);
    assert_eq!(made.exit_code, Some(0), "{made:?}");
    let lines: Vec<&str> = made.stderr.lines().collect();
    assert_eq!(lines[0], "Ce que verra Inès :", "{made:?}");
    assert!(lines[1].starts_with("  Par semaine et mode"), "{made:?}");
    let sentence = lines
        .iter()
        .skip(1)
        .take_while(|line| line.starts_with("  "));
    assert!(
        sentence.clone().count() > 1 && sentence.clone().all(|line| line.chars().count() <= 100),
        "{made:?}"
    );
    assert!(made.stderr.contains("dès août 2026"), "{made:?}");
    for ugly in ["que Inès", "de Inès", "de août"] {
        assert!(!made.stderr.contains(ugly), "{ugly} in {made:?}");
    }
    let (_, link) = ines.shares_with(&card, "Marc", "essai");
    let accepted = told(
        &marc,
        &["received", "accept", &link, "--wait", "0", "--name", "Inès"],
    );
    assert!(
        accepted.stderr.contains("Inès : j'attends les données")
            && !accepted.stderr.contains("que Inès"),
        "{accepted:?}"
    );
}

#[test]
fn an_unknown_lens_is_refused() {
    let (ines, marc) = (Person::new(), Person::new());
    let (words, error) = refused(
        &ines,
        &share("mobility.daily", &marc.card(), "90d"),
        1,
        "unknown-lens",
    );
    words.is_report_with(&["« mobility.daily »", "maille lens list"]);
    assert_eq!(error["lens"], "mobility.daily");
    refused(
        &ines,
        &["lens", "preview", "mobility.daily"],
        1,
        "unknown-lens",
    );
}

#[test]
fn an_empty_or_endless_name_is_refused() {
    let (ines, marc) = (Person::new(), Person::new());
    let (card, long) = (marc.card(), "é".repeat(5_000));
    for name in ["", &long] {
        let until = in_days(3);
        let create = share_as(name, "mobility.weekly", &card, &until);
        refused(&ines, &create, 1, "bad-text")
            .0
            .is_report_with(&["le nom"]);
    }
}

#[test]
fn a_card_and_a_link_may_come_in_a_file() {
    let (ines, marc) = (Person::new(), Person::new());
    let card = ines.writes("carte.txt", &format!("{}\n", marc.card()));
    let (_, link) = ines.shares_with(card.to_str().expect("plain names"), "Marc", "essai");
    let link = marc.writes("lien.txt", &link);
    // Nobody is online, so the data do not come; the share is accepted all the same.
    let accepted = told(
        &marc,
        &[
            "received",
            "accept",
            link.to_str().expect("plain names"),
            "--wait",
            "0",
        ],
    );
    assert_eq!(accepted.exit_code, Some(3), "{accepted:?}");
    assert!(
        accepted.stderr.contains("le partage est accepté"),
        "{accepted:?}"
    );
    let listed = marc.json(&["received", "list"]);
    assert_eq!(listed["shares"].as_array().map(Vec::len), Some(1));
    assert_eq!(text(&listed, "/shares/0/state/state"), "pending");
}

#[test]
fn a_share_that_ended_is_not_ended_twice() {
    let (ines, marc) = (Person::new(), Person::new());
    let (id, _) = ines.shares_with(&marc.card(), "Marc", "essai");
    let ended = told(&ines, &["share", "revoke", "Marc"]);
    assert_eq!(ended.exit_code, Some(0), "{ended:?}");
    for part in [
        "arrêté par vous le",
        "Marc garde ce qui lui est déjà parvenu",
        "ne lui est lisible",
    ] {
        assert!(ended.stdout.contains(part), "{ended:?}");
    }
    refused(&ines, &["share", "revoke", &id], 1, "already-ended")
        .0
        .is_report_with(&["déjà terminé"]);
}
