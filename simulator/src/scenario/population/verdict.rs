//! What the people of a population were told, against what is there.
//!
//! | invariant | what is compared |
//! |---|---|
//! | no acknowledged change is lost | what was acknowledged, with the trips on the disk of its node, opened again |
//! | a node starts from what its disk holds | every disk, opened again |
//! | what is published is what the lens shows | rows published, with the lens over the documents |
//! | a healed core agrees | the rows of every share in force between two of the core, giver and reader |
//! | both sides learn that a share has ended | stops acknowledged, with the reader's list |
//! | nothing written after a stop can be read | generations of entries written since, with the keys that the reader holds |
//! | what a reader holds is what its writer wrote | entries, byte for byte, where the writer kept its disk |
//! | a log is held without a hole | numbers of entries, of every writer, honest or not |
//! | honest nodes keep to the protocol | violations noted by honest nodes, by whose node |
//! | every honest node keeps working | commands to the core, in the end |

use std::collections::{BTreeMap, BTreeSet};

use maille_core::command::{Command, Done, ProjectedRow};
use maille_core::sim::{HeldEntry, Inspect};
use maille_core::{CommandId, Home, Input, Output};
use maille_protocol::card::Card;
use maille_protocol::entry::LogId;
use maille_protocol::id::{GrantId, SliceId, TransportId};
use maille_protocol::slice::PartNumber;
use maille_schemas::record::RecordId;

use super::super::file::Metric;
use super::people::{Share, ShareState};
use super::{Asked, Story};
use crate::disk::DiskReader;
use crate::fault::{Fault, Installation};
use crate::network::Nat;
use crate::world::NodeIndex;

/// A row as two stores can be compared by: where it lies, and its fields.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

impl Story<'_, '_> {
    /// Whether every share within the core has come about and shows what its giver publishes, and
    /// every end is known. `agreed` holds those that have been found to agree.
    pub(super) fn core_agrees(&mut self, agreed: &mut BTreeSet<usize>) -> bool {
        if self.core_waits() {
            return false;
        }
        for share in self.shares_in_core() {
            if !agreed.contains(&share) && self.disagreement(share).is_none() {
                agreed.insert(share);
            }
        }
        self.shares_in_core().all(|share| agreed.contains(&share))
    }

    pub(super) fn say_who_disagrees(&mut self, agreed: &BTreeSet<usize>) {
        let open: Vec<usize> = self
            .shares_in_core()
            .filter(|share| !agreed.contains(share))
            .collect();
        for share in open {
            let why = self
                .disagreement(share)
                .unwrap_or_else(|| String::from("it agreed too late"));
            let (giver, reader) = self.ends_of(share);
            let (from, to) = (
                self.world.name(giver).to_owned(),
                self.world.name(reader).to_owned(),
            );
            self.broke(
                Some(reader),
                "a healed core agrees",
                format!("{from} to {to}: {why}"),
            );
        }
        if self.core_waits() {
            let waits = self.asked.iter().find(|((node, _), _)| self.is_core(*node));
            let what = format!("{waits:?}");
            let node = waits.map(|((node, _), _)| *node);
            self.broke(
                node,
                "every honest node keeps working",
                format!("no answer to {what}"),
            );
        }
    }

    /// Looks at everything once more, in the end.
    pub(super) fn judge(&mut self) {
        self.core_answers();
        self.violations();
        let entries = self.all_entries();
        self.disks();
        self.stops(&entries);
        self.logs(&entries);
        self.agreement();
        self.figures();
    }

    fn is_core(&self, node: NodeIndex) -> bool {
        self.people
            .iter()
            .any(|person| person.node == node && person.core)
    }

    /// Whether a person of the core still waits for an answer.
    fn core_waits(&self) -> bool {
        let waits = |(node, _): &(NodeIndex, CommandId)| self.is_core(*node);
        self.asked
            .iter()
            .any(|(key, (_, asked))| waits(key) && !self.is_about_somebody_else(asked))
    }

