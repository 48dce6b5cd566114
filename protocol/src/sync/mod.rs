//! One session between two nodes that know each other's transport keys.
//!
//! [`frame`] is what travels; [`Session`] keeps the order of one conversation: who may say
//! what when, which parts the other end has shown to be entitled to, and how much may be
//! under way. It holds no data: what the feed contains is its owner's business.
//!
//! | state | input | outcome |
//! |---|---|---|
//! | dialled, waiting | `Hello` | open; names may be shown, the feed may flow |
//! | accepted, waiting | `Hello` | open; answer with our own `Hello` |
//! | any | `Knock`, `Answer` | handed on: see [`invite`](crate::invite) |
//! | waiting | anything else | violation |
//! | open | `Hello` | violation |
//! | open | `Authority`, `Names`, `Item`, `Ack`, `Holds`, `Held` | handed on after bounds and order are checked |
//!
//! Each end names all that it holds right after the hellos, and every grant that its person has accepted, in frames of which the last has room
//! left, and names what it has just been given before it acknowledges the parcel. So a sender whose
//! items are all acknowledged knows that a part not named will not be: it sends a gap in place of
//! the part's entries and goes on.
//!
//! **Invariants.** Nothing is sent to a peer before its `Hello` but our own `Hello`, and that
//! only by the dialler, who knows whom it dials. Item positions rise. No entry is sent for a
//! generation that the peer has not named. At most [`CREDIT_BYTES`] are unacknowledged.

pub mod frame;
pub mod holdings;
mod session;

pub use frame::{CircleItem, Cursor, FeedId, Frame, FrameError, Hello, Item, Name};
pub use holdings::{Held, Holdings, Holds};
pub use session::{Greeting, Received, Session, Violation};

/// Most bytes of items sent and not yet acknowledged: one large frame, so that a slow
/// reader holds little of ours in memory (design §7, "credit 1 MiB").
pub const CREDIT_BYTES: usize = 1 << 20;

/// Most names one peer may show in a session (design §7, "parts per session").
pub const NAMES_MAX: usize = 262_144;

/// Most names in one frame: 32 bytes each leave room in a frame.
pub const NAMES_PER_FRAME_MAX: usize = 16_384;

/// Most addresses in a `Hello`, and their longest form: as on a card.
pub const ADDRESSES_MAX: usize = 8;
/// See [`ADDRESSES_MAX`].
pub const ADDRESS_BYTES_MAX: usize = 128;
