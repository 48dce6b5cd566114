//! Reading through what is written but not durable yet, and collecting the next batch.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::command::CommandError;
use crate::io::{CommitId, Pairs, Store, StoreError, Write};

/// The store as the machine sees it: durable values, under batches that are on their way,
/// under the batch that is being made.
pub(crate) struct View<S> {
    store: S,
    on_their_way: BTreeMap<Vec<u8>, (CommitId, Option<Vec<u8>>)>,
    batch: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    issued: CommitId,
    durable: CommitId,
}

/// Why the store could not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("unreadable value at {key}")]
    Damaged { key: String },
}

impl From<ReadError> for CommandError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(StoreError(reason)) => Self::Disk { reason },
            ReadError::Damaged { key } => Self::Damaged { key },
        }
    }
}

pub(crate) fn damaged(key: &[u8]) -> ReadError {
    ReadError::Damaged { key: shown(key) }
}

/// Names a key for a message: its letter and the start of the rest.
pub(crate) fn shown(key: &[u8]) -> String {
    key.iter()
        .take(9)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl<S: Store> View<S> {
    pub(crate) fn new(store: S) -> Self {
        Self {
            store,
            on_their_way: BTreeMap::new(),
            batch: BTreeMap::new(),
            issued: CommitId(0),
            durable: CommitId(0),
        }
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
        if let Some(value) = self.batch.get(key) {
            return Ok(value.clone());
        }
        if let Some((_, value)) = self.on_their_way.get(key) {
            return Ok(value.clone());
        }
        Ok(self.store.get(key)?)
    }

    pub(crate) fn read<T>(&self, key: &[u8]) -> Result<Option<T>, ReadError>
    where
        T: for<'b> Decode<'b, ()>,
    {
        match self.get(key)? {
            None => Ok(None),
            Some(bytes) => decode(key, &bytes).map(Some),
        }
    }

    /// Everything under `prefix`, in key order.
    pub(crate) fn scan(&self, prefix: &[u8]) -> Result<Pairs, ReadError> {
        let mut found: BTreeMap<Vec<u8>, Vec<u8>> = self.store.scan(prefix)?.into_iter().collect();
        let mut lay = |key: &Vec<u8>, value: &Option<Vec<u8>>| {
            match value {
                Some(value) => found.insert(key.clone(), value.clone()),
                None => found.remove(key),
            };
        };
        for (key, (_, value)) in self
            .on_their_way
            .range(prefix.to_vec()..)
            .take_while(|(key, _)| key.starts_with(prefix))
        {
            lay(key, value);
        }
        for (key, value) in self
            .batch
            .range(prefix.to_vec()..)
            .take_while(|(key, _)| key.starts_with(prefix))
        {
            lay(key, value);
        }
        Ok(found.into_iter().collect())
    }

    /// As [`View::scan`], decoded.
    pub(crate) fn scan_read<T>(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, T)>, ReadError>
    where
        T: for<'b> Decode<'b, ()>,
    {
        self.scan(prefix)?
            .into_iter()
            .map(|(key, bytes)| decode(&key, &bytes).map(|value| (key, value)))
            .collect()
    }

    pub(crate) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.batch.insert(key, Some(value));
    }

    pub(crate) fn write<T: Encode<()>>(&mut self, key: Vec<u8>, value: &T) {
        self.put(key, maille_protocol::wire::encode(value));
    }

    pub(crate) fn delete(&mut self, key: Vec<u8>) {
        self.batch.insert(key, None);
    }

    /// Forgets the batch that is being made.
    pub(crate) fn roll_back(&mut self) {
        self.batch.clear();
    }

    /// Closes the batch that is being made, if it changes anything.
    pub(crate) fn take_batch(&mut self) -> Option<(CommitId, Vec<Write>)> {
        if self.batch.is_empty() {
            return None;
        }
        self.issued = CommitId(self.issued.0 + 1);
        let batch: Vec<Write> = std::mem::take(&mut self.batch).into_iter().collect();
        for (key, value) in &batch {
            self.on_their_way
                .insert(key.clone(), (self.issued, value.clone()));
        }
        Some((self.issued, batch))
    }

    pub(crate) fn committed(&mut self, id: CommitId) {
        self.durable = self.durable.max(id);
        self.on_their_way.retain(|_, (commit, _)| *commit > id);
    }

    /// The last batch closed.
    pub(crate) fn issued(&self) -> CommitId {
        self.issued
    }

    /// The last batch known to be durable.
    pub(crate) fn durable(&self) -> CommitId {
        self.durable
    }
}

pub(crate) fn decode<T>(key: &[u8], bytes: &[u8]) -> Result<T, ReadError>
where
    T: for<'b> Decode<'b, ()>,
{
    minicbor::decode(bytes).map_err(|_| damaged(key))
}
