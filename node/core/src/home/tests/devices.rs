//! Several devices of one person: pairing, what travels between them, and those who cheat.

use maille_protocol::pairing::PairCode;

use super::super::content::DocumentChange;
use super::peers::assert_nobody_at_fault;
use super::*;
use crate::command::{DeviceShown, PairingShown};
use crate::newcomer::{Newcomer, NotPairedError};
use crate::secrets::Founding;

impl World {
    #[track_caller]
    fn code(&mut self, n: usize, senior: bool) -> PairCode {
        let called = format!("device {n}");
        match self.asks(n, Command::DeviceAdd { senior, called }) {
            Ok(Done::DeviceCode { code }) => code,
            other => panic!("no code: {other:?}"),
        }
    }

    #[track_caller]
    pub(super) fn devices(&mut self, n: usize) -> (Vec<DeviceShown>, Option<PairingShown>) {
        match self.asks(n, Command::Devices) {
            Ok(Done::Devices {
                devices, pairing, ..
            }) => (devices, pairing),
            other => panic!("{other:?}"),
        }
    }

    /// A device that holds a code asks at `n`; returns it, and its connection.
    fn newcomer(&mut self, n: usize, code: &PairCode) -> (Newcomer, u64) {
        let m = self.nodes.len();
        let mut rng = ChaCha8Rng::seed_from_u64(m as u64);
        let newcomer = Newcomer::new(code.clone(), transport(m), format!("device {m}"), &mut rng);
        let connection = self.stranger_at(n, transport(m));
        let frame = newcomer.asks();
        self.stranger_says(n, connection, &frame);
        (newcomer, connection)
    }

    pub(super) fn stranger_at(&mut self, n: usize, peer: TransportId) -> u64 {
        let connection = self.next;
        self.next += 1;
        self.wires.insert(connection, (usize::MAX, 0));
        let input = Input::Connected {
            connection: ConnectionId(connection),
            peer,
            role: Role::Acceptor,
        };
        self.input(n, input);
        connection
    }

    pub(super) fn stranger_says(&mut self, n: usize, connection: u64, frame: &[u8]) {
        let from = ConnectionId(connection);
        self.input(n, Input::Received { from, frame });
    }

    /// Adds a device to the person of `n`, whole; returns it.
    #[track_caller]
    pub(super) fn pairs(&mut self, n: usize, senior: bool) -> usize {
        let code = self.code(n, senior);
        let (newcomer, connection) = self.newcomer(n, &code);
        let (_, pairing) = self.devices(n);
        let asks = pairing.expect("a code").asks.expect("a device asks");
        assert_eq!(asks.words, newcomer.words(), "both show the same");
        self.asks(n, Command::DeviceConfirm { same: true }).unwrap();
        let answer = self.nodes[n].sent_frames.iter().rev();
        let answer = answer
            .clone()
            .find(|frame| matches!(Frame::from_bytes(frame), Ok(Frame::Paired(_))));
        let answer = answer.expect("an answer").clone();
        self.queue.retain(|(to, ..)| *to != usize::MAX);
        self.cut(connection);
        self.arrives(newcomer, &answer).expect("welcome")
    }

    fn arrives(&mut self, newcomer: Newcomer, answer: &[u8]) -> Result<usize, NotPairedError> {
        let m = self.nodes.len();
        let mut rng = ChaCha8Rng::seed_from_u64(1_000 + m as u64);
        Ok(self.begins(newcomer.hears(self.now, &mut rng, answer)?))
    }

    /// A device begins with what it was founded with, and an hour passes; returns it.
    pub(super) fn begins(&mut self, founding: Founding) -> usize {
        let m = self.starts(founding);
        self.settle();
        m
    }

    /// A device begins with what it was founded with; returns it.
    pub(super) fn starts(&mut self, founding: Founding) -> usize {
        let m = self.nodes.len();
        let rng = ChaCha8Rng::seed_from_u64(2_000 + m as u64);
        let disk = Disk::default();
        disk.apply(&founding.batch);
        let home = Home::open(disk.clone(), founding.secrets.clone(), self.now).unwrap();
        self.nodes.push(Node {
            home,
            disk,
            secrets: founding.secrets,
            rng,
            answers: BTreeMap::new(),
            events: Vec::new(),
            sent_frames: Vec::new(),
        });
        self.dials.push(0);
        self.listen(m);
        m
    }

