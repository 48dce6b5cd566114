//! What a device keeps to itself, and how a person begins.

use maille_protocol::crypto::{Key, SealingSecret, SigningKey};
use maille_protocol::id::{DeviceId, InstallationId, PersonId, TransportId};
use maille_protocol::principal::{Authority, NewDevice, phrase};
use rand_core::CryptoRng;

use crate::io::Write;
use crate::layout;

/// The rank of a person's first device. Above it there is room for a thousand that come back with the words: each
/// stands above all before it, see `returning`.
const FIRST_RANK: u32 = 1_000 * RANK_STEP;
/// Between the ranks of devices that are added one after another there is room for others.
pub(crate) const RANK_STEP: u32 = 1_000;

/// The secrets of one device of one person. The person's root key is not among them: it
/// exists only while [`found`] runs, and in the words.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Whose device this is.
    pub person: PersonId,
    /// Seed of the device's Ed25519 signing key; log keys come from it too.
    pub device: Key,
    /// Seed of the device's X-Wing sealing key.
    pub sealing: Key,
    /// Public half of the transport's key.
    pub transport: TransportId,
    /// Names this installation; never part of a backup.
    pub installation: InstallationId,
}

impl Secrets {
    /// The device's signing key.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_seed(self.device.as_bytes())
    }

    /// The device's id: its public signing key.
    #[must_use]
    pub fn device_id(&self) -> DeviceId {
        DeviceId::from_bytes(self.signing_key().public())
    }

    /// The device's sealing key.
    #[must_use]
    pub fn sealing_secret(&self) -> SealingSecret {
        SealingSecret::from_seed(self.sealing.as_bytes())
    }
}

/// A new person with their first device.
#[derive(Debug)]
pub struct Founding {
    /// To be kept by this device.
    pub secrets: Secrets,
    /// What an empty store starts with.
    pub batch: Vec<Write>,
}

/// Makes a person from the seed that their words yield, with this device as their first.
///
/// The root key signs the device's admission and is dropped.
pub fn found(words_seed: &[u8], transport: TransportId, rng: &mut impl CryptoRng) -> Founding {
    let root = phrase::keys(words_seed);
    let device = Key::random(rng);
    let sealing = Key::random(rng);
    let mut installation = [0; 32];
    rng.fill_bytes(&mut installation);
    let signing = SigningKey::from_seed(device.as_bytes());
    let public = SealingSecret::from_seed(sealing.as_bytes()).public();
    let first = NewDevice {
        signing: &signing,
        sealing: &public,
        transport,
    };
    let first = (first, FIRST_RANK);
    let authority = Authority::found(&root.root, root.recovery.public(), None, first, rng);
    let secrets = Secrets {
        person: authority.person(),
        device,
        sealing,
        transport,
        installation: InstallationId::from_bytes(installation),
    };
    let batch = vec![(layout::AUTHORITY.to_vec(), Some(authority.to_bytes()))];
    Founding { secrets, batch }
}
