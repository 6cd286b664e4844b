"""Ed25519 as the ledger asks for it: pure, strict, one spelling for each key and signature.

Source: audit specification, section 2, and RFC 8032. Strict: S below the group order; the encodings of A
and R canonical and on the curve; neither of small order; the equation without the cofactor. The
`cryptography` library checks S and the equation; how it treats the encodings depends on what it was built
with, so all of the rest is checked here.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Optional

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from .verdict import Malformed

KEY_BYTES = 32
SIGNATURE_BYTES = 64
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD = 2**255 - 19
D = -121665 * pow(121666, FIELD - 2, FIELD) % FIELD
SQRT_MINUS_ONE = pow(2, (FIELD - 1) // 4, FIELD)

Point = tuple[int, int]
"""Affine coordinates."""


class WeakKey(Malformed):
    """A public key that is no canonical encoding of a point, or of small order."""


def decompress(encoded: bytes) -> Optional[Point]:
    """The point of an encoding; None unless it is canonical and on the curve (RFC 8032, 5.1.3)."""
    if len(encoded) != KEY_BYTES:
        return None
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= FIELD:
        return None
    u, v = (y * y - 1) % FIELD, (D * y * y + 1) % FIELD
    x = u * pow(v, 3, FIELD) * pow(u * pow(v, 7, FIELD), (FIELD - 5) // 8, FIELD) % FIELD
    if (v * x * x - u) % FIELD != 0:
        x = x * SQRT_MINUS_ONE % FIELD
    if (v * x * x - u) % FIELD != 0 or (x == 0 and sign == 1):
        return None
    return (FIELD - x if x & 1 != sign else x, y)


def add(one: Point, other: Point) -> Point:
    """The sum of two points; the formula is complete on this curve."""
    (x1, y1), (x2, y2) = one, other
    crossed = D * x1 * x2 * y1 * y2 % FIELD
    x = (x1 * y2 + x2 * y1) * pow(1 + crossed, FIELD - 2, FIELD) % FIELD
    y = (y1 * y2 + x1 * x2) * pow(1 - crossed, FIELD - 2, FIELD) % FIELD
    return x, y


def of_small_order(point: Point) -> bool:
    """Whether eight times the point is the identity."""
    for _ in range(3):
        point = add(point, point)
    return point == (0, 1)


def _sound(encoded: bytes) -> bool:
    point = decompress(encoded)
    return point is not None and not of_small_order(point)


class PublicKey:
    """A key that may verify. Equal keys have equal bytes."""

    def __init__(self, encoded: bytes) -> None:
        """Takes 32 bytes. Raises WeakKey."""
        if not _sound(encoded):
            raise WeakKey("a public key that is no sound point")
        self._bytes = bytes(encoded)
        self._key = Ed25519PublicKey.from_public_bytes(self._bytes)

    def __bytes__(self) -> bytes:
        return self._bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self._bytes == other._bytes

    def __hash__(self) -> int:
        return hash(self._bytes)

    @property
    def keyid(self) -> str:
        """`ed25519:` and the first 16 hex of the key's SHA-256."""
        return "ed25519:" + hashlib.sha256(self._bytes).hexdigest()[:16]

    def verifies(self, message: bytes, signature: bytes) -> bool:
        """Whether it is this key's strict signature over these bytes."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        if int.from_bytes(signature[32:], "little") >= GROUP_ORDER or not _sound(signature[:32]):
            return False
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@lru_cache(maxsize=1_024)
def public_key(encoded: bytes) -> PublicKey:
    """As `PublicKey`, remembered. Raises WeakKey."""
    return PublicKey(encoded)


class SecretKey:
    """A key that signs. It is never printed."""

    def __init__(self, seed: bytes) -> None:
        """Takes the 32 bytes of RFC 8032. Raises Malformed."""
        if len(seed) != KEY_BYTES:
            raise Malformed(f"a secret key of {len(seed)} bytes")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @classmethod
    def generate(cls) -> "SecretKey":
        """A new key by the system's randomness."""
        private = Ed25519PrivateKey.generate()
        return cls(private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))

    @property
    def seed(self) -> bytes:
        """The 32 bytes it is made of: a secret."""
        return self._key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        return PublicKey(self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)
