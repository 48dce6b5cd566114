//! What a run did, as one hash: two runs with equal hashes did the same, byte for byte.
//!
//! Every node hashes each input given to it and each output it made, with the time; the run's
//! hash is the hash of the nodes' hashes in their order, so it does not depend on how the nodes'
//! events are interleaved in the queue.

use std::fmt;

use maille_core::{Input, Output};
use serde::{Serialize, Serializer};

use crate::clock::VirtualTime;

/// The first 128 bits of a BLAKE3 hash over everything that a run did.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceHash([u8; 16]);

impl TraceHash {
    /// The hash of a run from its nodes' traces, in the nodes' order.
    pub fn of<'a>(nodes: impl Iterator<Item = &'a NodeTrace>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("maille-simulator 1 run trace");
        for node in nodes {
            hasher.update(node.0.finalize().as_bytes());
        }
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = *hasher.finalize().as_bytes();
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One node's running hash.
#[derive(Clone, Debug)]
pub struct NodeTrace(blake3::Hasher);

impl Default for NodeTrace {
    fn default() -> Self {
        Self(blake3::Hasher::new_derive_key(
            "maille-simulator 1 node trace",
        ))
    }
}

impl NodeTrace {
    /// Adds something that happened to the node itself: `what` names it.
    pub fn fate(&mut self, now: VirtualTime, what: &str) {
        self.record(now, 0, &[what.as_bytes()]);
    }

    /// Adds an input.
    pub fn input(&mut self, now: VirtualTime, input: &Input<'_>) {
        match input {
            Input::Command(id, command) => {
                self.record(now, 1, &[&id.0.to_le_bytes(), &json(command)])
            }
            Input::Connected {
                connection,
                peer,
                role,
            } => {
                let role = format!("{role:?}");
                self.record(
                    now,
                    2,
                    &[
                        &connection.0.to_le_bytes(),
                        peer.as_bytes(),
                        role.as_bytes(),
                    ],
                );
            }
            Input::Received { from, frame } => self.record(now, 3, &[&from.0.to_le_bytes(), frame]),
            Input::Disconnected { connection } => {
                self.record(now, 4, &[&connection.0.to_le_bytes()])
            }
            Input::DialFailed { peer } => self.record(now, 5, &[peer.as_bytes()]),
            Input::Nearby { peer } => self.record(now, 10, &[peer.as_bytes()]),
            Input::Committed(id) => self.record(now, 6, &[&id.0.to_le_bytes()]),
            Input::Listening(addresses) => self.record(now, 7, &[&json(addresses)]),
            Input::Addresses(addresses) => self.record(now, 9, &[&json(addresses)]),
            Input::Tick => self.record(now, 8, &[]),
        }
    }

    /// Adds an output.
    pub fn output(&mut self, now: VirtualTime, output: &Output) {
        match output {
            Output::Commit { id, batch } => {
                self.record(now, 16, &[&id.0.to_le_bytes()]);
                for (key, value) in batch {
                    match value {
                        Some(value) => self.record(now, 22, &[key, value]),
                        None => self.record(now, 23, &[key]),
                    }
                }
            }
            Output::Dial { peer, addresses } => {
                self.record(now, 17, &[peer.as_bytes(), &json(addresses)])
            }
            Output::Send { to, frame } => self.record(now, 18, &[&to.0.to_le_bytes(), frame]),
            Output::Close { connection } => self.record(now, 19, &[&connection.0.to_le_bytes()]),
            Output::Finished { command, result } => {
                self.record(now, 20, &[&command.0.to_le_bytes(), &json(result)]);
            }
            Output::Event(event) => self.record(now, 21, &[&json(event)]),
        }
    }

    fn record(&mut self, now: VirtualTime, kind: u8, parts: &[&[u8]]) {
        self.0.update(&now.as_micros().to_le_bytes());
        self.0.update(&[kind]);
        for part in parts {
            self.0.update(&(part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
    }
}

/// Canonical enough: field order is the type's, maps are B-trees.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data in memory serializes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_tells_times_kinds_and_borders_apart() {
        let hash = |act: &dyn Fn(&mut NodeTrace)| {
            let mut node = NodeTrace::default();
            act(&mut node);
            TraceHash::of([node].iter())
        };
        let start = VirtualTime::START;
        let later = start.plus(crate::clock::VirtualSpan::from_micros(1));
        let tick = hash(&|node| node.input(start, &Input::Tick));
        assert_eq!(tick, hash(&|node| node.input(start, &Input::Tick)));
        assert_ne!(tick, hash(&|node| node.input(later, &Input::Tick)));
        assert_ne!(tick, hash(&|_| ()));
        let split = |a: &'static str, b: &'static str| {
            hash(&move |node: &mut NodeTrace| node.record(start, 99, &[a.as_bytes(), b.as_bytes()]))
        };
        assert_ne!(split("ab", "c"), split("a", "bc"));
        assert_eq!(tick.to_string().len(), 32);
    }
}
