"""The fenced writer: one transaction appends blocks, tree nodes and postings, and moves the head on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import select, update

from chassis.database import UnitOfWork
from contracts.ledger import BlockReference, BlocksAppended
from ledger.adapters.tables.chain import blocks, head
from ledger.domain.block import Block, make_block, next_timestamp
from ledger.domain.drafts import Draft
from ledger.domain.merkle import HASH_BYTES, Frontier, append

log = structlog.get_logger(__name__)

# One commit appends at most this many blocks: its event stays far below the size cap.
BATCH_BLOCKS_MAX: Final = 256

_BLOCK_COLUMNS: Final = (
    "block_index",
    "timestamp",
    "transaction_type",
    "transaction_id",
    "data",
    "previous_hash",
    "hash",
    "nonce",
    "preimage",
)


class ChainBrokenError(RuntimeError):
    """Head and blocks contradict each other: nothing may be appended until a person has looked."""


@dataclass(frozen=True, slots=True)
class _Head:
    epoch: int
    size: int
    tip: str


class Writer:
    """What this process believes the head to be; one per worker process, shared by its units of work.

    When the head is not what we left it (another process wrote, or our transaction was rolled back), we take over:
    the epoch rises by one and shows as the nonce of what follows.
    """

    def __init__(self) -> None:
        self._held: _Head | None = None

    def epoch_for(self, found: _Head) -> int:
        if found == self._held:
            return found.epoch
        log.info("writer_takes_over", epoch=found.epoch + 1, size=found.size)
        return found.epoch + 1

    def hold(self, left: _Head) -> None:
        self._held = left


class PostgresChain:
    """Appends within one unit of work; the head's row lock is held until that commits."""

    def __init__(self, work: UnitOfWork, writer: Writer) -> None:
        self._work = work
        self._writer = writer

    async def append(self, *drafts: Draft) -> list[Block]:
        """Seals and stores the drafts in order, and announces them.

        Raises:
            ChainBrokenError: the head is not what the last block says.
        """
        if len(drafts) > BATCH_BLOCKS_MAX:
            raise ValueError(f"at most {BATCH_BLOCKS_MAX} blocks a commit")
        row = await self._lock_head()
        found = _Head(row.epoch, row.size, row.tip)
        epoch = self._writer.epoch_for(found)
        sealed = _seal(drafts, found, row.tip_at, epoch, self._work.now)
        frontier, nodes = append(_frontier(row.size, row.peaks), [block.leaf_hash for block in sealed])
        copy = await self._copier()
        await copy("blocks", _BLOCK_COLUMNS, [_block_record(block) for block in sealed])
        await copy("tree_nodes", ("level", "index", "hash"), [(node.level, node.index, node.hash) for node in nodes])
        lines = _posting_records(drafts, sealed)
        if lines:
            await copy("postings", ("block_index", "line", "account", "currency", "amount"), lines)
        left = _Head(epoch, frontier.size, sealed[-1].hash)
        await self._move_head(found, left, sealed[-1].timestamp, b"".join(frontier.peaks))
        self._writer.hold(left)
        self._announce(sealed)
        return sealed

    async def _lock_head(self) -> Any:
        """The head, ours until the commit."""
        connection = self._work.connection
        row = (await connection.execute(select(head).where(head.c.id == 1).with_for_update())).one()
        # A statement of its own: only one that begins once the lock is had sees what the writer before us committed.
        last_hash = await connection.scalar(select(blocks.c.hash).where(blocks.c.block_index == row.size - 1))
        if last_hash != row.tip:
            log.error("chain_broken", size=row.size)
            raise ChainBrokenError(f"the head says {row.tip} at {row.size - 1}, the chain {last_hash}")
        return row

    async def _move_head(self, found: _Head, left: _Head, tip_at: datetime, peaks: bytes) -> None:
        moved = await self._work.connection.execute(
            update(head)
            .where(head.c.id == 1, head.c.epoch == found.epoch, head.c.size == found.size)
            .values(epoch=left.epoch, size=left.size, tip=left.tip, tip_at=tip_at, peaks=peaks)
        )
        if moved.rowcount != 1:
            raise ChainBrokenError("the head moved under its own lock")

    async def _copier(self) -> Any:
        raw = await self._work.connection.get_raw_connection()
        driver = raw.driver_connection
        if driver is None:
            raise ChainBrokenError("the connection is closed")

        async def copy(table: str, columns: Sequence[str], records: Sequence[tuple[Any, ...]]) -> None:
            await driver.copy_records_to_table(table, columns=columns, records=records)

        return copy

    def _announce(self, sealed: Sequence[Block]) -> None:
        references = [
            BlockReference(index=block.block_index, transaction_id=block.transaction_id, hash=block.hash)
            for block in sealed
        ]
        self._work.announce(BlocksAppended(first_index=sealed[0].block_index, blocks=references))


def _frontier(size: int, peaks: bytes) -> Frontier:
    return Frontier(size, tuple(peaks[start : start + HASH_BYTES] for start in range(0, len(peaks), HASH_BYTES)))


def _seal(drafts: Sequence[Draft], found: _Head, tip_at: datetime, epoch: int, now: datetime) -> list[Block]:
    sealed: list[Block] = []
    previous_hash, previous_at = found.tip, tip_at
    for offset, draft in enumerate(drafts):
        previous_at = next_timestamp(now, previous_at)
        block = make_block(
            block_index=found.size + offset,
            timestamp=previous_at,
            transaction_type=draft.transaction_type,
            transaction_id=draft.transaction_id,
            data=draft.data,
            previous_hash=previous_hash,
            nonce=epoch,
        )
        previous_hash = block.hash
        sealed.append(block)
    return sealed


def _block_record(block: Block) -> tuple[Any, ...]:
    data = json.dumps(dict(block.data))
    return (
        block.block_index,
        block.timestamp,
        block.transaction_type,
        block.transaction_id,
        data,
        block.previous_hash,
        block.hash,
        block.nonce,
        block.preimage,
    )


def _posting_records(drafts: Sequence[Draft], sealed: Sequence[Block]) -> list[tuple[Any, ...]]:
    return [
        (block.block_index, line, posting.account, draft.entry.currency, posting.amount)
        for draft, block in zip(drafts, sealed, strict=True)
        if draft.entry is not None
        for line, posting in enumerate(draft.entry.postings)
    ]
