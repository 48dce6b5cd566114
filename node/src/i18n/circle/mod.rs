//! What is said of circles.

mod en;
mod fr;

use maille_core::command::{CircleMember, CircleShown, InviteShown, JoiningShown, ListShown};
use maille_protocol::invite::{InviteLink, WhyNot};
use maille_protocol::time::Timestamp;

use crate::cli::failure::Sentence;
use crate::i18n::Clock;

pub(super) use en::help as help_en;
pub(super) use fr::help as help_fr;

/// What an invite says to whom it was given, before they take it.
pub(crate) struct Terms<'a> {
    pub(crate) link: &'a InviteLink,
    /// What the inviter is called here already.
    pub(crate) known_as: Option<&'a str>,
    /// Where our own device is met.
    pub(crate) addresses: &'a [String],
    /// What we will be called there.
    pub(crate) called: &'a str,
}

/// An invite that was just made.
pub(crate) struct Invited<'a> {
    pub(crate) link: &'a InviteLink,
    pub(crate) invite: &'a InviteShown,
    /// Whether it names no place but this computer.
    pub(crate) here_only: bool,
    pub(crate) running: bool,
}

/// The sentences of one language about circles.
pub(crate) trait CircleText {
    /// A circle was made; what to do next.
    fn circle_created(&self, circle: &CircleShown) -> Vec<String>;
    /// There is no circle.
    fn no_circles(&self) -> &'static str;
    /// A circle as listed.
    fn circle(&self, circle: &CircleShown) -> String;
    /// A circle that we asked to come into.
    fn circle_joining(&self, joining: &JoiningShown, clock: &Clock) -> Vec<String>;
    /// Above the members.
    fn circle_head(&self, circle: &CircleShown, clock: &Clock) -> Vec<String>;
    /// A member.
    fn circle_member(&self, member: &CircleMember, clock: &Clock) -> String;
    /// Above the invites.
    fn circle_invites_head(&self) -> &'static str;
    /// An invite, how it stands, and what came of it.
    fn circle_invite(&self, invite: &InviteShown, now: Timestamp, clock: &Clock) -> Vec<String>;
    /// Edits of ours wait for a key.
    fn circle_edits_waiting(&self, count: u64) -> String;
    /// Changes wait for others that are not here.
    fn circle_changes_waiting(&self, count: u64) -> String;
    /// A change was set aside.
    fn circle_change_aside(&self, name: &str, why: &str) -> String;
    /// Above and below the link of a new invite.
    fn circle_invited(&self, told: &Invited<'_>, clock: &Clock) -> (Vec<String>, Vec<String>);
    /// An invite was taken back.
    fn circle_uninvited(&self, circle: &CircleShown) -> Vec<String>;
    /// What an invite says, and what taking it means.
    fn circle_terms(&self, terms: &Terms<'_>, clock: &Clock) -> Vec<String>;
    /// Asks whether to come in.
    fn circle_join_sure(&self) -> &'static str;
    /// Asks what to be called.
    fn circle_ask_name(&self) -> &'static str;
    /// Suggests `--as`.
    fn circle_hint_as(&self) -> &'static str;
    /// The inviter's device is asked.
    fn circle_knocking(&self, inviter: &str, seconds: u64) -> String;
    /// We are in; `name` is what the invite called it, `alone` if no other Maille runs here.
    fn circle_joined(
        &self,
        circle: &CircleShown,
        name: &str,
        items: usize,
        alone: bool,
    ) -> Vec<String>;
    /// What leaving means, truthfully.
    fn circle_leaving(&self, circle: &CircleShown) -> Vec<String>;
    /// Asks whether to leave.
    fn circle_leave_sure(&self) -> &'static str;
    /// We left.
    fn circle_left(&self, circle: &CircleShown, running: bool) -> Vec<String>;
    /// What removing somebody means, truthfully.
    fn circle_removing(&self, circle: &CircleShown, person: &str) -> Vec<String>;
    /// Asks whether to remove them.
    fn circle_remove_sure(&self) -> &'static str;
    /// Somebody was removed; `open` if an invite of ours is.
    fn circle_removed(
        &self,
        circle: &CircleShown,
        name: &str,
        open: bool,
        running: bool,
    ) -> Vec<String>;
    /// The list is empty.
    fn circle_no_items(&self, circle: &str) -> String;
    /// An item with its number.
    fn circle_item(&self, number: usize, item: &ListShown) -> String;
    /// An item was taken off.
    fn circle_item_dropped(&self, text: &str) -> String;
    /// Others get it when Maille runs.
    fn circle_not_running(&self) -> &'static str;
    /// Why an invite lets nobody in.
    fn why_not(&self, why: WhyNot) -> &'static str;
    /// The inviter's device does not let us in.
    fn circle_not_welcome(&self, circle: &str, inviter: &str, why: WhyNot) -> Sentence;
    /// The inviter's device has not answered.
    fn circle_no_welcome_yet(
        &self,
        circle: &str,
        inviter: &str,
        seconds: u64,
        here_only: bool,
        running: bool,
    ) -> Sentence;
}

/// Whether nothing that comes later would change the refusal.
fn is_final(why: WhyNot) -> bool {
    !matches!(why, WhyNot::NotAdmitter | WhyNot::Undecided)
}

/// Whether we are the only one who may let people in and take them out.
fn is_last_admin(circle: &CircleShown) -> bool {
    let mut admins = circle.members.iter().filter(|member| member.admin);
    admins.next().is_some_and(|admin| admin.me) && admins.next().is_none()
}

/// A name within quotes for a shell, if it needs them.
fn typed(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.,".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        return name.to_owned();
    }
    format!("'{}'", name.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_it_is_to_be_typed() {
        assert_eq!(typed("Lilas"), "Lilas");
        assert_eq!(typed("Rue des Lilas"), "'Rue des Lilas'");
        assert_eq!(typed("L'atelier"), r"'L'\''atelier'");
        assert_eq!(typed("$HOME"), "'$HOME'");
    }
}
