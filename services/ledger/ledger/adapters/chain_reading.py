"""Reads blocks, tree nodes and checkpoints; everything public is read through here."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Row, Select, SmallInteger, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.adapters.tables.chain import block_verifications, blocks, checkpoints, head, postings, tree_spans
from ledger.adapters.verification_reading import find_standing_failure
from ledger.domain.accounts import Posting
from ledger.domain.merkle import HASH_BYTES
from ledger.domain.proofs import NodeId, plan_root
from ledger.domain.verification import StoredBlock
from ledger.use_cases.readings import HeadState, StoredCheckpoint, Verification

# Blocks per page of a long read: a few hundred KiB, so that memory stays flat however long the chain is.
PAGE_BLOCKS: Final = 1000
# Nodes per query: an answer of some 100 KiB.
NODES_PER_QUERY: Final = 2000
# One statement for every proof, so that it is prepared once; node by node, so that only the index can answer.
_NODES: Final = text(
    "SELECT level, index, (SELECT substr(hashes, (index - first)::integer * 32 + 1, 32) FROM tree_spans"
    " WHERE tree_spans.level = wanted.level AND first <= index ORDER BY first DESC LIMIT 1) AS hash"
    " FROM unnest(:levels, :indexes) AS wanted(level, index)"
).bindparams(bindparam("levels", type_=ARRAY(SmallInteger)), bindparam("indexes", type_=ARRAY(BigInteger)))

# Block by block, each by one look into the index: passes overlap, and there are more of them every hour.
_VERIFIED: Final = text(
    "SELECT block_index, verified_by FROM generate_series(:start, :end - 1) AS block_index CROSS JOIN LATERAL"
    " (SELECT verified_by FROM block_verifications WHERE ok AND to_index >= block_index AND from_index <= block_index"
    " ORDER BY to_index LIMIT 1) AS passed"
).bindparams(bindparam("start", type_=BigInteger), bindparam("end", type_=BigInteger))

# What most requests ask, made once: to compose a statement takes longer than PostgreSQL takes to answer it.
_BLOCKS: Final = select(blocks).order_by(blocks.c.block_index)
_BY_HASH: Final = _BLOCKS.where(blocks.c.hash == bindparam("hash"))
_BY_INDEX: Final = _BLOCKS.where(blocks.c.block_index == bindparam("index"))
_RANGE: Final = _BLOCKS.where(blocks.c.block_index >= bindparam("start"), blocks.c.block_index < bindparam("end"))
_POSTINGS: Final = (
    select(postings)
    .where(postings.c.block_index >= bindparam("first"), postings.c.block_index <= bindparam("last"))
    .order_by(postings.c.block_index, postings.c.line)
)
_HEAD: Final = select(head).where(head.c.id == 1)
_LATEST_CHECKPOINT: Final = select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)


class ChainReader:
    """Reads on one connection; takes no locks."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def head(self) -> HeadState:
        row = (await self._connection.execute(_HEAD)).one()
        return HeadState(row.size, row.tip, row.tip_at, bytes(row.peaks))

    async def find_by_hash(self, block_hash: str) -> StoredBlock | None:
        found = await self._blocks(_BY_HASH, hash=block_hash)
        return found[0] if found else None

    async def find_by_index(self, index: int) -> StoredBlock | None:
        found = await self._blocks(_BY_INDEX, index=index)
        return found[0] if found else None

    async def range(self, start: int, end: int) -> list[StoredBlock]:
        """Blocks start..end-1 that exist, in order."""
        return await self._blocks(_RANGE, start=start, end=end)

    async def pages(self, start: int, end: int) -> AsyncIterator[list[StoredBlock]]:
        """Blocks start..end-1 page by page; a page has gaps where blocks are missing."""
        for first in range(start, end, PAGE_BLOCKS):
            yield await self.range(first, min(first + PAGE_BLOCKS, end))

    async def _blocks(self, statement: Select[Any], **values: Any) -> list[StoredBlock]:
        rows = (await self._connection.execute(statement, values)).all()
        lines = await self._postings([row.block_index for row in rows])
        return [_stored(row, lines.get(row.block_index, ())) for row in rows]

    async def _postings(self, indexes: Sequence[int]) -> Mapping[int, tuple[tuple[str, Posting], ...]]:
        if not indexes:
            return {}
        found: dict[int, tuple[tuple[str, Posting], ...]] = {}
        for row in await self._connection.execute(_POSTINGS, {"first": indexes[0], "last": indexes[-1]}):
            line = (row.currency, Posting(row.account, row.amount))
            found[row.block_index] = (*found.get(row.block_index, ()), line)
        return found

    # --- the tree ---------------------------------------------------------------------------------------------------

    async def nodes(self, wanted: Iterable[NodeId]) -> dict[NodeId, bytes]:
        """The stored hashes of those nodes; missing ones are left out."""
        remaining = list(wanted)
        found: dict[NodeId, bytes] = {}
        while remaining:
            part, remaining = remaining[:NODES_PER_QUERY], remaining[NODES_PER_QUERY:]
            values = {"levels": [level for level, _ in part], "indexes": [index for _, index in part]}
            for level, index, node_hash in await self._connection.execute(_NODES, values):
                if node_hash:  # empty: the span before it ends short of it
                    found[level, index] = bytes(node_hash)
        return found

    async def root(self, size: int) -> bytes:
        plan = plan_root(size)
        [root] = plan.build(await self.nodes(plan.nodes))
        return root

    async def row_of_nodes(self, level: int, first: int, count: int) -> list[bytes]:
        """`count` neighbouring nodes of one level; fewer where they are missing."""
        # From the span that holds the first one on.
        begins = select(func.max(tree_spans.c.first)).where(tree_spans.c.level == level, tree_spans.c.first <= first)
        statement = (
            select(tree_spans.c.first, tree_spans.c.hashes)
            .where(
                tree_spans.c.level == level,
                tree_spans.c.first >= begins.scalar_subquery(),
                tree_spans.c.first < first + count,
            )
            .order_by(tree_spans.c.first)
        )
        row: list[bytes] = []
        for begin, hashes in (await self._connection.execute(statement)).all():
            within = range(max(0, first - begin), min(len(hashes) // HASH_BYTES, first + count - begin))
            row += [bytes(hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES]) for at in within]
        return row

    async def preimages(self, first: int, count: int) -> list[bytes]:
        statement = (
            select(blocks.c.preimage)
            .where(blocks.c.block_index >= first, blocks.c.block_index < first + count)
            .order_by(blocks.c.block_index)
        )
        return [bytes(each) for each in (await self._connection.scalars(statement)).all()]

    # --- checkpoints and verifications ------------------------------------------------------------------------------

    async def latest_checkpoint(self) -> StoredCheckpoint | None:
        row = (await self._connection.execute(_LATEST_CHECKPOINT)).one_or_none()
        return None if row is None else _checkpoint(row)

    async def checkpoints_within(self, start: int, end: int) -> list[StoredCheckpoint]:
        """Checkpoints of sizes start+1..end, the smallest first."""
        statement = (
            select(checkpoints)
            .where(checkpoints.c.size > start, checkpoints.c.size <= end)
            .order_by(checkpoints.c.size)
        )
        return [_checkpoint(row) for row in await self._connection.execute(statement)]

    async def verified(self, start: int, end: int) -> dict[int, str]:
        """Who verified each of the blocks start..end-1 that passed: of several, the pass that ended first after it.

        None of those from a block on that was found broken and not mended since, whoever had passed them before.
        """
        failure = await find_standing_failure(self._connection)
        if failure is not None and failure.block_index is not None:
            end = min(end, failure.block_index)
        rows = await self._connection.execute(_VERIFIED, {"start": start, "end": end})
        return {row.block_index: row.verified_by for row in rows}

    async def last_verification(self) -> Verification | None:
        """The verification that reached furthest without a failure; None before the first."""
        table = block_verifications
        statement = select(table).where(table.c.ok).order_by(table.c.to_index.desc(), table.c.verified_at.desc())
        row = (await self._connection.execute(statement.limit(1))).one_or_none()
        return None if row is None else Verification(row.to_index, row.verified_at, row.verified_by)


def _stored(row: Row[Any], lines: tuple[tuple[str, Posting], ...]) -> StoredBlock:
    return StoredBlock(
        row.block_index,
        row.timestamp,
        row.transaction_type,
        row.transaction_id,
        row.data,
        row.previous_hash,
        row.hash,
        row.nonce,
        bytes(row.preimage),
        lines,
    )


def _checkpoint(row: Row[Any]) -> StoredCheckpoint:
    return StoredCheckpoint(row.size, bytes(row.root), row.note, row.created_at)
