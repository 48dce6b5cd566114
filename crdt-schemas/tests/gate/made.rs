//! Changes made by hand, and what a document says.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::transaction::Transactable as _;
use automerge::{
    ActorId, AutoCommit, Automerge, Change, ChangeHash, ExpandedChange, ObjId, ObjType, ROOT,
    ReadDoc as _, ScalarValue, Value,
};
use maille_schemas::gate::{Fate, Gate, Offered};

/// The actor of a log, the entry's number, the change.
pub(crate) type Entry = (ActorId, u64, Vec<u8>);

pub(crate) fn offered((actor, number, bytes): &Entry) -> Offered<'_> {
    Offered {
        actor: actor.to_bytes(),
        number: *number,
        bytes,
    }
}

/// An actor with a name as long as that of a log.
pub(crate) fn actor(number: u16) -> ActorId {
    let mut bytes = [0x77; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    ActorId::from(&bytes[..])
}

/// Who made the list (by operation 1) and the text (2) of [`base`].
pub(crate) const MAKER: u16 = 40_000;

/// A document with a list and a text in it, and the gate to it.
pub(crate) fn base() -> (Gate, AutoCommit) {
    let mut first = AutoCommit::new().with_actor(actor(MAKER));
    for (key, kind) in [("list", ObjType::List), ("text", ObjType::Text)] {
        first.put_object(ROOT, key, kind).expect("a map");
    }
    first.commit();
    let gate = Gate::begin(&first.get_changes(&[])).expect("honest");
    (gate, first)
}

pub(crate) fn list() -> ObjectId {
    ObjectId::Id(OpId::new(1, &actor(MAKER)))
}

pub(crate) fn text() -> ObjectId {
    ObjectId::Id(OpId::new(2, &actor(MAKER)))
}

/// The same in an Automerge document.
pub(crate) fn found(document: &impl automerge::ReadDoc, key: &str) -> ObjId {
    document.get(ROOT, key).expect("a map").expect("there").1
}

/// A change at the first time from 0 at which its hash may pass.
pub(crate) fn change(
    actor: &ActorId,
    seq: u64,
    start: u64,
    deps: &[ChangeHash],
    operations: Vec<Op>,
) -> Change {
    let mut deps = deps.to_vec();
    deps.sort();
    let mut expanded = ExpandedChange {
        operations,
        actor_id: actor.clone(),
        author: None,
        hash: None,
        seq,
        start_op: NonZeroU64::new(start).expect("not zero"),
        time: 0,
        message: None,
        deps,
        extra_bytes: Vec::new(),
    };
    loop {
        let change = Change::from(expanded.clone());
        if change.hash().0[0] != 0 {
            return change;
        }
        expanded.time += 1;
    }
}

/// Puts null under a key of the root, beside whatever is there.
pub(crate) fn put(key: &str) -> Op {
    Op {
        action: OpType::Put(ScalarValue::Null),
        obj: ObjectId::Root,
        key: Key::Map(key.into()),
        pred: Vec::new().into(),
        insert: false,
    }
}

/// Puts null under a key of the root, in the place of these.
pub(crate) fn put_over(key: &str, replaced: Vec<OpId>) -> Op {
    Op {
        pred: replaced.into(),
        ..put(key)
    }
}

pub(crate) fn insert(object: ObjectId, after: ElementId, value: ScalarValue) -> Op {
    Op {
        action: OpType::Put(value),
        obj: object,
        key: Key::Seq(after),
        pred: Vec::new().into(),
        insert: true,
    }
}

/// Deletes an element and what was put over it.
pub(crate) fn delete(object: ObjectId, element: &OpId, more: &[OpId]) -> Op {
    let mut replaced = vec![element.clone()];
    replaced.extend_from_slice(more);
    Op {
        action: OpType::Delete,
        obj: object,
        key: Key::Seq(ElementId::Id(element.clone())),
        pred: replaced.into(),
        insert: false,
    }
}

pub(crate) fn entry(change: &Change) -> Entry {
    let bytes = change.raw_bytes().to_vec();
    (change.actor_id().clone(), change.seq() - 1, bytes)
}

/// Offers entries all of which are taken.
#[track_caller]
pub(crate) fn takes(gate: &mut Gate, entries: &[Entry]) {
    let fates = gate.offer(entries.iter().map(offered));
    let bad = (entries.iter().zip(&fates)).find(|(_, fate)| **fate != Fate::Taken);
    let bad = bad.map(|((_, number, bytes), fate)| (number, bytes.len(), fate));
    assert!(bad.is_none(), "{bad:?}");
}

/// Writes as an honest member does, by the gate, in a log of their own; returns how many changes it took.
#[track_caller]
pub(crate) fn writes(
    gate: &mut Gate,
    who: u16,
    edit: impl FnOnce(&mut automerge::transaction::Transaction<'_>),
) -> usize {
    let who = actor(who);
    let taken = gate.taken_of(who.to_bytes());
    let written = gate.write(who.to_bytes(), 0, edit).expect("it passes");
    let made: Vec<Entry> = (taken..)
        .zip(written)
        .map(|(number, bytes)| (who.clone(), number, bytes))
        .collect();
    takes(gate, &made);
    made.len()
}

/// All that a document says, with conflicts.
pub(crate) fn said(document: &Automerge) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    let mut queue = vec![(ROOT, ObjType::Map)];
    while let Some((object, kind)) = queue.pop() {
        let mut note = |at: String, all: Vec<(Value<'_>, ObjId)>| {
            for (value, id) in &all {
                if let Value::Object(kind) = value {
                    queue.push((id.clone(), *kind));
                }
            }
            said.insert(format!("{object} {at}"), format!("{all:?}"));
        };
        if kind == ObjType::Map {
            for key in document.keys(&object).collect::<Vec<_>>() {
                let all = document.get_all(&object, key.as_str()).expect("there");
                let top = document.get(&object, key.as_str()).expect("there");
                note(format!("{key} = {top:?}"), all);
            }
        } else {
            let one_by_one = kind == ObjType::List || document.length(&object) < 500;
            for at in (0..document.length(&object)).take_while(|_| one_by_one) {
                let all = document.get_all(&object, at).expect("there");
                let top = document.get(&object, at).expect("there");
                note(format!("{at:08} = {top:?}"), all);
            }
        }
        if kind == ObjType::Text {
            let text = document.text(&object).expect("a text");
            said.insert(format!("{object} text"), text);
        }
        let length = document.length(&object).to_string();
        said.insert(format!("{object} length"), length);
    }
    said
}
