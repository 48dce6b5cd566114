//! The folder of a run: what it was, what went wrong on purpose, how each node ended, what broke.

use std::path::Path;

use maille_simulator::scenario::{Outcome, Scenario};
use serde::Serialize;
use serde_json::json;

use super::{Failure, JSON_VERSION, Told, name_of};

/// Writes the folder, which is made if it is not there.
pub(crate) fn write(folder: &Path, told: &Told, outcome: &Outcome) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)?;
    let text = match &told.scenario {
        // Debug of what was read: the same for two files that differ in comments only.
        Scenario::InToml(file) => format!("{file:?}"),
        Scenario::InRust(builtin) => builtin.name.to_owned(),
    };
    let manifest = json!({
        "version": JSON_VERSION,
        "scenario": outcome.scenario,
        "scenario_hash": blake3::hash(text.as_bytes()).to_hex().to_string(),
        "seed": outcome.seed,
        "plant": told.options.plant.map(name_of),
        "shards": told.options.shards,
        "maille_sim": env!("CARGO_PKG_VERSION"),
        "trace": outcome.trace,
        "steps": outcome.steps,
        "virtual_us": outcome.virtual_us,
        "metrics": outcome.metrics,
        "broken": outcome.broken,
        "replay": format!("maille-sim replay {} --seed {}", told.named, outcome.seed),
    });
    let mut pretty = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::from)?;
    pretty.push(b'\n');
    save(&folder.join("manifest.json"), &pretty)?;
    table(&folder.join("nodes.csv"), &outcome.nodes)?;
    table(&folder.join("faults.csv"), &outcome.faults)?;
    table(&folder.join("broken.csv"), &outcome.broken)
}

fn table<T: Serialize>(path: &Path, rows: &[T]) -> Result<(), Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(std::io::Error::other)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    save(path, &bytes)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the binary writes what it was asked for"
)]
fn save(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    Ok(std::fs::write(path, bytes)?)
}
