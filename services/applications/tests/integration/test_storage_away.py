"""Object storage that is gone refuses documents plainly, and nothing else stops."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from services.applications.tests.integration.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_document_is_refused_while_storage_is_away_and_the_draft_goes_on(world: "World") -> None:
    program = await world.program()
    application_id, client = await world.applied(program)
    path = f"/api/v1/applications/{application_id}/"

    answer = await client.post(
        f"{path}documents/",
        data={"requirement_id": str(program.requirement)},
        files={"file": ("a.pdf", b"%PDF-1.7\n%%EOF")},
    )

    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert (await world.now_reads(client, f"{path}documents/"))["items"] == []
    body = {"answers": {"business": "weaving"}}
    assert (await client.patch(path, json=body, headers={"If-Match": '"v1"'})).status_code == 200
