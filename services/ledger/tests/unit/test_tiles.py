"""The tile tree is byte-equal with Tessera's."""

from pathlib import Path

import pytest

from ledger.domain import checkpoints, merkle, notes, tiles
from ledger.domain.refusals import BadShapeError

LOG = Path(__file__).parents[1] / "data" / "tessera-log"
VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
ENTRIES = list(tiles.decode_entries((LOG / tiles.Tile(None, 0, 15).path).read_bytes()))


@pytest.mark.parametrize("size", range(1, 16))
def test_tiles_bundles_and_checkpoints_equal_those_of_tessera(size):
    hashes = [merkle.leaf_hash(entry) for entry in ENTRIES[:size]]
    assert tiles.encode_hashes(hashes) == (LOG / tiles.Tile(0, 0, size).path).read_bytes()
    assert tiles.decode_hashes(tiles.encode_hashes(hashes)) == hashes
    assert tiles.encode_entries(ENTRIES[:size]) == (LOG / tiles.Tile(None, 0, size).path).read_bytes()
    checkpoint = checkpoints.open_checkpoint(
        (LOG / f"checkpoint.{size}").read_bytes(), [notes.VerifierKey.parse(VKEY)], "example.com/log/testdata"
    )
    frontier, _ = merkle.append(merkle.EMPTY, hashes)
    assert (checkpoint.size, checkpoint.root) == (size, frontier.root())


def test_the_empty_log_has_a_checkpoint_too():
    checkpoint = checkpoints.open_checkpoint(
        (LOG / "checkpoint.0").read_bytes(), [notes.VerifierKey.parse(VKEY)], "example.com/log/testdata"
    )
    assert (checkpoint.size, checkpoint.root) == (0, merkle.EMPTY_ROOT)


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("tile/0/000", tiles.Tile(0, 0)),
        ("tile/0/x001/x234/067", tiles.Tile(0, 1234067)),
        ("tile/3/x001/000.p/255", tiles.Tile(3, 1000, 255)),
        ("tile/entries/999.p/1", tiles.Tile(None, 999, 1)),
    ],
)
def test_a_path_names_one_tile_and_back(path, tile):
    assert tiles.parse_path(path) == tile
    assert tile.path == path


@pytest.mark.parametrize(
    "path",
    [
        "tile/00/000",
        "tile/0/0",
        "tile/0/001/000",
        "tile/0/x000/001",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/8/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/0/000/",
        "tile/0/x1/000",
        "../tile/0/000",
        # Beyond any tree, and beyond what Python turns into a number at all.
        pytest.param(f"tile/0/{'x999/' * 1500}999", id="4,503 digits"),
    ],
)
def test_other_spellings_are_refused(path):
    with pytest.raises(BadShapeError):
        tiles.parse_path(path)


def test_a_tile_exists_once_the_tree_has_its_hashes():
    assert tiles.Tile(0, 0, 5).within(5)
    assert not tiles.Tile(0, 0, 6).within(5)
    assert tiles.Tile(1, 0, 2).within(512)
    assert not tiles.Tile(1, 0, 2).within(511)
    assert tiles.Tile(1, 0, 2).node_level == 8


@pytest.mark.parametrize("bundle", [b"\x00", b"\x00\x05abc"])
def test_a_bundle_that_ends_within_an_entry_is_refused(bundle):
    with pytest.raises(BadShapeError):
        list(tiles.decode_entries(bundle))
    with pytest.raises(BadShapeError):
        tiles.decode_hashes(b"short")
