//! Fifty devices write one slice of a circle while members are removed, devices stolen, and copies restored.
//!
//! The machine is the protocol's [`Replica`], with real keys, signatures and Automerge changes. How items travel is
//! not the question here: nodes that meet give each other what the other lacks, some of it lost. Everything else
//! is: who speaks, which keys are sealed under, which entries stand.
//!
//! | phase | what goes on |
//! |---|---|
//! | safety | partitions, absences, losses; members edit; admins remove members (often two at once), each other, and give back what a cut took too much; a device is stolen, backdates, forks, admits an accomplice; copies are restored |
//! | liveness | everybody who belongs is there; nobody edits |
//!
//! | invariant | seen |
//! |---|---|
//! | no node shows an entry past a cut that it holds | after every meeting |
//! | no removed device opens a key made by whoever had heard of its removal | at the end, given everything |
//! | all who belong hold the same authority, and the same documents | at the end |
//! | nobody owes anything at the end | at the end |

mod duties;
mod node;
mod people;
mod plan;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use maille_core::sim::Plant;
use maille_protocol::entry::Entry;
use maille_protocol::generation::SignedGeneration;
use maille_protocol::id::{GenerationId, StatementId};
use maille_protocol::replica::Replica;
use maille_protocol::ring::KeyObject;
use maille_protocol::statement::{SignedStatement, Subject};

use self::node::Node;
use self::people::{Beginning, DEVICES};
use self::plan::Plan;
use super::{FaultReport, Log, NodeReport, Options, Outcome};
use crate::checker::Broken;
use crate::clock::{VirtualSpan, VirtualTime};
use crate::random::Seed;
use crate::trace::TraceHash;

/// What the story is called.
pub const NAME: &str = "circle-slice";

/// How long things go wrong.
const SAFETY: VirtualSpan = VirtualSpan::from_secs(12 * 3_600);
/// How often each node does something.
const TICK: VirtualSpan = VirtualSpan::from_secs(600);
/// How many rounds a healed circle may take to agree. In each everybody meets a few others.
const ROUNDS_MAX: usize = 60;

/// Something that travels.
#[derive(Clone, Debug)]
enum Item {
    Statement(SignedStatement),
    Generation(SignedGeneration),
    Object(KeyObject),
    Entry(Entry),
}

impl Item {
    fn is_of_a_person(&self) -> bool {
        matches!(self, Self::Statement(said) if matches!(said.statement().subject, Subject::Person(_)))
    }
}

/// A generation, and what its maker knew.
struct Made {
    generation: GenerationId,
    /// Devices that were removed, for all that it knew.
    removed: BTreeSet<usize>,
    /// Removals that stood, for all that it knew.
    removals: BTreeSet<StatementId>,
}

/// What one node gives another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    All,
    Persons,
}

/// Lives through the story.
pub fn run(seed: Seed, options: Options, log: &mut Log) -> Outcome {
    let mut story = Story::new(seed, options, log);
    story.safety();
    story.liveness();
    story.verdict();
    story.outcome()
}

struct Story<'log> {
    seed: Seed,
    log: &'log mut Log,
    begin: Beginning,
    plan: Plan,
    nodes: Vec<Node>,
    /// Everything that was ever made, in the order in which it was: what something cites comes before it.
    items: Vec<Item>,
    now: VirtualTime,
    steps: u64,
    broken: Vec<Broken>,
    faults: Vec<FaultReport>,
    figures: BTreeMap<&'static str, u64>,
    /// The stolen device as it was when it was stolen.
    stolen: Option<Replica>,
    /// Whether its person has removed it.
    answered: bool,
    /// Header hashes of what the thief wrote.
    by_thief: BTreeSet<[u8; 32]>,
    /// Every generation that an honest device made.
    made_after: Vec<Made>,
    /// Removals that an honest device took for void when it handed keys on.
    taken_back: BTreeSet<StatementId>,
    /// Removals that somebody has extended.
    extended: BTreeSet<StatementId>,
}

impl<'log> Story<'log> {
    fn new(seed: Seed, options: Options, log: &'log mut Log) -> Self {
        let begin = Beginning::new(seed);
        let owners: Vec<_> = begin
            .owners()
            .map(|(person, me)| (person, me.clone()))
            .collect();
        let mut nodes: Vec<Node> = (0..)
            .zip(owners)
            .map(|(index, (person, me))| Node::new(seed, index, person, begin.replica(me)))
            .collect();
        assert_eq!(nodes.len(), DEVICES);
        if options.plant == Some(Plant::AcceptPastCut) {
            for node in &mut nodes {
                node.replica.plant_accept_past_cuts();
            }
        }
        let mut story = Self {
            seed,
            log,
            plan: Plan::draw(seed, SAFETY),
            begin,
            nodes,
            items: Vec::new(),
            now: VirtualTime::START,
            steps: 0,
            broken: Vec::new(),
            faults: Vec::new(),
            figures: BTreeMap::new(),
            stolen: None,
            answered: false,
            by_thief: BTreeSet::new(),
            made_after: Vec::new(),
            taken_back: BTreeSet::new(),
            extended: BTreeSet::new(),
        };
        story.faults = story.plan.reports();
        // The first keys, which reach everybody before anything goes wrong.
        story.rotates(0);
        for to in 1..DEVICES {
            story.gives(0, to, 0, Given::All);
        }
        story
    }

