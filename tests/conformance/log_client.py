#!/usr/bin/env python3
"""A second client of the public log, which shares no code with the ledger and trusts only a vkey.

    log_client.py --url http://127.0.0.1:8080 --vkey VKEY [--witness VKEY]… [--old FILE]… [--save FILE]
    log_client.py --self-test VECTORS.json…

It reads everything under `/log/` that the checkpoint promises, rebuilds the tree from the entries and
again from the tiles, proves and checks, and tries what must not be there. Python 3 alone is enough.

Prints a JSON report. Exit 0: proven good; 1: proven bad; 2: cannot tell (unreachable, unreadable, or
signed by nobody known). Source: audit specification, sections 3 to 7 and 12.
"""

import sys

sys.dont_write_bytecode = True  # The tree it lies in stays as it was checked out.

import argparse
import contextlib
import http.client
import json
import urllib.parse
from collections import namedtuple

import tiles
import tree
from note import Bad, Checkpoint, Key, Unreadable

CHECKPOINT_TYPE, CHECKPOINT_CACHING = "text/plain; charset=utf-8", "no-cache"
TILE_TYPE, TILE_CACHING = "application/octet-stream", "public, max-age=31536000, immutable"

# Spellings that are no tile's path, whatever the size of the log.
MISSPELLED = [
    "tile/0/0", "tile/0/00", "tile/0/0000", "tile/0/x000/000", "tile/0/001/000", "tile/0/x001/x000", "tile/0/X001/000",
    "tile/00/000.p/1", "tile/01/000.p/1", "tile/+0/000.p/1", "tile/-1/000.p/1", "tile/64/000.p/1", "tile//000.p/1",
    "tile/0/000.p/0", "tile/0/000.p/01", "tile/0/000.p/256", "tile/0/000.p/257", "tile/0/000.p/+1", "tile/0/000.p/",
    "tile/0/000.p", "tile/0/000.P/1", "tile/0/000.p/1/", "tile/0/-01.p/1", "tile/0/", "tile/0", "tile/",
    "tile/entries/0", "tile/entries/0.p/1", "tile/entries/x000/000.p/1", "tile/entries/000.p/0",
    "tile/entries/000.p/01", "tile/entries/000.p/256", "tile/Entries/000.p/1", "entries/000.p/1",
    "checkpoint/", "Checkpoint",
]  # fmt: skip
# Around the widths where levels begin, if the log is that long.
AROUND = (0, 1, 2, 3, 4, 5, 7, 8, 100, 254, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537)
EDGE_TRIES = 5

Answer = namedtuple("Answer", "status headers body")


