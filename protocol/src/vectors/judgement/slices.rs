//! What was said about slices, and what comes of it: stories and histories that were drawn. Their owners are persons and
//! circles of whom some have been removed, and by whose grants others speak.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::stories::{self, ADA, BO, CLEO, DAN, EVE};
use super::{
    Having, KeyNumber, Kind, MembershipId, PersonId, Role, Rule, SignedStatement, StatementId,
    Subject, Tale, Town, Upto, Voice, drawn, file, hex, public, speakers,
};
use crate::crypto::Key;
use crate::entry::{LogId, LogPlace, standing};
use crate::evaluation::{Outcome, Speaker};
use crate::grant::{Abilities, Audience, ContentPin, Grant};
use crate::id::CircleId;
use crate::principal::{Known, UnverifiedCircle};
use crate::slice::{
    Access, ContentKind, Owner, OwnerId, PartNumber, PartRange, SliceCharter, UnverifiedAccess,
    judged,
};
use crate::statement::set::SetWire;
use crate::testing::{DAY, NOW};
use crate::wire::{self, V1};

mod told;

/// Circles of the town, and all that is known of both.
pub(super) struct Land {
    pub(super) town: Town,
    circles: Vec<Tale>,
    pub(super) known: Known,
}

/// Which circle.
const ADMINS: usize = 0;
const BOARD: usize = 1;
const AUDIENCE: usize = 2;
const LEFT: usize = 3;

impl Land {
    pub(super) fn new() -> Self {
        let town = Town::new();
        let circles = circles(&town);
        let mut known = Known {
            people: town.people.clone(),
            circles: BTreeMap::new(),
        };
        for tale in &circles {
            let id = circle_id(tale);
            let (history, _) = super::principal::judged(&tale.charter, &tale.said, &known.people);
            let bytes = tale.to_bytes(&history.ordered());
            let read = UnverifiedCircle::decode(&bytes).expect("what we write we read");
            let circle = read.verify(id, &known.people).expect("it holds");
            known.circles.insert(id, circle);
        }
        Self {
            town,
            circles,
            known,
        }
    }

    fn owner(&self, number: usize) -> &Tale {
        let persons = self.town.tales.len();
        (self.town.tales.get(number)).unwrap_or_else(|| &self.circles[number - persons])
    }

    fn owners(&self) -> usize {
        self.town.tales.len() + self.circles.len()
    }

    fn circle(&self, number: usize) -> usize {
        self.town.tales.len() + number
    }

    /// Who can say something for an owner: memberships, each with the keys that it might be by.
    fn voices(&self, owner: usize) -> Vec<(MembershipId, Vec<KeyNumber>)> {
        let tale = self.owner(owner);
        if owner >= self.town.tales.len() {
            return drawn::members(tale, &self.town);
        }
        let root = [ADA, BO, CLEO, DAN, EVE][owner];
        let mut voices = vec![(tale.founder(0), vec![root])];
        if tale
            .said
            .iter()
            .any(|one| one.statement().key == public(root + 1))
        {
            voices.push((tale.founder(1), vec![root + 1]));
        }
        for one in &tale.said {
            if let Kind::Device { device, .. } = &one.statement().kind {
                let is = |number: &KeyNumber| public(*number) == *device.as_bytes();
                let key = (root + 2..root + 5).find(is).expect("one of theirs");
                voices.push((one.membership(), vec![key]));
            }
        }
        voices
    }

    fn known_owner(&self, owner: Subject) -> Owner<'_> {
        match owner {
            Subject::Person(person) => Owner::Person(&self.known.people[&person]),
            Subject::Circle(circle) => Owner::Circle(&self.known.circles[&circle]),
            Subject::Slice(_) | Subject::Control(_) => unreachable!("owners are principals"),
        }
    }

    /// All keys that might speak for whom a grant was given to.
    fn keys_of(&self, audience: Audience) -> Vec<KeyNumber> {
        match audience {
            Audience::Person(person) => stories::keys_of(&self.town, &person),
            Audience::Circle(circle) => {
                let tale = self.circles.iter().find(|tale| circle_id(tale) == circle);
                let members = tale.map(|tale| drawn::members(tale, &self.town));
                let keys = members.into_iter().flatten().flat_map(|(_, keys)| keys);
                let keys: Vec<KeyNumber> = keys.collect();
                if keys.is_empty() { vec![1] } else { keys }
            }
            Audience::Service(_) => vec![1],
        }
    }
}

fn circle_id(tale: &Tale) -> CircleId {
    let Subject::Circle(circle) = tale.subject else {
        unreachable!("circles")
    };
    circle
}

