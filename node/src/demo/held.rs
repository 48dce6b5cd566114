//! What a device of a person's holds, to be compared with what another one holds, or held.

use std::collections::BTreeSet;

use maille_core::command::{
    CircleShown, CircleStanding, Command, DeviceShown, Done, Export, ListShown, PollShown,
};
use maille_protocol::id::{CircleId, PersonId};
use maille_schemas::record::Record;

use super::someone::{Someone, other_answer};
use crate::cli::failure::Failure;

/// A person's records, and their circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) records: Vec<Record>,
    pub(super) standing: CircleStanding,
    pub(super) shared: Shared,
}

/// A circle as all its members see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shared {
    /// Who is in it, and what they are called there.
    pub(super) members: BTreeSet<(PersonId, String)>,
    pub(super) list: Vec<ListShown>,
    pub(super) polls: Vec<PollShown>,
}

impl Shared {
    /// What a device shows; nothing before it has the circle.
    pub(super) async fn at(someone: &Someone, circle: CircleId) -> Result<Option<Self>, Failure> {
        let Some(shown) = someone.circle().await?.filter(|it| it.id == circle) else {
            return Ok(None);
        };
        let polls = polls(someone, circle).await?.into_iter();
        Ok(Some(Self {
            members: members(&shown),
            list: someone.list(circle).await?,
            polls: polls.map(same_for_all).collect(),
        }))
    }
}

impl Held {
    /// What a device holds; nothing before it has the circle.
    pub(super) async fn at(someone: &Someone, circle: CircleId) -> Result<Option<Self>, Failure> {
        let shared = Shared::at(someone, circle).await?;
        let (Some(shared), Some(shown)) = (shared, someone.circle().await?) else {
            return Ok(None);
        };
        Ok(Some(Self {
            records: export(someone).await?.records,
            standing: shown.standing,
            shared,
        }))
    }

    /// How many of the records are trips.
    pub(super) fn trips(&self) -> usize {
        let is_trip = |record: &&Record| matches!(record, Record::Trip(_));
        self.records.iter().filter(is_trip).count()
    }
}

/// Who is in a circle, and what they are called there.
pub(super) fn members(circle: &CircleShown) -> BTreeSet<(PersonId, String)> {
    let members = circle.members.iter();
    members.map(|it| (it.person, it.name.clone())).collect()
}

/// A poll without what each member sees otherwise than the others.
pub(super) fn same_for_all(poll: PollShown) -> PollShown {
    PollShown {
        mine: None,
        may_vote: false,
        may_close: false,
        ..poll
    }
}

/// Everything that a device can write out.
pub(super) async fn export(someone: &Someone) -> Result<Export, Failure> {
    match someone.ask(Command::Export).await? {
        Done::Exported(export) => Ok(*export),
        other => Err(other_answer(&other)),
    }
}

/// The devices of a person, as one of them shows them, the most senior first.
pub(super) async fn devices(someone: &Someone) -> Result<Vec<DeviceShown>, Failure> {
    match someone.ask(Command::Devices).await? {
        Done::Devices { devices, .. } => Ok(devices),
        other => Err(other_answer(&other)),
    }
}

async fn polls(someone: &Someone, circle: CircleId) -> Result<Vec<PollShown>, Failure> {
    let circle = Some(circle.to_string());
    match someone.ask(Command::CirclePolls { circle }).await? {
        Done::CirclePolls { polls } => Ok(polls),
        other => Err(other_answer(&other)),
    }
}
