//! What a hostile member may try: to take memory for few bytes, to overflow the stack, to make others' changes be set
//! aside. After each, an honest member still writes everywhere.

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::transaction::Transactable as _;
use automerge::{
    ActorId, AutoCommit, Change, ChangeHash, ObjType, ROOT, ReadDoc as _, ScalarValue,
};
use maille_schemas::gate::{AsideError, DEPS_MAX, Fate, FitError, Gate, ScanError};

use crate::made::{
    Entry, MAKER, actor, base, change, delete, entry, found, insert, list, offered, put, put_over,
    takes, text, writes,
};

/// What offers take.
#[derive(Default)]
struct Used {
    sent: usize,
    peak: u64,
    stays: i64,
}

impl Used {
    /// Offers entries, and adds what that takes.
    fn offer(&mut self, gate: &mut Gate, entries: &[Entry]) -> Vec<Fate> {
        let mut fates = Vec::new();
        let used = allocation_counter::measure(|| fates = gate.offer(entries.iter().map(offered)));
        self.sent += entries.iter().map(|it| it.2.len()).sum::<usize>();
        let before = self.stays.max(0).unsigned_abs();
        self.peak = self.peak.max(before + used.bytes_max);
        self.stays += used.bytes_current;
        fates
    }

    /// Offers entries that are taken.
    #[track_caller]
    fn takes(&mut self, gate: &mut Gate, entries: &[Entry]) {
        let fates = self.offer(gate, entries);
        let bad = fates.iter().find(|fate| **fate != Fate::Taken);
        assert_eq!(bad, None);
    }

    /// Sixteen times what came, and what the largest change takes while it is looked into.
    #[track_caller]
    fn is_bounded(&self) {
        let most = 16 * self.sent as u64 + (8 << 20);
        let Self { sent, peak, stays } = self;
        assert!(*peak <= most, "{sent} bytes: peak {peak}, {stays} stay");
    }
}

/// An honest member replaces every value at the root, every element and the text, and adds to all; and so does one who
/// was here before.
#[track_caller]
fn others_still_write(gate: &mut Gate) {
    for who in [50_000, MAKER] {
        let keys: Vec<String> = gate.document().keys(ROOT).collect();
        writes(gate, who, |edit| {
            for key in keys
                .iter()
                .filter(|it| !["list", "text"].contains(&it.as_str()))
            {
                edit.put(ROOT, key.as_str(), u64::from(who)).expect("a map");
            }
            let list = found(edit, "list");
            for at in 0..edit.length(&list) {
                edit.put(&list, at, u64::from(who)).expect("an element");
            }
            edit.insert(&list, 0, "new").expect("a list");
        });
        writes(gate, who, |edit| {
            let (list, text) = (found(edit, "list"), found(edit, "text"));
            for _ in 0..edit.length(&list) {
                edit.delete(&list, 0).expect("an element");
            }
            let length = isize::try_from(edit.length(&text)).expect("short");
            edit.splice_text(&text, 0, length, "new").expect("a text");
            for key in keys
                .iter()
                .filter(|it| !["list", "text"].contains(&it.as_str()))
            {
                edit.delete(ROOT, key.as_str()).expect("a map");
            }
        });
    }
    let copy = gate.save().expect("it saves what it loads");
    assert!(!copy.is_empty());
}

fn only(gate: &mut Gate, change: &Change) -> Fate {
    gate.offer([offered(&entry(change))])[0]
}

