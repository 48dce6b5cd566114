//! A made-up person with a real home and a real node, and what is asked of it.

use std::path::Path;

use maille_core::command::{
    CircleShown, Command, Done, GivenShare, ListChange, ListShown, ProjectedRow, ReceivedShare,
    SentEntry,
};
use maille_node::driver::{Mode, Node};
use maille_node::home_dir::HomeDir;
use maille_node::keystore::{self, CreateOptions};
use maille_protocol::card::Card;
use maille_protocol::id::{CircleId, GrantId};
use maille_protocol::invite::{InviteLink, WhyNot};
use maille_schemas::sample::SampleFile;
use zeroize::Zeroizing;

use super::LENS;
use crate::cli::desk::{of_call, of_start};
use crate::cli::device::folded;
use crate::cli::failure::Failure;
use crate::cli::import::read_bytes;

/// A made-up person with a real node.
pub(super) struct Someone {
    /// What they are called in the circle.
    pub(super) called: &'static str,
    /// The twelve words, on paper so to speak; nothing of a device that was added.
    pub(super) words: Option<Zeroizing<String>>,
    pub(super) home: HomeDir,
    pub(super) node: Node,
}

impl Someone {
    /// Sets somebody up, in a folder that bears their name without accents and capitals.
    pub(super) async fn new(folder: &Path, called: &'static str) -> Result<Self, Failure> {
        let path = folder.join(folded(called));
        let founded = keystore::create(&path, CreateOptions::default())
            .map_err(|error| Failure::of_create(&path, error))?;
        let someone = Self::at(founded.home, called).await?;
        Ok(Self {
            words: Some(founded.words),
            ..someone
        })
    }

    /// Starts the node on a home.
    pub(super) async fn at(home: HomeDir, called: &'static str) -> Result<Self, Failure> {
        let path = home.path();
        let keys = keystore::open(&home, None).map_err(|error| Failure::of_key(path, error))?;
        let node = Node::start(&home, keys, Mode::Online).await;
        let node = node.map_err(|error| of_start(path, error))?;
        Ok(Self {
            called,
            words: None,
            home,
            node,
        })
    }

    pub(super) async fn ask(&self, command: Command) -> Result<Done, Failure> {
        self.node.call(command).await.map_err(of_call)
    }

    pub(super) async fn card(&self) -> Result<Card, Failure> {
        match self.ask(Command::Card).await? {
            Done::Card { card } => Ok(card),
            other => Err(other_answer(&other)),
        }
    }

    /// Imports a file: how many records it has, and how many of them were new.
    pub(super) async fn imports(&self, file: &SampleFile) -> Result<(u64, u64), Failure> {
        let imported = read_bytes(&file.name, &file.bytes)?;
        let count = u64::try_from(imported.records.len()).unwrap_or(u64::MAX);
        match self
            .ask(Command::Record {
                records: imported.records,
            })
            .await?
        {
            Done::Recorded { added, .. } => Ok((count, added)),
            other => Err(other_answer(&other)),
        }
    }

    pub(super) async fn preview(&self) -> Result<Vec<ProjectedRow>, Failure> {
        match self
            .ask(Command::LensPreview {
                lens: LENS.to_owned(),
                from: None,
            })
            .await?
        {
            Done::Preview { rows, .. } => Ok(rows),
            other => Err(other_answer(&other)),
        }
    }

    pub(super) async fn holds(
        &self,
        share: GrantId,
    ) -> Result<(ReceivedShare, Vec<ProjectedRow>), Failure> {
        match self
            .ask(Command::ReceivedShow {
                share: share.to_string(),
            })
            .await?
        {
            Done::Received { share, rows } => Ok((share, rows)),
            other => Err(other_answer(&other)),
        }
    }

    pub(super) async fn gave(&self, share: GrantId) -> Result<GivenShare, Failure> {
        let Done::Shares { shares } = self.ask(Command::ShareList).await? else {
            return Err(Failure::Bug {
                what: "share list".to_owned(),
            });
        };
        let found = shares.into_iter().find(|given| given.id == share);
        found.ok_or_else(|| Failure::Bug {
            what: format!("{share} is not listed"),
        })
    }

    /// Their one circle, if they are in one.
    pub(super) async fn circle(&self) -> Result<Option<CircleShown>, Failure> {
        match self.ask(Command::Circles).await? {
            Done::Circles { mut circles, .. } => Ok(circles.pop()),
            other => Err(other_answer(&other)),
        }
    }

    /// Asks to come into a circle.
    pub(super) async fn joins(&self, link: InviteLink) -> Result<(), Failure> {
        let called = self.called.to_owned();
        self.ask(Command::CircleJoin { link, called }).await?;
        Ok(())
    }

    /// Why they were not let into a circle; nothing while they were not answered, and once they are in.
    pub(super) async fn refused(&self, circle: CircleId) -> Result<Option<WhyNot>, Failure> {
        match self.ask(Command::Circles).await? {
            Done::Circles { joining, .. } => {
                let asked = joining.into_iter().find(|it| it.circle == circle);
                Ok(asked.and_then(|it| it.refused))
            }
            other => Err(other_answer(&other)),
        }
    }

    pub(super) async fn list(&self, circle: CircleId) -> Result<Vec<ListShown>, Failure> {
        let circle = circle.to_string();
        match self.ask(Command::CircleList { circle }).await? {
            Done::CircleListed { items, .. } => Ok(items),
            other => Err(other_answer(&other)),
        }
    }

    pub(super) async fn writes(&self, circle: CircleId, text: &str) -> Result<(), Failure> {
        let change = ListChange::Add {
            text: text.to_owned(),
        };
        let circle = circle.to_string();
        self.ask(Command::CircleChange { circle, change }).await?;
        Ok(())
    }

    pub(super) async fn sent(&self) -> Result<Vec<SentEntry>, Failure> {
        match self.ask(Command::LogSent).await? {
            Done::Sent { entries } => Ok(entries),
            other => Err(other_answer(&other)),
        }
    }
}

pub(super) fn other_answer(done: &Done) -> Failure {
    let kind = serde_json::to_value(done).unwrap_or_default()["done"].to_string();
    Failure::Bug {
        what: format!("{kind} answers another command"),
    }
}
