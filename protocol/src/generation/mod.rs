//! The read keys of a part, one after another.
//!
//! A part is sealed under one [`ContentKey`] at a time. When somebody may no longer read, a new
//! *generation* starts: a new key, and a [`GenerationRecord`] that commits to it, so that all
//! readers know that they hold the same one.
//!
//! Records are signed in **batches**: when a ring rotates, every slice below it needs a new key,
//! and one signature over a Merkle root answers for all. A record travels in one of two ways:
//!
//! | form | to whom |
//! |---|---|
//! | [`SignedGeneration`]: record, signed head of its batch, path | who reads this slice and perhaps none of the others; a batch of one has an empty path |
//! | [`GenerationBatch`]: signed head, all records, their wraps | who reads them all: the audience of the ring |
//!
//! The key reaches readers wrapped or boxed (see [`ring`](crate::ring)), or beside its record as a
//! [`PartKey`] inside a parcel. [`choice`] says which generation is sealed under.
//!
//! From a content key come the subkeys that seal entries and the [`AccessKey`], whose holder may
//! be handed ciphertext but reads nothing.

mod batch;
pub mod choice;
mod merkle;

use minicbor::bytes::ByteArray;
use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;

pub use batch::{BATCH_BYTES_MAX, BatchError, GenerationBatch, Next};
pub use merkle::PATH_MAX;

use crate::crypto::{self, Key, SigningKey, domain};
use crate::defence::{self, Defence};
use crate::evaluation::Speaker;
use crate::id::{DeviceId, GenerationId, GrantId, KeyId, MembershipId, SliceId, StatementId};
use crate::principal::Authority;
use crate::signed::{Record, Signed};
use crate::slice::PartNumber;
use crate::wire::{self, STATEMENT_BYTES_MAX, V1};

/// Most generations that one follows directly; more than one only after concurrent rotations.
pub const PARENTS_MAX: usize = 16;
/// Most ring generations or sealing keys that the keys of one batch are wrapped or boxed under:
/// the audiences of what rotates together.
pub const UNDER_MAX: usize = 16;
/// Most removals that one generation names: more take another generation.
pub const REMOVED_MAX: usize = 16;
/// Most records in one batch: all slices that a person shares with one circle, over their parts.
pub const RECORDS_MAX: usize = 1 << PATH_MAX;

/// What all readers of a part are told about one of its keys. Its id is the hash of its bytes.
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
    /// The generations that it replaces, lowest id first; none for the first.
    #[n(3)]
    #[cbor(decode_with = "wire::list::<Ctx, GenerationId, PARENTS_MAX>")]
    pub parents: Vec<GenerationId>,
    /// Commitment to the key, see [`ContentKey::commit`]. The key is random, so no two records
    /// are alike, and nobody guesses one from its hash.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub commit: [u8; 32],
    /// The removals in the slice that its maker knew, and that none of the generations before it names;
    /// in rising order. Those of owners and readers are with the key that this one is under.
    #[n(5)]
    #[cbor(decode_with = "wire::list::<Ctx, StatementId, REMOVED_MAX>")]
    pub removed: Vec<StatementId>,
}

/// What a device of the owner signs, once for a whole batch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct BatchHead {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// The admission by which the device speaks for the owner.
    #[n(1)]
    pub membership: MembershipId,
    /// Which device signed.
    #[n(2)]
    pub device: DeviceId,
    /// What the keys of this batch were wrapped or boxed under when it was made, lowest id first.
    /// Whoever has one of these has every key of the batch. Empty if each went in parcels.
    #[n(3)]
    #[cbor(decode_with = "wire::list::<Ctx, KeyId, UNDER_MAX>")]
    pub under: Vec<KeyId>,
    /// Root of the tree over the records.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// How many records there are, at most [`RECORDS_MAX`].
    #[n(5)]
    pub count: u32,
}

impl Record for BatchHead {
    const DOMAIN: &'static str = domain::BATCH;
}

impl BatchHead {
    /// Returns who claims to have made the keys of this batch.
    #[must_use]
    pub const fn speaker(&self) -> Speaker {
        Speaker {
            membership: self.membership,
            key: *self.device.as_bytes(),
        }
    }
}

