"""Decisions, awards, appeals: what the board says, what the ledger answers, what the applicant hears."""

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.ids import new_id
from contracts.applications import (
    AppealDecided,
    AppealOpened,
    ApplicationApproved,
    ApplicationRejected,
    AwardCancelled,
    AwardProposed,
)
from contracts.ledger import BlockReference, BlocksAppended, CommitmentRefused, CommitmentReserved
from contracts.registry import FACT_BY_TYPE

if TYPE_CHECKING:
    import httpx
    from services.applications.tests.integration.conftest import TestProgram, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXECUTIVE = "/api/v1/executive/applications/"


async def _scored(world: "World", **program: Any) -> "tuple[TestProgram, UUID, httpx.AsyncClient]":
    made = await world.program(**program)
    application_id, owner = await world.submitted(made)
    await world.scored(made, application_id, 1, 2)
    return made, application_id, owner


async def _approved(
    world: "World", program: "TestProgram", application_id: UUID, body: dict[str, Any]
) -> AwardProposed:
    chair = await world.executive(program, 0)
    answer = await chair.post(f"{EXECUTIVE}{application_id}/approve/", json=body)
    assert answer.status_code == 202, answer.text
    return [f for f in await world.service.announced(AwardProposed) if f.application_id == application_id][-1]


def _reserved(proposed: AwardProposed) -> CommitmentReserved:
    return CommitmentReserved(
        award_id=proposed.award_id,
        application_id=proposed.application_id,
        program_id=proposed.program_id,
        user_id=proposed.user_id,
        transaction_id=new_id(),
        amount=proposed.amount,
        currency=proposed.currency,
    )


async def test_approving_proposes_an_award_and_tells_the_applicant_nothing_yet(
    world: "World", award_body: dict[str, Any]
) -> None:
    program, application_id, owner = await _scored(world)
    chair = await world.executive(program, 0)

    answer = await chair.post(f"{EXECUTIVE}{application_id}/approve/", json=award_body)

    assert answer.status_code == 202
    body = answer.json()
    assert (body["application_id"], body["status"]) == (str(application_id), "under_review")
    assert (body["decision"]["state"], body["award"]["state"]) == ("reserving", "reserving")
    assert [(each["amount"], each["due_on"], each["state"]) for each in body["award"]["tranches"]] == [
        ("200000.00", "2026-12-01", "planned"),
        ("100000.00", "2027-02-01", "planned"),
    ]
    seen = await world.now_reads(owner, f"/api/v1/applications/{application_id}/")
    assert (seen["status"], seen["award"], seen["final_score"]) == ("under_review", None, None)
    again = await chair.post(f"{EXECUTIVE}{application_id}/approve/", json=award_body)
    assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "illegal_state", "reserving")


async def test_the_application_is_approved_once_the_money_is_reserved_and_carries_its_block(
    world: "World", award_body: dict[str, Any]
) -> None:
    program, application_id, owner = await _scored(world)
    proposed = await _approved(world, program, application_id, award_body)

    reserved = world.service.event(_reserved(proposed))
    await world.service.deliver(reserved)
    await world.service.deliver(reserved)

    seen = await world.now_reads(owner, f"/api/v1/applications/{application_id}/")
    assert (seen["status"], seen["award"]["state"], seen["final_score"]) == ("approved", "committed", "76.00")
    assert seen["approved_at"] is not None
    [fact] = [f for f in await world.service.announced(ApplicationApproved) if f.application_id == application_id]
    assert (fact.reviews, fact.final_score, fact.status) == (2, "76.00", "approved")
    assert fact.submission_sha256 == seen["submission"]["sha256"]

    event_id = await _event_id(world, ApplicationApproved.TYPE, application_id)
    blocks = [
        BlockReference(index=1, transaction_id=f"{new_id()}:sent", hash="0" * 64),
        BlockReference(index=2, transaction_id=str(event_id), hash="ab" * 32),
    ]
    await world.service.deliver(BlocksAppended(first_index=1, blocks=blocks))
    seen = await world.now_reads(owner, f"/api/v1/applications/{application_id}/")
    assert seen["blockchain_hash"] == "ab" * 32


async def _event_id(world: "World", event_type: str, application_id: UUID) -> UUID:
    assert event_type in FACT_BY_TYPE
    async with world.service.worker.database.reading() as connection:
        statement = text("SELECT event_id FROM outbox WHERE event_type = :type AND subject = :subject")
        found: UUID = await connection.scalar(statement, {"type": event_type, "subject": str(application_id)})
    return found


async def test_no_funds_puts_the_decision_back_with_the_reason_and_the_board_may_decide_again(
    world: "World", award_body: dict[str, Any]
) -> None:
    program, application_id, owner = await _scored(world)
    proposed = await _approved(world, program, application_id, award_body)
    refused = CommitmentRefused(
        award_id=proposed.award_id,
        application_id=application_id,
        program_id=program.id,
        user_id=proposed.user_id,
        code="insufficient_funds",
    )
    await world.service.deliver(refused)

    chair = await world.executive(program, 0)
    seen = await world.now_reads(chair, f"{EXECUTIVE}{application_id}/")
    assert (seen["status"], seen["award"]["state"]) == ("under_review", "refused")
    assert (seen["decision"]["state"], seen["decision"]["refusal_code"]) == ("refused", "insufficient_funds")
    assert (await world.now_reads(owner, f"/api/v1/applications/{application_id}/"))["award"] is None
    again = await _approved(world, program, application_id, {**award_body, "amount": "50000.00", "tranches": []})
    assert len(again.tranches) == 1


