"""Everything a verification reads, on one connection that sees one snapshot."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.evidence_groups import ask_afterwards, ask_beforehand, ask_of_stretch
from ledger.adapters.evidence_records import RECORDS
from ledger.adapters.evidence_rows import EVENTS, ROW_CHECKS, RowCheck
from ledger.adapters.segment_pool import SegmentPool, pieces_of
from ledger.adapters.segments import SEGMENT_SETTINGS, check_segment
from ledger.adapters.snapshot_readers import JOINING_SETTINGS, READING_SETTINGS, SnapshotReaders, Statement
from ledger.domain.proofs import NodeId
from ledger.domain.refusals import NotCanonicalError
from ledger.use_cases.events import Source
from ledger.use_cases.readings import StoredCheckpoint
from ledger.use_cases.verification_ports import Contradiction, HeadRow, Seen, Segment, StoredState

# Blocks per stretch where other work waits for this process: some 30 ms each.
INLINE_BLOCKS: Final = 2048
# Rows that a cursor fetches ahead: long reads stay within a few MiB.
PREFETCH_ROWS: Final = 5000

# What goes on beyond the edge is found level by level, with a look into the index for each, however large the tree is:
# by the last span of each level, for that no span lies over another is seen where the blocks below it are looked at.
_NODE_BEYOND: Final = """
    SELECT level, index FROM (
        (SELECT level, first AS index FROM tree_spans WHERE level < 0 ORDER BY 1, 2 LIMIT 1)
        UNION ALL (SELECT level, first FROM tree_spans WHERE level > 62 ORDER BY 1, 2 LIMIT 1)
        UNION ALL SELECT of_level, (SELECT min(first) FROM tree_spans WHERE level = of_level AND first < 0)
            FROM generate_series(0, 62) AS of_level
        UNION ALL SELECT of_level, greatest(first, $1::bigint >> of_level)
            FROM generate_series(0, 62) AS of_level CROSS JOIN LATERAL (
                SELECT first, octet_length(hashes) / 32 AS length FROM tree_spans
                WHERE level = of_level ORDER BY first DESC LIMIT 1) AS last
            WHERE first + length > $1::bigint >> of_level
    ) AS beyond WHERE index IS NOT NULL ORDER BY level, index LIMIT 1"""
_BALANCES_AT: Final = """
    SELECT currency || ' ' || account, sum(amount)::text FROM postings WHERE block_index < $1 GROUP BY account, currency
    ORDER BY currency COLLATE "C", account COLLATE "C" """
_BALANCES_SINCE: Final = """
    SELECT currency || ' ' || account, (coalesce(balance, 0) - coalesce(amount, 0))::text, coalesce(balance, 0)::text
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
    """Keeps `verification_ports.Evidence`. `pool` and `readers` share the work of a long chain with other processors.

    Without a pool, blocks are checked in this process, stretch by stretch; without readers, books on this connection.
    """

    def __init__(
        self, connection: AsyncConnection, driver: Any, pool: SegmentPool | None, readers: SnapshotReaders | None
    ) -> None:
        self._driver = driver
        self._pool = pool
        self._readers = readers
        self._chain = ChainReader(connection)
        self._begun: asyncio.Task[list[Sequence[Any]]] | None = None

    @classmethod
    async def on(
        cls, connection: AsyncConnection, pool: SegmentPool | None = None, readers: SnapshotReaders | None = None
    ) -> "PostgresEvidence":
        """`connection` is in a transaction already, or begins one here; its isolation is the caller's choice."""
        for name, value in READING_SETTINGS.items():
            await connection.exec_driver_sql(f"SET LOCAL {name} = '{value}'")
        driver: Any = (await connection.get_raw_connection()).driver_connection
        return cls(connection, driver, pool, readers)

    async def close(self) -> None:
        """Gives up what was begun and is not wanted any more."""
        if self._begun is not None:
            self._begun.cancel()
            # Blocks that are broken may say what no question can read.
            await asyncio.gather(self._begun, return_exceptions=True)

    async def begin(self, start: int, end: int) -> None:
        if self._readers is not None:
            statements = [*ask_beforehand(start, end)]
            self._begun = asyncio.create_task(self._readers.fetch(await self._snapshot(), statements))

    async def head(self) -> HeadRow | None:
        row = await self._driver.fetchrow("SELECT size, tip, tip_at, epoch, peaks FROM head WHERE id = 1")
        return None if row is None else HeadRow(*row)

    async def segments(self, start: int, end: int) -> AsyncIterator[Segment]:
        if self._pool is not None:
            async for segment in self._pool.segments(await self._snapshot(), start, end):
                yield segment
            return
        for first, after in pieces_of(start, end, INLINE_BLOCKS):
            async with self._set(SEGMENT_SETTINGS):
                segment = await check_segment(self._driver, first, after, EVENTS)
            yield segment

    async def nodes(self, wanted: Iterable[NodeId]) -> Mapping[NodeId, bytes]:
        return await self._chain.nodes(wanted)

    async def node_beyond(self, size: int) -> NodeId | None:
        row = await self._driver.fetchrow(_NODE_BEYOND, size)
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

    async def balances_at(self, size: int) -> AsyncIterator[tuple[str, str]]:
        async for account, balance in self._rows(_BALANCES_AT, size):
            yield account, balance

    async def balances_since(self, start: int) -> AsyncIterator[tuple[str, str, str]]:
        async for account, earlier, balance in self._rows(_BALANCES_SINCE, start):
            yield account, earlier, balance

    def records(self, start: int, end: int) -> AsyncIterator[Sequence[tuple[int, str]]]:
        return self._pages(RECORDS, start, end)

    def receipts(self, after: int) -> AsyncIterator[Sequence[tuple[int, str]]]:
        return self._pages(_RECEIPTS, after)

    async def contradictions(
        self, start: int, end: int, *, whole: bool, seen: Seen | None = None
    ) -> AsyncIterator[Contradiction]:
        if not whole:
            found = await self._answers([*ask_of_stretch(start, end, seen)], {})
        elif self._begun is not None:
            found = [row for rows in await self._begun for row in rows]
            found += await self._answers([*ask_afterwards(start, end, seen)], JOINING_SETTINGS)
        else:
            asked = [*ask_beforehand(start, end), *ask_afterwards(start, end, seen)]
            found = await self._answers(asked, JOINING_SETTINGS)
        for place, block_index, detail in sorted(found, key=itemgetter(0)):
            if place < len(ROW_CHECKS):
                yield _row_contradiction(ROW_CHECKS[place], block_index, detail)
            else:
                yield Contradiction(block_index, detail)
        if whole:
            async for event_id, event_type, event_hash, payload in self._rows(
                "SELECT event_id, event_type, event_hash, payload FROM quarantined_events ORDER BY event_id, event_hash"
            ):
                # Empty: it spoke of a person who has been erased; its hash stays.
                if payload and not _is_quarantined_as(event_id, event_type, event_hash, payload):
                    yield Contradiction(None, f"quarantined_events {event_id}: its payload is of another event")

    async def _answers(self, statements: Sequence[Statement], settings: Mapping[str, str]) -> list[Any]:
        if self._readers is not None:
            found = await self._readers.fetch(await self._snapshot(), statements)
        else:
            async with self._set(settings):
                found = [await self._driver.fetch(statement, *arguments) for statement, arguments in statements]
        return [row for rows in found for row in rows]

    @asynccontextmanager
    async def _set(self, settings: Mapping[str, str]) -> AsyncIterator[None]:
        """For what is asked meanwhile; after an error the transaction is at its end, and they with it."""
        earlier = {name: await self._driver.fetchval("SELECT current_setting($1)", name) for name in settings}
        for name, value in settings.items():
            await self._driver.fetchval("SELECT set_config($1, $2, true)", name, value)
        yield
        for name, value in earlier.items():
            await self._driver.fetchval("SELECT set_config($1, $2, true)", name, value)

    async def _snapshot(self) -> str:
        return str(await self._driver.fetchval("SELECT pg_export_snapshot()"))

    async def _pages(self, statement: str, *arguments: Any) -> AsyncIterator[Sequence[Any]]:
        """Rows by the thousand: waiting for each by itself costs more than looking at it."""
        cursor = await self._driver.cursor(statement, *arguments)
        while page := await cursor.fetch(PREFETCH_ROWS):
            yield page

    def _rows(self, statement: str, *arguments: Any) -> AsyncIterator[Any]:
        rows: AsyncIterator[Any] = self._driver.cursor(statement, *arguments, prefetch=PREFETCH_ROWS).__aiter__()
        return rows


def _row_contradiction(check: RowCheck, block_index: int | None, detail: str) -> Contradiction:
    row = json.loads(detail)
    name = f"{check.table} {row['key']}"
    if row["missing"]:
        return Contradiction(block_index, f"{name}: missing")
    wanted, own = row["expected"], row["found"]
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
    return named and source.digest == event_hash
