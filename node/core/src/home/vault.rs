//! A person's own documents: one vault slice per domain, its entries the truth, every
//! Automerge state a cache beside them.

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::entry::{self, Body, LogKey, LogTip, SealParams};
use maille_protocol::generation::PartKey;
use maille_protocol::hook::span;
use maille_protocol::id::GrantId;
use maille_protocol::slice::{ContentKind, PartNumber, SliceCharter};
use maille_protocol::time::Timestamp;
use maille_protocol::wire;
use maille_schemas::document::{
    Document, DocumentError, DocumentId, Domain, Month, Put, SCHEMA_VERSION,
};
use maille_schemas::domain::mobility::Trip;
use maille_schemas::factors::{self, FactorSetId};
use maille_schemas::record::Record;
use rand_core::CryptoRng;

use super::Home;
use super::content::{self, DocumentChange, DocumentsContent};
use crate::command::{CommandError, Done, ElectricityMonth};
use crate::io::Store;
use crate::layout;
use crate::state::{OwnPart, OwnSlice};
use crate::view::{ReadError, damaged};

/// Records put into one Automerge change: keeps a change far below an entry's length.
const RECORDS_PER_CHANGE: usize = 200;

/// Change bytes gathered into one entry before sealing: half of an entry's limit, since a
/// change that does not compress may follow.
const CHANGE_BYTES_PER_ENTRY: usize = 96 * 1024;

/// Longest cached document after unpacking; a month of half hours takes about 100 kB.
const DOCUMENT_BYTES_MAX: usize = 64 << 20;

#[derive(Default)]
pub(super) struct VaultCounts {
    pub(super) documents: u64,
    pub(super) trips: u64,
    pub(super) readings: u64,
    pub(super) malformed: u64,
}

impl<S: Store> Home<S> {
    /// Keeps records; what is there already stays as it is.
    pub(super) fn record(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        records: Vec<Record>,
    ) -> Result<Done, CommandError> {
        let mut by_document: BTreeMap<DocumentId, Vec<Record>> = BTreeMap::new();
        for record in records {
            by_document
                .entry(record.document())
                .or_default()
                .push(record);
        }
        let (mut added, mut unchanged, mut differing) = (0, 0, 0);
        let mut news: Vec<Record> = Vec::new();
        let mut changes: BTreeMap<Domain, Vec<DocumentChange>> = BTreeMap::new();
        for (id, records) in by_document {
            let (_, part) = self.vault_part(rng, id.domain)?;
            let mut document = self.open_document(&part.0, id)?;
            let _span = span("document changed");
            let of_domain = changes.entry(id.domain).or_default();
            let few = sim_point!(self, OneRecordPerChange);
            for some in records.chunks(if few { 1 } else { RECORDS_PER_CHANGE }) {
                for record in some {
                    match document.put(record, time_ms(now)) {
                        Put::Added => {
                            added += 1;
                            news.push(record.clone());
                        }
                        Put::Unchanged => unchanged += 1,
                        Put::Differing => differing += 1,
                    }
                }
                of_domain.extend(
                    document
                        .take_changes()
                        .into_iter()
                        .map(|change| DocumentChange::new(id, change)),
                );
            }
            self.save_document(id, &mut document);
        }
        for (domain, changes) in changes {
            self.append_changes(now, rng, domain, &changes)?;
            self.pass_on_changes(now, rng, changes)?;
        }
        if !news.is_empty() {
            self.republish_touched(now, rng, &news)?;
        }
        Ok(Done::Recorded {
            added,
            unchanged,
            differing,
        })
    }

    fn append_changes(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        domain: Domain,
        changes: &[DocumentChange],
    ) -> Result<(), CommandError> {
        if changes.is_empty() {
            return Ok(());
        }
        let (slice, (_, mut part)) = self.vault_part(rng, domain)?;
        for changes in in_entries(changes.to_vec()) {
            let content = content::pack(&DocumentsContent {
                version: 1,
                changes,
            });
            self.append_entry(now, &slice, PartNumber::SINGLE, &mut part, content)?;
        }
        self.view
            .write(layout::part(slice.id, PartNumber::SINGLE), &part);
        Ok(())
    }

    /// The vault slice of a domain with its single part, made at first need; and our log key in it.
    fn vault_part(
        &mut self,
        rng: &mut impl CryptoRng,
        domain: Domain,
    ) -> Result<(OwnSlice, (LogKey, OwnPart)), CommandError> {
        let slice = match self.view.read::<OwnSlice>(&layout::vault(domain))? {
            Some(slice) => slice,
            None => {
                let slice = self.new_slice(ContentKind::Documents, String::new(), rng);
                self.view.write(layout::vault(domain), &slice);
                slice
            }
        };
        let part = self
            .own_part(rng, &slice, PartNumber::SINGLE, Vec::new())?
            .0;
        let log = self.log_key(&slice, PartNumber::SINGLE);
        Ok((slice, (log, part)))
    }

