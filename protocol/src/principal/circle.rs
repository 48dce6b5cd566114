//! A circle: persons who decide together by the rule of their charter.

use std::collections::{BTreeMap, BTreeSet};

use rand_core::CryptoRng;

use super::{Charter, CharterError, Founding, PRINCIPAL_BYTES_MAX, People, PrincipalError};
use crate::evaluation::{
    Directory, InsertError, PrincipalKey, Role, Rule, Seniority, Speaker, Standing, Who,
};
use crate::id::{CircleId, MembershipId, PersonId, StatementId};
use crate::statement::set::{SetWire, Signatures};
use crate::statement::{Kind, SayError, SignedStatement, Signer, StatementSet, Subject};
use crate::wire::{self, V1, WireError};

/// A person in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircleMember {
    /// The admission by which they belong to it.
    pub membership: MembershipId,
    /// What they may say.
    pub role: Role,
    /// Where they stand.
    pub seniority: Seniority,
}

/// Why a circle was refused. Whoever sent it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CircleError {
    /// It is another circle.
    #[error("this is about {got}, not about {expected}")]
    OtherCircle {
        /// Which was meant.
        expected: CircleId,
        /// Which it is.
        got: CircleId,
    },
    /// It is a person's authority.
    #[error("this is about a person")]
    Person,
    /// It does not hold.
    #[error("it does not hold")]
    Principal(#[from] PrincipalError),
}

/// A circle as it came from outside.
#[derive(Clone, PartialEq, Eq)]
pub struct UnverifiedCircle(SetWire);

impl UnverifiedCircle {
    /// Reads a circle; verifies nothing.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are not one circle in canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        wire::decode(bytes, PRINCIPAL_BYTES_MAX).map(Self)
    }

    /// Checks everything: the charter against `expected`, every signature, and the order. Who speaks
    /// is judged with the persons known in `directory`.
    ///
    /// # Errors
    /// [`CircleError`] for the first thing that does not hold.
    pub fn verify(
        self,
        expected: CircleId,
        directory: &impl Directory,
    ) -> Result<Circle, CircleError> {
        match super::claimed(&self.0)? {
            Subject::Circle(got) if got == expected => {}
            Subject::Circle(got) => return Err(CircleError::OtherCircle { expected, got }),
            Subject::Person(_) | Subject::Slice(_) | Subject::Control(_) => {
                return Err(CircleError::Person);
            }
        }
        let built = Founding::build(self.0, Signatures::Check, directory)?;
        Ok(Circle::of(built, expected))
    }
}

impl std::fmt::Debug for UnverifiedCircle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnverifiedCircle")
            .field("claimed", &super::claimed(&self.0))
            .finish_non_exhaustive()
    }
}

/// Who belongs to a circle, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circle {
    id: CircleId,
    founding: Founding,
    set: StatementSet,
    members: BTreeMap<PersonId, CircleMember>,
}

impl Circle {
    /// Makes a circle of these persons, who all may admit and remove by `rule`.
    ///
    /// # Errors
    /// [`CharterError`] if the rule does not go with them.
    pub fn found(
        rule: Rule,
        founders: &[PersonId],
        opens_past: bool,
        directory: &impl Directory,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, CharterError> {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let charter = Charter {
            version: V1,
            rule,
            founders: founders.iter().copied().map(Who::Person).collect(),
            recovery: None,
            next_root: None,
            opens_past,
            salt,
        };
        let (founding, mut set) = Founding::begin(charter)?;
        set.judge(&founding, directory);
        match set.subject() {
            Subject::Circle(id) => Ok(Self::of((founding, set), id)),
            Subject::Person(_) | Subject::Slice(_) | Subject::Control(_) => Err(CharterError::Rule),
        }
    }

    /// Begins a circle with its charter alone: what was said in it is still to come.
    ///
    /// # Errors
    /// [`CircleError`] if it is not the charter of `expected`.
    pub fn begin(
        charter: Charter,
        expected: CircleId,
        directory: &impl Directory,
    ) -> Result<Self, CircleError> {
        let (founding, mut set) = Founding::begin(charter).map_err(PrincipalError::from)?;
        match set.subject() {
            Subject::Circle(got) if got == expected => {}
            Subject::Circle(got) => return Err(CircleError::OtherCircle { expected, got }),
            Subject::Person(_) | Subject::Slice(_) | Subject::Control(_) => {
                return Err(CircleError::Person);
            }
        }
        set.judge(&founding, directory);
        Ok(Self::of((founding, set), expected))
    }

    fn of((founding, set): (Founding, StatementSet), id: CircleId) -> Self {
        let mut circle = Self {
            id,
            founding,
            set,
            members: BTreeMap::new(),
        };
        circle.list_members();
        circle
    }

    /// Returns the circle's id.
    #[must_use]
    pub const fn id(&self) -> CircleId {
        self.id
    }

    /// Returns how the circle began.
    #[must_use]
    pub const fn charter(&self) -> &Charter {
        &self.founding.charter
    }

    /// Returns what was said about the circle, and what stands of it.
    #[must_use]
    pub const fn statements(&self) -> &StatementSet {
        &self.set
    }

    /// Returns the persons who belong to the circle now.
    #[must_use]
    pub const fn members(&self) -> &BTreeMap<PersonId, CircleMember> {
        &self.members
    }

    /// Returns whether this key of a member speaks.
    #[must_use]
    pub fn speaks(&self, speaker: &Speaker) -> bool {
        self.set.outcome().speaks(speaker)
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
        let said = (self.set).say(signer, kind, &self.founding, directory)?;
        self.list_members();
        Ok(said)
    }

    /// Adds statements about this circle and judges all again. What was forgotten comes back only
    /// together with what cites it.
    ///
    /// # Errors
    /// [`InsertError`] of the first that does not fit: what it cites is missing, or there is no room
    /// for more of its author's. The others were added.
    pub fn add(
        &mut self,
        said: impl IntoIterator<Item = SignedStatement>,
        directory: &impl Directory,
    ) -> Result<(), InsertError> {
        let added = self.set.add(said, &self.founding, directory);
        self.list_members();
        added
    }

    /// Adds what `other`, the same circle, holds in addition; returns whether that was anything.
    /// What does not fit (see [`add`](Self::add)) is left out.
    pub fn merge(&mut self, other: &Self, directory: &impl Directory) -> bool {
        let changed = (self.set).merge(&other.set, &self.founding, directory);
        self.list_members();
        changed
    }

    /// Judges all again, and forgets what can be forgotten: something was heard of a member's devices.
    pub fn judge(&mut self, directory: &impl Directory) {
        self.set.judge(&self.founding, directory);
        self.list_members();
    }

    /// Returns charter and statements as bytes: the same for the same statements.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&self.set.to_wire())
    }

