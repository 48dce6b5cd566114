//! Who speaks for whom: design 4.2 and 4.3, for a person and for a circle.

use crate::evaluate::{Charter, Law, Outcome, Rules, evaluate};
use crate::moves::{Place, cuts, dishonest, honest};
use crate::search::{Check, World, first_broken, same_answer};
use crate::statement::{Actor, History, Kind, Set, Statement, each};

const A: Actor = Actor(1);
const B: Actor = Actor(2);
const X: Actor = Actor(3);
const Y: Actor = Actor(4);

/// A principal with two members from the beginning, and one (or two) that may be admitted.
pub(crate) struct Authority {
    rules: Rules,
    /// Who has been stolen from the beginning. Those that it admits are its accomplices.
    thief: Actor,
    /// Whom the story may admit.
    guests: &'static [Actor],
    /// The one invariant to look at; all if `None`.
    only: Option<&'static str>,
}

impl Authority {
    /// A person with two devices, one of them stolen, and the words on paper.
    pub(crate) const fn person(
        thief: Actor,
        guests: &'static [Actor],
        without: Option<Law>,
        only: Option<&'static str>,
    ) -> Self {
        Self {
            rules: rules(Charter::Rank, without),
            thief,
            guests,
            only,
        }
    }

    /// A circle of two admins, one of them dishonest.
    pub(crate) const fn circle(
        thief: Actor,
        guests: &'static [Actor],
        without: Option<Law>,
        only: Option<&'static str>,
    ) -> Self {
        Self {
            rules: rules(Charter::Admins, without),
            thief,
            guests,
            only,
        }
    }

    /// One to be admitted.
    pub(crate) const GUEST: &'static [Actor] = &[X];
    /// Two to be admitted.
    pub(crate) const GUESTS: &'static [Actor] = &[X, Y];

    fn everybody(&self) -> impl Iterator<Item = Actor> {
        [A, B].into_iter().chain(self.guests.iter().copied())
    }

    /// Whom somebody can admit: the next guest, since an admission is of somebody new.
    fn admissible(&self, history: &History) -> impl Iterator<Item = Actor> {
        let fresh = self
            .guests
            .iter()
            .copied()
            .find(|&guest| !history.knows(guest));
        let again = !self.rules.has(Law::AdmissionsAreNew);
        self.guests
            .iter()
            .copied()
            .filter(move |&guest| Some(guest) == fresh || again && history.knows(guest))
    }
}

const fn rules(charter: Charter, without: Option<Law>) -> Rules {
    Rules {
        charter,
        founders: &[(A, 10), (B, 20)],
        without,
    }
}

impl World for Authority {
    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn names(&self) -> &'static [&'static str] {
        match self.rules.charter {
            Charter::Rank => &["root", "laptop", "phone", "guest", "guest2"],
            Charter::Admins => &["nobody", "Ada", "Bo", "guest", "guest2"],
        }
    }

    fn moves(&self, history: &History, _left: usize, out: &mut Vec<History>) {
        let mut add = |author, at: &Place, kind| {
            out.extend(history.with(author, at.log, at.previous, at.past, kind));
        };
        if self.rules.charter == Charter::Rank {
            for at in honest(history, Actor::ROOT) {
                add(Actor::ROOT, &at, Kind::Entry);
                for who in self.everybody() {
                    for keep in cuts(history, who, at.past) {
                        add(Actor::ROOT, &at, Kind::remove(who, keep));
                    }
                }
            }
        }
        for author in self.everybody() {
            if !self.guests.contains(&author) && author != self.thief {
                for at in honest(history, author) {
                    for who in self.admissible(history) {
                        add(author, &at, Kind::Admit { who, rank: 30 });
                    }
                    for who in self.everybody().filter(|&who| who != author) {
                        let keep = cuts(history, who, at.past).max_by_key(|keep| keep.count_ones());
                        let keep = keep.unwrap_or(0);
                        add(author, &at, Kind::remove(who, keep));
                    }
                }
                continue;
            }
            if author != self.thief && !history.knows(author) {
                continue;
            }
            for at in dishonest(history, author) {
                for who in self.admissible(history).filter(|&who| who != author) {
                    // As senior as it may, and as the laptop, which it may not.
                    let ranks = [if author == A { 15 } else { 40 }, 10];
                    let chosen = match self.rules.charter {
                        Charter::Rank => &ranks[..],
                        Charter::Admins => &ranks[..1],
                    };
                    for &rank in chosen {
                        add(author, &at, Kind::Admit { who, rank });
                    }
                }
                for who in self.everybody().filter(|&who| who != author) {
                    add(
                        author,
                        &at,
                        Kind::Remove {
                            who,
                            keep: 0,
                            trusted: 0,
                        },
                    );
                }
            }
        }
    }

    fn broken(&self, history: &History) -> Option<&'static str> {
        let outcome = evaluate(history, history.all(), &self.rules);
        let view = View {
            history,
            outcome,
            rules: &self.rules,
        };
        let checks: [Check<View<'_>>; _] = [
            ("same_set_same_answer", |v| {
                same_answer(v.history, v.rules, &v.outcome)
            }),
            ("a_removed_member_changes_nothing_past_its_cut", |v| {
                v.nothing_past_a_cut()
            }),
            ("nobody_removes_a_senior", |v| v.nobody_removes_a_senior()),
            ("nobody_is_admitted_but_by_a_senior", |v| {
                v.admitted_by_a_senior()
            }),
            ("no_accomplice_outranks_whom_its_admitter_does_not", |v| {
                v.no_gain_by_an_accomplice()
            }),
            ("of_two_that_remove_each_other_the_earlier_stays", |v| {
                v.the_earlier_stays()
            }),
            (
                "a_fork_gives_nothing_unless_a_senior_cited_one_branch",
                |v| v.a_fork_gives_nothing(),
            ),
            ("nothing_but_a_seniors_cut_brings_back", |v| {
                v.nothing_brings_back()
            }),
            ("a_removal_keeps_what_was_rightly_signed_before", |v| {
                v.removal_keeps_the_past()
            }),
        ];
        first_broken(&checks, self.only, &view)
    }
}

