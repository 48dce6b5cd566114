//! Running `maille` as a person does, and looking at what it said.

use maille_tests::person::Person;
use serde_json::Value;

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

/// Runs a command with words, not JSON; French unless `arguments` say otherwise.
#[track_caller]
pub(crate) fn told(person: &Person, arguments: &[&str]) -> Told {
    let output = person
        .maille()
        .args(arguments)
        .output()
        .expect("the binary can be started");
    Told {
        exit_code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("words are UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("words are UTF-8"),
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
