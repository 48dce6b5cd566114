use std::collections::BTreeSet;

use rand_chacha::rand_core::Rng;

use super::*;
use crate::crypto::SigningKey;
use crate::evaluation::Upto;
use crate::id::InstallationId;
use crate::principal::{Known, NewDevice};
use crate::statement::Key32;
use crate::testing::{DAY, NOW, Someone, keeps_the_rules, removal, rng};

/// Persons 1 to `count`, all known to each other.
fn people(count: u8) -> (Vec<Someone>, Known) {
    let people: Vec<Someone> = (1..=count).map(Someone::new).collect();
    let mut known = Known::default();
    for person in &people {
        (known.people).insert(person.id(), person.authority.clone());
    }
    (people, known)
}

fn by<'a>(person: &'a Someone, grant: GrantId) -> Signer<'a> {
    Signer {
        membership: grant.into(),
        ..person.signer()
    }
}

/// Person 1 grants to 2, 2 to 3 and so on, as deep as may be.
fn chain(people: &[Someone], known: &Known, links: usize) -> (Access, Vec<GrantId>) {
    let owner = &people[0];
    let mut access = owner.access();
    let mut grants: Vec<GrantId> = Vec::new();
    for (index, pair) in people.windows(2).take(links).enumerate() {
        let signer = match grants.last() {
            None => owner.signer(),
            Some(grant) => by(&pair[0], *grant),
        };
        let depth = u8::try_from(links - index).expect("few");
        let grant = Kind::Grant(Grant {
            abilities: Abilities::GRANT,
            depth,
            ..owner.grant_to(&pair[1])
        });
        let said = access.say(&signer, grant, known).expect("allowed");
        grants.push(said.membership().into());
    }
    (access, grants)
}

/// A slice of `owner` that `writer` may write.
fn lets_write(owner: &Someone, writer: &Someone, known: &Known) -> (Access, GrantId) {
    let (mut access, write) = owner.granted(Grant {
        abilities: Abilities::WRITE,
        ..owner.grant_to(writer)
    });
    let judged = access.judge(Owner::Person(&owner.authority), known);
    judged.expect("its owner");
    (access, write)
}

fn expired(at: Timestamp) -> Result<Allowed, GrantError> {
    Err(GrantError::Expired {
        expired_at: at,
        now: at,
    })
}

#[test]
fn what_is_said_about_a_slice_keeps_the_rules_of_the_wire() {
    let (people, known) = people(3);
    let (access, _) = chain(&people, &known, 2);
    keeps_the_rules(&access.to_unverified(), SET_BYTES_MAX);
    let owner = Owner::Person(&people[0].authority);
    let read = UnverifiedAccess::decode(&access.to_bytes()).unwrap();
    assert_eq!(
        read.clone().verify(access.id(), owner, &known),
        Ok(access.clone())
    );
    let again = read.verified_before(access.id(), owner, &known);
    assert_eq!(again, Ok(access));
}

#[test]
fn a_grant_begins_and_ends_when_it_says() {
    let (ines, marc) = (Someone::new(1), Someone::new(2));
    let grant = ines.grant_to(&marc);
    let (access, id) = ines.granted(grant.clone());
    assert_eq!(
        access.allowed_at(&id, NOW).map(|a| a.parts),
        Ok(grant.parts)
    );
    let early = NOW.minus_millis(CLOCK_SKEW_MS);
    assert!(access.allowed_at(&id, early).is_ok());
    let earlier = NOW.minus_millis(CLOCK_SKEW_MS + 1);
    assert_eq!(
        access.allowed_at(&id, earlier),
        Err(GrantError::NotYet {
            not_before: NOW,
            now: earlier
        })
    );
    assert!(
        access
            .allowed_at(&id, grant.expires.minus_millis(1))
            .is_ok()
    );
    assert_eq!(
        access.allowed_at(&id, grant.expires),
        expired(grant.expires)
    );
    let other = GrantId::from_bytes([1; 32]);
    assert_eq!(access.allowed(&other), Err(GrantError::Unknown));
}

#[test]
fn only_whoever_speaks_for_the_owner_grants() {
    let (people, known) = people(3);
    let [ines, marc, zoe] = &people[..] else {
        unreachable!()
    };
    let mut access = ines.access();
    let grant = || Kind::Grant(ines.grant_to(marc));
    let got = access.say(&marc.signer(), grant(), &known);
    assert_eq!(got.map(|_| ()), Err(SayError::Signer));
    // Inès's membership with another key: kept as a stranger's.
    let forged = Signer {
        key: &zoe.device,
        ..ines.signer()
    };
    let subject = Subject::Slice(access.id());
    let said = forged
        .say(access.statements().history(), subject, grant())
        .unwrap();
    let id = GrantId::from(said.membership());
    access.add([said], &known).unwrap();
    assert_eq!(access.allowed(&id), Err(GrantError::Unknown));
    // Whoever reads cannot hand on.
    let (mut access, read) = ines.granted(ines.grant_to(marc));
    access
        .judge(Owner::Person(&ines.authority), &known)
        .unwrap();
    let got = access.say(&by(marc, read), Kind::Grant(ines.grant_to(zoe)), &known);
    let widened = InsertError::Widened(crate::grant::Field::Abilities);
    assert_eq!(got.map(|_| ()), Err(SayError::Insert(widened)));
}

#[test]
fn a_chain_of_five_holds_and_one_of_six_does_not() {
    let (people, known) = people(7);
    let (access, grants) = chain(&people, &known, 5);
    let last = access.allowed_at(&grants[4], NOW).unwrap();
    assert_eq!(last.audience, Audience::Person(people[5].id()));
    let (mut access, grants) = {
        let (mut access, first) = people[0].granted(Grant {
            abilities: Abilities::GRANT,
            depth: 9,
            ..people[0].grant_to(&people[1])
        });
        access
            .judge(Owner::Person(&people[0].authority), &known)
            .unwrap();
        let mut grants = vec![first];
        for at in 1..5 {
            let grant = Kind::Grant(Grant {
                abilities: Abilities::GRANT,
                depth: 9 - u8::try_from(at).unwrap(),
                ..people[0].grant_to(&people[at + 1])
            });
            let said = access.say(&by(&people[at], grants[at - 1]), grant, &known);
            grants.push(said.unwrap().membership().into());
        }
        (access, grants)
    };
    let sixth = Kind::Grant(people[0].grant_to(&people[6]));
    let got = access.say(&by(&people[5], grants[4]), sixth, &known);
    let chained = SayError::Insert(InsertError::Chained);
    assert_eq!(got.map(|_| ()), Err(chained));
}

