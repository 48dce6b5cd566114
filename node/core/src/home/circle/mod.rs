//! Circles: what their members say and write together.
//!
//! A circle here is a [`Replica`], made of items (authorities, statements, generations, sealed keys, entries) that are
//! kept as they came, numbered as they came, and a document behind a gate. All that is in memory can be made again
//! from the items. `items` takes them in and passes them on, `invite` lets people in, `duties` does what a member's
//! node owes the others, `neighbours` keeps few sessions where there are many members, `polls` lets members vote, `relays` leaves it with nodes that can read none of it.
//!
//! | state | event | outcome |
//! |---|---|---|
//! | - | create | member: first key, first card |
//! | - | an invite is accepted | joining: the inviter's node is dialled and knocked at |
//! | joining | welcome | member: all items come through the inviter's feed |
//! | joining | not welcome | joining, and the reason is shown |
//! | member | an item that is new | kept, passed on to every other member, or the neighbours; what waited for it too |
//! | member | a removal, or our own leaving | no member any more: what is here stays readable |
//!
//! **Invariants.** An item leaves only to a node that, for all that is known here, speaks for a member; the one exception is
//! the news that they were removed. Nothing is passed on that was not checked. What is kept of one person is
//! bounded (`taking`), whoever passed it on.

mod duties;
mod invite;
mod items;
mod neighbours;
mod own;
mod polls;
mod relays;
mod waiting;

pub(super) use invite::Stranger;
#[cfg(feature = "sim")]
pub(crate) use items::hash_of as name_of;
pub(super) use neighbours::Compared;
pub(crate) use own::record_of;
pub(super) use relays::Visiting;

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::card::{ADDRESS_BYTES_MAX, ADDRESSES_MAX};
use maille_protocol::crypto::{self, Key};
use maille_protocol::entry::LogId;
use maille_protocol::evaluation::{Role, Rule, Who};
use maille_protocol::grant::{Abilities, Audience, ContentPin, Grant};
use maille_protocol::id::{CircleId, DeviceId, GrantId, InstallationId, PersonId, TransportId};
use maille_protocol::pairing::PairedCircle;
use maille_protocol::principal::{self, Charter, Known, People};
use maille_protocol::replica::{self, Replica, WriteError};
use maille_protocol::slice::{
    Access, ContentKind, ControlFounder, Owner, OwnerId, PartNumber, PartRange, SliceCharter,
};
use maille_protocol::statement::{Kind, Subject};
use maille_protocol::sync::{CircleItem, Holdings};
use maille_protocol::time::{DAY_MS, Timestamp};
use maille_protocol::wire;
use maille_schemas::circle::{self as document, ITEMS_MAX, ItemId, ListEdit};
use maille_schemas::gate::{Gate, Offered};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;

use super::content::DocumentChange;
use super::{Home, begins_id, check_text_of, content};
use crate::command::{
    CircleKind, CircleMember, CircleShown, CircleStanding, CommandError, Done, ListChange,
    ListShown,
};
use crate::io::Store;
use crate::layout;
use crate::poll::{EntryHash, PollSaid, Proposal};
use crate::state::{CircleRecord, Due, Feed, Joining, WaitingItem};
use crate::view::{ReadError, damaged};

/// The one part of a circle's slice.
const PART: PartNumber = PartNumber::SINGLE;

/// Days after which members would have to say again that they share: an admin's node renews long before.
const GRANT_DAYS: u64 = 90;

/// Most circles of one person: a list that a person can read.
const CIRCLES_MAX: usize = 64;

/// A circle in memory: nothing that its items and its record do not say.
pub(super) struct Circle {
    record: CircleRecord,
    replica: Replica,
    /// The document, and the entries that it is made of.
    gate: Gate,
    offered: BTreeSet<[u8; 32]>,
    /// What members said of themselves last.
    cards: BTreeMap<PersonId, MemberCard>,
    /// The same, of each device of theirs.
    places: BTreeMap<DeviceId, MemberCard>,
    /// Which relays carry it, by what admins say.
    relays: relays::Relays,
    /// Entries that stand and were looked at for cards.
    read: BTreeSet<[u8; 32]>,
    /// Something may have fallen on which edits of ours rest.
    fell: bool,
    /// Entries of which our own documents hold what they carry.
    taken: BTreeSet<[u8; 32]>,
    unpacked: polls::Unpacked,
    waiting: waiting::Waiting,
    duties: duties::Duties,
    /// Every item that is kept.
    holdings: Holdings,
    neighbours: neighbours::Neighbours,
    /// Members of whom something was heard since they were met last; `None`: all are to be met.
    to_meet: Option<BTreeSet<PersonId>>,
}

