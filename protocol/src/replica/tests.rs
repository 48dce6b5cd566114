use super::*;
use crate::crypto::Key;
use crate::entry::LogTip;
use crate::evaluation::{Rule, Who};
use crate::generation::choice::Owed;
use crate::id::StatementId;
use crate::testing::{NOW, Someone, removal, rng};

pub(crate) const PART: PartNumber = PartNumber::SINGLE;

/// Three admins of a circle, and its slice as each of them holds it; the first made the first keys.
pub(crate) fn three() -> ([Someone; 3], [Replica; 3]) {
    let people = [1, 2, 3].map(Someone::new);
    let replicas = circle_of(&people, &[]);
    (people, replicas)
}

/// The circle of `three`, with another device of some of them, and with others known.
fn circle_of(people: &[Someone; 3], others: &[&Someone]) -> [Replica; 3] {
    circle_that(true, people, others)
}

fn circle_that(opens: bool, people: &[Someone; 3], others: &[&Someone]) -> [Replica; 3] {
    let mut known = Known::default();
    for person in people.iter().chain(others.iter().copied()) {
        (known.people).insert(person.id(), person.authority.clone());
    }
    let founders = people.each_ref().map(Someone::id);
    let circle = Circle::found(Rule::Admins, &founders, opens, &known.people, &mut rng(9)).unwrap();
    let charter = people[0].slice_of(circle.id());
    let access = Access::begin(charter, Owner::Circle(&circle), &known).unwrap();
    let id = circle.id();
    known.circles.insert(id, circle);
    let mut replicas = people
        .each_ref()
        .map(|person| Replica::new(me(person), known.clone(), id, access.clone(), tag_key()));
    let news = replicas[0].rotate(PART, &mut rng(1)).unwrap();
    for replica in &mut replicas[1..] {
        hears(replica, &news);
    }
    replicas
}

fn tag_key() -> Key {
    Key::from_bytes([5; 32])
}

fn me(person: &Someone) -> Me {
    Me {
        person: person.id(),
        signing: person.device.clone(),
        seed: person.device_seed.clone(),
        sealing: person.sealing.clone(),
        installation: person.installation,
    }
}

fn hears(replica: &mut Replica, news: &News) {
    replica.take_statements(news.statements.clone()).unwrap();
    replica.take_objects(news.objects.clone());
    for generation in &news.generations {
        replica.take_generation(generation.clone()).unwrap();
    }
}

pub(crate) fn takes(replica: &mut Replica, entry: &Entry) -> Result<Taken, RefusedError> {
    replica.take_entry(UnverifiedEntry::decode(&entry.to_bytes()).unwrap())
}

/// What entries are sealed under now.
pub(crate) fn content_key(replica: &Replica) -> (GenerationId, ContentKey) {
    let id = replica.sealed_under(PART).unwrap();
    (id, replica.generations[&id].key.clone().unwrap())
}

/// The first entry of somebody who came by the key that `replica` seals under, by an admission of whatever kind.
pub(crate) fn first_entry(
    replica: &Replica,
    who: &Someone,
    admission: MembershipId,
    content: &[u8],
) -> Entry {
    let slice = replica.access().id();
    let (generation, key) = content_key(replica);
    let log = LogKey::derive(&who.device_seed, admission, who.installation, slice, PART);
    let sealed = seal(SealParams {
        slice,
        part: PART,
        generation,
        key: &key,
        log: &log,
        tip: &LogTip::START,
        now: NOW,
        body: &Body::new(Some(log.bind(&who.device)), content.to_vec()),
    });
    sealed.unwrap().0
}

pub(crate) fn shown(replica: &Replica) -> Vec<&[u8]> {
    replica.standing().filter_map(|it| it.content).collect()
}

