//! A node that is a relay: it keeps mailboxes for whoever holds a code of it, and can read none of them.
//!
//! | what comes | outcome |
//! |---|---|
//! | a visit that shows a code, or names a mailbox that is here | answered with what is here of those it names; all after the visitor's places is sent, and then what comes |
//! | any other visit | the connection is closed without a byte |
//! | a mailbox, how its carrier is to know it, a ticket, an entry | taken in by the rules of `maille_protocol::control` and within the room of the code; answered once durable |
//! | an acknowledgement | more may be sent |
//! | anything else | closed |
//!
//! **Invariants.** What is kept of a mailbox was put by who holds its keys. A code's mailboxes never have more than its
//! room. Nothing here opens anything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use maille_protocol::control::{Carrier, Control, Refusal, Ticket, UnverifiedControl, entry_cost};
use maille_protocol::entry::{LogId, LogTip, UnverifiedEntry};
use maille_protocol::generation::AccessKey;
use maille_protocol::id::{SliceId, TransportId};
use maille_protocol::relay::{
    self, Called, CodeId, Found, Put, PutDone, RelayCode, Stored, Visit, Visited, WhyNotPut,
};
use maille_protocol::signed::Signed;
use maille_protocol::slice::ContentKind;
use maille_protocol::statement::{Kind, SignedStatement};
use maille_protocol::sync::{CREDIT_BYTES, Cursor, FeedId, Frame, Name};
use maille_protocol::time::{DAY_MS, Timestamp};
use rand_core::CryptoRng;

use super::Home;
use super::taking::{Refused, theirs};
use crate::command::{CommandError, Done, RoomShown};
use crate::io::{ConnectionId, Event, Output, Store};
use crate::layout;
use crate::state::{MailboxRecord, Room};
use crate::view::{ReadError, damaged};

/// Most visitors at a time.
const VISITORS_MAX: usize = 1_024;
/// Most mailboxes of one code: a rotation makes another, and who was away for years still finds a way.
const MAILBOXES_PER_CODE_MAX: u32 = 256;
/// Most codes that are open.
const ROOMS_MAX: usize = 64;
/// What a mailbox costs of its code's room besides its entries and tickets, bytes.
const MAILBOX_BYTES: u64 = 4_096;
/// What a ticket costs, bytes.
const TICKET_BYTES: u64 = 320;
/// Days after a code's end in which what lies there can still be fetched.
const DAYS_AFTER: u64 = 30;
/// Most mailboxes that a visitor may name in one visit, with all that it adds.
const NAMED_MAX: usize = 1_024;
/// Longest a code may be good for, days.
const CODE_DAYS_MAX: u32 = 3_660;
/// A mailbox whose room has less left may be moved to another code's, bytes: the longest entry, and a little.
const ROOM_LEFT_BYTES: u64 = 300_000;
/// Longest control of a mailbox: some hundred devices, bytes.
const CONTROL_BYTES_MAX: usize = 256 * 1024;
/// Least room of a code, bytes.
const ROOM_BYTES_MIN: u64 = 1 << 20;
/// Most frames made ready for one visitor at a time.
const FRAMES_MAX: usize = 64;

/// Mailboxes and visitors, in memory. All but the visitors can be made again from the store.
#[derive(Default)]
pub(super) struct Relay {
    loaded: bool,
    mailboxes: BTreeMap<SliceId, Held>,
    visitors: BTreeMap<ConnectionId, Visitor>,
}

/// A mailbox in memory.
struct Held {
    record: MailboxRecord,
    control: Control,
    carrier: Carrier,
    tips: BTreeMap<LogId, LogTip>,
}

/// A node that has come.
struct Visitor {
    peer: TransportId,
    /// Codes that it has shown.
    codes: BTreeSet<CodeId>,
    /// Mailboxes that it has named, with the position that it is sent next.
    named: BTreeMap<Name, (SliceId, u64)>,
    /// Those that it has named and that are not here yet.
    looked_for: BTreeSet<Name>,
    /// The last number that it put something under.
    put: u64,
    /// The last number that something was sent to it under.
    sent: u64,
    under_way: VecDeque<(u64, usize)>,
    under_way_bytes: usize,
}

