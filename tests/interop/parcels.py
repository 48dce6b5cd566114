"""Parcels: a box with a letter inside (spec, section 7)."""

from keys import part_key, verify_part_key
from primitives import hashed, open_box, verify
from slices import part_within, signed_grant, signed_revocation, slice_charter, slice_id, verify_grant, verify_revocation
from wire import choice, decode_signed, list_of, raw, record, require

PARCEL_BYTES = 1024 * 1024 - 4096

part_keys = list_of(part_key, 512)
body = choice(
    share=dict(grant=signed_grant, slice=slice_charter, keys=part_keys),
    keys=dict(slice=raw(32), keys=part_keys),
    end=dict(revocation=signed_revocation),
)
letter = record(sender=raw(32), device=raw(32), to=raw(32), sealing_key=raw(32), body=body)


def open_parcel(data, me, secret):
    require(len(data) <= PARCEL_BYTES, "size", "longer than a parcel")
    inside = open_box(secret, "parcel", me, data)
    given = decode_signed(letter, inside, PARCEL_BYTES)
    named = given.record.to == me and given.record.sealing_key == hashed("sealing-key-id", secret.public)
    require(named, "rule", "written for somebody else")
    return given


def verify_parcel(given, sender, devices):
    require(given.record.sender == sender, "rule", "from somebody else")
    require(given.record.device in devices, "rule", "not by a device of the sender")
    verify(given.record.device, "letter", given.bytes, given.signature)


def verify_contents(given, devices, now):
    """The checks of what is inside; returns how many keys it brings."""
    name, inside = given.record.body
    owner = given.record.sender
    if name == "end":
        verify_revocation(inside.revocation, owner, devices)
        return 0
    slice_ = inside.slice
    if name == "share":
        verify_grant(inside.grant, owner, devices, now)
        granted = inside.grant.record
        require(granted.audience == given.record.to, "rule", "granted to somebody else")
        slice_ = slice_id(inside.slice)
        same = granted.slice == slice_ and inside.slice.owner == owner
        require(same, "rule", "not the slice that was granted")
    for key in inside.keys:
        claimed = key.generation.record.record
        verify_part_key(key, devices)
        require(claimed.slice == slice_, "rule", "a key of another slice")
        if name == "share":
            require(part_within(claimed.part, granted.parts), "rule", "a key of another part")
    return len(inside.keys)
