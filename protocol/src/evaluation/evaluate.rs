//! The judgement, from the most senior down.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;

use super::board::{self, Decided};
use super::{
    Act, Admission, Base, Directory, Founder, History, PrincipalKey, Removal, Role, Rule,
    Seniority, Speaker, Who,
};
use crate::defence::{self, Defence};
use crate::entry::{LogId, LogPlace};
use crate::id::{MembershipId, StatementId};

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

/// What is known of one key that said something.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Voice {
    seniority: Seniority,
    /// Removed by the principal's own authority.
    removed: bool,
    /// The removals that stand of this key, of its membership or of one that gave it.
    removals: Vec<usize>,
}

/// A removal that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cut {
    place: usize,
    /// Of which membership.
    of: MembershipId,
    /// Of which key; of all if `None`.
    key: Option<[u8; 32]>,
    by: Speaker,
    /// By a board.
    decided: bool,
}

/// What follows from a set of statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    stands: FixedBitSet,
    /// What is void for nothing but being past a cut.
    past_a_cut: FixedBitSet,
    /// That of it which is past a cut that nobody can void.
    past_for_good: FixedBitSet,
    members: BTreeMap<MembershipId, Member>,
    /// The memberships that the owner's own authority removed.
    removed: BTreeSet<MembershipId>,
    /// Single keys that it removed, whose members stay.
    removed_keys: BTreeSet<Speaker>,
    /// Whether memberships are grants.
    grants: bool,
    /// The keys of principals, once for all their memberships.
    keys: BTreeMap<Who, BTreeMap<[u8; 32], PrincipalKey>>,
    /// The keys that said something.
    voices: BTreeMap<Speaker, Voice>,
    /// Removals that stand, by whose they are.
    cuts: BTreeMap<MembershipId, Vec<Cut>>,
    /// Of each of them, the statements that say which entries it leaves.
    left: BTreeMap<usize, FixedBitSet>,
    /// What those say.
    logs: BTreeMap<usize, Vec<LogPlace>>,
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

    /// Whether this is past a cut.
    pub(crate) fn is_past_a_cut(&self, place: usize) -> bool {
        self.past_a_cut.contains(place)
    }

    /// Whether this is past a cut that nobody can void: nobody comes before whoever made it.
    pub(super) fn is_past_for_good(&self, place: usize) -> bool {
        self.past_for_good.contains(place)
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
            && (self.voice(speaker))
                .is_some_and(|voice| !voice.removed && voice.removals.is_empty())
            // Of a whole membership that was left the member says so.
            && (self.leavings(speaker))
                .all(|cut| cut.key.is_none() && !self.is_of_one_in_a_circle(cut))
    }

    /// The keys of a member who speaks that only this history has removed, and not their own principal.
    pub(crate) fn keys_removed_here(&self, id: &MembershipId) -> Vec<[u8; 32]> {
        let speakers = (self.member(id).into_iter()).flat_map(|member| self.speakers(id, member));
        let removed = speakers.filter(|speaker| !self.speaks(speaker));
        removed.map(|speaker| speaker.key).collect()
    }

    /// The keys of a member that their own principal has not removed.
    fn speakers(&self, id: &MembershipId, member: &Member) -> Vec<Speaker> {
        let keys: Vec<[u8; 32]> = match &member.who {
            Who::Key(key) => vec![*key],
            who @ (Who::Person(_) | Who::Circle(_) | Who::Service(_)) => {
                let keys = self.keys.get(who).into_iter().flat_map(BTreeMap::values);
                keys.filter(|of| !of.removed).map(|of| of.key).collect()
            }
        };
        let with = |key| Speaker {
            membership: *id,
            key,
        };
        keys.into_iter().map(with).collect()
    }

    /// The keys of a member who has left, and that nobody but the member's own leaving has ended.
    pub(crate) fn keys_that_left(&self, id: &MembershipId) -> Vec<[u8; 32]> {
        let leaves = |cut: &Cut| cut.key.is_none() && cut.by.membership == *id;
        let has_left = self.cuts.get(id).into_iter().flatten().any(leaves);
        let removed = |member: &&Member| has_left && member.standing == Standing::Removed;
        let Some(member) = self.members.get(id).filter(removed) else {
            return Vec::new();
        };
        let only_left = |speaker: &Speaker| {
            let seniority = self.seniority(speaker);
            seniority.is_some_and(|at| self.cuts_of(speaker, &at).all(leaves))
        };
        let speakers = self.speakers(id, member).into_iter().filter(only_left);
        speakers.map(|speaker| speaker.key).collect()
    }

    /// Returns whether a removal of this key stands in the history itself. A principal's own word
    /// that a key is removed is not one: what it keeps is still to be said.
    #[must_use]
    pub fn is_cut_here(&self, speaker: &Speaker) -> bool {
        (self.voice(speaker)).is_some_and(|voice| !voice.removals.is_empty())
    }

    /// Returns where a key stands, whether or not it still speaks.
    #[must_use]
    pub fn seniority(&self, speaker: &Speaker) -> Option<Seniority> {
        Some(self.voice(speaker)?.into_owned().seniority)
    }

    /// Returns whether this key speaks or spoke here. Whoever was admitted on a branch that does not stand
    /// never did, but for removals.
    #[must_use]
    pub fn ever_spoke(&self, speaker: &Speaker) -> bool {
        let member = self.members.get(&speaker.membership);
        member.is_some_and(|member| member.standing != Standing::Shadow)
            && self.seniority(speaker).is_some()
    }

    /// Whether this key speaks or spoke here, by what is known of its principal.
    pub(crate) fn knows(&self, speaker: &Speaker) -> bool {
        self.voices.contains_key(speaker) || self.key(speaker).is_some()
    }

    /// Whose key this is: where it speaks for a circle, the person's.
    pub(crate) fn whose(&self, speaker: &Speaker) -> Option<Who> {
        let who = self.members.get(&speaker.membership)?.who;
        match who {
            Who::Key(_) => Some(who),
            Who::Person(_) | Who::Circle(_) | Who::Service(_) => {
                Some(self.keys.get(&who)?.get(&speaker.key)?.whose)
            }
        }
    }

    /// Returns how far the entry log `log` of `speaker` stands: what every inner list keeps, each
    /// keeping what any of its places keeps. An empty outer list: all of it. An empty inner list:
    /// nothing.
    #[must_use]
    pub fn log_limits(&self, speaker: &Speaker, log: &LogId) -> Vec<Vec<LogPlace>> {
        let Some(voice) = self.voice(speaker) else {
            return vec![Vec::new()];
        };
        let mut limits = self.limits_by(&voice, speaker, log);
        if voice.removed && limits.is_empty() {
            limits.push(Vec::new());
        }
        limits
    }

    /// Returns the same as far as it was said here: of a key that only its principal has removed, and of which nobody
    /// has said yet what stays, all of it.
    #[must_use]
    pub fn limits_said(&self, speaker: &Speaker, log: &LogId) -> Vec<Vec<LogPlace>> {
        let voice = self.voice(speaker);
        voice.map_or_else(
            || vec![Vec::new()],
            |voice| self.limits_by(&voice, speaker, log),
        )
    }

    fn limits_by(&self, voice: &Voice, speaker: &Speaker, log: &LogId) -> Vec<Vec<LogPlace>> {
        let of_log = |said: Option<&FixedBitSet>| {
            let said = said.into_iter().flat_map(FixedBitSet::ones);
            let places = said.filter_map(|place| self.logs.get(&place)).flatten();
            let mut places: Vec<_> = places.filter(|p| p.log == *log).copied().collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        // Many removals may leave the same. Who leaves says how much stays of what they wrote.
        let said: BTreeSet<_> = (voice.removals.iter().copied())
            .chain(self.leavings(speaker).map(|cut| cut.place))
            .map(|of| self.left.get(&of))
            .collect();
        let mut limits: Vec<_> = said.into_iter().map(of_log).collect();
        limits.sort_unstable();
        limits.dedup();
        limits
    }

    /// How many keys, and how many places of entry logs, this holds.
    #[cfg(test)]
    pub(crate) fn held(&self) -> (usize, usize) {
        (self.voices.len(), self.logs.values().map(Vec::len).sum())
    }

    /// What is known of a key. Of one that said nothing it is looked up when it is asked for: a
    /// person with many keys and many memberships has too many of them to keep.
    fn voice(&self, speaker: &Speaker) -> Option<Cow<'_, Voice>> {
        if let Some(voice) = self.voices.get(speaker) {
            return Some(Cow::Borrowed(voice));
        }
        let mut voice = self.key(speaker)?;
        voice.removals = self.removals_of(speaker, &voice.seniority);
        Some(Cow::Owned(voice))
    }

    /// The key as its principal has it.
    fn key(&self, speaker: &Speaker) -> Option<Voice> {
        let member = self.members.get(&speaker.membership)?;
        let (seniority, removed) = match &member.who {
            Who::Key(key) => (*key == speaker.key).then(|| (member.seniority.clone(), false))?,
            who @ (Who::Person(_) | Who::Circle(_) | Who::Service(_)) => {
                let of = self.keys.get(who)?.get(&speaker.key)?;
                (member.seniority.key(&of.seniority), of.removed)
            }
        };
        Some(Voice {
            seniority,
            removed: removed
                || self.removed.contains(&speaker.membership)
                || self.removed_keys.contains(speaker),
            removals: Vec::new(),
        })
    }

    /// The removals that stand and reach a key.
    fn removals_of(&self, speaker: &Speaker, seniority: &Seniority) -> Vec<usize> {
        let cuts = self.cuts_of(speaker, seniority);
        cuts.map(|cut| cut.place).collect()
    }

    fn cuts_of(&self, speaker: &Speaker, seniority: &Seniority) -> impl Iterator<Item = &Cut> {
        (self.lineage(speaker.membership))
            .filter_map(|id| self.cuts.get(&id))
            .flatten()
            .filter(|cut| cut.key.is_none_or(|key| key == speaker.key))
            .filter(|cut| !self.is_of_one_in_a_circle(cut) || self.is_of_same_person(cut, speaker))
            .filter(|cut| self.reaches(cut, seniority))
    }

    /// The removals by which a key left itself, or its person the membership. Who leaves what a circle holds
    /// does so alone.
    fn leavings(&self, speaker: &Speaker) -> impl Iterator<Item = &Cut> {
        let cuts = self.cuts.get(&speaker.membership).into_iter().flatten();
        cuts.filter(|cut| match cut.key {
            Some(key) => key == speaker.key && cut.by == *speaker,
            None if self.is_of_one_in_a_circle(cut) => cut.by == *speaker,
            None => cut.by.membership == speaker.membership,
        })
    }

    /// Whether a removal may cut somebody of this seniority whom it is about.
    fn reaches(&self, cut: &Cut, seniority: &Seniority) -> bool {
        let by = self.voices.get(&cut.by);
        let senior = by.is_some_and(|by| by.seniority < *seniority)
            || defence::is_off(Defence::SeniorsRemove);
        cut.decided || senior && self.may_end(&cut.by, cut.of)
    }

    /// Whether a member of a circle removes what the circle holds: that reaches their own keys.
    fn is_of_one_in_a_circle(&self, cut: &Cut) -> bool {
        let of = self.members.get(&cut.of);
        cut.by.membership == cut.of && of.is_some_and(|of| matches!(of.who, Who::Circle(_)))
    }

    /// Whether a key speaks by the membership of a removal, for the person who made it.
    fn is_of_same_person(&self, cut: &Cut, speaker: &Speaker) -> bool {
        cut.of == speaker.membership && self.whose(&cut.by) == self.whose(speaker)
    }

    fn outranks(&self, a: &Speaker, b: &Speaker) -> bool {
        match (self.voices.get(a), self.voices.get(b)) {
            (Some(a), Some(b)) => a.seniority < b.seniority,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// The membership itself and, where admissions are grants, the grants that it was handed on
    /// from: what an owner's device gave outlives that device.
    fn lineage(&self, id: MembershipId) -> impl Iterator<Item = MembershipId> + '_ {
        std::iter::successors(Some(id), move |id| {
            let above = self.members.get(id)?.admitted_by.filter(|_| self.grants)?;
            (self.members.get(&above)?.admitted_by).map(|_| above)
        })
    }

    /// Whether whoever this is may end this membership at all, or say what is kept of it: whoever speaks by a
    /// grant ends what was handed on from it, and nothing else.
    fn may_end(&self, author: &Speaker, id: MembershipId) -> bool {
        let granted = (self.members.get(&author.membership))
            .is_some_and(|member| self.grants && member.seniority.is_granted());
        !granted || self.lineage(id).any(|above| above == author.membership)
    }
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
    /// Only what members say of their own keys: what there is to count signatures of a board on. These
    /// signatures another member has seen: their authors alone do not take them back.
    OwnKeys(FixedBitSet),
    /// What the board has decided, and what members say of their own keys.
    Board(Decided),
}

