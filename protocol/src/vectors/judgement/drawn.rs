//! Histories drawn at random, honest or not, as those of `tests/laws.rs`, but signed: so an author has the key of the
//! membership, where anything else is refused, and whoever is admitted consents.

use rand_chacha::ChaCha20Rng;
use rand_core::Rng as _;

use super::{
    Having, Key32, KeyNumber, Kind, MembershipId, PersonId, Role, Rule, SignedStatement,
    StatementId, Subject, Tale, Tips, Town, Upto, Voice, Who, public, sealing, stories,
};
use crate::testing::rng;

pub(super) struct Draw(pub(super) ChaCha20Rng);

impl Draw {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.0.next_u64() % bound.max(1) as u64).expect("below a usize")
    }

    pub(super) fn one<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Each with these odds, in rising order.
    pub(super) fn some(&mut self, from: &[StatementId], odds: usize) -> Vec<StatementId> {
        let mut found = from.to_vec();
        found.retain(|_| self.below(odds) == 0);
        found.sort_unstable();
        found
    }

    pub(super) fn number(&mut self, bound: u8) -> u8 {
        u8::try_from(self.below(bound.into())).expect("below a byte")
    }
}

/// Who can say something: memberships, each with the keys it might be by.
pub(super) fn members(tale: &Tale, town: &Town) -> Vec<(MembershipId, Vec<KeyNumber>)> {
    let keys_of = |person: &PersonId| stories::keys_of(town, person);
    let mut found: Vec<_> = (0..)
        .zip(&tale.charter.founders)
        .map(|(place, who)| {
            let keys = match who {
                Who::Person(person) => keys_of(person),
                _ => vec![stories::ROOT],
            };
            (tale.founder(place), keys)
        })
        .collect();
    if tale.charter.next_root.is_some() {
        found.push((tale.founder(1), vec![stories::ROOT + 1]));
    }
    for one in &tale.said {
        match &one.statement().kind {
            Kind::Device { device, .. } => {
                let is = |number: &KeyNumber| public(*number) == *device.as_bytes();
                let key = (1..=stories::DEVICES).find(is).expect("one of ours");
                found.push((one.membership(), vec![key]));
            }
            Kind::Person { person, .. } => found.push((one.membership(), keys_of(person))),
            _ => {}
        }
    }
    found
}

/// One more history of up to `longest` statements, always the same for a seed.
pub(super) fn tale(town: &Town, seed: u64, longest: usize) -> Tale {
    let mut draw = Draw(rng(seed));
    let name = format!("drawn {seed}");
    let mut tale = match draw.below(7) {
        0 => {
            let mut tale = Tale::person(name, stories::ROOT);
            let root = (tale.founder(0), stories::ROOT);
            let kind = tale.device(root, 1, 2); // a person has a device
            tale.says(root, kind);
            tale
        }
        number => {
            let rule = match number {
                1..=3 => Rule::Admins,
                _ => Rule::Board {
                    quorum: if draw.below(5) == 0 { 3 } else { 2 },
                },
            };
            // One whom nobody knows is among them sometimes.
            let known = town.persons() - usize::from(draw.below(4) > 0);
            let first = draw.below(known);
            let founders: Vec<PersonId> = (0..3)
                .map(|place| town.person((first + place) % known))
                .collect();
            Tale::circle(name, rule, &founders)
        }
    };
    for _ in 0..3 + draw.below(longest - 2) {
        say(&mut draw, &mut tale, town);
    }
    tale
}

fn say(draw: &mut Draw, tale: &mut Tale, town: &Town) {
    let members = members(tale, town);
    let at = draw.below(members.len());
    let (membership, keys) = &members[at];
    let number = match draw.below(20) {
        // Of somebody else, or of nobody: in a person that is refused.
        0 if matches!(tale.subject, Subject::Circle(_)) => draw.one(&members[0].1),
        0..=9 => keys[0],
        _ => draw.one(keys),
    };
    let by: Voice = (*membership, number);
    let ids: Vec<StatementId> = tale.said.iter().map(SignedStatement::id).collect();
    let own: Vec<StatementId> = (tale.said.iter())
        .filter(|one| (one.statement().membership, one.statement().key) == (by.0, public(by.1)))
        .map(SignedStatement::id)
        .collect();
    let having = Having {
        installation: u8::from(draw.below(8) == 0),
        after: None,
        instead_of: (!own.is_empty() && draw.below(6) == 0).then(|| draw.one(&own)),
        seen: (draw.below(2) == 0).then(|| draw.some(&ids, 3)),
    };
    let kind = kind(draw, tale, town, by, &ids, &members);
    tale.says_having(having, by, kind);
}

