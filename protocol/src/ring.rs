//! Keys flow down rings.
//!
//! A principal, person or circle, has one [`RingKey`] at a time: all who belong to it hold it. What
//! belongs to the principal is wrapped under the ring key in 48 bytes, once for all of them:
//!
//! | what is sealed ([`Target`]) | wrapped under | boxed to |
//! |---|---|---|
//! | the ring key of a person | | each device's sealing key, and the recovery key |
//! | the ring key of a circle | | each member's sealing key |
//! | the ring key before | the ring key after, where the past is open | |
//! | a person's sealing secret | that person's ring key | |
//! | the content key of a generation | the ring key of its audience | the audience's sealing key, if the sealer does not hold their ring key |
//!
//! A ring generation and a sealing key each have a [`KeyId`]. A sealing key's is its hash; a ring
//! generation's is that of whatever announced it, which also carries the commitment.
//!
//! **A one-time key never seals two plaintexts.** A wrap is made with a key derived from the ring
//! key, the kind and id of what is wrapped *and its commitment*, and a nonce of zeros. The
//! commitment fixes the plaintext, so another plaintext has another one-time key; and the same one
//! gives the same bytes. Wrapping checks the commitment first. So wrapping draws nothing, and
//! two devices that carry out one rotation make the same wraps.
//!
//! **Invariants.** What opens is what was committed to: opening checks it, whoever sealed.

mod object;
#[cfg(test)]
mod story;

pub use object::{KeyForm, KeyObject, KeyObjectError, KeyObjects, OBJECTS_MAX, Opener, Tag};

use chacha20poly1305::aead::{Aead as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use minicbor::decode::{self, Decoder};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crypto::{
    self, BOX_OVERHEAD_BYTES, Key, OpenError, SealingPublic, SealingSecret, domain,
};
use crate::generation::{ContentKey, GenerationRecord};
use crate::id::{GenerationId, KeyId, SliceId};
use crate::slice::PartNumber;
use crate::wire;

/// How many bytes a wrap has: a key and a tag.
pub const WRAP_BYTES: usize = 32 + 16;
/// How many bytes a box of one key has.
pub const KEY_BOX_BYTES: usize = 32 + BOX_OVERHEAD_BYTES;

/// The key that all who belong to a principal hold, of one ring generation.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct RingKey(#[n(0)] Key);

impl RingKey {
    /// Returns the ring key that this key is.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self(key)
    }

    /// Draws a ring key.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Key::random(rng))
    }

    /// Returns the key itself, to be wrapped, boxed or stored sealed.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.0
    }

    /// Returns the commitment to this key as a ring key of `principal` (the bytes of its id).
    #[must_use]
    pub fn commit(&self, principal: &[u8; 32]) -> [u8; 32] {
        crypto::keyed_hash(self.0.as_bytes(), domain::RING_COMMIT, &[principal])
    }

    /// Returns the key for the tags of what only those who hold this ring key are to find.
    #[must_use]
    pub fn tag_key(&self) -> Key {
        self.0.derive(domain::RING_TAG, &[])
    }

    /// Wraps the key that `target` commits to. The same wrap each time.
    ///
    /// # Errors
    /// [`NotCommitted`] if `key` is another.
    pub fn wrap(&self, target: &Target, key: &Key) -> Result<Wrap, NotCommitted> {
        target.check(key)?;
        let sealed = self
            .one_time(target)
            .encrypt(&Nonce::default(), key.as_bytes().as_slice())
            .expect("encryption of 32 bytes does not fail");
        let wrap = sealed.try_into().expect("a key and a tag");
        Ok(Wrap(wrap))
    }

    /// Opens the wrap of what `target` says.
    ///
    /// # Errors
    /// [`OpenError`]: another ring key, another target, changed bytes, or not the key that was
    /// committed to. It does not say which.
    pub fn open(&self, target: &Target, wrap: &Wrap) -> Result<Key, OpenError> {
        let opened = self
            .one_time(target)
            .decrypt(&Nonce::default(), wrap.0.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| OpenError)?;
        target.take(&opened)
    }

    fn one_time(&self, target: &Target) -> ChaCha20Poly1305 {
        let key = self.0.derive(
            domain::RING_WRAP,
            &[&[target.kind()], target.id(), &target.commitment()],
        );
        ChaCha20Poly1305::new(key.as_bytes().into())
    }
}

