//! Stories about slices, named by what comes of them.

use super::super::stories::{
    ADA, BO, CLEO, DAN, EVE, approval, as_said, checkpoint, extension, removal, removal_of, upto,
};
use super::{
    ADMINS, AUDIENCE, Abilities, Audience, BOARD, Having, Kind, LEFT, Land, MembershipId,
    SliceTale, StatementId, Upto, Voice, Whom, circle_id, grant, place,
};
use crate::statement::Tips;

use Abilities as Ability;

/// The persons of the town, by their laptops.
fn person(land: &Land, number: usize) -> Whom {
    let root = [ADA, BO, CLEO, DAN, EVE][number];
    Whom(Audience::Person(land.town.person(number)), root + 2)
}

fn circle(land: &Land, number: usize, key: u8) -> Whom {
    Whom(Audience::Circle(circle_id(&land.circles[number])), key)
}

/// The removal of a membership that keeps statements, and entries of logs up to these.
fn cutting(membership: MembershipId, keep: &[StatementId], logs: &[(u8, u8)]) -> Kind {
    let mut logs: Vec<_> = (logs.iter())
        .map(|(number, seq)| place(*number, *seq, 0))
        .collect();
    logs.sort_unstable();
    Kind::Remove {
        membership,
        key: None,
        keep: Upto { logs, ..upto(keep) },
        trusted: None,
    }
}

const fn write_key(byte: u8) -> Kind {
    Kind::WriteKey { key: [byte; 32] }
}

const fn renewal(grant: Voice) -> Kind {
    Kind::Renew {
        grant: grant.0,
        expires: crate::testing::NOW,
    }
}

/// A slice of Bo's: his root, his laptop, his phone.
fn of_bo(name: &str, land: &Land) -> (SliceTale, Voice, Voice, Voice) {
    let tale = SliceTale::new(name, land, 1);
    let voices = land.voices(1);
    let voice = |key: u8| {
        let found = voices.iter().find(|(_, keys)| keys.contains(&key));
        (found.expect("a key of his").0, key)
    };
    (tale, voice(BO), voice(BO + 2), voice(BO + 3))
}

