"""The whole way against the real program: sign, submit, verify, read the log, prove a balance."""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import unittest
from typing import Any

from ledger_process import OPERATOR, ORIGIN, ServedLedger

from pledger.balance_proof import verify_balance_proof
from pledger.checkpoint import Checkpoint
from pledger.client import Client, Problem
from pledger.command_line import main
from pledger.ed25519 import SecretKey
from pledger.envelope import Envelope
from pledger.key_file import print_key_file, read_key_file
from pledger.log_audit import audit_log
from pledger.merkle import root_of, verify_consistency
from pledger.note import Note, NoteSigner
from pledger.pae import COMMAND
from pledger.receipt import verify_receipt
from pledger.sum_tree import SumNode, TreeLine, salt_of, sum_leaf, sum_root
from pledger.text_forms import encode_base64
from pledger.tiles import tiles_of
from pledger.times import print_time
from pledger.verdict import Contradiction, PledgerError, QuorumNotMet, Result, WrongHash
from pledger.vkey import KeyType


class Commands(ServedLedger):
    def test_a_party_registers_and_its_command_is_proven(self) -> None:
        ledger = self.ledger
        ledger.register("acme", "client")
        document = b"account,amount\n"
        body = {
            "digest": ledger.client("acme").upload(document),
            "media_type": "text/csv",
            "purpose": "other",
            "size": "15",
        }
        envelope = ledger.sign("acme", "document.put", body)
        verified = ledger.client("acme").submit_and_verify(envelope, ledger.policy)
        self.assertEqual(verified.record.command_id, envelope.id)
        fetched = ledger.client("acme").receipt(verified.record.seq)
        self.assertEqual(verify_receipt(fetched, ledger.policy, envelope.payload).record, verified.record)
        other = ledger.sign("acme", "document.put", body)
        with self.assertRaises(Contradiction):
            verify_receipt(fetched, ledger.policy, other.payload)

    def test_the_same_bytes_again_are_the_same_command(self) -> None:
        ledger = self.ledger
        body = {"asset": "USDX", "kind": "stablecoin", "decimals": "6"}
        envelope = ledger.sign(OPERATOR, "asset.define", body)
        first = ledger.client(OPERATOR).submit(envelope)
        again = Client(ledger.url).submit(Envelope.parse(json.dumps(json.loads(bytes(envelope)), indent=1).encode()))
        self.assertEqual((first.seq, first.replayed, again.seq, again.replayed), (again.seq, False, first.seq, True))

    def test_refusals_have_the_codes_that_this_package_gives(self) -> None:
        ledger, client = self.ledger, self.ledger.client(OPERATOR)
        envelope = ledger.sign(OPERATOR, "asset.define", {"asset": "NEW", "kind": "crypto", "decimals": "8"})
        stranger = SecretKey.generate()
        loose = envelope.payload.replace(b'":"', b'": "', 1)
        for code, sent in (
            (
                "signature_invalid",
                Envelope(COMMAND, envelope.payload, Envelope.sign(COMMAND, b"x", [stranger]).signatures),
            ),
            ("signature_invalid", Envelope.sign(COMMAND, envelope.payload, [stranger])),
            ("payload_not_canonical", Envelope.sign(COMMAND, loose, [ledger.keys[OPERATOR]])),
            ("type_unknown", ledger.sign(OPERATOR, "asset.invent", {"asset": "NEW"})),
            ("body_schema", ledger.sign(OPERATOR, "asset.define", {"asset": "NEW"})),
        ):
            with self.subTest(code), self.assertRaises(Problem) as refused:
                client.submit(sent)
            self.assertEqual(refused.exception.code, code)
            self.assertFalse(refused.exception.may_be_sent_again)

    def test_a_session_is_for_this_server_and_this_key(self) -> None:
        with self.assertRaises(Problem) as refused:
            Client(self.ledger.url).sign_in(ORIGIN, OPERATOR, SecretKey.generate())
        self.assertEqual(refused.exception.status, 401)
        with self.assertRaises(Problem) as refused:
            Client(self.ledger.url).get("/v1/accounts")
        self.assertEqual(refused.exception.code, "session_required")


