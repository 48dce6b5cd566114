//! A set of statements that holds all that they cite.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;
use minicbor::{Decode, Encode};

use super::{Outcome, Role, Speaker, Who};
use crate::entry::LogPlace;
use crate::grant::Field;
use crate::id::{InstallationId, MembershipId, StatementId};
use crate::wire::{self, CHAIN_MAX};

/// Most statements of one history. Their pasts take at most 8 MiB.
pub const HISTORY_MAX: usize = 8192;
/// Most removals of one key that are kept past a cut that nobody can void: enough to be told whom a
/// thief removed last, and too few to fill anything up.
pub const PAST_REMOVALS_MAX: usize = 32;
/// Most statement logs that a removal, an extension or a checkpoint names.
pub const TIPS_MAX: usize = 256;
/// Most entry logs that a removal, an extension or a checkpoint names.
pub const LOGS_MAX: usize = 512;

/// How far logs are meant: up to and with these statements, and these entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Upto {
    /// The last statement meant of each log of statements.
    #[n(0)]
    #[cbor(decode_with = "wire::list::<Ctx, StatementId, TIPS_MAX>")]
    pub statements: Vec<StatementId>,
    /// The last entry meant of each log of entries.
    #[n(1)]
    #[cbor(decode_with = "wire::list::<Ctx, LogPlace, LOGS_MAX>")]
    pub logs: Vec<LogPlace>,
}

/// Somebody new speaks from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// Who.
    pub who: Who,
    /// The key that consented to it, which must be one of theirs; `None` where nobody needs to: what
    /// a grant gives can be left lying.
    pub by: Option<[u8; 32]>,
    /// Under [`Rule::Rank`](super::Rule::Rank): the rank.
    pub rank: u32,
    /// What they may say.
    pub role: Role,
}

/// A membership, or one key of it, speaks no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Which membership.
    pub membership: MembershipId,
    /// Which of its keys; all if `None`.
    pub key: Option<[u8; 32]>,
    /// How far what they said stays. Of a log that is not listed: nothing.
    pub keep: Upto,
    /// How far what they said of others stays; as far as `keep` if `None`.
    pub trusted: Option<Vec<StatementId>>,
}

/// What a statement says, as far as it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Somebody new speaks; the statement's id is their membership.
    Admit(Admission),
    /// Somebody speaks no more.
    Remove(Removal),
    /// The removals `of` cut no more what is meant by `upto`.
    Extend {
        /// Which removals.
        of: Vec<StatementId>,
        /// What they leave.
        upto: Upto,
    },
    /// This was there.
    Checkpoint(Upto),
    /// The author agrees to a statement of another.
    Approve(StatementId),
    /// Something that speaks for others and that the caller reads: it stands or not.
    Say,
    /// Content: stands whatever doubts there are of its author.
    Content,
}

impl Act {
    /// How far it means logs, if it says so.
    pub(super) const fn upto(&self) -> Option<&Upto> {
        match self {
            Self::Remove(removal) => Some(&removal.keep),
            Self::Extend { upto, .. } | Self::Checkpoint(upto) => Some(upto),
            Self::Admit(_) | Self::Approve(_) | Self::Say | Self::Content => None,
        }
    }

    /// Which membership it removes, if it does.
    pub(super) const fn removed(&self) -> Option<MembershipId> {
        match self {
            Self::Remove(removal) => Some(removal.membership),
            Self::Admit(_)
            | Self::Extend { .. }
            | Self::Checkpoint(_)
            | Self::Approve(_)
            | Self::Say
            | Self::Content => None,
        }
    }
}

