//! The form of what the store keeps. Private to this node: no byte of it travels.

use maille_protocol::crypto::Key;
use maille_protocol::entry::{Author, LogId, LogTip};
use maille_protocol::grant::Grant;
use maille_protocol::id::{
    CircleId, GenerationId, GrantId, InstallationId, PersonId, SliceId, TransportId,
};
use maille_protocol::invite::{InviteLink, WhyNot};
use maille_protocol::relay::{CodeId, RelayCode, WhyNotPut};
use maille_protocol::sync::{CircleItem, Cursor, FeedId};
use maille_protocol::time::Timestamp;
use maille_schemas::circle::ListEdit;
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use rand_core::CryptoRng;

use crate::command::{AsideReason, SentWhat};

/// A node that this one talks to: of a contact, or of our own person.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Node {
    #[n(0)]
    pub(crate) person: PersonId,
    #[n(1)]
    pub(crate) addresses: Vec<String>,
}

/// Somebody this node shares with or receives from.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Contact {
    #[n(0)]
    pub(crate) person: PersonId,
    /// What our person calls them.
    #[n(1)]
    pub(crate) name: String,
    /// The node of theirs that shares go to; circles go to all.
    #[n(2)]
    pub(crate) transport: TransportId,
    /// Their authority, verified, once they have shown it.
    #[n(3)]
    pub(crate) authority: Option<ByteVec>,
}

/// The feed for a node, and how far its own has been taken in.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Feed {
    #[n(0)]
    pub(crate) id: FeedId,
    /// Position of the next thing appended, from 1.
    #[n(1)]
    pub(crate) next: u64,
    /// What they have durably.
    #[n(2)]
    pub(crate) acked: u64,
    #[n(3)]
    pub(crate) acked_at: Option<Timestamp>,
    /// How far their feed has been taken in here.
    #[n(4)]
    pub(crate) cursor: Cursor,
    #[n(5)]
    pub(crate) last_seen: Option<Timestamp>,
    /// The last position whose leaving is in the journal: what is sent again is not new.
    #[n(6)]
    pub(crate) journalled: u64,
}

impl Feed {
    /// A feed in which nothing stands yet.
    pub(crate) fn begin(rng: &mut impl CryptoRng) -> Self {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        Self {
            id: FeedId(id),
            next: 1,
            acked: 0,
            acked_at: None,
            cursor: Cursor::default(),
            last_seen: None,
            journalled: 0,
        }
    }

    /// Whether they have everything.
    pub(crate) fn is_drained(&self) -> bool {
        self.waiting() == 0
    }

    /// How many things are due that they do not have.
    pub(crate) fn waiting(&self) -> u64 {
        self.next - 1 - self.acked
    }
}

/// One thing due to a node.
#[derive(Clone, Debug, Encode, Decode)]
pub(crate) enum Due {
    /// Something of a share.
    #[n(0)]
    Share {
        /// Under which grant.
        #[n(0)]
        grant: GrantId,
        #[n(1)]
        what: DueWhat,
    },
    /// An item of a circle, by its number in our store.
    #[n(1)]
    Circle {
        #[n(0)]
        circle: CircleId,
        #[n(1)]
        number: u64,
    },
}

impl Due {
    pub(crate) const fn why(&self) -> Why {
        match self {
            Self::Share { grant, .. } => Why::Share(*grant),
            Self::Circle { circle, .. } => Why::Circle(*circle),
        }
    }
}

