//! The gate: nothing that another person wrote reaches Automerge without it.
//!
//! Automerge trusts its input: hostile bytes make it panic, take gigabytes, or save what it does not load
//! again. So every change passes these steps, in this order, and the first that fails sets it aside:
//!
//! | step | what is refused |
//! |---|---|
//! | [`scan()`] | what is too long, compressed, in another's name, or asks for too many operations; nothing is allocated |
//! | parse | what Automerge cannot read, or would write in other bytes |
//! | [`FitError`] | what does not fit to what it follows: numbers, objects, elements and values that are not in its past |
//! | apply | what Automerge refuses or panics at |
//!
//! **Same entries, same document.** A log's changes are judged in the log's order, and each after what it follows:
//! what waits holds up its own log and no other. The first three steps look at a change, its past and what came before it in
//! its log alone, so what came in which batch plays no part. The last is there for what the others do not know: should it
//! set something aside, all that passed them is applied again in one order, then and at every later offer.
//!
//! **Entries are the truth.** A gate is made of entries and can be thrown away at any time. When entries fall to a
//! cut, make a new one. What a document saves is a cache: [`Gate::save`] gives it out only if it loads.

mod past;
mod scan;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::transaction::{CommitOptions, Transaction};
use automerge::{ActorId, Automerge, Change, ChangeHash, ExpandedChange, ReadDoc as _};

use past::Past;
use write::Writer;

pub use past::{BYTES_PER_WEIGHT, FitError, WEIGHT_FREE};
pub use scan::{
    ACTOR_BYTES_MAX, ACTORS_MAX, CHANGE_BYTES_MAX, COUNTER_MAX, DEPS_MAX, KEY_BYTES_MAX,
    KEYS_BYTES_MAX, LOG_CHANGES_MAX, OPS_MAX, REPLACED_FREE, REPLACED_MAX, ScanError, Scanned,
    TIME_MAX, VALUES_FREE, chunk, scan,
};

/// Version of these rules: nodes of one version set the same changes aside.
pub const GATE_VERSION: u32 = 2;

/// Operations that are applied at once, if one change has no more.
const OPS_AT_ONCE: usize = 4_096;
/// As many heads as a change may follow.
const HEADS_AT_ONCE: usize = 1_024;
const _: () = assert!(HEADS_AT_ONCE as u64 == DEPS_MAX);
/// Stack that Automerge has at least, in bytes,
const STACK_BYTES: usize = 256 * 1024;
/// and more for each change: for a clock that it does not keep it calls itself once for 33 changes, which takes 230 bytes
/// of stack, 2 KiB at most where it is not optimised.
const STACK_BYTES_PER_CHANGE: usize = 64;

/// A change as an entry carried it.
#[derive(Clone, Copy, Debug)]
pub struct Offered<'a> {
    /// The actor of the entry's log. Each log has its own.
    pub actor: &'a [u8],
    /// The entry's number in its log, from 0. An entry that holds no change is offered too, with no bytes.
    pub number: u64,
    /// The change, uncompressed.
    pub bytes: &'a [u8],
}

/// Why a change was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AsideError {
    /// It is not looked into.
    #[error("not looked into: {0}")]
    Scan(#[from] ScanError),
    /// Automerge does not read it, or would write it in other bytes.
    #[error("not readable")]
    Parse,
    /// It does not fit to what it follows.
    #[error("it does not fit to what it follows: {0}")]
    Fit(#[from] FitError),
    /// Automerge refuses it, or panics.
    #[error("the document does not take it")]
    Apply,
}

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the document, or held no change.
    Taken,
    /// What it follows, or an entry before it in its log, is not here or was set aside.
    Waits,
    /// It was set aside.
    Aside(AsideError),
}

/// A log, as far as it was offered.
#[derive(Clone, Debug, Default)]
struct Log {
    /// How many of its entries were judged.
    judged: u64,
    /// Those that were not yet.
    waiting: BTreeMap<u64, Box<[u8]>>,
    /// How many changes that are not here the next one follows.
    missing: usize,
    /// What was set aside: the first of entries in a row, how many, why all of them.
    aside: BTreeMap<u64, (u64, AsideError)>,
    /// What Automerge does not take, though it was judged well.
    dropped: BTreeSet<u64>,
}

impl Log {
    fn set_aside(&mut self, number: u64, error: AsideError) {
        if let Some((first, (count, why))) = self.aside.iter_mut().next_back()
            && (*first + *count, *why) == (number, error)
        {
            *count += 1;
        } else {
            self.aside.insert(number, (1, error));
        }
    }

    fn why_aside(&self, number: u64) -> Option<AsideError> {
        if self.dropped.contains(&number) {
            return Some(AsideError::Apply);
        }
        let (first, (count, why)) = self.aside.range(..=number).next_back()?;
        (number - first < *count).then_some(*why)
    }