async def test_an_award_waits_when_the_ledgers_answer_overtakes_what_it_answers(world: "World") -> None:
    early = CommitmentReserved(
        award_id=new_id(),
        application_id=new_id(),
        program_id=new_id(),
        user_id=new_id(),
        transaction_id=new_id(),
        amount="1.00",
        currency="NGN",
    )
    event = await world.service.deliver(early)
    async with world.service.worker.database.reading() as connection:
        statement = text("SELECT reason FROM parked_events WHERE event_id = :id")
        assert await connection.scalar(statement, {"id": event.id}) == "dependency"


async def test_there_is_no_decision_without_the_quorum_and_none_by_others_than_the_chair(
    world: "World", award_body: dict[str, Any]
) -> None:
    program = await world.program()
    application_id, _ = await world.submitted(program)
    await world.scored(program, application_id, 1)
    chair, other = await world.executive(program, 0), await world.executive(program, 1)
    path = f"{EXECUTIVE}{application_id}/"

    early = await chair.post(f"{path}approve/", json=award_body)
    assert (early.status_code, early.json()["code"]) == (409, "quorum_not_met")
    assert (early.json()["needed"], early.json()["have"]) == (2, 1)
    await world.scored(program, application_id, 2)
    assert (await other.post(f"{path}approve/", json=award_body)).status_code == 403
    assert (await other.post(f"{path}reject/", json={"reason": "x"})).status_code == 403
    admin = await world.client(new_id(), "admin")
    assert (await admin.post(f"{path}approve/", json=award_body)).status_code == 403
    stranger = await world.executive(await world.program(), 0)
    for action, body in (("approve", award_body), ("reject", {"reason": "x"}), ("recuse", {"reason": "x"})):
        assert (await stranger.post(f"{path}{action}/", json=body)).status_code == 404


async def test_on_a_board_without_a_chair_any_executive_who_has_reviewed_decides(
    world: "World", award_body: dict[str, Any]
) -> None:
    program, application_id, _ = await _scored(world, chair=False)
    path = f"{EXECUTIVE}{application_id}/approve/"
    assert (await (await world.executive(program, 0)).post(path, json=award_body)).status_code == 403
    assert (await (await world.executive(program, 1)).post(path, json=award_body)).status_code == 202


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"amount": "49999.99", "tranches": []}, "amount", "out_of_range"),
        ({"amount": "500000.01", "tranches": []}, "amount", "out_of_range"),
        ({"amount": "299999.99"}, "tranches", "tranches_do_not_sum"),
        ({"currency": "USD"}, "currency", "currency_unknown"),
        ({"amount": "-1"}, "amount", "amount_malformed"),
        ({"amount": "1.001"}, "amount", "amount_too_precise"),
        ({"amount": 300000}, "amount", "string_type"),
        ({"reason": ""}, "reason", "string_too_short"),
    ],
)
async def test_an_award_that_does_not_fit_is_refused_by_field(
    world: "World", award_body: dict[str, Any], changed: dict[str, Any], field: str, code: str
) -> None:
    program, application_id, _ = await _scored(world)
    chair = await world.executive(program, 0)
    answer = await chair.post(f"{EXECUTIVE}{application_id}/approve/", json={**award_body, **changed})
    assert answer.status_code == 422
    assert (field, code) in {(item["field"], item["code"]) for item in answer.json()["errors"]}
    assert (await world.now_reads(chair, f"{EXECUTIVE}{application_id}/"))["decision"] is None


async def test_two_approvals_at_once_make_one_award(world: "World", award_body: dict[str, Any]) -> None:
    program, application_id, _ = await _scored(world, chair=False)
    clients = [await world.executive(program, 1), await world.executive(program, 2)]
    answers = await asyncio.gather(
        *(client.post(f"{EXECUTIVE}{application_id}/approve/", json=award_body) for client in clients)
    )
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    proposals = [f for f in await world.service.announced(AwardProposed) if f.application_id == application_id]
    assert len(proposals) == 1


async def test_who_withdraws_while_the_money_is_being_reserved_gets_none(
    world: "World", award_body: dict[str, Any]
) -> None:
    program, application_id, owner = await _scored(world)
    proposed = await _approved(world, program, application_id, award_body)
    assert (await owner.post(f"/api/v1/applications/{application_id}/withdraw/", json={})).status_code == 200

    await world.service.deliver(_reserved(proposed))

    seen = await world.now_reads(owner, f"/api/v1/applications/{application_id}/")
    assert (seen["status"], seen["award"]["state"]) == ("withdrawn", "cancelled")
    [cancelled] = [f for f in await world.service.announced(AwardCancelled) if f.application_id == application_id]
    assert (cancelled.amount, cancelled.status) == ("300000.00", "withdrawn")


