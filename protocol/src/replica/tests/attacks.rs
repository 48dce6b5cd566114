//! Stories of those who cheat, each of a hole that a review found on 2026-11-27.

use super::*;
use crate::crypto::{SigningKey, domain};
use crate::entry::Binding;
use crate::evaluation::Role;
use crate::generation::{GenerationBatch, GenerationRecord, Issuer, Next};
use crate::grant::{Abilities, Grant};
use crate::id::TransportId;
use crate::principal::NewDevice;
use crate::ring::Target;
use crate::statement::{Consent, Key32};
use crate::wire::{self, V1};

/// Another device: keys from a number.
struct Gadget {
    seed: Key,
    signing: SigningKey,
    sealing: SealingSecret,
    transport: TransportId,
}

impl Gadget {
    fn new(number: u8) -> Self {
        let seed = Key::from_bytes([number; 32]);
        let transport = SigningKey::from_seed(&[number ^ 0x80; 32]).public();
        Self {
            signing: SigningKey::from_seed(seed.as_bytes()),
            seed,
            sealing: SealingSecret::from_seed(&[number ^ 0x40; 32]),
            transport: TransportId::from_bytes(transport),
        }
    }

    fn admitted_by(&self, person: PersonId, admitter: MembershipId, rank: u32) -> Kind {
        let sealing = self.sealing.public();
        let device = NewDevice {
            signing: &self.signing,
            sealing: &sealing,
            transport: self.transport,
        };
        device.consent(person, admitter, rank)
    }

    fn me(&self, person: PersonId, number: u8) -> Me {
        Me {
            person,
            signing: self.signing.clone(),
            seed: self.seed.clone(),
            sealing: self.sealing.clone(),
            installation: InstallationId::from_bytes([number; 32]),
        }
    }
}

/// All that `from` holds, given to `to`, again and again, whatever is refused.
fn hears_all(to: &mut Replica, from: &Replica) {
    for _ in 0..3 {
        let _ = to.take_statements(from.statements().cloned());
        to.take_objects(from.objects().cloned());
        for generation in from.generations() {
            let _ = to.take_generation(generation.clone());
        }
        for entry in from.entries() {
            let _ = takes(to, entry);
        }
    }
}

fn circle_subject(replica: &Replica) -> Subject {
    Subject::Circle(replica.circle().id())
}

fn membership_of(replica: &Replica, person: &Someone) -> MembershipId {
    replica.circle().members()[&person.id()].membership
}

/// As `removes_the_third`, whether or not the third wrote anything.
fn cuts_the_third(people: &[Someone; 3], first: &mut Replica) -> Vec<SignedStatement> {
    let (circle, third) = (circle_subject(first), membership_of(first, &people[2]));
    let keep = first.held_of(&third, &circle).statements;
    let gone = first.say(circle, removal(third, keep)).unwrap();
    let slice = Subject::Slice(first.access().id());
    let cut = Kind::Remove {
        membership: third,
        key: None,
        keep: first.held_of(&third, &slice),
        trusted: None,
    };
    vec![gone, first.say(slice, cut).unwrap()]
}

fn admission(by: &Replica, admitter: &Someone, guest: &Someone, role: Role) -> Kind {
    let membership = membership_of(by, admitter);
    let consent = Consent::of_person(by.circle().id(), membership, guest.id(), role);
    Kind::Person {
        person: guest.id(),
        role,
        by: guest.device.public(),
        consent: consent.sign(&guest.device),
    }
}

/// The first removes one key of the third in the circle (its device was stolen; the third's words are
/// lost). The next ring key must not go to that device.
#[test]
fn a_key_that_was_removed_in_the_circle_is_boxed_no_later_ring_key() {
    let (people, [mut first, _, mut third]) = three();
    let (circle, membership) = (circle_subject(&first), membership_of(&first, &people[2]));
    let stolen = people[2].device.public();
    let gone = Kind::Remove {
        membership,
        key: Some(Key32(stolen)),
        keep: Upto::default(),
        trusted: None,
    };
    let gone = first.say(circle, gone).unwrap();
    assert!(!first.circle().speaks(&Speaker {
        membership,
        key: stolen
    }));
    let owed = WriteError::NoKey(NoKeyError::Owed(Owed { level: 0 }));
    assert_eq!(
        first.write(PART, Vec::new(), NOW),
        Err(owed),
        "the removal taints the old key"
    );
    let news = first.rotate(PART, &mut rng(2)).unwrap();
    let later = first.write(PART, b"later".to_vec(), NOW).unwrap();

    let _ = third.take_statements([gone]);
    let _ = third.take_statements(news.statements.clone());
    third.take_objects(news.objects.clone());
    let _ = third.take_generation(news.generations[0].clone());
    assert!(
        !third.opens(&later.generation()),
        "the removed device reads on"
    );
}

