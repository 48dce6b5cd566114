//! Relays: what waits there for those who are away, what a relay can tell, and those who cheat.

use maille_protocol::relay::{RelayCode, Visit};

use super::super::peers::assert_nobody_at_fault;
use super::*;
use crate::command::{RelayShown, RoomShown};

const ROOM: u64 = 8 << 20;

impl World {
    #[track_caller]
    fn offers(&mut self, relay: usize) -> RelayCode {
        let until = self.now.plus_millis(365 * DAY);
        match self.asks(relay, Command::RelayOffer { bytes: ROOM, until }) {
            Ok(Done::RelayOffered { room }) => room.code,
            other => panic!("no code: {other:?}"),
        }
    }

    #[track_caller]
    fn rooms(&mut self, relay: usize) -> Vec<RoomShown> {
        match self.asks(relay, Command::RelayRooms) {
            Ok(Done::RelayRooms { rooms }) => rooms,
            other => panic!("{other:?}"),
        }
    }

    fn uses(&mut self, n: usize, code: &RelayCode) -> Result<Done, CommandError> {
        let command = Command::CircleRelayUse {
            circle: Some(CIRCLE.to_owned()),
            code: code.clone(),
        };
        self.asks(n, command)
    }

    #[track_caller]
    pub(in crate::home::tests) fn relay_of(&mut self, n: usize) -> RelayShown {
        let circle = Some(CIRCLE.to_owned());
        match self.asks(n, Command::CircleRelays { circle }) {
            Ok(Done::CircleRelays { mut relays, .. }) => {
                assert_eq!(relays.len(), 1);
                relays.remove(0)
            }
            other => panic!("{other:?}"),
        }
    }

    /// A circle of the first `people`, carried by the node after them.
    #[track_caller]
    pub(in crate::home::tests) fn carried_circle(&mut self, people: usize) -> RelayCode {
        self.circle(people);
        let code = self.offers(people);
        self.uses(0, &code).unwrap();
        self.settle();
        code
    }

    /// Of some, only these are there for a while.
    pub(in crate::home::tests) fn only(&mut self, people: usize, there: &[usize]) {
        for n in 0..people {
            if there.contains(&n) {
                self.comes_back(n);
            } else {
                self.goes_away(n);
            }
        }
        self.settle();
    }

    /// Four, of whom the last is a relay: it keeps back an entry of the first that the second has read there, and the third
    /// comes, with the others away.
    #[track_caller]
    pub(in crate::home::tests) fn loses_one_entry_at_its_relay(&mut self) {
        self.carried_circle(3);
        self.only(3, &[0]);
        self.adds(0, "bread");
        self.settle();
        self.only(3, &[1]);
        self.adds(1, "salt");
        self.settle();
        assert_eq!(self.relay_of(1).withheld, 0);
        keeps_back_the_last_but_one(self, 3);
        self.goes_away(1);
        self.crashes(3);
        self.only(3, &[2]);
    }
}

#[test]
fn two_who_are_never_there_together_meet_at_a_relay() {
    let mut world = World::of(3);
    world.carried_circle(2);
    world.only(2, &[0]);
    world.adds(0, "bread");
    world.settle();
    assert_eq!(world.relay_of(0).waiting, 0, "put");
    world.only(2, &[1]);
    assert_eq!(world.texts(1), ["bread"]);
    world.adds(1, "salt");
    world.settle();
    world.only(2, &[0]);
    assert_eq!(world.texts(0), ["bread", "salt"]);
    for n in 0..2 {
        assert_eq!(world.relay_of(n).lost, 0, "member {n}: it has lost nothing");
    }
    assert_nobody_at_fault(&world);
}

