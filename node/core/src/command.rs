//! What a person can ask of their node, and what it answers.
//!
//! Commands come from the command line, the page or a test; answers go back the
//! same way. Both are plain data (serde), so that a running daemon can take them
//! over a socket and `--json` can print them as they are.

use std::collections::BTreeMap;

use maille_protocol::card::{Card, ShareLink};
use maille_protocol::id::{CircleId, DeviceId, GrantId, PersonId, SliceId, TransportId};
use maille_protocol::invite::{InviteLink, WhyNot};
use maille_protocol::pairing::{PairCode, WORDS};
use maille_protocol::relay::{RelayCode, WhyNotPut};
use maille_protocol::time::Timestamp;
use maille_schemas::circle::ItemId;
use maille_schemas::document::Month;
use maille_schemas::domain::mobility::Trip;
use maille_schemas::factors::{FactorSetId, Footprint};
use maille_schemas::record::Record;
use minicbor::{Decode, Encode};
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
    /// How far it is with everybody whom it meets. Answer: [`Done::Reached`].
    Reach,
    /// Whether our documents are what their entries say. Answer: [`Done::CheckedUp`].
    Checkup {
        /// Make those again that are not.
        rebuild: bool,
    },
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
    /// Make a circle, with oneself as its first admin. Answer: [`Done::CircleCreated`].
    CircleCreate {
        /// What it is called; every member sees it.
        name: String,
        /// What kind of circle it is.
        kind: CircleKind,
        /// What our person is called there.
        called: String,
    },
    /// Make an invite to a circle. Answer: [`Done::CircleInvited`].
    CircleInvite {
        /// The circle's name, id, or beginning of its id.
        circle: String,
        /// How many may come in by it.
        uses: u32,
        /// Until when.
        until: Timestamp,
        /// Whether who comes in may admit and remove others.
        admin: bool,
    },
    /// Take an invite back. Answer: [`Done::CircleChanged`].
    CircleUninvite {
        /// Its link, or the beginning of its id.
        invite: String,
    },
    /// What an invite leads to, before anything is asked of anybody. Answer: [`Done::CircleConsidered`], or
    /// why [`Command::CircleJoin`] would be refused here.
    CircleConsider {
        /// The invite as it was given.
        link: InviteLink,
    },
    /// Ask to come into a circle; the inviter's node lets our person in. Answer: [`Done::CircleJoining`].
    CircleJoin {
        /// The invite as it was given.
        link: InviteLink,
        /// What our person is called there.
        called: String,
    },
    /// All circles. Answer: [`Done::Circles`].
    Circles,
    /// End somebody's membership. Answer: [`Done::CircleChanged`].
    CircleRemove {
        /// The circle's name, id, or beginning of its id.
        circle: String,
        /// The member's name there, or id, or its beginning.
        member: String,
    },
    /// End one's own membership. Answer: [`Done::CircleChanged`].
    CircleLeave {
        /// The circle's name, id, or beginning of its id.
        circle: String,
    },
    /// A circle's list. Answer: [`Done::CircleListed`].
    CircleList {
        /// The circle's name, id, or beginning of its id.
        circle: String,
    },
    /// Change a circle's list. Answer: [`Done::CircleListed`].
    CircleChange {
        /// The circle's name, id, or beginning of its id.
        circle: String,
        /// How.
        change: ListChange,
    },
    /// Ask the members of a circle a question. Answer: [`Done::CirclePolled`].
    CirclePollOpen {
        /// The circle's name, id, or beginning of its id.
        circle: String,
        /// What.
        wish: PollWish,
    },
    /// The polls of one circle, or of all. Answer: [`Done::CirclePolls`].
    CirclePolls {
        /// The circle's name, id, or beginning of its id.
        circle: Option<String>,
    },
    /// One poll. Answer: [`Done::CirclePolled`].
    CirclePoll {
        /// Its id, or the beginning of its id, or its question.
        poll: String,
    },
    /// Vote, or vote otherwise. Answer: [`Done::CirclePolled`].
    CirclePollVote {
        /// Its id, or the beginning of its id, or its question.
        poll: String,
        /// The text of a choice, or its number from 1.
        choice: String,
    },
    /// End a poll. Answer: [`Done::CirclePolled`].
    CirclePollClose {
        /// Its id, or the beginning of its id, or its question.
        poll: String,
    },
    /// Let a relay carry a circle, for all its members. Answer: [`Done::CircleRelays`].
    CircleRelayUse {
        /// The circle's name, id, or beginning of its id; `None`: our own devices.
        circle: Option<String>,
        /// The code that the relay gave.
        code: RelayCode,
    },
    /// Let a relay carry a circle no more. Answer: [`Done::CircleRelays`].
    CircleRelayDrop {
        /// The circle's name, id, or beginning of its id; `None`: our own devices.
        circle: Option<String>,
        /// The relay's id, or the beginning of it.
        relay: String,
    },
    /// The relays of a circle. Answer: [`Done::CircleRelays`].
    CircleRelays {
        /// The circle's name, id, or beginning of its id; `None`: our own devices.
        circle: Option<String>,
    },
    /// Be a relay: make a code for room here. Answer: [`Done::RelayOffered`].
    RelayOffer {
        /// How much may lie here by it, bytes.
        bytes: u64,
        /// Until when something may be put here.
        until: Timestamp,
    },
    /// The codes that this node gave as a relay. Answer: [`Done::RelayRooms`].
    RelayRooms,
    /// Take a code back; what lies here by it is dropped. Answer: [`Done::RelayEnded`].
    RelayEnd {
        /// The code, its id, or the beginning of its id.
        code: String,
    },
    /// Make a code by which another device is added. Answer: [`Done::DeviceCode`].
    DeviceAdd {
        /// Whether it is to be senior to all whom this device may admit, or junior to all.
        senior: bool,
        /// What this device is called, if it has no other yet.
        called: String,
    },
    /// Our person's devices, and the one that is being added. Answer: [`Done::Devices`].
    Devices,
    /// The words that the new device shows are the same, or not. Answer: [`Done::Devices`].
    DeviceConfirm {
        /// Whether they are.
        same: bool,
    },
    /// End what another device may say. Answer: [`Done::Devices`].
    DeviceRemove {
        /// Its name, its id, or the beginning of its id.
        device: String,
    },
    /// What left this node, to whom, why. Answer: [`Done::Sent`].
    LogSent,
    /// Everything this node holds about its person. Answer: [`Done::Exported`].
    Export,
}

