//! What every reader must refuse: the lists `invalid` of the vectors.
//!
//! Each case has the bytes (or text), a sentence that says what is wrong with them, and the kind
//! of refusal, a word that other implementations share. Here each is proved to be refused for
//! the very reason meant; `tests/interop/` proves it again in Python.

use std::fmt::Debug;

use bech32::{Bech32, Bech32m, ByteIterExt as _, Fe32, Fe32IterExt as _, Hrp};
use serde_json::{Value, json};

use super::{hex, unhex};
use crate::card::{Card, ShareLink, TextError};
use crate::crypto;
use crate::id::{DeviceId, IdError, PersonId};
use crate::slice::SliceCharter;
use crate::wire::{self, WireError};

mod circles;
mod control;
mod entries;
mod grants;
mod invites;
mod keys;
mod parcels;
mod principals;
mod returning;
pub(super) mod tree;

pub(super) use circles::{circles, second_roots};
pub(super) use control::controls;
pub(super) use entries::{entries, stretches};
pub(super) use grants::accesses;
pub(super) use invites::invites;
pub(super) use keys::{batches, key_objects, part_keys, recovery_boxes};
pub(super) use parcels::parcels;
pub(super) use principals::{authorities, statements};
pub(super) use returning::returns;
use tree::{Item, edited};

/// Whether an error is this one.
macro_rules! is {
    ($pattern:pat) => {
        |error: &_| matches!(error, $pattern)
    };
}

use is;

/// The refused cases of one object, read by `read`.
struct Refusals<R> {
    object: &'static str,
    read: R,
    cases: Vec<Value>,
}

impl<R> Refusals<R> {
    const fn of(object: &'static str, read: R) -> Self {
        Self {
            object,
            read,
            cases: Vec::new(),
        }
    }

    /// Adds a case, once it was refused as `expected`.
    #[track_caller]
    fn add<T, E: Debug>(
        &mut self,
        kind: &str,
        why: &str,
        bytes: &[u8],
        expected: impl Fn(&E) -> bool,
    ) where
        R: Fn(&[u8]) -> Result<T, E>,
    {
        self.check(why, bytes, expected);
        self.cases.push(json!({
            "object": self.object,
            "kind": kind,
            "why": why,
            "bytes": hex(bytes),
        }));
    }

    #[track_caller]
    fn check<T, E: Debug>(&self, why: &str, bytes: &[u8], expected: impl Fn(&E) -> bool)
    where
        R: Fn(&[u8]) -> Result<T, E>,
    {
        let Err(error) = (self.read)(bytes) else {
            panic!("{}, {why}: was accepted", self.object);
        };
        assert!(expected(&error), "{}, {why}: {error:?}", self.object);
    }

    /// Adds what holds for every array that starts with its version, at the example of `valid`.
    #[track_caller]
    fn add_spellings<T, E: Debug>(
        &mut self,
        valid: &[u8],
        most: Option<usize>,
        inner: impl Fn(&E) -> Option<&WireError>,
    ) where
        R: Fn(&[u8]) -> Result<T, E>,
    {
        assert!((self.read)(valid).is_ok(), "{} is no example", self.object);
        let form = |error: &E| {
            matches!(
                inner(error),
                Some(WireError::Malformed { .. } | WireError::NotCanonical)
            )
        };
        let (head, rest) = valid.split_first().expect("not empty");
        let fields = head & 0x1f;
        assert_eq!(*head, 0x80 | fields, "a short array");

        self.add("form", "no bytes", &[], form);
        self.add("form", "cut off", &valid[..valid.len() - 1], form);
        self.add(
            "form",
            "a byte after the end",
            &[valid, &[0]].concat(),
            |error| matches!(inner(error), Some(WireError::Trailing { count: 1 })),
        );
        let longer = [&[0x98, fields], rest].concat();
        self.add("form", "a longer head of the array", &longer, form);
        let endless = [&[0x9f], rest, &[0xff]].concat();
        self.add("form", "an array of indefinite length", &endless, form);
        let more = [&[head + 1], rest, &[0xf6]].concat();
        self.add("form", "a field more", &more, form);
        self.add("form", "a tag", &[&[0xc1], valid].concat(), form);
        if rest[0] == 1 {
            let version = |error: &E, expected| matches!(inner(error), Some(WireError::Version { got }) if *got == expected);
            let two = [&[*head, 2], &rest[1..]].concat();
            self.add("version", "version 2", &two, |error| version(error, 2));
            let none = [&[*head, 0], &rest[1..]].concat();
            self.add("version", "version 0", &none, |error| version(error, 0));
            let longer = [&[*head, 0x18, 1], &rest[1..]].concat();
            self.add("form", "a longer spelling of the version", &longer, form);
        }
        if let Some(most) = most {
            self.add_size(valid, most, |error| {
                matches!(inner(error), Some(WireError::TooLong { max, .. }) if *max == most)
            });
        }
    }

