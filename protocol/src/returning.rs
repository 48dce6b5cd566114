//! How a person comes back to speak for themselves on a new device, with the twelve words and any node that knows
//! who speaks for them.
//!
//! | who | says | outcome |
//! |---|---|---|
//! | the new device, to a node of the person's or of a contact | [`Claim`]: a signature by the root key of the words | - |
//! | that node, if it holds an authority that stands on this root | [`Claimed`]: that authority, and where the person's nodes are met | the new device admits itself by the root |
//! | the new device, to a node of the person's | [`Return`]: the authority with the device in it | the node takes it in, and answers [`Paired`](crate::pairing::Paired) as after a pairing |
//!
//! The words do not say who the person is: one phrase may found several, by the salt of their charters. So the node
//! is asked. It tells only who shows that they hold the root, and a claim is for one asking node and one asked: what
//! somebody has overheard or was shown is of no use from elsewhere, nor to anybody else. A contact tells no more
//! than an authority, which they hold to show it, and addresses at which they meet the person's nodes.
//!
//! **Invariants.** A claim admits nobody: what does is the root's statement in the authority, which every node checks
//! for itself. No frame here carries the words, or a key that they yield but the public one.

use minicbor::{Decode, Encode};

use crate::card::{ADDRESS_BYTES_MAX, ADDRESSES_MAX};
use crate::crypto::{self, SigningKey, domain};
use crate::id::TransportId;
use crate::invite::{AUTHORITY_BYTES_MAX, NAME_BYTES_MAX};
use crate::wire::{self, V1};

/// Most nodes that a claim is answered with. A person has a handful; the bound keeps the answer in a frame.
pub const PLACES_MAX: usize = 64;

/// Somebody holds the root key of a person whom the asked node may know.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Claim {
    /// Version of this.
    #[n(0)]
    pub version: V1,
    /// Public half of the root key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// Its signature over both ends of the connection.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub signature: [u8; 64],
}

impl Claim {
    /// Claims, from the node `from` to the node `to`, that `root` is held.
    #[must_use]
    pub fn new(root: &SigningKey, from: &TransportId, to: &TransportId) -> Self {
        Self {
            version: V1,
            root: root.public(),
            signature: root.sign(domain::RETURN_CLAIM, &ends(from, to)),
        }
    }

    /// Whether this was made with the root key, for a connection from `from` to `to`.
    #[must_use]
    pub fn holds(&self, from: &TransportId, to: &TransportId) -> bool {
        let ends = ends(from, to);
        crypto::verify(&self.root, domain::RETURN_CLAIM, &ends, &self.signature).is_ok()
    }
}

fn ends(from: &TransportId, to: &TransportId) -> [u8; 64] {
    let mut both = [0; 64];
    both[..32].copy_from_slice(from.as_bytes());
    both[32..].copy_from_slice(to.as_bytes());
    both
}

/// What is known of the person whose root key it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Claimed {
    /// Version of this.
    #[n(0)]
    pub version: V1,
    /// The person's authority, as it is held.
    #[n(1)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, AUTHORITY_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub authority: Vec<u8>,
    /// Nodes of the person's.
    #[n(2)]
    #[cbor(decode_with = "wire::list::<Ctx, Place, PLACES_MAX>")]
    pub places: Vec<Place>,
}

/// A node of a person's, as another node knows it. Hints: what is found there says itself who it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Place {
    /// Its transport key.
    #[n(0)]
    pub transport: TransportId,
    /// What the person calls it; empty where a contact answers.
    #[n(1)]
    #[cbor(decode_with = "wire::text::<Ctx, NAME_BYTES_MAX>")]
    pub name: String,
    /// Where it is met.
    #[n(2)]
    #[cbor(decode_with = "wire::texts::<Ctx, ADDRESSES_MAX, ADDRESS_BYTES_MAX>")]
    pub addresses: Vec<String>,
}

/// A device that the asked node's person has admitted without it asks for what a paired one is told.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Return {
    /// Version of this.
    #[n(0)]
    pub version: V1,
    /// The person's authority, with the device of the asking node in it.
    #[n(1)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, AUTHORITY_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub authority: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::keeps_the_rules;

    const NEW: TransportId = TransportId::from_bytes([1; 32]);
    const ASKED: TransportId = TransportId::from_bytes([2; 32]);

    fn place() -> Place {
        Place {
            transport: ASKED,
            name: "Portable".to_owned(),
            addresses: vec!["/ip4/192.0.2.7/udp/4001/quic-v1".to_owned()],
        }
    }

    fn claimed(places: usize) -> Claimed {
        Claimed {
            version: V1,
            authority: vec![3; 40],
            places: vec![place(); places],
        }
    }

    #[test]
    fn claims_and_answers_keep_the_rules_of_the_wire() {
        let claim = Claim::new(&SigningKey::from_seed(&[7; 32]), &NEW, &ASKED);
        keeps_the_rules(&claim, 1 << 10);
        keeps_the_rules(&claimed(1), 1 << 20);
        let returns = Return {
            version: V1,
            authority: vec![3; 40],
        };
        keeps_the_rules(&returns, 1 << 20);
    }

    #[test]
    fn one_past_a_bound_is_refused() {
        let read = |it: &Claimed| wire::decode::<Claimed>(&wire::encode(it), 1 << 20);
        assert!(read(&claimed(PLACES_MAX)).is_ok());
        assert!(read(&claimed(PLACES_MAX + 1)).is_err());
        let mut long = claimed(0);
        long.authority = vec![0; AUTHORITY_BYTES_MAX];
        assert!(read(&long).is_ok());
        long.authority.push(0);
        assert!(read(&long).is_err());
    }

    #[test]
    fn the_longest_answer_fits_a_frame() {
        let longest = Place {
            transport: ASKED,
            name: "n".repeat(NAME_BYTES_MAX),
            addresses: vec!["a".repeat(ADDRESS_BYTES_MAX); ADDRESSES_MAX],
        };
        let longest = Claimed {
            version: V1,
            authority: vec![0; AUTHORITY_BYTES_MAX],
            places: vec![longest; PLACES_MAX],
        };
        assert!(wire::encode(&longest).len() + 16 < wire::FRAME_BYTES_MAX);
    }

    #[test]
    fn a_claim_holds_between_its_two_nodes_and_for_its_root_only() {
        let root = SigningKey::from_seed(&[7; 32]);
        let claim = Claim::new(&root, &NEW, &ASKED);
        assert!(claim.holds(&NEW, &ASKED));
        let other = TransportId::from_bytes([9; 32]);
        assert!(!claim.holds(&other, &ASKED), "from elsewhere");
        assert!(!claim.holds(&NEW, &other), "shown on by whom it was told");
        assert!(!claim.holds(&ASKED, &NEW), "the other way round");
        let mut false_root = claim.clone();
        false_root.root = SigningKey::from_seed(&[8; 32]).public();
        assert!(!false_root.holds(&NEW, &ASKED));
    }
}
