//! Who may do what with a slice: all that was said about it, judged.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use super::{OwnerId, PartNumber, PartRange, RootCommit, SliceCharter};
use crate::evaluation::{Base, Directory, Founder, InsertError, Role, Rule, Speaker, Standing};
use crate::grant::{Abilities, Audience, CLOCK_SKEW_MS, ContentPin, Grant, GrantError};
use crate::id::{GrantId, MembershipId, SliceId, StatementId};
use crate::principal::{Authority, Circle};
use crate::statement::set::{Grounds, Signatures, StatementSet, UnverifiedSet};
use crate::statement::{
    Kind, SET_BYTES_MAX, SayError, SetError, SignedStatement, Signer, Statement, Subject,
};
use crate::time::Timestamp;
use crate::wire::{self, WireError};

/// Whose slice it is, and who speaks for them now.
#[derive(Clone, Copy, Debug)]
pub enum Owner<'a> {
    /// A person: their devices and roots speak, by rank.
    Person(&'a Authority),
    /// A circle: its admins speak, by its rule.
    Circle(&'a Circle),
}

impl Owner<'_> {
    /// Returns whose slice it is.
    #[must_use]
    pub const fn id(&self) -> OwnerId {
        match self {
            Self::Person(authority) => OwnerId::Person(authority.person()),
            Self::Circle(circle) => OwnerId::Circle(circle.id()),
        }
    }

    /// Whether a slice commits to this owner's root: a person's, or the next one if that has spoken; a circle
    /// has none.
    fn has_root(&self, charter: &SliceCharter) -> bool {
        match (self, charter.control.root) {
            (Self::Circle(_), root) => root.is_none(),
            (Self::Person(_), None) => false,
            (Self::Person(authority), Some(root)) => {
                (authority.root_keys().iter()).any(|key| RootCommit::of(&charter.salt, key) == root)
            }
        }
    }

    fn owning(&self) -> Owning {
        let (charter, set) = match self {
            Self::Person(authority) => (authority.charter(), authority.statements()),
            Self::Circle(circle) => (circle.charter(), circle.statements()),
        };
        let members = set.outcome().members().iter();
        let founders = members
            .filter(|(_, member)| member.role == Role::Admin)
            .map(|(id, member)| Founder {
                membership: *id,
                who: member.who,
                role: Role::Admin,
                seniority: member.seniority.clone(),
                removed: member.standing != Standing::Speaks,
                removed_keys: set.outcome().keys_removed_here(id),
                left_keys: set.outcome().keys_that_left(id),
            });
        Owning {
            rule: charter.rule,
            founders: founders.collect(),
        }
    }
}

/// Who spoke for the owner when this was judged last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owning {
    rule: Rule,
    founders: Vec<Founder>,
}

impl Grounds for Owning {
    fn is_founder(&self, membership: &MembershipId) -> bool {
        (self.founders.iter()).any(|founder| founder.membership == *membership)
    }

    /// Whom the owner has admitted, or admitted once, is known from the owner alone, and nodes know more or
    /// less of that: what one of them took, and cited, must not be refused by another.
    fn keeps_without_admission(&self, _: &MembershipId) -> bool {
        true
    }

    /// For the most senior whom the owner has not removed: a person's root, the first founder of a circle.
    fn has_room_kept(&self, membership: &MembershipId) -> bool {
        let speak = self.founders.iter().filter(|founder| !founder.removed);
        let first = speak.min_by_key(|founder| (&founder.seniority, founder.membership));
        first.is_some_and(|first| first.membership == *membership)
    }

    fn bounds_founders(&self) -> bool {
        true
    }

    /// Who holds a grant and can't hand it on says only what may stand: nothing else is to take room.
    fn accepts(&self, said: &Statement, admission: Option<&Statement>) -> bool {
        let Some(Kind::Grant(grant)) = admission.map(|admission| &admission.kind) else {
            return true;
        };
        let leaves =
            matches!(&said.kind, Kind::Remove { membership, .. } if *membership == said.membership);
        // A grant that goes beyond its own is refused for that.
        let may = matches!(
            said.kind,
            Kind::WriteKey { .. } | Kind::Approve { .. } | Kind::Grant(_)
        );
        grant.role() == Role::Admin || leaves || may
    }

    fn base(&self, _: &BTreeMap<StatementId, SignedStatement>) -> Base {
        Base {
            rule: self.rule,
            founders: self.founders.clone(),
            grants: true,
        }
    }
}

/// What a grant allows, with all that it hands on and all renewals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Which grant.
    pub grant: GrantId,
    /// To whom.
    pub audience: Audience,
    /// What may be done.
    pub abilities: Abilities,
    /// Over which parts.
    pub parts: PartRange,
    /// From when.
    pub not_before: Timestamp,
    /// Until when, not included: when the first link of the chain ends.
    pub expires: Timestamp,
    /// Why.
    pub purpose: String,
    /// Exactly what is shown.
    pub content: ContentPin,
}

