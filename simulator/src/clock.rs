//! Virtual time: microseconds since the run began.
//!
//! Finer than the machine's milliseconds, so that messages of one millisecond keep the order in
//! which a network would deliver them.

use std::fmt;

use maille_protocol::time::Timestamp;

/// When every run begins for its nodes: 5 January 2026, 06:00 UTC, a Monday, so that the weeks
/// of a lens and the weeks of a run begin together.
pub const EPOCH_MS: u64 = 1_767_592_800_000;

/// A moment of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VirtualTime(u64);

/// A length of virtual time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VirtualSpan(u64);

impl VirtualTime {
    /// The moment at which every run begins.
    pub const START: Self = Self(0);

    /// A moment that never comes.
    pub const END: Self = Self(u64::MAX);

    /// Microseconds since the run began.
    pub fn as_micros(self) -> u64 {
        self.0
    }

    /// This moment as the nodes see it.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_millis(EPOCH_MS + self.0 / 1_000)
    }

    /// The first moment at which the nodes see `timestamp`; the start if that was earlier.
    pub fn of(timestamp: Timestamp) -> Self {
        Self(
            timestamp
                .as_millis()
                .saturating_sub(EPOCH_MS)
                .saturating_mul(1_000),
        )
    }

    /// How long it is from `earlier` until this moment; nothing if it is not earlier.
    pub fn since(self, earlier: Self) -> VirtualSpan {
        VirtualSpan(self.0.saturating_sub(earlier.0))
    }

    /// This moment and `span`.
    #[must_use]
    pub fn plus(self, span: VirtualSpan) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl VirtualSpan {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// A span of `seconds` seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Whole microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }
}

/// A node's own clock: it may stand wrong and run wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeClock {
    /// How far it stood ahead of the run's time at `set`, in microseconds.
    ahead_us: i64,
    /// How many microseconds in a million it gains.
    drift_ppm: i32,
    set: VirtualTime,
}

/// Longest sleep before a node looks at its clock again, as the driver's: somebody may have set it.
const LOOK_AGAIN: VirtualSpan = VirtualSpan::from_secs(3600);
/// Least sleep, as the driver's.
const SLEEP_MIN: VirtualSpan = VirtualSpan::from_millis(1);

impl NodeClock {
    /// What it shows at `now`.
    pub fn shows(&self, now: VirtualTime) -> Timestamp {
        let true_us = i128::from(EPOCH_MS) * 1_000 + i128::from(now.0);
        let shown_us = (true_us + i128::from(self.ahead_us(now))).max(0);
        Timestamp::from_millis(u64::try_from(shown_us / 1_000).unwrap_or(u64::MAX))
    }

    /// Sets it `by_ms` milliseconds ahead, or back.
    pub fn jump(&mut self, now: VirtualTime, by_ms: i64) {
        self.ahead_us = self
            .ahead_us(now)
            .saturating_add(by_ms.saturating_mul(1_000));
        self.set = now;
    }

    /// Lets it gain `ppm` microseconds in a million from now on, or lose them.
    pub fn drift(&mut self, now: VirtualTime, ppm: i32) {
        self.ahead_us = self.ahead_us(now);
        self.set = now;
        self.drift_ppm = ppm;
    }

    /// When a node that goes to sleep at `now`, to wake when its clock shows `wanted`, wakes up.
    pub fn wakes(&self, now: VirtualTime, wanted: Timestamp) -> VirtualTime {
        let shown = self.shows(now).as_millis();
        let sub_ms = if self.ahead_us == 0 && self.drift_ppm == 0 {
            now.0 % 1_000
        } else {
            0
        };
        let ahead_us = wanted
            .as_millis()
            .saturating_sub(shown)
            .saturating_mul(1_000)
            .saturating_sub(sub_ms);
        now.plus(VirtualSpan(ahead_us).clamp(SLEEP_MIN, LOOK_AGAIN))
    }

    fn ahead_us(&self, now: VirtualTime) -> i64 {
        let gained = i128::from(now.since(self.set).0) * i128::from(self.drift_ppm) / 1_000_000;
        self.ahead_us
            .saturating_add(i64::try_from(gained).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for VirtualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_set_by_a_node_rings_when_the_node_sees_that_time() {
        for millis in [0, 1, 999, 86_400_000] {
            let timestamp = Timestamp::from_millis(EPOCH_MS + millis);
            assert_eq!(VirtualTime::of(timestamp).timestamp(), timestamp);
        }
        assert_eq!(
            VirtualTime::of(Timestamp::from_millis(3)),
            VirtualTime::START
        );
    }

    #[test]
    fn a_wrong_clock_shows_what_it_was_set_to_and_what_it_gained_since() {
        let at = |seconds| VirtualTime::START.plus(VirtualSpan::from_secs(seconds));
        let shown = |clock: &NodeClock, seconds| {
            i128::from(clock.shows(at(seconds)).as_millis()) - i128::from(EPOCH_MS)
        };
        let mut clock = NodeClock::default();
        assert_eq!(shown(&clock, 100), 100_000);
        clock.jump(at(100), -30_000);
        assert_eq!(shown(&clock, 100), 70_000);
        clock.drift(at(100), 100_000); // a tenth too fast
        assert_eq!(shown(&clock, 200), 180_000);
        clock.drift(at(200), -1_000_000); // it stands still
        assert_eq!(shown(&clock, 900), 180_000);
        clock.jump(at(900), i64::MIN);
        assert_eq!(clock.shows(at(900)).as_millis(), 0, "not before 1970");
    }

    #[test]
    fn a_sleep_ends_on_time_but_is_never_shorter_or_longer_than_the_drivers() {
        let now = VirtualTime(1_500);
        let clock = NodeClock::default();
        let wanted = |millis| Timestamp::from_millis(EPOCH_MS + millis);
        assert_eq!(clock.wakes(now, wanted(500)), VirtualTime(500_000));
        assert_eq!(clock.wakes(now, wanted(0)), now.plus(SLEEP_MIN));
        assert_eq!(clock.wakes(now, wanted(86_400_000)), now.plus(LOOK_AGAIN));
    }

    #[test]
    fn time_stops_at_its_end_instead_of_wrapping() {
        let end = VirtualTime(u64::MAX);
        assert_eq!(end.plus(VirtualSpan::from_secs(u64::MAX)), end);
    }
}