class HttpSource:
    """Answers of a server, over one connection that is opened again when it was closed."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self.connection = kind(parts.hostname, parts.port, timeout=60)
        self.prefix = parts.path.rstrip("/")

    def answer(self, method, path):
        for last_try in (False, True):
            try:
                self.connection.request(method, self.prefix + path, headers={"Accept-Encoding": "identity"})
                response = self.connection.getresponse()
                headers = {name.lower(): value for name, value in response.getheaders()}
                return Answer(response.status, headers, response.read())
            except (OSError, http.client.HTTPException) as error:
                self.connection.close()
                if last_try:
                    raise Unreadable(f"{method} {path}: {error!r}") from error


class Report:
    """What was checked, by check: how often it held, and the first reasons why it did not."""

    def __init__(self):
        self.checks = {}

    def note(self, check, result="pass", reason=None):
        entry = self.checks.setdefault(check, {"id": check, "result": "pass", "count": 0, "reasons": []})
        rank = ("pass", "not_checked", "fail").index
        entry["result"] = max(entry["result"], result, key=rank)
        entry["count"] += 1
        if reason and len(entry["reasons"]) < 5:
            entry["reasons"].append(reason)

    def expect(self, check, holds, reason):
        self.note(check) if holds else self.note(check, "fail", reason)

    @contextlib.contextmanager
    def check(self, check):
        """One pass if the body ends well; failed or not checked by the kind of what it raises."""
        try:
            yield
        except (Bad, tree.ProofError) as error:
            self.note(check, "fail", str(error))
        except Unreadable as error:
            self.note(check, "not_checked", str(error))
        else:
            self.note(check)

    def result(self):
        results = {entry["result"] for entry in self.checks.values()}
        return "bad" if "fail" in results else "undecidable" if "not_checked" in results or not results else "good"


class Log:
    """The public paths of one log."""

    def __init__(self, source, report):
        self.source, self.report = source, report

    def status(self, path):
        answer = self.source.answer("GET", "/log/" + path)
        immutable = "immutable" in answer.headers.get("cache-control", "")
        self.report.expect("caching", answer.status == 200 or not immutable, f"{path}: a refusal cached for ever")
        return answer.status

    def read(self, path, content_type, caching):
        answer = self.source.answer("GET", "/log/" + path)
        if answer.status != 200:
            raise Unreadable(f"{path}: status {answer.status}")
        expected = [
            ("content_type", "content-type", content_type),
            ("caching", "cache-control", caching),
            ("public_headers", "access-control-allow-origin", "*"),
            ("public_headers", "x-content-type-options", "nosniff"),
            ("public_headers", "content-encoding", None),
            ("public_headers", "set-cookie", None),
        ]
        for check, name, want in expected:
            got = answer.headers.get(name)
            self.report.expect(check, got == want, f"{path}: {name} is {got!r}, not {want!r}")
        return answer

    def checkpoint(self, log_key, witnesses=()):
        body = self.read("checkpoint", CHECKPOINT_TYPE, CHECKPOINT_CACHING).body
        return Checkpoint.open(utf8(body), log_key, witnesses)

    def tile(self, path):
        return self.read(path, TILE_TYPE, TILE_CACHING).body

    def edge(self, log_key):
        """The size up to which tiles are promised: of the newest signed checkpoint, witnessed or not."""
        sizes = [self.checkpoint(log_key).size]
        answer = self.source.answer("GET", "/v1/checkpoints/signed")
        if answer.status == 200:
            with contextlib.suppress(Unreadable):
                sizes.append(Checkpoint.open(utf8(answer.body), log_key).size)
        return max(sizes)


def utf8(body):
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Unreadable("the note is not UTF-8") from error


def check_log(source, log_key, witnesses=(), old_notes=()):
    """(report, checkpoint) of everything that the log promises; the checkpoint is None if it cannot be read."""
    report = Report()
    log = Log(source, report)
    checkpoint = None
    with report.check("checkpoint"):
        checkpoint = log.checkpoint(log_key, witnesses)
    if checkpoint is None:
        return report, None

    leaves = levels = None
    with report.check("entries"):
        leaves = read_entries(log, checkpoint.size)
    with report.check("tiles"):
        levels = read_tiles(log, checkpoint.size)
    if leaves is not None:
        check_leaves(report, leaves)
    if leaves is not None and levels is not None:
        hashes = tree.Tree([tree.leaf_hash(leaf) for leaf in leaves])
        check_tree(report, checkpoint, hashes, levels)
        check_proofs(report, checkpoint, hashes)
        for note in old_notes:
            check_old(report, checkpoint, hashes, log_key, note)
        check_cuts(log, leaves, levels)
    check_head(log, checkpoint.size)
    check_absent(log, log_key)
    return report, checkpoint


def read_entries(log, size):
    leaves = []
    for index, width in tiles.widths(size):
        leaves += tiles.leaves_of(log.tile(tiles.path_of(tiles.ENTRIES, index, width)), width)
    return leaves


def read_tiles(log, size):
    levels = []
    for level, count in enumerate(tiles.levels(size)):
        hashes = []
        for index, width in tiles.widths(count):
            hashes += tiles.hashes_of(log.tile(tiles.path_of(level, index, width)), width)
        levels.append(hashes)
    return levels


def check_leaves(report, leaves):
    last, seen = "", {}
    for index, leaf in enumerate(leaves):
        with report.check("leaf_form"):
            seq, recorded_at, command_id = tiles.read_leaf(leaf)
            report.expect("sequence", seq == index, f"leaf {index} says it is record {seq}")
            report.expect("time_order", recorded_at >= last, f"leaf {index}: {recorded_at} after {last}")
            first = seen.setdefault(command_id, index)
            report.expect("command_id_once", first == index, f"leaf {index} repeats the command of leaf {first}")
            last = max(last, recorded_at)


def check_tree(report, checkpoint, hashes, levels):
    from_entries = hashes.root(checkpoint.size)
    from_tiles = tree.Tree(levels[0] if levels else []).root(checkpoint.size)
    for check, root in (("entries_root", from_entries), ("tiles_root", from_tiles)):
        report.expect(check, root == checkpoint.root, f"{root.hex()} instead of {checkpoint.root.hex()}")
    for level, found in enumerate(levels):
        for index, found_hash in enumerate(found):
            same = found_hash == hashes.subtree(8 * level, index)
            report.expect("tile_hashes", same, f"level {level}, hash {index} is not over the entries")


def check_proofs(report, checkpoint, hashes):
    size, root = checkpoint.size, checkpoint.root
    for index in sample(size):
        path, leaf = hashes.inclusion(index, size), hashes.subtree(0, index)
        with report.check("inclusion"):
            tree.verify_inclusion(index, size, leaf, path, root)
        with report.check("inclusion"):
            must_fail(tree.verify_inclusion, index, size, tree.leaf_hash(leaf), path, root)
    for old in sample(size + 1):
        path, old_root = hashes.consistency(old, size), hashes.root(old)
        with report.check("consistency"):
            tree.verify_consistency(old, old_root, size, root, path)
        with report.check("consistency"):
            must_fail(tree.verify_consistency, old, tree.leaf_hash(old_root), size, root, path)


def check_old(report, checkpoint, hashes, log_key, note):
    with report.check("old_consistency"):
        old = Checkpoint.open(note, log_key)
        if old.size > checkpoint.size:
            raise Bad(f"rolled back: {old.size} leaves were signed before, now {checkpoint.size}")
        path = hashes.consistency(old.size, checkpoint.size)
        tree.verify_consistency(old.size, old.root, checkpoint.size, checkpoint.root, path)


def check_cuts(log, leaves, levels):
    """Partial tiles of smaller sizes, which stay served after wider ones exist."""
    for size in sample(len(leaves)):
        for level, count in enumerate(tiles.levels(size)):
            index, width = divmod(count, tiles.FULL)
            if width:
                start = index * tiles.FULL
                with log.report.check("cut_tiles"):
                    found = tiles.hashes_of(log.tile(tiles.path_of(level, index, width)), width)
                    need(found == levels[level][start : start + width], f"level {level} at size {size} differs")
        index, width = divmod(size, tiles.FULL)
        if width:
            start = index * tiles.FULL
            with log.report.check("cut_bundles"):
                found = tiles.leaves_of(log.tile(tiles.path_of(tiles.ENTRIES, index, width)), width)
                need(found == leaves[start : start + width], f"entries at size {size} differ")


def check_head(log, size):
    paths = ["checkpoint"] + [tiles.path_of(level, *tiles.widths(size)[0]) for level in (0, tiles.ENTRIES) if size]
    for path in paths:
        with log.report.check("head"):
            head = log.source.answer("HEAD", "/log/" + path)
            get = log.source.answer("GET", "/log/" + path)
            need(head.status == get.status == 200 and not head.body, f"{path}: HEAD is not GET without a body")
            for name in ("content-type", "cache-control"):
                need(head.headers.get(name) == get.headers.get(name), f"{path}: {name} of HEAD differs from GET's")


def check_absent(log, log_key):
    for path in MISSPELLED:
        with log.report.check("misspelled"):
            status = log.status(path)
            need(status == 404, f"{path}: status {status}, not 404")
    with log.report.check("beyond_size"):
        for _ in range(EDGE_TRIES):
            size = log.edge(log_key)
            found = [path for path in beyond(size) if log.status(path) != 404]
            if size == log.edge(log_key):
                need(not found, f"answered beyond size {size}: {found}")
                return
        raise Unreadable(f"the log grew at each of {EDGE_TRIES} tries")


def beyond(size):
    """Paths, well spelled, of what a log of this size does not hold yet."""
    counts = dict(enumerate([*tiles.levels(size), 0])) | {tiles.ENTRIES: size, 63: 0}
    paths = []
    for level, count in counts.items():
        index, width = divmod(count, tiles.FULL)
        wanted = [(index, width + 1), (index, tiles.FULL), (index + 1, 1), (index + 1, tiles.FULL), (10**9, 1)]
        paths += [tiles.path_of(level, *tile) for tile in wanted]
    return paths


def sample(end):
    return sorted({n for n in (*AROUND, end // 3, end // 2, end - 2, end - 1) if 0 <= n < end})


def need(holds, why):
    if not holds:
        raise Bad(why)


def must_fail(verify, *arguments):
    """A verifier that takes everything would find nothing: try it with a wrong hash, too."""
    try:
        verify(*arguments)
    except tree.ProofError:
        return
    raise Bad("a proof of something else was taken")


def arguments():
    parser = argparse.ArgumentParser(description="Check a public log against its key.")
    parser.add_argument("--url", help="where the ledger is served; the log is below it at /log/")
    parser.add_argument("--vkey", help="the log's key")
    parser.add_argument("--witness", action="append", default=[], metavar="VKEY", help="who must have cosigned")
    parser.add_argument("--old", action="append", default=[], metavar="FILE", help="a checkpoint seen before")
    parser.add_argument("--save", metavar="FILE", help="keep the checkpoint for next time, if all is good")
    parser.add_argument("--self-test", nargs="+", metavar="FILE", help="check this program against vectors instead")
    chosen = parser.parse_args()
    if not chosen.self_test and not (chosen.url and chosen.vkey):
        parser.error("--url and --vkey, or --self-test")
    return chosen


def run(chosen):
    if chosen.self_test:
        import self_test

        return self_test.run(chosen.self_test), None
    report, checkpoint = Report(), None
    with report.check("arguments"):
        key = Key.parse(chosen.vkey)
        witnesses = [Key.parse(vkey) for vkey in chosen.witness]
        old_notes = [read_text(path) for path in chosen.old]
        report, checkpoint = check_log(HttpSource(chosen.url), key, witnesses, old_notes)
    if chosen.save and checkpoint and report.result() == "good":
        with open(chosen.save, "w", encoding="utf-8", newline="") as file:
            file.write(checkpoint.note)
    return report, checkpoint


def read_text(path):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path}: {error}") from error


def main():
    report, checkpoint = run(arguments())
    summary = {"format": "pledger/log-client-report/v1", "result": report.result()}
    if checkpoint:
        summary |= {"origin": checkpoint.origin, "size": str(checkpoint.size), "root": checkpoint.root.hex()}
    summary["checks"] = list(report.checks.values())
    print(json.dumps(summary, indent=1, ensure_ascii=False))
    return {"good": 0, "bad": 1, "undecidable": 2}[report.result()]


if __name__ == "__main__":
    sys.exit(main())
