//! The machine of one person's node.
//!
//! [`Home`] owns the others: `vault` keeps documents, `publish` turns them into projections,
//! `given` and `received` hold shares, `circle` circles, `link` talks to contacts and `taking` takes in what they send. All state lies in the store;
//! what is in memory are sessions, dials and outputs that wait for a commit.
//!
//! | input | outcome |
//! |---|---|
//! | `Command` | one `Finished`, after what it changed is durable; on an error nothing changed |
//! | `Connected` | a known contact: a session; anybody else: may show an invite, or is closed without a word |
//! | `Received` | handed to the session; a violation closes it |
//! | `Disconnected`, `DialFailed` | another dial later, with growing pauses |
//! | `Committed` | outputs that waited for it go out |
//! | `Listening` | contacts are dialled |
//! | `Tick` | due dials; shares that ran out end |

mod checkup;
mod circle;
mod content;
mod devices;
mod given;
mod link;
mod publish;
mod received;
mod relay;
mod restore;
mod returned;
mod taking;
mod vault;

#[cfg(test)]
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test names what it expects"
)]
mod tests;

#[cfg(feature = "sim")]
pub(crate) use circle::name_of;
pub(crate) use circle::record_of;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use maille_protocol::card::{ADDRESS_BYTES_MAX, ADDRESSES_MAX, Card};
use maille_protocol::crypto::{self, SealingSecret, SigningKey};
use maille_protocol::evaluation::Who;
use maille_protocol::generation::Issuer;
use maille_protocol::id::{CircleId, DeviceId, MembershipId, PersonId, TransportId};
use maille_protocol::principal::{Authority, UnverifiedAuthority};
use maille_protocol::time::{DAY_MS, Timestamp};
use rand_core::CryptoRng;

use crate::command::{
    Aside, Command, CommandError, ContactStatus, Done, Export, SentEntry, SentWhy, Status,
    TEXT_BYTES_MAX,
};
use crate::io::{CommandId, CommitId, ConnectionId, Event, Input, Output, Store, StoreError};
use crate::layout;
use crate::secrets::Secrets;
use crate::state::{Asides, Contact, Feed, Node, Sent, Why};
use crate::view::{ReadError, View, damaged};
use link::{Dial, Live, Often};

/// One person's node as a machine: see the module's table.
pub struct Home<S> {
    view: View<S>,
    me: Me,
    /// The installation that the store was last opened under; `None`: it was never opened.
    installed: Option<restore::Installed>,
    /// Shares that run out next; `None`: none will.
    next_expiry: Option<Timestamp>,
    /// When the next share begins that came too early; `None`: none did.
    next_begin: Option<Timestamp>,
    /// Whether it is known that this store goes on where it stopped: see `restore`.
    settled: bool,
    sessions: BTreeMap<ConnectionId, Live>,
    dials: BTreeMap<TransportId, Dial>,
    /// Circles in memory.
    circles: BTreeMap<CircleId, circle::Circle>,
    /// Whether all of them are.
    circles_loaded: bool,
    /// Circles that the input at hand has changed.
    touched_circles: BTreeSet<CircleId>,
    /// Items of circles, by number, that nodes have sent and need not be sent.
    known_by: BTreeMap<TransportId, BTreeSet<(CircleId, u64)>>,
    /// Another device that is being added.
    pairing: Option<devices::Pairing>,
    /// What the input at hand began with, if it has changed who speaks for our person.
    authority_before: Option<Authority>,
    /// What this node keeps for others, and who has come for it.
    relay: relay::Relay,
    /// Relays that this node visits.
    visiting: BTreeMap<TransportId, circle::Visiting>,
    /// Circles in which this node has made something while handling the input at hand.
    own_news: BTreeSet<CircleId>,
    /// Connections to nodes that nobody here knows.
    strangers: BTreeMap<ConnectionId, circle::Stranger>,
    /// How often nodes have made us number their feed anew of late.
    renumbered: BTreeMap<TransportId, Often>,
    /// How often they were told of late what is held of a circle.
    answered: BTreeMap<TransportId, Often>,
    /// How many claims to root keys were looked at of late.
    claims: Option<Often>,
    /// Where this node can be reached while it runs.
    addresses: Vec<String>,
    /// Where this node listens; `None`: it has no network.
    listening: Option<Vec<String>>,
    /// Made while handling one input; they wait for that input's commit.
    effects: Vec<Output>,
    waiting: VecDeque<(CommitId, Vec<Output>)>,
    outputs: VecDeque<Output>,
    #[cfg(feature = "sim")]
    points: crate::sim::Points,
}

