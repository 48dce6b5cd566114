//! What contacts may do to a node, by mistake or on purpose, and what it makes of it.

use maille_protocol::grant::Grant;
use maille_protocol::id::{GrantId, InstallationId, SliceId};
use maille_protocol::parcel::{Parcel, ParcelBody};
use maille_protocol::principal::{NewDevice, UnverifiedAuthority, phrase};
use maille_protocol::slice::{Access, ContentKind, Owner, SliceCharter, UnverifiedAccess};
use maille_protocol::statement::{Kind, SignedStatement, Signer};
use maille_protocol::sync::Cursor;
use maille_protocol::wire;
use minicbor::Decode;

use super::super::content::{RowRecord, RowsContent, row_hash};
use super::*;
use crate::command::AsideReason;
use crate::state::{DueWhat, Given, Holding, OwnPart, OwnSlice, RowVersion};

pub(super) fn on_disk<T: for<'b> Decode<'b, ()>>(world: &World, n: usize, key: &[u8]) -> T {
    let bytes = world.nodes[n].disk.get(key).unwrap().expect("a value");
    minicbor::decode(&bytes).unwrap()
}

pub(super) fn put<T: minicbor::Encode<()>>(world: &World, n: usize, key: Vec<u8>, value: &T) {
    world.nodes[n]
        .disk
        .apply(&[(key, Some(wire::encode(value)))]);
}

pub(super) fn count(world: &World, n: usize, prefix: &[u8]) -> usize {
    world.nodes[n].disk.scan(prefix).unwrap().len()
}

/// No violation was seen by anybody.
#[track_caller]
pub(super) fn assert_nobody_at_fault(world: &World) {
    for node in &world.nodes {
        for event in &node.events {
            assert!(!matches!(event, Event::Violation { .. }), "{event:?}");
        }
    }
}

/// The violations that `n` saw.
pub(super) fn violations(world: &World, n: usize) -> usize {
    let events = world.nodes[n].events.iter();
    events
        .filter(|event| matches!(event, Event::Violation { .. }))
        .count()
}

/// Gives a frame to `n` as if it came from its session with the node `other`.
#[track_caller]
pub(super) fn as_if_from(world: &mut World, n: usize, other: usize, frame: &Frame) {
    let peer = world.nodes[other].secrets.transport;
    let from = world.nodes[n].home.session_with(peer).expect("a session");
    world.input(
        n,
        Input::Received {
            from,
            frame: &frame.to_bytes(),
        },
    );
}

impl World {
    pub(super) fn person_of(&self, n: usize) -> PersonId {
        self.nodes[n].secrets.person
    }

    pub(super) fn link_for(&mut self, n: usize, share: &GivenShare) -> ShareLink {
        let card = self.card(n);
        let label = share.lens.clone();
        ShareLink::new(card, share.id, share.slice, label, share.until, share.to).unwrap()
    }

    pub(super) fn import_of(&mut self, n: usize, seed: u64, month: &str) {
        self.imports(n, seed, month);
        self.settle();
    }

    /// What `n`'s device says about `slice` by hand, after what was said `before`.
    fn says(
        &self,
        n: usize,
        slice: SliceCharter,
        before: Vec<SignedStatement>,
        kind: Kind,
    ) -> (Access, GrantId) {
        let home = &self.nodes[n].home;
        let owner = Owner::Person(&home.me.authority);
        let mut access = Access::begin(slice, owner, &()).unwrap();
        access.add(before, &()).unwrap();
        let signer = Signer {
            key: &home.me.signing,
            membership: home.me.membership,
            installation: InstallationId::from_bytes([0x5a; 32]),
        };
        let said = access.say(&signer, kind, &()).unwrap();
        (access, said.membership().into())
    }

