//! A circle of 200 keeps a list, three tenths of its members there at a time, and a relay carries it that misbehaves.
//!
//! Every member is a whole node ([`maille_core::Home`]) that joined by a real invite. In a fifth of the runs nobody can
//! be dialled, as behind the routers of a phone network: then only the relay brings anything.
//!
//! | phase | what goes on |
//! |---|---|
//! | safety | members come and go, some by a crash; one after the other writes; the relay is honest, keeps back, comes back with an older disk or an empty one, repeats, floods, is slow, or is away |
//! | liveness | all are there, and the relay does what it should |
//!
//! | invariant | seen |
//! |---|---|
//! | what a member holds reaches all who are there with them within one sync | all along |
//! | a circle that is all there holds all that was acknowledged | at the end |
//! | all who hold the same show the same | at the end |
//!
//! **Within one sync.** Somebody who has been there for [`SYNC`] without a break holds every change that some other member has
//! held for so long and been there all the while. Who is not there has time until they have been for so long. Where nobody can be dialled it
//! is asked only of a relay that does what it should, since there it is the one way.
//!
//! **Messages.** Counted is every frame that carries something of a circle, sent by anybody, the relay too: an item to a
//! neighbour, an entry put at the relay, an entry sent by the relay. All of them from the first moment to the last,
//! divided by members and changes. Frames of all kinds are told beside them.

mod beginning;
mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;

use maille_core::command::{Command, Done, ListChange};
use maille_core::sim::{self, Inspect};

use self::beginning::{Beginning, CIRCLE, must};
use self::plan::{Plan, Wrong};
use super::file::Metric;
use super::{FaultReport, Log, NodeReport, Options, Outcome};
use crate::checker::Sent;
use crate::clock::{VirtualSpan, VirtualTime};
use crate::fault::Fault;
use crate::network::{Links, Nat};
use crate::random::Seed;
use crate::world::{NodeIndex, World};

/// What the story is called.
pub const NAME: &str = "circle-relay";
/// What it is called with fewer members: enough for a node to keep in touch with few of them.
pub const MIDDLING: &str = "circle-relay-60";
/// What it is called with few members.
pub const SMALL: &str = "circle-relay-12";

/// How long things go wrong.
const SAFETY: VirtualSpan = VirtualSpan::from_secs(40 * 60);
/// How long after the beginning was made.
const LATER: VirtualSpan = VirtualSpan::from_secs(3_600);
/// What one sync takes, at most: a few of the longest pauses between dials.
pub const SYNC: VirtualSpan = VirtualSpan::from_secs(5 * 60);
/// How long a circle that is all there may take to agree.
const AGREE_WITHIN: VirtualSpan = VirtualSpan::from_secs(15 * 60);
/// How often it is looked who holds what.
const LOOK_EVERY: VirtualSpan = VirtualSpan::from_secs(5);

/// Lives through the story with 200 members.
pub fn run(seed: Seed, options: Options, log: &mut Log) -> Outcome {
    lived(NAME, 200, seed, options, log)
}

/// Lives through it with 60.
pub fn run_middling(seed: Seed, options: Options, log: &mut Log) -> Outcome {
    lived(MIDDLING, 60, seed, options, log)
}

/// Lives through it with 12.
pub fn run_small(seed: Seed, options: Options, log: &mut Log) -> Outcome {
    lived(SMALL, 12, seed, options, log)
}

fn lived(name: &'static str, members: u32, seed: Seed, options: Options, log: &mut Log) -> Outcome {
    let begin = Beginning::of(members);
    let mut story = Story::new(seed, &begin, options, log);
    story.safety();
    story.liveness();
    story.outcome(name)
}

/// A change whose writing was acknowledged.
struct Change {
    text: String,
    /// Names the item that carries it.
    item: [u8; 32],
    at: VirtualTime,
    /// Since when each member is known to hold it.
    held: Vec<Option<VirtualTime>>,
}

