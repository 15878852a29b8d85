"""Awards that are cancelled while a payment waits: what the rail was not called for stays, the rest goes on."""

import asyncio
from typing import Any

import asyncpg
import pytest
from services.ledger.tests.integration.test_database_guards import attempt
from services.ledger.tests.scenario import Scenario

from contracts.applications import DisbursementApproved
from contracts.identity import UserErased
from contracts.ledger import CommitmentReleased, DisbursementCompleted, DisbursementFailed

PAYMENTS = "SELECT status, code, id FROM transactions WHERE transaction_type = 'disbursement' ORDER BY id"


async def approved(scenario: Scenario, *tranches: str) -> tuple[Any, DisbursementApproved]:
    """An award of these tranches, the first of which is approved and not yet sent."""
    await scenario.donate("100.00")
    award = scenario.award(*tranches)
    await scenario.service.deliver(award)
    await scenario.set_account()
    approval = scenario.approval(award)
    await scenario.service.deliver(approval)
    return award, approval


async def check_nothing_left(scenario: Scenario, award: Any) -> None:
    assert await scenario.fetch("SELECT * FROM sandbox_transfers") == [], "the rail was never asked"
    assert [(row["status"], row["code"]) for row in await scenario.fetch(PAYMENTS)] == [("failed", "award_cancelled")]
    assert (await scenario.blocks())[-2:] == ["disbursement:failed", "decommitment"]
    balances = await scenario.balances()
    assert balances[f"program:{scenario.program_id}:available"] == "100.00"
    assert balances[f"program:{scenario.program_id}:committed:{award.award_id}"] == "0.00"
    assert balances["bank:clearing"] == "0.00"
    assert [str(row["taken"]) for row in await scenario.fetch("SELECT taken FROM lots")] == ["0.00"]


@pytest.mark.parametrize(("tranches", "released"), [(("60.00", "20.00"), ["20.00", "60.00"]), (("60.00",), ["60.00"])])
async def test_a_payment_that_waits_when_its_award_is_cancelled_does_not_leave(scenario, tranches, released):
    award, approval = await approved(scenario, *tranches)
    await scenario.service.deliver(scenario.cancellation(award))
    await scenario.settle()
    await check_nothing_left(scenario, award)
    [failed] = await scenario.service.announced(DisbursementFailed)
    assert (failed.request_id, failed.code) == (approval.request_id, "award_cancelled")
    assert [fact.amount for fact in await scenario.service.announced(CommitmentReleased)] == released
    await scenario.settle()
    assert len(await scenario.service.announced(DisbursementFailed)) == 1


async def test_a_payment_that_waits_for_a_rail_that_is_set_up_no_more_ends_with_its_award(scenario):
    award, _ = await approved(scenario, "60.00")
    await scenario.fetch("UPDATE payments SET rail = 'paystack' WHERE direction = 'out'")
    await scenario.settle()
    assert [row["status"] for row in await scenario.fetch(PAYMENTS)] == ["pending"]
    await scenario.service.deliver(scenario.cancellation(award))
    await scenario.settle()
    await check_nothing_left(scenario, award)


