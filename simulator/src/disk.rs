//! A node's disk: what is durable, and what a crash may still take.
//!
//! | state of a batch | read by the machine | after a crash |
//! |---|---|---|
//! | waiting for the group commit | no | gone |
//! | in the group commit under way | no | all of the group, or none of it |
//! | durable | yes | there |
//!
//! The machine hears [`maille_core::Input::Committed`] only after the last line.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use maille_core::{CommitId, Store, StoreError, Write};

type Durable = Rc<RefCell<BTreeMap<Vec<u8>, Vec<u8>>>>;

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
        DiskReader(Rc::clone(&self.durable))
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

    /// Loses what was not durable; `group_survives` tells on which side of its end the group
    /// commit under way was interrupted.
    pub fn crash(&mut self, group_survives: bool) {
        let group = std::mem::take(&mut self.flushing);
        if group_survives {
            for (_, batch) in group {
                self.apply(batch);
            }
        }
        self.waiting.clear();
    }

    fn begin(&mut self) -> bool {
        self.flushing = std::mem::take(&mut self.waiting);
        !self.flushing.is_empty()
    }

    fn apply(&mut self, batch: Vec<Write>) {
        let mut durable = self.durable.borrow_mut();
        for (key, value) in batch {
            match value {
                Some(value) => durable.insert(key, value),
                None => durable.remove(&key),
            };
        }
    }
}

impl Store for DiskReader {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.borrow().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        let durable = self.0.borrow();
        let from_prefix = durable.range(prefix.to_vec()..);
        Ok(from_prefix
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, value)| (key.clone(), value.clone()))
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
        for group_survives in [false, true] {
            let mut disk = Disk::default();
            assert!(disk.submit(CommitId(1), put("a")));
            assert_eq!(disk.flushed(), (CommitId(1), false));
            assert!(disk.submit(CommitId(2), put("b")));
            assert!(
                !disk.submit(CommitId(3), put("c")),
                "one group commit at a time"
            );
            disk.crash(group_survives);
            assert!(holds(&disk, "a"));
            assert_eq!(holds(&disk, "b"), group_survives);
            assert!(!holds(&disk, "c"));
        }
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