/// Who this node is.
struct Me {
    secrets: Secrets,
    person: PersonId,
    device: DeviceId,
    /// The admission by which the device speaks.
    membership: MembershipId,
    signing: SigningKey,
    sealing: SealingSecret,
    authority: Authority,
    authority_hash: [u8; 32],
}

impl Me {
    /// Who signs generations of what this person owns.
    fn issuer(&self) -> Issuer<'_> {
        Issuer {
            membership: self.membership,
            signing: &self.signing,
        }
    }
}

/// Why a node could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The disk could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store holds no person yet, or its start was lost.
    #[error("the store holds no person")]
    NoPerson,
    /// The store's person is not the key file's.
    #[error("the store belongs to somebody else than the key file's {expected}")]
    OtherPerson {
        /// Whose key file it is.
        expected: PersonId,
    },
    /// The store's person has not admitted the key file's device.
    #[error("the store's person has not admitted the key file's {device}")]
    OtherDevice {
        /// Whose key file it is.
        device: DeviceId,
    },
    /// Something in the store cannot be read back.
    #[error("the store holds something unreadable at {key}")]
    Damaged {
        /// Where.
        key: String,
    },
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Store(error) => Self::Store(error),
            ReadError::Damaged { key } => Self::Damaged { key },
        }
    }
}

/// Hash by which both ends of a session compare authorities.
fn authority_hash(bytes: &[u8]) -> [u8; 32] {
    crypto::hash("maille authority bytes v1", &[bytes])
}

impl<S: Store> Home<S> {
    /// Opens the node of `secrets` on what `store` holds.
    ///
    /// # Errors
    /// The disk's error; a store with nobody in it, or somebody else.
    pub fn open(store: S, secrets: Secrets, now: Timestamp) -> Result<Self, OpenError> {
        let view = View::new(store);
        let bytes = view.get(layout::AUTHORITY)?.ok_or(OpenError::NoPerson)?;
        let authority = UnverifiedAuthority::decode(&bytes)
            .map_err(|_| OpenError::Damaged {
                key: "a".to_owned(),
            })?
            .verify(secrets.person)
            .map_err(|_| OpenError::OtherPerson {
                expected: secrets.person,
            })?;
        let signing = secrets.signing_key();
        let device = secrets.device_id();
        // A device that was removed still shows what it holds.
        let members = authority.statements().outcome().members();
        let removed = || {
            members
                .iter()
                .find(|(_, of)| of.who == Who::Key(*device.as_bytes()))
        };
        let membership = (authority.device(&device).map(|record| record.membership))
            .or_else(|| removed().map(|(id, _)| *id))
            .ok_or(OpenError::OtherDevice { device })?;
        let me = Me {
            person: secrets.person,
            device,
            membership,
            sealing: secrets.sealing_secret(),
            authority_hash: authority_hash(&bytes),
            signing,
            authority,
            secrets,
        };
        let mut home = Self {
            installed: view.read(layout::INSTALLED)?,
            view,
            me,
            next_expiry: None,
            next_begin: None,
            settled: false,
            sessions: BTreeMap::new(),
            dials: BTreeMap::new(),
            circles: BTreeMap::new(),
            circles_loaded: false,
            touched_circles: BTreeSet::new(),
            known_by: BTreeMap::new(),
            pairing: None,
            authority_before: None,
            relay: relay::Relay::default(),
            visiting: BTreeMap::new(),
            own_news: BTreeSet::new(),
            strangers: BTreeMap::new(),
            renumbered: BTreeMap::new(),
            answered: BTreeMap::new(),
            claims: None,
            addresses: Vec::new(),
            listening: None,
            effects: Vec::new(),
            waiting: VecDeque::new(),
            outputs: VecDeque::new(),
            #[cfg(feature = "sim")]
            points: crate::sim::Points::default(),
        };
        for (peer, _) in home.nodes()? {
            home.dials.insert(peer, Dial::due(now));
        }
        home.next_expiry = home.find_next_expiry()?;
        home.next_begin = home.find_next_begin()?;
        Ok(home)
    }

