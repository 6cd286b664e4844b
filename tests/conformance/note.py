"""Signed notes, verifier keys and checkpoints.

Source: C2SP signed-note, tlog-checkpoint and tlog-cosignature; audit specification, sections 5 and 7.
Three outcomes, as in section 12 there: fine, `Bad` (a known key's signature is wrong, or what is
signed contradicts itself) and `Unreadable` (not a note, or nobody known has signed it).
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

import ed25519
import tree

LOG, COSIGNATURE = 0x01, 0x04
LINES_MAX = 100


class Bad(Exception):
    """Proven wrong."""


class Unreadable(Exception):
    """Cannot be judged."""


def decode_base64(text):
    """Bytes of standard, padded base64 without spare bits."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"not base64: {text!r}") from error
    if base64.b64encode(decoded).decode() != text:
        raise Unreadable(f"base64 with spare bits: {text!r}")
    return decoded


def decode_decimal(text):
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", text, re.ASCII) or int(text) >= 2**63:
        raise Unreadable(f"not a decimal number: {text!r}")
    return int(text)


def name_is_good(name):
    return name != "" and "+" not in name and not any(c.isspace() for c in name)


@dataclass(frozen=True)
class Key:
    """A vkey: who signs, how, and the four bytes that stand before his signatures."""

    name: str
    kind: int
    public: bytes
    id: bytes

    @staticmethod
    def parse(vkey):
        parts = vkey.split("+", 2)
        if len(parts) != 3 or not name_is_good(parts[0]):
            raise Unreadable(f"not a vkey: {vkey!r}")
        material = decode_base64(parts[2])
        key_id = hashlib.sha256(parts[0].encode() + b"\n" + material).digest()[:4]
        if not material or key_id.hex() != parts[1]:
            raise Unreadable(f"the key id of {vkey!r} is not its key's")
        if material[0] in (LOG, COSIGNATURE) and not ed25519.key_is_good(material[1:]):
            raise Unreadable(f"weak or malformed key: {vkey!r}")
        return Key(parts[0], material[0], material[1:], key_id)

    def verifies(self, text, signature):
        if self.kind == LOG:
            return ed25519.verify(self.public, text.encode(), signature)
        if self.kind == COSIGNATURE and len(signature) == 72:
            seconds = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
            return ed25519.verify(self.public, message, signature[8:])
        return False


def open_note(note, keys):
    """The text of a note and the keys of ours that have signed it, in the order of their lines."""
    if any(ord(c) < 0x20 and c != "\n" for c in note):
        raise Unreadable("a control character in the note")
    head, empty_line, tail = note.rpartition("\n\n")
    if not empty_line or not tail.endswith("\n"):
        raise Unreadable("not a signed note")
    lines = tail[:-1].split("\n")
    if len(lines) > LINES_MAX:
        raise Unreadable(f"more than {LINES_MAX} signature lines")
    text, signers = head + "\n", []
    for line in lines:
        match = re.fullmatch(r"— ([^ ]+) ([^ ]+)", line)
        blob = decode_base64(match[2]) if match else b""
        if len(blob) < 5 or not name_is_good(match[1]):
            raise Unreadable(f"not a signature line: {line!r}")
        for key in keys:
            if (key.name, key.id) == (match[1], blob[:4]):
                if not key.verifies(text, blob[4:]):
                    raise Bad(f"the signature of {key.name} is wrong")
                if key not in signers:
                    signers.append(key)
    if not signers:
        raise Unreadable("no known key has signed the note")
    return text, signers


@dataclass(frozen=True)
class Checkpoint:
    """A signed tree head."""

    origin: str
    size: int
    root: bytes
    note: str

    @staticmethod
    def open(note, log_key, witnesses=()):
        """Reads a checkpoint of the log with this key, cosigned by all of these witnesses."""
        text, signers = open_note(note, [log_key, *witnesses])
        for key in (log_key, *witnesses):
            if key not in signers:
                raise Unreadable(f"{key.name} has not signed the checkpoint")
        return Checkpoint.parse(text, log_key.name, note)

    @staticmethod
    def parse(text, origin, note):
        lines = text.split("\n")
        if len(lines) < 4:
            raise Unreadable("a checkpoint has three lines")
        checkpoint = Checkpoint(lines[0], decode_decimal(lines[1]), decode_base64(lines[2]), note)
        if checkpoint.origin != origin:
            raise Bad(f"the origin is {checkpoint.origin!r}, the key's name is {origin!r}")
        if lines[3:] != [""]:
            raise Bad("the checkpoint has extension lines, and this log writes none")
        if len(checkpoint.root) != 32:
            raise Unreadable("the root is not of 32 bytes")
        if checkpoint.size == 0 and checkpoint.root != tree.EMPTY_ROOT:
            raise Bad("size 0 goes with the empty root only")
        return checkpoint
