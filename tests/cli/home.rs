//! The folder of a person: set up once, opened by its owner alone, by one process at a time, and
//! not harmed by a full disk.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use maille_node::home_dir::HomeDir;
use maille_schemas::sample;
use maille_tests::gpx::Track;
use maille_tests::person::{Person, text};
use maille_tests::{binary, isolated};
use serde_json::{Value, json};

use crate::told::{RIDE, path_in, refused, said, told, trips};

fn maille(arguments: &[&str]) -> (Option<i32>, String, String) {
    said(isolated(&binary("maille")).args(arguments))
}

#[test]
fn a_new_home_shows_twelve_words_once_in_the_language_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let home = folder.path().join("home");
    let home = home.to_str().expect("plain names");
    let (code, stdout, stderr) = maille(&["--home", home, "init"]);
    assert_eq!(code, Some(0), "{stderr}");
    let words: Vec<&str> = stdout
        .split_whitespace()
        .filter(|word| !word.ends_with('.'))
        .collect();
    assert_eq!(words.len(), 12, "{stdout}");
    assert!(
        stderr.contains("phrase de secours") && stderr.contains("ne sera plus jamais montrée"),
        "{stderr}"
    );
    for file in ["key", "store.redb", "config.json"] {
        let mode = fs::metadata(folder.path().join("home").join(file))
            .expect(file)
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let (code, stdout, stderr) = maille(&["--home", home, "init"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(
        stderr.contains("est déjà préparé") && stderr.contains("intactes"),
        "{stderr}"
    );
    let (_, status, _) = maille(&["--home", home, "status"]);
    assert!(
        !words
            .iter()
            .any(|word| word.len() > 4 && status.contains(word)),
        "no command shows a word again"
    );
}

#[test]
fn words_go_to_a_new_file_of_one_s_own_and_never_over_another() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| path_in(folder.path(), name);
    fs::write(at("words"), "precious").expect("a small file");
    let init = |words: &str| {
        maille(&[
            "--home",
            &at("home"),
            "init",
            "--words-lang",
            "en",
            "--words-file",
            &at(words),
        ])
    };
    let (code, _, stderr) = init("words");
    assert_eq!(code, Some(1));
    assert!(stderr.contains("existe déjà"), "{stderr}");
    assert_eq!(
        fs::read_to_string(at("words")).expect("it is there"),
        "precious"
    );
    let (code, _, _) = init("nowhere/words");
    assert_eq!(
        code,
        Some(1),
        "words that cannot be written undo the set-up"
    );
    let (code, stdout, stderr) = init("new");
    assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
    assert_eq!(
        fs::read_to_string(at("new"))
            .expect("it is there")
            .split_whitespace()
            .count(),
        12
    );
    assert_eq!(
        fs::metadata(at("new"))
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
}

#[test]
fn nothing_is_set_up_yet() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let home = folder.path().join("nobody");
    let home = home.to_str().expect("plain names");
    for command in [
        &["status"][..],
        &["card"],
        &["run"],
        &["export"],
        &["log", "sent"],
    ] {
        let (code, stdout, stderr) = maille(&[&["--home", home], command].concat());
        assert_eq!((code, stdout.as_str()), (Some(1), ""));
        assert!(
            stderr.contains("il n'y a encore rien") && stderr.contains("maille init"),
            "{stderr}"
        );
    }
    assert!(
        !folder.path().join("nobody").exists(),
        "asking makes no folder"
    );
}

#[test]
fn a_passphrase_is_needed_and_must_be_the_right_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| path_in(folder.path(), name);
    fs::write(at("right"), "trois petits pas\n").expect("a small file");
    fs::write(at("wrong"), "trois petits chats\n").expect("a small file");
    let home = at("home");
    let (code, _, stderr) = maille(&["--home", &home, "--passphrase-file", &at("right"), "init"]);
    assert_eq!(code, Some(0), "{stderr}");
    let (code, _, stderr) = maille(&["--home", &home, "--passphrase-file", &at("wrong"), "status"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("pas la bonne phrase de passe"), "{stderr}");
    let (code, _, stderr) = maille(&["--home", &home, "status"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("--passphrase-file"), "{stderr}");
    let (code, _, stderr) = maille(&["--home", &home, "--passphrase-file", &at("right"), "status"]);
    assert_eq!(code, Some(0), "{stderr}");
}

#[test]
fn a_node_waits_for_a_command_that_has_the_home_for_a_moment() {
    let person = Person::new();
    let home = HomeDir::open(person.home()).expect("the person has a home");
    let lock = home.lock().expect("nobody has it");
    let command = thread::spawn(move || {
        thread::sleep(Duration::from_millis(700)); // as long as a command may take
        drop(lock);
    });
    let _node = person.runs(&["127.0.0.1:0"]);
    assert!(
        command.is_finished(),
        "the node ran while another had the home"
    );
    command.join().expect("it only slept");
}

#[test]
fn a_node_that_waited_in_vain_says_that_another_command_has_the_home() {
    let person = Person::new();
    let home = HomeDir::open(person.home()).expect("the person has a home");
    let _lock = home.lock().expect("nobody has it");
    let words = told(&person, &["run"]);
    assert_eq!(words.exit_code, Some(1), "{words:?}");
    words.is_report_with(&["une autre commande Maille utilise", "attendez la fin"]);
    assert!(!words.stderr.contains("en marche pour"), "{words:?}");
}

#[test]
fn a_home_that_is_a_file_is_told_as_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("n.card");
    fs::write(&file, "maille1").expect("a small file");
    let file = file.to_str().expect("plain names");
    for command in ["status", "init", "run"] {
        let (code, stdout, stderr) = maille(&["--home", file, command]);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(
            stderr.contains("n.card est inutilisable") && stderr.contains("il faut un dossier"),
            "{command}: {stderr}"
        );
        assert!(
            stderr.contains("--home") && !stderr.contains("os error") && !stderr.contains("place"),
            "{command}: {stderr}"
        );
    }
    let (_, _, stderr) = maille(&["--lang", "en", "--home", file, "status"]);
    assert!(stderr.contains("it is a file"), "{stderr}");
}

#[test]
fn a_new_home_says_what_guards_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| path_in(folder.path(), name);
    let (_, _, stderr) = maille(&["--home", &at("open"), "init"]);
    assert!(
        stderr.contains("Sans phrase de passe") && stderr.contains("init --passphrase"),
        "{stderr}"
    );
    fs::write(at("phrase"), "trois petits pas\n").expect("a small file");
    let (_, _, stderr) = maille(&[
        "--home",
        &at("shut"),
        "--passphrase-file",
        &at("phrase"),
        "init",
    ]);
    assert!(
        stderr.contains("sera demandée à chaque commande") && !stderr.contains("Sans phrase"),
        "{stderr}"
    );
}

