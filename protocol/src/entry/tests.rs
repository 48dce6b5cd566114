//! One entry: sealing, opening, its place in a log, its binding.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use proptest::prelude::*;

use super::header::HeaderWire;
use super::seal::{NONCE_BYTES, encrypt, padme};
use super::*;
use crate::crypto::{Key, SigningKey, domain};
use crate::generation::{ContentKey, PartKey};
use crate::id::{DeviceId, InstallationId, MembershipId};
use crate::testing::{DAY, NOW, Someone, keeps_the_rules};

pub(super) fn story() -> (Someone, PartKey, Vec<Entry>) {
    let ines = Someone::new(1);
    let key = ines.part_key(3, 1);
    let entries = ines.entries(&key, &[b"one", b"two", b"three"]);
    (ines, key, entries)
}

pub(super) fn arrive(entry: &Entry, tip: &LogTip) -> Result<Entry, EntryError> {
    UnverifiedEntry::decode(&entry.to_bytes())?.verify(tip)
}

fn signed(prefix: Prefix, payload: Vec<u8>, signing: &SigningKey) -> Entry {
    let bytes = wire::encode(&prefix);
    let header = Header::new(prefix, bytes, &payload);
    let signature = Some(Signature(signing.sign(domain::ENTRY, &header.bytes)));
    Entry {
        header: SignedHeader { header, signature },
        payload,
    }
}

/// Signs `entry` again under another prefix, as somebody with the log key could.
pub(super) fn spliced(entry: &Entry, log: &LogKey, change: impl FnOnce(&mut Prefix)) -> Entry {
    let mut prefix = entry.prefix().clone();
    change(&mut prefix);
    signed(prefix, entry.payload.clone(), &log.signing)
}

/// Seals `inside` as it is, correctly but for what it holds.
fn sealed(inside: &[u8], key: &ContentKey, log: &LogKey, tip: &LogTip) -> Entry {
    let prefix = Prefix {
        version: V1,
        slice: log.slice,
        part: log.part,
        generation: GenerationId::from_bytes([1; 32]),
        log: log.id(),
        seq: tip.next_seq,
        previous: tip.previous,
        day: 0,
        padded_len: inside.len().try_into().unwrap(),
    };
    let mut payload = [&[0; NONCE_BYTES], inside].concat();
    encrypt(key, &wire::encode(&prefix), &mut payload);
    signed(prefix, payload, &log.signing)
}

/// As it is kept that came inside a stretch.
fn unsigned_entry(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    entry.header.signature = None;
    entry
}

fn entry_wire(entry: &Entry) -> EntryWire {
    wire::decode(&entry.to_bytes(), ENTRY_BYTES_MAX).unwrap()
}

#[test]
fn an_entry_keeps_the_rules_of_the_wire() {
    let (ines, _, entries) = story();
    keeps_the_rules(&entry_wire(&entries[0]), ENTRY_BYTES_MAX);
    let unsigned = EntryWire {
        signature: None,
        ..entry_wire(&entries[0])
    };
    keeps_the_rules(&unsigned, ENTRY_BYTES_MAX);
    for entry in [&entries[0], &unsigned_entry(&entries[0])] {
        let header: HeaderWire =
            wire::decode(&entry.header().to_bytes(), SIGNED_HEADER_BYTES_MAX).unwrap();
        keeps_the_rules(&header, SIGNED_HEADER_BYTES_MAX);
    }
    keeps_the_rules(entries[0].prefix(), HEADER_BYTES_MAX);
    keeps_the_rules(&entries[0].tip_after(), 64);
    keeps_the_rules(
        &Body::new(Some(ines.log(3).bind(&ines.device)), vec![1]),
        4096,
    );
}

#[test]
fn a_log_is_read_in_order() {
    let (ines, key, entries) = story();
    let mut tip = LogTip::START;
    for (entry, content) in entries.iter().zip(["one", "two", "three"]) {
        let arrived = arrive(entry, &tip).unwrap();
        assert_eq!(&arrived, entry);
        let body = arrived.open(&key.key).unwrap();
        assert_eq!(body.content, content.as_bytes());
        let author = (entry.seq() == 0).then(|| ines.author());
        assert_eq!(body.author(), author);
        tip = arrived.tip_after();
    }
    let first = arrive(&entries[0], &tip);
    assert_eq!(
        first,
        Err(EntryError::Replayed {
            got: 0,
            expected: 3
        })
    );
    let skipped = arrive(&entries[2], &entries[0].tip_after());
    assert_eq!(
        skipped,
        Err(EntryError::Gap {
            got: 2,
            expected: 1
        })
    );
}

