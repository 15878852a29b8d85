"""Applicants who were erased while the board, or the ledger, was still at it."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import text

from chassis.ids import new_id
from contracts.applications import ApplicationApproved, AwardCancelled, AwardProposed
from contracts.identity import UserErased, UserRegistered
from contracts.ledger import CommitmentReserved

if TYPE_CHECKING:
    from services.applications.tests.integration.conftest import Awarded, TestProgram, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXECUTIVE = "/api/v1/executive/"


async def _scored(world: "World") -> "tuple[TestProgram, UUID, UUID]":
    """A programme, an application to it and whose it is."""
    user_id = new_id()
    await world.service.deliver(UserRegistered(user_id=user_id, role="member"))
    program = await world.program()
    application_id, _ = await world.submitted(program, user_id)
    await world.scored(program, application_id, 1, 2)
    return program, application_id, user_id


async def test_the_appeal_of_an_erased_person_is_not_upheld(world: "World") -> None:
    program, application_id, user_id = await _scored(world)
    chair, other = await world.executive(program, 0), await world.executive(program, 1)
    await chair.post(f"{EXECUTIVE}applications/{application_id}/reject/", json={"reason": "No."})
    owner = await world.client(user_id)
    appeal = await owner.post(f"/api/v1/applications/{application_id}/appeal/", json={"reason": "You misread."})
    await world.service.deliver(UserErased(user_id=user_id))

    # Nobody could score or decide it, and nobody is left to withdraw it.
    path = f"{EXECUTIVE}appeals/{appeal.json()['id']}/decide/"
    upheld = await other.post(path, json={"outcome": "upheld", "reason": "They are right."})
    assert (upheld.status_code, upheld.json()["code"], upheld.json()["state"]) == (409, "illegal_state", "rejected")
    seen = await world.now_reads(other, f"{EXECUTIVE}applications/{application_id}/")
    assert (seen["status"], seen["appeals"][0]["state"]) == ("rejected", "open")
    dismissed = await other.post(path, json={"outcome": "dismissed", "reason": "Nobody is there."})
    assert (dismissed.status_code, dismissed.json()["state"]) == (200, "dismissed")


async def test_money_that_is_reserved_for_an_erased_person_goes_back(
    world: "World", award_body: dict[str, Any]
) -> None:
    program, application_id, user_id = await _scored(world)
    chair = await world.executive(program, 0)
    answer = await chair.post(f"{EXECUTIVE}applications/{application_id}/approve/", json=award_body)
    assert answer.status_code == 202
    await world.service.deliver(UserErased(user_id=user_id))

    [proposed] = [f for f in await world.service.announced(AwardProposed) if f.application_id == application_id]
    # The ledger has heard of the erasure first: to it the award is nobody's.
    about = proposed.model_dump(include={"award_id", "application_id", "program_id", "amount", "currency"})
    await world.service.deliver(CommitmentReserved(**about, user_id=UUID(int=0), transaction_id=new_id()))

    seen = await world.now_reads(chair, f"{EXECUTIVE}applications/{application_id}/")
    assert (seen["status"], seen["award"]["state"], seen["decision"]["state"]) == ("withdrawn", "cancelled", "lapsed")
    [cancelled] = [f for f in await world.service.announced(AwardCancelled) if f.application_id == application_id]
    assert cancelled.amount == award_body["amount"]
    assert not [f for f in await world.service.announced(ApplicationApproved) if f.application_id == application_id]


async def test_what_was_said_about_the_money_of_an_erased_person_is_forgotten(awarded: "Awarded") -> None:
    world = awarded.world
    decided, waiting = [(await awarded.ask(number)).json()["id"] for number in (0, 1)]
    assert (await awarded.decide(decided)).json()["reason"] == "As planned."
    await world.service.deliver(UserErased(user_id=awarded.fact.user_id))

    # What is said of them afterwards is not kept either.
    assert (await awarded.decide(waiting, "reject")).json()["status"] == "refused"
    admin = await world.client(awarded.asker_id, "admin")
    for request_id, status in ((decided, "approved"), (waiting, "refused")):
        seen = await world.now_reads(admin, f"{EXECUTIVE}disbursements/{request_id}/")
        assert (seen["status"], seen["reason"]) == (status, None)
    assert [each["condition"] for each in (await awarded.award())["tranches"]] == ["", ""]
    async with world.service.worker.database.reading() as connection:
        kept = text("SELECT count(*) FROM disbursement_requests WHERE payee_id = :id AND reason IS NOT NULL")
        assert await connection.scalar(kept, {"id": awarded.fact.user_id}) == 0