    fn count_aside(&self) -> u64 {
        let ruled: u64 = self.aside.values().map(|(count, _)| count).sum();
        ruled + self.dropped.len() as u64
    }

    /// What was set aside: by a rule in the order of the log, then what Automerge does not take.
    fn all_aside(&self) -> impl Iterator<Item = (u64, AsideError)> {
        let ruled = (self.aside.iter()).flat_map(|(first, (count, why))| {
            (*first..*first + *count).map(move |number| (number, *why))
        });
        let dropped = self.dropped.iter().map(|it| (*it, AsideError::Apply));
        ruled.chain(dropped)
    }
}

/// A change that was judged well.
#[derive(Clone, Debug)]
struct Kept {
    /// Its entry's number.
    number: u64,
    bytes: Box<[u8]>,
}

/// A document, and what was offered to it.
#[derive(Clone, Debug)]
pub struct Gate {
    document: Automerge,
    past: Past,
    logs: BTreeMap<ActorId, Log>,
    /// Logs that wait for a change which is not here.
    held_up: BTreeMap<ChangeHash, Vec<ActorId>>,
    /// What was judged well, in the order of [`Past`].
    kept: Vec<Kept>,
    /// What Automerge is to fail at, in tests.
    #[cfg(test)]
    fault: Option<fn(&Automerge, &Change) -> bool>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            document: empty(),
            past: Past::default(),
            logs: BTreeMap::new(),
            held_up: BTreeMap::new(),
            kept: Vec::new(),
            #[cfg(test)]
            fault: None,
        }
    }
}

/// A document in nobody's name: whoever edits a copy sets their own.
fn empty() -> Automerge {
    #[expect(
        clippy::disallowed_methods,
        reason = "its random actor is replaced at once"
    )]
    let document = Automerge::new();
    document.with_actor(ActorId::from(&[][..]))
}

