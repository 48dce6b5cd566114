//! Routers that translate addresses, and whom they let in.
//!
//! | class (RFC 4787) | a dial from outside reaches the node |
//! |---|---|
//! | open | always |
//! | endpoint-independent | while the node keeps any mapping open: it has a connection, or sent something to anybody within two minutes |
//! | address-dependent | while it keeps one open towards the dialler |
//! | symmetric | never: each peer sees another port than the address on the card says |
//! | none | never: nothing comes in that was not asked for |
//!
//! The last two differ only once there is hole punching: ports of the first can be guessed, and
//! only a relay reaches the second. The protocol has neither yet, so two nodes behind such routers
//! cannot meet, and a node behind one has to dial.

use std::collections::BTreeMap;

use crate::clock::{VirtualSpan, VirtualTime};
use crate::world::NodeIndex;

/// How a node's router treats what comes from outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nat {
    /// There is none, or the port is forwarded.
    #[default]
    Open,
    /// One mapping for all peers, open to all of them.
    EndpointIndependent,
    /// One mapping for all peers, open to those that the node has sent something to.
    AddressDependent,
    /// A mapping for each peer.
    Symmetric,
    /// Nothing from outside.
    None,
}

/// How long a mapping stays open after the last packet: RFC 4787 asks for two minutes or more.
const MAPPING_LASTS: VirtualSpan = VirtualSpan::from_secs(120);

/// Mappings that a router keeps for one node.
#[derive(Debug, Default)]
pub(crate) struct Mappings {
    sent: BTreeMap<NodeIndex, VirtualTime>,
}

impl Mappings {
    /// The node sends something to `peer`.
    pub(crate) fn sends(&mut self, now: VirtualTime, peer: NodeIndex) {
        self.sent.insert(peer, now);
    }

    /// Whether a dial from `dialler` gets through; `connected` are the node's peers.
    pub(crate) fn admits(
        &self,
        nat: Nat,
        now: VirtualTime,
        dialler: NodeIndex,
        mut connected: impl Iterator<Item = NodeIndex>,
    ) -> bool {
        let open = |sent: &VirtualTime| now.since(*sent) <= MAPPING_LASTS;
        match nat {
            Nat::Open => true,
            Nat::EndpointIndependent => connected.next().is_some() || self.sent.values().any(open),
            Nat::AddressDependent => {
                connected.any(|peer| peer == dialler) || self.sent.get(&dialler).is_some_and(open)
            }
            Nat::Symmetric | Nat::None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_lets_in_whom_its_line_of_the_table_says() {
        let (a, b) = (NodeIndex(1), NodeIndex(2));
        let at = |seconds| VirtualTime::START.plus(VirtualSpan::from_secs(seconds));
        let mut mappings = Mappings::default();
        mappings.sends(at(1_000), a);
        let admits = |nat, seconds, from, connected: Option<NodeIndex>| {
            mappings.admits(nat, at(seconds), from, connected.into_iter())
        };
        // (class, from a soon, from b soon, from a late, from b late while connected to a, from a then)
        for (nat, expected) in [
            (Nat::Open, [true, true, true, true, true]),
            (Nat::EndpointIndependent, [true, true, false, true, true]),
            (Nat::AddressDependent, [true, false, false, false, true]),
            (Nat::Symmetric, [false; 5]),
            (Nat::None, [false; 5]),
        ] {
            let got = [
                admits(nat, 1_120, a, None),
                admits(nat, 1_120, b, None),
                admits(nat, 1_121, a, None),
                admits(nat, 1_121, b, Some(a)),
                admits(nat, 1_121, a, Some(a)),
            ];
            assert_eq!(got, expected, "{nat:?}");
        }
    }
}
