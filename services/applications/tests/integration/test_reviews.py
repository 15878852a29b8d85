"""The board: who sees what, scoring, recusing, the quorum."""

from typing import TYPE_CHECKING, Any

import pytest

from chassis.ids import new_id
from contracts.applications import ApplicationSubmitted, ExecutiveRecused, ReviewRecorded
from contracts.identity import RoleChanged
from contracts.programs import ExecutiveRemoved

if TYPE_CHECKING:
    from services.applications.tests.integration.conftest import TestProgram, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXECUTIVE = "/api/v1/executive/applications/"


def _scores(program: "TestProgram", impact: Any = 8, need: Any = 7) -> dict[str, Any]:
    return {
        "scores": {str(program.impact): impact, str(program.need): need},
        "notes": "Good.",
        "recommendation": "approve",
    }


async def test_submitting_freezes_the_application_and_says_its_hash(world: "World") -> None:
    program = await world.program()
    application_id, client = await world.submitted(program)

    body = await world.now_reads(client, f"/api/v1/applications/{application_id}/")
    assert (body["status"], body["next_step"]) == ("under_review", "wait_for_decision")
    assert body["submission"]["submitted_at"] == body["submitted_at"]
    [fact] = [f for f in await world.service.announced(ApplicationSubmitted) if f.application_id == application_id]
    assert fact.submission_sha256 == body["submission"]["sha256"]
    again = await client.post(f"/api/v1/applications/{application_id}/submit/", json={})
    assert (again.status_code, again.json()["state"]) == (409, "under_review")


