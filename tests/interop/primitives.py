"""The cryptography of the spec's section 2, on top of packages: blake3, cryptography (OpenSSL), PyNaCl (libsodium)."""

import hashlib
import hmac

from blake3 import blake3
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt
from nacl.exceptions import CryptoError

from wire import Refused, raw, require

DOMAIN = "maille/1/"


def u32(number):
    return number.to_bytes(4, "little")


def u64(number):
    return number.to_bytes(8, "little")


# Hashes


def derive_key(domain, material):
    return blake3(material, derive_key_context=DOMAIN + domain).digest()


def with_lengths(parts):
    return b"".join(parts) + b"".join(u64(len(part)) for part in parts)


def hashed(domain, *parts):
    return derive_key(domain, with_lengths(parts))


def keyed(key, domain, *parts):
    return blake3(with_lengths(parts), key=derive_key(domain, key)).digest()


# Signatures

FIELD = 2**255 - 19
# The y coordinates of the eight points whose order divides 8. Doubling one of order 8 gives y = 0: d y^4 + 2 y^2 = 1.
Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
assert (-121665 * Y8**4 + 121666 * (2 * Y8**2 - 1)) % FIELD == 0
SMALL_ORDER = {0, 1, FIELD - 1, Y8, FIELD - Y8}


def small_order(point):
    return (int.from_bytes(point, "little") & (1 << 255) - 1) % FIELD in SMALL_ORDER


def message(domain, body):
    domain = (DOMAIN + domain).encode()
    return bytes([len(domain)]) + domain + body


def public_of(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed, domain, body):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message(domain, body))


def verify(public, domain, body, signature):
    """Strictly: OpenSSL compares the bytes of R without a cofactor and wants S below the order; it takes weak points."""
    weak = small_order(public) or small_order(signature[:32])
    require(not weak, "signature", "a point of small order")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message(domain, body))
    except InvalidSignature:
        raise Refused("signature", f"not a signature for {domain}") from None


# Ciphers


def open_chacha(key, nonce, sealed, aad):
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        raise Refused("open", "does not open") from None


def open_xchacha(key, nonce, sealed, aad):
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, aad, nonce, key)
    except CryptoError:
        raise Refused("open", "does not open") from None


# X-Wing: ML-KEM-768 and X25519 (draft-connolly-cfrg-xwing-kem)

SEALING_KEY_BYTES = 1184 + 32
ENCAPSULATION_BYTES = 1088 + 32
LABEL = rb"\.//^" + b"\\"


class SealingSecret:
    def __init__(self, seed):
        expanded = hashlib.shake_256(seed).digest(96)
        self.ml_kem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        self.x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
        self.x25519_public = self.x25519.public_key().public_bytes_raw()
        self.public = self.ml_kem.public_key().public_bytes_raw() + self.x25519_public

    def decapsulate(self, encapsulation):
        first, second = encapsulation[:1088], encapsulation[1088:]
        shared_ml_kem = self.ml_kem.decapsulate(first)
        shared_x25519 = self.x25519.exchange(X25519PublicKey.from_public_bytes(second))
        return hashlib.sha3_256(shared_ml_kem + shared_x25519 + second + self.x25519_public + LABEL).digest()


def sealing_key(reader):
    """An item of `wire`: an X-Wing public key whose ML-KEM half is valid."""
    public = raw(SEALING_KEY_BYTES)(reader)
    try:
        MLKEM768PublicKey.from_public_bytes(public[:1184])
    except ValueError:
        raise Refused("form", "the ML-KEM half of a sealing key is not valid") from None
    return public


# HPKE, base mode (RFC 9180, section 5.1)

SUITE = b"HPKE" + (0x647A).to_bytes(2, "big") + (1).to_bytes(2, "big") + (3).to_bytes(2, "big")


def labeled_extract(salt, label, material):
    return hmac.digest(salt, b"HPKE-v1" + SUITE + label + material, "sha256")


def labeled_expand(secret, label, info, length):
    """One block of HKDF-Expand is enough: `length` is at most 32."""
    info = length.to_bytes(2, "big") + b"HPKE-v1" + SUITE + label + info
    return hmac.digest(secret, info + b"\x01", "sha256")[:length]


def open_box(secret, domain, aad, box):
    """Opens an encapsulation, a ciphertext and a tag, with `domain` as the info."""
    require(len(box) >= ENCAPSULATION_BYTES + 16, "open", "shorter than an empty box")
    shared = secret.decapsulate(box[:ENCAPSULATION_BYTES])
    info = (DOMAIN + domain).encode()
    context = b"\x00" + labeled_extract(b"", b"psk_id_hash", b"") + labeled_extract(b"", b"info_hash", info)
    key_secret = labeled_extract(shared, b"secret", b"")
    key = labeled_expand(key_secret, b"key", context, 32)
    nonce = labeled_expand(key_secret, b"base_nonce", context, 12)
    return open_chacha(key, nonce, box[ENCAPSULATION_BYTES:], aad)