/// Why what is said about a slice was refused. Whoever sent it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// Rank 0 is the root's.
    #[error("rank 0 is the root's")]
    Rank,
    /// It is another slice.
    #[error("this is about {got}, not about {expected}")]
    OtherSlice {
        /// Which was meant.
        expected: SliceId,
        /// Which it is.
        got: SliceId,
    },
    /// It is somebody else's.
    #[error("the slice is another's")]
    OtherOwner,
    /// It commits to another root than its owner's, or a circle's to any: what overrides its control.
    #[error("the root that it commits to is not the owner's")]
    OtherRoot,
    /// The statements do not hold.
    #[error("the statements do not hold")]
    Statements(#[from] SetError),
}

/// What is said about a slice, as it came from outside.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct UnverifiedAccess(#[n(0)] UnverifiedSet<SliceCharter>);

impl UnverifiedAccess {
    /// Reads it; verifies nothing.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are not in canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode(bytes, SET_BYTES_MAX)
    }

    /// Returns how the slice claims to begin.
    #[must_use]
    pub const fn charter(&self) -> &SliceCharter {
        &self.0.charter
    }

    /// Checks everything: the charter against `expected` and the owner, every signature, the order,
    /// and that no grant goes beyond the one that it hands on. What stands is judged with the persons
    /// and circles in `directory`.
    ///
    /// # Errors
    /// [`AccessError`] for the first thing that does not hold.
    pub fn verify(
        self,
        expected: SliceId,
        owner: Owner<'_>,
        directory: &impl Directory,
    ) -> Result<Access, AccessError> {
        self.build(expected, owner, Signatures::Check, directory)
    }

    /// Builds again what was verified before and has been where nobody else writes since. Everything
    /// is checked but the signatures.
    ///
    /// # Errors
    /// [`AccessError`] for the first thing that does not hold: the store is damaged.
    pub fn verified_before(
        self,
        expected: SliceId,
        owner: Owner<'_>,
        directory: &impl Directory,
    ) -> Result<Access, AccessError> {
        self.build(expected, owner, Signatures::KnownToHold, directory)
    }

    fn build(
        self,
        expected: SliceId,
        owner: Owner<'_>,
        signatures: Signatures,
        directory: &impl Directory,
    ) -> Result<Access, AccessError> {
        let UnverifiedSet { wire, charter } = self.0;
        let got = charter.id();
        if got != expected {
            return Err(AccessError::OtherSlice { expected, got });
        }
        let mut access = Access::begin(charter, owner, directory)?;
        (access.set).fill(wire.statements, signatures, &access.owning, directory)?;
        Ok(access)
    }
}

/// All that a node knows was said about a slice, verified and judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    charter: SliceCharter,
    id: SliceId,
    owning: Owning,
    set: StatementSet,
}

impl Access {
    /// Begins a slice about which nothing was said yet.
    ///
    /// # Errors
    /// [`AccessError`] if the charter names another owner, or another root than theirs.
    pub fn begin(
        charter: SliceCharter,
        owner: Owner<'_>,
        directory: &impl Directory,
    ) -> Result<Self, AccessError> {
        if charter.owner != owner.id() {
            return Err(AccessError::OtherOwner);
        }
        if charter.control.rank == 0 {
            return Err(AccessError::Rank);
        }
        if !owner.has_root(&charter) {
            return Err(AccessError::OtherRoot);
        }
        let (id, owning) = (charter.id(), owner.owning());
        let bytes = wire::encode(&charter);
        let set = StatementSet::empty(Subject::Slice(id), bytes, &owning, directory);
        Ok(Self {
            charter,
            id,
            owning,
            set,
        })
    }

    /// Returns how the slice begins.
    #[must_use]
    pub const fn charter(&self) -> &SliceCharter {
        &self.charter
    }

    /// Returns the slice.
    #[must_use]
    pub const fn id(&self) -> SliceId {
        self.id
    }

    /// Returns what was said about the slice, and what stands of it.
    #[must_use]
    pub const fn statements(&self) -> &StatementSet {
        &self.set
    }

    /// Says `kind` as the next statement of `signer`, citing all that is here.
    ///
    /// # Errors
    /// [`SayError`]; nothing is changed. What the author may not say is said and does not stand.
    pub fn say(
        &mut self,
        signer: &Signer<'_>,
        kind: Kind,
        directory: &impl Directory,
    ) -> Result<SignedStatement, SayError> {
        self.set.say(signer, kind, &self.owning, directory)
    }

    /// Adds statements about this slice and judges all again.
    ///
    /// # Errors
    /// [`InsertError`] of the first that does not fit: what it cites is missing, it goes beyond the grant
    /// that it hands on, or there is no room. The others were added. Whose author's admission is not known
    /// yet is kept, as far as there is room for strangers.
    pub fn add(
        &mut self,
        said: impl IntoIterator<Item = SignedStatement>,
        directory: &impl Directory,
    ) -> Result<(), InsertError> {
        self.set.add(said, &self.owning, directory)
    }

