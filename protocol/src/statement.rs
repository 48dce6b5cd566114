//! What somebody says about a principal or a slice, signed.
//!
//! One record for all of it: who belongs to a person or a circle, who may do what with a slice, and
//! the end of either. A statement names the membership by which its author speaks, follows the one
//! before it in its log, and cites whatever else its author had seen. Its id is the hash of what was
//! signed, and where it admits somebody, the id is their [`MembershipId`].
//!
//! It carries its own signature, although it mostly travels inside a sealed entry: it must outlive
//! the key under which it was sealed, and be shown to people who can't open that slice (a grant to
//! its audience, an authority to a contact).
//!
//! | check | knows | where |
//! |---|---|---|
//! | form, bounds, order of lists | the bytes | [`UnverifiedStatement::decode`] |
//! | signature, consent, weak keys | the bytes | [`UnverifiedStatement::verify`] |
//! | whether it stands | all statements of the subject | [`evaluation`](crate::evaluation) |

pub(crate) mod set;

pub use set::{
    ADMITTED_BYTES_MAX, CHARTER_BYTES_MAX, KEY_BYTES_MAX, READER_BYTES_MAX, SET_BYTES_MAX,
    STATEMENTS_MAX, STRANGERS_BYTES_MAX, SayError, SetError, StatementSet,
};

use minicbor::{Decode, Encode};

use crate::crypto::{self, SealingPublic, SigningKey, domain};
use crate::entry::LogPlace;
use crate::evaluation::{
    Act, Admission, After, LOGS_MAX, Node, RANK_MAX, Removal, Role, Rule, Speaker, TIPS_MAX, Upto,
    Who,
};
use crate::grant::{Grant, PURPOSE_BYTES_MAX};
use crate::id::{
    CircleId, DeviceId, GenerationId, MembershipId, PersonId, SliceId, StatementId, TransportId,
};
use crate::signed::{Record, Signed};
use crate::slice::PartNumber;
use crate::time::Timestamp;
use crate::wire::{self, LISTING_BYTES_MAX, STATEMENT_BYTES_MAX, V1, WireError};

/// Most heads that one statement cites: as many logs went on at the same time.
pub const HEADS_MAX: usize = 64;
/// Most removals that one extension names.
pub const EXTENDED_MAX: usize = 64;
/// Most acts that one mandate names.
pub const ACTS_MAX: usize = 16;