    /// Returns all keys of all who belong or belonged to the circle, each once.
    #[must_use]
    pub fn keys(&self, people: &impl Directory) -> Vec<PrincipalKey> {
        let mut keys: BTreeMap<[u8; 32], PrincipalKey> = BTreeMap::new();
        let outcome = self.set.outcome();
        for (membership, member) in outcome.members() {
            for of in people.keys(&member.who) {
                let speaker = Speaker {
                    membership: *membership,
                    key: of.key,
                };
                let found = PrincipalKey {
                    key: of.key,
                    whose: member.who,
                    seniority: member.seniority.key(&of.seniority),
                    removed: of.removed || !outcome.speaks(&speaker),
                };
                let before = keys.get(&of.key);
                // Who was admitted twice speaks by the admission that stands, the more senior first.
                if before.is_none_or(|before| {
                    (found.removed, &found.seniority) < (before.removed, &before.seniority)
                }) {
                    keys.insert(of.key, found);
                }
            }
        }
        keys.into_values().collect()
    }

    /// Returns who belongs to the circle now and did already when somebody of `others` was let in: founders, and
    /// those whose admission has such an admission after it that cites it.
    #[must_use]
    pub fn members_before(&self, others: &[MembershipId]) -> BTreeSet<PersonId> {
        let history = self.set.history();
        let place = |of: &MembershipId| history.place(&StatementId::from_bytes(*of.as_bytes()));
        let later: Vec<usize> = others.iter().filter_map(place).collect();
        let was_before = |member: &CircleMember| match place(&member.membership) {
            None => true, // nobody admitted a founder
            Some(place) => (later.iter()).any(|later| history.past(*later).contains(place)),
        };
        (self.members.iter())
            .filter(|(_, member)| was_before(member))
            .map(|(person, _)| *person)
            .collect()
    }

    fn list_members(&mut self) {
        self.members.clear();
        for (id, member) in self.set.outcome().members() {
            let Who::Person(person) = member.who else {
                continue;
            };
            if member.standing != Standing::Speaks {
                continue;
            }
            let found = CircleMember {
                membership: *id,
                role: member.role,
                seniority: member.seniority.clone(),
            };
            let known = self.members.get(&person);
            // Who was admitted twice belongs by the more senior admission.
            if known.is_none_or(|known| found.seniority < known.seniority) {
                self.members.insert(person, found);
            }
        }
    }
}

/// The persons and circles that a node knows: who may speak by a grant to them.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Persons, by their authorities.
    pub people: People,
    /// Circles.
    pub circles: BTreeMap<CircleId, Circle>,
}

impl Directory for Known {
    fn keys(&self, who: &Who) -> Vec<PrincipalKey> {
        match who {
            Who::Key(_) | Who::Person(_) | Who::Service(_) => Directory::keys(&self.people, who),
            Who::Circle(circle) => {
                (self.circles.get(circle)).map_or_else(Vec::new, |of| of.keys(&self.people))
            }
        }
    }
}

#[cfg(test)]
#[path = "circle_tests.rs"]
mod tests;
