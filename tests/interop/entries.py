"""Entries and their logs (spec, section 6)."""

from types import SimpleNamespace

from primitives import hashed, keyed, open_xchacha, public_of, u32, verify
from wire import Refused, blob, decode, encode, list_of, nullable, optional, raw, record, require, row, uint32, uint64

ENTRY_BYTES = 256 * 1024
HEADER_BYTES = 512
CONTENT_BYTES = 224 * 1024
STRETCH_MOST = 128
STRETCH_BYTES = 1024 * 1024
FORK_PROOF_BYTES = 64 * 1024

header = blob(HEADER_BYTES)
entry = record(header=header, signature=nullable(raw(64)), payload=blob(ENTRY_BYTES))
header_alone = record(header=header, signature=optional(raw(64)))
side = list_of(header, STRETCH_MOST)
fork_proof = record(a=side, a_signature=raw(64), b=side, b_signature=raw(64))
place = row(log=raw(32), seq=uint64, hash=raw(32))
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


def read_header(data):
    """Returns a header with its prefix read."""
    require(len(data) >= 32, "form", "a header without a payload hash")
    fields = decode(prefix, data[:-32], HEADER_BYTES)
    require(padme(fields.padded) == fields.padded, "form", "a padded length that the rule does not give")
    return SimpleNamespace(
        bytes=data, prefix_bytes=data[:-32], prefix=fields, payload_hash=data[-32:], hash=hashed("entry-header", data)
    )


def read_header_alone(data):
    given = decode(header_alone, data, 584)
    given.header = read_header(given.header)
    return given


def read_entry(data):
    """Returns an entry with its header read; nothing is verified."""
    given = decode(entry, data, ENTRY_BYTES)
    given.size = len(data)
    given.header = read_header(given.header)
    fits = len(given.payload) == 24 + given.header.prefix.padded + 16
    require(fits, "form", "the padded length is not the payload's")
    return given


def log_of(header_):
    return header_.prefix.slice, header_.prefix.part, header_.prefix.log


def verify_chain(headers, signature):
    """Headers in a row, of which the last is signed."""
    require(1 <= len(headers) <= STRETCH_MOST, "rule", "none or too many")
    for before, after in zip(headers, headers[1:]):
        require(log_of(before) == log_of(after), "rule", "of two logs")
        follows = (after.prefix.seq, after.prefix.previous) == (before.prefix.seq + 1, before.hash)
        require(follows, "rule", "not in a row")
    require(signature is not None, "signature", "the last is not signed")
    verify(headers[-1].prefix.log, "entry", headers[-1].bytes, signature)


def verify_headers(headers, signature, seq, previous):
    """Checks that these come after the one with number `seq` - 1 and the header hash `previous`."""
    require(headers and headers[0].prefix.seq == seq, "rule", "not the next entry")
    verify_chain(headers, signature)
    require(headers[0].prefix.previous == previous, "rule", "a fork")


def verify_stretch(entries, seq, previous):
    """The same of whole entries."""
    require(sum(one.size for one in entries) <= STRETCH_BYTES, "rule", "too long")
    for one in entries:
        same = hashed("entry-payload", one.payload) == one.header.payload_hash
        require(same, "rule", "another payload")
    last = entries[-1].signature if entries else None
    verify_headers([one.header for one in entries], last, seq, previous)


def verify_fork_proof(data):
    """Returns the header at which the log forks."""
    given = decode(fork_proof, data, FORK_PROOF_BYTES)
    a, b = ([read_header(one) for one in headers] for headers in (given.a, given.b))
    verify_chain(a, given.a_signature)
    verify_chain(b, given.b_signature)
    require(log_of(a[0]) == log_of(b[0]), "rule", "two logs")
    require(a[0].prefix.seq == b[0].prefix.seq, "rule", "two places")
    require(a[0].hash < b[0].hash, "rule", "no difference, or not the lower first")
    return a[0].prefix


def open_entry(given, key):
    """Returns the body; the binding is verified, but not who may write."""
    aad, nonce = given.header.prefix_bytes, given.payload[:24]
    inside = open_xchacha(keyed(key, "key-entry"), nonce, given.payload[24:], aad)
    again = keyed(key, "entry-nonce", inside, aad)[:24]
    require(again == nonce, "open", "another nonce")
    length = int.from_bytes(inside[:4], "little")
    end = 4 + length
    require(end <= len(inside) == padme(end) and not any(inside[end:]), "open", "not padded by the rule")
    try:
        opened = decode(body, inside[4:end], ENTRY_BYTES)
    except Refused as refused:
        raise Refused("open", f"in the body: {refused}") from None
    bound = opened.binding
    require((bound is not None) == (given.header.prefix.seq == 0), "rule", "a binding is in entry 0 and only there")
    if bound:
        at = given.header.prefix
        claim = encode(
            [1, bound.membership, bound.device, at.log, at.slice, at.part, bound.installation]
        )
        verify(bound.device, "log-by-device", claim, bound.by_device)
        verify(at.log, "log-by-log", claim, bound.by_log)
    return opened
