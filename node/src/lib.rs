//! How a node touches the world: disk, network, clock, terminal.
//!
//! Everything that decides is in `maille_core::Home`, which does no input or output. This crate
//! feeds it.
//!
//! | module | what it touches |
//! |---|---|
//! | [`backup`] | all of a home in one sealed file |
//! | [`home_dir`] | the folder a node lives in, and who may open it |
//! | [`keystore`] | the key file, the twelve words |
//! | [`returning`] | somebody who comes back with nothing but the words |
//! | [`pairing`] | a device that is not in any home yet, and asks to be |
//! | [`store`] | the sealed redb file |
//! | [`net`] | libp2p: streams of frames between nodes |
//! | [`driver`] | the loop: receive, `handle`, drain, act |
//! | [`control`] | how commands reach a running node, or open the store themselves |
//! | [`clock`] | time and randomness |

pub mod backup;
pub mod clock;
pub mod control;
pub mod driver;
pub mod home_dir;
pub mod keystore;
pub mod net;
pub mod pairing;
pub mod returning;
pub mod store;
