"""Walking over the leaves from left to right in stretches: every complete node is computed again, each once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

from ledger.domain.merkle import Frontier, Node, node_hash
from ledger.domain.proofs import complete_nodes
from ledger.domain.refusals import BadProofError


@dataclass(frozen=True, slots=True)
class Level:
    """Neighbouring nodes of one level, the first of them at `first`."""

    level: int
    first: int
    hashes: list[bytes]


def levels_within(start: int, leaves: Sequence[bytes]) -> list[Level]:
    """The complete nodes that lie wholly over leaves start..start+n-1, level by level, the leaves first."""
    levels: list[Level] = []
    level, first, hashes = 0, start, list(leaves)
    while hashes:
        levels.append(Level(level, first, hashes))
        from_ = first & 1  # a right child's parent begins before the stretch
        # As `node_hash`, without a call for each: there are as many as leaves.
        pairs = zip(hashes[from_::2], hashes[from_ + 1 :: 2], strict=False)
        hashes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        level, first = level + 1, (first + 1) >> 1
    return levels


def subtrees_of(levels: Sequence[Level], start: int, end: int) -> list[Node]:
    """The largest complete subtrees that make up leaves start..end-1, from left to right."""
    parts: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        index = start >> level
        parts.append(Node(level, index, levels[level].hashes[index - levels[level].first]))
        start += 1 << level
    return parts


@dataclass(slots=True)
class TreeWalk:
    """The right edge so far. `add` gives the nodes that a stretch completes together with what came before it."""

    size: int = 0
    edge: list[Node] = field(default_factory=list)

    @classmethod
    def at(cls, size: int, peaks: Sequence[bytes]) -> Self:
        plan = complete_nodes(0, size)
        if len(peaks) != len(plan):
            raise BadProofError(f"{len(peaks)} peaks do not fit a tree of {size}")
        return cls(size, [Node(level, index, peak) for (level, index), peak in zip(plan, peaks, strict=True)])

    def add(self, subtrees: Sequence[Node]) -> list[Node]:
        completed: list[Node] = []
        for subtree in subtrees:
            node = subtree
            while node.index & 1:
                left = self.edge.pop()
                node = Node(node.level + 1, node.index >> 1, node_hash(left.hash, node.hash))
                completed.append(node)
            self.edge.append(node)
            self.size += 1 << subtree.level
        return completed

    @property
    def frontier(self) -> Frontier:
        return Frontier(self.size, tuple(node.hash for node in self.edge))
