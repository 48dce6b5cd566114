//! What the changes that were taken hold, and what lies in the past of each.
//!
//! What is kept grows with the bytes of the changes, not with the operations that they ask for: operations alike
//! in a row are one [`Row`], and a change may have few rows for its length.

use std::collections::{BTreeMap, BTreeSet};

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ChangeHash, ExpandedChange, ObjType, ScalarValue};

/// Why a change does not fit to what it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// It names a change twice as what it follows, or not in rising order.
    #[error("what it follows is not in order")]
    Dependencies,
    /// Not the next of its writer, as far as its own past shows.
    #[error("not the next change of its writer")]
    Sequence,
    /// Its operations are not numbered from the last in its past.
    #[error("its operations are not numbered from the last one before it")]
    StartOp,
    /// It changes an object, an element or a value that is not in its past, or is something else there.
    #[error("it changes something that it cannot have seen")]
    Target,
    /// A kind of operation, or a value, that our documents do not have.
    #[error("an operation that our documents do not have")]
    Operation,
    /// It replaces or deletes what its writer has replaced or deleted before.
    #[error("it replaces what its writer has replaced before")]
    Again,
    /// More in few bytes than [`VALUES_FREE`], [`WEIGHT_FREE`] and [`BYTES_PER_WEIGHT`] allow.
    #[error("more than a change of its length may hold")]
    Length,
}

/// Longest key of a map, in bytes.
pub const KEY_BYTES_MAX: usize = 1024;
/// Operations other than deletions that a change of any length may have; beyond those, one for each of its bytes:
/// what somebody typed is no shorter. A passage of any length is deleted in few bytes.
pub const VALUES_FREE: usize = 64;
/// What a change of any length may weigh in memory: one for each run of operations alike or of values replaced, and
/// [`KEY_WEIGHT`] and [`OBJECT_WEIGHT`] more for each key and object that is new.
pub const WEIGHT_FREE: usize = 16;
/// Bytes of a change for each of its weight beyond that.
pub const BYTES_PER_WEIGHT: usize = 2;
/// What a new key weighs.
pub const KEY_WEIGHT: usize = 2;
/// What a new object weighs.
pub const OBJECT_WEIGHT: usize = 7;

/// Ancestors that are looked through, at most, before a change's clock is kept with it.
const CLOCK_KEPT_AFTER: usize = 16;

/// An operation, by its number and its actor's place in [`Past::actors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    actor: u32,
    number: u32,
}

/// Where something lies in its object. Of a row, where its first operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Under a key, by its place in [`Past::keys`]. All of a row under one.
    Key(u32),
    /// The operations insert elements of their own.
    Own,
    /// At elements that follow each other in number.
    Element(At),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Value,
    /// An object of this kind, by its place in [`Past::objects`]. Alone in its row.
    Object(u32),
}

/// Operations of one change that follow each other in number and are alike.
#[derive(Clone, Copy, Debug)]
struct Row {
    first: u32,
    count: u32,
    /// In which object.
    object: u32,
    place: Place,
    what: What,
}

/// An operation that was found.
#[derive(Clone, Copy, Debug)]
struct Found {
    at: At,
    object: u32,
    place: Place,
    what: What,
}

/// The root is the first of [`Past::objects`].
const ROOT: u32 = 0;

/// A change that was taken.
#[derive(Clone, Debug)]
struct Taken {
    actor: u32,
    /// Its number in the log of its actor, from 1.
    seq: u32,
    /// The number of its last operation, which is the largest in its past.
    end: u32,
    /// What it follows, by their place in [`Past::changes`].
    follows: Box<[u32]>,
    /// Of each actor, how many of its changes lie in the past of this one, itself included.
    clock: Option<Box<[u32]>>,
    rows: Box<[Row]>,
}

/// All that was taken.
#[derive(Clone, Debug)]
pub(super) struct Past {
    actors: BTreeMap<ActorId, u32>,
    keys: BTreeMap<Box<str>, u32>,
    objects: Vec<ObjType>,
    by_hash: BTreeMap<ChangeHash, u32>,
    changes: Vec<Taken>,
    /// Of each actor.
    logs: Vec<Log>,
}

/// What an actor has done.
#[derive(Clone, Debug, Default)]
struct Log {
    /// Its changes.
    changes: Vec<u32>,
    replaced: Runs,
}

