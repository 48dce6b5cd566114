//! Exact bytes of every object, for other implementations: `protocol/vectors/*.json`.
//!
//! Each file holds one object made from the fixed people of [`crate::testing`], the secrets it
//! was made with, and names (ids, hashes) that follow from it. `MAILLE_VECTORS=write` writes
//! them again; without it they are compared. A version that was published keeps its file.

#![expect(clippy::disallowed_methods, reason = "the files are the test")]

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::card::{Card, ShareLink};
use crate::crypto::{self, SealingSecret, SigningKey};
use crate::entry::{
    Entry, EntryError, ForkProof, LogTip, UnverifiedEntry, UnverifiedForkProof, UnverifiedHeader,
    verify_stretch,
};
use crate::generation::PartKey;
use crate::grant::{Abilities, Grant};
use crate::id::{GrantId, TransportId};
use crate::parcel::{self, Matter, Parcel, ParcelBody};
use crate::principal::{Known, NewDevice, UnverifiedAuthority};
use crate::slice::{Access, Owner, SliceCharter, UnverifiedAccess};
use crate::statement::{Kind, Signer};
use crate::testing::{DAY, NOW, Someone, removal, rng};
use crate::wire;

mod circles;
mod control;
mod holdings;
mod invalid;
mod invites;
mod judgement;
mod keys;
mod relays;
mod returning;
mod statements;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hex text");
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

/// Compares the file `name` with `fresh`, or writes it; returns what the file holds.
#[track_caller]
fn file(name: &str, fresh: &Value) -> Value {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "vectors",
        &format!("{name}.json"),
    ]
    .iter()
    .collect();
    if std::env::var("MAILLE_VECTORS").is_ok_and(|mode| mode == "write") {
        let text = serde_json::to_string_pretty(fresh).unwrap() + "\n";
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let bytes = std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; MAILLE_VECTORS=write makes it", path.display())
    });
    let stored: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(&stored, fresh, "{name}: bytes changed, so the version must");
    stored
}

fn people() -> (Someone, Someone) {
    (Someone::new(1), Someone::new(2))
}

#[test]
fn hashes() {
    let fresh = json!({
        "object": "hash, keyed_hash and signature",
        "domain": "maille/1/grant-id",
        "parts": [hex(b"ab"), hex(b"c"), ""],
        "hash": hex(&crypto::hash("maille/1/grant-id", &[b"ab", b"c", b""])),
        "key": hex(&[7; 32]),
        "keyed_hash": hex(&crypto::keyed_hash(&[7; 32], "maille/1/grant-id", &[b"ab", b"c", b""])),
        "signing_seed": hex(&[7; 32]),
        "signing_public": hex(&SigningKey::from_seed(&[7; 32]).public()),
        "message": hex(b"message"),
        "signature": hex(&SigningKey::from_seed(&[7; 32]).sign(invalid::OLD_DOMAIN, b"message")),
        "phrase_seed": hex(&[1; 64]),
        "phrase_root_public": hex(&crate::principal::phrase::keys(&[1; 64]).root.public()),
        "valid": invalid::strange_signatures(),
        "invalid": invalid::signatures(),
    });
    file("hash", &fresh);
}

#[test]
fn authority() {
    let (ines, _) = people();
    let device = ines.authority.devices().values().next().unwrap();
    let mut two = ines.authority.clone();
    let first = Signer {
        key: &ines.device,
        membership: device.membership,
        installation: ines.installation,
    };
    let second = NewDevice {
        signing: &SigningKey::from_seed(&[0x71; 32]),
        sealing: &SealingSecret::from_seed(&[0x72; 32]).public(),
        transport: TransportId::from_bytes([0x73; 32]),
    };
    two.admit(&first, &second).unwrap();
    let stored = file(
        "authority",
        &json!({
            "object": "authority",
            "version": 1,
            "phrase_seed": hex(&[1; 64]),
            "device_seed": hex(&[1; 32]),
            "sealing_seed": hex(&[1 ^ 0x40; 32]),
            "bytes": hex(&ines.authority.to_bytes()),
            "person": ines.id().to_string(),
            "device": device.signing.to_string(),
            "transport": device.transport.to_string(),
            "rank": device.rank,
            "two_devices": hex(&two.to_bytes()),
            "second_device_seed": hex(&[0x71; 32]),
            "invalid": invalid::authorities(&two, &ines),
        }),
    );
    let person = stored["person"].as_str().unwrap().parse().unwrap();
    let received = UnverifiedAuthority::decode(&unhex(&stored["bytes"])).unwrap();
    assert_eq!(received.verify(person).unwrap(), ines.authority);
}

