use super::*;
use crate::crypto::SealingSecret;
use crate::entry::{LogId, LogPlace};
use crate::evaluation::{After, Upto};
use crate::id::StatementId;
use crate::principal::NextRoot;
use crate::statement::{SetError, Statement, StatementError, UnverifiedStatement};
use crate::testing::{Someone, keeps_the_rules, removal, rng};

/// A device by number, to be admitted.
struct Spare {
    signing: SigningKey,
    sealing: SealingPublic,
    transport: TransportId,
    installation: InstallationId,
}

impl Spare {
    fn new(number: u8) -> Self {
        Self {
            signing: SigningKey::from_seed(&[number; 32]),
            sealing: SealingSecret::from_seed(&[number; 32]).public(),
            transport: TransportId::from_bytes([number; 32]),
            installation: InstallationId::from_bytes([number; 32]),
        }
    }

    fn as_new(&self) -> NewDevice<'_> {
        NewDevice {
            signing: &self.signing,
            sealing: &self.sealing,
            transport: self.transport,
        }
    }

    fn id(&self) -> DeviceId {
        DeviceId::from_bytes(self.signing.public())
    }

    fn signer(&self, membership: MembershipId) -> Signer<'_> {
        Signer {
            key: &self.signing,
            membership,
            installation: self.installation,
        }
    }
}

/// Inès with her words, a laptop, a phone and a tablet, admitted one by the other.
struct Ines {
    root: SigningKey,
    laptop: Spare,
    phone: Spare,
    tablet: Spare,
    authority: Authority,
}

impl Ines {
    fn new() -> Self {
        let words = crate::principal::phrase::keys(&[1; 64]);
        let [laptop, phone, tablet] = [11, 12, 13].map(Spare::new);
        let mut authority = Authority::found(
            &words.root,
            words.recovery.public(),
            Some(NextRoot::of(&SigningKey::from_seed(&[99; 32]).public())),
            (laptop.as_new(), 1),
            &mut rng(1),
        );
        let first = authority.device(&laptop.id()).unwrap().membership;
        let second = authority
            .admit(&laptop.signer(first), &phone.as_new())
            .unwrap();
        authority
            .admit(&phone.signer(second), &tablet.as_new())
            .unwrap();
        Self {
            root: words.root,
            laptop,
            phone,
            tablet,
            authority,
        }
    }

    fn membership(&self, device: &Spare) -> MembershipId {
        let who = Who::Key(*device.id().as_bytes());
        let mut members = self.authority.statements().outcome().members().iter();
        *members.find(|(_, member)| member.who == who).unwrap().0
    }

    fn root(&self) -> Signer<'_> {
        Signer {
            key: &self.root,
            membership: self.authority.root(),
            installation: InstallationId::from_bytes([200; 32]),
        }
    }

    /// The removal of a device that keeps what it said up to now.
    fn removal(&self, device: &Spare) -> Kind {
        let membership = self.membership(device);
        let speaker = device.signer(membership).speaker();
        let history = self.authority.statements().history();
        let mut statements = history.tips(&speaker, &device.installation);
        statements.sort_unstable();
        removal(membership, statements)
    }

    fn devices(&self) -> Vec<DeviceId> {
        self.authority.devices().keys().copied().collect()
    }

    fn speaks(&self, device: &Spare) -> bool {
        self.authority.device(&device.id()).is_some()
    }
}

/// The beginning of one of many logs.
fn log(number: u32) -> After {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&number.to_be_bytes());
    After::Nothing(InstallationId::from_bytes(id))
}

/// 512 entry logs, others for every seed.
fn logs(seed: u32) -> Vec<LogPlace> {
    (0..512)
        .map(|log: u32| {
            let mut id = [0; 32];
            id[..4].copy_from_slice(&log.to_be_bytes());
            id[4..8].copy_from_slice(&seed.to_be_bytes());
            LogPlace {
                log: LogId::from_bytes(id),
                seq: 0,
                hash: id,
            }
        })
        .collect()
}

