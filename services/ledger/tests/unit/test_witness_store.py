"""The witness's state when the disk takes nothing any more: nothing is cosigned, and readiness says so."""

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.domain.checkpoints import Checkpoint
from ledger.domain.merkle import EMPTY_ROOT
from ledger.witness.store import Cosigned, WitnessStore

ORIGIN = "log.example/a"


@contextmanager
def full_disk() -> Iterator[None]:
    """No file grows by a byte: what a full disk is to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_no_state_that_can_be_written_until_there_is_room_again(tmp_path: Path) -> None:
    first = Cosigned(Checkpoint(ORIGIN, 0, EMPTY_ROOT), "note", 1)
    second = Cosigned(Checkpoint(ORIGIN, 1, bytes(32)), "note", 2)
    with WitnessStore(tmp_path / "state") as store:
        store.advance(ORIGIN, lambda _: first)
        store.check()
        with full_disk():
            with pytest.raises(sqlite3.Error):
                store.advance(ORIGIN, lambda _: second)
            with pytest.raises(sqlite3.Error):
                store.check()
            assert store.latest(ORIGIN) == first
        store.check()
        assert store.advance(ORIGIN, lambda _: second) == second
    with WitnessStore(tmp_path / "state") as store:
        assert store.latest(ORIGIN) == second
