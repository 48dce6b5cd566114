//! A circle of eight made-up people: who comes in, what they write together, who is taken out.

use std::collections::BTreeSet;
use std::time::Instant;

use maille_core::command::{CircleKind, CircleStanding, Command, Done, ListShown};
use maille_node::clock;
use maille_protocol::id::{CircleId, PersonId};
use maille_protocol::invite::{InviteLink, WhyNot};
use maille_protocol::time::DAY_MS;
use serde_json::json;

use super::held::members as members_of;
use super::someone::Someone;
use super::{NOTHING_FOR, Show, Step, millis_since, pasted};
use crate::cli::failure::Failure;
use crate::i18n::DemoStep;

/// How many they are.
pub(super) const MEMBERS: usize = 8;

/// All that the others write, and then two more.
const ITEMS: usize = MEMBERS + 2;

/// Inès makes a circle. Marc comes in by an invite for one, by which Léo is then refused; Léo and the others come in by
/// one for as many as they are.
pub(super) async fn circle(
    members: &[&Someone; MEMBERS],
    show: &mut Show<'_>,
) -> Result<CircleId, Failure> {
    let step = show.step(DemoStep::Circle);
    let [ines, marc, others @ ..] = members;
    let name = show.screen.text.demo_circle().to_owned();
    let command = Command::CircleCreate {
        name: name.clone(),
        kind: CircleKind::Household,
        called: ines.called.to_owned(),
    };
    let Done::CircleCreated { circle } = ines.ask(command).await? else {
        return Err(step.failed("another answer"));
    };
    let begun = Instant::now();
    let for_one = invite(&step, ines, circle.id, 1).await?;
    marc.joins(pasted(&step, &for_one)?).await?;
    let is_used_up = async || {
        let shown = ines.circle().await?;
        Ok(shown.filter(|it| it.members.len() == 2).map(drop))
    };
    step.wait("Marc in the circle", is_used_up).await?;
    others[0].joins(pasted(&step, &for_one)?).await?;
    step.wait("the refusal of a used invite", async || {
        let refused = others[0].refused(circle.id).await?;
        Ok((refused == Some(WhyNot::UsedUp)).then_some(()))
    })
    .await?;
    let uses = u32::try_from(others.len()).unwrap_or(u32::MAX);
    let for_all = invite(&step, ines, circle.id, uses).await?;
    for other in others {
        other.joins(pasted(&step, &for_all)?).await?;
    }
    let all: BTreeSet<(PersonId, String)> = (members.iter())
        .map(|it| (it.node.person(), it.called.to_owned()))
        .collect();
    for member in members {
        step.wait("all eight in the circle", || async {
            let shown = member.circle().await?;
            Ok(shown.filter(|it| members_of(it) == all).map(drop))
        })
        .await?;
    }
    let within_ms = millis_since(begun);
    let invites = ines.circle().await?.map(|it| it.invites);
    let came: Vec<(u32, usize, u32)> = (invites.into_iter().flatten())
        .map(|it| (it.uses, it.used.len(), it.refused))
        .collect();
    step.sure(came == [(1, 1, 1), (uses, others.len(), 0)], || {
        format!("invites for, used, refused: {came:?}")
    })?;
    show.note(show.screen.text.demo_circle_seen());
    show.seen(
        &step,
        &json!({
            "circle": circle.id,
            "name": name,
            "members": all.len(),
            "invites": came.iter().map(|(uses, used, refused)| {
                json!({ "uses": uses, "used": used, "refused": refused })
            }).collect::<Vec<_>>(),
            "within_ms": within_ms,
        }),
    );
    Ok(circle.id)
}

/// Makes an invite for as many.
async fn invite(
    step: &Step,
    ines: &Someone,
    circle: CircleId,
    uses: u32,
) -> Result<InviteLink, Failure> {
    let command = Command::CircleInvite {
        circle: circle.to_string(),
        uses,
        until: clock::now().plus_millis(DAY_MS),
        admin: false,
    };
    match ines.ask(command).await? {
        Done::CircleInvited { link, .. } => Ok(link),
        _ => Err(step.failed("another answer")),
    }
}

/// All write at once.
pub(super) async fn write_together(
    circle: CircleId,
    members: &[&Someone; MEMBERS],
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let step = show.step(DemoStep::List);
    let begun = Instant::now();
    let items = show.screen.text.demo_items();
    let writes = members.iter().zip(items);
    let writes = writes.map(|(member, item)| member.writes(circle, item));
    futures::future::try_join_all(writes).await?;
    for member in members {
        step.wait("one list at all eight", || async {
            let (here, first) = (member.list(circle).await?, members[0].list(circle).await?);
            Ok((here.len() == MEMBERS && here == first).then_some(()))
        })
        .await?;
    }
    let within_ms = millis_since(begun);
    show.seen(
        &step,
        &json!({ "items": MEMBERS, "same_at": MEMBERS, "within_ms": within_ms }),
    );
    Ok(())
}

/// Inès takes Marc out. Returns the list at Léo's and at Marc's.
pub(super) async fn remove(
    circle: CircleId,
    members: &[&Someone; MEMBERS],
    show: &mut Show<'_>,
) -> Result<[Vec<ListShown>; 2], Failure> {
    let step = show.step(DemoStep::Remove);
    let [ines, marc, leo, ..] = members;
    let before = marc.list(circle).await?;
    let command = Command::CircleRemove {
        circle: circle.to_string(),
        member: marc.called.to_owned(),
    };
    ines.ask(command).await?;
    let is_marc = |member: &Someone| member.node.person() == marc.node.person();
    for member in members {
        step.wait("the removal", || async {
            let seen = member.circle().await?;
            Ok(seen
                .is_some_and(|seen| match is_marc(member) {
                    true => seen.standing == CircleStanding::Removed,
                    false => seen.members.len() == MEMBERS - 1,
                })
                .then_some(()))
        })
        .await?;
    }
    let [.., last_but_one, last, _] = show.screen.text.demo_items();
    ines.writes(circle, last_but_one).await?;
    leo.writes(circle, last).await?;
    let mut whole = Vec::new();
    for member in members.iter().filter(|it| !is_marc(it)) {
        whole = step
            .wait("what was written after", || async {
                let (here, there) = (ines.list(circle).await?, member.list(circle).await?);
                Ok((here.len() == ITEMS && here == there).then_some(here))
            })
            .await?;
    }
    tokio::time::sleep(NOTHING_FOR).await;
    let after = marc.list(circle).await?;
    step.sure(after == before && after.len() == MEMBERS, || {
        format!("Marc's list: {after:?}")
    })?;
    show.seen(
        &step,
        &json!({ "items": whole.len(), "same_at": MEMBERS - 1, "items_at_marc": after.len() }),
    );
    Ok([whole, after])
}
