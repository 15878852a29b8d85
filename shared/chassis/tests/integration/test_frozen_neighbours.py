"""Another worker was stopped in the middle of a transaction and keeps its locks: nobody else ends for that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from shared.chassis.tests.integration.events import count, eventually, in_background, nothing_unpublished, send, started
from sqlalchemy import event, make_url

from chassis.broker import ensure_topics
from chassis.consumer import ConsumerRunner
from chassis.database import Database
from chassis.leases import LEASE_SECONDS, acquire_or_renew
from chassis.parking import BEHIND, park
from chassis.relay import Relay
from chassis.testing.harness import running_service
from contracts.topics import dead_letter_topic_of, topic_of

TOPIC = topic_of("applications")
CONSUMED = [topic_of(name) for name in ("identity", "programs", "applications", "feed")]
WAITING_FOR_LOCKS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
async def database(sample_urls):
    """As a worker's, but for the time it waits for a lock, so that no test need wait as long."""
    opened = Database(sample_urls["programs_worker"], application_name="test")

    @event.listens_for(opened.engine.sync_engine, "connect")
    def be_quick(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SET lock_timeout = '200ms'")
        cursor.close()
        connection.commit()

    yield opened
    await opened.close()


@asynccontextmanager
async def frozen(urls: dict[str, str], statement: str, *arguments: Any) -> AsyncIterator[None]:
    """A worker that said this and was stopped before its commit."""
    connection = await asyncpg.connect(urls["programs_worker"].replace("+asyncpg", ""))
    try:
        await connection.execute("BEGIN")
        await connection.execute(statement, *arguments)
        yield
    finally:
        connection.terminate()


async def waited_in_vain(task: asyncio.Task[None], database: Database) -> None:
    """It came to the lock at least twice: it had to let go of it in between."""
    for _ in range(2):
        await eventually(lambda: _is(database, waiting=True))
        await eventually(lambda: _is(database, waiting=False))
        assert not task.done()


async def _is(database: Database, *, waiting: bool) -> bool:
    return (await count(database, WAITING_FOR_LOCKS) > 0) == waiting


async def test_a_relay_waits_for_a_lease_whose_row_is_locked(database, sample_urls, sample_service, kafka_server):
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        await acquire_or_renew(database, "relay", "another")
        await service.deliver(started())
        relay = Relay(service.worker.settings, database, [topic_of("programs")])
        async with in_background(relay.run()) as running:
            async with frozen(sample_urls, "SELECT FROM leases FOR UPDATE"):
                await waited_in_vain(running, service.worker.database)
            await eventually(lambda: nothing_unpublished(service.worker.database))
            assert not running.done()
        published = "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL"
        assert await count(service.worker.database, published) == 1


async def test_a_consumer_waits_for_offsets_that_another_is_about_to_note(
    database, sample_urls, sample_service, kafka_server
):
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        await ensure_topics(service.worker.settings, CONSUMED)
        fact = started()
        runner = ConsumerRunner(service.worker.settings, database, service.runner._subscriptions)
        noting = (
            "INSERT INTO consumer_offsets SELECT 'programs', $1, number, 0 FROM generate_series(0, 63) AS number"
            " ON CONFLICT (consumer, topic, partition) DO UPDATE SET next_offset = 0"
        )

        async def handled() -> bool:
            mine = f"SELECT count(*) FROM notes WHERE name LIKE 'started {fact.application_id} %'"
            return await count(service.worker.database, mine) == 1

        async def buried() -> bool:
            letters = f"SELECT count(*) FROM outbox WHERE topic = '{dead_letter_topic_of('programs')}'"
            return await count(service.worker.database, letters) > 0

        async with in_background(runner.run()) as running:
            async with frozen(sample_urls, noting, TOPIC):
                await send(kafka_server.bootstrap, TOPIC, [service.event(fact).to_bytes(), b"no event"])
                await waited_in_vain(running, service.worker.database)
                await waited_in_vain(running, service.worker.database)
            await eventually(handled)
            await eventually(buried)
            assert not running.done()
        assert await handled(), "once, though it was begun several times"


async def test_who_tries_waiting_events_again_waits_for_what_another_has_locked(database, sample_urls, sample_service):
    async with running_service(sample_service, sample_urls) as service:
        waiting = service.event(started())
        async with database.unit_of_work() as work:
            payload = waiting.to_bytes()
            await park(work.connection, "programs", waiting, payload=payload, origin=(TOPIC, 0, 0), reason=BEHIND)
        runner = ConsumerRunner(service.worker.settings, database, service.runner._subscriptions)

        async def none_waits() -> bool:
            return await count(service.worker.database, "SELECT count(*) FROM parked_events") == 0

        async with in_background(runner._retry_parked_forever()) as running:
            async with frozen(sample_urls, "LOCK TABLE parked_events IN ACCESS EXCLUSIVE MODE"):
                await waited_in_vain(running, service.worker.database)
            await eventually(none_waits)
            assert not running.done()
        assert await count(service.worker.database, "SELECT count(*) FROM notes WHERE name LIKE 'started %'") == 1


class FreezingWire:
    """Between a worker and its database: says nothing more for the worker once it has said `last`, as if stopped."""

    def __init__(self, url: str) -> None:
        self._to = make_url(url)
        self._tasks: set[asyncio.Task[None]] = set()
        self.last: bytes | None = None
        self.froze = asyncio.Event()
        self.heard_in_vain = asyncio.Event()

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return self._to.set(port=port).render_as_string(hide_password=False)

    async def __aexit__(self, *_raised: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, on = await asyncio.open_connection(self._to.host, self._to.port)
        self._tasks.add(asyncio.create_task(self._pass(reader, on, is_worker=True)))
        self._tasks.add(asyncio.create_task(self._pass(back, writer, is_worker=False)))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, is_worker: bool) -> None:
        try:
            while said := await source.read(65536):
                if is_worker and self.froze.is_set():
                    self.heard_in_vain.set()
                    await asyncio.Event().wait()
                target.write(said)
                # "B": the values of a statement that is carried out now.
                if is_worker and self.last is not None and said[:1] == b"B" and self.last in said:
                    self.froze.set()
        finally:
            target.close()


@pytest.mark.parametrize("doing", ["renewing", "marking"])
async def test_a_relay_that_freezes_holds_its_lease_no_longer_than_it_runs(sample_urls, sample_service, doing):
    async with running_service(sample_service, sample_urls) as service:
        await service.deliver(started())
        database = service.worker.database
        lease = await acquire_or_renew(database, "relay", "the first")
        assert lease is not None
        wire = FreezingWire(sample_urls["programs_worker"])
        async with wire as url:
            freezing = Database(url, application_name="test-freezing")
            relay = Relay(service.worker.settings, freezing, [topic_of("programs")])
            [row] = await relay._mark_and_take(lease, [])
            await acquire_or_renew(freezing, "relay", "the first")
            wire.last = b"relay"
            if doing == "marking":
                doomed: Any = relay._mark_and_take(lease, [row["event_id"]])
            else:
                doomed = acquire_or_renew(freezing, "relay", "the first")
            frozen_one = asyncio.ensure_future(doomed)
            await wire.froze.wait()

            async def is_replaced() -> bool:
                held = await acquire_or_renew(database, "relay", "the second")
                return held is not None and held.epoch == lease.epoch + 1

            await eventually(is_replaced, seconds=LEASE_SECONDS + 1)
        await asyncio.gather(frozen_one, return_exceptions=True)
        await freezing.close()
