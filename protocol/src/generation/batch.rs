//! Many generations under one signature.

use minicbor::bytes::ByteArray;
use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;

use super::merkle::{self, Tree};
use super::{
    BatchHead, ContentKey, GenerationError, GenerationRecord, Issuer, Leaf, PARENTS_MAX,
    RECORDS_MAX, REMOVED_MAX, SignedGeneration, UNDER_MAX, verify_head, verify_parents,
};
use crate::crypto::OpenError;
use crate::evaluation::Speaker;
use crate::id::{DeviceId, GenerationId, KeyId, SliceId, StatementId};
use crate::ring::{RingKey, Target, Wrap};
use crate::signed::Signed;
use crate::slice::PartNumber;
use crate::wire::{self, FRAME_BYTES_MAX, V1, WireError};

/// Longest batch in one piece: a frame, less what the session puts around it. That is more than
/// 6,000 records with their wraps; a larger batch goes as [`SignedGeneration`]s.
pub const BATCH_BYTES_MAX: usize = FRAME_BYTES_MAX - 4096;

/// A part that gets a new key, and the generations that it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next {
    /// Of which slice.
    pub slice: SliceId,
    /// Which part.
    pub part: PartNumber,
    /// What it replaces, in any order: none for the first.
    pub parents: Vec<GenerationId>,
    /// The removals in the slice that are known and that none of those names, in any order: the
    /// lowest [`REMOVED_MAX`] of them.
    pub removed: Vec<StatementId>,
}

impl Next {
    /// Returns the record that commits to `key` as this part's next one.
    #[must_use]
    pub fn record(&self, key: &ContentKey) -> GenerationRecord {
        let mut parents = self.parents.clone();
        parents.sort_unstable();
        parents.dedup();
        let mut removed = self.removed.clone();
        removed.sort_unstable();
        removed.dedup();
        removed.truncate(REMOVED_MAX);
        GenerationRecord {
            version: V1,
            slice: self.slice,
            part: self.part,
            parents,
            commit: key.commit(&self.slice, self.part),
            removed,
        }
    }
}

/// More than one batch holds. The caller's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// No record, or too many.
    #[error("{got} records, where one to {RECORDS_MAX} are one batch")]
    Records {
        /// How many there are.
        got: usize,
    },
    /// Too many parents.
    #[error("a generation after {got} others, more than the {PARENTS_MAX} allowed")]
    Parents {
        /// How many there are.
        got: usize,
    },
    /// Too many audiences.
    #[error("sealed under {got} keys, more than the {UNDER_MAX} allowed")]
    Under {
        /// How many there are.
        got: usize,
    },
}

/// All generations that one signature is over, and the wraps of their keys.
///
/// On the wire `[1, signed head, [record bytes...], [wrap...]]`. There is a wrap for each record,
/// under the one key that the head names, or none at all. Wraps are not signed: a wrap opens to the
/// key that its record commits to, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationBatch {
    head: Signed<BatchHead>,
    leaves: Vec<Leaf>,
    wraps: Vec<Wrap>,
}

impl GenerationBatch {
    /// Signs `records`, whose keys are or will be sealed under `under` and nothing else.
    ///
    /// # Errors
    /// [`BatchError`] if it is too much for one batch, or nothing.
    pub fn sign(
        issuer: Issuer<'_>,
        under: &[KeyId],
        records: Vec<GenerationRecord>,
    ) -> Result<Self, BatchError> {
        let got = records.len();
        let count = u32::try_from(got).map_err(|_| BatchError::Records { got })?;
        if got > RECORDS_MAX {
            return Err(BatchError::Records { got });
        }
        if let Some(wide) = records.iter().find(|it| it.parents.len() > PARENTS_MAX) {
            let got = wide.parents.len();
            return Err(BatchError::Parents { got });
        }
        let mut under = under.to_vec();
        under.sort_unstable();
        under.dedup();
        if under.len() > UNDER_MAX {
            return Err(BatchError::Under { got: under.len() });
        }
        let leaves: Vec<_> = records.into_iter().map(Leaf::new).collect();
        let root = tree(&leaves).root().ok_or(BatchError::Records { got })?;
        let head = BatchHead {
            version: V1,
            membership: issuer.membership,
            device: DeviceId::from_bytes(issuer.signing.public()),
            under,
            root,
            count,
        };
        Ok(Self {
            head: Signed::sign(head, issuer.signing),
            leaves,
            wraps: Vec::new(),
        })
    }

