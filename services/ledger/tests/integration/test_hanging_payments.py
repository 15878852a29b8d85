"""Payments that hang, workers that die at any line, and money that comes back for an award that is over."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from services.ledger.tests.paystack_server import SECRET_KEY, PaystackServer, running_paystack
from services.ledger.tests.scenario import Scenario

from chassis.ids import new_id
from chassis.testing.harness import running_service
from contracts.applications import AwardCancelled
from contracts.ledger import CommitmentReleased, CommitmentReserved, DisbursementCompleted
from ledger.bootstrap import SERVICE
from ledger.use_cases.settle_payment import SEND_WITHIN_SECONDS, settle_next_payment

WORKER = Path(__file__).parents[1] / "payment_worker.py"
END_SECONDS_MAX = 60
OLDEST = "impactnet_ledger_oldest_unsettled_payment_seconds"


def cancelled(award: Any, amount: str) -> AwardCancelled:
    return AwardCancelled(
        application_id=award.application_id, program_id=award.program_id, user_id=award.user_id, status="approved",
        award_id=award.award_id, cancelled_by=new_id(), amount=amount, currency="NGN",
    )  # fmt: skip


async def on_its_way(scenario: Any, account_number: str = "0000000002", *tranches: str) -> Any:
    await scenario.donate("100.00")
    award = scenario.award(*(tranches or ("60.00", "20.00")))
    await scenario.service.deliver(award)
    await scenario.set_account(account_number)
    await scenario.service.deliver(scenario.approval(award))
    await scenario.settle()
    return award


async def available(scenario: Any) -> str:
    balance: str = (await scenario.balances())[f"program:{scenario.program_id}:available"]
    return balance


async def test_a_payment_that_fails_after_its_award_was_cancelled_goes_back_to_the_programme(scenario):
    award = await on_its_way(scenario)
    await scenario.service.deliver(cancelled(award, "20.00"))
    assert await available(scenario) == "40.00"
    await scenario.fetch("UPDATE sandbox_transfers SET behavior = '03'")
    await scenario.settle()
    assert (await scenario.blocks())[-2:] == ["disbursement:failed", "decommitment"]
    assert await available(scenario) == "100.00"
    assert (await scenario.balances())[f"program:{scenario.program_id}:committed:{award.award_id}"] == "0.00"
    assert [fact.amount for fact in await scenario.service.announced(CommitmentReleased)] == ["20.00", "60.00"]
    assert [str(row["taken"]) for row in await scenario.fetch("SELECT taken FROM lots")] == ["0.00"], "the same lot"
    assert (await scenario.verifier.verify()).ok
    await scenario.service.deliver(scenario.award("100.00"))
    assert len(await scenario.service.announced(CommitmentReserved)) == 2


async def test_money_that_the_bank_returns_after_the_award_was_cancelled_goes_back_to_the_programme(scenario):
    award = await on_its_way(scenario, "0000000005")
    assert len(await scenario.service.announced(DisbursementCompleted)) == 1
    await scenario.service.deliver(cancelled(award, "20.00"))
    await scenario.later(3)
    await scenario.settle()
    assert (await scenario.blocks())[-2:] == ["reversal", "decommitment"]
    assert await available(scenario) == "100.00"
    assert (await scenario.verifier.verify()).ok


async def test_an_award_that_was_cancelled_with_nothing_left_to_release_is_over_all_the_same(scenario):
    award = await on_its_way(scenario, "0000000002", "60.00")
    await scenario.service.deliver(cancelled(award, "0.00"))
    assert (await scenario.blocks())[-1] == "exception", "there is nothing to release"
    await scenario.fetch("UPDATE sandbox_transfers SET behavior = '03'")
    await scenario.settle()
    assert (await scenario.blocks())[-2:] == ["disbursement:failed", "decommitment"]
    assert await available(scenario) == "100.00"


async def test_an_award_that_is_still_good_keeps_what_comes_back(scenario):
    award = await on_its_way(scenario, "0000000003")
    assert (await scenario.blocks())[-1] == "disbursement:failed"
    assert (await scenario.balances())[f"program:{scenario.program_id}:committed:{award.award_id}"] == "80.00"


async def test_the_oldest_open_payment_is_measured_and_a_forgotten_one_is_asked_about_again(scenario):
    await on_its_way(scenario)
    await scenario.fetch(
        "UPDATE transactions SET initiated_at = now() - interval '90 minutes' WHERE status = 'submitted'"
    )
    await scenario.fetch("UPDATE payments SET due_at = NULL")
    await scenario.later(6)
    await scenario.service.tick("sweep_payments")
    age = REGISTRY.get_sample_value(OLDEST, {"direction": "out", "status": "submitted"})
    assert age is not None
    assert 5_300 < age < 5_700
    await scenario.service.tick("settle_payments")
    assert len(await scenario.service.announced(DisbursementCompleted)) == 1
    await scenario.service.tick("sweep_payments")
    assert REGISTRY.get_sample_value(OLDEST, {"direction": "out", "status": "submitted"}) is None


async def test_what_a_clock_that_was_ahead_has_put_off_is_asked_about_once_it_is_right(scenario):
    await on_its_way(scenario)
    await scenario.fetch("UPDATE payments SET due_at = now() + interval '1 hour' WHERE direction = 'out'")
    await scenario.later(6)
    await scenario.service.tick("settle_payments")
    assert await scenario.service.announced(DisbursementCompleted) == []
    await scenario.service.tick("sweep_payments")
    await scenario.service.tick("settle_payments")
    assert len(await scenario.service.announced(DisbursementCompleted)) == 1


async def test_what_is_only_to_be_asked_about_later_is_left_alone(scenario):
    await on_its_way(scenario)
    await scenario.fetch("UPDATE payments SET due_at = now() + interval '5 minutes' WHERE direction = 'out'")
    await scenario.later(6)
    await scenario.service.tick("sweep_payments")
    await scenario.service.tick("settle_payments")
    assert await scenario.service.announced(DisbursementCompleted) == []


async def test_a_dispute_is_overdue_by_its_own_age_and_not_by_its_payments(scenario):
    await on_its_way(scenario)
    await scenario.fetch("UPDATE payments SET called_at = now() - interval '8 days' WHERE direction = 'out'")
    await scenario.fetch("UPDATE transactions SET initiated_at = now() - interval '8 days' WHERE status = 'submitted'")
    disputed = {"direction": "out", "status": "disputed"}
    for _ in range(2):
        await scenario.service.tick("sweep_payments")
    assert REGISTRY.get_sample_value("impactnet_ledger_overdue_payments") == 0
    age = REGISTRY.get_sample_value(OLDEST, disputed)
    assert age is not None
    assert age < 3_600
    await scenario.fetch("UPDATE disputes SET opened_at = now() - interval '49 hours'")
    await scenario.service.tick("sweep_payments")
    assert REGISTRY.get_sample_value("impactnet_ledger_overdue_payments") == 1


async def test_a_payment_about_which_the_rail_says_nothing_for_a_week_is_given_to_people(scenario):
    await on_its_way(scenario)
    await scenario.fetch("UPDATE payments SET called_at = now() - interval '8 days' WHERE direction = 'out'")
    await scenario.service.tick("sweep_payments")
    [row] = await scenario.fetch("SELECT status, code FROM transactions WHERE transaction_type = 'disbursement'")
    assert (row["status"], row["code"]) == ("disputed", "no_answer")
    assert (await scenario.blocks())[-1] == "disbursement:sent"
    assert len(await scenario.fetch("SELECT * FROM disputes WHERE status_before = 'submitted'")) == 1


async def test_a_transfer_by_hand_never_expires_and_is_said_to_be_overdue(scenario):
    await scenario.donate("10.00", rail="manual")
    await scenario.fetch("UPDATE transactions SET initiated_at = now() - interval '8 days'")
    await scenario.service.tick("sweep_payments")
    await scenario.service.tick("credit_donations")
    assert REGISTRY.get_sample_value("impactnet_ledger_overdue_payments") == 1
    assert [row["status"] for row in await scenario.fetch("SELECT status FROM transactions")] == ["pending"]


async def test_a_worker_that_was_frozen_before_the_call_does_not_call(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    settle = next(timer for timer in scenario.service.worker_parts.timers if timer.name == "settle_payments")
    paying = settle.run.__self__
    times = iter([0.0, 0.0, SEND_WITHIN_SECONDS + 1])
    assert await settle_next_payment(paying._open_books, paying.rails, clock=lambda: next(times))
    assert await scenario.fetch("SELECT * FROM sandbox_transfers") == []
    [row] = await scenario.fetch("SELECT status FROM transactions WHERE transaction_type = 'disbursement'")
    assert row["status"] == "unknown", "it is asked about, like any other"


@pytest.fixture
async def outside(urls: dict[str, str]) -> AsyncIterator[tuple[Scenario, PaystackServer]]:
    """A ledger with Paystack for payments, for a worker in a process of its own."""
    async with (
        running_paystack() as paystack,
        running_service(
            SERVICE, urls, payment_rail="paystack", paystack_url=paystack.url, paystack_secret_key=SecretStr(SECRET_KEY)
        ) as service,
    ):  # fmt: skip
        made = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await made.create_program()
        yield made, paystack


async def run_worker(scenario: Scenario, paystack: PaystackServer, timer: str, failpoint: str = "") -> int:
    """The exit status of a worker process that runs one timer, and dies where it is told to."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "IMPACTNET_LEDGER_DATABASE_URL": scenario.urls["ledger_api"],
        "IMPACTNET_LEDGER_WORKER_DATABASE_URL": scenario.urls["ledger_worker"],
        "IMPACTNET_LEDGER_PAYSTACK_URL": paystack.url,
        "IMPACTNET_LEDGER_PAYSTACK_SECRET_KEY": SECRET_KEY,
        **({"IMPACTNET_FAILPOINT": failpoint} if failpoint else {}),
    }
    await scenario.fetch("UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL")
    process = await asyncio.create_subprocess_exec(sys.executable, str(WORKER), timer, env=environment)
    return await asyncio.wait_for(process.wait(), END_SECONDS_MAX)