/// What a statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(flat)]
pub enum Subject {
    /// Who speaks for a person.
    #[n(0)]
    Person(#[n(0)] PersonId),
    /// Who belongs to a circle.
    #[n(1)]
    Circle(#[n(0)] CircleId),
    /// Who may do what with a slice.
    #[n(2)]
    Slice(#[n(0)] SliceId),
    /// What carriers of a slice enforce: said by control keys, and naming no person.
    #[n(3)]
    Control(#[n(0)] SliceId),
}

impl Subject {
    /// Returns the bytes of the id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        match self {
            Self::Person(id) => id.as_bytes(),
            Self::Circle(id) => id.as_bytes(),
            Self::Slice(id) | Self::Control(id) => id.as_bytes(),
        }
    }
}

/// One thing that is so from now on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Statement {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// About what.
    #[n(1)]
    pub subject: Subject,
    /// By which membership its author speaks.
    #[n(2)]
    pub membership: MembershipId,
    /// With which key: signs this.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// What comes before it in its log.
    #[n(4)]
    pub after: After,
    /// What else the author had seen, in rising order, without what is behind others.
    #[n(5)]
    #[cbor(decode_with = "wire::list::<Ctx, StatementId, HEADS_MAX>")]
    pub heads: Vec<StatementId>,
    /// What is so.
    #[n(6)]
    pub kind: Kind,
}

impl Record for Statement {
    const DOMAIN: &'static str = domain::STATEMENT;
    const BYTES_MAX: usize = LISTING_BYTES_MAX;
}

/// What a statement says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
#[non_exhaustive]
pub enum Kind {
    /// A device speaks for a person.
    #[n(0)]
    Device {
        /// Its signing key.
        #[n(0)]
        device: DeviceId,
        /// What is boxed to it.
        #[n(1)]
        sealing: SealingPublic,
        /// Where it is met.
        #[n(2)]
        transport: TransportId,
        /// Its seniority: 1 is the most senior. Greater than its admitter's.
        #[n(3)]
        rank: u32,
        /// The device's signature, see [`Consent`].
        #[n(4)]
        #[cbor(with = "minicbor::bytes")]
        consent: [u8; 64],
    },
    /// A person belongs to a circle.
    #[n(1)]
    Person {
        /// Who.
        #[n(0)]
        person: PersonId,
        /// What they may say.
        #[n(1)]
        role: Role,
        /// The key of theirs that consents.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        by: [u8; 32],
        /// Its signature, see [`Consent`].
        #[n(3)]
        #[cbor(with = "minicbor::bytes")]
        consent: [u8; 64],
    },
    /// A membership ends, or that of one key; also the end of a grant.
    #[n(2)]
    Remove {
        /// Which membership.
        #[n(0)]
        membership: MembershipId,
        /// Which of its keys; all if absent.
        #[n(1)]
        key: Option<Key32>,
        /// How far what they said stays.
        #[n(2)]
        keep: Upto,
        /// How far what they said of others stays, if less far.
        #[n(3)]
        trusted: Option<Tips>,
    },
    /// Removals cut no more what is meant here.
    #[n(3)]
    Extend {
        /// Which removals, in rising order.
        #[n(0)]
        #[cbor(decode_with = "wire::list::<Ctx, StatementId, EXTENDED_MAX>")]
        of: Vec<StatementId>,
        /// What they leave.
        #[n(1)]
        upto: Upto,
    },
    /// This was there.
    #[n(4)]
    Checkpoint {
        /// What was added since the author's checkpoint before.
        #[n(0)]
        upto: Upto,
        /// Root over all logs of the view, see the specification.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        logs: [u8; 32],
        /// Root over the heads of all documents; zeros where there is none.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        documents: [u8; 32],
        /// The heads of the owner's authority, in rising order.
        #[n(3)]
        #[cbor(decode_with = "wire::list::<Ctx, StatementId, HEADS_MAX>")]
        authority: Vec<StatementId>,
        /// The version of the gate that judged the documents.
        #[n(4)]
        gate: u32,
    },
    /// The author agrees to another's statement: a signature of a board.
    #[n(5)]
    Approve {
        /// Which.
        #[n(0)]
        statement: StatementId,
    },
    /// A new ring key of the principal, with the sealing key that goes with it. Its recipients are
    /// the members at what this statement cites.
    #[n(6)]
    Ring {
        /// The ring statements that it replaces, in rising order; none for the first.
        #[n(0)]
        #[cbor(decode_with = "wire::list::<Ctx, StatementId, HEADS_MAX>")]
        parents: Vec<StatementId>,
        /// Commitment to the ring key.
        #[n(1)]
        #[cbor(with = "minicbor::bytes")]
        commit: [u8; 32],
        /// What is boxed to the principal from now on.
        #[n(2)]
        sealing: SealingPublic,
        /// The removals in the principal, and in those of its members, that its maker knew, and that
        /// none of the ring keys before it names; in rising order.
        #[n(3)]
        #[cbor(decode_with = "wire::list::<Ctx, StatementId, TIPS_MAX>")]
        removed: Vec<StatementId>,
    },
    /// The rule changes. Has its place; nothing follows from it yet.
    #[n(7)]
    Rule {
        /// To what.
        #[n(0)]
        rule: Rule,
    },
    /// Somebody may do something with a slice. The statement's id is the grant's.
    #[n(8)]
    Grant(#[n(0)] Grant),
    /// A grant ends later than it said. By an owner or whoever gave it.
    #[n(9)]
    Renew {
        /// Which grant.
        #[n(0)]
        grant: MembershipId,
        /// Until when, not included.
        #[n(1)]
        expires: Timestamp,
    },
    /// A person may do named acts for the owner. Has its place; nothing follows from it yet.
    #[n(10)]
    Mandate {
        /// Who.
        #[n(0)]
        person: PersonId,
        /// Which acts, in rising order; numbers are given when the first is used.
        #[n(1)]
        #[cbor(decode_with = "wire::list::<Ctx, u8, ACTS_MAX>")]
        acts: Vec<u8>,
        /// Until when, not included.
        #[n(2)]
        expires: Timestamp,
        /// Why, in the giver's words.
        #[n(3)]
        #[cbor(decode_with = "wire::text::<Ctx, PURPOSE_BYTES_MAX>")]
        purpose: String,
    },
    /// The principal vouches for something. Has its place; nothing follows from it yet.
    #[n(11)]
    Certify {
        /// Hash of what is vouched for: a service's manifest, say.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        what: [u8; 32],
        /// Until when, not included.
        #[n(1)]
        expires: Timestamp,
    },
    /// By this key the author's membership signs tickets for its logs; the last one counts.
    #[n(12)]
    WriteKey {
        /// Its public half.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        key: [u8; 32],
    },
    /// A control key of an owner's device.
    #[n(13)]
    ControlKey {
        /// The key.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        key: [u8; 32],
        /// Its seniority: 1 is the most senior. Greater than its admitter's.
        #[n(1)]
        rank: u32,
    },
    /// A writer, by their write key.
    #[n(14)]
    Writer {
        /// The key.
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        key: [u8; 32],
        /// How many bytes of entries they may have in one part.
        #[n(1)]
        bytes: u64,
        /// How many logs in one part.
        #[n(2)]
        logs: u32,
    },
    /// Who knows this access key is given what was sealed under its generation, and before.
    #[n(15)]
    Access {
        /// In which part.
        #[n(0)]
        part: PartNumber,
        /// Of which generation.
        #[n(1)]
        generation: GenerationId,
        /// Commitment to the access key.
        #[n(2)]
        #[cbor(with = "minicbor::bytes")]
        commit: [u8; 32],
    },
    /// What comes up to here may be dropped: a checkpoint covers it.
    #[n(16)]
    Compact {
        /// In which part.
        #[n(0)]
        part: PartNumber,
        /// Up to and with these entries, in rising order.
        #[n(1)]
        #[cbor(decode_with = "wire::list::<Ctx, LogPlace, LOGS_MAX>")]
        upto: Vec<LogPlace>,
    },
    /// What comes up to here is served no more, and dropped after a while.
    #[n(17)]
    Erase {
        /// In which part.
        #[n(0)]
        part: PartNumber,
        /// Up to and with these entries, in rising order.
        #[n(1)]
        #[cbor(decode_with = "wire::list::<Ctx, LogPlace, LOGS_MAX>")]
        upto: Vec<LogPlace>,
    },
    /// This key is the root's, which the slice has committed to: it overrides all control keys.
    #[n(18)]
    Root {
        /// What opens the commitment together with the key, see
        /// [`RootCommit`](crate::slice::RootCommit).
        #[n(0)]
        #[cbor(with = "minicbor::bytes")]
        blind: [u8; 32],
    },
}

/// 32 bytes of a key, where one may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Key32(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 32],
);

/// A list of statements, where one may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Tips(
    #[n(0)]
    #[cbor(decode_with = "wire::list::<Ctx, StatementId, TIPS_MAX>")]
    pub Vec<StatementId>,
);

