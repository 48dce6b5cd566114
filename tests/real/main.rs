//! Real files, which nobody on this project wrote: the figures they must give, and
//! that none of them is too much for an importer.
//!
//! They lie outside the repository. `MAILLE_REAL_DATA` names their folder, as seen
//! from here or from the root of the workspace; without it each test says that it
//! was left out, and passes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use maille_schemas::document::{Document, Put};
use maille_schemas::factors::{FactorSetId, electricity_by_month, electricity_co2e, footprint};
use maille_schemas::import::{Format, ImportError, Imported, NoteKind, import};
use maille_schemas::record::Record;
use maille_schemas::units::{Joules, MilligramsCo2e};

/// The folder of real files, or `None`, said aloud.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn real_data(test: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("MAILLE_REAL_DATA").map(PathBuf::from) else {
        eprintln!("left out: {test} (MAILLE_REAL_DATA is not set)");
        return None;
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(&folder);
    let found = [folder.clone(), root].into_iter().find(|it| it.is_dir());
    Some(found.unwrap_or_else(|| panic!("MAILLE_REAL_DATA={} is no folder", folder.display())))
}

#[track_caller]
fn imported(folder: &Path, path: &str) -> Imported {
    let bytes = fs::read(folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    import(path, &bytes, None).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn emitted(records: &[Record], factors: FactorSetId) -> MilligramsCo2e {
    footprint(records, factors)
        .months
        .values()
        .map(|month| month.co2e)
        .sum()
}

#[test]
fn the_two_trips_of_coach_co2_emit_what_that_app_says() {
    let Some(folder) = real_data("Coach CO2 trips") else {
        return;
    };
    let expected = fs::read(folder.join("co2/cozy_geojson_expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
    let files = expected["files"].as_object().unwrap();
    assert_eq!(files.len(), 2);
    for (path, kilograms) in files {
        let imported = imported(&folder, path);
        assert_eq!(
            (imported.format, imported.records.len()),
            (Format::CozyGeojson, 1),
            "{path}"
        );
        assert!(
            imported.skipped.is_empty(),
            "{path}: {:?}",
            imported.skipped
        );
        let milligrams = emitted(&imported.records, FactorSetId::CoachCo2).get();
        let expected = kilograms.as_f64().unwrap() * 1e6;
        // Within 10^-5 kg.
        assert!(
            (milligrams as f64 - expected).abs() <= 10.0,
            "{path}: {milligrams} mg, not {expected}"
        );
    }
}

#[test]
fn the_half_hours_of_a_linky_add_up_month_by_month() {
    let Some(folder) = real_data("Linky load curve") else {
        return;
    };
    let imported = imported(&folder, "energy/linky_courbe_de_charge_2022-07_2023-03.csv");
    let records = &imported.records;
    assert_eq!((imported.format, records.len()), (Format::LinkyCsv, 11_807));
    assert!(imported.skipped.is_empty(), "{:?}", imported.skipped);
    // No gap, the October night included.
    let notes: Vec<_> = imported.notes.iter().map(|note| &note.what).collect();
    assert_eq!(notes, [&NoteKind::StepInferred { minutes: 30 }]);

    let expected = fs::read(folder.join("energy/linky_expected_2022-07_2023-03.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
    let watt_hours = |energy: Joules| energy.get() / 3_600;
    let months = electricity_by_month(records, FactorSetId::BaseCarboneV22);
    let table: BTreeMap<String, u64> = months
        .iter()
        .map(|(month, (_, energy, _))| (month.to_string(), watt_hours(*energy)))
        .collect();
    let expected_table: BTreeMap<String, u64> = expected["kWh_by_month"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(month, kwh)| {
            (
                month.clone(),
                format!("{:.0}", kwh.as_f64().unwrap() * 1e3)
                    .parse()
                    .unwrap(),
            )
        })
        .collect();
    assert_eq!(table, expected_table);
    let energy: Joules = months.values().map(|(_, energy, _)| *energy).sum();
    assert_eq!(watt_hours(energy), 5_576_487);
    let grams = electricity_co2e(energy, FactorSetId::BaseCarboneV22).get() / 1_000;
    assert_eq!(grams, 317_302, "317.30 kg at 0.0569");
}

#[test]
fn every_real_file_is_read_or_refused_with_a_reason() {
    let Some(folder) = real_data("every real file") else {
        return;
    };
    let mut read = BTreeMap::new();
    let mut refused = 0;
    for path in files_under(&folder) {
        let bytes = fs::read(&path).unwrap();
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        match import(&name, &bytes, None) {
            Ok(imported) => {
                let understood = imported.records.len() + imported.skipped.len();
                assert!(
                    understood > 0,
                    "{name}: nothing read, and nothing said about it"
                );
                read.insert(name, imported.records.len());
            }
            Err(ImportError::Truncated { place } | ImportError::Malformed { place, .. }) => {
                panic!("{name}: a whole file of a known format, refused at {place}")
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                refused += 1;
            }
        }
    }
    let expected = [
        ("energy/linky_courbe_de_charge_2022-07_2023-03.csv", 11_807),
        ("trips/cozy/io.cozy.timeseries.geojson-01.json", 1),
        ("trips/cozy/io.cozy.timeseries.geojson-02.json", 1),
        ("trips/gpx/around-visnjan-with-car.gpx", 1),
        // Those that give none: waypoints only, or tracks of a single point.
        ("trips/gpx/cerknicko-jezero.gpx", 7),
        ("trips/gpx/garmin_example.gpx", 0),
        ("trips/gpx/gpx1.1_with_all_fields.gpx", 0),
        ("trips/gpx/gpx_track_multiple_tracks.gpx", 2),
        ("trips/gpx/gpx_track_single_segment.gpx", 1),
        ("trips/gpx/unicode.gpx", 0),
    ];
    let expected: BTreeMap<String, usize> = expected
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect();
    assert_eq!(read, expected, "files read, and how many records each gave");
    assert!(
        refused > 50,
        "{refused} files of other formats were refused"
    );
}

#[test]
fn importing_real_files_twice_changes_nothing() {
    let Some(folder) = real_data("importing twice") else {
        return;
    };
    let mut documents = BTreeMap::new();
    let mut put_all = |when: i64| {
        let mut counts = BTreeMap::new();
        for path in files_under(&folder) {
            let Ok(imported) = import("again", &fs::read(path).unwrap(), None) else {
                continue;
            };
            for record in &imported.records {
                let id = record.document();
                let document = documents
                    .entry(id)
                    .or_insert_with(|| Document::new(id, &[7; 32]));
                *counts
                    .entry(format!("{:?}", document.put(record, when)))
                    .or_insert(0_u64) += 1;
            }
        }
        counts
    };
    let first = put_all(1_000);
    let second = put_all(2_000);
    assert_eq!(
        first.keys().collect::<Vec<_>>(),
        [&format!("{:?}", Put::Added)]
    );
    let added = first.values().sum::<u64>();
    assert_eq!(
        second,
        BTreeMap::from([(format!("{:?}", Put::Unchanged), added)])
    );

    for (id, mut document) in documents {
        let loaded = Document::load(id, &[8; 32], &document.save()).unwrap();
        assert_eq!(loaded.records().0, document.records().0, "{id}");
    }
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    files.sort();
    files
}
