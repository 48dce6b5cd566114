//! On the keys of a person, by who holds one of them.

use super::*;
use crate::crypto::{SealingSecret, SigningKey};
use crate::id::{DeviceId, InstallationId, TransportId};
use crate::principal::NewDevice;
use crate::statement::Signer;
use crate::testing::removal;

/// Inès's phone is stolen. It removes her laptop, which stands above it, so that it alone speaks for her.
#[test]
fn one_stolen_device_takes_over() {
    Defence::SeniorsRemove.stops(|| {
        let ines = Someone::new(1);
        let laptop = DeviceId::from_bytes(ines.device.public());
        let mut authority = ines.authority.clone();
        let signing = SigningKey::from_seed(&[12; 32]);
        let sealing = SealingSecret::from_seed(&[12; 32]).public();
        let phone = NewDevice {
            signing: &signing,
            sealing: &sealing,
            transport: TransportId::from_bytes([12; 32]),
        };
        let by_phone = authority.admit(&ines.signer(), &phone).unwrap();
        let thief = Signer {
            key: &signing,
            membership: by_phone,
            installation: InstallationId::from_bytes([12; 32]),
        };
        let mut stolen = authority.clone();
        let gone = removal(ines.author().membership, Vec::new());
        stolen.say(&thief, gone).unwrap();
        // Those who hold her authority are told.
        authority.merge(&stolen);
        let phone = DeviceId::from_bytes(signing.public());
        let speaks = [laptop, phone].map(|id| authority.device(&id).is_some());
        Attack::works_if(speaks == [false, true])
    });
}
