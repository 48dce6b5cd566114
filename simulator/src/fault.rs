//! What goes wrong in a run, drawn from its seed before it begins.

use std::ops::Range;

use crate::clock::{VirtualSpan, VirtualTime};
use crate::random::Seed;
use crate::world::NodeIndex;

/// What can befall one node at one moment. Plan it with [`crate::world::World::plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies, loses what was not durable, and starts again.
    Crash {
        /// How long it stays down.
        down: VirtualSpan,
        /// Whether the group commit under way may be kept in part: its first batches, whole. The
        /// bytes of one batch are never torn: that is the store's own promise (`maille_core::io`).
        torn: bool,
    },
    /// Group commits that end within this time fail, as on a full disk.
    FullDisk {
        /// For how long.
        lasts: VirtualSpan,
    },
    /// The process dies and everything on its disk is gone. It starts again only from a backup.
    Wipe,
    /// The disk is copied away, as it stands.
    Backup,
    /// The process dies, the last backup takes the place of its disk, and it starts at once.
    /// Nothing happens if there is no backup.
    Restore {
        /// Under which installation it goes on.
        installation: Installation,
    },
    /// The process stands still; what comes meanwhile waits, and its clock runs.
    Pause {
        /// For how long.
        lasts: VirtualSpan,
    },
    /// Its clock is set ahead, or back.
    ClockJump {
        /// By how much, in milliseconds.
        by_ms: i64,
    },
    /// Its clock runs too fast, or too slowly, from now on.
    ClockDrift {
        /// Microseconds gained in a million.
        ppm: i32,
    },
    /// Its computer has no network from now on. The process runs, and its person may use it.
    Offline,
    /// Its computer has a network again.
    Online,
}

/// Under which installation a node goes on from a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installation {
    /// A new one, as it must be: its logs are new ones.
    New,
    /// The old one: a careless copy of a disk, which writes its logs a second time.
    Kept,
}

/// A time in which nothing passes between two nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// One end.
    pub a: NodeIndex,
    /// The other end.
    pub b: NodeIndex,
    /// From when.
    pub from: VirtualTime,
    /// Until when.
    pub until: VirtualTime,
}

/// One process dies and starts again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Whose.
    pub node: NodeIndex,
    /// When.
    pub at: VirtualTime,
    /// For how long.
    pub down: VirtualSpan,
}

/// Everything that goes wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Processes that die.
    pub crashes: Vec<Crash>,
    /// Links that are cut.
    pub cuts: Vec<Cut>,
    /// Chances in a million that a message ends its connection.
    pub loss_ppm: u32,
}

/// How long a process stays down, in milliseconds.
const DOWN_MS: Range<u64> = 10..20_000;
/// How long a cut lasts, in milliseconds.
const CUT_MS: Range<u64> = 100..60_000;

impl Plan {
    /// Draws the faults of two nodes in phase `phase` of a story: from `begin`, for `span`.
    ///
    /// The seed first decides which kinds of fault exist at all in this run ("swarm"): with all of
    /// them always on, each hides what the others would show.
    pub fn swarm(
        seed: Seed,
        phase: u64,
        nodes: [NodeIndex; 2],
        begin: VirtualTime,
        span: VirtualSpan,
    ) -> Self {
        let exists = |kind: u64| seed.draw("fault exists", &[phase, kind]).happens(600_000);
        let moment = |purpose: &str, number: u64| {
            let after = seed
                .draw(purpose, &[phase, number])
                .within(1..span.as_micros());
            begin.plus(VirtualSpan::from_micros(after))
        };
        let mut plan = Self::default();
        for (kind, node) in [(0, nodes[0]), (1, nodes[1])] {
            let count = if exists(kind) {
                seed.draw("crashes", &[phase, kind]).within(1..20)
            } else {
                0
            };
            for number in (kind * 100..).take(usize::try_from(count).unwrap_or(0)) {
                let down = VirtualSpan::from_millis(
                    seed.draw("crash lasts", &[phase, number]).within(DOWN_MS),
                );
                plan.crashes.push(Crash {
                    node,
                    at: moment("crash", number),
                    down,
                });
            }
        }
        if exists(2) {
            let count = seed.draw("cuts", &[phase]).within(1..10);
            for number in 0..count {
                let from = moment("cut", number);
                let lasts = VirtualSpan::from_millis(
                    seed.draw("cut lasts", &[phase, number]).within(CUT_MS),
                );
                plan.cuts.push(Cut {
                    a: nodes[0],
                    b: nodes[1],
                    from,
                    until: from.plus(lasts),
                });
            }
        }
        if exists(3) {
            let ppm = seed.draw("loss rate", &[phase]).within(1_000..100_000);
            plan.loss_ppm = u32::try_from(ppm).unwrap_or(0);
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_in_which_faults_exist() {
        let nodes = [NodeIndex(0), NodeIndex(1)];
        let plan = |seed| {
            Plan::swarm(
                Seed(seed),
                0,
                nodes,
                VirtualTime::START,
                VirtualSpan::from_secs(600),
            )
        };
        let plans: Vec<Plan> = (0..50).map(plan).collect();
        assert_eq!(plans[0], plan(0));
        assert!(plans.iter().any(|plan| plan.crashes.is_empty()));
        assert!(plans.iter().any(|plan| plan.cuts.is_empty()));
        assert!(plans.iter().any(|plan| plan.loss_ppm == 0));
        assert!(
            plans
                .iter()
                .any(|plan| !plan.crashes.is_empty() && !plan.cuts.is_empty() && plan.loss_ppm > 0)
        );
    }
}
