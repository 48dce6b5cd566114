//! On seals: what a sealed thing means, to whom, and what shows of it.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::*;
use crate::crypto::Key;
use crate::entry::LogId;
use crate::generation::{ContentKey, PartKey};
use crate::id::SliceId;
use crate::parcel;
use crate::slice::{ContentKind, PartNumber, SliceCharter};

/// Nonce, then what is sealed, then the tag.
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Inès gives Marc the key of what she writes, and Zoé another one under the same record: what Marc reads is nothing
/// to Zoé, who holds "the key" too.
#[test]
fn one_ciphertext_two_meanings() {
    Defence::KeyIsCommitted.stops(|| {
        let ines = Someone::new(1);
        let for_marc = ines.part_key(3, 1);
        let for_zoe = PartKey {
            key: ContentKey::new(Key::from_bytes([7; 32])),
            ..for_marc.clone()
        };
        let taken = |key: &PartKey| {
            let (keys, slice) = ([key.clone()], ines.slice().id());
            parcel::verify_keys(&keys, slice, |_| true, &ines.authority).is_ok()
        };
        assert!(taken(&for_marc));
        let entry = ines.entries(&for_marc, &[b"dinner is at eight"]);
        let reads = |key: &PartKey| entry[0].open(&key.key).is_ok();
        assert!(reads(&for_marc));
        Attack::works_if(taken(&for_zoe) && !reads(&for_zoe))
    });
}

/// What somebody who carries two payloads learns of the second, if they know what the first says.
fn told_by(first: &Entry, known: &[u8], second: &Entry) -> Vec<u8> {
    let sealed = |entry: &Entry| entry.payload()[NONCE_BYTES..].to_vec();
    let (first, second) = (sealed(first), sealed(second));
    let xor = first.iter().zip(&second).map(|(a, b)| a ^ b);
    // The content ends where padding or tag begins, and stands at the same place in both.
    let xor: Vec<u8> = xor.collect();
    let ends = xor[..xor.len() - TAG_BYTES].iter().rposition(|it| *it != 0);
    let begins = (ends.unwrap_or(0) + 1).saturating_sub(known.len());
    let here = &xor[begins..begins + known.len()];
    here.iter().zip(known).map(|(a, b)| a ^ b).collect()
}

/// A device comes back from a copy, keys and all, and writes something else in the same place. Who carries both, and
/// knows the first, reads the second.
#[test]
fn nonce_reuse() {
    const KNOWN: &[u8] = b"we meet at noon, 1";
    const SECRET: &[u8] = b"we meet at dusk, 2";
    Defence::NonceDependsOnContent.stops(|| {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let first = &ines.entries(&key, &[b"begins", KNOWN])[1];
        let again = &ines.entries(&key, &[b"begins", SECRET])[1];
        assert_eq!(first.prefix(), again.prefix());
        Attack::works_if(told_by(first, KNOWN, again) == SECRET)
    });
}

/// A writer's program takes one nonce for all that it seals. Others, who do not look, read it as if nothing were
/// wrong, and who carries it reads along.
#[test]
fn nonce_reuse_by_the_writer() {
    const KNOWN: &[u8] = b"we meet at noon, 1";
    const SECRET: &[u8] = b"we meet at dusk, 2";
    Defence::NonceIsRedone.stops(|| {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let honest = ines.entries(&key, &[b"begins", KNOWN]);
        let first = careless(&honest[1], KNOWN, &key.key, &ines.log(3));
        let honest = ines.entries(&key, &[b"begins", SECRET]);
        let second = careless(&honest[1], SECRET, &key.key, &ines.log(3));
        let tip = honest[0].tip_after();
        let [first, second] = [first, second].map(|bytes| arrives(&bytes, &tip).unwrap());
        let read = [&first, &second].map(|entry| entry.open(&key.key).is_ok());
        Attack::works_if(read == [true, true] && told_by(&first, KNOWN, &second) == SECRET)
    });
}

