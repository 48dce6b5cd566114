//! The loop: one queue of happenings in one total order, and the machines they happen to.
//!
//! The order is (time, node it happens to, node it comes from, number at the origin). It does not
//! depend on when something was put into the queue, so a queue split by node gives the same run.
//!
//! | a node is | commands and frames | its disk |
//! |---|---|---|
//! | up | reach its machine | group commits end and are told |
//! | down | are lost | keeps what was durable when it went down |

use std::collections::BTreeMap;
use std::sync::Arc;

use maille_core::command::{Command, CommandError, Done};
use maille_core::{CommandId, ConnectionId, Event, Founding, Home, Input, Output, Role, Secrets};
use maille_protocol::id::TransportId;
use maille_protocol::wire::FRAME_BYTES_MAX;

use crate::checker::{Broken, Checker};
use crate::clock::{VirtualSpan, VirtualTime};
use crate::disk::{Disk, DiskReader};
use crate::fault::Plan;
use crate::network::{self, Cut, End, Links, Network};
use crate::random::{NotForRealKeys, Seed};
use crate::scenario::Log;
use crate::trace::{NodeTrace, TraceHash};

/// A node's place in the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeIndex(pub u32);

/// Where happenings come from that no node causes.
const OUTSIDE: NodeIndex = NodeIndex(u32::MAX);

/// Shortest and longest time a group commit takes: a flash disk that is idle or busy.
const FLUSH_MICROS: std::ops::Range<u64> = 500..20_000;

/// When something happens, and to whom: the total order of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    at: VirtualTime,
    to: NodeIndex,
    from: NodeIndex,
    number: u64,
}

/// Something that happens to a node.
#[derive(Debug)]
enum Happening {
    /// The process starts.
    Boot,
    /// The process dies.
    Crash,
    /// The person types something; lost unless the process is in this life.
    Asked {
        life: u64,
        id: CommandId,
        command: Box<Command>,
    },
    /// Somebody dials.
    Dialled {
        connection: ConnectionId,
        dial: Dial,
    },
    /// The other end took the dial.
    Opened { connection: ConnectionId, life: u64 },
    /// A dial came to nothing.
    Refused { dial: Dial },
    /// A frame arrives.
    Frame {
        connection: ConnectionId,
        bytes: Arc<[u8]>,
    },
    /// A connection is gone.
    Gone { connection: ConnectionId },
    /// Everything to and from `peer` is gone.
    Unreachable { peer: NodeIndex },
    /// The group commit under way has ended.
    Flushed { life: u64 },
    /// The machine's timer rings.
    Wake { life: u64, setting: u64 },
}

/// What a dial was for: comes back with its outcome.
#[derive(Clone, Copy, Debug)]
struct Dial {
    peer: TransportId,
    /// The life in which the dialler dialled.
    life: u64,
}

/// Why a command got no answer: its node went down first. It may or may not have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node went down before it answered")]
pub struct WentDown;

/// What a node answered.
pub type Answer = Result<Done, CommandError>;

struct Node {
    name: String,
    secrets: Secrets,
    disk: Disk,
    machine: Option<Home<DiskReader>>,
    /// How often it was started.
    life: u64,
    random: NotForRealKeys,
    connections: BTreeMap<ConnectionId, End>,
    dials: u32,
    /// Messages sent on the network so far: numbers each draw about one.
    messages: u64,
    flushes: u64,
    /// Number of the next happening this node causes.
    number: u64,
    wake: Option<VirtualTime>,
    wake_setting: u64,
    commands: u64,
    answers: BTreeMap<CommandId, Answer>,
    trace: NodeTrace,
}

/// All nodes of a run.
pub struct World<'log> {
    seed: Seed,
    now: VirtualTime,
    queue: BTreeMap<Key, Happening>,
    nodes: Vec<Node>,
    network: Network,
    checker: Checker,
    /// Number of the next happening that comes from outside.
    number: u64,
    steps: u64,
    log: &'log mut Log,
}

impl<'log> World<'log> {
    /// An empty world.
    pub fn new(seed: Seed, links: Links, log: &'log mut Log) -> Self {
        Self {
            seed,
            now: VirtualTime::START,
            queue: BTreeMap::new(),
            nodes: Vec::new(),
            network: Network::new(seed, links),
            checker: Checker::default(),
            number: 0,
            steps: 0,
            log,
        }
    }