#[test]
fn with_a_grant_ends_all_that_it_was_handed_on_to() {
    let (people, known) = people(4);
    let (mut access, grants) = chain(&people, &known, 3);
    let end = removal(grants[0].into(), Vec::new());
    access.say(&people[0].signer(), end, &known).unwrap();
    for grant in &grants {
        assert!(access.allowed(grant).is_err(), "{grant}");
    }
    assert_eq!(access.allowed(&grants[0]), Err(GrantError::Ended));
}

#[test]
fn whoever_handed_on_ends_only_what_they_gave() {
    let (people, known) = people(4);
    let (access, grants) = chain(&people, &known, 3);
    let mut ended = access.clone();
    let end = removal(grants[2].into(), Vec::new());
    ended.say(&by(&people[1], grants[0]), end, &known).unwrap();
    assert_eq!(ended.allowed(&grants[2]), Err(GrantError::Ended));
    assert!(ended.allowed(&grants[1]).is_ok());
    // Upwards it has no effect.
    let mut upwards = access;
    let end = removal(grants[0].into(), Vec::new());
    upwards
        .say(&by(&people[2], grants[1]), end, &known)
        .unwrap();
    assert!(upwards.allowed(&grants[0]).is_ok());
    // Whoever holds a grant can leave it.
    let leave = removal(grants[1].into(), Vec::new());
    upwards
        .say(&by(&people[2], grants[1]), leave, &known)
        .unwrap();
    assert_eq!(upwards.allowed(&grants[1]), Err(GrantError::Ended));
}

#[test]
fn a_renewal_puts_off_the_end_of_what_it_names_and_of_nothing_above() {
    let (people, known) = people(4);
    let (access, grants) = chain(&people, &known, 2);
    let old = NOW.plus_millis(90 * DAY);
    let new = NOW.plus_millis(180 * DAY);
    let renew = |grant: GrantId| Kind::Renew {
        grant: grant.into(),
        expires: new,
    };
    let end_of = |access: &Access, at: usize| access.allowed(&grants[at]).unwrap().expires;

    // The child alone: it still ends with its parent.
    let mut child = access.clone();
    child
        .say(&people[0].signer(), renew(grants[1]), &known)
        .unwrap();
    assert_eq!((end_of(&child, 0), end_of(&child, 1)), (old, old));
    // Then the parent: both go on.
    child
        .say(&people[0].signer(), renew(grants[0]), &known)
        .unwrap();
    assert_eq!((end_of(&child, 0), end_of(&child, 1)), (new, new));
    // Marc renews what he gave, not what he was given.
    let mut marcs = access.clone();
    let marc = by(&people[1], grants[0]);
    marcs.say(&marc, renew(grants[0]), &known).unwrap();
    assert_eq!(end_of(&marcs, 0), old);
    // Nobody renews their own, nor does an end come sooner.
    let mut zoes = access;
    zoes.say(&by(&people[2], grants[1]), renew(grants[1]), &known)
        .unwrap();
    assert_eq!(end_of(&zoes, 1), old);
    let sooner = Kind::Renew {
        grant: grants[0].into(),
        expires: NOW.plus_millis(1),
    };
    zoes.say(&people[0].signer(), sooner, &known).unwrap();
    assert_eq!(end_of(&zoes, 0), old);
}

#[test]
fn what_a_removed_device_granted_stands_only_if_a_removal_keeps_it() {
    let (ines, marc) = (Someone::new(1), Someone::new(2));
    let (mut access, id) = ines.granted(ines.grant_to(&marc));
    // A second device, then the first is removed by the root.
    let mut authority = ines.authority.clone();
    let second = SigningKey::from_seed(&[0x51; 32]);
    let device = NewDevice {
        signing: &second,
        sealing: &ines.sealing.public(),
        transport: crate::id::TransportId::from_bytes([0x52; 32]),
    };
    let root = Signer {
        key: &ines.root,
        membership: authority.root(),
        installation: InstallationId::from_bytes([0x53; 32]),
    };
    let membership = authority.admit(&root, &device).unwrap();
    authority
        .say(&root, removal(ines.author().membership, Vec::new()))
        .unwrap();
    access.judge(Owner::Person(&authority), &()).unwrap();
    assert_eq!(access.allowed(&id), Err(GrantError::Unknown));
    let signer = Signer {
        key: &second,
        membership,
        installation: InstallationId::from_bytes([0x54; 32]),
    };
    // The thief cannot say more, and the second device, junior to the first, cannot cut here.
    let keep = vec![StatementId::from_bytes(*id.as_bytes())];
    let kept = removal(ines.author().membership, keep.clone());
    access.say(&signer, kept.clone(), &()).unwrap();
    assert_eq!(access.allowed(&id), Err(GrantError::Unknown));
    access.say(&root, kept, &()).unwrap();
    assert!(access.allowed(&id).is_ok());
}

#[test]
fn a_writer_writes_only_in_the_granted_parts_and_a_reader_nowhere() {
    let (people, known) = people(3);
    let [ines, marc, zoe] = &people[..] else {
        unreachable!()
    };
    let (mut access, write) = ines.granted(Grant {
        abilities: Abilities::WRITE,
        ..ines.grant_to(marc)
    });
    let read = access.say(&ines.signer(), Kind::Grant(ines.grant_to(zoe)), &known);
    let read = GrantId::from(read.unwrap().membership());
    let marcs = by(marc, write).speaker();
    assert!(access.may_write(&marcs, PartNumber(3)));
    assert!(!access.may_write(&marcs, PartNumber(2)));
    assert!(!access.may_write(&by(zoe, read).speaker(), PartNumber(3)));
    assert!(
        !access.may_write(&by(zoe, write).speaker(), PartNumber(3)),
        "not her grant"
    );
    assert!(access.may_write(&ines.signer().speaker(), PartNumber(0)));
}

