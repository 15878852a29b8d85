"""Bank transfers that people make: instructions, the bank's reference and a proof, and who may say what."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from services.ledger.tests.integration.test_disputes import resolve
from services.ledger.tests.scenario import Scenario

from chassis.ids import new_id
from chassis.testing.harness import running_service
from contracts.ledger import DisbursementCompleted, DisbursementFailed, DisbursementReversed
from ledger.bootstrap import SERVICE

PROOF = "a" * 64
PAID = {"outcome": "completed", "bank_reference": "FT26288/0001", "proof_sha256": PROOF}


@pytest.fixture
async def by_hand(urls: dict[str, str]) -> AsyncIterator[Scenario]:
    async with running_service(SERVICE, urls, payment_rail="manual") as service:
        made = Scenario(service, urls, new_id(), new_id(), new_id(), new_id())
        await made.create_program()
        yield made


async def confirm(scenario: Scenario, payment_id: UUID, body: Any, user_id: UUID, **token: Any) -> httpx.Response:
    async with scenario.service.client(user_id, token.pop("role", "admin"), **token) as client:
        answer: httpx.Response = await client.post(
            f"/api/v1/transactions/{payment_id}/confirm/", json=body, headers={"Idempotency-Key": str(new_id())}
        )
    await scenario.service.tick("settle_payments")
    return answer


async def approved(scenario: Scenario) -> tuple[Any, UUID]:
    """An award of 60 with one disbursement that somebody has to make at the bank."""
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    return award, await ask(scenario, award)


async def ask(scenario: Scenario, award: Any) -> UUID:
    await scenario.service.deliver(scenario.approval(award))
    await scenario.service.tick("settle_payments")
    rows = await scenario.fetch("SELECT id FROM transactions WHERE transaction_type = 'disbursement' ORDER BY id DESC")
    payment_id: UUID = rows[0]["id"]
    return payment_id


async def status(scenario: Scenario, payment_id: UUID) -> tuple[str, str | None]:
    [row] = await scenario.fetch("SELECT status, code FROM transactions WHERE id = $1", payment_id)
    return row["status"], row["code"]


async def test_a_third_person_proves_the_transfer_and_the_books_follow(by_hand):
    _, payment_id = await approved(by_hand)
    assert await status(by_hand, payment_id) == ("submitted", None)
    assert (await by_hand.blocks())[-1] == "disbursement:sent"
    answer = await confirm(by_hand, payment_id, PAID, new_id())
    assert answer.status_code == 202, answer.text
    assert await status(by_hand, payment_id) == ("completed", None)
    assert len(await by_hand.service.announced(DisbursementCompleted)) == 1
    [record] = await by_hand.fetch("SELECT * FROM manual_transfers")
    assert (record["bank_reference"], record["proof_sha256"]) == ("FT26288/0001", PROOF)
    assert await by_hand.fetch("SELECT * FROM sandbox_transfers") == []


async def test_nobody_who_asked_approved_or_is_paid_nor_a_stale_confirmation_proves_it(by_hand):
    _, payment_id = await approved(by_hand)
    for person in (by_hand.admin, by_hand.other_admin):
        assert (await confirm(by_hand, payment_id, PAID, person)).json()["code"] == "same_person"
    assert (await confirm(by_hand, payment_id, PAID, by_hand.applicant)).json()["code"] == "is_payee"
    stale = await confirm(by_hand, payment_id, PAID, new_id(), auth_age_seconds=301)
    assert stale.json()["code"] == "step_up_required"
    assert (await confirm(by_hand, payment_id, PAID, new_id(), role="executive")).status_code == 403
    assert await status(by_hand, payment_id) == ("submitted", None)
    assert await by_hand.fetch("SELECT * FROM manual_transfers") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "outcome"),
        ({"outcome": "completed", "proof_sha256": PROOF}, "bank_reference"),
        ({"outcome": "completed", "bank_reference": "FT1"}, "proof_sha256"),
        ({**PAID, "proof_sha256": "A" * 64}, "proof_sha256"),
        ({**PAID, "bank_reference": "<script>"}, "bank_reference"),
        ({**PAID, "bank_reference": "x" * 101}, "bank_reference"),
        ({**PAID, "outcome": "disputed"}, "outcome"),
        ({**PAID, "amount": "-1"}, "amount"),
        ({**PAID, "note": ""}, "note"),
        ({**PAID, "paid_by": "me"}, "paid_by"),
    ],
)
async def test_a_transfer_without_what_proves_it_is_refused_by_field(by_hand, body, field):
    _, payment_id = await approved(by_hand)
    answer = await confirm(by_hand, payment_id, body, new_id())
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert await by_hand.fetch("SELECT * FROM manual_transfers") == []


async def two_approved(scenario: Scenario) -> tuple[UUID, UUID]:
    """An award of twice 30, and both of its disbursements."""
    await scenario.donate("100.00")
    award = scenario.award("30.00", "30.00")
    await scenario.service.deliver(award)
    await scenario.set_account()
    first = await ask(scenario, award)
    await scenario.service.deliver(scenario.approval(award, 1))
    await scenario.service.tick("settle_payments")
    [other] = await scenario.fetch(
        "SELECT id FROM transactions WHERE transaction_type = 'disbursement' AND id <> $1", first
    )
    return first, other["id"]


async def test_one_bank_reference_proves_one_transfer_however_it_is_written(by_hand):
    first, other = await two_approved(by_hand)
    assert (await confirm(by_hand, first, PAID, new_id())).status_code == 202
    for written in ("FT26288/0001", "ft26288/0001", "FT26288/0001 ", " FT 26288/0001"):
        reused = await confirm(by_hand, other, PAID | {"bank_reference": written}, new_id())
        assert (reused.status_code, reused.json()["code"]) == (409, "bank_reference_used"), written
    again = await confirm(by_hand, first, PAID | {"bank_reference": "FT2"}, new_id())
    assert (again.status_code, again.json()["code"]) == (409, "illegal_state")


async def test_of_two_people_who_prove_two_transfers_by_one_reference_at_once_one_is_told(by_hand):
    answers = await asyncio.gather(*(confirm(by_hand, each, PAID, new_id()) for each in await two_approved(by_hand)))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert [answer.json()["code"] for answer in answers if answer.status_code == 409] == ["bank_reference_used"]
    [record] = await by_hand.fetch("SELECT outcome FROM manual_transfers")
    assert record["outcome"] == "paid"


async def test_a_transfer_that_failed_can_be_asked_for_again_and_one_that_came_back_is_a_reversal(by_hand):
    award, payment_id = await approved(by_hand)
    failed = {"outcome": "failed", "bank_reference": "RJ-1", "note": "Account closed, says the bank."}
    assert (await confirm(by_hand, payment_id, failed, new_id())).status_code == 202
    assert await status(by_hand, payment_id) == ("failed", "transfer_failed")
    assert len(await by_hand.service.announced(DisbursementFailed)) == 1
    second = await ask(by_hand, award)
    early = await confirm(by_hand, second, PAID | {"outcome": "reversed"}, new_id())
    assert (early.status_code, early.json()["code"]) == (409, "illegal_state")
    assert (await confirm(by_hand, second, PAID, new_id())).status_code == 202
    assert (await confirm(by_hand, second, PAID | {"outcome": "reversed"}, new_id())).status_code == 202
    assert await status(by_hand, second) == ("reversed", "returned_by_bank")
    assert len(await by_hand.service.announced(DisbursementReversed)) == 1
    assert (await by_hand.verifier.verify()).ok


async def test_another_amount_than_asked_for_is_a_dispute(by_hand):
    _, payment_id = await approved(by_hand)
    assert (await confirm(by_hand, payment_id, PAID | {"amount": "59.50"}, new_id())).status_code == 202
    assert await status(by_hand, payment_id) == ("disputed", "amount_differs")
    assert (await by_hand.blocks())[-1] == "disbursement:sent"


async def test_a_failed_transfer_that_was_made_after_all_is_a_dispute(by_hand):
    _, payment_id = await approved(by_hand)
    failed = {"outcome": "failed", "bank_reference": "RJ-1", "note": "Not on the statement."}
    await confirm(by_hand, payment_id, failed, new_id())
    await confirm(by_hand, payment_id, PAID, new_id())
    assert await status(by_hand, payment_id) == ("disputed", "paid_after_failure")


async def test_a_transfer_that_was_made_after_all_can_come_back(by_hand):
    award, payment_id = await approved(by_hand)
    failed = {"outcome": "failed", "bank_reference": "RJ-1", "note": "Not on the statement."}
    await confirm(by_hand, payment_id, failed, new_id())
    await confirm(by_hand, payment_id, PAID, new_id())
    await resolve(by_hand, payment_id, "completed")
    assert await status(by_hand, payment_id) == ("failed", "corrected")
    # As on every rail, it is said of the transfer that was made, and booked of the transaction in its place.
    returned = PAID | {"outcome": "reversed"}
    for impossible in (failed, PAID):
        assert (await confirm(by_hand, payment_id, impossible, new_id())).json()["code"] == "illegal_state"
    answer = await confirm(by_hand, payment_id, returned, new_id())
    assert answer.status_code == 202, answer.text
    payments = await by_hand.fetch(
        "SELECT status, code FROM transactions WHERE transaction_type = 'disbursement' ORDER BY id"
    )
    assert [tuple(row) for row in payments] == [("failed", "corrected"), ("reversed", "returned_by_bank")]
    assert len(await by_hand.service.announced(DisbursementReversed)) == 1
    assert (await confirm(by_hand, payment_id, returned, new_id())).json()["code"] == "illegal_state"
    # The tranche is paid again.
    again = await ask(by_hand, award)
    assert (await confirm(by_hand, again, PAID | {"bank_reference": "FT-2"}, new_id())).status_code == 202
    assert await status(by_hand, again) == ("completed", None)
    await by_hand.check_books()


async def test_the_account_is_shown_in_full_only_to_an_admin_who_has_just_confirmed(by_hand):
    _, payment_id = await approved(by_hand)
    path = f"/api/v1/transactions/{payment_id}/instructions/"
    async with by_hand.service.client(new_id(), "admin") as client:
        answer = await client.get(path)
    shown = answer.json()
    assert answer.headers["cache-control"] == "no-store", "not on the disk of whoever typed it into the bank's form"
    assert (shown["account_number"], shown["bank_code"], shown["amount"]) == ("0000000001", "058", "60.00")
    assert shown["reference"] == f"impact-{payment_id.hex}"
    async with by_hand.service.client(new_id(), "admin", auth_age_seconds=301) as client:
        assert (await client.get(path)).json()["code"] == "step_up_required"
    async with by_hand.service.client(by_hand.applicant) as client:
        assert (await client.get(path)).status_code == 403


async def test_a_payment_that_a_rail_makes_is_not_confirmed_by_people(scenario):
    await scenario.donate("100.00")
    award = scenario.award("60.00")
    await scenario.service.deliver(award)
    await scenario.set_account("0000000002")
    payment_id = await ask(scenario, award)
    answer = await confirm(scenario, payment_id, PAID, new_id())
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_state")
    async with scenario.service.client(new_id(), "admin") as client:
        hidden = await client.get(f"/api/v1/transactions/{payment_id}/instructions/")
    assert (hidden.status_code, "account_number" in hidden.text) == (404, False)


async def test_a_donation_is_confirmed_with_an_empty_body_only(by_hand):
    donation = await by_hand.donate("10.00", rail="manual")
    refused = await confirm(by_hand, UUID(donation["id"]), PAID, by_hand.other_admin)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not_for_donations")
    assert (await confirm(by_hand, UUID(donation["id"]), {}, by_hand.admin)).json()["code"] == "same_person"
    assert (await confirm(by_hand, UUID(donation["id"]), {}, by_hand.other_admin)).status_code == 202
    await by_hand.service.tick("credit_donations")
    assert (await status(by_hand, UUID(donation["id"])))[0] == "completed"
    [award] = [by_hand.award("5.00")]
    await by_hand.service.deliver(award)
    [commitment] = await by_hand.fetch("SELECT id FROM transactions WHERE transaction_type = 'commitment'")
    assert (await confirm(by_hand, commitment["id"], {}, by_hand.other_admin)).status_code == 409
