//! What is done with one open stream, and the list of all of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use maille_core::io::{ConnectionId, Role};
use maille_protocol::id::TransportId;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::{NetEvent, STREAMS_MAX, STREAMS_PER_PEER_MAX, UNSENT_BYTES_MAX, frame};

/// How long a stream that is being closed may take to send what was queued on it.
const GOODBYE_WITHIN: Duration = Duration::from_secs(5);

/// How a stream should go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Live,
    /// Stop reading, send what is queued, end.
    Close,
    /// End now.
    Cut,
}

#[derive(Debug)]
struct Outbox {
    peer: TransportId,
    frames: mpsc::UnboundedSender<Vec<u8>>,
    unsent: Arc<AtomicUsize>,
    wish: watch::Sender<Wish>,
}

impl std::fmt::Debug for Wish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Live => "live",
            Self::Close => "close",
            Self::Cut => "cut",
        })
    }
}

/// Every stream that is open.
#[derive(Debug)]
pub(super) struct Streams {
    open: Mutex<BTreeMap<ConnectionId, Outbox>>,
    next: AtomicU64,
    pub(super) events: mpsc::Sender<NetEvent>,
}

impl Streams {
    pub(super) fn new(events: mpsc::Sender<NetEvent>) -> Self {
        Self {
            open: Mutex::default(),
            next: AtomicU64::new(1),
            events,
        }
    }

    /// Takes a stream in and runs it in a task of its own. Returns whether there was room.
    ///
    /// Never waits: libp2p drops streams while its accept loop is busy.
    pub(super) fn adopt(
        self: &Arc<Self>,
        peer: TransportId,
        role: Role,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> bool {
        let connection = ConnectionId(self.next.fetch_add(1, Ordering::Relaxed));
        let (frames, queue) = mpsc::unbounded_channel();
        let (wish, wished) = watch::channel(Wish::Live);
        let unsent = Arc::new(AtomicUsize::new(0));
        {
            let mut open = self.lock();
            let with_peer = open.values().filter(|outbox| outbox.peer == peer).count();
            if open.len() >= STREAMS_MAX || with_peer >= STREAMS_PER_PEER_MAX {
                tracing::warn!(?peer, "too many streams: one more was dropped");
                return false;
            }
            open.insert(
                connection,
                Outbox {
                    peer,
                    frames,
                    unsent: unsent.clone(),
                    wish,
                },
            );
        }
        let streams = self.clone();
        tokio::spawn(async move {
            let connected = NetEvent::Connected {
                connection,
                peer,
                role,
            };
            if streams.events.send(connected).await.is_err() {
                return;
            }
            let inbox = (connection, streams.events.clone());
            serve(stream, inbox, queue, &unsent, wished).await;
            streams.lock().remove(&connection);
            // Nobody listens only when the whole node ends.
            let _ = streams
                .events
                .send(NetEvent::Disconnected { connection })
                .await;
        });
        true
    }

    pub(super) fn has(&self, peer: &TransportId) -> bool {
        self.lock().values().any(|outbox| outbox.peer == *peer)
    }

    pub(super) fn send(&self, connection: ConnectionId, frame: Vec<u8>) {
        let open = self.lock();
        let Some(outbox) = open.get(&connection) else {
            return;
        };
        let unsent = outbox.unsent.fetch_add(frame.len(), Ordering::Relaxed) + frame.len();
        if unsent > UNSENT_BYTES_MAX {
            tracing::warn!(peer = ?outbox.peer, "does not read: cut");
            outbox.wish.send_replace(Wish::Cut);
        } else {
            let _ = outbox.frames.send(frame); // gone, and about to say so
        }
    }

    pub(super) fn close(&self, connection: ConnectionId) {
        if let Some(outbox) = self.lock().get(&connection) {
            outbox.wish.send_if_modified(|wish| {
                let live = *wish == Wish::Live;
                if live {
                    *wish = Wish::Close;
                }
                live
            });
        }
    }

    pub(super) fn close_all(&self) {
        let all: Vec<_> = self.lock().keys().copied().collect();
        all.into_iter()
            .for_each(|connection| self.close(connection));
    }

    pub(super) fn cut_all(&self) {
        for outbox in self.lock().values() {
            outbox.wish.send_replace(Wish::Cut);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Outbox>> {
        // Nothing that could panic half-way runs under the lock.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin,
    inbox: (ConnectionId, mpsc::Sender<NetEvent>),
    mut queue: mpsc::UnboundedReceiver<Vec<u8>>,
    unsent: &AtomicUsize,
    mut wished: watch::Receiver<Wish>,
) {
    let (mut reader, mut writer) = stream.split();
    let mut cut = wished.clone();
    let life = async {
        tokio::select! {
            () = read_all(&mut reader, inbox) => return,
            () = write_all(&mut writer, &mut queue, unsent) => return,
            _ = wished.wait_for(|wish| *wish != Wish::Live) => {}
        }
        queue.close();
        let goodbye = async {
            write_all(&mut writer, &mut queue, unsent).await;
            let _ = writer.close().await; // the other side may be gone already
        };
        let _ = timeout(GOODBYE_WITHIN, goodbye).await;
    };
    tokio::select! {
        () = life => {}
        _ = cut.wait_for(|wish| *wish == Wish::Cut) => {}
    }
}

/// Reads until the stream ends; waits while the driver is behind.
async fn read_all(
    reader: &mut (impl AsyncRead + Unpin),
    (connection, events): (ConnectionId, mpsc::Sender<NetEvent>),
) {
    loop {
        match frame::read(reader).await {
            Ok(frame) => {
                let received = NetEvent::Received { connection, frame };
                if events.send(received).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::debug!(connection = connection.0, %error, "stream ended");
                return;
            }
        }
    }
}

/// Writes until the queue is closed and empty, or the stream fails. Flushes when nothing waits.
async fn write_all(
    writer: &mut (impl AsyncWrite + Unpin),
    queue: &mut mpsc::UnboundedReceiver<Vec<u8>>,
    unsent: &AtomicUsize,
) {
    loop {
        let next = match queue.try_recv() {
            Ok(frame) => Some(frame),
            Err(_) => {
                if !matches!(timeout(frame::KEEP_ALIVE, writer.flush()).await, Ok(Ok(()))) {
                    return;
                }
                match timeout(frame::KEEP_ALIVE, queue.recv()).await {
                    Ok(next) => next,
                    Err(_) => Some(Vec::new()),
                }
            }
        };
        let Some(frame) = next else { return };
        if frame::write(writer, &frame).await.is_err() {
            return;
        }
        unsent.fetch_sub(frame.len(), Ordering::Relaxed);
    }
}