#[test]
fn a_grant_to_a_circle_is_every_members_until_they_leave() {
    let (people, mut known) = people(3);
    let [ines, marc, zoe] = &people[..] else {
        unreachable!()
    };
    let founders = [marc.id(), zoe.id()];
    let mut circle =
        Circle::found(Rule::Admins, &founders, false, &known.people, &mut rng(9)).unwrap();
    known.circles.insert(circle.id(), circle.clone());
    let (mut access, grant) = ines.granted(Grant {
        audience: Audience::Circle(circle.id()),
        abilities: Abilities::WRITE,
        ..ines.grant_to(marc)
    });
    let owner = Owner::Person(&ines.authority);
    access.judge(owner, &known).unwrap();
    let (marcs, zoes) = (by(marc, grant).speaker(), by(zoe, grant).speaker());
    assert!(access.may_write(&marcs, PartNumber(3)) && access.may_write(&zoes, PartNumber(3)));
    let place = circle.members()[&zoe.id()].membership;
    let leaves = Signer {
        membership: place,
        ..zoe.signer()
    };
    circle
        .say(&leaves, removal(place, Vec::new()), &known.people)
        .unwrap();
    known.circles.insert(circle.id(), circle);
    access.judge(owner, &known).unwrap();
    assert!(access.statements().outcome().speaks(&marcs));
    assert!(!access.statements().outcome().speaks(&zoes));
}

#[test]
fn a_circles_slice_is_granted_by_its_admins_and_by_its_board_together() {
    let (people, known) = people(4);
    let [ines, marc, zoe, guest] = &people[..] else {
        unreachable!()
    };
    let founders = [ines.id(), marc.id(), zoe.id()];
    let begin = |rule: Rule| {
        let circle = Circle::found(rule, &founders, false, &known.people, &mut rng(9)).unwrap();
        let charter = ines.slice_of(circle.id());
        let access = Access::begin(charter, Owner::Circle(&circle), &known).unwrap();
        (circle, access)
    };
    let signer = |circle: &Circle, person: &'_ Someone| circle.members()[&person.id()].membership;
    let grant = || Kind::Grant(ines.grant_to(guest));

    let (circle, mut access) = begin(Rule::Admins);
    let marcs = Signer {
        membership: signer(&circle, marc),
        ..marc.signer()
    };
    let id = access.say(&marcs, grant(), &known).unwrap().membership();
    assert!(access.allowed(&id.into()).is_ok());

    let (circle, mut access) = begin(Rule::Board { quorum: 2 });
    let marcs = Signer {
        membership: signer(&circle, marc),
        ..marc.signer()
    };
    let said = access.say(&marcs, grant(), &known).unwrap();
    let id = GrantId::from(said.membership());
    assert_eq!(access.allowed(&id), Err(GrantError::Unknown));
    let zoes = Signer {
        membership: signer(&circle, zoe),
        ..zoe.signer()
    };
    let approve = Kind::Approve {
        statement: said.id(),
    };
    access.say(&zoes, approve, &known).unwrap();
    assert!(access.allowed(&id).is_ok());
}

#[test]
fn the_end_of_a_writer_keeps_what_it_names_of_their_logs() {
    let (people, known) = people(2);
    let [ines, marc] = &people[..] else {
        unreachable!()
    };
    let (mut access, write) = lets_write(ines, marc, &known);
    let place = fourth(marc.log(3).id());
    let end = Kind::Remove {
        membership: write.into(),
        key: None,
        keep: Upto {
            statements: Vec::new(),
            logs: vec![place],
        },
        trusted: None,
    };
    access.say(&ines.signer(), end, &known).unwrap();
    let speaker = by(marc, write).speaker();
    assert!(!access.statements().outcome().speaks(&speaker));
    let limits = access
        .statements()
        .outcome()
        .log_limits(&speaker, &marc.log(3).id());
    assert_eq!(limits, vec![vec![place]]);
    let others = access
        .statements()
        .outcome()
        .log_limits(&speaker, &marc.log(4).id());
    assert_eq!(others, vec![Vec::new()]);
}

#[test]
fn who_leaves_a_grant_writes_no_more() {
    let (people, known) = people(2);
    let [ines, marc] = &people[..] else {
        unreachable!()
    };
    let (access, write) = lets_write(ines, marc, &known);
    let place = fourth(marc.log(3).id());
    let speaker = by(marc, write).speaker();
    for key in [None, Some(Key32(marc.device.public()))] {
        let mut access = access.clone();
        let leaves = Kind::Remove {
            membership: write.into(),
            key,
            keep: Upto {
                statements: Vec::new(),
                logs: vec![place],
            },
            trusted: None,
        };
        access.say(&by(marc, write), leaves, &known).unwrap();
        let outcome = access.statements().outcome();
        assert!(!outcome.speaks(&speaker));
        let limits = |log| outcome.log_limits(&speaker, &marc.log(log).id());
        assert_eq!(limits(3), vec![vec![place]]);
        assert_eq!(limits(4), vec![Vec::new()]);
    }
}

/// A place in a log.
fn fourth(log: crate::entry::LogId) -> crate::entry::LogPlace {
    crate::entry::LogPlace {
        log,
        seq: 4,
        hash: [5; 32],
    }
}

/// Chains of 1 to 5 links, in each of which one byte that was signed, or of a signature, differs.
fn no_changed_chain_is_accepted(seed: u64, count: u32) {
    let (people, known) = people(6);
    let chains: Vec<_> = (1..=5).map(|links| chain(&people, &known, links)).collect();
    let owner = Owner::Person(&people[0].authority);
    let mut draw = rng(seed);
    let mut below =
        |bound: usize| usize::try_from(draw.next_u64() % bound as u64).expect("below a usize");
    let mut read = 0_u32;
    for case in 0..count {
        let (access, grants) = &chains[below(chains.len())];
        let mut bytes = access.to_bytes();
        let from = bytes.len()
            - access
                .statements()
                .iter()
                .map(|said| said.signed().to_bytes().len())
                .sum::<usize>();
        let at = from + below(bytes.len() - from);
        bytes[at] ^= u8::try_from(1 + below(255)).expect("below 256");
        let Ok(changed) = UnverifiedAccess::decode(&bytes) else {
            continue;
        };
        read += 1;
        let got = changed.verify(access.id(), owner, &known);
        let last = grants.last().expect("a link");
        let allowed = got.ok().and_then(|access| access.allowed(last).ok());
        assert_eq!(allowed, None, "seed {seed}, case {case}: byte {at}");
    }
    assert!(read > count / 3, "only {read} were chains at all");
}

#[test]
fn no_chain_with_a_changed_byte_is_accepted() {
    no_changed_chain_is_accepted(1, 10_000);
}

#[test]
#[ignore = "recorded in tests/LEDGER.md"]
fn no_chain_with_a_changed_byte_is_accepted_of_a_million() {
    no_changed_chain_is_accepted(2, 1_000_000);
}

