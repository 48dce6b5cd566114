//! `maille-sim replay`: the same run again, with what one node went through.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::rc::Rc;

use clap::Args;
use maille_simulator::scenario::{FaultReport, Log, Outcome};

use super::{Failure, Story};

/// One run, told.
#[derive(Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    story: Story,
    /// What the run follows from [default: the file's, or 0]
    #[arg(long)]
    seed: Option<u64>,
    /// Whose story to tell [default: where the first invariant broke, or else node 0]
    #[arg(long, value_name = "NUMBER")]
    node: Option<u32>,
    /// How many lines to tell, up to when it broke; 0: all
    #[arg(long, default_value_t = 400, value_name = "COUNT")]
    lines: usize,
}

/// Runs it twice: to find what broke, and to tell it.
pub(crate) fn replay(replay: &Replay) -> Result<bool, Failure> {
    let told = replay.story.read(1)?;
    let seed = replay.seed.unwrap_or(told.scenario.seed());
    let Some(outcome) = told.attempt(seed, &mut Log::Off) else {
        return Ok(false);
    };
    let first = outcome.broken.first();
    let node = replay
        .node
        .or(first.and_then(|broken| broken.node))
        .unwrap_or(0);
    let Some(of_node) = outcome.nodes.iter().find(|it| it.node == node) else {
        return Err(Failure::Usage(format!(
            "there is no node {node}: {} has {}",
            outcome.scenario,
            outcome.nodes.len()
        )));
    };
    let until_us = first.map_or(u64::MAX, |broken| broken.at_us);
    let lines = Rc::new(RefCell::new(VecDeque::new()));
    let kept = Rc::clone(&lines);
    let (name, most) = (of_node.name.clone(), replay.lines);
    let mut log = Log::Trace(Box::new(move |line| {
        if let Some((at_us, rest)) = parted(line)
            && rest.starts_with(&name)
            && rest[name.len()..].starts_with(' ')
            && at_us <= until_us
        {
            let mut kept = kept.borrow_mut();
            if most > 0 && kept.len() == most {
                kept.pop_front();
            }
            kept.push_back((at_us, line.to_owned()));
        }
    }));
    let again = told
        .scenario
        .run(maille_simulator::random::Seed(seed), told.options, &mut log);
    drop(log);
    assert_eq!(again.trace, outcome.trace, "the same run again");
    print(&outcome, node, &lines.borrow())?;
    Ok(outcome.broken.is_empty())
}

fn print(outcome: &Outcome, node: u32, lines: &VecDeque<(u64, String)>) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let name = outcome
        .nodes
        .iter()
        .find(|it| it.node == node)
        .map_or("", |it| &it.name);
    writeln!(
        stdout,
        "{} seed {}, trace {}",
        outcome.scenario, outcome.seed, outcome.trace
    )?;
    if outcome.broken.is_empty() {
        writeln!(
            stdout,
            "Every invariant held. The story of node {node}, {name}:"
        )?;
    }
    for broken in &outcome.broken {
        let at = broken.at_us / 1_000_000;
        writeln!(
            stdout,
            "broken at {at} s: {}: {}",
            broken.invariant, broken.what
        )?;
    }
    if !outcome.broken.is_empty() {
        writeln!(
            stdout,
            "The story of node {node}, {name}, until then (<- is given, -> says, !! suffers):"
        )?;
    }
    let begin = lines.front().map_or(0, |(at_us, _)| *at_us);
    let end = lines.back().map_or(0, |(at_us, _)| *at_us);
    let concerns = |fault: &&FaultReport| {
        fault.node.is_none_or(|of| of == node) && (begin..=end).contains(&fault.at_us)
    };
    let mut told: Vec<(u64, String)> = outcome
        .faults
        .iter()
        .filter(concerns)
        .map(suffered)
        .collect();
    told.extend(lines.iter().cloned());
    told.sort_by_key(|(at_us, _)| *at_us);
    for (_, line) in told {
        writeln!(stdout, "{line}")?;
    }
    Ok(())
}

fn suffered(fault: &FaultReport) -> (u64, String) {
    let whom = fault.node.map_or("the network", |_| "it");
    let (s, us) = (fault.at_us / 1_000_000, fault.at_us % 1_000_000);
    (
        fault.at_us,
        format!("{s}.{us:06}s !! {whom}: {}", fault.what),
    )
}

/// A line's moment in microseconds, and what follows it.
fn parted(line: &str) -> Option<(u64, &str)> {
    let (at, rest) = line.split_once("s ")?;
    let (seconds, micros) = at.split_once('.')?;
    let at_us = seconds.parse::<u64>().ok()? * 1_000_000 + micros.parse::<u64>().ok()?;
    Some((at_us, rest))
}
