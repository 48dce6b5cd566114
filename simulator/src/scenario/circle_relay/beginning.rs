//! How the story begins: all members have joined by real invites, hold all that was said, and are down.
//!
//! Made once per process from a seed of its own, whatever the seed of the run: it costs as much as many runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use maille_core::command::{CircleKind, Command, Done, PeerRole};
use maille_core::sim::Inspect;
use maille_protocol::id::CircleId;

use crate::clock::{VirtualSpan, VirtualTime};
use crate::fault::Fault;
use crate::network::Links;
use crate::random::Seed;
use crate::scenario::Log;
use crate::world::{NodeIndex, Picture, World};

/// What the circle is called.
pub(super) const CIRCLE: &str = "Lilas";

const SEED: Seed = Seed(0x001A_C1E5);
const DAY: u64 = 86_400;
/// How much the relay gives.
const ROOM_BYTES: u64 = 1 << 30;
/// How often it is looked whether something has come about.
const LOOK_EVERY: VirtualSpan = VirtualSpan::from_millis(500);
/// How long anything may take to come about.
const WITHIN: VirtualSpan = VirtualSpan::from_secs(600);
/// How long somebody is down who is not to start again.
const FOR_GOOD: VirtualSpan = VirtualSpan::from_secs(10_000 * DAY);

/// A world to begin with.
#[derive(Debug)]
pub(super) struct Beginning {
    /// When it was like that.
    pub(super) at: VirtualTime,
    pub(super) circle: CircleId,
    /// The relay, as it was before it had anything.
    pub(super) empty_relay: Picture,
    pub(super) relay: Picture,
    /// The first is the founder.
    pub(super) members: Vec<Picture>,
}

impl Beginning {
    /// The one of so many members.
    pub(super) fn of(members: u32) -> Arc<Self> {
        static MADE: Mutex<BTreeMap<u32, Arc<Beginning>>> = Mutex::new(BTreeMap::new());
        let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
        let made = made.entry(members);
        Arc::clone(made.or_insert_with(|| Arc::new(make(members))))
    }
}

fn make(count: u32) -> Beginning {
    let mut log = Log::Off;
    let mut world = World::new(SEED, Links::default(), &mut log);
    let relay = world.person("relay");
    let founder = world.person(&called(0));
    let in_days = |days: u64| {
        let end = VirtualTime::START.plus(VirtualSpan::from_secs(days * DAY));
        end.timestamp()
    };
    let offer = Command::RelayOffer {
        bytes: ROOM_BYTES,
        until: in_days(365),
    };
    let Done::RelayOffered { room } = must(&mut world, relay, offer) else {
        unreachable!("an offer")
    };
    let empty_relay = world.picture(relay);
    let create = Command::CircleCreate {
        name: CIRCLE.to_owned(),
        kind: CircleKind::Other,
        called: called(0),
    };
    let Done::CircleCreated { circle } = must(&mut world, founder, create) else {
        unreachable!("a circle")
    };
    let invite = Command::CircleInvite {
        circle: CIRCLE.to_owned(),
        uses: count,
        until: in_days(30),
        admin: false,
    };
    let Done::CircleInvited { link, .. } = must(&mut world, founder, invite) else {
        unreachable!("an invite")
    };
    let carried = Command::CircleRelayUse {
        circle: Some(CIRCLE.to_owned()),
        code: room.code,
    };
    must(&mut world, founder, carried);
    stop(&mut world, relay);
    let mut members = vec![founder];
    for number in 1..count {
        let node = world.person(&called(number));
        let join = Command::CircleJoin {
            link: link.clone(),
            called: called(number),
        };
        must(&mut world, node, join);
        members.push(node);
        let least = 4 * number as usize;
        until(&mut world, node, |world| {
            hold_the_same(world, circle.id, (founder, node), least)
        });
        stop(&mut world, node);
    }
    // Only now is the relay there. What it begins with is what a circle has left there that has been for a while, and no
    // list by each who joined.
    world.start_at(world.now(), relay);
    until(&mut world, founder, |world| is_kept(world, founder));
    stop(&mut world, founder);
    for node in &members[1..] {
        world.start_at(world.now(), *node);
        until(&mut world, *node, |world| {
            is_kept(world, *node) && hold_the_same(world, circle.id, (founder, *node), 0)
        });
        stop(&mut world, *node);
    }
    stop(&mut world, relay);
    Beginning {
        at: world.now(),
        circle: circle.id,
        empty_relay,
        relay: world.picture(relay),
        members: members.iter().map(|node| world.picture(*node)).collect(),
    }
}

fn called(number: u32) -> String {
    format!("member {number}")
}

/// Lets time pass until something that has to do with `node` is so.
fn until(world: &mut World<'_>, node: NodeIndex, is_so: impl Fn(&mut World<'_>) -> bool) {
    let limit = world.now().plus(WITHIN);
    loop {
        world.pass(LOOK_EVERY);
        if is_so(world) {
            return;
        }
        assert!(
            world.now() < limit,
            "{} never comes to hold all",
            world.name(node)
        );
    }
}

/// Whether the founder and a member hold the same, at least so much.
fn hold_the_same(
    world: &World<'_>,
    circle: CircleId,
    (founder, member): (NodeIndex, NodeIndex),
    at_least: usize,
) -> bool {
    let [ours, theirs] = [founder, member].map(|node| held(world, circle, node));
    theirs.len() >= at_least && theirs == ours
}

fn held(world: &World<'_>, circle: CircleId, node: NodeIndex) -> Vec<[u8; 32]> {
    let store = world.store(node);
    let items = Inspect(&store).circle_items(circle).into_iter();
    let mut names: Vec<[u8; 32]> = items.map(|(_, name, _)| name).collect();
    names.sort_unstable();
    names
}

/// Whether the relay has all that a member has to put there.
fn is_kept(world: &mut World<'_>, node: NodeIndex) -> bool {
    let Done::Reached { peers } = must(world, node, Command::Reach) else {
        unreachable!("who is reached")
    };
    let mut relays = peers.iter().filter(|it| it.role == PeerRole::Relay);
    relays.any(|it| it.connected && it.waiting == 0)
}

fn stop(world: &mut World<'_>, node: NodeIndex) {
    let fault = Fault::Crash {
        down: FOR_GOOD,
        torn: false,
    };
    world.plan(world.now(), node, fault);
    world.pass(VirtualSpan::from_millis(1));
}

/// Has it answered, by somebody who is up and stays so.
#[track_caller]
pub(super) fn must(world: &mut World<'_>, node: NodeIndex, command: Command) -> Done {
    let answer = world.ask(node, command);
    let answer = answer.expect("the node stays up");
    answer.expect("a good command is carried out")
}
