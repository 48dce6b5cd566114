//! Circles: what people mistype, paste wrongly, or ask of the wrong circle.

use maille_protocol::invite::InviteLink;
use maille_protocol::time::Timestamp;
use maille_tests::person::{Person, text};

use crate::told::{refused, told};

fn founds(name: &str) -> Person {
    let person = Person::new();
    person.json(&["circle", "create", name, "--kind", "foyer", "--as", "Inès"]);
    person
}

fn invite(person: &Person, circle: &str) -> String {
    text(&person.json(&["circle", "invite", circle]), "/link")
}

fn join(link: &str) -> [&str; 6] {
    ["circle", "join", link, "--as", "Marc", "--yes"]
}

#[test]
fn what_is_no_invite_is_refused_and_told_apart() {
    let (ines, marc) = (founds("Lilas"), Person::new());
    let link = invite(&ines, "Lilas");
    let (words, error) = refused(&marc, &join("n'importe quoi"), 1, "bad-invite");
    words.is_report_with(&["ceci n'est pas une invitation", "maille:join#"]);
    assert_eq!(error["reason"], "not-one");
    let cut = &link[..link.len() - 30];
    let (words, error) = refused(&marc, &join(cut), 1, "bad-invite");
    words.is_report_with(&["un caractère a changé ou manque", "en entier"]);
    assert_eq!(error["reason"], "checksum");
    let (words, error) = refused(&marc, &join(&ines.card()), 1, "bad-invite");
    words.is_report_with(&["mais une carte", "demandez-lui une invitation"]);
    assert_eq!(error["got"], "card");
    let (_, share) = ines.shares_with(&marc.card(), "Marc", "essai");
    let (words, error) = refused(&marc, &join(&share), 1, "bad-invite");
    words.is_report_with(&["mais un lien de partage", "maille received accept"]);
    assert_eq!(error["got"], "link");
    let (words, _) = refused(&marc, &["received", "accept", &link], 1, "bad-link");
    words.is_report_with(&["mais une invitation dans un cercle", "maille circle join"]);
    let (words, _) = refused(&marc, &join("liens/lilas.txt"), 1, "file-unreadable");
    words.is_report_with(&["ne peut pas être lu"]);
    assert_eq!(
        marc.json(&["circle", "list"])["joining"],
        serde_json::json!([])
    );
}

#[test]
fn an_invite_that_ran_out_or_is_one_s_own_is_refused_before_anything_is_asked() {
    let (ines, marc) = (founds("Lilas"), Person::new());
    let link = invite(&ines, "Lilas");
    let parsed: InviteLink = link.parse().expect("it was printed whole");
    let late = InviteLink {
        until: Timestamp::from_millis(1_700_000_000_000),
        ..parsed
    };
    let (words, _) = refused(&marc, &join(&late.to_string()), 1, "link-expired");
    words.is_report_with(&["a expiré le 14 novembre 2023", "nouveau lien"]);
    let (words, _) = refused(&ines, &join(&link), 1, "oneself");
    words.is_report_with(&["le vôtre"]);
}

#[test]
fn nobody_joins_leaves_or_removes_without_having_said_yes() {
    let (ines, marc) = (founds("Lilas"), Person::new());
    let link = invite(&ines, "Lilas");
    for (person, arguments) in [
        (&marc, vec!["circle", "join", &link, "--as", "Marc"]),
        (&ines, vec!["circle", "leave", "Lilas"]),
        (&ines, vec!["circle", "remove", "Lilas", "Marc"]),
    ] {
        let (words, _) = refused(person, &arguments, 2, "usage");
        words.is_report_with(&["il manque --yes", "ajoutez `--yes`"]);
    }
    let (words, _) = refused(&marc, &["circle", "join", &link, "--yes"], 2, "usage");
    words.is_report_with(&["il manque --as", "--as Inès"]);
}

#[test]
fn who_invites_into_what_and_what_others_will_see_is_said_before_asking() {
    let (ines, marc) = (founds("Rue des Lilas"), Person::new());
    // In capitals, as a camera takes it from the screen.
    let link = invite(&ines, "Rue des Lilas").to_uppercase();
    let mut arguments = join(&link).to_vec();
    arguments.extend(["--wait", "0"]);
    let words = told(&marc, &arguments);
    assert_eq!(words.exit_code, Some(3), "nobody answers: {words:?}");
    let me = ines.json(&["status"]);
    let person = text(&me, "/person");
    for part in [
        "« Inès » vous invite dans le foyer « Rue des Lilas »",
        &person,
        "ne connaissez pas encore",
        "membre : lire et écrire",
        "pour 1 personne, jusqu'au",
        "« Marc »",
        "127.0.0.1",
        "Rien d'autre de vos données",
        "votre demande est gardée",
    ] {
        assert!(words.stderr.contains(part), "no {part:?} in {words:?}");
    }
    let status = told(&marc, &["circle", "status", "rue des lilas"]);
    assert!(
        status.stdout.contains("n'a pas encore répondu"),
        "{status:?}"
    );
}

