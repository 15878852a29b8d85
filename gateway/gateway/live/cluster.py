"""Which Kafka cluster this is and how its topics are cut: both may change under a running gateway."""

from collections.abc import Sequence

from aiokafka.admin import AIOKafkaAdminClient

from chassis.broker import start_client

# One request to a broker that is there takes milliseconds; longer is a broker that is away.
REQUEST_MILLISECONDS = 5_000


async def describe(bootstrap: str, wanted: Sequence[str]) -> tuple[str, dict[str, int]]:
    """The cluster's id, and how many partitions each wanted topic has.

    Raises:
        KafkaError: away.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_MILLISECONDS)
    try:
        await start_client(admin)
        cluster = await admin.describe_cluster()
        topics = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}
    finally:
        await admin.close()
    # 0 for a topic that is not there: on a new broker none is, before `ensure_topics`.
    return str(cluster["cluster_id"]), {topic: topics.get(topic, 0) for topic in wanted}
