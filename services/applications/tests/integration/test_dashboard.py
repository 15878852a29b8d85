"""The dashboard's figures, and what the applicant is told to wait for, as the ledger's answers come in."""

from typing import TYPE_CHECKING, Any

import pytest

from chassis.ids import new_id
from contracts.applications import AwardProposed
from contracts.ledger import CommitmentRefused, CommitmentReserved

if TYPE_CHECKING:
    from services.applications.tests.integration.conftest import Awarded, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXECUTIVE = "/api/v1/executive/"


async def test_a_decision_counts_once_the_money_is_reserved(world: "World", award_body: dict[str, Any]) -> None:
    program = await world.program()
    application_id, _ = await world.submitted(program)
    await world.scored(program, application_id, 1, 2)
    chair = await world.executive(program, 0)

    async def decisions_today() -> int:
        figures = await world.now_reads(chair, f"{EXECUTIVE}dashboard/")
        return int(figures["decisions_today"])

    async def approved() -> dict[str, Any]:
        answer = await chair.post(f"{EXECUTIVE}applications/{application_id}/approve/", json=award_body)
        assert answer.status_code == 202
        proposals = [f for f in await world.service.announced(AwardProposed) if f.application_id == application_id]
        return proposals[-1].model_dump(include={"award_id", "application_id", "program_id", "user_id"})

    # What is sent back for want of money has not happened: nothing tells the board's sockets of it either.
    about = await approved()
    assert await decisions_today() == 0
    await world.service.deliver(CommitmentRefused(**about, code="donation_disputed"))
    assert await decisions_today() == 0
    about = await approved()
    money = {"transaction_id": new_id(), "amount": award_body["amount"], "currency": "NGN"}
    await world.service.deliver(CommitmentReserved(**about, **money))
    assert await decisions_today() == 1


async def test_the_applicant_waits_for_money_only_while_some_is_to_come(awarded: "Awarded") -> None:
    owner = await awarded.world.client(awarded.fact.user_id)
    path = f"/api/v1/applications/{awarded.fact.application_id}/"

    async def steps() -> set[str]:
        return {(await awarded.world.now_reads(owner, each))["next_step"] for each in (path, f"{path}status/")}

    await awarded.paid(0)
    assert await steps() == {"wait_for_disbursement"}
    await awarded.paid(1)
    assert await steps() == {"none"}


async def test_nobody_waits_for_money_of_a_cancelled_award(awarded: "Awarded") -> None:
    owner = await awarded.world.client(awarded.fact.user_id)
    admin = await awarded.world.client(awarded.asker_id, "admin")
    path = f"{EXECUTIVE}awards/{awarded.fact.award_id}/cancel/"
    assert (await admin.post(path, json={"reason": "The project ended."})).status_code == 200
    shown = await awarded.world.now_reads(owner, f"/api/v1/applications/{awarded.fact.application_id}/")
    assert (shown["status"], shown["next_step"]) == ("approved", "none")
