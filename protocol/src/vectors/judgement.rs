//! Who speaks and what stands: stories, one for each sentence of `spec/authority.md`, and histories that were drawn.
//!
//! All that was said goes into the file, also what a node would forget, and each statement with what became of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{file, hex};
use crate::crypto::{SealingPublic, SealingSecret, SigningKey};
use crate::evaluation::{After, Directory, Outcome, Role, Rule, Speaker, Upto, Who};
use crate::id::{InstallationId, MembershipId, PersonId, StatementId, TransportId};
use crate::principal::{self, Charter, NewDevice, NextRoot, People};
use crate::principal::{UnverifiedAuthority, UnverifiedCircle};
use crate::statement::set::SetWire;
use crate::statement::{Consent, Key32, Kind, SignedStatement, Statement, Subject, Tips};
use crate::wire::{self, V1};

mod drawn;
mod slices;
mod stories;

/// A key of the tales, by number: its seed is 32 times that.
type KeyNumber = u8;

fn key(number: KeyNumber) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

fn public(number: KeyNumber) -> [u8; 32] {
    key(number).public()
}

/// A sealing key for a device, which nothing is sealed to here.
fn sealing(number: KeyNumber) -> SealingPublic {
    SealingSecret::from_seed(&[number; 32]).public()
}

/// Who says something: a membership, and with which key.
type Voice = (MembershipId, KeyNumber);

/// Where something is said: the log, if it is not the first one; in the place of which statement, or after which; having
/// seen what, if not all that was said (or, in the place of another, what that had seen).
#[derive(Clone, Debug, Default)]
struct Having {
    installation: u8,
    instead_of: Option<StatementId>,
    after: Option<StatementId>,
    seen: Option<Vec<StatementId>>,
}

impl Having {
    fn seen(ids: &[StatementId]) -> Self {
        Self {
            seen: Some(ids.to_vec()),
            ..Self::default()
        }
    }

    fn instead_of(self, id: StatementId) -> Self {
        Self {
            instead_of: Some(id),
            ..self
        }
    }

    fn after(self, id: StatementId) -> Self {
        Self {
            after: Some(id),
            ..self
        }
    }
}

/// A principal, and what is said about it.
struct Tale {
    name: String,
    charter: Charter,
    subject: Subject,
    said: Vec<SignedStatement>,
}

impl Tale {
    fn new(name: impl Into<String>, charter: Charter) -> Self {
        let subject = charter.subject(&wire::encode(&charter));
        Self {
            name: name.into(),
            charter,
            subject,
            said: Vec::new(),
        }
    }

    /// A person by root key `root`, whose next root is the key after it.
    fn person(name: impl Into<String>, root: KeyNumber) -> Self {
        Self::new(
            name,
            Charter {
                version: V1,
                rule: Rule::Rank,
                founders: vec![Who::Key(public(root))],
                recovery: Some(sealing(root)),
                next_root: Some(NextRoot::of(&public(root + 1))),
                opens_past: false,
                salt: [root; 16],
            },
        )
    }

    fn circle(name: impl Into<String>, rule: Rule, founders: &[PersonId]) -> Self {
        Self::new(
            name,
            Charter {
                version: V1,
                rule,
                founders: founders.iter().copied().map(Who::Person).collect(),
                recovery: None,
                next_root: None,
                opens_past: true,
                salt: [0x0c; 16],
            },
        )
    }

    fn founder(&self, place: u32) -> MembershipId {
        principal::founder(&self.subject, place)
    }

    fn find(&self, id: StatementId) -> &SignedStatement {
        (self.said.iter().find(|one| one.id() == id)).expect("it was said")
    }

    /// What nothing else cites.
    fn heads(&self) -> Vec<StatementId> {
        let cited: BTreeSet<StatementId> = (self.said.iter())
            .flat_map(|one| one.node().cites())
            .collect();
        let ids = self.said.iter().map(SignedStatement::id);
        ids.filter(|id| !cited.contains(id)).collect()
    }

    fn says(&mut self, by: Voice, kind: Kind) -> StatementId {
        self.says_having(Having::default(), by, kind)
    }