/// One of the largest statements there are: 41 KB.
fn long(of: StatementId, seed: u32) -> Kind {
    Kind::Extend {
        of: vec![of],
        upto: Upto {
            statements: Vec::new(),
            logs: logs(seed),
        },
    }
}

/// One of the smallest: the removal of nobody.
fn short() -> Kind {
    removal(MembershipId::from_bytes([0; 32]), Vec::new())
}

fn checkpoint(statements: Vec<StatementId>, logs: Vec<LogPlace>) -> Kind {
    Kind::Checkpoint {
        upto: Upto { statements, logs },
        logs: [0; 32],
        documents: [0; 32],
        authority: Vec::new(),
        gate: 0,
    }
}

impl Ines {
    /// What somebody signs outside of `say`: where they like, citing what they like.
    fn signed(
        &self,
        by: (MembershipId, &SigningKey),
        after: After,
        heads: Vec<StatementId>,
        kind: Kind,
    ) -> SignedStatement {
        let (membership, key) = by;
        let statement = Statement {
            version: V1,
            subject: self.authority.statements().subject(),
            membership,
            key: key.public(),
            after,
            heads,
            kind,
        };
        SignedStatement::sign(statement, key).unwrap()
    }

    fn first(&self) -> StatementId {
        self.authority.statements().iter().next().unwrap().id()
    }

    /// The same person where somebody has heard all this, too; what does not fit is left out.
    fn with(&self, said: impl IntoIterator<Item = SignedStatement>) -> Authority {
        let mut authority = self.authority.clone();
        let _ = authority.add_all(said);
        authority
    }
}

fn received(authority: &Authority) -> UnverifiedAuthority {
    UnverifiedAuthority::decode(&authority.to_bytes()).unwrap()
}

#[test]
fn an_authority_keeps_the_rules_of_the_wire() {
    let ines = Ines::new();
    keeps_the_rules(&ines.authority.statements().to_wire(), PRINCIPAL_BYTES_MAX);
    keeps_the_rules(ines.authority.charter(), super::super::CHARTER_BYTES_MAX);
}

#[test]
fn an_authority_is_verified_by_the_persons_id_alone() {
    let ines = Ines::new();
    let person = ines.authority.person();
    let authority = received(&ines.authority).verify(person).unwrap();
    assert_eq!(authority, ines.authority);
    let ranks: Vec<_> = authority
        .devices()
        .values()
        .map(|device| device.rank)
        .collect();
    assert_eq!(ranks.iter().sum::<u32>(), 6);
    let tablet = authority
        .device_of_transport(&ines.tablet.transport)
        .unwrap();
    assert_eq!((tablet.rank, tablet.signing), (3, ines.tablet.id()));
}

#[test]
fn another_persons_authority_is_refused() {
    let (ines, marc) = (Someone::new(1), Someone::new(2));
    let got = received(&marc.authority).verify(ines.id());
    let refused = AuthorityError::OtherPerson {
        expected: ines.id(),
        got: marc.id(),
    };
    assert_eq!(got, Err(refused));
    // Nor can Marc put his own statements under her charter: they say whom they are about.
    let mut mixed = received(&marc.authority);
    mixed.0.charter = received(&ines.authority).0.charter;
    assert_eq!(
        mixed.verify(ines.id()),
        Err(PrincipalError::from(SetError::OtherSubject { index: 0 }).into())
    );
}

#[test]
fn what_was_verified_before_is_built_again_and_a_damaged_store_is_noticed() {
    let ines = Ines::new();
    let person = ines.authority.person();
    let built = received(&ines.authority).verified_before(person).unwrap();
    assert_eq!(built, ines.authority);
    assert!(
        received(&ines.authority)
            .verified_before(Someone::new(2).id())
            .is_err()
    );
    // A forged one is told apart by its signatures alone: never use it for what a peer sent.
    let mut forged = received(&ines.authority);
    let last = forged.0.statements.last_mut().unwrap();
    *last =
        crate::signed::Signed::sign(last.unverified().clone(), &SigningKey::from_seed(&[5; 32]));
    assert!(forged.clone().verify(person).is_err());
    assert!(forged.verified_before(person).is_ok());
}

