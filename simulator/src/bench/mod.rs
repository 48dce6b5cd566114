//! `maille-sim bench`: how fast a town is simulated, how much memory it takes, and why.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this measures real time"
)]

mod meter;
mod report;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Instant;

use maille_core::Store;
use maille_simulator::clock::VirtualSpan;
use maille_simulator::memo;
use maille_simulator::network::Links;
use maille_simulator::random::Seed;
use maille_simulator::scenario::Log;
use maille_simulator::town::{Life, Town};
use maille_simulator::world::World;
use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(clap::Args, Clone)]
pub(crate) struct Bench {
    /// How many circles the town has
    #[arg(long, default_value_t = 50)]
    circles: u32,
    /// How many people each circle has, one full node each
    #[arg(long, default_value_t = 20)]
    people: u32,
    /// How many days of trips everybody has before they share
    #[arg(long, default_value_t = 30)]
    history_days: u64,
    /// Into how many pieces the world is split, one thread each
    #[arg(long, default_value_t = 1)]
    shards: usize,
    /// What the run follows from
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Count the time by cause: what happens in the first thread; slows the run down a little
    #[arg(long)]
    causes: bool,
    /// Check every signature anew
    #[arg(long)]
    anew: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Make all runs that BENCHMARKS.md shows, and write it to this file
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// How one run went.
#[derive(Serialize, Deserialize)]
struct Measured {
    nodes: u32,
    people: u32,
    shares: usize,
    shards: usize,
    phases: Vec<Phase>,
    /// Most memory at any time before the checks at the end.
    peak_bytes: u64,
    rows: usize,
    differ: usize,
    broken: usize,
    /// Values and bytes by the letter under which nodes keep them.
    kept: BTreeMap<char, (u64, u64)>,
    trace: String,
}

/// How a part of a run went.
#[derive(Serialize, Deserialize)]
struct Phase {
    name: String,
    seconds: f64,
    cpu_seconds: f64,
    steps: u64,
    resident_bytes: u64,
    causes: Vec<Cause>,
}

/// Time spent on one kind of work, without what it was made of.
#[derive(Serialize, Deserialize)]
struct Cause {
    kind: String,
    times: u64,
    us: u64,
}

/// The part of a run that the bars are about.
const DAY: &str = "a day";

/// Runs the benchmark and returns what is to be printed.
pub(crate) fn run(bench: &Bench) -> io::Result<String> {
    if let Some(file) = &bench.write {
        return report::write(bench, file);
    }
    let measured = measure(bench);
    if bench.json {
        return Ok(serde_json::to_string(&measured)?);
    }
    Ok(report::text(&measured))
}

fn measure(bench: &Bench) -> Measured {
    let town = Town {
        circles: bench.circles,
        people: bench.people,
        changes_per_day: 4,
        history_days: bench.history_days,
    };
    if bench.causes {
        meter::start();
    }
    memo::remember(!bench.anew);
    let mut log = Log::Off;
    let mut world = World::new(Seed(bench.seed), Links::default(), &mut log);
    world.split(bench.shards);
    let mut phases = Vec::new();
    let (mut clock, mut cpu, mut steps) = (Instant::now(), cpu_seconds(), 0);
    let mut phase = |name: &str, life: &Life<'_, '_>| {
        phases.push(Phase {
            name: name.to_owned(),
            seconds: clock.elapsed().as_secs_f64(),
            cpu_seconds: cpu_seconds() - cpu,
            steps: life.world.steps() - steps,
            resident_bytes: memory("VmRSS"),
            causes: meter::take(),
        });
        (clock, cpu, steps) = (Instant::now(), cpu_seconds(), life.world.steps());
    };
    let mut life = Life::found(town, &mut world);
    phase("founding", &life);
    life.share();
    phase("sharing", &life);
    life.day();
    phase(DAY, &life);
    let peak_bytes = memory("VmHWM"); // what follows only checks
    life.world.pass(VirtualSpan::from_secs(60));
    let (rows, differ) = life.held();
    phase("checking", &life);
    let shares = life.shares();
    Measured {
        nodes: bench.circles * bench.people,
        people: bench.people,
        shares,
        shards: bench.shards,
        phases,
        peak_bytes,
        rows,
        differ,
        broken: world.broken().len(),
        kept: kept(&world),
        trace: world.trace().to_string(),
    }
}

fn kept(world: &World<'_>) -> BTreeMap<char, (u64, u64)> {
    let mut kept: BTreeMap<char, (u64, u64)> = BTreeMap::new();
    for node in world.nodes() {
        for (key, value) in world.store(node).scan(&[]).unwrap_or_default() {
            let letter = key.first().map_or('?', |letter| char::from(*letter));
            let (count, bytes) = kept.entry(letter).or_default();
            *count += 1;
            *bytes += (key.len() + value.len()) as u64;
        }
    }
    kept
}

/// A line of `/proc/self/status` in bytes; nothing where there is no such file.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let found = status.lines().find_map(|it| it.strip_prefix(line));
    let kib = found.and_then(|it| it.trim_start_matches(':').trim().strip_suffix(" kB"));
    let kib = kib.and_then(|kib| kib.trim().parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

/// Processor time of this process, from `/proc/self/stat`; nothing where there is no such file.
fn cpu_seconds() -> f64 {
    /// `USER_HZ`, the same on every Linux.
    const TICKS_PER_S: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name in brackets; user and system time are 14 and 15.
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks = after_name.split(' ').skip(11).take(2);
    ticks.filter_map(|it| it.parse::<f64>().ok()).sum::<f64>() / TICKS_PER_S
}