/// What whoever is admitted signs, with every word that the admission has about them: to speak for
/// this principal, as this, admitted by this membership and no other.
#[derive(Debug, Encode)]
#[cbor(array)]
pub struct Consent<'a> {
    #[n(0)]
    version: V1,
    #[n(1)]
    subject: Subject,
    #[n(2)]
    admitter: MembershipId,
    #[n(3)]
    whom: Whom<'a>,
}

#[derive(Debug, Encode)]
#[cbor(flat)]
enum Whom<'a> {
    #[n(0)]
    Device {
        #[n(0)]
        device: DeviceId,
        #[n(1)]
        sealing: &'a SealingPublic,
        #[n(2)]
        transport: TransportId,
        #[n(3)]
        rank: u32,
    },
    #[n(1)]
    Person {
        #[n(0)]
        person: PersonId,
        #[n(1)]
        role: Role,
    },
}

impl<'a> Consent<'a> {
    /// Returns what a device signs to speak for a person.
    #[must_use]
    pub const fn of_device(
        person: PersonId,
        admitter: MembershipId,
        device: DeviceId,
        sealing: &'a SealingPublic,
        transport: TransportId,
        rank: u32,
    ) -> Self {
        Self {
            version: V1,
            subject: Subject::Person(person),
            admitter,
            whom: Whom::Device {
                device,
                sealing,
                transport,
                rank,
            },
        }
    }

