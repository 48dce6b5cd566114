"""Parcels: a box with a letter inside (spec, section 7)."""

from keys import part_key, verify_part_key
from primitives import hashed, open_box, verify
from slices import access, in_force, judge, part_within, slice_id, verify_access
from wire import blob, choice, decode_signed, list_of, raw, record, require, row

PARCEL_BYTES = 1024 * 1024 - 4096
CONTENT_BYTES = 60 * 1024

part_keys = list_of(part_key, 512)
reserved = dict(matter=row(about=raw(32), content=blob(CONTENT_BYTES)))
body = choice(
    share=dict(grant=raw(32), access=access, keys=part_keys),
    keys=dict(slice=raw(32), keys=part_keys),
    **dict.fromkeys(("invite", "request", "contribution", "receipt", "deliver", "notice"), reserved),
)
letter = record(sender=raw(32), device=raw(32), to=raw(32), sealing_key=raw(32), body=body)


def open_parcel(data, me, secret):
    require(len(data) <= PARCEL_BYTES, "size", "longer than a parcel")
    inside = open_box(secret, "parcel", me, data)
    given = decode_signed(letter, inside, PARCEL_BYTES)
    named = given.record.to == me and given.record.sealing_key == hashed("sealing-key-id", secret.public)
    require(named, "rule", "written for somebody else")
    return given


def verify_parcel(given, sender):
    require(given.record.sender == sender.id, "rule", "from somebody else")
    require(given.record.device in sender.devices, "rule", "not by a device of the sender")
    verify(given.record.device, "letter", given.bytes, given.signature)


def verify_contents(given, sender, people, now):
    """The checks of what is inside; returns how many keys it brings."""
    name, inside = given.record.body
    if name not in ("share", "keys"):
        return 0
    if name == "share":
        slice_ = slice_id(inside.access.charter.record)
        grant = judge(verify_access(inside.access, slice_, sender), sender, people).get(inside.grant)
        require(grant, "rule", "no such grant")
        audience, whom = grant.granted.audience
        if audience == "circle":
            raise NotImplementedError("whether the reader is in the circle is not judged by this reader")
        require((audience, whom.id) == ("person", given.record.to), "rule", "granted to somebody else")
        require(in_force(grant, now), "rule", "not in force")
    else:
        slice_ = inside.slice
    for key in inside.keys:
        claimed = key.generation.record.record
        verify_part_key(key, sender.devices)
        require(claimed.slice == slice_, "rule", "a key of another slice")
        if name == "share":
            require(part_within(claimed.part, grant.granted.parts), "rule", "a key of another part")
    return len(inside.keys)
