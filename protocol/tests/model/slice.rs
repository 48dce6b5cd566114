//! What stands inside a slice: cuts, checkpoints, extensions, doubt, grants (design 4.4 to 4.7).

use crate::evaluate::{Charter, Law, Outcome, Rules, evaluate};
use crate::moves::{Place, cuts, dishonest, honest};
use crate::search::{Check, World, first_broken, same_answer};
use crate::statement::{Actor, History, Kind, Set, each};

const LAPTOP: Actor = Actor(1);
const PHONE: Actor = Actor(2);
const FRIEND: Actor = Actor(3);
const WRITER: Actor = Actor(5);

/// A slice of a person with two devices, and a writer who may hand on the grant.
pub(crate) struct Slice {
    rules: Rules,
    thief: Actor,
    /// The one invariant to look at; all if `None`.
    only: Option<&'static str>,
}

impl Slice {
    pub(crate) const fn new(
        thief: Actor,
        without: Option<Law>,
        only: Option<&'static str>,
    ) -> Self {
        let rules = Rules {
            charter: Charter::Rank,
            founders: &[(LAPTOP, 1), (PHONE, 2), (WRITER, 10)],
            without,
        };
        Self { rules, thief, only }
    }
}

/// The most that `past` shows of the logs of the slice, along one branch each.
fn all_seen(history: &History, past: Set) -> Set {
    [WRITER, FRIEND]
        .into_iter()
        .filter_map(|who| cuts(history, who, past).max_by_key(|keep| keep.count_ones()))
        .fold(0, |all, seen| all | seen)
}

fn revocations(history: &History, past: Set) -> Set {
    history.pick(
        past,
        |s| matches!(s.kind, Kind::Remove { who, .. } if who == WRITER),
    )
}

impl Slice {
    fn honest_owner(history: &History, author: Actor, add: &mut impl FnMut(Actor, &Place, Kind)) {
        for at in honest(history, author) {
            let seen = all_seen(history, at.past);
            if seen != 0 && author != Actor::ROOT {
                add(
                    author,
                    &at,
                    Kind::Checkpoint {
                        covers: seen,
                        early: false,
                    },
                );
            }
            for keep in cuts(history, WRITER, at.past) {
                add(
                    author,
                    &at,
                    Kind::Remove {
                        who: WRITER,
                        keep,
                        trusted: keep,
                    },
                );
            }
            let named = revocations(history, at.past);
            for of in each(named)
                .map(|place| 1 << place)
                .chain((named.count_ones() > 1).then_some(named))
            {
                for upto in cuts(history, WRITER, at.past).filter(|&upto| upto != 0) {
                    add(author, &at, Kind::Extend { of, upto });
                }
            }
        }
    }

    fn owner_removes(
        &self,
        history: &History,
        author: Actor,
        add: &mut impl FnMut(Actor, &Place, Kind),
    ) {
        if self.thief == WRITER || author == self.thief {
            return;
        }
        for at in honest(history, author) {
            for keep in cuts(history, self.thief, at.past) {
                for trusted in
                    cuts(history, self.thief, keep).filter(|trusted| trusted & keep == *trusted)
                {
                    add(
                        author,
                        &at,
                        Kind::Remove {
                            who: self.thief,
                            keep,
                            trusted,
                        },
                    );
                }
            }
        }
    }

    fn stolen_device(&self, history: &History, add: &mut impl FnMut(Actor, &Place, Kind)) {
        for at in dishonest(history, self.thief) {
            let seen = all_seen(history, at.past);
            if seen != 0 {
                for early in [false, true] {
                    add(
                        self.thief,
                        &at,
                        Kind::Checkpoint {
                            covers: seen,
                            early,
                        },
                    );
                }
            }
            add(
                self.thief,
                &at,
                Kind::Remove {
                    who: WRITER,
                    keep: 0,
                    trusted: 0,
                },
            );
            let of = revocations(history, at.past);
            if of != 0 && seen != 0 {
                add(self.thief, &at, Kind::Extend { of, upto: seen });
            }
        }
    }
}

