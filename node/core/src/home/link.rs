//! Sessions with contacts: who is dialled when, what may leave, what has arrived.
//!
//! | session | event | outcome |
//! |---|---|---|
//! | - | connected to a contact | a second session with the same contact is settled by one rule on both ends; the dialler says hello |
//! | waiting | hello | cursor and addresses taken in; our hello (acceptor), authority if theirs of ours is old, our names; the feed flows |
//! | open | names, ack | the feed flows on |
//! | open | item | taken in; acknowledged once durable |
//! | any | violation | closed; that contact is not dialled for a while |
//!
//! **Invariants.** All that leaves goes through [`Home::pump`], which writes the journal first.

use maille_protocol::entry::UnverifiedEntry;
use maille_protocol::generation::{AccessKey, PartKey};
use maille_protocol::grant::SignedGrant;
use maille_protocol::id::{GrantId, PersonId, TransportId};
use maille_protocol::sync::{Cursor, FeedId, Frame, Greeting, Hello, Item, Received, Session};
use maille_protocol::time::Timestamp;
use rand_core::CryptoRng;

use super::Home;
use super::received::{Refused, held_hash};
use crate::io::{ConnectionId, Event, Output, Role, Store};
use crate::layout;
use crate::state::{Contact, Due, DueWhat, Feed, Given, Sent, SentKind};
use crate::view::{ReadError, damaged};

/// First and longest pause between dials. Short enough that a person who opens the laptop sees
/// things move, long enough that a contact who is away costs nothing.
const DIAL_PAUSE_MS: u64 = 500;
const DIAL_PAUSE_MS_MAX: u64 = 60_000;

/// How long a contact is left alone after a violation.
const VIOLATION_PAUSE_MS: u64 = 60_000;

/// Most frames made ready per session and input, so that one contact cannot starve the rest.
const FRAMES_PER_PUMP_MAX: usize = 64;

/// A session with a contact.
pub(super) struct Live {
    person: PersonId,
    dialler: TransportId,
    role: Role,
    session: Session,
    /// Something may be able to leave.
    ready: bool,
}

/// When to dial a contact next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dial {
    at: Timestamp,
    failures: u32,
    under_way: bool,
}

impl Dial {
    pub(super) fn due(at: Timestamp) -> Self {
        Self {
            at,
            failures: 0,
            under_way: false,
        }
    }
}

pub(super) fn new_feed(rng: &mut impl CryptoRng) -> Feed {
    let mut id = [0; 16];
    rng.fill_bytes(&mut id);
    Feed {
        id: FeedId(id),
        next: 1,
        acked: 0,
        acked_at: None,
        cursor: Cursor::default(),
        last_seen: None,
    }
}

impl<S: Store> Home<S> {
    pub(super) fn connected(
        &mut self,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
        peer: TransportId,
        role: Role,
    ) {
        let Ok(Some(person)) = self.view.read::<PersonId>(&layout::by_transport(peer)) else {
            // A stranger learns nothing, not even that there is something to know.
            self.effects.push(Output::Close { connection });
            return;
        };
        let dialler = match role {
            Role::Dialler => self.me.secrets.transport,
            Role::Acceptor => peer,
        };
        if let Some(other) = self.session_of(person) {
            let older = &self.sessions[&other];
            // Both ends keep the session of the lesser dialler; of two by the same, the newer.
            if older.dialler < dialler {
                self.effects.push(Output::Close { connection });
                return;
            }
            self.sessions.remove(&other);
            self.effects.push(Output::Close { connection: other });
        }
        let session = Session::new(self.me.secrets.transport, peer, rng);
        let live = Live {
            person,
            dialler,
            role,
            session,
            ready: false,
        };
        self.sessions.insert(connection, live);
        if let Some(dial) = self.dials.get_mut(&person) {
            dial.under_way = false;
        }
        if role == Role::Dialler && self.say_hello(connection, person).is_err() {
            self.close(connection);
        }
    }

