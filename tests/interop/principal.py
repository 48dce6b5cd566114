"""Statements, and principals, that is people and circles: charter, who speaks (spec, section 3)."""

from types import SimpleNamespace

import judge
from primitives import hashed, sealing_key, u32, verify
from texts import time
from wire import (
    boolean, choice, decode, encode, list_of, nested, nullable, one_of, optional, raw, record, require, row, signed,
    text, trimmed, uint, uint32, uint64
)

STATEMENT_BYTES = 4096
LISTING_BYTES = 64 * 1024
SET_BYTES = 1024 * 1024 - 4096
KEY_BYTES = 256 * 1024
ADMITTED_BYTES = 768 * 1024
LISTING = ("remove", "extend", "checkpoint", "compact", "erase", "ring")
READ, WRITE, GRANT = 1, 3, 7
ADMIN = 1

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
subject = choice(person=dict(id=id_), circle=dict(id=id_), slice=dict(id=id_), control=dict(id=id_))
place = row(log=id_, seq=uint64, hash=id_)
places = list_of(place, 512)
upto = row(statements=list_of(id_, 256), logs=places)
purpose = text(256)
grant = row(
    audience=choice(person=dict(id=id_), circle=dict(id=id_), service=dict(id=id_)),
    abilities=one_of(READ, WRITE, GRANT),
    parts=trimmed(uint32, uint32),
    not_before=time,
    expires=time,
    depth=uint(255),
    purpose=purpose,
    content=row(name=text(64), hash=id_),
)
kind = choice(
    device=dict(device=id_, sealing=sealing_key, transport=id_, rank=uint32, consent=raw(64)),
    person=dict(person=id_, role=one_of(0, 1), key=id_, consent=raw(64)),
    remove=dict(membership=id_, key=nullable(id_), keep=upto, trusted=optional(list_of(id_, 256))),
    extend=dict(removals=list_of(id_, 64), upto=upto),
    checkpoint=dict(upto=upto, logs_root=id_, heads_root=id_, authority=list_of(id_, 64), gate=uint32),
    approve=dict(statement=id_),
    ring=dict(replaces=list_of(id_, 64), commit=id_, sealing=sealing_key, removed=list_of(id_, 256)),
    rule=dict(rule=rule),
    grant=dict(grant=grant),
    renew=dict(grant=id_, expires=time),
    mandate=dict(person=id_, acts=list_of(uint(255), 16), expires=time, purpose=purpose),
    certify=dict(hash=id_, expires=time),
    write_key=dict(key=id_),
    control_key=dict(key=id_, rank=uint32),
    writer=dict(key=id_, bytes=uint64, logs=uint32),
    access=dict(part=uint32, generation=id_, commit=id_),
    compact=dict(part=uint32, upto=places),
    erase=dict(part=uint32, upto=places),
    root=dict(blind=id_),
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


def set_of(charter_):
    """A charter and the statements under it."""
    return record(charter=nested(charter_, STATEMENT_BYTES), statements=list_of(signed_statement, 4096))


principal = set_of(charter)


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


def cited(said, founders):
    """Every statement that one names; memberships of founders are none."""
    name, fields = said.kind
    names = list(said.heads)
    if said.after[0] == "follows":
        names.append(said.after[1].statement)
    if name == "remove":
        names += fields.keep.statements + (fields.trusted or [])
    elif name == "extend":
        names += fields.removals + fields.upto.statements
    elif name == "checkpoint":
        names += fields.upto.statements
    elif name == "approve":
        names.append(fields.statement)
    elif name == "ring":
        names += fields.replaces
    return names + [said.membership] * (said.membership not in founders)


SUBJECTS = ("person", "circle", "slice", "control")
SAID_OF = dict(
    device="person", person="circle", checkpoint="person circle slice", approve="circle slice", ring="person circle",
    rule="circle", certify="person circle", **dict.fromkeys(("grant", "renew", "mandate", "write_key"), "slice"),
    **dict.fromkeys(("control_key", "writer", "access", "compact", "erase", "root"), "control"),
)
ADMITS = ("device", "person", "grant", "control_key", "writer")


def lists_of(kind_):
    """The lists in a statement of this kind, which rise."""
    name, fields = kind_
    flat = lambda places_: [(one.log, one.seq, one.hash) for one in places_]
    upto_lists = lambda upto_: [upto_.statements, flat(upto_.logs)]
    if name == "remove":
        return upto_lists(fields.keep) + [fields.trusted or []]
    if name == "extend":
        return upto_lists(fields.upto) + [fields.removals]
    if name == "checkpoint":
        return upto_lists(fields.upto) + [fields.authority]
    if name in ("compact", "erase"):
        return [flat(fields.upto)]
    if name == "ring":
        return [fields.replaces, fields.removed]
    return [fields.acts] if name == "mandate" else []


def check_grant(given):
    first, last = given.parts
    require(first is None or last is None or first <= last, "rule", "no parts")
    require(given.not_before < given.expires, "rule", "no time")


def check_statement(given):
    """What one statement shows by itself."""
    said = given.record
    of, about = said.subject[0], said.subject[1].id
    name, fields = said.kind
    most = LISTING_BYTES if name in LISTING else STATEMENT_BYTES
    require(len(given.bytes) <= most, "size", "a statement that is too long")
    require(of in SAID_OF.get(name, of).split(), "rule", f"a {name} is not said of a {of}")
    require(name not in ("device", "control_key") or 0 < fields.rank < 2**32 - 2, "rule", "no rank of a device")
    require(name != "extend" or fields.removals, "rule", "an extension of nothing")
    if name == "grant":
        check_grant(fields.grant)
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


def read_statements(given, expected, founders):
    """Returns the statements of a set (by id, in order), all about `expected`, a pair of a word of `SUBJECTS` and an
    id. `founders` are the memberships that the charter gives."""
    by_charter = founders
    if expected[0] == "slice":
        # Who the owner's are, nodes know more or less: by a membership that is not here strangers speak.
        here = {hashed("statement-id", one.bytes) for one in given.statements}
        named = {one.record.membership for one in given.statements}
        founders = {*founders, *(named - here)}
    statements = {}
    for one in given.statements:
        check_statement(one)
        said = one.record
        require((said.subject[0], said.subject[1].id) == expected, "rule", "about somebody else")
        before = all(name in statements for name in cited(said, founders))
        require(before, "rule", "cites what does not come before it")
        if said.after[0] == "follows":
            same = author(statements[said.after[1].statement].record) == author(said)
            require(same, "rule", "of another speaker")
        if said.membership not in founders:
            admits = statements[said.membership].record.kind[0] in ADMITS
            require(admits, "rule", "by a membership that is none")
        statements[hashed("statement-id", one.bytes)] = one
    one_order = len(statements) == len(given.statements) and list(statements) == in_order(statements, founders)
    require(one_order, "rule", "twice, or not in the one order")
    by_key = {}
    for one in given.statements:
        if one.record.membership not in by_charter:
            by_key.setdefault(author(one.record), []).append(len(one.bytes) + 70)
    sums = [sum(lengths) for lengths in by_key.values()]
    require(all(most <= KEY_BYTES for most in sums), "rule", "too much by one key")
    require(sum(sums) <= ADMITTED_BYTES, "rule", "no room left for founders")
    return statements


def author(said):
    return said.membership, said.key


def in_order(statements, founders):
    order, left = [], dict(statements)
    while left:
        ready = [
            id_ for id_, one in left.items() if all(name in order for name in cited(one.record, founders))
        ]
        order.append(min(ready))
        del left[order[-1]]
    return order


def read_principal(data, expected):
    """Returns charter and statements of `expected`, a pair of "person" or "circle" and an id."""
    given = decode(principal, data, SET_BYTES)
    name = check_charter(given.charter.record)
    same = (name, hashed(f"{name}-id", given.charter.bytes)) == expected
    require(same, "rule", "the charter of somebody else")
    places_ = len(given.charter.record.founders) + (given.charter.record.next_root is not None)
    founders = [founder(expected[1], at) for at in range(places_)]
    return given.charter.record, read_statements(given, expected, founders)


def read_person(data, person):
    """Returns a person with those who speak for them (membership and key, to seniority), their devices by key, and
    all keys that speak or spoke for them (to seniority, and whether the key is gone)."""
    charter_, statements = read_principal(data, ("person", person))
    require(statements, "rule", "no device")
    for one in statements.values():
        check_key(one.record, person, charter_, statements)
    ((_, root),) = charter_.founders
    first, second = founder(person, 0), founder(person, 1)
    next_roots = {one.record.key for one in statements.values() if one.record.membership == second}
    roots = [root.key, *next_roots]
    history = judge.read_history(statements, lambda said: cited(said, (first, second)))
    judged = judge.judge_person(history, list(zip((first, second), roots)))
    speakers = {by: judged.actors[by].at for by in judged.speaks()}
    devices, keys = {}, {}
    for (membership, key), at in sorted(speakers.items(), key=lambda item: (item[1], item[0])):
        if membership in statements and key not in devices:
            devices[key] = statements[membership].record.kind[1]
            devices[key].membership = membership
    for (membership, key), actor in judged.actors.items():
        at, gone = keys.get(key, (actor.at, False))
        keys[key] = min(at, actor.at), gone or (membership, key) not in speakers
    return SimpleNamespace(
        kind="person", id=person, charter=charter_, speakers=speakers, devices=devices, roots=roots, keys=keys,
        judged=judged, statements=statements,
    )


def check_key(said, person, charter_, statements):
    """What is said of a person is by the key of its membership."""
    if said.membership == founder(person, 0):
        right = said.key == charter_.founders[0][1].key
    elif said.membership == founder(person, 1):
        right = hashed("next-root", said.key) == charter_.next_root
    else:
        right = said.key == statements[said.membership].record.kind[1].device
    require(right, "rule", "by another key than its membership's")


def read_circle(data, circle, people):
    """Returns a circle with its members by person, and the keys of its admins."""
    charter_, statements = read_principal(data, ("circle", circle))
    founders = [(founder(circle, at), one.person) for at, (_, one) in enumerate(charter_.founders)]
    history = judge.read_history(statements, lambda said: cited(said, [membership for membership, _ in founders]))
    judged = judge.judge_circle(history, charter_.rule, founders, people)
    given = SimpleNamespace(
        kind="circle", id=circle, charter=charter_, speakers={}, roots=[], members={}, judged=judged,
        statements=statements,
    )
    for by in sorted(judged.speaks(), key=lambda by: judged.actors[by].at):
        actor = judged.actors[by]
        role = ADMIN if actor.admin else 0
        found = SimpleNamespace(person=actor.person, membership=actor.membership, role=role)
        given.members.setdefault(actor.person, found)
        if actor.admin:
            given.speakers[by] = actor.at
    return given


def is_next_root(person, key):
    return person.charter.next_root == hashed("next-root", key)
