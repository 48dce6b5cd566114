//! One month of one domain, as an Automerge document.
//!
//! | root key | holds |
//! |---|---|
//! | `schema` | `maille.mobility` or `maille.energy` |
//! | `version` | the schema's version, 1 |
//! | `month` | `2021-12` |
//! | `records` | map: key of a record to its fields as its source gave them, never changed afterwards |
//! | `edits` | map: key of a record, `/`, name of a field, to what the person made of it |
//!
//! Every device makes the same first change (`genesis`: fixed actor, time 0), so
//! that maps made on two devices are one map. Records are written once; what a
//! person may change lies beside them in `edits`, one key per field: edits of two
//! devices to two fields merge, to one field the same one wins everywhere, and
//! two devices that import the same trip lose no edit of either.
//!
//! # Invariants after any merge
//!
//! - `records` holds each key once, with all fields of its schema version.
//! - Merging in any order gives the same records.
//! - An edit whose record is absent waits; it is not shown.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, AutoCommit, Change, ChangeHash, ObjId, ObjType, ROOT, ReadDoc, ValueRef};

use super::fields::{self, BadField};
use super::{DocumentId, Domain};
use crate::domain::mobility::{Mode, ModeSource, Purpose};
use crate::record::{Record, RecordId};

/// Version of the schema that this code writes.
pub const SCHEMA_VERSION: u64 = 1;

/// Operations gathered into one change at most: a change of readings stays under
/// 100 KiB, so that a sealed entry (256 KiB at most) always holds one.
const OPERATIONS_PER_CHANGE_MAX: usize = 1_024;

/// First bytes of every Automerge chunk.
const CHUNK_MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// Chunk type of a document.
const CHUNK_DOCUMENT: u8 = 0;
/// Chunk type of an undeflated change.
const CHUNK_CHANGE: u8 = 1;

/// What became of a record that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was not there before.
    Added,
    /// It was there already, the same.
    Unchanged,
    /// It was there with other content; what was there stays.
    Differing,
}

/// What a person may change about a trip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// What it was for; `None` takes a purpose away.
    Purpose(Option<Purpose>),
    /// How a section was travelled.
    Mode {
        /// Which section, counted from 0.
        section: usize,
        /// The mode.
        mode: Mode,
    },
}

/// Why an edit was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// No trip of this document has the id.
    #[error("no trip {0} in this document")]
    NoSuchTrip(RecordId),
    /// The trip has fewer sections.
    #[error("the trip has {count} sections, none numbered {section}")]
    NoSuchSection {
        /// What was asked for, from 0.
        section: usize,
        /// How many there are.
        count: usize,
    },
}

