//! What the changes that were taken hold, and what lies in the past of each.
//!
//! What is kept grows with the bytes of the changes, not with the operations that they ask for: operations alike
//! in a row are one [`Row`], and a change may have few rows for its length.
//!
//! **Nobody can make a place that others cannot write.** A log has at most one value at a place which nobody has
//! replaced (the first rule of [`Looking::replaces`]), so what an honest change must name there is no more than the logs.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, ChangeHash, ExpandedChange, ObjType, ScalarValue};

/// Why a change does not fit to what it follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// It names a change twice as what it follows, or not in rising order, or one that lies behind another that it names
    /// and is not the last of its own log.
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
    /// It replaces or deletes what was replaced or deleted in its past.
    #[error("it replaces what was replaced before")]
    Again,
    /// It puts a value beside one that its own log put there, and that nobody replaced.
    #[error("it leaves a value of its own beside a new one")]
    Beside,
    /// More in few bytes than [`WEIGHT_FREE`] and [`BYTES_PER_WEIGHT`] allow.
    #[error("more than a change of its length may hold")]
    Length,
}

/// What a change of any length may weigh in memory: one for each run of operations alike, two for each value that is put
/// under a key or over an element, three for each run of values replaced and for each key that is new, and seven for
/// each object that is new.
pub const WEIGHT_FREE: usize = 16;
/// Bytes of a change for each of its weight beyond that. One is up to 32 bytes in memory.
pub const BYTES_PER_WEIGHT: usize = 2;
const PUT_WEIGHT: usize = 2;
const REPLACED_WEIGHT: usize = 3;
const KEY_WEIGHT: usize = 3;
const OBJECT_WEIGHT: usize = 7;

/// Changes that are looked through, at most, before a clock is kept.
const CLOCK_KEPT_AFTER: usize = 16;
/// Bytes of clocks that are kept: so many,
const CLOCKS_FREE: usize = 64 * 1024;
/// and so many for each byte of the changes. A clock has four bytes for each log: where there are many, and changes are
/// short, more is looked through instead.
const CLOCKS_PER_BYTE: usize = 2;

/// An operation, by its number and its actor's place in [`Past::actors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    actor: u32,
    number: u32,
}

/// Where something lies in its object. Of a row, where its first operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// Where values replace each other: under a key of an object, or at an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    Key(u32, u32),
    Element(At),
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
    hash: ChangeHash,
    actor: u32,
    /// Its number in the log of its actor, from 1.
    seq: u32,
    /// The number of its last operation, which is the largest in its past.
    end: u32,
    /// What it follows, by their place in [`Past::changes`].
    follows: Box<[u32]>,
    /// Of each actor, how many of its changes lie behind this one, itself left out.
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
    replaced: Replaced,
    /// Bytes of all changes, and of the clocks that are kept.
    bytes: usize,
    clock_bytes: usize,
}

/// What an actor has done.
#[derive(Clone, Debug, Default)]
struct Log {
    /// Its changes.
    changes: Vec<u32>,
    /// The number of what it put last, where it did not delete that itself. What it inserted is not among them.
    last: BTreeMap<Spot, u32>,
}

/// Which changes replaced or deleted what: operations that follow each other in number, and were replaced by the same.
#[derive(Clone, Debug, Default)]
struct Replaced(BTreeMap<At, Span>);

#[derive(Clone, Debug)]
struct Span {
    count: u32,
    by: By,
}

/// Changes, by their place in [`Past::changes`].
#[derive(Clone, Debug, PartialEq, Eq)]
enum By {
    One(u32),
    /// Each without knowing of the others.
    Many(Box<[u32]>),
}

impl By {
    fn all(&self) -> &[u32] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(all) => all,
        }
    }
}

impl Replaced {
    /// The run in which an operation lies, and its first.
    fn span(&self, at: At) -> Option<(At, &Span)> {
        let (first, span) = self.0.range(..=at).next_back()?;
        let within = first.actor == at.actor && at.number - first.number < span.count;
        within.then_some((*first, span))
    }

