//! The frames of `/maille/sync/1`, in deterministic CBOR.

use minicbor::{Decode, Encode};

use super::holdings::{Held, Holds};
use super::{ADDRESS_BYTES_MAX, ADDRESSES_MAX, NAMES_PER_FRAME_MAX};
use crate::defence::{self, Defence};
use crate::id::{CircleId, PersonId};
use crate::invite::{Answer, Knock};
use crate::pairing::{Pair, Paired};
use crate::relay::{Put, PutDone, Stored, Visit, Visited};
use crate::returning::{Claim, Claimed, Return};
use crate::wire::{self, FRAME_BYTES_MAX, WireError};

/// The protocol version that this code speaks.
pub const VERSION: u32 = 1;

/// Names one numbering of a feed; a new one is drawn when positions start again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct FeedId(#[cbor(with = "minicbor::bytes")] pub [u8; 16]);

/// How far a feed has been taken in, durably. Position 0: nothing yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Cursor {
    /// Which numbering.
    #[n(0)]
    pub feed: FeedId,
    /// The last position taken in.
    #[n(1)]
    pub position: u64,
}

/// The first frame of either end.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Hello {
    /// [`VERSION`].
    #[n(0)]
    pub version: u32,
    /// Bits of optional features; none is defined yet, unknown ones are ignored.
    #[n(1)]
    pub features: u64,
    /// Fresh random bytes; both ends' salts go into every name.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// Whose node this is.
    #[n(3)]
    pub person: PersonId,
    /// Where the sender can be reached now.
    #[n(4)]
    #[cbor(decode_with = "wire::texts::<Ctx, ADDRESSES_MAX, ADDRESS_BYTES_MAX>")]
    pub addresses: Vec<String>,
    /// The numbering of the sender's own feed.
    #[n(5)]
    pub feed: FeedId,
    /// How far the sender has taken in the receiver's feed.
    #[n(6)]
    pub cursor: Cursor,
    /// Hash of the sender's authority.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub authority: [u8; 32],
    /// Hash of the receiver's authority as the sender holds it; zero when it holds none.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub authority_held: [u8; 32],
}

