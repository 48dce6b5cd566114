//! Stories, one for each sentence of `spec/authority.md`, named by what comes of it.

use super::{
    Having, Key32, KeyNumber, Kind, MembershipId, PersonId, Role, Rule, StatementId, Subject, Tale,
    Tips, Town, Upto, Voice, public,
};
use crate::testing::NOW;

/// Root key of the person that the stories and the draws are about; the next root is the key after it.
pub(super) const ROOT: KeyNumber = 16;
/// Keys 1 to this are devices of that person.
pub(super) const DEVICES: KeyNumber = 5;

/// Root keys of the persons of circles. After each comes the next root, then its devices.
pub(super) const ADA: KeyNumber = 32;
pub(super) const BO: KeyNumber = 64;
pub(super) const CLEO: KeyNumber = 96;
pub(super) const DAN: KeyNumber = 128;
pub(super) const EVE: KeyNumber = 160;

pub(super) fn upto(ids: &[StatementId]) -> Upto {
    let mut statements = ids.to_vec();
    statements.sort_unstable();
    Upto {
        statements,
        logs: Vec::new(),
    }
}

pub(super) fn removal(membership: MembershipId, keep: &[StatementId]) -> Kind {
    crate::testing::removal(membership, upto(keep).statements)
}

pub(super) fn removal_of(by: Voice, keep: &[StatementId]) -> Kind {
    Kind::Remove {
        membership: by.0,
        key: Some(Key32(public(by.1))),
        keep: upto(keep),
        trusted: None,
    }
}

pub(super) fn doubting(
    membership: MembershipId,
    keep: &[StatementId],
    trusted: &[StatementId],
) -> Kind {
    Kind::Remove {
        membership,
        key: None,
        keep: upto(keep),
        trusted: Some(Tips(upto(trusted).statements)),
    }
}

pub(super) fn extension(of: &[StatementId], ids: &[StatementId]) -> Kind {
    Kind::Extend {
        of: upto(of).statements,
        upto: upto(ids),
    }
}

pub(super) fn checkpoint(ids: &[StatementId]) -> Kind {
    Kind::Checkpoint {
        upto: upto(ids),
        logs: [1; 32],
        documents: [0; 32],
        authority: Vec::new(),
        gate: 1,
    }
}

fn word(number: u8) -> Kind {
    Kind::Certify {
        what: [number; 32],
        expires: NOW,
    }
}

fn ring() -> Kind {
    Kind::Ring {
        parents: Vec::new(),
        commit: [2; 32],
        sealing: super::sealing(1),
        removed: Vec::new(),
    }
}

pub(super) const fn approval(statement: StatementId) -> Kind {
    Kind::Approve { statement }
}

pub(super) const fn as_membership(id: StatementId) -> MembershipId {
    MembershipId::from_bytes(*id.as_bytes())
}

