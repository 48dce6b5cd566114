use proptest::prelude::*;

use super::*;
use crate::crypto::Key;
use crate::entry::{Body, Entry, LogKey, LogTip, SealParams, seal, standing};
use crate::evaluation::Upto;
use crate::generation::PartKey;
use crate::grant::Abilities;
use crate::slice::{Access, SliceCharter};
use crate::testing::{DAY, NOW, Someone, keeps_the_rules, removal};

const PART: PartNumber = PartNumber(3);
/// The salt of [`Someone::slice`].
const SALT: [u8; 32] = [9; 32];

/// A slice of Inès with a laptop that made it, a phone that comes after, and Marc who writes.
pub(crate) struct Slice {
    pub(crate) ines: Someone,
    marc: Someone,
    pub(crate) laptop: SigningKey,
    pub(crate) phone: SigningKey,
    pub(crate) write_key: SigningKey,
    pub(crate) control: Control,
    pub(crate) phones: MembershipId,
    pub(crate) marcs: MembershipId,
    pub(crate) key: PartKey,
}

impl Slice {
    /// `bytes` and `logs` are Marc's quota in one part.
    fn with_quota(bytes: u64, logs: u32) -> Self {
        let (ines, marc) = (Someone::new(1), Someone::new(2));
        let laptop = SliceCharter::control_key(&ines.device_seed, &SALT);
        let phone = SliceCharter::control_key(&Key::from_bytes([0x71; 32]), &SALT);
        let write_key = SigningKey::from_seed(&[0x72; 32]);
        let control = Control::begin(ines.slice().public_half()).unwrap();
        let key = ines.part_key(PART.0, 1);
        let nobody = MembershipId::from_bytes([0; 32]);
        let mut slice = Self {
            ines,
            marc,
            laptop,
            phone,
            write_key,
            control,
            phones: nobody,
            marcs: nobody,
            key,
        };
        let key = slice.phone.public();
        slice.phones = slice.laptop_says(Kind::ControlKey { key, rank: 2 });
        let key = slice.write_key.public();
        slice.marcs = slice.laptop_says(Kind::Writer { key, bytes, logs });
        slice.laptop_says(slice.announces(&slice.key));
        slice
    }

    pub(crate) fn new() -> Self {
        Self::with_quota(1 << 20, 8)
    }

    fn announces(&self, key: &PartKey) -> Kind {
        Kind::Access {
            part: PART,
            generation: key.generation(),
            commit: key.key.access().commit(&self.control.id(), PART),
        }
    }

    fn signer<'a>(&self, key: &'a SigningKey, membership: MembershipId, device: u8) -> Signer<'a> {
        let installation = installation(&SALT, &InstallationId::from_bytes([device; 32]));
        Signer {
            key,
            membership,
            installation,
        }
    }

    pub(crate) fn laptop_says(&mut self, kind: Kind) -> MembershipId {
        let key = self.laptop.clone();
        let signer = self.signer(&key, self.control.creator(), 1);
        self.control.say(&signer, kind).unwrap().membership()
    }

    pub(crate) fn phone_says(&mut self, kind: Kind) -> MembershipId {
        let key = self.phone.clone();
        let signer = self.signer(&key, self.phones, 2);
        self.control.say(&signer, kind).unwrap().membership()
    }

    /// Marc's log in a part, of one of his installations.
    pub(crate) fn log(&self, installation: u8, part: PartNumber) -> LogKey {
        LogKey::derive(
            &self.marc.device_seed,
            self.marc.author().membership,
            InstallationId::from_bytes([installation; 32]),
            self.control.id(),
            part,
        )
    }

    pub(crate) fn ticket(&self, log: &LogKey) -> Signed<Ticket> {
        Ticket::sign(log, self.marcs, &self.write_key)
    }

    /// The first entries of one of Marc's logs.
    pub(crate) fn entries(&self, log: &LogKey, contents: &[&[u8]]) -> Vec<Entry> {
        let mut tip = LogTip::START;
        let mut entries = Vec::new();
        for content in contents {
            let binding = (tip.next_seq == 0).then(|| log.bind(&self.marc.device));
            let (entry, next) = seal(SealParams {
                slice: self.control.id(),
                part: log.place().1,
                generation: self.key.generation(),
                key: &self.key.key,
                log,
                tip: &tip,
                now: NOW,
                body: &Body::new(binding, content.to_vec()),
            })
            .unwrap();
            entries.push(entry);
            tip = next;
        }
        entries
    }

    /// The end of Marc's writing, which keeps these entries and those before them.
    pub(crate) fn end_of_marc(&self, kept: &[&Entry]) -> Kind {
        let mut logs: Vec<LogPlace> = (kept.iter())
            .map(|entry| entry.header().place().unwrap())
            .collect();
        logs.sort_unstable();
        Kind::Remove {
            membership: self.marcs,
            key: None,
            keep: Upto {
                statements: Vec::new(),
                logs,
            },
            trusted: None,
        }
    }

    fn received(&self) -> UnverifiedControl {
        UnverifiedControl::decode(&self.control.to_bytes()).unwrap()
    }
}