impl Relay {
    pub(super) fn is_visitor(&self, connection: &ConnectionId) -> bool {
        self.visitors.contains_key(connection)
    }

    pub(super) fn gone(&mut self, connection: ConnectionId) {
        self.visitors.remove(&connection);
    }

    /// What is in memory may not be what is in the store.
    pub(super) fn forget(&mut self) {
        self.mailboxes.clear();
        self.loaded = false;
    }
}

impl Room {
    fn is_open(&self, now: Timestamp) -> bool {
        self.code.until > now
    }

    /// Whether what lies there may be dropped.
    fn is_over(&self, now: Timestamp) -> bool {
        self.code.until.plus_millis(DAYS_AFTER * DAY_MS) <= now
    }

    fn shown(&self, now: Timestamp) -> RoomShown {
        RoomShown {
            code: self.code.clone(),
            created: self.created,
            used: self.used,
            mailboxes: self.mailboxes,
            open: self.is_open(now),
        }
    }
}

impl<S: Store> Home<S> {
    /// Makes a code for room at this node.
    pub(super) fn relay_offer(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (bytes, until): (u64, Timestamp),
    ) -> Result<Done, CommandError> {
        super::check_end(until, now, CODE_DAYS_MAX)?;
        if bytes < ROOM_BYTES_MIN {
            return Err(CommandError::TooLittleRoom {
                min: ROOM_BYTES_MIN,
            });
        }
        if self.rooms()?.len() >= ROOMS_MAX {
            return Err(CommandError::TooMany {
                what: "relay codes".to_owned(),
                max: ROOMS_MAX as u64,
            });
        }
        let mut secret = [0; 16];
        rng.fill_bytes(&mut secret);
        let card = self.card();
        let code = RelayCode {
            version: maille_protocol::wire::V1,
            secret,
            relay: card.transport,
            addresses: card.addresses,
            bytes,
            until,
        };
        let room = Room {
            code,
            created: now,
            used: 0,
            mailboxes: 0,
        };
        self.view.write(layout::room(room.code.id()), &room);
        Ok(Done::RelayOffered {
            room: room.shown(now),
        })
    }

    /// The codes of this node, and how much lies under each.
    pub(super) fn relay_rooms(&mut self, now: Timestamp) -> Result<Done, CommandError> {
        let mut rooms: Vec<RoomShown> =
            (self.rooms()?.iter()).map(|room| room.shown(now)).collect();
        rooms.sort_by_key(|room| room.created);
        Ok(Done::RelayRooms { rooms })
    }

    /// Takes a code back: what lies under it is dropped at once.
    pub(super) fn relay_end(&mut self, now: Timestamp, typed: &str) -> Result<Done, CommandError> {
        let found: Vec<Room> = (self.rooms()?.into_iter())
            .filter(|room| {
                room.code.to_string() == typed.trim() || is_begun_by(&room.code.id(), typed)
            })
            .collect();
        let [room] = &found[..] else {
            return Err(CommandError::UnknownRelayCode {
                relay: typed.to_owned(),
            });
        };
        let shown = RoomShown {
            open: false,
            ..room.shown(now)
        };
        self.load_mailboxes(now)?;
        self.drop_room(room)?;
        Ok(Done::RelayEnded { room: shown })
    }

    fn rooms(&self) -> Result<Vec<Room>, ReadError> {
        let all = self.view.scan_read::<Room>(layout::ROOMS)?.into_iter();
        Ok(all.map(|(_, room)| room).collect())
    }

