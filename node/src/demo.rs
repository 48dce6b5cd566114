//! `maille demo`: the main job, for real, between made-up people.
//!
//! Inès, Marc and Zoé each have a home with keys and a store on disk, and a node that
//! speaks QUIC over loopback. Nothing is played: each step is a command of the kind that
//! the command line sends, and is followed by a look at whether it happened; the first
//! thing that is not as it should be ends the demo with an error.
//!
//! | step | what is looked at |
//! |---|---|
//! | found | three different people, each listening |
//! | import | every record of three files was added, and none when imported again |
//! | footprint | emissions above zero, and the distance of an unknown mode kept apart |
//! | share | the preview has rows, and the share counts as many |
//! | accept | Marc holds exactly the rows of the preview |
//! | live | after another import Marc holds exactly the new preview |
//! | stranger | Zoé's node is refused the link; with a forged one it gets nothing; a bare connection gets not one frame |
//! | revoke | Marc's list and Inès' say revoked, Marc has confirmed, and still holds his rows |
//! | after | after another import the preview differs, Marc's rows do not, and no rows were sent |
//! | log | everything that left went to Marc, under this share |
//! | circle | Marc and Léo are in by one invite for two, and all three know all three |
//! | list | what the three wrote at once is the same list at all |
//! | remove | Marc knows that he is out; the others hold two items more, Marc's list does not |
//! | device | Inès' phone shows the same words, holds all that her laptop holds, and hears that it was removed |

mod device;

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use maille_core::command::{
    CircleKind, CircleShown, CircleStanding, Command, CommandError, Done, ElectricityMonth,
    GivenShare, ListChange, ListShown, ProjectedRow, ReceivedShare, SentEntry, SentWhat,
    ShareState,
};
use maille_node::clock;
use maille_node::driver::{CallError, Mode, Node};
use maille_node::home_dir::HomeDir;
use maille_node::keystore::{self, CreateOptions};
use maille_node::net::{Net, NetEvent, NetOptions};
use maille_protocol::card::{Card, ShareLink};
use maille_protocol::id::{CircleId, GrantId};
use maille_schemas::document::Month;
use maille_schemas::factors::{FactorSetId, Footprint};
use maille_schemas::sample::{self, SampleFile};
use serde_json::{Value, json};

use crate::cli::desk::{of_call, of_start, runtime};
use crate::cli::failure::{Failure, causes};
use crate::cli::import::read_bytes;
use crate::cli::received::received;
use crate::cli::screen::Screen;
use crate::cli::share::given;
use crate::cli::{Context, footprint, rows};
use crate::i18n::{DemoStep, DemoView};

/// The lens that Inès shares.
const LENS: &str = "mobility.weekly";

/// How long Inès shares for.
const SHARE_MS: u64 = 90 * 24 * 60 * 60 * 1_000;

/// How long anything may take to get from one node to another.
const ARRIVES_WITHIN: Duration = Duration::from_secs(15);

/// How long nothing must arrive to count as nothing: what does arrive takes about a tenth.
const NOTHING_FOR: Duration = Duration::from_secs(2);

/// How often to look.
const LOOK_EVERY: Duration = Duration::from_millis(40);

/// What the demo found, for its result.
struct Outcome {
    footprint: Footprint,
    electricity: BTreeMap<Month, ElectricityMonth>,
    given: GivenShare,
    received: ReceivedShare,
    rows: Vec<ProjectedRow>,
    sent: Vec<SentEntry>,
    /// The circle's list at Léo's, and at Marc's.
    lists: [Vec<ListShown>; 2],
}

