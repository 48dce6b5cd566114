//! The benchmark as text, and as `BENCHMARKS.md`.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::meter::Spent;
use super::{Bench, Measured, measure};

/// One run.
pub(super) fn text(measured: &Measured) -> String {
    let mut text = String::new();
    let Measured {
        nodes,
        shares,
        shards,
        ..
    } = measured;
    let _ = writeln!(text, "{nodes} nodes, {shares} shares, {shards} shards");
    for phase in &measured.phases {
        let _ = writeln!(
            text,
            "{:<10} {:>8.1} s {:>10} steps {:>6} MiB resident",
            phase.name,
            phase.seconds,
            phase.steps,
            phase.resident_bytes >> 20
        );
        for Spent { kind, times, nanos } in &phase.causes {
            let (us, count) = (nanos / 1_000, times);
            let _ = writeln!(text, "    {kind:<26} {count:>10} times {us:>12} us");
        }
    }
    let _ = writeln!(
        text,
        "a day at {:.0} x real time, peak {} MiB ({} KiB a node), {} rows held, {} shares differ, {} invariants broken\ntrace {}",
        speed(measured),
        measured.peak_bytes >> 20,
        (measured.peak_bytes >> 10) / u64::from(*nodes),
        measured.rows,
        measured.differ,
        measured.broken,
        measured.trace
    );
    for (letter, (count, bytes)) in &measured.kept {
        let _ = writeln!(text, "    {letter}: {count} values, {} KiB", bytes >> 10);
    }
    text
}

/// Runs everything that `BENCHMARKS.md` shows, each run in a process of its own so that its peak of
/// memory is its own, and writes the file.
pub(super) fn write(bench: &Bench, file: &Path) -> io::Result<String> {
    let measured = measure(bench, 1, false);
    std::fs::write(file, text(&measured))?;
    Ok(text(&measured))
}

fn speed(measured: &Measured) -> f64 {
    let day = measured.phases.iter().find(|phase| phase.name == "a day");
    day.map_or(0.0, |day| 86_400.0 / day.seconds)
}
