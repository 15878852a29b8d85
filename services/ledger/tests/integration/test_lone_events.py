"""A lone fact that moves no money is one statement on assumptions; whatever of them is wrong, it is booked once all the
same, and nothing of the refused statement is kept."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from services.ledger.tests.scenario import Scenario
from sqlalchemy.exc import DBAPIError

from chassis import metrics
from chassis.database import database_is_away
from chassis.ids import new_id
from chassis.testing.harness import running_service
from contracts.applications import ApplicationRejected
from contracts.envelope import Event
from contracts.identity import UserErased
from ledger.adapters.chain import ChainBrokenError
from ledger.bootstrap import SERVICE

KEPT, REFUSED = "kept", "refused"


def attempts(outcome: str) -> float:
    """How many lone events were written in one statement, or refused there, since the process began."""
    return float(metrics.AT_ONCE.labels("ledger", outcome)._value.get())


async def eventually(check: Callable[[], bool]) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while not check():
        assert asyncio.get_running_loop().time() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)


def decided_by(scenario: Scenario, decider: Any) -> ApplicationRejected:
    return scenario.rejection().model_copy(update={"decider_id": decider})


async def nonces(scenario: Scenario) -> list[int]:
    return [row["nonce"] for row in await scenario.fetch("SELECT nonce FROM blocks ORDER BY block_index")]


async def booked(scenario: Scenario, event: Event) -> int:
    """How many blocks an event has; it is remembered exactly when it has one."""
    [row] = await scenario.fetch("SELECT count(*) FROM blocks WHERE transaction_id = $1", str(event.id))
    [known] = await scenario.fetch("SELECT count(*) FROM booked_events WHERE event_id = $1", event.id)
    [claimed] = await scenario.fetch("SELECT count(*) FROM inbox WHERE event_id = $1", event.id)
    assert row["count"] == known["count"] == claimed["count"]
    return int(row["count"])


@pytest.fixture
async def settled(scenario: Scenario) -> Scenario:
    """The worker has found the head as it left it: what comes next may be assumed."""
    for _ in range(2):
        await scenario.service.deliver(scenario.interview())
    return scenario


async def test_what_comes_alone_is_one_statement_with_all_that_belongs_to_it(settled):
    decider = new_id()
    # Who decides for the first time has no id of the ledger's own yet; the second time it is read, then known.
    for _ in range(2):
        await settled.service.deliver(decided_by(settled, decider))
    before, refused = attempts(KEPT), attempts(REFUSED)
    events = [
        await settled.service.deliver(fact)
        for fact in (decided_by(settled, decider), settled.interview(), decided_by(settled, decider))
    ]
    assert (attempts(KEPT) - before, attempts(REFUSED) - refused) == (3, 0)
    assert [await booked(settled, event) for event in events] == [1, 1, 1]
    rows = await settled.fetch(
        "SELECT count(DISTINCT data->>'decider_id') AS deciders FROM blocks WHERE transaction_type = 'decision'"
    )
    assert rows[0]["deciders"] == 1
    assert (await settled.verifier.verify()).ok


async def test_money_and_what_is_not_known_go_the_usual_way(settled):
    before, refused = attempts(KEPT), attempts(REFUSED)
    await settled.donate("10.00")
    await settled.service.deliver(settled.award("4.00"))
    await settled.service.deliver(settled.rejection())  # by somebody who never decided before
    assert (attempts(KEPT), attempts(REFUSED)) == (before, refused)


async def test_an_event_that_comes_again_is_not_booked_again(settled):
    event = await settled.service.deliver(settled.interview())
    await settled.service.deliver(event)
    await settled.fetch("DELETE FROM inbox WHERE event_id = $1", event.id)
    await settled.service.deliver(event)
    assert await booked(settled, event) == 1
    assert len(set((await nonces(settled))[1:])) == 1, "a refused statement is no takeover"


async def test_an_event_that_says_something_else_than_before_is_quarantined(settled):
    event = await settled.service.deliver(settled.interview())
    await settled.fetch("DELETE FROM inbox WHERE event_id = $1", event.id)
    await settled.service.deliver(event.model_copy(update={"correlationid": "another"}))
    assert await booked(settled, event) == 1
    assert len(await settled.fetch("SELECT FROM quarantined_events")) == 1


async def test_where_another_has_written_it_is_booked_behind_that(settled, urls):
    async with running_service(SERVICE, urls) as other:
        await other.deliver(settled.interview())
        refused, kept = attempts(REFUSED), attempts(KEPT)
        event = await settled.service.deliver(settled.interview())
        assert (await booked(settled, event), attempts(REFUSED) - refused) == (1, 1)
        # Two that write by turns do not try in vain each time.
        for _ in range(3):
            await other.deliver(settled.interview())
            await settled.service.deliver(settled.interview())
        assert (attempts(REFUSED) - refused, attempts(KEPT)) == (1, kept)
    assert (await settled.verifier.verify()).ok
    assert (await nonces(settled)) == sorted(await nonces(settled))


async def test_money_that_is_booked_in_between_by_the_same_worker_is_no_takeover(settled):
    for _ in range(3):
        await settled.service.deliver(settled.interview())
        await settled.donate("1.00")
    assert len(set((await nonces(settled))[1:])) == 1


@asynccontextmanager
async def holding_head(scenario: Scenario) -> AsyncIterator[None]:
    connection = await asyncpg.connect(scenario.urls["ledger_worker"].replace("+asyncpg", ""))
    try:
        async with connection.transaction():
            await connection.fetch("SELECT FROM ledger.head WHERE id = 1 FOR UPDATE")
            yield
    finally:
        await connection.close()


async def test_a_head_that_another_holds_is_waited_for_in_the_usual_way(settled):
    refused = attempts(REFUSED)
    async with holding_head(settled):
        delivering = asyncio.create_task(settled.service.deliver(settled.interview()))
        await eventually(lambda: attempts(REFUSED) > refused)
        assert not delivering.done()
    assert await booked(settled, await delivering) == 1


async def test_behind_an_event_of_its_aggregate_that_waits_it_waits_too(settled):
    fact = settled.interview()
    waiting = settled.award("4.00", application_id=fact.application_id).model_copy(update={"program_id": new_id()})
    await settled.service.deliver(waiting)
    event = await settled.service.deliver(fact)
    assert await booked(settled, event) == 0
    parked = await settled.fetch("SELECT reason FROM parked_events ORDER BY reason")
    assert [row["reason"] for row in parked] == ["behind", "dependency"]


async def test_one_that_the_database_cannot_hold_is_buried_and_the_next_is_booked(settled):
    event = settled.service.event(settled.interview())
    await settled.service.deliver(event.model_copy(update={"subject": "with a NUL \x00"}))
    assert await booked(settled, event) == 0
    assert len(await settled.fetch("SELECT FROM outbox WHERE topic LIKE '%dead%' OR topic LIKE '%dlq%'")) == 1
    assert await booked(settled, await settled.service.deliver(settled.interview())) == 1


async def test_a_decider_who_was_forgotten_meanwhile_gets_another_id(settled):
    decider = new_id()
    for _ in range(3):
        await settled.service.deliver(decided_by(settled, decider))
    await settled.service.deliver(UserErased(user_id=decider))
    event = await settled.service.deliver(decided_by(settled, decider))
    assert await booked(settled, event) == 1
    rows = await settled.fetch(
        "SELECT data->>'decider_id' AS decider FROM blocks WHERE transaction_type = 'decision' ORDER BY block_index"
    )
    assert len({row["decider"] for row in rows[:3]}) == 1
    assert rows[3]["decider"] != rows[0]["decider"]


async def test_a_tip_whose_block_is_gone_stops_it_as_it_stops_all(settled):
    settled.is_sound = False
    await settled.fetch("ALTER TABLE blocks DISABLE TRIGGER USER")
    await settled.fetch("DELETE FROM blocks WHERE block_index = (SELECT max(block_index) FROM blocks)")
    await settled.fetch("ALTER TABLE blocks ENABLE TRIGGER USER")
    height = len(await nonces(settled))
    await settled.service.deliver(settled.interview())
    [parked] = await settled.fetch("SELECT error FROM parked_events")
    assert ChainBrokenError.__name__ in parked["error"]
    assert len(await nonces(settled)) == height


_END_SLEEPER = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()
"""


async def test_a_session_that_ends_under_it_leaves_all_or_nothing(settled):
    """Its trigger sleeps, so that the session ends in the middle of the statement."""
    await settled.fetch(
        "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$"
    )
    await settled.fetch("CREATE TRIGGER slowly AFTER INSERT ON blocks EXECUTE FUNCTION slowly()")
    await settled.fetch("ALTER TABLE blocks ENABLE ALWAYS TRIGGER slowly")
    event = settled.service.event(settled.interview())
    delivering = asyncio.create_task(settled.service.deliver(event))
    while not await settled.fetch(_END_SLEEPER):
        assert not delivering.done()
    with pytest.raises(DBAPIError) as raised:
        await delivering
    assert database_is_away(raised.value)
    assert await booked(settled, event) == 0
    await settled.fetch("DROP TRIGGER slowly ON blocks")
    await settled.service.deliver(event)
    assert await booked(settled, event) == 1