async def test_a_rejection_counts_at_once_and_says_why(world: "World") -> None:
    program, application_id, owner = await _scored(world)
    chair = await world.executive(program, 0)
    answer = await chair.post(f"{EXECUTIVE}{application_id}/reject/", json={"reason": "No market for it."})
    assert (answer.status_code, answer.json()["status"]) == (200, "rejected")
    assert answer.json()["decision"]["state"] == "confirmed"

    seen = await world.now_reads(owner, f"/api/v1/applications/{application_id}/")
    assert (seen["status"], seen["final_score"], seen["next_step"]) == ("rejected", "76.00", "appeal")
    timeline = await world.now_reads(owner, f"/api/v1/applications/{application_id}/timeline/")
    assert timeline["items"][-1]["reason"] == "No market for it."
    [fact] = [f for f in await world.service.announced(ApplicationRejected) if f.application_id == application_id]
    assert fact.final_score == "76.00"
    event_id = await _event_id(world, ApplicationRejected.TYPE, application_id)
    block = BlockReference(index=9, transaction_id=str(event_id), hash="cd" * 32)
    await world.service.deliver(BlocksAppended(first_index=9, blocks=[block]))
    seen = await world.now_reads(owner, f"/api/v1/applications/{application_id}/")
    assert seen["blockchain_hash"] == "cd" * 32


async def test_an_appeal_is_decided_by_another_and_upheld_it_is_under_review_again(world: "World") -> None:
    program, application_id, owner = await _scored(world)
    chair, other = await world.executive(program, 0), await world.executive(program, 1)
    await chair.post(f"{EXECUTIVE}{application_id}/reject/", json={"reason": "No."})

    opened = await owner.post(f"/api/v1/applications/{application_id}/appeal/", json={"reason": "You misread."})
    assert (opened.status_code, opened.json()["state"]) == (201, "open")
    twice = await owner.post(f"/api/v1/applications/{application_id}/appeal/", json={"reason": "Again."})
    assert (twice.status_code, twice.json()["code"]) == (409, "appeal_exists")
    path = f"/api/v1/executive/appeals/{opened.json()['id']}/decide/"
    verdict = {"outcome": "upheld", "reason": "They are right."}
    same = await chair.post(path, json=verdict)
    assert (same.status_code, same.json()["code"]) == (403, "same_person")
    stranger = await world.executive(await world.program(), 0)
    for nobody in (stranger, owner):
        assert (await nobody.post(path, json=verdict)).status_code == 404
    assert (await (await world.client(new_id(), "admin")).post(path, json=verdict)).status_code == 403

    decided = await other.post(path, json=verdict)
    assert (decided.status_code, decided.json()["outcome"]) == (200, "upheld")
    seen = await world.now_reads(owner, f"/api/v1/applications/{application_id}/")
    assert (seen["status"], seen["final_score"]) == ("under_review", None)
    again = await other.post(path, json=verdict)
    assert (again.status_code, again.json()["state"]) == (409, "upheld")
    assert [f.appeal_id for f in await world.service.announced(AppealOpened)][-1] == UUID(opened.json()["id"])
    assert [f.outcome for f in await world.service.announced(AppealDecided)][-1] == "upheld"


async def test_an_appeal_is_not_upheld_while_the_same_person_has_applied_again(world: "World") -> None:
    program, application_id, owner = await _scored(world)
    chair, other = await world.executive(program, 0), await world.executive(program, 1)
    await chair.post(f"{EXECUTIVE}{application_id}/reject/", json={"reason": "No."})
    opened = await owner.post(f"/api/v1/applications/{application_id}/appeal/", json={"reason": "You misread."})
    applied = await owner.post(f"/api/v1/programs/{program.id}/apply/", json={"answers": {}})
    assert applied.status_code == 201

    path = f"/api/v1/executive/appeals/{opened.json()['id']}/decide/"
    upheld = await other.post(path, json={"outcome": "upheld", "reason": "They are right."})

    assert (upheld.status_code, upheld.json()["code"]) == (409, "application_exists")
    seen = await world.now_reads(owner, f"/api/v1/applications/{application_id}/")
    assert seen["status"] == "rejected"
    dismissed = await other.post(path, json={"outcome": "dismissed", "reason": "Another one is under way."})
    assert dismissed.status_code == 200


async def test_the_database_holds_tranches_to_the_sum_of_their_award(
    world: "World", award_body: dict[str, Any]
) -> None:
    program, application_id, _ = await _scored(world)
    proposed = await _approved(world, program, application_id, award_body)
    with pytest.raises(DBAPIError, match="sum to"):
        await _raise_tranches(world, proposed.award_id)


async def _raise_tranches(world: "World", award_id: UUID) -> None:
    async with world.service.worker.database.unit_of_work() as work:
        statement = text("UPDATE tranches SET amount = amount + 1 WHERE award_id = :id")
        await work.connection.execute(statement, {"id": award_id})