    /// Returns what a device of a person signs for them to join a circle.
    #[must_use]
    pub const fn of_person(
        circle: CircleId,
        admitter: MembershipId,
        person: PersonId,
        role: Role,
    ) -> Self {
        Self {
            version: V1,
            subject: Subject::Circle(circle),
            admitter,
            whom: Whom::Person { person, role },
        }
    }

    /// Signs it.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> [u8; 64] {
        key.sign(domain::CONSENT, &wire::encode(self))
    }

    /// Returns whether `signature` is the one of `key`.
    #[must_use]
    pub fn holds(&self, key: &[u8; 32], signature: &[u8; 64]) -> bool {
        crypto::verify(key, domain::CONSENT, &wire::encode(self), signature).is_ok()
    }
}

/// Why a statement was refused. Whoever signed it is at fault, or who sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementError {
    /// Not a statement in canonical form.
    #[error("not readable")]
    Wire(#[from] WireError),
    /// Longer than a statement of its kind may be.
    #[error("{got} bytes, more than the {max} of its kind")]
    TooLong {
        /// How many bytes were signed.
        got: usize,
        /// How many may be.
        max: usize,
    },
    /// A kind of statement that its subject does not have.
    #[error("says what cannot be said of its subject")]
    Kind,
    /// A list is not in rising order, or names something twice.
    #[error("a list is out of order")]
    Order,
    /// The signature does not hold.
    #[error("signature does not hold")]
    Signature,
    /// Whoever is admitted did not sign for it.
    #[error("who is admitted did not consent")]
    Consent,
    /// Rank 0 is the root's, and those below [`RANK_MAX`] are no device's.
    #[error("a rank that no device has")]
    Rank,
    /// A grant that ends before it begins, or covers no part.
    #[error("the grant covers nothing")]
    Empty,
}

/// A statement as it came from outside: well formed, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnverifiedStatement(Signed<Statement>);

impl UnverifiedStatement {
    /// Takes a statement that was decoded as part of something else.
    ///
    /// # Errors
    /// [`StatementError`] for its length, its kind and the order of its lists.
    pub fn new(signed: Signed<Statement>) -> Result<Self, StatementError> {
        let statement = signed.unverified();
        let (got, max) = (signed.signed_bytes().len(), statement.kind.bytes_max());
        if got > max {
            return Err(StatementError::TooLong { got, max });
        }
        statement.check_form()?;
        Ok(Self(signed))
    }

    /// Reads a statement; checks form and bounds only.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, StatementError> {
        Self::new(Signed::decode(bytes)?)
    }

    /// Returns what this claims.
    #[must_use]
    pub const fn claimed(&self) -> &Statement {
        self.0.unverified()
    }

    /// Checks that its key signed this and, if it admits somebody, that they consented.
    ///
    /// Whether that key may say so is seen among all statements of the subject.
    ///
    /// # Errors
    /// [`StatementError::Signature`] or [`StatementError::Consent`].
    pub fn verify(self) -> Result<SignedStatement, StatementError> {
        let claimed = self.0.unverified();
        (self.0.check(&claimed.key)).map_err(|_| StatementError::Signature)?;
        if !claimed.consented() {
            return Err(StatementError::Consent);
        }
        Ok(SignedStatement::new(self.0))
    }

    /// Takes a statement that this node verified before it stored it. Only for own storage.
    #[must_use]
    pub fn assume_verified(self) -> SignedStatement {
        SignedStatement::new(self.0)
    }
}

