"""Spellings: JSON, canonical payloads, decimals, times, base64, leaves."""

from __future__ import annotations

import base64
import json
import unittest

from golden import golden

from pledger.canonical import PayloadRefused, canonical, read_payload
from pledger.decimals import is_quantity, is_value, parse_quantity
from pledger.json_text import JsonNumber, JsonObject, NotJson, read_json
from pledger.pae import COMMAND
from pledger.record import Record
from pledger.text_forms import decode_base64, parse_decimal
from pledger.times import parse_time, print_time
from pledger.verdict import Malformed


class CanonicalPayloads(unittest.TestCase):
    def test_vectors(self) -> None:
        for vector in golden("canonical_payloads")["vectors"]:
            payload = base64.b64decode(vector["payload_b64"])
            with self.subTest(vector["name"]):
                if vector.get("accept"):
                    self.assertEqual(canonical(read_payload(payload, COMMAND)), payload)
                else:
                    with self.assertRaises(PayloadRefused) as refused:
                        read_payload(payload, COMMAND)
                    self.assertEqual(refused.exception.code, vector["code"])

    def test_what_has_no_canonical_form(self) -> None:
        deep: object = "x"
        for _ in range(6):
            deep = {"a": deep}
        for body in (
            {"a": 1},
            {"a": None},
            {"a": 1.5},
            {"A": "x"},
            {"a": "e\u0301"},
            {"a": "\n"},
            {"a": "\ud800"},
            {"a": b"x"},
            {"a": "x" * 257},
            {"a": deep},
            {f"a{i}": "x" for i in range(65)},
        ):
            with self.subTest(str(body)[:40]), self.assertRaises(PayloadRefused):
                canonical(body)  # type: ignore[arg-type]

    def test_members_are_sorted_by_their_bytes(self) -> None:
        self.assertEqual(
            canonical({"b": ["x", True], "a_": "é", "a": '"\\'}),
            '{"a":"\\"\\\\","a_":"é","b":["x",true]}'.encode(),
        )


class Json(unittest.TestCase):
    def test_agrees_with_the_standard_library_on_what_both_take(self) -> None:
        for text in (
            '{"a":[1,-0.5e+3,"x\\u00e9\\ud83d\\ude00",{"b":{}},[],[[ ]]], "c" : null}',
            " [true , false]\n",
            '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
            "-0",
        ):
            with self.subTest(text):
                self.assertEqual(_plain(read_json(text.encode())), json.loads(text))

    def test_refuses_what_is_no_json(self) -> None:
        for text in (
            "",
            " ",
            "{",
            "[",
            "[1,]",
            "{,}",
            '{"a"}',
            '{"a":}',
            '{"a":1,}',
            "[1 2]",
            "{}{}",
            "01",
            "1.",
            ".5",
            "+1",
            "NaN",
            "Infinity",
            "nul",
            "tru",
            "'a'",
            '"a',
            '"\\x"',
            '"\\u12"',
            '"\x01"',
            '"\\ud800"',
            '"\\udc00\\ud800"',
            "[}",
            "{]",
            "]",
            "\ufeff1",
            "1\u00a0",
            "\u0661",
        ):
            with self.subTest(text), self.assertRaises(NotJson):
                read_json(text.encode())
        with self.assertRaises(NotJson):
            read_json(b"\xff")

    def test_any_depth_is_read_or_refused(self) -> None:
        depth = 20_000
        read_json(b"[" * depth + b"]" * depth)
        with self.assertRaises(NotJson):
            read_json(b"[" * depth)

    def test_duplicates_are_kept(self) -> None:
        value = read_json(b'{"a":1,"a":2}')
        self.assertEqual(value, JsonObject((("a", JsonNumber("1")), ("a", JsonNumber("2")))))


def _plain(value: object) -> object:
    if isinstance(value, JsonObject):
        return {key: _plain(item) for key, item in value.members}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return json.loads(value.text) if isinstance(value, JsonNumber) else value


class Numbers(unittest.TestCase):
    def test_decimals(self) -> None:
        group = golden("decimals")
        for text in group["good"]:
            self.assertTrue(is_quantity(text) and is_value(text) or len(text) > 28, text)
        for text in group["value_only"]:
            self.assertTrue(is_value(text) and not is_quantity(text), text)
        for text in group["bad"]:
            self.assertFalse(is_value(text) or is_quantity(text), text)

    def test_a_quantity_is_scaled_or_refused_and_never_rounded(self) -> None:
        self.assertEqual(parse_quantity("12.5", 8), 1_250_000_000)
        self.assertEqual(parse_quantity(str(2**128 - 1), 0), 2**128 - 1)
        for text, decimals in (
            (str(2**128), 0),
            ("0.123", 2),
            ("340282366920938463463374607431768211455", 1),
        ):
            with self.assertRaises(Malformed):
                parse_quantity(text, decimals)

    def test_significant_digits_of_values(self) -> None:
        self.assertTrue(is_value("-" + "1" * 28) and is_value("0." + "0" * 2 + "1" * 28))
        self.assertFalse(is_value("1" * 29) or is_value("1." + "1" * 28))

    def test_decimal_and_base64_have_one_spelling(self) -> None:
        self.assertEqual(parse_decimal(str(2**63 - 1)), 2**63 - 1)
        for text in ("", "01", "+1", "-1", " 1", "1\n", "\u0661", str(2**63)):
            with self.assertRaises(Malformed):
                parse_decimal(text)
        for text in ("AA", "AA=", "AB==", "A A=", "AA==\n", "_w==", "é===", "=A=="):
            with self.subTest(text), self.assertRaises(Malformed):
                decode_base64(text)


class Times(unittest.TestCase):
    def test_vectors(self) -> None:
        group = golden("times")
        for text in group["good"]:
            self.assertEqual(print_time(parse_time(text)), text)
        for text in [*group["bad"], "1969-12-31T23:59:59.999Z", "2026-01-02T03:04:05.678Z\n"]:
            with self.subTest(text), self.assertRaises(Malformed):
                parse_time(text)

    def test_no_time_after_the_last(self) -> None:
        for millis in (-1, parse_time("9999-12-31T23:59:59.999Z") + 1, 10**30):
            with self.assertRaises(Malformed):
                print_time(millis)


class RecordLeaves(unittest.TestCase):
    def test_vectors(self) -> None:
        group = golden("record_leaves")
        for leaf in group["good"]:
            self.assertEqual(bytes(Record.parse(leaf.encode())), leaf.encode())
        for vector in group["bad"]:
            with self.subTest(vector["name"]), self.assertRaises(Malformed):
                Record.parse(vector["leaf"].encode())


if __name__ == "__main__":
    unittest.main()