/// Adds statements one by one, those whose past is missing again. What is past a cut is forgotten at
/// once, and so is then what comes after it: it is taken only together.
fn add_one_by_one(control: &mut Control, said: &[SignedStatement]) {
    for _ in said {
        for said in said {
            let _ = control.add([said.clone()]);
        }
    }
}

/// The bytes of everything that a carrier is shown.
fn shown(control: &Control, tickets: &[Signed<Ticket>]) -> Vec<u8> {
    let tickets = tickets.iter().flat_map(Signed::to_bytes);
    control.to_bytes().into_iter().chain(tickets).collect()
}

fn holds(bytes: &[u8], name: &[u8; 32]) -> bool {
    bytes.windows(32).any(|window| window == name)
}

#[test]
fn control_and_ticket_keep_the_rules_of_the_wire() {
    let slice = Slice::new();
    keeps_the_rules(&slice.received(), SET_BYTES_MAX);
    let ticket = slice.ticket(&slice.log(1, PART));
    assert_eq!(ticket.signed_bytes().len(), 171);
    keeps_the_rules(&ticket, crate::signed::signed_bytes_max(TICKET_BYTES_MAX));
}

#[test]
fn a_control_is_read_again_as_it_was() {
    let slice = Slice::new();
    let id = slice.control.id();
    assert_eq!(slice.received().claimed_slice(), id);
    assert_eq!(slice.received().verify(id), Ok(slice.control.clone()));
    assert_eq!(slice.received().verified_before(id), Ok(slice.control));
}

#[test]
fn a_control_is_of_the_slice_that_was_asked_for() {
    let slice = Slice::new();
    let (expected, got) = (SliceId::from_bytes([1; 32]), slice.control.id());
    let other = ControlError::OtherSlice { expected, got };
    assert_eq!(slice.received().verify(expected), Err(other));
}

#[test]
fn no_slice_begins_with_the_roots_rank() {
    let mut public = Someone::new(1).slice().public_half();
    public.control.rank = 0;
    assert_eq!(Control::begin(public).err(), Some(ControlError::Rank));
}

#[test]
fn a_carrier_sees_no_person_no_device_and_no_installation() {
    let mut slice = Slice::new();
    slice.phone_says(slice.end_of_marc(&[]));
    let log = slice.log(1, PART);
    let bytes = shown(&slice.control, &[slice.ticket(&log)]);
    let (ines, marc) = (&slice.ines, &slice.marc);
    let root = ines.authority.root_key();
    for someone in [ines, marc] {
        assert!(!holds(&bytes, someone.id().as_bytes()));
        assert!(!holds(&bytes, &someone.authority.root_key()));
        assert!(!holds(&bytes, &someone.device.public()));
        assert!(!holds(&bytes, someone.author().membership.as_bytes()));
        let device = someone.authority.devices().values().next().unwrap();
        assert!(!holds(&bytes, device.transport.as_bytes()));
    }
    for plain in [1, 2].map(|device| InstallationId::from_bytes([device; 32])) {
        assert!(!holds(&bytes, plain.as_bytes()));
        assert!(holds(&bytes, installation(&SALT, &plain).as_bytes()));
    }
    assert!(!holds(&bytes, &SALT));

    // The control of another slice of hers has nothing in common with it.
    let salt = [10; 32];
    let other = SliceCharter::of_person(
        ContentKind::Projection,
        ines.id(),
        salt,
        &ines.device_seed,
        1,
        &root,
    );
    let mut other = Control::begin(other.public_half()).unwrap();
    let signer = Signer {
        key: &SliceCharter::control_key(&ines.device_seed, &salt),
        membership: other.creator(),
        installation: installation(&salt, &InstallationId::from_bytes([1; 32])),
    };
    let key = [0x33; 32];
    other
        .say(&signer, Kind::ControlKey { key, rank: 2 })
        .unwrap();
    let there = other.to_bytes();
    let alike = bytes.windows(32).filter(|window| {
        // Text of the encoding is alike; names are not.
        there.windows(32).any(|other| other == *window)
    });
    assert_eq!(alike.count(), 0);

    // Only a root that acts shows.
    slice
        .control
        .open_root(&ines.root, &SALT, &ines.installation)
        .unwrap();
    let bytes = shown(&slice.control, &[]);
    assert!(holds(&bytes, &root) && !holds(&bytes, &SALT));
    assert!(!holds(&bytes, ines.id().as_bytes()));
}