/// Why something leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Why {
    #[n(0)]
    Share(#[n(0)] GrantId),
    #[n(1)]
    Circle(#[n(0)] CircleId),
}

#[derive(Clone, Debug, Encode, Decode)]
pub(crate) enum DueWhat {
    /// The grant with keys, sealed.
    #[n(0)]
    Grant(#[n(0)] ByteVec),
    /// More keys, sealed.
    #[n(1)]
    Keys(#[n(0)] ByteVec),
    /// The news that the grant has ended, sealed; goes out although the grant is dead.
    #[n(2)]
    End(#[n(0)] ByteVec),
    /// An entry of ours, by its key in the store.
    #[n(3)]
    Entry {
        #[n(0)]
        key: ByteVec,
        #[n(1)]
        rows: u32,
    },
}

/// A slice of ours.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct OwnSlice {
    #[n(0)]
    pub(crate) id: SliceId,
    #[n(1)]
    pub(crate) charter: ByteVec,
    /// The lens's name; empty for a vault slice.
    #[n(2)]
    pub(crate) lens: String,
}

/// A part of a slice of ours.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct OwnPart {
    /// What is sealed under now.
    #[n(0)]
    pub(crate) generation: GenerationId,
    /// Grants whose readers hold the generation's key.
    #[n(1)]
    pub(crate) recipients: Vec<GrantId>,
    /// Our log's tip.
    #[n(2)]
    pub(crate) tip: LogTip,
}

/// A log of somebody else's.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct HeldLog {
    #[n(0)]
    pub(crate) tip: LogTip,
    #[n(1)]
    pub(crate) author: Author,
}

/// How a share ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Ended {
    #[n(0)]
    Revoked(#[n(0)] Timestamp),
    #[n(1)]
    Expired(#[n(0)] Timestamp),
}

/// A share that our person gave.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Given {
    /// What was granted; what was said about it lies by slice and reader.
    #[n(0)]
    pub(crate) grant: Grant,
    #[n(1)]
    pub(crate) created: Timestamp,
    /// Whether it has been put into the reader's feed.
    #[n(2)]
    pub(crate) fed: bool,
    /// Last position of the reader's feed that belongs to this share.
    #[n(3)]
    pub(crate) last_position: u64,
    #[n(4)]
    pub(crate) ended: Option<Ended>,
    /// Over which slice.
    #[n(5)]
    pub(crate) slice: SliceId,
    /// Where the news of the end stands in the reader's feed.
    #[n(6)]
    pub(crate) end_position: Option<u64>,
    /// Entries were passed over, since the reader could not name their part: they have not
    /// accepted the share. Their node asks for all of it again once they have.
    #[n(7)]
    pub(crate) passed_over: bool,
    /// When the reader's node said that its person has accepted it.
    #[n(8)]
    pub(crate) accepted: Option<Timestamp>,
    /// To whom.
    #[n(9)]
    pub(crate) audience: PersonId,
}

/// A share that somebody gave to our person.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Taken {
    #[n(0)]
    pub(crate) from: PersonId,
    #[n(1)]
    pub(crate) slice: SliceId,
    #[n(2)]
    pub(crate) lens: String,
    #[n(3)]
    pub(crate) until: Timestamp,
    /// When the first link or grant of it came.
    #[n(4)]
    pub(crate) known: Timestamp,
    /// When our person said yes; until then nothing of it is kept but the grant.
    #[n(5)]
    pub(crate) accepted: Option<Timestamp>,
    /// The grant, once it has arrived; what was said about it lies by slice.
    #[n(6)]
    pub(crate) grant: Option<Grant>,
    #[n(7)]
    pub(crate) revoked: Option<Timestamp>,
    #[n(8)]
    pub(crate) updated: Option<Timestamp>,
}

/// How much is kept of one contact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Holding {
    #[n(0)]
    pub(crate) keys: u64,
    #[n(1)]
    pub(crate) logs: u64,
    #[n(2)]
    pub(crate) rows: u64,
    /// Of entries, and of what was said about slices.
    #[n(3)]
    pub(crate) bytes: u64,
}

impl Holding {
    pub(crate) fn plus(self, more: Self) -> Self {
        Self {
            keys: self.keys.saturating_add(more.keys),
            logs: self.logs.saturating_add(more.logs),
            rows: self.rows.saturating_add(more.rows),
            bytes: self.bytes.saturating_add(more.bytes),
        }
    }

    pub(crate) fn within(self, max: Self) -> bool {
        self.keys <= max.keys
            && self.logs <= max.logs
            && self.rows <= max.rows
            && self.bytes <= max.bytes
    }
}

/// What a contact sent that was of no use here: the last few times.
#[derive(Clone, Debug, Default, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Asides {
    #[n(0)]
    pub(crate) notes: Vec<AsideNote>,
}

