//! A relay code, a mailbox and who writes in it, an entry there, and the frames of a visit.

use serde_json::{Value, json};

use super::{file, hex, people, unhex};
use crate::control::Ticket;
use crate::crypto::Key;
use crate::entry::{Body, LogPlace, LogTip, SealParams, seal};
use crate::generation::ContentKey;
use crate::id::{InstallationId, TransportId};
use crate::relay::{
    Bundle, Called, Found, Items, Mailbox, PART, Put, PutDone, RelayCode, Stored, Visit, Visited,
    WhyNotPut,
};
use crate::sync::{CircleItem, Cursor, FeedId, Frame};
use crate::testing::NOW;
use crate::wire::{self, V1};

/// Everything about one mailbox.
struct Post {
    code: RelayCode,
    from: TransportId,
    key: ContentKey,
    mailbox: Mailbox,
    seed: Key,
    installation: InstallationId,
    epoch: u32,
    bundle: Bundle,
}

impl Post {
    fn new() -> Self {
        let relay = TransportId::from_bytes([0x61; 32]);
        let key = ContentKey::new(Key::from_bytes([0x62; 32]));
        let items = Items(vec![
            CircleItem::Statement(vec![1, 2, 3]),
            CircleItem::Entry(vec![4; 5]),
        ]);
        let mailbox = Mailbox::of(&key, relay);
        Self {
            code: RelayCode {
                version: V1,
                secret: [0x63; 16],
                relay,
                addresses: vec!["/ip4/192.0.2.7/udp/4001/quic-v1".to_owned()],
                bytes: 256_000_000,
                until: NOW,
            },
            from: TransportId::from_bytes([0x64; 32]),
            key,
            mailbox,
            seed: Key::from_bytes([0x65; 32]),
            installation: InstallationId::from_bytes([0x66; 32]),
            epoch: 3,
            bundle: Bundle {
                version: V1,
                seen: vec![LogPlace {
                    log: crate::entry::LogId::from_bytes([0x67; 32]),
                    seq: 8,
                    hash: [0x68; 32],
                }],
                more: false,
                piece: wire::encode(&items),
            },
        }
    }

    fn frames(&self, ticket: &[u8], entry: &[u8], control: &[u8]) -> Vec<(&'static str, Frame)> {
        let name = self.mailbox.name(&self.from);
        let feed = FeedId([0x69; 16]);
        let called = Called {
            name,
            cursor: Cursor { feed, position: 4 },
            last: [0x6b; 32],
            log: crate::entry::LogId::from_bytes([0x6a; 32]),
        };
        let found = Found {
            name,
            feed,
            start: 4,
            end: 9,
            next_seq: 2,
        };
        let put = |number, what| Frame::Put { number, name, what };
        let visit = |codes, mailboxes| {
            Frame::Visit(Visit {
                version: V1,
                codes,
                mailboxes,
            })
        };
        let opening = Put::Open {
            code: self.code.id(),
            control: control.to_vec(),
            access: self.mailbox.access().clone(),
        };
        let done = |number, why_not, position| {
            Frame::PutDone(PutDone {
                number,
                why_not,
                position,
            })
        };
        vec![
            (
                "visit",
                visit(vec![self.code.shown_by(&self.from)], vec![called]),
            ),
            ("visit", visit(Vec::new(), Vec::new())),
            (
                "visited",
                Frame::Visited(Visited {
                    found: vec![found],
                    later: true,
                }),
            ),
            ("put", put(1, opening)),
            ("put", put(2, Put::Ticket(ticket.to_vec()))),
            ("put", put(3, Put::Entry(entry.to_vec()))),
            ("put_done", done(1, None, None)),
            ("put_done", done(2, Some(WhyNotPut::Entry), None)),
            ("put_done", done(3, None, Some(10))),
            (
                "stored",
                Frame::Stored(Stored {
                    number: 1,
                    name,
                    position: 5,
                    entry: entry.to_vec(),
                }),
            ),
        ]
    }
}