#[test]
fn the_same_statements_have_the_same_bytes_whatever_came_first() {
    let ines = Ines::new();
    let statements: Vec<_> = ines.authority.statements().iter().cloned().collect();
    let person = ines.authority.person();
    let mut wire = received(&ines.authority).0;
    wire.statements.truncate(1);
    let mut other = UnverifiedAuthority(wire).verify(person).unwrap();
    for said in statements
        .iter()
        .rev()
        .chain(&statements)
        .chain(&statements)
    {
        let _ = other.add(said.clone());
    }
    assert_eq!(other.to_bytes(), ines.authority.to_bytes());
    // In another order they are refused: one set, one spelling.
    let mut swapped = received(&ines.authority);
    swapped.0.statements.swap(1, 2);
    assert!(swapped.verify(person).is_err());
    let mut doubled = received(&ines.authority);
    let first = doubled.0.statements[0].clone();
    doubled.0.statements.insert(1, first);
    assert_eq!(
        doubled.verify(person),
        Err(PrincipalError::from(SetError::Order).into())
    );
}

#[test]
fn a_device_admits_juniors_and_no_seniors() {
    let mut ines = Ines::new();
    let phone = ines.membership(&ines.phone);
    let guest = Spare::new(20);
    for rank in [1, 2] {
        let kind = guest.as_new().consent(ines.authority.person(), phone, rank);
        ines.authority.say(&ines.phone.signer(phone), kind).unwrap();
        assert!(!ines.speaks(&guest), "at rank {rank}");
    }
    let kind = guest.as_new().consent(ines.authority.person(), phone, 3);
    ines.authority.say(&ines.phone.signer(phone), kind).unwrap();
    assert!(ines.speaks(&guest));
}

#[test]
fn a_stolen_phone_is_removed_by_the_laptop_and_admits_nobody_afterwards() {
    let mut ines = Ines::new();
    let (laptop, phone) = (ines.membership(&ines.laptop), ines.membership(&ines.phone));
    let mut thief = ines.authority.clone();
    let answer = ines.removal(&ines.phone);
    ines.authority
        .say(&ines.laptop.signer(laptop), answer)
        .unwrap();
    assert!(!ines.speaks(&ines.phone));
    assert!(ines.speaks(&ines.tablet), "what it rightly said stays");

    // The thief goes on as if it had not heard, in its log and in a new one.
    let accomplice = Spare::new(20);
    thief
        .admit(&ines.phone.signer(phone), &accomplice.as_new())
        .unwrap();
    let other_log = Signer {
        installation: InstallationId::from_bytes([66; 32]),
        ..ines.phone.signer(phone)
    };
    thief.admit(&other_log, &Spare::new(21).as_new()).unwrap();
    assert_eq!(thief.devices().len(), 5);
    ines.authority.merge(&thief);
    assert_eq!(ines.devices().len(), 2);
    assert!(!ines.speaks(&accomplice));
    // What it said is kept until there is no room for it: the root may still say that the laptop was
    // the stolen one.
    let said = ines.authority.statements().iter().count();
    assert_eq!(said, 6);
    // And whoever had heard the thief first comes to the same.
    thief.merge(&ines.authority);
    assert_eq!(thief, ines.authority);
    assert_eq!(thief.to_bytes(), ines.authority.to_bytes());
}

#[test]
fn a_stolen_laptop_is_answered_with_the_words() {
    let mut ines = Ines::new();
    let (laptop, phone) = (ines.membership(&ines.laptop), ines.membership(&ines.phone));
    // The thief removes the phone; the phone cannot remove the laptop.
    let answer = ines.removal(&ines.phone);
    ines.authority
        .say(&ines.laptop.signer(laptop), answer)
        .unwrap();
    let answer = ines.removal(&ines.laptop);
    ines.authority
        .say(&ines.phone.signer(phone), answer)
        .unwrap();
    assert!(ines.speaks(&ines.laptop) && !ines.speaks(&ines.phone));
    // The root removes it and keeps what it said before: its admission of the phone.
    let before: Vec<StatementId> = (ines.authority.statements().iter())
        .filter(|said| {
            said.statement().membership == laptop
                && matches!(said.statement().kind, Kind::Device { .. })
        })
        .map(SignedStatement::id)
        .collect();
    let kind = removal(laptop, before);
    let root = ines.root.clone();
    let signer = Signer {
        key: &root,
        ..ines.root()
    };
    ines.authority.say(&signer, kind).unwrap();
    assert!(!ines.speaks(&ines.laptop) && ines.speaks(&ines.phone));
}