fn kind(
    draw: &mut Draw,
    tale: &Tale,
    town: &Town,
    by: Voice,
    ids: &[StatementId],
    members: &[(MembershipId, Vec<KeyNumber>)],
) -> Kind {
    let circle = matches!(tale.subject, Subject::Circle(_));
    let latest = &ids[ids.len().saturating_sub(4)..];
    if matches!(tale.charter.rule, Rule::Board { .. }) && !ids.is_empty() && draw.below(4) == 0 {
        return Kind::Approve {
            statement: draw.one(latest),
        };
    }
    match draw.below(20) {
        0..=4 => admission(draw, tale, town, by),
        5..=10 => removal(draw, tale, by, ids, members),
        11 | 12 if !ids.is_empty() => extension(draw, tale, ids),
        13 | 14 => Kind::Checkpoint {
            upto: Upto {
                statements: draw.some(ids, 2),
                logs: Vec::new(),
            },
            logs: [1; 32],
            documents: [0; 32],
            authority: Vec::new(),
            gate: 1,
        },
        15..=18 if circle && !ids.is_empty() => Kind::Approve {
            statement: draw.one(ids),
        },
        15 => Kind::Ring {
            parents: Vec::new(),
            commit: [2; 32],
            sealing: sealing(1),
            removed: Vec::new(),
        },
        _ => Kind::Certify {
            what: [draw.number(3); 32],
            expires: crate::testing::NOW,
        },
    }
}

fn admission(draw: &mut Draw, tale: &Tale, town: &Town, by: Voice) -> Kind {
    if let Subject::Person(_) = tale.subject {
        let rank = 1 + u32::from(draw.number(5));
        return tale.device(by, 1 + draw.number(stories::DEVICES), rank);
    }
    let person = town.person(draw.below(town.persons()));
    let mut consents = draw.one(&stories::keys_of(town, &person));
    if draw.below(10) == 0 {
        consents = 1;
    }
    let role = match draw.below(4) {
        0 => Role::Member,
        _ => Role::Admin,
    };
    tale.joins(by, person, consents, role)
}

fn removal(
    draw: &mut Draw,
    tale: &Tale,
    by: Voice,
    ids: &[StatementId],
    members: &[(MembershipId, Vec<KeyNumber>)],
) -> Kind {
    let at = match draw.below(4) {
        0 => (members.iter().position(|(id, _)| *id == by.0)).unwrap_or_default(),
        _ => draw.below(members.len()),
    };
    let (membership, keys) = &members[at];
    let of_theirs: Vec<StatementId> = (tale.said.iter())
        .filter(|one| one.statement().membership == *membership)
        .map(SignedStatement::id)
        .collect();
    // Of somebody's statements mostly; of anybody's sometimes.
    let named = if draw.below(6) == 0 { ids } else { &of_theirs };
    let keep = draw.some(named, 2);
    let trusted = (draw.below(3) == 0).then(|| Tips(draw.some(named, 2)));
    Kind::Remove {
        membership: *membership,
        key: (draw.below(3) == 0).then(|| Key32(public(draw.one(keys)))),
        keep: Upto {
            statements: keep,
            logs: Vec::new(),
        },
        trusted,
    }
}

fn extension(draw: &mut Draw, tale: &Tale, ids: &[StatementId]) -> Kind {
    let removals: Vec<StatementId> = (tale.said.iter())
        .filter(|one| matches!(one.statement().kind, Kind::Remove { .. }))
        .map(SignedStatement::id)
        .collect();
    let mut of = draw.some(&removals, 2);
    if of.is_empty() {
        of.push(draw.one(ids));
    }
    Kind::Extend {
        of,
        upto: Upto {
            statements: draw.some(ids, 2),
            logs: Vec::new(),
        },
    }
}
