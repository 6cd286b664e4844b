"""Reading a public log over HTTP: checkpoint, tiles, bundles, and the proofs that follow from tiles.

Source: audit specification, section 6. Nothing that is read here is believed: what it must equal is for
the caller to check (`pledger.merkle`, `pledger.log_audit`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Optional

from .merkle import consistency_path, inclusion_path, root_of
from .note import NOTE_MAX
from .text_forms import utf8
from .tiles import WIDTH, TilePath, hashes_at, read_entries, read_hashes
from .transport import Answer, origin_of, send
from .verdict import Unreachable

TILE_MAX = WIDTH * 32
BUNDLE_MAX = WIDTH * (2 + 0xFFFF)
_CACHED_TILES = 64

Fetch = Callable[[str, int], Answer]
"""Answers a path below `/log/` with at most so many bytes."""


def fetch_over_http(url: str) -> Fetch:
    """Reads below `<url>/log/`. Raises Unreachable for a URL that is no server's."""
    base = origin_of(url)
    return lambda path, limit: send("GET", f"{base}/log/{path}", limit=limit)


class LogReader:
    """A log that someone serves; tiles are asked for once and kept while they are of use."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._tiles: OrderedDict[TilePath, list[bytes]] = OrderedDict()

    def checkpoint(self) -> str:
        """The newest published checkpoint. Raises Unreachable, Malformed."""
        return utf8(self._get("checkpoint", NOTE_MAX))

    def tile(self, path: TilePath) -> list[bytes]:
        """A tile's hashes. Raises Unreachable, Malformed."""
        if path not in self._tiles:
            data = self._get_cut(path, TILE_MAX, read_hashes)
            self._tiles[path] = data
            if len(self._tiles) > _CACHED_TILES:
                self._tiles.popitem(last=False)
        self._tiles.move_to_end(path)
        return self._tiles[path]

    def entries(self, path: TilePath) -> list[bytes]:
        """A bundle's leaves. Raises Unreachable, Malformed."""
        return self._get_cut(path, BUNDLE_MAX, read_entries)

    def inclusion_path(self, index: int, size: int) -> list[bytes]:
        """The path of a leaf in the tree of that size, from tiles."""
        return inclusion_path(index, size, self._subtrees(size))

    def consistency_path(self, old_size: int, size: int) -> list[bytes]:
        """The path between two sizes, from tiles."""
        return consistency_path(old_size, size, self._subtrees(size))

    def _subtrees(self, size: int) -> Callable[[int, int], bytes]:
        def subtree(level: int, index: int) -> bytes:
            tile_level, height = divmod(level, 8)
            first = index << height
            tile = first // WIDTH
            width = min(WIDTH, hashes_at(tile_level, size) - tile * WIDTH)
            hashes = self.tile(TilePath(tile_level, tile, width))
            place = first % WIDTH
            return root_of(hashes[place : place + (1 << height)])

        return subtree

    def _get_cut(self, path: TilePath, limit: int, read: Callable[[bytes, int], list[bytes]]) -> list[bytes]:
        answer = self._fetch(str(path), limit)
        if answer.status == 404 and path.width < WIDTH:
            # A mirror may keep the full tile alone.
            whole = self._get(str(TilePath(path.level, path.index)), limit)
            return read(whole, WIDTH)[: path.width]
        return read(_body(str(path), answer), path.width)

    def _get(self, path: str, limit: int) -> bytes:
        return _body(path, self._fetch(path, limit))


def _body(path: str, answer: Answer) -> bytes:
    if answer.status != 200:
        raise Unreachable(f"/log/{path}: status {answer.status}")
    return answer.body


def open_log(url: str, fetch: Optional[Fetch] = None) -> LogReader:
    """The log of a server, such as `https://ledger.example`. Raises Unreachable."""
    return LogReader(fetch or fetch_over_http(url))
