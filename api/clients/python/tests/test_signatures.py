"""Keys, strict signatures, encodings before signing, envelopes, drafts."""

from __future__ import annotations

import base64
import hashlib
import unittest

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from golden import golden, golden_key

from pledger.canonical import PayloadRefused, read_payload
from pledger.command import draft, session_payload, signatures_asked, type_of_payload
from pledger.ed25519 import (
    FIELD,
    GROUP_ORDER,
    D,
    PublicKey,
    SecretKey,
    WeakKey,
    add,
    decompress,
    of_small_order,
)
from pledger.envelope import Envelope, EnvelopeRefused
from pledger.key_file import print_key_file, read_key_file
from pledger.pae import APPROVAL, COMMAND, SESSION, command_id, pae
from pledger.verdict import Malformed

_ORDER_8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"


def _times(scalar: int, point: tuple[int, int]) -> tuple[int, int]:
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point, scalar = add(point, point), scalar >> 1
    return total


def _encode(point: tuple[int, int]) -> bytes:
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


class Ed25519Strict(unittest.TestCase):
    def test_vectors(self) -> None:
        group = golden("ed25519_strict")
        message = base64.b64decode(group["message_b64"])
        for vector in group["vectors"]:
            with self.subTest(vector["name"]):
                try:
                    key = PublicKey(bytes.fromhex(vector["public_hex"]))
                    good = key.verifies(message, bytes.fromhex(vector["sig_hex"]))
                except WeakKey:
                    good = False
                self.assertEqual(good, vector["ok"])
        for weak in group["weak_public_keys_hex"]:
            with self.subTest(weak), self.assertRaises(WeakKey):
                PublicKey(bytes.fromhex(weak))

    def test_encodings_that_are_none(self) -> None:
        for encoded in (
            (FIELD + 1).to_bytes(32, "little"),
            (1 | 1 << 255).to_bytes(32, "little"),
            (2).to_bytes(32, "little"),
            b"\x01" * 31,
        ):
            self.assertIsNone(decompress(encoded))

    def test_the_equation_has_no_cofactor(self) -> None:
        """A key with a part of order 8: eight times the equation holds, the equation does not."""
        base = decompress((4 * pow(5, FIELD - 2, FIELD) % FIELD).to_bytes(32, "little"))
        torsion = decompress(bytes.fromhex(_ORDER_8))
        assert base is not None and torsion is not None
        self.assertTrue(of_small_order(torsion) and not of_small_order(base))
        self.assertEqual((D * 121666 + 121665) % FIELD, 0)
        secret, nonce = 1_234_567, 7_654_321
        encoded = _encode(add(_times(secret, base), torsion))
        r = _encode(_times(nonce, base))
        for message in (b"%d" % n for n in range(100)):
            h = int.from_bytes(hashlib.sha512(r + encoded + message).digest(), "little") % GROUP_ORDER
            signature = r + ((nonce + h * secret) % GROUP_ORDER).to_bytes(32, "little")
            if h % 8 == 0:
                self.assertTrue(PublicKey(encoded).verifies(message, signature))
                break
            self.assertFalse(PublicKey(encoded).verifies(message, signature))

    def test_key_files_of_both_versions(self) -> None:
        key = SecretKey(golden_key("/acme"))
        first = print_key_file(key)
        cryptographys = load_pem_private_key(first, None)
        self.assertEqual(cryptographys.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), bytes(key.public))
        der = bytes.fromhex("3051020101300506032b657004220420") + key.seed + bytes.fromhex("812100") + bytes(key.public)
        second = f"-----BEGIN PRIVATE KEY-----\n{base64.encodebytes(der).decode()}-----END PRIVATE KEY-----\n".encode()
        for pem in (first, second, second.replace(b"\n", b"\r\n")):
            self.assertEqual(read_key_file(pem).public, key.public)
        other = der[:-32] + bytes(SecretKey.generate().public)
        wrong = f"-----BEGIN PRIVATE KEY-----\n{base64.b64encode(other).decode()}\n-----END PRIVATE KEY-----\n".encode()
        for pem in (
            b"",
            b"\xff\n\n\n",
            first[:-40],
            first.replace(b"MC4", b"MC5"),
            first.replace(b"PRIVATE", b"PUBLIC"),
            wrong,
        ):
            with self.assertRaises(Malformed):
                read_key_file(pem)


