//! The judgement, from the most senior down.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use super::board::{self, Decided};
use super::{
    Act, Admission, Base, Directory, History, Removal, Role, Rule, Seniority, Speaker, Upto, Who,
};
use crate::entry::{LogId, LogPlace};
use crate::id::MembershipId;

/// Whoever was ever rightly admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub who: Who,
    /// What they may say.
    pub role: Role,
    /// Where they stand.
    pub seniority: Seniority,
    /// The membership by which they were admitted; `None` for founders.
    pub admitted_by: Option<MembershipId>,
    /// Whether they speak now.
    pub standing: Standing,
}

/// Whether somebody speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They speak.
    Speaks,
    /// They were removed, or left.
    Removed,
    /// They were admitted on a branch of a forked log that does not stand. Their removals count.
    Shadow,
}

/// What is known of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Voice {
    seniority: Seniority,
    /// Removed by the principal's own authority.
    removed: bool,
    /// The removals that stand of this key, of its membership or of one that gave it.
    removals: Vec<usize>,
    /// Of each of them, the places in entry logs up to which it leaves entries.
    limits: Vec<Vec<LogPlace>>,
}

/// What follows from a set of statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    stands: FixedBitSet,
    /// What is void for nothing but being past a cut.
    past_a_cut: FixedBitSet,
    members: BTreeMap<MembershipId, Member>,
    voices: BTreeMap<Speaker, Voice>,
}

impl Outcome {
    /// Returns whether the statement at `place` of the history counts.
    #[must_use]
    pub fn stands(&self, place: usize) -> bool {
        self.stands.contains(place)
    }

    /// Returns the places of all statements that count.
    pub fn standing(&self) -> impl Iterator<Item = usize> + '_ {
        self.stands.ones()
    }

    /// Returns the places of all statements past a cut: quarantined until an extension.
    pub fn past_a_cut(&self) -> impl Iterator<Item = usize> + '_ {
        self.past_a_cut.ones()
    }

    /// Returns whoever was ever rightly admitted.
    #[must_use]
    pub const fn members(&self) -> &BTreeMap<MembershipId, Member> {
        &self.members
    }

    /// Returns a member who speaks now.
    #[must_use]
    pub fn member(&self, id: &MembershipId) -> Option<&Member> {
        self.members
            .get(id)
            .filter(|member| member.standing == Standing::Speaks)
    }

    /// Returns whether this key speaks now: its membership does, and nobody removed the key.
    #[must_use]
    pub fn speaks(&self, speaker: &Speaker) -> bool {
        self.member(&speaker.membership).is_some()
            && self
                .voices
                .get(speaker)
                .is_some_and(|voice| !voice.removed && voice.removals.is_empty())
    }

    /// Returns whether a removal of this key stands in the history itself. A principal's own word
    /// that a key is removed is not one: what it keeps is still to be said.
    pub(super) fn is_cut_here(&self, speaker: &Speaker) -> bool {
        (self.voices.get(speaker)).is_some_and(|voice| !voice.removals.is_empty())
    }

    /// Returns where a key stands, whether or not it still speaks.
    #[must_use]
    pub fn seniority(&self, speaker: &Speaker) -> Option<&Seniority> {
        self.voices.get(speaker).map(|voice| &voice.seniority)
    }

    /// Returns how far the entry log `log` of `speaker` stands: what every inner list keeps, each
    /// keeping what any of its places keeps. An empty outer list: all of it. An empty inner list:
    /// nothing.
    #[must_use]
    pub fn log_limits(&self, speaker: &Speaker, log: &LogId) -> Vec<Vec<LogPlace>> {
        let Some(voice) = self.voices.get(speaker) else {
            return vec![Vec::new()];
        };
        let of_log = |limit: &Vec<LogPlace>| {
            let mut places: Vec<_> = limit.iter().filter(|p| p.log == *log).copied().collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        let mut limits: Vec<_> = voice.limits.iter().map(of_log).collect();
        limits.sort_unstable();
        limits.dedup();
        limits
    }

    fn outranks(&self, a: &Speaker, b: &Speaker) -> bool {
        match (self.seniority(a), self.seniority(b)) {
            (Some(a), Some(b)) => a < b,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// The membership itself and, where admissions are grants, those that gave it.
    fn lineage(&self, grants: bool, id: MembershipId) -> impl Iterator<Item = MembershipId> + '_ {
        std::iter::successors(Some(id), move |id| {
            self.members.get(id)?.admitted_by.filter(|_| grants)
        })
    }
}

/// Everything that removal `place` leaves: what it keeps, what a checkpoint holds that it cites
/// and that is of somebody senior to its author, and what extensions allow.
fn kept_by<'a>(
    history: &'a History,
    outcome: &'a Outcome,
    place: usize,
) -> impl Iterator<Item = &'a Upto> {
    let removal = history.get(place);
    let own = self::removal(history, place).map(|removal| &removal.keep);
    let others = outcome.stands.ones().filter_map(move |other| {
        let node = history.get(other);
        match &node.act {
            Act::Checkpoint(upto) => (history.cites(place, other)
                && outcome.outranks(&node.author, &removal.author))
            .then_some(upto),
            Act::Extend { of, upto } => (of.contains(&removal.id)
                && !outcome.outranks(&removal.author, &node.author))
            .then_some(upto),
            Act::Admit(_) | Act::Remove(_) | Act::Approve(_) | Act::Say | Act::Content => None,
        }
    });
    own.into_iter().chain(others)
}

