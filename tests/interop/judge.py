"""Who speaks, and what stands: the judgement of what is said about a person, a circle, a slice, or a slice's control
(spec, authority.md)."""

import heapq
from types import SimpleNamespace

ADMIN = 1
ADMISSIONS = ("device", "person", "control_key", "writer", "grant")
CONTENT = ("ring", "write_key")  # stands whatever doubts there are of its author
ALONE = ("approve", "checkpoint", *CONTENT)  # on a board: what counts by its author's signature
AFTER_OWNERS = 2**32  # where those who speak by a grant begin
MAY_GRANT = 7


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


def speaker(membership, key, at, admin=True, person=None, path=(), gone=False, out=False, left=False):
    """One key of a membership. `at` is its seniority, the lower the more senior; `path` is the membership's; it is
    gone if its person's own authority has removed it, out if the owner of the slice has, or if they `left` the owner."""
    return SimpleNamespace(
        membership=membership, key=key, at=at, admin=admin, person=person, path=path, gone=gone, out=out, left=left,
        shadow=False,
    )


def leaves_by(removal, actor):
    """Whether a removal is by this speaker and of it: of its membership, or of its very key."""
    return removal.fields.membership == actor.membership and removal.fields.key in (None, actor.key)


def is_own(one):
    """Whether it removes its author's membership, or a key of that."""
    return one.name == "remove" and one.fields.membership == one.by[0]


def needs_quorum(one):
    return one.name not in ALONE and not is_own(one)


