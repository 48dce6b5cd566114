//! Circles, what they own, and persons with a second root.

use serde_json::Value;

use super::tree::{Item, edited};
use super::{Refusals, is};
use crate::crypto::{SigningKey, domain};
use crate::evaluation::InsertError;
use crate::principal::{
    Authority, AuthorityError, Circle, CircleError, Known, PrincipalError, UnverifiedAuthority,
    UnverifiedCircle,
};
use crate::slice::{Access, AccessError, Owner, UnverifiedAccess};
use crate::statement::{Kind, SetError, Signer, StatementError};
use crate::testing::Someone;
use crate::wire::WireError;

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Circle(#[from] CircleError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Access(#[from] AccessError),
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only one is asked for")]
const fn wire(fault: &Fault) -> Option<&WireError> {
    match fault {
        Fault::Wire(error) => Some(error),
        _ => None,
    }
}

pub(crate) fn circles(
    circle: &Circle,
    access: &Access,
    people: &[Someone],
    known: &Known,
) -> Value {
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        UnverifiedCircle::decode(bytes)?.verify(circle.id(), &known.people)?;
        Ok(())
    };
    let valid = circle.to_bytes();
    // [1, charter bytes, [[statement bytes, signature]...]]
    let edit = |change: &dyn Fn(&mut Item)| edited(&valid, change);
    let mut list = Refusals::of("circle", read);
    list.add_spellings(&valid, Some(1024 * 1024 - 4096), wire);

    let other = is!(Fault::Circle(CircleError::OtherCircle { .. }));
    let salt = edit(&|it| it[1].inside(|charter| charter[6].flip()));
    list.add("rule", "the charter of another circle", &salt, other);
    let person = people[0].authority.to_bytes();
    list.add(
        "rule",
        "a person",
        &person,
        is!(Fault::Circle(CircleError::Person)),
    );
    let charter = is!(Fault::Circle(CircleError::Principal(
        PrincipalError::Charter(_)
    )));
    let mut add = |why, change: &dyn Fn(&mut Item)| {
        list.add("rule", why, &edit(&|it| it[1].inside(change)), charter);
    };
    let board = |quorum| Item::List(vec![Item::Number(2), Item::Number(quorum)]);
    add("no founder", &|it| it[2] = Item::List(vec![]));
    add("a founder twice", &|it| it[2][1] = it[2][0].clone());
    add("a key among the founders", &|it| {
        it[2][1][0] = Item::Number(0)
    });
    add("a board of whom one is enough", &|it| it[1] = board(1));
    add("a board of more than there are", &|it| it[1] = board(3));
    add("a second root", &|it| it[4] = Item::Bytes(vec![1; 32]));

    let consent = edit(&|it| {
        it[2][0].signed(domain::STATEMENT, &people[0].device, |statement| {
            statement[6][4].flip();
        });
    });
    let unsigned = is!(Fault::Circle(CircleError::Principal(
        PrincipalError::Statements(SetError::Statement {
            error: StatementError::Consent | StatementError::Signature,
            ..
        })
    )));
    list.add(
        "signature",
        "a member who did not agree",
        &consent,
        unsigned,
    );
    let mut cases = list.cases;

    let read = |bytes: &[u8]| -> Result<(), Fault> {
        let owner = Owner::Circle(circle);
        UnverifiedAccess::decode(bytes)?.verify(access.id(), owner, known)?;
        Ok(())
    };
    let mut list = Refusals::of("access of a circle", read);
    let edit = |change: &dyn Fn(&mut Item)| edited(&access.to_bytes(), change);
    let charter = is!(Fault::Access(_));
    let mut add = |why, change: &dyn Fn(&mut Item)| {
        list.add("rule", why, &edit(&|it| it[1].inside(change)), charter);
    };
    add("a slice of another circle", &|it| it[2][1].flip());
    add("a slice of a person", &|it| it[2][0] = Item::Number(0));
    let insert = |index| move |fault: &Fault| matches!(fault, Fault::Access(AccessError::Statements(SetError::Insert { index: at, .. })) if *at == index);
    let about = edit(&|it| {
        it[2][0].signed(domain::STATEMENT, &people[0].device, |statement| {
            statement[1][1].flip();
        });
    });
    list.add("rule", "about another slice", &about, is!(Fault::Access(_)));
    let without = edit(&|it| drop(it[2].list().remove(0)));
    list.add(
        "rule",
        "without the grant that is handed on",
        &without,
        insert(0),
    );
    let swapped = edit(&|it| it[2].list().swap(0, 1));
    list.add("rule", "handed on before it was given", &swapped, insert(0));
    list.add(
        "rule",
        "six grants in a row",
        &sixth(access, people),
        insert(5),
    );
    cases.append(&mut list.cases);
    Value::Array(cases)
}

/// The chain of five, and one more by its last reader.
fn sixth(access: &Access, people: &[Someone]) -> Vec<u8> {
    let last = access.statements().iter().last().expect("five grants");
    let Kind::Grant(grant) = &last.statement().kind else {
        panic!("only grants were said");
    };
    let signer = Signer {
        membership: last.membership(),
        ..people[5].signer()
    };
    let mut grant = grant.clone();
    grant.depth = 0;
    let history = access.statements().history();
    let subject = access.statements().subject();
    let said = signer
        .say(history, subject, Kind::Grant(grant))
        .expect("well formed");
    edited(&access.to_bytes(), |it| {
        it[2].list().push(Item::read(&said.to_bytes()));
    })
}

pub(crate) fn second_roots(person: &Authority, next: &SigningKey) -> Value {
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        UnverifiedAuthority::decode(bytes)?.verify(person.person())?;
        Ok(())
    };
    let mut list = Refusals::of("authority", read);
    let key = next.public();
    let mut statements = person.statements().iter();
    let by_next = statements.position(|said| said.statement().key == key);
    let by_next = by_next.expect("it admitted a device");
    let other = SigningKey::from_seed(&[0x76; 32]);
    let posed = edited(&person.to_bytes(), |it| {
        it[2][by_next].signed(domain::STATEMENT, &other, |statement| {
            statement[3] = Item::Bytes(other.public().to_vec());
        });
    });
    let key = is!(Fault::Authority(AuthorityError::Principal(
        PrincipalError::Statements(SetError::Insert {
            error: InsertError::Key,
            ..
        })
    )));
    list.add(
        "rule",
        "a key that the charter does not commit to",
        &posed,
        key,
    );
    Value::Array(list.cases)
}
