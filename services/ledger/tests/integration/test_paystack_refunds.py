"""Refunds through Paystack, which changes its mind: the donor is given back once, and what contradicts is disputed."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from prometheus_client import REGISTRY
from services.ledger.tests.paystack_scenario import Paying, paying_by_paystack

from chassis.ids import new_id


@pytest.fixture
async def paying(urls: dict[str, str]) -> AsyncIterator[Paying]:
    async with paying_by_paystack(urls) as made:
        yield made
        await made.scenario.check_books()


async def post(paying: Paying, path: str, body: Any, user_id: UUID) -> httpx.Response:
    async with paying.scenario.service.client(user_id, "admin") as client:
        answer: httpx.Response = await client.post(
            f"/api/v1/transactions/{path}", json=body, headers={"Idempotency-Key": str(new_id())}
        )
    return answer


async def given(paying: Paying, amount: str = "100.00") -> dict[str, Any]:
    """A donation that an organisation has paid at the checkout, so that admins may refund it."""
    acme = {"name": "Acme", "reference": "ACME-1"}
    body = {"program_id": str(paying.scenario.program_id), "amount": amount, "on_behalf_of": acme}
    donation: dict[str, Any] = (await post(paying, "donations/", body, paying.scenario.admin)).json()
    charge = paying.paystack.pay(donation["payment"]["reference"], 10_000)
    await paying.webhook(*paying.paystack.signed("charge.success", charge))
    return donation


async def ask(paying: Paying, donation: dict[str, Any]) -> httpx.Response:
    return await post(paying, f"{donation['id']}/refund/", {"reason": "Twice."}, paying.scenario.admin)


async def approve(paying: Paying, donation: dict[str, Any]) -> httpx.Response:
    return await post(paying, f"{donation['id']}/refund/approve/", {}, paying.scenario.other_admin)


async def settle(paying: Paying) -> None:
    """Everything that is or will be due with the rail, now."""
    await paying.scenario.fetch("UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL AND direction = 'out'")
    await paying.scenario.service.tick("settle_refunds")


async def refunds(paying: Paying) -> list[tuple[str, str | None]]:
    rows = await paying.scenario.fetch(
        "SELECT status, code FROM transactions WHERE transaction_type = 'refund' ORDER BY id"
    )
    return [(row["status"], row["code"]) for row in rows]


async def refused_by_the_bank(paying: Paying) -> tuple[dict[str, Any], dict[str, Any]]:
    """A donation whose refund failed, and that refund as Paystack has it."""
    donation = await given(paying)
    assert (await ask(paying, donation)).status_code == 201
    assert (await approve(paying, donation)).status_code == 202
    await settle(paying)
    [first] = paying.paystack.refunds
    first["status"] = "failed"
    await settle(paying)
    assert await refunds(paying) == [("failed", "paystack_failed")]
    return donation, first


async def resolve(paying: Paying, outcome: str) -> None:
    [row] = await paying.scenario.fetch("SELECT transaction_id FROM disputes WHERE closed_at IS NULL")
    path, proposal = f"{row['transaction_id']}/resolve/", {"outcome": outcome, "reason": "The statement shows it."}
    assert (await post(paying, path, proposal, paying.scenario.admin)).status_code == 202
    agreed = await post(paying, f"{path}approve/", {"outcome": outcome}, paying.scenario.other_admin)
    assert agreed.status_code == 202
    await paying.scenario.service.tick("close_disputes")


async def test_a_refund_is_on_its_way_since_its_approval_and_not_since_somebody_asked(paying):
    donation = await given(paying)
    await ask(paying, donation)
    await paying.scenario.fetch("UPDATE transactions SET initiated_at = now() - interval '3 days'")
    assert (await approve(paying, donation)).status_code == 202
    await settle(paying)
    assert await refunds(paying) == [("submitted", None)]
    await paying.scenario.service.tick("sweep_payments")
    assert REGISTRY.get_sample_value("impactnet_ledger_overdue_payments") == 0
    await paying.scenario.fetch("UPDATE payments SET created_at = now() - interval '25 hours' WHERE direction = 'out'")
    await paying.scenario.service.tick("sweep_payments")
    assert REGISTRY.get_sample_value("impactnet_ledger_overdue_payments") == 1


@pytest.mark.parametrize("is_over", [False, True])
async def test_a_refund_that_left_although_another_took_its_place_is_a_second_debit(paying, is_over):
    donation, first = await refused_by_the_bank(paying)
    await ask(paying, donation)
    await approve(paying, donation)
    await settle(paying)
    second = paying.paystack.refunds[0]
    second["status"] = "processed" if is_over else "pending"
    first["status"] = "processed"
    await settle(paying)
    ending = "completed" if is_over else "submitted"
    assert await refunds(paying) == [("disputed", "second_debit"), (ending, None)]
    assert (await paying.scenario.blocks()).count("refund:sent") == 2
    await resolve(paying, "completed")
    assert await refunds(paying) == [("disputed", "second_debit"), (ending, None)], "there is no money for it"
    await resolve(paying, "failed")
    second["status"] = "processed"
    await settle(paying)
    assert [status for status, _ in await refunds(paying)] == ["failed", "completed"]


async def test_no_other_refund_is_asked_for_or_approved_while_one_is_disputed(paying):
    donation, first = await refused_by_the_bank(paying)
    assert (await ask(paying, donation)).status_code == 201
    first["status"] = "processed"
    await settle(paying)
    assert await refunds(paying) == [("disputed", "second_debit"), ("pending", None)]
    for refused in (await ask(paying, donation), await approve(paying, donation)):
        assert (refused.status_code, refused.json()["code"]) == (409, "illegal_state")
    await resolve(paying, "completed")
    assert await refunds(paying) == [("failed", "corrected"), ("pending", None), ("completed", "correction")]
    assert (await approve(paying, donation)).status_code == 202
    await settle(paying)
    assert (await refunds(paying))[1] == ("failed", "insufficient_funds"), "the donor has it back"
    assert len(paying.paystack.refunds) == 1


async def test_nor_does_one_leave_that_was_approved_before(paying):
    donation, first = await refused_by_the_bank(paying)
    await ask(paying, donation)
    assert (await approve(paying, donation)).status_code == 202
    first["status"] = "processed"
    # The one that failed is asked about while the other has not begun.
    await paying.scenario.fetch("UPDATE payments SET due_at = now() - interval '1 hour' WHERE called_at IS NOT NULL")
    await paying.scenario.service.tick("settle_refunds")
    assert await refunds(paying) == [("disputed", "second_debit"), ("failed", "refund_disputed")]
    assert len(paying.paystack.refunds) == 1


async def taken_back(paying: Paying, donation: dict[str, Any]) -> None:
    """The donor's bank takes the donation back."""
    charge = paying.paystack.charges[donation["payment"]["reference"]]
    charge["status"] = "reversed"
    await paying.webhook(*paying.paystack.signed("charge.dispute.resolve", {"transaction": charge}))
    assert (await paying.read(donation["id"]))["code"] == "returned_by_bank"


