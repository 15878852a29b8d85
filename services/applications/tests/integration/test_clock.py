"""What depends on the time: open dates, the appeal window."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from chassis.ids import new_id

if TYPE_CHECKING:
    from services.applications.tests.integration.conftest import World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_program_is_open_until_the_end_of_its_last_day_in_its_own_time_zone(clocked_world: "World") -> None:
    now = clocked_world.service.worker.clock.now()
    over = await clocked_world.program(close_date=now.date().replace(year=now.year - 1))
    client = await clocked_world.client(new_id())
    refused = await client.post(f"/api/v1/programs/{over.id}/apply/", json={})
    assert refused.json()["code"] == "program_not_open"


async def test_an_appeal_comes_in_time_or_not_at_all(clocked_world: "World") -> None:
    world = clocked_world
    assert world.clock is not None
    program = await world.program()
    application_id, owner = await world.submitted(program)
    await world.scored(program, application_id, 1, 2)
    chair = await world.executive(program, 0)
    await chair.post(f"/api/v1/executive/applications/{application_id}/reject/", json={"reason": "No."})
    world.clock.step(timedelta(days=14, seconds=1))
    late = await owner.post(f"/api/v1/applications/{application_id}/appeal/", json={"reason": "Sorry, late."})
    assert (late.status_code, late.json()["code"]) == (409, "appeal_window_closed")
