//! An invite to a circle, the knock of who holds it, what comes of that, and the frames that carry them.

use serde_json::{Value, json};

use super::{file, hex, invalid, people, unhex};
use crate::card::{ADDRESS_BYTES_MAX, ADDRESSES_MAX, Card};
use crate::crypto::Key;
use crate::evaluation::{Role, Rule};
use crate::id::{KeyId, TransportId};
use crate::invite::{Answer, InviteLink, KIND_BYTES_MAX, Knock, NAME_BYTES_MAX, USES_MAX, WhyNot};
use crate::principal::{Circle, Known};
use crate::ring::{KeyObject, RingKey, Target};
use crate::slice::{ContentKind, SliceCharter};
use crate::statement::{Consent, Kind, Signer};
use crate::sync::{CircleItem, Cursor, FeedId, Frame, Hello, Item, Name};
use crate::testing::{NOW, Someone, rng};
use crate::wire::{self, V1};

/// Inès, who has founded a circle and invites; Marc, who knocks; and a stranger.
pub(super) struct Door {
    pub(super) ines: Someone,
    pub(super) marc: Someone,
    pub(super) zoe: Someone,
    pub(super) known: Known,
    pub(super) circle: Circle,
    pub(super) slice: SliceCharter,
    pub(super) link: InviteLink,
}

pub(super) fn transport(someone: &Someone) -> TransportId {
    let device = someone.authority.devices().values().next();
    device.expect("one device").transport
}

impl Door {
    fn new() -> Self {
        let ((ines, marc), zoe) = (people(), Someone::new(3));
        let mut known = Known::default();
        for person in [&ines, &marc, &zoe] {
            (known.people).insert(person.id(), person.authority.clone());
        }
        let founders = [ines.id()];
        let circle =
            Circle::found(Rule::Admins, &founders, true, &known.people, &mut rng(9)).unwrap();
        let slice = SliceCharter {
            kind: ContentKind::Documents,
            ..ines.slice_of(circle.id())
        };
        let addresses = vec!["/ip4/192.0.2.7/udp/4001/quic-v1".to_owned()];
        let link = InviteLink {
            version: V1,
            secret: [7; 16],
            card: Card::new(ines.id(), transport(&ines), addresses).unwrap(),
            circle: circle.id(),
            admitter: circle.members()[&ines.id()].membership,
            role: Role::Member,
            kind: "household".to_owned(),
            name: "Rue des Lilas".to_owned(),
            inviter: "Inès".to_owned(),
            uses: 1,
            until: NOW,
        };
        Self {
            ines,
            marc,
            zoe,
            known,
            circle,
            slice,
            link,
        }
    }

    fn knock(&self) -> Knock {
        let (link, marc) = (&self.link, &self.marc);
        let consent = Consent::of_person(link.circle, link.admitter, marc.id(), link.role);
        Knock {
            version: V1,
            invite: link.id(),
            proof: link.proof(&transport(marc)),
            name: "Marc".to_owned(),
            addresses: vec!["/ip4/192.0.2.8/tcp/4001".to_owned()],
            by: marc.device.public(),
            consent: consent.sign(&marc.device),
            authority: marc.authority.to_bytes(),
        }
    }

    fn answers(&self) -> Vec<Answer> {
        let why = [
            WhyNot::Expired,
            WhyNot::UsedUp,
            WhyNot::Revoked,
            WhyNot::NotAdmitter,
            WhyNot::Undecided,
            WhyNot::NotInOrder,
        ];
        let welcome = Answer::Welcome {
            circle: wire::encode(self.circle.charter()),
            slice: wire::encode(&self.slice),
            tag_key: Key::from_bytes([0x57; 32]),
        };
        [welcome]
            .into_iter()
            .chain(why.map(Answer::NotWelcome))
            .collect()
    }

    /// The circle after the knock was answered.
    pub(super) fn admitted(&self, knock: &Knock) -> (Circle, crate::statement::SignedStatement) {
        let signer = Signer {
            membership: self.link.admitter,
            ..self.ines.signer()
        };
        let kind = Kind::Person {
            person: self.marc.id(),
            role: self.link.role,
            by: knock.by,
            consent: knock.consent,
        };
        let mut circle = self.circle.clone();
        let said = circle.say(&signer, kind, &self.known.people).unwrap();
        (circle, said)
    }

    /// One of each kind, as it travels.
    fn circle_items(&self) -> Vec<CircleItem> {
        let key = self.ines.part_key(3, 1);
        let ring = RingKey::new(Key::from_bytes([0x51; 32]));
        let target = Target::content(key.generation(), key.record.unverified());
        let under = KeyId::from_bytes([0x52; 32]);
        let object = KeyObject::wrap(under, &ring, &ring.tag_key(), &target, key.key.key());
        let entry = self.ines.entries(&key, &[b"first"]).remove(0);
        vec![
            CircleItem::Person(self.marc.authority.to_bytes()),
            CircleItem::Statement(self.admitted(&self.knock()).1.to_bytes()),
            CircleItem::Generation(wire::encode(&key.record)),
            CircleItem::Key(wire::encode(&object.unwrap())),
            CircleItem::Entry(entry.to_bytes()),
        ]
    }