/// A circle of admins, one of a board, one that is given things, and one whose first founder has left.
fn circles(town: &Town) -> Vec<Tale> {
    let founders = |numbers: &[usize]| -> Vec<PersonId> {
        numbers.iter().map(|number| town.person(*number)).collect()
    };
    let mut admins = Tale::circle(
        "Ada has removed Dan and one of Bo's keys",
        Rule::Admins,
        &founders(&[0, 1, 2]),
    );
    let (ada, bo) = ((admins.founder(0), ADA + 2), (admins.founder(1), BO + 2));
    let dan = stories::joins(&mut admins, ada, town, 3, Role::Admin);
    let eve = stories::joins(&mut admins, dan, town, 4, Role::Admin);
    admins.says(ada, stories::removal(dan.0, &[stories::as_said(eve)]));
    admins.says(ada, stories::removal_of((bo.0, BO + 3), &[]));

    let mut board = Tale::circle(
        "two of three have seated Dan, and removed Cleo",
        Rule::Board { quorum: 2 },
        &founders(&[0, 1, 2]),
    );
    let voice = |place: u32, root: KeyNumber| (board.founder(place), root + 2);
    let (ada, bo, cleo) = (voice(0, ADA), voice(1, BO), voice(2, CLEO));
    let dan = stories::joins(&mut board, ada, town, 3, Role::Admin);
    board.says(bo, stories::approval(stories::as_said(dan)));
    let removed = board.says(ada, stories::removal(cleo.0, &[]));
    board.says(bo, stories::approval(removed));
    let key = board.says(ada, stories::removal_of((bo.0, BO + 3), &[]));
    board.says(dan, stories::approval(key));

    let mut audience = Tale::circle(
        "Dan has let Eve in, who is no admin, and removed Ada",
        Rule::Admins,
        &founders(&[3, 0]),
    );
    let dan = (audience.founder(0), DAN + 2);
    stories::joins(&mut audience, dan, town, 4, Role::Member);
    let ada = audience.founder(1);
    audience.says(dan, stories::removal(ada, &[]));

    let mut left = Tale::circle(
        "Ada, who came first, has removed her own phone, and left",
        Rule::Admins,
        &founders(&[0, 1, 2, 3]),
    );
    let ada = (left.founder(0), ADA + 2);
    let phone = left.says(ada, stories::removal_of((ada.0, ADA + 3), &[]));
    left.says(ada, stories::removal(ada.0, &[phone]));
    vec![admins, board, audience, left]
}

/// A slice, what is said about it, and what is written in it.
pub(super) struct SliceTale {
    tale: Tale,
    owner: usize,
    charter: SliceCharter,
    logs: Vec<Written>,
}

/// A log of entries, as far as cuts are concerned: who writes it, in which part, the hashes of its headers.
struct Written {
    by: Voice,
    part: u32,
    log: LogId,
    branches: Vec<Vec<[u8; 32]>>,
}

const LOGS: u8 = 3;

/// The header of entry `seq` of log `number`, on one of two branches.
fn header(number: u8, seq: u8, branch: u8) -> [u8; 32] {
    let mut hash = [number; 32];
    hash[1] = seq;
    hash[2] = branch;
    hash
}

fn log(number: u8) -> LogId {
    LogId::from_bytes([0x60 + number; 32])
}

fn place(number: u8, seq: u8, branch: u8) -> LogPlace {
    LogPlace {
        log: log(number),
        seq: seq.into(),
        hash: header(number, seq, branch),
    }
}

impl SliceTale {
    pub(super) fn new(name: impl Into<String>, land: &Land, owner: usize) -> Self {
        let of = land.owner(owner);
        let charter = match of.subject {
            Subject::Person(person) => {
                let root = land.known.people[&person].root_key();
                let seed = Key::from_bytes([9; 32]);
                SliceCharter::of_person(ContentKind::Documents, person, [9; 32], &seed, 1, &root)
            }
            Subject::Circle(circle) => {
                let seed = Key::from_bytes([9; 32]);
                let person = PersonId::from_bytes([0; 32]);
                let kind = ContentKind::Documents;
                let mut charter =
                    SliceCharter::of_person(kind, person, [9; 32], &seed, 1, &[1; 32]);
                charter.owner = OwnerId::Circle(circle);
                charter.control.root = None;
                charter
            }
            Subject::Slice(_) | Subject::Control(_) => unreachable!("owners are principals"),
        };
        let tale = Tale {
            name: name.into(),
            charter: of.charter.clone(),
            subject: Subject::Slice(charter.id()),
            said: Vec::new(),
        };
        Self {
            tale,
            owner,
            charter,
            logs: Vec::new(),
        }
    }

