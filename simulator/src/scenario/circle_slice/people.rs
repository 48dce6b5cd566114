//! Who is in the circle, and how it begins.

use maille_protocol::crypto::{Key, SealingSecret, SigningKey};
use maille_protocol::evaluation::{Role, Rule};
use maille_protocol::grant::{Abilities, Audience, ContentPin, Grant};
use maille_protocol::id::{CircleId, InstallationId, MembershipId, PersonId, TransportId};
use maille_protocol::principal::{Authority, Circle, Known, NewDevice, phrase};
use maille_protocol::replica::{Me, Replica};
use maille_protocol::slice::{
    Access, ContentKind, ControlFounder, Owner, OwnerId, PartRange, SliceCharter,
};
use maille_protocol::statement::{Consent, Kind, Signer, Subject};
use maille_protocol::time::DAY_MS;
use rand_core::Rng as _;

use crate::clock::VirtualTime;
use crate::random::{NotForRealKeys, Seed};
use crate::world::NodeIndex;

/// Persons in the circle.
pub(super) const PERSONS: usize = 40;
/// Of them, those that have two devices: the first is senior to the second.
pub(super) const WITH_TWO: usize = 10;
/// Devices: every one is a node.
pub(super) const DEVICES: usize = PERSONS + WITH_TWO;
/// Founders, who are admins.
pub(super) const ADMINS: usize = 4;

/// A person's secrets: words on paper, and devices.
pub(super) struct Person {
    pub(super) id: PersonId,
    pub(super) root: SigningKey,
    pub(super) root_membership: MembershipId,
    pub(super) devices: Vec<Me>,
}

/// How it all begins: known to every device.
pub(super) struct Beginning {
    pub(super) persons: Vec<Person>,
    pub(super) known: Known,
    pub(super) circle: CircleId,
    access: Access,
    tag_key: Key,
}

impl Beginning {
    /// Founds persons and their circle, whose members write one slice.
    pub(super) fn new(seed: Seed) -> Self {
        let mut rng = seed.stream(NodeIndex(u32::MAX), "circle-slice");
        let mut known = Known::default();
        let mut persons = Vec::new();
        for number in 0..PERSONS {
            let (person, authority) = person(&mut rng, if number < WITH_TWO { 2 } else { 1 });
            known.people.insert(person.id, authority);
            persons.push(person);
        }
        let founders: Vec<PersonId> = persons[..ADMINS].iter().map(|person| person.id).collect();
        let mut circle = Circle::found(Rule::Admins, &founders, true, &known.people, &mut rng)
            .expect("four persons are admins");
        for (number, person) in persons.iter().enumerate().skip(ADMINS) {
            let admin = &persons[number % ADMINS];
            let membership = circle.members()[&admin.id].membership;
            let device = &person.devices[0].signing;
            let consent = Consent::of_person(circle.id(), membership, person.id, Role::Member);
            let kind = Kind::Person {
                person: person.id,
                role: Role::Member,
                by: device.public(),
                consent: consent.sign(device),
            };
            circle
                .say(&signer(&admin.devices[0], membership), kind, &known.people)
                .expect("an admin admits");
        }
        let id = circle.id();
        known.circles.insert(id, circle);
        let access = slice(&mut rng, &persons[0], &known, id);
        Self {
            persons,
            known,
            circle: id,
            access,
            tag_key: Key::random(&mut rng),
        }
    }

    /// The slice as a device holds it in the beginning.
    pub(super) fn replica(&self, me: Me) -> Replica {
        let access = self.access.clone();
        Replica::new(
            me,
            self.known.clone(),
            self.circle,
            access,
            self.tag_key.clone(),
        )
    }

    /// Of which person each device is.
    pub(super) fn owners(&self) -> impl Iterator<Item = (usize, &Me)> {
        let all = self.persons.iter().enumerate();
        all.flat_map(|(number, person)| person.devices.iter().map(move |me| (number, me)))
    }

    /// The circle as a subject.
    pub(super) const fn subject(&self) -> Subject {
        Subject::Circle(self.circle)
    }
}

pub(super) fn signer(me: &Me, membership: MembershipId) -> Signer<'_> {
    Signer {
        key: &me.signing,
        membership,
        installation: me.installation,
    }
}

fn bytes(rng: &mut NotForRealKeys) -> [u8; 32] {
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// A device that nobody has admitted yet.
pub(super) fn device(rng: &mut NotForRealKeys, person: PersonId) -> Me {
    let seed = Key::from_bytes(bytes(rng));
    Me {
        person,
        signing: SigningKey::from_seed(seed.as_bytes()),
        seed,
        sealing: SealingSecret::from_seed(&bytes(rng)),
        installation: InstallationId::from_bytes(bytes(rng)),
    }
}

fn person(rng: &mut NotForRealKeys, devices: usize) -> (Person, Authority) {
    let mut words = [0; 64];
    rng.fill_bytes(&mut words);
    let keys = phrase::keys(&words);
    let nobody = PersonId::from_bytes([0; 32]);
    let mut all: Vec<Me> = (0..devices).map(|_| device(rng, nobody)).collect();
    let mut authority: Option<Authority> = None;
    for me in &all {
        let sealing = me.sealing.public();
        let transport = TransportId::from_bytes(bytes(rng));
        let new = NewDevice {
            signing: &me.signing,
            sealing: &sealing,
            transport,
        };
        if let Some(authority) = &mut authority {
            let root = Signer {
                key: &keys.root,
                membership: authority.root(),
                installation: InstallationId::from_bytes([1; 32]),
            };
            authority.admit(&root, &new).expect("the root admits");
        } else {
            let public = keys.recovery.public();
            authority = Some(Authority::found(&keys.root, public, None, (new, 1), rng));
        }
    }
    let authority = authority.expect("at least one device");
    for me in &mut all {
        me.person = authority.person();
    }
    let person = Person {
        id: authority.person(),
        root: keys.root,
        root_membership: authority.root(),
        devices: all,
    };
    (person, authority)
}

/// A slice of the circle, which all its members may write.
fn slice(rng: &mut NotForRealKeys, maker: &Person, known: &Known, circle: CircleId) -> Access {
    let salt = bytes(rng);
    let me = &maker.devices[0];
    let control = ControlFounder {
        key: SliceCharter::control_key(&me.seed, &salt).public(),
        rank: 1,
        root: None,
    };
    let owner = OwnerId::Circle(circle);
    let charter = SliceCharter::new(ContentKind::Documents, owner, salt, control);
    let circle = &known.circles[&circle];
    let mut access =
        Access::begin(charter, Owner::Circle(circle), known).expect("the circle's own");
    let now = VirtualTime::START.timestamp();
    let grant = Grant {
        audience: Audience::Circle(circle.id()),
        abilities: Abilities::WRITE,
        parts: PartRange::ALL,
        not_before: now,
        expires: now.plus_millis(90 * DAY_MS),
        depth: 0,
        purpose: String::from("une liste à plusieurs"),
        content: ContentPin {
            name: String::from("list"),
            hash: [0; 32],
        },
    };
    let membership = circle.members()[&maker.id].membership;
    access
        .say(&signer(me, membership), Kind::Grant(grant), known)
        .expect("an admin grants");
    access
}
