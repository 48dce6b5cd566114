//! Who a person or a circle is, and who speaks for them.
//!
//! Both are a principal: a [`Charter`], whose hash is the id, and statements under it. A person
//! ([`Authority`]) has one founder, the root key that comes from the words on paper and is kept on no
//! device, and devices by rank. A circle ([`Circle`]) has persons. What stands of the statements,
//! and who is a member, is judged by [`evaluation`](crate::evaluation), by one code for both.
//!
//! A principal is passed around whole, as bytes: charter and statements. Two that are both true
//! hold different statements, and [`Circle::merge`] makes one of them. Nothing is ever lost by
//! merging but what its author signed past a cut, and what there is no room for.
//!
//! **Invariants.** Whoever is admitted signed for it. Same statements, same bytes, whatever the
//! order in which they came. Nothing here knows a person's name.

mod circle;
mod person;
pub mod phrase;

pub use circle::{Circle, CircleError, CircleMember, Known, UnverifiedCircle};
pub use person::{Authority, AuthorityError, DeviceRecord, NewDevice, People, UnverifiedAuthority};

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::crypto::{self, SealingPublic, domain};
use crate::evaluation::{Base, Directory, Founder, Role, Rule, Seniority, Who};
#[cfg(test)]
use crate::evaluation::{History, Outcome, evaluate};
use crate::id::{CircleId, MembershipId, PersonId, StatementId};
use crate::statement::set::{Grounds, SetWire, Signatures, StatementSet};
use crate::statement::{
    CHARTER_BYTES_MAX, Kind, SET_BYTES_MAX, SetError, SignedStatement, Statement, Subject,
};
use crate::wire::{self, V1, WireError};

/// Longest principal, see [`SET_BYTES_MAX`].
pub const PRINCIPAL_BYTES_MAX: usize = SET_BYTES_MAX;
/// Most founders of a circle.
pub const FOUNDERS_MAX: usize = 32;

/// How a person or a circle begins. Its hash is their id.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Charter {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// Who may admit and remove.
    #[n(1)]
    pub rule: Rule,
    /// Who speaks from the beginning: the root key of a person; the persons of a circle.
    #[n(2)]
    #[cbor(decode_with = "wire::list::<Ctx, Who, FOUNDERS_MAX>")]
    pub founders: Vec<Who>,
    /// What a person's recovery phrase opens.
    #[n(3)]
    pub recovery: Option<SealingPublic>,
    /// Hash of the root key that may replace a person's.
    #[n(4)]
    pub next_root: Option<NextRoot>,
    /// Whether who joins a circle is given what was shared with it before.
    #[n(5)]
    pub opens_past: bool,
    /// Random, so that one phrase may found several persons.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub salt: [u8; 16],
}

/// Hash of a root key that nobody has seen yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct NextRoot(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 32],
);

impl NextRoot {
    /// Returns the hash of the public half of a root key.
    #[must_use]
    pub fn of(public: &[u8; 32]) -> Self {
        Self(crypto::hash(domain::NEXT_ROOT, &[public]))
    }
}

/// Why a charter was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CharterError {
    /// Not a charter in canonical form.
    #[error("not readable")]
    Wire(#[from] WireError),
    /// A rule that this program does not judge by.
    #[error("a rule that is not known here")]
    Rule,
    /// Founders, recovery key and rule do not go together.
    #[error("founders that the rule does not have")]
    Founders,
    /// A board whose quorum is below 2 or above its founders.
    #[error("a board of {founders} that asks for {quorum}")]
    Quorum {
        /// How many must sign.
        quorum: u8,
        /// How many there are.
        founders: usize,
    },
}

impl Charter {
    /// Reads a charter.
    ///
    /// # Errors
    /// [`CharterError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CharterError> {
        let charter: Self = wire::decode(bytes, CHARTER_BYTES_MAX)?;
        charter.check()?;
        Ok(charter)
    }

    /// Returns the circle that it is of, if it is not a person's.
    #[must_use]
    pub fn circle(&self) -> Option<CircleId> {
        match self.subject(&wire::encode(self)) {
            Subject::Circle(circle) => Some(circle),
            Subject::Person(_) | Subject::Slice(_) | Subject::Control(_) => None,
        }
    }

    fn check(&self) -> Result<(), CharterError> {
        let persons = || {
            let all = self.founders.iter();
            (1..=FOUNDERS_MAX).contains(&self.founders.len())
                && all.clone().all(|who| matches!(who, Who::Person(_)))
                && all.collect::<std::collections::BTreeSet<_>>().len() == self.founders.len()
                && self.recovery.is_none()
                && self.next_root.is_none()
        };
        let founders = self.founders.len();
        match self.rule {
            Rule::Rank => {
                let rooted = matches!(self.founders.as_slice(), [Who::Key(_)]);
                if !rooted || self.recovery.is_none() || self.opens_past {
                    return Err(CharterError::Founders);
                }
            }
            Rule::Vote => return Err(CharterError::Rule),
            Rule::Admins | Rule::Board { .. } if !persons() => return Err(CharterError::Founders),
            Rule::Board { quorum } if quorum < 2 || usize::from(quorum) > founders => {
                return Err(CharterError::Quorum { quorum, founders });
            }
            Rule::Admins | Rule::Board { .. } => {}
        }
        Ok(())
    }

    pub(crate) fn subject(&self, bytes: &[u8]) -> Subject {
        match self.rule {
            Rule::Rank => Subject::Person(PersonId::from_bytes(crypto::hash(
                domain::PERSON_ID,
                &[bytes],
            ))),
            Rule::Admins | Rule::Board { .. } | Rule::Vote => Subject::Circle(
                CircleId::from_bytes(crypto::hash(domain::CIRCLE_ID, &[bytes])),
            ),
        }
    }
}

