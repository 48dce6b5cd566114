//! What is sealed in an entry, sealing it and opening it.

use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use minicbor::{Decode, Encode};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::header::{Header, Signature};
use super::{Author, Binding, Entry, EntryError, LogKey, LogTip, Prefix, SignedHeader};
use crate::crypto::{self, domain};
use crate::defence::{self, Defence};
use crate::generation::ContentKey;
use crate::hook::span;
use crate::id::{GenerationId, SliceId};
use crate::slice::PartNumber;
use crate::time::Timestamp;
use crate::wire::{self, ENTRY_BYTES_MAX, V1};

/// Longest content of one entry: what fits [`ENTRY_BYTES_MAX`] after padding.
pub const CONTENT_BYTES_MAX: usize = 224 * 1024;

pub(super) const NONCE_BYTES: usize = 24;
pub(super) const TAG_BYTES: usize = 16;
pub(super) const LENGTH_BYTES: usize = 4;

/// More than a body has besides its content, the binding included.
const BODY_OVERHEAD_BYTES: usize = 300;

/// What is sealed in an entry.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Body {
    /// Version of the body.
    #[n(0)]
    pub version: V1,
    /// Whose log it is; in the first entry of a log, and only there.
    #[n(1)]
    pub binding: Option<Binding>,
    /// The content, at most [`CONTENT_BYTES_MAX`].
    #[n(2)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, CONTENT_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub content: Vec<u8>,
}

impl Body {
    /// Returns a body of `content`, with the binding if it is the log's first.
    #[must_use]
    pub const fn new(binding: Option<Binding>, content: Vec<u8>) -> Self {
        Self {
            version: V1,
            binding,
            content,
        }
    }

    /// Returns who the log is bound to: in a log's first entry, and only there.
    ///
    /// Out of [`Entry::open`] it is proven that the device holds the log key; whether that
    /// admission is of that device, and may write, is the caller's question.
    #[must_use]
    pub fn author(&self) -> Option<Author> {
        self.binding.as_ref().map(Binding::author)
    }
}

/// Why nothing was sealed. The caller is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// More content than one entry holds.
    #[error("{got} bytes of content, more than the {CONTENT_BYTES_MAX} of one entry")]
    TooLong {
        /// How many bytes there are.
        got: usize,
    },
    /// The key is of another log than the one written to.
    #[error("the log key is of another slice or part")]
    OtherLog,
    /// The binding is missing in the first entry, or there in a later one.
    #[error("a log's first entry, and only that, says whose log it is")]
    Binding,
}

/// What an entry is made of.
#[derive(Clone, Copy, Debug)]
pub struct SealParams<'a> {
    /// Of which slice.
    pub slice: SliceId,
    /// Of which part.
    pub part: PartNumber,
    /// Under which generation.
    pub generation: GenerationId,
    /// That generation's key.
    pub key: &'a ContentKey,
    /// In which log.
    pub log: &'a LogKey,
    /// Where that log stands.
    pub tip: &'a LogTip,
    /// When; only the day is written.
    pub now: Timestamp,
    /// What to seal.
    pub body: &'a Body,
}

/// Seals and signs the next entry of a log. The same parameters give the same bytes.
///
/// Returns the entry and where the log stands after it. Both must be durable before the entry
/// leaves: a second entry in one place is a fork, which everyone who sees both can prove.
///
/// # Errors
/// [`SealError`]; nothing was made.
pub fn seal(params: SealParams<'_>) -> Result<(Entry, LogTip), SealError> {
    let SealParams {
        slice,
        part,
        generation,
        key,
        log,
        tip,
        now,
        body,
    } = params;
    if body.content.len() > CONTENT_BYTES_MAX {
        return Err(SealError::TooLong {
            got: body.content.len(),
        });
    }
    if log.slice != slice || log.part != part {
        return Err(SealError::OtherLog);
    }
    if body.binding.is_some() != (tip.next_seq == 0) {
        return Err(SealError::Binding);
    }
    let _span = span("entry sealed");
    let mut payload = with_room(body);
    let padded = payload.len() - NONCE_BYTES;
    let prefix = Prefix {
        version: V1,
        slice,
        part,
        generation,
        log: log.id(),
        seq: tip.next_seq,
        previous: tip.previous,
        day: now.day(),
        padded_len: u32::try_from(padded).expect("well below 4 GiB"),
    };
    let prefix_bytes = wire::encode(&prefix);
    encrypt(key, &prefix_bytes, &mut payload);
    let header = Header::new(prefix, prefix_bytes, &payload);
    let signature = log.signing.sign(domain::ENTRY, &header.bytes);

    let header = SignedHeader {
        header,
        signature: Some(Signature(signature)),
    };
    let tip = header.tip_after();
    Ok((Entry { header, payload }, tip))
}

