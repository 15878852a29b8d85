"""Payments whose place a correction took: what their rail says later is about the correction."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from services.ledger.tests.integration.test_paystack_refunds import ask, given, refunds, refused_by_the_bank, settle
from services.ledger.tests.integration.test_paystack_refunds import resolve as resolve_refund
from services.ledger.tests.paystack_scenario import Paying, paying_by_paystack

from chassis.ids import new_id
from contracts.ledger import DisbursementReversed


@pytest.fixture
async def paying(urls: dict[str, str]) -> AsyncIterator[Paying]:
    async with paying_by_paystack(urls) as made:
        yield made
        await made.scenario.check_books()
        assert (await made.scenario.verifier.verify(lots=True)).ok


async def say(paying: Paying, reference: str, status: str) -> None:
    """Paystack's state of the transfer from now on, of which it tells us."""
    paying.paystack.settle(reference, status)
    told = paying.paystack.transfers[reference] | {"delivery": str(new_id())}
    await paying.webhook(*paying.paystack.signed(f"transfer.{status}", told))


async def payments(paying: Paying) -> list[tuple[str, str | None]]:
    rows = await paying.scenario.fetch(
        "SELECT status, code FROM transactions WHERE transaction_type = 'disbursement' ORDER BY id"
    )
    return [(row["status"], row["code"]) for row in rows]


async def corrected(paying: Paying) -> tuple[Any, str]:
    """An award whose payment failed, left after all, and is in the books as a correction; the payment's reference."""
    award = await paying.approved()
    paying.paystack.new_transfer_status = "failed"
    await paying.ask_again()
    [row] = await paying.scenario.fetch("SELECT reference FROM payments WHERE direction = 'out'")
    await say(paying, row["reference"], "success")
    await resolve_refund(paying, "completed")
    assert await payments(paying) == [("failed", "corrected"), ("completed", "correction")]
    return award, row["reference"]


async def committed(paying: Paying, award: Any) -> str:
    balances = await paying.scenario.balances()
    assert balances["bank:clearing"] == "0.00"
    amount: str = balances[f"program:{paying.scenario.program_id}:committed:{award.award_id}"]
    return amount


async def test_a_rail_that_says_again_that_it_paid_contradicts_nothing(paying):
    _, reference = await corrected(paying)
    await say(paying, reference, "success")
    assert await payments(paying) == [("failed", "corrected"), ("completed", "correction")]


async def test_money_that_comes_back_after_a_correction_comes_back_in_the_books(paying):
    award, reference = await corrected(paying)
    await say(paying, reference, "reversed")
    assert [status for status, _ in await payments(paying)] == ["failed", "reversed"]
    assert (await paying.scenario.blocks())[-1] == "reversal"
    assert await committed(paying, award) == "60.00"
    [received] = await paying.scenario.fetch("SELECT amount_received FROM beneficiaries")
    assert str(received["amount_received"]) == "0.00"
    assert len(await paying.scenario.service.announced(DisbursementReversed)) == 1
    # The tranche can be paid again, and what the rail says of the first payment is no contradiction of that.
    paying.paystack.new_transfer_status = "success"
    await paying.scenario.service.deliver(paying.scenario.approval(award))
    await paying.ask_again()
    assert [status for status, _ in await payments(paying)] == ["failed", "reversed", "completed"]
    await say(paying, reference, "reversed")
    assert [status for status, _ in await payments(paying)] == ["failed", "reversed", "completed"]
    assert await committed(paying, award) == "0.00"


async def test_another_amount_that_comes_back_is_given_to_people(paying):
    award, reference = await corrected(paying)
    blocks = await paying.scenario.blocks()
    paying.paystack.transfers[reference]["amount"] -= 1
    await say(paying, reference, "reversed")
    assert await payments(paying) == [("disputed", "second_debit"), ("completed", "correction")]
    assert await paying.scenario.blocks() == blocks
    await resolve_refund(paying, "failed")
    assert await committed(paying, award) == "0.00"


async def test_a_failed_payment_said_to_have_come_back_while_another_pays_its_tranche_is_given_to_people(paying):
    award = await paying.approved()
    paying.paystack.new_transfer_status = "failed"
    await paying.ask_again()
    [row] = await paying.scenario.fetch("SELECT reference FROM payments WHERE direction = 'out'")
    paying.paystack.new_transfer_status = "success"
    await paying.scenario.service.deliver(paying.scenario.approval(award))
    await paying.ask_again()
    await say(paying, row["reference"], "reversed")
    assert await payments(paying) == [("disputed", "second_debit"), ("completed", None)]
    await resolve_refund(paying, "reversed")
    assert [status for status, _ in await payments(paying)] == ["failed", "completed"]
    assert await committed(paying, award) == "0.00"


async def test_a_webhook_about_another_refund_makes_no_dispute_of_a_corrected_one(paying):
    donation, first = await refused_by_the_bank(paying)
    first["status"] = "processed"
    await settle(paying)
    await resolve_refund(paying, "completed")
    assert await refunds(paying) == [("failed", "corrected"), ("completed", "correction")]
    about = {"transaction_reference": donation["payment"]["reference"], "amount": "10000", "currency": "NGN"}
    await paying.webhook(*paying.paystack.signed("refund.processed", about))
    await paying.scenario.service.tick("settle_refunds")
    assert await refunds(paying) == [("failed", "corrected"), ("completed", "correction")]
    await given(paying)
    assert (await ask(paying, donation)).status_code == 409, "all of it has gone back"