    /// Lets a simulated run act on this machine, which is `node` in its life number `life`.
    #[cfg(feature = "sim")]
    pub fn simulate(&mut self, run: std::sync::Arc<crate::sim::Run>, node: u64, life: u64) {
        self.points = crate::sim::Points::of(run, node, life);
    }

    /// Takes one input in. Drain [`Home::poll_output`] afterwards.
    pub fn handle(&mut self, now: Timestamp, rng: &mut impl CryptoRng, input: Input<'_>) {
        if let Err(error) = self.settle(now, rng) {
            self.view.roll_back();
            self.effects.clear();
            self.unsettled(input, error);
            return self.flush();
        }
        self.flush();
        // First, and as a batch of its own: nothing may be sealed for a reader whose time is over,
        // and a refused command must not take the end back.
        self.end_expired(now, rng);
        self.take_begun(now);
        self.flush();
        match input {
            Input::Command(id, command) => self.take_command(now, rng, id, command),
            Input::Connected {
                connection,
                peer,
                role,
            } => {
                self.connected(now, rng, connection, peer, role);
            }
            Input::Received { from, frame } => self.frame(now, rng, from, frame),
            Input::Disconnected { connection } => self.disconnected(now, rng, connection),
            Input::DialFailed { peer } => self.dial_failed(now, rng, peer),
            Input::Nearby { peer } => self.found_nearby(now, peer),
            Input::Committed(id) => self.committed(id),
            Input::Addresses(addresses) => self.addresses = addresses,
            Input::Listening(addresses) => {
                self.listening = Some(addresses);
                self.dial_soon(now);
                self.look_at_cards(now);
            }
            Input::Tick => {}
        }
        self.end_slow_pairing(now);
        self.drop_slow_strangers(now);
        self.circle_duties(now, rng);
        self.compare_circles(now);
        self.pump_all(now);
        self.serve_visitors();
        self.dial_due(now, rng);
        self.visit_relays(now, rng);
        self.flush();
    }

    /// What little can be done with a store that cannot be settled: say so.
    fn unsettled(&mut self, input: Input<'_>, error: CommandError) {
        match input {
            Input::Command(command, _) => self.effects.push(Output::Finished {
                command,
                result: Err(error),
            }),
            Input::Connected { connection, .. } => {
                self.effects.push(Output::Close { connection });
            }
            Input::Committed(id) => self.committed(id),
            Input::Addresses(addresses) => self.addresses = addresses,
            Input::Listening(addresses) => self.listening = Some(addresses),
            Input::Received { .. }
            | Input::Disconnected { .. }
            | Input::DialFailed { .. }
            | Input::Nearby { .. }
            | Input::Tick => {}
        }
    }

    /// The next thing to do, until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to send the next [`Input::Tick`], if ever. May change after any input.
    pub fn poll_timeout(&self) -> Option<Timestamp> {
        let dial = self.next_dial();
        dial.into_iter()
            .chain(self.next_expiry)
            .chain(self.next_begin)
            .chain(self.next_circle_duty())
            .chain(self.next_silent())
            .chain(self.next_visit())
            .chain(self.next_slow_stranger())
            .chain(self.pairing_until())
            .min()
    }

    /// Whose node this is.
    pub fn person(&self) -> PersonId {
        self.me.person
    }

    fn take_command(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        id: CommandId,
        command: Command,
    ) {
        let result = self.command(now, rng, command);
        match &result {
            Ok(_) => {
                // What a command changed may move the next expiry; a list of shares is short.
                if let Ok(next) = self.find_next_expiry() {
                    self.next_expiry = next;
                }
            }
            Err(_) => self.take_back(),
        }
        self.effects.push(Output::Finished {
            command: id,
            result,
        });
    }