impl Command {
    /// Whether it changes or says anything: a device that was removed may only look.
    #[must_use]
    pub const fn writes(&self) -> bool {
        match self {
            Self::Card
            | Self::Status
            | Self::Reach
            | Self::Trips { .. }
            | Self::Footprint { .. }
            | Self::LensPreview { .. }
            | Self::ShareList
            | Self::ReceivedList
            | Self::ReceivedShow { .. }
            | Self::Circles
            | Self::CircleConsider { .. }
            | Self::CircleList { .. }
            | Self::CirclePolls { .. }
            | Self::CirclePoll { .. }
            | Self::CircleRelays { .. }
            | Self::RelayRooms
            | Self::Devices
            | Self::LogSent
            | Self::Export => false,
            Self::Checkup { rebuild } => *rebuild,
            Self::Record { .. }
            | Self::ShareCreate { .. }
            | Self::ShareRevoke { .. }
            | Self::ReceivedAccept { .. }
            | Self::CircleCreate { .. }
            | Self::CircleInvite { .. }
            | Self::CircleUninvite { .. }
            | Self::CircleJoin { .. }
            | Self::CircleRemove { .. }
            | Self::CircleLeave { .. }
            | Self::CircleChange { .. }
            | Self::CirclePollOpen { .. }
            | Self::CirclePollVote { .. }
            | Self::CirclePollClose { .. }
            | Self::CircleRelayUse { .. }
            | Self::CircleRelayDrop { .. }
            | Self::RelayOffer { .. }
            | Self::RelayEnd { .. }
            | Self::DeviceAdd { .. }
            | Self::DeviceConfirm { .. }
            | Self::DeviceRemove { .. } => true,
        }
    }
}