    fn drop_room(&mut self, room: &Room) -> Result<(), ReadError> {
        let code = room.code.id();
        let gone: Vec<SliceId> = (self.relay.mailboxes.iter())
            .filter(|(_, held)| held.record.code == code)
            .map(|(slice, _)| *slice)
            .collect();
        for slice in gone {
            for prefix in [
                layout::mailbox_tickets(slice),
                layout::mailbox_entries(slice),
                layout::mailbox(slice),
            ] {
                for (key, _) in self.view.scan(&prefix)? {
                    self.view.delete(key);
                }
            }
            self.relay.mailboxes.remove(&slice);
            for visitor in self.relay.visitors.values_mut() {
                visitor.named.retain(|_, (of, _)| *of != slice);
            }
        }
        self.view.delete(layout::room(code));
        Ok(())
    }

    /// Mailboxes, in memory; those whose time is over are dropped.
    fn load_mailboxes(&mut self, now: Timestamp) -> Result<(), ReadError> {
        if !self.relay.loaded {
            for (_, record) in self.view.scan_read::<MailboxRecord>(layout::MAILBOXES)? {
                // One that cannot be read takes nothing from the others.
                let Some(held) = self.load_mailbox(&record) else {
                    continue;
                };
                let held = held?;
                self.relay.mailboxes.insert(held.control.id(), held);
            }
            self.relay.loaded = true;
        }
        for room in self.rooms()? {
            if room.is_over(now) {
                self.drop_room(&room)?;
            }
        }
        Ok(())
    }

    fn load_mailbox(&self, record: &MailboxRecord) -> Option<Result<Held, ReadError>> {
        let control = UnverifiedControl::decode(&record.control).ok()?;
        let slice = control.claimed_slice();
        let control = control.verified_before(slice).ok()?;
        let mut held = Held {
            record: record.clone(),
            control,
            carrier: Carrier::default(),
            tips: BTreeMap::new(),
        };
        let tickets = match self.view.scan(&layout::mailbox_tickets(slice)) {
            Ok(tickets) => tickets,
            Err(error) => return Some(Err(error)),
        };
        for (_, bytes) in tickets {
            let ticket = Signed::<Ticket>::decode(&bytes).ok()?;
            // What was said since may refuse it: what is here stays.
            let _ = held.carrier.open(&held.control, &ticket);
        }
        let entries = match self.view.scan(&layout::mailbox_entries(slice)) {
            Ok(entries) => entries,
            Err(error) => return Some(Err(error)),
        };
        for (_, bytes) in entries {
            let entry = UnverifiedEntry::decode(&bytes).ok()?.assume_verified();
            let _ = held.carrier.take(&held.control, entry.header());
            held.tips.insert(entry.log(), entry.tip_after());
        }
        Some(Ok(held))
    }

    /// A node that is not in a session comes.
    pub(super) fn came_as_visitor(
        &mut self,
        now: Timestamp,
        (connection, peer): (ConnectionId, TransportId),
        visit: &Visit,
    ) {
        match self.visited(now, (connection, peer), visit) {
            Ok(true) => {
                self.strangers.remove(&connection);
            }
            outcome => {
                if let Err(refused) = outcome {
                    self.take_back();
                    if !matches!(refused, Refused::Peer(_)) {
                        self.relay.forget();
                    }
                }
                self.relay.gone(connection);
                self.drop_stranger(connection);
            }
        }
    }

