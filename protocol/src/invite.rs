//! How somebody comes into a circle.
//!
//! | who | says | outcome |
//! |---|---|---|
//! | who may admit | an [`InviteLink`], handed over as text or as a picture | - |
//! | whoever holds it, to the node that it names | [`Knock`]: the proof that they hold it, who they are, their consent | - |
//! | that node | [`Answer`] | welcome: how circle and slice begin, what key objects are found by; or why not |
//!
//! The link is a secret until it is used up. It tells its reader who invites, to what, as what and until when; the
//! node that made it keeps it whole, and a proof made with a link in which any word was changed does not hold. So
//! nobody joins on terms that were not the inviter's. The proof holds between the two nodes whose transport keys
//! are in it: what one hears of a knock opens no other door. The consent is to this admitter, circle and
//! role, see [`Consent`](crate::statement::Consent).

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::card::{self, ADDRESS_BYTES_MAX, ADDRESSES_MAX, CARD_BYTES_MAX, Card};
use crate::crypto::{self, Key, domain};
use crate::evaluation::Role;
use crate::id::{CircleId, MembershipId, TransportId};
use crate::time::Timestamp;
use crate::wire::{self, STATEMENT_BYTES_MAX, V1};

/// Longest name of a circle or of a person in it, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest word for what kind of circle it is, in bytes.
pub const KIND_BYTES_MAX: usize = 16;
/// Most uses of one invite.
pub const USES_MAX: u32 = 1_000;
/// Longest authority in a knock: some hundred devices.
pub const AUTHORITY_BYTES_MAX: usize = 256 * 1024;

const LINK_KIND: &str = "invite";
pub(crate) const LINK_START: &str = "maille:join#";

/// Names an invite without giving it away: the hash of its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct InviteId(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 32],
);

/// An invite to a circle, for whoever it was handed to.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct InviteLink {
    /// Version of the link.
    #[n(0)]
    pub version: V1,
    /// Who holds this may come in.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub secret: [u8; 16],
    /// Who invites, and where their node is met.
    #[n(2)]
    pub card: Card,
    /// To which circle.
    #[n(3)]
    pub circle: CircleId,
    /// By which membership the inviter will admit.
    #[n(4)]
    pub admitter: MembershipId,
    /// As what.
    #[n(5)]
    pub role: Role,
    /// What kind of circle it is, as its makers say: `household`, `colleagues`.
    #[n(6)]
    #[cbor(decode_with = "wire::text::<Ctx, KIND_BYTES_MAX>")]
    pub kind: String,
    /// What the circle is called.
    #[n(7)]
    #[cbor(decode_with = "wire::text::<Ctx, NAME_BYTES_MAX>")]
    pub name: String,
    /// What the inviter is called there.
    #[n(8)]
    #[cbor(decode_with = "wire::text::<Ctx, NAME_BYTES_MAX>")]
    pub inviter: String,
    /// How many may come in by it, from 1.
    #[n(9)]
    pub uses: u32,
    /// Until when, not included.
    #[n(10)]
    pub until: Timestamp,
}

impl InviteLink {
    const EXPECTED: &'static str = "invite";

    /// Returns its id, which does not give it away.
    #[must_use]
    pub fn id(&self) -> InviteId {
        InviteId(crypto::hash(domain::INVITE_ID, &[&self.secret]))
    }

    /// Returns what shows that the node of `from` holds this very link, to the node that it names.
    #[must_use]
    pub fn proof(&self, from: &TransportId) -> [u8; 32] {
        let key = Key::from_bytes(crypto::hash(domain::INVITE_KEY, &[&self.secret]));
        crypto::keyed_hash(
            key.as_bytes(),
            domain::INVITE_PROOF,
            &[
                from.as_bytes(),
                self.card.transport.as_bytes(),
                &wire::encode(self),
            ],
        )
    }

    /// Returns whether a knock from the node of `from` shows that it holds this very link.
    #[must_use]
    pub fn is_shown_by(&self, knock: &Knock, from: &TransportId) -> bool {
        bool::from(self.proof(from).ct_eq(&knock.proof))
    }
}

impl fmt::Debug for InviteLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InviteLink")
            .field("id", &self.id())
            .field("circle", &self.circle)
            .finish_non_exhaustive()
    }
}

card::pasted!(InviteLink, LINK_KIND, LINK_START, LINK_START);

const _: () = assert!(
    CARD_BYTES_MAX >= 1_600 + 2 * NAME_BYTES_MAX + KIND_BYTES_MAX + 200,
    "the longest link is read"
);

/// Somebody holds an invite and wants to come in. Nothing else may be said by a node that is not known.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Knock {
    /// Version of the knock.
    #[n(0)]
    pub version: V1,
    /// Which invite.
    #[n(1)]
    pub invite: InviteId,
    /// That they hold it: see [`InviteLink::proof`].
    #[cbor(n(2), with = "minicbor::bytes")]
    pub proof: [u8; 32],
    /// What they want to be called.
    #[n(3)]
    #[cbor(decode_with = "wire::text::<Ctx, NAME_BYTES_MAX>")]
    pub name: String,
    /// Where they can be reached.
    #[n(4)]
    #[cbor(decode_with = "wire::texts::<Ctx, ADDRESSES_MAX, ADDRESS_BYTES_MAX>")]
    pub addresses: Vec<String>,
    /// The key of their device.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub by: [u8; 32],
    /// Its signature under their consent.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub consent: [u8; 64],
    /// Their authority.
    #[n(7)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, AUTHORITY_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub authority: Vec<u8>,
}