    /// Draws a new key for each of `parts` and wraps them under `ring`, whose id is `ring_id`:
    /// what a rotation of that ring owes to the slices below it.
    ///
    /// # Errors
    /// [`BatchError`] if it is too much for one batch, or nothing.
    pub fn rotate(
        rng: &mut impl CryptoRng,
        issuer: Issuer<'_>,
        ring_id: KeyId,
        ring: &RingKey,
        parts: &[Next],
    ) -> Result<(Self, Vec<ContentKey>), BatchError> {
        let keys: Vec<_> = parts.iter().map(|_| ContentKey::random(rng)).collect();
        let records = parts.iter().zip(&keys).map(|(part, key)| part.record(key));
        let mut batch = Self::sign(issuer, &[ring_id], records.collect())?;
        batch.wraps = batch
            .leaves
            .iter()
            .zip(&keys)
            .map(|(leaf, key)| {
                ring.wrap(&leaf.target(), key.key())
                    .expect("the record commits to this key")
            })
            .collect();
        Ok((batch, keys))
    }

    /// Reads a batch; verifies nothing.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are not one batch in canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode(bytes, BATCH_BYTES_MAX)
    }

    /// Returns the batch in one piece; [`BATCH_BYTES_MAX`] is what a reader takes of it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Returns what the head claims, whoever wrote it.
    #[must_use]
    pub const fn unverified_head(&self) -> &BatchHead {
        self.head.unverified()
    }

    /// Returns how many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Returns whether there is no record, which no batch that holds is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// Checks that a device of the owner signed exactly these records, in this order. Each of
    /// [`Self::generations`] then holds too, for one signature check in all.
    ///
    /// The caller checks that each is about a slice and part that it expects.
    ///
    /// # Errors
    /// [`GenerationError`], the cheap checks first.
    pub fn verify(
        &self,
        owner: &crate::principal::Authority,
    ) -> Result<&BatchHead, GenerationError> {
        self.verify_by(|speaker| super::speaks_for(owner, speaker))
    }

    /// Checks the same where others than the owner's devices make generations: `speaks` tells who may.
    ///
    /// # Errors
    /// [`GenerationError`], the cheap checks first.
    pub fn verify_by(
        &self,
        speaks: impl Fn(&Speaker) -> bool,
    ) -> Result<&BatchHead, GenerationError> {
        let claimed = self.head.unverified();
        if u32::try_from(self.leaves.len()) != Ok(claimed.count)
            || tree(&self.leaves).root() != Some(claimed.root)
        {
            return Err(GenerationError::Batch);
        }
        for leaf in &self.leaves {
            verify_parents(&leaf.record)?;
        }
        let head = verify_head(&self.head, speaks)?;
        if !self.wraps.is_empty() && head.under.len() != 1 {
            return Err(GenerationError::Head);
        }
        Ok(head)
    }

    /// Returns each record as it travels alone.
    pub fn generations(&self) -> impl Iterator<Item = SignedGeneration> {
        let tree = tree(&self.leaves);
        (0u32..).zip(&self.leaves).map(move |(index, leaf)| {
            let path = tree.path(usize::try_from(index).unwrap_or(usize::MAX));
            SignedGeneration {
                leaf: leaf.clone(),
                head: self.head.clone(),
                index,
                path: path.into_iter().map(ByteArray::from).collect(),
            }
        })
    }

    /// Opens the wrap of the record `index` with the ring key that the head names.
    ///
    /// # Errors
    /// [`OpenError`] if there is none, or it holds another key than the record commits to.
    pub fn open(&self, index: usize, ring: &RingKey) -> Result<ContentKey, OpenError> {
        let leaf = self.leaves.get(index).ok_or(OpenError)?;
        let wrap = self.wraps.get(index).ok_or(OpenError)?;
        ring.open(&leaf.target(), wrap).map(ContentKey::new)
    }
}

