"""Entries and their logs (spec, section 6)."""

from primitives import hashed, keyed, open_xchacha, public_of, u32, verify
from wire import Refused, blob, decode, encode, nullable, raw, record, require, uint, uint32, uint64

ENTRY_BYTES = 256 * 1024
HEADER_BYTES = 512
CONTENT_BYTES = 224 * 1024

entry = record(header=blob(HEADER_BYTES), signature=raw(64), payload=blob(ENTRY_BYTES))
prefix = record(
    slice=raw(32),
    part=uint32,
    generation=raw(32),
    log=raw(32),
    seq=uint64,
    previous=raw(32),
    day=uint32,
    padded=uint32,
)
binding = record(
    membership=raw(32), device=raw(32), installation=raw(32), by_device=raw(64), by_log=raw(64)
)
body = record(binding=nullable(binding), content=blob(CONTENT_BYTES))


def log_seed(device_seed, membership, installation, slice_, part):
    return keyed(device_seed, "log-key", membership, installation, slice_, u32(part))


def padme(length):
    if length < 4:
        return length
    exponent = length.bit_length() - 1
    mask = (1 << exponent - exponent.bit_length()) - 1
    return length + mask & ~mask


def read_entry(data):
    """Returns an entry with its prefix read; nothing is verified."""
    given = decode(entry, data, ENTRY_BYTES)
    require(len(given.header) > 32, "form", "a header without a prefix")
    given.prefix_bytes, given.payload_hash = given.header[:-32], given.header[-32:]
    try:
        given.prefix = decode(prefix, given.prefix_bytes, HEADER_BYTES)
    except Refused as refused:
        raise Refused("form", f"in the prefix: {refused}") from None
    fits = len(given.payload) == 24 + given.prefix.padded + 16
    require(fits, "form", "the padded length is not the payload's")
    given.header_hash = hashed("entry-header", given.header)
    return given


def verify_entry(given, seq, previous):
    """Checks that this is the entry after the one with number `seq` - 1 and the header hash `previous`."""
    require(given.prefix.seq == seq, "rule", "not the next entry")
    require(hashed("entry-payload", given.payload) == given.payload_hash, "rule", "another payload")
    verify(given.prefix.log, "entry", given.header, given.signature)
    require(given.prefix.previous == previous, "rule", "a fork")


def open_entry(given, key):
    """Returns the body; the binding is verified, but not who may write."""
    aad, nonce = given.prefix_bytes, given.payload[:24]
    inside = open_xchacha(keyed(key, "key-entry"), nonce, given.payload[24:], aad)
    again = keyed(keyed(key, "key-nonce"), "entry-nonce", aad, inside)[:24]
    require(again == nonce, "open", "another nonce")
    length = int.from_bytes(inside[:4], "little")
    end = 4 + length
    require(end <= len(inside) == padme(end) and not any(inside[end:]), "open", "not padded by the rule")
    try:
        opened = decode(body, inside[4:end], ENTRY_BYTES)
    except Refused as refused:
        raise Refused("open", f"in the body: {refused}") from None
    bound = opened.binding
    require((bound is not None) == (given.prefix.seq == 0), "rule", "a binding is in entry 0 and only there")
    if bound:
        at = given.prefix
        claim = encode(
            [1, bound.membership, bound.device, at.log, at.slice, at.part, bound.installation]
        )
        verify(bound.device, "log-by-device", claim, bound.by_device)
        verify(at.log, "log-by-log", claim, bound.by_log)
    return opened
