"""Trees, proofs of inclusion and consistency, tiles and bundles."""

from __future__ import annotations

import base64
import unittest
from typing import Any, Optional

from golden import golden, shared

from pledger.merkle import (
    EMPTY_ROOT,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_of,
    subtrees_of,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from pledger.text_forms import parse_hash
from pledger.tiles import TilePath, hashes_at, print_entries, read_entries, read_hashes, tiles_of
from pledger.verdict import Malformed, PledgerError


def _leaves_of_ct() -> list[bytes]:
    return [leaf_hash(bytes.fromhex(leaf)) for leaf in shared("rfc6962_tree")["leaf_inputs_hex"]]


def _refusal(vector: dict[str, Any], verify: Any) -> Optional[PledgerError]:
    try:
        path = [parse_hash(hash_) for hash_ in vector["proof"] or []]
        verify(path)
    except PledgerError as error:
        return error
    return None


class PublicVectors(unittest.TestCase):
    def test_rfc6962_tree(self) -> None:
        leaves = _leaves_of_ct()
        for vector in shared("rfc6962_tree")["roots_hex"]:
            self.assertEqual(root_of(leaves[: vector["size"]]).hex(), vector["root"])

    def test_ct_paths_in_both_directions(self) -> None:
        leaves = _leaves_of_ct()
        for vector in shared("ct_paths")["vectors"]:
            index, size = vector["leaf_index"], vector["tree_size"]
            path = [bytes.fromhex(hash_) for hash_ in vector["proof_hex"]]
            if index >= 0:
                verify_inclusion(leaves[index], index, size, root_of(leaves[:size]), path)
                self.assertEqual(inclusion_path(index, size, subtrees_of(leaves)), path)

    def test_ct_consistency_in_both_directions(self) -> None:
        leaves = _leaves_of_ct()
        for vector in shared("ct_consistency")["vectors"]:
            old, size = vector["size1"], vector["size2"]
            path = [bytes.fromhex(hash_) for hash_ in vector["proof_hex"]]
            verify_consistency(old, root_of(leaves[:old]), size, root_of(leaves[:size]), path)
            self.assertEqual(consistency_path(old, size, subtrees_of(leaves)), path)

    def test_merkle_inclusion(self) -> None:
        for vector in shared("merkle_inclusion")["vectors"]:
            refused = _refusal(
                vector,
                lambda path: verify_inclusion(
                    parse_hash(vector["leafHash"]),
                    vector["leafIdx"],
                    vector["treeSize"],
                    parse_hash(vector["root"]),
                    path,
                ),
            )
            self.assertEqual(refused is not None, vector["wantErr"], vector["file"])

    def test_merkle_consistency(self) -> None:
        for vector in shared("merkle_consistency")["vectors"]:
            refused = _refusal(
                vector,
                lambda path: verify_consistency(
                    vector["size1"],
                    parse_hash(vector["root1"]),
                    vector["size2"],
                    parse_hash(vector["root2"]),
                    path,
                ),
            )
            self.assertEqual(refused is not None, vector["wantErr"], vector["file"])

    def test_tile_paths(self) -> None:
        group = shared("tile_paths")
        for vector in group["vectors"]:
            level = None if vector["level"] == "entries" else vector["level"]
            path = TilePath(level, vector["index"], vector["width"])
            self.assertEqual((str(path), TilePath.parse(vector["path"])), (vector["path"], path))
        sizes = group["size_70000"]
        self.assertEqual(divmod(hashes_at(0, 70_000), 256), (sizes["full_level0"], sizes["partial_level0_width"]))
        self.assertEqual(divmod(hashes_at(1, 70_000), 256), (sizes["full_level1"], sizes["partial_level1_width"]))
        self.assertEqual(hashes_at(2, 70_000), sizes["partial_level2_width"])

    def test_tessera_bundle(self) -> None:
        group = shared("tessera_log")
        data = bytes.fromhex(group["entry_bundle_tile_entries_000.p_15_hex"])
        leaves = [leaf.encode() for leaf in group["leaves"]]
        self.assertEqual((read_entries(data, 15), print_entries(leaves)), (leaves, data))


class GoldenChain(unittest.TestCase):
    def test_roots_paths_and_tiles(self) -> None:
        chain = golden("golden_chain")
        leaves = [record["leaf"].encode() for record in chain["records"]]
        hashes = [leaf_hash(leaf) for leaf in leaves]
        self.assertEqual([hash_.hex() for hash_ in hashes], [record["leaf_hash_hex"] for record in chain["records"]])
        self.assertEqual([root_of(hashes[:size]).hex() for size in range(4)], chain["roots_hex_by_size"])
        source = subtrees_of(hashes)
        for name, path in (
            ("inclusion_of_2_in_3_hex", inclusion_path(2, 3, source)),
            ("inclusion_of_0_in_3_hex", inclusion_path(0, 3, source)),
            ("consistency_1_to_3_hex", consistency_path(1, 3, source)),
            ("consistency_2_to_3_hex", consistency_path(2, 3, source)),
        ):
            self.assertEqual([hash_.hex() for hash_ in path], chain[name])
        tile = base64.b64decode(chain["tiles"]["tile/0/000.p/3"])
        bundle = base64.b64decode(chain["tiles"]["tile/entries/000.p/3"])
        self.assertEqual((read_hashes(tile, 3), read_entries(bundle, 3)), (hashes, leaves))
        self.assertEqual((b"".join(hashes), print_entries(leaves)), (tile, bundle))


class Laws(unittest.TestCase):
    def test_every_proof_of_small_trees_holds_and_no_other_length_does(self) -> None:
        leaves = [leaf_hash(b"%d" % number) for number in range(20)]
        source = subtrees_of(leaves)
        roots = [root_of(leaves[:size]) for size in range(21)]
        self.assertEqual(roots[0], EMPTY_ROOT)
        for size in range(1, 21):
            self.assertEqual(tree_root(size, source), roots[size])
            for index in range(size):
                path = inclusion_path(index, size, source)
                verify_inclusion(leaves[index], index, size, roots[size], path)
                for wrong in (path[:-1], [*path, roots[size]]):
                    if wrong != path:
                        with self.assertRaises(PledgerError):
                            verify_inclusion(leaves[index], index, size, roots[size], wrong)
                with self.assertRaises(PledgerError):
                    verify_inclusion(leaves[index], (index + 1) % 21, size, roots[size], path)
            for old in range(size + 1):
                path = consistency_path(old, size, source)
                verify_consistency(old, roots[old], size, roots[size], path)
                for wrong in (path[:-1], [*path, roots[size]]):
                    if wrong != path:
                        with self.assertRaises(PledgerError):
                            verify_consistency(old, roots[old], size, roots[size], wrong)

    def test_tiles_of_a_size(self) -> None:
        self.assertEqual([str(path) for path in tiles_of(0, 513)], ["tile/0/000", "tile/0/001", "tile/0/002.p/1"])
        self.assertEqual([str(path) for path in tiles_of(1, 513)], ["tile/1/000.p/2"])
        self.assertEqual(list(tiles_of(2, 513)) + list(tiles_of(None, 0)), [])

    def test_other_spellings_of_a_tile_are_none(self) -> None:
        for text in (
            "tile/00/000",
            "tile/0/00",
            "tile/0/0000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/64/000",
            "tile/-1/000",
            "tile/0/000.p/",
            "/tile/0/000",
            "tile/0/000\n",
            "tile/0/x123/x456/x789/x123/x456/x789/x123/000",
        ):
            with self.subTest(text), self.assertRaises(Malformed):
                TilePath.parse(text)

    def test_damaged_bundles_and_tiles(self) -> None:
        data = print_entries([b"one", b"two"])
        for bad, width in ((data[:-1], 2), (data[:6], 2), (data, 1), (data, 3), (data + b"\x00", 2)):
            with self.assertRaises(Malformed):
                read_entries(bad, width)
        with self.assertRaises(Malformed):
            read_hashes(b"x" * 33, 1)


if __name__ == "__main__":
    unittest.main()
