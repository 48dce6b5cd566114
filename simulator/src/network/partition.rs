//! When links carry nothing, or lose messages.

use std::collections::BTreeSet;

use crate::clock::{VirtualSpan, VirtualTime};
use crate::random::Seed;
use crate::world::NodeIndex;

/// One side of a [`Partition`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// These nodes.
    Of(BTreeSet<NodeIndex>),
    /// Everybody who is not on the other side.
    Rest,
}

/// In which direction nothing passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// Neither.
    Both,
    /// From `a` to `b` nothing passes, from `b` to `a` it does: like a broken route back.
    AToB,
}

/// A time in which nothing passes between two sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// From when.
    pub from: VirtualTime,
    /// Until when.
    pub until: VirtualTime,
    /// One side.
    pub a: BTreeSet<NodeIndex>,
    /// The other side.
    pub b: Side,
    /// In which direction.
    pub ways: Ways,
}

/// A time in which messages are lost by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// From when.
    pub from: VirtualTime,
    /// Until when.
    pub until: VirtualTime,
    /// Chances in a million that a packet is lost and sent again: the stream stalls. Below a
    /// million.
    pub stalls_ppm: u32,
    /// Chances in a million that a message ends its connection.
    pub ends_ppm: u32,
}

impl Partition {
    /// Nothing passes between two nodes.
    pub fn between(a: NodeIndex, b: NodeIndex, from: VirtualTime, until: VirtualTime) -> Self {
        Self {
            from,
            until,
            a: BTreeSet::from([a]),
            b: Side::Of(BTreeSet::from([b])),
            ways: Ways::Both,
        }
    }

    /// Nothing passes between one node and everybody else.
    pub fn isolate(node: NodeIndex, from: VirtualTime, until: VirtualTime) -> Self {
        Self {
            from,
            until,
            a: BTreeSet::from([node]),
            b: Side::Rest,
            ways: Ways::Both,
        }
    }

    /// Each of `nodes` is isolated, one after the other until `full`, and found again one after
    /// the other, in another order, until `until`: the gradual partition of `FoundationDB`'s
    /// "swizzle", which finds what a clean cut hides.
    pub fn gradual(
        seed: Seed,
        nodes: &[NodeIndex],
        from: VirtualTime,
        full: VirtualTime,
        until: VirtualTime,
    ) -> Vec<Self> {
        let moment = |purpose, node: NodeIndex, begin: VirtualTime, end: VirtualTime| {
            let span = end.since(begin).as_micros().max(1);
            let after = seed
                .draw(purpose, &[u64::from(node.0), from.as_micros()])
                .within(0..span);
            begin.plus(VirtualSpan::from_micros(after))
        };
        nodes
            .iter()
            .map(|&node| {
                let begins = moment("swizzle begins", node, from, full);
                Self::isolate(node, begins, moment("swizzle ends", node, full, until))
            })
            .collect()
    }

    /// Whether it can cut any link of `node`.
    pub fn touches(&self, node: NodeIndex) -> bool {
        self.a.contains(&node)
            || match &self.b {
                Side::Of(nodes) => nodes.contains(&node),
                Side::Rest => true,
            }
    }

    /// Whether it keeps what `from` sends from `to`, while it lasts.
    pub fn parts(&self, from: NodeIndex, to: NodeIndex) -> bool {
        let in_b = |node| match &self.b {
            Side::Of(nodes) => nodes.contains(&node),
            Side::Rest => !self.a.contains(&node),
        };
        let forth = self.a.contains(&from) && in_b(to);
        let back = self.ways == Ways::Both && in_b(from) && self.a.contains(&to);
        forth || back
    }

    /// Whether it is in force.
    pub fn is_on(&self, at: VirtualTime) -> bool {
        self.from <= at && at < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeIndex = NodeIndex(0);
    const B: NodeIndex = NodeIndex(1);
    const C: NodeIndex = NodeIndex(2);

    fn at(seconds: u64) -> VirtualTime {
        VirtualTime::START.plus(VirtualSpan::from_secs(seconds))
    }

    #[test]
    fn an_isolated_node_reaches_nobody_and_the_others_reach_each_other() {
        let partition = Partition::isolate(A, at(1), at(2));
        assert!(partition.parts(A, B) && partition.parts(B, A));
        assert!(!partition.parts(B, C));
    }

    #[test]
    fn an_asymmetric_partition_cuts_one_direction() {
        let partition = Partition {
            ways: Ways::AToB,
            ..Partition::between(A, B, at(1), at(2))
        };
        assert!(partition.parts(A, B) && !partition.parts(B, A));
        assert!(!partition.touches(C));
    }

    #[test]
    fn a_gradual_partition_grows_until_it_is_full_and_then_shrinks() {
        let nodes: Vec<NodeIndex> = (0..20).map(NodeIndex).collect();
        let partitions = Partition::gradual(Seed(1), &nodes, at(100), at(200), at(300));
        let isolated = |seconds| partitions.iter().filter(|it| it.is_on(at(seconds))).count();
        assert_eq!((isolated(99), isolated(200), isolated(300)), (0, 20, 0));
        assert!((1..20).contains(&isolated(150)) && (1..20).contains(&isolated(250)));
    }
}
