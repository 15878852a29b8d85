"""The read model of programmes: snapshots, boards, ends, whatever is told twice or late."""

from typing import TYPE_CHECKING

import pytest

from chassis.ids import new_id
from contracts.programs import (
    ExecutiveAdded,
    ExecutiveRemoved,
    ExecutiveSnapshot,
    ProgramDeleted,
    ProgramUpdated,
)

if TYPE_CHECKING:
    from uuid import UUID

    from services.applications.tests.integration.conftest import TestProgram, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _sees(world: "World", program: "TestProgram", user_id: "UUID") -> bool:
    client = await world.client(user_id, "executive")
    path = f"/api/v1/executive/programs/{program.id}/calibration/"
    return (await client.get(path)).status_code == 200


def _updated(program: "TestProgram", revision: int, *users: "UUID") -> ProgramUpdated:
    seats = [ExecutiveSnapshot(executive_id=new_id(), user_id=user, is_chair=False) for user in users]
    return ProgramUpdated(**{**dict(program.fact), "revision": revision, "executives": seats})


async def test_a_snapshot_replaces_the_board_and_an_older_one_changes_nothing(world: "World") -> None:
    program = await world.program()
    newcomer, stayed = new_id(), program.executives[0]
    await world.service.deliver(_updated(program, 3, stayed, newcomer))
    assert [await _sees(world, program, user) for user in (stayed, newcomer, program.executives[1])] == [
        True,
        True,
        False,
    ]
    await world.service.deliver(_updated(program, 2, program.executives[1]))
    assert [await _sees(world, program, user) for user in (stayed, newcomer, program.executives[1])] == [
        True,
        True,
        False,
    ]


async def test_an_executive_is_seated_and_leaves_and_comes_back(world: "World") -> None:
    program = await world.program()
    user_id = new_id()
    seats = [new_id(), new_id()]
    seen = []
    for fact in (
        ExecutiveAdded(program_id=program.id, executive_id=seats[0], user_id=user_id, is_chair=False),
        ExecutiveRemoved(program_id=program.id, executive_id=seats[0], user_id=user_id),
        ExecutiveAdded(program_id=program.id, executive_id=seats[1], user_id=user_id, is_chair=False),
    ):
        await world.service.deliver(fact)
        seen.append(await _sees(world, program, user_id))
    assert seen == [True, False, True]


async def test_a_deleted_program_is_forgotten_unless_someone_applied(world: "World") -> None:
    empty, used = await world.program(), await world.program()
    application_id, client = await world.applied(used)
    for program in (empty, used):
        await world.service.deliver(ProgramDeleted(program_id=program.id))
    other = await world.client(new_id())
    assert (await other.post(f"/api/v1/programs/{empty.id}/apply/", json={})).status_code == 404
    refused = await other.post(f"/api/v1/programs/{used.id}/apply/", json={})
    assert refused.json()["code"] == "program_not_open"
    assert (await client.get(f"/api/v1/applications/{application_id}/")).status_code == 200