/// What comes of a knock.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// They are in. All else comes through the feed.
    #[n(0)]
    Welcome {
        /// The circle's charter.
        #[n(0)]
        #[cbor(
            decode_with = "wire::bytes::<Ctx, STATEMENT_BYTES_MAX>",
            encode_with = "minicbor::bytes::encode"
        )]
        circle: Vec<u8>,
        /// The charter of the slice that its members write together.
        #[n(1)]
        #[cbor(
            decode_with = "wire::bytes::<Ctx, STATEMENT_BYTES_MAX>",
            encode_with = "minicbor::bytes::encode"
        )]
        slice: Vec<u8>,
        /// By what key objects of the circle are found.
        #[n(2)]
        tag_key: Key,
    },
    /// They are not.
    #[n(1)]
    NotWelcome(#[n(0)] WhyNot),
}

/// Why an invite lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum WhyNot {
    /// Its time is over.
    #[n(0)]
    Expired,
    /// As many as may have come in by it.
    #[n(1)]
    UsedUp,
    /// Whoever gave it has taken it back.
    #[n(2)]
    Revoked,
    /// Whoever gave it may admit nobody any more.
    #[n(3)]
    NotAdmitter,
    /// The circle is to decide first.
    #[n(4)]
    Undecided,
    /// Who knocks, or their consent, is not in order.
    #[n(5)]
    NotInOrder,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, Someone, keeps_the_rules, refuses_typing_errors};

    fn link() -> InviteLink {
        let ines = Someone::new(1);
        let transport = ines.authority.devices().values().next().unwrap().transport;
        let addresses = vec!["/ip4/192.0.2.7/udp/4001/quic-v1".to_owned()];
        InviteLink {
            version: V1,
            secret: [7; 16],
            card: Card::new(ines.id(), transport, addresses).unwrap(),
            circle: CircleId::from_bytes([2; 32]),
            admitter: MembershipId::from_bytes([3; 32]),
            role: Role::Member,
            kind: "household".to_owned(),
            name: "Rue des Lilas".to_owned(),
            inviter: "Inès".to_owned(),
            uses: 1,
            until: NOW,
        }
    }

    fn knock(link: &InviteLink, from: &TransportId) -> Knock {
        Knock {
            version: V1,
            invite: link.id(),
            proof: link.proof(from),
            name: "Marc".to_owned(),
            addresses: Vec::new(),
            by: [4; 32],
            consent: [5; 64],
            authority: vec![6; 20],
        }
    }

    #[test]
    fn link_knock_and_answers_keep_the_rules_of_the_wire() {
        let from = TransportId::from_bytes([9; 32]);
        keeps_the_rules(&link(), CARD_BYTES_MAX);
        keeps_the_rules(&knock(&link(), &from), 1 << 20);
        keeps_the_rules(&Answer::NotWelcome(WhyNot::UsedUp), 1 << 20);
        let welcome = Answer::Welcome {
            circle: vec![1; 40],
            slice: vec![2; 40],
            tag_key: Key::from_bytes([3; 32]),
        };
        keeps_the_rules(&welcome, 1 << 20);
    }

    #[test]
    fn what_was_pasted_comes_back_and_a_typing_error_does_not() {
        assert_eq!(link().to_string().parse(), Ok(link()));
        let bare = link().to_string().replace(LINK_START, "");
        assert_eq!(bare.parse(), Ok(link()));
        refuses_typing_errors(&link());
        assert!(link().to_string().parse::<Card>().is_err());
    }

    #[test]
    fn the_longest_link_is_read() {
        let mut longest = link();
        longest.card.addresses = vec!["a".repeat(ADDRESS_BYTES_MAX); ADDRESSES_MAX];
        longest.name = "n".repeat(NAME_BYTES_MAX);
        longest.inviter = longest.name.clone();
        longest.kind = "k".repeat(KIND_BYTES_MAX);
        assert_eq!(longest.to_string().parse(), Ok(longest.clone()));
        longest.name.push('n');
        assert!(longest.to_string().parse::<InviteLink>().is_err());
    }

    #[test]
    fn a_proof_holds_for_one_link_between_two_nodes() {
        let (from, other) = (
            TransportId::from_bytes([9; 32]),
            TransportId::from_bytes([8; 32]),
        );
        let shown = knock(&link(), &from);
        assert!(link().is_shown_by(&shown, &from));
        assert!(!link().is_shown_by(&shown, &other), "played from elsewhere");
        // Somebody on the way makes the link sound better than it is.
        let changes: [fn(&mut InviteLink); 6] = [
            |it| it.name = "Autre".to_owned(),
            |it| it.inviter = "Autre".to_owned(),
            |it| it.role = Role::Admin,
            |it| it.until = it.until.plus_millis(1),
            |it| it.uses = 2,
            |it| it.card.transport = TransportId::from_bytes([1; 32]),
        ];
        for change in changes {
            let mut changed = link();
            change(&mut changed);
            assert_eq!(changed.id(), link().id());
            assert!(!link().is_shown_by(&knock(&changed, &from), &from));
        }
        assert!(!format!("{:?}", link()).contains("secret"));
    }
}
