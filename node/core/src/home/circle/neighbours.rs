//! Neighbours: with whom a node of a wide circle keeps in touch.
//!
//! In a circle of few nodes everybody sends everything to everybody. In a *wide* one a node keeps sessions with a few members'
//! nodes, and what it makes or hears goes to these; they pass it on. When such a session opens, the two compare what they
//! hold ([`Holds`], [`Held`]), and each makes due to the other what that lacks. So whatever way something came, and
//! however long somebody was away, one session with anybody who has it is enough.
//!
//! | with whom | why |
//! |---|---|
//! | the next node there is after ours, and before, on a ring that all members see alike | the ring holds together whoever comes and goes |
//! | others, drawn, until there are [`LIVE_MIN`] | news takes few steps, and nobody is cut off by two |
//! | whoever dials us, our own devices, those with whom something else is shared | they are there |
//!
//! | a session with a member's node | outcome |
//! |---|---|
//! | open, and not compared | what is held is said, once |
//! | what they hold is heard, the first time | what is held here is named where it differs |
//! | what they name is heard | what they lack is due to them, and from now on what is new |
//! | over | nothing more is due to them: the next one compares again |

use std::collections::BTreeSet;

use maille_protocol::crypto;
use maille_protocol::id::{CircleId, PersonId, TransportId};
use maille_protocol::sync::holdings::BUCKETS;
use maille_protocol::sync::{Frame, Held, Holds};
use maille_protocol::time::Timestamp;

use super::super::Home;
use super::super::link::Live;
use super::super::taking::Refused;
use super::Circle;
use crate::io::{ConnectionId, Store};
use crate::layout;
use crate::state::{Due, Joining};
use crate::view::ReadError;

/// Up to so many other nodes a circle is no wide one: as many sessions as a node of a wide one may well have.
pub(super) const MESH_MAX: usize = 7;
/// So many members' nodes are dialled, if there are.
const LIVE_MIN: usize = 4;

/// Whom a node of a circle may have for neighbours.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    wide: bool,
    /// Other members' nodes from after ours, in the order of a ring.
    ring: Vec<TransportId>,
    /// The same, as drawn for our node.
    drawn: Vec<TransportId>,
    nodes: BTreeSet<TransportId>,
}

/// How far a comparison of a circle has come in a session.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::home) struct Compared {
    said: bool,
    answered: bool,
    /// Buckets of which they have named what they hold.
    heard: u64,
    /// What is new is due to them.
    follows: bool,
}

const _: () = assert!(BUCKETS == u64::BITS as usize);

impl Compared {
    /// Of what they have named, the buckets that they name for the first time.
    fn hears(&mut self, held: &mut Held) {
        held.buckets.retain(|bucket| {
            let bit = 1_u64.checked_shl(u32::from(*bucket)).unwrap_or(0);
            let new = bit != 0 && self.heard & bit == 0;
            self.heard |= bit;
            new
        });
        self.follows = true;
    }
}

impl Circle {
    pub(super) const fn is_wide(&self) -> bool {
        self.neighbours.wide
    }

    /// Sees which nodes there are.
    pub(super) fn look_at_neighbours(&mut self, me: TransportId) {
        let known = &self.replica.known().people;
        let members = self.replica.circle().members().keys();
        let devices = members.filter_map(|person| {
            let devices = known.get(person)?.devices().values();
            Some(devices.map(|device| (*person, device.transport)))
        });
        let all: Vec<_> = devices.flatten().filter(|(_, peer)| *peer != me).collect();
        let own = self.replica.me().person;
        let others = all.iter().filter(|(person, _)| *person != own);
        let nodes: BTreeSet<TransportId> = others.map(|(_, peer)| *peer).collect();
        let wide = !self.record.own && all.len() > MESH_MAX;
        if nodes == self.neighbours.nodes && wide == self.neighbours.wide {
            return;
        }
        let id = self.id();
        let place = |peer: &TransportId| {
            let parts: [&[u8]; 2] = [id.as_bytes(), peer.as_bytes()];
            crypto::hash("maille circle ring v1", &parts)
        };
        let mine = place(&me);
        let mut ring: Vec<TransportId> = nodes.iter().copied().collect();
        ring.sort_by_cached_key(|peer| (place(peer) < mine, place(peer)));
        let mut drawn = ring.clone();
        drawn.sort_by_cached_key(|peer| {
            // The same for both: whom we would have would have us.
            let ends = [me.min(*peer), me.max(*peer)];
            let parts: [&[u8]; 3] = [id.as_bytes(), ends[0].as_bytes(), ends[1].as_bytes()];
            crypto::hash("maille circle drawn v1", &parts)
        });
        self.neighbours = Neighbours {
            wide,
            ring,
            drawn,
            nodes,
        };
    }

