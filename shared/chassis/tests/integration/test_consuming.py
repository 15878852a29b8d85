"""Events in: each has one effect, however often it comes, whatever dies."""

import asyncio
import gc

import asyncpg
import pytest
from shared.chassis.tests.integration.events import (
    count,
    eventually,
    in_background,
    nothing_unpublished,
    send,
    started,
)
from sqlalchemy import func, select, text, update

from chassis.broker import ensure_topics
from chassis.consumer import ConsumerRunner
from chassis.dead_letters import DeadLetterBox
from chassis.ids import new_id
from chassis.relay import Relay
from chassis.tables import outbox, parked_events
from chassis.testing.harness import ServiceHarness, running_service
from contracts.envelope import Event
from contracts.programs import ProgramArchived, ProgramClosed, ProgramCreated
from contracts.topics import dead_letter_topic_of, topic_of


@pytest.fixture
async def service(sample_urls, sample_service):
    async with running_service(sample_service, sample_urls) as harness:
        yield harness


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


@pytest.mark.parametrize(("ahead", "tried"), [("30 seconds", 0), ("1 hour", 1)])
async def test_an_event_parked_before_the_clock_was_set_back_does_not_wait_for_that_long(
    service: ServiceHarness, ahead: str, tried: int
):
    await service.deliver(ProgramClosed(program_id=new_id()))
    async with service.worker.database.unit_of_work() as work:
        await work.connection.execute(text(f"UPDATE parked_events SET due_at = now() + interval '{ahead}'"))
    assert await service.retry_parked() == tried


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"id": 1}', b"\xff\xfe", b"x" * 300_000])
async def test_what_is_no_event_goes_to_the_dead_letters_at_once(service: ServiceHarness, payload: bytes):
    await service.runner.handle(payload, ("impactnet.applications", 0, 7))
    topic = dead_letter_topic_of("programs")
    assert await count(service.worker.database, f"SELECT count(*) FROM outbox WHERE topic = '{topic}'") == 1


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

        async with in_background(runner.run()) as running:
            payloads = [service.event(fact).to_bytes() for fact in facts]
            await send(kafka_server.bootstrap, topic_of("applications"), payloads[:20])
            admin = await asyncpg.connect(sample_urls["admin"])
            cut = await admin.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await admin.close()
            await send(kafka_server.bootstrap, topic_of("applications"), payloads[20:])
            await eventually(all_handled, seconds=30)
            assert not running.done()
        assert cut, "there was a connection to cut"
        assert await handled() == len(facts), "each has its effect once, also those that came again"


async def test_a_consumer_stopped_while_it_starts_leaves_no_connection_open(sample_urls, sample_service, kafka_server):
    """Unclosed connections are warnings, and warnings fail the run: this cancels at many points of the start."""
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        settings, database = service.worker.settings, service.worker.database
        for number in range(12):
            runner = ConsumerRunner(settings, database, service.runner._subscriptions)
            async with in_background(runner.run()) as running:
                await asyncio.sleep(0.004 * number)
            assert running.cancelled()
        gc.collect()
