"""The signer's view of the log, as its own database role; and the file in which it remembers what it signed."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.database import UnitOfWork
from contracts.ledger import CheckpointPublished
from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.tables.chain import checkpoints
from ledger.domain.checkpoints import Checkpoint
from ledger.domain.proofs import NodeId


class PostgresLog:
    """Keeps `sign_checkpoint.Log` within one unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._reader = ChainReader(work.connection)

    async def size(self) -> int:
        return (await self._reader.head()).size

    async def nodes(self, wanted: Iterable[NodeId]) -> Mapping[NodeId, bytes]:
        return await self._reader.nodes(wanted)

    async def latest_note(self) -> str | None:
        latest = await self._reader.latest_checkpoint()
        return None if latest is None else latest.note

    async def publish(self, checkpoint: Checkpoint, note: str) -> None:
        """Stores and announces it; two signers of one size write one checkpoint."""
        statement = upsert(checkpoints).values(size=checkpoint.size, root=checkpoint.root, note=note)
        stored = await self._work.connection.execute(statement.on_conflict_do_nothing())
        if stored.rowcount == 1:
            self._work.announce(CheckpointPublished(size=checkpoint.size, root=checkpoint.root.hex(), note=note))


class RememberedNote:
    """The last note in a file outside the database; without a path, only as long as the process lives."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._note: str | None = None

    def read(self) -> str | None:
        if self._path is not None and self._path.exists():
            return self._path.read_text(encoding="utf-8")
        return self._note

    def write(self, note: str) -> None:
        """Replaces the file at once or not at all: a half-written note would stop the signer."""
        self._note = note
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(".new")
            draft.write_text(note, encoding="utf-8")
            draft.replace(self._path)
