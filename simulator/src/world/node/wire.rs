//! A node's ends of connections: dialled, opened, used, lost.

use std::sync::Arc;

use maille_core::{ConnectionId, Input, Role};
use maille_protocol::id::TransportId;

use super::super::NodeIndex;
use super::super::queue::{Dial, Happening};
use super::{Node, Step};
use crate::byzantine::{Scene, Sending};
use crate::clock::VirtualSpan;
use crate::network::{self, End, Nat};

/// Keeps what is sent on one connection apart, so that it arrives in order.
const NEXT: VirtualSpan = VirtualSpan::from_micros(1);

impl Node {
    pub(super) fn dial(&mut self, step: &mut Step<'_>, peer: TransportId, addresses: &[String]) {
        let number = self.count_message();
        let dial = Dial {
            dialler: self.secrets.transport,
            peer,
            life: self.life,
        };
        self.dials += 1;
        let connection = network::connection_id(self.index, self.dials);
        let target = addresses
            .iter()
            .filter_map(|address| network::node_at(address))
            .find(|node| node.0 < step.air.places && *node != self.index);
        if let (Some(target), true) = (target, self.nat != Nat::Open) {
            self.mappings.sends(step.now, target);
        }
        let network = &step.air.network;
        let arrival = target.filter(|_| self.online).and_then(|target| {
            Some((
                target,
                network.arrival(self.index, target, number, step.now)?,
            ))
        });
        if let Some((target, arrival)) = arrival {
            self.cause(
                step,
                arrival,
                target,
                Happening::Dialled { connection, dial },
            );
        } else {
            let peer = target.unwrap_or(self.index);
            let noticed = step.now.plus(network.detection(self.index, peer, number));
            self.cause_here(step, noticed, Happening::Refused { dial });
        }
    }

    pub(super) fn dialled(
        &mut self,
        step: &mut Step<'_>,
        from: NodeIndex,
        connection: ConnectionId,
        dial: Dial,
    ) {
        let number = self.count_message();
        let network = &step.air.network;
        let arrival = network.arrival(self.index, from, number, step.now);
        // The proof of the transport's key tells a dialler that it reached the right node.
        let right = self.is_up() && self.online && self.secrets.transport == dial.peer;
        let peers = self.connections.values().map(|end| end.peer);
        let right = right && self.mappings.admits(self.nat, step.now, from, peers);
        if let (Some(arrival), true) = (arrival, right) {
            self.cause(step, arrival, from, Happening::Opened { connection, dial });
            let end = End::to(from, arrival);
            self.connected(step, connection, end, dial.dialler, Role::Acceptor);
            if let Some(after) = step.air.network.double_dial(from, number) {
                let double = Happening::DoubleDial {
                    connection: network::second_of(connection),
                    dial,
                    from,
                };
                self.cause_here(step, step.now.plus(after), double);
            }
        } else {
            let noticed = step.now.plus(network.detection(from, self.index, number));
            self.cause(step, noticed, from, Happening::Refused { dial });
        }
    }

    pub(super) fn opened(
        &mut self,
        step: &mut Step<'_>,
        from: NodeIndex,
        connection: ConnectionId,
        dial: Dial,
    ) {
        if self.lives(dial.life) && self.online {
            let end = End::to(from, step.now);
            self.connected(step, connection, end, dial.peer, Role::Dialler);
        } else {
            let number = self.count_message();
            self.will_notice(step, from, number, connection);
        }
    }

    pub(super) fn refused(&mut self, step: &mut Step<'_>, dial: Dial) {
        if self.lives(dial.life) {
            self.feed(step, Input::DialFailed { peer: dial.peer });
        }
    }

