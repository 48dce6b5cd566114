//! One sealed, signed record in a log.
//!
//! A log belongs to one admission of one device, one installation of it, and one part of one slice. Its
//! key is derived, so it links to nothing outside; the first entry says, inside the seal, whose it is.
//!
//! ```text
//! entry   = [1, header, signature or null, payload]
//! header  = prefix | BLAKE3(payload)                       signed by the log key
//! prefix  = [1, slice, part, generation, log, seq, previous, day, padded_len]
//! payload = nonce (24) | ciphertext (padded_len) | tag (16)
//! inside  = length (4, LE) | body | zeros up to padded_len (Padmé)
//! body    = [1, binding or null, content]
//! nonce   = BLAKE3 keyed by the content key over inside and prefix, the first 24 bytes
//! ```
//!
//! Encryption is XChaCha20-Poly1305 with the prefix as associated data. The nonce depends on
//! everything, is computed again after opening, and needs no randomness: the same inputs give
//! the same bytes, and a store restored from a backup cannot use one nonce for two contents.
//! `previous` is the hash of the header before, so a payload can be erased and the chain holds.
//!
//! | from | by | to |
//! |---|---|---|
//! | bytes | [`UnverifiedEntry::decode`]: form and bounds | [`UnverifiedEntry`] |
//! | [`UnverifiedEntry`]s | [`verify_stretch`]: place in the log, payload hashes, chain, one signature | [`Stretch`] of [`Entry`]s |
//! | [`Entry`] | [`open`](Entry::open) with the content key: seal, nonce, padding, binding | [`Body`] |
//! | two branches | [`ForkProof::new`] | a [`ForkProof`] that anybody can check |
//! | places to cut at, header hashes | [`standing`] | how many entries stand |
//!
//! Headers travel and chain without their payloads: [`UnverifiedHeader`], [`SignedHeader`].

mod fork;
mod header;
mod log;
mod place;
mod seal;
mod stretch;

#[cfg(test)]
mod tests;

pub use fork::{FORK_PROOF_BYTES_MAX, ForkProof, ForkProofError, UnverifiedForkProof};
pub use header::{LogTip, Prefix, SIGNED_HEADER_BYTES_MAX, SignedHeader, UnverifiedHeader};
pub use log::{Author, Binding, LogId, LogKey};
pub use place::{LogPlace, standing};
pub use seal::{Body, CONTENT_BYTES_MAX, SealError, SealParams, seal};
pub use stretch::{
    STRETCH_BYTES_MAX, STRETCH_ENTRIES_MAX, Stretch, up_to_signed, verify_headers, verify_stretch,
};

use minicbor::{Decode, Encode};

use crate::hook::span;
use crate::id::{GenerationId, SliceId};
use crate::slice::PartNumber;
use crate::wire::{self, ENTRY_BYTES_MAX, HEADER_BYTES_MAX, V1, WireError};
use header::{Header, Signature};

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct EntryWire {
    #[n(0)]
    version: V1,
    #[n(1)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, HEADER_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    header: Vec<u8>,
    #[n(2)]
    signature: Option<Signature>,
    #[n(3)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, ENTRY_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    payload: Vec<u8>,
}

/// Why an entry or a stretch of them was refused. Whoever sent it is at fault, or its writer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Not an entry in canonical form.
    #[error("not readable")]
    Wire(#[from] WireError),
    /// The payload is not as long as the prefix says, or not by Padmé's rule.
    #[error("lengths do not fit each other")]
    Lengths,
    /// The payload is not the one that was signed.
    #[error("the payload is another one than was signed")]
    PayloadHash,
    /// An entry that is there already, or another one in its place.
    #[error("entry {got} comes where {expected} is next")]
    Replayed {
        /// Its number.
        got: u64,
        /// The number that is next.
        expected: u64,
    },
    /// Entries are missing before this one.
    #[error("entry {got} comes where {expected} is next")]
    Gap {
        /// Its number.
        got: u64,
        /// The number that is next.
        expected: u64,
    },
    /// It has the right number, is signed, and follows another entry than the one held: the log forks.
    /// The two entries before it prove that, see [`ForkProof`].
    #[error("entry {seq} does not follow the one before")]
    Fork {
        /// Its number.
        seq: u64,
    },
    /// The signature does not hold.
    #[error("signature does not hold")]
    Signature,
    /// It has no signature, and none that follows vouches for it.
    #[error("the signature is missing")]
    Unsigned,
    /// A stretch of nothing.
    #[error("a stretch without entries")]
    EmptyStretch,
    /// More entries than one stretch may have.
    #[error("{got} entries, more than the {STRETCH_ENTRIES_MAX} of one stretch")]
    StretchEntries {
        /// How many there are.
        got: usize,
    },
    /// More bytes than one stretch may have.
    #[error("{got} bytes, more than the {STRETCH_BYTES_MAX} of one stretch")]
    StretchBytes {
        /// How many there are.
        got: usize,
    },
    /// A stretch of more than one log, part or slice.
    #[error("a stretch of more than one log")]
    OtherLog,
    /// Two that stand side by side in a stretch do not follow each other.
    #[error("entry {seq} does not cite the one before it in the stretch")]
    Broken {
        /// The number of the later one.
        seq: u64,
    },
    /// It does not open: another key, or not sealed by the rules.
    #[error("does not open")]
    Unopenable,
    /// The first entry does not say whose log it is, a later one does, or a signature is wrong.
    #[error("the log is not bound to its device")]
    Binding,
}

