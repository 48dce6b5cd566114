//! `maille circle …`: the people with whom something is written together.

use std::time::{Duration, Instant};

use maille_core::command::{
    CircleShown, CircleStanding, Command, CommandError, Done, JoiningShown, ListChange, ListShown,
};
use maille_node::clock;
use maille_protocol::id::CircleId;
use maille_protocol::invite::WhyNot;
use serde_json::{Value, json};

use crate::cli::desk::{Desk, fields_of, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::{
    CircleAddFlags, CircleCreateFlags, CircleFlags, CircleInviteFlags, CircleItemFlags,
    CircleJoinFlags, CircleLeaveFlags, CircleRemoveFlags, CircleRenameFlags, CircleUninviteFlags,
};
use crate::cli::screen::Screen;
use crate::cli::{Context, ask, qr, typed, until};
use crate::i18n::{Invited, Terms};

/// How often to look whether we are in.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long nothing new must arrive before what is there of a circle is taken for all of it.
const QUIET: Duration = Duration::from_millis(800);

/// Makes a circle.
pub(crate) fn create(context: &Context, flags: &CircleCreateFlags) -> Result<(), Failure> {
    let mut desk = Desk::open(context)?;
    let called = called(context, &mut desk, flags.called.as_deref())?;
    let command = Command::CircleCreate {
        name: flags.name.clone(),
        kind: flags.kind.into(),
        called,
    };
    let Done::CircleCreated { circle } = desk.ask(command)? else {
        return Err(unexpected("circle create"));
    };
    let fields = json!({ "circle": circle });
    context.screen.done("circle-created", fields, |screen| {
        screen.notes(screen.text.circle_created(&circle));
        screen.line(circle.id.to_string());
    });
    Ok(())
}

/// Lists the circles, and those that we asked to come into.
pub(crate) fn list(context: &Context) -> Result<(), Failure> {
    let (circles, joining) = all(&mut Desk::open(context)?)?;
    let fields = json!({ "circles": circles, "joining": joining });
    context.screen.done("circles", fields, |screen| {
        if circles.is_empty() && joining.is_empty() {
            screen.line(screen.text.no_circles());
        }
        for circle in &circles {
            screen.line(screen.text.circle(circle));
        }
        for joining in &joining {
            screen.lines(screen.text.circle_joining(joining, &screen.clock));
        }
    });
    Ok(())
}

/// Shows how one circle stands.
pub(crate) fn status(context: &Context, flags: &CircleFlags) -> Result<(), Failure> {
    let mut desk = Desk::open(context)?;
    let circle = match the(&mut desk, &flags.circle) {
        Err(Failure::Command(CommandError::UnknownCircle { circle })) => {
            // One that we only asked to come into is known by its invite.
            let asked = all(&mut desk)?.1.into_iter();
            let asked = asked.rev().find(|it| is_called(it, &circle));
            let Some(joining) = asked else {
                return Err(CommandError::UnknownCircle { circle }.into());
            };
            let fields = json!({ "joining": joining });
            context.screen.done("circle", fields, |screen| {
                screen.lines(screen.text.circle_joining(&joining, &screen.clock));
            });
            return Ok(());
        }
        found => found?,
    };
    tell(context, "circle", &circle);
    Ok(())
}

/// Makes an invite and prints its link.
pub(crate) fn invite(context: &Context, flags: &CircleInviteFlags) -> Result<(), Failure> {
    let command = Command::CircleInvite {
        circle: flags.circle.clone(),
        uses: flags.uses,
        until: until::until(&flags.until, clock::now(), &context.screen.clock)?,
        admin: flags.admin,
    };
    let mut desk = Desk::open(context)?;
    let Done::CircleInvited { link, invite } = desk.ask(command)? else {
        return Err(unexpected("circle invite"));
    };
    let fields = json!({ "invite": invite, "link": link.to_string() });
    context.screen.done("circle-invited", fields, |screen| {
        let told = Invited {
            link: &link,
            invite: &invite,
            here_only: typed::only_of_this_computer(&link.card.addresses),
            running: desk.is_running(),
        };
        let (before, after) = screen.text.circle_invited(&told, &screen.clock);
        screen.notes(before);
        screen.line(link.to_string());
        qr::show(screen, &link.to_string(), flags.no_qr);
        screen.notes(after);
    });
    Ok(())
}

/// Takes an invite back.
pub(crate) fn uninvite(context: &Context, flags: &CircleUninviteFlags) -> Result<(), Failure> {
    let invite = typed::pasted(&flags.invite)?;
    let mut desk = Desk::open(context)?;
    let circle = changed(&mut desk, Command::CircleUninvite { invite })?;
    let fields = json!({ "circle": circle });
    context.screen.done("circle-uninvited", fields, |screen| {
        screen.notes(screen.text.circle_uninvited(&circle));
        screen.lines(invites(&circle, screen));
    });
    Ok(())
}

/// Shows what an invite says, and comes in by it if the answer is yes.
///
/// With a running node it does the waiting; without one, this process goes online until we are in.
pub(crate) fn join(context: &Context, flags: &CircleJoinFlags) -> Result<(), Failure> {
    let (screen, text) = (&context.screen, context.screen.text);
    let link = typed::invite(&flags.link)?;
    ask::needs_a_yes(screen, flags.yes)?;
    let mut desk = Desk::open_online(context)?;
    let looked = desk.ask(Command::CircleConsider { link: link.clone() })?;
    let Done::CircleConsidered {
        known_as,
        addresses,
    } = looked
    else {
        return Err(unexpected("circle join"));
    };
    let called = called(context, &mut desk, flags.called.as_deref())?;
    let terms = Terms {
        link: &link,
        known_as: known_as.as_deref(),
        addresses: &addresses,
        called: &called,
    };
    screen.notes(text.circle_terms(&terms, &screen.clock));
    ask::sure(screen, flags.yes, text.circle_join_sure())?;
    let command = Command::CircleJoin {
        link: link.clone(),
        called,
    };
    let Done::CircleJoining { .. } = desk.ask(command)? else {
        return Err(unexpected("circle join"));
    };
    screen.note(text.circle_knocking(&link.inviter, flags.wait));
    match welcome(&mut desk, link.circle, Duration::from_secs(flags.wait))? {
        Welcome::In(circle, items) => {
            let fields = json!({ "circle": circle, "items": items });
            let alone = !desk.is_elsewhere();
            screen.done("circle-joined", fields, |screen| {
                screen.lines(screen.text.circle_joined(&circle, &link.name, items, alone));
            });
            Ok(())
        }
        Welcome::Refused(why) => Err(Failure::NotWelcome {
            circle: link.name,
            inviter: link.inviter,
            why,
        }),
        Welcome::NoAnswer => Err(Failure::NoWelcomeYet {
            circle: link.name,
            inviter: link.inviter,
            seconds: flags.wait,
            here_only: typed::only_of_this_computer(&link.card.addresses),
            running: desk.is_elsewhere(),
        }),
    }
}

/// What came of asking to come in.
enum Welcome {
    /// We are in, and this many items of its list are here.
    In(Box<CircleShown>, usize),
    Refused(WhyNot),
    NoAnswer,
}

/// Waits until we are in and the circle is here, until we are refused, or so long.
fn welcome(desk: &mut Desk, id: CircleId, wait: Duration) -> Result<Welcome, Failure> {
    let begun = Instant::now();
    let (mut seen, mut since) = (None, Instant::now());
    loop {
        let (circles, joining) = all(desk)?;
        let asked = joining.into_iter().find(|it| it.circle == id);
        let over = begun.elapsed() >= wait;
        if let Some(asked) = asked {
            match asked.refused {
                Some(why) => return Ok(Welcome::Refused(why)),
                None if over => return Ok(Welcome::NoAnswer),
                None => {}
            }
        } else if let Some(circle) = circles.into_iter().find(|it| it.id == id) {
            let items = items_of(desk, &id.to_string())?.items.len();
            let here = is_live(&circle) && circle.edits_waiting == 0;
            // Who is there has heard of us before this process may end.
            let told = !(circle.members.iter()).any(|it| it.connected && it.behind);
            let now = (circle.members.len(), items, here, told);
            if seen != Some(now) {
                (seen, since) = (Some(now), Instant::now());
            }
            if over || (here && told && since.elapsed() >= QUIET) {
                return Ok(Welcome::In(Box::new(circle), items));
            }
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Ends our own membership.
pub(crate) fn leave(context: &Context, flags: &CircleLeaveFlags) -> Result<(), Failure> {
    let (screen, text) = (&context.screen, context.screen.text);
    ask::needs_a_yes(screen, flags.yes)?;
    let mut desk = Desk::open(context)?;
    let circle = the(&mut desk, &flags.circle)?;
    if !flags.yes && is_live(&circle) {
        screen.notes(text.circle_leaving(&circle));
    }
    ask::sure(screen, flags.yes, text.circle_leave_sure())?;
    let circle = circle.id.to_string();
    let circle = changed(&mut desk, Command::CircleLeave { circle })?;
    let fields = json!({ "circle": circle });
    let running = desk.is_running();
    screen.done("circle-left", fields, |screen| {
        screen.lines(screen.text.circle_left(&circle, running));
    });
    Ok(())
}

/// Ends somebody else's membership.
pub(crate) fn remove(context: &Context, flags: &CircleRemoveFlags) -> Result<(), Failure> {
    let (screen, text) = (&context.screen, context.screen.text);
    ask::needs_a_yes(screen, flags.yes)?;
    let mut desk = Desk::open(context)?;
    let circle = the(&mut desk, &flags.circle)?;
    if !flags.yes {
        screen.notes(text.circle_removing(&circle, &flags.person));
    }
    ask::sure(screen, flags.yes, text.circle_remove_sure())?;
    let command = Command::CircleRemove {
        circle: circle.id.to_string(),
        member: flags.person.clone(),
    };
    let after = changed(&mut desk, command)?;
    let stays = |who| after.members.iter().any(|it| it.person == who);
    let gone = circle.members.iter().find(|it| !stays(it.person));
    let now = clock::now();
    let open = (after.invites.iter()).any(|invite| invite.closed(now).is_none());
    let fields = json!({ "circle": after, "removed": gone });
    screen.done("circle-removed", fields, |screen| {
        let name = gone.map_or(flags.person.as_str(), |it| it.name.as_str());
        screen.lines(
            screen
                .text
                .circle_removed(&after, name, open, desk.is_running()),
        );
    });
    Ok(())
}

/// Shows the list.
pub(crate) fn items(context: &Context, flags: &CircleFlags) -> Result<(), Failure> {
    let listed = items_of(&mut Desk::open(context)?, &flags.circle)?;
    let fields = listed.fields();
    context.screen.done("circle-items", fields, |screen| {
        if listed.items.is_empty() {
            screen.note(screen.text.circle_no_items(&listed.name));
        }
        for (at, item) in listed.items.iter().enumerate() {
            screen.line(screen.text.circle_item(at + 1, item));
        }
        if listed.waiting > 0 {
            screen.note(screen.text.circle_edits_waiting(listed.waiting));
        }
    });
    Ok(())
}

/// Adds an item.
pub(crate) fn add(context: &Context, flags: &CircleAddFlags) -> Result<(), Failure> {
    let text = flags.text.clone();
    change(context, &flags.circle, ListChange::Add { text })
}

/// Ticks an item off, or not.
pub(crate) fn tick(context: &Context, flags: &CircleItemFlags, done: bool) -> Result<(), Failure> {
    let item = flags.item.clone();
    change(context, &flags.circle, ListChange::Tick { item, done })
}

/// Takes an item off.
pub(crate) fn drop_item(context: &Context, flags: &CircleItemFlags) -> Result<(), Failure> {
    let item = flags.item.clone();
    change(context, &flags.circle, ListChange::Remove { item })
}

/// Says an item in other words.
pub(crate) fn rename(context: &Context, flags: &CircleRenameFlags) -> Result<(), Failure> {
    let (item, text) = (flags.item.clone(), flags.text.clone());
    change(context, &flags.circle, ListChange::Rename { item, text })
}

fn change(context: &Context, circle: &str, change: ListChange) -> Result<(), Failure> {
    let circle = circle.to_owned();
    let dropped = matches!(change, ListChange::Remove { .. });
    let mut desk = Desk::open(context)?;
    let listed = Listed::of(desk.ask(Command::CircleChange { circle, change })?)?;
    context
        .screen
        .done("circle-changed", listed.fields(), |screen| {
            let text = screen.text;
            let place = |item: &ListShown| listed.items.iter().position(|it| it.id == item.id);
            match &listed.changed {
                Some(item) if dropped => screen.line(text.circle_item_dropped(&item.text)),
                Some(item) => {
                    screen.line(text.circle_item(place(item).map_or(0, |at| at + 1), item));
                }
                None => {}
            }
            if listed.waiting > 0 {
                screen.note(text.circle_edits_waiting(listed.waiting));
            } else if !desk.is_running() {
                screen.note(text.circle_not_running());
            }
        });
    Ok(())
}

/// A circle's list, as answered.
struct Listed {
    circle: CircleId,
    name: String,
    items: Vec<ListShown>,
    waiting: u64,
    changed: Option<ListShown>,
}

impl Listed {
    fn of(done: Done) -> Result<Self, Failure> {
        match done {
            Done::CircleListed {
                circle,
                name,
                items,
                waiting,
                changed,
            } => Ok(Self {
                circle,
                name,
                items,
                waiting,
                changed,
            }),
            _ => Err(unexpected("circle items")),
        }
    }

    fn fields(&self) -> Value {
        let numbered = |(at, item): (usize, &ListShown)| {
            let mut fields = fields_of(item);
            fields["number"] = (at + 1).into();
            fields
        };
        let items: Vec<Value> = self.items.iter().enumerate().map(numbered).collect();
        json!({
            "circle": self.circle,
            "name": self.name,
            "items": items,
            "waiting": self.waiting,
            "changed": self.changed,
        })
    }
}

fn items_of(desk: &mut Desk, circle: &str) -> Result<Listed, Failure> {
    let circle = circle.to_owned();
    Listed::of(desk.ask(Command::CircleList { circle })?)
}

fn all(desk: &mut Desk) -> Result<(Vec<CircleShown>, Vec<JoiningShown>), Failure> {
    match desk.ask(Command::Circles)? {
        Done::Circles { circles, joining } => Ok((circles, joining)),
        _ => Err(unexpected("circle list")),
    }
}

/// The circle of this name or id; which one that is, the machine says.
fn the(desk: &mut Desk, typed: &str) -> Result<CircleShown, Failure> {
    let id = items_of(desk, typed)?.circle;
    let found = all(desk)?.0.into_iter().find(|circle| circle.id == id);
    found.ok_or_else(|| unexpected("circle status"))
}

fn changed(desk: &mut Desk, command: Command) -> Result<CircleShown, Failure> {
    match desk.ask(command)? {
        Done::CircleChanged { circle } => Ok(circle),
        _ => Err(unexpected("circle")),
    }
}

fn is_called(joining: &JoiningShown, typed: &str) -> bool {
    let typed = typed.to_lowercase();
    joining.name.to_lowercase() == typed || joining.circle.to_string() == typed
}

fn is_live(circle: &CircleShown) -> bool {
    matches!(
        circle.standing,
        CircleStanding::Member | CircleStanding::Admin
    )
}

/// What our person is called in a circle: what was typed, else what they are called in the circle that they came
/// into last, else what they answer.
fn called(context: &Context, desk: &mut Desk, typed: Option<&str>) -> Result<String, Failure> {
    if let Some(typed) = typed {
        return Ok(typed.trim().to_owned());
    }
    let last = all(desk)?.0.into_iter().max_by_key(|circle| circle.since);
    if let Some(last) = last.filter(|it| !it.called.is_empty()) {
        return Ok(last.called);
    }
    let (screen, text) = (&context.screen, context.screen.text);
    if !ask::somebody(screen) {
        return Err(Failure::Usage {
            what: text.usage_missing("--as"),
            hint: Some(text.circle_hint_as().to_owned()),
        });
    }
    loop {
        let name = ask::line(text.circle_ask_name())?;
        if !name.is_empty() {
            return Ok(name);
        }
    }
}

/// One circle, with its members and invites.
fn tell(context: &Context, done: &str, circle: &CircleShown) {
    let fields = json!({ "circle": circle });
    context.screen.done(done, fields, |screen| {
        screen.lines(screen.text.circle_head(circle, &screen.clock));
        for member in &circle.members {
            let member = screen.text.circle_member(member, &screen.clock);
            screen.line(format!("  {member}"));
        }
        if !circle.invites.is_empty() {
            screen.line(screen.text.circle_invites_head());
            screen.lines(invites(circle, screen));
        }
        if circle.edits_waiting > 0 {
            screen.line(screen.text.circle_edits_waiting(circle.edits_waiting));
        }
        if circle.changes_waiting > 0 {
            screen.line(screen.text.circle_changes_waiting(circle.changes_waiting));
        }
        for (name, why) in &circle.changes_aside {
            screen.line(screen.text.circle_change_aside(name, why));
        }
    });
}

fn invites(circle: &CircleShown, screen: &Screen) -> Vec<String> {
    let now = clock::now();
    let told = |invite| screen.text.circle_invite(invite, now, &screen.clock);
    let lines = circle.invites.iter().flat_map(told);
    lines.map(|line| format!("  {line}")).collect()
}
