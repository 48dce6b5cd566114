//! The order of one conversation.

use std::collections::{BTreeSet, VecDeque};

use rand_core::CryptoRng;

use super::frame::{Frame, FrameError, Hello, Item, Name, VERSION};
use super::holdings::{Held, Holds};
use super::{CREDIT_BYTES, Cursor, FeedId, NAMES_MAX, NAMES_PER_FRAME_MAX};
use crate::crypto;
use crate::defence::{self, Defence};
use crate::generation::AccessKey;
use crate::id::{PersonId, TransportId};
use crate::invite::{Answer, Knock};
use crate::pairing::Paired;
use crate::returning::Return;

/// What this node says of itself when a session opens.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// Whose node this is.
    pub person: PersonId,
    /// Where it can be reached.
    pub addresses: Vec<String>,
    /// The numbering of its feed for this peer.
    pub feed: FeedId,
    /// How far it has taken in the peer's feed.
    pub cursor: Cursor,
    /// Hash of its authority.
    pub authority: [u8; 32],
    /// Hash of the peer's authority as held here; zero for none.
    pub authority_held: [u8; 32],
}

/// One conversation with one peer.
#[derive(Debug)]
pub struct Session {
    me: TransportId,
    peer: TransportId,
    salt: [u8; 16],
    peer_salt: Option<[u8; 16]>,
    /// Names the peer has shown.
    named: BTreeSet<Name>,
    /// Whether the peer has named all that it held when the session began.
    named_all: bool,
    /// Highest position seen in the peer's feed.
    position_in: u64,
    /// Items sent and not acknowledged: position and bytes.
    under_way: VecDeque<(u64, usize)>,
    under_way_bytes: usize,
    position_out: u64,
}

/// A frame that was in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The session is open.
    Hello(Hello),
    /// The peer's authority, unverified.
    Authority(Vec<u8>),
    /// The peer has named more parts.
    Names,
    /// The next thing of the peer's feed.
    Item {
        /// Its position.
        position: u64,
        /// What it is.
        item: Item,
    },
    /// The peer has taken our feed in up to here.
    Ack {
        /// The last position taken in.
        position: u64,
    },
    /// The peer holds an invite.
    Knock(Knock),
    /// What came of our knock.
    Answer(Answer),
    /// The peer was made a device of its person elsewhere, and has not been told of anything yet.
    Return(Return),
    /// What came of our own return.
    Paired(Paired),
    /// What the peer holds of a circle, in short.
    Holds(Holds),
    /// What it holds where ours differs.
    Held(Held),
}

/// What a peer did wrong. Close the session; nothing else is touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// Not a frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Something came before the peer's hello.
    #[error("a frame before the hello")]
    BeforeHello,
    /// A second hello.
    #[error("a second hello")]
    SecondHello,
    /// A frame that is said only where there is no session.
    #[error("a frame that belongs in no session")]
    OutOfPlace,
    /// Feed positions must rise.
    #[error("feed position {got} after {last}")]
    Position {
        /// The position received.
        got: u64,
        /// The last one.
        last: u64,
    },
    /// An acknowledgement of something that was never sent.
    #[error("acknowledged {got}, sent up to {sent}")]
    AckAhead {
        /// The position acknowledged.
        got: u64,
        /// The last one sent.
        sent: u64,
    },
    /// More names than a session may have.
    #[error("more than {NAMES_MAX} names")]
    TooManyNames,
}

impl Session {
    /// Starts a session between two transport keys, both proven by the transport.
    pub fn new(me: TransportId, peer: TransportId, rng: &mut impl CryptoRng) -> Self {
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        Self {
            me,
            peer,
            salt,
            peer_salt: None,
            named: BTreeSet::new(),
            named_all: false,
            position_in: 0,
            under_way: VecDeque::new(),
            under_way_bytes: 0,
            position_out: 0,
        }
    }

