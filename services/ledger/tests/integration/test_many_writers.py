"""Two and eight writers, cut connections, stepped clocks, repeats and wrong order: one chain, and every naira in it."""

import asyncio
import random
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from chassis.database import database_is_away
from chassis.ids import new_id
from chassis.testing.harness import running_service
from chassis.understanding import Received
from contracts.programs import ProgramCreated
from contracts.topics import topic_of
from ledger.bootstrap import SERVICE

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    " AND usename = 'ledger_worker' AND random() < 0.5"
)


class SteppedClock:
    """A machine's clock that somebody sets an hour forward or back now and then."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(hours=self._chance.choice([-1, 0, 0, 1]))


async def deliver(service, events) -> None:
    """As Kafka does: what was not handled, because the connection was cut, is delivered again."""
    received = [Received(event.to_bytes(), (topic_of(event.context), 0, at)) for at, event in enumerate(events)]
    while True:
        try:
            await service.runner.handle_all(received)
        except Exception as error:
            if not database_is_away(error):
                raise
        else:
            return


async def settle_parked(scenario) -> None:
    """What waits for another event, or was set aside by a cut connection, is tried until nothing waits."""
    for _ in range(50):
        await scenario.fetch("UPDATE parked_events SET due_at = now()")
        if not await scenario.fetch("SELECT FROM parked_events"):
            return
        await scenario.service.retry_parked()
    raise AssertionError("events still wait")


@pytest.mark.parametrize("writers", [2, 8])
async def test_writers_with_cut_connections_and_stepped_clocks_make_one_chain(scenario, urls, writers):
    chance = random.Random(writers)  # noqa: S311 -- chance that can be repeated, no secret
    events = [scenario.service.event(ProgramCreated(program_id=new_id(), currency="NGN")) for _ in range(30 * writers)]
    shown: set[str] = set()
    async with AsyncExitStack() as stack:
        services = [
            await stack.enter_async_context(running_service(SERVICE, urls, clock=SteppedClock(random.Random(number))))  # noqa: S311 -- chance that can be repeated, no secret
            for number in range(writers)
        ]

        async def write(service) -> None:
            # Each sees all events in an order of its own, in batches of its own: most are repeats.
            own = chance.sample(events, len(events))
            while own:
                count = chance.randint(1, 20)
                await deliver(service, own[:count])
                del own[:count]

        async def cut() -> None:
            while True:
                await asyncio.sleep(0.3)
                await scenario.fetch(CUT)
                shown.update(row["hash"] for row in await scenario.fetch("SELECT hash FROM blocks"))

        cutting = asyncio.create_task(cut())
        try:
            await asyncio.gather(*(write(service) for service in services))
        finally:
            cutting.cancel()
        await settle_parked(scenario)
    rows = await scenario.fetch("SELECT block_index, transaction_id, hash, timestamp FROM blocks ORDER BY block_index")
    assert [row["block_index"] for row in rows] == list(range(len(rows)))
    told = [row["transaction_id"] for row in rows]
    assert sorted(told[2:]) == sorted(str(event.id) for event in events), "each once, beside genesis and the scenario's"
    assert shown <= {row["hash"] for row in rows}, "no block that was there is missing later"
    times = [row["timestamp"] for row in rows]
    assert times == sorted(set(times)), "times rise, whatever the clocks said"
    assert (await scenario.verifier.verify()).ok


@pytest.mark.parametrize("seed", range(3))
async def test_money_is_neither_made_nor_lost_whatever_comes_twice_or_in_the_wrong_order(scenario, urls, seed):
    """The bank workload: awards, cancellations and payments by two writers, against what the model says."""
    chance = random.Random(seed)  # noqa: S311 -- chance that can be repeated, no secret
    given = Decimal(0)
    for _ in range(4):
        amount = chance.randint(400, 600)  # enough for all: who is refused is tested elsewhere
        given += amount
        await scenario.donate(f"{amount}.00")
    await scenario.set_account()
    awards = [scenario.award(f"{chance.randint(5, 60)}.00") for _ in range(25)]
    facts = [
        *awards,
        *(scenario.cancellation(each) for each in awards[::3]),
        *(scenario.approval(each) for each in awards[1::3]),
    ]
    events = [scenario.service.event(fact) for fact in facts]
    # Each aggregate's events keep their order, as Kafka keeps it; across aggregates anything goes, and all comes twice.
    chance.shuffle(events)
    events.sort(key=lambda event: event.sequence)
    repeated = events + chance.sample(events, len(events))
    async with running_service(SERVICE, urls) as other:
        for service in (scenario.service, other):
            await deliver(service, repeated[:20])
        await asyncio.gather(deliver(scenario.service, repeated[20:]), deliver(other, repeated[10:]))
        await settle_parked(scenario)
        await asyncio.gather(*(service.tick("settle_payments") for service in (scenario.service, other)))
    balances = await scenario.fetch("SELECT account, balance FROM balances")
    assert sum(row["balance"] for row in balances) == 0
    inside = sum(row["balance"] for row in balances if not row["account"].startswith("external:"))
    assert inside == given, "what was given is all there is"
    assert all(row["balance"] >= 0 for row in balances if row["account"].startswith("program:"))
    booked = await scenario.fetch("SELECT event_id FROM booked_events WHERE event_type LIKE 'applications.%'")
    assert sorted(row["event_id"] for row in booked) == sorted(event.id for event in events)
    assert (await scenario.verifier.verify()).ok
