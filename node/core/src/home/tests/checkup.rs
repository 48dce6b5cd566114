//! Disks that lose or bend something, and documents made again from their entries.

use maille_schemas::document::{Document, DocumentId, Domain};
use maille_schemas::domain::mobility::Trip;

use super::*;
use crate::command::Checkup;
use crate::home::content::pack_bytes;
use crate::state::OwnSlice;

impl World {
    #[track_caller]
    fn checkup(&mut self, n: usize, rebuild: bool) -> Checkup {
        match self.asks(n, Command::Checkup { rebuild }) {
            Ok(Done::CheckedUp(report)) => report,
            other => panic!("{other:?}"),
        }
    }

    /// A document's place on the disk of `n`, and what is there.
    fn on_disk(&self, n: usize, id: &str) -> (Vec<u8>, Vec<u8>) {
        let at = layout::document(id.parse().unwrap());
        let bytes = self.nodes[n].disk.get(&at).unwrap().unwrap();
        (at, bytes)
    }

    /// Bends the disk of a node that is switched off.
    fn bends(&mut self, n: usize, at: &[u8], bytes: Option<Vec<u8>>) {
        {
            let mut disk = self.nodes[n].disk.0.borrow_mut();
            match bytes {
                Some(bytes) => disk.insert(at.to_vec(), bytes),
                None => disk.remove(at),
            };
        }
        self.crashes(n);
    }

    fn trips_at(&mut self, n: usize) -> Vec<Trip> {
        match self.asks(n, Command::Trips { month: None }) {
            Ok(Done::Trips { trips }) => trips,
            other => panic!("{other:?}"),
        }
    }

    fn vault_entries(&self, n: usize) -> Vec<Vec<u8>> {
        let slice: OwnSlice = minicbor::decode(
            &(self.nodes[n]
                .disk
                .get(&layout::vault(Domain::Mobility))
                .unwrap())
            .unwrap(),
        )
        .unwrap();
        let entries = self.nodes[n].disk.scan(&layout::entries_of(slice.id));
        entries.unwrap().into_iter().map(|(at, _)| at).collect()
    }
}

const JANUARY: &str = "mobility/2026-01";

#[test]
fn of_a_whole_home_there_is_nothing_to_say() {
    let (mut world, _) = shared();
    let phone = world.pairs(0, false);
    world.imports(phone, 8, "2026-02");
    world.settle();
    for n in [0, phone] {
        let report = world.checkup(n, false);
        assert!(
            report.is_well() && report.differing.is_empty(),
            "{report:?}"
        );
        assert_eq!(
            (report.documents, report.out_of_place),
            (3, 0),
            "{report:?}"
        );
    }
    assert!(world.checkup(0, false).entries > 0);
}

#[test]
fn a_document_that_cannot_be_read_is_made_again() {
    let (mut world, _) = shared();
    world.imports(0, 8, "2026-01");
    let phone = world.pairs(0, false);
    world.imports(phone, 9, "2026-01");
    world.settle();
    for n in [0, phone] {
        let before = world.trips_at(n);
        let (at, mut bytes) = world.on_disk(n, JANUARY);
        bytes.truncate(bytes.len() / 2);
        world.bends(n, &at, Some(bytes));
        let report = world.checkup(n, false);
        assert!(
            !report.is_well() && report.differing[0].unreadable,
            "{report:?}"
        );
        assert!(
            world.asks(n, Command::Trips { month: None }).is_err(),
            "only looked at"
        );
        let report = world.checkup(n, true);
        assert!(
            report.is_well() && report.differing[0].rebuilt,
            "{report:?}"
        );
        assert_eq!(world.trips_at(n), before);
        assert!(world.checkup(n, false).differing.is_empty());
    }
    world.imports(0, 11, "2026-01");
    world.settle();
    world.assert_same_view(0, 1);
    assert_eq!(world.trips_at(0), world.trips_at(phone));
}