    /// A node comes, or a visitor names more. Returns whether it may stay.
    pub(super) fn visited(
        &mut self,
        now: Timestamp,
        (connection, peer): (ConnectionId, TransportId),
        visit: &Visit,
    ) -> Result<bool, Refused> {
        self.load_mailboxes(now)?;
        let mut codes = BTreeSet::new();
        for shown in &visit.codes {
            let room = self.view.read::<Room>(&layout::room(shown.id))?;
            if room.is_some_and(|room| room.is_open(now) && room.code.is_shown_by(shown, &peer)) {
                codes.insert(shown.id);
            }
        }
        let me = self.me.secrets.transport;
        let wanted: BTreeMap<Name, usize> = (visit.mailboxes.iter().enumerate())
            .map(|(place, called)| (called.name, place))
            .collect();
        let mut found = BTreeMap::new();
        for (slice, held) in &self.relay.mailboxes {
            let access = AccessKey::new(held.record.access.clone());
            let name = relay::name_of(&access, &peer, &me);
            if let Some(place) = wanted.get(&name) {
                found.insert(*place, (*slice, held));
            }
        }
        if codes.is_empty() && found.is_empty() && !self.relay.is_visitor(&connection) {
            return Ok(false);
        }
        let mut answer = Vec::new();
        let mut named = Vec::new();
        for (place, (slice, held)) in found {
            let called = &visit.mailboxes[place];
            let start = self.start_for(slice, held, called)?;
            named.push((called.name, (slice, start + 1)));
            answer.push(Found {
                name: called.name,
                feed: held.record.feed,
                start,
                end: held.record.next - 1,
                next_seq: held.tips.get(&called.log).map_or(0, |tip| tip.next_seq),
            });
        }
        if !self.relay.is_visitor(&connection) {
            // A node visits once: what it had open before is gone at its end.
            let before: Vec<ConnectionId> = (self.relay.visitors.iter())
                .filter(|(_, visitor)| visitor.peer == peer)
                .map(|(connection, _)| *connection)
                .collect();
            for connection in before {
                self.relay.gone(connection);
                self.effects.push(Output::Close { connection });
            }
            if self.relay.visitors.len() >= VISITORS_MAX {
                return Ok(false);
            }
            self.relay.visitors.insert(connection, Visitor::new(peer));
        }
        let Some(visitor) = self.relay.visitors.get_mut(&connection) else {
            return Ok(false);
        };
        visitor.codes.extend(codes);
        visitor.named.extend(named);
        let names = visit.mailboxes.iter().map(|called| called.name);
        for name in names {
            if visitor.looked_for.len() < NAMED_MAX && !visitor.named.contains_key(&name) {
                visitor.looked_for.insert(name);
            }
        }
        self.send(
            connection,
            &Frame::Visited(Visited {
                found: answer,
                later: false,
            }),
        );
        Ok(true)
    }

    /// After which entry a visitor goes on: its place, if what is there is what it has; else from the beginning.
    fn start_for(&self, slice: SliceId, held: &Held, called: &Called) -> Result<u64, ReadError> {
        let Cursor { feed, position } = called.cursor;
        if feed != held.record.feed || position == 0 || position >= held.record.next {
            return Ok(0);
        }
        let at = layout::mailbox_entry(slice, position);
        let entry = self.view.get(&at)?.ok_or_else(|| damaged(&at))?;
        let entry = UnverifiedEntry::decode(&entry).map_err(|_| damaged(&at))?;
        let same = entry.assume_verified().header_hash() == called.last;
        Ok(if same { position } else { 0 })
    }

    /// A visitor says something. What it may not ends the visit.
    pub(super) fn visitor_says(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
        bytes: &[u8],
    ) {
        let Some(peer) = self.relay.visitors.get(&connection).map(|it| it.peer) else {
            return;
        };
        let outcome = match Frame::from_bytes(bytes) {
            Ok(Frame::Visit(visit)) => (self.visited(now, (connection, peer), &visit)).map(|_| ()),
            Ok(Frame::Put { number, name, what }) => {
                self.put(now, rng, connection, (number, name, what))
            }
            Ok(Frame::Ack { position }) => self.visitor_has(connection, position),
            Ok(_) => Err(theirs("a frame that no visitor says")),
            Err(error) => Err(theirs(error)),
        };
        if let Err(refused) = outcome {
            self.take_back();
            if !matches!(refused, Refused::Peer(_)) {
                self.relay.forget(); // what was refused changed nothing
            }
            if let Refused::Peer(what) = refused {
                self.event(Event::Violation { peer, what });
            }
            self.relay.gone(connection);
            self.effects.push(Output::Close { connection });
        }
    }

