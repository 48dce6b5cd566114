//! Which key is sealed under, and what is owed after a removal: design 4.8 and 5.
//!
//! Three levels, each boxed to the one before: a person's *ring* key to the person's devices, the
//! *circle*'s ring key to that and to another person, the *content* key under the circle's. `None`
//! is the key of the beginning. A ring key stands for the sealing key that goes with it.

use std::collections::BTreeMap;

use maille_protocol::generation::choice::{Choice, Generation, Owed, sealed_under};

use crate::evaluate::{Charter, Law, Outcome, Rules, evaluate};
use crate::moves::{Place, cuts, dishonest, honest};
use crate::search::{Check, World, first_broken, hashes, same_answer};
use crate::statement::{Actor, History, Kind, Set, each, small};

const LAPTOP: Actor = Actor(1);
const PHONE: Actor = Actor(2);
const TABLET: Actor = Actor(3);
/// A device of the other person in the circle.
const FRIEND: Actor = Actor(4);
/// The devices of the person.
const DEVICES: u8 = LAPTOP.bit() | PHONE.bit() | TABLET.bit();

/// A key: of the beginning, or of the statement in this place.
type Key = Option<u8>;

/// The levels, from the devices up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Ring,
    Circle,
    Content,
}

impl Level {
    const ALL: [Self; 3] = [Self::Ring, Self::Circle, Self::Content];

    const fn of(kind: &Kind) -> Option<Self> {
        match kind {
            Kind::Ring { .. } => Some(Self::Ring),
            Kind::Circle { .. } => Some(Self::Circle),
            Kind::Content { .. } => Some(Self::Content),
            _ => None,
        }
    }
}

/// What somebody who holds `set` knows of the keys.
struct Keys<'a> {
    history: &'a History,
    set: Set,
    rules: &'a Rules,
    outcome: Outcome,
    /// The rotations that count: they stand, and a ring key goes to the members at what it cites.
    counted: Set,
}

impl<'a> Keys<'a> {
    fn at(history: &'a History, set: Set, rules: &'a Rules) -> Self {
        let outcome = evaluate(history, set, rules);
        let counted = history.pick(outcome.stands, |s| match s.kind {
            Kind::Ring { recipients } if rules.has(Law::RecipientsAreMembers) => {
                recipients == evaluate(history, s.past, rules).members() & DEVICES
            }
            kind => Level::of(&kind).is_some(),
        });
        Self {
            history,
            set,
            rules,
            outcome,
            counted,
        }
    }

    fn members(&self) -> u8 {
        self.outcome.members() & DEVICES
    }

    /// Whether somebody removed may have the key.
    fn tainted(&self, key: Key, level: Level) -> bool {
        let s = key.map(|place| self.history.get(usize::from(place)));
        let made = s.is_some_and(|s| {
            self.rules.has(Law::MakersTaint) && self.outcome.removed & s.author.bit() != 0
        });
        let below = match (level, s.map(|s| s.kind)) {
            (Level::Ring, Some(Kind::Ring { recipients })) => {
                recipients & self.outcome.removed != 0
            }
            (Level::Ring, _) => DEVICES & self.outcome.removed != 0,
            (Level::Circle, Some(Kind::Circle { ring })) => {
                self.rules.has(Law::TaintGoesUp) && self.tainted(ring, Level::Ring)
            }
            (Level::Circle, _) => self.tainted(None, Level::Ring),
            (Level::Content, Some(Kind::Content { circle })) => {
                self.rules.has(Law::TaintGoesUp) && self.tainted(circle, Level::Circle)
            }
            (Level::Content, _) => self.tainted(None, Level::Circle),
        };
        made || below
    }

