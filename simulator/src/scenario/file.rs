//! The form of a scenario file: TOML, every key known, every value within its range.
//!
//! ```toml
//! schema = 1                     # version of this form
//! name = "household"
//! about = "four people and a phone that is mostly off"
//! duration = "24h"               # how long people live and things go wrong
//! seed = 0                       # when none is given on the command line
//! swarm = true                   # the seed draws which kinds of fault exist, and their rates
//!
//! [network]                      # links between computers; all optional
//! latency = { min = "5ms", max = "60ms", jitter = "10ms" }
//! detection = "15s"              # how long, at most, until a lost connection is noticed
//! double_dial = 0.01             # chance that a dial leaves a second connection at the acceptor
//! bandwidth = { up = "5Mbit", down = "20Mbit" }
//! nat = { open = 0.4, endpoint_independent = 0.6 } # also address_dependent, symmetric, none
//! regions = [                    # distance makes latency, besides `min`
//!     { name = "paris", share = 0.6, east_km = 0, north_km = 0, spread_km = 40 },
//!     { name = "lyon", share = 0.4, east_km = 180, north_km = -350, spread_km = 30 },
//! ]
//!
//! [[group]]                      # who there is; one or more
//! name = "people"
//! count = 4
//! behaviour = "honest"           # or withhold, replay, flood, lie, two-histories
//! workload = { lens = "mobility.weekly", history = 20, days = 30, changes_per_day = 2 }
//! churn = { model = "exponential", online = "40m", offline = "93m", way = "closed" }
//! clock = { offset = "2s", drift_ppm = 50 }
//!
//! [shares]                       # who shares with whom
//! topology = "random"            # or ring, all
//! degree = 3                     # with how many others each person shares
//! stopped = 0.2                  # which fraction is stopped on the way
//! expiring = 0.1                 # which fraction runs out on the way
//!
//! [[fault]]                      # what goes wrong, besides what the swarm draws
//! at = "2h"                      # once, or `every = "30m"`
//! kind = "crash"
//! group = "people"               # whom it befalls: all of it, or
//! fraction = 0.5                 # a drawn part of it
//! lasts = "10s"
//!
//! [liveness]                     # then a core is healed for good and must agree
//! core = 0.9
//! converge_within = "30m"
//!
//! [[expect]]                     # besides the invariants, which always have to hold
//! metric = "shares_in_core"
//! op = ">="
//! value = 1
//! ```

use maille_schemas::lens::Lens;
use serde::Deserialize;

use super::churn::{self, Model, Trace, Way};
use super::value::{Fraction, Rate, Span, Whole};
use crate::clock::VirtualSpan;
use crate::network::{Bandwidth, Links, Nat, Region};

/// The only version of the form there is.
const SCHEMA: u32 = 1;

/// Most nodes of one run.
pub const NODES_MAX: u32 = 10_000;

/// A scenario, checked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    schema: u32,
    /// What it is called.
    pub name: String,
    /// What it is about, in one line.
    pub about: String,
    /// How long people live and things go wrong.
    pub duration: Span,
    /// What a run follows from when no seed is given.
    #[serde(default)]
    pub seed: u64,
    /// Whether the seed draws faults of its own.
    #[serde(default)]
    pub swarm: bool,
    /// How links behave.
    #[serde(default)]
    pub network: NetworkTable,
    /// Who there is.
    pub group: Vec<Group>,
    /// Who shares with whom.
    pub shares: Shares,
    /// What goes wrong at planned times.
    #[serde(default)]
    pub fault: Vec<FaultTable>,
    /// What has to come about in the end.
    pub liveness: Liveness,
    /// What is expected besides the invariants.
    #[serde(default)]
    pub expect: Vec<Expect>,
}

/// `[network]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkTable {
    latency: Option<Latency>,
    detection: Option<Span>,
    double_dial: Option<Fraction>,
    bandwidth: Option<BandwidthTable>,
    nat: Option<NatTable>,
    #[serde(default)]
    regions: Vec<RegionTable>,
}

/// `bandwidth`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BandwidthTable {
    up: Option<Rate>,
    down: Option<Rate>,
}

/// `nat`: how many nodes have which router, compared with each other.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct NatTable {
    open: Fraction,
    endpoint_independent: Fraction,
    address_dependent: Fraction,
    symmetric: Fraction,
    none: Fraction,
}