/// An entry as it came from outside: well formed, nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct UnverifiedEntry {
    header: UnverifiedHeader,
    payload: Vec<u8>,
    wire_bytes: usize,
}

impl UnverifiedEntry {
    /// Reads an entry; checks form and bounds only.
    ///
    /// # Errors
    /// [`EntryError::Wire`] or [`EntryError::Lengths`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let _span = span("entry read");
        let wire: EntryWire = wire::decode(bytes, ENTRY_BYTES_MAX)?;
        let header = UnverifiedHeader {
            header: Header::read(wire.header)?,
            signature: wire.signature,
        };
        if !header.header.fits(&wire.payload) {
            return Err(EntryError::Lengths);
        }
        Ok(Self {
            header,
            payload: wire.payload,
            wire_bytes: bytes.len(),
        })
    }

    /// Returns what the entry claims to be, to find its log and tip by.
    #[must_use]
    pub const fn claimed(&self) -> &Prefix {
        self.header.claimed()
    }

    /// Whether both say the same, be it with a signature or without. Nothing is verified.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        self.header.hash() == other.header.hash() && self.payload == other.payload
    }

    /// Checks that this is the next entry of its log, which stands at `tip`: a stretch of one.
    ///
    /// # Errors
    /// [`EntryError`], see [`verify_stretch`].
    pub fn verify(self, tip: &LogTip) -> Result<Entry, EntryError> {
        let mut entries = verify_stretch(vec![self], tip)?.into_entries();
        Ok(entries.pop().expect("as many as were given"))
    }

    /// Takes an entry that this node verified before it stored it. Only for own storage.
    #[must_use]
    pub fn assume_verified(self) -> Entry {
        Entry {
            header: self.header.assume_verified(),
            payload: self.payload,
        }
    }

    const fn wire_bytes(&self) -> usize {
        self.wire_bytes
    }

    fn payload_matches(&self) -> bool {
        self.header.header.matches(&self.payload)
    }
}

impl std::fmt::Debug for UnverifiedEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UnverifiedEntry")
            .field(self.claimed())
            .finish()
    }
}

/// An entry that its log key signed, itself or by signing one that follows it, in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    header: SignedHeader,
    payload: Vec<u8>,
}

impl Entry {
    /// Returns what of it is signed.
    #[must_use]
    pub const fn header(&self) -> &SignedHeader {
        &self.header
    }

    /// Returns what is not sealed.
    #[must_use]
    pub const fn prefix(&self) -> &Prefix {
        self.header.prefix()
    }

    /// Returns the slice.
    #[must_use]
    pub const fn slice(&self) -> SliceId {
        self.prefix().slice
    }

    /// Returns the part.
    #[must_use]
    pub const fn part(&self) -> PartNumber {
        self.prefix().part
    }

    /// Returns the generation that it is sealed under.
    #[must_use]
    pub const fn generation(&self) -> GenerationId {
        self.prefix().generation
    }

    /// Returns the log.
    #[must_use]
    pub const fn log(&self) -> LogId {
        self.prefix().log
    }

    /// Returns the number in the log, from 0.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.prefix().seq
    }

    /// Returns the hash of the header, which the next entry cites.
    #[must_use]
    pub const fn header_hash(&self) -> [u8; 32] {
        self.header.hash()
    }

    /// Returns where the log stands after this entry.
    #[must_use]
    pub const fn tip_after(&self) -> LogTip {
        self.header.tip_after()
    }

    /// Returns the sealed bytes, which may be erased: the header stays.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Returns the entry as bytes, without signature if it has none of its own.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&EntryWire {
            version: V1,
            header: self.header.header.bytes.clone(),
            signature: self.header.signature,
            payload: self.payload.clone(),
        })
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entry").field(self.prefix()).finish()
    }
}