/// Two chains side by side, so that Automerge keeps clocks in one alone; then a change after the other, for whose clock
/// it calls itself once for each 33 changes. In 64 MB of changes that took more than the 2 MiB of a thread, which
/// nothing catches.
#[test]
fn a_chain_whose_clocks_nobody_keeps_does_not_overflow_the_stack() {
    let run = || {
        let (mut gate, mut first) = base();
        let logs = [actor(1), actor(2)];
        let mut ends = [first.get_heads()[0]; 2];
        let chain = 24_000;
        for from in (0..chain).step_by(2_000) {
            let mut made = Vec::new();
            for seq in from..from + 2_000 {
                for (end, log) in ends.iter_mut().zip(&logs) {
                    let key = if *log == logs[0] { "a" } else { "b" };
                    let over = (seq > 0).then(|| OpId::new(2 + seq, log));
                    let ops = vec![put_over(key, over.into_iter().collect())];
                    let it = change(log, seq + 1, 3 + seq, &[*end], ops);
                    *end = it.hash();
                    made.push(entry(&it));
                }
            }
            takes(&mut gate, &made);
        }
        // Until one is where Automerge keeps a clock.
        let mut deps = ends.to_vec();
        for more in 0..16 {
            let (seq, start) = (chain + more, 3 + chain + more);
            let ops = vec![put_over("a", vec![OpId::new(start - 1, &logs[0])])];
            let it = change(&logs[0], seq + 1, start, &deps, ops);
            deps = vec![it.hash()];
            takes(&mut gate, &[entry(&it)]);
        }
        others_still_write(&mut gate);
    };
    let thread = std::thread::Builder::new().stack_size(128 << 10);
    thread
        .spawn(run)
        .expect("a thread")
        .join()
        .expect("no panic");
}

/// Values of one log side by side under a key: whoever puts there must name them all, and that was too much.
#[test]
fn a_log_leaves_one_value_at_a_place() {
    let (mut gate, mut first) = base();
    let heads = first.get_heads();
    let beside = Fate::Aside(AsideError::Fit(FitError::Beside));
    let evil = change(&actor(1), 1, 3, &heads, vec![put("title"); 2]);
    assert_eq!(only(&mut gate, &evil), beside);
    let one = change(&actor(2), 1, 3, &heads, vec![put("title")]);
    assert_eq!(only(&mut gate, &one), Fate::Taken);
    let again = change(&actor(2), 2, 4, &[one.hash()], vec![put("title")]);
    assert_eq!(only(&mut gate, &again), beside);
    // At an element: whoever inserted it has put something there.
    let id = OpId::new(3, &actor(3));
    let over = Op {
        insert: false,
        ..insert(list(), ElementId::Id(id.clone()), ScalarValue::Null)
    };
    let none = vec![
        insert(list(), ElementId::Head, ScalarValue::Null),
        over.clone(),
    ];
    let nothing = change(&actor(3), 1, 3, &heads, none);
    assert_eq!(
        only(&mut gate, &nothing),
        Fate::Aside(FitError::Target.into())
    );
    // What somebody else has replaced need not be named, and must not be.
    let other = vec![put_over("title", vec![OpId::new(3, &actor(2))])];
    let other = change(&actor(4), 1, 4, &[one.hash()], other);
    assert_eq!(only(&mut gate, &other), Fate::Taken);
    let follows = [other.hash()];
    let named = vec![put_over("title", vec![OpId::new(3, &actor(2))])];
    let named = change(&actor(5), 1, 5, &follows, named);
    assert_eq!(only(&mut gate, &named), Fate::Aside(FitError::Again.into()));
    let fine = change(&actor(6), 1, 5, &follows, vec![put("title")]);
    assert_eq!(
        only(&mut gate, &fine),
        Fate::Taken,
        "one beside that of another"
    );
    others_still_write(&mut gate);
}

/// Many logs of one change each: more ends than a change may follow, more values under a key than one would like, with
/// other operations in between. What follows them all and replaces all passes.
#[test]
fn many_logs_do_not_stop_others() {
    let (mut gate, mut first) = base();
    let heads = first.get_heads();
    let logs = u16::try_from(DEPS_MAX + 100).expect("small");
    let log = |log: u16| {
        let ops = vec![put("a"), put("title"), put("b")];
        entry(&change(&actor(1_000 + log), 1, 3, &heads, ops))
    };
    let made: Vec<Entry> = (0..logs).map(log).collect();
    let mut used = Used::default();
    used.takes(&mut gate, &made);
    used.is_bounded();
    let changes = writes(&mut gate, 7, |edit| {
        edit.put(ROOT, "title", "mine").expect("a map");
    });
    assert_eq!(changes, 2, "one that joins, one that puts");
    let title = gate.document().get_all(ROOT, "title").expect("a map");
    assert_eq!(title.len(), 1);
    others_still_write(&mut gate);
}