pub(super) struct Judge<'a, D> {
    history: &'a History,
    base: &'a Base,
    directory: &'a D,
    mode: Mode,
    outcome: Outcome,
    /// Who is still to be judged.
    queue: BTreeSet<(Seniority, Speaker)>,
    /// Acts that a board has not decided: nothing follows from them, but their authors signed them.
    signed: FixedBitSet,
    /// Checkpoints that stand.
    checkpoints: Vec<usize>,
    /// Extensions that stand, or that a board decided, by what they name.
    extensions: BTreeMap<StatementId, Vec<usize>>,
    reach: Reach<'a>,
    /// What each removal leaves, of all authors: many keys may be cut by one.
    left: BTreeMap<usize, FixedBitSet>,
    /// How far each removal that has doubts trusts.
    trusted: BTreeMap<usize, FixedBitSet>,
    /// The most senior key there can be: whose removals nobody voids.
    top: Option<Seniority>,
}

impl<'a, D: Directory> Judge<'a, D> {
    pub(super) fn new(history: &'a History, base: &'a Base, directory: &'a D, mode: Mode) -> Self {
        let empty = || FixedBitSet::with_capacity(history.len());
        let outcome = Outcome {
            stands: empty(),
            past_a_cut: empty(),
            past_for_good: empty(),
            members: BTreeMap::new(),
            removed: BTreeSet::new(),
            removed_keys: BTreeSet::new(),
            grants: base.grants,
            keys: BTreeMap::new(),
            voices: BTreeMap::new(),
            cuts: BTreeMap::new(),
            left: BTreeMap::new(),
            logs: BTreeMap::new(),
        };
        let mut judge = Self {
            history,
            base,
            directory,
            mode,
            outcome,
            queue: BTreeSet::new(),
            signed: empty(),
            checkpoints: Vec::new(),
            extensions: BTreeMap::new(),
            reach: Reach::of(history),
            left: BTreeMap::new(),
            trusted: BTreeMap::new(),
            top: None,
        };
        judge.begin();
        judge
    }

