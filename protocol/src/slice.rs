//! The one replicated object, its parts, and who may do what with it.
//!
//! A slice has an owner, a kind of content, and one or more parts. Its id is the hash of the
//! *public half* of its charter, [`PublicHalf`], which names nobody: a carrier may see it. Whoever was
//! given the whole [`SliceCharter`] can check whose it is, so a reader cannot be told that somebody
//! else's slice is one's own.
//!
//! What the owner says about it are statements, judged by [`Access`]. Readers get those that concern
//! them: in a projection, each audience's are a log of their own, so that readers do not learn of each
//! other.

mod access;

#[cfg(test)]
pub(crate) use access::judged;
pub use access::{Access, AccessError, Allowed, Owner, UnverifiedAccess};

use minicbor::{Decode, Encode};

use crate::crypto::{self, Key, SigningKey, domain};
use crate::id::{CircleId, PersonId, SliceId};
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

/// Whose a slice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(flat)]
pub enum OwnerId {
    /// A person's.
    #[n(0)]
    Person(#[n(0)] PersonId),
    /// A circle's.
    #[n(1)]
    Circle(#[n(0)] CircleId),
}

impl OwnerId {
    const fn as_bytes(&self) -> &[u8; 32] {
        match self {
            Self::Person(id) => id.as_bytes(),
            Self::Circle(id) => id.as_bytes(),
        }
    }
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
    pub owner: OwnerId,
    /// Random; hides the owner in the public half.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 32],
    /// Who says what carriers enforce.
    #[n(4)]
    pub control: ControlFounder,
}

/// Who says from the beginning what carriers of a slice enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ControlFounder {
    /// The control key of the device that made the slice, see [`SliceCharter::control_key`].
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// The device's rank, from 1.
    #[n(1)]
    pub rank: u32,
    /// Commitment to the root key of the owner, which overrides; absent where a circle owns it.
    #[n(2)]
    pub root: Option<RootCommit>,
}

/// Commitment to a root key that overrides control keys. Carriers learn the key only if it has to act:
/// it then shows the *blind*, which comes from the salt and tells nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct RootCommit(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 32],
);

impl RootCommit {
    /// Returns the commitment to a root's public key under this salt.
    #[must_use]
    pub fn of(salt: &[u8; 32], root: &[u8; 32]) -> Self {
        Self::opened(&Self::blind(salt), root)
    }

    /// Returns what hides the root's public key in the commitment of the slice with this salt.
    #[must_use]
    pub fn blind(salt: &[u8; 32]) -> [u8; 32] {
        crypto::keyed_hash(salt, domain::CONTROL_BLIND, &[])
    }

    /// Returns the commitment that this blind and this public key open.
    #[must_use]
    pub fn opened(blind: &[u8; 32], root: &[u8; 32]) -> Self {
        Self(crypto::hash(domain::CONTROL_ROOT, &[blind, root]))
    }
}

/// What carriers know of how a slice begins. Its hash is the slice's id.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PublicHalf {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// What the slice carries.
    #[n(1)]
    pub kind: ContentKind,
    /// Commitment to the owner.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub owner: [u8; 32],
    /// Who says what to enforce.
    #[n(3)]
    pub control: ControlFounder,
}

impl PublicHalf {
    /// Returns the slice's id.
    #[must_use]
    pub fn id(&self) -> SliceId {
        SliceId::from_bytes(crypto::hash(domain::SLICE_ID, &[&wire::encode(self)]))
    }
}

impl SliceCharter {
    /// Returns the charter of a slice of `owner`; `salt` must be random and used once.
    #[must_use]
    pub const fn new(
        kind: ContentKind,
        owner: OwnerId,
        salt: [u8; 32],
        control: ControlFounder,
    ) -> Self {
        Self {
            version: V1,
            kind,
            owner,
            salt,
            control,
        }
    }

    /// Returns the charter of a slice that a device of rank `rank` makes for a person whose root has
    /// this public key. The device needs to keep nothing but its own seed.
    #[must_use]
    pub fn of_person(
        kind: ContentKind,
        owner: PersonId,
        salt: [u8; 32],
        device_seed: &Key,
        rank: u32,
        root: &[u8; 32],
    ) -> Self {
        let control = ControlFounder {
            key: Self::control_key(device_seed, &salt).public(),
            rank,
            root: Some(RootCommit::of(&salt, root)),
        };
        Self::new(kind, OwnerId::Person(owner), salt, control)
    }

    /// Returns the control key of a device for the slice with this salt. By it nobody sees which of a
    /// person's slices belong together.
    #[must_use]
    pub fn control_key(device_seed: &Key, salt: &[u8; 32]) -> SigningKey {
        let seed = device_seed.derive(domain::CONTROL_KEY, &[salt]);
        SigningKey::from_seed(seed.as_bytes())
    }

    /// Returns the public half, which names nobody.
    #[must_use]
    pub fn public_half(&self) -> PublicHalf {
        let owner = crypto::keyed_hash(&self.salt, domain::SLICE_OWNER, &[self.owner.as_bytes()]);
        PublicHalf {
            version: V1,
            kind: self.kind,
            owner,
            control: self.control,
        }
    }

    /// Returns the slice's id.
    #[must_use]
    pub fn id(&self) -> SliceId {
        self.public_half().id()
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
    pub const fn is_empty(&self) -> bool {
        matches!((self.from, self.to), (Some(from), Some(to)) if from.0 > to.0)
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
        let ines_slice = Someone::new(1).slice();
        let slice = SliceCharter {
            salt: [1; 32],
            ..ines_slice
        };
        for other in [
            SliceCharter {
                owner: OwnerId::Person(marc),
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
        let half = wire::encode(&slice.public_half());
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
