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
//! | apply | what Automerge refuses or panics at, on a copy |
//!
//! **Same entries, same document.** A log's changes are judged in the log's order, and each after what it follows:
//! what waits holds up its own log and no other. The first three steps look at a change, its past and what came before it in
//! its log alone, so what came in which batch plays no part. The last is there for what the others do not know: should it
//! set something aside, all is applied again in one order.
//!
//! **Entries are the truth.** A gate is made of entries and can be thrown away at any time. When entries fall to a
//! cut, make a new one. What a document saves is a cache: [`Gate::save`] gives it out only if it loads.

mod past;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::transaction::{CommitOptions, Transaction};
use automerge::{ActorId, Automerge, Change, ChangeHash, ExpandedChange, ReadDoc as _};

use past::Past;

pub use past::{
    BYTES_PER_WEIGHT, FitError, KEY_BYTES_MAX, KEY_WEIGHT, OBJECT_WEIGHT, VALUES_FREE, WEIGHT_FREE,
};
pub use scan::{
    ACTOR_BYTES_MAX, ACTORS_MAX, CHANGE_BYTES_MAX, COUNTER_MAX, DEPS_MAX, OPS_FREE, OPS_MAX,
    OPS_PER_BYTE, PREDECESSORS_MAX, ScanError, Scanned, TIME_MAX, scan,
};

/// Version of these rules: nodes of one version set the same changes aside.
pub const GATE_VERSION: u32 = 1;

/// Operations that are applied at once, if one change has no more.
const OPS_AT_ONCE: usize = 4_096;

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
    aside: BTreeMap<u64, AsideError>,
}