/// One of `regions`. Its name is for people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionTable {
    #[expect(dead_code, reason = "for whoever reads the file")]
    name: String,
    share: Fraction,
    east_km: i16,
    north_km: i16,
    spread_km: Whole<0, 1_000>,
}

/// What passes at once after a rest.
const BURST_BYTES: u64 = 64 << 10;

/// `latency`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    min: Span,
    max: Span,
    #[serde(default)]
    jitter: Option<Span>,
}

/// `[[group]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// What it is called.
    pub name: String,
    /// How many people.
    pub count: Whole<1, NODES_MAX>,
    /// How their nodes behave.
    #[serde(default)]
    pub behaviour: Conduct,
    /// What they do.
    #[serde(default)]
    pub workload: Workload,
    /// When they are there.
    pub churn: Option<Churn>,
    /// How wrong their clocks are.
    #[serde(default)]
    pub clock: Clock,
}

/// How the nodes of a group behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conduct {
    /// They keep to the protocol.
    #[default]
    Honest,
    /// They leave entries out.
    Withhold,
    /// They send old frames again.
    Replay,
    /// They send frames without end.
    Flood,
    /// They tell wrong cursors.
    Lie,
    /// A second machine runs on a copy of the disk and the secrets.
    TwoHistories,
}

/// `workload`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workload {
    /// What they share.
    pub lens: LensName,
    /// Trips that are there from the beginning.
    pub history: Whole<0, 5_000>,
    /// Over how many days, back from the beginning, trips spread.
    pub days: Whole<1, 365>,
    /// Trips recorded in a day, at drawn times.
    pub changes_per_day: Whole<0, 1_000>,
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            lens: LensName(String::from("mobility.weekly")),
            history: Whole(20),
            days: Whole(30),
            changes_per_day: Whole(4),
        }
    }
}

/// The name of a lens that there is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LensName(pub String);

impl TryFrom<String> for LensName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        if Lens::find(&name).is_some() {
            return Ok(Self(name));
        }
        let known: Vec<&str> = Lens::all().iter().map(Lens::name).collect();
        Err(format!(
            "no lens is called {name:?}; there is {}",
            known.join(", ")
        ))
    }
}

/// `churn`: drawn from a distribution, or played from a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Churn {
    /// How the lengths are distributed.
    pub model: Option<Model>,
    /// Mean length of a time online.
    pub online: Option<Span>,
    /// Mean length of a time away.
    pub offline: Option<Span>,
    /// A CSV file with the columns `node,away_s,back_s`: who (from 0, within the group) is away
    /// when, in seconds from the beginning. Relative to the scenario file.
    pub trace: Option<String>,
    /// What being away means; without it half of the people close the program and half let the
    /// computer sleep.
    pub way: Option<Way>,
    /// The file that `trace` names, once it was read.
    #[serde(skip)]
    pub played: Trace,
}

/// `clock`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// Clocks stand up to this much wrong, before or behind.
    #[serde(default)]
    pub offset: Option<Span>,
    /// Clocks gain or lose up to this many microseconds in a million.
    #[serde(default)]
    pub drift_ppm: Option<Whole<0, 1_000>>,
}

/// `[shares]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shares {
    /// Who shares with whom.
    pub topology: Topology,
    /// With how many others each person shares; not for `all`.
    pub degree: Option<Whole<1, 200>>,
    /// Which fraction of the shares is stopped.
    #[serde(default)]
    pub stopped: Fraction,
    /// Which fraction of the shares runs out.
    #[serde(default)]
    pub expiring: Fraction,
}

/// Who shares with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Each with the next ones.
    Ring,
    /// Each with others that the seed draws.
    Random,
    /// Each with everybody.
    All,
}

