//! What the simulator reaches into: points where something rare but legal may happen, bugs
//! planted on purpose, and a look into a store.
//!
//! Exists with the feature `sim` only, which `maille-simulator` turns on and `maille-node` never
//! does (a test in `tests/house` says so). Nothing here happens unless a [`Run`] is handed to
//! [`crate::Home::simulate`].
//!
//! # Points
//!
//! A run turns each [`Site`] on with one chance in four; a site that is on then fires at a rate of
//! 5 to 25 % that the run draws for it. What a firing does is always legal (a frame is cut small, a
//! session is closed), so an invariant that breaks under it is a bug.
//!
//! # Planted bugs
//!
//! A [`Plant`] is a bug that a check must find: the test of the tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use maille_protocol::crypto;
use maille_protocol::defence::{self, Defence};
use maille_protocol::entry::{LogId, UnverifiedEntry};
use maille_protocol::generation::PartKey;
use maille_protocol::id::{CircleId, GenerationId, GrantId, PersonId, SliceId, TransportId};
use maille_protocol::slice::PartNumber;
use maille_protocol::sync::{CircleItem, Cursor};

use crate::home::name_of;
use crate::io::Store;
use crate::layout;
use crate::state::{Feed, Given, OwnSlice, Row, Taken};
use crate::view::decode;

/// A place in the machine where something rare but legal can be made to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Site {
    /// A projection goes out one row per entry.
    OneRowPerEntry,
    /// Records become Automerge changes one by one.
    OneRecordPerChange,
    /// Keys go out one per parcel.
    OneKeyPerParcel,
    /// One frame leaves although more might.
    OneFramePerPump,
    /// A session that has just opened is closed.
    CloseAfterHello,
    /// A session is closed between the taking in of an item and its acknowledgement.
    CloseBeforeAck,
    /// The authority is sent although the contact holds it.
    AuthorityAgain,
    /// A feed is numbered anew although the contact could go on.
    RenumberFeed,
    /// The next dial waits four times as long.
    DialLate,
    /// A share that ran out is found out a minute late.
    ExpireLate,
}

impl Site {
    /// Every site.
    pub const ALL: [Self; 10] = [
        Self::OneRowPerEntry,
        Self::OneRecordPerChange,
        Self::OneKeyPerParcel,
        Self::OneFramePerPump,
        Self::CloseAfterHello,
        Self::CloseBeforeAck,
        Self::AuthorityAgain,
        Self::RenumberFeed,
        Self::DialLate,
        Self::ExpireLate,
    ];
}

/// A bug that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plant {
    /// Answers, acknowledgements and frames leave before what they rest on is durable.
    AckBeforeDurable,
    /// An entry is taken in although the one before it in its log is missing.
    AcceptPastGap,
    /// One part of what a share owes its reader is never made due.
    DropDuePart,
    /// A restored backup goes on in the logs of the installation that was backed up.
    ReuseLog,
    /// A share ends without new keys for what it could read.
    ForgetRotation,
    /// An entry past a cut is taken for one that stands.
    AcceptPastCut,
    /// What a relay has confirmed is never put there again, though it says that it has lost it.
    BelieveRelay,
}

impl Plant {
    /// Every planted bug with its name on a command line and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 7] = [
        (
            Self::AcceptPastCut,
            "accept-past-cut",
            "an entry past a cut is taken for one that stands",
        ),
        (
            Self::AckBeforeDurable,
            "ack-before-durable",
            "answers and frames leave before what they rest on is durable",
        ),
        (
            Self::AcceptPastGap,
            "accept-past-gap",
            "an entry is taken in although the one before it in its log is missing",
        ),
        (
            Self::DropDuePart,
            "drop-due-part",
            "one part of what a share owes its reader is never made due",
        ),
        (
            Self::ReuseLog,
            "reuse-log",
            "a restored backup goes on in the logs of the installation that was backed up",
        ),
        (
            Self::ForgetRotation,
            "forget-rotation",
            "a share ends without new keys for what it could read",
        ),
        (
            Self::BelieveRelay,
            "believe-relay",
            "what a relay has confirmed is never put there again, though it has lost it",
        ),
    ];

    /// The defence against an attack that a node with this bug is without.
    const fn leaves_out(self) -> Option<Defence> {
        match self {
            Self::ForgetRotation => Some(Defence::StopRotates),
            Self::AcceptPastCut => Some(Defence::CutsHold),
            Self::BelieveRelay => Some(Defence::LossIsSeen),
            Self::AckBeforeDurable | Self::AcceptPastGap | Self::DropDuePart | Self::ReuseLog => {
                None
            }
        }
    }
}

/// What one run turns on, and what came of it. Shared by all nodes of the run.
#[derive(Debug)]
pub struct Run {
    seed: u64,
    /// Chances in a million that a site fires when it is reached; 0: it is off.
    rates: [u32; Site::ALL.len()],
    plant: Option<Plant>,
    reached: [AtomicU64; Site::ALL.len()],
    fired: [AtomicU64; Site::ALL.len()],
}

