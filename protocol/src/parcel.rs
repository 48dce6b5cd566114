//! What is put into a person's hands: grants with their keys, new keys, the news of an end.
//!
//! A parcel is sealed to one sealing key and signed inside by the device that sends it. The
//! signature covers the person and the sealing key that it is for: a reader who passes it on
//! cannot make it look as if it had been sent to somebody else.
//!
//! ```text
//! parcel = HPKE box, aad = id of the reader's person, of:
//! signed = [letter bytes, signature by the sending device]
//! letter = [1, from person, from device, to person, id of the sealing key, body]
//! ```

use minicbor::decode::{self, Decoder};
use minicbor::encode::{self, Encoder, Write};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::crypto::{
    self, BOX_OVERHEAD_BYTES, OpenError, SealingPublic, SealingSecret, SigningKey, domain,
};
use crate::generation::{PartKey, PartKeyError};
use crate::grant::{GrantError, SignedGrant, SignedRevocation};
use crate::id::{DeviceId, PersonId, SliceId};
use crate::principal::Authority;
use crate::slice::SliceCharter;
use crate::time::Timestamp;
use crate::wire::{self, FRAME_BYTES_MAX, V1, WireError};

/// Most keys of one parcel; a longer history goes in several.
pub const KEYS_MAX: usize = 512;
/// Longest parcel: a frame, less what the session puts around it.
pub const PARCEL_BYTES_MAX: usize = FRAME_BYTES_MAX - 4096;

/// What a parcel says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
#[expect(
    clippy::large_enum_variant,
    reason = "few at a time, and most are shares"
)]
pub enum ParcelBody {
    /// Here is a slice for you.
    #[n(0)]
    Share {
        /// The grant.
        #[n(0)]
        grant: SignedGrant,
        /// How the slice begins.
        #[n(1)]
        slice: SliceCharter,
        /// The keys of the granted parts, so far.
        #[n(2)]
        #[cbor(decode_with = "wire::list::<Ctx, PartKey, KEYS_MAX>")]
        keys: Vec<PartKey>,
    },
    /// More keys of a slice that you may read.
    #[n(1)]
    Keys {
        /// Which slice.
        #[n(0)]
        slice: SliceId,
        /// The keys.
        #[n(1)]
        #[cbor(decode_with = "wire::list::<Ctx, PartKey, KEYS_MAX>")]
        keys: Vec<PartKey>,
    },
    /// A grant has ended.
    #[n(2)]
    End {
        /// The end.
        #[n(0)]
        revocation: SignedRevocation,
    },
}

/// What the sending device signs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Letter {
    #[n(0)]
    version: V1,
    #[n(1)]
    from_person: PersonId,
    #[n(2)]
    from_device: DeviceId,
    #[n(3)]
    to_person: PersonId,
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    to_sealing: [u8; 32],
    #[n(5)]
    body: ParcelBody,
}

/// The letter's bytes and signature. Not a [`Signed`](crate::signed::Signed): a letter may be
/// longer than a statement.
struct SignedLetter {
    bytes: Zeroizing<Vec<u8>>,
    signature: [u8; 64],
}

impl<C> Encode<C> for SignedLetter {
    fn encode<W: Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        e.array(2)?.bytes(&self.bytes)?.bytes(&self.signature)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SignedLetter {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        let at = d.position();
        if d.array()? != Some(2) {
            return Err(decode::Error::message("a signed letter has two fields").at(at));
        }
        let bytes = Zeroizing::new(d.bytes()?.to_vec());
        let signature = d
            .bytes()?
            .try_into()
            .map_err(|_| decode::Error::message("a signature has 64 bytes").at(at))?;
        Ok(Self { bytes, signature })
    }
}

fn sealing_key_id(key: &SealingPublic) -> [u8; 32] {
    crypto::hash(domain::SEALING_KEY_ID, &[key.as_bytes()])
}

/// More than one parcel holds: split the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParcelSealError {
    /// Too many keys.
    #[error("{got} keys, more than the {KEYS_MAX} of one parcel")]
    Keys {
        /// How many there are.
        got: usize,
    },
    /// Too many bytes.
    #[error("a parcel of {got} bytes, more than the {PARCEL_BYTES_MAX} allowed")]
    TooLong {
        /// How many there would be.
        got: usize,
    },
}

