//! The tests of the test: each bug planted in the machine is found by the seeds that run in CI, and
//! the same seeds without it are green.

use maille_tests::{binary, isolated};
use serde_json::Value;

#[test]
fn an_answer_before_its_commit_is_durable_is_found() {
    found(
        "ack-before-durable",
        "two-nodes",
        "what is acknowledged is durable",
    );
}

/// The same bug, by what it costs people; that takes a crash within the milliseconds that matter.
#[test]
fn a_change_that_an_answer_before_its_commit_lost_is_found() {
    let (failed, told) = check("crashing", "0..20", &["--plant", "ack-before-durable"]);
    assert_eq!(failed.len(), 20, "{told}");
    assert!(
        told.contains("\"no acknowledged change is lost\""),
        "{told}"
    );
}

#[test]
fn an_entry_taken_past_a_cut_is_found() {
    found(
        "accept-past-cut",
        "circle-slice",
        "no node shows an entry past a cut that it holds",
    );
}

#[test]
fn an_entry_taken_past_a_gap_is_found() {
    found(
        "accept-past-gap",
        "withholding",
        "a log is held without a hole",
    );
}

#[test]
fn a_due_part_that_is_dropped_is_found() {
    found("drop-due-part", "household", "a healed core agrees");
}

#[test]
fn a_log_that_is_gone_on_in_after_a_restore_is_found() {
    found("reuse-log", "backups", "a restored backup starts new logs");
}

#[test]
fn a_rotation_that_is_forgotten_is_found() {
    found(
        "forget-rotation",
        "household",
        "nothing written after a stop can be read",
    );
}

/// Of the first sixty seeds three find it: a relay must lose what it had confirmed, and the one who wrote it must be the only
/// one to have it.
#[test]
fn a_relay_that_is_believed_after_a_loss_is_found() {
    let (failed, told) = check("circle-relay-12", "27..28", &["--plant", "believe-relay"]);
    assert_eq!(failed, [27], "{told}");
    let invariant = "\"a circle that is all there holds all that was acknowledged\"";
    assert!(told.contains(invariant), "{told}");
}

/// One seed is enough for each of the six; a second guards against luck.
#[track_caller]
fn found(plant: &str, builtin: &str, invariant: &str) {
    let (clean, told) = check(builtin, "0..2", &[]);
    assert_eq!(clean, Vec::<u64>::new(), "without a bug: {told}");
    let (failed, told) = check(builtin, "0..2", &["--plant", plant]);
    assert_eq!(failed, [0, 1], "{plant} was not found: {told}");
    assert!(told.contains(&format!("{invariant:?}")), "{told}");
    let replay = format!("replay: maille-sim replay --builtin {builtin} --plant {plant} --seed 0");
    assert!(told.contains(&replay), "{told}");
}

/// The seeds that failed, and what was told on stderr.
#[track_caller]
fn check(builtin: &str, seeds: &str, more: &[&str]) -> (Vec<u64>, String) {
    let output = isolated(&binary("maille-sim"))
        .args([
            "check",
            "--builtin",
            builtin,
            "--seeds",
            seeds,
            "--json",
            "--quiet",
        ])
        .args(more)
        .output()
        .expect("the binary can be started");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let failed = object["check"]["failed"]
        .as_array()
        .expect("a list of seeds");
    let failed: Vec<u64> = failed.iter().filter_map(Value::as_u64).collect();
    assert_eq!(
        output.status.code(),
        Some(i32::from(!failed.is_empty())),
        "{told}"
    );
    (failed, told)
}