    /// A signed grant of `n`'s, with something else in it, instead of the one it gave.
    fn regrant(&mut self, n: usize, share: &GivenShare, edit: impl FnOnce(&mut Grant)) -> GrantId {
        let given: Given = on_disk(self, n, &layout::given(share.id));
        let mut grant = given.grant.clone();
        edit(&mut grant);
        let (_, bytes) = self.nodes[n]
            .disk
            .scan(layout::PROJECTIONS)
            .unwrap()
            .remove(0);
        let slice: OwnSlice = minicbor::decode(&bytes).unwrap();
        let charter = minicbor::decode(&slice.charter).unwrap();
        let said = layout::said(share.slice, share.to);
        let bytes = self.nodes[n].disk.get(&said).unwrap().unwrap();
        let owner = Owner::Person(&self.nodes[n].home.me.authority);
        let before = UnverifiedAccess::decode(&bytes).unwrap();
        let before = before.verify(share.slice, owner, &()).unwrap();
        let mut before: Vec<_> = before.statements().iter().cloned().collect();
        before.retain(|said| GrantId::from(said.membership()) != share.id);
        let (access, id) = self.says(n, charter, before, Kind::Grant(grant.clone()));
        self.nodes[n].disk.apply(&[(said, Some(access.to_bytes()))]);
        let given = Given { grant, ..given };
        self.nodes[n].disk.apply(&[(layout::given(share.id), None)]);
        put(self, n, layout::given(id), &given);
        for (key, bytes) in self.nodes[n]
            .disk
            .scan(&layout::parts_of(share.slice))
            .unwrap()
        {
            let mut part: OwnPart = minicbor::decode(&bytes).unwrap();
            for recipient in &mut part.recipients {
                if *recipient == share.id {
                    *recipient = id;
                }
            }
            put(self, n, key, &part);
        }
        self.crashes(n);
        // What was due under the old one is due anew under this one.
        let node = &mut self.nodes[n];
        let reader = node.home.contact(share.to).unwrap().unwrap();
        node.home.renumber(&mut node.rng, reader.transport).unwrap();
        self.input(n, Input::Tick);
        id
    }
}

pub(super) fn keys_on(world: &World, n: usize, slice: SliceId) -> usize {
    count(world, n, &layout::keys_of(slice))
}

#[test]
fn a_card_cannot_move_a_known_contact_to_a_node_their_authority_lacks() {
    let (mut world, share) = shared();
    let marc = world.person_of(1);
    let elsewhere = vec!["/memory/2".to_owned()];
    let card = Card::new(marc, world.nodes[2].secrets.transport, elsewhere).unwrap();
    let refused = world.asks(0, world.wish(card));
    assert!(
        matches!(refused, Err(CommandError::NotTheirNode { person }) if person == marc),
        "{refused:?}"
    );
    // A link with such a card does not either.
    let ines = world.person_of(0);
    let stolen = Card::new(ines, world.nodes[2].secrets.transport, Vec::new()).unwrap();
    let label = LENS.to_owned();
    let link = ShareLink::new(stolen, share.id, share.slice, label, share.until, marc).unwrap();
    let name = "Inès".to_owned();
    let refused = world.asks(1, Command::ReceivedAccept { link, name });
    assert!(matches!(refused, Err(CommandError::NotTheirNode { .. })));
    world.import_of(0, 2, "2026-02");
    world.assert_same_view(0, 1);
}

#[test]
fn an_address_on_a_card_does_not_take_the_known_ones_away() {
    let (mut world, _) = shared();
    let nowhere = vec!["/memory/99".to_owned()];
    let card = Card::new(
        world.person_of(1),
        world.nodes[1].secrets.transport,
        nowhere,
    )
    .unwrap();
    world.asks(0, world.wish(card)).unwrap();
    let peer = world.nodes[1].secrets.transport;
    let node = world.nodes[0].home.node(peer).unwrap();
    let addresses = node.unwrap().addresses;
    assert!(addresses.contains(&"/memory/1".to_owned()), "{addresses:?}");
}

