//! What was checked once need not be checked again: outcomes of signature checks, for all worlds
//! of this process.
//!
//! Measured before it was made: in a town of circles of 20 a tenth of a day's time, and a sixth of
//! the sharing before it, went into checks of what up to 18 other nodes check too. Opening an entry
//! costs a twelfth of a check, and a box is opened once: neither is remembered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use maille_protocol::hook::{self, Hooks};

/// Most outcomes kept, some 5 MB; then all are forgotten, since what repeats does so soon.
const KEPT_MAX: usize = 100_000;

static ON: AtomicBool = AtomicBool::new(false);
static KEPT: Mutex<BTreeMap<[u8; 32], bool>> = Mutex::new(BTreeMap::new());

/// Remembers from now on, or no longer. What a run does is the same either way.
pub fn remember(on: bool) {
    install(Hooks {
        begins: |_| (),
        ends: || (),
        recall,
        keep,
    });
    ON.store(on, Ordering::Relaxed);
}

/// Lets `hooks` be told what costs time, with this memory behind the checks; the first to call
/// stands.
pub fn install(hooks: Hooks) {
    hook::install(Hooks {
        recall,
        keep,
        ..hooks
    });
}

/// How many outcomes are remembered.
pub fn remembered() -> usize {
    kept().len()
}

fn recall(input: &[u8; 32]) -> Option<bool> {
    ON.load(Ordering::Relaxed)
        .then(|| kept().get(input).copied())?
}

fn keep(input: [u8; 32], holds: bool) {
    if !ON.load(Ordering::Relaxed) {
        return;
    }
    let mut kept = kept();
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
    kept.insert(input, holds);
}

fn kept() -> MutexGuard<'static, BTreeMap<[u8; 32], bool>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}
