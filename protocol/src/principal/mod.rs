//! Who a person or a circle is, and who speaks for them.
//!
//! Both are a [`Principal`]: a [`Charter`], whose hash is the id, and statements under it. A person
//! ([`Authority`]) has one founder, the root key that comes from the words on paper and is kept on no
//! device, and devices by rank. A circle ([`Circle`]) has persons. What stands of the statements,
//! and who is a member, is judged by [`evaluation`](crate::evaluation), by one code for both.
//!
//! A principal is passed around whole, as bytes: charter and statements. Two that are both true
//! hold different statements, and [`Principal::merge`] makes one of them. Nothing is ever lost by
//! merging but what its author signed past a cut.
//!
//! **Invariants.** Whoever is admitted signed for it. Same statements, same bytes, whatever the
//! order in which they came. Nothing here knows a person's name.

mod circle;
mod person;
pub mod phrase;

pub use circle::{Circle, CircleError, CircleMember, UnverifiedCircle};
pub use person::{Authority, AuthorityError, DeviceRecord, NewDevice, People, UnverifiedAuthority};

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::crypto::{self, SealingPublic, domain};
use crate::evaluation::{
    Base, Directory, Founder, History, InsertError, Outcome, Role, Rule, Seniority, Who, evaluate,
};
use crate::id::{CircleId, MembershipId, PersonId, StatementId};
use crate::signed::Signed;
use crate::statement::{
    Kind, SignedStatement, Signer, Statement, StatementError, Subject, UnverifiedStatement,
};
use crate::wire::{self, V1, WireError};

/// Most statements of one principal. Each costs a signature check, or two.
pub const STATEMENTS_MAX: usize = 4096;
/// Longest principal: a frame less what a session puts around it. A circle of 2,000 persons, or 500
/// devices of one.
pub const PRINCIPAL_BYTES_MAX: usize = wire::FRAME_BYTES_MAX - 4096;
/// Most bytes of statements of all who are not founders together: what is left is for the root or
/// the founders, who can thus always remove a thief that fills the rest.
pub const ADMITTED_BYTES_MAX: usize = 768 * 1024;
/// Most bytes of statements of one key that is not a founder's.
pub const KEY_BYTES_MAX: usize = 256 * 1024;
/// Most founders of a circle.
pub const FOUNDERS_MAX: usize = 32;
/// Longest charter: 32 founders, or a root and a sealing key.
pub const CHARTER_BYTES_MAX: usize = 4096;

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

    fn subject(&self, bytes: &[u8]) -> Subject {
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

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct PrincipalWire {
    #[n(0)]
    pub(crate) version: V1,
    #[n(1)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, CHARTER_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub(crate) charter: Vec<u8>,
    #[n(2)]
    #[cbor(decode_with = "wire::list::<Ctx, Signed<Statement>, STATEMENTS_MAX>")]
    pub(crate) statements: Vec<Signed<Statement>>,
}

/// Why a principal was refused. Whoever sent it is at fault; ask for theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrincipalError {
    /// The charter does not hold.
    #[error("the charter does not hold")]
    Charter(#[from] CharterError),
    /// It is another's.
    #[error("this is about another than expected")]
    Other,
    /// A statement is about something else.
    #[error("statement {index} is about something else")]
    OtherSubject {
        /// Which statement.
        index: usize,
    },
    /// A statement does not hold by itself.
    #[error("statement {index} does not hold")]
    Statement {
        /// Which statement.
        index: usize,
        /// Why.
        #[source]
        error: StatementError,
    },
    /// A statement does not fit among those before it.
    #[error("statement {index} does not follow from those before")]
    Insert {
        /// Which statement.
        index: usize,
        /// Why.
        #[source]
        error: InsertError,
    },
    /// More than one key may say, or a principal may have.
    #[error("more statements than there may be")]
    TooMany,
    /// The statements are not in the one order, or hold what was cut.
    #[error("statements out of order")]
    Order,
}

/// Why nothing was said. The caller is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SayError {
    /// The signer does not speak, or not by that membership.
    #[error("the signer does not speak for this principal")]
    Signer,
    /// No rank is left below the admitter's.
    #[error("no rank below the admitter's is left")]
    Rank,
    /// Nobody would take the statement.
    #[error("the statement does not hold")]
    Statement(#[from] StatementError),
    /// It does not fit in.
    #[error("the statement does not fit in")]
    Insert(#[from] InsertError),
}

/// Whom bytes claim to be about.
pub(crate) fn claimed(wire: &PrincipalWire) -> Result<Subject, CharterError> {
    Charter::decode(&wire.charter).map(|charter| charter.subject(&wire.charter))
}

/// Whether signatures are still to be checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signatures {
    Check,
    /// They were checked before these bytes went into our own store.
    KnownToHold,
}

/// A charter and the statements under it, judged.
#[derive(Clone, Debug)]
pub struct Principal {
    subject: Subject,
    charter: Charter,
    charter_bytes: Vec<u8>,
    /// The memberships that the charter gives.
    founders: Vec<MembershipId>,
    history: History,
    signed: BTreeMap<StatementId, SignedStatement>,
    outcome: Outcome,
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.charter_bytes == other.charter_bytes && self.signed.keys().eq(other.signed.keys())
    }
}

