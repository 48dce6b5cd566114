//! Somebody comes back with nothing but the words: what they find, and who else finds nothing.

use maille_protocol::returning::{Claim, Claimed};

use super::peers::assert_nobody_at_fault;
use super::*;
use crate::returning::{Claimant, NotClaimedError, Person, Returning};

/// The seed that the words of person `n` yield.
fn words(n: usize) -> [u8; 64] {
    [u8::try_from(n).unwrap(); 64]
}

impl World {
    /// A node that nobody knows says one thing at `n`; returns what is answered, if it is.
    fn says_at(&mut self, n: usize, from: TransportId, frame: &[u8]) -> Option<Vec<u8>> {
        let before = self.nodes[n].sent_frames.len();
        let connection = self.stranger_at(n, from);
        self.stranger_says(n, connection, frame);
        self.queue.retain(|(to, ..)| *to != usize::MAX);
        let is_open = self.wires.contains_key(&connection);
        let answer = self.nodes[n].sent_frames[before..].iter();
        let answer = answer
            .clone()
            .find(|frame| {
                matches!(
                    Frame::from_bytes(frame),
                    Ok(Frame::Claimed(_) | Frame::Paired(_))
                )
            })
            .cloned();
        self.cut(connection);
        answer.filter(|_| is_open)
    }

    /// Whoever holds the words of `whose` asks at `n` who they are.
    fn claims(&mut self, n: usize, whose: usize) -> Option<(Claimant, Person)> {
        let from = transport(self.nodes.len());
        let claimant = Claimant::new(&words(whose), from);
        let answer = self.says_at(n, from, &claimant.claims(&transport(n)))?;
        let person = claimant.hears(&answer).expect("in order");
        Some((claimant, person))
    }

    /// Person `whose` comes back with the words by way of node `n`, and says that devices of these places are lost.
    #[track_caller]
    fn comes_back_by_words(&mut self, n: usize, whose: usize, lost: &[usize]) -> Returning {
        let (claimant, person) = self.claims(n, whose).expect("who they are");
        let lost: Vec<_> = lost
            .iter()
            .map(|n| self.nodes[*n].secrets.device_id())
            .collect();
        let mut rng = ChaCha8Rng::seed_from_u64(77);
        let returning = claimant.returns(person, &lost, "new".to_owned(), &mut rng);
        returning.expect("the root may")
    }

    /// The device that comes back asks at `n` of its person's, and begins; returns it.
    #[track_caller]
    fn returns_at(&mut self, n: usize, returning: &Returning) -> usize {
        let m = self.nodes.len();
        let answer = self.says_at(n, transport(m), &returning.asks());
        let answer = answer.expect("a welcome");
        let mut rng = ChaCha8Rng::seed_from_u64(1_000 + m as u64);
        let addresses = vec![format!("/memory/{n}")];
        let card = Card::new(returning.person(), transport(n), addresses).unwrap();
        let founding = returning.hears(self.now, &mut rng, (&card, &answer));
        self.begins(founding.expect("in order"))
    }
}

#[test]
fn who_comes_back_by_the_words_has_their_data_again_and_the_lost_device_hears_of_it() {
    let mut world = World::of(1);
    world.imports(0, 3, "2026-01");
    let phone = world.pairs(0, false);
    world.imports(phone, 4, "2026-02");
    world.settle();
    // The laptop, the senior of both, is lost: the phone alone could not remove it.
    world.goes_away(0);
    let returning = world.comes_back_by_words(phone, 0, &[0]);
    let new = world.returns_at(phone, &returning);
    assert_eq!(world.trips_of(new), world.trips_of(phone));
    assert!(world.trips_of(new) > 0);
    let (devices, _) = world.devices(new);
    let shown: Vec<_> = devices
        .iter()
        .map(|it| (&*it.name, it.rank, it.me))
        .collect();
    assert_eq!(shown, [("new", 1, true), ("device 1", 1_001, false)]);
    // Both ways, from now on.
    world.imports(new, 5, "2026-03");
    world.imports(phone, 6, "2026-04");
    world.settle();
    assert_eq!(world.trips_of(new), world.trips_of(phone));
    // The thief switches the laptop on.
    let theirs = world.trips_of(0);
    world.comes_back(0);
    world.settle();
    let heard = |it: &Event| matches!(it, Event::DeviceRemoved);
    assert!(world.nodes[0].events.iter().any(heard));
    assert_eq!(world.trips_of(0), theirs, "nothing new");
    let refused = world.asks(
        0,
        Command::Record {
            records: records(8, "2026-06"),
        },
    );
    assert!(matches!(refused, Err(CommandError::DeviceRemoved)));
    // It opens again like any other.
    world.crashes(new);
    world.comes_back(new);
    world.settle();
    assert_eq!(world.trips_of(new), world.trips_of(phone));
    // And it may remove the other, being its senior.
    let device = "device 1".to_owned();
    world.asks(new, Command::DeviceRemove { device }).unwrap();
}

