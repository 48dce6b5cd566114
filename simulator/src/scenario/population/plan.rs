//! What people do, when they are there, and what goes wrong: all drawn before the run begins.
//!
//! With `swarm` the seed first decides which kinds of fault exist at all in this run, then how
//! many there are: with all of them always on, each hides what the others would show.

use std::collections::BTreeSet;

use maille_core::command::Command;
use maille_protocol::time::Timestamp;

use super::super::FaultReport;
use super::super::churn::{self, Away, Way};
use super::super::file::{Churn, FaultKind, FaultTable, Metric};
use super::super::value::{Fraction, Span, Whole};
use super::people::Person;
use super::{Asked, QUIET, Story};
use crate::clock::{EPOCH_MS, VirtualSpan, VirtualTime};
use crate::fault::{Fault, Installation};
use crate::network::{Loss, Partition, Side, Ways};
use crate::world::NodeIndex;

const HOUR: u64 = 3_600_000_000;
const MINUTE: u64 = 60_000_000;
/// Most nodes that one gradual partition cuts off: each of them is a partition of its own.
const GRADUAL_MAX: usize = 20;
/// How long a share lasts that is not to run out.
const SHARE_DAYS: u64 = 300;

impl Story<'_, '_> {
    /// Plans everything that goes wrong, by the file and by the seed, and when people are away.
    pub(super) fn plan(&mut self) {
        self.clocks();
        self.churn();
        let file = self.file;
        for (number, table) in (0..).zip(&file.fault) {
            self.plan_table(number, table);
        }
        if file.swarm {
            self.swarm();
        }
    }

    /// Plans what people do.
    pub(super) fn plan_lives(&mut self) {
        for person in 0..self.people.len() {
            let it = &self.people[person];
            let (node, traveller, group) = (it.node, it.traveller, it.group);
            let key = |number: u64| [u64::from(node.0), number];
            let work = &self.file.group[group].workload;
            let history = u64::from(work.history.0);
            let records: Vec<_> = (0..history).map(|number| traveller.trip(number)).collect();
            if !records.is_empty() {
                let after = self
                    .seed
                    .draw("history", &key(0))
                    .within(MINUTE / 30..MINUTE);
                self.record(
                    VirtualTime::START.plus(VirtualSpan::from_micros(after)),
                    person,
                    records,
                    true,
                );
            }
            let span = self.end.as_micros();
            let day = u128::from(24 * HOUR);
            let changes = u128::from(work.changes_per_day.0) * u128::from(span) / day;
            let changes = u64::try_from(changes)
                .unwrap_or(0)
                .max(u64::from(work.changes_per_day.0 > 0));
            for number in 0..changes {
                let after = self.seed.draw("change", &key(number)).within(MINUTE..span);
                let at = VirtualTime::START.plus(VirtualSpan::from_micros(after));
                self.record(at, person, vec![traveller.trip(history + number)], false);
            }
            // Once the core is healed everybody has something new to tell.
            let last = self.end.plus(VirtualSpan::from_secs(1));
            self.record(last, person, vec![traveller.trip(history + changes)], false);
        }
        for share in 0..self.shares.len() {
            // Made in the first third of the story, in reach of all that goes wrong later.
            let begin = 2 * MINUTE;
            let end = (self.end.as_micros() / 3).max(begin + 1);
            let after = self
                .seed
                .draw("share is made", &[share as u64])
                .within(begin..end);
            self.create(
                VirtualTime::START.plus(VirtualSpan::from_micros(after)),
                share,
            );
        }
    }

    fn record(
        &mut self,
        at: VirtualTime,
        person: usize,
        records: Vec<maille_schemas::record::Record>,
        must: bool,
    ) {
        let node = self.people[person].node;
        let command = Command::Record {
            records: records.clone(),
        };
        let person = Some(person);
        self.ask(
            at,
            node,
            Asked::Record {
                person,
                records,
                must,
            },
            command,
        );
    }

