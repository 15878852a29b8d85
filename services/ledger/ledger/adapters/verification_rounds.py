"""Reads the whole chain again and again: a little every few seconds (the scrub), all of it every night."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import ColumnElement, func, or_, select, update

from chassis.database import Database, UnitOfWork
from chassis.leases import RENEW_EVERY_SECONDS, Lease, LeaseLostError, acquire_or_renew, holder_name, release
from ledger.adapters.tables.chain import head
from ledger.adapters.tables.verification import verification_rounds
from ledger.adapters.verification_log import ChainVerifier
from ledger.use_cases.verify_blocks import Outcome

log = structlog.get_logger(__name__)

SCRUBBED = Counter("impactnet_ledger_scrubbed_blocks", "Blocks that the scrub has read again.")
SCRUB_POSITION = Gauge("impactnet_ledger_scrub_position", "The block that the scrub reads next.")
NIGHTLY_SECONDS = Gauge("impactnet_ledger_nightly_seconds", "How long the last pass over everything took.")
NIGHTLY_AT = Gauge("impactnet_ledger_nightly_timestamp_seconds", "When the last pass over everything ended well.")

SCRUB: Final = "scrub"
NIGHTLY: Final = "nightly"
# A round takes a day: a twenty-fourth of the chain each hour, in as many equal pieces as the hour has ticks.
SLICES: Final = 24
SCRUB_EVERY_SECONDS: Final = 10
SCRUB_PIECES: Final = SLICES * 3600 // SCRUB_EVERY_SECONDS
# A short chain is read faster than a piece at a time; a long one never faster than this many blocks a tick: some
# 150 ms of one processor, so that a round over more than 70 million blocks takes more than a day instead.
SCRUB_BLOCKS_MIN: Final = 64
SCRUB_BLOCKS_MAX: Final = 8192

_now = func.clock_timestamp()


def next_night(now: datetime, hour: int) -> datetime:
    """The next time the clock strikes `hour` (UTC)."""
    tonight = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    return tonight if tonight > now else tonight + timedelta(days=1)


class VerificationRounds:
    """`hour` (UTC) is when the nightly pass begins."""

    def __init__(self, database: Database, verifier: ChainVerifier, hour: int) -> None:
        self._database = database
        self._verifier = verifier
        self._hour = hour
        self._holder = holder_name()

    async def scrub(self) -> None:
        """The next piece, when it is due. Its row is locked meanwhile: one worker reads, and none twice."""
        async with self._database.unit_of_work() as work:
            row = await _due(work, SCRUB)
            if row is None:
                return
            size = int(await work.connection.scalar(select(head.c.size).where(head.c.id == 1)) or 0)
            start, slice_from = (row.position, row.slice_from) if row.position < size else (0, 0)
            piece = min(max(-(-size // SCRUB_PIECES), SCRUB_BLOCKS_MIN), SCRUB_BLOCKS_MAX)
            outcome = await self._verifier.verify(start=start, end=min(start + piece, size))
            slice_from = await self._record_slice(outcome, slice_from, size)
            await work.connection.execute(
                update(verification_rounds)
                .where(verification_rounds.c.name == SCRUB)
                .values(
                    position=outcome.end,
                    slice_from=slice_from,
                    due_at=_now + timedelta(seconds=SCRUB_EVERY_SECONDS),
                    updated_at=_now,
                )
            )
        SCRUBBED.inc(outcome.end - outcome.start)
        SCRUB_POSITION.set(outcome.end)

    async def _record_slice(self, outcome: Outcome, slice_from: int, size: int) -> int:
        """Keeps a whole slice when it ends, and a failure at once; gives where the slice after it begins."""
        if not outcome.ok:
            if slice_from < outcome.start:
                await self._verifier.record(Outcome(slice_from, outcome.start, as_of=outcome.as_of), SCRUB)
            await self._verifier.record(outcome, SCRUB)
            return outcome.end
        if outcome.end < size and outcome.end - slice_from < -(-size // SLICES):
            return slice_from
        await self._verifier.record(replace(outcome, start=slice_from), SCRUB)
        return outcome.end

    async def read_everything(self) -> None:
        """The nightly pass, when it is due and no other worker is at it."""
        async with self._database.reading() as connection:
            due = await connection.scalar(select(_is_due()).where(verification_rounds.c.name == NIGHTLY))
        if due is None:
            raise LookupError(f"the row {NIGHTLY!r} of verification_rounds is gone")
        if not due:
            return
        async with self._leased() as lease:
            if lease is None:
                return
            started = asyncio.get_running_loop().time()
            outcome = await self._verifier.verify(start=0)
            took = asyncio.get_running_loop().time() - started
            # First: a process that ends in between reads everything again rather than tell nobody what it found.
            await self._verifier.record(outcome, NIGHTLY)
            async with self._database.unit_of_work() as work:
                await lease.assert_held(work.connection)
                # By the clock that tells when it is due: by a worker's own, the hour might not have struck yet.
                now = (await work.connection.execute(select(_now))).scalar_one()
                await work.connection.execute(
                    update(verification_rounds)
                    .where(verification_rounds.c.name == NIGHTLY)
                    .values(due_at=next_night(now, self._hour), updated_at=_now)
                )
        NIGHTLY_SECONDS.set(took)
        if outcome.ok:
            NIGHTLY_AT.set_to_current_time()
        log.info("nightly_verification", ok=outcome.ok, blocks=outcome.end, seconds=round(took, 1))

    @asynccontextmanager
    async def _leased(self) -> AsyncIterator[Lease | None]:
        lease = await acquire_or_renew(self._database, f"verify-{NIGHTLY}", self._holder)
        if lease is None:
            yield None
            return
        keeping = asyncio.create_task(self._keep(lease))
        try:
            yield lease
        finally:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping
            with contextlib.suppress(LeaseLostError):
                await release(self._database, lease)

    async def _keep(self, lease: Lease) -> None:
        """Renews it each second; a pass that lost its lease finds out when it wants to say that it is done."""
        while True:
            await asyncio.sleep(RENEW_EVERY_SECONDS)
            with contextlib.suppress(OSError, TimeoutError):
                await acquire_or_renew(self._database, lease.name, lease.holder)


def _is_due() -> ColumnElement[bool]:
    """What is due in more than a day was not put there by us: whoever put it off does not stop us."""
    due_at = verification_rounds.c.due_at
    return or_(due_at <= _now, due_at > _now + timedelta(days=1, hours=1))


async def _due(work: UnitOfWork, name: str) -> Any:
    named = verification_rounds.c.name == name
    statement = select(verification_rounds).where(named, _is_due()).with_for_update(skip_locked=True)
    row = (await work.connection.execute(statement)).one_or_none()
    if row is None and await work.connection.scalar(select(verification_rounds).where(named)) is None:
        raise LookupError(f"the row {name!r} of verification_rounds is gone")
    return row