    /// Adds a case that ends in many zeros, without writing them all out.
    #[track_caller]
    fn add_zeros<T, E: Debug>(
        &mut self,
        kind: &str,
        why: &str,
        bytes: &[u8],
        expected: impl Fn(&E) -> bool,
    ) where
        R: Fn(&[u8]) -> Result<T, E>,
    {
        self.check(why, bytes, expected);
        let zeros = bytes.iter().rev().take_while(|byte| **byte == 0).count();
        self.cases.push(json!({
            "object": self.object,
            "kind": kind,
            "why": why,
            "bytes": hex(&bytes[..bytes.len() - zeros]),
            "then_zeros": zeros,
        }));
    }

    /// Adds one byte more than the `most` there may be, without writing them all out.
    #[track_caller]
    fn add_size<T, E: Debug>(&mut self, valid: &[u8], most: usize, expected: impl Fn(&E) -> bool)
    where
        R: Fn(&[u8]) -> Result<T, E>,
    {
        let zeros = most + 1 - valid.len();
        self.check("too long", &[valid, &vec![0; zeros]].concat(), expected);
        self.cases.push(json!({
            "object": self.object,
            "kind": "size",
            "why": "a byte longer than the longest",
            "bytes": hex(valid),
            "then_zeros": zeros,
        }));
    }
}

/// For [`Refusals::add_spellings`] of what gives no other error.
const fn itself(error: &WireError) -> Option<&WireError> {
    Some(error)
}

/// Returns `bytes` with `new` written over what is at `at`.
fn over(bytes: &[u8], at: usize, new: &[u8]) -> Vec<u8> {
    [&bytes[..at], new, &bytes[at + new.len()..]].concat()
}

/// Returns `bytes` with `new` in place of the bytes of `range`.
fn instead(bytes: &[u8], range: std::ops::Range<usize>, new: &[u8]) -> Vec<u8> {
    [&bytes[..range.start], new, &bytes[range.end..]].concat()
}

