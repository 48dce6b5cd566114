//! What holds for every set of statements: the same answer in any order, twice over, in parts.
//!
//! The sets are drawn at random, honest or not: people admit and remove each other, extend,
//! checkpoint, approve, fork their logs, speak by memberships that they never had. Signatures are
//! left out, they are the business of `statement`.

use std::collections::{BTreeMap, BTreeSet};

use maille_protocol::entry::{LogId, LogPlace};
use maille_protocol::evaluation::{
    Act, Admission, After, Base, Directory, Founder, History, InsertError, Node, Outcome,
    PrincipalKey, Removal, Role, Rule, Seniority, Speaker, Standing, Upto, Who, evaluate,
};
use maille_protocol::id::{InstallationId, MembershipId, PersonId, StatementId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

const PERSONS: u8 = 5;
const KEYS_PER_PERSON: u8 = 3;

/// Persons with three keys each, the last removed.
struct Town;

impl Directory for Town {
    fn keys(&self, who: &Who) -> Vec<PrincipalKey> {
        let Who::Person(person) = who else {
            return Vec::new();
        };
        let number = person.as_bytes()[0];
        (0..KEYS_PER_PERSON)
            .map(|key| PrincipalKey {
                key: [number * 16 + key; 32],
                whose: *who,
                seniority: Seniority::of_rank(key.into()),
                removed: key + 1 == KEYS_PER_PERSON,
            })
            .collect()
    }
}

struct Draw(ChaCha20Rng);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.0.next_u64() % bound.max(1) as u64).expect("below a usize")
    }

    fn one<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.below(from.len())].clone())
    }

    fn some<T: Clone>(&mut self, from: &[T], odds: usize) -> Vec<T> {
        from.iter()
            .filter(|_| self.below(odds) == 0)
            .cloned()
            .collect()
    }

    fn base(&mut self) -> Base {
        let rule = match self.below(4) {
            0 => Rule::Rank,
            1 => Rule::Admins,
            _ => Rule::Board {
                quorum: 2 + u8::try_from(self.below(2)).expect("0 or 1"),
            },
        };
        let founders = (0..3)
            .map(|place: u8| Founder {
                membership: MembershipId::from_bytes([200 + place; 32]),
                who: match rule {
                    Rule::Rank => Who::Key([place * 16; 32]),
                    Rule::Admins | Rule::Board { .. } | Rule::Vote => {
                        Who::Person(PersonId::from_bytes([place; 32]))
                    }
                },
                role: Role::Admin,
                seniority: Seniority::of_rank(place.into()),
                removed: self.below(12) == 0,
                removed_keys: self.some(&[[place * 16; 32], [place * 16 + 1; 32]], 16),
                left_keys: self.some(&[[place * 16; 32], [place * 16 + 1; 32]], 2),
            })
            .collect();
        Base {
            rule,
            founders,
            grants: self.below(3) == 0,
        }
    }

    fn upto(&mut self, ids: &[StatementId]) -> Upto {
        Upto {
            statements: self.some(ids, 3),
            logs: (0..self.below(3))
                .map(|_| LogPlace {
                    log: log(self.below(2)),
                    seq: self.0.next_u64() % 4,
                    hash: [u8::try_from(self.below(3)).expect("small"); 32],
                })
                .collect(),
        }
    }

    fn node(&mut self, base: &Base, nodes: &[Node]) -> Node {
        let ids: Vec<StatementId> = nodes.iter().map(|node| node.id).collect();
        let founders = base.founders.iter().map(|f| (f.membership, f.who));
        let admitted = nodes.iter().filter_map(|node| match node.act {
            Act::Admit(admission) => {
                Some((MembershipId::from_bytes(*node.id.as_bytes()), admission.who))
            }
            _ => None,
        });
        let memberships: Vec<(MembershipId, Who)> = founders.chain(admitted).collect();
        let (membership, who) = self.one(&memberships).expect("founders");
        // A key of theirs mostly, somebody else's sometimes.
        let key = match who {
            Who::Key(key) if self.below(8) > 0 => key,
            Who::Person(person) if self.below(8) > 0 => {
                [person.as_bytes()[0] * 16 + u8::try_from(self.below(3)).expect("small"); 32]
            }
            _ => [16; 32],
        };
        let author = Speaker { membership, key };
        let said: Vec<StatementId> = (nodes.iter().filter(|node| node.author == author))
            .map(|node| node.id)
            .collect();
        let after = match self.one(&said) {
            // The last one mostly, an earlier one sometimes: a fork.
            Some(any) => After::Statement(match self.below(4) {
                0 => any,
                _ => *said.last().expect("not empty"),
            }),
            None => After::Nothing(InstallationId::from_bytes([7; 32])),
        };
        let (target, _) = self.one(&memberships).expect("founders");
        let act = match self.below(10) {
            0..=2 => {
                let number = u8::try_from(self.below(PERSONS.into())).expect("small");
                let who = match base.rule {
                    Rule::Rank => Who::Key([number * 16; 32]),
                    Rule::Admins | Rule::Board { .. } | Rule::Vote => {
                        Who::Person(PersonId::from_bytes([number; 32]))
                    }
                };
                Act::Admit(Admission {
                    who,
                    by: Some([number * 16; 32]),
                    rank: u32::try_from(self.below(6)).expect("small"),
                    role: if self.below(3) == 0 {
                        Role::Member
                    } else {
                        Role::Admin
                    },
                })
            }
            3..=4 => Act::Remove(Removal {
                membership: target,
                key: (self.below(4) == 0).then_some(author.key),
                keep: self.upto(&ids),
                trusted: (self.below(3) == 0).then(|| self.some(&ids, 3)),
            }),
            5 => Act::Extend {
                of: self.some(&ids, 2),
                upto: self.upto(&ids),
            },
            6 => Act::Checkpoint(self.upto(&ids)),
            7 => self.one(&ids).map_or(Act::Say, Act::Approve),
            8 => Act::Say,
            _ => Act::Content,
        };
        let mut id = [0; 32];
        self.0.fill_bytes(&mut id);
        Node {
            id: StatementId::from_bytes(id),
            author,
            after,
            heads: self.some(&ids, 3),
            act,
        }
    }
}

