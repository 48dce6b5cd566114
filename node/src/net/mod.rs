//! The network: one long libp2p stream of frames per pair of nodes, `/maille/sync/1`.
//!
//! QUIC first, TCP with Noise and Yamux second. A node's libp2p identity is its transport key, so
//! that a [`TransportId`] and a libp2p peer id say the same; a peer with another kind of identity
//! is not spoken to. Frames are a length (4 bytes, big endian) and that many bytes; a length of
//! zero keeps the stream alive and is not passed on.
//!
//! ```text
//! Net::dial ──► swarm ──► stream opened ──► Connected ─► Received* ─► Disconnected
//!                 │            ▲
//!                 └─► DialFailed   └── a peer's stream accepted
//! ```
//!
//! **Invariants.** Each connection says `Connected` once, first, and `Disconnected` once, last.
//! A dial ends in one `Connected` or one `DialFailed` (several dials of one peer at a time count
//! as one). What a peer can make this module hold in memory is bounded by the constants here.
//!
//! Only if it is asked for, a node says by mDNS on its local network which transport key it has and where it listens,
//! and hears others say so; what is heard is one more address to dial, and the dial proves whose it is.
//!
//! Deliberately absent: Kademlia, gossipsub, identify, UPnP, DNS: nobody is told who is looked for.

mod frame;
mod stream;
mod swarm;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use libp2p::PeerId;
use libp2p::identity::{Keypair, PublicKey, ed25519};
use libp2p::multihash::Multihash;
use maille_core::io::{ConnectionId, Role};
use maille_protocol::crypto::Key;
use maille_protocol::id::TransportId;
use tokio::sync::{mpsc, oneshot};

/// Streams held at a time: more contacts than a person has, and each costs at most two frames and
/// its unsent bytes.
pub const STREAMS_MAX: usize = 256;

/// Streams held with one peer: both may dial at once, and a dead one lingers until it times out.
pub const STREAMS_PER_PEER_MAX: usize = 4;

/// Bytes waiting to be sent on one stream. A peer that lets more pile up is not reading.
pub const UNSENT_BYTES_MAX: usize = 16 << 20;

/// Frames received and not yet taken by the driver, over all streams; then reading pauses.
pub const RECEIVED_FRAMES_MAX: usize = 16;

/// Addresses of one peer tried in one dial.
pub const DIAL_ADDRESSES_MAX: usize = 16;

/// Addresses heard of on the local network, beyond which it is not listened to any more: it is being flooded.
pub const NEARBY_MAX: usize = 4_096;

/// How long a connection may exist before its first stream is open.
pub const FIRST_STREAM_WITHIN: Duration = Duration::from_secs(10);

/// How long a dial may take in all, the stream included.
pub const DIAL_WITHIN: Duration = Duration::from_secs(20);

/// Something that the network reports.
#[derive(Debug, PartialEq, Eq)]
pub enum NetEvent {
    /// A stream to `peer` is open.
    Connected {
        /// Its name, never used twice in a run.
        connection: ConnectionId,
        /// The transport key that the other side proved to have.
        peer: TransportId,
        /// Who opened it.
        role: Role,
    },
    /// One whole frame came.
    Received {
        /// On which stream.
        connection: ConnectionId,
        /// Without its length; never empty.
        frame: Vec<u8>,
    },
    /// A stream is over; nothing more comes of it.
    Disconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// No stream to this peer could be opened.
    DialFailed {
        /// Whom.
        peer: TransportId,
    },
    /// Where this node listens now, QUIC first, without the peer id.
    Listening(Vec<String>),
    /// This node is on the local network: a dial finds it now.
    Nearby {
        /// Whose it says that it is; a dial proves it.
        peer: TransportId,
    },
}

