"""The schema: what migrations make is what the code says, and what was frozen stays as it is."""

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from services.applications.tests.integration.conftest import World


def test_migrations_make_the_tables_that_the_code_says(database_urls: dict[str, str]) -> None:
    environment = {"IMPACTNET_APPLICATIONS_MIGRATOR_DATABASE_URL": database_urls["applications_migrator"], "PATH": ""}
    command = [sys.executable, "-m", "applications", "migrate", "--check"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE submissions SET sha256 = repeat('0', 64) WHERE application_id = :id",
        "DELETE FROM submissions WHERE application_id = :id",
        "UPDATE application_history SET event = 'nothing' WHERE application_id = :id",
        "DELETE FROM application_history WHERE application_id = :id",
    ],
)
async def test_what_was_submitted_and_what_happened_cannot_be_rewritten(world: "World", statement: str) -> None:
    application_id, _ = await world.submitted(await world.program())
    async with world.service.worker.database.reading() as connection:
        with pytest.raises(DBAPIError, match="append-only"):
            await connection.execute(text(statement), {"id": application_id})