/// What comes before a statement in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(flat)]
pub enum After {
    /// Nothing: it begins the log of this installation.
    #[n(0)]
    Nothing(#[n(0)] InstallationId),
    /// Another statement of the same author.
    #[n(1)]
    Statement(#[n(0)] StatementId),
}

impl After {
    /// Returns the statement before, if there is one.
    #[must_use]
    pub const fn statement(&self) -> Option<StatementId> {
        match self {
            Self::Nothing(_) => None,
            Self::Statement(id) => Some(*id),
        }
    }
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: StatementId,
    /// Who says it.
    pub author: Speaker,
    /// What comes before it in its log.
    pub after: After,
    /// What else the author had seen; what is behind these need not be listed.
    pub heads: Vec<StatementId>,
    /// What it says.
    pub act: Act,
}

impl Node {
    /// Returns every statement that this one cites: before, heads, and all that it names.
    #[must_use]
    pub fn cites(&self) -> Vec<StatementId> {
        let mut cited = self.heads.clone();
        cited.extend(self.after.statement());
        match &self.act {
            Act::Remove(removal) => {
                cited.extend(&removal.keep.statements);
                cited.extend(removal.trusted.iter().flatten());
            }
            Act::Extend { of, upto } => cited.extend(of.iter().chain(&upto.statements)),
            Act::Checkpoint(upto) => cited.extend(&upto.statements),
            Act::Approve(other) => cited.push(*other),
            Act::Admit(_) | Act::Say | Act::Content => {}
        }
        cited
    }
}

/// Why a statement was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InsertError {
    /// It cites a statement that is not here yet or, unless it is about a slice, speaks by one.
    #[error("cites {0}, which is missing")]
    Missing(StatementId),
    /// It follows a statement of another author.
    #[error("does not continue its log")]
    Chain,
    /// It speaks by a statement that admits nobody.
    #[error("speaks by a statement that admits nobody")]
    Membership,
    /// The history is full.
    #[error("more than {HISTORY_MAX} statements")]
    Full,
    /// It is about something else.
    #[error("is about something else")]
    Subject,
    /// Its key is none of the membership that it speaks by, or says nothing here.
    #[error("not by a key that speaks by its membership")]
    Key,
    /// A grant that goes beyond the one that it hands on.
    #[error("goes beyond the grant that it hands on in {0:?}")]
    Widened(Field),
    /// A grant after the last that a chain may have.
    #[error("more than {CHAIN_MAX} grants in a row")]
    Chained,
}

/// A set of statements, with all that they cite.
#[derive(Clone, Debug, Default)]
pub struct History {
    nodes: Vec<Node>,
    /// What is behind each, itself not included.
    past: Vec<FixedBitSet>,
    /// Of which log each is, and its number there.
    logs: Vec<(InstallationId, u32)>,
    places: BTreeMap<StatementId, usize>,
    by: BTreeMap<Speaker, Vec<usize>>,
    /// What comes next after a statement in its log, or first in a log.
    next: BTreeMap<(Speaker, After), Vec<usize>>,
}

impl History {
    /// Adds a statement; does nothing if it is here already. `needs_none` says which memberships may speak
    /// without a statement here that gave them: founders and, where nobody can tell, strangers. If the one
    /// that gave it comes later, the history has to be built again, each after what gave its membership.
    ///
    /// # Errors
    /// [`InsertError`]; nothing was changed. After [`InsertError::Missing`] it may be tried again.
    pub fn insert(
        &mut self,
        node: Node,
        needs_none: impl Fn(&MembershipId) -> bool,
    ) -> Result<(), InsertError> {
        if self.places.contains_key(&node.id) {
            return Ok(());
        }
        if self.nodes.len() >= HISTORY_MAX {
            return Err(InsertError::Full);
        }
        let mut past = FixedBitSet::with_capacity(self.nodes.len());
        let by = node.author.membership;
        let admission = StatementId::from_bytes(*by.as_bytes());
        let given = match self.place(&admission) {
            None if !needs_none(&by) => return Err(InsertError::Missing(admission)),
            given => given,
        };
        for cited in node.cites().into_iter().chain(given.map(|_| admission)) {
            let place = self.place(&cited).ok_or(InsertError::Missing(cited))?;
            past.union_with(&self.past[place]);
            past.grow_and_insert(place);
        }
        if given.is_some_and(|place| !matches!(self.nodes[place].act, Act::Admit(_))) {
            return Err(InsertError::Membership);
        }
        let log = match &node.after {
            After::Nothing(installation) => (*installation, 0),
            After::Statement(before) => {
                let before = self.place(before).ok_or(InsertError::Missing(*before))?;
                if self.nodes[before].author != node.author {
                    return Err(InsertError::Chain);
                }
                let (log, seq) = self.logs[before];
                (log, seq + 1)
            }
        };
        let place = self.nodes.len();
        self.logs.push(log);
        self.past.push(past);
        self.places.insert(node.id, place);
        self.by.entry(node.author).or_default().push(place);
        let next = self.next.entry((node.author, node.after)).or_default();
        next.push(place);
        self.nodes.push(node);
        Ok(())
    }

