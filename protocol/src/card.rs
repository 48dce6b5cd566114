//! What people paste to each other: how to reach me, and what I share with you.
//!
//! A [`Card`] (`maille1…`) says who somebody is and where a node of theirs is met. A
//! [`ShareLink`] (`maille:share#share1…`) says that they share something with you. Both are
//! bech32m over the bytes of the record, so a mistyped character is refused; both may be pasted
//! with line breaks, and in upper case.
//!
//! **Neither is signed, and neither is a secret.** A card is believed because of who handed it
//! over, and the node behind it must prove its key. A link is advice: what it says about the
//! share is shown until the grant arrives, and the grant decides.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::grant::NAME_BYTES_MAX;
use crate::id::{GrantId, PersonId, SliceId, TransportId};
use crate::text::{self, Refused};
use crate::time::Timestamp;
use crate::wire::{self, V1, WireError};

/// Most addresses of a card: a few networks, each over QUIC and TCP.
pub const ADDRESSES_MAX: usize = 8;
/// Longest address, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 128;

const CARD_BYTES_MAX: usize = 2048;
const CARD_KIND: &str = "maille";
const LINK_KIND: &str = "share";
const LINK_START: &str = "maille:share#";

/// Why a pasted text is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing that looks like it.
    #[error("not a {expected}, which would start with {start}")]
    NotOne {
        /// What was asked for: a card or a share link.
        expected: &'static str,
        /// What its text starts with.
        start: &'static str,
    },
    /// It looks like one, but a character is wrong or missing.
    #[error("a character of the {expected} is wrong or missing")]
    Checksum {
        /// What was asked for.
        expected: &'static str,
    },
    /// The text of something else.
    #[error("the text of a {got}, where a {expected} is needed")]
    WrongKind {
        /// What was asked for.
        expected: &'static str,
        /// What its text starts with.
        got: String,
    },
    /// The text is whole, but what it holds is not readable here.
    #[error("the {expected} is not readable")]
    Contents {
        /// What was asked for.
        expected: &'static str,
        /// Why.
        #[source]
        error: WireError,
    },
    /// More addresses, or longer ones, or a longer name than there may be.
    #[error("more than a {expected} holds")]
    TooMuch {
        /// What was asked for.
        expected: &'static str,
    },
}

/// Who somebody is, and where a node of theirs is met.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Card {
    /// Version of the card.
    #[n(0)]
    pub version: V1,
    /// Who.
    #[n(1)]
    pub person: PersonId,
    /// The key that their node proves.
    #[n(2)]
    pub transport: TransportId,
    /// Multiaddresses without `/p2p/…`, best first.
    #[n(3)]
    #[cbor(decode_with = "read_addresses")]
    pub addresses: Vec<String>,
}

fn read_addresses<Ctx>(
    d: &mut minicbor::Decoder<'_>,
    ctx: &mut Ctx,
) -> Result<Vec<String>, minicbor::decode::Error> {
    let at = d.position();
    let too_many = || minicbor::decode::Error::message("too many addresses").at(at);
    let count = d.array()?.ok_or_else(too_many)?;
    if count > ADDRESSES_MAX as u64 {
        return Err(too_many());
    }
    (0..count)
        .map(|_| wire::text::<Ctx, ADDRESS_BYTES_MAX>(d, ctx))
        .collect()
}

impl Card {
    const EXPECTED: &'static str = "card";

    /// Returns a card.
    ///
    /// # Errors
    /// [`TextError::TooMuch`] above [`ADDRESSES_MAX`] or [`ADDRESS_BYTES_MAX`].
    pub fn new(
        person: PersonId,
        transport: TransportId,
        addresses: Vec<String>,
    ) -> Result<Self, TextError> {
        if addresses.len() > ADDRESSES_MAX
            || addresses
                .iter()
                .any(|address| address.len() > ADDRESS_BYTES_MAX)
        {
            return Err(TextError::TooMuch {
                expected: Self::EXPECTED,
            });
        }
        Ok(Self {
            version: V1,
            person,
            transport,
            addresses,
        })
    }
}

/// News of a share, for the person it is for. Advice only: the grant decides.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ShareLink {
    /// Version of the link.
    #[n(0)]
    pub version: V1,
    /// Who gives.
    #[n(1)]
    pub card: Card,
    /// The grant to expect.
    #[n(2)]
    pub grant: GrantId,
    /// The slice it opens.
    #[n(3)]
    pub slice: SliceId,
    /// The lens's name.
    #[n(4)]
    #[cbor(decode_with = "wire::text::<Ctx, NAME_BYTES_MAX>")]
    pub label: String,
    /// When the share ends by itself.
    #[n(5)]
    pub until: Timestamp,
    /// For whom it is.
    #[n(6)]
    pub to: PersonId,
}

impl ShareLink {
    const EXPECTED: &'static str = "share link";

    /// Returns a link.
    ///
    /// # Errors
    /// [`TextError::TooMuch`] if the label is longer than [`NAME_BYTES_MAX`].
    pub fn new(
        card: Card,
        grant: GrantId,
        slice: SliceId,
        label: String,
        until: Timestamp,
        to: PersonId,
    ) -> Result<Self, TextError> {
        if label.len() > NAME_BYTES_MAX {
            return Err(TextError::TooMuch {
                expected: Self::EXPECTED,
            });
        }
        Ok(Self {
            version: V1,
            card,
            grant,
            slice,
            label,
            until,
            to,
        })
    }
}

fn parse<T>(
    text: &str,
    kind: &'static str,
    expected: &'static str,
    start: &'static str,
) -> Result<T, TextError>
where
    T: Encode<()> + for<'b> Decode<'b, ()>,
{
    let refused = |refused| match refused {
        Refused::Shape => TextError::NotOne { expected, start },
        Refused::Checksum => TextError::Checksum { expected },
        Refused::Kind(got) => TextError::WrongKind { expected, got },
    };
    let cleaned = text::clean(text).map_err(refused)?;
    // Of a link that lost its start, the rest is enough; of a wrong kind, it says which.
    let body = cleaned.strip_prefix(LINK_START).unwrap_or(&cleaned);
    let bytes = text::decode(kind, body).map_err(refused)?;
    wire::decode(&bytes, CARD_BYTES_MAX).map_err(|error| TextError::Contents { expected, error })
}

impl FromStr for Card {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        parse(text, CARD_KIND, Self::EXPECTED, "maille1")
    }
}

impl FromStr for ShareLink {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        parse(text, LINK_KIND, Self::EXPECTED, LINK_START)
    }
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode(CARD_KIND, &wire::encode(self)))
    }
}

impl fmt::Display for ShareLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{LINK_START}{}",
            text::encode(LINK_KIND, &wire::encode(self))
        )
    }
}

impl Serialize for Card {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ShareLink {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Card {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ShareLink {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
