//! What a review of 2026-11-24 found by reasoning: each story is one of its scenarios.

use maille_protocol::id::InstallationId;
use maille_protocol::sync::frame::{Hello, VERSION};
use maille_protocol::sync::{Cursor, FeedId};

use super::peers::{assert_nobody_at_fault, count, keys_on, on_disk, put, violations, writes_rows};
use super::*;
use crate::state::Given;

/// Marc had a share of a slice that has ended, and is offered another one of it. A key of the slice
/// reached him through the dead one, and with it an entry whose predecessor had been passed over.
#[test]
fn a_new_offer_of_a_slice_whose_share_has_ended_blocks_nobody() {
    let (mut world, first) = shared();
    let (other, link) = world.shares_from(0, 2, None);
    world.accepts(2, &link);
    world.settle();
    world.revokes(0, &first);
    world.settle();
    let (_, again) = world.shares_from(0, 1, None);
    world.settle();
    world.imports(0, 2, "2026-01");
    world.settle();
    let keys = keys_on(&world, 1, first.slice);
    world.revokes(0, &other);
    world.settle();
    world.imports(0, 3, "2026-01");
    world.settle();
    assert_nobody_at_fault(&world);
    assert_eq!(
        keys_on(&world, 1, first.slice),
        keys,
        "no key of what is only offered"
    );
    world.accepts(1, &again);
    world.settle();
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

#[test]
fn once_an_entry_was_passed_over_no_later_one_leaves() {
    let (mut world, share) = shared();
    let at = layout::given(share.id);
    let given: Given = on_disk(&world, 0, &at);
    let passed_over = true;
    put(
        &world,
        0,
        at,
        &Given {
            passed_over,
            ..given
        },
    );
    world.crashes(0);
    let held = count(&world, 1, &entries_of(share.slice));
    world.imports(0, 2, "2026-02");
    world.settle();
    assert_eq!(count(&world, 1, &entries_of(share.slice)), held);
    assert_nobody_at_fault(&world);
}

/// One entry with a rising serial in each of its rows had every row of the slice read for each.
#[test]
fn an_entry_holds_rows_of_one_serial_and_no_more_than_its_number() {
    use super::super::content::ROWS_PER_ENTRY_MAX;
    let serials: Vec<u32> = (1..20).collect();
    let many = vec![0; ROWS_PER_ENTRY_MAX + 1];
    for serials in [serials, many] {
        let (mut world, share) = shared();
        writes_rows(
            &mut world,
            0,
            &share,
            b"\x83\x19\x07\xea\x01\x63bus",
            None,
            &serials,
        );
        world.settle();
        assert!(violations(&world, 1) > 0);
    }
}

/// The folder of a home copied back whole, keys and all, as a file-level backup does.
#[test]
fn a_folder_copied_back_whole_reaches_its_reader_again() {
    let (mut world, share) = shared();
    let folder = world.nodes[0].disk.0.borrow().clone();
    world.imports(0, 5, "2026-01"); // after the copy: lost
    world.settle();
    world.now = world.now.plus_millis(2 * DAY);
    world.goes_away(0);
    world.nodes[0].disk.0.borrow_mut().clone_from(&folder);
    world.crashes(0);
    world.settle();
    world.imports(0, 2, "2026-02");
    world.settle();
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
    let logs: BTreeSet<_> = world.nodes[1]
        .disk
        .scan(&entries_of(share.slice))
        .unwrap()
        .iter()
        .map(|(_, bytes)| UnverifiedEntry::decode(bytes).unwrap().claimed().log)
        .collect();
    assert!(logs.len() > 1, "it went on in new logs");
    // After another start it still does.
    world.crashes(0);
    world.imports(0, 3, "2026-02");
    world.settle();
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

/// A contact may say that we went back in time, and we believe it once a day.
#[test]
fn a_contact_cannot_make_a_node_begin_again_at_will() {
    let (mut world, _) = shared();
    world.now = world.now.plus_millis(2 * DAY);
    let at = layout::feed(world.nodes[0].secrets.transport);
    let mut installations = BTreeSet::new();
    for _ in 0..10 {
        let mut feed: Feed = on_disk(&world, 1, &at);
        feed.cursor.position += 1_000;
        put(&world, 1, at.clone(), &feed);
        world.crashes(1);
        world.settle();
        installations.insert(world.nodes[0].home.me.secrets.installation);
    }
    assert_eq!(installations.len(), 1);
    world.imports(0, 2, "2026-02");
    world.settle();
    world.assert_same_view(0, 1);
}

#[test]
fn a_store_that_cannot_be_settled_writes_nothing() {
    let (mut world, share) = shared();
    let link = {
        let (_, bytes) = world.nodes[0]
            .disk
            .scan(&layout::parts_of(share.slice))
            .unwrap()
            .remove(0);
        bytes
    };
    let at = world.nodes[0]
        .disk
        .scan(&layout::parts_of(share.slice))
        .unwrap()
        .remove(0)
        .0;
    world.nodes[0].disk.apply(&[(at.clone(), Some(vec![0xff]))]);
    world.nodes[0].secrets.installation = InstallationId::from_bytes([42; 32]);
    world.crashes(0);
    let before = world.nodes[0].disk.0.borrow().clone();
    let records = records(2, "2026-02");
    let refused = world.asks(0, Command::Record { records });
    assert!(matches!(refused, Err(CommandError::Damaged { .. })));
    world.settle();
    assert_eq!(*world.nodes[0].disk.0.borrow(), before);
    // Mended, it goes on.
    world.nodes[0].disk.apply(&[(at, Some(link))]);
    world.imports(0, 2, "2026-02");
    world.settle();
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

#[test]
fn a_reader_whose_clock_was_years_ahead_reads_once_it_is_right() {
    let mut world = World::of(2);
    world.imports(0, 1, "2026-01");
    let (_, link) = world.shares_from(0, 1, None);
    world.goes_away(1);
    world.accepts(1, &link);
    world.ahead.insert(1, 400 * DAY);
    world.comes_back(1);
    world.settle();
    world.ahead.clear();
    world.crashes(1);
    world.settle();
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

/// Zoé shares something with Marc, and gives him a link with a slice of Inès's on it.
#[test]
fn a_link_does_not_make_a_node_name_what_it_holds_of_others() {
    let (mut world, of_ines) = shared();
    let zoe = world.card(2);
    let marc = world.nodes[1].secrets.person;
    let label = LENS.to_owned();
    let grant = GrantId::from_bytes([8; 32]);
    let link = ShareLink::new(zoe, grant, of_ines.slice, label, of_ines.until, marc).unwrap();
    world.accepts(1, &link);
    let zoe = world.nodes[2].secrets.person;
    assert!(keys_on(&world, 1, of_ines.slice) > 0);
    let named = world.nodes[1].home.access_keys_from(zoe).unwrap();
    assert!(named.is_empty(), "{} names", named.len());
}

fn card_at(world: &World, person: usize, node: usize) -> Card {
    let address = vec![format!("/memory/{node}")];
    let transport = world.nodes[node].secrets.transport;
    Card::new(world.nodes[person].secrets.person, transport, address).unwrap()
}

/// Zoé's card placed her on Marc's node before his own card came, or after.
#[test]
fn a_forged_card_does_not_keep_the_nodes_owner_out() {
    for forged_first in [true, false] {
        let mut world = World::of(3);
        world.imports(0, 1, "2026-01");
        let forged = card_at(&world, 2, 1);
        if forged_first {
            let command = world.wish(forged.clone());
            world.asks(0, command).unwrap();
        }
        let (_, link) = world.shares_from(0, 1, None);
        if !forged_first {
            let command = world.wish(forged);
            world.asks(0, command).unwrap();
        }
        world.accepts(1, &link);
        world.settle();
        world.assert_same_view(0, 1);
    }
}

#[test]
fn a_share_that_ended_before_its_link_came_is_not_pending_for_ever() {
    let mut world = World::of(2);
    world.imports(0, 1, "2026-01");
    world.imports(1, 5, "2026-01");
    let (_, link) = world.shares_from(1, 0, None);
    world.accepts(0, &link);
    world.settle();
    world.goes_away(1);
    let (share, link) = world.shares_from(0, 1, None);
    world.revokes(0, &share);
    world.comes_back(1);
    world.settle();
    world.accepts(1, &link);
    world.settle();
    let held = world.received(1).remove(0);
    assert!(matches!(held.state, ShareState::Revoked { .. }), "{held:?}");
    assert_nobody_at_fault(&world);
}

#[test]
fn accepting_many_offers_in_a_row_is_nobodys_fault() {
    let mut world = World::of(2);
    world.imports(0, 1, "2026-01");
    world.imports(1, 5, "2026-01");
    let (_, link) = world.shares_from(1, 0, None);
    world.accepts(0, &link);
    world.settle();
    let links: Vec<ShareLink> = (0..12).map(|_| world.shares_from(0, 1, None).1).collect();
    world.deliver();
    for link in &links {
        world.accepts(1, link);
        world.now = world.now.plus_millis(1_000);
        world.tick();
    }
    world.settle();
    assert!(
        world
            .received(1)
            .iter()
            .all(|share| share.state == ShareState::Active)
    );
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

/// A stream that waited for its hello outlived the move of its contact to their true node.
#[test]
fn no_session_with_the_wrong_node_outlives_the_right_card() {
    let mut world = World::of(3);
    world.imports(0, 1, "2026-01");
    let marc = world.nodes[1].secrets.person;
    let forged = card_at(&world, 1, 2);
    world.away.insert(2); // it is spoken for below
    let command = world.wish(forged);
    world.asks(0, command).unwrap();
    let peer = world.nodes[2].secrets.transport;
    let hello = Frame::Hello(Hello {
        version: VERSION,
        features: 0,
        salt: [1; 16],
        person: marc,
        addresses: Vec::new(),
        feed: FeedId([2; 16]),
        cursor: Cursor::default(),
        authority: [0; 32],
        authority_held: [0; 32],
    });
    // Zoé's node speaks as Marc's on one stream, and opens another.
    for connection in [ConnectionId(7_001), ConnectionId(7_002)] {
        let role = Role::Acceptor;
        let connected = Input::Connected {
            connection,
            peer,
            role,
        };
        world.input(0, connected);
        if connection == ConnectionId(7_001) {
            let frame = &hello.to_bytes();
            let from = connection;
            world.input(0, Input::Received { from, frame });
        }
    }
    assert_eq!(world.nodes[0].home.sessions.len(), 2);
    let command = world.wish(card_at(&world, 1, 1));
    world.asks(0, command).unwrap();
    let with_marc = world.nodes[0].home.sessions.values();
    let right = world.nodes[1].secrets.transport;
    assert!(
        with_marc
            .filter(|live| live.is_with(marc))
            .all(|live| live.is_at(right))
    );
}

#[test]
fn a_clock_that_is_put_back_keeps_nobody_from_being_dialled() {
    let (mut world, _) = shared();
    world.ahead.insert(0, 20 * DAY);
    world.goes_away(1);
    world.settle(); // every pause now ends in twenty days
    world.ahead.clear();
    world.comes_back(1);
    let before = world.dials[0];
    for _ in 0..10 {
        world.now = world.now.plus_millis(15_000);
        world.input(0, Input::Tick);
    }
    assert!(world.dials[0] > before, "nobody was dialled");
}

/// What the stranger of 2026-11-24 saw: the giver read "all received" of a share that the reader had
/// only been offered, since an older share of the same lens had brought the same entries.
#[test]
fn a_second_share_of_the_same_lens_is_not_received_before_it_is_accepted() {
    let (mut world, first) = shared();
    let (second, link) = world.shares_from(0, 1, None);
    world.settle();
    world.imports(0, 2, "2026-02");
    world.settle();
    let given = world.given(0);
    let state = |given: &[GivenShare], id| {
        let share = given.iter().find(|share| share.id == id).unwrap();
        (share.accepted.is_some(), share.acknowledged.is_some())
    };
    assert_eq!(state(&given, first.id), (true, true));
    assert_eq!(state(&given, second.id), (false, false));
    world.revokes(0, &second);
    world.settle();
    assert_eq!(world.given(0)[1].rows, 0, "nothing of it has left");
    let held = world.received(1).remove(0);
    world.assert_shows(0, 1, &held);

    let (third, _) = world.shares_from(0, 1, None);
    world.accepts(1, &link);
    let link = world.link_for(0, &third);
    world.accepts(1, &link);
    world.settle();
    assert_eq!(state(&world.given(0), third.id), (true, true));
    assert_nobody_at_fault(&world);
}

#[test]
fn a_share_is_found_by_a_name_a_beginning_or_the_one_in_force() {
    let (mut world, first) = shared();
    let show = |world: &mut World, share: &str| {
        let share = share.to_owned();
        match world.asks(1, Command::ReceivedShow { share }) {
            Ok(Done::Received { share, .. }) => Ok(share.id),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error),
        }
    };
    let revoke = |world: &mut World, share: &str| {
        let share = share.to_owned();
        world.asks(0, Command::ShareRevoke { share }).map(drop)
    };
    revoke(&mut world, "Reader 1").unwrap(); // a capital more than it was called
    world.settle();
    assert_eq!(
        revoke(&mut world, "reader 1"),
        Err(CommandError::AlreadyEnded { share: first.id })
    );
    let (second, link) = world.shares_from(0, 1, None);
    world.settle();
    let both = vec![first.id, second.id];
    let Err(CommandError::AmbiguousShare { candidates, .. }) = show(&mut world, "giver") else {
        panic!("one has ended, the other is only offered")
    };
    assert_eq!(candidates, both);
    world.accepts(1, &link);
    world.settle();
    assert_eq!(show(&mut world, "Giver"), Ok(second.id), "the one in force");
    let id = first.id.to_string();
    assert_eq!(show(&mut world, &id[..14]), Ok(first.id));
    assert!(show(&mut world, &id[..8]).is_err(), "too short to mean it");
    revoke(&mut world, &second.id.to_string()[..14]).unwrap();
}

#[test]
fn a_known_person_keeps_their_name_when_none_is_given() {
    let (mut world, _) = shared();
    let with = world.card(1);
    let until = world.now.plus_millis(DAY);
    let unnamed = Command::ShareCreate {
        lens: LENS.to_owned(),
        with,
        name: String::new(),
        until,
        from: None,
        purpose: String::new(),
    };
    world.asks(0, unnamed.clone()).unwrap();
    let names: BTreeSet<String> = world.given(0).into_iter().map(|it| it.name).collect();
    assert_eq!(names, BTreeSet::from(["reader 1".to_owned()]));
    let later = Command::ShareCreate {
        from: Some("2026-09".parse().unwrap()),
        lens: LENS.to_owned(),
        with: world.card(1),
        name: String::new(),
        until,
        purpose: String::new(),
    };
    assert!(matches!(
        world.asks(0, later),
        Err(CommandError::BeginsAfterEnd { .. })
    ));
}

#[test]
fn a_giver_that_begins_again_seals_nothing_for_whose_time_is_over() {
    let (mut world, share) = shared();
    let backup = world.nodes[0].disk.0.borrow().clone();
    world.goes_away(1);
    world.now = share.until.plus_millis(1);
    world.nodes[0].disk.0.borrow_mut().clone_from(&backup);
    world.nodes[0].secrets.installation = InstallationId::from_bytes([42; 32]);
    world.crashes(0);
    world.settle();
    let known: BTreeSet<Vec<u8>> = backup.into_keys().collect();
    let written = world.nodes[0].disk.scan(&entries_of(share.slice)).unwrap();
    let anew: Vec<_> = written
        .into_iter()
        .filter(|(key, _)| !known.contains(key))
        .collect();
    assert!(!anew.is_empty(), "everything is published again");
    for (_, bytes) in anew {
        let entry = UnverifiedEntry::decode(&bytes).unwrap();
        let prefix = entry.claimed();
        let at = layout::part_key(prefix.slice, prefix.part, prefix.generation);
        assert!(world.nodes[1].disk.get(&at).unwrap().is_none());
    }
}
