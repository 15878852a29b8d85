"""Money out: two people and neither is paid, one live request a tranche, what became of each payment."""

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chassis.ids import new_id
from contracts.applications import (
    AwardCancelled,
    DisbursementApproved,
    DisbursementRefused,
    DisbursementRequested,
)
from contracts.ledger import DisbursementCompleted, DisbursementFailed, DisbursementReversed

if TYPE_CHECKING:
    from services.applications.tests.integration.conftest import Awarded

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXECUTIVE = "/api/v1/executive/"


async def test_one_admin_asks_and_another_approves(awarded: "Awarded") -> None:
    asked = await awarded.ask()
    assert asked.status_code == 201
    body = asked.json()
    assert (body["status"], body["amount"], body["currency"]) == ("requested", "200000.00", "NGN")
    assert (body["requested_by"], body["tranche_id"]) == (str(awarded.asker_id), str(awarded.tranches[0]))

    approved = await awarded.decide(body["id"])
    assert (approved.status_code, approved.json()["status"]) == (202, "approved")
    assert [each["state"] for each in (await awarded.award())["tranches"]] == ["approved", "planned"]
    request_id = UUID(body["id"])
    [requested] = [
        f for f in await awarded.world.service.announced(DisbursementRequested) if f.request_id == request_id
    ]
    [fact] = [f for f in await awarded.world.service.announced(DisbursementApproved) if f.request_id == request_id]
    assert (requested.requested_by, fact.approved_by) == (awarded.asker_id, awarded.approver_id)
    again = await awarded.decide(body["id"])
    assert (again.status_code, again.json()["state"]) == (409, "approved")


async def test_nobody_approves_what_they_asked_for_and_nobody_pays_themselves(awarded: "Awarded") -> None:
    request_id = (await awarded.ask()).json()["id"]
    payee = awarded.fact.user_id

    for action in ("approve", "reject"):
        same = await awarded.decide(request_id, action, awarded.asker_id)
        assert (same.status_code, same.json()["code"]) == (403, "same_person")
        own = await awarded.decide(request_id, action, payee)
        assert (own.status_code, own.json()["code"]) == (403, "is_payee")
    asked = await awarded.ask(1, payee)
    assert (asked.status_code, asked.json()["code"]) == (403, "is_payee")
    assert not [
        f for f in await awarded.world.service.announced(DisbursementApproved) if str(f.request_id) == request_id
    ]


async def test_approving_needs_a_fresh_step_up(awarded: "Awarded") -> None:
    request_id = (await awarded.ask()).json()["id"]
    stale = await awarded.decide(request_id, auth_age_seconds=301)
    assert (stale.status_code, stale.json()["code"]) == (403, "step_up_required")
    assert "max_age=300" in stale.headers["www-authenticate"]
    assert (await awarded.decide(request_id)).status_code == 202


