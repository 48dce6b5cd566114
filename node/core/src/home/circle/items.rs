//! Items of a circle: taken in, kept, passed on.
//!
//! | what came of an item | outcome |
//! |---|---|
//! | new | kept under the next number, due to every member but the one it came from; what waited is tried again |
//! | known | nothing; it is not sent to who sent it |
//! | waits for something | kept aside within bounds, see `waiting`, and named as if it were here, so that it is not sent at each meeting |
//! | of no use here | nothing |
//! | more than is kept of who made it | nothing |
//! | malformed or badly signed | the peer's fault |

use std::collections::BTreeSet;

use maille_protocol::card::Card;
use maille_protocol::crypto;
use maille_protocol::entry::UnverifiedEntry;
use maille_protocol::evaluation::{InsertError, Speaker, Who};
use maille_protocol::generation::SignedGeneration;
use maille_protocol::id::{CircleId, PersonId, TransportId};
use maille_protocol::principal::UnverifiedAuthority;
use maille_protocol::replica::{RefusedError, Taken};
use maille_protocol::ring::KeyObject;
use maille_protocol::statement::{Kind, UnverifiedStatement};
use maille_protocol::sync::{CircleItem, Item};
use maille_protocol::time::Timestamp;
use maille_protocol::wire::{self, FRAME_BYTES_MAX};
use rand_core::CryptoRng;

use super::super::Home;
use super::super::link::{Live, Turn};
use super::super::taking::{Refused, theirs};
use super::waiting::{self, Needed};
use super::{Circle, CircleContent, MemberCard};
use crate::command::CommandError;
use crate::io::{Event, Store};
use crate::layout;
use crate::state::{Contact, Due, Holding, Node, SentKind, WaitingItem};
use crate::view::ReadError;

/// What came of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is to be kept: as it came, or what it made of what was held.
    New(CircleItem),
    Known,
    /// It is to come again once this is here.
    Waits(Needed),
    Useless,
}

/// Whose authority somebody says that this is.
fn person_in(authority: &[u8]) -> Option<PersonId> {
    (UnverifiedAuthority::decode(authority).ok()?).claimed_person()
}

/// Names an item in the store: of a person there is one.
pub(crate) fn hash_of(item: &CircleItem) -> [u8; 32] {
    let kind: &[u8] = match item {
        CircleItem::Person(bytes) => {
            return crypto::hash(
                "maille circle person v1",
                &[person_in(bytes)
                    .map_or([0; 32], |it| *it.as_bytes())
                    .as_slice()],
            );
        }
        CircleItem::Statement(_) => b"s",
        CircleItem::Generation(_) => b"g",
        CircleItem::Key(_) => b"k",
        CircleItem::Entry(_) => b"e",
    };
    crypto::hash("maille circle item v1", &[kind, item.bytes()])
}

impl Circle {
    /// Takes in items that were taken in before.
    pub(super) fn fill(&mut self, items: impl IntoIterator<Item = CircleItem>) {
        let (mut statements, mut objects, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            match item {
                CircleItem::Person(_) => {
                    let _ = self.take_person(item.bytes(), true);
                }
                CircleItem::Statement(bytes) => {
                    let said = UnverifiedStatement::decode(&bytes);
                    statements.extend(said.map(UnverifiedStatement::assume_verified));
                }
                CircleItem::Key(bytes) => objects.extend(KeyObject::decode(&bytes)),
                CircleItem::Generation(_) | CircleItem::Entry(_) => rest.push(item),
            }
        }
        // They were taken one by one; together nothing of them is missing.
        let _ = self.replica.take_statements(statements);
        self.replica.take_objects(objects);
        for item in rest {
            let _ = self.take(&item);
        }
    }

    /// Whether a person's authority is of use here: they belong to the circle, or did.
    fn wants(&self, person: &PersonId) -> bool {
        let circle = self.replica.circle();
        let is_them = |who: &Who| *who == Who::Person(*person);
        circle.charter().founders.iter().any(is_them)
            || circle.statements().iter().any(
                |said| matches!(&said.statement().kind, Kind::Person { person: of, .. } if of == person),
            )
    }

