//! When people are there: drawn from a distribution, or played from a file.

use serde::Deserialize;

use crate::clock::{VirtualSpan, VirtualTime};
use crate::random::{Draw, Seed};
use crate::world::NodeIndex;

/// How the lengths of times online and away are distributed, about the same mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Model {
    /// From half the mean to one and a half.
    Uniform,
    /// Without memory.
    Exponential,
    /// Weibull of shape 1/2: many short times and a few very long ones.
    HeavyTailed,
}

/// What being away means for a computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The program is closed: it ends at once, as by `kill`.
    Closed,
    /// The computer sleeps: it hears nothing, and goes on where it was.
    Asleep,
    /// There is no network; the program runs and its person may use it.
    Offline,
}

/// A time that somebody is away: from, until.
pub type Away = (VirtualTime, VirtualTime);

/// Who of a group is away when: by place in the group.
pub type Trace = Vec<Vec<Away>>;

impl Model {
    /// A length about `mean`.
    pub fn length(self, mean: VirtualSpan, draw: Draw) -> VirtualSpan {
        let mean = u128::from(mean.as_micros());
        let log = u128::from(minus_ln(draw)); // in 2^-16
        let micros = match self {
            Self::Uniform => mean / 2 + mean * u128::from(draw.within(0..1 << 16)) / (1 << 16),
            Self::Exponential => (mean * log) >> 16,
            // The mean of a Weibull of shape 1/2 is twice its scale, and x = scale (-ln u)^2.
            Self::HeavyTailed => (mean * log * log) >> 33,
        };
        VirtualSpan::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

/// -ln of a draw taken as a number above 0 and at most 1, in 2^-16. In whole numbers, so that every
/// machine and every build gives the same.
fn minus_ln(draw: Draw) -> u64 {
    const LN_2: u128 = 45_426; // in 2^-16
    let number = draw.within(0..u64::MAX).max(1);
    // number = m x 2^(63 - zeros), m from 1 to 2 in 2^63.
    let zeros = number.leading_zeros();
    let mut m = u128::from(number << zeros);
    let mut fraction = 0_u64; // of the logarithm of m to base 2, in 2^-16
    for bit in (0..16).rev() {
        m = (m * m) >> 63;
        if m >= 1 << 64 {
            m >>= 1;
            fraction |= 1 << bit;
        }
    }
    let minus_log2 = (u64::from(zeros) + 1) * (1 << 16) - fraction;
    u64::try_from((u128::from(minus_log2) * LN_2) >> 16).unwrap_or(u64::MAX)
}

/// Draws when `node` is away between `begin` and `end`. It may be away at `begin`.
pub fn drawn(
    seed: Seed,
    node: NodeIndex,
    model: Model,
    online: VirtualSpan,
    offline: VirtualSpan,
    (begin, end): Away,
) -> Vec<Away> {
    let key = |number| [u64::from(node.0), number];
    let both = online.as_micros() + offline.as_micros();
    let starts_away =
        seed.draw("churn begins", &key(0)).within(0..both.max(1)) >= online.as_micros();
    let mut away = Vec::new();
    let mut at = begin;
    for number in 0.. {
        let there = model.length(online, seed.draw("churn online", &key(number)));
        let gone = model.length(offline, seed.draw("churn offline", &key(number)));
        let from = if number == 0 && starts_away {
            at
        } else {
            at.plus(there)
        };
        if from >= end {
            break;
        }
        let until = from.plus(gone).min(end);
        away.push((from, until));
        // A process is never started and ended at one moment.
        at = until.plus(VirtualSpan::from_secs(1));
    }
    away
}

/// Reads a trace: CSV with the columns `node,away_s,back_s`.
///
/// # Errors
/// What does not fit, with its line.
pub fn read_trace(bytes: &[u8], count: u32) -> Result<Trace, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        node: u32,
        away_s: u64,
        back_s: u64,
    }
    let mut trace: Trace = vec![Vec::new(); usize::try_from(count).unwrap_or(0)];
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(bytes);
    for (number, line) in (2_u64..).zip(reader.deserialize()) {
        let line: Line = line.map_err(|error| format!("line {number}: {error}"))?;
        let of_node = usize::try_from(line.node)
            .ok()
            .and_then(|node| trace.get_mut(node));
        let Some(of_node) = of_node else {
            return Err(format!(
                "line {number}: node {} of a group of {count}",
                line.node
            ));
        };
        let at = |seconds| VirtualTime::START.plus(VirtualSpan::from_secs(seconds));
        let (away, back) = (at(line.away_s), at(line.back_s));
        if away >= back || of_node.last().is_some_and(|(_, until)| away <= *until) {
            return Err(format!(
                "line {number}: times away of one node follow each other and do not touch"
            ));
        }
        of_node.push((away, back));
    }
    Ok(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_right_to_four_digits() {
        // Draws are uniform, so the mean of -ln u is 1, and of its square 2.
        let (mut sum, mut squares) = (0_u64, 0_u64);
        const COUNT: u64 = 20_000;
        for number in 0..COUNT {
            let log = minus_ln(Seed(1).draw("ln", &[number]));
            sum += log;
            squares += (log * log) >> 16;
        }
        let mean = sum / COUNT;
        let square = squares / COUNT;
        assert!((64_500..66_500).contains(&mean), "{mean} of 65536");
        assert!((126_000..136_000).contains(&square), "{square} of 131072");
    }

    #[test]
    fn every_model_keeps_its_mean() {
        let mean = VirtualSpan::from_secs(1_000);
        for model in [Model::Uniform, Model::Exponential, Model::HeavyTailed] {
            let total: u64 = (0..20_000)
                .map(|number| {
                    model
                        .length(mean, Seed(2).draw("length", &[number]))
                        .as_micros()
                })
                .sum();
            let seen = total / 20_000 / 1_000_000;
            assert!((940..1_060).contains(&seen), "{model:?}: {seen} s");
        }
    }

    #[test]
    fn people_are_there_as_much_as_was_asked_for() {
        let end = VirtualTime::START.plus(VirtualSpan::from_secs(86_400));
        let minutes = |minutes: u64| VirtualSpan::from_secs(60 * minutes);
        let mut gone = 0;
        for node in 0..200 {
            let away = drawn(
                Seed(3),
                NodeIndex(node),
                Model::Exponential,
                minutes(40),
                minutes(93),
                (VirtualTime::START, end),
            );
            assert!(away.windows(2).all(|pair| pair[0].1 < pair[1].0));
            assert!(
                away.iter()
                    .all(|(from, until)| from <= until && *until <= end)
            );
            gone += away
                .iter()
                .map(|(from, until)| until.since(*from).as_micros())
                .sum::<u64>();
        }
        let percent = gone / (200 * 864 * 1_000_000);
        assert!((66..74).contains(&percent), "away {percent} % of the time");
    }

    #[test]
    fn a_trace_is_read_with_the_line_of_what_does_not_fit() {
        let trace =
            read_trace(b"node,away_s,back_s\n1, 10, 20\n0,5,6\n1,30,40\n", 2).expect("right");
        assert_eq!(trace.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2]);
        for (text, told) in [
            (
                "node,away_s,back_s\n2,1,2\n",
                "line 2: node 2 of a group of 2",
            ),
            ("node,away_s,back_s\n1,3,2\n", "line 2"),
            ("node,away_s,back_s\n1,1,3\n1,2,4\n", "line 3"),
            ("node,away_s\n1,1\n", "back_s"),
        ] {
            let error = read_trace(text.as_bytes(), 2).expect_err(text);
            assert!(error.contains(told), "{error}");
        }
    }
}
