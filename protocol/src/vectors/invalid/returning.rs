//! Claims, what they are answered, and the frames around them.

use serde_json::Value;

use super::super::returning::Back;
use super::tree::{Item, edited, id};
use super::{Refusals, is};
use crate::crypto::SigningKey;
use crate::evaluation::History;
use crate::id::TransportId;
use crate::principal::{
    AuthorityError, Charter, NewDevice, NextRoot, PrincipalError, UnverifiedAuthority, founder,
};
use crate::returning::{Claim, Claimed, PLACES_MAX};
use crate::statement::{SetError, Signer, StatementError, Subject};
use crate::sync::{Frame, FrameError};
use crate::wire::{self, WireError};

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error("the claim does not hold")]
    Claim,
    #[error("not a person of this root")]
    Root,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only one is asked for")]
const fn wire(fault: &Fault) -> Option<&WireError> {
    match fault {
        Fault::Wire(error) => Some(error),
        _ => None,
    }
}

const fn wire_of_frame(fault: &FrameError) -> Option<&WireError> {
    match fault {
        FrameError::Wire(error) => Some(error),
        FrameError::Version { .. } => None,
    }
}

pub(crate) fn returns(
    back: &Back,
    claim: &Claim,
    claimed: &Claimed,
    frames: &[(&'static str, Frame)],
) -> Value {
    let mut cases = Vec::new();
    claims(back, claim, &mut cases);
    answers(back, claimed, &mut cases);
    framed(frames, &mut cases);
    Value::Array(cases)
}

fn claims(back: &Back, claim: &Claim, cases: &mut Vec<Value>) {
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        let claim: Claim = wire::decode(bytes, 1 << 20)?;
        claim
            .holds(&back.from, &back.to)
            .then_some(())
            .ok_or(Fault::Claim)
    };
    let mut list = Refusals::of("claim", read);
    let valid = wire::encode(claim);
    list.add_spellings(&valid, None, wire);
    // [1, root, signature]
    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    let short = |at: usize| {
        edited(&valid, |it| {
            it[at].bytes().pop();
        })
    };
    list.add("form", "a root of 31 bytes", &short(1), malformed);
    list.add("form", "a signature of 63 bytes", &short(2), malformed);
    let mut add = |why, claim: &Claim| {
        list.add("signature", why, &wire::encode(claim), is!(Fault::Claim));
    };
    let (from, to) = (&back.from, &back.to);
    let mut flipped = claim.clone();
    flipped.signature[63] ^= 1;
    add("a bit of the signature", &flipped);
    let mut other = claim.clone();
    other.root = back.zoe.root.public();
    add("another root than the one that signed", &other);
    let elsewhere = TransportId::from_bytes([9; 32]);
    let root = &back.ines.root;
    add("from another node", &Claim::new(root, &elsewhere, to));
    add("to another node", &Claim::new(root, from, &elsewhere));
    add("the other way round", &Claim::new(root, to, from));
    cases.append(&mut list.cases);
}

/// A person whom somebody else has founded, with another's root in the charter: their own replaces it.
fn made_up(back: &Back) -> Vec<u8> {
    let charter = Charter {
        next_root: Some(NextRoot::of(&back.zoe.root.public())),
        ..back.ines.authority.charter().clone()
    };
    let bytes = wire::encode(&charter);
    let subject = charter.subject(&bytes);
    let Subject::Person(person) = subject else {
        unreachable!("a person's charter")
    };
    let membership = founder(&subject, 1);
    let device = NewDevice {
        signing: &SigningKey::from_seed(&[0x75; 32]),
        sealing: &back.zoe.sealing.public(),
        transport: TransportId::from_bytes([0x76; 32]),
    };
    let signer = Signer {
        key: &back.zoe.root,
        membership,
        installation: back.zoe.installation,
    };
    let admission = device.consent(person, membership, 1);
    let said = signer.say(&History::default(), subject, admission).unwrap();
    edited(&back.ines.authority.to_bytes(), |it| {
        it[1] = Item::Bytes(bytes);
        it[2] = Item::List(vec![Item::read(&said.to_bytes())]);
    })
}

fn answers(back: &Back, claimed: &Claimed, cases: &mut Vec<Value>) {
    // What whoever has claimed does with the answer.
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        let answer: Claimed = wire::decode(bytes, 1 << 20)?;
        let authority = UnverifiedAuthority::decode(&answer.authority)?;
        let person = authority.claimed_person().ok_or(Fault::Root)?;
        let authority = authority.verify(person)?;
        let is_theirs = authority.root_key() == back.ines.root.public()
            && authority.has_root_spoken()
            && !authority.is_root_replaced();
        is_theirs.then_some(()).ok_or(Fault::Root)
    };
    let valid = wire::encode(claimed);
    let mut list = Refusals::of("claimed", read);
    list.add_spellings(&valid, None, wire);
    // [1, authority, [[transport, name, [address...]]...]]
    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    let edit = |change: &dyn Fn(&mut Item)| edited(&valid, change);
    let mut add = |why, change: &dyn Fn(&mut Item)| list.add("form", why, &edit(change), malformed);
    add("no authority", &|it| it[1] = Item::Null);
    add("a place more than there may be", &|it| {
        let place = Item::List(vec![
            id(7),
            Item::Text(String::new()),
            Item::List(Vec::new()),
        ]);
        it[2] = Item::List(vec![place; PLACES_MAX + 1]);
    });
    add("a name of 65 bytes", &|it| {
        it[2][0][1] = Item::Text("n".repeat(65));
    });
    add("nine addresses", &|it| {
        it[2][0][2] = Item::List(vec![Item::Text(String::new()); 9]);
    });
    add("an address of 129 bytes", &|it| {
        it[2][0][2] = Item::List(vec![Item::Text("a".repeat(129))]);
    });
    add("a node of 31 bytes", &|it| {
        it[2][0][0].bytes().pop();
    });
    let root = is!(Fault::Root);
    let with = |authority: Vec<u8>| edit(&|it| it[1] = Item::Bytes(authority.clone()));
    let zoes = with(back.zoe.authority.to_bytes());
    list.add("rule", "a person of another root", &zoes, root);
    let why = "a person of whom the root in the charter has said nothing";
    list.add("rule", why, &with(made_up(back)), root);
    let forged = edit(&|it| it[1].inside(|authority| authority[2][0][1].flip()));
    let signature = is!(Fault::Authority(AuthorityError::Principal(
        PrincipalError::Statements(SetError::Statement {
            error: StatementError::Signature,
            ..
        })
    )));
    list.add("signature", "a bit in the authority", &forged, signature);
    cases.append(&mut list.cases);
}

