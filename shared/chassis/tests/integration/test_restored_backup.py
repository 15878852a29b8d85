"""A database restored from a backup reads again what it has lost, and nothing else before it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from shared.chassis.tests.integration.events import count, eventually, in_background, send, started
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.broker import ensure_topics
from chassis.consumer import ConsumerRunner
from chassis.database import Database
from chassis.testing.harness import ServiceHarness, running_service
from contracts.applications import ApplicationStarted
from contracts.topics import topic_of

TOPIC = topic_of("applications")


@pytest.fixture
async def service(sample_urls, sample_service, kafka_server):
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as harness:
        topics = [topic_of(name) for name in ("identity", "programs", "applications", "feed")]
        await ensure_topics(harness.worker.settings, topics)
        yield harness


@asynccontextmanager
async def consuming(service: ServiceHarness, database: Database | None = None) -> AsyncIterator[None]:
    worker = service.worker
    runner = ConsumerRunner(worker.settings, database or worker.database, service.runner._subscriptions)
    async with in_background(runner.run()):
        yield


async def handled(service: ServiceHarness, facts: list[ApplicationStarted]) -> int:
    mine = " OR ".join(f"name LIKE 'started {fact.application_id} %'" for fact in facts)
    return await count(service.worker.database, f"SELECT count(*) FROM notes WHERE {mine}")


async def hear(service: ServiceHarness, count_of_facts: int) -> list[ApplicationStarted]:
    """So many facts, heard and committed."""
    facts = [started() for _ in range(count_of_facts)]

    async def all_handled() -> bool:
        return await handled(service, facts) == len(facts)

    async with consuming(service):
        payloads = [service.event(fact).to_bytes() for fact in facts]
        await send(service.worker.settings.kafka_bootstrap, TOPIC, payloads)
        await eventually(all_handled)
    return facts


async def restore(service: ServiceHarness, offsets: str) -> None:
    """As if from before the events: neither their effects, nor the memory of them, nor the offsets after them."""
    async with service.worker.database.unit_of_work() as work:
        for statement in ("DELETE FROM notes", "DELETE FROM inbox", offsets):
            await work.connection.execute(text(statement))


@pytest.mark.parametrize(
    "offsets",
    ["UPDATE consumer_offsets SET next_offset = 0", "DELETE FROM consumer_offsets"],
    ids=["had read less", "had read nothing of it"],
)
async def test_what_the_backup_has_not_heard_is_read_again(service, offsets):
    facts = await hear(service, 30)
    await restore(service, offsets)

    async def all_handled() -> bool:
        return await handled(service, facts) == len(facts)

    async with consuming(service):
        await eventually(all_handled, seconds=30)
    assert await handled(service, facts) == len(facts), "each once"
    remembered = f"SELECT sum(next_offset) FROM consumer_offsets WHERE topic = '{TOPIC}'"
    assert await count(service.worker.database, remembered) >= len(facts)


class SlowToRead(Database):
    """A database that answers those who write at once, and those who only read when it is let."""

    def __init__(self, url: str) -> None:
        super().__init__(url, application_name="test-slow")
        self.let = asyncio.Event()
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        self.asked.set()
        await self.let.wait()
        async with super().reading() as connection:
            yield connection


async def test_nothing_is_handled_before_it_is_known_from_where_to_read(service, sample_urls):
    """It would be remembered as read up to there, and what was lost before it would never be read again."""
    facts = await hear(service, 30)
    await restore(service, "UPDATE consumer_offsets SET next_offset = 0")
    later = started()
    await send(service.worker.settings.kafka_bootstrap, TOPIC, [service.event(later).to_bytes()])
    database = SlowToRead(sample_urls["programs_worker"])

    async def all_handled() -> bool:
        return await handled(service, [*facts, later]) == len(facts) + 1

    try:
        async with consuming(service, database):
            await database.asked.wait()
            await asyncio.sleep(5)  # long enough to join the group and to fetch
            handled_before = await handled(service, [later])
            database.let.set()
            await eventually(all_handled)
    finally:
        database.let.set()
        await database.close()
    assert handled_before == 0