    fn begin(&mut self) {
        if let Mode::Board(decided) = &self.mode {
            // What a board decided reaches whoever is judged before its author, too.
            let decided: Vec<usize> = decided.iter().collect();
            for place in decided {
                match &self.history.get(place).act {
                    Act::Remove(removal) => self.take(place, removal, true),
                    Act::Extend { of, .. } => self.extend(place, of),
                    Act::Admit(_)
                    | Act::Checkpoint(_)
                    | Act::Approve(_)
                    | Act::Say
                    | Act::Content => {}
                }
            }
        }
        for founder in &self.base.founders {
            if founder.removed {
                self.outcome.removed.insert(founder.membership);
            }
            let removed = founder.removed_keys.iter().map(|key| Speaker {
                membership: founder.membership,
                key: *key,
            });
            self.outcome.removed_keys.extend(removed);
            self.admit(
                founder.membership,
                Member {
                    who: founder.who,
                    role: founder.role,
                    seniority: founder.seniority.clone(),
                    admitted_by: None,
                    standing: Standing::Speaks,
                },
            );
        }
        if matches!(self.mode, Mode::Seniors) {
            self.top = self.base.founders.iter().map(|of| self.first_key(of)).min();
        }
    }

    /// Where the most senior key of a founder stands; if none is known, all will come after this.
    fn first_key(&self, founder: &Founder) -> Seniority {
        let keys = self.outcome.keys.get(&founder.who);
        let keys = (keys.into_iter().flat_map(BTreeMap::values)).map(|of| &of.seniority);
        let first = keys.min().map(|first| founder.seniority.key(first));
        first.unwrap_or_else(|| founder.seniority.clone())
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
        let cuts: Vec<usize> = self
            .outcome
            .cuts
            .values()
            .flatten()
            .map(|cut| cut.place)
            .collect();
        for place in cuts {
            self.leaves(place);
        }
        (self.outcome, self.signed)
    }

