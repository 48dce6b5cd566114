"""Principals, that is people and circles: charter, statements, who speaks (spec, section 3)."""

from primitives import hashed, sealing_key, u32, verify
from wire import (
    boolean, choice, decode, encode, list_of, nested, nullable, one_of, optional, raw, record, require, row, signed,
    uint, uint32, uint64
)

STATEMENT_BYTES = 4096
LISTING_BYTES = 64 * 1024  # remove, extend, checkpoint
PRINCIPAL_BYTES = 1024 * 1024 - 4096
LISTING = ("remove", "extend", "checkpoint")

id_ = raw(32)
rule = choice(rank={}, admins={}, board=dict(quorum=uint(255)))
charter = record(
    rule=rule,
    founders=list_of(choice(root=dict(key=id_), person=dict(person=id_)), 32),
    recovery=nullable(sealing_key),
    next_root=nullable(id_),
    opens_past=boolean,
    salt=raw(16),
)
subject = choice(person=dict(id=id_), circle=dict(id=id_), slice=dict(id=id_))
place = row(log=id_, seq=uint64, hash=id_)
upto = row(statements=list_of(id_, 256), logs=list_of(place, 512))
kind = choice(
    device=dict(device=id_, sealing=sealing_key, transport=id_, rank=uint32, consent=raw(64)),
    person=dict(person=id_, role=one_of(0, 1), key=id_, consent=raw(64)),
    remove=dict(membership=id_, key=nullable(id_), keep=upto, trusted=optional(list_of(id_, 256))),
    extend=dict(removals=list_of(id_, 64), upto=upto),
    checkpoint=dict(upto=upto, logs_root=id_, heads_root=id_, authority=list_of(id_, 64), gate=uint32),
    approve=dict(statement=id_),
    ring=dict(replaces=list_of(id_, 64), commit=id_, sealing=sealing_key),
    rule=dict(rule=rule),
)
statement = record(
    subject=subject,
    membership=id_,
    key=id_,
    after=choice(begins=dict(installation=id_), follows=dict(statement=id_)),
    heads=list_of(id_, 64),
    kind=kind,
)
signed_statement = signed(statement, LISTING_BYTES)
principal = record(charter=nested(charter, STATEMENT_BYTES), statements=list_of(signed_statement, 4096))


def rising(values):
    return all(a < b for a, b in zip(values, values[1:]))


def check_charter(given):
    """Returns what the id of such a principal is a hash for."""
    name, fields = given.rule
    people = [founder for form, founder in given.founders if form == "person"]
    if name == "rank":
        form = [form for form, _ in given.founders] == ["root"]
        require(form and given.recovery and not given.opens_past, "rule", "no charter of a person")
        return "person"
    plain = given.recovery is None and given.next_root is None
    require(plain and len(people) == len(given.founders) >= 1, "rule", "no charter of a circle")
    different = {founder.person for founder in people}
    require(len(different) == len(people), "rule", "a founder twice")
    quorum = name != "board" or 2 <= fields.quorum <= len(people)
    require(quorum, "rule", "not a quorum")
    return "circle"


def founder(principal_id, place_):
    return hashed("founder", principal_id, u32(place_))


def cited(given):
    """Every statement that one names; memberships of founders are none and are left to the caller."""
    _, after = given.after
    name, fields = given.kind
    names = [given.membership, *given.heads]
    if given.after[0] == "follows":
        names.append(after.statement)
    if name == "remove":
        names += [fields.membership, *fields.keep.statements, *(fields.trusted or [])]
    elif name == "extend":
        names += fields.removals + fields.upto.statements
    elif name == "checkpoint":
        names += fields.upto.statements
    elif name == "approve":
        names.append(fields.statement)
    elif name == "ring":
        names += fields.replaces
    return names


SUBJECTS = ("person", "circle", "slice")
SAID_OF = dict(device="person", person="circle", approve="circle", rule="circle", ring="person circle")


