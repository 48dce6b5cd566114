//! The benchmark as text, and as `BENCHMARKS.md`.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::Command;

use maille_protocol::time::Timestamp;

use super::{Bench, Cause, DAY, Measured, Phase};

/// Smallest share of a day's time that has a line of its own, in thousandths.
const SHOWN_FROM_PER_MILLE: u64 = 5;

/// One run.
pub(super) fn text(measured: &Measured) -> String {
    let mut text = format!(
        "{} nodes in circles of {}, {} shares, {} shards\n",
        measured.nodes, measured.people, measured.shares, measured.shards
    );
    for phase in &measured.phases {
        let _ = writeln!(
            text,
            "{:<10} {:>8.1} s {:>8.1} s of CPU {:>10} steps {:>6} MiB resident",
            phase.name,
            phase.seconds,
            phase.cpu_seconds,
            phase.steps,
            phase.resident_bytes >> 20
        );
        for Cause { kind, times, us } in &phase.causes {
            let _ = writeln!(text, "    {kind:<26} {times:>10} times {us:>12} us");
        }
    }
    for (letter, (count, bytes)) in &measured.kept {
        let _ = writeln!(text, "    {letter}: {count} values, {} KiB", bytes >> 10);
    }
    let _ = writeln!(
        text,
        "a day at {:.0} x real time, peak {} MiB ({} KiB a node), {} rows held, {} shares differ, {} invariants broken\ntrace {}",
        speed(measured),
        measured.peak_bytes >> 20,
        per_node(measured.peak_bytes, measured) >> 10,
        measured.rows,
        measured.differ,
        measured.broken,
        measured.trace
    );
    text
}

/// Makes every run that `BENCHMARKS.md` shows, each in a process of its own so that its memory is
/// its own, and writes the file.
pub(super) fn write(bench: &Bench, file: &Path) -> io::Result<String> {
    let part = (bench.circles / 5).max(1);
    let again = |circles: u32, shards: usize, more: &[&str]| {
        eprintln!("{circles} circles, {shards} shards {}", more.join(" "));
        run_again(bench, circles, shards, more)
    };
    let whole = again(bench.circles, 1, &[])?;
    let halves = again(bench.circles, 2, &[])?;
    let small = again(part, 1, &[])?;
    let causes = again(part, 1, &["--causes"])?;
    let four = again(part, 4, &[])?;
    let anew = again(part, 1, &["--anew"])?;
    let same = [
        (&halves, &whole),
        (&causes, &small),
        (&four, &small),
        (&anew, &small),
    ];
    for (one, other) in same {
        assert_eq!(
            one.trace, other.trace,
            "every way of running is the same run"
        );
    }
    let mut text = head(bench, &whole);
    runs(
        &mut text,
        &[
            ("1 shard", &whole),
            ("2 shards", &halves),
            ("1 shard, a fifth of the town", &small),
            ("4 shards, a fifth of the town", &four),
            (
                "1 shard, a fifth of the town, every signature checked anew",
                &anew,
            ),
        ],
    );
    for phase in causes.phases.iter().filter(|it| it.name != "checking") {
        by_cause(&mut text, causes.nodes, phase);
    }
    stores(&mut text, &whole);
    larger(&mut text, &whole, &small);
    std::fs::write(file, &text)?;
    Ok(text)
}