impl Leaf {
    fn target(&self) -> Target {
        Target::content(self.id(), &self.record)
    }
}

fn tree(leaves: &[Leaf]) -> Tree {
    Tree::over(
        leaves
            .iter()
            .map(|leaf| merkle::leaf(&leaf.bytes))
            .collect(),
    )
}

impl<C> Encode<C> for GenerationBatch {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(4)?
            .encode_with(V1, ctx)?
            .encode_with(&self.head, ctx)?
            .encode_with(&self.leaves, ctx)?
            .encode_with(&self.wraps, ctx)?
            .ok()
    }
}

impl<'b, C> Decode<'b, C> for GenerationBatch {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        let malformed = |what: &'static str| decode::Error::message(what).at(at);
        if d.array()? != Some(4) {
            return Err(malformed("a batch has four fields"));
        }
        let V1 = d.decode_with(ctx)?;
        let head = d.decode_with(ctx)?;
        let leaves = wire::list::<C, Leaf, RECORDS_MAX>(d, ctx)?;
        let wraps = wire::list::<C, Wrap, RECORDS_MAX>(d, ctx)?;
        if !wraps.is_empty() && wraps.len() != leaves.len() {
            return Err(malformed("a wrap for each record, or none"));
        }
        Ok(Self {
            head,
            leaves,
            wraps,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Someone, keeps_the_rules, rng};

    const RING: KeyId = KeyId::from_bytes([0x77; 32]);

    fn next(slice: u32, parents: usize) -> Next {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&slice.to_le_bytes());
        Next {
            slice: SliceId::from_bytes(id),
            part: PartNumber(slice),
            parents: (1..=parents)
                .map(|byte| GenerationId::from_bytes([u8::try_from(byte).unwrap(); 32]))
                .collect(),
            removed: Vec::new(),
        }
    }

    fn rotated(ines: &Someone, slices: u32) -> (GenerationBatch, Vec<ContentKey>, RingKey) {
        let ring = RingKey::random(&mut rng(1));
        let parts: Vec<_> = (0..slices).map(|slice| next(slice, 1)).collect();
        let (batch, keys) =
            GenerationBatch::rotate(&mut rng(2), ines.issuer(), RING, &ring, &parts).unwrap();
        (batch, keys, ring)
    }

    #[test]
    fn a_batch_keeps_the_rules_of_the_wire() {
        let ines = Someone::new(1);
        let (batch, ..) = rotated(&ines, 3);
        keeps_the_rules(&batch, BATCH_BYTES_MAX);
        let bare = GenerationBatch {
            wraps: Vec::new(),
            ..batch.clone()
        };
        keeps_the_rules(&bare, BATCH_BYTES_MAX);
        assert_eq!(GenerationBatch::decode(&batch.to_bytes()), Ok(batch));
        let got = BATCH_BYTES_MAX + 1;
        let max = BATCH_BYTES_MAX;
        assert_eq!(
            GenerationBatch::decode(&vec![0; got]),
            Err(WireError::TooLong { got, max })
        );
    }

