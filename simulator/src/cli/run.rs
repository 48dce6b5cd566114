//! `maille-sim run`: one story, once.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use maille_simulator::scenario::{Log, Outcome};
use serde_json::json;

use super::{Failure, JSON_VERSION, Story, out};

/// One run.
#[derive(Args)]
pub(crate) struct Run {
    #[command(flatten)]
    story: Story,
    /// What the run follows from [default: the file's, or 0]
    #[arg(long)]
    seed: Option<u64>,
    /// Write manifest.json, nodes.csv, faults.csv and broken.csv into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Into how many pieces the world is split, one thread each; changes nothing but the time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    shards: u16,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// What to tell on stderr while running; never changes the run
    #[arg(long, value_enum, default_value_t = Level::Off)]
    log: Level,
}

#[derive(Clone, Copy, ValueEnum)]
enum Level {
    /// Nothing
    Off,
    /// Every input and output of every node
    Trace,
}

/// Runs it.
pub(crate) fn run(run: &Run) -> Result<bool, Failure> {
    let mut told = run.story.read(1)?;
    told.options.shards = usize::from(run.shards);
    let seed = run.seed.unwrap_or(told.scenario.seed());
    let mut log = match run.log {
        Level::Off => Log::Off,
        Level::Trace => Log::Trace(Box::new(|line| {
            // Whoever closed stderr does not want to read it.
            let _ = writeln!(io::stderr(), "{line}");
        })),
    };
    let Some(outcome) = told.attempt(seed, &mut log) else {
        return Ok(false);
    };
    if let Some(folder) = &run.out {
        out::write(folder, &told, &outcome)?;
    }
    if run.json {
        let object = json!({ "version": JSON_VERSION, "run": outcome });
        writeln!(io::stdout(), "{object}")?;
    } else {
        write!(io::stdout(), "{}", text_of(&outcome))?;
    }
    Ok(outcome.broken.is_empty())
}

fn text_of(outcome: &Outcome) -> String {
    let verdict = match outcome.broken.len() {
        0 => String::from("every invariant held"),
        1 => String::from("1 invariant broken"),
        count => format!("{count} invariants broken"),
    };
    let mut text = format!(
        "{} seed {}: {verdict}\n  {} steps in {} s of the story\n",
        outcome.scenario,
        outcome.seed,
        outcome.steps,
        outcome.virtual_us / 1_000_000,
    );
    for (name, value) in &outcome.metrics {
        text.push_str(&format!("  {name:<18} {value}\n"));
    }
    text.push_str(&format!("  trace {}\n", outcome.trace));
    text
}
