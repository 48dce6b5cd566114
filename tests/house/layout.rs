//! Files where a newcomer expects them, and none that nothing compiles.

use std::fs;
use std::path::{Path, PathBuf};

use maille_tests::repository;

#[test]
fn every_area_names_every_file_of_its_folder() {
    let areas = areas();
    assert!(areas.len() >= 3, "the areas were not found: {areas:?}");
    for area in areas {
        let main = fs::read_to_string(area.join("main.rs")).expect("an area has a main.rs");
        for file in rust_files(&area) {
            let name = file
                .file_stem()
                .and_then(|name| name.to_str())
                .expect("files have plain names");
            assert!(
                name == "main"
                    || main
                        .lines()
                        .any(|line| line.trim() == format!("mod {name};")),
                "{} is compiled by nothing: name it in {}/main.rs",
                file.display(),
                area.display()
            );
        }
    }
}

#[test]
fn every_area_is_declared() {
    let manifest =
        fs::read_to_string(repository().join("tests/Cargo.toml")).expect("tests has a manifest");
    for area in areas()
        .iter()
        .filter(|area| area.starts_with(repository().join("tests")))
    {
        let name = area
            .file_name()
            .and_then(|name| name.to_str())
            .expect("areas have plain names");
        assert!(
            manifest.contains(&format!("path = \"{name}/main.rs\"")),
            "tests/Cargo.toml does not declare {name}"
        );
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for krate in [
        "crdt-schemas",
        "protocol",
        "node/core",
        "node",
        "simulator",
        "tests",
    ] {
        let manifest = fs::read_to_string(repository().join(krate).join("Cargo.toml"))
            .expect("a crate has a manifest");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{krate}");
    }
}

#[test]
fn every_pure_crate_has_its_own_clippy_rules() {
    for krate in ["crdt-schemas", "protocol", "node/core", "simulator"] {
        let rules =
            fs::read_to_string(repository().join(krate).join("clippy.toml")).unwrap_or_default();
        for never in [
            "SystemTime::now",
            "Instant::now",
            "std::collections::HashMap",
        ] {
            assert!(
                rules.contains(never),
                "{krate}/clippy.toml does not forbid {never}"
            );
        }
    }
}

/// Every folder of tests with a `main.rs`: `tests/AREA`, and `CRATE/tests/AREA`.
fn areas() -> Vec<PathBuf> {
    [
        "tests",
        "crdt-schemas/tests",
        "protocol/tests",
        "node/core/tests",
        "node/tests",
        "simulator/tests",
    ]
    .iter()
    .filter_map(|folder| fs::read_dir(repository().join(folder)).ok())
    .flatten()
    .map(|entry| entry.expect("the folder can be listed").path())
    .filter(|path| path.join("main.rs").is_file())
    .collect()
}

/// The modules of `area`: its `.rs` files, and its folders with a `mod.rs`.
fn rust_files(area: &Path) -> Vec<PathBuf> {
    fs::read_dir(area)
        .expect("the folder can be listed")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| {
            path.extension().is_some_and(|extension| extension == "rs")
                || path.join("mod.rs").is_file()
        })
        .collect()
}