class PublicLog(ServedLedger):
    def test_the_log_is_walked_and_goes_on(self) -> None:
        ledger, client, reader = self.ledger, self.ledger.client(OPERATOR), self.ledger.client(OPERATOR).log()
        old_text = reader.checkpoint()
        old = ledger.policy.open(old_text).checkpoint
        for number in range(3):
            ledger.play(OPERATOR, "asset.define", {"asset": f"A{number}", "kind": "token", "decimals": "0"})
        new = ledger.policy.open(client.log().checkpoint()).checkpoint
        self.assertGreaterEqual(new.size, old.size + 3)
        client.check_consistency(old, new)
        path = client.log().consistency_path(old.size, new.size)
        verify_consistency(old.size, old.root, new.size, new.root, path)
        with self.assertRaises(WrongHash):
            client.check_consistency(Checkpoint(old.origin, old.size, new.root), new)

        report = audit_log(client.log(), ledger.policy, [old_text])
        self.assertIs(report.result, Result.GOOD, str(report))
        entries = [leaf for tile in tiles_of(None, new.size) for leaf in client.log().entries(tile)]
        self.assertEqual(report.check("leaf_form").count, len(entries))

    def test_a_fork_of_it_is_found(self) -> None:
        """An earlier checkpoint of another history, which this log's own key signed, as a dishonest log would."""
        key = read_key_file((self.ledger.path / "ledger" / "keys" / "log.pem").read_bytes())
        text = str(Checkpoint(ORIGIN, 1, root_of([bytes(32)])))
        forked = str(Note(text, (NoteSigner(ORIGIN, KeyType.LOG_ED25519, key).line(text),)))
        report = audit_log(self.ledger.client(OPERATOR).log(), self.ledger.policy, [forked])
        self.assertIs(report.result, Result.BAD)
        self.assertEqual([check.id for check in report.checks.values() if check.failed], ["old_consistency"])

    def test_the_programs_own_verifier_says_the_same(self) -> None:
        ledger = self.ledger
        vkey, kept = str(ledger.vkey), ledger.path / "kept"
        code, said = _ours("verify", "--url", ledger.url, "--vkey", vkey, "--save", str(kept))
        self.assertEqual(code, 0, said)
        ledger.play(OPERATOR, "asset.define", {"asset": "MORE", "kind": "token", "decimals": "0"})
        code, said = _ours("verify", "--url", ledger.url, "--vkey", vkey, "--old", str(kept), "--json")
        ours = json.loads(said)
        theirs = json.loads(ledger.run("verify", "--url", ledger.url, "--vkey", vkey, "--old", str(kept), "--json"))
        for member in (
            "format",
            "result",
            "origin",
            "size",
            "root",
            "checkpoint",
            "recorded_at",
            "cosigned_by",
        ):
            self.assertEqual(ours[member], theirs[member], member)
        made = {check["id"]: check["count"] for check in theirs["checks"] if check["result"] == "pass"}
        for id_ in ("tiles", "leaf_form", "sequence", "time_order", "command_id_once", "old_consistency"):
            self.assertIn(id_, made)
        self.assertEqual([check["id"] for check in ours["checks"]], [check["id"] for check in theirs["checks"]])
        self.assertEqual((code, ours["result"]), (0, "good"))

    def test_signed_here_and_submitted_by_the_command_line(self) -> None:
        ledger = self.ledger
        key, body, envelope, proof = (ledger.path / name for name in ("py.pem", "body.json", "e.dsse", "r.tlog-proof"))
        key.write_bytes(print_key_file(ledger.keys[OPERATOR]))
        body.write_text('{"asset": "CLI", "kind": "crypto", "decimals": "8"}')
        code, signed = _ours(
            "sign",
            "--type",
            "asset.define",
            "--ledger",
            ORIGIN,
            "--author",
            OPERATOR,
            "--body",
            str(body),
            "--key",
            str(key),
            "--yes",
        )
        self.assertEqual(code, 0)
        envelope.write_text(signed)
        code, said = _ours("submit", str(envelope), "--url", ledger.url, "--vkey", str(ledger.vkey))
        self.assertEqual(code, 0)
        proof.write_text(said.split("\n", 1)[1])
        trusted = ("--proof", str(proof), "--vkey", str(ledger.vkey))
        self.assertEqual(_ours("verify", *trusted, "--payload", str(envelope))[0], 0)
        ledger.run("verify", *trusted, "--payload", str(envelope))
        body.write_text(body.read_text().replace("CLI", "CLJ"))
        code, other = _ours(
            "sign",
            "--type",
            "asset.define",
            "--ledger",
            ORIGIN,
            "--author",
            OPERATOR,
            "--body",
            str(body),
            "--key",
            str(key),
            "--yes",
        )
        envelope.write_text(other)
        self.assertEqual(_ours("verify", *trusted, "--payload", str(envelope))[0], 1)


class Witnessed(ServedLedger):
    """A ledger whose checkpoints a real witness cosigns, under a policy that asks for it."""

    IS_WITNESSED = True

    def test_receipts_and_the_log_meet_the_policy(self) -> None:
        ledger, policy = self.ledger, self.ledger.witness_policy
        envelope = ledger.sign(OPERATOR, "asset.define", {"asset": "BTC", "kind": "crypto", "decimals": "8"})
        receipt = ledger.client(OPERATOR).submit(envelope, wait_for="witnessed")
        self.assertEqual(receipt.stage, "witnessed")
        verified = receipt.verify(envelope, policy)
        self.assertEqual([name for name, _ in verified.cosigned.cosigned_by], ["w1"])
        report = audit_log(ledger.client(OPERATOR).log(), policy)
        self.assertIs(report.result, Result.GOOD, str(report))
        self.assertEqual([report.check(id_).result for id_ in ("quorum", "cosignature_age")], ["pass", "pass"])
        cut = (receipt.proof or "").rsplit("\u2014", 1)[0]
        with self.assertRaises(QuorumNotMet):
            verify_receipt(cut, policy, envelope.payload)


