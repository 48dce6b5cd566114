//! Grants and revocations.

use serde_json::{Value, json};

use super::tree::{Item, edited, id};
use super::{Refusals, hex, instead, is};
use crate::crypto::{SigningKey, domain};
use crate::grant::{GrantError, RevocationError, SignedGrant, SignedRevocation};
use crate::testing::{NOW, Someone};
use crate::time::Timestamp;
use crate::wire::WireError;

/// Why a grant or a revocation was refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Fault {
    Wire(#[from] WireError),
    Grant(#[from] GrantError),
    Revocation(#[from] RevocationError),
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only one is asked for")]
const fn form(fault: &Fault) -> Option<&WireError> {
    match fault {
        Fault::Wire(error) => Some(error),
        _ => None,
    }
}

const SKEW_MS: u64 = 10 * 60 * 1000;
const SIGNED_BYTES_MAX: usize = 4096 + 6 + 64;

fn time(at: Timestamp) -> Item {
    Item::Number(at.as_millis())
}

/// Returns the grant after a change, signed again.
fn granted(grant: &SignedGrant, ines: &Someone, change: impl FnOnce(&mut Item)) -> Vec<u8> {
    edited(&grant.to_bytes(), |it| {
        it.signed(domain::GRANT, &ines.device, change)
    })
}

fn read_grant(bytes: &[u8], ines: &Someone) -> Result<(), Fault> {
    SignedGrant::decode(bytes)?.verify(&ines.authority, NOW)?;
    Ok(())
}

/// Grants at the edge of what holds.
pub(crate) fn valid_grants(grant: &SignedGrant, ines: &Someone) -> Value {
    // [1, slice, owner, issuer, audience, abilities, parts, not before, expires, depth, purpose, content, parent, nonce]
    type Change = fn(&mut Item);
    let cases: [(&str, Change); 5] = [
        ("begins in ten minutes", |it| {
            it[7] = time(NOW.plus_millis(SKEW_MS))
        }),
        ("ends in a millisecond", |it| {
            it[8] = time(NOW.plus_millis(1))
        }),
        ("all parts", |it| it[6] = Item::List(vec![])),
        ("one part", |it| {
            it[6] = Item::List(vec![Item::Number(3), Item::Number(3)])
        }),
        ("up to a part", |it| {
            it[6] = Item::List(vec![Item::Null, Item::Number(3)])
        }),
    ];
    json!(cases.map(|(why, change)| {
        let bytes = granted(grant, ines, change);
        assert!(read_grant(&bytes, ines).is_ok(), "{why}");
        json!({ "object": "signed grant", "why": why, "bytes": hex(&bytes) })
    }))
}

pub(crate) fn grants(grant: &SignedGrant, ines: &Someone) -> Value {
    let valid = grant.to_bytes();
    let signed = |change: &dyn Fn(&mut Item)| granted(grant, ines, change);
    let mut list = Refusals::of("signed grant", |bytes: &[u8]| read_grant(bytes, ines));
    list.add_spellings(&valid, Some(SIGNED_BYTES_MAX), form);

    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    let mut add = |why, bytes: Vec<u8>| list.add("form", why, &bytes, malformed);
    let parts = |parts: &[Item]| Item::List(parts.to_vec());
    let (none, three) = (Item::Null, Item::Number(3));
    add(
        "version 2 of the grant",
        signed(&|it| it[0] = Item::Number(2)),
    );
    add("no ability", signed(&|it| it[5] = Item::Number(0)));
    add(
        "an ability without those before",
        signed(&|it| it[5] = Item::Number(2)),
    );
    add(
        "an absent last part that is written",
        signed(&|it| it[6] = parts(&[three.clone(), none.clone()])),
    );
    add(
        "two absent parts that are written",
        signed(&|it| it[6] = parts(&[none.clone(), none.clone()])),
    );
    add(
        "three parts",
        signed(&|it| it[6] = parts(&[three.clone(), three.clone(), three.clone()])),
    );
    add(
        "a time after the last",
        signed(&|it| it[8] = Item::Number(253_402_207_200_001)),
    );
    add("a depth of 256", signed(&|it| it[9] = Item::Number(256)));
    add(
        "a purpose of 257 bytes",
        signed(&|it| it[10] = Item::Text("a".repeat(257))),
    );
    add(
        "a purpose of bytes",
        signed(&|it| it[10] = Item::Bytes(vec![b'a'; 10])),
    );
    add(
        "a content name of 65 bytes",
        signed(&|it| it[11][0] = Item::Text("a".repeat(65))),
    );
    add(
        "a content of one field",
        signed(&|it| drop(it[11].list().pop())),
    );
    add(
        "a nonce of 15 bytes",
        signed(&|it| it[13].bytes().truncate(15)),
    );
    add("a field too few", signed(&|it| drop(it.list().pop())));
    let respelt = |from: usize, to: usize, new: &[u8]| {
        edited(&valid, |it| {
            let record = instead(it[0].bytes(), from..to, new);
            let signature = ines.device.sign(domain::GRANT, &record);
            *it = Item::List(vec![Item::Bytes(record), Item::Bytes(signature.to_vec())]);
        })
    };
    add(
        "a longer spelling inside, signed",
        respelt(1, 2, &[0x18, 1]),
    );
    add("a byte after the end inside, signed", {
        let end = grant.signed_bytes().len();
        respelt(end, end, &[0])
    });
    let text = grant
        .signed_bytes()
        .windows(2)
        .position(|two| two == [0xc3, 0xa9])
        .unwrap();
    add(
        "a text that is not UTF-8, signed",
        respelt(text, text + 2, &[0xc3, 0x28]),
    );

    let mut add =
        |why, bytes: Vec<u8>, expected: fn(&Fault) -> bool| list.add("rule", why, &bytes, expected);
    let owner = is!(Fault::Grant(GrantError::OtherOwner { .. }));
    add(
        "of somebody else's slice",
        signed(&|it| it[2] = id(1)),
        owner,
    );
    let stranger = SigningKey::from_seed(&[3; 32]);
    let issuer = is!(Fault::Grant(GrantError::Issuer { .. }));
    let by_stranger = edited(&valid, |it| {
        it.signed(domain::GRANT, &stranger, |grant| {
            grant[3] = Item::Bytes(stranger.public().to_vec())
        });
    });
    add("by a stranger's device", by_stranger, issuer);
    let by_root = edited(&valid, |it| {
        it.signed(domain::GRANT, &ines.root, |grant| {
            grant[3] = Item::Bytes(ines.root.public().to_vec())
        });
    });
    add("by the root", by_root, issuer);
    let empty = is!(Fault::Grant(GrantError::Empty));
    add(
        "of no part",
        signed(&|it| it[6] = parts(&[Item::Number(4), three.clone()])),
        empty,
    );
    add("of no time", signed(&|it| it[8] = it[7].clone()), empty);
    let parent = is!(Fault::Grant(GrantError::Parent));
    add("with a parent, alone", signed(&|it| it[12] = id(1)), parent);
    let later = is!(Fault::Grant(GrantError::NotYet { .. }));
    add(
        "begins in ten minutes and a millisecond",
        signed(&|it| it[7] = time(NOW.plus_millis(SKEW_MS + 1))),
        later,
    );
    let over = is!(Fault::Grant(GrantError::Expired { .. }));
    add(
        "ends now",
        signed(&|it| {
            it[7] = time(Timestamp::from_millis(NOW.as_millis() - 1));
            it[8] = time(NOW);
        }),
        over,
    );

    let signature = is!(Fault::Grant(GrantError::Signature));
    let mut add = |why, bytes: Vec<u8>| list.add("signature", why, &bytes, signature);
    add("a bit of the signature", edited(&valid, |it| it[1].flip()));
    add(
        "a bit of what was signed",
        edited(&valid, |it| it[0].inside(|grant| grant[13].flip())),
    );
    add(
        "signed by the root for the device",
        edited(&valid, |it| it.signed(domain::GRANT, &ines.root, |_| ())),
    );
    add(
        "signed in another domain",
        edited(&valid, |it| {
            it.signed(domain::REVOCATION, &ines.device, |_| ())
        }),
    );
    json!(list.cases)
}

pub(crate) fn revocations(revocation: &SignedRevocation, ines: &Someone) -> Value {
    let valid = revocation.to_bytes();
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        SignedRevocation::decode(bytes)?.verify(&ines.authority)?;
        Ok(())
    };
    // [1, slice, grant, owner, issuer, at, nonce]
    let signed = |change: &dyn Fn(&mut Item)| {
        edited(&valid, |it| {
            it.signed(domain::REVOCATION, &ines.device, change)
        })
    };
    let mut list = Refusals::of("signed revocation", read);
    list.add_spellings(&valid, Some(SIGNED_BYTES_MAX), form);
    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    list.add(
        "form",
        "version 2 of the revocation",
        &signed(&|it| it[0] = Item::Number(2)),
        malformed,
    );
    list.add(
        "form",
        "null for the grant",
        &signed(&|it| it[2] = Item::Null),
        malformed,
    );
    let owner = is!(Fault::Revocation(RevocationError::OtherOwner { .. }));
    list.add(
        "rule",
        "of somebody else's slice",
        &signed(&|it| it[3] = id(1)),
        owner,
    );
    let stranger = SigningKey::from_seed(&[3; 32]);
    let by_stranger = edited(&valid, |it| {
        it.signed(domain::REVOCATION, &stranger, |record| {
            record[4] = Item::Bytes(stranger.public().to_vec())
        });
    });
    list.add(
        "rule",
        "by a stranger's device",
        &by_stranger,
        is!(Fault::Revocation(RevocationError::Issuer(_))),
    );
    let signature = is!(Fault::Revocation(RevocationError::Signature));
    list.add(
        "signature",
        "a bit of the signature",
        &edited(&valid, |it| it[1].flip()),
        signature,
    );
    let elsewhere = edited(&valid, |it| it.signed(domain::GRANT, &ines.device, |_| ()));
    list.add(
        "signature",
        "signed in another domain",
        &elsewhere,
        signature,
    );
    json!(list.cases)
}
