"""Donations that their donors' banks take back: nothing new is promised of them, and what was is named."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from services.ledger.tests.integration.test_database_guards import attempt
from services.ledger.tests.integration.test_reconciliation import classes, report, send
from services.ledger.tests.paystack_scenario import Paying, paying_by_paystack

from chassis.ids import new_id
from contracts.ledger import CommitmentRefused, CommitmentReserved, RefundCompleted
from ledger.domain.bank_accounts import bank_day


@pytest.fixture
async def paying(urls: dict[str, str]) -> AsyncIterator[Paying]:
    async with paying_by_paystack(urls) as made:
        yield made
        await made.scenario.check_books()
        assert (await made.scenario.verifier.verify(lots=True)).ok


async def post(paying: Paying, path: str, body: Any, user_id: UUID) -> httpx.Response:
    async with paying.scenario.service.client(user_id, "admin") as client:
        answer: httpx.Response = await client.post(
            f"/api/v1/transactions/{path}", json=body, headers={"Idempotency-Key": str(new_id())}
        )
    return answer


async def given(paying: Paying, amount: str, reference: str = "ACME-1", **more: Any) -> dict[str, Any]:
    """A donation that an organisation has paid at the checkout, so that admins may resolve its disputes."""
    on_behalf_of = {"name": "Acme", "reference": reference}
    body = {"program_id": str(paying.scenario.program_id), "amount": amount, "on_behalf_of": on_behalf_of, **more}
    donation: dict[str, Any] = (await post(paying, "donations/", body, paying.scenario.admin)).json()
    charge = paying.paystack.pay(donation["payment"]["reference"], round(float(amount) * 100))
    await paying.webhook(*paying.paystack.signed("charge.success", charge))
    return donation


async def say(paying: Paying, donation: dict[str, Any], status: str) -> dict[str, Any]:
    """What Paystack says of the charge from now on; the donation as it is then."""
    charge = paying.paystack.charges[donation["payment"]["reference"]]
    charge["status"] = status
    about = {"transaction": charge | {"delivery": str(new_id())}}
    await paying.webhook(*paying.paystack.signed("charge.dispute.resolve", about))
    return await paying.read(donation["id"])


async def refusals(paying: Paying) -> list[str]:
    return [fact.code for fact in await paying.scenario.service.announced(CommitmentRefused)]


async def dispute_of(paying: Paying, donation: dict[str, Any]) -> dict[str, Any]:
    async with paying.scenario.service.client(paying.scenario.admin, "admin") as client:
        items = (await client.get("/api/v1/payments/open/")).json()["items"]
    [dispute] = [item["dispute"] for item in items if item["transaction_id"] == donation["id"]]
    shown: dict[str, Any] = dispute
    return shown


async def test_what_a_bank_took_back_is_promised_to_nobody(paying):
    donation = await given(paying, "100.00")
    assert (await say(paying, donation, "reversed"))["status"] == "disputed"
    await paying.scenario.service.deliver(paying.scenario.award("60.00"))
    assert await refusals(paying) == ["donation_disputed"]
    assert (await paying.scenario.blocks())[-1] == "donation"
    await paying.scenario.service.deliver(paying.scenario.award("100.01"))
    assert (await refusals(paying))[1:] == ["insufficient_funds"]


async def test_only_awards_whose_turn_it_would_pay_wait_for_the_dispute(paying):
    """First in, first out holds for strangers, who see no disputes: none is passed over, and those before it pay."""
    await given(paying, "50.00")
    donation = await given(paying, "100.00", "ACME-2")
    earmarked = new_id()
    await given(paying, "10.00", "ACME-3", earmark=str(earmarked))
    await say(paying, donation, "reversed")
    awards = [paying.scenario.award("50.00"), paying.scenario.award("10.00", application_id=earmarked)]
    for award in awards:
        await paying.scenario.service.deliver(award)
    await paying.scenario.service.deliver(paying.scenario.award("0.01"))
    reserved = await paying.scenario.service.announced(CommitmentReserved)
    assert [fact.award_id for fact in reserved] == [award.award_id for award in awards]
    assert await refusals(paying) == ["donation_disputed"]


async def test_an_earmarked_donation_that_was_taken_back_is_promised_to_nobody_either(paying):
    application = new_id()
    donation = await given(paying, "100.00", earmark=str(application))
    await say(paying, donation, "reversed")
    await paying.scenario.service.deliver(paying.scenario.award("60.00", application_id=application))
    assert await refusals(paying) == ["donation_disputed"]


async def test_what_was_promised_and_paid_before_is_named_and_goes_on(paying):
    donation = await given(paying, "100.00")
    award = paying.scenario.award("40.00", "20.00")
    await paying.scenario.service.deliver(award)
    await paying.scenario.set_account()
    await say(paying, donation, "reversed")
    named = await dispute_of(paying, donation)
    assert (named["code"], named["committed"], named["paid"]) == ("returned_by_bank", "60.00", "0.00")
    await paying.scenario.service.deliver(paying.scenario.approval(award))
    await paying.step()
    named = await dispute_of(paying, donation)
    assert (named["committed"], named["paid"]) == ("20.00", "40.00")


async def test_a_dispute_of_what_is_no_donation_names_nothing_of_the_kind(paying):
    await paying.approved()
    paying.paystack.new_transfer_status = "failed"
    await paying.ask_again()
    paying.paystack.settle((await paying.payment())["reference"], "success")
    await paying.ask_again()
    named = await dispute_of(paying, {"id": str((await paying.payment())["id"])})
    assert (named["code"], named["committed"], named["paid"]) == ("paid_after_failure", None, None)


@pytest.mark.parametrize("role", ["worker", "admin"])
async def test_the_database_sets_nothing_aside_out_of_a_disputed_donation(paying, role):
    await given(paying, "60.00")
    await paying.scenario.service.deliver(paying.scenario.award("60.00"))
    donation = await given(paying, "100.00", "ACME-2")
    sound = await given(paying, "10.00", "ACME-3")
    await say(paying, donation, "reversed")
    replica = "SET session_replication_role = replica" if role == "admin" else "SELECT 1"
    aside = "INSERT INTO award_lots (award_id, donation_id, amount) SELECT award_id, $1::uuid, 1 FROM awards"
    await attempt(paying.scenario, replica, (aside, sound["id"]), role=role)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="is disputed, and nothing is set aside"):
        await attempt(paying.scenario, replica, (aside, donation["id"]), role=role)


async def propose(paying: Paying, donation: dict[str, Any], outcome: str) -> httpx.Response:
    proposal = {"outcome": outcome, "reason": "The bank's statement of the day shows it."}
    return await post(paying, f"{donation['id']}/resolve/", proposal, paying.scenario.admin)


async def agree(paying: Paying, donation: dict[str, Any], outcome: str) -> dict[str, Any]:
    """The second person, and the worker; the donation as it is then."""
    agreed = await post(paying, f"{donation['id']}/resolve/approve/", {"outcome": outcome}, paying.scenario.other_admin)
    assert agreed.status_code == 202, agreed.text
    await paying.scenario.service.tick("close_disputes")
    return await paying.read(donation["id"])


async def resolve(paying: Paying, donation: dict[str, Any], outcome: str) -> dict[str, Any]:
    proposed = await propose(paying, donation, outcome)
    assert proposed.status_code == 202, proposed.text
    return await agree(paying, donation, outcome)


async def refunds(paying: Paying) -> list[tuple[str, str | None, str]]:
    rows = await paying.scenario.fetch(
        "SELECT status, code, amount FROM transactions WHERE transaction_type = 'refund' ORDER BY id"
    )
    return [(row["status"], row["code"], str(row["amount"])) for row in rows]


async def available(paying: Paying) -> str:
    balances = await paying.scenario.balances()
    assert balances["bank:clearing"] == "0.00"
    amount: str = balances[f"program:{paying.scenario.program_id}:available"]
    return amount


async def test_what_a_bank_took_back_for_good_leaves_the_books(paying):
    donation = await given(paying, "100.00")
    sound = await given(paying, "50.00", "ACME-2")
    await say(paying, donation, "reversed")
    ended = await resolve(paying, donation, "reversed")
    assert (ended["status"], ended["code"]) == ("reversed", "returned_by_bank")
    assert (await paying.scenario.blocks())[-2:] == ["refund:sent", "refund:completed"]
    assert await refunds(paying) == [("completed", "returned_by_bank", "100.00")]
    assert await available(paying) == "50.00"
    [announced] = await paying.scenario.service.announced(RefundCompleted)
    assert (str(announced.donation_id), announced.amount) == (donation["id"], "100.00")
    # The money behind it pays now, whose turn it was not before.
    award = paying.scenario.award("50.00")
    await paying.scenario.service.deliver(award)
    rows = await paying.scenario.fetch("SELECT donation_id FROM award_lots WHERE award_id = $1", award.award_id)
    assert [str(row["donation_id"]) for row in rows] == [sound["id"]]


async def test_what_left_the_books_is_neither_disputed_nor_refunded_again(paying):
    donation = await given(paying, "100.00")
    await say(paying, donation, "reversed")
    await resolve(paying, donation, "reversed")
    assert (await say(paying, donation, "reversed"))["status"] == "reversed"
    refused = await post(paying, f"{donation['id']}/refund/", {"reason": "Twice."}, paying.scenario.admin)
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, "illegal_state", "reversed")
    # It comes after all: people look, and record what came as a donation of its own.
    again = await say(paying, donation, "success")
    assert (again["status"], again["code"]) == ("disputed", "paid_after_reversal")
    assert (await propose(paying, donation, "completed")).status_code == 409
    assert (await resolve(paying, donation, "reversed"))["status"] == "reversed"
    assert (await paying.scenario.blocks())[-1] == "refund:completed"
    assert await available(paying) == "0.00"


async def test_a_donation_that_is_there_after_all_pays_again(paying):
    donation = await given(paying, "100.00")
    await say(paying, donation, "reversed")
    assert (await resolve(paying, donation, "completed"))["status"] == "completed"
    await paying.scenario.service.deliver(paying.scenario.award("100.00"))
    assert len(await paying.scenario.service.announced(CommitmentReserved)) == 1


async def test_a_donation_of_which_awards_have_something_does_not_leave_until_they_have_not(paying):
    donation = await given(paying, "100.00")
    award = paying.scenario.award("60.00")
    await paying.scenario.service.deliver(award)
    await say(paying, donation, "reversed")
    refused = await propose(paying, donation, "reversed")
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_state")
    assert refused.json()["detail"].startswith("Awards have 60.00 of it.")
    await paying.scenario.service.deliver(paying.scenario.cancellation(award))
    assert (await resolve(paying, donation, "reversed"))["status"] == "reversed"
    assert await refunds(paying) == [("completed", "returned_by_bank", "100.00")]


async def test_a_refund_that_was_asked_for_ends_with_its_donation(paying):
    donation = await given(paying, "100.00")
    asked = await post(paying, f"{donation['id']}/refund/", {"reason": "Twice."}, paying.scenario.admin)
    assert asked.status_code == 201
    await say(paying, donation, "reversed")
    await resolve(paying, donation, "reversed")
    assert await refunds(paying) == [
        ("failed", "returned_by_bank", "100.00"),
        ("completed", "returned_by_bank", "100.00"),
    ]


@pytest.mark.parametrize(("ending", "left"), [("processed", "60.00"), ("failed", "100.00")])
async def test_a_refund_under_way_is_waited_for_and_what_it_gave_back_is_not_taken_out_twice(paying, ending, left):
    donation = await given(paying, "100.00")
    award = paying.scenario.award("60.00")
    await paying.scenario.service.deliver(award)
    await post(paying, f"{donation['id']}/refund/", {"reason": "Twice."}, paying.scenario.admin)
    approved = await post(paying, f"{donation['id']}/refund/approve/", {}, paying.scenario.other_admin)
    assert approved.status_code == 202
    await paying.scenario.service.tick("settle_refunds")
    await paying.scenario.service.deliver(paying.scenario.cancellation(award))
    await say(paying, donation, "reversed")
    refused = await propose(paying, donation, "reversed")
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("A refund of it is submitted")
    paying.paystack.refunds[0]["status"] = ending
    await paying.scenario.fetch("UPDATE payments SET due_at = now() WHERE due_at IS NOT NULL")
    await paying.scenario.service.tick("settle_refunds")
    assert (await resolve(paying, donation, "reversed"))["status"] == "reversed"
    assert (await refunds(paying))[-1] == ("completed", "returned_by_bank", left)
    assert await available(paying) == "0.00"


async def test_an_award_that_is_cancelled_between_the_two_people_makes_no_difference_and_one_made_cannot_be(paying):
    """What was proposed is looked at again when it is booked: a commitment in between is refused, so it can be."""
    donation = await given(paying, "100.00")
    await say(paying, donation, "reversed")
    assert (await propose(paying, donation, "reversed")).status_code == 202
    await paying.scenario.service.deliver(paying.scenario.award("60.00"))
    assert await refusals(paying) == ["donation_disputed"]
    assert (await agree(paying, donation, "reversed"))["status"] == "reversed"


async def test_a_donation_said_to_be_reversed_by_nobody_is_found(paying):
    """The state alone, with plain SQL: verification wants the two people behind it."""
    donation = await given(paying, "100.00")
    reverse = "UPDATE transactions SET status = $1 WHERE id = $2"
    await paying.scenario.fetch("ALTER TABLE transactions DISABLE TRIGGER USER")
    await paying.scenario.fetch(reverse, "reversed", donation["id"])
    assert not (await paying.scenario.verifier.verify()).ok
    await paying.scenario.fetch(reverse, "completed", donation["id"])


async def test_the_banks_two_lines_are_matched_by_what_came_and_what_was_taken_back(paying):
    donation = await given(paying, "100.00")
    await say(paying, donation, "reversed")
    await resolve(paying, donation, "reversed")
    [block] = await paying.scenario.fetch("SELECT timestamp FROM blocks WHERE transaction_id = $1", donation["id"])
    day, reference = bank_day(block["timestamp"]), donation["payment"]["reference"]
    await send(paying.scenario, (day, "100.00", reference, "Gift"), (day, "-100.00", reference, "Taken back"))
    assert classes((await report(paying.scenario, day))["accounts"][0]) == {"matched": 2}
