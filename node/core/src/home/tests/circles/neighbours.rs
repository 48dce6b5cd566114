//! Wide circles: what two nodes compare, and who is whose neighbour.

use std::collections::BTreeSet;

use maille_protocol::id::PersonId;
use maille_protocol::sync::{Held, Holds};

use super::*;

/// As many people as make a circle wide.
const WIDE: usize = 9;

impl World {
    /// Delivers frames until there is none, but for those that `keep` keeps; they are returned.
    fn delivers_but(
        &mut self,
        mut keep: impl FnMut(usize, &Frame) -> bool,
    ) -> Vec<(usize, u64, Vec<u8>)> {
        let mut kept = Vec::new();
        while let Some((to, _, bytes)) = self.queue.front() {
            let frame = Frame::from_bytes(bytes).expect("honest nodes");
            if keep(*to, &frame) {
                kept.extend(self.queue.pop_front());
            } else {
                self.delivers_one();
            }
        }
        kept
    }

    /// All timers ring for two minutes, and nothing is delivered but by `deliver`.
    fn passes(&mut self, mut deliver: impl FnMut(&mut Self)) {
        for _ in 0..8 {
            self.now = self.now.plus_millis(15_000);
            for n in 0..self.nodes.len() {
                self.input(n, Input::Tick);
            }
            deliver(self);
        }
    }

    fn session(&self, n: usize, with: usize) -> Option<ConnectionId> {
        self.nodes[n]
            .home
            .session_with(self.nodes[with].secrets.transport)
    }

    /// Both are in a session, whoever dials.
    #[track_caller]
    fn meet(&mut self, a: usize, b: usize) {
        if self.session(a, b).is_none() {
            let peer = self.nodes[b].secrets.transport;
            self.dial(a, peer);
            self.deliver();
        }
        assert!(self.session(a, b).is_some(), "{a} and {b} meet");
    }

    fn due_rows(&self, n: usize, to: usize) -> usize {
        let peer = self.nodes[to].secrets.transport;
        let rows = self.nodes[n].disk.scan(&layout::feed_items(peer));
        rows.expect("readable").len()
    }

    /// All items of a circle that a node keeps, as they came.
    fn items_at(&self, n: usize, id: CircleId) -> Vec<CircleItem> {
        let kept = self.nodes[n].disk.scan(&layout::circle_items(id)).unwrap();
        let read = |(_, bytes): &(_, Vec<u8>)| maille_protocol::wire::decode(bytes, 1 << 20).ok();
        kept.iter().filter_map(read).collect()
    }

    /// A node hands an item of a circle to another, on no wire.
    #[track_caller]
    fn hands(&mut self, from: usize, to: usize, (id, item): (CircleId, CircleItem)) {
        let giver = &self.nodes[from];
        let giver = (giver.home.me.person, giver.secrets.transport);
        let (now, node) = (self.now, &mut self.nodes[to]);
        let taken = (node.home).take_circle_item(now, &mut node.rng, giver, (id, item));
        assert!(taken.is_ok());
    }

    fn circle_id(&mut self) -> CircleId {
        self.the_circle(0).id
    }
}

#[test]
fn what_is_made_while_two_compare_arrives() {
    let mut world = World::of(WIDE);
    world.circle(WIDE);
    let all = world.nodes.len();
    world.only(all, &[0, 1]);
    world.goes_away(1);
    world.adds(0, "before");
    world.comes_back(1);
    let mut made = false;
    world.passes(|world| {
        let answers = world.delivers_but(|to, frame| to == 0 && matches!(frame, Frame::Held(_)));
        for answer in answers {
            // It was under way when this was made.
            world.adds(0, "meanwhile");
            made = true;
            world.queue.push_back(answer);
        }
        world.deliver();
    });
    assert!(made, "they have compared");
    assert_eq!(world.texts(1), ["before", "meanwhile"]);
}

