//! Inès shares `mobility.weekly` with Marc, lives on, stops sharing, and lives on.
//!
//! | phase | what goes wrong | what must hold at its end |
//! |---|---|---|
//! | sharing | crashes, cuts, losses as the seed says | healed, Marc's rows become Inès's |
//! | stopping | again, drawn anew | nothing recorded after the stop reaches Marc; both lists say so |
//!
//! At the end, everything that either node acknowledged is still there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use maille_core::command::{
    Command, CommandError, Done, GivenShare, ProjectedRow, ReceivedShare, ShareState,
};
use maille_core::sim;
use maille_protocol::card::{Card, ShareLink};
use maille_protocol::id::GrantId;
use maille_schemas::record::{Record, RecordId};

use super::file::Metric;
use super::{FaultReport, Log, NodeReport, Options, Outcome};
use crate::clock::{VirtualSpan, VirtualTime};
use crate::fault::Plan;
use crate::network::Links;
use crate::random::Seed;
use crate::workload::Traveller;
use crate::world::{NodeIndex, WentDown, World};

/// What the story is called.
pub const NAME: &str = "two-nodes";

const LENS: &str = "mobility.weekly";
/// How long faults go on in each phase.
const PHASE: VirtualSpan = VirtualSpan::from_secs(300);
/// How long a healed pair may take to agree: a few of the machine's longest pauses between dials.
const AGREE_WITHIN: VirtualSpan = VirtualSpan::from_secs(900);
/// How often the story looks whether something has come about.
const LOOK_EVERY: VirtualSpan = VirtualSpan::from_secs(1);
/// How long the share would last.
const SHARE_DAYS: u64 = 30;

/// Lives through the story.
pub fn run(seed: Seed, options: Options, log: &mut Log) -> Outcome {
    let mut story = Story::new(seed, options, log);
    story.sharing();
    story.stopping();
    story.at_the_end();
    story.outcome()
}

struct Story<'log> {
    seed: Seed,
    world: World<'log>,
    sim: Arc<sim::Run>,
    ines: NodeIndex,
    marc: NodeIndex,
    traveller: Traveller,
    next_trip: u64,
    /// Trips whose recording was acknowledged.
    acknowledged: BTreeSet<RecordId>,
    /// Every row that the lens has shown while the share was in force.
    shown: BTreeSet<(Vec<u8>, Vec<u8>)>,
    accepted: Option<GrantId>,
    crashes: usize,
    cuts: usize,
    faults: Vec<FaultReport>,
}

impl<'log> Story<'log> {
    fn new(seed: Seed, options: Options, log: &'log mut Log) -> Self {
        let mut world = World::new(seed, Links::default(), log);
        let sim = Arc::new(sim::Run::new(seed.0, true, options.plant));
        world.simulate(Arc::clone(&sim));
        let ines = world.person("Inès");
        let marc = world.person("Marc");
        Self {
            seed,
            world,
            sim,
            ines,
            marc,
            traveller: Traveller {
                seed,
                node: ines,
                days: 60,
            },
            next_trip: 0,
            acknowledged: BTreeSet::new(),
            shown: BTreeSet::new(),
            accepted: None,
            crashes: 0,
            cuts: 0,
            faults: Vec::new(),
        }
    }

    fn sharing(&mut self) {
        self.suffer(1);
        self.records(20);
        let card = self.card_of(self.marc);
        let link = self.share_with(&card);
        self.accept(&link);
        for _ in 0..self.count("changes while sharing", 2..8) {
            self.pause("while sharing");
            self.records(3);
        }
        // Half of the stories go on without waiting until both agree.
        if self.seed.draw("patient", &[]).happens(500_000) {
            self.heal_at(VirtualTime::START.plus(PHASE));
            self.must_agree();
        }
    }

    fn stopping(&mut self) {
        let begin = self.world.now();
        self.suffer(2);
        self.pause("before stopping");
        self.records(2);
        self.stop();
        for _ in 0..self.count("changes after stopping", 1..5) {
            self.records_unseen(3);
            self.pause("after stopping");
        }
        self.heal_at(begin.plus(PHASE));
    }

    fn at_the_end(&mut self) {
        let ended = self.eventually(|story| {
            let Some(given) = story.given() else {
                return false;
            };
            let Some(received) = story.received() else {
                return false;
            };
            matches!(received.state, ShareState::Revoked { .. }) && given.end_acknowledged
        });
        if !ended {
            let seen = format!("{:?} and {:?}", self.given(), self.received());
            self.world
                .broke("both sides learn that a share has ended", seen);
        }
        if !self
            .given()
            .is_some_and(|share| matches!(share.state, ShareState::Revoked { .. }))
        {
            let seen = format!("{:?}", self.given());
            self.world.broke("an acknowledged revocation stays", seen);
        }
        for row in self.rows_of_marc() {
            if !self.shown.contains(&(row.key.clone(), row.fields.clone())) {
                self.world.broke(
                    "nothing written after a revocation arrives",
                    format!("{row:?}"),
                );
            }
        }
        let held: BTreeSet<RecordId> = self.trips().into_iter().collect();
        for lost in self.acknowledged.difference(&held) {
            let lost = format!("{lost:?}");
            self.world.broke("no acknowledged change is lost", lost);
        }
    }