class Judgement:
    """What comes of a set of statements, judged from the most senior speaker down.

    `founders` speak from the beginning; `admits(statement, author)` gives those whom an admission makes speak. On a
    board `decided` are the acts that count, by id, and `firm` the signatures that only the board takes back. In a
    slice `grants` are all of them, by the membership that each gives."""

    def __init__(self, history, founders, admits, decided=None, firm=(), grants=None):
        self.history, self.admits, self.decided, self.firm = history, admits, decided, firm
        self.grants, self.shadows = grants or {}, set()
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
            if not (actor.shadow or actor.gone or actor.out or by in self.removed or actor.membership in self.left)
        ]
        return sorted(found, key=lambda by: (self.actors[by].at, by))

    # Grants

    def lineage(self, membership):
        """A membership and, if it is a grant, those that it was handed on from."""
        yield membership
        while membership in self.grants and self.grants[membership].by[0] in self.grants:
            membership = self.grants[membership].by[0]
            yield membership

    def may_end(self, by, membership):
        """Whoever speaks by a grant ends what was handed on from it, and says what is kept of that, and of nothing
        else."""
        return by[0] not in self.grants or by[0] in self.lineage(membership)

    def in_a_circle(self, removal):
        """Whether a member of a circle removes what was granted to the circle."""
        grant = self.grants.get(removal.fields.membership)
        return is_own(removal) and grant is not None and grant.fields.grant.audience[0] == "circle"

    def is_ended(self, membership, path):
        """Whether a membership was ended: by itself, not with a grant that it was handed on from."""
        removals = [
            one for one in self.history.values()
            if one.id in self.stands and one.name == "remove" and one.fields.membership == membership
            and one.fields.key is None and not self.in_a_circle(one)
        ]
        senior = lambda one: self.actors[one.by].at < path and self.may_end(one.by, membership)
        return any(is_own(one) or one.id in (self.decided or {}) or senior(one) for one in removals)

    def reaches(self, removal, actor):
        """Whether a removal is of this speaker."""
        if self.in_a_circle(removal):
            same = self.actors[removal.by].person == actor.person
            if removal.fields.membership != actor.membership or not same:
                return False
        of = removal.fields.membership in self.lineage(actor.membership)
        return of and removal.fields.key in (None, actor.key)

    def judge(self, actor):
        by = (actor.membership, actor.key)
        mine = {one.id: one for one in self.said.get(by, [])}
        removals = [one for one in self.removals if self.reaches(one, actor) and self.may_cut(one, actor)]
        kept = set(mine)
        if (actor.gone or actor.out) and not removals and not self.has_left(actor):
            kept = set()
        actor.removals = removals
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

    def has_left(self, actor):
        """Whether somebody left the owner of the slice, and one of their keys that did has left here, too."""
        leaves = lambda one: is_own(one) and one.fields.key is None and one.by[0] == actor.membership
        by = lambda one: one.by in self.actors and self.actors[one.by].left
        return actor.left and any(leaves(one) and by(one) for one in self.history.values())

    def only_left(self, actor):
        """Whether a key is out because its member left, and was removed by nobody else."""
        left = actor.membership in self.left and not (actor.shadow or actor.gone)
        return left and all(is_own(one) and one.fields.key is None for one in actor.removals)

    def say(self, one, actor, void):
        """Does what a statement says that no cut and no doubt takes back; `void` is what a fork gives."""
        if not (actor.admin or one.name in ("approve", *CONTENT) or is_own(one)):
            return
        new = self.admits(one, actor) if one.name in ADMISSIONS else []
        counts = one.name not in ADMISSIONS or new or one.name == "grant"  # to which nobody consents
        if self.decided is not None and one.id not in self.decided and needs_quorum(one):
            if counts and (one.name == "remove" or not void):
                self.signed.add(one.id)
            return
        if one.name == "remove":
            self.stands.add(one.id)
            if one.id not in (self.decided or {}):
                self.removals.append(one)
            if is_own(one) and one.fields.key is None and not self.in_a_circle(one):
                self.left.add(actor.membership)
            if leaves_by(one, actor):
                self.removed.add(one.by)
            return
        if counts and not void:
            self.stands.add(one.id)
            if one.name == "extend" and self.decided is None:
                self.extensions.append(one)
        if one.name == "grant" and void:
            self.shadows.add(one.id)
        for admitted in new:
            admitted.shadow = void
        self.join(new)

    # Cuts

    def may_cut(self, removal, actor):
        senior = removal.by in self.actors and self.actors[removal.by].at < actor.at
        return removal.id in (self.decided or {}) or (senior and self.may_end(removal.by, removal.fields.membership))

    def keeps(self, removal):
        """All that says what a removal keeps: itself, checkpoints that it cites, extensions."""
        found, decided, of = [removal.fields.keep], removal.id in (self.decided or {}), removal.fields.membership
        at = self.actors[removal.by].at if removal.by in self.actors else None
        for id_ in removal.past & self.stands:
            one = self.history[id_]
            holds = one.name == "checkpoint" and not decided and self.actors[one.by].at < at
            if holds and self.may_end(one.by, of):
                found.append(one.fields.upto)
        for one in self.extensions:
            not_below = one.by in self.actors and at is not None and self.actors[one.by].at <= at
            allows = decided or (not_below and self.may_end(one.by, of))
            if removal.id in one.fields.removals and allows:
                found.append(one.fields.upto)
        return found

    def leaves(self, removal):
        """The statements that a removal leaves."""
        return reach(self.history, [name for upto in self.keeps(removal) for name in upto.statements])

    def before_leaving(self, actor, kept):
        """What somebody who leaves says is void unless it is behind that."""
        leaving = [one for one in map(self.history.get, kept) if one.name == "remove" and leaves_by(one, actor)]
        first = [one for one in leaving if not any(other.id in one.past for other in leaving)]
        for one in first:
            kept = {id_ for id_ in kept if id_ in one.past or any(id_ == other.id for other in first)}
        return kept

    # Entries

    def limits(self, actor, log):
        """What is left of somebody's entries in a log: for each removal the places that it keeps."""
        leavings = [
            one for one in self.history.values()
            if one.id in self.stands and is_own(one) and one.fields.membership == actor.membership
            and ((one.fields.key is None and not self.in_a_circle(one)) or leaves_itself(one, actor))
        ]
        removals = {one.id: one for one in [*actor.removals, *leavings]}.values()
        limits = [
            [place for upto in self.keeps(one) for place in upto.logs if place.log == log] for one in removals
        ]
        return limits or ([[]] if actor.gone or actor.out else [])

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
            if at < actor.at and len(cited) == 1 and self.may_end(one.by, actor.membership):
                picks.append((at, one.number, id_, *cited))
        return min(picks)[-1] if picks else None


def leaves_itself(removal, actor):
    """Whether this very key leaves."""
    return removal.by == (actor.membership, actor.key) and removal.fields.key in (None, actor.key)


def reach(history, names):
    """These statements, and what comes before each in its log."""
    reached = set()
    for name in names:
        while name is not None and name in history and name not in reached:
            reached.add(name)
            name = history[name].before
    return reached


# A board


def judge_board(history, founders, admits, quorum, grants=None):
    seats, decided, signatures = list(founders), {}, set()
    outside = {(seat.membership, seat.key) for seat in founders if seat.out}
    while True:
        # What they signed is counted as far as the board keeps it, so it is judged first.
        fresh = [SimpleNamespace(**{**vars(seat), "out": False, "shadow": False}) for seat in seats]
        own = Judgement(history, fresh, admits, {}, seen_by_others(history, seats), grants)
        found = [
            signed for act in history.values()
            if needs_quorum(act) and act.id not in decided
            and (signed := signed_by(own, act, decided, quorum, outside))
        ]
        if not found:
            return Judgement(history, founders, admits, decided, signatures, grants)
        _, id_, under = min(found)
        decided[id_] = history[id_]
        signatures |= set(under)
        if history[id_].name == "person":
            seats += admits(history[id_], own.actors[history[id_].by])