@pytest.mark.parametrize(
    ("failpoint", "accepted", "ending"),
    [("ledger.payment_submitted", 0, "failed"), ("ledger.rail_answered", 1, "completed")],
)
async def test_a_worker_that_is_killed_around_the_call_pays_at_most_once(outside, failpoint, accepted, ending):
    scenario, paystack = outside
    await scenario.donate("100.00", rail="sandbox")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    await scenario.service.deliver(scenario.approval(award))
    assert await run_worker(scenario, paystack, "settle_payments", failpoint) == -signal.SIGKILL
    assert len(paystack.transfers) == accepted
    states = "SELECT status, code FROM transactions WHERE transaction_type = 'disbursement'"
    assert [row["status"] for row in await scenario.fetch(states)] == ["submitted"]
    assert await run_worker(scenario, paystack, "settle_payments") == 0
    if not accepted:
        assert [row["status"] for row in await scenario.fetch(states)] == ["submitted"], "it could still arrive"
        await scenario.later(3601)
        assert await run_worker(scenario, paystack, "settle_payments") == 0
    [row] = await scenario.fetch(states)
    assert (row["status"], len(paystack.transfers), paystack.count("POST /transfer")) == (ending, accepted, accepted)
    assert (await scenario.verifier.verify()).ok


@pytest.mark.parametrize(
    ("failpoint", "accepted", "ending"),
    [("ledger.refund_submitted", 0, "failed"), ("ledger.refund_answered", 1, "completed")],
)
async def test_a_worker_that_is_killed_around_a_refund_gives_back_at_most_once(outside, failpoint, accepted, ending):
    scenario, paystack = outside
    donation = await asked_back(scenario, paystack)
    assert await run_worker(scenario, paystack, "settle_refunds", failpoint) == -signal.SIGKILL
    assert len(paystack.refunds) == accepted
    assert await run_worker(scenario, paystack, "settle_refunds") == 0
    if accepted:
        paystack.refunds[0]["status"] = "processed"
        processed = {"transaction_reference": donation["payment"]["reference"], "amount": "4000", "currency": "NGN"}
        await told(scenario, *paystack.signed("refund.processed", processed))
    await scenario.later(3601)
    assert await run_worker(scenario, paystack, "settle_refunds") == 0
    [row] = await scenario.fetch("SELECT status, code FROM transactions WHERE transaction_type = 'refund'")
    assert (row["status"], paystack.count("POST /refund")) == (ending, accepted)
    assert row["code"] == (None if accepted else "not_received_by_rail")
    assert (await scenario.balances())["bank:clearing"] == "0.00"
    assert await available(scenario) == ("0.00" if accepted else "40.00")
    assert (await scenario.verifier.verify()).ok


