"""Applying, saving drafts, reading one's own applications."""

from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import text

from chassis.ids import new_id
from contracts.applications import ApplicationReopened, ApplicationStarted, ApplicationWithdrawn
from contracts.programs import ProgramClosed, ProgramCreated

if TYPE_CHECKING:
    from services.applications.tests.integration.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_member_applies_to_an_open_program_and_gets_a_draft(world: "World") -> None:
    program = await world.program()
    user_id = new_id()
    client = await world.client(user_id)

    answer = await client.post(f"/api/v1/programs/{program.id}/apply/", json={"answers": {}})

    assert answer.status_code == 201
    body = answer.json()
    expected: dict[str, object] = {
        "program_id": str(program.id),
        "user_id": str(user_id),
        "status": "draft",
        "answers": {},
        "documents": [],
        "video": None,
        "submitted_at": None,
        "reviewed_at": None,
        "approved_at": None,
        "final_score": None,
        "blockchain_hash": None,
        "award": None,
        "next_step": "complete_form",
    }
    assert {key: body[key] for key in expected} == expected
    assert answer.headers["etag"] == '"v1"'
    started = [fact for fact in await world.service.announced(ApplicationStarted) if fact.user_id == user_id]
    assert [str(fact.application_id) for fact in started] == [body["id"]]


async def test_a_second_live_application_is_refused_and_after_withdrawing_there_is_room_again(world: "World") -> None:
    program = await world.program()
    application_id, client = await world.applied(program)

    again = await client.post(f"/api/v1/programs/{program.id}/apply/", json={})
    assert (again.status_code, again.json()["code"]) == (409, "application_exists")

    withdrawn = await client.post(f"/api/v1/applications/{application_id}/withdraw/", json={"reason": "No time."})
    assert withdrawn.status_code == 200
    assert withdrawn.json()["status"] == "withdrawn"
    assert (await client.post(f"/api/v1/programs/{program.id}/apply/", json={})).status_code == 201
    facts = [fact for fact in await world.service.announced(ApplicationWithdrawn) if fact.program_id == program.id]
    assert len(facts) == 1


async def test_the_database_itself_refuses_two_live_applications(world: "World") -> None:
    program = await world.program()
    application_id, _ = await world.applied(program)
    copy = text(
        "INSERT INTO applications (id, program_id, user_id, status, version, sealed_answers) "
        "SELECT :copy, program_id, user_id, 'draft', 1, sealed_answers FROM applications WHERE id = :id"
    )
    async with world.service.worker.database.reading() as connection:
        try:
            await connection.execute(copy, {"copy": new_id(), "id": application_id})
        except Exception as error:  # noqa: BLE001 -- whatever the driver raises, its text is what counts
            refusal = str(error)
        else:
            refusal = "accepted"
    assert "uq_applications_live" in refusal


async def test_a_program_that_is_unknown_is_not_found_and_a_closed_one_is_not_open(world: "World") -> None:
    client = await world.client(new_id())
    assert (await client.post(f"/api/v1/programs/{new_id()}/apply/", json={})).status_code == 404

    program = await world.program()
    await world.service.deliver(ProgramClosed(program_id=program.id))
    closed = await client.post(f"/api/v1/programs/{program.id}/apply/", json={})
    assert (closed.status_code, closed.json()["code"]) == (409, "program_not_open")


async def test_only_members_apply(world: "World") -> None:
    program = await world.program()
    client = await world.client(program.executives[0], "executive")
    answer = await client.post(f"/api/v1/programs/{program.id}/apply/", json={})
    assert answer.status_code == 403
    nobody = world.service.client()
    assert (await nobody.post(f"/api/v1/programs/{program.id}/apply/", json={})).status_code == 401


