//! Inès imports what her life left, shares one view of it with Marc, and stops.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use maille_core::command::{
    Command, CommandError, Done, ElectricityMonth, ProjectedRow, SentEntry, SentWhat, ShareState,
};
use maille_node::clock;
use maille_node::driver::CallError;
use maille_node::keystore;
use maille_node::net::{Net, NetEvent, NetOptions};
use maille_protocol::card::ShareLink;
use maille_protocol::id::GrantId;
use maille_protocol::time::DAY_MS;
use maille_schemas::document::Month;
use maille_schemas::factors::{FactorSetId, Footprint};
use maille_schemas::sample::SampleFile;
use serde_json::json;

use super::someone::Someone;
use super::{ARRIVES_WITHIN, LENS, NOTHING_FOR, Show, millis_since, pasted};
use crate::cli::failure::{Failure, causes};
use crate::cli::rows;
use crate::i18n::DemoStep;

/// How long Inès shares for.
const SHARE_MS: u64 = 90 * DAY_MS;

pub(super) async fn found(folder: &Path, show: &mut Show<'_>) -> Result<[Someone; 3], Failure> {
    let step = show.step(DemoStep::Found);
    fs::create_dir_all(folder).map_err(|error| Failure::FileUnwritable {
        file: folder.to_owned(),
        reason: error.to_string(),
    })?;
    let people = [
        Someone::new(folder, "Inès").await?,
        Someone::new(folder, "Marc").await?,
        Someone::new(folder, "Zoé").await?,
    ];
    let persons = people.each_ref().map(|someone| someone.node.person());
    let listening = people.each_ref().map(|someone| someone.node.listening());
    step.sure(
        persons[0] != persons[1] && persons[1] != persons[2] && persons[0] != persons[2],
        || "two are the same person".to_owned(),
    )?;
    step.sure(
        listening.iter().all(|addresses| !addresses.is_empty()),
        || format!("{listening:?}"),
    )?;
    show.seen(&step, &json!({ "people": persons, "listening": listening }));
    Ok(people)
}

pub(super) async fn import(
    ines: &Someone,
    files: &[&SampleFile],
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let step = show.step(DemoStep::Import);
    let mut seen = Vec::new();
    for file in files {
        let (count, added) = ines.imports(file).await?;
        step.sure(count > 0 && added == count, || {
            format!("{}: {added} of {count} added", file.name)
        })?;
        let (_, again) = ines.imports(file).await?;
        step.sure(again == 0, || {
            format!("{}: {again} added the second time", file.name)
        })?;
        seen.push(json!({ "file": file.name, "records": count }));
    }
    show.seen(&step, &json!(seen));
    Ok(())
}

pub(super) async fn see(
    ines: &Someone,
    show: &mut Show<'_>,
) -> Result<(Footprint, BTreeMap<Month, ElectricityMonth>), Failure> {
    let step = show.step(DemoStep::Footprint);
    let command = Command::Footprint {
        factors: FactorSetId::default(),
    };
    let Done::Footprint {
        mobility,
        electricity,
    } = ines.ask(command).await?
    else {
        return Err(step.failed("another answer"));
    };
    let co2e_mg: u64 = mobility.months.values().map(|month| month.co2e.get()).sum();
    let unknown_mm: u64 = mobility
        .months
        .values()
        .map(|month| month.unknown_distance.get())
        .sum();
    let energy_j: u64 = electricity.values().map(|month| month.energy_j).sum();
    let seen =
        json!({ "co2e_mg": co2e_mg, "unknown_distance_mm": unknown_mm, "energy_j": energy_j });
    step.sure(co2e_mg > 0 && unknown_mm > 0 && energy_j > 0, || {
        seen.to_string()
    })?;
    show.seen(&step, &seen);
    Ok((mobility, electricity))
}

