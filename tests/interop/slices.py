"""Slices, and what is said about them: who may do what (spec, section 4)."""

from types import SimpleNamespace

import judge as judge_
from primitives import hashed, keyed
from principal import GRANT, SET_BYTES, WRITE, cited, founder, read_statements, set_of
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


def judge_all(statements, owner, people, circles=None):
    """Returns what comes of all that was said about a slice; `people` and `circles` are those who are known."""
    founders = {membership for membership, _ in owner.judged.actors}
    history = judge_.read_history(statements, lambda said: cited(said, founders))
    return judge_.judge_slice(history, owner, people, circles or {})


def read_and_judge(data, owner, people, circles):
    """Returns what comes of all that was said about a slice, and the statements, by id, in order."""
    given = decode(access, data, SET_BYTES)
    statements = verify_access(given, slice_id(given.charter.record), owner)
    return judge_all(statements, owner, people, circles), statements


def entries_standing(judged, by, part, log, branches):
    """Of each branch of a log by `by`, how many entries stand."""
    actor = judged.actors.get(by)
    if actor is None or actor.shadow:
        return [0] * len(branches)
    if actor.membership in judged.grants:
        given = judged.grants[actor.membership].fields.grant
        if given.abilities not in (WRITE, GRANT) or not part_within(part, given.parts):
            return [0] * len(branches)
    return judge_.standing(judged.limits(actor, log), branches)


def judge(statements, owner, people):
    """Returns the grants that were rightly given (by id), ended ones too."""
    judged, grants = judge_all(statements, owner, people), {}
    for id_, one in statements.items():
        name, fields = one.record.kind
        if id_ not in judged.stands:
            continue
        by = grants.get(one.record.membership)
        if name == "grant":
            given, removed = fields.grant, judged.is_ended(id_, judged.grants[id_].path)
            grants[id_] = SimpleNamespace(id=id_, granted=given, parent=by, expires=given.expires, removed=removed)
        elif name == "renew" and fields.grant in grants:
            renewed = grants[fields.grant]
            if by in (None, renewed.parent):
                renewed.expires = max(renewed.expires, fields.expires)
    return grants


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
