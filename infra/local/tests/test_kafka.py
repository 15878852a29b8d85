"""The broker: what it keeps, and which one is taken."""

import os
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from local_stack.broker_choice import choose_broker, missing_for_kafka
from local_stack.kafka import KafkaBroker
from local_stack.kafka_probe import is_serving
from local_stack.ports import free_ports

# Where the real broker is demanded (CI), its absence is a failure and no reason to skip.
needs_java = pytest.mark.skipif(
    missing_for_kafka() is not None and os.environ.get("IMPACTNET_BROKER") != "kafka",
    reason="Apache Kafka needs Java 17 and its jars",
)


async def _make_topic(bootstrap: str, name: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, num_partitions=6, replication_factor=1)])
    await admin.close()


async def _send(bootstrap: str, topic: str, value: bytes, *, idempotent: bool) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=idempotent)
    await producer.start()
    await producer.send_and_wait(topic, value, partition=0)
    await producer.stop()


async def _values(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    await consumer.seek_to_beginning()
    values = [(await consumer.getone()).value for _ in range(count)]
    await consumer.stop()
    return values


@needs_java
async def test_topics_and_messages_survive_a_stop_and_a_kill_on_the_same_port(tmp_path: Path) -> None:
    async with KafkaBroker(tmp_path / "kafka", flavor="kafka") as broker:
        bootstrap = broker.bootstrap
        await _make_topic(bootstrap, "ledger.blocks")
        await _send(bootstrap, "ledger.blocks", b"first", idempotent=True)

        await broker.stop()
        assert not await is_serving("127.0.0.1", broker.port)
        await broker.start()
        assert broker.bootstrap == bootstrap
        await _send(bootstrap, "ledger.blocks", b"second", idempotent=True)

        await broker.kill()
        await broker.start()
        assert await _values(bootstrap, "ledger.blocks", 2) == [b"first", b"second"]

        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        (topic,) = await admin.describe_topics(["ledger.blocks"])
        await admin.close()
        assert len(topic["partitions"]) == 6


async def test_tansu_serves_where_there_is_no_java(tmp_path: Path) -> None:
    async with KafkaBroker(tmp_path / "tansu", flavor="tansu") as broker:
        await _make_topic(broker.bootstrap, "ledger.blocks")
        await _send(broker.bootstrap, "ledger.blocks", b"first", idempotent=False)
        assert await _values(broker.bootstrap, "ledger.blocks", 1) == [b"first"]


async def test_a_port_where_nothing_speaks_kafka_does_not_serve() -> None:
    assert not await is_serving("127.0.0.1", free_ports(1)[0])


def test_the_choice_of_a_broker_says_why() -> None:
    assert choose_broker("tansu").flavor == "tansu"
    assert "memory" in choose_broker("tansu").reason
    automatic = choose_broker("auto")
    assert automatic.flavor == ("kafka" if missing_for_kafka() is None else "tansu")
    assert automatic.reason
    with pytest.raises(ValueError, match="it can be auto, kafka or tansu"):
        choose_broker("rabbit")