#[test]
fn a_circle_that_is_small_again_catches_up() {
    let mut world = World::of(WIDE);
    world.circle(WIDE);
    // Who was there before it was wide.
    world.goes_away(2);
    world.adds(0, "missed");
    world.settle();
    world.removes(0, 7);
    world.settle();
    world.adds(0, "of a small one");
    world.comes_back(2);
    world.settle();
    let mut members: Vec<String> = (0..9).map(|n| format!("member {n}")).collect();
    members.remove(7);
    for n in [0, 2] {
        assert_eq!(world.texts(n), ["missed", "of a small one"]);
        assert_eq!(world.members(n), members);
    }
    // Now that it is a small one there, too.
    world.goes_away(0);
    world.adds(2, "without the founder");
    world.settle();
    assert_eq!(world.texts(3).len(), 3);
}

#[test]
fn one_member_with_many_devices_is_one_neighbour() {
    let mut world = World::of(WIDE);
    world.circle(WIDE);
    let crowd: BTreeSet<usize> = [1]
        .into_iter()
        .chain((0..4).map(|_| world.pairs(1, false)))
        .collect();
    world.settle();
    let there: Vec<usize> = [0].into_iter().chain(crowd.iter().copied()).collect();
    let all = world.nodes.len();
    world.only(all, &there);
    world.crashes(0);
    world.settle();
    for n in &crowd {
        world.meet(*n, 0);
    }
    // Everybody else is there again, and is not heard of first.
    for n in 0..WIDE {
        world.comes_back(n);
    }
    let now = world.now.plus_millis(2 * 60_000);
    let home = &world.nodes[0].home;
    let wanted = home.neighbours_to_dial(now);
    let person = |n: usize| world.nodes[n].home.me.person;
    let others: BTreeSet<PersonId> = (2..WIDE)
        .filter(|n| wanted.contains(&world.nodes[*n].secrets.transport))
        .map(person)
        .collect();
    assert!(others.len() >= 2, "{} others are sought", others.len());
}

#[test]
fn what_was_asked_before_its_circle_was_known_is_answered_then() {
    let mut world = World::of(WIDE + 1);
    let link = world.circle(WIDE);
    let newcomer = WIDE;
    // One member and the newcomer are contacts, and in a session.
    let (_, share) = world.shares_from(1, newcomer, None);
    world.accepts(newcomer, &share);
    world.settle();
    let all = world.nodes.len();
    world.only(all, &[0, 1, newcomer]);
    world.meet(1, newcomer);
    world.apart(0, 1);
    world.adds(1, "only here");
    let card = world.nodes[newcomer].home.me.person;
    assert!(world.session(1, newcomer).is_some());
    // The member hears that they belong to it before they do themselves.
    world.asks_to_join(newcomer, &link).unwrap();
    let welcome =
        world.delivers_but(|to, frame| to == newcomer && matches!(frame, Frame::Answer(_)));
    assert!(!welcome.is_empty());
    let id = world.circle_id();
    for item in world.items_at(0, id) {
        world.hands(0, 1, (id, item));
    }
    world.input(1, Input::Tick);
    assert!(
        world
            .the_circle(1)
            .members
            .iter()
            .any(|it| it.person == card)
    );
    world.deliver();
    world.queue.extend(welcome);
    world.deliver();
    world.passes(World::deliver);
    assert_eq!(world.the_circle(newcomer).standing, CircleStanding::Member);
    assert_eq!(world.texts(newcomer), ["only here"]);
}

#[test]
fn who_is_let_in_again_catches_up_in_the_same_session() {
    let mut world = World::of(WIDE + 1);
    world.circle(WIDE + 1);
    let all = world.nodes.len();
    world.only(all, &[0, 3, 5]);
    world.settle();
    world.meet(3, 5);
    let session = world.session(3, 5);
    world.leaves(5);
    world.settle();
    world.apart(0, 3);
    world.adds(3, "while they were out");
    let link = world.invites(0, 1);
    world.joins(5, &link).unwrap();
    world.passes(World::deliver);
    // The other hears of it by way of who was let in.
    assert_eq!(world.members(3).len(), WIDE + 1);
    assert_eq!(world.session(3, 5), session, "the same session");
    assert_eq!(world.texts(5), ["while they were out"]);
}