#[test]
fn a_fork_is_seen_and_needs_a_signature_to_be_one() {
    let (ines, key, entries) = story();
    let other = ines.entries(&key, &[b"one", b"another"]);
    assert_eq!(other[0], entries[0]);
    let after = ines.entries(&key, &[b"changed"])[0].tip_after();
    assert_eq!(arrive(&other[1], &after), Err(EntryError::Fork { seq: 1 }));
    let mut unsigned = other[1].clone();
    unsigned.header.signature = entries[1].header.signature;
    assert_eq!(arrive(&unsigned, &after), Err(EntryError::Signature));
    unsigned.header.signature = None;
    assert_eq!(arrive(&unsigned, &after), Err(EntryError::Unsigned));
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let (_, _, entries) = story();
    let bytes = entries[1].to_bytes();
    let tip = entries[0].tip_after();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let got = UnverifiedEntry::decode(&changed).and_then(|entry| entry.verify(&tip));
        assert!(got.is_err(), "bit {bit}");
    }
}

#[test]
fn a_header_is_verified_before_its_payload_comes() {
    let (_, key, entries) = story();
    let tip = entries[0].tip_after();
    let bytes = entries[1].header().to_bytes();
    let arrived = UnverifiedHeader::decode(&bytes).unwrap();
    assert_eq!(arrived.claimed(), entries[1].prefix());
    let header = arrived.clone().verify(&tip).unwrap();
    assert_eq!((&header, header.to_bytes()), (entries[1].header(), bytes));
    assert_eq!(arrived.assume_verified(), header);
    let (payload, another) = (entries[1].payload(), entries[0].payload());
    assert!(header.matches(payload) && !header.matches(another));
    let entry = header.clone().with_payload(payload.to_vec()).unwrap();
    assert_eq!(entry, entries[1]);
    assert_eq!(entry.open(&key.key).unwrap().content, b"two");

    let joined = |payload: &[u8]| header.clone().with_payload(payload.to_vec()).map(|_| ());
    assert_eq!(joined(another), Err(EntryError::Lengths));
    assert_eq!(joined(&[]), Err(EntryError::Lengths));
    for bit in 0..payload.len() * 8 {
        let mut changed = payload.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(joined(&changed), Err(EntryError::PayloadHash));
    }
}

#[test]
fn a_header_alone_is_refused_like_its_entry() {
    let (ines, key, entries) = story();
    let arrive = |entry: &Entry, tip: &LogTip| {
        UnverifiedHeader::decode(&entry.header().to_bytes())?.verify(tip)
    };
    let tip = entries[0].tip_after();
    let replayed = EntryError::Replayed {
        got: 0,
        expected: 1,
    };
    assert_eq!(arrive(&entries[0], &tip), Err(replayed));
    let gap = EntryError::Gap {
        got: 2,
        expected: 1,
    };
    assert_eq!(arrive(&entries[2], &tip), Err(gap));
    let unsigned = unsigned_entry(&entries[1]);
    assert_eq!(arrive(&unsigned, &tip), Err(EntryError::Unsigned));
    let changed = ines.entries(&key, &[b"changed"])[0].tip_after();
    assert_eq!(
        arrive(&entries[1], &changed),
        Err(EntryError::Fork { seq: 1 })
    );
    let bytes = entries[1].header().to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let got = UnverifiedHeader::decode(&changed).and_then(|header| header.verify(&tip));
        assert!(got.is_err(), "bit {bit}");
    }
    let mut long = bytes;
    long.resize(SIGNED_HEADER_BYTES_MAX + 1, 0);
    let error = WireError::TooLong {
        got: SIGNED_HEADER_BYTES_MAX + 1,
        max: SIGNED_HEADER_BYTES_MAX,
    };
    assert_eq!(
        UnverifiedHeader::decode(&long),
        Err(EntryError::Wire(error))
    );
}