/// `[[fault]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultTable {
    /// What goes wrong.
    pub kind: toml::Spanned<FaultKind>,
    /// When, once.
    pub at: Option<Span>,
    /// How often, at a drawn phase.
    pub every: Option<Span>,
    /// Whom it befalls; everybody without it.
    pub group: Option<String>,
    /// A drawn part of them.
    pub fraction: Option<Fraction>,
    /// How long it lasts.
    pub lasts: Option<Span>,
    /// By how much a clock is set ahead.
    pub ahead: Option<Span>,
    /// By how much a clock is set back.
    pub back: Option<Span>,
    /// Microseconds in a million that a clock gains.
    pub ppm: Option<Whole<0, 100_000>>,
    /// Whether only one direction is cut.
    pub asymmetric: Option<bool>,
    /// Which fraction of messages is lost and sent again.
    pub stalls: Option<Fraction>,
    /// Which fraction of messages ends its connection.
    pub ends: Option<Fraction>,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A process dies and loses what was not durable.
    Crash,
    /// The same, and part of a group commit under way may be kept.
    Torn,
    /// Commits fail for a time.
    FullDisk,
    /// The disk is emptied; that node is gone.
    Wipe,
    /// A copy of the disk is put away.
    Backup,
    /// The last copy takes the place of the disk, under a new installation.
    Restore,
    /// A process stands still.
    Pause,
    /// A clock is set.
    ClockJump,
    /// A clock runs too fast.
    ClockDrift,
    /// A computer has no network.
    Offline,
    /// Nothing passes between those it befalls and the rest.
    Partition,
    /// Each of those it befalls is cut off, one after the other, and found again in another order.
    Gradual,
    /// Messages are lost, on every link.
    Loss,
}

impl FaultKind {
    /// The keys that this kind has besides `kind`, `at`, `every`, `group` and `fraction`, and of
    /// them those that it needs.
    fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Crash | Self::Torn | Self::FullDisk | Self::Pause | Self::Offline => {
                (&["lasts"], &["lasts"])
            }
            Self::Gradual => (&["lasts"], &["lasts"]),
            Self::Wipe | Self::Backup | Self::Restore => (&[], &[]),
            Self::ClockJump => (&["ahead", "back"], &[]),
            Self::ClockDrift => (&["ppm"], &["ppm"]),
            Self::Partition => (&["lasts", "asymmetric"], &["lasts"]),
            Self::Loss => (&["lasts", "stalls", "ends"], &["lasts"]),
        }
    }
}

/// `[liveness]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Liveness {
    /// Which fraction of the honest people is healed for good when `duration` is over.
    pub core: Fraction,
    /// How long they may take to agree.
    pub converge_within: Span,
}

/// `[[expect]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Which figure of a run.
    pub metric: Metric,
    /// How it compares.
    pub op: Op,
    /// With what.
    pub value: u64,
}

