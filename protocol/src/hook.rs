//! Where a simulator looks in: what costs time, and what need not be computed twice.
//!
//! Without the feature `sim` everything here is empty and compiles to nothing. With it, and once
//! `install` was called, each [`Span`] is reported when it begins and when it ends, and the
//! outcome of a signature check may be remembered: of a thousand nodes that are sent the same
//! entry, one checks it. A check is a function of its input, so nothing that a hook does changes
//! a result.

/// What a simulator is told.
#[cfg(feature = "sim")]
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    /// A piece of work of this kind begins, perhaps inside another.
    pub begins: fn(&'static str),
    /// The piece of work that began last ends.
    pub ends: fn(),
    /// How the check of this input ended, if that is known.
    pub recall: fn(&[u8; 32]) -> Option<bool>,
    /// The check of this input ended so.
    pub keep: fn([u8; 32], bool),
}

#[cfg(feature = "sim")]
static HOOKS: std::sync::OnceLock<Hooks> = std::sync::OnceLock::new();

/// Lets `hooks` be told from now on. Later calls change nothing.
#[cfg(feature = "sim")]
pub fn install(hooks: Hooks) {
    let _ = HOOKS.set(hooks);
}

/// Whether `check` holds, which is a function of what `input` hashes.
#[inline]
pub(crate) fn once(input: impl FnOnce() -> [u8; 32], check: impl FnOnce() -> bool) -> bool {
    #[cfg(feature = "sim")]
    if let Some(hooks) = HOOKS.get() {
        let input = input();
        if let Some(known) = (hooks.recall)(&input) {
            return known;
        }
        let holds = check();
        (hooks.keep)(input, holds);
        return holds;
    }
    #[cfg(not(feature = "sim"))]
    let _ = input;
    check()
}

/// A piece of work that is under way until this is dropped.
#[must_use = "the work ends when this is dropped"]
#[derive(Debug)]
pub struct Span(());

/// Begins a piece of work. Spans nest: the last to begin is the first to end.
#[inline]
pub fn span(kind: &'static str) -> Span {
    #[cfg(feature = "sim")]
    if let Some(hooks) = HOOKS.get() {
        (hooks.begins)(kind);
    }
    #[cfg(not(feature = "sim"))]
    let _ = kind;
    Span(())
}

#[cfg(feature = "sim")]
impl Drop for Span {
    #[inline]
    fn drop(&mut self) {
        if let Some(hooks) = HOOKS.get() {
            (hooks.ends)();
        }
    }
}
