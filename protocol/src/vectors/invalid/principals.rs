//! Statements, and the authorities that they make.

use serde_json::{Value, json};

use super::tree::{Item, edited, id};
use super::{Refusals, is};
use crate::crypto::{self, domain};
use crate::evaluation::InsertError;
use crate::principal::{Authority, AuthorityError, PrincipalError, UnverifiedAuthority};
use crate::statement::{SetError, SignedStatement, StatementError, UnverifiedStatement};
use crate::testing::Someone;
use crate::wire::WireError;

#[expect(clippy::wildcard_enum_match_arm, reason = "only one is asked for")]
const fn form(error: &StatementError) -> Option<&WireError> {
    match error {
        StatementError::Wire(error) => Some(error),
        _ => None,
    }
}

fn ids(bytes: impl IntoIterator<Item = u8>) -> Item {
    Item::List(bytes.into_iter().map(id).collect())
}

/// `signed` are statements of each kind, with its name, by the device of `ines`.
pub(crate) fn statements(signed: &[(&str, SignedStatement)], ines: &Someone) -> Value {
    let read = |bytes: &[u8]| -> Result<(), StatementError> {
        UnverifiedStatement::decode(bytes)?.verify().map(|_| ())
    };
    let of = |kind: &str| {
        let (_, statement) = signed.iter().find(|(name, _)| *name == kind).unwrap();
        statement.to_bytes()
    };
    // [1, [of what, id], membership, key, after, heads, [number, fields...]]
    let change = |kind: &str, change: &dyn Fn(&mut Item)| {
        edited(&of(kind), |it| {
            it.signed(domain::STATEMENT, &ines.device, change)
        })
    };
    let mut list = Refusals::of("statement", read);
    list.add_spellings(&of("device"), None, form);
    list.add_spellings(&of("remove"), None, form);

    let malformed = is!(StatementError::Wire(WireError::Malformed { .. }));
    let mut add = |why, bytes: Vec<u8>| list.add("form", why, &bytes, malformed);
    add(
        "version 2 of the statement",
        change("remove", &|it| it[0] = Item::Number(2)),
    );
    add(
        "about nothing known",
        change("remove", &|it| it[1][0] = Item::Number(4)),
    );
    add(
        "after nothing known",
        change("remove", &|it| it[4][0] = Item::Number(2)),
    );
    add("65 heads", change("remove", &|it| it[5] = ids(0..65)));
    add(
        "a kind that is not known",
        change("approve", &|it| it[6][0] = Item::Number(99)),
    );
    add(
        "a role that is not known",
        change("person", &|it| it[6][2] = Item::Number(2)),
    );
    add(
        "a rule that is not known",
        change("rule", &|it| it[6][1] = Item::List(vec![Item::Number(4)])),
    );
    add(
        "a quorum of 256",
        change("rule", &|it| it[6][1][1] = Item::Number(256)),
    );
    add(
        "65 removals to extend",
        change("extend", &|it| it[6][1] = ids(0..65)),
    );
    add(
        "257 statements to keep",
        change("remove", &|it| {
            let ids = (0..257u32).map(|at| Item::Bytes([&at.to_be_bytes()[..], &[0; 28]].concat()));
            it[6][3][0] = Item::List(ids.collect());
        }),
    );
    add(
        "a sealing key above the modulus",
        change("ring", &|it| {
            it[6][3].bytes()[..1184].fill(0xff);
        }),
    );

    add(
        "17 acts of a mandate",
        change("mandate", &|it| {
            it[6][2] = Item::List((0..17).map(Item::Number).collect());
        }),
    );

    let order = is!(StatementError::Order);
    let mut add = |why, bytes: Vec<u8>| list.add("rule", why, &bytes, order);
    add(
        "heads out of order",
        change("remove", &|it| it[5] = ids([2, 1])),
    );
    add("a head twice", change("remove", &|it| it[5] = ids([1, 1])));
    add(
        "removals out of order",
        change("extend", &|it| it[6][1] = ids([2, 1])),
    );
    add(
        "an extension of nothing",
        change("extend", &|it| it[6][1] = ids([])),
    );
    add(
        "kept statements out of order",
        change("remove", &|it| it[6][3][0] = ids([2, 1])),
    );
    add(
        "kept places out of order",
        change("remove", &|it| it[6][3][1].list().swap(0, 1)),
    );
    add(
        "trusted statements out of order",
        change("remove", &|it| it[6][4] = ids([2, 1])),
    );
    add(
        "heads of the authority out of order",
        change("checkpoint", &|it| it[6][4] = ids([2, 1])),
    );
    add(
        "rings out of order",
        change("ring", &|it| it[6][1] = ids([2, 1])),
    );
    add(
        "removals of a ring out of order",
        change("ring", &|it| it[6][4] = ids([2, 1])),
    );

    add(
        "acts out of order",
        change("mandate", &|it| it[6][2].list().swap(0, 1)),
    );
    add(
        "places to drop out of order",
        change("compact", &|it| it[6][2].list().swap(0, 1)),
    );
    add(
        "places to erase twice",
        change("erase", &|it| it[6][2][1] = it[6][2][0].clone()),
    );

    let subject = is!(StatementError::Kind);
    let mut add = |why, bytes: Vec<u8>| list.add("rule", why, &bytes, subject);
    let about = |kind, of| change(kind, &move |it| it[1][0] = Item::Number(of));
    add("a device of a circle", about("device", 1));
    add("a person of a person", about("person", 0));
    add("an approval about a person", about("approve", 0));
    add("a rule of a slice", about("rule", 2));
    add("a ring of a slice", about("ring", 2));
    add("a grant of a person", about("grant", 0));
    add("a renewal by a carrier's rules", about("renew", 3));
    add("a mandate of a circle", about("mandate", 1));
    add("a certificate of a slice", about("certify", 2));
    add("a write key of a person", about("write key", 0));
    add("a control key of a slice", about("control key", 2));
    add("a writer of a slice", about("writer", 2));
    add("an access key of a circle", about("access", 1));
    add("a compaction of a slice", about("compact", 2));
    add("an erasure of a person", about("erase", 0));
    add("an approval by a carrier's rules", about("approve", 3));
    let rank = change("device", &|it| it[6][4] = Item::Number(0));
    list.add(
        "rule",
        "the rank of the root",
        &rank,
        is!(StatementError::Rank),
    );
    let rank = change("control key", &|it| it[6][2] = Item::Number(0));
    list.add(
        "rule",
        "a control key with the rank of the root",
        &rank,
        is!(StatementError::Rank),
    );
    let empty = change("grant", &|it| it[6][1][4] = it[6][1][3].clone());
    list.add(
        "rule",
        "a grant that ends when it begins",
        &empty,
        is!(StatementError::Empty),
    );
    let signature = is!(StatementError::Signature);
    let mut add = |why, bytes: Vec<u8>| list.add("signature", why, &bytes, signature);
    add(
        "a bit of the signature",
        edited(&of("remove"), |it| it[1].flip()),
    );
    add(
        "signed in another domain",
        edited(&of("remove"), |it| {
            it.signed(domain::CONSENT, &ines.device, |_| ())
        }),
    );
    add(
        "signed by another key",
        edited(&of("remove"), |it| {
            it.signed(domain::STATEMENT, &ines.root, |_| ())
        }),
    );
    let consent = is!(StatementError::Consent);
    let mut add = |why, bytes: Vec<u8>| list.add("signature", why, &bytes, consent);
    add(
        "a bit of the device's consent",
        change("device", &|it| it[6][5].flip()),
    );
    add(
        "a bit of the person's consent",
        change("person", &|it| it[6][4].flip()),
    );
    add(
        "consent to another admitter",
        change("device", &|it| it[2] = id(1)),
    );
    add(
        "consent to another rank",
        change("device", &|it| it[6][4] = Item::Number(8)),
    );
    add(
        "consent to another transport key",
        change("device", &|it| it[6][3] = id(1)),
    );
    add(
        "consent to another role",
        change("person", &|it| it[6][2] = Item::Number(0)),
    );
    add(
        "consent to another person",
        change("device", &|it| it[1][1] = id(1)),
    );
    json!(list.cases)
}

