//! What a researcher types and sees.

use std::path::Path;
use std::process::Output;

use maille_tests::{binary, isolated};
use serde_json::Value;

fn sim(arguments: &[&str]) -> Output {
    isolated(&binary("maille-sim"))
        .args(arguments)
        .output()
        .expect("the binary can be started")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
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

fn saved(folder: &Path, text: &str) -> String {
    let path = folder.join("scenario.toml");
    std::fs::write(&path, text).expect("a temporary file");
    path.to_str().expect("a plain path").to_owned()
}

/// The file that `explain file` prints, to begin an own one from.
fn example() -> String {
    stdout(&sim(&["explain", "file"]))
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
    refused(
        &["run", "--builtin", "two-nodes", "--plant", "typo"],
        "reuse-log",
    );
    refused(&["run"], "--builtin");
    refused(&["run", "no-such-file.toml"], "no-such-file.toml");
    refused(&[], "Usage");
}

#[test]
fn help_and_the_list_name_every_story() {
    let help = stdout(&sim(&["--help"]));
    for word in ["run", "check", "replay", "list", "explain", "Exit codes"] {
        assert!(help.contains(word), "{word}");
    }
    let list = stdout(&sim(&["list"]));
    for name in ["two-nodes", "household", "circle-200", "two-histories"] {
        assert!(list.contains(name), "{name}");
    }
    for topic in [
        "faults",
        "figures",
        "invariants",
        "plants",
        "points",
        "builtins",
    ] {
        assert!(sim(&["explain", topic]).stdout.len() > 200, "{topic}");
    }
}

#[test]
fn the_example_file_runs_and_leaves_a_folder_of_what_happened() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = saved(folder.path(), &example());
    let out = folder.path().join("out");
    let out_name = out.to_str().expect("a plain path");
    let output = sim(&["run", &file, "--seed", "3", "--out", out_name, "--json"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");

    let read = |name: &str| std::fs::read_to_string(out.join(name)).expect(name);
    let manifest: Value = serde_json::from_str(&read("manifest.json")).expect("JSON");
    assert_eq!(manifest["trace"], object["run"]["trace"]);
    assert_eq!(manifest["seed"], 3);
    assert_eq!(manifest["scenario_hash"].as_str().map(str::len), Some(64));
    let nodes = read("nodes.csv");
    assert_eq!(nodes.lines().count(), 11, "a head and ten people");
    assert!(nodes.starts_with("node,name,group,honest,core,"));
    assert!(read("faults.csv").contains("Crash"));
}

#[test]
fn a_file_with_a_mistake_is_refused_with_its_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wrong = |from: &str, to: &str, with: &[&str]| {
        let text = example();
        let at = text.find(from).expect(from);
        let line = text[..at].matches('\n').count() + 1;
        let file = saved(folder.path(), &text.replacen(from, to, 1));
        refused(&["run", &file], &format!("line {line}"));
        for part in with {
            refused(&["run", &file], part);
        }
    };
    wrong("swarm = true", "swam = true", &["swam", "`swarm`"]);
    wrong("count = 9", "count = 90000", &["1 to 10000"]);
    wrong("core = 0.8", "core = 8", &["0 to 1"]);
    wrong("lasts = \"10s\"", "lasts = \"10\"", &["ms, s, m, h or d"]);
    wrong("\"20Mbit\"", "\"20MB\"", &["kbit or Mbit"]);
}

#[test]
fn a_run_that_needs_too_much_memory_is_refused_with_what_would_lower_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = example().replacen("count = 9", "count = 9000", 1);
    let file = saved(folder.path(), &text);
    refused(&["run", &file, "--memory", "100"], "MiB");
    refused(&["run", &file, "--memory", "100"], "lower `count`");
}

#[test]
fn a_replay_tells_the_story_of_the_node_where_it_broke() {
    let output = sim(&[
        "replay",
        "--builtin",
        "two-nodes",
        "--plant",
        "ack-before-durable",
        "--seed",
        "0",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let told = stdout(&output);
    for part in [
        "broken at",
        "what is acknowledged is durable",
        " <- ",
        " -> ",
    ] {
        assert!(told.contains(part), "{part:?} is not in: {told}");
    }
    let other = stdout(&sim(&[
        "replay",
        "--builtin",
        "household",
        "--node",
        "3",
        "--lines",
        "50",
    ]));
    assert!(
        other.contains("Every invariant held") && other.contains("phone 0"),
        "{other}"
    );
}
