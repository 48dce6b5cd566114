//! Two nodes under many seeds: crashes that lose what was not durable, cuts and losses.

use maille_tests::{binary, isolated};
use serde_json::Value;

#[test]
fn no_seed_below_100_breaks_an_invariant_of_a_share_between_two_nodes() {
    check(0, 100);
}

#[test]
fn no_seed_from_100_to_200_breaks_an_invariant_of_a_share_between_two_nodes() {
    check(100, 200);
}

#[track_caller]
fn check(from: u64, to: u64) {
    let output = isolated(&binary("maille-sim"))
        .args(["check", "--builtin", "two-nodes", "--json", "--quiet"])
        .args(["--seeds", &format!("{from}..{to}")])
        .output()
        .expect("the binary can be started");
    // Each broken invariant is a line with its seed and the command that replays it.
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(object["check"]["seeds"], to - from);
    assert_eq!(object["check"]["failed"], Value::Array(Vec::new()));
    for much in ["crashes", "cuts", "rows"] {
        let count = object["check"]["sums"][much].as_u64();
        assert!(count > Some(to - from), "few {much}: {object}");
    }
}