/// Why bytes were not taken as a document or as changes to it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// Not one undeflated Automerge chunk of the expected kind, or its checksum is wrong.
    #[error("chunk {index} is no sound undeflated automerge chunk of the expected kind")]
    Chunk {
        /// Which of the chunks given, from 0.
        index: usize,
    },
    /// Automerge could not read a chunk.
    #[error("chunk {index} cannot be read")]
    Unreadable {
        /// Which of the chunks given, from 0.
        index: usize,
        /// Automerge's reason.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A change builds on another that is neither here nor before it.
    #[error("change {index} builds on a change that is not here")]
    MissingDependency {
        /// Which of the changes given, from 0.
        index: usize,
    },
    /// The document did not begin as ours do.
    #[error("not a document of this kind and month: its first change is another")]
    OtherDocument,
    /// Written by a version that this one does not know.
    #[error("schema version {got}, this program knows {SCHEMA_VERSION}")]
    Version {
        /// The version found.
        got: u64,
    },
    /// A field is absent or not of its type.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// A record of which a field is absent or not of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field {field} of {key} is absent or malformed")]
pub struct Malformed {
    /// The key of the record.
    pub key: String,
    /// Its field.
    pub field: String,
}

/// One month of one domain.
#[derive(Clone, Debug)]
pub struct Document {
    id: DocumentId,
    automerge: AutoCommit,
    genesis: ChangeHash,
    records: ObjId,
    edits: ObjId,
    /// Changes committed here and not taken yet.
    made: Vec<Vec<u8>>,
    /// Changes in the history, the first left out.
    changes: u64,
    /// Time of the pending transaction.
    time_ms: i64,
}

impl Document {
    /// The empty document `id`, changed by `actor` from now on.
    ///
    /// `actor` is the hash of the log key; two writers must never share one.
    #[must_use]
    pub fn new(id: DocumentId, actor: &[u8; 32]) -> Self {
        let (automerge, genesis) = genesis(id);
        Self::adopt(id, actor, automerge, genesis).expect("genesis makes both maps")
    }

    /// The document `id` from what [`Document::save`] gave on one of the person's
    /// own devices: it is used as loaded, so nobody else's bytes may come here.
    ///
    /// # Errors
    /// [`DocumentError`] if it is no such document, or of a newer schema.
    pub fn load(id: DocumentId, actor: &[u8; 32], saved: &[u8]) -> Result<Self, DocumentError> {
        check_chunk(0, saved, CHUNK_DOCUMENT)?;
        let mut automerge =
            AutoCommit::load(saved).map_err(|source| DocumentError::Unreadable {
                index: 0,
                source: source.into(),
            })?;
        let genesis = genesis_hash(id);
        if automerge.get_change_meta_by_hash(&genesis).is_none() {
            return Err(DocumentError::OtherDocument);
        }
        let document = Self::adopt(id, actor, automerge, genesis)?;
        document.check_version()?;
        Ok(document)
    }

    /// The document `id`, made of `changes` in whatever order they come, each as often as it may; and how many of
    /// them are not in it: they are no changes of it, or build on some that are not here.
    #[must_use]
    pub fn from_changes(
        id: DocumentId,
        actor: &[u8; 32],
        changes: impl IntoIterator<Item = Vec<u8>>,
    ) -> (Self, usize) {
        let mut document = Self::new(id, actor);
        let (mut left, mut bad) = (BTreeMap::new(), BTreeSet::new());
        for bytes in changes {
            match parse_change(0, &bytes) {
                Ok(change) if change.hash() == document.genesis => {}
                Ok(change) => {
                    left.insert(change.hash(), change);
                }
                Err(_) => {
                    bad.insert(bytes);
                }
            }
        }
        // Each after all that it builds on.
        let mut builders: BTreeMap<ChangeHash, Vec<ChangeHash>> = BTreeMap::new();
        let mut needs: BTreeMap<ChangeHash, usize> = BTreeMap::new();
        for (hash, change) in &left {
            let deps: BTreeSet<_> = change.deps().iter().copied().collect();
            needs.insert(*hash, deps.len());
            for dep in deps {
                builders.entry(dep).or_default().push(*hash);
            }
        }
        let begins = needs.iter().filter(|(_, needs)| **needs == 0);
        let mut ready: Vec<ChangeHash> = begins.map(|(hash, _)| *hash).collect();
        ready.push(document.genesis);
        let mut ordered = Vec::with_capacity(left.len());
        while let Some(hash) = ready.pop() {
            ordered.extend(left.remove(&hash));
            for builder in builders.remove(&hash).unwrap_or_default() {
                if let Some(needs) = needs.get_mut(&builder) {
                    *needs -= 1;
                    if *needs == 0 {
                        ready.push(builder);
                    }
                }
            }
        }
        if document.apply_parsed(ordered.clone()).is_err() {
            // Some are no changes of this document: what builds on those stays out with them.
            for change in ordered {
                let bytes = change.raw_bytes().to_vec();
                if document.apply_parsed(vec![change]).is_err() {
                    bad.insert(bytes);
                }
            }
        }
        (document, bad.len() + left.len())
    }

    /// Applies `changes`, each one undeflated change chunk, in an order in which
    /// none precedes what it builds on. Those already here change nothing.
    ///
    /// # Errors
    /// [`DocumentError`]; then none of them was applied.
    pub fn apply_changes(&mut self, changes: &[Vec<u8>]) -> Result<(), DocumentError> {
        let mut parsed = Vec::with_capacity(changes.len());
        for (index, bytes) in changes.iter().enumerate() {
            parsed.push(parse_change(index, bytes)?);
        }
        self.apply_parsed(parsed)
    }

    fn apply_parsed(&mut self, parsed: Vec<Change>) -> Result<(), DocumentError> {
        self.commit();
        let mut coming = BTreeSet::new();
        for (index, change) in parsed.iter().enumerate() {
            let missing = change.deps().iter().any(|dep| {
                !coming.contains(dep) && self.automerge.get_change_meta_by_hash(dep).is_none()
            });
            if missing {
                return Err(DocumentError::MissingDependency { index });
            }
            coming.insert(change.hash());
        }
        let mut next = self.clone();
        next.automerge
            .apply_changes(parsed)
            .map_err(|source| DocumentError::Unreadable {
                index: 0,
                source: source.into(),
            })?;
        next.check_version()?;
        next.changes = count(&mut next.automerge);
        *self = next;
        Ok(())
    }

    /// Puts `record`, unless one with its id is there: importing twice changes nothing.
    ///
    /// `time_ms` is the time of the change, milliseconds since 1970 UTC.
    ///
    /// # Panics
    /// If `record` belongs to another document ([`Record::document`]).
    pub fn put(&mut self, record: &Record, time_ms: i64) -> Put {
        assert_eq!(
            record.document(),
            self.id,
            "a record goes into its own document"
        );
        let key = record.key();
        if let Ok(Some(there)) = fields::read(&self.automerge, &self.records, self.id.domain, &key)
        {
            return if there == *record {
                Put::Unchanged
            } else {
                Put::Differing
            };
        }
        self.time_ms = time_ms;
        fields::write(&mut self.automerge, &self.records, &key, record)
            .expect("records is a map, and every value suits its key");
        self.commit_when_large();
        Put::Added
    }

    /// Changes one field of the trip `id`.
    ///
    /// # Errors
    /// [`EditError`] if there is no such trip or section.
    pub fn edit(&mut self, id: &RecordId, edit: Edit, time_ms: i64) -> Result<(), EditError> {
        let key = id.to_string();
        let there = fields::read(&self.automerge, &self.records, self.id.domain, &key);
        let Ok(Some(Record::Trip(trip))) = there else {
            return Err(EditError::NoSuchTrip(*id));
        };
        let (field, value) = match edit {
            Edit::Purpose(purpose) => (purpose_key(&key), purpose.map(Purpose::as_str)),
            Edit::Mode { section, mode } => {
                let count = trip.sections.len();
                if section >= count {
                    return Err(EditError::NoSuchSection { section, count });
                }
                (mode_key(&key, section), Some(mode.as_str()))
            }
        };
        self.time_ms = time_ms;
        match value {
            Some(value) => self.automerge.put(&self.edits, field, value),
            None => self.automerge.put(&self.edits, field, ()),
        }
        .expect("edits is a map");
        self.commit_when_large();
        Ok(())
    }

    /// The changes made here since the document was made, loaded or last asked:
    /// undeflated change chunks, in the order in which they build on each other.
    pub fn take_changes(&mut self) -> Vec<Vec<u8>> {
        self.commit();
        std::mem::take(&mut self.made)
    }

    /// Every change there is, as [`Document::take_changes`] gives them: for somebody who has none.
    pub fn all_changes(&mut self) -> Vec<Vec<u8>> {
        self.commit();
        let all = self.automerge.get_changes(&[]);
        all.iter().map(|it| it.raw_bytes().to_vec()).collect()
    }

    /// The document as one undeflated chunk, for [`Document::load`].
    pub fn save(&mut self) -> Vec<u8> {
        self.commit();
        self.automerge.save_nocompress()
    }

    /// Which document it is.
    #[must_use]
    pub fn id(&self) -> DocumentId {
        self.id
    }

    /// Every record, edits applied, by start, then id; and what is malformed in each that is none: one bad record, of
    /// a broken or stolen device, hides no other.
    #[must_use]
    pub fn records(&self) -> (Vec<Record>, Vec<Malformed>) {
        let edits = self.all_edits();
        let (mut records, mut malformed) = (Vec::new(), Vec::new());
        for item in self.automerge.map_range(&self.records, ..) {
            let key = &*item.key;
            let record = match &item.value {
                ValueRef::Object(ObjType::Map) => {
                    fields::read_at(&self.automerge, &item.id(), self.id.domain, key)
                }
                _ => Err(BadField("record")),
            };
            match record {
                Ok(record) => records.push(edited(&edits, key, record)),
                Err(BadField(field)) => malformed.push(Malformed {
                    key: key.to_owned(),
                    field: field.to_owned(),
                }),
            }
        }
        records.sort_by_cached_key(|record| (record.start(), record.id()));
        (records, malformed)
    }

    /// How many changes its history has, the one being gathered included; the first
    /// one, which all documents of its id share, left out.
    #[must_use]
    pub fn change_count(&self) -> u64 {
        self.changes + u64::from(self.automerge.pending_ops() > 0)
    }

    fn adopt(
        id: DocumentId,
        actor: &[u8; 32],
        mut automerge: AutoCommit,
        genesis: ChangeHash,
    ) -> Result<Self, DocumentError> {
        automerge.set_actor(ActorId::from(&actor[..]));
        // Those that it began with: another map put in their place takes nothing away.
        let map = |field: &str| match automerge.get_at(ROOT, field, &[genesis]) {
            Ok(Some((value, map))) if value.to_objtype() == Some(ObjType::Map) => Ok(map),
            _ => Err(Malformed {
                key: id.to_string(),
                field: field.to_owned(),
            }),
        };
        let (records, edits) = (map("records")?, map("edits")?);
        let changes = count(&mut automerge);
        Ok(Self {
            id,
            automerge,
            genesis,
            records,
            edits,
            made: Vec::new(),
            changes,
            time_ms: 0,
        })
    }

    fn check_version(&self) -> Result<(), DocumentError> {
        debug_assert!(self.automerge.hash_for_opid(&self.records) == Some(self.genesis));
        match self.automerge.get(ROOT, "version") {
            Ok(Some((value, _))) if value.as_u64() == Some(SCHEMA_VERSION) => Ok(()),
            Ok(Some((value, _))) => Err(DocumentError::Version {
                got: value.as_u64().unwrap_or(0),
            }),
            _ => Err(DocumentError::Version { got: 0 }),
        }
    }

    fn commit_when_large(&mut self) {
        if self.automerge.pending_ops() >= OPERATIONS_PER_CHANGE_MAX {
            self.commit();
        }
    }

    fn commit(&mut self) {
        if self.automerge.pending_ops() == 0 {
            return;
        }
        // Automerge counts seconds.
        let options = CommitOptions::default().with_time(self.time_ms.div_euclid(1_000));
        let hash = self
            .automerge
            .commit_with(options)
            .expect("operations are pending");
        let change = self
            .automerge
            .get_change_by_hash(&hash)
            .expect("it was just made");
        self.made.push(change.raw_bytes().to_vec());
        self.changes += 1;
    }

    /// Every edit by its key; `None`: taken away.
    fn all_edits(&self) -> BTreeMap<String, Option<String>> {
        let items = self.automerge.map_range(&self.edits, ..);
        let edits = items.map(|item| {
            let value = item.value.into_value();
            (item.key.into_owned(), value.as_str().map(str::to_owned))
        });
        edits.collect()
    }
}

/// `record` as the person wants it. An edit to what this version does not know is none.
fn edited(edits: &BTreeMap<String, Option<String>>, key: &str, record: Record) -> Record {
    let Record::Trip(mut trip) = record else {
        return record;
    };
    if edits.is_empty() {
        return Record::Trip(trip); // as nearly always
    }
    match edits.get(&purpose_key(key)) {
        Some(Some(name)) => trip.purpose = Purpose::from_name(name).or(trip.purpose),
        Some(None) => trip.purpose = None,
        None => {}
    }
    for (index, section) in trip.sections.iter_mut().enumerate() {
        if let Some(Some(name)) = edits.get(&mode_key(key, index))
            && let Ok(mode) = name.parse()
        {
            section.mode = mode;
            section.mode_source = ModeSource::Person;
        }
    }
    Record::Trip(trip)
}

fn count(automerge: &mut AutoCommit) -> u64 {
    (automerge.get_changes_meta(&[]).len() as u64).saturating_sub(1)
}

fn purpose_key(record: &str) -> String {
    format!("{record}/purpose")
}

fn mode_key(record: &str, section: usize) -> String {
    format!("{record}/section/{section}/mode")
}

fn schema_name(domain: Domain) -> &'static str {
    match domain {
        Domain::Mobility => "maille.mobility",
        Domain::Energy => "maille.energy",
    }
}