#[test]
fn the_second_sheet_replaces_a_leaked_phrase() {
    let mut ines = Ines::new();
    let thief = ines.root.clone();
    let guest = Spare::new(20);
    let signer = Signer {
        key: &thief,
        ..ines.root()
    };
    ines.authority.admit(&signer, &guest.as_new()).unwrap();
    assert!(ines.speaks(&guest));
    let next = SigningKey::from_seed(&[99; 32]);
    let first = ines.authority.statements().iter().next();
    let first = first.map(SignedStatement::id).into_iter().collect();
    let said = removal(ines.authority.root(), first);
    let by = |key| Signer {
        key,
        membership: ines.authority.next_root(),
        installation: InstallationId::from_bytes([3; 32]),
    };
    let history = ines.authority.statements().history();
    let subject = ines.authority.statements().subject();
    // Another key than the one on the second sheet says nothing.
    let other = SigningKey::from_seed(&[98; 32]);
    let forged = by(&other).say(history, subject, said.clone()).unwrap();
    let real = by(&next).say(history, subject, said).unwrap();
    assert_eq!(ines.authority.add(forged), Err(InsertError::Key));
    assert!(ines.speaks(&guest));
    ines.authority.add(real).unwrap();
    assert!(!ines.speaks(&guest) && ines.speaks(&ines.laptop));
    let root = ines.authority.root();
    assert!(
        ines.authority
            .statements()
            .outcome()
            .member(&root)
            .is_none()
    );
}

#[test]
fn nobody_admits_a_key_that_they_do_not_hold() {
    let ines = Ines::new();
    let laptop = ines.membership(&ines.laptop);
    let other = Spare::new(20);
    let kind = other.as_new().consent(ines.authority.person(), laptop, 5);
    let Kind::Device {
        device,
        sealing,
        transport,
        rank,
        consent,
    } = kind
    else {
        unreachable!()
    };
    let history = ines.authority.statements().history();
    let subject = ines.authority.statements().subject();
    let with = |device, sealing: &SealingPublic, transport, rank, signer: &Signer<'_>| {
        let sealing = sealing.clone();
        signer.say(
            history,
            subject,
            Kind::Device {
                device,
                sealing,
                transport,
                rank,
                consent,
            },
        )
    };
    let by_laptop = ines.laptop.signer(laptop);
    assert!(with(device, &sealing, transport, rank, &by_laptop).is_ok());
    let refused = Err(StatementError::Consent);
    // Another key, box, place or rank than it consented to, or another who admits it.
    assert_eq!(
        with(ines.phone.id(), &sealing, transport, rank, &by_laptop),
        refused
    );
    assert_eq!(
        with(device, &ines.phone.sealing, transport, rank, &by_laptop),
        refused
    );
    assert_eq!(
        with(device, &sealing, ines.phone.transport, rank, &by_laptop),
        refused
    );
    assert_eq!(
        with(device, &sealing, transport, rank + 1, &by_laptop),
        refused
    );
    let by_phone = ines.phone.signer(ines.membership(&ines.phone));
    assert_eq!(with(device, &sealing, transport, rank, &by_phone), refused);
    let of_rank_0 = with(device, &sealing, transport, 0, &by_laptop);
    assert_eq!(of_rank_0, Err(StatementError::Rank));
}

