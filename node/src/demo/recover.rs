//! Inès loses her machine altogether, and comes back on an empty one with her twelve words.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use maille_core::command::{CircleShown, Command, DeviceShown, Export, ListChange, ListShown};
use maille_node::keystore::{self, EmptyHome};
use maille_node::returning::Asking;
use maille_protocol::id::{CircleId, DeviceId, PersonId};
use serde_json::json;
use zeroize::Zeroizing;

use super::device::pair;
use super::held::{Held, Shared, devices, export};
use super::someone::Someone;
use super::{Show, Step, millis_since, pasted};
use crate::cli::failure::{Failure, causes};
use crate::i18n::{DemoDevices, DemoStep};

/// How long it may take until all is back: the new device says what stays of what the lost one wrote, in each circle 1 to
/// 10 s after the last thing of it has come; a new key follows 2 to 20 s later, or 30 to 90 if it has to be handed on.
const BACK_WITHIN: Duration = Duration::from_secs(120);

/// What came back, and what did not.
pub(crate) struct Recovered {
    pub(crate) trips: u64,
    pub(crate) readings: u64,
    pub(crate) circle: CircleShown,
    pub(crate) list: Vec<ListShown>,
    pub(crate) polls: u64,
    /// How many shares given are not back.
    pub(crate) shares_missing: u64,
    /// How many notes of what left the lost machine under a share are not back.
    pub(crate) notes_missing: u64,
}

/// Takes Inès' laptop away for good; asks her tablet, which she added before, and Léo who has her words.
///
/// `others` are in the circle with her, Léo first.
pub(super) async fn recover(
    folder: &Path,
    ines: Someone,
    others: &[&Someone],
    circle: CircleId,
    show: &mut Show<'_>,
) -> Result<Recovered, Failure> {
    let step = show.step(DemoStep::Recover);
    let called = show.screen.text.demo_devices();
    let tablet = folder.join("ines-tablet");
    let tablet = pair(&step, &ines, &tablet, [called.laptop, called.tablet]).await?;
    let before = step
        .wait("all that the laptop holds on the tablet", || async {
            let (here, there) = (
                Held::at(&tablet, circle).await?,
                Held::at(&ines, circle).await?,
            );
            let same_devices = names(&devices(&tablet).await?) == names(&devices(&ines).await?);
            Ok(here.filter(|here| same_devices && there.as_ref() == Some(here)))
        })
        .await?;
    let had = export(&ines).await?;
    let (person, name) = (ines.node.person(), ines.called);
    let words = (ines.words).ok_or_else(|| step.failed("no words were written down"))?;
    ines.node.shutdown().await;
    fs::remove_dir_all(ines.home.path()).map_err(|error| step.failed(causes(&error)))?;
    show.note(show.screen.text.demo_lost());

    let begun = Instant::now();
    let (asking, lost) = ask(&step, (words, person), [&tablet, others[0]], show).await?;
    let path = folder.join("ines-new");
    let home = EmptyHome::create(&path, None, Vec::new());
    let home = home.map_err(|error| Failure::of_create(&path, error))?;
    let founding = asking.returns(&[lost], called.new);
    let (founding, transport) = founding.map_err(|error| step.failed(causes(&error)))?;
    let home = home.fill(founding, transport);
    let home = home.map_err(|error| Failure::of_create(&path, error))?;
    let back = Someone::at(home, name).await?;
    step.within(BACK_WITHIN, "all that the laptop held", || async {
        let here = Held::at(&back, circle).await?;
        Ok((here.as_ref() == Some(&before)).then_some(()))
    })
    .await?;
    // Until the others hear what stays of what the lost one wrote, and it made the circle, they have nothing of it.
    for other in others {
        step.within(BACK_WITHIN, "the circle at the others", || async {
            let there = Shared::at(other, circle).await?;
            Ok((there.as_ref() == Some(&before.shared)).then_some(()))
        })
        .await?;
    }
    let within_ms = millis_since(begun);
    show.note(show.screen.text.demo_back());
    let speak = devices(&back).await?;
    step.sure(
        names(&speak) == [called.new, called.tablet] && speak[0].me,
        || format!("{speak:?}"),
    )?;
    let list = goes_on(&step, circle, [&back, &tablet, others[0]], show).await?;
    let recovered = missing(&step, &had, &back, (&before, list)).await?;
    show.seen(
        &step,
        &json!({
            "trips": recovered.trips,
            "readings": recovered.readings,
            "members": recovered.circle.members.len(),
            "items": before.shared.list.len(),
            "polls": recovered.polls,
            "within_ms": within_ms,
            "missing": {
                "shares_given": recovered.shares_missing,
                "notes_of_what_left": recovered.notes_missing,
            },
        }),
    );
    tablet.node.shutdown().await;
    back.node.shutdown().await;
    Ok(recovered)
}

