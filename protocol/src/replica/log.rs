//! One log of entries as it is held: one branch, or several once it has forked.

use crate::defence::{self, Defence};
use crate::entry::{Entry, EntryError, LogId, LogPlace, LogTip, UnverifiedEntry, standing};

/// Most branches of one log that are kept. Where the first two part, nothing stands without a
/// removal that picks one; more only matter to that removal.
pub const BRANCHES_MAX: usize = 8;

/// What became of an entry that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is kept.
    New,
    /// It was here already, to the last byte that is signed.
    Known,
    /// What comes before it in its log is missing: it may come again.
    Early,
    /// Its log has [`BRANCHES_MAX`] others already. It may come again once a removal keeps it.
    Crowded,
}

/// A log.
#[derive(Clone, Debug)]
pub(super) struct Log {
    /// Lower than that of every log which came later.
    pub(super) order: u64,
    /// Each from entry 0 on. One, but where the log forks.
    branches: Vec<Vec<Entry>>,
}

/// What became of an entry, and of others because of it.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) taken: Taken,
    /// Its header hash, if it is new.
    pub(super) new: Option<[u8; 32]>,
    /// Entries of a branch that gave way to one that may lead to what a removal keeps.
    pub(super) gave_way: Vec<Entry>,
}

impl Change {
    const fn none(taken: Taken) -> Self {
        Self {
            taken,
            new: None,
            gave_way: Vec::new(),
        }
    }

    const fn new(hash: [u8; 32], gave_way: Vec<Entry>) -> Self {
        Self {
            taken: Taken::New,
            new: Some(hash),
            gave_way,
        }
    }
}

impl Log {
    /// A new one.
    pub(super) fn begun(order: u64) -> Self {
        let branches = Vec::new();
        Self { order, branches }
    }

