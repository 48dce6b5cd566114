//! Who speaks, and which statements stand, given a set of statements. Pure, and the same for any
//! order of arrival.
//!
//! Actors are judged **from the most senior down**. Whatever can void a statement is said by
//! somebody strictly more senior than its author, so when an actor's turn comes, all that can
//! concern it has been judged: there is no circle to break and nothing to judge again. Citing
//! matters in three places only: which branch of a fork, which checkpoints bind a removal, which
//! removals an extension names. `protocol/spec/authority.md` has the steps.

use crate::statement::{Actor, History, Kind, Set, each};

/// How seniority comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charter {
    /// A person: who admits chooses a rank below its own; the root is above all.
    Rank,
    /// A circle: who is admitted comes right after who admitted, before whoever comes after those.
    Admins,
}

/// One rule that can be switched off, to see what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Law {
    /// Judged by seniority; off: replayed once, causal, then rank, then hash (design 4.2 as it was).
    SeniorsFirst,
    /// Statements past a cut are void whatever they cite; off: a removal only ends membership.
    CutsReachBack,
    /// Only juniors can be removed.
    RemovesJuniors,
    /// Only juniors can be admitted.
    AdmitsJuniors,
    /// An admission is of somebody new: who is admitted again is another, with other logs.
    AdmissionsAreNew,
    /// Seniority of an admin follows from who admitted; off: from how much the admission cites.
    SeniorityByPath,
    /// A log that forks is void from there.
    ForksVoid,
    /// Unless somebody senior cited one branch; off: anybody's citing decides.
    SeniorsPick,
    /// Cuts are applied before forks are looked for: who removes names the branch.
    CutBeforeFork,
    /// A fork gives nothing: removals stand on every branch (design 4.2 as it was: they do not).
    ForksTakeNothingBack,
    /// Nor does it take back what those removed whom a void branch admitted.
    ForkedAdmissionsTake,
    /// A removal does not cut below a checkpoint of a senior of its issuer that it cites.
    CitedCheckpointsHold,
    /// Only a cited checkpoint holds.
    OnlyCitedHold,
    /// Only a senior's checkpoint holds.
    OnlySeniorsHold,
    /// Doubt begins at a place in a log; off: at a time that the statement claims (design 4.2).
    DoubtIsAPlace,
    /// After the doubt only entries stand; off: only checkpoints are void (design 4.2).
    DoubtIsOfAll,
    /// An extension is from a rank not below the removal's.
    ExtendsFromNotBelow,
    /// An extension raises the cuts it names; off: it takes their place (design 4.5).
    ExtensionsRaise,
    /// A key that a removed device made is as tainted as one that it was given.
    MakersTaint,
    /// A key under a tainted key is tainted.
    TaintGoesUp,
    /// A rotation's recipients are the members at what it cites.
    RecipientsAreMembers,
    /// What is owed follows from the keys; off: each removal is ticked off (design 4.8).
    OwedIsDerived,
    /// Of two fresh keys the lowest hash is sealed under; off: the one that came first.
    LowestHash,
}

impl Law {
    pub(crate) const ALL: [Self; 23] = [
        Self::SeniorsFirst,
        Self::CutsReachBack,
        Self::RemovesJuniors,
        Self::AdmitsJuniors,
        Self::AdmissionsAreNew,
        Self::SeniorityByPath,
        Self::ForksVoid,
        Self::SeniorsPick,
        Self::CutBeforeFork,
        Self::ForksTakeNothingBack,
        Self::ForkedAdmissionsTake,
        Self::CitedCheckpointsHold,
        Self::OnlyCitedHold,
        Self::OnlySeniorsHold,
        Self::DoubtIsAPlace,
        Self::DoubtIsOfAll,
        Self::ExtendsFromNotBelow,
        Self::ExtensionsRaise,
        Self::MakersTaint,
        Self::TaintGoesUp,
        Self::RecipientsAreMembers,
        Self::OwedIsDerived,
        Self::LowestHash,
    ];
}

/// Where an evaluation starts: the charter, and what the owner had said before the story.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) charter: Charter,
    /// Those who speak from the beginning, with their rank, or place in the charter.
    pub(crate) founders: &'static [(Actor, u8)],
    /// A rule left out.
    pub(crate) without: Option<Law>,
}

impl Rules {
    /// Whether `law` is in force.
    pub(crate) fn has(&self, law: Law) -> bool {
        self.without != Some(law)
    }
}

/// Lower is more senior. A byte per level: the rank, or the path of admissions from the charter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seniority(u64);

impl Seniority {
    const ROOT: Self = Self(0);

    const fn at(rank: u8) -> Self {
        Self((rank as u64) << 56)
    }

    fn admits(self, number: u8) -> Self {
        Self(self.0 | (u64::from(number) + 1) << (self.0.trailing_zeros() / 8 * 8 - 8))
    }
}

/// What follows from a set of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The statements that count.
    pub(crate) stands: Set,
    /// Who was ever rightly admitted, and how senior.
    pub(crate) seniority: [Option<Seniority>; Actor::COUNT],
    /// Who of them was removed.
    pub(crate) removed: u8,
    /// Who of them was admitted on a branch that does not stand: no member, but their removals count.
    pub(crate) shadows: u8,
}