/// Operations, as runs that follow each other in number: the first, and how many.
#[derive(Clone, Debug, Default)]
struct Runs(BTreeMap<At, u32>);

impl Runs {
    fn holds(&self, at: At) -> bool {
        self.0
            .range(..=at)
            .next_back()
            .is_some_and(|(first, count)| {
                first.actor == at.actor && at.number - first.number < *count
            })
    }

    /// Adds one that is not there.
    fn add(&mut self, at: At) {
        let mut count = 1;
        if let Some(next) = at.number.checked_add(1)
            && let Some(more) = self.0.remove(&At { number: next, ..at })
        {
            count += more;
        }
        if let Some((first, before)) = self.0.range_mut(..at).next_back()
            && first.actor == at.actor
            && first.number + *before == at.number
        {
            *before += count;
            return;
        }
        self.0.insert(at, count);
    }
}

impl Default for Past {
    fn default() -> Self {
        Self {
            actors: BTreeMap::new(),
            keys: BTreeMap::new(),
            objects: vec![ObjType::Map],
            by_hash: BTreeMap::new(),
            changes: Vec::new(),
            logs: Vec::new(),
        }
    }
}

impl Past {
    pub(super) fn holds(&self, change: &ChangeHash) -> bool {
        self.by_hash.contains_key(change)
    }

    /// Takes a change of `bytes` bytes in, if it fits to its past. All that it follows was taken.
    pub(super) fn take(
        &mut self,
        hash: ChangeHash,
        change: &ExpandedChange,
        bytes: usize,
    ) -> Result<(), FitError> {
        if !change.deps.is_sorted_by(|a, b| a < b) {
            return Err(FitError::Dependencies);
        }
        let follows: Option<Box<[u32]>> = (change.deps.iter())
            .map(|id| self.by_hash.get(id).copied())
            .collect();
        let follows = follows.ok_or(FitError::Dependencies)?;
        let (mut clock, looked) = self.clock(&follows);
        let new_actor = narrow(self.logs.len()).ok_or(FitError::Operation)?;
        let actor = self
            .actors
            .get(&change.actor_id)
            .copied()
            .unwrap_or(new_actor);
        // Of its writer, all that was taken lies in its past: a log has one end.
        let taken = (self.logs.get(wide(actor))).map_or(0, |log| log.changes.len());
        let seen = clock.get(wide(actor)).map_or(0, |seen| wide(*seen));
        let seq = u32::try_from(change.seq).map_err(|_| FitError::Sequence)?;
        if wide(seq) != taken + 1 || seen != taken {
            return Err(FitError::Sequence);
        }
        let before = follows.iter().map(|id| self.changes[wide(*id)].end);
        let start = before.max().unwrap_or(0).checked_add(1);
        let start = start.filter(|start| change.start_op.get() == u64::from(*start));
        let start = start.ok_or(FitError::StartOp)?;
        let mut looking = Looking {
            past: self,
            clock: &clock,
            actor,
            change,
            rows: Vec::new(),
            keys: BTreeMap::new(),
            objects: Vec::new(),
            replaced: Runs::default(),
            values: 0,
        };
        let end = looking.operations(start)?;
        let Looking {
            rows,
            keys,
            objects,
            replaced,
            values,
            ..
        } = looking;
        let weight =
            rows.len() + replaced.0.len() + KEY_WEIGHT * keys.len() + OBJECT_WEIGHT * objects.len();
        if values > VALUES_FREE + bytes || weight > WEIGHT_FREE + bytes / BYTES_PER_WEIGHT {
            return Err(FitError::Length);
        }
        let place = narrow(self.changes.len()).ok_or(FitError::Operation)?;
        self.keys.extend(keys);
        self.objects.extend(objects);
        self.actors.entry(change.actor_id.clone()).or_insert(actor);
        self.logs
            .resize(self.logs.len().max(wide(actor) + 1), Log::default());
        let log = &mut self.logs[wide(actor)];
        log.changes.push(place);
        for (first, count) in replaced.0 {
            let numbers = first.number..first.number + count;
            numbers.for_each(|number| log.replaced.add(At { number, ..first }));
        }
        clock.resize(clock.len().max(wide(actor) + 1), 0);
        clock[wide(actor)] = seq;
        self.by_hash.insert(hash, place);
        self.changes.push(Taken {
            actor,
            seq,
            end,
            follows,
            clock: (looked >= CLOCK_KEPT_AFTER).then(|| clock.into()),
            rows: rows.into(),
        });
        Ok(())
    }

