//! Sessions with nodes, of contacts and of our own person: who is dialled when, what may leave, what has arrived.
//!
//! | session | event | outcome |
//! |---|---|---|
//! | - | connected to a node that is known | the dialler says hello |
//! | waiting | connected again | both ends keep the session of the lesser dialler; of two by the same, the newer |
//! | open | connected again | ours: closed; theirs: waits, and with its hello takes the place of the old one, whose other end is gone |
//! | waiting | hello | cursor and addresses taken in; our hello (acceptor), authority if theirs of ours is old, our names; the feed flows |
//! | open | names, ack | the feed flows on |
//! | open | item | taken in; acknowledged once durable |
//! | any | violation, or our store cannot be read | closed; that node is left alone for a while, and their dials are not taken |
//!
//! **Invariants.** All that leaves goes through [`Home::pump`], which writes the journal too. A
//! node has at most one session, and one more that waits for a hello.

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::card::Card;
use maille_protocol::defence::{self, Defence};
use maille_protocol::entry::UnverifiedEntry;
use maille_protocol::generation::{AccessKey, PartKey};
use maille_protocol::id::{CircleId, GrantId, PersonId, TransportId};
use maille_protocol::invite::{Answer, InviteId, WhyNot};
use maille_protocol::principal::UnverifiedAuthority;
use maille_protocol::sync::{Cursor, Frame, Greeting, Hello, Item, Received, Session};
use maille_protocol::time::Timestamp;
use rand_core::CryptoRng;

use super::Home;
use super::authority_hash;
use super::circle::Compared;
use super::taking::{Refused, theirs};
use crate::command::{CommandError, Done, PeerReach, PeerRole};
use crate::io::{ConnectionId, Event, Output, Role, Store};
use crate::layout;
use crate::state::{Contact, Due, DueWhat, Feed, Given, Node, Sent, SentKind};
use crate::view::{ReadError, damaged};

/// First and longest pause between dials. Short enough that a person who opens the laptop sees
/// things move, long enough that a contact who is away costs nothing.
const DIAL_PAUSE_MS: u64 = 500;
const DIAL_PAUSE_MS_MAX: u64 = 60_000;

/// How long a node is left alone after a violation, and until what our own store refused is tried again.
pub(super) const PAUSE_MS: u64 = 60_000;

/// How often a node may make us number its feed anew in [`RENUMBER_SPAN_MS`]. It costs a read of
/// everything shared with them and a seal per share; an honest node needs it when it has lost its
/// place, or accepts a share that it was offered.
const RENUMBER_MAX: u32 = 32;
const RENUMBER_SPAN_MS: u64 = 600_000;

/// Most frames made ready per session and input, so that one node cannot starve the rest.
const FRAMES_PER_PUMP_MAX: usize = 64;

/// A session with a node.
pub(super) struct Live {
    /// Whose node it is.
    pub(super) person: PersonId,
    /// The node at the other end, as proven by the transport.
    pub(super) peer: TransportId,
    dialler: TransportId,
    role: Role,
    session: Session,
    /// The watchers have been told that the contact is there.
    told: bool,
    /// Waits for its hello, to take the place of a session that seems open.
    spare: bool,
    /// Something may be able to leave.
    ready: bool,
    /// Invites that we have knocked with in this session.
    knocked_with: BTreeSet<InviteId>,
    /// To which of them no answer has come yet.
    unanswered: Option<InviteId>,
    /// Wide circles, and how far what both ends hold of them was compared.
    pub(super) compared: BTreeMap<CircleId, Compared>,
}

impl Live {
    /// Whether a knock with an invite may leave: one at a time, so that it is plain what an answer is about.
    pub(super) fn may_knock_with(&self, invite: &InviteId) -> bool {
        self.unanswered.is_none() && !self.knocked_with.contains(invite)
    }

    pub(super) fn knocks_with(&mut self, invite: InviteId) {
        self.knocked_with.insert(invite);
        self.unanswered = Some(invite);
    }

    /// Our person wants to try it again.
    pub(super) fn forget_knock_with(&mut self, invite: &InviteId) {
        self.knocked_with.remove(invite);
    }
}

impl Live {
    /// Whether both ends have said hello.
    pub(super) fn is_open(&self) -> bool {
        self.session.is_open()
    }

    /// Something may be able to leave.
    pub(super) const fn feed_is_ready(&mut self) {
        self.ready = true;
    }
}

#[cfg(test)]
impl Live {
    pub(super) fn is_with(&self, person: PersonId) -> bool {
        self.person == person
    }

    pub(super) const fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn is_at(&self, peer: TransportId) -> bool {
        self.peer == peer
    }
}

/// How often something has happened since a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Often {
    since: Timestamp,
    count: u32,
}

impl Often {
    pub(super) const fn since(since: Timestamp) -> Self {
        Self { since, count: 0 }
    }

    /// Counts it once more; whether it has happened no more than `max` times in the `span_ms` that go on. One that
    /// began in the future was set by a clock that has been put back since.
    pub(super) fn once_more(&mut self, now: Timestamp, span_ms: u64, max: u32) -> bool {
        if now >= self.since.plus_millis(span_ms) || now < self.since {
            *self = Self::since(now);
        }
        self.count = self.count.saturating_add(1);
        self.count <= max
    }
}