#[test]
fn relay() {
    let post = Post::new();
    let (ines, _) = people();
    let (code, mailbox) = (&post.code, &post.mailbox);
    let postman = (mailbox.postman(&post.seed, post.installation, post.epoch)).unwrap();
    let ticket = Ticket::sign(&postman.log, postman.membership, &postman.write_key);
    let content = wire::encode(&post.bundle);
    let (entry, _) = seal(SealParams {
        slice: mailbox.id(),
        part: PART,
        generation: mailbox.generation(),
        key: mailbox.content(),
        log: &postman.log,
        tip: &LogTip::START,
        now: NOW,
        body: &Body::new(Some(postman.log.bind(&ines.device)), content),
    })
    .unwrap();
    let control = postman.control.to_bytes();
    let frames = post.frames(&ticket.to_bytes(), &entry.to_bytes(), &control);
    let text = code.to_string();
    let proof = code.shown_by(&post.from).proof;
    let invalid = invalid(&text, &frames);
    let stored = file(
        "relay",
        &json!({
            "object": "a relay code, a mailbox, who writes in it, an entry there, and the frames of a visit",
            "version": 1,
            "bytes": hex(&wire::encode(code)),
            "text": text,
            "secret": hex(&code.secret),
            "relay": code.relay.to_string(),
            "room": code.bytes,
            "until": code.until.as_millis(),
            "code": hex(&code.id().0),
            "from": post.from.to_string(),
            "proof": hex(&proof),
            "content_key": hex(post.key.key().as_bytes()),
            "slice": mailbox.id().to_string(),
            "access_key": hex(mailbox.access().key().as_bytes()),
            "sealed_under": hex(mailbox.content().key().as_bytes()),
            "generation": mailbox.generation().to_string(),
            "name": hex(&mailbox.name(&post.from).0),
            "device_seed": hex(post.seed.as_bytes()),
            "installation": post.installation.to_string(),
            "epoch": post.epoch,
            "control": hex(&control),
            "writer": postman.membership.to_string(),
            "log": hex(postman.log.id().as_bytes()),
            "ticket": hex(&ticket.to_bytes()),
            "entry": hex(&entry.to_bytes()),
            "bundle": hex(&wire::encode(&post.bundle)),
            "piece": hex(&post.bundle.piece),
            "items": [["statement", "010203"], ["entry", "0404040404"]],
            "frames": frames.iter().map(|(name, frame)| json!({
                "name": name,
                "bytes": hex(&frame.to_bytes()),
            })).collect::<Vec<_>>(),
            "invalid": invalid,
        }),
    );
    assert_eq!(stored["text"].as_str().unwrap().parse(), Ok(code.clone()));
    assert_eq!(
        wire::decode(&unhex(&stored["bytes"]), 2048),
        Ok(code.clone())
    );
    for (stored, (_, frame)) in stored["frames"].as_array().unwrap().iter().zip(&frames) {
        assert_eq!(
            Frame::from_bytes(&unhex(&stored["bytes"])).as_ref(),
            Ok(frame)
        );
    }
}

/// What readers refuse.
fn invalid(text: &str, frames: &[(&'static str, Frame)]) -> Vec<Value> {
    let mut cases = vec![
        json!({
            "object": "code", "kind": "text", "why": "a character is another",
            "text": text.replacen('q', "p", 1),
        }),
        json!({
            "object": "code", "kind": "kind", "why": "the start and the text of an invite",
            "text": crate::text::encode("invite", &[1, 2, 3]),
        }),
    ];
    for (name, frame) in frames {
        let mut bytes = frame.to_bytes();
        bytes.push(0);
        assert!(Frame::from_bytes(&bytes).is_err());
        cases.push(json!({
            "object": "frame", "kind": "form", "why": format!("{name}, and a byte"), "bytes": hex(&bytes),
        }));
        bytes.truncate(bytes.len() - 2);
        assert!(Frame::from_bytes(&bytes).is_err());
        cases.push(json!({
            "object": "frame", "kind": "form", "why": format!("{name}, cut short"), "bytes": hex(&bytes),
        }));
    }
    cases
}