/// Why a parcel was refused. Whoever sent it is at fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParcelError {
    /// Longer than a parcel may be; nothing was read.
    #[error("{got} bytes, more than the {PARCEL_BYTES_MAX} allowed")]
    TooLong {
        /// How many there are.
        got: usize,
    },
    /// It is not for this key, or was changed.
    #[error("does not open")]
    Open(#[from] OpenError),
    /// What was inside is not a parcel in canonical form.
    #[error("not readable")]
    Wire(#[from] WireError),
    /// It was written for another person or key, and sealed again for this one.
    #[error("the parcel was written for somebody else")]
    OtherReader,
    /// The authority given is not the sender's.
    #[error("the sender is {got}, not {expected}")]
    OtherSender {
        /// Whose authority was given.
        expected: PersonId,
        /// Who claims to have sent it.
        got: PersonId,
    },
    /// The device does not speak for the sender.
    #[error("{0} does not speak for the sender")]
    Device(DeviceId),
    /// The signature does not hold.
    #[error("signature does not hold")]
    Signature,
}

/// Makes parcels.
#[derive(Clone, Copy, Debug)]
pub enum Parcel {}

impl Parcel {
    /// Signs `body` by the device `sender` and seals it to `to`, a sealing key of `to_person`.
    ///
    /// # Errors
    /// [`ParcelSealError`] if it is too much for one parcel.
    pub fn seal(
        rng: &mut impl CryptoRng,
        sender: &SigningKey,
        sender_person: PersonId,
        to_person: PersonId,
        to: &SealingPublic,
        body: &ParcelBody,
    ) -> Result<Vec<u8>, ParcelSealError> {
        match body {
            ParcelBody::Share { keys, .. } | ParcelBody::Keys { keys, .. }
                if keys.len() > KEYS_MAX =>
            {
                return Err(ParcelSealError::Keys { got: keys.len() });
            }
            ParcelBody::Share { .. } | ParcelBody::Keys { .. } | ParcelBody::End { .. } => {}
        }
        let letter = Letter {
            version: V1,
            from_person: sender_person,
            from_device: DeviceId::from_bytes(sender.public()),
            to_person,
            to_sealing: sealing_key_id(to),
            body: body.clone(),
        };
        let bytes = Zeroizing::new(wire::encode(&letter));
        let signature = sender.sign(domain::LETTER, &bytes);
        let signed = Zeroizing::new(wire::encode(&SignedLetter { bytes, signature }));
        let got = signed.len() + BOX_OVERHEAD_BYTES;
        if got > PARCEL_BYTES_MAX {
            return Err(ParcelSealError::TooLong { got });
        }
        Ok(to.seal(rng, domain::PARCEL, to_person.as_bytes(), &signed))
    }
}

/// Opens a parcel for `me` with one of my sealing keys; who sent it is only claimed as yet.
///
/// # Errors
/// [`ParcelError`].
pub fn open(
    bytes: &[u8],
    me: PersonId,
    secret: &SealingSecret,
) -> Result<OpenedUnverified, ParcelError> {
    if bytes.len() > PARCEL_BYTES_MAX {
        return Err(ParcelError::TooLong { got: bytes.len() });
    }
    let inside = secret.open(domain::PARCEL, me.as_bytes(), bytes)?;
    let signed: SignedLetter = wire::decode(&inside, PARCEL_BYTES_MAX)?;
    let letter: Letter = wire::decode(&signed.bytes, PARCEL_BYTES_MAX)?;
    if letter.to_person != me || letter.to_sealing != sealing_key_id(&secret.public()) {
        return Err(ParcelError::OtherReader);
    }
    Ok(OpenedUnverified {
        sender_person: letter.from_person,
        sender_device: letter.from_device,
        signed,
        body: letter.body,
    })
}

/// A parcel that opened, from somebody who claims to be `sender_person`.
pub struct OpenedUnverified {
    /// Who claims to send it.
    pub sender_person: PersonId,
    /// By which of their devices.
    pub sender_device: DeviceId,
    signed: SignedLetter,
    body: ParcelBody,
}

impl OpenedUnverified {
    /// Checks that a device of the claimed sender signed this for me.
    ///
    /// Grants, keys and revocations inside are not checked by this.
    ///
    /// # Errors
    /// [`ParcelError`].
    pub fn verify(self, sender: &Authority) -> Result<ParcelBody, ParcelError> {
        if sender.person() != self.sender_person {
            return Err(ParcelError::OtherSender {
                expected: sender.person(),
                got: self.sender_person,
            });
        }
        if sender.device(&self.sender_device).is_none() {
            return Err(ParcelError::Device(self.sender_device));
        }
        let device = self.sender_device.as_bytes();
        crypto::verify(
            device,
            domain::LETTER,
            &self.signed.bytes,
            &self.signed.signature,
        )
        .map_err(|_| ParcelError::Signature)?;
        Ok(self.body)
    }
}

impl std::fmt::Debug for OpenedUnverified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenedUnverified")
            .field("sender_person", &self.sender_person)
            .field("sender_device", &self.sender_device)
            .finish_non_exhaustive()
    }
}

