"""The recovery part, which the words on paper open (spec, section 5)."""

from primitives import SealingSecret, hashed, open_box, public_of, verify
from wire import decode_signed, list_of, raw, record, require, text, uint64

BOX_BYTES = 40 * 1024

note = record(
    person=raw(32),
    membership=raw(32),
    device=raw(32),
    serial=uint64,
    ring=raw(32),
    ring_key=raw(32),
    authority_slice=raw(32),
    authority_key=raw(32),
    access_keys=list_of(raw(32), 1024),
    addresses=list_of(text(128), 16),
)


def part_id(seed):
    return hashed("recovery-part", seed)


def open_recovery(data, seed):
    require(len(data) <= BOX_BYTES, "size", "longer than a recovery box")
    secret = SealingSecret(hashed("phrase-recovery", seed))
    inside = open_box(secret, "recovery-box", part_id(seed), data)
    return decode_signed(note, inside, BOX_BYTES)


def verify_recovery(given, seed, person):
    """Checks the note against the person's authority."""
    claimed = given.record
    words = (
        person.charter.founders[0][1].key == public_of(hashed("phrase-root", seed))
        and person.charter.recovery == SealingSecret(hashed("phrase-recovery", seed)).public
    )
    require(words and claimed.person == person.id, "rule", "the words of somebody else")
    device = person.devices.get(claimed.device)
    known = device is not None and device.membership == claimed.membership
    require(known, "rule", "not by a device of the person")
    verify(claimed.device, "recovery-note", given.bytes, given.signature)
    return claimed
