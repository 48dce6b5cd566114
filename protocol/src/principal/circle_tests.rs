use super::*;
use crate::crypto::SigningKey;
use crate::evaluation::Upto;
use crate::id::{DeviceId, InstallationId, TransportId};
use crate::principal::{NewDevice, People};
use crate::statement::Consent;
use crate::testing::{Someone, keeps_the_rules, removal, rng};

/// Four persons who know each other, each with one device, and a circle of the first three.
struct World {
    someone: Vec<Someone>,
    people: People,
    circle: Circle,
}

impl World {
    fn new(rule: Rule) -> Self {
        let someone: Vec<Someone> = (1..=4).map(Someone::new).collect();
        let people: People = (someone.iter())
            .map(|one| (one.id(), one.authority.clone()))
            .collect();
        let founders: Vec<PersonId> = someone.iter().take(3).map(Someone::id).collect();
        let circle = Circle::found(rule, &founders, false, &people, &mut rng(9)).unwrap();
        Self {
            someone,
            people,
            circle,
        }
    }

    fn id(&self, person: usize) -> PersonId {
        self.someone[person].id()
    }

    fn membership(&self, person: usize) -> MembershipId {
        let who = Who::Person(self.id(person));
        let members = self.circle.principal().outcome().members();
        *members
            .iter()
            .find(|(_, member)| member.who == who)
            .unwrap()
            .0
    }

    fn signer(&self, person: usize) -> Signer<'_> {
        Signer {
            key: &self.someone[person].device,
            membership: self.membership(person),
            installation: self.someone[person].installation,
        }
    }

    fn says(&self, circle: &mut Circle, person: usize, kind: Kind) -> SignedStatement {
        circle
            .say(&self.signer(person), kind, &self.people)
            .unwrap()
    }

    fn say(&mut self, person: usize, kind: Kind) -> SignedStatement {
        let mut circle = self.circle.clone();
        let said = self.says(&mut circle, person, kind);
        self.circle = circle;
        said
    }

    /// The admission of `guest` by `person`, consented to by the guest's device.
    fn admission(&self, person: usize, guest: usize, role: Role) -> Kind {
        let by = &self.someone[guest].device;
        let said = Consent::of_person(
            self.circle.id(),
            self.membership(person),
            self.id(guest),
            role,
        );
        Kind::Person {
            person: self.id(guest),
            role,
            by: by.public(),
            consent: said.sign(by),
        }
    }

    /// The removal of `person` that keeps all that they said so far.
    fn removal(&self, person: usize) -> Kind {
        let signer = self.signer(person);
        let history = self.circle.principal().history();
        let mut statements = history.tips(&signer.speaker(), &signer.installation);
        statements.sort_unstable();
        removal(signer.membership, statements)
    }

    fn belongs(&self, person: usize) -> bool {
        self.circle.members().contains_key(&self.id(person))
    }
}

const BOARD: Rule = Rule::Board { quorum: 2 };

#[test]
fn a_circle_is_verified_by_its_id_and_the_persons_known() {
    let mut world = World::new(Rule::Admins);
    let kind = world.admission(1, 3, Role::Member);
    world.say(1, kind);
    keeps_the_rules(&world.circle.principal().to_wire(), PRINCIPAL_BYTES_MAX);
    let bytes = world.circle.to_bytes();
    let read = || UnverifiedCircle::decode(&bytes).unwrap();
    let circle = read().verify(world.circle.id(), &world.people).unwrap();
    assert_eq!(circle, world.circle);
    assert_eq!(circle.members().len(), 4);
    // Who knows nobody sees whom the charter names, and no key of theirs; later more.
    let mut stranger = read().verify(world.circle.id(), &People::new()).unwrap();
    assert_eq!(stranger.members().len(), 3);
    stranger.judge(&world.people);
    assert_eq!(stranger, world.circle);
    assert_eq!(stranger.members().len(), 4);
    let other = World::new(BOARD).circle.id();
    assert!(matches!(
        read().verify(other, &world.people),
        Err(CircleError::OtherCircle { .. })
    ));
    // No circle is a person, nor the other way round.
    let person = &world.someone[0].authority;
    let got = UnverifiedCircle::decode(&person.to_bytes()).unwrap();
    assert_eq!(
        got.verify(world.circle.id(), &world.people),
        Err(CircleError::Person)
    );
    let got = crate::principal::UnverifiedAuthority::decode(&bytes).unwrap();
    assert!(got.verify(person.person()).is_err());
}

