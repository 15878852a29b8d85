"""Runs verifications on one snapshot of the database and keeps what they found."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from prometheus_client import Gauge
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.ids import new_id
from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.tables.chain import block_verifications
from ledger.use_cases.verify_chain import Outcome, Trust, verify_chain

log = structlog.get_logger(__name__)

VERIFIED_HEIGHT = Gauge("impactnet_ledger_verified_height", "Blocks verified from the first on.")
BROKEN = Gauge("impactnet_ledger_broken", "1 while the chain does not verify.")


class ChainVerifier:
    def __init__(self, database: Database, trust: Trust) -> None:
        self._database = database
        self._trust = trust

    async def verify(
        self, *, start: int = 0, end: int | None = None, progress: Callable[[int], None] = lambda _: None
    ) -> Outcome:
        async with self._snapshot() as connection:
            return await verify_chain(ChainReader(connection), self._trust, start=start, end=end, progress=progress)

    async def verify_growth(self, verified_by: str) -> bool:
        """Verifies what was appended since the last time and keeps the result; True when something was looked at."""
        async with self._database.reading() as connection:
            last = await ChainReader(connection).last_verification()
            size = (await ChainReader(connection).head()).size
        start = 0 if last is None else last.to_index + 1
        if start >= size:
            return False
        outcome = await self.verify(start=start)
        await self.record(outcome, verified_by)
        if not outcome.ok:
            log.error("chain_broken", block_index=outcome.broken_index, failure=outcome.failure)
        # A broken chain is not looked at again at once: the next tick does, until a person has mended it.
        return outcome.ok and outcome.end > outcome.start

    async def record(self, outcome: Outcome, verified_by: str) -> None:
        BROKEN.set(0 if outcome.ok else 1)
        if outcome.ok:
            VERIFIED_HEIGHT.set(outcome.end)
        if outcome.end <= outcome.start or await self._is_known(outcome):
            return
        async with self._database.unit_of_work() as work:
            await work.connection.execute(
                insert(block_verifications).values(
                    id=new_id(),
                    from_index=outcome.start,
                    to_index=outcome.end - 1,
                    ok=outcome.ok,
                    first_broken_index=outcome.broken_index,
                    failure=None if outcome.failure is None else outcome.failure[:200],
                    verified_by=verified_by,
                )
            )

    async def _is_known(self, outcome: Outcome) -> bool:
        """The same failure twice says nothing new."""
        if outcome.ok:
            return False
        table = block_verifications
        statement = select(table.c.first_broken_index, table.c.ok).order_by(table.c.id.desc()).limit(1)
        async with self._database.reading() as connection:
            last = (await connection.execute(statement)).one_or_none()
        return last is not None and not last.ok and last.first_broken_index == outcome.broken_index

    @asynccontextmanager
    async def _snapshot(self) -> AsyncIterator[AsyncConnection]:
        """One view of the chain for the whole pass, while the writer goes on."""
        async with self._database.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
            await connection.rollback()
