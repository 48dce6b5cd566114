//! The world: nodes, what happens to them, and the one order in which it does.
//!
//! | module | what it holds |
//! |---|---|
//! | `queue` | what is still to happen, ordered by (time, node, origin, number) |
//! | `node` | one node: machine, disk, clock, connections, person |
//! | `shard` | a piece of the world, and pieces running side by side |
//!
//! **Invariants.** A run is a function of its seed and of what its story asks for. It does not
//! depend on the number of pieces, on whether it is told, or on how far it is let go at a time.

mod node;
mod queue;
mod shard;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use maille_core::command::Command;
use maille_core::{CommandId, Secrets};

use node::{Air, Node};
pub use node::{Answer, Answered, Picture, WentDown};
use queue::{Happening, Key, OUTSIDE};
use shard::{Shard, place};

use crate::byzantine::Behaviour;
use crate::checker::{Broken, Watch};
use crate::clock::{NodeClock, VirtualSpan, VirtualTime};
use crate::disk::DiskReader;
use crate::fault::{Fault, Plan};
use crate::network::{Links, Loss, Nat, Network, Partition};
use crate::random::Seed;
use crate::scenario::Log;
use crate::trace::TraceHash;

/// A node's place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeIndex(pub u32);

/// All nodes of a run.
pub struct World<'log> {
    air: Air,
    now: VirtualTime,
    shards: Vec<Shard>,
    /// Number of the last happening that came from outside.
    number: u64,
    broken: Vec<Broken>,
    answers: Vec<Answered>,
    log: &'log mut Log,
}

impl<'log> World<'log> {
    /// An empty world.
    pub fn new(seed: Seed, links: Links, log: &'log mut Log) -> Self {
        Self {
            air: Air {
                seed,
                network: Network::new(seed, links),
                places: 0,
                planted: None,
            },
            now: VirtualTime::START,
            shards: vec![Shard::default()],
            number: 0,
            broken: Vec::new(),
            answers: Vec::new(),
            log,
        }
    }

    /// Lets every machine that starts from now on take part in `run`: its points may fire, and
    /// planted bugs are in it.
    pub fn simulate(&mut self, run: Arc<maille_core::sim::Run>) {
        self.air.planted = Some(run);
    }

    /// Splits the world into `pieces`, which run side by side while time passes. With a log it
    /// runs in one thread all the same, so that its lines come in order.
    ///
    /// # Panics
    /// If `pieces` is 0, or the world has nodes already.
    pub fn split(&mut self, pieces: usize) {
        assert!(pieces > 0 && self.air.places == 0, "split an empty world");
        self.shards = (0..pieces).map(|_| Shard::default()).collect();
    }

    /// Adds a person with one node, which starts now.
    ///
    /// # Panics
    /// Past four thousand million nodes.
    pub fn person(&mut self, name: &str) -> NodeIndex {
        let index = NodeIndex(self.air.places);
        self.add(Node::found(self.air.seed, index, name))
    }

    /// Adds a second computer with a copy of `of`'s disk and all of its secrets, the installation
    /// and the transport's key among them. It has an address of its own and starts now.
    pub fn twin(&mut self, of: NodeIndex) -> NodeIndex {
        let index = NodeIndex(self.air.places);
        let twin = self.node(of).twin(self.air.seed, index);
        self.add(twin)
    }

    /// Adds a node as it was in another world, which was no later than it is here. It is down.
    pub fn pictured(&mut self, picture: &Picture) -> NodeIndex {
        let index = NodeIndex(self.air.places);
        self.place(Node::pictured(self.air.seed, index, picture))
    }

    /// Makes a picture the backup of `node`, which a [`Fault::Restore`] brings back.
    pub fn back_up(&mut self, node: NodeIndex, picture: &Picture) {
        self.node_mut(node).back_up(picture);
    }

    /// What is durable of `node`, for other worlds to begin with.
    pub fn picture(&self, node: NodeIndex) -> Picture {
        self.node(node).picture()
    }

    fn add(&mut self, node: Node) -> NodeIndex {
        let index = self.place(node);
        self.outside(self.now, index, Happening::Boot);
        index
    }

    fn place(&mut self, mut node: Node) -> NodeIndex {
        let index = NodeIndex(self.air.places);
        node.nat = self.air.network.nat_of(index);
        let places = self.air.places.checked_add(1).filter(|it| *it < OUTSIDE.0);
        self.air.places = places.expect("nodes fit in a u32");
        let (piece, slot) = place(index, self.shards.len());
        let nodes = &mut self.shards[piece].nodes;
        assert_eq!(nodes.len(), slot, "nodes are dealt out in turn");
        nodes.push(node);
        index
    }

    /// Plans that something goes wrong with `node`, or is mended.
    pub fn plan(&mut self, at: VirtualTime, node: NodeIndex, fault: Fault) {
        self.outside(at, node, Happening::Fault(fault));
    }

