//! What goes wrong, and when: a function of the seed.

use super::super::FaultReport;
use super::people::{ADMINS, DEVICES, PERSONS, WITH_TWO};
use crate::clock::{VirtualSpan, VirtualTime};
use crate::random::Seed;

/// Admins remove a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Removal {
    pub(super) at: VirtualTime,
    /// Which person's first device says so.
    pub(super) by: usize,
    /// Which person goes.
    pub(super) of: usize,
}

/// A copy of a device's store comes back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Restore {
    pub(super) node: usize,
    pub(super) copied: VirtualTime,
    pub(super) at: VirtualTime,
    /// Whether it goes on under a new installation, as it must.
    pub(super) reinstalled: bool,
}

/// A second device is stolen, and answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theft {
    /// Whose second device.
    pub(super) of: usize,
    pub(super) at: VirtualTime,
    pub(super) noticed: VirtualTime,
    /// Whether the words on paper answer, or the other device.
    pub(super) by_root: bool,
}

#[derive(Clone, Copy, Debug)]
struct Partition {
    from: VirtualTime,
    until: VirtualTime,
    groups: u64,
    number: u64,
}

/// Everything that goes wrong.
pub(super) struct Plan {
    seed: Seed,
    pub(super) removals: Vec<Removal>,
    pub(super) restores: Vec<Restore>,
    pub(super) theft: Theft,
    partitions: Vec<Partition>,
    pub(super) loss_ppm: u32,
    away_ppm: u32,
    /// From when on nothing goes wrong any more.
    healed: VirtualTime,
}

impl Plan {
    pub(super) fn draw(seed: Seed, span: VirtualSpan) -> Self {
        let number = |what: &str, key: &[u64], range: std::ops::Range<u64>| {
            seed.draw(what, key).within(range)
        };
        let index = |what: &str, key: &[u64], range: std::ops::Range<usize>| {
            let drawn = number(what, key, range.start as u64..range.end as u64);
            usize::try_from(drawn).expect("an index")
        };
        let secs = span.as_micros() / 1_000_000;
        let at = |what: &str, key: &[u64], from: u64, until: u64| {
            let second = number(what, key, secs * from / 100..secs * until / 100);
            VirtualTime::START.plus(VirtualSpan::from_secs(second))
        };
        let mut removals = Vec::new();
        for nth in 0..number("removals", &[], 2..6) {
            let of = index("removed", &[nth], ADMINS..PERSONS);
            let when = at("removal", &[nth], 10, 80);
            let by = index("remover", &[nth], 0..ADMINS);
            removals.push(Removal { at: when, by, of });
            if seed
                .draw("another removes the same", &[nth])
                .happens(500_000)
            {
                // Perhaps before having heard of the first.
                let after = VirtualSpan::from_secs(number("after", &[nth], 0..3_600));
                let by = (by + 1) % ADMINS;
                removals.push(Removal {
                    at: when.plus(after),
                    by,
                    of,
                });
            }
        }
        if seed.draw("admins remove each other", &[]).happens(500_000) {
            let (a, b) = (2, 3);
            let when = at("quarrel", &[], 30, 70);
            let after = VirtualSpan::from_secs(number("quarrel after", &[], 0..1_800));
            removals.push(Removal {
                at: when,
                by: b,
                of: a,
            });
            removals.push(Removal {
                at: when.plus(after),
                by: a,
                of: b,
            });
        }
        let stolen = at("theft", &[], 20, 50);
        let theft = Theft {
            of: index("stolen from", &[], 1..WITH_TWO),
            at: stolen,
            noticed: stolen.plus(VirtualSpan::from_secs(number(
                "noticed",
                &[],
                600..4 * 3_600,
            ))),
            by_root: seed.draw("by the root", &[]).happens(500_000),
        };
        let mut restores: Vec<Restore> = (0..number("restores", &[], 1..4))
            .map(|nth| {
                let copied = at("copied", &[nth], 5, 40);
                let later = VirtualSpan::from_secs(number("restored", &[nth], 1_200..5 * 3_600));
                Restore {
                    node: index("restored node", &[nth], 0..DEVICES),
                    copied,
                    at: copied.plus(later),
                    reinstalled: seed.draw("reinstalled", &[nth]).happens(700_000),
                }
            })
            .collect();
        restores.retain(|restore| restore.node != theft.node());
        let partitions = (0..number("partitions", &[], 1..5))
            .map(|nth| {
                let from = at("parted", &[nth], 5, 80);
                let lasts = number("parted for", &[nth], 600..3 * 3_600);
                Partition {
                    from,
                    until: from.plus(VirtualSpan::from_secs(lasts)),
                    groups: number("groups", &[nth], 2..4),
                    number: nth,
                }
            })
            .collect();
        Self {
            seed,
            removals,
            restores,
            theft,
            partitions,
            loss_ppm: u32::try_from(number("loss", &[], 0..200_000)).expect("below a million"),
            away_ppm: u32::try_from(number("away", &[], 0..600_000)).expect("below a million"),
            healed: VirtualTime::START.plus(span),
        }
    }

    pub(super) fn is_online(&self, node: usize, now: VirtualTime) -> bool {
        // Drawn anew for every hour.
        let hour = now.as_micros() / 3_600_000_000;
        let away = self
            .seed
            .draw("is away", &[node as u64, hour])
            .happens(self.away_ppm);
        now >= self.healed || !away
    }

    pub(super) fn reaches(&self, a: usize, b: usize, now: VirtualTime) -> bool {
        let side = |partition: &Partition, node: usize| {
            let key = [partition.number, node as u64];
            self.seed.draw("side", &key).within(0..partition.groups)
        };
        let parted = |partition: &&Partition| partition.from <= now && now < partition.until;
        self.is_online(a, now)
            && self.is_online(b, now)
            && (self.partitions.iter().filter(parted)).all(|it| side(it, a) == side(it, b))
    }

    pub(super) fn reports(&self) -> Vec<FaultReport> {
        let report = |at: VirtualTime, node: Option<usize>, what: String| FaultReport {
            at_us: at.as_micros(),
            node: node.map(|node| u32::try_from(node).expect("few")),
            what,
        };
        let theft = [report(
            self.theft.at,
            Some(self.theft.node()),
            format!("{:?}", self.theft),
        )];
        let removals = self
            .removals
            .iter()
            .map(|it| report(it.at, None, format!("{it:?}")));
        let restores = self
            .restores
            .iter()
            .map(|it| report(it.at, Some(it.node), format!("{it:?}")));
        let partitions = self
            .partitions
            .iter()
            .map(|it| report(it.from, None, format!("{it:?}")));
        theft
            .into_iter()
            .chain(removals)
            .chain(restores)
            .chain(partitions)
            .collect()
    }
}

impl Theft {
    /// Which node that is: devices are numbered person by person.
    pub(super) const fn node(&self) -> usize {
        2 * self.of + 1
    }
}

/// The node of a person's first device.
pub(super) const fn first_device(person: usize) -> usize {
    if person < WITH_TWO {
        2 * person
    } else {
        person + WITH_TWO
    }
}
