//! Many nodes under one fake clock and one fake network.
//!
//! A [`world::World`] owns machines of `maille-core`, the very ones that `maille run` drives, and gives
//! them everything they would get from the outside: time, randomness, a disk that may lose what was
//! not yet durable, and a network that may cut. It takes one event after the other from one queue
//! in one total order, so a run is a function of its scenario and its seed:
//!
//! ```
//! use maille_simulator::{random::Seed, scenario};
//!
//! let story = scenario::Scenario::builtin("two-nodes").expect("it is one of ours");
//! let first = story.run(Seed(7), scenario::Options::default(), &mut scenario::Log::Off);
//! let again = story.run(Seed(7), scenario::Options::default(), &mut scenario::Log::Off);
//! assert_eq!(first.trace, again.trace);
//! assert!(first.broken.is_empty(), "{:?}", first.broken);
//! ```
//!
//! # Invariants
//!
//! - Nothing here reads a clock, the environment or a file, draws from the operating system, or
//!   walks a container whose order differs from process to process. Threads run pieces of a world
//!   in windows in which none can reach another ([`world`]); nothing depends on which is first.
//! - A draw in one place never shifts a draw in another: every stream and every single draw is
//!   keyed by the seed, who draws, and what for ([`random`]).
//! - What happens at a node depends on that node's own state and the events addressed to it,
//!   never on a look into another node: a world can be split by node.
//! - What this process remembers of earlier runs is outcomes of pure functions ([`memo`]).
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

pub mod byzantine;
pub mod checker;
pub mod clock;
pub mod disk;
pub mod fault;
pub mod memo;
pub mod network;
pub mod random;
pub mod scenario;
pub mod story;
pub mod town;
pub mod trace;
pub mod workload;
pub mod world;
