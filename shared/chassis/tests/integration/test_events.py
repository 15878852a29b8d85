"""Events in and out: lost never, doubled never, in order per aggregate, whatever dies."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import func, select, text, update

from chassis.broker import ensure_topics
from chassis.consumer import ConsumerRunner
from chassis.database import Database
from chassis.dead_letters import DeadLetterBox
from chassis.ids import new_id
from chassis.leases import LeaseLostError, acquire_or_renew
from chassis.relay import Relay
from chassis.tables import outbox, parked_events
from chassis.testing.harness import ServiceHarness, running_service
from contracts.applications import ApplicationStarted
from contracts.envelope import Event
from contracts.programs import ProgramArchived, ProgramClosed, ProgramCreated
from contracts.topics import dead_letter_topic_of, topic_of


@pytest.fixture
async def service(sample_urls, sample_service):
    async with running_service(sample_service, sample_urls) as harness:
        yield harness


def started(**changes: Any) -> ApplicationStarted:
    values = {"application_id": new_id(), "program_id": new_id(), "user_id": new_id(), "status": "draft"}
    return ApplicationStarted.model_validate({**values, **changes})


async def count(database: Database, sql: str) -> int:
    async with database.reading() as connection:
        return int(await connection.scalar(text(sql)) or 0)


async def eventually(check: Callable[[], Any], seconds: float = 20) -> None:
    """Wait until `check` holds; the time is a bound on a fault, not a measurement."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await check():
        assert asyncio.get_running_loop().time() < deadline, "did not happen in time"
        await asyncio.sleep(0.05)


# --- in ---------------------------------------------------------------------------------------------------------------


async def test_a_redelivered_event_has_one_effect(service: ServiceHarness):
    event = service.event(started())
    for _ in range(3):
        await service.deliver(event)
    assert await count(service.worker.database, "SELECT count(*) FROM notes WHERE name LIKE 'started %'") == 1
    assert len(await service.announced(ProgramCreated)) == 1


async def test_one_event_delivered_to_eight_workers_at_once_has_one_effect(service: ServiceHarness):
    event = service.event(started())
    await asyncio.gather(*(service.deliver(event) for _ in range(8)))
    assert await count(service.worker.database, "SELECT count(*) FROM notes WHERE name LIKE 'started %'") == 1


async def test_what_an_event_causes_names_it_as_its_cause(service: ServiceHarness):
    event = await service.deliver(started())
    async with service.worker.database.reading() as connection:
        payload = (await connection.scalars(select(outbox.c.payload))).one()
    assert Event.from_bytes(bytes(payload)).causationid == str(event.id)


async def test_an_event_that_comes_too_early_waits_and_holds_only_its_own_aggregate(service: ServiceHarness):
    async with service.client() as client:
        program_id = new_id()
        await service.deliver(ProgramClosed(program_id=program_id))
        await service.deliver(started())
        assert await count(service.worker.database, "SELECT count(*) FROM parked_events") == 1
        assert await count(service.worker.database, "SELECT count(*) FROM notes WHERE name LIKE 'started %'") == 1
        await client.post("/api/v1/notes/", json={"name": "irrelevant"})
        async with service.worker.database.unit_of_work() as work:
            await work.connection.execute(text("INSERT INTO notes VALUES (:id, 'it came')"), {"id": program_id})
            await work.connection.execute(update(parked_events).values(due_at=func.now()))
        assert await service.retry_parked() == 1
    assert await count(service.worker.database, "SELECT count(*) FROM notes WHERE name LIKE 'closed %'") == 1
    assert await count(service.worker.database, "SELECT count(*) FROM parked_events") == 0


async def test_later_events_of_a_waiting_aggregate_wait_behind_it_in_order(service: ServiceHarness):
    program_id = new_id()
    first = await service.deliver(ProgramClosed(program_id=program_id))
    second = await service.deliver(ProgramClosed(program_id=program_id))
    async with service.worker.database.unit_of_work() as work:
        await work.connection.execute(text("INSERT INTO notes VALUES (:id, 'it came')"), {"id": program_id})
        await work.connection.execute(update(parked_events).values(due_at=func.now()))
    await service.retry_parked()
    async with service.worker.database.reading() as connection:
        rows = await connection.execute(text("SELECT event_id FROM inbox ORDER BY handled_at"))
    order = [row.event_id for row in rows]
    assert order[-2:] == [first.id, second.id]


