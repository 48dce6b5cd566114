//! The table of attacks in `protocol/spec/threats.md` against the tests and switches that it names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use maille_tests::repository;

const FOLDERS: [(&str, &str); 2] = [
    ("protocol::attacks::", "protocol/src/attacks"),
    ("core::attacks::", "node/core/src/home/tests"),
];

#[test]
fn every_attack_of_the_page_is_a_test_and_every_such_test_is_on_the_page() {
    let mut on_the_page: BTreeSet<String> = names(3).into_iter().collect();
    let plants = read(&repository().join("tests/sim/plants.rs"));
    on_the_page.retain(|name| {
        let of_sim = name.strip_prefix("sim::plants::");
        of_sim.is_none_or(|test| !plants.contains(&format!("#[test]\nfn {test}()")))
    });
    let mut in_the_code = BTreeSet::new();
    for (prefix, folder) in FOLDERS {
        let folder = repository().join(folder);
        for file in rust_files(&folder) {
            let name = file.file_stem().and_then(|name| name.to_str()).unwrap();
            let module = match name {
                "attacks" => String::new(),
                _ if prefix.starts_with("core") => continue,
                module => format!("{module}::"),
            };
            let tests = tests_of(&file).into_iter();
            in_the_code.extend(tests.map(|test| format!("{prefix}{module}{test}")));
        }
    }
    assert!(on_the_page.len() >= 18, "{on_the_page:?}");
    assert_eq!(on_the_page, in_the_code);
}

#[test]
fn every_row_of_the_page_has_a_test_or_says_that_there_is_nothing_to_test() {
    let rows = rows();
    assert_eq!(rows.len(), 18, "as many as in the design");
    for row in rows {
        let tested = row[3].contains("::attacks::") || row[3].contains("sim::plants::");
        assert!(tested || row[1].contains("**not built**"), "{row:?}");
    }
}

#[test]
fn every_defence_is_on_the_page_is_asked_for_in_the_code_and_switched_off_by_a_test() {
    let list = read(&repository().join("protocol/src/defence.rs"));
    let list = list.split_once("pub enum Defence {").unwrap().1;
    let list = list.split_once("\n}").unwrap().0.lines();
    let defences: BTreeSet<String> = list
        .filter_map(|line| line.trim().strip_suffix(','))
        .filter(|name| name.chars().all(char::is_alphanumeric))
        .map(str::to_owned)
        .collect();
    assert!(defences.len() >= 18, "{defences:?}");
    let on_the_page: BTreeSet<String> = names(2).into_iter().collect();
    let (mut asked, mut switched) = (String::new(), String::new());
    for folder in ["protocol/src", "node/core/src"] {
        for file in rust_files(&repository().join(folder)) {
            let path = file.to_string_lossy();
            if path.contains("attacks") {
                switched += &read(&file);
            } else if !path.ends_with("defence.rs") {
                asked += &read(&file);
            }
        }
    }
    for defence in &defences {
        assert!(on_the_page.contains(defence), "{defence}: not on the page");
        let name = format!("Defence::{defence}");
        assert!(asked.contains(&format!("{name})")), "{name}: never asked");
        assert!(switched.contains(&format!("{name}.stops(")), "{name}: on");
    }
}

/// The rows of the table, by their columns.
fn rows() -> Vec<Vec<String>> {
    let page = read(&repository().join("protocol/spec/threats.md"));
    let section = page.split_once("\n## Eighteen attacks").unwrap().1;
    let section = section.split_once("\n## ").unwrap().0;
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let columns = |row: &str| {
        let inner = row.trim_matches(['|', ' ']);
        inner.split(" | ").map(str::to_owned).collect()
    };
    rows.skip(1).map(columns).collect()
}

/// What stands between backquotes in a column.
fn names(column: usize) -> Vec<String> {
    let quoted = |row: Vec<String>| -> Vec<String> {
        let parts = row[column].split('`').skip(1).step_by(2);
        parts.map(str::to_owned).collect()
    };
    rows().into_iter().flat_map(quoted).collect()
}

/// The tests of a file that tell of a defence.
fn tests_of(file: &Path) -> Vec<String> {
    let text = read(file);
    let functions = text.split("#[test]\nfn ").skip(1);
    let told = functions.filter(|function| function.contains(".stops("));
    let name = |function: &str| function.split('(').next().unwrap_or_default().to_owned();
    told.map(name).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
