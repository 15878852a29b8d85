"""Donations by card or transfer through Paystack: credited once, as announced, and only when it has the money."""

from collections.abc import AsyncIterator

import pytest
from services.ledger.tests.paystack_scenario import Paying, paying_by_paystack

from contracts.ledger import DonationReceived


@pytest.fixture
async def paying(urls: dict[str, str]) -> AsyncIterator[Paying]:
    async with paying_by_paystack(urls) as made:
        yield made


async def test_a_donor_pays_and_the_webhook_credits_the_donation_once(paying):
    done = await paying.donated("100.00")
    assert done["status"] == "completed"
    assert done["payment"] == {"rail": "paystack", "reference": f"impact-{done['id'].replace('-', '')}"}
    charge = paying.paystack.charges[done["payment"]["reference"]]
    repeated = await paying.webhook(*paying.paystack.signed("charge.success", charge))
    assert repeated["repeated"] is True
    await paying.webhook(*paying.paystack.signed("charge.success", charge | {"another": "delivery"}))
    assert (await paying.scenario.blocks()).count("donation") == 1
    assert len(await paying.scenario.service.announced(DonationReceived)) == 1


async def test_a_webhook_that_claims_money_moves_nothing_while_the_rail_does_not_have_it(paying):
    donation = await paying.announce("100.00")
    claim = {"reference": donation["payment"]["reference"], "amount": 10_000, "currency": "NGN", "status": "success"}
    await paying.webhook(*paying.paystack.signed("charge.success", claim))
    assert (await paying.read(donation["id"]))["status"] == "pending"
    assert "donation" not in await paying.scenario.blocks()


@pytest.mark.parametrize(("paid", "currency"), [(9_999, "NGN"), (10_000, "USD"), (1_000_000, "NGN")])
async def test_another_amount_than_announced_is_a_dispute_and_credits_nothing(paying, paid, currency):
    donation = await paying.donated("100.00", paid=paid, currency=currency)
    assert (donation["status"], donation["code"]) == ("disputed", "amount_differs")
    assert "donation" not in await paying.scenario.blocks()


async def test_a_lost_webhook_is_made_up_for_by_asking(paying):
    donation = await paying.announce("100.00")
    paying.paystack.pay(donation["payment"]["reference"], 10_000)
    await paying.scenario.service.tick("credit_donations")
    assert (await paying.read(donation["id"]))["status"] == "pending", "not asked before a quarter of an hour"
    await paying.scenario.fetch("UPDATE payments SET due_at = now()")
    paying.paystack.fail_next("GET /transaction/verify", "error_before")
    await paying.scenario.service.tick("credit_donations")
    assert (await paying.read(donation["id"]))["status"] == "pending"
    await paying.scenario.fetch("UPDATE payments SET due_at = now()")
    await paying.scenario.service.tick("credit_donations")
    assert (await paying.read(donation["id"]))["status"] == "completed"


async def test_a_donation_that_nobody_pays_expires_without_a_block_and_late_money_is_a_dispute(paying):
    donation = await paying.announce("100.00")
    await paying.scenario.fetch("UPDATE transactions SET initiated_at = now() - interval '74 hours'")
    await paying.scenario.fetch("UPDATE payments SET due_at = now()")
    await paying.scenario.service.tick("credit_donations")
    expired = await paying.read(donation["id"])
    assert (expired["status"], expired["code"], expired["blockchain_hash"]) == ("failed", "expired", None)
    charge = paying.paystack.pay(donation["payment"]["reference"], 10_000)
    await paying.webhook(*paying.paystack.signed("charge.success", charge))
    late = await paying.read(donation["id"])
    assert (late["status"], late["code"]) == ("disputed", "paid_after_failure")
    assert "donation" not in await paying.scenario.blocks()
