//! The libp2p swarm: who is listened to, who is dialled, which connections may stay.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::transport::{ListenerId, TransportError};
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId as SwarmConnection, NetworkBehaviour, SwarmEvent};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, mdns, noise, quic, tcp, yamux,
};
use maille_core::io::Role;
use maille_protocol::id::TransportId;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::stream::Streams;
use super::{
    DIAL_ADDRESSES_MAX, DIAL_WITHIN, FIRST_STREAM_WITHIN, NEARBY_MAX, NetError, NetEvent,
    NetOptions, STREAMS_MAX, STREAMS_PER_PEER_MAX, keypair, peer_of, transport_of,
};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/maille/sync/1");

/// Handshakes under way at a time, in each direction.
const PENDING_MAX: u32 = 64;

/// Streams that a peer may have open at once on one connection, ours and those being negotiated.
const STREAMS_PER_CONNECTION_MAX: u32 = 8;

/// Bytes of one peer that libp2p holds unread. Its own figures (10 and 15 MB) are per peer too.
const UNREAD_BYTES_MAX: u32 = 2 << 20;

/// A connection older than this with no stream is not worth trying again: its peer may be dead.
const YOUNG: Duration = Duration::from_secs(5);

/// How long QUIC may keep a port after its node has ended.
const DRAINED_WITHIN: Duration = Duration::from_secs(10);

/// How long connections may take to close when the node ends.
const CLOSE_WITHIN: Duration = Duration::from_secs(6);

#[derive(NetworkBehaviour)]
struct Behaviour {
    limits: connection_limits::Behaviour,
    streams: libp2p_stream::Behaviour,
    /// Adds what it has heard to every dial.
    nearby: Toggle<mdns::tokio::Behaviour>,
}

struct Connection {
    peer: PeerId,
    since: Instant,
}

pub(super) struct Driver {
    swarm: Swarm<Behaviour>,
    streams: Arc<Streams>,
    listening: Vec<Multiaddr>,
    connections: BTreeMap<SwarmConnection, Connection>,
    dials: BTreeMap<PeerId, Dial>,
    opened: mpsc::UnboundedSender<PeerId>,
    openings: mpsc::UnboundedReceiver<PeerId>,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let_go(&self.listening);
    }
}

struct Dial {
    peer: TransportId,
    since: Instant,
    /// The connection is there and its stream is being opened.
    opening: bool,
}

impl Driver {
    pub(super) async fn start(
        options: NetOptions,
        streams: Arc<Streams>,
    ) -> Result<Self, NetError> {
        let mut swarm = build(&options)?;
        let listening = listen(&mut swarm, &options.listen).await?;
        let (opened, openings) = mpsc::unbounded_channel();
        let mut driver = Self {
            swarm,
            streams,
            listening,
            connections: BTreeMap::new(),
            dials: BTreeMap::new(),
            opened,
            openings,
        };
        driver.say_where().await;
        Ok(driver)
    }

