//! Stories that a world can live through, each a function of a seed.

pub mod two_nodes;

use std::fmt;

use serde::Serialize;

use crate::checker::Broken;
use crate::random::Seed;
use crate::trace::TraceHash;

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

/// How a run went.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Which story.
    pub scenario: &'static str,
    /// Its seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub trace: TraceHash,
    /// How many things happened.
    pub steps: u64,
    /// How long it took in the story, in microseconds.
    pub virtual_us: u64,
    /// Crashes that were planned.
    pub crashes: usize,
    /// Cuts that were planned.
    pub cuts: usize,
    /// Rows that the reader held at the end.
    pub rows: usize,
    /// Every invariant that did not hold.
    pub broken: Vec<Broken>,
}

/// A story that is part of this crate.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is about, in one line.
    pub about: &'static str,
    /// Lives through it.
    pub run: fn(Seed, &mut Log) -> Outcome,
}

/// Every story that is part of this crate.
pub const BUILTINS: &[Builtin] = &[Builtin {
    name: two_nodes::NAME,
    about: "one person shares a weekly lens with another, then stops; crashes, cuts and losses on the way",
    run: two_nodes::run,
}];
