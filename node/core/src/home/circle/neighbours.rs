//! Neighbours: with whom a node of a wide circle keeps in touch.
//!
//! In a circle of few nodes everybody sends everything to everybody. In a *wide* one a node keeps sessions with a few members'
//! nodes, and what it makes or hears goes to these; they pass it on. When such a session opens, the two compare what they
//! hold ([`Holds`], [`Held`]), and each makes due to the other what that lacks. So whatever way something came, and
//! however long somebody was away, one session with anybody who has it is enough. A circle that was wide stays so here:
//! what others hold is not known by what was fed to them.
//!
//! | with whom | why |
//! |---|---|
//! | the next node there is after ours, and before, on a ring that all members see alike | the ring holds together whoever comes and goes |
//! | [`DRAWN`] other persons, in an order that nobody else knows | news takes few steps; who has many devices, or chooses their ids so that they come next on a ring, cannot be all that one hears of |
//! | whoever dials us, our own devices, those with whom something else is shared | they are there |
//!
//! So a node has some six sessions for a circle, of which it has dialled four.
//!
//! | a session with a member's node | outcome |
//! |---|---|
//! | open, and not compared | what is held is said, once |
//! | what they hold is heard | what is held here is named where it differs, as soon as they may hear it |
//! | what they name is heard | what they lack is due to them, and from when we said what we hold on, what is new |
//! | no answer for [`SILENT_MS`] | who belongs to the circle is due to them: they may not have heard that we do; another neighbour is sought |
//! | either end is no member | forgotten: should it be one again, what it lacks is asked again |
//! | over | nothing more is due to them: the next one compares again |

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::crypto;
use maille_protocol::id::{CircleId, PersonId, TransportId};
use maille_protocol::sync::holdings::{BUCKETS, place_on_ring};
use maille_protocol::sync::{CircleItem, Frame, Held, Holds};
use maille_protocol::time::Timestamp;

use super::super::Home;
use super::super::link::{Live, Often};
use super::{CIRCLES_MAX, Circle};
use crate::io::{ConnectionId, Store};
use crate::layout;
use crate::secrets::Secrets;
use crate::state::{Due, Feed, Joining};
use crate::view::{ReadError, damaged};

/// Up to so many other nodes a circle is no wide one: as many sessions as a node of a wide one may well have.
const MESH_MAX: usize = 7;
/// So many persons are drawn, besides the two on the ring.
const DRAWN: usize = 2;
/// Who has not said for so long what they hold is no neighbour.
const SILENT_MS: u64 = 10_000;
/// So often in [`ANSWERS_SPAN_MS`] a node is told what is here where it differs. It costs a look at all that is held.
const ANSWERS_MAX: u32 = 128;
const ANSWERS_SPAN_MS: u64 = 600_000;

/// Whom a node of a circle may have for neighbours.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    /// Other members' nodes from after ours, in the order of a ring.
    ring: Vec<TransportId>,
    /// Other members, as drawn here.
    drawn: Vec<PersonId>,
    /// Whose nodes these are.
    nodes: BTreeMap<TransportId, PersonId>,
}

/// How far a comparison of a circle has come in a session.
#[derive(Debug, Default)]
pub(in crate::home) struct Compared {
    said: Option<Said>,
    /// What they hold, until it is answered.
    asked: Option<Holds>,
}

/// We have said what is held here.
#[derive(Clone, Copy, Debug)]
struct Said {
    at: Timestamp,
    /// Number of the next item, at that moment.
    next: u64,
    /// Buckets of which they have named what they hold.
    heard: u64,
    /// They have answered: what is new is due to them.
    follows: bool,
    /// They follow although they have not answered in time.
    silent: bool,
}

const _: () = assert!(BUCKETS == u64::BITS as usize);

impl Said {
    /// Of what they have named, the buckets that they name for the first time.
    fn hears(&mut self, held: &mut Held) {
        held.buckets.retain(|bucket| {
            let bit = 1_u64.checked_shl(u32::from(*bucket)).unwrap_or(0);
            let new = bit != 0 && self.heard & bit == 0;
            self.heard |= bit;
            new
        });
        self.follows = true;
        self.silent = false;
    }
}

impl Circle {
    pub(super) const fn is_wide(&self) -> bool {
        self.record.wide
    }