#[derive(Clone, Copy, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct AsideNote {
    #[n(0)]
    pub(crate) at: Timestamp,
    #[n(1)]
    pub(crate) why: AsideWhy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum AsideWhy {
    #[n(0)]
    TooManyOffers,
    #[n(1)]
    BeginsLater(#[n(0)] Timestamp),
    #[n(2)]
    NewerContent,
}

impl AsideWhy {
    pub(crate) fn shown(self) -> AsideReason {
        match self {
            Self::TooManyOffers => AsideReason::TooManyOffers,
            Self::BeginsLater(at) => AsideReason::BeginsLater { at },
            Self::NewerContent => AsideReason::NewerContent,
        }
    }
}

/// One row of a projection, ours or somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Row {
    #[n(0)]
    pub(crate) version: RowVersion,
    /// The fields; none once the row is gone.
    #[n(1)]
    pub(crate) fields: Option<ByteVec>,
}

/// Which of two versions of a row stands: the highest, by serial, then changes, then hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(array)]
pub(crate) struct RowVersion {
    #[n(0)]
    pub(crate) serial: u32,
    /// Changes in the sources' history.
    #[n(1)]
    pub(crate) changes: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub(crate) hash: [u8; 32],
}

/// A line of the journal of what left.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Sent {
    #[n(0)]
    pub(crate) at: Timestamp,
    /// To whom; nobody: to a relay.
    #[n(1)]
    pub(crate) to: Option<PersonId>,
    #[n(2)]
    pub(crate) why: Why,
    #[n(3)]
    pub(crate) what: SentKind,
    #[n(4)]
    pub(crate) rows: u64,
    #[n(5)]
    pub(crate) bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum SentKind {
    #[n(0)]
    Grant,
    #[n(1)]
    Rows,
    #[n(2)]
    Keys,
    #[n(3)]
    End,
    #[n(4)]
    Circle,
}

impl Sent {
    pub(crate) fn shown(&self) -> SentWhat {
        match self.what {
            SentKind::Grant => SentWhat::Grant,
            SentKind::Rows => SentWhat::Rows { rows: self.rows },
            SentKind::Keys => SentWhat::Keys,
            SentKind::End => SentWhat::End,
            SentKind::Circle => SentWhat::Circle,
        }
    }
}

/// A circle that our person belongs to, or did.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct CircleRecord {
    /// How it begins.
    #[n(0)]
    pub(crate) charter: ByteVec,
    /// How the slice begins that its members write together.
    #[n(1)]
    pub(crate) slice: ByteVec,
    /// By what its key objects are found.
    #[n(2)]
    pub(crate) tag_key: Key,
    /// What our person is called there.
    #[n(3)]
    pub(crate) called: String,
    /// When our person founded or joined it.
    #[n(4)]
    pub(crate) since: Timestamp,
    /// Number of the next item.
    #[n(5)]
    pub(crate) next: u64,
    /// How often a log of this device was over: it begins another one.
    #[n(6)]
    pub(crate) logs_over: u32,
    /// Number of the next edit that waits for a key.
    #[n(7)]
    pub(crate) next_edit: u64,
    /// It is that of our person's own devices: nobody else belongs to it.
    #[n(8)]
    pub(crate) own: bool,
    /// Whose node let us in, if that was not another one of ours.
    #[n(9)]
    pub(crate) welcomed_by: Option<TransportId>,
    /// It has, or had, so many nodes that not everybody meets everybody: see `home::circle::neighbours`.
    #[n(10)]
    #[cbor(default)]
    pub(crate) wide: bool,
}

/// An item of a circle that waits for something that is not here.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct WaitingItem {
    /// For what: see `home::circle`.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(crate) needs: [u8; 32],
    #[n(1)]
    pub(crate) item: CircleItem,
}

/// An edit of ours that was written.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct WrittenEdit {
    #[n(0)]
    pub(crate) edit: ListEdit,
    /// In which log.
    #[n(1)]
    pub(crate) log: LogId,
    /// The number of its last entry there.
    #[n(2)]
    pub(crate) last: u64,
}

