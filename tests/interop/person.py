"""A person: charter, statements, authority (spec, section 3)."""

from primitives import hashed, sealing_key, verify
from wire import blob, choice, decode, encode, list_of, nullable, raw, record, require, signed, uint32, uint64

STATEMENT_BYTES = 4096
AUTHORITY_BYTES = 256 * 1024

charter = record(root=raw(32), recovery=sealing_key, next_root=nullable(raw(32)), salt=raw(16))
admit = dict(device=raw(32), sealing=sealing_key, transport=raw(32), rank=uint32, consent=raw(64))
statement = record(
    person=raw(32), issuer=raw(32), seq=uint64, previous=raw(32), kind=choice(admit=admit)
)
authority = record(charter=blob(4096), statements=list_of(signed(statement, STATEMENT_BYTES), 64))


def read_charter(data, person):
    claimed = decode(authority, data, AUTHORITY_BYTES).charter
    require(hashed("person-id", claimed) == person, "rule", "the charter of somebody else")
    return decode(charter, claimed, 4096)


def read_authority(data, person):
    """Returns the devices (signing key to admission) that speak for `person`."""
    root = read_charter(data, person).root
    claimed, devices, previous = decode(authority, data, AUTHORITY_BYTES), {}, bytes(32)
    for seq, given in enumerate(claimed.statements):
        record_ = given.record
        require(record_.person == person, "rule", "a statement about somebody else")
        require(record_.issuer == root, "rule", "a statement by somebody else than the root")
        require((record_.seq, record_.previous) == (seq, previous), "rule", "not the next statement")
        verify(root, "statement", given.bytes, given.signature)
        previous = hashed("statement-hash", given.bytes)
        _, admitted = record_.kind
        consent = [1, person, admitted.device, admitted.sealing, admitted.transport, admitted.rank]
        verify(admitted.device, "admission", encode(consent), admitted.consent)
        for other in devices.values():
            twice = (
                admitted.device == other.device
                or admitted.transport == other.transport
                or admitted.rank == other.rank
            )
            require(not twice, "rule", "a device, transport key or rank twice")
        admitted.membership = previous
        devices[admitted.device] = admitted
    require(devices, "rule", "no device")
    return devices
