//! Help, languages and wrong usage.

use std::process::Stdio;

use maille_tests::{binary, isolated};

use crate::told::said;

fn maille(lang: Option<&str>, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = isolated(&binary("maille"));
    command.env("HOME", "/nowhere");
    if let Some(lang) = lang {
        command.env("LANG", lang);
    }
    said(command.args(arguments))
}

#[test]
fn help_is_french_unless_the_system_or_a_flag_says_english() {
    for (lang, arguments) in [
        (None, vec!["--help"]),
        (Some("fr_FR.UTF-8"), vec!["--help"]),
        (Some("C.UTF-8"), vec!["-h"]),
        (Some("en_GB.UTF-8"), vec!["--lang", "fr", "--help"]),
    ] {
        let (code, stdout, stderr) = maille(lang, &arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(
            stdout.contains("Utilisation :") && stdout.contains("Pour commencer"),
            "{stdout}"
        );
    }
    for (lang, arguments) in [
        (Some("en_GB.UTF-8"), vec!["--help"]),
        (None, vec!["--help", "--lang=en"]),
    ] {
        let (code, stdout, _) = maille(lang, &arguments);
        assert_eq!(code, Some(0));
        assert!(
            stdout.contains("Usage:") && stdout.contains("To begin"),
            "{stdout}"
        );
    }
}

#[test]
fn every_command_has_help_in_both_languages() {
    let commands = [
        "init",
        "card",
        "run",
        "status",
        "import",
        "trip",
        "trip list",
        "show",
        "show footprint",
        "lens",
        "lens list",
        "lens preview",
        "share",
        "share create",
        "share list",
        "share revoke",
        "received",
        "received accept",
        "received list",
        "received show",
        "backup",
        "backup make",
        "backup check",
        "backup restore",
        "doctor",
        "device",
        "device add",
        "device confirm",
        "device join",
        "device list",
        "device remove",
        "circle",
        "circle create",
        "circle list",
        "circle status",
        "circle invite",
        "circle uninvite",
        "circle join",
        "circle leave",
        "circle remove",
        "circle items",
        "circle add",
        "circle tick",
        "circle untick",
        "circle drop",
        "circle rename",
        "circle poll",
        "circle poll open",
        "circle poll list",
        "circle poll show",
        "circle poll vote",
        "circle poll close",
        "log",
        "log sent",
        "export",
        "demo",
    ];
    for command in commands {
        let help = |lang| {
            let mut arguments: Vec<&str> = command.split(' ').collect();
            arguments.extend(["--help", "--lang", lang]);
            let (code, stdout, stderr) = maille(None, &arguments);
            assert_eq!((code, stderr.as_str()), (Some(0), ""), "{command}");
            assert!(
                stdout.contains("--home") && stdout.contains(&format!("maille {command}")),
                "{stdout}"
            );
            stdout
        };
        assert_ne!(help("fr"), help("en"));
    }
}

#[test]
fn wrong_usage_is_told_in_the_person_s_language_with_the_next_step() {
    for (arguments, french) in [
        (vec!["chare"], "« chare » n'existe pas"),
        (vec!["status", "--hom", "x"], "« --hom » n'existe pas"),
        (vec!["share", "create"], "il manque --lens <NOM>"),
        (vec!["share"], "il manque COMMANDE"),
        (vec![], "il manque COMMANDE"),
        (vec!["init", "--words-lang", "de"], "« de » ne convient pas"),
        (
            vec!["trip", "list", "--month", "janvier"],
            "« janvier » n'est pas un mois",
        ),
        (
            vec!["show", "footprint", "--factors", "moyenne"],
            "« moyenne » sont inconnus",
        ),
        (
            vec!["import", "x", "--as", "xls"],
            "le format « xls » est inconnu",
        ),
    ] {
        let (code, stdout, stderr) = maille(None, &arguments);
        assert_eq!(
            (code, stdout.as_str()),
            (Some(2), ""),
            "{arguments:?} {stderr}"
        );
        assert!(
            stderr.starts_with("Erreur : ") && stderr.contains("\nAstuce : "),
            "{stderr}"
        );
        assert!(stderr.contains(french), "{stderr}");
        let (code, stdout, stderr) = maille(None, &[&["--json"], &arguments[..]].concat());
        assert_eq!((code, stderr.as_str()), (Some(2), ""), "{arguments:?}");
        let object: serde_json::Value = serde_json::from_str(&stdout).expect("one JSON object");
        assert!(
            object["error"]["code"].is_string() && object["version"] == 1,
            "{stdout}"
        );
    }
    let (_, _, stderr) = maille(Some("en_US"), &["chare"]);
    assert!(
        stderr.starts_with("Error: there is no command “chare”\nHint: did you mean `")
            && stderr.contains("share"),
        "{stderr}"
    );
}

#[test]
fn help_is_a_word_too() {
    for (word, flag) in [
        (vec!["help"], vec!["--help"]),
        (vec!["help", "share"], vec!["share", "--help"]),
        (
            vec!["--lang", "en", "help", "share", "create"],
            vec!["share", "create", "--help", "--lang", "en"],
        ),
    ] {
        assert_eq!(maille(None, &word), maille(None, &flag));
        assert_eq!(maille(None, &word).0, Some(0));
    }
    let (code, _, stderr) = maille(None, &["help", "chare"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("« chare » n'existe pas"), "{stderr}");
    // Only where a command is awaited: a file may have that name.
    let (code, _, stderr) = maille(None, &["import", "--dry-run", "help"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("help ne peut pas être lu"), "{stderr}");
}

#[test]
fn help_is_set_as_its_language_is() {
    let (_, root, _) = maille(None, &["--help"]);
    let (_, create, _) = maille(None, &["share", "create", "--help"]);
    let (_, import, _) = maille(None, &["import", "--help"]);
    let (_, accept, _) = maille(None, &["received", "accept", "--help"]);
    let (_, list, _) = maille(None, &["trip", "list", "--help"]);
    let french = format!("{root}{create}{import}{accept}{list}");
    for heading in ["\nCommandes :\n", "\nOptions :\n", "\nArguments :\n"] {
        assert!(french.contains(heading), "{heading} {french}");
    }
    for value in [
        "<NOM>",
        "<CARTE>",
        "<FICHIER>",
        "<LIEN>",
        "<DOSSIER>",
        "<AAAA-MM>",
    ] {
        assert!(french.contains(value), "{value} {french}");
    }
    for english in ["<NAME>", "<CARD>", "FILE>", "<LINK>", "<DIR>", "YYYY"] {
        assert!(!french.contains(english), "{english} {french}");
    }
    assert!(
        import.find("Arguments :") < import.find("Options :"),
        "{import}"
    );
    let (_, english, _) = maille(Some("en_GB.UTF-8"), &["import", "--help"]);
    for part in ["\nArguments:\n", "\nOptions:\n", "<FILE>"] {
        assert!(english.contains(part), "{part} {english}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = isolated(&binary("maille"))
        .args(["lens", "list"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary can be started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the process is ours");
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let Ok(full) = std::fs::File::create("/dev/full") else {
        return;
    };
    let output = isolated(&binary("maille"))
        .args(["lens", "list"])
        .stdout(full)
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("stdout ne peut pas être écrit"),
        "{output:?}"
    );
}
