//! The same seed gives the same run: in another process, in pieces, told or not, in debug and in
//! release.
//!
//! Two processes, since one would prove little: the order of a hash map and the addresses of
//! things differ from process to process. The binary that is built for tests has debug assertions
//! and overflow checks; `tests/run` builds the simulator in release beside it and names it in
//! `MAILLE_SIM_RELEASE`.

use std::path::{Path, PathBuf};
use std::process::Output;

use maille_tests::{binary, isolated};
use serde_json::Value;

/// Stories that are quick, of every kind: faults, backups, misbehaving nodes.
const STORIES: [&str; 4] = ["two-nodes", "household", "backups", "replaying"];

#[track_caller]
fn run_with(sim: &Path, story: &str, seed: &str, more: &[&str]) -> (Value, Output) {
    let output = isolated(sim)
        .args(["run", "--builtin", story, "--seed", seed, "--json"])
        .args(more)
        .output()
        .expect("the binary can be started");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{story} {seed}: {told}");
    let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(object["run"]["trace"].as_str().map(str::len), Some(32));
    (object["run"].clone(), output)
}

#[track_caller]
fn run(story: &str, seed: &str, more: &[&str]) -> Value {
    run_with(&binary("maille-sim"), story, seed, more).0
}

#[test]
fn the_same_seed_is_the_same_run_in_two_processes() {
    for story in STORIES {
        for seed in ["0", "18446744073709551615"] {
            let first = run(story, seed, &[]);
            assert_eq!(run(story, seed, &[]), first, "{story} seed {seed}");
        }
    }
}

#[test]
fn a_world_in_two_or_four_pieces_is_the_same_run() {
    for story in STORIES {
        let whole = run(story, "1", &[]);
        for shards in ["2", "4"] {
            let pieces = run(story, "1", &["--shards", shards]);
            assert_eq!(pieces["trace"], whole["trace"], "{story} in {shards}");
            assert_eq!(pieces["broken"], whole["broken"], "{story} in {shards}");
        }
    }
}

#[test]
fn many_nodes_and_copied_disks_in_four_pieces_are_the_same_run() {
    for story in ["circle-200", "two-histories"] {
        let whole = run(story, "5", &[]);
        let pieces = run(story, "5", &["--shards", "4"]);
        assert_eq!(pieces["trace"], whole["trace"], "{story}");
    }
}

#[test]
fn telling_what_happens_changes_nothing() {
    let sim = binary("maille-sim");
    for story in ["two-nodes", "household"] {
        let (quiet, silence) = run_with(&sim, story, "3", &["--log", "off"]);
        let (loud, told) = run_with(&sim, story, "3", &["--log", "trace"]);
        assert_eq!(quiet, loud);
        assert!(silence.stderr.is_empty());
        assert!(told.stderr.len() > 1_000, "the story was told");
    }
}

#[test]
fn another_seed_is_another_run() {
    let traces: Vec<Value> = ["0", "1", "2"]
        .map(|seed| run("two-nodes", seed, &[])["trace"].clone())
        .into();
    assert!(
        traces[0] != traces[1] && traces[1] != traces[2] && traces[0] != traces[2],
        "{traces:?}"
    );
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that was left out says so")]
fn a_release_build_does_the_same() {
    let Some(release) = std::env::var_os("MAILLE_SIM_RELEASE").map(PathBuf::from) else {
        println!("left out: MAILLE_SIM_RELEASE is not set (tests/run builds and names it)");
        return;
    };
    for story in STORIES {
        let (optimised, _) = run_with(&release, story, "2", &[]);
        assert_eq!(optimised, run(story, "2", &[]), "{story}");
    }
}
