//! One sealed key as a small object of its own, which its reader finds by a tag.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;

use super::{KeyBox, NotCommitted, RingKey, Target, Wrap};
use crate::crypto::{self, Key, OpenError, SealingPublic, SealingSecret, domain};
use crate::id::KeyId;
use crate::wire::{self, V1, WireError};

/// Longest key object: a box, its target, its tag.
const OBJECT_BYTES_MAX: usize = 1280;
/// Most objects in one set: every device and member of the largest circle, many times over.
pub const OBJECTS_MAX: usize = 65_536;

/// By what a reader finds its object. Whoever does not share the tag key with the sealer cannot
/// tell from it for whom the object is, though they know every public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Tag(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    [u8; 16],
);

impl Tag {
    /// Returns the tag of `target` sealed under `recipient`, for those who share `tag_key`: the
    /// read key of the principal's authority slice, say, or [`RingKey::tag_key`] of the ring before.
    #[must_use]
    pub fn of(tag_key: &Key, target: &Target, recipient: KeyId) -> Self {
        let hash = crypto::keyed_hash(
            tag_key.as_bytes(),
            domain::KEY_TAG,
            &[target.id(), recipient.as_bytes()],
        );
        let (tag, _) = hash.split_first_chunk().expect("16 of 32 bytes");
        Self(*tag)
    }
}

/// How a key is sealed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum KeyForm {
    /// Under a ring key.
    #[n(0)]
    Wrap(#[n(0)] Wrap),
    /// To a sealing key.
    #[n(1)]
    Box(#[n(0)] KeyBox),
}

/// One sealed key: `[1, target id, tag, form]`. Not signed: it opens to the key that was committed
/// to, or it does not.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct KeyObject {
    /// Version of this object.
    #[n(0)]
    pub version: V1,
    /// The id of the key inside.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub target: [u8; 32],
    /// By what its reader finds it.
    #[n(2)]
    pub tag: Tag,
    /// The key, sealed.
    #[n(3)]
    pub form: KeyForm,
}

/// What opens key objects.
#[derive(Clone, Copy, Debug)]
pub enum Opener<'a> {
    /// A ring key.
    Ring(&'a RingKey),
    /// A sealing secret.
    Sealing(&'a SealingSecret),
}

/// Why a key object was refused. Whoever carried it is at fault: ask another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyObjectError {
    /// It is about another key.
    #[error("the key inside is another than was asked for")]
    OtherTarget,
    /// It is a box where a wrap was asked for, or the other way round.
    #[error("the key is sealed in another form than was asked for")]
    OtherForm,
    /// It does not open, or not to the key that was committed to.
    #[error("does not open")]
    Open(#[from] OpenError),
}

impl KeyObject {
    /// Wraps a key under a ring key.
    ///
    /// # Errors
    /// [`NotCommitted`] if `key` is not the one that `target` commits to.
    pub fn wrap(
        ring_id: KeyId,
        ring: &RingKey,
        tag_key: &Key,
        target: &Target,
        key: &Key,
    ) -> Result<Self, NotCommitted> {
        Ok(Self {
            version: V1,
            target: *target.id(),
            tag: Tag::of(tag_key, target, ring_id),
            form: KeyForm::Wrap(ring.wrap(target, key)?),
        })
    }

    /// Boxes a key to a sealing key.
    ///
    /// # Errors
    /// [`NotCommitted`] if `key` is not the one that `target` commits to.
    pub fn seal(
        rng: &mut impl CryptoRng,
        to: &SealingPublic,
        tag_key: &Key,
        target: &Target,
        key: &Key,
    ) -> Result<Self, NotCommitted> {
        Ok(Self {
            version: V1,
            target: *target.id(),
            tag: Tag::of(tag_key, target, to.id()),
            form: KeyForm::Box(target.seal(rng, to, key)?),
        })
    }

    /// Reads a key object.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are not one such object in canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode(bytes, OBJECT_BYTES_MAX)
    }

    /// Opens the object as the key that `target` commits to.
    ///
    /// # Errors
    /// [`KeyObjectError`].
    pub fn open(&self, opener: Opener<'_>, target: &Target) -> Result<Key, KeyObjectError> {
        if self.target != *target.id() {
            return Err(KeyObjectError::OtherTarget);
        }
        match (&self.form, opener) {
            (KeyForm::Wrap(wrap), Opener::Ring(ring)) => Ok(ring.open(target, wrap)?),
            (KeyForm::Box(boxed), Opener::Sealing(secret)) => Ok(target.open(secret, boxed)?),
            (KeyForm::Wrap(_), Opener::Sealing(_)) | (KeyForm::Box(_), Opener::Ring(_)) => {
                Err(KeyObjectError::OtherForm)
            }
        }
    }
}