    pub(super) fn new_slice(
        &self,
        kind: ContentKind,
        lens: String,
        rng: &mut impl CryptoRng,
    ) -> OwnSlice {
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        let authority = &self.me.authority;
        let rank = (authority.device(&self.me.device)).map_or(1, |device| device.rank);
        let root = authority.root_key();
        let seed = &self.me.secrets.device;
        let charter = SliceCharter::of_person(kind, self.me.person, salt, seed, rank, &root);
        OwnSlice {
            id: charter.id(),
            charter: wire::encode(&charter).into(),
            lens,
        }
    }

    pub(super) fn log_key(&self, slice: &OwnSlice, part: PartNumber) -> LogKey {
        let secrets = &self.me.secrets;
        LogKey::derive(
            &secrets.device,
            self.me.membership,
            secrets.installation,
            slice.id,
            part,
        )
    }

    /// A part of a slice of ours; one that is not there yet gets its first generation, whose key
    /// goes to `recipients`, and is returned so that it can be handed out.
    pub(super) fn own_part(
        &mut self,
        rng: &mut impl CryptoRng,
        slice: &OwnSlice,
        number: PartNumber,
        recipients: Vec<GrantId>,
    ) -> Result<(OwnPart, Option<PartKey>), CommandError> {
        if let Some(part) = self.view.read::<OwnPart>(&layout::part(slice.id, number))? {
            return Ok((part, None));
        }
        let removed = self.removals_in(slice.id)?; // it is the first key: no other names one
        let key = PartKey::generate(rng, self.me.issuer(), slice.id, number, &[], removed);
        self.view
            .write(layout::part_key(slice.id, number, key.generation()), &key);
        let part = OwnPart {
            generation: key.generation(),
            recipients,
            tip: LogTip::START,
        };
        self.view.write(layout::part(slice.id, number), &part);
        Ok((part, Some(key)))
    }

    /// Seals one entry at the end of our log in a part, and keeps it. The caller writes `part` back.
    pub(super) fn append_entry(
        &mut self,
        now: Timestamp,
        slice: &OwnSlice,
        number: PartNumber,
        part: &mut OwnPart,
        content: Vec<u8>,
    ) -> Result<Vec<u8>, CommandError> {
        let at = layout::part_key(slice.id, number, part.generation);
        let held: PartKey = self.view.read(&at)?.ok_or_else(|| damaged(&at))?;
        let log = self.log_key(slice, number);
        let binding = (part.tip.next_seq == 0).then(|| log.bind(&self.me.signing));
        let seq = part.tip.next_seq;
        let (sealed, tip) = entry::seal(SealParams {
            slice: slice.id,
            part: number,
            generation: part.generation,
            key: &held.key,
            log: &log,
            tip: &part.tip,
            now,
            body: &Body::new(binding, content),
        })
        .map_err(|_| CommandError::TooMany {
            what: "bytes in one entry".to_owned(),
            max: wire::ENTRY_BYTES_MAX as u64,
        })?;
        part.tip = tip;
        let at = layout::entry(slice.id, number, log.id(), seq);
        self.view.put(at.clone(), sealed.to_bytes());
        Ok(at)
    }

    fn open_document(&self, log: &LogKey, id: DocumentId) -> Result<Document, CommandError> {
        let actor =
            maille_protocol::crypto::hash("maille automerge actor v1", &[log.id().as_bytes()]);
        Ok(match self.load_document(&actor, id)? {
            Some(document) => document,
            None => Document::new(id, &actor),
        })
    }

    /// A document to which what others changed is added.
    pub(super) fn read_document(&self, id: DocumentId) -> Result<Document, ReadError> {
        let actor = [0; 32]; // draws no change
        let held = self.load_document(&actor, id)?;
        Ok(held.unwrap_or_else(|| Document::new(id, &actor)))
    }

    pub(super) fn save_document(&mut self, id: DocumentId, document: &mut Document) {
        let saved = content::pack_bytes(&document.save());
        self.view.put(layout::document(id), saved);
    }

    /// Every document of ours.
    pub(super) fn documents(&self) -> Result<Vec<DocumentId>, ReadError> {
        let mut all = Vec::new();
        for domain in [Domain::Mobility, Domain::Energy] {
            let months = self.months(domain)?.into_iter();
            all.extend(months.map(|month| DocumentId { domain, month }));
        }
        Ok(all)
    }

    pub(super) fn all_changes(&self, id: DocumentId) -> Result<Vec<Vec<u8>>, ReadError> {
        Ok(self.read_document(id)?.all_changes())
    }

    fn load_document(
        &self,
        actor: &[u8; 32],
        id: DocumentId,
    ) -> Result<Option<Document>, ReadError> {
        let loaded = self.try_document(actor, id)?.transpose();
        loaded.map_err(|_| damaged(&layout::document(id)))
    }

