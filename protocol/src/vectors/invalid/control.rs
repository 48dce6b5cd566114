//! Controls and tickets.

use serde_json::{Value, json};

use super::tree::{Item, edited, id};
use super::{Refusals, is};
use crate::control::{ControlError, Slice, Ticket, TicketError, UnverifiedControl};
use crate::crypto::{self, SigningKey, domain};
use crate::evaluation::InsertError;
use crate::signed::Signed;
use crate::slice::RootCommit;
use crate::statement::{SetError, StatementError};
use crate::wire::WireError;

/// Why a control or a ticket was refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Fault {
    Wire(#[from] WireError),
    Control(#[from] ControlError),
    Ticket(#[from] TicketError),
}

const fn wire(fault: &Fault) -> Option<&WireError> {
    match fault {
        Fault::Wire(error) => Some(error),
        Fault::Control(_) | Fault::Ticket(_) => None,
    }
}

/// `slice` has no removal; `ticket` is one of Marc's.
pub(crate) fn controls(slice: &Slice, ticket: &Signed<Ticket>) -> Value {
    let expected = slice.control.id();
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        UnverifiedControl::decode(bytes)?.verify(expected)?;
        Ok(())
    };
    let valid = slice.control.to_bytes();
    // [1, public half bytes, [[statement bytes, signature]...]]
    let edit = |change: &dyn Fn(&mut Item)| edited(&valid, change);
    let mut list = Refusals::of("control", read);
    list.add_spellings(&valid, Some(1024 * 1024 - 4096), wire);

    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    let longer = edit(&|it| it[1].inside(|half| half[2].bytes().push(0)));
    list.add("form", "an owner of 33 bytes", &longer, malformed);
    let kind = edit(&|it| it[1].inside(|half| half[1] = Item::Number(5)));
    list.add("form", "a content kind that is not known", &kind, malformed);

    let other = is!(Fault::Control(ControlError::OtherSlice { .. }));
    let mut add = |why, change: &dyn Fn(&mut Item)| {
        list.add("rule", why, &edit(&|it| it[1].inside(change)), other);
    };
    add("another owner", &|half| half[2].flip());
    add("another control key", &|half| half[3][0].flip());
    add("another rank", &|half| half[3][1] = Item::Number(2));
    add("another root", &|half| half[3][2].flip());

    // The first statement is the laptop's and admits the phone.
    let first = |key: &SigningKey, change: &dyn Fn(&mut Item)| {
        edit(&|it| {
            it[2].list().truncate(1);
            it[2][0].signed(domain::STATEMENT, key, change);
        })
    };
    let set = |error: &Fault, expected: fn(&SetError) -> bool| matches!(error, Fault::Control(ControlError::Statements(error)) if expected(error));
    let mut add = |why, bytes: &[u8], expected: fn(&SetError) -> bool| {
        list.add("rule", why, bytes, |error| set(error, expected));
    };
    add(
        "about the slice, not its control",
        &first(&slice.laptop, &|it| it[1][0] = Item::Number(2)),
        is!(SetError::OtherSubject { index: 0 }
            | SetError::Statement {
                error: StatementError::Kind,
                ..
            }),
    );
    add(
        "about the control of another slice",
        &first(&slice.laptop, &|it| it[1][1] = id(1)),
        is!(SetError::OtherSubject { index: 0 }),
    );
    add(
        "a control key of the root's rank",
        &first(&slice.laptop, &|it| it[6][2] = Item::Number(0)),
        is!(SetError::Statement {
            index: 0,
            error: StatementError::Rank
        }),
    );
    let key = is!(SetError::Insert {
        index: 0,
        error: InsertError::Key
    });
    let by = |who: &SigningKey| {
        let public = who.public().to_vec();
        first(who, &|it| it[3] = Item::Bytes(public.clone()))
    };
    add(
        "by another key of the same membership",
        &by(&slice.phone),
        key,
    );
    let root = slice.control.root();
    let opening = |blind: [u8; 32], who: &SigningKey, membership: [u8; 32]| {
        let public = who.public().to_vec();
        first(who, &|it| {
            it[2] = Item::Bytes(membership.to_vec());
            it[3] = Item::Bytes(public.clone());
            it[6] = Item::List(vec![Item::Number(18), Item::Bytes(blind.to_vec())]);
        })
    };
    let blind = RootCommit::blind(&slice.ines.slice().salt);
    let root_key = &slice.ines.root;
    assert!((list.read)(&opening(blind, root_key, *root.as_bytes())).is_ok());
    let mut add = |why, bytes: &[u8]| list.add("rule", why, bytes, |error| set(error, key));
    add(
        "another root key",
        &opening(blind, &slice.phone, *root.as_bytes()),
    );
    add(
        "another blind",
        &opening([1; 32], root_key, *root.as_bytes()),
    );
    let creator = *slice.control.creator().as_bytes();
    add(
        "the root by another membership",
        &opening(blind, &slice.laptop, creator),
    );
    let public = root_key.public().to_vec();
    let silent = first(root_key, &|it| {
        it[2] = Item::Bytes(root.as_bytes().to_vec());
        it[3] = Item::Bytes(public.clone());
    });
    add("the root without having opened", &silent);
    let by_writer = edit(&|it| {
        let writer = slice.write_key.public().to_vec();
        it[2].list().truncate(3);
        let at = (it[2].list().iter())
            .position(|said| {
                crypto::hash(domain::STATEMENT_ID, &[said[0].clone().bytes()])
                    == *slice.marcs.as_bytes()
            })
            .expect("Marc's admission");
        it[2].list().truncate(at + 1);
        let mut said = it[2][0].clone();
        said.signed(domain::STATEMENT, &slice.write_key, |said| {
            said[2] = Item::Bytes(slice.marcs.as_bytes().to_vec());
            said[3] = Item::Bytes(writer.clone());
        });
        it[2].list().push(said);
    });
    list.add("rule", "by a writer", &by_writer, |error| {
        set(
            error,
            is!(SetError::Insert {
                error: InsertError::Key,
                ..
            }),
        )
    });
    let missing = edit(&|it| drop(it[2].list().remove(0)));
    list.add("rule", "without what it cites", &missing, |error| {
        set(
            error,
            is!(SetError::Insert {
                error: InsertError::Missing(_),
                ..
            }),
        )
    });
    let twice = edit(&|it| {
        let last = it[2].list().last().expect("not empty").clone();
        it[2].list().push(last);
    });
    list.add("rule", "a statement twice", &twice, |error| {
        set(error, is!(SetError::Order))
    });
    let flipped = edit(&|it| it[2][1][1].flip());
    list.add("signature", "a bit of a signature", &flipped, |error| {
        set(
            error,
            is!(SetError::Statement {
                error: StatementError::Signature,
                ..
            }),
        )
    });

    let mut cases = list.cases;
    cases.extend(tickets(slice, ticket));
    json!(cases)
}

fn tickets(slice: &Slice, ticket: &Signed<Ticket>) -> Vec<Value> {
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        slice.control.admits(&Signed::decode(bytes)?)?;
        Ok(())
    };
    let valid = ticket.to_bytes();
    let changed = |key: &SigningKey, change: &dyn Fn(&mut Item)| {
        edited(&valid, |it| it.signed(domain::TICKET, key, change))
    };
    let mut list = Refusals::of("ticket", read);
    list.add_spellings(&valid, Some(256 + 70), wire);
    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    // [1, slice, part, log, membership, signature by the log]
    let mine = &slice.write_key;
    let version = changed(mine, &|it| it[0] = Item::Number(2));
    list.add("form", "version 2 of the ticket", &version, malformed);
    let short = changed(mine, &|it| drop(it.list().pop()));
    list.add("form", "without the log's signature", &short, malformed);
    let slices = changed(mine, &|it| it[1] = id(1));
    let other = is!(Fault::Ticket(TicketError::OtherSlice { .. }));
    list.add("rule", "of another slice", &slices, other);
    let nobody = changed(mine, &|it| it[4] = id(1));
    let unknown = is!(Fault::Ticket(TicketError::NoWriter));
    list.add("rule", "of a membership that nobody has", &nobody, unknown);
    let signature = is!(Fault::Ticket(TicketError::Signature));
    let mut add = |why, bytes: &[u8]| list.add("signature", why, bytes, signature);
    add(
        "of another part",
        &changed(mine, &|it| it[2] = Item::Number(4)),
    );
    let log = slice.log(9, crate::slice::PartNumber(3)).id();
    let log = Item::Bytes(log.as_bytes().to_vec());
    add("of another log", &changed(mine, &|it| it[3] = log.clone()));
    let phones = Item::Bytes(slice.phones.as_bytes().to_vec());
    let claimed = changed(&slice.phone, &|it| it[4] = phones.clone());
    add("of somebody else's log", &claimed);
    add("by another key", &changed(&slice.phone, &|_| {}));
    add("a bit of the signature", &edited(&valid, |it| it[1].flip()));
    list.cases
}
