"""Many events in one transaction: all that can be handled is, whatever stands between them; offsets follow effects."""

import asyncio

import asyncpg
import pytest
from shared.chassis.tests.integration.events import count, started

from chassis.handling import BATCH_EVENTS_MAX
from chassis.testing.harness import ServiceHarness, running_service
from chassis.understanding import Received
from contracts.envelope import Event
from contracts.fact import Fact
from contracts.programs import ProgramArchived, ProgramClosed
from contracts.topics import topic_of

TOPIC = topic_of("applications")


@pytest.fixture
async def service(sample_urls, sample_service):
    async with running_service(sample_service, sample_urls) as harness:
        yield harness


def polled(service: ServiceHarness, *facts: Fact | Event, first: int = 0) -> list[Received]:
    events = [fact if isinstance(fact, Event) else service.event(fact) for fact in facts]
    return [Received(event.to_bytes(), (TOPIC, 3, first + offset)) for offset, event in enumerate(events)]


async def notes(service: ServiceHarness) -> int:
    return await count(service.worker.database, "SELECT count(*) FROM notes WHERE name LIKE 'started %'")


async def transactions(service: ServiceHarness) -> int:
    return await count(
        service.worker.database,
        "SELECT count(DISTINCT xmin::text) FROM inbox WHERE event_id IN "
        "(SELECT note_id FROM notes WHERE name LIKE 'started %')",
    )


async def next_offset(service: ServiceHarness) -> int:
    return await count(
        service.worker.database,
        f"SELECT next_offset FROM consumer_offsets WHERE topic = '{TOPIC}' AND partition = 3",
    )


async def test_what_one_poll_brings_is_one_transaction_with_its_offsets(service):
    await service.runner.handle_all(polled(service, *(started() for _ in range(50))))
    assert await notes(service) == 50
    assert await transactions(service) == 1
    same = (
        "SELECT count(*) FROM consumer_offsets JOIN inbox ON inbox.xmin = consumer_offsets.xmin WHERE next_offset = 50"
    )
    assert await count(service.worker.database, same) == 50


async def test_a_batch_is_bounded(service):
    await service.runner.handle_all(polled(service, *(started() for _ in range(BATCH_EVENTS_MAX + 1))))
    assert await notes(service) == BATCH_EVENTS_MAX + 1
    assert await transactions(service) == 2


@pytest.mark.parametrize("position", [0, 1, 25, 49])
async def test_one_that_fails_waits_alone_and_all_others_are_handled(service, position):
    facts: list[Fact] = [started() for _ in range(49)]
    failing = ProgramArchived(program_id=started().program_id)
    facts.insert(position, failing)
    await service.runner.handle_all(polled(service, *facts))
    assert await notes(service) == 49
    assert await count(service.worker.database, "SELECT count(*) FROM parked_events WHERE reason = 'failure'") == 1
    assert await count(service.worker.database, "SELECT count(*) FROM notes WHERE name LIKE 'archived %'") == 0
    assert await next_offset(service) == 50


async def test_later_events_of_the_one_that_waits_wait_behind_it_in_the_same_batch(service):
    waiting = ProgramClosed(program_id=started().program_id)
    await service.runner.handle_all(polled(service, started(), waiting, started(), waiting, started()))
    assert await notes(service) == 3
    rows = await count(service.worker.database, "SELECT count(*) FROM parked_events")
    behind = await count(service.worker.database, "SELECT count(*) FROM parked_events WHERE reason = 'behind'")
    assert (rows, behind) == (2, 1)


async def test_a_batch_of_nothing_but_failures_parks_them_all(service):
    facts = [ProgramArchived(program_id=started().program_id) for _ in range(40)]
    await service.runner.handle_all(polled(service, *facts))
    assert await count(service.worker.database, "SELECT count(*) FROM parked_events WHERE reason = 'failure'") == 40


async def test_one_id_twice_in_a_batch_has_one_effect(service):
    event = service.event(started())
    await service.runner.handle_all(polled(service, event, started(), event))
    assert await notes(service) == 2


async def test_what_the_database_refuses_only_at_the_commit_is_found_by_halves(service, sample_urls):
    """The constraint speaks after every handler has run, and does not say which event it means."""
    facts = [started() for _ in range(20)]
    refused = facts[13].application_id
    admin = await asyncpg.connect(sample_urls["admin"])
    await admin.execute(
        "SET search_path = programs; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no'; END $$; CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON notes DEFERRABLE"
        f" INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.name LIKE 'started {refused}%') EXECUTE FUNCTION refuse()"
    )
    await admin.close()
    await service.runner.handle_all(polled(service, *facts))
    assert await notes(service) == 19
    assert await count(service.worker.database, "SELECT count(*) FROM parked_events WHERE reason = 'failure'") == 1


async def test_two_consumers_with_the_same_events_in_other_orders_do_each_once(service, sample_urls, sample_service):
    events = [service.event(started()) for _ in range(60)]
    async with running_service(sample_service, sample_urls) as other:
        await asyncio.gather(
            service.runner.handle_all(polled(service, *events)),
            other.runner.handle_all(polled(service, *reversed(events))),
        )
    assert await notes(service) == 60
    assert await count(service.worker.database, "SELECT count(*) FROM parked_events") == 0
