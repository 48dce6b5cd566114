//! A population: people with a node each, who record, share, stop, come and go, while things go
//! wrong; then a part of them is healed for good and must agree.
//!
//! | phase | until | what goes on |
//! |---|---|---|
//! | safety | `duration` | people live; whatever is planned goes wrong; invariants are watched at every step |
//! | liveness | all of the core agrees, or `converge_within` is over | the core is up, online and undisturbed for good; the rest stays broken |
//! | verdict | - | every disk is opened again and compared with what its person was told (`verdict`) |
//!
//! Sharing is from person to person (circles do not exist yet). Cards and links pass from hand to
//! hand, as people would send them, never over the simulated network.

mod people;
mod plan;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use maille_core::CommandId;
use maille_core::command::{Command, CommandError, Done};
use maille_core::sim;
use maille_protocol::entry::LogId;
use maille_protocol::slice::PartNumber;
use maille_schemas::record::Record;

use super::file::{Conduct, File, Metric};
use super::{FaultReport, Log, NodeReport, Options, Outcome};
use crate::byzantine::{Behaviour, Flood, Lie, Replay, Withhold};
use crate::checker::Broken;
use crate::clock::{VirtualSpan, VirtualTime};
use crate::random::Seed;
use crate::world::{Answered, NodeIndex, World};
use people::{Person, Share, ShareState, Stop};

/// When the first things go wrong: everybody has started by then.
const QUIET: VirtualSpan = VirtualSpan::from_secs(60);
/// How often a story looks at what was answered.
const LOOK_EVERY_MAX: VirtualSpan = VirtualSpan::from_secs(60);
/// How soon a person asks again when a command got no answer.
const AGAIN_SECONDS: std::ops::Range<u64> = 30..600;

/// What a run takes, as measured on 2026-11-24 (release, peak resident, differences of runs of 100
/// to 400 people): the program, a founded node with its machine, a share at both ends, a trip of
/// the beginning, a change recorded later and taken in by four readers.
const PROGRAM_BYTES: u64 = 10 << 20;
const NODE_BYTES: u64 = 40 << 10;
const SHARE_BYTES: u64 = 20 << 10;
const HISTORY_BYTES: u64 = 512;
const CHANGE_BYTES: u64 = 8 << 10;

/// How much memory a run will take, roughly, in bytes.
pub fn memory_bytes(file: &File) -> u64 {
    let people = u64::from(file.count());
    let shares = people::share_count(file);
    let days = file.duration.as_micros().div_ceil(86_400_000_000);
    let recorded: u64 = file
        .group
        .iter()
        .map(|group| {
            let work = &group.workload;
            let changes = days * u64::from(work.changes_per_day.0);
            let each = u64::from(work.history.0) * HISTORY_BYTES + changes * CHANGE_BYTES;
            u64::from(group.count.0) * each
        })
        .sum();
    PROGRAM_BYTES + people * NODE_BYTES + shares * SHARE_BYTES + recorded
}

/// Lives through it.
pub fn run(file: &File, seed: Seed, options: Options, log: &mut Log) -> Outcome {
    let mut story = Story::new(file, seed, options, log);
    story.live();
    story.agree();
    story.judge();
    story.outcome()
}

/// What a command was for.
#[derive(Clone, Debug)]
enum Asked {
    /// Of a person, or of the second machine of one who shows two histories.
    Record {
        person: Option<usize>,
        records: Vec<Record>,
        must: bool,
    },
    Create {
        share: usize,
    },
    Accept {
        share: usize,
    },
    Stop {
        share: usize,
    },
}

struct Story<'a, 'log> {
    file: &'a File,
    seed: Seed,
    world: World<'log>,
    sim: Arc<sim::Run>,
    people: Vec<Person>,
    shares: Vec<Share>,
    asked: BTreeMap<(NodeIndex, CommandId), (VirtualTime, Asked)>,
    /// When the safety phase is over.
    end: VirtualTime,
    converged: Option<VirtualTime>,
    faults: Vec<FaultReport>,
    metrics: BTreeMap<&'static str, u64>,
    broken: Vec<Broken>,
    retries: u64,
}