    /// Has a share made, once its reader's card is at hand.
    pub(super) fn create(&mut self, at: VirtualTime, share: usize) {
        let it = &self.shares[share];
        let (giver, reader) = (&self.people[it.giver], &self.people[it.reader]);
        let lens = self.file.group[giver.group].workload.lens.0.clone();
        let until = if it.expires {
            let span = self.end.as_micros();
            self.seed
                .draw("runs out", &[share as u64])
                .within(span / 2..span)
        } else {
            SHARE_DAYS * 24 * HOUR
        };
        let (node, name) = (giver.node, reader.name.clone());
        let card = self.card_of(it.reader);
        let command = Command::ShareCreate {
            lens,
            with: card,
            name,
            until: Timestamp::from_millis(EPOCH_MS + until / 1_000),
            from: None,
            purpose: String::from("comparing our weeks"),
        };
        self.ask(at, node, Asked::Create { share }, command);
    }

    /// What goes wrong with one person is over before the core is healed.
    fn last_moment(&self, person: &Person) -> VirtualTime {
        if person.core {
            self.end
        } else {
            self.end.plus(self.file.liveness.converge_within.0)
        }
    }

    fn befalls(&mut self, at: VirtualTime, person: usize, fault: Fault) {
        let node = self.people[person].node;
        self.world.plan(at, node, fault);
        self.faults.push(FaultReport {
            at_us: at.as_micros(),
            node: Some(node.0),
            what: format!("{fault:?}"),
        });
    }

    /// Plans a fault that lasts, cut short where the core is healed.
    fn lasts(
        &mut self,
        at: VirtualTime,
        person: usize,
        micros: u64,
        fault: impl FnOnce(VirtualSpan) -> Fault,
    ) {
        let left = self.last_moment(&self.people[person]).since(at).as_micros();
        if left > 0 {
            self.befalls(
                at,
                person,
                fault(VirtualSpan::from_micros(micros.min(left))),
            );
        }
    }

    fn goes_offline(&mut self, at: VirtualTime, person: usize, micros: u64) {
        let back = at.plus(VirtualSpan::from_micros(micros));
        let back = back.min(self.last_moment(&self.people[person]));
        if at < back {
            self.befalls(at, person, Fault::Offline);
            self.befalls(back, person, Fault::Online);
        }
    }

    fn is_cut(&mut self, partition: Partition) {
        self.faults.push(FaultReport {
            at_us: partition.from.as_micros(),
            node: None,
            what: format!("partition {partition:?}"),
        });
        self.world.cut(partition);
    }

    fn is_lossy(&mut self, loss: Loss) {
        self.faults.push(FaultReport {
            at_us: loss.from.as_micros(),
            node: None,
            what: format!("{loss:?}"),
        });
        self.world.lose(loss);
    }

    fn clocks(&mut self) {
        for person in 0..self.people.len() {
            let it = &self.people[person];
            let clock = self.file.group[it.group].clock;
            let key = [u64::from(it.node.0)];
            if let Some(offset) = clock.offset {
                let most = offset.as_micros() / 1_000;
                let by = self.seed.draw("clock offset", &key).within(0..2 * most + 1);
                let by_ms = i64::try_from(by).unwrap_or(0) - i64::try_from(most).unwrap_or(0);
                self.world
                    .plan(VirtualTime::START, it.node, Fault::ClockJump { by_ms });
            }
            if let Some(Whole(most)) = clock.drift_ppm {
                let by = self
                    .seed
                    .draw("clock drift", &key)
                    .within(0..2 * u64::from(most) + 1);
                let ppm = i32::try_from(by).unwrap_or(0) - i32::try_from(most).unwrap_or(0);
                self.world
                    .plan(VirtualTime::START, it.node, Fault::ClockDrift { ppm });
            }
        }
    }

    fn churn(&mut self) {
        let file = self.file;
        let mut times = 0;
        for person in 0..self.people.len() {
            let it = &self.people[person];
            let Some(churn) = &file.group[it.group].churn else {
                continue;
            };
            let (node, place, last) = (it.node, it.place, self.last_moment(it));
            let begin = VirtualTime::START.plus(QUIET).plus(QUIET);
            let away = self.away_times(churn, node, place, (begin, last));
            times += away.len() as u64;
            let way = churn.way.unwrap_or_else(|| {
                let closes = self
                    .seed
                    .draw("churn way", &[u64::from(node.0)])
                    .happens(500_000);
                if closes { Way::Closed } else { Way::Asleep }
            });
            for (from, until) in away {
                let span = until.since(from);
                let faults: &[(VirtualTime, Fault)] = match way {
                    Way::Closed => &[(
                        from,
                        Fault::Crash {
                            down: span,
                            torn: false,
                        },
                    )],
                    Way::Asleep => &[(from, Fault::Pause { lasts: span })],
                    Way::Offline => &[(from, Fault::Offline), (until, Fault::Online)],
                };
                for (at, fault) in faults {
                    self.world.plan(*at, node, *fault);
                }
            }
        }
        self.count(Metric::Away, times);
    }

