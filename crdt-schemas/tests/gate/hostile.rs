//! A member who may write, and writes changes that are made to break the others' documents.

use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::legacy::{ElementId, Key, MarkData, ObjectId, Op, OpId, OpType};
use automerge::transaction::Transactable as _;
use automerge::{
    ActorId, Automerge, Change, ChangeHash, ExpandedChange, ObjId, ObjType, ROOT, ReadDoc as _,
    ScalarValue,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng as _;

use maille_schemas::gate::chunk;

/// Draws that are the same on every machine.
pub(crate) struct Draw(pub(crate) ChaCha20Rng);

impl Draw {
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.0.next_u64() % count.max(1) as u64).expect("less than a count")
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let at = self.below(all.len());
        all.get(at)
    }

    fn number(&mut self) -> u64 {
        match self.below(8) {
            0 => 0,
            1 => 1,
            2 => u64::from(u32::MAX),
            3 => u64::from(u32::MAX) + 1,
            4 => u64::MAX,
            5 => self.0.next_u64(),
            _ => self.below(64) as u64,
        }
    }
}

/// Makes honest changes of a member and spoils them.
pub(crate) struct Hostile {
    pub(crate) draw: Draw,
    /// All operations there are, by their ids.
    ids: Vec<OpId>,
    hashes: Vec<ChangeHash>,
    actors: Vec<ActorId>,
}

impl Hostile {
    pub(crate) const fn new(draw: Draw) -> Self {
        Self {
            draw,
            ids: Vec::new(),
            hashes: Vec::new(),
            actors: Vec::new(),
        }
    }

    /// Hears of a change that was taken.
    pub(crate) fn learn(&mut self, change: &Change) {
        let start = change.start_op().get();
        let numbers = start..start + change.len() as u64;
        (self.ids).extend(numbers.map(|number| OpId::new(number, change.actor_id())));
        self.hashes.push(change.hash());
        self.actors.push(change.actor_id().clone());
    }

    /// The next change of `actor` on `document`, spoilt in `count` ways, the last one perhaps not at all.
    pub(crate) fn changes(
        &mut self,
        document: &Automerge,
        actor: &ActorId,
        count: usize,
    ) -> Vec<Vec<u8>> {
        let honest = self.honest(document, actor);
        let mut all: Vec<_> = (0..count).map(|_| self.spoilt(&honest)).collect();
        if self.draw.below(4) == 0 {
            all.push(honest.raw_bytes().to_vec());
        }
        all
    }

    fn spoilt(&mut self, honest: &Change) -> Vec<u8> {
        if self.draw.below(6) == 0 {
            return self.bytes(honest.raw_bytes());
        }
        let mut expanded = honest.decode();
        for _ in 0..=self.draw.below(3) {
            self.spoil(&mut expanded);
        }
        // What Automerge does not even write is spoilt as bytes.
        let written = catch_unwind(AssertUnwindSafe(|| Change::from(expanded)));
        match written {
            Ok(change) if self.draw.below(8) == 0 => self.bytes(change.raw_bytes()),
            Ok(change) => change.raw_bytes().to_vec(),
            Err(_) => self.bytes(honest.raw_bytes()),
        }
    }

    fn honest(&mut self, document: &Automerge, actor: &ActorId) -> Change {
        let mut copy = document.clone();
        copy.set_actor(actor.clone());
        let objects = objects(&copy);
        let mut document = copy.transaction();
        for _ in 0..=self.draw.below(6) {
            let (object, kind) = self.draw.of(&objects).expect("the root is there").clone();
            let length = document.length(&object);
            let at = self.draw.below(length + 1);
            let deed = self.draw.below(8);
            let _ = match (kind, deed) {
                (ObjType::Map, 0) => document.put(&object, "n", true),
                (ObjType::Map, 1) => document.delete(&object, "n"),
                (ObjType::Map, 2) => document.delete(&object, "a"),
                (ObjType::Map, 3) => {
                    let kind = *self
                        .draw
                        .of(&[ObjType::Map, ObjType::List, ObjType::Text])
                        .expect("three");
                    document.put_object(&object, "o", kind).map(drop)
                }
                (ObjType::Map, _) => document.put(&object, ["a", "b", "k"][deed % 3], at as u64),
                (ObjType::List, 0) => document.insert_object(&object, at, ObjType::Map).map(drop),
                (ObjType::List, 1) => document.delete(&object, at),
                (ObjType::List, 2) => document.put(&object, at, "x"),
                (ObjType::List, 3) => document.insert(&object, at, -2.5),
                (ObjType::List, 4) => document.delete(&object, at),
                (ObjType::List, _) => document.insert(&object, at, at as u64),
                (ObjType::Text, 0) => {
                    document.splice_text(&object, at, isize::from(at < length), "")
                }
                (ObjType::Text, _) => document.splice_text(&object, at, 0, "né"),
                _ => Ok(()),
            };
        }
        document
            .put(ROOT, "z", self.draw.0.next_u64()) // the same value again would be no change
            .expect("the root is a map");
        document.commit();
        copy.get_last_local_change().expect("something was put")
    }