fn owned(land: &Land) -> Vec<SliceTale> {
    let mut tales = Vec::new();

    let (mut tale, root, laptop, _) =
        of_bo("with a grant end all that were handed on from it", land);
    let ada = tale.gives(laptop, &person(land, 0), Ability::GRANT, 2);
    let cleo = tale.gives(ada, &person(land, 2), Ability::GRANT, 1);
    let dan = tale.gives(cleo, &person(land, 3), Ability::WRITE, 0);
    let key = tale.says(dan, write_key(1));
    tale.says(root, cutting(ada.0, &[as_said(cleo), key], &[(1, 2)]));
    for (number, by) in [(0, cleo), (1, dan), (2, laptop)] {
        tale.writes(number, by);
    }
    tales.push(tale);

    let (mut tale, root, laptop, phone) = of_bo(
        "of entries stands what every removal keeps, each by its own places, checkpoints and extensions",
        land,
    );
    let dan = tale.gives(phone, &person(land, 3), Ability::WRITE, 0);
    let held = Upto {
        logs: vec![place(0, 1, 0)],
        ..upto(&[])
    };
    let Kind::Checkpoint {
        logs,
        documents,
        authority,
        gate,
        ..
    } = checkpoint(&[])
    else {
        unreachable!("a checkpoint")
    };
    tale.says(
        root,
        Kind::Checkpoint {
            upto: held,
            logs,
            documents,
            authority,
            gate,
        },
    );
    tale.says(laptop, cutting(dan.0, &[], &[(1, 3)]));
    let by_phone = tale.says(phone, cutting(dan.0, &[], &[(1, 0)]));
    let raised = Upto {
        logs: vec![place(1, 1, 0), place(2, 3, 0)],
        ..upto(&[])
    };
    let of = vec![by_phone];
    tale.says(laptop, Kind::Extend { of, upto: raised });
    (0..3).for_each(|number| tale.writes(number, dan));
    tales.push(tale);

    let (mut tale, root, laptop, phone) = of_bo(
        "a place that is not held keeps nothing, and one on another branch what both have",
        land,
    );
    let dan = tale.gives(laptop, &person(land, 3), Ability::WRITE, 0);
    let keep = Upto {
        logs: vec![place(0, 3, 1), place(1, 5, 0)],
        ..upto(&[])
    };
    let cut = |keep| Kind::Remove {
        membership: dan.0,
        key: None,
        keep,
        trusted: None,
    };
    tale.says(root, cut(keep));
    (0..2).for_each(|number| tale.writes(number, dan));
    let forked = &mut tale.logs[0].branches;
    let second = (0..4).map(|seq| super::header(0, seq, u8::from(seq > 1)));
    forked.push(second.collect());
    tale.says(phone, renewal(dan));
    tales.push(tale);

    let (mut tale, root, laptop, phone) = of_bo(
        "concurrent removals of a writer keep what both keep, whichever is seen",
        land,
    );
    let dan = tale.gives(phone, &person(land, 3), Ability::GRANT, 1);
    let eve = tale.gives(dan, &person(land, 4), Ability::WRITE, 0);
    let seen = Having::seen(&[as_said(eve)]);
    let first = cutting(dan.0, &[as_said(eve)], &[(0, 1), (1, 3)]);
    let second = cutting(dan.0, &[], &[(0, 2), (1, 0)]);
    tale.tale.says_having(seen.clone(), laptop, first);
    tale.tale.says_having(seen, root, second);
    tale.says(eve, write_key(1));
    (0..2).for_each(|number| tale.writes(number, [dan, eve][usize::from(number)]));
    tales.push(tale);

    let (mut tale, _, laptop, phone) = of_bo(
        "two writers who remove each other are nobody's seniors, but for what they handed on",
        land,
    );
    let ada = tale.gives(laptop, &person(land, 0), Ability::GRANT, 2);
    let cleo = tale.gives(phone, &person(land, 2), Ability::GRANT, 2);
    let dan = tale.gives(cleo, &person(land, 3), Ability::GRANT, 1);
    tale.says(ada, removal(cleo.0, &[]));
    tale.says(cleo, removal(ada.0, &[]));
    tale.says(dan, removal(cleo.0, &[]));
    tale.says(cleo, cutting(dan.0, &[], &[(0, 1)]));
    tale.says(ada, removal(phone.0, &[]));
    (0..2).for_each(|number| tale.writes(number, [dan, ada][usize::from(number)]));
    tales.push(tale);

    let (mut tale, root, laptop, phone) = of_bo(
        "who holds a grant holds, extends and picks nothing of another's",
        land,
    );
    let ada = tale.gives(laptop, &person(land, 0), Ability::GRANT, 2);
    let cleo = tale.gives(laptop, &person(land, 2), Ability::GRANT, 2);
    let dan = tale.gives(cleo, &person(land, 3), Ability::WRITE, 0);
    let said = tale.says(dan, write_key(1));
    let other = Having::default().instead_of(said);
    tale.tale.says_having(other, dan, write_key(2));
    tale.tale
        .says_having(Having::seen(&[said]), ada, checkpoint(&[said]));
    let removed = tale.says(cleo, removal(dan.0, &[]));
    tale.says(ada, extension(&[removed], &[said]));
    tale.says(root, checkpoint(&[]));
    tale.says(phone, write_key(3));
    tales.push(tale);

    let (mut tale, _, laptop, _) = of_bo(
        "whoever gave a grant picks a branch of its holder's, holds a cut and extends it",
        land,
    );
    let cleo = tale.gives(laptop, &person(land, 2), Ability::GRANT, 2);
    let dan = tale.gives(cleo, &person(land, 3), Ability::GRANT, 1);
    let said = tale.says(dan, write_key(1));
    let other = Having::default().instead_of(said);
    tale.tale.says_having(other, dan, write_key(2));
    tale.tale
        .says_having(Having::seen(&[said]), cleo, checkpoint(&[said]));
    let eve = tale.gives(dan, &person(land, 4), Ability::WRITE, 0);
    let removed = tale.says(cleo, removal(dan.0, &[said]));
    tale.says(cleo, extension(&[removed], &[as_said(eve)]));
    tales.push(tale);

    let (mut tale, _, laptop, phone) = of_bo("an owner's junior ends what its senior gave", land);
    let dan = tale.gives(laptop, &person(land, 3), Ability::WRITE, 0);
    tale.says(phone, cutting(dan.0, &[], &[(0, 0)]));
    tale.writes(0, dan);
    tales.push(tale);

    let (mut tale, _, laptop, _) = of_bo(
        "who leaves a grant keeps of their entries what they name, and has handed on nothing any more",
        land,
    );
    let ada = tale.gives(laptop, &person(land, 0), Ability::GRANT, 1);
    let dan = tale.gives(ada, &person(land, 3), Ability::WRITE, 0);
    let key = tale.says(dan, write_key(1));
    tale.says(ada, cutting(ada.0, &[key], &[(0, 1), (1, 2)]));
    tale.says(ada, write_key(2));
    tale.says(dan, write_key(3));
    (0..3).for_each(|number| tale.writes(number, [ada, dan, dan][usize::from(number)]));
    tales.push(tale);

    let (mut tale, root, laptop, _) = of_bo(
        "a reader says a write key, approves and leaves, and writes nothing",
        land,
    );
    let dan = tale.gives(laptop, &person(land, 3), Ability::READ, 0);
    tale.says(dan, write_key(1));
    tale.says(dan, approval(as_said(dan)));
    tale.says(root, checkpoint(&[]));
    tale.writes(0, dan);
    tales.push(tale);

    let (mut tale, root, laptop, _) =
        of_bo("past the doubt stand write keys only, and entries", land);
    let ada = tale.gives(laptop, &person(land, 0), Ability::GRANT, 1);
    let key = tale.says(ada, write_key(1));
    let dan = tale.gives(ada, &person(land, 3), Ability::WRITE, 0);
    let doubt = Kind::Remove {
        membership: ada.0,
        key: None,
        keep: Upto {
            logs: vec![place(0, 2, 0)],
            ..upto(&[key, as_said(dan)])
        },
        trusted: Some(Tips(Vec::new())),
    };
    tale.says(root, doubt);
    (0..2).for_each(|number| tale.writes(number, [ada, dan][usize::from(number)]));
    tales.push(tale);

    let (mut tale, root, laptop, _) =
        of_bo("one key of a grant is removed, and the others speak", land);
    let ada = tale.gives(laptop, &person(land, 0), Ability::GRANT, 1);
    let phone = (ada.0, ADA + 3);
    tale.says(phone, write_key(1));
    tale.says(root, removal_of(ada, &[]));
    tale.says(phone, write_key(2));
    let dan = tale.gives(phone, &person(land, 3), Ability::WRITE, 0);
    tale.says(phone, removal_of((ada.0, ADA), &[]));
    (0..3).for_each(|number| tale.writes(number, [ada, phone, dan][usize::from(number)]));
    tales.push(tale);

    let (mut tale, root, laptop, _) = of_bo(
        "what was given on a branch that does not stand takes, and gives nothing",
        land,
    );
    let ada = tale.gives(laptop, &person(land, 0), Ability::GRANT, 1);
    let dan = tale.gives(ada, &person(land, 3), Ability::WRITE, 0);
    tale.says(ada, removal(dan.0, &[]));
    let other = Having::default().instead_of(as_said(ada));
    tale.tale.says_having(other, laptop, write_key(1));
    tale.says(root, write_key(2));
    (0..2).for_each(|number| tale.writes(number, [ada, dan][usize::from(number)]));
    tales.push(tale);

    let (mut tale, root, laptop, phone) = of_bo(
        "who removes what their grant was handed on from ends nothing, nor themselves",
        land,
    );
    let ada = tale.gives(laptop, &person(land, 0), Ability::GRANT, 2);
    let cleo = tale.gives(ada, &person(land, 2), Ability::GRANT, 1);
    let dan = tale.gives(cleo, &person(land, 3), Ability::WRITE, 0);
    tale.says(cleo, removal(ada.0, &[]));
    tale.says(dan, write_key(1));
    tale.says(root, write_key(2));
    for (number, by) in [(0, ada), (1, cleo), (2, dan)] {
        tale.writes(number, by);
    }
    tale.says(phone, write_key(3));
    tales.push(tale);

    let (mut tale, root, laptop, _) = of_bo(
        "who removes what they hold by another grant has left neither",
        land,
    );
    let first = tale.gives(laptop, &person(land, 3), Ability::WRITE, 0);
    let second = tale.gives(root, &person(land, 3), Ability::GRANT, 1);
    tale.says(second, cutting(first.0, &[], &[(0, 1)]));
    tale.says(laptop, write_key(1));
    (0..2).for_each(|number| tale.writes(number, [first, second][usize::from(number)]));
    tales.push(tale);

    let (mut tale, root, laptop, _) = of_bo(
        "of somebody who is not known, or a service, nothing stands; a stranger's words are kept",
        land,
    );
    let unknown = Whom(Audience::Person(land.town.person(5)), 1);
    let nobody = tale.gives(laptop, &unknown, Ability::GRANT, 1);
    tale.says(nobody, write_key(1));
    let stranger = (MembershipId::from_bytes([0x99; 32]), DAN + 2);
    let by_stranger = tale.gives(stranger, &person(land, 3), Ability::GRANT, 1);
    tale.gives(by_stranger, &person(land, 4), Ability::READ, 0);
    let service = crate::id::ServiceId::from_bytes([5; 32]);
    let service = grant(Audience::Service(service), Ability::READ, 0);
    let service = tale.says(laptop, Kind::Grant(service));
    tale.says(root, checkpoint(&[service]));
    tale.writes(0, nobody);
    tales.push(tale);
    tales
}

