"""A party's client of a ledger's HTTP interface.

Source: API specification, sections 1 to 3 and 5. One write, `submit`; everything else reads. What a server
says is believed only where it is verified: `submit_and_verify` gives a record that the log has signed.
"""

from __future__ import annotations

import hashlib
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Optional

from .checkpoint import Checkpoint
from .command import session_payload
from .ed25519 import SecretKey
from .envelope import Envelope
from .json_text import JsonNumber, JsonObject, JsonValue, NotJson, read_json
from .log_reader import LogReader, fetch_over_http
from .merkle import verify_consistency
from .pae import SESSION
from .policy import Policy
from .receipt import VerifiedReceipt, verify_receipt
from .text_forms import decode_hex, parse_decimal, parse_hash, utf8
from .times import parse_time
from .transport import Answer, origin_of, send
from .verdict import Contradiction, Malformed, Unreachable

TRIES = 5
RETRY_AFTER_SECONDS = 1.0
RETRY_AFTER_MAX_SECONDS = 60.0
_TRY_AGAIN = (429, 503)


class Problem(Exception):
    """A refusal, as the server told it (RFC 9457): `status`, `code` and what it says."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        try:
            value = read_json(body)
        except NotJson:
            value = None
        self.members = value if isinstance(value, JsonObject) else JsonObject(())
        code = self.members.get("code")
        self.code = code if isinstance(code, str) else ""
        super().__init__(f"{status} {self.code}: {self.members.get('detail') or 'no detail'}")

    @property
    def may_be_sent_again(self) -> bool:
        """Whether the same bytes may yet be taken: overload and stops pass, refusals by rule do not."""
        return self.status in _TRY_AGAIN


@dataclass(frozen=True)
class Receipt:
    """What a server answers to a command it recorded; `proof` is a tlog-proof from `published` on."""

    command_id: bytes
    seq: int
    recorded_at: int
    status: str
    stage: str
    envelope_sha256: bytes
    proof: Optional[str]
    replayed: bool
    members: JsonObject

    @classmethod
    def read(cls, answer: Answer) -> "Receipt":
        """Raises Malformed."""
        members = _object(answer.body)
        proof = members.get("proof")
        if proof is not None and not isinstance(proof, str):
            raise Malformed("a receipt whose proof is no text")
        return cls(
            command_id=_digest(members, "command_id"),
            seq=parse_decimal(_text(members, "seq")),
            recorded_at=parse_time(_text(members, "recorded_at")),
            status=_text(members, "status"),
            stage=_text(members, "stage"),
            envelope_sha256=_digest(members, "envelope_sha256"),
            proof=proof,
            replayed=answer.headers.get("idempotent-replayed") == "true",
            members=members,
        )

    def verify(self, envelope: Envelope, policy: Policy) -> VerifiedReceipt:
        """That the log has signed a tree with this very command at this place and time.

        Raises as `verify_receipt`; Malformed while there is no proof yet.
        """
        if self.proof is None:
            raise Malformed(f"no proof at stage {self.stage}")
        verified = verify_receipt(self.proof, policy, bytes(envelope))
        record = verified.record
        if (record.seq, record.recorded_at) != (self.seq, self.recorded_at):
            raise Contradiction("the answer says another place or time than its proof")
        if (record.command_id, record.envelope_sha256) != (self.command_id, self.envelope_sha256):
            raise Contradiction("the answer says other digests than its proof")
        return verified


class Client:
    """One server, and one party's session with it, if one was opened."""

    def __init__(self, url: str, tries: int = TRIES, wait: Callable[[float], None] = time.sleep) -> None:
        """`tries` bounds how often a command is sent; `wait` is what passes the seconds in between.

        Raises Unreachable for a URL that is no server's, and for plain HTTP beyond loopback.
        """
        self.url = origin_of(url)
        self._tries = max(1, tries)
        self._wait = wait
        self._token: Optional[str] = None

    def sign_in(self, ledger: str, party: str, key: SecretKey) -> None:
        """Opens a session by a signed challenge; reads and uploads go under it.

        Raises Problem, Unreachable, Malformed.
        """
        challenge = _text(self.get("/v1/session/challenge"), "challenge")
        payload = session_payload(ledger, party, self.url, challenge)
        envelope = Envelope.sign(SESSION, payload, [key])
        self._token = _text(_object(self._sent("POST", "/v1/session", bytes(envelope)).body), "token")

    def submit(self, envelope: Envelope, wait_for: str = "published") -> Receipt:
        """Sends a signed command until it is recorded or refused.

        The same bytes again are the same command, so whatever leaves the outcome open is answered by
        sending them again: no answer at all, 429 and 503. Every other problem is final. Raises Problem,
        Unreachable (the outcome is unknown), Malformed.
        """
        path, body = f"/v1/commands?wait={wait_for}", bytes(envelope)
        for tries_left in reversed(range(self._tries)):
            try:
                return Receipt.read(self._sent("POST", path, body))
            except Unreachable:
                if not tries_left:
                    raise
                pause = RETRY_AFTER_SECONDS
            except Problem as problem:
                if not tries_left or not problem.may_be_sent_again:
                    raise
                pause = _retry_after(problem)
            self._wait(pause)
        raise AssertionError("the last try returns or raises")

    def submit_and_verify(self, envelope: Envelope, policy: Policy) -> VerifiedReceipt:
        """`submit`, and that the receipt proves it. Raises as both."""
        return self.submit(envelope).verify(envelope, policy)

    def upload(self, document: bytes) -> str:
        """Brings a document that a command will name; gives `sha256:<hex>`. Raises Problem, Unreachable."""
        digest = hashlib.sha256(document).hexdigest()
        self._sent("PUT", f"/v1/documents/{digest}", document)
        return f"sha256:{digest}"

    def get(self, path: str) -> JsonObject:
        """Reads an object. Raises Problem, Unreachable, Malformed."""
        return _object(self._sent("GET", path).body)

    def receipt(self, seq: int) -> str:
        """The tlog-proof of a record. Raises as `get`."""
        return utf8(self._sent("GET", f"/v1/records/{seq}/proof").body)

    def balance_proof(self, account: str, seal: str = "latest") -> str:
        """The offline proof of an account's balance in a seal, named by its record's number. Raises as `get`."""
        query = urllib.parse.urlencode({"account": account})
        return utf8(self._sent("GET", f"/v1/seals/{seal}/balance-proof?{query}").body)

    def log(self) -> LogReader:
        """The public log of the same server."""
        return LogReader(fetch_over_http(self.url))

    def check_consistency(self, old: Checkpoint, new: Checkpoint) -> None:
        """That the log went on from the one to the other, by the server's own proof.

        Raises WrongHash, Contradiction, Problem, Unreachable, Malformed.
        """
        answer = self.get(f"/v1/consistency?from={old.size}&to={new.size}")
        listed = answer.get("hashes")
        if not isinstance(listed, tuple) or not all(isinstance(item, str) for item in listed):
            raise Malformed("a consistency proof that is no list of hashes")
        path = [parse_hash(str(item)) for item in listed]
        verify_consistency(old.size, old.root, new.size, new.root, path)

    def _sent(self, method: str, path: str, body: Optional[bytes] = None) -> Answer:
        headers = {"content-type": "application/json"} if body is not None else {}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        answer = send(method, self.url + path, body, headers)
        if not 200 <= answer.status < 300:
            raise Problem(answer.status, answer.body)
        return answer


def _retry_after(problem: Problem) -> float:
    asked = problem.members.get("retry_after")
    text = asked.text if isinstance(asked, JsonNumber) else asked
    if not isinstance(text, str) or not text.isascii() or not text.isdigit():
        return RETRY_AFTER_SECONDS
    return float(min(int(text[:9]), RETRY_AFTER_MAX_SECONDS))


def _object(body: bytes) -> JsonObject:
    value = read_json(body)
    if not isinstance(value, JsonObject):
        raise Malformed("an answer that is no object")
    return value


def _text(members: JsonObject, name: str) -> str:
    value: JsonValue = members.get(name)
    if not isinstance(value, str):
        raise Malformed(f"an answer without {name!r}")
    return value


def _digest(members: JsonObject, name: str) -> bytes:
    return decode_hex(_text(members, name), 32)
