//! In English.

use maille_core::command::{
    CircleKind, CircleMember, CircleShown, CircleStanding, InviteShown, JoiningShown, ListShown,
};
use maille_protocol::evaluation::Role;
use maille_protocol::invite::WhyNot;
use maille_protocol::time::Timestamp;

use super::{CircleText, Invited, Terms, is_final, is_last_admin, typed};
use crate::cli::failure::Sentence;
use crate::i18n::Clock;
use crate::i18n::en::{English, counted, quoted};

/// The help text of a command or an argument about circles.
pub(crate) fn help(key: &str) -> Option<&'static str> {
    Some(match key {
        "circle" => "Your circles: people with whom you keep a list, and who are in by an invite",
        "circle create" => "Makes a circle, with you as its first admin",
        "circle create NAME" => "What it is called; every member sees it",
        "circle create --kind" => "What kind it is: household, colleagues or other",
        "circle create --as" => "What you are called there (else as in your last circle)",
        "circle list" => "Shows your circles, and those that you asked to come into",
        "circle status" => {
            "Shows a circle: its members, your invites and what came of them, what waits"
        }
        "circle status CIRCLE" => "The circle's name, or the beginning of its id",
        "circle invite" => "Makes an invite: whoever holds its link can come in",
        "circle invite CIRCLE" => "The circle's name, or the beginning of its id",
        "circle invite --uses" => "How many people may come in by it (else 1)",
        "circle invite --until" => "Until when: 7d, 2 weeks, 2027-01-31 (else 7 days)",
        "circle invite --admin" => "Whoever comes in by it is an admin: invites and removes, too",
        "circle invite --no-qr" => "Does not show the link as a picture to photograph",
        "circle uninvite" => "Takes an invite back: nobody comes in by it any more",
        "circle uninvite INVITE" => {
            "Its link, or the beginning of its number (`maille circle status`)"
        }
        "circle join" => {
            "Shows who invites you, into what and what others will see; then asks, and comes in"
        }
        "circle join LINK" => "The link that you were given, or a file that holds it",
        "circle join --as" => "What you will be called there (else as in your last circle)",
        "circle join --yes" => "Does not ask whether you want to come in",
        "circle join --wait" => "How many seconds to wait for the answer (else 30)",
        "circle leave" => "Leaves a circle: you keep what is here, and get nothing new",
        "circle leave CIRCLE" => "The circle's name, or the beginning of its id",
        "circle leave --yes" => "Does not ask whether you are sure",
        "circle remove" => "Takes somebody out: they get nothing new",
        "circle remove CIRCLE" => "The circle's name, or the beginning of its id",
        "circle remove PERSON" => "What they are called there, or the beginning of their id",
        "circle remove --yes" => "Does not ask whether you are sure",
        "circle items" => "Shows the circle's list",
        "circle items CIRCLE" => "The circle's name, or the beginning of its id",
        "circle add" => "Adds to the circle's list",
        "circle add CIRCLE" => "The circle's name, or the beginning of its id",
        "circle add TEXT" => "What to add",
        "circle tick" => "Ticks off something on the list",
        "circle tick CIRCLE" => "The circle's name, or the beginning of its id",
        "circle tick ITEM" => "Its number (`maille circle items`), or its whole text",
        "circle untick" => "Takes a tick away",
        "circle untick CIRCLE" => "The circle's name, or the beginning of its id",
        "circle untick ITEM" => "Its number (`maille circle items`), or its whole text",
        "circle drop" => "Takes something off the list",
        "circle drop CIRCLE" => "The circle's name, or the beginning of its id",
        "circle drop ITEM" => "Its number (`maille circle items`), or its whole text",
        "circle rename" => "Says something on the list in other words",
        "circle rename CIRCLE" => "The circle's name, or the beginning of its id",
        "circle rename ITEM" => "Its number (`maille circle items`), or its whole text",
        "circle rename TEXT" => "The new words",
        _ => return None,
    })
}

/// "the household “Rue des Lilas”".
fn called(kind: CircleKind, name: &str) -> String {
    let kind = match kind {
        CircleKind::Household => "the household",
        CircleKind::Colleagues => "the colleagues' circle",
        CircleKind::Other => "the circle",
    };
    format!("{kind} {}", quoted(name))
}

fn kind_word(kind: CircleKind) -> &'static str {
    match kind {
        CircleKind::Household => "household",
        CircleKind::Colleagues => "colleagues",
        CircleKind::Other => "circle",
    }
}

fn role(admin: bool) -> &'static str {
    if admin { "admin" } else { "member" }
}

fn people(count: u64) -> String {
    counted(count, "person", "people")
}

