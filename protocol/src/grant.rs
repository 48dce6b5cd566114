//! Who may do what with a slice, until when, why; and the end of it.
//!
//! A [`Grant`] gives one person abilities over some parts of a slice. It is signed by a device
//! of the owner or, if the owner allowed it, by a device of a person who holds a grant
//! themselves; a chain has at most [`CHAIN_MAX`] links, and each is no more than its parent in
//! every field. A [`Revocation`] ends one.
//!
//! A grant only says what is allowed. What enforces it are the keys: a reader is given those of
//! the granted parts, and new ones replace them when the grant ends. `depth` 0 is kept by honest
//! nodes; people can always copy what they read.
//!
//! | ability | allows | does NOT allow |
//! |---|---|---|
//! | read | holding keys and entries of the parts | keeping the giver from seeing that they were fetched; reading other parts |
//! | write | read, and entries of one's own logs | changing what others wrote |
//! | grant | write, and grants no wider than this, `depth` deep | more abilities, parts or time than one has |

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};

use crate::crypto::{self, domain};
use crate::id::{DeviceId, GrantId, PersonId, SliceId};
use crate::principal::Authority;
use crate::signed::{Record, Signed};
use crate::slice::PartRange;
use crate::time::Timestamp;
use crate::wire::{self, CHAIN_MAX, V1};

/// Longest purpose, in bytes of UTF-8: two or three sentences.
pub const PURPOSE_BYTES_MAX: usize = 256;
/// Longest name of a lens or service, in bytes.
pub const NAME_BYTES_MAX: usize = 64;
/// How much a clock may be behind the issuer's, in milliseconds: ten minutes.
pub const CLOCK_SKEW_MS: u64 = 600_000;

/// What may be done: each ability includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Abilities(u8);

impl Abilities {
    /// Hold keys and entries.
    pub const READ: Self = Self(0b001);
    /// Read, and write entries.
    pub const WRITE: Self = Self(0b011);
    /// Read, write, and grant onwards.
    pub const GRANT: Self = Self(0b111);

    /// Returns the abilities of these bits: 1 read, 2 write, 4 grant, each with those before it.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0b001 | 0b011 | 0b111 => Some(Self(bits)),
            _ => None,
        }
    }

    /// Returns the bits: 1 read, 2 write, 4 grant.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Returns whether everything `other` allows is allowed.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl<C> Encode<C> for Abilities {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.u8(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Abilities {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        Self::from_bits(d.u8()?).ok_or_else(|| decode::Error::message("unknown abilities").at(at))
    }
}

/// Exactly which content is shown: for a projection the lens and the hash of its definition.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ContentPin {
    /// The lens's name.
    #[n(0)]
    #[cbor(decode_with = "wire::text::<Ctx, NAME_BYTES_MAX>")]
    pub name: String,
    /// Hash of its definition, engine version and factors.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub hash: [u8; 32],
}

/// A capability over a slice.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Grant {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// Over what.
    #[n(1)]
    pub slice: SliceId,
    /// Whose slice it is.
    #[n(2)]
    pub owner: PersonId,
    /// Which device signed.
    #[n(3)]
    pub issuer: DeviceId,
    /// To whom.
    #[n(4)]
    pub audience: PersonId,
    /// What may be done.
    #[n(5)]
    pub abilities: Abilities,
    /// Over which parts.
    #[n(6)]
    pub parts: PartRange,
    /// From when.
    #[n(7)]
    pub not_before: Timestamp,
    /// Until when, not included. Every grant ends.
    #[n(8)]
    pub expires: Timestamp,
    /// How many links may follow.
    #[n(9)]
    pub depth: u8,
    /// Why, in the giver's words.
    #[n(10)]
    #[cbor(decode_with = "wire::text::<Ctx, PURPOSE_BYTES_MAX>")]
    pub purpose: String,
    /// Exactly what is shown.
    #[n(11)]
    pub content: ContentPin,
    /// The grant that this one hands on.
    #[n(12)]
    pub parent: Option<GrantId>,
    /// Random, so that no two grants are the same.
    #[n(13)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
}

impl Record for Grant {
    const DOMAIN: &'static str = domain::GRANT;
}

/// A grant with its issuer's signature.
pub type SignedGrant = Signed<Grant>;

