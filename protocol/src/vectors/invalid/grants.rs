//! What is said about a slice: grants, handed on, renewed and ended.

use serde_json::{Value, json};

use super::tree::{Item, edited};
use super::{Refusals, is};
use crate::crypto::{self, domain};
use crate::evaluation::InsertError;
use crate::grant::Field;
use crate::principal::Known;
use crate::slice::{AccessError, Owner, UnverifiedAccess};
use crate::statement::{SetError, StatementError};
use crate::testing::Someone;
use crate::wire::WireError;

/// Why what is said about a slice was refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Fault {
    Wire(#[from] WireError),
    Access(#[from] AccessError),
}

const fn form(fault: &Fault) -> Option<&WireError> {
    match fault {
        Fault::Wire(error) => Some(error),
        Fault::Access(_) => None,
    }
}

/// `bytes` are a slice of `ines` with a grant to `marc` (0), his to `zoe` (1), and more.
pub(crate) fn accesses(bytes: &[u8], ines: &Someone, marc: &Someone, known: &Known) -> Value {
    let slice = ines.slice().id();
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        let owner = Owner::Person(&ines.authority);
        UnverifiedAccess::decode(bytes)?.verify(slice, owner, known)?;
        Ok(())
    };
    // [1, charter bytes, [[statement bytes, signature]...]]
    let mut list = Refusals::of("access", read);
    list.add_spellings(bytes, Some(1024 * 1024 - 4096), form);
    let edit = |change: &dyn Fn(&mut Item)| edited(bytes, change);
    // Only the first two statements, of which one was changed.
    let link = |at: usize, change: &dyn Fn(&mut Item)| {
        edit(&|it| {
            let key = if at == 0 { &ines.device } else { &marc.device };
            it[2].list().truncate(2);
            it[2][at].signed(domain::STATEMENT, key, change);
            if at == 0 {
                // What hands it on names it.
                let parent = crypto::hash(domain::STATEMENT_ID, &[it[2][0][0].bytes()]);
                it[2][1].signed(domain::STATEMENT, &marc.device, |statement| {
                    statement[2] = Item::Bytes(parent.to_vec());
                    statement[5] = Item::List(vec![Item::Bytes(parent.to_vec())]);
                });
            }
        })
    };
    assert!(read(&link(0, &|_| ())).is_ok());
    assert!(read(&link(1, &|_| ())).is_ok());

    // [8, [audience, abilities, parts, not before, expires, depth, purpose, content]]
    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    let mut add = |why, change: &dyn Fn(&mut Item)| {
        list.add(
            "form",
            why,
            &link(1, &|it| change(&mut it[6][1])),
            malformed,
        );
    };
    add("an audience that is not known", &|it| {
        it[0][0] = Item::Number(3)
    });
    add("no ability", &|it| it[1] = Item::Number(0));
    add("an ability without those before", &|it| {
        it[1] = Item::Number(2)
    });
    add("an absent last part that is written", &|it| {
        it[2] = Item::List(vec![Item::Number(3), Item::Null]);
    });
    add("three parts", &|it| {
        it[2] = Item::List(vec![Item::Number(3); 3])
    });
    add("a time after the last", &|it| {
        it[4] = Item::Number(253_402_207_200_001)
    });
    add("a depth of 256", &|it| it[5] = Item::Number(256));
    add("a purpose of 257 bytes", &|it| {
        it[6] = Item::Text("a".repeat(257))
    });
    add("a content name of 65 bytes", &|it| {
        it[7][0] = Item::Text("a".repeat(65));
    });

    let empty = is!(Fault::Access(AccessError::Statements(
        SetError::Statement {
            error: StatementError::Empty,
            ..
        }
    )));
    let mut add = |why, change: &dyn Fn(&mut Item)| {
        list.add("rule", why, &link(1, &|it| change(&mut it[6][1])), empty);
    };
    add("no parts", &|it| {
        it[2] = Item::List(vec![Item::Number(4), Item::Number(3)])
    });
    add("an end before the beginning", &|it| it[4] = it[3].clone());

    for (field, why, change) in WIDENED {
        let expected = |fault: &Fault| matches!(fault, Fault::Access(AccessError::Statements(SetError::Insert { index: 1, error: InsertError::Widened(got) })) if *got == field);
        list.add("rule", why, &link(1, &|it| change(&mut it[6][1])), expected);
    }
    let expected = is!(Fault::Access(AccessError::Statements(SetError::Insert {
        index: 1,
        error: InsertError::Widened(Field::Abilities)
    })));
    let read_only = link(0, &|it| it[6][1][1] = Item::Number(3));
    list.add("rule", "handed on by who may not", &read_only, expected);

    let signature = is!(Fault::Access(AccessError::Statements(
        SetError::Statement {
            error: StatementError::Signature,
            ..
        }
    )));
    let flipped = edit(&|it| it[2][1][1].flip());
    list.add("signature", "a bit of a signature", &flipped, signature);
    let other = is!(Fault::Access(AccessError::OtherSlice { .. }));
    let salt = edit(&|it| it[1].inside(|charter| charter[3].flip()));
    list.add("rule", "the charter of another slice", &salt, other);
    let missing = is!(Fault::Access(AccessError::Statements(SetError::Insert {
        error: InsertError::Missing(_),
        ..
    })));
    let without = edit(&|it| drop(it[2].list().remove(0)));
    list.add(
        "rule",
        "without the grant that is handed on",
        &without,
        missing,
    );
    json!(list.cases)
}

type Change = fn(&mut Item);

/// How a grant can go beyond the one that it hands on: that has depth 1, parts from 3, and writes.
const WIDENED: [(Field, &str, Change); 5] = [
    (Field::Parts, "more parts", |it| {
        it[2] = Item::List(vec![Item::Number(2)]);
    }),
    (Field::NotBefore, "an earlier beginning", |it| {
        it[3] = Item::Number(1);
    }),
    (Field::Depth, "as deep", |it| it[5] = Item::Number(1)),
    (Field::Purpose, "another purpose", |it| {
        it[6] = Item::Text("why".to_owned());
    }),
    (Field::Content, "other content", |it| it[7][1].flip()),
];