async def test_money_moves_only_with_an_idempotency_key_and_a_repeat_moves_nothing(awarded: "Awarded") -> None:
    client = await awarded.world.client(awarded.asker_id, "admin")
    path, body = f"{awarded.path}disbursements/", {"tranche_id": str(awarded.tranches[0])}
    assert (await client.post(path, json=body)).json()["code"] == "idempotency_key_required"
    key = {"Idempotency-Key": str(new_id())}
    first, second = await client.post(path, json=body, headers=key), await client.post(path, json=body, headers=key)
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    other = await client.post(path, json={"tranche_id": str(awarded.tranches[1])}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_a_tranche_is_asked_for_once_at_a_time_even_at_the_same_time(awarded: "Awarded") -> None:
    answers = await asyncio.gather(awarded.ask(), awarded.ask())
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    async with awarded.world.service.worker.database.reading() as connection:
        copy = text(
            "INSERT INTO disbursement_requests (id, tranche_id, award_id, application_id, payee_id, amount, currency, "
            "status, requested_by, requested_at) SELECT :id, tranche_id, award_id, application_id, payee_id, amount, "
            "currency, 'requested', requested_by, requested_at FROM disbursement_requests WHERE tranche_id = :tranche"
        )
        with pytest.raises(IntegrityError, match="uq_disbursement_requests_live"):
            await connection.execute(copy, {"id": new_id(), "tranche": awarded.tranches[0]})


async def test_the_database_itself_refuses_one_person_in_both_roles(awarded: "Awarded") -> None:
    request_id = (await awarded.ask()).json()["id"]
    for column, constraint in (("requested_by", "two_people"), ("payee_id", "approver_is_not_payee")):
        async with awarded.world.service.worker.database.reading() as connection:
            statement = text(
                f"UPDATE disbursement_requests SET status = 'approved', decided_by = {column} WHERE id = :id"
            )
            with pytest.raises(IntegrityError, match=constraint):
                await connection.execute(statement, {"id": UUID(request_id)})


async def test_a_refused_request_frees_its_tranche(awarded: "Awarded") -> None:
    request_id = (await awarded.ask()).json()["id"]
    refused = await awarded.decide(request_id, "reject")
    assert (refused.status_code, refused.json()["status"]) == (200, "refused")
    assert [each["state"] for each in (await awarded.award())["tranches"]] == ["planned", "planned"]
    [fact] = [f for f in await awarded.world.service.announced(DisbursementRefused) if str(f.request_id) == request_id]
    assert fact.refused_by == awarded.approver_id
    assert (await awarded.ask()).status_code == 201


async def test_an_award_is_completed_when_every_tranche_is_paid(awarded: "Awarded") -> None:
    await awarded.paid(0)
    award = await awarded.award()
    assert (award["state"], [each["state"] for each in award["tranches"]]) == ("committed", ["paid", "planned"])
    await awarded.paid(1)
    award = await awarded.award()
    assert (award["state"], [each["state"] for each in award["tranches"]]) == ("completed", ["paid", "paid"])
    again = await awarded.ask(0)
    assert (again.status_code, again.json()["state"]) == (409, "paid")


async def test_a_payment_that_failed_or_came_back_can_be_asked_for_again(awarded: "Awarded") -> None:
    failed = (await awarded.ask()).json()["id"]
    await awarded.decide(failed)
    said = {**awarded.said(failed), "transaction_id": None}
    await awarded.world.service.deliver(DisbursementFailed(**said, code="payee_account_missing"))
    admin = await awarded.world.client(awarded.asker_id, "admin")
    seen = await awarded.world.now_reads(admin, f"{EXECUTIVE}disbursements/{failed}/")
    assert (seen["status"], seen["failure_code"], seen["transaction_id"]) == ("failed", "payee_account_missing", None)

    second = (await awarded.ask()).json()["id"]
    await awarded.decide(second)
    completed = awarded.said(second)
    await awarded.world.service.deliver(DisbursementCompleted(**completed))
    await awarded.world.service.deliver(DisbursementReversed(**completed, code="account_closed"))
    seen = await awarded.world.now_reads(admin, f"{EXECUTIVE}disbursements/{second}/")
    assert (seen["status"], seen["transaction_id"]) == ("reversed", str(completed["transaction_id"]))
    assert (await awarded.award())["tranches"][0]["state"] == "reversed"
    assert (await awarded.ask()).status_code == 201
    listed = await awarded.world.now_reads(
        admin, f"{EXECUTIVE}disbursements/?application_id={awarded.fact.application_id}"
    )
    assert [item["status"] for item in listed["items"]] == ["requested", "reversed", "failed"]


async def test_cancelling_gives_back_what_is_unpaid(awarded: "Awarded") -> None:
    await awarded.paid(0)
    waiting = (await awarded.ask(1)).json()["id"]
    admin = await awarded.world.client(awarded.asker_id, "admin")
    path = f"{EXECUTIVE}awards/{awarded.fact.award_id}/cancel/"

    cancelled = await admin.post(path, json={"reason": "The project ended."})
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert [each["state"] for each in cancelled.json()["tranches"]] == ["paid", "cancelled"]
    [fact] = [f for f in await awarded.world.service.announced(AwardCancelled) if f.award_id == awarded.fact.award_id]
    assert fact.amount == "100000.00"
    seen = await awarded.world.now_reads(admin, f"{EXECUTIVE}disbursements/{waiting}/")
    assert seen["status"] == "refused"
    again = await admin.post(path, json={"reason": "Twice."})
    assert (again.status_code, again.json()["state"]) == (409, "cancelled")


async def test_an_award_is_not_cancelled_under_a_payment(awarded: "Awarded") -> None:
    request_id = (await awarded.ask()).json()["id"]
    await awarded.decide(request_id)
    admin = await awarded.world.client(awarded.asker_id, "admin")
    answer = await admin.post(f"{EXECUTIVE}awards/{awarded.fact.award_id}/cancel/", json={"reason": "Stop."})
    assert (answer.status_code, answer.json()["state"]) == (409, "approved")


async def test_only_admins_ask_for_money_and_strangers_find_nothing(awarded: "Awarded") -> None:
    world = awarded.world
    request_id = (await awarded.ask()).json()["id"]
    key = {"Idempotency-Key": str(new_id())}
    body = {"tranche_id": str(awarded.tranches[1])}
    seated = await world.executive(awarded.program, 1)
    assert (await seated.post(f"{awarded.path}disbursements/", json=body, headers=key)).status_code == 403
    owner = await world.client(awarded.fact.user_id)
    outsider = await world.executive(await world.program(), 0)
    for stranger in (owner, outsider, await world.client(new_id())):
        asked = [
            await stranger.post(f"{awarded.path}disbursements/", json=body, headers=key),
            await stranger.get(f"{awarded.path}disbursements/"),
            await stranger.get(f"{EXECUTIVE}disbursements/{request_id}/"),
            await stranger.post(f"{EXECUTIVE}disbursements/{request_id}/approve/", json={"reason": "x"}, headers=key),
            await stranger.post(f"{EXECUTIVE}disbursements/{request_id}/reject/", json={"reason": "x"}),
            await stranger.post(f"{EXECUTIVE}awards/{awarded.fact.award_id}/cancel/", json={"reason": "x"}),
        ]
        assert [answer.status_code for answer in asked] == [404] * len(asked)
    unknown = await awarded.world.client(awarded.asker_id, "admin")
    missing = await unknown.post(f"{awarded.path}disbursements/", json={"tranche_id": str(new_id())}, headers=key)
    assert missing.status_code == 404
