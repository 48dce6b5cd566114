//! Nodes that do not keep to the protocol.
//!
//! A [`Behaviour`] stands between one node's machine and the network. It sees every frame that the
//! machine wants to send and every frame that arrives, and may drop, change, repeat, hold back or
//! add. What it sends is authenticated as its node, as by the transport; it can do all that the
//! owner of that node could do on the wire.
//!
//! | behaviour | what it does | what honest nodes do |
//! |---|---|---|
//! | [`Withhold`] | leaves entries out | refuse what follows the gap, and keep what came before |
//! | [`Replay`] | sends old frames of this and of earlier sessions again | take a thing once, close on what is out of order |
//! | [`Flood`] | sends made-up frames without end | close the session, leave that contact alone for a while |
//! | [`Lie`] | claims to hold what it does not, or not to hold what it does | close on what cannot be, send again what is not held |
//! | [`Conceal`] | as a relay: says that less is there than is, and hands out less | fetch it from each other |
//! | [`Dawdle`] | sends late | wait |
//! | two machines on one cloned disk (`World::twin`) | show two histories of one log | keep the first, refuse the second |

use std::collections::BTreeMap;

use maille_core::ConnectionId;
use maille_protocol::sync::{Cursor, FeedId, Frame, Item, NAMES_PER_FRAME_MAX, Name};

use crate::clock::{VirtualSpan, VirtualTime};
use crate::random::Seed;
use crate::world::NodeIndex;

/// Where and when a behaviour acts.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// What time it is.
    pub now: VirtualTime,
    /// The run's seed, for draws.
    pub seed: Seed,
    /// The node that misbehaves.
    pub node: NodeIndex,
}

/// One frame to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// On which connection.
    pub on: ConnectionId,
    /// The whole frame.
    pub frame: Vec<u8>,
    /// How long to hold it back first.
    pub after: VirtualSpan,
}

impl Sending {
    /// `frame`, at once.
    pub fn now(on: ConnectionId, frame: Vec<u8>) -> Self {
        Self {
            on,
            frame,
            after: VirtualSpan::ZERO,
        }
    }
}

/// What a node does instead of keeping to the protocol. Every method may leave things as they are.
pub trait Behaviour: Send {
    /// A connection to `peer` is open.
    fn opened(&mut self, _scene: &Scene, _peer: NodeIndex, _on: ConnectionId) -> Vec<Sending> {
        Vec::new()
    }

    /// A connection is gone.
    fn closed(&mut self, _scene: &Scene, _on: ConnectionId) {}

    /// The machine sends `frame`: what leaves instead.
    fn sends(
        &mut self,
        _scene: &Scene,
        _to: NodeIndex,
        on: ConnectionId,
        frame: Vec<u8>,
    ) -> Vec<Sending> {
        vec![Sending::now(on, frame)]
    }

    /// `frame` arrives: what the machine is given instead.
    fn receives(
        &mut self,
        _scene: &Scene,
        _from: NodeIndex,
        _on: ConnectionId,
        frame: Vec<u8>,
    ) -> Vec<Vec<u8>> {
        vec![frame]
    }
}

/// Counts what a behaviour draws for, so that each draw has a number of its own.
#[derive(Debug, Default)]
struct Draws(u64);

impl Draws {
    fn number(&mut self, scene: &Scene, purpose: &str, below: u64) -> u64 {
        self.0 += 1;
        let key = [u64::from(scene.node.0), self.0];
        scene.seed.draw(purpose, &key).within(0..below.max(1))
    }

    fn happens(&mut self, scene: &Scene, purpose: &str, ppm: u32) -> bool {
        self.number(scene, purpose, 1_000_000) < u64::from(ppm)
    }
}

/// Leaves out entries, and goes on as if nothing were missing.
#[derive(Debug)]
pub struct Withhold {
    /// Chances in a million that an entry is left out.
    pub ppm: u32,
    draws: Draws,
}

impl Withhold {
    /// Leaves out `ppm` in a million entries.
    pub fn new(ppm: u32) -> Self {
        let draws = Draws::default();
        Self { ppm, draws }
    }
}

