"""Walking over leaves in stretches gives the same nodes and the same edge as appending them one by one."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import merkle
from ledger.domain.refusals import BadProofError
from ledger.domain.tree_walk import TreeWalk, levels_within, subtrees_of


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(sha256(bytes([number % 256, number // 256])).digest()) for number in range(count)]


@given(st.lists(st.integers(1, 70), min_size=1, max_size=6), st.integers(0, 200))
def test_any_stretches_complete_every_node_once(stretches, before):
    all_leaves = leaves(before + sum(stretches))
    frontier, earlier = merkle.append(merkle.EMPTY, all_leaves[:before])
    walk = TreeWalk.at(before, frontier.peaks)
    found = []
    start = before
    for stretch in stretches:
        levels = levels_within(start, all_leaves[start : start + stretch])
        for level in levels:
            found += [merkle.Node(level.level, level.first + at, each) for at, each in enumerate(level.hashes)]
        found += walk.add(subtrees_of(levels, start, start + stretch))
        start += stretch
    expected_frontier, expected = merkle.append(frontier, all_leaves[before:])
    assert sorted(found, key=lambda node: (node.level, node.index)) == sorted(
        expected, key=lambda node: (node.level, node.index)
    )
    assert walk.frontier == expected_frontier
    assert len(earlier) + len(found) == 2 * start - start.bit_count()


def test_an_edge_of_the_wrong_length_is_refused():
    with pytest.raises(BadProofError):
        TreeWalk.at(3, [b""])
