//! Projections: what a lens shows of the vault, as rows in a slice of their own.
//!
//! A projection is computed again from the documents, compared with what was published, and
//! only the difference goes into entries. Two computations from the same documents give the
//! same bytes. A part is a month; its rows are sealed under the part's current generation.

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::generation::PartKey;
use maille_protocol::id::GrantId;
use maille_protocol::slice::{ContentKind, PartNumber};
use maille_protocol::time::Timestamp;
use maille_schemas::document::{DocumentId, Domain, Month};
use maille_schemas::lens::Lens;
use maille_schemas::record::Record;
use rand_core::CryptoRng;

use super::Home;
use super::content::{self, ROWS_PER_ENTRY_MAX, RowRecord, RowsContent};
use crate::command::{CommandError, Done, ProjectedRow};
use crate::io::Store;
use crate::layout;
use crate::state::{DueWhat, OwnPart, OwnSlice, Row, RowVersion};
use crate::view::{ReadError, damaged};

/// The part of a month.
pub(super) fn part_of(month: Month) -> PartNumber {
    PartNumber(month.ordinal())
}

pub(super) fn find_lens(name: &str) -> Result<&'static Lens, CommandError> {
    Lens::find(name).ok_or_else(|| CommandError::UnknownLens {
        lens: name.to_owned(),
    })
}

impl<S: Store> Home<S> {
    /// What a lens would show from a month on; nothing is kept and nothing leaves.
    pub(super) fn preview(&self, name: &str, from: Option<Month>) -> Result<Done, CommandError> {
        let lens = find_lens(name)?;
        let mut rows = Vec::new();
        for part in self.projectable_parts()? {
            if from.is_none_or(|from| part >= from) {
                for row in self.project(lens, part)?.0 {
                    rows.push(ProjectedRow {
                        key: row.key,
                        fields: row.fields,
                    });
                }
            }
        }
        Ok(Done::Preview {
            lens: lens.name().to_owned(),
            rows,
        })
    }

    /// The slice of a lens, published at first need.
    pub(super) fn projection(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        lens: &'static Lens,
    ) -> Result<OwnSlice, CommandError> {
        if let Some(slice) = self.view.read::<OwnSlice>(&layout::projection(lens.id()))? {
            return Ok(slice);
        }
        let slice = self.new_slice(ContentKind::Projection, lens.name().to_owned(), rng);
        self.view.write(layout::projection(lens.id()), &slice);
        let parts = self.projectable_parts()?;
        self.publish(now, rng, &slice, lens, &parts)?;
        Ok(slice)
    }

    /// Publishes again what new records may have changed.
    pub(super) fn republish_touched(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        news: &[Record],
    ) -> Result<(), CommandError> {
        for (slice, lens) in self.own_projections()? {
            let parts: BTreeSet<Month> = news
                .iter()
                .flat_map(|record| lens.parts_touched(record))
                .collect();
            self.publish(now, rng, &slice, lens, &parts)?;
        }
        Ok(())
    }

