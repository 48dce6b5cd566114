"""A second implementation, small, that reads the vectors by `protocol/spec/README.md` alone.

    tests/run interop
    tests/interop/run FILE...    more histories to judge, as `more_judgements_than_the_file_has` writes them

It shares no code with the Rust crates. Each file of `protocol/vectors/` is read, verified and opened, its names
(ids, hashes, keys) are computed again, and everything in its list `invalid` must be refused for the reason given:

    size       longer than such an object may be
    version    another version
    form       not the one encoding of such an object: cut off, another spelling, a bound passed
    signature  a signature, or the proof of an invite, does not hold
    open       a box or an entry does not open
    rule       readable and signed, but not what the spec allows
    text       no text form, or a character is wrong
    kind       the text form of something else
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import control
import entries
import holdings
import invites
import keys
import parcels
import primitives
import principal
import recovery
import relays
import slices
import texts
from wire import Refused, blob, decode, list_of, require

VECTORS = Path(__file__).parents[2] / "protocol" / "vectors"
KINDS = "size version form signature open rule text kind".split()


class Wrong(Exception):
    """The vectors and this reader disagree."""


def equal(got, expected, what):
    if got != expected:
        raise Wrong(f"{what}: {show(got)} instead of {show(expected)}")


def show(value):
    return value.hex() if isinstance(value, bytes) else repr(value)


def unhex(value):
    return bytes.fromhex(value)


class World:
    """What the vectors are about: whose slice it is, those it is given to, a part, its key."""

    owner = slice = people = generation = record = key = now = None


def read_hash(file, world):
    parts = [unhex(part) for part in file["parts"]]
    domain = file["domain"].removeprefix(primitives.DOMAIN)
    equal(primitives.hashed(domain, *parts), unhex(file["hash"]), "hash")
    equal(primitives.keyed(unhex(file["key"]), domain, *parts), unhex(file["keyed_hash"]), "keyed hash")
    seed, message = unhex(file["signing_seed"]), unhex(file["message"])
    equal(primitives.public_of(seed), unhex(file["signing_public"]), "public key")
    equal(primitives.sign(seed, "grant", message), unhex(file["signature"]), "signature")
    root = primitives.hashed("phrase-root", unhex(file["phrase_seed"]))
    equal(primitives.public_of(root), unhex(file["phrase_root_public"]), "root key of the phrase")

    def signature(data):
        primitives.verify(data[:32], "grant", data[96:], data[32:96])

    return {"signature": signature}


def read_text(file, world):
    equal(texts.read_id("person", file["person"]), unhex(file["person_bytes"]), "person")
    equal(texts.read_text("maille", file["card"]), unhex(file["card_bytes"]), "card")
    equal(texts.read_text("share", file["link"], texts.STARTS), unhex(file["link_bytes"]), "link")
    card, link = texts.read_card(file["card"]), texts.read_link(file["link"])
    equal(card.person, unhex(file["person_bytes"]), "the card's person")
    equal(link.card, card, "the link's card")
    equal(texts.write_time(file["time_millis"]), file["time"], "time")
    world.now = file["time_millis"]
    return {
        "person": lambda text: texts.read_id("person", text.decode()),
        "card": lambda text: texts.read_card(text.decode()),
        "link": lambda text: texts.read_link(text.decode()),
        "card bytes": lambda data: decode(texts.card, data, 2048),
        "link bytes": lambda data: decode(texts.link, data, 2048),
    }


def read_authority(file, world):
    def authority(data):
        return principal.read_person(data, texts.read_id("person", file["person"]))

    world.owner = authority(unhex(file["bytes"]))
    (device,) = world.owner.devices.values()
    equal(device.device, primitives.public_of(unhex(file["device_seed"])), "device key")
    equal(device.device, texts.read_id("device", file["device"]), "device")
    equal(device.transport, texts.read_id("node", file["transport"]), "transport key")
    equal(device.rank, file["rank"], "rank")
    secret = primitives.SealingSecret(unhex(file["sealing_seed"]))
    equal(device.sealing, secret.public, "sealing key")
    seed = unhex(file["phrase_seed"])
    root = primitives.public_of(primitives.hashed("phrase-root", seed))
    equal(world.owner.charter.founders[0][1].key, root, "root key")
    words = primitives.SealingSecret(primitives.hashed("phrase-recovery", seed))
    equal(world.owner.charter.recovery, words.public, "recovery key of the phrase")
    two = authority(unhex(file["two_devices"])).devices
    second = primitives.public_of(unhex(file["second_device_seed"]))
    equal([two[device.device].rank, two[second].rank], [1, 2], "ranks")
    return {"authority": authority}


def read_statement(file, world):
    def statement(data):
        given = decode(principal.signed_statement, data, principal.LISTING_BYTES + 72)
        principal.check_statement(given)
        return given

    for vector in file["statements"]:
        given = statement(unhex(vector["bytes"]))
        equal(given.record.kind[0], vector["kind"].replace(" ", "_"), "kind")
        equal(given.record.key, unhex(file["key"]), "key")
        equal(primitives.hashed("statement-id", given.bytes), unhex(vector["statement"]), "statement")
    return {"statement": statement}


def read_slice(file, world):
    charter = slices.read_slice_charter(unhex(file["bytes"]))
    equal((charter.owner[0], charter.owner[1].id), ("person", texts.read_id("person", file["owner"])), "owner")
    equal(charter.owner[1].id, world.owner.id, "owner")
    equal(charter.salt, unhex(file["salt"]), "salt")
    equal(slices.public_half(charter), unhex(file["public_bytes"]), "public half")
    equal(slices.slice_id(charter), texts.read_id("slice", file["slice"]), "slice")
    world.slice = slices.slice_id(charter)
    return {"slice charter": slices.read_slice_charter}


def read_access(file, world):
    def person(data):
        given = decode(principal.principal, data, principal.SET_BYTES)
        return principal.read_person(data, primitives.hashed("person-id", given.charter.bytes))

    def access(data):
        return slices.judge(slices.read_access(data, world.slice, owner), owner, world.people)

    owner = person(unhex(file["owner_authority"]))
    equal(owner.id, texts.read_id("person", file["owner"]), "owner")
    equal(owner.speakers, world.owner.speakers, "who speaks for the owner")
    equal(world.slice, texts.read_id("slice", file["slice"]), "slice")
    world.people = {one.id: one for one in map(person, map(unhex, file["readers"]))}

    (alone,) = access(unhex(file["one_grant"])).values()
    equal(alone.id, texts.read_id("grant", file["grant"]), "grant")
    equal(slices.in_force(alone, world.now), True, "grant in force")
    grants = access(unhex(file["bytes"]))
    parent, child = (texts.read_id("grant", file[name]) for name in ("parent", "child_ended"))
    equal(list(grants), [parent, child], "grants")
    parent, child = grants.values()
    equal(child.parent, parent, "parent")
    equal(slices.end(parent), file["parent_expires"], "end of the parent")
    equal([slices.is_ended(one) for one in (parent, child)], [False, True], "ended")
    equal([slices.in_force(one, world.now) for one in (parent, child)], [True, False], "in force")
    given_to = [one.granted.audience[1].id in world.people for one in (alone, parent, child)]
    equal(given_to, [True, True, True], "audiences")
    return {"access": access}


def read_circle(file, world):
    def person(data):
        given = decode(principal.principal, data, principal.SET_BYTES)
        return principal.read_person(data, primitives.hashed("person-id", given.charter.bytes))

    def circle(data):
        return principal.read_circle(data, texts.read_id("circle", file["circle"]), people)

    def access(data):
        return slices.judge(slices.read_access(data, slice_, owner), owner, people)

    people = {one.id: one for one in map(person, map(unhex, file["people"]))}
    owner, slice_ = circle(unhex(file["bytes"])), texts.read_id("slice", file["slice"])
    members = [[texts.read_id("person", member["person"]), member["role"]] for member in file["members"]]
    equal([[one.person, one.role] for _, one in sorted(owner.members.items())], sorted(members), "members")
    memberships = [texts.read_id("membership", member["membership"]) for member in file["members"]]
    equal({one.membership for one in owner.members.values()}, set(memberships), "memberships")
    charter = slices.read_slice_charter(unhex(file["slice_charter"]))
    equal((charter.owner[0], charter.owner[1].id), ("circle", owner.id), "owner")
    equal(slices.slice_id(charter), slice_, "slice")
    grants = access(unhex(file["access"]))
    equal(list(grants), [texts.read_id("grant", grant) for grant in file["grants"]], "grants")
    equal([len(list(slices.chain(grant))) for grant in grants.values()], [1, 2, 3, 4, 5], "links")
    return {"circle": circle, "access of a circle": access}


def read_tale(vector, people):
    data = unhex(vector["bytes"])
    given = decode(principal.principal, data, principal.SET_BYTES)
    name = principal.check_charter(given.charter.record)
    id_ = primitives.hashed(f"{name}-id", given.charter.bytes)
    told = principal.read_person(data, id_) if name == "person" else principal.read_circle(data, id_, people)
    equal_judgement(vector, told.judged, told.statements)
    return told


def equal_judgement(vector, judged, statements):
    letters = "".join("s" if id_ in judged.stands else "nc"[id_ in judged.cut] for id_ in statements)
    speak = sorted(f"{membership[:8].hex()} {key[:8].hex()}" for membership, key in judged.speaks())
    equal((letters, speak), (vector["judged"], vector["speak"]), vector["name"])


def read_judgement(file, world):
    people = {}
    for vector in file["people"]:
        told = read_tale(vector, people)
        people[told.id] = told
    for vector in file["tales"]:
        read_tale(vector, people)
    return {}


def read_slice_judgement(file, world):
    people, circles = {}, {}
    for vector in file["people"]:
        told = read_tale(vector, people)
        people[told.id] = told
    for vector in file["circles"]:
        told = read_tale(vector, people)
        circles[told.id] = told
    owners = [*people.values(), *circles.values()]
    for vector in file["tales"]:
        owner = owners[vector["owner"]]
        judged, statements = slices.read_and_judge(unhex(vector["bytes"]), owner, people, circles)
        equal_judgement(vector, judged, statements)
        for log in vector["logs"]:
            by = (unhex(log["membership"]), unhex(log["key"]))
            branches = [[unhex(hash_) for hash_ in branch] for branch in log["branches"]]
            stand = slices.entries_standing(judged, by, log["part"], unhex(log["log"]), branches)
            equal(stand, log["stand"], f"{vector['name']}: entries of {log['log'][:2]}")
    return {}


def read_next_root(file, world):
    def authority(data):
        return principal.read_person(data, texts.read_id("person", file["person"]))

    given = authority(unhex(file["bytes"]))
    next_root = primitives.public_of(unhex(file["next_root_seed"]))
    equal(principal.is_next_root(given, next_root), True, "next root")
    devices = {unhex(file[name]) for name in ("device_by_root", "device_by_next_root")}
    equal(set(given.devices), devices, "devices")
    return {"authority": authority}


def read_part_key(file, world):
    def part_key(data):
        given = decode(keys.part_key, data, 4096)
        return given, keys.verify_part_key(given, world.owner.devices)

    given, world.generation = part_key(unhex(file["bytes"]))
    world.record, world.key = given.generation.record, given.key
    equal(given.generation.record.bytes, unhex(file["record_bytes"]), "record")
    equal(world.generation, texts.read_id("generation", file["generation"]), "generation")
    equal(given.key, unhex(file["content_key"]), "content key")
    equal(primitives.keyed(given.key, "key-access"), unhex(file["access_key"]), "access key")
    equal(given.generation.record.record.commit, unhex(file["commit"]), "commitment")
    return {"part key": part_key}


def read_batch(file, world):
    def batch(data):
        given = keys.read_batch(data)
        keys.verify_batch(given, world.owner.devices)
        return given

    def generation(data):
        given = decode(keys.signed_generation, data, 2**20)
        return given, keys.verify_generation(given, world.owner.devices)

    ring, ring_key = texts.read_id("key", file["ring"]), unhex(file["ring_key"])
    given = batch(unhex(file["bytes"]))
    head = given.head.record
    equal(head.membership, texts.read_id("membership", file["membership"]), "membership")
    equal((head.under, head.root), ([ring], unhex(file["root"])), "ring and root")
    equal(len(given.records), len(file["generations"]), "records")
    for vector, record, wrap in zip(file["generations"], given.records, given.wraps):
        alone, id_ = generation(unhex(vector["bytes"]))
        equal((alone.record, alone.head), (record, given.head), "the generation alone")
        equal(id_, texts.read_id("generation", vector["generation"]), "generation")
        key = keys.open_wrap(keys.content_key(record), ring_key, wrap)
        equal(key, unhex(vector["content_key"]), "content key")
    return {"batch": batch, "signed generation": generation}


def read_ring(file, world):
    ring, ring_key = texts.read_id("key", file["ring"]), unhex(file["ring_key"])
    sealing_key, secret = texts.read_id("key", file["sealing_key"]), primitives.SealingSecret(unhex(file["sealing_seed"]))
    principal, tag_key = unhex(file["principal"]), unhex(file["tag_key"])
    equal(primitives.keyed(ring_key, "ring-tag"), tag_key, "tag key")
    equal(primitives.keyed(ring_key, "ring-commit", principal), unhex(file["commit"]), "commitment")
    equal(primitives.hashed("sealing-key-id", secret.public), sealing_key, "sealing key")

    def targets(vector):
        id_, commitment = unhex(vector["id"]), unhex(vector["commitment"])
        return [
            keys.content_key(world.record),
            keys.ring_key(id_, commitment, principal),
            keys.sealing_seed(id_),
        ][vector["kind"]]

    def open_object(data, what):
        given = decode(keys.key_object, data, 4096)
        name, form = given.form
        under = ring if name == "wrap" else sealing_key
        mine = (given.id, given.tag) == (what.id, keys.tag(tag_key, what.id, under))
        require(mine, "rule", "the object of somebody else")
        if name == "wrap":
            return keys.open_wrap(what, ring_key, form.bytes)
        return keys.open_key_box(what, secret, form.bytes)

    for vector in file["keys"]:
        what = targets(vector)
        equal((what.id, what.commit), (unhex(vector["id"]), unhex(vector["commitment"])), "what is sealed")
        for form in ("wrapped", "boxed"):
            equal(open_object(unhex(vector[form]), what), unhex(vector["key"]), f"the {form} key")
    return {
        f"key object, kind {vector['kind']}": lambda data, what=targets(vector): open_object(data, what)
        for vector in file["keys"]
    }


def read_recovery(file, world):
    seed = unhex(file["phrase_seed"])
    equal(recovery.part_id(seed), unhex(file["part"]), "part")
    equal(primitives.hashed("recovery-access", seed), unhex(file["access_key"]), "access key")

    def recovery_box(data):
        given = recovery.open_recovery(data, seed)
        recovery.verify_recovery(given, seed, world.owner)
        return given

    equal(recovery_box(unhex(file["bytes"])).bytes, unhex(file["note"]), "note")
    return {"recovery box": recovery_box}


def read_entry(file, world):
    installation = texts.read_id("installation", file["installation"])
    membership = texts.read_id("membership", file["membership"])
    slice_ = texts.read_id("slice", file["slice"])
    key, log = unhex(file["content_key"]), unhex(file["log"])
    device_seed, part = unhex(file["device_seed"]), file["part"]
    seed = entries.log_seed(device_seed, membership, installation, slice_, part)
    equal(primitives.public_of(seed), log, "log key")
    equal((slice_, key), (world.slice, world.key), "slice and key")
    previous = bytes(32)
    for seq, vector in enumerate(file["entries"]):
        given = entries.read_entry(unhex(vector["bytes"]))
        entries.verify_stretch([given], seq, previous)
        at = given.header.prefix
        equal((at.slice, at.part, at.generation, at.log), (slice_, part, world.generation, log), "prefix")
        opened = entries.open_entry(given, key)
        equal(opened.content, unhex(vector["content"]), "content")
        equal(decode(entries.body, unhex(vector["body"]), 2**18), opened, "body")
        previous = given.header.hash
        equal(previous, unhex(vector["header_hash"]), "header hash")
        if opened.binding:
            bound = opened.binding
            equal((bound.membership, bound.installation), (membership, installation), "binding")
            equal(bound.membership, world.owner.devices[bound.device].membership, "membership of the device")

    def entry_at(seq, previous):
        def read(data):
            given = entries.read_entry(data)
            entries.verify_stretch([given], seq, previous)
            return entries.open_entry(given, key)

        return read

    return {"first entry": entry_at(0, bytes(32)), "next entry": entry_at(len(file["entries"]), previous)}


def read_stretch(file, world):
    log, key = unhex(file["log"]), unhex(file["content_key"])
    stretch = [entries.read_entry(unhex(vector["bytes"])) for vector in file["stretch"]]
    entries.verify_stretch(stretch, 0, bytes(32))
    for given, vector in zip(stretch, file["stretch"]):
        equal(given.header.hash, unhex(vector["header_hash"]), "header hash")
        equal(entries.open_entry(given, key).content, unhex(vector["content"]), "content")
    equal([given.signature is None for given in stretch], [True, True, False], "only the last is signed")
    alone = entries.read_header_alone(unhex(file["header_signed"]))
    equal(alone.header, stretch[1].header, "header alone")
    entries.verify_headers([alone.header], alone.signature, 1, stretch[0].header.hash)
    unsigned = entries.read_header_alone(unhex(file["header_unsigned"]))
    equal((unsigned.header, unsigned.signature), (alone.header, None), "header without a signature")
    for name in ("fork_proof", "fork_proof_inside_stretch"):
        at = entries.verify_fork_proof(unhex(file[name]))
        equal((at.log, at.seq), (log, file["fork_seq"]), "fork")
    place = decode(entries.place, unhex(file["place"]), 128)
    last = stretch[-1].header
    equal((place.log, place.seq, place.hash), (log, last.prefix.seq, last.hash), "place")

    def whole(data):
        parts = decode(list_of(blob(entries.ENTRY_BYTES), 1000), data, 2**21)
        given = [entries.read_entry(part) for part in parts]
        entries.verify_stretch(given, 0, bytes(32))
        return [entries.open_entry(one, key) for one in given]

    def second_header(data):
        given = entries.read_header_alone(data)
        entries.verify_headers([given.header], given.signature, 1, stretch[0].header.hash)

    return {
        "stretch": whole,
        "header alone": second_header,
        "fork proof": entries.verify_fork_proof,
    }


def read_parcel(file, world):
    me, secret = texts.read_id("person", file["to"]), primitives.SealingSecret(unhex(file["sealing_seed"]))
    equal(texts.read_id("person", file["from"]), world.owner.id, "sender")

    def parcel(data):
        given = parcels.open_parcel(data, me, secret)
        parcels.verify_parcel(given, world.owner)
        return given, parcels.verify_contents(given, world.owner, world.people, world.now)

    for vector in file["parcels"]:
        given, _ = parcel(unhex(vector["bytes"]))
        equal(decode(parcels.body, unhex(vector["body"]), 2**20), given.record.body, "body")
    return {"parcel": parcel}


def read_control(file, world):
    slice_ = texts.read_id("slice", file["slice"])
    salt, part = unhex(file["salt"]), file["part"]

    def read(data):
        return control.read_control(data, slice_)

    public, statements = read(unhex(file["bytes"]))
    speakers = control.speakers_of(public, statements, slice_)
    equal(primitives.hashed("slice-id", unhex(file["public_bytes"])), slice_, "slice")
    creator, root = control.founder(slice_, 0), control.founder(slice_, 1)
    equal(creator, texts.read_id("membership", file["creator"]), "membership of the first control key")
    equal(root, texts.read_id("membership", file["root"]), "membership of the root")
    first = primitives.public_of(primitives.keyed(unhex(file["device_seed"]), "control-key", salt))
    equal(public.control.key, first, "control key")
    blind = primitives.keyed(salt, "control-blind")
    equal(blind, unhex(file["blind"]), "blind")
    equal(public.control.root, control.root_commit(blind, unhex(file["root_public"])), "commitment to the root")
    plain, shown = (texts.read_id("installation", file[name]) for name in ("installation", "installation_shown"))
    equal(primitives.keyed(salt, "control-installation", plain), shown, "installation as it is shown")

    said = [one.record.kind for one in statements.values()]
    (access,) = [fields for name, fields in said if name == "access"]
    commitment = control.access_commit(unhex(file["access_key"]), slice_, part)
    equal((access.part, access.commit), (part, commitment), "access key")
    equal(commitment, unhex(file["access_commit"]), "commitment to the access key")
    equal(access.generation, texts.read_id("generation", file["generation"]), "generation")
    writer = texts.read_id("membership", file["writer"])
    write_key = primitives.public_of(unhex(file["write_key_seed"]))
    quota = (file["quota_bytes"], file["quota_logs"])
    equal(speakers[writer], (write_key, quota), "writer")

    def ticket(data):
        given = decode(control.ticket, data, control.SIGNED_TICKET_BYTES)
        return given.record, control.verify_ticket(given, slice_, speakers)

    given, by = ticket(unhex(file["ticket"]))
    equal((given.log, given.part, given.membership), (unhex(file["log"]), part, writer), "ticket")
    equal(by, (write_key, quota), "who signed the ticket")
    given, (_, quota) = ticket(unhex(file["ticket_by_control_key"]))
    equal(given.membership, texts.read_id("membership", file["control_key"]), "control key")
    equal(quota, None, "quota of a control key")

    _, after = read(unhex(file["after_the_root"]))
    keys_of_root = {one.record.key for one in after.values() if one.record.membership == root}
    equal(keys_of_root, {unhex(file["root_public"])}, "key of the root")
    return {"control": read, "ticket": ticket}


def read_invite(file, world):
    def person(data):
        given = decode(principal.principal, data, principal.SET_BYTES)
        return principal.read_person(data, primitives.hashed("person-id", given.charter.bytes))

    inviter, knocker, stranger = (person(unhex(file[name])) for name in ("inviter", "knocker", "stranger"))
    people = {one.id: one for one in (inviter, knocker, stranger)}
    circle, slice_ = texts.read_id("circle", file["circle"]), texts.read_id("slice", file["slice"])
    before = principal.read_circle(unhex(file["circle_bytes"]), circle, people)
    link, link_bytes = invites.read_link_text(file["text"])
    equal(link_bytes, unhex(file["bytes"]), "bytes of the link")
    named = ("secret", "circle", "membership", "role", "kind", "name", "inviter", "uses", "until")
    membership = texts.read_id("membership", file["membership"])
    told = (unhex(file["secret"]), circle, membership, *(file[name] for name in ("role", "kind", "name")))
    told += (file["name_of_inviter"], file["uses"], file["until"])
    equal(tuple(getattr(link, name) for name in named), told, "fields of the link")
    from_, to = texts.read_id("node", file["from"]), texts.read_id("node", file["to"])
    equal((link.card.person, link.card.transport), (inviter.id, to), "card")
    equal(before.members[inviter.id].membership, membership, "membership of the inviter")
    equal(invites.invite_id(link), unhex(file["invite"]), "id of the invite")
    equal(invites.proof(link, link_bytes, from_), unhex(file["proof"]), "proof")

    def knock(data):
        given = invites.read_knock(data)
        return given, invites.verify_knock(given, link, link_bytes, from_)

    given, who = knock(unhex(file["knock"]))
    equal(who.id, knocker.id, "who knocks")
    equal(given.key, primitives.public_of(unhex(file["device_seed"])), "device that consents")
    equal(invites.read_frame(unhex(file["knock_frame"])), ("knock", SimpleNamespace(knock=given)), "the knock's frame")
    after = principal.read_circle(unhex(file["circle_after"]), circle, people)
    equal(after.members[knocker.id].role, link.role, "role of who came in")
    (said,) = [one for id_, one in after.statements.items() if id_ not in before.statements]
    admission = said.record.kind[1]
    told = (said.record.membership, admission.key, admission.consent)
    equal(told, (membership, given.key, given.consent), "the admission")

    for vector, why in zip(file["answers"], [None, *invites.WHY], strict=True):
        data = unhex(vector["bytes"])
        got, of = invites.read_answer(data, circle)
        if why:
            equal(got, why, "why not welcome")
        else:
            equal((of, got.tag_key), (slice_, unhex(file["tag_key"])), "slice and tag key of the welcome")
        answer = decode(invites.answer, data, invites.FRAME_BYTES)
        equal(invites.read_frame(unhex(vector["frame"])), ("answer", SimpleNamespace(answer=answer)), "frame")

    def statement(data):
        read = decode(principal.signed_statement, data, principal.LISTING_BYTES + 72)
        principal.check_statement(read)
        equal(read.record.subject[1].id, circle, "subject")

    inside = dict(
        person=person,
        statement=statement,
        generation=lambda data: decode(keys.signed_generation, data, invites.FRAME_BYTES),
        key=lambda data: decode(keys.key_object, data, 4096),
        entry=entries.read_entry,
    )
    for vector, (name, read) in zip(file["circle_items"], inside.items(), strict=True):
        _, fields = invites.read_frame(unhex(vector["frame"]))
        of, item = fields.item
        equal((fields.position, of, item.circle), (vector["position"], "circle", circle), "circle item")
        equal((item.item[0], item.item[1].bytes), (name, unhex(vector["inside"])), "what of the circle")
        read(item.item[1].bytes)
    for vector in file["frames"]:
        name, fields = invites.read_frame(unhex(vector["bytes"]))
        equal(fields.item[0] if name == "item" else name, vector["name"], "frame")
    return {
        "invite": lambda text: invites.read_link_text(text.decode()),
        "invite bytes": invites.read_link,
        "knock": knock,
        "answer": lambda data: invites.read_answer(data, circle),
        "frame": invites.read_frame,
    }


def read_returning(file, world):
    from_, to = texts.read_id("node", file["from"]), texts.read_id("node", file["to"])
    root = primitives.public_of(primitives.hashed("phrase-root", unhex(file["phrase_seed"])))

    def claim(data):
        return invites.read_claim(data, from_, to)

    def claimed(data):
        return invites.read_claimed(data, root)

    equal(claim(unhex(file["claim"])), root, "root key")
    person, places = claimed(unhex(file["claimed"]))
    equal(person.id, texts.read_id("person", file["person"]), "person")
    told = [(texts.read_id("node", one["node"]), one["name"], one["addresses"]) for one in file["places"]]
    equal([(one.transport, one.name, one.addresses) for one in places], told, "places")
    # The device that the root admits is the new one's node, above all others.
    returning = decode(invites.returning, unhex(file["return"]), invites.FRAME_BYTES)
    after = principal.read_person(returning.authority, person.id)
    device = after.devices[primitives.public_of(unhex(file["device_seed"]))]
    equal(device.transport, from_, "node of the new device")
    before = {one.record.membership for one in person.statements.values()}
    equal(before, {principal.founder(person.id, 0)}, "who has spoken before")
    read = [invites.read_frame(unhex(vector["bytes"])) for vector in file["frames"]]
    equal([name for name, _ in read], [vector["name"] for vector in file["frames"]], "frames")
    welcome, not_welcome = (fields.paired for name, fields in read if name == "paired")
    equal(not_welcome[0], "not_welcome", "not welcome")
    principal.read_person(welcome[1].authority, person.id)
    (circle,) = welcome[1].circles
    equal(primitives.hashed("circle-id", circle.circle), texts.read_id("circle", file["circle"]), "own circle")
    slice_ = slices.slice_id(slices.read_slice_charter(circle.slice))
    equal(slice_, texts.read_id("slice", file["slice"]), "slice of the own circle")
    own = decode(principal.charter, circle.circle, principal.STATEMENT_BYTES)
    alone = (own.rule[0], [one.person for _, one in own.founders])
    equal((circle.own, circle.tag_key, *alone), (True, unhex(file["tag_key"]), "admins", [person.id]), "own circle")
    return {"claim": claim, "claimed": claimed, "frame": invites.read_frame}


def read_relay(file, world):
    given, data = relays.read_code(file["text"])
    relay, from_ = (texts.read_id("node", file[name]) for name in ("relay", "from"))
    equal(data, unhex(file["bytes"]), "bytes of the code")
    told = (unhex(file["secret"]), relay, file["room"], file["until"])
    equal((given.secret, given.relay, given.bytes, given.until), told, "fields of the code")
    equal(relays.code_id(given), unhex(file["code"]), "id of the code")
    equal(relays.proof(given, data, from_), unhex(file["proof"]), "proof")

    box = relays.mailbox(unhex(file["content_key"]), relay)
    equal(box.slice, texts.read_id("slice", file["slice"]), "slice of the mailbox")
    equal((box.access, box.content), (unhex(file["access_key"]), unhex(file["sealed_under"])), "keys of the mailbox")
    equal(box.generation, texts.read_id("generation", file["generation"]), "generation of the mailbox")
    equal(relays.name_of(box, from_), unhex(file["name"]), "name of the mailbox")

    seed, installation = unhex(file["device_seed"]), texts.read_id("installation", file["installation"])
    membership, speakers = relays.read_control(unhex(file["control"]), box, seed, installation)
    equal(membership, texts.read_id("membership", file["writer"]), "writer")
    log, own = relays.log_of(box, seed, membership, installation, file["epoch"])
    equal(log, unhex(file["log"]), "log")
    ticket = decode(control.ticket, unhex(file["ticket"]), control.SIGNED_TICKET_BYTES)
    key, quota = control.verify_ticket(ticket, box.slice, speakers)
    equal((ticket.record.log, ticket.record.membership, quota), (log, membership, relays.QUOTA), "ticket")

    entry = entries.read_entry(unhex(file["entry"]))
    entries.verify_stretch([entry], 0, bytes(32))
    equal(entry.header.prefix.log, log, "log of the entry")
    bundle = relays.open_bundle(entry, box)
    found = decode(relays.items, bundle.piece, relays.LIST_BYTES)
    equal([[name, fields.bytes.hex()] for name, fields in found], file["items"], "items")
    equal((bundle.more, len(bundle.seen)), (False, 1), "bundle")
    for vector in file["frames"]:
        name, _ = relays.read_frame(unhex(vector["bytes"]))
        equal(name, vector["name"], "frame")
    return {"code": lambda text: relays.read_code(text.decode()), "frame": relays.read_frame}


def read_holdings(file, world):
    circle = texts.read_id("circle", file["circle"])
    names = []
    for vector in file["items"]:
        kind, fields = decode(invites.circle_item, unhex(vector["bytes"]), invites.FRAME_BYTES)
        names.append(holdings.name_of(kind, fields.bytes))
        equal(names[-1], unhex(vector["name"]), "name of an item")
    asks, answers = ([names[number] for number in file[side]] for side in ("asks", "answers"))
    _, asked = holdings.read_frame(unhex(file["holds"]))
    equal((asked.circle, asked.digests), (circle, holdings.digests(asks)), "holds")
    _, told = holdings.read_frame(unhex(file["held"]))
    equal((told.circle, told.buckets, told.names), (circle, *holdings.answer(answers, asked.digests)), "held")
    lacked = holdings.lacked(asks, told.buckets, told.names)
    equal(lacked, [names[number] for number in file["lacked"]], "what is lacked")
    nodes = [texts.read_id("node", node) for node in file["nodes"]]
    ring = sorted(nodes, key=lambda node: holdings.place_on_ring(circle, node))
    equal(ring, [texts.read_id("node", node) for node in file["ring"]], "ring")
    return {"frame": holdings.read_frame}


# In this order: later files use what the earlier ones told about the world.
READERS = {
    "hash": read_hash,
    "text": read_text,
    "statement": read_statement,
    "authority": read_authority,
    "slice": read_slice,
    "access": read_access,
    "circle": read_circle,
    "next-root": read_next_root,
    "judgement": read_judgement,
    "slice-judgement": read_slice_judgement,
    "part-key": read_part_key,
    "batch": read_batch,
    "ring": read_ring,
    "recovery": read_recovery,
    "entry": read_entry,
    "stretch": read_stretch,
    "parcel": read_parcel,
    "control": read_control,
    "invite": read_invite,
    "holdings": read_holdings,
    "relay": read_relay,
    "returning": read_returning,
}


def input_of(case):
    return unhex(case["bytes"]) if "bytes" in case else case["text"].encode()


def refuse(case, readers):
    """Returns the kind of refusal of one case of `invalid`."""
    data = input_of(case) + bytes(case.get("then_zeros", 0))
    name = case["object"]
    try:
        readers[name](data)
    except Refused as refused:
        equal(refused.kind, case["kind"], f"{name}, {case['why']}, was refused with `{refused}`")
        return refused.kind
    raise Wrong(f"{name}, {case['why']}: was accepted")


def main():
    for path in sys.argv[1:]:
        file = json.loads(Path(path).read_text())
        (read_slice_judgement if "circles" in file else read_judgement)(file, World())
        print(f"{path}: {len(file['tales'])} histories, all judged alike")
    if sys.argv[1:]:
        return 0
    world, failures, seen = World(), 0, dict.fromkeys(KINDS, 0)
    print(f"{'file':<16}{'bytes':>8}  {'refused':>7}  result")
    for name, read in READERS.items():
        text = (VECTORS / f"{name}.json").read_text()
        file, refused, result = json.loads(text), 0, "read"
        try:
            readers = read(file, world)
            for case in file.get("valid", []):
                readers[case["object"]](input_of(case))
            for case in file.get("invalid", []):
                seen[refuse(case, readers)] += 1
                refused += 1
        except (Wrong, Refused) as wrong:
            failures += 1
            result = f"FAILED: {wrong}"
        print(f"{name:<16}{len(text):>8}  {refused:>7}  {result}")
        if failures:
            break  # what comes after builds on it
    print("refused by kind:", ", ".join(f"{kind} {count}" for kind, count in seen.items()))
    for path in sorted(VECTORS.glob("*.json")):
        if path.stem not in READERS:
            failures += 1
            print(f"FAILED: nobody reads {path.name}")
    if not all(seen.values()):
        failures += 1
        print("FAILED: a kind of refusal has no case")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