/// Why the network did not come up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// An address to listen on does not read.
    #[error("{address} is no address to listen on")]
    BadAddress {
        /// As it was given.
        address: String,
    },
    /// An address cannot be listened on: taken, or not this computer's.
    #[error("{address}: {reason}")]
    CannotListen {
        /// Which.
        address: String,
        /// What the operating system said.
        reason: String,
    },
    /// The transport key is none.
    #[error("the transport key is not usable")]
    BadKey,
    /// The local network cannot be asked who is there.
    #[error("the local network cannot be asked: {0}")]
    NoNearby(#[source] std::io::Error),
}

/// What a node brings to the network.
pub struct NetOptions {
    /// Secret half of the transport key.
    pub seed: Key,
    /// Multiaddr texts to listen on.
    pub listen: Vec<String>,
    /// Whether to say on the local network who we are and where, and to hear others do so (mDNS).
    pub nearby: bool,
}

/// A running network. Dropping it cuts every connection; [`Net::shutdown`] says goodbye first.
#[derive(Debug)]
pub struct Net {
    dials: mpsc::UnboundedSender<(TransportId, Vec<String>)>,
    streams: Arc<stream::Streams>,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<()>,
}

impl Net {
    /// Listens, and returns once every address is up; the first event says where.
    ///
    /// # Errors
    /// See [`NetError`].
    pub async fn start(options: NetOptions) -> Result<(Self, mpsc::Receiver<NetEvent>), NetError> {
        let (events, inbox) = mpsc::channel(RECEIVED_FRAMES_MAX);
        let streams = Arc::new(stream::Streams::new(events));
        let (dials, dial_requests) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let driver = swarm::Driver::start(options, streams.clone()).await?;
        let task = tokio::spawn(driver.run(dial_requests, stopped));
        Ok((
            Self {
                dials,
                streams,
                stop: Some(stop),
                task,
            },
            inbox,
        ))
    }

    /// Tries to open a stream to `peer` at any of these multiaddr texts.
    pub fn dial(&self, peer: TransportId, addresses: Vec<String>) {
        let _ = self.dials.send((peer, addresses)); // fails only while everything is ending
    }

    /// Sends one frame, of at most `FRAME_BYTES_MAX`, after those sent before it. On a stream that
    /// is gone it is dropped.
    pub fn send(&self, connection: ConnectionId, frame: Vec<u8>) {
        self.streams.send(connection, frame);
    }

    /// Closes a stream after what was sent on it has left, or a few seconds.
    pub fn close(&self, connection: ConnectionId) {
        self.streams.close(connection);
    }

    /// Closes every stream and connection and waits until that is done, for a few seconds at most.
    /// What still comes in is dropped.
    pub async fn shutdown(mut self, mut inbox: mpsc::Receiver<NetEvent>) {
        self.streams.close_all();
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(()); // it may have ended by itself
        }
        loop {
            tokio::select! {
                _ = &mut self.task => return,
                Some(_) = inbox.recv() => {}
            }
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.task.abort();
        self.streams.cut_all();
    }
}

/// Returns the transport id that belongs to a transport key's secret half.
#[must_use]
pub fn transport_id(seed: &[u8; 32]) -> Option<TransportId> {
    transport_of(&keypair(seed)?.public().to_peer_id())
}

fn keypair(seed: &[u8; 32]) -> Option<Keypair> {
    Keypair::ed25519_from_bytes(*seed).ok()
}

/// Returns the transport id of a peer whose identity is an Ed25519 key.
///
/// Such a peer id holds the key itself: the "identity" multihash, code 0.
fn transport_of(peer: &PeerId) -> Option<TransportId> {
    let hash: &Multihash<64> = peer.as_ref();
    if hash.code() != 0 {
        return None;
    }
    let key = PublicKey::try_decode_protobuf(hash.digest()).ok()?;
    Some(TransportId::from_bytes(
        key.try_into_ed25519().ok()?.to_bytes(),
    ))
}

/// Returns the peer id of a transport id that is a key.
fn peer_of(transport: &TransportId) -> Option<PeerId> {
    let key = ed25519::PublicKey::try_from_bytes(transport.as_bytes()).ok()?;
    Some(PublicKey::from(key).to_peer_id())
}