async def test_a_handler_that_keeps_failing_is_tried_five_times_and_then_buried(service: ServiceHarness):
    fact = ProgramArchived(program_id=new_id())
    await service.deliver(fact)
    for _ in range(4):
        assert await count(service.worker.database, "SELECT count(*) FROM parked_events") == 1
        async with service.worker.database.unit_of_work() as work:
            await work.connection.execute(update(parked_events).values(due_at=func.now()))
        await service.retry_parked()
    assert await count(service.worker.database, "SELECT count(*) FROM parked_events") == 0
    topic = dead_letter_topic_of("programs")
    assert await count(service.worker.database, f"SELECT count(*) FROM outbox WHERE topic = '{topic}'") == 1
    assert await count(service.worker.database, "SELECT count(*) FROM notes WHERE name LIKE 'archived %'") == 0


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"id": 1}', b"\xff\xfe", b"x" * 300_000])
async def test_what_is_no_event_goes_to_the_dead_letters_at_once(service: ServiceHarness, payload: bytes):
    await service.runner.handle(payload, ("impactnet.applications", 0, 7))
    topic = dead_letter_topic_of("programs")
    assert await count(service.worker.database, f"SELECT count(*) FROM outbox WHERE topic = '{topic}'") == 1


# --- out --------------------------------------------------------------------------------------------------------------


async def test_sequences_are_contiguous_however_many_write_at_once(service: ServiceHarness):
    program_id = new_id()

    async def announce() -> None:
        async with service.api.database.unit_of_work() as work:
            work.announce(ProgramCreated(program_id=program_id, currency="NGN"))
            work.announce(ProgramClosed(program_id=program_id))

    await asyncio.gather(*(announce() for _ in range(10)))
    async with service.api.database.reading() as connection:
        rows = await connection.execute(select(outbox.c.sequence).order_by(outbox.c.position))
    assert [row.sequence for row in rows] == list(range(1, 21))


async def test_a_lease_that_was_lost_cannot_mark_anything(service: ServiceHarness):
    database = service.worker.database
    mine = await acquire_or_renew(database, "relay", "me")
    assert mine is not None
    assert await acquire_or_renew(database, "relay", "other") is None
    async with database.unit_of_work() as work:
        await work.connection.execute(text("UPDATE leases SET renewed_at = now() - interval '4 seconds'"))
    theirs = await acquire_or_renew(database, "relay", "other")
    assert theirs is not None
    assert theirs.epoch == mine.epoch + 1
    with pytest.raises(LeaseLostError):
        async with database.unit_of_work() as work:
            await mine.assert_held(work.connection)


async def test_a_lease_from_a_clock_that_stepped_back_does_not_block_for_an_hour(service: ServiceHarness):
    database = service.worker.database
    await acquire_or_renew(database, "relay", "me")
    async with database.unit_of_work() as work:
        await work.connection.execute(text("UPDATE leases SET renewed_at = now() + interval '1 hour'"))
    assert await acquire_or_renew(database, "relay", "other") is not None


# --- through a real broker ------------------------------------------------------------------------------------------


async def read_topic(bootstrap: str, topic: str, wanted: int) -> list[Any]:
    reader = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await reader.start()
    found: list[Any] = []
    try:
        while len(found) < wanted:
            batches = await reader.getmany(timeout_ms=10_000)
            assert batches, f"{len(found)} of {wanted} records came"
            found += [record for records in batches.values() for record in records]
    finally:
        await reader.stop()
    return found