    fn outcome(mut self) -> Outcome {
        let violations = self.violations();
        let figures = [
            (Metric::Changes, self.acknowledged.len()),
            (Metric::Rows, self.rows_of_marc().len()),
            (Metric::Crashes, self.crashes),
            (Metric::Cuts, self.cuts),
            (Metric::Faults, self.crashes + self.cuts),
            (Metric::Violations, violations),
        ];
        let figures = figures.map(|(metric, value)| (metric.name(), value as u64));
        let report = |(node, lives)| NodeReport {
            node,
            name: self.world.name(NodeIndex(node)).to_owned(),
            group: String::from("people"),
            honest: true,
            core: true,
            up: self.world.is_up(NodeIndex(node)),
            lives,
            changes: 0,
            violations: 0,
            store_bytes: self.world.store_bytes(NodeIndex(node)) as u64,
        };
        let lives = [self.ines, self.marc].map(|node| (node.0, self.world.life(node)));
        Outcome {
            scenario: NAME.to_owned(),
            seed: self.seed.0,
            trace: self.world.trace(),
            steps: self.world.steps(),
            virtual_us: self.world.now().as_micros(),
            metrics: BTreeMap::from(figures),
            broken: self.world.broken(),
            nodes: lives.into_iter().map(report).collect(),
            faults: std::mem::take(&mut self.faults),
            sites: self.sim.tally().collect(),
        }
    }

    /// Both are honest, so neither sees the other do wrong.
    fn violations(&mut self) -> usize {
        let seen: Vec<String> = self
            .world
            .watches()
            .flat_map(|(_, watch)| watch.violations())
            .map(|violation| violation.what.clone())
            .collect();
        for what in &seen {
            self.world
                .broke("honest nodes keep to the protocol", what.clone());
        }
        seen.len()
    }

    fn suffer(&mut self, phase: u64) {
        let plan = Plan::swarm(
            self.seed,
            phase,
            [self.ines, self.marc],
            self.world.now(),
            PHASE,
        );
        self.crashes += plan.crashes.len();
        self.cuts += plan.cuts.len();
        self.world.suffer(&plan);
        let crashes = plan
            .crashes
            .iter()
            .map(|it| (it.at, Some(it.node.0), format!("{it:?}")));
        let cuts = plan
            .cuts
            .iter()
            .map(|it| (it.from, None, format!("{it:?}")));
        let reports = crashes.chain(cuts).map(|(at, node, what)| FaultReport {
            at_us: at.as_micros(),
            node,
            what,
        });
        self.faults.extend(reports);
    }

    /// Lets the rest of a phase pass, and then nothing more goes wrong.
    fn heal_at(&mut self, end: VirtualTime) {
        self.world.pass_until(end);
        self.world.heal();
        // A node that crashed last may still be down.
        for node in [self.ines, self.marc] {
            self.must(node, Command::Status);
        }
    }

    fn pause(&mut self, why: &str) {
        let millis = self.seed.draw(why, &[self.next_trip]).within(0..30_000);
        self.world.pass(VirtualSpan::from_millis(millis));
    }

    fn count(&self, what: &str, range: std::ops::Range<u64>) -> u64 {
        self.seed.draw(what, &[]).within(range)
    }

    /// Records `count` new trips while the share may show them.
    fn records(&mut self, count: u64) {
        self.record(count);
        // Whether or not the recording was acknowledged, it may have been carried out.
        let Done::Preview { rows, .. } = self.must(self.ines, preview()) else {
            unreachable!("a preview")
        };
        self.shown
            .extend(rows.into_iter().map(|row| (row.key, row.fields)));
    }

    /// Records `count` new trips that nobody but Inès may see.
    fn records_unseen(&mut self, count: u64) {
        self.record(count);
    }

    fn record(&mut self, count: u64) {
        let records: Vec<Record> = (0..count)
            .map(|number| self.traveller.trip(self.next_trip + number))
            .collect();
        self.next_trip += count;
        let ids: Vec<RecordId> = records.iter().map(Record::id).collect();
        match self.world.ask(self.ines, Command::Record { records }) {
            Ok(Ok(_)) => self.acknowledged.extend(ids),
            Ok(Err(error)) => self
                .world
                .broke("good records are taken", error.to_string()),
            Err(WentDown) => {}
        }
    }