struct View<'a> {
    history: &'a History,
    outcome: Outcome,
    rules: &'a Rules,
}

impl View<'_> {
    fn removals(&self) -> impl Iterator<Item = (usize, Actor, Actor, Set)> {
        self.history
            .iter(self.history.all())
            .filter_map(|(place, s)| match s.kind {
                Kind::Remove { who, keep, .. } => Some((place, s.author, who, keep)),
                _ => None,
            })
    }

    /// The removals that count: they stand, and are by somebody senior.
    fn effective(&self) -> impl Iterator<Item = (usize, Actor, Actor, Set)> {
        self.removals().filter(|&(place, author, who, _)| {
            self.outcome.stands_at(place) && self.speaks(who) && self.outcome.outranks(author, who)
        })
    }

    fn without(&self, set: Set) -> Outcome {
        evaluate(self.history, self.history.all() & !set, self.rules)
    }

    fn nothing_past_a_cut(&self) -> bool {
        self.effective().all(|(_, _, who, keep)| {
            each(self.history.by(who) & !keep).all(|place| {
                let silent = self.history.saying(place, Kind::Entry);
                let got = evaluate(&silent, silent.all(), self.rules);
                let branch = self.history.branch(place);
                let alone = self
                    .history
                    .iter(self.history.all() & !branch)
                    .all(|(_, s)| s.past & branch == 0);
                !self.outcome.stands_at(place)
                    && got.members() == self.outcome.members()
                    && got.stands == self.outcome.stands
                    && (!alone || self.without(branch).stands == self.outcome.stands & !branch)
            })
        })
    }

    fn nobody_removes_a_senior(&self) -> bool {
        (1..6)
            .map(Actor)
            .filter(|&actor| self.outcome.removed & actor.bit() != 0 && self.speaks(actor))
            .all(|actor| self.effective().any(|(_, _, who, _)| who == actor))
    }

    fn admitted_by_a_senior(&self) -> bool {
        (0..6)
            .map(Actor)
            .filter(|&actor| self.outcome.members() & actor.bit() != 0)
            .all(|actor| {
                actor == Actor::ROOT
                    || self
                        .rules
                        .founders
                        .iter()
                        .any(|(founder, _)| *founder == actor)
                    || self.history.iter(self.outcome.stands).any(|(_, s)| {
                        matches!(s.kind, Kind::Admit { who, .. } if who == actor)
                            && self.outcome.outranks(s.author, actor)
                    })
            })
    }

    /// Some standing admitter outranks all whom the admitted outranks.
    fn no_gain_by_an_accomplice(&self) -> bool {
        let everybody = || {
            (1..6)
                .map(Actor)
                .filter(|&actor| self.outcome.of(actor).is_some())
        };
        everybody().all(|actor| {
            let mut admitters = self
                .history
                .iter(self.outcome.stands)
                .filter_map(|(_, s)| match s.kind {
                    Kind::Admit { who, .. } if who == actor => Some(s.author),
                    _ => None,
                })
                .peekable();
            let founder = self
                .rules
                .founders
                .iter()
                .any(|(founder, _)| *founder == actor);
            founder
                || admitters.peek().is_none()
                || admitters.any(|admitter| {
                    everybody().all(|other| {
                        other == admitter
                            || !self.outcome.outranks(actor, other)
                            || self.outcome.outranks(admitter, other)
                    })
                })
        })
    }

    fn the_earlier_stays(&self) -> bool {
        let removed_by_others = |who: Actor, but: Actor| {
            self.removals()
                .any(|(_, author, target, _)| target == who && author != but)
        };
        self.removals().all(|(one, a, b, _)| {
            self.removals().all(|(other, c, d, _)| {
                let mutual = c == b && d == a && self.outcome.outranks(a, b);
                let apart = !removed_by_others(a, b)
                    && !removed_by_others(b, a)
                    && !self.forks(a)
                    && !self.forks(b);
                let speak = self.speaks(a) && self.speaks(b);
                !(mutual && apart && speak && one != other)
                    || self.outcome.removed & a.bit() == 0 && self.outcome.removed & b.bit() != 0
            })
        })
    }

    fn speaks(&self, actor: Actor) -> bool {
        self.outcome.of(actor).is_some()
    }

    fn forks(&self, actor: Actor) -> bool {
        each(self.history.by(actor)).any(|place| self.history.siblings(place) != 0)
    }

    fn a_fork_gives_nothing(&self) -> bool {
        let history = self.history;
        each(history.all())
            .filter(|&place| history.siblings(place) != 0)
            .all(|place| {
                let author = history.get(place).author;
                let siblings = history.siblings(place);
                let everything = history.branch(place)
                    | each(siblings).fold(0, |all, s| all | history.branch(s));
                let cited = history.iter(self.outcome.stands).any(|(_, s)| {
                    self.outcome.outranks(s.author, author) && s.past & everything != 0
                });
                let gives = |s: Set| {
                    history.pick(s & self.outcome.stands, |s| {
                        !matches!(s.kind, Kind::Remove { .. })
                    })
                };
                let standing = (siblings | 1 << place) & self.outcome.stands;
                let one = gives(standing).count_ones() <= 1;
                one && (cited || gives(everything) == 0)
            })
    }

    /// Whatever is said last, nobody who was removed is back, unless it cuts who had removed them,
    /// or somebody by whose admission that one spoke.
    fn nothing_brings_back(&self) -> bool {
        each(self.history.sinks()).all(|sink| {
            let before = self.without(1 << sink);
            let back = before.removed & self.outcome.members();
            let cut = match self.history.get(sink).kind {
                Kind::Remove { who, .. } => self.removals().any(|(_, author, target, _)| {
                    back & target.bit() != 0 && self.line(author) & who.bit() != 0
                }),
                _ => false,
            };
            back == 0 || cut
        })
    }

    /// `actor` and all by whose admissions it may speak.
    fn line(&self, actor: Actor) -> u8 {
        (0..Actor::COUNT).fold(actor.bit(), |line, _| {
            let admitted = |s: &Statement| s.admits().is_some_and(|who| line & who.bit() != 0);
            let admitters = self
                .history
                .iter(self.history.all())
                .filter(|(_, s)| admitted(s));
            admitters.fold(line, |line, (_, s)| line | s.author.bit())
        })
    }

    /// A removal ends its target and what it does not keep: what it keeps stands as before, and
    /// where the root names a branch of a fork, that branch stands.
    fn removal_keeps_the_past(&self) -> bool {
        self.effective().all(|(place, author, who, keep)| {
            let alone = self
                .removals()
                .filter(|&(_, _, target, _)| target == who)
                .count()
                == 1;
            let sink = self.history.sinks() >> place & 1 == 1;
            let before = if sink {
                self.without(1 << place).stands & self.history.by(who)
            } else {
                0
            };
            before & keep & !self.outcome.stands & self.kept_by_others(place, who) == 0
                && !(alone
                    && self.outcome.shadows & who.bit() == 0
                    && author == Actor::ROOT
                    && keep & !self.outcome.stands != 0)
        })
    }

    fn kept_by_others(&self, place: usize, who: Actor) -> Set {
        self.effective()
            .filter(|&(other, _, target, _)| other != place && target == who)
            .fold(Set::MAX, |kept, (_, _, _, keep)| kept & keep)
    }
}
