"""The tree, judged by RFC 9162's own words and by the public vectors."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import merkle, proofs
from ledger.domain.refusals import BadProofError

VECTORS = Path(__file__).parents[1] / "data" / "rfc6962-merkle"
TREE = json.loads((VECTORS / "tree.json").read_text())
LEAVES = [bytes.fromhex(leaf) for leaf in TREE["leaf_inputs_hex"]]


def root_by_definition(hashes: list[bytes]) -> bytes:
    """RFC 9162, 2.1.1, word for word."""
    if not hashes:
        return merkle.EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return merkle.node_hash(root_by_definition(hashes[:k]), root_by_definition(hashes[k:]))


def grown(size: int) -> tuple[list[bytes], dict[tuple[int, int], bytes]]:
    hashes = [merkle.leaf_hash(str(index).encode()) for index in range(size)]
    _, nodes = merkle.append(merkle.EMPTY, hashes)
    return hashes, {(node.level, node.index): node.hash for node in nodes}


def test_every_node_and_root_of_the_public_tree_agrees():
    frontier, nodes = merkle.append(merkle.EMPTY, [merkle.leaf_hash(leaf) for leaf in LEAVES])
    for level, hashes in TREE["node_hashes_hex"].items():
        assert [node.hash.hex() for node in nodes if node.level == int(level)] == hashes
    for size, root in enumerate(TREE["root_hashes_hex_by_size"]):
        frontier, _ = merkle.append(merkle.EMPTY, [merkle.leaf_hash(leaf) for leaf in LEAVES[:size]])
        assert frontier.root().hex() == root


def _decode(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.parametrize("case", json.loads((VECTORS / "inclusion.json").read_text()), ids=lambda case: case["_path"])
def test_inclusion_vectors(case):
    def verify() -> None:
        merkle.verify_inclusion(
            _decode(case["leafHash"]),
            case["leafIdx"],
            case["treeSize"],
            [_decode(each) for each in case["proof"] or []],
            _decode(case["root"]),
        )

    try:
        verify()
        refused = False
    except BadProofError:
        refused = True
    assert refused == case["wantErr"]


@pytest.mark.parametrize("case", json.loads((VECTORS / "consistency.json").read_text()), ids=lambda case: case["_path"])
def test_consistency_vectors(case):
    def verify() -> None:
        merkle.verify_consistency(
            case["size1"],
            _decode(case["root1"]),
            case["size2"],
            _decode(case["root2"]),
            [_decode(each) for each in case["proof"] or []],
        )

    try:
        verify()
        refused = False
    except BadProofError:
        refused = True
    assert refused == case["wantErr"]


@given(st.integers(1, 300), st.data())
def test_growing_in_batches_of_any_size_gives_the_tree_of_the_definition(size, data):
    hashes = [merkle.leaf_hash(str(index).encode()) for index in range(size)]
    frontier, stored, start = merkle.EMPTY, {}, 0
    while start < size:
        step = data.draw(st.integers(1, size - start))
        frontier, nodes = merkle.append(frontier, hashes[start : start + step])
        for node in nodes:
            assert (node.level, node.index) not in stored
            stored[node.level, node.index] = node.hash
        start += step
    assert frontier.root() == root_by_definition(hashes)
    assert proofs.build_root(size, stored) == frontier.root()
    assert len(stored) == sum(size >> level for level in range(size.bit_length()))


@given(st.integers(0, 600), st.integers(0, 600))
def test_growing_level_by_level_gives_what_growing_leaf_by_leaf_gives(before, more):
    leaves = [merkle.leaf_hash(str(number).encode()) for number in range(before + more)]
    frontier, _ = merkle.append(merkle.EMPTY, leaves[:before])
    grown_frontier, spans = merkle.grow(frontier, leaves[before:])
    expected_frontier, nodes = merkle.append(frontier, leaves[before:])
    assert grown_frontier == expected_frontier
    listed = [(span.level, span.first + at, each) for span in spans for at, each in enumerate(span.hashes)]
    assert sorted(listed) == sorted((node.level, node.index, node.hash) for node in nodes)
    assert [span.level for span in spans] == list(range(len(spans))), "a level is one row"


@given(st.integers(1, 200), st.data())
def test_proofs_built_from_stored_nodes_verify_and_no_other_leaf_does(size, data):
    hashes, stored = grown(size)
    index = data.draw(st.integers(0, size - 1))
    root = root_by_definition(hashes)
    path = proofs.plan_inclusion(index, size).build(stored)
    merkle.verify_inclusion(hashes[index], index, size, path, root)
    with pytest.raises(BadProofError):
        merkle.verify_inclusion(merkle.leaf_hash(b"another"), index, size, path, root)
    old_size = data.draw(st.integers(1, size))
    proof = proofs.plan_consistency(old_size, size).build(stored)
    merkle.verify_consistency(old_size, root_by_definition(hashes[:old_size]), size, root, proof)
    with pytest.raises(BadProofError):
        merkle.verify_consistency(old_size, merkle.leaf_hash(b"another"), size, root, proof)


def test_plans_outside_the_tree_are_refused():
    for plan in (
        lambda: proofs.plan_inclusion(3, 3),
        lambda: proofs.plan_consistency(0, 3),
        lambda: proofs.plan_consistency(4, 3),
    ):
        with pytest.raises(BadProofError):
            plan()
    with pytest.raises(BadProofError, match="missing"):
        proofs.plan_inclusion(0, 2).build({})
    with pytest.raises(BadProofError):
        merkle.Frontier(3, (b"",))
