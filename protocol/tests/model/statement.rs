//! What is signed, and a history of it. Signatures are left out: nobody signs for another here.

use std::fmt::Write as _;

/// Most statements of one history.
pub(crate) const STATEMENTS_MAX: usize = 10;

/// Who signs: a device, a writer, an admin, or the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Actor(pub(crate) u8);

impl Actor {
    /// The root key of a person.
    pub(crate) const ROOT: Self = Self(0);
    /// Most actors of one story.
    pub(crate) const COUNT: usize = 6;

    /// This actor alone, as a set of actors.
    pub(crate) const fn bit(self) -> u8 {
        1 << self.0
    }
}

/// A set of statements of one history, by their place in it.
pub(crate) type Set = u16;

/// The places in a set, lowest first.
pub(crate) fn each(mut set: Set) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let place = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (place < Set::BITS).then_some(place as usize)
    })
}

/// What a statement says. A grant to a writer is an admission to the slice, its revocation a
/// removal: the same rules, one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `who` speaks from now on, at `rank` (under [`Rule::Rank`](crate::evaluate::Rule)).
    Admit { who: Actor, rank: u8 },
    /// `who` speaks no more: of their statements only `keep` stays, and only `trusted` still
    /// speaks for others.
    Remove { who: Actor, keep: Set, trusted: Set },
    /// The removals `of` cut no more what is in `upto`.
    Extend { of: Set, upto: Set },
    /// `covers` was there. `early` is what its signer claims: a time before any doubt.
    Checkpoint { covers: Set, early: bool },
    /// A new key of the ring of the person, boxed to these actors.
    Ring { recipients: u8 },
    /// A new key of the circle's ring, boxed to a ring key of the person.
    Circle { ring: Option<u8> },
    /// A new content key, wrapped under a key of the circle's ring.
    Content { circle: Option<u8> },
    /// An entry, under a content key.
    Seal { content: Option<u8> },
    /// An entry, where keys are not looked at; by an owner, a statement that only cites.
    Entry,
}

impl Kind {
    /// A removal without a doubt: what it keeps, it trusts.
    pub(crate) const fn remove(who: Actor, keep: Set) -> Self {
        Self::Remove {
            who,
            keep,
            trusted: keep,
        }
    }
}

/// One signed statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) author: Actor,
    /// Which of the author's logs.
    pub(crate) log: u8,
    /// Which of this log, from 0.
    pub(crate) seq: u8,
    /// The statement before it in its log.
    pub(crate) previous: Option<u8>,
    /// All that is behind the heads that it cites.
    pub(crate) past: Set,
    pub(crate) kind: Kind,
    /// Hash of all of the above, of nothing else.
    pub(crate) hash: u64,
}

impl Statement {
    /// Whom it admits.
    pub(crate) const fn admits(&self) -> Option<Actor> {
        match self.kind {
            Kind::Admit { who, .. } => Some(who),
            _ => None,
        }
    }
}

/// A set of statements. Their places are the order in which somebody got them, which must not
/// matter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct History {
    statements: [Statement; STATEMENTS_MAX],
    len: usize,
}

impl History {
    pub(crate) const EMPTY: Self = Self {
        statements: [Statement {
            author: Actor::ROOT,
            log: 0,
            seq: 0,
            previous: None,
            past: 0,
            kind: Kind::Entry,
            hash: 0,
        }; STATEMENTS_MAX],
        len: 0,
    };

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// All of it.
    pub(crate) const fn all(&self) -> Set {
        (1 << self.len) - 1
    }

    pub(crate) fn get(&self, place: usize) -> &Statement {
        &self.statements[place]
    }

    pub(crate) fn iter(&self, set: Set) -> impl Iterator<Item = (usize, &Statement)> {
        each(set).map(|place| (place, &self.statements[place]))
    }

    /// What `author` signed.
    pub(crate) fn by(&self, author: Actor) -> Set {
        self.pick(self.all(), |statement| statement.author == author)
    }

    pub(crate) fn pick(&self, set: Set, wanted: impl Fn(&Statement) -> bool) -> Set {
        self.iter(set)
            .filter(|(_, statement)| wanted(statement))
            .fold(0, |picked, (place, _)| picked | 1 << place)
    }