    /// Returns how many statements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns where a statement stands here.
    #[must_use]
    pub fn place(&self, id: &StatementId) -> Option<usize> {
        self.places.get(id).copied()
    }

    /// Returns the statement at `place`, below [`len`](Self::len).
    #[must_use]
    pub fn get(&self, place: usize) -> &Node {
        &self.nodes[place]
    }

    /// Returns the statements that nothing else here cites.
    #[must_use]
    pub fn heads(&self) -> Vec<StatementId> {
        let all: Vec<usize> = (0..self.len()).collect();
        let mut heads: Vec<_> = self
            .last_of(&all)
            .iter()
            .map(|place| self.nodes[*place].id)
            .collect();
        heads.sort_unstable();
        heads
    }

    /// Those of `places` that no other of them cites.
    pub(crate) fn last_of(&self, places: &[usize]) -> Vec<usize> {
        let mut cited = FixedBitSet::with_capacity(self.len());
        places
            .iter()
            .for_each(|place| cited.union_with(&self.past[*place]));
        (places.iter().copied())
            .filter(|place| !cited.contains(*place))
            .collect()
    }

    /// Returns what can be forgotten: what is past a cut that nobody can void, and what was said by
    /// those whom it admits, unless anything else cites it. Removals past a cut are kept, as far as nothing else
    /// has to be kept for them and up to [`PAST_REMOVALS_MAX`] of one key: whoever makes the cut may
    /// not have seen them, and has to be told.
    #[must_use]
    pub fn forgettable(&self, outcome: &Outcome) -> Vec<StatementId> {
        let mut gone = FixedBitSet::with_capacity(self.len());
        for (place, node) in self.nodes.iter().enumerate() {
            let admission = StatementId::from_bytes(*node.author.membership.as_bytes());
            let of_gone = self.place(&admission).is_some_and(|by| gone.contains(by));
            if of_gone || outcome.is_past_for_good(place) {
                gone.insert(place);
            }
        }
        if gone.is_clear() {
            return Vec::new();
        }
        for place in gone.zeroes().collect::<Vec<_>>() {
            gone.difference_with(&self.past[place]);
        }
        let mut removals: BTreeMap<Speaker, usize> = BTreeMap::new();
        for place in self.ordered().iter().filter_map(|id| self.place(id)) {
            let node = &self.nodes[place];
            if gone.contains(place)
                && matches!(node.act, Act::Remove(_))
                && self.past[place].is_disjoint(&gone)
            {
                let kept = removals.entry(node.author).or_default();
                *kept += 1;
                gone.set(place, *kept > PAST_REMOVALS_MAX);
            }
        }
        gone.ones().map(|place| self.nodes[place].id).collect()
    }

    /// Returns the last statements that `speaker` said in `log`: one, but where the log forks.
    #[must_use]
    pub fn tips(&self, speaker: &Speaker, log: &InstallationId) -> Vec<StatementId> {
        (self.by(speaker).iter())
            .filter(|place| self.log(**place) == *log)
            .map(|place| self.nodes[*place].id)
            .filter(|id| !self.next.contains_key(&(*speaker, After::Statement(*id))))
            .collect()
    }

    /// Returns the last statements of every log of a membership, whichever of its keys it is of.
    #[must_use]
    pub fn tips_of(&self, membership: &MembershipId) -> Vec<StatementId> {
        (self.nodes.iter())
            .filter(|node| node.author.membership == *membership)
            .filter(|node| {
                let next = (node.author, After::Statement(node.id));
                !self.next.contains_key(&next)
            })
            .map(|node| node.id)
            .collect()
    }

