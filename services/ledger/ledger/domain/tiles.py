"""Paths and bytes of C2SP tlog-tiles: the tree as immutable files that any tlog tool can audit."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ledger.domain.merkle import HASH_BYTES
from ledger.domain.refusals import BadShapeError

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 256
LEVEL_MAX: Final = 7  # 2^64 leaves need no more than eight levels of tiles
_LENGTH_BYTES: Final = 2
# 21 digits reach beyond every tile of 2^64 leaves; thousands of them are a number that Python refuses to read.
_PATH: Final = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: `width` hashes of tile level `level`, or (level None) a bundle of `width` entries."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    @property
    def partial(self) -> bool:
        return self.width < TILE_WIDTH

    @property
    def node_level(self) -> int:
        """The level in the tree (leaves are 0) of the hashes of this tile."""
        return (self.level or 0) * TILE_HEIGHT

    @property
    def first(self) -> int:
        return self.index * TILE_WIDTH

    @property
    def path(self) -> str:
        level = "entries" if self.level is None else str(self.level)
        suffix = f".p/{self.width}" if self.partial else ""
        return f"tile/{level}/{encode_index(self.index)}{suffix}"

    def within(self, tree_size: int) -> bool:
        """Whether a tree of that size has all of this tile's hashes (a smaller partial one stays readable)."""
        return self.first + self.width <= tree_size >> self.node_level


def encode_index(index: int) -> str:
    """1234067 -> x001/x234/067 (tlog-tiles, "Parameters")."""
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:  # noqa: PLR2004 -- three digits a path element, by the specification
        index //= 1000
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def parse_path(path: str) -> Tile:
    """The tile that `tile/...` names; raises BadShapeError for anything that is not exactly its canonical path."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise BadShapeError("not a tile path")
    level, index, width = match.groups()
    tile = Tile(
        None if level == "entries" else int(level), int(re.sub("[x/]", "", index)), int(width) if width else TILE_WIDTH
    )
    if tile.path != path or (tile.level or 0) > LEVEL_MAX:
        raise BadShapeError("not a canonical tile path")
    return tile


def encode_hashes(hashes: Iterable[bytes]) -> bytes:
    return b"".join(hashes)


def decode_hashes(tile: bytes) -> list[bytes]:
    if len(tile) % HASH_BYTES:
        raise BadShapeError("a tile is a whole number of hashes")
    return [tile[start : start + HASH_BYTES] for start in range(0, len(tile), HASH_BYTES)]


def encode_entries(entries: Iterable[bytes]) -> bytes:
    """Each entry after its length, 16 bits big-endian."""
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def decode_entries(bundle: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(bundle):
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(bundle[position:start], "big")
        if start > len(bundle) or position > len(bundle):
            raise BadShapeError("the bundle ends within an entry")
        yield bundle[start:position]
