"""What carriers enforce: controls and tickets (spec, section 8)."""

from principal import LISTING_BYTES, STATEMENT_BYTES, id_, place, rising, upto
from primitives import hashed, keyed, u32, verify
from wire import (
    Refused, choice, decode, encode, list_of, nested, nullable, one_of, optional, raw, record, require, row, signed,
    uint32, uint64
)

SET_BYTES = 1024 * 1024 - 4096
TICKET_BYTES = 256
LISTING = ("remove", "extend", "compact", "erase")


def never(reader):
    raise Refused("rule", "says what cannot be said of a control")


places = list_of(place, 512)
kinds = {f"kind {number}": dict(fields=never) for number in range(13)}
kinds["kind 2"] = dict(membership=id_, key=nullable(id_), keep=upto, trusted=optional(list_of(id_, 256)))
kinds["kind 3"] = dict(removals=list_of(id_, 64), upto=upto)
names = {"kind 2": "remove", "kind 3": "extend"}
kind = choice(
    **{names.get(name, name): fields for name, fields in kinds.items()},
    control_key=dict(key=id_, rank=uint32),
    writer=dict(key=id_, bytes=uint64, logs=uint32),
    access=dict(part=uint32, generation=id_, commit=id_),
    compact=dict(part=uint32, upto=places),
    erase=dict(part=uint32, upto=places),
    root=dict(blind=id_),
)
statement = record(
    subject=choice(person=dict(id=id_), circle=dict(id=id_), slice=dict(id=id_), control=dict(id=id_)),
    membership=id_,
    key=id_,
    after=choice(begins=dict(installation=id_), follows=dict(statement=id_)),
    heads=list_of(id_, 64),
    kind=kind,
)
public_half = record(
    kind=one_of(0, 1, 2, 3, 4),
    owner=id_,
    control=row(key=id_, rank=uint32, root=optional(id_)),
)
control = record(
    public=nested(public_half, 4096),
    statements=list_of(signed(statement, LISTING_BYTES), 4096),
)
ticket = signed(record(slice=id_, part=uint32, log=id_, membership=id_, by_log=raw(64)), TICKET_BYTES)
SIGNED_TICKET_BYTES = TICKET_BYTES + 70


def founder(slice_, at):
    return hashed("control-founder", slice_, u32(at))


def root_commit(blind, key):
    return hashed("control-root", blind, key)


def cited(said):
    """Every statement that one names, and the one that gave its author's membership."""
    name, fields = said.kind
    found = [said.membership, *said.heads]
    if said.after[0] == "follows":
        found.append(said.after[1].statement)
    if name == "remove":
        found += fields.keep.statements + (fields.trusted or [])
    elif name == "extend":
        found += fields.removals + fields.upto.statements
    return found


def check_statement(given, slice_):
    """What one statement shows by itself."""
    said = given.record
    name, fields = said.kind
    most = LISTING_BYTES if name in LISTING else STATEMENT_BYTES
    require(len(given.bytes) <= most, "size", "a statement that is too long")
    require((said.subject[0], said.subject[1].id) == ("control", slice_), "rule", "about something else")
    require(name != "control_key" or fields.rank > 0, "rule", "the rank of the root")
    flat = lambda listed: [(one.log, one.seq, one.hash) for one in listed]
    upto_lists = lambda upto_: [upto_.statements, flat(upto_.logs)]
    lists = {
        "remove": lambda: upto_lists(fields.keep) + [fields.trusted or []],
        "extend": lambda: upto_lists(fields.upto) + [fields.removals],
        "compact": lambda: [flat(fields.upto)],
        "erase": lambda: [flat(fields.upto)],
    }.get(name, lambda: [])()
    require(name != "extend" or fields.removals, "rule", "an extension of nothing")
    require(all(map(rising, [said.heads, *lists])), "rule", "a list out of order")
    verify(said.key, "statement", given.bytes, given.signature)


def check_speaker(said, public, slice_, statements):
    """Each statement is by the key of its membership, and a writer says nothing."""
    name, fields = said.kind
    opened = root_commit(fields.blind, said.key) if name == "root" else None
    begins = said.after[0] == "begins"
    if not begins:
        before = statements[said.after[1].statement].record
        require((before.membership, before.key) == (said.membership, said.key), "rule", "of another speaker")
    if public.control.root and said.membership == founder(slice_, 1):
        require(opened == (public.control.root if begins else None), "rule", "not the root, or not opened first")
        return
    require(opened is None, "rule", "the root by another membership")
    if said.membership == founder(slice_, 0):
        require(said.key == public.control.key, "rule", "not the key that the slice began with")
        return
    by, admitted = statements[said.membership].record.kind
    require(by == "control_key" and admitted.key == said.key, "rule", "not a control key of that membership")


def read_control(data, slice_):
    """Returns the public half and the statements (by id, in order) of the slice's control."""
    given = decode(control, data, SET_BYTES)
    public = given.public.record
    require(hashed("slice-id", given.public.bytes) == slice_, "rule", "another slice")
    require(public.control.rank > 0, "rule", "the rank of the root")
    roots = [founder(slice_, at) for at in range(2 if public.control.root else 1)]
    statements = {}
    for one in given.statements:
        check_statement(one, slice_)
        here = all(name in statements or name in roots for name in cited(one.record))
        require(here, "rule", "cites what does not come before it")
        check_speaker(one.record, public, slice_, statements)
        statements[hashed("statement-id", one.bytes)] = one
    one_order = len(statements) == len(given.statements)
    one_order = one_order and list(statements) == in_order_of(statements, roots)
    require(one_order, "rule", "twice, or not in the one order")
    return public, statements


def in_order_of(statements, roots):
    order, left = [], dict(statements)
    while left:
        ready = [id_ for id_, one in left.items() if all(n in order or n in roots for n in cited(one.record))]
        order.append(min(ready))
        del left[order[-1]]
    return order


def speakers_of(public, statements, slice_):
    """Whose tickets count, where nothing is removed and no log forks: membership to (key, quota or None). The
    whole judgement (authority.md) is not written here a second time."""
    found = {founder(slice_, 0): (public.control.key, None)}
    rank = {founder(slice_, 0): public.control.rank}
    for id_, one in statements.items():
        said = one.record
        name, fields = said.kind
        if name in ("remove", "extend"):
            raise NotImplementedError("removals are not judged by this reader")
        if name == "root":
            found[said.membership], rank[said.membership] = (said.key, None), 0
        elif name == "control_key" and rank.get(said.membership, 2**32) < fields.rank:
            found[id_], rank[id_] = (fields.key, None), fields.rank
        elif name == "writer" and said.membership in rank:
            found[id_] = (fields.key, (fields.bytes, fields.logs))
    return found


def verify_ticket(given, slice_, speakers):
    """Returns key and quota of who answers for the log."""
    claimed = given.record
    require(claimed.slice == slice_, "rule", "of another slice")
    require(claimed.membership in speakers, "rule", "of nobody")
    key, quota = speakers[claimed.membership]
    verify(key, "ticket", given.bytes, given.signature)
    said = encode([1, claimed.slice, claimed.part, claimed.log, claimed.membership])
    verify(claimed.log, "ticket-by-log", said, claimed.by_log)
    return key, quota


def access_commit(key, slice_, part):
    return keyed(key, "access-commit", slice_, u32(part))