/// Why a grant was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// It is about another person's slice.
    #[error("the owner is {got}, not {expected}")]
    OtherOwner {
        /// Whose authority was given.
        expected: PersonId,
        /// Whose slice the grant names.
        got: PersonId,
    },
    /// The issuer does not speak for who must have issued it.
    #[error("{issuer} does not speak for {person}")]
    Issuer {
        /// Who signed.
        issuer: DeviceId,
        /// For whom they should speak.
        person: PersonId,
    },
    /// The signature does not hold.
    #[error("signature does not hold")]
    Signature,
    /// It hands on another grant: verify the chain.
    #[error("this grant hands on another one, which is missing")]
    Parent,
    /// It is not valid yet.
    #[error("not valid before {not_before}, now {now}")]
    NotYet {
        /// From when it is.
        not_before: Timestamp,
        /// The caller's time.
        now: Timestamp,
    },
    /// It is over.
    #[error("expired at {expired_at}, now {now}")]
    Expired {
        /// Since when.
        expired_at: Timestamp,
        /// The caller's time.
        now: Timestamp,
    },
    /// It ends before it begins, or covers no part.
    #[error("the grant covers nothing")]
    Empty,
}

/// A field in which a grant goes beyond its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Field {
    /// Another slice.
    Slice,
    /// Another owner.
    Owner,
    /// More abilities, or the parent may not be handed on.
    Abilities,
    /// More parts.
    Parts,
    /// An earlier beginning.
    NotBefore,
    /// A later end.
    Expires,
    /// As deep as its parent or deeper.
    Depth,
    /// Another purpose.
    Purpose,
    /// Other content.
    Content,
}

/// Why a chain of grants was refused. Caller's action: show it, or ask for a new one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No grant, or more than [`CHAIN_MAX`].
    #[error("a chain of {got} grants instead of 1 to {CHAIN_MAX}")]
    Length {
        /// How many there are.
        got: usize,
    },
    /// A link does not hold by itself.
    #[error("link {index} does not hold")]
    Link {
        /// Which link, the owner's being 0.
        index: usize,
        /// Why.
        #[source]
        error: GrantError,
    },
    /// A link does not name the one before as its parent.
    #[error("link {index} does not follow from the one before")]
    Broken {
        /// Which link.
        index: usize,
    },
    /// A link goes beyond its parent.
    #[error("link {index} goes beyond its parent in {field:?}")]
    Widened {
        /// Which link.
        index: usize,
        /// In what.
        field: Field,
    },
    /// Nobody knows who speaks for the person who handed the grant on.
    #[error("link {index} was issued for {person}, whose devices are not known")]
    UnknownPerson {
        /// Which link.
        index: usize,
        /// Whose devices are missing.
        person: PersonId,
    },
}

impl Signed<Grant> {
    /// Returns the grant's id: the hash of what was signed.
    #[must_use]
    pub fn id(&self) -> GrantId {
        GrantId::from_bytes(crypto::hash(domain::GRANT_ID, &[self.signed_bytes()]))
    }

    /// Checks a grant that the owner issued: owner, signature, beginning and end.
    ///
    /// A clock may be [`CLOCK_SKEW_MS`] behind the issuer's; the end has no such allowance.
    /// Whether it was revoked is for the caller to know.
    ///
    /// # Errors
    /// [`GrantError`]; a grant with a parent needs [`verify_chain`].
    pub fn verify(&self, owner: &Authority, now: Timestamp) -> Result<&Grant, GrantError> {
        if self.unverified().parent.is_some() {
            return Err(GrantError::Parent);
        }
        self.verify_link(owner.person(), owner, now)
    }

    /// Checks everything about one link but its parent. `issuer` is who must have issued it.
    fn verify_link(
        &self,
        owner: PersonId,
        issuer: &Authority,
        now: Timestamp,
    ) -> Result<&Grant, GrantError> {
        let claimed = self.unverified();
        if claimed.owner != owner {
            return Err(GrantError::OtherOwner {
                expected: owner,
                got: claimed.owner,
            });
        }
        if issuer.device(&claimed.issuer).is_none() {
            return Err(GrantError::Issuer {
                issuer: claimed.issuer,
                person: issuer.person(),
            });
        }
        if claimed.expires <= claimed.not_before || claimed.parts.is_empty() {
            return Err(GrantError::Empty);
        }
        if now.plus_millis(CLOCK_SKEW_MS) < claimed.not_before {
            return Err(GrantError::NotYet {
                not_before: claimed.not_before,
                now,
            });
        }
        if claimed.expires <= now {
            return Err(GrantError::Expired {
                expired_at: claimed.expires,
                now,
            });
        }
        self.check(claimed.issuer.as_bytes())
            .map_err(|_| GrantError::Signature)
    }
}

