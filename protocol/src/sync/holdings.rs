//! What two nodes hold of a circle, compared: each learns what the other lacks, at the cost of what differs.
//!
//! | frame | says | answered by |
//! |---|---|---|
//! | [`Holds`] | a digest of each of [`BUCKETS`] buckets of the names of all that is held | [`Held`] |
//! | [`Held`] | of the buckets that differ, the names of all that is held | - |
//!
//! Who hears `Held` knows what of its own the other lacks. A name stands for the bytes of an item: of a person whose
//! authority grew, both have another name.
//!
//! A digest is a hash over the names in their order: nobody can make items whose digests cancel out. Ranges that halve until they agree were not
//! taken: of 2,000 items of which 20 differ, one answer has some 600 names, 10 KB, and no third round.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use super::CircleItem;
use crate::crypto::{self, domain};
use crate::id::{CircleId, TransportId};
use crate::wire;

/// How many buckets there are; the first six bits of a name say which is its.
pub const BUCKETS: usize = 64;
/// Most names in one frame: 17 bytes each, half a frame.
pub const HELD_MAX: usize = 32_768;

/// Names an item in a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct ItemName(#[cbor(with = "minicbor::bytes")] pub [u8; 16]);

/// Stands for all names of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct BucketDigest(#[cbor(with = "minicbor::bytes")] pub [u8; 8]);

/// What the sender holds of a circle, in short.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Holds {
    /// Of which circle.
    #[n(0)]
    pub circle: CircleId,
    /// Of each bucket, by its number; one that is not there differs.
    #[n(1)]
    #[cbor(decode_with = "wire::list::<Ctx, BucketDigest, BUCKETS>")]
    pub digests: Vec<BucketDigest>,
}

/// What the sender holds in the buckets that differ.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Held {
    /// Of which circle.
    #[n(0)]
    pub circle: CircleId,
    /// Which buckets: none, if both hold the same.
    #[n(1)]
    #[cbor(decode_with = "wire::list::<Ctx, u8, BUCKETS>")]
    pub buckets: Vec<u8>,
    /// All names in them.
    #[n(2)]
    #[cbor(decode_with = "wire::list::<Ctx, ItemName, HELD_MAX>")]
    pub names: Vec<ItemName>,
}

/// Most names of a circle's items that are aside: what that costs is bounded, and more are sent once more.
pub const ASIDE_MAX: usize = 8_192;

/// Everything that a node holds of a circle: names, and what stands for each at its owner.
///
/// What came and is not to be given yet, since it waits, is *aside*: named like the rest, so that nobody sends it at each
/// meeting.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    held: BTreeMap<ItemName, Option<u64>>,
    aside: usize,
}

/// Where a node stands on the ring on which all members of a circle see its nodes; the next after one is the next greater,
/// and the least after the greatest. Nodes next to each other keep a session where there are too many for everybody to
/// keep one with everybody.
#[must_use]
pub fn place_on_ring(circle: &CircleId, node: &TransportId) -> [u8; 32] {
    crypto::hash(domain::CIRCLE_RING, &[circle.as_bytes(), node.as_bytes()])
}

impl ItemName {
    /// The name of an item.
    #[must_use]
    pub fn of(item: &CircleItem) -> Self {
        let kind = match item {
            CircleItem::Person(_) => b"p",
            CircleItem::Statement(_) => b"s",
            CircleItem::Generation(_) => b"g",
            CircleItem::Key(_) => b"k",
            CircleItem::Entry(_) => b"e",
        };
        let hash = crypto::hash(domain::CIRCLE_HELD, &[kind, item.bytes()]);
        let mut name = [0; 16];
        name.copy_from_slice(&hash[..16]);
        Self(name)
    }

    fn bucket(self) -> u8 {
        self.0[0] >> 2
    }
}

impl Holdings {
    /// Holds an item, which `number` stands for.
    pub fn insert(&mut self, item: &CircleItem, number: u64) {
        if let Some(None) = self.held.insert(ItemName::of(item), Some(number)) {
            self.aside -= 1;
        }
    }

    /// Names an item that is not to be given, unless it is held or there are too many.
    pub fn set_aside(&mut self, item: &CircleItem) {
        let name = ItemName::of(item);
        if self.aside < ASIDE_MAX && !self.held.contains_key(&name) {
            self.held.insert(name, None);
            self.aside += 1;
        }
    }

    /// Holds it no more, nor is it aside.
    pub fn remove(&mut self, item: &CircleItem) {
        if let Some(None) = self.held.remove(&ItemName::of(item)) {
            self.aside -= 1;
        }
    }

    /// What is held, in short.
    #[must_use]
    pub fn holds(&self, circle: CircleId) -> Holds {
        let digests = (0..).take(BUCKETS).map(|bucket| self.digest(bucket));
        Holds {
            circle,
            digests: digests.collect(),
        }
    }

