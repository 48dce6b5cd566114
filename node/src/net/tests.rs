use std::future::Future;

use maille_protocol::wire::FRAME_BYTES_MAX;
use tokio::time::timeout;

use super::*;

fn seed(byte: u8) -> Key {
    Key::from_bytes([byte; 32])
}

const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
const TCP: &str = "/ip4/127.0.0.1/tcp/0";

struct Peer {
    net: Net,
    inbox: mpsc::Receiver<NetEvent>,
    id: TransportId,
    addresses: Vec<String>,
}

impl Peer {
    async fn start(byte: u8, listen: &[&str]) -> Self {
        let listen = listen.iter().map(|&address| address.to_owned()).collect();
        let (net, mut inbox) = Net::start(NetOptions {
            seed: seed(byte),
            listen,
            nearby: false,
        })
        .await
        .unwrap();
        let first = soon(inbox.recv()).await;
        let Some(NetEvent::Listening(addresses)) = first else {
            panic!("{first:?}")
        };
        Self {
            net,
            inbox,
            id: transport_id(seed(byte).as_bytes()).unwrap(),
            addresses,
        }
    }

    async fn next(&mut self) -> NetEvent {
        soon(self.inbox.recv()).await.expect("the network runs")
    }

    #[track_caller]
    fn connected(event: &NetEvent, with: TransportId, as_role: Role) -> ConnectionId {
        match event {
            NetEvent::Connected {
                connection,
                peer,
                role,
            } if *peer == with && *role == as_role => *connection,
            other => panic!("{other:?}"),
        }
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), future)
        .await
        .expect("within half a minute")
}

async fn pair(address: &str) -> (Peer, Peer, ConnectionId, ConnectionId) {
    let mut a = Peer::start(1, &[QUIC, TCP]).await;
    let mut b = Peer::start(2, &[address]).await;
    a.net.dial(b.id, b.addresses.clone());
    let at_a = Peer::connected(&a.next().await, b.id, Role::Dialler);
    let at_b = Peer::connected(&b.next().await, a.id, Role::Acceptor);
    (a, b, at_a, at_b)
}