/// Public key and signature over `message` in [`OLD_DOMAIN`], made by hand with the
/// arithmetic of the curve: libraries differ about them.
const STRANGE_AND_VALID: [(&str, &str); 1] = [(
    "the public key has a part of order 8, and the equation holds without a cofactor",
    "1f4f580e73ac208f06760190e9edc6f5916775dabd9c1cdca393175c2d6d1083bb1cbd888b64d817f585342cb4569b8cf96c4960d407cdc045300ec6f6fd57507a759acddf0c79702b41753f3fa8ef39b0252945ea58d58befedfab987fae90d",
)];
const STRANGE_AND_INVALID: [(&str, &str); 9] = [
    (
        "R has a part of order 8: the equation holds with a cofactor only",
        "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c6a84d583f06569edb3f5ed77df65544b27d6948b4f0b2cb76f33dd8413b207196b2b957178cf8f4f554e793151cfcd2a70865cd3ab0b6a55edb74440a848570b",
    ),
    (
        "the public key has a part of order 8: the equation holds with a cofactor only",
        "1f4f580e73ac208f06760190e9edc6f5916775dabd9c1cdca393175c2d6d10832442a7443a18bb9048b7b02f269a0c763dc65137b7cedf4cf800a9b7bcbdedc7de66d3821b5f1bafe5c4317783cfb599e2ca2616b2eb3421ec3ce851c1c79000",
    ),
    (
        "S is not below the order of the group",
        "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c7767a3242dc9b58bbc68488c1265cc6cc5f26c6f3c88a5d55e901b0734dca5728048249722102d4a3c1b460b024f2fa708005dd2706323a3c63c26c56dfd231c",
    ),
    (
        "a public key of order 8",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037aa40c14a3f468270ca01b8412b6f2dda4092c569e6acb005ace21092295223288df0a1feb8ca954ab000000000000000000000000000000000000000000000000",
    ),
    (
        "a public key of order 4",
        "0000000000000000000000000000000000000000000000000000000000000080b170f62b5bdcf91846b7ab49872bc362e39b9e8dc42b653d7a04a20dad56a939db0a1feb8ca954ab000000000000000000000000000000000000000000000000",
    ),
    (
        "the identity as public key",
        "01000000000000000000000000000000000000000000000000000000000000002442a7443a18bb9048b7b02f269a0c763dc65137b7cedf4cf800a9b7bcbdedc7d30a1feb8ca954ab000000000000000000000000000000000000000000000000",
    ),
    (
        "the identity as public key, in another spelling",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f7767a3242dc9b58bbc68488c1265cc6cc5f26c6f3c88a5d55e901b0734dca572d20a1feb8ca954ab000000000000000000000000000000000000000000000000",
    ),
    (
        "the identity as R",
        "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c0100000000000000000000000000000000000000000000000000000000000000cfdd071d66f3cabe0685ccbe1bc22108a6ce0a61ed5427607e644aec6bafd809",
    ),
    (
        "the identity as R, in another spelling",
        "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22ceeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f627e24eb2df6400ac9c820b76393c4593551b7d9cfb4db59663a23cfe56efb0f",
    ),
];
const MESSAGE: &[u8] = b"message";
/// The domain of the signatures above. Nothing else is signed in it.
pub(super) const OLD_DOMAIN: &str = "maille/1/grant";

/// Reads a public key, a signature in [`OLD_DOMAIN`] and what was signed.
fn signature(bytes: &[u8]) -> Result<(), crypto::BadSignature> {
    let (public, rest) = bytes.split_first_chunk().expect("a public key");
    let (signature, message) = rest.split_first_chunk().expect("a signature");
    crypto::verify(public, OLD_DOMAIN, message, signature)
}

/// Signatures that a reader must accept, although they are strange.
pub(super) fn strange_signatures() -> Value {
    let cases = STRANGE_AND_VALID.map(|(why, strange)| {
        let bytes = [&unhex(&json!(strange)), MESSAGE].concat();
        assert_eq!(signature(&bytes), Ok(()), "{why}");
        json!({ "object": "signature", "why": why, "bytes": hex(&bytes) })
    });
    json!(cases)
}

pub(super) fn signatures() -> Value {
    let key = crypto::SigningKey::from_seed(&[7; 32]);
    let good = [&key.public()[..], &key.sign(OLD_DOMAIN, MESSAGE), MESSAGE].concat();
    assert_eq!(signature(&good), Ok(()));
    let mut list = Refusals::of("signature", signature);
    let mut add = |why, bytes: &[u8]| list.add("signature", why, bytes, is!(crypto::BadSignature));
    add("a bit of the public key", &over(&good, 3, &[good[3] ^ 1]));
    add("a bit of R", &over(&good, 40, &[good[40] ^ 1]));
    add("a bit of S", &over(&good, 70, &[good[70] ^ 1]));
    add("a bit of the message", &over(&good, 96, &[good[96] ^ 1]));
    add("a message cut off", &good[..good.len() - 1]);
    let other = key.sign("maille/1/revocation", MESSAGE);
    add("signed in another domain", &over(&good, 32, &other));
    for (why, strange) in STRANGE_AND_INVALID {
        add(why, &[&unhex(&json!(strange)), MESSAGE].concat());
    }
    json!(list.cases)
}