fn log(number: usize) -> LogId {
    LogId::from_bytes([u8::try_from(number).expect("small"); 32])
}

/// Inserts in this order as far as it goes, again and again, some of it twice.
fn history(base: &Base, nodes: &[Node], order: &[usize]) -> History {
    let mut history = History::default();
    let mut waiting: Vec<usize> = order.to_vec();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|place| {
            let is_founder = |id: &MembershipId| base.founders.iter().any(|f| f.membership == *id);
            let got = history.insert(nodes[*place].clone(), is_founder);
            assert_eq!(
                history.insert(nodes[*place].clone(), is_founder),
                got,
                "twice"
            );
            matches!(got, Err(InsertError::Missing(_)))
        });
        assert!(waiting.len() < before, "the set holds all that it cites");
    }
    history
}

/// All that an outcome says, by what the statements are.
#[derive(Debug, PartialEq)]
struct Answer {
    stands: BTreeSet<StatementId>,
    past_a_cut: BTreeSet<StatementId>,
    members: BTreeMap<MembershipId, (Who, Role, Seniority, Standing)>,
    speaks: Vec<(Speaker, bool, Vec<Vec<LogPlace>>)>,
    order: Vec<StatementId>,
}

fn answer(history: &History, outcome: &Outcome) -> Answer {
    let id = |place: usize| history.get(place).id;
    let speakers: BTreeSet<Speaker> = (0..history.len()).map(|p| history.get(p).author).collect();
    Answer {
        stands: outcome.standing().map(id).collect(),
        past_a_cut: outcome.past_a_cut().map(id).collect(),
        members: (outcome.members().iter())
            .map(|(id, m)| (*id, (m.who, m.role, m.seniority.clone(), m.standing)))
            .collect(),
        speaks: (speakers.into_iter())
            .flat_map(|s| [log(0), log(1)].map(|log| (s, log)))
            .map(|(s, log)| (s, outcome.speaks(&s), outcome.log_limits(&s, &log)))
            .collect(),
        order: history.ordered(),
    }
}

