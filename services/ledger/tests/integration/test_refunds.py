"""Money back to its donor: asked by one admin, approved by another, never what has been promised."""

from typing import Any

import httpx
import pytest

from chassis.ids import new_id
from contracts.ledger import CommitmentReserved, RefundCompleted


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


async def ask(scenario: Any, donation: dict[str, Any], **who: Any) -> httpx.Response:
    async with scenario.service.client(who.get("user_id", scenario.admin), who.get("role", "admin")) as client:
        answer: httpx.Response = await client.post(
            f"/api/v1/transactions/{donation['id']}/refund/", json={"reason": "Sent twice."}, headers=keyed()
        )
    return answer


async def approve(scenario: Any, donation: dict[str, Any], user_id: Any, **token: Any) -> httpx.Response:
    async with scenario.service.client(user_id, "admin", **token) as client:
        answer: httpx.Response = await client.post(
            f"/api/v1/transactions/{donation['id']}/refund/approve/", json={}, headers=keyed()
        )
    return answer


async def settle(scenario: Any) -> None:
    await scenario.service.tick("settle_refunds")


async def donate_for_another(scenario: Any, amount: str, **more: Any) -> dict[str, Any]:
    """An admin records it for an organisation, so that admins may refund it."""
    donation: dict[str, Any] = await scenario.donate(
        amount, on_behalf_of={"name": "Acme", "reference": "ACME-1"}, **more
    )
    return donation


async def test_two_people_give_back_what_is_left_of_a_donation(scenario):
    donation = await donate_for_another(scenario, "100.00")
    await scenario.service.deliver(scenario.award("60.00"))
    asked = await ask(scenario, donation)
    assert (asked.status_code, asked.json()["amount"], asked.json()["status"]) == (201, "40.00", "pending")
    await settle(scenario)
    assert "refund:sent" not in await scenario.blocks(), "nobody has approved it yet"
    assert (await approve(scenario, donation, scenario.other_admin)).status_code == 202
    await settle(scenario)
    assert (await scenario.blocks())[-2:] == ["refund:sent", "refund:completed"]
    [completed] = await scenario.service.announced(RefundCompleted)
    assert (str(completed.donation_id), completed.amount) == (donation["id"], "40.00")
    balances = await scenario.balances()
    assert balances[f"program:{scenario.program_id}:available"] == "0.00"
    assert balances["bank:clearing"] == "0.00"
    assert (await scenario.verifier.verify()).ok
    assert (await ask(scenario, donation)).json()["code"] == "insufficient_funds"
    again = await approve(scenario, donation, scenario.other_admin)
    assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "illegal_state", "completed")


async def test_neither_one_person_nor_the_donor_nor_a_stale_confirmation_moves_money(scenario):
    own = await scenario.donate("10.00")
    assert (await ask(scenario, own)).json()["code"] == "is_payee"
    donation = await donate_for_another(scenario, "100.00")
    assert (await ask(scenario, donation, role="member")).status_code == 403
    assert (await approve(scenario, donation, scenario.other_admin)).status_code == 404
    assert (await ask(scenario, donation)).status_code == 201
    assert (await ask(scenario, donation)).json()["code"] == "illegal_state"
    assert (await approve(scenario, donation, scenario.admin)).json()["code"] == "same_person"
    stale = await approve(scenario, donation, scenario.other_admin, auth_age_seconds=301)
    assert stale.json()["code"] == "step_up_required"
    await settle(scenario)
    assert "refund:sent" not in await scenario.blocks()
    assert (await approve(scenario, donation, scenario.other_admin)).status_code == 202
    assert (await approve(scenario, donation, new_id())).json()["code"] == "illegal_state"


async def test_what_was_promised_after_the_asking_is_not_given_back(scenario):
    donation = await donate_for_another(scenario, "100.00")
    await ask(scenario, donation)
    await scenario.service.deliver(scenario.award("1.00"))
    assert len(await scenario.service.announced(CommitmentReserved)) == 1
    await approve(scenario, donation, scenario.other_admin)
    await settle(scenario)
    [refund] = await scenario.fetch("SELECT status, code FROM transactions WHERE transaction_type = 'refund'")
    assert (refund["status"], refund["code"]) == ("failed", "insufficient_funds")
    assert (await ask(scenario, donation)).json()["amount"] == "99.00"


@pytest.mark.parametrize("rail", ["sandbox", "manual"])
async def test_a_refund_goes_back_the_way_the_donation_came(scenario, rail):
    donation = await donate_for_another(scenario, "100.00", rail=rail)
    if rail == "manual":
        async with scenario.service.client(scenario.other_admin, "admin") as second:
            await second.post(f"/api/v1/transactions/{donation['id']}/confirm/", json={}, headers=keyed())
        await scenario.service.tick("credit_donations")
    assert (await ask(scenario, donation)).status_code == 201
    await approve(scenario, donation, scenario.other_admin)
    await settle(scenario)
    assert (await scenario.blocks())[-1] == "refund:completed"
    assert len(await scenario.fetch("SELECT * FROM sandbox_transfers")) == (1 if rail == "sandbox" else 0)