/// The first's phone removes the first's stolen laptop (in the first's authority) and rotates: the new ring
/// key names that removal. The thief keeps the removal, which no statement of the circle cites, from the
/// second, and makes the second rotate. The second's ring key comes after the first's, so it is taken to be by somebody
/// who knew; and it is boxed to the laptop.
#[test]
fn nobody_seals_under_what_one_who_had_not_heard_gave_to_the_removed_device() {
    let mut people = [1, 2, 3].map(Someone::new);
    let laptop = Gadget::new(77);
    let root = people[0].authority.root();
    let admit = laptop.admitted_by(people[0].id(), root, 2);
    let by_root = Signer {
        key: &people[0].root.clone(),
        membership: root,
        installation: InstallationId::from_bytes([70; 32]),
    };
    let laptop_is = people[0]
        .authority
        .say(&by_root, admit)
        .unwrap()
        .membership();
    let [mut first, mut second, _] = circle_of(&people, &[]);
    let me = laptop.me(people[0].id(), 71);
    let (circle, access) = (first.circle().id(), first.access().clone());
    let mut thief = Replica::new(me, first.known().clone(), circle, access, tag_key());

    let removed = first
        .say(
            Subject::Person(people[0].id()),
            removal(laptop_is, Vec::new()),
        )
        .unwrap();
    let news = first.rotate(PART, &mut rng(2)).unwrap();
    assert_eq!(news.statements.len(), 1);
    hears(&mut second, &news); // but not of the removal
    hears_all(&mut thief, &second);
    assert!(
        !thief.opens(&news.generations[0].id()),
        "so far it is kept out"
    );

    // The thief says something that asks for a rotation.
    let nothing = removal(membership_of(&first, &people[2]), Vec::new());
    let nothing = thief.say(Subject::Circle(circle), nothing).unwrap();
    second.take_statements([nothing.clone()]).unwrap();
    let rotated = second.rotate(PART, &mut rng(3)).unwrap();
    assert_eq!(rotated.statements.len(), 1);

    // Everybody hears of everything, the removal included.
    first.take_statements([nothing]).unwrap();
    hears(&mut first, &rotated);
    second.take_statements([removed]).unwrap();
    hears_all(&mut thief, &second);
    for writer in [&mut first, &mut second] {
        if let Ok(later) = writer.write(PART, b"later".to_vec(), NOW) {
            assert!(
                !thief.opens(&later.generation()),
                "sealed under what the removed laptop has"
            );
        }
    }
}

/// Whoever carries objects puts a false one under a reader's tag first. The true one must still come in.
#[test]
fn a_false_object_under_a_readers_tag_gives_way_to_the_true_one() {
    let (people, [mut first, mut second, _]) = three();
    let said = cuts_the_third(&people, &mut first);
    let news = first.rotate(PART, &mut rng(2)).unwrap();
    for object in &news.objects {
        let mut bytes = wire::encode(object);
        *bytes.last_mut().unwrap() ^= 1;
        second.take_objects([KeyObject::decode(&bytes).unwrap()]);
    }
    second.take_statements(said).unwrap();
    for _ in 0..3 {
        hears(&mut second, &news);
        second.take_objects(first.hand_on(&mut rng(4)));
    }
    assert_eq!(second.write(PART, Vec::new(), NOW).err(), None);
}

/// The same by a stranger who fills the store of objects: what is carried is bounded, not by whom.
#[test]
fn objects_of_nobody_give_way_to_a_key() {
    let (people, [mut first, mut second, _]) = three();
    let key = RingKey::new(Key::from_bytes([3; 32]));
    let junk = (0u32..65_536).map(|number| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let target = Target::Ring {
            ring: KeyId::from_bytes(id),
            principal: [0; 32],
            commit: key.commit(&[0; 32]),
        };
        let none = KeyId::from_bytes([0; 32]);
        KeyObject::wrap(none, &key, key.key(), &target, key.key()).unwrap()
    });
    second.take_objects(junk);
    let said = cuts_the_third(&people, &mut first);
    let news = first.rotate(PART, &mut rng(2)).unwrap();
    second.take_statements(said).unwrap();
    hears(&mut second, &news);
    assert_eq!(second.write(PART, Vec::new(), NOW).err(), None);
}