    fn say_hello(&mut self, connection: ConnectionId, person: PersonId) -> Result<(), ReadError> {
        let at = layout::feed(person);
        let feed = self.feed(person)?.ok_or_else(|| damaged(&at))?;
        let contact = self.contact(person)?.ok_or_else(|| damaged(&at))?;
        let greeting = Greeting {
            person: self.me.person,
            addresses: self.card().addresses,
            feed: feed.id,
            cursor: feed.cursor,
            authority: self.me.authority_hash,
            authority_held: held_hash(&contact),
        };
        let Some(live) = self.sessions.get(&connection) else {
            return Ok(());
        };
        let frame = live.session.hello(greeting);
        self.send(connection, &frame);
        Ok(())
    }

    pub(super) fn frame(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
        bytes: &[u8],
    ) {
        let Some(live) = self.sessions.get_mut(&connection) else {
            return;
        };
        let person = live.person;
        let outcome = match live.session.receive(bytes) {
            Ok(received) => self.received_frame(now, rng, connection, person, received),
            Err(violation) => Err(Refused::Peer(violation.to_string())),
        };
        match outcome {
            Ok(()) => {}
            Err(Refused::Peer(what)) => {
                self.view.roll_back();
                self.effects.clear();
                if let Ok(Some(contact)) = self.contact(person) {
                    self.event(Event::Violation {
                        peer: contact.transport,
                        what,
                    });
                }
                self.close(connection);
                let at = now.plus_millis(VIOLATION_PAUSE_MS);
                self.dials.insert(
                    person,
                    Dial {
                        at,
                        failures: 0,
                        under_way: false,
                    },
                );
            }
            Err(Refused::Read(_)) => {
                self.view.roll_back();
                self.effects.clear();
                self.close(connection);
            }
        }
    }

    fn received_frame(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
        person: PersonId,
        received: Received,
    ) -> Result<(), Refused> {
        let at = layout::contact(person);
        let mut contact = self.contact(person)?.ok_or_else(|| damaged(&at))?;
        match received {
            Received::Hello(hello) => self.hello(now, rng, connection, &mut contact, hello),
            Received::Authority(bytes) => {
                self.take_authority(&mut contact, &bytes)?;
                self.feed_shares_of(rng, &contact)?;
                self.make_ready(connection);
                Ok(())
            }
            Received::Names => {
                self.make_ready(connection);
                Ok(())
            }
            Received::Item { position, item } => {
                self.item(now, connection, &contact, position, item)
            }
            Received::Ack { position } => self.acked(now, connection, person, position),
        }
    }

    fn hello(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
        contact: &mut Contact,
        hello: Hello,
    ) -> Result<(), Refused> {
        if hello.person != contact.person {
            return Err(Refused::Peer("a hello in another person's name".to_owned()));
        }
        if !hello.addresses.is_empty() && hello.addresses != contact.addresses {
            contact.addresses.clone_from(&hello.addresses);
            self.view.write(layout::contact(contact.person), contact);
        }
        let at = layout::feed(contact.person);
        let mut feed = self.feed(contact.person)?.ok_or_else(|| damaged(&at))?;
        feed.last_seen = Some(now);
        if feed.cursor.feed != hello.feed {
            feed.cursor = Cursor {
                feed: hello.feed,
                position: 0,
            };
        }
        // They hold a place in our feed that we can go on from, or nothing of a feed that is whole.
        let same = hello.cursor.feed == feed.id;
        let place = if same { hello.cursor.position } else { 0 };
        let resumes = place >= feed.acked && place < feed.next;
        if resumes {
            self.drop_acked(contact.person, &mut feed, place, now);
        }
        self.view.write(at, &feed);
        let role = self.sessions.get(&connection).map(|live| live.role);
        if role == Some(Role::Acceptor) {
            if !resumes {
                feed = self.renumber(now, rng, contact)?;
            }
            self.say_hello(connection, contact.person)?;
        } else if !resumes {
            // Our hello named the old numbering; a new session names the new one.
            self.renumber(now, rng, contact)?;
            self.close(connection);
            self.dials
                .insert(contact.person, Dial::due(now.plus_millis(DIAL_PAUSE_MS)));
            return Ok(());
        }
        if hello.authority_held != self.me.authority_hash {
            let authority = Frame::Authority(self.me.authority.to_bytes());
            self.send(connection, &authority);
        }
        let out = if resumes { place } else { 0 };
        if let Some(live) = self.sessions.get_mut(&connection) {
            live.session.start_feeds(feed.cursor.position, out);
            live.ready = true;
        }
        let keys = self.access_keys_from(contact.person)?;
        self.show_names(connection, &keys);
        if let Some(dial) = self.dials.get_mut(&contact.person) {
            dial.failures = 0;
        }
        self.event(Event::ContactOnline {
            person: contact.person,
        });
        // Their authority may be known already, with shares not fed yet.
        Ok(self.feed_shares_of(rng, contact)?)
    }

