"""Every record of the topics that matter here, read from Kafka without a group: each gateway sees all of them."""

import asyncio
import contextlib
import time
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from chassis.broker import ensure_topics, start_client
from contracts.envelope import Event, UndecodableEventError
from contracts.fact import Fact
from contracts.identity import SigningKeysChanged
from contracts.registry import fact_of
from contracts.topics import topic_of
from gateway.authentication import SigningKeys
from gateway.live import frames
from gateway.live.cluster import REQUEST_MILLISECONDS, describe
from gateway.live.feed import channels_of
from gateway.live.hub import Hub
from gateway.live.position import FRAME_TOPICS, NO_CLUSTER, BadPositionError, Position, cluster_tag, encode
from gateway.live.ring import Kept, Ring
from gateway.live.sequences import Sequences
from gateway.metrics import DUPLICATES_DROPPED, FEED_CONNECTED, RECORDS_READ
from gateway.settings import GatewaySettings
from gateway.standing import Standing

log = structlog.get_logger(__name__)

_IDENTITY_TOPIC: Final = topic_of("identity")
_TOPICS: Final = (*FRAME_TOPICS, _IDENTITY_TOPIC)
_POLL_RECORDS_MAX: Final = 500
# The broker answers a fetch as soon as there is anything; this only bounds how long an idle one lingers.
_POLL_MILLISECONDS: Final = 500
# Cluster, partitions and connection are looked at this often.
_WATCH_SECONDS: Final = 3.0
_BACKOFF_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
# A resume waits this long for this gateway to read what another one had read already.
_CATCH_UP_SECONDS: Final = 5.0


class _WorldChangedError(Exception):
    """Another cluster, or other partitions: what is assigned now is no longer right."""