/// A member announces a ring key that names a removal that does not exist. It is removed, all rotate; a
/// device that is admitted later must still be handed the current key.
#[test]
fn a_ring_that_names_a_removal_that_does_not_exist_ends_no_handing_on() {
    for named in [Vec::new(), vec![StatementId::from_bytes([0xee; 32])]] {
        let (people, [mut first, mut second, mut third]) = three();
        let circle = circle_subject(&first);
        let ring = RingKey::random(&mut rng(30));
        let poisoned = Kind::Ring {
            parents: vec![StatementId::from_bytes(
                *first.rings.keys().next().unwrap().as_bytes(),
            )],
            commit: ring.commit(first.circle().id().as_bytes()),
            sealing: people[2].sealing.public(),
            removed: named.clone(),
        };
        let poisoned = third.say(circle, poisoned).unwrap();
        first.take_statements([poisoned.clone()]).unwrap();
        second.take_statements([poisoned]).unwrap();

        second
            .take_statements(cuts_the_third(&people, &mut first))
            .unwrap();
        let news = first.rotate(PART, &mut rng(2)).unwrap();
        hears(&mut second, &news);
        let later = first.write(PART, b"later".to_vec(), NOW).unwrap();

        let tablet = Gadget::new(77);
        let admit = tablet.admitted_by(people[1].id(), people[1].author().membership, 2);
        let admit = second.say(Subject::Person(people[1].id()), admit).unwrap();
        first.take_statements([admit]).unwrap();
        let me = tablet.me(people[1].id(), 71);
        let (id, access) = (first.circle().id(), first.access().clone());
        let mut tablet = Replica::new(me, first.known().clone(), id, access, tag_key());
        for giver in [&mut first, &mut second] {
            let given = giver.hand_on(&mut rng(5));
            giver.take_objects(given);
        }
        hears_all(&mut tablet, &first);
        hears_all(&mut tablet, &second);
        assert!(tablet.opens(&later.generation()), "named: {named:?}");
        assert!(tablet.write(PART, Vec::new(), NOW).is_ok());
    }
}

/// A member announces a ring key and gives it to nobody (or a device dies before it did). The others must be
/// able to go on: now nothing is owed, and nobody has the key.
#[test]
fn a_ring_key_that_nobody_was_given_stops_nobody() {
    let (people, [mut first, _, mut third]) = three();
    let ring = Kind::Ring {
        parents: vec![StatementId::from_bytes(
            *first.rings.keys().next().unwrap().as_bytes(),
        )],
        commit: [7; 32],
        sealing: people[2].sealing.public(),
        removed: Vec::new(),
    };
    let ring = third.say(circle_subject(&first), ring).unwrap();
    first.take_statements([ring]).unwrap();
    // A grant ends, so the part needs a new key, under the ring key that nobody has.
    let slice = Subject::Slice(first.access().id());
    first
        .say(
            slice,
            removal(MembershipId::from_bytes([1; 32]), Vec::new()),
        )
        .unwrap();
    for _ in 0..3 {
        let _ = first.rotate(PART, &mut rng(2)).unwrap();
    }
    assert_eq!(first.write(PART, Vec::new(), NOW).err(), None);
}

/// The same one level up: a record whose commitment no key gives.
#[test]
fn a_generation_that_nobody_was_given_stops_nobody() {
    let (people, [mut first, _, third]) = three();
    let record = GenerationRecord {
        version: V1,
        slice: first.access().id(),
        part: PART,
        parents: first.generations.keys().copied().collect(),
        commit: [7; 32],
        removed: Vec::new(),
    };
    let issuer = Issuer {
        membership: membership_of(&third, &people[2]),
        signing: &people[2].device,
    };
    let under = *first.rings.keys().next().unwrap();
    let batch = GenerationBatch::sign(issuer, &[under], vec![record]).unwrap();
    first
        .take_generation(batch.generations().next().unwrap())
        .unwrap();
    let _ = first.rotate(PART, &mut rng(2)).unwrap();
    assert_eq!(first.write(PART, Vec::new(), NOW).err(), None);
}

