//! The links between nodes: how long a message takes, and when none passes.
//!
//! A link's behaviour is computed from the seed when it is asked for; there is no table of links.
//! Like QUIC and TCP a connection delivers in order or not at all: a lost packet delays what comes
//! after it, and when too much is lost the connection ends.

mod partition;

use maille_core::ConnectionId;

use crate::clock::{VirtualSpan, VirtualTime};
use crate::random::Seed;
use crate::world::NodeIndex;

pub use partition::{Loss, Partition, Side, Ways};

/// How links behave.
#[derive(Clone, Copy, Debug)]
pub struct Links {
    /// Shortest one-way delay.
    pub latency_min: VirtualSpan,
    /// Longest one-way delay, without jitter.
    pub latency_max: VirtualSpan,
    /// Most that is added to one message.
    pub jitter_max: VirtualSpan,
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
            detection_max: VirtualSpan::from_secs(15),
        }
    }
}

/// Every link.
#[derive(Debug)]
pub struct Network {
    seed: Seed,
    links: Links,
    partitions: Vec<Partition>,
    losses: Vec<Loss>,
}

/// First pause after which a lost packet is sent again, in microseconds; each further one is twice
/// as long (RFC 9002 and RFC 6298 begin between 0.2 and 1 s).
const RESEND_MICROS: u64 = 250_000;
/// After so many losses in a row a message counts as lost for good.
const RESENDS_MAX: u32 = 6;

impl Network {
    /// A network without partitions and losses.
    pub fn new(seed: Seed, links: Links) -> Self {
        Self {
            seed,
            links,
            partitions: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// How links behave.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Adds a partition.
    pub fn cut(&mut self, partition: Partition) {
        self.partitions.push(partition);
    }

    /// Adds a time of losses.
    pub fn lose(&mut self, loss: Loss) {
        self.losses.push(loss);
    }

    /// No message is lost from now on, by chance or by a partition.
    pub fn heal(&mut self) {
        self.partitions.clear();
        self.losses.clear();
    }

    /// No message reaches another node faster.
    pub fn latency_floor(&self) -> VirtualSpan {
        self.links.latency_min
    }

    /// When message `number` sent `at` arrives, or `None` if it is lost and its connection with it.
    ///
    /// A stream resends: a lost packet, or a partition that is short, delays a message.
    pub fn arrival(
        &self,
        from: NodeIndex,
        to: NodeIndex,
        number: u64,
        at: VirtualTime,
    ) -> Option<VirtualTime> {
        let key = [u64::from(from.0), u64::from(to.0), number];
        let mut leaves = at.plus(self.resends(&key, at)?);
        if let Some(until) = self.cut_until(from, to, leaves) {
            // It is sent again and again, until the partition or the connection ends.
            if until.since(leaves) > self.links.detection_max {
                return None;
            }
            let phase = self
                .seed
                .draw("resend phase", &key)
                .within(0..RESEND_MICROS);
            leaves = until.plus(VirtualSpan::from_micros(phase));
        }
        let jitter = self
            .seed
            .draw("jitter", &key)
            .within(0..self.links.jitter_max.as_micros().max(1));
        Some(
            leaves
                .plus(self.latency(from, to))
                .plus(VirtualSpan::from_micros(jitter)),
        )
    }

    /// How long a message waits because packets are lost; `None`: too many.
    fn resends(&self, key: &[u64; 3], at: VirtualTime) -> Option<VirtualSpan> {
        let mut waits = 0;
        let on = |loss: &&Loss| loss.from <= at && at < loss.until;
        for loss in self.losses.iter().filter(on) {
            if self.seed.draw("loss", key).happens(loss.ends_ppm) {
                return None;
            }
            let [from, to, number] = *key;
            let lost = |time: u32| {
                let key = [from, to, number, u64::from(time)];
                self.seed.draw("stall", &key).happens(loss.stalls_ppm)
            };
            let times = (0..RESENDS_MAX).take_while(|time| lost(*time)).count();
            if times == RESENDS_MAX as usize {
                return None;
            }
            waits += RESEND_MICROS * ((1 << times) - 1);
        }
        Some(VirtualSpan::from_micros(waits))
    }

    /// How long `node` takes to notice that message `number` of its exchange with `peer` failed.
    pub fn detection(&self, node: NodeIndex, peer: NodeIndex, number: u64) -> VirtualSpan {
        let key = [u64::from(node.0), u64::from(peer.0), number];
        let floor = self.links.latency_max.as_micros();
        let ceiling = self.links.detection_max.as_micros().max(floor + 1);
        VirtualSpan::from_micros(self.seed.draw("detection", &key).within(floor..ceiling))
    }

    /// Until when what `from` sends to `to` is kept back, if it is.
    pub fn cut_until(
        &self,
        from: NodeIndex,
        to: NodeIndex,
        at: VirtualTime,
    ) -> Option<VirtualTime> {
        let on = |it: &&Partition| it.is_on(at) && it.parts(from, to);
        self.partitions.iter().filter(on).map(|it| it.until).max()
    }

    fn latency(&self, from: NodeIndex, to: NodeIndex) -> VirtualSpan {
        let ends = [from.0.min(to.0), from.0.max(to.0)].map(u64::from);
        let min = self.links.latency_min.as_micros();
        let max = self.links.latency_max.as_micros().max(min + 1);
        VirtualSpan::from_micros(self.seed.draw("latency", &ends).within(min..max))
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
    fn a_short_partition_delays_a_long_one_loses_and_beside_it_everything_passes() {
        let at = |seconds| VirtualTime::START.plus(VirtualSpan::from_secs(seconds));
        let mut network = Network::new(Seed(1), Links::default());
        network.cut(Partition::between(A, B, at(10), at(100)));
        let arrival = |from, to, seconds| network.arrival(from, to, 0, at(seconds));
        for (from, to) in [(A, B), (B, A)] {
            for seconds in [9, 100] {
                let arrival = arrival(from, to, seconds).expect("it passes");
                assert!(arrival < at(seconds + 1), "at {seconds} s");
            }
            assert_eq!(arrival(from, to, 10), None);
            let late = arrival(from, to, 95).expect("it is sent again until it passes");
            assert!((at(100)..at(101)).contains(&late));
        }
        assert!(arrival(A, NodeIndex(2), 15).is_some());
        network.heal();
        assert!(network.arrival(A, B, 0, at(15)).is_some());
    }

    #[test]
    fn lost_packets_delay_and_lost_messages_end() {
        let links = Links::default();
        let usual = links.latency_max.as_micros() + links.jitter_max.as_micros();
        let mut network = Network::new(Seed(1), links);
        network.lose(Loss {
            from: VirtualTime::START,
            until: VirtualTime::END,
            stalls_ppm: 300_000,
            ends_ppm: 100_000,
        });
        let arrivals: Vec<_> = (0..1_000)
            .map(|number| network.arrival(A, B, number, VirtualTime::START))
            .collect();
        let lost = arrivals.iter().filter(|it| it.is_none()).count();
        let late = arrivals
            .iter()
            .flatten()
            .filter(|it| it.as_micros() > usual);
        assert!((50..200).contains(&lost), "{lost} lost");
        assert!((200..400).contains(&late.count()));
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