impl Outcome {
    /// Who speaks now, as a set of actors; the root is not counted.
    pub(crate) fn members(&self) -> u8 {
        (1..Actor::COUNT)
            .filter(|&actor| self.seniority[actor].is_some())
            .fold(0, |members, actor| members | 1 << actor)
            & !self.removed
            & !self.shadows
    }

    pub(crate) fn of(&self, actor: Actor) -> Option<Seniority> {
        self.seniority[usize::from(actor.0)]
    }

    /// Whether `a` is strictly more senior than `b`.
    pub(crate) fn outranks(&self, a: Actor, b: Actor) -> bool {
        match (self.of(a), self.of(b)) {
            (Some(a), Some(b)) => a < b,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Whether the statement at `place` counts.
    pub(crate) const fn stands_at(&self, place: usize) -> bool {
        self.stands >> place & 1 == 1
    }
}

/// Judges `set`, which holds all that its statements cite.
pub(crate) fn evaluate(history: &History, set: Set, rules: &Rules) -> Outcome {
    let mut outcome = Outcome {
        stands: 0,
        seniority: [None; Actor::COUNT],
        removed: 0,
        shadows: 0,
    };
    if rules.charter == Charter::Rank {
        outcome.seniority[0] = Some(Seniority::ROOT);
    }
    for (founder, rank) in rules.founders {
        outcome.seniority[usize::from(founder.0)] = Some(Seniority::at(*rank));
    }
    if !rules.has(Law::SeniorsFirst) {
        return replay(history, set, rules, outcome);
    }
    let mut judged: u8 = 0;
    let next = |outcome: &Outcome, judged: u8| {
        (0..6)
            .map(Actor)
            .filter(|actor| judged & actor.bit() == 0)
            .filter_map(|actor| Some((outcome.of(actor)?, actor)))
            .min()
    };
    while let Some((seniority, actor)) = next(&outcome, judged) {
        judged |= actor.bit();
        let mine = history.pick(set, |s| s.author == actor);
        let (kept, trusted) = cut(history, set & mine, actor, rules, &mut outcome);
        let voided = forked(
            history,
            if rules.has(Law::CutBeforeFork) {
                kept
            } else {
                mine
            },
            actor,
            rules,
            &outcome,
        );
        for (place, statement) in history.iter(kept) {
            if in_doubt(&statement.kind, trusted >> place & 1 == 0, rules) {
                continue;
            }
            let void = voided >> place & 1 == 1 || outcome.shadows & actor.bit() != 0;
            let counts = match statement.kind {
                Kind::Remove { .. } => rules.has(Law::ForksTakeNothingBack),
                Kind::Admit { who, .. } if rules.has(Law::ForkedAdmissionsTake) => {
                    if void {
                        outcome.shadows |= who.bit();
                    }
                    true
                }
                _ => false,
            };
            if void && !counts {
                continue;
            }
            if !void || matches!(statement.kind, Kind::Remove { .. }) {
                outcome.stands |= 1 << place;
            }
            if let Kind::Admit { who, rank } = statement.kind
                && judged & who.bit() == 0
            {
                let given = match rules.charter {
                    Charter::Rank => Seniority::at(rank),
                    Charter::Admins if rules.has(Law::SeniorityByPath) => {
                        seniority.admits(statement.seq)
                    }
                    Charter::Admins => {
                        Seniority::at(u8::try_from(statement.past.count_ones()).unwrap_or(0) + 10)
                    }
                };
                let by_citing =
                    rules.charter == Charter::Admins && !rules.has(Law::SeniorityByPath);
                if seniority < given || by_citing || !rules.has(Law::AdmitsJuniors) {
                    let known = &mut outcome.seniority[usize::from(who.0)];
                    *known = Some(known.map_or(given, |known| known.min(given)));
                }
            }
        }
    }
    if !rules.has(Law::RemovesJuniors) {
        for (_, statement) in history.iter(outcome.stands) {
            if let Kind::Remove { who, .. } = statement.kind {
                outcome.removed |= who.bit();
            }
        }
    }
    outcome
}

/// What the standing removals leave of the statements of `actor`: those kept, and those still trusted.
fn cut(
    history: &History,
    mine: Set,
    actor: Actor,
    rules: &Rules,
    outcome: &mut Outcome,
) -> (Set, Set) {
    let (mut kept, mut trusted) = (mine, mine);
    let (mut unnamed, mut extended) = (None::<Set>, None::<Set>);
    for (place, removal) in history.iter(outcome.stands) {
        let Kind::Remove {
            who,
            keep,
            trusted: still,
        } = removal.kind
        else {
            continue;
        };
        if who != actor || !outcome.outranks(removal.author, actor) {
            continue;
        }
        outcome.removed |= actor.bit();
        let keep = keep | held(history, place, rules, outcome);
        let extension = extensions(history, place, rules, outcome);
        match extension {
            Some(upto) => extended = Some(extended.unwrap_or(0) | upto),
            None => unnamed = Some(unnamed.unwrap_or(mine) & keep),
        }
        kept &= keep | extension.unwrap_or(0);
        trusted &= still;
    }
    if !rules.has(Law::ExtensionsRaise) {
        kept = unnamed.or(extended).unwrap_or(mine) & mine;
    }
    if !rules.has(Law::CutsReachBack) {
        kept = mine;
    }
    (kept, trusted)
}

/// What the checkpoints that removal `place` cites hold against it.
fn held(history: &History, place: usize, rules: &Rules, outcome: &Outcome) -> Set {
    let removal = history.get(place);
    let mut held = 0;
    for (checkpoint, s) in history.iter(outcome.stands) {
        let Kind::Checkpoint { covers, .. } = s.kind else {
            continue;
        };
        let cited = removal.past >> checkpoint & 1 == 1 || !rules.has(Law::OnlyCitedHold);
        let senior = outcome.outranks(s.author, removal.author) || !rules.has(Law::OnlySeniorsHold);
        if cited && senior && rules.has(Law::CitedCheckpointsHold) {
            held |= covers;
        }
    }
    held
}

/// How far the standing extensions raise removal `place`.
fn extensions(history: &History, place: usize, rules: &Rules, outcome: &Outcome) -> Option<Set> {
    let issuer = history.get(place).author;
    let mut raised = None;
    for (_, s) in history.iter(outcome.stands) {
        if let Kind::Extend { of, upto } = s.kind
            && of >> place & 1 == 1
            && (!outcome.outranks(issuer, s.author) || !rules.has(Law::ExtendsFromNotBelow))
        {
            raised = Some(raised.unwrap_or(0) | upto);
        }
    }
    raised
}

/// The branches among `mine` that do not stand: all at a fork, but the one that a senior cited.
fn forked(history: &History, mine: Set, actor: Actor, rules: &Rules, outcome: &Outcome) -> Set {
    let mut voided = 0;
    for place in each(mine) {
        let siblings = history.siblings(place) & mine;
        if siblings == 0 || !rules.has(Law::ForksVoid) {
            continue;
        }
        let others = each(siblings).fold(0, |all, sibling| all | history.branch(sibling));
        let branch = history.branch(place);
        // Who first cited a branch, and only that one.
        let citer = |wanted: Set, unwanted: Set| {
            let citing = if rules.has(Law::SeniorsPick) {
                outcome.stands
            } else {
                history.all()
            };
            history
                .iter(citing)
                .filter(|(_, s)| s.past & wanted != 0 && s.past & unwanted == 0)
                .filter(|(_, s)| outcome.outranks(s.author, actor) || !rules.has(Law::SeniorsPick))
                .map(|(_, s)| (outcome.of(s.author), s.seq, s.hash))
                .min()
        };
        let ours = citer(branch, others);
        let theirs = each(siblings)
            .filter_map(|sibling| {
                let theirs = history.branch(sibling);
                citer(theirs, (others | branch) & !theirs)
            })
            .min();
        if ours.is_none_or(|ours| theirs.is_some_and(|theirs| theirs < ours)) {
            voided |= branch;
        }
    }
    voided
}

/// Whether doubt about its author voids a statement that a removal keeps.
fn in_doubt(kind: &Kind, after: bool, rules: &Rules) -> bool {
    match kind {
        Kind::Entry | Kind::Seal { .. } => false,
        Kind::Checkpoint { early, .. } if !rules.has(Law::DoubtIsAPlace) => after && !early,
        Kind::Checkpoint { .. } => after,
        _ => after && rules.has(Law::DoubtIsOfAll),
    }
}

/// Design 4.2 as it was: one pass, causal, then rank, then hash. Only for admissions and removals.
fn replay(history: &History, set: Set, rules: &Rules, mut outcome: Outcome) -> Outcome {
    let (mut seen, mut past_a_cut): (Set, Set) = (0, 0);
    loop {
        let next = history
            .iter(set & !seen)
            .filter(|(_, s)| s.past & !seen == 0)
            .min_by_key(|(_, s)| (outcome.of(s.author).is_none(), outcome.of(s.author), s.hash));
        let Some((place, s)) = next else {
            return outcome;
        };
        seen |= 1 << place;
        let Some(seniority) = outcome.of(s.author) else {
            continue;
        };
        if outcome.removed & s.author.bit() != 0 || past_a_cut >> place & 1 == 1 {
            continue;
        }
        outcome.stands |= 1 << place;
        match s.kind {
            Kind::Admit { who, rank } => {
                let given = match rules.charter {
                    Charter::Rank => Seniority::at(rank),
                    Charter::Admins => seniority.admits(s.seq),
                };
                let known = &mut outcome.seniority[usize::from(who.0)];
                if seniority < given {
                    *known = Some(known.map_or(given, |known| known.min(given)));
                }
            }
            Kind::Remove { who, keep, .. }
                if rules.charter == Charter::Admins || outcome.outranks(s.author, who) =>
            {
                outcome.removed |= who.bit();
                past_a_cut |= history.by(who) & !keep;
            }
            _ => {}
        }
    }
}
