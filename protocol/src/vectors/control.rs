//! What carriers of a slice enforce, and tickets.

use serde_json::json;

use super::{file, hex, invalid, unhex};
use crate::control::{Slice, Ticket, TicketError, UnverifiedControl, installation};
use crate::entry::Entry;
use crate::id::InstallationId;
use crate::signed::Signed;
use crate::slice::{PartNumber, RootCommit};
use crate::statement::Kind;
use crate::testing::removal;
use crate::wire;

#[test]
fn control() {
    let part = PartNumber(3);
    let mut slice = Slice::new();
    let charter = slice.ines.slice();
    let log = slice.log(1, part);
    let entries = slice.entries(&log, &[b"first", b"second"]);
    let place = |entry: &Entry| entry.header().place().unwrap();
    slice.laptop_says(Kind::Compact {
        part,
        upto: vec![place(&entries[1])],
    });
    slice.phone_says(Kind::Erase {
        part,
        upto: vec![place(&entries[0])],
    });
    let access = slice.key.key.access();
    let by_marc = slice.ticket(&log);
    let by_phone = Ticket::sign(&slice.log(2, part), slice.phones, &slice.phone);
    let plain = InstallationId::from_bytes([1; 32]);
    let refused = invalid::controls(&slice, &by_marc);

    // The writer ends, the root shows and removes the laptop.
    let before = slice.control.clone();
    slice.laptop_says(slice.end_of_marc(&[&entries[0]]));
    let root = slice.ines.root.clone();
    let signer = slice
        .control
        .open_root(&root, &charter.salt, &plain)
        .unwrap();
    let mut kept: Vec<_> = (slice.control.statements().iter())
        .filter(|said| said.statement().membership == slice.control.creator())
        .map(crate::statement::SignedStatement::id)
        .collect();
    kept.sort_unstable();
    let creator = slice.control.creator();
    slice.control.say(&signer, removal(creator, kept)).unwrap();

    let stored = file(
        "control",
        &json!({
            "object": "the control of a slice, before and after its root had to act; tickets",
            "version": 1,
            "bytes": hex(&before.to_bytes()),
            "after_the_root": hex(&slice.control.to_bytes()),
            "public_bytes": hex(&wire::encode(before.public_half())),
            "slice": before.id().to_string(),
            "salt": hex(&charter.salt),
            "device_seed": hex(slice.ines.device_seed.as_bytes()),
            "creator": before.creator().to_string(),
            "root": before.root().to_string(),
            "root_public": hex(&root.public()),
            "blind": hex(&RootCommit::blind(&charter.salt)),
            "installation": plain.to_string(),
            "installation_shown": installation(&charter.salt, &plain).to_string(),
            "part": part.0,
            "generation": slice.key.generation().to_string(),
            "access_key": hex(access.key().as_bytes()),
            "access_commit": hex(&access.commit(&before.id(), part)),
            "write_key_seed": hex(&[0x72; 32]),
            "writer": slice.marcs.to_string(),
            "quota_bytes": 1 << 20,
            "quota_logs": 8,
            "log": hex(log.id().as_bytes()),
            "ticket": hex(&by_marc.to_bytes()),
            "ticket_by_control_key": hex(&by_phone.to_bytes()),
            "control_key": slice.phones.to_string(),
            "invalid": refused,
        }),
    );
    let read = |name: &str| {
        let received = UnverifiedControl::decode(&unhex(&stored[name])).unwrap();
        received.verify(slice.control.id()).unwrap()
    };
    assert_eq!(read("bytes"), before);
    assert_eq!(read("after_the_root"), slice.control);
    for (name, speaks) in [
        ("ticket", slice.marcs),
        ("ticket_by_control_key", slice.phones),
    ] {
        let ticket = Signed::decode(&unhex(&stored[name])).unwrap();
        assert_eq!(before.admits(&ticket).unwrap().membership, speaks);
    }
    assert!(
        slice
            .control
            .admits(&by_marc)
            .is_ok_and(|writer| !writer.speaks)
    );
    let lost = Ticket::sign(&slice.log(3, part), slice.marcs, &slice.write_key);
    assert_eq!(slice.control.admits(&lost), Err(TicketError::Removed));
}