/// A statement that its key signed, and whoever it admits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedStatement {
    signed: Signed<Statement>,
    id: StatementId,
}

impl SignedStatement {
    fn new(signed: Signed<Statement>) -> Self {
        let id = crypto::hash(domain::STATEMENT_ID, &[signed.signed_bytes()]);
        Self {
            signed,
            id: StatementId::from_bytes(id),
        }
    }

    /// Signs a statement.
    ///
    /// # Errors
    /// [`StatementError`] if nobody would take it: its kind does not fit its subject, a list is out
    /// of order, it is too long, or whoever it admits did not consent.
    ///
    /// # Panics
    /// If `key` is not the one that the statement names: our own bug.
    pub fn sign(statement: Statement, key: &SigningKey) -> Result<Self, StatementError> {
        assert!(statement.key == key.public(), "the author signs");
        let signed = UnverifiedStatement::new(Signed::sign(statement, key))?;
        if !signed.claimed().consented() {
            return Err(StatementError::Consent);
        }
        Ok(signed.assume_verified())
    }

    /// Returns its id: the hash of what was signed.
    #[must_use]
    pub const fn id(&self) -> StatementId {
        self.id
    }

    /// Returns the membership that it gives, if it admits somebody.
    #[must_use]
    pub const fn membership(&self) -> MembershipId {
        MembershipId::from_bytes(*self.id.as_bytes())
    }

    /// Returns what it says.
    #[must_use]
    pub const fn statement(&self) -> &Statement {
        self.signed.unverified()
    }

    /// Returns the record with its signature.
    #[must_use]
    pub const fn signed(&self) -> &Signed<Statement> {
        &self.signed
    }

    /// Returns how many bytes it has, signature and heads included.
    #[expect(clippy::len_without_is_empty, reason = "no statement is empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        crate::signed::signed_bytes_max(self.signed.signed_bytes().len())
    }

    /// Returns the statement as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.signed.to_bytes()
    }

    /// Returns it as it is judged.
    #[must_use]
    pub fn node(&self) -> Node {
        let statement = self.statement();
        let mut heads = statement.heads.clone();
        if let Kind::Ring { parents, .. } = &statement.kind {
            heads.extend(parents);
        }
        Node {
            id: self.id,
            author: statement.author(),
            after: statement.after,
            heads,
            act: statement.kind.act(),
        }
    }
}

impl Statement {
    /// Returns who says it.
    #[must_use]
    pub const fn author(&self) -> Speaker {
        Speaker {
            membership: self.membership,
            key: self.key,
        }
    }

    fn check_form(&self) -> Result<(), StatementError> {
        if !self.kind.is_said_of(&self.subject) {
            return Err(StatementError::Kind);
        }
        if let Kind::Device { rank, .. } | Kind::ControlKey { rank, .. } = self.kind
            && !(1..=RANK_MAX).contains(&rank)
        {
            return Err(StatementError::Rank);
        }
        if let Kind::Grant(grant) = &self.kind
            && grant.is_empty()
        {
            return Err(StatementError::Empty);
        }
        let rising = |ids: &[StatementId]| ids.is_sorted_by(|a, b| a < b);
        let logs_rise = |logs: &[LogPlace]| logs.is_sorted_by(|a, b| a < b);
        let upto_rises = |upto: &Upto| rising(&upto.statements) && logs_rise(&upto.logs);
        let lists = match &self.kind {
            Kind::Remove { keep, trusted, .. } => {
                upto_rises(keep) && trusted.as_ref().is_none_or(|tips| rising(&tips.0))
            }
            Kind::Extend { of, upto } => rising(of) && !of.is_empty() && upto_rises(upto),
            Kind::Checkpoint {
                upto, authority, ..
            } => upto_rises(upto) && rising(authority),
            Kind::Ring {
                parents, removed, ..
            } => rising(parents) && rising(removed),
            Kind::Mandate { acts, .. } => acts.is_sorted_by(|a, b| a < b),
            Kind::Compact { upto, .. } | Kind::Erase { upto, .. } => logs_rise(upto),
            Kind::Device { .. }
            | Kind::Person { .. }
            | Kind::Approve { .. }
            | Kind::Rule { .. }
            | Kind::Grant(_)
            | Kind::Renew { .. }
            | Kind::Certify { .. }
            | Kind::WriteKey { .. }
            | Kind::ControlKey { .. }
            | Kind::Writer { .. }
            | Kind::Access { .. }
            | Kind::Root { .. } => true,
        };
        if !rising(&self.heads) || !lists {
            return Err(StatementError::Order);
        }
        Ok(())
    }

