//! How a person whose devices are all gone finds everything again, with the words on paper.
//!
//! The words yield, beside the root and recovery keys, a [`RecoveryPart`]: where to look, and the
//! key that entitles to look there. Every device and relay of the person holds what lies there:
//! recovery boxes, each made by a device after its ring rotated. A box is sealed to the recovery
//! key of the charter and holds a [`RecoveryNote`]: the ring key, which opens everything else, and
//! where the authority is found.
//!
//! ```text
//! box    = HPKE box, aad = id of the recovery part, of:
//! signed = [note bytes, signature by the device]
//! note   = [1, person, membership, device, serial, ring generation, R,
//!           authority slice, its read key, [access key...], [address...]]
//! ```
//!
//! The note is believed in two steps, since the person who has nothing but the words does not even
//! know their own id. [`open`] gives what it claims; with that the authority is fetched, and
//! [`OpenedRecovery::verify`] checks that this authority stands on the root key *of the words* and
//! that the note is by one of its devices. The recovery key alone would not do: whoever saw the
//! charter can seal to it, and put its public half in a charter of their own.
//!
//! **What does not hold.** A carrier can withhold the newest box and show an older one. Ask several.

use minicbor::{Decode, Encode};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::crypto::{self, Key, OpenError, SealingPublic, SigningKey, domain};
use crate::evaluation::Who;
use crate::generation::AccessKey;
use crate::id::{DeviceId, KeyId, MembershipId, PersonId, SliceId};
use crate::principal::Authority;
use crate::principal::phrase::PhraseKeys;
use crate::ring::RingKey;
use crate::signed::SignedSecret;
use crate::wire::{self, V1, WireError};

/// Most access keys in a note: the parts that a person without devices fetches first. The ring key
/// opens the register of all others.
pub const ACCESS_MAX: usize = 1024;
/// Most addresses in a note: relays and devices.
pub const ADDRESSES_MAX: usize = 16;
/// Longest address, as on a card.
pub const ADDRESS_BYTES_MAX: usize = 128;
/// Longest recovery box: 35 KB of access keys, 2 KB of addresses and the rest.
pub const RECOVERY_BYTES_MAX: usize = 40 * 1024;

/// Where recovery boxes lie. From the words; devices keep it too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryPart {
    /// The id of the part. Tells nothing of the words or of the person.
    pub id: [u8; 32],
    /// Entitles to what lies there.
    pub access: AccessKey,
}

impl RecoveryPart {
    /// Returns the part of the seed that the words encode, of whatever length.
    #[must_use]
    pub fn of_phrase(seed: &[u8]) -> Self {
        let access = crypto::hash(domain::RECOVERY_ACCESS, &[seed]);
        Self {
            id: crypto::hash(domain::RECOVERY_PART, &[seed]),
            access: AccessKey::new(Key::from_bytes(access)),
        }
    }
}

/// What a device leaves for the day when there is none.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RecoveryNote {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// Whose it is.
    #[n(1)]
    pub person: PersonId,
    /// The admission by which the device speaks.
    #[n(2)]
    pub membership: MembershipId,
    /// Which device wrote this.
    #[n(3)]
    pub device: DeviceId,
    /// The highest wins: one more than the highest that the device knew.
    #[n(4)]
    pub serial: u64,
    /// Which ring generation the key is of.
    #[n(5)]
    pub ring: KeyId,
    /// The ring key. The authority names its commitment.
    #[n(6)]
    pub ring_key: RingKey,
    /// The slice that holds the authority.
    #[n(7)]
    pub authority: SliceId,
    /// What opens it.
    #[n(8)]
    pub authority_key: Key,
    /// Entitles to the person's parts.
    #[n(9)]
    #[cbor(decode_with = "wire::list::<Ctx, AccessKey, ACCESS_MAX>")]
    pub access: Vec<AccessKey>,
    /// Where relays and devices are met.
    #[n(10)]
    #[cbor(decode_with = "wire::list::<Ctx, Address, ADDRESSES_MAX>")]
    pub addresses: Vec<Address>,
}