    #[test]
    fn one_signature_answers_for_every_record_of_a_batch() {
        let ines = Someone::new(1);
        for slices in [1, 2, 3, 7, 8, 9] {
            let (batch, keys, ring) = rotated(&ines, slices);
            let received = GenerationBatch::decode(&batch.to_bytes()).unwrap();
            assert_eq!(received.verify(&ines.authority).unwrap().under, [RING]);
            assert_eq!(received.generations().count(), received.len());
            for (index, signed) in received.generations().enumerate() {
                // Each holds alone too, and commits to the key that the wrap opens to.
                let record = signed.verify(&ines.authority).unwrap();
                let key = received.open(index, &ring).unwrap();
                assert_eq!(key, keys[index]);
                assert!(key.is_of(record));
            }
        }
    }

    /// The bar of issue 4: what one more slice costs when a circle's ring rotates.
    #[test]
    fn a_slice_more_costs_at_most_200_bytes_when_a_ring_rotates() {
        let ines = Someone::new(1);
        let ring = RingKey::random(&mut rng(1));
        let size_of = |slices: u32, parents: usize, removed: u8| {
            // The widest part number, so that no slice costs more.
            let part = PartNumber(u32::MAX);
            let parts: Vec<_> = (0..slices)
                .map(|slice| Next {
                    part,
                    removed: (0..removed)
                        .map(|byte| StatementId::from_bytes([byte; 32]))
                        .collect(),
                    ..next(slice, parents)
                })
                .collect();
            let batch = GenerationBatch::rotate(&mut rng(2), ines.issuer(), RING, &ring, &parts);
            batch.unwrap().0.to_bytes().len()
        };
        let size = |slices, parents| size_of(slices, parents, 0);
        let first = size(1, 1);
        assert_eq!(size(2, 1) - first, 163);
        let one_removal = size_of(500, 1, 1) - size_of(1, 1, 1);
        assert!(one_removal <= 499 * 200, "a removal in each slice as well");
        assert!(size(500, 1) - first <= 499 * 200);
        assert!(
            size(500, 2) - size(1, 2) <= 499 * 200,
            "after two at the same time"
        );
    }

