//! How long something takes.
#![expect(
    clippy::disallowed_methods,
    reason = "this measures real time; nothing here is part of the protocol"
)]

use std::sync::OnceLock;
use std::time::Instant;

/// How often each thing is measured; the median counts.
const RUNS: usize = 7;

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

/// Returns the median of the seconds that `work` takes.
pub(crate) fn seconds<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut runs: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = now();
            std::hint::black_box(work());
            now() - start
        })
        .collect();
    runs.sort_unstable_by(f64::total_cmp);
    runs[RUNS / 2]
}