#[test]
fn an_entry_says_the_same_with_a_signature_and_without() {
    let (_, _, entries) = story();
    let read = |entry: &Entry| UnverifiedEntry::decode(&entry.to_bytes()).unwrap();
    let (signed, unsigned) = (read(&entries[1]), read(&unsigned_entry(&entries[1])));
    assert_ne!(signed, unsigned);
    assert!(signed.says_the_same(&unsigned));
    assert!(!signed.says_the_same(&read(&entries[2])));
    let mut other = signed.clone();
    other.payload[0] ^= 1;
    assert!(!signed.says_the_same(&other));
}

#[test]
fn a_wrong_key_opens_nothing_and_says_no_more() {
    let (ines, key, entries) = story();
    for other in [ines.part_key(3, 2), ines.part_key(4, 3)] {
        assert_eq!(entries[0].open(&other.key), Err(EntryError::Unopenable));
    }
    let access = ContentKey::new(key.key.access().key().clone());
    assert_eq!(entries[0].open(&access), Err(EntryError::Unopenable));
}

#[test]
fn what_was_sealed_for_one_place_opens_in_no_other() {
    let (ines, key, entries) = story();
    let log = ines.log(3);
    assert!(spliced(&entries[1], &log, |_| {}).open(&key.key).is_ok());
    let moves: [&dyn Fn(&mut Prefix); 7] = [
        &|prefix| prefix.slice = SliceId::from_bytes([1; 32]),
        &|prefix| prefix.part = PartNumber(4),
        &|prefix| prefix.generation = GenerationId::from_bytes([1; 32]),
        &|prefix| prefix.log = LogId::from_bytes([1; 32]),
        &|prefix| prefix.seq = 2,
        &|prefix| prefix.previous = [1; 32],
        &|prefix| prefix.day += 1,
    ];
    for (index, change) in moves.iter().enumerate() {
        let moved = spliced(&entries[1], &log, change);
        assert_eq!(
            moved.open(&key.key),
            Err(EntryError::Unopenable),
            "move {index}"
        );
    }
    // Nor can another reader with the key pass somebody's ciphertext off as their own.
    let marc = Someone::new(2);
    let his = LogKey {
        signing: marc.device,
        ..log
    };
    let stolen = spliced(&entries[1], &his, |prefix| prefix.log = his.id());
    assert!(arrive(&stolen, &entries[0].tip_after()).is_ok());
    assert_eq!(stolen.open(&key.key), Err(EntryError::Unopenable));
}

#[test]
fn same_inputs_same_bytes_and_any_change_another_nonce() {
    let (ines, key, _) = story();
    let log = ines.log(3);
    let body = Body::new(Some(log.bind(&ines.device)), b"content".to_vec());
    let record = key.record.unverified();
    let params = SealParams {
        slice: record.slice,
        part: record.part,
        generation: key.generation(),
        key: &key.key,
        log: &log,
        tip: &LogTip::START,
        now: NOW,
        body: &body,
    };
    let seal = |params| seal(params).unwrap().0;
    let entry = seal(params);
    assert_eq!(seal(params).to_bytes(), entry.to_bytes());
    let same_day = SealParams {
        now: NOW.plus_millis(1),
        ..params
    };
    assert_eq!(
        seal(same_day).to_bytes(),
        entry.to_bytes(),
        "only the day is written"
    );

    let other_body = Body {
        content: b"contenu".to_vec(),
        ..body.clone()
    };
    let later = LogTip {
        version: V1,
        next_seq: 1,
        previous: [1; 32],
    };
    let further = LogTip {
        previous: [2; 32],
        ..later
    };
    let unbound = Body::new(None, b"content".to_vec());
    let other_key = ContentKey::new(Key::from_bytes([3; 32]));
    let nonces: std::collections::BTreeSet<_> = [
        params,
        SealParams {
            now: NOW.plus_millis(DAY),
            ..params
        },
        SealParams {
            generation: GenerationId::from_bytes([1; 32]),
            ..params
        },
        SealParams {
            key: &other_key,
            ..params
        },
        SealParams {
            body: &other_body,
            ..params
        },
        SealParams {
            tip: &later,
            body: &unbound,
            ..params
        },
        SealParams {
            tip: &further,
            body: &unbound,
            ..params
        },
    ]
    .map(|params| seal(params).payload[..NONCE_BYTES].to_vec())
    .into();
    assert_eq!(nonces.len(), 7);
}