/// Who was removed from the circle goes on to say in their own authority that they remove devices that they
/// never had: that must not ask anything of the circle any more.
#[test]
fn what_a_removed_member_says_of_their_own_devices_makes_nobody_wait() {
    let (people, [mut first, _, mut third]) = three();
    cuts_the_third(&people, &mut first);
    first.rotate(PART, &mut rng(2)).unwrap();
    first.write(PART, Vec::new(), NOW).unwrap();
    for number in 0..3 {
        let nobody = removal(MembershipId::from_bytes([number; 32]), Vec::new());
        let said = third.say(Subject::Person(people[2].id()), nobody).unwrap();
        first.take_statements([said]).unwrap();
        assert_eq!(
            first.write(PART, Vec::new(), NOW).err(),
            None,
            "statement {number}"
        );
        first.rotate(PART, &mut rng(3)).unwrap();
    }
}

/// The same until the circle's 1 MiB is full of ring statements, which are never forgotten: then nobody
/// can rotate any more, and nothing is ever written again.
#[test]
fn what_a_removed_member_says_of_their_own_devices_fills_no_circle() {
    let (people, [mut first, ..]) = three();
    cuts_the_third(&people, &mut first);
    first.rotate(PART, &mut rng(2)).unwrap();
    let mut authority = people[2].authority.clone();
    for number in 0u32..1000 {
        let mut nobody = [1; 32];
        nobody[..4].copy_from_slice(&number.to_le_bytes());
        let nobody = removal(MembershipId::from_bytes(nobody), Vec::new());
        let said = authority.say(&people[2].signer(), nobody).unwrap();
        first.take_statements([said]).unwrap();
        let rotated = first.rotate(PART, &mut rng(u64::from(number)));
        let wrote = first.write(PART, Vec::new(), NOW).map(|_| ());
        let bytes = first.circle().to_bytes().len();
        assert_eq!(
            (rotated.map(|_| ()), wrote),
            (Ok(()), Ok(())),
            "after {number} statements of 250 bytes; the circle has {bytes}"
        );
        first.generations.retain(|_, held| held.key.is_some());
    }
}

/// The third wrote something; then its device is stolen. The first, who holds what the third really wrote, removes
/// it and keeps that. Whoever heard of the thief's branches first must come to show the same.
#[test]
fn eight_branches_heard_first_do_not_hide_what_a_removal_keeps() {
    let (people, [mut first, mut second, mut third]) = three();
    let one = third.write(PART, b"one".to_vec(), NOW).unwrap();
    let stolen = third.clone();
    let two = third.write(PART, b"two".to_vec(), NOW).unwrap();
    takes(&mut first, &one).unwrap();
    takes(&mut first, &two).unwrap();
    takes(&mut second, &one).unwrap();
    for branch in 0..u8::try_from(BRANCHES_MAX).unwrap() {
        let forged = stolen.clone().write(PART, vec![branch], NOW).unwrap();
        takes(&mut second, &forged).unwrap();
    }
    let said = cuts_the_third(&people, &mut first);
    second.take_statements(said).unwrap();
    hears_all(&mut second, &first);
    hears_all(&mut first, &second);
    assert_eq!(shown(&first), [b"one", b"two"]);
    assert_eq!(shown(&second), shown(&first), "both were told everything");
}

#[derive(minicbor::Encode)]
#[cbor(array)]
struct Claim {
    #[n(0)]
    version: V1,
    #[n(1)]
    membership: MembershipId,
    #[n(2)]
    device: DeviceId,
    #[n(3)]
    log: LogId,
    #[n(4)]
    slice: crate::id::SliceId,
    #[n(5)]
    part: PartNumber,
    #[n(6)]
    installation: InstallationId,
}

/// A log is bound by whichever of its first entries was opened first. A thief of a device signs another
/// first entry that binds the log to a membership that nobody has.
#[test]
fn whose_a_log_is_does_not_depend_on_which_first_entry_came_first() {
    let (people, [mut first, mut second, mut third]) = three();
    let one = third.write(PART, b"one".to_vec(), NOW).unwrap();
    takes(&mut first, &one).unwrap();

    let (slice, thief) = (first.access().id(), &people[2]);
    let real = membership_of(&first, thief);
    let log = LogKey::derive(&thief.device_seed, real, thief.installation, slice, PART);
    assert_eq!(log.id(), one.log());
    let claim = Claim {
        version: V1,
        membership: MembershipId::from_bytes([0xbb; 32]),
        device: DeviceId::from_bytes(thief.device.public()),
        log: log.id(),
        slice,
        part: PART,
        installation: thief.installation,
    };
    let bytes = wire::encode(&claim);
    let binding = Binding {
        version: V1,
        membership: claim.membership,
        device: claim.device,
        installation: claim.installation,
        by_device: thief.device.sign(domain::LOG_BY_DEVICE, &bytes),
        by_log: log.sign(domain::LOG_BY_LOG, &bytes),
    };
    let (generation, key) = content_key(&third);
    let (other, _) = seal(SealParams {
        slice,
        part: PART,
        generation,
        key: &key,
        log: &log,
        tip: &LogTip::START,
        now: NOW,
        body: &Body::new(Some(binding), b"other".to_vec()),
    })
    .unwrap();
    takes(&mut second, &other).unwrap();

    let said = cuts_the_third(&people, &mut first);
    second.take_statements(said).unwrap();
    hears_all(&mut first, &second);
    hears_all(&mut second, &first);
    assert!(
        first.entries().count() == 2 && second.entries().count() == 2,
        "they hold the same"
    );
    assert_eq!(shown(&first), [b"one"]);
    assert_eq!(shown(&second), shown(&first));
}