#[test]
fn who_was_removed_from_a_board_signs_nothing_for_its_slices() {
    let (people, mut known) = people(4);
    let [ines, marc, zoe, guest] = &people[..] else {
        unreachable!()
    };
    let founders = [ines.id(), marc.id(), zoe.id()];
    let rule = Rule::Board { quorum: 2 };
    let mut circle = Circle::found(rule, &founders, false, &known.people, &mut rng(9)).unwrap();
    let seat = |circle: &Circle, of: &Someone| circle.members()[&of.id()].membership;
    let seats = [ines, marc, zoe].map(|of| seat(&circle, of));
    let by = |of: usize| Signer {
        membership: seats[of],
        ..people[of].signer()
    };
    // Inès and Marc remove Zoé from the board.
    let said = circle
        .say(&by(0), removal(seats[2], Vec::new()), &known.people)
        .unwrap();
    let agree = Kind::Approve {
        statement: said.id(),
    };
    circle.say(&by(1), agree, &known.people).unwrap();
    assert!(!circle.members().contains_key(&zoe.id()));
    known.circles.insert(circle.id(), circle.clone());

    let charter = ines.slice_of(circle.id());
    let mut access = Access::begin(charter, Owner::Circle(&circle), &known).unwrap();
    // A year later Zoé and one thief of Marc's phone are enough: two of two, though she is no member.
    let subject = Subject::Slice(access.id());
    let grant = Kind::Grant(ines.grant_to(guest));
    let said = by(2)
        .say(access.statements().history(), subject, grant)
        .unwrap();
    access.add([said.clone()], &known).unwrap();
    let id = GrantId::from(said.membership());
    assert_eq!(access.allowed(&id), Err(GrantError::Unknown));
    let agree = Kind::Approve {
        statement: said.id(),
    };
    access.say(&by(1), agree, &known).unwrap();
    assert_eq!(access.allowed(&id).err(), Some(GrantError::Unknown));
}

/// The same without any help from inside: two whom the board has removed decide alone.
#[test]
fn two_who_were_removed_from_a_board_decide_nothing_about_its_slices() {
    let (people, mut known) = people(5);
    let founders: Vec<_> = people[..4].iter().map(Someone::id).collect();
    let rule = Rule::Board { quorum: 2 };
    let mut circle = Circle::found(rule, &founders, false, &known.people, &mut rng(9)).unwrap();
    let seats: Vec<_> = (founders.iter())
        .map(|of| circle.members()[of].membership)
        .collect();
    let by = |of: usize| Signer {
        membership: seats[of],
        ..people[of].signer()
    };
    for gone in [2, 3] {
        let said = circle
            .say(&by(0), removal(seats[gone], Vec::new()), &known.people)
            .unwrap();
        let agree = Kind::Approve {
            statement: said.id(),
        };
        circle.say(&by(1), agree, &known.people).unwrap();
    }
    assert_eq!(circle.members().len(), 2);
    known.circles.insert(circle.id(), circle.clone());

    let charter = people[0].slice_of(circle.id());
    let mut access = Access::begin(charter, Owner::Circle(&circle), &known).unwrap();
    let subject = Subject::Slice(access.id());
    let mut say = |of: usize, kind: Kind| {
        let said = by(of)
            .say(access.statements().history(), subject, kind)
            .unwrap();
        access.add([said.clone()], &known).unwrap();
        said
    };
    let evil = Grant {
        abilities: Abilities::WRITE,
        ..people[0].grant_to(&people[4])
    };
    let grant = say(2, Kind::Grant(evil));
    let agree = |said: &SignedStatement| Kind::Approve {
        statement: said.id(),
    };
    let agreed = say(3, agree(&grant));
    say(2, agree(&agreed));
    let id = GrantId::from(grant.membership());
    assert_eq!(access.allowed(&id).err(), Some(GrantError::Unknown));
}

#[test]
fn what_a_board_keeps_of_whom_it_removed_still_signs_for_its_slices() {
    let (people, mut known) = people(4);
    let [ines, marc, zoe, guest] = &people[..] else {
        unreachable!()
    };
    let founders = [ines.id(), marc.id(), zoe.id()];
    let rule = Rule::Board { quorum: 2 };
    let mut circle = Circle::found(rule, &founders, false, &known.people, &mut rng(9)).unwrap();
    let seats = founders.map(|of| circle.members()[&of].membership);
    let by = |of: usize| Signer {
        membership: seats[of],
        ..people[of].signer()
    };
    let agree = |said: &SignedStatement| Kind::Approve {
        statement: said.id(),
    };
    let charter = ines.slice_of(circle.id());
    let mut access = Access::begin(charter, Owner::Circle(&circle), &known).unwrap();
    // Inès and Zoé grant something, then Zoé is removed from the board.
    let grant = Kind::Grant(ines.grant_to(guest));
    let granted = access.say(&by(0), grant, &known).unwrap();
    let agreed = access.say(&by(2), agree(&granted), &known).unwrap();
    let id = GrantId::from(granted.membership());
    assert!(access.allowed(&id).is_ok());
    let gone = removal(seats[2], Vec::new());
    let gone = circle.say(&by(0), gone, &known.people).unwrap();
    circle.say(&by(1), agree(&gone), &known.people).unwrap();
    known.circles.insert(circle.id(), circle.clone());
    access.judge(Owner::Circle(&circle), &known).unwrap();
    assert_eq!(access.allowed(&id), Err(GrantError::Unknown));

    // One alone keeps nothing of hers; the two who are left do.
    let kept = removal(seats[2], vec![agreed.id()]);
    let kept = access.say(&by(0), kept, &known).unwrap();
    assert_eq!(access.allowed(&id), Err(GrantError::Unknown));
    access.say(&by(1), agree(&kept), &known).unwrap();
    assert!(access.allowed(&id).is_ok());
    // What she signs later is not kept.
    let subject = Subject::Slice(access.id());
    let history = access.statements().history();
    let later = by(2).say(history, subject, Kind::Grant(ines.grant_to(marc)));
    let later = later.unwrap();
    access.add([later.clone()], &known).unwrap();
    access.say(&by(1), agree(&later), &known).unwrap();
    let later = GrantId::from(later.membership());
    assert_eq!(access.allowed(&later), Err(GrantError::Unknown));
}