    /// Every entry held, each once, what comes before it first.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.branches.iter().enumerate().flat_map(|(at, branch)| {
            let shared = (self.branches[..at].iter())
                .map(|other| common(branch, other))
                .max()
                .unwrap_or(0);
            branch[shared..].iter()
        })
    }

    /// Every entry of every branch with the first of its branch: one that branches share comes with each of them.
    pub(super) fn by_first(&self) -> impl Iterator<Item = (&Entry, &Entry)> {
        (self.branches.iter()).flat_map(|branch| {
            let first = branch.first().into_iter().cycle();
            first.zip(branch)
        })
    }

    /// The entry with this header hash. One of the last is found at once.
    pub(super) fn entry(&self, hash: &[u8; 32]) -> Option<&Entry> {
        let of = |branch: &'_ Vec<Entry>| branch.iter().rposition(|it| it.header_hash() == *hash);
        (self.branches.iter()).find_map(|branch| branch.get(of(branch)?))
    }

    /// Its first entries: one, but where two have been signed in the first place.
    pub(super) fn firsts(&self) -> impl Iterator<Item = &Entry> {
        self.branches.iter().filter_map(|branch| branch.first())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// Where a log stands that has one branch only; a new one, at its start.
    pub(super) fn tip(&self) -> Option<LogTip> {
        match self.branches.as_slice() {
            [] => Some(LogTip::START),
            [one] => Some(one.last().map_or(LogTip::START, Entry::tip_after)),
            _ => None,
        }
    }

    /// The places to keep of what is held: the end of each branch whose first entry is `theirs`.
    pub(super) fn places(&self, theirs: impl Fn(&Entry) -> bool) -> impl Iterator<Item = LogPlace> {
        let of_them = move |branch: &&Vec<Entry>| branch.first().is_some_and(&theirs);
        let branches = self.branches.iter().filter(of_them);
        branches.filter_map(|branch| branch.last()?.header().place())
    }

    pub(super) fn push(&mut self, entry: Entry) {
        match self.branches.as_mut_slice() {
            [one] => one.push(entry),
            _ => self.branches.push(vec![entry]),
        }
    }

    /// Whether another branch would take the place of one that is here.
    pub(super) const fn is_crowded(&self) -> bool {
        self.branches.len() >= BRANCHES_MAX
    }

    /// Takes in an entry that somebody else sent, if it fits at the end of a branch, or parts from one.
    ///
    /// `named` are the places of this log that removals and extensions name; asked for only if it is crowded. A branch too many takes the
    /// place of one that has none of them, as long as one of them is not here: it may lead there.
    pub(super) fn take(
        &mut self,
        entry: UnverifiedEntry,
        named: Vec<LogPlace>,
    ) -> Result<Change, EntryError> {
        let previous = entry.claimed().previous;
        let Ok(seq) = usize::try_from(entry.claimed().seq) else {
            return Ok(Change::none(Taken::Early));
        };
        let before = |branch: &[Entry]| match seq.checked_sub(1) {
            None => Some(LogTip::START),
            Some(at) => branch.get(at).map(Entry::tip_after),
        };
        let fits = |branch: &[Entry]| before(branch).is_some_and(|tip| tip.previous == previous);
        let Some(at) = self.branches.iter().position(|branch| fits(branch)) else {
            if self.branches.is_empty() && seq == 0 {
                let entry = entry.verify(&LogTip::START)?;
                let hash = entry.header_hash();
                self.branches.push(vec![entry]);
                return Ok(Change::new(hash, Vec::new()));
            }
            return Ok(Change::none(Taken::Early));
        };
        let tip = before(&self.branches[at]).unwrap_or(LogTip::START);
        let entry = entry.verify(&tip)?;
        let hash = entry.header_hash();
        let same =
            |branch: &Vec<Entry>| (branch.get(seq)).is_some_and(|held| held.header_hash() == hash);
        if self.branches.iter().any(same) {
            return Ok(Change::none(Taken::Known));
        }
        if let Some(ends_here) =
            (self.branches.iter()).position(|branch| branch.len() == seq && fits(branch))
        {
            self.branches[ends_here].push(entry);
            return Ok(Change::new(hash, Vec::new()));
        }
        let mut branch = self.branches[at][..seq].to_vec();
        branch.push(entry);
        if !self.is_crowded() {
            self.branches.push(branch);
            return Ok(Change::new(hash, Vec::new()));
        }
        let holds = |branch: &Vec<Entry>| {
            let mut places = branch.iter().filter_map(|entry| entry.header().place());
            places.any(|place| named.contains(&place))
        };
        let all_here = named.iter().all(|place| self.has(place));
        let Some(worst) = self
            .branches
            .iter()
            .rposition(|branch| !holds(branch))
            .filter(|_| !all_here)
        else {
            return Ok(Change::none(Taken::Crowded));
        };
        let mut gave_way = std::mem::replace(&mut self.branches[worst], branch);
        gave_way.retain(|entry| {
            !self
                .entries()
                .any(|held| held.header_hash() == entry.header_hash())
        });
        Ok(Change::new(hash, gave_way))
    }

    fn has(&self, place: &LogPlace) -> bool {
        self.entries()
            .any(|entry| entry.header().place().as_ref() == Some(place))
    }

    /// The entries that `cut` leaves. Where the log forks, and no removal picks a branch, those
    /// before the fork.
    pub(super) fn standing(&self, log: LogId, cut: &[Vec<LogPlace>]) -> &[Entry] {
        let hashes: Vec<Vec<[u8; 32]>> = (self.branches.iter())
            .map(|branch| branch.iter().map(Entry::header_hash).collect())
            .collect();
        let branches: Vec<&[[u8; 32]]> = hashes.iter().map(Vec::as_slice).collect();
        let left = standing(log, cut, &branches);
        let ends = left
            .iter()
            .zip(&self.branches)
            .map(|(left, branch)| &branch[..*left]);
        let Some(longest) = ends.clone().max_by_key(|end| end.len()) else {
            return &[];
        };
        if defence::is_off(Defence::ForkFreezes) {
            return longest;
        }
        let parts = ends.filter_map(|end| {
            let shared = common(longest, end);
            (shared < end.len()).then_some(shared)
        });
        &longest[..parts.min().unwrap_or(longest.len())]
    }
}

fn common(a: &[Entry], b: &[Entry]) -> usize {
    let same = |(a, b): &(&Entry, &Entry)| a.header_hash() == b.header_hash();
    a.iter().zip(b).take_while(same).count()
}
