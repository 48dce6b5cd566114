//! One sealed, signed record in a log.
//!
//! A log belongs to one installation of one device and one part of one slice. Its key is
//! derived, so it links to nothing outside; the first entry says, inside the seal, whose it is.
//!
//! ```text
//! entry   = [1, header, signature, payload]
//! header  = prefix | BLAKE3(payload)                       signed by the log key
//! prefix  = [1, slice, part, generation, log, seq, previous, day, padded_len]
//! payload = nonce (24) | ciphertext (padded_len) | tag (16)
//! inside  = length (4, LE) | body | zeros up to padded_len (Padmé)
//! body    = [1, binding or null, content]
//! nonce   = keyed BLAKE3 over prefix and inside, the first 24 bytes
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
//! | [`UnverifiedEntry`] | [`verify`](UnverifiedEntry::verify): payload hash, place in the log, signature | [`Entry`] |
//! | [`Entry`] | [`open`](Entry::open) with the content key: seal, nonce, padding, binding | [`Body`] |

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use minicbor::{Decode, Encode};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::crypto::{self, domain};
use crate::generation::ContentKey;
use crate::hook::span;
use crate::id::{GenerationId, SliceId};
use crate::slice::PartNumber;
use crate::time::Timestamp;
use crate::wire::{self, ENTRY_BYTES_MAX, HEADER_BYTES_MAX, V1, WireError};

mod log;

pub use log::{Author, Binding, LogId, LogKey};

/// Longest content of one entry: what fits [`ENTRY_BYTES_MAX`] after padding.
pub const CONTENT_BYTES_MAX: usize = 224 * 1024;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const LENGTH_BYTES: usize = 4;

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
    #[cbor(with = "minicbor::bytes")]
    signature: [u8; 64],
    #[n(3)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, ENTRY_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    payload: Vec<u8>,
}

/// Why an entry was refused. Whoever sent it is at fault, or its writer.
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
    /// It has the right number but follows another entry: the log forks.
    #[error("entry {seq} does not follow the one before")]
    Fork {
        /// Its number.
        seq: u64,
    },
    /// The signature does not hold.
    #[error("signature does not hold")]
    Signature,
    /// It does not open: another key, or not sealed by the rules.
    #[error("does not open")]
    Unopenable,
    /// The first entry does not say whose log it is, a later one does, or a signature is wrong.
    #[error("the log is not bound to its device")]
    Binding,
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
    let body = Zeroizing::new(wire::encode(body));
    let length = u32::try_from(body.len()).expect("at most CONTENT_BYTES_MAX and a binding");
    let padded = padme(LENGTH_BYTES + body.len());
    let mut inside = Zeroizing::new(Vec::with_capacity(padded));
    inside.extend_from_slice(&length.to_le_bytes());
    inside.extend_from_slice(&body);
    inside.resize(padded, 0);

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
    let mut header = wire::encode(&prefix);
    let nonce = nonce(key, &header, &inside);
    let ciphertext = cipher(key)
        .encrypt(
            &XNonce::from(nonce),
            Payload {
                msg: &inside,
                aad: &header,
            },
        )
        .expect("encryption of less than 256 GiB does not fail");
    let mut payload = Vec::with_capacity(NONCE_BYTES + ciphertext.len());
    payload.extend_from_slice(&nonce);
    payload.extend_from_slice(&ciphertext);
    header.extend_from_slice(&payload_hash(&payload));
    let signature = log.signing.sign(domain::ENTRY, &header);

    let entry = Entry::new(
        EntryWire {
            version: V1,
            header,
            signature,
            payload,
        },
        prefix,
    );
    let tip = entry.tip_after();
    Ok((entry, tip))
}

/// An entry as it came from outside: well formed, nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct UnverifiedEntry {
    wire: EntryWire,
    prefix: Prefix,
}