    fn visitor_has(&mut self, connection: ConnectionId, number: u64) -> Result<(), Refused> {
        let Some(visitor) = self.relay.visitors.get_mut(&connection) else {
            return Ok(());
        };
        if number > visitor.sent {
            return Err(theirs("acknowledged what was never sent"));
        }
        while let Some((sent, bytes)) = visitor.under_way.front().copied()
            && sent <= number
        {
            visitor.under_way.pop_front();
            visitor.under_way_bytes -= bytes;
        }
        Ok(())
    }

    fn put(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
        (number, name, what): (u64, Name, Put),
    ) -> Result<(), Refused> {
        self.load_mailboxes(now)?;
        let Some(visitor) = self.relay.visitors.get_mut(&connection) else {
            return Ok(());
        };
        if number <= visitor.put {
            return Err(theirs("a number that does not rise"));
        }
        visitor.put = number;
        let named = visitor.named.get(&name).map(|(slice, _)| *slice);
        let held = named.and_then(|slice| self.relay.mailboxes.get(&slice));
        let slice = named.filter(|_| held.is_some());
        let may_fill = held.is_some_and(|held| visitor.codes.contains(&held.record.code));
        let outcome = match (what, slice) {
            (
                Put::Open {
                    code,
                    control,
                    access,
                },
                None,
            ) => {
                let opened =
                    self.open_mailbox(now, rng, (connection, name), (code, &control, access))?;
                opened.map(|()| None)
            }
            (Put::Open { code, control, .. }, Some(slice)) => {
                self.move_mailbox(now, connection, slice, code)?;
                self.hear_control(slice, &control)?.map(|()| None)
            }
            // Who knows a key of old may read, and fills no room of others.
            (Put::Ticket(_) | Put::Entry(_), Some(_)) if !may_fill => Err(WhyNotPut::Code),
            (Put::Ticket(ticket), Some(slice)) => {
                self.take_ticket(now, slice, &ticket)?.map(|()| None)
            }
            (Put::Entry(entry), Some(slice)) => {
                self.keep_entry(now, (connection, name), slice, &entry)?
            }
            (Put::Ticket(_) | Put::Entry(_), None) => Err(WhyNotPut::Mailbox),
        };
        let done = PutDone {
            number,
            why_not: outcome.err(),
            position: outcome.ok().flatten(),
        };
        self.send(connection, &Frame::PutDone(done));
        Ok(())
    }

    fn open_mailbox(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (connection, name): (ConnectionId, Name),
        (code, control, access): (CodeId, &[u8], AccessKey),
    ) -> Result<Result<(), WhyNotPut>, Refused> {
        let (peer, me) = match self.relay.visitors.get(&connection) {
            Some(visitor) if visitor.codes.contains(&code) => {
                (visitor.peer, self.me.secrets.transport)
            }
            _ => return Ok(Err(WhyNotPut::Code)),
        };
        let mut room = match self.open_room(now, code, 0)? {
            Ok(room) => room,
            Err(why) => return Ok(Err(why)),
        };
        if relay::name_of(&access, &peer, &me) != name {
            return Err(theirs("a mailbox under another name"));
        }
        let control = UnverifiedControl::decode(control).map_err(theirs)?;
        let slice = control.claimed_slice();
        let control = control.verify(slice).map_err(theirs)?;
        if !is_of_mailbox(&control) {
            return Ok(Err(WhyNotPut::Control));
        }
        let commit = access.commit(&slice, relay::PART);
        if (control.access(relay::PART).iter()).all(|announced| announced.commit != commit) {
            return Ok(Err(WhyNotPut::Control));
        }
        if let Some(held) = self.relay.mailboxes.get(&slice) {
            // It was put here by another member since this one named it.
            if held.record.access != *access.key() {
                return Ok(Err(WhyNotPut::Control));
            }
            let next = held.record.next;
            self.names(connection, name, (slice, next));
            return self.hear_control(slice, &control.to_bytes());
        }
        if room.mailboxes >= MAILBOXES_PER_CODE_MAX || !room.has(MAILBOX_BYTES) {
            return Ok(Err(WhyNotPut::Room));
        }
        room.mailboxes += 1;
        self.use_room(room, MAILBOX_BYTES);
        let mut feed = [0; 16];
        rng.fill_bytes(&mut feed);
        let record = MailboxRecord {
            control: control.to_bytes().into(),
            access: access.key().clone(),
            code,
            feed: FeedId(feed),
            next: 1,
            bytes: MAILBOX_BYTES,
        };
        self.view.write(layout::mailbox(slice), &record);
        let held = Held {
            record,
            control,
            carrier: Carrier::default(),
            tips: BTreeMap::new(),
        };
        let feed = held.record.feed;
        self.relay.mailboxes.insert(slice, held);
        self.names(connection, name, (slice, 1));
        // Who put it learns how it is numbered; others who are here have looked for it.
        let mut told = vec![(connection, name)];
        for (connection, visitor) in &mut self.relay.visitors {
            let name = relay::name_of(&access, &visitor.peer, &me);
            if visitor.looked_for.remove(&name) {
                visitor.named.insert(name, (slice, 1));
                told.push((*connection, name));
            }
        }
        for (connection, name) in told {
            let found = Found {
                name,
                feed,
                start: 0,
                end: 0,
                next_seq: 0,
            };
            let found = vec![found];
            self.send(connection, &Frame::Visited(Visited { found, later: true }));
        }
        Ok(Ok(()))
    }