/// The persons whom circles are made of, each with something about their keys.
pub(super) fn people() -> Vec<Tale> {
    let admits = |tale: &mut Tale, by: Voice, device: KeyNumber, rank: u32| -> Voice {
        let kind = tale.device(by, device, rank);
        (as_membership(tale.says(by, kind)), device)
    };
    let begun = |name: &str, root: KeyNumber| {
        let mut tale = Tale::person(name, root);
        let root = (tale.founder(0), root);
        let laptop = admits(&mut tale, root, root.1 + 2, 2);
        (tale, root, laptop)
    };
    let (mut ada, _, laptop) = begun("Ada has removed her tablet", ADA);
    admits(&mut ada, laptop, ADA + 3, 3);
    let tablet = admits(&mut ada, laptop, ADA + 4, 4);
    ada.says(laptop, removal(tablet.0, &[]));

    let (mut bo, _, laptop) = begun("Bo's next root has spoken", BO);
    admits(&mut bo, laptop, BO + 3, 3);
    bo.says((bo.founder(1), BO + 1), word(1));

    let (mut cleo, root, laptop) = begun(
        "Cleo's root removed her phone, which admitted a tablet",
        CLEO,
    );
    let phone = admits(&mut cleo, laptop, CLEO + 3, 3);
    let tablet = admits(&mut cleo, phone, CLEO + 4, 4);
    let kept = StatementId::from_bytes(*tablet.0.as_bytes());
    cleo.says(root, removal(phone.0, &[kept]));

    let (mut dan, root, laptop) = begun(
        "Dan's phone was removed, and is back before his laptop",
        DAN,
    );
    let phone = admits(&mut dan, laptop, DAN + 3, 4);
    dan.says(root, removal(phone.0, &[]));
    admits(&mut dan, root, DAN + 3, 1);

    let (mut eve, _, laptop) = begun("Eve's laptop admitted two in one place", EVE);
    let phone = admits(&mut eve, laptop, EVE + 3, 3);
    let phone = StatementId::from_bytes(*phone.0.as_bytes());
    let tablet = eve.device(laptop, EVE + 4, 4);
    eve.says_having(Having::default().instead_of(phone), laptop, tablet);
    vec![ada, bo, cleo, dan, eve]
}

/// Which keys somebody might speak by, their laptop mostly.
pub(super) fn keys_of(town: &Town, person: &PersonId) -> Vec<KeyNumber> {
    let roots = [ADA, BO, CLEO, DAN, EVE];
    let is = |tale: &Tale| tale.subject == Subject::Person(*person);
    match town.tales.iter().position(is) {
        Some(at) => [2, 2, 2, 2, 3, 3, 4, 0, 1]
            .map(|of| roots[at] + of)
            .to_vec(),
        None => vec![1],
    }
}

/// A person's root, laptop (rank 2, by the root) and phone (rank 4, by the laptop).
fn family(name: &str) -> (Tale, Voice, Voice, Voice) {
    let mut tale = Tale::person(name, ROOT);
    let root = (tale.founder(0), ROOT);
    let laptop = admitted(&mut tale, root, 1, 2);
    let phone = admitted(&mut tale, laptop, 2, 4);
    (tale, root, laptop, phone)
}

fn admitted(tale: &mut Tale, by: Voice, device: KeyNumber, rank: u32) -> Voice {
    let kind = tale.device(by, device, rank);
    (as_membership(tale.says(by, kind)), device)
}