/// Asks a device of hers and a contact who has the words, and returns which device is lost.
async fn ask(
    step: &Step,
    (words, person): (Zeroizing<String>, PersonId),
    whom: [&Someone; 2],
    show: &Show<'_>,
) -> Result<(Asking, DeviceId), Failure> {
    let text = show.screen.text;
    let DemoDevices { laptop, tablet, .. } = text.demo_devices();
    let seed = keystore::words_to_seed(&words).map_err(|error| step.failed(causes(&error)))?;
    let mut cards = Vec::new();
    for someone in whom {
        cards.push(pasted(step, &someone.card().await?)?);
    }
    let asking = Asking::who(seed.as_slice(), cards).await;
    let asking = asking.map_err(|error| step.failed(causes(&error)))?;
    let devices = asking.person().devices();
    let answered: Vec<(&str, bool)> = (devices.iter())
        .flat_map(|it| it.names.iter().map(|name| (&**name, it.answered)))
        .collect();
    let contacts = asking.others();
    let asked = answered.iter().copied();
    for (name, answered) in asked.chain(contacts.iter().map(|it| (whom[1].called, it.1))) {
        show.note(&text.demo_asked(name, answered));
    }
    step.sure(
        asking.person().person() == person
            && answered == [(laptop, false), (tablet, true)]
            && contacts.len() == 1
            && contacts.iter().all(|(_, answered)| *answered),
        || format!("devices: {answered:?}, contacts: {contacts:?}"),
    )?;
    let lost = devices[0].device;
    Ok((asking, lost))
}

/// She goes on as before: what she writes reaches her tablet, and what Léo does reaches both. Returns the list.
///
/// Not looked at: when the others read what she writes. That waits for a key that was handed on, up to 90 s.
async fn goes_on(
    step: &Step,
    circle: CircleId,
    [back, tablet, leo]: [&Someone; 3],
    show: &Show<'_>,
) -> Result<Vec<ListShown>, Failure> {
    let [first, .., last] = show.screen.text.demo_items();
    back.writes(circle, last).await?;
    let change = ListChange::Tick {
        item: first.to_owned(),
        done: true,
    };
    let at = circle.to_string();
    let tick = Command::CircleChange { circle: at, change };
    leo.ask(tick).await?;
    step.within(BACK_WITHIN, "what was written after her return", || async {
        let (here, there) = (back.list(circle).await?, tablet.list(circle).await?);
        let has_item = here.iter().any(|it| it.text == last);
        let is_ticked = here.iter().any(|it| it.text == first && it.done);
        Ok((has_item && is_ticked && here == there).then_some(here))
    })
    .await
}

/// Looks at what there was on the lost machine alone.
async fn missing(
    step: &Step,
    had: &Export,
    back: &Someone,
    (before, list): (&Held, Vec<ListShown>),
) -> Result<Recovered, Failure> {
    let has = export(back).await?;
    let notes = |export: &Export| {
        let of_shares = export.sent.iter().filter(|it| it.why.grant().is_some());
        of_shares.count() as u64
    };
    let (shares, noted) = (had.given.len() as u64, notes(had));
    step.sure(
        shares > 0 && noted > 0 && has.given.is_empty() && notes(&has) == 0,
        || {
            format!(
                "{} of {shares} shares, {} of {noted} notes",
                has.given.len(),
                notes(&has)
            )
        },
    )?;
    let circle = back.circle().await?;
    let trips = before.trips() as u64;
    Ok(Recovered {
        trips,
        readings: before.records.len() as u64 - trips,
        circle: circle.ok_or_else(|| step.failed("no circle"))?,
        list,
        polls: before.shared.polls.len() as u64,
        shares_missing: shares,
        notes_missing: noted,
    })
}

fn names(devices: &[DeviceShown]) -> Vec<&str> {
    devices.iter().map(|it| &*it.name).collect()
}