#[test]
fn a_transport_id_and_a_peer_id_say_the_same() {
    let id = transport_id(seed(7).as_bytes()).unwrap();
    assert_eq!(transport_of(&peer_of(&id).unwrap()), Some(id));
    let rsa_like = PeerId::from_multihash(Multihash::wrap(0x12, &[1; 32]).unwrap()).unwrap();
    assert_eq!(transport_of(&rsa_like), None);
    assert_eq!(transport_of(&PeerId::random()), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_cross_both_ways_and_in_order_over_quic_and_over_tcp() {
    for address in [QUIC, TCP] {
        let (mut a, mut b, at_a, at_b) = pair(address).await;
        let largest = vec![9; FRAME_BYTES_MAX];
        for frame in [b"one".to_vec(), largest.clone(), b"two".to_vec()] {
            a.net.send(at_a, frame.clone());
            assert_eq!(
                b.next().await,
                NetEvent::Received {
                    connection: at_b,
                    frame
                }
            );
        }
        for number in 0..500_u32 {
            b.net.send(at_b, number.to_be_bytes().to_vec());
        }
        for number in 0..500_u32 {
            let frame = number.to_be_bytes().to_vec();
            assert_eq!(
                a.next().await,
                NetEvent::Received {
                    connection: at_a,
                    frame
                }
            );
        }
        a.net.shutdown(a.inbox).await;
        b.net.shutdown(b.inbox).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_sends_what_was_queued_and_both_sides_hear_of_it_once() {
    let (mut a, mut b, at_a, at_b) = pair(QUIC).await;
    let frame = vec![1; 300_000];
    a.net.send(at_a, frame.clone());
    a.net.send(at_a, b"goodbye".to_vec());
    a.net.close(at_a);
    assert_eq!(
        b.next().await,
        NetEvent::Received {
            connection: at_b,
            frame
        }
    );
    let frame = b"goodbye".to_vec();
    assert_eq!(
        b.next().await,
        NetEvent::Received {
            connection: at_b,
            frame
        }
    );
    assert_eq!(b.next().await, NetEvent::Disconnected { connection: at_b });
    assert_eq!(a.next().await, NetEvent::Disconnected { connection: at_a });
    a.net.send(at_a, b"into the void".to_vec());

    // The libp2p connection is still up: a new stream opens on it.
    a.net.dial(b.id, Vec::new());
    Peer::connected(&a.next().await, b.id, Role::Dialler);
    Peer::connected(&b.next().await, a.id, Role::Acceptor);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_ends_is_missed_at_once() {
    for address in [QUIC, TCP] {
        let (mut a, b, at_a, _) = pair(address).await;
        b.net.shutdown(b.inbox).await;
        let gone = timeout(Duration::from_secs(5), a.next())
            .await
            .expect("at once");
        assert_eq!(gone, NetEvent::Disconnected { connection: at_a });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dial_that_comes_to_nothing_says_so() {
    let mut a = Peer::start(1, &[QUIC, TCP]).await;
    let b = Peer::start(2, &[TCP]).await;
    let stranger = transport_id(seed(3).as_bytes()).unwrap();
    let nobody_there = "/ip4/127.0.0.1/tcp/1".to_owned();
    let not_a_key = TransportId::from_bytes([0xff; 32]);
    let tries = [
        (stranger, vec![]),
        (
            stranger,
            vec!["nonsense".to_owned(), "/dns4/example.org/tcp/1".to_owned()],
        ),
        (stranger, vec![nobody_there]),
        (stranger, b.addresses.clone()), // somebody else answers there
        (a.id, a.addresses.clone()),     // oneself
        (not_a_key, b.addresses.clone()),
    ];
    for (peer, addresses) in tries {
        a.net.dial(peer, addresses.clone());
        assert_eq!(
            a.next().await,
            NetEvent::DialFailed { peer },
            "{addresses:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_of_several_is_enough() {
    let mut a = Peer::start(1, &[QUIC, TCP]).await;
    let b = Peer::start(2, &[TCP]).await;
    let mut addresses = vec!["/ip4/127.0.0.1/udp/1/quic-v1".to_owned()];
    addresses.extend(b.addresses.clone());
    a.net.dial(b.id, addresses.clone());
    a.net.dial(b.id, addresses);
    Peer::connected(&a.next().await, b.id, Role::Dialler);
    assert!(
        timeout(Duration::from_millis(300), a.inbox.recv())
            .await
            .is_err(),
        "one dial, one end"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_not_read_waits_and_loses_nothing() {
    let (a, mut b, at_a, at_b) = pair(QUIC).await;
    let frame = vec![5; 256 << 10];
    for _ in 0..60 {
        a.net.send(at_a, frame.clone());
    }
    tokio::time::sleep(Duration::from_millis(300)).await; // both queues fill up meanwhile
    for _ in 0..60 {
        let received = NetEvent::Received {
            connection: at_b,
            frame: frame.clone(),
        };
        assert!(b.next().await == received);
    }
    drop(a);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_lets_too_much_pile_up_is_cut() {
    let (mut a, b, at_a, _) = pair(QUIC).await;
    let frames = UNSENT_BYTES_MAX / FRAME_BYTES_MAX + 1;
    for _ in 0..2 * (frames + RECEIVED_FRAMES_MAX) {
        a.net.send(at_a, vec![5; FRAME_BYTES_MAX]);
    }
    assert_eq!(a.next().await, NetEvent::Disconnected { connection: at_a });
    drop(b);
}

/// A peer that speaks libp2p, but not as we do.
async fn raw(byte: u8, to: &Peer) -> (libp2p::Swarm<libp2p_stream::Behaviour>, PeerId) {
    let keypair = keypair(seed(byte).as_bytes()).unwrap();
    let mut swarm = libp2p::SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_quic()
        .with_behaviour(|_| libp2p_stream::Behaviour::new())
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build();
    let peer = peer_of(&to.id).unwrap();
    let addresses = vec![to.addresses[0].parse().unwrap()];
    let options = libp2p::swarm::dial_opts::DialOpts::peer_id(peer).addresses(addresses);
    swarm.dial(options.build()).unwrap();
    (swarm, peer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_announces_a_giant_frame_is_closed() {
    use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
    let mut a = Peer::start(1, &[QUIC]).await;
    let (mut swarm, peer) = raw(9, &a).await;
    let mut control = swarm.behaviour().new_control();
    let running = tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    let protocol = libp2p::StreamProtocol::new("/maille/sync/1");
    let mut stream = soon(control.open_stream(peer, protocol)).await.unwrap();
    stream.write_all(&[0xff; 64]).await.unwrap();
    stream.flush().await.unwrap();
    let event = a.next().await;
    let NetEvent::Connected { connection, .. } = event else {
        panic!("{event:?}")
    };
    assert_eq!(a.next().await, NetEvent::Disconnected { connection });
    assert!(
        soon(stream.read_to_end(&mut Vec::new()))
            .await
            .is_ok_and(|read| read == 0)
    );
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_opens_no_stream_is_closed() {
    use futures::StreamExt;
    use libp2p::swarm::SwarmEvent;
    let a = Peer::start(1, &[QUIC]).await;
    let (mut swarm, _) = raw(9, &a).await;
    let closed = async {
        loop {
            if let SwarmEvent::ConnectionClosed { .. } = swarm.select_next_some().await {
                return;
            }
        }
    };
    soon(closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_holds_no_more_streams_than_allowed() {
    use futures::{AsyncWriteExt, StreamExt};
    let mut a = Peer::start(1, &[QUIC]).await;
    let (mut swarm, peer) = raw(9, &a).await;
    let mut control = swarm.behaviour().new_control();
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    let mut held = Vec::new();
    for _ in 0..=STREAMS_PER_PEER_MAX {
        let protocol = libp2p::StreamProtocol::new("/maille/sync/1");
        let mut stream = soon(control.open_stream(peer, protocol)).await.unwrap();
        let _ = stream.write_all(&[0; 4]).await; // the one too many may be gone already
        let _ = stream.flush().await;
        held.push(stream);
    }
    for _ in 0..STREAMS_PER_PEER_MAX {
        let event = a.next().await;
        assert!(matches!(event, NetEvent::Connected { .. }), "{event:?}");
    }
    assert!(
        timeout(Duration::from_millis(300), a.inbox.recv())
            .await
            .is_err()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_cannot_be_listened_on_is_named() {
    let taken = Peer::start(1, &[QUIC, TCP]).await;
    for (address, wanted) in [
        ("nonsense".to_owned(), "no address"),
        ("/ip4/192.0.2.1/tcp/4001".to_owned(), "192.0.2.1"),
        (taken.addresses[0].clone(), "udp"),
    ] {
        let listen = vec![address];
        let error = soon(Net::start(NetOptions {
            seed: seed(2),
            listen,
            nearby: false,
        }))
        .await
        .unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
    }
}
