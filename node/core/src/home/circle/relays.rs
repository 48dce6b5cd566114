//! Relays that carry circles: what their members write waits there for those who are away.
//!
//! An admin names a relay in the circle; the nodes of all members visit it. A circle at a relay has a feed like a
//! node's, under an id that stands for both: what is due is sealed into entries of the mailbox of a generation, and what others
//! left there is taken in like what a member's node sends.
//!
//! | state | event | outcome |
//! |---|---|---|
//! | - | its time has come | dialled |
//! | - | connected | codes are shown, the mailboxes of all keys that are held are named |
//! | visiting | found | what the relay has lost of ours is due again |
//! | visiting | an entry | opened; its items are taken in; acknowledged once durable |
//! | visiting | all that was there has come | what is due and did not come from there is sealed, and put: at once what is our own news, else after a drawn delay |
//! | visiting | not taken | shown; tried again in another visit |
//! | any | a broken protocol; junk without end | closed; the relay is left alone for a while |
//!
//! **Which mailbox.** What leads to a new key is put into the mailbox of the key before it: one writes in the mailbox *in use*, and goes
//! over to another only once all before the first entry that is sealed under its key has been put. Sealed keys are put
//! into the mailboxes of all keys before, too: who was away finds the next key wherever they stopped.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use maille_protocol::control::Ticket;
use maille_protocol::crypto;
use maille_protocol::defence::{self, Defence};
use maille_protocol::entry::{Body, LogId, LogPlace, LogTip, SealParams, UnverifiedEntry, seal};
use maille_protocol::evaluation::{Member, Role, Who};
use maille_protocol::id::{CircleId, GenerationId, PersonId, SliceId, TransportId};
use maille_protocol::relay::{
    self, Bundle, CODES_MAX, Called, CodeId, Items, LIST_BYTES_MAX, MAILBOXES_MAX, Mailbox,
    PIECE_BYTES_MAX, Postman, Put, PutDone, RelayCode, SEEN_MAX, Stored, Visit, Visited,
};
use maille_protocol::sync::{CREDIT_BYTES, CircleItem, Cursor, Frame, Name};
use maille_protocol::time::Timestamp;
use maille_protocol::wire::{self, V1};
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;

use super::super::Home;
use super::super::link::{Dial, PAUSE_MS};
use super::super::taking::{Refused, theirs};
use super::duties::soon;
use super::{Circle, Edit, PART};
use crate::command::{CommandError, Done, PeerReach, PeerRole, RelayShown};
use crate::io::{ConnectionId, Event, Output, Store};
use crate::layout;
use crate::state::{Carried, Due, Feed, Post, ReadLog, Sent, SentKind, Why};
use crate::view::{ReadError, damaged};

/// Most relays of one circle.
const RELAYS_MAX: usize = 4;
/// Items that do not hold, in one visit, after which the relay is left alone.
const JUNK_MAX: u32 = 64;
/// How often a relay may lose what it kept before it is given time.
const LOST_MAX: u32 = 3;
/// Most keys of one circle whose mailboxes are looked for.
const KEYS_MAX: usize = 64;
/// Most sealed keys in one list for an earlier mailbox.
const KEYS_PER_LIST: usize = 64;
/// How long what others made waits before it is put: most often they have put it themselves, milliseconds. So does what a
/// relay has lost, which all who visit it see at once: the first of them puts it, and the others read that.
const OTHERS_MS: (u64, u64) = (3_000, 10_000);
/// In a larger circle it waits so much longer for each member, at most: so long that one or two have begun
/// before the others have read it.
const EACH_MS: u64 = 300;
/// A relay that answers late hands on late, too, what others put: it waits so much longer, at most.
const LATE_MS_MAX: u64 = 120_000;
/// Longest list of items that is put at once, if there is more than one, bytes.
const LIST_BYTES: usize = PIECE_BYTES_MAX / 2;
/// In how many mailboxes before the one in use sealed keys are put, too.
const EARLIER_MAX: usize = 8;