/// Every second operation types a character: what deletes them names runs of one.
#[test]
fn spam_in_a_text_can_be_deleted() {
    let (mut gate, mut first) = base();
    let (who, mut after, mut ops) = (actor(1), ElementId::Head, Vec::new());
    for nth in 0..300u64 {
        let id = OpId::new(3 + nth, &who);
        ops.push(if nth % 2 == 0 {
            let typed = insert(text(), after, ScalarValue::Str("x".into()));
            after = ElementId::Id(id);
            typed
        } else {
            let before = (nth > 1).then(|| OpId::new(1 + nth, &who));
            put_over("noise", before.into_iter().collect())
        });
    }
    let heads = first.get_heads();
    let evil = change(&who, 1, 3, &heads, ops);
    if only(&mut gate, &evil) != Fate::Taken {
        // It weighs too much for one: in smaller ones it passes.
        writes(&mut gate, 1, |edit| {
            let text = found(edit, "text");
            for nth in 0..150 {
                edit.splice_text(&text, nth, 0, "x").expect("a text");
                edit.put(ROOT, "noise", nth as u64).expect("a map");
            }
        });
    }
    let spam = found(gate.document(), "text");
    assert_eq!(gate.document().length(&spam), 150);
    writes(&mut gate, 7, |edit| {
        edit.splice_text(&spam, 0, 150, "").expect("a text");
    });
    assert_eq!(gate.document().length(&spam), 0);
    others_still_write(&mut gate);
}

/// Elements at scattered places, by one log.
fn scattered(first: &mut AutoCommit, count: usize) -> Vec<Entry> {
    let heads = first.get_heads();
    first.set_actor(actor(1));
    let list = found(first, "list");
    for block in 0..count / 100 {
        for nth in 0..100usize {
            let length = block * 100 + nth;
            let at = (nth * 7_919 + block * 104_729) % (length + 1);
            first.insert(&list, at, (nth % 60) as u64).expect("a list");
        }
        first.commit();
    }
    first.get_changes(&heads).iter().map(entry).collect()
}

/// Each log deletes what it has not seen another delete. 40 KB in 200 logs took 33 s: a few bytes deleted 8,000.
#[test]
fn what_many_logs_delete_beside_each_other_is_little_for_its_bytes() {
    let (mut gate, mut first) = base();
    let mut used = Used::default();
    let count = 2_000;
    used.takes(&mut gate, &scattered(&mut first, count));
    let heads = first.get_heads();
    let start = 3 + count as u64;
    let deletions = |from: u64, count: u64| {
        let one = |nth| delete(list(), &OpId::new(3 + nth, &actor(1)), &[]);
        (from..from + count).map(one).collect::<Vec<_>>()
    };
    let all = change(&actor(2), 1, start, &heads, deletions(0, 2_000));
    let error = Fate::Aside(AsideError::Scan(ScanError::Operations));
    assert_eq!(only(&mut gate, &all), error);
    let mut deleted = 0;
    for log in 0..200u16 {
        // One in four with holes, so that what is kept of it does not lie in runs.
        let from = u64::from(log % 8) * 100;
        let mut ops = deletions(from, 200);
        if log % 4 == 0 {
            ops = ops.into_iter().step_by(2).take(30).collect();
        }
        deleted += ops.len();
        used.takes(
            &mut gate,
            &[entry(&change(&actor(100 + log), 1, start, &heads, ops))],
        );
    }
    assert!(deleted < 2 * used.sent, "{deleted} for {}", used.sent);
    used.is_bounded();
    // What was deleted in one's past is not deleted again.
    let heads = gate.document().get_heads();
    let again = change(&actor(99), 1, start + 200, &heads, deletions(150, 1));
    assert_eq!(only(&mut gate, &again), Fate::Aside(FitError::Again.into()));
    others_still_write(&mut gate);
}

