//! What befalls a node: starts, crashes, full disks, backups, pauses, wrong clocks.

use std::sync::Arc;

use maille_core::{Home, Input};
use maille_protocol::id::InstallationId;
use rand_core::Rng;

use super::super::queue::Happening;
use super::{Backup, Node, Step, WentDown};
use crate::checker::Fate;
use crate::clock::VirtualSpan;
use crate::disk::Disk;
use crate::fault::{Fault, Installation};
use crate::network;

/// How long a driver waits before it opens a store again that refused a batch.
const RESTART_PAUSE: VirtualSpan = VirtualSpan::from_secs(1);

impl Node {
    pub(super) fn boot(&mut self, step: &mut Step<'_>) {
        if self.is_up() || self.disk.bytes() == 0 {
            return; // two planned crashes overlapped, or there is nothing left to start
        }
        self.life += 1;
        self.fate(step, "boot");
        self.watch_fate(Fate::Boots);
        let (store, secrets) = (self.disk.reader(), self.secrets.clone());
        match Home::open(store, secrets, self.clock.shows(step.now)) {
            Ok(mut machine) => {
                if let Some(run) = &step.air.planted {
                    machine.simulate(Arc::clone(run), u64::from(self.index.0), self.life);
                }
                self.machine = Some(machine);
            }
            Err(error) => {
                let what = format!("{}: {error}", self.name);
                self.watch
                    .broke(step.now, "a node starts from what a crash left", what);
                return;
            }
        }
        let addresses = vec![network::address_of(self.index)];
        self.feed(step, Input::Addresses(addresses.clone()));
        self.feed(step, Input::Listening(addresses));
    }

    pub(super) fn suffer(&mut self, step: &mut Step<'_>, fault: Fault) {
        match fault {
            Fault::Crash { down, torn } => {
                let survive = self.survivors(step, torn);
                self.crash(step, survive);
                self.cause_here(step, step.now.plus(down), Happening::Boot);
            }
            Fault::FullDisk { lasts } => {
                self.fate(step, "full disk");
                self.full_until = self.full_until.max(step.now.plus(lasts));
            }
            Fault::Wipe => {
                self.crash(step, 0);
                self.fate(step, "wipe");
                self.disk.wipe();
                self.watch_fate(Fate::Wiped);
            }
            Fault::Backup => {
                self.fate(step, "backup");
                let restored = self.backup.as_ref().map_or(0, |backup| backup.restored);
                self.backup = Some(Backup {
                    disk: self.disk.copy(),
                    restored,
                });
            }
            Fault::Restore { installation } => self.restore(step, installation),
            Fault::Pause { lasts } => self.pause(step, lasts),
            Fault::ClockJump { by_ms } => {
                self.fate(step, "clock jump");
                self.clock.jump(step.now, by_ms);
            }
            Fault::ClockDrift { ppm } => {
                self.fate(step, "clock drift");
                self.clock.drift(step.now, ppm);
            }
            Fault::Offline if self.online => {
                self.fate(step, "offline");
                self.online = false;
                self.lose_connections(step);
            }
            Fault::Online if !self.online => {
                self.fate(step, "online");
                self.online = true;
            }
            Fault::Offline | Fault::Online => {}
        }
    }

    /// How many batches of the group commit under way a crash leaves behind.
    fn survivors(&self, step: &Step<'_>, torn: bool) -> usize {
        let all = self.disk.group_len();
        let key = [u64::from(self.index.0), self.life];
        let draw = step.air.seed.draw("group survives", &key);
        if torn {
            usize::try_from(draw.within(0..all as u64 + 1)).unwrap_or(all)
        } else if draw.happens(500_000) {
            all
        } else {
            0
        }
    }

    /// Ends the process; nothing if it is down.
    fn crash(&mut self, step: &mut Step<'_>, survive: usize) {
        if !self.is_up() {
            return;
        }
        self.fate(step, "crash");
        self.disk.crash(survive);
        self.watch_fate(Fate::Crashes);
        self.end_machine(step);
        for command in std::mem::take(&mut self.pending) {
            self.answer(step, command, Err(WentDown));
        }
    }

    /// A batch could not be made durable: the machine ends, and a new one begins from what is.
    pub(super) fn disk_refuses(&mut self, step: &mut Step<'_>) {
        self.fate(step, "disk refuses");
        self.disk.crash(0);
        self.watch_fate(Fate::Crashes);
        self.end_machine(step);
        for command in std::mem::take(&mut self.pending) {
            let reason = String::from("no space left on device");
            let error = maille_core::command::CommandError::Disk { reason };
            self.answer(step, command, Ok(Err(error)));
        }
        self.cause_here(step, step.now.plus(RESTART_PAUSE), Happening::Boot);
    }

    fn end_machine(&mut self, step: &mut Step<'_>) {
        self.machine = None;
        self.wake = None;
        self.wake_setting += 1;
        self.drop_connections(step);
    }

    fn restore(&mut self, step: &mut Step<'_>, installation: Installation) {
        let Some(mut backup) = self.backup.take() else {
            return;
        };
        self.crash(step, 0);
        self.fate(step, "restore");
        self.disk = Disk::with(backup.disk.clone());
        self.watch_fate(Fate::Restored);
        backup.restored += 1;
        if installation == Installation::New {
            let purpose = format!("installation {}", backup.restored);
            let mut id = [0; 32];
            step.air
                .seed
                .stream(self.index, &purpose)
                .fill_bytes(&mut id);
            self.secrets.installation = InstallationId::from_bytes(id);
        }
        self.backup = Some(backup);
        self.boot(step);
    }

    fn pause(&mut self, step: &mut Step<'_>, lasts: VirtualSpan) {
        if self.paused || !self.is_up() {
            return;
        }
        self.fate(step, "pause");
        self.paused = true;
        // Whoever hears nothing for too long gives the connection up.
        if lasts > step.air.network.links().detection_max {
            self.lose_connections(step);
        }
        self.cause_here(step, step.now.plus(lasts), Happening::Resumed);
    }

    pub(super) fn resume(&mut self, step: &mut Step<'_>) {
        self.paused = false;
        if self.is_up() {
            self.fate(step, "resume");
        }
        for (from, happening) in std::mem::take(&mut self.held) {
            self.happens(step, from, happening);
        }
    }

    fn fate(&mut self, step: &mut Step<'_>, what: &'static str) {
        self.trace.fate(step.now, what);
        self.tell(step, || what.to_owned());
    }

    fn watch_fate(&mut self, fate: Fate) {
        self.watch.fate(fate, &self.disk.reader());
    }
}
