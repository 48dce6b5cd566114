"""Who speaks, and what stands: the judgement of what is said about a person, a circle, or a slice's control
(spec, authority.md)."""

import heapq
from types import SimpleNamespace

ADMIN = 1
ADMISSIONS = ("device", "person", "control_key", "writer")
CONTENT = ("ring",)  # stands whatever doubts there are of its author
ALONE = ("approve", "checkpoint", *CONTENT)  # on a board: what counts by its author's signature


def read_history(statements, cited):
    """Gives each statement (by id, in order) its log, its place there, and its past."""
    history = {}
    for id_, one in statements.items():
        said = one.record
        names = [name for name in cited(said) if name in history]
        by, (name, fields) = (said.membership, said.key), said.kind
        before, log, number = None, None, 0
        if said.after[0] == "begins":
            log = (*by, said.after[1].installation)
        else:
            before = history[said.after[1].statement]
            log, number = before.log, before.number + 1
        history[id_] = SimpleNamespace(
            id=id_, by=by, before=before and before.id, log=log, number=number, name=name, fields=fields,
            past=set(names).union(*(history[name].past for name in names)),
        )
    return history


def speaker(membership, key, at, admin=True, person=None, path=(), gone=False):
    """One key of a membership. `at` is its seniority, the lower the more senior; `path` is the membership's; it is
    gone if its person's own authority has removed it."""
    return SimpleNamespace(
        membership=membership, key=key, at=at, admin=admin, person=person, path=path, gone=gone, shadow=False
    )


def reaches(removal, actor):
    """Whether a removal is of this speaker."""
    return removal.fields.membership == actor.membership and removal.fields.key in (None, actor.key)


def is_own(one):
    """Whether it removes its author's membership, or a key of that."""
    return one.name == "remove" and one.fields.membership == one.by[0]


def needs_quorum(one):
    return one.name not in ALONE and not is_own(one)


