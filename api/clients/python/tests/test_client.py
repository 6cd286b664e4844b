"""What the client does with answers of every kind, against a server of a few lines on loopback."""

from __future__ import annotations

import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from golden import golden

from pledger.client import Client, Problem
from pledger.envelope import Envelope
from pledger.policy import Policy
from pledger.transport import origin_of, send
from pledger.verdict import Contradiction, Malformed, Unreachable

_RECORD = golden("golden_chain")["records"][2]
_ENVELOPE = Envelope.parse(_RECORD["envelope_jcs"].encode())
_RECEIPT = {
    "command_id": _RECORD["pae_sha256_command_id"],
    "seq": _RECORD["seq"],
    "recorded_at": _RECORD["recorded_at"],
    "status": "applied",
    "effects": [],
    "envelope_sha256": _RECORD["envelope_sha256"],
    "stage": "published",
    "checkpoint_size": "3",
    "proof": golden("golden_chain")["tlog_proof_of_2"],
}


class ScriptedServer:
    """Answers in turn what it was told: (status, body) or None to hang up without a word."""

    def __init__(self, *answers: "tuple[int, Any] | None") -> None:
        self.got: list[bytes] = []
        left, got = list(answers), self.got

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append(self.rfile.read(int(self.headers.get("content-length", 0))))
                self.answer()

            def do_GET(self) -> None:
                self.answer()

            def answer(self) -> None:
                answer = left.pop(0)
                if answer is None:
                    self.close_connection = True
                    return
                status, body = answer
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                if status == 302:
                    self.send_header("location", "/elsewhere")
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _problem(status: int, code: str, **more: object) -> "tuple[int, Any]":
    return status, {"status": str(status), "code": code, "detail": "told", **more}


class Submitting(unittest.TestCase):
    def _submit(self, *answers: "tuple[int, Any] | None", tries: int = 5) -> "tuple[ScriptedServer, list[float], Any]":
        waits: list[float] = []
        with ScriptedServer(*answers) as server:
            try:
                outcome: Any = Client(server.url, tries, waits.append).submit(_ENVELOPE)
            except (Problem, Unreachable, Malformed) as error:
                outcome = error
        return server, waits, outcome

    def test_the_same_bytes_are_sent_again_until_the_outcome_is_known(self) -> None:
        server, waits, receipt = self._submit(
            None,
            _problem(503, "overloaded", retry_after=7),
            _problem(429, "rate_limited", retry_after="3"),
            _problem(503, "read_only", retry_after="soon"),
            (200, _RECEIPT),
        )
        self.assertEqual(receipt.seq, 2)
        self.assertEqual(waits, [1.0, 7.0, 3.0, 1.0])
        self.assertEqual(server.got, [bytes(_ENVELOPE)] * 5)

    def test_a_refusal_is_final(self) -> None:
        for status, code in (
            (400, "body_schema"),
            (401, "key_unknown"),
            (409, "expired"),
            (422, "asset_mismatch"),
            (500, "internal"),
        ):
            server, waits, problem = self._submit(_problem(status, code))
            self.assertIsInstance(problem, Problem)
            self.assertEqual((problem.status, problem.code, waits, len(server.got)), (status, code, [], 1))

    def test_tries_are_bounded(self) -> None:
        server, waits, problem = self._submit(*[_problem(503, "overloaded", retry_after=10**12)] * 3, tries=3)
        self.assertEqual((problem.code, waits, len(server.got)), ("overloaded", [60.0, 60.0], 3))
        _, _, error = self._submit(None, None, tries=2)
        self.assertIsInstance(error, Unreachable)

    def test_answers_that_are_no_receipts(self) -> None:
        bodies: list[Any] = [
            b"",
            b"hello",
            [],
            {},
            {**_RECEIPT, "seq": 2},
            {**_RECEIPT, "proof": 1},
            {**_RECEIPT, "command_id": "x"},
        ]
        for body in bodies:
            _, _, error = self._submit((201, body))
            self.assertIsInstance(error, Malformed, body)
        _, _, problem = self._submit((418, b"<html>"))
        self.assertEqual((problem.status, problem.code), (418, ""))

    def test_a_receipt_must_say_what_it_proves(self) -> None:
        policy = Policy.parse(golden("golden_chain")["policy"]["text"])
        _, _, receipt = self._submit((201, _RECEIPT))
        self.assertEqual(receipt.verify(_ENVELOPE, policy).record.seq, 2)
        for member, value, error in (
            ("seq", "1", Contradiction),
            ("recorded_at", "2026-01-02T03:04:05.913Z", Contradiction),
            ("command_id", "0" * 64, Contradiction),
            ("envelope_sha256", "0" * 64, Contradiction),
            ("proof", None, Malformed),
        ):
            _, _, receipt = self._submit((201, {**_RECEIPT, member: value}))
            with self.subTest(member), self.assertRaises(error):
                receipt.verify(_ENVELOPE, policy)
        other = Envelope.parse(golden("golden_chain")["records"][1]["envelope_jcs"].encode())
        _, _, receipt = self._submit((201, _RECEIPT))
        with self.assertRaises(Contradiction):
            receipt.verify(other, policy)


class Transport(unittest.TestCase):
    def test_limits_and_redirects(self) -> None:
        with ScriptedServer((200, b"x" * 101), (200, b"x" * 100), (302, b"")) as server:
            with self.assertRaises(Unreachable):
                send("GET", server.url, limit=100)
            self.assertEqual(len(send("GET", server.url, limit=100).body), 100)
            self.assertEqual(send("GET", server.url).status, 302)

    def test_urls(self) -> None:
        for url in ("https://ledger.example/", "http://127.0.0.1:8080", "http://[::1]:1", "http://localhost"):
            self.assertEqual(origin_of(url), url.rstrip("/"))
        for url in (
            "",
            "ledger.example",
            "http://ledger.example",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
            "https://u@l.example",
            "https://l.example/path",
            "https://l.example?x=1",
            "http://127.0.0.1.example",
            "http://[::1",
        ):
            with self.subTest(url), self.assertRaises(Unreachable):
                origin_of(url)

    def test_nobody_there(self) -> None:
        with ScriptedServer() as server:
            url = server.url
        with self.assertRaises(Unreachable):
            send("GET", url)


if __name__ == "__main__":
    unittest.main()
