"""The first video needs complete answers and documents, and freezes them."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from applications.adapters.desk import PostgresDesk
from applications.domain.refusals import FormIncompleteError, IllegalStateError
from applications.use_cases.freeze_answers import freeze_answers
from chassis.ids import new_id

if TYPE_CHECKING:
    from uuid import UUID

    from services.applications.tests.integration.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _freeze(world: "World", application_id: "UUID") -> str:
    async with world.service.worker.database.unit_of_work() as work:
        desk = PostgresDesk(work, world.service.worker.vault)
        application = await desk.applications.get_locked(application_id)
        await freeze_answers(desk, application)
        await desk.applications.save(application)
        return application.status


async def test_missing_answers_and_documents_are_all_named_at_once(world: "World") -> None:
    program = await world.program(required=True)
    client = await world.client(new_id())
    begun = await client.post(f"/api/v1/programs/{program.id}/apply/", json={})
    application_id = begun.json()["id"]
    with pytest.raises(FormIncompleteError) as refused:
        await _freeze(world, application_id)
    assert [(field, code) for field, code, _ in refused.value.errors] == [
        ("answers.business", "missing"),
        (f"documents.{program.requirement}", "missing"),
    ]
    shown = await world.now_reads(client, f"/api/v1/applications/{application_id}/status/")
    assert (shown["status"], shown["next_step"]) == ("draft", "complete_form")


async def test_complete_answers_are_frozen_and_a_second_video_freezes_nothing_more(world: "World") -> None:
    application_id, client = await world.applied(await world.program())
    assert await _freeze(world, application_id) == "video_pending"
    assert await _freeze(world, application_id) == "video_pending"
    path = f"/api/v1/applications/{application_id}/"
    refused = await client.patch(path, json={"answers": {}}, headers={"If-Match": "*"})
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_state")


async def test_what_is_under_review_takes_no_video(world: "World") -> None:
    application_id, _ = await world.submitted(await world.program())
    with pytest.raises(IllegalStateError):
        await _freeze(world, application_id)


async def test_applying_twice_at_once_makes_one_application(world: "World") -> None:
    program = await world.program()
    client = await world.client(new_id())
    path = f"/api/v1/programs/{program.id}/apply/"
    answers = await asyncio.gather(client.post(path, json={}), client.post(path, json={}))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