fn framed(frames: &[(&'static str, Frame)], cases: &mut Vec<Value>) {
    let of = |name: &str| {
        let (_, frame) = frames.iter().find(|(other, _)| *other == name).expect(name);
        frame.to_bytes()
    };
    let mut list = Refusals::of("frame", Frame::from_bytes);
    list.add_spellings(&of("claimed"), Some(1 << 20), wire_of_frame);
    let malformed = is!(FrameError::Wire(WireError::Malformed { .. }));
    let mut edit = |why, bytes: &[u8], change: &dyn Fn(&mut Item)| {
        list.add("form", why, &edited(bytes, change), malformed);
    };
    let version = Item::Number(2);
    edit("a frame that is not known", &of("return"), &|it| {
        it[0] = Item::Number(12);
    });
    edit("a claim of version 2", &of("claim"), &|it| {
        it[1][0][0] = version.clone();
    });
    edit("a return of version 2", &of("return"), &|it| {
        it[1][0][0] = version.clone();
    });
    edit("a return as a claim", &of("return"), &|it| {
        it[0] = Item::Number(9);
    });
    edit("a pair record of version 2", &of("pair"), &|it| {
        it[1][0][0] = version.clone();
    });
    edit("an answer that is not known", &of("paired"), &|it| {
        it[1][0][0] = Item::Number(2);
    });
    // [8, [[0, [authority, [[circle, slice, tag key, called, own]...]]]]]
    edit("a circle more than there may be", &of("paired"), &|it| {
        let circles = it[1][0][1][1].list();
        let one = circles[0].clone();
        *circles = vec![one; crate::pairing::CIRCLES_MAX + 1];
    });
    edit("a person who is called nothing", &of("paired"), &|it| {
        it[1][0][1][1][0][3] = Item::Null;
    });
    let long = edited(&of("return"), |it| {
        it[1][0][1] = Item::Bytes(vec![0; 256 * 1024 + 1]);
    });
    let why = "a return with an authority of 256 KiB and a byte";
    list.add_zeros("form", why, &long, malformed);
    cases.append(&mut list.cases);
}