#[test]
fn who_is_admitted_again_is_another() {
    let mut ines = Ines::new();
    let (laptop, phone) = (ines.membership(&ines.laptop), ines.membership(&ines.phone));
    let answer = ines.removal(&ines.phone);
    ines.authority
        .say(&ines.laptop.signer(laptop), answer)
        .unwrap();
    let again = ines
        .authority
        .admit(&ines.laptop.signer(laptop), &ines.phone.as_new())
        .unwrap();
    assert_ne!(again, phone);
    assert_eq!(
        ines.authority.device(&ines.phone.id()).unwrap().membership,
        again
    );
    let outcome = ines.authority.statements().outcome();
    assert!(!outcome.speaks(&ines.phone.signer(phone).speaker()));
    assert!(outcome.speaks(&ines.phone.signer(again).speaker()));
}

#[test]
fn a_device_that_leaves_says_nothing_afterwards() {
    let mut ines = Ines::new();
    let phone = ines.membership(&ines.phone);
    let leave = ines.removal(&ines.phone);
    ines.authority
        .say(&ines.phone.signer(phone), leave)
        .unwrap();
    assert!(!ines.speaks(&ines.phone) && ines.speaks(&ines.tablet));
    let guest = Spare::new(20);
    let _ = ines
        .authority
        .admit(&ines.phone.signer(phone), &guest.as_new());
    assert!(!ines.speaks(&guest));
}

/// Found by the judgement vectors: each leaving voided the other, and the phone spoke again. Whoever had its key could
/// bring it back.
#[test]
fn a_device_that_leaves_twice_has_left() {
    let ines = Ines::new();
    let by = (ines.membership(&ines.phone), &ines.phone.signing);
    let admitted = StatementId::from_bytes(*by.0.as_bytes());
    let leaves = |number| ines.signed(by, log(number), vec![admitted], removal(by.0, vec![]));
    let (phone, backup) = (leaves(1), leaves(2));
    let told = ines.with([phone.clone(), backup.clone()]);
    assert!(told.device(&ines.phone.id()).is_none());
    assert!(told.statements().stands(&phone.id()) && told.statements().stands(&backup.id()));
    // In one place of one log, too.
    let other = ines.signed(by, log(1), vec![], removal(by.0, vec![]));
    let told = ines.with([phone, other]);
    assert!(told.device(&ines.phone.id()).is_none());
}

/// Found by the judgement vectors: the second sheet cut all that the first had said, the only device's admission was
/// forgotten, and nobody took the authority any more, nor could its own node read it again.
#[test]
fn a_person_without_a_device_left_is_passed_on_and_stored() {
    let mut ines = Ines::new();
    let next = SigningKey::from_seed(&[99; 32]);
    let by = (ines.authority.next_root(), &next);
    let said = ines.signed(by, log(1), vec![], removal(ines.authority.root(), vec![]));
    ines.authority.add(said).unwrap();
    assert_eq!(ines.devices(), []);
    let person = ines.authority.person();
    let stored = received(&ines.authority).verified_before(person);
    assert_eq!(stored.unwrap(), ines.authority);
    let got = received(&ines.authority).verify(person).unwrap();
    assert_eq!(got, ines.authority);
}

#[test]
fn a_thief_who_fills_the_authority_up_is_removed_by_the_root_all_the_same() {
    let mut ines = Ines::new();
    let phone = ines.membership(&ines.phone);
    let by_phone = ines.phone.signer(phone);
    // As much as one key may say, in the largest statements there are.
    let of = StatementId::from_bytes(*phone.as_bytes());
    let filler = |seed: u32| long(of, seed);
    let said = (0..).take_while(|seed| ines.authority.say(&by_phone, filler(*seed)).is_ok());
    let said = said.count();
    assert!((4..8).contains(&said), "{said} of 41 KB");
    let full = ines.authority.say(&by_phone, filler(99)).unwrap_err();
    assert_eq!(full, SayError::Insert(InsertError::Full));
    let root = ines.root.clone();
    let signer = Signer {
        key: &root,
        ..ines.root()
    };
    let kind = removal(phone, Vec::new());
    ines.authority.say(&signer, kind).unwrap();
    assert_eq!(ines.devices(), [ines.laptop.id()]);
    assert!(
        received(&ines.authority)
            .verify(ines.authority.person())
            .is_ok()
    );
}

