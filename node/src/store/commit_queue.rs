//! Group commit: what waits while the disk is busy is written together next.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use maille_core::io::{CommitId, Write};

use super::{CommitError, Store};

/// Largest group, so that the first of many batches does not wait for all of them: a hundred full
/// entries.
const GROUP_BYTES_MAX: usize = 16 << 20;

/// A thread that makes batches durable in the order they come.
///
/// Dropping it waits until everything that was pushed is durable, or failed.
#[derive(Debug)]
pub struct CommitQueue {
    batches: Option<Sender<(CommitId, Vec<Write>)>>,
    thread: Option<JoinHandle<()>>,
}

impl CommitQueue {
    /// Starts the thread. It reports the last batch of each group that became durable, or, once and
    /// then no more, why one could not: what follows a batch that failed is never written.
    pub fn start(
        store: Store,
        report: impl FnMut(Result<CommitId, CommitError>) + Send + 'static,
    ) -> Self {
        let (batches, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("maille-commit".to_owned())
            .spawn(move || commit_all(&store, &waiting, report))
            .expect("the operating system starts a thread");
        Self {
            batches: Some(batches),
            thread: Some(thread),
        }
    }

    /// Queues a batch. After a failure it is dropped.
    pub fn push(&self, id: CommitId, batch: Vec<Write>) {
        if let Some(batches) = &self.batches {
            let _ = batches.send((id, batch)); // the thread has reported why it ended
        }
    }
}

impl Drop for CommitQueue {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there was printed there
        }
    }
}

fn commit_all(
    store: &Store,
    waiting: &Receiver<(CommitId, Vec<Write>)>,
    mut report: impl FnMut(Result<CommitId, CommitError>),
) {
    while let Ok(first) = waiting.recv() {
        let mut bytes = size(&first.1);
        let mut group = vec![first];
        while bytes < GROUP_BYTES_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            bytes += size(&next.1);
            group.push(next);
        }
        let last = group.last().expect("a group has a first batch").0;
        let result = store.commit(group.iter().map(|(_, batch)| batch.as_slice()));
        let failed = result.is_err();
        report(result.map(|()| last));
        if failed {
            return;
        }
    }
}

fn size(batch: &[Write]) -> usize {
    batch
        .iter()
        .map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len))
        .sum()
}