class Judgement:
    """What comes of a set of statements, judged from the most senior speaker down.

    `founders` speak from the beginning; `admits(statement, author)` gives those whom an admission makes speak. On a
    board `decided` are the acts that count, by id, and `firm` the signatures that only the board takes back."""

    def __init__(self, history, founders, admits, decided=None, firm=()):
        self.history, self.admits, self.decided, self.firm = history, admits, decided, firm
        self.actors, self.queue = {}, []
        self.stands, self.cut, self.signed = set(), set(), set()
        self.removed, self.left = set(), set()  # speakers; memberships whose own keys ended them
        self.removals = [one for one in (decided or {}).values() if one.name == "remove"]
        self.extensions = [one for one in (decided or {}).values() if one.name == "extend"]
        self.said = {}
        for one in history.values():
            self.said.setdefault(one.by, []).append(one)
        self.join(founders)
        while self.queue:
            self.judge(self.actors[heapq.heappop(self.queue)[1]])

    def join(self, actors):
        for actor in actors:
            by = (actor.membership, actor.key)
            self.actors[by] = actor
            heapq.heappush(self.queue, (actor.at, by))

    def speaks(self):
        """Those who speak now, the most senior first."""
        found = [
            by for by, actor in self.actors.items()
            if not (actor.shadow or actor.gone or by in self.removed or actor.membership in self.left)
        ]
        return sorted(found, key=lambda by: (self.actors[by].at, by))

    def judge(self, actor):
        by = (actor.membership, actor.key)
        mine = {one.id: one for one in self.said.get(by, [])}
        removals = [one for one in self.removals if reaches(one, actor) and self.may_cut(one, actor)]
        kept = set(mine)
        if actor.gone and not removals:
            kept = set()
        for removal in removals:
            self.removed.add(by)
            kept &= self.leaves(removal)
        kept = self.before_leaving(actor, kept) | {id_ for id_ in mine if id_ in self.firm}
        self.cut |= mine.keys() - kept
        void = self.forked(actor, kept)
        for removal in removals:
            if removal.fields.trusted is not None:
                trusted = reach(self.history, removal.fields.trusted)
                kept = {id_ for id_ in kept if id_ in trusted or id_ in self.firm or mine[id_].name in CONTENT}
        for id_ in self.history:
            if id_ in kept:
                self.say(mine[id_], actor, (actor.shadow or id_ in void) and id_ not in self.firm)

    def say(self, one, actor, void):
        """Does what a statement says that no cut and no doubt takes back; `void` is what a fork gives."""
        if not (actor.admin or one.name in ("approve", *CONTENT) or is_own(one)):
            return
        new = self.admits(one, actor) if one.name in ADMISSIONS else []
        counts = one.name not in ADMISSIONS or new
        if self.decided is not None and one.id not in self.decided and needs_quorum(one):
            if counts and (one.name == "remove" or not void):
                self.signed.add(one.id)
            return
        if one.name == "remove":
            self.stands.add(one.id)
            if one.id not in (self.decided or {}):
                self.removals.append(one)
            if is_own(one) and one.fields.key is None:
                self.left.add(actor.membership)
            if reaches(one, actor):
                self.removed.add(one.by)
            return
        if counts and not void:
            self.stands.add(one.id)
            if one.name == "extend" and self.decided is None:
                self.extensions.append(one)
        for admitted in new:
            admitted.shadow = void
        self.join(new)

    # Cuts

    def may_cut(self, removal, actor):
        return removal.id in (self.decided or {}) or self.actors[removal.by].at < actor.at

    def leaves(self, removal):
        """What a removal keeps: by itself, by checkpoints that it cites, by extensions."""
        names, decided = list(removal.fields.keep.statements), removal.id in (self.decided or {})
        at = self.actors[removal.by].at if removal.by in self.actors else None
        for id_ in removal.past & self.stands:
            one = self.history[id_]
            if one.name == "checkpoint" and not decided and self.actors[one.by].at < at:
                names += one.fields.upto.statements
        for one in self.extensions:
            not_below = decided or (one.by in self.actors and self.actors[one.by].at <= at)
            if removal.id in one.fields.removals and not_below:
                names += one.fields.upto.statements
        return reach(self.history, names)

    def before_leaving(self, actor, kept):
        """What somebody who leaves says is void unless it is behind that."""
        leaving = [one for one in map(self.history.get, kept) if one.name == "remove" and reaches(one, actor)]
        first = [one for one in leaving if not any(other.id in one.past for other in leaving)]
        for one in first:
            kept = {id_ for id_ in kept if id_ in one.past or any(id_ == other.id for other in first)}
        return kept

    # Forks

    def forked(self, actor, kept):
        """What is on a branch that does not stand."""
        places, void = {}, set()
        for id_ in kept:
            one = self.history[id_]
            places.setdefault((one.log, one.before), set()).add(id_)
        for branches in places.values():
            if len(branches) > 1:
                (log,) = {self.history[id_].log for id_ in branches}
                lost = branches - {self.picked(actor, branches)}
                void |= lost
                void |= {one.id for one in self.history.values() if one.log == log and one.past & lost}
        return void

    def picked(self, actor, branches):
        """The branch that somebody senior cited without another: the most senior, the first in their log."""
        picks = []
        for id_ in self.stands:
            one = self.history[id_]
            at, cited = self.actors[one.by].at, one.past & branches
            if at < actor.at and len(cited) == 1:
                picks.append((at, one.number, id_, *cited))
        return min(picks)[-1] if picks else None


def reach(history, names):
    """These statements, and what comes before each in its log."""
    reached = set()
    for name in names:
        while name is not None and name in history and name not in reached:
            reached.add(name)
            name = history[name].before
    return reached


# A board