    /// The answer to what another holds, in as many frames as it takes. At least one.
    #[must_use]
    pub fn answer(&self, theirs: &Holds) -> Vec<Held> {
        let none = || Held {
            circle: theirs.circle,
            buckets: Vec::new(),
            names: Vec::new(),
        };
        let mut frames = vec![none()];
        for (place, bucket) in (0..).take(BUCKETS).enumerate() {
            if theirs.digests.get(place) == Some(&self.digest(bucket)) {
                continue;
            }
            let names: Vec<ItemName> = self.bucket(bucket).map(|(name, _)| name).collect();
            let full = (frames.last()).is_some_and(|it| it.names.len() + names.len() > HELD_MAX);
            if full {
                frames.push(none());
            }
            if let Some(frame) = frames.last_mut() {
                frame.buckets.push(bucket);
                frame.names.extend(names);
                frame.names.truncate(HELD_MAX); // what is left out is sent once more
            }
        }
        frames
    }

    /// What of what is held here another lacks, by its answer; in rising order.
    #[must_use]
    pub fn lacked(&self, theirs: &Held) -> Vec<u64> {
        let names: std::collections::BTreeSet<_> = theirs.names.iter().collect();
        let mut lacked: Vec<u64> = (theirs.buckets.iter())
            .flat_map(|bucket| self.bucket(*bucket))
            .filter(|(name, _)| !names.contains(name))
            .filter_map(|(_, number)| number)
            .collect();
        lacked.sort_unstable();
        lacked.dedup();
        lacked
    }

    fn bucket(&self, bucket: u8) -> impl Iterator<Item = (ItemName, Option<u64>)> {
        let mut first = ItemName([0; 16]);
        first.0[0] = bucket << 2;
        let held = self.held.range(first..);
        held.take_while(move |(name, _)| name.bucket() == bucket)
            .map(|(name, number)| (*name, *number))
    }

    fn digest(&self, bucket: u8) -> BucketDigest {
        let names: Vec<u8> = self.bucket(bucket).flat_map(|(name, _)| name.0).collect();
        let hash = crypto::hash(domain::CIRCLE_BUCKET, &[&names]);
        let mut digest = [0; 8];
        digest.copy_from_slice(&hash[..8]);
        BucketDigest(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(number: u64) -> CircleItem {
        CircleItem::Entry(number.to_be_bytes().to_vec())
    }

    fn holdings(numbers: impl IntoIterator<Item = u64>) -> Holdings {
        let mut holdings = Holdings::default();
        for number in numbers {
            holdings.insert(&item(number), number);
        }
        holdings
    }

    #[test]
    fn each_learns_exactly_what_the_other_lacks() {
        let circle = CircleId::from_bytes([1; 32]);
        let (ours, theirs) = (holdings(0..900), holdings(100..1_000));
        let asked = ours.holds(circle);
        let answer = theirs.answer(&asked);
        let lacked: Vec<u64> = answer.iter().flat_map(|held| ours.lacked(held)).collect();
        assert_eq!(lacked, (0..100).collect::<Vec<_>>());
        let back = ours.answer(&theirs.holds(circle));
        let lacked: Vec<u64> = back.iter().flat_map(|held| theirs.lacked(held)).collect();
        assert_eq!(lacked, (900..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn who_holds_the_same_names_nothing() {
        let circle = CircleId::from_bytes([1; 32]);
        let (ours, mut theirs) = (holdings(0..50), holdings(0..51));
        theirs.remove(&item(50));
        let answer = theirs.answer(&ours.holds(circle));
        assert_eq!(answer.len(), 1);
        assert!(answer[0].buckets.is_empty() && answer[0].names.is_empty());
    }

    #[test]
    fn what_is_aside_is_named_and_not_given() {
        let circle = CircleId::from_bytes([1; 32]);
        let (mut ours, theirs) = (holdings(0..50), holdings(0..52));
        ours.set_aside(&item(50));
        ours.set_aside(&item(51));
        ours.set_aside(&item(3));
        let both = ours.holds(circle);
        assert_eq!(both, theirs.holds(circle), "named as if it were here");
        let third = holdings(0..50);
        let answer = third.answer(&both);
        assert!(answer.iter().all(|held| ours.lacked(held).is_empty()));
        ours.remove(&item(51));
        ours.insert(&item(50), 50);
        assert_eq!(
            (ours.aside, ours.holds(circle)),
            (0, holdings(0..51).holds(circle))
        );
    }

    #[test]
    fn no_more_is_aside_than_may_be() {
        let mut ours = Holdings::default();
        let all = u64::try_from(ASIDE_MAX).expect("small") + 10;
        (0..all).for_each(|number| ours.set_aside(&item(number)));
        assert_eq!(ours.held.len(), ASIDE_MAX);
    }

    #[test]
    fn a_frame_has_no_more_names_than_it_may() {
        let all = u64::try_from(HELD_MAX).expect("small") + 1_000;
        let ours = holdings(0..all);
        let nothing = Holds {
            circle: CircleId::from_bytes([1; 32]),
            digests: Vec::new(),
        };
        let answer = ours.answer(&nothing);
        assert_eq!(answer.len(), 2);
        assert!(answer.iter().all(|held| held.names.len() <= HELD_MAX));
        let lacked: Vec<u64> = answer.iter().flat_map(|held| ours.lacked(held)).collect();
        assert_eq!(lacked, Vec::<u64>::new());
    }
}