impl<'a, 'log> Story<'a, 'log> {
    fn new(file: &'a File, seed: Seed, options: Options, log: &'log mut Log) -> Self {
        let mut world = World::new(seed, file.links(), log);
        if options.shards > 1 {
            world.split(options.shards);
        }
        let sim = Arc::new(sim::Run::new(seed.0, file.swarm, options.plant));
        world.simulate(Arc::clone(&sim));
        let people = people::found(file, seed, &mut world);
        let shares = people::shares(file, seed, &people);
        let mut story = Self {
            file,
            seed,
            world,
            sim,
            people,
            shares,
            asked: BTreeMap::new(),
            end: VirtualTime::START.plus(file.duration.0),
            converged: None,
            faults: Vec::new(),
            metrics: BTreeMap::new(),
            broken: Vec::new(),
            retries: 0,
        };
        story.corrupt();
        story.plan();
        story.plan_lives();
        story
    }

    /// Lets the people live until the safety phase is over.
    fn live(&mut self) {
        let look_every =
            VirtualSpan::from_micros(self.file.duration.as_micros() / 600).min(LOOK_EVERY_MAX);
        while self.world.now() < self.end {
            let next = self.world.now().plus(look_every).min(self.end);
            self.world.pass_until(next);
            self.take_answers();
            self.clone_machines();
        }
    }

    /// Heals the core for good, and waits until it agrees.
    fn agree(&mut self) {
        self.heal();
        let deadline = self.end.plus(self.file.liveness.converge_within.0);
        let look_every = VirtualSpan::from_secs(15);
        let mut agreed = BTreeSet::new();
        while self.world.now() < deadline {
            let next = self.world.now().plus(look_every).min(deadline);
            self.world.pass_until(next);
            self.take_answers();
            if self.core_agrees(&mut agreed) {
                self.converged = Some(self.world.now());
                return;
            }
        }
        self.say_who_disagrees(&agreed);
    }

    fn take_answers(&mut self) {
        for answered in self.world.drain_answers() {
            let key = (answered.node, answered.command);
            if let Some((at, asked)) = self.asked.remove(&key) {
                self.take_answer(at, asked, answered);
            }
        }
    }

    fn take_answer(&mut self, at: VirtualTime, asked: Asked, answered: Answered) {
        let when = (at, answered.at);
        let answer = match answered.answer {
            Ok(Err(CommandError::Disk { .. })) | Err(_) => None,
            Ok(answer) => Some(answer),
        };
        match (asked, answer) {
            (Asked::Record { person: None, .. }, _) => {}
            (
                Asked::Record {
                    person: Some(person),
                    records,
                    ..
                },
                Some(Ok(_)),
            ) => {
                let ids = records.iter().map(|record| (record.id(), when));
                self.people[person].acknowledged.extend(ids);
            }
            (
                Asked::Record {
                    person: Some(person),
                    records,
                    must,
                },
                None,
            ) => {
                if must {
                    let node = self.people[person].node;
                    let command = Command::Record {
                        records: records.clone(),
                    };
                    let asked = Asked::Record {
                        person: Some(person),
                        records,
                        must,
                    };
                    self.ask_again(node, asked, command);
                }
            }
            (Asked::Create { share }, Some(Ok(Done::ShareCreated { share: made, link }))) => {
                let it = &mut self.shares[share];
                it.made = Some((made.id, made.slice, when));
                let minutes = self.seed.draw("link passes", &[share as u64]).within(1..60);
                let at = self.world.now().plus(VirtualSpan::from_secs(20 * minutes));
                it.link = Some(link);
                self.accept(at, share);
            }
            (Asked::Create { share }, None) => {
                self.shares[share].twice = true;
                self.create_again(share);
            }
            (Asked::Accept { share }, Some(Ok(_))) => {
                self.shares[share].state = ShareState::Accepted(when);
                self.plan_stop(share);
            }
            (Asked::Accept { share }, None) => {
                let at = self.later();
                self.accept(at, share);
            }
            (Asked::Stop { share }, Some(Ok(_) | Err(CommandError::AlreadyEnded { .. }))) => {
                self.stopped(share, when)
            }
            (Asked::Stop { share }, None) => {
                let at = self.later();
                self.stop(at, share);
            }
            // Whoever was slow, or whose clock was set, finds that it is too late.
            (
                Asked::Create { share } | Asked::Accept { share },
                Some(Err(CommandError::EndsInThePast { .. } | CommandError::LinkExpired { .. })),
            ) => self.shares[share].state = ShareState::Dropped,
            // A backup came back from before the share was made.
            (Asked::Stop { share }, Some(Err(CommandError::UnknownShare { .. })))
                if self.people[self.shares[share].giver].was_restored() =>
            {
                self.shares[share].state = ShareState::Dropped;
            }
            (asked, answer) => {
                if self.is_honest(answered.node) {
                    self.broke(
                        Some(answered.node),
                        "what a person may ask for is carried out",
                        format!("{asked:?} gave {answer:?}"),
                    );
                }
                if let Asked::Create { share } | Asked::Accept { share } = asked {
                    self.shares[share].state = ShareState::Dropped;
                }
            }
        }
    }