/// The third admits an accomplice to the circle, who says something in the slice. The second, honest, says
/// something after it. The first removes the third, and the accomplice's admission falls. Who hears that before the
/// slice must come to hold what the second said.
#[test]
fn what_was_said_after_an_accomplice_is_heard_by_who_knew_of_the_removal() {
    let people = [1, 2, 3].map(Someone::new);
    let (mallory, dora) = (Someone::new(4), Someone::new(5));
    let [mut first, mut second, mut third] = circle_of(&people, &[&mallory, &dora]);
    let (circle, slice) = (circle_subject(&first), Subject::Slice(first.access().id()));
    let admitter = membership_of(&first, &people[2]);
    let consent = Consent::of_person(first.circle().id(), admitter, mallory.id(), Role::Admin);
    let admit = Kind::Person {
        person: mallory.id(),
        role: Role::Admin,
        by: mallory.device.public(),
        consent: consent.sign(&mallory.device),
    };
    let admit = third.say(circle, admit).unwrap();
    second.take_statements([admit]).unwrap();
    let (id, access) = (second.circle().id(), second.access().clone());
    let mut accomplice = Replica::new(me(&mallory), second.known().clone(), id, access, tag_key());
    let junk = accomplice
        .say(slice, Kind::Grant(people[0].grant_to(&mallory)))
        .unwrap();
    second.take_statements([junk]).unwrap();
    let grant = second
        .say(slice, Kind::Grant(people[1].grant_to(&dora)))
        .unwrap();

    let gone = first.say(circle, removal(admitter, Vec::new())).unwrap();
    second.take_statements([gone]).unwrap();
    hears_all(&mut first, &second);
    hears_all(&mut second, &first);
    assert!(
        second
            .access()
            .grants()
            .any(|(id, _)| id == grant.membership().into()),
        "it stands"
    );
    assert!(
        first
            .access()
            .grants()
            .any(|(id, _)| id == grant.membership().into()),
        "it is here"
    );
}

/// The third, an admin, grants to Mallory and says something else in the same place. Neither branch stands, so
/// nothing was granted; what Mallory writes must not stand.
#[test]
fn who_holds_a_grant_of_a_void_branch_writes_nothing() {
    let people = [1, 2, 3].map(Someone::new);
    let mallory = Someone::new(4);
    let [mut first, _, mut third] = circle_of(&people, &[&mallory]);
    let slice = Subject::Slice(first.access().id());
    let mut copy = third.clone();
    let grant = Grant {
        abilities: Abilities::WRITE,
        parts: crate::slice::PartRange {
            from: None,
            to: None,
        },
        ..people[0].grant_to(&mallory)
    };
    let granted = third.say(slice, Kind::Grant(grant)).unwrap();
    let other = copy
        .say(
            slice,
            removal(MembershipId::from_bytes([1; 32]), Vec::new()),
        )
        .unwrap();
    first.take_statements([granted.clone(), other]).unwrap();
    assert!(
        first
            .access()
            .allowed(&granted.membership().into())
            .is_err(),
        "nothing was granted"
    );

    let entry = first_entry(&third, &mallory, granted.membership(), b"void");
    takes(&mut first, &entry).unwrap();
    assert_eq!(shown(&first), Vec::<&[u8]>::new());
}

