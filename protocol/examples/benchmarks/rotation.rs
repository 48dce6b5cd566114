//! A member is removed from a circle of 1,000: its ring key is drawn anew and boxed to the 999 who
//! remain, and what the circle reads is wrapped under it.

use hpke::kem::XWing;
use hpke::{Deserializable as _, Kem as _};
use maille_protocol::crypto::{Key, SealingPublic, SealingSecret, SigningKey};
use maille_protocol::generation::{GenerationBatch, Issuer, Next};
use maille_protocol::id::{GenerationId, KeyId, MembershipId, SliceId};
use maille_protocol::ring::{KeyObject, KeyObjects, Opener, RingKey, Tag, Target};
use maille_protocol::slice::PartNumber;
use maille_protocol::wire;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::{Row, measure};

const MEMBERS: usize = 1_000;
const CIRCLE: [u8; 32] = [0x77; 32];
const RING: KeyId = KeyId::from_bytes([0x78; 32]);
const SLICES: u8 = 200;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

fn target(ring: &RingKey) -> Target {
    Target::Ring {
        ring: RING,
        principal: CIRCLE,
        commit: ring.commit(&CIRCLE),
    }
}

/// What whoever removes the member makes: one object for each who remains.
fn boxed(remaining: &[SealingPublic], tag_key: &Key) -> (RingKey, Vec<KeyObject>) {
    let mut rng = rng();
    let ring = RingKey::random(&mut rng);
    let target = target(&ring);
    let seal = |to| KeyObject::seal(&mut rng, to, tag_key, &target, ring.key());
    let objects = remaining.iter().map(seal);
    let objects = objects.map(|object| object.expect("its own key")).collect();
    (ring, objects)
}

pub(crate) fn rows() -> Vec<Row> {
    let secret = |seed: usize| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        SealingSecret::from_seed(&bytes)
    };
    let members: Vec<SealingPublic> = (0..MEMBERS).map(|seed| secret(seed).public()).collect();
    let remaining = &members[1..];
    let before = RingKey::new(Key::from_bytes([1; 32]));
    let tag_key = before.tag_key();

    let (ring, objects) = boxed(remaining, &tag_key);
    let sizes: Vec<usize> = objects.iter().map(|it| wire::encode(it).len()).collect();
    let uploaded: usize = sizes.iter().sum();
    let fetched = sizes.iter().max().copied().unwrap_or(0);

    // The bare minimum: as many encapsulations to keys that were read before.
    let parsed: Vec<_> = members
        .iter()
        .map(|key| <XWing as hpke::Kem>::PublicKey::from_bytes(key.as_bytes()).expect("a key"))
        .collect();
    let mut draws = rng();
    let bare = measure::seconds(|| {
        for key in &parsed {
            XWing::encap_with_rng(key, None, &mut draws).expect("a key that was checked");
        }
    });
    let sealed = measure::seconds(|| boxed(remaining, &tag_key));

    // The last member looks for its own among all.
    let reader = secret(MEMBERS - 1);
    let mut carried = KeyObjects::default();
    for object in objects {
        assert!(carried.insert(object));
    }
    let opened = measure::seconds(|| {
        let tag = Tag::of(&tag_key, &target(&ring), reader.public().id());
        let mine = carried.get(&tag).expect("it is a member");
        let key = mine.open(Opener::Sealing(&reader), &target(&ring));
        assert_eq!(key.as_ref(), Ok(ring.key()));
    });

    let signing = SigningKey::from_seed(&[1; 32]);
    let issuer = Issuer {
        membership: MembershipId::from_bytes([2; 32]),
        signing: &signing,
    };
    let parts: Vec<_> = (0..SLICES)
        .map(|slice| Next {
            slice: SliceId::from_bytes([slice; 32]),
            part: PartNumber(u32::MAX),
            parents: vec![GenerationId::from_bytes([slice; 32])],
            removed: Vec::new(),
        })
        .collect();
    let batch = |parts: &[Next]| {
        let batch = GenerationBatch::rotate(&mut rng(), issuer, RING, &ring, parts);
        batch.expect("within every bound").0
    };
    let all = batch(&parts).to_bytes().len();
    let one = batch(&parts[..1]).to_bytes().len();
    let rotated = measure::seconds(|| batch(&parts));

    vec![
        Row::new(
            "bytes uploaded, once: 999 boxed keys (without the statement that announces the ring)",
            uploaded,
        )
        .at_most("1,300,000"),
        Row::new("bytes that one member fetches: its own boxed key", fetched).at_most("1,300"),
        Row::new(
            "CPU seconds to draw the key and box it to 999",
            format!("{sealed:.3}"),
        )
        .at_most("0.3"),
        Row::new(
            "CPU seconds of 1,000 bare X-Wing encapsulations",
            format!("{bare:.3}"),
        ),
        Row::new("the first over the second", format!("{:.2}", sealed / bare)),
        Row::new(
            "CPU milliseconds for a member to find its own among 999 and open it",
            format!("{:.2}", opened * 1e3),
        ),
        Row::new(
            "bytes for each slice more that the circle reads (record and wrap in a batch)",
            (all - one).div_ceil(usize::from(SLICES) - 1),
        )
        .at_most("200"),
        Row::new(
            "CPU microseconds for each such slice (of 200), one signature in all",
            format!("{:.1}", rotated * 1e6 / f64::from(SLICES)),
        ),
    ]
}
