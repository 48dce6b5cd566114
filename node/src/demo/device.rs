//! Inès adds a phone to her laptop, and loses it.

use std::path::Path;

use maille_core::command::{Command, Done};
use maille_node::driver::{Mode, Node};
use maille_node::keystore::{self, EmptyHome};
use maille_node::pairing::Asking;
use serde_json::json;

use super::Show;
use super::someone::{Someone, other_answer};
use crate::cli::desk::of_start;
use crate::cli::failure::{Failure, causes};
use crate::i18n::DemoStep;

/// What a person holds: trips and readings.
async fn held(someone: &Someone) -> Result<(u64, u64), Failure> {
    match someone.ask(Command::Status).await? {
        Done::Status(status) => Ok((status.trips, status.readings)),
        other => Err(other_answer(&other)),
    }
}

/// Pairs, waits for the vault, removes.
pub(super) async fn device(
    folder: &Path,
    ines: &Someone,
    show: &mut Show<'_>,
) -> Result<(), Failure> {
    let step = show.step(DemoStep::Device);
    let called = "laptop".to_owned();
    let senior = false;
    let Done::DeviceCode { code } = ines.ask(Command::DeviceAdd { senior, called }).await? else {
        return Err(step.failed("another answer"));
    };
    let asking = Asking::ask(code, "phone".to_owned()).await;
    let asking = asking.map_err(|error| step.failed(causes(&error)))?;
    let asks = step
        .wait("the phone's request", || async {
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
    let path = folder.join("ines-phone");
    let home = EmptyHome::create(&path, None, Vec::new());
    let home = home.and_then(|home| home.fill(founding, transport));
    let home = home.map_err(|error| Failure::of_create(&path, error))?;
    let keys = keystore::open(&home, None).map_err(|error| Failure::of_key(&path, error))?;
    let node = Node::start(&home, keys, Mode::Online).await;
    let node = node.map_err(|error| of_start(&path, error))?;
    let phone = Someone { home, node };
    let all = held(ines).await?;
    step.wait("Inès' data on her phone", || async {
        Ok((held(&phone).await? == all).then_some(()))
    })
    .await?;
    let device = "phone".to_owned();
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
    show.seen(
        &step,
        &json!({ "trips": all.0, "readings": all.1, "removed": true }),
    );
    Ok(())
}
