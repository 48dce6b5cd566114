//! People, slices and keys for the tests, always the same.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::crypto::{Key, SealingSecret, SigningKey};
use crate::entry::{Author, Body, Entry, LogKey, LogTip, SealParams, seal};
use crate::evaluation::Upto;
use crate::generation::{Issuer, PartKey};
use crate::grant::{Abilities, Audience, ContentPin, Grant};
use crate::id::{
    CircleId, GrantId, InstallationId, MembershipId, PersonId, StatementId, TransportId,
};
use crate::principal::{Authority, NewDevice, phrase};
use crate::slice::{Access, ContentKind, Owner, OwnerId, PartNumber, PartRange, SliceCharter};
use crate::statement::{Kind, Signer};
use crate::sync::{Cursor, FeedId, Greeting};
use crate::time::Timestamp;
use crate::wire::{self, WireError};

use proptest::prelude::*;

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_741_802_400_000);
pub(crate) const DAY: u64 = crate::time::DAY_MS;

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Somebody with one device.
pub(crate) struct Someone {
    pub(crate) root: SigningKey,
    pub(crate) device_seed: Key,
    pub(crate) device: SigningKey,
    pub(crate) sealing: SealingSecret,
    pub(crate) installation: InstallationId,
    pub(crate) authority: Authority,
}

impl Someone {
    pub(crate) fn new(number: u8) -> Self {
        let keys = phrase::keys(&[number; 64]);
        let device_seed = Key::from_bytes([number; 32]);
        let device = SigningKey::from_seed(device_seed.as_bytes());
        let sealing = SealingSecret::from_seed(&[number ^ 0x40; 32]);
        let transport =
            TransportId::from_bytes(SigningKey::from_seed(&[number ^ 0x80; 32]).public());
        let authority = Authority::found(
            &keys.root,
            keys.recovery.public(),
            None,
            (
                NewDevice {
                    signing: &device,
                    sealing: &sealing.public(),
                    transport,
                },
                1,
            ),
            &mut rng(number.into()),
        );
        Self {
            root: keys.root,
            device_seed,
            device,
            sealing,
            installation: InstallationId::from_bytes([number ^ 0x20; 32]),
            authority,
        }
    }

    pub(crate) fn id(&self) -> PersonId {
        self.authority.person()
    }

    pub(crate) fn slice(&self) -> SliceCharter {
        let root = self.authority.root_key();
        let kind = ContentKind::Projection;
        SliceCharter::of_person(kind, self.id(), [9; 32], &self.device_seed, 1, &root)
    }

    /// A slice that this person's first device makes for a circle.
    pub(crate) fn slice_of(&self, circle: CircleId) -> SliceCharter {
        let mut slice = self.slice();
        slice.owner = OwnerId::Circle(circle);
        slice.control.root = None;
        slice
    }

    /// What this person's first device signs statements by.
    pub(crate) fn signer(&self) -> Signer<'_> {
        Signer {
            key: &self.device,
            membership: self.author().membership,
            installation: self.installation,
        }
    }

    /// Who signs this person's generations: their first device.
    pub(crate) fn issuer(&self) -> Issuer<'_> {
        Issuer {
            membership: self.author().membership,
            signing: &self.device,
        }
    }

    pub(crate) fn part_key(&self, part: u32, seed: u64) -> PartKey {
        PartKey::generate(
            &mut rng(seed),
            self.issuer(),
            self.slice().id(),
            PartNumber(part),
            &[],
            Vec::new(),
        )
    }

    pub(crate) fn grant_to(&self, other: &Self) -> Grant {
        Grant {
            audience: Audience::Person(other.id()),
            abilities: Abilities::READ,
            parts: PartRange {
                from: Some(PartNumber(3)),
                to: None,
            },
            not_before: NOW,
            expires: NOW.plus_millis(90 * DAY),
            depth: 0,
            purpose: "défi entre collègues".to_owned(),
            content: ContentPin {
                name: "mobility.weekly".to_owned(),
                hash: [7; 32],
            },
        }
    }

    /// This person's slice, about which nothing was said yet.
    pub(crate) fn access(&self) -> Access {
        Access::begin(self.slice(), Owner::Person(&self.authority), &()).expect("one's own")
    }

    /// This person's slice with that grant.
    pub(crate) fn granted(&self, grant: Grant) -> (Access, GrantId) {
        let mut access = self.access();
        let said = access.say(&self.signer(), Kind::Grant(grant), &());
        let id = said.expect("an owner grants").membership().into();
        (access, id)
    }

    /// Who writes this person's logs: their first device.
    pub(crate) fn author(&self) -> Author {
        let device = crate::id::DeviceId::from_bytes(self.device.public());
        let record = self.authority.device(&device).expect("admitted");
        Author {
            membership: record.membership,
            device,
        }
    }

    pub(crate) fn log(&self, part: u32) -> LogKey {
        LogKey::derive(
            &self.device_seed,
            self.author().membership,
            self.installation,
            self.slice().id(),
            PartNumber(part),
        )
    }

    /// The first entries of this person's log in a part, one for each content.
    pub(crate) fn entries(&self, key: &PartKey, contents: &[&[u8]]) -> Vec<Entry> {
        let record = key.record.unverified();
        let log = self.log(record.part.0);
        let mut tip = LogTip::START;
        let mut entries = Vec::new();
        for content in contents {
            let binding = (tip.next_seq == 0).then(|| log.bind(&self.device));
            let (entry, next) = seal(SealParams {
                slice: record.slice,
                part: record.part,
                generation: key.generation(),
                key: &key.key,
                log: &log,
                tip: &tip,
                now: NOW,
                body: &Body::new(binding, content.to_vec()),
            })
            .expect("small contents");
            entries.push(entry);
            tip = next;
        }
        entries
    }
}