    /// Of each actor, how many of its changes lie at or behind these; and through how many changes one had to
    /// look for that.
    fn clock(&self, heads: &[u32]) -> (Vec<u32>, usize) {
        let mut clock = vec![0; self.logs.len()];
        let (mut queue, mut seen, mut looked) = (heads.to_vec(), BTreeSet::new(), 0);
        while let Some(place) = queue.pop() {
            if !seen.insert(place) {
                continue;
            }
            let change = &self.changes[wide(place)];
            if let Some(kept) = &change.clock {
                for (mine, theirs) in clock.iter_mut().zip(kept) {
                    *mine = (*mine).max(*theirs);
                }
            } else {
                looked += 1;
                let mine = &mut clock[wide(change.actor)];
                *mine = (*mine).max(change.seq);
                queue.extend(&change.follows);
            }
        }
        (clock, looked)
    }

    /// The operation `number` of an actor, if it is among its first `seen` changes.
    fn find(&self, at: At, seen: u32) -> Option<Found> {
        let log = self.logs.get(wide(at.actor))?.changes.get(..wide(seen))?;
        let place = log.partition_point(|place| self.changes[wide(*place)].end < at.number);
        let change = &self.changes[wide(*log.get(place)?)];
        find_in(&change.rows, at)
    }
}

fn find_in(rows: &[Row], at: At) -> Option<Found> {
    let after = rows.partition_point(|row| row.first <= at.number);
    let row = rows.get(after.checked_sub(1)?)?;
    let nth = at.number - row.first;
    (nth < row.count).then(|| Found {
        at,
        object: row.object,
        place: match row.place {
            Place::Key(key) => Place::Key(key),
            Place::Own => Place::Element(at),
            Place::Element(first) => Place::Element(At {
                number: first.number + nth,
                ..first
            }),
        },
        what: row.what,
    })
}

/// A change that is looked into.
struct Looking<'a> {
    past: &'a Past,
    clock: &'a [u32],
    actor: u32,
    change: &'a ExpandedChange,
    rows: Vec<Row>,
    keys: BTreeMap<Box<str>, u32>,
    objects: Vec<ObjType>,
    /// What it replaces or deletes.
    replaced: Runs,
    /// Its operations other than deletions.
    values: usize,
}

