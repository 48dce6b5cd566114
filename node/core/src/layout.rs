//! Where things lie in the store: one letter, then fixed-length binary ids.
//!
//! Keys are not sealed at rest, so they hold ids, numbers and months, never words.

use maille_protocol::entry::LogId;
use maille_protocol::id::{CircleId, GenerationId, GrantId, PersonId, SliceId, TransportId};
use maille_protocol::invite::InviteId;
use maille_protocol::relay::CodeId;
use maille_protocol::slice::PartNumber;
use maille_schemas::document::{DocumentId, Domain};

/// Our own authority: charter and statements.
pub(crate) const AUTHORITY: &[u8] = b"a";
/// Number of the next line of the journal of what left.
pub(crate) const SENT_NEXT: &[u8] = b"n";
/// What this device is called, if it came back by the words and has met no other of its person's since.
pub(crate) const CALLED: &[u8] = b"B";
/// Which circle is that of our person's own devices, if there is one.
pub(crate) const OWN_CIRCLE: &[u8] = b"O";
/// Prefix of contacts.
pub(crate) const CONTACTS: &[u8] = b"c";
/// Prefix of nodes.
pub(crate) const NODES: &[u8] = b"x";
/// Prefix of grants given.
pub(crate) const GIVEN: &[u8] = b"G";
/// Prefix of grants received.
pub(crate) const TAKEN: &[u8] = b"R";
/// Prefix of cached documents.
pub(crate) const DOCUMENTS: &[u8] = b"d";
/// Prefix of the journal of what left.
pub(crate) const SENT: &[u8] = b"L";
/// The installation that this store was last opened under.
pub(crate) const INSTALLED: &[u8] = b"I";
/// Prefix of parts of slices of ours.
pub(crate) const PARTS: &[u8] = b"p";
/// Prefix of our own projections.
pub(crate) const PROJECTIONS: &[u8] = b"P";

/// Prefix of circles.
pub(crate) const CIRCLES: &[u8] = b"C";
/// Prefix of invites that our person gave.
pub(crate) const INVITES: &[u8] = b"V";
/// Prefix of circles that our person wants to come into.
pub(crate) const JOINING: &[u8] = b"j";

/// Prefix of the codes of this node, as a relay.
pub(crate) const ROOMS: &[u8] = b"M";
/// Prefix of how this node stands with relays that carry circles.
pub(crate) const CARRIED: &[u8] = b"l";
/// Prefix of mailboxes that this node keeps for others.
pub(crate) const MAILBOXES: &[u8] = b"m";

