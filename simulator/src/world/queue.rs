//! What is still to happen, in the one order of a run.
//!
//! The order is (time, node it happens to, node it comes from, number at the origin). It does not
//! depend on when something was put into the queue, so a queue split by node gives the same run.
//! Since nothing reaches another node in no time, all that happens to one node at one moment comes
//! together: (time, node) is also the order in which nodes act.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use maille_core::command::Command;
use maille_core::{CommandId, ConnectionId};
use maille_protocol::id::TransportId;
use slab::Slab;

use super::NodeIndex;
use crate::clock::VirtualTime;
use crate::fault::Fault;

/// Where happenings come from that no node causes.
pub(super) const OUTSIDE: NodeIndex = NodeIndex(u32::MAX);

/// When something happens, and to whom: the total order of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) at: VirtualTime,
    pub(super) to: NodeIndex,
    pub(super) from: NodeIndex,
    pub(super) number: u64,
}

/// Something that happens to a node.
#[derive(Debug)]
pub(super) enum Happening {
    /// The process starts.
    Boot,
    /// Something goes wrong, or is mended.
    Fault(Fault),
    /// The person types something; lost while the process is down.
    Asked {
        id: CommandId,
        command: Box<Command>,
    },
    /// Somebody dials.
    Dialled {
        connection: ConnectionId,
        dial: Dial,
    },
    /// The other end took the dial.
    Opened {
        connection: ConnectionId,
        dial: Dial,
    },
    /// A dial came to nothing.
    Refused { dial: Dial },
    /// A frame arrives.
    Frame {
        connection: ConnectionId,
        bytes: Arc<[u8]>,
    },
    /// A frame has come through the node's own line.
    Received {
        connection: ConnectionId,
        bytes: Arc<[u8]>,
    },
    /// A dial that was taken arrives a second time, at another address; nobody will use it.
    DoubleDial {
        connection: ConnectionId,
        dial: Dial,
        from: NodeIndex,
    },
    /// A frame that a misbehaving node held back leaves now.
    Leaves {
        connection: ConnectionId,
        frame: Vec<u8>,
        life: u64,
    },
    /// A connection is gone.
    Gone { connection: ConnectionId },
    /// A partition has begun: what it cuts will be noticed.
    Severed,
    /// The group commit under way has ended.
    Flushed { life: u64 },
    /// The machine's timer rings.
    Wake { life: u64, setting: u64 },
    /// A pause ends.
    Resumed,
}

/// What a dial was for: comes back with its outcome.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dial {
    /// Who dials.
    pub(super) dialler: TransportId,
    /// Whom they want.
    pub(super) peer: TransportId,
    /// The life in which the dialler dialled.
    pub(super) life: u64,
}

/// Happenings by their keys: a heap of keys over a slab of what they carry.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Reverse<(Key, usize)>>,
    carried: Slab<Happening>,
}

impl Queue {
    pub(super) fn push(&mut self, key: Key, happening: Happening) {
        let slot = self.carried.insert(happening);
        self.heap.push(Reverse((key, slot)));
    }

    pub(super) fn first(&self) -> Option<Key> {
        self.heap.peek().map(|Reverse((key, _))| *key)
    }

    pub(super) fn pop(&mut self) -> Option<(Key, Happening)> {
        let Reverse((key, slot)) = self.heap.pop()?;
        Some((key, self.carried.remove(slot)))
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualSpan;

    fn key(at: u64, to: u32, from: u32, number: u64) -> Key {
        Key {
            at: VirtualTime::START.plus(VirtualSpan::from_micros(at)),
            to: NodeIndex(to),
            from: NodeIndex(from),
            number,
        }
    }

    #[test]
    fn happenings_come_by_time_then_place_then_origin_then_number_whenever_they_were_put_in() {
        let ordered = [
            key(0, 9, 9, 9),
            key(1, 0, 9, 9),
            key(1, 1, 0, 9),
            key(1, 1, 1, 0),
            key(1, 1, 1, 1),
        ];
        for shift in 0..ordered.len() {
            let mut queue = Queue::default();
            for at in 0..ordered.len() {
                queue.push(ordered[(at + shift) % ordered.len()], Happening::Boot);
            }
            assert_eq!(queue.first(), Some(ordered[0]));
            let popped: Vec<Key> = std::iter::from_fn(|| queue.pop().map(|(key, _)| key)).collect();
            assert_eq!(popped, ordered);
        }
    }
}