def seen_by_others(history, seats):
    """The signatures of admins that another admin has behind something of theirs."""
    persons = {(seat.membership, seat.key): seat.person for seat in seats if seat.admin}
    seen = set()
    outside = {(seat.membership, seat.key) for seat in seats if seat.out}
    for one in history.values():
        if one.by in persons and one.by not in outside:
            for id_ in one.past:
                other = history[id_]
                if other.by in persons and persons[other.by] != persons[one.by]:
                    if other.name == "approve" or needs_quorum(other):
                        seen.add(id_)
    return seen


def signed_by(own, act, decided, quorum, outside):
    """The most senior signers of an act, its id and all signatures under it, if they are enough."""

    def counts(one):
        actor = own.actors.get(one.by)
        says = actor and actor.admin and (one.id in own.signed or one.id in own.stands)
        if one.by in outside and not any(one_is_of(removal, actor) for removal in decided.values()):
            return False  # removed by the owner, and nothing is kept here
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


def one_is_of(removal, actor):
    return removal.name == "remove" and leaves_by(removal, actor)


def taken_back(history, one, actor, removal, decided):
    """Whether a decided removal cuts a signature."""
    if not one_is_of(removal, actor):
        return False
    names, trusted = list(removal.fields.keep.statements), removal.fields.trusted
    for other in decided.values():
        if other.name == "extend" and removal.id in other.fields.removals:
            names += other.fields.upto.statements
    doubted = trusted is not None and one.id not in reach(history, trusted)
    return doubted or one.id not in reach(history, names)


# Persons, circles, slices, controls


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


def judge_slice(history, owner, people, circles):
    """`people` and `circles` are those who are known, by id, `owner` among them."""
    grants = {one.id: one for one in history.values() if one.name == "grant"}

    def keys_of(audience):
        """The keys of whom something is given to: key, whose, seniority, gone."""
        kind, whom = audience
        if kind == "person" and whom.id in people:
            return [(key, whom.id, at, gone) for key, (at, gone) in people[whom.id].keys.items()]
        if kind != "circle" or whom.id not in circles:
            return []  # nobody knows them, or a service, which has no key
        judged, found = circles[whom.id].judged, {}
        speak = set(judged.speaks())
        for by, actor in judged.actors.items():
            told = (by not in speak, actor.at, actor.person)
            found[actor.key] = min(found.get(actor.key, told), told)
        return [(key, person, at, gone) for key, (gone, at, person) in found.items()]

    def admits(one, by):
        given = one.fields.grant
        path = (*by.path, 1 + one.number) if by.membership in grants else (AFTER_OWNERS, *by.at, 1 + one.number)
        admin, one.path = given.abilities == MAY_GRANT and given.depth > 0, path
        return [
            speaker(one.id, key, (*path, 0, *at), admin, person, path, gone)
            for key, person, at, gone in keys_of(given.audience)
        ]

    speak, founders = set(owner.judged.speaks()), []
    for by, actor in owner.judged.actors.items():
        if actor.admin:
            ended = actor.shadow or owner.judged.is_ended(actor.membership, actor.path or actor.at)
            out = ended or (by not in speak and not actor.gone)
            founders.append(
                speaker(
                    *by, actor.at, True, actor.person, actor.path, gone=actor.gone, out=out,
                    left=owner.judged.only_left(actor),
                )
            )
    rule = owner.charter.rule
    if rule[0] == "board":
        return judge_board(history, founders, admits, rule[1].quorum, grants)
    return Judgement(history, founders, admits, grants=grants)


def standing(limits, branches):
    """Of how many entries of each branch of a log stand what these removals leave."""
    def common(one, other):
        equal = [a == b for a, b in zip(one, other)]
        return equal.index(False) if False in equal else len(equal)

    def kept(branch, place):
        on = [other[: place.seq + 1] for other in branches if place.seq < len(other)]
        on = [other for other in on if other[-1] == place.hash]
        return max((common(branch, other) for other in on), default=0)

    return [
        min((max((kept(branch, place) for place in places), default=0) for places in limits), default=len(branch))
        for branch in branches
    ]


def judge_control(history, creator, root):
    """`creator` and `root` are speakers; the root is none until it has spoken."""

    def admits(one, by):
        admin = one.name == "control_key"
        at = (one.fields.rank if admin else 2**32,)
        return [speaker(one.id, one.fields.key, at, admin)] if at > by.at else []

    return Judgement(history, [creator, root] if root else [creator], admits)
