"""What was found stands until a pass that looked again, and at as much, has found it mended."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from chassis.clock import SteppedClock
from chassis.database import Database
from ledger.adapters.keys import development_key
from ledger.adapters.verification_log import ChainVerifier
from ledger.adapters.verification_parts import make_verifier
from ledger.adapters.verification_rounds import VerificationRounds
from ledger.settings import DEVELOPMENT_ORIGIN, LedgerSettings
from ledger.use_cases.verify_blocks import Finding, Outcome, Trust

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


async def test_a_piece_that_is_sound_does_not_mend_what_only_a_look_at_all_books_sees(scenario):
    await scenario.donate("100.00")
    await scenario.service.tick("verify_growth")
    await scenario.fetch("UPDATE balances SET balance = 5000 WHERE account LIKE 'program:%:available'")
    await scenario.donate("1.00")
    await scenario.service.tick("verify_growth")
    found = await standing(scenario)
    assert "the blocks say" in found["failure"]
    piece = await scenario.verifier.verify(start=2)
    assert piece.ok
    await scenario.verifier.record(piece, "scrub")
    assert await standing(scenario) == found
    await scenario.fetch("UPDATE balances SET balance = 101 WHERE account LIKE 'program:%:available'")
    await scenario.service.tick("verify_growth")
    assert await standing(scenario) is None


async def test_a_pass_that_began_before_something_was_found_does_not_mend_it(scenario):
    """All of a long chain takes minutes, in which a piece of it is looked at again and again."""
    begun_before = await scenario.verifier.verify()
    await scenario.verifier.record(BROKEN, "scrub")
    found = await standing(scenario)
    await scenario.verifier.record(begun_before, "nightly")
    assert await standing(scenario) == found
    await scenario.verifier.record(await scenario.verifier.verify(), "nightly")
    assert await standing(scenario) is None


async def test_what_the_night_found_is_not_lost_with_the_process(scenario):
    """It is killed when it is about to say what it found: the next one reads everything again."""

    class Killed(ChainVerifier):
        async def record(self, outcome: Outcome, verified_by: str) -> None:
            raise ConnectionResetError(f"{verified_by}: {outcome.failure}")

    database, trust = (
        scenario.service.worker.database,
        Trust((development_key(DEVELOPMENT_ORIGIN).verifier,), DEVELOPMENT_ORIGIN),
    )
    await scenario.donate("10.00")
    await scenario.take_guards_down()
    await scenario.fetch("UPDATE lots SET taken = 4")
    with pytest.raises(ConnectionResetError):
        await VerificationRounds(database, Killed(database, trust), 2).read_everything()
    await scenario.service.tick("verify_nightly")
    assert (await standing(scenario))["failure"].startswith("lots ")


async def test_a_worker_whose_clock_is_behind_reads_everything_once_a_night(scenario):
    """When it is due, and when it has been read, is told by one clock: by its own the hour has not struck yet."""
    now = datetime.now(UTC)
    clock = SteppedClock(now - timedelta(hours=2))
    database = Database(scenario.urls["ledger_worker"], application_name="test-night", clock=clock)
    try:
        verifier = make_verifier(LedgerSettings(), database)
        for _ in range(2):
            await VerificationRounds(database, verifier, now.hour).read_everything()
    finally:
        await database.close()
    [row] = await scenario.fetch("SELECT due_at FROM verification_rounds WHERE name = 'nightly'")
    assert row["due_at"] > now
    assert len(await scenario.fetch("SELECT FROM block_verifications WHERE verified_by = 'nightly'")) == 1


async def test_no_block_is_shown_as_verified_from_the_first_that_was_found_broken_on(scenario):
    """An earlier pass that found it whole is no answer to whoever looks at it now."""
    await scenario.donate("10.00")
    [block] = await scenario.fetch("SELECT hash FROM blocks WHERE block_index = 1")

    async def shown() -> list[str | None]:
        async with scenario.service.client() as anyone:
            chain = (await anyone.get("/api/v1/blockchain/chain/")).json()["items"]
            alone = [(await anyone.get(f"/api/v1/blockchain/blocks/{each}/")).json() for each in range(3)]
            checked = (await anyone.get(f"/api/v1/blockchain/verify/{block['hash']}/")).json()["block"]
        assert chain == alone
        assert checked == chain[1]
        assert [each["is_verified"] for each in chain] == [each["verified_by"] is not None for each in chain]
        return [each["verified_by"] for each in chain]

    await scenario.verifier.record(replace(SOUND, end=3), "ledger worker")
    assert await shown() == ["ledger worker"] * 3
    await scenario.verifier.record(BROKEN, "scrub")
    assert await shown() == ["ledger worker", None, None]
    await scenario.verifier.record(SOUND, "command line")
    assert None not in await shown()