#[test]
fn keys_made_while_the_sealing_key_is_unknown_are_handed_out_later() {
    let (mut world, _) = shared();
    let (other, link) = world.shares_from(0, 2, None);
    world.accepts(2, &link);
    world.settle();
    world.goes_away(1);
    // Inès's node no longer holds what Marc has shown: a lost write of another version, say.
    let at = layout::contact(world.person_of(1));
    let mut contact: Contact = on_disk(&world, 0, &at);
    contact.authority = None;
    put(&world, 0, at, &contact);
    world.crashes(0);
    world.revokes(0, &other);
    world.imports(0, 2, "2026-01");
    world.settle();
    world.comes_back(1);
    world.settle();
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

#[test]
fn a_wrong_link_does_not_stop_the_real_share() {
    let mut world = World::of(3);
    world.imports(0, 1, "2026-01");
    let (share, link) = world.shares_from(0, 1, None);
    let marc = world.person_of(1);
    // Somebody gave Marc a link that puts Zoé's card on Inès's share.
    let zoe = world.card(2);
    let label = LENS.to_owned();
    let until = share.until;
    let forged = ShareLink::new(zoe, share.id, share.slice, label, until, marc).unwrap();
    world.accepts(1, &forged);
    // And one with another slice on it.
    let card = world.card(0);
    let slice = SliceId::from_bytes([3; 32]);
    let label = LENS.to_owned();
    let forged = ShareLink::new(card, share.id, slice, label, until, marc).unwrap();
    world.accepts(1, &forged);
    world.settle();
    world.assert_same_view(0, 1);
    world.accepts(1, &link);
    world.import_of(0, 2, "2026-02");
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

#[test]
fn a_link_in_anothers_name_is_no_consent_to_the_real_share() {
    let mut world = World::of(3);
    world.imports(0, 1, "2026-01");
    // Marc gives something to Inès, so that their nodes know each other.
    world.imports(1, 5, "2026-01");
    let (_, link) = world.shares_from(1, 0, None);
    world.accepts(0, &link);
    let (share, link) = world.shares_from(0, 1, None);
    let label = LENS.to_owned();
    let zoe = world.card(2);
    let marc = world.person_of(1);
    let forged = ShareLink::new(zoe, share.id, share.slice, label, share.until, marc).unwrap();
    world.accepts(1, &forged);
    world.settle();
    assert_eq!(world.received(1)[0].state, ShareState::Offered);
    assert_eq!(keys_on(&world, 1, share.slice), 0);
    world.accepts(1, &link);
    world.settle();
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

#[test]
fn a_reader_five_minutes_ahead_at_expiry_meets_no_violation() {
    let (mut world, _) = shared();
    let (short, link) = world.shares_from(0, 1, None);
    world.goes_away(1);
    world.accepts(1, &link);
    world.ahead.insert(1, 300_000);
    // Two minutes before the end, when it is over on Marc's clock.
    world.now = Timestamp::from_millis(short.until.as_millis() - 120_000);
    let (_, longer) = world.shares_from(0, 1, None);
    world.comes_back(1);
    world.deliver();
    world.tick();
    let held = world.received(1);
    let held = held.iter().find(|share| share.id == short.id).unwrap();
    assert!(matches!(held.state, ShareState::Expired { .. }), "{held:?}");
    assert_nobody_at_fault(&world);
    world.accepts(1, &longer);
    world.settle();
    world.import_of(0, 2, "2026-02");
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

#[test]
fn a_share_that_begins_later_is_noted_and_taken_when_asked_for_again() {
    let (mut world, _) = shared();
    world.goes_away(1);
    let (share, _) = world.shares_from(0, 1, None);
    let later = world.now.plus_millis(DAY);
    let id = world.regrant(0, &share, |grant| grant.not_before = later);
    world.comes_back(1);
    world.import_of(0, 2, "2026-02");
    assert_nobody_at_fault(&world);
    assert_eq!(world.asides(1), [AsideReason::BeginsLater { at: later }]);
    world.assert_same_view(0, 1);
    world.now = later;
    world.settle();
    let link = world.link_for(0, &GivenShare { id, ..share });
    world.accepts(1, &link);
    world.settle();
    let held = world.received(1).pop().unwrap();
    assert_eq!((held.id, held.state), (id, ShareState::Active));
    assert!(world.asides(1).is_empty());
}

#[test]
fn an_unknown_lens_does_not_block_other_shares() {
    let (mut world, _) = shared();
    world.goes_away(1);
    let (share, _) = world.shares_from(0, 1, None);
    let id = world.regrant(0, &share, |grant| {
        grant.content.name = "mobility.yearly".to_owned();
        grant.content.hash = [7; 32];
    });
    let share = GivenShare { id, ..share };
    let link = world.link_for(0, &share);
    world.accepts(1, &link);
    world.comes_back(1);
    world.import_of(0, 2, "2026-02");
    let shares = world.received(1);
    assert_eq!(shares[1].lens, "mobility.yearly");
    assert_eq!(shares[1].state, ShareState::Active);
    world.assert_same_view(0, 1);
    // A row that only the unknown lens can make is kept as it came.
    let before = world.rows(1, &shares[1]).len();
    writes_a_row(&mut world, 0, &share, b"2026", Some(b"whatever"));
    world.settle();
    assert_eq!(world.rows(1, &shares[1]).len(), before + 1);
    assert_nobody_at_fault(&world);
}

#[test]
fn offers_without_number_do_not_stop_the_feed() {
    let (mut world, _) = shared();
    let links: Vec<ShareLink> = (0..20).map(|_| world.shares_from(0, 1, None).1).collect();
    world.import_of(0, 2, "2026-02");
    assert_nobody_at_fault(&world);
    let first = world.received(1).remove(0);
    world.assert_shows(0, 1, &first);
    assert_eq!(
        world.received(1).len(),
        17,
        "the accepted one and 16 offers"
    );
    // The same again is one note.
    assert_eq!(world.asides(1), [AsideReason::TooManyOffers]);
    // Neither kept nor dropped ones are lost to who has their link.
    for link in [&links[0], &links[19]] {
        world.accepts(1, link);
        world.settle();
        let held = world.received(1);
        let held = held.iter().find(|share| share.id == link.grant).unwrap();
        assert_eq!(held.state, ShareState::Active);
    }
    assert_nobody_at_fault(&world);
}

#[test]
fn a_share_nobody_accepted_brings_nothing_and_says_so_on_both_sides() {
    let mut world = World::of(2);
    world.imports(0, 1, "2026-01");
    world.imports(1, 5, "2026-01");
    let (_, link) = world.shares_from(1, 0, None);
    world.accepts(0, &link);
    world.settle();
    let (share, link) = world.shares_from(0, 1, None);
    world.settle();
    world.import_of(0, 2, "2026-02");
    let offered = world.received(1).remove(0);
    assert_eq!((offered.state, offered.rows), (ShareState::Offered, 0));
    assert_eq!(offered.accepted, None);
    assert_eq!(keys_on(&world, 1, share.slice), 0);
    assert_eq!(count(&world, 1, &entries_of(share.slice)), 0);
    let given = world.given(0).remove(0);
    assert!(
        given.accepted.is_none() && given.acknowledged.is_none(),
        "{given:?}"
    );
    assert_nobody_at_fault(&world);
    // What Marc gives to Inès does not wait behind it.
    world.import_of(1, 6, "2026-02");
    world.assert_same_view(1, 0);

    world.accepts(1, &link);
    world.settle();
    world.assert_same_view(0, 1);
    let given = world.given(0).remove(0);
    assert!(
        given.accepted.is_some() && given.acknowledged.is_some(),
        "{given:?}"
    );
    assert_nobody_at_fault(&world);
}

#[test]
fn a_share_that_was_only_offered_can_be_revoked() {
    let mut world = World::of(2);
    world.imports(0, 1, "2026-01");
    world.imports(1, 5, "2026-01");
    let (_, link) = world.shares_from(1, 0, None);
    world.accepts(0, &link);
    let (share, link) = world.shares_from(0, 1, None);
    world.settle();
    world.revokes(0, &share);
    world.settle();
    let held = world.received(1).remove(0);
    assert!(matches!(held.state, ShareState::Revoked { .. }));
    assert!(world.given(0)[0].end_acknowledged);
    world.accepts(1, &link);
    world.settle();
    let held = world.received(1).remove(0);
    assert!(matches!(held.state, ShareState::Revoked { .. }));
    assert_eq!(keys_on(&world, 1, share.slice), 0);
    assert_nobody_at_fault(&world);
}

#[test]
fn a_giver_cannot_store_more_than_its_share() {
    type Fill = fn(&mut Holding);
    let fills: [Fill; 4] = [
        |held| held.keys = 65_536,
        |held| held.logs = 16_384,
        |held| held.rows = 1_000_000,
        |held| held.bytes = (256 << 20) - 1,
    ];
    for fill in fills {
        let (mut world, share) = shared();
        let at = layout::holding(world.person_of(0));
        let mut held: Holding = on_disk(&world, 1, &at);
        assert!(held.keys > 0 && held.logs > 0 && held.rows > 0 && held.bytes > 0);
        fill(&mut held);
        put(&world, 1, at.clone(), &held);
        let entries = count(&world, 1, &entries_of(share.slice));
        // A new part: new keys, a new log, new rows.
        world.import_of(0, 2, "2026-02");
        assert!(violations(&world, 1) > 0);
        assert_eq!(count(&world, 1, &entries_of(share.slice)), entries);
        let now: Holding = on_disk(&world, 1, &at);
        assert!(now.plus(Holding::default()) == held || now.keys > held.keys);
    }
}

/// Has `n`'s node write a row of `key`, which no lens made, and makes it due under `share`.
fn writes_a_row(
    world: &mut World,
    n: usize,
    share: &GivenShare,
    key: &[u8],
    fields: Option<&[u8]>,
) {
    writes_rows(world, n, share, key, fields, &[0]);
}

/// As [`writes_a_row`], once for each serial, in one entry.
pub(super) fn writes_rows(
    world: &mut World,
    n: usize,
    share: &GivenShare,
    key: &[u8],
    fields: Option<&[u8]>,
    serials: &[u32],
) {
    let hash = row_hash(key, fields);
    let rows = serials.iter().map(|&serial| RowRecord {
        key: key.to_vec().into(),
        version: RowVersion {
            serial,
            changes: 1 << 40,
            hash,
        },
        fields: fields.map(|fields| fields.to_vec().into()),
    });
    let rows = rows.collect();
    let content = content::pack(&RowsContent { version: 1, rows });
    let now = world.now;
    let node = &mut world.nodes[n];
    let (_, bytes) = node.disk.scan(layout::PROJECTIONS).unwrap().remove(0);
    let slice: OwnSlice = minicbor::decode(&bytes).unwrap();
    let parts = node.home.own_parts(slice.id).unwrap();
    let (number, mut part) = parts.into_iter().next_back().unwrap();
    let at = node
        .home
        .append_entry(now, &slice, number, &mut part, content)
        .unwrap();
    node.home.view.write(layout::part(slice.id, number), &part);
    let key = at.into();
    let what = DueWhat::Entry { key, rows: 1 };
    node.home.make_due(share.to, share.id, what).unwrap();
    world.input(n, Input::Tick);
}

#[test]
fn a_row_is_of_its_part_and_a_row_that_is_gone_has_a_key_that_can_be() {
    let bad_keys: [&[u8]; 2] = [b"\x83\x19\x07\xea\x18\x1e\x63bus", b"not a key"];
    for key in bad_keys {
        let (mut world, share) = shared();
        world.goes_away(1);
        writes_a_row(&mut world, 0, &share, key, None);
        let before = count(&world, 1, &layout::rows_of(share.slice));
        world.comes_back(1);
        world.settle();
        assert!(violations(&world, 1) > 0);
        assert_eq!(count(&world, 1, &layout::rows_of(share.slice)), before);
    }
}

#[test]
fn a_store_that_cannot_be_read_does_not_dial_in_a_loop() {
    let (mut world, _) = shared();
    world.nodes[0].disk.1.set(true);
    let before = world.dials[0];
    let frame = Frame::Ack { position: 0 };
    as_if_from(&mut world, 0, 1, &frame);
    let mut ticks = 0;
    while ticks < 50 {
        world.now = world.now.plus_millis(1_000);
        world.input(0, Input::Tick);
        ticks += 1;
    }
    assert_eq!(world.dials[0], before, "left alone for a minute");
    world.nodes[0].disk.1.set(false);
    world.import_of(0, 2, "2026-02");
    world.assert_same_view(0, 1);
}

#[test]
fn who_broke_the_protocol_is_not_taken_in_again_at_once() {
    let (mut world, _) = shared();
    as_if_from(&mut world, 0, 1, &Frame::Authority(vec![1, 2, 3]));
    assert_eq!(violations(&world, 0), 1);
    let marc = world.nodes[1].secrets.transport;
    for _ in 0..50 {
        world.now = world.now.plus_millis(1_000);
        world.input(1, Input::Tick);
        world.deliver();
        assert!(world.nodes[0].home.session_with(marc).is_none());
    }
    world.import_of(0, 2, "2026-02");
    world.assert_same_view(0, 1);
}

#[test]
fn what_left_before_a_read_error_is_journalled() {
    let mut world = World::of(2);
    world.imports(0, 1, "2026-01");
    let (share, link) = world.shares_from(0, 1, None);
    world.accepts(1, &link);
    // The entry behind the grant cannot be read.
    let mut entries = world.nodes[0].disk.scan(&entries_of(share.slice));
    let (key, bytes) = entries.as_mut().unwrap().remove(0);
    world.nodes[0].disk.apply(&[(key.clone(), None)]);
    world.settle();
    let handed_over = world.nodes[0].sent_frames.iter().any(|frame| {
        matches!(
            Frame::from_bytes(frame),
            Ok(Frame::Item {
                item: Item::Parcel(_),
                ..
            })
        )
    });
    assert!(handed_over);
    let entries = world.sent(0);
    let whats: Vec<SentWhat> = entries.iter().map(|entry| entry.what).collect();
    assert_eq!(whats, [SentWhat::Grant]);
    world.nodes[0].disk.apply(&[(key, Some(bytes))]);
    world.settle();
    world.assert_same_view(0, 1);
}

fn rows_in_journal(world: &mut World, n: usize) -> u64 {
    let entries = world.sent(n);
    let rows = entries.iter().map(|entry| match entry.what {
        SentWhat::Rows { rows } => rows,
        _ => 0,
    });
    rows.sum()
}

#[test]
fn a_resend_is_not_counted_twice() {
    let (mut world, _) = shared();
    let once = rows_in_journal(&mut world, 0);
    assert!(once > 0);
    // Marc's node forgets its place: everything is sent again.
    let at = layout::feed(world.nodes[0].secrets.transport);
    let mut feed: Feed = on_disk(&world, 1, &at);
    feed.cursor = Cursor::default();
    put(&world, 1, at, &feed);
    let entries = |world: &World| {
        let frames = world.nodes[0].sent_frames.iter();
        let items = frames.filter_map(|frame| Frame::from_bytes(frame).ok());
        items
            .filter(|frame| {
                matches!(
                    frame,
                    Frame::Item {
                        item: Item::Entry(_),
                        ..
                    }
                )
            })
            .count()
    };
    let before = entries(&world);
    world.crashes(1);
    world.settle();
    assert!(entries(&world) > before, "they were sent again");
    assert_eq!(rows_in_journal(&mut world, 0), once);
}

#[test]
fn an_ack_that_says_nothing_new_writes_nothing() {
    let (mut world, _) = shared();
    let before = world.nodes[0].home.view.issued();
    for position in [0, 1] {
        as_if_from(&mut world, 0, 1, &Frame::Ack { position });
    }
    let authority = world.nodes[1].home.me.authority.to_bytes();
    as_if_from(&mut world, 0, 1, &Frame::Authority(authority));
    assert_eq!(world.nodes[0].home.view.issued(), before);
    assert_eq!(violations(&world, 0), 0);
}

#[test]
fn a_peer_cannot_renumber_at_will() {
    let (mut world, _) = shared();
    let (mine, theirs) = (
        layout::feed(world.nodes[1].secrets.transport),
        layout::feed(world.nodes[0].secrets.transport),
    );
    let mut ids = BTreeSet::new();
    for _ in 0..100 {
        let mut feed: Feed = on_disk(&world, 1, &theirs);
        feed.cursor = Cursor::default();
        put(&world, 1, theirs.clone(), &feed);
        world.crashes(1);
        world.now = world.now.plus_millis(2_000);
        world.tick();
        ids.insert(on_disk::<Feed>(&world, 0, &mine).id.0);
    }
    assert!((20..=33).contains(&ids.len()), "{} numberings", ids.len());
    world.settle();
    world.import_of(0, 2, "2026-02");
    world.assert_same_view(0, 1);
}

#[test]
fn an_older_authority_does_not_replace_a_newer_one() {
    let (mut world, _) = shared();
    world.goes_away(0);
    let ines = world.person_of(0);
    let mut newer = UnverifiedAuthority::decode(&world.nodes[0].home.me.authority.to_bytes())
        .unwrap()
        .verify(ines)
        .unwrap();
    let keys = phrase::keys(&[0; 64]);
    let phone = SigningKey::from_seed(&[77; 32]);
    let sealing = SealingSecret::from_seed(&[78; 32]);
    let device = NewDevice {
        signing: &phone,
        sealing: &sealing.public(),
        transport: TransportId::from_bytes([79; 32]),
    };
    let root = Signer {
        key: &keys.root,
        membership: newer.root(),
        installation: InstallationId::from_bytes([80; 32]),
    };
    newer.admit(&root, &device).unwrap();
    let at = layout::contact(ines);
    let mut contact: Contact = on_disk(&world, 1, &at);
    contact.authority = Some(newer.to_bytes().into());
    put(&world, 1, at.clone(), &contact);
    world.comes_back(0);
    // Inès's node hears that another authority is held, and shows its own, which is older.
    world.import_of(0, 2, "2026-02");
    let contact: Contact = on_disk(&world, 1, &at);
    assert_eq!(contact.authority.unwrap().to_vec(), newer.to_bytes());
    world.assert_same_view(0, 1);
    assert_nobody_at_fault(&world);
}

#[test]
fn a_hello_on_a_new_stream_takes_the_place_of_a_dead_session() {
    for survivor in [0, 1] {
        let (mut world, _) = shared();
        let other = 1 - survivor;
        // The other node dies, and the survivor's network has not noticed.
        world.wires.clear();
        world.queue.clear();
        let node = &mut world.nodes[other];
        node.home = Home::open(node.disk.clone(), node.secrets.clone(), world.now).unwrap();
        world.listen(other);
        world.deliver();
        for (n, other) in [(0, 1), (1, 0)] {
            let peer = world.nodes[other].secrets.transport;
            let session = world.nodes[n].home.session_with(peer).expect("a session");
            assert!(
                world.wires.contains_key(&session.0),
                "node {n} holds on to the dead one"
            );
            assert_eq!(world.nodes[n].home.sessions.len(), 1);
        }
        world.imports(0, 2, "2026-02");
        world.deliver();
        world.assert_same_view(0, 1);
    }
}

#[test]
fn a_second_stream_that_never_speaks_leaves_the_session_alone() {
    let (mut world, _) = shared();
    let ines = world.nodes[0].secrets.transport;
    let session = world.nodes[1].home.session_with(ines);
    for silent in 1_000..1_010 {
        let input = Input::Connected {
            connection: ConnectionId(silent),
            peer: world.nodes[0].secrets.transport,
            role: Role::Acceptor,
        };
        world.input(1, input);
    }
    assert_eq!(world.nodes[1].home.sessions.len(), 2, "one waits, not ten");
    let connection = ConnectionId(1_009);
    world.input(1, Input::Disconnected { connection });
    assert_eq!(world.nodes[1].home.session_with(ines), session);
    world.imports(0, 2, "2026-02");
    world.deliver();
    world.assert_same_view(0, 1);
}

#[test]
fn nothing_is_sealed_under_an_expired_readers_key() {
    let (mut world, share) = shared();
    let (_, link) = world.shares_from(0, 2, None);
    world.accepts(2, &link);
    world.settle();
    world.goes_away(1);
    let before = keys_on(&world, 0, share.slice);
    // The first thing that happens after the end is a new record: no tick came in between.
    world.now = share.until.plus_millis(1);
    world.imports(0, 2, "2026-01");
    let newest: Vec<OwnPart> = world.nodes[0]
        .home
        .own_parts(share.slice)
        .unwrap()
        .into_iter()
        .map(|(_, part)| part)
        .collect();
    assert!(keys_on(&world, 0, share.slice) > before);
    for part in newest {
        assert!(!part.recipients.contains(&share.id));
        let held = world.nodes[1].disk.scan(&layout::keys_of(share.slice));
        let of_marc = held.unwrap().into_iter().map(|(key, _)| key);
        assert!(
            of_marc
                .filter(|key| key.ends_with(part.generation.as_bytes()))
                .count()
                == 0
        );
    }
}

#[test]
fn an_expiry_that_fails_halfway_is_tried_again() {
    let (mut world, share) = shared();
    world.goes_away(1);
    let damaged = {
        let mut keys = world.nodes[0].disk.scan(&layout::keys_of(share.slice));
        keys.as_mut().unwrap().pop().unwrap()
    };
    let garbage = Some(vec![0xff]);
    world.nodes[0].disk.apply(&[(damaged.0.clone(), garbage)]);
    world.now = share.until.plus_millis(1);
    world.input(0, Input::Tick);
    let given: Given = on_disk(&world, 0, &layout::given(share.id));
    assert!(given.ended.is_none(), "nothing of it was kept by halves");
    assert!(
        matches!(world.given(0)[0].state, ShareState::Expired { .. }),
        "it is over all the same"
    );
    world.nodes[0].disk.apply(&[(damaged.0, Some(damaged.1))]);
    world.now = world.now.plus_millis(61_000);
    world.input(0, Input::Tick);
    let given: Given = on_disk(&world, 0, &layout::given(share.id));
    assert!(given.ended.is_some());
}

#[test]
fn a_purpose_that_a_screen_would_obey_is_refused_on_both_sides() {
    let (mut world, _) = shared();
    let create = Command::ShareCreate {
        lens: LENS.to_owned(),
        with: world.card(1),
        name: "Marc".to_owned(),
        until: world.now.plus_millis(DAY),
        from: None,
        purpose: "un défi\n\u{1b}[2J".to_owned(),
    };
    let refused = world.asks(0, create);
    assert!(matches!(refused, Err(CommandError::BadText { .. })));
    world.goes_away(1);
    let (share, _) = world.shares_from(0, 1, None);
    world.regrant(0, &share, |grant| grant.purpose = "\u{1b}[2J".to_owned());
    world.comes_back(1);
    world.settle();
    assert!(violations(&world, 1) > 0);
    assert_eq!(world.received(1).len(), 1);
}

#[test]
fn a_share_of_a_kind_that_is_not_known_here_is_noted_and_nothing_else() {
    let (mut world, share) = shared();
    let (ines, marc) = (world.person_of(0), world.person_of(1));
    let given: Given = on_disk(&world, 0, &layout::given(share.id));
    let secrets = &world.nodes[0].secrets;
    let root = world.nodes[0].home.me.authority.root_key();
    let kind = ContentKind::Mailbox;
    let slice = SliceCharter::of_person(kind, ines, [5; 32], &secrets.device, 1, &root);
    let signing = secrets.signing_key();
    let (access, grant) = world.says(0, slice, Vec::new(), Kind::Grant(given.grant));
    let body = ParcelBody::Share {
        grant,
        access: access.to_unverified(),
        keys: Vec::new(),
    };
    let to = world.nodes[1].secrets.sealing_secret().public();
    let node = &mut world.nodes[0];
    let parcel = Parcel::seal(&mut node.rng, &signing, ines, marc, &to, &body).unwrap();
    let frame = Frame::Item {
        position: 1 << 40,
        item: Item::Parcel(parcel),
    };
    as_if_from(&mut world, 1, 0, &frame);
    assert_eq!(violations(&world, 1), 0);
    assert_eq!(world.received(1).len(), 1);
    assert_eq!(world.asides(1), [AsideReason::NewerContent]);
}

#[test]
fn a_slice_whose_very_lens_is_gone_is_not_filled_with_another_view() {
    let (mut world, share) = shared();
    let (at, slice) = world.nodes[0]
        .disk
        .scan(layout::PROJECTIONS)
        .unwrap()
        .remove(0);
    // As after an upgrade, in which a lens of the same name shows something else.
    let older = layout::projection([9; 32]);
    world.nodes[0]
        .disk
        .apply(&[(at, None), (older, Some(slice))]);
    let before = count(&world, 0, &entries_of(share.slice));
    world.import_of(0, 2, "2026-02");
    assert_eq!(count(&world, 0, &entries_of(share.slice)), before);
}
