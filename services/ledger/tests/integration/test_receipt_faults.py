"""The series of receipts when things go wrong: no number is skipped, given twice, or stands for nothing."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from prometheus_client import REGISTRY
from services.ledger.tests.integration.conftest import S3_KEYS
from services.ledger.tests.scenario import Scenario

from chassis.ids import new_id
from chassis.s3 import S3Storage
from chassis.service import Foundation
from chassis.testing.harness import running_service
from ledger.adapters.receipt_parts import ReceiptParts
from ledger.bootstrap import SERVICE
from ledger.domain.receipts import SIZE_BYTES_MAX
from ledger.settings import LedgerSettings
from ledger.use_cases.issue_receipt import issue_next_receipt
from local_stack.object_storage import ObjectStorage

ROOT = Path(__file__).parents[4]
RUN_OUT = "UPDATE leases SET renewed_at = renewed_at - interval '1 minute' WHERE name = 'ledger-receipts'"
SERIES = "SELECT number, sha256, object_key FROM receipts ORDER BY number"


async def fetch(scenario: Scenario, transaction_id):
    async with scenario.service.client(scenario.admin, "admin") as client:
        return await client.get(f"/api/v1/transactions/{transaction_id}/receipt/")


@asynccontextmanager
async def offices(scenario: Scenario, count: int) -> AsyncIterator[list[ReceiptParts]]:
    """That many workers' receipts, each with a storage client of its own."""
    worker = scenario.service.worker
    foundation = Foundation(worker.settings, worker.database, worker.clock, worker.vault)
    made = [ReceiptParts(foundation) for _ in range(count)]
    for parts in made:
        await parts.storage.__aenter__()
    try:
        yield made
    finally:
        for parts in made:
            await parts.storage.__aexit__(None, None, None)


async def issue_all(parts: ReceiptParts) -> None:
    """As a worker would that did not care for the lease."""
    room = parts.room
    while await issue_next_receipt(parts.office.open_series, room.press, room.archive):
        continue


async def issue_in_process(scenario: Scenario, storage: dict[str, Any], failpoint: str | None = None) -> int:
    told = {"WORKER_DATABASE_URL": scenario.urls["ledger_worker"]}
    for name, value in storage.items():
        told[name.upper()] = value if isinstance(value, str) else value.get_secret_value()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.ledger.tests.payment_worker", "issue_receipts"),
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            **{f"IMPACTNET_LEDGER_{name}": value for name, value in told.items()},
            **({} if failpoint is None else {"IMPACTNET_FAILPOINT": failpoint}),
        },
    )
    return await asyncio.wait_for(process.wait(), 60)


@pytest.fixture
async def objects(storage) -> AsyncIterator[S3Storage]:
    async with S3Storage(LedgerSettings(**storage).storage) as opened:
        yield opened


@pytest.fixture
async def own_storage(tmp_path) -> AsyncIterator[ObjectStorage]:
    """An S3 server that this test may take away."""
    async with ObjectStorage(tmp_path, *S3_KEYS) as server:
        yield server


async def test_four_workers_at_once_leave_no_gap_and_give_no_number_twice(scenario):
    given = [await scenario.donate(f"{number}.00") for number in range(1, 13)]
    await scenario.sign()
    async with offices(scenario, 4) as workers:
        await asyncio.gather(*(issue_all(worker) for worker in workers))
    rows = await scenario.fetch("SELECT number, transaction_id FROM receipts ORDER BY number")
    assert [row["number"] for row in rows] == list(range(1, 13))
    assert [str(row["transaction_id"]) for row in rows] == [each["id"] for each in given]


async def test_of_many_workers_one_issues_and_another_takes_over(scenario):
    await scenario.donate("1.00")
    await scenario.sign()
    async with offices(scenario, 2) as (first, second):
        assert await first.office.issue_next() is True
        assert await second.office.issue_next() is False
        await scenario.donate("2.00")
        await scenario.sign()
        assert await second.office.issue_next() is False
        await scenario.fetch(RUN_OUT)
        assert await second.office.issue_next() is True
    assert [row["number"] for row in await scenario.fetch(SERIES)] == [1, 2]