    /// Starts a contact's feed again from nothing, under a new id: everything that their live
    /// shares owe them is due once more.
    fn renumber(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        contact: &Contact,
    ) -> Result<Feed, Refused> {
        let at = layout::feed(contact.person);
        let old = self.feed(contact.person)?.ok_or_else(|| damaged(&at))?;
        for (key, _) in self.view.scan(&layout::feed_items(contact.person))? {
            self.view.delete(key);
        }
        let feed = Feed {
            cursor: old.cursor,
            last_seen: Some(now),
            ..new_feed(rng)
        };
        self.view.write(at, &feed);
        for (key, given) in self.view.scan_read::<Given>(layout::GIVEN)? {
            let grant = SignedGrant::decode(&given.grant).map_err(|_| damaged(&key))?;
            if grant.unverified().audience == contact.person {
                let given = Given {
                    fed: false,
                    last_position: 0,
                    end_position: None,
                    ..given
                };
                self.view.write(key, &given);
            }
        }
        Ok(feed)
    }

    fn show_names(&mut self, connection: ConnectionId, keys: &[AccessKey]) {
        let Some(live) = self.sessions.get(&connection) else {
            return;
        };
        for frame in live.session.names(keys.iter()) {
            self.send(connection, &frame);
        }
    }

    fn item(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        contact: &Contact,
        position: u64,
        item: Item,
    ) -> Result<(), Refused> {
        match item {
            Item::Parcel(bytes) => {
                let keys = self.take_parcel(now, contact, &bytes)?;
                self.show_names(connection, &keys);
            }
            Item::Entry(bytes) => self.take_entry(now, contact, &bytes)?,
            Item::Withdrawn => {}
        }
        let at = layout::feed(contact.person);
        let mut feed = self.feed(contact.person)?.ok_or_else(|| damaged(&at))?;
        feed.cursor.position = position;
        feed.last_seen = Some(now);
        self.view.write(at, &feed);
        self.send(connection, &Frame::Ack { position });
        Ok(())
    }

    fn acked(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        person: PersonId,
        position: u64,
    ) -> Result<(), Refused> {
        let at = layout::feed(person);
        let mut feed = self.feed(person)?.ok_or_else(|| damaged(&at))?;
        feed.last_seen = Some(now);
        self.drop_acked(person, &mut feed, position, now);
        self.view.write(at, &feed);
        if feed.is_drained() {
            self.event(Event::Delivered { person });
        }
        self.make_ready(connection);
        Ok(())
    }

    fn drop_acked(&mut self, person: PersonId, feed: &mut Feed, position: u64, now: Timestamp) {
        for gone in feed.acked + 1..=position.min(feed.next - 1) {
            self.view.delete(layout::feed_item(person, gone));
        }
        if position > feed.acked {
            feed.acked = position.min(feed.next - 1);
            feed.acked_at = Some(now);
        }
    }

