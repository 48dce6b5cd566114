//! The tree of dependencies against `deny.toml` and against the arrows of `ARCHITECTURE.md`.
//!
//! `cargo deny` says more (advisories, yanked versions) but compiles several hundred
//! crates to install; these few checks run everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use maille_tests::repository;

/// Crates that a pure crate must not reach, by any path: sockets, runtimes, clocks, OS randomness.
const IMPURE: [&str; 8] = [
    "tokio",
    "libp2p",
    "mio",
    "redb",
    "getrandom",
    "rand",
    "async-std",
    "socket2",
];

#[test]
fn every_dependency_has_an_allowed_licence() {
    let deny = Deny::read();
    let mut refused = Vec::new();
    for line in tree(&["--workspace"], "{p}|{l}") {
        let (package, licence) = line.split_once('|').expect("the format has one bar");
        if !licence_allowed(licence, &deny.licences) {
            refused.push(format!("{package}: {licence:?}"));
        }
    }
    assert!(refused.is_empty(), "not allowed by deny.toml: {refused:#?}");
}

#[test]
fn no_banned_crate_is_in_the_tree() {
    let deny = Deny::read();
    assert!(
        deny.banned.contains("openssl"),
        "deny.toml's bans were not understood"
    );
    let names = names(&tree(&["--workspace"], "{p}"));
    let found: Vec<_> = names.intersection(&deny.banned).collect();
    assert!(found.is_empty(), "banned by deny.toml: {found:?}");
}

#[test]
fn every_dependency_comes_from_crates_io_or_from_here() {
    let lock = std::fs::read_to_string(repository().join("Cargo.lock"))
        .expect("the lock file is committed");
    for line in lock.lines().filter(|line| line.starts_with("source = ")) {
        assert_eq!(
            line,
            "source = \"registry+https://github.com/rust-lang/crates.io-index\""
        );
    }
}

#[test]
fn the_pure_crates_reach_no_socket_no_runtime_and_no_os_randomness() {
    for package in ["maille-schemas", "maille-protocol", "maille-core"] {
        let reached = names(&tree(&["-p", package, "-e", "normal"], "{p}"));
        let impure: Vec<_> = IMPURE
            .iter()
            .filter(|name| reached.contains(**name))
            .collect();
        // automerge draws random actors through `rand` and `getrandom` unless it is given one;
        // the clippy.toml of the crates that use it forbids those calls.
        let impure: Vec<_> = match package {
            "maille-protocol" => impure,
            _ => impure
                .into_iter()
                .filter(|name| !["rand", "getrandom"].contains(name))
                .collect(),
        };
        assert!(impure.is_empty(), "{package} reaches {impure:?}");
    }
}

#[test]
fn arrows_point_one_way() {
    let ours = [
        "maille-schemas",
        "maille-protocol",
        "maille-core",
        "maille-node",
        "maille-simulator",
        "maille-tests",
    ];
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("maille-schemas", &[][..]),
        ("maille-protocol", &[][..]),
        ("maille-core", &["maille-schemas", "maille-protocol"][..]),
        (
            "maille-node",
            &["maille-schemas", "maille-protocol", "maille-core"][..],
        ),
        (
            "maille-simulator",
            &["maille-schemas", "maille-protocol", "maille-core"][..],
        ),
    ]);
    for (package, allowed) in allowed {
        let reached = names(&tree(&["-p", package, "-e", "normal,dev,build"], "{p}"));
        for other in ours
            .iter()
            .filter(|other| **other != package && reached.contains(**other))
        {
            assert!(
                allowed.contains(other),
                "{package} must not depend on {other}"
            );
        }
    }
}

/// Planted bugs and simulation points are compiled into the simulator, and into no node.
#[test]
fn a_node_is_built_without_what_only_the_simulator_needs() {
    let has_sim = |package| {
        let lines = tree(&["-p", package, "-e", "normal"], "{p}|{f}");
        let ours = lines.iter().filter(|line| {
            line.starts_with("maille-core ") || line.starts_with("maille-protocol ")
        });
        let features: Vec<&str> = ours
            .filter_map(|line| line.split_once('|'))
            .map(|it| it.1)
            .collect();
        assert!(
            features.len() >= 2,
            "{package} has a core and a protocol: {lines:?}"
        );
        features
            .iter()
            .any(|list| list.split(',').any(|feature| feature == "sim"))
    };
    assert!(
        has_sim("maille-simulator"),
        "the feature was not understood"
    );
    assert!(!has_sim("maille-node"));
}

/// What an app gets that holds a node: no command line, no terminal.
#[test]
fn a_node_is_a_library_without_the_command_line() {
    let of_command_line = |more: &[&str]| {
        let what = [&["-p", "maille-node", "-e", "normal"], more].concat();
        let reached = names(&tree(&what, "{p}"));
        let only = ["clap", "qrcode", "tracing-subscriber"];
        only.into_iter().filter(|it| reached.contains(*it)).count()
    };
    assert_eq!(of_command_line(&[]), 3, "the program needs them");
    assert_eq!(of_command_line(&["--no-default-features"]), 0);
}

/// The lines of `cargo tree`, each crate once.
#[track_caller]
fn tree(what: &[&str], format: &str) -> Vec<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| String::from("cargo"));
    let output = Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "--offline",
            "--prefix",
            "none",
            "--format",
            format,
        ])
        .args(what)
        .current_dir(repository())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo tree {what:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines: BTreeSet<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .filter(|line| !line.is_empty())
        .collect();
    lines.into_iter().collect()
}

/// The crate names in lines that begin with `name v1.2.3`.
fn names(lines: &[String]) -> BTreeSet<String> {
    lines
        .iter()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect()
}

/// What this file needs of `deny.toml`.
struct Deny {
    licences: BTreeSet<String>,
    banned: BTreeSet<String>,
}

impl Deny {
    /// Reads the few shapes that our `deny.toml` uses: a TOML parser for two lists would be one more crate.
    fn read() -> Self {
        let text =
            std::fs::read_to_string(repository().join("deny.toml")).expect("deny.toml is there");
        let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned);
        let licences = text
            .lines()
            .skip_while(|line| *line != "allow = [")
            .skip(1)
            .take_while(|line| *line != "]")
            .filter_map(quoted)
            .collect();
        let banned = text
            .lines()
            .filter(|line| line.trim_start().starts_with("{ crate = "))
            .filter_map(quoted)
            .collect();
        Self { licences, banned }
    }
}

/// Whether an SPDX expression can be satisfied from `allowed`.
///
/// The old `A/B` form means `A OR B`.
fn licence_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let yes = either(&words, &mut at, allowed);
    yes && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut yes = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        yes |= both(words, at, allowed);
    }
    yes
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut yes = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        yes &= one(words, at, allowed);
    }
    yes
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let yes = either(words, at, allowed);
        *at += 1; // the closing one
        return yes;
    }
    if words.get(*at) == Some(&"WITH") {
        let exception = words.get(*at + 1).copied().unwrap_or_default();
        *at += 2;
        return allowed.contains(&format!("{word} WITH {exception}"));
    }
    allowed.contains(*word)
}

#[test]
fn licence_expressions_are_read_as_spdx_means_them() {
    let allowed =
        BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(String::from));
    for yes in [
        "MIT",
        "MIT/GPL-3.0",
        "GPL-3.0 OR MIT",
        "(GPL-3.0 OR ISC) AND MIT",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(licence_allowed(yes, &allowed), "{yes}");
    }
    for no in [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND GPL-3.0",
        "Apache-2.0",
        "MIT ISC",
    ] {
        assert!(!licence_allowed(no, &allowed), "{no}");
    }
}
