//! Changes that keep all rules and that no honest writer makes: values beside those of others that they have seen, parts
//! of conflicts replaced or deleted, writing into what is deleted, any past. All are taken; what comes of them is saved,
//! loaded and the same for everybody.

use std::collections::BTreeSet;

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Automerge, Change, ChangeHash, ObjType, ScalarValue};
use maille_schemas::gate::{Fate, Gate};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::hostile::Draw;
use crate::made::{Entry, change, entry, offered, put, said};

/// An operation that puts a value or makes an object.
struct Known {
    id: OpId,
    object: ObjectId,
    /// The key, or the element.
    place: Key,
    inserts: bool,
    kind: Option<ObjType>,
    change: usize,
    replaced_by: Vec<usize>,
}

struct Crafty {
    draw: Draw,
    known: Vec<Known>,
    /// Which changes lie in the past of each, itself included.
    past: Vec<BTreeSet<usize>>,
    made: Vec<(Change, u64)>,
    /// The last change of each log.
    last: Vec<Option<usize>>,
}

impl Crafty {
    /// Names that are the beginning of each other, in one of two seeds.
    fn name(seed: u64, log: usize) -> ActorId {
        let number = u8::try_from(log).expect("few");
        match (seed % 2, log) {
            (0, _) => ActorId::from(&[number.wrapping_mul(97); 32]),
            (_, 0) => ActorId::from(&[][..]),
            (_, 1 | 2) => ActorId::from(&[0, 0][..log]),
            _ => ActorId::from(&[0, number][..]),
        }
    }

    /// What a change of `log` follows: its own last change, and any others none of which lies behind another.
    fn follows(&mut self, log: usize) -> Vec<usize> {
        let count = self.made.len();
        let mut all = Vec::new();
        for _ in 0..=self.draw.below(3) {
            if count > 0 {
                let back = if self.draw.below(2) == 0 {
                    count.min(4)
                } else {
                    count
                };
                all.push(count - 1 - self.draw.below(back));
            }
        }
        let behind = |it: &usize| {
            let others = all.iter().filter(|other| *other != it);
            others.clone().any(|other| self.past[*other].contains(it))
        };
        let mut follows: BTreeSet<usize> = all.iter().copied().filter(|it| !behind(it)).collect();
        if let Some(own) = self.last[log] {
            follows.retain(|it| !self.past[own].contains(it));
            follows.insert(own);
        }
        follows.into_iter().collect()
    }

    fn write(&mut self, log: usize, me: &ActorId) {
        let nth = self.made.len();
        let follows = self.follows(log);
        let mut seen = BTreeSet::from([nth]);
        for it in &follows {
            seen.extend(&self.past[*it]);
        }
        let start = 1 + follows.iter().map(|it| self.made[*it].1).max().unwrap_or(0);
        let count = 1 + self.draw.below(8) as u64;
        let numbers = start..start + count;
        let operations: Vec<Op> = numbers
            .map(|number| self.operation(OpId::new(number, me), &seen))
            .collect();
        let hashes: Vec<ChangeHash> = follows.iter().map(|it| self.made[*it].0.hash()).collect();
        let seq = 1 + self
            .made
            .iter()
            .filter(|(it, _)| it.actor_id() == me)
            .count() as u64;
        let it = change(me, seq, start, &hashes, operations);
        self.made.push((it, start + count - 1));
        self.past.push(seen);
        self.last[log] = Some(nth);
    }