    fn admit(&mut self, id: MembershipId, member: Member) {
        let who = member.who;
        if !matches!(who, Who::Key(_)) {
            self.keys_of(who);
        }
        self.outcome.members.insert(id, member);
        for speaker in self.history.speakers(&id) {
            if let Some(voice) = self.outcome.key(&speaker) {
                self.queue.insert((voice.seniority.clone(), speaker));
                self.outcome.voices.insert(speaker, voice);
            }
        }
    }

    /// Notes a removal that stands.
    fn take(&mut self, place: usize, removal: &Removal, decided: bool) {
        let cut = Cut {
            place,
            of: removal.membership,
            key: removal.key,
            by: self.history.get(place).author,
            decided,
        };
        (self.outcome.cuts.entry(removal.membership).or_default()).push(cut);
    }

    fn extend(&mut self, place: usize, of: &[StatementId]) {
        for removal in of {
            self.extensions.entry(*removal).or_default().push(place);
        }
    }

    fn judge(&mut self, seniority: &Seniority, speaker: &Speaker) {
        let history = self.history;
        let mut kept = self.cut(speaker);
        // What was decided stays so, whatever became of who proposed or approved it.
        kept.extend((history.by(speaker).iter().copied()).filter(|place| self.is_firm(*place)));
        let past: FixedBitSet = (history.by(speaker).iter().copied())
            .filter(|place| !kept.contains(*place))
            .collect();
        self.outcome.past_a_cut.union_with(&past);
        self.outcome.past_for_good.difference_with(&kept);
        let voided = self.forked(&kept, speaker);
        let Some(member) = self.outcome.members.get(&speaker.membership) else {
            return;
        };
        let (role, of_shadow) = (member.role, member.standing == Standing::Shadow);
        let from = member.seniority.clone();
        let trusted = self.trusted(speaker);
        for place in kept.ones() {
            let node = history.get(place);
            let firm = self.is_firm(place);
            let in_doubt = trusted.as_ref().is_some_and(|all| !all.contains(place));
            let content = matches!(node.act, Act::Content);
            if in_doubt && !content && !firm {
                continue;
            }
            let void = (of_shadow || voided.contains(place)) && !firm;
            if !self.decided(place) && !self.counts_alone(place) {
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
                Act::Remove(removal) if Self::may_remove(role, speaker, removal) => {
                    // A fork gives nothing, but it takes: who can fork a log can sign removals.
                    self.outcome.stands.insert(place);
                    if !self.decided(place) {
                        self.take(place, removal, false);
                    }
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
                        self.admit(MembershipId::from_bytes(*node.id.as_bytes()), member);
                    }
                }
                Act::Extend { of, .. } if !void && role == Role::Admin => {
                    self.outcome.stands.insert(place);
                    if !self.decided(place) {
                        self.extend(place, of);
                    }
                }
                Act::Checkpoint(_) if !void && role == Role::Admin => {
                    self.outcome.stands.insert(place);
                    self.checkpoints.push(place);
                }
                Act::Say if !void && role == Role::Admin => self.outcome.stands.insert(place),
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
            Mode::Seniors | Mode::OwnKeys(_) => false,
            Mode::Board(decided) => decided.contains(place),
        }
    }

