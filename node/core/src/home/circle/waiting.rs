//! Items of a circle that wait for something that is not here.
//!
//! Each waits for one thing, by which it is found when that comes: what waits costs nothing until then. If it lacks
//! more, it waits again.

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::crypto;
use maille_protocol::entry::{LogId, UnverifiedEntry};
use maille_protocol::generation::SignedGeneration;
use maille_protocol::statement::{Kind, UnverifiedStatement};
use maille_protocol::sync::CircleItem;
use maille_protocol::wire::{self, FRAME_BYTES_MAX};

use crate::state::WaitingItem;

/// Most items of one circle that wait,
const ITEMS_MAX: usize = 4_096;
/// and most bytes of them: all are in memory, and who sends in order makes nothing wait.
const BYTES_MAX: usize = 8 << 20;

/// What an item waits for: the id of a statement, a key or a person, or [`place`].
pub(super) type Needed = [u8; 32];

/// A place of a log.
pub(super) fn place(log: LogId, seq: u64) -> Needed {
    let place: [&[u8]; 2] = [log.as_bytes(), &seq.to_be_bytes()];
    crypto::hash("maille circle place v1", &place)
}

/// What came with an item that was taken in.
fn brought(item: &CircleItem) -> Vec<Needed> {
    match item {
        CircleItem::Statement(bytes) => {
            let Ok(said) = UnverifiedStatement::decode(bytes) else {
                return Vec::new();
            };
            let said = said.assume_verified();
            // A ring key's id is that of the statement which announces it.
            let mut brought = vec![*said.id().as_bytes()];
            if let Kind::Person { person, .. } = said.statement().kind {
                brought.push(*person.as_bytes());
            }
            brought
        }
        CircleItem::Generation(bytes) => {
            let signed = wire::decode::<SignedGeneration>(bytes, FRAME_BYTES_MAX);
            signed.iter().map(|it| *it.id().as_bytes()).collect()
        }
        CircleItem::Entry(bytes) => {
            let entry = UnverifiedEntry::decode(bytes);
            let claimed = entry.iter().map(UnverifiedEntry::claimed);
            claimed.map(|it| place(it.log, it.seq)).collect()
        }
        CircleItem::Person(_) | CircleItem::Key(_) => Vec::new(),
    }
}

/// Items that wait, by the hash that names each.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    items: BTreeMap<[u8; 32], WaitingItem>,
    by_need: BTreeMap<Needed, BTreeSet<[u8; 32]>>,
    bytes: usize,
    /// How many were taken out again.
    #[cfg(test)]
    pub(super) taken: usize,
}

impl Waiting {
    /// Whether there is room for an item that is not here yet.
    pub(super) fn has_room_for(&self, hash: &[u8; 32], item: &CircleItem) -> bool {
        !self.items.contains_key(hash)
            && self.items.len() < ITEMS_MAX
            && self.bytes + item.bytes().len() <= BYTES_MAX
    }

    pub(super) fn insert(&mut self, hash: [u8; 32], waits: WaitingItem) {
        self.bytes += waits.item.bytes().len();
        self.by_need.entry(waits.needs).or_default().insert(hash);
        self.items.insert(hash, waits);
    }

    /// Takes out what waited for what came with `item`.
    pub(super) fn take_for(&mut self, item: &CircleItem) -> Vec<([u8; 32], CircleItem)> {
        let mut taken = Vec::new();
        for needed in brought(item) {
            for hash in self.by_need.remove(&needed).unwrap_or_default() {
                if let Some(waits) = self.items.remove(&hash) {
                    self.bytes -= waits.item.bytes().len();
                    taken.push((hash, waits.item));
                }
            }
        }
        #[cfg(test)]
        {
            self.taken += taken.len();
        }
        taken
    }

    #[cfg(test)]
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }
}