#[test]
fn a_second_node_on_one_home_is_refused_while_commands_go_through_the_first() {
    let person = Person::new();
    person.imports("monday.gpx", RIDE);
    let _node = person.runs(&[]);
    let (words, _) = refused(&person, &["run"], 1, "already-running");
    words.is_report_with(&["Maille est déjà en marche", "laissez-le"]);
    let config = person.configured();
    refused(
        &person,
        &["run", "--listen", "127.0.0.1:0"],
        1,
        "already-running",
    );
    assert_eq!(
        person.configured(),
        config,
        "the refused one changed nothing"
    );
    person.imports(
        "tuesday.gpx",
        Track {
            day: "2026-03-03",
            ..RIDE
        },
    );
    assert_eq!(trips(&person), Some(2));
}

#[test]
fn a_node_says_where_it_listens_and_ends_cleanly_when_told_to() {
    let person = Person::new();
    for signal in ["TERM", "INT"] {
        let mut node = person
            .maille()
            .arg("run")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be started");
        let mut lines = BufReader::new(node.stdout.take().expect("stdout is a pipe")).lines();
        let mut line = || {
            lines
                .next()
                .expect("it says something")
                .expect("words are UTF-8")
        };
        assert!(line().starts_with("Maille est en marche"));
        assert!(line().starts_with("  à l'écoute sur /ip4/127.0.0.1/udp/"));
        let pid = node.id().to_string();
        let told = Command::new("kill")
            .args(["-s", signal, &pid])
            .status()
            .expect("there is a kill");
        assert!(told.success());
        let output = node.wait_with_output().expect("the process is ours");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("tout est enregistré"),
            "{output:?}"
        );
        assert_eq!(
            person.json(&["status"])["running"],
            false,
            "the home is free"
        );
    }
}

