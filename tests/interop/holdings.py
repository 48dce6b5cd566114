"""What two nodes hold of a circle, compared, and the ring of its nodes (spec, section 10)."""

from invites import FRAME_BYTES
from primitives import hashed
from wire import decode, list_of, one_of, raw, require, row

BUCKETS = 64
NAMES_MOST = 32_768
LETTERS = dict(person=b"p", statement=b"s", generation=b"g", key=b"k", entry=b"e")

holds = row(circle=raw(32), digests=list_of(raw(8), BUCKETS))
held = row(circle=raw(32), buckets=list_of(one_of(*range(256)), BUCKETS), names=list_of(raw(16), NAMES_MOST))
FRAMES = {17: ("holds", holds), 18: ("held", held)}


def name_of(kind, data):
    return hashed("circle-held", LETTERS[kind], data)[:16]


def bucket_of(name):
    return name[0] >> 2


def in_bucket(names, bucket):
    return sorted(name for name in names if bucket_of(name) == bucket)


def digest(names, bucket):
    return hashed("circle-bucket", b"".join(in_bucket(names, bucket)))[:8]


def digests(names):
    return [digest(names, bucket) for bucket in range(BUCKETS)]


def answer(names, theirs):
    """The buckets in which two differ, and all names in them of who answers."""
    theirs = theirs + [None] * (BUCKETS - len(theirs))
    buckets = [bucket for bucket in range(BUCKETS) if digest(names, bucket) != theirs[bucket]]
    return buckets, [name for bucket in buckets for name in in_bucket(names, bucket)]


def lacked(names, buckets, theirs):
    """Which of these names who answered so lacks."""
    return [name for name in names if bucket_of(name) in buckets and name not in theirs]


def place_on_ring(circle, node):
    return hashed("circle-ring", circle, node)


def read_frame(data):
    def read(reader):
        require(reader.of(4) == 2, "form", "not a number and fields")
        number = reader.of(0)
        require(number in FRAMES, "form", f"frame {number} compares nothing")
        name, fields = FRAMES[number]
        require(reader.of(4) == 1, "form", "not one field")
        return name, fields(reader)

    return decode(read, data, FRAME_BYTES)