struct Story<'log> {
    seed: Seed,
    world: World<'log>,
    sim: Arc<sim::Run>,
    begin: Arc<Beginning>,
    began: VirtualTime,
    end: VirtualTime,
    plan: Plan,
    relay: NodeIndex,
    members: Vec<NodeIndex>,
    changes: Vec<Change>,
    /// The longest that anybody who was there waited for a change.
    slowest: VirtualSpan,
    agreed_after: VirtualSpan,
    faults: Vec<FaultReport>,
}

impl<'log> Story<'log> {
    fn new(seed: Seed, begin: &Arc<Beginning>, options: Options, log: &'log mut Log) -> Self {
        let mut world = World::new(seed, Links::default(), log);
        let sim = Arc::new(sim::Run::new(seed.0, false, options.plant));
        world.simulate(Arc::clone(&sim));
        let began = begin.at.plus(LATER);
        world.pass_until(began);
        let relay = world.pictured(&begin.relay);
        let pictures = begin.members.iter();
        let members: Vec<NodeIndex> = pictures.map(|it| world.pictured(it)).collect();
        let end = began.plus(SAFETY);
        let count = u32::try_from(members.len()).unwrap_or(0);
        let plan = Plan::draw(seed, count, (began, end));
        let mut story = Self {
            seed,
            world,
            sim,
            begin: Arc::clone(begin),
            began,
            end,
            plan,
            relay,
            members,
            changes: Vec::new(),
            slowest: VirtualSpan::ZERO,
            agreed_after: VirtualSpan::ZERO,
            faults: Vec::new(),
        };
        story.go_wrong();
        story
    }

    /// Plans all that goes wrong, and lets everybody begin.
    fn go_wrong(&mut self) {
        if self.plan.apart {
            for node in &self.members {
                self.world.behind(*node, Nat::None);
            }
        }
        let mut planned = Vec::new();
        for (node, away) in self.members.iter().zip(&self.plan.away) {
            for ((from, until), closed) in away {
                let fault = if *closed {
                    let down = until.since(*from);
                    Fault::Crash { down, torn: true }
                } else {
                    planned.push((*until, *node, Fault::Online));
                    Fault::Offline
                };
                planned.push((*from, *node, fault));
            }
        }
        planned.sort_by_key(|(at, node, _)| (*at, *node));
        for (at, node, fault) in planned {
            self.world.plan(at, node, fault);
        }
        for (at, fault) in &self.plan.faults {
            self.world.plan(*at, self.relay, *fault);
            self.faults.push(FaultReport {
                at_us: at.as_micros(),
                node: Some(self.relay.0),
                what: format!("{fault:?}"),
            });
        }
        if self.plan.wrong == Wrong::Forgets {
            self.world.back_up(self.relay, &self.begin.empty_relay);
        }
        if let Some(behaviour) = self.plan.wrong.behaviour() {
            self.world.corrupt(self.relay, behaviour);
        }
        self.faults.push(FaultReport {
            at_us: self.began.as_micros(),
            node: Some(self.relay.0),
            what: format!("{:?}, apart: {}", self.plan.wrong, self.plan.apart),
        });
        for node in self.world.nodes() {
            self.world.start_at(self.began, node);
        }
    }

    fn safety(&mut self) {
        let mut writes = std::mem::take(&mut self.plan.writes).into_iter().peekable();
        while self.world.now() < self.end {
            let look = self.world.now().plus(LOOK_EVERY).min(self.end);
            while let Some(at) = writes.next_if(|at| *at <= look) {
                self.world.pass_until(at);
                self.write();
            }
            self.world.pass_until(look);
            self.look();
        }
    }

    fn liveness(&mut self) {
        self.world.mend(self.relay);
        let healed = self.world.now();
        // It starts anew: on what is open it would go on after what it kept back.
        let restart = Fault::Crash {
            down: VirtualSpan::from_secs(1),
            torn: false,
        };
        self.world.plan(healed, self.relay, restart);
        let limit = healed.plus(AGREE_WITHIN);
        while !self.all_hold_all() && self.world.now() < limit {
            self.world.pass(LOOK_EVERY);
            self.look();
        }
        self.agreed_after = self.world.now().since(healed);
        if !self.all_hold_all() {
            let missing = self.changes.iter().map(|change| {
                let none = change.held.iter().filter(|held| held.is_none());
                (change.text.clone(), none.count())
            });
            let missing: Vec<_> = missing.filter(|(_, count)| *count > 0).collect();
            let what = format!("missing, at how many: {missing:?}");
            self.world.broke(
                "a circle that is all there holds all that was acknowledged",
                what,
            );
        }
        self.all_show_the_same();
    }

