"""What was found stands until a pass that looked again, and at as much, has found it mended."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from ledger.use_cases.verify_blocks import Finding, Outcome

BROKEN = Outcome(0, 2, (Finding(1, "columns: the column nonce differs from the bytes"),))
SOUND = replace(BROKEN, findings=())


@pytest.fixture(autouse=True)
def told_of_what_never_was(scenario: Any) -> None:
    scenario.is_sound = False


async def standing(scenario: Any) -> Any:
    async with scenario.service.client() as anyone:
        return (await anyone.get("/api/v1/blockchain/integrity/")).json()["standing_failure"]


async def test_what_was_mended_and_broken_again_is_shown_again(scenario):
    """Whoever found it has nothing new to say since; it is somebody else who said that it was mended."""
    for _ in range(2):
        for _ in range(2):
            await scenario.verifier.record(BROKEN, "ledger worker")
            assert await standing(scenario)
        await scenario.verifier.record(SOUND, "command line")
        assert await standing(scenario) is None
    rows = await scenario.fetch("SELECT verified_by FROM block_verifications ORDER BY verified_at")
    assert [row["verified_by"] for row in rows] == ["ledger worker", "command line"] * 2


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_worker_whose_clock_is_off_hides_nothing_and_keeps_nothing_alive(scenario, hours):
    """Its ids tell another time than the database's, in which one row comes after another."""
    await scenario.fetch("ALTER TABLE block_verifications DISABLE TRIGGER refuse_change")
    moment = (datetime.now(UTC) + timedelta(hours=hours)).timestamp()
    for _ in range(2):
        await scenario.verifier.record(SOUND, "command line")
        assert await standing(scenario) is None
        await scenario.verifier.record(BROKEN, "off")
        [last] = await scenario.fetch("SELECT id FROM block_verifications ORDER BY verified_at DESC LIMIT 1")
        told = uuid7(nanoseconds=int(moment * 1e9))
        await scenario.fetch("UPDATE block_verifications SET id = $1 WHERE id = $2", told, last["id"])
        assert await standing(scenario)