/// What an admin says of a relay, in an entry of the circle.
#[derive(Clone, Debug, Encode, Decode)]
pub(super) enum RelaySaid {
    /// It carries the circle.
    #[n(0)]
    Use(#[n(0)] RelayCode),
    /// It does no more.
    #[n(1)]
    Drop(#[n(0)] CodeId),
}

/// The relays of a circle, by what stands.
#[derive(Debug, Default)]
pub(super) struct Relays {
    named: BTreeMap<CodeId, RelayCode>,
    dropped: BTreeSet<CodeId>,
    /// Something was heard that nobody has looked at yet.
    news: bool,
}

impl Relays {
    fn hear(&mut self, said: RelaySaid) {
        self.news = true;
        match said {
            RelaySaid::Use(code) => {
                self.named.insert(code.id(), code);
            }
            RelaySaid::Drop(code) => {
                self.dropped.insert(code);
            }
        }
    }

    /// The code by which a relay carries the circle, if it does.
    fn at(&self, relay: TransportId) -> Option<&RelayCode> {
        self.in_force().find(|code| code.relay == relay)
    }

    /// Those that carry the circle now.
    fn in_force(&self) -> impl Iterator<Item = &RelayCode> {
        let named = self.named.iter();
        (named.filter(|(id, _)| !self.dropped.contains(*id)))
            .map(|(_, code)| code)
            .take(RELAYS_MAX)
    }
}

/// Stands for a circle at a relay, where feeds are kept by the node that they are for.
fn carried_id(relay: TransportId, circle: CircleId) -> TransportId {
    let parts: [&[u8]; 2] = [relay.as_bytes(), circle.as_bytes()];
    TransportId::from_bytes(crypto::hash("maille circle at relay v1", &parts))
}

/// A relay that this node visits.
pub(in crate::home) struct Visiting {
    dial: Dial,
    addresses: Vec<String>,
    visit: Option<UnderWay>,
}

/// A visit.
struct UnderWay {
    connection: ConnectionId,
    /// Keys whose mailboxes were named.
    keys: BTreeSet<(CircleId, GenerationId)>,
    mailboxes: BTreeMap<Name, Named>,
    /// The last number that something was put under.
    put: u64,
    under_way: VecDeque<(u64, Name, Option<u64>, usize)>,
    under_way_bytes: usize,
    /// The last number that something came under.
    came: u64,
    junk: u32,
    /// Circles that have something to be put, and when.
    due: BTreeMap<CircleId, Timestamp>,
    /// What bundles say that there is.
    seen: BTreeMap<(SliceId, LogId), u64>,
    /// Names for which no answer has come.
    asked: VecDeque<Vec<Name>>,
    /// Since when.
    asked_at: Option<Timestamp>,
    /// The longest that the relay has taken to answer.
    late_ms: u64,
    /// Codes that were shown.
    codes: BTreeSet<CodeId>,
    /// Circles of which all that was there has come, and what is due was looked at.
    looked_at: BTreeSet<CircleId>,
}

/// What becomes of a visit.
enum Next {
    GoesOn,
    /// Another one begins at once.
    Anew,
    /// Another one, later.
    Later,
}

/// A mailbox that was named in a visit.
struct Named {
    circle: CircleId,
    generation: GenerationId,
    mailbox: Mailbox,
    /// Our own log there, which we need not be handed.
    own: LogId,
    /// Whether it is there; `None`: nothing was heard of it.
    found: Option<bool>,
    /// The position up to which it was there when it was found.
    end: u64,
    /// The position up to which it was taken in.
    position: u64,
    /// Who we are to the relay was put.
    told: bool,
    /// It did not take something: nothing is put here until then.
    refused: Option<Timestamp>,
}

impl UnderWay {
    const fn new(connection: ConnectionId) -> Self {
        Self {
            connection,
            keys: BTreeSet::new(),
            mailboxes: BTreeMap::new(),
            put: 0,
            under_way: VecDeque::new(),
            under_way_bytes: 0,
            came: 0,
            junk: 0,
            due: BTreeMap::new(),
            seen: BTreeMap::new(),
            asked: VecDeque::new(),
            asked_at: None,
            late_ms: 0,
            codes: BTreeSet::new(),
            looked_at: BTreeSet::new(),
        }
    }
}

impl Circle {
    /// Reads what an admin says of relays.
    pub(super) fn hear_of_relay(&mut self, by: PersonId, said: RelaySaid) {
        // What stands of an admin who has left stands.
        let all = self.replica.circle().statements().outcome().members();
        let is_admin = |it: &Member| it.who == Who::Person(by) && it.role == Role::Admin;
        if all.values().any(is_admin) {
            self.relays.hear(said);
        }
    }

    /// The ids that stand for this circle at the relays that carry it.
    pub(super) fn carried(&self) -> Vec<TransportId> {
        let id = self.id();
        let carried: BTreeSet<TransportId> = (self.relays.in_force())
            .map(|code| carried_id(code.relay, id))
            .collect();
        carried.into_iter().collect()
    }
}

impl<S: Store> Home<S> {
    /// Lets a relay carry a circle, from now on for all its members.
    pub(in crate::home) fn circle_relay_use(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (circle, code): (Option<&str>, RelayCode),
    ) -> Result<Done, CommandError> {
        if code.until <= now {
            return Err(CommandError::EndsInThePast {
                until: code.until,
                now,
            });
        }
        let id = self.circle_or_own(circle)?;
        if code.relay == self.me.secrets.transport {
            return Err(CommandError::OwnRelay);
        }
        self.with_circle(id, |home, circle| {
            let others = circle.relays.in_force().filter(|it| it.relay != code.relay);
            if others.count() >= RELAYS_MAX {
                return Err(CommandError::TooMany {
                    what: "relays of a circle".to_owned(),
                    max: RELAYS_MAX as u64,
                });
            }
            // One code for each relay: the newer takes the older one's place.
            let before = circle.relays.in_force().filter(|it| it.relay == code.relay);
            let before: Vec<CodeId> = before.map(RelayCode::id).collect();
            // First the new one, or all would be due there once more.
            let id = code.id();
            let mut said = vec![RelaySaid::Use(code)];
            said.extend(
                before
                    .into_iter()
                    .filter(|it| *it != id)
                    .map(RelaySaid::Drop),
            );
            home.say_of_relays(now, rng, circle, said)
        })
    }

    /// Lets a relay carry a circle no more.
    pub(in crate::home) fn circle_relay_drop(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (circle, relay): (Option<&str>, &str),
    ) -> Result<Done, CommandError> {
        let id = self.circle_or_own(circle)?;
        self.with_circle(id, |home, circle| {
            let typed = relay.to_lowercase();
            let found: Vec<CodeId> = (circle.relays.in_force())
                .filter(|code| {
                    code.relay.to_string().starts_with(&typed) || code.to_string() == typed
                })
                .map(RelayCode::id)
                .collect();
            if found.is_empty() || typed.len() < 10 {
                return Err(CommandError::UnknownRelay {
                    relay: relay.to_owned(),
                });
            }
            let said = found.into_iter().map(RelaySaid::Drop).collect();
            home.say_of_relays(now, rng, circle, said)
        })
    }

    /// The circle that somebody typed, or that of our own devices.
    fn circle_or_own(&mut self, typed: Option<&str>) -> Result<CircleId, CommandError> {
        match typed {
            Some(typed) => self.find_circle(typed),
            None => self.own_circle()?.ok_or(CommandError::OneDevice),
        }
    }

    fn say_of_relays(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &mut Circle,
        said: Vec<RelaySaid>,
    ) -> Result<Done, CommandError> {
        if !circle.is_admin() {
            return Err(CommandError::NotAllowedInCircle {
                circle: circle.name(),
            });
        }
        for said in said {
            self.keep_edit(circle, &Edit::Relay(said));
        }
        self.do_duties(now, rng, circle)?;
        circle.read_cards();
        Ok(Done::CircleRelays {
            circle: circle.name(),
            own: circle.record.own,
            relays: self.relays_shown(circle)?,
        })
    }

    /// The relays of a circle, and how we stand with each.
    pub(in crate::home) fn circle_relays(
        &mut self,
        circle: Option<&str>,
    ) -> Result<Done, CommandError> {
        let id = self.circle_or_own(circle)?;
        self.with_circle(id, |home, circle| {
            Ok(Done::CircleRelays {
                circle: circle.name(),
                own: circle.record.own,
                relays: home.relays_shown(circle)?,
            })
        })
    }

    pub(super) fn relays_shown(&self, circle: &Circle) -> Result<Vec<RelayShown>, ReadError> {
        let mut shown = Vec::new();
        for code in circle.relays.in_force() {
            let carried = carried_id(code.relay, circle.id());
            let state: Option<Carried> = self.view.read(&layout::carried(carried))?;
            let state = state.unwrap_or_default();
            let feed = self.feed(carried)?;
            let visiting = self.visiting.get(&code.relay);
            shown.push(RelayShown {
                relay: code.relay,
                addresses: code.addresses.clone(),
                until: code.until,
                connected: visiting.is_some_and(|it| it.visit.is_some()),
                met: state.met,
                waiting: feed.map_or(0, |feed| feed.waiting()),
                problem: state.problem,
                lost: state.lost,
                withheld: state.withheld,
            });
        }
        Ok(shown)
    }

    /// How far we are with relays.
    pub(in crate::home) fn relays_reached(&self) -> Result<Vec<PeerReach>, ReadError> {
        let mut peers = Vec::new();
        for (relay, visiting) in &self.visiting {
            let mut waiting = 0;
            let carried =
                (self.circles.iter()).filter(|(_, circle)| circle.relays.at(*relay).is_some());
            for (id, _) in carried {
                let feed = self.feed(carried_id(*relay, *id))?;
                waiting += feed.map_or(0, |feed| feed.waiting());
            }
            let visit = visiting.visit.as_ref();
            waiting += visit.map_or(0, |visit| visit.under_way.len() as u64);
            peers.push(PeerReach {
                node: *relay,
                name: String::new(),
                role: PeerRole::Relay,
                // Before it has said what is there nothing is known.
                connected: visit
                    .is_some_and(|visit| !visit.keys.is_empty() && visit.has_come_all()),
                unreached: visit.is_none() && visiting.dial.has_failed(),
                waiting,
            });
        }
        Ok(peers)
    }

    /// Something of a circle is due to its relays, `others` if somebody else made it.
    pub(super) fn due_to_relays(
        &mut self,
        circle: &Circle,
        due: &Due,
        from: Option<TransportId>,
    ) -> Result<(), ReadError> {
        let id = circle.id();
        for carried in circle.carried() {
            if from != Some(carried) && self.view.get(&layout::circle_fed(carried, id))?.is_some() {
                self.append_due(carried, due)?;
            }
        }
        if from.is_none() {
            self.own_news.insert(id);
        }
        Ok(())
    }

    /// Sees which relays are to be visited, and that all of each circle is due to its own.
    fn look_at_relays(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), ReadError> {
        let mut wanted: BTreeMap<TransportId, Vec<String>> = BTreeMap::new();
        let mut changed = Vec::new();
        for (id, circle) in &mut self.circles {
            if !circle.has_member(&self.me.person) {
                continue;
            }
            for code in circle.relays.in_force() {
                wanted.insert(code.relay, code.addresses.clone());
            }
            if std::mem::take(&mut circle.relays.news) {
                changed.push((*id, circle.carried()));
            }
        }
        for (id, carried) in changed {
            self.carry(rng, id, &carried)?;
        }
        wanted.remove(&self.me.secrets.transport);
        let gone: Vec<TransportId> = (self.visiting.keys())
            .filter(|relay| !wanted.contains_key(*relay))
            .copied()
            .collect();
        for relay in gone {
            if let Some(visit) = self.visiting.remove(&relay).and_then(|it| it.visit) {
                self.effects.push(Output::Close {
                    connection: visit.connection,
                });
            }
        }
        for (relay, addresses) in wanted {
            let visiting = self.visiting.entry(relay).or_insert_with(|| Visiting {
                dial: Dial::due(now),
                addresses: Vec::new(),
                visit: None,
            });
            visiting.addresses = addresses;
        }
        Ok(())
    }

    /// Makes all of a circle due to the relays that carry it now, and nothing to those that do no more.
    fn carry(
        &mut self,
        rng: &mut impl CryptoRng,
        id: CircleId,
        carried: &[TransportId],
    ) -> Result<(), ReadError> {
        for (key, state) in self.view.scan_read::<Carried>(layout::CARRIED)? {
            let at = key.get(1..).and_then(|at| <[u8; 32]>::try_from(at).ok());
            let at = TransportId::from_bytes(at.ok_or_else(|| damaged(&key))?);
            if state.circle == Some(id) && !carried.contains(&at) {
                for (key, _) in self.view.scan(&layout::feed_items(at))? {
                    self.view.delete(key);
                }
                self.view.delete(layout::feed(at));
                self.view.delete(layout::circle_fed(at, id));
                self.view.delete(key);
                self.known_by.remove(&at);
            }
        }
        for at in carried {
            let begins = self.feed(*at)?.is_none();
            if begins {
                self.view.write(layout::feed(*at), &Feed::begin(rng));
                let state = Carried {
                    circle: Some(id),
                    ..Carried::default()
                };
                self.view.write(layout::carried(*at), &state);
            }
            self.feed_circle(id, *at)?;
            if begins {
                self.due_again(*at)?;
            }
        }
        Ok(())
    }

    /// Does what is due at relays: dials, names, puts.
    pub(in crate::home) fn visit_relays(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        if self.is_removed() || self.load_circles().is_err() {
            return;
        }
        if self.look_at_relays(now, rng).is_err() {
            self.take_back();
            for circle in self.circles.values_mut() {
                circle.relays.news = true; // they are looked at again
            }
            return;
        }
        let relays: Vec<TransportId> = self.visiting.keys().copied().collect();
        for relay in relays {
            let Some(mut visiting) = self.visiting.remove(&relay) else {
                continue;
            };
            self.flush(); // what failed here takes nothing else back
            let outcome = match &mut visiting.visit {
                Some(visit) => self.go_on(now, rng, relay, visit),
                None => {
                    if self.listening.is_some() && visiting.dial.may_begin(now) {
                        visiting.dial.begins();
                        self.effects.push(Output::Dial {
                            peer: relay,
                            addresses: visiting.addresses.clone(),
                        });
                    }
                    Ok(())
                }
            };
            if outcome.is_err() {
                self.take_back();
                visiting.end(now, &mut self.effects);
            }
            self.visiting.insert(relay, visiting);
        }
        self.own_news.clear();
    }

    /// When a relay is visited, or something is put, next.
    pub(in crate::home) fn next_visit(&self) -> Option<Timestamp> {
        self.listening.as_ref()?;
        (self.visiting.values())
            .filter_map(|visiting| match &visiting.visit {
                Some(visit) => visit.next(),
                None => visiting.dial.next(),
            })
            .min()
    }

    /// A connection that we have asked for, to a relay. Returns whether it is one.
    pub(in crate::home) fn arrived_at_relay(
        &mut self,
        connection: ConnectionId,
        peer: TransportId,
    ) -> bool {
        let Some(visiting) = self.visiting.get_mut(&peer) else {
            return false;
        };
        if !visiting.dial.is_under_way() || visiting.visit.is_some() {
            return false;
        }
        visiting.dial.arrived();
        visiting.visit = Some(UnderWay::new(connection));
        true
    }

    /// A dial has come to nothing, be it a relay's. Returns whether it was.
    pub(in crate::home) fn relay_not_reached(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        peer: TransportId,
    ) {
        if let Some(visiting) = self.visiting.get_mut(&peer)
            && visiting.dial.is_under_way()
        {
            visiting.dial.later(now, rng, 1);
        }
    }

    pub(in crate::home) fn visit_gone(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
    ) {
        let mut all = self.visiting.values_mut();
        let visiting = all.find(|it| it.is_by(connection));
        if let Some(visiting) = visiting {
            visiting.visit = None;
            visiting.dial.later(now, rng, 1);
        }
    }

    pub(in crate::home) fn is_visit(&self, connection: ConnectionId) -> bool {
        self.visiting.values().any(|it| it.is_by(connection))
    }

    /// A relay says something.
    pub(in crate::home) fn relay_says(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        connection: ConnectionId,
        bytes: &[u8],
    ) {
        let found = (self.visiting.iter()).find(|(_, it)| it.is_by(connection));
        let Some(relay) = found.map(|(relay, _)| *relay) else {
            return;
        };
        let Some(mut visiting) = self.visiting.remove(&relay) else {
            return;
        };
        let outcome = match &mut visiting.visit {
            Some(visit) => self.relay_said(now, rng, (relay, visit), bytes),
            None => Ok(Next::GoesOn),
        };
        visiting.dial.has_worked(); // a relay that closes without a byte is asked less and less often
        match outcome {
            Ok(Next::GoesOn) => {}
            Ok(Next::Anew) => {
                visiting.end(now, &mut self.effects);
                visiting.dial = Dial::due(now);
            }
            Ok(Next::Later) => visiting.end(now, &mut self.effects),
            Err(refused) => {
                self.take_back();
                visiting.end(now, &mut self.effects);
                if let Refused::Peer(what) = refused {
                    self.event(Event::Violation { peer: relay, what });
                }
            }
        }
        self.visiting.insert(relay, visiting);
    }

    fn relay_said(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (relay, visit): (TransportId, &mut UnderWay),
        bytes: &[u8],
    ) -> Result<Next, Refused> {
        match Frame::from_bytes(bytes) {
            Ok(Frame::Visited(visited)) => {
                return self.was_found(now, rng, (relay, visit), &visited);
            }
            Ok(Frame::PutDone(done)) => return self.was_put(now, relay, visit, done),
            Ok(Frame::Stored(stored)) => {
                self.take_stored(now, rng, (relay, visit), stored)?;
                if visit.junk > JUNK_MAX {
                    // Members may have put it: it is behind us, and nobody is at fault.
                    return Ok(Next::Later);
                }
            }
            Ok(_) => return Err(theirs("a frame that no relay says")),
            Err(error) => return Err(theirs(error)),
        }
        Ok(Next::GoesOn)
    }

    /// Goes on with a visit: names new keys, puts what is due.
    fn go_on(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        relay: TransportId,
        visit: &mut UnderWay,
    ) -> Result<(), Refused> {
        self.name_mailboxes(rng, relay, visit)?;
        if !visit.asked.is_empty() {
            visit.asked_at.get_or_insert(now);
        }
        let circles: BTreeSet<CircleId> = visit.keys.iter().map(|(circle, _)| *circle).collect();
        for id in circles {
            self.with_circle(id, |home, circle| {
                home.put_due(now, rng, circle, (relay, &mut *visit))
            })?;
        }
        Ok(())
    }

    /// Names the mailboxes of keys that were not named in this visit, and shows codes that were not shown.
    fn name_mailboxes(
        &mut self,
        rng: &mut impl CryptoRng,
        relay: TransportId,
        visit: &mut UnderWay,
    ) -> Result<(), ReadError> {
        let me = self.me.secrets.transport;
        let (mut codes, mut keys) = (Vec::new(), Vec::new());
        for (id, circle) in &self.circles {
            let Some(code) = circle.relays.at(relay) else {
                continue;
            };
            if !circle.has_member(&self.me.person) {
                continue;
            }
            if codes.len() < CODES_MAX && visit.codes.insert(code.id()) {
                codes.push(code.shown_by(&me));
            }
            let named = visit.keys.iter().filter(|(circle, _)| circle == id).count();
            let current = circle.replica.sealed_under(PART).ok();
            let mut new: Vec<_> = (circle.replica.held_keys())
                .filter(|(generation, _)| !visit.keys.contains(&(*id, *generation)))
                .collect();
            // Whoever makes keys without number keeps nobody from the one that is sealed under.
            new.sort_by_key(|(generation, _)| Some(*generation) != current);
            let is_current = |it: &GenerationId| Some(*it) == current;
            let room = KEYS_MAX.saturating_sub(named);
            let new = (new.into_iter().enumerate())
                .filter(|(at, (generation, _))| *at < room || is_current(generation))
                .map(|(_, (generation, key))| (*id, generation, Mailbox::of(key, relay)));
            keys.extend(new);
        }
        if codes.is_empty() && keys.is_empty() {
            return Ok(());
        }
        let mut called = Vec::new();
        for (circle, generation, mailbox) in keys {
            let slice = mailbox.id();
            if self
                .post(slice)?
                .is_of_another(self.me.secrets.installation)
            {
                self.post_anew(rng, (relay, circle), slice)?; // this store was restored
            }
            let post = self.post(slice)?;
            let postman = self.postman(&mailbox, post.epoch)?;
            called.push(Called {
                name: mailbox.name(&me),
                cursor: post.cursor,
                last: post.last,
                log: postman.log.id(),
            });
            visit.keys.insert((circle, generation));
            let named = Named {
                circle,
                generation,
                end: 0,
                position: post.cursor.position,
                found: None,
                told: false,
                refused: None,
                own: postman.log.id(),
                mailbox,
            };
            visit.mailboxes.insert(named.mailbox.name(&me), named);
        }
        let none: &[Called] = &[];
        let frames = called.chunks(MAILBOXES_MAX);
        let frames: Vec<&[Called]> = if called.is_empty() {
            vec![none]
        } else {
            frames.collect()
        };
        for mailboxes in frames {
            let names = mailboxes.iter().map(|called| called.name);
            visit.asked.push_back(names.collect());
            let visits = Visit {
                version: V1,
                codes: std::mem::take(&mut codes),
                mailboxes: mailboxes.to_vec(),
            };
            self.send(visit.connection, &Frame::Visit(visits));
        }
        Ok(())
    }

    fn post(&self, slice: SliceId) -> Result<Post, ReadError> {
        Ok(self.view.read(&layout::post(slice))?.unwrap_or_default())
    }

    fn postman(&self, mailbox: &Mailbox, epoch: u32) -> Result<Postman, ReadError> {
        let secrets = &self.me.secrets;
        (mailbox.postman(&secrets.device, secrets.installation, epoch)).map_err(|_| damaged(b"y"))
    }

    /// The relay says what is there of what was named.
    fn was_found(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (relay, visit): (TransportId, &mut UnderWay),
        visited: &Visited,
    ) -> Result<Next, Refused> {
        if let Some(at) = visit.asked_at.take_if(|_| !visited.later) {
            let took = now.as_millis().saturating_sub(at.as_millis());
            visit.late_ms = visit.late_ms.max(took.min(LATE_MS_MAX));
        }
        let mut lost = BTreeSet::new();
        for found in &visited.found {
            let Some(named) = visit.mailboxes.get_mut(&found.name) else {
                return Err(theirs("found what was not looked for"));
            };
            let slice = named.mailbox.id();
            named.found = Some(true);
            named.end = found.end;
            let mut post = self.post(slice)?;
            // More than we know of was written in this log by a copy of this store.
            let copied = found.next_seq > post.tip.next_seq;
            if copied || found.next_seq < post.kept || found.start < post.cursor.position {
                lost.insert((named.circle, slice));
            }
            if found.start > post.cursor.position {
                return Err(theirs("goes on after what was taken in"));
            }
            named.position = found.start;
            if post.cursor.feed != found.feed {
                post.cursor = Cursor {
                    feed: found.feed,
                    position: 0,
                };
                self.view.write(layout::post(slice), &post);
            }
        }
        let asked = if visited.later {
            Vec::new()
        } else {
            visit.asked.pop_front().unwrap_or_default()
        };
        for name in asked {
            if let Some(named) = visit.mailboxes.get_mut(&name)
                && named.found.is_none()
            {
                named.found = Some(false);
                let slice = named.mailbox.id();
                let post = self.post(slice)?;
                if post.kept > 0 || post.cursor.position > 0 {
                    lost.insert((named.circle, slice));
                }
            }
        }
        if lost.is_empty() || planted!(self, BelieveRelay) {
            self.caught_up(now, relay, visit)?;
            return Ok(Next::GoesOn);
        }
        let mut often = false;
        for (circle, slice) in lost {
            often |= self.relay_lost(rng, (relay, circle), slice)? > LOST_MAX;
        }
        // Which reads all again. A relay that loses much has no hurry.
        Ok(if often { Next::Later } else { Next::Anew })
    }

    /// A relay has not what it said it kept; returns how often that was.
    fn relay_lost(
        &mut self,
        rng: &mut impl CryptoRng,
        (relay, circle): (TransportId, CircleId),
        slice: SliceId,
    ) -> Result<u32, ReadError> {
        self.post_anew(rng, (relay, circle), slice)?;
        let at = layout::carried(carried_id(relay, circle));
        let mut state: Carried = self.view.read(&at)?.unwrap_or_default();
        state.lost = state.lost.saturating_add(1);
        self.view.write(at, &state);
        Ok(state.lost)
    }

    /// Begins another log in a mailbox: all of the circle is due at the relay once more.
    fn post_anew(
        &mut self,
        rng: &mut impl CryptoRng,
        (relay, circle): (TransportId, CircleId),
        slice: SliceId,
    ) -> Result<(), ReadError> {
        let post = self.post(slice)?;
        let anew = Post {
            epoch: post.epoch + 1,
            cursor: Cursor {
                position: 0,
                ..post.cursor
            },
            installation: Some(self.me.secrets.installation),
            ..Post::default()
        };
        self.view.write(layout::post(slice), &anew);
        for prefix in [layout::all_outgoing(slice), layout::read_logs(slice)] {
            for (key, _) in self.view.scan(&prefix)? {
                self.view.delete(key);
            }
        }
        let carried = carried_id(relay, circle);
        for (key, _) in self.view.scan(&layout::feed_items(carried))? {
            self.view.delete(key);
        }
        self.view.write(layout::feed(carried), &Feed::begin(rng));
        self.view.delete(layout::circle_fed(carried, circle));
        self.known_by.remove(&carried);
        self.feed_circle(circle, carried)?;
        self.due_again(carried)
    }

    /// All that is due to a relay now was put before, or other members have it, too.
    fn due_again(&mut self, carried: TransportId) -> Result<(), ReadError> {
        let at = layout::carried(carried);
        let mut state: Carried = self.view.read(&at)?.unwrap_or_default();
        state.again_to = self.feed(carried)?.map_or(0, |feed| feed.next);
        self.view.write(at, &state);
        Ok(())
    }

    /// Notes the circles of which all that was there has come.
    fn caught_up(
        &mut self,
        now: Timestamp,
        relay: TransportId,
        visit: &UnderWay,
    ) -> Result<(), Refused> {
        let circles: BTreeSet<CircleId> = visit.keys.iter().map(|(circle, _)| *circle).collect();
        for circle in circles {
            if !visit.has_come(circle) {
                continue;
            }
            let at = layout::carried(carried_id(relay, circle));
            let mut state: Carried = self.view.read(&at)?.unwrap_or_default();
            let mut withheld = 0;
            for ((slice, log), seq) in &visit.seen {
                let of = visit
                    .mailboxes
                    .values()
                    .find(|it| it.mailbox.id() == *slice);
                if of.is_none_or(|named| named.circle != circle || named.own == *log)
                    || defence::is_off(Defence::HolesShow)
                {
                    continue;
                }
                let read: Option<ReadLog> = self.view.read(&layout::read_log(*slice, *log))?;
                let next = read.map_or(0, |read| read.tip.next_seq);
                let missing = seq.saturating_add(1).saturating_sub(next);
                let missing = u32::try_from(missing).unwrap_or(u32::MAX);
                withheld = missing.saturating_add(withheld);
            }
            state.met = Some(now);
            state.withheld = withheld;
            self.view.write(at, &state);
        }
        Ok(())
    }

    fn take_stored(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (relay, visit): (TransportId, &mut UnderWay),
        stored: Stored,
    ) -> Result<(), Refused> {
        if stored.number <= visit.came {
            return Err(theirs("a number that does not rise"));
        }
        visit.came = stored.number;
        let Some(named) = visit.mailboxes.get(&stored.name) else {
            return Err(theirs("an entry of what was not looked for"));
        };
        let (slice, circle) = (named.mailbox.id(), named.circle);
        if stored.position != named.position + 1 {
            return Err(theirs("an entry out of order"));
        }
        let carried = carried_id(relay, circle);
        match self.open_stored(visit, &stored)? {
            Some(items) => {
                let from = (PersonId::from_bytes(*carried.as_bytes()), carried);
                // Whoever put it is not at hand, and the relay cannot know.
                if !self.take_circle_items(now, rng, from, (circle, items))? {
                    visit.junk += 1;
                }
            }
            None => visit.junk += 1,
        }
        let mut post = self.post(slice)?;
        post.cursor.position = stored.position;
        let entry = UnverifiedEntry::decode(&stored.entry).map_err(theirs)?;
        post.last = entry.assume_verified().header_hash();
        self.view.write(layout::post(slice), &post);
        if let Some(named) = visit.mailboxes.get_mut(&stored.name) {
            named.position = stored.position;
        }
        let ack = Frame::Ack {
            position: stored.number,
        };
        self.send(visit.connection, &ack);
        self.caught_up(now, relay, visit)
    }

    /// What an entry says, if its list ends with it; `None` if it is none of the mailbox's.
    fn open_stored(
        &mut self,
        visit: &mut UnderWay,
        stored: &Stored,
    ) -> Result<Option<Vec<CircleItem>>, Refused> {
        let Some(named) = visit.mailboxes.get(&stored.name) else {
            return Ok(None);
        };
        let mailbox = &named.mailbox;
        let entry = UnverifiedEntry::decode(&stored.entry).map_err(theirs)?;
        let claimed = entry.claimed().clone();
        let (slice, log) = (mailbox.id(), claimed.log);
        if claimed.slice != slice || claimed.part != relay::PART {
            return Err(theirs("an entry of another mailbox"));
        }
        let at = layout::read_log(slice, log);
        let mut read: ReadLog = self.view.read(&at)?.unwrap_or_default();
        if claimed.seq < read.tip.next_seq {
            return Ok(Some(Vec::new())); // it was read before the relay numbered anew
        }
        if claimed.seq > read.tip.next_seq {
            // What is missing is shown: somebody has put it, and the relay does not hand it on.
            visit.seen.insert((slice, log), claimed.seq);
            read = ReadLog {
                tip: LogTip {
                    next_seq: claimed.seq,
                    previous: claimed.previous,
                    ..LogTip::START
                },
                begun: Vec::new(),
            };
        }
        let Ok(entry) = entry.verify(&read.tip) else {
            return Ok(None);
        };
        read.tip = entry.tip_after();
        let body = entry.open(mailbox.content()).ok();
        let bundle = body.and_then(|it| wire::decode::<Bundle>(&it.content, it.content.len()).ok());
        let Some(bundle) = bundle else {
            self.view.write(at, &read);
            return Ok(None);
        };
        for place in &bundle.seen {
            let seen = visit.seen.entry((slice, place.log)).or_insert(place.seq);
            *seen = place.seq.max(*seen);
        }
        let mut list = std::mem::take(&mut read.begun);
        list.extend_from_slice(&bundle.piece);
        let fits = list.len() <= LIST_BYTES_MAX;
        if bundle.more && fits {
            read.begun = list;
            self.view.write(at, &read);
            return Ok(Some(Vec::new()));
        }
        self.view.write(at, &read);
        let items = wire::decode::<Items>(&list, LIST_BYTES_MAX).ok();
        Ok(items.filter(|_| fits).map(|items| items.0))
    }

    /// The relay has taken something in, or has not.
    fn was_put(
        &mut self,
        now: Timestamp,
        relay: TransportId,
        visit: &mut UnderWay,
        done: PutDone,
    ) -> Result<Next, Refused> {
        let Some((number, name, seq, bytes)) = visit.under_way.pop_front() else {
            return Err(theirs("an answer to nothing"));
        };
        if number != done.number {
            return Err(theirs("an answer to something else"));
        }
        visit.under_way_bytes -= bytes;
        let Some(named) = visit.mailboxes.get_mut(&name) else {
            return Ok(Next::GoesOn);
        };
        let at = layout::carried(carried_id(relay, named.circle));
        let mut state: Carried = self.view.read(&at)?.unwrap_or_default();
        // Of a relay that is full, all but the entries is still in order.
        // What was under way behind something that was refused says nothing more.
        let tells = named.refused.is_none() && (done.why_not.is_some() || seq.is_some());
        if state.problem != done.why_not && tells {
            state.problem = done.why_not;
            self.view.write(at, &state);
        }
        if done.why_not.is_some() {
            // What comes behind it would not be taken either; what is for other mailboxes may be.
            named.refused = Some(now.plus_millis(PAUSE_MS));
            return Ok(Next::GoesOn);
        }
        if let Some(seq) = seq {
            let slice = named.mailbox.id();
            let mut post = self.post(slice)?;
            if done.position == Some(named.position + 1) {
                named.position += 1;
                post.cursor.position = named.position;
                let at = layout::outgoing(slice, seq);
                let entry = self.view.get(&at)?.ok_or_else(|| damaged(&at))?;
                let entry = UnverifiedEntry::decode(&entry).map_err(|_| damaged(&at))?;
                post.last = entry.assume_verified().header_hash();
            }
            post.kept = post.kept.max(seq + 1);
            self.view.write(layout::post(slice), &post);
            self.view.delete(layout::outgoing(slice, seq));
        }
        Ok(Next::GoesOn)
    }

    /// Seals what is due to a relay, and puts it.
    fn put_due(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &mut Circle,
        (relay, visit): (TransportId, &mut UnderWay),
    ) -> Result<(), Refused> {
        let id = circle.id();
        let code = circle.relays.at(relay);
        let (true, Some(code)) = (visit.has_come(id), code.map(RelayCode::id)) else {
            visit.due.remove(&id);
            return Ok(());
        };
        let carried = carried_id(relay, id);
        let feed = self.feed(carried)?.filter(|feed| !feed.is_drained());
        let first = visit.looked_at.insert(id);
        if let Some(feed) = feed {
            // What others made is put by themselves, most often, and what was lost by whoever's time comes first.
            let own =
                self.own_news.contains(&id) || first && self.owes_own(circle, carried, &feed)?;
            let nodes = circle.replica.circle().members().len() as u64;
            let from = OTHERS_MS.0 + visit.late_ms;
            let span = (
                from,
                from + (OTHERS_MS.1 - OTHERS_MS.0).max(nodes * EACH_MS),
            );
            let due = visit.due.entry(id).or_insert_with(|| soon(now, rng, span));
            // One that lies further ahead was drawn by a clock that has been put back since.
            if own || *due <= now || *due > now.plus_millis(span.1) {
                visit.due.remove(&id);
                self.seal_due(now, circle, (relay, carried, &mut *visit), feed)?;
            }
        } else {
            visit.due.remove(&id);
        }
        self.send_outgoing(now, (id, code), visit)
    }

    /// Whether something that this person made is due to a relay, and was never put there.
    fn owes_own(
        &self,
        circle: &Circle,
        carried: TransportId,
        feed: &Feed,
    ) -> Result<bool, ReadError> {
        let state: Option<Carried> = self.view.read(&layout::carried(carried))?;
        let again_to = state.map_or(0, |state| state.again_to);
        for position in (feed.acked + 1).max(again_to)..feed.next {
            let at = layout::feed_item(carried, position);
            let due: Due = self.view.read(&at)?.ok_or_else(|| damaged(&at))?;
            let Due::Circle { circle: id, number } = due else {
                continue;
            };
            let item = self.view.read(&layout::circle_item(id, number))?;
            if item.and_then(|item| circle.whose(&item)) == Some(self.me.person) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Seals all that is due into entries, which wait to be put.
    fn seal_due(
        &mut self,
        now: Timestamp,
        circle: &mut Circle,
        (relay, carried, visit): (TransportId, TransportId, &mut UnderWay),
        mut feed: Feed,
    ) -> Result<(), Refused> {
        let id = circle.id();
        let Ok(current) = circle.replica.sealed_under(PART) else {
            return Ok(()); // without a key it waits
        };
        let opened: BTreeMap<GenerationId, Mailbox> = (circle.replica.held_keys())
            .map(|(generation, key)| (generation, Mailbox::of(key, relay)))
            .collect();
        let at = layout::carried(carried);
        let mut state: Carried = self.view.read(&at)?.unwrap_or_default();
        let mut in_use = (state.in_use)
            .filter(|generation| opened.contains_key(generation))
            .unwrap_or(current);
        let mut list = Items::default();
        let mut bytes = 0;
        let mut sent = 0;
        let mut keys = Vec::new();
        for position in feed.acked + 1..feed.next {
            let at = layout::feed_item(carried, position);
            let due: Due = self.view.read(&at)?.ok_or_else(|| damaged(&at))?;
            self.view.delete(at);
            let Due::Circle { number, .. } = due else {
                continue;
            };
            let known = self.known_by.get(&carried);
            if known.is_some_and(|known| known.contains(&(id, number))) {
                continue; // it came from there
            }
            let at = layout::circle_item(id, number);
            let Some(item) = self.view.read::<CircleItem>(&at)? else {
                continue; // something newer took its place
            };
            let entry = match &item {
                CircleItem::Entry(bytes) => UnverifiedEntry::decode(bytes).ok(),
                CircleItem::Person(_)
                | CircleItem::Statement(_)
                | CircleItem::Generation(_)
                | CircleItem::Key(_) => None,
            };
            let under = entry.map(|entry| entry.claimed().generation);
            let goes_over = under.is_some_and(|under| under == current && under != in_use);
            if goes_over || (bytes + item.bytes().len() > LIST_BYTES && !list.0.is_empty()) {
                sent += self.seal_list(now, &opened[&in_use], std::mem::take(&mut list))?;
                bytes = 0;
            }
            if goes_over {
                in_use = current;
            }
            if matches!(item, CircleItem::Key(_)) {
                keys.push(item.clone());
            }
            bytes += item.bytes().len();
            list.0.push(item);
        }
        if !list.0.is_empty() {
            sent += self.seal_list(now, &opened[&in_use], list)?;
        }
        // Who stopped at an earlier key finds the next ones there.
        let earlier = visit.mailboxes.values().filter(|named| {
            named.circle == id && named.found == Some(true) && named.generation != in_use
        });
        for named in earlier
            .take(EARLIER_MAX)
            .map(|it| it.generation)
            .collect::<Vec<_>>()
        {
            let Some(mailbox) = opened.get(&named) else {
                continue;
            };
            for some in keys.chunks(KEYS_PER_LIST) {
                sent += self.seal_list(now, mailbox, Items(some.to_vec()))?;
            }
        }
        feed.acked = feed.next - 1;
        self.view.write(layout::feed(carried), &feed);
        state.in_use = Some(current);
        self.view.write(at, &state);
        if sent > 0 {
            self.write_journal(&[Sent {
                at: now,
                to: None,
                why: Why::Circle(id),
                what: SentKind::Circle,
                rows: 0,
                bytes: sent,
            }])?;
        }
        Ok(())
    }

    /// Seals one list for a mailbox; returns how many bytes leave.
    fn seal_list(
        &mut self,
        now: Timestamp,
        mailbox: &Mailbox,
        list: Items,
    ) -> Result<u64, Refused> {
        let slice = mailbox.id();
        let mut post = self.post(slice)?;
        let postman = self.postman(mailbox, post.epoch)?;
        let list = wire::encode(&list);
        let mut seen = self.read_up_to(slice, postman.log.id())?;
        let pieces = list.chunks(PIECE_BYTES_MAX).count();
        let mut sent = 0;
        for (place, piece) in list.chunks(PIECE_BYTES_MAX).enumerate() {
            let bundle = Bundle {
                version: V1,
                seen: std::mem::take(&mut seen),
                more: place + 1 < pieces,
                piece: piece.to_vec(),
            };
            let first = post.tip.next_seq == 0;
            let binding = first.then(|| postman.log.bind(&self.me.signing));
            let (entry, tip) = seal(SealParams {
                slice,
                part: relay::PART,
                generation: mailbox.generation(),
                key: mailbox.content(),
                log: &postman.log,
                tip: &post.tip,
                now,
                body: &Body::new(binding, wire::encode(&bundle)),
            })
            .map_err(|_| damaged(b"y"))?;
            let bytes = entry.to_bytes();
            sent += bytes.len() as u64;
            self.view.put(layout::outgoing(slice, entry.seq()), bytes);
            post.tip = tip;
        }
        post.installation = Some(self.me.secrets.installation);
        self.view.write(layout::post(slice), &post);
        Ok(sent)
    }

    /// How far other logs of a mailbox were read.
    fn read_up_to(&self, slice: SliceId, own: LogId) -> Result<Vec<LogPlace>, ReadError> {
        let mut places = Vec::new();
        for (key, read) in self.view.scan_read::<ReadLog>(&layout::read_logs(slice))? {
            let log = key.get(33..).and_then(|log| <[u8; 32]>::try_from(log).ok());
            let log = LogId::from_bytes(log.ok_or_else(|| damaged(&key))?);
            let Some(seq) = read.tip.next_seq.checked_sub(1).filter(|_| log != own) else {
                continue;
            };
            places.push(LogPlace {
                log,
                seq,
                hash: read.tip.previous,
            });
        }
        places.truncate(SEEN_MAX);
        Ok(places)
    }

    /// Puts what is sealed and not under way, as much as the credit allows.
    fn send_outgoing(
        &mut self,
        now: Timestamp,
        (id, code): (CircleId, CodeId),
        visit: &mut UnderWay,
    ) -> Result<(), Refused> {
        let names: Vec<Name> = (visit.mailboxes.iter())
            .filter(|(_, named)| named.circle == id)
            .map(|(name, _)| *name)
            .collect();
        for name in names {
            let Some(named) = visit.mailboxes.get_mut(&name) else {
                continue;
            };
            match named.refused {
                Some(until) if until > now => continue,
                Some(_) => (named.refused, named.told) = (None, false),
                None => {}
            }
            let slice = named.mailbox.id();
            let waiting = self.view.scan(&layout::all_outgoing(slice))?;
            let under_way = (visit.under_way.iter()).filter(|(_, of, ..)| *of == name);
            let last = under_way.filter_map(|(_, _, seq, _)| *seq).max();
            for (key, entry) in waiting {
                let seq = layout::number_in(&key).ok_or_else(|| damaged(&key))?;
                if last.is_some_and(|last| seq <= last) {
                    continue;
                }
                if !visit.has_credit(entry.len()) {
                    return Ok(());
                }
                if !visit.mailboxes[&name].told {
                    self.introduce(code, visit, name)?;
                }
                self.put_in(visit, name, Some(seq), Put::Entry(entry));
            }
        }
        Ok(())
    }

    /// Tells a relay who writes in a mailbox, and on which code's room.
    fn introduce(&mut self, code: CodeId, visit: &mut UnderWay, name: Name) -> Result<(), Refused> {
        let Some(named) = visit.mailboxes.get_mut(&name) else {
            return Ok(());
        };
        named.told = true;
        named.found = Some(true);
        let mailbox = named.mailbox.clone();
        let post = self.post(mailbox.id())?;
        let postman = self.postman(&mailbox, post.epoch)?;
        let opening = Put::Open {
            code,
            control: postman.control.to_bytes(),
            access: mailbox.access().clone(),
        };
        self.put_in(visit, name, None, opening);
        let ticket = Ticket::sign(&postman.log, postman.membership, &postman.write_key);
        self.put_in(visit, name, None, Put::Ticket(ticket.to_bytes()));
        Ok(())
    }

    fn put_in(&mut self, visit: &mut UnderWay, name: Name, seq: Option<u64>, what: Put) {
        visit.put += 1;
        let (number, bytes) = (visit.put, what.len());
        visit.under_way.push_back((number, name, seq, bytes));
        visit.under_way_bytes += bytes;
        self.send(visit.connection, &Frame::Put { number, name, what });
    }
}

impl UnderWay {
    /// Whether all of a circle has come that was there when its mailboxes were named.
    fn has_come(&self, circle: CircleId) -> bool {
        let mut named = self
            .mailboxes
            .values()
            .filter(|named| named.circle == circle);
        named.all(|named| match named.found {
            None => false,
            Some(true) => named.position >= named.end,
            Some(false) => true,
        })
    }

    /// When something is to be put next.
    fn next(&self) -> Option<Timestamp> {
        let refused = self.mailboxes.values().filter_map(|named| named.refused);
        self.due.values().copied().chain(refused).min()
    }

    fn has_come_all(&self) -> bool {
        self.keys.iter().all(|(circle, _)| self.has_come(*circle))
    }

    fn has_credit(&self, bytes: usize) -> bool {
        self.under_way.is_empty() || self.under_way_bytes + bytes <= CREDIT_BYTES
    }
}

impl Visiting {
    pub(in crate::home) fn is_by(&self, connection: ConnectionId) -> bool {
        (self.visit.as_ref()).is_some_and(|visit| visit.connection == connection)
    }

    /// The relay was seen on the local network.
    pub(in crate::home) fn is_nearby(&mut self, now: Timestamp) {
        self.dial.is_nearby(now);
    }

    /// Ends a visit that cannot go on; the relay is left alone for a while.
    fn end(&mut self, now: Timestamp, effects: &mut Vec<Output>) {
        if let Some(visit) = self.visit.take() {
            effects.push(Output::Close {
                connection: visit.connection,
            });
        }
        self.dial = Dial::due(now.plus_millis(PAUSE_MS));
    }
}

#[cfg(test)]
impl<S: Store> Home<S> {
    /// How far a mailbox at a relay was taken in.
    pub(in crate::home) fn relay_position(&self, relay: TransportId, name: Name) -> u64 {
        let visit = self.visiting[&relay].visit.as_ref();
        visit.map_or(0, |visit| visit.mailboxes[&name].position)
    }
}
