//! The circle of our person's own devices: it carries the changes of our documents from one to the others.
//!
//! A device writes what changes here into its own vault first, whose entries are the truth of what it wrote; the
//! circle's entries are the truth of what the others did. It is founded when the first other device is added. Of
//! a circle that has other members nothing of this holds.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::id::{CircleId, DeviceId};
use maille_protocol::pairing::PairedCircle;
use maille_protocol::principal::Charter;
use maille_protocol::time::Timestamp;
use maille_schemas::document::{DocumentError, DocumentId};
use maille_schemas::record::Record;
use rand_core::CryptoRng;

use super::super::Home;
use super::super::content::DocumentChange;

use super::super::vault::in_entries;
use super::invite::is_of;
use super::{Circle, CircleContent, Edit};
use crate::command::CommandError;
use crate::io::Store;
use crate::layout;
use crate::state::CircleRecord;
use crate::view::ReadError;

/// Records of a document, by their key.
type Records = BTreeMap<String, Record>;

impl<S: Store> Home<S> {
    /// What a new device is told of our circles.
    pub(in crate::home) fn circles_to_tell(&mut self) -> Result<Vec<PairedCircle>, ReadError> {
        self.load_circles()?;
        Ok((self.circles.values())
            .map(|circle| paired(&circle.record))
            .collect())
    }

    /// What our devices are called.
    pub(in crate::home) fn device_names(
        &mut self,
    ) -> Result<BTreeMap<DeviceId, String>, ReadError> {
        self.load_circles()?;
        let own = self.circles.values().find(|circle| circle.record.own);
        let places = own.into_iter().flat_map(|circle| &circle.places);
        Ok(places
            .map(|(device, card)| (*device, card.name.clone()))
            .collect())
    }

    /// The circle of our own devices, if there is one.
    pub(in crate::home) fn own_circle(&self) -> Result<Option<CircleId>, ReadError> {
        self.view.read(layout::OWN_CIRCLE)
    }

    /// Founds the circle of our own devices, unless there is one, and puts all that our documents hold into it.
    /// `called` is what this device is called.
    pub(in crate::home) fn found_own_circle(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        called: String,
    ) -> Result<CircleId, CommandError> {
        if let Some(id) = self.own_circle()? {
            return Ok(id);
        }
        let id = self.found_circle(now, rng, ("devices".to_owned(), "devices"), (called, true))?;
        self.view.write(layout::OWN_CIRCLE.to_vec(), &id);
        self.view.delete(layout::CALLED.to_vec()); // it came back: nobody has to tell it of one any more
        self.pass_on_all(now, rng)?;
        Ok(id)
    }