impl Looking<'_> {
    /// Checks all operations, each with those before it; returns the number of the last.
    fn operations(&mut self, start: u32) -> Result<u32, FitError> {
        let count = narrow(self.change.operations.len()).ok_or(FitError::Operation)?;
        let last = count
            .checked_sub(1)
            .and_then(|more| start.checked_add(more));
        let last = last.ok_or(FitError::Operation)?;
        for (number, op) in (start..=last).zip(&self.change.operations) {
            if let Some((object, place, what)) = self.operation(op)? {
                self.note(number, object, place, what);
            }
        }
        Ok(last)
    }

    /// What an operation adds, and where.
    fn operation(&mut self, op: &Op) -> Result<Option<(u32, Place, What)>, FitError> {
        let (object, kind) = self.object(&op.obj)?;
        let place = match (&op.key, kind, op.insert) {
            (Key::Map(key), ObjType::Map, false) => Place::Key(self.key(key)?),
            (Key::Seq(after), ObjType::List | ObjType::Text, true) => {
                if let ElementId::Id(after) = after {
                    self.element(after, object)?;
                }
                Place::Own
            }
            (Key::Seq(ElementId::Id(element)), ObjType::List | ObjType::Text, false) => {
                Place::Element(self.element(element, object)?)
            }
            _ => return Err(FitError::Target),
        };
        let replaces = self.replaces(op, object, place)?;
        let in_text = kind == ObjType::Text;
        self.values += usize::from(!matches!(op.action, OpType::Delete));
        let what = match &op.action {
            OpType::Put(value) if in_text => {
                // A text is characters that are inserted and deleted.
                let character = matches!(value, ScalarValue::Str(it) if !it.is_empty());
                if !character || !op.insert {
                    return Err(FitError::Operation);
                }
                What::Value
            }
            // What counts takes time that grows with the square of its steps. Marks and tables nobody uses.
            OpType::Put(ScalarValue::Counter(_) | ScalarValue::Unknown { .. })
            | OpType::Increment(_)
            | OpType::Make(ObjType::Table)
            | OpType::MarkBegin(_)
            | OpType::MarkEnd(_) => return Err(FitError::Operation),
            OpType::Put(_) => What::Value,
            OpType::Make(_) if in_text => return Err(FitError::Operation),
            OpType::Make(kind) => {
                let number = narrow(self.past.objects.len() + self.objects.len());
                self.objects.push(*kind);
                What::Object(number.ok_or(FitError::Operation)?)
            }
            OpType::Delete => {
                if op.insert || !replaces {
                    return Err(FitError::Target);
                }
                return Ok(None);
            }
        };
        Ok(Some((object, place, what)))
    }

    /// Checks what an operation replaces: values at the same place. Returns whether there are any.
    fn replaces(&mut self, op: &Op, object: u32, place: Place) -> Result<bool, FitError> {
        for id in op.pred.iter() {
            let it = self.find(id).ok_or(FitError::Target)?;
            if op.insert || it.object != object || it.place != place {
                return Err(FitError::Target);
            }
            let mine = self.past.logs.get(wide(self.actor));
            if self.replaced.holds(it.at) || mine.is_some_and(|log| log.replaced.holds(it.at)) {
                return Err(FitError::Again);
            }
            self.replaced.add(it.at);
        }
        Ok(!op.pred.is_empty())
    }

    fn object(&self, id: &ObjectId) -> Result<(u32, ObjType), FitError> {
        let ObjectId::Id(id) = id else {
            return Ok((ROOT, ObjType::Map));
        };
        let What::Object(object) = self.find(id).ok_or(FitError::Target)?.what else {
            return Err(FitError::Target);
        };
        let known = self.past.objects.len();
        let kind = (self.past.objects.get(wide(object)))
            .or_else(|| self.objects.get(wide(object).checked_sub(known)?));
        Ok((object, *kind.ok_or(FitError::Target)?))
    }

    fn key(&mut self, key: &str) -> Result<u32, FitError> {
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(FitError::Operation);
        }
        let known = self.past.keys.get(key).or_else(|| self.keys.get(key));
        if let Some(known) = known {
            return Ok(*known);
        }
        let number = narrow(self.past.keys.len() + self.keys.len()).ok_or(FitError::Operation)?;
        self.keys.insert(key.into(), number);
        Ok(number)
    }

    /// An element of a list or text, by the operation that inserted it.
    fn element(&self, id: &OpId, object: u32) -> Result<At, FitError> {
        let found = self.find(id).ok_or(FitError::Target)?;
        let inserts = found.object == object && found.place == Place::Element(found.at);
        if inserts {
            Ok(found.at)
        } else {
            Err(FitError::Target)
        }
    }

    /// An operation in the past of the change, or before it in the change itself.
    fn find(&self, id: &OpId) -> Option<Found> {
        let number = u32::try_from(id.counter()).ok()?;
        if *id.actor() == self.change.actor_id {
            let at = At {
                number,
                actor: self.actor,
            };
            if let Some(found) = find_in(&self.rows, at) {
                return Some(found);
            }
        }
        let actor = *self.past.actors.get(id.actor())?;
        let seen = *self.clock.get(wide(actor))?;
        self.past.find(At { number, actor }, seen)
    }

    /// Adds to the last row what goes on with it.
    fn note(&mut self, number: u32, object: u32, place: Place, what: What) {
        if let Some(last) = self.rows.last_mut()
            && last.first + last.count == number
            && last.object == object
            && last.what == what
            && !matches!(what, What::Object(_))
            && match (last.place, place) {
                (Place::Key(a), Place::Key(b)) => a == b,
                (Place::Own, Place::Own) => true,
                (Place::Element(a), Place::Element(b)) => {
                    a.actor == b.actor && a.number.checked_add(last.count) == Some(b.number)
                }
                _ => false,
            }
        {
            last.count += 1;
            return;
        }
        self.rows.push(Row {
            first: number,
            count: 1,
            object,
            place,
            what,
        });
    }
}

fn narrow(number: usize) -> Option<u32> {
    u32::try_from(number).ok()
}

fn wide(number: u32) -> usize {
    usize::try_from(number).expect("a pointer has 32 bits or more")
}
