//! Makes changes that pass of what a person did.

use std::num::NonZeroU64;

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ChangeHash, ExpandedChange, ScalarValue};

use super::past::Past;
use super::{AsideError, FitError, ScanError, look};

/// Writes the next changes of a log.
pub(super) struct Writer {
    past: Past,
    actor: ActorId,
    time_ms: i64,
    made: Vec<Change>,
}

impl Writer {
    /// A writer in the name of a log that is wholly in `past`.
    pub(super) const fn new(past: Past, actor: ActorId, time_ms: i64) -> Self {
        Self {
            past,
            actor,
            time_ms,
            made: Vec::new(),
        }
    }

    /// Makes a change that follows these heads and the log's own last change, and changes nothing: it puts a value and
    /// deletes it, since a change has operations.
    pub(super) fn join(&mut self, heads: &[ChangeHash]) -> Result<Change, AsideError> {
        let (seq, own) = self.past.next_of(&self.actor);
        let mut deps = heads.to_vec();
        deps.extend(own);
        deps.sort_unstable();
        deps.dedup();
        let start_op = self.past.start_after(&deps).unwrap_or(NonZeroU64::MIN);
        let put = Op {
            action: OpType::Put(ScalarValue::Null),
            obj: ObjectId::Root,
            key: Key::Map("join".into()),
            pred: Vec::new().into(),
            insert: false,
        };
        let delete = Op {
            action: OpType::Delete,
            pred: vec![OpId::new(start_op.get(), &self.actor)].into(),
            ..put.clone()
        };
        let joined = ExpandedChange {
            operations: vec![put, delete],
            actor_id: self.actor.clone(),
            author: None,
            hash: None,
            seq,
            start_op,
            time: self.time_ms,
            message: None,
            deps,
            extra_bytes: Vec::new(),
        };
        self.add(joined)
    }

    /// Makes of a change as many as it needs, and returns the bytes of all. Its operations keep their numbers: a piece
    /// begins with the number after the last of the piece before it.
    pub(super) fn write(mut self, change: ExpandedChange) -> Result<Vec<Vec<u8>>, AsideError> {
        let mut pieces = vec![change];
        let mut first = true;
        while let Some(mut piece) = pieces.pop() {
            let (seq, own) = self.past.next_of(&self.actor);
            piece.seq = seq;
            if !first {
                piece.deps = own.into_iter().collect();
            }
            match self.add(piece.clone()) {
                Ok(_) => first = false,
                Err(error) if too_much(error) && piece.operations.len() > 1 => {
                    let mut later = piece.clone();
                    later.operations = piece.operations.split_off(piece.operations.len() / 2);
                    let count = piece.operations.len() as u64;
                    later.start_op = piece.start_op.saturating_add(count);
                    pieces.extend([later, piece]);
                }
                Err(error) => return Err(error),
            }
        }
        let bytes = self.made.iter().map(|it| it.raw_bytes().to_vec());
        Ok(bytes.collect())
    }

    /// Adds a change, at a time at which its hash may pass, if it is judged well.
    fn add(&mut self, mut expanded: ExpandedChange) -> Result<Change, AsideError> {
        let change = loop {
            let change = Change::from(expanded.clone());
            if change.hash().0[0] != 0 {
                break change;
            }
            expanded.time += 1;
        };
        let bytes = change.raw_bytes();
        look(bytes, &self.actor)?;
        self.past.take(change.hash(), &expanded, bytes.len())?;
        self.made.push(change.clone());
        Ok(change)
    }
}

/// Whether half of it may pass.
const fn too_much(error: AsideError) -> bool {
    matches!(
        error,
        AsideError::Scan(ScanError::TooLong | ScanError::Operations)
            | AsideError::Fit(FitError::Length)
    )
}
