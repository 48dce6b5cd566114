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
//!
//! An app holds a node without the command line (`default-features = false`), and says to it what a person would type:
//!
//! ```
//! use maille_core::command::{CircleKind, Command, Done};
//! use maille_node::driver::{Mode, Node};
//! use maille_node::keystore::{self, CreateOptions};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let founded = keystore::create(folder.path().join("home"), CreateOptions::default())?;
//! // The twelve words are shown once: `founded` has them.
//! let keys = keystore::open(&founded.home, None)?;
//! // `Mode::Online` meets contacts, and lets nobody but this process command it.
//! let node = Node::start(&founded.home, keys, Mode::Online).await?;
//! let found = Command::CircleCreate {
//!     name: "Rue des Lilas".to_owned(),
//!     kind: CircleKind::Household,
//!     called: "Inès".to_owned(),
//! };
//! let Done::CircleCreated { circle } = node.call(found).await? else {
//!     unreachable!("each command has its answer");
//! };
//! assert_eq!(circle.members.len(), 1);
//! node.shutdown().await; // all that was answered is on the disk, also without this
//! # Ok(())
//! # }
//! ```

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