    fn says(&mut self, by: Voice, kind: Kind) -> StatementId {
        self.tale.says(by, kind)
    }

    /// Gives `whom` this; they speak by their laptop.
    fn gives(&mut self, by: Voice, whom: &Whom, abilities: Abilities, depth: u8) -> Voice {
        let said = self.says(by, Kind::Grant(grant(whom.0, abilities, depth)));
        (stories::as_membership(said), whom.1)
    }

    /// Somebody writes four entries of log `number`.
    fn writes(&mut self, number: u8, by: Voice) {
        self.logs.push(Written {
            by,
            part: 3,
            log: log(number),
            branches: vec![(0..4).map(|seq| header(number, seq, 0)).collect()],
        });
    }

    fn judged(&self, land: &Land) -> Value {
        let owner = land.known_owner(land.owner(self.owner).subject);
        let (history, outcome) = judged(owner, &self.tale.said, &land.known);
        let order = history.ordered();
        let bytes = wire::encode(&SetWire {
            version: V1,
            charter: wire::encode(&self.charter),
            statements: (order.iter())
                .map(|id| self.tale.find(*id).signed().clone())
                .collect(),
        });
        let speak = speakers(&outcome, &land.known);
        let read = UnverifiedAccess::decode(&bytes).expect("what we write we read");
        let read = read.verify(self.charter.id(), owner, &land.known);
        let read = read.unwrap_or_else(|error| panic!("{}: {error:?}", self.tale.name));
        let got = speakers(read.statements().outcome(), &land.known);
        assert_eq!(got, speak, "{}", self.tale.name);
        let letters: String = (order.iter())
            .map(|id| history.place(id).expect("ordered"))
            .map(|place| super::letter(&outcome, place))
            .collect();
        let logs: Vec<Value> = (self.logs.iter())
            .map(|written| written.judged(&read, &outcome))
            .collect();
        json!({
            "name": self.tale.name,
            "owner": self.owner,
            "bytes": hex(&bytes),
            "judged": letters,
            "speak": speak,
            "logs": logs,
        })
    }
}

impl Written {
    /// How many entries of each branch stand.
    fn judged(&self, access: &Access, outcome: &Outcome) -> Value {
        let by = Speaker {
            membership: self.by.0,
            key: public(self.by.1),
        };
        let of = |outcome: &Outcome| -> Vec<usize> {
            if !access.may_write(&by, PartNumber(self.part)) {
                return vec![0; self.branches.len()];
            }
            let branches: Vec<&[[u8; 32]]> = self.branches.iter().map(Vec::as_slice).collect();
            standing(self.log, &outcome.log_limits(&by, &self.log), &branches)
        };
        let stand = of(outcome);
        assert_eq!(of(access.statements().outcome()), stand, "all the same");
        json!({
            "membership": hex(by.membership.as_bytes()),
            "key": hex(&by.key),
            "part": self.part,
            "log": hex(self.log.as_bytes()),
            "branches": (self.branches.iter())
                .map(|of| of.iter().map(|hash| hex(hash)).collect())
                .collect::<Vec<Vec<String>>>(),
            "stand": stand,
        })
    }
}

/// Whom something is given to, and a key of theirs.
struct Whom(Audience, KeyNumber);

fn grant(audience: Audience, abilities: Abilities, depth: u8) -> Grant {
    Grant {
        audience,
        abilities,
        parts: PartRange {
            from: Some(PartNumber(3)),
            to: None,
        },
        not_before: NOW,
        expires: NOW.plus_millis(90 * DAY),
        depth,
        purpose: String::new(),
        content: ContentPin {
            name: String::new(),
            hash: [7; 32],
        },
    }
}

/// A history about a slice of up to `longest` statements, always the same for a seed.
pub(super) fn drawn_tale(land: &Land, seed: u64, longest: usize) -> SliceTale {
    let mut draw = drawn::Draw(crate::testing::rng(seed));
    let owner = match draw.below(5) {
        0 => draw.below(land.owners()),
        1 => land.circle(BOARD),
        2 => land.circle(ADMINS),
        3 => land.circle(LEFT),
        _ => draw.below(5),
    };
    let mut tale = SliceTale::new(format!("drawn {seed}"), land, owner);
    for _ in 0..3 + draw.below(longest - 2) {
        say(&mut draw, &mut tale, land);
    }
    let members = members(&tale, land);
    for number in 0..LOGS {
        let (membership, keys, _) = draw.pick(&members);
        let by = (*membership, draw.one(keys));
        let first = (0..4).map(|seq| header(number, seq, 0)).collect();
        let second = (0..4).map(|seq| header(number, seq, u8::from(seq > 1)));
        let branches = match draw.below(3) {
            0 => vec![first, second.collect()],
            _ => vec![first],
        };
        tale.logs.push(Written {
            by,
            part: 2 + u32::from(draw.below(8) > 0),
            log: log(number),
            branches,
        });
    }
    tale
}

