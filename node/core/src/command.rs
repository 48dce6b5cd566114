//! What a person can ask of their node, and what it answers.
//!
//! Commands come from the command line, the page or a test; answers go back the
//! same way. Both are plain data (serde), so that a running daemon can take them
//! over a socket and `--json` can print them as they are.

use std::collections::BTreeMap;

use maille_protocol::card::{Card, ShareLink};
use maille_protocol::id::{GrantId, PersonId, SliceId};
use maille_protocol::time::Timestamp;
use maille_schemas::document::Month;
use maille_schemas::domain::mobility::Trip;
use maille_schemas::factors::{FactorSetId, Footprint};
use maille_schemas::record::Record;
use serde::{Deserialize, Serialize};

/// Longest name of a person or purpose of a share, in bytes.
pub const TEXT_BYTES_MAX: u32 = 200;

/// One thing a person asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Command {
    /// Who am I, and where can I be reached. Answer: [`Done::Card`].
    Card,
    /// How the node is doing. Answer: [`Done::Status`].
    Status,
    /// Keep records read from a file. Answer: [`Done::Recorded`].
    Record {
        /// What an importer made of the file.
        records: Vec<Record>,
    },
    /// All trips, or one month's, oldest first. Answer: [`Done::Trips`].
    Trips {
        /// Only trips that start in this month.
        month: Option<Month>,
    },
    /// Emissions by month and mode. Answer: [`Done::Footprint`].
    Footprint {
        /// Which factors to count with.
        factors: FactorSetId,
    },
    /// What a lens would show, row by row; nothing leaves. Answer: [`Done::Preview`].
    LensPreview {
        /// The lens's name, as in `mobility.weekly`.
        lens: String,
        /// First month shown; `None` shows all.
        from: Option<Month>,
    },
    /// Share a lens with a person. Answer: [`Done::ShareCreated`].
    ShareCreate {
        /// The lens's name.
        lens: String,
        /// Whom to share with.
        with: Card,
        /// What I call that person; shown to me only.
        name: String,
        /// When the share ends by itself.
        until: Timestamp,
        /// First month that may be read; `None`: all there is.
        from: Option<Month>,
        /// Why, in the giver's words; shown to both.
        purpose: String,
    },
    /// Shares I gave. Answer: [`Done::Shares`].
    ShareList,
    /// Stop a share. Answer: [`Done::ShareRevoked`].
    ShareRevoke {
        /// A grant's id in text form, or what I call the person when only one
        /// live share goes to them.
        share: String,
    },
    /// Accept what a link offers; the data come when both nodes meet. Answer: [`Done::ReceivedAccepted`].
    ReceivedAccept {
        /// The link as it was given.
        link: ShareLink,
        /// What I call the giver; shown to me only.
        name: String,
    },
    /// What others share with me. Answer: [`Done::ReceivedList`].
    ReceivedList,
    /// Rows of one received share. Answer: [`Done::Received`].
    ReceivedShow {
        /// A grant's or slice's id in text form, or what I call the giver when
        /// only one share comes from them.
        share: String,
    },
    /// What left this node, to whom, why. Answer: [`Done::Sent`].
    LogSent,
    /// Everything this node holds about its person. Answer: [`Done::Exported`].
    Export,
}

/// The answer to a [`Command`] that was carried out, durably where it changed anything.
#[expect(
    clippy::large_enum_variant,
    reason = "one answer at a time, moved a few times"
)]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "done", rename_all = "kebab-case")]
pub enum Done {
    /// Answer to [`Command::Card`].
    Card {
        /// The card itself.
        card: Card,
    },
    /// Answer to [`Command::Status`].
    Status(Status),
    /// Answer to [`Command::Record`].
    Recorded {
        /// Records that were not there before.
        added: u64,
        /// Records that were there already, unchanged.
        unchanged: u64,
        /// Records that were there with other content; what was there stays.
        differing: u64,
    },
    /// Answer to [`Command::Trips`].
    Trips {
        /// Oldest first.
        trips: Vec<Trip>,
    },
    /// Answer to [`Command::Footprint`].
    Footprint {
        /// Mobility, by month and mode.
        mobility: Footprint,
        /// Electricity drawn from the grid, by month.
        electricity: BTreeMap<Month, ElectricityMonth>,
    },
    /// Answer to [`Command::LensPreview`].
    Preview {
        /// The lens's name.
        lens: String,
        /// What would be seen, oldest first.
        rows: Vec<ProjectedRow>,
    },
    /// Answer to [`Command::ShareCreate`].
    ShareCreated {
        /// The share as listed.
        share: GivenShare,
        /// What to give to the other person.
        link: ShareLink,
    },
    /// Answer to [`Command::ShareList`].
    Shares {
        /// Newest last.
        shares: Vec<GivenShare>,
    },
    /// Answer to [`Command::ShareRevoke`].
    ShareRevoked {
        /// The share as it stands now.
        share: GivenShare,
    },
    /// Answer to [`Command::ReceivedAccept`].
    ReceivedAccepted {
        /// Who gives.
        from: PersonId,
        /// The share as listed; its grant may still have to arrive.
        share: ReceivedShare,
    },
    /// Answer to [`Command::ReceivedList`].
    ReceivedList {
        /// In the order in which they became known.
        shares: Vec<ReceivedShare>,
    },
    /// Answer to [`Command::ReceivedShow`].
    Received {
        /// The share as listed.
        share: ReceivedShare,
        /// What it shows, oldest first.
        rows: Vec<ProjectedRow>,
    },
    /// Answer to [`Command::LogSent`].
    Sent {
        /// Oldest first.
        entries: Vec<SentEntry>,
    },
    /// Answer to [`Command::Export`].
    Exported(Box<Export>),
}

