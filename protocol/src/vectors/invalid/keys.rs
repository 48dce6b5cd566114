//! Part keys, batches, key objects, recovery boxes.

use serde_json::{Value, json};

use super::tree::{Item, edited, id};
use super::{Refusals, is, over};
use crate::crypto::{self, Key, OpenError, SealingSecret, domain};
use crate::generation::{GenerationBatch, GenerationError, PartKey, PartKeyError};
use crate::principal::phrase;
use crate::recovery::{self, RecoveryError, RecoveryPart};
use crate::ring::{KeyObject, KeyObjectError, Opener, RingKey, Target};
use crate::testing::{Someone, rng};
use crate::wire::{self, WireError};

/// Why one of these was refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum Fault {
    Wire(#[from] WireError),
    Generation(#[from] GenerationError),
    PartKey(#[from] PartKeyError),
    Object(#[from] KeyObjectError),
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only one is asked for")]
const fn form(fault: &Fault) -> Option<&WireError> {
    match fault {
        Fault::Wire(error) => Some(error),
        _ => None,
    }
}

/// `count` different ids in rising order.
fn ids(count: u8) -> Item {
    Item::List((0..count).map(id).collect())
}

/// The batch's root over one record.
fn alone(record: &mut Item) -> Item {
    Item::Bytes(crypto::hash(domain::BATCH_LEAF, &[record.bytes()]).to_vec())
}

pub(crate) fn part_keys(key: &PartKey, ines: &Someone) -> Value {
    let valid = wire::encode(key);
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        let key: PartKey = wire::decode(bytes, 4096)?;
        key.verify(&ines.authority)?;
        Ok(())
    };
    // [1, [record bytes, [head bytes, signature], index, path], K]
    let head = |key: &mut Item, change: fn(&mut Item)| {
        key[1][1].signed(domain::BATCH, &ines.device, change);
    };
    let record = |key: &mut Item, change: fn(&mut Item)| {
        key[1][0].inside(change);
        let root = alone(&mut key[1][0]);
        key[1][1].signed(domain::BATCH, &ines.device, |head| head[4] = root);
    };
    let edit = |change: &dyn Fn(&mut Item)| edited(&valid, change);
    let mut list = Refusals::of("part key", read);
    list.add_spellings(&valid, None, form);

    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    let mut add = |why, bytes: Vec<u8>| list.add("form", why, &bytes, malformed);
    add(
        "version 2 of the record",
        edit(&|key| record(key, |it| it[0] = Item::Number(2))),
    );
    add(
        "version 2 of the head",
        edit(&|key| head(key, |it| it[0] = Item::Number(2))),
    );
    add("17 parents", edit(&|key| record(key, |it| it[3] = ids(17))));
    add("17 key ids", edit(&|key| head(key, |it| it[3] = ids(17))));
    add("17 hashes", edit(&|key| key[1][3] = ids(17)));
    add(
        "a part above 32 bits",
        edit(&|key| record(key, |it| it[2] = Item::Number(1 << 32))),
    );
    add(
        "a key of 31 bytes",
        edit(&|key| key[2] = Item::Bytes(vec![0; 31])),
    );
    add(
        "a signature of 63 bytes",
        edit(&|key| key[1][1][1] = Item::Bytes(vec![0; 63])),
    );
    add("null for the index", edit(&|key| key[1][2] = Item::Null));

    let other_issuer = is!(Fault::PartKey(PartKeyError::Generation(
        GenerationError::Issuer { .. }
    )));
    let stranger = edit(&|key| {
        let stranger = crypto::SigningKey::from_seed(&[3; 32]);
        key[1][1].signed(domain::BATCH, &stranger, |head| {
            head[2] = Item::Bytes(stranger.public().to_vec());
        });
    });
    list.add("rule", "by a stranger's device", &stranger, other_issuer);
    let other_admission = edit(&|key| head(key, |it| it[1] = id(1)));
    list.add(
        "rule",
        "by another admission",
        &other_admission,
        other_issuer,
    );

    let head_order = is!(Fault::PartKey(PartKeyError::Generation(
        GenerationError::Head
    )));
    let mut add = |why, bytes: Vec<u8>| list.add("rule", why, &bytes, head_order);
    add(
        "key ids out of order",
        edit(&|key| head(key, |it| it[3] = Item::List(vec![id(2), id(1)]))),
    );
    add(
        "a key id twice",
        edit(&|key| head(key, |it| it[3] = Item::List(vec![id(1), id(1)]))),
    );

    let parents = is!(Fault::PartKey(PartKeyError::Generation(
        GenerationError::Parents
    )));
    let mut add = |why, bytes: Vec<u8>| list.add("rule", why, &bytes, parents);
    add(
        "parents out of order",
        edit(&|key| record(key, |it| it[3] = Item::List(vec![id(2), id(1)]))),
    );
    add(
        "a parent twice",
        edit(&|key| record(key, |it| it[3] = Item::List(vec![id(1), id(1)]))),
    );

    let place = is!(Fault::PartKey(PartKeyError::Generation(
        GenerationError::Batch
    )));
    let mut add = |why, bytes: Vec<u8>| list.add("rule", why, &bytes, place);
    add(
        "a batch of none",
        edit(&|key| head(key, |it| it[5] = Item::Number(0))),
    );
    add(
        "a batch of two without a path",
        edit(&|key| head(key, |it| it[5] = Item::Number(2))),
    );
    add(
        "an index that is not below the count",
        edit(&|key| key[1][2] = Item::Number(1)),
    );
    add("a hash too many", edit(&|key| key[1][3] = ids(1)));
    add("another root", edit(&|key| head(key, |it| it[4].flip())));

    let signature = is!(Fault::PartKey(PartKeyError::Generation(
        GenerationError::Signature
    )));
    let flipped = edit(&|key| key[1][1][1].flip());
    list.add("signature", "a bit of the signature", &flipped, signature);
    let elsewhere = edit(&|key| key[1][1].signed(domain::CONSENT, &ines.device, |_| ()));
    list.add(
        "signature",
        "signed in another domain",
        &elsewhere,
        signature,
    );

    let committed = is!(Fault::PartKey(PartKeyError::Commit));
    let other = edit(&|key| key[2].flip());
    list.add(
        "rule",
        "another key than was committed to",
        &other,
        committed,
    );
    let other = edit(&|key| record(key, |it| it[2] = Item::Number(4)));
    list.add(
        "rule",
        "a commitment to the key of another part",
        &other,
        committed,
    );
    json!(list.cases)
}

pub(crate) fn batches(batch: &GenerationBatch, ines: &Someone) -> Value {
    let valid = batch.to_bytes();
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        let batch = GenerationBatch::decode(bytes)?;
        batch.verify(&ines.authority)?;
        Ok(())
    };
    let edit = |change: &dyn Fn(&mut Item)| edited(&valid, change);
    let mut list = Refusals::of("batch", read);
    list.add_spellings(&valid, Some(1024 * 1024 - 4096), form);

    // [1, [head bytes, signature], [record bytes...], [wrap...]]
    let other_records = is!(Fault::Generation(GenerationError::Batch));
    let mut add = |why, bytes: Vec<u8>| list.add("rule", why, &bytes, other_records);
    let without = |at: usize| {
        edit(&move |batch: &mut Item| {
            batch[2].list().remove(at);
            batch[3].list().remove(at);
        })
    };
    add("without its first record", without(0));
    add("without its last record", without(4));
    add(
        "a record twice",
        edit(&|batch| {
            let (record, wrap) = (batch[2][4].clone(), batch[3][4].clone());
            batch[2].list().push(record);
            batch[3].list().push(wrap);
        }),
    );
    add(
        "two records swapped",
        edit(&|batch| batch[2].list().swap(1, 2)),
    );
    add(
        "a record changed",
        edit(&|batch| batch[2][3].inside(|record| record[4].flip())),
    );

    let unsorted = edit(&|batch| {
        batch[2][3].inside(|record| record[3] = Item::List(vec![id(2), id(1)]));
        let leaves: Vec<_> = batch[2].list().iter_mut().map(alone).collect();
        let node = |left: &Item, right: &Item| {
            let (mut left, mut right) = (left.clone(), right.clone());
            let hash = crypto::hash(domain::BATCH_NODE, &[left.bytes(), right.bytes()]);
            Item::Bytes(hash.to_vec())
        };
        let four = node(&node(&leaves[0], &leaves[1]), &node(&leaves[2], &leaves[3]));
        let root = node(&four, &leaves[4]);
        batch[1].signed(domain::BATCH, &ines.device, |head| head[4] = root);
    });
    let parents = is!(Fault::Generation(GenerationError::Parents));
    list.add("rule", "parents out of order", &unsorted, parents);
    let head = is!(Fault::Generation(GenerationError::Head));
    let two_keys = edit(&|batch| {
        let two = Item::List(vec![id(1), id(2)]);
        batch[1].signed(domain::BATCH, &ines.device, |head| head[3] = two);
    });
    list.add("rule", "wraps under one of two keys", &two_keys, head);
    let no_key = edit(&|batch| {
        batch[1].signed(domain::BATCH, &ines.device, |head| {
            head[3] = Item::List(vec![])
        });
    });
    list.add("rule", "wraps under no key", &no_key, head);

    let wraps = is!(Fault::Wire(WireError::Malformed { .. }));
    let fewer = edit(&|batch| batch[3].list().truncate(4));
    list.add("form", "a wrap too few", &fewer, wraps);
    let short = edit(&|batch| batch[3][0].bytes().truncate(47));
    list.add("form", "a wrap of 47 bytes", &short, wraps);
    json!(list.cases)
}

/// `object` is a wrap under `ring`, `boxed` a box for `secret`, both of the key of `target`.
pub(crate) fn key_objects(
    wrapped: &KeyObject,
    boxed: &KeyObject,
    target: &Target,
    ring: &RingKey,
    secret: &SealingSecret,
) -> Value {
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        let object = KeyObject::decode(bytes)?;
        let opener = match Item::read(bytes)[3][0] {
            Item::Number(0) => Opener::Ring(ring),
            _ => Opener::Sealing(secret),
        };
        object.open(opener, target)?;
        Ok(())
    };
    let (wrapped, boxed) = (wire::encode(wrapped), wire::encode(boxed));
    let mut list = Refusals::of("key object, kind 0", read);
    list.add_spellings(&wrapped, None, form);
    list.add_spellings(&boxed, None, form);

    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    let mut add = |why, bytes: Vec<u8>| list.add("form", why, &bytes, malformed);
    add(
        "a form that is not known",
        edited(&wrapped, |it| it[3][0] = Item::Number(2)),
    );
    add(
        "a wrap of 49 bytes",
        edited(&wrapped, |it| it[3][1].bytes().push(0)),
    );
    add(
        "a box of 1167 bytes",
        edited(&boxed, |it| it[3][1].bytes().truncate(1167)),
    );
    add(
        "a tag of 15 bytes",
        edited(&boxed, |it| it[2].bytes().truncate(15)),
    );

    let other = is!(Fault::Object(KeyObjectError::OtherTarget));
    list.add(
        "rule",
        "of another key",
        &edited(&wrapped, |it| it[1].flip()),
        other,
    );

    let opens = is!(Fault::Object(KeyObjectError::Open(OpenError)));
    let mut add = |why, bytes: Vec<u8>| list.add("open", why, &bytes, opens);
    add(
        "a bit of the wrap's tag",
        edited(&wrapped, |it| it[3][1].flip()),
    );
    add(
        "a bit of the box's tag",
        edited(&boxed, |it| it[3][1].flip()),
    );
    add(
        "a bit of the ML-KEM half",
        edited(&boxed, |it| it[3][1].bytes()[0] ^= 1),
    );
    add(
        "a bit of the X25519 half",
        edited(&boxed, |it| it[3][1].bytes()[1088] ^= 1),
    );
    let seal = |context: Vec<Item>, key: &Key| {
        let context = Item::List(context).to_bytes();
        let bytes = secret
            .public()
            .seal(&mut rng(7), domain::KEY_BOX, &context, key.as_bytes());
        edited(&boxed, |it| it[3][1] = Item::Bytes(bytes))
    };
    let ids = |bytes: &[u8; 32]| Item::Bytes(bytes.to_vec());
    let context = vec![
        Item::Number(target.kind().into()),
        ids(target.id()),
        ids(&target.commitment()),
        ids(secret.public().id().as_bytes()),
    ];
    let false_key = Key::from_bytes([0x57; 32]);
    add(
        "another key than was committed to",
        seal(context.clone(), &false_key),
    );
    let mut moved = context;
    moved[0] = Item::Number(1);
    add("boxed as another kind of key", seal(moved, &false_key));
    json!(list.cases)
}

pub(crate) fn recovery_boxes(boxed: &[u8], ines: &Someone) -> Value {
    let (words, part) = (phrase::keys(&[1; 64]), RecoveryPart::of_phrase(&[1; 64]));
    let read = |bytes: &[u8]| -> Result<(), RecoveryError> {
        recovery::open(bytes, &words, &part.id)?.verify(&ines.authority, &words)?;
        Ok(())
    };
    let mut list = Refusals::of("recovery box", read);
    let long = is!(RecoveryError::TooLong { .. });
    list.add_size(boxed, 40 * 1024, long);
    let opens = is!(RecoveryError::Open(OpenError));
    let mut add = |why, bytes: Vec<u8>| list.add("open", why, &bytes, opens);
    add("no bytes", vec![]);
    add("cut off", boxed[..boxed.len() - 1].to_vec());
    add("a bit of the ML-KEM half", over(boxed, 0, &[boxed[0] ^ 1]));
    add(
        "a bit of the X25519 half",
        over(boxed, 1088, &[boxed[1088] ^ 1]),
    );
    add(
        "a bit of the ciphertext",
        over(boxed, 1120, &[boxed[1120] ^ 1]),
    );

    // [note bytes, signature]
    let inside = words
        .recovery
        .open(domain::RECOVERY_BOX, &part.id, boxed)
        .unwrap();
    let to = words.recovery.public();
    let seal = |inside: &[u8]| to.seal(&mut rng(7), domain::RECOVERY_BOX, &part.id, inside);
    let edit = |change: &dyn Fn(&mut Item)| seal(&edited(&inside, change));
    let signed = |change: &dyn Fn(&mut Item)| {
        edit(&|it| it.signed(domain::RECOVERY_NOTE, &ines.device, change))
    };
    let elsewhere = to.seal(&mut rng(7), domain::RECOVERY_BOX, &[1; 32], &inside);
    list.add("open", "of another part", &elsewhere, opens);
    let parcel = to.seal(&mut rng(7), domain::PARCEL, &part.id, &inside);
    list.add("open", "boxed as a parcel", &parcel, opens);

    let malformed = is!(RecoveryError::Wire(WireError::Malformed { .. }));
    let mut add = |why, bytes: Vec<u8>| list.add("form", why, &bytes, malformed);
    let address = || Item::Text("a".to_owned());
    add(
        "17 addresses",
        signed(&|it| it[10] = Item::List(vec![address(); 17])),
    );
    let long = Item::Text("a".repeat(129));
    add(
        "an address of 129 bytes",
        signed(&|it| it[10] = Item::List(vec![long.clone()])),
    );
    add(
        "1025 access keys",
        signed(&|it| it[9] = Item::List(vec![id(1); 1025])),
    );
    let trailing = seal(&[&inside[..], &[0]].concat());
    list.add(
        "form",
        "a byte after the end inside",
        &trailing,
        is!(RecoveryError::Wire(WireError::Trailing { .. })),
    );
    let version = is!(RecoveryError::Wire(WireError::Version { got: 2 }));
    list.add(
        "version",
        "version 2",
        &signed(&|it| it[0] = Item::Number(2)),
        version,
    );

    let other = is!(RecoveryError::OtherPerson { .. });
    list.add(
        "rule",
        "about somebody else",
        &signed(&|it| it[1] = id(1)),
        other,
    );
    let device = is!(RecoveryError::Device(_));
    list.add(
        "rule",
        "by another admission",
        &signed(&|it| it[2] = id(1)),
        device,
    );
    let stranger = crypto::SigningKey::from_seed(&[3; 32]);
    let public = Item::Bytes(stranger.public().to_vec());
    let by_stranger = edit(&|it| {
        it.signed(domain::RECOVERY_NOTE, &stranger, |note| {
            note[3] = public.clone()
        });
    });
    list.add("rule", "by a stranger's device", &by_stranger, device);

    let signature = is!(RecoveryError::Signature);
    list.add(
        "signature",
        "a bit of the signature",
        &edit(&|it| it[1].flip()),
        signature,
    );
    let letter = edit(&|it| it.signed(domain::LETTER, &ines.device, |_| ()));
    list.add("signature", "signed as a letter", &letter, signature);
    json!(list.cases)
}
