//! Who speaks, and which statements stand, given a set of them.
//!
//! The same set gives the same answer on every node, in whatever order it came. One code judges
//! the devices of a person, the members of a circle, and the owners and writers of a slice:
//! `protocol/spec/authority.md` has the rules and why they are so.
//!
//! [`History`] holds statements with all that they cite. [`Base`] says who speaks from the
//! beginning: by a charter, or by the authority of a slice's owner. [`evaluate()`] goes from the
//! most senior [`Speaker`] down. Whatever can void a statement is said by somebody strictly more
//! senior than its author, so when a speaker's turn comes, all that can concern it has been
//! judged: nothing is judged twice, and there is no circle to break.
//!
//! **Invariants.** No signature is checked here: what goes into a [`History`] was verified. Nothing
//! here asks for a time.

mod board;
mod evaluate;
mod history;
mod seniority;

pub use evaluate::{Member, Outcome, Standing, evaluate};
pub use history::{
    Act, Admission, After, HISTORY_MAX, History, InsertError, LOGS_MAX, Node, PAST_REMOVALS_MAX,
    Removal, TIPS_MAX, Upto,
};
pub use seniority::{RANK_MAX, Seniority};

use minicbor::{Decode, Encode};

use crate::id::{CircleId, MembershipId, PersonId, ServiceId};

/// Who is admitted: one key, or all that speak for a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(flat)]
pub enum Who {
    /// The holder of this Ed25519 key: a device, or a root.
    #[n(0)]
    Key(
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        [u8; 32],
    ),
    /// A person, by their root and devices.
    #[n(1)]
    Person(#[n(0)] PersonId),
    /// A circle, by the devices of its members.
    #[n(2)]
    Circle(#[n(0)] CircleId),
    /// A service on its owner's own node. Has no key, and says nothing.
    #[n(3)]
    Service(#[n(0)] ServiceId),
}

/// One key that speaks by one membership: the author of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Speaker {
    /// By which admission.
    pub membership: MembershipId,
    /// With which Ed25519 key.
    pub key: [u8; 32],
}

/// What a member may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Speaks for nobody else; can leave.
    #[n(0)]
    Member,
    /// Admits, removes, extends, checkpoints.
    #[n(1)]
    Admin,
}

/// How seniority and power come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum Rule {
    /// A person: who admits a device chooses a rank below its own; the root is above all.
    #[n(0)]
    Rank,
    /// A circle: who is admitted comes right after who admitted them; each admin acts alone.
    #[n(1)]
    Admins,
    /// A circle: what an admin says counts once so many admins (2 to 32) have signed or approved it.
    #[n(2)]
    Board {
        /// How many.
        #[n(0)]
        quorum: u8,
    },
    /// A circle that votes. Has its place here; nothing is judged by it yet.
    #[n(3)]
    Vote,
}

/// Somebody who speaks from the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Founder {
    /// Their membership.
    pub membership: MembershipId,
    /// Who they are.
    pub who: Who,
    /// What they may say.
    pub role: Role,
    /// Where they stand.
    pub seniority: Seniority,
    /// Whether the owner's authority has removed them: nothing of theirs stands here but what a
    /// removal in this history keeps.
    pub removed: bool,
    /// The same of single keys of theirs, while they stay.
    pub removed_keys: Vec<[u8; 32]>,
    /// The keys of one who is removed because they left, and that nobody has removed otherwise: once they have
    /// left here, too, what they said before stands.
    pub left_keys: Vec<[u8; 32]>,
}

/// Where an evaluation starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The rule.
    pub rule: Rule,
    /// Who speaks from the beginning.
    pub founders: Vec<Founder>,
    /// Whether this is a slice: admissions are grants, all who hold one come after the founders,
    /// and with a grant end those that hand it on.
    pub grants: bool,
}

/// A key that speaks for a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalKey {
    /// The key.
    pub key: [u8; 32],
    /// Whose it is: where the principal is a circle, the person's.
    pub whose: Who,
    /// Where it stands among the principal's.
    pub seniority: Seniority,
    /// Whether the principal has removed it.
    pub removed: bool,
}

/// Which keys speak, or spoke, for a principal, as far as this node knows.
pub trait Directory {
    /// All keys of `who`, or none if nothing is known of them.
    fn keys(&self, who: &Who) -> Vec<PrincipalKey>;
}

/// A directory of nobody: enough where only keys are admitted.
impl Directory for () {
    fn keys(&self, _: &Who) -> Vec<PrincipalKey> {
        Vec::new()
    }
}