def lists_of(kind_):
    """The lists in a statement of this kind, which rise."""
    name, fields = kind_
    place_key = lambda one: (one.log, one.seq, one.hash)
    upto_lists = lambda upto_: [upto_.statements, [place_key(one) for one in upto_.logs]]
    if name == "remove":
        return upto_lists(fields.keep) + [fields.trusted or []]
    if name == "extend":
        return upto_lists(fields.upto) + [fields.removals]
    if name == "checkpoint":
        return upto_lists(fields.upto) + [fields.authority]
    return [fields.replaces] if name == "ring" else []


def check_statement(given):
    """What one statement shows by itself."""
    said = given.record
    of, about = said.subject[0], said.subject[1].id
    name, fields = said.kind
    most = LISTING_BYTES if name in LISTING else STATEMENT_BYTES
    require(len(given.bytes) <= most, "size", "a statement that is too long")
    require(of in SAID_OF.get(name, of).split(), "rule", f"a {name} is not said of a {of}")
    require(name != "device" or fields.rank > 0, "rule", "the rank of the root")
    require(name != "extend" or fields.removals, "rule", "an extension of nothing")
    require(all(map(rising, [said.heads, *lists_of(said.kind)])), "rule", "a list out of order")
    verify(said.key, "statement", given.bytes, given.signature)
    if name == "device":
        whom = [0, fields.device, fields.sealing, fields.transport, fields.rank]
        consents = fields.device
    elif name == "person":
        whom = [1, fields.person, fields.role]
        consents = fields.key
    else:
        return
    claim = encode([1, [SUBJECTS.index(of), about], said.membership, whom])
    verify(consents, "consent", claim, fields.consent)


def read_principal(data, expected):
    """Returns charter and statements (by id, in order) of `expected`, a pair of "person" or "circle" and an id."""
    given = decode(principal, data, PRINCIPAL_BYTES)
    name = check_charter(given.charter.record)
    same = (name, hashed(f"{name}-id", given.charter.bytes)) == expected
    require(same, "rule", "the charter of somebody else")
    roots = [founder(expected[1], at) for at in range(33)]
    statements = {}
    for one in given.statements:
        check_statement(one)
        said = one.record
        require((said.subject[0], said.subject[1].id) == expected, "rule", "about somebody else")
        names = [name for name in cited(said) if name not in roots]
        require(all(name in statements for name in names), "rule", "cites what does not come before it")
        if said.after[0] == "follows":
            before = statements[said.after[1].statement].record
            require((before.membership, before.key) == (said.membership, said.key), "rule", "of another speaker")
        if said.membership not in roots:
            admits = statements[said.membership].record.kind[0] in ("device", "person")
            require(admits, "rule", "by a membership that is none")
        statements[hashed("statement-id", one.bytes)] = one
    one_order = len(statements) == len(given.statements) and list(statements) == in_order(statements, roots)
    require(one_order, "rule", "twice, or not in the one order")
    return given.charter.record, statements


def in_order(statements, roots):
    order, left = [], dict(statements)
    while left:
        ready = [
            id_ for id_, one in left.items() if all(name in order or name in roots for name in cited(one.record))
        ]
        order.append(min(ready))
        del left[order[-1]]
    return order


def devices_of(charter_, statements, person):
    """Who speaks for a person in whose statements nothing is removed and no log forks. The whole judgement
    (authority.md) is not written here a second time: `protocol/tests/model` is its other implementation."""
    admitted = [one for one in statements.values() if one.record.kind[0] == "device"]
    require(admitted, "rule", "no device")
    ((_, root),) = charter_.founders
    seniority, devices = {(founder(person, 0), root.key): 1}, {}
    for id_, one in statements.items():
        said = one.record
        name, fields = said.kind
        if name in ("remove", "extend"):
            raise NotImplementedError("removals are not judged by this reader")
        author = seniority.get((said.membership, said.key))
        if name == "device" and author is not None and author < fields.rank + 1:
            seniority[id_, fields.device] = fields.rank + 1
            fields.membership = id_
            devices[fields.device] = fields
    return devices