    fn consented(&self) -> bool {
        match (&self.subject, &self.kind) {
            (
                Subject::Person(principal),
                Kind::Device {
                    device,
                    sealing,
                    transport,
                    rank,
                    consent,
                },
            ) => {
                let said = Consent::of_device(
                    *principal,
                    self.membership,
                    *device,
                    sealing,
                    *transport,
                    *rank,
                );
                said.holds(device.as_bytes(), consent)
            }
            (
                Subject::Circle(circle),
                Kind::Person {
                    person,
                    role,
                    by,
                    consent,
                },
            ) => Consent::of_person(*circle, self.membership, *person, *role).holds(by, consent),
            (_, Kind::Device { .. } | Kind::Person { .. }) => false,
            (
                _,
                Kind::Remove { .. }
                | Kind::Extend { .. }
                | Kind::Checkpoint { .. }
                | Kind::Approve { .. }
                | Kind::Ring { .. }
                | Kind::Rule { .. }
                | Kind::Grant(_)
                | Kind::Renew { .. }
                | Kind::Mandate { .. }
                | Kind::Certify { .. }
                | Kind::WriteKey { .. }
                | Kind::ControlKey { .. }
                | Kind::Writer { .. }
                | Kind::Access { .. }
                | Kind::Compact { .. }
                | Kind::Erase { .. }
                | Kind::Root { .. },
            ) => true,
        }
    }
}

impl Kind {
    /// Whether this can be said of such a subject.
    const fn is_said_of(&self, subject: &Subject) -> bool {
        match self {
            Self::Remove { .. } | Self::Extend { .. } => true,
            // It names the heads of an authority, which carriers could compare between slices.
            Self::Checkpoint { .. } => !matches!(subject, Subject::Control(_)),
            Self::Device { .. } => matches!(subject, Subject::Person(_)),
            Self::Person { .. } | Self::Rule { .. } => matches!(subject, Subject::Circle(_)),
            Self::Approve { .. } => matches!(subject, Subject::Circle(_) | Subject::Slice(_)),
            Self::Ring { .. } | Self::Certify { .. } => {
                matches!(subject, Subject::Person(_) | Subject::Circle(_))
            }
            Self::Grant(_) | Self::Renew { .. } | Self::Mandate { .. } | Self::WriteKey { .. } => {
                matches!(subject, Subject::Slice(_))
            }
            Self::ControlKey { .. }
            | Self::Writer { .. }
            | Self::Access { .. }
            | Self::Compact { .. }
            | Self::Erase { .. }
            | Self::Root { .. } => matches!(subject, Subject::Control(_)),
        }
    }

    /// How long a statement of this kind may be.
    const fn bytes_max(&self) -> usize {
        match self {
            Self::Remove { .. }
            | Self::Extend { .. }
            | Self::Checkpoint { .. }
            | Self::Compact { .. }
            | Self::Erase { .. }
            | Self::Ring { .. } => LISTING_BYTES_MAX,
            Self::Device { .. }
            | Self::Person { .. }
            | Self::Approve { .. }
            | Self::Rule { .. }
            | Self::Grant(_)
            | Self::Renew { .. }
            | Self::Mandate { .. }
            | Self::Certify { .. }
            | Self::WriteKey { .. }
            | Self::ControlKey { .. }
            | Self::Writer { .. }
            | Self::Access { .. }
            | Self::Root { .. } => STATEMENT_BYTES_MAX,
        }
    }