pub(super) fn slice_charter(charter: &SliceCharter) -> Value {
    let valid = wire::encode(charter);
    let read = |bytes: &[u8]| wire::decode::<SliceCharter>(bytes, 4096);
    let mut list = Refusals::of("slice charter", read);
    list.add_spellings(&valid, Some(4096), itself);
    let malformed = is!(WireError::Malformed { .. });
    list.add(
        "form",
        "a kind that is not known",
        &over(&valid, 2, &[5]),
        malformed,
    );
    let mut edit = |why, change: &dyn Fn(&mut Item)| {
        list.add("form", why, &edited(&valid, change), malformed);
    };
    // [1, kind, [0, owner], salt, [control key, rank, root commitment]]
    edit("a salt of 31 bytes", &|it| it[3].bytes().truncate(31));
    edit("an owner that is not known", &|it| {
        it[2][0] = Item::Number(2);
    });
    edit("the owner as a text", &|it| {
        it[2][1] = Item::Text("a".repeat(32));
    });
    edit("a control key of 31 bytes", &|it| {
        it[4][0].bytes().truncate(31);
    });
    let owner = 5..7;
    assert_eq!(valid[owner.clone()], [0x58, 32]);
    let longer = instead(&valid, owner.clone(), &[0x59, 0, 32]);
    let respelled = is!(WireError::NotCanonical);
    list.add("form", "a longer head of the owner", &longer, respelled);
    let chunks = instead(&valid, owner, &[0x5f, 0x58, 32]);
    let chunks = instead(&chunks, 40..40, &[0xff]);
    list.add("form", "the owner in chunks", &chunks, respelled);
    json!(list.cases)
}

/// Adds a text that is refused as `expected`; [`Refusals`] for what is no bytes.
#[track_caller]
fn add_text<T: std::str::FromStr>(
    cases: &mut Vec<Value>,
    object: &str,
    kind: &str,
    why: &str,
    text: &str,
    expected: impl Fn(&T::Err) -> bool,
) where
    T::Err: Debug,
{
    let Err(error) = text.parse::<T>() else {
        panic!("{object}, {why}: was accepted");
    };
    assert!(expected(&error), "{object}, {why}: {error:?}");
    cases.push(json!({ "object": object, "kind": kind, "why": why, "text": text }));
}

/// Returns `text` with its first `old` after the kind written as `new`.
fn retyped(text: &str, old: char, new: &str) -> String {
    let start = text.find('1').expect("kind, 1, characters");
    let at = text[start..].find(old).expect("such a character") + start;
    format!("{}{new}{}", &text[..at], &text[at + old.len_utf8()..])
}

/// A person with bits after the last byte.
fn with_left_over_bits(person: &PersonId) -> String {
    let mut values: Vec<Fe32> = person.as_bytes().iter().copied().bytes_to_fes().collect();
    let last = values.last_mut().expect("52 characters");
    *last = Fe32::try_from(last.to_u8() | 1).expect("below 32");
    let kind = Hrp::parse_unchecked(PersonId::KIND);
    values
        .into_iter()
        .with_checksum::<Bech32m>(&kind)
        .chars()
        .collect()
}

/// A person under the older checksum (BIP 173).
fn in_bech32(person: &PersonId) -> String {
    let kind = Hrp::parse_unchecked(PersonId::KIND);
    bech32::encode_lower::<Bech32>(kind, person.as_bytes()).expect("short")
}

