"""The consumer: each event's effect, its inbox row and what it announces in one transaction, then the offset."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError
from sqlalchemy import func, select, text

from chassis import metrics, parking
from chassis.broker import ensure_topics, new_group_consumer, start_client
from chassis.database import Database, UnitOfWork, database_is_away
from chassis.dead_letters import bury, describe
from chassis.execution import Execution, executing
from chassis.failpoints import failpoint
from chassis.inbox import claim_event
from chassis.settings import ServiceSettings
from chassis.subscriptions import Delivery, DependencyMissingError, Subscriptions
from chassis.tables import parked_events
from contracts.envelope import Event, UndecodableEventError
from contracts.fact import Fact
from contracts.registry import fact_of

log = structlog.get_logger(__name__)

# Pause after a fault of broker or database; then everything is tried again from the last committed offset.
FAULT_PAUSE_SECONDS: Final = 1.0
# How long a poll waits for records; also how soon a stop is noticed.
POLL_TIMEOUT_MS: Final = 500
# Parked events are looked at this often while there are some, and this often while there are none.
PARKED_BUSY_SECONDS: Final = 0.1
PARKED_IDLE_SECONDS: Final = 1.0

Origin = tuple[str, int, int]


class ConsumerRunner:
    """Runs a service's subscriptions until cancelled. Any number may run; Kafka shares the partitions out."""

    def __init__(self, settings: ServiceSettings, database: Database, subscriptions: Subscriptions) -> None:
        self._settings = settings
        self._database = database
        self._subscriptions = subscriptions
        self.name = settings.CONTEXT
        self.connected = False

    async def run(self) -> None:
        """Consume for ever; faults of the broker or the database are waited out."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._consume_forever())
            group.create_task(self._retry_parked_forever())

    # --- from Kafka -------------------------------------------------------------------------------------------------

    async def _consume_forever(self) -> None:
        while True:
            try:
                await self._consume()
            except (KafkaError, TimeoutError, OSError) as error:
                log.warning("consumer_broker_fault", error=type(error).__name__, detail=str(error)[:300])
            except Exception as error:
                if not database_is_away(error):
                    raise
                log.warning("consumer_database_away", error=type(error).__name__)
            self.connected = False
            await asyncio.sleep(FAULT_PAUSE_SECONDS)

    async def _consume(self) -> None:
        topics = self._subscriptions.topics
        await ensure_topics(self._settings, topics)
        consumer = new_group_consumer(self._settings, f"impactnet.{self.name}", topics)
        try:
            await start_client(consumer)
            self.connected = True
            while True:
                batches = await consumer.getmany(timeout_ms=POLL_TIMEOUT_MS)
                for partition, records in batches.items():
                    await self._handle_partition(consumer, partition, records)
        finally:
            # Leaving the group takes one round trip; a broker that is away must not hold a restart up.
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                await asyncio.wait_for(consumer.stop(), 5)

    async def _handle_partition(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: Sequence[ConsumerRecord[Any, Any]]
    ) -> None:
        for record in records:
            await self.handle(record.value or b"", (record.topic, record.partition, record.offset))
        failpoint("consumer.effect_committed")
        try:
            await consumer.commit({partition: records[-1].offset + 1})
        except CommitFailedError:
            # The group has moved on without us; whoever has the partition now finds these in the inbox.
            log.info("offsets_not_committed", topic=partition.topic, partition=partition.partition)
        end = consumer.highwater(partition)
        if end is not None:
            lag = max(0, end - records[-1].offset - 1)
            metrics.CONSUMER_LAG.labels(self.name, partition.topic, partition.partition).set(lag)

    async def handle(self, payload: bytes, origin: Origin) -> None:
        """Handle one record: its effect happens once however often it is delivered.

        Raises:
            Only what says that the database is away; then nothing of it has happened.
        """
        try:
            event = Event.from_bytes(payload)
            fact = fact_of(event)
        except UndecodableEventError as error:
            async with self._database.unit_of_work() as work:
                await bury(work, self.name, payload, origin=origin, error=describe(error), attempts=1)
            metrics.DEAD_LETTERS.labels(self.name, "undecodable").inc()
            log.error("event_undecodable", topic=origin[0], partition=origin[1], offset=origin[2])
            return
        if fact is None or not self._subscriptions.handlers_of(event.type):
            return
        try:
            async with self._database.unit_of_work() as work:
                if await parking.subject_is_parked(work.connection, self.name, event.subject):
                    await parking.park(
                        work.connection, self.name, event, payload=payload, origin=origin, reason=parking.BEHIND
                    )
                    outcome = "parked"
                else:
                    outcome = await self._apply(work, event, fact)
        except Exception as error:
            if database_is_away(error):
                raise
            outcome = await self._park_failed(event, payload, origin, error)
        metrics.HANDLED.labels(self.name, event.type, outcome).inc()

    async def _apply(self, work: UnitOfWork, event: Event, fact: Fact) -> str:
        execution = Execution(
            correlation_id=event.correlationid,
            causation_id=str(event.id),
            traceparent=event.traceparent,
            actor_id=event.actorid,
        )
        with executing(execution):
            if not await claim_event(work.connection, self.name, event.id):
                for watcher in self._subscriptions.duplicate_watchers:
                    await watcher(Delivery(event, work))
                return "duplicate"
            for handler in self._subscriptions.handlers_of(event.type):
                await handler(fact, Delivery(event, work))
            # Written inside the execution, so that what is announced names this event as its cause.
            await work.flush()
        return "handled"

    async def _park_failed(self, event: Event, payload: bytes, origin: Origin, error: Exception) -> str:
        waits = isinstance(error, DependencyMissingError)
        reason = parking.DEPENDENCY if waits else parking.FAILURE
        async with self._database.unit_of_work() as work:
            await parking.park(
                work.connection, self.name, event, payload=payload, origin=origin, reason=reason, error=describe(error)
            )
        if waits:
            log.info("event_waits", event_type=event.type, event_id=str(event.id), missing=str(error))
        else:
            log.error("event_failed", event_type=event.type, event_id=str(event.id), error=describe(error))
        return "waits" if waits else "failed"

    # --- parked -----------------------------------------------------------------------------------------------------

    async def _retry_parked_forever(self) -> None:
        while True:
            try:
                waiting = await self._count_parked()
                while await self.retry_one_parked():
                    pass
                await asyncio.sleep(PARKED_BUSY_SECONDS if waiting else PARKED_IDLE_SECONDS)
            except Exception as error:
                if not database_is_away(error):
                    raise
                await asyncio.sleep(FAULT_PAUSE_SECONDS)

    async def _count_parked(self) -> int:
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
            event = Event.from_bytes(row.payload)
            fact = fact_of(event)
            try:
                # The savepoint undoes a failed attempt and keeps the lock on the parked row.
                async with work.connection.begin_nested():
                    attempt = UnitOfWork(work.connection, self._database.clock)
                    if fact is not None:
                        await self._apply(attempt, event, fact)
                    # Deferred constraints speak now, inside the savepoint, and not at a commit nobody could undo.
                    await work.connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            except Exception as error:
                if database_is_away(error):
                    raise
                await self._postpone_or_bury(work, row, event, error)
            else:
                await parking.unpark(work.connection, self.name, event.id)
                metrics.HANDLED.labels(self.name, event.type, "handled").inc()
            return True

    async def _postpone_or_bury(self, work: UnitOfWork, row: Any, event: Event, error: Exception) -> None:
        reason = parking.DEPENDENCY if isinstance(error, DependencyMissingError) else parking.FAILURE
        attempts = row.attempts + 1 if row.reason == reason else 1
        description = describe(error)
        if not parking.is_exhausted(row, reason, attempts, work.now):
            await parking.postpone(
                work.connection, self.name, event.id, reason=reason, attempts=attempts, error=description
            )
            return
        origin = (row.topic, row.partition, row.offset)
        await bury(work, self.name, bytes(row.payload), origin=origin, error=description, attempts=attempts)
        await parking.unpark(work.connection, self.name, event.id)
        metrics.DEAD_LETTERS.labels(self.name, event.type).inc()
        log.error("event_buried", event_type=event.type, event_id=str(event.id), attempts=attempts)
