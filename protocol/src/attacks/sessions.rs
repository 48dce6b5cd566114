//! On what two nodes say to each other when they meet.

use super::*;
use crate::generation::AccessKey;
use crate::id::TransportId;
use crate::sync::frame::VERSION;
use crate::sync::{Frame, Hello, Received, Session};
use crate::testing::greeting;

const INES: TransportId = TransportId::from_bytes([1; 32]);
const MARC: TransportId = TransportId::from_bytes([2; 32]);
const MALLORY: TransportId = TransportId::from_bytes([3; 32]);

/// Two ends that have said hello.
fn meet(a: TransportId, b: TransportId, seed: u64) -> (Session, Session) {
    let mut one = Session::new(a, b, &mut rng(seed));
    let mut other = Session::new(b, a, &mut rng(seed + 1));
    let (hello, answer) = (one.hello(greeting()), other.hello(greeting()));
    other.receive(&hello.to_bytes()).unwrap();
    one.receive(&answer.to_bytes()).unwrap();
    (one, other)
}

/// Marc has named to Inès what he reads. Somebody who has the frame says the same to her: from his node another day,
/// and from a node of their own. They hold no key.
#[test]
fn replay_of_a_session() {
    Defence::NamesOfOneSession.stops(|| {
        let key = AccessKey::new(crate::crypto::Key::from_bytes([5; 32]));
        let (marc, mut ines) = meet(MARC, INES, 1);
        let recorded: Vec<Vec<u8>> = (marc.names([&key].into_iter()).iter())
            .map(Frame::to_bytes)
            .collect();
        ines.receive(&recorded[0]).unwrap();
        assert!(ines.peer_named(&key));
        let entitled = [(MARC, 10), (MALLORY, 20)].map(|(from, seed)| {
            let (_, mut ines) = meet(from, INES, seed);
            ines.receive(&recorded[0]).unwrap();
            ines.peer_named(&key)
        });
        assert_eq!(entitled[0], entitled[1]);
        Attack::works_if(entitled[0])
    });
}

/// A node claims to speak an older version than there is, so that its weaker rules hold.
#[test]
fn downgrade() {
    Defence::VersionIsFixed.stops(|| {
        let (mut ines, old) = (
            Session::new(INES, MARC, &mut rng(1)),
            Session::new(MARC, INES, &mut rng(2)),
        );
        let Frame::Hello(hello) = old.hello(greeting()) else {
            unreachable!("a session begins with a hello");
        };
        let hello = Hello {
            version: VERSION - 1,
            ..hello
        };
        let said = ines.receive(&Frame::Hello(hello).to_bytes());
        Attack::works_if(matches!(said, Ok(Received::Hello(_))) && ines.is_open())
    });
}