/// A key that is sealed: what it is, its id, and the commitment that says which key it is. From a
/// record that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The content key of a generation.
    Content {
        /// Which.
        generation: GenerationId,
        /// Of which slice.
        slice: SliceId,
        /// Of which part.
        part: PartNumber,
        /// Its commitment.
        commit: [u8; 32],
    },
    /// The ring key of a ring generation.
    Ring {
        /// Which.
        ring: KeyId,
        /// The bytes of the id of the person or circle that it is of.
        principal: [u8; 32],
        /// Its commitment, see [`RingKey::commit`].
        commit: [u8; 32],
    },
    /// The seed of the sealing secret whose public half has this id. That commits to it.
    Sealing(KeyId),
}

/// A key that is not the one that was committed to. The caller's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key is not the one that was committed to")]
pub struct NotCommitted;

impl Target {
    /// Returns the content key of the generation with this id and record.
    #[must_use]
    pub const fn content(generation: GenerationId, record: &GenerationRecord) -> Self {
        Self::Content {
            generation,
            slice: record.slice,
            part: record.part,
            commit: record.commit,
        }
    }

    /// Returns the id of what is sealed.
    #[must_use]
    pub const fn id(&self) -> &[u8; 32] {
        match self {
            Self::Content { generation, .. } => generation.as_bytes(),
            Self::Ring { ring, .. } => ring.as_bytes(),
            Self::Sealing(sealing) => sealing.as_bytes(),
        }
    }

    pub(crate) const fn kind(&self) -> u8 {
        match self {
            Self::Content { .. } => 0,
            Self::Ring { .. } => 1,
            Self::Sealing(_) => 2,
        }
    }

    pub(crate) const fn commitment(&self) -> [u8; 32] {
        match self {
            Self::Content { commit, .. } | Self::Ring { commit, .. } => *commit,
            Self::Sealing(sealing) => *sealing.as_bytes(),
        }
    }

    /// Boxes the key that this commits to, for whoever holds the secret half of `to`.
    ///
    /// # Errors
    /// [`NotCommitted`] if `key` is another.
    pub fn seal(
        &self,
        rng: &mut impl CryptoRng,
        to: &SealingPublic,
        key: &Key,
    ) -> Result<KeyBox, NotCommitted> {
        self.check(key)?;
        let boxed = to.seal(rng, domain::KEY_BOX, &self.context(to.id()), key.as_bytes());
        Ok(KeyBox(boxed.into_boxed_slice()))
    }

    /// Opens the box of what this says.
    ///
    /// # Errors
    /// [`OpenError`]: for another sealing key, of another target, changed bytes, or not the key
    /// that was committed to. It does not say which.
    pub fn open(&self, secret: &SealingSecret, boxed: &KeyBox) -> Result<Key, OpenError> {
        let context = self.context(secret.public().id());
        let opened = secret.open(domain::KEY_BOX, &context, &boxed.0)?;
        self.take(&opened)
    }

    /// What stands beside a box: `[kind, id, commitment, id of the sealing key]`.
    fn context(&self, to: KeyId) -> Vec<u8> {
        #[derive(Encode)]
        #[cbor(array)]
        struct Context {
            #[n(0)]
            kind: u8,
            #[n(1)]
            #[cbor(with = "minicbor::bytes")]
            id: [u8; 32],
            #[n(2)]
            #[cbor(with = "minicbor::bytes")]
            commitment: [u8; 32],
            #[n(3)]
            to: KeyId,
        }
        wire::encode(&Context {
            kind: self.kind(),
            id: *self.id(),
            commitment: self.commitment(),
            to,
        })
    }