/// Returns the link as Marc gets it, pasted, and the rows that he should see.
pub(super) async fn share(
    ines: &Someone,
    marc: &Someone,
    show: &mut Show<'_>,
) -> Result<(ShareLink, Vec<ProjectedRow>), Failure> {
    let step = show.step(DemoStep::Share);
    let preview = ines.preview().await?;
    let command = Command::ShareCreate {
        lens: LENS.to_owned(),
        with: pasted(&step, &marc.card().await?)?,
        name: "Marc".to_owned(),
        until: clock::now().plus_millis(SHARE_MS),
        from: None,
        purpose: show.screen.text.demo_purpose().to_owned(),
    };
    let Done::ShareCreated { share, link } = ines.ask(command).await? else {
        return Err(step.failed("another answer"));
    };
    let rows = u64::try_from(preview.len()).unwrap_or(u64::MAX);
    step.sure(
        rows > 0 && share.rows == rows && share.id == link.grant,
        || format!("{rows} rows previewed, {} shared", share.rows),
    )?;
    let text = show.screen.text;
    let sentence = rows::sentence(LENS, text.lang());
    let push_in = |line: &String| format!("        {line}");
    show.screen.note(push_in(&text.share_will_see(&share.name)));
    show.screen.notes(show.screen.wrapped(&sentence, 10));
    let more = text.share_will_show(&share, &show.screen.clock);
    show.screen.notes(more.iter().map(push_in));
    show.seen(
        &step,
        &json!({ "rows": rows, "share": share.id, "link": link.to_string() }),
    );
    Ok((pasted(&step, &link)?, preview))
}

pub(super) async fn accept(
    marc: &Someone,
    link: ShareLink,
    preview: &[ProjectedRow],
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let step = show.step(DemoStep::Accept);
    let id = link.grant;
    let begun = Instant::now();
    marc.ask(Command::ReceivedAccept {
        link,
        name: "Inès".to_owned(),
    })
    .await?;
    let share = step
        .wait("Inès' rows at Marc's", || async {
            let (share, rows) = marc.holds(id).await?;
            Ok((rows == preview && share.state == ShareState::Active).then_some(share))
        })
        .await?;
    let within_ms = millis_since(begun);
    show.seen(
        &step,
        &json!({ "rows": share.rows, "within_ms": within_ms }),
    );
    Ok(())
}

/// Returns the rows that Marc holds now.
pub(super) async fn live(
    ines: &Someone,
    marc: &Someone,
    id: GrantId,
    file: &SampleFile,
    before: usize,
    show: &mut Show<'_>,
) -> Result<Vec<ProjectedRow>, Failure> {
    let step = show.step(DemoStep::Live);
    let begun = Instant::now();
    ines.imports(file).await?;
    let preview = ines.preview().await?;
    step.sure(preview.len() > before, || {
        format!("{} rows after {before}", preview.len())
    })?;
    step.wait("the new rows at Marc's", || async {
        Ok((marc.holds(id).await?.1 == preview).then_some(()))
    })
    .await?;
    let within_ms = millis_since(begun);
    let new = preview.len() - before;
    show.seen(&step, &json!({ "new_rows": new, "within_ms": within_ms }));
    Ok(preview)
}

/// Zoé knows every id and address. She tries her own node with Inès' link for Marc, the
/// same with a forged link, and a bare connection.
pub(super) async fn stranger(
    ines: &Someone,
    zoe: Someone,
    link: &ShareLink,
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let step = show.step(DemoStep::Stranger);
    let person = zoe.node.person();
    let accept = |link| Command::ReceivedAccept {
        link,
        name: "Inès".to_owned(),
    };
    let refused = zoe.node.call(accept(link.clone())).await;
    let told = matches!(
        refused,
        Err(CallError::Command(CommandError::ForSomebodyElse { .. }))
    );
    step.sure(told, || "Zoé's node took a link for Marc".to_owned())?;

    let forged = ShareLink {
        to: person,
        ..link.clone()
    };
    zoe.ask(accept(forged)).await?;
    tokio::time::sleep(NOTHING_FOR).await;
    let (held, rows) = zoe.holds(link.grant).await?;
    step.sure(
        held.state == ShareState::Pending && held.purpose.is_empty() && rows.is_empty(),
        || format!("Zoé holds {} rows, {:?}", rows.len(), held.state),
    )?;
    let keys =
        keystore::open(&zoe.home, None).map_err(|error| Failure::of_key(zoe.home.path(), error))?;
    zoe.node.shutdown().await;

    let options = NetOptions {
        seed: keys.transport,
        listen: vec!["/ip4/127.0.0.1/udp/0/quic-v1".to_owned()],
        nearby: false,
    };
    let (net, mut inbox) = Net::start(options)
        .await
        .map_err(|error| step.failed(causes(&error)))?;
    net.dial(link.card.transport, link.card.addresses.clone());
    let mut connected = false;
    let mut frames = 0;
    let deadline = tokio::time::Instant::now() + ARRIVES_WITHIN;
    while let Ok(Some(event)) = tokio::time::timeout_at(deadline, inbox.recv()).await {
        match event {
            NetEvent::Connected { connection, .. } => {
                connected = true;
                net.send(connection, b"Zoe was here".to_vec());
            }
            NetEvent::Received { .. } => frames += 1,
            NetEvent::Disconnected { .. } | NetEvent::DialFailed { .. } => break,
            NetEvent::Listening(_) | NetEvent::Nearby { .. } => {}
        }
    }
    net.shutdown(inbox).await;
    step.sure(connected, || {
        "Zoé's connection never reached Inès".to_owned()
    })?;
    step.sure(frames == 0, || format!("{frames} frames came back to Zoé"))?;
    let to_zoe = ines
        .sent()
        .await?
        .iter()
        .filter(|entry| entry.to == Some(person))
        .count();
    step.sure(to_zoe == 0, || format!("{to_zoe} things left for Zoé"))?;
    show.seen(
        &step,
        &json!({ "link_refused": true, "rows": 0, "frames": 0 }),
    );
    Ok(())
}

