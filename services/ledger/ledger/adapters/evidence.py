"""Everything a verification reads, on one connection that sees one snapshot."""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.evidence_records import RECORDS
from ledger.adapters.evidence_rows import ROW_CHECKS, RowCheck
from ledger.adapters.evidence_sums import STATEMENTS_OF_ALL, STATEMENTS_OF_BLOCKS
from ledger.adapters.evidence_totals import STATEMENTS_OF_TOTALS
from ledger.adapters.segment_pool import SegmentPool, pieces_of
from ledger.adapters.segments import check_segment
from ledger.domain.proofs import NodeId
from ledger.domain.refusals import NotCanonicalError
from ledger.use_cases.events import Source
from ledger.use_cases.readings import StoredCheckpoint
from ledger.use_cases.verification_ports import Contradiction, HeadRow, Segment, StoredState

# Blocks per stretch where other work waits for this process: some 30 ms each.
INLINE_BLOCKS: Final = 2048
# Rows that a cursor fetches ahead: long reads stay within a few MiB.
PREFETCH_ROWS: Final = 5000

# Looked for in everything and then cut short: with the limit inside, the plan would be made for finding one at once.
_FIRST: Final = "WITH wrong AS MATERIALIZED ({}) SELECT * FROM wrong ORDER BY 1 LIMIT 1"
_BALANCES: Final = """
    SELECT currency || ' ' || account, balance::text FROM balances
    ORDER BY currency COLLATE "C", account COLLATE "C" """
_BALANCES_AT: Final = """
    SELECT currency || ' ' || account, sum(amount)::text FROM postings WHERE block_index < $1 GROUP BY account, currency
    ORDER BY currency COLLATE "C", account COLLATE "C" """
_BALANCES_WITHOUT: Final = """
    SELECT currency || ' ' || account, (coalesce(balance, 0) - coalesce(amount, 0))::text
    FROM balances FULL JOIN
        (SELECT account, currency, sum(amount) AS amount FROM postings WHERE block_index >= $1 GROUP BY 1, 2) AS moved
        USING (account, currency)
    ORDER BY currency COLLATE "C", account COLLATE "C" """
_CHECKPOINTS: Final = """
    SELECT size, root, note, created_at FROM checkpoints WHERE size > $1 AND size <= $2
    UNION ALL SELECT size, root, note, created_at FROM signed_checkpoints WHERE size > $1 AND size <= $2
    ORDER BY size"""
_RECEIPTS: Final = """
    SELECT number, ROW(number, transaction_id, object_key, sha256, block_index, layout, proof, program_title,
        public_url,
        issued_at)::text
    FROM receipts WHERE number > $1 ORDER BY number"""


