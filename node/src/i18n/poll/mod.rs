//! What is said of polls.

mod en;
mod fr;

use maille_core::command::PollShown;
use maille_protocol::time::Timestamp;

use crate::i18n::Clock;

pub(super) use en::{error as error_en, help as help_en};
pub(super) use fr::{error as error_fr, help as help_fr};

/// The sentences of one language about polls.
pub(crate) trait PollText {
    /// There is no poll.
    fn no_polls(&self) -> &'static str;
    /// A poll as listed.
    fn poll(&self, poll: &PollShown, now: Timestamp, clock: &Clock) -> String;
    /// A poll with all that is known of it.
    fn poll_whole(&self, poll: &PollShown, now: Timestamp, clock: &Clock) -> Vec<String>;
    /// A poll was opened; what to do next.
    fn poll_opened(&self, poll: &PollShown) -> String;
}

/// The part of a poll's id that people type.
fn short(poll: &PollShown) -> &str {
    poll.id.get(..8).unwrap_or(&poll.id)
}

/// The text of a choice, by its number from 1.
fn choice(poll: &PollShown, number: u32) -> &str {
    let at = (number as usize).checked_sub(1);
    let text = at.and_then(|at| poll.choices.get(at));
    text.map_or("?", String::as_str)
}

/// Whether its deadline has passed, and nobody has closed it.
fn is_over(poll: &PollShown, now: Timestamp) -> bool {
    poll.closes.is_empty() && poll.until.is_some_and(|until| until < now)
}
