//! What one person's node does: it keeps their documents, publishes what they share and
//! takes in what others share with them.
//!
//! [`Home`] is the machine: [`Input`]s go in, [`Output`]s come out, and nothing here reads a
//! clock, draws randomness, sleeps, opens a file or a socket. `node` drives it with real ones,
//! `simulator` with made-up ones; both run the same code.
//!
//! | module | what it holds |
//! |---|---|
//! | [`command`] | what a person can ask for, and the answers |
//! | [`io`] | the contract with whoever drives the machine |
//! | [`secrets`] | what a device must keep to itself, and how a person begins |
//! | `layout`, `state`, `view` | where things lie in the store, their form, and reading through what is not durable yet |
//! | `home` | the machine: `vault` (documents), `publish` (projections), `given`, `received`, `link` (sessions and feeds) |
//!
//! **Invariants.** A command is answered, an item acknowledged and a byte sent only after the
//! changes they rest on are durable. What left is journalled before it leaves. Same inputs,
//! same outputs, byte for byte.

#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::wildcard_enum_match_arm
)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

/// Whether a simulated run makes something rare but legal happen here: see `sim`.
#[cfg(feature = "sim")]
macro_rules! sim_point {
    ($home:expr, $site:ident) => {
        $home.points.fires(crate::sim::Site::$site)
    };
}
#[cfg(not(feature = "sim"))]
macro_rules! sim_point {
    ($home:expr, $site:ident) => {
        false
    };
}

/// Whether a simulated run has planted this bug: see `sim`.
#[cfg(feature = "sim")]
macro_rules! planted {
    ($home:expr, $plant:ident) => {
        $home.points.planted(crate::sim::Plant::$plant)
    };
}
#[cfg(not(feature = "sim"))]
macro_rules! planted {
    ($home:expr, $plant:ident) => {
        false
    };
}

pub mod command;
pub mod io;
pub mod poll;
pub mod secrets;
#[cfg(feature = "sim")]
pub mod sim;

mod home;
mod layout;
mod newcomer;
mod returning;
mod state;
mod view;

pub use home::{Home, OpenError};
pub use io::{
    CommandId, CommitId, ConnectionId, Event, Input, Output, Pairs, Role, Store, StoreError, Write,
};
pub use newcomer::{Newcomer, NotPairedError};
pub use returning::{Claimant, KnownDevice, NotClaimedError, Person};
pub use secrets::{Founding, Secrets, found};