    /// Our own first frame.
    #[must_use]
    pub fn hello(&self, greeting: Greeting) -> Frame {
        Frame::Hello(Hello {
            version: VERSION,
            features: 0,
            salt: self.salt,
            person: greeting.person,
            addresses: greeting.addresses,
            feed: greeting.feed,
            cursor: greeting.cursor,
            authority: greeting.authority,
            authority_held: greeting.authority_held,
        })
    }

    /// Takes in one frame of the peer's.
    ///
    /// # Errors
    /// [`Violation`]: close the session.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Received, Violation> {
        let frame = Frame::from_bytes(bytes)?;
        match (frame, self.peer_salt) {
            (Frame::Hello(hello), None) => {
                self.peer_salt = Some(hello.salt);
                Ok(Received::Hello(hello))
            }
            (Frame::Hello(_), Some(_)) => Err(Violation::SecondHello),
            (Frame::Knock(knock), _) => Ok(Received::Knock(knock)),
            (Frame::Answer(answer), _) => Ok(Received::Answer(answer)),
            (Frame::Authority(bytes), _) => Ok(Received::Authority(bytes)),
            (Frame::Paired(paired), None) => Ok(Received::Paired(paired)),
            (Frame::Return(returns), None) => Ok(Received::Return(returns)),
            (_, None) => Err(Violation::BeforeHello),
            (
                Frame::Pair(_)
                | Frame::Paired(_)
                | Frame::Claim(_)
                | Frame::Claimed(_)
                | Frame::Return(_)
                | Frame::Visit(_)
                | Frame::Visited(_)
                | Frame::Put { .. }
                | Frame::PutDone(_)
                | Frame::Stored(_),
                Some(_),
            ) => Err(Violation::OutOfPlace),
            (Frame::Holds(holds), Some(_)) => Ok(Received::Holds(holds)),
            (Frame::Held(held), Some(_)) => Ok(Received::Held(held)),
            (Frame::Names(names), Some(_)) => {
                if self.named.len() + names.len() > NAMES_MAX {
                    return Err(Violation::TooManyNames);
                }
                self.named_all |= names.len() < NAMES_PER_FRAME_MAX;
                self.named.extend(names);
                Ok(Received::Names)
            }
            (Frame::Item { position, item }, Some(_)) => {
                if position <= self.position_in {
                    return Err(Violation::Position {
                        got: position,
                        last: self.position_in,
                    });
                }
                self.position_in = position;
                Ok(Received::Item { position, item })
            }
            (Frame::Ack { position }, Some(_)) => {
                if position > self.position_out {
                    return Err(Violation::AckAhead {
                        got: position,
                        sent: self.position_out,
                    });
                }
                while let Some(&(sent, bytes)) = self.under_way.front() {
                    if sent > position {
                        break;
                    }
                    self.under_way.pop_front();
                    self.under_way_bytes -= bytes;
                }
                Ok(Received::Ack { position })
            }
        }
    }

    /// Where both feeds start: the peer will send from after `position_in`, we from after
    /// `position_out`. Call once, when the hellos have been exchanged.
    pub fn start_feeds(&mut self, position_in: u64, position_out: u64) {
        self.position_in = position_in;
        self.position_out = position_out;
    }

    /// Whether the hellos have been exchanged.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.peer_salt.is_some()
    }

    /// Frames that show our entitlement to the parts of `keys`; none before the session is open.
    ///
    /// The last frame has room left, and may be empty: so the peer knows that it is the last.
    #[must_use]
    pub fn names<'a>(&self, keys: impl Iterator<Item = &'a AccessKey>) -> Vec<Frame> {
        if !self.is_open() {
            return Vec::new();
        }
        let names: Vec<Name> = keys
            .filter_map(|key| self.name(key, self.me, self.peer, true))
            .collect();
        let full = names.chunks_exact(NAMES_PER_FRAME_MAX);
        let rest = full.remainder();
        full.chain([rest])
            .map(|some| Frame::Names(some.to_vec()))
            .collect()
    }

    /// Whether the peer is not going to name anything more for what it has been sent so far: it
    /// has named all that it held, and acknowledged (names go before acknowledgements) every
    /// item sent to it.
    #[must_use]
    pub fn has_named_all(&self) -> bool {
        self.named_all && self.under_way.is_empty()
    }

    /// Whether the peer has named the generation of `key` in this session.
    #[must_use]
    pub fn peer_named(&self, key: &AccessKey) -> bool {
        self.name(key, self.peer, self.me, false)
            .is_some_and(|name| self.named.contains(&name))
    }

    /// BLAKE3 keyed by the access key over (namer, other, namer's salt, other's salt): only who
    /// knows the key can make it, it fits this session and this direction alone, and it tells
    /// nothing to anybody else.
    fn name(
        &self,
        key: &AccessKey,
        namer: TransportId,
        other: TransportId,
        mine: bool,
    ) -> Option<Name> {
        let peer_salt = self.peer_salt?;
        let (first, second) = if mine {
            (self.salt, peer_salt)
        } else {
            (peer_salt, self.salt)
        };
        let session: [&[u8]; 4] = [namer.as_bytes(), other.as_bytes(), &first, &second];
        let session = if defence::is_off(Defence::NamesOfOneSession) {
            &session[..0]
        } else {
            &session[..]
        };
        Some(Name(crypto::keyed_hash(
            key.key().as_bytes(),
            "maille session name v1",
            session,
        )))
    }

    /// Whether `bytes` more may go under way. One item always may.
    #[must_use]
    pub fn has_credit(&self, bytes: usize) -> bool {
        self.under_way.is_empty() || self.under_way_bytes + bytes <= CREDIT_BYTES
    }

    /// Makes the frame of the next item and counts it as under way.
    ///
    /// # Panics
    /// If positions do not rise: our own bug.
    #[must_use]
    pub fn send(&mut self, position: u64, item: Item) -> Frame {
        assert!(position > self.position_out, "feed positions rise");
        self.position_out = position;
        self.under_way.push_back((position, item.len()));
        self.under_way_bytes += item.len();
        Frame::Item { position, item }
    }

    /// The last position sent in this session, or the peer's cursor.
    #[must_use]
    pub fn position_out(&self) -> u64 {
        self.position_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Key;
    use crate::sync::frame::VERSION;
    use crate::testing::{greeting, rng};

    fn transport(byte: u8) -> TransportId {
        TransportId::from_bytes([byte; 32])
    }

    /// Two ends that have said hello.
    fn open() -> (Session, Session) {
        let mut a = Session::new(transport(1), transport(2), &mut rng(1));
        let mut b = Session::new(transport(2), transport(1), &mut rng(2));
        let (hello_a, hello_b) = (a.hello(greeting()), b.hello(greeting()));
        b.receive(&hello_a.to_bytes()).unwrap();
        a.receive(&hello_b.to_bytes()).unwrap();
        (a, b)
    }

    fn access(byte: u8) -> AccessKey {
        AccessKey::new(Key::from_bytes([byte; 32]))
    }

    #[test]
    fn a_name_is_known_to_who_holds_the_key_in_this_session_and_direction_only() {
        let (a, mut b) = open();
        let key = access(5);
        assert!(!b.peer_named(&key));
        let names = a.names([&key].into_iter());
        for frame in &names {
            b.receive(&frame.to_bytes()).unwrap();
        }
        assert!(b.peer_named(&key));
        assert!(!b.peer_named(&access(6)));

        // The same frame reflected, or played into another session, names nothing.
        let (mut a, _) = open();
        a.receive(&names[0].to_bytes()).unwrap();
        assert!(!a.peer_named(&key), "reflected");
        let mut other = Session::new(transport(2), transport(1), &mut rng(77));
        other.receive(&a.hello(greeting()).to_bytes()).unwrap();
        other.receive(&names[0].to_bytes()).unwrap();
        assert!(!other.peer_named(&key), "replayed");
    }

    #[test]
    fn nothing_is_taken_before_the_hello_and_only_one_hello() {
        let mut a = Session::new(transport(1), transport(2), &mut rng(1));
        let ack = Frame::Ack { position: 0 }.to_bytes();
        assert_eq!(a.receive(&ack), Err(Violation::BeforeHello));
        let hello = a.hello(greeting()).to_bytes();
        assert!(matches!(a.receive(&hello), Ok(Received::Hello(_))));
        assert_eq!(a.receive(&hello), Err(Violation::SecondHello));
    }

    #[test]
    fn another_version_and_over_long_lists_are_refused() {
        let (mut a, _) = open();
        let Frame::Hello(hello) = a.hello(greeting()) else {
            unreachable!()
        };
        let other = Frame::Hello(Hello {
            version: VERSION + 1,
            ..hello.clone()
        });
        let many = Frame::Hello(Hello {
            addresses: vec![String::new(); super::super::ADDRESSES_MAX + 1],
            ..hello
        });
        for frame in [other, many] {
            assert!(matches!(
                a.receive(&frame.to_bytes()),
                Err(Violation::Frame(_))
            ));
        }
        let names = Frame::Names(vec![Name([0; 32]); NAMES_PER_FRAME_MAX + 1]);
        assert!(matches!(
            a.receive(&names.to_bytes()),
            Err(Violation::Frame(_))
        ));
    }

    #[test]
    fn positions_rise_and_acknowledgements_follow_what_was_sent() {
        let (mut a, mut b) = open();
        let item = |n: usize| Item::Entry(vec![0; n]);
        let first = a.send(3, item(10)).to_bytes();
        assert!(matches!(
            b.receive(&first),
            Ok(Received::Item { position: 3, .. })
        ));
        assert_eq!(
            b.receive(&first),
            Err(Violation::Position { got: 3, last: 3 })
        );
        let ahead = Frame::Ack { position: 4 }.to_bytes();
        assert_eq!(
            a.receive(&ahead),
            Err(Violation::AckAhead { got: 4, sent: 3 })
        );
    }

    #[test]
    fn credit_bounds_what_is_under_way_and_comes_back_with_acks() {
        let (mut a, _) = open();
        assert!(
            a.has_credit(CREDIT_BYTES + 1),
            "one item always may go, or nothing ever would"
        );
        let _ = a.send(1, Item::Entry(vec![0; CREDIT_BYTES - 10]));
        assert!(a.has_credit(10));
        assert!(!a.has_credit(11));
        a.receive(&Frame::Ack { position: 1 }.to_bytes()).unwrap();
        assert!(a.has_credit(CREDIT_BYTES));
    }

    #[test]
    fn a_session_holds_a_bounded_number_of_names() {
        let (mut a, _) = open();
        for n in 0..NAMES_MAX / NAMES_PER_FRAME_MAX {
            let names = (0..NAMES_PER_FRAME_MAX)
                .map(|i| {
                    let mut name = [0; 32];
                    name[..8].copy_from_slice(&(n as u64).to_le_bytes());
                    name[8..16].copy_from_slice(&(i as u64).to_le_bytes());
                    Name(name)
                })
                .collect();
            a.receive(&Frame::Names(names).to_bytes()).unwrap();
        }
        let one_more = Frame::Names(vec![Name([1; 32])]).to_bytes();
        assert_eq!(a.receive(&one_more), Err(Violation::TooManyNames));
    }

    #[test]
    fn the_last_frame_of_names_has_room_left_and_so_ends_them() {
        let (a, mut b) = open();
        let keys: Vec<AccessKey> = (0..NAMES_PER_FRAME_MAX).map(|_| access(5)).collect();
        let frames = a.names(keys.iter());
        assert_eq!(frames.len(), 2, "a full one and an empty one");
        b.receive(&frames[0].to_bytes()).unwrap();
        assert!(!b.has_named_all(), "more may come");
        b.receive(&frames[1].to_bytes()).unwrap();
        assert!(b.has_named_all());
        let _ = b.send(1, Item::Parcel(vec![0; 10]));
        assert!(!b.has_named_all(), "the parcel may bring keys to name");
        b.receive(&Frame::Ack { position: 1 }.to_bytes()).unwrap();
        assert!(b.has_named_all());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_a_session_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let (mut a, _) = open();
            let _ = a.receive(&bytes);
        }
    }
}