    fn share_with(&mut self, card: &Card) -> ShareLink {
        loop {
            let until = self
                .world
                .now()
                .plus(VirtualSpan::from_secs(SHARE_DAYS * 86_400))
                .timestamp();
            let create = Command::ShareCreate {
                lens: LENS.to_owned(),
                with: card.clone(),
                name: String::from("Marc"),
                until,
                from: None,
                purpose: String::from("comparer nos semaines"),
            };
            match self.world.ask(self.ines, create) {
                Ok(Ok(Done::ShareCreated { share, link })) => {
                    self.accepted = Some(share.id);
                    return link;
                }
                Ok(other) => panic!("a share with a good card is made, got {other:?}"),
                // It may exist, with a link that nobody has seen: stop that one and make another.
                Err(WentDown) => self.stop_all(),
            }
        }
    }

    fn stop_all(&mut self) {
        let Done::Shares { shares } = self.must(self.ines, Command::ShareList) else {
            unreachable!("a list")
        };
        for share in shares.into_iter().filter(|share| !has_ended(share.state)) {
            self.revoke(share.id);
        }
    }

    fn accept(&mut self, link: &ShareLink) {
        let accept = Command::ReceivedAccept {
            link: link.clone(),
            name: String::from("Inès"),
        };
        let Done::ReceivedAccepted { .. } = self.must(self.marc, accept) else {
            unreachable!("accepted")
        };
    }

    fn stop(&mut self) {
        let share = self.accepted.expect("the share was made");
        self.revoke(share);
    }

    fn revoke(&mut self, share: GrantId) {
        loop {
            match self.world.ask(
                self.ines,
                Command::ShareRevoke {
                    share: share.to_string(),
                },
            ) {
                Ok(Ok(_) | Err(CommandError::AlreadyEnded { .. })) => return,
                Ok(Err(error)) => panic!("a share in force can be stopped: {error}"),
                Err(WentDown) => {}
            }
        }
    }

    fn must_agree(&mut self) {
        let agreed = self.eventually(|story| {
            let Done::Preview { rows, .. } = story.must(story.ines, preview()) else {
                unreachable!("a preview")
            };
            story.rows_of_marc() == rows
        });
        if !agreed {
            let seen = format!("Marc holds {} rows", self.rows_of_marc().len());
            self.world.broke("a healed pair agrees", seen);
        }
        let acknowledged = self.eventually(|story| {
            story
                .given()
                .is_some_and(|share| share.acknowledged.is_some())
        });
        if !acknowledged {
            let seen = format!("{:?}", self.given());
            self.world
                .broke("the giver hears that everything arrived", seen);
        }
    }

    fn eventually(&mut self, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        let limit = self.world.now().plus(AGREE_WITHIN);
        while self.world.now() < limit {
            if holds(self) {
                return true;
            }
            self.world.pass(LOOK_EVERY);
        }
        false
    }

    fn card_of(&mut self, node: NodeIndex) -> Card {
        let Done::Card { card } = self.must(node, Command::Card) else {
            unreachable!("a card")
        };
        card
    }

    fn given(&mut self) -> Option<GivenShare> {
        let wanted = self.accepted?;
        let Done::Shares { shares } = self.must(self.ines, Command::ShareList) else {
            unreachable!("a list")
        };
        shares.into_iter().find(|share| share.id == wanted)
    }

    fn received(&mut self) -> Option<ReceivedShare> {
        let wanted = self.accepted?;
        let Done::ReceivedList { shares } = self.must(self.marc, Command::ReceivedList) else {
            unreachable!("a list")
        };
        shares.into_iter().find(|share| share.id == wanted)
    }

    fn rows_of_marc(&mut self) -> Vec<ProjectedRow> {
        let share = self.accepted.expect("the share was made").to_string();
        match self.must(self.marc, Command::ReceivedShow { share }) {
            Done::Received { rows, .. } => rows,
            other => unreachable!("rows, got {other:?}"),
        }
    }

    fn trips(&mut self) -> Vec<RecordId> {
        let Done::Trips { trips } = self.must(self.ines, Command::Trips { month: None }) else {
            unreachable!("trips")
        };
        trips.into_iter().map(|trip| trip.id).collect()
    }

    /// Asks until the node answers: for what may be asked twice.
    #[track_caller]
    fn must(&mut self, node: NodeIndex, command: Command) -> Done {
        match self.ask(node, command.clone()) {
            Ok(done) => done,
            Err(error) => panic!("{command:?} is refused: {error}"),
        }
    }

    fn ask(&mut self, node: NodeIndex, command: Command) -> Result<Done, CommandError> {
        loop {
            if let Ok(answer) = self.world.ask(node, command.clone()) {
                return answer;
            }
        }
    }
}

fn preview() -> Command {
    Command::LensPreview {
        lens: LENS.to_owned(),
        from: None,
    }
}

fn has_ended(state: ShareState) -> bool {
    match state {
        ShareState::Offered | ShareState::Pending | ShareState::Active => false,
        ShareState::Revoked { .. } | ShareState::Expired { .. } => true,
    }
}
