"""Receipts, balance proofs and fork evidence: worked bytes, and that no changed byte is ever proven good."""

from __future__ import annotations

import unittest
from typing import Any

from golden import golden, golden_key, shared
from test_notes import signer

from pledger.balance_proof import BalanceProof, verify_balance_proof
from pledger.checkpoint import Checkpoint
from pledger.ed25519 import SecretKey
from pledger.envelope import Envelope
from pledger.fork_evidence import ForkEvidence, NoFork
from pledger.merkle import leaf_hash, root_of, verify_inclusion
from pledger.note import Note
from pledger.pae import COMMAND
from pledger.policy import Policy, policy_of
from pledger.proof_file import verify_proof_file
from pledger.receipt import IncludedButMalformed, verify_receipt
from pledger.sum_tree import SumNode, TreeLine, salt_of, sum_leaf, sum_node, sum_root
from pledger.text_forms import encode_base64, parse_hash
from pledger.tlog_proof import TlogProof
from pledger.verdict import Contradiction, Malformed, PledgerError, ProvenBad, Result, Undecidable, result_of
from pledger.vkey import VerifierKey

_FLIPS = (0x01, 0x20, 0x80)
"""A neighbour, the other case of a letter, and a byte that is no ASCII."""


def policy_of_all(group: dict[str, Any]) -> Policy:
    """The policy of a group's log that asks for each of its witnesses."""
    witnesses = "".join(f"witness w{place} {vkey}\n" for place, vkey in enumerate(group["witness_vkeys"]))
    names = " ".join(f"w{place}" for place in range(len(group["witness_vkeys"])))
    return Policy.parse(f"log {group['log_vkey']}\n{witnesses}group g all {names}\nquorum g\n")


class TlogProofs(unittest.TestCase):
    def test_public_vectors(self) -> None:
        group = shared("tlog_proof")
        for vector in group["format_only"]:
            proof = TlogProof.parse(vector["text"])
            path = tuple(map(parse_hash, vector["hashes"]))
            self.assertEqual(proof, TlogProof(None, vector["index"], path, vector["checkpoint"]))
            self.assertEqual(str(proof), vector["text"])
        for bad in group["malformed"]:
            with self.subTest(bad), self.assertRaises(Malformed):
                TlogProof.parse(bad)
        for vector in group["valid"]:
            proof = TlogProof.parse(vector["text"])
            head = policy_of(VerifierKey.parse(vector["vkey"])).open(proof.checkpoint).checkpoint
            verify_inclusion(leaf_hash(vector["leaf"].encode()), proof.index, head.size, head.root, proof.path)
            with self.assertRaises(ProvenBad):
                verify_inclusion(leaf_hash(b"another"), proof.index, head.size, head.root, proof.path)


class Receipts(unittest.TestCase):
    def setUp(self) -> None:
        self.chain = golden("golden_chain")
        self.text = self.chain["tlog_proof_of_2"]
        self.policy = Policy.parse(self.chain["policy"]["text"])

    def test_the_golden_one(self) -> None:
        record = self.chain["records"][2]
        for signed in (None, record["payload"].encode(), record["envelope_jcs"].encode()):
            verified = verify_receipt(self.text, self.policy, signed)
            self.assertEqual(bytes(verified.record).decode(), record["leaf"])
            self.assertEqual([name for name, _ in verified.cosigned.cosigned_by], ["w1", "w2"])
        self.assertEqual(str(TlogProof.parse(self.text)), self.text)

    def test_it_is_for_these_bytes_alone(self) -> None:
        record, other = self.chain["records"][2], self.chain["records"][1]
        again = Envelope.sign(COMMAND, record["payload"].encode(), [SecretKey(golden_key("/operator"))])
        for signed in (other["payload"].encode(), other["envelope_jcs"].encode(), b"", bytes(again)):
            with self.assertRaises(Contradiction):
                verify_receipt(self.text, self.policy, signed)

    def test_what_decides_comes_before_what_is_missing(self) -> None:
        """A leaf that is not included is proven bad although no witness cosigned."""
        unsigned = self.text.replace(self.chain["checkpoint_cosigned"], self.chain["checkpoint_log_signed"])
        with self.assertRaises(Undecidable):
            verify_receipt(unsigned, self.policy)
        moved = unsigned.replace("index 2", "index 1")
        with self.assertRaises(ProvenBad):
            verify_receipt(moved, self.policy)

    def test_an_included_leaf_that_is_none(self) -> None:
        for leaf, error in (
            (b"hello", IncludedButMalformed),
            (self.chain["records"][2]["leaf"].encode(), Contradiction),
        ):
            text = str(Checkpoint(self.chain["origin"], 1, root_of([leaf_hash(leaf)])))
            note = str(Note(text, (signer("/log").line(text),)))
            proof = TlogProof(leaf, 0, (), note)
            with self.assertRaises(error):
                verify_receipt(str(proof), policy_of(signer("/log").verifier))

    def test_no_changed_byte_is_good(self) -> None:
        _assert_no_changed_byte_is_good(self, self.text, self.policy)

    def test_every_cut_is_undecidable_or_bad(self) -> None:
        for end in range(len(self.text)):
            self.assertNotEqual(verify_proof_file(self.text[:end].encode(), self.policy).result, Result.GOOD)