    fn take_person(&mut self, bytes: &[u8], before: bool) -> Result<Outcome, Refused> {
        let authority = UnverifiedAuthority::decode(bytes).map_err(theirs)?;
        let Some(person) = authority.claimed_person() else {
            return Err(theirs("an authority of nobody"));
        };
        if !before && !self.wants(&person) {
            return Ok(Outcome::Waits(*person.as_bytes()));
        }
        let authority = if before {
            authority.verified_before(person)
        } else {
            authority.verify(person)
        };
        if !self.replica.meet(authority.map_err(theirs)?) {
            return Ok(Outcome::Known);
        }
        let held = &self.replica.known().people[&person];
        Ok(Outcome::New(CircleItem::Person(held.to_bytes())))
    }

    fn take(&mut self, item: &CircleItem) -> Result<Outcome, Refused> {
        let new = || Ok(Outcome::New(item.clone()));
        match item {
            CircleItem::Person(bytes) => self.take_person(bytes, false),
            CircleItem::Statement(bytes) => {
                let said = UnverifiedStatement::decode(bytes).map_err(theirs)?;
                let subject = said.claimed().subject;
                if subject != self.subject() && subject != self.slice() {
                    return Ok(Outcome::Useless);
                }
                let said = said.verify().map_err(theirs)?;
                if self.replica.holds(&said) {
                    return Ok(Outcome::Known);
                }
                match self.replica.take_statements([said]) {
                    Ok(()) => new(),
                    Err(RefusedError::Statement(InsertError::Missing(id))) => {
                        Ok(Outcome::Waits(*id.as_bytes()))
                    }
                    Err(_) => Ok(Outcome::Useless),
                }
            }
            CircleItem::Generation(bytes) => {
                let signed: SignedGeneration =
                    wire::decode(bytes, FRAME_BYTES_MAX).map_err(theirs)?;
                let id = *signed.id().as_bytes();
                if self.replica.knows_key(&id) {
                    return Ok(Outcome::Known);
                }
                match self.replica.take_generation(signed) {
                    Ok(()) => new(),
                    Err(RefusedError::Generation(error)) => Err(theirs(error)),
                    Err(_) => Ok(Outcome::Useless),
                }
            }
            CircleItem::Key(bytes) => {
                let object = KeyObject::decode(bytes).map_err(theirs)?;
                if !self.replica.knows_key(&object.target) {
                    return Ok(Outcome::Waits(object.target));
                }
                if self.replica.take_objects([object]) {
                    new()
                } else {
                    Ok(Outcome::Known)
                }
            }
            CircleItem::Entry(bytes) => {
                let entry = UnverifiedEntry::decode(bytes).map_err(theirs)?;
                let (log, seq) = (entry.claimed().log, entry.claimed().seq);
                match self.replica.take_entry(entry) {
                    Ok(Taken::New) => new(),
                    Ok(Taken::Known) => Ok(Outcome::Known),
                    Ok(Taken::Early) => Ok(seq.checked_sub(1).map_or(Outcome::Useless, |before| {
                        Outcome::Waits(waiting::place(log, before))
                    })),
                    Ok(Taken::Crowded) => Ok(Outcome::Useless),
                    Err(RefusedError::Entry(error)) => Err(theirs(error)),
                    Err(_) => Ok(Outcome::Useless),
                }
            }
        }
    }

    /// Reads what members say of themselves in entries that were not looked at; returns who said something new.
    /// Sees, too, whether one that was looked at stands no more.
    pub(super) fn read_cards(&mut self) -> BTreeSet<PersonId> {
        let (mut found, mut news, mut relays) = (Vec::new(), BTreeSet::new(), Vec::new());
        let before = std::mem::take(&mut self.read);
        let mut still = 0;
        for it in self.replica.standing() {
            let hash = it.entry.header_hash();
            let Some(content) = it.content else {
                continue;
            };
            self.read.insert(hash);
            if before.contains(&hash) {
                still += 1;
                continue;
            }
            let content = CircleContent::of(content);
            let Some(person) = self.replica.person_of(&it.author.speaker()) else {
                continue;
            };
            if let Some(card) = content.card {
                found.push((person, it.author.device, card));
            }
            relays.extend(content.relay.map(|said| (person, said)));
        }
        self.fell |= still < before.len();
        for (person, said) in relays {
            self.hear_of_relay(person, said);
        }
        for (person, device, card) in found {
            if card.name.chars().any(char::is_control) || card.name.is_empty() {
                continue;
            }
            let is_newer =
                |known: Option<&MemberCard>| known.is_none_or(|known| known.number < card.number);
            if is_newer(self.places.get(&device)) {
                self.places.insert(device, card.clone());
                news.insert(person);
            }
            if is_newer(self.cards.get(&person)) {
                self.cards.insert(person, card);
            }
        }
        news
    }
}