    /// Runs until told to stop, or until nobody holds the other end.
    pub(super) async fn run(
        mut self,
        mut dials: mpsc::UnboundedReceiver<(TransportId, Vec<String>)>,
        mut stop: oneshot::Receiver<()>,
    ) {
        let mut control = self.swarm.behaviour().streams.new_control();
        let mut incoming = control
            .accept(PROTOCOL)
            .expect("nobody else accepts this protocol");
        let streams = self.streams.clone();
        // Accept, spawn, loop: libp2p-stream drops streams while this is not listening.
        let accepting = tokio::spawn(async move {
            while let Some((peer, stream)) = incoming.next().await {
                if let Some(peer) = transport_of(&peer) {
                    streams.adopt(peer, Role::Acceptor, stream);
                }
            }
        });
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event).await,
                Some((peer, addresses)) = dials.recv() => self.dial(peer, addresses).await,
                Some(peer) = self.openings.recv() => { self.dials.remove(&peer); }
                _ = second.tick() => self.sweep().await,
                _ = &mut stop => break,
            }
        }
        accepting.abort();
        let _ = timeout(CLOSE_WITHIN, self.close()).await;
    }

    async fn close(&mut self) {
        while !self.streams.is_empty() {
            let _ = timeout(Duration::from_millis(10), self.swarm.select_next_some()).await;
        }
        let peers: Vec<PeerId> = self.swarm.connected_peers().copied().collect();
        for peer in peers {
            let _ = self.swarm.disconnect_peer_id(peer); // it was connected a line ago
        }
        while self.swarm.network_info().num_peers() > 0 {
            self.swarm.select_next_some().await;
        }
        // The last packets, which tell the others, leave with the next turns of the swarm.
        let _ = timeout(Duration::from_millis(50), async {
            loop {
                self.swarm.select_next_some().await;
            }
        })
        .await;
    }

    async fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                ..
            } => {
                if transport_of(&peer_id).is_none() {
                    tracing::debug!(%peer_id, "has no Ed25519 identity: closed");
                    self.swarm.close_connection(connection_id);
                    return;
                }
                let connection = Connection {
                    peer: peer_id,
                    since: Instant::now(),
                };
                self.connections.insert(connection_id, connection);
                self.open_stream(peer_id);
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => {
                self.connections.remove(&connection_id);
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer),
                error,
                ..
            } => {
                tracing::debug!(%peer, %error, "dial failed");
                // While a stream is being opened on another connection, that decides.
                if self.dials.get(&peer).is_some_and(|dial| !dial.opening) {
                    self.fail(peer).await;
                }
            }
            SwarmEvent::NewListenAddr { address, .. } if !self.listening.contains(&address) => {
                self.listening.push(address);
                self.say_where().await;
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.listening.retain(|it| *it != address);
                self.say_where().await;
            }
            SwarmEvent::ListenerClosed {
                addresses, reason, ..
            } => {
                tracing::warn!(?addresses, ?reason, "no longer listened on");
                self.listening.retain(|it| !addresses.contains(it));
                self.say_where().await;
            }
            SwarmEvent::Behaviour(BehaviourEvent::Nearby(mdns::Event::Discovered(found))) => {
                self.on_found(found).await;
            }
            _ => {}
        }
    }

    /// Somebody has said on the local network where they are.
    async fn on_found(&mut self, found: Vec<(PeerId, Multiaddr)>) {
        let nearby = &mut self.swarm.behaviour_mut().nearby;
        let heard = nearby.as_ref().map_or(0, |it| it.discovered_nodes().len());
        if heard > NEARBY_MAX {
            tracing::warn!(heard, "the local network is flooded: no longer heard");
            *nearby = None.into();
            return;
        }
        let peers: BTreeSet<TransportId> = (found.iter())
            .filter_map(|(peer, _)| transport_of(peer))
            .collect();
        for peer in peers {
            self.report(NetEvent::Nearby { peer }).await;
        }
    }

    async fn dial(&mut self, transport: TransportId, addresses: Vec<String>) {
        let Some(peer) = peer_of(&transport) else {
            return self.report(NetEvent::DialFailed { peer: transport }).await;
        };
        while let Ok(opened) = self.openings.try_recv() {
            self.dials.remove(&opened);
        }
        if self.dials.contains_key(&peer) {
            return;
        }
        let dial = Dial {
            peer: transport,
            since: Instant::now(),
            opening: false,
        };
        self.dials.insert(peer, dial);
        if self.swarm.is_connected(&peer) {
            let young = |connection: &Connection| {
                connection.peer == peer && connection.since.elapsed() < YOUNG
            };
            if self.streams.has(&transport) || self.connections.values().any(young) {
                return self.open_stream(peer);
            }
            // Nothing says that the other end of an old idle connection still lives: QUIC notices
            // only after ten seconds. A new one takes one round trip.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let addresses: Vec<Multiaddr> = addresses
            .iter()
            .take(DIAL_ADDRESSES_MAX)
            .filter_map(|address| address.parse().ok())
            .collect();
        let options = DialOpts::peer_id(peer)
            .condition(PeerCondition::NotDialing)
            .addresses(addresses)
            .extend_addresses_through_behaviour();
        if let Err(error) = self.swarm.dial(options.build()) {
            tracing::debug!(%peer, %error, "dial refused");
            self.fail(peer).await;
        }
    }

    /// Opens the stream that a dial is for, on whatever connection there is.
    fn open_stream(&mut self, peer: PeerId) {
        let Some(dial) = self.dials.get_mut(&peer) else {
            return;
        };
        if std::mem::replace(&mut dial.opening, true) {
            return;
        }
        let (transport, left) = (dial.peer, DIAL_WITHIN.saturating_sub(dial.since.elapsed()));
        let mut control = self.swarm.behaviour().streams.new_control();
        let (streams, opened) = (self.streams.clone(), self.opened.clone());
        tokio::spawn(async move {
            let stream = timeout(left, control.open_stream(peer, PROTOCOL)).await;
            // Before any event: the answer to that may be another dial.
            let _ = opened.send(peer);
            let adopted = match stream {
                Ok(Ok(stream)) => streams.adopt(transport, Role::Dialler, stream),
                Ok(Err(error)) => {
                    tracing::debug!(%peer, %error, "no stream");
                    false
                }
                Err(_) => false,
            };
            if !adopted {
                let failed = NetEvent::DialFailed { peer: transport };
                let _ = streams.events.send(failed).await; // nobody listens when the node ends
            }
        });
    }

    /// Ends dials and connections that came to nothing in time.
    async fn sweep(&mut self) {
        let late: Vec<PeerId> = self
            .dials
            .iter()
            .filter(|(_, dial)| !dial.opening && dial.since.elapsed() > DIAL_WITHIN)
            .map(|(peer, _)| *peer)
            .collect();
        for peer in late {
            self.fail(peer).await;
        }
        let used = |connection: &Connection| {
            transport_of(&connection.peer).is_some_and(|peer| self.streams.has(&peer))
        };
        let idle: BTreeSet<SwarmConnection> = self
            .connections
            .iter()
            .filter(|(_, it)| it.since.elapsed() > FIRST_STREAM_WITHIN && !used(it))
            .map(|(id, _)| *id)
            .collect();
        for connection in idle {
            self.swarm.close_connection(connection);
        }
    }

    async fn fail(&mut self, peer: PeerId) {
        if let Some(dial) = self.dials.remove(&peer) {
            self.report(NetEvent::DialFailed { peer: dial.peer }).await;
        }
    }

    async fn say_where(&mut self) {
        let mut addresses = self.listening.clone();
        let is_quic = |address: &Multiaddr| address.to_string().contains("/quic");
        addresses.sort_by_key(|address| !is_quic(address));
        let texts = addresses.iter().map(Multiaddr::to_string).collect();
        self.report(NetEvent::Listening(texts)).await;
    }

    /// Waits while the driver is behind, and the swarm with it: no new connections meanwhile.
    async fn report(&mut self, event: NetEvent) {
        let _ = self.streams.events.send(event).await; // nobody listens when the node ends
    }
}