/// The device that signs generations, and the admission by which it speaks.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    /// The admission.
    pub membership: MembershipId,
    /// The device.
    pub signing: &'a SigningKey,
}

/// A generation record as its issuer wrote it, with what shows that they signed for it.
///
/// On the wire `[record bytes, signed head, index, [hash...]]`. Out of a decoder it is well formed
/// but not verified.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SignedGeneration {
    #[n(0)]
    leaf: Leaf,
    #[n(1)]
    head: Signed<BatchHead>,
    #[n(2)]
    index: u32,
    #[n(3)]
    #[cbor(decode_with = "wire::list::<Ctx, ByteArray<32>, PATH_MAX>")]
    path: Vec<ByteArray<32>>,
}

/// A record as its issuer wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Leaf {
    bytes: Vec<u8>,
    record: GenerationRecord,
}

impl Leaf {
    fn new(record: GenerationRecord) -> Self {
        let bytes = wire::encode(&record);
        Self { bytes, record }
    }

    fn id(&self) -> GenerationId {
        GenerationId::from_bytes(crypto::hash(domain::GENERATION_ID, &[&self.bytes]))
    }
}

impl<C> Encode<C> for Leaf {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.bytes)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Leaf {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        let bytes = d.bytes()?;
        let record = wire::decode(bytes, STATEMENT_BYTES_MAX)
            .map_err(|_| decode::Error::message("the generation record is malformed").at(at))?;
        Ok(Self {
            bytes: bytes.to_vec(),
            record,
        })
    }
}

/// Why a generation record was refused. Whoever made it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenerationError {
    /// The issuer may not make keys of the slice, by the admission that they name.
    #[error("{0} may not make keys of this slice")]
    Issuer(DeviceId),
    /// What it is sealed under is not in order, or there are no records or too many.
    #[error("the head of the batch is not in order")]
    Head,
    /// The signature does not hold.
    #[error("signature does not hold")]
    Signature,
    /// Parents are not in order.
    #[error("the generation's parents are not in order")]
    Parents,
    /// The record is not the one in this place of the batch that was signed.
    #[error("the record is not in the batch that was signed")]
    Batch,
}

/// Whether one of a person's devices is this speaker.
fn speaks_for(owner: &Authority, speaker: &Speaker) -> bool {
    let device = DeviceId::from_bytes(speaker.key);
    (owner.device(&device)).is_some_and(|device| device.membership == speaker.membership)
}

/// Checks what one signature says, whoever the records are for.
fn verify_head(
    head: &Signed<BatchHead>,
    speaks: impl Fn(&Speaker) -> bool,
) -> Result<&BatchHead, GenerationError> {
    let claimed = head.unverified();
    if !speaks(&claimed.speaker()) {
        return Err(GenerationError::Issuer(claimed.device));
    }
    let count = usize::try_from(claimed.count).unwrap_or(usize::MAX);
    if !claimed.under.is_sorted_by(|a, b| a < b) || !(1..=RECORDS_MAX).contains(&count) {
        return Err(GenerationError::Head);
    }
    head.check(claimed.device.as_bytes())
        .map_err(|_| GenerationError::Signature)
}

fn verify_parents(record: &GenerationRecord) -> Result<(), GenerationError> {
    let rising = record.removed.is_sorted_by(|a, b| a < b);
    if rising && record.parents.is_sorted_by(|a, b| a < b) {
        Ok(())
    } else {
        Err(GenerationError::Parents)
    }
}

impl SignedGeneration {
    /// Returns the generation's id: the hash of the record's bytes.
    #[must_use]
    pub fn id(&self) -> GenerationId {
        self.leaf.id()
    }

    /// Returns the bytes of the record, as its issuer wrote them.
    #[must_use]
    pub fn record_bytes(&self) -> &[u8] {
        &self.leaf.bytes
    }

    /// Returns what the record claims, whoever wrote it.
    #[must_use]
    pub const fn unverified(&self) -> &GenerationRecord {
        &self.leaf.record
    }

    /// Returns what the head of its batch claims, whoever wrote it.
    #[must_use]
    pub const fn unverified_head(&self) -> &BatchHead {
        self.head.unverified()
    }