#[test]
fn slice() {
    let slice = people().0.slice();
    let stored = file(
        "slice",
        &json!({
            "object": "slice charter",
            "version": 1,
            "bytes": hex(&wire::encode(&slice)),
            "public_bytes": hex(&wire::encode(&slice.public_half())),
            "owner": people().0.id().to_string(),
            "salt": hex(&slice.salt),
            "device_seed": hex(&[1; 32]),
            "root_public": hex(&people().0.authority.root_key()),
            "slice": slice.id().to_string(),
            "invalid": invalid::slice_charter(&slice),
        }),
    );
    assert_eq!(
        wire::decode::<SliceCharter>(&unhex(&stored["bytes"]), 4096),
        Ok(slice)
    );
}

/// Inès lets Marc write and grant, he lets Zoé write; then he gets a renewal, and she is removed.
fn handed_on(ines: &Someone, marc: &Someone, zoe: &Someone, known: &Known) -> Access {
    let (mut access, parent) = ines.granted(Grant {
        abilities: Abilities::GRANT,
        depth: 1,
        ..ines.grant_to(marc)
    });
    let by_marc = Signer {
        membership: parent.into(),
        ..marc.signer()
    };
    access.judge(Owner::Person(&ines.authority), known).unwrap();
    let child = Kind::Grant(Grant {
        abilities: Abilities::WRITE,
        ..ines.grant_to(zoe)
    });
    let child = access.say(&by_marc, child, known).unwrap().membership();
    let renewal = Kind::Renew {
        grant: parent.into(),
        expires: NOW.plus_millis(180 * DAY),
    };
    access.say(&ines.signer(), renewal, known).unwrap();
    let end = removal(child, Vec::new());
    access.say(&ines.signer(), end, known).unwrap();
    access
}

#[test]
fn access() {
    let (ines, marc) = people();
    let zoe = Someone::new(3);
    let mut known = Known::default();
    for person in [&marc, &zoe] {
        (known.people).insert(person.id(), person.authority.clone());
    }
    let (alone, first) = ines.granted(ines.grant_to(&marc));
    let access = handed_on(&ines, &marc, &zoe, &known);
    let ids: Vec<_> = (access.statements().iter())
        .map(|s| GrantId::from(s.membership()))
        .collect();
    let stored = file(
        "access",
        &json!({
            "object": "a slice with one grant; the same slice with a grant handed on, renewed and ended",
            "version": 1,
            "owner": ines.id().to_string(),
            "owner_authority": hex(&ines.authority.to_bytes()),
            "readers": [hex(&marc.authority.to_bytes()), hex(&zoe.authority.to_bytes())],
            "one_grant": hex(&alone.to_bytes()),
            "grant": first.to_string(),
            "bytes": hex(&access.to_bytes()),
            "slice": access.id().to_string(),
            "parent": ids[0].to_string(),
            "parent_expires": access.allowed(&ids[0]).unwrap().expires.as_millis(),
            "child_ended": ids[1].to_string(),
            "invalid": invalid::accesses(&access.to_bytes(), &ines, &marc, &known),
        }),
    );
    let read = |name: &str| {
        let received = UnverifiedAccess::decode(&unhex(&stored[name])).unwrap();
        let owner = Owner::Person(&ines.authority);
        received.verify(ines.slice().id(), owner, &known).unwrap()
    };
    assert_eq!(read("one_grant"), alone);
    let received = read("bytes");
    assert_eq!(received, access);
    assert!(
        received
            .allowed_at(&ids[0], NOW.plus_millis(100 * DAY))
            .is_ok()
    );
    assert!(received.allowed(&ids[1]).is_err());
}