fn to_circles(land: &Land) -> Vec<SliceTale> {
    let mut tales = Vec::new();

    let (mut tale, root, laptop, _) = of_bo(
        "a member of an audience removes junior keys of their own, and no more",
        land,
    );
    let dan = tale.gives(laptop, &circle(land, AUDIENCE, DAN + 2), Ability::GRANT, 1);
    let by = |key| (dan.0, key);
    let eve = by(EVE + 2);
    tale.says(eve, write_key(1));
    tale.says(by(DAN + 3), write_key(2));
    let given = tale.gives(eve, &person(land, 0), Ability::WRITE, 0);
    tale.says(eve, removal_of(dan, &[]));
    tale.says(dan, removal_of(eve, &[]));
    tale.says(dan, removal_of(by(DAN + 3), &[]));
    tale.says(by(ADA + 2), write_key(3));
    tale.says(root, checkpoint(&[]));
    for (number, who) in [(0, eve), (1, dan), (2, given)] {
        tale.writes(number, who);
    }
    tales.push(tale);

    let (mut tale, root, laptop, _) = of_bo(
        "who leaves a circle's grant does so alone, with the junior keys",
        land,
    );
    let whom = circle(land, AUDIENCE, DAN + 2);
    let dan = tale.gives(laptop, &whom, Ability::GRANT, 1);
    let (eve, eves_phone) = ((dan.0, EVE + 2), (dan.0, EVE + 3));
    tale.says(eve, write_key(1));
    tale.says(eve, cutting(dan.0, &[], &[(0, 1)]));
    tale.says(eve, write_key(2));
    tale.says((dan.0, EVE), write_key(3));
    tale.says(dan, write_key(4));
    tale.says(root, checkpoint(&[]));
    for (number, who) in [(0, eve), (1, eves_phone), (2, dan)] {
        tale.writes(number, who);
    }
    tales.push(tale);

    let (mut tale, root, laptop, _) = of_bo(
        "an owner ends a circle's grant, with all that its members handed on",
        land,
    );
    let dan = tale.gives(laptop, &circle(land, AUDIENCE, DAN + 2), Ability::GRANT, 1);
    let eve = (dan.0, EVE + 2);
    let given = tale.gives(eve, &person(land, 0), Ability::WRITE, 0);
    let key = tale.says(eve, write_key(1));
    tale.says(root, cutting(dan.0, &[as_said(given), key], &[(0, 2)]));
    for (number, who) in [(0, eve), (1, given)] {
        tale.writes(number, who);
    }
    tales.push(tale);
    tales
}

