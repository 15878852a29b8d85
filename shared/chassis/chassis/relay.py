"""The relay: moves committed outbox rows to Kafka, in order per aggregate, at least once, one active per service."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from sqlalchemy import func, select, update

from chassis import metrics
from chassis.broker import ensure_topics, new_producer, start_client
from chassis.database import Database, database_is_away
from chassis.leases import RENEW_EVERY_SECONDS, Lease, LeaseLostError, acquire_or_renew, holder_name, release
from chassis.outbox import WAKE_CHANNEL
from chassis.settings import ServiceSettings
from chassis.tables import outbox

log = structlog.get_logger(__name__)

# Enough to fill requests to all partitions, small enough to be marked in one short transaction.
BATCH_ROWS: Final = 500
# A send not acknowledged in this time is given up; the row stays unpublished and is sent again.
SEND_TIMEOUT_SECONDS: Final = 15
# Without a wake-up (a lost notification connection) rows still leave within this time.
IDLE_POLL_SECONDS: Final = 1.0
# Pause after a fault, so that a broker that is away is asked once a second and no more.
FAULT_PAUSE_SECONDS: Final = 1.0


class Relay:
    """Runs until cancelled. Several may run; the lease lets one act."""

    def __init__(self, settings: ServiceSettings, database: Database, topics: Sequence[str]) -> None:
        self._settings = settings
        self._database = database
        self._topics = tuple(topics)
        self._holder = holder_name()
        self._wake = asyncio.Event()
        self._producer: AIOKafkaProducer | None = None
        self._lease: Lease | None = None

    async def run(self) -> None:
        """Relay for ever; faults of the broker or the database are waited out."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._keep_lease())
            try:
                await self._relay_forever()
            finally:
                await self._drop_producer()
                if self._lease is not None:
                    with contextlib.suppress(Exception):  # the lease runs out by itself
                        await release(self._database, self._lease)

    async def _keep_lease(self) -> None:
        while True:
            try:
                held = await acquire_or_renew(self._database, "relay", self._holder)
            except Exception as error:
                if not database_is_away(error):
                    raise
                held = None
            if held != self._lease:
                log.info("relay_lease", active=held is not None, epoch=held.epoch if held else None)
                metrics.RELAY_ACTIVE.labels(self._settings.CONTEXT).set(1 if held else 0)
                self._lease = held
                self._wake.set()
            await asyncio.sleep(RENEW_EVERY_SECONDS)

    async def _listen(self) -> None:
        """Wake up on each commit that wrote to the outbox; a lost connection is made again."""
        url = self._database.url.replace("postgresql+asyncpg://", "postgresql://")
        while True:
            try:
                connection = await asyncpg.connect(url, timeout=4)
                try:
                    closed = asyncio.Event()
                    connection.add_termination_listener(lambda _connection, closed=closed: closed.set())
                    await connection.add_listener(f"{self._settings.CONTEXT}_{WAKE_CHANNEL}", self._on_notification)
                    await closed.wait()
                finally:
                    # terminate(), not close(): the peer may be gone, and nothing on this connection needs an end.
                    connection.terminate()
            except Exception as error:
                if not (database_is_away(error) or isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError)):
                    raise
            await asyncio.sleep(FAULT_PAUSE_SECONDS)

    def _on_notification(self, *_: Any) -> None:
        self._wake.set()

    async def _relay_forever(self) -> None:
        while True:
            moved = 0
            if self._lease is not None:
                try:
                    moved = await self.relay_batch(self._lease)
                except LeaseLostError:
                    self._lease = None
                except (KafkaError, TimeoutError) as error:
                    # A fatal producer error poisons the producer: always build a new one.
                    log.warning("relay_broker_fault", error=type(error).__name__, detail=str(error)[:300])
                    await self._drop_producer()
                    await asyncio.sleep(FAULT_PAUSE_SECONDS)
                except Exception as error:
                    if not database_is_away(error):
                        raise
                    log.warning("relay_database_away", error=type(error).__name__)
                    await asyncio.sleep(FAULT_PAUSE_SECONDS)
            if moved == BATCH_ROWS:
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), IDLE_POLL_SECONDS)
            self._wake.clear()

    async def relay_batch(self, lease: Lease) -> int:
        """Send up to `BATCH_ROWS` unpublished rows and mark those acknowledged; returns how many were.

        Raises:
            LeaseLostError, KafkaError, TimeoutError: rows not marked are sent again by whoever is next.
        """
        async with self._database.reading() as connection:
            statement = (
                select(outbox.c.event_id, outbox.c.position, outbox.c.topic, outbox.c.subject, outbox.c.payload)
                .where(outbox.c.published_at.is_(None))
                .order_by(outbox.c.position)
                .limit(BATCH_ROWS)
            )
            rows = (await connection.execute(statement)).all()
        if not rows:
            return 0
        producer = await self._ready_producer()
        sends: list[asyncio.Future[Any]] = []
        async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
            for row in rows:
                key, headers = row.subject.encode(), [("content-type", b"application/cloudevents+json")]
                sends.append(await producer.send(row.topic, row.payload, key=key, headers=headers))
            outcomes = await asyncio.gather(*sends, return_exceptions=True)
        acknowledged, failure, broken = [], None, set()
        for row, outcome in zip(rows, outcomes, strict=True):
            # Once one event of an aggregate failed, its later ones count as unsent: order is kept by sending again.
            if isinstance(outcome, BaseException):
                failure = failure or outcome
                broken.add(row.subject)
            elif row.subject not in broken:
                acknowledged.append(row.event_id)
        await self._mark(lease, acknowledged)
        metrics.RELAYED.labels(self._settings.CONTEXT).inc(len(acknowledged))
        if failure is not None:
            raise failure if isinstance(failure, KafkaError) else KafkaError(repr(failure))
        return len(rows)

    async def _mark(self, lease: Lease, event_ids: Sequence[Any]) -> None:
        if not event_ids:
            return
        async with self._database.unit_of_work() as work:
            await lease.assert_held(work.connection)
            await work.connection.execute(
                update(outbox)
                .where(outbox.c.event_id.in_(event_ids), outbox.c.published_at.is_(None))
                .values(published_at=func.clock_timestamp())
            )

    async def _ready_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            await ensure_topics(self._settings, self._topics)
            producer = new_producer(self._settings)
            try:
                await start_client(producer)
            except BaseException:
                await producer.stop()
                raise
            self._producer = producer
        return self._producer

    async def _drop_producer(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            # What is still in flight was not marked and is sent again; waiting for it could take for ever.
            with contextlib.suppress(Exception):
                await asyncio.wait_for(producer.stop(), 2)