fn run_again(bench: &Bench, circles: u32, shards: usize, more: &[&str]) -> io::Result<Measured> {
    let output = Command::new(std::env::current_exe()?)
        .args(["bench", "--json"])
        .args(["--circles", &circles.to_string()])
        .args(["--people", &bench.people.to_string()])
        .args(["--history-days", &bench.history_days.to_string()])
        .args(["--seed", &bench.seed.to_string()])
        .args(["--shards", &shards.to_string()])
        .args(more)
        .output()?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(io::Error::other(told));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn head(bench: &Bench, whole: &Measured) -> String {
    let day = day_of(whole);
    let bar = |held: bool| if held { "held" } else { "missed" };
    format!(
        "# Benchmarks of the simulator

Made by one command, which writes this file:

    cargo run --release -p maille-simulator -- bench --write simulator/BENCHMARKS.md

{when}, commit {commit}, {rustc}.
{machine}; shared with other work, so CPU seconds say more than seconds.

**The town.** {nodes} full nodes in circles of {people}. In a circle everybody gives their
`mobility.weekly` to everybody else: {degree} shares given and {degree} received per node, {shares} in
all, one session with each of the others; circles do not know each other. Everybody begins with
{history} days of trips, 4 a day. Then everybody shares, and then a day of 24 hours goes by in which
everybody records 4 trips, each by a command of its own at a random time; each is projected, sealed,
and sent to {degree} readers. Nodes are the machines of `maille run`, with real signatures, seals and
boxes and real Automerge documents. At the end every reader's rows are compared with what the giver
would show: {differ} of {shares} shares differ, {broken} invariants broken.

| bar | measured | |
|---|---|---|
| the day of 1,000 nodes at 500 x real time or faster | {speed:.0} x ({seconds:.0} s, {cpu:.0} s of CPU) | {fast} |
| at most 600 MiB for 1,000 nodes | {peak} MiB at most, over founding, sharing and the day | {small} |
",
        when = now(),
        commit = told("git", &["describe", "--always", "--dirty"]),
        rustc = told("rustc", &["--version"]),
        machine = machine(),
        nodes = whole.nodes,
        people = whole.people,
        degree = whole.people - 1,
        shares = whole.shares,
        history = bench.history_days,
        differ = whole.differ,
        broken = whole.broken,
        speed = speed(whole),
        seconds = day.map_or(0.0, |day| day.seconds),
        cpu = day.map_or(0.0, |day| day.cpu_seconds),
        fast = bar(speed(whole) >= 500.0),
        peak = whole.peak_bytes >> 20,
        small = bar(whole.peak_bytes >> 20 <= 600),
    )
}

fn runs(text: &mut String, runs: &[(&str, &Measured)]) {
    text.push_str(
        "
## Runs

Seconds of the clock (of CPU). Runs of one town have one trace hash, whatever the shards and with or
without remembered checks.

| run | nodes | founding | sharing | a day | x real time | peak MiB | steps in the day | trace |
|---|---|---|---|---|---|---|---|---|
",
    );
    for (name, run) in runs {
        let _ = write!(text, "| {name} | {} ", run.nodes);
        for phase in run.phases.iter().filter(|it| it.name != "checking") {
            let _ = write!(text, "| {:.1} ({:.1}) ", phase.seconds, phase.cpu_seconds);
        }
        let _ = writeln!(
            text,
            "| {:.0} | {} | {} | `{}` |",
            speed(run),
            run.peak_bytes >> 20,
            day_of(run).map_or(0, |day| day.steps),
            run.trace
        );
    }
    text.push_str(
        "
Shards gain little here: in the shortest time a message takes (5 ms) there is seldom work for two
threads. Many seeds at once use the cores better.
",
    );
}

fn by_cause(text: &mut String, nodes: u32, phase: &Phase) {
    let all: u64 = phase.causes.iter().map(|cause| cause.us).sum();
    let _ = write!(
        text,
        "
## {} of {nodes} nodes, by cause

Measured in a run of its own, by the clock (about 50 ns for each time are the measuring itself), and
scaled to the {:.1} s of CPU that the {:.1} s took. A kind is counted without what is inside it;
`machine: ...` is what is left of a machine's work.

| what | times | us | us each | of all |
|---|---|---|---|---|
",
        capital(&phase.name),
        phase.cpu_seconds,
        phase.seconds
    );
    let mut rest = (0, 0);
    let on_cpu = (phase.cpu_seconds / phase.seconds).min(1.0);
    for Cause { kind, times, us } in &phase.causes {
        if us * 1_000 < all * SHOWN_FROM_PER_MILLE {
            rest = (rest.0 + times, rest.1 + us);
            continue;
        }
        line(text, kind, *times, *us, all, on_cpu);
    }
    line(text, "all others", rest.0, rest.1, all, on_cpu);
}

fn line(text: &mut String, kind: &str, times: u64, us: u64, all: u64, on_cpu: f64) {
    let share = us as f64 * 100.0 / all.max(1) as f64;
    let us = us as f64 * on_cpu;
    let each = us / times.max(1) as f64;
    let _ = writeln!(
        text,
        "| {kind} | {times} | {us:.0} | {each:.1} | {share:.1} % |"
    );
}

fn stores(text: &mut String, whole: &Measured) {
    text.push_str(
        "
## What a node keeps

On average, in its store after the day; `node/core/src/layout.rs` says what the letters are.

| letter | values | bytes |
|---|---|---|
",
    );
    let nodes = u64::from(whole.nodes.max(1));
    let mut sum = (0, 0);
    for (letter, (count, bytes)) in &whole.kept {
        let _ = writeln!(
            text,
            "| `{letter}` | {} | {} |",
            count / nodes,
            bytes / nodes
        );
        sum = (sum.0 + count / nodes, sum.1 + bytes / nodes);
    }
    let _ = writeln!(text, "| all | {} | {} |", sum.0, sum.1);
}

fn larger(text: &mut String, whole: &Measured, small: &Measured) {
    let cpu = |run: &Measured| {
        let parts = run.phases.iter().filter(|it| it.name != "checking");
        parts.map(|it| it.cpu_seconds).sum::<f64>() / f64::from(run.nodes)
    };
    let times = 10_000.0 / f64::from(whole.nodes);
    let day = day_of(whole).map_or(0.0, |day| day.seconds);
    let _ = write!(
        text,
        "
## What 10,000 nodes would cost

Computed, not measured: circles do not know each other, so the cost grows with their number. A node
took {:.0} ms of CPU in the town of {}, {:.0} ms in the town of {}; {} and {} KiB.

Ten thousand nodes in circles of {}: {:.0} s of CPU for founding and sharing and the day, the day at
{:.0} x real time, {:.1} GiB.
",
        cpu(whole) * 1_000.0,
        whole.nodes,
        cpu(small) * 1_000.0,
        small.nodes,
        per_node(whole.peak_bytes, whole) >> 10,
        per_node(small.peak_bytes, small) >> 10,
        whole.people,
        cpu(whole) * 10_000.0,
        86_400.0 / (day * times),
        per_node(whole.peak_bytes, whole) as f64 * 10_000.0 / f64::from(1 << 30),
    );
}

fn day_of(measured: &Measured) -> Option<&Phase> {
    measured.phases.iter().find(|phase| phase.name == DAY)
}

fn speed(measured: &Measured) -> f64 {
    day_of(measured).map_or(0.0, |day| 86_400.0 / day.seconds)
}

fn per_node(bytes: u64, measured: &Measured) -> u64 {
    bytes / u64::from(measured.nodes.max(1))
}

#[expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the day of a measurement"
)]
fn now() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    let now = Timestamp::from_millis(u64::try_from(millis).unwrap_or(0)).to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}

/// Processor, cores, memory and system.
fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|it| it.strip_prefix("model name"));
    let model = model.map_or("?", |it| it.trim_start_matches([' ', '\t', ':']));
    let cores = cpus
        .lines()
        .filter(|it| it.starts_with("processor"))
        .count();
    let memory = read("/proc/meminfo");
    let memory = memory.lines().next().unwrap_or_default();
    let kib: u64 = memory
        .split_whitespace()
        .nth(1)
        .and_then(|it| it.parse().ok())
        .unwrap_or(0);
    let system = read("/proc/sys/kernel/osrelease");
    format!(
        "{cores} cores of {model}, {} GiB, Linux {}",
        kib >> 20,
        system.trim()
    )
}

/// What another program says of itself.
fn told(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output
        .ok()
        .filter(|it| !it.is_empty())
        .unwrap_or_else(|| String::from("?"))
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