fn rank() -> Vec<Tale> {
    let mut tales = Vec::new();

    let (mut tale, root, laptop, phone) =
        family("a root that has seen it cuts what a stolen laptop admitted");
    let accomplice = admitted(&mut tale, laptop, 3, 3);
    tale.says(accomplice, removal(phone.0, &[]));
    tale.says(root, removal(laptop.0, &[as_said(phone)]));
    tales.push(tale);

    let (mut tale, _, laptop, phone) =
        family("of two that remove each other the more senior stays");
    tale.says(phone, removal(laptop.0, &[]));
    tale.says(laptop, removal(phone.0, &[]));
    tales.push(tale);

    let (mut tale, root, _, phone) =
        family("equals do not remove each other, and extend each other's removals");
    let tablet = admitted(&mut tale, root, 3, 4);
    let watch = admitted(&mut tale, root, 4, 6);
    let said = tale.says(watch, word(1));
    tale.says(phone, removal(tablet.0, &[]));
    let removed = tale.says(tablet, removal(watch.0, &[]));
    tale.says(tablet, removal(phone.0, &[]));
    tale.says(phone, extension(&[removed], &[said]));
    tales.push(tale);

    let (mut tale, root, laptop, phone) = family("a device admits nobody of its own rank or above");
    admitted(&mut tale, phone, 3, 4);
    admitted(&mut tale, phone, 4, 5);
    admitted(&mut tale, laptop, 5, 1);
    tale.says(root, word(1));
    tales.push(tale);

    for cites in [true, false] {
        let (mut tale, root, laptop, phone) = family(if cites {
            "a removal cuts not below a senior's checkpoint that it cites"
        } else {
            "a checkpoint that a removal does not cite holds nothing"
        });
        let first = tale.says(phone, word(1));
        tale.says(phone, word(2));
        let checkpoint = tale.says(root, checkpoint(&[first]));
        let seen = [as_said(phone), checkpoint];
        let seen = if cites { &seen[..] } else { &seen[..1] };
        tale.says_having(Having::seen(seen), laptop, removal(phone.0, &[]));
        tales.push(tale);
    }

    let (mut tale, root, laptop, phone) = family("the remover's own checkpoint holds nothing");
    let first = tale.says(phone, word(1));
    tale.says(laptop, checkpoint(&[first]));
    tale.says(laptop, removal(phone.0, &[]));
    tale.says(root, word(1));
    tales.push(tale);

    let (mut tale, root, laptop, phone) =
        family("an extension raises what it names, from not below");
    let watch = admitted(&mut tale, laptop, 4, 9);
    let said = [1, 2, 3].map(|number| tale.says(watch, word(number)));
    let by_root = tale.says(root, removal(watch.0, &[]));
    let by_phone = tale.says(phone, removal(watch.0, &[said[0]]));
    tale.says(laptop, extension(&[by_root, by_phone], &[said[2]]));
    tale.says(root, extension(&[by_root], &[said[1]]));
    tales.push(tale);

    let (mut tale, root, laptop, phone) =
        family("an extension of one removal is none of the other");
    let said = tale.says(phone, word(1));
    let removed = tale.says(laptop, removal(phone.0, &[]));
    tale.says(root, removal(phone.0, &[]));
    tale.says(root, extension(&[removed], &[said]));
    tales.push(tale);

    let (mut tale, root, laptop, _) =
        family("past the doubt only content stands, and an extension gives back no more");
    let said = [word(1), ring(), word(3)].map(|kind| tale.says(laptop, kind));
    let removed = tale.says(root, doubting(laptop.0, &said[..2], &[]));
    tale.says(root, extension(&[removed], &[said[2]]));
    tales.push(tale);

    let (mut tale, root, laptop, _) =
        family("two removals keep what both keep, and trust what both trust");
    let said = [1, 2, 3].map(|number| tale.says(laptop, word(number)));
    tale.says(root, removal(laptop.0, &said[..2]));
    let next = (tale.founder(1), ROOT + 1);
    tale.says(next, doubting(laptop.0, &said, &said[..1]));
    tales.push(tale);

    let (mut tale, root, laptop, phone) = family("kept places on two branches are a fork");
    tale.says(laptop, word(1));
    let second = tale.says(laptop, word(2));
    let other = tale.says_having(Having::default().instead_of(second), laptop, word(3));
    let further = tale.says_having(Having::default(), laptop, word(4));
    tale.says(root, removal(laptop.0, &[second, other, further]));
    tale.says(phone, word(5));
    tales.push(tale);

    tales.extend(forks());
    tales.extend(leaving());
    tales
}

pub(super) fn as_said(voice: Voice) -> StatementId {
    StatementId::from_bytes(*voice.0.as_bytes())
}