/// An invite that our person gave.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Invite {
    #[n(0)]
    pub(crate) link: InviteLink,
    #[n(1)]
    pub(crate) created: Timestamp,
    /// Who came in by it.
    #[n(2)]
    pub(crate) used: Vec<UsedBy>,
    #[n(3)]
    pub(crate) revoked: Option<Timestamp>,
    /// How often somebody was turned away.
    #[n(4)]
    pub(crate) refused: u32,
    /// When that was last.
    #[n(5)]
    pub(crate) refused_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct UsedBy {
    #[n(0)]
    pub(crate) person: PersonId,
    #[n(1)]
    pub(crate) at: Timestamp,
    /// What they wanted to be called.
    #[n(2)]
    pub(crate) name: String,
}

/// A circle that our person wants to come into.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Joining {
    #[n(0)]
    pub(crate) link: InviteLink,
    #[n(1)]
    pub(crate) called: String,
    #[n(2)]
    pub(crate) since: Timestamp,
    /// What the inviter's node answered last, if not welcome.
    #[n(3)]
    pub(crate) refused: Option<WhyNot>,
}

/// Room that this node gives as a relay.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Room {
    #[n(0)]
    pub(crate) code: RelayCode,
    #[n(1)]
    pub(crate) created: Timestamp,
    /// How much lies there, bytes.
    #[n(2)]
    pub(crate) used: u64,
    /// In how many mailboxes.
    #[n(3)]
    pub(crate) mailboxes: u32,
}

/// A mailbox that this node keeps for others.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(array)]
pub(crate) struct MailboxRecord {
    #[n(0)]
    pub(crate) control: ByteVec,
    /// What entitles to it.
    #[n(1)]
    pub(crate) access: Key,
    /// On whose room.
    #[n(2)]
    pub(crate) code: CodeId,
    #[n(3)]
    pub(crate) feed: FeedId,
    /// Position of the next entry, from 1.
    #[n(4)]
    pub(crate) next: u64,
    /// How much of the room it takes up, bytes.
    #[n(5)]
    pub(crate) bytes: u64,
}

/// How this node stands with a relay that carries a circle.
#[derive(Clone, Debug, Default, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Carried {
    /// The generation in whose mailbox we write.
    #[n(0)]
    pub(crate) in_use: Option<GenerationId>,
    /// When we had all that was there, last.
    #[n(1)]
    pub(crate) met: Option<Timestamp>,
    /// Why it did not take something, last.
    #[n(2)]
    pub(crate) problem: Option<WhyNotPut>,
    /// How often it had lost what it said it kept.
    #[n(3)]
    pub(crate) lost: u32,
    /// How many entries it did not hand on that others had read.
    #[n(4)]
    pub(crate) withheld: u32,
    /// Which circle it is.
    #[n(5)]
    pub(crate) circle: Option<CircleId>,
    /// The position in its feed before which nothing is news: it was put once, or all members have it.
    #[n(6)]
    #[cbor(default)]
    pub(crate) again_to: u64,
}

/// A mailbox at a relay, as we use it.
#[derive(Clone, Debug, Default, Encode, Decode)]
#[cbor(array)]
pub(crate) struct Post {
    /// How far we have taken it in.
    #[n(0)]
    pub(crate) cursor: Cursor,
    /// How often our log there was over.
    #[n(1)]
    pub(crate) epoch: u32,
    /// Where our log stands.
    #[n(2)]
    pub(crate) tip: LogTip,
    /// The number of the first entry of it that the relay has not confirmed.
    #[n(3)]
    pub(crate) kept: u64,
    /// Which installation writes it; none if nothing was written.
    #[n(4)]
    pub(crate) installation: Option<InstallationId>,
    /// Hash of the header of the last entry taken in.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub(crate) last: [u8; 32],
}

impl Post {
    /// Whether its log was written before this store was restored.
    pub(crate) fn is_of_another(&self, installation: InstallationId) -> bool {
        self.installation.is_some_and(|of| of != installation)
    }
}

/// A log of a mailbox, as far as it was read.
#[derive(Clone, Debug, Default, Encode, Decode)]
#[cbor(array)]
pub(crate) struct ReadLog {
    #[n(0)]
    pub(crate) tip: LogTip,
    /// The beginning of a list of items that goes on in its next entry.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) begun: Vec<u8>,
}