macro_rules! metrics {
    ($($variant:ident, $name:literal, $about:literal;)*) => {
        /// A figure of a run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
        pub enum Metric {
            $(#[doc = $about] #[serde(rename = $name)] $variant,)*
        }

        impl Metric {
            /// Every figure, with its name and what it is.
            pub const ALL: &'static [(Self, &'static str, &'static str)] =
                &[$((Self::$variant, $name, $about),)*];

            /// Its name in files and outputs.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

metrics! {
    Changes, "changes", "Changes that were acknowledged to their person.";
    LostChanges, "lost_changes", "Of them, those that are not there in the end.";
    Shares, "shares", "Shares that were made and accepted.";
    SharesInCore, "shares_in_core", "Of them, those in force between two people of the core, which had to agree.";
    Stopped, "stopped", "Shares whose stop was acknowledged.";
    Rows, "rows", "Rows that readers of the core held under those shares in the end.";
    ConvergedAfterS, "converged_after_s", "Seconds from the healing of the core until it agreed.";
    Violations, "violations", "Violations of the protocol that honest nodes noted.";
    Crashes, "crashes", "Crashes planned.";
    Restores, "restores", "Backups planned to be brought back.";
    Cuts, "cuts", "Partitions planned.";
    Faults, "faults", "Everything that was planned to go wrong, coming and going of people aside.";
    Away, "away", "Times that people were planned to be away.";
    Messages, "messages", "Frames that carry something of a circle, sent by anybody.";
    MessagesMilli, "messages_milli", "The same for each member and change, in thousandths.";
    FramesMilli, "frames_milli", "All frames for each member and change, in thousandths.";
    SlowestS, "slowest_s", "Seconds that somebody who was there waited for a change, at most.";
    StoreBytes, "store_bytes", "Bytes on all disks in the end.";
}

/// How a figure compares with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Op {
    /// Equal.
    #[serde(rename = "==")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    NotEqual,
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
}

impl Op {
    /// Whether `seen` compares so with `value`.
    pub fn holds(self, seen: u64, value: u64) -> bool {
        match self {
            Self::Equal => seen == value,
            Self::NotEqual => seen != value,
            Self::AtLeast => seen >= value,
            Self::AtMost => seen <= value,
        }
    }
}

/// Why a scenario file is not taken: told with its line where the line is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FileError(pub String);

impl File {
    /// Reads a scenario. `read` reads another file that it names, by the name as written.
    ///
    /// # Errors
    /// Whatever is not TOML, not a known key, out of its range, or does not fit together.
    pub fn parse(
        text: &str,
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, FileError> {
        let mut file: Self = toml::from_str(text).map_err(|error| FileError(error.to_string()))?;
        file.check(text)?;
        for group in &mut file.group {
            let count = group.count.0;
            if let Some(churn) = &mut group.churn
                && let Some(name) = &churn.trace
            {
                let bytes =
                    read(name).map_err(|error| FileError(format!("trace {name:?}: {error}")))?;
                churn.played = churn::read_trace(&bytes, count)
                    .map_err(|error| FileError(format!("trace {name:?}: {error}")))?;
            }
        }
        Ok(file)
    }

    /// How many people there are.
    pub fn count(&self) -> u32 {
        self.group.iter().map(|group| group.count.0).sum()
    }

    /// How links behave.
    pub fn links(&self) -> Links {
        let mut links = Links::default();
        if let Some(latency) = self.network.latency {
            links.latency_min = latency.min.0;
            links.latency_max = latency.max.0;
            links.jitter_max = latency.jitter.map_or(VirtualSpan::ZERO, |jitter| jitter.0);
        }
        if let Some(detection) = self.network.detection {
            links.detection_max = detection.0;
        }
        let bandwidth = |rate: Rate| Bandwidth {
            bytes_per_s: rate.bytes_per_s,
            burst_bytes: BURST_BYTES,
        };
        if let Some(table) = self.network.bandwidth {
            links.up = table.up.map(bandwidth);
            links.down = table.down.map(bandwidth);
        }
        if let Some(nat) = self.network.nat {
            let shares = [
                (Nat::Open, nat.open),
                (Nat::EndpointIndependent, nat.endpoint_independent),
                (Nat::AddressDependent, nat.address_dependent),
                (Nat::Symmetric, nat.symmetric),
                (Nat::None, nat.none),
            ];
            links.nat = shares.map(|(nat, share)| (nat, share.0)).into();
        }
        let region = |table: &RegionTable| Region {
            east_km: i32::from(table.east_km),
            north_km: i32::from(table.north_km),
            spread_km: u16::try_from(table.spread_km.0).unwrap_or(0),
            weight: table.share.0,
        };
        links.regions = self.network.regions.iter().map(region).collect();
        links.double_dial_ppm = self.network.double_dial.map_or(0, |chance| chance.0);
        links
    }

    fn check(&self, text: &str) -> Result<(), FileError> {
        let wrong = |what: String| Err(FileError(what));
        if self.schema != SCHEMA {
            return wrong(format!(
                "schema {} is not known; there is {SCHEMA}",
                self.schema
            ));
        }
        if self.duration.as_micros() < 600_000_000 {
            return wrong(String::from("duration is less than \"10m\""));
        }
        if self.count() > NODES_MAX || self.count() < 2 {
            return wrong(format!(
                "{} people are not within 2 to {NODES_MAX}",
                self.count()
            ));
        }
        if let Some(latency) = self.network.latency
            && (latency.min.as_micros() < 1_000 || latency.max < latency.min)
        {
            return wrong(String::from(
                "latency: min is at least \"1ms\", and max not below min",
            ));
        }
        let links = self.links();
        if !links.nat.is_empty() && links.nat.iter().all(|(_, weight)| *weight == 0) {
            return wrong(String::from("nat: nobody has any of it"));
        }
        if !links.regions.is_empty() && links.regions.iter().all(|region| region.weight == 0) {
            return wrong(String::from("regions: nobody lives in any"));
        }
        match (self.shares.topology, self.shares.degree) {
            (Topology::All, Some(_)) => {
                return wrong(String::from("shares: topology \"all\" has no degree"));
            }
            (Topology::All, None) => {}
            (_, None) => return wrong(String::from("shares: this topology needs a degree")),
            (_, Some(Whole(degree))) if degree >= self.count() => {
                return wrong(format!(
                    "shares: degree {degree} is not below {} people",
                    self.count()
                ));
            }
            (_, Some(_)) => {}
        }
        for group in &self.group {
            group.check()?;
        }
        self.fault
            .iter()
            .try_for_each(|fault| self.check_fault(fault, text))
    }

    fn check_fault(&self, fault: &FaultTable, text: &str) -> Result<(), FileError> {
        let kind = *fault.kind.get_ref();
        let before = text.get(..fault.kind.span().start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let wrong = |what: String| Err(FileError(format!("line {line}: a fault {what}")));
        if fault.at.is_some() == fault.every.is_some() {
            return wrong(String::from("has `at` or `every`, one of the two"));
        }
        if fault
            .every
            .is_some_and(|every| every.as_micros() < 1_000_000)
        {
            return wrong(String::from("comes `every` \"1s\" at most"));
        }
        if let Some(group) = &fault.group
            && !self.group.iter().any(|known| known.name == *group)
        {
            return wrong(format!("names a group {group:?} that there is not"));
        }
        let (allowed, needed) = kind.keys();
        let given = [
            ("lasts", fault.lasts.is_some()),
            ("ahead", fault.ahead.is_some()),
            ("back", fault.back.is_some()),
            ("ppm", fault.ppm.is_some()),
            ("asymmetric", fault.asymmetric.is_some()),
            ("stalls", fault.stalls.is_some()),
            ("ends", fault.ends.is_some()),
        ];
        for (key, is_given) in given {
            if is_given && !allowed.contains(&key) {
                return wrong(format!("of this kind has no `{key}`; it has {allowed:?}"));
            }
            if !is_given && needed.contains(&key) {
                return wrong(format!("of this kind needs `{key}`"));
            }
        }
        if kind == FaultKind::ClockJump && fault.ahead.is_some() == fault.back.is_some() {
            return wrong(String::from(
                "of this kind has `ahead` or `back`, one of the two",
            ));
        }
        if fault.stalls == Some(Fraction::ALL) {
            return wrong(String::from("stalls less than all messages"));
        }
        Ok(())
    }
}

impl Group {
    fn check(&self) -> Result<(), FileError> {
        let Some(churn) = &self.churn else {
            return Ok(());
        };
        let drawn = churn.model.is_some() && churn.online.is_some() && churn.offline.is_some();
        let partly = churn.model.is_some() || churn.online.is_some() || churn.offline.is_some();
        let minute = 60_000_000;
        if churn.trace.is_some() == partly || (partly && !drawn) {
            return Err(FileError(format!(
                "group {:?}: churn has `model`, `online` and `offline`, or else a `trace`",
                self.name
            )));
        }
        if [churn.online, churn.offline]
            .iter()
            .flatten()
            .any(|span| span.as_micros() < minute)
        {
            return Err(FileError(format!(
                "group {:?}: churn is counted in minutes: \"1m\" or more",
                self.name
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"schema = 1
name = "small"
about = "two people"
duration = "1h"
[[group]]
name = "people"
count = 2
[shares]
topology = "all"
[liveness]
core = 1
converge_within = "10m"
"#;

    fn parse(text: &str) -> Result<File, FileError> {
        File::parse(text, &mut |_| Err(String::from("there is no such file")))
    }

    #[track_caller]
    fn refused(text: &str, with: &[&str]) {
        let told = parse(text).expect_err("it should be refused").to_string();
        for part in with {
            assert!(told.contains(part), "{part:?} is not in: {told}");
        }
    }

    #[test]
    fn a_small_file_is_read_and_the_rest_has_defaults() {
        let file = parse(SMALL).expect("it is right");
        assert_eq!(file.count(), 2);
        assert_eq!(file.group[0].workload.lens.0, "mobility.weekly");
        assert_eq!(file.group[0].behaviour, Conduct::Honest);
        assert!(!file.swarm);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_what_is_allowed() {
        refused(
            &format!("{SMALL}nodes = 3\n"),
            &["line 13", "nodes", "`core`"],
        );
        let group = SMALL.replace("count = 2", "count = 2\nbehavior = \"honest\"");
        refused(&group, &["line 8", "behavior", "`behaviour`"]);
    }

    #[test]
    fn a_value_out_of_its_range_is_refused_with_its_line_and_the_range() {
        refused(
            &SMALL.replace("count = 2", "count = 0"),
            &["line 7", "1 to 10000"],
        );
        refused(
            &SMALL.replace("core = 1", "core = 1.5"),
            &["line 11", "0 to 1"],
        );
        refused(
            &SMALL.replace("\"10m\"", "\"10 minutes\""),
            &["line 12", "ms, s, m, h or d"],
        );
        refused(&SMALL.replace("\"all\"", "\"star\""), &["line 9", "`ring`"]);
        refused(&SMALL.replace("\"1h\"", "\"5m\""), &["duration", "10m"]);
        refused(
            &SMALL.replace("schema = 1", "schema = 2"),
            &["schema 2", "there is 1"],
        );
        refused(&SMALL.replace("count = 2", "count = 1"), &["2 to 10000"]);
        let lens = SMALL.replace(
            "count = 2",
            "count = 2\nworkload = { lens = \"mobility.yearly\" }",
        );
        refused(&lens, &["line 8", "mobility.weekly"]);
    }

    #[test]
    fn links_become_what_the_file_says() {
        let network = r#"[network]
latency = { min = "2ms", max = "30ms" }
double_dial = 0.01
bandwidth = { up = "5Mbit" }
nat = { open = 0.5, symmetric = 0.5 }
regions = [{ name = "here", share = 1, east_km = 0, north_km = -20, spread_km = 5 }]
[[group]]"#;
        let links = parse(&SMALL.replace("[[group]]", network))
            .expect("it is right")
            .links();
        assert_eq!(links.latency_min, VirtualSpan::from_millis(2));
        assert_eq!(links.up.map(|up| up.bytes_per_s), Some(625_000));
        assert_eq!(links.down, None);
        assert_eq!(links.double_dial_ppm, 10_000);
        assert_eq!(
            links
                .nat
                .iter()
                .filter(|(_, weight)| *weight == 500_000)
                .count(),
            2
        );
        assert_eq!(links.regions[0].north_km, -20);
        let nobody = SMALL.replace("[[group]]", "[network]\nnat = { open = 0 }\n[[group]]");
        refused(&nobody, &["nat: nobody"]);
    }

    #[test]
    fn a_fault_has_the_keys_of_its_kind() {
        let fault = |keys: &str| format!("{SMALL}[[fault]]\n{keys}\n");
        parse(&fault("kind = \"crash\"\nat = \"2m\"\nlasts = \"5s\"")).expect("it is right");
        refused(
            &fault("kind = \"crash\"\nat = \"2m\""),
            &["line 14", "needs `lasts`"],
        );
        refused(
            &fault("at = \"2m\"\nkind = \"wipe\"\nlasts = \"5s\""),
            &["line 15", "has no `lasts`"],
        );
        refused(&fault("kind = \"wipe\""), &["`at` or `every`"]);
        refused(
            &fault("kind = \"explode\"\nat = \"2m\""),
            &["line 14", "`crash`"],
        );
        refused(
            &fault("kind = \"wipe\"\nat = \"2m\"\ngroup = \"others\""),
            &["\"others\""],
        );
        refused(
            &fault("kind = \"clock-jump\"\nat = \"2m\""),
            &["`ahead` or `back`"],
        );
    }

    #[test]
    fn churn_is_drawn_or_played() {
        let churn =
            |table: &str| SMALL.replace("count = 2", &format!("count = 2\nchurn = {table}"));
        parse(&churn(
            "{ model = \"uniform\", online = \"1h\", offline = \"2h\" }",
        ))
        .expect("right");
        refused(
            &churn("{ model = \"uniform\" }"),
            &["`model`, `online` and `offline`"],
        );
        refused(&churn("{ way = \"closed\" }"), &["or else a `trace`"]);
        refused(
            &churn("{ trace = \"away.csv\" }"),
            &["away.csv", "no such file"],
        );
    }
}