    /// One of each kind, but for knocks, answers and things of circles.
    fn other_frames(&self) -> [(&'static str, Frame); 7] {
        let item = |position, item| Frame::Item { position, item };
        let hello = Hello {
            version: 1,
            features: 0,
            salt: [1; 16],
            person: self.ines.id(),
            addresses: self.link.card.addresses.clone(),
            feed: FeedId([2; 16]),
            cursor: Cursor {
                feed: FeedId([3; 16]),
                position: 4,
            },
            authority: [5; 32],
            authority_held: [0; 32],
        };
        [
            ("hello", Frame::Hello(hello)),
            (
                "authority",
                Frame::Authority(self.ines.authority.to_bytes()),
            ),
            ("names", Frame::Names(vec![Name([6; 32]), Name([7; 32])])),
            ("parcel", item(1, Item::Parcel(vec![8; 3]))),
            ("entry", item(24, Item::Entry(vec![9; 3]))),
            ("withdrawn", item(u64::MAX, Item::Withdrawn)),
            ("ack", Frame::Ack { position: 300 }),
        ]
    }

    /// What readers take although nobody should write it, and what is at a bound.
    fn edges(&self) -> Vec<(&'static str, InviteLink)> {
        let mut longest = InviteLink {
            kind: "k".repeat(KIND_BYTES_MAX),
            name: "n".repeat(NAME_BYTES_MAX),
            inviter: "i".repeat(NAME_BYTES_MAX),
            role: Role::Admin,
            ..self.link.clone()
        };
        longest.card.addresses = vec!["a".repeat(ADDRESS_BYTES_MAX); ADDRESSES_MAX];
        let uses = |uses| InviteLink {
            uses,
            ..self.link.clone()
        };
        vec![
            ("the longest there is", longest),
            ("for nobody: the inviter's copy decides", uses(0)),
            (
                "for more than anybody invites: the inviter's copy decides",
                uses(USES_MAX + 1),
            ),
            ("for as many as can be written", uses(u32::MAX)),
        ]
    }
}

#[test]
fn invites() {
    let door = Door::new();
    let (link, knock) = (&door.link, door.knock());
    let (admitted, _) = door.admitted(&knock);
    let items = door.circle_items();
    let in_frame = |position, item: &CircleItem| Frame::Item {
        position,
        item: Item::Circle {
            circle: door.circle.id(),
            item: item.clone(),
        },
    };
    let mut valid: Vec<Value> = (door.edges().iter())
        .map(|(why, link)| json!({ "object": "invite bytes", "why": why, "bytes": hex(&wire::encode(link)) }))
        .collect();
    let text = link.to_string();
    let (start, body) = text.split_at("maille:join#".len());
    valid.extend(
        [
            ("without its start", body.to_owned()),
            ("with the start of a share", format!("maille:share#{body}")),
            (
                "in large letters, over two lines",
                format!("{start}\n{body}").to_uppercase(),
            ),
        ]
        .map(|(why, text)| {
            assert_eq!(text.parse().as_ref(), Ok(link), "{why}");
            json!({ "object": "invite", "why": why, "text": text })
        }),
    );
    let answers: Vec<Value> = (door.answers().iter())
        .map(|answer| {
            json!({
                "bytes": hex(&wire::encode(answer)),
                "frame": hex(&Frame::Answer(answer.clone()).to_bytes()),
            })
        })
        .collect();
    let stored = file(
        "invite",
        &json!({
            "object": "an invite to a circle, a knock with it, all answers, who is in then; and frames of a session",
            "version": 1,
            "inviter": hex(&door.ines.authority.to_bytes()),
            "knocker": hex(&door.marc.authority.to_bytes()),
            "stranger": hex(&door.zoe.authority.to_bytes()),
            "circle_bytes": hex(&door.circle.to_bytes()),
            "circle": door.circle.id().to_string(),
            "slice": door.slice.id().to_string(),
            "bytes": hex(&wire::encode(link)),
            "text": text,
            "secret": hex(&link.secret),
            "membership": link.admitter.to_string(),
            "role": 0,
            "kind": link.kind,
            "name": link.name,
            "name_of_inviter": link.inviter,
            "uses": link.uses,
            "until": link.until.as_millis(),
            "invite": hex(&link.id().0),
            "from": transport(&door.marc).to_string(),
            "to": transport(&door.ines).to_string(),
            "proof": hex(&link.proof(&transport(&door.marc))),
            "device_seed": hex(&[2; 32]),
            "knock": hex(&wire::encode(&knock)),
            "knock_frame": hex(&Frame::Knock(knock.clone()).to_bytes()),
            "answers": answers,
            "tag_key": hex(&[0x57; 32]),
            "circle_after": hex(&admitted.to_bytes()),
            "circle_items": items.iter().zip(1..).map(|(item, position)| json!({
                "position": position,
                "inside": hex(item.bytes()),
                "frame": hex(&in_frame(position, item).to_bytes()),
            })).collect::<Vec<_>>(),
            "frames": door.other_frames().iter().map(|(name, frame)| json!({
                "name": name,
                "bytes": hex(&frame.to_bytes()),
            })).collect::<Vec<_>>(),
            "valid": valid,
            "invalid": invalid::invites(&door, &knock, &door.answers(), &door.other_frames()),
        }),
    );
    let read = |name: &str| unhex(&stored[name]);
    assert_eq!(stored["text"].as_str().unwrap().parse(), Ok(link.clone()));
    assert_eq!(wire::decode(&read("bytes"), 2048), Ok(link.clone()));
    let knocked = Frame::from_bytes(&read("knock_frame"));
    assert_eq!(knocked, Ok(Frame::Knock(knock.clone())));
    assert!(link.is_shown_by(&knock, &transport(&door.marc)));
    assert!(admitted.members().contains_key(&door.marc.id()));
    assert_eq!(items.len(), 5, "one of each kind");
    for (item, stored) in items.iter().zip(stored["circle_items"].as_array().unwrap()) {
        let position = stored["position"].as_u64().unwrap();
        let got = Frame::from_bytes(&unhex(&stored["frame"]));
        assert_eq!(got, Ok(in_frame(position, item)));
    }
}
