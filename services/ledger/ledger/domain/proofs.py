"""Building inclusion and consistency proofs from stored complete nodes (RFC 9162, 2.1.3.1 and 2.1.4.1)."""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.domain.merkle import EMPTY_ROOT, fold
from ledger.domain.refusals import BadProofError

NodeId = tuple[int, int]  # (level, index) of a complete node


@dataclass(frozen=True, slots=True)
class ProofPlan:
    """Which complete nodes each hash of a proof is folded from: first ask for `nodes`, then `build`."""

    parts: tuple[tuple[NodeId, ...], ...]

    @property
    def nodes(self) -> list[NodeId]:
        return [node for part in self.parts for node in part]

    def build(self, stored: Mapping[NodeId, bytes]) -> list[bytes]:
        try:
            return [fold([stored[node] for node in part]) for part in self.parts]
        except KeyError as missing:
            raise BadProofError(f"node {missing} of the tree is missing") from None


def complete_nodes(start: int, end: int) -> tuple[NodeId, ...]:
    """The complete nodes that make up leaves start..end-1 of a subtree, the largest first.

    `start` is a multiple of the largest power of two not above `end - start`, as for every subtree of RFC 9162.
    """
    nodes: list[NodeId] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return tuple(nodes)


def plan_root(size: int) -> ProofPlan:
    """The root of the first `size` leaves, as the one hash of a plan."""
    return ProofPlan((complete_nodes(0, size),)) if size else ProofPlan(())


def build_root(size: int, stored: Mapping[NodeId, bytes]) -> bytes:
    return plan_root(size).build(stored)[0] if size else EMPTY_ROOT


def plan_inclusion(index: int, size: int) -> ProofPlan:
    """The audit path of leaf `index` in the tree of `size`, from the leaf upwards."""
    if not 0 <= index < size:
        raise BadProofError(f"index {index} is outside a tree of {size}")
    start, end = 0, size
    parts: list[tuple[NodeId, ...]] = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            parts.append(complete_nodes(middle, end))
            end = middle
        else:
            parts.append(complete_nodes(start, middle))
            start = middle
    return ProofPlan(tuple(reversed(parts)))


def plan_consistency(old_size: int, size: int) -> ProofPlan:
    """That the tree of `size` begins with the tree of `old_size`; no hashes when they are equal."""
    if not 0 < old_size <= size:
        raise BadProofError(f"no consistency from {old_size} to {size}")
    start, end = 0, size
    whole = True  # the old tree is the subtree itself: the verifier knows its root already
    parts: list[tuple[NodeId, ...]] = []
    while end != old_size:
        middle = start + _split(end - start)
        if old_size <= middle:
            parts.append(complete_nodes(middle, end))
            end = middle
        else:
            parts.append(complete_nodes(start, middle))
            start, whole = middle, False
    if not whole:
        parts.append(complete_nodes(start, end))
    return ProofPlan(tuple(reversed(parts)))


def _split(width: int) -> int:
    """The largest power of two below `width` (RFC 9162: k < n <= 2k)."""
    half: int = 1 << ((width - 1).bit_length() - 1)
    return half
