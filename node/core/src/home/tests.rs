//! Stories of two or three nodes over a wire that the test holds in its hand.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use maille_protocol::card::{Card, ShareLink};
use maille_protocol::entry::UnverifiedEntry;
use maille_protocol::id::{GrantId, TransportId};
use maille_protocol::sync::{Frame, Item};
use maille_protocol::time::Timestamp;
use maille_schemas::document::Month;
use maille_schemas::import;
use maille_schemas::record::Record;
use maille_schemas::sample;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::content::{self, DocumentsContent};
use super::*;
use crate::command::{AsideReason, GivenShare, ReceivedShare, SentWhat, ShareState};
use crate::io::{Role, Write};
use crate::secrets::found;

const DAY: u64 = DAY_MS;
const LENS: &str = "mobility.weekly";

#[cfg(feature = "sim")]
mod attacks;
mod checkup;
mod circles;
mod devices;
mod found;
mod peers;
mod restore;
mod returning;
mod review;

/// A disk: what was made durable, and whether it can be read.
#[derive(Clone, Default)]
struct Disk(Rc<RefCell<BTreeMap<Vec<u8>, Vec<u8>>>>, Rc<Cell<bool>>);

impl Disk {
    fn apply(&self, batch: &[Write]) {
        let mut disk = self.0.borrow_mut();
        for (key, value) in batch {
            match value {
                Some(value) => disk.insert(key.clone(), value.clone()),
                None => disk.remove(key),
            };
        }
    }
}

impl Disk {
    fn readable(&self) -> Result<(), StoreError> {
        if self.1.get() {
            return Err(StoreError("made unreadable by the test".to_owned()));
        }
        Ok(())
    }
}

