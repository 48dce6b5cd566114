//! What must hold for documents, whatever order things come in.

use proptest::prelude::*;

use super::*;
use crate::domain::mobility::{Mode, Purpose};
use crate::record::Record;
use crate::sample;

const ACTORS: [[u8; 32]; 3] = [[1; 32], [2; 32], [3; 32]];

fn records(start: &str) -> Vec<Record> {
    let files = sample::files(7, start.parse().unwrap());
    files
        .iter()
        .flat_map(|file| {
            crate::import::import(&file.name, &file.bytes, None)
                .unwrap()
                .records
        })
        .collect()
}

fn trips() -> Vec<Record> {
    records("2026-09")
        .into_iter()
        .filter(|record| matches!(record, Record::Trip(_)))
        .collect()
}

fn mobility() -> DocumentId {
    "mobility/2026-09".parse().unwrap()
}

fn filled(actor: usize, records: &[Record]) -> Document {
    let mut document = Document::new(mobility(), &ACTORS[actor]);
    for record in records {
        document.put(record, 1_790_000_000_000);
    }
    document
}

#[test]
fn importing_twice_changes_nothing() {
    let trips = trips();
    let mut document = filled(0, &trips);
    assert!(!document.take_changes().is_empty());
    let saved = document.save();
    for trip in &trips {
        assert_eq!(document.put(trip, 1_800_000_000_000), Put::Unchanged);
    }
    assert_eq!(document.take_changes(), Vec::<Vec<u8>>::new());
    assert_eq!(document.save(), saved);
}

#[test]
fn what_was_there_stays_when_the_same_trip_comes_with_other_content() {
    let trips = trips();
    let mut document = filled(0, &trips[..1]);
    let Record::Trip(mut other) = trips[0].clone() else {
        unreachable!()
    };
    other.title = Some("other".into());
    assert_eq!(document.put(&Record::Trip(other), 1), Put::Differing);
    assert_eq!(document.records().0, trips[..1]);
}

#[test]
fn a_document_loads_as_it_was_saved() {
    for (id, records) in [
        (mobility(), trips()),
        ("energy/2026-10".parse().unwrap(), records("2026-09")),
    ] {
        let mut document = Document::new(id, &ACTORS[0]);
        let own: Vec<Record> = records
            .into_iter()
            .filter(|record| record.document() == id)
            .collect();
        for record in &own {
            assert_eq!(document.put(record, 1), Put::Added);
        }
        let saved = document.save();
        let mut loaded = Document::load(id, &ACTORS[1], &saved).unwrap();
        assert_eq!(loaded.records().0, document.records().0);
        assert_eq!(loaded.records().0.len(), own.len());
        assert_eq!(loaded.save(), saved);
        assert_eq!(loaded.change_count(), document.change_count());
        assert_eq!(
            loaded.take_changes(),
            Vec::<Vec<u8>>::new(),
            "what was loaded was not made here"
        );
    }
}

#[test]
fn a_document_is_rebuilt_from_its_changes() {
    let id = "energy/2026-10".parse().unwrap();
    let mut document = Document::new(id, &ACTORS[0]);
    for record in records("2026-09")
        .iter()
        .filter(|record| record.document() == id)
    {
        document.put(record, 1);
    }
    let changes = document.take_changes();
    assert!(
        changes.len() > 1,
        "several hundred readings make several changes"
    );
    assert!(changes.iter().all(|change| change.len() < 128 * 1_024));
    let mut rebuilt = Document::new(id, &ACTORS[1]);
    rebuilt.apply_changes(&changes).unwrap();
    rebuilt.apply_changes(&changes).unwrap();
    assert_eq!(rebuilt.records().0, document.records().0);
    assert_eq!(rebuilt.change_count(), changes.len() as u64);
    assert_eq!(rebuilt.take_changes(), Vec::<Vec<u8>>::new());
    assert_eq!(rebuilt.save(), document.save());
}

#[test]
fn two_devices_edits_of_the_same_trip_both_survive_though_both_imported_it() {
    let trips = trips();
    let id = trips[0].id();
    let mut phone = filled(0, &trips[..1]);
    let mut laptop = filled(1, &trips[..1]);
    phone
        .edit(&id, Edit::Purpose(Some(Purpose::Commute)), 1)
        .unwrap();
    laptop
        .edit(
            &id,
            Edit::Mode {
                section: 0,
                mode: Mode::Carpool,
            },
            2,
        )
        .unwrap();
    let (from_phone, from_laptop) = (phone.take_changes(), laptop.take_changes());
    phone.apply_changes(&from_laptop).unwrap();
    laptop.apply_changes(&from_phone).unwrap();
    assert_eq!(phone.records().0, laptop.records().0);
    let Record::Trip(trip) = &phone.records().0[0] else {
        unreachable!()
    };
    assert_eq!(
        (trip.purpose, trip.sections[0].mode),
        (Some(Purpose::Commute), Mode::Carpool)
    );
    assert_eq!(
        phone.put(&trips[0], 3),
        Put::Unchanged,
        "an edit is no other content of the source"
    );
}