async def told(scenario: Scenario, body: bytes, headers: dict[str, str]) -> None:
    async with scenario.service.client() as client:
        answer = await client.post("/api/v1/payments/webhooks/paystack/", content=body, headers=headers)
    assert answer.status_code == 200
    await scenario.service.tick("apply_webhooks")


async def asked_back(scenario: Scenario, paystack: PaystackServer) -> dict[str, Any]:
    """A donation of 40 that came by Paystack, whose refund two people have agreed on."""
    body = {
        "program_id": str(scenario.program_id), "amount": "40.00", "currency": "NGN", "rail": "paystack",
        "on_behalf_of": {"name": "Acme", "reference": "ACME-1"},
    }  # fmt: skip
    async with scenario.service.client(scenario.admin, "admin") as client:
        donation: dict[str, Any] = (
            await client.post("/api/v1/transactions/donations/", json=body, headers={"Idempotency-Key": "gift"})
        ).json()
        charge = paystack.pay(donation["payment"]["reference"], 4000)
        await told(scenario, *paystack.signed("charge.success", charge))
        await scenario.service.tick("credit_donations")
        path = f"/api/v1/transactions/{donation['id']}/refund/"
        asked = await client.post(path, json={"reason": "Twice."}, headers={"Idempotency-Key": "back"})
        assert asked.status_code == 201, asked.text
    async with scenario.service.client(scenario.other_admin, "admin") as second:
        done = await second.post(f"{path}approve/", json={}, headers={"Idempotency-Key": "yes"})
    assert done.status_code == 202, done.text
    return donation