/// Who was removed may not fill the store of generations so that a rotation that all wait for is not kept.
#[test]
fn who_was_removed_does_not_fill_the_store_of_generations() {
    let (people, [mut first, _, third]) = three();
    let membership = membership_of(&third, &people[2]);
    cuts_the_third(&people, &mut first);
    let issuer = Issuer {
        membership,
        signing: &people[2].device,
    };
    let record = |number: u32| {
        let mut commit = [0; 32];
        commit[..4].copy_from_slice(&number.to_le_bytes());
        GenerationRecord {
            version: V1,
            slice: first.access().id(),
            part: PartNumber(number + 1),
            parents: Vec::new(),
            commit,
            removed: Vec::new(),
        }
    };
    let many = u32::try_from(GENERATIONS_EACH_MAX).unwrap();
    let records = (0..=many).map(record).collect();
    let batch = GenerationBatch::sign(issuer, &[], records).unwrap();
    let taken = batch
        .generations()
        .map(|signed| first.take_generation(signed));
    let taken: Vec<_> = taken.collect();
    let (last, before) = taken.split_last().unwrap();
    assert!(before.iter().all(Result::is_ok));
    assert_eq!(*last, Err(RefusedError::Full), "enough of one key");
    first.rotate(PART, &mut rng(2)).unwrap();
    assert_eq!(first.write(PART, Vec::new(), NOW).err(), None);
}

/// Anybody at all may fill the store of logs: an entry is kept if its own key signed it.
#[test]
fn strangers_do_not_fill_the_store_of_logs() {
    let (_, [mut first, mut second, _]) = three();
    let stranger = Someone::new(99);
    let (slice, key) = (first.access().id(), ContentKey::random(&mut rng(7)));
    let nobody = MembershipId::from_bytes([0; 32]);
    let mut number = 0u32;
    let mut last = Ok(Taken::New);
    while last.is_ok() {
        let mut installation = [0; 32];
        installation[..4].copy_from_slice(&number.to_le_bytes());
        number += 1;
        let installation = InstallationId::from_bytes(installation);
        let log = LogKey::derive(&stranger.device_seed, nobody, installation, slice, PART);
        let (entry, _) = seal(SealParams {
            slice,
            part: PART,
            generation: GenerationId::from_bytes([0; 32]),
            key: &key,
            log: &log,
            tip: &LogTip::START,
            now: NOW,
            body: &Body::new(Some(log.bind(&stranger.device)), Vec::new()),
        })
        .unwrap();
        last = takes(&mut first, &entry);
    }
    assert_eq!(last, Err(RefusedError::Full), "enough of strangers");
    assert_eq!(first.logs.len(), LOGS_EACH_MAX);
    let entry = second.write(PART, b"new".to_vec(), NOW).unwrap();
    assert_eq!(takes(&mut first, &entry), Ok(Taken::New));
}

static OPENED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// What does not open is tried again with every entry that comes after it.
#[cfg(feature = "sim")]
#[test]
fn an_entry_that_does_not_open_is_opened_once() {
    use std::sync::atomic::Ordering;
    crate::hook::install(crate::hook::Hooks {
        begins: |kind| {
            if kind == "entry opened" {
                OPENED.fetch_add(1, Ordering::Relaxed);
            }
        },
        ends: || {},
        recall: |_| None,
        keep: |_, _| {},
    });
    let (_, [mut first, ..]) = three();
    let stranger = Someone::new(99);
    let (slice, wrong) = (first.access().id(), ContentKey::random(&mut rng(7)));
    let nobody = MembershipId::from_bytes([0; 32]);
    let log = LogKey::derive(
        &stranger.device_seed,
        nobody,
        stranger.installation,
        slice,
        PART,
    );
    let generation = first.sealed_under(PART).unwrap(); // it is in the clear in every prefix
    let mut tip = LogTip::START;
    let before = OPENED.load(Ordering::Relaxed);
    let many = 400;
    for _ in 0..many {
        let binding = (tip.next_seq == 0).then(|| log.bind(&stranger.device));
        let (entry, next) = seal(SealParams {
            slice,
            part: PART,
            generation,
            key: &wrong,
            log: &log,
            tip: &tip,
            now: NOW,
            body: &Body::new(binding, Vec::new()),
        })
        .unwrap();
        takes(&mut first, &entry).unwrap();
        tip = next;
    }
    let opened = OPENED.load(Ordering::Relaxed) - before;
    assert!(opened <= 2 * many, "{many} entries, opened {opened} times");
}

