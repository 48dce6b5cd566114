//! `maille-sim list` and `explain`: what there is, in words for a newcomer.

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use maille_core::sim::{Plant, Site};
use maille_simulator::scenario::file::Metric;
use maille_simulator::scenario::{BUILTINS, text_of};
use serde_json::json;

use super::JSON_VERSION;

/// What stories there are.
#[derive(Args)]
pub(crate) struct List {
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// What to explain.
#[derive(Args)]
pub(crate) struct Explain {
    /// What
    #[arg(value_enum)]
    topic: Topic,
}

#[derive(Clone, Copy, ValueEnum)]
enum Topic {
    /// A scenario file with every key, to begin an own one from
    File,
    /// What can go wrong
    Faults,
    /// The figures of a run
    Figures,
    /// What must hold
    Invariants,
    /// Bugs that can be planted, to see that they are found
    Plants,
    /// Places in the machine where something rare but legal is made to happen
    Points,
    /// The text of our own stories that are files
    Builtins,
}

pub(crate) fn list(list: &List) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if list.json {
        let stories: Vec<_> = BUILTINS
            .iter()
            .map(|b| json!({ "name": b.name, "about": b.about }))
            .collect();
        return writeln!(
            stdout,
            "{}",
            json!({ "version": JSON_VERSION, "builtins": stories })
        );
    }
    for builtin in BUILTINS {
        writeln!(stdout, "{:<14} {}", builtin.name, builtin.about)?;
    }
    Ok(())
}

pub(crate) fn explain(explain: &Explain) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match explain.topic {
        Topic::File => write!(stdout, "{FILE}"),
        Topic::Faults => write!(stdout, "{FAULTS}"),
        Topic::Invariants => write!(stdout, "{INVARIANTS}"),
        Topic::Figures => Metric::ALL
            .iter()
            .try_for_each(|(_, name, about)| writeln!(stdout, "{name:<18} {about}")),
        Topic::Plants => Plant::ALL
            .iter()
            .try_for_each(|(_, name, about)| writeln!(stdout, "{name:<19} {about}")),
        Topic::Points => {
            writeln!(stdout, "{POINTS}")?;
            Site::ALL
                .iter()
                .try_for_each(|site| writeln!(stdout, "  {site:?}"))
        }
        Topic::Builtins => BUILTINS
            .iter()
            .filter_map(|builtin| text_of(builtin.name))
            .try_for_each(|text| writeln!(stdout, "{text}")),
    }
}

const FILE: &str = include_str!("example.toml");

const FAULTS: &str = "\
What can go wrong, as `kind` of a [[fault]]:

  crash        a process dies, loses what was not durable, and starts again after `lasts`
  torn         the same; of a group commit under way, the first batches may be kept
  full-disk    commits fail for `lasts`; the process ends and starts again
  wipe         the disk is emptied; that node is gone
  backup       a copy of the disk is put away
  restore      the last copy comes back, under a new installation
  pause        a process stands still for `lasts`
  clock-jump   a clock is set `ahead` or `back`
  clock-drift  a clock gains `ppm` microseconds in a million
  offline      a computer has no network for `lasts`
  partition    nothing passes between those it befalls and the rest for `lasts`;
               with `asymmetric = true` in one direction only
  gradual      each of them is cut off, one by one, and found again in another order
  loss         on every link a fraction `stalls` of messages is sent again, and a fraction
               `ends` ends its connection, for `lasts`

A fault comes once (`at = \"2h\"`) or again and again (`every = \"30m\"`). It befalls everybody, a
`group`, or a drawn `fraction` of them. With `swarm = true` the seed also draws faults of its own:
first which kinds exist in this run, then how many.

When `duration` is over, the core (a fraction of the honest people) is healed for good: online, on
an undisturbed network. It has to agree within `converge_within`. The others go on as before.
";

const INVARIANTS: &str = "\
What must hold in every run, whatever goes wrong. At every step, at each node:

  no log forks
  a restored backup starts new logs
  what is acknowledged is durable
  an entry is durable before it leaves
  a frame keeps its bound, goes to an open connection, and can be read
  no input makes a node panic

In the end, on every disk, opened again:

  no acknowledged change is lost (but what came after a backup that was brought back)
  a node starts from what its disk holds
  what is published is what the lens shows
  a healed core agrees: its readers hold what their givers publish, and know what was stopped
  nothing written after a stop can be read: no key to it, and none of it arrived
  what a reader holds is what its writer wrote, and no log has a hole
  honest nodes keep to the protocol, and keep working when others do not
";

const POINTS: &str = "\
Places in the machine where something rare but legal is made to happen, compiled into the simulator
only. A run turns each on with one chance in four; one that is on fires 5 to 25 % of the times.
`check` says which never fired.
";
