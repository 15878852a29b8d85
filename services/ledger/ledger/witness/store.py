"""What the witness has cosigned last, per log: in SQLite, on disk before anybody hears of it.

Why SQLite and not a file that is replaced: the check against the latest size and the step to the new one must be one
thing, also for two processes on one state by mistake, and `BEGIN IMMEDIATE` is such a lock; and a commit in WAL mode
with `synchronous=FULL` is on disk when it returns, for many logs, in one file that a person can look into.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ledger.domain.checkpoints import Checkpoint

# Another process on the same state holds the lock for one check and one fsync.
_LOCK_SECONDS_MAX: Final = 5
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS latest (
    origin TEXT PRIMARY KEY,
    size INTEGER NOT NULL CHECK (size >= 0),
    root BLOB NOT NULL CHECK (length(root) = 32),
    note TEXT NOT NULL,
    cosigned_at INTEGER NOT NULL
) STRICT
"""
# What `check` writes.
_PROBE: Final = "CREATE TABLE IF NOT EXISTS probe (id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER) STRICT"
# A log never gets smaller, whatever the code believes.
_GUARD: Final = """
CREATE TRIGGER IF NOT EXISTS only_growth BEFORE UPDATE ON latest
WHEN NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
BEGIN SELECT RAISE(ABORT, 'a log only grows'); END
"""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint as it was cosigned: `note` carries the log's signatures and the witness's."""

    checkpoint: Checkpoint
    note: str
    cosigned_at: int  # seconds since 1970


class WitnessStore:
    """One connection; calls must not overlap (the server has one thread for them)."""

    def __init__(self, path: Path) -> None:
        """Raises OSError or sqlite3.Error for a state that cannot be written."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # Autocommit: transactions are begun and ended by name below.
        self._connection = sqlite3.connect(
            path, timeout=_LOCK_SECONDS_MAX, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(_TABLE)
        self._connection.execute(_GUARD)
        self._connection.execute(_PROBE)

    def latest(self, origin: str) -> Cosigned | None:
        row = self._connection.execute(
            "SELECT size, root, note, cosigned_at FROM latest WHERE origin = ?", (origin,)
        ).fetchone()
        return None if row is None else Cosigned(Checkpoint(origin, row[0], row[1]), row[2], row[3])

    def advance(self, origin: str, decide: Callable[[Cosigned | None], Cosigned]) -> Cosigned:
        """Replaces the latest by what `decide` makes of it, in one transaction; when it raises, nothing changes."""
        with self._transaction():
            made = decide(self.latest(origin))
            self._connection.execute(
                "INSERT INTO latest (origin, size, root, note, cosigned_at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root,"
                " note = excluded.note, cosigned_at = excluded.cosigned_at",
                (origin, made.checkpoint.size, made.checkpoint.root, made.note, made.cosigned_at),
            )
        return made

    def check(self) -> None:
        """Raises sqlite3.Error when the state cannot be written any more: a lock alone is had on a full disk too."""
        with self._transaction():
            self._connection.execute(
                "INSERT INTO probe (id, number) VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET number = 1 - number"
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