impl UnverifiedEntry {
    /// Reads an entry; checks form and bounds only.
    ///
    /// # Errors
    /// [`EntryError::Wire`] or [`EntryError::Lengths`].
    pub fn decode(bytes: &[u8]) -> Result<Self, EntryError> {
        let _span = span("entry read");
        let wire: EntryWire = wire::decode(bytes, ENTRY_BYTES_MAX)?;
        let (prefix, _) = wire
            .header
            .split_last_chunk::<32>()
            .ok_or(EntryError::Lengths)?;
        let prefix: Prefix = wire::decode(prefix, HEADER_BYTES_MAX)?;
        let padded = usize::try_from(prefix.padded_len).map_err(|_| EntryError::Lengths)?;
        if padme(padded) != padded || wire.payload.len() != NONCE_BYTES + padded + TAG_BYTES {
            return Err(EntryError::Lengths);
        }
        Ok(Self { wire, prefix })
    }

    /// Returns what the entry claims to be, to find its log and tip by.
    #[must_use]
    pub const fn claimed(&self) -> &Prefix {
        &self.prefix
    }

    /// Checks that this is the next entry of its log, which stands at `tip`.
    ///
    /// A tip belongs to one log of one part of one slice: the caller keeps tips by all three.
    /// Whether it knows the slice, part and generation at all is the caller's question.
    ///
    /// # Errors
    /// [`EntryError`]; cheap checks come first.
    pub fn verify(self, tip: &LogTip) -> Result<Entry, EntryError> {
        let (got, expected) = (self.prefix.seq, tip.next_seq);
        if got < expected {
            return Err(EntryError::Replayed { got, expected });
        }
        if got > expected {
            return Err(EntryError::Gap { got, expected });
        }
        let follows = self.prefix.previous == tip.previous;
        // Only a signed header proves a fork; the signature comes first.
        let entry = self.verify_alone()?;
        if !follows {
            return Err(EntryError::Fork { seq: got });
        }
        Ok(entry)
    }

    /// Takes an entry that this node verified before it stored it. Only for own storage.
    #[must_use]
    pub fn assume_verified(self) -> Entry {
        Entry::new(self.wire, self.prefix)
    }

    /// Checks payload and signature, but not the place in the log.
    fn verify_alone(self) -> Result<Entry, EntryError> {
        if !self
            .wire
            .header
            .ends_with(&payload_hash(&self.wire.payload))
        {
            return Err(EntryError::PayloadHash);
        }
        crypto::verify(
            self.prefix.log.as_bytes(),
            domain::ENTRY,
            &self.wire.header,
            &self.wire.signature,
        )
        .map_err(|_| EntryError::Signature)?;
        Ok(Entry::new(self.wire, self.prefix))
    }
}

impl std::fmt::Debug for UnverifiedEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UnverifiedEntry")
            .field(&self.prefix)
            .finish()
    }
}

/// An entry that its log key signed, in its place.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    wire: EntryWire,
    prefix: Prefix,
    header_hash: [u8; 32],
}

impl Entry {
    fn new(wire: EntryWire, prefix: Prefix) -> Self {
        let header_hash = crypto::hash(domain::ENTRY_HEADER, &[&wire.header]);
        Self {
            wire,
            prefix,
            header_hash,
        }
    }

    /// Returns what is not sealed.
    #[must_use]
    pub const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Returns the slice.
    #[must_use]
    pub const fn slice(&self) -> SliceId {
        self.prefix.slice
    }

    /// Returns the part.
    #[must_use]
    pub const fn part(&self) -> PartNumber {
        self.prefix.part
    }

    /// Returns the generation that it is sealed under.
    #[must_use]
    pub const fn generation(&self) -> GenerationId {
        self.prefix.generation
    }

    /// Returns the log.
    #[must_use]
    pub const fn log(&self) -> LogId {
        self.prefix.log
    }

