//! What two nodes hold of a circle, compared, and the ring of its nodes.

use serde_json::{Value, json};

use super::invalid::tree::{Item, edited};
use super::{file, hex, unhex};
use crate::id::{CircleId, TransportId};
use crate::sync::holdings::{HELD_MAX, ItemName, place_on_ring};
use crate::sync::{CircleItem, Frame, Held, Holdings, Holds};

/// Items of each kind; what is inside is not looked at.
fn items() -> Vec<CircleItem> {
    (0_u8..40)
        .map(|number| {
            let bytes = vec![number; 3];
            match number % 5 {
                0 => CircleItem::Person(bytes),
                1 => CircleItem::Statement(bytes),
                2 => CircleItem::Generation(bytes),
                3 => CircleItem::Key(bytes),
                _ => CircleItem::Entry(bytes),
            }
        })
        .collect()
}

fn holdings(items: &[CircleItem], of: &[u64]) -> Holdings {
    let mut holdings = Holdings::default();
    for number in of {
        let item = &items[usize::try_from(*number).expect("small")];
        holdings.insert(item, *number);
    }
    holdings
}

#[test]
fn compared() {
    let (circle, items) = (CircleId::from_bytes([0xC1; 32]), items());
    let (asks, answers): (Vec<u64>, Vec<u64>) = ((0..37).collect(), (3..40).collect());
    let (ours, theirs) = (holdings(&items, &asks), holdings(&items, &answers));
    let holds = ours.holds(circle);
    let answer = theirs.answer(&holds);
    let [held] = &answer[..] else {
        panic!("few names fit a frame");
    };
    let lacked = ours.lacked(held);
    assert_eq!(lacked, [0, 1, 2]);
    let frames = [Frame::Holds(holds), Frame::Held(held.clone())];
    let nodes: Vec<TransportId> = (1..6).map(|n| TransportId::from_bytes([n; 32])).collect();
    let mut ring = nodes.clone();
    ring.sort_by_key(|node| place_on_ring(&circle, node));
    let stored = file(
        "holdings",
        &json!({
            "object": "what two nodes hold of a circle, compared, and the ring of its nodes",
            "version": 1,
            "circle": circle.to_string(),
            "items": items.iter().map(|item| json!({
                "bytes": hex(&crate::wire::encode(item)),
                "name": hex(&ItemName::of(item).0),
            })).collect::<Vec<_>>(),
            "asks": asks,
            "answers": answers,
            "holds": hex(&frames[0].to_bytes()),
            "held": hex(&frames[1].to_bytes()),
            "lacked": lacked,
            "nodes": nodes.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "ring": ring.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "valid": valid(circle),
            "invalid": invalid(&frames),
        }),
    );
    for (frame, name) in frames.iter().zip(["holds", "held"]) {
        assert_eq!(Frame::from_bytes(&unhex(&stored[name])).as_ref(), Ok(frame));
    }
}

/// What readers take although nobody need write it.
fn valid(circle: CircleId) -> Vec<Value> {
    let buckets = vec![255, 0, 0];
    let (digests, names) = (Vec::new(), Vec::new());
    [
        (
            "no digest: all buckets differ",
            Frame::Holds(Holds { circle, digests }),
        ),
        (
            "a bucket that there is not, and one twice",
            Frame::Held(Held {
                circle,
                buckets,
                names,
            }),
        ),
    ]
    .map(|(why, frame)| {
        let bytes = frame.to_bytes();
        assert_eq!(Frame::from_bytes(&bytes), Ok(frame));
        json!({ "object": "frame", "why": why, "bytes": hex(&bytes) })
    })
    .into()
}

/// What readers refuse.
fn invalid(frames: &[Frame; 2]) -> Vec<Value> {
    let [holds, held] = [frames[0].to_bytes(), frames[1].to_bytes()];
    let long = edited(&held, |it| {
        let one = it[1][0][2][0].clone();
        it[1][0][2].list().resize(HELD_MAX + 1, one);
    });
    assert!(Frame::from_bytes(&long).is_err(), "one name too many"); // half a megabyte: in no file
    let more = |it: &mut Item, by: usize| {
        let one = it[0].clone();
        it.list().resize(by, one);
    };
    // [17, [[circle, [digest...]]]] and [18, [[circle, [bucket...], [name...]]]]
    let cases: [(&str, Vec<u8>); 6] = [
        (
            "65 digests",
            edited(&holds, |it| more(&mut it[1][0][1], 65)),
        ),
        (
            "a digest of 7 bytes",
            edited(&holds, |it| it[1][0][1][0].bytes().truncate(7)),
        ),
        ("no circle", edited(&holds, |it| it[1][0][0] = Item::Null)),
        ("65 buckets", edited(&held, |it| more(&mut it[1][0][1], 65))),
        (
            "a bucket of 256",
            edited(&held, |it| it[1][0][1][0] = Item::Number(256)),
        ),
        (
            "a name of 17 bytes",
            edited(&held, |it| it[1][0][2][0].bytes().push(0)),
        ),
    ];
    cases
        .into_iter()
        .map(|(why, bytes)| {
            assert!(Frame::from_bytes(&bytes).is_err(), "{why}");
            json!({ "object": "frame", "kind": "form", "why": why, "bytes": hex(&bytes) })
        })
        .collect()
}