class Exports(ServedLedger):
    def test_an_export_of_the_program_is_verified_but_for_the_replay(self) -> None:
        ledger = self.ledger
        if not ledger.has_verb("export"):
            self.skipTest("the program at hand has no verb `export`")
        ledger.register("acme", "client")
        body = {
            "digest": ledger.client("acme").upload(b"paper"),
            "media_type": "text/plain",
            "purpose": "other",
            "size": "5",
        }
        last = ledger.play("acme", "document.put", body)
        keys = {party: ledger.path / f"{party}.pem" for party in (OPERATOR, "acme")}
        for party, path in keys.items():
            path.write_bytes(print_key_file(ledger.keys[party]))
        for party, scope in ((OPERATOR, "full"), ("acme", "party:acme")):
            out = ledger.path / f"{party}.export"
            asked = ("--url", ledger.url, "--party", party, "--key", str(keys[party]), "--scope", scope)
            ledger.run("export", *asked, "--out", str(out))
            trusted = ("verify", "--export", str(out), "--vkey", str(ledger.vkey), "--json")
            code, said = _ours(*trusted, "--without-replay")
            report = json.loads(said)
            self.assertEqual((code, report["result"], report["size"]), (0, "good", str(last.seq + 1)), said)
            self.assertEqual(_ours(*trusted)[0], 2)


class Balances(ServedLedger):
    """A seal made here, from the sum tree's definition alone, and taken by the ledger, which adds up again."""

    SECRET = secrets.token_bytes(32)
    AMOUNTS = {"acme.btc": 1_250_000_000, "zeta.btc": 7, "zero.btc": 0}

    def test_a_bundle_of_the_program_is_verified(self) -> None:
        ledger = self.ledger
        if not ledger.has_verb("prove"):
            self.skipTest("the program at hand has no verb `prove`")
        self._stage()
        self._seal()
        key = ledger.path / "acme.pem"
        key.write_bytes(print_key_file(ledger.keys["acme"]))
        bundle = ledger.run("prove", "--url", ledger.url, "--party", "acme", "--key", str(key), "--account", "acme.btc")
        balance = verify_balance_proof(bundle, ledger.policy)
        self.assertEqual((balance.proof.account, balance.proof.amount), ("acme.btc", self.AMOUNTS["acme.btc"]))
        self.assertEqual(balance.proof.tree.root.sum, sum(self.AMOUNTS.values()))
        with self.assertRaises(PledgerError):
            verify_balance_proof(bundle.replace("amount 125", "amount 126"), ledger.policy)
        self.assertEqual(ledger.client("acme").balance_proof("acme.btc").split("\n\n")[0], bundle.split("\n\n")[0])

    def _stage(self) -> None:
        ledger = self.ledger
        ledger.register("acme", "client")
        ledger.register("bank", "custodian")
        ledger.play(OPERATOR, "asset.define", {"asset": "BTC", "kind": "crypto", "decimals": "8"})
        for account, book in (("ext.btc", "external"), *((account, "available") for account in self.AMOUNTS)):
            owner = OPERATOR if book == "external" else "acme"
            body = {
                "account": account,
                "owner": owner,
                "asset": "BTC",
                "custodian": "bank",
                "book": book,
                "class": "uncleared",
            }
            ledger.play(OPERATOR, "account.open", body)
        postings = [
            {"from": "ext.btc", "to": account, "asset": "BTC", "amount": amount}
            for account, amount in (("acme.btc", "12.5"), ("zeta.btc", "0.00000007"))
        ]
        ledger.play(OPERATOR, "movement.instruct", {"movement": "m1", "mode": "two_phase", "postings": postings})
        evidence = ledger.client("bank").upload(b"statement of today")
        ledger.play("bank", "movement.settle", {"movement": "m1", "evidence": evidence})
        ledger.keys["sealer"] = SecretKey.generate()
        key: dict[str, Any] = {
            "public_key": encode_base64(bytes(ledger.keys["sealer"].public)),
            "uses": ["seal"],
        }
        ledger.play(OPERATOR, "key.add", key, new="sealer")

    def _seal(self) -> None:
        ledger, client = self.ledger, self.ledger.client(OPERATOR)
        leaves: list[SumNode] = [
            sum_leaf(account, "available", amount, salt_of(self.SECRET, account))
            for account, amount in self.AMOUNTS.items()
        ]
        line = TreeLine("bank", "uncleared", "BTC", len(leaves), sum_root(leaves))
        checkpoint = ledger.policy.open(client.log().checkpoint()).checkpoint
        last = verify_receipt(client.receipt(checkpoint.size - 1), ledger.policy).record
        body = {
            "as_of": print_time(last.recorded_at),
            "kind": "cadence",
            "list": client.upload(f"{line}\n".encode()),
            "root": root_of([line.entry_hash()]).hex(),
            "salts": client.upload(self.SECRET),
            "size": str(checkpoint.size),
            "trees": "1",
        }
        ledger.play(OPERATOR, "seal.put", body, by="sealer")


def _ours(*arguments: str) -> tuple[int, str]:
    """What `python -m pledger` answers: its exit code and standard output."""
    said, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        code = main(arguments)
    return code, said.getvalue()


if __name__ == "__main__":
    unittest.main()