fn forks() -> Vec<Tale> {
    let mut tales = Vec::new();

    let (mut tale, _, laptop, phone) = family("a fork brings back nobody: removals on it count");
    let removed = tale.says(laptop, removal(phone.0, &[]));
    let kind = tale.device(laptop, 3, 3);
    let tablet = tale.says_having(Having::default().instead_of(removed), laptop, kind);
    tale.says((as_membership(tablet), 3), word(1));
    tales.push(tale);

    let (mut tale, _, laptop, phone) = family(
        "whom a branch that does not stand admits removes, and whom they admit, and does nothing else",
    );
    let kind = tale.device(laptop, 3, 3);
    let tablet = tale.says(laptop, kind);
    let voice = (as_membership(tablet), 3);
    tale.says(voice, word(1));
    tale.says(voice, removal(phone.0, &[]));
    let kind = tale.device(voice, 5, 5);
    let watch = tale.says(voice, kind);
    tale.says((as_membership(watch), 5), removal(phone.0, &[]));
    tale.says_having(Having::default().instead_of(tablet), laptop, word(2));
    tales.push(tale);

    for (name, order) in [
        ("a branch stands that a senior cited first", [0, 1]),
        ("a senior who cites both at once picks none", [2, 0]),
    ] {
        let (mut tale, root, laptop, _) = family(name);
        let first = tale.says(laptop, word(1));
        let second = tale.says_having(Having::default().instead_of(first), laptop, word(2));
        for cited in order {
            let seen = [vec![first], vec![second], vec![first, second]];
            tale.says_having(Having::seen(&seen[cited]), root, word(3));
        }
        tale.says(laptop, word(4));
        tales.push(tale);
    }

    let (mut tale, root, laptop, phone) =
        family("of two seniors the more senior picks, and juniors none");
    let tablet = admitted(&mut tale, phone, 3, 5);
    tale.says(root, word(0));
    let first = tale.says(phone, word(1));
    let second = tale.says_having(Having::default().instead_of(first), phone, word(2));
    tale.says_having(Having::seen(&[first]), laptop, word(3));
    tale.says_having(Having::seen(&[second]), root, word(4));
    tale.says_having(Having::seen(&[first]), tablet, word(5));
    tales.push(tale);

    let (mut tale, root, laptop, _) = family("who has the lost branch behind them is on it, too");
    let first = tale.says(laptop, word(1));
    let lost = tale.says_having(Having::default().instead_of(first), laptop, word(2));
    tale.says_having(Having::seen(&[first]), root, word(3));
    let next = tale.says_having(Having::seen(&[lost]).after(first), laptop, word(4));
    tale.says(root, checkpoint(&[next]));
    tales.push(tale);

    let (mut tale, root, laptop, _) =
        family("kept on two branches: the one that a senior had cited first");
    let first = tale.says(laptop, word(1));
    let second = tale.says_having(Having::default().instead_of(first), laptop, word(2));
    tale.says_having(Having::seen(&[second]), root, word(3));
    tale.says(root, removal(laptop.0, &[first, second]));
    tales.push(tale);

    for (one, other) in [(2, 3), (3, 2)] {
        let (mut tale, root, _, phone) = family("an equal picks no branch");
        let tablet = admitted(&mut tale, root, 3, 4);
        let voice = |key| if key == 2 { phone } else { tablet };
        let first = tale.says(voice(one), word(1));
        tale.says_having(Having::default().instead_of(first), voice(one), word(2));
        tale.says_having(Having::seen(&[first]), voice(other), word(3));
        tales.push(tale);
    }

    let (mut tale, root, laptop, _) =
        family("of one senior's logs the one that cited earlier in it picks");
    let first = tale.says(laptop, word(1));
    let second = tale.says_having(Having::default().instead_of(first), laptop, word(2));
    let third = tale.says_having(Having::default().instead_of(first), laptop, word(3));
    tale.says_having(Having::seen(&[first]), root, word(4));
    let elsewhere = |id| Having {
        installation: 1,
        ..Having::seen(&[id])
    };
    tale.says_having(elsewhere(second), root, word(5));
    tale.says_having(elsewhere(third), root, word(6));
    tales.push(tale);

    let (mut tale, root, laptop, _) = family("forks come before doubt");
    let first = tale.says(laptop, word(1));
    let second = tale.says_having(Having::default().instead_of(first), laptop, word(2));
    tale.says(root, doubting(laptop.0, &[first, second], &[first]));
    tales.push(tale);

    let (mut tale, root, laptop, _) = family("cuts come before forks: a cut names the branch");
    let kind = tale.device(laptop, 3, 3);
    let tablet = tale.says(laptop, kind);
    tale.says_having(Having::default().instead_of(tablet), laptop, word(1));
    tale.says(root, removal(laptop.0, &[tablet]));
    tales.push(tale);
    tales
}

