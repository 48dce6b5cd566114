//! Wraps, boxes, key objects, batches of generations, the recovery box.

use serde_json::{Value, json};

use super::{file, hex, invalid, people, unhex};
use crate::crypto::Key;
use crate::generation::{GenerationBatch, Next, SignedGeneration};
use crate::id::{GenerationId, KeyId, SliceId, StatementId};
use crate::principal::phrase;
use crate::recovery::{self, Address, RecoveryNote, RecoveryPart};
use crate::ring::{KeyObject, Opener, RingKey, Target};
use crate::slice::PartNumber;
use crate::testing::rng;
use crate::wire::{self, FRAME_BYTES_MAX, V1};

const RING: KeyId = KeyId::from_bytes([0x52; 32]);

fn ring() -> RingKey {
    RingKey::new(Key::from_bytes([0x51; 32]))
}

#[test]
fn sealed_keys() {
    let (ines, marc) = people();
    let (ring, to) = (ring(), marc.sealing.public());
    let principal = *ines.id().as_bytes();
    let older = RingKey::new(Key::from_bytes([0x53; 32]));
    let part_key = ines.part_key(3, 1);
    let targets = [
        (
            Target::content(part_key.generation(), part_key.record.unverified()),
            part_key.key.key().clone(),
        ),
        (
            Target::Ring {
                ring: KeyId::from_bytes([0x54; 32]),
                principal,
                commit: older.commit(&principal),
            },
            older.key().clone(),
        ),
        (
            Target::Sealing(ines.sealing.public().id()),
            Key::from_bytes([1 ^ 0x40; 32]),
        ),
    ];
    let objects: Vec<_> = targets
        .iter()
        .map(|(target, key)| {
            let tags = ring.tag_key();
            let wrapped = KeyObject::wrap(RING, &ring, &tags, target, key).unwrap();
            let boxed = KeyObject::seal(&mut rng(7), &to, &tags, target, key).unwrap();
            (wrapped, boxed)
        })
        .collect();
    let stored = file(
        "ring",
        &json!({
            "object": "a key of each kind, wrapped and boxed, as key objects; boxing draws, so opening is what to repeat",
            "version": 1,
            "ring_key": hex(ring.key().as_bytes()),
            "ring": RING.to_string(),
            "tag_key": hex(ring.tag_key().as_bytes()),
            "principal": hex(&principal),
            "commit": hex(&ring.commit(&principal)),
            "sealing_seed": hex(&[2 ^ 0x40; 32]),
            "sealing_key": to.id().to_string(),
            "keys": targets.iter().zip(&objects).map(|((target, key), (wrapped, boxed))| json!({
                "kind": target.kind(),
                "id": hex(target.id()),
                "commitment": hex(&target.commitment()),
                "key": hex(key.as_bytes()),
                "wrapped": hex(&wire::encode(wrapped)),
                "boxed": hex(&wire::encode(boxed)),
            })).collect::<Vec<_>>(),
            "invalid": invalid::key_objects(&objects[0].0, &objects[0].1, &targets[0].0, &ring, &marc.sealing),
        }),
    );
    let read = |value: &Value| KeyObject::decode(&unhex(value)).unwrap();
    for (stored, (target, key)) in stored["keys"].as_array().unwrap().iter().zip(&targets) {
        let got = read(&stored["wrapped"]).open(Opener::Ring(&ring), target);
        assert_eq!(got.as_ref(), Ok(key));
        let got = read(&stored["boxed"]).open(Opener::Sealing(&marc.sealing), target);
        assert_eq!(got.as_ref(), Ok(key));
    }
}

#[test]
fn batch() {
    let (ines, _) = people();
    let ring = ring();
    // Five, so that one record goes up alone twice; the last after two others.
    let parts: Vec<_> = (0..5)
        .map(|at| Next {
            slice: if at < 3 {
                ines.slice().id()
            } else {
                SliceId::from_bytes([at; 32])
            },
            part: PartNumber(at.into()),
            parents: (0..at / 2)
                .map(|byte| GenerationId::from_bytes([byte; 32]))
                .collect(),
            removed: vec![StatementId::from_bytes([at; 32])],
        })
        .collect();
    let (batch, keys) =
        GenerationBatch::rotate(&mut rng(7), ines.issuer(), RING, &ring, &parts).unwrap();
    let stored = file(
        "batch",
        &json!({
            "object": "a batch of generations, and each of them as it travels alone",
            "version": 1,
            "device_seed": hex(&[1; 32]),
            "membership": ines.author().membership.to_string(),
            "ring_key": hex(ring.key().as_bytes()),
            "ring": RING.to_string(),
            "bytes": hex(&batch.to_bytes()),
            "root": hex(&batch.unverified_head().root),
            "generations": batch.generations().zip(&keys).map(|(signed, key)| json!({
                "generation": signed.id().to_string(),
                "content_key": hex(key.key().as_bytes()),
                "bytes": hex(&wire::encode(&signed)),
            })).collect::<Vec<_>>(),
            "invalid": invalid::batches(&batch, &ines),
        }),
    );
    let received = GenerationBatch::decode(&unhex(&stored["bytes"])).unwrap();
    assert_eq!(received.verify(&ines.authority).unwrap().under, [RING]);
    let alone = stored["generations"].as_array().unwrap();
    for ((index, signed), alone) in received.generations().enumerate().zip(alone) {
        let bytes = unhex(&alone["bytes"]);
        let read: SignedGeneration = wire::decode(&bytes, FRAME_BYTES_MAX).unwrap();
        assert_eq!(read, signed);
        assert_eq!(read.verify(&ines.authority).err(), None);
        assert_eq!(received.open(index, &ring), Ok(keys[index].clone()));
    }
}

#[test]
fn recovery_box() {
    let (ines, _) = people();
    let words = phrase::keys(&[1; 64]);
    let part = RecoveryPart::of_phrase(&[1; 64]);
    let note = RecoveryNote {
        version: V1,
        person: ines.id(),
        membership: ines.author().membership,
        device: ines.author().device,
        serial: 3,
        ring: RING,
        ring_key: ring(),
        authority: SliceId::from_bytes([0x55; 32]),
        authority_key: Key::from_bytes([0x56; 32]),
        access: vec![ines.part_key(3, 1).key.access(), part.access.clone()],
        addresses: vec![Address("/ip4/192.0.2.7/udp/4001/quic-v1".to_owned())],
    };
    let to = words.recovery.public();
    let boxed = note.seal(&mut rng(7), &ines.device, &part.id, &to).unwrap();
    let stored = file(
        "recovery",
        &json!({
            "object": "a recovery box; sealing draws, so opening is what to repeat",
            "version": 1,
            "phrase_seed": hex(&[1; 64]),
            "part": hex(&part.id),
            "access_key": hex(part.access.key().as_bytes()),
            "bytes": hex(&boxed),
            "note": hex(&wire::encode(&note)),
            "invalid": invalid::recovery_boxes(&boxed, &ines),
        }),
    );
    let opened = recovery::open(&unhex(&stored["bytes"]), &words, &part.id).unwrap();
    assert_eq!(opened.verify(&ines.authority, &words), Ok(note));
}
