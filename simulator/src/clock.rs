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
    fn time_stops_at_its_end_instead_of_wrapping() {
        let end = VirtualTime(u64::MAX);
        assert_eq!(end.plus(VirtualSpan::from_secs(u64::MAX)), end);
    }
}