/// Marc's phone is stolen. Inès removes it from the circle at once; Marc, who is away, will remove it himself. Found
/// by judging the vectors by the spec alone (2026-11-27): until then it went on to speak for the circle in its slices.
#[test]
fn a_key_that_only_the_circle_removed_says_nothing_about_its_slices() {
    let (people, mut known) = people(4);
    let [ines, marc, zoe, guest] = &people[..] else {
        unreachable!()
    };
    let founders = [ines.id(), marc.id(), zoe.id()];
    let found = |rule| Circle::found(rule, &founders, false, &known.people, &mut rng(9)).unwrap();
    for (board, mut circle) in [
        (false, found(Rule::Admins)),
        (true, found(Rule::Board { quorum: 2 })),
    ] {
        let seats = founders.map(|of| circle.members()[&of].membership);
        let by = |of: usize| Signer {
            membership: seats[of],
            ..people[of].signer()
        };
        let agree = |said: &SignedStatement| Kind::Approve {
            statement: said.id(),
        };
        let charter = ines.slice_of(circle.id());
        let mut access = Access::begin(charter, Owner::Circle(&circle), &known).unwrap();
        let phone = by(1);
        let grant = Kind::Grant(ines.grant_to(guest));
        let granted = access.say(&phone, grant.clone(), &known).unwrap();
        if board {
            // Zoé agrees: her signature and the phone's are two.
            access.say(&by(2), agree(&granted), &known).unwrap();
        }
        let id = GrantId::from(granted.membership());
        assert!(access.allowed(&id).is_ok());

        let of_phone = |keep: Vec<StatementId>| Kind::Remove {
            membership: seats[1],
            key: Some(Key32(phone.key.public())),
            keep: Upto {
                statements: keep,
                logs: Vec::new(),
            },
            trusted: None,
        };
        let gone = circle.say(&by(0), of_phone(Vec::new()), &known.people);
        let gone = gone.unwrap();
        if board {
            (circle.say(&by(2), agree(&gone), &known.people)).unwrap();
        }
        assert!(circle.members().contains_key(&marc.id()), "Marc stays");
        known.circles.insert(circle.id(), circle.clone());
        access.judge(Owner::Circle(&circle), &known).unwrap();
        assert!(!access.statements().outcome().speaks(&phone.speaker()));
        assert!(access.may_write(&phone.speaker(), PartNumber(3)));
        let limits = |access: &Access| {
            let outcome = access.statements().outcome();
            outcome.log_limits(&phone.speaker(), &marc.log(3).id())
        };
        assert_eq!(limits(&access), [Vec::new()], "nor do its entries");
        // Whom it grants to now gets nothing, whoever agrees.
        let history = access.statements().history();
        let later = phone.say(history, Subject::Slice(access.id()), grant);
        let later = later.unwrap();
        access.add([later.clone()], &known).unwrap();
        access.say(&by(2), agree(&later), &known).unwrap();
        let later = GrantId::from(later.membership());
        assert_eq!(access.allowed(&later), Err(GrantError::Unknown));
        assert_eq!(access.allowed(&id), Err(GrantError::Unknown));
        // What a removal in the slice keeps of it stands again.
        let kept = access.say(&by(0), of_phone(vec![granted.id()]), &known);
        if board {
            access.say(&by(2), agree(&kept.unwrap()), &known).unwrap();
        }
        assert!(access.allowed(&id).is_ok());
        assert_eq!(access.allowed(&later), Err(GrantError::Unknown));
    }
}

/// A device of `ines` beside her first, admitted by `signer`.
fn one_more_device(
    authority: &mut Authority,
    signer: &Signer<'_>,
    seed: u8,
) -> (SigningKey, MembershipId) {
    let key = SigningKey::from_seed(&[seed; 32]);
    let device = NewDevice {
        signing: &key,
        sealing: &crate::crypto::SealingSecret::from_seed(&[seed; 32]).public(),
        transport: crate::id::TransportId::from_bytes([seed ^ 1; 32]),
    };
    let membership = authority.admit(signer, &device).unwrap();
    (key, membership)
}

fn device<'a>(key: &'a SigningKey, membership: MembershipId, of: u8) -> Signer<'a> {
    Signer {
        key,
        membership,
        installation: InstallationId::from_bytes([of; 32]),
    }
}

#[test]
fn what_a_thiefs_accomplice_said_about_a_slice_is_kept_as_a_strangers_and_it_is_read() {
    let (people, known) = people(3);
    let [ines, marc, zoe] = &people[..] else {
        unreachable!()
    };
    let mut authority = ines.authority.clone();
    let (phone, phones) = one_more_device(&mut authority, &ines.signer(), 0x51);
    // The phone is stolen: it admits an accomplice, who says one thing about the slice.
    let thief = device(&phone, phones, 0x61);
    let (accomplice, theirs) = one_more_device(&mut authority, &thief, 0x52);
    let mut access = Access::begin(ines.slice(), Owner::Person(&authority), &known).unwrap();
    let evil = device(&accomplice, theirs, 0x62);
    access
        .say(&evil, Kind::Grant(ines.grant_to(zoe)), &known)
        .unwrap();
    // The laptop has not heard yet, and grants to Marc.
    let said = access.say(&ines.signer(), Kind::Grant(ines.grant_to(marc)), &known);
    let marcs = GrantId::from(said.unwrap().membership());

    // Then the phone is removed, with all that it ever said.
    authority
        .say(&ines.signer(), removal(phones, Vec::new()))
        .unwrap();
    let owner = Owner::Person(&authority);
    access.judge(owner, &known).unwrap();
    assert!(access.allowed(&marcs).is_ok());
    // The node starts again.
    let read = UnverifiedAccess::decode(&access.to_bytes()).unwrap();
    let stored = read.clone().verified_before(access.id(), owner, &known);
    assert_eq!(stored.as_ref().err(), None, "the own store is damaged");
    // Marc, who hears of it first now, reads it.
    let marc_reads = read.verify(access.id(), owner, &known);
    assert!(marc_reads.is_ok_and(|access| access.allowed(&marcs).is_ok()));
}

/// What comes before the grant by which it is said is a stranger's, until that is here; then all is as if it had
/// come after.
#[test]
fn what_comes_before_its_grant_is_kept_and_nothing_depends_on_which_came_first() {
    let (people, known) = people(5);
    let (access, grants) = chain(&people, &known, 3);
    let said: Vec<SignedStatement> = access.statements().iter().cloned().collect();
    let grant = Kind::Grant(Grant {
        abilities: Abilities::GRANT,
        depth: 9,
        ..people[0].grant_to(&people[4])
    });
    // Not one that goes beyond the grant that it hands on.
    let widened = by(&people[3], grants[2])
        .say(&Default::default(), access.statements().subject(), grant)
        .unwrap();
    let mut late = people[0].access();
    late.add([widened.clone()], &known).unwrap();
    assert!(late.statements().get(&widened.id()).is_some());
    let write_key = Kind::WriteKey { key: [1; 32] };
    let early = by(&people[3], grants[2])
        .say(
            &Default::default(),
            access.statements().subject(),
            write_key,
        )
        .unwrap();
    late.add([early.clone()], &known).unwrap();
    assert!(!late.statements().stands(&early.id()));
    late.add(said, &known).unwrap();
    assert!(late.statements().get(&widened.id()).is_none());
    assert!(late.statements().stands(&early.id()));

    let mut other = access;
    other.add([early], &known).unwrap();
    assert_eq!(late.to_bytes(), other.to_bytes());
    let read = UnverifiedAccess::decode(&late.to_bytes()).unwrap();
    let owner = Owner::Person(&people[0].authority);
    assert!(read.verify(late.id(), owner, &known).is_ok());
}

