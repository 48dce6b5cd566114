"""Deterministic CBOR, read strictly (spec, section 1).

General CBOR packages take every spelling of a value. Here a value has one: shortest heads, definite
lengths, no tags, maps or floats, and a size and list lengths that are checked before anything is read.

An object is described by *items*, each a function from a `Reader` to a value, so that the modules beside
this one look like the tables of the spec: `decode(record(slice=raw(32), part=uint32), data, 4096)`.
"""

from types import SimpleNamespace


class Refused(Exception):
    """Why bytes were refused: `kind` is one of the words that the vectors use in `invalid`."""

    def __init__(self, kind, detail):
        super().__init__(f"{kind}: {detail}")
        self.kind = kind


def require(holds, kind, detail):
    if not holds:
        raise Refused(kind, detail)


class Reader:
    def __init__(self, data):
        self.data, self.at, self.depth = data, 0, 0

    def take(self, count):
        require(count <= len(self.data) - self.at, "form", "cut off")
        self.at += count
        return self.data[self.at - count : self.at]

    def head(self):
        """Returns major type and argument, in its shortest spelling only."""
        first = self.take(1)[0]
        major, info = first >> 5, first & 31
        require(major in (0, 2, 3, 4, 7), "form", "a negative number, a map or a tag")
        if info < 24:
            return major, info  # false, true and null are 20, 21 and 22 of major type 7
        require(info < 28 and major != 7, "form", "an indefinite length, a float or a reserved head")
        size = 1 << (info - 24)
        argument = int.from_bytes(self.take(size), "big")
        require(argument >= (24 if size == 1 else 1 << 4 * size), "form", "a longer spelling")
        return major, argument

    def of(self, major):
        found, argument = self.head()
        require(found == major, "form", f"major type {found} instead of {major}")
        return argument

    def null(self):
        found = self.at < len(self.data) and self.data[self.at] == 0xF6
        self.at += found
        return found


def boolean(reader):
    value = reader.of(7)
    require(value in (20, 21), "form", "no boolean")
    return value == 21


def decode(item, data, most):
    """Reads one object of at most `most` bytes, and nothing after it."""
    require(len(data) <= most, "size", f"{len(data)} bytes, at most {most}")
    reader = Reader(data)
    value = item(reader)
    require(reader.at == len(data), "form", "bytes after the end")
    return value


def uint(most):
    def read(reader):
        value = reader.of(0)
        require(value <= most, "form", f"{value} is above {most}")
        return value

    return read


uint32 = uint(2**32 - 1)
uint64 = uint(2**64 - 1)


def one_of(*values):
    """An unsigned integer out of a closed list."""

    def read(reader):
        value = reader.of(0)
        require(value in values, "form", f"{value} is not among {values}")
        return value

    return read


def blob(most):
    def read(reader):
        length = reader.of(2)
        require(length <= most, "form", f"{length} bytes, at most {most}")
        return reader.take(length)

    return read


def raw(length):
    def read(reader):
        require(reader.of(2) == length, "form", f"not {length} bytes")
        return reader.take(length)

    return read


def text(most):
    def read(reader):
        length = reader.of(3)
        require(length <= most, "form", f"a text of {length} bytes, at most {most}")
        try:
            return reader.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("form", "not UTF-8") from None

    return read


def nullable(item):
    return lambda reader: None if reader.null() else item(reader)


def list_of(item, most):
    def read(reader):
        count = reader.of(4)
        require(count <= most, "form", f"{count} items, at most {most}")
        reader.depth += 1
        values = [item(reader) for _ in range(count)]
        reader.depth -= 1
        return values

    return read


def optional(item):
    """A last field that is left out when it is absent."""

    def read(reader):
        return item(reader)  # a null is refused like any other wrong type

    read.optional = True
    return read


def row(**fields):
    """An array of named fields."""
    return lambda reader: read_fields(reader, reader.of(4), fields)


def record(**fields):
    """An array whose first item is the version 1; another one is told apart in the outermost only."""

    def read(reader):
        count = reader.of(4)
        kind = "form" if reader.depth else "version"
        require(count >= 1 and reader.of(0) == 1, kind, "not version 1")
        return read_fields(reader, count - 1, fields)

    return read


def read_fields(reader, count, fields):
    least = sum(not hasattr(item, "optional") for item in fields.values())
    require(least <= count <= len(fields), "form", f"{count} fields instead of {len(fields)}")
    reader.depth += 1
    values = SimpleNamespace(**dict.fromkeys(fields))
    for name, item in list(fields.items())[:count]:
        setattr(values, name, item(reader))
    reader.depth -= 1
    return values


def choice(**kinds):
    """`[number, fields...]`: the kinds in the order of their numbers. Gives (name, fields)."""

    def read(reader):
        count, number = reader.of(4), reader.of(0)
        require(number < len(kinds), "form", f"kind {number} is not known")
        name, fields = list(kinds.items())[number]
        return name, read_fields(reader, count - 1, fields)

    return read


def numbered(**kinds):
    """`[number, [fields...]]`: likewise."""

    def read(reader):
        require(reader.of(4) == 2, "form", "not a number and fields")
        number = reader.of(0)
        require(number < len(kinds), "form", f"kind {number} is not known")
        name, fields = list(kinds.items())[number]
        return name, row(**fields)(reader)

    return read


def trimmed(*items):
    """An array whose absent last fields are left out."""

    def read(reader):
        count = reader.of(4)
        require(count <= len(items), "form", f"{count} fields, at most {len(items)}")
        values = [nullable(item)(reader) for item in items[:count]]
        require(not values or values[-1] is not None, "form", "an absent last field is left out")
        return values + [None] * (len(items) - count)

    return read


def encode(value):
    """The one encoding of numbers, bytes, texts, lists and None."""

    def head(major, argument):
        if argument < 24:
            return bytes([major << 5 | argument])
        size = next(size for size in (1, 2, 4, 8) if argument < 1 << 8 * size)
        return bytes([major << 5 | 23 + size.bit_length()]) + argument.to_bytes(size, "big")

    if value is None:
        return b"\xf6"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    return head(4, len(value)) + b"".join(map(encode, value))


def nested(item, most):
    """A record as a byte string, read at once; gives it with its bytes, which were hashed or signed."""

    def read(reader):
        data = blob(most)(reader)
        try:
            return SimpleNamespace(record=decode(item, data, most), bytes=data)
        except Refused as refused:
            raise Refused("form", f"in a record inside: {refused}") from None

    return read


def signed(item, most):
    """`[bytes, signature]`."""

    def read(reader):
        pair = row(inside=nested(item, most), signature=raw(64))(reader)
        return SimpleNamespace(**vars(pair.inside), signature=pair.signature)

    return read


def decode_signed(item, data, most):
    """`[bytes, signature]` out of a box: the record inside is the outermost object."""
    pair = decode(row(bytes=blob(most), signature=raw(64)), data, most)
    pair.record = decode(item, pair.bytes, most)
    return pair
