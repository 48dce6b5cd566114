//! The few cryptographic moves, each under a domain string.
//!
//! | move | made of |
//! |---|---|
//! | [`hash`], [`keyed_hash`] | BLAKE3, derive-key mode per domain, the lengths of all parts at the end |
//! | [`SigningKey`], [`verify`] | Ed25519, strict verification, weak keys refused, domain in front of the message |
//! | [`SealingPublic::seal`], [`SealingSecret::open`] | HPKE base mode: X-Wing, HKDF-SHA256, ChaCha20-Poly1305 |
//!
//! Secrets are wiped when dropped and print as `[redacted]`. Randomness is the caller's.

use std::cell::RefCell;
use std::fmt;
use std::sync::LazyLock;

use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_dalek::{Verifier as _, VerifyingKey};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::hook::{self, span};

/// Every domain string of this crate but those of `sync`. One per use, never reused.
pub mod domain {
    /// Hash of a charter: the person's id.
    pub const PERSON_ID: &str = "maille/1/person-id";
    /// Hash of a circle's charter: its id.
    pub const CIRCLE_ID: &str = "maille/1/circle-id";
    /// Hash of a charter's id and a founder's place in it: a founder's membership.
    pub const FOUNDER: &str = "maille/1/founder";
    /// Hash of the root key that may replace the first.
    pub const NEXT_ROOT: &str = "maille/1/next-root";
    /// Signature over a statement.
    pub const STATEMENT: &str = "maille/1/statement";
    /// Hash of what a statement's author signed: its id.
    pub const STATEMENT_ID: &str = "maille/1/statement-id";
    /// The signature of whoever is admitted.
    pub const CONSENT: &str = "maille/1/consent";
    /// Root signing key, from the seed of the words.
    pub const PHRASE_ROOT: &str = "maille/1/phrase-root";
    /// Recovery sealing key, from the seed of the words.
    pub const PHRASE_RECOVERY: &str = "maille/1/phrase-recovery";
    /// Hash of the public half of a slice charter: the slice's id.
    pub const SLICE_ID: &str = "maille/1/slice-id";
    /// Commitment to a slice's owner inside its public half.
    pub const SLICE_OWNER: &str = "maille/1/slice-owner";
    /// Seed of a device's control key of a slice.
    pub const CONTROL_KEY: &str = "maille/1/control-key";
    /// Commitment to the root key that overrides control keys.
    pub const CONTROL_ROOT: &str = "maille/1/control-root";
    /// What hides the root key in that commitment, from a slice's salt.
    pub const CONTROL_BLIND: &str = "maille/1/control-blind";
    /// What stands for an installation where carriers see it, keyed by a slice's salt.
    pub const CONTROL_INSTALLATION: &str = "maille/1/control-installation";
    /// Hash of a slice's id and a place: a founding control key's membership.
    pub const CONTROL_FOUNDER: &str = "maille/1/control-founder";
    /// Commitment to an access key.
    pub const ACCESS_COMMIT: &str = "maille/1/access-commit";
    /// Signature over a ticket.
    pub const TICKET: &str = "maille/1/ticket";
    /// A log key's signature for its writer, inside a ticket.
    pub const TICKET_BY_LOG: &str = "maille/1/ticket-by-log";
    /// What a reader shows of a grant that they have accepted.
    pub const GRANT_ACCEPTED: &str = "maille/1/grant-accepted";
    /// Signature over the head of a batch of generation records.
    pub const BATCH: &str = "maille/1/batch";
    /// Hash of a generation record: a leaf of the tree of its batch.
    pub const BATCH_LEAF: &str = "maille/1/batch-leaf";
    /// Hash of two nodes of the tree of a batch.
    pub const BATCH_NODE: &str = "maille/1/batch-node";
    /// Hash of a generation record: its id.
    pub const GENERATION_ID: &str = "maille/1/generation-id";
    /// Commitment to a content key.
    pub const KEY_COMMIT: &str = "maille/1/key-commit";
    /// Access key, from a content key.
    pub const KEY_ACCESS: &str = "maille/1/key-access";
    /// Encryption subkey, from a content key.
    pub const KEY_ENTRY: &str = "maille/1/key-entry";
    /// Nonce of an entry, keyed by a content key.
    pub const ENTRY_NONCE: &str = "maille/1/entry-nonce";
    /// Log key, from a device's signing seed.
    pub const LOG_KEY: &str = "maille/1/log-key";
    /// Signature over an entry's header.
    pub const ENTRY: &str = "maille/1/entry";
    /// Hash of an entry's header, which the next entry cites.
    pub const ENTRY_HEADER: &str = "maille/1/entry-header";
    /// Hash of an entry's payload.
    pub const ENTRY_PAYLOAD: &str = "maille/1/entry-payload";
    /// A device's signature over its log key.
    pub const LOG_BY_DEVICE: &str = "maille/1/log-by-device";
    /// A log key's signature over its device.
    pub const LOG_BY_LOG: &str = "maille/1/log-by-log";
    /// Box of a parcel.
    pub const PARCEL: &str = "maille/1/parcel";
    /// Signature inside a parcel.
    pub const LETTER: &str = "maille/1/letter";
    /// Hash of a sealing key: its id.
    pub const SEALING_KEY_ID: &str = "maille/1/sealing-key-id";
    /// Commitment to a ring key.
    pub const RING_COMMIT: &str = "maille/1/ring-commit";
    /// One-time key of a wrap, from a ring key.
    pub const RING_WRAP: &str = "maille/1/ring-wrap";
    /// Tag key for those who hold a ring key.
    pub const RING_TAG: &str = "maille/1/ring-tag";
    /// Box of one key.
    pub const KEY_BOX: &str = "maille/1/key-box";
    /// Tag of a key object.
    pub const KEY_TAG: &str = "maille/1/key-tag";
    /// Id of the recovery part, from the seed of the words.
    pub const RECOVERY_PART: &str = "maille/1/recovery-part";
    /// Access key of the recovery part, from the seed of the words.
    pub const RECOVERY_ACCESS: &str = "maille/1/recovery-access";
    /// Box for the recovery key.
    pub const RECOVERY_BOX: &str = "maille/1/recovery-box";
    /// Signature inside a recovery box.
    pub const RECOVERY_NOTE: &str = "maille/1/recovery-note";
    /// Box in a backup for the key that the words yield.
    pub const BACKUP_BOX: &str = "maille/1/backup-box";
    /// Id of an invite.
    pub const INVITE_ID: &str = "maille/1/invite-id";
    /// The key by which who holds an invite shows it.
    pub const INVITE_KEY: &str = "maille/1/invite-key";
    /// What shows it.
    pub const INVITE_PROOF: &str = "maille/1/invite-proof";
    /// The key by which a new device shows that it holds a pairing code.
    pub const PAIR_KEY: &str = "maille/1/pair-key";
    /// What shows it.
    pub const PAIR_PROOF: &str = "maille/1/pair-proof";
    /// The words that are compared.
    pub const PAIR_WORDS: &str = "maille/1/pair-words";
    /// Who has nothing but the words shows that they hold the root.
    pub const RETURN_CLAIM: &str = "maille/1/return-claim";
    /// Id of a relay code.
    pub const RELAY_ID: &str = "maille/1/relay-id";
    /// The key by which who holds a relay code shows it.
    pub const RELAY_KEY: &str = "maille/1/relay-key";
    /// What shows it.
    pub const RELAY_PROOF: &str = "maille/1/relay-proof";
    /// Names an item of a circle in a comparison.
    pub const CIRCLE_HELD: &str = "maille/1/circle-held";
    /// Stands for the names of a bucket.
    pub const CIRCLE_BUCKET: &str = "maille/1/circle-bucket";
    /// Where a node stands on the ring of a circle's nodes.
    pub const CIRCLE_RING: &str = "maille/1/circle-ring";
    /// The secret of a mailbox, from a content key and a relay.
    pub const MAILBOX_SECRET: &str = "maille/1/mailbox-secret";
    /// Seed of a mailbox's control key, from its secret.
    pub const MAILBOX_CONTROL: &str = "maille/1/mailbox-control";
    /// What stands in the place of a commitment to an owner, from its secret.
    pub const MAILBOX_OWNER: &str = "maille/1/mailbox-owner";
    /// Salt of a mailbox, from its secret.
    pub const MAILBOX_SALT: &str = "maille/1/mailbox-salt";
    /// Access key of a mailbox, from its secret.
    pub const MAILBOX_ACCESS: &str = "maille/1/mailbox-access";
    /// Content key of a mailbox, from its secret.
    pub const MAILBOX_CONTENT: &str = "maille/1/mailbox-content";
    /// Id of a mailbox's one generation.
    pub const MAILBOX_GENERATION: &str = "maille/1/mailbox-generation";
    /// Seed of a device's write key in a mailbox.
    pub const MAILBOX_WRITE: &str = "maille/1/mailbox-write";
    /// What stands for an installation in a log of a mailbox, keyed by its salt.
    pub const MAILBOX_LOG: &str = "maille/1/mailbox-log";
    /// What a visitor calls a mailbox by.
    pub const MAILBOX_NAME: &str = "maille/1/mailbox-name";
}

