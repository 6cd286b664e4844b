"""Drafting commands, approvals and session payloads: canonical bytes, ready to be read and signed.

Source: audit specification, section 1; API specification, sections 2 and 5.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping
from typing import Optional

from .canonical import PayloadRefused, TreeInput, canonical, read_payload
from .pae import APPROVAL, COMMAND
from .times import now, parse_time, print_time
from .verdict import Malformed

EXPIRY_MAX_MS = 604_800_000
"""Seven days: the latest that a command may expire after it is recorded."""
EXPIRES_IN_MS = 10 * 60 * 1_000
SESSION_EXPIRES_IN_MS = 60 * 1_000
TWO_SIGNATURES = ("party.register", "key.add", "key.rotate")
"""Commands that bring a new key, which signs second as proof of possession."""

_IDEMPOTENCY_KEY = re.compile(r"[A-Za-z0-9_-]{22,64}\Z")


def new_idempotency_key() -> str:
    """16 random bytes: a key without entropy would let strangers test guesses of the body by its id."""
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


def type_of_payload(command_type: str) -> str:
    """The payload type that a command's type is signed under.

    >>> type_of_payload("approval.give")
    'application/vnd.pledger.approval.v1+json'
    """
    return APPROVAL if command_type.startswith("approval.") else COMMAND


def draft(
    command_type: str,
    ledger: str,
    author: str,
    body: Mapping[str, TreeInput],
    expires_at: Optional[str] = None,
    idempotency_key: Optional[str] = None,
    effective_at: Optional[str] = None,
) -> bytes:
    """The canonical payload of a command or approval; it expires ten minutes from now unless said.

    Raises PayloadRefused if it has no canonical form under the profile or is too large, Malformed for
    a time or an idempotency key in another form.
    """
    expires_at = expires_at or print_time(now() + EXPIRES_IN_MS)
    idempotency_key = idempotency_key or new_idempotency_key()
    parse_time(expires_at)
    if not _IDEMPOTENCY_KEY.match(idempotency_key):
        raise Malformed("an idempotency key is 22 to 64 of A-Z a-z 0-9 _ -")
    members: dict[str, TreeInput] = {
        "author": author,
        "body": body,
        "expires_at": expires_at,
        "idempotency_key": idempotency_key,
        "ledger": ledger,
        "type": command_type,
    }
    if effective_at is not None:
        parse_time(effective_at)
        members["effective_at"] = effective_at
    payload = canonical(members)
    read_payload(payload, type_of_payload(command_type))
    return payload


def session_payload(ledger: str, author: str, audience: str, challenge: str) -> bytes:
    """What opens a session. `audience` is the origin talked to, so that a look-alike cannot pass it on."""
    return canonical(
        {
            "audience": audience,
            "author": author,
            "challenge": challenge,
            "expires_at": print_time(now() + SESSION_EXPIRES_IN_MS),
            "ledger": ledger,
            "type": "session.open",
        }
    )


def signatures_asked(payload: bytes) -> int:
    """How many signatures a command's payload takes. Raises PayloadRefused."""
    tree = read_payload(payload, COMMAND)
    kind = tree.get("type")
    if not isinstance(kind, str):
        raise PayloadRefused("type_unknown", "no type")
    return 2 if kind in TWO_SIGNATURES else 1