/// The first removes the third from the circle, and says in the slice how much stays.
pub(crate) fn removes_the_third(
    people: &[Someone; 3],
    first: &mut Replica,
) -> Vec<SignedStatement> {
    let circle = Subject::Circle(first.circle().id());
    let third = first.circle().members()[&people[2].id()].membership;
    let speaker = Speaker {
        membership: third,
        key: people[2].device.public(),
    };
    let gone = first.say(circle, removal(third, Vec::new())).unwrap();
    assert_eq!(
        first.uncut(),
        [speaker],
        "what is owed follows from what is known"
    );
    let slice = Subject::Slice(first.access().id());
    let cut = Kind::Remove {
        membership: third,
        key: None,
        keep: first.held_of(&third, &slice),
        trusted: None,
    };
    let cut = first.say(slice, cut).unwrap();
    assert!(first.uncut().is_empty());
    vec![gone, cut]
}

#[test]
fn who_is_removed_writes_nothing_more_and_opens_no_later_key() {
    let (people, [mut first, mut second, mut third]) = three();
    let before = third.write(PART, b"before".to_vec(), NOW).unwrap();
    takes(&mut first, &before).unwrap();
    let said = removes_the_third(&people, &mut first);
    assert_eq!(shown(&first), [b"before"]);
    let owed = WriteError::NoKey(NoKeyError::Owed(Owed { level: 0 }));
    assert_eq!(first.write(PART, Vec::new(), NOW), Err(owed));

    // The third goes on; the second hears that first.
    let after = third.write(PART, b"after".to_vec(), NOW).unwrap();
    takes(&mut second, &before).unwrap();
    takes(&mut second, &after).unwrap();
    assert_eq!(shown(&second), [b"before".as_slice(), b"after"]);
    second.take_statements(said).unwrap();
    assert_eq!(shown(&second), [b"before"]);
    takes(&mut first, &after).unwrap();
    assert_eq!(shown(&first), [b"before"], "it is held, and does not stand");

    let news = second.rotate(PART, &mut rng(2)).unwrap();
    assert_eq!((news.statements.len(), news.generations.len()), (1, 1));
    hears(&mut first, &news);
    let later = first.write(PART, b"later".to_vec(), NOW).unwrap();
    takes(&mut second, &later).unwrap();
    assert_eq!(shown(&second).len(), 2);
    // The third gets hold of all of it.
    third.take_statements(news.statements.clone()).unwrap_err();
    third.take_objects(news.objects.clone());
    let _ = third.take_generation(news.generations[0].clone());
    assert!(!third.opens(&later.generation()));
}

#[test]
fn what_a_cut_took_too_much_an_extension_gives_back() {
    let (people, [mut first, mut second, mut third]) = three();
    let one = third.write(PART, b"one".to_vec(), NOW).unwrap();
    let two = third.write(PART, b"two".to_vec(), NOW).unwrap();
    takes(&mut first, &one).unwrap();
    for entry in [&one, &two] {
        takes(&mut second, entry).unwrap();
    }
    let said = removes_the_third(&people, &mut first);
    let cut: StatementId = said[1].id();
    second.take_statements(said).unwrap();
    assert_eq!(
        shown(&second),
        [b"one"],
        "the first had not heard of the other"
    );
    let slice = Subject::Slice(first.access().id());
    let third = second.access().statements().outcome().members().iter();
    let who = Who::Person(people[2].id());
    let third = *third
        .filter(|(_, member)| member.who == who)
        .map(|(id, _)| id)
        .next()
        .unwrap();
    let upto = second.held_of(&third, &slice);
    let extend = Kind::Extend {
        of: vec![cut],
        upto,
    };
    // The second is junior to the first, whose cut it is: not theirs to take back.
    second.say(slice, extend.clone()).unwrap();
    assert_eq!(shown(&second), [b"one"]);
    takes(&mut first, &two).unwrap();
    let given = first.say(slice, extend).unwrap();
    second.take_statements([given]).unwrap();
    assert_eq!(shown(&first), [b"one", b"two"]);
    assert_eq!(shown(&second), [b"one", b"two"]);
}

