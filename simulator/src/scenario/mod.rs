//! Stories that a world can live through, each a function of a seed: some written in Rust, most as
//! TOML files ([`mod@file`]) about a population ([`population`]).

pub mod churn;
pub mod circle_relay;
pub mod circle_slice;
pub mod file;
pub mod population;
pub mod two_nodes;
pub mod value;

use std::collections::BTreeMap;
use std::fmt;

use maille_core::sim::{Plant, Site};
use serde::Serialize;

use crate::checker::Broken;
use crate::random::Seed;
use crate::trace::TraceHash;
use file::{File, FileError, Metric};

/// Where a run tells what it does, line by line. It never changes what the run does.
#[derive(Default)]
pub enum Log {
    /// Nowhere.
    #[default]
    Off,
    /// To this function: every input and output of every machine.
    Trace(Box<dyn FnMut(&str)>),
}

impl Log {
    /// Writes a line, made only if somebody reads it.
    pub fn line(&mut self, line: impl FnOnce() -> String) {
        if let Self::Trace(write) = self {
            write(&line());
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::Trace(_) => "Trace",
        })
    }
}

/// What a run may have besides its story and its seed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// A bug planted on purpose.
    pub plant: Option<Plant>,
    /// Pieces of the world that run side by side; they change nothing but the time it takes.
    pub shards: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            plant: None,
            shards: 1,
        }
    }
}

/// How a run went.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Which story.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub trace: TraceHash,
    /// How many things happened.
    pub steps: u64,
    /// How long it took in the story, in microseconds.
    pub virtual_us: u64,
    /// Its figures.
    pub metrics: BTreeMap<&'static str, u64>,
    /// Every invariant that did not hold, and every expectation.
    pub broken: Vec<Broken>,
    /// Each node in the end.
    #[serde(skip)]
    pub nodes: Vec<NodeReport>,
    /// What went wrong on purpose.
    #[serde(skip)]
    pub faults: Vec<FaultReport>,
    /// How often each simulation point was reached, and how often it fired.
    #[serde(skip)]
    pub sites: Vec<(Site, u64, u64)>,
}

impl Outcome {
    /// A figure of the run; 0 if the story does not count it.
    pub fn metric(&self, metric: Metric) -> u64 {
        self.metrics.get(metric.name()).copied().unwrap_or(0)
    }
}

/// One node in the end.
#[derive(Clone, Debug, Serialize)]
pub struct NodeReport {
    /// Its number.
    pub node: u32,
    /// What its person is called.
    pub name: String,
    /// Its group.
    pub group: String,
    /// Whether it keeps to the protocol.
    pub honest: bool,
    /// Whether it was healed for good in the end.
    pub core: bool,
    /// Whether its process ran in the end.
    pub up: bool,
    /// How often its process was started.
    pub lives: u64,
    /// Changes that were acknowledged to its person.
    pub changes: u64,
    /// Violations that it noted.
    pub violations: u64,
    /// Bytes on its disk.
    pub store_bytes: u64,
}

/// Something that went wrong on purpose.
#[derive(Clone, Debug, Serialize)]
pub struct FaultReport {
    /// When it was planned, in virtual microseconds.
    pub at_us: u64,
    /// At which node; none: on the network.
    pub node: Option<u32>,
    /// What.
    pub what: String,
}

/// A story that is part of this crate.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is about, in one line.
    pub about: &'static str,
    told: Told,
}

