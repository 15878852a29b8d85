"""The signer's view of the log, as its own database role; and the file in which it remembers what it signed."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sqlalchemy import select

from chassis.database import UnitOfWork
from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.cosignature_shelf import CosignatureShelf
from ledger.adapters.tables.chain import checkpoints
from ledger.adapters.tables.witnesses import signed_checkpoints
from ledger.domain.checkpoints import Checkpoint
from ledger.domain.proofs import NodeId


class PostgresLog:
    """Keeps `sign_checkpoint.Log` within one unit of work.

    `awaits_witnesses`: what is signed is published only later, with their cosignatures.
    """

    def __init__(self, work: UnitOfWork, *, awaits_witnesses: bool) -> None:
        self._work = work
        self._awaits_witnesses = awaits_witnesses
        self._reader = ChainReader(work.connection)
        self._shelf = CosignatureShelf(work)

    async def size(self) -> int:
        return (await self._reader.head()).size

    async def nodes(self, wanted: Iterable[NodeId]) -> Mapping[NodeId, bytes]:
        return await self._reader.nodes(wanted)

    async def latest_notes(self) -> Sequence[str]:
        notes: list[str] = []
        for table in (checkpoints, signed_checkpoints):
            newest = select(table.c.note).order_by(table.c.size.desc()).limit(1)
            notes.extend(await self._work.connection.scalars(newest))
        return notes

    async def keep(self, checkpoint: Checkpoint, note: str) -> None:
        if self._awaits_witnesses:
            await self._shelf.keep_signed(checkpoint, note)
        else:
            await self._shelf.publish(checkpoint, note)


class MemoryLostError(Exception):
    """What is remembered outside the database cannot be read or written: no OSError, as if the database were away."""


class RememberedNote:
    """The last note in a file outside the database; without a path, only as long as the process lives."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._note: str | None = None

    def read(self) -> str | None:
        """Raises MemoryLostError; what is no text is no note either, and told by whoever looks at it."""
        try:
            if self._path is not None and self._path.exists():
                return self._path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise MemoryLostError(f"{self._path} cannot be read: {error.strerror}") from error
        return self._note

    def write(self, note: str) -> None:
        """Replaces the file at once or not at all, and on disk: a half-written note would stop the signer.

        Raises:
            MemoryLostError: it is remembered as long as the process lives, if there is no older file.
        """
        self._note = note
        if self._path is None:
            return
        try:
            _replace(self._path, note)
        except OSError as error:
            raise MemoryLostError(f"{self._path} cannot be written: {error.strerror}") from error


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