/// What happens to a due thing whose turn has come.
pub(super) enum Turn {
    /// It leaves.
    Leaves {
        item: Item,
        kind: SentKind,
        rows: u64,
    },
    /// Its grant has ended: a gap is sent in its place.
    Withdrawn,
    /// The peer will not name its part: a gap is sent in its place.
    PassedOver(GrantId),
    /// The peer has not named its part yet.
    Waits,
}

/// When to dial a node next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dial {
    at: Timestamp,
    failures: u32,
    under_way: bool,
    /// Until `at`, the node is left alone.
    paused: bool,
    /// Nobody needs to dial: see `circle::neighbours`.
    rests: bool,
}

impl Dial {
    pub(super) fn due(at: Timestamp) -> Self {
        Self {
            at,
            failures: 0,
            under_way: false,
            paused: false,
            rests: false,
        }
    }

    /// Whether a dial may begin.
    pub(super) fn may_begin(&self, now: Timestamp) -> bool {
        !self.under_way && self.is_due(now)
    }

    pub(super) const fn begins(&mut self) {
        self.under_way = true;
    }

    pub(super) const fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Somebody was reached; whether they have anything to say is still to be seen.
    pub(super) const fn arrived(&mut self) {
        self.under_way = false;
    }

    /// They have said something.
    pub(super) const fn has_worked(&mut self) {
        self.failures = 0;
    }

    /// It was seen on the local network: the next one need not wait longer than the shortest pause, unless it is to be
    /// left alone. Who says so again and again, and is not there, gains no more than two dials a second.
    pub(super) fn is_nearby(&mut self, now: Timestamp) {
        if !self.paused && !self.under_way {
            self.at = self.at.min(now.plus_millis(DIAL_PAUSE_MS));
        }
    }

    /// Whether the last one came to nothing.
    pub(super) const fn has_failed(&self) -> bool {
        !self.under_way && (self.failures > 0 || self.paused)
    }

    /// When the next one is due, if none is under way.
    pub(super) fn next(&self) -> Option<Timestamp> {
        (!self.under_way).then_some(self.at)
    }

    /// Nobody was reached, or they are gone: another dial later.
    pub(super) fn later(&mut self, now: Timestamp, rng: &mut impl CryptoRng, slower: u64) {
        let failures = if defence::is_off(Defence::DialsGrowRare) {
            0
        } else {
            self.failures.min(20)
        };
        let pause = (DIAL_PAUSE_MS << failures).min(DIAL_PAUSE_MS_MAX) * slower;
        // Half again at random, so that two nodes that lost each other do not dial in step.
        let pause = pause + u64::from(rng.next_u32()) % (pause / 2);
        *self = Self {
            at: if self.is_due(now) {
                now.plus_millis(pause)
            } else {
                self.at.max(now.plus_millis(pause))
            },
            failures: self.failures.saturating_add(1),
            under_way: false,
            paused: self.paused && !self.is_due(now),
            rests: false,
        };
    }

    /// Whether its time has come. One that lies further ahead than any pause was set by a clock
    /// that has been put back since.
    fn is_due(&self, now: Timestamp) -> bool {
        self.at <= now || self.at > now.plus_millis(2 * DIAL_PAUSE_MS_MAX.max(PAUSE_MS))
    }
}

impl<S: Store> Home<S> {
    pub(super) fn connected(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
        peer: TransportId,
        role: Role,
    ) {
        if role == Role::Dialler && self.arrived_at_relay(connection, peer) {
            // Two dials of one node end in one connection: who is a contact, too, is dialled again.
            if let Some(dial) = self.dials.get_mut(&peer)
                && dial.is_under_way()
            {
                *dial = Dial::due(now);
            }
            return;
        }
        let Ok(Some(Node { person, .. })) = self.node(peer) else {
            // A stranger learns nothing, not even that there is something to know.
            match role {
                Role::Acceptor => self.stranger(now, connection, peer),
                Role::Dialler => self.effects.push(Output::Close { connection }),
            }
            return;
        };
        if let Some(dial) = self.dials.get_mut(&peer) {
            if dial.paused && !dial.is_due(now) {
                self.effects.push(Output::Close { connection });
                return;
            }
            dial.under_way = false;
        }
        let dialler = match role {
            Role::Dialler => self.me.secrets.transport,
            Role::Acceptor => peer,
        };
        let other = self.session_with(peer);
        let older = other.and_then(|other| self.sessions.get(&other));
        let (gone, spare) = match older {
            None => (None, false),
            // They dial although we have a session: theirs is gone, or will be when they speak.
            Some(older) if older.session.is_open() && role == Role::Acceptor => {
                (self.spare_with(peer), true)
            }
            Some(older) if !older.session.is_open() && dialler <= older.dialler => (other, false),
            Some(_) => {
                self.effects.push(Output::Close { connection });
                return;
            }
        };
        if let Some(gone) = gone {
            self.replace(gone);
        }
        let session = Session::new(self.me.secrets.transport, peer, rng);
        let live = Live {
            person,
            peer,
            dialler,
            role,
            session,
            told: false,
            spare,
            ready: false,
            knocked_with: BTreeSet::new(),
            unanswered: None,
            compared: BTreeMap::new(),
        };
        self.sessions.insert(connection, live);
        if role == Role::Dialler && self.say_first(connection, peer).is_err() {
            self.leave_alone(now, peer);
        }
    }

