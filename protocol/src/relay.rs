//! How a group leaves what it writes at a relay, which stores and hands on what it cannot read.
//!
//! A [`Mailbox`] is a slice of the kind `mailbox` that a relay carries: many write, one audience reads. All of it
//! follows from one secret, the content key of a generation of a circle, and from which relay it is: the slice, the
//! control key, the access key, what its entries are sealed under. So whoever was given the generation's key
//! finds the mailbox, may write and may fetch, and nothing has to be agreed upon. A removal makes a new generation
//! and with it another mailbox, of which the one who was removed knows nothing; what stands in the old one
//! leads those who were away to the new key.
//!
//! | who | says | a relay |
//! |---|---|---|
//! | who runs the relay | a [`RelayCode`], handed over as text | keeps room for whoever holds it |
//! | a node that holds the code, or a mailbox's key | [`Visit`]: codes and mailboxes, each by a proof that fits these two nodes | [`Visited`]: those that are here; to others not a byte |
//! | the same | [`Put`]: how a mailbox begins, who writes in it, a log's ticket, an entry | takes it in by what [`Control`](crate::control) says, and [`PutDone`] once it is durable |
//! | | | [`Stored`]: all entries after the visitor's place, and then every new one |
//!
//! An entry's content is a [`Bundle`]: pieces of a list of [`CircleItem`]s. Each of these is signed or sealed by itself, so
//! a bundle proves nothing and need not.
//!
//! **Invariants.** Nothing that a relay sees names a person, a device or an installation, and no key in one mailbox
//! stands in another: not of the same person in another circle, nor of the same circle at another relay.
//! What it can tell: which mailboxes one transport key visits, sizes, times, addresses.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::card::{self, ADDRESS_BYTES_MAX, ADDRESSES_MAX};
use crate::control::{self, Control};
use crate::crypto::{self, Key, SigningKey, domain};
use crate::entry::{CONTENT_BYTES_MAX, LogId, LogKey, LogPlace};
use crate::generation::{AccessKey, ContentKey};
use crate::id::{GenerationId, InstallationId, MembershipId, SliceId, TransportId};
use crate::slice::{ContentKind, ControlFounder, PartNumber, PublicHalf};
use crate::statement::{Kind, SayError, Signer};
use crate::sync::{CircleItem, Cursor, FeedId, Name};
use crate::time::Timestamp;
use crate::wire::{self, ENTRY_BYTES_MAX, V1};

/// The one part of a mailbox.
pub const PART: PartNumber = PartNumber::SINGLE;
/// Most codes that one visit shows.
pub const CODES_MAX: usize = 16;
/// Most mailboxes that one visit names.
pub const MAILBOXES_MAX: usize = 256;
/// Most bytes of a control that is put into a mailbox at once: a visitor brings what it says itself.
pub const CONTROL_BYTES_MAX: usize = 16 * 1024;
/// How much one writer of a mailbox may have there, bytes.
pub const WRITER_BYTES: u64 = 64 << 20;
/// How many logs: one after each time that the relay has lost something, or that the store went back.
pub const WRITER_LOGS: u32 = 64;
/// Longest piece of a list of items in one entry, bytes.
pub const PIECE_BYTES_MAX: usize = CONTENT_BYTES_MAX - 8 * 1024;
/// Most logs whose ends one bundle tells of.
pub const SEEN_MAX: usize = 64;

const CODE_KIND: &str = "relay";
pub(crate) const CODE_START: &str = "maille:relay#";

/// Room at a relay, for whoever holds this. Names nobody.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct RelayCode {
    /// Version of the code.
    #[n(0)]
    pub version: V1,
    /// Who holds this may use the room.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub secret: [u8; 16],
    /// The relay.
    #[n(2)]
    pub relay: TransportId,
    /// Where it is met, multiaddr text.
    #[n(3)]
    #[cbor(decode_with = "wire::texts::<Ctx, ADDRESSES_MAX, ADDRESS_BYTES_MAX>")]
    pub addresses: Vec<String>,
    /// How much may lie there, bytes.
    #[n(4)]
    pub bytes: u64,
    /// Until when something may be put there, not included.
    #[n(5)]
    pub until: Timestamp,
}

