//! Coming back with the words alone: a claim, what is answered, a return; and, as it is answered by it, what a new device
//! is told and asks.

use serde_json::json;

use super::{file, hex, invalid, people, unhex};
use crate::crypto::{Key, SigningKey};
use crate::evaluation::Rule;
use crate::id::TransportId;
use crate::pairing::{Pair, Paired, PairedCircle};
use crate::principal::{Circle, NewDevice, People};
use crate::returning::{Claim, Claimed, Place, Return};
use crate::slice::{ContentKind, SliceCharter};
use crate::statement::Signer;
use crate::sync::Frame;
use crate::testing::{Someone, rng};
use crate::wire::{self, V1};

/// Inès, who has nothing left but her words; and a stranger.
pub(super) struct Back {
    pub(super) ines: Someone,
    pub(super) zoe: Someone,
    pub(super) from: TransportId,
    pub(super) to: TransportId,
}

impl Back {
    fn claimed(&self) -> Claimed {
        Claimed {
            version: V1,
            authority: self.ines.authority.to_bytes(),
            places: vec![
                Place {
                    transport: self.to,
                    name: "Portable".to_owned(),
                    addresses: vec!["/ip4/192.0.2.7/udp/4001/quic-v1".to_owned()],
                },
                Place {
                    transport: TransportId::from_bytes([0x61; 32]),
                    name: String::new(),
                    addresses: Vec::new(),
                },
            ],
        }
    }
}

#[test]
fn returns() {
    let (ines, marc) = people();
    let to = super::invites::transport(&ines);
    let from = TransportId::from_bytes(SigningKey::from_seed(&[0x73; 32]).public());
    let (ines, zoe) = (ines, Someone::new(3));
    let back = Back {
        ines,
        zoe,
        from,
        to,
    };
    let claim = Claim::new(&back.ines.root, &from, &to);
    let claimed = back.claimed();
    // By the root, above the only device that there was.
    let new = SigningKey::from_seed(&[0x71; 32]);
    let device = NewDevice {
        signing: &new,
        sealing: &marc.sealing.public(),
        transport: from,
    };
    let mut authority = back.ines.authority.clone();
    let root = Signer {
        key: &back.ines.root,
        membership: authority.root(),
        installation: back.ines.installation,
    };
    let admission = device.consent(authority.person(), authority.root(), 2);
    authority.say(&root, admission).unwrap();
    let returns = Return {
        version: V1,
        authority: authority.to_bytes(),
    };
    let known = People::from([(back.ines.id(), authority.clone())]);
    let circle = Circle::found(Rule::Admins, &[back.ines.id()], true, &known, &mut rng(9)).unwrap();
    let slice = SliceCharter {
        kind: ContentKind::Documents,
        ..back.ines.slice_of(circle.id())
    };
    let welcome = Paired::Welcome {
        authority: authority.to_bytes(),
        circles: vec![PairedCircle {
            circle: wire::encode(circle.charter()),
            slice: wire::encode(&slice),
            tag_key: Key::from_bytes([0x57; 32]),
            called: "new".to_owned(),
            own: true,
        }],
    };
    let pair = Pair {
        version: V1,
        proof: [1; 32],
        device: crate::id::DeviceId::from_bytes(new.public()),
        sealing: marc.sealing.public(),
        consent: [2; 64],
        name: "new".to_owned(),
        addresses: vec!["/ip4/192.0.2.8/tcp/4001".to_owned()],
    };
    let frames = [
        ("pair", Frame::Pair(pair)),
        ("paired", Frame::Paired(welcome)),
        ("paired", Frame::Paired(Paired::NotWelcome)),
        ("claim", Frame::Claim(claim.clone())),
        ("claimed", Frame::Claimed(claimed.clone())),
        ("return", Frame::Return(returns.clone())),
    ];
    let stored = file(
        "returning",
        &json!({
            "object": "a claim to a root key, what it is answered, a return; and the frames of both and of a pairing",
            "version": 1,
            "phrase_seed": hex(&[1; 64]),
            "person": back.ines.id().to_string(),
            "from": from.to_string(),
            "to": to.to_string(),
            "claim": hex(&wire::encode(&claim)),
            "claimed": hex(&wire::encode(&claimed)),
            "places": claimed.places.iter().map(|place| json!({
                "node": place.transport.to_string(),
                "name": place.name,
                "addresses": place.addresses,
            })).collect::<Vec<_>>(),
            "device_seed": hex(&[0x71; 32]),
            "return": hex(&wire::encode(&returns)),
            "circle": circle.id().to_string(),
            "slice": slice.id().to_string(),
            "tag_key": hex(&[0x57; 32]),
            "frames": frames.iter().map(|(name, frame)| json!({
                "name": name,
                "bytes": hex(&frame.to_bytes()),
            })).collect::<Vec<_>>(),
            "invalid": invalid::returns(&back, &claim, &claimed, &frames),
        }),
    );
    let read = |name: &str| unhex(&stored[name]);
    let got: Claim = wire::decode(&read("claim"), 256).unwrap();
    assert!(got.holds(&from, &to));
    assert_eq!(wire::decode(&read("claimed"), 1 << 20), Ok(claimed));
    assert_eq!(wire::decode(&read("return"), 1 << 20), Ok(returns));
    for ((_, frame), stored) in frames.iter().zip(stored["frames"].as_array().unwrap()) {
        let got = Frame::from_bytes(&unhex(&stored["bytes"]));
        assert_eq!(got.as_ref(), Ok(frame));
    }
}
