//! A record with a signature, kept as received.
//!
//! What was signed are the bytes; they are read once, and hashed, stored and sent on as they
//! came. A [`Signed`] out of [`wire::decode`] is well formed but **not verified**: each kind
//! has its own `verify`, which knows who may sign it, and returns the record.

use std::fmt;

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use zeroize::Zeroizing;

use crate::crypto::{self, BadSignature, SigningKey};
use crate::wire::{self, STATEMENT_BYTES_MAX, WireError};

/// Returns how long a record of at most `bytes` is with its signature and the heads of both.
#[must_use]
pub const fn signed_bytes_max(bytes: usize) -> usize {
    let head = if bytes < 0x1_0000 { 3 } else { 5 };
    1 + head + bytes + 2 + 64
}

/// A kind of record that is signed.
pub trait Record:
    minicbor::Encode<()> + for<'b> minicbor::Decode<'b, ()> + Clone + fmt::Debug
{
    /// The domain of its signature.
    const DOMAIN: &'static str;
    /// How long it may be, in bytes, its signature not counted.
    const BYTES_MAX: usize = STATEMENT_BYTES_MAX;
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
        wire::decode(bytes, signed_bytes_max(T::BYTES_MAX))
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
        let record = wire::decode(bytes, T::BYTES_MAX)
            .map_err(|_| malformed("the signed record is malformed"))?;
        Ok(Self {
            bytes: bytes.to_vec(),
            signature,
            record,
        })
    }
}

/// Bytes that are secret and signed, and may be longer than a statement: what is inside a box. On
/// the wire `[bytes, signature]`, as a [`Signed`].
pub(crate) struct SignedSecret {
    bytes: Zeroizing<Vec<u8>>,
    signature: [u8; 64],
}

impl SignedSecret {
    /// Signs `bytes` for the use that `domain` names.
    pub(crate) fn sign(bytes: Zeroizing<Vec<u8>>, domain: &str, key: &SigningKey) -> Self {
        let signature = key.sign(domain, &bytes);
        Self { bytes, signature }
    }

    /// Returns the bytes that were signed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Checks that `public` signed this for the use that `domain` names.
    pub(crate) fn check(&self, public: &[u8; 32], domain: &str) -> Result<(), BadSignature> {
        crypto::verify(public, domain, &self.bytes, &self.signature)
    }
}

impl<C> minicbor::Encode<C> for SignedSecret {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.bytes(&self.bytes)?.bytes(&self.signature)?.ok()
    }
}

impl<'b, C> minicbor::Decode<'b, C> for SignedSecret {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        if d.array()? != Some(2) {
            return Err(decode::Error::message("what is signed has two fields").at(at));
        }
        let bytes = Zeroizing::new(d.bytes()?.to_vec());
        let signature = d
            .bytes()?
            .try_into()
            .map_err(|_| decode::Error::message("a signature has 64 bytes").at(at))?;
        Ok(Self { bytes, signature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::Statement;
    use crate::testing::{Someone, keeps_the_rules};

    fn signed() -> (Someone, Signed<Statement>) {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let (access, _) = ines.granted(ines.grant_to(&marc));
        let signed = access.statements().iter().next().unwrap().signed().clone();
        (ines, signed)
    }

    #[test]
    fn what_was_signed_is_kept_as_received() {
        let (_, signed) = signed();
        keeps_the_rules(&signed, signed_bytes_max(Statement::BYTES_MAX));
        let received: Signed<Statement> = Signed::decode(&signed.to_bytes()).unwrap();
        assert_eq!(received, signed);
        assert_eq!(received.signed_bytes(), wire::encode(signed.unverified()));
    }

    #[test]
    fn another_spelling_inside_is_refused_although_signed() {
        let (ines, signed) = signed();
        let mut bytes = signed.bytes;
        assert_eq!(bytes[..2], [0x87, 0x01]);
        bytes.splice(1..2, [0x18, 0x01]);
        let signature = ines.device.sign(Statement::DOMAIN, &bytes);
        let signed = Signed {
            bytes,
            signature,
            record: signed.record,
        };
        let got = Signed::<Statement>::decode(&signed.to_bytes());
        assert!(matches!(got, Err(WireError::Malformed { .. })), "{got:?}");
    }

    #[test]
    fn one_byte_more_than_a_record_is_refused() {
        let (_, signed) = signed();
        let decode = |length| {
            let signed = Signed {
                bytes: vec![0; length],
                signature: [0; 64],
                record: signed.record.clone(),
            };
            Signed::<Statement>::decode(&signed.to_bytes()).unwrap_err()
        };
        let full = decode(Statement::BYTES_MAX);
        assert!(
            matches!(full, WireError::Malformed { .. }),
            "read, but no statement: {full:?}"
        );
        let max = signed_bytes_max(Statement::BYTES_MAX);
        assert_eq!(
            decode(Statement::BYTES_MAX + 1),
            WireError::TooLong { got: max + 1, max }
        );
    }
}
