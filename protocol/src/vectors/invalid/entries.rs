//! Entries, stretches of them, headers alone, fork proofs.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde_json::{Value, json};

use super::tree::{Item, edited, id};
use super::{Refusals, is};
use crate::crypto::{self, Key, SigningKey, domain};
use crate::entry::{
    Entry, EntryError, ForkProof, ForkProofError, LogTip, UnverifiedEntry, UnverifiedForkProof,
    UnverifiedHeader, verify_stretch,
};
use crate::generation::{ContentKey, PartKey};
use crate::testing::Someone;
use crate::wire::WireError;

#[expect(clippy::wildcard_enum_match_arm, reason = "only one is asked for")]
const fn form(error: &EntryError) -> Option<&WireError> {
    match error {
        EntryError::Wire(error) => Some(error),
        _ => None,
    }
}

/// Makes entries by the spec's section 6, each step of which can be done wrongly.
struct Maker<'a> {
    key: &'a ContentKey,
    log: SigningKey,
}

impl Maker<'_> {
    /// Seals `inside` under a header with `prefix`, in which the padded length is set right.
    fn entry(&self, prefix: &Item, inside: &[u8]) -> Vec<u8> {
        let mut prefix = prefix.clone();
        prefix[8] = Item::Number(inside.len().try_into().unwrap());
        let prefix = prefix.to_bytes();
        let nonce = crypto::keyed_hash(
            self.key.key().as_bytes(),
            domain::ENTRY_NONCE,
            &[inside, &prefix],
        );
        self.with_nonce(&prefix, inside, nonce[..24].try_into().unwrap())
    }

    fn with_nonce(&self, prefix: &[u8], inside: &[u8], nonce: [u8; 24]) -> Vec<u8> {
        let sealed = XChaCha20Poly1305::new(self.key.entry_key().as_bytes().into())
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: inside,
                    aad: prefix,
                },
            )
            .unwrap();
        let payload = [&nonce[..], &sealed].concat();
        let hash = crypto::hash(domain::ENTRY_PAYLOAD, &[&payload]);
        let header = [prefix, &hash].concat();
        let signature = self.log.sign(domain::ENTRY, &header);
        Item::List(vec![
            Item::Number(1),
            Item::Bytes(header),
            Item::Bytes(signature.to_vec()),
            Item::Bytes(payload),
        ])
        .to_bytes()
    }

    /// Changes a header and signs it again.
    fn header(&self, entry: &mut Item, change: impl FnOnce(&mut Vec<u8>)) {
        change(entry[1].bytes());
        let signature = self.log.sign(domain::ENTRY, entry[1].bytes());
        entry[2] = Item::Bytes(signature.to_vec());
    }
}

/// The key of the log of [`Someone::entries`].
fn log_key(ines: &Someone) -> SigningKey {
    let seed = crypto::keyed_hash(
        ines.device_seed.as_bytes(),
        domain::LOG_KEY,
        &[
            ines.author().membership.as_bytes(),
            ines.installation.as_bytes(),
            ines.slice().id().as_bytes(),
            &3u32.to_le_bytes(),
        ],
    );
    SigningKey::from_seed(&seed)
}

/// The prefix of an entry, to make another one of it.
fn prefix(entry: &Entry) -> Item {
    let mut entry = Item::read(&entry.to_bytes());
    let (prefix, _) = entry[1].bytes().split_last_chunk::<32>().unwrap();
    Item::read(prefix)
}

/// A body with its length before it and zeros after it, `padded` bytes in all.
fn inside(body: &[u8], padded: usize) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    let mut inside = [&length.to_le_bytes()[..], body].concat();
    inside.resize(padded, 0);
    inside
}

/// As the spec says it, for lengths from 4 on.
fn padme(length: usize) -> usize {
    let exponent = length.ilog2();
    length.next_multiple_of(1 << (exponent - exponent.ilog2() - 1))
}