    fn check(&self, key: &Key) -> Result<(), NotCommitted> {
        let commitment = match self {
            Self::Content { slice, part, .. } => ContentKey::new(key.clone()).commit(slice, *part),
            Self::Ring { principal, .. } => RingKey::new(key.clone()).commit(principal),
            Self::Sealing(_) => {
                let secret = SealingSecret::from_seed(key.as_bytes());
                *secret.public().id().as_bytes()
            }
        };
        if bool::from(commitment.ct_eq(&self.commitment())) {
            Ok(())
        } else {
            Err(NotCommitted)
        }
    }

    fn take(&self, opened: &[u8]) -> Result<Key, OpenError> {
        let bytes = opened.try_into().map_err(|_| OpenError)?;
        let key = Key::from_bytes(bytes);
        self.check(&key).map_err(|NotCommitted| OpenError)?;
        Ok(key)
    }
}

impl SealingPublic {
    /// Returns the id of this sealing key: its hash.
    #[must_use]
    pub fn id(&self) -> KeyId {
        KeyId::from_bytes(crypto::hash(domain::SEALING_KEY_ID, &[self.as_bytes()]))
    }
}

/// A key under a ring key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Wrap(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    [u8; WRAP_BYTES],
);

/// A key in a box for one sealing key.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct KeyBox(
    #[n(0)]
    #[cbor(decode_with = "key_box_bytes", encode_with = "minicbor::bytes::encode")]
    Box<[u8]>,
);

