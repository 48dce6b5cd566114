//! A wire that remembers every byte: stands between two nodes, over TCP or UDP.
//!
//! Capturing packets needs rights that a test does not have. A node is told to listen at one
//! address and its card says the proxy's; whoever reads the card connects through here.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Longest datagram there is.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// Everything that passed.
#[derive(Clone, Debug, Default)]
pub struct Recording(Arc<Mutex<Vec<u8>>>);

impl Recording {
    /// All bytes so far, in the order in which they passed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// How many bytes have passed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing has passed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&self, bytes: &[u8]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
    }
}

/// Passes TCP connections on to `to`; returns where, and what passes.
///
/// # Panics
/// If the machine has no port left.
#[must_use]
pub fn tcp(to: SocketAddr) -> (SocketAddr, Recording) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let recording = Recording::default();
    let record = recording.clone();
    thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(client) = client else { return };
            // Nobody behind: the client sees a closed connection, as it would without us.
            let Ok(server) = TcpStream::connect(to) else {
                continue;
            };
            pass(&client, &server, &record);
            pass(&server, &client, &record);
        }
    });
    (address, recording)
}

fn pass(from: &TcpStream, to: &TcpStream, record: &Recording) {
    let mut from = from.try_clone().expect("a socket can be cloned");
    let mut to = to.try_clone().expect("a socket can be cloned");
    let record = record.clone();
    thread::spawn(move || {
        let mut buffer = [0; 16_384];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    record.add(&buffer[..length]);
                    if to.write_all(&buffer[..length]).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        // The other end may be gone already.
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// Passes datagrams on to `to`, one socket per client; returns where, and what passes.
///
/// # Panics
/// If the machine has no port left.
#[must_use]
pub fn udp(to: SocketAddr) -> (SocketAddr, Recording) {
    let front = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let address = front.local_addr().expect("a bound socket has an address");
    let recording = Recording::default();
    let record = recording.clone();
    thread::spawn(move || {
        let mut backs: BTreeMap<SocketAddr, UdpSocket> = BTreeMap::new();
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            // A refused datagram shows up as an error of a later receive: that is not the end.
            let Ok((length, client)) = front.recv_from(&mut buffer) else {
                continue;
            };
            record.add(&buffer[..length]);
            let back = backs.entry(client).or_insert_with(|| {
                let back = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
                let answers = back.try_clone().expect("a socket can be cloned");
                let front = front.try_clone().expect("a socket can be cloned");
                let record = record.clone();
                thread::spawn(move || answer(&answers, &front, client, &record));
                back
            });
            // A datagram that cannot be sent is a datagram lost.
            let _ = back.send_to(&buffer[..length], to);
        }
    });
    (address, recording)
}

fn answer(answers: &UdpSocket, front: &UdpSocket, client: SocketAddr, record: &Recording) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let Ok(length) = answers.recv(&mut buffer) else {
            continue;
        };
        record.add(&buffer[..length]);
        let _ = front.send_to(&buffer[..length], client);
    }
}