#[test]
fn a_statement_keeps_the_rules_of_the_wire() {
    let ines = Ines::new();
    for said in ines.authority.statements().iter() {
        keeps_the_rules(said.signed(), wire::LISTING_BYTES_MAX + 72);
        let again = UnverifiedStatement::decode(&said.to_bytes()).unwrap();
        assert_eq!(&again.verify().unwrap(), said);
    }
}

#[test]
fn one_phrase_may_found_several_persons() {
    let keys = crate::principal::phrase::keys(&[1; 64]);
    let spare = Spare::new(70);
    let found = |seed| {
        let recovery = keys.recovery.public();
        Authority::found(
            &keys.root,
            recovery,
            None,
            (spare.as_new(), 1),
            &mut rng(seed),
        )
        .person()
    };
    assert_ne!(found(1), found(2));
    assert_eq!(found(1), found(1));
}

/// Found by the review of 2026-11-26: a key that nobody had admitted "spoke" by the root's membership, and
/// had the root's room. One frame kept a person from ever removing a device.
#[test]
fn a_stranger_fills_nobodys_authority_up() {
    let mut ines = Ines::new();
    let stranger = SigningKey::from_seed(&[123; 32]);
    let memberships = [
        ines.authority.root(),
        ines.authority.next_root(),
        ines.membership(&ines.laptop),
    ];
    for membership in memberships {
        let said = ines.signed((membership, &stranger), log(1), vec![], short());
        let mut wire = received(&ines.authority);
        wire.0.statements.push(said.signed().clone());
        assert_eq!(ines.authority.add(said), Err(InsertError::Key));
        let got = wire.verify(ines.authority.person());
        let index = ines.authority.statements().iter().count();
        let refused = SetError::Insert {
            index,
            error: InsertError::Key,
        };
        assert_eq!(got, Err(PrincipalError::from(refused).into()));
    }
}

/// Found by the same: a removed thief's last word was a removal that cited all its junk. Removals past a
/// cut were kept, and what they cite with them: nobody but the root could say anything again.
#[test]
fn what_a_removed_thief_filled_up_is_free_again() {
    let mut ines = Ines::new();
    let (laptop, phone) = (ines.membership(&ines.laptop), ines.membership(&ines.phone));
    let root = ines.root.clone();
    // The phone and two accomplices fill all the room there is.
    let mates = [Spare::new(20), Spare::new(21)];
    let thief = (phone, &ines.phone.signing);
    let mut said = Vec::new();
    let mut by = vec![thief];
    for (number, mate) in (0..).zip(&mates) {
        let kind = mate.as_new().consent(ines.authority.person(), phone, 50);
        let admission = ines.signed(thief, log(1000 + number), vec![], kind);
        by.push((admission.membership(), &mate.signing));
        said.push(admission);
    }
    for (number, by) in (1..).zip(by) {
        for seed in 0..(if number == 1 { 6 } else { 7 }) {
            let junk = long(ines.first(), seed);
            said.push(ines.signed(by, log(number * 10_000 + seed), vec![], junk));
        }
    }
    // And removals of nobody that cite it, one of them all of it.
    let mut cited: Vec<StatementId> = said.iter().map(SignedStatement::id).collect();
    cited.sort_unstable();
    for number in 0..60 {
        let heads = if number == 0 { cited.clone() } else { vec![] };
        said.push(ines.signed(thief, log(90_000 + number), heads, short()));
    }
    let full = ines.with(said);
    assert!(full.to_bytes().len() > 700_000);
    // The root removes the phone, having seen nothing of it.
    let kind = ines.removal(&ines.phone);
    let signer = Signer {
        key: &root,
        ..ines.root()
    };
    ines.authority.say(&signer, kind).unwrap();
    let before = ines.authority.to_bytes().len();
    ines.authority.merge(&full);
    // Some removals are left, so that whoever made the cut is told.
    let after = ines.authority.to_bytes().len();
    assert!(after - before < 16 * 1024, "{after} bytes");
    let by_phone = ines.phone.signer(phone).speaker();
    let kept = (ines.authority.statements().iter())
        .filter(|said| said.statement().author() == by_phone)
        .filter(|said| matches!(said.statement().kind, Kind::Remove { .. }));
    assert_eq!(kept.count(), crate::evaluation::PAST_REMOVALS_MAX);
    for guest in 30..33 {
        let guest = Spare::new(guest);
        let signer = ines.laptop.signer(laptop);
        ines.authority.admit(&signer, &guest.as_new()).unwrap();
        assert!(ines.speaks(&guest));
    }
    let person = ines.authority.person();
    assert_eq!(received(&ines.authority).verify(person), Ok(ines.authority));
}

