//! Our own stories under the seeds that run in CI. Longer campaigns: `tests/LEDGER.md`.

use std::ops::Range;
use std::path::{Path, PathBuf};

use maille_tests::{binary, isolated};
use serde_json::Value;

#[test]
fn a_share_between_two_nodes_keeps_every_invariant_under_200_seeds() {
    let sums = check("two-nodes", 0..200);
    // The faults were really there.
    for much in ["crashes", "cuts", "rows"] {
        assert!(sums[much].as_u64() > Some(200), "few {much}: {sums}");
    }
}

#[test]
fn a_household_with_a_phone_that_is_mostly_off_agrees_under_40_seeds() {
    let sums = check("household", 0..40);
    for much in ["crashes", "cuts", "stopped", "away"] {
        assert!(sums[much].as_u64() >= Some(40), "few {much}: {sums}");
    }
}

#[test]
fn programs_that_die_every_minute_lose_nothing_under_20_seeds() {
    check("crashing", 0..20);
}

#[test]
fn disks_that_come_back_from_backups_agree_under_40_seeds() {
    let sums = check("backups", 0..40);
    assert!(sums["restores"].as_u64() >= Some(80), "{sums}");
}

#[test]
fn nodes_that_withhold_entries_hurt_nobody_else() {
    check("withholding", 0..8);
}

#[test]
fn nodes_that_replay_frames_hurt_nobody_else() {
    check("replaying", 0..8);
}

#[test]
fn nodes_that_flood_hurt_nobody_else() {
    check("flooding", 0..4);
}

#[test]
fn nodes_that_lie_about_cursors_hurt_nobody_else() {
    check("lying", 0..8);
}

#[test]
fn nodes_that_show_two_histories_are_noted_and_hurt_nobody_else() {
    check("two-histories", 0..4);
}

/// The bar of issue 3, of which 1,000 seeds are in the ledger.
#[test]
fn two_hundred_people_with_a_third_of_them_there_agree_under_100_seeds() {
    check("circle-200", 100..104); // with overflow checks and assertions
    let sums = check_with(&optimised(), "circle-200", 0..100);
    for much in ["crashes", "cuts", "stopped", "restores"] {
        assert!(sums[much].as_u64() >= Some(100), "few {much}: {sums}");
    }
}

/// More seeds are in the ledger.
#[test]
fn a_circle_that_writes_one_slice_and_removes_members_agrees_under_6_seeds() {
    let sums = check("circle-slice", 0..6);
    for much in ["removals", "restores", "edits", "thefts answered"] {
        assert!(sums[much].as_u64() >= Some(6), "few {much}: {sums}");
    }
}

/// The story of issue 5 with 60 members, who keep in touch with few of them each. With 200 a seed takes a minute: the ledger has
/// those that were run.
#[test]
fn a_wide_circle_whose_relay_misbehaves_agrees_under_16_seeds() {
    let sums = check_with(&optimised(), "circle-relay-60", 0..16);
    for much in ["away", "crashes", "changes"] {
        assert!(sums[much].as_u64() >= Some(160), "few {much}: {sums}");
    }
}

/// The same with 12.
#[test]
fn a_circle_whose_relay_misbehaves_agrees_under_60_seeds() {
    let sums = check_with(&optimised(), "circle-relay-12", 0..60);
    for much in ["away", "crashes", "changes", "faults"] {
        assert!(sums[much].as_u64() >= Some(30), "few {much}: {sums}");
    }
}

/// The release build of the simulator if `tests/run` made one: it takes three quarters of the time.
fn optimised() -> PathBuf {
    std::env::var_os("MAILLE_SIM_RELEASE").map_or_else(|| binary("maille-sim"), PathBuf::from)
}

#[track_caller]
fn check(builtin: &str, seeds: Range<u64>) -> Value {
    check_with(&binary("maille-sim"), builtin, seeds)
}

/// Returns the sums of the figures over all seeds, none of which broke an invariant.
#[track_caller]
fn check_with(sim: &Path, builtin: &str, seeds: Range<u64>) -> Value {
    let output = isolated(sim)
        .args(["check", "--builtin", builtin, "--json", "--quiet"])
        .args(["--seeds", &format!("{}..{}", seeds.start, seeds.end)])
        .output()
        .expect("the binary can be started");
    // Each broken invariant is a line with its seed and the command that replays it.
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let object: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(object["check"]["seeds"], seeds.end - seeds.start);
    assert_eq!(object["check"]["failed"], Value::Array(Vec::new()));
    object["check"]["sums"].clone()
}