/// Every change has a clock of all logs behind it: where many changes follow one whose clock is not kept, none of them
/// may keep its own.
#[test]
fn clocks_of_many_logs_take_little_memory() {
    let (mut gate, mut first) = base();
    let (logs, rounds) = (500u16, 8u64);
    let mut used = Used::default();
    let mut chain = (first.get_heads()[0], 0u64, 3u64);
    let mut ends: Vec<Option<ChangeHash>> = vec![None; usize::from(logs)];
    for round in 0..rounds {
        let mut made = Vec::new();
        // Short enough that nobody had to look far, when the first of the others comes.
        for _ in 0..16 {
            let (last, seq, start) = chain;
            let before = (seq > 0).then(|| {
                let own = if seq % 16 == 0 { start - 2 } else { start - 1 };
                OpId::new(own, &actor(1))
            });
            let mut deps = vec![last];
            if seq > 0 && seq % 16 == 0 {
                // All that the others did.
                deps.extend(ends.iter().flatten());
            }
            let ops = vec![put_over("a", before.into_iter().collect())];
            let it = change(&actor(1), seq + 1, start, &deps, ops);
            chain = (it.hash(), seq + 1, start + 1);
            made.push(entry(&it));
        }
        let (last, seq, start) = chain;
        for (log, end) in (0..logs).zip(&mut ends) {
            let it = change(
                &actor(100 + log),
                round + 1,
                start,
                &[&[last][..], end.as_slice()].concat(),
                vec![put(&format!("{round}"))],
            );
            *end = Some(it.hash());
            made.push(entry(&it));
        }
        chain = (last, seq, start + 1);
        used.takes(&mut gate, &made);
    }
    used.is_bounded();
    // What lies behind another that a change follows is not named.
    let (last, _, start) = chain;
    let deps = [last, first.get_heads()[0]];
    let behind = change(&actor(9), 1, start, &deps, vec![put("a")]);
    let error = FitError::Dependencies;
    assert_eq!(only(&mut gate, &behind), Fate::Aside(error.into()));
}

#[test]
fn entries_of_one_byte_take_little_memory() {
    let (mut gate, _) = base();
    let made: Vec<Entry> = (0..200_000)
        .map(|number| (actor(1), number, vec![1]))
        .collect();
    let mut used = Used::default();
    let fates = used.offer(&mut gate, &made);
    assert!(fates.iter().all(|it| matches!(it, Fate::Aside(_))));
    used.is_bounded();
    assert!(used.stays < 500_000, "{}: the answers, mostly", used.stays);
    assert_eq!(gate.aside().count(), 200_000);
    others_still_write(&mut gate);
}

/// A key or a name once in the bytes is made anew for each operation.
#[test]
fn long_names_for_many_operations_take_little_memory() {
    let (mut gate, mut first) = base();
    let heads = first.get_heads();
    let mut used = Used::default();
    for (number, bytes) in [(1, 20_000), (2, 250_000), (3, 1_024), (4, 200)] {
        let key = "k".repeat(bytes);
        let evil = change(&actor(number), 1, 3, &heads, vec![put(&key); 10_000]);
        used.offer(&mut gate, &[entry(&evil)]);
        let long = ActorId::from(&vec![9; bytes][..]);
        let op = Op {
            obj: ObjectId::Id(OpId::new(1, &long)),
            ..put("k")
        };
        let evil = change(&actor(10 + number), 1, 3, &heads, vec![op; 10_000]);
        used.offer(&mut gate, &[entry(&evil)]);
        let mut one = Used::default();
        let key = "k".repeat(1_024);
        let chain = (0..1_000).map(|nth| {
            let before = (nth > 0).then(|| OpId::new(2 + nth, &actor(20 + number)));
            put_over(&key, before.into_iter().collect())
        });
        let evil = change(&actor(20 + number), 1, 3, &heads, chain.collect());
        one.offer(&mut gate, &[entry(&evil)]);
        one.is_bounded();
    }
    used.is_bounded();
    others_still_write(&mut gate);
}

