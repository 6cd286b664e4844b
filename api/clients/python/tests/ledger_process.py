"""The real `pledger` program with a ledger of its own in a temporary directory, on a free loopback port."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from types import TracebackType
from typing import Any, Optional

from golden import REPOSITORY

from pledger.client import Client, Receipt
from pledger.command import draft, signatures_asked, type_of_payload
from pledger.ed25519 import SecretKey
from pledger.envelope import Envelope
from pledger.key_file import print_key_file, read_key_file
from pledger.note import NoteSigner
from pledger.policy import Policy, policy_of
from pledger.text_forms import encode_base64
from pledger.vkey import KeyType, VerifierKey

ORIGIN = "ledger.example/python"
OPERATOR = "pb"


def program() -> Path:
    """`PLEDGER_BIN`, else the debug program of this repository. Fails the test if there is none."""
    named = os.environ.get("PLEDGER_BIN")
    path = Path(named) if named else REPOSITORY / "target" / "debug" / "pledger"
    if not path.is_file():
        raise AssertionError(f"{path}: no program; `cargo build --bin pledger` makes it, PLEDGER_BIN names another")
    return path


class LedgerProcess:
    """A ledger being served, its operator `pb`, and whoever is registered with it."""

    def __init__(self, is_witnessed: bool = False) -> None:
        self._is_witnessed = is_witnessed
        self._directory = tempfile.TemporaryDirectory(prefix="pledger-python-")
        self.path = Path(self._directory.name)
        self._processes: list[subprocess.Popen[str]] = []
        self.url = ""
        self.keys: dict[str, SecretKey] = {}
        self.vkey: VerifierKey
        self.witness_policy = Policy()
        self._clients: dict[str, Client] = {}

    def __enter__(self) -> "LedgerProcess":
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: "type[BaseException] | BaseException | TracebackType | None") -> None:
        self.close()

    def _start(self) -> None:
        home = self.path / "ledger"
        arguments = ["--origin", ORIGIN, "--operator", OPERATOR, "--legal-name", "PB One LLC"]
        arguments += self._witness() if self._is_witnessed else []
        made = json.loads(self.run("init", "--dir", str(home), *arguments))
        self.vkey = VerifierKey.parse(made["vkey"])
        self.keys[OPERATOR] = read_key_file(Path(made["operator_key"]).read_bytes())
        self.url = self._listen("serve", "--dir", str(home))

    def _witness(self) -> list[str]:
        """A witness of another organisation, with keys made here; gives what `init` takes for its policy."""
        log = NoteSigner(ORIGIN, KeyType.LOG_ED25519, SecretKey.generate())
        witness = NoteSigner("witness.example/w1", KeyType.COSIGNATURE_V1, SecretKey.generate())
        for name, signer in (("log", log), ("witness", witness)):
            key_file = self.path / f"{name}.pem"
            key_file.touch(mode=0o600)
            key_file.write_bytes(print_key_file(signer.key))
        settings = self.path / "witness.toml"
        settings.write_text(
            f'name = "{witness.name}"\nkey = "witness.pem"\nstate = "state"\n'
            f'[[log]]\norigin = "{ORIGIN}"\nvkeys = ["{log.verifier}"]\n'
        )
        url = self._listen("witness", "--first-start", "--config", str(settings))
        text = f"log {log.verifier}\nwitness w1 {witness.verifier} {url}\nquorum w1\n"
        self.witness_policy = Policy.parse(text)
        policy = self.path / "witnesses.policy"
        policy.write_text(text)
        return ["--log-key", str(self.path / "log.pem"), "--witness-policy", str(policy)]

    def _listen(self, *arguments: str) -> str:
        """Starts a server on a free port and waits for the line that says where."""
        process = subprocess.Popen(
            [str(program()), *arguments, "--listen", "127.0.0.1:0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PLEDGER_LOG": "error"},
        )
        self._processes.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("listening on "):
            raise AssertionError(f"{arguments[0]} said {line!r}")
        return line.removeprefix("listening on ").strip()

    def close(self) -> None:
        """Ends the servers in good order and removes the directory."""
        for process in reversed(self._processes):
            process.terminate()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._directory.cleanup()

    def run(self, *arguments: str) -> str:
        """The program's standard output; its failure is the test's."""
        done = subprocess.run([str(program()), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"pledger {arguments[0]}: {done.returncode}\n{done.stderr}")
        return done.stdout

    def has_verb(self, verb: str) -> bool:
        """Whether the program at hand knows it."""
        asked = [str(program()), verb, "--help"]
        return subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0

    @property
    def policy(self) -> Policy:
        """The policy that asks for the log's signature alone."""
        return policy_of(self.vkey)

    def client(self, party: str) -> Client:
        """A party's client, signed in."""
        if party not in self._clients:
            client = Client(self.url)
            client.sign_in(ORIGIN, party, self.keys[party])
            self._clients[party] = client
        return self._clients[party]

    def sign(self, author: str, kind: str, body: dict[str, Any], new: Optional[str] = None, by: str = "") -> Envelope:
        """A command of a party's, by its key or the one named; `new` names the key that signs second."""
        payload = draft(kind, ORIGIN, author, body)
        keys = [self.keys[by or author], *([self.keys[new]] if new else [])]
        if len(keys) != signatures_asked(payload):
            raise AssertionError(f"{kind} takes another number of signatures")
        return Envelope.sign(type_of_payload(kind), payload, keys)

    def play(self, author: str, kind: str, body: dict[str, Any], new: Optional[str] = None, by: str = "") -> Receipt:
        """Signs, submits, and verifies the receipt."""
        envelope = self.sign(author, kind, body, new, by)
        receipt = self.client(author).submit(envelope)
        receipt.verify(envelope, self.policy)
        return receipt

    def register(self, party: str, role: str) -> Receipt:
        """A new party with a key of its own."""
        self.keys[party] = SecretKey.generate()
        body = {
            "party": party,
            "role": role,
            "legal_name": f"{party.title()} Ltd",
            "public_key": encode_base64(bytes(self.keys[party].public)),
            "uses": ["approval", "command", "session"],
        }
        return self.play(OPERATOR, "party.register", body, new=party)


class ServedLedger(unittest.TestCase):
    """Tests that share one ledger, in which each keeps to ids of its own."""

    IS_WITNESSED = False
    ledger: LedgerProcess

    @classmethod
    def setUpClass(cls) -> None:
        cls.ledger = LedgerProcess(cls.IS_WITNESSED).__enter__()
        cls.addClassCleanup(cls.ledger.close)