impl Behaviour for Withhold {
    fn sends(
        &mut self,
        scene: &Scene,
        _to: NodeIndex,
        on: ConnectionId,
        frame: Vec<u8>,
    ) -> Vec<Sending> {
        let entry = matches!(
            Frame::from_bytes(&frame),
            Ok(Frame::Item {
                item: Item::Entry(_),
                ..
            })
        );
        if entry && self.draws.happens(scene, "withhold", self.ppm) {
            return Vec::new();
        }
        vec![Sending::now(on, frame)]
    }
}

/// A relay that keeps entries back: on some connections nothing comes, on some it says that there is nothing, on some
/// single entries are left out.
#[derive(Debug)]
pub struct Conceal {
    /// Chances in a million that a connection is treated so.
    pub ppm: u32,
    how: BTreeMap<ConnectionId, u64>,
    draws: Draws,
}

impl Conceal {
    /// Keeps back on `ppm` in a million connections.
    pub fn new(ppm: u32) -> Self {
        Self {
            ppm,
            how: BTreeMap::new(),
            draws: Draws::default(),
        }
    }
}

impl Behaviour for Conceal {
    fn opened(&mut self, scene: &Scene, _peer: NodeIndex, on: ConnectionId) -> Vec<Sending> {
        if self.draws.happens(scene, "conceal", self.ppm) {
            let how = self.draws.number(scene, "conceal how", 3);
            self.how.insert(on, how);
        }
        Vec::new()
    }

    fn closed(&mut self, _scene: &Scene, on: ConnectionId) {
        self.how.remove(&on);
    }

    fn sends(
        &mut self,
        scene: &Scene,
        _to: NodeIndex,
        on: ConnectionId,
        frame: Vec<u8>,
    ) -> Vec<Sending> {
        let Some(how) = self.how.get(&on).copied() else {
            return vec![Sending::now(on, frame)];
        };
        let sent = match (Frame::from_bytes(&frame), how) {
            (Ok(Frame::Stored(_)), 0 | 1) => None,
            (Ok(Frame::Stored(_)), _) if self.draws.happens(scene, "conceal one", 100_000) => None,
            (Ok(Frame::Visited(mut visited)), 1) => {
                for found in &mut visited.found {
                    found.end = found.start;
                }
                Some(Frame::Visited(visited).to_bytes())
            }
            _ => Some(frame),
        };
        sent.into_iter().map(|it| Sending::now(on, it)).collect()
    }
}

/// Sends all on a connection late, and in order.
#[derive(Debug)]
pub struct Dawdle {
    /// How late, at most.
    pub by: VirtualSpan,
    late: BTreeMap<ConnectionId, VirtualSpan>,
    draws: Draws,
}

impl Dawdle {
    /// Sends up to so much later.
    pub fn new(by: VirtualSpan) -> Self {
        Self {
            by,
            late: BTreeMap::new(),
            draws: Draws::default(),
        }
    }
}

impl Behaviour for Dawdle {
    fn opened(&mut self, scene: &Scene, _peer: NodeIndex, on: ConnectionId) -> Vec<Sending> {
        let late = self.draws.number(scene, "dawdle", self.by.as_micros());
        self.late.insert(on, VirtualSpan::from_micros(late));
        Vec::new()
    }

    fn closed(&mut self, _scene: &Scene, on: ConnectionId) {
        self.late.remove(&on);
    }

    fn sends(
        &mut self,
        _scene: &Scene,
        _to: NodeIndex,
        on: ConnectionId,
        frame: Vec<u8>,
    ) -> Vec<Sending> {
        let after = self.late.get(&on).copied().unwrap_or(VirtualSpan::ZERO);
        vec![Sending { on, frame, after }]
    }
}

/// Most frames that a [`Replay`] keeps.
const KEPT_MAX: usize = 64;

/// Sends again what it sent before, on this connection and on later ones; half of the things of a
/// feed under a new number, so that they look new.
#[derive(Debug)]
pub struct Replay {
    /// Chances in a million that an old frame follows one that leaves.
    pub ppm: u32,
    kept: Vec<Vec<u8>>,
    draws: Draws,
}

impl Replay {
    /// Adds an old frame after `ppm` in a million frames.
    pub fn new(ppm: u32) -> Self {
        Self {
            ppm,
            kept: Vec::new(),
            draws: Draws::default(),
        }
    }
}

