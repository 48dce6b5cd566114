//! Keys flow from a device down to an entry, and stop at whoever was removed.

use std::collections::BTreeMap;

use super::{KeyObject, KeyObjects, Opener, RingKey, Tag, Target};
use crate::crypto::{Key, SealingPublic, SealingSecret};
use crate::entry::Entry;
use crate::generation::choice::{Choice, Generation, Owed, sealed_under};
use crate::generation::{ContentKey, GenerationBatch, Next, PartKey};
use crate::id::{GenerationId, KeyId};
use crate::slice::PartNumber;
use crate::testing::{Someone, rng};
use crate::wire::V1;

const CIRCLE: [u8; 32] = [0x77; 32];
const FIRST: KeyId = KeyId::from_bytes([1; 32]);
const SECOND: KeyId = KeyId::from_bytes([2; 32]);

fn ring_target(ring: KeyId, principal: [u8; 32], key: &RingKey) -> Target {
    let commit = key.commit(&principal);
    Target::Ring {
        ring,
        principal,
        commit,
    }
}

/// A person with a device, whose ring key is boxed to it, and whose sealing secret is under that.
struct Member {
    someone: Someone,
    sealing: SealingPublic,
    ring: Target,
    boxed_ring: KeyObject,
    wrapped_sealing: KeyObject,
}

impl Member {
    fn new(number: u8) -> Self {
        let someone = Someone::new(number);
        let mut rng = rng(u64::from(number) + 100);
        let ring_id = KeyId::from_bytes([number ^ 0x10; 32]);
        let (ring, seed) = (RingKey::random(&mut rng), Key::random(&mut rng));
        let sealing = SealingSecret::from_seed(seed.as_bytes()).public();
        let target = ring_target(ring_id, *someone.id().as_bytes(), &ring);
        let tag_key = Key::from_bytes([number; 32]);
        let to = someone.sealing.public();
        let boxed_ring = KeyObject::seal(&mut rng, &to, &tag_key, &target, ring.key());
        let secret = Target::Sealing(sealing.id());
        let wrapped_sealing = KeyObject::wrap(ring_id, &ring, &ring.tag_key(), &secret, &seed);
        Self {
            someone,
            sealing,
            ring: target,
            boxed_ring: boxed_ring.unwrap(),
            wrapped_sealing: wrapped_sealing.unwrap(),
        }
    }

    /// What the device alone leads to: the person's sealing secret.
    fn secret(&self) -> SealingSecret {
        let device = Opener::Sealing(&self.someone.sealing);
        let ring = RingKey::new(self.boxed_ring.open(device, &self.ring).unwrap());
        let target = Target::Sealing(self.sealing.id());
        let seed = self.wrapped_sealing.open(Opener::Ring(&ring), &target);
        SealingSecret::from_seed(seed.unwrap().as_bytes())
    }

    /// The circle's ring key, if there is an object for this member.
    fn circle_key(&self, rotation: &Rotation) -> Option<RingKey> {
        let tag = Tag::of(&rotation.tag_key, &rotation.target, self.sealing.id());
        let object = rotation.objects.get(&tag)?;
        let secret = self.secret();
        let key = object.open(Opener::Sealing(&secret), &rotation.target);
        key.ok().map(RingKey::new)
    }
}

/// A ring key of the circle, boxed to its members.
struct Rotation {
    target: Target,
    tag_key: Key,
    objects: KeyObjects,
}

impl Rotation {
    fn of(ring: KeyId, key: &RingKey, tag_key: Key, members: &[&Member]) -> Self {
        let target = ring_target(ring, CIRCLE, key);
        let mut objects = KeyObjects::default();
        for (seed, member) in (0..).zip(members) {
            let sealed = KeyObject::seal(
                &mut rng(seed),
                &member.sealing,
                &tag_key,
                &target,
                key.key(),
            );
            assert!(objects.insert(sealed.unwrap()));
        }
        Self {
            target,
            tag_key,
            objects,
        }
    }
}