    fn by(&self, at: At) -> &[u32] {
        self.span(at).map_or(&[], |(_, span)| span.by.all())
    }

    /// Notes that a change replaced an operation.
    fn add(&mut self, at: At, change: u32) {
        let mut by = By::One(change);
        if let Some((first, span)) = self.span(at) {
            by = By::Many([span.by.all(), &[change]].concat().into());
            self.cut(first, at.number);
            self.cut(at, at.number.saturating_add(1));
        }
        if let Some((first, before)) = self.0.range_mut(..at).next_back()
            && first.actor == at.actor
            && first.number + before.count == at.number
            && before.by == by
        {
            before.count += 1;
            self.0.remove(&at);
            return;
        }
        self.0.insert(at, Span { count: 1, by });
    }

    /// Cuts a run in two before the operation `number`, if that is in it and not its first.
    fn cut(&mut self, first: At, number: u32) {
        let Some(span) = self.0.get_mut(&first) else {
            return;
        };
        let kept = number - first.number;
        if kept == 0 || kept >= span.count {
            return;
        }
        let rest = Span {
            count: span.count - kept,
            by: span.by.clone(),
        };
        span.count = kept;
        self.0.insert(At { number, ..first }, rest);
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
            replaced: Replaced::default(),
            bytes: 0,
            clock_bytes: 0,
        }
    }
}

impl Past {
    pub(super) fn holds(&self, change: &ChangeHash) -> bool {
        self.by_hash.contains_key(change)
    }

    /// The number of a log's next change, and the hash of its last.
    pub(super) fn next_of(&self, actor: &ActorId) -> (u64, Option<ChangeHash>) {
        let log = self.actors.get(actor).map(|it| &self.logs[wide(*it)]);
        let changes = log.map_or(&[][..], |log| &log.changes);
        let last = changes.last().map(|it| self.changes[wide(*it)].hash);
        (changes.len() as u64 + 1, last)
    }

    /// The number of the first operation of a change that follows these.
    pub(super) fn start_after(&self, deps: &[ChangeHash]) -> Option<NonZeroU64> {
        let ends = deps.iter().filter_map(|it| self.by_hash.get(it));
        let last = ends.map(|it| self.changes[wide(*it)].end).max();
        NonZeroU64::new(u64::from(last.unwrap_or(0)) + 1)
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
        let new_actor = narrow(self.logs.len()).ok_or(FitError::Operation)?;
        let actor = self
            .actors
            .get(&change.actor_id)
            .copied()
            .unwrap_or(new_actor);
        let clock = self.clock_of(&follows, actor)?;
        // Of its writer, all that was taken lies in its past: a log has one end.
        let taken = (self.logs.get(wide(actor))).map_or(0, |log| log.changes.len());
        let seen = clock.get(wide(actor)).map_or(0, |seen| wide(*seen));
        let seq = u32::try_from(change.seq).map_err(|_| FitError::Sequence)?;
        if wide(seq) != taken + 1 || seen != taken {
            return Err(FitError::Sequence);
        }
        if self.start_after(&change.deps) != Some(change.start_op) {
            return Err(FitError::StartOp);
        }
        let start = u32::try_from(change.start_op.get()).map_err(|_| FitError::StartOp)?;
        let mut looking = Looking {
            past: self,
            clock: &clock,
            actor,
            change,
            rows: Vec::new(),
            keys: BTreeMap::new(),
            objects: Vec::new(),
            replaced: BTreeSet::new(),
            last: BTreeMap::new(),
        };
        let end = looking.operations(start)?;
        if looking.weight() > WEIGHT_FREE + bytes / BYTES_PER_WEIGHT {
            return Err(FitError::Length);
        }
        let Looking {
            rows,
            keys,
            objects,
            replaced,
            last,
            ..
        } = looking;
        let place = narrow(self.changes.len()).ok_or(FitError::Operation)?;
        self.keys.extend(keys);
        self.objects.extend(objects);
        self.actors.entry(change.actor_id.clone()).or_insert(actor);
        self.logs
            .resize(self.logs.len().max(wide(actor) + 1), Log::default());
        for at in replaced {
            self.replaced.add(at, place);
        }
        let log = &mut self.logs[wide(actor)];
        log.changes.push(place);
        for (spot, put) in last {
            match put {
                Some(number) => log.last.insert(spot, number),
                None => log.last.remove(&spot),
            };
        }
        self.bytes += bytes;
        self.by_hash.insert(hash, place);
        self.changes.push(Taken {
            hash,
            actor,
            seq,
            end,
            follows,
            clock: None,
            rows: rows.into(),
        });
        Ok(())
    }