/// Names a code without giving it away: the hash of its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct CodeId(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 32],
);

impl fmt::Display for CodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl RelayCode {
    const EXPECTED: &'static str = "relay code";

    /// Returns its id, which does not give it away.
    #[must_use]
    pub fn id(&self) -> CodeId {
        CodeId(crypto::hash(domain::RELAY_ID, &[&self.secret]))
    }

    /// Returns what shows the relay that the node of `from` holds this very code.
    #[must_use]
    pub fn shown_by(&self, from: &TransportId) -> ShownCode {
        let key = Key::from_bytes(crypto::hash(domain::RELAY_KEY, &[&self.secret]));
        let parts: [&[u8]; 3] = [from.as_bytes(), self.relay.as_bytes(), &wire::encode(self)];
        ShownCode {
            id: self.id(),
            proof: crypto::keyed_hash(key.as_bytes(), domain::RELAY_PROOF, &parts),
        }
    }

    /// Returns whether the node of `from` has shown that it holds this very code.
    #[must_use]
    pub fn is_shown_by(&self, shown: &ShownCode, from: &TransportId) -> bool {
        bool::from(self.shown_by(from).proof.ct_eq(&shown.proof))
    }
}

impl fmt::Debug for RelayCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayCode")
            .field("id", &self.id())
            .field("relay", &self.relay)
            .finish_non_exhaustive()
    }
}

card::pasted!(RelayCode, CODE_KIND, CODE_START, CODE_START);

/// A code, shown to its relay by one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ShownCode {
    /// Which.
    #[n(0)]
    pub id: CodeId,
    /// That the node holds it: see [`RelayCode::shown_by`].
    #[cbor(n(1), with = "minicbor::bytes")]
    pub proof: [u8; 32],
}

/// What a group leaves at one relay under one generation.
#[derive(Clone, Debug)]
pub struct Mailbox {
    relay: TransportId,
    public: PublicHalf,
    salt: [u8; 32],
    control: SigningKey,
    access: AccessKey,
    content: ContentKey,
    generation: GenerationId,
}

/// Who writes in a mailbox, as its relay knows them: one installation of one device.
#[derive(Clone, Debug)]
pub struct Postman {
    /// What the control of the mailbox is told: how it is fetched, and by which key this device writes.
    pub control: Control,
    /// The key of its log.
    pub log: LogKey,
    /// The key that signs the log's ticket.
    pub write_key: SigningKey,
    /// By which membership in the control it writes.
    pub membership: MembershipId,
}

impl Mailbox {
    /// Returns the mailbox of those who hold `key`, the key of a generation, at a relay.
    #[must_use]
    pub fn of(key: &ContentKey, relay: TransportId) -> Self {
        let secret = (key.key()).derive(domain::MAILBOX_SECRET, &[relay.as_bytes()]);
        let derive = |domain| secret.derive(domain, &[]);
        let control = SigningKey::from_seed(derive(domain::MAILBOX_CONTROL).as_bytes());
        let public = PublicHalf {
            version: V1,
            kind: ContentKind::Mailbox,
            owner: *derive(domain::MAILBOX_OWNER).as_bytes(),
            control: ControlFounder {
                key: control.public(),
                rank: 1,
                root: None,
            },
        };
        let id = public.id();
        let generation = crypto::hash(domain::MAILBOX_GENERATION, &[id.as_bytes()]);
        Self {
            relay,
            public,
            salt: *derive(domain::MAILBOX_SALT).as_bytes(),
            control,
            access: AccessKey::new(derive(domain::MAILBOX_ACCESS)),
            content: ContentKey::new(derive(domain::MAILBOX_CONTENT)),
            generation: GenerationId::from_bytes(generation),
        }
    }

    /// Returns the slice that the relay carries.
    #[must_use]
    pub fn id(&self) -> SliceId {
        self.public.id()
    }

    /// Returns what entitles to its entries, and tells nothing of them. The relay is given it.
    #[must_use]
    pub const fn access(&self) -> &AccessKey {
        &self.access
    }

    /// Returns what its entries are sealed under.
    #[must_use]
    pub const fn content(&self) -> &ContentKey {
        &self.content
    }

