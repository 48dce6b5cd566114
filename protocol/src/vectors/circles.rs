//! A circle, a slice of it, and a person with a second root.

use serde_json::json;

use super::{file, hex, invalid, people, unhex};
use crate::crypto::{SealingSecret, SigningKey};
use crate::evaluation::{Role, Rule};
use crate::grant::{Abilities, Grant};
use crate::id::{GrantId, TransportId};
use crate::principal::{
    Authority, Circle, Known, NewDevice, NextRoot, UnverifiedAuthority, UnverifiedCircle, phrase,
};
use crate::slice::{Access, ContentKind, Owner, SliceCharter, UnverifiedAccess};
use crate::statement::{Consent, Kind, Signer, Subject};
use crate::testing::{Someone, rng};
use crate::wire;

/// What `someone` signs statements about the circle by, and about its slices.
fn signer<'a>(someone: &'a Someone, circle: &Circle) -> Signer<'a> {
    Signer {
        membership: circle.members()[&someone.id()].membership,
        ..someone.signer()
    }
}

/// The first two of `people` found it, the first admits the third, and announces a ring key.
fn founded(people: &[Someone], known: &Known) -> Circle {
    let founders = [people[0].id(), people[1].id()];
    let rule = Rule::Admins;
    let mut circle = Circle::found(rule, &founders, true, &known.people, &mut rng(9)).unwrap();
    let first = signer(&people[0], &circle);
    let (person, role) = (people[2].id(), Role::Member);
    let consent = Consent::of_person(circle.id(), first.membership, person, role);
    let admits = Kind::Person {
        person,
        role,
        by: people[2].device.public(),
        consent: consent.sign(&people[2].device),
    };
    circle.say(&first, admits, &known.people).unwrap();
    let ring = Kind::Ring {
        parents: Vec::new(),
        commit: [0x72; 32],
        sealing: SealingSecret::from_seed(&[0x73; 32]).public(),
        removed: Vec::new(),
    };
    circle.say(&first, ring, &known.people).unwrap();
    circle
}

/// A slice of the circle, and a grant of it that is handed on, from each of `people` to the next.
fn handed_on(people: &[Someone], circle: &Circle, known: &Known) -> (Access, Vec<GrantId>) {
    let charter = SliceCharter {
        kind: ContentKind::Documents,
        ..people[0].slice_of(circle.id())
    };
    let mut access = Access::begin(charter, Owner::Circle(circle), known).unwrap();
    let (mut by, mut grants) = (signer(&people[0], circle).membership, Vec::new());
    let links = people.len() - 1;
    for (at, pair) in people.windows(2).enumerate() {
        let grant = Kind::Grant(Grant {
            abilities: Abilities::GRANT,
            depth: u8::try_from(links - at).unwrap(),
            ..people[0].grant_to(&pair[1])
        });
        let signer = Signer {
            membership: by,
            ..pair[0].signer()
        };
        by = access.say(&signer, grant, known).unwrap().membership();
        grants.push(by.into());
    }
    (access, grants)
}

#[test]
fn circles() {
    let people: Vec<Someone> = (1..=7).map(Someone::new).collect();
    let mut known = Known::default();
    for person in &people {
        (known.people).insert(person.id(), person.authority.clone());
    }
    let circle = founded(&people, &known);
    let (access, grants) = handed_on(&people[..6], &circle, &known);
    let members: Vec<_> = circle.members().iter().collect();
    let stored = file(
        "circle",
        &json!({
            "object": "a circle of two founders who admitted a third; a slice of it, with a chain of five grants",
            "version": 1,
            "people": people.iter().map(|it| hex(&it.authority.to_bytes())).collect::<Vec<_>>(),
            "bytes": hex(&circle.to_bytes()),
            "circle": circle.id().to_string(),
            "members": members.iter().map(|(person, member)| json!({
                "person": person.to_string(),
                "membership": member.membership.to_string(),
                "role": u8::from(member.role == Role::Admin),
            })).collect::<Vec<_>>(),
            "slice_charter": hex(&wire::encode(access.charter())),
            "slice": access.id().to_string(),
            "access": hex(&access.to_bytes()),
            "grants": grants.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "invalid": invalid::circles(&circle, &access, &people, &known),
        }),
    );
    let received = UnverifiedCircle::decode(&unhex(&stored["bytes"])).unwrap();
    let received = received.verify(circle.id(), &known.people).unwrap();
    assert_eq!(received, circle);
    let read = UnverifiedAccess::decode(&unhex(&stored["access"])).unwrap();
    let owner = Owner::Circle(&received);
    let read = read.verify(access.id(), owner, &known).unwrap();
    assert_eq!(read, access);
    assert!(grants.iter().all(|grant| read.allowed(grant).is_ok()));
}

#[test]
fn second_roots() {
    let (ines, marc) = people();
    let (keys, next) = (phrase::keys(&[1; 64]), SigningKey::from_seed(&[0x75; 32]));
    let sealing = ines.sealing.public();
    let first = NewDevice {
        signing: &ines.device,
        sealing: &sealing,
        transport: TransportId::from_bytes([0x74; 32]),
    };
    let next_root = Some(NextRoot::of(&next.public()));
    let recovery = keys.recovery.public();
    let mut person = Authority::found(&keys.root, recovery, next_root, (first, 1), &mut rng(1));
    let by_next = Signer {
        key: &next,
        membership: person.next_root(),
        installation: ines.installation,
    };
    let second = NewDevice {
        signing: &marc.device,
        sealing: &marc.sealing.public(),
        transport: TransportId::from_bytes([0x73; 32]),
    };
    let device = second.consent(person.person(), by_next.membership, 1);
    let set = person.statements();
    let said = by_next.say(set.history(), set.subject(), device).unwrap();
    person.add(said).unwrap();
    let stored = file(
        "next-root",
        &json!({
            "object": "a person whose second root has admitted a device",
            "version": 1,
            "bytes": hex(&person.to_bytes()),
            "person": person.person().to_string(),
            "next_root_seed": hex(&[0x75; 32]),
            "device_by_root": hex(&ines.device.public()),
            "device_by_next_root": hex(&marc.device.public()),
            "invalid": invalid::second_roots(&person, &next),
        }),
    );
    let received = UnverifiedAuthority::decode(&unhex(&stored["bytes"])).unwrap();
    let received = received.verify(person.person()).unwrap();
    assert_eq!(received, person);
    let subject = received.statements().subject();
    assert_eq!(subject, Subject::Person(person.person()));
    assert_eq!(received.devices().len(), 2);
}