fn join(letter: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut key = letter.to_vec();
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

pub(crate) fn contact(person: PersonId) -> Vec<u8> {
    join(CONTACTS, &[person.as_bytes()])
}

/// A node that is known: whose it is, and where.
pub(crate) fn node(node: TransportId) -> Vec<u8> {
    join(NODES, &[node.as_bytes()])
}

pub(crate) fn feed(node: TransportId) -> Vec<u8> {
    join(b"f", &[node.as_bytes()])
}

pub(crate) fn feed_item(node: TransportId, position: u64) -> Vec<u8> {
    join(b"o", &[node.as_bytes(), &position.to_be_bytes()])
}

pub(crate) fn feed_items(node: TransportId) -> Vec<u8> {
    join(b"o", &[node.as_bytes()])
}

/// How much is kept of a contact.
pub(crate) fn holding(person: PersonId) -> Vec<u8> {
    join(b"h", &[person.as_bytes()])
}

/// What a contact sent that was of no use.
pub(crate) fn asides(person: PersonId) -> Vec<u8> {
    join(b"q", &[person.as_bytes()])
}

/// How far the log of an entry of ours has left under a grant.
pub(crate) fn left(grant: GrantId, entry: &[u8]) -> Option<(Vec<u8>, u64)> {
    let (log, seq) = entry.split_last_chunk::<8>()?;
    let at = join(b"J", &[grant.as_bytes(), log.get(1..)?]);
    Some((at, u64::from_be_bytes(*seq)))
}

pub(crate) fn given(grant: GrantId) -> Vec<u8> {
    join(GIVEN, &[grant.as_bytes()])
}

/// What we said about a slice of ours that concerns one reader.
pub(crate) fn said(slice: SliceId, reader: PersonId) -> Vec<u8> {
    join(b"A", &[slice.as_bytes(), reader.as_bytes()])
}

/// Prefix of what we said about a slice of ours.
pub(crate) fn said_of(slice: SliceId) -> Vec<u8> {
    join(b"A", &[slice.as_bytes()])
}

/// What somebody said to us about a slice of theirs.
pub(crate) fn heard(slice: SliceId) -> Vec<u8> {
    join(b"H", &[slice.as_bytes()])
}

pub(crate) fn taken(grant: GrantId) -> Vec<u8> {
    join(TAKEN, &[grant.as_bytes()])
}

fn domain_letter(domain: Domain) -> u8 {
    match domain {
        Domain::Mobility => b'm',
        Domain::Energy => b'e',
    }
}

pub(crate) fn document(id: DocumentId) -> Vec<u8> {
    join(
        DOCUMENTS,
        &[
            &[domain_letter(id.domain)],
            &id.month.ordinal().to_be_bytes(),
        ],
    )
}

pub(crate) fn documents_of(domain: Domain) -> Vec<u8> {
    join(DOCUMENTS, &[&[domain_letter(domain)]])
}

/// The vault slice of a domain.
pub(crate) fn vault(domain: Domain) -> Vec<u8> {
    join(b"v", &[&[domain_letter(domain)]])
}

/// Our own projection through a lens.
pub(crate) fn projection(lens: [u8; 32]) -> Vec<u8> {
    join(PROJECTIONS, &[&lens])
}

/// A part of a slice of ours.
pub(crate) fn part(slice: SliceId, part: PartNumber) -> Vec<u8> {
    join(b"p", &[slice.as_bytes(), &part.0.to_be_bytes()])
}

pub(crate) fn parts_of(slice: SliceId) -> Vec<u8> {
    join(b"p", &[slice.as_bytes()])
}

pub(crate) fn part_key(slice: SliceId, part: PartNumber, generation: GenerationId) -> Vec<u8> {
    join(
        b"k",
        &[
            slice.as_bytes(),
            &part.0.to_be_bytes(),
            generation.as_bytes(),
        ],
    )
}

pub(crate) fn part_keys(slice: SliceId, part: PartNumber) -> Vec<u8> {
    join(b"k", &[slice.as_bytes(), &part.0.to_be_bytes()])
}

pub(crate) fn keys_of(slice: SliceId) -> Vec<u8> {
    join(b"k", &[slice.as_bytes()])
}

pub(crate) fn entry(slice: SliceId, part: PartNumber, log: LogId, seq: u64) -> Vec<u8> {
    join(
        b"e",
        &[
            slice.as_bytes(),
            &part.0.to_be_bytes(),
            log.as_bytes(),
            &seq.to_be_bytes(),
        ],
    )
}

pub(crate) fn entries_of(slice: SliceId) -> Vec<u8> {
    join(b"e", &[slice.as_bytes()])
}

/// How many rows an entry of ours holds: the entry's key under another letter.
pub(crate) fn count_of_entry(entry: &[u8]) -> Vec<u8> {
    join(b"i", &[entry.get(1..).unwrap_or_default()])
}

pub(crate) fn row_counts(slice: SliceId, part: PartNumber) -> Vec<u8> {
    join(b"i", &[slice.as_bytes(), &part.0.to_be_bytes()])
}

pub(crate) fn entry_of_count(count: &[u8]) -> Vec<u8> {
    join(b"e", &[count.get(1..).unwrap_or_default()])
}

pub(crate) fn log(slice: SliceId, part: PartNumber, log: LogId) -> Vec<u8> {
    join(
        b"t",
        &[slice.as_bytes(), &part.0.to_be_bytes(), log.as_bytes()],
    )
}

pub(crate) fn row(slice: SliceId, part: PartNumber, key: &[u8]) -> Vec<u8> {
    join(b"r", &[slice.as_bytes(), &part.0.to_be_bytes(), key])
}

pub(crate) fn rows_of_part(slice: SliceId, part: PartNumber) -> Vec<u8> {
    join(b"r", &[slice.as_bytes(), &part.0.to_be_bytes()])
}

pub(crate) fn rows_of(slice: SliceId) -> Vec<u8> {
    join(b"r", &[slice.as_bytes()])
}

/// The serial of the rows that stand in a slice of somebody else's.
pub(crate) fn serial(slice: SliceId) -> Vec<u8> {
    join(b"s", &[slice.as_bytes()])
}

pub(crate) fn sent(number: u64) -> Vec<u8> {
    join(SENT, &[&number.to_be_bytes()])
}

pub(crate) fn circle(circle: CircleId) -> Vec<u8> {
    join(CIRCLES, &[circle.as_bytes()])
}

/// An item of a circle, by its number.
pub(crate) fn circle_item(circle: CircleId, number: u64) -> Vec<u8> {
    join(b"K", &[circle.as_bytes(), &number.to_be_bytes()])
}

pub(crate) fn circle_items(circle: CircleId) -> Vec<u8> {
    join(b"K", &[circle.as_bytes()])
}

/// The number of an item of a circle.
pub(crate) fn circle_number(circle: CircleId, item: &[u8; 32]) -> Vec<u8> {
    join(b"N", &[circle.as_bytes(), item])
}

/// An item of a circle that waits for something that is not here.
pub(crate) fn circle_waiting(circle: CircleId, item: &[u8; 32]) -> Vec<u8> {
    join(b"W", &[circle.as_bytes(), item])
}

pub(crate) fn circle_all_waiting(circle: CircleId) -> Vec<u8> {
    join(b"W", &[circle.as_bytes()])
}

/// That all items of a circle were put into the feed of a member's node.
pub(crate) fn circle_fed(node: TransportId, circle: CircleId) -> Vec<u8> {
    join(b"F", &[node.as_bytes(), circle.as_bytes()])
}

pub(crate) fn circles_fed(node: TransportId) -> Vec<u8> {
    join(b"F", &[node.as_bytes()])
}

/// That what an entry of our own devices' circle carries is in our documents.
pub(crate) fn circle_taken(circle: CircleId, entry: &[u8; 32]) -> Vec<u8> {
    join(b"D", &[circle.as_bytes(), entry])
}

pub(crate) fn circle_all_taken(circle: CircleId) -> Vec<u8> {
    join(b"D", &[circle.as_bytes()])
}

/// An edit that waits for a key.
pub(crate) fn circle_edit(circle: CircleId, number: u64) -> Vec<u8> {
    join(b"E", &[circle.as_bytes(), &number.to_be_bytes()])
}

pub(crate) fn circle_edits(circle: CircleId) -> Vec<u8> {
    join(b"E", &[circle.as_bytes()])
}

/// An edit that was written, under the number that it waited under.
pub(crate) fn circle_written(circle: CircleId, number: u64) -> Vec<u8> {
    join(b"Y", &[circle.as_bytes(), &number.to_be_bytes()])
}

pub(crate) fn circle_all_written(circle: CircleId) -> Vec<u8> {
    join(b"Y", &[circle.as_bytes()])
}

pub(crate) fn invite(invite: InviteId) -> Vec<u8> {
    join(INVITES, &[&invite.0])
}

pub(crate) fn joining(circle: CircleId) -> Vec<u8> {
    join(JOINING, &[circle.as_bytes()])
}

/// Room that this node gives as a relay.
pub(crate) fn room(code: CodeId) -> Vec<u8> {
    join(ROOMS, &[&code.0])
}

/// A mailbox that this node keeps for others.
pub(crate) fn mailbox(slice: SliceId) -> Vec<u8> {
    join(MAILBOXES, &[slice.as_bytes()])
}

pub(crate) fn mailbox_ticket(slice: SliceId, log: LogId) -> Vec<u8> {
    join(b"u", &[slice.as_bytes(), log.as_bytes()])
}

pub(crate) fn mailbox_tickets(slice: SliceId) -> Vec<u8> {
    join(b"u", &[slice.as_bytes()])
}

pub(crate) fn mailbox_entry(slice: SliceId, position: u64) -> Vec<u8> {
    join(b"w", &[slice.as_bytes(), &position.to_be_bytes()])
}

pub(crate) fn mailbox_entries(slice: SliceId) -> Vec<u8> {
    join(b"w", &[slice.as_bytes()])
}

/// How this node stands with a relay that carries a circle of our person's. `carried` stands for both.
pub(crate) fn carried(carried: TransportId) -> Vec<u8> {
    join(CARRIED, &[carried.as_bytes()])
}

/// A mailbox at a relay, as we use it.
pub(crate) fn post(slice: SliceId) -> Vec<u8> {
    join(b"y", &[slice.as_bytes()])
}

/// An entry of ours that the relay has not confirmed.
pub(crate) fn outgoing(slice: SliceId, seq: u64) -> Vec<u8> {
    join(b"z", &[slice.as_bytes(), &seq.to_be_bytes()])
}

pub(crate) fn all_outgoing(slice: SliceId) -> Vec<u8> {
    join(b"z", &[slice.as_bytes()])
}

/// A log of a mailbox, as far as it was read.
pub(crate) fn read_log(slice: SliceId, log: LogId) -> Vec<u8> {
    join(b"g", &[slice.as_bytes(), log.as_bytes()])
}

pub(crate) fn read_logs(slice: SliceId) -> Vec<u8> {
    join(b"g", &[slice.as_bytes()])
}

/// The number at the end of a key that begins with a letter and an id.
pub(crate) fn number_in(key: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(key.get(33..41)?.try_into().ok()?))
}

/// The part in a key that begins with a letter and a slice.
pub(crate) fn part_in(key: &[u8]) -> Option<PartNumber> {
    let bytes = key.get(33..37)?;
    Some(PartNumber(u32::from_be_bytes(bytes.try_into().ok()?)))
}

/// What follows letter, slice and part in a key.
pub(crate) fn tail_after_part(key: &[u8]) -> Option<&[u8]> {
    key.get(37..)
}