    fn make_ready(&mut self, connection: ConnectionId) {
        if let Some(live) = self.sessions.get_mut(&connection) {
            live.ready = true;
        }
    }

    /// Lets flow what may leave, in every session.
    pub(super) fn pump_all(&mut self, now: Timestamp) {
        let connections: Vec<ConnectionId> = self.sessions.keys().copied().collect();
        for connection in connections {
            if self.pump(now, connection).is_err() {
                self.close(connection);
            }
        }
    }

    /// The one place through which feeds leave: checks that each thing may still be given and
    /// that the peer is entitled to it, journals it, and only then sends.
    fn pump(&mut self, now: Timestamp, connection: ConnectionId) -> Result<(), ReadError> {
        let Some(mut live) = self.sessions.remove(&connection) else {
            return Ok(());
        };
        let outcome = self.pump_session(now, connection, &mut live);
        self.sessions.insert(connection, live);
        outcome
    }

    fn pump_session(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        live: &mut Live,
    ) -> Result<(), ReadError> {
        if !live.session.is_open() {
            return Ok(());
        }
        let Some(feed) = self.feed(live.person)? else {
            return Ok(());
        };
        if !live.ready && live.session.position_out() + 1 >= feed.next {
            return Ok(());
        }
        live.ready = false;
        let mut journal: Vec<Sent> = Vec::new();
        for _ in 0..FRAMES_PER_PUMP_MAX {
            let position = live.session.position_out() + 1;
            if position >= feed.next {
                break;
            }
            let at = layout::feed_item(live.person, position);
            let due: Due = self.view.read(&at)?.ok_or_else(|| damaged(&at))?;
            let Some((item, kind, rows)) = self.may_leave(now, live, &due)? else {
                break;
            };
            if !live.session.has_credit(item.len()) {
                break;
            }
            if let Some(kind) = kind {
                note(
                    &mut journal,
                    now,
                    live.person,
                    due.grant,
                    kind,
                    rows,
                    item.len() as u64,
                );
            }
            let frame = live.session.send(position, item);
            self.send(connection, &frame);
        }
        self.write_journal(&journal)
    }

    /// What stands for a due thing now: itself, or a withdrawal when its grant has ended, or
    /// nothing while the peer has not named the generation.
    fn may_leave(
        &self,
        now: Timestamp,
        live: &Live,
        due: &Due,
    ) -> Result<Option<(Item, Option<SentKind>, u64)>, ReadError> {
        if let DueWhat::End(parcel) = &due.what {
            return Ok(Some((
                Item::Parcel(parcel.to_vec()),
                Some(SentKind::End),
                0,
            )));
        }
        if !self.given_of(due.grant)?.is_live(now) {
            return Ok(Some((Item::Withdrawn, None, 0)));
        }
        match &due.what {
            DueWhat::Grant(parcel) => Ok(Some((
                Item::Parcel(parcel.to_vec()),
                Some(SentKind::Grant),
                0,
            ))),
            DueWhat::Keys(parcel) => Ok(Some((
                Item::Parcel(parcel.to_vec()),
                Some(SentKind::Keys),
                0,
            ))),
            DueWhat::Entry { key, rows } => {
                let bytes = self.view.get(key)?.ok_or_else(|| damaged(key))?;
                let entry = UnverifiedEntry::decode(&bytes).map_err(|_| damaged(key))?;
                let prefix = entry.claimed();
                let at = layout::part_key(prefix.slice, prefix.part, prefix.generation);
                let held: PartKey = self.view.read(&at)?.ok_or_else(|| damaged(&at))?;
                if !live.session.peer_named(&held.key.access()) {
                    return Ok(None);
                }
                Ok(Some((
                    Item::Entry(bytes),
                    Some(SentKind::Rows),
                    u64::from(*rows),
                )))
            }
            DueWhat::End(_) => Ok(None),
        }
    }

