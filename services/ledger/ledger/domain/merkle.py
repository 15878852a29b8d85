"""The Merkle tree of RFC 9162 section 2 (the same as RFC 6962): hashes, growth by batches, verification of proofs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from ledger.domain.refusals import BadProofError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Node:
    """A complete node: the root of the 2^level leaves that start at `index * 2^level`."""

    level: int
    index: int
    hash: bytes


class Span(NamedTuple):
    """Neighbouring complete nodes of one level, the first of them at `first`."""

    level: int
    first: int
    hashes: list[bytes]


@dataclass(frozen=True, slots=True)
class Frontier:
    """The tree's right edge: its size and the roots of its complete subtrees, the largest first."""

    size: int
    peaks: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise BadProofError(f"{len(self.peaks)} peaks do not fit a tree of {self.size}")

    def root(self) -> bytes:
        return fold(self.peaks) if self.peaks else EMPTY_ROOT


EMPTY: Final = Frontier(0, ())


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over adjoining subtrees given from left to right, each larger than what follows it."""
    root = hashes[-1]
    for left in reversed(hashes[:-1]):
        root = node_hash(left, root)
    return root


def append(frontier: Frontier, leaf_hashes: Iterable[bytes]) -> tuple[Frontier, list[Node]]:
    """Grows the tree; gives the new edge and every node that became complete, the leaves included.

    Complete nodes never change again: they can be stored once and served as immutable tiles.
    """
    peaks = list(frontier.peaks)
    size = frontier.size
    completed: list[Node] = []
    for leaf in leaf_hashes:
        level, index, current = 0, size, leaf
        completed.append(Node(0, index, current))
        while index & 1:  # the left sibling is complete too: they make a parent
            current = node_hash(peaks.pop(), current)
            level, index = level + 1, index >> 1
            completed.append(Node(level, index, current))
        peaks.append(current)
        size += 1
    return Frontier(size, tuple(peaks)), completed


def grow(frontier: Frontier, leaf_hashes: Sequence[bytes]) -> tuple[Frontier, list[Span]]:
    """The same as `append`, level by level: of each level the nodes that became complete, which are neighbours."""
    peaks = dict(zip(_levels_of(frontier.size), frontier.peaks, strict=True))
    spans: list[Span] = []
    level, first, row = 0, frontier.size, list(leaf_hashes)
    while row:
        spans.append(Span(level, first, row))
        # Left of a row that begins with a right child waits its sibling, the peak of this level.
        pairs = [peaks.pop(level), *row] if first & 1 else row
        if len(pairs) & 1:
            peaks[level] = pairs[-1]
        row = [node_hash(pairs[at], pairs[at + 1]) for at in range(0, len(pairs) - 1, 2)]
        level, first = level + 1, first >> 1
    size = frontier.size + len(leaf_hashes)
    return Frontier(size, tuple(peaks[level] for level in _levels_of(size))), spans


def _levels_of(size: int) -> list[int]:
    """The levels of the peaks of a tree, the largest first."""
    return [level for level in reversed(range(size.bit_length())) if size >> level & 1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162, 2.1.3.2: raises BadProofError unless `leaf` (a leaf hash) is at `index` of the tree with that root."""
    if not 0 <= index < size:
        raise BadProofError(f"index {index} is outside a tree of {size}")
    _check_lengths([leaf, root, *proof])
    fn, sn, current = index, size - 1, leaf
    for sibling in proof:
        if sn == 0:
            raise BadProofError("the proof is too long")
        if fn & 1 or fn == sn:
            current = node_hash(sibling, current)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            current = node_hash(current, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise BadProofError("the proof is too short")
    if current != root:
        raise BadProofError("the proof leads to another root")


def verify_consistency(  # noqa: C901, PLR0912 -- the steps of the RFC in their order; parts of them would mean nothing
    old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> None:
    """RFC 9162, 2.1.4.2: raises BadProofError unless the tree of `size` begins with the tree of `old_size`.

    Size 0 has no proof here: callers that accept it (a witness's first checkpoint) demand an empty proof themselves.
    """
    if not 0 < old_size <= size:
        raise BadProofError(f"no consistency from {old_size} to {size}")
    if old_size == size:
        if proof or old_root != root:
            raise BadProofError("one size has one root and needs no proof")
        return
    _check_lengths([old_root, root, *proof])
    path = list(proof)
    if old_size.bit_count() == 1:
        path.insert(0, old_root)  # the old tree is itself a complete subtree
    if not path:
        raise BadProofError("the proof is empty")
    fn, sn = old_size - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old_current = current = path[0]
    for sibling in path[1:]:
        if sn == 0:
            raise BadProofError("the proof is too long")
        if fn & 1 or fn == sn:
            old_current, current = node_hash(sibling, old_current), node_hash(sibling, current)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            current = node_hash(current, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise BadProofError("the proof is too short")
    if old_current != old_root:
        raise BadProofError("the proof does not begin at the old root")
    if current != root:
        raise BadProofError("the proof leads to another root")


def _check_lengths(hashes: Iterable[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise BadProofError(f"a hash has {HASH_BYTES} bytes")
