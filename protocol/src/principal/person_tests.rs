use super::*;
use crate::crypto::SealingSecret;
use crate::evaluation::Upto;
use crate::id::StatementId;
use crate::principal::NextRoot;
use crate::statement::{StatementError, UnverifiedStatement};
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
            laptop.as_new(),
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
        let mut members = self.authority.principal().outcome().members().iter();
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
        let history = self.authority.principal().history();
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

fn received(authority: &Authority) -> UnverifiedAuthority {
    UnverifiedAuthority::decode(&authority.to_bytes()).unwrap()
}

#[test]
fn an_authority_keeps_the_rules_of_the_wire() {
    let ines = Ines::new();
    keeps_the_rules(&ines.authority.principal().to_wire(), PRINCIPAL_BYTES_MAX);
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
        Err(PrincipalError::OtherSubject { index: 0 }.into())
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
    let statements: Vec<_> = ines.authority.principal().statements().cloned().collect();
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
    assert_eq!(doubled.verify(person), Err(PrincipalError::Order.into()));
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
    // What it said is not even kept, so it cannot fill anything up.
    let admitted = ines.authority.principal().statements().count();
    assert_eq!(admitted, 4);
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
    let before: Vec<StatementId> = (ines.authority.principal().statements())
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
    let first = ines.authority.principal().statements().next();
    let first = first.map(SignedStatement::id).into_iter().collect();
    let said = removal(ines.authority.root(), first);
    let by = |key| Signer {
        key,
        membership: ines.authority.next_root(),
        installation: InstallationId::from_bytes([3; 32]),
    };
    let history = ines.authority.principal().history();
    let subject = ines.authority.principal().subject();
    // Another key than the one on the second sheet says nothing.
    let other = SigningKey::from_seed(&[98; 32]);
    let forged = by(&other).say(history, subject, said.clone()).unwrap();
    let real = by(&next).say(history, subject, said).unwrap();
    ines.authority.add(forged).unwrap();
    assert!(ines.speaks(&guest));
    ines.authority.add(real).unwrap();
    assert!(!ines.speaks(&guest) && ines.speaks(&ines.laptop));
    let root = ines.authority.root();
    assert!(ines.authority.principal().outcome().member(&root).is_none());
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
    let history = ines.authority.principal().history();
    let subject = ines.authority.principal().subject();
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
    let outcome = ines.authority.principal().outcome();
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

#[test]
fn a_thief_who_fills_the_authority_up_is_removed_by_the_root_all_the_same() {
    let mut ines = Ines::new();
    let phone = ines.membership(&ines.phone);
    let by_phone = ines.phone.signer(phone);
    // As much as one key may say, in the largest statements there are.
    let filler = |seed: u32| Kind::Extend {
        of: vec![StatementId::from_bytes(*phone.as_bytes())],
        upto: Upto {
            statements: Vec::new(),
            logs: (0..512)
                .map(|log: u32| {
                    let mut id = [0; 32];
                    id[..4].copy_from_slice(&log.to_be_bytes());
                    id[4..8].copy_from_slice(&seed.to_be_bytes());
                    crate::entry::LogPlace {
                        log: crate::entry::LogId::from_bytes(id),
                        seq: 0,
                        hash: id,
                    }
                })
                .collect(),
        },
    };
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
    for said in ines.authority.principal().statements() {
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
        Authority::found(&keys.root, recovery, None, spare.as_new(), &mut rng(seed)).person()
    };
    assert_ne!(found(1), found(2));
    assert_eq!(found(1), found(1));
}