    /// Forgets what was made of an input that failed. Sessions that it closed stay closed.
    fn take_back(&mut self) {
        self.view.roll_back();
        for circle in std::mem::take(&mut self.touched_circles) {
            self.circles.remove(&circle);
            self.circles_loaded = false;
        }
        if let Some(before) = self.authority_before.take() {
            self.me.authority_hash = authority_hash(&before.to_bytes());
            self.me.authority = before;
        }
        self.effects
            .retain(|effect| matches!(effect, Output::Close { .. }));
    }

    fn command(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        command: Command,
    ) -> Result<Done, CommandError> {
        if self.is_removed() && command.writes() {
            return Err(CommandError::DeviceRemoved);
        }
        match command {
            Command::Card => Ok(Done::Card { card: self.card() }),
            Command::Status => Ok(Done::Status(self.status()?)),
            Command::Reach => self.reach(),
            Command::Checkup { rebuild } => self.checkup(now, rng, rebuild),
            Command::Record { records } => self.record(now, rng, records),
            Command::Trips { month } => Ok(Done::Trips {
                trips: self.trips(month)?,
            }),
            Command::Footprint { factors } => self.footprint(factors),
            Command::LensPreview { lens, from } => self.preview(&lens, from),
            Command::ShareCreate {
                lens,
                with,
                name,
                until,
                from,
                purpose,
            } => {
                let wish = given::Wish {
                    lens,
                    with,
                    name,
                    until,
                    from,
                    purpose,
                };
                self.share_create(now, rng, wish)
            }
            Command::ShareList => Ok(Done::Shares {
                shares: self.shares(now)?,
            }),
            Command::ShareRevoke { share } => self.share_revoke(now, rng, &share),
            Command::ReceivedAccept { link, name } => self.received_accept(now, rng, link, name),
            Command::ReceivedList => Ok(Done::ReceivedList {
                shares: self.received(now)?,
            }),
            Command::ReceivedShow { share } => self.received_show(now, &share),
            Command::LogSent => Ok(Done::Sent {
                entries: self.sent()?,
            }),
            Command::CircleCreate { name, kind, called } => {
                self.circle_create(now, rng, (name, kind, called))
            }
            Command::CircleInvite {
                circle,
                uses,
                until,
                admin,
            } => self.circle_invite(now, rng, &circle, (uses, until, admin)),
            Command::CircleUninvite { invite } => self.circle_uninvite(now, &invite),
            Command::CircleJoin { link, called } => self.circle_join(now, rng, link, called),
            Command::Circles => self.circles_shown(),
            Command::CircleConsider { link } => self.circle_consider(now, &link),
            Command::CircleRemove { circle, member } => {
                self.circle_remove(now, rng, (&circle, &member))
            }
            Command::CircleLeave { circle } => self.circle_leave(now, rng, &circle),
            Command::CircleList { circle } => self.circle_list(&circle),
            Command::CircleChange { circle, change } => self.circle_edit(now, rng, &circle, change),
            Command::CirclePollOpen { circle, wish } => self.poll_open(now, rng, (&circle, wish)),
            Command::CirclePolls { circle } => self.polls_shown(now, circle.as_deref()),
            Command::CirclePoll { poll } => self.poll_shown(now, &poll),
            Command::CirclePollVote { poll, choice } => self.poll_vote(now, rng, (&poll, &choice)),
            Command::CirclePollClose { poll } => self.poll_close(now, rng, &poll),
            Command::CircleRelayUse { circle, code } => {
                self.circle_relay_use(now, rng, (circle.as_deref(), code))
            }
            Command::CircleRelayDrop { circle, relay } => {
                self.circle_relay_drop(now, rng, (circle.as_deref(), &relay))
            }
            Command::CircleRelays { circle } => self.circle_relays(circle.as_deref()),
            Command::RelayOffer { bytes, until } => self.relay_offer(now, rng, (bytes, until)),
            Command::RelayRooms => self.relay_rooms(now),
            Command::RelayEnd { code } => self.relay_end(now, &code),
            Command::DeviceAdd { senior, called } => self.device_add(now, rng, (senior, called)),
            Command::Devices => self.devices(now),
            Command::DeviceConfirm { same } => self.device_confirm(now, rng, same),
            Command::DeviceRemove { device } => self.device_remove(now, rng, &device),
            Command::Export => self.export(now),
        }
    }