    /// Passes on all that our documents hold.
    pub(in crate::home) fn pass_on_all(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CommandError> {
        for document in self.documents()? {
            let changes = self.all_changes(document)?.into_iter();
            let changes = changes
                .map(|it| DocumentChange::new(document, it))
                .collect();
            self.pass_on_changes(now, rng, changes)?;
        }
        Ok(())
    }

    /// Passes changes of our documents on to our other devices, if there are any.
    pub(in crate::home) fn pass_on_changes(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        changes: Vec<DocumentChange>,
    ) -> Result<(), CommandError> {
        let Some(id) = self.own_circle()? else {
            return Ok(());
        };
        self.with_circle(id, |home, circle| {
            for changes in in_entries(changes) {
                home.keep_edit(circle, &Edit::Documents(changes));
            }
            home.do_duties(now, rng, circle)
        })
    }

    /// Tells our other devices, if there are any, of a circle that our person has come into.
    pub(super) fn pass_on_circle(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: CircleId,
    ) -> Result<(), CommandError> {
        let record = self.view.read::<CircleRecord>(&layout::circle(circle))?;
        let (Some(own), Some(record)) = (self.own_circle()?, record) else {
            return Ok(());
        };
        self.with_circle(own, |home, circle| {
            home.keep_edit(circle, &Edit::Circle(paired(&record)));
            home.do_duties(now, rng, circle)
        })
    }

    /// All that the circle of our own devices says of our documents: what stands, and what of ours waits there; and
    /// whether that is settled: not while nobody has said how much stays of what a removed device wrote.
    pub(in crate::home) fn changes_of_own_circle(
        &mut self,
    ) -> Result<(Vec<DocumentChange>, bool), CommandError> {
        let Some(id) = self.own_circle()? else {
            return Ok((Vec::new(), true));
        };
        self.with_circle(id, |home, circle| {
            let stands = circle.stands();
            let settled = !circle.awaits_cut(&home.me.authority) && circle.taken.is_subset(&stands);
            let contents = circle.replica.standing().filter_map(|it| it.content);
            let mut changes: Vec<_> = contents
                .flat_map(|content| CircleContent::of(content).documents)
                .collect();
            for (_, edit) in home.view.scan_read::<Edit>(&layout::circle_edits(id))? {
                if let Edit::Documents(waiting) = edit {
                    changes.extend(waiting);
                }
            }
            Ok((changes, settled))
        })
    }

    pub(super) fn mark_taken(&mut self, circle: &mut Circle, entry: [u8; 32]) {
        let at = layout::circle_taken(circle.id(), &entry);
        self.view.put(at, Vec::new());
        circle.taken.insert(entry);
    }

    /// Takes what our other devices wrote into our documents; what builds on something that is not here waits.
    pub(super) fn take_documents(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &mut Circle,
    ) -> Result<(), CommandError> {
        if !circle.record.own {
            return Ok(());
        }
        self.keep_what_fell(circle)?;
        let (mut left, mut circles) = (Vec::new(), Vec::new());
        for it in circle.replica.standing() {
            let hash = it.entry.header_hash();
            let Some(content) = it.content.filter(|_| !circle.taken.contains(&hash)) else {
                continue;
            };
            let content = CircleContent::of(content);
            circles.extend(content.circle);
            left.push((hash, content.documents));
        }
        for paired in circles {
            self.come_into(now, &paired)?;
        }
        let mut before = BTreeMap::new();
        loop {
            let waiting = left.len();
            let mut later = Vec::new();
            for (hash, changes) in left {
                if self.apply_all(&changes, &mut before)? {
                    self.mark_taken(circle, hash);
                } else {
                    later.push((hash, changes));
                }
            }
            left = later;
            if left.is_empty() || left.len() == waiting {
                break;
            }
        }
        let mut news = Vec::new();
        for (id, mut before) in before {
            for record in self.document_records(id)?.0 {
                let was = before.remove(&record.key());
                if was.as_ref() != Some(&record) {
                    news.extend(was);
                    news.push(record);
                }
            }
            news.extend(before.into_values());
        }
        if !news.is_empty() {
            self.republish_touched(now, rng, &news)?;
        }
        Ok(())
    }

    /// A removal may keep less of a log than we have taken into our documents. What we have built on it since could
    /// be applied nowhere else: we pass on ourselves what no entry carries any more.
    fn keep_what_fell(&mut self, circle: &mut Circle) -> Result<(), ReadError> {
        if circle.awaits_cut(&self.me.authority) {
            return Ok(()); // how much is kept is not said yet
        }
        let stands = circle.stands();
        let fell: Vec<[u8; 32]> = circle.taken.difference(&stands).copied().collect();
        if fell.is_empty() {
            return Ok(());
        }
        for entry in fell {
            self.view.delete(layout::circle_taken(circle.id(), &entry));
            circle.taken.remove(&entry);
        }
        let contents = circle.replica.standing().filter_map(|it| it.content);
        let carried: BTreeSet<(DocumentId, Vec<u8>)> = contents
            .flat_map(|content| CircleContent::of(content).documents)
            .filter_map(|it| Some((it.document()?, it.change.to_vec())))
            .collect();
        let mut lost = Vec::new();
        for id in self.documents()? {
            let all = self.all_changes(id)?.into_iter().map(|it| (id, it));
            lost.extend(all.filter(|it| !carried.contains(it)));
        }
        let lost = lost.into_iter();
        let lost = lost.map(|(id, change)| DocumentChange::new(id, change));
        for changes in in_entries(lost.collect()) {
            self.keep_edit(circle, &Edit::Documents(changes));
        }
        Ok(())
    }

    /// Another device of ours has come into a circle.
    fn come_into(&mut self, now: Timestamp, paired: &PairedCircle) -> Result<(), ReadError> {
        let Some((id, record)) = record_of(paired, now, paired.called.clone()) else {
            return Ok(()); // it wrote something that is none
        };
        if record.own || self.view.get(&layout::circle(id))?.is_some() {
            return Ok(());
        }
        self.view.write(layout::circle(id), &record);
        self.circles_loaded = false;
        // What came of it before was of no use: it is to come again, from whoever has it.
        for (_, node) in self.nodes()? {
            self.take_feed_again(now, node.person)?;
        }
        Ok(())
    }

    /// Applies what one entry carries; false if it builds on something that is not here.
    fn apply_all(
        &mut self,
        changes: &[DocumentChange],
        before: &mut BTreeMap<DocumentId, Records>,
    ) -> Result<bool, ReadError> {
        let mut by_document: BTreeMap<DocumentId, Vec<Vec<u8>>> = BTreeMap::new();
        for change in changes {
            // A domain that this version does not know stays in the entry.
            if let Some(id) = change.document() {
                by_document
                    .entry(id)
                    .or_default()
                    .push(change.change.to_vec());
            }
        }
        let mut changed = Vec::new();
        for (id, changes) in by_document {
            let mut document = self.read_document(id)?;
            match document.apply_changes(&changes) {
                Ok(()) => changed.push((id, document)),
                Err(DocumentError::MissingDependency { .. }) => return Ok(false),
                // Our own device wrote it: a newer version of Maille, or a broken one.
                Err(_) => {}
            }
        }
        for (id, mut document) in changed {
            if let Entry::Vacant(unseen) = before.entry(id) {
                let records = self.document_records(id)?.0;
                let by_key = records.into_iter().map(|it| (it.key(), it));
                unseen.insert(by_key.collect());
            }
            self.save_document(id, &mut document);
        }
        Ok(true)
    }
}

fn paired(record: &CircleRecord) -> PairedCircle {
    PairedCircle {
        circle: record.charter.to_vec(),
        slice: record.slice.to_vec(),
        tag_key: record.tag_key.clone(),
        called: record.called.clone(),
        own: record.own,
    }
}

/// How a circle begins here that another device of ours is in; nothing if that is none.
pub(crate) fn record_of(
    paired: &PairedCircle,
    since: Timestamp,
    called: String,
) -> Option<(CircleId, CircleRecord)> {
    let id = Charter::decode(&paired.circle).ok()?.circle()?;
    is_of(&paired.circle, &paired.slice, id).then(|| {
        let record = CircleRecord {
            charter: paired.circle.clone().into(),
            slice: paired.slice.clone().into(),
            tag_key: paired.tag_key.clone(),
            called,
            since,
            next: 1,
            logs_over: 0,
            next_edit: 1,
            own: paired.own,
            welcomed_by: None,
            wide: false,
        };
        (id, record)
    })
}