    /// Plans that `node` starts, if it is down then.
    pub fn start_at(&mut self, at: VirtualTime, node: NodeIndex) {
        self.outside(at, node, Happening::Boot);
    }

    /// Lets `node` misbehave from now on.
    pub fn corrupt(&mut self, node: NodeIndex, behaviour: Box<dyn Behaviour>) {
        self.node_mut(node).behaviour = Some(behaviour);
    }

    /// Lets `node` keep to the protocol again.
    pub fn mend(&mut self, node: NodeIndex) {
        self.node_mut(node).behaviour = None;
    }

    /// Puts `node` behind another router than the one that was drawn for it.
    pub fn behind(&mut self, node: NodeIndex, nat: Nat) {
        self.node_mut(node).nat = nat;
    }

    /// Parts nodes from each other for a time.
    pub fn cut(&mut self, partition: Partition) {
        for node in self.nodes() {
            if partition.touches(node) {
                self.outside(partition.from, node, Happening::Severed);
            }
        }
        self.air.network.cut(partition);
    }

    /// Loses messages for a time.
    pub fn lose(&mut self, loss: Loss) {
        self.air.network.lose(loss);
    }

    /// Nothing is lost on the network from now on. What is planned for nodes still happens.
    pub fn heal(&mut self) {
        self.air.network.heal();
    }

    /// Lets the faults of `plan` happen.
    pub fn suffer(&mut self, plan: &Plan) {
        for crash in &plan.crashes {
            let (down, torn) = (crash.down, false);
            self.plan(crash.at, crash.node, Fault::Crash { down, torn });
        }
        for cut in &plan.cuts {
            self.cut(Partition::between(cut.a, cut.b, cut.from, cut.until));
        }
        self.lose(Loss {
            from: self.now,
            until: VirtualTime::END,
            stalls_ppm: 0,
            ends_ppm: plan.loss_ppm,
        });
    }

    /// Plans that `node`'s person asks for `command` at that time. The answer is among
    /// [`World::drain_answers`]; a node that is down then gives none.
    pub fn tell_at(&mut self, at: VirtualTime, node: NodeIndex, command: Command) -> CommandId {
        let asked = self.node_mut(node);
        asked.commands += 1;
        let id = CommandId(asked.commands);
        let command = Box::new(command);
        self.outside(at, node, Happening::Asked { id, command });
        id
    }

    /// Has `node`'s person ask for `command`, and lets time pass until the answer.
    ///
    /// A node that is down is waited for.
    ///
    /// # Errors
    /// [`WentDown`] if the node goes down before it answers.
    ///
    /// # Panics
    /// If nothing will ever happen again: no node answers and none is down.
    pub fn ask(&mut self, node: NodeIndex, command: Command) -> Result<Answer, WentDown> {
        while !self.is_up(node) {
            assert!(self.step(), "a node that is down has a start planned");
        }
        let id = self.tell_at(self.now, node, command);
        loop {
            let answers = &self.answers;
            if let Some(at) = answers
                .iter()
                .rposition(|it| it.node == node && it.command == id)
            {
                return self.answers.remove(at).answer;
            }
            assert!(self.step(), "{} will never answer", self.node(node).name);
        }
    }

    /// Takes what was answered to [`World::tell_at`] since the last time, by (time, node, command).
    pub fn drain_answers(&mut self) -> Vec<Answered> {
        self.collect_answers();
        let mut answers = std::mem::take(&mut self.answers);
        answers.sort_by_key(|answer| (answer.at, answer.node, answer.command));
        answers
    }

    /// Lets `span` pass.
    pub fn pass(&mut self, span: VirtualSpan) {
        self.pass_until(self.now.plus(span));
    }

    /// Lets time pass until `end`; none, if that is over.
    pub fn pass_until(&mut self, end: VirtualTime) {
        if self.shards.len() > 1 && matches!(self.log, Log::Off) {
            shard::run_side_by_side(&mut self.shards, &self.air, end);
            self.collect_answers();
        } else {
            while self.next().is_some_and(|(_, key)| key.at <= end) {
                self.step();
            }
        }
        self.now = self.now.max(end);
    }

    /// Lets the next thing happen, if it happens at `end` or before. Returns when and to whom.
    ///
    /// To look at every state that a world goes through.
    pub fn step_until(&mut self, end: VirtualTime) -> Option<(VirtualTime, NodeIndex)> {
        let (_, key) = self.next().filter(|(_, key)| key.at <= end)?;
        self.step();
        Some((key.at, key.to))
    }

    /// What time it is.
    pub fn now(&self) -> VirtualTime {
        self.now
    }

    /// The run's seed.
    pub fn seed(&self) -> Seed {
        self.air.seed
    }