    fn away_times(
        &self,
        churn: &Churn,
        node: NodeIndex,
        place: usize,
        (begin, last): Away,
    ) -> Vec<Away> {
        if let (Some(model), Some(online), Some(offline)) =
            (churn.model, churn.online, churn.offline)
        {
            return churn::drawn(self.seed, node, model, online.0, offline.0, (begin, last));
        }
        let played = churn.played.get(place).map_or(&[][..], Vec::as_slice);
        let fit = |(from, until): &Away| ((*from).max(begin), (*until).min(last));
        played
            .iter()
            .map(fit)
            .filter(|(from, until)| from < until)
            .collect()
    }

    fn plan_table(&mut self, number: u64, table: &FaultTable) {
        let targets: Vec<usize> = (0..self.people.len())
            .filter(|one| {
                let group = &self.file.group[self.people[*one].group];
                table.group.as_ref().is_none_or(|name| *name == group.name)
            })
            .collect();
        let times: Vec<u64> = match (table.at, table.every) {
            (Some(at), _) => vec![at.as_micros()],
            (None, Some(every)) => {
                let every = every.as_micros();
                let phase = self.seed.draw("fault phase", &[number]).within(0..every);
                (0..)
                    .map(|n| phase + n * every)
                    .take_while(|at| *at < self.end.as_micros())
                    .collect()
            }
            (None, None) => Vec::new(),
        };
        for (time, at) in (0..).zip(times) {
            let mut drawn = targets.clone();
            drawn.sort_by_key(|one| {
                self.seed
                    .draw("fault befalls", &[number, time, *one as u64])
                    .within(0..u64::MAX)
            });
            let fraction = table.fraction.unwrap_or(Fraction::ALL);
            drawn.truncate(fraction.of(targets.len()));
            let at = VirtualTime::START.plus(VirtualSpan::from_micros(at));
            self.plan_one(table, at, &drawn);
        }
    }

    fn plan_one(&mut self, table: &FaultTable, at: VirtualTime, whom: &[usize]) {
        let lasts = table.lasts.map_or(0, |span| span.as_micros());
        let until = at.plus(VirtualSpan::from_micros(lasts));
        let nodes: Vec<NodeIndex> = whom.iter().map(|one| self.people[*one].node).collect();
        match table.kind.get_ref() {
            FaultKind::Partition => {
                let ways = if table.asymmetric == Some(true) {
                    Ways::AToB
                } else {
                    Ways::Both
                };
                let a: BTreeSet<NodeIndex> = nodes.into_iter().collect();
                self.is_cut(Partition {
                    from: at,
                    until,
                    a,
                    b: Side::Rest,
                    ways,
                });
            }
            FaultKind::Gradual => {
                let full = at.plus(VirtualSpan::from_micros(lasts / 2));
                let few = &nodes[..nodes.len().min(GRADUAL_MAX)];
                for cut in Partition::gradual(self.seed, few, at, full, until) {
                    self.is_cut(cut);
                }
            }
            FaultKind::Loss => self.is_lossy(Loss {
                from: at,
                until,
                stalls_ppm: table.stalls.map_or(0, |fraction| fraction.0),
                ends_ppm: table.ends.map_or(0, |fraction| fraction.0),
            }),
            kind => {
                for one in whom {
                    self.one_befalls(*kind, table, at, *one);
                }
            }
        }
    }

