//! The code of `maille_protocol::evaluation` beside the model: the same answer for every history.

use maille_protocol::evaluation::{
    self, Act, Admission, After, Base, Founder, Node, Removal, Role, Seniority, Speaker, Standing,
    Upto, Who,
};
use maille_protocol::id::{InstallationId, MembershipId, StatementId};

use crate::evaluate::{Charter, Outcome, Rules, evaluate};
use crate::search::World;
use crate::statement::{Actor, History, Kind, Set, each};

/// A world whose one invariant is that both judge alike.
pub(crate) struct Alike(pub(crate) Box<dyn World>);

impl World for Alike {
    fn names(&self) -> &'static [&'static str] {
        self.0.names()
    }

    fn rules(&self) -> &Rules {
        self.0.rules()
    }

    fn moves(&self, history: &History, left: usize, out: &mut Vec<History>) {
        self.0.moves(history, left, out);
    }

    fn broken(&self, history: &History) -> Option<&'static str> {
        let rules = self.rules();
        let expected = evaluate(history, history.all(), rules);
        (!alike(history, rules, &expected)).then_some("the_code_judges_as_the_model")
    }
}

fn alike(history: &History, rules: &Rules, expected: &Outcome) -> bool {
    let (real, places) = translate(history, rules);
    let base = base(rules);
    let got = evaluation::evaluate(&real, &base, &());
    let actors = || {
        (0..6)
            .map(Actor)
            .filter(|actor| named(history, rules, *actor))
    };
    let speaker = |actor| speaker(history, rules, actor);
    let members = actors().all(|actor| {
        let id = speaker(actor).membership;
        let member = got.members().get(&id);
        let speaks = member.is_some_and(|member| member.standing == Standing::Speaks);
        // The model does not count the root among the members.
        (speaks == (expected.members() & actor.bit() != 0) || actor == Actor::ROOT)
            && member.is_some() == expected.of(actor).is_some()
    });
    let order = actors().all(|a| {
        actors().all(|b| {
            let outranks = match (got.seniority(&speaker(a)), got.seniority(&speaker(b))) {
                (Some(a), Some(b)) => a < b,
                (a, _) => a.is_some(),
            };
            outranks == expected.outranks(a, b)
        })
    });
    let stands = history.iter(history.all()).all(|(place, statement)| {
        let stands = got.stands(places[place]);
        // The model lets an admission of a senior stand, and gives it no effect.
        let idle =
            |who: Actor| expected.of(who).is_none() || !expected.outranks(statement.author, who);
        stands == expected.stands_at(place)
            || matches!(statement.kind, Kind::Admit { who, .. } if idle(who) && !stands)
    });
    members && order && stands
}

fn base(rules: &Rules) -> Base {
    let root = (rules.charter == Charter::Rank).then_some((Actor::ROOT, 0));
    let founders = root
        .into_iter()
        .chain(rules.founders.iter().copied())
        .map(|(actor, rank)| Founder {
            membership: MembershipId::from_bytes([actor.0; 32]),
            who: Who::Key(key(actor)),
            role: Role::Admin,
            seniority: Seniority::of_rank(rank.into()),
            removed: false,
            removed_keys: Vec::new(),
            left_keys: Vec::new(),
        })
        .collect();
    Base {
        rule: match rules.charter {
            Charter::Rank => evaluation::Rule::Rank,
            Charter::Admins => evaluation::Rule::Admins,
        },
        founders,
        grants: false,
    }
}

fn is_founder(rules: &Rules, actor: Actor) -> bool {
    rules.charter == Charter::Rank && actor == Actor::ROOT
        || rules.founders.iter().any(|(founder, _)| *founder == actor)
}

fn named(history: &History, rules: &Rules, actor: Actor) -> bool {
    is_founder(rules, actor) || history.knows(actor)
}

fn key(actor: Actor) -> [u8; 32] {
    [actor.0 + 100; 32]
}

fn id(history: &History, place: usize) -> StatementId {
    let mut bytes = [0xee; 32];
    bytes[..8].copy_from_slice(&history.get(place).hash.to_be_bytes());
    StatementId::from_bytes(bytes)
}

fn speaker(history: &History, rules: &Rules, actor: Actor) -> Speaker {
    let admission = each(history.all()).find(|&place| history.get(place).admits() == Some(actor));
    let membership = match admission {
        Some(place) if !is_founder(rules, actor) => *id(history, place).as_bytes(),
        _ => [actor.0; 32],
    };
    Speaker {
        membership: MembershipId::from_bytes(membership),
        key: key(actor),
    }
}

fn translate(history: &History, rules: &Rules) -> (evaluation::History, Vec<usize>) {
    let ids =
        |set: Set| -> Vec<StatementId> { each(set).map(|place| id(history, place)).collect() };
    let upto = |set: Set| Upto {
        statements: ids(set),
        logs: Vec::new(),
    };
    let mut real = evaluation::History::default();
    for (place, statement) in history.iter(history.all()) {
        let act = match statement.kind {
            Kind::Admit { who, rank } => Act::Admit(Admission {
                who: Who::Key(key(who)),
                by: Some(key(who)),
                rank: rank.into(),
                role: Role::Admin,
            }),
            Kind::Remove { who, keep, trusted } => Act::Remove(Removal {
                membership: speaker(history, rules, who).membership,
                key: None,
                keep: upto(keep),
                trusted: Some(ids(trusted)),
            }),
            Kind::Extend { of, upto: set } => Act::Extend {
                of: ids(of),
                upto: upto(set),
            },
            Kind::Checkpoint { covers, .. } => Act::Checkpoint(upto(covers)),
            Kind::Entry => Act::Content,
            Kind::Ring { .. } | Kind::Circle { .. } | Kind::Content { .. } | Kind::Seal { .. } => {
                unreachable!("keys are not judged here")
            }
        };
        let node = Node {
            id: id(history, place),
            author: speaker(history, rules, statement.author),
            after: statement.previous.map_or_else(
                || After::Nothing(InstallationId::from_bytes([statement.log; 32])),
                |previous| After::Statement(id(history, previous.into())),
            ),
            heads: ids(statement.past),
            act,
        };
        let founders = base(rules).founders;
        real.insert(node, |id| founders.iter().any(|f| f.membership == *id))
            .expect("a history holds all that it cites");
    }
    let places = each(history.all())
        .map(|place| real.place(&id(history, place)).expect("inserted"))
        .collect();
    (real, places)
}
