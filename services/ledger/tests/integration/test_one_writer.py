"""One block per event, one chain however many write, and no promise of money twice."""

import asyncio

import pytest
from sqlalchemy.exc import DBAPIError

from chassis.database import Database
from chassis.ids import new_id
from chassis.testing.harness import running_service
from contracts.ledger import BlocksAppended, CommitmentRefused, CommitmentReserved
from contracts.programs import ProgramCreated
from ledger.adapters.chain import ChainBrokenError, PostgresChain, Writer
from ledger.bootstrap import SERVICE
from ledger.domain import drafts


async def test_an_event_delivered_again_makes_no_second_block(scenario):
    event = scenario.service.event(ProgramCreated(program_id=new_id(), currency="NGN"))
    for _ in range(3):
        await scenario.service.deliver(event)
    retraced = event.model_copy(update={"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"})
    await scenario.service.deliver(retraced)
    assert (await scenario.blocks()).count("program_create") == 2
    assert not await scenario.fetch("SELECT * FROM quarantined_events")


async def test_an_event_is_remembered_for_ever_though_the_inbox_forgets(scenario):
    event = scenario.service.event(ProgramCreated(program_id=new_id(), currency="NGN"))
    await scenario.service.deliver(event)
    await scenario.fetch("DELETE FROM inbox")
    await scenario.service.deliver(event)
    assert (await scenario.blocks()).count("program_create") == 2


@pytest.mark.parametrize("inbox_forgot", [False, True])
async def test_the_same_id_with_another_content_is_quarantined_and_changes_nothing(scenario, inbox_forgot):
    event = scenario.service.event(ProgramCreated(program_id=new_id(), currency="NGN"))
    await scenario.service.deliver(event)
    if inbox_forgot:
        await scenario.fetch("DELETE FROM inbox")
    other = event.model_copy(update={"data": event.data | {"program_id": str(new_id())}})
    await scenario.service.deliver(other)
    assert (await scenario.blocks()).count("program_create") == 2
    [kept] = await scenario.fetch("SELECT event_id, payload FROM quarantined_events")
    assert kept["event_id"] == event.id
    assert other.data["program_id"].encode() in kept["payload"]


async def test_what_contradicts_an_event_that_still_waits_is_quarantined_too(scenario):
    program_id = new_id()
    award = scenario.award("10.00").model_copy(update={"program_id": program_id})
    event = scenario.service.event(award)
    await scenario.service.deliver(event)
    assert len(await scenario.fetch("SELECT * FROM parked_events")) == 1
    await scenario.service.deliver(event)
    assert not await scenario.fetch("SELECT * FROM quarantined_events"), "the same again says nothing new"
    await scenario.service.deliver(event.model_copy(update={"correlationid": "another"}))
    [kept] = await scenario.fetch("SELECT event_id, payload FROM quarantined_events")
    assert kept["event_id"] == event.id
    assert b"another" in kept["payload"]
    await scenario.service.deliver(ProgramCreated(program_id=program_id, currency="NGN"))
    await scenario.fetch("UPDATE parked_events SET due_at = now()")
    assert await scenario.service.retry_parked() == 1
    assert [fact.award_id for fact in await scenario.service.announced(CommitmentRefused)] == [award.award_id]


async def test_a_currency_outside_the_genesis_table_is_an_exception_block_not_silence(scenario):
    await scenario.service.deliver(ProgramCreated(program_id=new_id(), currency="USD"))
    assert (await scenario.blocks())[-1] == "exception"


async def test_two_workers_write_one_chain_and_every_takeover_shows_in_the_nonce(scenario, urls):
    async with running_service(SERVICE, urls) as other:

        async def feed(service) -> None:
            for _ in range(15):
                await service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))

        await asyncio.gather(feed(scenario.service), feed(other))
    rows = await scenario.fetch("SELECT block_index, nonce FROM blocks ORDER BY block_index")
    assert [row["block_index"] for row in rows] == list(range(32))
    nonces = [row["nonce"] for row in rows]
    assert nonces == sorted(nonces)
    assert len(set(nonces)) > 2, "both wrote"
    assert (await scenario.verifier.verify()).ok
    told = [block.index for fact in await scenario.service.announced(BlocksAppended) for block in fact.blocks]
    assert sorted(told) == list(range(1, 32))