async def test_a_number_that_is_rolled_back_is_given_to_the_next(scenario):
    await scenario.donate("1.00")
    await scenario.sign()
    async with offices(scenario, 1) as [worker]:
        with contextlib.suppress(ConnectionAbortedError):
            async with worker.office.open_series() as series:
                receipt = await series.next_due(overlooked=False)
                assert receipt is not None
                assert await series.add(receipt, "a" * 64, "receipts/never.pdf")
                raise ConnectionAbortedError
        assert await scenario.fetch(SERIES) == []
        await issue_all(worker)
    [row] = await scenario.fetch(SERIES)
    assert (row["number"], row["object_key"]) == (1, f"receipts/{row['sha256']}.pdf")


@pytest.mark.parametrize(("failpoint", "rows_left"), [("ledger.receipt_stored:2", 1), ("ledger.receipt_issued:2", 2)])
async def test_a_worker_killed_at_any_of_its_steps_leaves_a_series_that_goes_on(
    scenario, storage, objects, failpoint, rows_left
):
    for amount in ("1.00", "2.00", "3.00"):
        await scenario.donate(amount)
    await scenario.sign()
    assert await issue_in_process(scenario, storage, failpoint) == -9
    left = await scenario.fetch(SERIES)
    assert [row["number"] for row in left] == list(range(1, rows_left + 1))
    # Its lease runs out by itself.
    await scenario.fetch(RUN_OUT)
    assert await issue_in_process(scenario, storage) == 0
    rows = await scenario.fetch(SERIES)
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert [dict(row) for row in rows][:rows_left] == [dict(row) for row in left]
    for row in rows:
        assert sha256(await objects.get(row["object_key"], SIZE_BYTES_MAX)).hexdigest() == row["sha256"]


async def test_nobody_leaves_a_gap_with_plain_sql_nor_by_playing_replica(scenario):
    given = [await scenario.donate(amount) for amount in ("1.00", "2.00")]
    insert = "INSERT INTO receipts (transaction_id, number, object_key, sha256, content) VALUES ($1, $2, 'a', $3, 'x')"
    for number in (0, 2, -1):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await scenario.fetch(insert, given[0]["id"], number, "a" * 64, role="worker")
    await scenario.fetch(insert, given[0]["id"], 1, sha256(b"x").hexdigest(), role="worker")
    connection = await asyncpg.connect(scenario.urls["admin"].replace("+asyncpg", ""))
    try:
        await connection.execute("SET search_path = ledger; SET session_replication_role = replica")
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="would leave a gap"):
            await connection.execute(insert, given[1]["id"], 3, "a" * 64)
    finally:
        await connection.close()


async def test_receipts_wait_for_a_storage_that_is_away_and_nothing_else_does(urls, own_storage):
    settings = {"s3_endpoint": own_storage.endpoint, "s3_access_key": S3_KEYS[0], "s3_secret_key": S3_KEYS[1]}
    async with running_service(SERVICE, urls, **settings) as service:
        scenario = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await scenario.create_program()
        first = await scenario.donate("1.00")
        await scenario.sign()
        await service.tick("issue_receipts")
        document = (await fetch(scenario, first["id"])).content

        await own_storage.kill()
        second = await scenario.donate("2.00")
        await scenario.sign()
        await service.tick("issue_receipts")
        assert REGISTRY.get_sample_value("impactnet_ledger_receipts_wait_for_storage") == 1
        assert [row["number"] for row in await scenario.fetch(SERIES)] == [1]
        assert (await fetch(scenario, second["id"])).json()["code"] == "receipt_not_ready"
        # One that was issued is printed again, to the last byte.
        again = await fetch(scenario, first["id"])
        assert (again.status_code, again.content) == (200, document)

        await own_storage.start()
        await service.tick("issue_receipts")
        assert REGISTRY.get_sample_value("impactnet_ledger_receipts_wait_for_storage") == 0
        assert [row["number"] for row in await scenario.fetch(SERIES)] == [1, 2]
        assert (await fetch(scenario, second["id"])).status_code == 200