    /// Adds a person with one node, which starts now.
    ///
    /// # Panics
    /// Past four thousand million nodes.
    pub fn person(&mut self, name: &str) -> NodeIndex {
        use rand_core::Rng;
        let index = NodeIndex(u32::try_from(self.nodes.len()).expect("nodes fit in a u32"));
        let mut random = self.seed.stream(index, "founding");
        let mut words = [0; 64];
        random.fill_bytes(&mut words);
        let mut transport = [0; 32];
        random.fill_bytes(&mut transport);
        let Founding { secrets, batch } =
            maille_core::found(&words, TransportId::from_bytes(transport), &mut random);
        self.nodes.push(Node {
            name: name.to_owned(),
            secrets,
            disk: Disk::with(batch),
            machine: None,
            life: 0,
            random: self.seed.stream(index, "machine"),
            connections: BTreeMap::new(),
            dials: 0,
            messages: 0,
            flushes: 0,
            number: 0,
            wake: None,
            wake_setting: 0,
            commands: 0,
            answers: BTreeMap::new(),
            trace: NodeTrace::default(),
        });
        self.outside(self.now, index, Happening::Boot);
        index
    }

    /// Lets the faults of `plan` happen.
    pub fn suffer(&mut self, plan: &Plan) {
        for crash in &plan.crashes {
            self.outside(crash.at, crash.node, Happening::Crash);
            self.outside(crash.at.plus(crash.down), crash.node, Happening::Boot);
        }
        self.network.lose(plan.loss_ppm);
        for (number, cut) in (0..).zip(&plan.cuts) {
            self.network.cut(*cut);
            let Cut { a, b, from, until } = *cut;
            for (node, peer) in [(a, b), (b, a)] {
                let noticed = from
                    .plus(self.network.detection(node, peer, number))
                    .min(until);
                self.outside(noticed, node, Happening::Unreachable { peer });
            }
        }
    }

    /// Nothing is lost on the network from now on. Crashes that are planned still happen.
    pub fn heal(&mut self) {
        self.network.heal();
    }

    /// Has `node`'s person ask for `command`, and lets time pass until the answer.
    ///
    /// A node that is down is waited for.
    ///
    /// # Errors
    /// [`WentDown`] if the node goes down before it answers.
    ///
    /// # Panics
    /// If nothing will ever happen again: no node answers and none is down.
    pub fn ask(&mut self, node: NodeIndex, command: Command) -> Result<Answer, WentDown> {
        while self.node(node).machine.is_none() {
            assert!(self.step(), "a node that is down has a start planned");
        }
        let state = self.node_mut(node);
        state.commands += 1;
        let id = CommandId(state.commands);
        let life = state.life;
        self.outside(
            self.now,
            node,
            Happening::Asked {
                life,
                id,
                command: Box::new(command),
            },
        );
        loop {
            if let Some(answer) = self.node_mut(node).answers.remove(&id) {
                return Ok(answer);
            }
            if self.node(node).life != life || self.node(node).machine.is_none() {
                return Err(WentDown);
            }
            assert!(self.step(), "{} will never answer", self.node(node).name);
        }
    }

    /// Lets `span` pass.
    pub fn pass(&mut self, span: VirtualSpan) {
        self.pass_until(self.now.plus(span));
    }

    /// Lets time pass until `end`; none, if that is over.
    pub fn pass_until(&mut self, end: VirtualTime) {
        while self
            .queue
            .first_key_value()
            .is_some_and(|(key, _)| key.at <= end)
        {
            self.step();
        }
        self.now = self.now.max(end);
    }

    /// What time it is.
    pub fn now(&self) -> VirtualTime {
        self.now
    }

    /// Whether `node` is up.
    pub fn is_up(&self, node: NodeIndex) -> bool {
        self.node(node).machine.is_some()
    }

    /// How many things have happened.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The hash of everything that has happened.
    pub fn trace(&self) -> TraceHash {
        TraceHash::of(self.nodes.iter().map(|node| &node.trace))
    }

    /// Adds to what was broken.
    pub fn broke(&mut self, invariant: &'static str, what: String) {
        self.checker.broke(self.now, invariant, what);
    }

    /// Every invariant broken so far.
    pub fn broken(&self) -> &[Broken] {
        self.checker.broken()
    }

    fn node(&self, index: NodeIndex) -> &Node {
        &self.nodes[index.0 as usize]
    }

    fn node_mut(&mut self, index: NodeIndex) -> &mut Node {
        &mut self.nodes[index.0 as usize]
    }

    /// Takes the next happening from the queue. `false`: there is none.
    fn step(&mut self) -> bool {
        let Some((key, happening)) = self.queue.pop_first() else {
            return false;
        };
        self.now = key.at;
        self.steps += 1;
        self.happens(key.to, key.from, happening);
        true
    }

