//! How many signatures are checked. Only the simulator's hook can see that (feature `sim`).

#[cfg(feature = "sim")]
use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "sim")]
static CHECKS: AtomicU64 = AtomicU64::new(0);

/// Returns what `work` returns, and how many signatures were checked; `None` without the feature.
///
/// From the first call on checks take a little longer: measure times before.
#[cfg(feature = "sim")]
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    maille_protocol::hook::install(maille_protocol::hook::Hooks {
        begins: |_| {},
        ends: || {},
        recall: |_| None,
        keep: |_, _| {
            CHECKS.fetch_add(1, Ordering::Relaxed);
        },
    });
    let before = CHECKS.load(Ordering::Relaxed);
    let done = work();
    (done, Some(CHECKS.load(Ordering::Relaxed) - before))
}

#[cfg(not(feature = "sim"))]
pub(crate) fn counted<T>(work: impl FnOnce() -> T) -> (T, Option<u64>) {
    (work(), None)
}
