"""Kafka: topics, producers and consumers with settings that lose nothing (aiokafka's defaults do)."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from chassis.settings import ServiceSettings
from contracts.topics import PARTITIONS

log = structlog.get_logger(__name__)

# One request to a broker that is there takes milliseconds; ten seconds of silence is a broker that is away.
REQUEST_TIMEOUT_MS: Final = 10_000
# A stop waits this long for a start under way: a broker that is there answers within milliseconds.
START_SECONDS_MAX: Final = 3.0
# Two killed workers must not hold partitions for long: others take them over after this silence.
SESSION_TIMEOUT_MS: Final = 10_000
HEARTBEAT_INTERVAL_MS: Final = 2_000
# A batch of events may take this long before the group believes its consumer dead.
MAX_POLL_INTERVAL_MS: Final = 120_000
# Metadata is refreshed this often, so that new topics and moved leaders are found without a restart.
METADATA_MAX_AGE_MS: Final = 30_000


def new_producer(settings: ServiceSettings) -> AIOKafkaProducer:
    """acks=all, idempotent unless the broker cannot: what a send acknowledges is on every replica, once."""
    return AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap,
        client_id=f"impactnet-{settings.CONTEXT}",
        acks="all",
        enable_idempotence=settings.kafka_idempotence,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
        metadata_max_age_ms=METADATA_MAX_AGE_MS,
        # 256 KiB events and headers fit; the broker's own default limit is 1 MiB.
        max_request_size=1024 * 1024,
        max_batch_size=64 * 1024,
    )


def new_group_consumer(settings: ServiceSettings, group: str) -> AIOKafkaConsumer:
    """A member of a group: auto-commit off, from the earliest, bounded polls, a stable name where one is set."""
    return AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap,
        client_id=f"impactnet-{group}",
        group_id=group,
        group_instance_id=None if settings.worker_name is None else f"{group}-{settings.worker_name}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        # Several batches: while the database works on one, the next is understood. What a fetch may bring is the bound.
        max_poll_records=2_048,
        session_timeout_ms=SESSION_TIMEOUT_MS,
        heartbeat_interval_ms=HEARTBEAT_INTERVAL_MS,
        max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
        request_timeout_ms=REQUEST_TIMEOUT_MS + MAX_POLL_INTERVAL_MS // 10,
        metadata_max_age_ms=METADATA_MAX_AGE_MS,
        # How long the broker holds a fetch open while there is nothing; a record that arrives ends it at once.
        fetch_max_wait_ms=1_000,
    )


async def start_client(client: Any) -> None:
    """Start a client of aiokafka, and let the start end when we are cancelled meanwhile: `stop()` can then clean up.

    Cancelled between connecting and the first answer, aiokafka forgets that connection and never closes it.
    """
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting], timeout=START_SECONDS_MAX)
        if not starting.done():
            starting.cancel()
        elif not starting.cancelled():
            # Looked at, so that a start which failed is not reported as an error nobody saw.
            starting.exception()
        raise


async def ensure_topics(settings: ServiceSettings, topics: Sequence[str]) -> None:
    """Create what is missing: kept for ever (04: no retention limit). Safe to call from many processes at once.

    Raises:
        KafkaError: the broker is away or refuses.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap, request_timeout_ms=REQUEST_TIMEOUT_MS)
    try:
        await start_client(admin)
        present = set(await admin.list_topics())
        missing = [
            NewTopic(
                name=topic,
                num_partitions=PARTITIONS,
                replication_factor=settings.kafka_replication,
                topic_configs={
                    "retention.ms": "-1",
                    "min.insync.replicas": str(max(1, settings.kafka_replication - 1)),
                },
            )
            for topic in topics
            if topic not in present
        ]
        if not missing:
            return
        response: Any = await admin.create_topics(missing)
        for topic_error in response.topic_errors:
            error: type[KafkaError] = for_code(topic_error[1])
            if topic_error[1] != 0 and error is not TopicAlreadyExistsError:
                raise error(f"{topic_error[0]}: {topic_error[2] if len(topic_error) > 2 else ''}")  # noqa: PLR2004 -- (name, code, message) in newer protocol versions
        log.info("topics_created", topics=[topic.name for topic in missing])
    finally:
        await admin.close()