    fn operation(&mut self, id: OpId, seen: &BTreeSet<usize>) -> Op {
        let sees = |it: &&Known| seen.contains(&it.change);
        let mine: Vec<&Known> = self.known.iter().filter(sees).collect();
        let objects: Vec<&&Known> = mine.iter().filter(|it| it.kind.is_some()).collect();
        let (object, kind) = match objects.get(self.draw.below(objects.len() + 1)) {
            Some(it) => (ObjectId::Id(it.id.clone()), it.kind.expect("an object")),
            None => (ObjectId::Root, ObjType::Map),
        };
        let elements: Vec<&&Known> = (mine.iter())
            .filter(|it| it.inserts && it.object == object)
            .collect();
        let mut insert = false;
        let key = if kind == ObjType::Map {
            Key::Map(["a", "b", "c"][self.draw.below(3)].into())
        } else {
            insert = elements.is_empty() || self.draw.below(5) < 2;
            match elements.get(self.draw.below(elements.len() + usize::from(insert))) {
                Some(it) => Key::Seq(ElementId::Id(it.id.clone())),
                None => Key::Seq(ElementId::Head),
            }
        };
        let change = self.past.len();
        let share = 1 + self.draw.below(4);
        let mut replaced = Vec::new();
        for it in &mut self.known {
            let there = seen.contains(&it.change) && it.object == object && it.place == key;
            let live = !it.replaced_by.iter().any(|by| seen.contains(by));
            let own = it.id.actor() == id.actor();
            if !insert && there && live && (own || self.draw.below(4) < share) {
                it.replaced_by.push(change);
                replaced.push(it.id.clone());
            }
        }
        if !insert && replaced.is_empty() && matches!(key, Key::Seq(_)) {
            // All that was there is gone.
            return self.note(&id, put(&format!("{id:?}")), None);
        }
        let in_text = kind == ObjType::Text;
        let delete = !insert && !replaced.is_empty() && (in_text || self.draw.below(3) == 0);
        let (action, made) = match self.draw.below(8) {
            _ if delete => (OpType::Delete, None),
            _ if in_text => {
                let new = ["a", "né", "🦀", "lo"][self.draw.below(4)];
                (OpType::Put(ScalarValue::Str(new.into())), None)
            }
            0 | 1 => {
                let kind = [ObjType::Map, ObjType::List, ObjType::Text][self.draw.below(3)];
                (OpType::Make(kind), Some(kind))
            }
            2 => (OpType::Put(ScalarValue::Null), None),
            3 => {
                let long = "x".repeat(self.draw.below(40));
                (OpType::Put(ScalarValue::Str(long.into())), None)
            }
            4 => (OpType::Put(ScalarValue::F64(f64::NAN)), None),
            _ => {
                let number = id.counter().cast_signed() - 20;
                (OpType::Put(ScalarValue::Int(number)), None)
            }
        };
        let op = Op {
            action,
            obj: object,
            key,
            pred: replaced.into(),
            insert,
        };
        self.note(&id, op, made)
    }

    fn note(&mut self, id: &OpId, op: Op, kind: Option<ObjType>) -> Op {
        if op.action != OpType::Delete {
            let place = if op.insert {
                Key::Seq(ElementId::Id(id.clone()))
            } else {
                op.key.clone()
            };
            self.known.push(Known {
                id: id.clone(),
                object: op.obj.clone(),
                place,
                inserts: op.insert,
                kind,
                change: self.past.len(),
                replaced_by: Vec::new(),
            });
        }
        op
    }
}

fn crafty(seed: u64, logs: usize, changes: usize) -> Vec<Entry> {
    let mut crafty = Crafty {
        draw: Draw(ChaCha20Rng::seed_from_u64(seed)),
        known: Vec::new(),
        past: Vec::new(),
        made: Vec::new(),
        last: vec![None; logs],
    };
    for _ in 0..changes {
        let log = crafty.draw.below(logs);
        crafty.write(log, &Crafty::name(seed, log));
    }
    crafty.made.iter().map(|(it, _)| entry(it)).collect()
}

fn crafty_changes(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let made = crafty(seed, 5, 60);
        let mut gate = Gate::default();
        for (nth, it) in made.iter().enumerate() {
            assert_eq!(
                gate.offer([offered(it)]),
                [Fate::Taken],
                "seed {seed}, {nth}"
            );
        }
        let expected = said(gate.document());
        let saved = gate.save();
        assert!(saved.is_some(), "seed {seed}: does not load");
        let loaded = Automerge::load(&saved.expect("saved")).expect("loads");
        assert_eq!(said(&loaded), expected, "seed {seed}: loaded");
        let mut draw = Draw(ChaCha20Rng::seed_from_u64(!seed));
        for most in [1, 3, 20, 60] {
            let mut left = made.clone();
            let mut other = Gate::default();
            while !left.is_empty() {
                let count = (1 + draw.below(most)).min(left.len());
                let batch: Vec<Entry> = (0..count)
                    .map(|_| left.swap_remove(draw.below(left.len())))
                    .collect();
                other.offer(batch.iter().map(offered));
            }
            assert_eq!(other.aside().count() + other.waiting().count(), 0);
            assert_eq!(said(other.document()), expected, "seed {seed}, {most}");
        }
    }
}

#[test]
fn changes_that_nobody_honest_makes_are_the_same_for_all() {
    crafty_changes(0..100);
}

#[test]
#[ignore = "minutes"]
fn many_changes_that_nobody_honest_makes_are_the_same_for_all() {
    crafty_changes(10_000..20_000);
}