#[test]
fn what_is_not_sealed_by_the_rules_does_not_open() {
    let (_, key, entries) = story();
    let ines = Someone::new(1);
    let (log, tip) = (ines.log(3), entries[0].tip_after());
    let body = wire::encode(&Body::new(None, vec![7; 300]));
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    let padded = padme(4 + body.len());
    let inside = |length: [u8; 4], padded: usize| {
        let mut inside = [length.as_slice(), &body].concat();
        inside.resize(padded, 0);
        inside
    };
    let good = inside(length, padded);
    assert!(padded > 4 + body.len(), "there is padding to play with");
    let open = |inside: &[u8]| {
        sealed(inside, &key.key, &log, &tip)
            .open(&key.key)
            .map(|_| ())
    };
    assert_eq!(open(&good), Ok(()));

    let refused = Err(EntryError::Unopenable);
    let mut hidden = good.clone();
    *hidden.last_mut().unwrap() = 1;
    assert_eq!(open(&hidden), refused, "padding that is not zero");
    assert_eq!(
        open(&inside(length, padme(padded + 1))),
        refused,
        "more padding"
    );
    assert_eq!(
        open(&inside(u32::MAX.to_le_bytes(), padded)),
        refused,
        "a length that lies"
    );
    let longer = (u32::from_le_bytes(length) + 1).to_le_bytes();
    assert_eq!(
        open(&inside(longer, padded)),
        refused,
        "a byte after the body"
    );
    for short in [&b""[..], b"\x01", b"\0\0\0\0"] {
        assert_eq!(open(short), refused);
    }
    // The nonce is part of the seal: a chosen one is refused although the tag holds.
    let mut chosen = sealed(&good, &key.key, &log, &tip);
    let other = [1; NONCE_BYTES];
    let ciphertext = XChaCha20Poly1305::new(key.key.entry_key().as_bytes().into())
        .encrypt(
            &XNonce::from(other),
            Payload {
                msg: &good,
                aad: chosen.header.header.prefix_bytes(),
            },
        )
        .unwrap();
    chosen.payload = [other.as_slice(), &ciphertext].concat();
    let chosen = spliced(&chosen, &log, |_| {});
    assert!(arrive(&chosen, &tip).is_ok());
    assert_eq!(chosen.open(&key.key).map(|_| ()), refused);
}

#[test]
fn a_log_is_bound_to_its_device_in_the_first_entry_and_only_there() {
    let (ines, key, entries) = story();
    let (marc, log) = (Someone::new(2), ines.log(3));
    let right = log.bind(&ines.device);
    let open = |binding: Option<Binding>, tip: &LogTip| {
        let body = wire::encode(&Body::new(binding, Vec::new()));
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        let mut inside = [length.as_slice(), &body].concat();
        inside.resize(padme(inside.len()), 0);
        sealed(&inside, &key.key, &log, tip)
            .open(&key.key)
            .map(|body| body.author())
    };
    let author = Some(ines.author());
    assert_eq!(open(Some(right.clone()), &LogTip::START), Ok(author));
    let refused = Err(EntryError::Binding);
    assert_eq!(open(None, &LogTip::START), refused);
    assert_eq!(open(Some(right.clone()), &entries[0].tip_after()), refused);
    for wrong in [
        ines.log(4).bind(&ines.device),
        LogKey {
            signing: marc.device.clone(),
            ..log.clone()
        }
        .bind(&ines.device),
        Binding {
            device: DeviceId::from_bytes(marc.device.public()),
            ..right.clone()
        },
        Binding {
            membership: marc.author().membership,
            ..right.clone()
        },
        Binding {
            installation: marc.installation,
            ..right.clone()
        },
        Binding {
            by_device: right.by_log,
            ..right.clone()
        },
        Binding {
            by_log: right.by_device,
            ..right
        },
    ] {
        assert_eq!(open(Some(wrong), &LogTip::START), refused);
    }
}