/// Runs the demo.
pub(crate) fn run(context: &Context, keep: Option<&Path>) -> Result<(), Failure> {
    let screen = &context.screen;
    let begun = Instant::now();
    screen.notes(screen.text.demo_intro());
    let temporary = match keep {
        Some(_) => None,
        None => Some(
            tempfile::tempdir().map_err(|error| Failure::FileUnwritable {
                file: std::env::temp_dir(),
                reason: error.to_string(),
            })?,
        ),
    };
    let folder = match (&temporary, keep) {
        (Some(folder), _) => folder.path(),
        (None, keep) => keep.expect("one of the two is there"),
    };
    let mut show = Show {
        screen,
        begun,
        facts: Vec::new(),
    };
    let outcome = runtime()?.block_on(perform(folder, &mut show))?;
    let seconds = begun.elapsed().as_secs();
    screen.note(screen.text.demo_done(seconds));
    let fields = json!({
        "made_up": true,
        "seconds": seconds,
        "steps": show.facts,
        "footprint": { "mobility": outcome.footprint, "electricity": outcome.electricity },
        "given": outcome.given,
        "received": { "share": outcome.received, "rows": rows::json(LENS, &outcome.rows) },
        "sent": outcome.sent,
        "circle": { "leo": outcome.lists[0], "marc": outcome.lists[1] },
        "kept": keep,
    });
    screen.done("demo", fields, |screen| tell(&outcome, screen));
    if let Some(folder) = keep {
        screen.notes(screen.text.demo_kept(&folder.display().to_string()));
    }
    Ok(())
}

/// The result, for the eye.
fn tell(outcome: &Outcome, screen: &Screen) {
    let text = screen.text;
    let list = |items: &[ListShown]| -> Vec<String> {
        let items = items.iter().enumerate();
        items
            .map(|(at, item)| text.circle_item(at + 1, item))
            .collect()
    };
    let sections = [
        (
            DemoView::Footprint,
            footprint::lines(&outcome.footprint, &outcome.electricity, screen),
        ),
        (DemoView::Given, given(&outcome.given, screen)),
        (
            DemoView::Received,
            [
                received(&outcome.received, screen),
                rows::lines(LENS, &outcome.rows, screen),
            ]
            .concat(),
        ),
        (
            DemoView::Sent,
            outcome
                .sent
                .iter()
                .map(|entry| text.sent(entry, &screen.clock))
                .collect(),
        ),
        (DemoView::List, list(&outcome.lists[0])),
        (DemoView::ListRemoved, list(&outcome.lists[1])),
    ];
    for (view, lines) in sections {
        screen.line("");
        screen.line(text.demo_view(view));
        screen.lines(
            lines
                .into_iter()
                .map(|line| format!("  {line}").trim_end().to_owned()),
        );
    }
}

/// Tells the steps as they happen and keeps what was seen.
struct Show<'a> {
    screen: &'a Screen,
    begun: Instant,
    facts: Vec<Value>,
}

impl Show<'_> {
    /// A step begins.
    fn step(&mut self, step: DemoStep) -> Step {
        let number = self.facts.len() + 1;
        let all = DemoStep::ALL.len();
        let seconds = self.begun.elapsed().as_secs();
        self.screen.note(format!(
            "[{number:>2}/{all}, {seconds} s] {}",
            self.screen.text.demo_step(step)
        ));
        Step {
            step,
            told: self.screen.text.demo_step(step),
        }
    }

    /// A step happened, and this was seen.
    fn seen(&mut self, step: &Step, seen: &Value) {
        self.facts.push(json!({ "step": step.step, "seen": seen }));
    }
}

/// A step under way.
struct Step {
    step: DemoStep,
    told: &'static str,
}

impl Step {
    fn failed(&self, seen: impl Into<String>) -> Failure {
        Failure::DemoFailed {
            step: self.told.to_owned(),
            seen: seen.into(),
        }
    }

    /// Ends the demo unless `so`.
    fn sure(&self, so: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
        if so {
            Ok(())
        } else {
            Err(self.failed(otherwise()))
        }
    }