async def append_and_be_killed(scenario) -> None:
    async with scenario.service.worker.database.unit_of_work() as work:
        await PostgresChain(work, Writer()).append(drafts.program_create(new_id(), new_id(), "NGN"))
        await scenario.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state = 'idle in transaction'"
        )
        await work.connection.exec_driver_sql("SELECT 1")


async def test_a_writer_killed_in_mid_batch_leaves_nothing_and_another_goes_on(scenario):
    with pytest.raises(DBAPIError):
        await append_and_be_killed(scenario)
    await scenario.service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))
    outcome = await scenario.verifier.verify()
    assert (outcome.ok, outcome.end) == (True, 3)


async def test_a_whole_batch_is_one_commit_and_one_announcement(scenario):
    database: Database = scenario.service.worker.database
    async with database.unit_of_work() as work:
        batch = [drafts.program_create(new_id(), new_id(), "NGN") for _ in range(256)]
        await PostgresChain(work, Writer()).append(*batch)
    assert len((await scenario.service.announced(BlocksAppended))[-1].blocks) == 256
    outcome = await scenario.verifier.verify()
    # Blocks alone: the chain is sound, and what a use case would have written beside them is missed.
    assert [finding.failure.partition(" ")[0] for finding in outcome.findings] == ["programs", "booked_events"]
    assert outcome.end == 258
    scenario.is_sound = False


async def test_a_head_that_contradicts_the_chain_stops_the_writer(scenario):
    await scenario.fetch("UPDATE head SET tip = repeat('f', 64)")
    async with scenario.service.worker.database.unit_of_work() as work:
        with pytest.raises(ChainBrokenError):
            await PostgresChain(work, Writer()).append(drafts.program_create(new_id(), new_id(), "NGN"))
    scenario.is_sound = False


async def test_two_approvals_at_once_cannot_promise_the_same_money_twice(scenario, urls):
    await scenario.donate("100.00")
    async with running_service(SERVICE, urls) as other:
        await asyncio.gather(
            *(scenario.service.deliver(scenario.award("60.00")) for _ in range(2)),
            *(other.deliver(scenario.award("60.00")) for _ in range(2)),
        )
    assert len(await scenario.service.announced(CommitmentReserved)) == 1
    refused = await scenario.service.announced(CommitmentRefused)
    assert [fact.code for fact in refused] == ["insufficient_funds"] * 3
    assert not await scenario.fetch("SELECT * FROM parked_events")
    assert (await scenario.balances())[f"program:{scenario.program_id}:available"] == "40.00"


async def test_two_workers_settle_a_payment_once(scenario, urls):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    async with running_service(SERVICE, urls) as other:
        await asyncio.gather(
            *(service.tick("settle_payments") for service in (scenario.service, other, scenario.service, other))
        )
    assert (await scenario.blocks()).count("disbursement:completed") == 1
    assert len(await scenario.fetch("SELECT * FROM sandbox_transfers")) == 1


async def test_an_award_that_comes_before_its_programme_waits_for_it(scenario):
    early = scenario.award("10.00").model_copy(update={"program_id": new_id()})
    await scenario.service.deliver(early)
    [parked] = await scenario.fetch("SELECT reason FROM parked_events")
    assert parked["reason"] == "dependency"
    assert not await scenario.fetch("SELECT * FROM booked_events WHERE event_type LIKE 'applications%'")
    await scenario.service.deliver(ProgramCreated(program_id=early.program_id, currency="NGN"))
    await scenario.fetch("UPDATE parked_events SET due_at = now()")
    await scenario.service.retry_parked()
    assert len(await scenario.service.announced(CommitmentRefused)) == 1