    /// Of each actor, how many of its changes lie at or behind these, which are what a change of `actor` follows: none
    /// behind another, but for the last of its own log, which Automerge always names.
    fn clock_of(&mut self, heads: &[u32], actor: u32) -> Result<Vec<u32>, FitError> {
        let (mut clock, looked) = self.behind(heads);
        if looked > CLOCK_KEPT_AFTER {
            heads.iter().for_each(|head| self.keep_clock(*head));
        }
        for head in heads {
            let head = &self.changes[wide(*head)];
            if clock[wide(head.actor)] >= head.seq && head.actor != actor {
                return Err(FitError::Dependencies);
            }
        }
        for head in heads {
            let head = &self.changes[wide(*head)];
            let mine = &mut clock[wide(head.actor)];
            *mine = (*mine).max(head.seq);
        }
        Ok(clock)
    }

    /// Of each actor, how many of its changes lie behind these, themselves left out unless behind another; and through how
    /// many changes one had to look for that.
    fn behind(&self, heads: &[u32]) -> (Vec<u32>, usize) {
        let mut clock = vec![0; self.logs.len()];
        let (mut queue, mut seen, mut looked) = (Vec::new(), BTreeSet::new(), 0);
        for head in heads {
            let head = &self.changes[wide(*head)];
            if let Some(kept) = &head.clock {
                join(&mut clock, kept);
            } else {
                queue.extend(&head.follows);
            }
        }
        while let Some(place) = queue.pop() {
            if !seen.insert(place) {
                continue;
            }
            let change = &self.changes[wide(place)];
            let mine = &mut clock[wide(change.actor)];
            *mine = (*mine).max(change.seq);
            if let Some(kept) = &change.clock {
                join(&mut clock, kept);
            } else {
                looked += 1;
                queue.extend(&change.follows);
            }
        }
        (clock, looked)
    }

    /// Keeps with a change the clock of what lies behind it, if one looks far for that and there is room. It is kept there
    /// and not with what follows it, which may be one change in each of many logs.
    fn keep_clock(&mut self, place: u32) {
        let size = self.logs.len() * size_of::<u32>();
        let room = CLOCKS_FREE + CLOCKS_PER_BYTE * self.bytes;
        if self.clock_bytes + size > room || self.changes[wide(place)].clock.is_some() {
            return;
        }
        let (clock, looked) = self.behind(&[place]);
        if looked >= CLOCK_KEPT_AFTER / 2 {
            self.clock_bytes += size;
            self.changes[wide(place)].clock = Some(clock.into());
        }
    }

    /// Whether somebody has replaced an operation, as far as a clock reaches.
    fn is_replaced(&self, at: At, clock: &[u32]) -> bool {
        self.replaced.by(at).iter().any(|by| {
            let by = &self.changes[wide(*by)];
            clock
                .get(wide(by.actor))
                .is_some_and(|seen| *seen >= by.seq)
        })
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
    replaced: BTreeSet<At>,
    /// What it put last, where; nothing if it deleted that.
    last: BTreeMap<Spot, Option<u32>>,
}

impl Looking<'_> {
    /// Checks all operations, each with those before it; returns the number of the last, which is the one before `start`
    /// if there are none.
    fn operations(&mut self, start: u32) -> Result<u32, FitError> {
        let count = narrow(self.change.operations.len()).ok_or(FitError::Operation)?;
        let after = start.checked_add(count).ok_or(FitError::Operation)?;
        for (number, op) in (start..after).zip(&self.change.operations) {
            if let Some((object, place, what)) = self.operation(op, number)? {
                self.note(number, object, place, what);
            }
        }
        Ok(after - 1)
    }