async def test_a_draft_cannot_be_submitted(world: "World") -> None:
    application_id, client = await world.applied(await world.program())
    answer = await client.post(f"/api/v1/applications/{application_id}/submit/", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_state")


async def test_the_board_sees_what_was_submitted_and_nobody_else_does(world: "World") -> None:
    program, other = await world.program(), await world.program()
    application_id, owner = await world.submitted(program)
    draft_id, _ = await world.applied(program)
    member_of_board = await world.executive(program, 0)
    admin = await world.client(new_id(), "admin")

    seen = await world.now_reads(member_of_board, f"{EXECUTIVE}{application_id}/")
    assert seen["answers"] == {"business": "tailoring"}
    assert (seen["reviews"], seen["quorum"], seen["award"]) == ([], {"needed": 2, "have": 0}, None)
    assert (await admin.get(f"{EXECUTIVE}{application_id}/")).status_code == 200
    assert (await admin.get(f"{EXECUTIVE}{draft_id}/")).json()["answers"] == {}
    for stranger in (await world.executive(other, 0), owner, await world.client(new_id())):
        assert (await stranger.get(f"{EXECUTIVE}{application_id}/")).status_code == 404
    assert (await member_of_board.get(f"{EXECUTIVE}{draft_id}/")).status_code == 404


async def test_a_total_is_the_weighted_sum_and_scoring_again_is_a_revision(world: "World") -> None:
    program = await world.program()
    application_id, _ = await world.submitted(program)
    client = await world.executive(program, 1)
    path = f"{EXECUTIVE}{application_id}/"

    first = await client.post(f"{path}score/", json=_scores(program))
    assert (first.status_code, first.json()["total_score"]) == (201, "76.00")
    second = await client.post(f"{path}score/", json=_scores(program, 9.5, 10))
    assert (second.json()["id"], second.json()["total_score"]) == (first.json()["id"], "97.00")
    seen = await world.now_reads(client, path)
    assert [(each["total_score"], each["revision"]) for each in seen["reviews"]] == [("97.00", 2)]
    assert seen["quorum"] == {"needed": 2, "have": 1}
    facts = [f for f in await world.service.announced(ReviewRecorded) if f.application_id == application_id]
    assert [(fact.revision, fact.reviews_counted) for fact in facts] == [(1, 1), (2, 1)]


async def test_scores_that_do_not_fit_the_criteria_are_refused_by_name(world: "World") -> None:
    program = await world.program()
    application_id, _ = await world.submitted(program)
    client = await world.executive(program, 1)
    path = f"{EXECUTIVE}{application_id}/score/"
    unknown = new_id()

    wrong = {"scores": {str(program.impact): 11, str(unknown): 1}, "notes": "", "recommendation": "approve"}
    answer = await client.post(path, json=wrong)
    assert answer.status_code == 422
    assert {(item["field"], item["code"]) for item in answer.json()["errors"]} == {
        (f"scores.{program.impact}", "out_of_range"),
        (f"scores.{program.need}", "missing"),
        (f"scores.{unknown}", "unknown"),
    }
    for value in (True, "8", -1, 1.001, None):
        assert (await client.post(path, json=_scores(program, value))).status_code == 422
    assert (await world.now_reads(client, f"{EXECUTIVE}{application_id}/"))["reviews"] == []


async def test_admins_read_but_do_not_score(world: "World") -> None:
    program = await world.program()
    application_id, _ = await world.submitted(program)
    admin = await world.client(new_id(), "admin")
    answer = await admin.post(f"{EXECUTIVE}{application_id}/score/", json=_scores(program))
    assert answer.status_code == 403


async def test_who_is_recused_neither_scores_nor_counts(world: "World") -> None:
    program = await world.program()
    application_id, _ = await world.submitted(program)
    await world.scored(program, application_id, 1, 2)
    client = await world.executive(program, 2)
    path = f"{EXECUTIVE}{application_id}/"

    assert (await client.post(f"{path}recuse/", json={"reason": "My cousin."})).status_code == 200
    assert (await client.post(f"{path}recuse/", json={"reason": "My cousin."})).status_code == 200
    again = await client.post(f"{path}score/", json=_scores(program))
    assert (again.status_code, again.json()["code"]) == (403, "recused")
    seen = await world.now_reads(client, path)
    assert seen["quorum"] == {"needed": 2, "have": 1}
    assert seen["recused"] == [str(program.executives[2])]
    facts = [f for f in await world.service.announced(ExecutiveRecused) if f.application_id == application_id]
    assert len(facts) == 1


async def test_reviews_of_those_who_left_the_board_or_are_no_executives_do_not_count(world: "World") -> None:
    program = await world.program()
    application_id, _ = await world.submitted(program)
    await world.scored(program, application_id, 0, 1, 2)
    admin = await world.client(new_id(), "admin")
    path = f"{EXECUTIVE}{application_id}/"
    assert (await world.now_reads(admin, path))["quorum"]["have"] == 3

    seat = program.fact.executives[1]
    left = ExecutiveRemoved(program_id=program.id, executive_id=seat.executive_id, user_id=seat.user_id)
    await world.service.deliver(left)
    await world.service.deliver(
        RoleChanged(user_id=program.executives[2], role="member", previous_role="executive", role_version=1)
    )
    assert (await world.now_reads(admin, path))["quorum"]["have"] == 1
    former = await world.executive(program, 1)
    assert (await former.get(path)).status_code == 404


async def test_an_executive_never_sees_their_own_application_from_the_boards_side(world: "World") -> None:
    program = await world.program()
    application_id, _ = await world.submitted(program, program.executives[0])
    client = await world.executive(program, 0)
    assert (await client.get(f"{EXECUTIVE}{application_id}/")).status_code == 404
    assert (await client.post(f"{EXECUTIVE}{application_id}/score/", json=_scores(program))).status_code == 404


async def test_the_queue_is_filtered_and_the_dashboard_counts(world: "World") -> None:
    program = await world.program()
    first, _ = await world.submitted(program)
    second, _ = await world.submitted(program)
    await world.submitted(await world.program())
    await world.scored(program, first, 1)
    client = await world.executive(program, 1)

    everything = await world.now_reads(client, EXECUTIVE)
    assert [item["id"] for item in everything["items"]] == [str(second), str(first)]
    mine = await world.now_reads(client, f"{EXECUTIVE}?scored_by_me=true&program_id={program.id}&status=under_review")
    assert [(item["id"], item["reviews"], item["flagged"]) for item in mine["items"]] == [(str(first), 1, False)]
    assert (await world.now_reads(client, f"{EXECUTIVE}?flagged=true"))["items"] == []
    page = await world.now_reads(client, f"{EXECUTIVE}?limit=1")
    rest = await world.now_reads(client, f"{EXECUTIVE}?limit=1&cursor={page['next_cursor']}")
    assert [item["id"] for item in rest["items"]] == [str(first)]
    for wrong in ("?colour=red", "?status=lost", "?program_id=7"):
        assert (await client.get(f"{EXECUTIVE}{wrong}")).status_code == 422

    figures = await world.now_reads(client, "/api/v1/executive/dashboard/")
    assert figures["queue_sizes"] == {"under_review": 2}
    assert (figures["my_pending_reviews"], figures["decisions_today"], figures["flagged_interviews"]) == (1, 0, 0)


async def test_calibration_shows_each_reviewers_mean_and_spread_to_the_board_only(world: "World") -> None:
    program = await world.program()
    first, _ = await world.submitted(program)
    second, _ = await world.submitted(program)
    await world.scored(program, first, 1)
    client = await world.executive(program, 1)
    await client.post(f"{EXECUTIVE}{second}/score/", json=_scores(program, 10, 10))
    path = f"/api/v1/executive/programs/{program.id}/calibration/"

    body = await world.now_reads(client, path)
    assert [(each["reviews"], each["mean"], each["spread"]) for each in body["reviewers"]] == [(2, "88.00", "12.00")]
    assert (await (await world.executive(await world.program(), 0)).get(path)).status_code == 404
    assert (await (await world.client(new_id())).get(path)).status_code == 404


async def test_members_have_no_business_in_the_boards_lists(world: "World") -> None:
    client = await world.client(new_id())
    for path in ("applications/", "disbursements/", "dashboard/"):
        assert (await client.get(f"/api/v1/executive/{path}")).status_code == 403