fn standing(circle: &CircleShown) -> &'static str {
    match circle.standing {
        CircleStanding::Arriving => "on its way to you",
        CircleStanding::Member => "you are a member",
        CircleStanding::Admin => "you are an admin",
        CircleStanding::Removed => "you are not in it any more",
    }
}

/// What a circle is called on a screen, where it may not have arrived.
fn name(circle: &CircleShown) -> &str {
    if circle.name.is_empty() {
        "(its name is on its way)"
    } else {
        &circle.name
    }
}

impl CircleText for English {
    fn circle_created(&self, circle: &CircleShown) -> Vec<String> {
        vec![
            format!(
                "You have made {}; you are called {} there, and are its admin.",
                called(circle.kind, &circle.name),
                quoted(&circle.called)
            ),
            format!(
                "Next: `maille circle invite {}` to let somebody in.",
                typed(&circle.name)
            ),
        ]
    }

    fn no_circles(&self) -> &'static str {
        "You are in no circle. To make one: `maille circle create NAME --kind household`; to come into one: `maille circle join LINK`."
    }

    fn circle(&self, circle: &CircleShown) -> String {
        let members = u64::try_from(circle.members.len()).unwrap_or(u64::MAX);
        let members = match circle.standing {
            CircleStanding::Member | CircleStanding::Admin => {
                format!(" · {}", counted(members, "member", "members"))
            }
            CircleStanding::Arriving | CircleStanding::Removed => String::new(),
        };
        format!(
            "{} · {} · {}{members} · {}",
            name(circle),
            kind_word(circle.kind),
            standing(circle),
            circle.id
        )
    }

    fn circle_joining(&self, joining: &JoiningShown, clock: &Clock) -> Vec<String> {
        let mut lines = vec![format!(
            "{} · asked by you on {}, invited by {}",
            joining.name,
            clock.spell(joining.since, self),
            joining.inviter
        )];
        lines.push(match joining.refused {
            None => format!(
                "  {}'s device has not answered yet: Maille goes on trying while it runs (`maille run`)",
                joining.inviter
            ),
            Some(why) if is_final(why) => format!(
                "  not let in: {}; ask for a new invite",
                self.why_not(why)
            ),
            Some(why) => format!(
                "  not let in for now: {}; Maille goes on trying while it runs",
                self.why_not(why)
            ),
        });
        lines
    }

    fn circle_head(&self, circle: &CircleShown, clock: &Clock) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{} · {} · {}",
                name(circle),
                kind_word(circle.kind),
                standing(circle)
            ),
            format!(
                "You are called {} there, since {}.",
                quoted(&circle.called),
                clock.spell(circle.since, self)
            ),
            circle.id.to_string(),
        ];
        lines.push(match circle.standing {
            CircleStanding::Removed => {
                "You keep what was here; nothing new arrives. Members when you went:".to_owned()
            }
            CircleStanding::Arriving => "Known so far of its members:".to_owned(),
            CircleStanding::Member | CircleStanding::Admin => "Members:".to_owned(),
        });
        lines
    }

    fn circle_member(&self, member: &CircleMember, clock: &Clock) -> String {
        let seen = match (member.me, member.connected, member.last_seen) {
            (true, ..) => "you".to_owned(),
            (_, true, _) => "online".to_owned(),
            (_, false, Some(at)) => format!("last seen on {}", clock.spell(at, self)),
            (_, false, None) => "never seen from here".to_owned(),
        };
        let behind = if member.behind && !member.me {
            ", does not have everything yet"
        } else {
            ""
        };
        format!(
            "{} · {} · {seen}{behind} · {}",
            member.name,
            role(member.admin),
            member.person
        )
    }

    fn circle_invites_head(&self) -> &'static str {
        "Your invites:"
    }

    fn circle_invite(&self, invite: &InviteShown, now: Timestamp, clock: &Clock) -> Vec<String> {
        let state = match (invite.closed(now), invite.revoked) {
            (None, _) => format!("open until {}", clock.spell(invite.until, self)),
            (_, Some(at)) => format!("taken back on {}", clock.spell(at, self)),
            (Some(WhyNot::Expired), _) => {
                format!("ended on {}", clock.spell(invite.until, self))
            }
            (Some(_), _) => "used up".to_owned(),
        };
        let mut lines = vec![format!(
            "{} · as {} · used by {} of {} · {state}",
            invite.id,
            role(invite.admin),
            invite.used.len(),
            invite.uses
        )];
        for (who, at) in &invite.used {
            lines.push(format!(
                "  {who} came in by it on {}",
                clock.spell(*at, self)
            ));
        }
        if let Some(at) = invite.refused_at {
            lines.push(format!(
                "  somebody came with it and was turned away {}, last on {}",
                counted(u64::from(invite.refused), "time", "times"),
                clock.spell(at, self)
            ));
        }
        lines
    }

    fn circle_edits_waiting(&self, count: u64) -> String {
        format!(
            "{} of yours here and will go out once the circle has its new key",
            counted(count, "change waits", "changes wait")
        )
    }

    fn circle_changes_waiting(&self, count: u64) -> String {
        format!(
            "{} for something that has not arrived yet",
            counted(count, "change of others waits", "changes of others wait")
        )
    }

    fn circle_change_aside(&self, name: &str, why: &str) -> String {
        let name = if name.is_empty() { "somebody" } else { name };
        format!("a change by {name} was set aside, it is not in order: {why}")
    }

    fn circle_invited(&self, told: &Invited<'_>, clock: &Clock) -> (Vec<String>, Vec<String>) {
        let link = told.link;
        let what = if link.role == Role::Admin {
            "as an admin, who lets people in and takes them out, too"
        } else {
            "as a member"
        };
        let before = vec![
            format!(
                "Whoever has this link can come into {}, {what}: {}, until {}.",
                quoted(&link.name),
                people(u64::from(link.uses)),
                clock.spell(link.until, self)
            ),
            "Give it only to whom it is for, by a way that you trust; on their device:".to_owned(),
            "  maille circle join LINK".to_owned(),
        ];
        let mut after = vec![format!(
            "To take it back: maille circle uninvite {}",
            told.invite.id
        )];
        if told.here_only {
            after.push(
                "It only works on this computer: to be reached from another one, stop Maille, then `maille run --listen 192.168.1.10:4001` with your address, and make a new invite."
                    .to_owned(),
            );
        }
        if !told.running {
            after.push(
                "Your device lets people in: nobody comes in until Maille runs here (`maille run`)."
                    .to_owned(),
            );
        }
        (before, after)
    }

    fn circle_uninvited(&self, circle: &CircleShown) -> Vec<String> {
        vec![
            format!(
                "Nobody comes into {} by this invite any more.",
                quoted(&circle.name)
            ),
            "Who came in by it before is still in (`maille circle remove` takes them out). Your invites:"
                .to_owned(),
        ]
    }

    fn circle_terms(&self, terms: &Terms<'_>, clock: &Clock) -> Vec<String> {
        let link = terms.link;
        let known = match terms.known_as {
            Some("") => "  You know this person already, without a name.".to_owned(),
            Some(name) => format!("  You know this person already, as {}.", quoted(name)),
            None => "  You do not know this person yet. The names here are what the link says: is it from whom you think?".to_owned(),
        };
        let what = if link.role == Role::Admin {
            "You would be an admin: you read and write there, let people in and take them out."
        } else {
            "You would be a member: you read and write there."
        };
        let met = if terms.addresses.is_empty() {
            String::new()
        } else {
            format!(" ({})", terms.addresses.join(", "))
        };
        vec![
            format!(
                "{} invites you into {}.",
                quoted(&link.inviter),
                called(CircleKind::of(&link.kind), &link.name)
            ),
            format!("  {}", link.card.person),
            known,
            what.to_owned(),
            format!(
                "The invite is good for {}, until {}.",
                people(u64::from(link.uses)),
                clock.spell(link.until, self)
            ),
            "Every member, now and later, will see:".to_owned(),
            format!("  your name there: {}", quoted(terms.called)),
            format!("  your identifier, and where your device is met{met}"),
            "  all that you write in the circle".to_owned(),
            "Nothing else of your data. You will see what was written there before you.".to_owned(),
        ]
    }

    fn circle_join_sure(&self) -> &'static str {
        "Come in? [y/n]"
    }

    fn circle_ask_name(&self) -> &'static str {
        "What will you be called there?"
    }

    fn circle_hint_as(&self) -> &'static str {
        "say what you are called there, for example `--as Inès`"
    }

    fn circle_knocking(&self, inviter: &str, seconds: u64) -> String {
        format!(
            "Asking {inviter}'s device to let you in, at most {}…",
            counted(seconds, "second", "seconds")
        )
    }

    fn circle_joined(
        &self,
        circle: &CircleShown,
        name: &str,
        items: usize,
        alone: bool,
    ) -> Vec<String> {
        let here: Vec<&str> = (circle.members.iter())
            .filter(|member| !member.me)
            .map(|member| member.name.as_str())
            .collect();
        let mut lines = vec![if circle.standing == CircleStanding::Arriving {
            format!(
                "You are in {}; what is written there is on its way.",
                quoted(name)
            )
        } else {
            format!(
                "You are in {}, with {}; {} on the list.",
                quoted(name),
                here.join(", "),
                counted(u64::try_from(items).unwrap_or(u64::MAX), "thing", "things")
            )
        }];
        lines.push(format!("To see it: maille circle items {}", typed(name)));
        if alone {
            lines.push("What comes next arrives while Maille runs: maille run".to_owned());
        }
        lines
    }

    fn circle_leaving(&self, circle: &CircleShown) -> Vec<String> {
        let mut lines = vec![
            format!(
                "You will get nothing new from {}, and will not write there any more.",
                quoted(&circle.name)
            ),
            "You keep what is here; the others keep what you wrote. To come back you need a new invite.".to_owned(),
        ];
        if is_last_admin(circle) && circle.members.len() > 1 {
            lines.push(
                "You are its only admin: after you nobody can let people in or take them out. Before you go you can invite one (`maille circle invite --admin`)."
                    .to_owned(),
            );
        }
        lines
    }

    fn circle_leave_sure(&self) -> &'static str {
        "Leave? [y/n]"
    }

    fn circle_left(&self, circle: &CircleShown, running: bool) -> Vec<String> {
        let mut lines = vec![format!(
            "You have left {}; you keep what is here.",
            quoted(&circle.name)
        )];
        if !running {
            lines.push("The others will hear of it when Maille runs here: maille run".to_owned());
        }
        lines
    }

    fn circle_removing(&self, circle: &CircleShown, person: &str) -> Vec<String> {
        vec![
            format!(
                "{} will get nothing that is written in {} from now on: the circle changes its key.",
                quoted(person),
                quoted(&circle.name)
            ),
            "What has arrived there already stays there, and may have been copied: that cannot be taken back. What they wrote stays in the circle.".to_owned(),
            "This cannot be undone; to come back they need a new invite.".to_owned(),
        ]
    }

    fn circle_remove_sure(&self) -> &'static str {
        "Remove them? [y/n]"
    }

    fn circle_removed(
        &self,
        circle: &CircleShown,
        name: &str,
        open: bool,
        running: bool,
    ) -> Vec<String> {
        let mut lines = vec![format!(
            "{name} is not in {} any more, and gets nothing new.",
            quoted(&circle.name)
        )];
        if open {
            lines.push(format!(
                "An invite of yours is still open: whoever has its link can come in. See `maille circle status {}`, then `maille circle uninvite`.",
                typed(&circle.name)
            ));
        }
        if !running {
            lines.push(
                "The others will hear of it when Maille runs here, and go on as before until then: maille run"
                    .to_owned(),
            );
        }
        lines
    }

    fn circle_no_items(&self, circle: &str) -> String {
        format!(
            "Nothing on the list of {} yet: `maille circle add {} TEXT`",
            quoted(circle),
            typed(circle)
        )
    }

    fn circle_item(&self, number: usize, item: &ListShown) -> String {
        let tick = if item.done { "x" } else { " " };
        format!("{number:>3}. [{tick}] {}  ({})", item.text, item.by)
    }

    fn circle_item_dropped(&self, text: &str) -> String {
        format!("off the list: {text}")
    }

    fn circle_not_running(&self) -> &'static str {
        "The others get it when Maille runs here: maille run"
    }

    fn why_not(&self, why: WhyNot) -> &'static str {
        match why {
            WhyNot::Expired => "the invite has expired",
            WhyNot::UsedUp => "the invite was used as often as it may be",
            WhyNot::Revoked => "the invite was taken back",
            WhyNot::NotAdmitter => "whoever gave it may let nobody in any more",
            WhyNot::Undecided => "the circle is to decide first",
            _ => "the request is not in order",
        }
    }

    fn circle_not_welcome(&self, circle: &str, inviter: &str, why: WhyNot) -> Sentence {
        let sentence = Sentence::new(format!(
            "{inviter}'s device did not let you into {}: {}",
            quoted(circle),
            self.why_not(why)
        ));
        if is_final(why) {
            sentence.hint(format!("ask {inviter} for a new invite"))
        } else {
            sentence
                .detail("Maille goes on trying while it runs")
                .hint(format!(
                    "speak with {inviter}, or ask another admin for an invite"
                ))
        }
    }

    fn circle_no_welcome_yet(
        &self,
        circle: &str,
        inviter: &str,
        seconds: u64,
        here_only: bool,
        running: bool,
    ) -> Sentence {
        let mut sentence = Sentence::new(format!(
            "{inviter}'s device did not answer within {}",
            counted(seconds, "second", "seconds")
        ));
        if here_only {
            sentence = sentence.detail(format!(
                "this invite names no other place than the computer it was made on: if that is another one than this, {inviter} has to run `maille run --listen` with its address, and make a new invite"
            ));
        }
        if running {
            sentence
                .detail("the Maille that runs here goes on trying")
                .hint(format!(
                    "ask {inviter} to run `maille run`; to see how it stands: `maille circle status {}`",
                    typed(circle)
                ))
        } else {
            sentence
                .detail("your request is kept: Maille goes on trying while it runs")
                .hint(format!(
                    "run `maille run`, and ask {inviter} to do the same"
                ))
        }
    }
}