    /// Returns the statements in an order that depends on nothing but what they are: each after
    /// all that it cites and, of those that could come next, the lowest id.
    #[must_use]
    pub fn ordered(&self) -> Vec<StatementId> {
        let mut waiting: Vec<usize> = self.past.iter().map(|past| past.count_ones(..)).collect();
        let mut ready: BTreeMap<StatementId, usize> = (0..self.len())
            .filter(|place| waiting[*place] == 0)
            .map(|place| (self.nodes[place].id, place))
            .collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some((id, next)) = ready.pop_first() {
            order.push(id);
            for (place, waiting) in waiting.iter_mut().enumerate() {
                if self.past[place].contains(next) {
                    *waiting -= 1;
                    if *waiting == 0 {
                        ready.insert(self.nodes[place].id, place);
                    }
                }
            }
        }
        order
    }

    /// Whether anybody spoke by the statement `id` before it came: then all is to be built again.
    pub(crate) fn is_late(&self, id: &StatementId) -> bool {
        let membership = MembershipId::from_bytes(*id.as_bytes());
        let mut by = self
            .speakers(&membership)
            .flat_map(|of| self.by(&of).iter());
        let place = self.place(id);
        by.any(|said| place.is_some_and(|place| *said < place))
    }

    /// Returns the statements in an order in which each comes after all that it cites and after the one that
    /// gave its membership, whichever came first here.
    pub(crate) fn admissions_first(&self) -> Vec<StatementId> {
        let mut waiting = vec![0_usize; self.len()];
        let mut next: Vec<Vec<usize>> = vec![Vec::new(); self.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            let admission = StatementId::from_bytes(*node.author.membership.as_bytes());
            for before in node
                .cites()
                .iter()
                .chain([&admission])
                .filter_map(|id| self.place(id))
            {
                waiting[place] += 1;
                next[before].push(place);
            }
        }
        let mut ready: Vec<usize> = (0..self.len())
            .filter(|place| waiting[*place] == 0)
            .collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(place) = ready.pop() {
            order.push(self.nodes[place].id);
            for after in &next[place] {
                waiting[*after] -= 1;
                if waiting[*after] == 0 {
                    ready.push(*after);
                }
            }
        }
        order
    }

    /// Returns whether the statement at `place` has all that is behind it the one at `behind`.
    pub(crate) fn cites(&self, place: usize, behind: usize) -> bool {
        self.past[place].contains(behind)
    }

    pub(crate) fn past(&self, place: usize) -> &FixedBitSet {
        &self.past[place]
    }

    pub(super) fn log(&self, place: usize) -> InstallationId {
        self.logs[place].0
    }

    /// Returns the number of the statement at `place` in its log, from 0.
    pub(super) fn seq(&self, place: usize) -> u32 {
        self.logs[place].1
    }

    /// What `speaker` said, in the order in which it came here.
    pub(super) fn by(&self, speaker: &Speaker) -> &[usize] {
        self.by.get(speaker).map_or(&[], Vec::as_slice)
    }

    /// The keys that said something by this membership.
    pub(super) fn speakers(&self, membership: &MembershipId) -> impl Iterator<Item = Speaker> + '_ {
        let with = |key| Speaker {
            membership: *membership,
            key,
        };
        (self.by.range(with([0; 32])..=with([u8::MAX; 32]))).map(|(speaker, _)| *speaker)
    }

    /// These statements and what comes before each in its log.
    pub(crate) fn reach(&self, tips: &[StatementId]) -> FixedBitSet {
        let mut reached = FixedBitSet::with_capacity(self.len());
        for tip in tips {
            let mut next = self.place(tip);
            while let Some(place) = next.filter(|place| !reached.put(*place)) {
                let before = self.nodes[place].after.statement();
                next = before.and_then(|before| self.place(&before));
            }
        }
        reached
    }
}