#[test]
fn by_a_grant_on_a_branch_that_does_not_stand_nobody_writes() {
    let (people, known) = people(2);
    let [ines, marc] = &people[..] else {
        unreachable!()
    };
    // A copy of Inès's laptop signs twice in one place of its log: neither branch stands.
    let grant = |depth| {
        Kind::Grant(Grant {
            abilities: Abilities::GRANT,
            depth,
            ..ines.grant_to(marc)
        })
    };
    let mut access = ines.access();
    let mut copy = access.clone();
    let said = access.say(&ines.signer(), grant(1), &known).unwrap();
    copy.say(&ines.signer(), grant(2), &known).unwrap();
    access.merge(&copy, &known);
    let id = GrantId::from(said.membership());
    assert!(access.allowed(&id).is_err());
    let marcs = by(marc, id).speaker();
    let limits = (access.statements().outcome()).log_limits(&marcs, &marc.log(3).id());
    assert!(
        !access.may_write(&marcs, PartNumber(3)) || limits.iter().any(Vec::is_empty),
        "entries by a grant that gives nothing stand"
    );
}

#[test]
fn a_member_of_an_audience_voids_nothing_that_the_others_wrote() {
    let (people, mut known) = people(4);
    let [ines, marc, zoe, ada] = &people[..] else {
        unreachable!()
    };
    // Ada and Zoé are the admins of a circle; Ada admits Marc, who may say nothing for it.
    let founders = [ada.id(), zoe.id()];
    let mut circle =
        Circle::found(Rule::Admins, &founders, false, &known.people, &mut rng(9)).unwrap();
    let adas = Signer {
        membership: circle.members()[&ada.id()].membership,
        ..ada.signer()
    };
    let consent =
        crate::statement::Consent::of_person(circle.id(), adas.membership, marc.id(), Role::Member);
    let member = Kind::Person {
        person: marc.id(),
        role: Role::Member,
        by: marc.device.public(),
        consent: consent.sign(&marc.device),
    };
    circle.say(&adas, member, &known.people).unwrap();
    known.circles.insert(circle.id(), circle.clone());
    let (mut access, grant) = ines.granted(Grant {
        audience: Audience::Circle(circle.id()),
        abilities: Abilities::WRITE,
        ..ines.grant_to(marc)
    });
    let owner = Owner::Person(&ines.authority);
    access.judge(owner, &known).unwrap();
    let zoes = by(zoe, grant).speaker();
    let limits = |access: &Access| {
        access
            .statements()
            .outcome()
            .log_limits(&zoes, &zoe.log(3).id())
    };
    assert_eq!(limits(&access), Vec::<Vec<_>>::new(), "all of it stands");

    // Marc ends it for all, and keeps nothing of what an admin wrote.
    let end = removal(grant.into(), Vec::new());
    access.say(&by(marc, grant), end, &known).unwrap();
    assert_eq!(limits(&access), Vec::<Vec<_>>::new());
    assert!(access.allowed(&grant).is_ok(), "the circle has no grant");
}

#[test]
fn only_who_may_end_a_grant_gives_back_what_its_giver_cut() {
    let (people, known) = people(4);
    let [ines, ada, marc, zoe] = &people[..] else {
        unreachable!()
    };
    let grants = |to: &Someone| {
        Kind::Grant(Grant {
            abilities: Abilities::GRANT,
            depth: 1,
            ..ines.grant_to(to)
        })
    };
    let mut access = ines.access();
    let mut give = |signer: &Signer<'_>, kind: Kind| {
        let said = access.say(signer, kind, &known).unwrap();
        GrantId::from(said.membership())
    };
    let adas = give(&ines.signer(), grants(ada));
    let marcs = give(&ines.signer(), grants(marc));
    // Marc lets Zoé write, and ends that.
    let write = Kind::Grant(Grant {
        abilities: Abilities::WRITE,
        ..ines.grant_to(zoe)
    });
    let zoes = give(&by(marc, marcs), write);
    let end = removal(zoes.into(), Vec::new());
    let end = access.say(&by(marc, marcs), end, &known).unwrap();
    let speaker = by(zoe, zoes).speaker();
    let log = zoe.log(3).id();
    assert_eq!(
        access.statements().outcome().log_limits(&speaker, &log),
        [vec![]]
    );

    // Ada has a grant of her own and nothing to do with either, but came first.
    let place = crate::entry::LogPlace {
        log,
        seq: 1 << 40,
        hash: [5; 32],
    };
    let extension = Kind::Extend {
        of: vec![end.id()],
        upto: Upto {
            statements: Vec::new(),
            logs: vec![place],
        },
    };
    access.say(&by(ada, adas), extension, &known).unwrap();
    assert_eq!(
        access.statements().outcome().log_limits(&speaker, &log),
        [vec![]]
    );
}