async def test_a_refund_that_the_rail_took_and_did_not_say_so_is_found_by_its_note(outside):
    scenario, paystack = outside
    await asked_back(scenario, paystack)
    paystack.fail_next("POST /refund", "error_after")
    await scenario.service.tick("settle_refunds")
    states = "SELECT status FROM transactions WHERE transaction_type = 'refund'"
    assert [row["status"] for row in await scenario.fetch(states)] == ["unknown"]
    paystack.refunds[:0] = [paystack.refunds[0] | {"merchant_note": f"other {number}"} for number in range(150)]
    paystack.refunds[-1]["status"] = "processed"
    await scenario.fetch("UPDATE payments SET due_at = now() WHERE direction = 'out'")
    await scenario.service.tick("settle_refunds")
    assert [row["status"] for row in await scenario.fetch(states)] == ["completed"], "on the second page of the list"
    assert paystack.count("POST /refund") == 1


async def test_a_donors_bank_that_takes_the_money_back_is_a_dispute_and_moves_no_books(outside):
    scenario, paystack = outside
    donation = await asked_back(scenario, paystack)
    charge = paystack.charges[donation["payment"]["reference"]]
    charge["status"] = "reversed"
    await told(scenario, *paystack.signed("charge.dispute.create", {"transaction": charge}))
    await scenario.service.tick("credit_donations")
    [row] = await scenario.fetch("SELECT status, code FROM transactions WHERE transaction_type = 'donation'")
    assert (row["status"], row["code"]) == ("disputed", "returned_by_bank")
    assert (await scenario.blocks())[-1] == "donation"
