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
//! | circle | eight are in by an invite for one, which refuses a second, and one for six; all eight know all eight |
//! | poll | eight may vote, seven do, one of them twice; whoever may not close it is refused, and so is who votes after the end; all eight see the same ballots, those that were cast, and the same result |
//! | list | what the eight wrote at once is the same list at all |
//! | remove | Marc knows that he is out; the others hold two items more, Marc's list does not |
//! | device | Inès' phone shows the same words, holds all that her laptop holds, and hears that it was removed |
//! | recover | her laptop's folder is deleted; with the words alone a new folder holds all that it held, the circle too, and the others hold that still; what she and Léo write then is at both her devices; the share and what was noted of it are not back |

mod circle;
mod device;
mod held;
mod poll;
mod recover;
mod sharing;
mod someone;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

use maille_core::command::{
    ElectricityMonth, GivenShare, ListShown, PollShown, ProjectedRow, ReceivedShare, SentEntry,
};
use maille_node::clock;
use maille_schemas::document::Month;
use maille_schemas::factors::Footprint;
use maille_schemas::sample;
use serde_json::{Value, json};

use crate::cli::desk::runtime;
use crate::cli::failure::Failure;
use crate::cli::received::received;
use crate::cli::screen::Screen;
use crate::cli::share::given;
use crate::cli::{Context, footprint, rows};
use crate::i18n::{DemoStep, DemoView};
pub(crate) use recover::Recovered;
use someone::Someone;

/// The lens that Inès shares.
const LENS: &str = "mobility.weekly";

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
    poll: PollShown,
    recovered: Recovered,
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
        "poll": outcome.poll,
        "recovered": { "circle": outcome.recovered.circle, "list": outcome.recovered.list },
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
        (
            DemoView::Poll,
            text.poll_whole(&outcome.poll, clock::now(), &screen.clock),
        ),
        (DemoView::List, list(&outcome.lists[0])),
        (DemoView::ListRemoved, list(&outcome.lists[1])),
        (
            DemoView::Recovered,
            [
                text.demo_recovered(&outcome.recovered),
                list(&outcome.recovered.list),
            ]
            .concat(),
        ),
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

    /// Something that was seen in the step.
    fn note(&self, seen: &str) {
        self.screen.note(format!("        {seen}"));
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
    async fn wait<T, F>(&self, what: &str, look: impl FnMut() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<Option<T>, Failure>>,
    {
        self.within(ARRIVES_WITHIN, what, look).await
    }

    /// The same, for so long.
    async fn within<T, F>(
        &self,
        patience: Duration,
        what: &str,
        mut look: impl FnMut() -> F,
    ) -> Result<T, Failure>
    where
        F: Future<Output = Result<Option<T>, Failure>>,
    {
        let begun = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if begun.elapsed() > patience {
                return Err(self.failed(format!("{what}: not within {} s", patience.as_secs())));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// How long ago that was, for the eye of a script.
fn millis_since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// What comes out of the text that people give each other.
fn pasted<T: std::fmt::Display + std::str::FromStr>(step: &Step, it: &T) -> Result<T, Failure> {
    it.to_string()
        .parse()
        .map_err(|_| step.failed(format!("{it} does not read back")))
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

    let [ines, marc, zoe] = sharing::found(folder, show).await?;
    sharing::import(&ines, &[first, trips, linky], show).await?;
    let (footprint, electricity) = sharing::see(&ines, show).await?;
    let (link, preview) = sharing::share(&ines, &marc, show).await?;
    let id = link.grant;
    sharing::accept(&marc, link.clone(), &preview, show).await?;
    let preview = sharing::live(&ines, &marc, id, second, preview.len(), show).await?;
    sharing::stranger(&ines, zoe, &link, show).await?;
    sharing::revoke(&ines, &marc, id, &preview, show).await?;
    sharing::after(&ines, &marc, id, &more[0], &preview, show).await?;
    let sent = sharing::log(&ines, id, show).await?;

    let others = [
        Someone::new(folder, "Léo").await?,
        Someone::new(folder, "Awa").await?,
        Someone::new(folder, "Karim").await?,
        Someone::new(folder, "Lucie").await?,
        Someone::new(folder, "Hugo").await?,
        Someone::new(folder, "Nora").await?,
    ];
    let [leo, awa, karim, lucie, hugo, nora] = others.each_ref();
    let members = [&ines, &marc, leo, awa, karim, lucie, hugo, nora];
    let circle = circle::circle(&members, show).await?;
    let poll = poll::poll(circle, &members, show).await?;
    circle::write_together(circle, &members, show).await?;
    let lists = circle::remove(circle, &members, show).await?;
    device::device(folder, &ines, circle, show).await?;
    let given = ines.gave(id).await?;
    let recovered = recover::recover(folder, ines, &others.each_ref(), circle, show).await?;

    let (received, rows) = marc.holds(id).await?;
    for someone in others.into_iter().chain([marc]) {
        someone.node.shutdown().await;
    }
    Ok(Outcome {
        footprint,
        electricity,
        given,
        received,
        rows,
        sent,
        lists,
        poll,
        recovered,
    })
}