#[test]
fn part_key() {
    let (ines, _) = people();
    let key = ines.part_key(3, 1);
    let stored = file(
        "part-key",
        &json!({
            "object": "part key",
            "version": 1,
            "bytes": hex(&wire::encode(&key)),
            "record_bytes": hex(key.record.record_bytes()),
            "generation": key.generation().to_string(),
            "content_key": hex(key.key.key().as_bytes()),
            "access_key": hex(key.key.access().key().as_bytes()),
            "commit": hex(&key.record.unverified().commit),
            "invalid": invalid::part_keys(&key, &ines),
        }),
    );
    let received: PartKey = wire::decode(&unhex(&stored["bytes"]), 4096).unwrap();
    assert!(received.verify(&ines.authority).is_ok());
}

#[test]
fn entries() {
    let (ines, _) = people();
    let key = ines.part_key(3, 1);
    let entries = ines.entries(&key, &[b"first", b"second"]);
    let stored = file(
        "entry",
        &json!({
            "object": "the first two entries of a log",
            "version": 1,
            "device_seed": hex(&[1; 32]),
            "membership": ines.author().membership.to_string(),
            "installation": ines.installation.to_string(),
            "slice": ines.slice().id().to_string(),
            "part": 3,
            "generation": key.generation().to_string(),
            "content_key": hex(key.key.key().as_bytes()),
            "log": hex(entries[0].log().as_bytes()),
            "entries": entries.iter().map(|entry| json!({
                "bytes": hex(&entry.to_bytes()),
                "header_hash": hex(&entry.header_hash()),
                "body": hex(&wire::encode(&entry.open(&key.key).unwrap())),
                "content": hex(&entry.open(&key.key).unwrap().content),
            })).collect::<Vec<_>>(),
            "invalid": invalid::entries(&entries, &key, &ines),
        }),
    );
    let mut tip = LogTip::START;
    for entry in stored["entries"].as_array().unwrap() {
        let received = UnverifiedEntry::decode(&unhex(&entry["bytes"]))
            .unwrap()
            .verify(&tip);
        let received = received.unwrap();
        assert_eq!(
            received.open(&key.key).unwrap().content,
            unhex(&entry["content"])
        );
        tip = received.tip_after();
    }
}

#[test]
fn stretches() {
    let (ines, _) = people();
    let key = ines.part_key(3, 1);
    let entries = ines.entries(&key, &[b"first", b"second", b"third"]);
    let other = ines.entries(&key, &[b"first", b"zweiter"]);
    let read = |bytes: &[u8]| UnverifiedEntry::decode(bytes).unwrap();
    let received = entries.iter().map(|entry| read(&entry.to_bytes()));
    let stretch = verify_stretch(received.collect(), &LogTip::START).unwrap();
    let prove = |a: &[Entry], b: &[Entry]| {
        let proof = ForkProof::new(a.iter().map(Entry::header), b.iter().map(Entry::header));
        hex(&proof.unwrap().to_bytes())
    };
    let place = stretch.last().header().place().unwrap();
    let stored = file(
        "stretch",
        &json!({
            "object": "a stretch of which only the last is signed, headers alone, fork proofs, a place",
            "version": 1,
            "log": hex(entries[0].log().as_bytes()),
            "content_key": hex(key.key.key().as_bytes()),
            "stretch": stretch.iter().map(|entry| json!({
                "bytes": hex(&entry.to_bytes()),
                "header_hash": hex(&entry.header_hash()),
                "content": hex(&entry.open(&key.key).unwrap().content),
            })).collect::<Vec<_>>(),
            "header_signed": hex(&entries[1].header().to_bytes()),
            "header_unsigned": hex(&stretch[1].header().to_bytes()),
            "fork_seq": 1,
            "fork_proof": prove(&entries[1..], &other[1..]),
            "fork_proof_inside_stretch": prove(&stretch[1..], &other[1..]),
            "place": hex(&wire::encode(&place)),
            "invalid": invalid::stretches(&entries, &other, &key, &ines),
        }),
    );
    let listed = stored["stretch"].as_array().unwrap();
    let received = listed.iter().map(|entry| read(&unhex(&entry["bytes"])));
    assert_eq!(
        verify_stretch(received.collect(), &LogTip::START),
        Ok(stretch)
    );
    let header = |name: &str| UnverifiedHeader::decode(&unhex(&stored[name])).unwrap();
    let tip = entries[0].tip_after();
    assert!(header("header_signed").verify(&tip).is_ok());
    let unsigned = header("header_unsigned").verify(&tip);
    assert_eq!(unsigned, Err(EntryError::Unsigned));
    for name in ["fork_proof", "fork_proof_inside_stretch"] {
        let proof = UnverifiedForkProof::decode(&unhex(&stored[name])).unwrap();
        assert_eq!(proof.verify().unwrap().seq(), 1);
    }
}

