"""The client's own code against vectors, then the whole client against made-up logs, good and faulty.

A group of vectors that the file does not hold is left out; `golden_chain` must be there. The public
groups are those that the audit specification names in its sections 2 to 7.
"""

import base64
import hashlib
import json
import re

import ed25519
import tiles
import tree
from log_client import TILE_CACHING, TILE_TYPE, Answer, Report, check_log, need
from note import COSIGNATURE, LOG, Bad, Checkpoint, Key, Unreadable, open_note


def run(paths):
    report = Report()
    for path in paths:
        with open(path, encoding="utf-8") as file:
            check_vectors(report, json.load(file))
    for size in (0, 1, 2, 255, 256, 257, 600, 70_000):
        with report.check("made_up_log"):
            result, checks = judge(size)
            need(result == "good", f"a good log of {size}: {checks}")
    for result, check, *fault in FAULTS:
        with report.check("made_up_fault"):
            found, checks = judge(600, *fault)
            need(found == result and check in checks, f"{check}: {found}, {checks}")
    return report


# Vectors ---------------------------------------------------------------------------------------


def check_vectors(report, vectors):
    if "golden_chain" not in vectors:
        report.note("golden_chain", "not_checked", "the file has no such group")
    for group, check in GROUPS.items():
        if group in vectors:
            with report.check(group):
                check(vectors[group])
    if "ct_paths" in vectors:
        with report.check("ct_paths"):
            check_ct_paths(vectors)


def check_tree(group):
    hashes = tree.Tree([tree.leaf_hash(bytes.fromhex(leaf)) for leaf in group["leaf_inputs_hex"]])
    for row in group["roots_hex"]:
        need(hashes.root(row["size"]).hex() == row["root"], f"root of {row['size']} leaves")
    for size in range(len(hashes) + 1):
        for index in range(size):
            path = hashes.inclusion(index, size)
            tree.verify_inclusion(index, size, hashes.subtree(0, index), path, hashes.root(size))
        for old in range(size + 1):
            path = hashes.consistency(old, size)
            tree.verify_consistency(old, hashes.root(old), size, hashes.root(size), path)


def check_ct_paths(vectors):
    """Paths of Certificate Transparency's own tests, over the tree of `rfc6962_tree`."""
    hashes = tree.Tree([tree.leaf_hash(bytes.fromhex(leaf)) for leaf in vectors["rfc6962_tree"]["leaf_inputs_hex"]])
    for row in vectors["ct_paths"]["vectors"]:
        if row["leaf_index"] >= 0:
            path = hashes.inclusion(row["leaf_index"], row["tree_size"])
            need([step.hex() for step in path] == row["proof_hex"], f"path of {row['leaf_index']}")
    for row in vectors["ct_consistency"]["vectors"]:
        path = hashes.consistency(row["size1"], row["size2"])
        need([step.hex() for step in path] == row["proof_hex"], f"from {row['size1']} to {row['size2']}")


def check_inclusion(group):
    for row in group["vectors"]:
        path = [base64.b64decode(step) for step in row["proof"] or []]
        leaf, root = base64.b64decode(row["leafHash"] or ""), base64.b64decode(row["root"] or "")
        same_verdict(row, tree.verify_inclusion, row["leafIdx"], row["treeSize"], leaf, path, root)


def check_consistency(group):
    for row in group["vectors"]:
        path = [base64.b64decode(step) for step in row["proof"] or []]
        old_root, root = base64.b64decode(row["root1"] or ""), base64.b64decode(row["root2"] or "")
        # The source refuses every proof from size 0; here the empty path from the empty root is one.
        if row["size1"] == 0 and not path and old_root == tree.EMPTY_ROOT:
            continue
        same_verdict(row, tree.verify_consistency, row["size1"], old_root, row["size2"], root, path)


def same_verdict(row, verify, *arguments):
    try:
        verify(*arguments)
        refused = False
    except tree.ProofError:
        refused = True
    need(refused == row["wantErr"], f"{row['file']}: refused is {refused}")