    fn safety(&mut self) {
        let end = VirtualTime::START.plus(SAFETY);
        let mut tick = 0;
        while self.now < end {
            tick += 1;
            for index in 0..self.nodes.len() {
                self.happens(index, tick);
            }
            self.now = self.now.plus(TICK);
        }
    }

    /// One tick of a node's life.
    fn happens(&mut self, index: usize, tick: u64) {
        self.steps += 1;
        self.suffers(index, tick);
        if !self.plan.is_online(index, self.now) {
            return;
        }
        let draw = |what, key: u64| self.seed.draw(what, &[index as u64, tick, key]);
        let partners: Vec<usize> = (0..2)
            .map(|nth| draw("partner", nth).within(0..self.nodes.len() as u64))
            .map(|partner| usize::try_from(partner).expect("an index"))
            .filter(|partner| *partner != index && self.plan.reaches(index, *partner, self.now))
            .collect();
        for partner in partners {
            self.meet(index, partner, tick);
        }
        if self.nodes[index].honest {
            self.duties(index, tick);
            if self
                .seed
                .draw("edits", &[index as u64, tick])
                .happens(120_000)
            {
                self.nodes[index].waiting += 1;
            }
            self.edits(index);
        } else {
            self.misbehaves(index, tick);
        }
        self.looks(index);
    }

    /// Two nodes give each other what the other lacks. If one knows that the other was removed, only
    /// what is said of persons: a thief may have left in their name, and they are to be heard.
    fn meet(&mut self, a: usize, b: usize, tick: u64) {
        let welcome =
            self.nodes[a].welcomes(&self.nodes[b]) && self.nodes[b].welcomes(&self.nodes[a]);
        let all = if welcome { Given::All } else { Given::Persons };
        self.gives(a, b, tick, all);
        self.gives(b, a, tick, all);
    }

    fn gives(&mut self, from: usize, to: usize, tick: u64, given: Given) {
        let lost_ppm = if tick == 0 { 0 } else { self.plan.loss_ppm };
        let lacking = (self.nodes[from].held).difference(&self.nodes[to].held);
        let lacking: Vec<usize> = lacking
            .filter(|item| given == Given::All || self.items[*item].is_of_a_person())
            .filter(|item| {
                let key = [from as u64, to as u64, tick, *item as u64];
                !self.seed.draw("lost", &key).happens(lost_ppm)
            })
            .collect();
        if lacking.is_empty() {
            return;
        }
        let what = format!("{from} gives {to} {lacking:?}");
        self.nodes[to].trace.fate(self.now, &what);
        self.log
            .line(|| format!("{:>8} s {what}", self.now.as_micros() / 1_000_000));
        self.nodes[to].takes(&lacking, &self.items);
        self.looks(to);
    }

    /// Puts what a node made into the world, and into what it holds.
    fn made(&mut self, index: usize, items: impl IntoIterator<Item = Item>) {
        for item in items {
            let number = self.items.len();
            self.nodes[index]
                .trace
                .fate(self.now, &format!("makes {number}"));
            if let Item::Statement(said) = &item {
                self.nodes[index].numbers.insert(said.id(), number);
            }
            self.nodes[index].held.grow_and_insert(number);
            self.items.push(item);
        }
    }

    fn count(&mut self, what: &'static str, by: u64) {
        *self.figures.entry(what).or_default() += by;
    }

    fn broke(&mut self, invariant: &'static str, what: String) {
        Broken::add(&mut self.broken, self.now, invariant, what);
    }

    fn outcome(self) -> Outcome {
        let report = |(index, node): (usize, &Node)| NodeReport {
            node: u32::try_from(index).expect("few"),
            name: format!("device {index} of person {}", node.person),
            group: String::from(if node.person < people::ADMINS {
                "admins"
            } else {
                "members"
            }),
            honest: node.honest,
            core: node.honest && !node.is_removed(),
            up: true,
            lives: node.lives,
            changes: node.edits,
            violations: 0,
            store_bytes: 0,
        };
        Outcome {
            scenario: NAME.to_owned(),
            seed: self.seed.0,
            trace: TraceHash::of(self.nodes.iter().map(|node| &node.trace)),
            steps: self.steps,
            virtual_us: self.now.as_micros(),
            metrics: self.figures,
            broken: self.broken,
            nodes: self.nodes.iter().enumerate().map(report).collect(),
            faults: self.faults,
            sites: Vec::new(),
        }
    }
}