fn build(options: &NetOptions) -> Result<Swarm<Behaviour>, NetError> {
    let keypair = keypair(options.seed.as_bytes()).ok_or(NetError::BadKey)?;
    let us = keypair.public().to_peer_id();
    let nearby = (options.nearby)
        .then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), us))
        .transpose()
        .map_err(NetError::NoNearby)?;
    let established = u32::try_from(STREAMS_MAX).expect("256 fits");
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_MAX))
        .with_max_pending_outgoing(Some(PENDING_MAX))
        .with_max_established(Some(established))
        .with_max_established_per_peer(Some(u32::try_from(STREAMS_PER_PEER_MAX).expect("4 fits")));
    let mut muxer = yamux::Config::default();
    muxer.set_max_num_streams(STREAMS_PER_CONNECTION_MAX as usize);
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(
            tcp::Config::default().nodelay(true),
            noise::Config::new,
            || muxer,
        )
        .map_err(|_| NetError::BadKey)?
        .with_quic_config(|mut config: quic::Config| {
            config.max_concurrent_stream_limit = STREAMS_PER_CONNECTION_MAX;
            config.max_stream_data = UNREAD_BYTES_MAX;
            config.max_connection_data = 2 * UNREAD_BYTES_MAX;
            config
        })
        .with_behaviour(|_| Behaviour {
            limits: connection_limits::Behaviour::new(limits),
            streams: libp2p_stream::Behaviour::new(),
            nearby: nearby.into(),
        })
        .expect("making these behaviours cannot fail")
        .with_swarm_config(|config| {
            config
                .with_smart_dial()
                .with_idle_connection_timeout(FIRST_STREAM_WITHIN)
        })
        .build();
    Ok(swarm)
}

