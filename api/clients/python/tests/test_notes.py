"""Keys of notes, notes, checkpoints, cosignatures and policies."""

from __future__ import annotations

import struct
import unittest

from golden import golden, golden_key, shared

from pledger.checkpoint import Checkpoint, SignedNonsense, open_checkpoint
from pledger.ed25519 import SecretKey
from pledger.merkle import EMPTY_ROOT, leaf_hash, root_of, verify_consistency
from pledger.note import Note, NoteSigner, SignatureLine, cosigned_bytes
from pledger.policy import Policy, policy_of
from pledger.text_forms import parse_decimal, parse_hash
from pledger.verdict import (
    BadSignature,
    Contradiction,
    Malformed,
    PledgerError,
    QuorumNotMet,
    UnknownSigner,
    WrongHash,
)
from pledger.vkey import KeyType, VerifierKey


def signer(seed: str) -> NoteSigner:
    """A signer of the golden chain."""
    key = next(key for key in golden("golden_chain")["keys"] if key["seed_text"].endswith(seed))
    return NoteSigner(key["name"], KeyType(key["type"]), SecretKey(golden_key(seed)))


class PublicVectors(unittest.TestCase):
    def test_vkeys_in_both_directions(self) -> None:
        group = shared("vkeys")
        for vector in group["good"]:
            key = VerifierKey.parse(vector["vkey"])
            self.assertEqual((str(key), key.type), (vector["vkey"], vector["type"]))
        for bad in group["bad"]:
            with self.subTest(bad), self.assertRaises(Malformed):
                VerifierKey.parse(bad)

    def test_signed_notes(self) -> None:
        for vector in shared("signed_notes"):
            key, note = VerifierKey.parse(vector["vkey"]), Note.parse(vector["note"])
            self.assertEqual(str(note), vector["note"])
            self.assertEqual(len(note.verify([key])), 1)
            if "origin" in vector:
                with self.assertRaises(Contradiction):
                    # The Go checksum database names its key otherwise than its tree.
                    open_checkpoint(vector["note"], [key])
                self.assertEqual(Checkpoint.parse(note.text).origin, vector["origin"])
            with self.assertRaises(BadSignature):
                Note("x" + note.text, note.signatures).verify([key])

    def test_cosignatures_v1(self) -> None:
        group = shared("cosignatures_v1")
        for vector in group["vectors"]:
            good = Note.parse(vector["note"]).verify([VerifierKey.parse(vector["vkey"])])
            self.assertEqual([item.time is not None for item in good], [True])
        example = group["spec_example_without_key"]
        log, witness = Note.parse(example["note"]).signatures
        decoded = example["decodes_to"]
        self.assertEqual((log.id.hex(), witness.id.hex()), (decoded["log_key_id"], decoded["witness_key_id"]))
        self.assertEqual(struct.unpack(">Q", witness.signature[:8]), (decoded["timestamp"],))

    def test_tessera_checkpoints(self) -> None:
        group = shared("tessera_log")
        hashes = [leaf_hash(leaf.encode()) for leaf in group["leaves"]]
        for note in group["checkpoints"]:
            checkpoint = open_checkpoint(note, [VerifierKey.parse(group["vkey"])]).checkpoint
            self.assertEqual(checkpoint.root, root_of(hashes[: checkpoint.size]))

    def test_witness_requests_as_far_as_they_are_formats(self) -> None:
        group = shared("witness_add_checkpoint")
        key, size, root = VerifierKey.parse(group["log_vkey"]), 0, EMPTY_ROOT
        for step in group["steps"]:
            proof, _, note = step["request"].partition("\n\n")
            old, *path = proof.split("\n")
            status = 200
            try:
                new = open_checkpoint(note, [key]).checkpoint
                if parse_decimal(old.removeprefix("old ")) != size:
                    status = 409
                else:
                    verify_consistency(size, root, new.size, new.root, [parse_hash(hash_) for hash_ in path])
                    size, root = new.size, new.root
            except WrongHash:
                status = 422
            except PledgerError:
                status = 403 if note.startswith(f"{key.name}\n") else 404
            self.assertEqual(status, step["status_in_spec"])
        self.assertEqual(size, 1)