impl Eq for Principal {}

impl Principal {
    /// Begins a principal.
    ///
    /// # Errors
    /// [`CharterError`].
    pub fn begin(charter: Charter) -> Result<Self, CharterError> {
        charter.check()?;
        let charter_bytes = wire::encode(&charter);
        Ok(Self::empty(charter, charter_bytes))
    }

    fn empty(charter: Charter, charter_bytes: Vec<u8>) -> Self {
        let history = History::default();
        let subject = charter.subject(&charter_bytes);
        let outcome = evaluate(&history, &base(&charter, &subject, &BTreeMap::new()), &());
        let places = charter.founders.len() + usize::from(charter.next_root.is_some());
        let founders = (0..)
            .take(places)
            .map(|place| founder(&subject, place))
            .collect();
        Self {
            founders,
            subject,
            charter,
            charter_bytes,
            history,
            signed: BTreeMap::new(),
            outcome,
        }
    }

    pub(crate) fn build(
        wire: PrincipalWire,
        signatures: Signatures,
        directory: &impl Directory,
    ) -> Result<Self, PrincipalError> {
        let charter = Charter::decode(&wire.charter)?;
        let mut principal = Self::empty(charter, wire.charter);
        let mut order = Vec::with_capacity(wire.statements.len());
        for (index, signed) in wire.statements.into_iter().enumerate() {
            let refused = |error| PrincipalError::Statement { index, error };
            let unverified = UnverifiedStatement::new(signed).map_err(refused)?;
            if unverified.claimed().subject != principal.subject {
                return Err(PrincipalError::OtherSubject { index });
            }
            let signed = match signatures {
                Signatures::Check => unverified.verify().map_err(refused)?,
                Signatures::KnownToHold => unverified.assume_verified(),
            };
            order.push(signed.id());
            (principal.insert(signed)).map_err(|error| PrincipalError::Insert { index, error })?;
        }
        principal.judge(directory);
        let kept: Vec<StatementId> = principal.statements().map(SignedStatement::id).collect();
        if kept != order {
            return Err(PrincipalError::Order);
        }
        Ok(principal)
    }

    /// Returns whom this is about.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    /// Returns how it began.
    #[must_use]
    pub const fn charter(&self) -> &Charter {
        &self.charter
    }

    /// Returns the statements with all that they cite.
    #[must_use]
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Returns who speaks, and what stands.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Returns a statement.
    #[must_use]
    pub fn statement(&self, id: &StatementId) -> Option<&SignedStatement> {
        self.signed.get(id)
    }

    /// Returns all statements in their one order.
    pub fn statements(&self) -> impl Iterator<Item = &SignedStatement> {
        self.history
            .ordered()
            .into_iter()
            .filter_map(|id| self.signed.get(&id))
    }

    /// Returns the membership of the founder at this place in the charter.
    #[must_use]
    pub fn founder(&self, place: u32) -> MembershipId {
        founder(&self.subject, place)
    }

    /// Adds statements and judges all again. What was forgotten comes back only together with
    /// what cites it.
    ///
    /// # Errors
    /// [`InsertError`] of the first that does not fit: what it cites is missing, or there is no room
    /// for more of its author's. Those before it were added.
    pub fn add(
        &mut self,
        signed: impl IntoIterator<Item = SignedStatement>,
        directory: &impl Directory,
    ) -> Result<(), InsertError> {
        let added = signed
            .into_iter()
            .try_for_each(|signed| self.insert(signed));
        self.judge(directory);
        added
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
        if self.outcome.seniority(&signer.speaker()).is_none() {
            return Err(SayError::Signer);
        }
        let said = signer.say(&self.history, self.subject, kind)?;
        self.add([said.clone()], directory)?;
        Ok(said)
    }