    #[track_caller]
    pub(super) fn trips_of(&mut self, n: usize) -> usize {
        match self.asks(n, Command::Trips { month: None }) {
            Ok(Done::Trips { trips }) => trips.len(),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_vault_arrives_on_a_second_device_and_goes_both_ways() {
    let mut world = World::of(1);
    world.imports(0, 3, "2026-01");
    let before = world.trips_of(0);
    let phone = world.pairs(0, false);
    assert_eq!(world.trips_of(phone), before);
    world.imports(phone, 2, "2026-02");
    assert!(world.trips_of(phone) > before);
    world.settle();
    assert_eq!(world.trips_of(0), world.trips_of(phone));
    let (devices, pairing) = world.devices(0);
    assert_eq!(pairing, None);
    let shown: Vec<_> = devices
        .iter()
        .map(|it| (&*it.name, it.rank, it.me))
        .collect();
    let expected = [
        ("device 0", 1_000_000, true),
        ("device 1", 1_001_000, false),
    ];
    assert_eq!(shown, expected);
    let (devices, _) = world.devices(phone);
    assert_eq!(devices.iter().filter(|it| it.me).count(), 1);
}

#[test]
fn what_both_changed_apart_is_the_same_on_both() {
    let mut world = World::of(1);
    world.imports(0, 3, "2026-01");
    let phone = world.pairs(0, false);
    world.goes_away(phone);
    world.imports(0, 4, "2026-01");
    world.imports(phone, 5, "2026-01");
    world.imports(phone, 6, "2026-03");
    assert_ne!(world.trips_of(0), world.trips_of(phone));
    world.comes_back(phone);
    world.settle();
    assert_eq!(world.trips_of(0), world.trips_of(phone));
    for n in [0, phone] {
        world.crashes(n);
        world.comes_back(n);
    }
    world.settle();
    let all = |world: &mut World, n| match world.asks(n, Command::Export) {
        Ok(Done::Exported(export)) => export.records,
        other => panic!("{other:?}"),
    };
    assert_eq!(all(&mut world, 0), all(&mut world, phone));
}

#[test]
fn a_shared_projection_follows_what_another_device_imports() {
    let (mut world, _) = shared();
    let before = world.received(1)[0].rows;
    let phone = world.pairs(0, false);
    world.imports(phone, 4, "2026-02");
    world.settle();
    world.assert_same_view(0, 1);
    assert!(world.received(1)[0].rows > before);
}

#[test]
fn a_device_that_asks_out_of_order_ends_the_code() {
    let mut world = World::of(1);
    let code = world.code(0, false);
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let newcomer = Newcomer::new(code.clone(), transport(7), "\u{7}".to_owned(), &mut rng);
    let connection = world.stranger_at(0, transport(7));
    world.stranger_says(0, connection, &newcomer.asks());
    assert!(
        !world.wires.contains_key(&connection),
        "closed without a word"
    );
    assert!(
        world.nodes[0]
            .events
            .iter()
            .any(|it| matches!(it, Event::PairingRefused))
    );
    assert_eq!(world.devices(0).1, None);
    let (_, connection) = world.newcomer(0, &code);
    assert!(
        !world.wires.contains_key(&connection),
        "the right one comes too late"
    );
    let confirmed = world.asks(0, Command::DeviceConfirm { same: true });
    assert!(matches!(confirmed, Err(CommandError::NoDeviceAsks)));
    assert_eq!(world.devices(0).0.len(), 1);
}

#[test]
fn whoever_saw_the_code_and_comes_first_shows_other_words() {
    let mut world = World::of(1);
    let code = world.code(0, false);
    let (thief, first) = world.newcomer(0, &code);
    let mut rng = ChaCha8Rng::seed_from_u64(99);
    let mine = Newcomer::new(code.clone(), transport(8), "mine".to_owned(), &mut rng);
    let second = world.stranger_at(0, transport(8));
    world.stranger_says(0, second, &mine.asks());
    assert!(!world.wires.contains_key(&second), "one asks at a time");
    let asks = world.devices(0).1.unwrap().asks.unwrap();
    assert_eq!(asks.words, thief.words());
    assert_ne!(asks.words, mine.words());
    world
        .asks(0, Command::DeviceConfirm { same: false })
        .unwrap();
    let answer = world.nodes[0].sent_frames.last().unwrap().clone();
    let now = world.now;
    assert_eq!(
        thief.hears(now, &mut rng, &answer).unwrap_err(),
        NotPairedError::Refused
    );
    assert_eq!(world.devices(0).0.len(), 1);
    world.cut(first);
}

#[test]
fn a_code_is_over_after_ten_minutes_and_with_the_node() {
    let mut world = World::of(1);
    let code = world.code(0, false);
    world.now = world.now.plus_millis(maille_protocol::pairing::CODE_MS);
    world.input(0, Input::Tick);
    let (_, connection) = world.newcomer(0, &code);
    assert!(!world.wires.contains_key(&connection));
    let code = world.code(0, false);
    world.crashes(0);
    world.comes_back(0);
    let (_, connection) = world.newcomer(0, &code);
    assert!(!world.wires.contains_key(&connection));
    // One that asked and waits is let go in time, too.
    let code = world.code(0, false);
    let (_, connection) = world.newcomer(0, &code);
    world.now = world.now.plus_millis(60_000);
    world.input(0, Input::Tick);
    assert!(
        world.wires.contains_key(&connection),
        "a person compares words"
    );
    world.now = world.now.plus_millis(maille_protocol::pairing::CODE_MS);
    world.input(0, Input::Tick);
    assert!(!world.wires.contains_key(&connection));
    let confirmed = world.asks(0, Command::DeviceConfirm { same: true });
    assert!(matches!(confirmed, Err(CommandError::NoDeviceAsks)));
}

#[test]
fn an_answer_of_somebody_else_makes_no_device() {
    let mut world = World::of(2);
    let code = world.code(0, false);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let other = world.nodes[1].home.me.authority.to_bytes();
    let own = world.nodes[0].home.me.authority.to_bytes();
    for authority in [other, own] {
        let newcomer = Newcomer::new(code.clone(), transport(7), "new".to_owned(), &mut rng);
        let answer = Frame::Paired(maille_protocol::pairing::Paired::Welcome {
            authority,
            circles: Vec::new(),
        });
        let heard = newcomer.hears(world.now, &mut rng, &answer.to_bytes());
        assert_eq!(heard.unwrap_err(), NotPairedError::NotInOrder);
    }
}

#[test]
fn a_removed_device_hears_of_it_and_of_nothing_that_comes_after() {
    let mut world = World::of(1);
    world.imports(0, 3, "2026-01");
    let phone = world.pairs(0, false);
    let tablet = world.pairs(0, false);
    let before = world.trips_of(phone);
    // Lost: it does not hear of it while others write.
    world.goes_away(phone);
    let device = "device 1".to_owned();
    world.asks(0, Command::DeviceRemove { device }).unwrap();
    world.imports(0, 4, "2026-02");
    world.imports(tablet, 5, "2026-03");
    world.settle();
    assert_eq!(world.trips_of(0), world.trips_of(tablet));
    world.imports(phone, 6, "2026-04");
    world.comes_back(phone);
    world.settle();
    assert!(
        world.nodes[phone]
            .events
            .iter()
            .any(|it| matches!(it, Event::DeviceRemoved))
    );
    assert!(world.trips_of(phone) > 0 && before > 0);
    let theirs = world.trips_of(phone);
    world.imports(0, 7, "2026-05");
    world.settle();
    assert_eq!(world.trips_of(phone), theirs, "nothing new");
    assert_eq!(world.trips_of(0), world.trips_of(tablet));
    let refused = world.asks(
        phone,
        Command::Record {
            records: records(8, "2026-06"),
        },
    );
    assert!(matches!(refused, Err(CommandError::DeviceRemoved)));
    // It opens again, and shows what it held.
    world.crashes(phone);
    world.comes_back(phone);
    world.settle();
    assert_eq!(world.trips_of(phone), theirs);
    // What a stolen one wrote after it was removed is nobody's.
    let all = |world: &mut World, n| match world.asks(n, Command::Export) {
        Ok(Done::Exported(export)) => export.records.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(all(&mut world, 0), all(&mut world, tablet));
    let newest = match world.asks(
        0,
        Command::Trips {
            month: "2026-04".parse().ok(),
        },
    ) {
        Ok(Done::Trips { trips }) => trips.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(newest, 0);
}

#[test]
fn a_junior_removes_no_senior_and_seniority_can_be_chosen() {
    let mut world = World::of(1);
    let junior = world.pairs(0, false);
    let senior = world.pairs(0, true);
    let (devices, _) = world.devices(0);
    let ranks: Vec<_> = devices.iter().map(|it| (&*it.name, it.rank)).collect();
    assert_eq!(
        ranks,
        [
            ("device 0", 1_000_000),
            ("device 2", 1_000_500),
            ("device 1", 1_001_000)
        ]
    );
    for device in ["device 0", "device 2", "device 1"] {
        let device = device.to_owned();
        let refused = world.asks(junior, Command::DeviceRemove { device });
        assert!(
            matches!(
                refused,
                Err(CommandError::NotAllowedOfDevice | CommandError::ThisDevice)
            ),
            "{refused:?}"
        );
    }
    let device = "device 1".to_owned();
    world
        .asks(senior, Command::DeviceRemove { device })
        .unwrap();
    world.settle();
    assert_eq!(world.devices(0).0.len(), 2);
    let unknown = world.asks(
        0,
        Command::DeviceRemove {
            device: "fridge".to_owned(),
        },
    );
    assert!(matches!(unknown, Err(CommandError::UnknownDevice { .. })));
}

#[test]
fn each_device_of_a_member_reads_and_writes_in_the_circle() {
    let mut world = World::of(3);
    let phone_before = world.pairs(1, false);
    world.circle(3);
    world.adds(1, "bread");
    world.settle();
    assert_eq!(world.texts(phone_before), ["bread"]);
    // One that comes later is told of the circle, and of what was written before.
    let tablet = world.pairs(1, false);
    assert_eq!(world.texts(tablet), ["bread"]);
    world.goes_away(1);
    world.adds(tablet, "milk");
    world.adds(phone_before, "salt");
    world.settle();
    assert_eq!(world.texts(0).len(), 3);
    assert_eq!(world.texts(2), world.texts(0));
    world.comes_back(1);
    world.settle();
    for n in [0, 1, 2, phone_before, tablet] {
        assert_eq!(world.texts(n), world.texts(0), "at {n}");
        assert_eq!(world.members(n), ["member 0", "member 1", "member 2"]);
    }
    // A member's device that was removed is none of the circle's.
    let device = format!("device {tablet}");
    world.asks(1, Command::DeviceRemove { device }).unwrap();
    world.settle();
    world.adds(0, "pepper");
    world.settle();
    assert_eq!(world.texts(1).len(), 4);
    assert_eq!(world.texts(phone_before).len(), 4);
    let pepper = "pepper".to_owned();
    assert!(!world.texts(tablet).contains(&pepper));
    assert!(world.texts(1).contains(&pepper));
}

#[test]
fn a_new_device_meets_contacts_who_never_heard_of_it() {
    let mut world = World::of(2);
    world.circle(2);
    world.goes_away(1);
    let phone = world.pairs(0, false);
    world.goes_away(0);
    world.comes_back(1);
    world.adds(phone, "bread");
    world.settle();
    assert_eq!(
        world.texts(1),
        ["bread"],
        "the first device never came back"
    );
    world.adds(1, "milk");
    world.settle();
    assert_eq!(world.texts(phone).len(), 2);
}

#[test]
fn nobody_comes_in_by_an_authority_that_does_not_name_their_node() {
    let mut world = World::of(3);
    world.circle(2);
    let authorities = [0, 1, 2].map(|n| world.nodes[n].home.me.authority.to_bytes());
    let before = world.nodes[0].sent_frames.len();
    for authority in authorities {
        let connection = world.stranger_at(0, transport(9));
        let frame = Frame::Authority(authority).to_bytes();
        world.stranger_says(0, connection, &frame);
        assert!(!world.wires.contains_key(&connection));
    }
    assert_eq!(
        world.nodes[0].sent_frames.len(),
        before,
        "not a byte goes out"
    );
}

/// Fetching the other device and reading three words takes more than the ten seconds that a stranger has.
#[test]
fn whoever_compares_words_for_a_minute_is_still_heard() {
    let mut world = World::of(1);
    let code = world.code(0, false);
    let (newcomer, connection) = world.newcomer(0, &code);
    world.now = world.now.plus_millis(60_000);
    world.input(0, Input::Tick);
    world
        .asks(0, Command::DeviceConfirm { same: true })
        .unwrap();
    let answer = world.nodes[0].sent_frames.last().cloned();
    let answer = answer.expect("an answer to the new device");
    world.cut(connection);
    let now = world.now;
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    newcomer.hears(now, &mut rng, &answer).expect("welcome");
}

/// Zoé signs of herself that our phone is hers, and is met in a circle; or somebody hands us such a card.
#[test]
fn nobody_elses_card_or_authority_takes_a_node_of_ours_over() {
    let mut world = World::of(2);
    let phone = world.pairs(0, false);
    let me = world.nodes[0].secrets.person;
    for own in [transport(phone), transport(0)] {
        let card = Card::new(
            world.nodes[1].secrets.person,
            own,
            vec!["/memory/1".to_owned()],
        )
        .unwrap();
        let refused = world.asks(0, world.wish(card));
        assert!(
            matches!(refused, Err(CommandError::OtherContactsNode { person }) if person == me),
            "{refused:?}"
        );
    }
    let home = &world.nodes[0].home;
    assert_eq!(home.node(transport(phone)).unwrap().unwrap().person, me);
    world.imports(phone, 4, "2026-02");
    world.settle();
    assert_eq!(world.trips_of(0), world.trips_of(phone));
}

/// A thief's last words reach the tablet alone, before anybody knows of the theft.
#[test]
fn what_rests_on_a_removed_devices_last_change_reaches_the_others() {
    let mut world = World::of(1);
    world.imports(0, 3, "2026-01");
    let phone = world.pairs(0, false);
    let tablet = world.pairs(0, false);
    world.goes_away(0);
    world.imports(phone, 4, "2026-01");
    world.settle();
    world.goes_away(phone);
    world.goes_away(tablet);
    world.comes_back(0);
    let device = "device 1".to_owned();
    world.asks(0, Command::DeviceRemove { device }).unwrap();
    world.settle();
    world.comes_back(tablet);
    world.settle();
    world.imports(tablet, 5, "2026-01");
    world.settle();
    assert_eq!(world.trips_of(0), world.trips_of(tablet));
}

/// Marc's phone, to which Inès shares, is stolen: he removes it with his laptop, which she meets in a circle.
#[test]
fn a_stolen_phone_that_was_removed_is_shared_with_no_more() {
    let mut world = World::of(2);
    world.imports(0, 1, "2026-01");
    let phone = world.pairs(1, false);
    world.circle(2);
    world.settle();
    let (_, link) = world.shares_from(0, phone, None);
    world.accepts(phone, &link);
    world.settle();
    world.assert_same_view(0, phone);
    let device = format!("device {phone}");
    world.goes_away(phone);
    world.asks(1, Command::DeviceRemove { device }).unwrap();
    world.settle();
    // The thief sees to it that it hears of nothing from the laptop.
    world.goes_away(1);
    world.comes_back(phone);
    // Nor does it show what it would be recognized by.
    let his = world.nodes[1].home.me.authority.to_bytes();
    world.nodes[phone].home.me.authority_hash = authority_hash(&his);
    let before = world.nodes[0].sent_frames.len();
    world.imports(0, 2, "2026-02");
    world.settle();
    let left = world.nodes[0].sent_frames[before..].iter();
    let left = left.filter(|frame| {
        matches!(
            Frame::from_bytes(frame),
            Ok(Frame::Item {
                item: Item::Parcel(_) | Item::Entry(_),
                ..
            })
        )
    });
    assert_eq!(left.count(), 0, "a share goes to whom it is stolen by");
    world.goes_away(phone);
    world.comes_back(1);
    world.settle();
    // His laptop is asked instead.
    world.accepts(1, &link);
    world.settle();
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

/// A broken or stolen device writes a record that is none, and another list of records.
#[test]
fn a_bad_change_of_a_device_spoils_no_document() {
    use automerge::transaction::Transactable as _;
    use automerge::{ObjType, ROOT, ReadDoc as _};
    let mut world = World::of(1);
    world.imports(0, 3, "2026-01");
    let phone = world.pairs(0, false);
    let before = world.trips_of(0);
    let id: maille_schemas::document::DocumentId = "mobility/2026-01".parse().unwrap();
    let of_no_form = bad_change(&world, phone, id, |document| {
        let (_, records) = document.get(ROOT, "records").unwrap().unwrap();
        document.put(&records, "nonsense", 1).unwrap();
    });
    let another_list = bad_change(&world, phone, id, |document| {
        document.put_object(ROOT, "records", ObjType::Map).unwrap();
    });
    for change in [of_no_form, another_list] {
        let change = DocumentChange::new(id, change);
        let (now, node) = (world.now, &mut world.nodes[phone]);
        node.home
            .pass_on_changes(now, &mut node.rng, vec![change])
            .unwrap();
        world.settle();
        assert_eq!(world.trips_of(0), before);
    }
    world.imports(0, 5, "2026-02");
    let alone = world.trips_of(0);
    world.imports(phone, 6, "2026-01");
    world.settle();
    assert!(world.trips_of(0) > alone, "what comes behind it");
    let Ok(Done::Status(status)) = world.asks(0, Command::Status) else {
        panic!("no status")
    };
    assert_eq!(status.malformed, 1, "and it is said");
    assert_eq!(world.trips_of(0), world.trips_of(phone));
    assert_nobody_at_fault(&world);
}

/// A change of a document of `n` that no version of Maille makes.
fn bad_change(
    world: &World,
    n: usize,
    id: maille_schemas::document::DocumentId,
    spoil: impl FnOnce(&mut automerge::AutoCommit),
) -> Vec<u8> {
    let mut held = world.nodes[n].home.read_document(id).unwrap();
    let mut document = automerge::AutoCommit::load(&held.save()).unwrap();
    document.set_actor(automerge::ActorId::from([7_u8; 32].as_slice()));
    let heads = document.get_heads();
    spoil(&mut document);
    document.commit();
    document.get_changes(&heads)[0].raw_bytes().to_vec()
}

/// Nobody guesses a code; but anybody could use its attempt up, as often as it is shown.
#[test]
fn who_does_not_hold_the_code_cannot_use_it_up() {
    let mut world = World::of(1);
    let code = world.code(0, false);
    let mut wrong = code.clone();
    wrong.secret[3] ^= 1;
    let (_, connection) = world.newcomer(0, &wrong);
    assert!(!world.wires.contains_key(&connection));
    let (newcomer, _) = world.newcomer(0, &code);
    let asks = world.devices(0).1.expect("the code is good").asks;
    assert_eq!(asks.unwrap().words, newcomer.words());
}

/// Marc and Inès both have it of Zoé, and tell each other. Then his store is one of the day before.
#[test]
fn what_a_node_once_had_is_sent_to_it_again_once_it_has_lost_it() {
    let mut world = World::of(3);
    world.circle(3);
    let folder = world.nodes[1].disk.0.borrow().clone();
    world.adds(2, "bread");
    world.settle();
    assert_eq!(world.texts(1), ["bread"]);
    world.goes_away(2);
    world.goes_away(1);
    world.nodes[1].disk.0.borrow_mut().clone_from(&folder);
    world.crashes(1);
    world.settle();
    assert_eq!(world.texts(1), ["bread"]);
}

/// The quota is one for all devices of a person: a thief must not fill it.
#[test]
fn of_a_removed_device_nothing_is_kept() {
    let mut world = World::of(2);
    let phone = world.pairs(0, false);
    let device = format!("device {phone}");
    world.asks(0, Command::DeviceRemove { device }).unwrap();
    world.settle();
    let own = world.nodes[0].home.own_circle().unwrap().unwrap();
    let waiting = layout::circle_all_waiting(own);
    let before = world.nodes[0].disk.scan(&waiting).unwrap().len();
    // It is of somebody who is not in the circle: it would wait for them to come.
    let other = world.nodes[1].home.me.authority.to_bytes();
    let item = maille_protocol::sync::CircleItem::Person(other);
    let (now, node) = (world.now, &mut world.nodes[0]);
    let from = (node.secrets.person, transport(phone));
    let taken = (node.home).take_circle_item(now, &mut node.rng, from, (own, item));
    assert!(taken.is_ok(), "it is of no use, and nobody's fault");
    world.tick();
    let after = world.nodes[0].disk.scan(&waiting).unwrap().len();
    assert_eq!(after, before);
}
