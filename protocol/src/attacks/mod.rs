//! The attacks of the threat page (`spec/threats.md`) on what is said: logs, seals, sessions, keys.
//!
//! Each is told twice, as things are and with the one defence off that stops it: [`Defence::stops`]. Those on a whole
//! node are in the core, `home/tests/attacks.rs`.

use crate::crypto::domain;
use crate::defence::{Attack, Defence};
use crate::entry::{Entry, LogKey, LogTip, Prefix, UnverifiedEntry};
use crate::testing::{NOW, Someone, rng};
use crate::wire;

mod logs;
mod seals;
mod sessions;
mod stolen;

/// What came as bytes is the next entry of a log that stands at `tip`, if it is one.
fn arrives(bytes: &[u8], tip: &LogTip) -> Option<Entry> {
    UnverifiedEntry::decode(bytes).ok()?.verify(tip).ok()
}

/// An entry that somebody with the key of a log signs over a payload that they did not make.
fn signed_over(payload: &[u8], prefix: &Prefix, log: &LogKey) -> Vec<u8> {
    let hash = crate::crypto::hash(domain::ENTRY_PAYLOAD, &[payload]);
    let header = [wire::encode(prefix), hash.to_vec()].concat();
    let signature = log.sign(domain::ENTRY, &header);
    let mut bytes = vec![0x84, 0x01]; // an array of four, version 1
    for field in [&header[..], &signature, payload] {
        minicbor::encode(minicbor::bytes::ByteVec::from(field.to_vec()), &mut bytes)
            .expect("writing to memory does not fail");
    }
    bytes
}

/// By-hand entries are entries: else a story would fail for its forger's mistake.
#[test]
fn what_the_forger_makes_of_an_honest_entry_is_that_entry() {
    let ines = Someone::new(1);
    let entry = ines
        .entries(&ines.part_key(3, 1), &[b"bread"])
        .pop()
        .unwrap();
    let forged = signed_over(entry.payload(), entry.prefix(), &ines.log(3));
    assert_eq!(forged, entry.to_bytes());
}