impl Behaviour for Replay {
    fn sends(
        &mut self,
        scene: &Scene,
        _to: NodeIndex,
        on: ConnectionId,
        frame: Vec<u8>,
    ) -> Vec<Sending> {
        let mut all = vec![Sending::now(on, frame.clone())];
        if !self.kept.is_empty() && self.draws.happens(scene, "replay", self.ppm) {
            let which = self
                .draws
                .number(scene, "replay which", self.kept.len() as u64);
            let old = usize::try_from(which)
                .ok()
                .and_then(|which| self.kept.get(which).cloned())
                .unwrap_or_default();
            let renumber = self.draws.happens(scene, "replay renumbered", 500_000);
            let old = match (Frame::from_bytes(&old), Frame::from_bytes(&frame)) {
                (Ok(Frame::Item { item, .. }), Ok(Frame::Item { position, .. })) if renumber => {
                    Frame::Item {
                        position: position.saturating_add(1),
                        item,
                    }
                    .to_bytes()
                }
                _ => old,
            };
            all.push(Sending::now(on, old));
        }
        if self.kept.len() == KEPT_MAX {
            self.kept.remove(0);
        }
        self.kept.push(frame);
        all
    }
}

/// Sends many frames that nobody asked for as soon as a connection is open, and after each frame
/// of its machine.
#[derive(Debug)]
pub struct Flood {
    /// How many at a time.
    pub frames: u32,
    draws: Draws,
}

impl Flood {
    /// Sends `frames` at a time.
    pub fn new(frames: u32) -> Self {
        let draws = Draws::default();
        Self { frames, draws }
    }

    fn one(&mut self, scene: &Scene, position: u64) -> Vec<u8> {
        let noise = |draws: &mut Draws| {
            let number = draws.number(scene, "flood", u64::MAX).to_le_bytes();
            let mut bytes = [0; 32];
            bytes
                .iter_mut()
                .zip(number)
                .for_each(|(at, byte)| *at = byte);
            bytes
        };
        match self.draws.number(scene, "flood kind", 5) {
            0 => {
                // One in twenty is longer than a frame of names may be.
                let names = match self.draws.number(scene, "flood names", 20) {
                    0 => NAMES_PER_FRAME_MAX + 1,
                    few => 1 + usize::try_from(few).unwrap_or(0),
                };
                Frame::Names(vec![Name(noise(&mut self.draws)); names]).to_bytes()
            }
            1 => Frame::Item {
                position,
                item: Item::Parcel(noise(&mut self.draws).to_vec()),
            }
            .to_bytes(),
            2 => Frame::Item {
                position,
                item: Item::Withdrawn,
            }
            .to_bytes(),
            3 => Frame::Authority(noise(&mut self.draws).to_vec()).to_bytes(),
            _ => noise(&mut self.draws).to_vec(),
        }
    }

    fn burst(&mut self, scene: &Scene, on: ConnectionId) -> Vec<Sending> {
        (1..=u64::from(self.frames))
            .map(|position| Sending::now(on, self.one(scene, position)))
            .collect()
    }
}

impl Behaviour for Flood {
    fn opened(&mut self, scene: &Scene, _peer: NodeIndex, on: ConnectionId) -> Vec<Sending> {
        // Half of the time the machine may say hello first, so that the flood is heard at all.
        if self.draws.happens(scene, "flood early", 500_000) {
            self.burst(scene, on)
        } else {
            Vec::new()
        }
    }

    fn sends(
        &mut self,
        scene: &Scene,
        _to: NodeIndex,
        on: ConnectionId,
        frame: Vec<u8>,
    ) -> Vec<Sending> {
        let mut all = vec![Sending::now(on, frame)];
        all.extend(self.burst(scene, on));
        all
    }
}

/// Tells wrong cursors: in its hello, and in what it acknowledges.
#[derive(Debug)]
pub struct Lie {
    /// Chances in a million that a cursor is wrong.
    pub ppm: u32,
    draws: Draws,
}

impl Lie {
    /// Lies about `ppm` in a million cursors.
    pub fn new(ppm: u32) -> Self {
        let draws = Draws::default();
        Self { ppm, draws }
    }

