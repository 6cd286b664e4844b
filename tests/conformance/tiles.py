"""Tiles, entry bundles and the leaves in them.

Source: C2SP tlog-tiles; audit specification, sections 3 and 6.
"""

import datetime
import re

from note import Bad

FULL = 256
ENTRIES = "entries"


def path_of(level, index, width=FULL):
    """The one spelling of a tile's path: `tile/0/x001/x234/067.p/8`."""
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return f"tile/{level}/{'/'.join(groups)}" + ("" if width == FULL else f".p/{width}")


def widths(hashes):
    """(index, width) of each tile that holds this many hashes, the partial one last."""
    full, partial = divmod(hashes, FULL)
    return [(n, FULL) for n in range(full)] + ([(full, partial)] if partial else [])


def levels(size):
    """How many hashes each level of a tree has, level 0 first; a partial tile feeds none above it."""
    counts = []
    while size:
        counts.append(size)
        size //= FULL
    return counts


def hashes_of(tile, width):
    if len(tile) != 32 * width:
        raise Bad(f"a tile of {width} hashes has {32 * width} bytes, not {len(tile)}")
    return [tile[i : i + 32] for i in range(0, len(tile), 32)]


def leaves_of(bundle, width):
    leaves, at = [], 0
    while at < len(bundle):
        start = at + 2
        at = start + int.from_bytes(bundle[at:start], "big")
        if at > len(bundle):
            raise Bad("the bundle's last entry is cut")
        leaves.append(bundle[start:at])
    if len(leaves) != width:
        raise Bad(f"a bundle of {width} entries has {len(leaves)}")
    return leaves


LEAF = re.compile(
    rb"pledger/record/v1\n(0|[1-9][0-9]{0,18})\n"
    rb"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z)\n([0-9a-f]{64})\n[0-9a-f]{64}\n"
)


def read_leaf(leaf):
    """(seq, recorded_at, command id) of a record's leaf."""
    match = LEAF.fullmatch(leaf)
    if not match:
        raise Bad(f"not a record: {leaf[:80]!r}")
    seq, recorded_at, command_id = (part.decode() for part in match.groups())
    try:
        datetime.datetime.fromisoformat(recorded_at[:-1])
    except ValueError as error:
        raise Bad(f"no such time: {recorded_at}") from error
    return int(seq), recorded_at, command_id