/// The end of a membership that keeps these statements and all before them.
pub(crate) fn removal(membership: MembershipId, statements: Vec<StatementId>) -> Kind {
    Kind::Remove {
        membership,
        key: None,
        keep: Upto {
            statements,
            logs: Vec::new(),
        },
        trusted: None,
    }
}

/// Checks what holds for every decoder, at the example of one value.
///
/// There and back; no truncation, no trailing byte, no longer spelling of the outermost array
/// is taken; changed bytes are refused or are another value in its one encoding. Never a panic.
#[track_caller]
pub(crate) fn keeps_the_rules<T>(value: &T, max: usize)
where
    T: minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()>,
{
    let decode = |bytes: &[u8]| wire::decode::<T>(bytes, max);
    let bytes = wire::encode(value);
    assert_eq!(
        wire::encode(&decode(&bytes).expect("what we write we read")),
        bytes
    );

    for cut in 0..bytes.len() {
        assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut trailing = bytes.clone();
    trailing.push(0);
    assert_eq!(
        decode(&trailing).err(),
        Some(WireError::Trailing { count: 1 })
    );

    let (first, rest) = bytes.split_first().expect("not empty");
    let fields = first
        .checked_sub(0x80)
        .filter(|fields| *fields < 24)
        .expect("an array");
    let long = [&[0x98, fields], rest].concat();
    assert!(
        decode(&long).is_err(),
        "a longer spelling of the array's length"
    );
    let open = [&[0x9f], rest, &[0xff]].concat();
    assert!(decode(&open).is_err(), "an array of indefinite length");
    let more = [&[first + 1], rest, &[0xf6]].concat();
    assert!(decode(&more).is_err(), "one field more");

    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
    runner
        .run(&changes, |changes| {
            let mut changed = bytes.clone();
            for (at, byte) in &changes {
                let at = at.index(changed.len());
                changed[at] = *byte;
            }
            if let Ok(other) = decode(&changed) {
                prop_assert_eq!(wire::encode(&other), changed);
            }
            Ok(())
        })
        .expect("changed bytes never do harm");
    runner
        .run(&proptest::collection::vec(any::<u8>(), 0..200), |noise| {
            prop_assert!(decode(&noise).is_err() || noise.len() < 40);
            Ok(())
        })
        .expect("noise never does harm");
}

/// Checks that no text with one character mistyped is taken, whatever the character.
#[track_caller]
pub(crate) fn refuses_typing_errors<T: std::str::FromStr + std::fmt::Display>(value: &T) {
    let text = value.to_string();
    assert!(text.parse::<T>().is_ok());
    assert!(text.to_uppercase().parse::<T>().is_ok(), "upper case");
    let wrapped: Vec<String> = text
        .as_bytes()
        .chunks(20)
        .map(|line| String::from_utf8_lossy(line).into())
        .collect();
    assert!(
        format!(" {} ", wrapped.join("\r\n  ")).parse::<T>().is_ok(),
        "wrapped lines"
    );
    for at in 0..text.len() {
        for typed in ('0'..='9').chain('a'..='z').chain(['-', '#', 'é']) {
            let mistyped = format!("{}{typed}{}", &text[..at], &text[at + 1..]);
            assert!(
                mistyped == text || mistyped.parse::<T>().is_err(),
                "{typed} at {at}"
            );
        }
        let dropped = format!("{}{}", &text[..at], &text[at + 1..]);
        assert!(dropped.parse::<T>().is_err(), "a character dropped at {at}");
    }
}

/// How somebody begins a session.
pub(crate) fn greeting() -> Greeting {
    Greeting {
        person: PersonId::from_bytes([9; 32]),
        addresses: vec!["/memory/1".to_owned()],
        feed: FeedId([1; 16]),
        cursor: Cursor::default(),
        authority: [0; 32],
        authority_held: [0; 32],
    }
}