/// Ada, whose grant came before Marc's, cites what she likes and puts in a checkpoint what she likes.
#[test]
fn a_stranger_to_a_chain_holds_no_cut_and_picks_no_branch() {
    let (people, known) = people(5);
    let [ines, ada, marc, zoe, guest] = &people[..] else {
        unreachable!()
    };
    let hand_on = |to: &Someone| {
        Kind::Grant(Grant {
            abilities: Abilities::GRANT,
            depth: 1,
            ..ines.grant_to(to)
        })
    };
    let mut access = ines.access();
    let adas = access.say(&ines.signer(), hand_on(ada), &known).unwrap();
    let marcs = access.say(&ines.signer(), hand_on(marc), &known).unwrap();
    let (adas, marcs) = (adas.membership().into(), marcs.membership().into());
    let log = zoe.log(3).id();
    let place = crate::entry::LogPlace {
        log,
        seq: 1 << 40,
        hash: [5; 32],
    };
    let checkpoint = Kind::Checkpoint {
        upto: Upto {
            statements: Vec::new(),
            logs: vec![place],
        },
        logs: [0; 32],
        documents: [0; 32],
        authority: Vec::new(),
        gate: 0,
    };
    // Marc lets Zoé write, and ends that after a checkpoint of Ada's.
    let write = Kind::Grant(Grant {
        abilities: Abilities::WRITE,
        ..ines.grant_to(zoe)
    });
    let zoes = access.say(&by(marc, marcs), write, &known).unwrap();
    let zoes = GrantId::from(zoes.membership());
    let mut held = access.clone();
    held.say(&by(ada, adas), checkpoint, &known).unwrap();
    let end = removal(zoes.into(), Vec::new());
    held.say(&by(marc, marcs), end.clone(), &known).unwrap();
    let speaker = by(zoe, zoes).speaker();
    let limits = held.statements().outcome().log_limits(&speaker, &log);
    assert_eq!(limits, [vec![]]);

    // A copy of Marc's laptop grants in the same place of his log. Ada cites one branch.
    let mut copy = access.clone();
    copy.say(&by(marc, marcs), end, &known).unwrap();
    let one = access
        .say(&by(marc, marcs), Kind::Grant(ines.grant_to(guest)), &known)
        .unwrap();
    let one = GrantId::from(one.membership());
    let write_key = || Kind::WriteKey { key: [1; 32] };
    let mut owners = access.clone();
    access.say(&by(ada, adas), write_key(), &known).unwrap();
    access.merge(&copy, &known);
    assert!(access.allowed(&one).is_err());
    // Inès, who gave Marc his, picks one.
    owners.say(&ines.signer(), write_key(), &known).unwrap();
    owners.merge(&copy, &known);
    assert!(owners.allowed(&one).is_ok());
}

#[test]
fn a_slice_commits_to_no_root_but_its_owners() {
    let (people, known) = people(3);
    let [ines, marc, zoe] = &people[..] else {
        unreachable!()
    };
    // A thief of Inès's laptop makes slices whose carriers obey the thief above all, for ever.
    let thief = SigningKey::from_seed(&[0x66; 32]);
    let mut charter = ines.slice();
    charter.control.root = Some(RootCommit::of(&charter.salt, &thief.public()));
    let begun = Access::begin(charter, Owner::Person(&ines.authority), &known);
    let other = Some(AccessError::OtherRoot);
    assert_eq!(begun.err(), other, "her root does not override");
    let mut charter = ines.slice();
    charter.control.root = None;
    let begun = Access::begin(charter, Owner::Person(&ines.authority), &known);
    assert_eq!(begun.err(), other, "nothing overrides");

    // And one admin of a circle has a root where none is to be.
    let founders = [marc.id(), zoe.id()];
    let circle = Circle::found(Rule::Admins, &founders, false, &known.people, &mut rng(9)).unwrap();
    let mut charter = zoe.slice();
    charter.owner = OwnerId::Circle(circle.id());
    let begun = Access::begin(charter, Owner::Circle(&circle), &known);
    assert_eq!(begun.err(), other, "a circle's slice has no root");
    let charter = zoe.slice_of(circle.id());
    assert!(Access::begin(charter, Owner::Circle(&circle), &known).is_ok());
}

/// Statements of a log of Marc's that says nothing of use: each ends a key that he does not have.
fn flood(access: &mut Access, signer: &Signer<'_>, known: &Known, count: u8, mark: u8) {
    for number in 0..count {
        let place = |seq| crate::entry::LogPlace {
            log: crate::entry::LogId::from_bytes([mark; 32]),
            seq,
            hash: [number; 32],
        };
        let kind = Kind::Remove {
            membership: signer.membership,
            key: Some(Key32([mark; 32])),
            keep: Upto {
                statements: Vec::new(),
                logs: (0..500).map(place).collect(),
            },
            trusted: None,
        };
        if access.say(signer, kind, known).is_err() {
            return; // full
        }
    }
}

/// Write keys, up to the last byte of room.
fn flood_with_keys(access: &mut Access, signer: &Signer<'_>, known: &Known, mark: u8) {
    let write_key = Kind::WriteKey { key: [mark; 32] };
    while access.say(signer, write_key.clone(), known).is_ok() {}
}

#[test]
fn no_reader_makes_an_owners_revocation_be_lost() {
    let (people, known) = people(4);
    let [ines, marc, zoe, guest] = &people[..] else {
        unreachable!()
    };
    let mut authority = ines.authority.clone();
    let (tablet, tablets) = one_more_device(&mut authority, &ines.signer(), 0x51);
    let tablet = device(&tablet, tablets, 0x61);
    let mut access = Access::begin(ines.slice(), Owner::Person(&authority), &known).unwrap();
    let read = |of: &Someone| Kind::Grant(ines.grant_to(of));
    let said = access.say(&ines.signer(), read(marc), &known).unwrap();
    let marcs = GrantId::from(said.membership());

    // Marc reads, no more. He shows one branch of his log to the laptop, and another to the tablet.
    let mut laptops = access.clone();
    flood(&mut laptops, &by(marc, marcs), &known, 5, 1);
    flood_with_keys(&mut laptops, &by(marc, marcs), &known, 1);
    let said = laptops.say(&ines.signer(), read(zoe), &known).unwrap();
    let zoes = GrantId::from(said.membership());
    let mut tablets = access;
    flood(&mut tablets, &by(marc, marcs), &known, 5, 2);
    flood_with_keys(&mut tablets, &by(marc, marcs), &known, 2);
    let said = tablets.say(&tablet, read(guest), &known).unwrap();
    let guests = GrantId::from(said.membership());
    // The tablet ends Marc's grant.
    let end = removal(marcs.into(), Vec::new());
    let end = tablets.say(&tablet, end, &known).unwrap();
    assert_eq!(tablets.allowed(&marcs), Err(GrantError::Ended));

    laptops.merge(&tablets, &known);
    tablets.merge(&laptops, &known);
    for both in [&laptops, &tablets] {
        assert!(
            both.statements().get(&end.id()).is_some(),
            "the end is lost"
        );
        assert_eq!(both.allowed(&marcs), Err(GrantError::Ended));
        assert!(both.allowed(&guests).is_ok() && both.allowed(&zoes).is_ok());
    }
}

