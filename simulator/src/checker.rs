//! What must hold in every run, whatever goes wrong.
//!
//! Some invariants are seen here, in everything that nodes send; others by the scenario, which
//! knows what it asked for. Both end up in one list.

use std::collections::BTreeMap;

use maille_protocol::entry::{LogId, UnverifiedEntry};
use maille_protocol::sync::{Frame, Item};
use serde::Serialize;

use crate::clock::VirtualTime;

/// An invariant that did not hold, as first seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// When it was seen, in virtual microseconds.
    pub at_us: u64,
    /// Which invariant, as a sentence.
    pub invariant: &'static str,
    /// What was seen instead.
    pub what: String,
    /// How often it was seen.
    pub times: u64,
}

/// Looks at everything that is sent.
#[derive(Debug, Default)]
pub struct Checker {
    /// The one entry seen at each place of each log: the hash of its bytes.
    entries: BTreeMap<(LogId, u64), [u8; 32]>,
    broken: Vec<Broken>,
}

impl Checker {
    /// Notes a frame that some node sends.
    pub fn sent(&mut self, now: VirtualTime, frame: &[u8]) {
        match Frame::from_bytes(frame) {
            Ok(Frame::Item {
                item: Item::Entry(entry),
                ..
            }) => self.entry(now, &entry),
            Ok(_) => {}
            Err(error) => self.broke(now, "honest nodes send what can be read", error.to_string()),
        }
    }

    fn entry(&mut self, now: VirtualTime, bytes: &[u8]) {
        let prefix = match UnverifiedEntry::decode(bytes) {
            Ok(entry) => entry.claimed().clone(),
            Err(error) => {
                return self.broke(now, "honest nodes send what can be read", error.to_string());
            }
        };
        let hash = *blake3::hash(bytes).as_bytes();
        if *self.entries.entry((prefix.log, prefix.seq)).or_insert(hash) != hash {
            self.broke(
                now,
                "no log forks",
                format!("two entries at {} of {:?}", prefix.seq, prefix.log),
            );
        }
    }

    /// Notes an invariant that did not hold: the first time what was seen, then how often.
    pub fn broke(&mut self, now: VirtualTime, invariant: &'static str, what: String) {
        if let Some(known) = self
            .broken
            .iter_mut()
            .find(|known| known.invariant == invariant)
        {
            known.times += 1;
            return;
        }
        let at_us = now.as_micros();
        self.broken.push(Broken {
            at_us,
            invariant,
            what,
            times: 1,
        });
    }

    /// Every invariant that did not hold so far.
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }
}

#[cfg(test)]
mod tests {
    use maille_protocol::crypto::{Key, SigningKey};
    use maille_protocol::entry::{Body, LogKey, LogTip, SealParams, seal};
    use maille_protocol::generation::ContentKey;
    use maille_protocol::id::{GenerationId, InstallationId, SliceId};
    use maille_protocol::slice::PartNumber;

    use super::*;

    #[test]
    fn what_breaks_again_and_again_is_told_once_and_counted() {
        let mut checker = Checker::default();
        for number in 0..3 {
            checker.broke(VirtualTime::START, "some invariant", number.to_string());
        }
        checker.sent(VirtualTime::START, b"no frame");
        let [some, unreadable] = checker.broken() else {
            panic!("{:?}", checker.broken())
        };
        assert_eq!((some.what.as_str(), some.times), ("0", 3));
        assert_eq!(unreadable.times, 1);
    }

    #[test]
    fn two_entries_at_one_place_of_a_log_are_a_fork() {
        let entries: Vec<Vec<u8>> = [b"one", b"two"].map(|content| entry(content)).into();
        let sees = |entries: &[&Vec<u8>]| {
            let mut checker = Checker::default();
            for entry in entries {
                let item = Item::Entry((*entry).clone());
                checker.sent(
                    VirtualTime::START,
                    &Frame::Item { position: 1, item }.to_bytes(),
                );
            }
            checker
                .broken()
                .iter()
                .map(|broken| broken.invariant)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            sees(&[&entries[0], &entries[0]]),
            Vec::<&str>::new(),
            "sent again"
        );
        assert_eq!(sees(&[&entries[0], &entries[1]]), ["no log forks"]);
    }

    /// The first entry of a log that is the same at each call.
    fn entry(content: &[u8]) -> Vec<u8> {
        let seed = Key::from_bytes([1; 32]);
        let device = SigningKey::from_seed(seed.as_bytes());
        let (slice, part) = (SliceId::from_bytes([2; 32]), PartNumber::SINGLE);
        let log = LogKey::derive(&seed, InstallationId::from_bytes([3; 32]), slice, part);
        let (entry, _) = seal(SealParams {
            slice,
            part,
            generation: GenerationId::from_bytes([4; 32]),
            key: &ContentKey::new(Key::from_bytes([5; 32])),
            log: &log,
            tip: &LogTip::START,
            now: VirtualTime::START.timestamp(),
            body: &Body::new(Some(log.bind(&device)), content.to_vec()),
        })
        .expect("a small entry is sealed");
        entry.to_bytes()
    }
}