/// What a chain of records names must not be kept once for each record: whoever was removed may send such.
#[test]
fn records_that_name_removals_take_little_memory() {
    let (people, [mut first, _, third]) = three();
    let membership = membership_of(&third, &people[2]);
    cuts_the_third(&people, &mut first);
    let mut parents = Vec::new();
    for number in 0u32..800 {
        let removed = (0u8..16).map(|more| {
            let mut id = [more; 32];
            id[1..5].copy_from_slice(&number.to_le_bytes());
            StatementId::from_bytes(id)
        });
        let next = Next {
            slice: first.access().id(),
            part: PART,
            parents: parents.clone(),
            removed: removed.collect(),
        };
        let record = next.record(&ContentKey::random(&mut rng(number.into())));
        let issuer = Issuer {
            membership,
            signing: &people[2].device,
        };
        let batch = GenerationBatch::sign(issuer, &[], vec![record]).unwrap();
        let signed = batch.generations().next().unwrap();
        parents = vec![signed.id()];
        first.take_generation(signed).unwrap();
    }
    let removals = first.access().statements().removals().len();
    assert_eq!(first.levels().parts[&PART].bits(), 801 * removals);
}

/// The third wrote; then its device is stolen. The thief begins logs without number, whose ids come first. What a removal
/// keeps ("all that is held") must still have what the third really wrote.
#[test]
fn logs_without_number_do_not_push_the_true_one_out_of_what_a_removal_keeps() {
    let (people, [mut first, _, mut third]) = three();
    let one = third.write(PART, b"one".to_vec(), NOW).unwrap();
    takes(&mut first, &one).unwrap();
    let (slice, thief) = (first.access().id(), &people[2]);
    let membership = membership_of(&first, thief);
    let (generation, key) = content_key(&third);
    let (mut number, mut made) = (0u32, 0);
    while made < 512 {
        let mut installation = [0; 32];
        installation[..4].copy_from_slice(&number.to_le_bytes());
        number += 1;
        let installation = InstallationId::from_bytes(installation);
        let log = LogKey::derive(&thief.device_seed, membership, installation, slice, PART);
        if log.id() > one.log() {
            continue;
        }
        made += 1;
        let (entry, _) = seal(SealParams {
            slice,
            part: PART,
            generation,
            key: &key,
            log: &log,
            tip: &LogTip::START,
            now: NOW,
            body: &Body::new(Some(log.bind(&thief.device)), b"junk".to_vec()),
        })
        .unwrap();
        takes(&mut first, &entry).unwrap();
    }
    cuts_the_third(&people, &mut first);
    assert!(
        shown(&first).contains(&b"one".as_slice()),
        "{} of {number} logs",
        shown(&first).len()
    );
}

/// The third said 17 removals of keys that it never had, and was removed. It goes on to announce keys: 40
/// with low ids while the others rotate once (which makes two). A generation comes after at most 16, the lowest, and names at most
/// 16 removals: so none ever names all, and all wait.
#[test]
fn a_rotation_names_all_removals_whatever_a_removed_member_announces() {
    let (people, [mut first, _, mut third]) = three();
    let membership = membership_of(&third, &people[2]);
    let slice = Subject::Slice(first.access().id());
    for number in 0..17 {
        let nothing = Kind::Remove {
            membership,
            key: Some(Key32([number; 32])),
            keep: Upto::default(),
            trusted: None,
        };
        let said = third.say(slice, nothing).unwrap();
        first.take_statements([said]).unwrap();
    }
    cuts_the_third(&people, &mut first);
    let issuer = Issuer {
        membership,
        signing: &people[2].device,
    };
    let mut seed = 0;
    for round in 0..10 {
        let mut made = 0;
        while made < 40 {
            seed += 1;
            let next = Next {
                slice: first.access().id(),
                part: PART,
                parents: Vec::new(),
                removed: Vec::new(),
            };
            let record = next.record(&ContentKey::random(&mut rng(seed)));
            let batch = GenerationBatch::sign(issuer, &[], vec![record]).unwrap();
            let signed = batch.generations().next().unwrap();
            if signed.id().as_bytes()[0] < 4 {
                first.take_generation(signed).unwrap();
                made += 1;
            }
        }
        first.rotate(PART, &mut rng(1000 + round)).unwrap();
    }
    // The thief pauses, and each of us rotates as often as at first.
    assert_eq!(
        first.write(PART, Vec::new(), NOW).err(),
        None,
        "after 10 rotations"
    );
}