class SumTrees(unittest.TestCase):
    def test_leaves_levels_and_lines(self) -> None:
        group = golden("golden_balance")
        leaves: dict[tuple[str, str, str], list[SumNode]] = {}
        for account in group["accounts"]:
            salt = salt_of(bytes.fromhex(group["salt_key_hex"]), account["account"])
            leaf = sum_leaf(account["account"], account["book"], int(account["amount"]), salt)
            self.assertEqual((salt.hex(), leaf.hash.hex()), (account["salt_hex"], account["leaf_hash_hex"]))
            leaves.setdefault((account["custodian"], account["class"], account["asset"]), []).append(leaf)
        lines = []
        for (custodian, class_, asset), members in sorted(leaves.items()):
            lines.append(TreeLine(custodian, class_, asset, len(members), sum_root(members)))
        self.assertEqual([str(line) for line in lines], group["lines"])
        self.assertEqual([TreeLine.parse(line) for line in group["lines"]], lines)
        self.assertEqual(root_of(line.entry_hash() for line in lines).hex(), group["lines_root_hex"])
        tree = sum_root(leaves[tuple(group["tree"]["key"])])
        self.assertEqual((tree.hash.hex(), str(tree.sum)), (group["tree"]["root_hex"], group["tree"]["sum"]))

    def test_a_node_commits_to_both_sums(self) -> None:
        broken = golden("golden_balance")["broken_form"]
        left = SumNode(bytes.fromhex(broken["left_hash_hex"]), int(broken["left_sum"]))
        right = SumNode(bytes.fromhex(broken["right_hash_hex"]), int(broken["right_sum"]))
        self.assertEqual(sum_node(left, right).hash.hex(), broken["this_format_node_hex"])
        with self.assertRaises(Contradiction):
            sum_node(SumNode(left.hash, 2**128 - 1), SumNode(right.hash, 1))

    def test_equal_leaves_are_an_error(self) -> None:
        leaf = sum_leaf("a", "posted", 1, bytes(16))
        for leaves in ([], [leaf, leaf]):
            with self.assertRaises(Contradiction):
                sum_root(leaves)


class BalanceProofs(unittest.TestCase):
    def setUp(self) -> None:
        self.group = golden("golden_balance")
        self.text = self.group["balance_proof"]
        self.policy = policy_of_all(self.group)

    def test_the_golden_one(self) -> None:
        self.assertEqual(str(BalanceProof.parse(self.text)), self.text)
        balance = verify_balance_proof(self.text, self.policy)
        self.assertEqual((balance.proof.account, balance.proof.amount), ("acme:btc:f", 1_250_000_000))
        self.assertEqual((balance.seal.size, balance.receipt.record.seq), (9, 9))
        self.assertEqual(len(balance.receipt.cosigned.cosigned_by), 2)

    def test_negatives(self) -> None:
        for vector in self.group["negatives"]:
            with self.subTest(vector["name"]):
                with self.assertRaises(PledgerError) as refused:
                    verify_balance_proof(vector["text"], self.policy)
                self.assertEqual(str(result_of(refused.exception)), vector["result"])

    def test_the_budget(self) -> None:
        group = golden("balance_proof_budget")
        verify_balance_proof(group["text"], policy_of_all(group))
        self.assertEqual(str(len(group["text"].encode())), group["bytes"])
        self.assertLess(len(group["text"].encode()), 4_096)

    def test_no_changed_byte_is_good(self) -> None:
        _assert_no_changed_byte_is_good(self, self.text, self.policy)


