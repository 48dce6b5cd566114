//! `maille sync --once`: meet everybody who is there, for a short while, and end: for a phone that wakes up.

use std::time::{Duration, Instant};

use maille_core::command::{Command, Done, PeerReach};
use maille_core::io::Event;
use maille_node::driver::{Mode, Node};
use maille_node::home_dir::HomeDir;
use serde_json::json;
use tokio::sync::broadcast::error::TryRecvError;

use crate::cli::Context;
use crate::cli::desk::{self, Holder, of_call, unexpected};
use crate::cli::failure::Failure;
use crate::cli::flags::SyncFlags;

/// How often to look how far we are.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long nothing must change, with all who are there, before it is over.
const QUIET: Duration = Duration::from_millis(1_000);

/// What came of it.
pub(crate) struct Synced {
    pub(crate) peers: Vec<PeerReach>,
    /// Things that arrived.
    pub(crate) news: u64,
    /// The time was over before it was quiet.
    pub(crate) cut_short: bool,
    pub(crate) took: Duration,
}

/// Meets whoever is there.
pub(crate) fn run(context: &Context, flags: &SyncFlags) -> Result<(), Failure> {
    let home = HomeDir::open(&context.home).map_err(Failure::of_home)?;
    let runtime = desk::runtime()?;
    let Holder::Us(node) = desk::start(&runtime, context, &home, Mode::Daemon)? else {
        return Err(Failure::AlreadyRunning {
            home: context.home.clone(),
        });
    };
    let synced = runtime.block_on(until_quiet(&node, flags.budget));
    runtime.block_on(node.shutdown());
    let synced = synced?;
    let fields = json!({
        "peers": synced.peers,
        "news": synced.news,
        "cut_short": synced.cut_short,
        "took_ms": u64::try_from(synced.took.as_millis()).unwrap_or(u64::MAX),
    });
    context.screen.done("synced", fields, |screen| {
        screen.lines(screen.text.synced(&synced));
    });
    Ok(())
}

async fn until_quiet(node: &Node, budget: Duration) -> Result<Synced, Failure> {
    let mut events = node.events();
    let began = Instant::now();
    let (mut last, mut changed, mut news) = (Vec::new(), began, 0);
    loop {
        let Done::Reached { peers } = node.call(Command::Reach).await.map_err(of_call)? else {
            return Err(unexpected("sync"));
        };
        loop {
            match events.try_recv() {
                Ok(event) => {
                    changed = Instant::now();
                    news += u64::from(is_news(&event));
                }
                Err(TryRecvError::Lagged(_)) => changed = Instant::now(),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        if peers != last {
            (last, changed) = (peers, Instant::now());
        }
        let settled = |peer: &PeerReach| peer.unreached || peer.connected && peer.waiting == 0;
        let quiet = last.iter().all(settled) && changed.elapsed() >= QUIET;
        if quiet || began.elapsed() >= budget {
            return Ok(Synced {
                peers: last,
                news,
                cut_short: !quiet,
                took: began.elapsed(),
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether something has arrived that a person may want to see.
fn is_news(event: &Event) -> bool {
    matches!(
        event,
        Event::CircleNews { .. }
            | Event::RowsArrived { .. }
            | Event::ShareOffered { .. }
            | Event::ShareArrived { .. }
            | Event::ShareEnded { .. }
            | Event::CircleJoined { .. }
            | Event::MemberJoined { .. }
    )
}

/// Reads `20s`, `20`, `1m`, `1min`.
pub(crate) fn budget(typed: &str) -> Result<Duration, String> {
    let typed = typed.trim().to_lowercase();
    let at = typed.find(|it: char| !it.is_ascii_digit());
    let (number, unit) = typed.split_at(at.unwrap_or(typed.len()));
    let number: u64 = number.parse().map_err(|_| typed.clone())?;
    let seconds = match unit.trim() {
        "" | "s" => number,
        "m" | "min" => number.saturating_mul(60),
        _ => return Err(typed),
    };
    match seconds {
        1..=3_600 => Ok(Duration::from_secs(seconds)),
        _ => Err(typed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_some_seconds_or_minutes() {
        assert_eq!(budget("20s"), Ok(Duration::from_secs(20)));
        assert_eq!(budget("20"), Ok(Duration::from_secs(20)));
        assert_eq!(budget("2 min"), Ok(Duration::from_secs(120)));
        for typed in ["", "0", "-1", "1.5s", "2h", "61m"] {
            assert!(budget(typed).is_err(), "{typed}");
        }
    }
}