    /// Publishes every projection again, whole: see `restore`.
    pub(super) fn republish_all(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CommandError> {
        let parts = self.projectable_parts()?;
        for (slice, lens) in self.own_projections()? {
            self.publish(now, rng, &slice, lens, &parts)?;
        }
        Ok(())
    }

    /// Our projections with their lenses, pinned by hash as in their grants. A slice whose very lens
    /// this version does not have is not published by it: its readers were promised another view.
    fn own_projections(&self) -> Result<Vec<(OwnSlice, &'static Lens)>, ReadError> {
        let all = self.view.scan_read::<OwnSlice>(layout::PROJECTIONS)?;
        let known = all.into_iter().filter_map(|(at, slice)| {
            let id = at.get(1..)?.try_into().ok()?;
            Some((slice, Lens::find_id(id)?))
        });
        Ok(known.collect())
    }

    fn publish(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        slice: &OwnSlice,
        lens: &'static Lens,
        parts: &BTreeSet<Month>,
    ) -> Result<(), CommandError> {
        let readers = self.readers_of(now, slice.id)?;
        let mut handout: BTreeMap<GrantId, Vec<PartKey>> = BTreeMap::new();
        let mut written: Vec<(PartNumber, Vec<u8>, u32)> = Vec::new();
        for &month in parts {
            let number = part_of(month);
            let changed = self.changed_rows(slice, lens, month)?;
            if changed.is_empty() {
                continue;
            }
            let recipients: Vec<GrantId> = readers
                .iter()
                .filter(|reader| reader.grant.parts.contains(number))
                .map(|reader| reader.id)
                .collect();
            let (mut part, new_key) = self.own_part(rng, slice, number, recipients.clone())?;
            if let Some(key) = new_key {
                for reader in readers
                    .iter()
                    .filter(|reader| recipients.contains(&reader.id))
                {
                    if reader.given.fed {
                        handout.entry(reader.id).or_default().push(key.clone());
                    }
                }
            }
            let few = sim_point!(self, OneRowPerEntry);
            for rows in changed.chunks(if few { 1 } else { ROWS_PER_ENTRY_MAX }) {
                let count = u32::try_from(rows.len()).expect("at most ROWS_PER_ENTRY_MAX");
                let content = content::pack(&RowsContent {
                    version: 1,
                    rows: rows.to_vec(),
                });
                let at = self.append_entry(now, slice, number, &mut part, content)?;
                self.view.write(layout::count_of_entry(&at), &count);
                written.push((number, at, count));
            }
            self.view.write(layout::part(slice.id, number), &part);
        }
        for (grant, keys) in handout {
            self.hand_out_keys(rng, grant, &keys)?;
        }
        for (number, at, rows) in written {
            for reader in &readers {
                if reader.given.fed && reader.grant.parts.contains(number) {
                    let what = DueWhat::Entry {
                        key: at.clone().into(),
                        rows,
                    };
                    self.make_due(reader.audience, reader.id, what)?;
                }
            }
        }
        Ok(())
    }

    /// The rows of a part that differ from what was published, kept as published.
    fn changed_rows(
        &mut self,
        slice: &OwnSlice,
        lens: &'static Lens,
        month: Month,
    ) -> Result<Vec<RowRecord>, CommandError> {
        let number = part_of(month);
        let (rows, changes) = self.project(lens, month)?;
        let mut published: BTreeMap<Vec<u8>, Row> = BTreeMap::new();
        for (key, row) in self
            .view
            .scan_read::<Row>(&layout::rows_of_part(slice.id, number))?
        {
            let tail = layout::tail_after_part(&key).ok_or_else(|| damaged(&key))?;
            published.insert(tail.to_vec(), row);
        }
        let serial = self.installed.map_or(0, |known| known.serial);
        let mut changed = Vec::new();
        let mut put = |key: Vec<u8>, fields: Option<Vec<u8>>| {
            let hash = content::row_hash(&key, fields.as_deref());
            let version = RowVersion {
                serial,
                changes,
                hash,
            };
            changed.push(RowRecord {
                key: key.into(),
                version,
                fields: fields.map(Into::into),
            });
        };
        for row in rows {
            match published.remove(&row.key) {
                Some(old)
                    if old.version.serial == serial
                        && old.fields.as_ref().is_some_and(|f| ***f == *row.fields) => {}
                _ => put(row.key, Some(row.fields)),
            }
        }
        for (key, old) in published {
            if old.fields.is_some() {
                put(key, None);
            }
        }
        for record in &changed {
            let row = Row {
                version: record.version,
                fields: record.fields.clone(),
            };
            self.view
                .write(layout::row(slice.id, number, &record.key), &row);
        }
        Ok(changed)
    }

    /// A part's rows, and the number of changes behind them.
    fn project(
        &self,
        lens: &'static Lens,
        part: Month,
    ) -> Result<(Vec<maille_schemas::lens::Row>, u64), ReadError> {
        let mut records = Vec::new();
        let mut changes = 0;
        for month in [part.prev(), part, part.next()] {
            let id = DocumentId {
                domain: Domain::Mobility,
                month,
            };
            let (of_month, count) = self.document_records(id)?;
            records.extend(of_month);
            changes += count;
        }
        Ok((lens.project_part(part, &records), changes))
    }

    /// Parts that may have rows: months with a document, and their neighbours.
    fn projectable_parts(&self) -> Result<BTreeSet<Month>, ReadError> {
        Ok(self
            .months(Domain::Mobility)?
            .into_iter()
            .flat_map(|month| [month.prev(), month, month.next()])
            .collect())
    }

    /// The parts of a slice of ours, by number.
    pub(super) fn own_parts(
        &self,
        slice: maille_protocol::id::SliceId,
    ) -> Result<Vec<(PartNumber, OwnPart)>, ReadError> {
        self.view
            .scan_read::<OwnPart>(&layout::parts_of(slice))?
            .into_iter()
            .map(|(key, part)| {
                layout::part_in(&key)
                    .map(|number| (number, part))
                    .ok_or_else(|| damaged(&key))
            })
            .collect()
    }
}
