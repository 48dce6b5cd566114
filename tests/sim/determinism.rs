//! The same seed gives the same run, in another process, whatever it is told to say.
//!
//! Two processes, since one would prove little: the order of a hash map and the addresses of
//! things differ from process to process.

use std::process::Output;

use maille_tests::{binary, isolated};
use serde_json::Value;

#[track_caller]
fn run(seed: &str, log: &str) -> (Value, Output) {
    let output = isolated(&binary("maille-sim"))
        .args([
            "run",
            "--builtin",
            "two-nodes",
            "--seed",
            seed,
            "--log",
            log,
            "--json",
        ])
        .output()
        .expect("the binary can be started");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    (object["run"].clone(), output)
}

#[test]
fn the_same_seed_is_the_same_run_in_two_processes() {
    for seed in ["0", "1", "2", "18446744073709551615"] {
        let (first, _) = run(seed, "off");
        let (again, _) = run(seed, "off");
        assert_eq!(first["trace"].as_str().map(str::len), Some(32));
        assert_eq!(first, again, "seed {seed}");
    }
}

#[test]
fn telling_what_happens_changes_nothing() {
    let (quiet, silence) = run("3", "off");
    let (loud, story) = run("3", "trace");
    assert_eq!(quiet, loud);
    assert!(silence.stderr.is_empty());
    assert!(story.stderr.len() > 1_000, "the story was told");
}

#[test]
fn another_seed_is_another_run() {
    let traces: Vec<Value> = ["0", "1", "2"]
        .map(|seed| run(seed, "off").0["trace"].clone())
        .into();
    assert!(
        traces[0] != traces[1] && traces[1] != traces[2] && traces[0] != traces[2],
        "{traces:?}"
    );
}
