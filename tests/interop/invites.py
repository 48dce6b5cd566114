"""Invites to a circle, knocks and answers, claims of who comes back, the frames of a session (spec, section 10)."""

from primitives import hashed, keyed, sealing_key, verify
from principal import STATEMENT_BYTES, charter, check_charter, founder, read_person
from principal import principal as authority
from slices import read_slice_charter, slice_id
from texts import STARTS, address_list, card, read_text, time
from wire import (
    blob, boolean, decode, encode, list_of, numbered, one_of, raw, record, require, row, text, uint32, uint64
)

FRAME_BYTES = 1024 * 1024
LINK_BYTES = 2048
AUTHORITY_BYTES = 256 * 1024
NAMES_MOST = 16384

link = record(
    secret=raw(16),
    card=card,
    circle=raw(32),
    membership=raw(32),
    role=one_of(0, 1),
    kind=text(16),
    name=text(64),
    inviter=text(64),
    uses=uint32,
    until=time,
)
knock = record(
    invite=raw(32),
    proof=raw(32),
    name=text(64),
    addresses=address_list,
    key=raw(32),
    consent=raw(64),
    authority=blob(AUTHORITY_BYTES),
)
WHY = ("expired", "used up", "taken back", "no admin", "undecided", "not in order")
answer = numbered(
    welcome=dict(circle=blob(STATEMENT_BYTES), slice=blob(STATEMENT_BYTES), tag_key=raw(32)),
    not_welcome=dict(why=one_of(*range(len(WHY)))),
)
circle_item = numbered(
    **{name: dict(bytes=blob(FRAME_BYTES)) for name in ("person", "statement", "generation", "key", "entry")}
)
item = numbered(
    parcel=dict(bytes=blob(FRAME_BYTES)),
    entry=dict(bytes=blob(FRAME_BYTES)),
    withdrawn={},
    circle=dict(circle=raw(32), item=circle_item),
)
hello = row(
    version=uint32,
    features=uint64,
    salt=raw(16),
    person=raw(32),
    addresses=address_list,
    feed=raw(16),
    cursor=row(feed=raw(16), position=uint64),
    authority=raw(32),
    authority_held=raw(32),
)
pair = record(
    proof=raw(32),
    device=raw(32),
    sealing=sealing_key,
    consent=raw(64),
    name=text(64),
    addresses=address_list,
)
paired_circle = row(
    circle=blob(STATEMENT_BYTES), slice=blob(STATEMENT_BYTES), tag_key=raw(32), called=text(64), own=boolean
)
paired = numbered(
    welcome=dict(authority=blob(AUTHORITY_BYTES), circles=list_of(paired_circle, 96)),
    not_welcome={},
)
claim = record(root=raw(32), signature=raw(64))
claimed = record(
    authority=blob(AUTHORITY_BYTES),
    places=list_of(row(transport=raw(32), name=text(64), addresses=address_list), 64),
)
returning = record(authority=blob(AUTHORITY_BYTES))
frame = numbered(
    hello=dict(hello=hello),
    authority=dict(bytes=blob(FRAME_BYTES)),
    names=dict(names=list_of(raw(32), NAMES_MOST)),
    item=dict(position=uint64, item=item),
    ack=dict(position=uint64),
    knock=dict(knock=knock),
    answer=dict(answer=answer),
    pair=dict(pair=pair),
    paired=dict(paired=paired),
    claim=dict(claim=claim),
    claimed=dict(claimed=claimed),
    **{"return": dict(returning=returning)},
)


def read_link(data):
    return decode(link, data, LINK_BYTES)


def read_link_text(pasted):
    """Returns the link in a text, and its bytes."""
    data = read_text("invite", pasted, STARTS)
    return read_link(data), data


def invite_id(given):
    return hashed("invite-id", given.secret)


def proof(given, data, from_):
    """What shows to the node on the card that the node of `from_` holds the link of these bytes."""
    return keyed(hashed("invite-key", given.secret), "invite-proof", from_, given.card.transport, data)


def read_knock(data):
    return decode(knock, data, FRAME_BYTES)


def verify_knock(given, invite, invite_bytes, from_):
    """Returns the person who knocks from the node of `from_`, if all but the inviter's own count is in order."""
    known = given.invite == invite_id(invite)
    require(known and given.proof == proof(invite, invite_bytes, from_), "signature", "the proof does not hold")
    claimed = decode(authority, given.authority, AUTHORITY_BYTES)
    person = read_person(given.authority, hashed("person-id", claimed.charter.bytes))
    keys = [key for key, device in person.devices.items() if device.transport == from_]
    require(given.key in keys, "rule", "not the device of the node that knocks")
    claim = encode([1, [1, invite.circle], invite.membership, [1, person.id, invite.role]])
    verify(given.key, "consent", claim, given.consent)
    return person


def read_answer(data, circle):
    """Returns the answer to a knock with an invite to `circle`, and the slice that a welcome tells of."""
    name, fields = decode(answer, data, FRAME_BYTES)
    if name == "not_welcome":
        return WHY[fields.why], None
    is_circle = check_charter(decode(charter, fields.circle, STATEMENT_BYTES)) == "circle"
    require(is_circle and hashed("circle-id", fields.circle) == circle, "rule", "another circle")
    slice_charter = read_slice_charter(fields.slice)
    owner, whose = slice_charter.owner
    require((owner, whose.id) == ("circle", circle), "rule", "not a slice of this circle")
    return fields, slice_id(slice_charter)


def read_claim(data, from_, to):
    """Returns the root key that the node of `from_` holds, as it shows to that of `to`."""
    given = decode(claim, data, FRAME_BYTES)
    verify(given.root, "return-claim", from_ + to, given.signature)
    return given.root


def read_claimed(data, root):
    """Returns the person of this root key, and where their nodes are met."""
    given = decode(claimed, data, FRAME_BYTES)
    read = decode(authority, given.authority, AUTHORITY_BYTES)
    person = read_person(given.authority, hashed("person-id", read.charter.bytes))
    by_root = founder(person.id, 0)
    require(person.charter.founders[0][1].key == root, "rule", "a person of another root")
    spoken = any(one.record.membership == by_root for one in person.statements.values())
    require(spoken, "rule", "the root has said nothing of them")
    require((by_root, root) in person.speakers, "rule", "the root was replaced")
    return person, given.places


def read_frame(data):
    name, fields = decode(frame, data, FRAME_BYTES)
    require(name != "hello" or fields.hello.version == 1, "version", "a hello of another version")
    return name, fields
