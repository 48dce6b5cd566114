//! What a board decides: acts that count once enough of its members have signed them.
//!
//! Nobody on a board is above the others, so "the more senior stands" can't settle two acts that
//! contradict each other; who signed them does. An act is decided when so many members have signed
//! it or approved it that no act decided before takes that back. The act whose signers are more
//! senior, compared from the most senior on, is decided first; what is decided stays so.
//!
//! Whoever signed may fork their log, leave, or lose the key that they signed with. What another member
//! of the board has seen of their signatures by then stays: else one of them alone could undo what was decided.
//!
//! A slice has the board of its owner. Whom the owner has removed from it signs nothing there, but what a
//! decided removal in the slice keeps.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use super::evaluate::{Judge, Mode, Reach, removal};
use super::{Act, Base, Directory, Founder, History, Outcome, Role, Seniority, Speaker, Who};
use crate::id::{MembershipId, StatementId};

/// What a board has decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decided {
    acts: BTreeSet<usize>,
    /// The acts, and the approvals that counted.
    signatures: FixedBitSet,
}

impl Decided {
    pub(super) fn contains(&self, place: usize) -> bool {
        self.acts.contains(&place)
    }

    pub(super) fn is_signature(&self, place: usize) -> bool {
        self.signatures.contains(place)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.acts.iter().copied()
    }
}

/// Whether an act counts only when it is decided. Removing oneself or one's own keys does not.
pub(super) fn needs_quorum(history: &History, place: usize) -> bool {
    let node = history.get(place);
    match &node.act {
        Act::Remove(removal) => removal.membership != node.author.membership,
        Act::Admit(_) | Act::Extend { .. } | Act::Say => true,
        Act::Checkpoint(_) | Act::Approve(_) | Act::Content => false,
    }
}

/// Finds what the board of `base` has decided.
pub(super) fn decide(
    history: &History,
    base: &Base,
    directory: &impl Directory,
    quorum: u8,
) -> Decided {
    let mut board = Board::new(history, base, quorum.into());
    // What they signed is counted as far as the board keeps it, so it is judged first.
    let mut base = base.clone();
    for founder in &mut base.founders {
        founder.removed = false;
        founder.removed_keys.clear();
    }
    loop {
        let seen = seen_by_others(history, &base, &board, directory);
        let alone = Judge::new(history, &base, directory, Mode::OwnKeys(seen)).run_signed();
        let mut open = board.open(&alone);
        let seated = loop {
            let Some((_, _, place, signatures)) = open.pop_first() else {
                return board.decided;
            };
            board.decide(place, signatures);
            let seated = (!base.grants).then(|| admitted(history, &alone.0, place));
            let speaks = |of: &Founder| history.speakers(&of.membership).next().is_some();
            if let Some(seated) = seated.flatten().filter(speaks) {
                break seated;
            }
            if matches!(history.get(place).act, Act::Remove(_) | Act::Extend { .. }) {
                open = board.open(&alone);
            }
        };
        base.founders.push(seated);
    }
}

/// The signatures of each admin that somebody else who is one, and not removed, has behind something of theirs.
fn seen_by_others(
    history: &History,
    base: &Base,
    board: &Board<'_>,
    directory: &impl Directory,
) -> FixedBitSet {
    let admins = base.founders.iter().filter(|of| of.role == Role::Admin);
    let mut said: BTreeMap<Who, Vec<usize>> = BTreeMap::new();
    let mut saw: BTreeMap<Who, Vec<usize>> = BTreeMap::new();
    for admin in admins {
        let keys: BTreeSet<[u8; 32]> = match admin.who {
            Who::Key(key) => BTreeSet::from([key]),
            who @ (Who::Person(_) | Who::Circle(_) | Who::Service(_)) => {
                directory.keys(&who).iter().map(|of| of.key).collect()
            }
        };
        let theirs = history
            .speakers(&admin.membership)
            .filter(|of| keys.contains(&of.key));
        for of in theirs {
            let places = history.by(&of);
            if !board.is_removed(&of) {
                saw.entry(admin.who).or_default().extend(places);
            }
            said.entry(admin.who).or_default().extend(places);
        }
    }
    let behind = |places: &[usize]| {
        let mut behind = FixedBitSet::with_capacity(history.len());
        places
            .iter()
            .for_each(|place| behind.union_with(history.past(*place)));
        behind
    };
    let (mut once, mut twice) = (behind(&[]), behind(&[]));
    for places in saw.values() {
        let theirs = behind(places);
        twice.extend(theirs.intersection(&once));
        once.union_with(&theirs);
    }
    let is_signature = |place: &usize| {
        needs_quorum(history, *place) || matches!(history.get(*place).act, Act::Approve(_))
    };
    let mut seen = behind(&[]);
    for (who, places) in &said {
        let own = behind(saw.get(who).map_or(&[][..], Vec::as_slice));
        let by_another = |place: &usize| {
            twice.contains(*place) || once.contains(*place) && !own.contains(*place)
        };
        seen.extend(
            places
                .iter()
                .copied()
                .filter(is_signature)
                .filter(by_another),
        );
    }
    seen
}