#[test]
fn nobody_joins_a_circle_without_wanting_to() {
    let world = World::new(Rule::Admins);
    let Kind::Person {
        person,
        role,
        consent,
        ..
    } = world.admission(0, 3, Role::Member)
    else {
        unreachable!()
    };
    let with = |role, by: &SigningKey, consent, admitter: usize| {
        let kind = Kind::Person {
            person,
            role,
            by: by.public(),
            consent,
        };
        let mut circle = world.circle.clone();
        let said = circle.say(&world.signer(admitter), kind, &world.people);
        (said.is_ok(), circle.members().contains_key(&person))
    };
    let zoe = &world.someone[3].device;
    assert_eq!(with(role, zoe, consent, 0), (true, true));
    assert_eq!(
        with(Role::Admin, zoe, consent, 0),
        (false, false),
        "another role"
    );
    assert_eq!(
        with(role, zoe, consent, 1),
        (false, false),
        "another admitter"
    );
    // Somebody else's key consents to it: well signed, but not hers.
    let marc = &world.someone[1].device;
    let said = Consent::of_person(world.circle.id(), world.membership(0), person, role);
    assert_eq!(with(role, marc, said.sign(marc), 0), (true, false));
}

#[test]
fn of_two_admins_who_remove_each_other_the_earlier_stays() {
    let mut world = World::new(Rule::Admins);
    let (mut a, mut b) = (world.circle.clone(), world.circle.clone());
    world.says(&mut a, 0, world.removal(1));
    world.says(&mut b, 1, world.removal(0));
    // The second has seen the first's, which changes nothing.
    let mut c = a.clone();
    world.says(&mut c, 1, world.removal(0));
    for other in [&b, &c] {
        let mut both = a.clone();
        both.merge(other, &world.people);
        assert!(both.members().contains_key(&world.id(0)));
        assert!(!both.members().contains_key(&world.id(1)));
    }
    b.merge(&a, &world.people);
    assert!(!b.members().contains_key(&world.id(1)));
    world.circle = b;
    assert!(world.belongs(0) && world.belongs(2));
}

#[test]
fn a_member_who_is_no_admin_admits_nobody_and_can_leave() {
    let mut world = World::new(Rule::Admins);
    let kind = world.admission(0, 3, Role::Member);
    world.say(0, kind);
    let kind = world.removal(2);
    world.say(3, kind);
    assert!(world.belongs(2), "removes nobody");
    let kind = world.removal(3);
    world.say(3, kind);
    assert!(!world.belongs(3), "but may go");
}

