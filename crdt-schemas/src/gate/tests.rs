#![expect(
    clippy::disallowed_methods,
    reason = "random actors are replaced at once"
)]

use automerge::transaction::{CommitOptions, Transactable as _};
use automerge::{AutoCommit, ROOT, ReadDoc as _};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::document::Document;

fn actor_of(number: u8) -> ActorId {
    ActorId::from(&[number; 16])
}

fn unsigned(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let byte = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

fn signed(out: &mut Vec<u8>, mut number: i64) {
    loop {
        let byte = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if (number == 0 && byte & 0x40 == 0) || (number == -1 && byte & 0x40 != 0) {
            out.push(byte);
            return;
        }
        out.push(byte | 0x80);
    }
}

/// A change of actor 1 with these columns.
fn change_with(columns: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut contents = vec![0, 16];
    contents.extend([1; 16]);
    contents.extend([1, 1, 0, 0, 0]); // number, first operation, time, no message, no others
    unsigned(&mut contents, columns.len() as u64);
    for (name, held) in columns {
        unsigned(&mut contents, *name);
        unsigned(&mut contents, held.len() as u64);
    }
    for (_, held) in columns {
        contents.extend(held);
    }
    chunk(1, &contents)
}

/// A run of `count` times one value.
fn run(count: i64, value: u8) -> Vec<u8> {
    let mut out = Vec::new();
    signed(&mut out, count);
    out.push(value);
    out
}

/// `count` operations that each put null under the key `a`, in few bytes.
fn bomb(count: i64) -> Vec<u8> {
    let mut keys = Vec::new();
    signed(&mut keys, count);
    keys.extend([1, b'a']);
    let mut no = Vec::new();
    unsigned(&mut no, count.unsigned_abs());
    change_with(&[
        (0x15, keys),
        (0x34, no),
        (0x42, run(count, 1)),
        (0x56, run(count, 0)),
        (0x70, run(count, 0)),
    ])
}

#[test]
fn a_few_bytes_that_ask_for_millions_of_operations_are_not_looked_into() {
    assert!(scan(&bomb(1), &[1; 16]).is_ok_and(|it| it.ops == 1));
    let free = i64::try_from(VALUES_FREE).unwrap();
    let length = i64::try_from(bomb(free).len()).unwrap();
    assert!(scan(&bomb(free + length), &[1; 16]).is_ok());
    for count in [free + length + 1, 1_000_000, 10_000_000, i64::MAX] {
        let bytes = bomb(count);
        assert!(bytes.len() < 120, "{}", bytes.len());
        let error = scan(&bytes, &[1; 16]).unwrap_err();
        assert_eq!(error, ScanError::Operations, "{count}");
    }
}

#[test]
fn only_a_plain_change_in_ones_own_name_is_looked_into() {
    let good = bomb(1);
    assert!(scan(&good, &[1; 16]).is_ok());
    assert_eq!(scan(&good, &[2; 16]), Err(ScanError::Actor));
    let contents = &good[10..];
    for kind in [0, 2, 3, 9] {
        assert_eq!(scan(&chunk(kind, contents), &[1; 16]), Err(ScanError::Kind));
    }
    assert_eq!(
        scan(&[&good[..], &[0]].concat(), &[1; 16]),
        Err(ScanError::Form)
    );
    for length in 0..good.len() {
        assert!(scan(&good[..length], &[1; 16]).is_err());
    }
    let long = vec![0; CHANGE_BYTES_MAX + 1];
    assert_eq!(scan(&long, &[1; 16]), Err(ScanError::TooLong));
    let deflated = change_with(&[(0x42 | 8, run(1, 1))]);
    assert_eq!(scan(&deflated, &[1; 16]), Err(ScanError::Column));
    let unknown = change_with(&[(0x42, run(1, 1)), (0xb1, run(1, 1))]);
    assert_eq!(scan(&unknown, &[1; 16]), Err(ScanError::Column));
}

/// What one of three people does.
#[derive(Clone, Debug)]
enum Deed {
    Put(u8, u8),
    Delete(u8),
    Push(u8),
    Remove(usize),
    Text(usize, String),
    Hear(usize),
}

fn deeds() -> impl Strategy<Value = Vec<(usize, Deed)>> {
    let deed = prop_oneof![
        (0u8..4, any::<u8>()).prop_map(|(key, value)| Deed::Put(key, value)),
        (0u8..4).prop_map(Deed::Delete),
        any::<u8>().prop_map(Deed::Push),
        (0usize..4).prop_map(Deed::Remove),
        (0usize..4, "[a-z]{0,3}").prop_map(|(at, text)| Deed::Text(at, text)),
        (0usize..3).prop_map(Deed::Hear),
    ];
    proptest::collection::vec((0usize..3, deed), 1..40)
}

/// A change that somebody made: whose, its number in their log, its bytes.
type Made = (Vec<u8>, u64, Vec<u8>);

/// Three people's copies after these deeds, all merged, and the changes that were made, at a time at which all their
/// hashes may pass.
fn lived(deeds: &[(usize, Deed)]) -> (AutoCommit, Vec<Made>) {
    let passes = |(all, _): &mut (AutoCommit, _)| {
        let mut changes = all.get_changes(&[]).into_iter();
        changes.all(|change| change.hash().0[0] != 0)
    };
    let mut lives = (0..).map(|time| lived_at(deeds, time));
    lives
        .find_map(|mut life| passes(&mut life).then_some(life))
        .unwrap()
}

fn lived_at(deeds: &[(usize, Deed)], time: i64) -> (AutoCommit, Vec<Made>) {
    let at = || CommitOptions::default().with_time(time);
    let mut base = AutoCommit::new().with_actor(actor_of(9));
    let list = base
        .put_object(ROOT, "list", automerge::ObjType::List)
        .unwrap();
    let text = base
        .put_object(ROOT, "text", automerge::ObjType::Text)
        .unwrap();
    base.commit_with(at());
    let mut people: Vec<AutoCommit> = (0..3u8)
        .map(|number| base.fork().with_actor(actor_of(number)))
        .collect();
    for (who, deed) in deeds {
        if let Deed::Hear(other) = deed {
            let mut other = people[*other].clone();
            people[*who].merge(&mut other).unwrap();
            continue;
        }
        let person = &mut people[*who];
        match deed {
            Deed::Put(key, value) => person
                .put(ROOT, format!("{key}"), u64::from(*value))
                .unwrap(),
            Deed::Delete(key) => {
                let _ = person.delete(ROOT, format!("{key}"));
            }
            Deed::Push(value) => {
                let end = person.length(&list);
                person.insert(&list, end, u64::from(*value)).unwrap();
            }
            Deed::Remove(at) => {
                if *at < person.length(&list) {
                    person.delete(&list, *at).unwrap();
                }
            }
            Deed::Text(at, new) => {
                let at = (*at).min(person.length(&text));
                person.splice_text(&text, at, 0, new).unwrap();
            }
            Deed::Hear(_) => {}
        }
        person.commit_with(at());
    }
    let mut all = base;
    for person in &mut people {
        all.merge(person).unwrap();
    }
    let changes = all.get_changes(&[]).into_iter().map(|it| {
        let actor = it.actor_id().to_bytes().to_vec();
        (actor, it.seq() - 1, it.raw_bytes().to_vec())
    });
    let changes = changes.collect();
    (all, changes)
}

fn offered(changes: &[Made]) -> impl Iterator<Item = Offered<'_>> {
    (changes.iter()).map(|(actor, number, bytes)| Offered {
        actor,
        number: *number,
        bytes,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn honest_changes_pass_in_any_order_and_batches(
        deeds in deeds(),
        cuts in proptest::collection::vec(1usize..6, 1..8),
        seed in any::<u64>(),
    ) {
        let (mut all, mut changes) = lived(&deeds);
        changes.sort_by_key(|(_, _, bytes)| Sha256::digest([&seed.to_le_bytes()[..], bytes].concat()));
        let mut gate = Gate::default();
        let mut left = changes.as_slice();
        for cut in cuts.iter().cycle() {
            let (batch, rest) = left.split_at(left.len().min(*cut));
            for fate in gate.offer(offered(batch)) {
                prop_assert!(!matches!(fate, Fate::Aside(_)), "{fate:?}");
            }
            left = rest;
            if left.is_empty() {
                break;
            }
        }
        prop_assert_eq!(gate.waiting().count(), 0);
        prop_assert_eq!(gate.document().get_heads(), all.get_heads());
        for (actor, _, bytes) in &changes {
            let change = Change::from_bytes(bytes.clone()).unwrap();
            let scanned = scan(bytes, actor).unwrap();
            prop_assert_eq!(scanned.ops, change.len() as u64);
            prop_assert_eq!(scanned.hash, change.hash().0);
        }
    }
}

/// Months of trips and of electricity, as our own importers write them.
#[test]
fn what_our_own_documents_write_passes() {
    let files = crate::sample::files(7, "2026-09".parse().unwrap());
    let mut documents = BTreeMap::new();
    for file in &files {
        let import = crate::import::import(&file.name, &file.bytes, None).unwrap();
        for record in import.records {
            let document = documents.entry(record.document());
            let document = document.or_insert_with_key(|id| Document::new(*id, &[3; 32]));
            document.put(&record, 1_790_000_000_000);
        }
    }
    let mut passed = 0;
    for document in documents.values_mut() {
        let whole = Automerge::load(&document.save()).unwrap();
        let changes = whole.get_changes(&[]);
        assert!(changes.len() > 1);
        if changes.iter().any(|change| change.hash().0[0] == 0) {
            continue; // documents of one person alone are not behind the gate yet
        }
        passed += 1;
        let gate = Gate::begin(&changes).unwrap();
        assert_eq!(gate.document().get_heads(), whole.get_heads());
    }
    assert!(passed > 1, "{passed} of {}", documents.len());
}

#[test]
fn a_log_that_is_full_takes_no_more() {
    let change = |seq: u64| {
        let change = Change::from_bytes(bomb(1)).unwrap();
        let mut expanded = change.decode();
        expanded.seq = seq;
        Change::from(expanded).raw_bytes().to_vec()
    };
    assert!(scan(&change(LOG_CHANGES_MAX), &[1; 16]).is_ok());
    let error = scan(&change(LOG_CHANGES_MAX + 1), &[1; 16]).unwrap_err();
    assert_eq!(error, ScanError::Range);
}

/// Changes in logs of their own, each after some of those before it: its key, and after which.
fn one_each(made: &[(&str, &[usize])]) -> Vec<Made> {
    let mut all: Vec<Change> = Vec::new();
    for (number, (key, after)) in (0u8..).zip(made) {
        let mut copy = empty().with_actor(actor_of(number));
        let mut past: Vec<usize> = after.to_vec();
        let mut at = 0;
        while let Some(it) = past.get(at) {
            past.extend(made[*it].1);
            at += 1;
        }
        past.sort_unstable();
        past.dedup();
        copy.apply_changes(past.iter().map(|it| all[*it].clone()))
            .unwrap();
        let mut edit = copy.transaction();
        edit.put(ROOT, *key, u64::from(number)).unwrap();
        edit.commit_with(CommitOptions::default().with_time(0));
        all.push(copy.get_last_local_change().unwrap());
    }
    let entry = |it: &Change| {
        let actor = it.actor_id().to_bytes().to_vec();
        (actor, 0, it.raw_bytes().to_vec())
    };
    all.iter().map(entry).collect()
}

/// Automerge fails, in this test, at whatever puts under `pair` when there is a value. Which of two that is must not
/// depend on which came first; and what was left out before a change came that goes before it is tried again.
#[test]
fn what_automerge_does_not_take_is_the_same_in_any_order() {
    let made = one_each(&[
        ("pair", &[]),
        ("pair", &[]),
        ("a", &[0]),
        ("b", &[1]),
        ("c", &[2, 3]),
        ("d", &[]),
        ("pair", &[5]),
    ]);
    let outcome = |gate: &Gate| {
        let aside: Vec<_> = (gate.aside())
            .map(|(actor, _, why)| (actor.to_vec(), why))
            .collect();
        (aside, gate.document().get_heads())
    };
    let mut outcomes = BTreeSet::new();
    for seed in 0..200u64 {
        let mut left = made.clone();
        left.sort_by_key(|(_, _, bytes)| Sha256::digest([&seed.to_le_bytes()[..], bytes].concat()));
        let mut gate = Gate {
            fault: Some(|document, change| {
                let puts = change.decode().operations;
                let pair = puts[0].key == automerge::legacy::Key::Map("pair".into());
                pair && document.get(ROOT, "pair").unwrap().is_some()
            }),
            ..Gate::default()
        };
        for batch in left.chunks(1 + usize::try_from(seed % 4).unwrap()) {
            gate.offer(offered(batch));
        }
        assert_eq!(gate.waiting().count(), 0);
        let of_one = gate.aside().map(|(_, _, why)| why);
        assert!(
            of_one.eq([AsideError::Apply; 4]),
            "two pairs and what follows"
        );
        assert_eq!(gate.document().get_changes(&[]).len(), 3);
        outcomes.insert(format!("{:?}", outcome(&gate)));
    }
    assert_eq!(outcomes.len(), 1, "{outcomes:#?}");
}
