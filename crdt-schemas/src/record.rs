//! Records: the things that documents hold and importers make.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::document::{DocumentId, Domain, Month};
use crate::domain::energy::Reading;
use crate::domain::mobility::Trip;
use crate::import::{Format, Place};
use crate::time::Moment;

/// One thing that happened or was measured.
///
/// JSON form: the fields of the trip or reading, and `kind`: `trip` or `reading`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Record {
    /// A trip, in the domain mobility.
    Trip(Trip),
    /// What a meter measured, in the domain energy.
    Reading(Reading),
}

impl Record {
    /// The document it belongs to: its domain, and the month in which it starts
    /// on a calendar in [`crate::time::ZONE`] (whatever offset the source gave).
    #[must_use]
    pub fn document(&self) -> DocumentId {
        let domain = match self {
            Self::Trip(_) => Domain::Mobility,
            Self::Reading(_) => Domain::Energy,
        };
        DocumentId {
            domain,
            month: Month::of(self.start()),
        }
    }

    /// The same whenever the same thing is imported again.
    #[must_use]
    pub fn id(&self) -> RecordId {
        match self {
            Self::Trip(trip) => trip.id,
            Self::Reading(reading) => reading.id(),
        }
    }

    /// When it starts.
    #[must_use]
    pub fn start(&self) -> Moment {
        match self {
            Self::Trip(trip) => trip.start,
            Self::Reading(reading) => reading.start,
        }
    }

    /// Where it comes from.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        match self {
            Self::Trip(trip) => &trip.provenance,
            Self::Reading(reading) => &reading.provenance,
        }
    }

    /// The key in its document.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Trip(trip) => trip.id.to_string(),
            Self::Reading(reading) => reading.key(),
        }
    }
}

/// Where a record comes from: which place of which file.
///
/// The file is named by the hash of its content: its name may say more than its
/// person wants to keep, and changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The format it was read as.
    pub format: Format,
    /// BLAKE3 of the file's bytes.
    pub content: ContentHash,
    /// Where in the file.
    pub place: Place,
}

macro_rules! hash_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 32]);

        impl $name {
            /// The id with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let hex = blake3::Hash::from_bytes(self.0).to_hex();
                write!(f, "{} {}…", $what, &hex[..8])
            }
        }

        impl FromStr for $name {
            type Err = NotAHash;
            fn from_str(text: &str) -> Result<Self, NotAHash> {
                let hash = blake3::Hash::from_hex(text).map_err(|_| NotAHash)?;
                Ok(Self(*hash.as_bytes()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAHash;
            fn try_from(text: String) -> Result<Self, NotAHash> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

/// Not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal digits")]
pub struct NotAHash;

hash_id! {
    /// Names a record: a hash of the facts of its source that do not change when it
    /// is exported again. Text form: 64 hexadecimal digits.
    RecordId, "record"
}

hash_id! {
    /// BLAKE3 of a file's bytes. Text form: 64 hexadecimal digits.
    ContentHash, "content"
}

impl RecordId {
    /// The id of what `kind` and `facts` say. Each fact is preceded by its length,
    /// so that no two lists of facts run together.
    pub(crate) fn from_facts(kind: &str, facts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("maille record id v1");
        for fact in std::iter::once(&kind.as_bytes()).chain(facts) {
            hasher.update(&(fact.len() as u64).to_le_bytes());
            hasher.update(fact);
        }
        Self(*hasher.finalize().as_bytes())
    }
}

impl ContentHash {
    /// The hash of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_do_not_run_together() {
        assert_ne!(
            RecordId::from_facts("k", &[b"ab", b"c"]),
            RecordId::from_facts("k", &[b"a", b"bc"])
        );
        assert_ne!(
            RecordId::from_facts("k", &[b""]),
            RecordId::from_facts("k", &[])
        );
    }

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = RecordId::from_facts("k", &[]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("xyz".parse::<RecordId>(), Err(NotAHash));
    }
}
