//! A piece of the world: some of its nodes, and what is still to happen to them.
//!
//! Pieces run side by side in windows of the shortest time in which one node can reach another:
//! what is sent inside a window arrives after it, so no piece can miss anything. Between windows
//! the pieces exchange what they sent. A node's happenings have a total order of their own, so
//! the run is the same whatever the number of pieces.

use std::sync::mpsc;

use maille_protocol::hook::span;

use super::NodeIndex;
use super::node::{Air, Node, Step};
use super::queue::{Happening, Key, Queue};
use crate::clock::VirtualTime;

/// Some nodes and their happenings. Node `i` of a world of `n` pieces is in piece `i % n`.
#[derive(Default)]
pub(super) struct Shard {
    pub(super) nodes: Vec<Node>,
    pub(super) queue: Queue,
    /// How many things have happened here.
    pub(super) steps: u64,
    caused: Vec<(Key, Happening)>,
}

/// Where a node lies in a world of `pieces`.
pub(super) fn place(node: NodeIndex, pieces: usize) -> (usize, usize) {
    let index = node.0 as usize;
    (index % pieces, index / pieces)
}

impl Shard {
    /// Lets the next thing happen. What it causes is handed to `post` if it is for another piece.
    pub(super) fn step(
        &mut self,
        air: &Air,
        pieces: usize,
        lines: Option<&mut Vec<String>>,
        post: &mut Vec<(Key, Happening)>,
    ) -> Option<Key> {
        let _span = span("world: queue, links, rest");
        let (key, happening) = self.queue.pop()?;
        self.steps += 1;
        let (piece, slot) = place(key.to, pieces);
        let mut step = Step {
            now: key.at,
            air,
            caused: &mut self.caused,
            lines,
        };
        self.nodes[slot].happens(&mut step, key.from, happening);
        for (key, happening) in self.caused.drain(..) {
            if place(key.to, pieces).0 == piece {
                self.queue.push(key, happening);
            } else {
                post.push((key, happening));
            }
        }
        Some(key)
    }

    /// Lets everything happen that happens before `horizon`; returns what is for other pieces.
    fn run(&mut self, air: &Air, pieces: usize, horizon: VirtualTime) -> Vec<(Key, Happening)> {
        let mut post = Vec::new();
        while self.queue.first().is_some_and(|key| key.at < horizon) {
            self.step(air, pieces, None, &mut post);
        }
        post
    }
}

/// Lets everything happen up to and including `end`, one thread for each piece.
pub(super) fn run_side_by_side(shards: &mut [Shard], air: &Air, end: VirtualTime) {
    let pieces = shards.len();
    let after_end = end.plus(crate::clock::VirtualSpan::from_micros(1));
    std::thread::scope(|scope| {
        let (done, finished) = mpsc::channel();
        let workers: Vec<mpsc::Sender<(Shard, VirtualTime)>> = (0..pieces)
            .map(|piece| {
                let (work, waiting) = mpsc::channel::<(Shard, VirtualTime)>();
                let done = done.clone();
                scope.spawn(move || {
                    while let Ok((mut shard, horizon)) = waiting.recv() {
                        let post = shard.run(air, pieces, horizon);
                        if done.send((piece, shard, post)).is_err() {
                            return;
                        }
                    }
                });
                work
            })
            .collect();
        drop(done);
        while let Some(begin) = first(shards).filter(|begin| *begin <= end) {
            let horizon = begin.plus(air.network.latency_floor()).min(after_end);
            let mut posted = Vec::new();
            let mut under_way = 0;
            let busy = |shard: &&mut Shard| shard.queue.first().is_some_and(|key| key.at < horizon);
            let mut alone = shards.iter_mut().filter(busy);
            if let (Some(shard), None) = (alone.next(), alone.next()) {
                // Handing over costs more than it saves when the others have nothing to do.
                posted.extend(shard.run(air, pieces, horizon));
            }
            for (piece, worker) in workers.iter().enumerate() {
                let shard = &mut shards[piece];
                if shard.queue.first().is_some_and(|key| key.at < horizon) {
                    let shard = std::mem::take(shard);
                    worker
                        .send((shard, horizon))
                        .expect("workers wait for work");
                    under_way += 1;
                }
            }
            for _ in 0..under_way {
                // A worker that panicked has told why, and leaves the channel closed.
                let (piece, shard, post) = finished.recv().expect("a worker finishes its window");
                shards[piece] = shard;
                posted.extend(post);
            }
            for (key, happening) in posted {
                shards[place(key.to, pieces).0].queue.push(key, happening);
            }
        }
    });
}

fn first(shards: &[Shard]) -> Option<VirtualTime> {
    let first = shards.iter().filter_map(|shard| shard.queue.first()).min();
    first.map(|key| key.at)
}