/// The same entry as by the rules, but for its nonce.
fn careless(entry: &Entry, content: &[u8], key: &ContentKey, log: &LogKey) -> Vec<u8> {
    let nonce = XNonce::from([9; NONCE_BYTES]);
    let body = wire::encode(&crate::entry::Body::new(None, content.to_vec()));
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    let mut inside = [&length[..], &body].concat();
    inside.resize(entry.prefix().padded_len.try_into().unwrap(), 0);
    let aad = &wire::encode(entry.prefix());
    let cipher = XChaCha20Poly1305::new(key.entry_key().as_bytes().into());
    let sealed = cipher.encrypt(&nonce, Payload { msg: &inside, aad });
    let payload = [&nonce[..], &sealed.unwrap()].concat();
    signed_over(&payload, entry.prefix(), log)
}

/// Zoé may write where Inès writes, and was not given the key. She signs what Inès has sealed as an entry of her own.
#[test]
fn re_signing() {
    Defence::PlaceInSeal.stops(|| {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let sealed = &ines.entries(&key, &[b"begins", b"my vote is yes"])[1];
        let (log, tip) = zoes_log(ines.slice().id());
        let prefix = Prefix {
            log: log.id(),
            previous: tip.previous,
            ..sealed.prefix().clone()
        };
        let stolen = signed_over(sealed.payload(), &prefix, &log);
        Attack::works_if(says(&stolen, &tip, &key.key, b"my vote is yes"))
    });
}

/// Two slices have come to one key (a copied machine drew it twice). What Inès sealed for one turns up in the other,
/// by somebody who writes there and has no key.
#[test]
fn cross_slice_splicing() {
    Defence::PlaceInSeal.stops(|| {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let sealed = &ines.entries(&key, &[b"begins", b"to my doctor only"])[1];
        let (other, part) = (another_slice(&ines).id(), PartNumber(5));
        let same = PartKey::generate(&mut rng(1), ines.issuer(), other, part, &[], Vec::new());
        assert_eq!(same.key, key.key);
        let (log, tip) = zoes_log(other);
        let prefix = Prefix {
            slice: other,
            part,
            generation: same.generation(),
            log: log.id(),
            previous: tip.previous,
            ..sealed.prefix().clone()
        };
        let spliced = signed_over(sealed.payload(), &prefix, &log);
        Attack::works_if(says(&spliced, &tip, &same.key, b"to my doctor only"))
    });
}

/// Whether what Zoé has signed as the next entry of her log says this to who holds the key.
fn says(forged: &[u8], tip: &LogTip, key: &ContentKey, content: &[u8]) -> bool {
    let entry = arrives(forged, tip).expect("she holds the log's key");
    entry.open(key).is_ok_and(|body| body.content == content)
}

/// A log of Zoé's in which she has written one entry.
fn zoes_log(slice: SliceId) -> (LogKey, LogTip) {
    let zoe = Someone::new(3);
    let (seed, author) = (&zoe.device_seed, zoe.author().membership);
    let log = LogKey::derive(seed, author, zoe.installation, slice, PartNumber(3));
    let tip = LogTip {
        next_seq: 1,
        previous: [5; 32],
        ..LogTip::START
    };
    (log, tip)
}

fn another_slice(ines: &Someone) -> SliceCharter {
    let root = ines.authority.root_key();
    let kind = ContentKind::Projection;
    SliceCharter::of_person(kind, ines.id(), [8; 32], &ines.device_seed, 1, &root)
}

/// Who carries two slices of Inès's, knows nobody, and opens nothing, looks for what they have in common.
#[test]
fn metadata() {
    Defence::LogKeyOfOnePart.stops(|| {
        let ines = Someone::new(1);
        let log_in = |slice: SliceId| -> LogId {
            let (seed, author) = (&ines.device_seed, ines.author().membership);
            LogKey::derive(seed, author, ines.installation, slice, PartNumber(3)).id()
        };
        let (one, other) = (ines.slice(), another_slice(&ines));
        assert_ne!(one.id(), other.id());
        Attack::works_if(log_in(one.id()) == log_in(other.id()))
    });
}