    /// Lets a mailbox lie on the room of another code, if there is so much.
    fn move_mailbox(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        slice: SliceId,
        code: CodeId,
    ) -> Result<(), Refused> {
        let shown = self.relay.visitors.get(&connection);
        let may = shown.is_some_and(|visitor| visitor.codes.contains(&code));
        let Some(held) = self.relay.mailboxes.get_mut(&slice) else {
            return Ok(());
        };
        let (before, bytes) = (held.record.code, held.record.bytes);
        // Only from a room where nothing can be put any more: who knows the older code alone takes nothing back.
        if before == code || !may || self.open_room(now, before, ROOM_LEFT_BYTES)?.is_ok() {
            return Ok(());
        }
        let Ok(mut room) = self.open_room(now, code, bytes)? else {
            return Ok(());
        };
        if room.mailboxes >= MAILBOXES_PER_CODE_MAX {
            return Ok(());
        }
        room.mailboxes += 1;
        room.used += bytes;
        self.view.write(layout::room(code), &room);
        let at = layout::room(before);
        if let Some(mut room) = self.view.read::<Room>(&at)? {
            room.mailboxes = room.mailboxes.saturating_sub(1);
            room.used = room.used.saturating_sub(bytes);
            self.view.write(at, &room);
        }
        if let Some(held) = self.relay.mailboxes.get_mut(&slice) {
            held.record.code = code;
            self.view.write(layout::mailbox(slice), &held.record);
        }
        Ok(())
    }

    fn names(&mut self, connection: ConnectionId, name: Name, of: (SliceId, u64)) {
        if let Some(visitor) = self.relay.visitors.get_mut(&connection) {
            visitor.looked_for.remove(&name);
            visitor.named.insert(name, of);
        }
    }

    fn hear_control(
        &mut self,
        slice: SliceId,
        control: &[u8],
    ) -> Result<Result<(), WhyNotPut>, Refused> {
        let said = UnverifiedControl::decode(control).map_err(theirs)?;
        if said.claimed_slice() != slice {
            return Ok(Err(WhyNotPut::Control));
        }
        let said = said.verify(slice).map_err(theirs)?;
        let Some(held) = self.relay.mailboxes.get_mut(&slice) else {
            return Ok(Err(WhyNotPut::Mailbox));
        };
        let knows = |said: &SignedStatement| held.control.statements().get(&said.id()).is_some();
        if said.statements().iter().all(knows) {
            return Ok(Ok(()));
        }
        if !is_of_mailbox(&said) || held.record.control.len() > CONTROL_BYTES_MAX {
            return Ok(Err(WhyNotPut::Control));
        }
        if held.control.merge(&said) {
            held.record.control = held.control.to_bytes().into();
            self.view.write(layout::mailbox(slice), &held.record);
        }
        Ok(Ok(()))
    }