#[test]
fn what_is_not_there_is_told_with_where_to_look() {
    let ines = founds("Lilas");
    for arguments in [
        vec!["circle", "status", "Roses"],
        vec!["circle", "items", "Roses"],
        vec!["circle", "add", "Roses", "pain"],
        vec!["circle", "invite", "Roses"],
        vec!["circle", "leave", "Roses", "--yes"],
    ] {
        let (words, _) = refused(&ines, &arguments, 1, "unknown-circle");
        words.is_report_with(&["« Roses »", "maille circle list"]);
    }
    let (words, _) = refused(&ines, &["circle", "tick", "Lilas", "3"], 1, "unknown-item");
    words.is_report_with(&["« 3 »", "maille circle items"]);
    let remove = ["circle", "remove", "Lilas", "Marc", "--yes"];
    let (words, _) = refused(&ines, &remove, 1, "unknown-member");
    words.is_report_with(&["« Marc »", "maille circle status"]);
    let (words, _) = refused(
        &ines,
        &["circle", "uninvite", "abcd1234"],
        1,
        "unknown-invite",
    );
    words.is_report_with(&["abcd1234", "maille circle status"]);
    let (words, _) = refused(
        &ines,
        &["circle", "invite", "Lilas", "--until", "-2d"],
        1,
        "ends-in-the-past",
    );
    words.is_report_with(&["finirait avant de commencer"]);
    assert!(!words.stderr.contains("partage"), "{words:?}");
    let (words, _) = refused(
        &ines,
        &["circle", "invite", "Lilas", "--uses", "5000"],
        1,
        "too-many",
    );
    assert!(
        words.stderr.contains("personnes par invitation"),
        "{words:?}"
    );
    let create = ["circle", "create", "X", "--kind", "famille", "--as", "I"];
    let (words, _) = refused(&ines, &create, 2, "usage");
    words.is_report_with(&["« famille » ne convient pas"]);
}

#[test]
fn a_list_is_kept_by_numbers_without_a_node() {
    let ines = founds("Lilas");
    for text in ["pain", "lait"] {
        ines.json(&["circle", "add", "Lilas", text]);
    }
    assert_eq!(
        told(&ines, &["circle", "tick", "Lilas", "2"]).stdout,
        "  2. [x] lait  (Inès)\n"
    );
    ines.json(&["circle", "untick", "Lilas", "lait"]);
    let renamed = ines.json(&["circle", "rename", "Lilas", "1", "pain de mie"]);
    assert_eq!(renamed["changed"]["text"], "pain de mie");
    assert_eq!(
        told(&ines, &["circle", "drop", "Lilas", "2"]).stdout,
        "ôté de la liste : lait\n"
    );
    assert_eq!(
        told(&ines, &["circle", "items", "Lilas"]).stdout,
        "  1. [ ] pain de mie  (Inès)\n"
    );
}

#[test]
fn what_a_poll_cannot_do_is_told_with_the_next_step() {
    let ines = founds("Lilas");
    let open = |more: &[&str]| {
        let mut arguments = vec!["circle", "poll", "open", "Lilas", "Quel soir ?"];
        arguments.extend(more);
        arguments.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let two = ["--choice", "lundi", "--choice", "mardi"];
    let wrong = |more: &[&str], code, name| {
        let arguments = open(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&ines, &arguments, code, name).0
    };
    wrong(&two[..2], 1, "bad-choices").is_report_with(&["de 2 à 20 choix"]);
    wrong(&[], 2, "usage").is_report_with(&["il manque --choice"]);
    let half = [two.as_slice(), &["--quorum", "moitié"]].concat();
    wrong(&half, 2, "usage").is_report_with(&["« moitié » ne convient pas"]);
    let many = [two.as_slice(), &["--quorum", "2"]].concat();
    wrong(&many, 1, "bad-quorum").is_report_with(&["1 personne peut voter", "--quorum 50%"]);
    let past = [two.as_slice(), &["--until", "-2d"]].concat();
    wrong(&past, 1, "ends-in-the-past");

    let show = ["circle", "poll", "show", "Quel soir ?"];
    let (words, _) = refused(&ines, &show, 1, "unknown-poll");
    words.is_report_with(&["aucun vote", "maille circle poll list"]);
    let good = [two.as_slice(), &["--quorum", "100%"]].concat();
    let arguments = open(&good);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let id = text(&ines.json(&arguments), "/poll/id");
    let vote = |choice| ["circle", "poll", "vote", "quel soir ?", choice];
    let (words, error) = refused(&ines, &vote("jeudi"), 1, "unknown-choice");
    words.is_report_with(&["« jeudi »", "1. lundi", "2. mardi"]);
    assert_eq!(error["choices"], serde_json::json!(["lundi", "mardi"]));
    ines.json(&vote("Mardi"));
    let listed = told(&ines, &["circle", "poll", "list"]).stdout;
    assert_eq!(
        listed,
        format!("{} · Lilas · Quel soir ? · ouvert · 1/1 voix\n", &id[..8])
    );
    let closed = told(&ines, &["circle", "poll", "close", &id[..6]]).stdout;
    for part in [
        "Quel soir ? · clos : « mardi »",
        "2. mardi · 1 voix, dont la vôtre",
        "Quorum : 1 sur 1 personne, atteint.",
        "Peuvent voter : Inès",
        "Clos par Inès",
    ] {
        assert!(closed.contains(part), "no {part:?} in {closed}");
    }
    let (words, _) = refused(&ines, &vote("lundi"), 1, "poll-closed");
    words.is_report_with(&["est clos", "maille circle poll show"]);
    ines.json(&arguments);
    let (words, error) = refused(&ines, &vote("lundi"), 1, "ambiguous-poll");
    words.is_report_with(&["plusieurs votes", &id]);
    assert_eq!(error["candidates"].as_array().map(Vec::len), Some(2));
}
