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

use minicbor::{Decode, Encode};

use crate::grant::NAME_BYTES_MAX;
use crate::id::{GrantId, PersonId, SliceId, TransportId};
use crate::text::{self, Refused};
use crate::time::Timestamp;
use crate::wire::{self, V1, WireError};

/// Most addresses of a card: a few networks, each over QUIC and TCP.
pub const ADDRESSES_MAX: usize = 8;
/// Longest address, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 128;

pub(crate) const CARD_BYTES_MAX: usize = 2048;
const CARD_KIND: &str = "maille";
const LINK_KIND: &str = "share";
const LINK_START: &str = "maille:share#";
const LINK_STARTS: [&str; 4] = [
    LINK_START,
    crate::invite::LINK_START,
    crate::pairing::CODE_START,
    crate::relay::CODE_START,
];

/// Why a pasted text is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing that looks like it.
    #[error("not a {expected}, which would start with {start}")]
    NotOne {
        /// What was asked for: a card, a share link or an invite.
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
    #[cbor(decode_with = "wire::texts::<Ctx, ADDRESSES_MAX, ADDRESS_BYTES_MAX>")]
    pub addresses: Vec<String>,
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

/// Reads what was pasted: bech32m of the kind `kind` after `start`, which may be missing.
pub(crate) fn parse<T>(
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
    let body = (LINK_STARTS.iter())
        .find_map(|start| cleaned.strip_prefix(start))
        .unwrap_or(&cleaned);
    let bytes = text::decode(kind, body).map_err(refused)?;
    wire::decode(&bytes, CARD_BYTES_MAX).map_err(|error| TextError::Contents { expected, error })
}

/// Text forms of what people paste: `FromStr`, `Display`, and the same in serde.
macro_rules! pasted {
    ($type:ty, $kind:expr, $start:expr, $shown:expr) => {
        impl std::str::FromStr for $type {
            type Err = $crate::card::TextError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::card::parse(text, $kind, Self::EXPECTED, $shown)
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($start)?;
                f.write_str(&$crate::text::encode($kind, &$crate::wire::encode(self)))
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use pasted;

pasted!(Card, CARD_KIND, "", "maille1");
pasted!(ShareLink, LINK_KIND, LINK_START, LINK_START);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, Someone, keeps_the_rules, refuses_typing_errors};

    fn card(addresses: Vec<String>) -> Card {
        let ines = Someone::new(1);
        let transport = ines.authority.devices().values().next().unwrap().transport;
        Card::new(ines.id(), transport, addresses).unwrap()
    }

    fn usual_card() -> Card {
        card(vec![
            "/ip4/192.0.2.7/udp/4001/quic-v1".to_owned(),
            "/ip4/192.0.2.7/tcp/4001".to_owned(),
        ])
    }

    fn link() -> ShareLink {
        ShareLink::new(
            usual_card(),
            GrantId::from_bytes([3; 32]),
            SliceId::from_bytes([4; 32]),
            "mobility.weekly".to_owned(),
            NOW,
            Someone::new(2).id(),
        )
        .unwrap()
    }

    #[test]
    fn card_and_link_keep_the_rules_of_the_wire() {
        keeps_the_rules(&usual_card(), CARD_BYTES_MAX);
        keeps_the_rules(&link(), CARD_BYTES_MAX);
    }

    #[test]
    fn a_mistyped_card_or_link_is_refused() {
        refuses_typing_errors(&card(Vec::new()));
        refuses_typing_errors(&link());
    }

    #[test]
    fn what_was_pasted_comes_back() {
        assert_eq!(usual_card().to_string().parse(), Ok(usual_card()));
        assert_eq!(link().to_string().parse(), Ok(link()));
        let quoted = link().to_string().replace('#', "#\u{200b}\n\u{ad}");
        assert_eq!(quoted.parse(), Ok(link()));
        let json = format!("\"{}\"", link());
        assert_eq!(serde_json::from_str::<ShareLink>(&json).unwrap(), link());
        assert_eq!(
            serde_json::to_string(&usual_card()).unwrap(),
            format!("\"{}\"", usual_card())
        );
    }

    #[test]
    fn what_is_something_else_says_so() {
        let kind = |got: &str| TextError::WrongKind {
            expected: "card",
            got: got.to_owned(),
        };
        assert_eq!(link().to_string().parse::<Card>(), Err(kind("share")));
        assert_eq!(
            Someone::new(1).id().to_string().parse::<Card>(),
            Err(kind("person"))
        );
        let got = usual_card().to_string().parse::<ShareLink>();
        assert!(matches!(
            got,
            Err(TextError::WrongKind {
                expected: "share link",
                ..
            })
        ));
        let nothing = TextError::NotOne {
            expected: "share link",
            start: LINK_START,
        };
        assert_eq!("https://example.org/".parse::<ShareLink>(), Err(nothing));
        let short = text::encode(CARD_KIND, b"\x84\x02");
        let newer = WireError::Version { got: 2 };
        assert_eq!(
            short.parse::<Card>(),
            Err(TextError::Contents {
                expected: "card",
                error: newer
            })
        );
    }

    #[test]
    fn the_largest_card_and_link_still_travel_and_one_more_does_not() {
        let addresses = |count, length| vec!["a".repeat(length); count];
        let full = card(addresses(ADDRESSES_MAX, ADDRESS_BYTES_MAX));
        assert_eq!(full.to_string().parse(), Ok(full.clone()));
        let largest = ShareLink {
            card: full,
            label: "l".repeat(NAME_BYTES_MAX),
            ..link()
        };
        assert_eq!(largest.to_string().parse(), Ok(largest.clone()));

        let new = |addresses| Card::new(usual_card().person, usual_card().transport, addresses);
        let too_much = Err(TextError::TooMuch { expected: "card" });
        assert_eq!(new(addresses(ADDRESSES_MAX + 1, 1)), too_much);
        assert_eq!(new(addresses(1, ADDRESS_BYTES_MAX + 1)), too_much);
        for addresses in [
            addresses(ADDRESSES_MAX + 1, 1),
            addresses(1, ADDRESS_BYTES_MAX + 1),
        ] {
            let card = Card {
                addresses,
                ..usual_card()
            };
            let got = card.to_string().parse::<Card>();
            assert!(matches!(got, Err(TextError::Contents { .. })));
        }
        let label = "l".repeat(NAME_BYTES_MAX + 1);
        let wide = ShareLink {
            label: label.clone(),
            ..link()
        };
        assert!(matches!(
            wide.to_string().parse::<ShareLink>(),
            Err(TextError::Contents { .. })
        ));
        let ShareLink {
            card,
            grant,
            slice,
            until,
            to,
            ..
        } = link();
        assert!(ShareLink::new(card, grant, slice, label, until, to).is_err());
    }
}
