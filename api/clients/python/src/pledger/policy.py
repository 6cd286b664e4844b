"""Witness policies: which cosignatures are asked for.

Source: audit specification, section 8; C2SP tlog-policy.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Optional

from .checkpoint import OpenedCheckpoint, open_checkpoint
from .text_forms import parse_decimal
from .verdict import Malformed, QuorumNotMet
from .vkey import KeyType, VerifierKey, check_key_name

_NONE = "none"


@dataclass(frozen=True)
class Group:
    """So many of these members, which are witnesses or groups."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class CosignedCheckpoint:
    """A checkpoint that meets a policy, and who cosigned it when: (name, seconds since 1970)."""

    opened: OpenedCheckpoint
    cosigned_by: tuple[tuple[str, int], ...]


@dataclass
class Policy:
    """The logs and witnesses of a policy, and its quorum; None asks for no cosignature."""

    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, VerifierKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: Optional[str] = None

    @classmethod
    def parse(cls, text: str) -> "Policy":
        """Reads a policy. Raises Malformed: an unknown keyword, a name twice or not yet declared, no quorum."""
        policy, quorum_seen = cls(), False
        for number, line in enumerate(text.split("\n"), 1):
            words = line.split()
            if not words or line.startswith("#"):
                continue
            keyword, *rest = words
            try:
                if keyword == "quorum":
                    policy._add_quorum(rest, quorum_seen)
                    quorum_seen = True
                else:
                    policy._add(keyword, rest)
            except Malformed as error:
                raise Malformed(f"policy, line {number}: {error}") from None
        if not quorum_seen or not policy.logs:
            raise Malformed("a policy without a log or without a quorum")
        if {key.encoded for key in policy.logs} & {key.encoded for key in policy.witnesses.values()}:
            raise Malformed("a log and a witness with one key")
        return policy

    def _add(self, keyword: str, words: list[str]) -> None:
        if keyword == "log" and len(words) in (1, 2):
            key = VerifierKey.parse(words[0])
            if key.type is KeyType.COSIGNATURE_V1 or key in self.logs:
                raise Malformed("a log's key twice, or of a witness's type")
            self.logs.append(key)
        elif keyword == "witness" and len(words) in (2, 3):
            key = VerifierKey.parse(words[1])
            if key.type is not KeyType.COSIGNATURE_V1:
                raise Malformed("a witness's key is of type 0x04")
            if any(key.encoded == other.encoded for other in self.witnesses.values()):
                raise Malformed("two witnesses with one key")
            self.witnesses[self._new_name(words[0])] = key
        elif keyword == "group" and len(words) >= 3:
            self._add_group(words[0], words[1], words[2:])
        else:
            raise Malformed(f"{keyword!r} with {len(words)} words")

    def _add_group(self, name: str, threshold: str, members: list[str]) -> None:
        if len(set(members)) != len(members):
            raise Malformed("a member twice")
        for member in members:
            self._declared(member)
        counts = {"all": len(members), "any": 1}
        count = counts[threshold] if threshold in counts else parse_decimal(threshold)
        if not 1 <= count <= len(members):
            raise Malformed(f"{threshold} of {len(members)}")
        self.groups[self._new_name(name)] = Group(count, tuple(members))

    def _add_quorum(self, words: list[str], seen: bool) -> None:
        if seen or len(words) != 1:
            raise Malformed("one quorum of one name")
        self.quorum = None if words[0] == _NONE else self._declared(words[0])

    def _new_name(self, name: str) -> str:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise Malformed(f"the name {name!r} is taken")
        return check_key_name(name)

    def _declared(self, name: str) -> str:
        if name not in self.witnesses and name not in self.groups:
            raise Malformed(f"{name!r} is not declared before its use")
        return name

    def is_met_by(self, witnesses: Collection[str]) -> bool:
        """Whether cosignatures of these witnesses are enough."""
        return self.quorum is None or self._met(self.quorum, witnesses)

    def _met(self, name: str, witnesses: Collection[str]) -> bool:
        if name in self.witnesses:
            return name in witnesses
        group = self.groups[name]
        return sum(self._met(member, witnesses) for member in group.members) >= group.threshold

    def check(self, text: str) -> CosignedCheckpoint:
        """A checkpoint with the log's signature and the quorum.

        Raises as `open_checkpoint`, and QuorumNotMet.
        """
        return self.require_quorum(self.open(text))

    def open(self, text: str) -> OpenedCheckpoint:
        """A checkpoint with the log's signature, none of its known lines wrong; raises as `open_checkpoint`."""
        return open_checkpoint(text, self.logs, self.witnesses.values())

    def require_quorum(self, opened: OpenedCheckpoint) -> CosignedCheckpoint:
        """Who cosigned what was opened. Raises QuorumNotMet."""
        names = {key: name for name, key in self.witnesses.items()}
        cosigned: dict[str, int] = {}
        for item in opened.good:
            if item.time is not None and item.key in names:
                cosigned.setdefault(names[item.key], item.time)
        if not self.is_met_by(cosigned):
            raise QuorumNotMet(f"cosigned by {sorted(cosigned) or 'nobody'}, which is not {self.quorum}")
        return CosignedCheckpoint(opened, tuple(cosigned.items()))


def policy_of(vkey: VerifierKey) -> Policy:
    """The policy that asks for this log's signature alone. Raises Malformed for a witness's key."""
    return Policy.parse(f"log {vkey}\nquorum none\n")