/// Checks that `child` is no more than `parent` in every field.
///
/// Says nothing about signatures, ids or the parent's audience; [`verify_chain`] does.
///
/// # Errors
/// The first [`Field`] in which it is more.
pub fn attenuates(child: &Grant, parent: &Grant) -> Result<(), Field> {
    let holds = |holds: bool, field| if holds { Ok(()) } else { Err(field) };
    holds(child.slice == parent.slice, Field::Slice)?;
    holds(child.owner == parent.owner, Field::Owner)?;
    holds(
        parent.abilities.contains(Abilities::GRANT),
        Field::Abilities,
    )?;
    holds(parent.abilities.contains(child.abilities), Field::Abilities)?;
    holds(child.parts.within(&parent.parts), Field::Parts)?;
    holds(child.not_before >= parent.not_before, Field::NotBefore)?;
    holds(child.expires <= parent.expires, Field::Expires)?;
    holds(child.depth < parent.depth, Field::Depth)?;
    holds(child.purpose == parent.purpose, Field::Purpose)?;
    holds(child.content == parent.content, Field::Content)
}

/// Checks a chain from the owner's grant (first) to the one that is used (last), and returns that.
///
/// `authority_of` gives who speaks for a person who handed a grant on.
///
/// # Errors
/// [`ChainError`], which names the link.
pub fn verify_chain<'c, 'a>(
    chain: &'c [SignedGrant],
    owner: &Authority,
    authority_of: impl Fn(&PersonId) -> Option<&'a Authority>,
    now: Timestamp,
) -> Result<&'c Grant, ChainError> {
    let Some((first, rest)) = chain.split_first().filter(|_| chain.len() <= CHAIN_MAX) else {
        return Err(ChainError::Length { got: chain.len() });
    };
    let mut parent_id = first.id();
    let mut parent = first
        .verify(owner, now)
        .map_err(|error| ChainError::Link { index: 0, error })?;
    for (index, link) in (1..).zip(rest) {
        let person = parent.audience;
        let issuer = authority_of(&person).ok_or(ChainError::UnknownPerson { index, person })?;
        if issuer.person() != person {
            return Err(ChainError::UnknownPerson { index, person });
        }
        if link.unverified().parent != Some(parent_id) {
            return Err(ChainError::Broken { index });
        }
        let child = link
            .verify_link(owner.person(), issuer, now)
            .map_err(|error| ChainError::Link { index, error })?;
        attenuates(child, parent).map_err(|field| ChainError::Widened { index, field })?;
        parent_id = link.id();
        parent = child;
    }
    Ok(parent)
}

/// The end of a grant, by its owner.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Revocation {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// Over what.
    #[n(1)]
    pub slice: SliceId,
    /// Which grant.
    #[n(2)]
    pub grant: GrantId,
    /// Whose slice it is.
    #[n(3)]
    pub owner: PersonId,
    /// Which device signed.
    #[n(4)]
    pub issuer: DeviceId,
    /// When, by the issuer's clock; shown, never judged by.
    #[n(5)]
    pub at: Timestamp,
    /// Random.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
}

impl Record for Revocation {
    const DOMAIN: &'static str = domain::REVOCATION;
}

/// A revocation with its issuer's signature.
pub type SignedRevocation = Signed<Revocation>;

/// Why a revocation was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationError {
    /// It is about another person's slice.
    #[error("the owner is {got}, not {expected}")]
    OtherOwner {
        /// Whose authority was given.
        expected: PersonId,
        /// Whose slice the revocation names.
        got: PersonId,
    },
    /// The issuer does not speak for the owner.
    #[error("{0} does not speak for the owner")]
    Issuer(DeviceId),
    /// The signature does not hold.
    #[error("signature does not hold")]
    Signature,
}

impl Signed<Revocation> {
    /// Checks that a device of the owner ended the grant. Has no time: an end is for ever.
    ///
    /// # Errors
    /// [`RevocationError`].
    pub fn verify(&self, owner: &Authority) -> Result<&Revocation, RevocationError> {
        let claimed = self.unverified();
        if claimed.owner != owner.person() {
            return Err(RevocationError::OtherOwner {
                expected: owner.person(),
                got: claimed.owner,
            });
        }
        if owner.device(&claimed.issuer).is_none() {
            return Err(RevocationError::Issuer(claimed.issuer));
        }
        self.check(claimed.issuer.as_bytes())
            .map_err(|_| RevocationError::Signature)
    }
}