    /// Whether a node may hear what is held here: it speaks for a member, or we do not know yet who is one.
    fn compares_with(&self, live: &Live) -> bool {
        let me = self.replica.me().person;
        let arriving = !self.has_member(&me) && !self.had_member(&me);
        arriving || self.is_node_of_member(live)
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
        self.compared.get(circle).is_some_and(|it| it.follows)
    }
}

impl<S: Store> Home<S> {
    /// Says what is held of wide circles, in sessions where that was not said.
    pub(in crate::home) fn compare_circles(&mut self) {
        let mut frames = Vec::new();
        for (id, circle) in self.circles.iter().filter(|(_, circle)| circle.is_wide()) {
            for (connection, live) in &mut self.sessions {
                if live.is_open()
                    && !live.compared.get(id).is_some_and(|it| it.said)
                    && circle.is_node_of_member(live)
                {
                    live.compared.entry(*id).or_default().said = true;
                    frames.push((*connection, circle.holdings.holds(*id)));
                }
            }
        }
        for (connection, holds) in frames {
            self.send(connection, &Frame::Holds(holds));
        }
    }

    /// A node says what it holds of a circle. Answered once in a session: it costs a look at all that is held.
    pub(in crate::home) fn hear_holds(
        &mut self,
        connection: ConnectionId,
        holds: &Holds,
    ) -> Result<(), ReadError> {
        self.load_circles()?;
        let circle = self.circles.get(&holds.circle);
        let live = self.sessions.get_mut(&connection);
        let (Some(circle), Some(live)) = (circle, live) else {
            return Ok(());
        };
        if !circle.compares_with(live) {
            return Ok(());
        }
        let compared = live.compared.entry(holds.circle).or_default();
        if std::mem::replace(&mut compared.answered, true) {
            return Ok(());
        }
        for held in circle.holdings.answer(holds) {
            self.send(connection, &Frame::Held(held));
        }
        Ok(())
    }

    /// A node names what it holds of a circle: what it lacks is due to it.
    pub(in crate::home) fn hear_held(
        &mut self,
        connection: ConnectionId,
        mut held: Held,
    ) -> Result<(), Refused> {
        self.load_circles()?;
        let id = held.circle;
        let circle = self.circles.get(&id);
        let live = self.sessions.get_mut(&connection);
        let (Some(circle), Some(live)) = (circle, live) else {
            return Ok(());
        };
        let compared = live.compared.get_mut(&id).filter(|it| it.said);
        let Some(compared) = compared else {
            return Err(Refused::Peer("an answer to no comparison".to_owned()));
        };
        compared.hears(&mut held);
        live.feed_is_ready();
        let peer = live.peer;
        for number in circle.holdings.lacked(&held) {
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

    /// What a node holds is not known any more.
    pub(super) fn compare_again(&mut self, peer: TransportId) {
        for live in self.sessions.values_mut().filter(|it| it.peer == peer) {
            live.compared.clear();
        }
    }

    /// Whom to dial now for the sake of wide circles.
    pub(in crate::home) fn neighbours_to_dial(&self, now: Timestamp) -> BTreeSet<TransportId> {
        let mut wanted = BTreeSet::new();
        let mut wide = self.circles.values().filter(|it| it.is_wide()).peekable();
        if wide.peek().is_none() {
            return wanted;
        }
        let live: BTreeSet<TransportId> = self.sessions.values().map(|live| live.peer).collect();
        for circle in wide {
            let Neighbours {
                ring, drawn, nodes, ..
            } = &circle.neighbours;
            let mut walk = |order: &mut dyn Iterator<Item = &TransportId>, mut lacking: usize| {
                for peer in order {
                    if lacking == 0 {
                        break;
                    }
                    let dial = self.dials.get(peer);
                    if live.contains(peer) || dial.is_some_and(|dial| dial.is_under_way()) {
                        lacking -= 1;
                    } else if dial.is_some_and(|dial| dial.may_begin(now)) {
                        wanted.insert(*peer);
                        lacking -= 1;
                    }
                }
            };
            walk(&mut ring.iter(), 1);
            walk(&mut ring.iter().rev(), 1);
            let there = live.intersection(nodes).count();
            if there < LIVE_MIN {
                let mut away = drawn.iter().filter(|peer| !live.contains(*peer));
                walk(&mut away, LIVE_MIN - there);
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
        let in_wide = |it: &Circle| it.is_wide() && it.neighbours.nodes.contains(&peer);
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