/// Whom a decided act seats on the board. A grant seats nobody.
fn admitted(history: &History, alone: &Outcome, place: usize) -> Option<Founder> {
    let node = history.get(place);
    let Act::Admit(admission) = &node.act else {
        return None;
    };
    let admitter = alone.members().get(&node.author.membership)?;
    Some(Founder {
        membership: MembershipId::from_bytes(*node.id.as_bytes()),
        who: admission.who,
        role: admission.role,
        seniority: admitter.seniority.admits(history.seq(place)),
        removed: false,
        removed_keys: Vec::new(),
        left_keys: Vec::new(),
    })
}

/// The `quorum` most senior signers of an act, its id and place, and all signatures under it.
type Signed = (Vec<Seniority>, StatementId, usize, Vec<usize>);

struct Board<'a> {
    history: &'a History,
    quorum: usize,
    /// Founders who are removed elsewhere: by the owner of the slice that this is about.
    removed: BTreeSet<MembershipId>,
    /// Single keys, likewise.
    removed_keys: BTreeSet<Speaker>,
    /// Acts that anybody approved.
    acts: Vec<usize>,
    approvals: BTreeMap<StatementId, Vec<usize>>,
    decided: Decided,
    reach: Reach<'a>,
    /// What each decided removal cuts.
    cuts: BTreeMap<usize, FixedBitSet>,
    /// What any of them cuts.
    taken_back: FixedBitSet,
}

impl<'a> Board<'a> {
    fn new(history: &'a History, base: &Base, quorum: usize) -> Self {
        let mut approvals: BTreeMap<StatementId, Vec<usize>> = BTreeMap::new();
        for place in 0..history.len() {
            if let Act::Approve(of) = &history.get(place).act {
                approvals.entry(*of).or_default().push(place);
            }
        }
        let empty = || FixedBitSet::with_capacity(history.len());
        let acts = (0..history.len())
            .filter(|place| needs_quorum(history, *place))
            .filter(|place| approvals.contains_key(&history.get(*place).id))
            .collect();
        Self {
            history,
            quorum,
            removed: (base.founders.iter())
                .filter(|founder| founder.removed)
                .map(|founder| founder.membership)
                .collect(),
            removed_keys: (base.founders.iter())
                .flat_map(|founder| {
                    let membership = founder.membership;
                    let keys = founder.removed_keys.iter();
                    keys.map(move |key| Speaker {
                        membership,
                        key: *key,
                    })
                })
                .collect(),
            acts,
            approvals,
            decided: Decided {
                acts: BTreeSet::new(),
                signatures: empty(),
            },
            reach: Reach::of(history),
            cuts: BTreeMap::new(),
            taken_back: empty(),
        }
    }

    /// What has signatures enough and is not decided yet. `alone` is what stands when only each
    /// member's own keys are looked at, and what they signed.
    fn open(&self, alone: &(Outcome, FixedBitSet)) -> BTreeSet<Signed> {
        (self.acts.iter().copied())
            .filter(|place| !self.decided.contains(*place))
            .filter_map(|place| self.signed(place, alone))
            .collect()
    }