fn leaving() -> Vec<Tale> {
    let mut tales = Vec::new();

    let (mut tale, root, laptop, _) = family("who leaves says nothing that is not behind it");
    let before = tale.says(laptop, word(1));
    let elsewhere = Having {
        installation: 1,
        ..Having::default()
    };
    tale.says_having(elsewhere.clone(), laptop, word(2));
    tale.says_having(Having::seen(&[before]), laptop, removal(laptop.0, &[]));
    tale.says(laptop, removal(laptop.0, &[]));
    tale.says_having(elsewhere, laptop, word(4));
    tale.says(root, word(5));
    tales.push(tale);

    let (mut tale, root, laptop, phone) =
        family("a backup that leaves takes back what its device had removed");
    tale.says(laptop, removal(phone.0, &[]));
    let backup = Having {
        installation: 1,
        ..Having::seen(&[])
    };
    tale.says_having(backup, laptop, removal(laptop.0, &[]));
    tale.says(root, word(1));
    tales.push(tale);

    let (mut tale, root, laptop, _) =
        family("who leaves twice at the same time has left, in both logs");
    let seen = Having::seen(&[tale.says(root, word(1))]);
    let elsewhere = Having {
        installation: 1,
        ..seen.clone()
    };
    tale.says_having(seen, laptop, removal(laptop.0, &[]));
    tale.says_having(elsewhere, laptop, removal(laptop.0, &[]));
    tales.push(tale);

    let (mut tale, root, laptop, _) = family("nobody gives back what somebody said who had left");
    let left = tale.says(laptop, removal(laptop.0, &[]));
    let after = tale.says(laptop, word(1));
    tale.says(root, extension(&[left], &[after]));
    tales.push(tale);

    let (mut tale, root, laptop, phone) =
        family("a removal of nobody, and of somebody who is not cited");
    tale.says(root, removal(MembershipId::from_bytes([0x99; 32]), &[]));
    tale.says(laptop, word(1));
    tale.says_having(Having::seen(&[]), root, removal(phone.0, &[]));
    tales.push(tale);

    let (mut tale, root, laptop, _) =
        family("the next root removes the root, and is removed by nobody");
    let next = (tale.founder(1), ROOT + 1);
    tale.says(next, word(1));
    let kept = tale.says(root, removal(next.0, &[]));
    tale.says(root, removal(laptop.0, &[]));
    tale.says(next, removal(root.0, &[kept]));
    tales.push(tale);

    let (mut tale, root, laptop, phone) = family("who is admitted again is another");
    tale.says(laptop, removal(phone.0, &[]));
    let again = admitted(&mut tale, root, 2, 4);
    tale.says(again, word(1));
    tale.says(phone, word(2));
    tales.push(tale);
    tales
}

/// Ada, Bo and Cleo found a circle: by their laptops.
fn circle(name: &str, rule: Rule, town: &Town) -> (Tale, Voice, Voice, Voice) {
    let persons = [0, 1, 2].map(|number| town.person(number));
    let tale = Tale::circle(name, rule, &persons);
    let voice = |place: u32, root: KeyNumber| (tale.founder(place), root + 2);
    let voices = (voice(0, ADA), voice(1, BO), voice(2, CLEO));
    (tale, voices.0, voices.1, voices.2)
}

pub(super) fn joins(tale: &mut Tale, by: Voice, town: &Town, number: usize, role: Role) -> Voice {
    let person = town.person(number);
    let device = keys_of(town, &person)[0];
    let kind = tale.joins(by, person, device, role);
    (as_membership(tale.says(by, kind)), device)
}

