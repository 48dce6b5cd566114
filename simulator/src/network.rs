//! The links between nodes: how long a message takes, and when none passes.
//!
//! A link's behaviour is computed from the seed when it is asked for; there is no table of links.
//! Like QUIC and TCP it delivers in order or not at all: a lost message ends its connection.

use maille_core::ConnectionId;

use crate::clock::{VirtualSpan, VirtualTime};
use crate::random::Seed;
use crate::world::NodeIndex;

/// How links behave.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    /// Shortest one-way delay.
    pub latency_min: VirtualSpan,
    /// Longest one-way delay, without jitter.
    pub latency_max: VirtualSpan,
    /// Most that is added to one message.
    pub jitter_max: VirtualSpan,
    /// Chances in a million that a message ends its connection.
    pub loss_ppm: u32,
    /// How long a node takes, at most, to notice that the other end is gone.
    pub detection_max: VirtualSpan,
}

impl Default for Links {
    /// Home connections across a country.
    fn default() -> Self {
        Self {
            latency_min: VirtualSpan::from_millis(5),
            latency_max: VirtualSpan::from_millis(60),
            jitter_max: VirtualSpan::from_millis(10),
            loss_ppm: 0,
            detection_max: VirtualSpan::from_secs(15),
        }
    }
}

/// A time in which nothing passes between two nodes, in either direction.
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

/// Every link.
#[derive(Debug)]
pub struct Network {
    seed: Seed,
    links: Links,
    cuts: Vec<Cut>,
}

impl Network {
    /// A network without cuts.
    pub fn new(seed: Seed, links: Links) -> Self {
        Self {
            seed,
            links,
            cuts: Vec::new(),
        }
    }

    /// Adds a cut.
    pub fn cut(&mut self, cut: Cut) {
        self.cuts.push(cut);
    }

    /// From now on `ppm` in a million messages end their connections.
    pub fn lose(&mut self, ppm: u32) {
        self.links.loss_ppm = ppm;
    }

    /// No message is lost from now on, by chance or by a cut.
    pub fn heal(&mut self) {
        self.cuts.clear();
        self.links.loss_ppm = 0;
    }

    /// When message `number` sent `at` arrives, or `None` if it is lost.
    pub fn arrival(
        &self,
        from: NodeIndex,
        to: NodeIndex,
        number: u64,
        at: VirtualTime,
    ) -> Option<VirtualTime> {
        let key = [u64::from(from.0), u64::from(to.0), number];
        if self.is_cut(from, to, at) || self.seed.draw("loss", &key).happens(self.links.loss_ppm) {
            return None;
        }
        let jitter = self
            .seed
            .draw("jitter", &key)
            .within(0..self.links.jitter_max.as_micros().max(1));
        Some(
            at.plus(self.latency(from, to))
                .plus(VirtualSpan::from_micros(jitter)),
        )
    }

    /// How long `node` takes to notice that message `number` of its exchange with `peer` failed.
    pub fn detection(&self, node: NodeIndex, peer: NodeIndex, number: u64) -> VirtualSpan {
        let key = [u64::from(node.0), u64::from(peer.0), number];
        let floor = self.links.latency_max.as_micros();
        let ceiling = self.links.detection_max.as_micros().max(floor + 1);
        VirtualSpan::from_micros(self.seed.draw("detection", &key).within(floor..ceiling))
    }

    fn latency(&self, from: NodeIndex, to: NodeIndex) -> VirtualSpan {
        let ends = [from.0.min(to.0), from.0.max(to.0)].map(u64::from);
        let min = self.links.latency_min.as_micros();
        let max = self.links.latency_max.as_micros().max(min + 1);
        VirtualSpan::from_micros(self.seed.draw("latency", &ends).within(min..max))
    }

    fn is_cut(&self, a: NodeIndex, b: NodeIndex, at: VirtualTime) -> bool {
        self.cuts.iter().any(|cut| {
            ((cut.a, cut.b) == (a, b) || (cut.a, cut.b) == (b, a))
                && cut.from <= at
                && at < cut.until
        })
    }
}

/// One node's end of a connection.
#[derive(Debug)]
pub struct End {
    /// Who is at the other end.
    pub peer: NodeIndex,
    /// The last message sent arrives then; the next arrives later.
    pub last_arrival: VirtualTime,
    /// A message was lost: nothing passes any more, and the node is about to notice.
    pub broken: bool,
    /// The node has closed it and may still be told that it is gone.
    pub closed: bool,
}

/// The address at which a node can be reached.
pub fn address_of(node: NodeIndex) -> String {
    format!("/memory/{}", u64::from(node.0) + 1) // libp2p's memory addresses begin at one
}

/// Which node has this address, if it is one of ours.
pub fn node_at(address: &str) -> Option<NodeIndex> {
    let number: u32 = address
        .strip_prefix("/memory/")?
        .split('/')
        .next()?
        .parse()
        .ok()?;
    number.checked_sub(1).map(NodeIndex)
}

/// A connection id that no other dial of the run has.
pub fn connection_id(dialler: NodeIndex, dial: u32) -> ConnectionId {
    ConnectionId((u64::from(dialler.0) << 32) | u64::from(dial))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeIndex = NodeIndex(0);
    const B: NodeIndex = NodeIndex(1);

    #[test]
    fn an_address_leads_back_to_its_node() {
        for node in [A, B, NodeIndex(u32::MAX - 1)] {
            assert_eq!(node_at(&address_of(node)), Some(node));
        }
        assert_eq!(node_at("/memory/2/p2p/12D3"), Some(B));
        for other in [
            "",
            "/memory/",
            "/memory/0",
            "/memory/x",
            "/ip4/127.0.0.1/tcp/1",
        ] {
            assert_eq!(node_at(other), None, "{other}");
        }
    }

    #[test]
    fn nothing_passes_in_a_cut_and_everything_passes_beside_it() {
        let at = |seconds| VirtualTime::START.plus(VirtualSpan::from_secs(seconds));
        let mut network = Network::new(Seed(1), Links::default());
        network.cut(Cut {
            a: A,
            b: B,
            from: at(10),
            until: at(20),
        });
        for (seconds, passes) in [(9, true), (10, false), (19, false), (20, true)] {
            assert_eq!(
                network.arrival(A, B, 0, at(seconds)).is_some(),
                passes,
                "at {seconds} s"
            );
            assert_eq!(
                network.arrival(B, A, 0, at(seconds)).is_some(),
                passes,
                "at {seconds} s"
            );
            assert!(network.arrival(A, NodeIndex(2), 0, at(seconds)).is_some());
        }
        network.heal();
        assert!(network.arrival(A, B, 0, at(15)).is_some());
    }

    #[test]
    fn a_message_takes_the_links_latency_and_its_own_jitter() {
        let links = Links::default();
        let network = Network::new(Seed(5), links);
        let most = links.latency_max.as_micros() + links.jitter_max.as_micros();
        for number in 0..50 {
            let arrival = network
                .arrival(A, B, number, VirtualTime::START)
                .expect("no loss");
            assert!((links.latency_min.as_micros()..most).contains(&arrival.as_micros()));
        }
    }
}