/// Judges a history.
#[must_use]
pub fn evaluate(history: &History, base: &Base, directory: &impl Directory) -> Outcome {
    let mode = match base.rule {
        Rule::Rank | Rule::Admins | Rule::Vote => Mode::Seniors,
        Rule::Board { quorum } => Mode::Board(board::decide(history, base, directory, quorum)),
    };
    Judge::new(history, base, directory, mode).run()
}

/// Whose acts count.
pub(super) enum Mode {
    /// Every admin's, by themselves.
    Seniors,
    /// Only what members say of their own keys: what there is to count signatures of a board on.
    OwnKeys,
    /// What the board has decided, and what members say of their own keys.
    Board(Decided),
}

pub(super) struct Judge<'a, D> {
    history: &'a History,
    base: &'a Base,
    directory: &'a D,
    mode: Mode,
    outcome: Outcome,
    /// Standing removals, by whose they are.
    removals: BTreeMap<MembershipId, Vec<usize>>,
    /// Who is still to be judged.
    queue: BTreeSet<(Seniority, Speaker)>,
    /// Acts that a board has not decided: nothing follows from them, but their authors signed them.
    signed: FixedBitSet,
}

impl<'a, D: Directory> Judge<'a, D> {
    pub(super) fn new(history: &'a History, base: &'a Base, directory: &'a D, mode: Mode) -> Self {
        let outcome = Outcome {
            stands: FixedBitSet::with_capacity(history.len()),
            past_a_cut: FixedBitSet::with_capacity(history.len()),
            members: BTreeMap::new(),
            voices: BTreeMap::new(),
        };
        let mut judge = Self {
            history,
            base,
            directory,
            mode,
            outcome,
            removals: BTreeMap::new(),
            queue: BTreeSet::new(),
            signed: FixedBitSet::with_capacity(history.len()),
        };
        for founder in &base.founders {
            judge.admit(
                founder.membership,
                Member {
                    who: founder.who,
                    role: founder.role,
                    seniority: founder.seniority.clone(),
                    admitted_by: None,
                    standing: Standing::Speaks,
                },
                founder.removed,
            );
        }
        judge
    }

    fn run(self) -> Outcome {
        self.run_signed().0
    }

    /// The outcome, and the acts in `signed`.
    pub(super) fn run_signed(mut self) -> (Outcome, FixedBitSet) {
        while let Some((seniority, speaker)) = self.queue.pop_first() {
            self.judge(&seniority, &speaker);
        }
        self.mark_removed();
        (self.outcome, self.signed)
    }

    fn admit(&mut self, id: MembershipId, member: Member, removed: bool) {
        let keys = match member.who {
            Who::Key(key) => vec![(key, member.seniority.clone(), removed)],
            who @ (Who::Person(_) | Who::Circle(_)) => (self.directory.keys(&who).into_iter())
                .map(|of| {
                    let seniority = member.seniority.key(&of.seniority);
                    (of.key, seniority, of.removed || removed)
                })
                .collect(),
        };
        for (key, seniority, removed) in keys {
            let speaker = Speaker {
                membership: id,
                key,
            };
            let voice = Voice {
                seniority: seniority.clone(),
                removed,
                removals: Vec::new(),
                limits: Vec::new(),
            };
            self.outcome.voices.insert(speaker, voice);
            self.queue.insert((seniority, speaker));
        }
        self.outcome.members.insert(id, member);
    }