impl World for Slice {
    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn names(&self) -> &'static [&'static str] {
        &["root", "laptop", "phone", "friend", "", "writer"]
    }

    fn moves(&self, history: &History, _left: usize, out: &mut Vec<History>) {
        let mut add = |author, at: &Place, kind| {
            out.extend(history.with(author, at.log, at.previous, at.past, kind));
        };
        for author in [Actor::ROOT, LAPTOP, PHONE] {
            if author != self.thief {
                Self::honest_owner(history, author, &mut add);
            }
        }
        self.owner_removes(history, Actor::ROOT, &mut add);
        if self.thief == PHONE {
            self.owner_removes(history, LAPTOP, &mut add);
        }
        if self.thief != WRITER {
            self.stolen_device(history, &mut add);
            if let Some(at) = honest(history, WRITER).first() {
                add(WRITER, at, Kind::Entry);
            }
            return;
        }
        for at in dishonest(history, WRITER).iter().step_by(2) {
            add(WRITER, at, Kind::Entry);
            if !history.knows(FRIEND) {
                add(
                    WRITER,
                    at,
                    Kind::Admit {
                        who: FRIEND,
                        rank: 11,
                    },
                );
            }
        }
        if history.knows(FRIEND)
            && let Some(at) = honest(history, FRIEND).first()
        {
            add(FRIEND, at, Kind::Entry);
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
            ("past_a_cut_stands_only_what_is_held_or_extended", |v| {
                v.past_a_cut()
            }),
            ("what_every_cut_keeps_stands", |v| v.kept_stands()),
            (
                "a_revocation_cuts_not_below_a_seniors_checkpoint_that_it_cites",
                |v| v.cited_checkpoints_hold(),
            ),
            ("a_checkpoint_that_is_not_cited_gives_no_finality", |v| {
                v.later_checkpoints_give_nothing()
            }),
            (
                "an_extension_only_raises_what_it_names_from_not_below",
                |v| v.extensions_raise(),
            ),
            ("a_revocation_only_takes", |v| v.revocations_take()),
            ("after_the_doubt_only_entries_stand", |v| {
                v.nothing_after_doubt()
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
    /// Removals of `actor` that count: place, what they keep.
    fn removals(&self, actor: Actor) -> impl Iterator<Item = (usize, Set, Set)> {
        self.history
            .iter(self.outcome.stands)
            .filter_map(move |(place, s)| match s.kind {
                Kind::Remove { who, keep, trusted }
                    if who == actor && self.outcome.outranks(s.author, who) =>
                {
                    Some((place, keep, trusted))
                }
                _ => None,
            })
    }

    /// Checkpoints that may hold against removal `place`, by what they cover.
    fn held(&self, place: usize) -> impl Iterator<Item = Set> {
        let removal = *self.history.get(place);
        self.history
            .iter(removal.past)
            .filter_map(move |(checkpoint, s)| match s.kind {
                Kind::Checkpoint { covers, .. }
                    if self.outcome.outranks(s.author, removal.author)
                        && self.counts(checkpoint) =>
                {
                    Some(covers)
                }
                _ => None,
            })
    }

    /// Not past a cut, and not in doubt; nothing of an owner's device forks unnoticed here.
    fn counts(&self, place: usize) -> bool {
        let author = self.history.get(place).author;
        self.outcome.stands_at(place)
            && self
                .removals(author)
                .all(|(_, keep, trusted)| (keep & trusted) >> place & 1 == 1)
    }

    fn entries(&self, set: Set) -> Set {
        set & self.history.by(WRITER)
    }

    fn before(&self, sink: usize) -> Set {
        evaluate(self.history, self.history.all() & !(1 << sink), self.rules).stands
    }

    /// Whether a checkpoint or an extension that counts keeps `entry` from removal `place`.
    fn raised(&self, place: usize, entry: usize) -> bool {
        let issuer = self.history.get(place).author;
        self.held(place).any(|covers| covers >> entry & 1 == 1)
            || self.history.iter(self.outcome.stands).any(|(extension, s)| {
                matches!(s.kind, Kind::Extend { of, upto } if of >> place & 1 == 1 && upto >> entry & 1 == 1)
                    && self.counts(extension)
                    && !self.outcome.outranks(issuer, s.author)
            })
    }

    fn past_a_cut(&self) -> bool {
        each(self.entries(self.outcome.stands)).all(|entry| {
            self.removals(WRITER)
                .all(|(place, keep, _)| keep >> entry & 1 == 1 || self.raised(place, entry))
        })
    }

    fn unforked(&self, set: Set) -> bool {
        each(set).all(|place| self.history.siblings(place) == 0)
    }

    fn kept_stands(&self) -> bool {
        let kept = self
            .removals(WRITER)
            .fold(self.history.by(WRITER), |kept, (_, keep, _)| kept & keep);
        !self.unforked(kept) || kept & !self.outcome.stands & !self.doubted(WRITER) == 0
    }

    fn doubted(&self, actor: Actor) -> Set {
        let trusted = self
            .removals(actor)
            .fold(Set::MAX, |all, (_, _, trusted)| all & trusted);
        self.history
            .pick(!trusted & self.history.by(actor), |s| s.kind != Kind::Entry)
    }

    fn cited_checkpoints_hold(&self) -> bool {
        let all: Vec<_> = self.removals(WRITER).collect();
        all.iter().all(|&(place, _, _)| {
            let others = all.iter().filter(|(other, _, _)| *other != place);
            let kept = others.fold(self.history.by(WRITER), |kept, (_, keep, _)| kept & keep);
            self.held(place).all(|covers| {
                let safe = kept & covers;
                !self.unforked(safe) || safe & !self.outcome.stands & !self.doubted(WRITER) == 0
            })
        })
    }

    fn later_checkpoints_give_nothing(&self) -> bool {
        each(self.history.sinks()).all(|sink| {
            !matches!(self.history.get(sink).kind, Kind::Checkpoint { .. })
                // It may cite the branch of a fork, which then stands.
                || !self.unforked(self.history.all())
                || self.entries(self.before(sink)) == self.entries(self.outcome.stands)
        })
    }

    fn extensions_raise(&self) -> bool {
        each(self.history.sinks()).all(|sink| {
            let s = self.history.get(sink);
            let Kind::Extend { of, upto } = s.kind else {
                return true;
            };
            let before = self.entries(self.before(sink));
            let after = self.entries(self.outcome.stands);
            // Of a fork, what this cites or keeps may stand, and what it voids may have been an extension.
            let forks = !self.unforked(self.history.all());
            let named = |place: usize| of >> place & 1 == 1;
            forks
                || before & !after == 0
                    && each(after & !before).all(|entry| {
                        upto >> entry & 1 == 1
                            && self.removals(WRITER).all(|(place, keep, _)| {
                                keep >> entry & 1 == 1 || self.raised(place, entry)
                            })
                            && self
                                .removals(WRITER)
                                .any(|(place, keep, _)| keep >> entry & 1 == 0 && named(place))
                    })
        })
    }

    fn revocations_take(&self) -> bool {
        each(revocations(self.history, self.history.sinks())).all(|sink| {
            let after = self.entries(self.outcome.stands);
            // Of a fork, what this cites or keeps may stand.
            !self.unforked(self.history.all()) || after & !self.entries(self.before(sink)) == 0
        })
    }

    fn nothing_after_doubt(&self) -> bool {
        [LAPTOP, PHONE]
            .into_iter()
            .all(|device| self.doubted(device) & self.outcome.stands == 0)
    }
}