    /// A share with somebody outside of the core may never come about.
    fn is_about_somebody_else(&self, asked: &Asked) -> bool {
        match asked {
            Asked::Record { .. } => false,
            Asked::Create { share } | Asked::Accept { share } | Asked::Stop { share } => {
                !self.is_within_core(&self.shares[*share])
            }
        }
    }

    fn is_within_core(&self, share: &Share) -> bool {
        let (giver, reader) = (&self.people[share.giver], &self.people[share.reader]);
        giver.core && reader.core && self.can_meet(giver.node, reader.node)
    }

    /// Two nodes of which neither can be dialled never meet: there are no relays yet.
    fn can_meet(&self, one: NodeIndex, other: NodeIndex) -> bool {
        let shut = |node| matches!(self.world.nat(node), Nat::Symmetric | Nat::None);
        !(shut(one) && shut(other))
    }

    /// Whether both ends still have to know of a share: no backup took them back to before it.
    fn binds(&self, share: &Share) -> bool {
        let (Some((_, _, made)), ShareState::Accepted(accepted)) = (share.made, share.state) else {
            return share.state == ShareState::Wanted;
        };
        let (giver, reader) = (&self.people[share.giver], &self.people[share.reader]);
        let stop = share
            .stop
            .as_ref()
            .is_some_and(|stop| giver.may_have_lost(stop.when));
        !(giver.may_have_lost(made) || reader.may_have_lost(accepted) || stop)
    }

    fn shares_in_core(&self) -> impl Iterator<Item = usize> + use<> {
        let within = |share: &Share| self.is_within_core(share) && self.binds(share);
        let shares: Vec<usize> = (0..self.shares.len())
            .filter(|share| within(&self.shares[*share]))
            .collect();
        shares.into_iter()
    }

    fn ends_of(&self, share: usize) -> (NodeIndex, NodeIndex) {
        let share = &self.shares[share];
        (
            self.people[share.giver].node,
            self.people[share.reader].node,
        )
    }

    /// In what the two ends of a share differ, if they do.
    fn disagreement(&self, share: usize) -> Option<String> {
        let it = &self.shares[share];
        let (Some((grant, slice, _)), ShareState::Accepted(_)) = (it.made, it.state) else {
            return Some(String::from("the share has not come about"));
        };
        let (giver, reader) = self.ends_of(share);
        let (giver, reader) = (self.world.store(giver), self.world.store(reader));
        let (giver, reader) = (Inspect(&giver), Inspect(&reader));
        let given = giver.given().into_iter().find(|(id, ..)| *id == grant);
        let Some((.., ended)) = given else {
            return Some(String::from("the giver does not know the share"));
        };
        let taken = reader.taken().into_iter().find(|(id, ..)| *id == grant);
        let Some((.., told)) = taken else {
            return Some(String::from("the reader does not know the share"));
        };
        if it.stop.is_some() {
            return (!told).then(|| String::from("the reader does not know that it was stopped"));
        }
        if ended {
            return None;
        }
        let (published, held): (Rows, Rows) = (giver.rows(slice), reader.rows(slice));
        (published != held)
            .then(|| format!("{} rows published, {} held", published.len(), held.len()))
    }

    fn agreement(&mut self) {
        if self.converged.is_none() {
            return; // it was said
        }
        let differ: Vec<(usize, String)> = self
            .shares_in_core()
            .filter_map(|share| Some((share, self.disagreement(share)?)))
            .collect();
        for (share, why) in differ {
            let (_, reader) = self.ends_of(share);
            self.broke(Some(reader), "what agreed goes on agreeing", why);
        }
    }