    /// Returns the number in the log, from 0.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.prefix.seq
    }

    /// Returns the hash of the header, which the next entry cites.
    #[must_use]
    pub const fn header_hash(&self) -> [u8; 32] {
        self.header_hash
    }

    /// Returns where the log stands after this entry.
    #[must_use]
    pub const fn tip_after(&self) -> LogTip {
        LogTip {
            version: V1,
            next_seq: self.prefix.seq.saturating_add(1),
            previous: self.header_hash,
        }
    }

    /// Returns the entry as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(&self.wire)
    }

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
        let (prefix, _) = self.wire.header.split_last_chunk::<32>()?;
        let (claimed, ciphertext) = self.wire.payload.split_first_chunk::<NONCE_BYTES>()?;
        let inside = cipher(key)
            .decrypt(
                &XNonce::from(*claimed),
                Payload {
                    msg: ciphertext,
                    aad: prefix,
                },
            )
            .map(Zeroizing::new)
            .ok()?;
        if !bool::from(nonce(key, prefix, &inside).ct_eq(claimed)) {
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

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Entry").field(&self.prefix).finish()
    }
}

fn cipher(key: &ContentKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.entry_key().as_bytes().into())
}

fn nonce(key: &ContentKey, prefix: &[u8], inside: &[u8]) -> [u8; NONCE_BYTES] {
    let hash = crypto::keyed_hash(
        key.nonce_key().as_bytes(),
        domain::ENTRY_NONCE,
        &[prefix, inside],
    );
    *hash.first_chunk().expect("24 of 32 bytes")
}

fn payload_hash(payload: &[u8]) -> [u8; 32] {
    crypto::hash(domain::ENTRY_PAYLOAD, &[payload])
}