    fn asides_of(&self, person: PersonId) -> Result<Vec<Aside>, ReadError> {
        let asides: Option<Asides> = self.view.read(&layout::asides(person))?;
        let notes = asides.unwrap_or_default().notes.into_iter();
        Ok(notes
            .map(|note| Aside {
                at: note.at,
                reason: note.why.shown(),
            })
            .collect())
    }

    fn card(&self) -> Card {
        let mut addresses = self.own_addresses();
        // "Every address of this machine" is where a node listens, and no place to go to.
        addresses.retain(|address| {
            address.len() <= ADDRESS_BYTES_MAX
                && !address.starts_with("/ip4/0.0.0.0/")
                && !address.starts_with("/ip6/::/")
        });
        addresses.truncate(ADDRESSES_MAX);
        Card::new(self.me.person, self.me.secrets.transport, addresses)
            .expect("the addresses were cut to a card's bounds")
    }

    fn own_addresses(&self) -> Vec<String> {
        self.listening
            .clone()
            .unwrap_or_else(|| self.addresses.clone())
    }

    fn status(&self) -> Result<Status, CommandError> {
        let counts = self.vault_counts()?;
        let mut contacts = Vec::new();
        for contact in self.contacts()? {
            let feed = self.feed(contact.transport)?;
            contacts.push(ContactStatus {
                connected: self.is_connected(contact.person),
                last_seen: feed.as_ref().and_then(|feed| feed.last_seen),
                waiting: feed.map_or(0, |feed| feed.waiting()),
                aside: self.asides_of(contact.person)?,
                name: contact.name,
                person: contact.person,
            });
        }
        Ok(Status {
            person: self.me.person,
            documents: counts.documents,
            trips: counts.trips,
            readings: counts.readings,
            malformed: counts.malformed,
            listening: self.listening.clone().unwrap_or_default(),
            contacts,
        })
    }

    fn sent(&self) -> Result<Vec<SentEntry>, CommandError> {
        let mut entries = Vec::new();
        for (_, sent) in self.view.scan_read::<Sent>(layout::SENT)? {
            let why = match sent.why {
                Why::Share(id) => {
                    let grant = self.given_of(id)?.grant;
                    SentWhy::Share {
                        grant: id,
                        lens: grant.content.name,
                        purpose: grant.purpose,
                    }
                }
                Why::Circle(circle) => SentWhy::Circle {
                    circle,
                    called: self.circle_name(circle)?,
                },
            };
            entries.push(SentEntry {
                at: sent.at,
                to: sent.to,
                name: match sent.to {
                    Some(to) => (self.contact(to)?).map_or_else(String::new, |it| it.name),
                    None => String::new(),
                },
                what: sent.shown(),
                why,
                bytes: sent.bytes,
            });
        }
        Ok(entries)
    }

    fn export(&self, now: Timestamp) -> Result<Done, CommandError> {
        let mut received = Vec::new();
        for (grant, taken) in self.taken()? {
            let rows = self.received_rows(&taken)?;
            received.push((self.shown_taken(now, grant, &taken)?, rows));
        }
        Ok(Done::Exported(Box::new(Export {
            person: self.me.person,
            records: self.records()?,
            given: self.shares(now)?,
            received,
            sent: self.sent()?,
        })))
    }

    fn contacts(&self) -> Result<Vec<Contact>, ReadError> {
        Ok(self
            .view
            .scan_read(layout::CONTACTS)?
            .into_iter()
            .map(|(_, contact)| contact)
            .collect())
    }

    fn contact(&self, person: PersonId) -> Result<Option<Contact>, ReadError> {
        self.view.read(&layout::contact(person))
    }

    /// Every node that is known.
    fn nodes(&self) -> Result<Vec<(TransportId, Node)>, ReadError> {
        let all = self.view.scan_read::<Node>(layout::NODES)?.into_iter();
        all.map(|(key, node)| {
            let id = key.get(1..).and_then(|id| <[u8; 32]>::try_from(id).ok());
            let id = id
                .map(TransportId::from_bytes)
                .ok_or_else(|| damaged(&key))?;
            Ok((id, node))
        })
        .collect()
    }

    fn node(&self, peer: TransportId) -> Result<Option<Node>, ReadError> {
        self.view.read(&layout::node(peer))
    }

