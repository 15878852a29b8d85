"""The consumer: what Kafka delivers goes to the handling in batches; offsets follow what is durable, never lead it."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError

from chassis.applying import Applying
from chassis.broker import ensure_topics, new_group_consumer, start_client
from chassis.database import Database, database_is_away, database_is_busy
from chassis.failpoints import failpoint
from chassis.handling import EventHandling
from chassis.lag import Lag
from chassis.offsets import remembered_offsets
from chassis.retrying import Retrying
from chassis.settings import ServiceSettings
from chassis.stopping import stop_if_asked
from chassis.subscriptions import Subscriptions
from chassis.understanding import Origin, Received

log = structlog.get_logger(__name__)

# Pause after a fault of broker or database; then everything is tried again from the last committed offset.
FAULT_PAUSE_SECONDS: Final = 1.0
# How long a poll waits for records; also how soon a stop is noticed.
POLL_TIMEOUT_MS: Final = 500
# Parked events are looked at this often while there are some, and this often while there are none.
PARKED_BUSY_SECONDS: Final = 0.1
PARKED_IDLE_SECONDS: Final = 1.0

Records = Mapping[TopicPartition, Sequence[ConsumerRecord[Any, Any]]]


class ConsumerRunner:
    """Runs a service's subscriptions until cancelled. Any number may run; Kafka shares the partitions out."""

    def __init__(self, settings: ServiceSettings, database: Database, subscriptions: Subscriptions) -> None:
        self._settings = settings
        self._database = database
        self._subscriptions = subscriptions
        applying = Applying(settings.CONTEXT, database, subscriptions)
        self._handling = EventHandling(database, applying)
        self._retrying = Retrying(database, applying)
        self._lag = Lag(settings.CONTEXT)
        self._consumer: AIOKafkaConsumer | None = None
        self.name = settings.CONTEXT
        self.connected = False

    async def run(self) -> None:
        """Consume for ever; faults of the broker or the database are waited out, and so is who holds a lock there."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._consume_forever())
            group.create_task(self._retry_parked_forever())

    async def reaches_broker(self) -> bool:
        """Whether the broker answers now: its client says nothing of one that has gone, and waits for it."""
        consumer = self._consumer
        if consumer is None or not self.connected:
            return False
        try:
            await consumer.topics()
        except (KafkaError, TimeoutError, OSError):
            return False
        return True

    async def handle(self, payload: bytes, origin: Origin) -> None:
        """Handle one record: its effect happens once however often it is delivered."""
        await self._handling.handle([Received(payload, origin)])

    async def handle_all(self, received: Sequence[Received]) -> None:
        """Handle records as one poll of Kafka delivers them."""
        await self._handling.handle(received)

    async def retry_one_parked(self) -> bool:
        """Try the next parked event that is due; False when there is none."""
        return await self._retrying.retry_one_parked()

    async def _consume_forever(self) -> None:
        while True:
            stop_if_asked()
            try:
                await self._consume()
            except (KafkaError, TimeoutError, OSError) as error:
                log.warning("consumer_broker_fault", error=type(error).__name__, detail=str(error)[:300])
            except Exception as error:
                if not (database_is_away(error) or database_is_busy(error)):
                    raise
                log.warning("consumer_database_away", error=type(error).__name__, detail=str(error)[:300])
            await asyncio.sleep(FAULT_PAUSE_SECONDS)

    async def _consume(self) -> None:
        topics = self._subscriptions.topics
        await ensure_topics(self._settings, topics)
        consumer = new_group_consumer(self._settings, f"impactnet.{self.name}")
        start = _StartWhereTheDatabaseIs(consumer, self._database, self.name, self._lag)
        consumer.subscribe(topics, listener=start)
        ahead: asyncio.Task[Records] | None = None
        try:
            await start_client(consumer)
            self._consumer, self.connected = consumer, True
            while True:
                stop_if_asked()
                polled = await (ahead or consumer.getmany(timeout_ms=POLL_TIMEOUT_MS))
                ahead = None
                if start.fault is not None:
                    raise start.fault
                if polled:
                    # While these are handled the next are fetched. Should their partitions go to another worker
                    # meanwhile, both may handle them, as with any records under way: the inbox lets one of them.
                    ahead = asyncio.create_task(consumer.getmany(timeout_ms=POLL_TIMEOUT_MS))
                    await self._handle_poll(consumer, polled)
        finally:
            self._consumer, self.connected = None, False
            self._lag.keep_only(())
            if ahead is not None:
                ahead.cancel()
                await asyncio.gather(ahead, return_exceptions=True)
            # Leaving the group takes one round trip; a broker that is away must not hold a restart up.
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                await asyncio.wait_for(consumer.stop(), 5)

    async def _handle_poll(self, consumer: AIOKafkaConsumer, polled: Records) -> None:
        received = [
            Received(record.value or b"", (record.topic, record.partition, record.offset))
            for records in polled.values()
            for record in records
        ]
        for partition, records in polled.items():
            self._lag.tell(consumer, partition, records[0].offset)
        if await self._handling.handle(received):
            failpoint("consumer.effect_committed")
        # Those of the partitions that are still ours: the client refuses all where one has moved meanwhile. Whoever has
        # that one now finds its records in the inbox.
        ours = consumer.assignment()
        following = {partition: records[-1].offset + 1 for partition, records in polled.items() if partition in ours}
        try:
            if following:
                await consumer.commit(following)
        except CommitFailedError:
            # The group has moved on without us, as above.
            log.info("offsets_not_committed", topics=sorted({partition.topic for partition in polled}))
        for partition, records in polled.items():
            self._lag.tell(consumer, partition, records[-1].offset + 1)

    async def _retry_parked_forever(self) -> None:
        while True:
            stop_if_asked()
            try:
                waiting = await self._retrying.count_parked()
                while await self.retry_one_parked():
                    pass
                await asyncio.sleep(PARKED_BUSY_SECONDS if waiting else PARKED_IDLE_SECONDS)
            except Exception as error:
                if not (database_is_away(error) or database_is_busy(error)):
                    raise
                await asyncio.sleep(FAULT_PAUSE_SECONDS)


class _StartWhereTheDatabaseIs(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """Goes back where the database has read less than the group has committed, as after a restored backup.

    Never forward: a topic that was made anew begins at 0 again, whatever the database remembers of the old one.
    """

    def __init__(self, consumer: AIOKafkaConsumer, database: Database, name: str, lag: Lag) -> None:
        self._consumer = consumer
        self._lag = lag
        self._database = database
        self._name = name
        self.fault: Exception | None = None

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Nothing is held back: each poll is handled whole before the next."""

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._lag.keep_only(assigned)
        # Meanwhile nothing is read of them: it would be remembered as read up to there, and what is missing before it
        # would be gone for good should this process end before it has gone back.
        self._consumer.pause(*assigned)
        try:
            await self._go_back(assigned)
        except Exception as error:  # noqa: BLE001 -- aiokafka only logs what is raised here: the consuming loop raises it
            self.fault = error
        else:
            self._consumer.resume(*assigned)

    async def _go_back(self, assigned: Collection[TopicPartition]) -> None:
        topics = {partition.topic for partition in assigned}
        async with self._database.reading() as connection:
            remembered = await remembered_offsets(connection, self._name, topics)
        for partition in assigned:
            # A database that remembers nothing of a partition has read nothing of it.
            following = remembered.get((partition.topic, partition.partition), 0)
            committed = await self._consumer.committed(partition)
            if committed is not None and following < committed:
                log.warning("consumer_goes_back", topic=partition.topic, committed=committed, offset=following)
                self._consumer.seek(partition, following)
