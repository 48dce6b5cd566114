//! What of an entry is signed: it chains a log, and can travel and stay without the payload.

use minicbor::{Decode, Encode};

use super::seal::{NONCE_BYTES, TAG_BYTES, padme};
use super::stretch;
use super::{Entry, EntryError, LogId};
use crate::crypto::{self, domain};
use crate::id::{GenerationId, SliceId};
use crate::slice::PartNumber;
use crate::wire::{self, HEADER_BYTES_MAX, V1};

/// Longest header on its own, with its signature and the heads of both.
pub const SIGNED_HEADER_BYTES_MAX: usize = HEADER_BYTES_MAX + 72;

/// What of an entry is not sealed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Prefix {
    /// Version of the entry.
    #[n(0)]
    pub version: V1,
    /// Of which slice.
    #[n(1)]
    pub slice: SliceId,
    /// Of which part.
    #[n(2)]
    pub part: PartNumber,
    /// Under which key it is sealed.
    #[n(3)]
    pub generation: GenerationId,
    /// In which log.
    #[n(4)]
    pub log: LogId,
    /// Which entry of the log, from 0.
    #[n(5)]
    pub seq: u64,
    /// Hash of the header before; zeros before the first.
    #[n(6)]
    #[cbor(with = "minicbor::bytes")]
    pub previous: [u8; 32],
    /// Day of writing, counted from 1970 in UTC.
    #[n(7)]
    pub day: u32,
    /// How many bytes are sealed, padding included.
    #[n(8)]
    pub padded_len: u32,
}

impl Prefix {
    /// Returns the log that this is of, among all logs: a log key is of one part of one slice.
    pub(super) const fn whole_log(&self) -> (SliceId, PartNumber, LogId) {
        (self.slice, self.part, self.log)
    }

    /// Where the log must stand for this to be its next entry.
    pub(super) const fn place(&self) -> LogTip {
        LogTip {
            version: V1,
            next_seq: self.seq,
            previous: self.previous,
        }
    }
}

/// Where a log stands: what the next entry must say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct LogTip {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// The number of the next entry.
    #[n(1)]
    pub next_seq: u64,
    /// Hash of the last entry's header; zeros before the first.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub previous: [u8; 32],
}

impl LogTip {
    /// An empty log.
    pub const START: Self = Self {
        version: V1,
        next_seq: 0,
        previous: [0; 32],
    };
}

/// An Ed25519 signature over a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(super) struct Signature(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub(super) [u8; 64],
);

/// A header as its bytes and as what they say. Nobody need have signed it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) bytes: Vec<u8>,
    pub(super) prefix: Prefix,
    pub(super) hash: [u8; 32],
}

impl Header {
    /// Makes the header of a payload. `prefix_bytes` is the encoding of `prefix`.
    pub(super) fn new(prefix: Prefix, prefix_bytes: Vec<u8>, payload: &[u8]) -> Self {
        let mut bytes = prefix_bytes;
        bytes.extend_from_slice(&payload_hash(payload));
        Self::of(bytes, prefix)
    }

    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, EntryError> {
        let (prefix, _) = bytes.split_last_chunk::<32>().ok_or(EntryError::Lengths)?;
        let prefix: Prefix = wire::decode(prefix, HEADER_BYTES_MAX)?;
        let padded = usize::try_from(prefix.padded_len).map_err(|_| EntryError::Lengths)?;
        if padme(padded) != padded {
            return Err(EntryError::Lengths);
        }
        Ok(Self::of(bytes, prefix))
    }

    fn of(bytes: Vec<u8>, prefix: Prefix) -> Self {
        let hash = crypto::hash(domain::ENTRY_HEADER, &[&bytes]);
        Self {
            bytes,
            prefix,
            hash,
        }
    }

    /// The encoded prefix, which the seal and the nonce depend on.
    pub(super) fn prefix_bytes(&self) -> &[u8] {
        self.bytes
            .split_last_chunk::<32>()
            .map_or(&[], |(prefix, _)| prefix)
    }

    /// Whether this is the next header of the log after `before`.
    pub(super) fn follows(&self, before: &Self) -> bool {
        self.prefix.whole_log() == before.prefix.whole_log()
            && before.prefix.seq.checked_add(1) == Some(self.prefix.seq)
            && self.prefix.previous == before.hash
    }

    /// Whether `payload` is as long as the prefix says. Costs nothing.
    pub(super) fn fits(&self, payload: &[u8]) -> bool {
        payload
            .len()
            .checked_sub(NONCE_BYTES + TAG_BYTES)
            .and_then(|padded| u32::try_from(padded).ok())
            == Some(self.prefix.padded_len)
    }