#[test]
fn a_stolen_device_of_a_member_is_answered_by_the_member_alone() {
    // Inès's phone is stolen, and admits an accomplice to the circle.
    let mut world = World::new(Rule::Admins);
    let phone = SigningKey::from_seed(&[77; 32]);
    let device = NewDevice {
        signing: &phone,
        sealing: &world.someone[0].sealing.public(),
        transport: TransportId::from_bytes([78; 32]),
    };
    let ines = world.id(0);
    let laptop = Signer {
        key: &world.someone[0].device,
        membership: world.someone[0]
            .authority
            .devices()
            .values()
            .next()
            .unwrap()
            .membership,
        installation: world.someone[0].installation,
    };
    let mut authority = world.someone[0].authority.clone();
    let admitted = authority.admit(&laptop, &device).unwrap();
    world.people.insert(ines, authority.clone());
    world.circle.judge(&world.people);
    let by_phone = Signer {
        key: &phone,
        membership: world.membership(0),
        installation: InstallationId::from_bytes([79; 32]),
    };
    let mut circle = world.circle.clone();
    let kind = world.admission(0, 3, Role::Admin);
    let said = circle.say(&by_phone, kind, &world.people).unwrap();
    assert!(circle.members().contains_key(&world.id(3)));
    // Her laptop removes the phone from herself: nothing of it stands in the circle any more.
    authority
        .say(&laptop, removal(admitted, Vec::new()))
        .unwrap();
    assert!(
        authority
            .device(&DeviceId::from_bytes(phone.public()))
            .is_none()
    );
    world.people.insert(ines, authority);
    circle.judge(&world.people);
    assert!(!circle.members().contains_key(&world.id(3)));
    assert!(circle.members().contains_key(&ines));
    assert!(!circle.speaks(&by_phone.speaker()));
    // But what she says was rightly said, by a removal that keeps it.
    let keep = Kind::Remove {
        membership: world.membership(0),
        key: Some(crate::statement::Key32(phone.public())),
        keep: Upto {
            statements: vec![said.id()],
            logs: Vec::new(),
        },
        trusted: None,
    };
    // Nobody has forgotten what the phone said: her laptop has not said yet how much of it stays.
    assert!(circle.principal().statement(&said.id()).is_some());
    world.says(&mut circle, 0, keep);
    assert!(circle.members().contains_key(&world.id(3)));
    assert!(!circle.speaks(&by_phone.speaker()));
}

#[test]
fn a_board_decides_by_as_many_as_its_charter_says() {
    let mut world = World::new(BOARD);
    let kind = world.removal(0);
    let proposed = world.say(2, kind);
    assert!(world.belongs(0), "one is not enough");
    let approve = Kind::Approve {
        statement: proposed.id(),
    };
    world.say(2, approve.clone());
    assert!(world.belongs(0), "nor the same one twice");
    world.say(1, approve);
    assert!(!world.belongs(0), "a founder too");
    // Who was removed decides no more.
    let kind = world.removal(2);
    let revenge = world.circle.clone();
    world.circle = revenge;
    let by = world.signer(0);
    let proposed = by
        .say(
            world.circle.principal().history(),
            world.circle.principal().subject(),
            kind,
        )
        .unwrap();
    world.circle.add([proposed], &world.people).unwrap();
    assert!(world.belongs(2));
}

#[test]
fn nobody_is_seated_on_a_board_without_wanting_to() {
    // The board decides to seat Zoé, with the consent of a key that is not hers.
    let mut world = World::new(BOARD);
    let Kind::Person { person, role, .. } = world.admission(0, 3, Role::Admin) else {
        unreachable!()
    };
    let by = &world.someone[1].device;
    let consent = Consent::of_person(world.circle.id(), world.membership(0), person, role).sign(by);
    let by = by.public();
    let kind = Kind::Person {
        person,
        role,
        by,
        consent,
    };
    let statement = world.say(0, kind).id();
    world.say(1, Kind::Approve { statement });
    assert!(!world.belongs(3));
    // What she signs by that membership counts for nothing.
    let kind = world.removal(2);
    let proposed = world.say(0, kind).id();
    let zoe = Signer {
        key: &world.someone[3].device,
        membership: MembershipId::from_bytes(*statement.as_bytes()),
        installation: world.someone[3].installation,
    };
    let principal = world.circle.principal();
    let approve = Kind::Approve {
        statement: proposed,
    };
    let said = (zoe.say(principal.history(), principal.subject(), approve)).unwrap();
    world.circle.add([said], &world.people).unwrap();
    assert!(world.belongs(2));
}