async def test_a_draft_is_saved_with_if_match_and_never_without(world: "World") -> None:
    program = await world.program()
    application_id, client = await world.applied(program)
    path = f"/api/v1/applications/{application_id}/"
    body = {"answers": {"business": "weaving", "age": 30}}

    assert (await client.patch(path, json=body)).status_code == 428
    first = await client.patch(path, json=body, headers={"If-Match": '"v1"'})
    assert first.status_code == 200
    assert first.json()["answers"] == body["answers"]
    stale = await client.patch(path, json={"answers": {}}, headers={"If-Match": '"v1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    second = await client.patch(path, json={"answers": {}}, headers={"If-Match": first.headers["etag"]})
    assert second.status_code == 200
    read = await client.get(path)
    assert read.json()["answers"] == {}
    assert read.headers["etag"] == second.headers["etag"]


async def test_half_an_answer_can_be_saved_but_not_one_of_the_wrong_type(world: "World") -> None:
    program = await world.program()
    application_id, client = await world.applied(program)
    path = f"/api/v1/applications/{application_id}/"

    short = await client.patch(path, json={"answers": {"business": "t"}}, headers={"If-Match": '"v1"'})
    assert short.status_code == 200
    headers = {"If-Match": short.headers["etag"]}
    wrong = await client.patch(path, json={"answers": {"business": 5, "car": "red"}}, headers=headers)
    assert wrong.status_code == 422
    assert {(item["field"], item["code"]) for item in wrong.json()["errors"]} == {
        ("answers.business", "type"),
        ("answers.car", "unknown"),
    }
    huge = await client.patch(path, json={"answers": {"age": 10**30}}, headers=headers)
    assert huge.status_code == 422
    assert (await client.get(path)).json()["answers"] == {"business": "t"}


async def test_answers_are_unreadable_at_rest(world: "World") -> None:
    program = await world.program()
    application_id, _ = await world.applied(program)
    async with world.service.worker.database.reading() as connection:
        statement = text("SELECT sealed_answers FROM applications WHERE id = :id")
        sealed = bytes(await connection.scalar(statement, {"id": application_id}))
    assert b"tailoring" not in sealed


async def test_my_applications_are_listed_newest_first_page_by_page(world: "World") -> None:
    user_id = new_id()
    made = []
    for _ in range(3):
        application_id, client = await world.applied(await world.program(), user_id)
        made.append(str(application_id))
    await world.applied(await world.program())

    first = await world.now_reads(client, "/api/v1/applications/?limit=2")
    assert [item["id"] for item in first["items"]] == made[:0:-1]
    second = await world.now_reads(client, f"/api/v1/applications/?limit=2&cursor={first['next_cursor']}")
    assert [item["id"] for item in second["items"]] == made[:1]
    assert second["next_cursor"] is None
    assert (await client.get("/api/v1/applications/?color=red")).status_code == 422


async def test_a_frozen_application_is_reopened_and_the_timeline_says_so(world: "World") -> None:
    program = await world.program()
    application_id, client = await world.applied(program)
    async with world.service.worker.database.unit_of_work() as work:
        statement = text("UPDATE applications SET status = 'video_pending' WHERE id = :id")
        await work.connection.execute(statement, {"id": application_id})
    path = f"/api/v1/applications/{application_id}/"

    frozen = await client.patch(path, json={"answers": {}}, headers={"If-Match": '"v1"'})
    assert (frozen.status_code, frozen.json()["code"], frozen.json()["state"]) == (
        409,
        "illegal_state",
        "video_pending",
    )
    reopened = await client.post(f"{path}reopen/", json={})
    assert (reopened.status_code, reopened.json()["status"]) == (200, "draft")
    timeline = await world.now_reads(client, f"{path}timeline/")
    assert [item["event"] for item in timeline["items"]] == ["application_started", "application_reopened"]
    status = await world.now_reads(client, f"{path}status/")
    assert (status["status"], status["next_step"]) == ("draft", "upload_video")
    assert [f.application_id for f in await world.service.announced(ApplicationReopened)][-1] == application_id


async def test_every_endpoint_of_an_application_is_not_found_for_another_user(world: "World") -> None:
    program = await world.program()
    application_id, _ = await world.applied(program)
    stranger = await world.client(new_id())
    path = f"/api/v1/applications/{application_id}/"
    asked = [
        await stranger.get(path),
        await stranger.patch(path, json={"answers": {}}, headers={"If-Match": '"v1"'}),
        await stranger.get(f"{path}status/"),
        await stranger.get(f"{path}timeline/"),
        await stranger.get(f"{path}documents/"),
        await stranger.post(
            f"{path}documents/",
            data={"requirement_id": str(program.requirement)},
            files={"file": ("a.pdf", b"%PDF-1.7 %%EOF")},
        ),
        await stranger.delete(f"{path}documents/{new_id()}/"),
        await stranger.post(f"{path}submit/", json={}),
        await stranger.post(f"{path}reopen/", json={}),
        await stranger.post(f"{path}withdraw/", json={"reason": "x"}),
        await stranger.post(f"{path}appeal/", json={"reason": "x"}),
    ]
    assert [answer.status_code for answer in asked] == [404] * len(asked)


async def test_a_program_before_its_first_snapshot_is_open_for_nobody(world: "World") -> None:
    program_id: UUID = new_id()
    await world.service.deliver(ProgramCreated(program_id=program_id, currency="NGN"))
    client = await world.client(new_id())
    answer = await client.post(f"/api/v1/programs/{program_id}/apply/", json={})
    assert answer.json()["code"] == "program_not_open"