/// Elements with a value put over each, then all of them deleted: two values for each deletion.
#[test]
fn the_most_that_one_change_replaces_takes_little_memory() {
    let (mut gate, mut first) = base();
    let (mut start, mut seq, mut last) = (3, 0, first.get_heads()[0]);
    let (mine, beside) = (actor(1), actor(2));
    let mut elements: Vec<OpId> = Vec::new();
    let mut made = Vec::new();
    let mut put_by = Vec::new();
    while elements.len() < 4_000 {
        let mut ops = Vec::new();
        let mut puts = Vec::new();
        for nth in 0..40 {
            let id = OpId::new(start + nth, &mine);
            let after = elements.last().cloned();
            let after = after.map_or(ElementId::Head, ElementId::Id);
            ops.push(insert(list(), after, ScalarValue::Null));
            puts.push(Op {
                action: OpType::Put(ScalarValue::Boolean(true)),
                obj: list(),
                key: Key::Seq(ElementId::Id(id.clone())),
                pred: vec![id.clone()].into(),
                insert: false,
            });
            elements.push(id);
        }
        // Two logs put over each element beside each other.
        let it = change(&mine, seq + 1, start, &[last], ops);
        let over = change(&mine, seq + 2, start + 40, &[it.hash()], puts.clone());
        let deps = match put_by.last() {
            Some(before) => vec![it.hash(), *before],
            None => vec![it.hash()],
        };
        let other = change(&beside, seq / 2 + 1, start + 40, &deps, puts);
        put_by.push(other.hash());
        made.extend([entry(&it), entry(&over), entry(&other)]);
        (last, start, seq) = (over.hash(), start + 80, seq + 2);
    }
    let mut used = Used::default();
    used.takes(&mut gate, &made);
    used.is_bounded();
    let one = |(nth, element): (usize, &OpId)| {
        let number = 3 + (nth / 40 * 80 + 40 + nth % 40) as u64;
        let more = [&mine, &beside].map(|it| OpId::new(number, it));
        Op {
            pred: more.to_vec().into(),
            ..delete(list(), element, &[])
        }
    };
    let ops: Vec<Op> = elements.iter().enumerate().map(one).collect();
    let deps = [last, *put_by.last().expect("some")];
    let evil = change(&actor(3), 1, start, &deps, ops);
    let mut used = Used::default();
    used.takes(&mut gate, &[entry(&evil)]);
    used.is_bounded();
    others_still_write(&mut gate);
}

/// What one more entry takes does not grow with the document.
#[test]
fn an_entry_more_takes_no_copy_of_the_document() {
    let (mut gate, mut first) = base();
    let who = actor(1);
    let mut last = first.get_heads()[0];
    let (mut took, mut all) = (Vec::new(), Used::default());
    for seq in 0..6_000u64 {
        let before = (seq > 0).then(|| OpId::new(2 + seq, &who));
        let ops = vec![put_over("a", before.into_iter().collect())];
        let it = change(&who, seq + 1, 3 + seq, &[last], ops);
        last = it.hash();
        let entries = [entry(&it)];
        let used = allocation_counter::measure(|| all.takes(&mut gate, &entries));
        took.push(used.bytes_total);
    }
    all.is_bounded();
    let sum = |part: &[u64]| part.iter().sum::<u64>();
    let (early, late) = (sum(&took[500..1_000]), sum(&took[5_500..]));
    assert!(late < 3 * early, "500 entries took {early}, then {late}");
    others_still_write(&mut gate);
}

/// Numbers of operations are 32 bits. A change takes no more of them than its bytes allow.
#[test]
fn numbers_do_not_run_out() {
    let (mut gate, mut first) = base();
    let heads = first.get_heads();
    let most = |op: &dyn Fn(u64) -> Op| {
        let mut count = 10_000;
        loop {
            let it = change(&actor(1), 1, 3, &heads, (0..count).map(op).collect());
            if maille_schemas::gate::scan(it.raw_bytes(), actor(1).to_bytes()).is_ok() {
                return (it.raw_bytes().len() as u64, count);
            }
            count -= 1 + count / 50;
        }
    };
    let (bytes, numbers) = most(&|nth| {
        let before = (nth > 0).then(|| OpId::new(2 + nth, &actor(1)));
        put_over("a", before.into_iter().collect())
    });
    let all = (1u64 << 32) / numbers * bytes;
    assert!(all > 1 << 30, "{all} bytes use up the numbers");
    others_still_write(&mut gate);
}

