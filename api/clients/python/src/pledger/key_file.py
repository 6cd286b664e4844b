"""Key files: Ed25519 private keys as PKCS #8 in PEM, in both of its versions.

`pledger keys new` writes version 2 (RFC 8410, section 7: the public key comes along), which OpenSSL 3.0 and
the `cryptography` library do not read; openssl itself writes version 1. DER is one encoding, so both are a
fixed frame around 32 bytes.
"""

from __future__ import annotations

import base64
import binascii

from .ed25519 import KEY_BYTES, SecretKey
from .verdict import Malformed

_VERSION_1 = bytes.fromhex("302e020100300506032b657004220420")
_VERSION_2 = bytes.fromhex("3051020101300506032b657004220420")
_PUBLIC = bytes.fromhex("812100")
_BEGIN, _END = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"


def read_key_file(data: bytes) -> SecretKey:
    """The key of a PEM text without a passphrase. Raises Malformed, also if its two halves do not belong together."""
    lines = data.decode("ascii", "replace").strip().splitlines()
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise Malformed("no PKCS #8 key in PEM without a passphrase")
    try:
        der = base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error:
        raise Malformed("a key file that is not base64") from None
    seed_end = len(_VERSION_1) + KEY_BYTES
    seed, rest = der[len(_VERSION_1) : seed_end], der[seed_end:]
    if der.startswith(_VERSION_1) and len(seed) == KEY_BYTES and not rest:
        return SecretKey(seed)
    if der.startswith(_VERSION_2) and len(der) == seed_end + len(_PUBLIC) + KEY_BYTES and rest.startswith(_PUBLIC):
        key = SecretKey(seed)
        if bytes(key.public) == rest[len(_PUBLIC) :]:
            return key
        raise Malformed("a key file with the public half of another key")
    raise Malformed("a key file that holds no Ed25519 key")


def print_key_file(key: SecretKey) -> bytes:
    """The file's bytes, in version 1, which every reader takes: a secret."""
    text = base64.b64encode(_VERSION_1 + key.seed).decode()
    return f"{_BEGIN}\n{text}\n{_END}\n".encode()