/// Listens on every address and waits until all are up.
async fn listen(
    swarm: &mut Swarm<Behaviour>,
    addresses: &[String],
) -> Result<Vec<Multiaddr>, NetError> {
    let mut waiting: HashMap<ListenerId, String> = HashMap::new();
    for address in addresses {
        let parsed: Multiaddr = address.parse().map_err(|_| NetError::BadAddress {
            address: address.clone(),
        })?;
        let listener = listen_on(swarm, &parsed).await;
        let listener = listener.map_err(|reason| cannot(address, &reason))?;
        waiting.insert(listener, address.clone());
    }
    let mut listening = Vec::new();
    while !waiting.is_empty() {
        match timeout(Duration::from_secs(5), swarm.select_next_some()).await {
            Ok(SwarmEvent::NewListenAddr {
                listener_id,
                address,
            }) => {
                waiting.remove(&listener_id);
                listening.push(address);
            }
            Ok(SwarmEvent::ListenerClosed {
                listener_id,
                reason: Err(error),
                ..
            })
            | Ok(SwarmEvent::ListenerError { listener_id, error }) => {
                if let Some(address) = waiting.get(&listener_id) {
                    return Err(cannot(address, &error));
                }
            }
            Ok(_) => {}
            Err(_) => {
                let address = waiting.values().next().expect("some wait");
                return Err(cannot(address, &"nothing is heard of it"));
            }
        }
    }
    Ok(listening)
}

/// Listens on one address. If a node of this process ended there just now, tries again for a while.
async fn listen_on(
    swarm: &mut Swarm<Behaviour>,
    address: &Multiaddr,
) -> Result<ListenerId, String> {
    loop {
        match swarm.listen_on(address.clone()) {
            Ok(listener) => return Ok(listener),
            Err(TransportError::Other(_)) if was_let_go(address) => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(TransportError::Other(error)) => return Err(error.to_string()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Addresses that nodes of this process stopped listening on, and when.
///
/// QUIC keeps its port until the last connection has drained, which for a dial that nobody
/// answered is three seconds after the node has ended. Another process is not concerned: its
/// ports close with it.
static LET_GO: Mutex<Vec<(Multiaddr, Instant)>> = Mutex::new(Vec::new());

fn let_go(addresses: &[Multiaddr]) {
    let mut all = LET_GO.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|(_, when)| when.elapsed() < DRAINED_WITHIN);
    all.extend(
        addresses
            .iter()
            .map(|address| (address.clone(), Instant::now())),
    );
}

fn was_let_go(address: &Multiaddr) -> bool {
    let all = LET_GO.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter()
        .any(|(it, when)| it == address && when.elapsed() < DRAINED_WITHIN)
}

fn cannot(address: &str, reason: &dyn std::fmt::Display) -> NetError {
    NetError::CannotListen {
        address: address.to_owned(),
        reason: reason.to_string(),
    }
}