    /// The keys of a level that may be sealed under: untainted, and not replaced by another such.
    fn fresh(&self, level: Level) -> Vec<Key> {
        let mut keys: Vec<Key> = self
            .history
            .iter(self.counted)
            .filter(|(_, s)| Level::of(&s.kind) == Some(level))
            .map(|(place, _)| Some(small(place)))
            .filter(|key| !self.tainted(*key, level))
            .collect();
        if keys.is_empty() && !self.tainted(None, level) {
            keys.push(None);
        }
        let replaced = |key: &Key| {
            key.is_some_and(|key| {
                keys.iter()
                    .flatten()
                    .any(|&k| self.history.get(usize::from(k)).past >> key & 1 == 1)
            })
        };
        keys.iter().filter(|key| !replaced(key)).copied().collect()
    }

    /// The one of them that everybody seals under.
    fn current(&self, level: Level) -> Option<Key> {
        let fresh = self.fresh(level).into_iter();
        if self.rules.has(Law::LowestHash) {
            fresh.min_by_key(|key| key.map(|place| self.history.get(usize::from(place)).hash))
        } else {
            fresh.min()
        }
    }

    /// What a removal still asks for: the lowest level without a key to seal under.
    fn owed(&self) -> Option<Level> {
        if self.rules.has(Law::OwedIsDerived) {
            return Level::ALL
                .into_iter()
                .find(|level| self.current(*level).is_none());
        }
        let removals = self.history.pick(self.outcome.stands, |s| {
            matches!(s.kind, Kind::Remove { .. })
        });
        Level::ALL.into_iter().find(|level| {
            self.history.iter(removals).any(|(removal, _)| {
                !self
                    .history
                    .iter(self.counted)
                    .any(|(_, s)| Level::of(&s.kind) == Some(*level) && s.past >> removal & 1 == 1)
            })
        })
    }

    /// The statement that carries out what is owed, if `author` can make it.
    fn rotation(&self, author: Actor) -> Option<Kind> {
        match self.owed()? {
            Level::Ring if author == FRIEND => None,
            Level::Ring => Some(Kind::Ring {
                recipients: self.members(),
            }),
            Level::Circle => Some(Kind::Circle {
                ring: self.current(Level::Ring)?,
            }),
            Level::Content => Some(Kind::Content {
                circle: self.current(Level::Circle)?,
            }),
        }
    }

    /// Whether any of `who` has the key, by what was boxed: nothing here asks whether it should.
    fn known(&self, key: Key, level: Level, who: u8) -> bool {
        let s = key.map(|place| self.history.get(usize::from(place)));
        s.is_some_and(|s| who & s.author.bit() != 0)
            || match (level, s.map(|s| s.kind)) {
                (Level::Ring, Some(Kind::Ring { recipients })) => recipients & who != 0,
                (Level::Ring, _) => DEVICES & who != 0,
                (Level::Circle, Some(Kind::Circle { ring })) => self.known(ring, Level::Ring, who),
                (Level::Circle, _) => self.known(None, Level::Ring, who),
                (Level::Content, Some(Kind::Content { circle })) => {
                    self.known(circle, Level::Circle, who)
                }
                (Level::Content, _) => self.known(None, Level::Circle, who),
            }
    }
}

/// A person with three devices, one of them stolen, in a circle with a friend.
pub(crate) struct Cascade {
    rules: Rules,
    /// The one invariant to look at; all if `None`.
    only: Option<&'static str>,
}

impl Cascade {
    pub(crate) const fn new(without: Option<Law>, only: Option<&'static str>) -> Self {
        let rules = Rules {
            charter: Charter::Rank,
            founders: &[(LAPTOP, 1), (PHONE, 2), (TABLET, 3), (FRIEND, 200)],
            without,
        };
        Self { rules, only }
    }

    fn honest(
        &self,
        history: &History,
        author: Actor,
        left: usize,
        add: &mut impl FnMut(Actor, &Place, Kind),
    ) {
        for at in honest(history, author) {
            if author == LAPTOP {
                for who in [PHONE, TABLET] {
                    let seen = cuts(history, who, at.past).max_by_key(|keep| keep.count_ones());
                    let keep = seen.unwrap_or(0);
                    add(author, &at, Kind::remove(who, keep));
                }
            }
            let keys = Keys::at(history, at.past, &self.rules);
            if keys.outcome.removed & author.bit() != 0 {
                continue;
            }
            if let Some(rotation) = keys.rotation(author) {
                add(author, &at, rotation);
            }
            // While something is owed, entries wait. What is sealed changes nothing that comes
            // after it, so it is enough to let it come last.
            if left == 1
                && author != TABLET
                && keys.owed().is_none()
                && let Some(content) = keys.current(Level::Content)
            {
                add(author, &at, Kind::Seal { content });
            }
        }
    }
}

