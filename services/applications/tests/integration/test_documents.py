"""Documents on real object storage: taken by content, shown by signed URL, gone when taken back."""

from datetime import timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import text

from chassis.ids import new_id
from contracts.identity import UserErased, UserRegistered

if TYPE_CHECKING:
    from services.applications.tests.integration.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

PDF = b"%PDF-1.7\nA plan.\n%%EOF\n"


async def _upload(
    client: httpx.AsyncClient, path: str, requirement: object, content: bytes = PDF, name: str = "plan.pdf"
) -> httpx.Response:
    return await client.post(path, data={"requirement_id": str(requirement)}, files={"file": (name, content)})


async def test_a_document_is_stored_and_read_by_its_signed_url(storing_world: "World") -> None:
    program = await storing_world.program(required=True)
    application_id, client = await storing_world.applied(program)
    path = f"/api/v1/applications/{application_id}/documents/"

    answer = await _upload(client, path, program.requirement, name="../../etc/plan\x00.exe")

    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert (body["content_type"], body["size_bytes"], body["scan"]) == ("application/pdf", len(PDF), "unscanned")
    assert "/" not in body["file_name"]
    async with httpx.AsyncClient() as outside:
        assert (await outside.get(body["url"])).content == PDF
        unsigned = await outside.get(body["url"].partition("?")[0])
        assert unsigned.is_client_error
        assert PDF not in unsigned.content
    listed = await storing_world.now_reads(client, path)
    assert [item["id"] for item in listed["items"]] == [body["id"]]
    shown = await storing_world.now_reads(client, f"/api/v1/applications/{application_id}/")
    assert [item["sha256"] for item in shown["documents"]] == [body["sha256"]]
    assert shown["next_step"] == "upload_video"


async def test_a_document_that_is_no_pdf_jpg_or_png_is_refused_and_nothing_is_kept(storing_world: "World") -> None:
    program = await storing_world.program()
    application_id, client = await storing_world.applied(program)
    path = f"/api/v1/applications/{application_id}/documents/"

    disguised = await _upload(client, path, program.requirement, b"MZ\x90\x00 a program")
    assert disguised.status_code == 422
    assert [(item["field"], item["code"]) for item in disguised.json()["errors"]] == [("file", "unsupported_content")]
    unknown = await _upload(client, path, new_id())
    assert [item["field"] for item in unknown.json()["errors"]] == ["requirement_id"]
    large = await _upload(client, path, program.requirement, PDF + b" " * (20 * 1024 * 1024) + b"%%EOF")
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    huge = await _upload(client, path, program.requirement, PDF * 1024 * 1024)
    assert (huge.status_code, huge.json()["code"]) == (413, "body_too_large")
    for nothing in (
        await client.post(path, json={"requirement_id": str(program.requirement)}),
        await client.post(path, data={"requirement_id": "x"}, files={"file": ("a", PDF)}),
        await client.post(path, data={"requirement_id": str(program.requirement)}),
    ):
        assert nothing.status_code in (415, 422)
    assert (await storing_world.now_reads(client, path))["items"] == []


async def test_an_application_has_room_for_twenty_documents(storing_world: "World") -> None:
    program = await storing_world.program()
    application_id, client = await storing_world.applied(program)
    path = f"/api/v1/applications/{application_id}/documents/"
    for _ in range(20):
        assert (await _upload(client, path, program.requirement)).status_code == 201
    answer = await _upload(client, path, program.requirement)
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_documents")


async def test_a_document_is_taken_back_and_its_object_deleted_after_the_grace(storing_world: "World") -> None:
    program = await storing_world.program()
    application_id, client = await storing_world.applied(program)
    path = f"/api/v1/applications/{application_id}/documents/"
    first, second = (
        (await _upload(client, path, program.requirement)).json(),
        (await _upload(client, path, program.requirement)).json(),
    )

    assert (await client.delete(f"{path}{first['id']}/")).status_code == 204
    assert (await client.delete(path, params={"document_id": second["id"]})).status_code == 204
    assert (await client.delete(f"{path}{first['id']}/")).status_code == 404
    assert (await storing_world.now_reads(client, path))["items"] == []
    async with storing_world.service.worker.database.unit_of_work() as work:
        await work.connection.execute(text("UPDATE abandoned_objects SET due_at = :now"), {"now": work.now})
    await storing_world.service.tick("sweep_objects")
    async with httpx.AsyncClient() as outside:
        assert (await outside.get(first["url"])).status_code == 404
        assert (await outside.get(second["url"])).status_code == 404


async def test_a_frozen_application_takes_no_documents(storing_world: "World") -> None:
    program = await storing_world.program()
    application_id, client = await storing_world.submitted(program)
    answer = await _upload(client, f"/api/v1/applications/{application_id}/documents/", program.requirement)
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_state")


async def test_an_erased_person_leaves_an_opaque_id_and_nothing_else(storing_world: "World") -> None:
    user_id = new_id()
    program = await storing_world.program()
    await storing_world.service.deliver(UserRegistered(user_id=user_id, role="member"))
    application_id, client = await storing_world.applied(program, user_id)
    path = f"/api/v1/applications/{application_id}/documents/"
    url = (await _upload(client, path, program.requirement)).json()["url"]
    await storing_world.interviewed(application_id)
    assert (await client.post(f"/api/v1/applications/{application_id}/submit/", json={})).status_code == 200

    await storing_world.service.deliver(UserErased(user_id=user_id))
    async with storing_world.service.worker.database.unit_of_work() as work:
        past = {"due_at": work.now - timedelta(seconds=1)}
        await work.connection.execute(text("UPDATE abandoned_objects SET due_at = :due_at"), past)
    await storing_world.service.tick("sweep_objects")

    assert (await client.get("/api/v1/applications/")).status_code == 401
    seated = await storing_world.executive(program, 0)
    seen = await storing_world.now_reads(seated, f"/api/v1/executive/applications/{application_id}/")
    assert (seen["status"], seen["answers"], seen["user_id"]) == ("withdrawn", {}, str(user_id))
    async with httpx.AsyncClient() as outside:
        assert (await outside.get(url)).status_code == 404
