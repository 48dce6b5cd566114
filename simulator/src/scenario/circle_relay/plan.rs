//! What goes wrong in the story, drawn from its seed: when members are away, and what the relay does.

use crate::byzantine::{Behaviour, Conceal, Dawdle, Flood, Replay};
use crate::clock::{VirtualSpan, VirtualTime};
use crate::fault::{Fault, Installation};
use crate::random::Seed;
use crate::scenario::churn::{self, Away, Model};
use crate::world::NodeIndex;

/// How long members are there and away, on average: three tenths of the time there.
const THERE: VirtualSpan = VirtualSpan::from_secs(12 * 60);
const AWAY: VirtualSpan = VirtualSpan::from_secs(28 * 60);
/// Chances in a million that going away ends the process; else there is no network.
const CLOSED_PPM: u32 = 200_000;
/// Chances in a million that no member can be dialled, so that only the relay brings anything.
const APART_PPM: u32 = 200_000;

/// What a relay does that it should not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Nothing,
    /// Keeps back entries, or says that there are fewer.
    Withholds,
    /// Comes back with an older copy of its disk.
    RollsBack,
    /// Comes back with nothing.
    Forgets,
    Replays,
    Floods,
    Slow,
    /// Is down, most of the time.
    Away,
}

impl Wrong {
    const ALL: [Self; 8] = [
        Self::Nothing,
        Self::Withholds,
        Self::RollsBack,
        Self::Forgets,
        Self::Replays,
        Self::Floods,
        Self::Slow,
        Self::Away,
    ];

    /// How its frames are changed.
    pub(super) fn behaviour(self) -> Option<Box<dyn Behaviour>> {
        match self {
            Self::Nothing | Self::RollsBack | Self::Forgets | Self::Away => None,
            Self::Withholds => Some(Box::new(Conceal::new(700_000))),
            Self::Replays => Some(Box::new(Replay::new(50_000))),
            Self::Floods => Some(Box::new(Flood::new(8))),
            Self::Slow => Some(Box::new(Dawdle::new(VirtualSpan::from_secs(40)))),
        }
    }
}

/// What goes wrong.
#[derive(Debug)]
pub(super) struct Plan {
    /// When each member is away, and how that comes.
    pub(super) away: Vec<Vec<(Away, bool)>>,
    pub(super) wrong: Wrong,
    /// No member can be dialled.
    pub(super) apart: bool,
    /// What befalls the relay.
    pub(super) faults: Vec<(VirtualTime, Fault)>,
    /// Moments at which somebody writes.
    pub(super) writes: Vec<VirtualTime>,
}

impl Plan {
    pub(super) fn draw(seed: Seed, members: u32, (begin, end): Away) -> Self {
        let index = seed.draw("wrong", &[]).within(0..Wrong::ALL.len() as u64);
        let wrong = Wrong::ALL[usize::try_from(index).unwrap_or(0)];
        let away = (0..members).map(|number| {
            let drawn = churn::drawn(
                seed,
                NodeIndex(number),
                Model::Exponential,
                THERE,
                AWAY,
                (begin, end),
            );
            let closes = |place: u64| {
                let draw = seed.draw("closed", &[u64::from(number), place]);
                draw.happens(CLOSED_PPM)
            };
            (0..)
                .zip(drawn)
                .map(|(place, it)| (it, closes(place)))
                .collect()
        });
        let span = end.since(begin).as_micros();
        let moment = |purpose: &str, number: u64| {
            let after = seed.draw(purpose, &[number]).within(0..span);
            begin.plus(VirtualSpan::from_micros(after))
        };
        let count = seed.draw("writes", &[]).within(15..30);
        let mut writes: Vec<_> = (0..count).map(|number| moment("write", number)).collect();
        writes.sort_unstable();
        Self {
            away: away.collect(),
            apart: seed.draw("apart", &[]).happens(APART_PPM),
            faults: faults(seed, wrong, moment),
            wrong,
            writes,
        }
    }
}

fn faults(
    seed: Seed,
    wrong: Wrong,
    moment: impl Fn(&str, u64) -> VirtualTime,
) -> Vec<(VirtualTime, Fault)> {
    let times = 1 + seed.draw("relay faults", &[]).within(0..2);
    let restore = Fault::Restore {
        installation: Installation::Kept,
    };
    let all = (0..times).flat_map(|number| match wrong {
        Wrong::RollsBack => vec![
            (moment("copied", number), Fault::Backup),
            (moment("rolled back", number), restore),
        ],
        Wrong::Forgets => vec![(moment("forgets", number), restore)],
        Wrong::Away => {
            let minutes = seed.draw("relay away", &[number]).within(5..40);
            let down = VirtualSpan::from_secs(60 * minutes);
            vec![(
                moment("relay leaves", number),
                Fault::Crash { down, torn: false },
            )]
        }
        Wrong::Nothing | Wrong::Withholds | Wrong::Replays | Wrong::Floods | Wrong::Slow => {
            Vec::new()
        }
    });
    all.collect()
}
