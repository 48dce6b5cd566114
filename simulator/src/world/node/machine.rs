//! What the machine is given, and what is done with its outputs.

use maille_core::command::Command;
use maille_core::{CommandId, Home, Input, Output};
use maille_protocol::hook::span;

use super::super::queue::Happening;
use super::{Answer, Answered, Node, Step, WentDown};
use crate::clock::VirtualSpan;
use crate::story;

/// Shortest and longest time a group commit takes: a flash disk that is idle or busy.
const FLUSH_MICROS: std::ops::Range<u64> = 500..20_000;

impl Node {
    pub(super) fn asked(&mut self, step: &mut Step<'_>, id: CommandId, command: Command) {
        if !self.is_up() {
            return self.answer(step, id, Err(WentDown));
        }
        self.pending.insert(id);
        self.feed(step, Input::Command(id, command));
    }

    pub(super) fn answer(
        &mut self,
        step: &Step<'_>,
        command: CommandId,
        answer: Result<Answer, WentDown>,
    ) {
        self.pending.remove(&command);
        self.answered.push(Answered {
            at: step.now,
            node: self.index,
            command,
            answer,
        });
    }

    /// Gives one input to a machine that is up, and does what it asks for.
    pub(super) fn feed(&mut self, step: &mut Step<'_>, input: Input<'_>) {
        self.tell(step, || format!("<- {}", story::input(&input)));
        let Some(machine) = &mut self.machine else {
            return;
        };
        let tracing = span("trace hashed");
        self.trace.input(step.now, &input);
        drop(tracing);
        let watching = span("invariants watched");
        self.watch.input(step.now, &input);
        drop(watching);
        let handling = span(kind_of(&input));
        machine.handle(self.clock.shows(step.now), &mut self.random, input);
        drop(handling);
        while let Some(output) = self.machine.as_mut().and_then(Home::poll_output) {
            let tracing = span("trace hashed");
            self.trace.output(step.now, &output);
            drop(tracing);
            let watching = span("invariants watched");
            self.watch.output(step.now, &output, &self.disk.reader());
            drop(watching);
            self.tell(step, || format!("-> {}", story::output(&output)));
            self.act(step, output);
        }
        self.plan_wake(step);
    }

    fn act(&mut self, step: &mut Step<'_>, output: Output) {
        match output {
            Output::Commit { id, batch } => {
                if self.disk.submit(id, batch) {
                    self.plan_flush(step);
                }
            }
            Output::Dial { peer, addresses } => self.dial(step, peer, &addresses),
            Output::Send { to, frame } => self.send(step, to, frame),
            Output::Close { connection } => self.close(step, connection),
            Output::Finished { command, result } => self.answer(step, command, Ok(result)),
            Output::Event(_) => {}
        }
    }

    pub(super) fn flushed(&mut self, step: &mut Step<'_>, life: u64) {
        if !self.lives(life) {
            return;
        }
        if step.now < self.full_until {
            return self.disk_refuses(step);
        }
        let (last, more) = self.disk.flushed();
        if more {
            self.plan_flush(step);
        }
        self.feed(step, Input::Committed(last));
    }

    fn plan_flush(&mut self, step: &mut Step<'_>) {
        self.flushes += 1;
        let key = [u64::from(self.index.0), self.flushes];
        let life = self.life;
        let takes = step.air.seed.draw("flush", &key).within(FLUSH_MICROS);
        let at = step.now.plus(VirtualSpan::from_micros(takes));
        self.cause_here(step, at, Happening::Flushed { life });
    }

    pub(super) fn wakes(&mut self, step: &mut Step<'_>, life: u64, setting: u64) {
        if self.lives(life) && self.wake_setting == setting {
            self.wake = None;
            self.feed(step, Input::Tick);
        }
    }

    /// Keeps one pending ring: one that comes too early asks again, one that would come too late
    /// is made void.
    fn plan_wake(&mut self, step: &mut Step<'_>) {
        let Some(wanted) = self.machine.as_ref().and_then(Home::poll_timeout) else {
            return;
        };
        let at = self.clock.wakes(step.now, wanted);
        if self.wake.is_some_and(|pending| pending <= at) {
            return;
        }
        self.wake = Some(at);
        self.wake_setting += 1;
        let (life, setting) = (self.life, self.wake_setting);
        self.cause_here(step, at, Happening::Wake { life, setting });
    }
}

/// What the rest of a machine's work is counted as: what no span inside it names.
fn kind_of(input: &Input<'_>) -> &'static str {
    match input {
        Input::Command(..) => "machine: command",
        Input::Received { .. } => "machine: frame",
        Input::Committed(_) => "machine: commit",
        Input::Connected { .. }
        | Input::Disconnected { .. }
        | Input::DialFailed { .. }
        | Input::Nearby { .. } => "machine: connection",
        Input::Tick | Input::Addresses(_) | Input::Listening(_) => "machine: timer",
    }
}