    /// Whether this is the header of `payload`.
    pub(super) fn matches(&self, payload: &[u8]) -> bool {
        self.fits(payload) && self.bytes.ends_with(&payload_hash(payload))
    }
}

fn payload_hash(payload: &[u8]) -> [u8; 32] {
    crypto::hash(domain::ENTRY_PAYLOAD, &[payload])
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(super) struct HeaderWire {
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
}

/// A header as it came from outside: well formed, nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct UnverifiedHeader {
    pub(super) header: Header,
    pub(super) signature: Option<Signature>,
}

impl UnverifiedHeader {
    /// Reads a header; checks form and bounds only.
    ///
    /// # Errors
    /// [`EntryError::Wire`] or [`EntryError::Lengths`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let wire: HeaderWire = wire::decode(bytes, SIGNED_HEADER_BYTES_MAX)?;
        Ok(Self {
            header: Header::read(wire.header)?,
            signature: wire.signature,
        })
    }

    /// Returns what the header claims, to find its log and tip by.
    #[must_use]
    pub const fn claimed(&self) -> &Prefix {
        &self.header.prefix
    }

    /// Returns the hash of the header, which names it whoever signed it.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.header.hash
    }

    /// Checks that this is the next header of its log, which stands at `tip`.
    ///
    /// # Errors
    /// [`EntryError`], see [`verify_headers`](super::verify_headers).
    pub fn verify(self, tip: &LogTip) -> Result<SignedHeader, EntryError> {
        let mut headers = stretch::verify_headers(vec![self], tip)?;
        Ok(headers.pop().expect("as many as were given"))
    }

    /// Takes a header that this node verified before it stored it. Only for own storage.
    #[must_use]
    pub fn assume_verified(self) -> SignedHeader {
        let Self { header, signature } = self;
        SignedHeader { header, signature }
    }

    /// Checks the signature of this very header.
    pub(super) fn check_signature(&self) -> Result<(), EntryError> {
        let signature = self.signature.ok_or(EntryError::Unsigned)?;
        crypto::verify(
            self.header.prefix.log.as_bytes(),
            domain::ENTRY,
            &self.header.bytes,
            &signature.0,
        )
        .map_err(|_| EntryError::Signature)
    }
}

impl std::fmt::Debug for UnverifiedHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UnverifiedHeader")
            .field(&self.header.prefix)
            .finish()
    }
}

/// A header that its log key signed, itself or by signing one that follows it; without payload.
///
/// It has a signature of its own only if that was checked, see [`Stretch`](super::Stretch).
#[derive(Clone, PartialEq, Eq)]
pub struct SignedHeader {
    pub(super) header: Header,
    /// Only one that was checked.
    pub(super) signature: Option<Signature>,
}

impl SignedHeader {
    /// Returns what the header says.
    #[must_use]
    pub const fn prefix(&self) -> &Prefix {
        &self.header.prefix
    }

    /// Returns the hash of the header, which the next one cites.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.header.hash
    }

    /// Whether it has a signature of its own, so that others can verify it by itself.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.signature.is_some()
    }

    /// Returns where the log stands after this header.
    #[must_use]
    pub const fn tip_after(&self) -> LogTip {
        LogTip {
            version: V1,
            next_seq: self.header.prefix.seq.saturating_add(1),
            previous: self.header.hash,
        }
    }

    /// Whether `payload` is the one whose hash was signed.
    #[must_use]
    pub fn matches(&self, payload: &[u8]) -> bool {
        self.header.matches(payload)
    }

    /// Joins the payload that came after its header.
    ///
    /// # Errors
    /// [`EntryError::Lengths`] or [`EntryError::PayloadHash`] if it is another one.
    pub fn with_payload(self, payload: Vec<u8>) -> Result<Entry, EntryError> {
        if !self.header.fits(&payload) {
            return Err(EntryError::Lengths);
        }
        if !self.matches(&payload) {
            return Err(EntryError::PayloadHash);
        }
        Ok(Entry {
            header: self,
            payload,
        })
    }

    /// Returns the header and its signature as bytes, at most [`SIGNED_HEADER_BYTES_MAX`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&HeaderWire {
            version: V1,
            header: self.header.bytes.clone(),
            signature: self.signature,
        })
    }
}

impl std::fmt::Debug for SignedHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SignedHeader")
            .field(&self.header.prefix)
            .finish()
    }
}