/// The answer to a [`Command`] that was carried out, durably where it changed anything.
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
    /// Answer to [`Command::Checkup`].
    CheckedUp(Checkup),
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
    /// Answer to [`Command::DeviceAdd`].
    DeviceCode {
        /// To be shown to the other device, and to nobody else.
        code: PairCode,
    },
    /// Answer to [`Command::Devices`], [`Command::DeviceConfirm`] and [`Command::DeviceRemove`].
    Devices {
        /// The most senior first.
        devices: Vec<DeviceShown>,
        /// The code that is shown.
        pairing: Option<PairingShown>,
        /// Whether this device was removed.
        removed: bool,
    },
    /// Answer to [`Command::CircleCreate`].
    CircleCreated {
        /// The circle as listed.
        circle: CircleShown,
    },
    /// Answer to [`Command::CircleInvite`].
    CircleInvited {
        /// What to give to the other person: whoever holds it may come in.
        link: InviteLink,
        /// The invite as listed.
        invite: InviteShown,
    },
    /// Answer to [`Command::CircleConsider`].
    CircleConsidered {
        /// What the inviter is called here already; `None`: they are not known. The link's own names prove
        /// nothing.
        known_as: Option<String>,
        /// Where our person's device is met: who is in the circle sees it.
        addresses: Vec<String>,
    },
    /// Answer to [`Command::CircleJoin`].
    CircleJoining {
        /// As listed until the inviter's node has answered.
        joining: JoiningShown,
    },
    /// Answer to [`Command::Circles`].
    Circles {
        /// In the order in which our person came into them.
        circles: Vec<CircleShown>,
        /// Those that our person asked to come into.
        joining: Vec<JoiningShown>,
    },
    /// Answer to what changes a circle's members or invites.
    CircleChanged {
        /// The circle as it stands now.
        circle: CircleShown,
    },
    /// Answer to [`Command::CircleList`] and [`Command::CircleChange`].
    CircleListed {
        /// Which circle.
        circle: CircleId,
        /// What it is called.
        name: String,
        /// Its items, in the order in which they were added.
        items: Vec<ListShown>,
        /// Edits of ours that wait here for a key.
        waiting: u64,
        /// The item that was changed as it stands now; as it stood, if it was taken off.
        changed: Option<ListShown>,
    },
    /// Answer to [`Command::CirclePolls`].
    CirclePolls {
        /// Oldest first, circle by circle.
        polls: Vec<PollShown>,
    },
    /// Answer to what is asked of one poll.
    CirclePolled {
        /// How it stands; nothing of one that waits for a key before it is asked.
        poll: Option<Box<PollShown>>,
        /// What the circle is called.
        circle: String,
        /// What of ours waits here for a key.
        waiting: u64,
    },
    /// Answer to [`Command::Reach`].
    Reached {
        /// Nodes of contacts, our own other devices, relays.
        peers: Vec<PeerReach>,
    },
    /// Answer to what is asked of a circle's relays.
    CircleRelays {
        /// What the circle is called.
        circle: String,
        /// Whether it is that of our own devices.
        own: bool,
        /// The relays that carry it.
        relays: Vec<RelayShown>,
    },
    /// Answer to [`Command::RelayOffer`].
    RelayOffered {
        /// The code, and how it stands.
        room: RoomShown,
    },
    /// Answer to [`Command::RelayRooms`].
    RelayRooms {
        /// Oldest first.
        rooms: Vec<RoomShown>,
    },
    /// Answer to [`Command::RelayEnd`].
    RelayEnded {
        /// As it stood.
        room: RoomShown,
    },
    /// Answer to [`Command::LogSent`].
    Sent {
        /// Oldest first.
        entries: Vec<SentEntry>,
    },
    /// Answer to [`Command::Export`].
    Exported(Box<Export>),
}

