//! Whose log it is: the key of a log, and the binding in its first entry.

use minicbor::{Decode, Encode};

use super::EntryError;
use crate::crypto::{self, Key, SigningKey, domain};
use crate::defence::{self, Defence};
use crate::evaluation::Speaker;
use crate::id::{DeviceId, InstallationId, MembershipId, SliceId};
use crate::slice::PartNumber;
use crate::wire::{self, V1};

/// A log: the public half of its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct LogId(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    [u8; 32],
);

impl LogId {
    /// Returns the log that these bytes name.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for LogId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "log {:02x}{:02x}{:02x}…",
            self.0[0], self.0[1], self.0[2]
        )
    }
}

/// Who writes: a device, by one admission of it. Admitted again, it is another author with other logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(array)]
pub struct Author {
    /// The admission by which the device speaks.
    #[n(0)]
    pub membership: MembershipId,
    /// The device.
    #[n(1)]
    pub device: DeviceId,
}

impl Author {
    /// Returns the speaker that this is.
    #[must_use]
    pub const fn speaker(&self) -> Speaker {
        Speaker {
            membership: self.membership,
            key: *self.device.as_bytes(),
        }
    }
}

/// The key of a log, and what the log is of.
#[derive(Clone, Debug)]
pub struct LogKey {
    pub(super) signing: SigningKey,
    pub(super) membership: MembershipId,
    pub(super) installation: InstallationId,
    pub(super) slice: SliceId,
    pub(super) part: PartNumber,
}

impl LogKey {
    /// Derives the key of this installation's log in a part, under one admission of the device.
    #[must_use]
    pub fn derive(
        device_seed: &Key,
        membership: MembershipId,
        installation: InstallationId,
        slice: SliceId,
        part: PartNumber,
    ) -> Self {
        let part_bytes = part.0.to_le_bytes();
        let whole: [&[u8]; 4] = [
            membership.as_bytes(),
            installation.as_bytes(),
            slice.as_bytes(),
            &part_bytes,
        ];
        let of = if defence::is_off(Defence::LogKeyOfOnePart) {
            &whole[..2]
        } else {
            &whole[..]
        };
        let seed = device_seed.derive(domain::LOG_KEY, of);
        Self {
            signing: SigningKey::from_seed(seed.as_bytes()),
            membership,
            installation,
            slice,
            part,
        }
    }

    /// Returns the log.
    #[must_use]
    pub fn id(&self) -> LogId {
        LogId(self.signing.public())
    }

    /// Returns of which part of which slice the log is.
    pub(crate) const fn place(&self) -> (SliceId, PartNumber) {
        (self.slice, self.part)
    }

    /// Signs for something else than entries that the log is used for.
    pub(crate) fn sign(&self, domain: &str, bytes: &[u8]) -> [u8; 64] {
        self.signing.sign(domain, bytes)
    }

    /// Returns what the log's first entry must carry: whose log it is, signed both ways.
    #[must_use]
    pub fn bind(&self, device: &SigningKey) -> Binding {
        let author = Author {
            membership: self.membership,
            device: DeviceId::from_bytes(device.public()),
        };
        let claim = claim(author, self.id(), self.slice, self.part, self.installation);
        Binding {
            version: V1,
            membership: author.membership,
            device: author.device,
            installation: self.installation,
            by_device: device.sign(domain::LOG_BY_DEVICE, &claim),
            by_log: self.signing.sign(domain::LOG_BY_LOG, &claim),
        }
    }
}

/// Whose log this is: the device signed for the log key, and the log key for the device.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Binding {
    /// Version of this record.
    #[n(0)]
    pub version: V1,
    /// The admission by which the device speaks.
    #[n(1)]
    pub membership: MembershipId,
    /// The device that writes.
    #[n(2)]
    pub device: DeviceId,
    /// Its installation.
    #[n(3)]
    pub installation: InstallationId,
    /// The device's signature.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub by_device: [u8; 64],
    /// The log key's signature.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    pub by_log: [u8; 64],
}

impl Binding {
    /// Returns who writes.
    #[must_use]
    pub const fn author(&self) -> Author {
        Author {
            membership: self.membership,
            device: self.device,
        }
    }

    /// Checks both signatures for a log of a part of a slice.
    pub(super) fn check(
        &self,
        log: LogId,
        slice: SliceId,
        part: PartNumber,
    ) -> Result<(), EntryError> {
        let claim = claim(self.author(), log, slice, part, self.installation);
        let device = self.device.as_bytes();
        crypto::verify(device, domain::LOG_BY_DEVICE, &claim, &self.by_device)
            .and_then(|()| crypto::verify(log.as_bytes(), domain::LOG_BY_LOG, &claim, &self.by_log))
            .map_err(|_| EntryError::Binding)
    }
}

/// What both sides of a binding sign, each under its own domain.
#[derive(Encode)]
#[cbor(array)]
struct BindingClaim {
    #[n(0)]
    version: V1,
    #[n(1)]
    membership: MembershipId,
    #[n(2)]
    device: DeviceId,
    #[n(3)]
    log: LogId,
    #[n(4)]
    slice: SliceId,
    #[n(5)]
    part: PartNumber,
    #[n(6)]
    installation: InstallationId,
}

fn claim(
    author: Author,
    log: LogId,
    slice: SliceId,
    part: PartNumber,
    installation: InstallationId,
) -> Vec<u8> {
    wire::encode(&BindingClaim {
        version: V1,
        membership: author.membership,
        device: author.device,
        log,
        slice,
        part,
        installation,
    })
}