#[test]
fn parcels() {
    let (ines, marc) = people();
    let (access, grant) = ines.granted(ines.grant_to(&marc));
    let matter = |kind: u8| Matter {
        about: [kind; 32],
        content: vec![kind; 3],
    };
    let bodies = [
        ParcelBody::Share {
            grant,
            access: access.to_unverified(),
            keys: vec![ines.part_key(3, 1)],
        },
        ParcelBody::Keys {
            slice: ines.slice().id(),
            keys: vec![ines.part_key(3, 1)],
        },
        ParcelBody::Invite(matter(2)),
        ParcelBody::Request(matter(3)),
        ParcelBody::Contribution(matter(4)),
        ParcelBody::Receipt(matter(5)),
        ParcelBody::Deliver(matter(6)),
        ParcelBody::Notice(matter(7)),
    ];
    let to = marc.sealing.public();
    let seal =
        |body| Parcel::seal(&mut rng(7), &ines.device, ines.id(), marc.id(), &to, body).unwrap();
    let sealed = bodies.each_ref().map(&seal);
    let stored = file(
        "parcel",
        &json!({
            "object": "parcels: a share, keys, and the reserved kinds; sealing draws, so opening is what to repeat",
            "version": 1,
            "from": ines.id().to_string(),
            "to": marc.id().to_string(),
            "sealing_seed": hex(&[2 ^ 0x40; 32]),
            "parcels": bodies.iter().zip(&sealed).map(|(body, sealed)| json!({
                "bytes": hex(sealed),
                "body": hex(&wire::encode(body)),
            })).collect::<Vec<_>>(),
            "invalid": invalid::parcels(&sealed, &ines, &marc),
        }),
    );
    for (parcel, body) in stored["parcels"].as_array().unwrap().iter().zip(bodies) {
        let opened = parcel::open(&unhex(&parcel["bytes"]), marc.id(), &marc.sealing).unwrap();
        assert_eq!(opened.verify(&ines.authority), Ok(body));
    }
}

#[test]
fn texts() {
    let (ines, marc) = people();
    let transport = ines.authority.devices().values().next().unwrap().transport;
    let addresses = vec!["/ip4/192.0.2.7/udp/4001/quic-v1".to_owned()];
    let card = Card::new(ines.id(), transport, addresses).unwrap();
    let (_, grant) = ines.granted(ines.grant_to(&marc));
    let label = "mobility.weekly".to_owned();
    let link = ShareLink::new(
        card.clone(),
        grant,
        ines.slice().id(),
        label,
        NOW,
        marc.id(),
    )
    .unwrap();
    let stored = file(
        "text",
        &json!({
            "object": "texts that people paste",
            "version": 1,
            "person_bytes": hex(ines.id().as_bytes()),
            "person": ines.id().to_string(),
            "card_bytes": hex(&wire::encode(&card)),
            "card": card.to_string(),
            "link_bytes": hex(&wire::encode(&link)),
            "link": link.to_string(),
            "time_millis": NOW.as_millis(),
            "time": NOW.to_string(),
            "invalid": invalid::texts(ines.id(), &card, &link),
        }),
    );
    assert_eq!(stored["card"].as_str().unwrap().parse(), Ok(card));
    assert_eq!(stored["link"].as_str().unwrap().parse(), Ok(link));
}

#[test]
fn the_spec_lists_every_domain_once() {
    let spec = include_str!("../spec/README.md");
    let table = spec
        .split("| domain | use |")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let module = include_str!("crypto.rs")
        .split("pub mod domain {")
        .nth(1)
        .unwrap();
    let module = module.split("\n}").next().unwrap();
    let domains = |text: &str, quote: char| {
        let found: Vec<String> = text
            .split(quote)
            .filter(|word| word.starts_with("maille/1/"))
            .map(str::to_owned)
            .collect();
        let distinct: std::collections::BTreeSet<_> = found.iter().cloned().collect();
        assert_eq!(distinct.len(), found.len(), "a domain has one use");
        distinct
    };
    assert_eq!(domains(table, '`'), domains(module, '"'));
}