    fn all_hold_all(&self) -> bool {
        let mut held = self.changes.iter().flat_map(|change| &change.held);
        held.all(Option::is_some)
    }

    fn all_show_the_same(&mut self) {
        if !self.all_hold_all() {
            return;
        }
        let wanted: Vec<String> = self.changes.iter().map(|it| it.text.clone()).collect();
        for node in self.members.clone() {
            let list = Command::CircleList {
                circle: CIRCLE.to_owned(),
            };
            let Done::CircleListed { items, .. } = must(&mut self.world, node, list) else {
                unreachable!("a list")
            };
            let mut shown: Vec<String> = items.into_iter().map(|it| it.text).collect();
            shown.sort_unstable();
            if shown != wanted {
                let what = format!("{}: {shown:?}", self.world.name(node));
                self.world
                    .broke("all who hold the same show the same", what);
            }
        }
    }

    /// Somebody who is there writes.
    fn write(&mut self) {
        let now = self.world.now();
        let there = self.members.iter().enumerate();
        let there: Vec<(usize, NodeIndex)> = there
            .filter(|(place, node)| self.there_since(*place).is_some() && self.world.is_up(**node))
            .map(|(place, node)| (place, *node))
            .collect();
        if there.is_empty() {
            return;
        }
        let number = self.changes.len() as u64;
        let draw = self.seed.draw("who writes", &[now.as_micros()]);
        let (place, node) = there[usize::try_from(draw.within(0..there.len() as u64)).unwrap_or(0)];
        let text = format!("{number:04}");
        let change = Command::CircleChange {
            circle: CIRCLE.to_owned(),
            change: ListChange::Add { text: text.clone() },
        };
        let before = self.entries(node);
        if !matches!(self.world.ask(node, change), Ok(Ok(_))) {
            return; // it went down before it answered
        }
        let after = self.entries(node).into_iter();
        let known = |item: &[u8; 32]| {
            before.contains_key(item) || self.changes.iter().any(|it| it.item == *item)
        };
        let Some(item) = after.map(|(item, _)| item).find(|item| !known(item)) else {
            return self.world.broke(
                "what is acknowledged is durable",
                format!("{} does not hold {text}", self.world.name(node)),
            );
        };
        let mut held = vec![None; self.members.len()];
        held[place] = Some(self.world.now());
        self.changes.push(Change {
            text,
            item,
            at: self.world.now(),
            held,
        });
    }

    fn entries(&self, node: NodeIndex) -> BTreeMap<[u8; 32], u64> {
        let store = self.world.store(node);
        let items = Inspect(&store).circle_items(self.begin.circle).into_iter();
        let entries = items.filter(|(_, _, entry)| *entry);
        entries.map(|(number, name, _)| (name, number)).collect()
    }

    /// Since when a member has been there without a break; `None` while they are not.
    fn there_since(&self, place: usize) -> Option<VirtualTime> {
        let now = self.world.now();
        let mut since = self.began;
        for ((from, until), _) in &self.plan.away[place] {
            if *from <= now && now < *until {
                return None;
            }
            if *until <= now {
                since = *until;
            }
        }
        Some(since)
    }