impl<S: Store> Home<S> {
    /// Takes in an item from a person's node.
    pub(in crate::home) fn take_circle_item(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        from: (PersonId, TransportId),
        (id, item): (CircleId, CircleItem),
    ) -> Result<(), Refused> {
        if self.take_if_new(now, rng, from, (id, item))? {
            self.with_circle(id, |home, circle| home.took(now, rng, circle))?;
        }
        Ok(())
    }

    /// Takes in a list of items; what follows from them is seen once. Returns whether all hold: what is behind the first
    /// that does not is not looked at.
    pub(super) fn take_circle_items(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        from: (PersonId, TransportId),
        (id, items): (CircleId, Vec<CircleItem>),
    ) -> Result<bool, Refused> {
        let (mut any, mut all_hold) = (false, true);
        for item in items {
            match self.take_if_new(now, rng, from, (id, item)) {
                Ok(new) => any |= new,
                Err(Refused::Peer(_)) => {
                    all_hold = false;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        if any {
            self.with_circle(id, |home, circle| home.took(now, rng, circle))?;
        }
        Ok(all_hold)
    }

    /// Takes in an item, but nothing of what follows from it; returns whether it was new.
    fn take_if_new(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        from: (PersonId, TransportId),
        (id, item): (CircleId, CircleItem),
    ) -> Result<bool, Refused> {
        if self.view.get(&layout::circle(id))?.is_none() {
            return Ok(false); // a circle that we are not in, or not any more
        }
        if let CircleItem::Person(bytes) = &item
            && person_in(bytes) == Some(self.me.person)
        {
            // Of ourselves, too, others may know more than this device.
            self.hear_own_authority(now, rng, bytes)?;
        }
        if from.0 == self.me.person && !self.is_own_node(from.1) {
            return Ok(false); // of a device that was removed; what it wrote before comes from the others
        }
        let hash = hash_of(&item);
        let known = self.view.read::<u64>(&layout::circle_number(id, &hash))?;
        if let Some(number) = known
            && self.is_kept_as(id, number, &item)?
        {
            let known = self.known_by.entry(from.1).or_default();
            known.insert((id, number));
            return Ok(false);
        }
        self.with_circle(id, |home, circle| home.take_item(circle, item, hash, from))
    }

    /// Whether this number names this very item: of a person there is one that grows.
    fn is_kept_as(&self, id: CircleId, number: u64, item: &CircleItem) -> Result<bool, ReadError> {
        if !matches!(item, CircleItem::Person(_)) {
            return Ok(true);
        }
        let kept = self.view.read(&layout::circle_item(id, number))?;
        Ok(kept.as_ref() == Some(item))
    }

    /// Takes in one item, and what waited for it; returns whether it was new.
    fn take_item(
        &mut self,
        circle: &mut Circle,
        item: CircleItem,
        hash: [u8; 32],
        (person, peer): (PersonId, TransportId),
    ) -> Result<bool, Refused> {
        let size = bytes(&item);
        // Who passes on what others make is not to blame for how much that is.
        let whose = circle.whose(&item).unwrap_or(person);
        if !self.has_room(whose, size)? {
            return Ok(false);
        }
        match circle.take(&item)? {
            Outcome::New(item) => {
                self.hold(whose, size)?;
                self.keep_item(circle, item.clone(), Some(peer))?;
                self.try_waiting(circle, item)?;
                Ok(true)
            }
            Outcome::Waits(needs) => {
                if circle.waiting.has_room_for(&hash, &item) && self.has_room(person, size)? {
                    self.hold(person, size)?;
                    self.wait(circle, hash, WaitingItem { needs, item });
                }
                Ok(false)
            }
            Outcome::Known | Outcome::Useless => Ok(false),
        }
    }

    fn wait(&mut self, circle: &mut Circle, hash: [u8; 32], waits: WaitingItem) {
        let at = layout::circle_waiting(circle.id(), &hash);
        self.view.write(at, &waits);
        circle.holdings.set_aside(&waits.item);
        circle.waiting.insert(hash, waits);
    }

    /// Tries what waited for an item that has come, and what waited for that. Whoever brought that one need not have
    /// the others.
    fn try_waiting(&mut self, circle: &mut Circle, came: CircleItem) -> Result<(), Refused> {
        let mut new = vec![came];
        while let Some(came) = new.pop() {
            for (hash, item) in circle.waiting.take_for(&came) {
                self.view.delete(layout::circle_waiting(circle.id(), &hash));
                circle.holdings.remove(&item);
                // Whoever brought it is not at hand: what does not hold is dropped.
                match circle.take(&item).unwrap_or(Outcome::Useless) {
                    Outcome::Waits(needs) => self.wait(circle, hash, WaitingItem { needs, item }),
                    Outcome::New(item) => {
                        self.keep_item(circle, item.clone(), None)?;
                        new.push(item);
                    }
                    Outcome::Known | Outcome::Useless => {}
                }
            }
        }
        Ok(())
    }

    /// Keeps an item that was taken in or made, and makes it due to all members' nodes but one.
    pub(super) fn keep_item(
        &mut self,
        circle: &mut Circle,
        item: CircleItem,
        from: Option<TransportId>,
    ) -> Result<(), ReadError> {
        let (id, hash) = (circle.id(), hash_of(&item));
        let at = layout::circle_number(id, &hash);
        // A person's authority takes the place of what was known of them before.
        if let Some(before) = self.view.read::<u64>(&at)? {
            let at = layout::circle_item(id, before);
            if let Some(item) = self.view.read::<CircleItem>(&at)? {
                circle.holdings.remove(&item);
            }
            self.view.delete(at);
        }
        let number = circle.record.next;
        circle.record.next += 1;
        self.view.write(layout::circle(id), &circle.record);
        self.view.write(at, &number);
        self.view.write(layout::circle_item(id, number), &item);
        circle.holdings.insert(&item, number);
        circle.is_to_meet_by(&item);
        let news_of_end = circle.ends_membership_of(&item);
        let due = Due::Circle { circle: id, number };
        if circle.is_wide() {
            self.due_to_neighbours(&due, id, from)?;
        }
        let mut nodes = Vec::new();
        for (person, authority) in &circle.replica.known().people {
            if circle.is_wide() && news_of_end != Some(*person) {
                continue;
            }
            let devices = authority.devices().values();
            nodes.extend(devices.map(|device| (*person, device.transport)));
        }
        for (person, peer) in nodes {
            let at = layout::circle_fed(peer, id);
            let fed = self.view.get(&at)?.is_some();
            let has_feed = if circle.has_member(&person) {
                fed && !circle.is_wide()
            } else {
                if fed {
                    // What comes now is not for them: should they be a member again, all is due to them again.
                    self.view.delete(at);
                }
                news_of_end == Some(person) && self.feed(peer)?.is_some()
            };
            if has_feed && Some(peer) != from && peer != self.me.secrets.transport {
                self.append_due(peer, &due)?;
            }
        }
        self.due_to_relays(circle, &due, from)
    }

    /// What follows from items that were taken in: cards, contacts, feeds, duties.
    pub(super) fn took(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &mut Circle,
    ) -> Result<(), Refused> {
        self.meet_members(now, rng, circle)?;
        self.take_documents(now, rng, circle)?;
        circle.put_off_cut(now, rng);
        circle.look_at_duties(now, rng);
        self.event(Event::CircleNews {
            circle: circle.id(),
        });
        Ok(())
    }

    /// Members are contacts: their nodes are dialled, and all of the circle is due to them.
    pub(super) fn meet_members(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &mut Circle,
    ) -> Result<(), ReadError> {
        let (id, news) = (circle.id(), circle.read_cards());
        let mut nodes = Vec::new();
        let to_meet = circle.to_meet.replace(BTreeSet::new());
        if to_meet.as_ref().is_none_or(|it| !it.is_empty())
            && circle.look_at_neighbours(&self.me.secrets)
            && !circle.is_wide()
        {
            circle.record.wide = true;
            self.view.write(layout::circle(id), &circle.record);
        }
        let is_met = |person: &PersonId| {
            let to_meet = to_meet.as_ref();
            !news.contains(person) && to_meet.is_some_and(|it| !it.contains(person))
        };
        let members = circle.replica.circle().members().keys();
        for person in members.filter(|person| !is_met(person)) {
            let Some(authority) = circle.replica.known().people.get(person) else {
                continue;
            };
            let contact = self.contact(*person)?;
            let moved = contact
                .is_some_and(|known| authority.device_of_transport(&known.transport).is_none());
            for device in authority.devices().values() {
                let peer = device.transport;
                let known = if circle.is_wide() {
                    self.feed(peer)?.is_some()
                } else {
                    self.view.get(&layout::circle_fed(peer, id))?.is_some()
                };
                let news = !known || moved || news.contains(person);
                if peer != self.me.secrets.transport && news {
                    nodes.push((*person, device.signing, peer));
                }
            }
        }
        for (person, device, peer) in nodes {
            let place = circle.places.get(&device);
            let addresses = place.map_or_else(Vec::new, |card| card.addresses.clone());
            if person == self.me.person {
                self.keep_own_node(now, rng, peer, addresses)?;
            } else if !self.meet_member(now, rng, circle, (person, peer, addresses))? {
                circle.to_meet = None;
                continue; // a card of somebody else's says that this node is theirs
            }
            if !circle.is_wide() {
                self.feed_circle(id, peer)?;
            }
        }
        Ok(())
    }

    /// Keeps where another node of our own person is.
    pub(in crate::home) fn keep_own_node(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        peer: TransportId,
        addresses: Vec<String>,
    ) -> Result<(), ReadError> {
        let known = self.node(peer)?;
        if known.as_ref().is_some_and(|it| it.person != self.me.person) {
            self.forget_node(peer)?; // our own authority says whose it is
        }
        let known = known.filter(|_| addresses.is_empty());
        let node = Node {
            person: self.me.person,
            addresses: known.map_or(addresses, |known| known.addresses),
        };
        self.keep_node(now, rng, peer, &node)
    }

    /// Keeps a member as a contact, and where this node of theirs is; returns whether that could be.
    fn meet_member(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &Circle,
        (person, peer, addresses): (PersonId, TransportId, Vec<String>),
    ) -> Result<bool, ReadError> {
        // What either holds is true: a device that was removed is heard of in a circle, too.
        let mut authority = circle.replica.known().people[&person].clone();
        let known = self.contact(person)?;
        if let Some(known) = &known
            && let Some(held) = self.authority_of(known)?
        {
            authority.merge(&held);
        }
        // Where shares go stays, if that is one of their nodes.
        let main = match &known {
            Some(known) if authority.device_of_transport(&known.transport).is_some() => {
                known.transport
            }
            _ => {
                let senior = authority.devices().values().min_by_key(|it| it.rank);
                senior.map_or(peer, |device| device.transport)
            }
        };
        let at_main = if peer == main {
            addresses.clone()
        } else {
            Vec::new()
        };
        let Ok(place) = Card::new(person, main, at_main) else {
            return Ok(false);
        };
        let shown = Some(authority.to_bytes().into());
        if let Some(known) = known
            && known.authority != shown
        {
            let contact = Contact {
                authority: shown.clone(),
                ..known
            };
            self.view.write(layout::contact(person), &contact);
        }
        let name = circle.cards.get(&person).map_or("", |card| &card.name);
        let Ok(mut contact) = self.keep_contact_called(now, rng, &place, name) else {
            return Ok(false);
        };
        if contact.authority.is_none() {
            contact.authority = shown;
            self.view.write(layout::contact(person), &contact);
        }
        self.feed_shares_of(rng, &contact)?;
        if peer != main {
            let known = self.node(peer)?;
            if known.as_ref().is_some_and(|known| known.person != person) {
                return Ok(false);
            }
            let known = known.filter(|_| addresses.is_empty());
            let addresses = known.map_or(addresses, |known| known.addresses);
            self.keep_node(now, rng, peer, &Node { person, addresses })?;
        }
        Ok(true)
    }

    /// A contact has shown more of their authority: their circles hear of it.
    pub(in crate::home) fn authority_changed(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        from: (PersonId, TransportId),
        bytes: &[u8],
    ) -> Result<(), Refused> {
        let (person, _) = from;
        let ids: Vec<CircleId> = (self.circles.iter())
            .filter(|(_, circle)| circle.wants(&person))
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.with_circle(id, |home, circle| {
                let item = CircleItem::Person(bytes.to_vec());
                let hash = hash_of(&item);
                if home.take_item(circle, item, hash, from)? {
                    home.took(now, rng, circle)?;
                }
                Ok::<(), Refused>(())
            })?;
        }
        Ok(())
    }

    /// Our own authority says more than it did: all circles hear of it, and what follows is done at once.
    pub(in crate::home) fn own_authority_in_circles(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), CommandError> {
        for id in self.circle_ids()? {
            self.with_circle(id, |home, circle| {
                let authority = home.me.authority.clone();
                let item = CircleItem::Person(authority.to_bytes());
                circle.replica.meet(authority);
                home.keep_item(circle, item, None)?;
                if !home.is_removed() {
                    circle.duties.at_once();
                    home.do_duties(now, rng, circle)?;
                }
                Ok::<(), CommandError>(())
            })?;
        }
        Ok(())
    }

    /// What happens to an item of a circle whose turn has come.
    pub(in crate::home) fn circle_turn(
        &self,
        live: &Live,
        id: CircleId,
        number: u64,
    ) -> Result<Turn, ReadError> {
        let Some(circle) = self.circles.get(&id) else {
            return Ok(Turn::Waits); // it is made again from the store first
        };
        let theirs = self.known_by.get(&live.peer);
        if theirs.is_some_and(|known| known.contains(&(id, number))) {
            return Ok(Turn::Withdrawn);
        }
        let Some(item) = self
            .view
            .read::<CircleItem>(&layout::circle_item(id, number))?
        else {
            return Ok(Turn::Withdrawn); // something newer took its place
        };
        if !circle.is_for(&item, live) {
            return Ok(Turn::Withdrawn);
        }
        // What was due in an earlier session may have come to them otherwise: they are asked first.
        if circle.is_wide() && circle.has_member(&live.person) && !live.follows(&id) {
            return Ok(Turn::Withdrawn);
        }
        Ok(Turn::Leaves {
            item: Item::Circle { circle: id, item },
            kind: SentKind::Circle,
            rows: 0,
        })
    }
}

impl Circle {
    /// Notes whom an item says something of.
    fn is_to_meet_by(&mut self, item: &CircleItem) {
        let whose = match item {
            CircleItem::Person(bytes) => person_in(bytes),
            CircleItem::Statement(bytes) => {
                let said = UnverifiedStatement::decode(bytes).ok();
                // By any other, those who belong may be others now.
                said.and_then(|said| {
                    if let Kind::Person { person, .. } = said.claimed().kind {
                        Some(person)
                    } else {
                        None
                    }
                })
            }
            CircleItem::Generation(_) | CircleItem::Key(_) | CircleItem::Entry(_) => return,
        };
        match whose {
            Some(person) => {
                if let Some(to_meet) = &mut self.to_meet {
                    to_meet.insert(person);
                }
            }
            None => self.to_meet = None,
        }
    }

    /// Who made an item, if it is what it says.
    pub(super) fn whose(&self, item: &CircleItem) -> Option<PersonId> {
        let speaker = match item {
            CircleItem::Person(bytes) => {
                let person = person_in(bytes)?;
                return (self.replica.known().people.contains_key(&person)).then_some(person);
            }
            CircleItem::Statement(bytes) => {
                let said = UnverifiedStatement::decode(bytes).ok()?;
                let (membership, key) = (said.claimed().membership, said.claimed().key);
                Speaker { membership, key }
            }
            CircleItem::Generation(bytes) => {
                let signed: SignedGeneration = wire::decode(bytes, FRAME_BYTES_MAX).ok()?;
                signed.unverified_head().speaker()
            }
            CircleItem::Entry(bytes) => {
                let entry = UnverifiedEntry::decode(bytes).ok()?;
                let claimed = entry.claimed();
                self.replica.writer_of(claimed.part, claimed.log)?
            }
            CircleItem::Key(_) => return None,
        };
        self.replica.person_of(&speaker)
    }

    /// Whether an item may leave to this node: it speaks for a member, or is told that it does no more.
    fn is_for(&self, item: &CircleItem, live: &Live) -> bool {
        let speaks = (self.replica.known().people.get(&live.person))
            .is_some_and(|of| of.device_of_transport(&live.peer).is_some());
        speaks
            && (self.has_member(&live.person) || self.ends_membership_of(item) == Some(live.person))
    }

    /// Whose membership an item ends, or says how much stays of what they wrote.
    fn ends_membership_of(&self, item: &CircleItem) -> Option<PersonId> {
        let CircleItem::Statement(bytes) = item else {
            return None;
        };
        let said = UnverifiedStatement::decode(bytes).ok()?;
        let claimed = said.claimed();
        let Kind::Remove {
            membership, key, ..
        } = &claimed.kind
        else {
            return None;
        };
        if claimed.subject == self.slice() {
            let (membership, key) = (*membership, key.as_ref()?.0);
            return self.replica.person_of(&Speaker { membership, key });
        }
        let all = self.replica.circle().statements().outcome().members();
        match all.get(membership).filter(|_| key.is_none())?.who {
            Who::Person(person) => Some(person),
            Who::Key(_) | Who::Circle(_) | Who::Service(_) => None,
        }
    }
}

fn bytes(item: &CircleItem) -> Holding {
    Holding {
        bytes: item.bytes().len() as u64,
        ..Holding::default()
    }
}