impl Run {
    /// The sites that `seed` turns on (none without `points`), and the bug that is planted.
    #[must_use]
    pub fn new(seed: u64, points: bool, plant: Option<Plant>) -> Self {
        let rate = |site: Site| {
            let on = points && draw(seed, "on", &[site as u64]).is_multiple_of(4);
            if on {
                // 5 to 25 %.
                u32::try_from(50_000 + draw(seed, "rate", &[site as u64]) % 200_001)
                    .unwrap_or(50_000)
            } else {
                0
            }
        };
        Self {
            seed,
            rates: Site::ALL.map(rate),
            plant,
            reached: Default::default(),
            fired: Default::default(),
        }
    }

    /// How often each site was reached, and how often it fired.
    pub fn tally(&self) -> impl Iterator<Item = (Site, u64, u64)> + '_ {
        Site::ALL.into_iter().map(|site| {
            let index = site as usize;
            let of =
                |counts: &[AtomicU64]| counts.get(index).map_or(0, |n| n.load(Ordering::Relaxed));
            (site, of(&self.reached), of(&self.fired))
        })
    }

    /// The bug that is planted.
    #[must_use]
    pub fn plant(&self) -> Option<Plant> {
        self.plant
    }
}

/// One machine's part in a [`Run`]: its draws depend on nobody else's.
#[derive(Debug, Default)]
pub(crate) struct Points {
    run: Option<Arc<Run>>,
    node: u64,
    life: u64,
    reached: [u64; Site::ALL.len()],
}

impl Points {
    pub(crate) fn of(run: Arc<Run>, node: u64, life: u64) -> Self {
        Self {
            run: Some(run),
            node,
            life,
            reached: Default::default(),
        }
    }

    /// Whether `site` fires this time.
    pub(crate) fn fires(&mut self, site: Site) -> bool {
        let index = site as usize;
        let (Some(run), Some(count)) = (&self.run, self.reached.get_mut(index)) else {
            return false;
        };
        *count += 1;
        let key = [self.node, self.life, site as u64, *count];
        let rate = run.rates.get(index).copied().unwrap_or(0);
        let fires = rate > 0 && draw(run.seed, "fires", &key) % 1_000_000 < u64::from(rate);
        if let Some(total) = run.reached.get(index) {
            total.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(total) = run.fired.get(index)
            && fires
        {
            total.fetch_add(1, Ordering::Relaxed);
        }
        fires
    }

    pub(crate) fn planted(&self, plant: Plant) -> bool {
        if plant.leaves_out().is_some_and(defence::is_off) {
            return true;
        }
        self.run
            .as_ref()
            .is_some_and(|run| run.plant == Some(plant))
    }
}

fn draw(seed: u64, what: &str, key: &[u64]) -> u64 {
    let bytes: Vec<u8> = key.iter().flat_map(|part| part.to_le_bytes()).collect();
    let hash = crypto::hash(
        "maille simulation point v1",
        &[&seed.to_le_bytes(), what.as_bytes(), &bytes],
    );
    let [a, b, c, d, e, f, g, h, ..] = hash;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// An entry of one's own or of somebody else's, as a store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldEntry {
    /// Of which slice.
    pub slice: SliceId,
    /// Of which part.
    pub part: PartNumber,
    /// In which log.
    pub log: LogId,
    /// Its number there.
    pub seq: u64,
    /// What it is sealed under.
    pub generation: GenerationId,
    /// Hash of all its bytes.
    pub hash: [u8; 32],
}

/// Reads what a simulator checks out of a node's store. What cannot be read is left out: the
/// node itself says so when it meets it.
#[derive(Debug)]
pub struct Inspect<'s, S>(pub &'s S);