    /// Adds what `other`, of the same charter, holds in addition; returns whether that was anything.
    /// What does not fit (see [`add`](Self::add)) is left out.
    pub fn merge(&mut self, other: &Self, directory: &impl Directory) -> bool {
        if other.charter_bytes != self.charter_bytes {
            return false;
        }
        let before: Vec<StatementId> = self.signed.keys().copied().collect();
        for signed in other.statements() {
            let _ = self.insert(signed.clone());
        }
        self.judge(directory);
        !self.signed.keys().eq(&before)
    }

    /// Returns charter and statements as bytes: the same for the same statements.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&self.to_wire())
    }

    pub(crate) fn to_wire(&self) -> PrincipalWire {
        PrincipalWire {
            version: V1,
            charter: self.charter_bytes.clone(),
            statements: self.statements().map(|s| s.signed().clone()).collect(),
        }
    }

    fn insert(&mut self, signed: SignedStatement) -> Result<(), InsertError> {
        if !self.signed.contains_key(&signed.id()) && !self.has_room_for(&signed) {
            return Err(InsertError::Full);
        }
        let founders = &self.founders;
        (self.history).insert(signed.node(), |membership| founders.contains(membership))?;
        self.signed.insert(signed.id(), signed);
        Ok(())
    }

    fn has_room_for(&self, signed: &SignedStatement) -> bool {
        let bytes = |of: &dyn Fn(&Statement) -> bool| -> usize {
            (self.signed.values().filter(|s| of(s.statement())))
                .map(SignedStatement::len)
                .sum()
        };
        let founded = |said: &Statement| self.founders.contains(&said.membership);
        let author = signed.statement().author();
        let admitted_has_room = || {
            bytes(&|said| !founded(said)) + signed.len() <= ADMITTED_BYTES_MAX
                && bytes(&|said| said.author() == author) + signed.len() <= KEY_BYTES_MAX
        };
        let all = self.charter_bytes.len() + 16 + bytes(&|_| true) + signed.len();
        self.signed.len() < STATEMENTS_MAX
            && all <= PRINCIPAL_BYTES_MAX
            && (founded(signed.statement()) || admitted_has_room())
    }

    /// Judges all again, with what is known of persons now, and forgets what can be forgotten.
    pub fn judge(&mut self, directory: &impl Directory) {
        let base = base(&self.charter, &self.subject, &self.signed);
        self.outcome = evaluate(&self.history, &base, directory);
        let gone = self.history.forgettable(&self.outcome);
        if gone.is_empty() {
            return;
        }
        let kept = self
            .history
            .ordered()
            .into_iter()
            .filter(|id| !gone.contains(id));
        let kept: Vec<_> = kept.filter_map(|id| self.signed.remove(&id)).collect();
        (self.history, self.signed) = (History::default(), BTreeMap::new());
        for signed in kept {
            // What is kept cites nothing that is gone.
            let _ = self.insert(signed);
        }
        self.outcome = evaluate(&self.history, &base, directory);
    }
}

fn founder(subject: &Subject, place: u32) -> MembershipId {
    let id = crypto::hash(domain::FOUNDER, &[subject.as_bytes(), &place.to_le_bytes()]);
    MembershipId::from_bytes(id)
}

/// Who speaks from the beginning: founders in their order, a person's root after whoever may
/// replace it and before every device.
fn base(
    charter: &Charter,
    subject: &Subject,
    signed: &BTreeMap<StatementId, SignedStatement>,
) -> Base {
    let of = |place: u32, who: Who, rank: u32| Founder {
        membership: founder(subject, place),
        who,
        role: Role::Admin,
        seniority: Seniority::of_rank(rank),
        removed: false,
    };
    let mut founders: Vec<Founder> = (0..)
        .zip(&charter.founders)
        .map(|(place, who)| of(place, *who, place + 1))
        .collect();
    if let Some(next) = charter.next_root {
        // Nobody knows this key before it speaks.
        let key = (signed.values())
            .map(|signed| signed.statement())
            .find(|said| said.membership == founder(subject, 1) && NextRoot::of(&said.key) == next);
        founders.extend(key.map(|said| of(1, Who::Key(said.key), 0)));
    }
    Base {
        rule: charter.rule,
        founders,
        grants: false,
    }
}