    /// Checks that a device of the owner signed the batch in which this record is.
    ///
    /// The caller checks that it is about the slice and part that it expects. Costs one signature
    /// check; a [`GenerationBatch`] costs one for all its records.
    ///
    /// # Errors
    /// [`GenerationError`], the cheap checks first.
    pub fn verify(&self, owner: &Authority) -> Result<&GenerationRecord, GenerationError> {
        self.verify_by(|speaker| speaks_for(owner, speaker))
    }

    /// Checks the same where others than the owner's devices make generations: `speaks` tells who may.
    ///
    /// # Errors
    /// [`GenerationError`], the cheap checks first.
    pub fn verify_by(
        &self,
        speaks: impl Fn(&Speaker) -> bool,
    ) -> Result<&GenerationRecord, GenerationError> {
        verify_parents(&self.leaf.record)?;
        let claimed = self.head.unverified();
        let path: Vec<_> = self.path.iter().map(|hash| **hash).collect();
        if !merkle::holds(
            merkle::leaf(&self.leaf.bytes),
            self.index,
            claimed.count,
            &path,
            &claimed.root,
        ) {
            return Err(GenerationError::Batch);
        }
        verify_head(&self.head, speaks)?;
        Ok(&self.leaf.record)
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

    /// Returns whether this is the key that `record` commits to.
    #[must_use]
    pub fn is_of(&self, record: &GenerationRecord) -> bool {
        let is_of = self
            .commit(&record.slice, record.part)
            .ct_eq(&record.commit);
        bool::from(is_of) || defence::is_off(Defence::KeyIsCommitted)
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

    /// Returns the commitment that carriers are told, see [`Control`](crate::control::Control).
    #[must_use]
    pub fn commit(&self, slice: &SliceId, part: PartNumber) -> [u8; 32] {
        crypto::keyed_hash(
            self.0.as_bytes(),
            domain::ACCESS_COMMIT,
            &[slice.as_bytes(), &part.0.to_le_bytes()],
        )
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
    /// The record does not hold.
    #[error(transparent)]
    Generation(#[from] GenerationError),
    /// The key is not the one that the record commits to.
    #[error("the key is not the one that was committed to")]
    Commit,
}

impl PartKey {
    /// Draws the next key of a part, to be handed out in parcels, and signs its record alone.
    ///
    /// `parents` are the generations that it replaces: none for the first. `removed` are the removals
    /// in the slice that are known, and that none of those before it names: at most [`REMOVED_MAX`].
    ///
    /// # Panics
    /// With more than [`PARENTS_MAX`] parents; take any of them: the others are replaced next time.
    #[must_use]
    pub fn generate(
        rng: &mut impl CryptoRng,
        issuer: Issuer<'_>,
        slice: SliceId,
        part: PartNumber,
        parents: &[&SignedGeneration],
        removed: Vec<StatementId>,
    ) -> Self {
        let key = ContentKey::random(rng);
        let next = Next {
            slice,
            part,
            parents: parents.iter().map(|parent| parent.id()).collect(),
            removed,
        };
        let batch = GenerationBatch::sign(issuer, &[], vec![next.record(&key)])
            .expect("one record, and at most PARENTS_MAX parents");
        let record = batch.generations().next();
        Self {
            version: V1,
            record: record.expect("the batch has one record"),
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
        let record = self.record.verify(owner)?;
        if !self.key.is_of(record) {
            return Err(PartKeyError::Commit);
        }
        Ok(record)
    }
}

#[cfg(test)]
pub(crate) use tests::widest;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Someone, keeps_the_rules, rng};

    fn id(byte: u8) -> GenerationId {
        GenerationId::from_bytes([byte; 32])
    }

    fn under(count: u8) -> Vec<KeyId> {
        (1..=count)
            .map(|byte| KeyId::from_bytes([byte; 32]))
            .collect()
    }

    /// The part key with the longest way of being written that holds.
    pub(crate) fn widest(ines: &Someone) -> PartKey {
        let key = ContentKey::random(&mut rng(1));
        let next = |part| Next {
            slice: ines.slice().id(),
            part: PartNumber(part),
            parents: Vec::new(),
            removed: Vec::new(),
        };
        let mut records = vec![next(3).record(&key); RECORDS_MAX - 1];
        let parents = (1..=16).map(id).collect();
        records.push(
            Next {
                parents,
                ..next(u32::MAX)
            }
            .record(&key),
        );
        let batch = GenerationBatch::sign(ines.issuer(), &under(16), records).unwrap();
        let record = batch.generations().last().unwrap();
        assert_eq!(record.path.len(), PATH_MAX);
        PartKey {
            version: V1,
            record,
            key,
        }
    }

    #[test]
    fn a_part_key_keeps_the_rules_of_the_wire() {
        let ines = Someone::new(1);
        let first = ines.part_key(3, 1);
        let next = PartKey::generate(
            &mut rng(2),
            ines.issuer(),
            ines.slice().id(),
            PartNumber(3),
            &[&first.record],
            Vec::new(),
        );
        assert_eq!(next.record.unverified().parents, [first.generation()]);
        // As the spec says: a record without and with a parent, its head, a generation, a part key.
        let sizes = [first.record.record_bytes(), next.record.record_bytes()].map(<[u8]>::len);
        assert_eq!(sizes, [73, 107]);
        assert_eq!(first.record.head.signed_bytes().len(), 106);
        assert_eq!(wire::encode(&first.record).len(), 253);
        assert_eq!(wire::encode(&first).len(), 289);
        for key in [first, next, widest(&ines)] {
            assert_eq!(key.verify(&ines.authority).err(), None);
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
        let refused = |issuer: &Someone| GenerationError::Issuer(issuer.author().device);
        let key = ines.part_key(3, 1);
        let got = key.record.verify(&marc.authority).err();
        assert_eq!(got, Some(refused(&ines)));

        // Marc signs for her slice by his own admission, then by hers.
        let record = key.record.unverified().clone();
        let by = |membership, signing| {
            let issuer = Issuer {
                membership,
                signing,
            };
            let batch = GenerationBatch::sign(issuer, &[], vec![record.clone()]).unwrap();
            batch.generations().next().unwrap()
        };
        let (hers, his) = (ines.author().membership, marc.author().membership);
        let got = by(his, &marc.device).verify(&ines.authority).err();
        assert_eq!(got, Some(refused(&marc)));
        let got = by(hers, &marc.device).verify(&ines.authority).err();
        assert_eq!(got, Some(refused(&marc)));
        // Her device, by an admission that is not hers.
        let got = by(his, &ines.device).verify(&ines.authority).err();
        assert_eq!(got, Some(refused(&ines)));

        // And he writes her device's name over his own signature.
        let mut head = key.record.head.unverified().clone();
        head.under = under(1);
        let forged = SignedGeneration {
            head: Signed::sign(head, &marc.device),
            ..key.record.clone()
        };
        let got = forged.verify(&ines.authority).err();
        assert_eq!(got, Some(GenerationError::Signature));
    }

    #[test]
    fn parents_are_few_and_in_order() {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let with = |parents: Vec<GenerationId>| {
            let record = GenerationRecord {
                parents,
                ..key.record.unverified().clone()
            };
            // As somebody signs it who does not care for the rules.
            let leaf = Leaf::new(record);
            let head = BatchHead {
                root: merkle::leaf(&leaf.bytes),
                ..key.record.unverified_head().clone()
            };
            SignedGeneration {
                leaf,
                head: Signed::sign(head, &ines.device),
                ..key.record.clone()
            }
        };
        let decoded = |signed: SignedGeneration| {
            wire::decode::<SignedGeneration>(&wire::encode(&signed), wire::FRAME_BYTES_MAX)
        };
        for count in [0, 1, 2, 16] {
            let signed = with((1..=count).map(id).collect());
            assert_eq!(decoded(signed.clone()), Ok(signed.clone()));
            assert_eq!(signed.verify(&ines.authority).err(), None, "{count}");
        }
        for parents in [vec![id(2), id(1)], vec![id(1), id(1)]] {
            let got = with(parents).verify(&ines.authority).err();
            assert_eq!(got, Some(GenerationError::Parents));
        }
        assert!(decoded(with((1..=17).map(id).collect())).is_err());
    }

    #[test]
    fn a_head_is_in_order() {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let with = |change: &dyn Fn(&mut BatchHead)| {
            let mut head = key.record.unverified_head().clone();
            change(&mut head);
            SignedGeneration {
                head: Signed::sign(head, &ines.device),
                ..key.record.clone()
            }
        };
        let verified = |signed: &SignedGeneration| signed.verify(&ines.authority).err();
        assert_eq!(verified(&with(&|head| head.under = under(16))), None);
        let reversed = |head: &mut BatchHead| head.under = under(2).into_iter().rev().collect();
        let doubled = |head: &mut BatchHead| head.under = [under(1), under(1)].concat();
        for change in [&reversed as &dyn Fn(&mut BatchHead), &doubled] {
            assert_eq!(verified(&with(change)), Some(GenerationError::Head));
        }
        let wide = with(&|head| head.under = under(17));
        let got = wire::decode::<SignedGeneration>(&wire::encode(&wide), wire::FRAME_BYTES_MAX);
        assert!(got.is_err());
        // A count that does not fit the path, and none.
        for count in [0, 2] {
            let got = verified(&with(&|head| head.count = count));
            assert_eq!(got, Some(GenerationError::Batch), "{count}");
        }
        // One record more than there may be. The last goes up alone, so its path is short.
        let beside = [0; 32];
        let over = SignedGeneration {
            index: u32::try_from(RECORDS_MAX).unwrap(),
            path: vec![beside.into()],
            ..with(&|head| {
                head.count = u32::try_from(RECORDS_MAX).unwrap() + 1;
                head.root = merkle::node(&beside, &merkle::leaf(&key.record.leaf.bytes));
            })
        };
        assert_eq!(verified(&over), Some(GenerationError::Head));
    }

    #[test]
    fn a_record_holds_in_its_place_of_its_batch_only() {
        let ines = Someone::new(1);
        let batch = |seed, parts: u32| {
            let records = (0..parts).map(|part| {
                let key = ines.part_key(part, seed);
                key.record.unverified().clone()
            });
            GenerationBatch::sign(ines.issuer(), &under(2), records.collect()).unwrap()
        };
        let (one, other) = (batch(1, 5), batch(2, 5));
        let good: Vec<_> = one.generations().collect();
        let others: Vec<_> = other.generations().collect();
        for signed in &good {
            assert_eq!(signed.verify(&ines.authority).err(), None);
        }
        let refused = |signed: SignedGeneration, why: &str| {
            let got = signed.verify(&ines.authority).err();
            assert_eq!(got, Some(GenerationError::Batch), "{why}");
        };
        let base = &good[1];
        refused(
            SignedGeneration {
                index: 2,
                ..base.clone()
            },
            "another index",
        );
        refused(
            SignedGeneration {
                path: good[2].path.clone(),
                ..base.clone()
            },
            "the path of another index",
        );
        refused(
            SignedGeneration {
                head: others[1].head.clone(),
                ..base.clone()
            },
            "the head of another batch",
        );
        refused(
            SignedGeneration {
                path: others[1].path.clone(),
                ..base.clone()
            },
            "the path of another batch",
        );
        refused(
            SignedGeneration {
                leaf: others[1].leaf.clone(),
                ..base.clone()
            },
            "a record of another batch",
        );
        let longer = [base.path.as_slice(), &[[0; 32].into()]].concat();
        refused(
            SignedGeneration {
                path: longer,
                ..base.clone()
            },
            "a longer path",
        );
        let too_long = SignedGeneration {
            path: vec![[0; 32].into(); PATH_MAX + 1],
            ..base.clone()
        };
        let bytes = wire::encode(&too_long);
        assert!(wire::decode::<SignedGeneration>(&bytes, wire::FRAME_BYTES_MAX).is_err());
    }

    #[test]
    fn a_record_alone_tells_nothing_of_the_others_in_its_batch() {
        let ines = Someone::new(1);
        let keys: Vec<_> = (0..4).map(|part| ines.part_key(part, 1)).collect();
        let records: Vec<_> = keys
            .iter()
            .map(|key| key.record.unverified().clone())
            .collect();
        let batch = GenerationBatch::sign(ines.issuer(), &[], records.clone()).unwrap();
        let mine = wire::encode(&batch.generations().next().unwrap());
        let holds = |secret: &[u8]| mine.windows(secret.len()).any(|window| window == secret);
        assert!(holds(&records[0].commit));
        for other in &records[1..] {
            assert!(!holds(&other.commit));
            assert!(!holds(Leaf::new(other.clone()).id().as_bytes()));
        }
    }
}
