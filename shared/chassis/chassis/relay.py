"""The relay: moves committed outbox rows to Kafka, in order per aggregate, at least once, one active per service."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from chassis import metrics
from chassis.broker import ensure_topics, new_producer, start_client
from chassis.connecting import CONNECT_TIMEOUT_SECONDS
from chassis.database import Database, database_is_away, database_is_busy
from chassis.leases import RENEW_EVERY_SECONDS, Lease, LeaseLostError, acquire_or_renew, holder_name, release
from chassis.outbox import WAKE_CHANNEL
from chassis.settings import ServiceSettings
from chassis.stopping import stop_if_asked

log = structlog.get_logger(__name__)

# Enough to fill requests to all partitions, small enough to be marked in one short transaction.
BATCH_ROWS: Final = 500
# A send not acknowledged in this time is given up; the row stays unpublished and is sent again.
SEND_TIMEOUT_SECONDS: Final = 15
# Without a wake-up (a lost notification connection) rows still leave within this time.
IDLE_POLL_SECONDS: Final = 1.0
# A peer that went without a word sends no notification, and nothing else either: it is asked this often whether it is
# there still. Until then rows leave within the time above.
LISTENING_SECONDS: Final = 10.0
# Under load, commits of so long are relayed together: each look costs a transaction, and nobody misses the moment.
GATHER_SECONDS: Final = 0.02
# Where a look takes long, because much goes on, the rest after it is so many times as long, up to this: an event is to
# have its effect elsewhere within 100 ms (08).
REST_PER_LOOK: Final = 4
REST_SECONDS_MAX: Final = 0.06
# Pause after a fault, so that a broker that is away is asked once a second and no more.
FAULT_PAUSE_SECONDS: Final = 1.0

# What the driver raises of a connection that is not to be had or has ended.
_CONNECTION_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_HEADERS: Final = [("content-type", b"application/cloudevents+json")]
_TAKE: Final = (
    "SELECT event_id, topic, subject, payload FROM outbox WHERE published_at IS NULL ORDER BY position LIMIT $1"
)
# The lease's row stays locked until the end: a takeover waits for it, so what is marked here was ours to mark. One
# statement that commits itself: a relay that freezes behind it leaves no transaction that holds the row.
_MARK: Final = """
WITH held AS MATERIALIZED (SELECT epoch FROM leases WHERE name = $1 AND epoch = $2 FOR UPDATE),
marked AS (
    UPDATE outbox SET published_at = clock_timestamp()
    WHERE event_id = ANY($3::uuid[]) AND published_at IS NULL AND EXISTS (SELECT FROM held)
)
SELECT epoch FROM held
"""


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
        """Relay for ever; faults of the broker or the database are waited out, and so is who holds a lock there."""
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
            stop_if_asked()
            try:
                held = await acquire_or_renew(self._database, "relay", self._holder)
            except Exception as error:
                if not (database_is_away(error) or database_is_busy(error)):
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
            stop_if_asked()
            try:
                connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_SECONDS)
                try:
                    closed = asyncio.Event()
                    connection.add_termination_listener(lambda _connection, closed=closed: closed.set())
                    await connection.add_listener(f"{self._settings.CONTEXT}_{WAKE_CHANNEL}", self._on_notification)
                    while not closed.is_set():
                        stop_if_asked()
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(closed.wait(), LISTENING_SECONDS)
                        await connection.execute("SELECT 1", timeout=CONNECT_TIMEOUT_SECONDS)
                finally:
                    # terminate(), not close(): the peer may be gone, and nothing on this connection needs an end.
                    connection.terminate()
            except Exception as error:
                if not (database_is_away(error) or isinstance(error, _CONNECTION_ERRORS)):
                    raise
            await asyncio.sleep(FAULT_PAUSE_SECONDS)

    def _on_notification(self, *_: Any) -> None:
        self._wake.set()

    async def _relay_forever(self) -> None:
        rested_at = 0.0
        while True:
            stop_if_asked()
            # The first commit after a rest is relayed at once; what follows close upon it goes together.
            await asyncio.sleep(rested_at - time.monotonic())
            self._wake.clear()
            began_at = time.monotonic()
            if self._lease is not None:
                try:
                    await self.relay_waiting(self._lease)
                except LeaseLostError:
                    self._lease = None
                except (KafkaError, TimeoutError) as error:
                    # A fatal producer error poisons the producer: always build a new one.
                    log.warning("relay_broker_fault", error=type(error).__name__, detail=str(error)[:300])
                    await self._drop_producer()
                    await asyncio.sleep(FAULT_PAUSE_SECONDS)
                except Exception as error:
                    if not (database_is_away(error) or database_is_busy(error)):
                        raise
                    log.warning("relay_database_away", error=type(error).__name__, detail=str(error)[:300])
                    await asyncio.sleep(FAULT_PAUSE_SECONDS)
            ended_at = time.monotonic()
            rest = min(REST_PER_LOOK * (ended_at - began_at), REST_SECONDS_MAX)
            rested_at = ended_at + max(GATHER_SECONDS, rest)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), IDLE_POLL_SECONDS)

    async def relay_waiting(self, lease: Lease) -> None:
        """Send what waits, `BATCH_ROWS` at a time, and mark what the broker has acknowledged, until nothing waits.

        Raises:
            LeaseLostError, KafkaError, TimeoutError: rows not marked are sent again by whoever is next.
        """
        rows = await self._mark_and_take(lease, [])
        while rows:
            acknowledged, failure = await self._send(rows)
            metrics.RELAYED.labels(self._settings.CONTEXT).inc(len(acknowledged))
            rows = await self._mark_and_take(lease, acknowledged)
            if failure is not None:
                raise failure if isinstance(failure, KafkaError) else KafkaError(repr(failure))

    async def _mark_and_take(self, lease: Lease, acknowledged: Sequence[UUID]) -> list[Any]:
        """Marks rows as published and reads the next ones."""
        if acknowledged and await self._database.fetch(_MARK, lease.name, lease.epoch, acknowledged) == []:
            raise LeaseLostError(lease.name)
        return await self._database.fetch(_TAKE, BATCH_ROWS)

    async def _send(self, rows: Sequence[Any]) -> tuple[list[UUID], BaseException | None]:
        """Which rows the broker has, and the first failure of the others."""
        producer = await self._ready_producer()
        async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
            sends = [
                await producer.send(row["topic"], row["payload"], key=row["subject"].encode(), headers=_HEADERS)
                for row in rows
            ]
            outcomes = await asyncio.gather(*sends, return_exceptions=True)
        acknowledged: list[UUID] = []
        failure: BaseException | None = None
        broken: set[str] = set()
        for row, outcome in zip(rows, outcomes, strict=True):
            # Once one event of an aggregate failed, its later ones count as unsent: order is kept by sending again.
            if isinstance(outcome, BaseException):
                failure = failure or outcome
                broken.add(row["subject"])
            elif row["subject"] not in broken:
                acknowledged.append(row["event_id"])
        return acknowledged, failure

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