    /// The nodes of a person.
    fn nodes_of(&self, person: PersonId) -> Result<Vec<TransportId>, ReadError> {
        let mut nodes = self.nodes()?;
        nodes.retain(|(_, node)| node.person == person);
        Ok(nodes.into_iter().map(|(peer, _)| peer).collect())
    }

    fn feed(&self, peer: TransportId) -> Result<Option<Feed>, ReadError> {
        self.view.read(&layout::feed(peer))
    }

    /// Keeps where a node is, makes a feed for it at first need, and dials it.
    fn keep_node(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        peer: TransportId,
        node: &Node,
    ) -> Result<(), ReadError> {
        self.view.write(layout::node(peer), node);
        if self.feed(peer)?.is_none() {
            self.view.write(layout::feed(peer), &Feed::begin(rng));
        }
        self.dial_now(now, peer);
        Ok(())
    }

    /// Forgets a node, and all that was due to it.
    fn forget_node(&mut self, peer: TransportId) -> Result<(), ReadError> {
        self.close_all(peer);
        for (key, _) in self.view.scan(&layout::feed_items(peer))? {
            self.view.delete(key);
        }
        for (key, _) in self.view.scan(&layout::circles_fed(peer))? {
            self.view.delete(key);
        }
        self.view.delete(layout::feed(peer));
        self.view.delete(layout::node(peer));
        self.dials.remove(&peer);
        self.known_by.remove(&peer);
        for circle in self.circles.values_mut() {
            circle.meet_all();
        }
        Ok(())
    }

    /// Keeps a contact that a card or link names, or updates where they are. Without a `name` they go on
    /// being called as before.
    fn keep_contact(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        card: &Card,
        name: String,
    ) -> Result<Contact, CommandError> {
        // A transport key does not say whose it is: who has proven to be met there keeps it, and a
        // card alone gives way to the newer one.
        if self.is_own_node(card.transport) {
            let person = self.me.person;
            return Err(CommandError::OtherContactsNode { person });
        }
        let mut addresses = card.addresses.clone();
        match self.node(card.transport)? {
            Some(node) if node.person != card.person => {
                let person = node.person;
                if self.is_proven(person, card.transport)? {
                    return Err(CommandError::OtherContactsNode { person });
                }
                self.forget_node(card.transport)?;
            }
            // Anybody can write a card: where they were reached before stays worth a try.
            Some(node) => {
                for address in node.addresses {
                    if addresses.len() < ADDRESSES_MAX && !addresses.contains(&address) {
                        addresses.push(address);
                    }
                }
            }
            None => {}
        }
        let known = self.contact(card.person)?;
        if let Some(known) = &known
            && known.transport != card.transport
        {
            self.move_contact(known, card)?;
        }
        let name = match &known {
            Some(known) if name.is_empty() => known.name.clone(),
            _ => name,
        };
        let contact = Contact {
            person: card.person,
            name,
            transport: card.transport,
            authority: known.and_then(|known| known.authority),
        };
        self.view.write(layout::contact(contact.person), &contact);
        let person = contact.person;
        self.keep_node(now, rng, contact.transport, &Node { person, addresses })?;
        Ok(contact)
    }

    /// The same of somebody who says what they are called: it counts where our person has not called them
    /// anything.
    fn keep_contact_called(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        card: &Card,
        called: &str,
    ) -> Result<Contact, CommandError> {
        let known = self.contact(card.person)?;
        let is_named = known.is_some_and(|known| !known.name.is_empty());
        let name = if is_named { "" } else { called };
        self.keep_contact(now, rng, card, name.to_owned())
    }

    /// Makes room for a contact's other node, to which shares go from now on: only their own authority says which
    /// are theirs.
    fn move_contact(&mut self, known: &Contact, card: &Card) -> Result<(), CommandError> {
        let person = known.person;
        let authority = self.authority_of(known)?;
        let is_theirs =
            |peer| (authority.as_ref()).map(|it| it.device_of_transport(&peer).is_some());
        if is_theirs(card.transport) == Some(false) {
            return Err(CommandError::NotTheirNode { person });
        }
        let before = self.node(known.transport)?;
        if before.is_some_and(|node| node.person == person)
            && is_theirs(known.transport) != Some(true)
        {
            self.forget_node(known.transport)?;
        }
        Ok(self.shares_anew(person)?)
    }

