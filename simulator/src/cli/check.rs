//! `maille-sim check`: one story under many seeds, on every core.
#![expect(
    clippy::disallowed_types,
    reason = "a person wants to know how long it takes; no run sees it"
)]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use maille_core::sim::Site;
use maille_simulator::scenario::{Log, Outcome};
use serde_json::json;

use super::{Failure, JSON_VERSION, Story, Told};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Many runs.
#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    story: Story,
    /// Which seeds: A..B is A, A+1, and so on to B-1
    #[arg(long, value_parser = parse_seeds, value_name = "A..B")]
    seeds: Range<u64>,
    /// How many runs at once [default: one per core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: Option<u16>,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Tell no progress on stderr
    #[arg(long)]
    quiet: bool,
}

/// What many runs came to.
#[derive(Default)]
struct Sum {
    done: u64,
    failed: Vec<u64>,
    steps: u64,
    metrics: BTreeMap<&'static str, u64>,
    most: BTreeMap<&'static str, u64>,
    sites: BTreeMap<Site, (u64, u64)>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: Option<&Outcome>) {
        self.done += 1;
        let Some(outcome) = outcome else {
            return self.failed.push(seed);
        };
        if !outcome.broken.is_empty() {
            self.failed.push(seed);
        }
        self.steps += outcome.steps;
        for (name, value) in &outcome.metrics {
            *self.metrics.entry(name).or_insert(0) += value;
            let most = self.most.entry(name).or_insert(0);
            *most = (*most).max(*value);
        }
        for (site, reached, fired) in &outcome.sites {
            let sum = self.sites.entry(*site).or_insert((0, 0));
            sum.0 += reached;
            sum.1 += fired;
        }
    }

    /// Simulation points that were never reached, or never fired.
    fn silent(&self) -> Vec<String> {
        let silent = self.sites.iter().filter(|(_, (_, fired))| *fired == 0);
        silent
            .map(|(site, (reached, _))| format!("{site:?} (reached {reached} times)"))
            .collect()
    }
}

/// Runs them.
pub(crate) fn check(check: &Check) -> Result<bool, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = check.jobs.map_or(cores, usize::from);
    let told = check.story.read(jobs as u64)?;
    // A panic is reported as one line with its seed, like every broken invariant.
    std::panic::set_hook(Box::new(|_| {}));
    let count = check.seeds.end - check.seeds.start;
    let next = AtomicU64::new(check.seeds.start);
    let sum = Mutex::new(Sum::default());
    let begun = now();
    let last_told = Mutex::new(begun);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= check.seeds.end {
                        break;
                    }
                    let outcome = told.attempt(seed, &mut Log::Off);
                    let Ok(mut sum) = sum.lock() else { break };
                    sum.add(seed, outcome.as_ref());
                    if !check.quiet {
                        tell(&told, &sum, count, begun, &last_told);
                    }
                }
            });
        }
    });
    let mut sum = sum
        .into_inner()
        .map_err(|_| Failure::Usage(String::from("a job died")))?;
    sum.failed.sort_unstable();
    report(check, &told, count, &sum)?;
    Ok(sum.failed.is_empty())
}

/// How far it is and how long it will take, now and then, on stderr.
fn tell(told: &Told, sum: &Sum, count: u64, begun: Instant, last: &Mutex<Instant>) {
    let Ok(mut last) = last.lock() else { return };
    if last.elapsed() < TELL_EVERY || sum.done == count {
        return;
    }
    *last = now();
    let spent = begun.elapsed().as_secs();
    let left = spent * (count - sum.done) / sum.done.max(1);
    eprintln!(
        "{}: {} of {count} seeds, {} failed, {} min {} s left",
        told.scenario.name(),
        sum.done,
        sum.failed.len(),
        left / 60,
        left % 60
    );
}

fn report(check: &Check, told: &Told, count: u64, sum: &Sum) -> io::Result<()> {
    let name = told.scenario.name();
    let silent = sum.silent();
    if check.json {
        let mut object = json!({
            "scenario": name, "seeds": count, "steps": sum.steps, "failed": sum.failed,
            "sums": sum.metrics, "most": sum.most, "points_never_fired": silent,
        });
        if let Some(plant) = told.options.plant {
            object["plant"] = json!(super::name_of(plant));
        }
        return writeln!(
            io::stdout(),
            "{}",
            json!({ "version": JSON_VERSION, "check": object })
        );
    }
    let mut stdout = io::stdout().lock();
    writeln!(
        stdout,
        "{name}: {count} seeds, {} steps; {} broke an invariant",
        sum.steps,
        sum.failed.len()
    )?;
    for (figure, value) in &sum.metrics {
        let most = sum.most.get(figure).copied().unwrap_or(0);
        writeln!(
            stdout,
            "  {figure:<18} {value} in all, {most} at most in one run"
        )?;
    }
    if !silent.is_empty() {
        writeln!(
            stdout,
            "  simulation points that never fired: {}",
            silent.join(", ")
        )?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "see above")]
fn now() -> Instant {
    Instant::now()
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text
        .split_once("..")
        .ok_or("two numbers with two dots between them, such as 0..200")?;
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|error| format!("{text:?}: {error}"))
    };
    let seeds = number(from)?..number(to)?;
    if seeds.is_empty() {
        return Err(format!(
            "{text:?} has no seed in it: the second number must be larger"
        ));
    }
    Ok(seeds)
}