#[test]
fn a_reader_says_little_and_nothing_that_could_not_stand() {
    let (people, known) = people(2);
    let (mut access, read) = people[0].granted(people[0].grant_to(&people[1]));
    let owner = Owner::Person(&people[0].authority);
    access.judge(owner, &known).unwrap();
    let marc = by(&people[1], read);
    let renew = Kind::Renew {
        grant: read.into(),
        expires: NOW,
    };
    let got = access.say(&marc, renew, &known);
    let refused = SayError::Insert(InsertError::Key);
    assert_eq!(got.map(|_| ()), Err(refused));
    let before = access.to_bytes().len();
    flood_with_keys(&mut access, &marc, &known, 1);
    let room = access.to_bytes().len() - before;
    let most = crate::statement::READER_BYTES_MAX;
    assert!((most - 1024..=most).contains(&room), "{room}");
}

#[test]
fn what_a_senior_thief_filled_up_loses_no_juniors_revocation() {
    let (people, known) = people(2);
    let [ines, marc] = &people[..] else {
        unreachable!()
    };
    let mut authority = ines.authority.clone();
    let (tablet, tablets) = one_more_device(&mut authority, &ines.signer(), 0x51);
    let tablet = device(&tablet, tablets, 0x61);
    let mut access = Access::begin(ines.slice(), Owner::Person(&authority), &known).unwrap();
    let read = Kind::Grant(ines.grant_to(marc));
    let said = access.say(&ines.signer(), read, &known).unwrap();
    let marcs = GrantId::from(said.membership());
    let mut thiefs = access.clone();
    let end = removal(marcs.into(), Vec::new());
    access.say(&tablet, end, &known).unwrap();
    assert_eq!(access.allowed(&marcs), Err(GrantError::Ended));

    // The laptop is stolen, and says a megabyte of nothing.
    flood(&mut thiefs, &ines.signer(), &known, 40, 1);
    // And small things, up to the last byte.
    let write_key = Kind::WriteKey { key: [1; 32] };
    while thiefs
        .say(&ines.signer(), write_key.clone(), &known)
        .is_ok()
    {}
    let before = access.clone();
    access.merge(&thiefs, &known);
    thiefs.merge(&before, &known);
    assert_eq!(access.to_bytes(), thiefs.to_bytes(), "whatever came first");

    // The root removes it, and keeps what it said before: the grant.
    let root = Signer {
        key: &ines.root,
        membership: authority.root(),
        installation: InstallationId::from_bytes([0x53; 32]),
    };
    let laptop = ines.author().membership;
    let keep = vec![StatementId::from_bytes(*tablets.as_bytes())];
    authority.say(&root, removal(laptop, keep)).unwrap();
    access.judge(Owner::Person(&authority), &known).unwrap();
    let keep = vec![StatementId::from_bytes(*marcs.as_bytes())];
    access.say(&root, removal(laptop, keep), &known).unwrap();
    assert_eq!(
        access.allowed(&marcs),
        Err(GrantError::Ended),
        "Marc, whose grant had been ended, reads again"
    );
}

/// Grants, ends, write keys and extensions by whoever has any say and by whom nobody knows, each citing
/// what one of three nodes held.
fn draw_statements(draw: &mut impl Rng, people: &[Someone], known: &Known) -> Vec<SignedStatement> {
    let mut below = |bound: usize| usize::try_from(draw.next_u64() % bound as u64).expect("small");
    let mut nodes = [0; 3].map(|_| people[0].access());
    let mut grants: Vec<GrantId> = Vec::new();
    let mut all: Vec<SignedStatement> = Vec::new();
    for _ in 0..4 + below(10) {
        let at = below(nodes.len());
        let signer = match below(grants.len() + 3) {
            0..=1 => people[0].signer(),
            2 => by(&people[3], GrantId::from_bytes([3; 32])), // of no membership that is known
            any => by(&people[1 + below(3)], grants[any - 3]),
        };
        let target = |below: &mut dyn FnMut(usize) -> usize| match below(grants.len() + 1) {
            0 => signer.membership,
            any => grants[any - 1].into(),
        };
        let removals: Vec<StatementId> = (all.iter())
            .filter(|said| matches!(said.statement().kind, Kind::Remove { .. }))
            .filter(|said| nodes[at].statements().get(&said.id()).is_some())
            .map(SignedStatement::id)
            .collect();
        let kind = match below(7) {
            0..=3 => Kind::Grant(Grant {
                abilities: [Abilities::READ, Abilities::GRANT, Abilities::GRANT][below(3)],
                depth: u8::try_from(below(4)).expect("small"),
                ..people[0].grant_to(&people[1 + below(3)])
            }),
            4 => removal(target(&mut below), Vec::new()),
            5 if !removals.is_empty() => Kind::Extend {
                of: vec![removals[below(removals.len())]],
                upto: Upto::default(),
            },
            _ => Kind::WriteKey { key: [1; 32] },
        };
        let statements = nodes[at].statements();
        let said = signer.say(statements.history(), statements.subject(), kind);
        let said = said.expect("well made");
        if matches!(said.statement().kind, Kind::Grant(_)) {
            grants.push(said.membership().into());
        }
        let _ = nodes[at].add([said.clone()], known);
        all.push(said);
        if below(3) == 0 {
            let other = nodes[below(3)].clone();
            nodes[at].merge(&other, known);
        }
    }
    all
}

#[test]
fn what_was_said_about_a_slice_comes_to_the_same_in_any_order() {
    let (people, known) = people(4);
    let mut strange = 0;
    for seed in 0..400 {
        let mut draw = rng(seed);
        let mut said = draw_statements(&mut draw, &people, &known);
        let mut came: Vec<Access> = Vec::new();
        for _ in 0..4 {
            let mut access = people[0].access();
            // What misses something comes again.
            for _ in 0..said.len() {
                for one in &said {
                    let _ = access.add([one.clone()], &known);
                }
            }
            came.push(access);
            for last in (1..said.len()).rev() {
                let other = usize::try_from(draw.next_u64() % (last as u64 + 1));
                said.swap(last, other.expect("small"));
            }
        }
        for other in &came[1..] {
            assert_eq!(came[0].to_bytes(), other.to_bytes(), "seed {seed}");
            let standing = |access: &Access| {
                access
                    .statements()
                    .standing()
                    .map(SignedStatement::id)
                    .collect::<BTreeSet<_>>()
            };
            assert_eq!(standing(&came[0]), standing(other), "seed {seed}");
        }
        let read = UnverifiedAccess::decode(&came[0].to_bytes()).unwrap();
        let owner = Owner::Person(&people[0].authority);
        assert!(
            read.verify(came[0].id(), owner, &known).is_ok(),
            "seed {seed}"
        );
        strange += usize::from(came[0].statements().iter().count() < said.len());
    }
    assert!(strange > 20, "{strange} with something refused");
}
