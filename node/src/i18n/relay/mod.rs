//! What is said of relays.

mod en;
mod fr;

use maille_core::command::{PeerReach, RelayShown, RoomShown};

use crate::cli::sync::Synced;
use crate::i18n::Clock;

pub(super) use en::{error as error_en, help as help_en};
pub(super) use fr::{error as error_fr, help as help_fr};

/// A relay code that was just made.
pub(crate) struct Offered<'a> {
    pub(crate) room: &'a RoomShown,
    /// Whether it names no place but this computer.
    pub(crate) here_only: bool,
    pub(crate) running: bool,
}

/// The sentences of one language about relays.
pub(crate) trait RelayText {
    /// No relay carries the circle, or our own devices.
    fn no_relays(&self, own: bool) -> &'static str;
    /// A relay that carries a circle, and how we stand with it.
    fn relay(&self, relay: &RelayShown, clock: &Clock) -> Vec<String>;
    /// A code was made; what to do next.
    fn relay_offered(&self, offered: &Offered<'_>, clock: &Clock) -> Vec<String>;
    /// This node gave no code.
    fn no_rooms(&self) -> &'static str;
    /// A code of this node as listed.
    fn room(&self, room: &RoomShown, clock: &Clock) -> String;
    /// What came of meeting whoever was there.
    fn synced(&self, synced: &Synced) -> Vec<String>;
    /// A code was taken back.
    fn relay_ended(&self, room: &RoomShown) -> String;
}

/// How many of some nodes were reached.
fn reached(peers: &[PeerReach]) -> (u64, u64) {
    let reached = peers.iter().filter(|peer| peer.connected).count();
    (reached as u64, peers.len() as u64)
}

/// What still waits to be sent.
fn waiting(peers: &[PeerReach]) -> u64 {
    peers.iter().map(|peer| peer.waiting).sum()
}

/// The part of a code's id that people type.
fn short(room: &RoomShown) -> String {
    room.code.id().to_string().chars().take(8).collect()
}