class PostgresEvidence:
    """Keeps `verification_ports.Evidence`. Without a pool, blocks are checked in this process, stretch by stretch."""

    def __init__(self, connection: AsyncConnection, driver: Any, pool: SegmentPool | None = None) -> None:
        self._driver = driver
        self._pool = pool
        self._chain = ChainReader(connection)

    @classmethod
    async def on(cls, connection: AsyncConnection, pool: SegmentPool | None = None) -> "PostgresEvidence":
        """`connection` is in a transaction already, or begins one here; its isolation is the caller's choice."""
        await connection.exec_driver_sql("SET LOCAL timezone = 'UTC'")
        await connection.exec_driver_sql("SET LOCAL datestyle = 'ISO'")
        # A whole chain is read in one transaction, which takes as long as it takes and waits while others compute.
        await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        await connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        # A stretch of ten blocks and one of a million want different plans, and large joins more than the usual 4 MB.
        await connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")
        await connection.exec_driver_sql("SET LOCAL work_mem = '64MB'")
        driver: Any = (await connection.get_raw_connection()).driver_connection
        return cls(connection, driver, pool)

    async def head(self) -> HeadRow | None:
        row = await self._driver.fetchrow("SELECT size, tip, tip_at, epoch, peaks FROM head WHERE id = 1")
        return None if row is None else HeadRow(*row)

    async def segments(self, start: int, end: int) -> AsyncIterator[Segment]:
        if self._pool is not None:
            snapshot = await self._driver.fetchval("SELECT pg_export_snapshot()")
            async for segment in self._pool.segments(snapshot, start, end):
                yield segment
            return
        for first, after in pieces_of(start, end, INLINE_BLOCKS):
            yield await check_segment(self._driver, first, after)

    async def nodes(self, wanted: Iterable[NodeId]) -> Mapping[NodeId, bytes]:
        return await self._chain.nodes(wanted)

    async def count_nodes(self) -> int:
        return int(await self._driver.fetchval("SELECT count(*) FROM tree_nodes"))

    async def node_beyond(self, size: int) -> NodeId | None:
        row = await self._driver.fetchrow(
            "SELECT level, index FROM tree_nodes"
            " WHERE index < 0 OR level NOT BETWEEN 0 AND 62 OR index >= $1::bigint >> level"
            " ORDER BY level, index LIMIT 1",
            size,
        )
        return None if row is None else (row[0], row[1])

    async def block_outside(self, size: int) -> int | None:
        found: int | None = await self._driver.fetchval(
            "SELECT min(block_index) FROM blocks WHERE block_index < 0 OR block_index >= $1", size
        )
        return found

    async def posting_outside(self, size: int) -> int | None:
        found: int | None = await self._driver.fetchval(
            "SELECT min(block_index) FROM postings WHERE block_index < 0 OR block_index >= $1", size
        )
        return found

    async def checkpoints_within(self, start: int, end: int) -> Sequence[StoredCheckpoint]:
        rows = await self._driver.fetch(_CHECKPOINTS, start, end)
        return [StoredCheckpoint(*row) for row in rows]

    async def states(self) -> AsyncIterator[StoredState]:
        async for row in self._rows("SELECT size, body, mac FROM verified_states ORDER BY size"):
            yield StoredState(*row)

    async def latest_state(self) -> StoredState | None:
        row = await self._driver.fetchrow("SELECT size, body, mac FROM verified_states ORDER BY size DESC LIMIT 1")
        return None if row is None else StoredState(*row)

    async def balances(self) -> AsyncIterator[tuple[str, str]]:
        async for account, balance in self._rows(_BALANCES):
            yield account, balance

    async def balances_at(self, size: int) -> AsyncIterator[tuple[str, str]]:
        async for account, balance in self._rows(_BALANCES_AT, size):
            yield account, balance

    async def balances_without(self, start: int) -> AsyncIterator[tuple[str, str]]:
        async for account, balance in self._rows(_BALANCES_WITHOUT, start):
            yield account, balance

    async def records(self, start: int, end: int) -> AsyncIterator[tuple[int, str]]:
        async for block_index, line in self._rows(RECORDS, start, end):
            yield block_index, line

    async def receipts(self, after: int) -> AsyncIterator[tuple[int, str]]:
        async for number, line in self._rows(_RECEIPTS, after):
            yield number, line

    async def contradictions(self, start: int, end: int, *, whole: bool) -> AsyncIterator[Contradiction]:
        for check in ROW_CHECKS:
            for row in await self._first(check.statement, start, end):
                yield _row_contradiction(check, row)
        asked: list[tuple[str, tuple[int, ...]]] = [(statement, (start, end)) for statement in STATEMENTS_OF_BLOCKS]
        if whole:
            asked += [(statement, ()) for statement in (*STATEMENTS_OF_ALL, *STATEMENTS_OF_TOTALS)]
        for statement, arguments in asked:
            for block_index, detail in await self._first(statement, *arguments):
                yield Contradiction(block_index, detail)
        if whole:
            async for event_id, event_type, event_hash, payload in self._rows(
                "SELECT event_id, event_type, event_hash, payload FROM quarantined_events ORDER BY event_id, event_hash"
            ):
                if not _is_quarantined_as(event_id, event_type, event_hash, payload):
                    yield Contradiction(None, f"quarantined_events {event_id}: its payload is of another event")

    async def _first(self, statement: str, *arguments: Any) -> Sequence[Any]:
        """The row of the lowest block, if there is any; NULL counts as the highest."""
        rows: Sequence[Any] = await self._driver.fetch(_FIRST.format(statement), *arguments)
        return rows

    def _rows(self, statement: str, *arguments: Any) -> AsyncIterator[Any]:
        rows: AsyncIterator[Any] = self._driver.cursor(statement, *arguments, prefetch=PREFETCH_ROWS).__aiter__()
        return rows


def _row_contradiction(check: RowCheck, row: Any) -> Contradiction:
    block_index, key, is_missing, expected, found = row
    name = f"{check.table} {key}"
    if is_missing:
        return Contradiction(block_index, f"{name}: missing")
    wanted, own = json.loads(expected), json.loads(found)
    column = next(each for each in check.columns if wanted[each] != own[each])
    return Contradiction(block_index, f"{name}: {column} is {own[column]}, the blocks say {wanted[column]}")


def _is_quarantined_as(event_id: UUID, event_type: str, event_hash: bytes, payload: bytes) -> bool:
    try:
        content = json.loads(payload)
        if not isinstance(content, dict):
            return False
        source = Source.of(event_id, event_type, content)
    except (ValueError, NotCanonicalError):
        return False
    named = (content.get("id"), content.get("type")) == (str(event_id), event_type)
    return named and source.content_hash == event_hash.hex()