/// The first change of the document `id`, the same on every device: without it
/// two devices would each make their own `records` map, and one would win.
fn genesis(id: DocumentId) -> (AutoCommit, ChangeHash) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place: its random actor is replaced at once"
    )]
    let mut automerge = AutoCommit::new();
    let actor = blake3::derive_key("maille document genesis v1", b"");
    automerge.set_actor(ActorId::from(&actor[..]));
    let fill = |automerge: &mut AutoCommit| {
        automerge.put(ROOT, "schema", schema_name(id.domain))?;
        automerge.put(ROOT, "version", SCHEMA_VERSION)?;
        automerge.put(ROOT, "month", id.month.to_string())?;
        automerge.put_object(ROOT, "records", ObjType::Map)?;
        automerge.put_object(ROOT, "edits", ObjType::Map)
    };
    fill(&mut automerge).expect("the root is a map");
    let hash = automerge
        .commit_with(CommitOptions::default().with_time(0))
        .expect("operations are pending");
    (automerge, hash)
}

/// Most first changes that a thread remembers: ten years of two domains, four times over.
const GENESES_KEPT_MAX: usize = 1_000;

/// The hash of the first change of the document `id`.
///
/// It is a function of `id`, and to make it takes as long as to load a small document: each thread
/// remembers those it has made.
fn genesis_hash(id: DocumentId) -> ChangeHash {
    thread_local! {
        static KNOWN: RefCell<BTreeMap<DocumentId, ChangeHash>> = const { RefCell::new(BTreeMap::new()) };
    }
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= GENESES_KEPT_MAX {
            known.clear();
        }
        *known.entry(id).or_insert_with(|| genesis(id).1)
    })
}

fn parse_change(index: usize, bytes: &[u8]) -> Result<Change, DocumentError> {
    check_chunk(index, bytes, CHUNK_CHANGE)?;
    let change =
        Change::from_bytes(bytes.to_vec()).map_err(|source| DocumentError::Unreadable {
            index,
            source: Box::new(source),
        })?;
    // Automerge checks it for documents, not for single changes.
    if change.hash().0[..4] != bytes[4..8] {
        return Err(DocumentError::Chunk { index });
    }
    Ok(change)
}

/// Whether `bytes` begin like one chunk of `kind`; Automerge itself would take
/// deflated ones too, which grow without bound.
fn check_chunk(index: usize, bytes: &[u8], kind: u8) -> Result<(), DocumentError> {
    // Magic, four bytes of checksum, type.
    if bytes.len() < 10 || bytes[..4] != CHUNK_MAGIC || bytes[8] != kind {
        return Err(DocumentError::Chunk { index });
    }
    Ok(())
}