#[test]
fn a_contact_says_who_somebody_is_and_where_their_nodes_are_and_no_more() {
    let (mut world, _) = shared();
    let phone = world.pairs(0, false);
    world.settle();
    let from = transport(world.nodes.len());
    let claimant = Claimant::new(&words(0), from);
    let answer = world.says_at(1, from, &claimant.claims(&transport(1)));
    let Ok(Frame::Claimed(Claimed {
        authority, places, ..
    })) = Frame::from_bytes(&answer.expect("an answer"))
    else {
        panic!("another frame");
    };
    let at_contact = world.nodes[1].home.contacts().unwrap();
    let held = at_contact
        .iter()
        .find(|it| it.person == world.nodes[0].secrets.person);
    assert_eq!(
        Some(&*authority),
        held.unwrap().authority.as_deref().map(Vec::as_slice)
    );
    assert!(places.iter().all(|it| it.name.is_empty()), "{places:?}");
    let known: Vec<_> = places
        .iter()
        .filter(|it| !it.addresses.is_empty())
        .collect();
    assert!(!known.is_empty(), "where to go on is known: {places:?}");
    // From there on as if one's own device had been asked first.
    world.goes_away(0);
    let returning = world.comes_back_by_words(1, 0, &[0]);
    assert!(
        world.says_at(1, from, &returning.asks()).is_none(),
        "a contact tells no circles"
    );
    let new = world.returns_at(phone, &returning);
    assert_eq!(world.trips_of(new), world.trips_of(phone));
    world.settle();
    assert_nobody_at_fault(&world);
}

#[test]
fn words_of_nobody_known_are_answered_with_nothing() {
    let (mut world, _) = shared();
    // Person 2 is nobody's contact; 9 is nobody.
    for whose in [2, 9] {
        for n in [0, 1] {
            assert!(world.claims(n, whose).is_none(), "{whose} at {n}");
        }
    }
    let frames = |world: &World| world.nodes[0].sent_frames.len();
    let before = frames(&world);
    assert!(world.claims(0, 9).is_none());
    assert_eq!(frames(&world), before, "not a byte goes out");
}

#[test]
fn a_false_root_is_told_nothing_and_admits_nobody() {
    let mut world = World::of(1);
    let phone = world.pairs(0, false);
    let thief = transport(50);
    let root = maille_protocol::principal::phrase::keys(&words(0))
        .root
        .public();
    let theirs = maille_protocol::principal::phrase::keys(&words(8)).root;
    // The right root's name under another's signature.
    let mut claim = Claim::new(&theirs, &thief, &transport(0));
    claim.root = root;
    let frame = Frame::Claim(claim).to_bytes();
    assert!(world.says_at(0, thief, &frame).is_none());
    // An authority of their own, and ours without them.
    let own = Claimant::new(&words(8), thief);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let founding = found(&words(8), thief, &mut rng);
    let bytes = founding.batch[0].1.clone().unwrap();
    let ours = world.nodes[0].home.me.authority.to_bytes();
    for authority in [bytes, ours.clone()] {
        let returns = maille_protocol::returning::Return {
            version: maille_protocol::wire::V1,
            authority,
        };
        let frame = Frame::Return(returns).to_bytes();
        assert!(world.says_at(0, thief, &frame).is_none());
    }
    // Nor do they believe that ours is theirs.
    let answer = Frame::Claimed(Claimed {
        version: maille_protocol::wire::V1,
        authority: ours,
        places: Vec::new(),
    });
    let heard = own.hears(&answer.to_bytes()).map(|it| it.person());
    assert_eq!(heard, Err(NotClaimedError::NotInOrder));
    assert_eq!(world.devices(0).0.len(), 2);
    assert_eq!(world.devices(phone).0.len(), 2);
}