/// Why a principal was refused. Whoever sent it is at fault; ask for theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrincipalError {
    /// The charter does not hold.
    #[error("the charter does not hold")]
    Charter(#[from] CharterError),
    /// The statements do not hold.
    #[error("the statements do not hold")]
    Statements(#[from] SetError),
}

/// Whom bytes claim to be about.
fn claimed(wire: &SetWire) -> Result<Subject, PrincipalError> {
    Ok(Charter::decode(&wire.charter)?.subject(&wire.charter))
}

/// Who speaks for a principal from the beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Founding {
    subject: Subject,
    charter: Charter,
    /// The memberships that the charter gives.
    founders: Vec<MembershipId>,
}

impl Founding {
    /// Begins a principal, about which nothing was said yet.
    fn begin(charter: Charter) -> Result<(Self, StatementSet), CharterError> {
        charter.check()?;
        let charter_bytes = wire::encode(&charter);
        Ok(Self::empty(charter, charter_bytes))
    }

    fn empty(charter: Charter, charter_bytes: Vec<u8>) -> (Self, StatementSet) {
        let subject = charter.subject(&charter_bytes);
        let places = charter.founders.len() + usize::from(charter.next_root.is_some());
        let founders = (0..)
            .take(places)
            .map(|place| founder(&subject, place))
            .collect();
        let founding = Self {
            subject,
            charter,
            founders,
        };
        let set = StatementSet::empty(subject, charter_bytes, &founding, &());
        (founding, set)
    }

    fn build(
        wire: SetWire,
        signatures: Signatures,
        directory: &impl Directory,
    ) -> Result<(Self, StatementSet), PrincipalError> {
        let charter = Charter::decode(&wire.charter)?;
        let (founding, mut set) = Self::empty(charter, wire.charter);
        set.fill(wire.statements, signatures, &founding, directory)?;
        Ok((founding, set))
    }
}

/// Judges what was said under a charter as it is: nothing is forgotten, and there is room for all.
#[cfg(test)]
pub(crate) fn judged(
    charter: &Charter,
    said: &[SignedStatement],
    directory: &impl Directory,
) -> (History, Outcome) {
    let (founding, _) = Founding::begin(charter.clone()).expect("a charter");
    let mut history = History::default();
    for one in said {
        (history.insert(one.node(), |of| founding.is_founder(of)))
            .expect("what is cited comes before");
    }
    let all = said.iter().map(|one| (one.id(), one.clone())).collect();
    let outcome = evaluate(&history, &founding.base(&all), directory);
    (history, outcome)
}

/// The membership of the founder at this place in the charter.
pub(crate) fn founder(subject: &Subject, place: u32) -> MembershipId {
    let id = crypto::hash(domain::FOUNDER, &[subject.as_bytes(), &place.to_le_bytes()]);
    MembershipId::from_bytes(id)
}

impl Grounds for Founding {
    fn is_founder(&self, membership: &MembershipId) -> bool {
        self.founders.contains(membership)
    }

    /// Each by the key of its membership. Whose keys a person has in a circle is for the judgement: more may
    /// be known of them later.
    fn accepts(&self, said: &Statement, admission: Option<&Statement>) -> bool {
        match admission.map(|admission| &admission.kind) {
            Some(Kind::Device { device, .. }) => *device.as_bytes() == said.key,
            Some(_) => true,
            None => {
                let is = |place: u32| said.membership == founder(&self.subject, place);
                match (self.charter.founders.first(), self.charter.next_root) {
                    (Some(Who::Key(root)), _) if is(0) => *root == said.key,
                    (_, Some(next)) if is(1) => next == NextRoot::of(&said.key),
                    _ => true,
                }
            }
        }
    }

    /// Founders in their order, a person's root after whoever may replace it and before every device.
    fn base(&self, said: &BTreeMap<StatementId, SignedStatement>) -> Base {
        let of = |place: u32, who: Who, rank: u32| Founder {
            membership: founder(&self.subject, place),
            who,
            role: Role::Admin,
            seniority: Seniority::of_rank(rank),
            removed: false,
            removed_keys: Vec::new(),
            left_keys: Vec::new(),
        };
        let mut founders: Vec<Founder> = (0..)
            .zip(&self.charter.founders)
            .map(|(place, who)| of(place, *who, place + 1))
            .collect();
        if self.charter.next_root.is_some() {
            // Nobody knows this key before it speaks.
            let replacing = founder(&self.subject, 1);
            let key = (said.values())
                .map(|signed| signed.statement())
                .find(|said| said.membership == replacing);
            founders.extend(key.map(|said| of(1, Who::Key(said.key), 0)));
        }
        Base {
            rule: self.charter.rule,
            founders,
            grants: false,
        }
    }
}
