"""DSSE v1 pre-authentication encoding, and the ids that follow from it.

Source: audit specification, section 2. The same payload under two types has two encodings, so no
signature moves from one purpose to another.
"""

from __future__ import annotations

import hashlib

COMMAND = "application/vnd.pledger.command.v1+json"
APPROVAL = "application/vnd.pledger.approval.v1+json"
SESSION = "application/vnd.pledger.session.v1+json"


def pae(payload_type: str, payload: bytes) -> bytes:
    """`"DSSEv1" SP len(type) SP type SP len(payload) SP payload`, lengths in bytes.

    >>> pae("t", b"hello")
    b'DSSEv1 1 t 5 hello'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def command_id(payload_type: str, payload: bytes) -> bytes:
    """SHA-256 of the encoding: 32 bytes, the id whatever the envelope's text."""
    return hashlib.sha256(pae(payload_type, payload)).digest()
