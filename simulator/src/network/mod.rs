//! The links between nodes: how long a message takes, and when none passes.
//!
//! A link's behaviour is computed from the seed when it is asked for; there is no table of links.
//!
//! | what | how |
//! |---|---|
//! | latency | the shortest there is, and the distance between two places in [`Region`]s; without regions drawn per pair |
//! | jitter | per message, log-normal (a table of integers), bounded |
//! | bandwidth | a token bucket per node for what it sends, and one for what it receives |
//! | loss | a lost packet is sent again and delays what comes after it; too many end the connection |
//! | reach | [`Nat`] classes decide whether a dial gets through |
//! | partitions | [`Partition`]: a short one delays, a long one ends connections |
//!
//! **Order.** Like a stream of QUIC or TCP a connection delivers each message once and in order, or
//! ends: duplication and reordering inside one cannot happen, and frames cannot be played again into
//! another, which has other keys. Across connections they can: messages of an older connection may
//! arrive after those of a newer one, two nodes may dial each other at once, and a dial may leave a
//! second connection at the acceptor that nobody uses (`double_dial_ppm`), as when several addresses
//! are tried at the same time. What a node itself repeats or reorders is [`crate::byzantine`]'s.

mod bandwidth;
pub(crate) mod nat;
mod partition;
mod place;

use maille_core::ConnectionId;

use crate::clock::{VirtualSpan, VirtualTime};
use crate::random::Seed;
use crate::world::NodeIndex;

pub use bandwidth::{Bandwidth, Bucket};
pub use nat::Nat;
pub use partition::{Loss, Partition, Side, Ways};
pub use place::Region;

/// How links behave.
#[derive(Clone, Debug)]
pub struct Links {
    /// Shortest one-way delay: what every message takes, wherever it goes. More than nothing.
    pub latency_min: VirtualSpan,
    /// Without regions: longest one-way delay, without jitter.
    pub latency_max: VirtualSpan,
    /// Most that is added to one message; what usually is, is about a quarter of it.
    pub jitter_max: VirtualSpan,
    /// How long a node takes, at most, to notice that the other end is gone.
    pub detection_max: VirtualSpan,
    /// Where nodes are. None: the delay of each pair is drawn.
    pub regions: Vec<Region>,
    /// What a node can send; `None`: anything.
    pub up: Option<Bandwidth>,
    /// What a node can receive; `None`: anything.
    pub down: Option<Bandwidth>,
    /// Routers that nodes are behind, each with how many nodes have it, compared with the others.
    /// None: all are open.
    pub nat: Vec<(Nat, u32)>,
    /// Chances in a million that a dial leaves a second connection at the acceptor.
    pub double_dial_ppm: u32,
}

impl Default for Links {
    /// Home connections across a country, faster than what is sent on them.
    fn default() -> Self {
        Self {
            latency_min: VirtualSpan::from_millis(5),
            latency_max: VirtualSpan::from_millis(60),
            jitter_max: VirtualSpan::from_millis(10),
            detection_max: VirtualSpan::from_secs(15),
            regions: Vec::new(),
            up: None,
            down: None,
            nat: Vec::new(),
            double_dial_ppm: 0,
        }
    }
}