    /// Sees who holds what, and who should.
    fn look(&mut self) {
        let now = self.world.now();
        let count = self.members.len();
        let there: Vec<_> = (0..count).map(|place| self.there_since(place)).collect();
        let stores: Vec<_> = (self.members.iter())
            .map(|node| self.world.store(*node))
            .collect();
        for change in &mut self.changes {
            for place in (0..count).filter(|it| there[*it].is_some()) {
                if change.held[place].is_none()
                    && Inspect(&stores[place]).holds_circle_item(self.begin.circle, &change.item)
                {
                    change.held[place] = Some(now);
                    let since = there[place].unwrap_or(now).max(change.at);
                    self.slowest = self.slowest.max(now.since(since));
                }
            }
        }
        if self.plan.apart && self.plan.wrong != Wrong::Nothing {
            return;
        }
        let long = |since: VirtualTime| now.since(since) >= SYNC;
        let mut late = Vec::new();
        for change in &self.changes {
            let gives = |place: &usize| {
                let held = change.held[*place].zip(there[*place]);
                held.is_some_and(|(held, since)| long(held.max(since)))
            };
            let Some(giver) = (0..count).find(gives) else {
                continue;
            };
            let lacks =
                |place: &usize| change.held[*place].is_none() && there[*place].is_some_and(long);
            for place in (0..count).filter(lacks) {
                late.push((
                    self.members[place],
                    self.members[giver],
                    change.text.clone(),
                ));
            }
        }
        for (node, giver, text) in late {
            let [node, giver] = [node, giver].map(|it| self.world.name(it).to_owned());
            self.world.broke(
                "what a member holds reaches all who are there with them within one sync",
                format!("{node} lacks {text}, which {giver} holds"),
            );
        }
    }

    fn outcome(mut self, name: &'static str) -> Outcome {
        let sent: Vec<Sent> = self
            .world
            .watches()
            .map(|(_, it)| it.frames_sent())
            .collect();
        let violations: u64 = (self.world.watches().filter(|(node, _)| *node != self.relay))
            .map(|(_, watch)| watch.violation_count())
            .sum();
        if self.plan.wrong.behaviour().is_none() && violations > 0 {
            let seen = self.world.watches().flat_map(|(_, it)| it.violations());
            let seen = seen.map(|it| it.what.clone()).collect::<Vec<_>>();
            self.world
                .broke("honest nodes keep to the protocol", format!("{seen:?}"));
        }
        let each = (self.members.len() * self.changes.len()).max(1) as u64;
        let sum = |of: fn(&Sent) -> u64| sent.iter().map(of).sum::<u64>();
        let away = self.plan.away.iter().map(Vec::len).sum::<usize>() as u64;
        let crashes = (self.plan.away.iter().flatten()).filter(|(_, closed)| *closed);
        let figures = [
            (Metric::Changes, self.changes.len() as u64),
            (Metric::Messages, sum(|it| it.carrying)),
            (Metric::MessagesMilli, sum(|it| it.carrying) * 1_000 / each),
            (Metric::FramesMilli, sum(|it| it.all) * 1_000 / each),
            (Metric::SlowestS, self.slowest.as_micros() / 1_000_000),
            (
                Metric::ConvergedAfterS,
                self.agreed_after.as_micros() / 1_000_000,
            ),
            (Metric::Violations, violations),
            (Metric::Away, away),
            (Metric::Crashes, crashes.count() as u64),
            (Metric::Faults, self.plan.faults.len() as u64),
        ];
        let nodes = self.world.nodes().map(|node| NodeReport {
            node: node.0,
            name: self.world.name(node).to_owned(),
            group: String::from(if node == self.relay {
                "relay"
            } else {
                "members"
            }),
            honest: node != self.relay,
            core: node != self.relay,
            up: self.world.is_up(node),
            lives: self.world.life(node),
            changes: 0,
            violations: 0,
            store_bytes: self.world.store_bytes(node) as u64,
        });
        Outcome {
            scenario: name.to_owned(),
            seed: self.seed.0,
            trace: self.world.trace(),
            steps: self.world.steps(),
            virtual_us: self.world.now().as_micros(),
            metrics: figures
                .into_iter()
                .map(|(metric, value)| (metric.name(), value))
                .collect(),
            broken: self.world.broken(),
            nodes: nodes.collect(),
            faults: std::mem::take(&mut self.faults),
            sites: self.sim.tally().collect(),
        }
    }
}
