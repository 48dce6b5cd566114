//! Invites, knocks, answers, frames.

use serde_json::Value;

use super::super::invites::{Door, transport};
use super::tree::{Item, edited, id};
use super::{Refusals, add_text, is, itself, over, retyped};
use crate::card::TextError;
use crate::crypto::domain;
use crate::id::MembershipId;
use crate::invite::{Answer, InviteLink, Knock};
use crate::principal::{
    AuthorityError, Charter, CharterError, Circle, CircleError, PrincipalError, UnverifiedAuthority,
};
use crate::slice::{OwnerId, SliceCharter};
use crate::statement::{Consent, SetError, StatementError};
use crate::sync::{Frame, FrameError};
use crate::wire::{self, WireError};

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Charter(#[from] CharterError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Circle(#[from] CircleError),
    #[error("the proof does not hold")]
    Proof,
    #[error("the consent does not hold")]
    Consent,
    #[error("another node, device or slice")]
    Other,
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

pub(crate) fn invites(
    door: &Door,
    knock: &Knock,
    answers: &[Answer],
    frames: &[(&'static str, Frame)],
) -> Value {
    let mut cases = texts(&door.link);
    links(&door.link, &mut cases);
    knocks(door, knock, &mut cases);
    let welcome = wire::encode(&answers[0]);
    welcomes(door, &welcome, &mut cases);
    framed(door, knock, &answers[0], frames, &mut cases);
    Value::Array(cases)
}

fn texts(link: &InviteLink) -> Vec<Value> {
    let mut cases = Vec::new();
    let mut add = |kind, why, text: &str, expected: fn(&TextError) -> bool| {
        add_text::<InviteLink>(&mut cases, "invite", kind, why, text, expected);
    };
    let text = link.to_string();
    let checksum = is!(TextError::Checksum { .. });
    let unread = is!(TextError::Contents { .. });
    let last = text.len() - 1;
    let other = if text.ends_with('q') { "p" } else { "q" };
    let wrong = format!("{}{other}", &text[..last]);
    add(
        "text",
        "a wrong character in the checksum",
        &wrong,
        checksum,
    );
    add(
        "text",
        "the last character is missing",
        &text[..last],
        checksum,
    );
    add(
        "text",
        "a character that bech32 has not",
        &retyped(&text.replace("join#invite1", "join#invite1b"), 'b', "b"),
        is!(TextError::NotOne { .. }),
    );
    let start = text.replace("maille:join#", "maille:other#");
    add("text", "another start", &start, checksum);
    let start = format!("maille:share#{text}");
    add("text", "two starts", &start, checksum);
    let large = format!("{text}{}", " ".repeat(8193 - text.len()));
    add("text", "8193 bytes", &large, is!(TextError::NotOne { .. }));
    let kind = is!(TextError::WrongKind { .. });
    let bytes = wire::encode(link);
    let share = crate::text::encode("share", &bytes);
    add("kind", "an invite under the kind of a link", &share, kind);
    add("kind", "a card", &link.card.to_string(), kind);
    let more = crate::text::encode("invite", &[&bytes[..], &[0]].concat());
    add("form", "a byte after the end inside", &more, unread);
    let newer = crate::text::encode("invite", &over(&bytes, 1, &[2]));
    add("version", "version 2 inside", &newer, unread);
    cases
}

fn links(link: &InviteLink, cases: &mut Vec<Value>) {
    let valid = wire::encode(link);
    let read = |bytes: &[u8]| wire::decode::<InviteLink>(bytes, 2048);
    let mut list = Refusals::of("invite bytes", read);
    list.add_spellings(&valid, Some(2048), itself);
    // [1, secret, [1, person, transport, [address...]], circle, membership, role, kind, name, inviter, uses, until]
    let malformed = is!(WireError::Malformed { .. });
    let mut edit = |why, change: &dyn Fn(&mut Item)| {
        list.add("form", why, &edited(&valid, change), malformed);
    };
    let text = |length: usize| Item::Text("n".repeat(length));
    edit("a secret of 15 bytes", &|it| {
        it[1].bytes().pop();
    });
    edit("a secret of 32 bytes", &|it| it[1] = id(7));
    edit("version 2 of the card", &|it| it[2][0] = Item::Number(2));
    edit("nine addresses", &|it| {
        it[2][3] = Item::List(vec![text(1); 9]);
    });
    edit("an address of 129 bytes", &|it| {
        it[2][3] = Item::List(vec![text(129)]);
    });
    edit("a role that is not known", &|it| it[5] = Item::Number(2));
    edit("a kind of 17 bytes", &|it| it[6] = text(17));
    edit("a name of 65 bytes", &|it| it[7] = text(65));
    edit("an inviter's name of 65 bytes", &|it| it[8] = text(65));
    edit("a name as bytes", &|it| {
        it[7] = Item::Bytes(b"Rue des Lilas".to_vec());
    });
    edit("more uses than 32 bits hold", &|it| {
        it[9] = Item::Number(1 << 32);
    });
    edit("without an end", &|it| it[10] = Item::Null);
    edit("a field less", &|it| drop(it.list().pop()));
    edit("an end after the year 9999", &|it| {
        it[10] = Item::Number(253_402_207_200_001);
    });
    let ill = edited(&valid, |it| it[8] = Item::Text("In__s".to_owned()));
    let at = ill.windows(5).position(|it| it == b"In__s");
    let ill = over(&ill, at.expect("the name") + 2, &[0xc3, 0x28]);
    list.add("form", "a name that is no UTF-8", &ill, malformed);
    cases.append(&mut list.cases);
}

/// Makes a link sound better than it is.
type Change = fn(&mut InviteLink);

fn knocks(door: &Door, knock: &Knock, cases: &mut Vec<Value>) {
    // What the node of the inviter does with a knock from Marc's node, up to the admission.
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        let link = &door.link;
        let from = transport(&door.marc);
        let knock: Knock = wire::decode(bytes, 1 << 20)?;
        if knock.invite != link.id() || !link.is_shown_by(&knock, &from) {
            return Err(Fault::Proof);
        }
        let authority = UnverifiedAuthority::decode(&knock.authority)?;
        let person = authority.claimed_person().ok_or(Fault::Other)?;
        let authority = authority.verify(person)?;
        let device = authority.device_of_transport(&from).ok_or(Fault::Other)?;
        if device.signing.as_bytes() != &knock.by {
            return Err(Fault::Other);
        }
        let consent = Consent::of_person(link.circle, link.admitter, person, link.role);
        if !consent.holds(&knock.by, &knock.consent) {
            return Err(Fault::Consent);
        }
        Ok(())
    };
    let valid = wire::encode(knock);
    let mut list = Refusals::of("knock", read);
    list.add_spellings(&valid, None, wire);
    // [1, invite, proof, name, [address...], key, consent, authority]
    let edit = |change: &dyn Fn(&mut Item)| edited(&valid, change);
    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    let mut add = |why, change: &dyn Fn(&mut Item)| list.add("form", why, &edit(change), malformed);
    add("an id of 31 bytes", &|it| it[1].bytes().truncate(31));
    add("a proof of 31 bytes", &|it| it[2].bytes().truncate(31));
    add("a name of 65 bytes", &|it| {
        it[3] = Item::Text("n".repeat(65));
    });
    add("nine addresses", &|it| {
        it[4] = Item::List(vec![Item::Text(String::new()); 9]);
    });
    add("an address of 129 bytes", &|it| {
        it[4] = Item::List(vec![Item::Text("a".repeat(129))]);
    });
    add("a consent of 63 bytes", &|it| it[6].bytes().truncate(63));
    add("no authority", &|it| it[7] = Item::Null);

    let proof = is!(Fault::Proof);
    let mut add =
        |why, change: &dyn Fn(&mut Item)| list.add("signature", why, &edit(change), proof);
    let put = |bytes: [u8; 32]| Item::Bytes(bytes.to_vec());
    add("a bit of the proof", &|it| it[2].flip());
    add("the proof of another node", &|it| {
        it[2] = put(door.link.proof(&transport(&door.zoe)));
    });
    let better: [(&str, Change); 5] = [
        ("the proof of a link with another role", |it| {
            it.role = crate::evaluation::Role::Admin;
        }),
        ("the proof of a link with more uses", |it| it.uses = 2),
        ("the proof of a link that ends later", |it| {
            it.until = it.until.plus_millis(1);
        }),
        ("the proof of a link with another name", |it| {
            it.name.push('!');
        }),
        ("the proof of a link to another node", |it| {
            it.card.transport = crate::id::TransportId::from_bytes([1; 32]);
        }),
    ];
    for (why, change) in better {
        let mut changed = door.link.clone();
        change(&mut changed);
        add(why, &|it| {
            it[2] = put(changed.proof(&transport(&door.marc)))
        });
    }

    let consent = is!(Fault::Consent);
    let mut add = |why, signature: [u8; 64]| {
        let bytes = edit(&|it| it[6] = Item::Bytes(signature.to_vec()));
        list.add("signature", why, &bytes, consent);
    };
    let (link, marc) = (&door.link, &door.marc);
    let mut flipped = knock.consent;
    flipped[63] ^= 1;
    add("a bit of the consent", flipped);
    let role = crate::evaluation::Role::Admin;
    let other = Consent::of_person(link.circle, link.admitter, marc.id(), role);
    add("a consent to another role", other.sign(&marc.device));
    let admitter = MembershipId::from_bytes([3; 32]);
    let other = Consent::of_person(link.circle, admitter, marc.id(), link.role);
    add("a consent to another admitter", other.sign(&marc.device));
    let circle = crate::id::CircleId::from_bytes([2; 32]);
    let other = Consent::of_person(circle, link.admitter, marc.id(), link.role);
    add("a consent to another circle", other.sign(&marc.device));
    let right = Consent::of_person(link.circle, link.admitter, marc.id(), link.role);
    add("a consent by another device", right.sign(&door.zoe.device));

    let other = is!(Fault::Other);
    let stranger = edit(&|it| it[7] = Item::Bytes(door.zoe.authority.to_bytes()));
    list.add("rule", "the authority of somebody else", &stranger, other);
    let key = edit(&|it| it[5] = Item::Bytes(door.zoe.device.public().to_vec()));
    list.add("rule", "a key that is not the device's", &key, other);
    let root = edit(&|it| it[5] = Item::Bytes(marc.root.public().to_vec()));
    list.add("rule", "the root's key", &root, other);
    // [1, charter bytes, [[statement bytes, signature]...]]
    let forged = edit(&|it| it[7].inside(|authority| authority[2][0][1].flip()));
    let signature = is!(Fault::Authority(AuthorityError::Principal(
        PrincipalError::Statements(SetError::Statement {
            error: StatementError::Signature,
            ..
        })
    )));
    list.add("signature", "a bit in the authority", &forged, signature);
    let by_root = edit(&|it| {
        it[7].inside(|authority| {
            authority[2][0].signed(domain::STATEMENT, &marc.root, |said| said[6][5].flip());
        });
    });
    let unsigned = is!(Fault::Authority(AuthorityError::Principal(
        PrincipalError::Statements(SetError::Statement {
            error: StatementError::Consent,
            ..
        })
    )));
    let why = "a device in the authority that did not agree";
    list.add("signature", why, &by_root, unsigned);
    cases.append(&mut list.cases);
}

fn welcomes(door: &Door, welcome: &[u8], cases: &mut Vec<Value>) {
    let read = |bytes: &[u8]| -> Result<(), Fault> {
        // Whatever is malformed here begins with a number that is no version.
        let answer = wire::decode(bytes, 1 << 20).map_err(|error| match error {
            WireError::Version { .. } => WireError::Malformed { position: 0 },
            error => error,
        })?;
        let Answer::Welcome { circle, slice, .. } = answer else {
            return Ok(());
        };
        Circle::begin(
            Charter::decode(&circle)?,
            door.link.circle,
            &door.known.people,
        )?;
        let slice: SliceCharter = wire::decode(&slice, 4096)?;
        (slice.owner == OwnerId::Circle(door.link.circle))
            .then_some(())
            .ok_or(Fault::Other)
    };
    let mut list = Refusals::of("answer", read);
    list.add_spellings(welcome, None, wire);
    // [0, [charter bytes, slice charter bytes, tag key]] or [1, [why]]
    let edit = |change: &dyn Fn(&mut Item)| edited(welcome, change);
    let malformed = is!(Fault::Wire(WireError::Malformed { .. }));
    let mut add = |why, change: &dyn Fn(&mut Item)| list.add("form", why, &edit(change), malformed);
    add("an answer that is not known", &|it| it[0] = Item::Number(2));
    add("a reason that is not known", &|it| {
        *it = Item::List(vec![Item::Number(1), Item::List(vec![Item::Number(6)])]);
    });
    add("without a reason", &|it| {
        *it = Item::List(vec![Item::Number(1), Item::List(vec![])]);
    });
    add("a tag key of 31 bytes", &|it| it[1][2].bytes().truncate(31));
    add("a charter of 4097 bytes", &|it| {
        it[1][0] = Item::Bytes(vec![0; 4097]);
    });
    add("a slice's charter of 4097 bytes", &|it| {
        it[1][1] = Item::Bytes(vec![0; 4097]);
    });
    let other = is!(Fault::Circle(CircleError::OtherCircle { .. }));
    let circle = edit(&|it| it[1][0].inside(|charter| charter[6].flip()));
    list.add("rule", "the charter of another circle", &circle, other);
    let slice = edit(&|it| it[1][1].inside(|charter| charter[2][1].flip()));
    let why = "a slice of another circle";
    list.add("rule", why, &slice, is!(Fault::Other));
    let slice = edit(&|it| it[1][1].inside(|charter| charter[2][0] = Item::Number(0)));
    let why = "a slice of a person";
    list.add("rule", why, &slice, is!(Fault::Other));
    cases.append(&mut list.cases);
}

fn framed(
    door: &Door,
    knock: &Knock,
    welcome: &Answer,
    frames: &[(&'static str, Frame)],
    cases: &mut Vec<Value>,
) {
    let mut list = Refusals::of("frame", Frame::from_bytes);
    let knock = Frame::Knock(knock.clone()).to_bytes();
    list.add_spellings(&knock, Some(1 << 20), wire_of_frame);
    let malformed = is!(FrameError::Wire(WireError::Malformed { .. }));
    // [5, [[1, invite, ...]]]
    let mut edit = |why, bytes: &[u8], change: &dyn Fn(&mut Item)| {
        list.add("form", why, &edited(bytes, change), malformed);
    };
    edit("a frame that is not known", &knock, &|it| {
        it[0] = Item::Number(7);
    });
    edit("a knock of version 2", &knock, &|it| {
        it[1][0][0] = Item::Number(2);
    });
    edit("a knock as an answer", &knock, &|it| {
        it[0] = Item::Number(6)
    });
    edit("a knock with a name of 65 bytes", &knock, &|it| {
        it[1][0][3] = Item::Text("n".repeat(65));
    });
    let long = edited(&knock, |it| {
        it[1][0][7] = Item::Bytes(vec![0; 256 * 1024 + 1]);
    });
    let why = "a knock with an authority of 256 KiB and a byte";
    list.add_zeros("form", why, &long, malformed);
    let mut edit = |why, bytes: &[u8], change: &dyn Fn(&mut Item)| {
        list.add("form", why, &edited(bytes, change), malformed);
    };
    let answer = Frame::Answer(welcome.clone()).to_bytes();
    edit("an answer that is not known", &answer, &|it| {
        it[1][0][0] = Item::Number(2);
    });
    let of = |name: &str| {
        let (_, frame) = frames.iter().find(|(other, _)| *other == name).expect(name);
        frame.to_bytes()
    };
    // [3, [position, [2, []]]]
    let circle = |inside: Item| {
        edited(&of("withdrawn"), |it| {
            let circle = Item::Bytes(door.circle.id().as_bytes().to_vec());
            let fields = Item::List(vec![circle, inside]);
            it[1][1] = Item::List(vec![Item::Number(3), fields]);
        })
    };
    let something = |number| {
        let bytes = Item::List(vec![Item::Bytes(vec![1; 3])]);
        circle(Item::List(vec![Item::Number(number), bytes]))
    };
    assert!(Frame::from_bytes(&something(4)).is_ok());
    list.add(
        "form",
        "a thing of a circle that is not known",
        &something(5),
        malformed,
    );
    let mut edit = |why, bytes: &[u8], change: &dyn Fn(&mut Item)| {
        list.add("form", why, &edited(bytes, change), malformed);
    };
    edit(
        "a thing of a circle without the circle",
        &something(1),
        &|it| {
            it[1][1][1].list().remove(0);
        },
    );
    edit("a circle of 31 bytes", &something(1), &|it| {
        it[1][1][1][0].bytes().truncate(31);
    });
    edit("a thing of a circle as a text", &something(1), &|it| {
        it[1][1][1][1][1][0] = Item::Text("abc".to_owned());
    });
    edit("an item that is not known", &of("withdrawn"), &|it| {
        it[1][1][0] = Item::Number(4);
    });
    edit("an item without a position", &of("parcel"), &|it| {
        it[1].list().remove(0);
    });
    edit("nine addresses", &of("hello"), &|it| {
        it[1][0][4] = Item::List(vec![Item::Text(String::new()); 9]);
    });
    edit("a name of 31 bytes", &of("names"), &|it| {
        it[1][0][0].bytes().truncate(31);
    });
    let names = edited(&of("names"), |it| {
        // Refused by their number, before the first of them is read.
        it[1][0] = Item::List(vec![Item::Number(0); 16_385]);
    });
    list.add_zeros("form", "16,385 names", &names, malformed);
    let canonical = is!(FrameError::Wire(WireError::NotCanonical));
    let more = edited(&of("withdrawn"), |it| it[1][1][1].list().push(Item::Null));
    list.add("form", "a field more", &more, canonical);
    let version = is!(FrameError::Version { got: 2 });
    let newer = edited(&of("hello"), |it| it[1][0][0] = Item::Number(2));
    list.add("version", "a hello of version 2", &newer, version);
    cases.append(&mut list.cases);
}