    /// The live machines of the core answer.
    fn core_answers(&mut self) {
        let core: Vec<NodeIndex> = self
            .people
            .iter()
            .filter(|person| person.core)
            .map(|person| person.node)
            .collect();
        let now = self.world.now();
        let asked: Vec<_> = core
            .iter()
            .map(|node| (*node, self.world.tell_at(now, *node, Command::Status)))
            .collect();
        self.world.pass(crate::clock::VirtualSpan::from_secs(10));
        let answers: BTreeMap<_, _> = self
            .world
            .drain_answers()
            .into_iter()
            .map(|answered| ((answered.node, answered.command), answered.answer))
            .collect();
        for key in asked {
            if !matches!(answers.get(&key), Some(Ok(Ok(Done::Status(_))))) {
                let what = format!("status gave {:?}", answers.get(&key));
                self.broke(Some(key.0), "every honest node keeps working", what);
            }
        }
    }

    fn violations(&mut self) {
        let whose: BTreeMap<TransportId, NodeIndex> = self
            .people
            .iter()
            .filter(|person| person.honest)
            .map(|person| (self.world.secrets(person.node).transport, person.node))
            .collect();
        let honest: BTreeSet<NodeIndex> = whose.values().copied().collect();
        let mut wrong = Vec::new();
        let mut count = 0;
        for (node, watch) in self
            .world
            .watches()
            .filter(|(node, _)| honest.contains(node))
        {
            count += watch.violation_count();
            for violation in watch.violations() {
                if let Some(by) = whose.get(&violation.by) {
                    wrong.push((*by, node, violation.clone()));
                }
            }
        }
        self.count(Metric::Violations, count);
        for (by, seen_by, violation) in wrong {
            let what = format!(
                "at {} {} saw: {}",
                violation.at,
                self.world.name(seen_by),
                violation.what
            );
            self.broke(Some(by), "honest nodes keep to the protocol", what);
        }
    }

    /// Asks a machine opened on what is durable at a node: live machines are left alone.
    fn ask_disk(
        &self,
        node: NodeIndex,
        home: &mut Home<DiskReader>,
        command: Command,
    ) -> Option<Done> {
        let now = self.world.clock(node).shows(self.world.now());
        let mut random = self.seed.stream(node, "verdict");
        home.handle(now, &mut random, Input::Command(CommandId(1), command));
        let mut answer = None;
        let mut last = None;
        loop {
            while let Some(output) = home.poll_output() {
                match output {
                    Output::Finished { result, .. } => answer = result.ok(),
                    Output::Commit { id, .. } => last = Some(id),
                    _ => {}
                }
            }
            // What it writes on opening is durable nowhere, but it need not know.
            match last.take() {
                Some(id) => home.handle(now, &mut random, Input::Committed(id)),
                None => return answer,
            }
        }
    }

    /// Every honest disk, opened again: what was acknowledged is there, what is published fits.
    fn disks(&mut self) {
        let (mut changes, mut lost) = (0, 0);
        for one in 0..self.people.len() {
            let person = &self.people[one];
            changes += person.acknowledged.len() as u64;
            if !person.honest || person.gone.is_some() {
                continue;
            }
            let (node, group) = (person.node, person.group);
            let store = self.world.store(node);
            let now = self.world.clock(node).shows(self.world.now());
            let mut home = match Home::open(store.clone(), self.world.secrets(node).clone(), now) {
                Ok(home) => home,
                Err(error) => {
                    self.broke(
                        Some(node),
                        "a node starts from what its disk holds",
                        error.to_string(),
                    );
                    continue;
                }
            };
            let trips: BTreeSet<RecordId> =
                match self.ask_disk(node, &mut home, Command::Trips { month: None }) {
                    Some(Done::Trips { trips }) => trips.into_iter().map(|trip| trip.id).collect(),
                    other => {
                        self.broke(
                            Some(node),
                            "a node starts from what its disk holds",
                            format!("{other:?}"),
                        );
                        continue;
                    }
                };
            let person = &self.people[one];
            let missing: Vec<RecordId> = person
                .acknowledged
                .iter()
                .filter(|(id, when)| !trips.contains(id) && !person.may_have_lost(**when))
                .map(|(id, _)| *id)
                .collect();
            if !missing.is_empty() {
                lost += missing.len() as u64;
                let what = format!(
                    "{} of {} are gone",
                    missing.len(),
                    person.acknowledged.len()
                );
                self.broke(Some(node), "no acknowledged change is lost", what);
            }
            let lens = self.file.group[group].workload.lens.0.clone();
            let slices = Inspect(&store).projections();
            if let [slice] = slices.as_slice()
                && let Some(Done::Preview { rows, .. }) =
                    self.ask_disk(node, &mut home, Command::LensPreview { lens, from: None })
            {
                let shown: BTreeSet<_> = rows.into_iter().map(fields_of).collect();
                let published: BTreeSet<_> = Inspect(&store)
                    .rows(*slice)
                    .into_iter()
                    .map(|(_, fields)| fields)
                    .collect();
                if shown != published {
                    let what = format!("{} rows shown, {} published", shown.len(), published.len());
                    self.broke(Some(node), "what is published is what the lens shows", what);
                }
            }
        }
        self.count(Metric::Changes, changes);
        self.count(Metric::LostChanges, lost);
    }