/// Key objects as whoever carries them keeps them: each is asked for by its tag, alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyObjects(BTreeMap<Tag, KeyObject>);

impl KeyObjects {
    /// Keeps an object. Of two with one tag the first stays; returns whether this one was kept.
    ///
    /// Whoever carries objects can put a false one under a tag, as they could withhold the true one:
    /// a reader whose object does not open drops it ([`Self::remove`]) and asks another carrier.
    pub fn insert(&mut self, object: KeyObject) -> bool {
        if self.0.len() >= OBJECTS_MAX {
            return false;
        }
        match self.0.entry(object.tag) {
            Entry::Vacant(place) => {
                place.insert(object);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Returns the object with this tag.
    #[must_use]
    pub fn get(&self, tag: &Tag) -> Option<&KeyObject> {
        self.0.get(tag)
    }

    /// Drops the object with this tag.
    pub fn remove(&mut self, tag: &Tag) -> Option<KeyObject> {
        self.0.remove(tag)
    }

    /// Drops the objects whose tag `keeps` refuses.
    pub fn retain(&mut self, keeps: impl Fn(&Tag) -> bool) {
        self.0.retain(|tag, _| keeps(tag));
    }

    /// Returns all objects, by tag.
    pub fn iter(&self) -> impl Iterator<Item = &KeyObject> {
        self.0.values()
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Someone, rng};

    /// A circle's new ring key, boxed to each of its members, with the tag key they share.
    struct Rotation {
        members: Vec<Someone>,
        tag_key: Key,
        target: Target,
        key: RingKey,
        objects: KeyObjects,
    }

    impl Rotation {
        fn of(members: u8) -> Self {
            let members: Vec<_> = (1..=members).map(Someone::new).collect();
            let circle = [0x77; 32];
            let before = RingKey::random(&mut rng(1));
            let key = RingKey::random(&mut rng(2));
            let target = Target::Ring {
                ring: KeyId::from_bytes([0x78; 32]),
                principal: circle,
                commit: key.commit(&circle),
            };
            let tag_key = before.tag_key();
            let mut objects = KeyObjects::default();
            for (seed, member) in (10..).zip(&members) {
                let to = member.sealing.public();
                let object =
                    KeyObject::seal(&mut rng(seed), &to, &tag_key, &target, key.key()).unwrap();
                assert!(objects.insert(object));
            }
            Self {
                members,
                tag_key,
                target,
                key,
                objects,
            }
        }
    }

    #[test]
    fn each_reader_finds_and_opens_its_own_object_and_no_other() {
        let story = Rotation::of(5);
        assert_eq!(story.objects.len(), 5);
        for member in &story.members {
            let opener = Opener::Sealing(&member.sealing);
            let tag = Tag::of(&story.tag_key, &story.target, member.sealing.public().id());
            let mine = story.objects.get(&tag).unwrap();
            let got = mine.open(opener, &story.target);
            assert_eq!(got.as_ref(), Ok(story.key.key()));
            for other in story.objects.iter().filter(|object| object.tag != tag) {
                let got = other.open(opener, &story.target);
                assert_eq!(got, Err(KeyObjectError::Open(OpenError)));
            }
        }
    }

    #[test]
    fn who_knows_all_public_keys_cannot_tell_for_whom_an_object_is() {
        let story = Rotation::of(3);
        // A relay tries all that it has: no key, ids it has seen, and a key of its own.
        let guesses = [
            Key::from_bytes([0; 32]),
            Key::from_bytes(*story.target.id()),
            Key::random(&mut rng(99)),
        ];
        for member in &story.members {
            for guess in &guesses {
                let tag = Tag::of(guess, &story.target, member.sealing.public().id());
                assert_eq!(story.objects.get(&tag), None);
            }
            let public = member.sealing.public();
            let id = public.id();
            for object in story.objects.iter() {
                let bytes = wire::encode(object);
                for known in [id.as_bytes().as_slice(), member.id().as_bytes()] {
                    assert!(!bytes.windows(16).any(|window| window == &known[..16]));
                }
            }
        }
        // Another target of the same reader has another tag.
        let id = story.members[0].sealing.public().id();
        let other = Target::Sealing(KeyId::from_bytes([1; 32]));
        let tag = Tag::of(&story.tag_key, &story.target, id);
        assert_ne!(tag, Tag::of(&story.tag_key, &other, id));
    }

    #[test]
    fn an_object_for_somebody_else_or_of_another_key_is_refused() {
        let story = Rotation::of(2);
        let [ines, marc] = story.members.as_slice() else {
            unreachable!()
        };
        let tag = |who: &Someone| Tag::of(&story.tag_key, &story.target, who.sealing.public().id());
        let hers = story.objects.get(&tag(ines)).unwrap();
        // The box for Inès under Marc's tag.
        let passed = KeyObject {
            tag: tag(marc),
            ..hers.clone()
        };
        let got = passed.open(Opener::Sealing(&marc.sealing), &story.target);
        assert_eq!(got, Err(KeyObjectError::Open(OpenError)));
        // Her box as if it were of another key, and asked for as another.
        let mut moved = hers.clone();
        moved.target = [1; 32];
        let her = Opener::Sealing(&ines.sealing);
        let got = moved.open(her, &story.target);
        assert_eq!(got, Err(KeyObjectError::OtherTarget));
        let got = hers.open(her, &Target::Sealing(KeyId::from_bytes([1; 32])));
        assert_eq!(got, Err(KeyObjectError::OtherTarget));
        let got = hers.open(Opener::Ring(&story.key), &story.target);
        assert_eq!(got, Err(KeyObjectError::OtherForm));
    }

    #[test]
    fn a_false_object_under_a_tag_can_be_dropped_for_the_true_one() {
        let story = Rotation::of(1);
        let ines = &story.members[0];
        let tag = Tag::of(&story.tag_key, &story.target, ines.sealing.public().id());
        let good = story.objects.get(&tag).unwrap().clone();
        let mut carried = KeyObjects::default();
        let false_one = KeyObject {
            form: KeyForm::Wrap(
                story
                    .key
                    .wrap(&story.target, story.key.key())
                    .expect("its own"),
            ),
            ..good.clone()
        };
        assert!(carried.insert(false_one.clone()));
        assert!(!carried.insert(good.clone()), "the first stays");
        assert_eq!(carried.get(&tag), Some(&false_one));
        assert!(
            false_one
                .open(Opener::Sealing(&ines.sealing), &story.target)
                .is_err()
        );
        assert_eq!(carried.remove(&tag), Some(false_one));
        assert!(carried.insert(good.clone()));
        assert!(
            good.open(Opener::Sealing(&ines.sealing), &story.target)
                .is_ok()
        );
    }

    #[test]
    fn one_object_more_than_a_set_holds_is_not_kept() {
        let story = Rotation::of(1);
        let wrap = story.key.wrap(&story.target, story.key.key()).unwrap();
        let object = |number: usize| {
            let mut tag = [0; 16];
            tag[..8].copy_from_slice(&number.to_le_bytes());
            KeyObject {
                version: V1,
                target: *story.target.id(),
                tag: Tag(tag),
                form: KeyForm::Wrap(wrap),
            }
        };
        let mut objects = KeyObjects::default();
        assert!(objects.is_empty());
        assert!((0..OBJECTS_MAX).all(|number| objects.insert(object(number))));
        assert!(!objects.insert(object(OBJECTS_MAX)));
        assert_eq!(objects.len(), OBJECTS_MAX);
    }
}