fn judged(base: &Base, nodes: &[Node], order: &[usize]) -> Answer {
    let history = history(base, nodes, order);
    answer(&history, &evaluate(&history, base, &Town))
}

fn same_set_same_answer(seed: u64) {
    let mut draw = Draw(ChaCha20Rng::seed_from_u64(seed));
    let base = draw.base();
    let mut nodes: Vec<Node> = Vec::new();
    for _ in 0..2 + draw.below(12) {
        let node = draw.node(&base, &nodes);
        nodes.push(node);
    }
    let in_order: Vec<usize> = (0..nodes.len()).collect();
    let expected = judged(&base, &nodes, &in_order);
    let mut order = in_order;
    for _ in 0..3 {
        for last in (1..order.len()).rev() {
            order.swap(last, draw.below(last + 1));
        }
        assert_eq!(
            judged(&base, &nodes, &order),
            expected,
            "seed {seed}, order {order:?}"
        );
    }
    // In two parts that overlap, each with all that it cites, whichever comes first.
    let place = |id: &StatementId| nodes.iter().position(|node| node.id == *id);
    let mut part: BTreeSet<usize> = draw.some(&order, 2).into_iter().collect();
    let mut grown = 0;
    while grown != part.len() {
        grown = part.len();
        let cited: Vec<usize> = (part.iter())
            .flat_map(|p| {
                let by = StatementId::from_bytes(*nodes[*p].author.membership.as_bytes());
                [nodes[*p].cites(), vec![by]].concat()
            })
            .filter_map(|id| place(&id))
            .collect();
        part.extend(cited);
    }
    let first: Vec<usize> = part.into_iter().collect();
    let _ = judged(&base, &nodes, &first);
    let joined: Vec<usize> = first.iter().chain(&order).copied().collect();
    assert_eq!(
        judged(&base, &nodes, &joined),
        expected,
        "seed {seed}, in parts"
    );
}

#[test]
fn the_same_statements_give_the_same_answer_in_any_order_doubled_and_in_parts() {
    for seed in 0..10_000 {
        same_set_same_answer(seed);
    }
}

#[test]
#[ignore = "recorded in tests/LEDGER.md"]
fn the_same_statements_give_the_same_answer_at_ten_times_the_seeds() {
    for seed in 10_000..110_000 {
        same_set_same_answer(seed);
    }
}

/// Draws a set in which more is forgotten than in most: that cites less, and keeps less.
fn careless(draw: &mut Draw) -> (Base, Vec<Node>) {
    let base = draw.base();
    let mut nodes: Vec<Node> = Vec::new();
    for _ in 0..2 + draw.below(12) {
        let mut node = draw.node(&base, &nodes);
        if draw.below(2) == 0 {
            node.heads.clear();
        }
        if let Act::Remove(removal) = &mut node.act
            && draw.below(2) == 0
        {
            removal.keep.statements.clear();
            removal.trusted = None;
        }
        nodes.push(node);
    }
    (base, nodes)
}

/// All that an outcome says but what is past a cut, and in which order the statements come.
fn but_for_what_is_cut(mut answer: Answer) -> Answer {
    answer.past_a_cut.clear();
    answer.order.clear();
    answer.speaks.clear();
    answer
}

