//! Inès adds a phone to her laptop, and loses it.

use std::path::Path;

use maille_core::command::{Command, Done};
use maille_node::keystore::EmptyHome;
use maille_node::pairing::Asking;
use maille_protocol::id::CircleId;
use serde_json::json;

use super::held::Held;
use super::someone::{Someone, other_answer};
use super::{Show, Step};
use crate::cli::failure::{Failure, causes};
use crate::i18n::DemoStep;

/// Pairs, waits for all that the laptop holds, removes.
pub(super) async fn device(
    folder: &Path,
    ines: &Someone,
    circle: CircleId,
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let step = show.step(DemoStep::Device);
    let called = show.screen.text.demo_devices();
    let phone = folder.join("ines-phone");
    let phone = pair(&step, ines, &phone, [called.laptop, called.phone]).await?;
    let all = step
        .wait("all that the laptop holds on the phone", || async {
            let (here, there) = (
                Held::at(&phone, circle).await?,
                Held::at(ines, circle).await?,
            );
            Ok(here.filter(|here| there.as_ref() == Some(here)))
        })
        .await?;
    let device = called.phone.to_owned();
    step.wait("the phone's name", || async {
        let removed = ines.node.call(Command::DeviceRemove {
            device: device.clone(),
        });
        Ok(removed.await.ok())
    })
    .await?;
    step.wait("the phone hears that it is lost", || async {
        match phone.ask(Command::Devices).await? {
            Done::Devices { removed, .. } => Ok(removed.then_some(())),
            other => Err(other_answer(&other)),
        }
    })
    .await?;
    phone.node.shutdown().await;
    let trips = all.trips();
    let readings = all.records.len() - trips;
    show.seen(
        &step,
        &json!({ "trips": trips, "readings": readings, "items": all.shared.list.len(), "removed": true }),
    );
    Ok(())
}

/// Adds a device that lies at `path`. `called` is what the one that shows the code is called, and the new one.
pub(super) async fn pair(
    step: &Step,
    ines: &Someone,
    path: &Path,
    [shows, comes]: [&str; 2],
) -> Result<Someone, Failure> {
    let command = Command::DeviceAdd {
        senior: false,
        called: shows.to_owned(),
    };
    let Done::DeviceCode { code } = ines.ask(command).await? else {
        return Err(step.failed("another answer"));
    };
    let asking = Asking::ask(code, comes.to_owned()).await;
    let asking = asking.map_err(|error| step.failed(causes(&error)))?;
    let asks = step
        .wait("the new device's request", || async {
            match ines.ask(Command::Devices).await? {
                Done::Devices { pairing, .. } => Ok(pairing.and_then(|it| it.asks)),
                other => Err(other_answer(&other)),
            }
        })
        .await?;
    step.sure(asks.words == asking.words(), || {
        "the two show different words".to_owned()
    })?;
    ines.ask(Command::DeviceConfirm { same: true }).await?;
    let answer = asking.answer().await;
    let (founding, transport) = answer.map_err(|error| step.failed(causes(&error)))?;
    let home = EmptyHome::create(path, None, Vec::new());
    let home = home.and_then(|home| home.fill(founding, transport));
    let home = home.map_err(|error| Failure::of_create(path, error))?;
    Someone::at(home, ines.called).await
}