    /// What the change weighs in memory.
    fn weight(&self) -> usize {
        let mut runs = 0;
        let mut before: Option<At> = None;
        for at in &self.replaced {
            let next = before.is_some_and(|before| {
                (before.actor, before.number.checked_add(1)) == (at.actor, Some(at.number))
            });
            runs += usize::from(!next);
            before = Some(*at);
        }
        let puts = self.last.values().flatten().count();
        let new = KEY_WEIGHT * self.keys.len() + OBJECT_WEIGHT * self.objects.len();
        self.rows.len() + PUT_WEIGHT * puts + REPLACED_WEIGHT * runs + new
    }

    /// What an operation adds, and where.
    fn operation(&mut self, op: &Op, number: u32) -> Result<Option<(u32, Place, What)>, FitError> {
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
        let deletes = matches!(op.action, OpType::Delete);
        self.replaces(op, object, place, (!deletes).then_some(number))?;
        let in_text = kind == ObjType::Text;
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
            OpType::Delete if op.insert => return Err(FitError::Target),
            OpType::Delete => return Ok(None),
        };
        Ok(Some((object, place, what)))
    }

    /// Checks what an operation replaces: values at the same place that nobody has replaced; and if its log has put one
    /// there, that one, so that a log has one at most. An honest writer replaces all that they see. `put` is the number
    /// of the operation, if it puts something there.
    fn replaces(
        &mut self,
        op: &Op,
        object: u32,
        place: Place,
        put: Option<u32>,
    ) -> Result<(), FitError> {
        let spot = match place {
            Place::Own if op.pred.iter().next().is_none() => return Ok(()),
            Place::Own => return Err(FitError::Target),
            Place::Key(key) => Spot::Key(object, key),
            Place::Element(at) => Spot::Element(at),
        };
        // At an element there is something, or it is gone for good.
        let names_none = op.pred.iter().next().is_none();
        if names_none && (put.is_none() || matches!(spot, Spot::Element(_))) {
            return Err(FitError::Target);
        }
        for id in op.pred.iter() {
            let it = self.find(id).ok_or(FitError::Target)?;
            if it.object != object || it.place != place {
                return Err(FitError::Target);
            }
            if self.past.is_replaced(it.at, self.clock) || !self.replaced.insert(it.at) {
                return Err(FitError::Again);
            }
        }
        let stays = self.last_at(spot).is_some_and(|own| {
            !self.replaced.contains(&own) && !self.past.is_replaced(own, self.clock)
        });
        match put {
            Some(_) if stays => return Err(FitError::Beside),
            // Who puts again what stands among others deletes those others: Automerge makes that of it.
            None if stays => {}
            _ => {
                self.last.insert(spot, put);
            }
        }
        Ok(())
    }

    /// What its own log, with the change so far, has put last at a place, as far as that is known; it may be replaced.
    fn last_at(&self, spot: Spot) -> Option<At> {
        let actor = self.actor;
        if let Some(put) = self.last.get(&spot) {
            return put.map(|number| At { actor, number });
        }
        let log = self.past.logs.get(wide(actor));
        if let Some(number) = log.and_then(|log| log.last.get(&spot)) {
            let number = *number;
            return Some(At { actor, number });
        }
        match spot {
            Spot::Element(at) if at.actor == actor => Some(at),
            _ => None,
        }
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
        if key.is_empty() {
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

/// Makes a clock reach as far as another.
fn join(clock: &mut [u32], other: &[u32]) {
    for (mine, theirs) in clock.iter_mut().zip(other) {
        *mine = (*mine).max(*theirs);
    }
}

fn narrow(number: usize) -> Option<u32> {
    u32::try_from(number).ok()
}

fn wide(number: u32) -> usize {
    usize::try_from(number).expect("a pointer has 32 bits or more")
}