class GoldenChain(unittest.TestCase):
    def test_keys_and_lines_are_made_as_written(self) -> None:
        chain = golden("golden_chain")
        for key in chain["keys"]:
            if "vkey" in key:
                self.assertEqual(
                    str(signer(key["seed_text"].removeprefix("pledger/golden/shared")).verifier), key["vkey"]
                )
                self.assertEqual(VerifierKey.parse(key["vkey"]).id.hex(), key["key_id_hex"])
        text = str(Checkpoint(chain["origin"], 3, bytes.fromhex(chain["roots_hex_by_size"][3])))
        self.assertEqual(text, chain["checkpoint_text"])
        times = [int(chain[f"cosignature_time_w{number}"]) for number in (1, 2)]
        self.assertEqual(cosigned_bytes(text, times[0]).decode(), chain["cosigned_bytes_w1"])
        lines = [
            signer("/log").line(text),
            signer("/witness-1").line(text, times[0]),
            signer("/witness-2").line(text, times[1]),
        ]
        self.assertEqual(str(lines[1]), chain["witness"]["first_response_w1"])
        self.assertEqual(str(Note(text, tuple(lines[:1]))), chain["checkpoint_log_signed"])
        self.assertEqual(str(Note(text, tuple(lines))), chain["checkpoint_cosigned"])

    def test_the_auditors_line(self) -> None:
        chain = golden("golden_chain")
        line = SignatureLine.parse(chain["auditor_cosignature_line"].rstrip("\n"))
        note = Note.parse(chain["checkpoint_cosigned"])
        auditor = signer("/auditor").verifier
        good = Note(note.text, (*note.signatures, line)).verify([auditor])
        self.assertEqual(signer("/auditor").line(note.text, good[0].time or 0), line)

    def test_the_policy(self) -> None:
        chain = golden("golden_chain")
        policy = Policy.parse(chain["policy"]["text"])
        cosigned = policy.check(chain["checkpoint_cosigned"])
        times = [(f"w{number}", int(chain[f"cosignature_time_w{number}"])) for number in (1, 2)]
        self.assertEqual(list(cosigned.cosigned_by), times)
        with self.assertRaises(QuorumNotMet):
            policy.check(chain["checkpoint_log_signed"])
        with self.assertRaises(UnknownSigner):
            policy.check(chain["checkpoint_cosigned"].replace("ledger.example/golden SH", "ledger.example/other SH"))

    def test_the_witness_request(self) -> None:
        chain = golden("golden_chain")
        proof, _, note = chain["witness"]["request_1_to_3"].partition("\n\n")
        path = [parse_hash(hash_) for hash_ in proof.split("\n")[1:]]
        new = open_checkpoint(note, [signer("/log").verifier]).checkpoint
        verify_consistency(1, bytes.fromhex(chain["roots_hex_by_size"][1]), new.size, new.root, path)