    fn says_having(&mut self, having: Having, (membership, by): Voice, kind: Kind) -> StatementId {
        let (key, installation) = (
            key(by),
            InstallationId::from_bytes([by ^ having.installation << 6; 32]),
        );
        let after = match (having.after, having.instead_of) {
            (Some(before), _) => After::Statement(before),
            (_, Some(other)) => self.find(other).statement().after,
            _ => self.end_of((membership, key.public()), installation),
        };
        let mut heads = match (having.seen, having.instead_of) {
            (Some(seen), _) => seen,
            (None, Some(other)) => self.find(other).statement().heads.clone(),
            (None, None) => self.heads(),
        };
        heads.retain(|head| After::Statement(*head) != after);
        heads.sort_unstable();
        heads.dedup();
        let statement = Statement {
            version: V1,
            subject: self.subject,
            membership,
            key: key.public(),
            after,
            heads,
            kind,
        };
        let signed = SignedStatement::sign(statement, &key).expect("what anybody takes");
        let id = signed.id();
        if self.said.iter().all(|one| one.id() != id) {
            self.said.push(signed);
        }
        id
    }

    /// What the next statement in a log comes after: the last that was said in it.
    fn end_of(&self, author: (MembershipId, [u8; 32]), installation: InstallationId) -> After {
        let mut logs: BTreeMap<StatementId, InstallationId> = BTreeMap::new();
        let mut end = After::Nothing(installation);
        for one in &self.said {
            let said = one.statement();
            let log = match said.after {
                After::Nothing(installation) => installation,
                After::Statement(before) => logs[&before],
            };
            logs.insert(one.id(), log);
            if (said.membership, said.key) == author && log == installation {
                end = After::Statement(one.id());
            }
        }
        end
    }

    /// A device with this key is admitted by `by`; speaks by the id of that.
    fn device(&self, by: Voice, device: KeyNumber, rank: u32) -> Kind {
        let Subject::Person(person) = self.subject else {
            panic!("devices are a person's")
        };
        let new = NewDevice {
            signing: &key(device),
            sealing: &sealing(device),
            transport: TransportId::from_bytes([device; 32]),
        };
        new.consent(person, by.0, rank)
    }

    /// A person is admitted by `by`, and consents with key `consents`.
    fn joins(&self, by: Voice, person: PersonId, consents: KeyNumber, role: Role) -> Kind {
        let Subject::Circle(circle) = self.subject else {
            panic!("persons are a circle's")
        };
        let consent = Consent::of_person(circle, by.0, person, role);
        Kind::Person {
            person,
            role,
            by: public(consents),
            consent: consent.sign(&key(consents)),
        }
    }

    /// Charter and statements in their one order.
    fn to_bytes(&self, order: &[StatementId]) -> Vec<u8> {
        wire::encode(&SetWire {
            version: V1,
            charter: wire::encode(&self.charter),
            statements: (order.iter())
                .map(|id| self.find(*id).signed().clone())
                .collect(),
        })
    }

    /// What becomes of it: for each statement in their order a letter (stands, is past a cut, or neither), then who
    /// speaks, by the first 8 bytes of membership and key.
    fn judged(&self, people: &People) -> Value {
        let (history, outcome) = principal::judged(&self.charter, &self.said, people);
        let order = history.ordered();
        let bytes = self.to_bytes(&order);
        let speak = speakers(&outcome, people);
        self.is_judged_so_by_a_node(&bytes, people, &speak);
        let letters: String = (order.iter())
            .map(|id| history.place(id).expect("ordered"))
            .map(|place| letter(&outcome, place))
            .collect();
        json!({
            "name": self.name,
            "bytes": hex(&bytes),
            "judged": letters,
            "speak": speak,
        })
    }

    /// A node that is given this, and forgets what it can, comes to the same.
    fn is_judged_so_by_a_node(&self, bytes: &[u8], people: &People, speak: &[String]) {
        let got = match self.subject {
            Subject::Person(person) => {
                let read = UnverifiedAuthority::decode(bytes).expect("what we write we read");
                let read = read.verify(person).expect("it holds");
                speakers(read.statements().outcome(), people)
            }
            Subject::Circle(circle) => {
                let read = UnverifiedCircle::decode(bytes).expect("what we write we read");
                let read = read.verify(circle, people).expect("it holds");
                speakers(read.statements().outcome(), people)
            }
            Subject::Slice(_) | Subject::Control(_) => unreachable!("tales are of principals"),
        };
        assert_eq!(got, speak, "{}", self.name);
    }
}