    /// Whether nobody but the board takes back what was signed at `place`.
    fn is_firm(&self, place: usize) -> bool {
        match &self.mode {
            Mode::Seniors => false,
            Mode::OwnKeys(seen) => seen.contains(place),
            Mode::Board(decided) => decided.is_signature(place),
        }
    }

    /// Whether the act at `place` counts by its author's signature alone.
    fn counts_alone(&self, place: usize) -> bool {
        match &self.mode {
            Mode::Seniors => true,
            Mode::OwnKeys(_) | Mode::Board(_) => !board::needs_quorum(self.history, place),
        }
    }

    /// Finds out what removal `place` leaves: what it keeps, what a checkpoint holds that it cites
    /// and that is of somebody senior to its author, and what extensions allow: each by who could end
    /// what it is about. Those of a board are held by no checkpoint. All who can hold or extend it were judged before whomever it reaches.
    fn leaves(&mut self, place: usize) {
        if self.left.contains_key(&place) {
            return;
        }
        let history = self.history;
        let removal = history.get(place);
        let decided = self.decided(place);
        let of = removal.act.removed();
        let may = |author: &Speaker| of.is_some_and(|of| self.outcome.may_end(author, of));
        let holds = |other: &usize| {
            let author = &history.get(*other).author;
            let senior = self.outcome.outranks(author, &removal.author);
            history.cites(place, *other) && senior && may(author)
        };
        let allows = |other: &usize| {
            let author = &history.get(*other).author;
            decided || !self.outcome.outranks(&removal.author, author) && may(author)
        };
        let checkpoints = (self.checkpoints.iter()).filter(|other| !decided && holds(other));
        let extensions = self.extensions.get(&removal.id).into_iter().flatten();
        let said: Vec<usize> = (checkpoints.chain(extensions.filter(|other| allows(other))))
            .copied()
            .chain([place])
            .collect();
        let mut left = FixedBitSet::with_capacity(history.len());
        let mut of_logs = FixedBitSet::with_capacity(history.len());
        for other in said {
            left.union_with(self.reach.get(other));
            let upto = history.get(other).act.upto();
            if let Some(upto) = upto.filter(|upto| !upto.logs.is_empty()) {
                of_logs.insert(other);
                (self.outcome.logs.entry(other)).or_insert_with(|| upto.logs.clone());
            }
        }
        self.left.insert(place, left);
        self.outcome.left.insert(place, of_logs);
    }