pub(super) fn texts(person: PersonId, card: &Card, link: &ShareLink) -> Value {
    let mut cases = Vec::new();
    let shape = |error: &IdError| matches!(error, IdError::NotAnId { .. });
    let mut add = |kind, why, text: &str, expected: fn(&IdError) -> bool| {
        add_text::<PersonId>(&mut cases, "person", kind, why, text, expected);
    };
    let id = person.to_string();
    let first = id.chars().nth(PersonId::KIND.len() + 1);
    let first = first.expect("a character after the 1");
    add("text", "no text", "", shape);
    add(
        "text",
        "a kind and nothing more",
        "person1",
        is!(IdError::Checksum),
    );
    add(
        "text",
        "a character that bech32 has not",
        &retyped(&id, first, "b"),
        shape,
    );
    add(
        "text",
        "a control character that is no white space",
        &format!("{id}\u{1c}"),
        shape,
    );
    add(
        "text",
        "8193 bytes",
        &format!("{id}{}", " ".repeat(8193 - id.len())),
        shape,
    );
    add(
        "text",
        "a wrong character",
        &retyped(&id, first, if first == 'q' { "p" } else { "q" }),
        is!(IdError::Checksum),
    );
    let swapped = format!("{}{}{}", &id[..20], &id[21..22], &id[20..21]) + &id[22..];
    add(
        "text",
        "two characters swapped",
        &swapped,
        is!(IdError::Checksum),
    );
    let short = crate::text::encode(PersonId::KIND, &person.as_bytes()[..31]);
    add(
        "text",
        "31 bytes",
        &short,
        is!(IdError::WrongLength { got: 31 }),
    );
    let long = [&person.as_bytes()[..], &[0]].concat();
    let long = crate::text::encode(PersonId::KIND, &long);
    add(
        "text",
        "33 bytes",
        &long,
        is!(IdError::WrongLength { got: 33 }),
    );
    let device = DeviceId::from_bytes(*person.as_bytes()).to_string();
    add(
        "kind",
        "another kind",
        &device,
        is!(IdError::WrongKind { .. }),
    );
    add(
        "text",
        "left-over bits that are not zero",
        &with_left_over_bits(&person),
        shape,
    );
    add(
        "text",
        "bech32 instead of bech32m",
        &in_bech32(&person),
        is!(IdError::Checksum),
    );

    let mut add = |kind, why, text: &str, expected: fn(&TextError) -> bool| {
        add_text::<Card>(&mut cases, "card", kind, why, text, expected);
    };
    add(
        "kind",
        "a link",
        &link.to_string(),
        is!(TextError::WrongKind { .. }),
    );
    add(
        "text",
        "the Kelvin sign is no k",
        &retyped(&card.to_string(), 'k', "\u{212a}"),
        is!(TextError::NotOne { .. }),
    );
    let unread = is!(TextError::Contents { .. });
    let more = crate::text::encode("maille", &[&wire::encode(card)[..], &[0]].concat());
    add("form", "a byte after the end inside", &more, unread);
    let mut add = |kind, why, text: &str, expected: fn(&TextError) -> bool| {
        add_text::<ShareLink>(&mut cases, "link", kind, why, text, expected);
    };
    add(
        "kind",
        "a card",
        &card.to_string(),
        is!(TextError::WrongKind { .. }),
    );
    let other = format!(
        "maille:other#{}",
        link.to_string().trim_start_matches("maille:share#")
    );
    add(
        "text",
        "another start",
        &other,
        is!(TextError::Checksum { .. }),
    );

    let mut list = Refusals::of("card bytes", |bytes: &[u8]| {
        wire::decode::<Card>(bytes, 2048)
    });
    let valid = wire::encode(card);
    list.add_spellings(&valid, Some(2048), itself);
    cases.append(&mut list.cases);
    json!(cases)
}