    /// What of it is judged.
    fn act(&self) -> Act {
        let admits = |who: Who, by: Option<[u8; 32]>, rank: u32, role: Role| {
            Act::Admit(Admission {
                who,
                by,
                rank,
                role,
            })
        };
        match self {
            // The root has rank 0, and the one that may replace it comes before.
            Self::Device { device, rank, .. } => {
                let key = *device.as_bytes();
                let rank = rank.saturating_add(1);
                admits(Who::Key(key), Some(key), rank, Role::Admin)
            }
            Self::Person {
                person, role, by, ..
            } => admits(Who::Person(*person), Some(*by), 0, *role),
            Self::Grant(grant) => admits(grant.audience.who(), None, 0, grant.role()),
            Self::ControlKey { key, rank } => admits(Who::Key(*key), None, *rank, Role::Admin),
            // After every control key.
            Self::Writer { key, .. } => admits(Who::Key(*key), None, u32::MAX, Role::Member),
            Self::Remove {
                membership,
                key,
                keep,
                trusted,
            } => Act::Remove(Removal {
                membership: *membership,
                key: key.map(|key| key.0),
                keep: keep.clone(),
                trusted: trusted.clone().map(|tips| tips.0),
            }),
            Self::Extend { of, upto } => Act::Extend {
                of: of.clone(),
                upto: upto.clone(),
            },
            Self::Checkpoint { upto, .. } => Act::Checkpoint(upto.clone()),
            Self::Approve { statement } => Act::Approve(*statement),
            Self::Rule { .. }
            | Self::Renew { .. }
            | Self::Mandate { .. }
            | Self::Certify { .. }
            | Self::Access { .. }
            | Self::Compact { .. }
            | Self::Erase { .. }
            | Self::Root { .. } => Act::Say,
            // Any member may rotate, doubted or not: what taints a key is who has it.
            Self::Ring { .. } | Self::WriteKey { .. } => Act::Content,
        }
    }
}

/// A key that signs statements about one subject, by one membership, in one log.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    /// The key.
    pub key: &'a SigningKey,
    /// By which membership.
    pub membership: MembershipId,
    /// In the log of which installation.
    pub installation: crate::id::InstallationId,
}

impl Signer<'_> {
    /// Returns the speaker that this signer is.
    #[must_use]
    pub fn speaker(&self) -> Speaker {
        Speaker {
            membership: self.membership,
            key: self.key.public(),
        }
    }

    /// Signs `kind` as the next statement of this signer's log in `history`, citing all there is.
    ///
    /// # Errors
    /// [`StatementError`], see [`SignedStatement::sign`].
    pub fn say(
        &self,
        history: &crate::evaluation::History,
        subject: Subject,
        kind: Kind,
    ) -> Result<SignedStatement, StatementError> {
        self.say_after(history, history.heads(), subject, kind)
    }

    /// Says the same, citing as many of `heads` as a statement may, the first of them.
    pub(crate) fn say_after(
        &self,
        history: &crate::evaluation::History,
        mut heads: Vec<StatementId>,
        subject: Subject,
        kind: Kind,
    ) -> Result<SignedStatement, StatementError> {
        let tips = history.tips(&self.speaker(), &self.installation);
        let after = match tips.first() {
            None => After::Nothing(self.installation),
            Some(tip) => After::Statement(*tip),
        };
        heads.retain(|head| After::Statement(*head) != after);
        heads.truncate(HEADS_MAX);
        heads.sort_unstable();
        let statement = Statement {
            version: V1,
            subject,
            membership: self.membership,
            key: self.key.public(),
            after,
            heads,
            kind,
        };
        SignedStatement::sign(statement, self.key)
    }
}