    fn one_befalls(&mut self, kind: FaultKind, table: &FaultTable, at: VirtualTime, one: usize) {
        let lasts = table.lasts.map_or(0, |span| span.as_micros());
        match kind {
            FaultKind::Crash | FaultKind::Torn => {
                let torn = kind == FaultKind::Torn;
                self.lasts(at, one, lasts, |down| Fault::Crash { down, torn });
            }
            FaultKind::FullDisk => self.lasts(at, one, lasts, |lasts| Fault::FullDisk { lasts }),
            FaultKind::Pause => self.lasts(at, one, lasts, |lasts| Fault::Pause { lasts }),
            FaultKind::Offline => self.goes_offline(at, one, lasts),
            FaultKind::Wipe => self.wipe(at, one),
            FaultKind::Backup => self.befalls(at, one, Fault::Backup),
            FaultKind::Restore => self.restore(at, one),
            FaultKind::ClockJump => {
                let ms = |span: Option<Span>| {
                    span.map_or(0, |span| {
                        i64::try_from(span.as_micros() / 1_000).unwrap_or(0)
                    })
                };
                let by_ms = ms(table.ahead) - ms(table.back);
                self.befalls(at, one, Fault::ClockJump { by_ms });
            }
            FaultKind::ClockDrift => {
                let ppm = i32::try_from(table.ppm.map_or(0, |Whole(ppm)| ppm)).unwrap_or(0);
                self.befalls(at, one, Fault::ClockDrift { ppm });
            }
            FaultKind::Partition | FaultKind::Gradual | FaultKind::Loss => {}
        }
    }

    /// Empties a disk. What was acknowledged is gone until a backup brings some of it back.
    fn wipe(&mut self, at: VirtualTime, one: usize) {
        self.befalls(at, one, Fault::Wipe);
        let person = &mut self.people[one];
        person.gone = Some(person.gone.map_or(at, |gone| gone.min(at)));
        person.core = false;
    }

    /// Brings the last backup back. What was acknowledged since it was made may be gone.
    fn restore(&mut self, at: VirtualTime, one: usize) {
        let node = self.people[one].node.0;
        let before =
            |report: &&FaultReport| report.node == Some(node) && report.at_us <= at.as_micros();
        let backup = self
            .faults
            .iter()
            .filter(before)
            .filter(|report| report.what == format!("{:?}", Fault::Backup))
            .map(|report| report.at_us)
            .max();
        let Some(backup) = backup else {
            return;
        };
        let backup = VirtualTime::START.plus(VirtualSpan::from_micros(backup));
        self.people[one].lost.push((backup, at));
        self.befalls(
            at,
            one,
            Fault::Restore {
                installation: Installation::New,
            },
        );
    }

    fn swarm(&mut self) {
        let people = self.people.len() as u64;
        let hours = self.end.as_micros().div_ceil(HOUR);
        let seed = self.seed;
        let exists = |kind: u64| seed.draw("swarm exists", &[kind]).happens(500_000);
        // How many of a kind: up to so many per person and day, at least now and then one.
        let count = |kind: u64, per_person_100_days: u64| {
            let most = (people * hours * per_person_100_days / 2_400).max(2);
            let drawn = seed.draw("swarm count", &[kind]).within(1..most + 1);
            if exists(kind) { drawn } else { 0 }
        };
        let within = |what: &str, kind: u64, number: u64, range| {
            seed.draw(what, &[kind, number]).within(range)
        };
        let whom = |kind, number| {
            usize::try_from(within("swarm whom", kind, number, 0..people)).unwrap_or(0)
        };

        for (kind, per_person_100_days) in (0..).zip([400, 100, 200, 30, 30, 200, 6, 4]) {
            for number in 0..count(kind, per_person_100_days) {
                let one = whom(kind, number);
                let last = self.last_moment(&self.people[one]).as_micros();
                let quiet = QUIET.as_micros();
                let after = within("swarm when", kind, number, quiet..last.max(quiet + 1));
                let at = VirtualTime::START.plus(VirtualSpan::from_micros(after));
                let drawn = |what, range| within(what, kind, number, range);
                let minutes = |most| drawn("swarm lasts", MINUTE / 60..most * MINUTE);
                match kind {
                    0 => {
                        let torn = seed.draw("swarm torn", &[]).happens(500_000);
                        self.lasts(at, one, minutes(2), |down| Fault::Crash { down, torn });
                    }
                    1 => self.lasts(at, one, minutes(10), |lasts| Fault::FullDisk { lasts }),
                    2 => self.lasts(at, one, minutes(20), |lasts| Fault::Pause { lasts }),
                    3 => {
                        let by = i64::try_from(drawn("swarm jump", 0..14_400_001)).unwrap_or(0);
                        self.befalls(
                            at,
                            one,
                            Fault::ClockJump {
                                by_ms: by - 7_200_000,
                            },
                        );
                    }
                    4 => {
                        let by = i32::try_from(drawn("swarm drift", 0..401)).unwrap_or(0);
                        self.befalls(at, one, Fault::ClockDrift { ppm: by - 200 });
                    }
                    5 => self.goes_offline(at, one, minutes(30)),
                    6 => {
                        self.befalls(at, one, Fault::Backup);
                        let hours = drawn("swarm restore", MINUTE..6 * HOUR);
                        let back = at.plus(VirtualSpan::from_micros(hours));
                        if back < self.last_moment(&self.people[one]) {
                            self.restore(back, one);
                        }
                    }
                    _ => {
                        if !self.people[one].core {
                            self.wipe(at, one);
                        }
                    }
                }
            }
        }
        self.swarm_network(exists(20), exists(21));
    }