class ForkEvidenceVectors(unittest.TestCase):
    def test_vectors(self) -> None:
        for vector in golden("fork_evidence"):
            policy = policy_of(VerifierKey.parse(vector["vkey"]))
            with self.subTest(vector["name"]):
                evidence = ForkEvidence.parse(vector["text"])
                self.assertEqual(str(evidence), vector["text"])
                try:
                    evidence.verify(policy)
                    result = "fork"
                except NoFork:
                    result = "no_fork"
                except Undecidable:
                    result = "undecidable"
                self.assertEqual(result, vector["result"])
                report = verify_proof_file(vector["text"].encode(), policy)
                self.assertIs(report.result, Result.BAD if result == "fork" else Result.UNDECIDABLE)

    def test_other_texts_are_none(self) -> None:
        good = golden("fork_evidence")[0]["text"]
        for bad in (
            "",
            good.rstrip(),
            good + "\n",
            good.replace("v1", "v2"),
            good.replace("same_size", "other"),
            good.replace("\na ", "\nb "),
            good.replace("\na ", "\na  "),
        ):
            with self.subTest(bad[:60]), self.assertRaises(Malformed):
                ForkEvidence.parse(bad)


class Notes(unittest.TestCase):
    def test_no_changed_byte_of_a_note_is_good(self) -> None:
        chain = golden("golden_chain")
        policy, note = Policy.parse(chain["policy"]["text"]), chain["checkpoint_cosigned"].encode()
        for place in range(len(note)):
            for flip in _FLIPS:
                changed = bytes([*note[:place], note[place] ^ flip, *note[place + 1 :]])
                with self.assertRaises(PledgerError):
                    try:
                        text = changed.decode()
                    except UnicodeDecodeError:
                        raise Malformed("not UTF-8") from None
                    policy.check(text)


class ProofFiles(unittest.TestCase):
    def test_bytes_that_are_no_proof_are_undecidable(self) -> None:
        policy = policy_of(signer("/log").verifier)
        for data in (b"", b"\xff", b"hello\n", b"x" * 2_000_000, b"c2sp.org/tlog-proof@v2\n"):
            self.assertIs(verify_proof_file(data, policy).result, Result.UNDECIDABLE)
        balance = golden("golden_balance")["balance_proof"].encode()
        self.assertIs(verify_proof_file(balance, policy, b"payload").result, Result.UNDECIDABLE)

    def test_another_logs_key_decides_nothing(self) -> None:
        policy = policy_of(VerifierKey.parse(golden("golden_balance")["log_vkey"]))
        self.assertIs(
            verify_proof_file(golden("golden_chain")["tlog_proof_of_2"].encode(), policy).result,
            Result.UNDECIDABLE,
        )

    def test_an_unauthenticated_extra_is_recomputed(self) -> None:
        chain = golden("golden_chain")
        proof = TlogProof.parse(chain["tlog_proof_of_2"])
        other = encode_base64(chain["records"][1]["leaf"].encode())
        text = str(proof).replace(encode_base64(proof.extra or b""), other)
        self.assertIs(verify_proof_file(text.encode(), Policy.parse(chain["policy"]["text"])).result, Result.BAD)


def _assert_no_changed_byte_is_good(test: unittest.TestCase, text: str, policy: Policy) -> None:
    data = text.encode()
    test.assertIs(verify_proof_file(data, policy).result, Result.GOOD)
    for place in range(len(data)):
        for flip in _FLIPS:
            changed = bytes([*data[:place], data[place] ^ flip, *data[place + 1 :]])
            test.assertIsNot(verify_proof_file(changed, policy).result, Result.GOOD, f"byte {place} ^ {flip:#x}")


if __name__ == "__main__":
    unittest.main()
