"""Slices, and what is said about them: who may do what (spec, section 4)."""

from types import SimpleNamespace

from primitives import hashed, keyed
from principal import GRANT, SET_BYTES, check_unforked, founder, is_next_root, read_statements, seniority, set_of
from wire import choice, decode, encode, one_of, optional, raw, record, require, row, uint32

RECORD_BYTES = 4096
SKEW_MILLIS = 10 * 60 * 1000
CHAIN_MOST = 5

control = row(key=raw(32), rank=uint32, root=optional(raw(32)))
slice_charter = record(
    kind=one_of(0, 1, 2, 3, 4),
    owner=choice(person=dict(id=raw(32)), circle=dict(id=raw(32))),
    salt=raw(32),
    control=control,
)
access = set_of(slice_charter)


def root_commit(blind, key):
    return hashed("control-root", blind, key)


def public_half(charter):
    told = charter.control
    encoded = [told.key, told.rank, told.root][: 2 if told.root is None else 3]
    return encode([1, charter.kind, keyed(charter.salt, "slice-owner", charter.owner[1].id), encoded])


def slice_id(charter):
    return hashed("slice-id", public_half(charter))


def read_slice_charter(data):
    charter = decode(slice_charter, data, RECORD_BYTES)
    require(charter.control.rank > 0, "rule", "the rank of the root")
    return charter


def part_within(part, bounds):
    first, last = bounds
    return (first is None or first <= part) and (last is None or part <= last)


def check_within(child, parent):
    """A grant that is handed on is no more than its parent."""
    require(parent.abilities == GRANT, "rule", "handed on by who may not")
    (first, last), (parent_first, parent_last) = child.parts, parent.parts
    low = (first or 0) >= (parent_first or 0)
    high = parent_last is None or (last is not None and last <= parent_last)
    require(low and high, "rule", "more parts")
    require(parent.not_before <= child.not_before, "rule", "an earlier beginning")
    require(child.depth < parent.depth, "rule", "as deep")
    require((child.purpose, child.content) == (parent.purpose, parent.content), "rule", "for something else")


def verify_access(given, slice_, owner):
    """Returns the statements (by id, in order) about a slice of a person or circle `owner`."""
    charter = given.charter.record
    require(charter.control.rank > 0, "rule", "the rank of the root")
    require(slice_id(charter) == slice_, "rule", "the charter of another slice")
    require((charter.owner[0], charter.owner[1].id) == (owner.kind, owner.id), "rule", "a slice of somebody else")
    commits = [root_commit(keyed(charter.salt, "control-blind"), key) for key in owner.roots] or [None]
    require(charter.control.root in commits, "rule", "not the root of the owner")
    founders = {membership for membership, _ in owner.speakers}
    if owner.charter.next_root is not None:
        founders.add(founder(owner.id, 1))
    statements = read_statements(given, ("slice", slice_), founders)
    links = {}  # how many grants in a row
    for id_, one in statements.items():
        name, fields = one.record.kind
        parent = one.record.membership
        if parent in links and name != "grant":
            given_ = statements[parent].record.kind[1].grant
            leaves = name == "remove" and fields.membership == parent
            may = leaves or name in ("write_key", "approve") or (given_.abilities == GRANT and given_.depth > 0)
            require(may, "rule", "said by who only reads or writes")
        if name == "grant":
            links[id_] = links.get(parent, 0) + 1
            require(links[id_] <= CHAIN_MOST, "rule", "too many grants in a row")
            if parent in links:
                check_within(fields.grant, statements[parent].record.kind[1].grant)
    return statements


def read_access(data, slice_, owner):
    return verify_access(decode(access, data, SET_BYTES), slice_, owner)


def judge(statements, owner, people):
    """Returns the grants that were rightly given (by id), ended ones too, if no log forks and nobody of the owner is
    removed. Whoever holds a grant and is not among `people` says nothing that stands."""
    check_unforked(statements.values())
    if owner.judged.removed:
        raise NotImplementedError("what is left of somebody whom the owner removed is not judged by this reader")
    grants, removals = {}, []
    for id_, one in statements.items():
        said = one.record
        name, fields = said.kind
        by = grants.get(said.membership)
        if name in ("extend", "approve"):
            raise NotImplementedError(f"{name} is not judged by this reader")
        if seniority(owner, said) is None and not (by and speaks(by.granted.audience, said.key, people)):
            continue
        if name == "grant":
            granted = fields.grant
            grants[id_] = SimpleNamespace(id=id_, granted=granted, parent=by, expires=granted.expires, removed=False)
        elif name == "renew" and fields.grant in grants:
            renewed = grants[fields.grant]
            if by in (None, renewed.parent):
                renewed.expires = max(renewed.expires, fields.expires)
        elif name == "remove":
            removals.append((id_, said.membership, fields))
    for id_, by, fields in removals:
        target = grants.get(fields.membership)
        if target is None and fields.membership not in statements:
            raise NotImplementedError("removals of devices are not judged by this reader")
        if target and (by not in grants or any(link.id == by for link in chain(target))):
            check_cut(statements, id_, fields)
            target.removed = True
    return grants


def speaks(audience, key, people):
    """Whether this is a key of whom a grant was given to. A service has none."""
    kind, whom = audience
    if kind == "circle":
        raise NotImplementedError("what a circle says by a grant is not judged by this reader")
    person = people.get(whom.id) if kind == "person" else None
    return person and (is_next_root(person, key) or any(key == known for _, known in person.speakers))


def check_cut(statements, removal, fields):
    """A removal of a whole grant that keeps all that was said by it: what was cut could be forgotten or not."""
    kept = {removal, *fields.keep.statements}
    for id_, one in reversed(statements.items()):
        after, before = one.record.after
        if id_ in kept and after == "follows":
            kept.add(before.statement)
    said = {id_ for id_, one in statements.items() if one.record.membership == fields.membership}
    if fields.key is not None or fields.trusted is not None or not said <= kept:
        raise NotImplementedError("removals of one key, doubt and cuts are not judged by this reader")


def chain(grant):
    """A grant and those that it hands on."""
    while grant:
        yield grant
        grant = grant.parent


def is_ended(grant):
    return any(link.removed for link in chain(grant))


def end(grant):
    return min(link.expires for link in chain(grant))


def in_force(grant, now):
    return not is_ended(grant) and grant.granted.not_before - SKEW_MILLIS <= now < end(grant)