    /// The signatures under the act at `place`, if there are enough and its author's is one of them.
    fn signed(&self, place: usize, alone: &(Outcome, FixedBitSet)) -> Option<Signed> {
        self.signer(place, alone)?;
        let id = self.history.get(place).id;
        let approvals = self.approvals.get(&id).into_iter().flatten().copied();
        let (mut signers, mut signatures) = (BTreeMap::new(), Vec::new());
        for signature in approvals.chain([place]) {
            let Some((who, seniority)) = self.signer(signature, alone) else {
                continue;
            };
            signatures.push(signature);
            // Who was admitted twice signs once, where they are more senior.
            let known = signers.entry(who).or_insert(seniority);
            *known = seniority.min(*known);
        }
        // Whom two keys of one person admit with the same number are equal, and two.
        let mut all: Vec<&Seniority> = signers.into_values().collect();
        all.sort_unstable();
        let first: Vec<Seniority> = all.into_iter().take(self.quorum).cloned().collect();
        (first.len() == self.quorum).then_some((first, id, place, signatures))
    }

    /// Whose signature there is at `place`, if it counts.
    fn signer<'o>(
        &self,
        place: usize,
        (alone, signed): &'o (Outcome, FixedBitSet),
    ) -> Option<(Who, &'o Seniority)> {
        let counts = alone.stands(place) || signed.contains(place);
        let author = &self.history.get(place).author;
        let member = (alone.members()).get(&author.membership)?;
        let may = member.role == Role::Admin && self.speaks(author);
        (counts && !self.taken_back.contains(place) && may)
            .then_some((member.who, &member.seniority))
    }

    /// Whether what this key signed counts at all: of who is removed, only if the board has said here what
    /// of it is kept.
    fn speaks(&self, author: &Speaker) -> bool {
        let says_what_is_kept = |place: &usize| {
            removal(self.history, *place).is_some_and(|removal| {
                removal.membership == author.membership
                    && removal.key.is_none_or(|key| key == author.key)
            })
        };
        !self.is_removed(author) || self.cuts.keys().any(says_what_is_kept)
    }

    /// Whether the owner of the slice has removed this key, or its member.
    fn is_removed(&self, author: &Speaker) -> bool {
        self.removed.contains(&author.membership) || self.removed_keys.contains(author)
    }

    fn decide(&mut self, place: usize, signatures: Vec<usize>) {
        let history = self.history;
        self.decided.acts.insert(place);
        self.decided.signatures.extend(signatures);
        let changed: Vec<usize> = match &history.get(place).act {
            Act::Remove(_) => vec![place],
            Act::Extend { of, .. } => of.iter().filter_map(|id| history.place(id)).collect(),
            Act::Admit(_) | Act::Checkpoint(_) | Act::Approve(_) | Act::Say | Act::Content => {
                return;
            }
        };
        for place in changed {
            if self.decided.contains(place) {
                let cut = self.cut(place);
                self.cuts.insert(place, cut);
            }
        }
        self.taken_back.clear();
        self.cuts
            .values()
            .for_each(|cut| self.taken_back.union_with(cut));
    }

    /// What a decided removal cuts: all but what it keeps, and what decided extensions of it allow; and what it doubts. A
    /// board is not held by checkpoints: it is the charter's rule.
    fn cut(&mut self, place: usize) -> FixedBitSet {
        let history = self.history;
        let id = history.get(place).id;
        let mut cut = FixedBitSet::with_capacity(history.len());
        let Some(removal) = removal(history, place) else {
            return cut;
        };
        for of in history.speakers(&removal.membership) {
            if removal.key.is_none_or(|key| key == of.key) {
                cut.extend(history.by(&of).iter().copied());
            }
        }
        let trusted = removal.trusted.as_ref().map(|tips| history.reach(tips));
        let doubted = trusted.map(|trusted| cut.difference(&trusted).collect::<FixedBitSet>());
        let names = |other: &usize| matches!(&history.get(*other).act, Act::Extend { of, .. } if of.contains(&id));
        for said in self
            .decided
            .acts
            .iter()
            .copied()
            .filter(names)
            .chain([place])
        {
            cut.difference_with(self.reach.get(said));
        }
        cut.union_with(&doubted.unwrap_or_default());
        cut
    }
}