/// All that a disk holds under some letters, keys and values.
fn held(disk: &Disk, letters: &[u8]) -> Vec<u8> {
    let disk = disk.0.borrow();
    let some = disk.iter().filter(|(key, _)| letters.contains(&key[0]));
    some.flat_map(|(key, value)| [key.as_slice(), value.as_slice()].concat())
        .collect()
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn a_relay_holds_no_name_no_text_no_person_and_no_key_that_opens() {
    let mut world = World::of(3);
    world.carried_circle(2);
    world.adds(0, "the doctor's number");
    world.adds(1, "salt");
    world.settle();
    let disk = held(
        &world.nodes[2].disk,
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    );
    assert!(
        disk.len() > 10_000,
        "there is something to look at: {}",
        disk.len()
    );
    let id = world.the_circle(0).id;
    let mut secrets: Vec<Vec<u8>> = [CIRCLE, "member 0", "member 1", "the doctor", "salt"]
        .iter()
        .map(|text| text.as_bytes().to_vec())
        .collect();
    secrets.push(id.as_bytes().to_vec());
    for node in &world.nodes[..2] {
        let me = &node.home.me;
        secrets.extend([
            me.person.as_bytes().to_vec(),
            me.device.as_bytes().to_vec(),
            me.membership.as_bytes().to_vec(),
            me.secrets.installation.as_bytes().to_vec(),
            me.secrets.device.as_bytes().to_vec(),
        ]);
        let circle = &node.home.circles[&id];
        secrets.extend(circle.generation_keys());
    }
    for secret in secrets {
        assert!(
            !contains(&disk, &secret),
            "{}",
            String::from_utf8_lossy(&secret)
        );
    }
}

#[test]
fn a_relay_cannot_tell_by_keys_that_two_mailboxes_have_a_writer_in_common() {
    let mut world = World::of(3);
    let code = world.carried_circle(2);
    let other = Command::CircleCreate {
        name: "Bureau".to_owned(),
        kind: CircleKind::Colleagues,
        called: "member 0".to_owned(),
    };
    world.asks(0, other).unwrap();
    let use_it = Command::CircleRelayUse {
        circle: Some("Bureau".to_owned()),
        code,
    };
    world.asks(0, use_it).unwrap();
    world.adds(0, "bread");
    world.settle();
    // All runs of sixteen bytes that look like a key, mailbox by mailbox.
    let mut seen: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> = BTreeMap::new();
    let code = world.rooms(2)[0].code.id();
    for (key, value) in world.nodes[2].disk.0.borrow().iter() {
        if !b"muw".contains(&key[0]) {
            continue;
        }
        // On which code's room it lies, the relay has to know.
        let at = value.windows(32).position(|window| window == code.0);
        let (before, after) = value.split_at(at.unwrap_or(value.len()));
        let after = after.get(32..).unwrap_or_default();
        for window in before.windows(16).chain(after.windows(16)) {
            let zeros = window.iter().filter(|byte| **byte == 0).count();
            if zeros < 4 {
                let mailboxes = seen.entry(window.to_vec()).or_default();
                mailboxes.insert(key[1..33].to_vec());
            }
        }
    }
    let mailboxes: BTreeSet<&Vec<u8>> = seen.values().flatten().collect();
    assert!(mailboxes.len() >= 2, "of both circles");
    let shared: Vec<_> = seen.iter().filter(|(_, of)| of.len() > 1).collect();
    assert!(shared.is_empty(), "{shared:?}");
}

#[test]
fn a_removal_reaches_who_was_away_and_nothing_after_it_who_was_removed() {
    let mut world = World::of(4);
    world.carried_circle(3);
    world.only(3, &[0]);
    world.removes(0, 2);
    world.settle();
    world.adds(0, "without member 2");
    world.settle();
    let relayed = world.nodes[3].sent_frames.len();
    world.only(3, &[2]);
    assert_eq!(world.texts(2), Vec::<String>::new());
    assert_eq!(world.the_circle(2).standing, CircleStanding::Removed);
    let rotated = {
        let id = world.the_circle(0).id;
        let new = world.nodes[0].home.circles[&id].current_key().unwrap();
        maille_protocol::relay::Mailbox::of(&new, transport(3))
    };
    let named = rotated.name(&transport(2));
    for frame in &world.nodes[3].sent_frames[relayed..] {
        if let Ok(Frame::Stored(stored)) = Frame::from_bytes(frame) {
            assert_ne!(stored.name, named, "of the new mailbox");
        }
    }
    world.only(3, &[1]);
    assert_eq!(world.texts(1), ["without member 2"]);
    assert_eq!(world.members(1), ["member 0", "member 1"]);
    assert_nobody_at_fault(&world);
}

#[test]
fn who_was_away_for_two_removals_finds_both_keys() {
    let mut world = World::of(5);
    world.carried_circle(4);
    world.only(4, &[0]);
    world.removes(0, 2);
    world.settle();
    world.adds(0, "one");
    world.settle();
    world.removes(0, 3);
    world.settle();
    world.adds(0, "two");
    world.settle();
    world.only(4, &[1]);
    assert_eq!(world.texts(1), ["one", "two"]);
    assert_nobody_at_fault(&world);
}

#[test]
fn what_a_relay_has_lost_is_left_there_again() {
    let mut world = World::of(3);
    world.carried_circle(2);
    let before = world.nodes[2].disk.0.borrow().clone();
    world.only(2, &[0]);
    world.adds(0, "bread");
    world.settle();
    // An older copy of its disk comes back.
    *world.nodes[2].disk.0.borrow_mut() = before;
    world.crashes(2);
    world.settle();
    assert_eq!(world.relay_of(0).lost, 1);
    world.only(2, &[1]);
    assert_eq!(world.texts(1), ["bread"]);
    // Of nothing at all, too.
    world.nodes[2]
        .disk
        .0
        .borrow_mut()
        .retain(|key, _| !b"muw".contains(&key[0]));
    world.crashes(2);
    world.adds(1, "salt");
    world.settle();
    world.only(2, &[0]);
    assert_eq!(world.texts(0), ["bread", "salt"]);
}

/// A relay hides the last entry but one of a mailbox.
fn keeps_back_the_last_but_one(world: &World, relay: usize) {
    let mut disk = world.nodes[relay].disk.0.borrow_mut();
    let entries: Vec<Vec<u8>> = (disk.keys().filter(|key| key[0] == b'w'))
        .cloned()
        .collect();
    let last = entries.last().unwrap().clone();
    let before = entries[entries.len() - 2].clone();
    assert_eq!(last[..33], before[..33], "of one mailbox");
    let moved = disk.remove(&last).unwrap();
    disk.insert(before, moved);
    let at = [&b"m"[..], &last[1..33]].concat();
    let mut record: crate::state::MailboxRecord =
        maille_protocol::wire::decode(&disk[&at], 1 << 20).unwrap();
    record.next -= 1;
    disk.insert(at, maille_protocol::wire::encode(&record));
}

#[test]
fn what_a_relay_keeps_back_is_seen() {
    let mut world = World::of(4);
    world.loses_one_entry_at_its_relay();
    assert!(world.relay_of(2).withheld > 0, "{:?}", world.relay_of(2));
}

#[test]
fn a_stranger_gets_not_a_byte_and_puts_nothing() {
    let mut world = World::of(3);
    let code = world.carried_circle(2);
    let none = |codes| Visit {
        version: maille_protocol::wire::V1,
        codes,
        mailboxes: Vec::new(),
    };
    let thief = transport(77);
    // Somebody's proof, another link, a code that was never made.
    let stolen = code.shown_by(&transport(0));
    let altered = RelayCode {
        bytes: code.bytes * 2,
        ..code.clone()
    };
    let made_up = RelayCode {
        secret: [7; 16],
        ..code.clone()
    };
    for shown in [stolen, altered.shown_by(&thief), made_up.shown_by(&thief)] {
        let sent = world.nodes[2].sent_frames.len();
        let connection = world.stranger_at(2, thief);
        world.stranger_says(2, connection, &Frame::Visit(none(vec![shown])).to_bytes());
        assert_eq!(world.nodes[2].sent_frames.len(), sent, "not a byte");
        assert!(!world.wires.contains_key(&connection), "closed");
    }
    // The same with the code itself is let in.
    let connection = world.stranger_at(2, thief);
    let shown = vec![code.shown_by(&thief)];
    world.stranger_says(2, connection, &Frame::Visit(none(shown)).to_bytes());
    assert!(world.wires.contains_key(&connection));
    let Ok(Frame::Visited(visited)) = Frame::from_bytes(world.nodes[2].sent_frames.last().unwrap())
    else {
        panic!("no answer")
    };
    assert!(visited.found.is_empty(), "who holds no key finds nothing");
}

#[test]
fn a_code_that_is_taken_back_gives_nothing_and_what_lay_there_is_gone() {
    let mut world = World::of(3);
    let code = world.carried_circle(2);
    world.adds(0, "bread");
    world.settle();
    let end = Command::RelayEnd {
        code: code.id().to_string(),
    };
    world.asks(2, end).unwrap();
    assert!(held(&world.nodes[2].disk, b"muwM").is_empty());
    world.only(2, &[0]);
    world.adds(0, "salt");
    world.settle();
    let why = maille_protocol::relay::WhyNotPut::Code;
    assert_eq!(world.relay_of(0).problem, Some(why));
    assert!(world.rooms(2).is_empty());
}

#[test]
fn a_full_room_is_shown_and_another_code_helps() {
    let mut world = World::of(3);
    world.circle(2);
    let code = world.offers(2);
    world.uses(0, &code).unwrap();
    world.settle();
    world.only(2, &[0]);
    // Somebody else's mailboxes take up nearly all of it.
    let at = layout::room(code.id());
    let mut room: crate::state::Room =
        maille_protocol::wire::decode(&world.nodes[2].disk.0.borrow()[&at], 1 << 20).unwrap();
    let others = ROOM - 2_000 - room.used;
    room.used += others;
    let room = maille_protocol::wire::encode(&room);
    world.nodes[2].disk.0.borrow_mut().insert(at, room);
    for n in 0..9 {
        world.adds(0, &format!("{n} {}", "x".repeat(150)));
        world.settle();
    }
    let why = maille_protocol::relay::WhyNotPut::Room;
    assert_eq!(world.relay_of(0).problem, Some(why));
    assert!(world.rooms(2)[0].used <= ROOM);
    let code = world.offers(2);
    world.uses(0, &code).unwrap();
    world.settle();
    assert_eq!(world.relay_of(0).problem, None);
    assert_eq!(world.relay_of(0).waiting, 0);
    let rooms = world.rooms(2);
    assert_eq!(rooms[0].used, others, "it lies on the new code's room");
    let all = world.texts(0);
    world.only(2, &[1]);
    // Member 1 knows the old code only: it still finds the mailbox, and hears of the new one there.
    assert_eq!(world.texts(1), all);
}

#[test]
fn two_devices_that_are_never_there_together_meet_at_a_relay() {
    let mut world = World::of(2);
    let phone = world.pairs(0, false);
    world.settle();
    let code = world.offers(1);
    let command = Command::CircleRelayUse { circle: None, code };
    world.asks(0, command).unwrap();
    world.settle();
    world.goes_away(phone);
    world.imports(0, 5, "2026-02");
    world.settle();
    world.goes_away(0);
    world.comes_back(phone);
    world.settle();
    let Ok(Done::Trips { trips }) = world.asks(phone, Command::Trips { month: None }) else {
        panic!("no trips")
    };
    assert!(!trips.is_empty());
    assert_nobody_at_fault(&world);
}

#[test]
fn a_restored_device_begins_another_log_at_the_relay() {
    let mut world = World::of(3);
    world.carried_circle(2);
    let backup = world.nodes[0].disk.0.borrow().clone();
    world.only(2, &[0]);
    world.adds(0, "lost at home, kept at the relay");
    world.settle();
    world.goes_away(0);
    *world.nodes[0].disk.0.borrow_mut() = backup;
    let installation = maille_protocol::id::InstallationId::from_bytes([9; 32]);
    world.nodes[0].secrets.installation = installation;
    world.crashes(0);
    world.settle();
    assert_eq!(world.texts(0), ["lost at home, kept at the relay"]);
    world.adds(0, "after");
    world.settle();
    world.only(2, &[1]);
    assert_eq!(world.texts(1), ["lost at home, kept at the relay", "after"]);
}

#[test]
fn a_known_node_may_be_a_relay_and_a_relay_a_member_of_another_circle() {
    let mut world = World::of(3);
    world.carried_circle(2);
    // Member 0 and the relay are contacts, too.
    let (share, link) = world.shares_from(0, 2, None);
    world.accepts(2, &link);
    world.imports(0, 3, "2026-02");
    world.settle();
    assert!(!world.received(2).is_empty(), "{share:?}");
    world.only(2, &[0]);
    world.adds(0, "bread");
    world.settle();
    world.only(2, &[1]);
    assert_eq!(world.texts(1), ["bread"]);
    assert_nobody_at_fault(&world);
}

impl World {
    /// The connection of a node to another one.
    #[track_caller]
    fn wire(&self, n: usize, to: usize) -> u64 {
        let found = (self.wires.iter()).find(|(connection, (other, theirs))| {
            *other == to && self.wires.get(theirs) == Some(&(n, **connection))
        });
        *found.expect("they are connected").0
    }
}

#[test]
fn a_relay_that_lies_is_left_alone_and_nothing_of_it_is_kept() {
    use maille_protocol::crypto::{Key, SigningKey};
    use maille_protocol::entry::{Body, LogKey, LogTip, SealParams, seal};
    use maille_protocol::generation::ContentKey;
    use maille_protocol::id::{InstallationId, MembershipId};
    use maille_protocol::relay::{self, Found, Mailbox, PutDone, Stored, Visited};

    let mut world = World::of(3);
    world.carried_circle(2);
    world.only(2, &[0]);
    world.adds(0, "bread");
    world.settle();
    let id = world.the_circle(0).id;
    let key = world.nodes[0].home.circles[&id].current_key().unwrap();
    let mailbox = Mailbox::of(&key, transport(2));
    let name = mailbox.name(&transport(0));
    let stored = |number, position, entry| {
        Frame::Stored(Stored {
            number,
            name,
            position,
            entry,
        })
    };
    // An entry of the mailbox that no member has written: its seal is another key's.
    let junk = |n: u8| {
        let seed = Key::from_bytes([n; 32]);
        let membership = MembershipId::from_bytes([n; 32]);
        let installation = InstallationId::from_bytes([n; 32]);
        let log = LogKey::derive(&seed, membership, installation, mailbox.id(), relay::PART);
        let binding = log.bind(&SigningKey::from_seed(&[n; 32]));
        let (entry, _) = seal(SealParams {
            slice: mailbox.id(),
            part: relay::PART,
            generation: mailbox.generation(),
            key: &ContentKey::new(Key::from_bytes([n; 32])),
            log: &log,
            tip: &LogTip::START,
            now: "2026-03-01T10:00:00.000Z".parse().unwrap(),
            body: &Body::new(Some(binding), vec![n; 10]),
        })
        .unwrap();
        entry.to_bytes()
    };
    let unknown = Found {
        name: maille_protocol::sync::Name([5; 32]),
        feed: maille_protocol::sync::FeedId([5; 16]),
        start: u64::MAX,
        end: u64::MAX,
        next_seq: u64::MAX,
    };
    let lies: Vec<Vec<Frame>> = vec![
        vec![stored(1_000, u64::MAX, junk(1))],
        vec![stored(1_000, 1, vec![0; 100])],
        vec![stored(0, 1, junk(1))],
        vec![Frame::Visited(Visited {
            found: vec![unknown],
            later: true,
        })],
        vec![Frame::PutDone(PutDone {
            number: 7,
            why_not: None,
            position: None,
        })],
        vec![Frame::Ack { position: 3 }],
        (0..70u8)
            .map(|n| (1_000 + u64::from(n), junk(n)))
            .map(|(number, entry)| {
                let at = world.nodes[0].home.relay_position(transport(2), name);
                stored(number, at + number - 999, entry)
            })
            .collect(),
    ];
    for frames in lies {
        let connection = world.wire(0, 2);
        let held = world.nodes[0].disk.0.borrow().len();
        for frame in frames {
            let from = ConnectionId(connection);
            let frame = &frame.to_bytes();
            world.input(0, Input::Received { from, frame });
        }
        assert!(!world.wires.contains_key(&connection), "closed");
        let more = world.nodes[0].disk.0.borrow().len() - held;
        assert!(more <= 70, "a note for each log that was shown: {more}");
        assert_eq!(world.texts(0), ["bread"]);
        world.now = world.now.plus_millis(120_000);
        world.settle();
    }
    world.adds(0, "salt");
    world.settle();
    world.only(2, &[1]);
    assert_eq!(world.texts(1), ["bread", "salt"]);
}

/// Somebody who holds a mailbox's key and the code puts what they like, by hand.
struct Forger {
    connection: u64,
    mailbox: maille_protocol::relay::Mailbox,
    number: u64,
}

impl Forger {
    fn at(world: &mut World, relay: usize, code: &RelayCode, holder: usize) -> Self {
        let id = world.the_circle(holder).id;
        let key = world.nodes[holder].home.circles[&id].current_key().unwrap();
        let mailbox = maille_protocol::relay::Mailbox::of(&key, transport(relay));
        let peer = transport(77);
        let connection = world.stranger_at(relay, peer);
        let visit = Visit {
            version: maille_protocol::wire::V1,
            codes: vec![code.shown_by(&peer)],
            mailboxes: vec![maille_protocol::relay::Called {
                name: mailbox.name(&peer),
                cursor: maille_protocol::sync::Cursor::default(),
                last: [0; 32],
                log: maille_protocol::entry::LogId::from_bytes([0; 32]),
            }],
        };
        world.stranger_says(relay, connection, &Frame::Visit(visit).to_bytes());
        Self {
            connection,
            mailbox,
            number: 0,
        }
    }

    fn puts(&mut self, world: &mut World, relay: usize, what: maille_protocol::relay::Put) {
        self.number += 1;
        let frame = Frame::Put {
            number: self.number,
            name: self.mailbox.name(&transport(77)),
            what,
        };
        world.stranger_says(relay, self.connection, &frame.to_bytes());
    }

    /// What became of the last thing that was put.
    fn answer(world: &World, relay: usize) -> Option<maille_protocol::relay::WhyNotPut> {
        let frames = world.nodes[relay].sent_frames.iter().rev();
        let mut done = frames.filter_map(|frame| match Frame::from_bytes(frame) {
            Ok(Frame::PutDone(done)) => Some(done.why_not),
            _ => None,
        });
        done.next().expect("an answer")
    }
}

#[test]
fn a_list_that_does_not_hold_is_behind_everybody_and_nobody_is_at_fault() {
    use maille_protocol::control::Ticket;
    use maille_protocol::crypto::{Key, SigningKey};
    use maille_protocol::entry::{Body, LogTip, SealParams, seal};
    use maille_protocol::id::InstallationId;
    use maille_protocol::relay::{self, Bundle, Items, Put};
    use maille_protocol::wire::{self, V1};

    let mut world = World::of(3);
    let code = world.carried_circle(2);
    world.only(2, &[]);
    let mut forger = Forger::at(&mut world, 2, &code, 0);
    let mailbox = forger.mailbox.clone();
    let seed = Key::from_bytes([7; 32]);
    let installation = InstallationId::from_bytes([7; 32]);
    let postman = mailbox.postman(&seed, installation, 0).unwrap();
    let opening = Put::Open {
        code: code.id(),
        control: postman.control.to_bytes(),
        access: mailbox.access().clone(),
    };
    forger.puts(&mut world, 2, opening);
    let ticket = Ticket::sign(&postman.log, postman.membership, &postman.write_key);
    forger.puts(&mut world, 2, Put::Ticket(ticket.to_bytes()));
    let mut tip = LogTip::START;
    for _ in 0..100 {
        let items = Items(vec![CircleItem::Statement(vec![0]); 100]);
        let bundle = Bundle {
            version: V1,
            seen: Vec::new(),
            more: false,
            piece: wire::encode(&items),
        };
        let first = tip.next_seq == 0;
        let binding = first.then(|| postman.log.bind(&SigningKey::from_seed(&[7; 32])));
        let (entry, after) = seal(SealParams {
            slice: mailbox.id(),
            part: relay::PART,
            generation: mailbox.generation(),
            key: mailbox.content(),
            log: &postman.log,
            tip: &tip,
            now: world.now,
            body: &Body::new(binding, wire::encode(&bundle)),
        })
        .unwrap();
        tip = after;
        forger.puts(&mut world, 2, Put::Entry(entry.to_bytes()));
        assert_eq!(Forger::answer(&world, 2), None, "taken");
    }
    world.only(2, &[0]);
    world.adds(0, "bread");
    world.settle();
    world.only(2, &[1]);
    assert_eq!(world.texts(1), ["bread"]);
    assert_nobody_at_fault(&world);
}

#[test]
fn nobody_shuts_a_mailbox_by_its_control_key() {
    use maille_protocol::control::{Control, Ticket};
    use maille_protocol::crypto::{Key, SigningKey, domain};
    use maille_protocol::evaluation::Upto;
    use maille_protocol::id::InstallationId;
    use maille_protocol::relay::{Put, WhyNotPut};
    use maille_protocol::statement::{Kind, Signer};

    let mut world = World::of(3);
    let code = world.carried_circle(2);
    let mut forger = Forger::at(&mut world, 2, &code, 0);
    let id = world.the_circle(0).id;
    let key = world.nodes[0].home.circles[&id].current_key().unwrap();
    let seed = Key::from_bytes([7; 32]);
    let installation = InstallationId::from_bytes([7; 32]);
    let postman = forger.mailbox.postman(&seed, installation, 0).unwrap();
    let secret = (key.key()).derive(domain::MAILBOX_SECRET, &[transport(2).as_bytes()]);
    let control_key = secret.derive(domain::MAILBOX_CONTROL, &[]);
    let control_key = SigningKey::from_seed(control_key.as_bytes());
    let mut control = Control::begin(postman.control.public_half().clone()).unwrap();
    let creator = control.creator();
    let signer = Signer {
        key: &control_key,
        membership: creator,
        installation,
    };
    let shut = Kind::Remove {
        membership: creator,
        key: None,
        keep: Upto::default(),
        trusted: None,
    };
    control.say(&signer, shut).unwrap();
    let access = forger.mailbox.access().clone();
    let opening = Put::Open {
        code: code.id(),
        control: control.to_bytes(),
        access,
    };
    forger.puts(&mut world, 2, opening);
    assert_eq!(Forger::answer(&world, 2), Some(WhyNotPut::Control));
    // Nor does the control key, which has no quota, answer for a log.
    let ticket = Ticket::sign(&postman.log, creator, &control_key);
    forger.puts(&mut world, 2, Put::Ticket(ticket.to_bytes()));
    assert_eq!(Forger::answer(&world, 2), Some(WhyNotPut::Ticket));
    world.only(2, &[0]);
    world.adds(0, "bread");
    world.settle();
    world.only(2, &[1]);
    assert_eq!(world.texts(1), ["bread"]);
}

#[test]
fn a_full_room_of_one_circle_starves_no_other_at_the_same_relay() {
    let mut world = World::of(3);
    let code = world.carried_circle(2);
    let at = layout::room(code.id());
    let mut room: crate::state::Room =
        maille_protocol::wire::decode(&world.nodes[2].disk.0.borrow()[&at], 1 << 20).unwrap();
    room.used = ROOM - 500;
    let room = maille_protocol::wire::encode(&room);
    world.nodes[2].disk.0.borrow_mut().insert(at, room);
    let names = ["Bureau", "Chorale", "Jardin", "Palier"];
    for name in names {
        let other = Command::CircleCreate {
            name: name.to_owned(),
            kind: CircleKind::Colleagues,
            called: "member 0".to_owned(),
        };
        world.asks(0, other).unwrap();
        let code = world.offers(2);
        let circle = Some(name.to_owned());
        world
            .asks(0, Command::CircleRelayUse { circle, code })
            .unwrap();
    }
    world.only(2, &[0]);
    world.adds(0, "bread");
    world.settle();
    assert!(world.relay_of(0).problem.is_some());
    for name in names {
        let circle = Some(name.to_owned());
        let shown = world.asks(0, Command::CircleRelays { circle });
        let Ok(Done::CircleRelays { relays, .. }) = shown else {
            panic!("{shown:?}")
        };
        assert_eq!((relays[0].waiting, relays[0].problem), (0, None), "{name}");
    }
}

#[test]
fn a_relay_whose_code_is_over_is_asked_less_and_less_often() {
    let mut world = World::of(3);
    let code = world.carried_circle(2);
    let end = Command::RelayEnd {
        code: code.id().to_string(),
    };
    world.asks(2, end).unwrap();
    world.only(2, &[0]);
    let before = world.dials[0];
    world.settle();
    let more = world.dials[0] - before;
    assert!(more < 200, "{more} dials in an hour");
}

#[test]
fn what_a_relay_has_lost_is_left_there_by_who_had_only_read_it() {
    let mut world = World::of(4);
    world.carried_circle(3);
    world.only(3, &[0]);
    world.adds(0, "bread");
    world.settle();
    world.only(3, &[1]);
    assert_eq!(world.texts(1), ["bread"]);
    world.goes_away(1);
    // Its disk is lost while member 0 is gone for good.
    let mut disk = world.nodes[3].disk.0.borrow_mut();
    disk.retain(|key, _| !b"muw".contains(&key[0]));
    drop(disk);
    world.crashes(3);
    world.only(3, &[1]);
    world.only(3, &[2]);
    assert_eq!(world.texts(2), ["bread"]);
}

/// Eleven with a relay, who have a list; the last went away before it was written.
fn many_at_a_relay() -> (World, usize) {
    let relay = 11;
    let mut world = World::of(relay + 1);
    world.carried_circle(relay);
    world.goes_away(relay - 1);
    for n in 0..3 {
        world.adds(n, &format!("of {n}"));
    }
    world.settle();
    (world, relay)
}

impl World {
    /// Lets time pass in small steps, with everything on the wires delivered.
    fn four_minutes_pass(&mut self) {
        for _ in 0..4 * 240 {
            self.now = self.now.plus_millis(250);
            self.tick();
        }
    }

    /// A relay comes back with nothing of what it kept.
    fn forgets_all_it_kept(&mut self, relay: usize) {
        let mut disk = self.nodes[relay].disk.0.borrow_mut();
        disk.retain(|key, _| !b"muw".contains(&key[0]));
        drop(disk);
        self.crashes(relay);
    }

    /// How many have put something in the mailboxes of a relay.
    fn writers_at(&self, relay: usize) -> usize {
        let disk = self.nodes[relay].disk.0.borrow();
        let entries = disk.iter().filter(|(key, _)| key[0] == b'w');
        let logs: BTreeSet<_> = entries
            .map(|(_, entry)| UnverifiedEntry::decode(entry).unwrap().claimed().log)
            .collect();
        logs.len()
    }
}

/// A relay came back empty, its eleven visitors saw it at the same moment, and each left all of the circle there again: everybody
/// was handed the same list eleven times. Now each waits for a moment of their own, and puts what is lacking then.
#[test]
fn what_a_relay_has_lost_is_put_again_by_few_and_all_of_it() {
    let (mut world, relay) = many_at_a_relay();
    for round in 0..3 {
        world.forgets_all_it_kept(relay);
        world.four_minutes_pass();
        let writers = world.writers_at(relay);
        assert!(
            (1..=4).contains(&writers),
            "round {round}: {writers} put it"
        );
        for n in 0..relay - 1 {
            assert_eq!(world.relay_of(n).lost, round + 1, "member {n}");
            assert_eq!(world.relay_of(n).waiting, 0, "member {n}");
        }
    }
    // All of it: who was away finds it there, with everybody else gone.
    world.only(relay, &[relay - 1]);
    let texts: BTreeSet<String> = world.texts(relay - 1).into_iter().collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert_nobody_at_fault(&world);
}

/// What somebody writes does not wait for what a relay has lost.
#[test]
fn news_is_put_at_once_though_much_is_to_be_put_again() {
    let (mut world, relay) = many_at_a_relay();
    world.forgets_all_it_kept(relay);
    while world.relay_of(5).lost == 0 || !world.relay_of(5).connected {
        world.now = world.now.plus_millis(250);
        world.tick();
    }
    assert!(world.relay_of(5).waiting > 0, "its time has not come");
    world.adds(5, "salt");
    world.deliver();
    assert_eq!(world.relay_of(5).waiting, 0);
    assert!(world.writers_at(relay) > 0);
}