#[test]
fn a_stolen_junior_key_says_nothing_past_its_cut_whatever_it_claims_to_have_seen() {
    let mut slice = Slice::new();
    let before = slice.control.clone();
    let kept = slice.phone_says(Kind::Writer {
        key: [0x41; 32],
        bytes: 1,
        logs: 1,
    });
    let kept = StatementId::from_bytes(*kept.as_bytes());
    slice.laptop_says(removal(slice.phones, vec![kept]));

    // The thief has a copy from before the removal, and begins another log as well.
    let mut old = before;
    let thief = slice.phone.clone();
    let mut key = 0x50;
    let mut said = Vec::new();
    for device in [2, 99] {
        let signer = slice.signer(&thief, slice.phones, device);
        key += 1;
        let place = slice.entries(&slice.log(1, PART), &[b"one"])[0]
            .header()
            .place();
        for kind in [
            Kind::Writer {
                key: [key; 32],
                bytes: u64::MAX,
                logs: u32::MAX,
            },
            Kind::ControlKey {
                key: [key + 0x10; 32],
                rank: 3,
            },
            Kind::Access {
                part: PART,
                generation: GenerationId::from_bytes([key; 32]),
                commit: [key; 32],
            },
            Kind::Erase {
                part: PART,
                upto: vec![place.unwrap()],
            },
            slice.end_of_marc(&[]),
        ] {
            said.push(old.say(&signer, kind).unwrap());
        }
    }
    assert!(!old.writer(&slice.marcs).unwrap().speaks, "until they hear");
    assert_eq!(old.erase(PART).len(), 1);

    let mut slowly = slice.control.clone();
    add_one_by_one(&mut slowly, &said);
    slice.control.add(said).unwrap();
    old.merge(&slice.control);
    for control in [&slice.control, &old, &slowly] {
        let keys: Vec<_> = control.writers().map(|writer| writer.key[0]).collect();
        assert_eq!(keys.len(), 2, "Marc's, and the one that is kept");
        assert!(keys.contains(&0x41));
        assert!(control.writer(&slice.marcs).unwrap().speaks);
        assert_eq!(control.access(PART).len(), 1);
        assert_eq!(control.erase(PART), []);
        assert!(
            control
                .statements()
                .outcome()
                .member(&slice.phones)
                .is_none()
        );
    }
}

#[test]
fn a_junior_removes_no_senior_and_writers_say_nothing() {
    let mut slice = Slice::new();
    slice.phone_says(removal(slice.control.creator(), Vec::new()));
    let creator = slice.control.creator();
    assert!(
        slice
            .control
            .statements()
            .outcome()
            .member(&creator)
            .is_some()
    );
    // Nobody admits who would not be junior to them.
    let equal = slice.phone_says(Kind::ControlKey {
        key: [0x42; 32],
        rank: 2,
    });
    assert!(slice.control.writer(&equal).is_none());

    let signer = slice.signer(&slice.write_key, slice.marcs, 3);
    let refused = slice.control.say(&signer, slice.end_of_marc(&[]));
    assert_eq!(refused, Err(SayError::Insert(InsertError::Key)));
}

#[test]
fn what_another_key_says_in_somebodys_name_takes_no_room() {
    let mut slice = Slice::new();
    let stranger = SigningKey::from_seed(&[0x66; 32]);
    let (subject, part) = (Subject::Control(slice.control.id()), PART);
    let said = Kind::Compact {
        part,
        upto: Vec::new(),
    };
    let before = slice.control.to_bytes();
    for membership in [slice.control.creator(), slice.phones, slice.control.root()] {
        let signer = slice.signer(&stranger, membership, 9);
        let forged = signer
            .say(slice.control.statements().history(), subject, said.clone())
            .unwrap();
        assert_eq!(slice.control.add([forged]), Err(InsertError::Key));
    }
    // What was rightly said about another slice.
    let subject = Subject::Control(SliceId::from_bytes([1; 32]));
    let signer = slice.signer(&slice.laptop, slice.control.creator(), 1);
    let elsewhere = signer
        .say(slice.control.statements().history(), subject, said)
        .unwrap();
    assert_eq!(slice.control.add([elsewhere]), Err(InsertError::Subject));
    assert_eq!(slice.control.to_bytes(), before);
}

#[test]
fn the_root_overrides_the_key_that_the_slice_began_with() {
    let mut slice = Slice::new();
    let (thief, creator) = (slice.laptop.clone(), slice.control.creator());
    let first = slice
        .control
        .statements()
        .iter()
        .find(|said| said.statement().membership == creator);
    let first = first.unwrap().id();
    let tip = {
        let signer = slice.signer(&thief, creator, 1);
        let tips = slice
            .control
            .statements()
            .history()
            .tips(&signer.speaker(), &signer.installation);
        assert!(!tips.contains(&first));
        tips
    };
    slice.laptop_says(removal(slice.phones, Vec::new()));
    assert!(
        slice
            .control
            .statements()
            .outcome()
            .member(&slice.phones)
            .is_none()
    );

    let (root, installation) = (slice.ines.root.clone(), slice.ines.installation);
    let root = slice
        .control
        .open_root(&root, &SALT, &installation)
        .unwrap();
    slice.control.say(&root, removal(creator, tip)).unwrap();
    assert!(
        slice
            .control
            .statements()
            .outcome()
            .member(&creator)
            .is_none()
    );
    assert!(
        slice
            .control
            .statements()
            .outcome()
            .member(&slice.phones)
            .is_some(),
        "the thief's removal is void"
    );
    assert!(slice.control.writer(&slice.marcs).unwrap().speaks);
    let id = slice.control.id();
    assert_eq!(slice.received().verify(id), Ok(slice.control.clone()));

    // What the thief says now is void, and cannot reach the root.
    let signer = slice.signer(&thief, creator, 1);
    slice
        .control
        .say(&signer, removal(slice.control.root(), Vec::new()))
        .unwrap();
    assert!(
        slice
            .control
            .statements()
            .outcome()
            .member(&slice.control.root())
            .is_some()
    );
}

