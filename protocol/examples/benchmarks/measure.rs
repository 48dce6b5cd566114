//! How long something takes.
#![expect(
    clippy::disallowed_methods,
    reason = "this measures real time; nothing here is part of the protocol"
)]

use std::sync::OnceLock;
use std::time::Instant;

/// How often each thing is measured; the median counts.
const RUNS: usize = 7;
/// How long one run takes at least.
const RUN_SECONDS: f64 = 0.1;
/// The same where things are measured in turns.
const TURNS: usize = 31;
const TURN_SECONDS: f64 = 0.04;

/// Returns the CPU seconds that this thread has had, or those since the start if nobody knows.
fn now() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    // Linux: nanoseconds on a CPU, nanoseconds of waiting for one, time slices.
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    match spent {
        Some(nanos) => nanos / 1e9,
        None => START.get_or_init(Instant::now).elapsed().as_secs_f64(),
    }
}

/// Returns the seconds that each of these takes, measured in turns, so that all meet the same moods of a
/// shared machine: of all rounds, those of the one whose ratio of the first to the last is the median.
pub(crate) fn in_turns<const N: usize>(mut works: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut run = |at: usize, times: u32| {
        let start = now();
        (0..times).for_each(|_| works[at]());
        now() - start
    };
    let mut times = [1; N];
    for (at, times) in times.iter_mut().enumerate() {
        while run(at, *times) < TURN_SECONDS && *times < 1 << 20 {
            *times *= 2;
        }
    }
    let mut rounds: Vec<[f64; N]> = (0..TURNS)
        .map(|_| std::array::from_fn(|at| run(at, times[at]) / f64::from(times[at])))
        .collect();
    rounds.sort_unstable_by(|a, b| f64::total_cmp(&(a[0] / a[N - 1]), &(b[0] / b[N - 1])));
    rounds[TURNS / 2]
}

/// Returns the median of the seconds that `work` takes. What is short is done again and again: the
/// system books CPU time a few milliseconds late.
pub(crate) fn seconds<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut run = |times: u32| {
        let start = now();
        for _ in 0..times {
            std::hint::black_box(work());
        }
        now() - start
    };
    let mut times = 1;
    while run(times) < RUN_SECONDS && times < 1 << 20 {
        times *= 2;
    }
    let mut runs: Vec<f64> = (0..RUNS).map(|_| run(times) / f64::from(times)).collect();
    runs.sort_unstable_by(f64::total_cmp);
    runs[RUNS / 2]
}