def judge_board(history, founders, admits, quorum):
    seats, decided, signatures = list(founders), {}, set()
    while True:
        own = Judgement(history, seats, admits, {}, seen_by_others(history, seats))
        found = [
            signed for act in history.values()
            if needs_quorum(act) and act.id not in decided and (signed := signed_by(own, act, decided, quorum))
        ]
        if not found:
            return Judgement(history, founders, admits, decided, signatures)
        _, id_, under = min(found)
        decided[id_] = history[id_]
        signatures |= set(under)
        if history[id_].name == "person":
            seats += admits(history[id_], own.actors[history[id_].by])


def seen_by_others(history, seats):
    """The signatures of admins that another admin has behind something of theirs."""
    persons = {(seat.membership, seat.key): seat.person for seat in seats if seat.admin}
    seen = set()
    for one in history.values():
        if one.by in persons:
            for id_ in one.past:
                other = history[id_]
                if other.by in persons and persons[other.by] != persons[one.by]:
                    if other.name == "approve" or needs_quorum(other):
                        seen.add(id_)
    return seen


def signed_by(own, act, decided, quorum):
    """The most senior signers of an act, its id and all signatures under it, if they are enough."""

    def counts(one):
        actor = own.actors.get(one.by)
        says = actor and actor.admin and (one.id in own.signed or one.id in own.stands)
        return says and not any(taken_back(own.history, one, actor, removal, decided) for removal in decided.values())

    if not counts(act):
        return None
    approvals = [one for one in own.history.values() if one.name == "approve" and one.fields.statement == act.id]
    under, signers = [one for one in [act, *approvals] if counts(one)], {}
    for one in under:
        actor = own.actors[one.by]
        signers[actor.person] = min(signers.get(actor.person, actor.path), actor.path)
    first = sorted(signers.values())[:quorum]
    return (first, act.id, [one.id for one in under]) if len(first) == quorum else None


def taken_back(history, one, actor, removal, decided):
    """Whether a decided removal cuts a signature."""
    if removal.name != "remove" or not reaches(removal, actor):
        return False
    names, trusted = list(removal.fields.keep.statements), removal.fields.trusted
    for other in decided.values():
        if other.name == "extend" and removal.id in other.fields.removals:
            names += other.fields.upto.statements
    doubted = trusted is not None and one.id not in reach(history, trusted)
    return doubted or one.id not in reach(history, names)


# Persons, circles, controls


def judge_person(history, roots):
    """`roots` are pairs of membership and key: the root's and, once that has spoken, the next root's."""

    def admits(one, by):
        at = (one.fields.rank + 1,)
        return [speaker(one.id, one.fields.device, at)] if at > by.at else []

    return Judgement(history, [speaker(*root, (1 - place,)) for place, root in enumerate(roots)], admits)


def judge_circle(history, rule, founders, people):
    """`founders` are pairs of membership and person; `people` are those whose authority is known."""

    def keys_of(membership, person, path, admin):
        known = people[person].keys.items() if person in people else ()
        return [
            speaker(membership, key, (*path, 0, *at), admin, person, path, gone) for key, (at, gone) in known
        ]

    def admits(one, by):
        fields, path = one.fields, (*by.path, 1 + one.number)
        consented = fields.person in people and fields.key in people[fields.person].keys
        return keys_of(one.id, fields.person, path, fields.role == ADMIN) if consented else []

    first = []
    for place, (membership, person) in enumerate(founders):
        first += keys_of(membership, person, (place + 1,), True)
    if rule[0] == "board":
        return judge_board(history, first, admits, rule[1].quorum)
    return Judgement(history, first, admits)


def judge_control(history, creator, root):
    """`creator` and `root` are speakers; the root is none until it has spoken."""

    def admits(one, by):
        admin = one.name == "control_key"
        at = (one.fields.rank if admin else 2**32,)
        return [speaker(one.id, one.fields.key, at, admin)] if at > by.at else []

    return Judgement(history, [creator, root] if root else [creator], admits)