/// A slice of a circle: its first three founders, by their laptops.
fn of_circle(name: &str, land: &Land, number: usize) -> (SliceTale, Voice, Voice, Voice) {
    let tale = SliceTale::new(name, land, land.circle(number));
    let owner = land.owner(land.circle(number));
    let voice = |place: u32, root: u8| (owner.founder(place), root + 2);
    (tale, voice(0, ADA), voice(1, BO), voice(2, CLEO))
}

fn of_circles(land: &Land) -> Vec<SliceTale> {
    let mut tales = Vec::new();
    let dan_in = |number: usize| {
        let dan = land.voices(land.circle(number)).remove(3);
        (dan.0, DAN + 2)
    };

    for keeps in [true, false] {
        let (mut tale, ada, bo, _) = of_circle(
            if keeps {
                "of whom the circle removed stands what a removal here keeps"
            } else {
                "whom the circle removed keeps nothing here"
            },
            land,
            ADMINS,
        );
        let dan = dan_in(ADMINS);
        let eve = tale.gives(dan, &person(land, 4), Ability::WRITE, 0);
        let late = tale.gives(dan, &person(land, 2), Ability::WRITE, 0);
        tale.says(bo, write_key(1));
        if keeps {
            tale.says(ada, cutting(dan.0, &[as_said(eve)], &[(1, 1)]));
        }
        for (number, who) in [(0, eve), (1, dan), (2, late)] {
            tale.writes(number, who);
        }
        tales.push(tale);
    }

    for keeps in [true, false] {
        let (mut tale, ada, bo, _) = of_circle(
            if keeps {
                "of a key that only the circle removed stands what a removal here keeps"
            } else {
                "a key that only the circle removed speaks for the circle no more, and its person does"
            },
            land,
            ADMINS,
        );
        let phone = (bo.0, BO + 3);
        let dan = tale.gives(phone, &person(land, 3), Ability::WRITE, 0);
        let cleo = tale.gives(bo, &person(land, 2), Ability::WRITE, 0);
        if keeps {
            tale.says(ada, removal_of(phone, &[as_said(dan)]));
        }
        for (number, who) in [(0, dan), (1, phone), (2, cleo)] {
            tale.writes(number, who);
        }
        tales.push(tale);
    }

    let (mut tale, ada, bo, _) = of_circle(
        "of who left the owner stands what comes before they leave here, and what that keeps of entries",
        land,
        LEFT,
    );
    let dan = tale.gives(ada, &person(land, 3), Ability::WRITE, 0);
    tale.says(bo, write_key(1));
    tale.says(ada, cutting(ada.0, &[as_said(dan)], &[(1, 2)]));
    let eve = tale.gives(ada, &person(land, 4), Ability::WRITE, 0);
    tale.says(bo, cutting(ada.0, &[], &[]));
    for (number, by) in [(0, dan), (1, ada), (2, eve)] {
        tale.writes(number, by);
    }
    tales.push(tale);

    let (mut tale, ada, bo, cleo) = of_circle(
        "of who left the owner and not the slice nothing stands",
        land,
        LEFT,
    );
    let dan = tale.gives(ada, &person(land, 3), Ability::WRITE, 0);
    let eve = tale.gives(bo, &person(land, 4), Ability::WRITE, 0);
    tale.says(cleo, write_key(1));
    for (number, by) in [(0, dan), (1, ada), (2, eve)] {
        tale.writes(number, by);
    }
    tales.push(tale);

    let (mut tale, ada, _, cleo) = of_circle(
        "a key that was removed before its member left the owner leaves nothing to stand",
        land,
        LEFT,
    );
    let phone = (ada.0, ADA + 3);
    let dan = tale.gives(ada, &person(land, 3), Ability::WRITE, 0);
    let eve = tale.gives(phone, &person(land, 4), Ability::WRITE, 0);
    tale.says(phone, cutting(ada.0, &[as_said(eve)], &[(1, 2)]));
    tale.says(cleo, write_key(1));
    for (number, by) in [(0, dan), (1, phone), (2, eve)] {
        tale.writes(number, by);
    }
    tales.push(tale);

    let (mut tale, ada, bo, cleo) = of_circle(
        "of two admins who remove each other in a slice the earlier stays, with what it gave",
        land,
        ADMINS,
    );
    let dan = tale.gives(bo, &person(land, 3), Ability::WRITE, 0);
    let eve = tale.gives(ada, &person(land, 4), Ability::WRITE, 0);
    tale.says(bo, removal(ada.0, &[]));
    tale.says(ada, cutting(bo.0, &[], &[(2, 0)]));
    tale.says(cleo, removal(ada.0, &[]));
    for (number, who) in [(0, dan), (1, eve), (2, bo)] {
        tale.writes(number, who);
    }
    tales.push(tale);

    let (mut tale, ada, bo, cleo) = of_circle(
        "two of a board give and end, and one alone does neither",
        land,
        BOARD,
    );
    let dan = tale.gives(ada, &person(land, 3), Ability::WRITE, 0);
    tale.says(bo, approval(as_said(dan)));
    let eve = tale.gives(ada, &person(land, 4), Ability::WRITE, 0);
    tale.says(cleo, approval(as_said(eve)));
    tale.says(bo, removal(dan.0, &[]));
    let removed = tale.says(ada, cutting(dan.0, &[], &[(0, 1)]));
    tale.says(bo, approval(removed));
    for (number, who) in [(0, dan), (1, eve), (2, cleo)] {
        tale.writes(number, who);
    }
    tales.push(tale);

    let (mut tale, ada, bo, cleo) = of_circle(
        "what a board keeps of whom it removed still signs",
        land,
        BOARD,
    );
    let given = tale.gives(ada, &person(land, 3), Ability::WRITE, 0);
    let approved = tale.says(cleo, approval(as_said(given)));
    let later = tale.gives(ada, &person(land, 4), Ability::WRITE, 0);
    tale.says(cleo, approval(as_said(later)));
    let removed = tale.says(ada, cutting(cleo.0, &[approved], &[(2, 2)]));
    tale.says(bo, approval(removed));
    for (number, who) in [(0, given), (1, later), (2, cleo)] {
        tale.writes(number, who);
    }
    tales.push(tale);

    for keeps in [true, false] {
        let (mut tale, ada, bo, _) = of_circle(
            if keeps {
                "what a board keeps of a key that it removed still signs"
            } else {
                "a key that only the board removed signs nothing, and its person does"
            },
            land,
            BOARD,
        );
        let phone = (bo.0, BO + 3);
        let given = tale.gives(ada, &person(land, 3), Ability::WRITE, 0);
        let approved = tale.says(phone, approval(as_said(given)));
        let other = tale.gives(ada, &person(land, 4), Ability::WRITE, 0);
        tale.says(bo, approval(as_said(other)));
        if keeps {
            let removed = tale.says(ada, removal_of(phone, &[approved]));
            tale.says(dan_in(BOARD), approval(removed));
        }
        for (number, who) in [(0, given), (1, other), (2, phone)] {
            tale.writes(number, who);
        }
        tales.push(tale);
    }

    let (mut tale, ada, bo, _) = of_circle(
        "who holds a grant of a board's hands on nothing, and leaves alone",
        land,
        BOARD,
    );
    let dan = dan_in(BOARD);
    let cleo = tale.gives(ada, &person(land, 2), Ability::GRANT, 2);
    tale.says(dan, approval(as_said(cleo)));
    let eve = tale.gives(cleo, &person(land, 4), Ability::WRITE, 0);
    tale.says(ada, approval(as_said(eve)));
    tale.says(bo, approval(as_said(eve)));
    let key = tale.says(cleo, write_key(1));
    tale.says(cleo, cutting(cleo.0, &[key], &[(0, 1)]));
    for (number, who) in [(0, cleo), (1, eve), (2, dan)] {
        tale.writes(number, who);
    }
    tales.push(tale);

    let (mut tale, ada, bo, _) = of_circle(
        "of two decisions about a slice the one by the more senior comes first",
        land,
        BOARD,
    );
    let dan = dan_in(BOARD);
    let ada_goes = tale.says(bo, removal(ada.0, &[]));
    let dan_goes = tale.says(ada, removal(dan.0, &[]));
    tale.says(dan, approval(ada_goes));
    tale.says(bo, approval(dan_goes));
    let given = tale.gives(bo, &person(land, 4), Ability::WRITE, 0);
    tale.says(ada, approval(as_said(given)));
    tale.says(ada, extension(&[dan_goes], &[ada_goes]));
    tale.writes(0, given);
    tales.push(tale);
    tales
}

/// All of them.
pub(super) fn all(land: &Land) -> Vec<SliceTale> {
    let mut tales = owned(land);
    tales.extend(to_circles(land));
    tales.extend(of_circles(land));
    tales
}