#[test]
fn a_claim_that_was_overheard_is_of_no_use() {
    let mut world = World::of(1);
    let phone = world.pairs(0, false);
    let new = transport(40);
    let claim = Claimant::new(&words(0), new).claims(&transport(0));
    assert!(world.says_at(0, new, &claim).is_some());
    assert!(
        world.says_at(0, transport(41), &claim).is_none(),
        "from another node"
    );
    assert!(
        world.says_at(phone, new, &claim).is_none(),
        "at another node"
    );
}

/// Whoever has the authority of somebody who came back has not the device that is in it.
#[test]
fn a_return_from_another_node_is_told_nothing() {
    let mut world = World::of(1);
    let phone = world.pairs(0, false);
    let returning = world.comes_back_by_words(phone, 0, &[]);
    let frame = returning.asks();
    assert!(world.says_at(phone, transport(60), &frame).is_none());
    let new = world.returns_at(phone, &returning);
    assert_eq!(world.trips_of(new), world.trips_of(phone));
}

#[test]
fn a_device_that_the_root_has_removed_tells_nothing_to_who_comes_back() {
    let mut world = World::of(1);
    let phone = world.pairs(0, false);
    let returning = world.comes_back_by_words(phone, 0, &[0]);
    let frame = returning.asks();
    let from = transport(world.nodes.len());
    assert!(world.says_at(0, from, &frame).is_none());
    let heard = |it: &Event| matches!(it, Event::DeviceRemoved);
    assert!(world.nodes[0].events.iter().any(heard));
}

/// Inès never had a second device; hers lies in a drawer, and still runs.
#[test]
fn a_device_that_was_alone_founds_the_circle_for_who_comes_back() {
    let (mut world, _) = shared();
    let returning = world.comes_back_by_words(0, 0, &[]);
    let new = world.returns_at(0, &returning);
    assert!(world.trips_of(new) > 0);
    world.imports(new, 5, "2026-03");
    world.settle();
    assert_eq!(world.trips_of(new), world.trips_of(0));
}

/// Inès asks Marc; her laptop is switched off then, and on later.
#[test]
fn who_found_only_a_contact_is_told_the_rest_when_a_device_is_met() {
    let (mut world, _) = shared();
    let phone = world.pairs(0, false);
    world.settle();
    world.goes_away(0);
    world.goes_away(phone);
    let returning = world.comes_back_by_words(1, 0, &[]);
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let new = world.begins(returning.alone(&mut rng));
    assert_eq!(world.trips_of(new), 0);
    let status = world.asks(new, Command::Status);
    assert!(status.is_ok(), "{status:?}");
    // What is done meanwhile reaches the others, too.
    world.imports(new, 9, "2026-01");
    let alone = world.trips_of(new);
    world.comes_back(0);
    world.settle();
    assert_eq!(world.trips_of(new), world.trips_of(0));
    assert!(world.trips_of(0) > alone);
    assert!(world.trips_of(new) > 0);
    let names: Vec<_> = (world.devices(new).0.into_iter())
        .map(|it| it.name)
        .collect();
    assert!(names.contains(&"new".to_owned()), "{names:?}");
    world.comes_back(phone);
    world.imports(new, 5, "2026-03");
    world.settle();
    assert_eq!(world.trips_of(new), world.trips_of(0));
    assert_eq!(world.trips_of(new), world.trips_of(phone));
    assert_nobody_at_fault(&world);
}