type Speaking = (MembershipId, Vec<KeyNumber>, Option<Grant>);

fn members(tale: &SliceTale, land: &Land) -> Vec<Speaking> {
    let owners = land.voices(tale.owner).into_iter();
    let mut found: Vec<Speaking> = owners.map(|(id, keys)| (id, keys, None)).collect();
    for one in &tale.tale.said {
        if let Kind::Grant(grant) = &one.statement().kind {
            let keys = land.keys_of(grant.audience);
            found.push((one.membership(), keys, Some(grant.clone())));
        }
    }
    found
}

fn say(draw: &mut drawn::Draw, tale: &mut SliceTale, land: &Land) {
    let members = members(tale, land);
    let owners = members.iter().filter(|(.., grant)| grant.is_none()).count();
    // The owners' first, and whoever was given something, more often than the others.
    let at = match draw.below(3) {
        0 => draw.below(owners.min(2)),
        1 if members.len() > owners => owners + draw.below(members.len() - owners),
        _ => draw.below(members.len()),
    };
    let &(mut membership, ref keys, ref grant) = &members[at];
    let number = match draw.below(20) {
        0 => draw.one(&members[0].1),
        1..=9 => keys[0],
        _ => draw.one(keys),
    };
    if grant.is_none() && draw.below(25) == 0 {
        membership = MembershipId::from_bytes([0x99; 32]);
    }
    let by: Voice = (membership, number);
    let ids: Vec<StatementId> = tale.tale.said.iter().map(SignedStatement::id).collect();
    let own: Vec<StatementId> = (tale.tale.said.iter())
        .filter(|one| (one.statement().membership, one.statement().key) == (by.0, public(by.1)))
        .map(SignedStatement::id)
        .collect();
    let having = Having {
        installation: u8::from(draw.below(8) == 0),
        after: None,
        instead_of: (!own.is_empty() && draw.below(6) == 0).then(|| draw.one(&own)),
        seen: (draw.below(2) == 0).then(|| draw.some(&ids, 3)),
    };
    let kind = kind(draw, tale, land, (by, grant.as_ref()), &ids, &members);
    tale.tale.says_having(having, by, kind);
}

fn kind(
    draw: &mut drawn::Draw,
    tale: &SliceTale,
    land: &Land,
    (by, holds): (Voice, Option<&Grant>),
    ids: &[StatementId],
    members: &[Speaking],
) -> Kind {
    let reader = holds.is_some_and(|grant| grant.role() == Role::Member);
    let latest = &ids[ids.len().saturating_sub(4)..];
    let board = tale.owner == land.circle(BOARD);
    if board && !ids.is_empty() && draw.below(3) == 0 {
        return stories::approval(draw.one(latest));
    }
    if reader {
        return match draw.below(4) {
            0 if !ids.is_empty() => stories::approval(draw.one(ids)),
            0 | 1 => removal(draw, tale, by, ids, &[members_of(members, by.0)]),
            _ => Kind::WriteKey {
                key: [draw.number(3); 32],
            },
        };
    }
    match draw.below(20) {
        0..=5 => {
            let depth = holds.map_or(4, |grant| usize::from(grant.depth));
            let depth = u8::try_from(draw.below(depth)).expect("small");
            let abilities = [
                Abilities::READ,
                Abilities::WRITE,
                Abilities::WRITE,
                Abilities::GRANT,
                Abilities::GRANT,
                Abilities::GRANT,
            ];
            Kind::Grant(grant(audience(draw, land), draw.one(&abilities), depth))
        }
        6..=11 => removal(draw, tale, by, ids, members),
        12 | 13 if !ids.is_empty() => {
            let removals: Vec<StatementId> = (tale.tale.said.iter())
                .filter(|one| matches!(one.statement().kind, Kind::Remove { .. }))
                .map(SignedStatement::id)
                .collect();
            let mut of = draw.some(&removals, 2);
            if of.is_empty() {
                of.push(draw.one(ids));
            }
            let upto = upto(draw, ids, 2);
            Kind::Extend { of, upto }
        }
        14 | 15 => Kind::Checkpoint {
            upto: upto(draw, ids, 2),
            logs: [1; 32],
            documents: [0; 32],
            authority: Vec::new(),
            gate: 1,
        },
        16 if !ids.is_empty() => stories::approval(draw.one(ids)),
        17 | 18 => Kind::WriteKey {
            key: [draw.number(3); 32],
        },
        _ => Kind::Renew {
            grant: draw.pick(members).0,
            expires: NOW,
        },
    }
}

