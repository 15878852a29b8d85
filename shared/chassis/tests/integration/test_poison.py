"""Records that nobody can handle: each is set aside with what is known of it, and everybody behind it goes on."""

import orjson
import pytest
from shared.chassis.tests.integration.events import (
    count,
    eventually,
    in_background,
    nothing_unpublished,
    read_topic,
    started,
)
from shared.chassis.tests.integration.test_batches import notes, polled
from sqlalchemy import func, select, update

from chassis.dead_letters import DeadLetter
from chassis.parking import BEHIND, park
from chassis.relay import Relay
from chassis.tables import outbox, parked_events
from chassis.testing.harness import ServiceHarness, running_service
from chassis.understanding import Received
from contracts.envelope import Event
from contracts.programs import ProgramCreated
from contracts.topics import dead_letter_topic_of, topic_of

PARKED = "SELECT count(*) FROM parked_events"


@pytest.fixture
async def service(sample_urls, sample_service):
    async with running_service(sample_service, sample_urls) as harness:
        yield harness


async def letters(service: ServiceHarness) -> list[DeadLetter]:
    async with service.worker.database.reading() as connection:
        payloads = await connection.scalars(select(outbox.c.payload).where(outbox.c.event_type == "dead_letter"))
        return [DeadLetter("", 0, 0, orjson.loads(bytes(payload))) for payload in payloads]


def changed(event: Event, **members: object) -> bytes:
    return orjson.dumps(orjson.loads(event.to_bytes()) | members)


async def test_a_waiting_event_whose_data_does_not_fit_is_buried_and_the_next_is_tried(service):
    """Redriven from the dead letters, or parked by a release that read it otherwise."""
    broken = changed(service.event(started()), data={})
    whole = service.event(started())
    async with service.worker.database.unit_of_work() as work:
        for payload in (broken, whole.to_bytes()):
            event = Event.from_bytes(payload)
            await park(work.connection, "programs", event, payload=payload, origin=("t", 0, 7), reason=BEHIND)
    assert await service.retry_parked() == 2
    assert (await notes(service), await count(service.worker.database, PARKED)) == (1, 0)
    [letter] = await letters(service)
    assert letter.payload == broken
    assert letter.body["offset"] == 7


async def test_an_event_that_the_database_cannot_even_keep_waiting_is_buried_at_once(service):
    """PostgreSQL's text has no NUL; JSON's has."""
    broken = changed(service.event(started()), subject="a\x00b")
    received = polled(service, *(started() for _ in range(9)))
    received.insert(4, Received(broken, received[4].origin))
    await service.runner.handle_all(received)
    assert (await notes(service), await count(service.worker.database, PARKED)) == (9, 0)
    [letter] = await letters(service)
    assert letter.payload == broken


async def test_an_error_that_says_what_the_database_cannot_keep_is_kept_readably(service):
    async def fail(fact: ProgramCreated, delivery: object) -> None:
        del delivery
        raise LookupError(f"{fact.currency}\x00")

    service.worker_parts.subscriptions.on(ProgramCreated, fail)
    await service.deliver(ProgramCreated(program_id=started().program_id, currency="NGN"))
    for attempts in (1, 2):
        async with service.worker.database.unit_of_work() as work:
            [row] = await work.connection.execute(select(parked_events))
            await work.connection.execute(update(parked_events).values(due_at=func.now()))
        assert row.attempts == attempts
        assert "LookupError: NGN" in row.error
        await service.retry_parked()


async def test_a_record_too_large_for_a_letter_does_not_hold_up_what_else_is_said(
    sample_urls, sample_service, kafka_server
):
    """As large as the broker takes one; in a letter, and in base64, no request could carry it."""
    async with running_service(sample_service, sample_urls, kafka_bootstrap=kafka_server.bootstrap) as service:
        settings, database = service.worker.settings, service.worker.database
        await service.runner.handle(b"x" * 1_000_000, (topic_of("applications"), 4, 31))
        await service.deliver(started())
        relay = Relay(settings, database, [topic_of("programs"), dead_letter_topic_of("programs")])
        async with in_background(relay.run()):
            await eventually(lambda: nothing_unpublished(database))
        [letter] = await letters(service)
        assert (letter.body["partition"], letter.body["offset"]) == (4, 31)
        assert letter.body["payload_bytes"] == 1_000_000
        assert letter.event() is None
        assert letter.payload == b"x" * len(letter.payload)
        assert await read_topic(kafka_server.bootstrap, dead_letter_topic_of("programs"), 1)