    fn judge(&mut self, seniority: &Seniority, speaker: &Speaker) {
        let history = self.history;
        let mut kept = self.cut(speaker);
        if let Mode::Board(decided) = &self.mode {
            // What was decided stays so, whatever became of who proposed it.
            kept.extend(
                decided
                    .iter()
                    .filter(|p| history.get(*p).author == *speaker),
            );
        }
        let past = (history.by(speaker).iter().copied()).filter(|place| !kept.contains(*place));
        self.outcome.past_a_cut.extend(past);
        let voided = self.forked(&kept, speaker);
        let Some(member) = self.outcome.members.get(&speaker.membership) else {
            return;
        };
        let (role, of_shadow) = (member.role, member.standing == Standing::Shadow);
        let from = member.seniority.clone();
        let trusted = self.trusted(speaker);
        for place in kept.ones() {
            let node = history.get(place);
            let in_doubt = trusted.as_ref().is_some_and(|all| !all.contains(place));
            let content = matches!(node.act, Act::Content);
            let decided = self.decided(place);
            if in_doubt && !content && !decided {
                continue;
            }
            let void = (of_shadow || voided.contains(place)) && !decided;
            if !decided && !self.counts_alone(place) {
                let signed = match &node.act {
                    Act::Remove(_) => true,
                    Act::Admit(admission) => !void && self.consented(admission),
                    Act::Extend { .. } | Act::Say => !void,
                    Act::Checkpoint(_) | Act::Approve(_) | Act::Content => false,
                };
                self.signed.set(place, signed);
                continue;
            }
            match &node.act {
                Act::Remove(removal) if self.may_remove(role, speaker, removal) => {
                    // A fork gives nothing, but it takes: who can fork a log can sign removals.
                    self.outcome.stands.insert(place);
                    (self.removals.entry(removal.membership).or_default()).push(place);
                }
                Act::Admit(admission) if role == Role::Admin && self.consented(admission) => {
                    let given = self.given(admission, &from, seniority, history.seq(place));
                    if given > *seniority {
                        let member = Member {
                            who: admission.who,
                            role: admission.role,
                            seniority: given,
                            admitted_by: Some(speaker.membership),
                            standing: if void {
                                Standing::Shadow
                            } else {
                                Standing::Speaks
                            },
                        };
                        if !void {
                            self.outcome.stands.insert(place);
                        }
                        self.admit(MembershipId::from_bytes(*node.id.as_bytes()), member, false);
                    }
                }
                Act::Extend { .. } | Act::Checkpoint(_) | Act::Say
                    if !void && role == Role::Admin =>
                {
                    self.outcome.stands.insert(place);
                }
                Act::Approve(_) | Act::Content if !void => self.outcome.stands.insert(place),
                Act::Remove(_)
                | Act::Admit(_)
                | Act::Extend { .. }
                | Act::Checkpoint(_)
                | Act::Approve(_)
                | Act::Say
                | Act::Content => {}
            }
        }
    }

    /// Whether the board has decided the act at `place`.
    fn decided(&self, place: usize) -> bool {
        match &self.mode {
            Mode::Seniors | Mode::OwnKeys => false,
            Mode::Board(decided) => decided.contains(place),
        }
    }

    /// Whether the act at `place` counts by its author's signature alone.
    fn counts_alone(&self, place: usize) -> bool {
        match &self.mode {
            Mode::Seniors => true,
            Mode::OwnKeys | Mode::Board(_) => !board::needs_quorum(self.history, place),
        }
    }

    /// Whether the standing removal `place` may cut `speaker`.
    fn reaches(&self, place: usize, speaker: &Speaker) -> bool {
        let author = &self.history.get(place).author;
        let own = author.membership == speaker.membership;
        let senior = self.outcome.outranks(author, speaker);
        match &self.mode {
            Mode::Seniors => senior,
            Mode::OwnKeys | Mode::Board(_) => self.decided(place) || senior && own,
        }
    }

    /// Everything that removal `place` leaves.
    fn left_by(&self, place: usize) -> Vec<&Upto> {
        match &self.mode {
            Mode::Board(decided) if decided.contains(place) => {
                board::kept_by(self.history, decided, place).collect()
            }
            Mode::Board(_) | Mode::OwnKeys | Mode::Seniors => {
                kept_by(self.history, &self.outcome, place).collect()
            }
        }
    }