    /// `set` and all that is behind it.
    pub(crate) fn closure(&self, set: Set) -> Set {
        self.iter(set)
            .fold(set, |closed, (_, statement)| closed | statement.past)
    }

    /// What nothing else cites.
    pub(crate) fn sinks(&self) -> Set {
        let cited = self
            .iter(self.all())
            .fold(0, |cited, (_, statement)| cited | statement.past);
        self.all() & !cited
    }

    /// `place` and what follows it in its log.
    pub(crate) fn branch(&self, place: usize) -> Set {
        let head = self.get(place);
        self.pick(self.all(), |s| {
            s.author == head.author && s.log == head.log && s.past >> place & 1 == 1
        }) | 1 << place
    }

    /// What else stands in the place of `place` in its log.
    pub(crate) fn siblings(&self, place: usize) -> Set {
        let s = *self.get(place);
        let same =
            |t: &Statement| t.author == s.author && t.log == s.log && t.previous == s.previous;
        self.pick(self.all(), same) & !(1 << place)
    }

    /// With one statement more, or `None` if it is there already. `previous` decides log and number.
    pub(crate) fn with(
        &self,
        author: Actor,
        log: u8,
        previous: Option<u8>,
        past: Set,
        kind: Kind,
    ) -> Option<Self> {
        let mut statement = Statement {
            author,
            log,
            seq: previous.map_or(0, |p| self.statements[usize::from(p)].seq + 1),
            previous,
            past,
            kind,
            hash: 0,
        };
        statement.hash = self.hash(&statement);
        let known = self.statements[..self.len]
            .iter()
            .any(|s| s.hash == statement.hash);
        let mut history = *self;
        history.statements[self.len] = statement;
        history.len += 1;
        (!known).then_some(history)
    }

    /// The same with what `place` says replaced; its hash stays.
    pub(crate) const fn saying(&self, place: usize, kind: Kind) -> Self {
        let mut history = *self;
        history.statements[place].kind = kind;
        history
    }

    /// The same set, received in another order: as late as can be what is here first.
    pub(crate) fn reordered(&self) -> Self {
        let mut order: Vec<usize> = Vec::with_capacity(self.len);
        let mut taken: Set = 0;
        while order.len() < self.len {
            let ready = |p: &usize| taken >> p & 1 == 0 && self.get(*p).past & !taken == 0;
            let next = (0..self.len).rev().find(ready).expect("a past is acyclic");
            taken |= 1 << next;
            order.push(next);
        }
        let place = |old: u8| {
            order
                .iter()
                .position(|&o| o == usize::from(old))
                .map_or(0, small)
        };
        let set = |old: Set| each(old).fold(0, |new, o| new | 1 << place(small(o)));
        let mut history = *self;
        for (new, &old) in order.iter().enumerate() {
            let mut s = self.statements[old];
            s.previous = s.previous.map(place);
            s.past = set(s.past);
            s.kind = match s.kind {
                Kind::Remove { who, keep, trusted } => Kind::Remove {
                    who,
                    keep: set(keep),
                    trusted: set(trusted),
                },
                Kind::Extend { of, upto } => Kind::Extend {
                    of: set(of),
                    upto: set(upto),
                },
                Kind::Checkpoint { covers, early } => Kind::Checkpoint {
                    covers: set(covers),
                    early,
                },
                Kind::Circle { ring } => Kind::Circle {
                    ring: ring.map(place),
                },
                Kind::Content { circle } => Kind::Content {
                    circle: circle.map(place),
                },
                Kind::Seal { content } => Kind::Seal {
                    content: content.map(place),
                },
                kind @ (Kind::Admit { .. } | Kind::Ring { .. } | Kind::Entry) => kind,
            };
            history.statements[new] = s;
        }
        history
    }

