//! Energy: what a meter measured, interval by interval.

use serde::{Deserialize, Serialize};

use crate::record::{Provenance, RecordId};
use crate::time::Moment;
use crate::units::Joules;

/// Which way the energy went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// Drawn from the grid.
    Consumed,
    /// Fed into the grid.
    Produced,
}

impl Flow {
    /// The name used in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Consumed => "consumed",
            Self::Produced => "produced",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Consumed, Self::Produced]
            .into_iter()
            .find(|flow| flow.as_str() == name)
    }
}

/// Energy that passed one electricity meter in one interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Start of the interval; it decides the month.
    pub start: Moment,
    /// End of the interval.
    pub end: Moment,
    /// What passed.
    #[serde(rename = "energy_j")]
    pub energy: Joules,
    /// Which way.
    pub flow: Flow,
    /// The meter's number (a French PRM, as its file writes it).
    pub meter: String,
    /// Where it comes from.
    pub provenance: Provenance,
}

impl Reading {
    /// The same for the same meter, direction and interval, whatever was measured.
    #[must_use]
    pub fn id(&self) -> RecordId {
        RecordId::from_facts("energy.reading", &[self.key().as_bytes()])
    }

    /// The key in a document: readable, and far shorter than a hash once
    /// thousands of them are compressed together.
    pub(crate) fn key(&self) -> String {
        format!(
            "{}/{}/{}/{}",
            self.flow.as_str(),
            self.start.at_ms(),
            self.end.since_ms(self.start),
            self.meter
        )
    }
}