impl Gate {
    /// A gate to a document that begins with these changes, which everybody makes the same by themselves.
    ///
    /// # Errors
    /// [`AsideError`] of the first that would not be taken.
    pub fn begin<'a>(first: impl IntoIterator<Item = &'a Change>) -> Result<Self, AsideError> {
        let mut gate = Self::default();
        let mut numbers = BTreeMap::new();
        for change in first {
            let number: &mut u64 = numbers.entry(change.actor_id().clone()).or_default();
            let offered = Offered {
                actor: change.actor_id().to_bytes(),
                number: *number,
                bytes: change.raw_bytes(),
            };
            *number += 1;
            match gate.offer([offered])[..] {
                [Fate::Aside(error)] => return Err(error),
                [Fate::Taken] => {}
                _ => return Err(FitError::Dependencies.into()),
            }
        }
        Ok(gate)
    }

    /// Returns the document as far as it was taken in.
    #[must_use]
    pub const fn document(&self) -> &Automerge {
        &self.document
    }

    /// Returns how many of a log's entries are in the document. A writer whose log has more begins another log: what
    /// follows there would not be in the document either.
    #[must_use]
    pub fn taken_of(&self, actor: &[u8]) -> u64 {
        let log = self.logs.get(&ActorId::from(actor));
        log.map_or(0, |log| log.judged - log.count_aside())
    }

    /// Returns what was set aside: the log's actor, the entry's number, why.
    pub fn aside(&self) -> impl Iterator<Item = (&[u8], u64, AsideError)> {
        self.logs.iter().flat_map(|(actor, log)| {
            (log.all_aside()).map(|(number, error)| (actor.to_bytes(), number, error))
        })
    }

    /// Returns the entries that wait: the log's actor, the entry's number.
    pub fn waiting(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.logs
            .iter()
            .flat_map(|(actor, log)| (log.waiting.keys()).map(|number| (actor.to_bytes(), *number)))
    }

    /// Returns the document as bytes that Automerge loads ([`load`]); `None` if it would not load what it saves, which is
    /// a bug of Automerge that these rules do not know: keep the entries.
    #[must_use]
    pub fn save(&self) -> Option<Vec<u8>> {
        let saved = on_large_stack(self.kept.len(), || self.document.save())?;
        let loaded = load(&saved, self.kept.len())?;
        (loaded.get_heads() == self.document.get_heads()).then_some(saved)
    }

    /// Makes a change of a copy of the document, in the name of a log that is wholly in it; returns the bytes for that
    /// log's next entries, one change for each, in order. None if nothing was changed.
    ///
    /// It is one change, if that is judged well, and more if it is too large for one or follows more than [`DEPS_MAX`]
    /// others. `time_ms`, milliseconds since 1970 UTC, is moved on until the hash may pass.
    ///
    /// # Errors
    /// [`AsideError`] if it would be set aside: a single value too long for a change, or something that our documents do
    /// not have; or the log is full, or not wholly in the document.
    pub fn write(
        &self,
        actor: &[u8],
        time_ms: i64,
        edit: impl FnOnce(&mut Transaction<'_>),
    ) -> Result<Vec<Vec<u8>>, AsideError> {
        let made = on_large_stack(self.kept.len(), || {
            let mut copy = self.document.clone();
            copy.set_actor(ActorId::from(actor));
            let mut writer = Writer::new(self.past.clone(), ActorId::from(actor), time_ms);
            // Automerge follows all heads, and the log's own last change.
            while copy.get_heads().len() >= HEADS_AT_ONCE {
                let join = writer.join(&copy.get_heads()[..HEADS_AT_ONCE - 1])?;
                (copy.apply_changes([join])).map_err(|_| AsideError::Apply)?;
            }
            let mut transaction = copy.transaction();
            edit(&mut transaction);
            let (made, _) = transaction.commit_with(CommitOptions::default().with_time(time_ms));
            match made.and_then(|hash| copy.get_change_by_hash(&hash)) {
                Some(change) => writer.write(change.decode()),
                None => Ok(Vec::new()),
            }
        });
        made.unwrap_or(Err(AsideError::Apply))
    }

    /// Offers a batch of entries, in any order; returns what became of each, in theirs. What was offered before
    /// changes nothing.
    pub fn offer<'a>(&mut self, batch: impl IntoIterator<Item = Offered<'a>>) -> Vec<Fate> {
        let mut offered = Vec::new();
        let mut round = Round::default();
        for Offered {
            actor: name,
            number,
            bytes,
        } in batch
        {
            offered.push((name, number));
            let actor = ActorId::from(name);
            let log = self.logs.entry(actor.clone()).or_default();
            let next = number == log.judged && !log.waiting.contains_key(&number);
            if next && self.judge(&actor, bytes, &mut round) {
                round.work.insert(actor);
            } else if let Some(log) = self.logs.get_mut(&actor)
                && number >= log.judged
            {
                (log.waiting.entry(number)).or_insert_with(|| bytes.into());
            }
        }
        while let Some(actor) = round.work.pop_first() {
            self.judge_waiting(&actor, &mut round);
        }
        if self.logs.values().any(|log| !log.dropped.is_empty()) || !self.apply(&round.ready) {
            self.apply_anew();
        }
        (offered.iter())
            .map(|(actor, number)| self.fate(&ActorId::from(*actor), *number))
            .collect()
    }

    fn fate(&self, actor: &ActorId, number: u64) -> Fate {
        match self.logs.get(actor) {
            Some(log) if number < log.judged => {
                log.why_aside(number).map_or(Fate::Taken, Fate::Aside)
            }
            _ => Fate::Waits,
        }
    }

    /// Judges what waits in a log, as far as what it follows is here.
    fn judge_waiting(&mut self, actor: &ActorId, round: &mut Round) {
        while let Some(log) = self.logs.get_mut(actor) {
            let number = log.judged;
            if log.missing > 0 {
                return;
            }
            let Some(bytes) = log.waiting.remove(&number) else {
                return;
            };
            if !self.judge(actor, &bytes, round) {
                let log = self.logs.entry(actor.clone()).or_default();
                log.waiting.insert(number, bytes);
                return;
            }
        }
    }

    /// Judges the next entry of a log; returns false if it waits for what is not here.
    fn judge(&mut self, actor: &ActorId, bytes: &[u8], round: &mut Round) -> bool {
        let verdict = match look(bytes, actor) {
            Ok(None) => Ok(None),
            Err(error) => Err(error),
            Ok(Some((change, expanded))) => {
                let deps: BTreeSet<ChangeHash> = change.deps().iter().copied().collect();
                let missing: Vec<_> = deps.into_iter().filter(|it| !self.past.holds(it)).collect();
                if !missing.is_empty() {
                    let log = self.logs.entry(actor.clone()).or_default();
                    log.missing = missing.len();
                    for hash in missing {
                        self.held_up.entry(hash).or_default().push(actor.clone());
                    }
                    return false;
                }
                let taken = self.past.take(change.hash(), &expanded, bytes.len());
                taken.map(|()| Some(change)).map_err(AsideError::from)
            }
        };
        let log = self.logs.entry(actor.clone()).or_default();
        let number = log.judged;
        log.judged += 1;
        match verdict {
            Ok(None) => {}
            Ok(Some(change)) => {
                let bytes = bytes.into();
                self.kept.push(Kept { number, bytes });
                self.release(&change.hash(), &mut round.work);
                round.ready.push(change);
            }
            Err(error) => log.set_aside(number, error),
        }
        true
    }

    /// Adds the logs to `work` that waited for this change only.
    fn release(&mut self, hash: &ChangeHash, work: &mut BTreeSet<ActorId>) {
        for actor in self.held_up.remove(hash).into_iter().flatten() {
            if let Some(log) = self.logs.get_mut(&actor) {
                log.missing -= 1;
                if log.missing == 0 {
                    work.insert(actor);
                }
            }
        }
    }

    /// Applies changes; returns whether all are in the document. If not, it may be half-way and is to be made anew.
    fn apply(&mut self, changes: &[Change]) -> bool {
        #[cfg(test)]
        if let Some(fails) = self.fault {
            return changes.iter().all(|change| {
                let fine = !fails(&self.document, change);
                fine && self.document.apply_changes([change.clone()]).is_ok()
            });
        }
        let document = &mut self.document;
        let applied = on_large_stack(self.kept.len(), || {
            // Automerge spreads out the operations of all that it is given: some hundred bytes each.
            let mut left = changes;
            while !left.is_empty() {
                let ends = (left.iter()).scan(0, |ops, change| {
                    *ops += change.len();
                    Some(*ops)
                });
                let count = ends.take_while(|ops| *ops <= OPS_AT_ONCE).count().max(1);
                let (now, later) = left.split_at(count);
                document.apply_changes(now.iter().cloned()).ok()?;
                left = later;
            }
            let mut hashes = changes.iter().map(Change::hash);
            Some(hashes.all(|hash| document.get_change_meta_by_hash(&hash).is_some()))
        });
        applied.flatten().unwrap_or(false)
    }

    /// Makes the document anew of all that was judged well, in an order that does not depend on what came when; leaves
    /// out what does not apply there, and what follows it.
    fn apply_anew(&mut self) {
        let read = (self.kept.iter()).filter_map(|kept| {
            let change = Change::from_bytes(kept.bytes.to_vec()).ok()?;
            Some((kept.number, change))
        });
        let mut all: Vec<(u64, Change)> = read.collect();
        all.sort_by_key(|(_, change)| (change.start_op(), change.hash()));
        for log in self.logs.values_mut() {
            log.dropped.clear();
        }
        let mut gone = BTreeSet::new();
        self.document = empty();
        let mut at = 0;
        while let Some((number, change)) = all.get(at) {
            at += 1;
            let hash = change.hash();
            let follows = change.deps().iter().any(|it| gone.contains(it));
            if gone.contains(&hash) || (!follows && self.apply(std::slice::from_ref(change))) {
                continue;
            }
            gone.insert(hash);
            let log = self.logs.entry(change.actor_id().clone()).or_default();
            log.dropped.insert(*number);
            if !follows {
                // The document may be half-way: what came before is in it once more.
                self.document = empty();
                let before = all[..at].iter().map(|(_, change)| change);
                let before: Vec<_> = (before.filter(|it| !gone.contains(&it.hash())))
                    .cloned()
                    .collect();
                for change in &before {
                    self.apply(std::slice::from_ref(change));
                }
            }
        }
    }
}