    /// Returns the one generation that its entries are sealed under.
    #[must_use]
    pub const fn generation(&self) -> GenerationId {
        self.generation
    }

    /// Returns what the node of `from` calls it by, at its relay.
    #[must_use]
    pub fn name(&self, from: &TransportId) -> Name {
        name_of(&self.access, from, &self.relay)
    }

    /// Returns how a device writes here. `epoch` rises with every log of it that is over. The same for the same.
    ///
    /// # Errors
    /// [`SayError`], never for keys of our own making.
    pub fn postman(
        &self,
        device_seed: &Key,
        installation: InstallationId,
        epoch: u32,
    ) -> Result<Postman, SayError> {
        let id = self.id();
        let mut control = Control::begin(self.public.clone()).map_err(|_| SayError::Signer)?;
        let write_key = device_seed.derive(domain::MAILBOX_WRITE, &[id.as_bytes()]);
        let write_key = SigningKey::from_seed(write_key.as_bytes());
        let signer = Signer {
            key: &self.control,
            membership: control.creator(),
            installation: control::installation(&self.salt, &installation),
        };
        control.say(
            &signer,
            Kind::Access {
                part: PART,
                generation: self.generation,
                commit: self.access.commit(&id, PART),
            },
        )?;
        let admitted = control.say(
            &signer,
            Kind::Writer {
                key: write_key.public(),
                bytes: WRITER_BYTES,
                logs: WRITER_LOGS,
            },
        )?;
        let membership = admitted.membership();
        let parts: [&[u8]; 2] = [installation.as_bytes(), &epoch.to_le_bytes()];
        let installation = crypto::keyed_hash(&self.salt, domain::MAILBOX_LOG, &parts);
        let installation = InstallationId::from_bytes(installation);
        let log = LogKey::derive(device_seed, membership, installation, id, PART);
        Ok(Postman {
            control,
            log,
            write_key,
            membership,
        })
    }
}

/// Returns what the node of `from` calls the mailbox with this access key by, at a relay: only who knows the key can say
/// it, and nobody else from another node.
#[must_use]
pub fn name_of(access: &AccessKey, from: &TransportId, relay: &TransportId) -> Name {
    Name(crypto::keyed_hash(
        access.key().as_bytes(),
        domain::MAILBOX_NAME,
        &[from.as_bytes(), relay.as_bytes()],
    ))
}

/// What an entry of a mailbox carries: a piece of a list of circle items, encoded.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Bundle {
    /// Version of the bundle.
    #[n(0)]
    pub version: V1,
    /// How far its writer had read other logs of the mailbox: what a relay holds back shows by it.
    #[n(1)]
    #[cbor(decode_with = "wire::list::<Ctx, LogPlace, SEEN_MAX>")]
    pub seen: Vec<LogPlace>,
    /// Whether the list goes on in the next entry of this log.
    #[n(2)]
    pub more: bool,
    /// The piece.
    #[n(3)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, PIECE_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub piece: Vec<u8>,
}

/// Most items of one bundle.
pub const ITEMS_MAX: usize = 4_096;
/// Longest list of items in one bundle, encoded, bytes: the longest item, and a little.
pub const LIST_BYTES_MAX: usize = wire::FRAME_BYTES_MAX + 64 * 1024;

/// What a bundle is a piece of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Items(
    /// Each as whoever made it wrote it.
    #[n(0)]
    #[cbor(decode_with = "wire::list::<Ctx, CircleItem, ITEMS_MAX>")]
    pub Vec<CircleItem>,
);

/// A node comes to a relay. The first frame of a node that is not known, or, later, with more mailboxes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Visit {
    /// Version of this.
    #[n(0)]
    pub version: V1,
    /// Codes that the node holds.
    #[n(1)]
    #[cbor(decode_with = "wire::list::<Ctx, ShownCode, CODES_MAX>")]
    pub codes: Vec<ShownCode>,
    /// Mailboxes that it looks for.
    #[n(2)]
    #[cbor(decode_with = "wire::list::<Ctx, Called, MAILBOXES_MAX>")]
    pub mailboxes: Vec<Called>,
}