fn members_of(members: &[Speaking], id: MembershipId) -> Speaking {
    let found = members.iter().find(|(of, ..)| *of == id);
    found.expect("whoever speaks").clone()
}

fn audience(draw: &mut drawn::Draw, land: &Land) -> Audience {
    match draw.below(8) {
        0 => Audience::Service(crate::id::ServiceId::from_bytes([5; 32])),
        1 => Audience::Circle(circle_id(&land.circles[draw.below(land.circles.len())])),
        2 => Audience::Circle(circle_id(&land.circles[AUDIENCE])),
        _ => Audience::Person(land.town.person(draw.below(land.town.persons()))),
    }
}

fn upto(draw: &mut drawn::Draw, ids: &[StatementId], odds: usize) -> Upto {
    let mut logs: Vec<LogPlace> = (0..draw.below(4))
        .map(|_| {
            let seq = draw.number(5);
            let branch = u8::from(seq > 1 && draw.below(3) == 0);
            place(draw.number(LOGS), seq, branch)
        })
        .collect();
    logs.sort_unstable();
    logs.dedup();
    Upto {
        statements: draw.some(ids, odds),
        logs,
    }
}

fn removal(
    draw: &mut drawn::Draw,
    tale: &SliceTale,
    by: Voice,
    ids: &[StatementId],
    members: &[Speaking],
) -> Kind {
    let own = members.iter().position(|(id, ..)| *id == by.0);
    let at = match draw.below(4) {
        0 => own.unwrap_or_default(),
        _ => draw.below(members.len()),
    };
    let (membership, keys, _) = &members[at];
    let of_theirs: Vec<StatementId> = (tale.tale.said.iter())
        .filter(|one| one.statement().membership == *membership)
        .map(SignedStatement::id)
        .collect();
    let named = if draw.below(3) == 0 { ids } else { &of_theirs };
    let keep = upto(draw, named, 2);
    let trusted = (draw.below(3) == 0).then(|| super::Tips(draw.some(named, 2)));
    let key = (draw.below(3) == 0).then(|| super::Key32(public(draw.one(keys))));
    Kind::Remove {
        membership: *membership,
        key,
        keep,
        trusted,
    }
}

impl Land {
    fn value(&self, tales: impl IntoIterator<Item = SliceTale>) -> Value {
        let (people, circles) = (&self.town.tales, &self.circles);
        let judged = |tales: &[Tale]| -> Vec<Value> {
            (tales.iter())
                .map(|tale| tale.judged(&self.town.people))
                .collect()
        };
        json!({
            "object": "slices of persons and circles, with what stands of what was said (s), is past a cut (c), neither \
                       (n), in the one order; who speaks, by the first 8 bytes of membership and key; and of how many \
                       entries of each branch of a log stand",
            "version": 1,
            "people": judged(people),
            "circles": judged(circles),
            "tales": tales.into_iter().map(|tale| tale.judged(self)).collect::<Vec<_>>(),
        })
    }
}

#[test]
fn judgements_about_slices() {
    let land = Land::new();
    let drawn = (0..160).map(|seed| drawn_tale(&land, seed, 9));
    let fresh = land.value(told::all(&land).into_iter().chain(drawn));
    let stored = file("slice-judgement", &fresh);
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
fn more_judgements_about_slices_than_the_file_has() {
    let count: u64 =
        std::env::var("MAILLE_JUDGEMENTS").map_or(1000, |text| text.parse().expect("a number"));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/judgements");
    std::fs::create_dir_all(folder).expect("a folder");
    let land = Land::new();
    let seeds: Vec<u64> = (1_000_000..1_000_000 + count).collect();
    for (number, seeds) in seeds.chunks(5000).enumerate() {
        let tales = seeds.iter().map(|seed| drawn_tale(&land, *seed, 18));
        let text = land.value(tales).to_string();
        std::fs::write(format!("{folder}/slices-{number}.json"), text).expect("a disk");
    }
}