/// Returns the length that `length` is padded to: at most 12 % more, and few different ones.
///
/// Source: Padmé, Nikitin and others, "Reducing Metadata Leakage from Encrypted Files", 2019.
fn padme(length: usize) -> usize {
    let Some(exponent) = length.checked_ilog2().filter(|exponent| *exponent > 0) else {
        return length;
    };
    let kept = exponent.ilog2() + 1;
    let mask = (1usize << (exponent - kept.min(exponent))) - 1;
    (length.saturating_add(mask)) & !mask
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::Key;
    use crate::generation::PartKey;
    use crate::id::{DeviceId, InstallationId, MembershipId};
    use crate::testing::{DAY, NOW, Someone, keeps_the_rules};

    fn story() -> (Someone, PartKey, Vec<Entry>) {
        let ines = Someone::new(1);
        let key = ines.part_key(3, 1);
        let entries = ines.entries(&key, &[b"one", b"two", b"three"]);
        (ines, key, entries)
    }

    fn arrive(entry: &Entry, tip: &LogTip) -> Result<Entry, EntryError> {
        UnverifiedEntry::decode(&entry.to_bytes())?.verify(tip)
    }

    /// Signs `entry` again under another prefix, as somebody with the log key could.
    fn spliced(entry: &Entry, log: &LogKey, change: impl FnOnce(&mut Prefix)) -> Entry {
        let mut prefix = entry.prefix.clone();
        change(&mut prefix);
        let mut wire = entry.wire.clone();
        wire.header = wire::encode(&prefix);
        wire.header.extend(payload_hash(&wire.payload));
        wire.signature = log.signing.sign(domain::ENTRY, &wire.header);
        Entry::new(wire, prefix)
    }

    /// Seals `inside` as it is, correctly but for what it holds.
    fn sealed(inside: &[u8], key: &ContentKey, log: &LogKey, tip: &LogTip) -> Entry {
        let prefix = Prefix {
            version: V1,
            slice: log.slice,
            part: log.part,
            generation: GenerationId::from_bytes([1; 32]),
            log: log.id(),
            seq: tip.next_seq,
            previous: tip.previous,
            day: 0,
            padded_len: inside.len().try_into().unwrap(),
        };
        let mut header = wire::encode(&prefix);
        let nonce = nonce(key, &header, inside);
        let sealed = cipher(key)
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: inside,
                    aad: &header,
                },
            )
            .unwrap();
        let payload = [nonce.as_slice(), &sealed].concat();
        header.extend(payload_hash(&payload));
        let signature = log.signing.sign(domain::ENTRY, &header);
        Entry::new(
            EntryWire {
                version: V1,
                header,
                signature,
                payload,
            },
            prefix,
        )
    }

    #[test]
    fn an_entry_keeps_the_rules_of_the_wire() {
        let (ines, _, entries) = story();
        keeps_the_rules(&entries[0].wire, ENTRY_BYTES_MAX);
        keeps_the_rules(&entries[0].prefix, HEADER_BYTES_MAX);
        keeps_the_rules(&entries[0].tip_after(), 64);
        keeps_the_rules(
            &Body::new(Some(ines.log(3).bind(&ines.device)), vec![1]),
            4096,
        );
    }

    #[test]
    fn a_log_is_read_in_order() {
        let (ines, key, entries) = story();
        let mut tip = LogTip::START;
        for (entry, content) in entries.iter().zip(["one", "two", "three"]) {
            let arrived = arrive(entry, &tip).unwrap();
            assert_eq!(&arrived, entry);
            let body = arrived.open(&key.key).unwrap();
            assert_eq!(body.content, content.as_bytes());
            let author = (entry.seq() == 0).then(|| ines.author());
            assert_eq!(body.author(), author);
            tip = arrived.tip_after();
        }
        let first = arrive(&entries[0], &tip);
        assert_eq!(
            first,
            Err(EntryError::Replayed {
                got: 0,
                expected: 3
            })
        );
        let skipped = arrive(&entries[2], &entries[0].tip_after());
        assert_eq!(
            skipped,
            Err(EntryError::Gap {
                got: 2,
                expected: 1
            })
        );
    }

    #[test]
    fn a_fork_is_seen_and_needs_a_signature_to_be_one() {
        let (ines, key, entries) = story();
        let other = ines.entries(&key, &[b"one", b"another"]);
        assert_eq!(other[0], entries[0]);
        let after = ines.entries(&key, &[b"changed"])[0].tip_after();
        assert_eq!(arrive(&other[1], &after), Err(EntryError::Fork { seq: 1 }));
        let mut unsigned = other[1].clone();
        unsigned.wire.signature = entries[1].wire.signature;
        assert_eq!(arrive(&unsigned, &after), Err(EntryError::Signature));
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused() {
        let (_, _, entries) = story();
        let bytes = entries[1].to_bytes();
        let tip = entries[0].tip_after();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let got = UnverifiedEntry::decode(&changed).and_then(|entry| entry.verify(&tip));
            assert!(got.is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_wrong_key_opens_nothing_and_says_no_more() {
        let (ines, key, entries) = story();
        for other in [ines.part_key(3, 2), ines.part_key(4, 3)] {
            assert_eq!(entries[0].open(&other.key), Err(EntryError::Unopenable));
        }
        let access = ContentKey::new(key.key.access().key().clone());
        assert_eq!(entries[0].open(&access), Err(EntryError::Unopenable));
    }

    #[test]
    fn what_was_sealed_for_one_place_opens_in_no_other() {
        let (ines, key, entries) = story();
        let log = ines.log(3);
        assert!(spliced(&entries[1], &log, |_| {}).open(&key.key).is_ok());
        let moves: [&dyn Fn(&mut Prefix); 7] = [
            &|prefix| prefix.slice = SliceId::from_bytes([1; 32]),
            &|prefix| prefix.part = PartNumber(4),
            &|prefix| prefix.generation = GenerationId::from_bytes([1; 32]),
            &|prefix| prefix.log = LogId::from_bytes([1; 32]),
            &|prefix| prefix.seq = 2,
            &|prefix| prefix.previous = [1; 32],
            &|prefix| prefix.day += 1,
        ];
        for (index, change) in moves.iter().enumerate() {
            let moved = spliced(&entries[1], &log, change);
            assert_eq!(
                moved.open(&key.key),
                Err(EntryError::Unopenable),
                "move {index}"
            );
        }
        // Nor can another reader with the key pass somebody's ciphertext off as their own.
        let marc = Someone::new(2);
        let his = LogKey {
            signing: marc.device,
            ..log
        };
        let stolen = spliced(&entries[1], &his, |prefix| prefix.log = his.id());
        assert!(arrive(&stolen, &entries[0].tip_after()).is_ok());
        assert_eq!(stolen.open(&key.key), Err(EntryError::Unopenable));
    }

    #[test]
    fn same_inputs_same_bytes_and_any_change_another_nonce() {
        let (ines, key, _) = story();
        let log = ines.log(3);
        let body = Body::new(Some(log.bind(&ines.device)), b"content".to_vec());
        let record = key.record.unverified();
        let params = SealParams {
            slice: record.slice,
            part: record.part,
            generation: key.generation(),
            key: &key.key,
            log: &log,
            tip: &LogTip::START,
            now: NOW,
            body: &body,
        };
        let seal = |params| seal(params).unwrap().0;
        let entry = seal(params);
        assert_eq!(seal(params).to_bytes(), entry.to_bytes());
        let same_day = SealParams {
            now: NOW.plus_millis(1),
            ..params
        };
        assert_eq!(
            seal(same_day).to_bytes(),
            entry.to_bytes(),
            "only the day is written"
        );

        let other_body = Body {
            content: b"contenu".to_vec(),
            ..body.clone()
        };
        let later = LogTip {
            version: V1,
            next_seq: 1,
            previous: [1; 32],
        };
        let further = LogTip {
            previous: [2; 32],
            ..later
        };
        let unbound = Body::new(None, b"content".to_vec());
        let other_key = ContentKey::new(Key::from_bytes([3; 32]));
        let nonces: std::collections::BTreeSet<_> = [
            params,
            SealParams {
                now: NOW.plus_millis(DAY),
                ..params
            },
            SealParams {
                generation: GenerationId::from_bytes([1; 32]),
                ..params
            },
            SealParams {
                key: &other_key,
                ..params
            },
            SealParams {
                body: &other_body,
                ..params
            },
            SealParams {
                tip: &later,
                body: &unbound,
                ..params
            },
            SealParams {
                tip: &further,
                body: &unbound,
                ..params
            },
        ]
        .map(|params| seal(params).wire.payload[..NONCE_BYTES].to_vec())
        .into();
        assert_eq!(nonces.len(), 7);
    }

    #[test]
    fn what_is_not_sealed_by_the_rules_does_not_open() {
        let (_, key, entries) = story();
        let ines = Someone::new(1);
        let (log, tip) = (ines.log(3), entries[0].tip_after());
        let body = wire::encode(&Body::new(None, vec![7; 300]));
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        let padded = padme(4 + body.len());
        let inside = |length: [u8; 4], padded: usize| {
            let mut inside = [length.as_slice(), &body].concat();
            inside.resize(padded, 0);
            inside
        };
        let good = inside(length, padded);
        assert!(padded > 4 + body.len(), "there is padding to play with");
        let open = |inside: &[u8]| {
            sealed(inside, &key.key, &log, &tip)
                .open(&key.key)
                .map(|_| ())
        };
        assert_eq!(open(&good), Ok(()));

        let refused = Err(EntryError::Unopenable);
        let mut hidden = good.clone();
        *hidden.last_mut().unwrap() = 1;
        assert_eq!(open(&hidden), refused, "padding that is not zero");
        assert_eq!(
            open(&inside(length, padme(padded + 1))),
            refused,
            "more padding"
        );
        assert_eq!(
            open(&inside(u32::MAX.to_le_bytes(), padded)),
            refused,
            "a length that lies"
        );
        let longer = (u32::from_le_bytes(length) + 1).to_le_bytes();
        assert_eq!(
            open(&inside(longer, padded)),
            refused,
            "a byte after the body"
        );
        for short in [&b""[..], b"\x01", b"\0\0\0\0"] {
            assert_eq!(open(short), refused);
        }
        // The nonce is part of the seal: a chosen one is refused although the tag holds.
        let mut chosen = sealed(&good, &key.key, &log, &tip);
        let (prefix, _) = chosen.wire.header.split_last_chunk::<32>().unwrap();
        let other = [1; NONCE_BYTES];
        let ciphertext = cipher(&key.key)
            .encrypt(
                &XNonce::from(other),
                Payload {
                    msg: &good,
                    aad: prefix,
                },
            )
            .unwrap();
        chosen.wire.payload = [other.as_slice(), &ciphertext].concat();
        let chosen = spliced(&chosen, &log, |_| {});
        assert!(arrive(&chosen, &tip).is_ok());
        assert_eq!(chosen.open(&key.key).map(|_| ()), refused);
    }

    #[test]
    fn a_log_is_bound_to_its_device_in_the_first_entry_and_only_there() {
        let (ines, key, entries) = story();
        let (marc, log) = (Someone::new(2), ines.log(3));
        let right = log.bind(&ines.device);
        let open = |binding: Option<Binding>, tip: &LogTip| {
            let body = wire::encode(&Body::new(binding, Vec::new()));
            let length = u32::try_from(body.len()).unwrap().to_le_bytes();
            let mut inside = [length.as_slice(), &body].concat();
            inside.resize(padme(inside.len()), 0);
            sealed(&inside, &key.key, &log, tip)
                .open(&key.key)
                .map(|body| body.author())
        };
        let author = Some(ines.author());
        assert_eq!(open(Some(right.clone()), &LogTip::START), Ok(author));
        let refused = Err(EntryError::Binding);
        assert_eq!(open(None, &LogTip::START), refused);
        assert_eq!(open(Some(right.clone()), &entries[0].tip_after()), refused);
        for wrong in [
            ines.log(4).bind(&ines.device),
            LogKey {
                signing: marc.device.clone(),
                ..log.clone()
            }
            .bind(&ines.device),
            Binding {
                device: DeviceId::from_bytes(marc.device.public()),
                ..right.clone()
            },
            Binding {
                membership: marc.author().membership,
                ..right.clone()
            },
            Binding {
                installation: marc.installation,
                ..right.clone()
            },
            Binding {
                by_device: right.by_log,
                ..right.clone()
            },
            Binding {
                by_log: right.by_device,
                ..right
            },
        ] {
            assert_eq!(open(Some(wrong), &LogTip::START), refused);
        }
    }

    #[test]
    fn a_log_key_is_one_admissions_and_installations_in_one_part() {
        let seed = Key::from_bytes([1; 32]);
        let (home, copy) = (
            InstallationId::from_bytes([1; 32]),
            InstallationId::from_bytes([2; 32]),
        );
        let (first, again) = (
            MembershipId::from_bytes([1; 32]),
            MembershipId::from_bytes([2; 32]),
        );
        let (a, b) = (SliceId::from_bytes([1; 32]), SliceId::from_bytes([2; 32]));
        let other = Key::from_bytes([2; 32]);
        let ids: std::collections::BTreeSet<_> = [
            LogKey::derive(&seed, first, home, a, PartNumber(0)).id(),
            LogKey::derive(&seed, again, home, a, PartNumber(0)).id(),
            LogKey::derive(&seed, first, copy, a, PartNumber(0)).id(),
            LogKey::derive(&seed, first, home, b, PartNumber(0)).id(),
            LogKey::derive(&seed, first, home, a, PartNumber(1)).id(),
            LogKey::derive(&other, first, home, a, PartNumber(0)).id(),
        ]
        .into();
        assert_eq!(ids.len(), 6);
    }

    #[test]
    fn the_fullest_entry_travels_and_one_byte_more_is_not_sealed() {
        let (ines, key, _) = story();
        let log = ines.log(3);
        let record = key.record.unverified();
        let with = |length, tip: &LogTip, binding| {
            let body = Body::new(binding, vec![1; length]);
            seal(SealParams {
                slice: record.slice,
                part: record.part,
                generation: key.generation(),
                key: &key.key,
                log: &log,
                tip,
                now: NOW,
                body: &body,
            })
        };
        let binding = Some(log.bind(&ines.device));
        let (entry, tip) = with(CONTENT_BYTES_MAX, &LogTip::START, binding.clone()).unwrap();
        assert!(entry.to_bytes().len() <= ENTRY_BYTES_MAX);
        assert!(entry.wire.header.len() <= HEADER_BYTES_MAX);
        assert!(
            arrive(&entry, &LogTip::START)
                .unwrap()
                .open(&key.key)
                .is_ok()
        );
        let over = CONTENT_BYTES_MAX + 1;
        assert_eq!(
            with(over, &tip, None),
            Err(SealError::TooLong { got: over })
        );
        assert_eq!(with(1, &tip, binding), Err(SealError::Binding));
        assert_eq!(with(1, &LogTip::START, None), Err(SealError::Binding));

        let mut bytes = entry.to_bytes();
        bytes.resize(ENTRY_BYTES_MAX + 1, 0);
        let error = WireError::TooLong {
            got: bytes.len(),
            max: ENTRY_BYTES_MAX,
        };
        assert_eq!(
            UnverifiedEntry::decode(&bytes),
            Err(EntryError::Wire(error))
        );
        let mut long = entry.wire.clone();
        long.header = vec![0; HEADER_BYTES_MAX + 1];
        let got = UnverifiedEntry::decode(&wire::encode(&long));
        assert!(matches!(
            got,
            Err(EntryError::Wire(WireError::Malformed { .. }))
        ));
    }

    #[test]
    fn a_log_key_seals_in_its_own_part_only() {
        let (ines, key, entries) = story();
        let record = key.record.unverified();
        let got = seal(SealParams {
            slice: record.slice,
            part: record.part,
            generation: key.generation(),
            key: &key.key,
            log: &ines.log(4),
            tip: &entries[0].tip_after(),
            now: NOW,
            body: &Body::new(None, Vec::new()),
        });
        assert_eq!(got, Err(SealError::OtherLog));
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let (ines, _, entries) = story();
        let log = ines.log(3);
        for padded_len in [0, 1, entries[1].prefix.padded_len - 1, u32::MAX] {
            let lying = spliced(&entries[1], &log, |prefix| prefix.padded_len = padded_len);
            assert_eq!(
                arrive(&lying, &entries[0].tip_after()),
                Err(EntryError::Lengths)
            );
        }
        let mut short = entries[1].wire.clone();
        short.header.truncate(31);
        assert_eq!(
            UnverifiedEntry::decode(&wire::encode(&short)),
            Err(EntryError::Lengths)
        );
    }

    proptest! {
        #[test]
        fn padding_is_small_and_padded_lengths_stay(length in 0usize..1_000_000) {
            let padded = padme(length);
            prop_assert!(padded >= length);
            prop_assert!(padded - length <= length * 12 / 100);
            prop_assert_eq!(padme(padded), padded);
        }

        #[test]
        fn any_content_comes_back(content in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let ines = Someone::new(1);
            let key = ines.part_key(3, 1);
            let entries = ines.entries(&key, &[&content]);
            let arrived = arrive(&entries[0], &LogTip::START).unwrap();
            prop_assert_eq!(arrived.open(&key.key).unwrap().content, content);
        }
    }
}
