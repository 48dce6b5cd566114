"""Relay codes, mailboxes and the frames of a visit (spec, section 11)."""

from types import SimpleNamespace

import control
import entries
from invites import FRAME_BYTES, circle_item
from primitives import hashed, keyed, public_of, u32
from texts import STARTS, address_list, read_text, time
from wire import (
    blob, boolean, decode, encode, list_of, numbered, one_of, raw, record, require, row, trimmed, uint64
)

CODE_BYTES = 2048
CONTROL_BYTES = 16 * 1024
PIECE_BYTES = 216 * 1024
LIST_BYTES = 1024 * 1024 + 64 * 1024
ENTRY_BYTES = 256 * 1024
MAILBOX = 3
QUOTA = (64 << 20, 64)
PART = 0

code = record(secret=raw(16), relay=raw(32), addresses=address_list, bytes=uint64, until=time)
cursor = row(feed=raw(16), position=uint64)
visit = record(
    codes=list_of(row(id=raw(32), proof=raw(32)), 16),
    mailboxes=list_of(row(name=raw(32), cursor=cursor, last=raw(32), log=raw(32)), 256),
)
visited = row(
    found=list_of(row(name=raw(32), feed=raw(16), start=uint64, end=uint64, next=uint64), 256),
    later=boolean,
)
what = numbered(
    mailbox=dict(code=raw(32), control=blob(CONTROL_BYTES), access=raw(32)),
    ticket=dict(bytes=blob(336)),
    entry=dict(bytes=blob(ENTRY_BYTES)),
)
put_done = trimmed(uint64, one_of(*range(7)), uint64)
stored = row(number=uint64, name=raw(32), position=uint64, entry=blob(ENTRY_BYTES))
bundle = record(seen=list_of(entries.place, 64), more=boolean, piece=blob(PIECE_BYTES))
items = list_of(circle_item, 4096)
FRAMES = {
    12: ("visit", row(visit=visit)),
    13: ("visited", row(visited=visited)),
    14: ("put", row(number=uint64, name=raw(32), what=what)),
    15: ("put_done", row(done=put_done)),
    16: ("stored", row(stored=stored)),
}


def read_code(pasted):
    """Returns a relay code, and its bytes."""
    data = read_text("relay", pasted, STARTS)
    return decode(code, data, CODE_BYTES), data


def code_id(given):
    return hashed("relay-id", given.secret)


def proof(given, data, from_):
    return keyed(hashed("relay-key", given.secret), "relay-proof", from_, given.relay, data)


def mailbox(content_key, relay):
    """All that follows from the content key of a generation, at one relay."""
    secret = keyed(content_key, "mailbox-secret", relay)
    key, owner, salt, access, content = (
        keyed(secret, f"mailbox-{name}") for name in ("control", "owner", "salt", "access", "content")
    )
    public = encode([1, MAILBOX, owner, [public_of(key), 1]])
    slice_ = hashed("slice-id", public)
    generation = hashed("mailbox-generation", slice_)
    return SimpleNamespace(
        slice=slice_, salt=salt, access=access, content=content, generation=generation, relay=relay, public=public
    )


def name_of(box, from_):
    return keyed(box.access, "mailbox-name", from_, box.relay)


def read_control(data, box, device_seed, installation):
    """Returns the membership by which this installation of the device writes: the control says no more than that."""
    require(len(data) <= CONTROL_BYTES, "size", "a longer control")
    public, statements = control.read_control(data, box.slice)
    said = {one.record.kind[0]: (id_, one.record) for id_, one in statements.items()}
    require(len(statements) == 2 and set(said) == {"access", "writer"}, "rule", "says something else")
    access = said["access"][1]
    shown = keyed(box.salt, "control-installation", installation)
    name, begun = access.after
    require(name == "begins" and begun.installation == shown, "rule", "of another installation")
    fields = access.kind[1]
    commitment = control.access_commit(box.access, box.slice, PART)
    told = (fields.part, fields.generation, fields.commit)
    require(told == (PART, box.generation, commitment), "rule", "another access key")
    writer = said["writer"]
    fields = writer[1].kind[1]
    key = public_of(keyed(device_seed, "mailbox-write", box.slice))
    require((fields.key, fields.bytes, fields.logs) == (key, *QUOTA), "rule", "another writer")
    return writer[0], control.speakers_of(public, statements, box.slice)


def log_of(box, device_seed, membership, installation, epoch):
    """The log of an installation in a mailbox, the one with this number of logs that are over before it."""
    own = keyed(box.salt, "mailbox-log", installation, u32(epoch))
    return public_of(entries.log_seed(device_seed, membership, own, box.slice, PART)), own


def open_bundle(given, box):
    at = given.header.prefix
    require((at.slice, at.part, at.generation) == (box.slice, PART, box.generation), "rule", "of another mailbox")
    return decode(bundle, entries.open_entry(given, box.content).content, ENTRY_BYTES)


def read_frame(data):
    """Returns the name of a frame of a visit, and its fields."""

    def read(reader):
        require(reader.of(4) == 2, "form", "not a number and fields")
        number = reader.of(0)
        require(number in FRAMES, "form", f"frame {number} is not of a visit")
        name, fields = FRAMES[number]
        reader.depth += 1
        found = fields(reader)
        reader.depth -= 1
        return name, found

    return decode(read, data, FRAME_BYTES)