    /// A second connection of a dial that was taken: the dialler uses the other, and this one ends.
    pub(super) fn double_dialled(
        &mut self,
        step: &mut Step<'_>,
        from: NodeIndex,
        connection: ConnectionId,
        dial: Dial,
    ) {
        if !self.is_up() || !self.online {
            return;
        }
        let number = self.count_message();
        let end = End {
            broken: true,
            ..End::to(from, step.now)
        };
        self.connected(step, connection, end, dial.dialler, Role::Acceptor);
        let detection = step.air.network.detection(self.index, from, number);
        let noticed = step.now.plus(detection);
        self.cause_here(step, noticed, Happening::Gone { connection });
    }

    fn connected(
        &mut self,
        step: &mut Step<'_>,
        connection: ConnectionId,
        end: End,
        transport: TransportId,
        role: Role,
    ) {
        let peer = end.peer;
        self.connections.insert(connection, end);
        let input = Input::Connected {
            connection,
            peer: transport,
            role,
        };
        self.feed(step, input);
        let scene = self.scene(step);
        if let Some(behaviour) = &mut self.behaviour {
            let sendings = behaviour.opened(&scene, peer, connection);
            self.transmit_all(step, sendings);
        }
    }

    pub(super) fn send(&mut self, step: &mut Step<'_>, connection: ConnectionId, frame: Vec<u8>) {
        if !self.connections.contains_key(&connection) {
            let what = format!("{connection:?}");
            return self
                .watch
                .broke(step.now, "a frame goes to an open connection", what);
        }
        let scene = self.scene(step);
        match (&mut self.behaviour, self.connections.get(&connection)) {
            (Some(behaviour), Some(end)) => {
                let sendings = behaviour.sends(&scene, end.peer, connection, frame);
                self.transmit_all(step, sendings);
            }
            _ => self.transmit(step, connection, frame),
        }
    }

    fn transmit_all(&mut self, step: &mut Step<'_>, sendings: Vec<Sending>) {
        let life = self.life;
        for Sending { on, frame, after } in sendings {
            if after == VirtualSpan::ZERO {
                self.transmit(step, on, frame);
            } else {
                let leaves = Happening::Leaves {
                    connection: on,
                    frame,
                    life,
                };
                self.cause_here(step, step.now.plus(after), leaves);
            }
        }
    }

    pub(super) fn transmit(
        &mut self,
        step: &mut Step<'_>,
        connection: ConnectionId,
        frame: Vec<u8>,
    ) {
        let number = self.count_message();
        let Some(end) = self.connections.get_mut(&connection) else {
            return;
        };
        if end.broken || end.closed || !self.online {
            return;
        }
        let peer = end.peer;
        let network = &step.air.network;
        let leaves = match network.links().up {
            Some(up) => self.up.pass(up, step.now, frame.len()),
            None => step.now,
        };
        if self.nat != Nat::Open {
            self.mappings.sends(leaves, peer);
        }
        if let Some(arrival) = network.arrival(self.index, peer, number, leaves) {
            let arrival = arrival.max(end.last_arrival.plus(NEXT));
            end.last_arrival = arrival;
            let bytes = Arc::from(frame);
            self.cause(step, arrival, peer, Happening::Frame { connection, bytes });
        } else {
            end.broken = true;
            self.will_be_gone(step, peer, connection);
        }
    }

    /// A frame has come over the link, and waits until the node's own line has let it through.
    pub(super) fn arrives(
        &mut self,
        step: &mut Step<'_>,
        connection: ConnectionId,
        bytes: Arc<[u8]>,
    ) {
        let passed = match step.air.network.links().down {
            Some(down) => self.down.pass(down, step.now, bytes.len()),
            None => step.now,
        };
        if passed == step.now {
            self.receives(step, connection, &bytes);
        } else {
            self.cause_here(step, passed, Happening::Received { connection, bytes });
        }
    }

    pub(super) fn receives(&mut self, step: &mut Step<'_>, connection: ConnectionId, bytes: &[u8]) {
        let open = self
            .connections
            .get(&connection)
            .filter(|end| !end.closed && self.online);
        let Some(peer) = open.map(|end| end.peer) else {
            return;
        };
        let scene = self.scene(step);
        if let Some(behaviour) = &mut self.behaviour {
            for frame in behaviour.receives(&scene, peer, connection, bytes.to_vec()) {
                let input = Input::Received {
                    from: connection,
                    frame: &frame,
                };
                self.feed(step, input);
            }
        } else {
            let input = Input::Received {
                from: connection,
                frame: bytes,
            };
            self.feed(step, input);
        }
    }