class Stream:
    """Reads, drops duplicates, keeps the ring, tells the hub; goes on from where it was when Kafka comes back."""

    def __init__(
        self, settings: GatewaySettings, *, ring: Ring, hub: Hub, standing: Standing, keys: SigningKeys
    ) -> None:
        self._settings = settings
        self._ring = ring
        self._hub = hub
        self._standing = standing
        self._keys = keys
        self._cluster = NO_CLUSTER
        # The next offset per partition of FRAME_TOPICS, and of identity's topic, which makes no frames.
        self._next: list[list[int]] = [[] for _ in FRAME_TOPICS]
        self._next_identity: list[int] = []
        self._ranks: dict[tuple[int, int], float] = {}
        self._sequences = Sequences()
        self._ends: dict[tuple[str, int], int] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._caught_up = asyncio.Event()
        self.is_connected = False
        # Whether Kafka has been asked for at all: before that nobody knows whether it is away.
        self.has_tried = False
        # Rises when the cluster was replaced: offsets from before mean nothing.
        self.generation = 0

    @property
    def has_begun(self) -> bool:
        """Whether Kafka has been seen at all, so that there are positions."""
        return self._cluster != NO_CLUSTER

    @property
    def is_caught_up(self) -> bool:
        """Whether what was there at the start has been read."""
        return self._caught_up.is_set()

    def position(self) -> Position:
        """Where this gateway is now."""
        return Position(self._cluster, tuple(tuple(partitions) for partitions in self._next))

    async def run(self) -> None:
        """Read until cancelled; Kafka may come and go."""
        failures = 0
        while True:
            try:
                await self._read()
            except _WorldChangedError as error:
                log.warning("feed_world_changed", reason=str(error))
                failures = 0
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("feed_disconnected", error=type(error).__name__)
            except Exception:  # whatever it was: a feed that ends would leave every socket silent
                log.exception("feed_failed")
            self.has_tried = True
            failures = 0 if self.is_connected else failures + 1
            self._set_connected(False)
            await asyncio.sleep(_BACKOFF_SECONDS[min(failures, len(_BACKOFF_SECONDS) - 1)])

    async def resumable(self, text: str) -> Position | None:
        """The position when everything since is known to be here, else None."""
        try:
            position = Position.decode(text)
        except BadPositionError:
            return None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._caught_up.wait(), _CATCH_UP_SECONDS)
        if position.cluster != self._cluster or not self.has_begun or not self._ring.covers(position):
            return None
        if not await self._exists(position):
            return None
        # Asked again: there was a wait in between.
        return position if position.cluster == self._cluster and self._ring.covers(position) else None

    async def _exists(self, position: Position) -> bool:
        """Whether the offsets that are ahead of ours are really there, for else we would wait for them for ever."""
        ahead = {
            TopicPartition(FRAME_TOPICS[topic], partition): offset
            for topic, partitions in enumerate(position.offsets)
            for partition, offset in enumerate(partitions)
            if offset > self._next[topic][partition]
        }
        if not ahead:
            return True
        if self._consumer is None:
            return False
        try:
            ends = await asyncio.wait_for(self._consumer.end_offsets(list(ahead)), _CATCH_UP_SECONDS)
        except (KafkaError, TimeoutError, OSError):
            return False
        return all(offset <= ends[where] for where, offset in ahead.items())

    async def _read(self) -> None:
        await ensure_topics(self._settings, _TOPICS)
        cluster_id, partitions = await describe(self._settings.kafka_bootstrap, _TOPICS)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka_bootstrap,
            client_id="impactnet-gateway",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            request_timeout_ms=REQUEST_MILLISECONDS,
            metadata_max_age_ms=30_000,
            max_poll_records=_POLL_RECORDS_MAX,
            fetch_max_wait_ms=_POLL_MILLISECONDS,
        )
        tasks: list[asyncio.Task[None]] = []
        try:
            await start_client(consumer)
            await self._seek(consumer, cluster_tag(cluster_id), partitions)
            self._consumer = consumer
            self._set_connected(True)
            self.has_tried = True
            tasks = [
                asyncio.create_task(self._pump(consumer)),
                asyncio.create_task(self._watch(cluster_id, partitions)),
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._consumer = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(consumer.stop(), REQUEST_MILLISECONDS / 1000)

    async def _seek(self, consumer: Any, cluster: bytes, partitions: dict[str, int]) -> None:
        wheres = [TopicPartition(topic, index) for topic in _TOPICS for index in range(partitions[topic])]
        consumer.assign(wheres)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(wheres)
        begins: dict[TopicPartition, int] = await consumer.beginning_offsets(wheres)
        known = cluster == self._cluster and all(
            begins[where] <= self._next_of(where.topic)[where.partition] <= ends[where]
            for where in wheres
            if where.partition < len(self._next_of(where.topic))
        )
        if known:
            starts = begins
        else:
            self._forget(cluster)
            since = int((time.time() - self._settings.ring_seconds) * 1000)
            found = await consumer.offsets_for_times(dict.fromkeys(wheres, since))
            starts = {where: found[where].offset if found.get(where) else ends[where] for where in wheres}
        for where in wheres:
            offsets = self._next_of(where.topic)
            if where.partition >= len(offsets):
                offsets.append(starts[where])
                if where.topic in FRAME_TOPICS:
                    self._ring.begin(FRAME_TOPICS.index(where.topic), where.partition, starts[where])
            consumer.seek(where, offsets[where.partition])
        if not self.is_caught_up:
            self._ends = {(where.topic, where.partition): ends[where] for where in wheres}
            self._notice_caught_up()

    def _forget(self, cluster: bytes) -> None:
        if self.has_begun:
            log.warning("feed_reset", reason="the offsets of before do not exist here")
        self._cluster = cluster
        self._ring.clear()
        self._ranks.clear()
        self._sequences.begin_anew()
        for offsets in (*self._next, self._next_identity):
            offsets.clear()
        self._caught_up.clear()
        self.generation += 1

    def _next_of(self, topic: str) -> list[int]:
        return self._next_identity if topic == _IDENTITY_TOPIC else self._next[FRAME_TOPICS.index(topic)]

    async def _pump(self, consumer: Any) -> None:
        while True:
            batches = await consumer.getmany(timeout_ms=_POLL_MILLISECONDS, max_records=_POLL_RECORDS_MAX)
            # Across partitions in the order of the broker's times; within one the sort leaves the order as it is,
            # for its key never falls there.
            records: list[tuple[float, Any]] = []
            for batch in batches.values():
                latest = 0.0
                for record in batch:
                    latest = max(latest, record.timestamp)
                    records.append((latest, record))
            records.sort(key=lambda entry: entry[0])
            for _, record in records:
                self._take(record)
            if batches and not self.is_caught_up:
                self._notice_caught_up()
            self._ring.trim(time.monotonic())

    async def _watch(self, cluster_id: str, partitions: dict[str, int]) -> None:
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            try:
                cluster_now, partitions_now = await describe(self._settings.kafka_bootstrap, _TOPICS)
            except (KafkaError, OSError, TimeoutError):
                # The consumer reconnects by itself; this only tells those who ask how we are.
                self._set_connected(False)
                continue
            if cluster_now != cluster_id or partitions_now != partitions:
                raise _WorldChangedError("another cluster" if cluster_now != cluster_id else "other partitions")
            self._set_connected(True)

    def _notice_caught_up(self) -> None:
        if all(self._next_of(topic)[partition] >= end for (topic, partition), end in self._ends.items()):
            self._ends = {}
            self._caught_up.set()
            log.info("feed_caught_up")

    def _take(self, record: Any) -> None:
        RECORDS_READ.labels(record.topic).inc()
        offsets = self._next_of(record.topic)
        if record.offset < offsets[record.partition]:
            return
        offsets[record.partition] = record.offset + 1
        try:
            event = Event.from_bytes(record.value or b"")
            fact = fact_of(event)
        except UndecodableEventError as error:
            # The services' consumers bury it; nobody can be shown what cannot be read.
            log.warning("feed_undecodable", topic=record.topic, offset=record.offset, error=str(error)[:200])
            return
        if not self._sequences.take(record.topic, event):
            DUPLICATES_DROPPED.inc()
            return
        if fact is None:
            return
        if record.topic == _IDENTITY_TOPIC:
            if isinstance(fact, SigningKeysChanged):
                self._keys.learn(fact.keys, event.time)
            self._standing.apply(fact)
        else:
            self._show(record, event, fact)

    def _show(self, record: Any, event: Event, fact: Fact) -> None:
        channels = channels_of(fact)
        if not channels:
            return
        topic = FRAME_TOPICS.index(record.topic)
        said_at = event.time.timestamp()
        rank = max(said_at, self._ranks.get((topic, record.partition), 0.0))
        self._ranks[topic, record.partition] = rank
        kept = Kept(
            topic=topic,
            partition=record.partition,
            offset=record.offset,
            rank=rank,
            said_at=said_at,
            heads={channel: frames.event_head(channel, event) for channel in channels},
        )
        age_seconds = max(0.0, time.time() - record.timestamp / 1000)
        self._ring.add(kept, time.monotonic() - age_seconds)
        if not self._sequences.shown_before(record.topic, event):
            self._hub.publish(kept, lambda: encode(self._cluster, self._next), caught_up=self.is_caught_up)

    def _set_connected(self, connected: bool) -> None:  # noqa: FBT001 -- what a setter sets
        self.is_connected = connected
        FEED_CONNECTED.set(connected)
