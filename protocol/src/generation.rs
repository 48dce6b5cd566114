//! The read keys of a part, one after another.
//!
//! A part is sealed under one [`ContentKey`] at a time. When somebody may no longer read, a new
//! *generation* starts: a new key, and a signed [`GenerationRecord`] that commits to it, so that
//! all readers know that they hold the same one. Key and record travel together as a
//! [`PartKey`].
//!
//! From a content key come the subkeys that seal entries and the [`AccessKey`], whose holder may
//! be handed ciphertext but reads nothing.

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

use crate::crypto::{self, Key, domain};
use crate::id::{DeviceId, GenerationId, GrantId, PersonId, SliceId};
use crate::principal::Authority;
use crate::signed::{Record, Signed};
use crate::slice::PartNumber;
use crate::wire::{self, V1};

/// Most generations that one follows directly; more than one only after concurrent rotations.
pub const PARENTS_MAX: usize = 16;

/// What all readers of a part are told about one of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct GenerationRecord {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// Of which slice.
    #[n(1)]
    pub slice: SliceId,
    /// Of which part.
    #[n(2)]
    pub part: PartNumber,
    /// How many came before on the longest way; 0 is the first.
    #[n(3)]
    pub number: u64,
    /// The generations that it replaces, lowest id first.
    #[n(4)]
    #[cbor(decode_with = "wire::list::<Ctx, GenerationId, PARENTS_MAX>")]
    pub parents: Vec<GenerationId>,
    /// Commitment to the key, see [`ContentKey::commit`].
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub commit: [u8; 32],
    /// Which device of the owner signed.
    #[n(6)]
    pub issuer: DeviceId,
    /// Random.
    #[n(7)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
}

impl Record for GenerationRecord {
    const DOMAIN: &'static str = domain::GENERATION;
}

/// A generation record with its issuer's signature.
pub type SignedGeneration = Signed<GenerationRecord>;

impl Signed<GenerationRecord> {
    /// Returns the generation's id: the hash of what was signed.
    #[must_use]
    pub fn id(&self) -> GenerationId {
        GenerationId::from_bytes(crypto::hash(domain::GENERATION_ID, &[self.signed_bytes()]))
    }
}

/// The read key of one generation of one part.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct ContentKey(#[n(0)] Key);

impl ContentKey {
    /// Returns the content key that this key is.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self(key)
    }

    /// Draws a content key.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Key::random(rng))
    }

    /// Returns the key itself, to be wrapped or stored sealed.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.0
    }

    /// Returns the commitment that a generation record carries.
    #[must_use]
    pub fn commit(&self, slice: &SliceId, part: PartNumber) -> [u8; 32] {
        crypto::keyed_hash(
            self.0.as_bytes(),
            domain::KEY_COMMIT,
            &[slice.as_bytes(), &part.0.to_le_bytes()],
        )
    }

    /// Returns the key that entitles to ciphertext and opens nothing.
    #[must_use]
    pub fn access(&self) -> AccessKey {
        AccessKey(self.0.derive(domain::KEY_ACCESS, &[]))
    }

    /// Returns the key that encrypts entries.
    pub(crate) fn entry_key(&self) -> Key {
        self.0.derive(domain::KEY_ENTRY, &[])
    }

    /// Returns the key that makes nonces of entries.
    pub(crate) fn nonce_key(&self) -> Key {
        self.0.derive(domain::KEY_NONCE, &[])
    }
}

/// Entitles to the ciphertext of a part's generation, and to naming the part in a session.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct AccessKey(#[n(0)] Key);

impl AccessKey {
    /// Returns the access key that this key is.
    #[must_use]
    pub const fn new(key: Key) -> Self {
        Self(key)
    }

    /// Returns the key with which a reader names, in a session, a grant that they have accepted: its
    /// giver knows it by then, and nobody who has not seen the grant or its link does.
    #[must_use]
    pub fn of_accepted(grant: &GrantId) -> Self {
        Self(Key::from_bytes(crypto::hash(
            domain::GRANT_ACCEPTED,
            &[grant.as_bytes()],
        )))
    }

    /// Returns the key itself.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.0
    }
}

/// A content key with the record that commits to it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PartKey {
    /// Version of this pair.
    #[n(0)]
    pub version: V1,
    /// What all readers know of the key.
    #[n(1)]
    pub record: SignedGeneration,
    /// The key.
    #[n(2)]
    pub key: ContentKey,
}

/// Why a part key was refused. The giver is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartKeyError {
    /// The issuer does not speak for the owner.
    #[error("{issuer} does not speak for {owner}")]
    Issuer {
        /// Who signed.
        issuer: DeviceId,
        /// Whose slice it is.
        owner: PersonId,
    },
    /// The signature does not hold.
    #[error("signature does not hold")]
    Signature,
    /// The key is not the one that the record commits to.
    #[error("the key is not the one that was committed to")]
    Commit,
    /// Parents are not in order, or the number does not fit them.
    #[error("the generation's parents are not in order")]
    Parents,
}