    /// Adds what `other`, about the same slice, holds in addition; returns whether that was anything.
    pub fn merge(&mut self, other: &Self, directory: &impl Directory) -> bool {
        self.set.merge(&other.set, &self.owning, directory)
    }

    /// Judges all again: something was heard of the owner, or of an audience.
    ///
    /// # Errors
    /// [`AccessError::OtherOwner`].
    pub fn judge(
        &mut self,
        owner: Owner<'_>,
        directory: &impl Directory,
    ) -> Result<(), AccessError> {
        if self.charter.owner != owner.id() {
            return Err(AccessError::OtherOwner);
        }
        self.owning = owner.owning();
        self.set.judge(&self.owning, directory);
        Ok(())
    }

    /// Returns charter and statements as bytes: the same for the same statements.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&self.set.to_wire())
    }

    /// Returns the same as it travels inside something else.
    #[must_use]
    pub fn to_unverified(&self) -> UnverifiedAccess {
        UnverifiedAccess(UnverifiedSet {
            wire: self.set.to_wire(),
            charter: self.charter.clone(),
        })
    }

    /// Returns every grant that was rightly given, ended ones too.
    pub fn grants(&self) -> impl Iterator<Item = (GrantId, &Grant)> {
        (self.set.outcome().members().keys())
            .filter_map(|id| Some((GrantId::from(*id), self.set.granted(id)?)))
    }

    /// Returns what a grant allows, whatever the time.
    ///
    /// # Errors
    /// [`GrantError::Unknown`] or [`GrantError::Ended`].
    pub fn allowed(&self, grant: &GrantId) -> Result<Allowed, GrantError> {
        let membership = MembershipId::from(*grant);
        let link = self.set.granted(&membership).ok_or(GrantError::Unknown)?;
        match self.set.outcome().members().get(&membership) {
            Some(member) if member.standing == Standing::Speaks => {}
            Some(_) => return Err(GrantError::Ended),
            None => return Err(GrantError::Unknown),
        }
        let ends = self.set.chain(&membership).filter_map(|id| self.end(&id));
        Ok(Allowed {
            grant: *grant,
            audience: link.audience,
            abilities: link.abilities,
            parts: link.parts,
            not_before: link.not_before,
            expires: ends.min().unwrap_or(link.expires),
            purpose: link.purpose.clone(),
            content: link.content.clone(),
        })
    }

    /// Returns what a grant allows now.
    ///
    /// A clock may be [`CLOCK_SKEW_MS`] behind the issuer's; the end has no such allowance.
    ///
    /// # Errors
    /// [`GrantError`]. [`NotYet`](GrantError::NotYet) and [`Expired`](GrantError::Expired) mean that all
    /// else holds.
    pub fn allowed_at(&self, grant: &GrantId, now: Timestamp) -> Result<Allowed, GrantError> {
        let allowed = self.allowed(grant)?;
        if now.plus_millis(CLOCK_SKEW_MS) < allowed.not_before {
            return Err(GrantError::NotYet {
                not_before: allowed.not_before,
                now,
            });
        }
        if allowed.expires <= now {
            return Err(GrantError::Expired {
                expired_at: allowed.expires,
                now,
            });
        }
        Ok(allowed)
    }

    /// Returns whether whoever speaks by this key and membership may write entries of `part`. Asks for
    /// no time; how far those of somebody removed stand is in
    /// [`Outcome::log_limits`](crate::evaluation::Outcome::log_limits).
    #[must_use]
    pub fn may_write(&self, speaker: &Speaker, part: PartNumber) -> bool {
        if !self.set.outcome().ever_spoke(speaker) {
            return false;
        }
        self.owning.is_founder(&speaker.membership)
            || (self.set.granted(&speaker.membership)).is_some_and(|grant| {
                grant.abilities.contains(Abilities::WRITE) && grant.parts.contains(part)
            })
    }

    /// When one link ends by itself: what it said, or the latest renewal.
    fn end(&self, link: &MembershipId) -> Option<Timestamp> {
        let giver = self.set.admission(link)?.statement().membership;
        let renewals = self.set.standing().filter_map(|said| {
            let renewal = said.statement();
            let Kind::Renew { grant, expires } = renewal.kind else {
                return None;
            };
            let may = self.owning.is_founder(&renewal.membership) || renewal.membership == giver;
            (grant == *link && may).then_some(expires)
        });
        let own = self.set.granted(link)?.expires;
        Some(renewals.fold(own, Timestamp::max))
    }
}

/// Judges what was said about a slice as it is: nothing is forgotten, and there is room for all.
#[cfg(test)]
pub(crate) fn judged(
    owner: Owner<'_>,
    said: &[SignedStatement],
    directory: &impl Directory,
) -> (crate::evaluation::History, crate::evaluation::Outcome) {
    let owning = owner.owning();
    let mut history = crate::evaluation::History::default();
    for one in said {
        (history.insert(one.node(), |of| owning.keeps_without_admission(of)))
            .expect("what is cited comes before");
    }
    let base = owning.base(&BTreeMap::new());
    let outcome = crate::evaluation::evaluate(&history, &base, directory);
    (history, outcome)
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