/// Why what a parcel holds was refused, though its sender is who they say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentsError {
    /// The grant does not hold.
    #[error("the grant does not hold")]
    Grant(#[from] GrantError),
    /// The grant is for somebody else.
    #[error("the grant is for {0}")]
    OtherAudience(PersonId),
    /// The charter is not of the granted slice or not of its owner.
    #[error("the slice is not the one granted")]
    OtherSlice,
    /// A key does not hold.
    #[error("key {index} does not hold")]
    Key {
        /// Which key.
        index: usize,
        /// Why.
        #[source]
        error: PartKeyError,
    },
    /// A key of another slice, or of a part that was not granted.
    #[error("key {index} is not of the granted parts")]
    OtherPart {
        /// Which key.
        index: usize,
    },
}

/// Checks everything in a [`ParcelBody::Share`]: that `owner` gives `me` this slice, with its keys.
///
/// # Errors
/// [`ContentsError`].
pub fn verify_share(
    grant: &SignedGrant,
    slice: &SliceCharter,
    keys: &[PartKey],
    owner: &Authority,
    me: PersonId,
    now: Timestamp,
) -> Result<(), ContentsError> {
    let granted = grant.verify(owner, now)?;
    if granted.audience != me {
        return Err(ContentsError::OtherAudience(granted.audience));
    }
    if slice.owner != granted.owner || slice.id() != granted.slice {
        return Err(ContentsError::OtherSlice);
    }
    verify_keys(keys, granted.slice, &granted.parts, owner)
}

/// Checks keys that came for a slice of `owner` of which `parts` are granted.
///
/// # Errors
/// [`ContentsError::Key`] or [`ContentsError::OtherPart`].
pub fn verify_keys(
    keys: &[PartKey],
    slice: SliceId,
    parts: &crate::slice::PartRange,
    owner: &Authority,
) -> Result<(), ContentsError> {
    for (index, key) in keys.iter().enumerate() {
        let record = key
            .verify(owner)
            .map_err(|error| ContentsError::Key { index, error })?;
        if record.slice != slice || !parts.contains(record.part) {
            return Err(ContentsError::OtherPart { index });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{LogTip, UnverifiedEntry};
    use crate::principal::UnverifiedAuthority;
    use crate::testing::{NOW, Someone, rng};

    #[test]
    fn a_share_reaches_its_reader_and_opens_the_entries() {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let key = ines.part_key(3, 1);
        let entries = ines.entries(&key, &[b"first", b"second"]);
        let body = ParcelBody::Share {
            grant: ines.signed_grant_to(&marc),
            slice: ines.slice(),
            keys: vec![key],
        };
        let to = marc.sealing.public();
        let parcel =
            Parcel::seal(&mut rng(7), &ines.device, ines.id(), marc.id(), &to, &body).unwrap();

        let authority = UnverifiedAuthority::decode(&ines.authority.to_bytes())
            .unwrap()
            .verify(ines.id());
        let authority = authority.unwrap();
        let opened = open(&parcel, marc.id(), &marc.sealing).unwrap();
        assert_eq!(opened.sender_person, ines.id());
        let received = opened.verify(&authority).unwrap();
        assert_eq!(received, body);
        let ParcelBody::Share { grant, slice, keys } = received else {
            unreachable!()
        };
        verify_share(&grant, &slice, &keys, &authority, marc.id(), NOW).unwrap();

        let mut tip = LogTip::START;
        for (entry, content) in entries.iter().zip([b"first".as_slice(), b"second"]) {
            let arrived = UnverifiedEntry::decode(&entry.to_bytes())
                .unwrap()
                .verify(&tip)
                .unwrap();
            assert_eq!(arrived.open(&keys[0].key).unwrap().content, content);
            tip = arrived.tip_after();
        }
    }
}
