//! The one replicated object, and its parts.
//!
//! A slice has an owner, a kind of content, and one or more parts. Its id is the hash of the
//! *public half* of its charter, `[1, kind, commitment to the owner]`, which names nobody: a
//! carrier may see it. Whoever was given the whole [`SliceCharter`] can check whose it is, so
//! a reader cannot be told that somebody else's slice is one's own.

use minicbor::{Decode, Encode};

use crate::crypto::{self, domain};
use crate::id::{PersonId, SliceId};
use crate::wire::{self, V1};

/// What a slice carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum ContentKind {
    /// A principal's authority.
    #[n(0)]
    Statements,
    /// Documents with several writers.
    #[n(1)]
    Documents,
    /// Records computed by a lens; one owner.
    #[n(2)]
    Projection,
    /// Many writers, one reader.
    #[n(3)]
    Mailbox,
    /// Papers and pictures.
    #[n(4)]
    Files,
}

/// How a slice begins. Known to its readers; carriers see only the public half.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SliceCharter {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// What it carries.
    #[n(1)]
    pub kind: ContentKind,
    /// Whose it is.
    #[n(2)]
    pub owner: PersonId,
    /// Random; hides the owner in the public half.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 32],
}

#[derive(Encode)]
#[cbor(array)]
struct PublicHalf {
    #[n(0)]
    version: V1,
    #[n(1)]
    kind: ContentKind,
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    owner: [u8; 32],
}

impl SliceCharter {
    /// Returns the charter of a slice of `owner`; `salt` must be random and used once.
    #[must_use]
    pub const fn new(kind: ContentKind, owner: PersonId, salt: [u8; 32]) -> Self {
        Self {
            version: V1,
            kind,
            owner,
            salt,
        }
    }

    /// Returns the public half, which names nobody.
    #[must_use]
    pub fn public_bytes(&self) -> Vec<u8> {
        let owner = crypto::keyed_hash(&self.salt, domain::SLICE_OWNER, &[self.owner.as_bytes()]);
        wire::encode(&PublicHalf {
            version: V1,
            kind: self.kind,
            owner,
        })
    }

    /// Returns the slice's id.
    #[must_use]
    pub fn id(&self) -> SliceId {
        SliceId::from_bytes(crypto::hash(domain::SLICE_ID, &[&self.public_bytes()]))
    }
}

impl std::fmt::Debug for SliceCharter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SliceCharter")
            .field("id", &self.id())
            .field("kind", &self.kind)
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

/// Which part of a slice. What the number stands for (a month, say) is the content's business.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct PartNumber(#[n(0)] pub u32);

impl PartNumber {
    /// The part of a slice that has only one.
    pub const SINGLE: Self = Self(0);
}

/// Parts from one to another, both included; no bound means all on that side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PartRange {
    /// The first part.
    #[n(0)]
    pub from: Option<PartNumber>,
    /// The last part.
    #[n(1)]
    pub to: Option<PartNumber>,
}

impl PartRange {
    /// Every part there is and will be.
    pub const ALL: Self = Self {
        from: None,
        to: None,
    };

    /// Returns whether `part` is among these.
    #[must_use]
    pub fn contains(&self, part: PartNumber) -> bool {
        self.from.is_none_or(|from| from <= part) && self.to.is_none_or(|to| part <= to)
    }

    /// Returns whether every part of this is among `other`'s. An empty range is within any.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        self.is_empty()
            || (self.from.unwrap_or_default() >= other.from.unwrap_or_default()
                && self.to.unwrap_or(PartNumber(u32::MAX))
                    <= other.to.unwrap_or(PartNumber(u32::MAX)))
    }

    /// Returns whether no part is among these.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.to), (Some(from), Some(to)) if from > to)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{Someone, keeps_the_rules};

    #[test]
    fn a_charter_keeps_the_rules_of_the_wire() {
        keeps_the_rules(&Someone::new(1).slice(), 4096);
    }

    #[test]
    fn a_slice_is_one_owners_and_one_kind() {
        let (ines, marc) = (Someone::new(1).id(), Someone::new(2).id());
        let slice = SliceCharter::new(ContentKind::Projection, ines, [1; 32]);
        for other in [
            SliceCharter {
                owner: marc,
                ..slice.clone()
            },
            SliceCharter {
                kind: ContentKind::Documents,
                ..slice.clone()
            },
            SliceCharter {
                salt: [2; 32],
                ..slice.clone()
            },
        ] {
            assert_ne!(slice.id(), other.id());
        }
        let half = slice.public_bytes();
        assert!(!half.windows(32).any(|window| window == ines.as_bytes()));
    }

    fn range() -> impl Strategy<Value = PartRange> {
        let end = || proptest::option::of((0u32..6).prop_map(PartNumber));
        (end(), end()).prop_map(|(from, to)| PartRange { from, to })
    }

    proptest! {
        #[test]
        fn within_means_contained(a in range(), b in range()) {
            let all = || (0..8).chain([u32::MAX]).map(PartNumber);
            let contained = all().all(|part| !a.contains(part) || b.contains(part));
            prop_assert_eq!(a.within(&b), contained);
            prop_assert_eq!(a.is_empty(), !all().any(|part| a.contains(part)));
        }
    }
}
