"""Exports: worked bytes, every byte changed, every cut."""

from __future__ import annotations

import base64
import hashlib
import io
import unittest

from golden import golden

from pledger.export_file import read_frames, verify_export
from pledger.policy import Policy
from pledger.report import Report
from pledger.verdict import Malformed, Result, WrongHash


class Exports(unittest.TestCase):
    def setUp(self) -> None:
        self.data = base64.b64decode(golden("export_b64"))
        self.policy = Policy.parse(golden("golden_chain")["policy"]["text"])

    def verify(self, data: bytes) -> Report:
        return verify_export(io.BytesIO(data), self.policy, without_replay=True)

    def test_the_golden_one(self) -> None:
        report = self.verify(self.data)
        self.assertIs(report.result, Result.GOOD, str(report))
        for id_ in ("leaf_form", "envelope_digest", "command_id", "canonical", "signature_at_seq"):
            self.assertEqual(report.check(id_).count, 3, id_)

    def test_without_a_replay_it_is_undecidable_unless_that_was_asked_for(self) -> None:
        self.assertIs(verify_export(io.BytesIO(self.data), self.policy).result, Result.UNDECIDABLE)

    def test_frames_hold_the_chain(self) -> None:
        frames = list(read_frames(io.BytesIO(self.data)))
        records = [frame.data.decode() for frame in frames if frame.kind == "record"]
        chain = golden("golden_chain")
        self.assertEqual(records, [record["leaf"] + record["envelope_jcs"] for record in chain["records"]])
        self.assertEqual(
            [frame.kind for frame in frames if frame.kind != "record"],
            ["header", "policy", "document", "checkpoint", "end"],
        )
        self.assertEqual(frames[-2].data.decode(), chain["checkpoint_cosigned"])

    def test_no_changed_byte_is_good(self) -> None:
        for place in range(len(self.data)):
            # A letter becomes the other case of itself, which keeps more grammars than its neighbour would.
            flip = 0x20 if chr(self.data[place]).isalpha() else 0x01
            changed = bytes([*self.data[:place], self.data[place] ^ flip, *self.data[place + 1 :]])
            self.assertIsNot(self.verify(changed).result, Result.GOOD, f"byte {place} ^ {flip:#x}")

    def test_every_cut_and_every_addition_is_seen(self) -> None:
        for end in range(0, len(self.data), 7):
            self.assertIsNot(self.verify(self.data[:end]).result, Result.GOOD)
        self.assertIs(self.verify(self.data + b"\n").result, Result.UNDECIDABLE)

    def test_a_record_changed_with_all_its_digests_in_the_file(self) -> None:
        """Whoever writes the file can set frames right, but not the root."""
        frames = list(read_frames(io.BytesIO(self.data)))
        for old, new, id_ in (
            (b'"payload":"ey', b'"payload":"fy', "envelope_digest"),
            (b"T03:04:05.912Z", b"T03:04:05.913Z", "entries_root"),
        ):
            data = b"pledger/export/v1\n"
            for frame in frames:
                body = frame.data.replace(old, new) if frame.kind == "record" else frame.data
                if frame.kind == "end":
                    body = body.replace(frame.sha256_before.hex().encode(), hashlib.sha256(data).hexdigest().encode())
                data += f"{frame.kind} {len(body)} {hashlib.sha256(body).hexdigest()}\n".encode() + body + b"\n"
            report = self.verify(data)
            self.assertIs(report.result, Result.BAD)
            self.assertEqual((report.check("frames").result, report.check(id_).result), ("pass", "fail"))

    def test_frames_that_are_none(self) -> None:
        digest = hashlib.sha256(b"x").hexdigest()
        for text, error in (
            ("", Malformed),
            ("pledger/export/v2\n", Malformed),
            (f"pledger/export/v1\nother 1 {digest}\nx\n", Malformed),
            (f"pledger/export/v1\nheader 01 {digest}\nx\n", Malformed),
            (f"pledger/export/v1\nheader 70000 {digest}\nx\n", Malformed),
            (f"pledger/export/v1\nheader 1 {digest.upper()}\nx\n", Malformed),
            (f"pledger/export/v1\nheader 1 {digest}\ny\n", WrongHash),
            (f"pledger/export/v1\nheader 1 {digest}\nx", Malformed),
        ):
            with self.subTest(text[:40]), self.assertRaises(error):
                list(read_frames(io.BytesIO(text.encode())))


if __name__ == "__main__":
    unittest.main()