/// A document, and what was offered to it.
#[derive(Clone, Debug)]
pub struct Gate {
    document: Automerge,
    past: Past,
    logs: BTreeMap<ActorId, Log>,
    /// Logs that wait for a change which is not here.
    held_up: BTreeMap<ChangeHash, Vec<ActorId>>,
    /// The entries of changes that were taken.
    taken: BTreeMap<ChangeHash, (ActorId, u64)>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            document: empty(),
            past: Past::default(),
            logs: BTreeMap::new(),
            held_up: BTreeMap::new(),
            taken: BTreeMap::new(),
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
        log.map_or(0, |log| log.judged - log.aside.len() as u64)
    }

    /// Returns what was set aside: the log's actor, the entry's number, why.
    pub fn aside(&self) -> impl Iterator<Item = (&[u8], u64, AsideError)> {
        self.logs.iter().flat_map(|(actor, log)| {
            (log.aside.iter()).map(|(number, error)| (actor.to_bytes(), *number, *error))
        })
    }

    /// Returns the entries that wait: the log's actor, the entry's number.
    pub fn waiting(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.logs
            .iter()
            .flat_map(|(actor, log)| (log.waiting.keys()).map(|number| (actor.to_bytes(), *number)))
    }

    /// Returns the document as bytes that Automerge loads; `None` if it would not load what it saves, which is a bug
    /// of Automerge that these rules do not know: keep the entries.
    #[must_use]
    pub fn save(&self) -> Option<Vec<u8>> {
        let saved = catch_unwind(AssertUnwindSafe(|| {
            let saved = self.document.save();
            let loaded = Automerge::load(&saved).ok()?;
            (loaded.get_heads() == self.document.get_heads()).then_some(saved)
        }));
        saved.ok().flatten()
    }

    /// Makes a change of a copy of the document, in the name of a log that is wholly in it; returns its bytes, for that log's
    /// next entry. Nothing if nothing was changed.
    ///
    /// The change is judged before anybody sees it: what the gate would set aside is to be made in smaller steps. `time_ms`,
    /// milliseconds since 1970 UTC, is moved on until the hash may pass.
    ///
    /// # Errors
    /// [`AsideError`] if it would be set aside.
    pub fn write(
        &self,
        actor: &[u8],
        time_ms: i64,
        edit: impl FnOnce(&mut Transaction<'_>),
    ) -> Result<Option<Vec<u8>>, AsideError> {
        let mut copy = self.document.clone();
        copy.set_actor(ActorId::from(actor));
        let mut transaction = copy.transaction();
        edit(&mut transaction);
        let (made, _) = transaction.commit_with(CommitOptions::default().with_time(time_ms));
        let Some(mut change) = made.and_then(|hash| copy.get_change_by_hash(&hash)) else {
            return Ok(None);
        };
        while change.hash().0[0] == 0 {
            let mut expanded = change.decode();
            expanded.time += 1;
            change = Change::from(expanded);
        }
        let bytes = change.raw_bytes();
        let number = (self.logs.get(&ActorId::from(actor))).map_or(0, |log| log.judged);
        let offered = Offered {
            actor,
            number,
            bytes,
        };
        match self.clone().offer([offered])[..] {
            [Fate::Aside(error)] => Err(error),
            _ => Ok(Some(bytes.to_vec())),
        }
    }

    /// Offers a batch of entries, in any order; returns what became of each, in theirs. What was offered before
    /// changes nothing.
    pub fn offer<'a>(&mut self, batch: impl IntoIterator<Item = Offered<'a>>) -> Vec<Fate> {
        let mut offered = Vec::new();
        let mut work = BTreeSet::new();
        for one in batch {
            let actor = ActorId::from(one.actor);
            let log = self.logs.entry(actor.clone()).or_default();
            if one.number >= log.judged {
                (log.waiting.entry(one.number)).or_insert_with(|| one.bytes.into());
                if log.missing == 0 {
                    work.insert(actor.clone());
                }
            }
            offered.push((actor, one.number));
        }
        let mut ready = Vec::new();
        while let Some(actor) = work.pop_first() {
            self.judge(&actor, &mut ready, &mut work);
        }
        if !self.apply(&ready) {
            self.apply_one_by_one(ready);
        }
        (offered.iter())
            .map(|(actor, number)| self.fate(actor, *number))
            .collect()
    }

    fn fate(&self, actor: &ActorId, number: u64) -> Fate {
        match self.logs.get(actor) {
            Some(log) if number < log.judged => match log.aside.get(&number) {
                Some(error) => Fate::Aside(*error),
                None => Fate::Taken,
            },
            _ => Fate::Waits,
        }
    }

    /// Judges a log as far as what its changes follow is here. Adds to `ready` what is to be applied, to `work` the logs
    /// that were held up by it.
    fn judge(&mut self, actor: &ActorId, ready: &mut Vec<Change>, work: &mut BTreeSet<ActorId>) {
        while let Some(log) = self.logs.get_mut(actor) {
            let number = log.judged;
            let Some(bytes) = log.waiting.get(&number) else {
                return;
            };
            let verdict = match look(bytes, actor) {
                Ok(None) => Ok(()),
                Err(error) => Err(error),
                Ok(Some((change, expanded))) => {
                    let deps: BTreeSet<ChangeHash> = change.deps().iter().copied().collect();
                    let missing: Vec<_> =
                        deps.into_iter().filter(|it| !self.past.holds(it)).collect();
                    if !missing.is_empty() {
                        log.missing = missing.len();
                        for hash in missing {
                            self.held_up.entry(hash).or_default().push(actor.clone());
                        }
                        return;
                    }
                    let hash = change.hash();
                    let taken = self.past.take(hash, &expanded, bytes.len());
                    if taken.is_ok() {
                        ready.push(change);
                        self.taken.insert(hash, (actor.clone(), number));
                        self.release(&hash, work);
                    }
                    taken.map_err(AsideError::from)
                }
            };
            let Some(log) = self.logs.get_mut(actor) else {
                return;
            };
            log.waiting.remove(&number);
            log.judged += 1;
            if let Err(error) = verdict {
                log.aside.insert(number, error);
            }
        }
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

    /// Applies changes to a copy, and takes the copy if all are in it.
    fn apply(&mut self, changes: &[Change]) -> bool {
        if changes.is_empty() {
            return true;
        }
        let applied = catch_unwind(AssertUnwindSafe(|| {
            let mut copy = self.document.clone();
            // Automerge spreads out the operations of all that it is given: some hundred bytes each.
            let mut left = changes;
            while !left.is_empty() {
                let ends = (left.iter()).scan(0, |ops, change| {
                    *ops += change.len();
                    Some(*ops)
                });
                let count = ends.take_while(|ops| *ops <= OPS_AT_ONCE).count().max(1);
                let (now, later) = left.split_at(count);
                copy.apply_changes(now.iter().cloned()).ok()?;
                left = later;
            }
            let mut hashes = changes.iter().map(Change::hash);
            (hashes.all(|hash| copy.get_change_meta_by_hash(&hash).is_some())).then_some(copy)
        }));
        match applied {
            Ok(Some(copy)) => {
                self.document = copy;
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    /// Applies everything anew, in an order that does not depend on what came when, and sets aside what does not
    /// apply and what follows it.
    fn apply_one_by_one(&mut self, ready: Vec<Change>) {
        let mut all = self.document.get_changes(&[]);
        all.extend(ready);
        all.sort_by_key(|change| (change.start_op(), change.hash()));
        self.document = empty();
        let mut gone = BTreeSet::new();
        for change in all {
            let hash = change.hash();
            let follows = change.deps().iter().any(|it| gone.contains(it));
            if follows || !self.apply(&[change]) {
                gone.insert(hash);
                if let Some((actor, number)) = self.taken.get(&hash) {
                    let log = self.logs.entry(actor.clone()).or_default();
                    log.aside.insert(*number, AsideError::Apply);
                }
            }
        }
    }
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
