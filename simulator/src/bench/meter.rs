//! How much time each kind of work takes, as the spans of [`maille_protocol::hook`] tell it.
//!
//! Spans nest; a kind is counted without what is inside it. Looking at the clock costs about 50 ns
//! for each span, which is part of what is shown.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this measures real time"
)]

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use maille_protocol::hook::Hooks;
use maille_simulator::memo;

use super::Cause;

struct Spent {
    kind: &'static str,
    times: u64,
    nanos: u64,
}

#[derive(Default)]
struct Totals {
    spent: Vec<Spent>,
    /// Kinds under way, each by its place in `spent`.
    open: Vec<usize>,
    since: Option<Instant>,
}

static MEASURING: AtomicBool = AtomicBool::new(false);

thread_local! {
    static TOTALS: RefCell<Totals> = RefCell::default();
}

/// Measures from now on, in this thread.
pub(super) fn start() {
    memo::install(Hooks {
        begins,
        ends,
        recall: |_| None,
        keep: |_, _| (),
    });
    MEASURING.store(true, Ordering::Relaxed);
}

/// What was measured in this thread since the last time, dearest first.
pub(super) fn take() -> Vec<Cause> {
    let mut spent = TOTALS.with_borrow_mut(std::mem::take).spent;
    spent.sort_by_key(|spent| std::cmp::Reverse(spent.nanos));
    let cause = |Spent { kind, times, nanos }| Cause {
        kind: String::from(kind),
        times,
        us: nanos / 1_000,
    };
    spent.into_iter().map(cause).collect()
}

fn begins(kind: &'static str) {
    if MEASURING.load(Ordering::Relaxed) {
        TOTALS.with_borrow_mut(|totals| totals.begin(kind));
    }
}

fn ends() {
    if MEASURING.load(Ordering::Relaxed) {
        TOTALS.with_borrow_mut(Totals::end);
    }
}

impl Totals {
    fn begin(&mut self, kind: &'static str) {
        self.look();
        let known = self.spent.iter().position(|spent| spent.kind == kind);
        let place = known.unwrap_or_else(|| {
            let (times, nanos) = (0, 0);
            self.spent.push(Spent { kind, times, nanos });
            self.spent.len() - 1
        });
        self.spent[place].times += 1;
        self.open.push(place);
    }

    fn end(&mut self) {
        self.look();
        self.open.pop();
    }

    /// Books the time since the last look to what is under way.
    fn look(&mut self) {
        let now = Instant::now();
        if let (Some(since), Some(place)) = (self.since, self.open.last()) {
            let nanos = now.duration_since(since).as_nanos();
            self.spent[*place].nanos += u64::try_from(nanos).unwrap_or(0);
        }
        self.since = Some(now);
    }
}