    /// Looks until `look` finds something.
    async fn wait<T, F>(&self, what: &str, mut look: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<Option<T>, Failure>>,
    {
        let begun = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if begun.elapsed() > ARRIVES_WITHIN {
                return Err(
                    self.failed(format!("{what}: not within {} s", ARRIVES_WITHIN.as_secs()))
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// A made-up person with a real node.
struct Someone {
    home: HomeDir,
    node: Node,
}

impl Someone {
    async fn new(folder: &Path, name: &str) -> Result<Self, Failure> {
        let path = folder.join(name);
        let founded = keystore::create(&path, CreateOptions::default())
            .map_err(|error| Failure::of_create(&path, error))?;
        let keys =
            keystore::open(&founded.home, None).map_err(|error| Failure::of_key(&path, error))?;
        let node = Node::start(&founded.home, keys, Mode::Online)
            .await
            .map_err(|error| of_start(&path, error))?;
        Ok(Self {
            home: founded.home,
            node,
        })
    }

    async fn ask(&self, command: Command) -> Result<Done, Failure> {
        self.node.call(command).await.map_err(of_call)
    }

    async fn card(&self) -> Result<Card, Failure> {
        match self.ask(Command::Card).await? {
            Done::Card { card } => Ok(card),
            other => Err(other_answer(&other)),
        }
    }

    /// Imports a file: how many records it has, and how many of them were new.
    async fn imports(&self, file: &SampleFile) -> Result<(u64, u64), Failure> {
        let imported = read_bytes(&file.name, &file.bytes)?;
        let count = u64::try_from(imported.records.len()).unwrap_or(u64::MAX);
        match self
            .ask(Command::Record {
                records: imported.records,
            })
            .await?
        {
            Done::Recorded { added, .. } => Ok((count, added)),
            other => Err(other_answer(&other)),
        }
    }

    async fn preview(&self) -> Result<Vec<ProjectedRow>, Failure> {
        match self
            .ask(Command::LensPreview {
                lens: LENS.to_owned(),
                from: None,
            })
            .await?
        {
            Done::Preview { rows, .. } => Ok(rows),
            other => Err(other_answer(&other)),
        }
    }

    async fn holds(&self, share: GrantId) -> Result<(ReceivedShare, Vec<ProjectedRow>), Failure> {
        match self
            .ask(Command::ReceivedShow {
                share: share.to_string(),
            })
            .await?
        {
            Done::Received { share, rows } => Ok((share, rows)),
            other => Err(other_answer(&other)),
        }
    }

    async fn gave(&self, share: GrantId) -> Result<GivenShare, Failure> {
        let Done::Shares { shares } = self.ask(Command::ShareList).await? else {
            return Err(Failure::Bug {
                what: "share list".to_owned(),
            });
        };
        let found = shares.into_iter().find(|given| given.id == share);
        found.ok_or_else(|| Failure::Bug {
            what: format!("{share} is not listed"),
        })
    }

    /// Their one circle, if they are in one.
    async fn circle(&self) -> Result<Option<CircleShown>, Failure> {
        match self.ask(Command::Circles).await? {
            Done::Circles { mut circles, .. } => Ok(circles.pop()),
            other => Err(other_answer(&other)),
        }
    }

    async fn list(&self, circle: CircleId) -> Result<Vec<ListShown>, Failure> {
        let circle = circle.to_string();
        match self.ask(Command::CircleList { circle }).await? {
            Done::CircleListed { items, .. } => Ok(items),
            other => Err(other_answer(&other)),
        }
    }

    async fn writes(&self, circle: CircleId, text: &str) -> Result<(), Failure> {
        let change = ListChange::Add {
            text: text.to_owned(),
        };
        let circle = circle.to_string();
        self.ask(Command::CircleChange { circle, change }).await?;
        Ok(())
    }

    async fn sent(&self) -> Result<Vec<SentEntry>, Failure> {
        match self.ask(Command::LogSent).await? {
            Done::Sent { entries } => Ok(entries),
            other => Err(other_answer(&other)),
        }
    }
}

fn other_answer(done: &Done) -> Failure {
    let kind = serde_json::to_value(done).unwrap_or_default()["done"].to_string();
    Failure::Bug {
        what: format!("{kind} answers another command"),
    }
}

/// The whole demo.
async fn perform(folder: &Path, show: &mut Show<'_>) -> Result<Outcome, Failure> {
    let september = Month::new(2026, 9).expect("September is a month");
    let files = sample::files(1, september);
    let more = sample::files(2, september.next());
    let [first, second, trips, linky] = files.as_slice() else {
        return Err(Failure::Bug {
            what: format!("{} sample files", files.len()),
        });
    };

    let [ines, marc, zoe] = found(folder, show).await?;
    import(&ines, &[first, trips, linky], show).await?;
    let (footprint, electricity) = see(&ines, show).await?;
    let (link, preview) = share(&ines, &marc, show).await?;
    let id = link.grant;
    accept(&marc, link.clone(), &preview, show).await?;
    let preview = live(&ines, &marc, id, second, preview.len(), show).await?;
    stranger(&ines, zoe, &link, show).await?;
    revoke(&ines, &marc, id, &preview, show).await?;
    after(&ines, &marc, id, &more[0], &preview, show).await?;
    let sent = log(&ines, id, show).await?;

    let leo = Someone::new(folder, "leo").await?;
    let circle = circle([&ines, &marc, &leo], show).await?;
    write_together(circle, [&ines, &marc, &leo], show).await?;
    let lists = remove(circle, [&ines, &marc, &leo], show).await?;
    leo.node.shutdown().await;
    device::device(folder, &ines, show).await?;

    let given = ines.gave(id).await?;
    let (received, rows) = marc.holds(id).await?;
    marc.node.shutdown().await;
    ines.node.shutdown().await;
    Ok(Outcome {
        footprint,
        electricity,
        given,
        received,
        rows,
        sent,
        lists,
    })
}

async fn found(folder: &Path, show: &mut Show<'_>) -> Result<[Someone; 3], Failure> {
    let step = show.step(DemoStep::Found);
    fs::create_dir_all(folder).map_err(|error| Failure::FileUnwritable {
        file: folder.to_owned(),
        reason: error.to_string(),
    })?;
    let people = [
        Someone::new(folder, "ines").await?,
        Someone::new(folder, "marc").await?,
        Someone::new(folder, "zoe").await?,
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

async fn import(ines: &Someone, files: &[&SampleFile], show: &mut Show<'_>) -> Result<(), Failure> {
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

async fn see(
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
async fn share(
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

/// What comes out of the text that people give each other.
fn pasted<T: std::fmt::Display + std::str::FromStr>(step: &Step, it: &T) -> Result<T, Failure> {
    it.to_string()
        .parse()
        .map_err(|_| step.failed(format!("{it} does not read back")))
}

async fn accept(
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
    let within_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    show.seen(
        &step,
        &json!({ "rows": share.rows, "within_ms": within_ms }),
    );
    Ok(())
}

/// Returns the rows that Marc holds now.
async fn live(
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
    let within_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let new = preview.len() - before;
    show.seen(&step, &json!({ "new_rows": new, "within_ms": within_ms }));
    Ok(preview)
}

/// Zoé knows every id and address. She tries her own node with Inès' link for Marc, the
/// same with a forged link, and a bare connection.
async fn stranger(
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

async fn revoke(
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

async fn after(
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

async fn log(ines: &Someone, id: GrantId, show: &mut Show<'_>) -> Result<Vec<SentEntry>, Failure> {
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

/// Inès makes a circle, Marc and Léo come in by one invite.
async fn circle(people: [&Someone; 3], show: &mut Show<'_>) -> Result<CircleId, Failure> {
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
        until: clock::now().plus_millis(SHARE_MS / 90),
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

async fn write_together(
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
async fn remove(
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