#[test]
fn who_never_acknowledges_does_not_make_a_feed_grow() {
    let mut world = World::of(WIDE);
    world.circle(WIDE);
    let all = world.nodes.len();
    world.only(all, &[0]);
    world.adds(0, "missed");
    world.comes_back(8);
    let mut rows = Vec::new();
    for _ in 0..6 {
        world.now = world.now.plus_millis(120_000);
        let peer = world.nodes[0].secrets.transport;
        world.dial(8, peer);
        world.delivers_but(|to, frame| to == 8 && matches!(frame, Frame::Item { .. }));
        rows.push(world.due_rows(0, 8));
        let session = world.session(8, 0).expect("a session");
        world.cut(session.0);
    }
    assert!(rows[0] > 0);
    assert!(rows.iter().all(|it| *it <= rows[0]), "{rows:?}");
    // What was kept back comes, each thing once.
    let sent = world.nodes[0].sent_frames.len();
    world.settle();
    assert_eq!(world.texts(8), ["missed"]);
    let items = world.circle_items_sent(0, sent);
    let distinct: BTreeSet<&[u8]> = items.iter().map(CircleItem::bytes).collect();
    assert_eq!(items.len(), distinct.len());
}

#[test]
fn who_asks_for_all_names_again_and_again_is_not_answered() {
    let mut world = World::of(WIDE);
    world.circle(WIDE);
    let all = world.nodes.len();
    world.only(all, &[0, 8]);
    world.meet(0, 8);
    let circle = world.circle_id();
    let digests = Vec::new();
    let frame = Frame::Holds(Holds { circle, digests }).to_bytes();
    let mut answers = 0;
    for _ in 0..10 {
        for _ in 0..100 {
            let sent = world.nodes[0].sent_frames.len();
            let Some(session) = world.session(0, 8) else {
                break;
            };
            let from = session;
            world.input(
                0,
                Input::Received {
                    from,
                    frame: &frame,
                },
            );
            let new = world.nodes[0].sent_frames[sent..].iter();
            answers += new
                .filter(|it| matches!(Frame::from_bytes(it), Ok(Frame::Held(_))))
                .count();
        }
        if let Some(session) = world.session(0, 8) {
            world.cut(session.0);
        }
        world.queue.clear();
        let peer = world.nodes[0].secrets.transport;
        world.dial(8, peer);
        world.deliver();
    }
    assert!(answers > 0 && answers <= 128, "{answers} answers");
}

#[test]
fn what_waits_is_not_sent_at_each_meeting() {
    let mut world = World::of(WIDE);
    world.circle(WIDE);
    let all = world.nodes.len();
    world.only(all, &[1]);
    world.adds(1, "first");
    world.adds(1, "second");
    let id = world.circle_id();
    let second = world.items_at(1, id).pop().expect("an entry");
    world.hands(1, 8, (id, second.clone()));
    assert!(world.nodes[8].home.waiting_in_memory(id) > 0, "it waits");
    let sent = world.nodes[1].sent_frames.len();
    world.comes_back(8);
    world.settle();
    assert_eq!(world.texts(8), ["first", "second"]);
    let again = world.circle_items_sent(1, sent);
    assert!(!again.contains(&second));
}

#[test]
fn who_is_still_arriving_tells_only_the_node_that_let_them_in_what_is_here() {
    let mut world = World::of(WIDE + 2);
    let link = world.circle(WIDE);
    let (newcomer, contact) = (WIDE, WIDE + 1);
    let (_, share) = world.shares_from(contact, newcomer, None);
    world.accepts(newcomer, &share);
    world.settle();
    let all = world.nodes.len();
    world.only(all, &[0, newcomer, contact]);
    world.meet(contact, newcomer);
    world.asks_to_join(newcomer, &link).unwrap();
    world.delivers_but(|to, frame| to == newcomer && matches!(frame, Frame::Item { .. }));
    assert_eq!(
        world.the_circle(newcomer).standing,
        CircleStanding::Arriving
    );
    let circle = world.circle_id();
    let from = world.session(newcomer, contact).expect("a session");
    let digests = Vec::new();
    let frame = Frame::Holds(Holds { circle, digests }).to_bytes();
    let sent = world.nodes[newcomer].sent_frames.len();
    world.input(
        newcomer,
        Input::Received {
            from,
            frame: &frame,
        },
    );
    let told = world.nodes[newcomer].sent_frames[sent..]
        .iter()
        .any(|it| matches!(Frame::from_bytes(it), Ok(Frame::Held(Held { .. }))));
    assert!(!told, "a contact who is no member");
}