pub(super) async fn revoke(
    ines: &Someone,
    marc: &Someone,
    id: GrantId,
    rows: &[ProjectedRow],
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let step = show.step(DemoStep::Revoke);
    let Done::ShareRevoked { share } = ines
        .ask(Command::ShareRevoke {
            share: id.to_string(),
        })
        .await?
    else {
        return Err(step.failed("another answer"));
    };
    let ShareState::Revoked { at } = share.state else {
        return Err(step.failed(format!("{:?}", share.state)));
    };
    let kept = step
        .wait("the end at Marc's", || async {
            let (share, rows) = marc.holds(id).await?;
            Ok(matches!(share.state, ShareState::Revoked { .. }).then_some(rows))
        })
        .await?;
    step.sure(kept == rows, || {
        format!("Marc keeps {} rows of {}", kept.len(), rows.len())
    })?;
    step.wait("Marc's confirmation", || async {
        Ok(ines.gave(id).await?.end_acknowledged.then_some(()))
    })
    .await?;
    show.seen(&step, &json!({ "revoked_at": at, "rows_kept": kept.len() }));
    Ok(())
}

pub(super) async fn after(
    ines: &Someone,
    marc: &Someone,
    id: GrantId,
    file: &SampleFile,
    before: &[ProjectedRow],
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let step = show.step(DemoStep::After);
    let sent = ines.sent().await?.len();
    let (_, added) = ines.imports(file).await?;
    let preview = ines.preview().await?;
    step.sure(added > 0 && preview != before, || {
        "the import changed no row".to_owned()
    })?;
    tokio::time::sleep(NOTHING_FOR).await;
    let (share, rows) = marc.holds(id).await?;
    step.sure(
        rows == before && matches!(share.state, ShareState::Revoked { .. }),
        || format!("Marc holds {} rows, {:?}", rows.len(), share.state),
    )?;
    let left = ines.sent().await?;
    let rows_left = left
        .iter()
        .skip(sent)
        .filter(|entry| matches!(entry.what, SentWhat::Rows { .. }))
        .count();
    step.sure(rows_left == 0, || {
        format!("{rows_left} times rows left after the end")
    })?;
    show.seen(&step, &json!({ "records_added": added, "rows_sent": 0 }));
    Ok(())
}

pub(super) async fn log(
    ines: &Someone,
    id: GrantId,
    show: &mut Show<'_>,
) -> Result<Vec<SentEntry>, Failure> {
    let step = show.step(DemoStep::Log);
    let sent = ines.sent().await?;
    let to = ines.gave(id).await?.to;
    step.sure(
        sent.iter()
            .all(|entry| entry.to == Some(to) && entry.why.grant() == Some(id)),
        || "something left for somebody else".to_owned(),
    )?;
    let has = |wanted: fn(&SentWhat) -> bool| sent.iter().any(|entry| wanted(&entry.what));
    let complete = has(|what| matches!(what, SentWhat::Grant))
        && has(|what| matches!(what, SentWhat::Rows { rows } if *rows > 0))
        && has(|what| matches!(what, SentWhat::End));
    step.sure(complete, || {
        format!("the journal lacks something: {sent:?}")
    })?;
    show.seen(&step, &json!({ "entries": sent.len() }));
    Ok(sent)
}