/// A mailbox that a visitor looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Called {
    /// Which: see [`Mailbox::name`].
    #[n(0)]
    pub name: Name,
    /// How far the visitor has taken it in.
    #[n(1)]
    pub cursor: Cursor,
    /// Hash of the header of the entry there; zeros for none.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub last: [u8; 32],
    /// The visitor's own log in it.
    #[n(3)]
    pub log: LogId,
}

/// What a relay has of what a visitor looks for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Visited {
    /// The mailboxes that are here, in the order in which they were named.
    #[n(0)]
    #[cbor(decode_with = "wire::list::<Ctx, Found, MAILBOXES_MAX>")]
    pub found: Vec<Found>,
    /// Whether it answers no visit, but tells of what was looked for before and has come since.
    #[n(1)]
    pub later: bool,
}

/// A mailbox that is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Found {
    /// Which.
    #[n(0)]
    pub name: Name,
    /// How its entries are numbered.
    #[n(1)]
    pub feed: FeedId,
    /// All after this number is sent: the visitor's place if the relay has it, else 0.
    #[n(2)]
    pub start: u64,
    /// The number of the last entry; they begin with 1.
    #[n(3)]
    pub end: u64,
    /// The number of the next entry in the visitor's own log.
    #[n(4)]
    pub next_seq: u64,
}

/// Something for a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Put {
    /// The mailbox itself, or more of what its carrier has to know, or another code for it.
    #[n(0)]
    Open {
        /// On whose room.
        #[n(0)]
        code: CodeId,
        /// What its carrier has to know.
        #[n(1)]
        #[cbor(
            decode_with = "wire::bytes::<Ctx, CONTROL_BYTES_MAX>",
            encode_with = "minicbor::bytes::encode"
        )]
        control: Vec<u8>,
        /// What entitles to it.
        #[n(2)]
        access: AccessKey,
    },
    /// Whose a log is.
    #[n(1)]
    Ticket(
        #[n(0)]
        #[cbor(
            decode_with = "wire::bytes::<Ctx, { control::TICKET_BYTES_MAX + 80 }>",
            encode_with = "minicbor::bytes::encode"
        )]
        Vec<u8>,
    ),
    /// The next entry of a log.
    #[n(2)]
    Entry(
        #[n(0)]
        #[cbor(
            decode_with = "wire::bytes::<Ctx, ENTRY_BYTES_MAX>",
            encode_with = "minicbor::bytes::encode"
        )]
        Vec<u8>,
    ),
}

impl Put {
    /// Returns how many bytes count against the credit.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Open { control: bytes, .. } | Self::Ticket(bytes) | Self::Entry(bytes) => {
                bytes.len()
            }
        }
    }

    /// Returns whether it carries no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a relay did not take something in.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[cbor(index_only)]
pub enum WhyNotPut {
    /// No such code was shown, or its time is over, or it was taken back.
    #[n(0)]
    Code,
    /// The room that the code gives is full.
    #[n(1)]
    Room,
    /// There is no such mailbox here.
    #[n(2)]
    Mailbox,
    /// The control does not hold, or not with this access key.
    #[n(3)]
    Control,
    /// The ticket does not count.
    #[n(4)]
    Ticket,
    /// The writer has as much as they may.
    #[n(5)]
    Quota,
    /// The entry is not the next one of its log, or its log has no ticket.
    #[n(6)]
    Entry,
}

/// What came of something that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct PutDone {
    /// The number that it was put under.
    #[n(0)]
    pub number: u64,
    /// Why not; absent: it is here, durably.
    #[n(1)]
    pub why_not: Option<WhyNotPut>,
    /// Of an entry that is not sent to who put it: its number in the mailbox.
    #[n(2)]
    pub position: Option<u64>,
}

/// An entry of a mailbox, handed on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Stored {
    /// Rises within the visit, from 1: acknowledged by it.
    #[n(0)]
    pub number: u64,
    /// Of which mailbox.
    #[n(1)]
    pub name: Name,
    /// Its number there.
    #[n(2)]
    pub position: u64,
    /// The entry.
    #[n(3)]
    #[cbor(
        decode_with = "wire::bytes::<Ctx, ENTRY_BYTES_MAX>",
        encode_with = "minicbor::bytes::encode"
    )]
    pub entry: Vec<u8>,
}