    /// Whether a contact's own authority names this node. That is easily said: an authority that a circle brought may
    /// name anybody's.
    pub(super) fn is_named(
        &self,
        person: PersonId,
        transport: TransportId,
    ) -> Result<bool, ReadError> {
        let Some(contact) = self.contact(person)? else {
            return Ok(false);
        };
        let authority = self.authority_of(&contact)?;
        Ok(authority.is_some_and(|shown| shown.device_of_transport(&transport).is_some()))
    }

    /// Whether a contact's own authority names this node, and they were met there.
    pub(super) fn is_proven(
        &self,
        person: PersonId,
        transport: TransportId,
    ) -> Result<bool, ReadError> {
        let met = (self.feed(transport)?).is_some_and(|feed| feed.last_seen.is_some());
        Ok(met && self.is_named(person, transport)?)
    }

    fn committed(&mut self, id: CommitId) {
        self.view.committed(id);
        while self
            .waiting
            .front()
            .is_some_and(|(wanted, _)| *wanted <= id)
        {
            if let Some((_, effects)) = self.waiting.pop_front() {
                // A session may have ended while its frames waited for the disk.
                let (sessions, strangers) = (&self.sessions, &self.strangers);
                let (relay, visiting) = (&self.relay, &self.visiting);
                let is_there = |to: &ConnectionId| {
                    sessions.contains_key(to)
                        || strangers.contains_key(to)
                        || relay.is_visitor(to)
                        || visiting.values().any(|it| it.is_by(*to))
                };
                self.outputs.extend(
                    effects.into_iter().filter(
                        |effect| !matches!(effect, Output::Send { to, .. } if !is_there(to)),
                    ),
                );
            }
        }
    }

    /// Closes the batch; what was made while handling waits until it, and all before it, are durable.
    fn flush(&mut self) {
        self.touched_circles.clear();
        self.authority_before = None;
        if let Some((id, batch)) = self.view.take_batch() {
            self.outputs.push_back(Output::Commit { id, batch });
        }
        if self.effects.is_empty() {
            return;
        }
        let effects = std::mem::take(&mut self.effects);
        if self.view.issued() == self.view.durable() || planted!(self, AckBeforeDurable) {
            self.outputs.extend(effects);
        } else {
            self.waiting.push_back((self.view.issued(), effects));
        }
    }

    fn event(&mut self, event: Event) {
        self.effects.push(Output::Event(event));
    }
}

/// Whether our person calls a contact so, capitals aside.
fn is_called(contact: &Contact, name: &str) -> bool {
    !contact.name.is_empty() && contact.name.to_lowercase() == name.to_lowercase()
}

/// Whether somebody typed the beginning of this id, and enough of it to mean it.
fn begins_id(typed: &str, id: impl std::fmt::Display) -> bool {
    typed.len() >= 10 && id.to_string().starts_with(&typed.to_lowercase())
}

/// Refuses an end that is over, or more than `days_max` days ahead.
fn check_end(until: Timestamp, now: Timestamp, days_max: u32) -> Result<(), CommandError> {
    if until <= now {
        return Err(CommandError::EndsInThePast { until, now });
    }
    if until > now.plus_millis(u64::from(days_max) * DAY_MS) {
        return Err(CommandError::EndsTooLate { until, days_max });
    }
    Ok(())
}

/// Refuses empty and long texts, and those that a screen would obey instead of showing.
fn check_text(field: &str, text: &str, empty_allowed: bool) -> Result<(), CommandError> {
    if text.is_empty() && empty_allowed {
        return Ok(());
    }
    check_text_of(field, text, TEXT_BYTES_MAX as usize)
}

/// The same, with another bound; empty is refused.
fn check_text_of(field: &str, text: &str, bytes_max: usize) -> Result<(), CommandError> {
    if text.len() > bytes_max || text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(CommandError::BadText {
            field: field.to_owned(),
            bytes_max: u32::try_from(bytes_max).unwrap_or(u32::MAX),
        });
    }
    Ok(())
}