#[derive(Clone, Copy, Debug)]
enum Told {
    InRust(fn(Seed, Options, &mut Log) -> Outcome),
    InToml(&'static str),
}

/// Every story that is part of this crate.
pub const BUILTINS: &[Builtin] = &[
    Builtin {
        name: two_nodes::NAME,
        about: "one person shares a weekly lens with another, then stops; crashes, cuts and losses on the way",
        told: Told::InRust(two_nodes::run),
    },
    Builtin {
        name: circle_slice::NAME,
        about: "50 devices write one slice of a circle; members removed, a device stolen, copies restored",
        told: Told::InRust(circle_slice::run),
    },
    Builtin {
        name: circle_relay::NAME,
        about: "200 members of a circle keep a list, 30 % there at a time; the relay that carries it misbehaves",
        told: Told::InRust(circle_relay::run),
    },
    Builtin {
        name: circle_relay::MIDDLING,
        about: "the same with 60 members",
        told: Told::InRust(circle_relay::run_middling),
    },
    Builtin {
        name: circle_relay::SMALL,
        about: "the same with 12 members",
        told: Told::InRust(circle_relay::run_small),
    },
    Builtin {
        name: "household",
        about: "four people share with each other; one has a phone that is mostly off",
        told: Told::InToml(include_str!("builtin/household.toml")),
    },
    Builtin {
        name: "crashing",
        about: "four people whose programs die every minute or so while they record and share",
        told: Told::InToml(include_str!("builtin/crashing.toml")),
    },
    Builtin {
        name: "backups",
        about: "disks die and come back from old copies, under a new installation",
        told: Told::InToml(include_str!("builtin/backups.toml")),
    },
    Builtin {
        name: "circle-200",
        about: "200 people share weekly projections for a day, 30 % there at a time, with swarm faults",
        told: Told::InToml(include_str!("builtin/circle-200.toml")),
    },
    Builtin {
        name: "withholding",
        about: "some nodes leave entries out",
        told: Told::InToml(include_str!("builtin/withholding.toml")),
    },
    Builtin {
        name: "replaying",
        about: "some nodes send old frames again",
        told: Told::InToml(include_str!("builtin/replaying.toml")),
    },
    Builtin {
        name: "flooding",
        about: "some nodes send made-up frames without end",
        told: Told::InToml(include_str!("builtin/flooding.toml")),
    },
    Builtin {
        name: "lying",
        about: "some nodes tell wrong cursors",
        told: Told::InToml(include_str!("builtin/lying.toml")),
    },
    Builtin {
        name: "two-histories",
        about: "some nodes run twice on one cloned disk and show two histories",
        told: Told::InToml(include_str!("builtin/two-histories.toml")),
    },
];

/// A story ready to be lived through.
#[derive(Clone, Debug)]
pub enum Scenario {
    /// One written in Rust.
    InRust(&'static Builtin),
    /// A file about a population.
    InToml(Box<File>),
}

impl Scenario {
    /// The story of this name.
    ///
    /// # Errors
    /// The names that there are.
    pub fn builtin(name: &str) -> Result<Self, String> {
        let Some(builtin) = BUILTINS.iter().find(|builtin| builtin.name == name) else {
            let known: Vec<&str> = BUILTINS.iter().map(|builtin| builtin.name).collect();
            return Err(format!(
                "no story is called {name:?}; there is {}",
                known.join(", ")
            ));
        };
        match builtin.told {
            Told::InRust(_) => Ok(Self::InRust(builtin)),
            Told::InToml(text) => {
                let no_file = &mut |_: &str| Err(String::from("a builtin names no other file"));
                let file = File::parse(text, no_file).map_err(|FileError(error)| error)?;
                Ok(Self::InToml(Box::new(file)))
            }
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::InRust(builtin) => builtin.name,
            Self::InToml(file) => &file.name,
        }
    }

    /// What a run follows from when no seed is given.
    pub fn seed(&self) -> u64 {
        match self {
            Self::InRust(_) => 0,
            Self::InToml(file) => file.seed,
        }
    }

    /// How much memory a run will take, roughly, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        match self {
            Self::InRust(_) => 16 << 20,
            Self::InToml(file) => population::memory_bytes(file),
        }
    }

    /// Lives through it.
    pub fn run(&self, seed: Seed, options: Options, log: &mut Log) -> Outcome {
        match self {
            Self::InRust(builtin) => match builtin.told {
                Told::InRust(run) => run(seed, options, log),
                Told::InToml(_) => unreachable!("told in Rust"),
            },
            Self::InToml(file) => population::run(file, seed, options, log),
        }
    }
}

/// The text of a builtin that is a file, to begin an own one from.
pub fn text_of(name: &str) -> Option<&'static str> {
    BUILTINS.iter().find_map(|builtin| match builtin.told {
        Told::InToml(text) if builtin.name == name => Some(text),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_is_right_and_called_what_it_is_called() {
        for builtin in BUILTINS {
            let scenario = Scenario::builtin(builtin.name).unwrap_or_else(|error| {
                panic!("{}: {error}", builtin.name);
            });
            assert_eq!(scenario.name(), builtin.name);
            if let Scenario::InToml(file) = &scenario {
                assert_eq!(file.about, builtin.about, "{}", builtin.name);
            }
        }
    }
}
