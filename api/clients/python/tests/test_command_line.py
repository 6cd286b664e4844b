"""`python -m pledger`: exit codes, what is printed where, and what is refused before anything is signed."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from golden import golden, golden_key

from pledger.command_line import main
from pledger.ed25519 import SecretKey
from pledger.envelope import Envelope
from pledger.key_file import print_key_file


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class CommandLine(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name)
        self.chain = golden("golden_chain")
        self.policy = self.file("policy", self.chain["policy"]["text"])

    def file(self, name: str, text: str) -> str:
        (self.path / name).write_bytes(text.encode())
        return str(self.path / name)

    def run_main(self, *arguments: str) -> "tuple[int, str, str]":
        said, told = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
            try:
                code = main(arguments)
            except SystemExit as ended:
                code = int(ended.code or 0)
        return code, said.getvalue(), told.getvalue()

    def test_verify_has_three_results(self) -> None:
        receipt, record = self.chain["tlog_proof_of_2"], self.chain["records"][2]
        good, payload = self.file("r.tlog-proof", receipt), self.file("payload", record["payload"])
        other = self.file("other", self.chain["records"][1]["payload"])
        balance = golden("golden_balance")
        log = self.chain["keys"][2]["vkey"]
        for result, *arguments in (
            (0, "--proof", good, "--policy", self.policy),
            (0, "--proof", good, "--vkey", log),
            (0, "--proof", good, "--vkey", log, "--payload", payload),
            (1, "--proof", good, "--vkey", log, "--payload", other),
            (1, "--proof", self.file("moved", receipt.replace("index 2", "index 1")), "--vkey", log),
            (2, "--proof", good, "--vkey", balance["log_vkey"]),
            (0, "--proof", self.file("balance", balance["balance_proof"]), "--vkey", balance["log_vkey"]),
            (1, "--proof", self.file("fork", golden("fork_evidence")[0]["text"]), "--vkey", log),
            (2, "--proof", self.file("same", golden("fork_evidence")[2]["text"]), "--vkey", log),
            (2, "--proof", self.file("empty", ""), "--vkey", log),
            (2, "--proof", str(self.path / "absent"), "--vkey", log),
            (2, "--proof", good, "--vkey", "nonsense"),
            (2, "--proof", good, "--policy", good),
            (2, "--proof", good),
            (2, "--proof", good, "--vkey", log, "--save", str(self.path / "kept")),
            (2, "--url", "http://127.0.0.1:1", "--vkey", log),
            (2, "--url", "http://ledger.example", "--vkey", log),
        ):
            with self.subTest(arguments):
                code, said, told = self.run_main("verify", *arguments)
                self.assertEqual(code, result, said + told)
        _, said, _ = self.run_main("verify", "--proof", good, "--policy", self.policy)
        root = self.chain["roots_hex_by_size"][3]
        self.assertEqual(said.splitlines()[-1], f"RESULT good origin={self.chain['origin']} size=3 root={root}")
        _, said, _ = self.run_main("verify", "--proof", good, "--policy", self.policy, "--json")
        self.assertEqual(json.loads(said)["cosigned_by"], ["w1", "w2"])

    def test_sign_shows_what_it_signs_and_asks(self) -> None:
        key = SecretKey(golden_key("/acme"))
        (self.path / "key.pem").write_bytes(print_key_file(key))
        asked = (
            "sign",
            "--type",
            "asset.suspend",
            "--ledger",
            "l.example/x",
            "--author",
            "pb",
            "--key",
            str(self.path / "key.pem"),
        )
        body = ("--body", self.file("body", '{"reason": "\u00e9 \\"now\\"", "asset": "BTC"}'))
        code, said, told = self.run_main(*asked, *body, "--yes")
        envelope = Envelope.parse(said.strip().encode())
        envelope.check(("application/vnd.pledger.command.v1+json",), [key.public])
        self.assertEqual((code, "body.reason" in told, "'BTC'" in told), (0, True, True))
        for stdin, result in (
            (io.StringIO("yes\n"), 2),
            (_Terminal("no\n"), 2),
            (_Terminal(""), 2),
            (_Terminal("yes\n"), 0),
        ):
            with mock.patch("sys.stdin", stdin):
                code, said, _ = self.run_main(*asked, *body)
            self.assertEqual((code, said != ""), (result, result == 0))
        for text in ("", "[]", '{"a":1}', '{"a":null}', '{"a":"x","a":"y"}', '{"A":"x"}', '{"a":"\\n"}'):
            with self.subTest(text):
                code, said, _ = self.run_main(*asked, "--body", self.file("bad", text), "--yes")
                self.assertEqual((code, said), (2, ""))
        for more in (
            ("--expires-at", "soon"),
            ("--new-key", str(self.path / "key.pem")),
            ("--idempotency-key", "1"),
        ):
            self.assertEqual(self.run_main(*asked, *body, "--yes", *more)[:2], (2, ""))

    def test_submit_without_a_server(self) -> None:
        envelope = self.file("e.dsse", self.chain["records"][2]["envelope_jcs"])
        self.assertEqual(self.run_main("submit", self.policy, "--url", "http://127.0.0.1:1")[0], 2)
        self.assertEqual(self.run_main("submit", envelope, "--url", "http://ledger.example")[0], 6)

    def test_it_runs_as_a_module(self) -> None:
        source = str(Path(__file__).resolve().parents[1] / "src")
        arguments = [
            "verify",
            "--proof",
            self.file("r", self.chain["tlog_proof_of_2"]),
            "--policy",
            self.policy,
        ]
        done = subprocess.run(
            [sys.executable, "-m", "pledger", *arguments],
            env={**os.environ, "PYTHONPATH": source},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
