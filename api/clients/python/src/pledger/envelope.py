"""DSSE envelopes: read strictly, printed in the one form that is stored and hashed.

Source: audit specification, section 2. Server order of refusal: size, envelope shape, base64, type,
signature; what follows is the payload's own (`pledger.canonical`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .ed25519 import SIGNATURE_BYTES, PublicKey, SecretKey
from .json_text import JsonObject, JsonValue, NotJson, read_json
from .pae import command_id, pae
from .text_forms import decode_base64_of_either_alphabet, encode_base64
from .verdict import Malformed

ENVELOPE_MAX = 16 * 1024
"""Bytes of a command's body that a server reads (API specification, section 5)."""


class EnvelopeRefused(Malformed):
    """An envelope that the ledger would not take; `code` is the problem code it would answer with."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code


@dataclass(frozen=True)
class Signature:
    """A signature with its key's id, which is a hint and yet must be right."""

    keyid: str
    sig: bytes


@dataclass(frozen=True)
class Envelope:
    """A payload, its type and who signed both."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    @classmethod
    def sign(cls, payload_type: str, payload: bytes, keys: Sequence[SecretKey]) -> "Envelope":
        """Signs exactly these bytes, in the order of the keys."""
        message = pae(payload_type, payload)
        signatures = tuple(Signature(key.public.keyid, key.sign(message)) for key in keys)
        return cls(payload_type, payload, signatures)

    @classmethod
    def parse(cls, data: bytes) -> "Envelope":
        """Reads any spelling that a server takes.

        Raises EnvelopeRefused: `body_too_large`, `body_not_json`, `envelope_malformed`,
        `envelope_unknown_member`, `signature_missing`.
        """
        if len(data) > ENVELOPE_MAX:
            raise EnvelopeRefused("body_too_large", f"more than {ENVELOPE_MAX} bytes")
        try:
            value = read_json(data)
        except NotJson as error:
            raise EnvelopeRefused("body_not_json", str(error)) from None
        top = _members(value, ("payload", "payloadType", "signatures"))
        payload_type, listed = top.get("payloadType"), top.get("signatures")
        if not isinstance(payload_type, str) or not isinstance(listed, tuple):
            raise EnvelopeRefused("envelope_malformed", "a member of another kind")
        if not listed:
            raise EnvelopeRefused("signature_missing", "no signature")
        signatures = [_members(item, ("keyid", "sig")) for item in listed]
        return cls(payload_type, _bytes_of(top.get("payload")), tuple(map(_signature, signatures)))

    def __bytes__(self) -> bytes:
        """The form that is stored, hashed and served."""
        value = {
            "payload": encode_base64(self.payload),
            "payloadType": self.payload_type,
            "signatures": [{"keyid": s.keyid, "sig": encode_base64(s.sig)} for s in self.signatures],
        }
        # The members are in order as written, and `json` escapes as RFC 8785 does.
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def id(self) -> bytes:
        """The command id, 32 bytes."""
        return command_id(self.payload_type, self.payload)

    @property
    def sha256(self) -> bytes:
        """The digest of the stored form, as record leaves have it."""
        return hashlib.sha256(bytes(self)).digest()

    def check(self, allowed_types: Iterable[str], keys: Sequence[PublicKey], signers: int = 1) -> None:
        """Type, number of signatures and the first one, by one of the author's keys.

        Raises EnvelopeRefused: `payload_type_unknown`, `envelope_malformed`, `keyid_mismatch`,
        `signature_invalid`.
        """
        if self.payload_type not in allowed_types:
            raise EnvelopeRefused("payload_type_unknown", self.payload_type[:80])
        if len(self.signatures) != signers:
            raise EnvelopeRefused("envelope_malformed", f"{len(self.signatures)} signatures, not {signers}")
        message, first = pae(self.payload_type, self.payload), self.signatures[0]
        signer = next((key for key in keys if key.verifies(message, first.sig)), None)
        if signer is None:
            raise EnvelopeRefused("signature_invalid", "no key of the author's made it")
        if signer.keyid != first.keyid:
            raise EnvelopeRefused("keyid_mismatch", f"{first.keyid[:40]} where {signer.keyid} signed")


def _members(value: JsonValue, names: tuple[str, ...]) -> JsonObject:
    if not isinstance(value, JsonObject):
        raise EnvelopeRefused("envelope_malformed", "not an object")
    given = value.names()
    for name in given:
        if name not in names:
            raise EnvelopeRefused("envelope_unknown_member", name[:80])
    if sorted(given) != sorted(names):
        raise EnvelopeRefused("envelope_malformed", "a member is missing or there twice")
    return value


def _signature(members: JsonObject) -> Signature:
    keyid, sig = members.get("keyid"), _bytes_of(members.get("sig"))
    if not isinstance(keyid, str) or len(sig) != SIGNATURE_BYTES:
        raise EnvelopeRefused("envelope_malformed", "a signature that is not 64 bytes with a keyid")
    return Signature(keyid, sig)


def _bytes_of(value: JsonValue) -> bytes:
    if not isinstance(value, str):
        raise EnvelopeRefused("envelope_malformed", "base64 is not text")
    try:
        return decode_base64_of_either_alphabet(value)
    except Malformed as error:
        raise EnvelopeRefused("envelope_malformed", str(error)) from None