#[test]
fn a_log_key_is_one_admissions_and_installations_in_one_part() {
    let seed = Key::from_bytes([1; 32]);
    let (home, copy) = (
        InstallationId::from_bytes([1; 32]),
        InstallationId::from_bytes([2; 32]),
    );
    let (first, again) = (
        MembershipId::from_bytes([1; 32]),
        MembershipId::from_bytes([2; 32]),
    );
    let (a, b) = (SliceId::from_bytes([1; 32]), SliceId::from_bytes([2; 32]));
    let other = Key::from_bytes([2; 32]);
    let ids: std::collections::BTreeSet<_> = [
        LogKey::derive(&seed, first, home, a, PartNumber(0)).id(),
        LogKey::derive(&seed, again, home, a, PartNumber(0)).id(),
        LogKey::derive(&seed, first, copy, a, PartNumber(0)).id(),
        LogKey::derive(&seed, first, home, b, PartNumber(0)).id(),
        LogKey::derive(&seed, first, home, a, PartNumber(1)).id(),
        LogKey::derive(&other, first, home, a, PartNumber(0)).id(),
    ]
    .into();
    assert_eq!(ids.len(), 6);
}

#[test]
fn the_fullest_entry_travels_and_one_byte_more_is_not_sealed() {
    let (ines, key, _) = story();
    let log = ines.log(3);
    let record = key.record.unverified();
    let with = |length, tip: &LogTip, binding| {
        let body = Body::new(binding, vec![1; length]);
        seal(SealParams {
            slice: record.slice,
            part: record.part,
            generation: key.generation(),
            key: &key.key,
            log: &log,
            tip,
            now: NOW,
            body: &body,
        })
    };
    let binding = Some(log.bind(&ines.device));
    let (entry, tip) = with(CONTENT_BYTES_MAX, &LogTip::START, binding.clone()).unwrap();
    assert!(entry.to_bytes().len() <= ENTRY_BYTES_MAX);
    assert!(entry.header.header.bytes.len() <= HEADER_BYTES_MAX);
    assert!(
        arrive(&entry, &LogTip::START)
            .unwrap()
            .open(&key.key)
            .is_ok()
    );
    let over = CONTENT_BYTES_MAX + 1;
    assert_eq!(
        with(over, &tip, None),
        Err(SealError::TooLong { got: over })
    );
    assert_eq!(with(1, &tip, binding), Err(SealError::Binding));
    assert_eq!(with(1, &LogTip::START, None), Err(SealError::Binding));

    let mut bytes = entry.to_bytes();
    bytes.resize(ENTRY_BYTES_MAX + 1, 0);
    let error = WireError::TooLong {
        got: bytes.len(),
        max: ENTRY_BYTES_MAX,
    };
    assert_eq!(
        UnverifiedEntry::decode(&bytes),
        Err(EntryError::Wire(error))
    );
    let mut long = entry_wire(&entry);
    long.header = vec![0; HEADER_BYTES_MAX + 1];
    let got = UnverifiedEntry::decode(&wire::encode(&long));
    assert!(matches!(
        got,
        Err(EntryError::Wire(WireError::Malformed { .. }))
    ));
}

#[test]
fn a_log_key_seals_in_its_own_part_only() {
    let (ines, key, entries) = story();
    let record = key.record.unverified();
    let got = seal(SealParams {
        slice: record.slice,
        part: record.part,
        generation: key.generation(),
        key: &key.key,
        log: &ines.log(4),
        tip: &entries[0].tip_after(),
        now: NOW,
        body: &Body::new(None, Vec::new()),
    });
    assert_eq!(got, Err(SealError::OtherLog));
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let (ines, _, entries) = story();
    let log = ines.log(3);
    for padded_len in [0, 1, entries[1].prefix().padded_len - 1, u32::MAX] {
        let lying = spliced(&entries[1], &log, |prefix| prefix.padded_len = padded_len);
        assert_eq!(
            arrive(&lying, &entries[0].tip_after()),
            Err(EntryError::Lengths)
        );
    }
    let mut short = entry_wire(&entries[1]);
    short.header.truncate(31);
    assert_eq!(
        UnverifiedEntry::decode(&wire::encode(&short)),
        Err(EntryError::Lengths)
    );
}

proptest! {
    #[test]
    fn padding_is_small_and_padded_lengths_stay(length in 0usize..1_000_000) {
        let padded = padme(length);
        prop_assert!(padded >= length);
        prop_assert!(padded - length <= length * 12 / 100);
        prop_assert_eq!(padme(padded), padded);
    }

    #[test]
    fn any_content_comes_back(content in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let entries = ines.entries(&key, &[&content]);
        let arrived = arrive(&entries[0], &LogTip::START).unwrap();
        prop_assert_eq!(arrived.open(&key.key).unwrap().content, content);
    }
}