    fn place(&mut self, scene: &Scene, truth: u64) -> u64 {
        match self.draws.number(scene, "lie how", 4) {
            0 => 0,
            1 => u64::MAX,
            2 => truth.saturating_add(1 + self.draws.number(scene, "lie ahead", 20)),
            _ => truth.saturating_sub(1 + self.draws.number(scene, "lie behind", 20)),
        }
    }
}

impl Behaviour for Lie {
    fn sends(
        &mut self,
        scene: &Scene,
        _to: NodeIndex,
        on: ConnectionId,
        frame: Vec<u8>,
    ) -> Vec<Sending> {
        let lies = self.draws.happens(scene, "lie", self.ppm);
        let told = match Frame::from_bytes(&frame) {
            Ok(Frame::Hello(mut hello)) if lies => {
                let feed = if self.draws.happens(scene, "lie feed", 250_000) {
                    FeedId([7; 16])
                } else {
                    hello.cursor.feed
                };
                let position = self.place(scene, hello.cursor.position);
                hello.cursor = Cursor { feed, position };
                Frame::Hello(hello).to_bytes()
            }
            Ok(Frame::Ack { position }) if lies => Frame::Ack {
                position: self.place(scene, position),
            }
            .to_bytes(),
            _ => frame,
        };
        vec![Sending::now(on, told)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: ConnectionId = ConnectionId(1);

    fn scene() -> Scene {
        Scene {
            now: VirtualTime::START,
            seed: Seed(1),
            node: NodeIndex(3),
        }
    }

    fn entry(position: u64) -> Vec<u8> {
        let item = Item::Entry(vec![1, 2, 3]);
        Frame::Item { position, item }.to_bytes()
    }

    #[test]
    fn what_is_withheld_is_entries_only() {
        let mut withhold = Withhold::new(1_000_000);
        assert_eq!(withhold.sends(&scene(), NodeIndex(0), ON, entry(1)), []);
        let ack = Frame::Ack { position: 1 }.to_bytes();
        let left = withhold.sends(&scene(), NodeIndex(0), ON, ack.clone());
        assert_eq!(left, [Sending::now(ON, ack)]);
    }

    #[test]
    fn a_replay_repeats_what_was_sent_and_sometimes_under_a_new_number() {
        let mut replay = Replay::new(1_000_000);
        let (mut again, mut renumbered) = (0, 0);
        for position in 1..=50 {
            let left = replay.sends(&scene(), NodeIndex(0), ON, entry(position));
            assert_eq!(left[0].frame, entry(position));
            for old in left.iter().skip(1) {
                match Frame::from_bytes(&old.frame) {
                    Ok(Frame::Item { position: at, .. }) if at == position + 1 => renumbered += 1,
                    Ok(Frame::Item { position: at, .. }) if at < position => again += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(again > 0 && renumbered > 0, "{again} and {renumbered}");
    }

    #[test]
    fn a_flood_comes_in_every_kind() {
        let mut flood = Flood::new(200);
        let left = flood.sends(&scene(), NodeIndex(0), ON, entry(1));
        assert_eq!(left.len(), 201);
        let kinds: std::collections::BTreeSet<_> = left
            .iter()
            .map(|sending| match Frame::from_bytes(&sending.frame) {
                Ok(Frame::Names(_)) => "names",
                Ok(Frame::Item { item, .. }) if item.is_empty() => "withdrawn",
                Ok(Frame::Item { .. }) => "item",
                Ok(Frame::Authority(_)) => "authority",
                Ok(_) => "other",
                Err(_) => "noise",
            })
            .collect();
        assert_eq!(kinds.len(), 5, "{kinds:?}");
    }

    #[test]
    fn a_lie_changes_cursors_and_nothing_else() {
        let mut lie = Lie::new(1_000_000);
        assert_eq!(
            lie.sends(&scene(), NodeIndex(0), ON, entry(9)),
            [Sending::now(ON, entry(9))]
        );
        let told: std::collections::BTreeSet<_> = (0..40)
            .map(|_| {
                lie.sends(
                    &scene(),
                    NodeIndex(0),
                    ON,
                    Frame::Ack { position: 30 }.to_bytes(),
                )
            })
            .map(|left| match Frame::from_bytes(&left[0].frame) {
                Ok(Frame::Ack { position }) => position.cmp(&30) as i8,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            told.into_iter().collect::<Vec<_>>(),
            [-1, 1],
            "before and after, never true"
        );
    }
}
