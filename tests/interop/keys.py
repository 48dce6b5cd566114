"""Generations of keys (spec, section 5)."""

from primitives import hashed, keyed, u32, verify
from slices import RECORD_BYTES
from wire import decode, list_of, raw, record, require, signed, uint32

generation = record(
    slice=raw(32),
    part=uint32,
    number=uint32,
    parents=list_of(raw(32), 16),
    commit=raw(32),
    issuer=raw(32),
    nonce=raw(16),
)
part_key = record(record=signed(generation, RECORD_BYTES), key=raw(32))


def commit(key, slice_, part):
    return keyed(key, "key-commit", slice_, u32(part))


def verify_part_key(given, devices):
    """Returns the id of the generation whose key this is."""
    claimed = given.record.record
    require(claimed.issuer in devices, "rule", "not by a device of the owner")
    verify(claimed.issuer, "generation", given.record.bytes, given.record.signature)
    require((claimed.number == 0) == (not claimed.parents), "rule", "number 0 has no parents, others have")
    rising = all(a < b for a, b in zip(claimed.parents, claimed.parents[1:]))
    require(rising, "rule", "parents out of order")
    require(commit(given.key, claimed.slice, claimed.part) == claimed.commit, "rule", "another key")
    return hashed("generation-id", given.record.bytes)