def check_signed_notes(rows):
    for row in rows:
        key = Key.parse(row["vkey"])
        text, _ = open_note(row["note"], [key])
        if text.count("\n") == 3:
            Checkpoint.parse(text, row.get("origin", key.name), row["note"])
        changed = row["note"].replace(text[0], "?", 1)
        need(verdict(open_note, changed, [key]) == "bad", f"{row['name']}: a changed text was taken")


def check_cosignatures(group):
    for row in group["vectors"]:
        key = Key.parse(row["vkey"])
        need(key.kind == COSIGNATURE, "the key is no cosigner's")
        open_note(row["note"], [key])


def check_vkeys(group):
    for row in group["good"]:
        need(Key.parse(row["vkey"]).kind == row["type"], row["vkey"])
    for vkey in group["bad"]:
        need(verdict(Key.parse, vkey) == "undecidable", f"taken: {vkey}")


def check_tile_paths(group):
    for row in group["vectors"]:
        path = tiles.path_of(row["level"], row["index"], row["width"])
        need(path == row["path"], f"{path} instead of {row['path']}")
    want = group["size_70000"]
    level0, level1, level2 = (tiles.widths(count) for count in tiles.levels(70_000))
    need(level0[-1] == (want["full_level0"], want["partial_level0_width"]), "level 0")
    need(level1[-1] == (want["full_level1"], want["partial_level1_width"]), "level 1")
    need(level2 == [(0, want["partial_level2_width"])], "level 2")


def check_tessera_log(group):
    leaves = [leaf.encode() for leaf in group["leaves"]]
    bundle = bytes.fromhex(group["entry_bundle_tile_entries_000.p_15_hex"])
    need(tiles.leaves_of(bundle, 15) == leaves, "entries of the bundle")
    key = Key.parse(group["vkey"])
    hashes = tree.Tree(map(tree.leaf_hash, leaves))
    for note in group["checkpoints"]:
        checkpoint = Checkpoint.open(note, key)
        need(hashes.root(checkpoint.size) == checkpoint.root, f"root of size {checkpoint.size}")


def check_tlog_proof(group):
    for row in group["valid"]:
        index, path, checkpoint = read_proof(row["text"], Key.parse(row["vkey"]))
        leaf = tree.leaf_hash(row["leaf"].encode())
        tree.verify_inclusion(index, checkpoint.size, leaf, path, checkpoint.root)


def check_leaves(group):
    for leaf in group["good"]:
        tiles.read_leaf(leaf.encode())
    for row in group["bad"]:
        need(verdict(tiles.read_leaf, row["leaf"].encode()) == "bad", f"taken: {row['name']}")


def check_ed25519(group):
    message = base64.b64decode(group["message_b64"])
    for row in group["vectors"]:
        public, signature = bytes.fromhex(row["public_hex"]), bytes.fromhex(row["sig_hex"])
        need(ed25519.verify(public, message, signature) == row["ok"], row["name"])
    for public in group["weak_public_keys_hex"]:
        need(not ed25519.key_is_good(bytes.fromhex(public)), f"weak key taken: {public}")