    fn take_ticket(
        &mut self,
        now: Timestamp,
        slice: SliceId,
        bytes: &[u8],
    ) -> Result<Result<(), WhyNotPut>, Refused> {
        let ticket = Signed::<Ticket>::decode(bytes).map_err(theirs)?;
        let Some(held) = self.relay.mailboxes.get(&slice) else {
            return Ok(Err(WhyNotPut::Mailbox));
        };
        let at = layout::mailbox_ticket(slice, ticket.unverified().log);
        if self.view.get(&at)?.is_some() {
            return Ok(Ok(()));
        }
        let room = match self.open_room(now, held.record.code, TICKET_BYTES)? {
            Ok(room) => room,
            Err(why) => return Ok(Err(why)),
        };
        let Some(held) = self.relay.mailboxes.get_mut(&slice) else {
            return Ok(Err(WhyNotPut::Mailbox));
        };
        // All who hold its key speak by the control key: it answers for no log.
        let writer = held.control.writer(&ticket.unverified().membership);
        if writer.is_none_or(|writer| writer.quota.is_none()) {
            return Ok(Err(WhyNotPut::Ticket));
        }
        if let Err(refusal) = held.carrier.open(&held.control, &ticket) {
            let full = matches!(refusal, Refusal::QuotaLogs { .. });
            return Ok(Err(if full {
                WhyNotPut::Quota
            } else {
                WhyNotPut::Ticket
            }));
        }
        held.record.bytes += TICKET_BYTES;
        self.view.write(layout::mailbox(slice), &held.record);
        self.use_room(room, TICKET_BYTES);
        self.view.put(at, bytes.to_vec());
        Ok(Ok(()))
    }

    /// The room of a code, if it is still open and has so much left.
    fn open_room(
        &self,
        now: Timestamp,
        code: CodeId,
        bytes: u64,
    ) -> Result<Result<Room, WhyNotPut>, ReadError> {
        let room = self.view.read::<Room>(&layout::room(code))?;
        Ok(match room.filter(|room| room.is_open(now)) {
            Some(room) if room.has(bytes) => Ok(room),
            Some(_) => Err(WhyNotPut::Room),
            None => Err(WhyNotPut::Code),
        })
    }

    fn use_room(&mut self, mut room: Room, bytes: u64) {
        room.used += bytes;
        self.view.write(layout::room(room.code.id()), &room);
    }

    fn keep_entry(
        &mut self,
        now: Timestamp,
        (connection, name): (ConnectionId, Name),
        slice: SliceId,
        bytes: &[u8],
    ) -> Result<Result<Option<u64>, WhyNotPut>, Refused> {
        let entry = UnverifiedEntry::decode(bytes).map_err(theirs)?;
        let Some(held) = self.relay.mailboxes.get(&slice) else {
            return Ok(Err(WhyNotPut::Mailbox));
        };
        let (log, seq) = (entry.claimed().log, entry.claimed().seq);
        if entry.claimed().slice != slice || entry.claimed().part != relay::PART {
            return Ok(Err(WhyNotPut::Entry));
        }
        let tip = held.tips.get(&log).copied().unwrap_or(LogTip::START);
        if seq < tip.next_seq {
            return Ok(Ok(None)); // it was brought before, and the answer got lost
        }
        let Ok(entry) = entry.verify(&tip) else {
            return Ok(Err(WhyNotPut::Entry));
        };
        let (code, cost) = (held.record.code, entry_cost(entry.prefix()));
        let room = match self.open_room(now, code, cost)? {
            Ok(room) => room,
            Err(why) => return Ok(Err(why)),
        };
        let Some(held) = self.relay.mailboxes.get_mut(&slice) else {
            return Ok(Err(WhyNotPut::Mailbox));
        };
        if let Err(refusal) = held.carrier.take(&held.control, entry.header()) {
            let full = matches!(refusal, Refusal::QuotaBytes { .. });
            return Ok(Err(if full {
                WhyNotPut::Quota
            } else {
                WhyNotPut::Entry
            }));
        }
        held.tips.insert(log, entry.tip_after());
        let position = held.record.next;
        held.record.next += 1;
        held.record.bytes += cost;
        self.view.write(layout::mailbox(slice), &held.record);
        let at = layout::mailbox_entry(slice, position);
        self.view.put(at, entry.to_bytes());
        self.use_room(room, cost);
        // Who brought it need not be sent it, if they have all before it.
        if let Some(visitor) = self.relay.visitors.get_mut(&connection)
            && let Some((_, next)) = visitor.named.get_mut(&name)
            && *next == position
        {
            *next += 1;
            return Ok(Ok(Some(position)));
        }
        Ok(Ok(None))
    }