impl World for Cascade {
    fn names(&self) -> &'static [&'static str] {
        &["root", "laptop", "phone", "tablet", "friend", ""]
    }

    fn rules(&self) -> &Rules {
        &self.rules
    }

    fn moves(&self, history: &History, left: usize, out: &mut Vec<History>) {
        let mut add = |author, at: &Place, kind| {
            out.extend(history.with(author, at.log, at.previous, at.past, kind));
        };
        for author in [LAPTOP, TABLET, FRIEND] {
            self.honest(history, author, left, &mut add);
        }
        let tip = each(history.by(PHONE)).last().map(small);
        for at in dishonest(history, PHONE) {
            // Forks are looked at elsewhere.
            if at.previous.is_some() && at.previous != tip {
                continue;
            }
            let members = Keys::at(history, at.past, &self.rules).members();
            for recipients in [members, members & !PHONE.bit(), DEVICES] {
                add(PHONE, &at, Kind::Ring { recipients });
            }
            let keys = |level| {
                history
                    .iter(at.past)
                    .filter(move |(_, s)| Level::of(&s.kind) == Some(level))
                    .map(|(place, _)| Some(small(place)))
                    .chain([None])
            };
            for ring in keys(Level::Ring) {
                add(PHONE, &at, Kind::Circle { ring });
            }
            for circle in keys(Level::Circle) {
                add(PHONE, &at, Kind::Content { circle });
            }
        }
    }

    fn broken(&self, history: &History) -> Option<&'static str> {
        let keys = Keys::at(history, history.all(), &self.rules);
        let checks: [Check<Keys<'_>>; _] = [
            ("same_set_same_answer", same),
            (
                "nobody_who_heard_seals_under_what_a_removed_member_has",
                nobody_seals_for_the_removed,
            ),
            (
                "no_removed_member_is_a_recipient_of_a_later_generation",
                no_removed_recipient,
            ),
            (
                "of_two_fresh_generations_the_lowest_hash_is_sealed_under",
                lowest_hash,
            ),
            (
                "what_is_owed_is_carried_out_by_anybody_who_heard",
                obligations_end,
            ),
            ("the_code_seals_under_the_same_key", the_code_agrees),
        ];
        first_broken(&checks, self.only, &keys)
    }
}

fn same(keys: &Keys<'_>) -> bool {
    let other = keys.history.reordered();
    let others = Keys::at(&other, other.all(), keys.rules);
    let hash = |history: &History, key: Option<Key>| {
        key.map(|key| key.map(|place| hashes(history, 1 << place)))
    };
    same_answer(keys.history, keys.rules, &keys.outcome)
        && Level::ALL.into_iter().all(|level| {
            hash(keys.history, keys.current(level)) == hash(&other, others.current(level))
        })
}

fn nobody_seals_for_the_removed(keys: &Keys<'_>) -> bool {
    keys.history.iter(keys.set).all(|(_, s)| {
        let Kind::Seal { content } = s.kind else {
            return true;
        };
        let heard = Keys::at(keys.history, s.past, keys.rules);
        !heard.known(content, Level::Content, heard.outcome.removed)
    })
}

fn no_removed_recipient(keys: &Keys<'_>) -> bool {
    keys.history.iter(keys.counted).all(|(_, s)| {
        let Kind::Ring { recipients } = s.kind else {
            return true;
        };
        let removed = evaluate(keys.history, s.past, keys.rules).removed;
        recipients & removed == 0
    })
}