#[test]
fn where_a_log_forks_nothing_after_it_stands_and_its_writer_notices() {
    let (_, [mut first, _, mut third]) = three();
    let one = third.write(PART, b"one".to_vec(), NOW).unwrap();
    let (mut copy, mut again) = (third.clone(), third.clone());
    let two = third.write(PART, b"two".to_vec(), NOW).unwrap();
    let other = copy.write(PART, b"other".to_vec(), NOW).unwrap();
    let more = again.write(PART, b"more".to_vec(), NOW).unwrap();
    for entries in [
        [&one, &two, &other, &more],
        [&one, &more, &other, &two],
        [&one, &other, &two, &more],
    ] {
        let mut reader = first.clone();
        for entry in entries {
            assert_eq!(takes(&mut reader, entry), Ok(Taken::New));
        }
        assert_eq!(shown(&reader), [b"one"]);
        assert_eq!(takes(&mut reader, &other), Ok(Taken::Known));
    }
    assert_eq!(takes(&mut first, &two), Ok(Taken::Early));
    takes(&mut third, &other).unwrap();
    assert_eq!(third.write(PART, Vec::new(), NOW), Err(WriteError::Forked));
    third.reinstall(InstallationId::from_bytes([8; 32]));
    assert!(third.write(PART, Vec::new(), NOW).is_ok());
}

#[test]
fn a_ring_key_is_handed_on_only_by_who_heard_of_every_removal_that_it_names() {
    let (people, [mut first, mut second, mut third]) = three();
    let before = third.write(PART, Vec::new(), NOW).unwrap();
    takes(&mut first, &before).unwrap();
    let said = removes_the_third(&people, &mut first);
    let news = first.rotate(PART, &mut rng(2)).unwrap();
    // The second gets the new ring key, and not the news of whom it keeps out.
    assert!(second.take_statements(news.statements.clone()).is_err() || !news.objects.is_empty());
    second.take_objects(news.objects.clone());
    let handed = second.hand_on(&mut rng(3));
    assert!(handed.is_empty(), "{} keys", handed.len());
    second.take_statements(said).unwrap();
    second.take_statements(news.statements).unwrap();
    assert!(second.hand_on(&mut rng(3)).is_empty(), "everybody has it");
    assert!(!third.opens(&news.generations[0].id()));
}

/// The root of somebody removes their device.
fn loses_the_device(someone: &Someone) -> SignedStatement {
    let principal = someone.authority.statements();
    let root = Signer {
        key: &someone.root,
        membership: someone.authority.root(),
        ..someone.signer()
    };
    let gone = removal(someone.author().membership, Vec::new());
    (root.say(principal.history(), Subject::Person(someone.id()), gone)).unwrap()
}

/// Found by the simulator (circle-slice, seed 125).
#[test]
fn a_new_ring_key_claims_nothing_that_its_maker_never_heard() {
    let (people, [mut first, mut second, third]) = three();
    let (lost, other) = (loses_the_device(&people[2]), loses_the_device(&people[0]));
    first.take_statements([lost.clone()]).unwrap();
    let news = first.rotate(PART, &mut rng(2)).unwrap();
    // The second gets the ring key that names this removal, and not the removal; then all that
    // the first made is worth nothing, and the second makes a ring key too.
    second.take_statements(news.statements.clone()).unwrap();
    second.take_statements([other]).unwrap();
    let mut stolen = third.clone();
    stolen.take_statements(news.statements).unwrap();
    let news = second.rotate(PART, &mut rng(3)).unwrap();
    assert_eq!(news.statements.len(), 1);
    hears(&mut stolen, &news);
    let made = news.generations[0].id();
    assert!(
        stolen.opens(&made),
        "nobody there had heard that it was lost"
    );
    assert_eq!(second.sealed_under(PART), Ok(made));
    second.take_statements([lost]).unwrap();
    assert_eq!(
        second.sealed_under(PART),
        Err(NoKeyError::Owed(Owed { level: 0 }))
    );
    let news = second.rotate(PART, &mut rng(4)).unwrap();
    hears(&mut stolen, &news);
    assert!(!stolen.opens(&news.generations[0].id()));
}

mod attacks;