/// What is done with one batch.
#[derive(Default)]
struct Round {
    /// What was judged well, each after what it follows.
    ready: Vec<Change>,
    /// Logs in which something may no longer wait.
    work: BTreeSet<ActorId>,
}

/// Reads what a gate saved, of `changes` changes; `None` if Automerge does not read it.
#[must_use]
pub fn load(saved: &[u8], changes: usize) -> Option<Automerge> {
    on_large_stack(changes, || Automerge::load(saved).ok())?
}

/// Lets Automerge work on a document of `changes` changes; `None` if it panics.
fn on_large_stack<T>(changes: usize, work: impl FnOnce() -> T) -> Option<T> {
    let needed = STACK_BYTES + STACK_BYTES_PER_CHANGE * changes;
    stacker::maybe_grow(needed, needed, || catch_unwind(AssertUnwindSafe(work)).ok())
}

/// Scans and reads the change that an entry holds, if it holds one.
fn look(bytes: &[u8], actor: &ActorId) -> Result<Option<(Change, ExpandedChange)>, AsideError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let scanned = scan(bytes, actor.to_bytes())?;
    let read = catch_unwind(AssertUnwindSafe(|| {
        let change = Change::from_bytes(bytes.to_vec()).ok()?;
        let expanded = change.decode();
        let written = Change::from(expanded.clone());
        let same = written.raw_bytes() == bytes && change.hash().0 == scanned.hash;
        same.then_some((change, expanded))
    }));
    let read = read.ok().flatten();
    read.map(Some).ok_or(AsideError::Parse)
}

#[cfg(test)]
mod tests;
