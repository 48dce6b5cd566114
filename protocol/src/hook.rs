//! Where a simulator looks in: what costs time.
//!
//! Without the feature `sim` everything here is empty and compiles to nothing. With it, and once
//! [`install`] was called, each [`Span`] is reported when it begins and when it ends. Nothing that
//! a hook does changes a result.

/// What a simulator is told.
#[cfg(feature = "sim")]
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    /// A piece of work of this kind begins, perhaps inside another.
    pub begins: fn(&'static str),
    /// The piece of work that began last ends.
    pub ends: fn(),
}

#[cfg(feature = "sim")]
static HOOKS: std::sync::OnceLock<Hooks> = std::sync::OnceLock::new();

/// Lets `hooks` be told from now on. Later calls change nothing.
#[cfg(feature = "sim")]
pub fn install(hooks: Hooks) {
    let _ = HOOKS.set(hooks);
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