/// A device that speaks for our person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceShown {
    /// Its id.
    pub device: DeviceId,
    /// What it is called; empty for the only one.
    pub name: String,
    /// Its seniority: a device may remove those of a greater rank.
    pub rank: u32,
    /// Whether it is this one.
    pub me: bool,
    /// Whether a session with it is open now.
    pub connected: bool,
    /// When it last answered.
    pub last_seen: Option<Timestamp>,
    /// Whether something is due to it that it has not acknowledged.
    pub behind: bool,
}

/// A pairing that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairingShown {
    /// Until when the code is good.
    pub until: Timestamp,
    /// The device that has come with it.
    pub asks: Option<DeviceAsks>,
}

/// A device that asks to speak for our person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAsks {
    /// What it is called.
    pub name: String,
    /// What it shows, too, if it is the right one: places in the list of words.
    pub words: [u16; WORDS],
}

/// What kind of circle it is, as its makers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CircleKind {
    /// People who live together.
    Household,
    /// People who work together.
    Colleagues,
    /// Any other.
    Other,
}

impl CircleKind {
    /// As its link and its grant say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Household => "household",
            Self::Colleagues => "colleagues",
            Self::Other => "circle",
        }
    }

    /// What a link or a grant says.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "household" => Self::Household,
            "colleagues" => Self::Colleagues,
            _ => Self::Other,
        }
    }
}

/// A circle of our person's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CircleShown {
    /// Which.
    pub id: CircleId,
    /// What it is called; empty until it has arrived.
    pub name: String,
    /// What kind it is.
    pub kind: CircleKind,
    /// What our person is called there.
    pub called: String,
    /// Since when.
    pub since: Timestamp,
    /// How our person stands in it.
    pub standing: CircleStanding,
    /// Who belongs to it.
    pub members: Vec<CircleMember>,
    /// Invites that our person gave, oldest first.
    pub invites: Vec<InviteShown>,
    /// Relays that carry it.
    pub relays: Vec<RelayShown>,
    /// Edits of ours that wait here for a key.
    pub edits_waiting: u64,
    /// Changes that wait for something that is not here, or does not stand.
    pub changes_waiting: u64,
    /// Changes that were set aside: by whom, why.
    pub changes_aside: Vec<(String, String)>,
}

/// How far a node is with one whom it meets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerReach {
    /// Which node.
    pub node: TransportId,
    /// What our person calls whose it is; empty for a relay, or if they have no name.
    pub name: String,
    /// What it is to us.
    pub role: PeerRole,
    /// Whether a session with it is open.
    pub connected: bool,
    /// Whether it was tried and not reached.
    pub unreached: bool,
    /// Things due to it that it has not acknowledged.
    pub waiting: u64,
}

/// What a node is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerRole {
    /// Of a contact.
    Contact,
    /// Another device of our person.
    Device,
    /// Carries circles.
    Relay,
}

/// A relay that carries a circle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayShown {
    /// Which.
    pub relay: TransportId,
    /// Where it is met.
    pub addresses: Vec<String>,
    /// Until when something may be put there.
    pub until: Timestamp,
    /// Whether this node is there now.
    pub connected: bool,
    /// When all that was there had come, last.
    pub met: Option<Timestamp>,
    /// Things of the circle that are still to be put there.
    pub waiting: u64,
    /// Why it did not take something, last; nothing if it took all.
    pub problem: Option<WhyNotPut>,
    /// How often it had lost what it said it kept.
    pub lost: u32,
    /// How many entries others have read there and this node was not given.
    pub withheld: u32,
}

/// A code of this node as a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomShown {
    /// The code: a secret.
    pub code: RelayCode,
    /// When it was made.
    pub created: Timestamp,
    /// How much lies here by it, bytes.
    pub used: u64,
    /// In how many mailboxes.
    pub mailboxes: u32,
    /// Whether something may be put here by it.
    pub open: bool,
}

/// How our person stands in a circle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CircleStanding {
    /// Welcome, and waiting for the circle to arrive.
    Arriving,
    /// Reads and writes.
    Member,
    /// Admits and removes, too.
    Admin,
    /// Was removed, or left; what was there is still readable.
    Removed,
}

