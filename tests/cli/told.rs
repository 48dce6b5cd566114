//! Running `maille` as a person does, and looking at what it said.

use std::path::Path;
use std::process::Command;

use maille_tests::gpx::Track;
use maille_tests::person::Person;
use serde_json::Value;

/// A bicycle ride of 2 km.
pub(crate) const RIDE: Track<'_> = Track {
    name: "made-up ride",
    kind: "cycling",
    day: "2026-03-02",
    hour: 7,
    hectometres: 20,
};

/// What a command said.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) exit_code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Told {
    /// Asserts that the report has style §4's shape, in French, and contains each of `parts`.
    #[track_caller]
    pub(crate) fn is_report_with(&self, parts: &[&str]) {
        assert_eq!(self.stdout, "", "a failure has no result: {self:?}");
        let mut lines = self.stderr.lines();
        assert!(
            lines
                .next()
                .is_some_and(|line| line.starts_with("Erreur : ")),
            "{self:?}"
        );
        for line in lines {
            assert!(
                line.starts_with("  ") || line.starts_with("Astuce : "),
                "{line:?} in {self:?}"
            );
        }
        assert!(self.stderr.contains("Astuce : "), "no next step: {self:?}");
        for part in parts {
            assert!(self.stderr.contains(part), "no {part:?} in {self:?}");
        }
    }
}

/// Runs a command: exit code, what it said on stdout, and on stderr.
#[track_caller]
pub(crate) fn said(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("the binary can be started");
    let text = |bytes| String::from_utf8(bytes).expect("words are UTF-8");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// The path of a file in a folder, as somebody types it.
pub(crate) fn path_in(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    path.to_str().expect("plain names").to_owned()
}

/// How many trips a person has.
#[track_caller]
pub(crate) fn trips(person: &Person) -> Option<usize> {
    let listed = person.json(&["trip", "list"]);
    listed["trips"].as_array().map(Vec::len)
}

/// What makes a share with Marc.
pub(crate) fn share<'a>(lens: &'a str, card: &'a str, until: &'a str) -> Vec<&'a str> {
    share_as("Marc", lens, card, until)
}

/// What makes a share with somebody who is called `name`.
pub(crate) fn share_as<'a>(
    name: &'a str,
    lens: &'a str,
    card: &'a str,
    until: &'a str,
) -> Vec<&'a str> {
    vec![
        "share", "create", "--lens", lens, "--with", card, "--until", until, "--name", name,
    ]
}

/// Runs a command with words, not JSON; French unless `arguments` say otherwise.
#[track_caller]
pub(crate) fn told(person: &Person, arguments: &[&str]) -> Told {
    let (exit_code, stdout, stderr) = said(person.maille().args(arguments));
    Told {
        exit_code,
        stdout,
        stderr,
    }
}

/// Runs a command that must be refused with this exit code and `code`, in words and as JSON, and
/// must leave everything as it was. Returns both.
#[track_caller]
pub(crate) fn refused(
    person: &Person,
    arguments: &[&str],
    exit_code: i32,
    code: &str,
) -> (Told, Value) {
    let before = person.json(&["export"]);
    let words = told(person, arguments);
    assert_eq!(words.exit_code, Some(exit_code), "{words:?}");
    let refused = match person.try_json(arguments) {
        Err(refused) => refused,
        Ok(object) => panic!("maille {arguments:?} was carried out: {object}"),
    };
    assert_eq!(refused.exit_code, Some(exit_code), "{refused:?}");
    assert_eq!(refused.object["version"], 1, "{refused:?}");
    assert_eq!(refused.object["error"]["code"], code, "{refused:?}");
    assert!(refused.object["error"]["hint"].is_string(), "{refused:?}");
    assert_eq!(
        person.json(&["export"]),
        before,
        "{arguments:?} changed something"
    );
    (words, refused.object["error"].clone())
}
