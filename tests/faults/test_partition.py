"""Half a minute without Kafka, a killed worker and a restarted database, under load; a judge reads what was heard."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest
from tests.faults.bank import Bank, new_producer
from tests.faults.histories import History, judge, read_dump

from local_stack.journey.platform import until
from local_stack.layout import Layout
from local_stack.processes import ProcessPlan, Wiring, plan_processes
from local_stack.stack import LocalStack

# The promise is about this long a partition.
PARTITION_SECONDS = 30
# Before and after it: long enough for every kind of request to be answered.
USUAL_SECONDS = 3
# After a partition consumers come back within the broker's session time; what waited is then done in seconds.
CATCH_UP_SECONDS_MAX = 90

ALONE = ("ledger-api", "ledger-worker-1", "ledger-worker-2")


def plan_the_ledger_alone(wiring: Wiring, layout: Layout) -> list[ProcessPlan]:
    """Its API and two workers: the test says itself what the other services would say."""
    return [plan for plan in plan_processes(wiring, layout) if plan.name in ALONE]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A ledger with two workers, PostgreSQL as durable as in production, and Kafka."""
    started = LocalStack(
        tmp_path_factory.mktemp("ledger"), layout=Layout(split=True, workers=2), planner=plan_the_ledger_alone
    )
    asyncio.run(started.start())
    try:
        yield started
    finally:
        asyncio.run(started.stop())


@asynccontextmanager
async def opened_bank(stack: LocalStack, history: History) -> AsyncIterator[Bank]:
    producer = new_producer(stack)
    await producer.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{stack.ports['ledger']}/api/v1", timeout=10) as http:
            bank = Bank(stack, history, producer, http)
            await bank.found()
            yield bank
    finally:
        await producer.stop()


@asynccontextmanager
async def partition(stack: LocalStack) -> AsyncIterator[None]:
    """Kafka is there and says nothing, as behind a wall: connections stay open, requests have no answer."""
    pid = stack.broker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def break_things(stack: LocalStack, history: History) -> None:
    """Within the partition a worker dies and the database restarts; afterwards the other worker dies."""
    await asyncio.sleep(USUAL_SECONDS)
    async with partition(stack):
        history.note("partitioned")
        began = time.monotonic()
        await asyncio.sleep(PARTITION_SECONDS / 3)
        await stack.kill("ledger-worker-1")
        await asyncio.sleep(PARTITION_SECONDS / 3)
        await stack.postgres.restart()
        await asyncio.sleep(max(0.0, PARTITION_SECONDS - (time.monotonic() - began)))
        history.note("healed", after=time.monotonic() - began)
    await asyncio.sleep(USUAL_SECONDS)
    await stack.kill("ledger-worker-2")
    await asyncio.sleep(USUAL_SECONDS)


async def wait_for_all(bank: Bank) -> None:
    """Until what was acknowledged has its blocks; what never comes is for the judge to name."""
    keys = (
        "SELECT count(*) AS there FROM ledger.blocks WHERE transaction_id = ANY($1)"
        " OR data->>'step' = 'sent' AND 'tranche ' || (data->>'tranche_id') = ANY($1)"
    )

    async def all_there() -> bool:
        row = await bank.query(keys, sorted(bank.acknowledged))
        return int(row["there"]) >= len(bank.acknowledged)

    await until("all that was acknowledged has its blocks", all_there, seconds=CATCH_UP_SECONDS_MAX)


def between(lines: Sequence[dict], kind: str, start: float, end: float) -> int:
    return sum(line["kind"] == kind and start < line["at"] < end for line in lines)


async def test_after_half_a_minute_without_kafka_all_money_and_all_acknowledged_events_are_there_once(
    ledger: LocalStack, tmp_path
):
    history = History(tmp_path / "history.jsonl", time.monotonic)
    async with opened_bank(ledger, history) as bank:
        async with asyncio.TaskGroup() as people:
            for work in (bank.give(), bank.found_programs(), bank.award(0), bank.award(1), bank.look()):
                people.create_task(work)
            await break_things(ledger, history)
            bank.is_open = False
        await ledger.wait_ready()
        await wait_for_all(bank)
        verified = await ledger.run_command(["-m", "ledger", "verify"])
        assert verified.returncode == 0, verified.stdout + verified.stderr
        await bank.count()
        dump = await ledger.run_command(["-m", "ledger", "dump"])
        assert dump.returncode == 0, dump.stderr
    lines, chain = history.read(), read_dump(dump.stdout)
    assert judge(lines, chain) == []
    # That the history is worth reading: it was partitioned, people went on, and every kind of money moved. A handful
    # each is what the slowest machine still does; a usual one does ten times as much.
    [start], [end] = ([line["at"] for line in lines if line["kind"] == kind] for kind in ("partitioned", "healed"))
    assert end - start >= PARTITION_SECONDS
    assert between(lines, "acknowledged", start + 5, end) >= 5, "donations need no Kafka"
    assert between(lines, "acknowledged", end, float("inf")) >= 5
    assert between(lines, "shown", start, end) >= 5
    assert between(lines, "total", start, end) >= 5
    kinds = {block.type for block in chain}
    assert kinds >= {"donation", "commitment", "decommitment", "disbursement", "program_create"}
    assert len({block.nonce for block in chain}) > 2, "more than one writer wrote"