    /// Ends a session in whose place another comes.
    fn replace(&mut self, connection: ConnectionId) {
        self.sessions.remove(&connection);
        self.effects.push(Output::Close { connection });
    }

    /// A knock, where we hold an invite of theirs; else a hello. Who has never spoken with us may not have heard that
    /// this is a node of ours.
    fn say_first(&mut self, connection: ConnectionId, peer: TransportId) -> Result<(), ReadError> {
        if self.knock(connection, peer)? {
            return Ok(());
        }
        if let Some(returns) = self.has_yet_to_return(peer)? {
            self.send(connection, &Frame::Return(returns));
            return Ok(()); // a hello follows the welcome
        }
        if self
            .feed(peer)?
            .is_some_and(|feed| feed.last_seen.is_none())
        {
            let authority = Frame::Authority(self.me.authority.to_bytes());
            self.send(connection, &authority);
        }
        self.say_hello(connection, peer)
    }

    /// A node that nobody here knows shows whose it is: a contact's, or our own person's. Returns whether it is, and
    /// takes it in as one then.
    pub(super) fn introduced(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (connection, peer): (ConnectionId, TransportId),
        bytes: &[u8],
    ) -> Result<bool, Refused> {
        let claimed = UnverifiedAuthority::decode(bytes).ok();
        let Some(person) = claimed.and_then(|claimed| claimed.claimed_person()) else {
            return Ok(false);
        };
        if person == self.me.person {
            self.hear_own_authority(now, rng, bytes)?;
            if !self.is_own_node(peer) {
                return Ok(false);
            }
        } else {
            let Some(mut contact) = self.contact(person)? else {
                return Ok(false);
            };
            self.take_authority(&mut contact, peer, bytes)?;
            // Of bytes that are known nothing was looked at.
            if !self.is_named(person, peer)? {
                return Ok(false);
            }
            self.authority_changed(now, rng, (person, peer), bytes)?;
        }
        let addresses = Vec::new(); // it says them in its hello
        self.keep_node(now, rng, peer, &Node { person, addresses })?;
        self.strangers.remove(&connection);
        self.connected(now, rng, connection, peer, Role::Acceptor);
        Ok(true)
    }