    /// Whether the key that consented, if one has to, is one of whom is admitted.
    fn consented(&mut self, admission: &Admission) -> bool {
        match (admission.by, admission.who) {
            (None, _) => true,
            (Some(by), Who::Key(key)) => key == by,
            (Some(by), who @ (Who::Person(_) | Who::Circle(_) | Who::Service(_))) => {
                self.keys_of(who).contains_key(&by)
            }
        }
    }

    /// The keys of a principal, looked up once.
    fn keys_of(&mut self, who: Who) -> &BTreeMap<[u8; 32], PrincipalKey> {
        let keys = || self.directory.keys(&who).into_iter().map(|of| (of.key, of));
        (self.outcome.keys.entry(who)).or_insert_with(|| keys().collect())
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
    fn may_remove(role: Role, author: &Speaker, removal: &Removal) -> bool {
        removal.membership == author.membership || role == Role::Admin
    }

    /// What the standing removals leave of what `speaker` said.
    fn cut(&mut self, speaker: &Speaker) -> FixedBitSet {
        let all: FixedBitSet = self.history.by(speaker).iter().copied().collect();
        let mut kept = all.clone();
        let Some(voice) = self.outcome.voices.get(speaker) else {
            return kept;
        };
        let removals = self.outcome.removals_of(speaker, &voice.seniority);
        if voice.removed && removals.is_empty() && !self.has_left(speaker) {
            kept.clear();
        }
        for place in &removals {
            self.leaves(*place);
            let left = &self.left[place];
            kept.intersect_with(left);
            if self.is_final(*place) {
                let gone = all.difference(left);
                self.outcome.past_for_good.extend(gone);
            }
        }
        if let Some(voice) = self.outcome.voices.get_mut(speaker) {
            voice.removals = removals;
        }
        self.leave(&mut kept, speaker);
        kept
    }

    /// Whether this key left the owner of a slice, and one of the same member has left here, too.
    fn has_left(&self, speaker: &Speaker) -> bool {
        let history = self.history;
        let mut founders = self.base.founders.iter();
        founders.any(|founder| {
            founder.membership == speaker.membership
                && founder.left_keys.contains(&speaker.key)
                && (history.speakers(&founder.membership))
                    .filter(|by| founder.left_keys.contains(&by.key))
                    .flat_map(|by| history.by(&by))
                    .filter_map(|place| removal(history, *place))
                    .any(|of| of.membership == founder.membership && of.key.is_none())
        })
    }

    /// Whether nobody can void the removal at `place`: nobody comes before its author. On a board
    /// others can always decide, before anything else, what voids it.
    fn is_final(&self, place: usize) -> bool {
        let by = self.outcome.voices.get(&self.history.get(place).author);
        by.is_some_and(|by| Some(&by.seniority) == self.top.as_ref())
    }

    /// Who leaves says nothing after: what is not behind the first leaving is void. Of several that have not seen each
    /// other each stands: else one more would bring back who has left.
    fn leave(&self, kept: &mut FixedBitSet, speaker: &Speaker) {
        let leaves: FixedBitSet = kept
            .ones()
            .filter(|place| {
                removal(self.history, *place).is_some_and(|removal| {
                    removal.membership == speaker.membership
                        && removal.key.is_none_or(|key| key == speaker.key)
                })
            })
            .collect();
        let first: FixedBitSet = leaves
            .ones()
            .filter(|place| self.history.past(*place).is_disjoint(&leaves))
            .collect();
        for place in first.ones() {
            let mut before = self.history.past(place).clone();
            before.union_with(&first);
            kept.intersect_with(&before);
        }
    }

    /// What of `speaker`'s is still trusted in what it says of others; `None`: all that is kept.
    fn trusted(&mut self, speaker: &Speaker) -> Option<FixedBitSet> {
        let history = self.history;
        let mut all: Option<FixedBitSet> = None;
        for place in &self.outcome.voices.get(speaker)?.removals {
            let Some(tips) = removal(history, *place).and_then(|of| of.trusted.as_ref()) else {
                continue;
            };
            let some = (self.trusted.entry(*place)).or_insert_with(|| history.reach(tips));
            match &mut all {
                Some(all) => all.intersect_with(some),
                None => all = Some(some.clone()),
            }
        }
        all
    }

    /// The branches of what is kept that do not stand: all at a fork, but the one that a senior
    /// cited first without another.
    fn forked(&self, kept: &FixedBitSet, speaker: &Speaker) -> FixedBitSet {
        let history = self.history;
        let mut voided = FixedBitSet::with_capacity(history.len());
        let mut places = BTreeMap::<_, FixedBitSet>::new();
        for place in kept.ones() {
            let here = places.entry(history.get(place).after).or_default();
            here.grow_and_insert(place);
        }
        for mut lost in places.into_values().filter(|here| here.count_ones(..) > 1) {
            // Whoever has anything of a branch behind it has its first statement.
            let picked = (self.outcome.stands.ones())
                .filter_map(|place| {
                    let node = history.get(place);
                    let mut behind = history.past(place).intersection(&lost);
                    let branch = behind.next().filter(|_| behind.next().is_none())?;
                    let seniority = &self.outcome.voices.get(&node.author)?.seniority;
                    let may = self.outcome.may_end(&node.author, speaker.membership);
                    (may && self.outcome.outranks(&node.author, speaker)).then_some((
                        seniority,
                        history.seq(place),
                        node.id.as_bytes(),
                        branch,
                    ))
                })
                .min();
            if let Some((.., branch)) = picked {
                lost.remove(branch);
            }
            let log = lost.ones().next().map(|place| history.log(place));
            voided.extend((history.by(speaker).iter().copied()).filter(|place| {
                Some(history.log(*place)) == log
                    && (lost.contains(*place) || !history.past(*place).is_disjoint(&lost))
            }));
        }
        voided
    }

    /// Sees who no longer speaks, once all that stands is known.
    fn mark_removed(&mut self) {
        let outcome = &self.outcome;
        let removed: Vec<MembershipId> = (outcome.members.iter())
            .filter(|(id, member)| {
                (outcome.lineage(**id))
                    .filter_map(|above| outcome.cuts.get(&above))
                    .flatten()
                    .any(|cut| Self::ends(outcome, cut, **id, member))
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

    /// Whether a standing removal ends the membership `id`.
    fn ends(outcome: &Outcome, cut: &Cut, id: MembershipId, member: &Member) -> bool {
        let all_of_it = match member.who {
            Who::Key(key) => cut.key.is_none_or(|of| of == key),
            Who::Person(_) | Who::Circle(_) | Who::Service(_) => cut.key.is_none(),
        };
        let leaves = cut.by.membership == id && cut.of == id;
        let reaches = || leaves || outcome.reaches(cut, &member.seniority);
        all_of_it && !outcome.is_of_one_in_a_circle(cut) && reaches()
    }
}

/// What statements mean by their `Upto`, of all authors. Each is looked up once.
pub(super) struct Reach<'a> {
    history: &'a History,
    known: BTreeMap<usize, FixedBitSet>,
}

impl<'a> Reach<'a> {
    pub(super) const fn of(history: &'a History) -> Self {
        let known = BTreeMap::new();
        Self { history, known }
    }

    pub(super) fn get(&mut self, place: usize) -> &FixedBitSet {
        let history = self.history;
        self.known.entry(place).or_insert_with(|| {
            let upto = history.get(place).act.upto();
            history.reach(upto.map_or(&[][..], |upto| &upto.statements))
        })
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