/// What an entry of a circle carries.
#[derive(Debug, Default, Encode, Decode)]
#[cbor(array)]
struct CircleContent {
    #[n(0)]
    version: u32,
    /// What its author says of themselves.
    #[n(1)]
    card: Option<MemberCard>,
    /// A change of the document.
    #[n(2)]
    change: Option<ByteVec>,
    /// Changes of our own documents, in the circle of our own devices.
    #[n(3)]
    documents: Vec<DocumentChange>,
    /// There, too: a circle that our person has come into.
    #[n(4)]
    circle: Option<PairedCircle>,
    /// Of a poll. Nodes that know of none read nothing in such an entry: it carries nothing else.
    #[n(5)]
    poll: Option<PollSaid>,
    /// Of a relay that carries the circle, by an admin.
    #[n(6)]
    relay: Option<relays::RelaySaid>,
}

/// Something to be written, which waits for a key.
#[derive(Debug, Encode, Decode)]
enum Edit {
    /// Of the list.
    #[n(0)]
    List(#[n(0)] ListEdit),
    /// Of our own documents.
    #[n(1)]
    Documents(#[n(0)] Vec<DocumentChange>),
    /// Of a circle that our person has come into.
    #[n(2)]
    Circle(#[n(0)] PairedCircle),
    /// Of a poll.
    #[n(3)]
    Poll(#[n(0)] PollEdit),
    /// Of a relay.
    #[n(4)]
    Relay(#[n(0)] relays::RelaySaid),
}

/// Something to be said of a poll. What depends on the moment is found out when it can be said.
#[derive(Debug, Encode, Decode)]
enum PollEdit {
    /// A question; its electorate is still to be named.
    #[n(0)]
    Open(#[n(0)] Proposal),
    /// A choice, from 0.
    #[n(1)]
    Vote {
        #[n(0)]
        poll: EntryHash,
        #[n(1)]
        choice: u32,
        /// When it was cast.
        #[n(2)]
        at: Timestamp,
    },
    /// The end.
    #[n(2)]
    Close {
        #[n(0)]
        poll: EntryHash,
    },
}

/// How a member is called, and where the node that says so is met. The last one counts.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct MemberCard {
    /// Rises with every card of one person.
    #[n(0)]
    number: u64,
    #[n(1)]
    #[cbor(decode_with = "wire::text::<Ctx, { maille_protocol::invite::NAME_BYTES_MAX }>")]
    name: String,
    #[n(2)]
    #[cbor(decode_with = "wire::texts::<Ctx, ADDRESSES_MAX, ADDRESS_BYTES_MAX>")]
    addresses: Vec<String>,
}

impl CircleContent {
    /// What an entry says; nothing if it is of another version, or of none.
    fn of(content: &[u8]) -> Self {
        let read: Option<Self> = content::unpack(content);
        read.filter(|read| read.version == 1).unwrap_or_default()
    }
}

/// The Automerge actor of a log, of which each has its own.
fn actor_of(log: &LogId) -> [u8; 32] {
    crypto::hash("maille document actor v1", &[log.as_bytes()])
}

impl Circle {
    fn id(&self) -> CircleId {
        self.replica.circle().id()
    }

    /// A node was forgotten, of whichever member.
    pub(super) fn meet_all(&mut self) {
        self.to_meet = None;
    }

    fn subject(&self) -> Subject {
        Subject::Circle(self.id())
    }

    fn slice(&self) -> Subject {
        Subject::Slice(self.replica.access().id())
    }

    /// The grants by which members share: the first says what the circle is called, and what kind it is;
    /// others came with members who had left, and whose keys were cut under those before.
    fn grants(&self) -> impl Iterator<Item = (GrantId, &Grant)> {
        let of_circle = Audience::Circle(self.id());
        let grants = self.replica.access().grants();
        grants.filter(move |(_, grant)| grant.audience == of_circle)
    }

    fn grant(&self) -> Option<&Grant> {
        self.grants().next().map(|(_, grant)| grant)
    }

    fn name(&self) -> String {
        self.grant().map_or_else(String::new, |grant| {
            let shown = grant.purpose.chars().filter(|it| !it.is_control());
            shown.collect()
        })
    }

    fn kind(&self) -> CircleKind {
        let name = self.grant().map(|grant| grant.content.name.as_str());
        CircleKind::of(name.unwrap_or_default())
    }

    fn has_member(&self, person: &PersonId) -> bool {
        self.replica.circle().members().contains_key(person)
    }

    fn role_of(&self, person: &PersonId) -> Option<Role> {
        let members = self.replica.circle().members();
        members.get(person).map(|member| member.role)
    }

    /// Whether somebody belonged to the circle once and was removed, or left.
    fn had_member(&self, person: &PersonId) -> bool {
        let all = self.replica.circle().statements().outcome().members();
        let is_them = |who: Who| who == Who::Person(*person);
        all.values().any(|member| is_them(member.who)) && !self.has_member(person)
    }

    /// The entries that stand, by their header hashes.
    fn stands(&self) -> BTreeSet<[u8; 32]> {
        let standing = self.replica.standing();
        standing.map(|it| it.entry.header_hash()).collect()
    }

    /// Whose device bound the log of an actor to itself.
    fn person_of_actor(&self, actor: &[u8]) -> Option<PersonId> {
        let mut standing = self.replica.standing();
        let found = standing.find(|it| actor_of(&it.entry.log())[..] == *actor)?;
        self.replica.person_of(&found.author.speaker())
    }

    /// The document, with all that stands. What depends on something that does not waits.
    fn document(&mut self) -> &Gate {
        let standing: BTreeMap<_, _> = (self.replica.standing())
            .filter_map(|it| Some((it.entry.header_hash(), (it.entry, it.content?))))
            .collect();
        if !self.offered.iter().all(|it| standing.contains_key(it)) {
            (self.gate, self.offered) = (document::begin(), BTreeSet::new());
        }
        let new: Vec<_> = (standing.iter())
            .filter(|(hash, _)| !self.offered.contains(*hash))
            .map(|(hash, (entry, content))| {
                let change = CircleContent::of(content).change;
                let change = change.map_or_else(Vec::new, Vec::from);
                (*hash, actor_of(&entry.log()), entry.seq(), change)
            })
            .collect();
        self.gate
            .offer(new.iter().map(|(_, actor, number, change)| Offered {
                actor,
                number: *number,
                bytes: change,
            }));
        self.offered.extend(new.iter().map(|(hash, ..)| *hash));
        &self.gate
    }
}

impl<S: Store> Home<S> {
    /// Lets `act` work with a circle, which is made again from the store if that fails.
    fn with_circle<T, E: From<ReadError> + From<CommandError>>(
        &mut self,
        id: CircleId,
        act: impl FnOnce(&mut Self, &mut Circle) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut circle = match self.circles.remove(&id) {
            Some(circle) => circle,
            None => self.load_circle(id)?.ok_or_else(|| unknown(&id))?,
        };
        self.touched_circles.insert(id);
        let outcome = act(self, &mut circle);
        if outcome.is_ok() {
            self.circles.insert(id, circle);
        } else {
            self.circles_loaded = false;
        }
        outcome
    }

    /// The circles of this person, in memory.
    pub(super) fn load_circles(&mut self) -> Result<(), ReadError> {
        if self.circles_loaded {
            return Ok(());
        }
        for id in self.circle_ids()? {
            if !self.circles.contains_key(&id)
                && let Some(circle) = self.load_circle(id)?
            {
                self.circles.insert(id, circle);
            }
        }
        self.circles_loaded = true;
        Ok(())
    }

    fn circle_ids(&self) -> Result<Vec<CircleId>, ReadError> {
        let all = self.view.scan(layout::CIRCLES)?.into_iter();
        all.map(|(key, _)| {
            let id = key.get(1..).and_then(|id| <[u8; 32]>::try_from(id).ok());
            id.map(CircleId::from_bytes).ok_or_else(|| damaged(&key))
        })
        .collect()
    }

    fn load_circle(&self, id: CircleId) -> Result<Option<Circle>, ReadError> {
        let at = layout::circle(id);
        let Some(record) = self.view.read::<CircleRecord>(&at)? else {
            return Ok(None);
        };
        let mut circle = self.begin_circle(id, record).ok_or_else(|| damaged(&at))?;
        let items = self
            .view
            .scan_read::<CircleItem>(&layout::circle_items(id))?;
        for (key, item) in &items {
            let number = layout::number_in(key).ok_or_else(|| damaged(key))?;
            circle.holdings.insert(item, number);
        }
        circle.fill(items.into_iter().map(|(_, item)| item));
        circle.look_at_neighbours(&self.me.secrets);
        let waiting = self
            .view
            .scan_read::<WaitingItem>(&layout::circle_all_waiting(id))?;
        for (key, waits) in waiting {
            let hash = key.get(33..).and_then(|hash| hash.try_into().ok());
            let hash = hash.ok_or_else(|| damaged(&key))?;
            circle.holdings.set_aside(&waits.item);
            circle.waiting.insert(hash, waits);
        }
        for (key, _) in self.view.scan(&layout::circle_all_taken(id))? {
            let hash = key.get(33..).and_then(|hash| hash.try_into().ok());
            circle.taken.insert(hash.ok_or_else(|| damaged(&key))?);
        }
        circle.read_cards();
        Ok(Some(circle))
    }

    /// A circle in which nothing was said yet.
    fn begin_circle(&self, id: CircleId, record: CircleRecord) -> Option<Circle> {
        let mut known = Known::default();
        let me = self.me.person;
        known.people.insert(me, self.me.authority.clone());
        let charter = Charter::decode(&record.charter).ok()?;
        let begun = principal::Circle::begin(charter, id, &known.people).ok()?;
        known.circles.insert(id, begun);
        let charter = wire::decode::<SliceCharter>(&record.slice, wire::STATEMENT_BYTES_MAX);
        let owner = Owner::Circle(&known.circles[&id]);
        let access = Access::begin(charter.ok()?, owner, &known).ok()?;
        let me = self.circle_me(id, record.logs_over);
        Some(Circle {
            replica: Replica::new(me, known, id, access, record.tag_key.clone()),
            record,
            gate: document::begin(),
            offered: BTreeSet::new(),
            cards: BTreeMap::new(),
            places: BTreeMap::new(),
            relays: relays::Relays::default(),
            read: BTreeSet::new(),
            fell: true, // it may have been before
            taken: BTreeSet::new(),
            unpacked: polls::Unpacked::new(),
            waiting: waiting::Waiting::default(),
            duties: duties::Duties::default(),
            holdings: Holdings::default(),
            neighbours: neighbours::Neighbours::default(),
            to_meet: None,
        })
    }

    /// This device in a circle. A log that is over is followed by one of another installation.
    fn circle_me(&self, circle: CircleId, logs_over: u32) -> replica::Me {
        let installation = crypto::hash(
            "maille circle installation v1",
            &[
                self.me.secrets.installation.as_bytes(),
                circle.as_bytes(),
                &logs_over.to_be_bytes(),
            ],
        );
        replica::Me {
            person: self.me.person,
            signing: self.me.signing.clone(),
            seed: self.me.secrets.device.clone(),
            sealing: self.me.sealing.clone(),
            installation: InstallationId::from_bytes(installation),
        }
    }

    pub(super) fn circle_create(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (name, kind, called): (String, CircleKind, String),
    ) -> Result<Done, CommandError> {
        const MAX: usize = maille_protocol::invite::NAME_BYTES_MAX;
        check_text_of("name", &name, MAX)?;
        check_text_of("as", &called, MAX)?;
        self.check_room_for_a_circle()?;
        let id = self.found_circle(now, rng, (name, kind.name()), (called, false))?;
        self.pass_on_circle(now, rng, id)?;
        self.with_circle(id, |home, circle| {
            let circle = home.shown_circle(circle)?;
            Ok(Done::CircleCreated { circle })
        })
    }

    /// Founds a circle with our person as its one member.
    pub(in crate::home) fn found_circle(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (name, kind): (String, &str),
        (called, own): (String, bool),
    ) -> Result<CircleId, CommandError> {
        let people = People::from([(self.me.person, self.me.authority.clone())]);
        let founders = [self.me.person];
        let founded = principal::Circle::found(Rule::Admins, &founders, true, &people, rng)
            .expect("one person is an admin");
        let mut salt = [0; 32];
        rng.fill_bytes(&mut salt);
        let control = ControlFounder {
            key: SliceCharter::control_key(&self.me.secrets.device, &salt).public(),
            rank: 1,
            root: None,
        };
        let id = founded.id();
        let owner = OwnerId::Circle(id);
        let slice = SliceCharter::new(ContentKind::Documents, owner, salt, control);
        let record = CircleRecord {
            charter: wire::encode(founded.charter()).into(),
            slice: wire::encode(&slice).into(),
            tag_key: Key::random(rng),
            called,
            since: now,
            next: 1,
            logs_over: 0,
            next_edit: 1,
            own,
            welcomed_by: None,
            wide: false,
        };
        self.view.write(layout::circle(id), &record);
        let grant = Grant {
            audience: Audience::Circle(id),
            abilities: Abilities::WRITE,
            parts: PartRange::ALL,
            not_before: now,
            expires: now.plus_millis(GRANT_DAYS * DAY_MS),
            depth: 0,
            purpose: name,
            content: ContentPin {
                name: kind.to_owned(),
                hash: [0; 32],
            },
        };
        self.with_circle(id, |home, circle| {
            let me = CircleItem::Person(home.me.authority.to_bytes());
            home.keep_item(circle, me, None)?;
            let slice = circle.slice();
            home.say_in_circle(circle, slice, Kind::Grant(grant))?;
            home.do_duties(now, rng, circle)?;
            Ok(id)
        })
    }

    fn check_room_for_a_circle(&self) -> Result<(), CommandError> {
        let joining = self.view.scan(layout::JOINING)?.len();
        if self.circle_ids()?.len() + joining < CIRCLES_MAX {
            return Ok(());
        }
        Err(CommandError::TooMany {
            what: "circles".to_owned(),
            max: CIRCLES_MAX as u64,
        })
    }

    /// Says something in the circle or its slice, and passes it on.
    fn say_in_circle(
        &mut self,
        circle: &mut Circle,
        subject: Subject,
        kind: Kind,
    ) -> Result<(), CommandError> {
        let said = circle.replica.say(subject, kind);
        let said = said.map_err(|_| CommandError::NotAllowedInCircle {
            circle: circle.name(),
        })?;
        let item = CircleItem::Statement(said.to_bytes());
        self.keep_item(circle, item, None)?;
        circle.duties.at_once();
        Ok(())
    }

    pub(super) fn circles_shown(&mut self) -> Result<Done, CommandError> {
        self.load_circles()?;
        let mut circles = Vec::new();
        for circle in self.circles.values().filter(|circle| !circle.record.own) {
            circles.push(self.shown_circle(circle)?);
        }
        circles.sort_by_key(|circle| (circle.since, circle.id));
        let joining = self.view.scan_read::<Joining>(layout::JOINING)?;
        let joining = joining
            .into_iter()
            .map(|(_, joining)| joining.shown())
            .collect();
        Ok(Done::Circles { circles, joining })
    }

    fn shown_circle(&self, circle: &Circle) -> Result<CircleShown, CommandError> {
        let id = circle.id();
        let me = self.me.person;
        let role = circle.role_of(&me);
        let mut members = Vec::new();
        for (person, member) in circle.replica.circle().members() {
            let card = circle.cards.get(person);
            let contact = self.contact(*person)?;
            let mut feeds = Vec::new();
            for peer in self.nodes_of(*person)? {
                feeds.extend(self.feed(peer)?);
            }
            members.push(CircleMember {
                person: *person,
                name: match (card, &contact) {
                    (Some(card), _) => card.name.clone(),
                    (None, Some(contact)) => contact.name.clone(),
                    (None, None) => String::new(),
                },
                admin: member.role == Role::Admin,
                me: *person == me,
                connected: self.is_connected(*person),
                last_seen: feeds.iter().filter_map(|feed| feed.last_seen).max(),
                behind: !feeds.is_empty() && !feeds.iter().any(Feed::is_drained),
            });
        }
        let edits = self.view.scan(&layout::circle_edits(id))?.len();
        Ok(CircleShown {
            id,
            name: circle.name(),
            kind: circle.kind(),
            called: circle.record.called.clone(),
            since: circle.record.since,
            standing: match role {
                Some(Role::Admin) => CircleStanding::Admin,
                Some(Role::Member) => CircleStanding::Member,
                None if circle.had_member(&me) => CircleStanding::Removed,
                None => CircleStanding::Arriving,
            },
            members,
            invites: self.invites_to(id)?,
            relays: self.relays_shown(circle)?,
            edits_waiting: edits as u64,
            changes_waiting: circle.gate.waiting().count() as u64,
            changes_aside: (circle.gate.aside())
                .map(|(actor, _, why)| {
                    let person = circle.person_of_actor(actor);
                    let name = person.and_then(|person| circle.cards.get(&person));
                    let name = name.map_or_else(String::new, |card| card.name.clone());
                    (name, why.to_string())
                })
                .collect(),
        })
    }

    /// What a circle is called; its id if nobody has said yet.
    pub(super) fn circle_name(&self, id: CircleId) -> Result<String, ReadError> {
        Ok(match self.circles.get(&id) {
            Some(circle) => circle.name(),
            None => self
                .load_circle(id)?
                .map_or_else(|| id.to_string(), |circle| circle.name()),
        })
    }

    /// The circle of this id, the beginning of its id, or its name.
    pub(super) fn find_circle(&mut self, typed: &str) -> Result<CircleId, CommandError> {
        self.load_circles()?;
        let lower = typed.to_lowercase();
        let found: Vec<CircleId> = (self.circles.iter())
            .filter(|(_, circle)| !circle.record.own)
            .filter(|(id, circle)| circle.name().to_lowercase() == lower || begins_id(typed, id))
            .map(|(id, _)| *id)
            .collect();
        match found[..] {
            [id] => Ok(id),
            [] => Err(CommandError::UnknownCircle {
                circle: typed.to_owned(),
            }),
            _ => Err(CommandError::AmbiguousCircle {
                circle: typed.to_owned(),
                candidates: found,
            }),
        }
    }

    /// Ends somebody's membership: what they said and wrote until now stays.
    pub(super) fn circle_remove(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        (circle, member): (&str, &str),
    ) -> Result<Done, CommandError> {
        let id = self.find_circle(circle)?;
        self.with_circle(id, |home, circle| {
            let person = find_member(circle, member)?;
            if person == home.me.person {
                return Err(CommandError::Oneself);
            }
            home.end_membership(now, rng, circle, person)
        })
    }

    /// Ends our own membership.
    pub(super) fn circle_leave(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &str,
    ) -> Result<Done, CommandError> {
        let id = self.find_circle(circle)?;
        let me = self.me.person;
        self.with_circle(id, |home, circle| home.end_membership(now, rng, circle, me))
    }

    fn end_membership(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &mut Circle,
        person: PersonId,
    ) -> Result<Done, CommandError> {
        let subject = circle.subject();
        let members = circle.replica.circle().members();
        let Some(membership) = members.get(&person).map(|member| member.membership) else {
            return Err(CommandError::NotAllowedInCircle {
                circle: circle.name(),
            });
        };
        let removal = |keep| Kind::Remove {
            membership,
            key: None,
            keep,
            trusted: None,
        };
        if person == self.me.person && circle.is_admin() {
            // Of the slice first: of who came first nobody else may say what stays.
            let keep = circle.replica.held_of(&membership, &circle.slice());
            self.say_in_circle(circle, circle.slice(), removal(keep))?;
        }
        let mut keep = circle.replica.held_of(&membership, &subject);
        keep.logs = Vec::new(); // of the slice, and named there
        self.say_in_circle(circle, subject, removal(keep))?;
        if circle.has_member(&person) {
            return Err(CommandError::NotAllowedInCircle {
                circle: circle.name(),
            });
        }
        self.do_duties(now, rng, circle)?;
        let circle = self.shown_circle(circle)?;
        Ok(Done::CircleChanged { circle })
    }

    /// The list, with what our own person did and what waits.
    pub(super) fn circle_list(&mut self, circle: &str) -> Result<Done, CommandError> {
        let id = self.find_circle(circle)?;
        self.with_circle(id, |home, circle| home.listed(circle, None))
    }

    fn listed(
        &self,
        circle: &mut Circle,
        changed: Option<ListShown>,
    ) -> Result<Done, CommandError> {
        let items = items_shown(circle);
        let waiting = self.view.scan(&layout::circle_edits(circle.id()))?.len();
        Ok(Done::CircleListed {
            circle: circle.id(),
            name: circle.name(),
            items,
            waiting: waiting as u64,
            changed,
        })
    }

    /// Changes the list. Without a key to seal under, the edit waits here and is shown as waiting.
    pub(super) fn circle_edit(
        &mut self,
        now: Timestamp,
        rng: &mut impl CryptoRng,
        circle: &str,
        change: ListChange,
    ) -> Result<Done, CommandError> {
        let id = self.find_circle(circle)?;
        let mut fresh = [0; 8];
        rng.fill_bytes(&mut fresh);
        self.with_circle(id, |home, circle| {
            if !circle.has_member(&home.me.person) {
                return Err(CommandError::NotAllowedInCircle {
                    circle: circle.name(),
                });
            }
            let edit = edit_of(circle, change, ItemId(fresh))?;
            let id = edit.item();
            let find = |items: Vec<ListShown>| items.into_iter().find(|item| item.id == id);
            let before = find(items_shown(circle));
            home.keep_edit(circle, &Edit::List(edit));
            home.do_duties(now, rng, circle)?;
            let changed = find(items_shown(circle)).or(before);
            home.listed(circle, changed)
        })
    }

    /// Keeps an edit until it can be written.
    fn keep_edit(&mut self, circle: &mut Circle, edit: &Edit) {
        let number = circle.record.next_edit;
        circle.record.next_edit += 1;
        self.view.write(layout::circle(circle.id()), &circle.record);
        self.view
            .write(layout::circle_edit(circle.id(), number), edit);
    }

    /// Seals `content` as our next entry, and passes it on; returns its number in our log.
    fn write_in_circle(
        &mut self,
        now: Timestamp,
        circle: &mut Circle,
        content: &CircleContent,
    ) -> Result<Result<u64, WriteError>, ReadError> {
        let packed = content::pack(content);
        match circle.replica.write(PART, packed, now) {
            Ok(entry) => {
                if circle.record.own {
                    self.mark_taken(circle, entry.header_hash());
                }
                let item = CircleItem::Entry(entry.to_bytes());
                self.keep_item(circle, item, None)?;
                Ok(Ok(entry.seq()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Everything of the circles that both belong to becomes due to a person's node again.
    pub(super) fn feed_circles_again(
        &mut self,
        (person, peer): (PersonId, TransportId),
    ) -> Result<(), ReadError> {
        // Nor is it known any more what they hold: their store may be an older one.
        self.known_by.remove(&peer);
        for (key, _) in self.view.scan(&layout::circles_fed(peer))? {
            self.view.delete(key);
        }
        self.load_circles()?;
        let ids: Vec<CircleId> = (self.circles.iter())
            .filter(|(_, circle)| circle.has_member(&person) && !circle.is_wide())
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            self.feed_circle(id, peer)?;
        }
        self.compare_again(peer);
        Ok(())
    }

    /// All items of a circle become due to a member's node, once.
    fn feed_circle(&mut self, circle: CircleId, peer: TransportId) -> Result<(), ReadError> {
        let at = layout::circle_fed(peer, circle);
        if self.view.get(&at)?.is_some() {
            return Ok(());
        }
        for (key, _) in self.view.scan(&layout::circle_items(circle))? {
            let number = layout::number_in(&key).ok_or_else(|| damaged(&key))?;
            self.append_due(peer, &Due::Circle { circle, number })?;
        }
        self.view.put(at, Vec::new());
        Ok(())
    }
}

/// The list, item by item.
fn items_shown(circle: &mut Circle) -> Vec<ListShown> {
    let items = document::items(circle.document().document());
    let mut by: BTreeMap<Vec<u8>, String> = BTreeMap::new();
    let mut shown = Vec::new();
    for item in items {
        let by = by.entry(item.added_by.clone()).or_insert_with(|| {
            let person = circle.person_of_actor(&item.added_by);
            let card = person.and_then(|person| circle.cards.get(&person));
            card.map_or_else(String::new, |card| card.name.clone())
        });
        shown.push(ListShown {
            id: item.id,
            text: item.text,
            done: item.done,
            by: by.clone(),
        });
    }
    shown
}

fn unknown(id: &CircleId) -> CommandError {
    CommandError::UnknownCircle {
        circle: id.to_string(),
    }
}

/// The member of this name, id, or beginning of an id.
fn find_member(circle: &Circle, typed: &str) -> Result<PersonId, CommandError> {
    let lower = typed.to_lowercase();
    let found: Vec<PersonId> = (circle.replica.circle().members().keys())
        .filter(|person| {
            let card = circle.cards.get(*person);
            card.is_some_and(|card| card.name.to_lowercase() == lower) || begins_id(typed, person)
        })
        .copied()
        .collect();
    match found[..] {
        [person] => Ok(person),
        [] => Err(CommandError::UnknownMember {
            member: typed.to_owned(),
        }),
        _ => Err(CommandError::AmbiguousMember {
            member: typed.to_owned(),
            candidates: found,
        }),
    }
}

/// What a person typed, as an edit of the list that they saw.
fn edit_of(
    circle: &mut Circle,
    change: ListChange,
    fresh: ItemId,
) -> Result<ListEdit, CommandError> {
    let items = document::items(circle.document().document());
    let find = |typed: &str| {
        let by_number = typed.parse::<usize>().ok();
        let by_number = by_number.and_then(|number| items.get(number.checked_sub(1)?));
        let by_id = typed.parse::<ItemId>().ok();
        let lower = typed.to_lowercase();
        let found = by_number.or_else(|| {
            (items.iter()).find(|item| by_id == Some(item.id) || item.text.to_lowercase() == lower)
        });
        found
            .map(|item| item.id)
            .ok_or_else(|| CommandError::UnknownItem {
                item: typed.to_owned(),
            })
    };
    let checked = |text: String| {
        check_text_of("text", &text, document::TEXT_BYTES_MAX)?;
        Ok::<String, CommandError>(text)
    };
    Ok(match change {
        ListChange::Add { .. } if items.len() >= ITEMS_MAX => {
            return Err(CommandError::TooMany {
                what: "items of a list".to_owned(),
                max: ITEMS_MAX as u64,
            });
        }
        ListChange::Add { text } => ListEdit::Add {
            id: fresh,
            text: checked(text)?,
        },
        ListChange::Tick { item, done } => ListEdit::Tick {
            id: find(&item)?,
            done,
        },
        ListChange::Rename { item, text } => ListEdit::Rename {
            id: find(&item)?,
            text: checked(text)?,
        },
        ListChange::Remove { item } => ListEdit::Remove { id: find(&item)? },
    })
}

#[cfg(test)]
impl<S: Store> Home<S> {
    /// How many persons a circle in memory knows.
    pub(super) fn people_in_memory(&self, id: CircleId) -> usize {
        self.circles[&id].replica.known().people.len()
    }

    /// How many bytes of a circle in memory wait.
    pub(super) fn waiting_in_memory(&self, id: CircleId) -> usize {
        self.circles[&id].waiting.bytes()
    }

    pub(super) fn waiting_looked_at(&self, id: CircleId) -> usize {
        self.circles[&id].waiting.taken
    }
}

#[cfg(test)]
impl Circle {
    /// The secret keys of its generations.
    pub(super) fn generation_keys(&self) -> Vec<Vec<u8>> {
        let held = self.replica.held_keys();
        held.map(|(_, key)| key.key().as_bytes().to_vec()).collect()
    }

    /// What is sealed under now.
    pub(super) fn current_key(&self) -> Option<maille_protocol::generation::ContentKey> {
        let current = self.replica.sealed_under(PART).ok()?;
        let mut held = self.replica.held_keys();
        held.find(|(id, _)| *id == current)
            .map(|(_, key)| key.clone())
    }
}
