//! Who lives how: made-up records, drawn from the seed.

use maille_schemas::domain::mobility::{Mode, ModeSource, Section, Trip};
use maille_schemas::import::{Format, Place};
use maille_schemas::record::{ContentHash, Provenance, Record, RecordId};
use maille_schemas::time::Moment;
use maille_schemas::units::Millimetres;

use crate::clock::EPOCH_MS;
use crate::random::Seed;
use crate::world::NodeIndex;

/// How people of a made-up city move.
const MODES: [Mode; 6] = [
    Mode::Walking,
    Mode::Bicycling,
    Mode::Bus,
    Mode::Car,
    Mode::TrainRegional,
    Mode::Unknown,
];

const DAY_MS: u64 = 24 * 3_600_000;

/// The trips of one person, numbered from 0.
#[derive(Clone, Copy, Debug)]
pub struct Traveller {
    /// The run's seed.
    pub seed: Seed,
    /// Whose trips.
    pub node: NodeIndex,
    /// Over how many days, back from the run's beginning, they spread.
    pub days: u64,
}

impl Traveller {
    /// Trip `number`: the same whenever it is asked for.
    ///
    /// # Panics
    /// Never: the bounds of the draws are within those of a trip.
    pub fn trip(&self, number: u64) -> Record {
        let key = [u64::from(self.node.0), number];
        let draw = |purpose: &str, range| self.seed.draw(purpose, &key).within(range);
        let start_ms = EPOCH_MS - draw("trip day", 1..self.days + 1) * DAY_MS
            + draw("trip hour", 0..DAY_MS / 2);
        let lasts_ms = draw("trip lasts", 300_000..3_600_000);
        let moment = |at_ms: u64| {
            Moment::new(i64::try_from(at_ms).expect("this century"), 60).expect("this century")
        };
        let (start, end) = (moment(start_ms), moment(start_ms + lasts_ms));
        let mode =
            MODES[usize::try_from(draw("trip mode", 0..MODES.len() as u64)).expect("below six")];
        let mode_source = if mode == Mode::Unknown {
            ModeSource::Nobody
        } else {
            ModeSource::Person
        };
        let distance = Millimetres(draw("trip distance", 200_000..80_000_000));
        let id = ContentHash::of(
            format!("made-up trip {} {} {number}", self.seed.0, self.node.0).as_bytes(),
        );
        Record::Trip(Trip {
            id: RecordId::from_bytes(*id.as_bytes()),
            start,
            end,
            from: None,
            to: None,
            sections: vec![Section {
                mode,
                mode_source,
                distance,
                start,
                end,
                occupancy: None,
            }],
            purpose: None,
            title: None,
            provenance: Provenance {
                format: Format::Gpx,
                content: id,
                place: Place::File,
            },
        })
    }
}