#[test]
fn nobody_else_is_the_root() {
    let mut slice = Slice::new();
    let other = SigningKey::from_seed(&[0x67; 32]);
    let refused = SayError::Insert(InsertError::Key);
    let of = InstallationId::from_bytes([1; 32]);
    let forged = slice.control.open_root(&other, &SALT, &of);
    assert_eq!(forged.err(), Some(refused.clone()), "another key");
    let root = slice.ines.root.clone();
    let wrong = slice.control.open_root(&root, &[8; 32], &of);
    assert_eq!(wrong.err(), Some(refused.clone()), "another salt");

    // By another membership, and without having opened.
    let blind = RootCommit::blind(&SALT);
    let laptop = slice.laptop.clone();
    let signer = slice.signer(&laptop, slice.control.creator(), 1);
    let by_laptop = slice.control.say(&signer, Kind::Root { blind });
    assert_eq!(by_laptop.err(), Some(refused.clone()));
    let signer = slice.signer(&root, slice.control.root(), 1);
    let subject = Subject::Control(slice.control.id());
    let said = removal(slice.control.creator(), Vec::new());
    let silent = signer
        .say(slice.control.statements().history(), subject, said)
        .unwrap();
    assert_eq!(slice.control.add([silent]), Err(InsertError::Key));

    // Once is enough, and it opens a log: it follows nothing.
    slice.control.open_root(&root, &SALT, &of).unwrap();
    let once = slice.control.to_bytes();
    slice.control.open_root(&root, &SALT, &of).unwrap();
    assert_eq!(slice.control.to_bytes(), once);
    let later = slice.control.say(&signer, Kind::Root { blind });
    assert_eq!(later.err(), Some(refused));
}

#[test]
fn where_no_root_is_committed_to_nobody_is_above_the_creator() {
    let slice = Slice::new();
    let mut public = slice.ines.slice().public_half();
    public.control.root = None;
    let mut control = Control::begin(public).unwrap();
    let opened = control.open_root(&slice.ines.root, &SALT, &slice.ines.installation);
    assert!(opened.is_err());
}

#[test]
fn a_thief_who_fills_the_control_leaves_room_for_the_root() {
    let mut slice = Slice::new();
    let thief = slice.laptop.clone();
    let signer = slice.signer(&thief, slice.control.creator(), 1);
    let place = |seq| LogPlace {
        log: LogId::from_bytes([1; 32]),
        seq,
        hash: [1; 32],
    };
    let full = Kind::Erase {
        part: PART,
        upto: (0..500).map(place).collect(),
    };
    let refused = loop {
        if let Err(error) = slice.control.say(&signer, full.clone()) {
            break error;
        }
    };
    assert_eq!(refused, SayError::Insert(InsertError::Full));
    let (root, installation) = (slice.ines.root.clone(), slice.ines.installation);
    let root = slice
        .control
        .open_root(&root, &SALT, &installation)
        .unwrap();
    let creator = slice.control.creator();
    slice
        .control
        .say(&root, removal(creator, Vec::new()))
        .unwrap();
    assert_eq!(slice.control.erase(PART), []);
}

