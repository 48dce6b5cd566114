"""What carriers enforce: controls and tickets (spec, section 8)."""

import judge
from principal import SET_BYTES, cited, id_, read_statements, set_of
from primitives import hashed, keyed, u32, verify
from slices import root_commit
from wire import decode, encode, one_of, optional, raw, record, require, row, signed, uint32

TICKET_BYTES = 256

public_half = record(
    kind=one_of(0, 1, 2, 3, 4),
    owner=id_,
    control=row(key=id_, rank=uint32, root=optional(id_)),
)
control = set_of(public_half)
ticket = signed(record(slice=id_, part=uint32, log=id_, membership=id_, by_log=raw(64)), TICKET_BYTES)
SIGNED_TICKET_BYTES = TICKET_BYTES + 70


def founder(slice_, at):
    return hashed("control-founder", slice_, u32(at))


def check_speaker(said, public, slice_, statements):
    """Each statement is by the key of its membership, and a writer says nothing."""
    name, fields = said.kind
    opened = root_commit(fields.blind, said.key) if name == "root" else None
    begins = said.after[0] == "begins"
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
    public = given.charter.record
    require(hashed("slice-id", given.charter.bytes) == slice_, "rule", "another slice")
    require(public.control.rank > 0, "rule", "the rank of the root")
    founders = [founder(slice_, at) for at in range(2 if public.control.root else 1)]
    statements = read_statements(given, ("control", slice_), founders)
    for one in statements.values():
        check_speaker(one.record, public, slice_, statements)
    return public, statements


def speakers_of(public, statements, slice_):
    """Whose tickets count: membership to (key, quota or None). What is kept of somebody removed is not looked at."""
    first, second = founder(slice_, 0), founder(slice_, 1)
    history = judge.read_history(statements, lambda said: cited(said, (first, second)))
    roots = [one.record.key for one in statements.values() if one.record.membership == second]
    root = judge.speaker(second, roots[0], (0,)) if roots else None
    creator = judge.speaker(first, public.control.key, (public.control.rank,))
    found = {}
    for membership, key in judge.judge_control(history, creator, root).speaks():
        admitted = history.get(membership)
        is_writer = admitted is not None and admitted.name == "writer"
        found[membership] = (key, (admitted.fields.bytes, admitted.fields.logs) if is_writer else None)
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