    /// Sees which nodes there are; returns whether there are too many for everybody to meet everybody.
    pub(super) fn look_at_neighbours(&mut self, secrets: &Secrets) -> bool {
        let me = secrets.transport;
        let known = &self.replica.known().people;
        let members = self.replica.circle().members().keys();
        let devices = members.filter_map(|person| {
            let devices = known.get(person)?.devices().values();
            Some(devices.map(|device| (device.transport, *person)))
        });
        let all: Vec<_> = devices.flatten().filter(|(peer, _)| *peer != me).collect();
        let many = !self.record.own && all.len() > MESH_MAX;
        let own = self.replica.me().person;
        let others = all.into_iter().filter(|(_, person)| *person != own);
        let nodes: BTreeMap<TransportId, PersonId> = others.collect();
        if nodes == self.neighbours.nodes {
            return many;
        }
        let id = self.id();
        let place = |peer: &TransportId| place_on_ring(&id, peer);
        let mine = place(&me);
        let mut ring: Vec<TransportId> = nodes.keys().copied().collect();
        ring.sort_by_cached_key(|peer| (place(peer) < mine, place(peer)));
        let draw = secrets
            .device
            .derive("maille circle drawn v1", &[id.as_bytes()]);
        let persons: BTreeSet<PersonId> = nodes.values().copied().collect();
        let mut drawn: Vec<PersonId> = persons.into_iter().collect();
        drawn.sort_by_cached_key(|person| {
            crypto::keyed_hash(
                draw.as_bytes(),
                "maille circle person v1",
                &[person.as_bytes()],
            )
        });
        self.neighbours = Neighbours { ring, drawn, nodes };
        many
    }

    /// Whether a node may hear what is held here: it speaks for a member or, while we do not know yet who is one, has
    /// let us in.
    fn compares_with(&self, live: &Live) -> bool {
        let arriving = !self.has_member(&self.replica.me().person);
        arriving && self.record.welcomed_by == Some(live.peer) || self.is_node_of_member(live)
    }

    fn is_node_of_member(&self, live: &Live) -> bool {
        let known = self.replica.known().people.get(&live.person);
        self.has_member(&live.person)
            && known.is_some_and(|of| of.device_of_transport(&live.peer).is_some())
    }
}

impl Live {
    /// Whether what is new in a wide circle is due to this node.
    pub(super) fn follows(&self, circle: &CircleId) -> bool {
        self.said(circle).is_some_and(|it| it.follows)
    }

    fn said(&self, circle: &CircleId) -> Option<&Said> {
        self.compared.get(circle)?.said.as_ref()
    }

    /// When it is over that we wait for what they hold.
    fn waits_until(&self) -> Option<Timestamp> {
        let said = self.compared.values().filter_map(|it| it.said);
        let waits = said.filter(|it| !it.follows);
        waits.map(|it| it.at.plus_millis(SILENT_MS)).min()
    }
}