#[test]
fn an_access_key_entitles_to_its_generation_and_those_before() {
    let mut slice = Slice::new();
    let (id, first) = (slice.control.id(), slice.key.clone());
    let second = slice.ines.part_key(PART.0, 2);
    let beside = slice.ines.part_key(PART.0, 3);
    // The phone has not seen that the laptop rotated, and rotates as well.
    let mut phones = Slice {
        control: slice.control.clone(),
        ..Slice::new()
    };
    slice.laptop_says(slice.announces(&second));
    phones.phone_says(phones.announces(&beside));
    slice.control.merge(&phones.control);

    let given = |key: &PartKey| slice.control.entitled(PART, &key.key.access());
    let sorted = |keys: &[&PartKey]| {
        let mut ids: Vec<_> = keys.iter().map(|key| key.generation()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(given(&first), sorted(&[&first]));
    assert_eq!(given(&second), sorted(&[&first, &second]));
    assert_eq!(given(&beside), sorted(&[&first, &beside]));
    let (access, other) = (second.key.access(), PartNumber(PART.0 + 1));
    assert_eq!(slice.control.entitled(other, &access), []);
    assert_eq!(
        slice
            .control
            .entitled(PART, &AccessKey::new(Key::from_bytes([1; 32]))),
        []
    );
    assert_ne!(access.commit(&id, PART), access.commit(&id, other));

    let current = slice.control.access(PART).iter().filter(|of| of.current);
    let current: Vec<_> = current.map(|of| of.generation).collect();
    assert_eq!(current.len(), 2, "two that did not see each other");
    let last = slice.ines.part_key(PART.0, 4);
    slice.laptop_says(slice.announces(&last));
    let current = slice.control.access(PART).iter().filter(|of| of.current);
    let current: Vec<_> = current.map(|of| of.generation).collect();
    assert_eq!(current, [last.generation()]);
    assert_eq!(
        slice.control.access(PART).first().unwrap().generation,
        first.generation()
    );
}

#[test]
fn what_may_be_dropped_is_what_control_keys_name() {
    let mut slice = Slice::new();
    let log = slice.log(1, PART);
    let entries = slice.entries(&log, &[b"one", b"two", b"three"]);
    let place = |at: usize| entries[at].header().place().unwrap();
    slice.laptop_says(Kind::Compact {
        part: PART,
        upto: vec![place(0)],
    });
    slice.phone_says(Kind::Compact {
        part: PART,
        upto: vec![place(1)],
    });
    slice.laptop_says(Kind::Erase {
        part: PART,
        upto: vec![place(0)],
    });
    let hashes: Vec<_> = entries.iter().map(Entry::header_hash).collect();
    let upto = |places: &[LogPlace]| standing(log.id(), &[places.to_vec()], &[&hashes])[0];
    assert_eq!(upto(slice.control.compact(PART)), 2);
    assert_eq!(upto(slice.control.erase(PART)), 1);
    assert_eq!(slice.control.erase(PartNumber(4)), []);
    // A senior takes it back by cutting the key that said it.
    slice.laptop_says(removal(slice.phones, Vec::new()));
    assert_eq!(upto(slice.control.compact(PART)), 1);
}

#[test]
fn a_ticket_is_of_one_slice_part_log_and_writer() {
    let mut slice = Slice::new();
    let (log, marcs) = (slice.log(1, PART), slice.marcs);
    let good = slice.ticket(&log);
    let writer = slice.control.admits(&good).unwrap();
    assert_eq!((writer.membership, writer.speaks), (marcs, true));

    let elsewhere = slice.control.id();
    let (other, key) = (SigningKey::from_seed(&[0x73; 32]), slice.write_key.clone());
    let zoe = slice.laptop_says(Kind::Writer {
        key: other.public(),
        bytes: 1000,
        logs: 1,
    });
    let changed = |change: &dyn Fn(&mut Ticket), key: &SigningKey| {
        let mut ticket = good.unverified().clone();
        change(&mut ticket);
        slice.control.admits(&Signed::sign(ticket, key)).err()
    };
    let got = SliceId::from_bytes([1; 32]);
    assert_eq!(
        changed(&|ticket| ticket.slice = got, &key),
        Some(TicketError::OtherSlice { got })
    );
    let signature = Some(TicketError::Signature);
    assert_eq!(
        changed(&|ticket| ticket.part = PartNumber(4), &key),
        signature,
        "part"
    );
    let stolen = slice.log(2, PART).id();
    assert_eq!(
        changed(&|ticket| ticket.log = stolen, &key),
        signature,
        "log"
    );
    assert_eq!(changed(&|ticket| ticket.membership = zoe, &key), signature);
    assert_eq!(
        changed(&|ticket| ticket.membership = zoe, &other),
        signature,
        "Zoé claims it"
    );
    assert_eq!(changed(&|_| {}, &other), signature, "signed by another");
    let stranger = MembershipId::from_bytes([5; 32]);
    let unknown = Some(TicketError::NoWriter);
    assert_eq!(
        changed(&|ticket| ticket.membership = stranger, &key),
        unknown
    );

    // The same writer in another slice.
    let log = LogKey::derive(
        &slice.marc.device_seed,
        slice.marc.author().membership,
        InstallationId::from_bytes([1; 32]),
        got,
        PART,
    );
    let replayed = Ticket::sign(&log, marcs, &key);
    assert_eq!(
        slice.control.admits(&replayed),
        Err(TicketError::OtherSlice { got })
    );
    assert_ne!(got, elsewhere);
}

#[test]
fn a_control_key_answers_for_logs_without_a_quota() {
    let slice = Slice::new();
    let log = slice.log(1, PART);
    let ticket = Ticket::sign(&log, slice.phones, &slice.phone);
    let writer = slice.control.admits(&ticket).unwrap();
    assert_eq!(writer.quota, None);
    assert_eq!(slice.control.quota(&writer.key).bytes, u64::MAX);
    assert_eq!(slice.control.writers().count(), 1, "Marc only");
}

#[test]
fn of_a_removed_writer_stands_what_the_cut_keeps() {
    let mut slice = Slice::new();
    let (log, second) = (slice.log(1, PART), slice.log(2, PART));
    let entries = slice.entries(&log, &[b"one", b"two", b"three"]);
    let others = slice.entries(&second, &[b"one"]);
    let tickets = [&log, &second].map(|log| slice.ticket(log));
    let mut carrier = Carrier::default();
    for ticket in &tickets {
        carrier.open(&slice.control, ticket).unwrap();
    }
    carrier.take(&slice.control, entries[0].header()).unwrap();

    let another = slice.entries(&log, &[b"one", b"zwei"]);
    slice.laptop_says(slice.end_of_marc(&[&entries[1]]));
    let past = Err(Refusal::PastCut);
    assert_eq!(
        carrier.take(&slice.control, another[1].header()),
        past,
        "another branch"
    );
    assert_eq!(carrier.take(&slice.control, entries[1].header()), Ok(()));
    assert_eq!(carrier.take(&slice.control, entries[2].header()), past);
    assert_eq!(
        carrier.take(&slice.control, others[0].header()),
        past,
        "a log that is not kept"
    );

    // A carrier that comes later takes the same.
    let mut late = Carrier::default();
    let removed = Err(Refusal::Ticket(TicketError::Removed));
    assert_eq!(late.open(&slice.control, &tickets[1]), removed);
    assert_eq!(late.open(&slice.control, &tickets[0]), Ok(()));
    assert_eq!(late.take(&slice.control, entries[0].header()), Ok(()));
    assert_eq!(late.take(&slice.control, entries[1].header()), Ok(()));
    assert_eq!(late.take(&slice.control, entries[2].header()), past);
}

#[test]
fn a_control_key_that_leaves_says_what_of_its_logs_stays() {
    let mut slice = Slice::new();
    let log = slice.log(1, PART);
    let entries = slice.entries(&log, &[b"one", b"two"]);
    let ticket = Ticket::sign(&log, slice.phones, &slice.phone);
    let kept = entries[0].header().place().unwrap();
    let signer = slice.signer(&slice.phone, slice.phones, 2);
    let speaker = signer.speaker();
    let mut leaves = removal(slice.phones, Vec::new());
    if let Kind::Remove { keep, .. } = &mut leaves {
        keep.logs = vec![kept];
    }
    slice.phone_says(leaves);
    assert_eq!(slice.control.limits(&speaker, &log.id()), [[kept]]);
    let mut carrier = Carrier::default();
    carrier.open(&slice.control, &ticket).unwrap();
    assert_eq!(carrier.take(&slice.control, entries[0].header()), Ok(()));
    let past = carrier.take(&slice.control, entries[1].header());
    assert_eq!(past, Err(Refusal::PastCut));
}

#[test]
fn one_byte_past_a_quota_is_refused() {
    let probe = Slice::new();
    let contents: [&[u8]; 2] = [b"first", b"second"];
    let entries = probe.entries(&probe.log(1, PART), &contents);
    let all: u64 = entries.iter().map(|entry| entry_cost(entry.prefix())).sum();
    for (bytes, fits) in [(all, true), (all - 1, false)] {
        let slice = Slice::with_quota(bytes, 1);
        let log = slice.log(1, PART);
        let entries = slice.entries(&log, &contents);
        let mut carrier = Carrier::default();
        carrier.open(&slice.control, &slice.ticket(&log)).unwrap();
        carrier.take(&slice.control, entries[0].header()).unwrap();
        let expected = if fits {
            Ok(())
        } else {
            Err(Refusal::QuotaBytes {
                wanted: all,
                max: bytes,
            })
        };
        assert_eq!(carrier.take(&slice.control, entries[1].header()), expected);
        // What is dropped makes room again.
        carrier.dropped(entries[0].prefix());
        assert_eq!(carrier.take(&slice.control, entries[0].header()), Ok(()));
    }
}

#[test]
fn a_log_past_a_quota_is_refused_and_a_quota_is_of_one_part() {
    let mut slice = Slice::with_quota(1 << 20, 2);
    let other = PartNumber(PART.0 + 1);
    slice.laptop_says(Kind::Access {
        part: other,
        generation: GenerationId::from_bytes([1; 32]),
        commit: [1; 32],
    });
    let mut carrier = Carrier::default();
    let mut open = |installation, part| {
        let ticket = slice.ticket(&slice.log(installation, part));
        carrier.open(&slice.control, &ticket)
    };
    assert_eq!(open(1, PART), Ok(()));
    assert_eq!(open(2, PART), Ok(()));
    assert_eq!(open(3, PART), Err(Refusal::QuotaLogs { max: 2 }));
    assert_eq!(open(2, PART), Ok(()), "known already");
    assert_eq!(open(3, other), Ok(()));
    let untold = PartNumber(77);
    assert_eq!(open(1, untold), Err(Refusal::Generation));
}

#[test]
fn a_quota_is_raised_by_admitting_the_key_once_more() {
    let mut slice = Slice::with_quota(1000, 1);
    let log = slice.log(1, PART);
    let entries = slice.entries(&log, &[&[7; 900], b"more"]);
    let mut carrier = Carrier::default();
    let old = slice.ticket(&log);
    carrier.open(&slice.control, &old).unwrap();
    let refused = carrier.take(&slice.control, entries[0].header());
    assert!(matches!(
        refused,
        Err(Refusal::QuotaBytes { max: 1000, .. })
    ));
    let key = slice.write_key.public();
    let again = slice.laptop_says(Kind::Writer {
        key,
        bytes: 5000,
        logs: 1,
    });
    let raised = Quota {
        bytes: 5000,
        logs: 1,
    };
    assert_eq!(slice.control.quota(&key), raised);
    assert_eq!(carrier.take(&slice.control, entries[0].header()), Ok(()));

    // The old membership ends; the same log goes on under the new one, counted once.
    slice.laptop_says(slice.end_of_marc(&[&entries[0]]));
    let past = carrier.take(&slice.control, entries[1].header());
    assert_eq!(past, Err(Refusal::PastCut));
    let ticket = Ticket::sign(&log, again, &slice.write_key);
    assert_eq!(carrier.open(&slice.control, &ticket), Ok(()));
    assert_eq!(carrier.take(&slice.control, entries[1].header()), Ok(()));
    assert_eq!(carrier.open(&slice.control, &old), Ok(()));
    assert_eq!(
        carrier.take(&slice.control, entries[1].header()),
        Ok(()),
        "the new one stays"
    );
}

/// Opens as many logs as there may be, and one more.
fn fills(mut slice: Slice, kind: ContentKind, max: u32) {
    slice.control.public.kind = kind; // as if it had begun so: tickets need not be signed anew
    let control = &slice.control;
    assert_eq!(control.quota(&slice.write_key.public()).logs, max);
    let mut carrier = Carrier::default();
    let held = carrier_of(&mut carrier, &slice, max - 1);
    let open = |carrier: &mut Carrier, installation| {
        carrier.open(control, &slice.ticket(&slice.log(installation, PART)))
    };
    assert_eq!(held, max - 1);
    assert_eq!(open(&mut carrier, 1), Ok(()));
    assert_eq!(open(&mut carrier, 2), Err(Refusal::QuotaLogs { max }));
}

/// Fills a carrier up without a signature check for each log.
fn carrier_of(carrier: &mut Carrier, slice: &Slice, logs: u32) -> u32 {
    let marc = slice.control.writer(&slice.marcs).unwrap();
    for number in 0..logs {
        let mut name = [0xaa; 32];
        name[..4].copy_from_slice(&number.to_le_bytes());
        carrier.hold(PART, LogId::from_bytes(name), marc.speaker());
    }
    logs
}

#[test]
fn one_log_more_than_any_writer_may_have_is_refused() {
    let slice = || Slice::with_quota(u64::MAX, u32::MAX);
    fills(slice(), ContentKind::Documents, WRITER_LOGS_MAX);
    fills(slice(), ContentKind::Mailbox, MAILBOX_LOGS_MAX);
}

#[test]
fn a_log_has_one_writer() {
    let mut slice = Slice::new();
    let other = SigningKey::from_seed(&[0x73; 32]);
    let zoe = slice.laptop_says(Kind::Writer {
        key: other.public(),
        bytes: 1 << 20,
        logs: 9,
    });
    // Even where the log key agrees.
    let log = slice.log(1, PART);
    let mut carrier = Carrier::default();
    carrier.open(&slice.control, &slice.ticket(&log)).unwrap();
    let both = carrier.open(&slice.control, &Ticket::sign(&log, zoe, &other));
    assert_eq!(both, Err(Refusal::OtherWriter));
}

#[test]
fn an_entry_without_ticket_of_another_slice_or_generation_is_refused() {
    let mut slice = Slice::new();
    let log = slice.log(1, PART);
    let entries = slice.entries(&log, &[b"one"]);
    let mut carrier = Carrier::default();
    let take = |carrier: &mut Carrier, entry: &Entry| carrier.take(&slice.control, entry.header());
    assert_eq!(take(&mut carrier, &entries[0]), Err(Refusal::NoTicket));
    carrier.open(&slice.control, &slice.ticket(&log)).unwrap();
    let next = PartNumber(PART.0 + 1);
    let there = slice.entries(&slice.log(1, next), &[b"one"]);
    assert_eq!(
        take(&mut carrier, &there[0]),
        Err(Refusal::NoTicket),
        "another part"
    );
    assert_eq!(take(&mut carrier, &entries[0]), Ok(()));

    let untold = slice.ines.part_key(PART.0, 9);
    let told = std::mem::replace(&mut slice.key, untold);
    let sealed = slice.entries(&log, &[b"one"]);
    let got = carrier.take(&slice.control, sealed[0].header());
    assert_eq!(got, Err(Refusal::Generation));
    slice.key = told;

    let mut public = slice.ines.slice().public_half();
    public.kind = ContentKind::Files;
    let other = Control::begin(public).unwrap();
    let got = carrier.take(&other, entries[0].header());
    assert_eq!(got, Err(Refusal::OtherSlice));
}

#[test]
fn an_entry_costs_no_less_than_it_is_long() {
    let slice = Slice::new();
    let log = slice.log(1, PART);
    for content in [&[][..], &[1; 1000], &[2; 100_000]] {
        for entry in slice.entries(&log, &[b"", content]) {
            let long = u64::try_from(entry.to_bytes().len()).unwrap();
            let cost = entry_cost(entry.prefix());
            assert!(
                (long..long + 60).contains(&cost),
                "{long} bytes cost {cost}"
            );
        }
    }
}

#[test]
fn readers_see_what_is_not_enforced() {
    let mut slice = Slice::new();
    let (ines, marc) = (&slice.ines, &slice.marc);
    let people = BTreeMap::from([(marc.id(), marc.authority.clone())]);
    let grant = crate::grant::Grant {
        abilities: Abilities::WRITE,
        ..ines.grant_to(marc)
    };
    let mut access = ines.access();
    let said = access
        .say(&ines.signer(), Kind::Grant(grant.clone()), &people)
        .unwrap();
    let granted = said.membership();
    let none = Unenforced::default();
    let unknown = Unenforced {
        taken: vec![slice.marcs],
        ..none.clone()
    };
    assert_eq!(
        unenforced(&access, &slice.control, NOW),
        unknown,
        "nobody announced it"
    );

    let by_marc = Signer {
        key: &marc.device,
        membership: granted,
        installation: marc.installation,
    };
    let announce = |access: &mut Access, key| {
        access
            .say(&by_marc, Kind::WriteKey { key }, &people)
            .unwrap();
    };
    announce(&mut access, [0x44; 32]);
    let wrong = Unenforced {
        refused: vec![granted.into()],
        taken: vec![slice.marcs],
    };
    assert_eq!(unenforced(&access, &slice.control, NOW), wrong);
    announce(&mut access, slice.write_key.public());
    assert_eq!(
        unenforced(&access, &slice.control, NOW),
        none,
        "the last one counts"
    );

    // The grant ends, by itself or by a word of the owner: carriers must hear it.
    let later = NOW.plus_millis(90 * DAY);
    assert_eq!(unenforced(&access, &slice.control, later), unknown);
    let mut ended = access.clone();
    ended
        .say(&ines.signer(), removal(granted, Vec::new()), &people)
        .unwrap();
    assert_eq!(unenforced(&ended, &slice.control, NOW), unknown);

    // Carriers are told that Marc writes no more, and nobody ended his grant.
    let id = slice.control.id();
    slice.phone_says(slice.end_of_marc(&[]));
    assert_eq!(slice.control.id(), id);
    let refused = Unenforced {
        refused: vec![granted.into()],
        ..none.clone()
    };
    assert_eq!(unenforced(&access, &slice.control, NOW), refused);
    assert_eq!(unenforced(&ended, &slice.control, NOW), none);
}

/// A story with a root, forks, cuts and rotations, told by several who have not seen each other.
fn story() -> Vec<SignedStatement> {
    let mut slice = Slice::new();
    let mut apart = Slice {
        control: slice.control.clone(),
        ..Slice::new()
    };
    let second = slice.ines.part_key(PART.0, 2);
    apart.phone_says(apart.announces(&second));
    apart.phone_says(apart.end_of_marc(&[]));
    let tablet = SigningKey::from_seed(&[0x74; 32]);
    let tablets = apart.phone_says(Kind::ControlKey {
        key: tablet.public(),
        rank: 3,
    });
    slice.laptop_says(removal(slice.phones, Vec::new()));
    slice.laptop_says(slice.announces(&slice.ines.part_key(PART.0, 3)));
    let (root, installation) = (slice.ines.root.clone(), slice.ines.installation);
    let signer = apart
        .control
        .open_root(&root, &SALT, &installation)
        .unwrap();
    apart
        .control
        .say(&signer, removal(tablets, Vec::new()))
        .unwrap();
    let key = apart.signer(&tablet, tablets, 4);
    apart
        .control
        .say(&key, apart.announces(&slice.ines.part_key(PART.0, 4)))
        .unwrap();
    // The laptop's backup goes on from an old place.
    let mut restored = Slice::new();
    restored.laptop_says(Kind::Compact {
        part: PART,
        upto: Vec::new(),
    });
    let mut all: Vec<SignedStatement> = Vec::new();
    for control in [&slice.control, &apart.control, &restored.control] {
        for said in control.statements().iter() {
            if !all.iter().any(|known| known.id() == said.id()) {
                all.push(said.clone());
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn the_same_statements_give_the_same_answer_in_any_order(
        said in Just(story()).prop_shuffle(),
    ) {
        let begin = || Control::begin(Someone::new(1).slice().public_half()).unwrap();
        let (mut one, mut other) = (begin(), begin());
        one.add(story()).unwrap();
        add_one_by_one(&mut other, &said);
        other.merge(&one);
        prop_assert_eq!(one.to_bytes(), other.to_bytes());
        // Places differ, but what follows does not.
        prop_assert_eq!(one.statements().outcome().members(), other.statements().outcome().members());
        prop_assert_eq!(&one.view, &other.view);
        let received = UnverifiedControl::decode(&one.to_bytes()).unwrap();
        let received = received.verify(one.id());
        prop_assert_eq!(received.as_ref().map(|control| &control.view), Ok(&other.view));
        prop_assert!(!one.merge(&other) && !other.merge(&one));
    }
}

#[test]
fn no_junior_control_key_gives_a_senior_a_quota_of_nothing() {
    let mut slice = Slice::new();
    let laptop = slice.laptop.clone();
    // The phone is stolen. It admits the laptop's own control key, as a writer of nothing.
    let poison = slice.phone_says(Kind::Writer {
        key: laptop.public(),
        bytes: 0,
        logs: 0,
    });
    // Even after the laptop has taken that back, and removed the phone with a cut after it.
    slice.laptop_says(removal(poison, Vec::new()));
    let keep = vec![StatementId::from_bytes(*poison.as_bytes())];
    slice.laptop_says(removal(slice.phones, keep));
    let log = slice.log(1, PART);
    let ticket = Ticket::sign(&log, slice.control.creator(), &laptop);
    assert_eq!(slice.control.admits(&ticket).unwrap().quota, None);
    let mut carrier = Carrier::default();
    assert_eq!(carrier.open(&slice.control, &ticket), Ok(()));
    let entries = slice.entries(&log, &[b"one"]);
    assert_eq!(carrier.take(&slice.control, entries[0].header()), Ok(()));
}