fn admins(town: &Town) -> Vec<Tale> {
    let circle = |name: &str| circle(name, Rule::Admins, town);
    let mut tales = Vec::new();

    let (mut tale, ada, bo, _) =
        circle("of two admins who remove each other the earlier stays, seen or not");
    tale.says(bo, removal(ada.0, &[]));
    tale.says(ada, removal(bo.0, &[]));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) =
        circle("who is admitted comes right after who admitted, before the next founder");
    let dan = joins(&mut tale, ada, town, 3, Role::Admin);
    let eve = joins(&mut tale, bo, town, 4, Role::Admin);
    tale.says(eve, removal(dan.0, &[]));
    tale.says(dan, removal(bo.0, &[as_said(eve)]));
    tale.says(cleo, removal(dan.0, &[]));
    tales.push(tale);

    let (mut tale, ada, bo, _) = circle("two admissions of one person are two members");
    let by_bo = joins(&mut tale, bo, town, 3, Role::Admin);
    tale.says(bo, removal(by_bo.0, &[]));
    let by_ada = joins(&mut tale, ada, town, 3, Role::Admin);
    tale.says(bo, removal(by_ada.0, &[]));
    tale.says(by_bo, word(1));
    tale.says(by_ada, word(2));
    tales.push(tale);

    let (mut tale, ada, bo, _) =
        circle("a member who is no admin leaves, removes own keys and approves, and no more");
    let dan = joins(&mut tale, ada, town, 3, Role::Member);
    let said = tale.says(bo, word(1));
    tale.says(dan, word(2));
    joins(&mut tale, dan, town, 4, Role::Member);
    tale.says(dan, approval(said));
    tale.says(dan, checkpoint(&[said]));
    let last = tale.says(dan, removal(bo.0, &[]));
    tale.says((dan.0, DAN), removal_of(dan, &[last]));
    tale.says((dan.0, DAN), removal(dan.0, &[last]));
    tales.push(tale);

    let (mut tale, ada, _, _) = circle("of two whom one admits the earlier in the log comes first");
    let dan = joins(&mut tale, ada, town, 3, Role::Admin);
    let eve = joins(&mut tale, ada, town, 4, Role::Admin);
    tale.says(eve, removal(dan.0, &[]));
    tale.says(dan, removal(eve.0, &[]));
    tales.push(tale);

    let (mut tale, ada, _, _) =
        circle("whom a person's keys admit stand by the number alone, not by the key");
    let root = (ada.0, ADA);
    tale.says(root, word(1));
    let dan = joins(&mut tale, root, town, 3, Role::Admin);
    let eve = joins(&mut tale, ada, town, 4, Role::Admin);
    tale.says(dan, removal(eve.0, &[]));
    tale.says(eve, removal(dan.0, &[]));
    tales.push(tale);

    let (mut tale, ada, bo, _) = circle("a junior key removes no senior one of the person's");
    let (phone, root) = ((ada.0, ADA + 3), (ada.0, ADA));
    tale.says(ada, word(1));
    tale.says(phone, removal_of(ada, &[]));
    tale.says(bo, removal_of(phone, &[]));
    tale.says(ada, removal_of(root, &[]));
    tale.says(root, removal_of(phone, &[]));
    tales.push(tale);

    for keeps in [true, false] {
        let (mut tale, ada, _, _) = circle(if keeps {
            "of a key that its person removed stands what a removal here keeps"
        } else {
            "a key that its person removed keeps nothing"
        });
        let tablet = (ada.0, ADA + 4);
        let said = tale.says(tablet, word(1));
        tale.says(tablet, word(2));
        if keeps {
            tale.says(ada, removal_of(tablet, &[said]));
        }
        tales.push(tale);
    }

    let (mut tale, ada, bo, _) =
        circle("a key that removes itself speaks no more, and others of the person do");
    tale.says(ada, removal_of(ada, &[]));
    tale.says(ada, word(1));
    tale.says((ada.0, ADA), word(2));
    tale.says(bo, word(3));
    tales.push(tale);

    let (mut tale, ada, bo, _) =
        circle("a member who leaves by a junior key is gone; what senior keys say stands");
    tale.says((ada.0, ADA + 3), removal(ada.0, &[]));
    tale.says(ada, word(1));
    tale.says(bo, word(2));
    tales.push(tale);

    let (mut tale, ada, bo, _) = circle("whoever consents is a key of the person");
    let dan = town.person(3);
    for consents in [BO + 2, DAN + 3, DAN + 4] {
        let kind = tale.joins(ada, dan, consents, Role::Admin);
        let joined = tale.says(ada, kind);
        tale.says((as_membership(joined), DAN + 2), word(consents));
    }
    tale.says(bo, word(1));
    tales.push(tale);

    let (mut tale, ada, bo, _) =
        circle("a key that nobody here has says nothing, by whatever membership");
    tale.says((ada.0, 1), removal(bo.0, &[]));
    tale.says((ada.0, BO + 2), removal(bo.0, &[]));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) = circle("Cleo is removed by whom a fork of Ada's admitted");
    let dan = joins(&mut tale, ada, town, 3, Role::Admin);
    tale.says(dan, removal(cleo.0, &[]));
    tale.says_having(Having::default().instead_of(as_said(dan)), ada, word(1));
    tale.says(bo, word(2));
    tales.push(tale);
    tales
}