    /// Tells the history, one line a statement.
    pub(crate) fn story(&self, names: &[&str]) -> String {
        let name = |actor: Actor| names[usize::from(actor.0)];
        let mut story = String::new();
        for (place, s) in self.iter(self.all()) {
            let what = match s.kind {
                Kind::Admit { who, rank } => format!("admits {} at rank {rank}", name(who)),
                Kind::Remove { who, keep, trusted } => format!(
                    "removes {}, keeps {}{}",
                    name(who),
                    list(keep),
                    if trusted == keep {
                        String::new()
                    } else {
                        format!(", trusts {}", list(trusted))
                    }
                ),
                Kind::Extend { of, upto } => format!("extends {} up to {}", list(of), list(upto)),
                Kind::Checkpoint { covers, early } => format!(
                    "checkpoint of {}{}",
                    list(covers),
                    if early { ", claims to be early" } else { "" }
                ),
                Kind::Ring { recipients } => {
                    let to = (0..Actor::COUNT).filter(|a| recipients >> a & 1 == 1);
                    format!(
                        "new ring key for {}",
                        to.map(|a| names[a]).collect::<Vec<_>>().join(", ")
                    )
                }
                Kind::Circle { ring } => format!("new circle key boxed under ring {}", key(ring)),
                Kind::Content { circle } => {
                    format!("new content key under circle key {}", key(circle))
                }
                Kind::Entry => "writes".to_owned(),
                Kind::Seal { content } => format!("seals under content key {}", key(content)),
            };
            let after = s
                .previous
                .map_or_else(|| "first".to_owned(), |p| format!("after #{p}"));
            let _ = writeln!(
                story,
                "  #{place} {} (log {}, {after}; has seen {}) {what}",
                name(s.author),
                s.log,
                list(s.past)
            );
        }
        story
    }

    /// What an actor is called in what is hashed: their admission, or a place in the charter. So
    /// two histories that differ in names only are one.
    fn name(&self, actor: Actor) -> u64 {
        let admission = self.statements[..self.len]
            .iter()
            .find(|s| s.admits() == Some(actor));
        match admission {
            Some(admission) => admission.hash,
            None => actor.0.into(),
        }
    }

    /// Whether anybody ever admitted `actor`.
    pub(crate) fn knows(&self, actor: Actor) -> bool {
        self.statements[..self.len]
            .iter()
            .any(|s| s.admits() == Some(actor))
    }

    fn hash(&self, s: &Statement) -> u64 {
        let one = |p: u8| self.statements[usize::from(p)].hash;
        let maybe = |p: Option<u8>| p.map_or(1, one);
        let set = |set: Set| {
            self.iter(set)
                .fold(7, |sum: u64, (_, s)| sum.wrapping_add(mix(s.hash)))
        };
        let kind = match s.kind {
            Kind::Admit { who, rank } if self.knows(who) => [0, self.name(who), rank.into(), 0],
            Kind::Admit { rank, .. } => [1, rank.into(), 0, 0],
            Kind::Remove { who, keep, trusted } => [2, self.name(who), set(keep), set(trusted)],
            Kind::Extend { of, upto } => [3, set(of), set(upto), 0],
            Kind::Checkpoint { covers, early } => [4, set(covers), early.into(), 0],
            Kind::Ring { recipients } => [5, recipients.into(), 0, 0],
            Kind::Circle { ring } => [6, maybe(ring), 0, 0],
            Kind::Content { circle } => [7, maybe(circle), 0, 0],
            Kind::Seal { content } => [8, maybe(content), 0, 0],
            Kind::Entry => [9, 0, 0, 0],
        };
        let head = [
            self.name(s.author),
            s.log.into(),
            maybe(s.previous),
            set(s.past),
        ];
        head.iter()
            .chain(&kind)
            .fold(0, |hash, &word| mix(hash ^ word))
    }
}

/// A place as it is kept.
pub(crate) fn small(place: usize) -> u8 {
    u8::try_from(place).expect("a history is short")
}

fn list(set: Set) -> String {
    let places: Vec<_> = each(set).map(|place| format!("#{place}")).collect();
    if places.is_empty() {
        "nothing".to_owned()
    } else {
        places.join(" ")
    }
}

fn key(place: Option<u8>) -> String {
    place.map_or_else(|| "of the beginning".to_owned(), |p| format!("#{p}"))
}

/// splitmix64: enough to tell statements apart.
const fn mix(word: u64) -> u64 {
    let x = word.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