/// Returns the hash of `parts` under `domain`; parts cannot run into each other.
#[must_use]
pub fn hash(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    absorb(blake3::Hasher::new_derive_key(domain), parts)
}

/// Returns the hash of `parts` under `domain` that only holders of `key` can compute.
#[must_use]
pub fn keyed_hash(key: &[u8; 32], domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let subkey = Zeroizing::new(blake3::derive_key(domain, key));
    absorb(blake3::Hasher::new_keyed(&subkey), parts)
}

/// Parts first, so that a long first one is aligned: BLAKE3 then hashes two of its chunks at once,
/// which is a third less time for an entry of 2 KiB than behind a length of 8 bytes.
///
/// Two lists of parts never give the same bytes. As many parts: the lengths at the end tell where
/// each one ends. `n` and `n + j` parts: the last `n` lengths would be the same in both, and the
/// parts before them `8 j` bytes shorter than nothing.
fn absorb(mut hasher: blake3::Hasher, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        hasher.update(part);
    }
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// A secret of 32 bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop, minicbor::Encode, minicbor::Decode)]
#[cbor(transparent)]
pub struct Key(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    [u8; 32],
);

impl Key {
    /// Returns the key that these bytes are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Draws a key.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// Returns the bytes of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the key for another use that `domain` and `parts` name.
    #[must_use]
    pub fn derive(&self, domain: &str, parts: &[&[u8]]) -> Self {
        Self(keyed_hash(&self.0, domain, parts))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// An Ed25519 key that signs.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// Returns the key that `seed` yields.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let _span = span("signing key read");
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// Returns the signature over `bytes` for the use that `domain` names.
    #[must_use]
    pub fn sign(&self, domain: &str, bytes: &[u8]) -> [u8; 64] {
        use ed25519_dalek::Signer as _;
        let _span = span("signature made");
        self.0.sign(&message(domain, bytes)).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A signature that does not hold, or a key that must not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signature does not hold")]
pub struct BadSignature;

/// Checks a signature strictly; a weak key is refused like a wrong signature.
///
/// # Errors
/// [`BadSignature`], whatever the reason.
pub fn verify(
    public: &[u8; 32],
    domain: &str,
    bytes: &[u8],
    signature: &[u8; 64],
) -> Result<(), BadSignature> {
    let _span = span("signature checked");
    let input = || {
        hash(
            "maille simulator check v1",
            &[public, domain.as_bytes(), bytes, signature],
        )
    };
    let holds = hook::once(input, || {
        verify_anew(public, domain, bytes, signature).is_ok()
    });
    if holds { Ok(()) } else { Err(BadSignature) }
}

fn verify_anew(
    public: &[u8; 32],
    domain: &str,
    bytes: &[u8],
    signature: &[u8; 64],
) -> Result<(), BadSignature> {
    let key = read_key(public).ok_or(BadSignature)?;
    let signature = ed25519_dalek::Signature::from_bytes(signature);
    // What `verify_strict` refuses. That reads `R` as a point to see whether it is one of these, which is
    // a sixth of a check; but `R` is what is computed, byte for byte, or the signature does not hold.
    if SMALL_ORDER.contains(signature.r_bytes()) {
        return Err(BadSignature);
    }
    key.verify(&message(domain, bytes), &signature)
        .map_err(|_| BadSignature)
}

/// Reads a key that is not weak, or finds it among those read of late: to read one is a sixth of a check, and
/// most that is checked is by few keys.
fn read_key(public: &[u8; 32]) -> Option<VerifyingKey> {
    thread_local! {
        static READ: RefCell<Vec<Option<VerifyingKey>>> = const { RefCell::new(Vec::new()) };
    }
    READ.with_borrow_mut(|read| {
        read.resize(KEYS_READ, None);
        let place = &mut read[usize::from(public[0])];
        if place.is_none_or(|key| key.as_bytes() != public) {
            *place = Some(
                VerifyingKey::from_bytes(public)
                    .ok()
                    .filter(|key| !key.is_weak())?,
            );
        }
        *place
    })
}

/// How many keys a thread keeps as points: one for each first byte, 200 bytes each.
const KEYS_READ: usize = 256;

/// The points of small order, as they are written.
static SMALL_ORDER: LazyLock<[[u8; 32]; 8]> =
    LazyLock::new(|| EIGHT_TORSION.map(|point| point.compress().to_bytes()));

fn message(domain: &str, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(domain.len()).expect("our domains are short");
    let mut message = Vec::with_capacity(1 + domain.len() + bytes.len());
    message.push(length);
    message.extend_from_slice(domain.as_bytes());
    message.extend_from_slice(bytes);
    message
}

/// How many bytes an X-Wing public key has.
pub const SEALING_PUBLIC_BYTES: usize = 1216;
/// The coefficients in it: three times 256 of twelve bits.
const ML_KEM_VECTOR_BYTES: usize = 1152;
/// What each of them is below.
const ML_KEM_MODULUS: u16 = 3329;
/// How many bytes an X-Wing encapsulation has.
const ENCAPSULATION_BYTES: usize = 1120;
/// How much longer a box is than what it holds.
pub const BOX_OVERHEAD_BYTES: usize = ENCAPSULATION_BYTES + 16;

/// A box that does not open: wrong key, wrong use, or changed bytes. It does not say which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not open")]
pub struct OpenError;

/// The X-Wing key that opens what was sealed to its public half.
#[derive(Clone)]
pub struct SealingSecret(<XWing as Kem>::PrivateKey);

impl SealingSecret {
    /// Returns the key that `seed` is.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let _span = span("X-Wing key read");
        Self(Deserializable::from_bytes(seed).expect("any 32 bytes are an X-Wing seed"))
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> SealingPublic {
        let _span = span("X-Wing key read");
        SealingPublic(XWing::sk_to_pk(&self.0).to_bytes().as_slice().into())
    }

    /// Opens a box sealed to this key for the use `domain`, with `aad` beside it.
    ///
    /// # Errors
    /// [`OpenError`], whatever the reason.
    pub fn open(
        &self,
        domain: &str,
        aad: &[u8],
        boxed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let _span = span("X-Wing box opened");
        let (encapsulation, ciphertext) = boxed
            .split_at_checked(ENCAPSULATION_BYTES)
            .ok_or(OpenError)?;
        let encapsulation = Deserializable::from_bytes(encapsulation).map_err(|_| OpenError)?;
        let mut context = hpke::setup_receiver::<ChaCha20Poly1305, HkdfSha256, XWing>(
            &OpModeR::Base,
            &self.0,
            &encapsulation,
            domain.as_bytes(),
        )
        .map_err(|_| OpenError)?;
        context
            .open(ciphertext, aad)
            .map(Zeroizing::new)
            .map_err(|_| OpenError)
    }
}

impl fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// An X-Wing public key, known to be well formed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SealingPublic(Box<[u8]>);

impl SealingPublic {
    /// Reads a public key.
    ///
    /// # Errors
    /// [`BadSealingKey`] if it has another length or is no valid ML-KEM key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadSealingKey> {
        let _span = span("X-Wing key read");
        if bytes.len() != SEALING_PUBLIC_BYTES || !is_reduced(&bytes[..ML_KEM_VECTOR_BYTES]) {
            return Err(BadSealingKey);
        }
        Ok(Self(bytes.into()))
    }

    /// Returns the bytes of the key, [`SEALING_PUBLIC_BYTES`] of them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Seals `plaintext` for the use `domain`, with `aad` beside it: encapsulation, ciphertext, tag.
    #[must_use]
    pub fn seal(
        &self,
        rng: &mut impl CryptoRng,
        domain: &str,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Vec<u8> {
        let _span = span("X-Wing box made");
        let key = <XWing as Kem>::PublicKey::from_bytes(&self.0).expect("checked when it was made");
        let (encapsulation, mut context) = hpke::setup_sender_with_rng::<
            ChaCha20Poly1305,
            HkdfSha256,
            XWing,
        >(&OpModeS::Base, &key, domain.as_bytes(), rng)
        .expect("encapsulation to a checked key does not fail");
        let ciphertext = context
            .seal(plaintext, aad)
            .expect("the first message of a context");
        let mut boxed = Vec::with_capacity(ENCAPSULATION_BYTES + ciphertext.len());
        boxed.extend_from_slice(&encapsulation.to_bytes());
        boxed.extend_from_slice(&ciphertext);
        boxed
    }
}

/// The modulus check of FIPS 203, section 7.2: of coefficients of twelve bits each is below the modulus. Of the rest
/// of an X-Wing key any bytes are valid. The library finds the same, but only while it makes the key ready for use. Keys are
/// read each time that somebody's authority is, and used once in a while: that was two fifths of a growing circle's time.
fn is_reduced(coefficients: &[u8]) -> bool {
    let pairs = coefficients.as_chunks::<3>().0.iter();
    pairs.copied().all(|[low, both, high]| {
        let first = u16::from(low) | u16::from(both & 0x0f) << 8;
        let second = u16::from(both >> 4) | u16::from(high) << 4;
        first < ML_KEM_MODULUS && second < ML_KEM_MODULUS
    })
}

/// Bytes that are no X-Wing public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a sealing key")]
pub struct BadSealingKey;

impl fmt::Debug for SealingPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = hash(domain::SEALING_KEY_ID, &[&self.0]);
        write!(f, "sealing key {:02x}{:02x}{:02x}…", id[0], id[1], id[2])
    }
}

impl<C> minicbor::Encode<C> for SealingPublic {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.bytes(&self.0)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for SealingPublic {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        Self::from_bytes(d.bytes()?).map_err(|_| decode::Error::message("not a sealing key").at(at))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::rng;