    /// Every entry of a share, at its giver and at its reader, by share.
    fn all_entries(&self) -> BTreeMap<usize, (Vec<HeldEntry>, Vec<HeldEntry>)> {
        let mut written: BTreeMap<(NodeIndex, SliceId), Vec<HeldEntry>> = BTreeMap::new();
        let mut all = BTreeMap::new();
        for (number, share) in self.shares.iter().enumerate() {
            let Some((_, slice, _)) = share.made else {
                continue;
            };
            let (giver, reader) = self.ends_of(number);
            let of_giver = written
                .entry((giver, slice))
                .or_insert_with(|| Inspect(&self.world.store(giver)).entries(slice))
                .clone();
            let of_reader = Inspect(&self.world.store(reader)).entries(slice);
            all.insert(number, (of_giver, of_reader));
        }
        all
    }

    fn stops(&mut self, entries: &BTreeMap<usize, (Vec<HeldEntry>, Vec<HeldEntry>)>) {
        let mut seen = Vec::new();
        let mut stopped = 0;
        for (number, share) in self.shares.iter().enumerate() {
            let (Some((grant, slice, _)), Some(stop)) = (share.made, &share.stop) else {
                continue;
            };
            stopped += 1;
            let (giver, reader) = (&self.people[share.giver], &self.people[share.reader]);
            if !giver.honest || !self.binds(share) || self.has_another(share, grant) {
                continue;
            }
            let readable: BTreeSet<_> = Inspect(&self.world.store(reader.node))
                .generations(slice)
                .into_iter()
                .collect();
            let since = |entry: &&HeldEntry| {
                entry.seq
                    >= stop
                        .tips
                        .get(&(entry.part, entry.log))
                        .copied()
                        .unwrap_or(0)
            };
            let Some((written, held)) = entries.get(&number) else {
                continue;
            };
            let opened = written
                .iter()
                .filter(since)
                .filter(|entry| readable.contains(&(entry.part, entry.generation)));
            let arrived = held.iter().filter(since);
            let (opened, arrived) = (opened.count(), arrived.count());
            if opened + arrived > 0 {
                seen.push((
                    giver.node,
                    format!(
                        "{} holds keys to {opened} entries and {arrived} entries of {} written since",
                        reader.name, giver.name
                    ),
                ));
            }
        }
        self.count(Metric::Stopped, stopped);
        for (node, what) in seen {
            self.broke(Some(node), "nothing written after a stop can be read", what);
        }
    }

