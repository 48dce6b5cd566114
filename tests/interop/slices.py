"""Slices, grants and their end (spec, section 4)."""

from primitives import hashed, keyed, verify
from texts import time
from wire import (
    Refused, decode, encode, nullable, one_of, raw, record, require, row, signed, text, trimmed, uint, uint32
)

RECORD_BYTES = 4096
SIGNED_BYTES = RECORD_BYTES + 6 + 64
SKEW_MILLIS = 10 * 60 * 1000
READ, WRITE, GRANT = 1, 3, 7

slice_charter = record(kind=one_of(0, 1, 2, 3, 4), owner=raw(32), salt=raw(32))
parts = trimmed(uint32, uint32)
grant = record(
    slice=raw(32),
    owner=raw(32),
    issuer=raw(32),
    audience=raw(32),
    abilities=one_of(READ, WRITE, GRANT),
    parts=parts,
    not_before=time,
    expires=time,
    depth=uint(255),
    purpose=text(256),
    content=row(name=text(64), hash=raw(32)),
    parent=nullable(raw(32)),
    nonce=raw(16),
)
revocation = record(slice=raw(32), grant=raw(32), owner=raw(32), issuer=raw(32), at=time, nonce=raw(16))
signed_grant = signed(grant, RECORD_BYTES)
signed_revocation = signed(revocation, RECORD_BYTES)


def public_half(charter):
    return encode([1, charter.kind, keyed(charter.salt, "slice-owner", charter.owner)])


def slice_id(charter):
    return hashed("slice-id", public_half(charter))


def part_within(part, bounds):
    first, last = bounds
    return (first is None or first <= part) and (last is None or part <= last)


def verify_grant(given, owner, devices, now):
    """A grant by the owner directly; returns its id."""
    claimed = given.record
    require(claimed.owner == owner, "rule", "another owner")
    require(claimed.issuer in devices, "rule", "not by a device of the owner")
    verify(claimed.issuer, "grant", given.bytes, given.signature)
    first, last = claimed.parts
    require(first is None or last is None or first <= last, "rule", "no parts")
    require(claimed.not_before < claimed.expires, "rule", "no time")
    require(claimed.parent is None, "rule", "not from the owner")
    require(claimed.not_before - SKEW_MILLIS <= now < claimed.expires, "rule", "not in force")
    return hashed("grant-id", given.bytes)


def verify_revocation(given, owner, devices):
    claimed = given.record
    require(claimed.owner == owner, "rule", "another owner")
    require(claimed.issuer in devices, "rule", "not by a device of the owner")
    verify(claimed.issuer, "revocation", given.bytes, given.signature)
    return claimed