def check_golden_chain(group):
    leaves = [record["leaf"].encode() for record in group["records"]]
    hashes = tree.Tree(map(tree.leaf_hash, leaves))
    for seq, record in enumerate(group["records"]):
        need(hashes.subtree(0, seq).hex() == record["leaf_hash_hex"], f"leaf hash {seq}")
        want = (int(record["seq"]), record["recorded_at"], record["pae_sha256_command_id"])
        need(tiles.read_leaf(leaves[seq]) == want, f"leaf {seq}")
    for size, root in enumerate(group["roots_hex_by_size"]):
        need(hashes.root(size).hex() == root, f"root of size {size}")
    need([p.hex() for p in hashes.inclusion(0, 3)] == group["inclusion_of_0_in_3_hex"], "inclusion of 0")
    need([p.hex() for p in hashes.inclusion(2, 3)] == group["inclusion_of_2_in_3_hex"], "inclusion of 2")
    need([p.hex() for p in hashes.consistency(1, 3)] == group["consistency_1_to_3_hex"], "consistency 1 to 3")
    need([p.hex() for p in hashes.consistency(2, 3)] == group["consistency_2_to_3_hex"], "consistency 2 to 3")

    served = {path: base64.b64decode(text) for path, text in group["tiles"].items()}
    need(tiles.hashes_of(served["tile/0/000.p/3"], 3) == hashes.rows[0], "tile")
    need(tiles.leaves_of(served["tile/entries/000.p/3"], 3) == leaves, "entries")

    keys = {key["name"]: Key.parse(key["vkey"]) for key in group["keys"] if "vkey" in key}
    log_key = keys[group["origin"]]
    witnesses = [keys["witness.example/w1"], keys["witness.example/w2"]]
    for note, cosigners in ((group["checkpoint_log_signed"], []), (group["checkpoint_cosigned"], witnesses)):
        checkpoint = Checkpoint.open(note, log_key, cosigners)
        need((checkpoint.size, checkpoint.root) == (3, hashes.root(3)), "checkpoint")
    audited = group["checkpoint_log_signed"] + group["auditor_cosignature_line"]
    Checkpoint.open(audited, log_key, [keys["auditor.example/pledger-replay"]])
    index, path, checkpoint = read_proof(group["tlog_proof_of_2"], log_key)
    tree.verify_inclusion(index, checkpoint.size, hashes.subtree(0, 2), path, checkpoint.root)

    seeds = {key["name"]: bytes.fromhex(key["seed_hex"]) for key in group["keys"] if "vkey" in key}
    signed = sign_note(group["checkpoint_text"], log_key, seeds[log_key.name])
    need(signed == group["checkpoint_log_signed"], "the log's signature")


def read_proof(text, log_key):
    head, _, note = text.partition("\n\n")
    lines = [line for line in head.split("\n")[1:] if not line.startswith("extra ")]
    path = [base64.b64decode(line) for line in lines[1:]]
    return int(lines[0].removeprefix("index ")), path, Checkpoint.open(note, log_key)


def verdict(function, *arguments):
    try:
        function(*arguments)
    except Bad:
        return "bad"
    except Unreadable:
        return "undecidable"
    return "good"


GROUPS = {
    "rfc6962_tree": check_tree,
    "merkle_inclusion": check_inclusion,
    "merkle_consistency": check_consistency,
    "signed_notes": check_signed_notes,
    "cosignatures_v1": check_cosignatures,
    "vkeys": check_vkeys,
    "tile_paths": check_tile_paths,
    "tessera_log": check_tessera_log,
    "tlog_proof": check_tlog_proof,
    "record_leaves": check_leaves,
    "ed25519_strict": check_ed25519,
    "golden_chain": check_golden_chain,
}

# Made-up logs ------------------------------------------------------------------------------------

ORIGIN = "ledger.example/made-up"
SEED = hashlib.sha256(b"pledger/conformance/made-up").digest()


def vkey_of(name, seed):
    material = bytes([LOG]) + ed25519.public_key(seed)
    key_id = hashlib.sha256(name.encode() + b"\n" + material).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(material).decode()}"


def sign_note(text, key, seed):
    blob = key.id + ed25519.sign(seed, text.encode())
    return f"{text}\n— {key.name} {base64.b64encode(blob).decode()}\n"


KEY = Key.parse(vkey_of(ORIGIN, SEED))


def made_up_leaf(seq):
    ids = hashlib.sha256(f"command {seq}".encode()), hashlib.sha256(f"envelope {seq}".encode())
    time = f"2026-01-02T{seq // 3600_000:02}:{seq // 60_000 % 60:02}:{seq // 1000 % 60:02}.{seq % 1000:03}Z"
    return f"pledger/record/v1\n{seq}\n{time}\n{ids[0].hexdigest()}\n{ids[1].hexdigest()}\n".encode()