/// `entries` are the first two of a log.
pub(crate) fn entries(entries: &[Entry], key: &PartKey, ines: &Someone) -> Value {
    let maker = Maker {
        key: &key.key,
        log: log_key(ines),
    };
    let read = |tip: LogTip| {
        move |bytes: &[u8]| -> Result<(), EntryError> {
            let entry = UnverifiedEntry::decode(bytes)?.verify(&tip)?;
            entry.open(&key.key).map(|_| ())
        }
    };
    let valid = entries[0].to_bytes();
    let edit = |change: &dyn Fn(&mut Item)| edited(&valid, change);
    let mut list = Refusals::of("first entry", read(LogTip::START));
    list.add_spellings(&valid, Some(256 * 1024), form);

    let malformed = is!(EntryError::Wire(WireError::Malformed { .. }));
    let mut add = |why, bytes: Vec<u8>| list.add("form", why, &bytes, malformed);
    add(
        "a header of 513 bytes",
        edit(&|it| it[1].bytes().resize(513, 0)),
    );
    add("a header without a prefix", edit(&|it| it[1] = id(1)));
    add(
        "a signature of 63 bytes",
        edit(&|it| it[2].bytes().truncate(63)),
    );
    let lengths = is!(EntryError::Lengths);
    let mut add = |why, bytes: Vec<u8>| list.add("form", why, &bytes, lengths);
    add(
        "a header of 31 bytes",
        edit(&|it| it[1].bytes().truncate(31)),
    );
    add(
        "a payload one byte short",
        edit(&|it| {
            let short = it[3].bytes().len() - 1;
            it[3].bytes().truncate(short);
        }),
    );
    add(
        "a payload one byte longer",
        edit(&|it| it[3].bytes().push(0)),
    );
    let (first, body) = (prefix(&entries[0]), entries[0].open(&key.key).unwrap());
    let body = crate::wire::encode(&body);
    let padded = padme(4 + body.len());
    add(
        "a padded length that Padmé does not give",
        maker.entry(&first, &inside(&body, padded + 1)),
    );
    let trailing = edit(&|it| maker.header(it, |header| header.insert(header.len() - 32, 0)));
    list.add(
        "form",
        "a byte after the prefix",
        &trailing,
        is!(EntryError::Wire(WireError::Trailing { .. })),
    );
    let version = edit(&|it| maker.header(it, |header| header[1] = 2));
    list.add(
        "version",
        "version 2 of the prefix",
        &version,
        is!(EntryError::Wire(WireError::Version { got: 2 })),
    );

    let flipped = edit(&|it| it[3].flip());
    list.add(
        "rule",
        "another payload than was signed",
        &flipped,
        is!(EntryError::PayloadHash),
    );
    list.add(
        "rule",
        "not the first",
        &entries[1].to_bytes(),
        is!(EntryError::Gap { .. }),
    );

    let signature = is!(EntryError::Signature);
    let mut add = |why, bytes: Vec<u8>| list.add("signature", why, &bytes, signature);
    add("a bit of the signature", edit(&|it| it[2].flip()));
    let sign = |key: &SigningKey, domain| {
        edit(&|it| {
            let signature = key.sign(domain, it[1].bytes());
            it[2] = Item::Bytes(signature.to_vec());
        })
    };
    add("signed by the device", sign(&ines.device, domain::ENTRY));
    add(
        "signed in another domain",
        sign(&maker.log, domain::LOG_BY_LOG),
    );
    let unsigned = edit(&|it| it[2] = Item::Null);
    list.add(
        "signature",
        "not signed",
        &unsigned,
        is!(EntryError::Unsigned),
    );

    let sealed = is!(EntryError::Unopenable);
    let mut add = |why, bytes: Vec<u8>| list.add("open", why, &bytes, sealed);
    let other = Maker {
        key: &ContentKey::new(Key::from_bytes([0x57; 32])),
        log: log_key(ines),
    };
    add(
        "sealed under another key",
        other.entry(&first, &inside(&body, padded)),
    );
    let nonce = maker.with_nonce(&first.to_bytes(), &inside(&body, padded), [0; 24]);
    add("another nonce than the plaintext gives", nonce);
    let mut long = inside(&body, padded);
    long[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    add("a length beyond the end", maker.entry(&first, &long));
    let mut dirty = inside(&body, padded);
    *dirty.last_mut().unwrap() = 1;
    add("padding that is not zero", maker.entry(&first, &dirty));
    let next = padme(padded + 1);
    add(
        "more padding than the rule gives",
        maker.entry(&first, &inside(&body, next)),
    );
    let sealing = |body: &[u8]| maker.entry(&first, &inside(body, padme(4 + body.len())));
    add("no body", sealing(&[]));
    add(
        "version 2 of the body",
        sealing(&edited(&body, |it| it[0] = Item::Number(2))),
    );
    add(
        "a byte after the body",
        sealing(&[&body[..], &[0]].concat()),
    );

    let binding = is!(EntryError::Binding);
    let unbound = sealing(&edited(&body, |it| it[1] = Item::Null));
    list.add("rule", "a first entry without a binding", &unbound, binding);
    let mut add = |why, change: &dyn Fn(&mut Item)| {
        list.add(
            "signature",
            why,
            &sealing(&edited(&body, |it| change(&mut it[1]))),
            binding,
        );
    };
    // [1, membership, device, installation, by device, by log]
    add("a bit of the device's signature", &|it| it[4].flip());
    add("a bit of the log's signature", &|it| it[5].flip());
    add("bound to another membership", &|it| it[1] = id(1));
    add("bound to another installation", &|it| it[3] = id(1));
    add("the two signatures swapped", &|it| it.list().swap(4, 5));
    let stranger = SigningKey::from_seed(&[3; 32]);
    add("bound to another device", &|it| {
        it[2] = Item::Bytes(stranger.public().to_vec())
    });

    // After both.
    let mut next = Refusals::of("next entry", read(entries[1].tip_after()));
    let mut third = prefix(&entries[1]);
    third[5] = Item::Number(2);
    third[6] = Item::Bytes(entries[1].header_hash().to_vec());
    let plain = Item::List(vec![
        Item::Number(1),
        Item::Null,
        Item::Bytes(b"third".to_vec()),
    ]);
    let plain = plain.to_bytes();
    let plain = inside(&plain, padme(4 + plain.len()));
    assert!((next.read)(&maker.entry(&third, &plain)).is_ok());
    next.add(
        "rule",
        "an entry that is held",
        &valid,
        is!(EntryError::Replayed { .. }),
    );
    let bound = maker.entry(&third, &inside(&body, padded));
    next.add("rule", "a binding in a later entry", &bound, binding);
    third[6] = id(1);
    let fork = maker.entry(&third, &plain);
    next.add("rule", "a fork", &fork, is!(EntryError::Fork { seq: 2 }));
    let alleged = edited(&fork, |it| it[2].flip());
    next.add(
        "signature",
        "a fork that was not signed",
        &alleged,
        signature,
    );
    json!([list.cases, next.cases].concat())
}

/// `entries` are the first three of a log, `other` another history of it from the second on.
pub(crate) fn stretches(
    entries: &[Entry],
    other: &[Entry],
    key: &PartKey,
    ines: &Someone,
) -> Value {
    let maker = Maker {
        key: &key.key,
        log: log_key(ines),
    };
    let read = |bytes: &[u8]| -> Result<(), EntryError> {
        let entries = Item::read(bytes)
            .list()
            .iter_mut()
            .map(|it| UnverifiedEntry::decode(it.bytes()))
            .collect::<Result<_, _>>()?;
        verify_stretch(entries, &LogTip::START).map(|_| ())
    };
    let whole = |entries: &[Vec<u8>]| {
        Item::List(entries.iter().cloned().map(Item::Bytes).collect()).to_bytes()
    };
    let row = |entries: &[&Entry]| {
        whole(
            &entries
                .iter()
                .map(|entry| entry.to_bytes())
                .collect::<Vec<_>>(),
        )
    };
    let [a, b, c] = entries else {
        panic!("three entries")
    };
    let mut list = Refusals::of("stretch", read);
    assert!((list.read)(&row(&[a, b, c])).is_ok());
    list.add(
        "rule",
        "no entries",
        &row(&[]),
        is!(EntryError::EmptyStretch),
    );
    list.add("rule", "a hole", &row(&[a, c]), is!(EntryError::Gap { .. }));
    list.add(
        "rule",
        "one twice",
        &row(&[a, b, b]),
        is!(EntryError::Replayed { .. }),
    );
    list.add(
        "rule",
        "backwards",
        &row(&[c, b, a]),
        is!(EntryError::Gap { .. }),
    );
    list.add(
        "rule",
        "the end of another branch",
        &row(&[a, &other[1], c]),
        is!(EntryError::Broken { seq: 2 }),
    );
    let elsewhere = edited(&b.to_bytes(), |it| {
        maker.header(it, |header| header[3 + 2 + 31] ^= 1)
    });
    let two = whole(&[a.to_bytes(), elsewhere]);
    list.add("rule", "of two slices", &two, is!(EntryError::OtherLog));
    let changed = edited(&b.to_bytes(), |it| it[3].flip());
    let changed = whole(&[a.to_bytes(), changed, c.to_bytes()]);
    list.add(
        "rule",
        "another payload inside",
        &changed,
        is!(EntryError::PayloadHash),
    );
    let unsigned = edited(&c.to_bytes(), |it| it[2] = Item::Null);
    let unsigned = whole(&[a.to_bytes(), b.to_bytes(), unsigned]);
    list.add(
        "signature",
        "the last not signed",
        &unsigned,
        is!(EntryError::Unsigned),
    );
    let moved = edited(&c.to_bytes(), |it| {
        it[2] = Item::read(&b.to_bytes())[2].clone()
    });
    let moved = whole(&[a.to_bytes(), b.to_bytes(), moved]);
    list.add(
        "signature",
        "the last with the signature of another",
        &moved,
        is!(EntryError::Signature),
    );
    let many = ines.entries(key, &[&b""[..]; 129]);
    list.add(
        "rule",
        "129 entries",
        &row(&many.iter().collect::<Vec<_>>()),
        is!(EntryError::StretchEntries { got: 129 }),
    );

    let tip = a.tip_after();
    let read = |bytes: &[u8]| -> Result<(), EntryError> {
        UnverifiedHeader::decode(bytes)?.verify(&tip).map(|_| ())
    };
    let mut alone = Refusals::of("header alone", read);
    let valid = b.header().to_bytes();
    alone.add_spellings(&valid, Some(584), form);
    let null = edited(&valid, |it| it[2] = Item::Null);
    alone.add(
        "form",
        "null for no signature",
        &null,
        is!(EntryError::Wire(WireError::NotCanonical)),
    );
    let unsigned = edited(&valid, |it| drop(it.list().pop()));
    alone.add(
        "signature",
        "not signed",
        &unsigned,
        is!(EntryError::Unsigned),
    );
    alone.add(
        "signature",
        "a bit of the signature",
        &edited(&valid, |it| it[2].flip()),
        is!(EntryError::Signature),
    );
    alone.add(
        "rule",
        "not the next",
        &c.header().to_bytes(),
        is!(EntryError::Gap { .. }),
    );

    let read = |bytes: &[u8]| -> Result<(), ForkProofError> {
        UnverifiedForkProof::decode(bytes)?.verify().map(|_| ())
    };
    let proof = ForkProof::new([b.header()], [other[1].header()]).unwrap();
    let valid = proof.to_bytes();
    let mut forks = Refusals::of("fork proof", read);
    #[expect(clippy::wildcard_enum_match_arm, reason = "only one is asked for")]
    forks.add_spellings(&valid, Some(64 * 1024), |error| match error {
        ForkProofError::Wire(error) => Some(error),
        _ => None,
    });
    // [1, [header...], signature, [header...], signature]
    let swapped = edited(&valid, |it| {
        it.list().swap(1, 3);
        it.list().swap(2, 4);
    });
    forks.add(
        "rule",
        "the higher side first",
        &swapped,
        is!(ForkProofError::Order),
    );
    let same = edited(&valid, |it| {
        (it[3], it[4]) = (it[1].clone(), it[2].clone());
    });
    forks.add(
        "rule",
        "the same side twice",
        &same,
        is!(ForkProofError::Same),
    );
    let header = |it: &mut Item, of: &Entry| {
        let mut of = Item::read(&of.to_bytes());
        (it[3], it[4]) = (Item::List(vec![of[1].clone()]), of[2].clone());
        of[1].bytes().clone()
    };
    let place = edited(&valid, |it| drop(header(it, c)));
    forks.add(
        "rule",
        "two places of the log",
        &place,
        is!(ForkProofError::OtherPlace { .. }),
    );
    let part = Maker {
        key: maker.key,
        log: SigningKey::from_seed(&[3; 32]),
    };
    let elsewhere = edited(&valid, |it| {
        let mut of = prefix(&other[1]);
        of[4] = Item::Bytes(part.log.public().to_vec());
        let mut entry = Item::read(&part.entry(&of, &inside(&[], 4)));
        let signature = entry[2].clone();
        (it[3], it[4]) = (
            Item::List(vec![Item::Bytes(entry[1].bytes().clone())]),
            signature,
        );
    });
    forks.add(
        "rule",
        "of two logs",
        &elsewhere,
        is!(ForkProofError::OtherLog),
    );
    let empty = edited(&valid, |it| it[1] = Item::List(vec![]));
    forks.add(
        "rule",
        "a side without headers",
        &empty,
        is!(ForkProofError::Side(EntryError::EmptyStretch)),
    );
    for (at, why) in [
        (2, "a bit of the first signature"),
        (4, "a bit of the second signature"),
    ] {
        let flipped = edited(&valid, |it| it[at].flip());
        forks.add(
            "signature",
            why,
            &flipped,
            is!(ForkProofError::Side(EntryError::Signature)),
        );
    }
    let broken = edited(&valid, |it| {
        let mut of = Item::read(&c.to_bytes());
        let first = Item::read(&other[1].to_bytes())[1].clone();
        let at = if it[1][0] == first { 1 } else { 3 };
        it[at].list().push(of[1].clone());
        it[at + 1] = of.list().remove(2);
    });
    forks.add(
        "rule",
        "a side that is not a row",
        &broken,
        is!(ForkProofError::Side(EntryError::Broken { .. })),
    );
    json!([list.cases, alone.cases, forks.cases].concat())
}
