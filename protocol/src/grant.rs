//! Who may do what with a slice, until when, why.
//!
//! A [`Grant`] gives a person, a circle or a service abilities over some parts of a slice. It is said
//! in a [`Statement`](crate::statement::Statement) about the slice, by a device of the owner or, if
//! the owner allowed it, by whoever speaks by a grant themselves; a chain has at most
//! [`CHAIN_MAX`](wire::CHAIN_MAX) links, and each is no more than its parent in every field. The
//! statement's id is the grant's, and the membership by which its audience speaks: a removal of that
//! ends it. [`Access`](crate::slice::Access) judges all grants of a slice.
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

use crate::evaluation::{Role, Who};
use crate::id::{CircleId, PersonId, ServiceId};
use crate::slice::PartRange;
use crate::time::Timestamp;
use crate::wire;

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

/// To whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(flat)]
pub enum Audience {
    /// A person, by all their devices.
    #[n(0)]
    Person(#[n(0)] PersonId),
    /// A circle, by all devices of its members.
    #[n(1)]
    Circle(#[n(0)] CircleId),
    /// A service on the owner's own node. Reads there, writes nothing.
    #[n(2)]
    Service(#[n(0)] ServiceId),
}

impl Audience {
    /// Returns who speaks by such a grant.
    #[must_use]
    pub const fn who(&self) -> Who {
        match self {
            Self::Person(person) => Who::Person(*person),
            Self::Circle(circle) => Who::Circle(*circle),
            Self::Service(service) => Who::Service(*service),
        }
    }

    /// Returns the person, if it is one.
    #[must_use]
    pub const fn person(&self) -> Option<PersonId> {
        match self {
            Self::Person(person) => Some(*person),
            Self::Circle(_) | Self::Service(_) => None,
        }
    }
}

/// A capability over the slice that its statement is about.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Grant {
    /// To whom.
    #[n(0)]
    pub audience: Audience,
    /// What may be done.
    #[n(1)]
    pub abilities: Abilities,
    /// Over which parts.
    #[n(2)]
    pub parts: PartRange,
    /// From when.
    #[n(3)]
    pub not_before: Timestamp,
    /// Until when, not included. Every grant ends; a renewal puts that off.
    #[n(4)]
    pub expires: Timestamp,
    /// How many links may follow.
    #[n(5)]
    pub depth: u8,
    /// Why, in the giver's words.
    #[n(6)]
    #[cbor(decode_with = "wire::text::<Ctx, PURPOSE_BYTES_MAX>")]
    pub purpose: String,
    /// Exactly what is shown.
    #[n(7)]
    pub content: ContentPin,
}

impl Grant {
    /// Returns whether it ends before it begins, or covers no part.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.expires.as_millis() <= self.not_before.as_millis() || self.parts.is_empty()
    }

    /// What its audience may say about the slice: whoever may grant ends what they gave, too.
    pub(crate) const fn role(&self) -> Role {
        if self.abilities.contains(Abilities::GRANT) && self.depth > 0 {
            Role::Admin
        } else {
            Role::Member
        }
    }
}

/// Why a grant does not allow something now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// No such grant stands, and none did.
    #[error("no such grant stands")]
    Unknown,
    /// It has been ended, or one that it hands on.
    #[error("the grant has been ended")]
    Ended,
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
}

/// A field in which a grant goes beyond its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Field {
    /// More abilities, or the parent may not be handed on.
    Abilities,
    /// More parts.
    Parts,
    /// An earlier beginning.
    NotBefore,
    /// As deep as its parent or deeper.
    Depth,
    /// Another purpose.
    Purpose,
    /// Other content.
    Content,
}

/// Checks that `child` is no more than `parent`.
///
/// The end is not compared: whatever a link says, all it gives ends with the first link that ends,
/// so that what was handed on is renewed with its parent.
///
/// # Errors
/// The first [`Field`] in which it is more.
pub fn attenuates(child: &Grant, parent: &Grant) -> Result<(), Field> {
    let holds = |holds: bool, field| if holds { Ok(()) } else { Err(field) };
    holds(
        parent.abilities.contains(Abilities::GRANT),
        Field::Abilities,
    )?;
    holds(parent.abilities.contains(child.abilities), Field::Abilities)?;
    holds(child.parts.within(&parent.parts), Field::Parts)?;
    holds(child.not_before >= parent.not_before, Field::NotBefore)?;
    holds(child.depth < parent.depth, Field::Depth)?;
    holds(child.purpose == parent.purpose, Field::Purpose)?;
    holds(child.content == parent.content, Field::Content)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::slice::PartNumber;
    use crate::testing::{NOW, Someone, keeps_the_rules};

    #[test]
    fn a_grant_keeps_the_rules_of_the_wire() {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        keeps_the_rules(&ines.grant_to(&marc), 4096);
    }

    fn any_grant() -> impl Strategy<Value = Grant> {
        let part = || proptest::option::of((0u32..4).prop_map(PartNumber));
        let abilities = prop_oneof![
            Just(Abilities::READ),
            Just(Abilities::WRITE),
            Just(Abilities::GRANT)
        ];
        let rest = (0u64..3, 0u8..3, 0u8..2, any::<bool>());
        (abilities, part(), part(), rest).prop_map(
            |(abilities, from, to, (begin, depth, pin, why))| Grant {
                audience: Audience::Person(PersonId::from_bytes([0; 32])),
                abilities,
                parts: PartRange { from, to },
                not_before: NOW.plus_millis(begin),
                expires: NOW.plus_millis(9),
                depth,
                purpose: if why { "why".to_owned() } else { String::new() },
                content: ContentPin {
                    name: String::new(),
                    hash: [pin; 32],
                },
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]
        #[test]
        fn attenuation_never_widens(child in any_grant(), parent in any_grant()) {
            if attenuates(&child, &parent).is_ok() {
                let allows = |grant: &Grant, ability, part, at| {
                    grant.abilities.contains(ability)
                        && grant.parts.contains(PartNumber(part))
                        && grant.not_before <= at
                };
                for ability in [Abilities::READ, Abilities::WRITE, Abilities::GRANT] {
                    for part in (0..5).chain([u32::MAX]) {
                        for millis in 0..8 {
                            let at = NOW.plus_millis(millis);
                            prop_assert!(
                                !allows(&child, ability, part, at)
                                    || allows(&parent, ability, part, at)
                            );
                        }
                    }
                }
                prop_assert!(child.depth < parent.depth);
                prop_assert_eq!(child.purpose, parent.purpose);
                prop_assert_eq!(child.content, parent.content);
            }
        }
    }
}