    fn happens(&mut self, to: NodeIndex, from: NodeIndex, happening: Happening) {
        match happening {
            Happening::Boot => self.boot(to),
            Happening::Crash => self.crash(to),
            Happening::Asked { life, id, command } => {
                if self.lives(to, life) {
                    self.feed(to, Input::Command(id, *command));
                }
            }
            Happening::Dialled { connection, dial } => self.dialled(to, from, connection, dial),
            Happening::Opened { connection, life } => {
                if self.lives(to, life) {
                    self.connected(to, from, connection, Role::Dialler, self.now);
                } else {
                    let number = self.count_message(to);
                    let noticed = self.now.plus(self.network.detection(from, to, number));
                    self.cause(to, noticed, from, Happening::Gone { connection });
                }
            }
            Happening::Refused { dial } => {
                if self.lives(to, dial.life) {
                    self.feed(to, Input::DialFailed { peer: dial.peer });
                }
            }
            Happening::Frame { connection, bytes } => {
                if self
                    .node(to)
                    .connections
                    .get(&connection)
                    .is_some_and(|end| !end.closed)
                {
                    self.feed(
                        to,
                        Input::Received {
                            from: connection,
                            frame: &bytes,
                        },
                    );
                }
            }
            Happening::Gone { connection } => self.gone(to, connection),
            Happening::Unreachable { peer } => self.unreachable(to, peer),
            Happening::Flushed { life } => {
                if self.lives(to, life) {
                    let (last, more) = self.node_mut(to).disk.flushed();
                    if more {
                        self.plan_flush(to);
                    }
                    self.feed(to, Input::Committed(last));
                }
            }
            Happening::Wake { life, setting } => {
                if self.lives(to, life) && self.node(to).wake_setting == setting {
                    self.node_mut(to).wake = None;
                    self.feed(to, Input::Tick);
                }
            }
        }
    }

    fn lives(&self, node: NodeIndex, life: u64) -> bool {
        let node = self.node(node);
        node.machine.is_some() && node.life == life
    }

    fn boot(&mut self, index: NodeIndex) {
        if self.is_up(index) {
            return; // two planned crashes overlapped
        }
        let now = self.now;
        let node = self.node_mut(index);
        node.life += 1;
        node.trace.fate(now, "boot");
        let opened = Home::open(node.disk.reader(), node.secrets.clone(), now.timestamp());
        self.tell(index, "boots");
        match opened {
            Ok(machine) => self.node_mut(index).machine = Some(machine),
            Err(error) => {
                let name = self.node(index).name.clone();
                self.broke(
                    "a node starts from what a crash left",
                    format!("{name}: {error}"),
                );
                return;
            }
        }
        let addresses = vec![network::address_of(index)];
        self.feed(index, Input::Addresses(addresses.clone()));
        self.feed(index, Input::Listening(addresses));
    }

    fn crash(&mut self, index: NodeIndex) {
        if !self.is_up(index) {
            return;
        }
        let now = self.now;
        let life = self.node(index).life;
        let survives = self
            .seed
            .draw("group survives", &[u64::from(index.0), life])
            .happens(500_000);
        let node = self.node_mut(index);
        node.trace.fate(now, "crash");
        node.machine = None;
        node.wake = None;
        node.wake_setting += 1;
        node.answers.clear();
        node.disk.crash(survives);
        let ends = std::mem::take(&mut node.connections);
        self.tell(index, "crashes");
        for (connection, end) in ends {
            let number = self.count_message(index);
            let noticed = self
                .now
                .plus(self.network.detection(end.peer, index, number))
                .max(end.last_arrival);
            self.cause(index, noticed, end.peer, Happening::Gone { connection });
        }
    }

    fn dialled(&mut self, to: NodeIndex, from: NodeIndex, connection: ConnectionId, dial: Dial) {
        let number = self.count_message(to);
        let arrival = self.network.arrival(to, from, number, self.now);
        match arrival {
            // The proof of the transport's key is what tells a dialler that it reached the right node.
            Some(arrival) if self.is_up(to) && self.node(to).secrets.transport == dial.peer => {
                self.cause(
                    to,
                    arrival,
                    from,
                    Happening::Opened {
                        connection,
                        life: dial.life,
                    },
                );
                self.connected(to, from, connection, Role::Acceptor, arrival);
            }
            _ => {
                let noticed = self.now.plus(self.network.detection(from, to, number));
                self.cause(to, noticed, from, Happening::Refused { dial });
            }
        }
    }

