//! Parcels, and what is in them.

use serde_json::{Value, json};

use super::tree::{Item, edited, id};
use super::{Refusals, is, over};
use crate::crypto::{self, OpenError, SigningKey, domain};
use crate::generation::PartKeyError;
use crate::grant::GrantError;
use crate::parcel::{self, ContentsError, ParcelBody, ParcelError};
use crate::slice::AccessError;
use crate::statement::{SetError, StatementError};
use crate::testing::{NOW, Someone, rng};
use crate::wire::WireError;

/// Why a parcel or what is in it was refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Fault {
    Parcel(#[from] ParcelError),
    Contents(#[from] ContentsError),
}

/// `parcels` are from `ines` to `marc`, one of each kind.
pub(crate) fn parcels(parcels: &[Vec<u8>], ines: &Someone, marc: &Someone) -> Value {
    let (owner, me) = (&ines.authority, marc.id());
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        match parcel::open(bytes, me, &marc.sealing)?.verify(owner)? {
            ParcelBody::Share {
                grant,
                access,
                keys,
            } => {
                parcel::verify_share(grant, access, &keys, owner, me, &(), NOW)?;
            }
            ParcelBody::Keys { slice, keys } => {
                parcel::verify_keys(&keys, slice, |_| true, owner)?;
            }
            ParcelBody::Invite(_)
            | ParcelBody::Request(_)
            | ParcelBody::Contribution(_)
            | ParcelBody::Receipt(_)
            | ParcelBody::Deliver(_)
            | ParcelBody::Notice(_) => {}
        }
        Ok(())
    };
    let [share, keys, invite, ..] = parcels else {
        panic!("a parcel of each kind");
    };
    let mut list = Refusals::of("parcel", read);
    for parcel in parcels {
        assert!((list.read)(parcel).is_ok());
    }
    let opens = is!(Fault::Parcel(ParcelError::Open(OpenError)));
    let mut add = |why, bytes: Vec<u8>| list.add("open", why, &bytes, opens);
    add("no bytes", vec![]);
    add("cut off", keys[..keys.len() - 1].to_vec());
    add("a bit of the ML-KEM half", over(keys, 0, &[keys[0] ^ 1]));
    add(
        "a bit of the X25519 half",
        over(keys, 1088, &[keys[1088] ^ 1]),
    );
    add(
        "a bit of the ciphertext",
        over(keys, 1120, &[keys[1120] ^ 1]),
    );

    let to = marc.sealing.public();
    let context = me.as_bytes();
    let seal = |inside: &[u8]| to.seal(&mut rng(7), domain::PARCEL, context, inside);
    let inside = |parcel: &[u8]| marc.sealing.open(domain::PARCEL, context, parcel).unwrap();
    let edit = |parcel: &[u8], change: &dyn Fn(&mut Item)| seal(&edited(&inside(parcel), change));
    // [[1, sender, device, to, sealing key, body], signature by the device]
    let letter = |parcel: &[u8], change: &dyn Fn(&mut Item)| {
        edit(parcel, &|it| {
            it.signed(domain::LETTER, &ines.device, change)
        })
    };
    let other_context = to.seal(
        &mut rng(7),
        domain::PARCEL,
        ines.id().as_bytes(),
        &inside(keys),
    );
    add("boxed for another person", other_context);
    let other_key = ines.sealing.public();
    let other_key = other_key.seal(&mut rng(7), domain::PARCEL, context, &inside(keys));
    add("boxed to another sealing key", other_key);
    let key_box = to.seal(&mut rng(7), domain::KEY_BOX, context, &inside(keys));
    add("boxed as a key", key_box);

    let malformed = is!(Fault::Parcel(ParcelError::Wire(
        WireError::Malformed { .. }
    )));
    let mut add = |why, bytes: Vec<u8>| list.add("form", why, &bytes, malformed);
    add(
        "a body that is not known",
        letter(keys, &|it| it[5][0] = Item::Number(8)),
    );
    let more = letter(keys, &|it| it[5].list().push(Item::Null));
    list.add(
        "form",
        "a body with a field more",
        &more,
        is!(Fault::Parcel(ParcelError::Wire(WireError::NotCanonical))),
    );
    let trailing = seal(&[&inside(keys)[..], &[0]].concat());
    let too_many = is!(Fault::Parcel(ParcelError::Wire(WireError::Trailing { .. })));
    list.add("form", "a byte after the end inside", &trailing, too_many);
    let version = is!(Fault::Parcel(ParcelError::Wire(WireError::Version {
        got: 2
    })));
    let two = letter(keys, &|it| it[0] = Item::Number(2));
    list.add("version", "version 2 of the letter", &two, version);

    let reader = is!(Fault::Parcel(ParcelError::OtherReader));
    let mut add = |why, bytes: Vec<u8>| list.add("rule", why, &bytes, reader);
    add(
        "a letter to somebody else",
        letter(keys, &|it| it[3] = id(1)),
    );
    add(
        "a letter for another sealing key",
        letter(keys, &|it| it[4] = id(1)),
    );
    let sender = is!(Fault::Parcel(ParcelError::OtherSender { .. }));
    list.add(
        "rule",
        "from somebody else",
        &letter(keys, &|it| it[1] = id(1)),
        sender,
    );
    let stranger = SigningKey::from_seed(&[3; 32]);
    let by_stranger = edit(keys, &|it| {
        it.signed(domain::LETTER, &stranger, |letter| {
            letter[2] = Item::Bytes(stranger.public().to_vec());
        });
    });
    let device = is!(Fault::Parcel(ParcelError::Device(_)));
    list.add("rule", "by a stranger's device", &by_stranger, device);
    let signature = is!(Fault::Parcel(ParcelError::Signature));
    let flipped = edit(keys, &|it| it[1].flip());
    list.add("signature", "a bit of the signature", &flipped, signature);
    let note = edit(keys, &|it| {
        it.signed(domain::RECOVERY_NOTE, &ines.device, |_| ())
    });
    list.add("signature", "signed as a recovery note", &note, signature);

    // [1, slice, [part key...]]
    let other_part = is!(Fault::Contents(ContentsError::OtherPart { index: 0 }));
    let other = letter(keys, &|it| it[5][1] = id(1));
    list.add("rule", "keys of another slice", &other, other_part);
    let other_key = is!(Fault::Contents(ContentsError::Key {
        index: 0,
        error: PartKeyError::Commit
    }));
    let other = letter(keys, &|it| it[5][2][0][2].flip());
    list.add("rule", "a key that was not committed to", &other, other_key);
    // [0, grant, [1, charter bytes, [signed statement...]], [part key...]]
    let unknown = is!(Fault::Contents(ContentsError::Grant(GrantError::Unknown)));
    let other = letter(share, &|it| it[5][1].flip());
    list.add("rule", "a grant that is not there", &other, unknown);
    let another = is!(Fault::Contents(ContentsError::Access(
        AccessError::OtherOwner
    )));
    let other = letter(share, &|it| {
        it[5][2][1].inside(|charter| charter[2][1].flip())
    });
    list.add("rule", "a slice of somebody else", &other, another);
    let forged = is!(Fault::Contents(ContentsError::Access(
        AccessError::Statements(SetError::Statement {
            index: 0,
            error: StatementError::Signature
        })
    )));
    let other = letter(share, &|it| it[5][2][2][0][1].flip());
    list.add(
        "signature",
        "a bit of the grant's signature",
        &other,
        forged,
    );
    let grant = |change: &dyn Fn(&mut Item)| {
        letter(share, &|it| {
            it[5][2][2][0].signed(domain::STATEMENT, &ines.device, |said| {
                change(&mut said[6][1]);
            });
            let id = crypto::hash(domain::STATEMENT_ID, &[it[5][2][2][0][0].bytes()]);
            it[5][1] = Item::Bytes(id.to_vec());
        })
    };
    let audience = is!(Fault::Contents(ContentsError::OtherAudience(_)));
    let other = grant(&|grant| grant[0][1] = id(1));
    list.add("rule", "granted to somebody else", &other, audience);
    let other = grant(&|grant| grant[2] = Item::List(vec![Item::Number(4)]));
    list.add(
        "rule",
        "a key of a part that is not granted",
        &other,
        other_part,
    );
    let early = is!(Fault::Contents(ContentsError::Grant(
        GrantError::NotYet { .. }
    )));
    let other = grant(&|grant| {
        grant[3] = Item::Number(NOW.as_millis() + 600_001);
    });
    list.add(
        "rule",
        "a grant that begins in more than ten minutes",
        &other,
        early,
    );
    let over = is!(Fault::Contents(ContentsError::Grant(
        GrantError::Expired { .. }
    )));
    let other = grant(&|grant| {
        grant[3] = Item::Number(NOW.as_millis() - 2);
        grant[4] = Item::Number(NOW.as_millis());
    });
    list.add("rule", "a grant that is over", &other, over);
    let most = 1024 * 1024 - 4096;
    list.add_size(keys, most, is!(Fault::Parcel(ParcelError::TooLong { .. })));
    // [2, [about, content]]
    let long = letter(invite, &|it| {
        it[5][1][1] = Item::Bytes(vec![0; 60 * 1024 + 1])
    });
    list.add("form", "content of more than 60 KiB", &long, malformed);
    json!(list.cases)
}