@asynccontextmanager
async def in_background(coroutine: Any) -> AsyncIterator[asyncio.Task[Any]]:
    task = asyncio.create_task(coroutine)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def nothing_unpublished(database: Database) -> bool:
    return await count(database, "SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0


async def test_the_relay_publishes_everything_once_in_order_per_aggregate(sample_urls, sample_service, kafka_server):
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        subjects = [new_id() for _ in range(20)]
        for _ in range(5):
            async with service.api.database.unit_of_work() as work:
                for subject in subjects:
                    work.announce(ProgramCreated(program_id=subject, currency="NGN"))
        settings = service.worker.settings
        relays = [Relay(settings, service.worker.database, [topic_of("programs")]) for _ in range(2)]
        async with in_background(relays[0].run()), in_background(relays[1].run()):
            await eventually(lambda: nothing_unpublished(service.worker.database))
        wanted = {str(subject) for subject in subjects}
        by_subject: dict[str, list[int]] = {}
        for record in await read_topic(kafka_server.bootstrap, topic_of("programs"), 100):
            event = Event.from_bytes(record.value)
            assert record.key == event.subject.encode()
            if event.subject in wanted:
                by_subject.setdefault(event.subject, []).append(event.sequence)
        assert set(by_subject) == wanted
        assert all(sequences == [1, 2, 3, 4, 5] for sequences in by_subject.values())


async def test_events_written_while_the_relay_sleeps_leave_promptly_and_late_commits_are_not_lost(
    sample_urls, sample_service, kafka_server
):
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        database = service.worker.database
        async with in_background(Relay(service.worker.settings, database, [topic_of("programs")]).run()):
            # A transaction that took its position early and commits after a later one has been published.
            async with service.api.database.engine.connect() as slow:
                transaction = await slow.begin()
                await slow.execute(
                    text(
                        "INSERT INTO outbox (event_id, topic, subject, sequence, event_type, payload)"
                        " VALUES (:id, :topic, 'late', 1, 'x', :payload)"
                    ),
                    {
                        "id": uuid4(),
                        "topic": topic_of("programs"),
                        "payload": service.event(ProgramClosed(program_id=new_id())).to_bytes(),
                    },
                )
                async with service.api.database.unit_of_work() as work:
                    work.announce(ProgramCreated(program_id=new_id(), currency="NGN"))
                await eventually(lambda: nothing_unpublished(database))
                await transaction.commit()
            await eventually(lambda: nothing_unpublished(database))
            assert await count(database, "SELECT count(*) FROM outbox WHERE published_at IS NOT NULL") == 2


async def send(bootstrap: str, topic: str, events: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for payload in events:
            await producer.send_and_wait(topic, payload, key=b"k")
    finally:
        await producer.stop()


async def test_the_consumer_handles_what_the_broker_has_and_a_buried_event_can_be_redriven(
    sample_urls, sample_service, kafka_server
):
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        settings, database = service.worker.settings, service.worker.database
        topics = [topic_of(name) for name in ("identity", "programs", "applications", "feed")]
        await ensure_topics(settings, topics)
        facts = [started() for _ in range(10)]
        broken = b"this is no event"
        payloads = [service.event(fact).to_bytes() for fact in facts]
        await send(kafka_server.bootstrap, topic_of("applications"), [*payloads, broken, payloads[0]])
        runner = ConsumerRunner(settings, database, service.runner._subscriptions)
        relay = Relay(settings, database, [topic_of("programs"), dead_letter_topic_of("programs")])

        async def all_handled() -> bool:
            mine = " OR ".join(f"name LIKE 'started {fact.application_id} %'" for fact in facts)
            handled = await count(database, f"SELECT count(*) FROM notes WHERE {mine}")
            letters = f"SELECT count(*) FROM outbox WHERE topic = '{dead_letter_topic_of('programs')}'"
            buried = await count(database, letters)
            return handled == len(facts) and buried >= 1 and await nothing_unpublished(database)

        async with in_background(runner.run()), in_background(relay.run()):
            await eventually(all_handled)
            box = DeadLetterBox(settings, "programs")
            letters = [letter async for letter in box.letters()]
        assert any(letter.payload == broken for letter in letters)
        assert all(letter.body["error"] for letter in letters)
        redriven, left = await box.redrive(database)
        assert redriven + left == len(letters)
        assert [letter async for letter in box.letters()] == []


async def test_a_paused_relay_is_replaced_within_five_seconds(sample_urls, sample_service, kafka_server):
    """SIGSTOP keeps the old relay's connections open: only a lease that runs out lets another take over."""
    script = (
        "import asyncio, sys\n"
        "from pydantic import SecretStr\n"
        "from chassis.settings import ServiceSettings\n"
        "from chassis.database import Database\n"
        "from chassis.relay import Relay\n"
        "class S(ServiceSettings):\n    CONTEXT = 'programs'\n"
        "s = S(kafka_bootstrap=sys.argv[2])\n"
        "async def main():\n"
        "    await Relay(s, Database(sys.argv[1], application_name='t'), ['impactnet.programs']).run()\n"
        "asyncio.run(main())\n"
    )
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        database = service.worker.database
        arguments = [sys.executable, "-c", script, sample_urls["programs_worker"], kafka_server.bootstrap]
        old = subprocess.Popen(arguments)
        try:

            async def held() -> bool:
                return (
                    await count(database, "SELECT count(*) FROM leases WHERE renewed_at > now() - interval '2 s'") == 1
                )

            await eventually(held)
            os.kill(old.pid, signal.SIGSTOP)
            async with service.api.database.unit_of_work() as work:
                work.announce(ProgramCreated(program_id=new_id(), currency="NGN"))
            begun = datetime.now(UTC)
            async with in_background(Relay(service.worker.settings, database, [topic_of("programs")]).run()):
                await eventually(lambda: nothing_unpublished(database), seconds=15)
            # The promise of 04-events, with room for a machine that is busy with other tests.
            assert (datetime.now(UTC) - begun).total_seconds() < 10
        finally:
            old.kill()
            old.wait()


async def test_the_consumer_goes_on_after_its_database_connections_are_cut(sample_urls, sample_service, kafka_server):
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        settings, database = service.worker.settings, service.worker.database
        await ensure_topics(settings, [topic_of(name) for name in ("identity", "programs", "applications", "feed")])
        facts = [started() for _ in range(40)]
        runner = ConsumerRunner(settings, database, service.runner._subscriptions)

        async def handled() -> int:
            mine = " OR ".join(f"name LIKE 'started {fact.application_id} %'" for fact in facts)
            return await count(database, f"SELECT count(*) FROM notes WHERE {mine}")

        async def all_handled() -> bool:
            return await handled() == len(facts)

        async with in_background(runner.run()):
            payloads = [service.event(fact).to_bytes() for fact in facts]
            await send(kafka_server.bootstrap, topic_of("applications"), payloads[:20])
            admin = await asyncpg.connect(sample_urls["admin"])
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await admin.close()
            await send(kafka_server.bootstrap, topic_of("applications"), payloads[20:])
            await eventually(all_handled, seconds=30)
