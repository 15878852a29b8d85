"""Signed and cosigned checkpoints in PostgreSQL, as the signer's role sees them."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Table, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.database import Database, UnitOfWork
from contracts.ledger import CheckpointPublished
from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.tables.chain import checkpoints
from ledger.adapters.tables.witnesses import checkpoint_cosignatures, signed_checkpoints
from ledger.domain.checkpoints import Checkpoint, parse_body
from ledger.domain.cosignatures import WitnessKey, cosigned_at
from ledger.domain.notes import Signature, parse, parse_line
from ledger.domain.proofs import NodeId
from ledger.domain.refusals import BadNoteError
from ledger.use_cases.witness_ports import OpenShelf, SignedCheckpoint


class CosignatureShelf:
    """Keeps `witness_ports.Shelf` within one unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def newest(self) -> SignedCheckpoint | None:
        published = await self._newest_of(checkpoints)
        signed = await self._newest_of(signed_checkpoints)
        if signed is None or (published is not None and published.size > signed.size):
            signed = published
        if signed is None:
            return None
        is_published = published is not None and published.size == signed.size
        return SignedCheckpoint(parse_body(parse(signed.note).text), signed.note, is_published, signed.created_at)

    async def published_size(self) -> int:
        return int(await self._work.connection.scalar(select(func.coalesce(func.max(checkpoints.c.size), 0))) or 0)

    async def cosignatures(self, size: int) -> Sequence[Signature]:
        table = checkpoint_cosignatures
        statement = select(table.c.line).where(table.c.size == size).order_by(table.c.witness, table.c.key_id)
        found: list[Signature] = []
        for line in await self._work.connection.scalars(statement):
            # What is no line, nobody of ours has written; whether the others hold is for the caller to see.
            with suppress(BadNoteError):
                found.append(parse_line(line.removesuffix("\n")))
        return found

    async def seen_size(self, key: WitnessKey) -> int:
        table = checkpoint_cosignatures
        statement = select(func.max(table.c.size)).where(table.c.witness == key.name, table.c.key_id == key.id.hex())
        return int(await self._work.connection.scalar(statement) or 0)

    async def nodes(self, wanted: Iterable[NodeId]) -> Mapping[NodeId, bytes]:
        return await ChainReader(self._work.connection).nodes(wanted)

    async def keep_signed(self, checkpoint: Checkpoint, note: str) -> None:
        """Remembers what was signed and has no quorum yet."""
        statement = upsert(signed_checkpoints).values(size=checkpoint.size, root=checkpoint.root, note=note)
        await self._work.connection.execute(statement.on_conflict_do_nothing())

    async def keep(self, size: int, lines: Collection[Signature]) -> None:
        """A second line of a witness for one size says nothing new: the first stays."""
        values = [
            {
                "size": size,
                "witness": line.name,
                "key_id": line.key_id.hex(),
                "line": line.line,
                "cosigned_at": datetime.fromtimestamp(cosigned_at(line), UTC),
            }
            for line in lines
        ]
        if values:
            await self._work.connection.execute(upsert(checkpoint_cosignatures).values(values).on_conflict_do_nothing())

    async def publish(self, checkpoint: Checkpoint, note: str) -> bool:
        """Stores and announces it; two signers of one size publish one checkpoint."""
        statement = upsert(checkpoints).values(size=checkpoint.size, root=checkpoint.root, note=note)
        stored = await self._work.connection.execute(statement.on_conflict_do_nothing())
        if stored.rowcount != 1:
            return False
        self._work.announce(CheckpointPublished(size=checkpoint.size, root=checkpoint.root.hex(), note=note))
        return True

    async def _newest_of(self, table: Table) -> Row[Any] | None:
        statement = select(table).order_by(table.c.size.desc()).limit(1)
        return (await self._work.connection.execute(statement)).one_or_none()


def shelf_opener(database: Database) -> OpenShelf:
    """Opens the shelf in a unit of work of its own; nothing is held open while a witness thinks."""

    @asynccontextmanager
    async def open_shelf() -> AsyncIterator[CosignatureShelf]:
        async with database.unit_of_work() as work:
            yield CosignatureShelf(work)

    return open_shelf
