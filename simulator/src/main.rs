//! `maille-sim`: runs stories and says whether every invariant held.
#![expect(clippy::print_stderr, reason = "this is the command line")]

mod bench;

use std::any::Any;
use std::io::{self, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use maille_simulator::random::Seed;
use maille_simulator::scenario::{BUILTINS, Builtin, Log, Outcome};
use serde_json::json;

/// Version of every JSON object printed here.
const JSON_VERSION: u32 = 1;

/// Many Maille nodes under one fake clock and one fake network.
///
/// A run is a function of its story and its seed: the same seed gives the same trace hash, on
/// every machine, every time.
///
/// Exit codes: 0 every invariant held, 1 one did not, 2 wrong usage.
#[derive(Parser)]
#[command(name = "maille-sim", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one story once.
    Run {
        #[command(flatten)]
        story: Story,
        /// What the run follows from.
        #[arg(long, default_value_t = 0)]
        seed: u64,
        /// What to tell on stderr while running; never changes the run.
        #[arg(long, value_enum, default_value_t = Level::Off)]
        log: Level,
    },
    /// Run one story under many seeds and say which of them broke an invariant.
    Check {
        #[command(flatten)]
        story: Story,
        /// Which seeds: A..B is A, A+1, and so on to B-1.
        #[arg(long, value_parser = parse_seeds, value_name = "A..B")]
        seeds: Range<u64>,
    },
    /// Measure how fast a town of full nodes is simulated, and why.
    Bench(bench::Bench),
    /// List the stories that can be run.
    List {
        /// Print one JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
struct Story {
    /// Which story (`maille-sim list` names them).
    #[arg(long, value_parser = parse_builtin, value_name = "NAME")]
    builtin: &'static Builtin,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Level {
    /// Nothing.
    Off,
    /// Every input and output of every node.
    Trace,
}

fn main() -> ExitCode {
    let held = match Cli::parse().command {
        Command::Run { story, seed, log } => run(&story, seed, log),
        Command::Check { story, seeds } => check(&story, seeds),
        Command::Bench(bench) => write!(io::stdout(), "{}", bench::run(&bench)).map(|()| true),
        Command::List { json } => list(json),
    };
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot write the result: {error}");
            ExitCode::from(1)
        }
    }
}

fn run(story: &Story, seed: u64, level: Level) -> io::Result<bool> {
    let mut log = match level {
        Level::Off => Log::Off,
        Level::Trace => Log::Trace(Box::new(|line| {
            // Whoever closed stderr does not want to read it.
            let _ = writeln!(io::stderr(), "{line}");
        })),
    };
    let Some(outcome) = attempt(story, seed, &mut log) else {
        return Ok(false);
    };
    if story.json {
        writeln!(
            io::stdout(),
            "{}",
            json!({ "version": JSON_VERSION, "run": outcome })
        )?;
    } else {
        write!(io::stdout(), "{}", text_of(&outcome))?;
    }
    Ok(outcome.broken.is_empty())
}

/// Lives through a story; says on one line each what broke. `None`: a node panicked.
fn attempt(story: &Story, seed: u64, log: &mut Log) -> Option<Outcome> {
    let run = AssertUnwindSafe(|| (story.builtin.run)(Seed(seed), log));
    match catch_unwind(run) {
        Ok(outcome) => {
            for broken in &outcome.broken {
                fail(story, seed, broken.invariant, &broken.what);
            }
            Some(outcome)
        }
        Err(panic) => {
            let what = message_of(&*panic);
            fail(story, seed, "no input makes a node panic", &what);
            None
        }
    }
}

fn check(story: &Story, seeds: Range<u64>) -> io::Result<bool> {
    // A panic is reported as one line with its seed, like every broken invariant.
    std::panic::set_hook(Box::new(|_| {}));
    let count = seeds.end - seeds.start;
    let mut failed = Vec::new();
    let (mut steps, mut crashes, mut cuts, mut rows) = (0, 0, 0, 0);
    for seed in seeds {
        let Some(outcome) = attempt(story, seed, &mut Log::Off) else {
            failed.push(seed);
            continue;
        };
        steps += outcome.steps;
        crashes += outcome.crashes;
        cuts += outcome.cuts;
        rows += outcome.rows;
        if !outcome.broken.is_empty() {
            failed.push(seed);
        }
    }
    let name = story.builtin.name;
    if story.json {
        let check = json!({
            "scenario": name, "seeds": count, "steps": steps, "crashes": crashes, "cuts": cuts, "rows": rows,
            "failed": failed,
        });
        writeln!(
            io::stdout(),
            "{}",
            json!({ "version": JSON_VERSION, "check": check })
        )?;
    } else {
        writeln!(
            io::stdout(),
            "{name}: {count} seeds, {steps} steps, {crashes} crashes, {cuts} cuts; {} broke an invariant",
            failed.len()
        )?;
    }
    Ok(failed.is_empty())
}

fn list(json: bool) -> io::Result<bool> {
    if json {
        let stories: Vec<_> = BUILTINS
            .iter()
            .map(|b| json!({ "name": b.name, "about": b.about }))
            .collect();
        writeln!(
            io::stdout(),
            "{}",
            json!({ "version": JSON_VERSION, "builtins": stories })
        )?;
    } else {
        for builtin in BUILTINS {
            writeln!(io::stdout(), "{:<12} {}", builtin.name, builtin.about)?;
        }
    }
    Ok(true)
}

/// One line on stderr, with the command that shows it again.
fn fail(story: &Story, seed: u64, invariant: &str, what: &str) {
    let name = story.builtin.name;
    eprintln!(
        "FAIL seed={seed} scenario={name} invariant={invariant:?} seen={what:?}; \
         replay: maille-sim run --builtin {name} --seed {seed} --log trace"
    );
}

fn text_of(outcome: &Outcome) -> String {
    let verdict = match outcome.broken.len() {
        0 => String::from("every invariant held"),
        count => format!("{count} invariants broken"),
    };
    format!(
        "{} seed {}: {verdict}\n  {} steps in {} s of the story, {} crashes and {} cuts planned, {} rows received\n  trace {}\n",
        outcome.scenario,
        outcome.seed,
        outcome.steps,
        outcome.virtual_us / 1_000_000,
        outcome.crashes,
        outcome.cuts,
        outcome.rows,
        outcome.trace
    )
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
        .to_owned()
}

fn parse_builtin(name: &str) -> Result<&'static Builtin, String> {
    BUILTINS
        .iter()
        .find(|builtin| builtin.name == name)
        .ok_or_else(|| {
            let known: Vec<&str> = BUILTINS.iter().map(|builtin| builtin.name).collect();
            format!("no story is called {name:?}; there is {}", known.join(", "))
        })
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text
        .split_once("..")
        .ok_or("two numbers with two dots between them, such as 0..200")?;
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|error| format!("{text:?}: {error}"))
    };
    let seeds = number(from)?..number(to)?;
    if seeds.is_empty() {
        return Err(format!(
            "{text:?} has no seed in it: the second number must be larger"
        ));
    }
    Ok(seeds)
}