/// Where somebody is met: multiaddr text.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Address(
    #[n(0)]
    #[cbor(decode_with = "wire::text::<Ctx, ADDRESS_BYTES_MAX>")]
    pub String,
);

/// More than a note holds. The caller's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverySealError {
    /// Too many access keys.
    #[error("{got} access keys, more than the {ACCESS_MAX} allowed")]
    Access {
        /// How many there are.
        got: usize,
    },
    /// Too many addresses.
    #[error("{got} addresses, more than the {ADDRESSES_MAX} allowed")]
    Addresses {
        /// How many there are.
        got: usize,
    },
    /// An address that is too long.
    #[error("an address of {got} bytes, more than the {ADDRESS_BYTES_MAX} allowed")]
    Address {
        /// How many bytes it has.
        got: usize,
    },
    /// The note names another device than the one that signs.
    #[error("the note is by {0}, who is not the one to sign it")]
    Device(DeviceId),
}

/// Why a recovery box was refused. Whoever carried it is at fault, or made it up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// Longer than such a box may be; nothing was read.
    #[error("{got} bytes, more than the {RECOVERY_BYTES_MAX} allowed")]
    TooLong {
        /// How many there are.
        got: usize,
    },
    /// Other words, another part, or changed bytes.
    #[error("does not open with these words")]
    Open(#[from] OpenError),
    /// What was inside is not a note in canonical form.
    #[error("not readable")]
    Wire(#[from] WireError),
    /// The authority is another person's than the note says.
    #[error("the note is about {got}, not about {expected}")]
    OtherPerson {
        /// Whose authority was given.
        expected: PersonId,
        /// Whom the note is about.
        got: PersonId,
    },
    /// The authority does not stand on the keys of the words.
    #[error("{0} was not founded with these words")]
    OtherWords(PersonId),
    /// The device does not speak for the person, by the admission that it names.
    #[error("{0} does not speak for the person")]
    Device(DeviceId),
    /// The signature does not hold.
    #[error("signature does not hold")]
    Signature,
}

impl RecoveryNote {
    /// Signs the note by the device that it names, and seals it to the recovery key of the charter,
    /// for the recovery part with the id `part`.
    ///
    /// # Errors
    /// [`RecoverySealError`].
    pub fn seal(
        &self,
        rng: &mut impl CryptoRng,
        device: &SigningKey,
        part: &[u8; 32],
        to: &SealingPublic,
    ) -> Result<Vec<u8>, RecoverySealError> {
        if *self.device.as_bytes() != device.public() {
            return Err(RecoverySealError::Device(self.device));
        }
        if self.access.len() > ACCESS_MAX {
            let got = self.access.len();
            return Err(RecoverySealError::Access { got });
        }
        if self.addresses.len() > ADDRESSES_MAX {
            let got = self.addresses.len();
            return Err(RecoverySealError::Addresses { got });
        }
        let length = self.addresses.iter().map(|address| address.0.len()).max();
        if let Some(got) = length.filter(|got| *got > ADDRESS_BYTES_MAX) {
            return Err(RecoverySealError::Address { got });
        }
        let signed = SignedSecret::sign(
            Zeroizing::new(wire::encode(self)),
            domain::RECOVERY_NOTE,
            device,
        );
        let inside = Zeroizing::new(wire::encode(&signed));
        Ok(to.seal(rng, domain::RECOVERY_BOX, part, &inside))
    }
}

/// Opens a recovery box with the words; what it says is only claimed as yet.
///
/// # Errors
/// [`RecoveryError`].
pub fn open(
    bytes: &[u8],
    keys: &PhraseKeys,
    part: &[u8; 32],
) -> Result<OpenedRecovery, RecoveryError> {
    if bytes.len() > RECOVERY_BYTES_MAX {
        return Err(RecoveryError::TooLong { got: bytes.len() });
    }
    let inside = keys.recovery.open(domain::RECOVERY_BOX, part, bytes)?;
    let signed: SignedSecret = wire::decode(&inside, RECOVERY_BYTES_MAX)?;
    let note = wire::decode(signed.bytes(), RECOVERY_BYTES_MAX)?;
    Ok(OpenedRecovery { signed, note })
}

/// A recovery box that opened with the words, from anybody who saw the recovery key.
pub struct OpenedRecovery {
    signed: SignedSecret,
    note: RecoveryNote,
}

impl OpenedRecovery {
    /// Returns what the note claims, whoever wrote it: where to fetch the authority.
    #[must_use]
    pub const fn unverified(&self) -> &RecoveryNote {
        &self.note
    }

    /// Checks that `authority` was founded with the words and that one of its devices wrote this.
    ///
    /// The caller checks the ring key against its commitment in the authority, and that the authority
    /// is the newest that is to be had: a device that was removed is none of its devices.
    ///
    /// # Errors
    /// [`RecoveryError`], the cheap checks first.
    pub fn verify(
        self,
        authority: &Authority,
        keys: &PhraseKeys,
    ) -> Result<RecoveryNote, RecoveryError> {
        let person = authority.person();
        if self.note.person != person {
            return Err(RecoveryError::OtherPerson {
                expected: person,
                got: self.note.person,
            });
        }
        let charter = authority.charter();
        if charter.founders != [Who::Key(keys.root.public())]
            || charter.recovery != Some(keys.recovery.public())
        {
            return Err(RecoveryError::OtherWords(person));
        }
        let device = self.note.device;
        let record = authority.device(&device);
        if record.is_none_or(|record| record.membership != self.note.membership) {
            return Err(RecoveryError::Device(device));
        }
        self.signed
            .check(device.as_bytes(), domain::RECOVERY_NOTE)
            .map_err(|_| RecoveryError::Signature)?;
        Ok(self.note)
    }
}

impl std::fmt::Debug for OpenedRecovery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OpenedRecovery").field(&self.note).finish()
    }
}

