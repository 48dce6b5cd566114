"""Generations of keys, and how keys are sealed (spec, section 5)."""

from types import SimpleNamespace

from primitives import SealingSecret, hashed, keyed, open_box, open_chacha, u32, verify
from slices import RECORD_BYTES
from wire import blob, choice, decode, encode, list_of, nested, raw, record, require, row, signed, uint32

BATCH_MOST = 65536
BATCH_BYTES = 1024 * 1024 - 4096

generation = record(
    slice=raw(32), part=uint32, parents=list_of(raw(32), 16), commit=raw(32), removed=list_of(raw(32), 16)
)
head = record(
    membership=raw(32), device=raw(32), under=list_of(raw(32), 16), root=raw(32), count=uint32
)
signed_head = signed(head, RECORD_BYTES)
generation_record = nested(generation, RECORD_BYTES)
signed_generation = row(
    record=generation_record, head=signed_head, index=uint32, path=list_of(raw(32), 16)
)
batch = record(
    head=signed_head,
    records=list_of(generation_record, BATCH_MOST),
    wraps=list_of(raw(48), BATCH_MOST),
)
part_key = record(generation=signed_generation, key=raw(32))


def generation_id(given):
    return hashed("generation-id", given.bytes)


def commit(key, slice_, part):
    return keyed(key, "key-commit", slice_, u32(part))


# The tree of RFC 9162


def leaf(data):
    return hashed("batch-leaf", data)


def node(left, right):
    return hashed("batch-node", left, right)


def tree(leaves):
    """Section 2.1.1."""
    if len(leaves) == 1:
        return leaves[0]
    left = 1 << (len(leaves) - 1).bit_length() - 1
    return node(tree(leaves[:left]), tree(leaves[left:]))


def included(hash_, index, count, path, root):
    """Section 2.1.3.2."""
    last = count - 1
    if index > last:
        return False
    for sibling in path:
        if last == 0:
            return False
        if index & 1 or index == last:
            hash_ = node(sibling, hash_)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            hash_ = node(hash_, sibling)
        index, last = index >> 1, last >> 1
    return last == 0 and hash_ == root


def rising(ids):
    return all(a < b for a, b in zip(ids, ids[1:]))


def verify_head(given, devices):
    claimed = given.record
    require(1 <= claimed.count <= BATCH_MOST, "rule", "a batch of none or too many")
    require(rising(claimed.under), "rule", "key ids out of order")
    device = devices.get(claimed.device)
    known = device is not None and device.membership == claimed.membership
    require(known, "rule", "not by a device of the owner")
    verify(claimed.device, "batch", given.bytes, given.signature)


def verify_generation(given, devices):
    """Returns the generation's id."""
    verify_head(given.head, devices)
    record_ = given.record.record
    require(rising(record_.parents) and rising(record_.removed), "rule", "a list out of order")
    signed_ = given.head.record
    found = included(leaf(given.record.bytes), given.index, signed_.count, given.path, signed_.root)
    require(found, "rule", "not in the batch that was signed")
    return generation_id(given.record)


def read_batch(data):
    given = decode(batch, data, BATCH_BYTES)
    require(len(given.wraps) in (0, len(given.records)), "form", "a wrap for each record or none")
    return given


def verify_batch(given, devices):
    verify_head(given.head, devices)
    signed_, records = given.head.record, given.records
    require(len(records) == signed_.count, "rule", "more or fewer records than were signed")
    require(tree([leaf(one.bytes) for one in records]) == signed_.root, "rule", "other records")
    in_order = all(rising(one.record.parents) and rising(one.record.removed) for one in records)
    require(in_order, "rule", "a list out of order")
    require(not given.wraps or len(signed_.under) == 1, "rule", "wraps are under one key")


def verify_part_key(given, devices):
    """Returns the id of the generation whose key this is."""
    id_ = verify_generation(given.generation, devices)
    claimed = given.generation.record.record
    require(commit(given.key, claimed.slice, claimed.part) == claimed.commit, "rule", "another key")
    return id_


# Wraps, boxes and key objects. What is sealed: (kind, id, commitment, how to compute the commitment from what came out)

key_object = record(
    id=raw(32), tag=raw(16), form=choice(wrap=dict(bytes=raw(48)), box=dict(bytes=raw(1168)))
)


def content_key(given):
    """What is sealed: the key of this generation record."""
    claimed = given.record
    return SimpleNamespace(
        kind=0,
        id=generation_id(given),
        commit=claimed.commit,
        commit_of=lambda key: commit(key, claimed.slice, claimed.part),
    )


def ring_key(key_id, commit_, principal):
    return SimpleNamespace(
        kind=1, id=key_id, commit=commit_, commit_of=lambda key: keyed(key, "ring-commit", principal)
    )


def sealing_seed(key_id):
    return SimpleNamespace(
        kind=2,
        id=key_id,
        commit=key_id,
        commit_of=lambda seed: hashed("sealing-key-id", SealingSecret(seed).public),
    )


def checked(what, key):
    require(what.commit_of(key) == what.commit, "open", "not the key that was committed to")
    return key


def open_wrap(what, ring, wrap):
    key = keyed(ring, "ring-wrap", bytes([what.kind]), what.id, what.commit)
    return checked(what, open_chacha(key, bytes(12), wrap, None))


def open_key_box(what, secret, box):
    recipient = hashed("sealing-key-id", secret.public)
    aad = encode([what.kind, what.id, what.commit, recipient])
    return checked(what, open_box(secret, "key-box", aad, box))


def tag(tag_key, id_, under):
    return keyed(tag_key, "key-tag", id_, under)[:16]