    #[test]
    fn a_batch_with_a_record_dropped_doubled_moved_or_changed_is_refused() {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let (good, ..) = rotated(&ines, 4);
        let refused = |change: &dyn Fn(&mut GenerationBatch)| {
            let mut batch = good.clone();
            change(&mut batch);
            let received = GenerationBatch::decode(&batch.to_bytes());
            received.map(|batch| batch.verify(&ines.authority).err())
        };
        assert_eq!(refused(&|_| ()), Ok(None));
        type Change<'a> = &'a dyn Fn(&mut GenerationBatch);
        let changes: [(&str, Change<'_>); _] = [
            ("dropped", &|batch| {
                batch.leaves.pop();
                batch.wraps.pop();
            }),
            ("doubled", &|batch| {
                batch.leaves.push(batch.leaves[3].clone());
                batch.wraps.push(batch.wraps[3]);
            }),
            ("doubled in place of another", &|batch| {
                batch.leaves[2] = batch.leaves[3].clone();
            }),
            ("reordered", &|batch| batch.leaves.swap(0, 1)),
            ("another", &|batch| {
                batch.leaves[0] = rotated(&ines, 5).0.leaves[4].clone();
            }),
            ("the head of another batch", &|batch| {
                batch.head = rotated(&ines, 5).0.head;
            }),
            ("all gone", &|batch| {
                batch.leaves.clear();
                batch.wraps.clear();
            }),
        ];
        for (what, change) in changes {
            assert_eq!(refused(change), Ok(Some(GenerationError::Batch)), "{what}");
        }
        let stranger = refused(&|batch| {
            batch.head = Signed::sign(batch.head.unverified().clone(), &marc.device);
        });
        assert_eq!(stranger, Ok(Some(GenerationError::Signature)));
        let got = good.verify(&marc.authority).err();
        let issuer = ines.author().device;
        assert_eq!(got, Some(GenerationError::Issuer(issuer)));
        let disordered = refused(&|batch| {
            let record = next(0, 2).record(&ContentKey::random(&mut rng(5)));
            let parents = record.parents.iter().rev().copied().collect();
            let record = GenerationRecord { parents, ..record };
            let forged = GenerationBatch::sign(ines.issuer(), &[RING], vec![record]).unwrap();
            *batch = forged;
        });
        assert_eq!(disordered, Ok(Some(GenerationError::Parents)));
    }

    #[test]
    fn wraps_are_one_for_each_record_and_open_in_their_place_only() {
        let ines = Someone::new(1);
        let (good, _, ring) = rotated(&ines, 3);
        let mut fewer = good.clone();
        fewer.wraps.pop();
        assert!(GenerationBatch::decode(&fewer.to_bytes()).is_err());
        let mut swapped = good.clone();
        swapped.wraps.swap(0, 1);
        let other = RingKey::random(&mut rng(9));
        assert_eq!(swapped.open(0, &ring), Err(OpenError));
        assert_eq!(swapped.open(1, &ring), Err(OpenError));
        assert!(swapped.open(2, &ring).is_ok());
        assert_eq!(good.open(0, &other), Err(OpenError));
        assert_eq!(good.open(3, &ring), Err(OpenError));
        let bare = GenerationBatch {
            wraps: Vec::new(),
            ..good.clone()
        };
        assert_eq!(bare.open(0, &ring), Err(OpenError));
        assert_eq!(bare.verify(&ines.authority).err(), None);

        // Wraps of which nobody could say under which of two keys they are.
        let records = good.leaves.iter().map(|leaf| leaf.record.clone()).collect();
        let under = [RING, KeyId::from_bytes([0x78; 32])];
        let two = GenerationBatch {
            wraps: good.wraps.clone(),
            ..GenerationBatch::sign(ines.issuer(), &under, records).unwrap()
        };
        let got = two.verify(&ines.authority).err();
        assert_eq!(got, Some(GenerationError::Head));
    }

    #[test]
    fn what_a_batch_is_under_is_in_order_whatever_the_caller_says() {
        let ines = Someone::new(1);
        let (a, b) = (KeyId::from_bytes([1; 32]), KeyId::from_bytes([2; 32]));
        let record = || vec![next(0, 0).record(&ContentKey::random(&mut rng(1)))];
        let batch = GenerationBatch::sign(ines.issuer(), &[b, a, b], record()).unwrap();
        assert_eq!(batch.verify(&ines.authority).unwrap().under, [a, b]);
    }

    #[test]
    fn one_past_a_bound_is_no_batch() {
        let ines = Someone::new(1);
        let key = ContentKey::random(&mut rng(1));
        let sign = |under: &[KeyId], records| {
            GenerationBatch::sign(ines.issuer(), under, records).map(|batch| batch.len())
        };
        let record = next(0, 0).record(&key);
        assert_eq!(sign(&[], Vec::new()), Err(BatchError::Records { got: 0 }));
        let full = vec![record.clone(); RECORDS_MAX];
        assert_eq!(sign(&[], full), Ok(RECORDS_MAX));
        let got = RECORDS_MAX + 1;
        let over = vec![record.clone(); got];
        assert_eq!(sign(&[], over), Err(BatchError::Records { got }));

        let wide = |parents| vec![next(0, parents).record(&key)];
        assert_eq!(sign(&[], wide(PARENTS_MAX)), Ok(1));
        let got = PARENTS_MAX + 1;
        assert_eq!(sign(&[], wide(got)), Err(BatchError::Parents { got }));

        let under = |count| -> Vec<KeyId> {
            (0..count)
                .map(|byte| KeyId::from_bytes([u8::try_from(byte).unwrap(); 32]))
                .collect()
        };
        assert_eq!(sign(&under(UNDER_MAX), vec![record.clone()]), Ok(1));
        let got = UNDER_MAX + 1;
        assert_eq!(
            sign(&under(got), vec![record]),
            Err(BatchError::Under { got })
        );
    }
}
