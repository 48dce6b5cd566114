//! A record with a signature, kept as received.
//!
//! What was signed are the bytes; they are read once, and hashed, stored and sent on as they
//! came. A [`Signed`] out of [`wire::decode`] is well formed but **not verified**: each kind
//! has its own `verify`, which knows who may sign it, and returns the record.

use std::fmt;

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};

use crate::crypto::{self, BadSignature, SigningKey};
use crate::wire::{self, STATEMENT_BYTES_MAX, WireError};

/// A kind of record that is signed.
pub trait Record:
    minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + Clone + fmt::Debug
{
    /// The domain of its signature.
    const DOMAIN: &'static str;
}

/// A record as its signer wrote it, and the signature. On the wire: `[bytes, signature]`.
#[derive(Clone)]
pub struct Signed<T> {
    bytes: Vec<u8>,
    signature: [u8; 64],
    record: T,
}

impl<T: Record> Signed<T> {
    /// Encodes `record` once and signs those bytes.
    #[must_use]
    pub fn sign(record: T, key: &SigningKey) -> Self {
        let bytes = wire::encode(&record);
        let signature = key.sign(T::DOMAIN, &bytes);
        Self {
            bytes,
            signature,
            record,
        }
    }

    /// Reads a record and its signature; verifies nothing.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are not one such record in canonical form.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        // 80: the array, two lengths and the signature around the record.
        wire::decode(bytes, STATEMENT_BYTES_MAX + 80)
    }

    /// Returns the record and its signature as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Returns the bytes that were signed.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns what the record claims, whoever wrote it.
    #[must_use]
    pub const fn unverified(&self) -> &T {
        &self.record
    }

    /// Checks that `public` signed this; whether that key may is the caller's question.
    pub(crate) fn check(&self, public: &[u8; 32]) -> Result<&T, BadSignature> {
        crypto::verify(public, T::DOMAIN, &self.bytes, &self.signature)?;
        Ok(&self.record)
    }
}

impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes && self.signature == other.signature
    }
}

impl<T> Eq for Signed<T> {}

impl<T: fmt::Debug> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signed").field(&self.record).finish()
    }
}

impl<C, T> minicbor::Encode<C> for Signed<T> {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.bytes(&self.bytes)?.bytes(&self.signature)?.ok()
    }
}

impl<'b, C, T: Record> minicbor::Decode<'b, C> for Signed<T> {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        let malformed = |what: &'static str| decode::Error::message(what).at(at);
        if d.array()? != Some(2) {
            return Err(malformed("a signed record has two fields"));
        }
        let bytes = d.bytes()?;
        let signature = d
            .bytes()?
            .try_into()
            .map_err(|_| malformed("a signature has 64 bytes"))?;
        let record = wire::decode(bytes, STATEMENT_BYTES_MAX)
            .map_err(|_| malformed("the signed record is malformed"))?;
        Ok(Self {
            bytes: bytes.to_vec(),
            signature,
            record,
        })
    }
}