async def test_a_storage_that_hangs_keeps_no_transaction_open_and_nobody_waiting(scenario, storage):
    given = await scenario.donate("1.00")
    await scenario.sign()
    await scenario.service.tick("issue_receipts")
    document = (await fetch(scenario, given["id"])).content
    await scenario.donate("2.00")
    await scenario.sign()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    hanging = storage | {"s3_endpoint": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
    async with server, running_service(SERVICE, scenario.urls, **hanging) as service:
        other = Scenario(service, scenario.urls, new_id(), new_id(), new_id(), new_id(), is_sound=False)
        worker = service.worker
        parts = ReceiptParts(Foundation(worker.settings, worker.database, worker.clock, worker.vault))
        async with parts.storage:
            issuing = asyncio.create_task(issue_all(parts))
            began = time.monotonic()
            answer = await fetch(other, given["id"])
            assert (answer.status_code, answer.content) == (200, document)
            assert time.monotonic() - began < 5
            assert not issuing.done()
            open_ones = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
            assert (await scenario.fetch(open_ones))[0]["count"] == 0
            issuing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await issuing
    assert [row["number"] for row in await scenario.fetch(SERIES)] == [1]
    await scenario.fetch(RUN_OUT)
    await scenario.service.tick("issue_receipts")
    assert [row["number"] for row in await scenario.fetch(SERIES)] == [1, 2]


def damaged(how: str) -> float:
    return REGISTRY.get_sample_value("impactnet_ledger_receipts_damaged_total", {"how": how}) or 0


@pytest.mark.parametrize("how", ["missing", "altered"])
async def test_what_storage_lost_or_changed_is_noticed_printed_again_and_put_back(scenario, objects, how):
    given = await scenario.donate("1.00")
    await scenario.sign()
    await scenario.service.tick("issue_receipts")
    document = (await fetch(scenario, given["id"])).content
    [row] = await scenario.fetch(SERIES)
    if how == "missing":
        await objects.delete(row["object_key"])
    else:
        await objects.put(row["object_key"], document.replace(b"1.00", b"9.00"), "application/pdf")
    before = damaged(how)
    assert (await fetch(scenario, given["id"])).content == document
    assert damaged(how) == before + 1
    assert await objects.get(row["object_key"], SIZE_BYTES_MAX) == document
    assert (await fetch(scenario, given["id"])).content == document
    assert damaged(how) == before + 1


async def test_a_receipt_that_can_no_longer_be_had_is_refused_and_never_replaced_by_another(scenario, objects):
    given = await scenario.donate("1.00")
    await scenario.sign()
    await scenario.service.tick("issue_receipts")
    document = (await fetch(scenario, given["id"])).content
    [row] = await scenario.fetch(SERIES)
    # As if it had been printed by a version that this one does not print like.
    scenario.is_sound = False
    await scenario.fetch("ALTER TABLE receipts DISABLE TRIGGER refuse_change")
    await scenario.fetch("UPDATE receipts SET program_title = 'Another title'")
    assert (await fetch(scenario, given["id"])).content == document
    await objects.delete(row["object_key"])
    before = damaged("lost")
    answer = await fetch(scenario, given["id"])
    assert (answer.status_code, answer.json()["code"]) == (503, "receipt_unavailable")
    assert answer.headers["retry-after"] == "30"
    assert damaged("lost") == before + 1
    with pytest.raises(FileNotFoundError):
        await objects.get(row["object_key"], SIZE_BYTES_MAX)


async def test_money_without_a_signed_checkpoint_above_it_has_no_receipt_yet(scenario):
    await scenario.donate("1.00")
    await scenario.sign()
    await scenario.donate("2.00")
    async with offices(scenario, 1) as [worker]:
        await issue_all(worker)
        assert [row["number"] for row in await scenario.fetch(SERIES)] == [1]
    await scenario.sign()
    async with offices(scenario, 1) as [worker]:
        await issue_all(worker)
    assert [row["number"] for row in await scenario.fetch(SERIES)] == [1, 2]
