"""While one batch is written the next has begun: what the first leaves undone is never taken for done by the second."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest
from shared.chassis.tests.integration.events import count, eventually, started
from shared.chassis.tests.integration.test_batches import next_offset, notes, polled, transactions
from sqlalchemy import func, text, update

from chassis.applying import Applying
from chassis.database import UnitOfWork, database_is_away
from chassis.handling import BATCH_EVENTS_MAX, EventHandling
from chassis.inbox import Arrival, Following
from chassis.tables import parked_events
from chassis.testing.harness import ServiceHarness, running_service
from chassis.understanding import Message
from contracts.fact import Fact
from contracts.programs import ProgramArchived, ProgramClosed

_PARKED = "SELECT count(*) FROM parked_events WHERE reason = '{}'"


@pytest.fixture
async def service(sample_urls, sample_service):
    async with running_service(sample_service, sample_urls) as harness:
        yield harness


async def test_batches_follow_each_other_each_in_its_transaction(service):
    facts = [started() for _ in range(3 * BATCH_EVENTS_MAX + 5)]
    await service.runner.handle_all(polled(service, *facts))
    assert (await notes(service), await transactions(service)) == (len(facts), 4)
    assert await next_offset(service) == len(facts)


# The last of the first batch, the first of the second, one in each: whoever fails, what comes behind begins anew.
@pytest.mark.parametrize(
    "places", [[BATCH_EVENTS_MAX - 1], [BATCH_EVENTS_MAX], [7, BATCH_EVENTS_MAX + 7, 2 * BATCH_EVENTS_MAX + 7]]
)
async def test_the_batch_behind_one_that_breaks_begins_anew(service, places):
    facts: list[Fact] = [started() for _ in range(3 * BATCH_EVENTS_MAX)]
    for place in places:
        facts[place] = ProgramArchived(program_id=started().program_id)
    await service.runner.handle_all(polled(service, *facts))
    assert await notes(service) == len(facts) - len(places)
    assert await count(service.worker.database, _PARKED.format("failure")) == len(places)
    assert await next_offset(service) == len(facts)


async def test_what_waits_in_one_batch_holds_its_followers_in_the_next(service):
    """The second batch was claimed before the first one parked anything."""
    waiting = ProgramClosed(program_id=started().program_id)
    facts: list[Fact] = [started() for _ in range(3 * BATCH_EVENTS_MAX)]
    for batch in range(3):
        facts[batch * BATCH_EVENTS_MAX + 11] = waiting
    await service.runner.handle_all(polled(service, *facts))
    assert await notes(service) == len(facts) - 3
    assert await count(service.worker.database, _PARKED.format("dependency")) == 1
    assert await count(service.worker.database, _PARKED.format("behind")) == 2


@pytest.mark.parametrize("breaks", [False, True], ids=["whole", "in pieces"])
async def test_one_id_in_two_batches_has_one_effect(service, breaks):
    event = service.event(started())
    facts = [service.event(started()) for _ in range(2 * BATCH_EVENTS_MAX)]
    facts[5] = facts[BATCH_EVENTS_MAX + 5] = event
    if breaks:
        facts[9] = service.event(ProgramArchived(program_id=started().program_id))
    await service.runner.handle_all(polled(service, *facts))
    assert await notes(service) == len(facts) - (2 if breaks else 1)


async def _nothing_is_open(service: ServiceHarness) -> bool:
    is_open = await count(
        service.worker.database,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND (state LIKE 'idle in transaction%' OR wait_event_type = 'Lock')",
    )
    return is_open == 0


async def test_one_who_is_stopped_leaves_nothing_open_and_nothing_half_done(service):
    facts = [service.event(started()) for _ in range(8 * BATCH_EVENTS_MAX)]
    handling = asyncio.create_task(service.runner.handle_all(polled(service, *facts)))

    async def has_begun() -> bool:
        return await notes(service) > 0

    await eventually(has_begun)
    handling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await handling
    done = await notes(service)
    assert 0 < done < len(facts), "the test must stop it on the way"
    assert done % BATCH_EVENTS_MAX == 0
    assert await next_offset(service) == done
    await eventually(lambda: _nothing_is_open(service))
    await service.runner.handle_all(polled(service, *facts))
    assert await notes(service) == len(facts)


async def test_one_whose_sessions_end_says_so_and_everything_is_done_the_next_time(service, sample_urls):
    facts = [service.event(started()) for _ in range(8 * BATCH_EVENTS_MAX)]
    handling = asyncio.create_task(service.runner.handle_all(polled(service, *facts)))

    async def has_begun() -> bool:
        return await notes(service) > 0

    await eventually(has_begun)
    admin = await asyncpg.connect(sample_urls["admin"])
    try:
        ended = 0
        while not handling.done():
            ended += await admin.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
            )
            await asyncio.sleep(0)
    finally:
        await admin.close()
    error = handling.exception()
    assert ended
    assert error is not None
    assert database_is_away(error)
    await service.runner.handle_all(polled(service, *facts))
    assert await notes(service) == len(facts)
    assert await next_offset(service) == len(facts)
    await eventually(lambda: _nothing_is_open(service))


class RetriedInBetween(Applying):
    """Events that wait are tried again right before the second batch is claimed, as their own task may at any time."""

    def __init__(self, service: ServiceHarness) -> None:
        super().__init__("programs", service.worker.database, service.worker_parts.subscriptions)
        self._service = service
        self._claimed = 0

    @asynccontextmanager
    async def claiming(
        self, messages: Sequence[Message], following: Following
    ) -> AsyncIterator[tuple[UnitOfWork, Arrival]]:
        self._claimed += 1
        if self._claimed == 2:
            assert await self._service.retry_parked() == 1
        async with super().claiming(messages, following) as claimed:
            yield claimed


async def test_one_that_waits_no_more_lets_nobody_past_those_that_waited_behind_it(service):
    """The first batch was told that it waits, the second that it does not: the first puts an event behind it still."""
    program_id = started().program_id
    early, middle, late = (service.event(ProgramClosed(program_id=program_id)) for _ in range(3))
    await service.deliver(early)
    async with service.worker.database.unit_of_work() as work:
        await work.connection.execute(text("INSERT INTO notes VALUES (:id, 'it came')"), {"id": program_id})
        await work.connection.execute(update(parked_events).values(due_at=func.now()))
    facts = [service.event(started()) for _ in range(2 * BATCH_EVENTS_MAX)]
    facts[3], facts[BATCH_EVENTS_MAX + 3] = middle, late
    await EventHandling(service.worker.database, RetriedInBetween(service)).handle(polled(service, *facts))
    await service.retry_parked()
    async with service.worker.database.reading() as connection:
        rows = await connection.execute(
            text(
                "SELECT note_id FROM notes JOIN inbox ON event_id = note_id"
                " WHERE name LIKE 'closed %' ORDER BY handled_at"
            )
        )
    assert [row.note_id for row in rows] == [early.id, middle.id, late.id]
    assert await notes(service) == len(facts) - 2