/// Found by the same: what came first decided what fitted.
#[test]
fn two_nodes_agree_although_a_thief_filled_one_up() {
    let mut ines = Ines::new();
    let (laptop, phone) = (ines.membership(&ines.laptop), ines.membership(&ines.phone));
    let thief = (phone, &ines.phone.signing);
    let junk = |number: u32, seed: u32| {
        let many = (0..7)
            .map(|n| ines.signed(thief, log(number + n), vec![], long(ines.first(), seed + n)));
        many.collect::<Vec<_>>()
    };
    let (mut left, mut right) = (ines.with(junk(100, 0)), ines.with(junk(200, 50)));
    assert_ne!(left, right);
    // The phone's owner goes on with it at one of them, her laptop removes it at the other.
    let kind = ines.removal(&ines.phone);
    let guest = Spare::new(20);
    let got = left.admit(&ines.laptop.signer(laptop), &guest.as_new());
    assert!(got.is_ok(), "{got:?}");
    right.say(&ines.laptop.signer(laptop), kind).unwrap();
    let alone = left.clone();
    left.merge(&right);
    right.merge(&alone);
    assert_eq!(left, right);
    assert_eq!(left.devices(), right.devices());
    assert!(
        left.device(&guest.id()).is_none(),
        "two laptops, one log: it forked"
    );
    ines.authority.merge(&left);
    assert_eq!(ines.authority, left);
}

/// Found by the same: what was forgotten for a removal was lost although the removal came to nothing.
#[test]
fn what_a_thief_cut_comes_back_in_any_order() {
    let ines = Ines::new();
    let (laptop, phone) = (ines.membership(&ines.laptop), ines.membership(&ines.phone));
    let admitted_phone = vec![StatementId::from_bytes(*phone.as_bytes())];
    // The stolen laptop removes the phone and keeps nothing; it cites as little as it can.
    let by_laptop = (laptop, &ines.laptop.signing);
    let theft = ines.signed(by_laptop, log(1), vec![], removal(phone, vec![]));
    // The root removes the laptop, and keeps what it said before.
    let by_root = (ines.authority.root(), &ines.root);
    let answer = ines.signed(by_root, log(2), vec![], removal(laptop, admitted_phone));
    let devices = |order: [&SignedStatement; 2]| {
        let mut authority = ines.authority.clone();
        for said in order {
            authority.add(said.clone()).unwrap();
        }
        authority.devices().keys().copied().collect::<Vec<_>>()
    };
    let both = devices([&answer, &theft]);
    assert_eq!(both.len(), 2, "the phone, and the tablet that it admitted");
    assert_eq!(devices([&theft, &answer]), both);
}

/// Found by the same: one device of the last rank, and nobody could be admitted any more.
#[test]
fn a_junior_of_the_last_rank_keeps_nobody_from_admitting() {
    let mut ines = Ines::new();
    let phone = ines.membership(&ines.phone);
    let person = ines.authority.person();
    let last = Spare::new(20);
    for (rank, refused) in [(RANK_MAX + 1, true), (u32::MAX, true), (RANK_MAX, false)] {
        let kind = last.as_new().consent(person, phone, rank);
        let got = ines.authority.say(&ines.phone.signer(phone), kind);
        let expected = refused.then_some(SayError::Statement(StatementError::Rank));
        assert_eq!(got.err(), expected, "at rank {rank}");
    }
    assert!(ines.speaks(&last));
    let guest = Spare::new(23);
    let admitted = ines
        .authority
        .admit(&ines.phone.signer(phone), &guest.as_new());
    assert!(admitted.is_ok() && ines.speaks(&guest));
    assert_eq!(ines.authority.device(&guest.id()).unwrap().rank, 4);
}