#[test]
fn an_edit_needs_its_trip_and_section() {
    let trips = trips();
    let mut document = filled(0, &trips[..1]);
    let absent = trips[1].id();
    assert_eq!(
        document.edit(&absent, Edit::Purpose(None), 1),
        Err(EditError::NoSuchTrip(absent))
    );
    let beyond = Edit::Mode {
        section: 9,
        mode: Mode::Car,
    };
    assert_eq!(
        document.edit(&trips[0].id(), beyond, 1),
        Err(EditError::NoSuchSection {
            section: 9,
            count: 1
        })
    );
}

#[test]
fn bytes_of_something_else_are_refused_and_change_nothing() {
    let mut document = filled(0, &trips());
    let saved = document.save();
    let changes = document.take_changes();
    let other: DocumentId = "mobility/2026-10".parse().unwrap();
    assert!(matches!(
        Document::load(other, &ACTORS[0], &saved),
        Err(DocumentError::OtherDocument)
    ));
    assert!(matches!(
        Document::load(mobility(), &ACTORS[0], &changes[0]),
        Err(DocumentError::Chunk { index: 0 })
    ));
    assert!(matches!(
        Document::load(mobility(), &ACTORS[0], b""),
        Err(DocumentError::Chunk { index: 0 })
    ));
    let mut empty = Document::new(other, &ACTORS[1]);
    assert!(matches!(
        empty.apply_changes(&changes),
        Err(DocumentError::MissingDependency { index: 0 })
    ));
    assert!(matches!(
        empty.apply_changes(&[saved]),
        Err(DocumentError::Chunk { index: 0 })
    ));
    let mut target = Document::new(mobility(), &ACTORS[1]);
    for at in [0, 4, 8, 20, changes[0].len() / 2, changes[0].len() - 1] {
        let mut broken = changes[0].clone();
        broken[at] ^= 1;
        target
            .apply_changes(&[broken])
            .expect_err("one bit is wrong");
    }
    assert_eq!((empty.change_count(), target.change_count()), (0, 0));
}

#[test]
fn every_device_makes_the_same_first_change() {
    let mut one = Document::new(mobility(), &ACTORS[0]);
    let mut two = Document::new(mobility(), &ACTORS[1]);
    assert_eq!(one.save(), two.save());
}

#[test]
fn a_record_of_every_shape_reads_back_from_json() {
    for record in records("2026-09") {
        let json = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Three devices hold any of the trips and make any edits; whatever order each
    /// of them hears the others in, all show the same.
    #[test]
    fn merging_in_any_order_gives_the_same_records(
        held in prop::array::uniform3(prop::collection::vec(0_usize..8, 0..8)),
        edits in prop::collection::vec((0_usize..3, 0_usize..8, 0_usize..5), 0..8),
        swap in any::<bool>(),
    ) {
        let trips = trips();
        let mut devices: Vec<Document> = (0..3)
            .map(|device| {
                let own: Vec<Record> = held[device].iter().map(|&at| trips[at].clone()).collect();
                filled(device, &own)
            })
            .collect();
        for (device, trip, what) in edits {
            let edit = match what {
                0 => Edit::Purpose(None),
                1 => Edit::Purpose(Some(Purpose::Work)),
                2 => Edit::Purpose(Some(Purpose::Meal)),
                3 => Edit::Mode { section: 0, mode: Mode::Bus },
                _ => Edit::Mode { section: 0, mode: Mode::Train },
            };
            // Refused where that device has no such trip.
            let _ = devices[device].edit(&trips[trip].id(), edit, 5);
        }
        let changes: Vec<_> = devices.iter_mut().map(Document::take_changes).collect();
        for (device, document) in devices.iter_mut().enumerate() {
            let mut others: Vec<usize> = (0..3).filter(|&it| it != device).collect();
            if swap {
                others.reverse();
            }
            for other in others {
                document.apply_changes(&changes[other]).unwrap();
                document.apply_changes(&changes[other]).unwrap();
            }
        }
        let shown = devices[0].records().0;
        prop_assert_eq!(&shown, &devices[1].records().0);
        prop_assert_eq!(&shown, &devices[2].records().0);
        let expected: std::collections::BTreeSet<_> = held.iter().flatten().map(|&at| trips[at].id()).collect();
        prop_assert_eq!(shown.len(), expected.len());
        let again = Document::load(mobility(), &ACTORS[0], &devices[1].save()).unwrap();
        prop_assert_eq!(&shown, &again.records().0);
    }
}
