//! What a board decides: acts that count once enough of its members have signed them.
//!
//! Nobody on a board is above the others, so "the more senior stands" can't settle two acts that
//! contradict each other; who signed them does. An act is decided when so many members have signed
//! it or approved it that no act decided before takes that back. The act whose signers are more
//! senior, compared from the most senior on, is decided first; what is decided stays so.

use std::collections::BTreeSet;

use fixedbitset::FixedBitSet;

use super::evaluate::{Judge, Mode, removal};
use super::{Act, Base, Directory, Founder, History, Outcome, Role, Seniority};
use crate::id::MembershipId;

/// The places of the acts that a board has decided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decided(BTreeSet<usize>);

impl Decided {
    pub(super) fn contains(&self, place: usize) -> bool {
        self.0.contains(&place)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().copied()
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
    let quorum = usize::from(quorum);
    let mut decided = Decided::default();
    let mut base = base.clone();
    loop {
        let (alone, signed) = Judge::new(history, &base, directory, Mode::OwnKeys).run_signed();
        let board = Board {
            history,
            alone: &alone,
            signed: &signed,
            decided: &decided,
        };
        let next = (0..history.len())
            .filter(|place| !decided.contains(*place) && needs_quorum(history, *place))
            .filter_map(|place| {
                let signers = board.signers(place);
                let first: Vec<Seniority> = signers.into_iter().take(quorum).collect();
                (first.len() == quorum).then(|| (first, history.get(place).id, place))
            })
            .min();
        let Some((_, _, place)) = next else {
            return decided;
        };
        decided.0.insert(place);
        base.founders.extend(admitted(history, &alone, place));
    }
}

/// Whom a decided act seats on the board.
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
    })
}

struct Board<'a> {
    history: &'a History,
    /// What stands when only each member's own keys are looked at.
    alone: &'a Outcome,
    /// What their authors signed, and neither their forks nor cuts of their own keys take back.
    signed: &'a FixedBitSet,
    decided: &'a Decided,
}

impl Board<'_> {
    /// The members whose signature under the act at `place` stands, most senior first.
    fn signers(&self, place: usize) -> BTreeSet<Seniority> {
        let id = self.history.get(place).id;
        let approvals = (0..self.history.len())
            .filter(|other| matches!(&self.history.get(*other).act, Act::Approve(of) if *of == id));
        approvals
            .chain([place])
            .filter(|signed| self.alone.stands(*signed) || self.signed.contains(*signed))
            .filter(|signed| !self.taken_back(*signed))
            .filter_map(|signed| {
                let by = self.history.get(signed).author.membership;
                let member = self.alone.members().get(&by)?;
                (member.role == Role::Admin).then(|| member.seniority.clone())
            })
            .collect()
    }

    /// Whether a decided removal cuts the statement at `place`.
    fn taken_back(&self, place: usize) -> bool {
        let author = &self.history.get(place).author;
        self.decided.iter().any(|decided| {
            removal(self.history, decided).is_some_and(|removal| {
                removal.membership == author.membership
                    && removal.key.is_none_or(|key| key == author.key)
                    && !kept_by(self.history, self.decided, decided)
                        .flat_map(|upto| &upto.statements)
                        .any(|tip| self.history.chain(tip, author).any(|kept| kept == place))
            })
        })
    }
}

/// What a decided removal leaves: what it keeps, and what decided extensions of it allow. A board
/// is not held by checkpoints: it is the charter's rule.
pub(super) fn kept_by<'a>(
    history: &'a History,
    decided: &'a Decided,
    place: usize,
) -> impl Iterator<Item = &'a super::Upto> {
    let id = history.get(place).id;
    let own = removal(history, place).map(|removal| &removal.keep);
    let extended = decided
        .iter()
        .filter_map(move |other| match &history.get(other).act {
            Act::Extend { of, upto } => of.contains(&id).then_some(upto),
            Act::Admit(_)
            | Act::Remove(_)
            | Act::Checkpoint(_)
            | Act::Approve(_)
            | Act::Say
            | Act::Content => None,
        });
    own.into_iter().chain(extended)
}