    pub(super) fn close(&mut self, step: &mut Step<'_>, connection: ConnectionId) {
        let number = self.count_message();
        let Some(end) = self.connections.get_mut(&connection) else {
            return;
        };
        end.closed = true;
        let (peer, last_arrival) = (end.peer, end.last_arrival);
        let network = &step.air.network;
        let noticed = match network.arrival(self.index, peer, number, step.now) {
            Some(arrival) if self.online => arrival,
            _ => step.now.plus(network.detection(peer, self.index, number)),
        };
        let noticed = noticed.max(last_arrival.plus(NEXT));
        self.cause(step, noticed, peer, Happening::Gone { connection });
        // Whether a driver reports the end of what it was told to close is left open: try both.
        let key = [u64::from(self.index.0), number];
        if step.air.seed.draw("close is told", &key).happens(500_000) {
            self.cause_here(step, step.now, Happening::Gone { connection });
        } else {
            self.connections.remove(&connection);
        }
    }

    pub(super) fn gone(&mut self, step: &mut Step<'_>, connection: ConnectionId) {
        if self.connections.remove(&connection).is_some() {
            let scene = self.scene(step);
            if let Some(behaviour) = &mut self.behaviour {
                behaviour.closed(&scene, connection);
            }
            self.feed(step, Input::Disconnected { connection });
        }
    }

    /// A partition has begun: both ends give up what it cuts for longer than they wait.
    pub(super) fn severed(&mut self, step: &mut Step<'_>) {
        for (connection, peer) in self.peers() {
            let number = self.count_message();
            let network = &step.air.network;
            let (here, now) = (self.index, step.now);
            let cut = network
                .cut_until(here, peer, now)
                .max(network.cut_until(peer, here, now));
            let noticed = now.plus(network.detection(here, peer, number));
            if cut.is_some_and(|until| noticed < until) {
                self.will_be_gone(step, peer, connection);
            }
        }
    }

    /// Nothing passes any more on what is open: both ends give up after a while.
    pub(super) fn lose_connections(&mut self, step: &mut Step<'_>) {
        for (connection, peer) in self.peers() {
            self.will_be_gone(step, peer, connection);
        }
    }

    /// The process has ended: the others give up after a while.
    pub(super) fn drop_connections(&mut self, step: &mut Step<'_>) {
        for (connection, end) in std::mem::take(&mut self.connections) {
            let number = self.count_message();
            let detection = step.air.network.detection(end.peer, self.index, number);
            let noticed = step.now.plus(detection).max(end.last_arrival);
            self.cause(step, noticed, end.peer, Happening::Gone { connection });
        }
    }

    fn will_be_gone(&mut self, step: &mut Step<'_>, peer: NodeIndex, connection: ConnectionId) {
        let number = self.count_message();
        for node in [self.index, peer] {
            self.will_notice(step, node, number, connection);
        }
    }

    /// After a while `node` notices that message `number` of ours came to nothing.
    fn will_notice(
        &mut self,
        step: &mut Step<'_>,
        node: NodeIndex,
        number: u64,
        connection: ConnectionId,
    ) {
        let detection = step.air.network.detection(node, self.index, number);
        let noticed = step.now.plus(detection);
        self.cause(step, noticed, node, Happening::Gone { connection });
    }

    fn peers(&self) -> Vec<(ConnectionId, NodeIndex)> {
        self.connections
            .iter()
            .map(|(connection, end)| (*connection, end.peer))
            .collect()
    }

    fn scene(&self, step: &Step<'_>) -> Scene {
        Scene {
            now: step.now,
            seed: step.air.seed,
            node: self.index,
        }
    }
}