class PreAuthentication(unittest.TestCase):
    def test_vectors(self) -> None:
        group = golden("other_types")
        known = group["dsse_known_answer"]
        self.assertEqual(pae(known["type"], known["body"].encode()).decode(), known["pae"])
        for vector in group["same_payload_three_types"]:
            encoded = pae(vector["type"], b'{"type":"x"}')
            self.assertEqual((encoded.decode(), hashlib.sha256(encoded).hexdigest()), (vector["pae"], vector["sha256"]))

    def test_approvals_and_sessions_are_signed_as_written(self) -> None:
        for name, kind in (("approval", APPROVAL), ("session", SESSION)):
            vector = golden("other_types")[name]
            self.assertEqual(vector["payload_type"], kind)
            payload = vector["payload"].encode()
            self.assertEqual(pae(kind, payload).hex(), vector["pae_hex"])
            self.assertEqual(command_id(kind, payload).hex(), vector["pae_sha256_command_id"])
            envelope = Envelope.sign(kind, payload, [SecretKey(golden_key("/acme"))])
            self.assertEqual(bytes(envelope).decode(), vector["envelope_jcs"])
            self.assertEqual(envelope.sha256.hex(), vector["envelope_sha256"])


class GoldenRecords(unittest.TestCase):
    def test_signed_and_read_as_written(self) -> None:
        for record in [*golden("golden_chain")["records"], golden("golden_balance")["seal_record"]]:
            payload = record["payload"].encode()
            read_payload(payload, record["payload_type"])
            envelope = Envelope.parse(record["envelope_jcs"].encode())
            self.assertEqual(bytes(envelope).decode(), record["envelope_jcs"])
            self.assertEqual(envelope.id.hex(), record["pae_sha256_command_id"])
            self.assertEqual(envelope.sha256.hex(), record["envelope_sha256"])
            if record in golden("golden_chain")["records"]:
                keys = [SecretKey(golden_key(f"/{signer}")) for signer in record["signers"]]
                self.assertEqual(Envelope.sign(record["payload_type"], payload, keys), envelope)
                self.assertEqual(signatures_asked(payload), len(keys))
                envelope.check((COMMAND,), [key.public for key in keys], len(keys))

    def test_keyids(self) -> None:
        for key in golden("golden_chain")["keys"]:
            self.assertEqual(hashlib.sha256(key["seed_text"].encode()).hexdigest(), key["seed_hex"])
            public = SecretKey(bytes.fromhex(key["seed_hex"])).public
            self.assertEqual((bytes(public).hex(), public.keyid), (key["public_hex"], key["keyid"]))


class Envelopes(unittest.TestCase):
    def test_vectors(self) -> None:
        group = golden("envelopes")
        key = SecretKey(golden_key("/acme")).public
        for vector in group["vectors"]:
            with self.subTest(vector["name"]):
                if vector.get("accept"):
                    envelope = Envelope.parse(vector["text"].encode())
                    envelope.check((COMMAND, APPROVAL), [key])
                    self.assertEqual(bytes(envelope).decode(), group["stored"])
                    self.assertEqual(envelope.sha256.hex(), group["stored_sha256"])
                    self.assertEqual(envelope.id.hex(), group["command_id_hex"])
                else:
                    with self.assertRaises(EnvelopeRefused) as refused:
                        Envelope.parse(vector["text"].encode()).check((COMMAND, APPROVAL), [key])
                    self.assertEqual(refused.exception.code, vector["code"])

    def test_too_large(self) -> None:
        with self.assertRaises(EnvelopeRefused) as refused:
            Envelope.parse(b" " * (16 * 1024 + 1))
        self.assertEqual(refused.exception.code, "body_too_large")


class Drafts(unittest.TestCase):
    def test_a_draft_is_canonical_and_each_has_its_own_key(self) -> None:
        one, two = (draft("asset.suspend", "l.example/x", "pb", {"asset": "BTC", "reason": "é"}) for _ in range(2))
        self.assertNotEqual(command_id(COMMAND, one), command_id(COMMAND, two))
        self.assertEqual(read_payload(one, COMMAND)["type"], "asset.suspend")
        self.assertEqual(signatures_asked(one), 1)
        self.assertEqual(type_of_payload("approval.refuse"), APPROVAL)
        read_payload(session_payload("l.example/x", "pb", "https://l.example", "c"), SESSION)

    def test_what_is_no_draft(self) -> None:
        for more in ({"expires_at": "tomorrow"}, {"idempotency_key": "short"}, {"effective_at": "now"}):
            with self.subTest(more), self.assertRaises(Malformed):
                draft("asset.suspend", "l.example/x", "pb", {"asset": "BTC"}, **more)
        with self.assertRaises(PayloadRefused) as refused:
            draft("document.put", "l.example/x", "pb", {"memo": ["x" * 256] * 16})
        self.assertEqual(refused.exception.code, "payload_too_large")


if __name__ == "__main__":
    unittest.main()