/// The next key of Inès's part under a ring key of the circle, and an entry under it.
fn published(
    ines: &Someone,
    ring: (KeyId, &RingKey),
    parents: Vec<GenerationId>,
    content: &[u8],
) -> (GenerationBatch, GenerationId, Entry) {
    let next = Next {
        slice: ines.slice().id(),
        part: PartNumber(3),
        parents,
        removed: Vec::new(),
    };
    let (id, key) = ring;
    let (batch, keys) =
        GenerationBatch::rotate(&mut rng(7), ines.issuer(), id, key, &[next]).unwrap();
    let part_key = PartKey {
        version: V1,
        record: batch.generations().next().unwrap(),
        key: keys[0].clone(),
    };
    let entry = ines.entries(&part_key, &[content]).remove(0);
    (batch, part_key.generation(), entry)
}

fn read(ines: &Someone, batch: &GenerationBatch, ring: &RingKey, entry: &Entry) -> Option<Vec<u8>> {
    batch.verify(&ines.authority).unwrap();
    let key: ContentKey = batch.open(0, ring).ok()?;
    Some(entry.open(&key).unwrap().content)
}

#[test]
fn a_member_who_is_removed_reads_nothing_written_afterwards() {
    let [ines, marc, zoe] = [1, 2, 3].map(Member::new);
    let owner = &ines.someone;
    let (first, second) = (RingKey::random(&mut rng(1)), RingKey::random(&mut rng(2)));

    let invited = Key::from_bytes([9; 32]);
    let before = Rotation::of(FIRST, &first, invited, &[&ines, &marc, &zoe]);
    let (old, old_id, trip) = published(owner, (FIRST, &first), Vec::new(), b"before");
    for member in [&ines, &marc, &zoe] {
        let ring = member.circle_key(&before).unwrap();
        assert_eq!(read(owner, &old, &ring, &trip).unwrap(), b"before");
    }

    // Zoé is removed: the ring rotates to the two who remain, then the part.
    let after = Rotation::of(SECOND, &second, first.tag_key(), &[&ines, &marc]);
    let (new, new_id, later) = published(owner, (SECOND, &second), vec![old_id], b"after");
    let ring = marc.circle_key(&after).unwrap();
    assert_eq!(read(owner, &new, &ring, &later).unwrap(), b"after");
    let kept = marc.circle_key(&before).unwrap();
    assert_eq!(read(owner, &old, &kept, &trip).unwrap(), b"before");

    // She finds no object, opens none of the others', and no wrap with the ring key that she had.
    assert_eq!(zoe.circle_key(&after), None);
    let secret = zoe.secret();
    for object in after.objects.iter() {
        assert!(
            object
                .open(Opener::Sealing(&secret), &after.target)
                .is_err()
        );
    }
    let hers = zoe.circle_key(&before).unwrap();
    assert_eq!(read(owner, &new, &hers, &later), None);

    // And that is what everybody seals under, from the moment that they heard.
    let generation = |parents: Vec<KeyId>, exposed| Generation {
        parents,
        counts: true,
        maker_removed: false,
        exposed,
    };
    let as_key = |id: GenerationId| KeyId::from_bytes(*id.as_bytes());
    let (old_key, new_key) = (as_key(old_id), as_key(new_id));
    let levels = |rings: &[(KeyId, Generation<KeyId>)], parts: &[(KeyId, Vec<KeyId>, KeyId)]| {
        let rings = Choice::among(&rings.iter().cloned().collect());
        let of_part = |(id, parents, under): &(KeyId, Vec<KeyId>, KeyId)| {
            (*id, generation(parents.clone(), rings.is_tainted(under)))
        };
        let parts: BTreeMap<_, _> = parts.iter().map(of_part).collect();
        let parts = Choice::among(&parts);
        sealed_under(&[rings, parts])
    };
    let zoe_had = (FIRST, generation(Vec::new(), true));
    let rotated = (SECOND, generation(vec![FIRST], false));
    let under_first = (old_key, Vec::new(), FIRST);
    let under_second = (new_key, vec![old_key], SECOND);
    let heard = std::slice::from_ref(&zoe_had);
    let parts = std::slice::from_ref(&under_first);
    assert_eq!(levels(heard, parts), Err(Owed { level: 0 }));
    let rings = [zoe_had.clone(), rotated];
    assert_eq!(levels(&rings, parts), Err(Owed { level: 1 }));
    assert_eq!(levels(&rings, &[under_first, under_second]), Ok(new_key));
}