/// A member of a circle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CircleMember {
    /// Who.
    pub person: PersonId,
    /// What they are called there; empty until they have said.
    pub name: String,
    /// Whether they may admit and remove others.
    pub admin: bool,
    /// Whether it is our person.
    pub me: bool,
    /// Whether a session with their node is open now.
    pub connected: bool,
    /// When their node last answered.
    pub last_seen: Option<Timestamp>,
    /// Whether something is due to their node that it has not acknowledged.
    pub behind: bool,
}

/// An invite that our person gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InviteShown {
    /// The beginning of its id.
    pub id: String,
    /// Since when.
    pub created: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How many may come in by it.
    pub uses: u32,
    /// Whether they may admit and remove others.
    pub admin: bool,
    /// Who came in by it, and when.
    pub used: Vec<(String, Timestamp)>,
    /// When it was taken back.
    pub revoked: Option<Timestamp>,
    /// How often somebody came with it and was turned away.
    pub refused: u32,
    /// When that was last.
    pub refused_at: Option<Timestamp>,
}

impl InviteShown {
    /// Why it lets nobody in any more; nothing while it is open.
    #[must_use]
    pub fn closed(&self, now: Timestamp) -> Option<WhyNot> {
        why_closed(now, self.revoked, self.until, (self.used.len(), self.uses))
    }
}

/// Why an invite lets nobody in any more, of `(used, uses)`; nothing while it is open.
pub(crate) fn why_closed(
    now: Timestamp,
    revoked: Option<Timestamp>,
    until: Timestamp,
    (used, uses): (usize, u32),
) -> Option<WhyNot> {
    if revoked.is_some() {
        Some(WhyNot::Revoked)
    } else if until <= now {
        Some(WhyNot::Expired)
    } else if used >= usize::try_from(uses).unwrap_or(usize::MAX) {
        Some(WhyNot::UsedUp)
    } else {
        None
    }
}

/// A circle that our person asked to come into.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JoiningShown {
    /// Which.
    pub circle: CircleId,
    /// What it is called, by the invite.
    pub name: String,
    /// Who invited, by the invite.
    pub inviter: String,
    /// What our person will be called there.
    pub called: String,
    /// Since when.
    pub since: Timestamp,
    /// Why the inviter's node did not let our person in; `None`: it has not answered yet.
    pub refused: Option<WhyNot>,
}

/// An item of a circle's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListShown {
    /// Its id.
    pub id: ItemId,
    /// What it says.
    pub text: String,
    /// Whether it is done.
    pub done: bool,
    /// Who added it; empty if that is not known.
    pub by: String,
}

/// A poll to open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollWish {
    /// What is asked.
    pub question: String,
    /// What can be answered.
    pub choices: Vec<String>,
    /// Until when ballots count, by their own times.
    pub until: Option<Timestamp>,
    /// How many have to vote.
    pub quorum: Option<Quorum>,
}

/// How many of an electorate have to vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quorum {
    /// So many.
    #[n(0)]
    Voters(#[n(0)] u32),
    /// So many of a hundred, rounded up.
    #[n(1)]
    Percent(#[n(0)] u32),
}

impl Quorum {
    /// Returns how many that are of so many electors.
    #[must_use]
    pub fn of(self, electors: u64) -> u64 {
        match self {
            Self::Voters(voters) => u64::from(voters),
            Self::Percent(percent) => electors.saturating_mul(u64::from(percent)).div_ceil(100),
        }
    }
}

/// A poll of a circle. All but `mine`, `may_vote` and `may_close` is the same for all members who hold the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollShown {
    /// Its id: 64 hexadecimal digits.
    pub id: String,
    /// In which circle.
    pub circle: CircleId,
    /// What that is called.
    pub circle_name: String,
    /// What is asked.
    pub question: String,
    /// What can be answered.
    pub choices: Vec<String>,
    /// Who asks.
    pub by: Elector,
    /// Since when, as their device says.
    pub at: Timestamp,
    /// Until when ballots count, by their own times.
    pub until: Option<Timestamp>,
    /// How many have to vote.
    pub quorum: Option<Quorum>,
    /// Who may vote, as far as it is known here: the members when it was opened, as the device says that did.
    pub electorate: Vec<Elector>,
    /// Members now who may not: they came later, as far as anybody can tell.
    pub outside: Vec<Elector>,
    /// Members who may not though they were in before others who may: they were left out.
    pub left_out: Vec<Elector>,
    /// Every ballot here.
    pub ballots: Vec<BallotShown>,
    /// Who closed it, and to what each comes. Of several that name the same ballots each is here.
    pub closes: Vec<ClosedShown>,
    /// The count: of the ballots that the close names; while there is none, or they differ, of those that hold.
    pub tally: PollTally,
    /// The number of the choice of our person that counts, from 1.
    pub mine: Option<u32>,
    /// Whether our person may vote in it.
    pub may_vote: bool,
    /// Whether our person may close it.
    pub may_close: bool,
}