class MadeUpLog:
    """A server of one log, in memory."""

    def __init__(self, leaves):
        self.leaves = leaves
        self.tree = tree.Tree(map(tree.leaf_hash, leaves))
        self.size = len(leaves)
        self.note = self.checkpoint(self.size, self.tree.root(self.size))

    def checkpoint(self, size, root, origin=ORIGIN):
        return sign_note(f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n", KEY, SEED)

    def answer(self, method, path):
        headers = {"access-control-allow-origin": "*", "x-content-type-options": "nosniff"}
        if path == "/log/checkpoint":
            headers |= {"content-type": "text/plain; charset=utf-8", "cache-control": "no-cache"}
            body = self.note.encode()
        else:
            headers |= {"content-type": TILE_TYPE, "cache-control": TILE_CACHING}
            body = self.tile(path)
        if body is None:
            return Answer(404, {"content-type": "application/problem+json"}, b"{}")
        return Answer(200, headers, b"" if method == "HEAD" else body)

    def tile(self, path):
        groups = r"((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
        match = re.fullmatch(rf"/log/tile/(entries|0|[1-9]|[1-5][0-9]|6[0-3])/{groups}", path)
        if not match:
            return None
        index, width = int(re.sub("[x/]", "", match[2])), int(match[3] or tiles.FULL)
        level = match[1] if match[1] == tiles.ENTRIES else int(match[1])
        start, height = index * tiles.FULL, 0 if level == tiles.ENTRIES else 8 * level
        well_spelled = width <= tiles.FULL and path == "/log/" + tiles.path_of(level, index, width)
        if not well_spelled or start + width > self.size >> height:
            return None
        places = range(start, start + width)
        if level == tiles.ENTRIES:
            return b"".join(len(self.leaves[i]).to_bytes(2, "big") + self.leaves[i] for i in places)
        return b"".join(self.tree.subtree(height, i) for i in places)


def judge(size, change=None, leaf=None, old=None):
    """(result, ids of the checks that did not pass) over a made-up log with one fault."""
    leaves = [made_up_leaf(seq) for seq in range(size)]
    if leaf is not None:
        leaves[leaf[0]] = leaf[1]
    log = MadeUpLog(leaves)
    old_notes = [log.checkpoint(n, log.tree.root(n)) for n in (0, size // 2, size)]
    old_notes += [old(log)] if old else []
    source = Changed(log, change) if change else log
    report, _ = check_log(source, KEY, old_notes=old_notes)
    return report.result(), [check["id"] for check in report.checks.values() if check["result"] != "pass"]


class Changed:
    """A server whose answers `change` alters: (path, answer) to the answer that is given."""

    def __init__(self, log, change):
        self.log, self.change = log, change

    def answer(self, method, path):
        return self.change(path, self.log.answer(method, path))


def flipped(where, place):
    """Answers at one path with one bit changed."""

    def change(path, answer):
        body = bytearray(answer.body)
        if path == where and body:
            body[place] ^= 1
        return answer._replace(body=bytes(body))

    return change


def with_header(name, value, among):
    def change(path, answer):
        touched = answer.status == 200 and among in path
        return answer._replace(headers={**answer.headers, name: value}) if touched else answer

    return change


def answered(where, status, body=b"", headers=None):
    def change(path, answer):
        return Answer(status, headers or {}, body) if re.fullmatch(where, path) else answer

    return change


def unchanged(path, answer):
    return answer


def other_note(text):
    def change(path, answer):
        return answer._replace(body=text.encode()) if path == "/log/checkpoint" else answer

    return change


SMALL = MadeUpLog([made_up_leaf(seq) for seq in range(3)])
OTHER_SEED = hashlib.sha256(b"pledger/conformance/other").digest()
OTHER_KEY = Key.parse(vkey_of(ORIGIN, OTHER_SEED))
LATE = made_up_leaf(5).replace(b"T00:00:00.005Z", b"T00:00:00.003Z")
TWICE = made_up_leaf(9).replace(made_up_leaf(9).split(b"\n")[3], made_up_leaf(8).split(b"\n")[3])
EMPTY_TEXT = f"{ORIGIN}\n0\n{base64.b64encode(tree.EMPTY_ROOT).decode()}\n"

# (result, check that must not pass, change of the answers, a leaf of its own, an old note of its own)
FAULTS = [
    ("bad", "checkpoint", flipped("/log/checkpoint", 30)),
    ("bad", "checkpoint", other_note(SMALL.checkpoint(3, SMALL.tree.root(3), "ledger.example/other"))),
    ("bad", "checkpoint", other_note(SMALL.checkpoint(0, SMALL.tree.root(3)))),
    ("undecidable", "checkpoint", other_note(EMPTY_TEXT)),
    ("undecidable", "checkpoint", other_note(sign_note(EMPTY_TEXT, OTHER_KEY, OTHER_SEED))),
    ("undecidable", "checkpoint", answered("/log/checkpoint", 503)),
    ("bad", "old_consistency", other_note(SMALL.note)),
    ("bad", "beyond_size", other_note(SMALL.note)),
    ("bad", "entries_root", flipped("/log/tile/entries/001", 150)),
    ("bad", "entries", flipped("/log/tile/entries/000", 1)),
    ("bad", "tiles_root", flipped("/log/tile/0/002.p/88", 0)),
    ("bad", "tile_hashes", flipped("/log/tile/1/000.p/2", 63)),
    ("bad", "cut_tiles", flipped("/log/tile/0/000.p/100", 5)),
    ("bad", "cut_bundles", flipped("/log/tile/entries/000.p/100", 90)),
    ("undecidable", "cut_tiles", answered("/log/tile/0/000.p/100", 404)),
    ("undecidable", "tiles", answered("/log/tile/0/001", 404)),
    ("undecidable", "entries", answered("/log/tile/entries/001", 500)),
    ("bad", "tiles", answered("/log/tile/0/000", 200, bytes(32))),
    ("bad", "beyond_size", answered("/log/tile/0/002.p/89", 200, bytes(32 * 89))),
    ("bad", "beyond_size", answered("/log/tile/0/002", 200)),
    ("bad", "misspelled", answered(r"/log/tile/entries/000\.p/01", 200)),
    ("bad", "misspelled", answered("/log/tile/0/x000/000", 301)),
    ("bad", "caching", answered("/log/tile/64/.*", 404, b"", {"cache-control": TILE_CACHING})),
    ("bad", "caching", with_header("cache-control", "public", "/tile/")),
    ("bad", "caching", with_header("cache-control", TILE_CACHING, "/checkpoint")),
    ("bad", "content_type", with_header("content-type", "text/plain", "/tile/")),
    ("bad", "content_type", with_header("content-type", "text/plain", "/checkpoint")),
    ("bad", "public_headers", with_header("set-cookie", "a=b", "/tile/")),
    ("bad", "public_headers", with_header("content-encoding", "gzip", "/tile/")),
    ("bad", "leaf_form", unchanged, (7, b"pledger/record/v2\n")),
    ("bad", "sequence", unchanged, (7, made_up_leaf(8))),
    ("bad", "time_order", unchanged, (5, LATE)),
    ("bad", "command_id_once", unchanged, (9, TWICE)),
    ("bad", "old_consistency", unchanged, None, lambda log: log.checkpoint(5, log.tree.root(6))),
    ("bad", "old_consistency", unchanged, None, lambda log: log.checkpoint(600, log.tree.root(6))),
    ("bad", "old_consistency", unchanged, None, lambda log: log.checkpoint(601, log.tree.root(6))),
    ("undecidable", "old_consistency", unchanged, None, lambda log: "not a note"),
]