/// The middles of 64 equal parts of a log-normal distribution with median 1,024 and sigma 0.8:
/// `round(1024 * exp(0.8 * inverse_normal((i + 0.5) / 64)))`.
const LOG_NORMAL: [u64; 64] = [
    148, 209, 250, 284, 315, 343, 370, 395, 420, 444, 468, 492, 515, 539, 562, 585, 609, 632, 656,
    680, 705, 730, 755, 781, 807, 833, 861, 889, 917, 947, 977, 1_008, 1_040, 1_073, 1_108, 1_143,
    1_180, 1_218, 1_258, 1_300, 1_343, 1_389, 1_437, 1_488, 1_541, 1_598, 1_658, 1_723, 1_792,
    1_866, 1_947, 2_035, 2_132, 2_239, 2_359, 2_495, 2_651, 2_835, 3_055, 3_328, 3_686, 4_191,
    5_021, 7_083,
];

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
    ///
    /// # Panics
    /// If messages would take no time.
    pub fn new(seed: Seed, links: Links) -> Self {
        assert!(
            links.latency_min > VirtualSpan::ZERO,
            "a message takes time"
        );
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
        Some(leaves.plus(self.latency(from, to)).plus(self.jitter(&key)))
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

    /// How `node`'s router treats what comes from outside.
    pub fn nat_of(&self, node: NodeIndex) -> Nat {
        let all: u64 = self.links.nat.iter().map(|(_, it)| u64::from(*it)).sum();
        if all == 0 {
            return Nat::Open;
        }
        let mut at = self.seed.draw("nat", &[u64::from(node.0)]).within(0..all);
        for (nat, weight) in &self.links.nat {
            match at.checked_sub(u64::from(*weight)) {
                Some(rest) => at = rest,
                None => return *nat,
            }
        }
        Nat::Open
    }

    /// If dial `number` of `dialler` leaves a second connection at the acceptor: after how long.
    pub fn double_dial(&self, dialler: NodeIndex, number: u64) -> Option<VirtualSpan> {
        let key = [u64::from(dialler.0), number];
        let draw = self.seed.draw("double dial", &key);
        draw.happens(self.links.double_dial_ppm).then(|| {
            let after = self.seed.draw("double dial after", &key);
            VirtualSpan::from_micros(after.within(0..500_000))
        })
    }

    fn latency(&self, from: NodeIndex, to: NodeIndex) -> VirtualSpan {
        let min = self.links.latency_min.as_micros();
        if !self.links.regions.is_empty() {
            let [a, b] = [from, to].map(|node| place::of(self.seed, &self.links.regions, node));
            return VirtualSpan::from_micros(min + place::delay(a, b).as_micros());
        }
        let ends = [from.0.min(to.0), from.0.max(to.0)].map(u64::from);
        let max = self.links.latency_max.as_micros().max(min + 1);
        VirtualSpan::from_micros(self.seed.draw("latency", &ends).within(min..max))
    }

    fn jitter(&self, key: &[u64; 3]) -> VirtualSpan {
        let max = self.links.jitter_max.as_micros();
        // One draw: its upper part picks a row of the table, the rest a place up to the next.
        let drawn = self.seed.draw("jitter", key).within(0..64 * 1_024);
        let (row, part) = ((drawn / 1_024) as usize, drawn % 1_024);
        let (low, high) = (LOG_NORMAL[row], LOG_NORMAL[(row + 1).min(63)]);
        let scaled = low + (high - low) * part / 1_024;
        VirtualSpan::from_micros((max / 4 * scaled / 1_024).min(max))
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

impl End {
    /// The end of a new connection to `peer`, who has heard all that was sent by `last_arrival`.
    pub fn to(peer: NodeIndex, last_arrival: VirtualTime) -> Self {
        Self {
            peer,
            last_arrival,
            broken: false,
            closed: false,
        }
    }
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

/// The id of a second connection that the dial of `connection` leaves at its acceptor.
pub fn second_of(connection: ConnectionId) -> ConnectionId {
    ConnectionId(connection.0 | 1 << 31) // nobody dials 2^31 times
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
        let network = Network::new(Seed(5), links.clone());
        let arrivals: Vec<u64> = (0..2_000)
            .map(|number| {
                let arrival = network.arrival(A, B, number, VirtualTime::START);
                arrival.expect("no loss").as_micros() - network.latency(A, B).as_micros()
            })
            .collect();
        let below = |micros| arrivals.iter().filter(|it| **it <= micros).count();
        assert_eq!(below(links.jitter_max.as_micros()), 2_000);
        assert!(
            (900..1_100).contains(&below(links.jitter_max.as_micros() / 4)),
            "the median"
        );
        // A tenth is beyond exp(0.8 * 1.28) = 2.8 medians: a long tail.
        let tail = 2_000 - below(links.jitter_max.as_micros() / 4 * 28 / 10);
        assert!((150..250).contains(&tail), "{tail}");
    }

    #[test]
    fn with_regions_a_message_takes_as_long_as_the_way_is() {
        let region = |east_km| Region {
            east_km,
            north_km: 0,
            spread_km: 0,
            weight: 1,
        };
        let links = Links {
            regions: vec![region(0), region(800)],
            ..Links::default()
        };
        let network = Network::new(Seed(1), links);
        let far = |node| network.latency(A, NodeIndex(node)).as_micros();
        let seen: std::collections::BTreeSet<u64> = (1..30).map(far).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), [5_000, 13_000]);
    }

    #[test]
    fn nodes_are_behind_routers_in_the_shares_asked_for() {
        let links = Links {
            nat: vec![(Nat::Symmetric, 1), (Nat::Open, 0), (Nat::None, 3)],
            ..Links::default()
        };
        let network = Network::new(Seed(1), links);
        let count = |nat| {
            let nodes = (0..1_000).map(NodeIndex);
            nodes.filter(|node| network.nat_of(*node) == nat).count()
        };
        assert_eq!(count(Nat::Symmetric) + count(Nat::None), 1_000);
        assert!((200..300).contains(&count(Nat::Symmetric)));
    }
}