/// Somebody whom a poll is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elector {
    /// Who.
    pub person: PersonId,
    /// What they are called in the circle; empty until they have said.
    pub name: String,
    /// Whether they belong to the circle now.
    pub member: bool,
}

/// A ballot, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BallotShown {
    /// The hash of its entry.
    pub id: String,
    /// Whose it is: in whose log it lies.
    pub by: Elector,
    /// The choice, from 1.
    pub choice: u32,
    /// The highest of one person counts.
    pub number: u64,
    /// When, as their device says.
    pub at: Timestamp,
    /// What came of it.
    pub fate: BallotFate,
    /// Whether its entry holds: a close may name one that was cut later.
    pub holds: bool,
}

/// What came of a ballot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BallotFate {
    /// It counts.
    Counted,
    /// The same person voted again.
    Replaced,
    /// The close does not name it, though its time lies before: it came too late, or was left out.
    NotCounted,
    /// Its time lies after the close.
    Late,
    /// Its time lies after the deadline.
    PastDeadline,
    /// A removal keeps less of its log, or the log forks.
    Cut,
    /// Who cast it may not vote in this poll.
    NotInElectorate,
    /// There is no such choice.
    NoSuchChoice,
}

/// Who closed a poll.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedShown {
    /// Who.
    pub by: Elector,
    /// When, as their device says.
    pub at: Timestamp,
    /// How many ballots they count.
    pub named: u64,
    /// Whether it holds; else a removal cuts it, and it decides nothing.
    pub holds: bool,
    /// What it comes to.
    pub tally: PollTally,
}

/// The count of a poll: the same on every node that holds the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollTally {
    /// For each choice.
    pub votes: Vec<u64>,
    /// How many electors voted.
    pub voted: u64,
    /// How many electors there are.
    pub electors: u64,
    /// Of how many of them it is not known here that they belong to the circle, or by which devices they speak: there
    /// is no result before.
    pub unknown: u64,
    /// How many have to vote.
    pub needed: Option<u64>,
    /// Whether that many did.
    pub reached: bool,
    /// Ballots that the close names and that have not arrived here.
    pub missing: u64,
    /// What follows.
    pub outcome: PollOutcome,
}

/// What follows from a count. Choices are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum PollOutcome {
    /// It is not closed.
    Open,
    /// It is closed, and ballots that count, or what is needed to know who may vote, have not arrived here.
    Arriving,
    /// Who may close did so with ballots that differ: there is no result.
    Contested,
    /// It was closed, and a removal keeps less than that of whoever did: it is open again.
    Undone,
    /// Nobody voted.
    NoVotes,
    /// Too few voted.
    NoQuorum,
    /// Several choices have the most votes: none is chosen.
    Tie {
        /// Which.
        choices: Vec<u32>,
    },
    /// One choice has the most votes.
    Chosen {
        /// Which.
        choice: u32,
    },
}