    /// Whether a newer version of Maille has written a document.
    pub(super) fn is_of_newer_version(&self, id: DocumentId) -> Result<bool, ReadError> {
        let loaded = self.try_document(&[0; 32], id)?;
        let newer = |got: u64| got > SCHEMA_VERSION;
        Ok(matches!(loaded, Some(Err(DocumentError::Version { got })) if newer(got)))
    }

    fn try_document(
        &self,
        actor: &[u8; 32],
        id: DocumentId,
    ) -> Result<Option<Result<Document, DocumentError>>, ReadError> {
        let at = layout::document(id);
        let Some(packed) = self.view.get(&at)? else {
            return Ok(None);
        };
        let saved =
            content::unpack_bytes(&packed, DOCUMENT_BYTES_MAX).ok_or_else(|| damaged(&at))?;
        let _span = span("document loaded");
        Ok(Some(Document::load(id, actor, &saved)))
    }

    /// A document's records and how many changes made them; nothing if there is no such document.
    pub(super) fn document_records(&self, id: DocumentId) -> Result<(Vec<Record>, u64), ReadError> {
        // Reading draws no change, so the actor does not matter.
        let Some(document) = self.load_document(&[0; 32], id)? else {
            return Ok((Vec::new(), 0));
        };
        let _span = span("document read");
        Ok((document.records().0, document.change_count()))
    }

    /// The months of a domain that have a document.
    pub(super) fn months(&self, domain: Domain) -> Result<BTreeSet<Month>, ReadError> {
        let mut months = BTreeSet::new();
        for (key, _) in self.view.scan(&layout::documents_of(domain))? {
            let ordinal = key
                .get(2..6)
                .and_then(|bytes| bytes.try_into().ok())
                .map(u32::from_be_bytes);
            months.insert(
                ordinal
                    .and_then(Month::from_ordinal)
                    .ok_or_else(|| damaged(&key))?,
            );
        }
        Ok(months)
    }

    pub(super) fn domain_records(&self, domain: Domain) -> Result<Vec<Record>, ReadError> {
        let mut all = Vec::new();
        for month in self.months(domain)? {
            all.extend(self.document_records(DocumentId { domain, month })?.0);
        }
        Ok(all)
    }

    pub(super) fn records(&self) -> Result<Vec<Record>, ReadError> {
        let mut all = self.domain_records(Domain::Mobility)?;
        all.extend(self.domain_records(Domain::Energy)?);
        Ok(all)
    }

    pub(super) fn trips(&self, month: Option<Month>) -> Result<Vec<Trip>, ReadError> {
        let records = match month {
            Some(month) => {
                self.document_records(DocumentId {
                    domain: Domain::Mobility,
                    month,
                })?
                .0
            }
            None => self.domain_records(Domain::Mobility)?,
        };
        let mut trips: Vec<Trip> = records
            .into_iter()
            .filter_map(|record| match record {
                Record::Trip(trip) => Some(trip),
                Record::Reading(_) => None,
            })
            .collect();
        trips.sort_by_key(|trip| (trip.start, trip.id));
        Ok(trips)
    }

    pub(super) fn vault_counts(&self) -> Result<VaultCounts, ReadError> {
        let mut counts = VaultCounts::default();
        for id in self.documents()? {
            let Some(document) = self.load_document(&[0; 32], id)? else {
                continue;
            };
            let (records, malformed) = document.records();
            let trips = (records.iter())
                .filter(|record| matches!(record, Record::Trip(_)))
                .count();
            counts.documents += 1;
            counts.trips += trips as u64;
            counts.readings += (records.len() - trips) as u64;
            counts.malformed += malformed.len() as u64;
        }
        Ok(counts)
    }

    pub(super) fn footprint(&self, set: FactorSetId) -> Result<Done, CommandError> {
        let mobility = factors::footprint(&self.domain_records(Domain::Mobility)?, set);
        let drawn = factors::electricity_by_month(&self.domain_records(Domain::Energy)?, set);
        let electricity = drawn
            .into_iter()
            .map(|(month, (readings, energy, co2e))| {
                let shown = ElectricityMonth {
                    readings,
                    energy_j: energy.get(),
                    co2e_mg: co2e.get(),
                };
                (month, shown)
            })
            .collect();
        Ok(Done::Footprint {
            mobility,
            electricity,
        })
    }
}

/// Gathers changes for entries, in their order.
pub(super) fn in_entries(changes: Vec<DocumentChange>) -> Vec<Vec<DocumentChange>> {
    let mut gathered = Vec::new();
    let mut bytes = 0;
    let mut entries = Vec::new();
    for change in changes {
        if bytes + change.change.len() > CHANGE_BYTES_PER_ENTRY && !gathered.is_empty() {
            entries.push(std::mem::take(&mut gathered));
            bytes = 0;
        }
        bytes += change.change.len();
        gathered.push(change);
    }
    if !gathered.is_empty() {
        entries.push(gathered);
    }
    entries
}

fn time_ms(now: Timestamp) -> i64 {
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