    /// Sends visitors what they have not been sent.
    pub(super) fn serve_visitors(&mut self) {
        let connections: Vec<ConnectionId> = self.relay.visitors.keys().copied().collect();
        for connection in connections {
            if self.serve(connection).is_err() {
                self.relay.gone(connection);
                self.effects.push(Output::Close { connection });
            }
        }
    }

    fn serve(&mut self, connection: ConnectionId) -> Result<(), ReadError> {
        let Some(mut visitor) = self.relay.visitors.remove(&connection) else {
            return Ok(());
        };
        let mut frames = Vec::new();
        let outcome = self.due_to(&mut visitor, &mut frames);
        self.relay.visitors.insert(connection, visitor);
        for stored in frames {
            self.send(connection, &Frame::Stored(stored));
        }
        outcome
    }

    fn due_to(&self, visitor: &mut Visitor, frames: &mut Vec<Stored>) -> Result<(), ReadError> {
        for (name, (slice, next)) in &mut visitor.named {
            let Some(held) = self.relay.mailboxes.get(slice) else {
                continue;
            };
            while *next < held.record.next && frames.len() < FRAMES_MAX {
                let at = layout::mailbox_entry(*slice, *next);
                let entry = self.view.get(&at)?.ok_or_else(|| damaged(&at))?;
                let size = entry.len();
                if visitor.under_way_bytes + size > CREDIT_BYTES && !visitor.under_way.is_empty() {
                    return Ok(());
                }
                visitor.sent += 1;
                visitor.under_way.push_back((visitor.sent, size));
                visitor.under_way_bytes += size;
                frames.push(Stored {
                    number: visitor.sent,
                    name: *name,
                    position: *next,
                    entry,
                });
                *next += 1;
            }
        }
        Ok(())
    }
}

impl Room {
    fn has(&self, bytes: u64) -> bool {
        self.used.saturating_add(bytes) <= self.code.bytes
    }
}

impl Visitor {
    const fn new(peer: TransportId) -> Self {
        Self {
            peer,
            codes: BTreeSet::new(),
            named: BTreeMap::new(),
            looked_for: BTreeSet::new(),
            put: 0,
            sent: 0,
            under_way: VecDeque::new(),
            under_way_bytes: 0,
        }
    }
}

/// Whether a control says no more than who may fetch and who may write. All who hold a mailbox's key speak by its control
/// key, so nobody may take anything back by it.
fn is_of_mailbox(control: &Control) -> bool {
    let allowed = |said: &SignedStatement| {
        matches!(
            said.statement().kind,
            Kind::Access { .. } | Kind::Writer { .. }
        )
    };
    control.public_half().kind == ContentKind::Mailbox && control.statements().iter().all(allowed)
}

/// Whether somebody typed the beginning of a code's id, as it is shown, and enough of it to mean it.
fn is_begun_by(id: &CodeId, typed: &str) -> bool {
    typed.len() >= 8 && id.to_string().starts_with(&typed.to_lowercase())
}
