"""Reads the vectors beside it by protocol/spec/README.md alone, as a second implementation would.

    python3 -m venv v && v/bin/pip install blake3 pynacl cbor2 && v/bin/python protocol/vectors/check.py

Not part of the tests, which need no Python. Parcels are left out: no X-Wing for Python is packaged.
"""

import json
import pathlib

import cbor2
from blake3 import blake3
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as xchacha_open
from nacl.signing import SigningKey, VerifyKey

HERE = pathlib.Path(__file__).parent
DOMAIN = "maille/1/"
hexed = bytes.fromhex


def load(name):
    return json.loads((HERE / f"{name}.json").read_text())


def u32(number):
    return number.to_bytes(4, "little")


def absorb(parts):
    return b"".join(len(part).to_bytes(8, "little") + part for part in parts)


def derive_key(domain, material):
    return blake3(material, derive_key_context=DOMAIN + domain).digest()


def hashed(domain, *parts):
    return derive_key(domain, absorb(parts))


def keyed(key, domain, *parts):
    return blake3(absorb(parts), key=derive_key(domain, key)).digest()


def message(domain, body):
    domain = (DOMAIN + domain).encode()
    return bytes([len(domain)]) + domain + body


def verify(public, domain, body, signature):
    VerifyKey(public).verify(message(domain, body), signature)


def untext(text, kind):
    """Bech32m without a limit on length."""
    found, data = text.rsplit("1", 1)
    assert found == kind
    values = ["qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(char) for char in data]
    residue = 1
    spread = [ord(c) >> 5 for c in kind] + [0] + [ord(c) & 31 for c in kind]
    for value in spread + values:
        top = residue >> 25
        residue = (residue & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]):
            residue ^= term if top >> bit & 1 else 0
    assert residue == 0x2BC830A3
    number = 0
    for value in values[:-6]:
        number = number << 5 | value
    bits = 5 * (len(values) - 6)
    assert number & ((1 << bits % 8) - 1) == 0
    return (number >> bits % 8).to_bytes(bits // 8, "big")


def padme(length):
    if length < 4:
        return length
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


def check_hash():
    file = load("hash")
    parts = [hexed(part) for part in file["parts"]]
    domain = file["domain"].removeprefix(DOMAIN)
    assert hashed(domain, *parts) == hexed(file["hash"])
    assert keyed(hexed(file["key"]), domain, *parts) == hexed(file["keyed_hash"])
    signed = SigningKey(hexed(file["signing_seed"])).sign(message("grant", hexed(file["message"])))
    assert signed.signature == hexed(file["signature"])
    root = SigningKey(hashed("phrase-root", hexed(file["phrase_seed"])))
    assert bytes(root.verify_key) == hexed(file["phrase_root_public"])


def check_authority():
    file = load("authority")
    person = untext(file["person"], "person")
    version, charter, statements = cbor2.loads(hexed(file["bytes"]))
    assert version == 1 and hashed("person-id", charter) == person
    version, root, recovery, next_root, salt = cbor2.loads(charter)
    assert version == 1 and len(recovery) == 1216 and next_root is None and len(salt) == 16
    previous = bytes(32)
    for index, (body, signature) in enumerate(statements):
        verify(root, "statement", body, signature)
        statement = cbor2.loads(body)
        assert statement[:5] == [1, person, root, index, previous]
        kind, device, sealing, transport, rank, consent = statement[5]
        assert kind == 0 and device == untext(file["device"], "device")
        assert transport == untext(file["transport"], "node")
        admission = [1, person, device, sealing, transport, rank]
        verify(device, "admission", cbor2.dumps(admission), consent)
        previous = hashed("statement-hash", body)
    return person, device


def check_slice(person):
    file = load("slice")
    version, kind, owner, salt = cbor2.loads(hexed(file["bytes"]))
    assert (version, kind, owner) == (1, 2, person)
    public = cbor2.dumps([1, kind, keyed(salt, "slice-owner", owner)])
    assert public == hexed(file["public_bytes"])
    assert hashed("slice-id", public) == untext(file["slice"], "slice")
    return hashed("slice-id", public)


def check_grant(device, slice_id):
    file = load("grant")
    body, signature = cbor2.loads(hexed(file["bytes"]))
    verify(device, "grant", body, signature)
    grant_id = hashed("grant-id", body)
    assert grant_id == untext(file["grant"], "grant")
    grant = cbor2.loads(body)
    assert len(grant) == 14 and grant[1] == slice_id and grant[3] == device
    assert grant[5:7] == [1, [3]] and grant[12] is None
    body, signature = cbor2.loads(hexed(load("revocation")["bytes"]))
    verify(device, "revocation", body, signature)
    assert cbor2.loads(body)[:3] == [1, slice_id, grant_id]


def check_part_key(device, slice_id):
    file = load("part-key")
    _, (body, signature), key = cbor2.loads(hexed(file["bytes"]))
    verify(device, "generation", body, signature)
    assert hashed("generation-id", body) == untext(file["generation"], "generation")
    record = cbor2.loads(body)
    assert record[:5] == [1, slice_id, 3, 0, []]
    assert record[5] == keyed(key, "key-commit", slice_id, u32(3)) == hexed(file["commit"])
    assert keyed(key, "key-access") == hexed(file["access_key"])
    return hashed("generation-id", body), key


def check_entries(device, slice_id, generation, key):
    file = load("entry")
    installation = untext(file["installation"], "installation")
    log = hexed(file["log"])
    membership = untext(file["membership"], "membership")
    seed = keyed(hexed(file["device_seed"]), "log-key", membership, installation, slice_id, u32(3))
    assert bytes(SigningKey(seed).verify_key) == log
    previous = bytes(32)
    for seq, entry in enumerate(file["entries"]):
        _, header, signature, payload = cbor2.loads(hexed(entry["bytes"]))
        verify(log, "entry", header, signature)
        prefix, payload_hash = header[:-32], header[-32:]
        assert payload_hash == hashed("entry-payload", payload)
        fields = cbor2.loads(prefix)
        assert fields[:7] == [1, slice_id, 3, generation, log, seq, previous]
        nonce = payload[:24]
        inside = xchacha_open(payload[24:], prefix, nonce, keyed(key, "key-entry"))
        assert len(inside) == fields[8]
        assert keyed(keyed(key, "key-nonce"), "entry-nonce", prefix, inside)[:24] == nonce
        length = int.from_bytes(inside[:4], "little")
        assert padme(4 + length) == len(inside) and not any(inside[4 + length :])
        version, binding, content = cbor2.loads(inside[4 : 4 + length])
        assert version == 1 and content == hexed(entry["content"])
        assert (binding is not None) == (seq == 0)
        if binding:
            assert binding[:4] == [1, membership, device, installation]
            claim = cbor2.dumps([1, membership, device, log, slice_id, 3, installation])
            verify(device, "log-by-device", claim, binding[4])
            verify(log, "log-by-log", claim, binding[5])
        previous = hashed("entry-header", header)
        assert previous == hexed(entry["header_hash"])


def check_text():
    file = load("text")
    assert untext(file["card"], "maille") == hexed(file["card_bytes"])
    link = file["link"].removeprefix("maille:share#")
    assert untext(link, "share") == hexed(file["link_bytes"])


check_hash()
person, device = check_authority()
slice_id = check_slice(person)
check_grant(device, slice_id)
check_entries(device, slice_id, *check_part_key(device, slice_id))
check_text()
print("all but the parcels read by the spec alone")
