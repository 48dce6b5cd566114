//! What a researcher types and sees.

use std::process::Output;

use maille_tests::{binary, isolated};

fn sim(arguments: &[&str]) -> Output {
    isolated(&binary("maille-sim"))
        .args(arguments)
        .output()
        .expect("the binary can be started")
}

#[track_caller]
fn refused(arguments: &[&str], with: &str) {
    let output = sim(arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
    assert!(
        told.contains(with),
        "{arguments:?} should mention {with:?}: {told}"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn wrong_usage_is_told_with_what_would_be_right() {
    refused(&["run", "--builtin", "three-nodes"], "there is two-nodes");
    refused(&["run", "--builtin", "two-nodes", "--seed", "-1"], "-1");
    refused(&["run", "--builtin", "two-nodes", "--seed", "x"], "--seed");
    refused(
        &["check", "--builtin", "two-nodes", "--seeds", "5"],
        "0..200",
    );
    refused(
        &["check", "--builtin", "two-nodes", "--seeds", "5..5"],
        "larger",
    );
    refused(&["check", "--builtin", "two-nodes", "--seeds", "7..x"], "x");
    refused(&["run"], "--builtin");
    refused(&[], "Usage");
}

#[test]
fn help_and_the_list_name_every_story() {
    let help = sim(&["--help"]);
    assert!(help.status.success());
    for word in ["run", "check", "list", "Exit codes"] {
        assert!(
            String::from_utf8_lossy(&help.stdout).contains(word),
            "{word}"
        );
    }
    let list = sim(&["list"]);
    assert!(String::from_utf8_lossy(&list.stdout).contains("two-nodes"));
}