/// A change of a circle's list. An item is named by its number as listed, from 1, by its id, or by its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum ListChange {
    /// Adds an item.
    Add {
        /// What it says.
        text: String,
    },
    /// Ticks an item off, or not.
    Tick {
        /// Which.
        item: String,
        /// Whether it is done.
        done: bool,
    },
    /// Says an item in other words.
    Rename {
        /// Which.
        item: String,
        /// What it says.
        text: String,
    },
    /// Takes an item off.
    Remove {
        /// Which.
        item: String,
    },
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
    /// Records in the vault that no version of Maille known here makes: a device of the person's wrote them, one that
    /// is broken, newer or in strange hands.
    #[serde(default)]
    pub malformed: u64,
    /// Where this node listens now; empty when the daemon does not run.
    pub listening: Vec<String>,
    /// People this node shares with or receives from.
    pub contacts: Vec<ContactStatus>,
}

/// Whether our documents are what their entries say: entries are the truth, a document is made of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Checkup {
    /// Documents, of which something is here or said.
    pub documents: u64,
    /// Entries of this device.
    pub entries: u64,
    /// Where entries of this device lie that cannot be read: a damaged disk.
    pub unreadable_entries: Vec<String>,
    /// Entries of this device that are not here any more.
    pub missing_entries: u64,
    /// Changes in entries that are in no document: they build on what is not here, or are none.
    pub out_of_place: u64,
    /// Documents that are not what their entries say.
    pub differing: Vec<DocumentCheck>,
}

impl Checkup {
    /// Whether every entry of this device is here and can be read.
    #[must_use]
    pub const fn entries_are_whole(&self) -> bool {
        self.unreadable_entries.is_empty() && self.missing_entries == 0
    }

    /// Whether nothing is amiss, or not any more.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.entries_are_whole() && self.differing.iter().all(|it| it.rebuilt)
    }
}

/// A document that is not what its entries say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentCheck {
    /// Its domain and month, `mobility/2026-01`.
    pub document: String,
    /// It could not be read at all.
    pub unreadable: bool,
    /// A newer version of Maille wrote it: it is left as it is.
    #[serde(default)]
    pub newer: bool,
    /// How many changes entries say that it lacks.
    pub lacks: u64,
    /// How many changes it holds that no entry says.
    pub unsaid: u64,
    /// It was made again from its entries.
    pub rebuilt: bool,
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
    /// To whom; nobody: to a relay, which can read none of it.
    pub to: Option<PersonId>,
    /// What I call them.
    pub name: String,
    /// What it was.
    pub what: SentWhat,
    /// Why.
    #[serde(flatten)]
    pub why: SentWhy,
    /// Bytes handed to the network, sealed.
    pub bytes: u64,
}

/// Why something left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SentWhy {
    /// It is shared.
    Share {
        /// Under which grant.
        grant: GrantId,
        /// Which lens.
        lens: String,
        /// Why, as said when sharing.
        purpose: String,
    },
    /// It is of a circle that both belong to.
    Circle {
        /// Which.
        circle: CircleId,
        /// What it is called.
        called: String,
    },
}