    fn ask(&mut self, at: VirtualTime, node: NodeIndex, asked: Asked, command: Command) {
        let id = self.world.tell_at(at, node, command);
        self.asked.insert((node, id), (at, asked));
    }

    fn ask_again(&mut self, node: NodeIndex, asked: Asked, command: Command) {
        let at = self.later();
        self.ask(at, node, asked, command);
    }

    /// Some time after now; in the end people are impatient.
    fn later(&mut self) -> VirtualTime {
        self.retries += 1;
        let seconds = self
            .seed
            .draw("asks again", &[self.retries])
            .within(AGAIN_SECONDS);
        let seconds = if self.world.now() >= self.end {
            10
        } else {
            seconds
        };
        self.world.now().plus(VirtualSpan::from_secs(seconds))
    }

    fn create_again(&mut self, share: usize) {
        let at = self.later();
        self.create(at, share);
    }

    /// Gives the link of a share, which is made now, to its reader.
    fn accept(&mut self, at: VirtualTime, share: usize) {
        let it = &self.shares[share];
        let (reader, giver) = (&self.people[it.reader], &self.people[it.giver]);
        let Some(link) = it.link.clone() else {
            return;
        };
        let (node, name) = (reader.node, giver.name.clone());
        let command = Command::ReceivedAccept { link, name };
        self.ask(at, node, Asked::Accept { share }, command);
    }

    fn plan_stop(&mut self, share: usize) {
        let it = &self.shares[share];
        let left = self.end.since(self.world.now()).as_micros();
        if !it.stops || left < 2_000_000 {
            return;
        }
        let after = self
            .seed
            .draw("stops", &[share as u64])
            .within(1_000_000..left);
        let at = self.world.now().plus(VirtualSpan::from_micros(after));
        self.stop(at, share);
    }

    fn stop(&mut self, at: VirtualTime, share: usize) {
        let it = &self.shares[share];
        let Some((grant, _, _)) = it.made else {
            return;
        };
        let node = self.people[it.giver].node;
        let command = Command::ShareRevoke {
            share: grant.to_string(),
        };
        self.ask(at, node, Asked::Stop { share }, command);
    }

    /// A stop was acknowledged: what is written from now on is not for that reader.
    fn stopped(&mut self, share: usize, when: (VirtualTime, VirtualTime)) {
        let it = &self.shares[share];
        let Some((_, slice, _)) = it.made else {
            return;
        };
        let (giver, reader) = (&self.people[it.giver], &self.people[it.reader]);
        let mut known = sim::Inspect(&self.world.store(giver.node)).entries(slice);
        if giver.was_restored() {
            // What a backup took from the giver the reader may hold rightly.
            known.extend(sim::Inspect(&self.world.store(reader.node)).entries(slice));
        }
        let mut tips: BTreeMap<(PartNumber, LogId), u64> = BTreeMap::new();
        for entry in known {
            let tip = tips.entry((entry.part, entry.log)).or_insert(0);
            *tip = (*tip).max(entry.seq + 1);
        }
        self.shares[share].stop = Some(Stop { when, tips });
    }

