//! One log of entries as it is held: one branch, or several once it has forked.

use crate::entry::{Author, Entry, EntryError, LogId, LogPlace, LogTip, UnverifiedEntry, standing};

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
}

/// A log.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// Whose it is, once its first entry could be opened.
    pub(super) author: Option<Author>,
    /// Each from entry 0 on. One, but where the log forks.
    branches: Vec<Vec<Entry>>,
}

impl Log {
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

    /// The first entry.
    pub(super) fn first(&self) -> Option<&Entry> {
        self.branches.first()?.first()
    }

    /// Where a log stands that has one branch only; a new one, at its start.
    pub(super) fn tip(&self) -> Option<LogTip> {
        match self.branches.as_slice() {
            [] => Some(LogTip::START),
            [one] => Some(one.last().map_or(LogTip::START, Entry::tip_after)),
            _ => None,
        }
    }

    /// The places to keep of what is held: the end of each branch.
    pub(super) fn places(&self) -> impl Iterator<Item = LogPlace> {
        (self.branches.iter()).filter_map(|branch| branch.last()?.header().place())
    }

    pub(super) fn push(&mut self, entry: Entry) {
        match self.branches.as_mut_slice() {
            [one] => one.push(entry),
            _ => self.branches.push(vec![entry]),
        }
    }

    /// Takes in an entry that somebody else sent, if it fits at the end of a branch, or parts from one.
    pub(super) fn take(&mut self, entry: UnverifiedEntry) -> Result<Taken, EntryError> {
        let previous = entry.claimed().previous;
        let Ok(seq) = usize::try_from(entry.claimed().seq) else {
            return Ok(Taken::Early);
        };
        let before = |branch: &[Entry]| match seq.checked_sub(1) {
            None => Some(LogTip::START),
            Some(at) => branch.get(at).map(Entry::tip_after),
        };
        let fits = |branch: &[Entry]| before(branch).is_some_and(|tip| tip.previous == previous);
        let Some(at) = self.branches.iter().position(|branch| fits(branch)) else {
            if self.branches.is_empty() && seq == 0 {
                let entry = entry.verify(&LogTip::START)?;
                self.branches.push(vec![entry]);
                return Ok(Taken::New);
            }
            return Ok(Taken::Early);
        };
        let tip = before(&self.branches[at]).unwrap_or(LogTip::START);
        let entry = entry.verify(&tip)?;
        let same = |branch: &Vec<Entry>| {
            (branch.get(seq)).is_some_and(|held| held.header_hash() == entry.header_hash())
        };
        if self.branches.iter().any(same) {
            return Ok(Taken::Known);
        }
        if let Some(ends_here) =
            (self.branches.iter()).position(|branch| branch.len() == seq && fits(branch))
        {
            self.branches[ends_here].push(entry);
            return Ok(Taken::New);
        }
        if self.branches.len() >= BRANCHES_MAX {
            return Ok(Taken::Known); // one more would change nothing that stands
        }
        let mut branch = self.branches[at][..seq].to_vec();
        branch.push(entry);
        self.branches.push(branch);
        Ok(Taken::New)
    }

    /// The entries that `cut` leaves. Where the log forks, and no removal picks a branch, those
    /// before the fork.
    pub(super) fn standing(&self, log: LogId, cut: &[Vec<LogPlace>]) -> &[Entry] {
        let hashes: Vec<Vec<[u8; 32]>> = (self.branches.iter())
            .map(|branch| branch.iter().map(Entry::header_hash).collect())
            .collect();
        let branches: Vec<&[[u8; 32]]> = hashes.iter().map(Vec::as_slice).collect();
        let left = standing(log, cut, &branches);
        let mut ends = left
            .iter()
            .zip(&self.branches)
            .map(|(left, branch)| &branch[..*left]);
        let Some(first) = ends.next() else {
            return &[];
        };
        ends.fold(first, |stands, other| {
            let shared = common(stands, other);
            if shared == stands.len() {
                other // it goes on from there, or is the same
            } else if shared == other.len() {
                stands
            } else {
                &stands[..shared]
            }
        })
    }
}

fn common(a: &[Entry], b: &[Entry]) -> usize {
    let same = |(a, b): &(&Entry, &Entry)| a.header_hash() == b.header_hash();
    a.iter().zip(b).take_while(same).count()
}