    /// Whether the key that consented is one of whom is admitted.
    fn consented(&self, admission: &Admission) -> bool {
        match admission.who {
            Who::Key(key) => key == admission.by,
            who @ (Who::Person(_) | Who::Circle(_)) => {
                (self.directory.keys(&who).iter()).any(|of| of.key == admission.by)
            }
        }
    }

    /// Where whom `admission` admits comes to stand.
    fn given(
        &self,
        admission: &Admission,
        membership: &Seniority,
        key: &Seniority,
        seq: u32,
    ) -> Seniority {
        match self.base.rule {
            Rule::Rank if !self.base.grants => Seniority::of_rank(admission.rank),
            Rule::Rank | Rule::Admins | Rule::Board { .. } | Rule::Vote => {
                if self.base.grants && !key.is_granted() {
                    // All keys of an owner, not only the membership's, come before.
                    key.admits(seq).granted()
                } else {
                    membership.admits(seq)
                }
            }
        }
    }

    /// Whether the author of a removal may make it at all; whom it cuts is decided when those are
    /// judged.
    fn may_remove(&self, role: Role, author: &Speaker, removal: &Removal) -> bool {
        // Whoever speaks by a grant ends what they gave, and no other grant.
        let own = removal.membership == author.membership;
        let theirs = (self.outcome.lineage(true, removal.membership))
            .any(|above| above == author.membership);
        let granted = (self.outcome.members.get(&author.membership))
            .is_some_and(|member| self.base.grants && member.seniority.is_granted());
        own || role == Role::Admin && (!granted || theirs)
    }

    /// What the standing removals leave of what `speaker` said.
    fn cut(&mut self, speaker: &Speaker) -> FixedBitSet {
        let history = self.history;
        let mut kept: FixedBitSet = history.by(speaker).iter().copied().collect();
        let lineage: Vec<_> =
            (self.outcome.lineage(self.base.grants, speaker.membership)).collect();
        let removals: Vec<usize> = lineage
            .iter()
            .filter_map(|id| self.removals.get(id))
            .flatten()
            .copied()
            .filter(|place| {
                let of_key = removal(history, *place).and_then(|removal| removal.key);
                of_key.is_none_or(|key| key == speaker.key) && self.reaches(*place, speaker)
            })
            .collect();
        let mut limits = Vec::new();
        for place in &removals {
            let mut left = FixedBitSet::with_capacity(history.len());
            for tip in (self.left_by(*place).into_iter()).flat_map(|upto| &upto.statements) {
                left.extend(history.chain(tip, speaker));
            }
            kept.intersect_with(&left);
            limits.push(
                (self.left_by(*place).into_iter())
                    .flat_map(|upto| upto.logs.clone())
                    .collect(),
            );
        }
        if let Some(voice) = self.outcome.voices.get_mut(speaker) {
            if voice.removed && removals.is_empty() {
                kept.clear();
                limits.push(Vec::new());
            }
            (voice.removals, voice.limits) = (removals, limits);
        }
        self.leave(&mut kept, speaker);
        kept
    }

    /// Who leaves says nothing after: what is not behind the first leaving is void.
    fn leave(&self, kept: &mut FixedBitSet, speaker: &Speaker) {
        let leaves: Vec<usize> = kept
            .ones()
            .filter(|place| {
                removal(self.history, *place).is_some_and(|removal| {
                    removal.membership == speaker.membership
                        && removal.key.is_none_or(|key| key == speaker.key)
                })
            })
            .collect();
        for place in leaves {
            let mut before = self.history.past(place).clone();
            before.grow_and_insert(place);
            kept.intersect_with(&before);
        }
    }

    /// What of `speaker`'s is still trusted in what it says of others; `None`: all that is kept.
    fn trusted(&self, speaker: &Speaker) -> Option<FixedBitSet> {
        let history = self.history;
        let removals = &self.outcome.voices.get(speaker)?.removals;
        let mut doubts = removals
            .iter()
            .filter_map(|place| removal(history, *place)?.trusted.as_deref())
            .map(|tips| -> FixedBitSet {
                tips.iter()
                    .flat_map(|tip| history.chain(tip, speaker))
                    .collect()
            });
        let first = doubts.next()?;
        Some(doubts.fold(first, |mut all, some| {
            all.intersect_with(&some);
            all
        }))
    }

