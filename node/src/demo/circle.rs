//! A circle of made-up people: who comes in, what they write together, who is taken out.

use std::time::Instant;

use maille_core::command::{CircleKind, CircleStanding, Command, Done, ListShown};
use maille_node::clock;
use maille_protocol::id::CircleId;
use maille_protocol::time::DAY_MS;
use serde_json::json;

use super::someone::Someone;
use super::{NOTHING_FOR, Show, pasted};
use crate::cli::failure::Failure;
use crate::i18n::DemoStep;

/// Inès makes a circle, Marc and Léo come in by one invite.
pub(super) async fn circle(
    people: [&Someone; 3],
    show: &mut Show<'_>,
) -> Result<CircleId, Failure> {
    let step = show.step(DemoStep::Circle);
    let [ines, marc, leo] = people;
    let name = show.screen.text.demo_circle().to_owned();
    let command = Command::CircleCreate {
        name: name.clone(),
        kind: CircleKind::Household,
        called: "Inès".to_owned(),
    };
    let Done::CircleCreated { circle } = ines.ask(command).await? else {
        return Err(step.failed("another answer"));
    };
    let command = Command::CircleInvite {
        circle: circle.id.to_string(),
        uses: 2,
        until: clock::now().plus_millis(DAY_MS),
        admin: false,
    };
    let Done::CircleInvited { link, .. } = ines.ask(command).await? else {
        return Err(step.failed("another answer"));
    };
    let begun = Instant::now();
    for (someone, called) in [(marc, "Marc"), (leo, "Léo")] {
        let command = Command::CircleJoin {
            link: pasted(&step, &link)?,
            called: called.to_owned(),
        };
        someone.ask(command).await?;
    }
    for someone in people {
        step.wait("all three in the circle", || async {
            let circle = someone.circle().await?;
            let mut names: Vec<String> = (circle.into_iter())
                .flat_map(|circle| circle.members)
                .map(|member| member.name)
                .collect();
            names.sort();
            Ok((names == ["Inès", "Léo", "Marc"]).then_some(()))
        })
        .await?;
    }
    let within_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    show.seen(
        &step,
        &json!({ "circle": circle.id, "name": name, "members": 3, "within_ms": within_ms }),
    );
    Ok(circle.id)
}

pub(super) async fn write_together(
    circle: CircleId,
    people: [&Someone; 3],
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let step = show.step(DemoStep::List);
    let begun = Instant::now();
    let items = show.screen.text.demo_items();
    for (someone, item) in people.into_iter().zip(items) {
        someone.writes(circle, item).await?;
    }
    for someone in people {
        step.wait("one list at all three", || async {
            let (here, first) = (someone.list(circle).await?, people[0].list(circle).await?);
            Ok((here.len() == 3 && here == first).then_some(()))
        })
        .await?;
    }
    let within_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    show.seen(&step, &json!({ "items": 3, "within_ms": within_ms }));
    Ok(())
}

/// Returns the list at Léo's and at Marc's.
pub(super) async fn remove(
    circle: CircleId,
    [ines, marc, leo]: [&Someone; 3],
    show: &mut Show<'_>,
) -> Result<[Vec<ListShown>; 2], Failure> {
    let step = show.step(DemoStep::Remove);
    let before = marc.list(circle).await?;
    let command = Command::CircleRemove {
        circle: circle.to_string(),
        member: "Marc".to_owned(),
    };
    ines.ask(command).await?;
    for (someone, out) in [(marc, true), (leo, false)] {
        step.wait("the removal", || async {
            let seen = someone.circle().await?;
            Ok(seen
                .is_some_and(|seen| match out {
                    true => seen.standing == CircleStanding::Removed,
                    false => seen.members.len() == 2,
                })
                .then_some(()))
        })
        .await?;
    }
    let [.., fourth, fifth] = show.screen.text.demo_items();
    ines.writes(circle, fourth).await?;
    leo.writes(circle, fifth).await?;
    let whole = step
        .wait("what was written after", || async {
            let (here, there) = (ines.list(circle).await?, leo.list(circle).await?);
            Ok((here.len() == 5 && here == there).then_some(here))
        })
        .await?;
    tokio::time::sleep(NOTHING_FOR).await;
    let after = marc.list(circle).await?;
    step.sure(after == before && after.len() == 3, || {
        format!("Marc's list: {after:?}")
    })?;
    show.seen(
        &step,
        &json!({ "items": whole.len(), "items_at_marc": after.len() }),
    );
    Ok([whole, after])
}
