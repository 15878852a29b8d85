"""The Merkle tree of RFC 9162, section 2 (the same as RFC 6962): proofs, and a root that grows leaf by leaf."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from impactnet_verify.encodings import HASH_BYTES
from impactnet_verify.failures import NotVerifiedError, require

EMPTY_ROOT: Final = sha256(b"").digest()
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"
# Leaves are gathered and hashed in one sweep; a power of two, so that a full gathering is one node of the tree.
_GATHERED_LEVEL: Final = 8
_GATHERED: Final = 1 << _GATHERED_LEVEL


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(_LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()


class GrowingTree:
    """The root of the leaves so far; holds one hash per level and up to 256 leaves, however long the log is."""

    def __init__(self) -> None:
        self._leaves: list[bytes] = []
        # Roots of complete subtrees from left to right, with their levels, which fall strictly.
        self._peaks: list[tuple[int, bytes]] = []

    def append(self, leaf: bytes) -> None:
        self._leaves.append(sha256(_LEAF + leaf).digest())
        if len(self._leaves) == _GATHERED:
            self._push(_GATHERED_LEVEL, _root(self._leaves))
            self._leaves = []

    def _push(self, level: int, peak: bytes) -> None:
        while self._peaks and self._peaks[-1][0] == level:
            peak = node_hash(self._peaks.pop()[1], peak)
            level += 1
        self._peaks.append((level, peak))

    def root(self) -> bytes:
        parts = [peak for _, peak in self._peaks] + ([_root(self._leaves)] if self._leaves else [])
        if not parts:
            return EMPTY_ROOT
        root = parts.pop()
        while parts:
            root = node_hash(parts.pop(), root)
        return root


def _root(hashes: list[bytes]) -> bytes:
    """The root over leaf hashes: pairs become nodes, an odd one rises as it is (equal to RFC 9162's recursion)."""
    while len(hashes) > 1:
        odd = hashes[-1:] if len(hashes) % 2 else []
        hashes = [
            sha256(_NODE + left + right).digest() for left, right in zip(hashes[::2], hashes[1::2], strict=False)
        ] + odd
    return hashes[0]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """RFC 9162, 2.1.3.2, for a leaf hash: raises NotVerifiedError unless it is at `index` of that tree."""
    require(0 <= index < size, f"inclusion: index {index} is outside a tree of {size}")
    _check_lengths(leaf, root, *path)
    fn, sn, current = index, size - 1, leaf
    for sibling in path:
        require(sn, "inclusion: the path is too long")
        if fn & 1 or fn == sn:
            current = node_hash(sibling, current)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            current = node_hash(current, sibling)
        fn, sn = fn >> 1, sn >> 1
    require(not sn, "inclusion: the path is too short")
    require(current == root, "inclusion: the path leads to another root than was signed")


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """RFC 9162, 2.1.4.2: raises NotVerifiedError unless the tree of `size` begins with the tree of `old_size` > 0."""
    require(0 < old_size <= size, f"consistency: from {old_size} to {size} is no growth")
    if old_size == size:
        require(not path, "consistency: between equal sizes the proof is empty")
        require(old_root == root, "consistency: two roots for one size")
        return
    _check_lengths(old_root, root, *path)
    # A complete old tree is itself the first node of the path.
    hashes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    require(hashes, "consistency: the proof is empty")
    fn, sn = old_size - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    old_current = current = hashes[0]
    for sibling in hashes[1:]:
        require(sn, "consistency: the proof is too long")
        if fn & 1 or fn == sn:
            old_current, current = node_hash(sibling, old_current), node_hash(sibling, current)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            current = node_hash(current, sibling)
        fn, sn = fn >> 1, sn >> 1
    require(not sn, "consistency: the proof is too short")
    require(old_current == old_root, "consistency: the proof does not begin at the old root")
    require(current == root, "consistency: the proof does not lead to the new root")


def _check_lengths(*hashes: bytes) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise NotVerifiedError(f"a hash has {HASH_BYTES} bytes")
