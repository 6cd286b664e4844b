"""A JSON reader that hides nothing: duplicate members are kept, numbers stay text.

`json.loads` keeps the last of two equal keys and accepts lone surrogates, NaN and any encoding;
each of these lets one text mean two things. Grammar: RFC 8259, UTF-8 without a byte order mark.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Union

from .verdict import Malformed


@dataclass(frozen=True)
class JsonNumber:
    """A number as it was written."""

    text: str


@dataclass(frozen=True)
class JsonObject:
    """Members in their order, duplicates included."""

    members: tuple[tuple[str, "JsonValue"], ...]

    def get(self, key: str) -> "JsonValue":
        """The first member of that name, or None, which also stands for `null`."""
        return next((value for name, value in self.members if name == key), None)

    def names(self) -> list[str]:
        """The members' names in their order."""
        return [name for name, _ in self.members]


JsonValue = Union[str, bool, None, JsonNumber, tuple["JsonValue", ...], JsonObject]


class NotJson(Malformed):
    """Bytes outside the grammar, or not UTF-8."""


_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"')
_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_ESCAPED = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_LITERALS: dict[str, JsonValue] = {"true": True, "false": False, "null": None}


@dataclass
class _Open:
    """An object or array that is not closed yet."""

    is_object: bool
    items: list[JsonValue]
    keys: list[str]


def read_json(data: bytes) -> JsonValue:
    """The one value of a text. Any depth is read without recursion.

    Raises NotJson.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise NotJson("not UTF-8") from None
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._open: list[_Open] = []

    def whole(self) -> JsonValue:
        while True:
            value, opened = self._value_or_opening()
            if opened:
                continue
            # A finished value closes whatever it completes.
            while self._open:
                inner = self._open[-1]
                inner.items.append(value)
                mark = self._mark()
                if mark == ",":
                    if inner.is_object:
                        inner.keys.append(self._key())
                    break
                if mark != ("}" if inner.is_object else "]"):
                    raise self._wrong()
                value = self._closed(self._open.pop())
            else:
                self._skip_space()
                if self._at != len(self._text):
                    raise NotJson("text after the value")
                return value

    def _value_or_opening(self) -> tuple[JsonValue, bool]:
        """A scalar or an empty container and False; or True once a container was opened."""
        self._skip_space()
        first = self._text[self._at : self._at + 1]
        if first == '"':
            return self._string(), False
        if first in ("{", "["):
            self._at += 1
            self._skip_space()
            container = _Open(first == "{", [], [])
            if self._text.startswith("}" if container.is_object else "]", self._at):
                self._at += 1
                return self._closed(container), False
            if container.is_object:
                container.keys.append(self._key())
            self._open.append(container)
            return None, True
        for literal, value in _LITERALS.items():
            if self._text.startswith(literal, self._at):
                self._at += len(literal)
                return value, False
        number = _NUMBER.match(self._text, self._at)
        if number is None:
            raise self._wrong()
        self._at = number.end()
        return JsonNumber(number.group()), False

    @staticmethod
    def _closed(container: _Open) -> JsonValue:
        if container.is_object:
            return JsonObject(tuple(zip(container.keys, container.items)))
        return tuple(container.items)

    def _key(self) -> str:
        self._skip_space()
        key = self._string()
        if self._mark() != ":":
            raise self._wrong()
        return key

    def _mark(self) -> str:
        self._skip_space()
        mark = self._text[self._at : self._at + 1]
        self._at += 1
        return mark

    def _string(self) -> str:
        found = _STRING.match(self._text, self._at)
        if found is None:
            raise self._wrong()
        self._at = found.end()
        if "\\" not in found.group(1):
            return found.group(1)
        unescaped = _ESCAPE.sub(_unescape, found.group(1))
        try:
            # Joins the pairs of surrogates and finds the lone ones.
            return unescaped.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            raise NotJson("a lone surrogate") from None

    def _skip_space(self) -> None:
        space = _SPACE.match(self._text, self._at)
        self._at = space.end() if space else self._at

    def _wrong(self) -> NotJson:
        return NotJson(f"not JSON at character {self._at}")


def _unescape(escape: re.Match[str]) -> str:
    code, letter = escape.groups()
    return chr(int(code, 16)) if code else _ESCAPED[letter]
