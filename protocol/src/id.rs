//! Names of things: 32 bytes each, a type each, and a text form that a typing error breaks.
//!
//! `Display` is the full text (`person1…`), which [`FromStr`] reads back; `Debug` is short.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{self, Refused};

/// Why a text is not the id that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Nothing that looks like an id.
    #[error("not an id, which would start with {expected}1")]
    NotAnId {
        /// The kind asked for.
        expected: &'static str,
    },
    /// It looks like one, but a character is wrong or missing.
    #[error("a character of the id is wrong or missing")]
    Checksum,
    /// An id of another kind.
    #[error("a {got} id, where a {expected} id is needed")]
    WrongKind {
        /// The kind asked for.
        expected: &'static str,
        /// The kind found.
        got: String,
    },
    /// The right kind, but not of 32 bytes.
    #[error("an id of {got} bytes instead of 32")]
    WrongLength {
        /// How many bytes there are.
        got: usize,
    },
}

fn parse(kind: &'static str, text: &str) -> Result<[u8; 32], IdError> {
    let refused = |refused| match refused {
        Refused::Shape => IdError::NotAnId { expected: kind },
        Refused::Checksum => IdError::Checksum,
        Refused::Kind(got) => IdError::WrongKind {
            expected: kind,
            got,
        },
    };
    let cleaned = text::clean(text).map_err(refused)?;
    let bytes = text::decode(kind, &cleaned).map_err(refused)?;
    bytes
        .as_slice()
        .try_into()
        .map_err(|_| IdError::WrongLength { got: bytes.len() })
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(
            #[n(0)]
            #[cbor(with = "minicbor::bytes")]
            [u8; 32],
        );

        impl $name {
            /// What the text form starts with, before the `1`.
            pub const KIND: &'static str = $kind;

            /// Returns the id that these bytes are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Returns the bytes of the id.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&text::encode(Self::KIND, &self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let full = text::encode(Self::KIND, &self.0);
                write!(f, "{}…", &full[..Self::KIND.len() + 1 + 6])
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(Self::KIND, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A person: the hash of their charter.
    PersonId,
    "person"
);
id!(
    /// A circle: the hash of its charter.
    CircleId,
    "circle"
);
id!(
    /// A statement: the hash of what its author signed.
    StatementId,
    "statement"
);
id!(
    /// One membership of a principal, of whoever was admitted: the id of the statement that admitted
    /// them, or what stands for it where a charter did. Who is admitted again has another one.
    MembershipId,
    "membership"
);
id!(
    /// One installation of a person: its Ed25519 signing key.
    DeviceId,
    "device"
);
id!(
    /// A slice: the hash of the public half of its charter.
    SliceId,
    "slice"
);
id!(
    /// A grant: the hash of what its issuer signed, and the membership by which its audience speaks.
    GrantId,
    "grant"
);
id!(
    /// A service that runs on its owner's node: the hash of its manifest.
    ServiceId,
    "service"
);

impl From<MembershipId> for GrantId {
    fn from(membership: MembershipId) -> Self {
        Self(membership.0)
    }
}

impl From<GrantId> for MembershipId {
    fn from(grant: GrantId) -> Self {
        Self(grant.0)
    }
}
id!(
    /// Where a device is met: the Ed25519 key of its libp2p identity.
    TransportId,
    "node"
);
id!(
    /// One read key of a part: the hash of its record.
    GenerationId,
    "generation"
);
id!(
    /// A key that keys are wrapped or boxed under: a ring generation, or a sealing key (its hash).
    KeyId,
    "key"
);
id!(
    /// One store of one device; a copy restored from a backup gets a new one.
    InstallationId,
    "installation"
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::refuses_typing_errors;

    #[test]
    fn a_mistyped_id_is_refused() {
        refuses_typing_errors(&PersonId::from_bytes([0x5a; 32]));
        refuses_typing_errors(&InstallationId::from_bytes([0xa7; 32]));
    }

    #[test]
    fn an_id_of_another_kind_says_which() {
        let device = DeviceId::from_bytes([1; 32]).to_string();
        let wrong = IdError::WrongKind {
            expected: "person",
            got: "device".to_owned(),
        };
        assert_eq!(device.parse::<PersonId>(), Err(wrong));
        let short = text::encode("person", &[1; 31]);
        assert_eq!(
            short.parse::<PersonId>(),
            Err(IdError::WrongLength { got: 31 })
        );
        for nothing in ["", "Marc", "1", "person1", "person", "é1é"] {
            assert!(nothing.parse::<PersonId>().is_err(), "{nothing}");
        }
        assert_eq!(
            "p".repeat(10_000).parse::<PersonId>(),
            Err(IdError::NotAnId { expected: "person" })
        );
    }

    #[test]
    fn two_texts_never_name_one_thing() {
        use bech32::{ByteIterExt as _, Fe32IterExt as _};
        // The last character before the checksum carries four bits that must be zero.
        let hrp = bech32::Hrp::parse("person").unwrap();
        let mut values: Vec<bech32::Fe32> = [0x5a; 32].into_iter().bytes_to_fes().collect();
        *values.last_mut().unwrap() = bech32::Fe32::L;
        let text: String = values
            .into_iter()
            .with_checksum::<bech32::Bech32m>(&hrp)
            .chars()
            .collect();
        assert!(text.parse::<PersonId>().is_err());
    }

    #[test]
    fn debug_is_short() {
        let text = format!("{:?}", PersonId::from_bytes([1; 32]));
        assert_eq!(text, "person1qyqszq…");
    }
}