/// The third admits an accomplice, whose key the second seals under. The first removes the third, and the accomplice's
/// admission falls. Who hears that before the key must still read what the second wrote. (Seed 57 of circle-slice.)
#[test]
fn what_was_sealed_under_an_accomplices_key_is_read_by_who_knew_of_the_removal() {
    let people = [1, 2, 3].map(Someone::new);
    let mallory = Someone::new(4);
    let [mut first, mut second, mut third] = circle_of(&people, &[&mallory]);
    let (circle, admitter) = (circle_subject(&first), membership_of(&first, &people[2]));
    let admit = admission(&third, &people[2], &mallory, Role::Admin);
    let admit = third.say(circle, admit).unwrap();
    second.take_statements([admit.clone()]).unwrap();
    let next = Next {
        slice: second.access().id(),
        part: PART,
        parents: second.generations.keys().copied().collect(),
        removed: Vec::new(),
    };
    let key = ContentKey::random(&mut rng(40));
    let record = next.record(&key);
    let issuer = Issuer {
        membership: admit.membership(),
        signing: &mallory.device,
    };
    let (ring_id, ring) = second.rings.iter().next().unwrap();
    let batch = GenerationBatch::sign(issuer, &[*ring_id], vec![record.clone()]).unwrap();
    let signed = batch.generations().next().unwrap();
    let target = Target::content(signed.id(), &record);
    let wrap = KeyObject::wrap(*ring_id, ring, &tag_key(), &target, key.key()).unwrap();
    second.take_objects([wrap]);
    second.take_generation(signed.clone()).unwrap();
    let entry = second.write(PART, b"kept".to_vec(), NOW).unwrap();
    assert_eq!(
        entry.generation(),
        signed.id(),
        "nobody had heard anything yet"
    );

    let gone = first.say(circle, removal(admitter, Vec::new())).unwrap();
    hears_all(&mut first, &second);
    second.take_statements([gone]).unwrap();
    assert_eq!(shown(&second), [b"kept"]);
    assert_eq!(shown(&first), shown(&second));
    for replica in [&first, &second] {
        assert_ne!(replica.sealed_under(PART), Ok(signed.id()));
    }
}

/// A key may come before the statement by which its maker joined: it is kept, and nothing is sealed under it before.
#[test]
fn a_generation_heard_before_its_maker_joined_is_held_against_nobody() {
    let people = [1, 2, 3].map(Someone::new);
    let mallory = Someone::new(4);
    let [_, mut second, mut third] = circle_of(&people, &[&mallory]);
    let circle = circle_subject(&second);
    let admit = admission(&third, &people[2], &mallory, Role::Admin);
    let admit = third.say(circle, admit).unwrap();
    let record = GenerationRecord {
        version: V1,
        slice: second.access().id(),
        part: PART,
        parents: Vec::new(),
        commit: [7; 32],
        removed: Vec::new(),
    };
    let issuer = Issuer {
        membership: admit.membership(),
        signing: &mallory.device,
    };
    let batch = GenerationBatch::sign(issuer, &[], vec![record]).unwrap();
    let signed = batch.generations().next().unwrap();
    let early = second.take_generation(signed.clone());
    second.take_statements([admit]).unwrap();
    assert_eq!(second.take_generation(signed), Ok(()), "it is well made");
    assert_eq!(
        early,
        Ok(()),
        "it may be wanted, and is sealed under once its maker speaks"
    );
}

/// The charter does not open the past. Who joins is handed the current ring key, which opens the current key of the
/// part, and so all that was written since the last removal, perhaps years ago.
#[test]
fn who_joins_does_not_read_the_past_of_a_circle_that_keeps_it_closed() {
    let people = [1, 2, 3].map(Someone::new);
    let guest = Someone::new(4);
    let [mut first, mut second, _] = circle_that(false, &people, &[&guest]);
    let before = second.write(PART, b"before".to_vec(), NOW).unwrap();
    takes(&mut first, &before).unwrap();
    let admit = admission(&first, &people[0], &guest, Role::Member);
    first.say(circle_subject(&first), admit).unwrap();
    let (id, access) = (first.circle().id(), first.access().clone());
    let mut guest = Replica::new(me(&guest), first.known().clone(), id, access, tag_key());
    let _ = first.rotate(PART, &mut rng(2)).unwrap();
    let given = first.hand_on(&mut rng(3));
    first.take_objects(given);
    hears_all(&mut guest, &first);
    let after = first.write(PART, b"after".to_vec(), NOW).unwrap();
    takes(&mut guest, &after).unwrap();
    assert_eq!(shown(&guest), [b"after"]);
}
