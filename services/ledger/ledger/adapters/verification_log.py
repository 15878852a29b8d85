"""Runs verifications on one snapshot of the database, and keeps what they found."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import Gauge
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database, UnitOfWork
from chassis.ids import new_id
from chassis.leases import acquire_or_renew, holder_name, release
from ledger.adapters.evidence import PostgresEvidence
from ledger.adapters.lot_evidence import PostgresLotEvidence
from ledger.adapters.segment_pool import SegmentPool
from ledger.adapters.signer_log import MemoryLostError, RememberedNote
from ledger.adapters.snapshot_readers import SnapshotReaders
from ledger.adapters.tables.chain import block_verifications, head
from ledger.adapters.tables.verification import verified_states
from ledger.adapters.verification_reading import find_standing_failure, is_mended
from ledger.domain.verified_state import BadStateError, VerifiedState
from ledger.use_cases.verify_blocks import LOTS, Outcome, Trust, count_nothing
from ledger.use_cases.verify_chain import verify_chain
from ledger.use_cases.verify_growth import Growth, verify_growth
from ledger.use_cases.verify_lots import verify_lots

log = structlog.get_logger(__name__)

VERIFIED_HEIGHT = Gauge("impactnet_ledger_verified_height", "Blocks verified from the first on.")
BROKEN = Gauge("impactnet_ledger_broken", "1 while something is broken that no later verification found mended.")

LEASE: Final = "verify-growth"
# Any constant: whoever holds it appends to the sealed states, each of which names the one before it.
_STATES_LOCK: Final = 7_312_002
# More blocks than this are hashed in processes of their own: this one has other work, and one processor.
INLINE_BLOCKS_MAX: Final = 20_000
# A pass over new blocks that took noticeably long rests so many times as long: it gets a twentieth of a processor.
REST_TIMES: Final = 19
REST_AFTER_SECONDS: Final = 0.5
_FAILURE_LENGTH: Final = 200


class ChainVerifier:
    """`state_path` names the file that remembers the last sealed state outside the database."""

    def __init__(self, database: Database, trust: Trust, *, state_path: Path | None = None) -> None:
        self._database = database
        self._trust = trust
        self._remembered = RememberedNote(state_path)
        self._holder = holder_name()
        self._rest_until = 0.0

    async def height(self) -> int:
        async with self._database.reading() as connection:
            return await connection.scalar(select(head.c.size).where(head.c.id == 1)) or 0

    async def verify(
        self,
        *,
        start: int = 0,
        end: int | None = None,
        processes: int = 1,
        progress: Callable[[int], None] = count_nothing,
        lots: bool = True,
    ) -> Outcome:
        """Blocks start..end-1, or all there is; `processes` share the hashing of a long chain.

        Of all there is also the `lots`, which only make sense from the first on, and where all else is sound.
        """
        # Before the view is opened: whatever is remembered was committed earlier, by whichever worker, and is in it.
        known = self._known()
        async with self._view(start, end, processes) as (evidence, connection):
            outcome = await verify_chain(evidence, known, start=start, end=end, progress=progress)
            if lots and outcome.ok and start == 0 and end is None:
                finding = await verify_lots(PostgresLotEvidence(connection))
                outcome = replace(outcome, findings=() if finding is None else (finding,), depth=LOTS)
            return replace(outcome, as_of=await _moment_of(connection))

    async def verify_growth(self, verified_by: str) -> bool:
        """Verifies what was appended since the last time and keeps the result; True when something was looked at."""
        if time.monotonic() < self._rest_until:
            return False
        lease = await acquire_or_renew(self._database, LEASE, self._holder)
        if lease is None:
            return False
        started, worked = time.monotonic(), time.thread_time()
        try:
            growth = await self._grow(verified_by)
        finally:
            await release(self._database, lease)
        # Waiting for a busy database is no work of ours; hashing in processes of their own does not show in our thread.
        is_long = growth.outcome.end - growth.outcome.start > INLINE_BLOCKS_MAX
        took = time.monotonic() - started if is_long else time.thread_time() - worked
        if took > REST_AFTER_SECONDS:
            self._rest_until = time.monotonic() + REST_TIMES * took
        # A broken chain is not looked at again at once: the next tick does, until a person has mended it.
        return growth.outcome.ok and growth.state is not None

    async def _grow(self, verified_by: str) -> Growth:
        known = self._known()
        async with self._view(await self._verified_size(), None, 1) as (evidence, connection):
            growth = await verify_growth(evidence, known, self._database.clock.now())
            growth = replace(growth, outcome=replace(growth.outcome, as_of=await _moment_of(connection)))
        if growth.state is not None and not await self._keep(growth.state):
            return Growth(growth.outcome)  # another worker was faster
        await self.record(growth.outcome, verified_by)
        return growth

    async def _keep(self, state: VerifiedState) -> bool:
        """Seals it after the one it names; False when there is another by now."""
        async with self._database.unit_of_work() as work:
            await work.connection.execute(select(func.pg_advisory_xact_lock(_STATES_LOCK)))
            latest = select(verified_states.c.body).order_by(verified_states.c.size.desc()).limit(1)
            body: str | None = await work.connection.scalar(latest)
            if body is not None and VerifiedState.parse(body).digest != state.previous:
                return False
            await work.connection.execute(
                insert(verified_states).values(
                    size=state.size, body=state.body, mac=state.seal(self._trust.state_keys[0])
                )
            )
        self._remembered.write(state.body)
        VERIFIED_HEIGHT.set(state.size)
        return True

    async def record(self, outcome: Outcome, verified_by: str) -> None:
        """Keeps what was found, once: the same failure twice says nothing new."""
        if outcome.end <= outcome.start:
            await self._show_standing()
            return
        async with self._database.unit_of_work() as work:
            if outcome.ok or not await _is_known(work, outcome, verified_by):
                await work.connection.execute(
                    insert(block_verifications).values(
                        id=new_id(),
                        from_index=outcome.start,
                        to_index=outcome.end - 1,
                        ok=outcome.ok,
                        first_broken_index=outcome.broken_index,
                        failure=None if outcome.failure is None else outcome.failure[:_FAILURE_LENGTH],
                        verified_by=verified_by,
                        depth=outcome.depth,
                        as_of=outcome.as_of,
                    )
                )
        for finding in outcome.findings:
            log.critical(
                "ledger_broken", block_index=finding.block_index, failure=finding.failure, verified_by=verified_by
            )
        await self._show_standing()

    async def _show_standing(self) -> None:
        async with self._database.reading() as connection:
            BROKEN.set(0 if await find_standing_failure(connection) is None else 1)

    def _known(self) -> Trust:
        body = self._remembered.read()
        if body is None or not self._trust.state_keys:
            return self._trust
        try:
            return replace(self._trust, remembered=VerifiedState.parse(body))
        except BadStateError as error:
            raise MemoryLostError("the file that remembers the last verified state holds something else") from error

    async def _verified_size(self) -> int:
        async with self._database.reading() as connection:
            return await connection.scalar(select(func.coalesce(func.max(verified_states.c.size), 0))) or 0

    @asynccontextmanager
    async def _view(
        self, start: int, end: int | None, processes: int
    ) -> AsyncIterator[tuple[PostgresEvidence, AsyncConnection]]:
        """One view for the whole pass, while the writer goes on."""
        async with self._database.long_looking() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            size = await connection.scalar(select(head.c.size).where(head.c.id == 1)) or 0
            if processes == 1:
                # Beside the worker's other work: the database's other processors are for that.
                await connection.exec_driver_sql("SET LOCAL max_parallel_workers_per_gather = 0")
            blocks = min(size, size if end is None else end) - start
            if blocks <= INLINE_BLOCKS_MAX:
                yield await PostgresEvidence.on(connection), connection
            else:
                async with SegmentPool(self._database.url, processes) as pool:
                    readers = SnapshotReaders(self._database.url, processes) if processes > 1 else None
                    evidence = await PostgresEvidence.on(connection, pool, readers)
                    try:
                        yield evidence, connection
                    finally:
                        await evidence.close()
            await connection.rollback()


async def _moment_of(connection: AsyncConnection) -> datetime:
    """When the transaction began: what came later is not in its view."""
    moment: datetime = (await connection.execute(select(func.now()))).scalar_one()
    return moment


async def _is_known(work: UnitOfWork, outcome: Outcome, verified_by: str) -> bool:
    """Whether it is the last failure that this verifier told, and nobody has found it mended since."""
    table = block_verifications
    statement = (
        select(table.c.from_index, table.c.first_broken_index, table.c.failure, is_mended(table).label("mended"))
        .where(~table.c.ok, table.c.verified_by == verified_by)
        .order_by(table.c.verified_at.desc())
        .limit(1)
    )
    last = (await work.connection.execute(statement)).one_or_none()
    failure = None if outcome.failure is None else outcome.failure[:_FAILURE_LENGTH]
    told = (outcome.start, outcome.broken_index, failure)
    return last is not None and not last.mended and (last.from_index, last.first_broken_index, last.failure) == told