    /// Whether the giver made the same reader another grant, which may be in force.
    fn has_another(&self, share: &Share, grant: GrantId) -> bool {
        let (giver, reader) = (&self.people[share.giver], &self.people[share.reader]);
        let reader = self.world.secrets(reader.node).person;
        let given = Inspect(&self.world.store(giver.node)).given();
        share.twice
            || given
                .iter()
                .any(|(id, _, to, _)| *id != grant && *to == reader)
    }

    fn logs(&mut self, entries: &BTreeMap<usize, (Vec<HeldEntry>, Vec<HeldEntry>)>) {
        let mut holes = Vec::new();
        let mut foreign = Vec::new();
        for (number, share) in self.shares.iter().enumerate() {
            let Some((written, held)) = entries.get(&number) else {
                continue;
            };
            let (giver, reader) = (&self.people[share.giver], &self.people[share.reader]);
            if !reader.honest {
                continue;
            }
            let mut next: BTreeMap<(PartNumber, LogId), u64> = BTreeMap::new();
            for entry in held {
                let place = next.entry((entry.part, entry.log)).or_insert(0);
                if entry.seq != *place {
                    holes.push((
                        reader.node,
                        format!("{:?} goes on at {} after {place}", entry.log, entry.seq),
                    ));
                }
                *place = entry.seq + 1;
            }
            if giver.honest && !giver.was_restored() && giver.gone.is_none() {
                let known: BTreeMap<_, _> = written
                    .iter()
                    .map(|entry| ((entry.part, entry.log, entry.seq), entry.hash))
                    .collect();
                let other = held.iter().find(|entry| {
                    known.get(&(entry.part, entry.log, entry.seq)) != Some(&entry.hash)
                });
                if let Some(entry) = other {
                    foreign.push((reader.node, format!("{} of {:?}", entry.seq, entry.log)));
                }
            }
        }
        for (node, what) in holes {
            self.broke(Some(node), "a log is held without a hole", what);
        }
        for (node, what) in foreign {
            self.broke(
                Some(node),
                "what a reader holds is what its writer wrote",
                what,
            );
        }
    }

    fn figures(&mut self) {
        let accepted = |share: &&Share| matches!(share.state, ShareState::Accepted(_));
        let shares = self.shares.iter().filter(accepted).count() as u64;
        let in_force: Vec<usize> = self
            .shares_in_core()
            .filter(|share| self.shares[*share].stop.is_none() && accepted(&&self.shares[*share]))
            .collect();
        let rows: usize = in_force
            .iter()
            .filter_map(|share| {
                let (_, slice, _) = self.shares[*share].made?;
                let (_, reader) = self.ends_of(*share);
                Some(Inspect(&self.world.store(reader)).rows(slice).len())
            })
            .sum();
        let after = self
            .converged
            .map_or(0, |at| at.since(self.end).as_micros() / 1_000_000);
        let planned = |what: &str| {
            self.faults
                .iter()
                .filter(|fault| fault.what.starts_with(what))
                .count() as u64
        };
        let restored = format!(
            "{:?}",
            Fault::Restore {
                installation: Installation::New
            }
        );
        let figures = [
            (Metric::Shares, shares),
            (Metric::SharesInCore, in_force.len() as u64),
            (Metric::Rows, rows as u64),
            (Metric::ConvergedAfterS, after),
            (Metric::Crashes, planned("Crash")),
            (Metric::Restores, planned(&restored)),
            (Metric::Cuts, planned("partition")),
            (Metric::Faults, self.faults.len() as u64),
        ];
        for (metric, value) in figures {
            self.count(metric, value);
        }
    }

    /// The card that a person gives away: what their node answers when it is asked for one.
    pub(super) fn card_of(&self, person: usize) -> Card {
        let node = self.people[person].node;
        let secrets = self.world.secrets(node);
        let addresses = vec![crate::network::address_of(node)];
        Card::new(secrets.person, secrets.transport, addresses).expect("one short address")
    }
}

fn fields_of(row: ProjectedRow) -> Vec<u8> {
    row.fields
}