/// Room for the nonce, then what is to be sealed: length, body, padding; and capacity for the tag,
/// so that no copy of the plaintext is left behind when it grows.
fn with_room(body: &Body) -> Vec<u8> {
    let most = padme(LENGTH_BYTES + BODY_OVERHEAD_BYTES + body.content.len());
    let mut payload = Vec::with_capacity(NONCE_BYTES + most + TAG_BYTES);
    payload.resize(NONCE_BYTES + LENGTH_BYTES, 0);
    minicbor::encode(body, &mut payload).expect("writing to memory does not fail");
    let inside = payload.len() - NONCE_BYTES;
    let length = u32::try_from(inside - LENGTH_BYTES).expect("well below 4 GiB");
    payload[NONCE_BYTES..NONCE_BYTES + LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    payload.resize(NONCE_BYTES + padme(inside), 0);
    payload
}

/// Writes the nonce into its room, encrypts what follows in place, and adds the tag.
pub(super) fn encrypt(key: &ContentKey, prefix: &[u8], payload: &mut Vec<u8>) {
    let prefix = bound_to(prefix);
    let (room, inside) = payload.split_at_mut(NONCE_BYTES);
    let nonce = nonce(key, prefix, inside);
    room.copy_from_slice(&nonce);
    let tag = cipher(key)
        .encrypt_inout_detached(&XNonce::from(nonce), prefix, inside.into())
        .expect("encryption of less than 256 GiB does not fail");
    payload.extend_from_slice(&tag);
}

impl Entry {
    /// Opens the entry with the key of its generation.
    ///
    /// # Errors
    /// [`EntryError::Unopenable`] for a wrong key or a seal not made by the rules, without
    /// saying which; [`EntryError::Binding`] if the log is not rightly bound to a device.
    pub fn open(&self, key: &ContentKey) -> Result<Body, EntryError> {
        let _span = span("entry opened");
        let body = self.unseal(key).ok_or(EntryError::Unopenable)?;
        if body.binding.is_some() != (self.seq() == 0) {
            return Err(EntryError::Binding);
        }
        if let Some(binding) = &body.binding {
            binding.check(self.log(), self.slice(), self.part())?;
        }
        Ok(body)
    }

    fn unseal(&self, key: &ContentKey) -> Option<Body> {
        let prefix = bound_to(self.header.header.prefix_bytes());
        let (claimed, sealed) = self.payload.split_first_chunk::<NONCE_BYTES>()?;
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
        let mut inside = Zeroizing::new(ciphertext.to_vec());
        cipher(key)
            .decrypt_inout_detached(
                &XNonce::from(*claimed),
                prefix,
                inside.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .ok()?;
        if !bool::from(nonce(key, prefix, &inside).ct_eq(claimed))
            && !defence::is_off(Defence::NonceIsRedone)
        {
            return None;
        }
        let (length, rest) = inside.split_first_chunk::<LENGTH_BYTES>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (body, padding) = rest.split_at_checked(length)?;
        if padme(LENGTH_BYTES + length) != inside.len() || padding.iter().any(|byte| *byte != 0) {
            return None;
        }
        wire::decode(body, ENTRY_BYTES_MAX).ok()
    }
}

fn cipher(key: &ContentKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.entry_key().as_bytes().into())
}

/// What the seal depends on beside key and content: all of the prefix.
fn bound_to(prefix: &[u8]) -> &[u8] {
    if defence::is_off(Defence::PlaceInSeal) {
        return &[];
    }
    prefix
}

pub(super) fn nonce(key: &ContentKey, prefix: &[u8], inside: &[u8]) -> [u8; NONCE_BYTES] {
    let inside = if defence::is_off(Defence::NonceDependsOnContent) {
        &[]
    } else {
        inside
    };
    let hash = crypto::keyed_hash(key.key().as_bytes(), domain::ENTRY_NONCE, &[inside, prefix]);
    *hash.first_chunk().expect("24 of 32 bytes")
}

/// Returns the length that `length` is padded to: at most 12 % more, and few different ones.
///
/// Source: Padmé, Nikitin and others, "Reducing Metadata Leakage from Encrypted Files", 2019.
pub(super) fn padme(length: usize) -> usize {
    let Some(exponent) = length.checked_ilog2().filter(|exponent| *exponent > 0) else {
        return length;
    };
    let kept = exponent.ilog2() + 1;
    let mask = (1usize << (exponent - kept.min(exponent))) - 1;
    (length.saturating_add(mask)) & !mask
}
