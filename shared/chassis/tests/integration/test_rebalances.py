"""Partitions go to another worker while records of theirs are under way: everybody goes on, and nothing is skipped."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from shared.chassis.tests.integration.events import count, eventually, in_background
from structlog.testing import capture_logs

from chassis.broker import ensure_topics
from chassis.consumer import ConsumerRunner
from chassis.ids import new_id
from chassis.metrics import CONSUMER_LAG
from chassis.testing.harness import ServiceHarness, running_service
from contracts.programs import ProgramCreated
from contracts.topics import PARTITIONS, topic_of

CONSUMED = [topic_of(name) for name in ("identity", "programs", "applications", "feed")]


@pytest.fixture
async def service(sample_urls, sample_service, kafka_server):
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as harness:
        await ensure_topics(harness.worker.settings, CONSUMED)
        yield harness


async def create_in_every_partition(service: ServiceHarness, bootstrap: str) -> set[Any]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        facts = [ProgramCreated(program_id=new_id(), currency="NGN") for _ in range(PARTITIONS)]
        for partition, fact in enumerate(facts):
            payload, key = service.event(fact).to_bytes(), fact.subject().encode()
            await producer.send_and_wait(topic_of("programs"), payload, key=key, partition=partition)
    finally:
        await producer.stop()
    return {fact.program_id for fact in facts}


async def test_a_worker_whose_partitions_move_while_it_handles_them_stays_in_its_group(service, kafka_server):
    """To leave and come back would move everybody's partitions once more, and so on for as long as there is work."""
    wanted = await create_in_every_partition(service, kafka_server.bootstrap)
    entered, go_on = asyncio.Event(), asyncio.Event()
    handled: list[Any] = []

    async def create(fact: ProgramCreated, delivery: Any) -> None:
        if fact.program_id in wanted:
            entered.set()
            await go_on.wait()
            # Two who have the same records may collide, and one of them begins again: what is kept is what counts.
            delivery.work.after_commit(lambda: handled.append(fact.program_id))

    service.worker_parts.subscriptions.on(ProgramCreated, create)
    settings, database = service.worker.settings, service.worker.database
    first, second = (ConsumerRunner(settings, database, service.worker_parts.subscriptions) for _ in range(2))

    async def second_has_its_share() -> bool:
        return second.connected

    async def all_committed() -> bool:
        read = f"SELECT count(*) FROM consumer_offsets WHERE topic = '{topic_of('programs')}'"
        return set(handled) == wanted and await count(database, read) == PARTITIONS

    with capture_logs() as logs:
        async with in_background(first.run()):
            await entered.wait()
            async with in_background(second.run()):
                await eventually(second_has_its_share)
                go_on.set()
                await eventually(all_committed)
                await asyncio.sleep(1)  # whoever leaves does so at once
    assert not [line for line in logs if line["event"] == "consumer_broker_fault"]
    assert sorted(handled) == sorted(wanted)


async def test_the_lag_is_told_of_what_one_reads_oneself_and_while_it_waits(service, kafka_server):
    """The last value of a partition that another has taken over would stand for as long as the process does."""
    wanted = await create_in_every_partition(service, kafka_server.bootstrap)
    entered, go_on = asyncio.Event(), asyncio.Event()

    async def create(fact: ProgramCreated, _delivery: Any) -> None:
        if fact.program_id in wanted:
            entered.set()
            await go_on.wait()

    service.worker_parts.subscriptions.on(ProgramCreated, create)
    settings, database = service.worker.settings, service.worker.database
    first, second = (ConsumerRunner(settings, database, service.worker_parts.subscriptions) for _ in range(2))

    async def all_are_read() -> bool:
        return list(lags().values()) == [0] * PARTITIONS

    async def some_are_gone() -> bool:
        return 0 < len(lags()) < PARTITIONS

    async with in_background(first.run()):
        await entered.wait()
        assert sum(lags().values()) >= 1, "nothing of it is handled yet"
        go_on.set()
        await eventually(all_are_read)
        async with in_background(second.run()):
            await eventually(some_are_gone)
    assert lags() == {}


def lags() -> dict[str, float]:
    """By partition, as Prometheus would read it."""
    [metric] = CONSUMER_LAG.collect()
    return {
        sample.labels["partition"]: sample.value
        for sample in metric.samples
        if sample.labels["topic"] == topic_of("programs")
    }