#[test]
fn an_address_that_is_taken_is_told_and_not_remembered() {
    let (person, other) = (Person::new(), Person::new());
    let _node = other.runs(&[]);
    let taken = other.configured();
    let before = person.configured();
    let (words, _) = refused(&person, &["run", "--listen", &taken[0]], 3, "cannot-listen");
    words.is_report_with(&["impossible d'écouter"]);
    words.is_report_with(&["un autre programme écoute déjà", "un autre port"]);
    assert_eq!(person.configured(), before);
    refused(&person, &["run", "--listen", "chez moi"], 2, "bad-address");
    // An address of the documentation's network, which no computer has (RFC 5737).
    for port in ["4001", "0"] {
        let listen = format!("192.0.2.7:{port}");
        let (words, _) = refused(&person, &["run", "--listen", &listen], 3, "cannot-listen");
        words.is_report_with(&["n'est pas une de cet ordinateur", "ip address"]);
        assert!(!words.stderr.contains("os error"), "{words:?}");
        assert!(!words.stderr.contains("un autre port"), "{words:?}");
    }
    assert_eq!(person.configured(), before);
}

#[test]
fn somebody_else_s_store_or_an_open_folder_is_refused() {
    let (ines, marc) = (Person::new(), Person::new());
    let own = fs::read(ines.home().join("store.redb")).expect("a store");
    fs::copy(
        marc.home().join("store.redb"),
        ines.home().join("store.redb"),
    )
    .expect("a copy");
    let words = told(&ines, &["status"]);
    assert_eq!(words.exit_code, Some(1));
    words.is_report_with(&["une autre clef", "store.redb"]);
    fs::write(ines.home().join("store.redb"), own).expect("the disk takes it back");
    assert_eq!(told(&ines, &["status"]).exit_code, Some(0));

    fs::set_permissions(ines.home().join("key"), fs::Permissions::from_mode(0o644))
        .expect("our own file");
    let words = told(&ines, &["status"]);
    assert_eq!(words.exit_code, Some(1));
    words.is_report_with(&["d'autres utilisateurs", "chmod go-rwx"]);
}

#[test]
fn a_damaged_store_is_told_and_left_as_it_is() {
    let person = Person::new();
    let store = person.home().join("store.redb");
    fs::write(&store, b"not a store at all").expect("our own file");
    let words = told(&person, &["status"]);
    assert_eq!(words.exit_code, Some(1), "{words:?}");
    words.is_report_with(&["gardez une copie"]);
    assert_eq!(
        fs::read(&store).expect("still there"),
        b"not a store at all"
    );
}

#[test]
fn a_full_disk_changes_nothing_and_is_told() {
    let person = Person::new();
    person.imports("monday.gpx", RIDE);
    let before = person.json(&["export"]);
    let size = fs::metadata(person.home().join("store.redb"))
        .expect("a store")
        .len();
    // Two years of half hours need more room than the store has.
    let file = person.writes("linky.csv", &long_linky());
    // `ulimit -f` counts in blocks of 512 bytes; XFSZ is ignored so that writing fails, as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", size / 512);
    let output = isolated("sh".as_ref())
        .env("PATH", "/usr/bin:/bin")
        .args(["-c", &script, "sh"])
        .arg(binary("maille"))
        .arg("--home")
        .arg(person.home())
        .args(["--json", "import"])
        .arg(&file)
        .output()
        .expect("there is a shell");
    let object: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(
        (output.status.code(), &object["error"]["code"]),
        (Some(1), &json!("disk")),
        "{object}"
    );
    assert!(
        text(&object, "/error/message").contains("rien n'a changé"),
        "{object}"
    );
    assert_eq!(person.json(&["export"]), before);
    // With room again, the same import goes through.
    let done = person.json(&["import", file.to_str().expect("plain names")]);
    assert!(
        done["files"][0]["kept"]["added"].as_u64() > Some(1_000),
        "{done}"
    );
}

/// The made-up Linky files of many Octobers in one, so that it is long.
fn long_linky() -> String {
    let mut long = String::new();
    for year in 1990..2026 {
        let files = sample::files(year, format!("{year}-09").parse().expect("a month"));
        let linky = files
            .into_iter()
            .find(|file| file.name.ends_with("csv"))
            .expect("one sample is a CSV");
        let text = String::from_utf8(linky.bytes).expect("samples are UTF-8");
        long.push_str(if long.is_empty() {
            &text
        } else {
            text.split_once("Horodate;Valeur").map_or("", |it| it.1)
        });
    }
    long
}