/// Energy drawn in one month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectricityMonth {
    /// How many intervals were read.
    pub readings: u64,
    /// Energy, in joules (3 600 000 to the kWh).
    pub energy_j: u64,
    /// Emissions at the month's factor, in milligrams of CO2-equivalent.
    pub co2e_mg: u64,
}

/// How the node is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Who the person is.
    pub person: PersonId,
    /// Documents in the vault.
    pub documents: u64,
    /// Trips in the vault.
    pub trips: u64,
    /// Energy readings in the vault.
    pub readings: u64,
    /// Where this node listens now; empty when the daemon does not run.
    pub listening: Vec<String>,
    /// People this node shares with or receives from.
    pub contacts: Vec<ContactStatus>,
}

/// How things stand with one contact.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContactStatus {
    /// What I call them.
    pub name: String,
    /// Who they are.
    pub person: PersonId,
    /// Whether a session with their node is open now.
    pub connected: bool,
    /// When their node last answered.
    pub last_seen: Option<Timestamp>,
    /// Things for them that their node has not acknowledged yet.
    pub waiting: u64,
    /// What they sent that was of no use here, oldest first: the last few times.
    pub aside: Vec<Aside>,
}

/// Something that a contact sent and that was of no use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// When it came.
    pub at: Timestamp,
    /// Why it was of no use.
    #[serde(flatten)]
    pub reason: AsideReason,
}

/// Why something that a contact sent was of no use here, and nobody's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum AsideReason {
    /// They offer more shares than are kept before one is accepted.
    TooManyOffers,
    /// A share that begins later than this node's clock says it is.
    BeginsLater {
        /// When it begins.
        at: Timestamp,
    },
    /// Rows in a form that this version does not know.
    NewerContent,
}

/// How a share stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ShareState {
    /// The giver's node offers it; it is not accepted here, and nothing of it is taken in.
    Offered,
    /// Accepted here, but the giver's node has not confirmed it yet.
    Pending,
    /// In force.
    Active,
    /// Ended by the giver.
    Revoked {
        /// When.
        at: Timestamp,
    },
    /// Ran out.
    Expired {
        /// When.
        at: Timestamp,
    },
}

/// A share that I gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GivenShare {
    /// The grant.
    pub id: GrantId,
    /// The slice it opens.
    pub slice: SliceId,
    /// To whom.
    pub to: PersonId,
    /// What I call them.
    pub name: String,
    /// Which lens.
    pub lens: String,
    /// Why.
    pub purpose: String,
    /// Since when.
    pub created: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// First month that may be read; `None`: all there is.
    pub from: Option<Month>,
    /// How it stands.
    pub state: ShareState,
    /// Rows published that this reader may read.
    pub rows: u64,
    /// When their node acknowledged everything published so far; `None`: not yet.
    pub acknowledged: Option<Timestamp>,
    /// Whether their node has acknowledged the end of a share that ended.
    pub end_acknowledged: bool,
    /// When their node said that they have accepted it; `None`: not yet, and nothing of it has left.
    pub accepted: Option<Timestamp>,
}

/// A share that I received.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReceivedShare {
    /// The grant.
    pub id: GrantId,
    /// From whom.
    pub from: PersonId,
    /// What I call them.
    pub name: String,
    /// Which lens.
    pub lens: String,
    /// Why, in the giver's words; empty until the grant has arrived.
    pub purpose: String,
    /// When it was accepted here; `None`: only offered.
    pub accepted: Option<Timestamp>,
    /// When it ends by itself.
    pub until: Timestamp,
    /// How it stands, as far as this node knows.
    pub state: ShareState,
    /// Rows held here.
    pub rows: u64,
    /// When something last arrived.
    pub updated: Option<Timestamp>,
}