    fn swarm_network(&mut self, cuts: bool, losses: bool) {
        let seed = self.seed;
        let begin = QUIET.as_micros();
        let end = self.end.as_micros();
        let within = |what: &str, number: u64, range| seed.draw(what, &[number]).within(range);
        let moment =
            |micros: u64| VirtualTime::START.plus(VirtualSpan::from_micros(micros.min(end)));
        let nodes: Vec<NodeIndex> = self.people.iter().map(|person| person.node).collect();
        if cuts {
            for number in 0..within("cuts", 0, 1..8) {
                let from = within("cut", number, begin..end);
                let until = from + within("cut lasts", number, MINUTE / 60..HOUR);
                // From one node alone to half of them.
                let part = within("cut part", number, 0..500_001);
                let drawn = |node: &&NodeIndex| {
                    let key = [number, u64::from(node.0)];
                    seed.draw("cut off", &key).within(0..1_000_000) < part
                };
                let mut off: BTreeSet<NodeIndex> = nodes.iter().filter(drawn).copied().collect();
                if off.is_empty() {
                    off.insert(nodes[usize::try_from(number).unwrap_or(0) % nodes.len()]);
                }
                if within("cut gradual", number, 0..4) == 0 {
                    let few: Vec<NodeIndex> = off.into_iter().take(GRADUAL_MAX).collect();
                    let full = moment(from + (until - from) / 2);
                    for cut in Partition::gradual(seed, &few, moment(from), full, moment(until)) {
                        self.is_cut(cut);
                    }
                } else {
                    let one_way = within("cut one way", number, 0..3) == 0;
                    let ways = if one_way { Ways::AToB } else { Ways::Both };
                    self.is_cut(Partition {
                        from: moment(from),
                        until: moment(until),
                        a: off,
                        b: Side::Rest,
                        ways,
                    });
                }
            }
        }
        if losses {
            for number in 0..within("losses", 0, 1..6) {
                let from = within("loss", number, begin..end);
                let until = from + within("loss lasts", number, MINUTE..2 * HOUR);
                let ppm =
                    |what: &str, most| u32::try_from(within(what, number, 0..most)).unwrap_or(0);
                self.is_lossy(Loss {
                    from: moment(from),
                    until: moment(until),
                    stalls_ppm: ppm("loss stalls", 300_000),
                    ends_ppm: ppm("loss ends", 20_000),
                });
            }
        }
    }

    /// The core is undisturbed from now on; of the others some are cut off for good.
    pub(super) fn heal(&mut self) {
        self.world.heal();
        let until = self.last_moment_of_all();
        for person in 0..self.people.len() {
            let it = &self.people[person];
            let node = it.node;
            if it.core {
                self.world.plan(self.end, node, Fault::Online);
                self.world
                    .plan(self.end, node, Fault::ClockDrift { ppm: 0 });
            } else if self
                .seed
                .draw("stays cut off", &[u64::from(node.0)])
                .happens(300_000)
            {
                let cut = Partition::isolate(node, self.end, until);
                self.is_cut(cut);
            }
        }
    }

    fn last_moment_of_all(&self) -> VirtualTime {
        self.end.plus(self.file.liveness.converge_within.0)
    }
}