/// Whether what is at `place` stands, is past a cut, or neither.
fn letter(outcome: &Outcome, place: usize) -> char {
    match (outcome.stands(place), outcome.is_past_a_cut(place)) {
        (true, _) => 's',
        (false, true) => 'c',
        (false, false) => 'n',
    }
}

fn speakers(outcome: &Outcome, directory: &impl Directory) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (membership, member) in outcome.members() {
        for known in directory.keys(&member.who) {
            let speaker = Speaker {
                membership: *membership,
                key: known.key,
            };
            if outcome.speaks(&speaker) {
                found.insert([hex(&membership.as_bytes()[..8]), hex(&known.key[..8])].join(" "));
            }
        }
    }
    found.into_iter().collect()
}

/// The persons of the circles.
struct Town {
    people: People,
    tales: Vec<Tale>,
}

impl Town {
    fn new() -> Self {
        let tales = stories::people();
        let people = (tales.iter())
            .map(|tale| {
                let Subject::Person(person) = tale.subject else {
                    unreachable!("persons")
                };
                let (history, _) = principal::judged(&tale.charter, &tale.said, &());
                let bytes = tale.to_bytes(&history.ordered());
                let read = UnverifiedAuthority::decode(&bytes).expect("what we write we read");
                (person, read.verify(person).expect("it holds"))
            })
            .collect();
        Self { people, tales }
    }

    /// One of them or, after the last, somebody of whom nothing is known.
    fn person(&self, number: usize) -> PersonId {
        let subject = self.tales.get(number).map(|tale| tale.subject);
        match subject {
            Some(Subject::Person(person)) => person,
            _ => PersonId::from_bytes([0xfa; 32]),
        }
    }

    fn persons(&self) -> usize {
        self.tales.len() + 1
    }

    fn value(&self, tales: impl IntoIterator<Item = Tale>) -> Value {
        let tales: Vec<Value> = (tales.into_iter())
            .map(|tale| tale.judged(&self.people))
            .collect();
        json!({
            "object": "persons and circles, with what stands of what was said (s), is past a cut (c), neither (n), in \
                       the one order; and who speaks, by the first 8 bytes of membership and key",
            "version": 1,
            "people": self.tales.iter().map(|tale| tale.judged(&self.people)).collect::<Vec<_>>(),
            "tales": tales,
        })
    }
}

#[test]
fn judgements() {
    let town = Town::new();
    let drawn = (0..180).map(|seed| drawn::tale(&town, seed, 8));
    let fresh = town.value(stories::all(&town).into_iter().chain(drawn));
    let stored = file("judgement", &fresh);
    let tales = stored["tales"].as_array().expect("tales");
    let letters = |tale: &Value| tale["judged"].as_str().expect("letters").to_owned();
    let all: String = tales.iter().map(letters).collect();
    for letter in ['s', 'c', 'n'] {
        let times = all.chars().filter(|other| *other == letter).count();
        assert!(times > 100, "{letter}: {times} of {}", all.len());
    }
}

/// Writes as many more as `MAILLE_JUDGEMENTS` says into files that `tests/interop/run FILE` reads.
#[test]
#[ignore = "recorded in tests/LEDGER.md"]
fn more_judgements_than_the_file_has() {
    let count: u64 =
        std::env::var("MAILLE_JUDGEMENTS").map_or(1000, |text| text.parse().expect("a number"));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/judgements");
    std::fs::create_dir_all(folder).expect("a folder");
    let town = Town::new();
    let seeds: Vec<u64> = (1_000_000..1_000_000 + count).collect();
    for (number, seeds) in seeds.chunks(5000).enumerate() {
        let tales = seeds.iter().map(|seed| drawn::tale(&town, *seed, 18));
        let text = town.value(tales).to_string();
        std::fs::write(format!("{folder}/{number}.json"), text).expect("a disk");
    }
}