fn forgetting_changes_nothing(seed: u64) -> usize {
    let mut draw = Draw(ChaCha20Rng::seed_from_u64(seed));
    let (base, mut nodes) = careless(&mut draw);
    let order: Vec<usize> = (0..nodes.len()).collect();
    let full = history(&base, &nodes, &order);
    let before = evaluate(&full, &base, &Town);
    let gone = full.forgettable(&before);
    let expected = but_for_what_is_cut(answer(&full, &before));
    // At once.
    let all = nodes.clone();
    nodes.retain(|node| !gone.contains(&node.id));
    let order: Vec<usize> = (0..nodes.len()).collect();
    let less = history(&base, &nodes, &order);
    let after = evaluate(&less, &base, &Town);
    let got = but_for_what_is_cut(answer(&less, &after));
    assert_eq!(got, expected, "seed {seed}");
    assert!(less.forgettable(&after).is_empty(), "seed {seed}, twice");
    // An extension brings back what it cites, but not what was said by those whom that admits.
    if (all.iter()).any(|node| matches!(node.act, Act::Extend { .. })) {
        return gone.len();
    }
    // Whenever something can be, while all is heard in another order; what is cited and gone is heard
    // again together with what cites it.
    let mut held: Vec<Node> = Vec::new();
    let mut order: Vec<usize> = (0..all.len()).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, draw.below(last + 1));
    }
    for heard in order {
        let mut more = vec![all[heard].clone()];
        while let Some(node) = more.pop() {
            if held.iter().all(|other| other.id != node.id) {
                let by = StatementId::from_bytes(*node.author.membership.as_bytes());
                let cited = [node.cites(), vec![by]].concat();
                more.extend(
                    all.iter()
                        .filter(|other| cited.contains(&other.id))
                        .cloned(),
                );
                held.push(node);
            }
        }
        let order: Vec<usize> = (0..held.len()).collect();
        let heard = history(&base, &held, &order);
        let gone = heard.forgettable(&evaluate(&heard, &base, &Town));
        held.retain(|node| !gone.contains(&node.id));
    }
    let order: Vec<usize> = (0..held.len()).collect();
    let got = but_for_what_is_cut(judged(&base, &held, &order));
    assert_eq!(got, expected, "seed {seed}, in between");
    gone.len()
}

/// The review of 2026-11-26 found sets in which it did: approvals of what was decided were forgotten, and
/// what was cut by removals that came to nothing later.
#[test]
fn forgetting_changes_nothing_whenever_it_is_done_and_once_is_enough() {
    let forgotten: usize = (0..10_000).map(forgetting_changes_nothing).sum();
    assert!(forgotten > 300, "{forgotten}");
}

#[test]
#[ignore = "recorded in tests/LEDGER.md"]
fn forgetting_changes_nothing_at_ten_times_the_seeds() {
    for seed in 10_000..110_000 {
        forgetting_changes_nothing(seed);
    }
}

/// What was drawn reaches what the laws are about: else they would hold of nothing.
#[test]
fn what_is_drawn_has_all_outcomes() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..2_000 {
        let mut draw = Draw(ChaCha20Rng::seed_from_u64(seed));
        let base = draw.base();
        let mut nodes: Vec<Node> = Vec::new();
        for _ in 0..2 + draw.below(12) {
            let node = draw.node(&base, &nodes);
            nodes.push(node);
        }
        let order: Vec<usize> = (0..nodes.len()).collect();
        let history = history(&base, &nodes, &order);
        let outcome = evaluate(&history, &base, &Town);
        let mut note = |what, is: bool| *seen.entry(what).or_default() += u32::from(is);
        note("stands", outcome.standing().count() > 0);
        note("past a cut", outcome.past_a_cut().count() > 0);
        note("forgettable", !history.forgettable(&outcome).is_empty());
        for member in outcome.members().values() {
            note("removed", member.standing == Standing::Removed);
            note("shadow", member.standing == Standing::Shadow);
            let board = matches!(base.rule, Rule::Board { .. });
            note("admitted", member.admitted_by.is_some());
            note(
                "board removed",
                board && member.standing == Standing::Removed,
            );
            note("granted", member.seniority.is_granted());
        }
        for place in outcome.standing() {
            let node = history.get(place);
            note("extension", matches!(node.act, Act::Extend { .. }));
            note("checkpoint", matches!(node.act, Act::Checkpoint(_)));
        }
        for place in 0..history.len() {
            let limits = outcome.log_limits(&history.get(place).author, &log(0));
            note("log cut", limits.iter().any(|places| !places.is_empty()));
        }
    }
    assert!(seen.values().all(|times| *times >= 20), "{seen:?}");
}
