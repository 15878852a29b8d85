"""Events that wait: tried again in their order until what they build on is there, or nobody believes in them."""

from typing import Any

import structlog
from sqlalchemy import func, select, text

from chassis import metrics, parking
from chassis.applying import Applying
from chassis.database import Database, UnitOfWork, database_is_away
from chassis.dead_letters import bury, describe
from chassis.execution import executing
from chassis.inbox import claim_event
from chassis.subscriptions import DependencyMissingError
from chassis.tables import parked_events
from chassis.understanding import Message, Received
from contracts.envelope import Event, UndecodableEventError, parse_content
from contracts.registry import fact_of

log = structlog.get_logger(__name__)


class Retrying:
    """Tries one consumer's parked events again."""

    def __init__(self, database: Database, applying: Applying) -> None:
        self.name = applying.name
        self._database = database
        self._applying = applying

    async def count_parked(self) -> int:
        """How many events wait; also as a metric."""
        async with self._database.reading() as connection:
            statement = select(func.count()).select_from(parked_events).where(parked_events.c.consumer == self.name)
            count = int(await connection.scalar(statement) or 0)
        metrics.PARKED.labels(self.name).set(count)
        return count

    async def retry_one_parked(self) -> bool:
        """Try the next parked event that is due; False when there is none."""
        async with self._database.unit_of_work() as work:
            row = await parking.lock_due(work.connection, self.name)
            if row is None:
                return False
            payload = bytes(row.payload)
            try:
                content = parse_content(payload)
                event = Event.from_content(content)
                fact = fact_of(event)
            except UndecodableEventError as error:
                # Redriven, or parked by a release that read it otherwise: as when it first came, no retry can mend it.
                await self._bury(work, row, describe(error), attempts=row.attempts + 1, kind="undecodable")
                return True
            attempt = UnitOfWork(work.connection, work.driver, self._database.clock)
            try:
                # The savepoint undoes a failed attempt and keeps the lock on the parked row.
                async with work.connection.begin_nested():
                    if fact is not None:
                        received = Received(payload, (row.topic, row.partition, row.offset))
                        message = self._applying.understanding.message(received, event, fact, content)
                        await self._retry(attempt, message)
                    # Deferred constraints speak now, inside the savepoint, and not at a commit nobody could undo.
                    await work.connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            except Exception as error:
                if database_is_away(error):
                    raise
                await self._postpone_or_bury(work, row, event, error)
            else:
                await parking.unpark(work.connection, self.name, event.id)
                work.after_commit(attempt.committed)
                metrics.HANDLED.labels(self.name, event.type, "handled").inc()
            return True

    async def _retry(self, attempt: UnitOfWork, message: Message) -> None:
        is_new = await claim_event(attempt, self.name, message.event.id)
        if is_new:
            await self._applying.prepare(attempt, [message])
        with executing(message.execution):
            await self._applying.apply(attempt, message, is_new=is_new)
        await attempt.flush()

    async def _postpone_or_bury(self, work: UnitOfWork, row: Any, event: Event, error: Exception) -> None:
        reason = parking.DEPENDENCY if isinstance(error, DependencyMissingError) else parking.FAILURE
        attempts = row.attempts + 1 if row.reason == reason else 1
        description = describe(error)
        if not parking.is_exhausted(row, reason, attempts, work.now):
            await parking.postpone(
                work.connection, self.name, event.id, reason=reason, attempts=attempts, error=description
            )
            return
        await self._bury(work, row, description, attempts=attempts, kind=event.type)

    async def _bury(self, work: UnitOfWork, row: Any, description: str, *, attempts: int, kind: str) -> None:
        origin = (row.topic, row.partition, row.offset)
        await bury(work, self.name, bytes(row.payload), origin=origin, error=description, attempts=attempts)
        await parking.unpark(work.connection, self.name, row.event_id)
        metrics.DEAD_LETTERS.labels(self.name, kind).inc()
        log.error("event_buried", event_type=kind, event_id=str(row.event_id), attempts=attempts)