/// Maps in maps, deep: the gate, saving and loading.
#[test]
fn deep_objects_are_taken_saved_and_loaded() {
    let (mut gate, mut first) = base();
    let (mut last, mut start) = (first.get_heads()[0], 3);
    let mut inner = ObjectId::Root;
    let mut made = Vec::new();
    for seq in 0..2_000 {
        let mut ops = Vec::new();
        for nth in 0..5 {
            let op = Op {
                action: OpType::Make(ObjType::Map),
                obj: inner,
                ..put("m")
            };
            ops.push(op);
            inner = ObjectId::Id(OpId::new(start + nth, &actor(1)));
        }
        let it = change(&actor(1), seq + 1, start, &[last], ops);
        (last, start) = (it.hash(), start + 5);
        made.push(entry(&it));
    }
    let mut used = Used::default();
    used.takes(&mut gate, &made);
    used.is_bounded();
    others_still_write(&mut gate);
}

/// Numbers out of order, twice the same, in two logs, and nothing at all.
#[test]
fn doubles_and_entries_out_of_order_change_nothing() {
    let (mut gate, mut first) = base();
    let heads = first.get_heads();
    let one = change(&actor(1), 1, 3, &heads, vec![put("a")]);
    let two = change(&actor(1), 2, 4, &[one.hash()], vec![put("b")]);
    let bytes = |it: &Change| it.raw_bytes().to_vec();
    assert!(gate.offer([]).is_empty());
    let made = [
        (actor(1), u64::MAX, bytes(&two)),
        (actor(1), 3, bytes(&two)),
        (actor(1), 2, Vec::new()),
        (actor(1), 1, bytes(&one)),
        (actor(1), 0, bytes(&one)),
        (actor(1), 0, bytes(&two)),
        (actor(2), 0, bytes(&one)),
        (ActorId::from(&[][..]), 0, bytes(&one)),
    ];
    let fates = gate.offer(made.iter().map(offered));
    assert_eq!(fates[0], Fate::Waits);
    assert_eq!(fates[1], Fate::Taken);
    assert!(matches!(fates[3], Fate::Aside(_)));
    assert_eq!(fates[4], Fate::Taken);
    assert!(matches!(fates[6], Fate::Aside(_)) && matches!(fates[7], Fate::Aside(_)));
    assert_eq!(gate.offer(made.iter().map(offered)), fates);
    assert_eq!(gate.taken_of(actor(1).to_bytes()), 3);
    others_still_write(&mut gate);
}

/// A large change that waits for many is read again when all are there, and not before.
#[test]
fn what_waits_for_many_is_read_once_more() {
    let (mut gate, mut first) = base();
    let heads = first.get_heads();
    let mut deps: Vec<Change> = (0..64)
        .map(|log| change(&actor(1_000 + log), 1, 3, &heads, vec![put("a")]))
        .collect();
    deps.sort_by_key(Change::hash);
    let hashes: Vec<ChangeHash> = deps.iter().map(Change::hash).collect();
    let mut before = ElementId::Head;
    let ops = (0..5_000u64).map(|nth| {
        let id = OpId::new(4 + nth, &actor(1));
        let after = std::mem::replace(&mut before, ElementId::Id(id));
        insert(
            list(),
            after,
            ScalarValue::Bytes(nth.to_le_bytes().repeat(4)),
        )
    });
    let large = entry(&change(&actor(1), 1, 4, &hashes, ops.collect()));
    let entries: Vec<Entry> = deps.iter().map(entry).collect();
    let took = |gate: &mut Gate, entries: &[Entry]| {
        let each = entries.iter().map(|it| {
            let offer = || drop(gate.offer([offered(it)]));
            allocation_counter::measure(offer).bytes_total
        });
        each.sum::<u64>()
    };
    let mut without = gate.clone();
    let alone = took(&mut without, &entries[..63]);
    assert_eq!(gate.offer([offered(&large)]), [Fate::Waits]);
    let beside = took(&mut gate, &entries[..63]);
    assert!(
        beside < 2 * alone + 100_000,
        "{beside}, and {alone} without"
    );
    takes(&mut gate, &entries[63..]);
    assert_eq!(gate.waiting().count(), 0);
    others_still_write(&mut gate);
}
