//! `maille-sim bench`: how fast a town is simulated, how much memory it takes, and why.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this measures real time"
)]

use std::cell::RefCell;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use maille_protocol::hook::{self, Hooks};
use maille_simulator::network::Links;
use maille_simulator::random::Seed;
use maille_simulator::scenario::Log;
use maille_simulator::town::{Life, Town};
use maille_simulator::trace::TraceHash;
use maille_simulator::world::World;

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
    /// Count the time by cause (slows the run down a little).
    #[arg(long)]
    causes: bool,
}

/// How one run went.
pub(crate) struct Measured {
    /// Name, seconds, steps, resident bytes after it.
    phases: Vec<(&'static str, f64, u64, u64)>,
    peak_bytes: u64,
    rows: usize,
    differ: usize,
    shares: usize,
    broken: usize,
    store_bytes: usize,
    trace: TraceHash,
    causes: Vec<Spent>,
}

/// Time spent on one kind of work during the day, without what it was made of.
#[derive(Clone, Copy)]
struct Spent {
    kind: &'static str,
    times: u64,
    nanos: u64,
}

/// Runs the benchmark and returns what is to be printed.
pub(crate) fn run(bench: &Bench) -> String {
    let measured = measure(bench);
    report(bench, &measured)
}

fn measure(bench: &Bench) -> Measured {
    let town = Town {
        circles: bench.circles,
        people: bench.people,
        changes_per_day: 4,
        history_days: bench.history_days,
    };
    let mut log = Log::Off;
    let mut world = World::new(Seed(bench.seed), Links::default(), &mut log);
    world.split(bench.shards);
    if bench.causes {
        hook::install(Hooks { begins, ends });
    }
    let mut phases = Vec::new();
    let mut clock = Instant::now();
    let mut steps = 0;
    let mut phase = |name, life: &Life<'_, '_>, clock: &mut Instant| {
        let done = life.world.steps();
        phases.push((
            name,
            clock.elapsed().as_secs_f64(),
            done - steps,
            memory("VmRSS"),
        ));
        eprintln!("{name}: {:.1} s", clock.elapsed().as_secs_f64());
        steps = done;
        *clock = Instant::now();
    };
    let mut life = Life::found(town, &mut world);
    phase("founding, history", &life, &mut clock);
    life.share();
    phase("sharing", &life, &mut clock);
    MEASURING.store(true, Ordering::Relaxed);
    life.day();
    MEASURING.store(false, Ordering::Relaxed);
    phase("a day", &life, &mut clock);
    life.world
        .pass(maille_simulator::clock::VirtualSpan::from_secs(60));
    let (rows, differ) = life.held();
    phase("reading all rows", &life, &mut clock);
    let shares = life.shares();
    Measured {
        phases,
        peak_bytes: memory("VmHWM"),
        rows,
        differ,
        shares,
        broken: world.broken().len(),
        store_bytes: world.nodes().map(|node| world.store_bytes(node)).sum(),
        trace: world.trace(),
        causes: TOTALS.with_borrow_mut(std::mem::take).spent,
    }
}

fn report(bench: &Bench, measured: &Measured) -> String {
    let mut text = String::new();
    let nodes = bench.circles * bench.people;
    let _ = writeln!(
        text,
        "{nodes} nodes in circles of {}, {} shares, {} shards, seed {}",
        bench.people, measured.shares, bench.shards, bench.seed
    );
    for (name, seconds, steps, bytes) in &measured.phases {
        let _ = writeln!(
            text,
            "{name:<20} {seconds:>8.1} s {steps:>10} steps {:>6} MiB resident",
            bytes >> 20
        );
    }
    let day = measured.phases[2].1;
    let _ = writeln!(
        text,
        "a day: {:.0} x real time; peak {} MiB, {} KiB a node; stores {} KiB a node",
        86_400.0 / day,
        measured.peak_bytes >> 20,
        (measured.peak_bytes >> 10) / u64::from(nodes),
        (measured.store_bytes >> 10) / nodes as usize
    );
    let _ = writeln!(
        text,
        "{} rows held, {} shares differ, {} invariants broken, trace {}",
        measured.rows, measured.differ, measured.broken, measured.trace
    );
    let mut causes = measured.causes.clone();
    causes.sort_by_key(|spent| std::cmp::Reverse(spent.nanos));
    for Spent { kind, times, nanos } in causes {
        let _ = writeln!(
            text,
            "{kind:<24} {times:>10} times {:>10} us {:>8.2} us each",
            nanos / 1_000,
            nanos as f64 / 1_000.0 / times as f64
        );
    }
    text
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

static MEASURING: AtomicBool = AtomicBool::new(false);

#[derive(Default)]
struct Totals {
    spent: Vec<Spent>,
    /// Kinds under way, each with its slot in `spent`.
    open: Vec<usize>,
    since: Option<Instant>,
}

thread_local! {
    static TOTALS: RefCell<Totals> = RefCell::default();
}

impl Totals {
    /// Books the time since the last look to what is under way.
    fn look(&mut self) {
        let now = Instant::now();
        if let (Some(since), Some(slot)) = (self.since, self.open.last()) {
            self.spent[*slot].nanos += u64::try_from((now - since).as_nanos()).unwrap_or(0);
        }
        self.since = Some(now);
    }
}

fn begins(kind: &'static str) {
    if !MEASURING.load(Ordering::Relaxed) {
        return;
    }
    TOTALS.with_borrow_mut(|totals| {
        totals.look();
        let slot = totals
            .spent
            .iter()
            .position(|spent| std::ptr::eq(spent.kind, kind) || spent.kind == kind);
        let slot = slot.unwrap_or_else(|| {
            totals.spent.push(Spent {
                kind,
                times: 0,
                nanos: 0,
            });
            totals.spent.len() - 1
        });
        totals.spent[slot].times += 1;
        totals.open.push(slot);
    });
}

fn ends() {
    if !MEASURING.load(Ordering::Relaxed) {
        return;
    }
    TOTALS.with_borrow_mut(|totals| {
        totals.look();
        totals.open.pop();
    });
}