/// Found by the same: what came of more than 64 logs was cited by its ids, so that by many logs a thief
/// could keep a device from citing what is senior to it.
#[test]
fn of_too_many_heads_those_of_the_most_senior_are_cited() {
    let mut ines = Ines::new();
    let (laptop, phone) = (ines.membership(&ines.laptop), ines.membership(&ines.phone));
    let many = (0..700).map(|n| ines.signed((phone, &ines.phone.signing), log(n), vec![], short()));
    ines.authority = ines.with(many.collect::<Vec<_>>());
    let by_root = (ines.authority.root(), &ines.root);
    for number in 800..810 {
        let said = ines.signed(by_root, log(number), vec![], short());
        ines.authority.add(said.clone()).unwrap();
        let answer = ines
            .authority
            .say(&ines.laptop.signer(laptop), short())
            .unwrap();
        assert!(answer.statement().heads.contains(&said.id()));
        assert_eq!(answer.statement().heads.len(), crate::statement::HEADS_MAX);
    }
}

/// Found by the same: forks took n^3. This took hours.
#[test]
fn a_log_with_as_many_branches_as_fit_is_judged_at_once() {
    let ines = Ines::new();
    let phone = ines.membership(&ines.phone);
    let branches = |by, many: u32| {
        let branch = |n: u32| {
            let mut of = [0; 32];
            of[..4].copy_from_slice(&n.to_be_bytes());
            ines.signed(
                by,
                log(7),
                vec![],
                removal(MembershipId::from_bytes(of), vec![]),
            )
        };
        ines.with((0..many).map(branch).collect::<Vec<_>>())
    };
    let by_phone = branches((phone, &ines.phone.signing), 900);
    assert_eq!(by_phone.statements().iter().count(), 903);
    let by_root = branches((ines.authority.root(), &ines.root), 3000);
    assert_eq!(by_root.statements().iter().count(), 3003);
    assert_eq!(by_root.devices().len(), 3);
}

/// Found by the same: each removal walked each log once for every tip of every checkpoint.
#[test]
fn many_removals_that_cite_many_checkpoints_are_judged_at_once_and_in_little_room() {
    let ines = Ines::new();
    let by_root = (ines.authority.root(), &ines.root);
    let by_laptop = (ines.membership(&ines.laptop), &ines.laptop.signing);
    let tablet = ines.membership(&ines.tablet);
    let mut all = Vec::new();
    let mut after = log(1);
    for _ in 0..800 {
        let said = ines.signed((tablet, &ines.tablet.signing), after, vec![], short());
        after = After::Statement(said.id());
        all.push(said);
    }
    let mut tips: Vec<_> = all[800 - 256..].iter().map(SignedStatement::id).collect();
    tips.sort_unstable();
    let checkpoints: Vec<_> = (0..5)
        .map(|n| ines.signed(by_root, log(n), vec![], checkpoint(tips.clone(), logs(n))))
        .collect();
    let mut heads: Vec<_> = checkpoints.iter().map(SignedStatement::id).collect();
    heads.sort_unstable();
    all.extend(checkpoints);
    let first = ines.signed(by_laptop, log(99), heads, short());
    let id = first.id();
    all.push(first);
    for n in 0..700 {
        all.push(ines.signed(by_laptop, log(100 + n), vec![id], removal(tablet, vec![])));
    }
    let many = all.len();
    let authority = ines.with(all);
    assert_eq!(authority.statements().iter().count(), 3 + many);
    assert!(authority.device(&ines.tablet.id()).is_none());
    let outcome = authority.statements().outcome();
    assert_eq!(
        outcome.past_a_cut().count(),
        0,
        "the checkpoints hold all of it"
    );
    let speaker = ines.tablet.signer(tablet).speaker();
    for place in logs(3) {
        assert_eq!(outcome.log_limits(&speaker, &place.log), vec![vec![place]]);
    }
    // What the checkpoints say of entries is there once, not once for each removal.
    assert_eq!(outcome.held().1, 5 * 512);
}