    #[test]
    fn parts_of_a_hash_do_not_run_into_each_other() {
        let hashes = [
            hash("a", &[b"ab", b"c"]),
            hash("a", &[b"a", b"bc"]),
            hash("a", &[b"abc"]),
            hash("a", &[b"abc", b""]),
            hash("a", &[b"", b"abc"]),
            hash("a", &[]),
            hash("a", &[b""]),
            hash("a", &[b"", b""]),
            // Parts that look like the lengths of others.
            hash("a", &[b"abc\x03\0\0\0\0\0\0\0"]),
            hash("a", &[b"abc", b"\x03\0\0\0\0\0\0\0"]),
            hash("a", &[&[0; 8]]),
            hash("b", &[b"abc"]),
            keyed_hash(&[1; 32], "a", &[b"abc"]),
            keyed_hash(&[2; 32], "a", &[b"abc"]),
            keyed_hash(&[1; 32], "b", &[b"abc"]),
        ];
        let distinct: std::collections::BTreeSet<_> = hashes.iter().collect();
        assert_eq!(distinct.len(), hashes.len());
    }

    /// Ours must refuse what that refuses, and nothing else: two nodes that differ about one signature
    /// differ about everything.
    #[test]
    fn a_check_holds_exactly_if_verify_strict_does() {
        let strict = |public: &[u8; 32], signature: &[u8; 64]| {
            let signature = ed25519_dalek::Signature::from_bytes(signature);
            VerifyingKey::from_bytes(public)
                .is_ok_and(|key| key.verify_strict(&message("a", b"it"), &signature).is_ok())
        };
        let key = SigningKey::from_seed(&[1; 32]);
        let (public, signature) = (key.public(), key.sign("a", b"it"));
        let (r, s) = (signature[..32].to_vec(), signature[32..].to_vec());
        // Points of small order, as they are written and otherwise: y + p, and the other sign of 0.
        let mut points: Vec<Vec<u8>> = SMALL_ORDER.iter().map(|point| point.to_vec()).collect();
        let sign = |point: &Vec<u8>| {
            let mut other = point.clone();
            other[31] ^= 0x80;
            other
        };
        for low in 0..19 {
            let mut above = vec![0xff; 32];
            above[0] = 0xed_u8.wrapping_add(low);
            above[31] = 0x7f;
            points.push(above);
        }
        points.extend([public.to_vec(), r.clone()]);
        points.extend(points.iter().map(sign).collect::<Vec<_>>());
        let (zero, mut order) = (vec![0; 32], vec![0; 32]);
        // The order of the group, of which an `S` must be below.
        order[..16].copy_from_slice(&0x14de_f9de_a2f7_9cd6_5812_631a_5cf5_d3ed_u128.to_le_bytes());
        order[31] = 0x10;
        let mut above = s.clone();
        let mut carry = 0;
        for (byte, more) in above.iter_mut().zip(&order) {
            let sum = u16::from(*byte) + u16::from(*more) + carry;
            (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
        }
        let scalars = [s, zero, order, above];
        let mut held = 0;
        for a in &points {
            for r in &points {
                for s in &scalars {
                    let a: [u8; 32] = a.as_slice().try_into().expect("a key");
                    let signature: [u8; 64] = [&r[..], s].concat().try_into().expect("64 bytes");
                    let ours = verify(&a, "a", b"it", &signature).is_ok();
                    assert_eq!(ours, strict(&a, &signature), "{a:02x?} {signature:02x?}");
                    held += u32::from(ours);
                }
            }
        }
        assert_eq!(held, 1, "the true one only");

        // Whoever has a key can sign with an `R` of small order. Less strict checks take it.
        use sha2::{Digest as _, Sha512};
        let secret = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let mut loose = 0;
        for torsion in EIGHT_TORSION {
            let a = (secret.verifying_key().to_edwards() + torsion).compress().0;
            for r in SMALL_ORDER.iter() {
                let hash = Sha512::new().chain_update(r).chain_update(a);
                let hash = hash.chain_update(message("a", b"it")).finalize();
                let k = curve25519_dalek::Scalar::from_bytes_mod_order_wide(&hash.into());
                let s = (k * secret.to_scalar()).to_bytes();
                let signature: [u8; 64] = [&r[..], &s].concat().try_into().expect("64 bytes");
                assert!(verify(&a, "a", b"it", &signature).is_err());
                assert!(!strict(&a, &signature));
                let signature = ed25519_dalek::Signature::from_bytes(&signature);
                let key = VerifyingKey::from_bytes(&a).expect("a point");
                loose += u32::from(key.verify(&message("a", b"it"), &signature).is_ok());
            }
        }
        assert!(loose > 0, "there are such signatures");
    }

    #[test]
    fn a_signature_holds_for_its_use_only() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signature = key.sign("use", b"bytes");
        assert_eq!(verify(&key.public(), "use", b"bytes", &signature), Ok(()));
        assert_eq!(
            verify(&key.public(), "usf", b"bytes", &signature),
            Err(BadSignature)
        );
        assert_eq!(
            verify(&key.public(), "useb", b"ytes", &signature),
            Err(BadSignature)
        );
        assert_eq!(
            verify(&key.public(), "use", b"byte", &signature),
            Err(BadSignature)
        );
        let other = SigningKey::from_seed(&[2; 32]).public();
        assert_eq!(
            verify(&other, "use", b"bytes", &signature),
            Err(BadSignature)
        );
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                verify(&key.public(), "use", b"bytes", &changed),
                Err(BadSignature)
            );
        }
    }