impl Store for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.readable()?;
        Ok(self.0.borrow().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.readable()?;
        let disk = self.0.borrow();
        let under = disk
            .range(prefix.to_vec()..)
            .take_while(|(key, _)| key.starts_with(prefix));
        Ok(under
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}

struct Node {
    home: Home<Disk>,
    disk: Disk,
    secrets: Secrets,
    rng: ChaCha8Rng,
    answers: BTreeMap<u64, Result<Done, CommandError>>,
    events: Vec<Event>,
    sent_frames: Vec<Vec<u8>>,
}

/// Nodes, and the wires between them.
struct World {
    now: Timestamp,
    nodes: Vec<Node>,
    /// connection -> (node, the other end's connection)
    wires: BTreeMap<u64, (usize, u64)>,
    queue: VecDeque<(usize, u64, Vec<u8>)>,
    next: u64,
    /// Nodes that cannot be reached.
    away: BTreeSet<usize>,
    /// Pairs of nodes that do not reach each other, the lesser first.
    apart: BTreeSet<(usize, usize)>,
    /// How far a node's clock is ahead, in milliseconds.
    ahead: BTreeMap<usize, u64>,
    /// Dials of every node so far.
    dials: Vec<usize>,
}

fn transport(n: usize) -> TransportId {
    TransportId::from_bytes([u8::try_from(n + 1).unwrap(); 32])
}

impl World {
    fn of(people: usize) -> Self {
        let now: Timestamp = "2026-03-01T10:00:00.000Z".parse().unwrap();
        let mut world = Self {
            now,
            nodes: Vec::new(),
            wires: BTreeMap::new(),
            queue: VecDeque::new(),
            next: 1,
            away: BTreeSet::new(),
            apart: BTreeSet::new(),
            ahead: BTreeMap::new(),
            dials: vec![0; people],
        };
        for n in 0..people {
            let mut rng = ChaCha8Rng::seed_from_u64(n as u64);
            let founding = found(&[u8::try_from(n).unwrap(); 64], transport(n), &mut rng);
            let disk = Disk::default();
            disk.apply(&founding.batch);
            let home = Home::open(disk.clone(), founding.secrets.clone(), now).unwrap();
            world.nodes.push(Node {
                home,
                disk,
                secrets: founding.secrets,
                rng,
                answers: BTreeMap::new(),
                events: Vec::new(),
                sent_frames: Vec::new(),
            });
            world.listen(n);
        }
        world
    }

    fn listen(&mut self, n: usize) {
        self.input(n, Input::Listening(vec![format!("/memory/{n}")]));
    }

    fn input(&mut self, n: usize, input: Input<'_>) {
        let now = self
            .now
            .plus_millis(self.ahead.get(&n).copied().unwrap_or(0));
        let node = &mut self.nodes[n];
        node.home.handle(now, &mut node.rng, input);
        while let Some(output) = self.nodes[n].home.poll_output() {
            match output {
                Output::Commit { id, batch } => {
                    self.nodes[n].disk.apply(&batch);
                    self.input(n, Input::Committed(id));
                }
                Output::Dial { peer, .. } => self.dial(n, peer),
                Output::Send { to, frame } => {
                    self.nodes[n].sent_frames.push(frame.clone());
                    if let Some((other, connection)) = self.wires.get(&to.0) {
                        self.queue.push_back((*other, *connection, frame));
                    }
                }
                Output::Close { connection } => self.cut(connection.0),
                Output::Finished { command, result } => {
                    self.nodes[n].answers.insert(command.0, result);
                }
                Output::Event(event) => self.nodes[n].events.push(event),
            }
        }
    }

    fn dial(&mut self, n: usize, peer: TransportId) {
        self.dials[n] += 1;
        let Some(other) = self
            .nodes
            .iter()
            .position(|node| node.secrets.transport == peer)
        else {
            return self.input(n, Input::DialFailed { peer });
        };
        let apart = self.apart.contains(&(n.min(other), n.max(other)));
        if apart || self.away.contains(&n) || self.away.contains(&other) {
            return self.input(n, Input::DialFailed { peer });
        }
        let (mine, theirs) = (self.next, self.next + 1);
        self.next += 2;
        self.wires.insert(mine, (other, theirs));
        self.wires.insert(theirs, (n, mine));
        let me = self.nodes[n].secrets.transport;
        let connection = ConnectionId(mine);
        self.input(
            n,
            Input::Connected {
                connection,
                peer,
                role: Role::Dialler,
            },
        );
        let connection = ConnectionId(theirs);
        self.input(
            other,
            Input::Connected {
                connection,
                peer: me,
                role: Role::Acceptor,
            },
        );
    }

    fn cut(&mut self, connection: u64) {
        let Some((other, theirs)) = self.wires.remove(&connection) else {
            return;
        };
        let Some((node, _)) = self.wires.remove(&theirs) else {
            return;
        };
        self.input(
            other,
            Input::Disconnected {
                connection: ConnectionId(theirs),
            },
        );
        self.input(
            node,
            Input::Disconnected {
                connection: ConnectionId(connection),
            },
        );
    }

    fn goes_away(&mut self, n: usize) {
        self.away.insert(n);
        let cut: Vec<u64> = self
            .wires
            .iter()
            .filter(|(_, (other, _))| *other == n)
            .map(|(c, _)| *c)
            .collect();
        for connection in cut {
            self.cut(connection);
        }
    }

    /// No session between two nodes from now on.
    fn apart(&mut self, a: usize, b: usize) {
        self.apart.insert((a.min(b), a.max(b)));
        let wires = self.wires.iter();
        let cut: Vec<u64> = wires
            .filter(|(wire, (other, theirs))| {
                let here = self.wires.get(theirs).map(|(node, _)| *node);
                [(a, b), (b, a)].contains(&(here.unwrap_or(usize::MAX), *other)) && *wire < theirs
            })
            .map(|(wire, _)| *wire)
            .collect();
        for wire in cut {
            self.cut(wire);
        }
    }

    fn comes_back(&mut self, n: usize) {
        self.away.remove(&n);
    }

    /// The machine dies with all its memory and starts again from its disk.
    fn crashes(&mut self, n: usize) {
        self.goes_away(n);
        let node = &mut self.nodes[n];
        node.home = Home::open(node.disk.clone(), node.secrets.clone(), self.now).unwrap();
        self.comes_back(n);
        self.listen(n);
    }

    /// Lets an hour pass, in steps, with everything on the wires delivered.
    fn settle(&mut self) -> &mut Self {
        for _ in 0..240 {
            self.deliver();
            self.now = self.now.plus_millis(15_000);
            self.tick();
        }
        self
    }

    /// Every timer rings, and everything on the wires is delivered.
    fn tick(&mut self) {
        for n in 0..self.nodes.len() {
            self.input(n, Input::Tick);
        }
        self.deliver();
    }

    fn deliver(&mut self) {
        while self.delivers_one() {}
    }

    /// Delivers the frame that has waited longest; false if there is none.
    fn delivers_one(&mut self) -> bool {
        let Some((n, connection, frame)) = self.queue.pop_front() else {
            return false;
        };
        if self.wires.contains_key(&connection) {
            let from = ConnectionId(connection);
            let frame = &frame;
            self.input(n, Input::Received { from, frame });
        }
        true
    }

    #[track_caller]
    fn asks(&mut self, n: usize, command: Command) -> Result<Done, CommandError> {
        let id = self.next;
        self.next += 1;
        self.input(n, Input::Command(CommandId(id), command));
        self.nodes[n]
            .answers
            .remove(&id)
            .expect("an answer once its commit is durable")
    }

    #[track_caller]
    fn card(&mut self, n: usize) -> Card {
        let Ok(Done::Card { card }) = self.asks(n, Command::Card) else {
            panic!("no card")
        };
        card
    }

    #[track_caller]
    fn imports(&mut self, n: usize, seed: u64, month: &str) {
        let records = records(seed, month);
        let done = self.asks(n, Command::Record { records }).unwrap();
        assert!(matches!(done, Done::Recorded { added, .. } if added > 0));
    }

    /// Wants to share with whom a card names.
    fn wish(&self, with: Card) -> Command {
        Command::ShareCreate {
            lens: LENS.to_owned(),
            with,
            name: "somebody".to_owned(),
            until: self.now.plus_millis(30 * DAY),
            from: None,
            purpose: String::new(),
        }
    }

    #[track_caller]
    fn shares_from(&mut self, a: usize, b: usize, from: Option<Month>) -> (GivenShare, ShareLink) {
        let command = Command::ShareCreate {
            lens: LENS.to_owned(),
            with: self.card(b),
            name: format!("reader {b}"),
            until: self.now.plus_millis(90 * DAY),
            from,
            purpose: "a challenge among colleagues".to_owned(),
        };
        match self.asks(a, command) {
            Ok(Done::ShareCreated { share, link }) => (share, link),
            other => panic!("no share: {other:?}"),
        }
    }

    #[track_caller]
    fn revokes(&mut self, n: usize, share: &GivenShare) {
        let share = share.id.to_string();
        self.asks(n, Command::ShareRevoke { share }).unwrap();
    }

    #[track_caller]
    fn accepts(&mut self, b: usize, link: &ShareLink) {
        let command = Command::ReceivedAccept {
            link: link.clone(),
            name: "giver".to_owned(),
        };
        self.asks(b, command).unwrap();
    }

    #[track_caller]
    fn sent(&mut self, n: usize) -> Vec<SentEntry> {
        match self.asks(n, Command::LogSent) {
            Ok(Done::Sent { entries }) => entries,
            other => panic!("{other:?}"),
        }
    }

    /// What the first contact of `n` sent that was of no use.
    #[track_caller]
    fn asides(&mut self, n: usize) -> Vec<AsideReason> {
        match self.asks(n, Command::Status) {
            Ok(Done::Status(status)) => {
                let aside = status.contacts[0].aside.iter();
                aside.map(|aside| aside.reason).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn given(&mut self, n: usize) -> Vec<GivenShare> {
        match self.asks(n, Command::ShareList) {
            Ok(Done::Shares { shares }) => shares,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn received(&mut self, n: usize) -> Vec<ReceivedShare> {
        match self.asks(n, Command::ReceivedList) {
            Ok(Done::ReceivedList { shares }) => shares,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn rows(&mut self, n: usize, share: &ReceivedShare) -> Vec<crate::command::ProjectedRow> {
        match self.asks(
            n,
            Command::ReceivedShow {
                share: share.id.to_string(),
            },
        ) {
            Ok(Done::Received { rows, .. }) => rows,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn preview(&mut self, n: usize, from: Option<Month>) -> Vec<crate::command::ProjectedRow> {
        match self.asks(
            n,
            Command::LensPreview {
                lens: LENS.to_owned(),
                from,
            },
        ) {
            Ok(Done::Preview { rows, .. }) => rows,
            other => panic!("{other:?}"),
        }
    }

    /// What B holds of the newest share is what A's lens shows now.
    #[track_caller]
    fn assert_same_view(&mut self, a: usize, b: usize) {
        let share = self.received(b).pop().expect("a share");
        self.assert_shows(a, b, &share);
    }

    /// What B holds of `share` is what A's lens shows now.
    #[track_caller]
    fn assert_shows(&mut self, a: usize, b: usize, share: &ReceivedShare) {
        let mut shown = self.preview(a, None);
        let mut held = self.rows(b, share);
        shown.sort_by(|x, y| x.key.cmp(&y.key));
        held.sort_by(|x, y| x.key.cmp(&y.key));
        assert!(!shown.is_empty());
        assert_eq!(shown, held);
    }
}

fn entries_of(slice: maille_protocol::id::SliceId) -> Vec<u8> {
    let mut prefix = layout::keys_of(slice);
    prefix[0] = b'e';
    prefix
}

fn records(seed: u64, month: &str) -> Vec<Record> {
    let files = sample::files(seed, month.parse().unwrap());
    files
        .iter()
        .flat_map(|file| {
            import::import(&file.name, &file.bytes, None)
                .unwrap()
                .records
        })
        .collect()
}

/// Two people, one share, all arrived.
fn shared() -> (World, GivenShare) {
    let mut world = World::of(3);
    world.imports(0, 1, "2026-01");
    let (share, link) = world.shares_from(0, 1, None);
    world.accepts(1, &link);
    world.settle();
    world.assert_same_view(0, 1);
    (world, share)
}

#[test]
fn what_is_shared_arrives_and_goes_on_arriving_unasked() {
    let (mut world, _) = shared();
    world.imports(0, 2, "2026-02");
    world.deliver();
    world.assert_same_view(0, 1);
    let given = world.given(0).remove(0);
    assert!(given.acknowledged.is_some());
    assert_eq!(given.rows, world.received(1)[0].rows);
    assert_eq!(world.received(1)[0].state, ShareState::Active);
}

#[test]
fn importing_the_same_twice_changes_nothing_and_writes_nothing() {
    let mut world = World::of(1);
    world.imports(0, 1, "2026-01");
    let before = world.nodes[0].disk.0.borrow().clone();
    let records = records(1, "2026-01");
    let count = records.len() as u64;
    match world.asks(0, Command::Record { records }).unwrap() {
        Done::Recorded {
            added: 0,
            unchanged,
            differing: 0,
        } => assert_eq!(unchanged, count),
        other => panic!("{other:?}"),
    }
    assert_eq!(*world.nodes[0].disk.0.borrow(), before);
}

#[test]
fn a_revoked_reader_keeps_what_they_had_and_gets_nothing_written_after() {
    let (mut world, share) = shared();
    let had = {
        let received = world.received(1).remove(0);
        world.rows(1, &received)
    };
    world.revokes(0, &share);
    world.imports(0, 2, "2026-01");
    world.imports(0, 2, "2026-02");
    world.settle();
    let received = world.received(1).remove(0);
    assert!(matches!(received.state, ShareState::Revoked { .. }));
    assert_eq!(world.rows(1, &received), had);
    let given = world.given(0).remove(0);
    assert!(matches!(given.state, ShareState::Revoked { .. }));
    assert!(given.end_acknowledged);
    // Nor can anything sealed afterwards be opened with what the reader's disk holds, though it
    // lies in parts that the reader could read.
    let (owner, reader) = (world.nodes[0].disk.clone(), world.nodes[1].disk.clone());
    let mut after = 0;
    for (at, bytes) in owner.scan(&entries_of(share.slice)).unwrap() {
        if reader.get(&at).unwrap().is_some() {
            continue;
        }
        let entry = UnverifiedEntry::decode(&bytes).unwrap();
        let prefix = entry.claimed();
        let key = layout::part_key(prefix.slice, prefix.part, prefix.generation);
        assert_eq!(
            reader.get(&key).unwrap(),
            None,
            "the reader can open {at:?}"
        );
        after += 1;
    }
    assert!(after > 0);
    let before = world.given(0).remove(0).rows;
    assert!(before > 0);
    assert!(matches!(
        world.asks(
            0,
            Command::ShareRevoke {
                share: share.id.to_string()
            }
        ),
        Err(CommandError::AlreadyEnded { .. })
    ));
}

#[test]
fn what_was_written_before_but_not_sent_is_withdrawn_with_the_share() {
    let (mut world, share) = shared();
    world.goes_away(1);
    world.imports(0, 2, "2026-02");
    world
        .asks(
            0,
            Command::ShareRevoke {
                share: "reader 1".to_owned(),
            },
        )
        .unwrap();
    let frames_before = world.nodes[0].sent_frames.len();
    world.comes_back(1);
    world.settle();
    assert!(matches!(
        world.received(1)[0].state,
        ShareState::Revoked { .. }
    ));
    let entries = world.nodes[0].sent_frames[frames_before..]
        .iter()
        .filter(|frame| {
            matches!(
                Frame::from_bytes(frame),
                Ok(Frame::Item {
                    item: Item::Entry(_),
                    ..
                })
            )
        });
    assert_eq!(entries.count(), 0, "an entry left after {}", share.id);
}

#[test]
fn a_reader_who_stays_is_not_disturbed_by_one_who_is_revoked() {
    let (mut world, share) = shared();
    let (_, link) = world.shares_from(0, 2, None);
    world.accepts(2, &link);
    world.settle();
    world.assert_same_view(0, 2);
    world.revokes(0, &share);
    world.imports(0, 2, "2026-01");
    world.imports(0, 3, "2026-04");
    world.settle();
    world.assert_same_view(0, 2);
    let (left, stays) = (world.received(1).remove(0), world.received(2).remove(0));
    assert!(left.rows < stays.rows);
}

#[test]
fn a_share_that_runs_out_ends_on_both_sides() {
    let (mut world, _) = shared();
    world.now = world.now.plus_millis(91 * DAY);
    world.settle();
    let before = world.received(1).remove(0);
    assert!(matches!(before.state, ShareState::Expired { .. }));
    assert!(matches!(
        world.given(0)[0].state,
        ShareState::Expired { .. }
    ));
    world.imports(0, 2, "2026-02");
    world.settle();
    assert_eq!(world.received(1)[0].rows, before.rows);
}

#[test]
fn a_share_from_a_month_on_gives_no_earlier_row_and_no_earlier_key() {
    let mut world = World::of(2);
    world.imports(0, 1, "2025-11");
    world.imports(0, 1, "2026-01");
    let from: Month = "2026-01".parse().unwrap();
    let (share, link) = world.shares_from(0, 1, Some(from));
    world.accepts(1, &link);
    world.settle();
    let received = world.received(1).remove(0);
    let mut held = world.rows(1, &received);
    let mut allowed = world.preview(0, Some(from));
    held.sort_by(|x, y| x.key.cmp(&y.key));
    allowed.sort_by(|x, y| x.key.cmp(&y.key));
    assert_eq!(held, allowed);
    assert!(held.len() < world.preview(0, None).len());
    for (key, _) in world.nodes[1]
        .disk
        .scan(&layout::keys_of(share.slice))
        .unwrap()
    {
        assert!(layout::part_in(&key).unwrap().0 >= from.ordinal());
    }
}

#[test]
fn crashes_of_either_side_lose_nothing_that_was_answered() {
    let (mut world, _) = shared();
    for round in 0..6 {
        world.imports(0, 10 + round, "2026-02");
        world.crashes(usize::try_from(round % 2).unwrap());
        world.deliver();
        world.crashes(usize::try_from(1 - round % 2).unwrap());
    }
    world.settle();
    world.assert_same_view(0, 1);
}

#[test]
fn a_reader_who_lost_everything_but_their_key_gets_it_again() {
    let (mut world, _) = shared();
    let link = {
        let card = world.card(0);
        let given = world.given(0).remove(0);
        ShareLink::new(
            card,
            given.id,
            given.slice,
            given.lens,
            given.until,
            given.to,
        )
        .unwrap()
    };
    world.goes_away(1);
    let authority = world.nodes[1].disk.get(layout::AUTHORITY).unwrap().unwrap();
    world.nodes[1].disk.0.borrow_mut().clear();
    world.nodes[1]
        .disk
        .apply(&[(layout::AUTHORITY.to_vec(), Some(authority))]);
    world.crashes(1);
    world.accepts(1, &link);
    world.settle();
    world.assert_same_view(0, 1);
}

#[test]
fn a_giver_whose_feed_went_back_in_time_numbers_a_new_one() {
    let (mut world, _) = shared();
    let old = world.nodes[0]
        .disk
        .get(&layout::feed(world.nodes[1].secrets.transport))
        .unwrap();
    world.imports(0, 2, "2026-02");
    world.settle();
    world.goes_away(0);
    let at = layout::feed(world.nodes[1].secrets.transport);
    world.nodes[0].disk.apply(&[(at, old)]);
    world.crashes(0);
    world.imports(0, 3, "2026-02");
    world.settle();
    world.assert_same_view(0, 1);
}

#[test]
fn a_stranger_is_closed_without_a_byte() {
    let (mut world, _) = shared();
    let before = world.nodes[0].sent_frames.len();
    let (me, peer) = (
        world.nodes[2].secrets.transport,
        world.nodes[0].secrets.transport,
    );
    world.dial(2, peer);
    assert_eq!(world.nodes[0].sent_frames.len(), before);
    assert!(
        world.wires.values().all(|(n, _)| *n != 2),
        "{me:?} still connected"
    );
}

#[test]
fn who_takes_a_link_that_is_not_theirs_is_told_so() {
    let mut world = World::of(3);
    world.imports(0, 1, "2026-01");
    let (_, link) = world.shares_from(0, 1, None);
    let result = world.asks(
        2,
        Command::ReceivedAccept {
            link,
            name: "giver".to_owned(),
        },
    );
    assert!(matches!(result, Err(CommandError::ForSomebodyElse { .. })));
}

#[test]
fn a_forged_link_to_the_right_person_gets_nothing() {
    let (mut world, share) = shared();
    // Zoé knows every id and address; she writes herself a link.
    let (card, to) = (world.card(0), world.nodes[2].secrets.person);
    let link = ShareLink::new(
        card,
        share.id,
        share.slice,
        LENS.to_owned(),
        share.until,
        to,
    )
    .unwrap();
    world.accepts(2, &link);
    let before = world.nodes[0].sent_frames.len();
    world.settle();
    assert_eq!(world.received(2)[0].state, ShareState::Pending);
    assert_eq!(world.received(2)[0].rows, 0);
    assert_eq!(
        world.nodes[0].sent_frames.len(),
        before,
        "something was said to a stranger"
    );
}

#[test]
fn hostile_frames_close_one_session_and_change_nothing() {
    let (mut world, _) = shared();
    let connection = *world.wires.iter().find(|(_, (n, _))| *n == 1).unwrap().0;
    let disk = world.nodes[0].disk.0.borrow().clone();
    let is_hello = |frame: &&Vec<u8>| matches!(Frame::from_bytes(frame), Ok(Frame::Hello(_)));
    let replayed = world.nodes[1].sent_frames.iter().find(is_hello);
    let replayed = replayed.expect("it said hello").clone();
    let hostile: Vec<Vec<u8>> = vec![
        vec![],
        vec![0xff; 64],
        replayed,
        Frame::Ack { position: u64::MAX }.to_bytes(),
        Frame::Item {
            position: 9_999,
            item: Item::Entry(vec![0; 300]),
        }
        .to_bytes(),
        Frame::Item {
            position: 9_999,
            item: Item::Parcel(vec![7; 3_000]),
        }
        .to_bytes(),
        Frame::Authority(vec![1, 2, 3]).to_bytes(),
    ];
    for frame in hostile {
        world.settle();
        let mine = world
            .wires
            .iter()
            .find(|(_, (other, _))| *other == 1)
            .map_or(connection, |(mine, _)| *mine);
        world.input(
            0,
            Input::Received {
                from: ConnectionId(mine),
                frame: &frame,
            },
        );
        assert!(
            matches!(
                world.nodes[0].events.last(),
                Some(Event::ContactOffline { .. })
            ),
            "a session survived {frame:?}"
        );
        let strip = |disk: &BTreeMap<Vec<u8>, Vec<u8>>| -> BTreeMap<Vec<u8>, Vec<u8>> {
            // Feeds note when a peer was last seen.
            disk.iter()
                .filter(|(k, _)| k[0] != b'f')
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect()
        };
        assert_eq!(strip(&world.nodes[0].disk.0.borrow()), strip(&disk));
    }
    world.settle();
    world.imports(0, 2, "2026-02");
    world.settle();
    world.assert_same_view(0, 1);
}

#[test]
fn what_left_is_journalled_with_whom_and_why() {
    let (mut world, share) = shared();
    let entries = world.sent(0);
    let rows: u64 = entries
        .iter()
        .filter_map(|entry| match entry.what {
            SentWhat::Rows { rows } => Some(rows),
            _ => None,
        })
        .sum();
    assert_eq!(rows, world.received(1)[0].rows);
    assert!(
        entries
            .iter()
            .all(|e| e.to == Some(share.to) && e.why.grant() == Some(share.id))
    );
    let entries = world.sent(1);
    assert!(entries.is_empty());
}

#[test]
fn entries_are_the_truth_and_documents_can_be_made_again_from_them() {
    let mut world = World::of(1);
    world.imports(0, 1, "2026-01");
    world.imports(0, 2, "2026-01");
    let node = &world.nodes[0];
    let mut changes: BTreeMap<_, Vec<Vec<u8>>> = BTreeMap::new();
    let keys = node.disk.scan(b"k").unwrap();
    for (at, bytes) in node.disk.scan(b"e").unwrap() {
        let entry = UnverifiedEntry::decode(&bytes).unwrap().assume_verified();
        let key = keys
            .iter()
            .map(|(_, key)| minicbor::decode::<maille_protocol::generation::PartKey>(key).unwrap());
        let key = key
            .into_iter()
            .find(|key| key.generation() == entry.generation())
            .unwrap();
        let body = entry
            .open(&key.key)
            .unwrap_or_else(|_| panic!("entry at {at:?}"));
        let content: DocumentsContent = content::unpack(&body.content).unwrap();
        for change in content.changes {
            changes
                .entry(change.document().unwrap())
                .or_default()
                .push(change.change.to_vec());
        }
    }
    assert!(!changes.is_empty());
    for (id, changes) in changes {
        let mut made = maille_schemas::document::Document::new(id, &[9; 32]);
        made.apply_changes(&changes).unwrap();
        let (kept, count) = node.home.document_records(id).unwrap();
        assert_eq!(made.records().0, kept);
        assert_eq!(made.change_count(), count);
    }
}

#[test]
fn a_command_that_is_refused_leaves_the_disk_as_it_was() {
    let (mut world, share) = shared();
    let before = world.nodes[0].disk.0.borrow().clone();
    let (with, now) = (world.card(1), world.now);
    let wish = |lens: &str, with: Card, until: Timestamp, name: &str| Command::ShareCreate {
        lens: lens.to_owned(),
        with,
        name: name.to_owned(),
        until,
        from: None,
        purpose: String::new(),
    };
    let later = now.plus_millis(DAY);
    let own = world.card(0);
    let refused = [
        wish("mobility.secret", with.clone(), later, "x"),
        wish(LENS, with.clone(), now, "x"),
        wish(LENS, with.clone(), now.plus_millis(400 * DAY), "x"),
        wish(LENS, with.clone(), later, "two\nlines"),
        wish(LENS, with, later, &"x".repeat(300)),
        wish(LENS, own, later, "x"),
        Command::ShareRevoke {
            share: share.slice.to_string(),
        },
        Command::ReceivedShow {
            share: "nobody".to_owned(),
        },
    ];
    for command in refused {
        assert!(world.asks(0, command.clone()).is_err(), "{command:?}");
        assert_eq!(*world.nodes[0].disk.0.borrow(), before, "{command:?}");
    }
}

#[test]
fn who_cannot_name_a_part_is_sent_no_entry_of_it() {
    let (mut world, share) = shared();
    world.goes_away(1);
    let keys = world.nodes[1]
        .disk
        .scan(&layout::keys_of(share.slice))
        .unwrap();
    for (key, _) in keys {
        world.nodes[1].disk.apply(&[(key, None)]);
    }
    world.imports(0, 2, "2026-01");
    let before = world.nodes[0].sent_frames.len();
    world.crashes(1);
    world.settle();
    assert!(world.nodes[0].home.is_connected(share.to));
    let entries = world.nodes[0].sent_frames[before..].iter().filter(|frame| {
        matches!(
            Frame::from_bytes(frame),
            Ok(Frame::Item {
                item: Item::Entry(_),
                ..
            })
        )
    });
    assert_eq!(entries.count(), 0);
}

#[test]
fn nothing_is_answered_or_sent_before_what_it_rests_on_is_durable() {
    let (mut world, _) = shared();
    let now = world.now;
    let node = &mut world.nodes[0];
    let command = Command::Record {
        records: records(5, "2026-02"),
    };
    node.home
        .handle(now, &mut node.rng, Input::Command(CommandId(7), command));
    let mut commits = Vec::new();
    while let Some(output) = node.home.poll_output() {
        match output {
            Output::Commit { id, batch } => commits.push((id, batch)),
            other => panic!("{other:?} before the commit"),
        }
    }
    // Reading what is not durable waits as well.
    node.home.handle(
        now,
        &mut node.rng,
        Input::Command(CommandId(8), Command::Status),
    );
    assert!(node.home.poll_output().is_none());
    assert_eq!(commits.len(), 1);
    let (id, batch) = commits.remove(0);
    node.disk.apply(&batch);
    node.home.handle(now, &mut node.rng, Input::Committed(id));
    let mut after = Vec::new();
    while let Some(output) = node.home.poll_output() {
        after.push(output);
    }
    for wanted in [7, 8] {
        assert!(after.iter().any(
            |output| matches!(output, Output::Finished { command, .. } if command.0 == wanted)
        ));
    }
}

#[test]
fn a_card_cannot_take_another_contacts_node_over() {
    let (mut world, _) = shared();
    let stolen = world.nodes[1].secrets.transport;
    let card = Card::new(
        world.nodes[2].secrets.person,
        stolen,
        vec!["/memory/2".to_owned()],
    )
    .unwrap();
    let refused = world.asks(0, world.wish(card));
    assert!(matches!(
        refused,
        Err(CommandError::OtherContactsNode { .. })
    ));
    world.imports(0, 2, "2026-02");
    world.settle();
    world.assert_same_view(0, 1);
}

#[test]
fn electricity_that_was_fed_into_the_grid_is_not_counted_as_drawn() {
    use maille_schemas::domain::energy::Flow;
    let mut world = World::of(1);
    let mut readings: Vec<Record> = records(1, "2026-01")
        .into_iter()
        .filter(|record| matches!(record, Record::Reading(_)))
        .collect();
    let half = readings.len() / 2;
    for record in &mut readings[half..] {
        if let Record::Reading(reading) = record {
            reading.flow = Flow::Produced;
        }
    }
    world
        .asks(0, Command::Record { records: readings })
        .unwrap();
    let factors = maille_schemas::factors::FactorSetId::BaseCarboneV22;
    let Ok(Done::Footprint { electricity, .. }) = world.asks(0, Command::Footprint { factors })
    else {
        panic!("no footprint")
    };
    let counted: u64 = electricity.values().map(|month| month.readings).sum();
    assert_eq!(counted, half as u64);
}

#[test]
fn a_card_names_no_address_that_is_no_place_to_go_to() {
    let mut world = World::of(1);
    let listening = [
        "/ip4/0.0.0.0/tcp/4001",
        "/ip6/::/tcp/4001",
        "/ip4/192.168.1.10/tcp/4001",
    ];
    let listening = listening.map(str::to_owned).to_vec();
    world.input(0, Input::Listening(listening));
    assert_eq!(world.card(0).addresses, ["/ip4/192.168.1.10/tcp/4001"]);
}