fn key_box_bytes<Ctx>(d: &mut Decoder<'_>, _: &mut Ctx) -> Result<Box<[u8]>, decode::Error> {
    let at = d.position();
    let bytes = d.bytes()?;
    if bytes.len() != KEY_BOX_BYTES {
        return Err(decode::Error::message("a box of a key has 1168 bytes").at(at));
    }
    Ok(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Someone, keeps_the_rules, rng};

    /// One key of each kind that is sealed, and what commits to it.
    pub(super) fn kinds(ines: &Someone) -> [(Target, Key); 3] {
        let key = ines.part_key(3, 1);
        let content = Target::content(key.generation(), key.record.unverified());
        let ring = RingKey::random(&mut rng(21));
        let target = Target::Ring {
            ring: KeyId::from_bytes([21; 32]),
            principal: *ines.id().as_bytes(),
            commit: ring.commit(ines.id().as_bytes()),
        };
        let seed = Key::from_bytes([1 ^ 0x40; 32]);
        let sealing = Target::Sealing(ines.sealing.public().id());
        [
            (content, key.key.key().clone()),
            (target, ring.key().clone()),
            (sealing, seed),
        ]
    }

    /// The same target with one thing about it changed, in every way there is.
    fn moved(target: Target) -> Vec<Target> {
        match target {
            Target::Content {
                generation,
                slice,
                part,
                commit,
            } => {
                let base = |generation, slice, part, commit| Target::Content {
                    generation,
                    slice,
                    part,
                    commit,
                };
                let other = [9; 32];
                vec![
                    base(GenerationId::from_bytes(other), slice, part, commit),
                    base(generation, SliceId::from_bytes(other), part, commit),
                    base(generation, slice, PartNumber(9), commit),
                    base(generation, slice, part, other),
                    Target::Ring {
                        ring: KeyId::from_bytes(*generation.as_bytes()),
                        principal: *slice.as_bytes(),
                        commit,
                    },
                ]
            }
            Target::Ring {
                ring,
                principal,
                commit,
            } => {
                let base = |ring, principal, commit| Target::Ring {
                    ring,
                    principal,
                    commit,
                };
                vec![
                    base(KeyId::from_bytes([9; 32]), principal, commit),
                    base(ring, [9; 32], commit),
                    base(ring, principal, [9; 32]),
                    Target::Sealing(ring),
                ]
            }
            Target::Sealing(_) => vec![Target::Sealing(KeyId::from_bytes([9; 32]))],
        }
    }

    #[test]
    fn a_wrap_opens_for_its_ring_and_target_only() {
        let ines = Someone::new(1);
        let (ring, other) = (RingKey::random(&mut rng(1)), RingKey::random(&mut rng(2)));
        for (target, key) in kinds(&ines) {
            let wrap = ring.wrap(&target, &key).unwrap();
            assert_eq!(wire::encode(&wrap).len(), 2 + WRAP_BYTES);
            assert_eq!(ring.open(&target, &wrap).as_ref(), Ok(&key));
            assert_eq!(other.open(&target, &wrap), Err(OpenError));
            for moved in moved(target) {
                assert_eq!(ring.open(&moved, &wrap), Err(OpenError), "{moved:?}");
            }
            for at in 0..WRAP_BYTES {
                let mut changed = wrap;
                changed.0[at] ^= 1;
                assert_eq!(ring.open(&target, &changed), Err(OpenError), "byte {at}");
            }
        }
    }

    #[test]
    fn a_box_opens_for_its_reader_and_target_only() {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        for (target, key) in kinds(&ines) {
            let boxed = target
                .seal(&mut rng(1), &marc.sealing.public(), &key)
                .unwrap();
            assert_eq!(boxed.0.len(), KEY_BOX_BYTES);
            assert_eq!(target.open(&marc.sealing, &boxed).as_ref(), Ok(&key));
            assert_eq!(target.open(&ines.sealing, &boxed), Err(OpenError));
            for moved in moved(target) {
                let got = moved.open(&marc.sealing, &boxed);
                assert_eq!(got, Err(OpenError), "{moved:?}");
            }
            for at in (0..KEY_BOX_BYTES).step_by(31) {
                let mut changed = boxed.clone();
                changed.0[at] ^= 1;
                let got = target.open(&marc.sealing, &changed);
                assert_eq!(got, Err(OpenError), "byte {at}");
            }
        }
    }

    #[test]
    fn a_key_that_was_not_committed_to_is_neither_sealed_nor_opened() {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let ring = RingKey::random(&mut rng(1));
        let wrong = Key::random(&mut rng(9));
        for (target, _) in kinds(&ines) {
            assert_eq!(ring.wrap(&target, &wrong), Err(NotCommitted));
            let to = marc.sealing.public();
            let got = target.seal(&mut rng(1), &to, &wrong);
            assert_eq!(got, Err(NotCommitted));

            // As somebody seals who does not care for the rules.
            let sealed = ring
                .one_time(&target)
                .encrypt(&Nonce::default(), wrong.as_bytes().as_slice());
            let wrap = Wrap(sealed.unwrap().try_into().unwrap());
            assert_eq!(ring.open(&target, &wrap), Err(OpenError));
            let context = target.context(to.id());
            let boxed = to.seal(&mut rng(1), domain::KEY_BOX, &context, wrong.as_bytes());
            let boxed = KeyBox(boxed.into());
            assert_eq!(target.open(&marc.sealing, &boxed), Err(OpenError));
        }
    }

    #[test]
    fn a_one_time_key_is_of_one_target_and_two_devices_make_the_same_wrap() {
        let ines = Someone::new(1);
        let ring = RingKey::random(&mut rng(1));
        let mut wraps = Vec::new();
        for (target, key) in kinds(&ines) {
            let wrap = ring.wrap(&target, &key).unwrap();
            assert_eq!(ring.clone().wrap(&target, &key), Ok(wrap));
            wraps.push(wrap.0.to_vec());
        }
        // Two keys announced under one id: were the one-time key the same, the ciphertexts would
        // differ as the plaintexts do.
        let (a, b) = (RingKey::random(&mut rng(2)), RingKey::random(&mut rng(3)));
        let [sealed_a, sealed_b] = [&a, &b].map(|key| {
            let principal = [8; 32];
            let target = Target::Ring {
                ring: KeyId::from_bytes([7; 32]),
                principal,
                commit: key.commit(&principal),
            };
            ring.wrap(&target, key.key()).unwrap().0
        });
        let differ = |a: &[u8], b: &[u8]| -> Vec<u8> {
            std::iter::zip(&a[..32], &b[..32])
                .map(|(a, b)| a ^ b)
                .collect()
        };
        assert_ne!(
            differ(&sealed_a, &sealed_b),
            differ(a.key().as_bytes(), b.key().as_bytes())
        );
        // One plaintext, one id, in two kinds: still two keys, or the bytes would be equal.
        let id = [7; 32];
        let plain = [0; 32];
        for kind in [
            Target::Sealing(KeyId::from_bytes(id)),
            Target::Ring {
                ring: KeyId::from_bytes(id),
                principal: id,
                commit: id,
            },
        ] {
            let sealed = ring
                .one_time(&kind)
                .encrypt(&Nonce::default(), plain.as_slice());
            wraps.push(sealed.unwrap());
        }
        let distinct: std::collections::BTreeSet<_> = wraps.iter().collect();
        assert_eq!(distinct.len(), wraps.len());
    }

    #[test]
    fn the_keys_under_a_ring_key_are_others() {
        let key = Key::from_bytes([7; 32]);
        let ring = RingKey::new(key.clone());
        assert_ne!(ring.tag_key(), key);
        assert_ne!(ring.commit(&[1; 32]), ring.commit(&[2; 32]));
        let content = ContentKey::new(key);
        let of_slice = content.commit(&SliceId::from_bytes([1; 32]), PartNumber(0));
        assert_ne!(ring.commit(&[1; 32]), of_slice);
    }

    #[test]
    fn a_ring_leads_back_to_the_one_before_where_the_past_is_open() {
        let ines = Someone::new(1);
        let principal = *ines.id().as_bytes();
        let rings: Vec<_> = (0..4).map(|seed| RingKey::random(&mut rng(seed))).collect();
        let target = |at: u8| Target::Ring {
            ring: KeyId::from_bytes([at; 32]),
            principal,
            commit: rings[usize::from(at)].commit(&principal),
        };
        let history: Vec<_> = (0..3u8)
            .map(|at| {
                let (older, newer) = (&rings[usize::from(at)], &rings[usize::from(at) + 1]);
                newer.wrap(&target(at), older.key()).unwrap()
            })
            .collect();
        let mut ring = rings[3].clone();
        for at in (0..3u8).rev() {
            let key = ring.open(&target(at), &history[usize::from(at)]).unwrap();
            ring = RingKey::new(key);
            assert_eq!(ring, rings[usize::from(at)]);
        }
        // And never forward.
        assert_eq!(rings[0].open(&target(0), &history[0]), Err(OpenError));
        assert_eq!(rings[0].open(&target(1), &history[1]), Err(OpenError));
    }

    #[test]
    fn a_sealed_key_of_another_length_is_refused() {
        for length in [0, WRAP_BYTES - 1, WRAP_BYTES + 1] {
            let bytes = wire::encode(&minicbor::bytes::ByteVec::from(vec![0; length]));
            assert!(wire::decode::<Wrap>(&bytes, 4096).is_err(), "{length}");
        }
        for length in [0, KEY_BOX_BYTES - 1, KEY_BOX_BYTES + 1] {
            let bytes = wire::encode(&minicbor::bytes::ByteVec::from(vec![0; length]));
            assert!(wire::decode::<KeyBox>(&bytes, 4096).is_err(), "{length}");
        }
    }

    #[test]
    fn key_objects_keep_the_rules_of_the_wire() {
        let ines = Someone::new(1);
        let ring = RingKey::random(&mut rng(1));
        for (target, key) in kinds(&ines) {
            let id = KeyId::from_bytes([4; 32]);
            let wrapped = KeyObject::wrap(id, &ring, &ring.tag_key(), &target, &key).unwrap();
            let to = ines.sealing.public();
            let boxed = KeyObject::seal(&mut rng(1), &to, &ring.tag_key(), &target, &key).unwrap();
            assert_eq!(wire::encode(&wrapped).len(), 105);
            assert_eq!(wire::encode(&boxed).len(), 1226);
            for object in [wrapped, boxed] {
                keeps_the_rules(&object, 1280);
                assert_eq!(KeyObject::decode(&wire::encode(&object)), Ok(object));
            }
        }
        let long = vec![0; 1281];
        let refused = wire::WireError::TooLong {
            got: 1281,
            max: 1280,
        };
        assert_eq!(KeyObject::decode(&long), Err(refused));
    }
}
