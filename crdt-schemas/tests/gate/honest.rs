//! What people do in one go, written by the gate: it always passes, in few changes.

use automerge::transaction::{Transactable as _, Transaction};
use automerge::{ObjId, ObjType, ROOT, ReadDoc as _};

use crate::made::{actor, base, found, said, writes};

type Edit<'a> = Box<dyn Fn(&mut Transaction<'_>) + 'a>;

fn tasks(edit: &mut Transaction<'_>, count: usize) -> Vec<ObjId> {
    let list = found(edit, "list");
    let task = |nth| {
        let task = edit
            .insert_object(&list, nth, ObjType::Map)
            .expect("a list");
        edit.put(&task, "title", format!("task {nth}"))
            .expect("a map");
        edit.put(&task, "done", false).expect("a map");
        task
    };
    (0..count).map(task).collect()
}

/// A name, what was there before, what is done, and how many changes that takes at most.
fn edits<'a>() -> Vec<(&'static str, Edit<'a>, Edit<'a>, usize)> {
    let nothing = || -> Edit<'a> { Box::new(|_| ()) };
    let paste = |text: String| -> Edit<'a> {
        Box::new(move |edit| {
            let at = found(edit, "text");
            edit.splice_text(&at, 0, 0, &text).expect("a text");
        })
    };
    let lorem = || "lorem ipsum ".repeat(900)[..10_000].to_owned();
    let inserts = |count: usize, value: fn(usize) -> automerge::ScalarValue| -> Edit<'a> {
        Box::new(move |edit| {
            let list = found(edit, "list");
            for nth in 0..count {
                edit.insert(&list, nth, value(nth)).expect("a list");
            }
        })
    };
    let tasks_there = |count: usize| -> Edit<'a> { Box::new(move |edit| drop(tasks(edit, count))) };
    vec![
        ("10,000 characters pasted", nothing(), paste(lorem()), 1),
        (
            "10,000 times one character",
            nothing(),
            paste("=".repeat(10_000)),
            1,
        ),
        (
            "50,000 characters pasted",
            nothing(),
            paste(lorem().repeat(5)),
            8,
        ),
        (
            "10,000 characters deleted",
            paste(lorem()),
            Box::new(|edit| {
                let at = found(edit, "text");
                edit.splice_text(&at, 0, 10_000, "").expect("a text");
            }),
            64,
        ),
        (
            "a text replaced by another",
            paste("abc def ".repeat(600)),
            Box::new(|edit| {
                let at = found(edit, "text");
                edit.update_text(&at, "xyz,".repeat(500)).expect("a text");
            }),
            24,
        ),
        (
            "5,000 mixed booleans",
            nothing(),
            inserts(5_000, |it| (it * it % 7 < 3).into()),
            16,
        ),
        (
            "200 booleans alike",
            nothing(),
            inserts(200, |_| false.into()),
            1,
        ),
        (
            "1,000 booleans alike",
            nothing(),
            inserts(1_000, |_| false.into()),
            4,
        ),
        (
            "a month of hours of zeros",
            nothing(),
            inserts(744, |_| 0u64.into()),
            1,
        ),
        (
            "100 points",
            nothing(),
            Box::new(|edit| {
                let list = found(edit, "list");
                for nth in 0..100usize {
                    let point = edit
                        .insert_object(&list, nth, ObjType::Map)
                        .expect("a list");
                    edit.put(&point, "x", nth as u64 % 50).expect("a map");
                    edit.put(&point, "y", nth as u64 % 50).expect("a map");
                }
            }),
            4,
        ),
        ("100 tasks", nothing(), tasks_there(100), 2),
        (
            "50 empty lists",
            nothing(),
            Box::new(|edit| {
                let list = found(edit, "list");
                for nth in 0..50 {
                    edit.insert_object(&list, nth, ObjType::List)
                        .expect("a list");
                }
            }),
            8,
        ),
        (
            "100 tasks cleared",
            tasks_there(100),
            Box::new(|edit| {
                let list = found(edit, "list");
                (0..100).for_each(|_| edit.delete(&list, 0).expect("an element"));
            }),
            4,
        ),
        (
            "100 tasks done",
            tasks_there(100),
            Box::new(|edit| {
                let list = found(edit, "list");
                for nth in 0..100 {
                    let (_, task) = edit.get(&list, nth).expect("a list").expect("there");
                    edit.put(&task, "done", true).expect("a map");
                }
            }),
            8,
        ),
        (
            "a slider moved 300 times",
            nothing(),
            Box::new(|edit| {
                for nth in 0..300 {
                    edit.put(ROOT, "slider", nth % 2 == 0).expect("a map");
                }
            }),
            2,
        ),
        (
            "300 elements set to false",
            inserts(300, |it| (1_000 + it as u64).into()),
            Box::new(|edit| {
                let list = found(edit, "list");
                (0..300).for_each(|nth| edit.put(&list, nth, false).expect("an element"));
            }),
            8,
        ),
        (
            "a list written from both ends and emptied",
            Box::new(|edit| {
                let list = found(edit, "list");
                for nth in 0..400usize {
                    let end = edit.length(&list);
                    let at = if nth % 2 == 0 { nth / 2 } else { end };
                    edit.insert(&list, at, nth as u64).expect("a list");
                }
            }),
            Box::new(|edit| {
                let list = found(edit, "list");
                (0..200).for_each(|_| edit.delete(&list, 0).expect("an element"));
            }),
            8,
        ),
    ]
}

#[test]
fn what_people_do_in_one_go_passes() {
    let mut too_many = Vec::new();
    for (name, before, edit, most) in edits() {
        let (mut gate, _) = base();
        writes(&mut gate, 1, before);
        // By somebody else, who sees it.
        let mut copy = gate.document().clone();
        copy.set_actor(actor(2));
        let mut transaction = copy.transaction();
        edit(&mut transaction);
        transaction.commit();
        let changes = writes(&mut gate, 2, edit);
        assert_eq!(said(gate.document()), said(&copy), "{name}");
        if changes > most {
            too_many.push((name, changes, most));
        }
    }
    assert!(too_many.is_empty(), "{too_many:#?}");
}