fn board(town: &Town) -> Vec<Tale> {
    let circle = |name: &str| circle(name, Rule::Board { quorum: 2 }, town);
    let mut tales = Vec::new();

    let (mut tale, ada, bo, cleo) = circle("two of three remove the third, and one alone nobody");
    tale.says(cleo, removal(ada.0, &[]));
    let removed = tale.says(ada, removal(cleo.0, &[]));
    tale.says(bo, approval(removed));
    tale.says(cleo, word(1));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) = circle("a board removes its first founder");
    let removed = tale.says(cleo, removal(ada.0, &[]));
    tale.says(bo, approval(removed));
    tale.says(ada, word(1));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) = circle("a member who is no admin signs nothing");
    let dan = joins(&mut tale, ada, town, 3, Role::Member);
    tale.says(bo, approval(as_said(dan)));
    let removed = tale.says(ada, removal(cleo.0, &[]));
    tale.says(dan, approval(removed));
    tales.push(tale);

    let (mut tale, ada, bo, _) =
        circle("a member alone does not extend the removal of their own key");
    let phone = (ada.0, ADA + 3);
    let said = tale.says(phone, word(1));
    let said = [said, tale.says(phone, checkpoint(&[]))];
    let removed = tale.says(ada, removal_of(phone, &[]));
    tale.says(ada, extension(&[removed], &said));
    tale.says(bo, checkpoint(&[removed]));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) =
        circle("one's own other key has not seen a signature for the board");
    let removed = tale.says(ada, removal(cleo.0, &[]));
    let approved = tale.says(bo, approval(removed));
    tale.says((bo.0, BO + 3), word(1));
    tale.says_having(Having::default().instead_of(approved), bo, word(2));
    tales.push(tale);

    let (mut tale, ada, _, cleo) = circle("a person signs once, by however many keys");
    let removed = tale.says(ada, removal(cleo.0, &[]));
    tale.says((ada.0, ADA + 3), approval(removed));
    tale.says((ada.0, ADA), approval(removed));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) =
        circle("of two decisions the one by the more senior comes first, and cuts the other");
    let ada_goes = tale.says(bo, removal(ada.0, &[]));
    let cleo_goes = tale.says(ada, removal(cleo.0, &[]));
    tale.says(bo, approval(cleo_goes));
    tale.says(cleo, approval(ada_goes));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) =
        circle("what is decided stays, when its author and a signer are removed later");
    let dan = joins(&mut tale, cleo, town, 3, Role::Admin);
    tale.says(bo, approval(as_said(dan)));
    let removed = tale.says(ada, removal(cleo.0, &[]));
    tale.says(dan, approval(removed));
    let removed = tale.says(ada, removal(bo.0, &[]));
    tale.says(dan, approval(removed));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) = circle("until it is decided nothing follows from it");
    let dan = joins(&mut tale, ada, town, 3, Role::Admin);
    tale.says(dan, approval(as_said(dan)));
    let removed = tale.says(bo, removal(cleo.0, &[]));
    tale.says(dan, approval(removed));
    tales.push(tale);

    for seen in [true, false] {
        let (mut tale, ada, bo, cleo) = circle(if seen {
            "a fork takes back no signature that another admin has seen"
        } else {
            "a fork takes back a signature that nobody has seen"
        });
        let removed = tale.says(ada, removal(cleo.0, &[]));
        let approved = tale.says(bo, approval(removed));
        if seen {
            tale.says(ada, word(1));
        }
        tale.says_having(Having::seen(&[removed]).instead_of(approved), bo, word(2));
        tales.push(tale);
    }

    let (mut tale, ada, bo, cleo) =
        circle("leaving takes back no signature that another admin has seen");
    let removed = tale.says(ada, removal(cleo.0, &[]));
    let elsewhere = Having {
        installation: 1,
        ..Having::seen(&[removed])
    };
    let approved = tale.says_having(elsewhere, bo, approval(removed));
    tale.says_having(Having::seen(&[removed]), bo, removal(bo.0, &[]));
    tale.says_having(Having::seen(&[approved]), ada, word(1));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) =
        circle("a decided removal is held by no checkpoint, and extended by decisions only");
    let said = [1, 2].map(|number| tale.says(cleo, word(number)));
    tale.says(ada, checkpoint(&said));
    let removed = tale.says(bo, removal(cleo.0, &[]));
    tale.says(ada, approval(removed));
    tale.says(ada, extension(&[removed], &said));
    let extended = tale.says(ada, extension(&[removed], &said[..1]));
    tale.says(bo, approval(extended));
    tales.push(tale);

    let (mut tale, ada, bo, _) =
        circle("two who stand equal, admitted by two keys of one person, are two signers");
    let dan = joins(&mut tale, ada, town, 3, Role::Admin);
    let eve = joins(&mut tale, (ada.0, ADA), town, 4, Role::Admin);
    for joined in [dan, eve] {
        tale.says(bo, approval(as_said(joined)));
    }
    let removed = tale.says(dan, removal(bo.0, &[as_said(dan), as_said(eve)]));
    tale.says(eve, approval(removed));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) =
        circle("what no board decided does not stand, of whatever kind");
    tale.says(ada, word(1));
    let other = tale.says(ada, Kind::Rule { rule: Rule::Admins });
    tale.says(bo, approval(other));
    tale.says(cleo, checkpoint(&[other]));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) = circle("a signature past the doubt counts no more");
    let first = tale.says(cleo, word(1));
    let dan = joins(&mut tale, ada, town, 3, Role::Admin);
    let eve = joins(&mut tale, bo, town, 4, Role::Admin);
    let approved = [dan, eve].map(|of| tale.says(cleo, approval(as_said(of))));
    let removed = tale.says(ada, doubting(cleo.0, &approved, &[first]));
    tale.says(bo, approval(removed));
    tales.push(tale);

    let (mut tale, ada, bo, cleo) =
        circle("a member's key is removed by the member, and by a board");
    let phone = (ada.0, ADA + 3);
    tale.says(phone, word(1));
    tale.says(ada, removal_of(phone, &[]));
    let laptop = tale.says(ada, removal_of(cleo, &[]));
    tale.says(bo, approval(laptop));
    tale.says((cleo.0, CLEO), word(2));
    tale.says(cleo, word(3));
    tales.push(tale);
    tales
}

/// All of them.
pub(super) fn all(town: &Town) -> Vec<Tale> {
    let mut tales = rank();
    tales.extend(admins(town));
    tales.extend(board(town));
    tales
}
