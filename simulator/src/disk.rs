//! A node's disk: what is durable, and what a crash may still take.
//!
//! | state of a batch | read by the machine | after a crash |
//! |---|---|---|
//! | waiting for the group commit | no | gone |
//! | in the group commit under way | no | all of the group, or none of it; torn: its first batches |
//! | durable | yes | there |
//!
//! The machine hears [`maille_core::Input::Committed`] only after the last line.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use maille_core::{CommitId, Store, StoreError, Write};
use maille_protocol::hook::span;

/// Boxed, not `Vec`s: a thousand nodes hold millions of them, and slack adds up.
type Values = BTreeMap<Box<[u8]>, Box<[u8]>>;
/// Shared by a disk and its machine, which are always used by the same thread.
type Durable = Arc<Mutex<Values>>;

fn lock(durable: &Durable) -> MutexGuard<'_, Values> {
    durable.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A disk with its queue of batches.
#[derive(Debug, Default)]
pub struct Disk {
    durable: Durable,
    flushing: Vec<(CommitId, Vec<Write>)>,
    waiting: Vec<(CommitId, Vec<Write>)>,
}

/// What a machine reads of its [`Disk`]: only what is durable.
#[derive(Clone, Debug)]
pub struct DiskReader(Durable);

impl Disk {
    /// A disk that holds `writes` already.
    pub fn with(writes: Vec<Write>) -> Self {
        let mut disk = Self::default();
        disk.apply(writes);
        disk
    }

    /// The reading end, for a machine.
    pub fn reader(&self) -> DiskReader {
        DiskReader(Arc::clone(&self.durable))
    }

    /// Queues a batch. Returns whether a group commit has to be started for it.
    pub fn submit(&mut self, id: CommitId, batch: Vec<Write>) -> bool {
        self.waiting.push((id, batch));
        self.flushing.is_empty() && self.begin()
    }

    /// Ends the group commit under way: everything in it is durable. Returns its last batch, and
    /// whether the next group commit has begun.
    ///
    /// # Panics
    /// If none was under way.
    pub fn flushed(&mut self) -> (CommitId, bool) {
        let last = self
            .flushing
            .last()
            .expect("a flush ends only where one began")
            .0;
        for (_, batch) in std::mem::take(&mut self.flushing) {
            self.apply(batch);
        }
        (last, self.begin())
    }

    /// How many batches are in the group commit under way.
    pub fn group_len(&self) -> usize {
        self.flushing.len()
    }

    /// Loses what was not durable, but the first `survive` batches of the group commit under way.
    pub fn crash(&mut self, survive: usize) {
        for (_, batch) in std::mem::take(&mut self.flushing).into_iter().take(survive) {
            self.apply(batch);
        }
        self.waiting.clear();
    }

    /// Loses everything.
    pub fn wipe(&mut self) {
        self.crash(0);
        lock(&self.durable).clear();
    }

    /// A copy of what is durable.
    pub fn copy(&self) -> Vec<Write> {
        let durable = lock(&self.durable);
        durable
            .iter()
            .map(|(key, value)| (key.to_vec(), Some(value.to_vec())))
            .collect()
    }

    /// Bytes of keys and values that are durable.
    pub fn bytes(&self) -> usize {
        let durable = lock(&self.durable);
        durable
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum()
    }

    fn begin(&mut self) -> bool {
        self.flushing = std::mem::take(&mut self.waiting);
        !self.flushing.is_empty()
    }

    fn apply(&mut self, batch: Vec<Write>) {
        let _span = span("store written");
        let mut durable = lock(&self.durable);
        for (key, value) in batch {
            match value {
                Some(value) => durable.insert(key.into_boxed_slice(), value.into_boxed_slice()),
                None => durable.remove(key.as_slice()),
            };
        }
    }
}

impl Store for DiskReader {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let _span = span("store read");
        Ok(lock(&self.0).get(key).map(|value| value.to_vec()))
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let _span = span("store scanned");
        let durable = lock(&self.0);
        let from_prefix = durable.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        Ok(from_prefix
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.to_vec(), value.to_vec()))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str) -> Vec<Write> {
        vec![(key.into(), Some(b"value".to_vec()))]
    }

    fn holds(disk: &Disk, key: &str) -> bool {
        disk.reader()
            .get(key.as_bytes())
            .expect("memory is readable")
            .is_some()
    }

    #[test]
    fn a_crash_takes_what_waits_and_all_or_nothing_of_the_group() {
        for survive in [0, 1] {
            let mut disk = Disk::default();
            assert!(disk.submit(CommitId(1), put("a")));
            assert_eq!(disk.flushed(), (CommitId(1), false));
            assert!(disk.submit(CommitId(2), put("b")));
            assert!(
                !disk.submit(CommitId(3), put("c")),
                "one group commit at a time"
            );
            disk.crash(survive);
            assert!(holds(&disk, "a"));
            assert_eq!(holds(&disk, "b"), survive == 1);
            assert!(!holds(&disk, "c"));
        }
    }

    #[test]
    fn a_torn_group_keeps_its_first_batches_and_a_wiped_disk_nothing() {
        let mut disk = Disk::default();
        assert!(disk.submit(CommitId(1), put("a")));
        for (id, key) in [(2, "b"), (3, "c"), (4, "d")] {
            assert!(!disk.submit(CommitId(id), put(key)));
        }
        assert_eq!(disk.flushed(), (CommitId(1), true));
        assert_eq!(disk.group_len(), 3);
        disk.crash(2);
        assert!(holds(&disk, "b") && holds(&disk, "c") && !holds(&disk, "d"));
        let copy = Disk::with(disk.copy());
        disk.wipe();
        assert!(!holds(&disk, "a") && holds(&copy, "a"));
    }

    #[test]
    fn what_waited_goes_into_the_next_group_and_is_not_read_before() {
        let mut disk = Disk::default();
        assert!(disk.submit(CommitId(1), put("a")));
        assert!(!disk.submit(CommitId(2), put("b")));
        assert!(!disk.submit(CommitId(3), put("c")));
        assert!(!holds(&disk, "a"));
        assert_eq!(disk.flushed(), (CommitId(1), true));
        assert!(holds(&disk, "a") && !holds(&disk, "b"));
        assert_eq!(disk.flushed(), (CommitId(3), false));
        assert!(holds(&disk, "b") && holds(&disk, "c"));
    }

    #[test]
    fn a_scan_ends_with_its_prefix() {
        let disk = Disk::with(
            ["a", "ab", "abc", "ac", "b"]
                .into_iter()
                .flat_map(put)
                .collect(),
        );
        let found = disk.reader().scan(b"ab").expect("memory is readable");
        let keys: Vec<_> = found.into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [b"ab".to_vec(), b"abc".to_vec()]);
    }
}
