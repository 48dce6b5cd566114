//! The command line: which story, under which seed, and what is told of it.

pub(crate) mod check;
pub(crate) mod explain;
pub(crate) mod out;
pub(crate) mod replay;
pub(crate) mod run;

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use maille_core::sim::Plant;
use maille_simulator::checker::Broken;
use maille_simulator::random::Seed;
use maille_simulator::scenario::file::File;
use maille_simulator::scenario::{Log, Options, Outcome, Scenario};

/// Version of every JSON object printed here.
pub(crate) const JSON_VERSION: u32 = 2;

/// Why nothing could be said about a story.
pub(crate) enum Failure {
    /// What was asked for cannot be done as asked.
    Usage(String),
    /// The result could not be written.
    Output(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// Which story.
#[derive(clap::Args)]
#[group(required = true, multiple = false, id = "which")]
pub(crate) struct Which {
    /// A scenario file (`maille-sim explain file` shows one)
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// One of our own stories (`maille-sim list` names them)
    #[arg(long, value_name = "NAME", value_parser = known_builtin)]
    builtin: Option<String>,
}

/// Which story, and with what.
#[derive(clap::Args)]
pub(crate) struct Story {
    #[command(flatten)]
    which: Which,
    /// Plant a bug, to see that it is found (`maille-sim explain plants`)
    #[arg(long, value_name = "NAME", value_parser = known_plant)]
    plant: Option<Plant>,
    /// Refuse a run that will take more memory than this, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 12_288)]
    memory: u64,
}

/// A story that was read.
pub(crate) struct Told {
    pub(crate) scenario: Scenario,
    pub(crate) options: Options,
    /// What was given on the command line to name it, to be given again.
    named: String,
}

impl Story {
    /// Reads the story; refuses one that needs too much memory when `at_once` run side by side.
    pub(crate) fn read(&self, at_once: u64) -> Result<Told, Failure> {
        let (scenario, named) = match (&self.which.file, &self.which.builtin) {
            (Some(path), _) => {
                let shown = path.display();
                let text =
                    read(path).map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
                let text = String::from_utf8(text)
                    .map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
                let beside = |name: &str| {
                    let folder = path.parent().unwrap_or(path);
                    read(&folder.join(name)).map_err(|error| error.to_string())
                };
                let file = File::parse(&text, &mut { beside })
                    .map_err(|error| Failure::Usage(format!("{shown}: {error}")))?;
                (Scenario::InToml(Box::new(file)), format!("'{shown}'"))
            }
            (None, Some(name)) => {
                let scenario = Scenario::builtin(name).map_err(Failure::Usage)?;
                (scenario, format!("--builtin {name}"))
            }
            (None, None) => return Err(Failure::Usage(String::from("no story"))),
        };
        let needs = (scenario.memory_bytes() * at_once) >> 20;
        if needs > self.memory {
            return Err(Failure::Usage(format!(
                "this will take about {needs} MiB, more than the {} MiB allowed: \
                 lower `count`, `degree`, `history` or `changes_per_day`, or allow more with --memory",
                self.memory
            )));
        }
        let options = Options {
            plant: self.plant,
            ..Options::default()
        };
        let plant = self
            .plant
            .map_or_else(String::new, |plant| format!(" --plant {}", name_of(plant)));
        Ok(Told {
            scenario,
            options,
            named: format!("{named}{plant}"),
        })
    }
}

impl Told {
    /// Lives through the story once; says on one line each what broke. `None`: a node panicked.
    pub(crate) fn attempt(&self, seed: u64, log: &mut Log) -> Option<Outcome> {
        let run = AssertUnwindSafe(|| self.scenario.run(Seed(seed), self.options, log));
        match catch_unwind(run) {
            Ok(outcome) => {
                for broken in &outcome.broken {
                    self.fail(seed, broken);
                }
                Some(outcome)
            }
            Err(panic) => {
                let panicked = Broken {
                    at_us: 0,
                    invariant: "no input makes a node panic",
                    what: message_of(&*panic),
                    node: None,
                    times: 1,
                };
                self.fail(seed, &panicked);
                None
            }
        }
    }

    /// One line on stderr, with the command that shows it again.
    fn fail(&self, seed: u64, broken: &Broken) {
        let node = broken
            .node
            .map_or_else(String::new, |node| format!(" node={node}"));
        let seconds = broken.at_us / 1_000_000;
        eprintln!(
            "FAIL seed={seed} scenario={} t={seconds}s{node} invariant={:?} seen={:?} times={}; \
             replay: maille-sim replay {} --seed {seed}",
            self.scenario.name(),
            broken.invariant,
            broken.what,
            broken.times,
            self.named
        );
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the binary reads the files that it is given"
)]
fn read(path: &std::path::Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
        .to_owned()
}

fn known_builtin(name: &str) -> Result<String, String> {
    Scenario::builtin(name).map(|_| name.to_owned())
}

fn known_plant(name: &str) -> Result<Plant, String> {
    let found = Plant::ALL.iter().find(|(_, known, _)| *known == name);
    found.map(|(plant, _, _)| *plant).ok_or_else(|| {
        let known: Vec<&str> = Plant::ALL.iter().map(|(_, known, _)| *known).collect();
        format!("no bug is called {name:?}; there is {}", known.join(", "))
    })
}

pub(crate) fn name_of(plant: Plant) -> &'static str {
    Plant::ALL
        .iter()
        .find(|(known, _, _)| *known == plant)
        .map_or("", |(_, name, _)| name)
}