    fn spoil(&mut self, change: &mut ExpandedChange) {
        let count = change.operations.len();
        if count == 0 {
            return;
        }
        let at = self.draw.below(count);
        match self.draw.below(22) {
            0 => change.seq = self.draw.number(),
            1 => change.start_op = NonZeroU64::new(self.draw.number().max(1)).expect("not zero"),
            2 => change.time = self.draw.number().cast_signed(),
            3 => change.message = Some(String::from("x")),
            4 => change.extra_bytes = vec![1; 1 + self.draw.below(40)],
            5 => change.deps.clear(),
            6 => change.deps.extend(self.draw.of(&self.hashes)),
            7 => change.deps.push(ChangeHash([7; 32])),
            8 => drop(change.deps.pop()),
            9 => change.actor_id = self.draw.of(&self.actors).expect("somebody").clone(),
            10 => {
                let op = change.operations[at].clone();
                change.operations.insert(at, op);
            }
            11 => drop(change.operations.remove(at)),
            12 => {
                let other = self.draw.below(count);
                change.operations.swap(at, other);
            }
            13 => {
                let (op, times) = (change.operations[at].clone(), self.draw.below(2_000));
                change.operations.extend(std::iter::repeat_n(op, times));
            }
            _ => {
                let id = self.id(change);
                let mut op = change.operations[at].clone();
                self.spoil_op(&mut op, id);
                change.operations[at] = op;
            }
        }
    }

    /// Somebody's operation: one that is there, one of the change itself, or none.
    fn id(&mut self, change: &ExpandedChange) -> OpId {
        match self.draw.below(6) {
            0 => {
                let own = change
                    .start_op
                    .get()
                    .wrapping_add(self.draw.below(8) as u64);
                OpId::new(own, &change.actor_id)
            }
            1 => {
                let actor = self.draw.of(&self.actors).expect("somebody").clone();
                OpId::new(self.draw.number(), &actor)
            }
            2 if self.draw.below(4) == 0 => OpId::new(1, &ActorId::from(&[0xee; 16])),
            _ => self.draw.of(&self.ids).expect("something").clone(),
        }
    }

    fn spoil_op(&mut self, op: &mut Op, id: OpId) {
        match self.draw.below(13) {
            0 => op.obj = ObjectId::Root,
            1 | 2 => op.obj = ObjectId::Id(id),
            3 => op.key = Key::Seq(ElementId::Head),
            4 => op.key = Key::Seq(ElementId::Id(id)),
            5 => {
                let key = *self.draw.of(&["", "a", "n", "new"]).expect("four");
                op.key = Key::Map(key.into());
            }
            6 => op.insert = !op.insert,
            7 => op.pred = Vec::new().into(),
            8 => op.pred = vec![id].into(),
            9 => {
                let mut all: Vec<OpId> = op.pred.iter().cloned().collect();
                all.push(id);
                op.pred = all.into();
            }
            _ => op.action = self.action(),
        }
    }

    fn action(&mut self) -> OpType {
        match self.draw.below(14) {
            0 => OpType::Make(ObjType::Map),
            1 => OpType::Make(ObjType::List),
            2 => OpType::Make(ObjType::Text),
            3 => OpType::Make(ObjType::Table),
            4 => OpType::Delete,
            5 => OpType::Increment(self.draw.number().cast_signed()),
            6 => OpType::MarkBegin(MarkData {
                name: "bold".into(),
                value: ScalarValue::Boolean(true),
                expand: self.draw.below(2) == 0,
            }),
            7 => OpType::MarkEnd(self.draw.below(2) == 0),
            8 => OpType::Put(ScalarValue::counter(self.draw.number().cast_signed())),
            9 => OpType::Put(ScalarValue::Unknown {
                type_code: 12,
                bytes: vec![1, 2, 3],
            }),
            10 => OpType::Put(ScalarValue::F64(f64::from_bits(self.draw.number()))),
            11 => OpType::Put(ScalarValue::Str("".into())),
            12 => OpType::Put(ScalarValue::Bytes(vec![0; self.draw.below(300)])),
            _ => OpType::Put(ScalarValue::Timestamp(self.draw.number().cast_signed())),
        }
    }

    /// The same with some bytes changed, and a right length and checksum.
    fn bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        let head = 9
            + bytes[9..]
                .iter()
                .take_while(|byte| **byte & 0x80 != 0)
                .count()
            + 1;
        let mut inner = bytes[head..].to_vec();
        for _ in 0..=self.draw.below(3) {
            let at = self.draw.below(inner.len());
            let byte = self.draw.0.next_u64().to_le_bytes()[0];
            match self.draw.below(4) {
                0 => inner[at] = byte,
                1 => inner[at] ^= 1 << (byte % 8),
                2 => inner.insert(at, byte),
                _ => drop(inner.remove(at)),
            }
        }
        chunk(1, &inner)
    }
}

/// The objects of a document that can be reached.
fn objects(document: &Automerge) -> Vec<(ObjId, ObjType)> {
    let mut found = vec![(ROOT, ObjType::Map)];
    let mut at = 0;
    while let Some((object, _)) = found.get(at).cloned() {
        at += 1;
        if found.len() > 64 {
            break;
        }
        for key in document.keys(&object).collect::<Vec<_>>() {
            if let Ok(Some((automerge::Value::Object(kind), id))) = document.get(&object, key) {
                found.push((id, kind));
            }
        }
        for index in 0..document.length(&object).min(32) {
            if let Ok(Some((automerge::Value::Object(kind), id))) = document.get(&object, index) {
                found.push((id, kind));
            }
        }
    }
    found
}
