//! The world's time and randomness, which the pure crates are handed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use getrandom::SysRng;
use maille_protocol::time::Timestamp;
use rand_core::UnwrapErr;

/// The operating system's generator, as the pure crates want it.
///
/// Drawing from it ends the process if the operating system has no randomness: nothing safe can
/// be done without.
pub type OsRng = UnwrapErr<SysRng>;

/// Returns the operating system's generator.
#[must_use]
pub fn os_rng() -> OsRng {
    UnwrapErr(SysRng)
}

/// Reads the computer's clock. A clock before 1970 reads as 1970.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// Returns how long it is until `when`; nothing if it is past.
///
/// At most an hour: the wall clock may be set meanwhile, and looking again costs nothing.
pub(crate) fn until(when: Timestamp) -> Duration {
    const LONGEST: Duration = Duration::from_secs(3600);
    let ahead = when.as_millis().saturating_sub(now().as_millis());
    Duration::from_millis(ahead).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_past_is_due_at_once_and_what_is_far_is_looked_at_again() {
        assert_eq!(until(Timestamp::from_millis(5)), Duration::ZERO);
        assert_eq!(
            until(Timestamp::from_millis(u64::MAX)),
            Duration::from_secs(3600)
        );
    }
}