/// Found while reading the change once more: whom one member admitted alone could sign for a board.
#[test]
fn whom_one_member_of_a_board_admits_alone_is_nobody_on_it() {
    let mut world = World::new(BOARD);
    let kind = world.admission(0, 3, Role::Admin);
    let admitted = world.say(0, kind);
    assert!(!world.belongs(3));
    let kind = world.removal(2);
    let proposed = world.say(0, kind);
    let accomplice = Signer {
        key: &world.someone[3].device,
        membership: admitted.membership(),
        installation: world.someone[3].installation,
    };
    for statement in [proposed.id(), admitted.id()] {
        let principal = world.circle.principal();
        let kind = Kind::Approve { statement };
        let said = (accomplice.say(principal.history(), principal.subject(), kind)).unwrap();
        world.circle.add([said], &world.people).unwrap();
    }
    assert!(world.belongs(2) && !world.belongs(3));
    // Decided by the board, the admission counts, and so do the signatures of whom it admits.
    let approve = Kind::Approve {
        statement: admitted.id(),
    };
    world.say(1, approve);
    assert!(world.belongs(3) && !world.belongs(2));
}

#[test]
fn of_two_decisions_of_a_board_that_contradict_each_other_one_stands_everywhere() {
    // The first proposes to remove the third, the third to remove the first, at the same time; the
    // second agrees to both.
    let world = World::new(BOARD);
    let (mut left, mut right) = (world.circle.clone(), world.circle.clone());
    let approve = |said: SignedStatement| Kind::Approve {
        statement: said.id(),
    };
    let first = approve(world.says(&mut left, 0, world.removal(2)));
    let third = approve(world.says(&mut right, 2, world.removal(0)));
    let belongs = |circle: &Circle| [0, 1, 2].map(|n| circle.members().contains_key(&world.id(n)));
    for order in [[&first, &third], [&third, &first]] {
        let mut one = left.clone();
        one.merge(&right, &world.people);
        for kind in order {
            world.says(&mut one, 1, kind.clone());
        }
        // The one whose signers come first in the charter.
        assert_eq!(belongs(&one), [true, true, false]);
        let mut other = right.clone();
        other.merge(&one, &world.people);
        assert_eq!((&one, one.members()), (&other, other.members()));
    }
    // Had the second agreed to each as if to it alone, their log would fork, and neither counts.
    world.says(&mut left, 1, first);
    world.says(&mut right, 1, third);
    assert_eq!(belongs(&left), [true, true, false]);
    assert_eq!(belongs(&right), [false, true, true]);
    left.merge(&right, &world.people);
    assert_eq!(belongs(&left), [true, true, true]);
}

#[test]
fn a_charter_that_no_circle_has_is_refused() {
    let people = People::new();
    let ids: Vec<PersonId> = (0..33).map(|n| PersonId::from_bytes([n; 32])).collect();
    let found = |rule, founders: &[PersonId]| {
        Circle::found(rule, founders, false, &people, &mut rng(1))
            .map(|circle| circle.members().len())
    };
    assert_eq!(found(Rule::Admins, &ids[..32]), Ok(32));
    assert_eq!(found(Rule::Admins, &ids[..0]), Err(CharterError::Founders));
    assert_eq!(
        found(Rule::Admins, &[ids[1], ids[1]]),
        Err(CharterError::Founders)
    );
    assert_eq!(found(Rule::Rank, &ids[..1]), Err(CharterError::Founders));
    assert_eq!(found(Rule::Vote, &ids[..3]), Err(CharterError::Rule));
    for quorum in [0, 1, 4] {
        let refused = CharterError::Quorum {
            quorum,
            founders: 3,
        };
        assert_eq!(found(Rule::Board { quorum }, &ids[..3]), Err(refused));
    }
    let full = found(Rule::Admins, &ids);
    assert_eq!(
        full,
        Err(CharterError::Founders),
        "one more than a charter has"
    );
}