/// Returns the note to go by, of several that were verified against one authority: the one with the
/// highest serial. Two devices that wrote one serial both wrote what was so; the lower membership
/// is taken.
#[must_use]
pub fn newest(notes: impl IntoIterator<Item = RecoveryNote>) -> Option<RecoveryNote> {
    notes
        .into_iter()
        .max_by_key(|note| (note.serial, std::cmp::Reverse(note.membership)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::principal::phrase;
    use crate::testing::{Someone, keeps_the_rules, rng};

    fn part(number: u8) -> RecoveryPart {
        RecoveryPart::of_phrase(&[number; 64])
    }

    fn keys(number: u8) -> PhraseKeys {
        phrase::keys(&[number; 64])
    }

    fn note(who: &Someone, serial: u64) -> RecoveryNote {
        RecoveryNote {
            version: V1,
            person: who.id(),
            membership: who.author().membership,
            device: who.author().device,
            serial,
            ring: KeyId::from_bytes([4; 32]),
            ring_key: RingKey::new(Key::from_bytes([5; 32])),
            authority: SliceId::from_bytes([6; 32]),
            authority_key: Key::from_bytes([7; 32]),
            access: vec![AccessKey::new(Key::from_bytes([8; 32]))],
            addresses: vec![Address("/ip4/192.0.2.7/udp/4001/quic-v1".to_owned())],
        }
    }

    /// Seals a note for the person with the words `number`.
    fn sealed(note: &RecoveryNote, device: &SigningKey, number: u8) -> Vec<u8> {
        let to = keys(number).recovery.public();
        note.seal(&mut rng(1), device, &part(number).id, &to)
            .unwrap()
    }

    #[test]
    fn the_words_alone_find_the_ring_key_again() {
        let ines = Someone::new(1);
        let note = note(&ines, 3);
        keeps_the_rules(&note, RECOVERY_BYTES_MAX);
        let boxed = sealed(&note, &ines.device, 1);
        let (words, place) = (keys(1), part(1));
        let opened = open(&boxed, &words, &place.id).unwrap();
        assert_eq!(opened.unverified(), &note, "where to fetch the authority");
        assert_eq!(opened.verify(&ines.authority, &words), Ok(note));
    }

    #[test]
    fn the_part_is_of_its_words_and_gives_away_none_of_their_keys() {
        assert_eq!(part(1), part(1));
        assert_ne!(part(1).id, part(2).id);
        assert_ne!(part(1).access, part(2).access);
        assert_ne!(&part(1).id, part(1).access.key().as_bytes());
    }

    #[test]
    fn a_box_opens_with_its_words_and_in_its_part_only() {
        let ines = Someone::new(1);
        let boxed = sealed(&note(&ines, 0), &ines.device, 1);
        let refused = |bytes: &[u8], words: u8, place: u8| {
            open(bytes, &keys(words), &part(place).id)
                .map(|_| ())
                .unwrap_err()
        };
        let closed = RecoveryError::Open(OpenError);
        assert_eq!(refused(&boxed, 2, 1), closed, "other words");
        assert_eq!(refused(&boxed, 1, 2), closed, "another part");
        for at in (0..boxed.len()).step_by(37) {
            let mut changed = boxed.clone();
            changed[at] ^= 1;
            assert_eq!(refused(&changed, 1, 1), closed, "byte {at}");
        }
        for cut in [0, 1, 1135, 1136, boxed.len() - 1] {
            assert_eq!(refused(&boxed[..cut], 1, 1), closed, "cut at {cut}");
        }
        let got = RECOVERY_BYTES_MAX + 1;
        assert_eq!(refused(&vec![0; got], 1, 1), RecoveryError::TooLong { got });
    }

    /// Opens what somebody sealed to Inès's words, and verifies it by `authority`.
    fn verified(boxed: &[u8], authority: &Authority) -> Result<RecoveryNote, RecoveryError> {
        open(boxed, &keys(1), &part(1).id)?.verify(authority, &keys(1))
    }

    #[test]
    fn a_note_by_a_stranger_is_refused() {
        let (ines, zoe) = (Someone::new(1), Someone::new(2));
        // Zoé, who knows Inès's charter, writes a note about Inès by her own device.
        let hers = RecoveryNote {
            person: ines.id(),
            ..note(&zoe, 9)
        };
        let device = zoe.author().device;
        let got = verified(&sealed(&hers, &zoe.device, 1), &ines.authority);
        assert_eq!(got, Err(RecoveryError::Device(device)));
        // By Inès's device, but an admission of Zoé's.
        let readmitted = RecoveryNote {
            membership: zoe.author().membership,
            ..note(&ines, 9)
        };
        let got = verified(&sealed(&readmitted, &ines.device, 1), &ines.authority);
        assert_eq!(got, Err(RecoveryError::Device(ines.author().device)));
        // In the name of Inès's device, which did not sign.
        let bytes = Zeroizing::new(wire::encode(&note(&ines, 9)));
        let signed = SignedSecret::sign(bytes, domain::RECOVERY_NOTE, &zoe.device);
        let to = keys(1).recovery.public();
        let inside = wire::encode(&signed);
        let forged = to.seal(&mut rng(1), domain::RECOVERY_BOX, &part(1).id, &inside);
        let got = verified(&forged, &ines.authority);
        assert_eq!(got, Err(RecoveryError::Signature));
        // About Zoé herself, put into Inès's part.
        let other = sealed(&note(&zoe, 9), &zoe.device, 1);
        let mismatch = RecoveryError::OtherPerson {
            expected: ines.id(),
            got: zoe.id(),
        };
        assert_eq!(verified(&other, &ines.authority), Err(mismatch));
    }

    #[test]
    fn a_person_made_up_with_somebodys_recovery_key_is_refused() {
        use crate::principal::NewDevice;

        // Zoé saw Inès's charter. She founds a person with Inès's recovery key and her own root,
        // and leaves a note about it: whoever recovers with Inès's words would join that person.
        let zoe = Someone::new(2);
        let sealing = zoe.sealing.public();
        let made_up = Authority::found(
            &zoe.root,
            keys(1).recovery.public(),
            None,
            (
                NewDevice {
                    signing: &zoe.device,
                    sealing: &sealing,
                    transport: crate::id::TransportId::from_bytes([3; 32]),
                },
                1,
            ),
            &mut rng(5),
        );
        let person = made_up.person();
        let device = zoe.author().device;
        let forged = RecoveryNote {
            person,
            membership: made_up.device(&device).unwrap().membership,
            ..note(&zoe, 9)
        };
        let boxed = sealed(&forged, &zoe.device, 1);
        let got = verified(&boxed, &made_up);
        assert_eq!(got, Err(RecoveryError::OtherWords(person)));
        // And the other way round: her recovery key under Inès's root would not open with the words.
        let theirs = open(&boxed, &keys(1), &part(1).id).unwrap();
        let got = theirs.verify(&made_up, &keys(2)).err();
        assert_eq!(got, Some(RecoveryError::OtherWords(person)));
    }

    #[test]
    fn an_older_note_that_is_shown_again_does_not_win() {
        let ines = Someone::new(1);
        let notes = [3, 1, 2].map(|serial| note(&ines, serial));
        for order in [[0, 1, 2], [1, 2, 0], [2, 1, 0]] {
            let shown = order.map(|at: usize| notes[at].clone());
            assert_eq!(newest(shown).map(|note| note.serial), Some(3));
        }
        assert_eq!(newest([]), None);
        // One serial, two devices: whatever the order, one answer.
        let low = RecoveryNote {
            membership: MembershipId::from_bytes([1; 32]),
            ..note(&ines, 3)
        };
        let high = RecoveryNote {
            membership: MembershipId::from_bytes([2; 32]),
            ..note(&ines, 3)
        };
        let both = [low.clone(), high.clone()];
        assert_eq!(newest(both), Some(low.clone()));
        assert_eq!(newest([high, low.clone()]), Some(low));
    }

    #[test]
    fn one_past_a_bound_is_neither_sealed_nor_read() {
        let ines = Someone::new(1);
        let address = |length| Address("a".repeat(length));
        let full = RecoveryNote {
            serial: u64::MAX,
            access: vec![AccessKey::new(Key::from_bytes([8; 32])); ACCESS_MAX],
            addresses: vec![address(ADDRESS_BYTES_MAX); ADDRESSES_MAX],
            ..note(&ines, 0)
        };
        let boxed = sealed(&full, &ines.device, 1);
        assert!(boxed.len() <= RECOVERY_BYTES_MAX);
        assert_eq!(verified(&boxed, &ines.authority).as_ref(), Ok(&full));

        let mut access = full.clone();
        access.access.push(AccessKey::new(Key::from_bytes([9; 32])));
        let mut addresses = full.clone();
        addresses.addresses.push(address(1));
        let mut long = full.clone();
        long.addresses[0] = address(ADDRESS_BYTES_MAX + 1);
        let (access_max, addresses_max) = (ACCESS_MAX + 1, ADDRESSES_MAX + 1);
        for (note, refused) in [
            (access, RecoverySealError::Access { got: access_max }),
            (
                addresses,
                RecoverySealError::Addresses { got: addresses_max },
            ),
            (
                long,
                RecoverySealError::Address {
                    got: ADDRESS_BYTES_MAX + 1,
                },
            ),
        ] {
            let to = keys(1).recovery.public();
            let got = note.seal(&mut rng(1), &ines.device, &part(1).id, &to);
            assert_eq!(got, Err(refused));
            let bytes = wire::encode(&note);
            assert!(wire::decode::<RecoveryNote>(&bytes, RECOVERY_BYTES_MAX).is_err());
        }
        let other = Someone::new(2);
        let to = keys(1).recovery.public();
        let got = full.seal(&mut rng(1), &other.device, &part(1).id, &to);
        let device = ines.author().device;
        assert_eq!(got, Err(RecoverySealError::Device(device)));
    }
}