    #[test]
    fn a_weak_key_signs_nothing() {
        // With the neutral element as key and R, and s = 0, a lenient check accepts any message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert_eq!(
            verify(&neutral, "use", b"anything", &signature),
            Err(BadSignature)
        );
    }

    #[test]
    fn a_box_opens_for_its_key_use_and_context_only() {
        let secret = SealingSecret::from_seed(&[1; 32]);
        let boxed = secret.public().seal(&mut rng(1), "use", b"aad", b"hello");
        assert_eq!(boxed.len(), 5 + BOX_OVERHEAD_BYTES);
        assert_eq!(
            **secret.open("use", b"aad", &boxed).as_ref().unwrap(),
            *b"hello"
        );
        assert_eq!(secret.open("usf", b"aad", &boxed), Err(OpenError));
        assert_eq!(secret.open("use", b"aae", &boxed), Err(OpenError));
        let other = SealingSecret::from_seed(&[2; 32]);
        assert_eq!(other.open("use", b"aad", &boxed), Err(OpenError));
        for length in [0, 1, ENCAPSULATION_BYTES, boxed.len() - 1] {
            assert_eq!(secret.open("use", b"aad", &boxed[..length]), Err(OpenError));
        }
        for at in (0..boxed.len())
            .step_by(7)
            .chain(boxed.len() - 21..boxed.len())
        {
            let mut changed = boxed.clone();
            changed[at] ^= 0x10;
            assert_eq!(
                secret.open("use", b"aad", &changed),
                Err(OpenError),
                "byte {at}"
            );
        }
    }

    #[test]
    fn what_is_no_sealing_key_is_refused() {
        let bytes = SealingSecret::from_seed(&[1; 32])
            .public()
            .as_bytes()
            .to_vec();
        assert!(SealingPublic::from_bytes(&bytes).is_ok());
        assert_eq!(SealingPublic::from_bytes(&bytes[1..]), Err(BadSealingKey));
        // Coefficients above the modulus of ML-KEM.
        assert_eq!(
            SealingPublic::from_bytes(&[0xff; SEALING_PUBLIC_BYTES]),
            Err(BadSealingKey)
        );
    }

    proptest! {
        #[test]
        fn a_sealing_key_is_read_if_and_only_if_the_library_reads_it(
            seed: [u8; 32],
            at in 0..SEALING_PUBLIC_BYTES - 1,
            changed in prop::sample::select(vec![[0x00, 0x0d], [0x01, 0x0d], [0x10, 0xd0], [0x00, 0xd0], [0xff, 0xff]]),
        ) {
            let mut bytes = SealingSecret::from_seed(&seed).public().as_bytes().to_vec();
            bytes[at..at + 2].copy_from_slice(&changed);
            let theirs = <XWing as Kem>::PublicKey::from_bytes(&bytes).is_ok();
            prop_assert_eq!(SealingPublic::from_bytes(&bytes).is_ok(), theirs);
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let key = Key::from_bytes([7; 32]);
        let shown = format!(
            "{key:?} {:?} {:?}",
            SigningKey::from_seed(&[7; 32]),
            SealingSecret::from_seed(&[7; 32])
        );
        assert_eq!(shown, "[redacted] [redacted] [redacted]");
    }
}
