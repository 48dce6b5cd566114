//! Whether a person's documents are what their entries say; and making them again.
//!
//! | a document | what [`Command::Checkup`](crate::command::Command::Checkup) does, asked to rebuild |
//! |---|---|
//! | says what its entries say | nothing |
//! | lacks what entries say, or cannot be read | it is made again |
//! | was written by a newer version of Maille | nothing: what entries say is not understood here either |
//! | holds what no entry says, and all entries are here | it is made again; what was published of it begins anew, as after a backup |
//! | holds what no entry says, and some entry is lost, cannot be read, or builds on what is in none | nothing: it may be all that is left of an entry |
//! | holds what no entry says, while nobody has said how much stays of what a removed device wrote | nothing: it may stay |

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::entry::UnverifiedEntry;
use maille_protocol::generation::PartKey;
use maille_protocol::slice::PartNumber;
use maille_protocol::time::Timestamp;
use maille_schemas::document::{Document, DocumentId, Domain};
use maille_schemas::record::Record;
use rand_core::CryptoRng;

use super::Home;
use super::content::{self, DocumentChange, DocumentsContent};
use crate::command::{Checkup, CommandError, DocumentCheck, Done};
use crate::io::Store;
use crate::layout;
use crate::state::{OwnPart, OwnSlice};
use crate::view::{ReadError, shown};

impl<S: Store> Home<S> {
    pub(super) fn checkup(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        rebuild: bool,
    ) -> Result<Done, CommandError> {
        let mut report = Checkup::default();
        let mut said: BTreeMap<DocumentId, Vec<Vec<u8>>> = BTreeMap::new();
        for id in self.documents()? {
            said.insert(id, Vec::new());
        }
        let (changes, settled) = self.changes_of_entries(&mut report)?;
        for change in changes {
            if let Some(id) = change.document() {
                said.entry(id).or_default().push(change.change.into());
            }
        }
        report.documents = said.len() as u64;
        let (mut news, mut shrinks) = (Vec::new(), false);
        for (id, changes) in said {
            let (mut made, left) = Document::from_changes(id, &[0; 32], changes);
            report.out_of_place += left as u64;
            let newer = damage(self.is_of_newer_version(id))?.unwrap_or(false);
            let held = damage(self.read_document(id))?;
            let unreadable = held.is_none();
            let mut held = held.unwrap_or_else(|| Document::new(id, &[0; 32]));
            let (before, after) = (changes_of(&mut held), changes_of(&mut made));
            let check = DocumentCheck {
                document: id.to_string(),
                unreadable,
                newer,
                lacks: after.difference(&before).count() as u64,
                unsaid: before.difference(&after).count() as u64,
                rebuilt: rebuild
                    && !newer
                    && (unreadable
                        || before.is_subset(&after)
                        || left == 0 && settled && report.entries_are_whole()),
            };
            if !check.unreadable && check.lacks == 0 && check.unsaid == 0 {
                continue;
            }
            if check.rebuilt {
                shrinks |= unreadable || check.unsaid > 0;
                news.extend(differing(held.records().0, made.records().0));
                self.save_document(id, &mut made);
            }
            report.differing.push(check);
        }
        if shrinks {
            self.publish_as_from_a_backup(now, rng)?;
        } else if !news.is_empty() {
            self.republish_touched(now, rng, &news)?;
        }
        Ok(Done::CheckedUp(report))
    }

    /// Everything that entries of ours, and of our other devices, say of our documents.
    fn changes_of_entries(
        &mut self,
        report: &mut Checkup,
    ) -> Result<(Vec<DocumentChange>, bool), CommandError> {
        let mut all = Vec::new();
        for domain in [Domain::Mobility, Domain::Energy] {
            let Some(slice) = self.view.read::<OwnSlice>(&layout::vault(domain))? else {
                continue;
            };
            let keys = layout::part_keys(slice.id, PartNumber::SINGLE);
            let keys = self.view.scan_read::<PartKey>(&keys)?;
            let mut next_of: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
            for (at, bytes) in self.view.scan(&layout::entries_of(slice.id))? {
                report.entries += 1;
                match open(&bytes, keys.iter().map(|(_, key)| key)) {
                    Some(content) => all.extend(content.changes),
                    None => report.unreadable_entries.push(shown(&at)),
                }
                if let Some((log, seq)) = at.split_last_chunk::<8>() {
                    let next = next_of.entry(log.to_vec()).or_default();
                    let seq = u64::from_be_bytes(*seq);
                    report.missing_entries += seq.saturating_sub(*next);
                    *next = seq + 1;
                }
            }
            let part = layout::part(slice.id, PartNumber::SINGLE);
            if let Some(part) = self.view.read::<OwnPart>(&part)? {
                let log = self.log_key(&slice, PartNumber::SINGLE).id();
                let at = layout::entry(slice.id, PartNumber::SINGLE, log, 0);
                let next = next_of.get(&at[..at.len() - 8]).copied().unwrap_or(0);
                report.missing_entries += part.tip.next_seq.saturating_sub(next);
            }
        }
        let (of_circle, settled) = self.changes_of_own_circle()?;
        all.extend(of_circle);
        Ok((all, settled))
    }
}

/// What is read; nothing if it is damaged. Of a disk that does not answer nobody knows.
fn damage<T>(read: Result<T, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(ReadError::Damaged { .. }) => Ok(None),
        Err(error @ ReadError::Store(_)) => Err(error),
    }
}

/// What an entry of ours says, if it is whole.
fn open<'a>(bytes: &[u8], keys: impl Iterator<Item = &'a PartKey>) -> Option<DocumentsContent> {
    // We sealed it: that it opens is all the proof that it needs.
    let entry = UnverifiedEntry::decode(bytes).ok()?.assume_verified();
    let mut keys = keys.filter(|key| key.generation() == entry.generation());
    let body = entry.open(&keys.next()?.key).ok()?;
    content::unpack(&body.content)
}

fn changes_of(document: &mut Document) -> BTreeSet<Vec<u8>> {
    document.all_changes().into_iter().collect()
}

/// Records that only one of both holds, or that are not the same.
fn differing(before: Vec<Record>, after: Vec<Record>) -> Vec<Record> {
    let mut by_key: BTreeMap<String, Record> =
        before.into_iter().map(|it| (it.key(), it)).collect();
    let mut differing = Vec::new();
    for record in after {
        let was = by_key.remove(&record.key());
        if was.as_ref() != Some(&record) {
            differing.extend(was);
            differing.push(record);
        }
    }
    differing.extend(by_key.into_values());
    differing
}
