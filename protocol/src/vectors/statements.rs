//! A statement of each kind.

use serde_json::{Value, json};

use super::{file, hex, invalid, people, unhex};
use crate::crypto::SigningKey;
use crate::entry::LogPlace;
use crate::evaluation::{After, Role, Rule, Upto};
use crate::grant::{Abilities, Audience, Grant};
use crate::id::{
    CircleId, GenerationId, InstallationId, MembershipId, ServiceId, SliceId, StatementId,
};
use crate::principal::NewDevice;
use crate::slice::{PartNumber, PartRange};
use crate::statement::{
    Consent, Key32, Kind, SignedStatement, Statement, Subject, Tips, UnverifiedStatement,
};
use crate::testing::NOW;
use crate::wire::V1;

fn ids(bytes: impl IntoIterator<Item = u8>) -> Vec<StatementId> {
    let ids = bytes.into_iter();
    ids.map(|byte| StatementId::from_bytes([byte; 32]))
        .collect()
}

/// Returns a statement that nothing is known about, by `key`.
pub(super) fn statement(subject: Subject, key: &SigningKey, kind: Kind) -> Statement {
    Statement {
        version: V1,
        subject,
        membership: MembershipId::from_bytes([0x61; 32]),
        key: key.public(),
        after: After::Nothing(InstallationId::from_bytes([0x62; 32])),
        heads: ids([0x63, 0x64]),
        kind,
    }
}

#[test]
fn statements() {
    let (ines, marc) = people();
    let membership = MembershipId::from_bytes([0x61; 32]);
    let (person, circle) = (ines.id(), CircleId::from_bytes([0x65; 32]));
    let about = |of| match of {
        0 => Subject::Person(person),
        1 => Subject::Circle(circle),
        2 => Subject::Slice(SliceId::from_bytes([0x66; 32])),
        _ => Subject::Control(SliceId::from_bytes([0x66; 32])),
    };
    let device = ines.authority.devices().values().next().unwrap();
    let new = NewDevice {
        signing: &ines.device,
        sealing: &device.sealing,
        transport: device.transport,
    };
    let upto = Upto {
        statements: ids([0x67, 0x68]),
        logs: [0, 1]
            .map(|seq| LogPlace {
                log: ines.log(3).id(),
                seq,
                hash: [0x69; 32],
            })
            .to_vec(),
    };
    let logs = upto.logs.clone();
    let joins = Consent::of_person(circle, membership, marc.id(), Role::Admin);
    let kinds = [
        ("device", 0, new.consent(person, membership, 7)),
        (
            "person",
            1,
            Kind::Person {
                person: marc.id(),
                role: Role::Admin,
                by: marc.device.public(),
                consent: joins.sign(&marc.device),
            },
        ),
        (
            "remove",
            0,
            Kind::Remove {
                membership,
                key: Some(Key32(ines.device.public())),
                keep: upto.clone(),
                trusted: Some(Tips(ids([0x67]))),
            },
        ),
        (
            "remove",
            2,
            Kind::Remove {
                membership,
                key: None,
                keep: Upto::default(),
                trusted: None,
            },
        ),
        (
            "extend",
            1,
            Kind::Extend {
                of: ids([0x6a, 0x6b]),
                upto: upto.clone(),
            },
        ),
        (
            "checkpoint",
            2,
            Kind::Checkpoint {
                upto: upto.clone(),
                logs: [0x6c; 32],
                documents: [0; 32],
                authority: ids([0x6d, 0x6e]),
                gate: 1,
            },
        ),
        (
            "approve",
            1,
            Kind::Approve {
                statement: StatementId::from_bytes([0x6f; 32]),
            },
        ),
        (
            "ring",
            0,
            Kind::Ring {
                parents: ids([0x70, 0x71]),
                commit: [0x72; 32],
                sealing: marc.sealing.public(),
                removed: ids([0x7a, 0x7b]),
            },
        ),
        (
            "rule",
            1,
            Kind::Rule {
                rule: Rule::Board { quorum: 3 },
            },
        ),
        ("grant", 2, Kind::Grant(ines.grant_to(&marc))),
        (
            "grant",
            2,
            Kind::Grant(Grant {
                audience: Audience::Circle(circle),
                abilities: Abilities::GRANT,
                parts: PartRange::ALL,
                depth: 4,
                ..ines.grant_to(&marc)
            }),
        ),
        (
            "grant",
            2,
            Kind::Grant(Grant {
                audience: Audience::Service(ServiceId::from_bytes([0x73; 32])),
                ..ines.grant_to(&marc)
            }),
        ),
        (
            "renew",
            2,
            Kind::Renew {
                grant: membership,
                expires: NOW,
            },
        ),
        (
            "mandate",
            2,
            Kind::Mandate {
                person: marc.id(),
                acts: vec![1, 3],
                expires: NOW,
                purpose: "une réunion".to_owned(),
            },
        ),
        (
            "certify",
            1,
            Kind::Certify {
                what: [0x74; 32],
                expires: NOW,
            },
        ),
        ("write key", 2, Kind::WriteKey { key: [0x75; 32] }),
        (
            "control key",
            3,
            Kind::ControlKey {
                key: [0x76; 32],
                rank: 2,
            },
        ),
        (
            "writer",
            3,
            Kind::Writer {
                key: [0x77; 32],
                bytes: 1 << 40,
                logs: 16,
            },
        ),
        (
            "access",
            3,
            Kind::Access {
                part: PartNumber(3),
                generation: GenerationId::from_bytes([0x78; 32]),
                commit: [0x79; 32],
            },
        ),
        (
            "compact",
            3,
            Kind::Compact {
                part: PartNumber(3),
                upto: logs.clone(),
            },
        ),
        (
            "erase",
            3,
            Kind::Erase {
                part: PartNumber(3),
                upto: logs,
            },
        ),
    ];
    let signed = kinds.map(|(name, of, kind)| {
        let statement = statement(about(of), &ines.device, kind);
        (
            name,
            SignedStatement::sign(statement, &ines.device).unwrap(),
        )
    });
    let stored = file(
        "statement",
        &json!({
            "object": "a statement of each kind, alone: whether it stands is seen among others",
            "version": 1,
            "key": hex(&ines.device.public()),
            "statements": signed.iter().map(|(name, statement)| json!({
                "kind": name,
                "bytes": hex(&statement.to_bytes()),
                "statement": hex(statement.id().as_bytes()),
            })).collect::<Vec<_>>(),
            "invalid": invalid::statements(&signed, &ines),
        }),
    );
    let listed: &Vec<Value> = stored["statements"].as_array().unwrap();
    for (listed, (_, statement)) in listed.iter().zip(signed) {
        let received = UnverifiedStatement::decode(&unhex(&listed["bytes"])).unwrap();
        assert_eq!(received.verify(), Ok(statement));
    }
}
