//! One defence at a time, switched off in a test, to see that the attack that it stops then works.
//!
//! A test of an attack that fails says little: it may fail for another reason than we think. So each attack of the
//! threat page (`protocol/spec/threats.md`) is a story that is told twice, as things are and without the one defence:
//! [`Defence::stops`]. The code asks [`is_off`] at the very place where the defence is.
//!
//! Without the feature `sim` nothing can be switched off and [`is_off`] is the constant `false`, so that nothing of
//! this is in a node that is shipped; with it, a switch holds for the thread that set it, and no longer than its
//! guard. Rejected: a parameter, since most of this lies in functions of bytes and keys that own no state.

/// What stops an attack. Each is switched off by a story in `attacks`, here or in the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defence {
    /// Where a log forks, nothing after the fork stands until a removal picks a branch.
    ForkFreezes,
    /// An entry is taken at the one place of its log that it names: its number, and the hash before it.
    PlaceIsNext,
    /// An invite lets in as many as it says.
    InviteUses,
    /// A name in a session depends on both nodes and on what both have drawn for it.
    NamesOfOneSession,
    /// What is held of an authority is joined with what comes, and nothing of it taken back.
    AuthorityGrows,
    /// Who put something at a relay sees that it is gone, and puts it again.
    LossIsSeen,
    /// What others have read at a relay, or what a number shows to be missing, is missed.
    HolesShow,
    /// What a removal does not keep does not stand, whatever it says of its day, in old logs and new.
    CutsHold,
    /// A reader's end makes new keys of all that they could read.
    StopRotates,
    /// A generation commits to its key.
    KeyIsCommitted,
    /// The nonce depends on what is sealed.
    NonceDependsOnContent,
    /// The nonce is computed again by whoever opens.
    NonceIsRedone,
    /// A node names what it reads to whoever granted it, and to nobody else.
    NamesForGrants,
    /// The seal depends on slice, part, generation, log and place.
    PlaceInSeal,
    /// A log key is of one part of one slice.
    LogKeyOfOnePart,
    /// Only who was admitted to write is read.
    WritersOnly,
    /// Who broke the protocol is left alone for a while.
    LeftAlone,
    /// Who is not reached is dialled less and less often.
    DialsGrowRare,
    /// Only who is senior removes.
    SeniorsRemove,
    /// A version has its algorithms, and a node speaks one of them.
    VersionIsFixed,
}

#[cfg(feature = "sim")]
thread_local! {
    static OFF: std::cell::Cell<Option<Defence>> = const { std::cell::Cell::new(None) };
}

/// Whether a test has switched this defence off.
#[cfg(feature = "sim")]
#[must_use]
pub fn is_off(defence: Defence) -> bool {
    OFF.get() == Some(defence)
}

/// Never: there is no switch.
#[cfg(not(feature = "sim"))]
#[inline]
#[must_use]
pub const fn is_off(_: Defence) -> bool {
    false
}

/// What came of an attack.
#[cfg(feature = "sim")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Whoever attacked has not got what they wanted.
    Fails,
    /// They have.
    Works,
}

#[cfg(feature = "sim")]
impl Attack {
    /// What came of it, by whether they got what they wanted.
    #[must_use]
    pub const fn works_if(got: bool) -> Self {
        if got { Self::Works } else { Self::Fails }
    }
}

/// A defence that is off until this is dropped.
#[cfg(feature = "sim")]
#[must_use = "the defence is there again once this is dropped"]
#[derive(Debug)]
struct Without(Option<Defence>);

#[cfg(feature = "sim")]
impl Drop for Without {
    fn drop(&mut self) {
        OFF.set(self.0);
    }
}

#[cfg(feature = "sim")]
impl Defence {
    /// Tells the story of an attack twice: it fails as things are, and works with this one defence off.
    ///
    /// # Panics
    /// If it works as things are, or fails without the defence.
    #[track_caller]
    pub fn stops(self, story: impl Fn() -> Attack) {
        assert_eq!(story(), Attack::Fails, "it works although all is as it is");
        let _off = Without(OFF.replace(Some(self)));
        let without = story();
        assert_eq!(without, Attack::Works, "it fails, but not because {self:?}");
    }
}

#[cfg(all(test, feature = "sim"))]
mod tests {
    use super::*;

    #[test]
    fn a_defence_is_off_for_one_story_and_no_other_is() {
        let this = Defence::ForkFreezes;
        this.stops(|| {
            assert!(!is_off(Defence::CutsHold));
            Attack::works_if(is_off(this))
        });
        assert!(!is_off(this));
    }

    #[test]
    #[should_panic(expected = "it fails, but not because")]
    fn a_story_that_something_else_stops_does_not_pass() {
        Defence::ForkFreezes.stops(|| Attack::Fails);
    }

    #[test]
    #[should_panic(expected = "it works although all is as it is")]
    fn a_story_that_nothing_stops_does_not_pass() {
        Defence::ForkFreezes.stops(|| Attack::Works);
    }
}