/// Why an authority was refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Fault {
    Wire(#[from] WireError),
    Authority(#[from] AuthorityError),
}

const fn wire(fault: &Fault) -> Option<&WireError> {
    match fault {
        Fault::Wire(error) => Some(error),
        Fault::Authority(_) => None,
    }
}

/// `two` is the authority of `ines` with a second device, which the first admitted.
pub(crate) fn authorities(two: &Authority, ines: &Someone) -> Value {
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        UnverifiedAuthority::decode(bytes)?.verify(ines.id())?;
        Ok(())
    };
    let valid = ines.authority.to_bytes();
    // [1, charter bytes, [[statement bytes, signature]...]]
    let edit = |change: &dyn Fn(&mut Item)| edited(&two.to_bytes(), change);
    let mut list = Refusals::of("authority", read);
    list.add_spellings(&valid, Some(1024 * 1024 - 4096), wire);
    assert!((list.read)(&two.to_bytes()).is_ok());

    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    let version = edit(&|it| {
        it[2][0].signed(domain::STATEMENT, &ines.root, |statement| {
            statement[0] = Item::Number(2)
        });
    });
    list.add("form", "version 2 of a statement", &version, malformed);

    let other = is!(Fault::Authority(AuthorityError::OtherPerson { .. }));
    let salt = edit(&|it| it[1].inside(|charter| charter[6].flip()));
    list.add("rule", "the charter of somebody else", &salt, other);
    let charter = is!(Fault::Authority(AuthorityError::Principal(
        PrincipalError::Charter(_)
    )));
    let mut add = |why, change: &dyn Fn(&mut Item)| {
        list.add("rule", why, &edit(&|it| it[1].inside(change)), charter);
    };
    add("no recovery key", &|it| it[3] = Item::Null);
    add("no founder", &|it| it[2] = Item::List(vec![]));
    add("two roots", &|it| {
        let root = it[2][0].clone();
        it[2].list().push(root);
    });

    let nobody = edit(&|it| it[2] = Item::List(vec![]));
    list.add(
        "rule",
        "no device",
        &nobody,
        is!(Fault::Authority(AuthorityError::NoDevice)),
    );
    let insert = |bytes: &[u8], why, list: &mut Refusals<_>, expected: fn(&Fault) -> bool| {
        Refusals::add(list, "rule", why, bytes, expected);
    };
    let missing = is!(Fault::Authority(AuthorityError::Principal(
        PrincipalError::Statements(SetError::Insert {
            index: 0,
            error: InsertError::Missing(_)
        })
    )));
    insert(
        &edit(&|it| drop(it[2].list().remove(0))),
        "without what it cites",
        &mut list,
        missing,
    );
    insert(
        &edit(&|it| it[2].list().swap(0, 1)),
        "before what it cites",
        &mut list,
        missing,
    );
    let order = is!(Fault::Authority(AuthorityError::Principal(
        PrincipalError::Statements(SetError::Order)
    )));
    let doubled = edit(&|it| {
        let last = it[2][1].clone();
        it[2].list().push(last);
    });
    insert(&doubled, "a statement twice", &mut list, order);
    let chain = is!(Fault::Authority(AuthorityError::Principal(
        PrincipalError::Statements(SetError::Insert {
            index: 1,
            error: InsertError::Chain
        })
    )));
    let stolen = edit(&|it| {
        let first = crypto::hash(domain::STATEMENT_ID, &[it[2][0][0].bytes()]);
        it[2][1].signed(domain::STATEMENT, &ines.device, |statement| {
            statement[4] = Item::List(vec![Item::Number(1), Item::Bytes(first.to_vec())]);
            statement[5] = Item::List(vec![]);
        });
    });
    insert(&stolen, "in the log of another speaker", &mut list, chain);
    let subject = is!(Fault::Authority(AuthorityError::Principal(
        PrincipalError::Statements(
            SetError::Statement {
                index: 0,
                error: StatementError::Consent
            } | SetError::OtherSubject { index: 0 }
        )
    )));
    let elsewhere = edit(&|it| {
        it[2][0].signed(domain::STATEMENT, &ines.root, |statement| {
            statement[1][1] = id(1);
            let about = Item::List(vec![
                Item::Number(1),
                statement[1].clone(),
                statement[2].clone(),
                Item::List([&[Item::Number(0)], &statement[6].list()[1..5]].concat()),
            ]);
            let consent = ines.device.sign(domain::CONSENT, &about.to_bytes());
            statement[6][5] = Item::Bytes(consent.to_vec());
        });
        it[2].list().truncate(1);
    });
    insert(&elsewhere, "about somebody else", &mut list, subject);
    let signature = is!(Fault::Authority(AuthorityError::Principal(
        PrincipalError::Statements(SetError::Statement {
            error: StatementError::Signature,
            ..
        })
    )));
    for (at, why) in [
        (0, "a bit of the first signature"),
        (1, "a bit of the second signature"),
    ] {
        let flipped = edit(&|it| it[2][at][1].flip());
        Refusals::add(&mut list, "signature", why, &flipped, signature);
    }
    json!(list.cases)
}