async def test_a_payment_that_has_left_when_its_award_is_cancelled_goes_on(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00", "20.00")
    await scenario.service.deliver(award)
    await scenario.set_account("0000000002")
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    await scenario.service.deliver(scenario.cancellation(award))
    await scenario.later(6)
    await scenario.settle()
    assert len(await scenario.service.announced(DisbursementCompleted)) == 1
    assert (await scenario.balances())[f"program:{scenario.program_id}:available"] == "40.00"


@pytest.mark.parametrize("commits", [True, False])
async def test_who_submits_waits_for_a_cancellation_that_is_under_way(scenario, commits):
    """The cancellation on a connection of its own, held open at the worst moment: it has the award, uncommitted."""
    award, _ = await approved(scenario, "60.00")
    url = scenario.urls["ledger_worker"].replace("postgresql+asyncpg", "postgresql")
    cancelling = await asyncpg.connect(url)
    try:
        transaction = cancelling.transaction()
        await transaction.start()
        await cancelling.execute("SELECT FROM awards WHERE award_id = $1 FOR UPDATE", award.award_id)
        await cancelling.execute("INSERT INTO closed_awards (award_id) VALUES ($1)", award.award_id)
        settling = asyncio.create_task(scenario.settle())
        await until_it_waits(scenario, cancelling)
        assert [row["status"] for row in await scenario.fetch(PAYMENTS)] == ["pending"]
        await (transaction.commit() if commits else transaction.rollback())
        await settling
    finally:
        await cancelling.close()
    sent = await scenario.fetch("SELECT * FROM sandbox_transfers")
    assert [row["status"] for row in await scenario.fetch(PAYMENTS)] == ["failed" if commits else "completed"]
    assert len(sent) == (0 if commits else 1)


async def until_it_waits(scenario: Scenario, holder: asyncpg.Connection) -> None:
    """Until somebody waits for what the holder has locked."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))"
    async with asyncio.timeout(20):
        while not await scenario.fetch(waiting, holder.get_server_pid()):  # noqa: ASYNC110 -- the server sends no event of this
            await asyncio.sleep(0.01)


async def test_cancelling_and_submitting_at_once_never_deadlocks_and_never_does_both(scenario):
    await scenario.donate("100.00")
    await scenario.set_account()
    for _ in range(8):
        award = scenario.award("10.00", "1.00")
        await scenario.service.deliver(award)
        await scenario.service.deliver(scenario.approval(award))
        await asyncio.gather(scenario.settle(), scenario.service.deliver(scenario.cancellation(award)))
    await scenario.settle()
    ended = [(row["status"], row["code"]) for row in await scenario.fetch(PAYMENTS)]
    assert set(ended) <= {("completed", None), ("failed", "award_cancelled")}
    paid = ended.count(("completed", None))
    assert len(await scenario.fetch("SELECT * FROM sandbox_transfers")) == paid
    assert (await scenario.balances())[f"program:{scenario.program_id}:available"] == f"{100 - 10 * paid}.00"


async def test_an_erasure_waits_for_a_payment_that_is_being_submitted_and_neither_for_the_other(scenario):
    """Both lock the person's payment before their award: the other way round each could hold what the other wants."""
    award, _ = await approved(scenario, "60.00")
    url = scenario.urls["ledger_worker"].replace("postgresql+asyncpg", "postgresql")
    submitting = await asyncpg.connect(url)
    try:
        transaction = submitting.transaction()
        await transaction.start()
        await submitting.execute("SELECT FROM transactions WHERE transaction_type = 'disbursement' FOR UPDATE")
        erasing = asyncio.create_task(scenario.service.deliver(UserErased(user_id=scenario.applicant)))
        await until_it_waits(scenario, submitting)
        await submitting.execute("SELECT FROM awards WHERE award_id = $1 FOR UPDATE NOWAIT", award.award_id)
        await submitting.execute("SELECT FROM beneficiaries FOR UPDATE NOWAIT")
        await transaction.rollback()
        await erasing
    finally:
        await submitting.close()
    assert [row["user_id"] for row in await scenario.fetch("SELECT user_id FROM awards")] == [None]


@pytest.mark.parametrize("role", ["worker", "admin"])
async def test_the_database_submits_no_payment_of_a_cancelled_award(scenario, role):
    award, _ = await approved(scenario, "60.00")
    await scenario.service.deliver(scenario.cancellation(award))
    replica = "SET session_replication_role = replica" if role == "admin" else "SELECT 1"
    submits = "UPDATE transactions SET status = 'submitted' WHERE transaction_type = 'disbursement'"
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="after its award was cancelled"):
        await attempt(scenario, replica, submits, role=role)
    await scenario.settle()