async def test_what_the_donors_bank_took_back_after_the_asking_is_not_given_back_as_well(paying):
    donation = await given(paying)
    assert (await ask(paying, donation)).status_code == 201
    await taken_back(paying, donation)
    refused = await approve(paying, donation)
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, "illegal_state", "disputed")
    await settle(paying)
    assert (await refunds(paying), paying.paystack.refunds) == ([("pending", None)], [])


async def test_nor_when_it_was_approved_already_and_is_about_to_leave(paying):
    donation = await given(paying)
    await ask(paying, donation)
    assert (await approve(paying, donation)).status_code == 202
    await taken_back(paying, donation)
    await settle(paying)
    assert (await refunds(paying), paying.paystack.refunds) == ([("failed", "donation_disputed")], [])
    assert "refund:sent" not in await paying.scenario.blocks()


async def test_a_rail_that_calls_our_own_refund_a_reversal_contradicts_nothing(paying):
    donation = await given(paying)
    await ask(paying, donation)
    await approve(paying, donation)
    await settle(paying)
    paying.paystack.refunds[0]["status"] = "processed"
    await settle(paying)
    charge = paying.paystack.charges[donation["payment"]["reference"]]
    charge["status"] = "reversed"
    await paying.webhook(*paying.paystack.signed("charge.success", charge | {"another": "delivery"}))
    assert (await paying.read(donation["id"]))["status"] == "completed"
    assert await paying.scenario.fetch("SELECT * FROM disputes") == []


async def test_what_a_webhook_says_of_an_earlier_refund_is_heard_while_a_later_one_waits(paying):
    donation = await given(paying)
    award = paying.scenario.award("60.00")
    await paying.scenario.service.deliver(award)
    await ask(paying, donation)
    await approve(paying, donation)
    await settle(paying)
    [first] = paying.paystack.refunds
    first["status"] = "processed"
    await settle(paying)
    await paying.scenario.service.deliver(paying.scenario.cancellation(award))
    assert (await ask(paying, donation)).json()["amount"] == "60.00"
    first["status"] = "failed"
    about = {"transaction_reference": donation["payment"]["reference"], "amount": "4000", "currency": "NGN"}
    await paying.webhook(*paying.paystack.signed("refund.failed", about))
    await paying.scenario.service.tick("settle_refunds")
    assert await refunds(paying) == [("disputed", "failed_after_completion"), ("pending", None)]


async def test_a_refund_that_is_disputed_stays_in_the_trace_until_people_agree(paying):
    """As the sums have it: the donor has been given back, and the bank says otherwise."""
    donation = await given(paying)
    await ask(paying, donation)
    await approve(paying, donation)
    await settle(paying)
    [first] = paying.paystack.refunds
    first["status"] = "processed"
    await settle(paying)
    first["status"] = "failed"
    about = {"transaction_reference": donation["payment"]["reference"], "amount": "10000", "currency": "NGN"}
    await paying.webhook(*paying.paystack.signed("refund.failed", about))
    await paying.scenario.service.tick("settle_refunds")
    assert await refunds(paying) == [("disputed", "failed_after_completion")]
    [refund] = await paying.scenario.fetch("SELECT id FROM transactions WHERE transaction_type = 'refund'")
    link = {"source": donation["id"], "target": str(refund["id"]), "amount": "100.00"}
    async with paying.scenario.service.client() as anyone:
        for start in (donation["id"], refund["id"]):
            assert (await anyone.get(f"/api/v1/blockchain/trace/{start}/")).json()["links"] == [link]
        totals = (await anyone.get("/api/v1/blockchain/stats/")).json()["totals"]["NGN"]
    assert totals["refunded"] == link["amount"]