/// Found by a reading with fresh eyes (2026-11-27): an older Maille took what it cannot understand for damage, and put in
/// its place what it understands of the entries.
#[test]
fn a_document_of_a_newer_version_is_left_as_it_is() {
    let (mut world, _) = shared();
    let (at, bytes) = world.on_disk(0, JANUARY);
    let saved = content::unpack_bytes(&bytes, 1 << 26).unwrap();
    let mut newer = automerge::AutoCommit::load(&saved).unwrap();
    let version = maille_schemas::document::SCHEMA_VERSION + 1;
    automerge::transaction::Transactable::put(&mut newer, automerge::ROOT, "version", version)
        .unwrap();
    let newer = pack_bytes(&newer.save_nocompress());
    world.bends(0, &at, Some(newer.clone()));
    for rebuild in [false, true] {
        let report = world.checkup(0, rebuild);
        assert!(!report.is_well(), "{report:?}");
        let check = &report.differing[0];
        assert!(check.newer && !check.rebuilt, "{report:?}");
        assert_eq!(world.on_disk(0, JANUARY).1, newer);
    }
}

/// What a disk does not give out may be there.
#[test]
fn a_disk_that_does_not_answer_is_no_damage() {
    let (mut world, _) = shared();
    world.nodes[0].disk.1.set(true);
    let looked = world.asks(0, Command::Checkup { rebuild: true });
    assert!(
        matches!(looked, Err(CommandError::Disk { .. })),
        "{looked:?}"
    );
    world.nodes[0].disk.1.set(false);
    assert!(world.checkup(0, false).is_well());
}

#[test]
fn a_document_that_was_lost_or_has_gone_back_catches_up() {
    let (mut world, _) = shared();
    let (at, before) = world.on_disk(0, JANUARY);
    world.imports(0, 8, "2026-01");
    world.settle();
    let all = world.trips_at(0);
    for bent in [Some(before), None] {
        world.bends(0, &at, bent);
        assert!(world.trips_at(0).len() < all.len());
        let report = world.checkup(0, true);
        assert!(
            report.is_well() && report.differing[0].lacks > 0,
            "{report:?}"
        );
        assert_eq!(world.trips_at(0), all);
    }
    world.settle();
    world.assert_same_view(0, 1);
}

#[test]
fn what_no_entry_says_goes_and_readers_follow() {
    let (mut world, _) = shared();
    let all = world.trips_at(0);
    let id: DocumentId = JANUARY.parse().unwrap();
    let mut held = world.nodes[0].home.read_document(id).unwrap();
    let mut other = Document::new(id, &[3; 32]);
    for record in records(77, "2026-01") {
        if record.document() == id {
            other.put(&record, 0);
        }
    }
    held.apply_changes(&other.take_changes()).unwrap();
    let at = layout::document(id);
    world.bends(0, &at, Some(pack_bytes(&held.save())));
    assert!(world.trips_at(0).len() > all.len());
    let (now, node) = (world.now, &mut world.nodes[0]);
    node.home.republish_all(now, &mut node.rng).unwrap();
    world.settle();
    world.assert_same_view(0, 1);
    let report = world.checkup(0, true);
    assert!(
        report.is_well() && report.differing[0].unsaid > 0,
        "{report:?}"
    );
    assert_eq!(world.trips_at(0), all);
    world.settle();
    world.assert_same_view(0, 1);
    peers::assert_nobody_at_fault(&world);
    // What was written upon it would go with it.
    world.bends(0, &at, Some(pack_bytes(&held.save())));
    world.imports(0, 6, "2026-01");
    let before = world.trips_at(0);
    let report = world.checkup(0, true);
    assert!(!report.is_well() && report.out_of_place > 0, "{report:?}");
    assert_eq!(world.trips_at(0), before);
}

/// What is in the document may be all that is left of an entry.
#[test]
fn while_entries_are_lost_nothing_is_taken_away() {
    for (bent, which) in [(true, 0), (false, 0), (false, usize::MAX)] {
        let (mut world, _) = shared();
        world.imports(0, 8, "2026-01");
        world.imports(0, 9, "2026-01");
        let all = world.trips_at(0);
        let entries = world.vault_entries(0);
        let at = entries[which.min(entries.len() - 1)].clone();
        let mut bytes = world.nodes[0].disk.get(&at).unwrap().unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        world.bends(0, &at, bent.then_some(bytes));
        let report = world.checkup(0, true);
        assert!(
            !report.is_well() && !report.entries_are_whole(),
            "{report:?}"
        );
        assert!(report.differing.iter().all(|it| !it.rebuilt), "{report:?}");
        assert_eq!(world.trips_at(0), all);
    }
}