    /// Every node there is.
    pub fn nodes(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..self.air.places).map(NodeIndex)
    }

    /// Whether `node` is up.
    pub fn is_up(&self, node: NodeIndex) -> bool {
        self.node(node).is_up()
    }

    /// Whether `node`'s computer has a network.
    pub fn is_online(&self, node: NodeIndex) -> bool {
        self.node(node).online
    }

    /// Whether `node` misbehaves.
    pub fn is_corrupt(&self, node: NodeIndex) -> bool {
        self.node(node).behaviour.is_some()
    }

    /// What `node`'s router lets in.
    pub fn nat(&self, node: NodeIndex) -> Nat {
        self.node(node).nat
    }

    /// How often `node` was started.
    pub fn life(&self, node: NodeIndex) -> u64 {
        self.node(node).life
    }

    /// What the person of `node` is called.
    pub fn name(&self, node: NodeIndex) -> &str {
        &self.node(node).name
    }

    /// What `node` keeps to itself.
    pub fn secrets(&self, node: NodeIndex) -> &Secrets {
        &self.node(node).secrets
    }

    /// What is durable at `node`, whether or not it is up.
    pub fn store(&self, node: NodeIndex) -> DiskReader {
        self.node(node).disk.reader()
    }

    /// Bytes of keys and values that are durable at `node`.
    pub fn store_bytes(&self, node: NodeIndex) -> usize {
        self.node(node).disk.bytes()
    }

    /// The clock of `node`.
    pub fn clock(&self, node: NodeIndex) -> &NodeClock {
        &self.node(node).clock
    }

    /// What was seen at each node, in the nodes' order.
    pub fn watches(&self) -> impl Iterator<Item = (NodeIndex, &Watch)> {
        self.nodes().map(|index| (index, &self.node(index).watch))
    }

    /// What was seen at `node`.
    pub fn watch_mut(&mut self, node: NodeIndex) -> &mut Watch {
        &mut self.node_mut(node).watch
    }

    /// How many things have happened.
    pub fn steps(&self) -> u64 {
        self.shards.iter().map(|shard| shard.steps).sum()
    }

    /// How many things are still to happen.
    pub fn waiting(&self) -> usize {
        self.shards.iter().map(|shard| shard.queue.len()).sum()
    }

    /// The hash of everything that has happened.
    pub fn trace(&self) -> TraceHash {
        TraceHash::of(self.nodes().map(|index| &self.node(index).trace))
    }

    /// Adds to what was broken.
    pub fn broke(&mut self, invariant: &'static str, what: String) {
        Broken::add(&mut self.broken, self.now, invariant, what);
    }

    /// Every invariant that did not hold so far, at any node or for the story, each once.
    pub fn broken(&self) -> Vec<Broken> {
        let at_nodes = self.watches().flat_map(|(_, watch)| watch.broken());
        Broken::merged(at_nodes.chain(&self.broken))
    }

    fn node(&self, index: NodeIndex) -> &Node {
        let (piece, slot) = place(index, self.shards.len());
        &self.shards[piece].nodes[slot]
    }

    fn node_mut(&mut self, index: NodeIndex) -> &mut Node {
        let (piece, slot) = place(index, self.shards.len());
        &mut self.shards[piece].nodes[slot]
    }

    /// The piece in which the next thing happens, and its key.
    fn next(&self) -> Option<(usize, Key)> {
        let firsts = self.shards.iter().enumerate();
        firsts
            .filter_map(|(piece, shard)| Some((piece, shard.queue.first()?)))
            .min_by_key(|(_, key)| *key)
    }

    /// Lets the next thing happen. `false`: there is none.
    fn step(&mut self) -> bool {
        let Some((piece, key)) = self.next() else {
            return false;
        };
        self.now = self.now.max(key.at);
        let pieces = self.shards.len();
        let mut lines = matches!(self.log, Log::Trace(_)).then(Vec::new);
        let mut post = Vec::new();
        self.shards[piece].step(&self.air, pieces, lines.as_mut(), &mut post);
        for (key, happening) in post {
            self.queue(key, happening);
        }
        for line in lines.into_iter().flatten() {
            self.log.line(|| line);
        }
        let answered = &mut self.node_mut(key.to).answered;
        if !answered.is_empty() {
            let answered = std::mem::take(answered);
            self.answers.extend(answered);
        }
        true
    }

    fn collect_answers(&mut self) {
        for shard in &mut self.shards {
            for node in &mut shard.nodes {
                self.answers.append(&mut node.answered);
            }
        }
    }

    fn outside(&mut self, at: VirtualTime, to: NodeIndex, happening: Happening) {
        self.number += 1;
        let key = Key {
            at: at.max(self.now),
            to,
            from: OUTSIDE,
            number: self.number,
        };
        self.queue(key, happening);
    }

    fn queue(&mut self, key: Key, happening: Happening) {
        let (piece, _) = place(key.to, self.shards.len());
        self.shards[piece].queue.push(key, happening);
    }
}