    fn say_hello(&mut self, connection: ConnectionId, peer: TransportId) -> Result<(), ReadError> {
        let at = layout::feed(peer);
        let feed = self.feed(peer)?.ok_or_else(|| damaged(&at))?;
        let held = self.authority_held(peer)?;
        let greeting = Greeting {
            person: self.me.person,
            addresses: self.card().addresses,
            feed: feed.id,
            cursor: feed.cursor,
            authority: self.me.authority_hash,
            authority_held: held.map_or([0; 32], |bytes| authority_hash(&bytes)),
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
        if self.is_visit(connection) {
            return self.relay_says(now, rng, connection, bytes);
        }
        if self.relay.is_visitor(&connection) {
            return self.visitor_says(now, rng, connection, bytes);
        }
        let Some(live) = self.sessions.get_mut(&connection) else {
            return self.stranger_says(now, rng, connection, bytes);
        };
        let peer = live.peer;
        if !live.session.is_open()
            && let Ok(Frame::Visit(visit)) = Frame::from_bytes(bytes)
        {
            // A node that is known comes to this one as to a relay: that is another matter.
            self.sessions.remove(&connection);
            return self.came_as_visitor(now, (connection, peer), &visit);
        }
        let received = live.session.receive(bytes);
        if live.spare && live.session.is_open() {
            // The dialler speaks: what seemed open is gone at their end.
            if let Some(dead) = self.session_with(peer) {
                self.replace(dead);
            }
            if let Some(live) = self.sessions.get_mut(&connection) {
                live.spare = false;
            }
        }
        let outcome = match received {
            Ok(received) => self.received_frame(now, rng, (connection, peer), received),
            Err(violation) => Err(Refused::Peer(violation.to_string())),
        };
        let Err(refused) = outcome else {
            return;
        };
        self.take_back();
        if let Refused::Peer(what) = refused {
            self.event(Event::Violation { peer, what });
        }
        self.leave_alone(now, peer);
    }

    /// Closes a session that cannot go on, and does not begin another for a while.
    pub(super) fn leave_alone(&mut self, now: Timestamp, peer: TransportId) {
        self.close_all(peer);
        let dial = if defence::is_off(Defence::LeftAlone) {
            Dial::due(now)
        } else {
            Dial {
                paused: true,
                ..Dial::due(now.plus_millis(PAUSE_MS))
            }
        };
        self.dials.insert(peer, dial);
    }

    fn received_frame(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (connection, peer): (ConnectionId, TransportId),
        received: Received,
    ) -> Result<(), Refused> {
        let at = layout::node(peer);
        let person = self.node(peer)?.ok_or_else(|| damaged(&at))?.person;
        match received {
            Received::Hello(hello) => self.hello(now, rng, (connection, peer), hello),
            Received::Authority(bytes) if person == self.me.person => {
                self.hear_own_authority(now, rng, &bytes)?;
                self.make_ready(connection);
                Ok(())
            }
            Received::Authority(bytes) => {
                let at = layout::contact(person);
                let mut contact = self.contact(person)?.ok_or_else(|| damaged(&at))?;
                self.take_authority(&mut contact, peer, &bytes)?;
                if !self.is_named(person, contact.transport)? {
                    // Shares go to a node that speaks for them: the one that they went to was removed.
                    let card = Card::new(person, peer, Vec::new()).map_err(theirs)?;
                    contact = self.keep_contact(now, rng, &card, String::new())?;
                }
                self.authority_changed(now, rng, (person, peer), &bytes)?;
                self.feed_shares_of(rng, &contact)?;
                self.make_ready(connection);
                Ok(())
            }
            Received::Names => {
                self.make_ready(connection);
                Ok(self.note_accepted(now, connection, person)?)
            }
            Received::Item { position, item } => {
                self.item(now, rng, (connection, peer), person, (position, item))
            }
            Received::Ack { position } => self.acked(now, connection, peer, position),
            Received::Holds(holds) => Ok(self.hear_holds(connection, holds)?),
            Received::Held(held) => Ok(self.hear_held(connection, held)?),
            Received::Knock(knock) => {
                // One that is none is nobody's fault: somebody else may have made it, or we have forgotten it.
                let answer = self.knocked(now, rng, &peer, &knock)?;
                let answer = answer.unwrap_or(Answer::NotWelcome(WhyNot::NotInOrder));
                self.send(connection, &Frame::Answer(answer));
                Ok(())
            }
            Received::Return(returns) if person == self.me.person => {
                // Another device of ours has told us of it before it came here itself.
                match self.returned(now, rng, peer, &returns)? {
                    Some(welcome) => self.send(connection, &Frame::Paired(welcome)),
                    None => self.close(connection),
                }
                Ok(())
            }
            Received::Paired(welcome) if person == self.me.person => {
                self.welcomed_back(now, rng, peer, welcome)?;
                Ok(self.say_hello(connection, peer)?)
            }
            Received::Paired(_) => Err(Refused::Peer("a welcome of another person's".to_owned())),
            Received::Return(_) => Err(Refused::Peer("a return of another person's".to_owned())),
            Received::Answer(answer) => {
                let live = self.sessions.get_mut(&connection);
                let Some(invite) = live.and_then(|live| live.unanswered.take()) else {
                    return Err(Refused::Peer("an answer to no knock".to_owned()));
                };
                self.answered(now, rng, (person, invite), answer)?;
                let waits = self.sessions.get(&connection);
                match waits.map(|live| live.session.is_open()) {
                    Some(true) => self.knock(connection, peer).map(|_| ())?,
                    Some(false) => self.say_hello(connection, peer)?,
                    None => {}
                }
                Ok(())
            }
        }
    }

    /// What is held of the authority of a node's person.
    fn authority_held(&self, peer: TransportId) -> Result<Option<Vec<u8>>, ReadError> {
        let at = layout::node(peer);
        let person = self.node(peer)?.ok_or_else(|| damaged(&at))?.person;
        if person == self.me.person {
            return Ok(Some(self.me.authority.to_bytes()));
        }
        let contact = self.contact(person)?;
        Ok(contact.and_then(|contact| contact.authority.map(Vec::from)))
    }

    /// Notes which shares the peer's person has accepted, by what their node names.
    fn note_accepted(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        person: PersonId,
    ) -> Result<(), ReadError> {
        let Some(live) = self.sessions.get(&connection) else {
            return Ok(());
        };
        let mut accepted = Vec::new();
        for share in self.given_to(person)? {
            let name = AccessKey::of_accepted(&share.id);
            if share.given.accepted.is_none() && live.session.peer_named(&name) {
                accepted.push(share);
            }
        }
        for share in accepted {
            let given = Given {
                accepted: Some(now),
                ..share.given
            };
            self.view.write(layout::given(share.id), &given);
        }
        Ok(())
    }

    fn hello(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (connection, peer): (ConnectionId, TransportId),
        hello: Hello,
    ) -> Result<(), Refused> {
        let at = layout::node(peer);
        let mut node = self.node(peer)?.ok_or_else(|| damaged(&at))?;
        let person = node.person;
        if hello.person != person {
            return self.met_somebody_else(now, rng, (connection, peer), (node, hello.person));
        }
        if !hello.addresses.is_empty() && hello.addresses != node.addresses {
            node.addresses.clone_from(&hello.addresses);
            self.view.write(at, &node);
        }
        let role = self.sessions.get(&connection).map(|live| live.role);
        if role == Some(Role::Acceptor) && self.has_yet_to_return(peer)?.is_some() {
            // It cannot know that we have to be told of our circles first: we say so when we dial.
            self.hang_up(now, connection, peer);
            return Ok(());
        }
        let at = layout::feed(peer);
        let mut feed = self.feed(peer)?.ok_or_else(|| damaged(&at))?;
        feed.last_seen = Some(now);
        // Their store may be an older one: what they had made since is theirs no more.
        let anew = feed.cursor.feed != hello.feed && feed.cursor.position > 0;
        if feed.cursor.feed != hello.feed {
            feed.cursor = Cursor {
                feed: hello.feed,
                position: 0,
            };
        }
        // They hold a place in our feed that we can go on from, or nothing of a feed that is whole.
        let same = hello.cursor.feed == feed.id;
        if same && hello.cursor.position >= feed.next && self.went_back_in_time(now, rng)? {
            return Ok(());
        }
        let place = if same { hello.cursor.position } else { 0 };
        let lost = place < feed.acked || place >= feed.next;
        let resumes = !lost && !sim_point!(self, RenumberFeed);
        if resumes {
            self.drop_acked(peer, &mut feed, place, now);
            self.forget_owed_by_wide((person, peer), &mut feed)?;
        }
        self.view.write(at, &feed);
        if anew {
            self.feed_circles_again((person, peer))?;
        }
        if lost {
            self.may_renumber(now, peer)?;
        }
        if role == Some(Role::Acceptor) {
            if !resumes {
                feed = self.renumber(rng, peer)?;
            }
            self.say_hello(connection, peer)?;
        } else if !resumes {
            // Our hello named the old numbering; a new session names the new one.
            self.renumber(rng, peer)?;
            self.hang_up(now, connection, peer);
            return Ok(());
        }
        if hello.authority_held != self.me.authority_hash || sim_point!(self, AuthorityAgain) {
            let authority = Frame::Authority(self.me.authority.to_bytes());
            self.send(connection, &authority);
        }
        let out = if resumes { place } else { 0 };
        if let Some(live) = self.sessions.get_mut(&connection) {
            live.session.start_feeds(feed.cursor.position, out);
            live.ready = true;
            live.told = person != self.me.person;
        }
        let keys = self.access_keys_from(person)?;
        self.show_all_names(connection, &keys);
        if let Some(dial) = self.dials.get_mut(&peer) {
            dial.failures = 0;
        }
        if person != self.me.person {
            self.event(Event::ContactOnline { person });
        }
        // Their authority may be known already, with shares not fed yet.
        if let Some(contact) = self.contact(person)? {
            self.feed_shares_of(rng, &contact)?;
        }
        self.knock(connection, peer)?;
        if sim_point!(self, CloseAfterHello) {
            self.hang_up(now, connection, peer);
        }
        Ok(())
    }

    /// Ends a session that nobody broke; the node is dialled again soon.
    fn hang_up(&mut self, now: Timestamp, connection: ConnectionId, peer: TransportId) {
        self.close(connection);
        let again = Dial::due(now.plus_millis(DIAL_PAUSE_MS));
        self.dials.insert(peer, again);
    }

    /// A node says that it is not the contact's whom a card placed there. If another contact's card
    /// places them there too, it is theirs from now on, unless the first has proven otherwise.
    fn met_somebody_else(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (connection, peer): (ConnectionId, TransportId),
        (node, person): (Node, PersonId),
    ) -> Result<(), Refused> {
        let theirs = self.contact(person)?;
        if theirs.is_none_or(|theirs| theirs.transport != peer)
            || self.is_proven(node.person, peer)?
        {
            return Err(Refused::Peer("a hello in another person's name".to_owned()));
        }
        self.close(connection);
        // Nothing that was due to the one goes to the other.
        self.forget_node(peer)?;
        self.keep_node(now, rng, peer, &Node { person, ..node })?;
        Ok(self.shares_anew(person)?)
    }

    /// Counts that a node makes us number its feed anew, and refuses it too often.
    fn may_renumber(&mut self, now: Timestamp, peer: TransportId) -> Result<(), Refused> {
        let counted = self.renumbered.entry(peer).or_insert(Often::since(now));
        if !counted.once_more(now, RENUMBER_SPAN_MS, RENUMBER_MAX) {
            return Err(Refused::TooOften);
        }
        Ok(())
    }

    /// Starts a node's feed again from nothing, under a new id: everything that live shares and circles owe it is
    /// due once more.
    pub(super) fn renumber(
        &mut self,
        rng: &mut impl CryptoRng,
        peer: TransportId,
    ) -> Result<Feed, ReadError> {
        let person = (self.node(peer)?)
            .ok_or_else(|| damaged(&layout::node(peer)))?
            .person;
        let at = layout::feed(peer);
        let old = self.feed(peer)?.ok_or_else(|| damaged(&at))?;
        for (key, _) in self.view.scan(&layout::feed_items(peer))? {
            self.view.delete(key);
        }
        let feed = Feed {
            cursor: old.cursor,
            last_seen: old.last_seen,
            ..Feed::begin(rng)
        };
        self.view.write(at, &feed);
        let contact = self.contact(person)?;
        if contact.is_some_and(|contact| contact.transport == peer) {
            self.shares_anew(person)?;
        }
        self.feed_circles_again((person, peer))?;
        Ok(feed)
    }

    /// Names what has just come into our hands.
    fn show_names(&mut self, connection: ConnectionId, keys: &[AccessKey]) {
        if !keys.is_empty() {
            self.show_all_names(connection, keys);
        }
    }

    /// Names all that is in our hands when the session begins, be it nothing.
    fn show_all_names(&mut self, connection: ConnectionId, keys: &[AccessKey]) {
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
        rng: &mut impl CryptoRng,
        (connection, peer): (ConnectionId, TransportId),
        person: PersonId,
        (position, item): (u64, Item),
    ) -> Result<(), Refused> {
        // Our own other nodes share nothing with us but circles.
        let contact = || -> Result<Contact, Refused> {
            let contact = self.contact(person)?;
            contact.ok_or_else(|| Refused::Peer("a share from nobody".to_owned()))
        };
        match item {
            Item::Parcel(bytes) => {
                let contact = contact()?;
                let keys = self.take_parcel(now, &contact, &bytes)?;
                self.show_names(connection, &keys);
            }
            Item::Entry(bytes) => {
                let contact = contact()?;
                self.take_entry(now, &contact, &bytes)?;
            }
            Item::Circle { circle, item } => {
                self.take_circle_item(now, rng, (person, peer), (circle, item))?;
            }
            Item::Withdrawn => {}
        }
        let at = layout::feed(peer);
        let mut feed = self.feed(peer)?.ok_or_else(|| damaged(&at))?;
        feed.cursor.position = position;
        feed.last_seen = Some(now);
        self.view.write(at, &feed);
        if sim_point!(self, CloseBeforeAck) {
            self.hang_up(now, connection, peer);
            return Ok(());
        }
        self.send(connection, &Frame::Ack { position });
        Ok(())
    }

    fn acked(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        peer: TransportId,
        position: u64,
    ) -> Result<(), Refused> {
        self.make_ready(connection);
        let at = layout::feed(peer);
        let mut feed = self.feed(peer)?.ok_or_else(|| damaged(&at))?;
        if position <= feed.acked {
            return Ok(());
        }
        feed.last_seen = Some(now);
        self.drop_acked(peer, &mut feed, position, now);
        self.view.write(at, &feed);
        if feed.is_drained()
            && let Some(Node { person, .. }) = self.node(peer)?
            && person != self.me.person
        {
            self.event(Event::Delivered { person });
        }
        Ok(())
    }

    fn drop_acked(&mut self, peer: TransportId, feed: &mut Feed, position: u64, now: Timestamp) {
        for gone in feed.acked + 1..=position.min(feed.next - 1) {
            self.view.delete(layout::feed_item(peer, gone));
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
            let peer = self.sessions[&connection].peer;
            if self.pump(now, connection).is_err() {
                self.leave_alone(now, peer);
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
        let Some(mut feed) = self.feed(live.peer)? else {
            return Ok(());
        };
        if !live.ready && live.session.position_out() + 1 >= feed.next {
            return Ok(());
        }
        live.ready = false;
        let mut journal: Vec<Sent> = Vec::new();
        let before = feed.journalled;
        self.send_due(now, connection, live, &mut feed, &mut journal)?;
        if feed.journalled > before {
            self.view.write(layout::feed(live.peer), &feed);
        }
        self.write_journal(&journal)
    }

    fn send_due(
        &mut self,
        now: Timestamp,
        connection: ConnectionId,
        live: &mut Live,
        feed: &mut Feed,
        journal: &mut Vec<Sent>,
    ) -> Result<(), ReadError> {
        let few = sim_point!(self, OneFramePerPump);
        for sent in 0..if few { 1 } else { FRAMES_PER_PUMP_MAX } {
            let position = live.session.position_out() + 1;
            if position >= feed.next {
                break;
            }
            let (due, turn) = match self.next_due(now, live, position) {
                Ok(next) => next,
                // What stands before it leaves and is journalled; the next call meets the error.
                Err(_) if sent > 0 => {
                    live.ready = true;
                    break;
                }
                Err(error) => return Err(error),
            };
            let item = match turn {
                Turn::Waits => break,
                Turn::Withdrawn => Item::Withdrawn,
                Turn::PassedOver(grant) => {
                    self.pass_over(grant)?;
                    Item::Withdrawn
                }
                Turn::Leaves { item, kind, rows } => {
                    if !live.session.has_credit(item.len()) {
                        break;
                    }
                    let first = match &due {
                        Due::Share {
                            grant,
                            what: DueWhat::Entry { key, .. },
                        } => self.leaves_first(*grant, key)?,
                        Due::Share { .. } | Due::Circle { .. } => position > feed.journalled,
                    };
                    // What goes from one of our person's devices to another has not left.
                    if first && live.person != self.me.person {
                        let line = Sent {
                            at: now,
                            to: Some(live.person),
                            why: due.why(),
                            what: kind,
                            rows,
                            bytes: item.len() as u64,
                        };
                        note(journal, line);
                    }
                    feed.journalled = feed.journalled.max(position);
                    item
                }
            };
            let frame = live.session.send(position, item);
            self.send(connection, &frame);
        }
        Ok(())
    }

    /// The next thing due to the peer, and what happens to it now.
    fn next_due(
        &self,
        now: Timestamp,
        live: &Live,
        position: u64,
    ) -> Result<(Due, Turn), ReadError> {
        let at = layout::feed_item(live.peer, position);
        let due: Due = self.view.read(&at)?.ok_or_else(|| damaged(&at))?;
        let turn = self.turn(now, live, &due)?;
        Ok((due, turn))
    }

    /// What happens to a due thing now: the checks that stand before everything that leaves.
    fn turn(&self, now: Timestamp, live: &Live, due: &Due) -> Result<Turn, ReadError> {
        let parcel = |parcel: &[u8], kind| Turn::Leaves {
            item: Item::Parcel(parcel.to_vec()),
            kind,
            rows: 0,
        };
        let (grant, what) = match due {
            Due::Share { grant, what } => (*grant, what),
            Due::Circle { circle, number } => return self.circle_turn(live, *circle, *number),
        };
        let share = self.given_of(grant)?;
        match what {
            // The news of an end goes out although the grant is dead.
            DueWhat::End(bytes) => Ok(parcel(bytes, SentKind::End)),
            DueWhat::Grant(_) | DueWhat::Keys(_) | DueWhat::Entry { .. } if !share.is_live(now) => {
                Ok(Turn::Withdrawn)
            }
            DueWhat::Grant(bytes) => Ok(parcel(bytes, SentKind::Grant)),
            DueWhat::Keys(bytes) => Ok(parcel(bytes, SentKind::Keys)),
            // After a gap in its log an entry could not be taken in.
            DueWhat::Entry { .. } if share.given.passed_over => Ok(Turn::PassedOver(grant)),
            DueWhat::Entry { key, rows } => self.turn_of_entry(live, grant, key, *rows),
        }
    }

    fn turn_of_entry(
        &self,
        live: &Live,
        grant: GrantId,
        key: &[u8],
        rows: u32,
    ) -> Result<Turn, ReadError> {
        if !live.session.peer_named(&AccessKey::of_accepted(&grant)) {
            return Ok(unnamed(live, grant));
        }
        let bytes = self.view.get(key)?.ok_or_else(|| damaged(key))?;
        let entry = UnverifiedEntry::decode(&bytes).map_err(|_| damaged(key))?;
        let prefix = entry.claimed();
        let at = layout::part_key(prefix.slice, prefix.part, prefix.generation);
        let held: PartKey = self.view.read(&at)?.ok_or_else(|| damaged(&at))?;
        Ok(if live.session.peer_named(&held.key.access()) {
            Turn::Leaves {
                item: Item::Entry(bytes),
                kind: SentKind::Rows,
                rows: u64::from(rows),
            }
        } else {
            unnamed(live, grant)
        })
    }

    /// Notes that the reader of a grant does not take its entries.
    fn pass_over(&mut self, grant: GrantId) -> Result<(), ReadError> {
        let share = self.given_of(grant)?;
        if !share.given.passed_over {
            let given = Given {
                passed_over: true,
                ..share.given
            };
            self.view.write(layout::given(grant), &given);
        }
        Ok(())
    }

    /// Whether an entry of ours leaves under this grant for the first time, and notes that it does.
    fn leaves_first(&mut self, grant: GrantId, entry: &[u8]) -> Result<bool, ReadError> {
        let (at, seq) = layout::left(grant, entry).ok_or_else(|| damaged(entry))?;
        let next: u64 = self.view.read(&at)?.unwrap_or(0);
        if seq < next {
            return Ok(false);
        }
        self.view.write(at, &(seq + 1));
        Ok(true)
    }

    pub(super) fn write_journal(&mut self, lines: &[Sent]) -> Result<(), ReadError> {
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
        self.strangers.remove(&connection);
        self.asking_gone(connection);
        self.relay.gone(connection);
        self.visit_gone(now, rng, connection);
        if let Some(live) = self.sessions.remove(&connection)
            && !live.spare
        {
            self.tell_gone(&live);
            self.dial_later(now, rng, live.peer);
        }
    }

    fn tell_gone(&mut self, live: &Live) {
        if live.told {
            self.event(Event::ContactOffline {
                person: live.person,
            });
        }
    }

    pub(super) fn dial_failed(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        peer: TransportId,
    ) {
        self.relay_not_reached(now, rng, peer);
        self.dial_later(now, rng, peer);
    }

    fn dial_later(&mut self, now: Timestamp, rng: &mut impl CryptoRng, peer: TransportId) {
        if let Some(dial) = self.dials.get_mut(&peer) {
            let slower = if sim_point!(self, DialLate) { 4 } else { 1 };
            dial.later(now, rng, slower);
        }
    }

    pub(super) fn dial_soon(&mut self, now: Timestamp) {
        for dial in self.dials.values_mut().filter(|dial| !dial.paused) {
            *dial = Dial::due(now);
        }
    }

    /// A node that we look for is on the local network: dialled at once, unless it is to be left alone.
    pub(super) fn found_nearby(&mut self, now: Timestamp, peer: TransportId) {
        if let Some(dial) = self.dials.get_mut(&peer) {
            dial.is_nearby(now);
        }
        if let Some(visiting) = self.visiting.get_mut(&peer) {
            visiting.is_nearby(now);
        }
    }

    /// Dials a node at once, unless it is to be left alone.
    pub(super) fn dial_now(&mut self, now: Timestamp, peer: TransportId) {
        let dial = self.dials.entry(peer).or_insert(Dial::due(now));
        if !dial.paused {
            *dial = Dial::due(now);
        }
    }

    pub(super) fn dial_due(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        if self.listening.is_none() {
            return;
        }
        let neighbours = self.neighbours_to_dial(now);
        let due: Vec<TransportId> = self
            .dials
            .iter()
            .filter(|(peer, dial)| {
                !dial.under_way
                    && (!dial.rests || neighbours.contains(peer))
                    && dial.is_due(now)
                    && self.session_with(**peer).is_none()
            })
            .map(|(peer, _)| *peer)
            .collect();
        for peer in due {
            match self.node(peer) {
                // A device of ours that was removed hears of it when it dials.
                Ok(Some(Node { person, addresses }))
                    if !addresses.is_empty()
                        && (person != self.me.person || self.is_own_node(peer)) =>
                {
                    let rests = !neighbours.contains(&peer)
                        && self.is_only_neighbour(peer, person).unwrap_or(false);
                    if let Some(dial) = self.dials.get_mut(&peer) {
                        dial.rests = rests;
                        dial.under_way = !rests;
                    }
                    if rests {
                        continue;
                    }
                    self.effects.push(Output::Dial { peer, addresses });
                }
                _ => self.dial_later(now, rng, peer),
            }
        }
    }

    /// When the next dial is due.
    pub(super) fn next_dial(&self) -> Option<Timestamp> {
        self.listening.as_ref()?;
        self.dials
            .iter()
            .filter(|(peer, dial)| {
                !dial.under_way && !dial.rests && self.session_with(**peer).is_none()
            })
            .map(|(_, dial)| dial.at)
            .min()
    }

    /// How far we are with everybody whom we meet.
    pub(super) fn reach(&mut self) -> Result<Done, CommandError> {
        let mut peers = self.relays_reached()?;
        let devices = self.device_names()?;
        for (node, Node { person, addresses }) in self.nodes()? {
            let own = person == self.me.person;
            if addresses.is_empty() || own && !self.is_own_node(node) {
                continue; // nowhere to go to
            }
            let device = self.me.authority.device_of_transport(&node);
            let name = match device.map(|device| device.signing) {
                Some(device) => devices.get(&device).cloned(),
                None => self.contact(person)?.map(|contact| contact.name),
            };
            let live = self
                .session_with(node)
                .and_then(|it| self.sessions.get(&it));
            let feed = self.feed(node)?;
            peers.push(PeerReach {
                node,
                name: name.unwrap_or_default(),
                role: if own {
                    PeerRole::Device
                } else {
                    PeerRole::Contact
                },
                connected: live.is_some_and(Live::is_open),
                unreached: live.is_none() && self.dials.get(&node).is_some_and(Dial::has_failed),
                waiting: feed.map_or(0, |feed| feed.waiting()),
            });
        }
        Ok(Done::Reached { peers })
    }

    pub(super) fn session_with(&self, peer: TransportId) -> Option<ConnectionId> {
        self.sessions
            .iter()
            .find(|(_, live)| live.peer == peer && !live.spare)
            .map(|(id, _)| *id)
    }

    fn spare_with(&self, peer: TransportId) -> Option<ConnectionId> {
        self.sessions
            .iter()
            .find(|(_, live)| live.peer == peer && live.spare)
            .map(|(id, _)| *id)
    }

    /// Whether there is a session with a node of a person.
    pub(super) fn is_connected(&self, person: PersonId) -> bool {
        let mut live = self.sessions.values();
        live.any(|live| live.person == person && !live.spare)
    }

    pub(super) fn send(&mut self, to: ConnectionId, frame: &Frame) {
        self.effects.push(Output::Send {
            to,
            frame: frame.to_bytes(),
        });
    }

    /// Closes every session with a node.
    pub(super) fn close_all(&mut self, peer: TransportId) {
        let all = self.sessions.iter();
        let all: Vec<ConnectionId> = all
            .filter(|(_, live)| live.peer == peer)
            .map(|(id, _)| *id)
            .collect();
        for connection in all {
            self.close(connection);
        }
    }

    pub(super) fn close(&mut self, connection: ConnectionId) {
        if let Some(live) = self.sessions.remove(&connection) {
            self.tell_gone(&live);
        }
        self.effects.push(Output::Close { connection });
    }
}

/// What happens to an entry that the peer has not asked for by a name.
fn unnamed(live: &Live, grant: GrantId) -> Turn {
    if live.session.has_named_all() {
        Turn::PassedOver(grant)
    } else {
        Turn::Waits
    }
}

/// Adds to the journal; things of one kind under one grant that leave together are one line.
fn note(journal: &mut Vec<Sent>, line: Sent) {
    match journal.last_mut() {
        Some(last) if last.why == line.why && last.what == line.what => {
            last.rows += line.rows;
            last.bytes += line.bytes;
        }
        _ => journal.push(line),
    }
}