impl SentWhy {
    /// The grant, if it is shared under one.
    #[must_use]
    pub const fn grant(&self) -> Option<GrantId> {
        match self {
            Self::Share { grant, .. } => Some(*grant),
            Self::Circle { .. } => None,
        }
    }
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
    /// What the members of a circle say and write.
    Circle,
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
    /// No circle has this id or name.
    #[error("no circle is known as {circle}")]
    UnknownCircle {
        /// What was asked for.
        circle: String,
    },
    /// Several circles go by this name.
    #[error("several circles are known as {circle}")]
    AmbiguousCircle {
        /// What was asked for.
        circle: String,
        /// Which.
        candidates: Vec<CircleId>,
    },
    /// Our person may not do this in the circle: they are no admin, or no member any more.
    #[error("not allowed in {circle}")]
    NotAllowedInCircle {
        /// What the circle is called.
        circle: String,
    },
    /// Our person is in the circle already.
    #[error("already a member of {circle}")]
    AlreadyInCircle {
        /// What it is called.
        circle: String,
    },
    /// No member has this name or id.
    #[error("no member is known as {member}")]
    UnknownMember {
        /// What was asked for.
        member: String,
    },
    /// Several members go by this name.
    #[error("several members are known as {member}")]
    AmbiguousMember {
        /// What was asked for.
        member: String,
        /// Which.
        candidates: Vec<PersonId>,
    },
    /// This device was removed by another one of the same person: it shows what it holds, and no more.
    #[error("this device was removed")]
    DeviceRemoved,
    /// A device admits and removes those that are junior to it.
    #[error("this device may not do that")]
    NotAllowedOfDevice,
    /// Nobody has come with the code, or its time is up.
    #[error("no device asks")]
    NoDeviceAsks,
    /// A device cannot remove itself.
    #[error("that is this device itself")]
    ThisDevice,
    /// No device has this name or id.
    #[error("no device is known as {device}")]
    UnknownDevice {
        /// What was asked for.
        device: String,
    },
    /// Several devices go by this name.
    #[error("several devices are known as {device}")]
    AmbiguousDevice {
        /// What was asked for.
        device: String,
        /// Which.
        candidates: Vec<DeviceId>,
    },
    /// No invite of ours is this one.
    #[error("no invite is known as {invite}")]
    UnknownInvite {
        /// What was asked for.
        invite: String,
    },
    /// Nothing on the list is called so.
    #[error("nothing on the list is known as {item}")]
    UnknownItem {
        /// What was asked for.
        item: String,
    },
    /// No relay of the circle has this id.
    #[error("no relay is known as {relay}")]
    UnknownRelay {
        /// What was asked for.
        relay: String,
    },
    /// No relay code of this node has this id.
    #[error("no relay code is known as {relay}")]
    UnknownRelayCode {
        /// What was asked for.
        relay: String,
    },
    /// A node does not visit itself.
    #[error("this node is that relay")]
    OwnRelay,
    /// There is no other device yet.
    #[error("there is no other device yet")]
    OneDevice,
    /// Less room than a mailbox is worth.
    #[error("at least {min} bytes")]
    TooLittleRoom {
        /// The least, bytes.
        min: u64,
    },
    /// No poll has this id or question.
    #[error("no poll is known as {poll}")]
    UnknownPoll {
        /// What was asked for.
        poll: String,
    },
    /// Several polls go by this.
    #[error("several polls are known as {poll}")]
    AmbiguousPoll {
        /// What was asked for.
        poll: String,
        /// Their ids.
        candidates: Vec<String>,
    },
    /// A poll needs several choices, each another.
    #[error("{min} to {max} choices, each another")]
    BadChoices {
        /// Fewest.
        min: u64,
        /// Most.
        max: u64,
    },
    /// More than there are electors, more than all of them, or nobody.
    #[error("a quorum that {electors} electors cannot miss or cannot reach")]
    BadQuorum {
        /// How many there are.
        electors: u64,
    },
    /// The poll has no such choice.
    #[error("no choice is known as {choice}")]
    UnknownChoice {
        /// What was asked for.
        choice: String,
        /// Which there are.
        choices: Vec<String>,
    },
    /// The text of one choice is the number of another.
    #[error("several choices are known as {choice}")]
    AmbiguousChoice {
        /// What was asked for.
        choice: String,
        /// Which there are.
        choices: Vec<String>,
    },
    /// Our person was no member when the poll was opened.
    #[error("not in the electorate of {question}")]
    NotInElectorate {
        /// Which poll.
        question: String,
    },
    /// The poll is closed.
    #[error("{question} is closed")]
    PollClosed {
        /// Which poll.
        question: String,
    },
    /// Its deadline has passed.
    #[error("{question} ended at {until}")]
    PollOver {
        /// Which poll.
        question: String,
        /// When.
        until: Timestamp,
    },
    /// What tells who may vote in it has not arrived.
    #[error("{question} is still arriving")]
    PollArriving {
        /// Which poll.
        question: String,
    },
    /// Only who proposed it and admins close it.
    #[error("only its proposer and admins close {question}")]
    NotCloser {
        /// Which poll.
        question: String,
    },
    /// What is on disk could not be read back: a bug or a damaged disk.
    #[error("the store holds something unreadable at {key}")]
    Damaged {
        /// Where.
        key: String,
    },
}