impl<S: Store> Home<S> {
    /// Says what is held of wide circles in sessions where that was not said, and answers those who have said it.
    pub(in crate::home) fn compare_circles(&mut self, now: Timestamp) {
        let (mut frames, mut answers, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        for (connection, live) in self.sessions.iter_mut().filter(|(_, it)| it.is_open()) {
            for (id, circle) in self.circles.iter().filter(|(_, it)| it.is_wide()) {
                let both = circle.has_member(&self.me.person) && circle.is_node_of_member(live);
                if !both && let Some(compared) = live.compared.get_mut(id) {
                    // What was due to them meanwhile did not leave.
                    compared.said = None;
                }
                if both && live.said(id).is_none() {
                    let next = circle.record.next;
                    live.compared.entry(*id).or_default().said = Some(Said {
                        at: now,
                        next,
                        heard: 0,
                        follows: false,
                        silent: false,
                    });
                    frames.push((*connection, Frame::Holds(circle.holdings.holds(*id))));
                }
            }
            let asking = live.compared.iter().filter(|(_, it)| it.asked.is_some());
            let may_hear = |id: &CircleId| {
                let circle = self.circles.get(id);
                circle.is_some_and(|circle| circle.compares_with(live))
            };
            let heard: Vec<CircleId> = asking.map(|(id, _)| *id).filter(may_hear).collect();
            for id in heard {
                let asked = live.compared.get_mut(&id).and_then(|it| it.asked.take());
                answers.extend(asked.map(|holds| (*connection, live.peer, holds)));
            }
            for (id, compared) in &mut live.compared {
                if let Some(said) = &mut compared.said
                    && !said.follows
                    && said.at.plus_millis(SILENT_MS) <= now
                {
                    (said.silent, said.follows) = (true, true);
                    silent.push((live.peer, *id, said.next));
                }
            }
        }
        for (peer, id, since) in silent {
            if self.owe_who_belongs(peer, id, since).is_err() {
                self.leave_alone(now, peer);
            }
        }
        for (connection, frame) in frames {
            self.send(connection, &frame);
        }
        for (connection, peer, holds) in answers {
            self.answer_holds(now, (connection, peer), &holds);
        }
    }

    /// Who is silent may not have heard that we belong to the circle: all that was said of who does is due to them, and
    /// what is new.
    fn owe_who_belongs(
        &mut self,
        peer: TransportId,
        id: CircleId,
        since: u64,
    ) -> Result<(), ReadError> {
        for (key, item) in self
            .view
            .scan_read::<CircleItem>(&layout::circle_items(id))?
        {
            let number = layout::number_in(&key).ok_or_else(|| damaged(&key))?;
            let introduces = matches!(item, CircleItem::Person(_) | CircleItem::Statement(_));
            if introduces || number >= since {
                self.append_due(peer, &Due::Circle { circle: id, number })?;
            }
        }
        Ok(())
    }

    fn answer_holds(
        &mut self,
        now: Timestamp,
        (connection, peer): (ConnectionId, TransportId),
        holds: &Holds,
    ) {
        let Some(circle) = self.circles.get(&holds.circle) else {
            return;
        };
        let answer = circle.holdings.answer(holds);
        if answer.iter().any(|held| !held.names.is_empty()) {
            let answered = self.answered.entry(peer).or_insert(Often::since(now));
            if !answered.once_more(now, ANSWERS_SPAN_MS, ANSWERS_MAX) {
                return;
            }
        }
        for held in answer {
            self.send(connection, &Frame::Held(held));
        }
    }

    /// When somebody who has not said what they hold is no neighbour any more.
    pub(in crate::home) fn next_silent(&self) -> Option<Timestamp> {
        self.sessions.values().filter_map(Live::waits_until).min()
    }

    /// A node says what it holds of a circle.
    pub(in crate::home) fn hear_holds(
        &mut self,
        connection: ConnectionId,
        holds: Holds,
    ) -> Result<(), ReadError> {
        self.load_circles()?;
        if let Some(live) = self.sessions.get_mut(&connection) {
            let circle = holds.circle;
            if live.compared.contains_key(&circle) || live.compared.len() < CIRCLES_MAX {
                live.compared.entry(circle).or_default().asked = Some(holds);
            }
        }
        Ok(())
    }

    /// A node names what it holds of a circle: what it lacks is due to it. An answer to nothing was under way when we
    /// forgot that we had asked.
    pub(in crate::home) fn hear_held(
        &mut self,
        connection: ConnectionId,
        mut held: Held,
    ) -> Result<(), ReadError> {
        self.load_circles()?;
        let id = held.circle;
        let circle = self.circles.get(&id);
        let live = self.sessions.get_mut(&connection);
        let (Some(circle), Some(live)) = (circle, live) else {
            return Ok(());
        };
        let compared = live.compared.get_mut(&id);
        let Some(said) = compared.and_then(|it| it.said.as_mut()) else {
            return Ok(());
        };
        let first = !said.follows;
        said.hears(&mut held);
        let mut owed = circle.holdings.lacked(&held);
        owed.retain(|number| *number < said.next);
        if first {
            owed.extend(said.next..circle.record.next); // they cannot have named it
        }
        live.feed_is_ready();
        let peer = live.peer;
        for number in owed {
            self.append_due(peer, &Due::Circle { circle: id, number })?;
        }
        Ok(())
    }

    /// What is new in a wide circle is due to those with whom it was compared.
    pub(super) fn due_to_neighbours(
        &mut self,
        due: &Due,
        id: CircleId,
        from: Option<TransportId>,
    ) -> Result<(), ReadError> {
        let follow = self.sessions.values().filter(|live| live.follows(&id));
        let follow: BTreeSet<TransportId> = follow.map(|live| live.peer).collect();
        for peer in follow.into_iter().filter(|peer| Some(*peer) != from) {
            self.append_due(peer, due)?;
        }
        Ok(())
    }

    /// Of what was due to a node, what wide circles owe it at the end of its feed is due no more: they are asked again what
    /// they lack. So who comes again and again, and takes nothing, does not make the feed grow.
    pub(in crate::home) fn forget_owed_by_wide(
        &mut self,
        (person, peer): (PersonId, TransportId),
        feed: &mut Feed,
    ) -> Result<(), ReadError> {
        self.load_circles()?;
        while feed.next > feed.acked + 1 {
            let at = layout::feed_item(peer, feed.next - 1);
            let Some(Due::Circle { circle, .. }) = self.view.read(&at)? else {
                break;
            };
            let circle = self.circles.get(&circle);
            if !circle.is_some_and(|it| it.is_wide() && it.has_member(&person)) {
                break;
            }
            self.view.delete(at);
            feed.next -= 1;
        }
        feed.journalled = feed.journalled.min(feed.next - 1);
        Ok(())
    }

    /// What a node holds is not known any more.
    pub(super) fn compare_again(&mut self, peer: TransportId) {
        for live in self.sessions.values_mut().filter(|it| it.peer == peer) {
            live.compared.clear();
        }
    }

    /// Whom to dial now for the sake of wide circles.
    pub(in crate::home) fn neighbours_to_dial(&self, now: Timestamp) -> BTreeSet<TransportId> {
        let mut wanted = BTreeSet::new();
        let mut wide = self
            .circles
            .iter()
            .filter(|(_, it)| it.is_wide())
            .peekable();
        if wide.peek().is_none() {
            return wanted;
        }
        let live: BTreeMap<TransportId, &Live> = (self.sessions.values())
            .map(|live| (live.peer, live))
            .collect();
        for (id, circle) in wide {
            let Neighbours { ring, drawn, nodes } = &circle.neighbours;
            let is_there = |peer: &TransportId| {
                let silent = |live: &&Live| live.said(id).is_some_and(|it| it.silent);
                live.get(peer).is_some_and(|live| !silent(live))
                    || self.dials.get(peer).is_some_and(|it| it.is_under_way())
            };
            let may_dial = |peer: &TransportId| {
                !live.contains_key(peer) && self.dials.get(peer).is_some_and(|it| it.may_begin(now))
            };
            // Of some nodes the first that is there, or may be dialled.
            let mut one_of = |nodes: &mut dyn Iterator<Item = &TransportId>| {
                let mut nodes = nodes.filter(|peer| is_there(peer) || may_dial(peer));
                let found = *nodes.next()?;
                if !is_there(&found) {
                    wanted.insert(found);
                }
                circle.neighbours.nodes.get(&found).copied()
            };
            let on_ring = [one_of(&mut ring.iter()), one_of(&mut ring.iter().rev())];
            let mut lacking = DRAWN;
            for person in drawn.iter().filter(|it| !on_ring.contains(&Some(**it))) {
                if lacking == 0 {
                    break;
                }
                let theirs = nodes.iter().filter(|(_, of)| *of == person);
                let theirs: Vec<&TransportId> = theirs.map(|(peer, _)| peer).collect();
                let there = theirs.iter().copied().filter(|peer| is_there(peer));
                let rest = theirs.iter().copied();
                if one_of(&mut there.chain(rest)).is_some() {
                    lacking -= 1;
                }
            }
        }
        wanted
    }

    /// Whether a node need not be dialled but as a neighbour.
    pub(in crate::home) fn is_only_neighbour(
        &self,
        peer: TransportId,
        person: PersonId,
    ) -> Result<bool, ReadError> {
        let mut circles = self.circles.values();
        let in_wide = |it: &Circle| it.is_wide() && it.neighbours.nodes.contains_key(&peer);
        if person == self.me.person || !circles.any(in_wide) {
            return Ok(false);
        }
        let mut circles = self.circles.values();
        if circles.any(|it| !it.is_wide() && it.has_member(&person)) {
            return Ok(false);
        }
        let joining = self.view.scan_read::<Joining>(layout::JOINING)?;
        let shares = !self.given_to(person)?.is_empty()
            || self.taken()?.iter().any(|(_, taken)| taken.from == person);
        Ok(!shares && (joining.iter()).all(|(_, joining)| joining.link.card.transport != peer))
    }
}