/// One row of a projection: a lens's key and fields, both canonical bytes that
/// `maille_schemas::lens` decodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectedRow {
    /// The row's key.
    pub key: Vec<u8>,
    /// The row's fields.
    pub fields: Vec<u8>,
}

/// Something that left this node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SentEntry {
    /// When it was handed to the network.
    pub at: Timestamp,
    /// To whom.
    pub to: PersonId,
    /// What I call them.
    pub name: String,
    /// What it was.
    pub what: SentWhat,
    /// Under which grant.
    pub grant: GrantId,
    /// Which lens.
    pub lens: String,
    /// Why, as said when sharing.
    pub purpose: String,
    /// Bytes handed to the network, sealed.
    pub bytes: u64,
}

/// Kinds of things that leave a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SentWhat {
    /// A grant with its keys.
    Grant,
    /// Rows of a projection.
    Rows {
        /// How many rows.
        rows: u64,
    },
    /// New keys, after another reader's share ended.
    Keys,
    /// The news that a share has ended.
    End,
}

/// Everything the node holds about its person, readable without Maille.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Export {
    /// Who the person is.
    pub person: PersonId,
    /// Every record of the vault.
    pub records: Vec<Record>,
    /// Shares given.
    pub given: Vec<GivenShare>,
    /// Shares received, with their rows.
    pub received: Vec<(ReceivedShare, Vec<ProjectedRow>)>,
    /// What left the node.
    pub sent: Vec<SentEntry>,
}

/// Why a command was not carried out. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CommandError {
    /// No lens has this name.
    #[error("no lens is called {lens}")]
    UnknownLens {
        /// What was asked for.
        lens: String,
    },
    /// The share would end before it begins.
    #[error("the end {until} is not after now, {now}")]
    EndsInThePast {
        /// The end asked for.
        until: Timestamp,
        /// The node's time.
        now: Timestamp,
    },
    /// The share would last longer than this node allows.
    #[error("the end {until} is more than {days_max} days away")]
    EndsTooLate {
        /// The end asked for.
        until: Timestamp,
        /// The longest a share may last.
        days_max: u32,
    },
    /// The card or the link is this node's own.
    #[error("that is this node's own card or link")]
    Oneself,
    /// No share has this id or name.
    #[error("no share is known as {share}")]
    UnknownShare {
        /// What was asked for.
        share: String,
    },
    /// The link was made for somebody else.
    #[error("the link is for {to}")]
    ForSomebodyElse {
        /// For whom it was made.
        to: PersonId,
    },
    /// The card names a node that belongs to another contact.
    #[error("the card names the node of another contact, {person}")]
    OtherContactsNode {
        /// Whose node it is.
        person: PersonId,
    },
    /// The card places a contact on a node that, by what they have shown, is not theirs.
    #[error("the card places {person} on a node that does not speak for them")]
    NotTheirNode {
        /// The contact.
        person: PersonId,
    },
    /// The link says other things than the grant it names.
    #[error("the link does not fit the share {share} that is known already")]
    LinkMismatch {
        /// The grant it names.
        share: GrantId,
    },
    /// Several shares go by this name.
    #[error("{count} shares are known as {share}")]
    AmbiguousShare {
        /// What was asked for.
        share: String,
        /// How many match.
        count: u64,
        /// Which.
        candidates: Vec<GrantId>,
    },
    /// The share has ended already.
    #[error("that share has ended already")]
    AlreadyEnded {
        /// Which.
        share: GrantId,
    },
    /// The link ran out before it was accepted.
    #[error("the link's share ended at {until}")]
    LinkExpired {
        /// When it ended.
        until: Timestamp,
    },
    /// Nothing lies between the first month and the end.
    #[error("the first month {from} comes after the end {until}")]
    BeginsAfterEnd {
        /// The first month asked for.
        from: Month,
        /// The end asked for.
        until: Timestamp,
    },
    /// A name or a purpose is too long or empty, or has line ends or control characters in it.
    #[error("{field} must have 1 to {bytes_max} bytes on one line")]
    BadText {
        /// Which field.
        field: String,
        /// Longest allowed.
        bytes_max: u32,
    },
    /// The disk refused the change; nothing was changed.
    #[error("the disk refused the change: {reason}")]
    Disk {
        /// What the operating system said.
        reason: String,
    },
    /// A bound was reached.
    #[error("too many {what}: at most {max}")]
    TooMany {
        /// Of what.
        what: String,
        /// The bound.
        max: u64,
    },
    /// What is on disk could not be read back: a bug or a damaged disk.
    #[error("the store holds something unreadable at {key}")]
    Damaged {
        /// Where.
        key: String,
    },
}