    /// Starts the second machines of those who show two histories, and has each machine record
    /// things of its own.
    fn clone_machines(&mut self) {
        for person in 0..self.people.len() {
            let it = &self.people[person];
            if it.conduct != Conduct::TwoHistories
                || it.twin.is_some()
                || self.world.now() < VirtualTime::START.plus(self.quarter())
            {
                continue;
            }
            let (node, traveller) = (it.node, it.traveller);
            let twin = self.world.twin(node);
            self.people[person].twin = Some(twin);
            let span = self.end.since(self.world.now()).as_micros().max(2);
            for number in 0..10_u64 {
                let key = [u64::from(node.0), number];
                let after = self.seed.draw("two histories", &key).within(1..span);
                let at = self.world.now().plus(VirtualSpan::from_micros(after));
                let machine = if number % 2 == 0 { node } else { twin };
                let records = vec![traveller.trip((1 << 32) + number)];
                let command = Command::Record {
                    records: records.clone(),
                };
                let asked = Asked::Record {
                    person: None,
                    records,
                    must: false,
                };
                self.ask(at, machine, asked, command);
            }
        }
    }

    fn quarter(&self) -> VirtualSpan {
        VirtualSpan::from_micros(self.file.duration.as_micros() / 4)
    }

    fn corrupt(&mut self) {
        for person in &self.people {
            let behaviour: Box<dyn Behaviour> = match person.conduct {
                Conduct::Honest | Conduct::TwoHistories => continue,
                Conduct::Withhold => Box::new(Withhold::new(300_000)),
                Conduct::Replay => Box::new(Replay::new(200_000)),
                Conduct::Flood => Box::new(Flood::new(8)),
                Conduct::Lie => Box::new(Lie::new(300_000)),
            };
            self.world.corrupt(person.node, behaviour);
        }
    }

    fn is_honest(&self, node: NodeIndex) -> bool {
        self.people
            .iter()
            .any(|person| person.node == node && person.honest)
    }

    fn broke(&mut self, node: Option<NodeIndex>, invariant: &'static str, what: String) {
        Broken::add_at(&mut self.broken, self.world.now(), invariant, what, node);
    }

    fn count(&mut self, metric: Metric, value: u64) {
        self.metrics.insert(metric.name(), value);
    }

    fn outcome(mut self) -> Outcome {
        let nodes: Vec<NodeReport> = self
            .people
            .iter()
            .map(|person| self.report(person))
            .collect();
        let store_bytes = nodes.iter().map(|node| node.store_bytes).sum();
        self.count(Metric::StoreBytes, store_bytes);
        for expect in &self.file.expect {
            let seen = self.metrics.get(expect.metric.name()).copied().unwrap_or(0);
            if !expect.op.holds(seen, expect.value) {
                let what = format!("{} is {seen}: {expect:?}", expect.metric.name());
                Broken::add_at(
                    &mut self.broken,
                    self.world.now(),
                    "what is expected comes about",
                    what,
                    None,
                );
            }
        }
        // What the watch of a node that does not keep to the protocol sees is not the machine's doing.
        let honest: BTreeSet<NodeIndex> = self
            .people
            .iter()
            .filter(|person| person.honest)
            .map(|person| person.node)
            .collect();
        let watches = self
            .world
            .watches()
            .filter(|(node, _)| honest.contains(node));
        let at_nodes = watches.flat_map(|(_, watch)| watch.broken());
        let broken = Broken::merged(at_nodes.chain(&self.broken));
        Outcome {
            scenario: self.file.name.clone(),
            seed: self.seed.0,
            trace: self.world.trace(),
            steps: self.world.steps(),
            virtual_us: self.world.now().as_micros(),
            metrics: self.metrics,
            broken,
            nodes,
            faults: self.faults,
            sites: self.sim.tally().collect(),
        }
    }

    fn report(&self, person: &Person) -> NodeReport {
        let node = person.node;
        let violations = self
            .world
            .watches()
            .find(|(index, _)| *index == node)
            .map_or(0, |(_, watch)| watch.violation_count());
        NodeReport {
            node: node.0,
            name: person.name.clone(),
            group: self.file.group[person.group].name.clone(),
            honest: person.honest,
            core: person.core,
            up: self.world.is_up(node),
            lives: self.world.life(node),
            changes: person.acknowledged.len() as u64,
            violations,
            store_bytes: self.world.store_bytes(node) as u64,
        }
    }
}