/// One thing in a feed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Item {
    /// A sealed parcel for the receiver.
    #[n(0)]
    Parcel(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// A sealed entry of a shared part.
    #[n(1)]
    Entry(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// Nothing is left at this position: what stood there may no longer be given.
    #[n(2)]
    Withdrawn,
    /// Something of a circle that both belong to.
    #[n(3)]
    Circle {
        /// Which circle.
        #[n(0)]
        circle: CircleId,
        /// What.
        #[n(1)]
        item: CircleItem,
    },
}

/// One thing of a circle and of the slice that its members write together, as whoever made it wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum CircleItem {
    /// A person's authority.
    #[n(0)]
    Person(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// A statement about the circle or the slice.
    #[n(1)]
    Statement(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// The record of a generation.
    #[n(2)]
    Generation(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// A sealed key.
    #[n(3)]
    Key(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// An entry.
    #[n(4)]
    Entry(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
}

impl CircleItem {
    /// Returns its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Person(bytes)
            | Self::Statement(bytes)
            | Self::Generation(bytes)
            | Self::Key(bytes)
            | Self::Entry(bytes) => bytes,
        }
    }
}

impl Item {
    /// Bytes that count against the credit.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Parcel(bytes) | Self::Entry(bytes) => bytes.len(),
            Self::Circle { item, .. } => item.bytes().len(),
            Self::Withdrawn => 0,
        }
    }

    /// Whether the item carries no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Frame {
    /// Opens the session.
    #[n(0)]
    Hello(#[n(0)] Hello),
    /// The sender's authority: its charter and statements. Comes before a hello where the receiver may not know the node.
    #[n(1)]
    Authority(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    /// Parts that the sender can show to be entitled to.
    #[n(2)]
    Names(
        #[n(0)]
        #[cbor(decode_with = "wire::list::<Ctx, Name, NAMES_PER_FRAME_MAX>")]
        Vec<Name>,
    ),
    /// One thing of the sender's feed for the receiver.
    #[n(3)]
    Item {
        /// Its place in the feed, from 1, rising.
        #[n(0)]
        position: u64,
        /// The thing.
        #[n(1)]
        item: Item,
    },
    /// Everything up to `position` of the receiver's feed is durable at the sender.
    #[n(4)]
    Ack {
        /// The last position taken in.
        #[n(0)]
        position: u64,
    },
    /// The sender holds an invite of the receiver's; comes before a hello as well as after.
    #[n(5)]
    Knock(#[n(0)] Knock),
    /// What comes of a knock.
    #[n(6)]
    Answer(#[n(0)] Answer),
    /// The sender would be a device of the receiver's person; the first frame, or none.
    #[n(7)]
    Pair(#[n(0)] Pair),
    /// What comes of it.
    #[n(8)]
    Paired(#[n(0)] Paired),
    /// The sender holds a root key, of the words of somebody whom the receiver may know; the first frame, or none.
    #[n(9)]
    Claim(#[n(0)] Claim),
    /// What is known of the person.
    #[n(10)]
    Claimed(#[n(0)] Claimed),
    /// The sender was made a device of the receiver's person elsewhere; the first frame, or none. Answered by `Paired`.
    #[n(11)]
    Return(#[n(0)] Return),
    /// The sender comes to a relay; the first frame, or none.
    #[n(12)]
    Visit(#[n(0)] Visit),
    /// What the relay has for it.
    #[n(13)]
    Visited(#[n(0)] Visited),
    /// Something for a mailbox.
    #[n(14)]
    Put {
        /// Rises within the visit, from 1.
        #[n(0)]
        number: u64,
        /// Which mailbox.
        #[n(1)]
        name: Name,
        /// What.
        #[n(2)]
        what: Put,
    },
    /// What came of that.
    #[n(15)]
    PutDone(#[n(0)] PutDone),
    /// An entry of a mailbox.
    #[n(16)]
    Stored(#[n(0)] Stored),
    /// What the sender holds of a circle, in short.
    #[n(17)]
    Holds(#[n(0)] Holds),
    /// What it holds where the receiver's own differs.
    #[n(18)]
    Held(#[n(0)] Held),
}

/// A part's name in one session: see [`super::Session::names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Name(#[cbor(with = "minicbor::bytes")] pub [u8; 32]);

impl Frame {
    /// The frame's bytes, at most [`FRAME_BYTES_MAX`] long when its parts keep their own bounds.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads one whole frame.
    ///
    /// # Errors
    /// Whatever is too long, not canonical, or not a frame; a list over its bound is malformed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrameError> {
        let frame: Self = wire::decode(bytes, FRAME_BYTES_MAX).map_err(|error| {
            // A frame begins with its number: that of a malformed one is no version.
            let is_number = matches!(error, WireError::Version { .. });
            if is_number {
                WireError::Malformed { position: 0 }
            } else {
                error
            }
        })?;
        match &frame {
            Self::Hello(hello)
                if hello.version != VERSION && !defence::is_off(Defence::VersionIsFixed) =>
            {
                Err(FrameError::Version { got: hello.version })
            }
            Self::Hello(_)
            | Self::Authority(_)
            | Self::Names(_)
            | Self::Item { .. }
            | Self::Ack { .. }
            | Self::Knock(_)
            | Self::Answer(_)
            | Self::Pair(_)
            | Self::Paired(_)
            | Self::Claim(_)
            | Self::Claimed(_)
            | Self::Return(_)
            | Self::Visit(_)
            | Self::Visited(_)
            | Self::Put { .. }
            | Self::PutDone(_)
            | Self::Stored(_)
            | Self::Holds(_)
            | Self::Held(_) => Ok(frame),
        }
    }
}

/// Why bytes are no frame. The peer's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Not canonical CBOR of a frame, or too long.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Another protocol version.
    #[error("protocol version {got}, this node speaks {VERSION}")]
    Version {
        /// What the peer speaks.
        got: u32,
    },
}