fn lowest_hash(keys: &Keys<'_>) -> bool {
    Level::ALL.into_iter().all(|level| {
        let hash = |key: &Key| key.map(|place| keys.history.get(usize::from(place)).hash);
        keys.fresh(level).iter().map(hash).min() == keys.current(level).map(|key| hash(&key))
    })
}

/// Whoever heard can go on until nothing is owed, and then there is a key that no removed one has.
fn obligations_end(keys: &Keys<'_>) -> bool {
    if keys.outcome.removed == 0 {
        return keys.current(Level::Content).is_some();
    }
    [LAPTOP, TABLET]
        .into_iter()
        .filter(|device| keys.members() & device.bit() != 0)
        .all(|device| {
            let mut history = *keys.history;
            for _ in Level::ALL {
                let now = Keys::at(&history, history.all(), keys.rules);
                let next = [FRIEND, device]
                    .into_iter()
                    .find_map(|who| Some((who, now.rotation(who)?)));
                let Some((who, kind)) = next else {
                    break;
                };
                let log = history.by(who);
                let previous = (0..history.len())
                    .rfind(|place| log >> place & 1 == 1)
                    .map(small);
                let Some(longer) = history.with(who, 0, previous, history.all(), kind) else {
                    return false;
                };
                history = longer;
            }
            let end = Keys::at(&history, history.all(), keys.rules);
            end.owed().is_none()
                && end
                    .current(Level::Content)
                    .is_some_and(|content| !end.known(content, Level::Content, end.outcome.removed))
        })
}

/// What `generation::choice` is told: the keys of a level by hash, the one of the beginning as 0.
/// It replaces nothing, and everything later replaces it.
fn told(keys: &Keys<'_>, level: Level, below: Option<&Choice<u64>>) -> Choice<u64> {
    let id = |key: Key| key.map_or(0, |place| keys.history.get(usize::from(place)).hash);
    let exposed = |under: Key| below.is_none_or(|below| below.is_tainted(&id(under)));
    let beginning = Generation {
        parents: Vec::new(),
        counts: true,
        maker_removed: false,
        exposed: match level {
            Level::Ring => DEVICES & keys.outcome.removed != 0,
            Level::Circle | Level::Content => exposed(None),
        },
    };
    let of_level = |set| {
        let all = keys.history.iter(set);
        all.filter(move |(_, s)| Level::of(&s.kind) == Some(level))
    };
    let made = of_level(keys.set).map(|(place, s)| {
        let generation = Generation {
            parents: of_level(s.past).map(|(_, s)| s.hash).chain([0]).collect(),
            counts: keys.counted >> place & 1 == 1,
            maker_removed: keys.outcome.removed & s.author.bit() != 0,
            exposed: match s.kind {
                Kind::Ring { recipients } => recipients & keys.outcome.removed != 0,
                Kind::Circle { ring: under } | Kind::Content { circle: under } => exposed(under),
                _ => unreachable!("no key"),
            },
        };
        (s.hash, generation)
    });
    Choice::among(&made.chain([(0, beginning)]).collect::<BTreeMap<_, _>>())
}

/// What the nodes run gives what this model gives. Asked only with all rules in force.
fn the_code_agrees(keys: &Keys<'_>) -> bool {
    if keys.rules.without.is_some() {
        return true;
    }
    let ring = told(keys, Level::Ring, None);
    let circle = told(keys, Level::Circle, Some(&ring));
    let content = told(keys, Level::Content, Some(&circle));
    let choices = [ring, circle, content];
    let id = |key: Key| key.map_or(0, |place| keys.history.get(usize::from(place)).hash);
    let same = |(level, choice): (Level, &Choice<u64>)| {
        let mut fresh: Vec<_> = keys.fresh(level).into_iter().map(id).collect();
        fresh.sort_unstable();
        choice.fresh().iter().copied().eq(fresh) && choice.current() == keys.current(level).map(id)
    };
    let owed = keys.owed().map(|owed| Owed {
        level: Level::ALL
            .iter()
            .position(|level| *level == owed)
            .unwrap_or(3),
    });
    Level::ALL.into_iter().zip(&choices).all(same) && sealed_under(&choices).err() == owed
}
