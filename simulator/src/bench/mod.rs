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
use maille_simulator::trace::TraceHash;
use maille_simulator::world::World;
use meter::Spent;

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Bench {
    /// How many circles the town has.
    #[arg(long, default_value_t = 50)]
    circles: u32,
    /// How many people each circle has, one full node each.
    #[arg(long, default_value_t = 20)]
    people: u32,
    /// How many days of trips everybody has before they share.
    #[arg(long, default_value_t = 30)]
    history_days: u64,
    /// Into how many pieces the world is split, one thread each.
    #[arg(long, default_value_t = 1)]
    shards: usize,
    /// What the run follows from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Count the time by cause: needs one shard, and slows the run down a little.
    #[arg(long)]
    causes: bool,
    /// Check every signature anew.
    #[arg(long)]
    anew: bool,
    /// Run with and without counting causes, and with two shards; write the tables to this file.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// How a part of a run went.
struct Phase {
    name: &'static str,
    seconds: f64,
    steps: u64,
    resident_bytes: u64,
    causes: Vec<Spent>,
}

/// How one run went.
struct Measured {
    nodes: u32,
    shares: usize,
    shards: usize,
    phases: Vec<Phase>,
    peak_bytes: u64,
    rows: usize,
    differ: usize,
    broken: usize,
    /// Values and bytes by the letter under which a node keeps them.
    kept: BTreeMap<char, (u64, u64)>,
    trace: TraceHash,
}

/// Runs the benchmark and returns what is to be printed.
pub(crate) fn run(bench: &Bench) -> io::Result<String> {
    let Some(file) = &bench.write else {
        return Ok(report::text(&measure(bench, bench.shards, bench.causes)));
    };
    report::write(bench, file)
}

fn measure(bench: &Bench, shards: usize, causes: bool) -> Measured {
    let town = Town {
        circles: bench.circles,
        people: bench.people,
        changes_per_day: 4,
        history_days: bench.history_days,
    };
    let mut log = Log::Off;
    let mut world = World::new(Seed(bench.seed), Links::default(), &mut log);
    world.split(shards);
    if causes {
        meter::start();
    }
    memo::remember(!bench.anew);
    let mut phases = Vec::new();
    let mut clock = Instant::now();
    let mut steps = 0;
    let mut phase = |name, life: &Life<'_, '_>| {
        phases.push(Phase {
            name,
            seconds: clock.elapsed().as_secs_f64(),
            steps: life.world.steps() - steps,
            resident_bytes: memory("VmRSS"),
            causes: meter::take(),
        });
        steps = life.world.steps();
        clock = Instant::now();
    };
    let mut life = Life::found(town, &mut world);
    phase("founding", &life);
    life.share();
    phase("sharing", &life);
    life.day();
    phase("a day", &life);
    let peak_bytes = memory("VmHWM"); // what follows only checks
    life.world.pass(VirtualSpan::from_secs(60));
    let (rows, differ) = life.held();
    phase("checking", &life);
    let shares = life.shares();
    Measured {
        nodes: bench.circles * bench.people,
        shares,
        shards,
        phases,
        peak_bytes,
        rows,
        differ,
        broken: world.broken().len(),
        kept: kept(&world),
        trace: world.trace(),
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
    kib.and_then(|kib| kib.trim().parse::<u64>().ok())
        .unwrap_or(0)
        << 10
}