    /// The branches of what is kept that do not stand: all at a fork, but the one that a senior
    /// cited first without another.
    fn forked(&self, kept: &FixedBitSet, speaker: &Speaker) -> FixedBitSet {
        let mut voided = FixedBitSet::with_capacity(self.history.len());
        for place in kept.ones() {
            let siblings: Vec<usize> = (self.history.siblings(place))
                .filter(|sibling| kept.contains(*sibling))
                .collect();
            if siblings.is_empty() {
                continue;
            }
            let branch = self.branch(place, speaker);
            let branches: Vec<_> = siblings.iter().map(|s| self.branch(*s, speaker)).collect();
            let mut others = FixedBitSet::with_capacity(self.history.len());
            branches.iter().for_each(|other| others.union_with(other));
            let ours = self.first_citer(&branch, &others, speaker);
            others.union_with(&branch);
            let theirs = branches.iter().filter_map(|theirs| {
                let mut unwanted = others.clone();
                unwanted.difference_with(theirs);
                self.first_citer(theirs, &unwanted, speaker)
            });
            let theirs = theirs.min();
            if ours.is_none_or(|ours| theirs.is_some_and(|theirs| theirs < ours)) {
                voided.union_with(&branch);
            }
        }
        voided
    }

    /// `place` and what of the same log has it behind it.
    fn branch(&self, place: usize, speaker: &Speaker) -> FixedBitSet {
        let history = self.history;
        let log = history.log(place);
        let later = history.by(speaker).iter().copied().filter(|other| {
            *other == place || history.log(*other) == log && history.cites(*other, place)
        });
        later.collect()
    }

    fn first_citer(
        &self,
        wanted: &FixedBitSet,
        unwanted: &FixedBitSet,
        speaker: &Speaker,
    ) -> Option<(&Seniority, u32, &[u8; 32])> {
        let history = self.history;
        (self.outcome.stands.ones())
            .filter(|place| {
                let past = history.past(*place);
                !past.is_disjoint(wanted)
                    && past.is_disjoint(unwanted)
                    && self.outcome.outranks(&history.get(*place).author, speaker)
            })
            .filter_map(|place| {
                let node = history.get(place);
                let seniority = self.outcome.seniority(&node.author)?;
                Some((seniority, history.seq(place), node.id.as_bytes()))
            })
            .min()
    }

    /// Sees who no longer speaks, once all that stands is known.
    fn mark_removed(&mut self) {
        let removed: Vec<MembershipId> = self
            .outcome
            .members
            .iter()
            .filter(|(id, member)| {
                (self.outcome.lineage(self.base.grants, **id))
                    .filter_map(|above| self.removals.get(&above))
                    .flatten()
                    .any(|place| self.ends(*place, **id, member))
            })
            .map(|(id, _)| *id)
            .collect();
        for id in removed {
            if let Some(member) = self.outcome.members.get_mut(&id) {
                member.standing = match member.standing {
                    Standing::Speaks | Standing::Removed => Standing::Removed,
                    Standing::Shadow => Standing::Shadow,
                };
            }
        }
    }

    /// Whether the standing removal `place` ends the membership `id`.
    fn ends(&self, place: usize, id: MembershipId, member: &Member) -> bool {
        let author = &self.history.get(place).author;
        let Some(removal) = removal(self.history, place) else {
            return false;
        };
        let all_of_it = match member.who {
            Who::Key(key) => removal.key.is_none_or(|of| of == key),
            Who::Person(_) | Who::Circle(_) => removal.key.is_none(),
        };
        let senior =
            (self.outcome.seniority(author)).is_some_and(|seniority| *seniority < member.seniority);
        let by_another = match &self.mode {
            Mode::Seniors => senior,
            Mode::OwnKeys | Mode::Board(_) => self.decided(place),
        };
        all_of_it && (by_another || author.membership == id)
    }
}

/// The removal at `place`, if that is one.
pub(super) fn removal(history: &History, place: usize) -> Option<&Removal> {
    match &history.get(place).act {
        Act::Remove(removal) => Some(removal),
        Act::Admit(_)
        | Act::Extend { .. }
        | Act::Checkpoint(_)
        | Act::Approve(_)
        | Act::Say
        | Act::Content => None,
    }
}
