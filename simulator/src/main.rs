//! `maille-sim`: runs stories and says whether every invariant held.
#![expect(clippy::print_stderr, reason = "this is the command line")]

mod bench;
mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Many Maille nodes under one fake clock, one fake network and one fake disk each.
///
/// A run is a function of its story and its seed: the same seed gives the same trace hash, on every
/// machine, every time. A story is one of ours (`maille-sim list`) or a TOML file of your own
/// (`maille-sim explain file` shows one to begin with).
///
/// While a run goes on, things go wrong: processes die, disks fill up, clocks jump, links are cut,
/// some nodes may even misbehave. What must hold all the same is checked at every step and in the
/// end (`maille-sim explain invariants`).
///
/// First steps:
///
///   maille-sim run --builtin household             one run, told in figures
///   maille-sim check --builtin household --seeds 0..50
///   maille-sim replay --builtin household --seed 7 what one node went through, line by line
///   maille-sim explain file > mine.toml            a file of your own
///
/// Exit codes: 0 every invariant held, 1 one did not, 2 wrong usage.
#[derive(Parser)]
#[command(
    name = "maille-sim",
    version,
    max_term_width = 100,
    verbatim_doc_comment
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one story once, and tell its figures
    Run(cli::run::Run),
    /// Run one story under many seeds, two at once, and say which of them broke an invariant
    Check(cli::check::Check),
    /// Run one story again and tell what one node was given, said and suffered, line by line
    Replay(cli::replay::Replay),
    /// List the stories that can be run
    List(cli::explain::List),
    /// Explain scenario files, faults, figures, invariants, planted bugs or simulation points
    Explain(cli::explain::Explain),
    /// Measure how fast a town of full nodes is simulated, and why
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    if !matches!(command, Command::Bench(_)) {
        maille_simulator::memo::remember(true);
    }
    let held = match command {
        Command::Run(run) => cli::run::run(&run),
        Command::Check(check) => cli::check::check(&check),
        Command::Replay(replay) => cli::replay::replay(&replay),
        Command::List(list) => cli::explain::list(&list)
            .map(|()| true)
            .map_err(cli::Failure::from),
        Command::Explain(topic) => cli::explain::explain(&topic)
            .map(|()| true)
            .map_err(cli::Failure::from),
        Command::Bench(bench) => bench::run(&bench)
            .and_then(|text| write!(io::stdout(), "{text}"))
            .map(|()| true)
            .map_err(cli::Failure::from),
    };
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(cli::Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(cli::Failure::Output(error)) => {
            eprintln!("error: cannot write the result: {error}");
            ExitCode::from(1)
        }
        Err(cli::Failure::Usage(told)) => {
            eprintln!("error: {told}");
            ExitCode::from(2)
        }
    }
}
