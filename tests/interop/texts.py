"""Texts that people paste: bech32m ids, cards, share links, times (spec, sections 1 and 9)."""

import datetime

from wire import decode, list_of, raw, record, require, text, uint

CHARACTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATORS = [0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
# Unicode's White_Space, which is not what str.isspace() means.
WHITE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
LOWER = {ord(c): c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
LEFT_OUT = dict.fromkeys(map(ord, INVISIBLE + WHITE))
START = "maille:share#"
STARTS = (START, "maille:join#", "maille:device#", "maille:relay#")
TIME_MOST = 253402207200000
time = uint(TIME_MOST)

address_list = list_of(text(128), 8)
card = record(person=raw(32), transport=raw(32), addresses=address_list)
link = record(card=card, grant=raw(32), slice=raw(32), lens=text(64), until=time, to=raw(32))


def checksum(kind, values):
    residue = 1
    for value in [ord(c) >> 5 for c in kind] + [0] + [ord(c) & 31 for c in kind] + values:
        top = residue >> 25
        residue = (residue & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate(GENERATORS):
            residue ^= term if top >> bit & 1 else 0
    return residue


def read_text(kind, pasted, starts=()):
    """Returns the bytes of a text of this kind, which may have one of these starts."""
    require(len(pasted.encode()) <= 8192, "text", "more than 8192 bytes")
    cleaned = pasted.translate(LEFT_OUT | LOWER)
    start = next((start for start in starts if cleaned.startswith(start)), "")
    found, one, data = cleaned.removeprefix(start).rpartition("1")
    require(one and all(c in CHARACTERS for c in data) and len(data) >= 6, "text", "not bech32m")
    values = [CHARACTERS.index(c) for c in data]
    require(checksum(found, values) == 0x2BC830A3, "text", "a character is wrong or missing")
    require(found == kind, "kind", f"a {found} instead of a {kind}")
    bits = 5 * (len(values) - 6)
    number = 0
    for value in values[:-6]:
        number = number << 5 | value
    spare = bits % 8
    require(spare < 5 and number & (1 << spare) - 1 == 0, "text", "left-over bits")
    return (number >> spare).to_bytes(bits // 8, "big")


def read_id(kind, pasted):
    data = read_text(kind, pasted)
    require(len(data) == 32, "text", f"{len(data)} bytes instead of 32")
    return data


def read_card(pasted):
    return decode(card, read_text("maille", pasted, STARTS), 2048)


def read_link(pasted):
    return decode(link, read_text("share", pasted, STARTS), 2048)


def write_time(millis):
    seconds = datetime.datetime.fromtimestamp(millis // 1000, datetime.timezone.utc)
    return seconds.strftime("%Y-%m-%dT%H:%M:%S") + f".{millis % 1000:03}Z"
