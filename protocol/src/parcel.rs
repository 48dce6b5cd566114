//! What is put into a person's hands: grants with their keys, new keys, news of a renewal or an end.
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

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::crypto::{
    BOX_OVERHEAD_BYTES, OpenError, SealingPublic, SealingSecret, SigningKey, domain,
};
use crate::evaluation::Directory;
use crate::generation::{PartKey, PartKeyError};
use crate::grant::{Audience, GrantError};
use crate::id::{DeviceId, GrantId, KeyId, PersonId, SliceId};
use crate::principal::Authority;
use crate::signed::SignedSecret;
use crate::slice::{Access, AccessError, Owner, PartNumber, UnverifiedAccess};
use crate::time::Timestamp;
use crate::wire::{self, FRAME_BYTES_MAX, V1, WireError};

/// Most keys of one parcel; a longer history goes in several.
pub const KEYS_MAX: usize = 512;
/// Longest content of a parcel of a reserved kind: it fits an entry of a mailbox.
pub const MATTER_BYTES_MAX: usize = 60 * 1024;
/// Longest parcel: a frame, less what the session puts around it.
pub const PARCEL_BYTES_MAX: usize = FRAME_BYTES_MAX - 4096;

/// What a parcel says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum ParcelBody {
    /// Here is a slice for you, or what was said about it since: that the grant was renewed, or has ended.
    #[n(0)]
    Share {
        /// By this grant.
        #[n(0)]
        grant: GrantId,
        /// How the slice begins, and what was said about it: that grant, and all that it cites.
        #[n(1)]
        access: UnverifiedAccess,
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
    /// Will you join? Reserved, as all that follow: the bytes stand, nothing reads the content yet.
    #[n(2)]
    Invite(#[n(0)] Matter),
    /// May I have this, or take part?
    #[n(3)]
    Request(#[n(0)] Matter),
    /// My shares for a collective computation.
    #[n(4)]
    Contribution(#[n(0)] Matter),
    /// I have received what you sent.
    #[n(5)]
    Receipt(#[n(0)] Matter),
    /// Here are data about you that I hold.
    #[n(6)]
    Deliver(#[n(0)] Matter),
    /// Something that you should know.
    #[n(7)]
    Notice(#[n(0)] Matter),
}

/// What a parcel of a reserved kind holds: the form of its content comes with its first use.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Matter {
    /// Which circle, slice, campaign or parcel it is about.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub about: [u8; 32],
    /// The rest.
    #[n(1)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, MATTER_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub content: Vec<u8>,
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
    to_sealing: KeyId,
    #[n(5)]
    body: ParcelBody,
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
            ParcelBody::Share { .. }
            | ParcelBody::Keys { .. }
            | ParcelBody::Invite(_)
            | ParcelBody::Request(_)
            | ParcelBody::Contribution(_)
            | ParcelBody::Receipt(_)
            | ParcelBody::Deliver(_)
            | ParcelBody::Notice(_) => {}
        }
        let letter = Letter {
            version: V1,
            from_person: sender_person,
            from_device: DeviceId::from_bytes(sender.public()),
            to_person,
            to_sealing: to.id(),
            body: body.clone(),
        };
        let bytes = Zeroizing::new(wire::encode(&letter));
        let signed = SignedSecret::sign(bytes, domain::LETTER, sender);
        let signed = Zeroizing::new(wire::encode(&signed));
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
    let signed: SignedSecret = wire::decode(&inside, PARCEL_BYTES_MAX)?;
    let letter: Letter = wire::decode(signed.bytes(), PARCEL_BYTES_MAX)?;
    if letter.to_person != me || letter.to_sealing != secret.public().id() {
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
    signed: SignedSecret,
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
        self.signed
            .check(device, domain::LETTER)
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
    /// What is said about the slice does not hold.
    #[error("what is said about the slice does not hold")]
    Access(#[from] AccessError),
    /// The grant does not hold.
    #[error("the grant does not hold")]
    Grant(#[from] GrantError),
    /// The grant is for somebody else.
    #[error("the grant is for {0:?}")]
    OtherAudience(Audience),
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
/// Returns what was said about the slice.
///
/// # Errors
/// [`ContentsError`]. Time is judged when all but the keys has been found to hold: see
/// [`Access::allowed_at`].
pub fn verify_share(
    grant: GrantId,
    access: UnverifiedAccess,
    keys: &[PartKey],
    owner: &Authority,
    me: PersonId,
    directory: &impl Directory,
    now: Timestamp,
) -> Result<Access, ContentsError> {
    let slice = access.charter().id();
    let access = access.verify(slice, Owner::Person(owner), directory)?;
    let audience = access.allowed(&grant)?.audience;
    if audience != Audience::Person(me) {
        return Err(ContentsError::OtherAudience(audience));
    }
    let granted = access.allowed_at(&grant, now)?;
    verify_keys(keys, slice, |part| granted.parts.contains(part), owner)?;
    Ok(access)
}

/// Checks keys that came for a slice of `owner` of which `granted` tells the parts.
///
/// Costs one signature check a key, and none for a key of other parts.
///
/// # Errors
/// [`ContentsError::Key`] or [`ContentsError::OtherPart`].
pub fn verify_keys(
    keys: &[PartKey],
    slice: SliceId,
    granted: impl Fn(PartNumber) -> bool,
    owner: &Authority,
) -> Result<(), ContentsError> {
    for (index, key) in keys.iter().enumerate() {
        let claimed = key.record.unverified();
        if claimed.slice != slice || !granted(claimed.part) {
            return Err(ContentsError::OtherPart { index });
        }
        key.verify(owner)
            .map_err(|error| ContentsError::Key { index, error })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{LogTip, UnverifiedEntry};
    use crate::principal::UnverifiedAuthority;
    use crate::slice::{OwnerId, SliceCharter};
    use crate::testing::{NOW, Someone, keeps_the_rules, rng};

    #[test]
    fn a_share_reaches_its_reader_and_opens_the_entries() {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let key = ines.part_key(3, 1);
        let entries = ines.entries(&key, &[b"first", b"second"]);
        let (access, grant) = ines.granted(ines.grant_to(&marc));
        let body = ParcelBody::Share {
            grant,
            access: access.to_unverified(),
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
        let ParcelBody::Share {
            grant,
            access: unverified,
            keys,
        } = received
        else {
            unreachable!()
        };
        let got = verify_share(grant, unverified, &keys, &authority, marc.id(), &(), NOW);
        assert_eq!(got, Ok(access));

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

    fn keys(ines: &Someone, count: usize) -> ParcelBody {
        let keys = (0..count)
            .map(|seed| ines.part_key(3, seed as u64))
            .collect();
        ParcelBody::Keys {
            slice: ines.slice().id(),
            keys,
        }
    }

    fn seal(from: &Someone, to: &Someone, body: &ParcelBody) -> Vec<u8> {
        let sealing = to.sealing.public();
        Parcel::seal(
            &mut rng(7),
            &from.device,
            from.id(),
            to.id(),
            &sealing,
            body,
        )
        .unwrap()
    }

    fn letter(ines: &Someone, marc: &Someone, body: ParcelBody) -> Letter {
        Letter {
            version: V1,
            from_person: ines.id(),
            from_device: DeviceId::from_bytes(ines.device.public()),
            to_person: marc.id(),
            to_sealing: marc.sealing.public().id(),
            body,
        }
    }

    #[test]
    fn a_letter_keeps_the_rules_of_the_wire() {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let (access, grant) = ines.granted(ines.grant_to(&marc));
        let key = ines.part_key(3, 1);
        let matter = Matter {
            about: [1; 32],
            content: vec![2; 3],
        };
        let bodies = [
            ParcelBody::Share {
                grant,
                access: access.to_unverified(),
                keys: vec![key],
            },
            keys(&ines, 2),
            ParcelBody::Invite(matter.clone()),
            ParcelBody::Notice(matter),
        ];
        for body in bodies {
            let letter = letter(&ines, &marc, body.clone());
            keeps_the_rules(&letter, PARCEL_BYTES_MAX);
            let bytes = wire::encode(&letter).into();
            let signed = SignedSecret::sign(bytes, domain::LETTER, &ines.device);
            keeps_the_rules(&signed, PARCEL_BYTES_MAX);
            let parcel = seal(&ines, &marc, &body);
            let opened = open(&parcel, marc.id(), &marc.sealing).unwrap();
            assert_eq!(opened.verify(&ines.authority), Ok(body));
        }
    }

    #[test]
    fn a_parcel_is_for_one_person_and_one_key() {
        let (ines, marc, zoe) = (Someone::new(1), Someone::new(2), Someone::new(3));
        let parcel = seal(&ines, &marc, &keys(&ines, 1));
        let refused = |me: &Someone, secret: &Someone| {
            open(&parcel, me.id(), &secret.sealing)
                .map(|_| ())
                .unwrap_err()
        };
        assert_eq!(refused(&zoe, &zoe), ParcelError::Open(OpenError));
        assert_eq!(refused(&zoe, &marc), ParcelError::Open(OpenError));
        assert_eq!(refused(&marc, &zoe), ParcelError::Open(OpenError));
        for at in (0..parcel.len()).step_by(11) {
            let mut changed = parcel.clone();
            changed[at] ^= 1;
            assert!(open(&changed, marc.id(), &marc.sealing).is_err());
        }
    }

    #[test]
    fn a_reader_cannot_pass_a_parcel_off_as_sent_to_another() {
        let (ines, marc, zoe) = (Someone::new(1), Someone::new(2), Someone::new(3));
        let parcel = seal(&ines, &marc, &keys(&ines, 1));
        let inside = marc
            .sealing
            .open(domain::PARCEL, marc.id().as_bytes(), &parcel)
            .unwrap();
        let forwarded =
            zoe.sealing
                .public()
                .seal(&mut rng(8), domain::PARCEL, zoe.id().as_bytes(), &inside);
        let got = open(&forwarded, zoe.id(), &zoe.sealing).map(|_| ());
        assert_eq!(got, Err(ParcelError::OtherReader));
    }

    #[test]
    fn a_parcel_is_from_who_signed_it() {
        let (ines, marc, zoe) = (Someone::new(1), Someone::new(2), Someone::new(3));
        let sealed_by = |device: &SigningKey, person: &Someone| {
            let to = marc.sealing.public();
            let body = keys(&ines, 1);
            let parcel =
                Parcel::seal(&mut rng(7), device, person.id(), marc.id(), &to, &body).unwrap();
            open(&parcel, marc.id(), &marc.sealing).unwrap()
        };
        // Zoé, who knows Inès's device, writes in her name.
        let got = sealed_by(&zoe.device, &ines).verify(&ines.authority);
        let device = DeviceId::from_bytes(zoe.device.public());
        assert_eq!(got, Err(ParcelError::Device(device)));
        let other = ParcelError::OtherSender {
            expected: zoe.id(),
            got: ines.id(),
        };
        assert_eq!(
            sealed_by(&ines.device, &ines).verify(&zoe.authority),
            Err(other)
        );

        let letter = wire::encode(&letter(&ines, &marc, keys(&ines, 1)));
        let signed = SignedSecret::sign(letter.into(), domain::LETTER, &zoe.device);
        let signed = wire::encode(&signed);
        let me = marc.id();
        let to = marc.sealing.public();
        let forged = to.seal(&mut rng(8), domain::PARCEL, me.as_bytes(), &signed);
        let got = open(&forged, me, &marc.sealing)
            .unwrap()
            .verify(&ines.authority);
        assert_eq!(got, Err(ParcelError::Signature));
    }

    #[test]
    fn a_full_parcel_travels_and_one_key_more_does_not() {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let full = keys(&ines, KEYS_MAX);
        let parcel = seal(&ines, &marc, &full);
        assert!(open(&parcel, marc.id(), &marc.sealing).is_ok());
        let over = keys(&ines, KEYS_MAX + 1);
        let to = marc.sealing.public();
        let got = Parcel::seal(&mut rng(7), &ines.device, ines.id(), marc.id(), &to, &over);
        assert_eq!(got, Err(ParcelSealError::Keys { got: KEYS_MAX + 1 }));
        let letter = wire::encode(&letter(&ines, &marc, over));
        let got = wire::decode::<Letter>(&letter, PARCEL_BYTES_MAX);
        assert!(matches!(got, Err(WireError::Malformed { .. })));
        let got = open(&vec![0; PARCEL_BYTES_MAX + 1], marc.id(), &marc.sealing).map(|_| ());
        assert_eq!(
            got,
            Err(ParcelError::TooLong {
                got: PARCEL_BYTES_MAX + 1
            })
        );
    }

    #[test]
    fn the_widest_keys_still_fit_one_parcel() {
        // As many keys as there may be, each after as many parents as there may be, from as large
        // a batch as there may be, for as many audiences as there may be.
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let key = crate::generation::widest(&ines);
        assert_eq!(key.verify(&ines.authority).err(), None);
        let (access, grant) = ines.granted(ines.grant_to(&marc));
        let body = ParcelBody::Share {
            grant,
            access: access.to_unverified(),
            keys: vec![key; KEYS_MAX],
        };
        let parcel = seal(&ines, &marc, &body);
        assert!(parcel.len() <= PARCEL_BYTES_MAX);
    }

    #[test]
    fn a_share_holds_only_as_a_whole() {
        let (ines, marc, zoe) = (Someone::new(1), Someone::new(2), Someone::new(3));
        let (access, grant) = ines.granted(ines.grant_to(&marc));
        let check = |keys: &[PartKey], me: &Someone| {
            let access = access.to_unverified();
            verify_share(grant, access, keys, &ines.authority, me.id(), &(), NOW).map(|_| ())
        };
        let good = [ines.part_key(3, 1), ines.part_key(4, 2)];
        assert_eq!(check(&good, &marc), Ok(()));
        assert_eq!(
            check(&good, &zoe),
            Err(ContentsError::OtherAudience(Audience::Person(marc.id())))
        );
        // Another person's slice cannot be made to look like hers.
        let hers = SliceCharter {
            owner: OwnerId::Person(zoe.id()),
            control: zoe.slice().control,
            ..ines.slice()
        };
        let theirs = Access::begin(hers, Owner::Person(&zoe.authority), &()).unwrap();
        let theirs = theirs.to_unverified();
        let got = verify_share(grant, theirs, &good, &ines.authority, marc.id(), &(), NOW);
        assert_eq!(got, Err(ContentsError::Access(AccessError::OtherOwner)));

        let before = [ines.part_key(2, 1)];
        let refused = ContentsError::OtherPart { index: 0 };
        assert_eq!(check(&before, &marc), Err(refused));
        let swapped = PartKey {
            key: good[1].key.clone(),
            ..good[0].clone()
        };
        let refused = ContentsError::Key {
            index: 0,
            error: PartKeyError::Commit,
        };
        assert_eq!(check(&[swapped], &marc), Err(refused));
        let elsewhere = SliceId::from_bytes([1; 32]);
        let got = verify_keys(&good, elsewhere, |_| true, &ines.authority);
        assert_eq!(got, Err(ContentsError::OtherPart { index: 0 }));
    }
}