    fn connected(
        &mut self,
        index: NodeIndex,
        peer: NodeIndex,
        connection: ConnectionId,
        role: Role,
        last_arrival: VirtualTime,
    ) {
        let transport = self.node(peer).secrets.transport;
        let end = End {
            peer,
            last_arrival,
            broken: false,
            closed: false,
        };
        self.node_mut(index).connections.insert(connection, end);
        self.feed(
            index,
            Input::Connected {
                connection,
                peer: transport,
                role,
            },
        );
    }

    fn unreachable(&mut self, index: NodeIndex, peer: NodeIndex) {
        let gone: Vec<ConnectionId> = self
            .node(index)
            .connections
            .iter()
            .filter(|(_, end)| end.peer == peer)
            .map(|(connection, _)| *connection)
            .collect();
        for connection in gone {
            self.gone(index, connection);
        }
    }

    fn gone(&mut self, index: NodeIndex, connection: ConnectionId) {
        if self
            .node_mut(index)
            .connections
            .remove(&connection)
            .is_some()
        {
            self.feed(index, Input::Disconnected { connection });
        }
    }

    /// Gives one input to a machine that is up, and does what it asks for.
    fn feed(&mut self, index: NodeIndex, input: Input<'_>) {
        let now = self.now;
        self.log.line(|| {
            format!(
                "{now} {} <- {}",
                self.nodes[index.0 as usize].name,
                describe_input(&input)
            )
        });
        let node = self.node_mut(index);
        let Some(machine) = &mut node.machine else {
            return;
        };
        node.trace.input(now, &input);
        machine.handle(now.timestamp(), &mut node.random, input);
        loop {
            let node = self.node_mut(index);
            let Some(output) = node.machine.as_mut().and_then(Home::poll_output) else {
                break;
            };
            node.trace.output(now, &output);
            self.log.line(|| {
                format!(
                    "{now} {} -> {}",
                    self.nodes[index.0 as usize].name,
                    describe_output(&output)
                )
            });
            self.act(index, output);
        }
        self.plan_wake(index);
    }

    fn act(&mut self, index: NodeIndex, output: Output) {
        match output {
            Output::Commit { id, batch } => {
                if self.node_mut(index).disk.submit(id, batch) {
                    self.plan_flush(index);
                }
            }
            Output::Dial { peer, addresses } => self.dial(index, peer, &addresses),
            Output::Send { to, frame } => self.send(index, to, frame),
            Output::Close { connection } => self.close(index, connection),
            Output::Finished { command, result } => {
                self.node_mut(index).answers.insert(command, result);
            }
            Output::Event(event) => {
                if let Event::Violation { what, .. } = &event {
                    let name = self.node(index).name.clone();
                    self.broke(
                        "honest nodes keep to the protocol",
                        format!("{name} saw: {what}"),
                    );
                }
            }
        }
    }

    fn dial(&mut self, index: NodeIndex, peer: TransportId, addresses: &[String]) {
        let now = self.now;
        let number = self.count_message(index);
        let node = self.node_mut(index);
        let dial = Dial {
            peer,
            life: node.life,
        };
        node.dials += 1;
        let connection = network::connection_id(index, node.dials);
        let places = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let target = addresses
            .iter()
            .filter_map(|address| network::node_at(address))
            .find(|node| node.0 < places);
        let arrival = target
            .and_then(|target| Some((target, self.network.arrival(index, target, number, now)?)));
        if let Some((target, arrival)) = arrival {
            self.cause(
                index,
                arrival,
                target,
                Happening::Dialled { connection, dial },
            );
        } else {
            let noticed = now.plus(
                self.network
                    .detection(index, target.unwrap_or(index), number),
            );
            self.cause(index, noticed, index, Happening::Refused { dial });
        }
    }

    fn send(&mut self, index: NodeIndex, connection: ConnectionId, frame: Vec<u8>) {
        let now = self.now;
        if frame.len() > FRAME_BYTES_MAX {
            self.broke("a frame keeps its bound", format!("{} bytes", frame.len()));
        }
        self.checker.sent(now, &frame);
        let number = self.count_message(index);
        let Some(end) = self.nodes[index.0 as usize]
            .connections
            .get_mut(&connection)
        else {
            self.broke(
                "a frame goes to an open connection",
                format!("{connection:?}"),
            );
            return;
        };
        if end.broken || end.closed {
            return;
        }
        let peer = end.peer;
        if let Some(arrival) = self.network.arrival(index, peer, number, now) {
            let arrival = arrival.max(end.last_arrival.plus(VirtualSpan::from_micros(1)));
            end.last_arrival = arrival;
            self.cause(
                index,
                arrival,
                peer,
                Happening::Frame {
                    connection,
                    bytes: frame.into(),
                },
            );
        } else {
            end.broken = true;
            for node in [index, peer] {
                let noticed = now.plus(self.network.detection(node, index, number));
                self.cause(index, noticed, node, Happening::Gone { connection });
            }
        }
    }