impl PartKey {
    /// Draws the next key of a part and signs its record.
    ///
    /// `parents` are the generations that it replaces: none for the first.
    ///
    /// # Panics
    /// With more than [`PARENTS_MAX`] parents; take the ones with the highest numbers.
    #[must_use]
    pub fn generate(
        rng: &mut impl CryptoRng,
        device: &crypto::SigningKey,
        slice: SliceId,
        part: PartNumber,
        parents: &[&SignedGeneration],
    ) -> Self {
        let key = ContentKey::random(rng);
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        let number = parents
            .iter()
            .map(|parent| parent.unverified().number.saturating_add(1))
            .max()
            .unwrap_or(0);
        let mut parents: Vec<_> = parents.iter().map(|parent| parent.id()).collect();
        parents.sort_unstable();
        parents.dedup();
        let record = GenerationRecord {
            version: V1,
            slice,
            part,
            number,
            parents,
            commit: key.commit(&slice, part),
            issuer: DeviceId::from_bytes(device.public()),
            nonce,
        };
        Self {
            version: V1,
            record: Signed::sign(record, device),
            key,
        }
    }

    /// Returns the generation's id.
    #[must_use]
    pub fn generation(&self) -> GenerationId {
        self.record.id()
    }

    /// Checks that a device of the owner made this generation and that this is its key.
    ///
    /// The caller checks that it is about the slice and part that it expects.
    ///
    /// # Errors
    /// [`PartKeyError`].
    pub fn verify(&self, owner: &Authority) -> Result<&GenerationRecord, PartKeyError> {
        let claimed = self.record.unverified();
        if owner.device(&claimed.issuer).is_none() {
            return Err(PartKeyError::Issuer {
                issuer: claimed.issuer,
                owner: owner.person(),
            });
        }
        if !claimed.parents.is_sorted_by(|a, b| a < b)
            || claimed.parents.is_empty() != (claimed.number == 0)
        {
            return Err(PartKeyError::Parents);
        }
        let record = self
            .record
            .check(claimed.issuer.as_bytes())
            .map_err(|_| PartKeyError::Signature)?;
        let commit = self.key.commit(&record.slice, record.part);
        if !bool::from(commit.ct_eq(&record.commit)) {
            return Err(PartKeyError::Commit);
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Someone, keeps_the_rules, rng};

    #[test]
    fn a_part_key_keeps_the_rules_of_the_wire() {
        let ines = Someone::new(1);
        let first = ines.part_key(3, 1);
        let next = PartKey::generate(
            &mut rng(2),
            &ines.device,
            ines.slice().id(),
            PartNumber(3),
            &[&first.record],
        );
        assert_eq!(next.record.unverified().parents, [first.generation()]);
        assert_eq!(next.record.unverified().number, 1);
        for key in [first, next] {
            assert!(key.verify(&ines.authority).is_ok());
            keeps_the_rules(&key, wire::FRAME_BYTES_MAX);
            keeps_the_rules(&key.record, wire::FRAME_BYTES_MAX);
        }
    }

    #[test]
    fn a_key_that_was_not_committed_to_is_refused() {
        let ines = Someone::new(1);
        let mut key = ines.part_key(3, 1);
        key.key = ContentKey::random(&mut rng(9));
        assert_eq!(key.verify(&ines.authority), Err(PartKeyError::Commit));
    }

    #[test]
    fn the_commitment_is_to_one_part_of_one_slice() {
        let key = ContentKey::random(&mut rng(1));
        let (a, b) = (SliceId::from_bytes([1; 32]), SliceId::from_bytes([2; 32]));
        assert_ne!(key.commit(&a, PartNumber(0)), key.commit(&b, PartNumber(0)));
        assert_ne!(key.commit(&a, PartNumber(0)), key.commit(&a, PartNumber(1)));
        assert_ne!(key.access().key(), key.key());
    }

    #[test]
    fn only_the_owners_devices_make_generations() {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let issuer = DeviceId::from_bytes(ines.device.public());
        let key = ines.part_key(3, 1);
        let refused = PartKeyError::Issuer {
            issuer,
            owner: marc.id(),
        };
        assert_eq!(key.verify(&marc.authority), Err(refused));

        let mut forged = key.clone();
        forged.record = Signed::sign(key.record.unverified().clone(), &marc.device);
        assert_eq!(forged.verify(&ines.authority), Err(PartKeyError::Signature));
    }

    #[test]
    fn parents_are_few_and_in_order() {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let with = |parents: Vec<GenerationId>, number| {
            let record = GenerationRecord {
                parents,
                number,
                ..key.record.unverified().clone()
            };
            PartKey {
                record: Signed::sign(record, &ines.device),
                ..key.clone()
            }
        };
        let id = |byte| GenerationId::from_bytes([byte; 32]);
        assert!(with(vec![id(1), id(2)], 1).verify(&ines.authority).is_ok());
        for (parents, number) in [
            (vec![id(2), id(1)], 1),
            (vec![id(1), id(1)], 1),
            (vec![], 1),
            (vec![id(1)], 0),
        ] {
            let got = with(parents, number).verify(&ines.authority).cloned();
            assert_eq!(got, Err(PartKeyError::Parents));
        }
        let full = with((1..=16).map(id).collect(), 1);
        assert!(Signed::<GenerationRecord>::decode(&full.record.to_bytes()).is_ok());
        let over = with((1..=17).map(id).collect(), 1);
        assert!(Signed::<GenerationRecord>::decode(&over.record.to_bytes()).is_err());
    }
}