    fn write_journal(&mut self, lines: &[Sent]) -> Result<(), ReadError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut next: u64 = self.view.read(layout::SENT_NEXT)?.unwrap_or(0);
        for line in lines {
            self.view.write(layout::sent(next), line);
            next += 1;
        }
        self.view.write(layout::SENT_NEXT.to_vec(), &next);
        Ok(())
    }

    pub(super) fn disconnected(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
    ) {
        if let Some(live) = self.sessions.remove(&connection) {
            self.event(Event::ContactOffline {
                person: live.person,
            });
            self.dial_later(now, rng, live.person);
        }
    }

    pub(super) fn dial_failed(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        peer: TransportId,
    ) {
        if let Ok(Some(person)) = self.view.read::<PersonId>(&layout::by_transport(peer)) {
            self.dial_later(now, rng, person);
        }
    }

    fn dial_later(&mut self, now: Timestamp, rng: &mut impl CryptoRng, person: PersonId) {
        let Some(dial) = self.dials.get_mut(&person) else {
            return;
        };
        let pause = (DIAL_PAUSE_MS << dial.failures.min(20)).min(DIAL_PAUSE_MS_MAX);
        // Half again at random, so that two nodes that lost each other do not dial in step.
        let pause = pause + u64::from(rng.next_u32()) % (pause / 2);
        *dial = Dial {
            at: dial.at.max(now.plus_millis(pause)),
            failures: dial.failures.saturating_add(1),
            under_way: false,
        };
    }

    pub(super) fn dial_soon(&mut self, now: Timestamp) {
        for dial in self.dials.values_mut() {
            *dial = Dial::due(now);
        }
    }

    pub(super) fn dial_due(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        if self.listening.is_none() {
            return;
        }
        let due: Vec<PersonId> = self
            .dials
            .iter()
            .filter(|(person, dial)| {
                !dial.under_way && dial.at <= now && self.session_of(**person).is_none()
            })
            .map(|(person, _)| *person)
            .collect();
        for person in due {
            match self.contact(person) {
                Ok(Some(contact)) if !contact.addresses.is_empty() => {
                    if let Some(dial) = self.dials.get_mut(&person) {
                        dial.under_way = true;
                    }
                    self.effects.push(Output::Dial {
                        peer: contact.transport,
                        addresses: contact.addresses,
                    });
                }
                _ => self.dial_later(now, rng, person),
            }
        }
    }

    /// When the next dial is due.
    pub(super) fn next_dial(&self) -> Option<Timestamp> {
        self.listening.as_ref()?;
        self.dials
            .iter()
            .filter(|(person, dial)| !dial.under_way && self.session_of(**person).is_none())
            .map(|(_, dial)| dial.at)
            .min()
    }

    pub(super) fn session_of(&self, person: PersonId) -> Option<ConnectionId> {
        self.sessions
            .iter()
            .find(|(_, live)| live.person == person)
            .map(|(id, _)| *id)
    }

    fn send(&mut self, to: ConnectionId, frame: &Frame) {
        self.effects.push(Output::Send {
            to,
            frame: frame.to_bytes(),
        });
    }

    fn close(&mut self, connection: ConnectionId) {
        if let Some(live) = self.sessions.remove(&connection) {
            self.event(Event::ContactOffline {
                person: live.person,
            });
        }
        self.effects.push(Output::Close { connection });
    }
}

/// Adds to the journal; things of one kind under one grant that leave together are one line.
fn note(
    journal: &mut Vec<Sent>,
    at: Timestamp,
    to: PersonId,
    grant: GrantId,
    what: SentKind,
    rows: u64,
    bytes: u64,
) {
    match journal.last_mut() {
        Some(line) if line.grant == grant && line.what == what => {
            line.rows += rows;
            line.bytes += bytes;
        }
        _ => journal.push(Sent {
            at,
            to,
            grant,
            what,
            rows,
            bytes,
        }),
    }
}