impl<S: Store> Inspect<'_, S> {
    /// How far the feed of a node has been taken in, durably.
    #[must_use]
    pub fn cursor_of(&self, peer: TransportId) -> Option<Cursor> {
        let at = layout::feed(peer);
        let bytes = self.0.get(&at).ok()??;
        decode::<Feed>(&at, &bytes).ok().map(|feed| feed.cursor)
    }

    /// Whether this very entry is durable here.
    #[must_use]
    pub fn holds(&self, entry: &[u8]) -> bool {
        let Ok(read) = UnverifiedEntry::decode(entry) else {
            return false;
        };
        let prefix = read.claimed();
        let at = layout::entry(prefix.slice, prefix.part, prefix.log, prefix.seq);
        self.0
            .get(&at)
            .is_ok_and(|held| held.as_deref() == Some(entry))
    }

    /// Every entry of a slice, in the order of part, log and number.
    #[must_use]
    pub fn entries(&self, slice: SliceId) -> Vec<HeldEntry> {
        let found = self.0.scan(&layout::entries_of(slice)).unwrap_or_default();
        let held = found.into_iter().filter_map(|(_, bytes)| {
            let entry = UnverifiedEntry::decode(&bytes).ok()?;
            let prefix = entry.claimed();
            Some(HeldEntry {
                slice: prefix.slice,
                part: prefix.part,
                log: prefix.log,
                seq: prefix.seq,
                generation: prefix.generation,
                hash: crypto::hash("maille simulation entry v1", &[&bytes]),
            })
        });
        held.collect()
    }

    /// The generations of a slice whose keys are here.
    #[must_use]
    pub fn generations(&self, slice: SliceId) -> Vec<(PartNumber, GenerationId)> {
        let found = self.0.scan(&layout::keys_of(slice)).unwrap_or_default();
        let keys = found.into_iter().filter_map(|(at, bytes)| {
            let key: PartKey = decode(&at, &bytes).ok()?;
            Some((layout::part_in(&at)?, key.generation()))
        });
        keys.collect()
    }

    /// The rows of a slice that stand, by part and key: one's own, or what a reader holds.
    #[must_use]
    pub fn rows(&self, slice: SliceId) -> Vec<(Vec<u8>, Vec<u8>)> {
        let found = self.0.scan(&layout::rows_of(slice)).unwrap_or_default();
        let rows = found.into_iter().filter_map(|(at, bytes)| {
            let row: Row = decode(&at, &bytes).ok()?;
            Some((at, row.fields?.to_vec()))
        });
        rows.collect()
    }

    /// The slices that this node's own lenses fill.
    #[must_use]
    pub fn projections(&self) -> Vec<SliceId> {
        let found = self.0.scan(layout::PROJECTIONS).unwrap_or_default();
        let slices = found
            .into_iter()
            .filter_map(|(at, bytes)| decode::<OwnSlice>(&at, &bytes).ok());
        slices.map(|slice| slice.id).collect()
    }

    /// Every share received: the grant, its slice, its giver, and whether it was ended by them.
    #[must_use]
    pub fn taken(&self) -> Vec<(GrantId, SliceId, PersonId, bool)> {
        let found = self.0.scan(layout::TAKEN).unwrap_or_default();
        let shares = found.into_iter().filter_map(|(at, bytes)| {
            let taken: Taken = decode(&at, &bytes).ok()?;
            let id = <[u8; 32]>::try_from(at.get(1..)?).ok()?;
            Some((
                GrantId::from_bytes(id),
                taken.slice,
                taken.from,
                taken.revoked.is_some(),
            ))
        });
        shares.collect()
    }

    /// The items of a circle that are durable here, by their numbers: what names each, and whether it is an entry.
    #[must_use]
    pub fn circle_items(&self, circle: CircleId) -> Vec<(u64, [u8; 32], bool)> {
        let prefix = layout::circle_items(circle);
        let found = self.0.scan(&prefix).unwrap_or_default();
        let items = found.into_iter().filter_map(|(at, bytes)| {
            let item: CircleItem = decode(&at, &bytes).ok()?;
            let entry = matches!(item, CircleItem::Entry(_));
            Some((layout::number_in(&at)?, name_of(&item), entry))
        });
        items.collect()
    }

    /// Whether an item of a circle is durable here.
    #[must_use]
    pub fn holds_circle_item(&self, circle: CircleId, name: &[u8; 32]) -> bool {
        let at = layout::circle_number(circle, name);
        self.0.get(&at).is_ok_and(|held| held.is_some())
    }

    /// Every grant given, with its slice, its reader, and whether it has ended.
    #[must_use]
    pub fn given(&self) -> Vec<(GrantId, SliceId, PersonId, bool)> {
        let found = self.0.scan(layout::GIVEN).unwrap_or_default();
        let grants = found.into_iter().filter_map(|(at, bytes)| {
            let given: Given = decode(&at, &bytes).ok()?;
            let id = <[u8; 32]>::try_from(at.get(1..)?).ok()?;
            Some((
                GrantId::from_bytes(id),
                given.slice,
                given.audience,
                given.ended.is_some(),
            ))
        });
        grants.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_turns_on_about_a_quarter_of_the_sites_and_fires_them_now_and_then() {
        let mut on = 0;
        let mut fired = 0;
        for seed in 0..200 {
            let run = Arc::new(Run::new(seed, true, None));
            let mut points = Points::of(Arc::clone(&run), 1, 1);
            for _ in 0..100 {
                points.fires(Site::CloseBeforeAck);
            }
            let (_, reached, times) = run
                .tally()
                .find(|(site, _, _)| *site == Site::CloseBeforeAck)
                .expect("every site is tallied");
            assert_eq!(reached, 100);
            on += u64::from(times > 0);
            fired += times;
        }
        assert!((30..70).contains(&on), "on in {on} of 200 runs");
        assert!((5 * on..25 * on).contains(&fired), "{fired} in {on} runs");
    }

    #[test]
    fn a_machine_without_a_run_or_without_points_is_left_alone() {
        let mut alone = Points::default();
        let run = Arc::new(Run::new(3, false, Some(Plant::ReuseLog)));
        let mut quiet = Points::of(run, 0, 1);
        for site in Site::ALL {
            assert!(!(0..100).any(|_| alone.fires(site) || quiet.fires(site)));
        }
        assert!(quiet.planted(Plant::ReuseLog) && !quiet.planted(Plant::DropDuePart));
        assert!(!alone.planted(Plant::ReuseLog));
    }

    #[test]
    fn all_lists_every_site_at_its_own_number() {
        for (number, site) in Site::ALL.into_iter().enumerate() {
            assert_eq!(site as usize, number);
        }
    }
}
