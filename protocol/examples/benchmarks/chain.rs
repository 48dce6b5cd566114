//! A grant that was handed on four times is checked, all the way from the owner of the slice.

use std::hint::black_box;

use ed25519_dalek::Signer as _;
use maille_protocol::crypto::{SealingSecret, SigningKey};
use maille_protocol::grant::{Abilities, Audience, ContentPin, Grant};
use maille_protocol::id::{InstallationId, MembershipId, TransportId};
use maille_protocol::principal::{Authority, Known, NewDevice, phrase};
use maille_protocol::slice::{
    Access, ContentKind, Owner, PartNumber, PartRange, SliceCharter, UnverifiedAccess,
};
use maille_protocol::statement::{Kind, Signer};
use maille_protocol::time::Timestamp;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::{Row, measure};

/// Grants from the owner's to the last reader's.
const LINKS: u8 = 5;

struct Someone {
    authority: Authority,
    device: SigningKey,
}

impl Someone {
    fn new(number: u8) -> Self {
        let keys = phrase::keys(&[number; 64]);
        let device = SigningKey::from_seed(&[number; 32]);
        let sealing = SealingSecret::from_seed(&[number ^ 0x40; 32]).public();
        let transport = SigningKey::from_seed(&[number ^ 0x80; 32]).public();
        let first = NewDevice {
            signing: &device,
            sealing: &sealing,
            transport: TransportId::from_bytes(transport),
        };
        let mut rng = ChaCha20Rng::seed_from_u64(number.into());
        let recovery = keys.recovery.public();
        let authority = Authority::found(&keys.root, recovery, None, (first, 1), &mut rng);
        Self { authority, device }
    }

    fn signer(&self, membership: MembershipId) -> Signer<'_> {
        Signer {
            key: &self.device,
            membership,
            installation: InstallationId::from_bytes([1; 32]),
        }
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let people: Vec<Someone> = (1..=LINKS + 1).map(Someone::new).collect();
    let owner = &people[0];
    let mut known = Known::default();
    for one in &people {
        (known.people).insert(one.authority.person(), one.authority.clone());
    }
    let charter = SliceCharter::of_person(
        ContentKind::Projection,
        owner.authority.person(),
        [9; 32],
        &maille_protocol::crypto::Key::from_bytes([1; 32]),
        1,
        &owner.authority.root_key(),
    );
    let slice = charter.id();
    let owner_is = Owner::Person(&owner.authority);
    let mut access = Access::begin(charter, owner_is, &known).expect("its own");
    let devices = owner.authority.devices().values();
    let mut by = devices.map(|it| it.membership).next().expect("one device");
    for (depth, pair) in (1..=LINKS).rev().zip(people.windows(2)) {
        let grant = Kind::Grant(Grant {
            abilities: Abilities::GRANT,
            depth,
            audience: Audience::Person(pair[1].authority.person()),
            parts: PartRange {
                from: Some(PartNumber(1)),
                to: None,
            },
            not_before: Timestamp::from_millis(1_000),
            expires: Timestamp::from_millis(2_000),
            purpose: "a challenge, made up".to_owned(),
            content: ContentPin {
                name: "mobility.weekly".to_owned(),
                hash: [7; 32],
            },
        });
        let said = access.say(&pair[0].signer(by), grant, &known);
        by = said.expect("handed on").membership();
    }
    let bytes = access.to_bytes();
    let read = || UnverifiedAccess::decode(&bytes).expect("as it was written");
    let verify = || {
        let access = read().verify(slice, owner_is, &known).expect("it holds");
        access.allowed(&by.into()).expect("it stands")
    };
    let before = || {
        let access = (read().verified_before(slice, owner_is, &known)).expect("it holds");
        access.allowed(&by.into()).expect("it stands")
    };
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    let message = [7; 300];
    let (public, signature) = (key.verifying_key(), key.sign(&message));
    let key_bytes = public.to_bytes();
    let [checked, trusted, with_key, one] = measure::in_turns([
        &mut || drop(black_box(verify())),
        &mut || drop(black_box(before())),
        &mut || {
            let public = ed25519_dalek::VerifyingKey::from_bytes(&key_bytes).expect("a key");
            assert!(black_box(public.verify_strict(&message, &signature)).is_ok());
        },
        &mut || assert!(black_box(public.verify_strict(&message, &signature)).is_ok()),
    ]);
    vec![
        Row::new("bytes of the slice's charter and five grants", bytes.len()),
        Row::new(
            "CPU microseconds of one bare `verify_strict`",
            format!("{:.1}", one * 1e6),
        ),
        Row::new(
            "CPU microseconds to read, check and judge a chain of five",
            format!("{:.1}", checked * 1e6),
        ),
        Row::new(
            "the same over one bare check: of keys seen before",
            format!("{:.2}", checked / one),
        )
        .at_most("5.5"),
        Row::new(
            "the same over one bare check: of five keys never seen (the above, and five keys read)",
            format!(
                "{:.2}",
                (checked + f64::from(LINKS) * (with_key - one)) / one
            ),
        ),
        Row::new(
            "the same without checking signatures, over one bare check",
            format!("{:.2}", trusted / one),
        ),
    ]
}