class Refusals(unittest.TestCase):
    def test_notes(self) -> None:
        note = golden("golden_chain")["checkpoint_log_signed"]
        line = note.split("\n\n")[1]
        for bad in (
            "",
            "\n",
            note[:-1],
            note + "\n",
            note.replace("\u2014", "-"),
            note.replace("\n\n", "\n"),
            note.replace("3\n", "3\r\n", 1),
            note + "x\n",
            note.replace("golden SH", "golden  SH"),
            note.split("\n\n")[0] + "\n\n" + line * 101,
            "x" * 70_000,
            note.split("\n\n")[0] + "\n\n\u2014 a AAAAAA==\n",
            note.replace("\u2014 ledger", "\u2014 le+dger"),
        ):
            with self.subTest(bad[:60]), self.assertRaises(Malformed):
                Note.parse(bad)
        Note.parse(note.split("\n\n")[0] + "\n\n" + line * 100)

    def test_unknown_lines_are_skipped_whatever_their_length(self) -> None:
        note = golden("golden_chain")["checkpoint_log_signed"]
        more = str(SignatureLine("other.example/log", b"\x01\x02\x03\x04", b"x" * 2_420))
        self.assertEqual(len(Note.parse(note + more).verify([signer("/log").verifier])), 1)

    def test_a_known_line_that_is_wrong_condemns_the_note(self) -> None:
        chain = golden("golden_chain")
        policy = Policy.parse(chain["policy"]["text"])
        note = Note.parse(chain["checkpoint_cosigned"])
        for place, line in enumerate(note.signatures):
            for signature in (line.signature[:-1], line.signature[:-1] + b"x", line.signature + b"x", b"x"):
                lines = list(note.signatures)
                lines[place] = SignatureLine(line.name, line.id, signature)
                with self.assertRaises(BadSignature):
                    policy.check(str(Note(note.text, tuple(lines))))

    def test_checkpoints(self) -> None:
        root = golden("golden_chain")["checkpoint_text"].split("\n")[2]
        for bad in (
            "",
            "o\n3\n",
            f"\n3\n{root}\n",
            f"o\n03\n{root}\n",
            f"o\n-3\n{root}\n",
            f"o\n0\n{root}\n",
            f"o\n3\n{root}",
            f"o\n3\n{root}\n\n",
            f"o\n3\n{root[4:]}\n",
        ):
            with self.subTest(bad), self.assertRaises(Malformed):
                Checkpoint.parse(bad)
        self.assertEqual(Checkpoint.parse(f"o\n3\n{root}\nmore\n").extensions, ("more",))

    def test_a_log_that_signs_nonsense_or_for_another_is_proven_bad(self) -> None:
        log = signer("/log")
        for text, error in (
            ("hello\n", SignedNonsense),
            ("other\n3\n4CIng5p7JDfLRNEYo+jo6B9bAJbmHNZMlM4PfUa3G0A=\n", Contradiction),
        ):
            with self.assertRaises(error):
                open_checkpoint(str(Note(text, (log.line(text),))), [log.verifier])

    def test_vkeys(self) -> None:
        good = str(signer("/log").verifier)
        weak = VerifierKey("weak.example", KeyType.LOG_ED25519, bytes(32))
        for bad in (
            "",
            good[:-1],
            good + "=",
            good.replace("+", " "),
            good.upper(),
            good.replace("golden+", "golden2+"),
            good.replace("ledger.example/golden", "ledger example"),
            good.replace("+4", "++4"),
            str(weak),
            str(VerifierKey("x", KeyType.ML_DSA_44, bytes(5))),
        ):
            with self.subTest(bad), self.assertRaises(Malformed):
                VerifierKey.parse(bad)


class Policies(unittest.TestCase):
    LOG, W1, W2 = (str(signer(name).verifier) for name in ("/log", "/witness-1", "/witness-2"))

    def test_quorums(self) -> None:
        text = (
            f"# ours\n\nlog {self.LOG} https://l.example\nwitness a {self.W1} https://a.example\nwitness b {self.W2}\n"
        )
        for group, alone, both in (
            ("any a b", True, True),
            ("all a b", False, True),
            ("1 a b", True, True),
            ("2 a b", False, True),
        ):
            policy = Policy.parse(text + f"group inner {group}\ngroup outer all inner\nquorum outer\n")
            self.assertEqual((policy.is_met_by(["a"]), policy.is_met_by(["a", "b"])), (alone, both))
            self.assertFalse(policy.is_met_by([]))
        self.assertTrue(Policy.parse(text + "quorum none\n").is_met_by([]))
        self.assertTrue(Policy.parse(text + "quorum b\n").is_met_by(["b"]))

    def test_refusals(self) -> None:
        log, a = f"log {self.LOG}\n", f"witness a {self.W1}\n"
        for bad in (
            "",
            log,
            "quorum none\n",
            log + "quorum a\n",
            log + a + "quorum none\nquorum none\n",
            log + a + a + "quorum a\n",
            log + a + f"witness b {self.W1}\nquorum a\n",
            log + f"witness none {self.W1}\nquorum none\n",
            log + f"witness a {self.LOG}\nquorum a\n",
            f"log {self.W1}\nquorum none\n",
            log + log + "quorum none\n",
            log + a + "group g 0 a\nquorum g\n",
            log + a + "group g 2 a\nquorum g\n",
            log + a + "group g all\nquorum a\n",
            log + a + "group g all a a\nquorum g\n",
            log + a + "group g all g\nquorum g\n",
            log + a + "group a all a\nquorum a\n",
            log + "subscribe x\nquorum none\n",
            log + a + "quorum\n",
            log + a + "quorum a b\n",
            log + a + "group g 01 a\nquorum g\n",
        ):
            with self.subTest(bad), self.assertRaises(Malformed):
                Policy.parse(bad)

    def test_a_witness_is_no_log(self) -> None:
        with self.assertRaises(Malformed):
            policy_of(VerifierKey.parse(self.W1))


if __name__ == "__main__":
    unittest.main()