    fn close(&mut self, index: NodeIndex, connection: ConnectionId) {
        let now = self.now;
        let number = self.count_message(index);
        let Some(end) = self.nodes[index.0 as usize]
            .connections
            .get_mut(&connection)
        else {
            return;
        };
        end.closed = true;
        let peer = end.peer;
        let last_arrival = end.last_arrival;
        let noticed = match self.network.arrival(index, peer, number, now) {
            Some(arrival) => arrival,
            None => now.plus(self.network.detection(peer, index, number)),
        };
        let noticed = noticed.max(last_arrival.plus(VirtualSpan::from_micros(1)));
        self.cause(index, noticed, peer, Happening::Gone { connection });
        // Whether a driver reports the end of what it was told to close is left open: try both.
        if self
            .seed
            .draw("close is told", &[u64::from(index.0), number])
            .happens(500_000)
        {
            self.cause(index, now, index, Happening::Gone { connection });
        } else {
            self.node_mut(index).connections.remove(&connection);
        }
    }

    fn plan_flush(&mut self, index: NodeIndex) {
        let node = self.node_mut(index);
        node.flushes += 1;
        let key = [u64::from(index.0), node.flushes];
        let life = node.life;
        let takes = VirtualSpan::from_micros(self.seed.draw("flush", &key).within(FLUSH_MICROS));
        self.cause(
            index,
            self.now.plus(takes),
            index,
            Happening::Flushed { life },
        );
    }

    /// Keeps one pending ring per node: setting it anew makes the older one void.
    fn plan_wake(&mut self, index: NodeIndex) {
        let now = self.now;
        let node = self.node_mut(index);
        let wanted = node
            .machine
            .as_ref()
            .and_then(Home::poll_timeout)
            .map(VirtualTime::of);
        if wanted == node.wake {
            return;
        }
        node.wake = wanted;
        node.wake_setting += 1;
        let (life, setting) = (node.life, node.wake_setting);
        if let Some(at) = wanted {
            self.cause(index, at.max(now), index, Happening::Wake { life, setting });
        }
    }

    fn count_message(&mut self, index: NodeIndex) -> u64 {
        let node = self.node_mut(index);
        node.messages += 1;
        node.messages
    }

    /// Queues what `from` causes at `to`.
    fn cause(&mut self, from: NodeIndex, at: VirtualTime, to: NodeIndex, happening: Happening) {
        let node = self.node_mut(from);
        node.number += 1;
        let key = Key {
            at,
            to,
            from,
            number: node.number,
        };
        self.queue.insert(key, happening);
    }

    fn outside(&mut self, at: VirtualTime, to: NodeIndex, happening: Happening) {
        self.number += 1;
        let key = Key {
            at: at.max(self.now),
            to,
            from: OUTSIDE,
            number: self.number,
        };
        self.queue.insert(key, happening);
    }

    fn tell(&mut self, index: NodeIndex, what: &str) {
        let now = self.now;
        self.log
            .line(|| format!("{now} {} {what}", self.nodes[index.0 as usize].name));
    }
}

fn describe_input(input: &Input<'_>) -> String {
    match input {
        Input::Received { from, frame } => format!("{} bytes on {from:?}", frame.len()),
        other => format!("{other:?}"),
    }
}

fn describe_output(output: &Output) -> String {
    match output {
        Output::Send { to, frame } => format!("{} bytes on {to:?}", frame.len()),
        Output::Commit { id, batch } => format!("{id:?} of {} writes", batch.len()),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn happenings_are_ordered_by_time_then_place_then_origin_then_number() {
        let key = |at, to, from, number| Key {
            at: VirtualTime::START.plus(VirtualSpan::from_micros(at)),
            to: NodeIndex(to),
            from: NodeIndex(from),
            number,
        };
        let ordered = [
            key(0, 9, 9, 9),
            key(1, 0, 9, 9),
            key(1, 1, 0, 9),
            key(1, 1, 1, 0),
            key(1, 1, 1, 1),
        ];
        assert!(ordered.is_sorted());
    }

    #[test]
    fn a_node_that_is_down_is_waited_for() {
        let mut log = Log::Off;
        let mut world = World::new(Seed(1), Links::default(), &mut log);
        let node = world.person("Inès");
        assert!(!world.is_up(node), "it starts when time passes");
        assert!(matches!(
            world.ask(node, Command::Status),
            Ok(Ok(Done::Status(_)))
        ));
        assert!(world.is_up(node));
    }
}
