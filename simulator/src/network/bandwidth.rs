//! How much a node can send or receive in a time: a token bucket.

use crate::clock::{VirtualSpan, VirtualTime};

/// What a bucket lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// Bytes per second, in the long run; at least 1.
    pub bytes_per_s: u64,
    /// Bytes that pass at once after a rest.
    pub burst_bytes: u64,
}

/// A bucket of tokens. It keeps one moment: when it is full again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    full_at: VirtualTime,
}

impl Bucket {
    /// Takes `bytes` out at `now`; returns when they have passed.
    pub fn pass(&mut self, bandwidth: Bandwidth, now: VirtualTime, bytes: usize) -> VirtualTime {
        let micros = |bytes: u64| {
            let micros = u128::from(bytes) * 1_000_000 / u128::from(bandwidth.bytes_per_s.max(1));
            VirtualSpan::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
        };
        self.full_at = self.full_at.max(now).plus(micros(bytes as u64));
        let ahead = self.full_at.since(VirtualTime::START).as_micros();
        let burst = micros(bandwidth.burst_bytes).as_micros();
        let passed = VirtualTime::START.plus(VirtualSpan::from_micros(ahead.saturating_sub(burst)));
        passed.max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEM: Bandwidth = Bandwidth {
        bytes_per_s: 1_000,
        burst_bytes: 500,
    };

    fn at(millis: u64) -> VirtualTime {
        VirtualTime::START.plus(VirtualSpan::from_millis(millis))
    }

    #[test]
    fn a_burst_passes_at_once_and_then_the_rate_holds() {
        let mut bucket = Bucket::default();
        let mut pass = |millis, bytes| bucket.pass(MODEM, at(millis), bytes);
        assert_eq!(pass(10_000, 300), at(10_000));
        assert_eq!(pass(10_000, 200), at(10_000), "the burst is used up");
        assert_eq!(pass(10_000, 100), at(10_100));
        assert_eq!(pass(10_000, 1_000), at(11_100));
        assert_eq!(pass(10_600, 0), at(11_100), "nothing overtakes");
        assert_eq!(pass(60_000, 500), at(60_000), "full again after a rest");
        assert_eq!(pass(60_000, 500), at(60_500), "but no fuller than a burst");
    }
}
