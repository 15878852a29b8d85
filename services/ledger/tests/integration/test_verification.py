"""Verification as it runs: what is new, a little of everything all day, all of it at night; sealed, named, shown."""

import asyncio
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from chassis.ids import new_id
from chassis.settings import DEVELOPMENT_KEY
from contracts.programs import ProgramCreated
from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.evidence import PostgresEvidence
from ledger.adapters.segment_pool import SegmentPool, pieces_of
from ledger.adapters.snapshot_readers import SnapshotReaders
from ledger.adapters.verification_parts import make_verifier
from ledger.adapters.verification_rounds import SCRUB_BLOCKS_MIN, next_night
from ledger.domain.verified_state import VerifiedState
from ledger.settings import LedgerSettings
from ledger.use_cases.verify_chain import Trust, verify_chain


async def grow(scenario: Any, blocks: int) -> None:
    for _ in range(blocks):
        await scenario.service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))


async def take_guards_down(scenario: Any) -> None:
    """What is written is still counted, and nothing is refused any more."""
    for table in ("blocks", "tree_spans", "postings", "verified_states", "checkpoints"):
        await scenario.fetch(f"ALTER TABLE {table} DISABLE TRIGGER refuse_change")
    scenario.is_sound = False


async def verifications(scenario: Any) -> list[tuple[Any, ...]]:
    rows = await scenario.fetch(
        "SELECT verified_by, from_index, to_index, ok, first_broken_index, failure FROM block_verifications ORDER BY id"
    )
    return [tuple(row) for row in rows]


# --- what is new ----------------------------------------------------------------------------------------------------


async def test_each_pass_starts_at_what_was_sealed_and_seals_what_it_saw(scenario):
    await scenario.service.tick("verify_growth")
    await grow(scenario, 3)
    await scenario.service.tick("verify_growth")
    await scenario.service.tick("verify_growth")
    assert await verifications(scenario) == [
        ("ledger worker", 0, 1, True, None, None),
        ("ledger worker", 2, 4, True, None, None),
    ]
    first, second = [
        VerifiedState.parse(row["body"])
        for row in await scenario.fetch("SELECT body FROM verified_states ORDER BY size")
    ]
    assert (first.size, second.size, second.previous) == (2, 5, first.digest)
    assert second.root == await root_of(scenario, 5)


async def root_of(scenario: Any, size: int) -> bytes:
    async with scenario.service.worker.database.reading() as connection:
        return await ChainReader(connection).root(size)


async def test_only_new_blocks_are_read_again(scenario):
    """An old block that was changed is for the scrub and the night; its sealed tree tells as soon as it moves."""
    await grow(scenario, 5)
    await scenario.service.tick("verify_growth")
    await take_guards_down(scenario)
    await scenario.fetch("UPDATE blocks SET nonce = 9 WHERE block_index = 3")
    await grow(scenario, 1)
    await scenario.service.tick("verify_growth")
    assert (await verifications(scenario))[-1][:4] == ("ledger worker", 7, 7, True)
    await scenario.fetch("UPDATE tree_spans SET hashes = sha256('') WHERE (level, first) IN ((1, 1), (3, 0))")
    await scenario.service.tick("verify_growth")
    assert (await verifications(scenario))[-1][-2:] == (
        7,
        "verified state 8: the blocks have another root than was verified",
    )


async def test_a_balance_that_was_changed_is_named_with_the_next_block(scenario):
    await scenario.donate("100.00")
    await scenario.service.tick("verify_growth")
    await take_guards_down(scenario)
    account = f"program:{scenario.program_id}:available"
    await scenario.fetch("UPDATE balances SET balance = 5000 WHERE account = $1", account)
    await grow(scenario, 1)
    await scenario.service.tick("verify_growth")
    assert (await verifications(scenario))[-1][3:] == (
        False,
        None,
        f"balances NGN {account}: 5000.00, the blocks say 100.00",
    )


async def test_a_state_that_nobody_of_ours_sealed_stops_the_sealing(scenario):
    await scenario.service.tick("verify_growth")
    [row] = await scenario.fetch("SELECT body FROM verified_states")
    await take_guards_down(scenario)
    forged = row["body"].replace("receipts 0", "receipts 7")
    await scenario.fetch("UPDATE verified_states SET body = $1", forged)
    await grow(scenario, 1)
    await scenario.service.tick("verify_growth")
    await scenario.service.tick("verify_growth")
    assert (await verifications(scenario))[1:] == [
        ("ledger worker", 0, 2, False, None, "verified state 2: no known key has sealed it")
    ]
    assert len(await scenario.fetch("SELECT * FROM verified_states")) == 1


async def test_a_state_that_was_taken_out_is_missed_because_it_is_remembered_outside(scenario, tmp_path):
    settings = LedgerSettings(verified_state_path=str(tmp_path / "state" / "last"))
    verifier = make_verifier(settings, scenario.service.worker.database)
    await grow(scenario, 2)
    assert await verifier.verify_growth("ledger worker")
    await take_guards_down(scenario)
    await scenario.fetch("DELETE FROM verified_states")
    restarted = make_verifier(settings, scenario.service.worker.database)
    await restarted.verify_growth("ledger worker")
    assert (await verifications(scenario))[-1][-1] == "verified state 4: it was taken out of the database"
    assert (await restarted.verify()).failure == "verified state 4: it was taken out of the database"


async def test_a_new_key_goes_on_as_long_as_the_old_one_is_known(scenario):
    await scenario.service.tick("verify_growth")
    await grow(scenario, 1)
    database = scenario.service.worker.database
    new = SecretStr(b64encode(b"n" * 32).decode())
    forgetful = make_verifier(LedgerSettings(verification_key=new), database)
    assert (await forgetful.verify()).failure == "verified state 2: no known key has sealed it"
    rotated = make_verifier(LedgerSettings(verification_key=new, verification_old_keys=[DEVELOPMENT_KEY]), database)
    assert await rotated.verify_growth("ledger worker")
    assert (await rotated.verify()).ok
    scenario.is_sound = False  # for those who know the old key only


async def test_the_api_cannot_say_that_something_was_verified(scenario):
    await scenario.service.tick("verify_growth")
    for statement in (
        "INSERT INTO verified_states (size, body, mac) VALUES (9, 'x', 'y')",
        "DELETE FROM verified_states",
        "UPDATE verification_rounds SET due_at = now() + interval '1 year'",
        (
            "INSERT INTO block_verifications (id, from_index, to_index, ok, verified_by)"
            " VALUES (gen_random_uuid(), 0, 9, true, 'me')"
        ),
        "DELETE FROM block_verifications",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await scenario.fetch(statement, role="api")
    with pytest.raises(asyncpg.PostgresError):
        await scenario.fetch("UPDATE verified_states SET size = 9", role="worker")


# --- all day and at night -------------------------------------------------------------------------------------------


async def due(scenario: Any) -> None:
    await scenario.fetch("UPDATE verification_rounds SET due_at = now() - interval '1 second'")


async def test_the_scrub_reads_a_piece_when_it_is_due_and_goes_on_where_it_was(scenario):
    await grow(scenario, SCRUB_BLOCKS_MIN + 30)
    size = SCRUB_BLOCKS_MIN + 32
    await scenario.service.tick("scrub")
    await scenario.service.tick("scrub")
    [row] = await scenario.fetch("SELECT * FROM verification_rounds WHERE name = 'scrub'")
    assert (row["position"], row["slice_from"]) == (SCRUB_BLOCKS_MIN, SCRUB_BLOCKS_MIN), "once, for it is due once"
    await due(scenario)
    await scenario.service.tick("scrub")
    assert [each for each in await verifications(scenario) if each[0] == "scrub"] == [
        ("scrub", 0, SCRUB_BLOCKS_MIN - 1, True, None, None),
        ("scrub", SCRUB_BLOCKS_MIN, size - 1, True, None, None),
    ]
    await due(scenario)
    await scenario.service.tick("scrub")
    [row] = await scenario.fetch("SELECT position FROM verification_rounds WHERE name = 'scrub'")
    assert row["position"] == SCRUB_BLOCKS_MIN, "round and round"


async def test_what_the_scrub_finds_is_named_and_shown_until_it_is_mended(scenario):
    await grow(scenario, 4)
    await scenario.service.tick("verify_growth")
    await take_guards_down(scenario)
    [was] = await scenario.fetch("SELECT nonce FROM blocks WHERE block_index = 3")
    await scenario.fetch("UPDATE blocks SET nonce = 9 WHERE block_index = 3")
    await scenario.service.tick("scrub")
    found = ("scrub", 0, 5, False, 3, "columns: the column nonce differs from the bytes")
    assert (await verifications(scenario))[-1] == found
    async with scenario.service.client() as anyone:
        shown = (await anyone.get("/api/v1/blockchain/integrity/")).json()
        assert (shown["height"], shown["last_verified_height"]) == (6, 3)
        assert (shown["standing_failure"]["block_index"], shown["standing_failure"]["failure"]) == (3, found[-1])
        await grow(scenario, 1)
        await scenario.service.tick("verify_growth")
        shown = (await anyone.get("/api/v1/blockchain/integrity/")).json()
        assert shown["standing_failure"], "new blocks do not mend it"
        await scenario.fetch("UPDATE blocks SET nonce = $1 WHERE block_index = 3", was["nonce"])
        await scenario.service.tick("verify_nightly")
        shown = (await anyone.get("/api/v1/blockchain/integrity/")).json()
    assert (shown["last_verified_height"], shown["standing_failure"]) == (7, None)


async def test_the_night_reads_everything_once_and_keeps_it_by_name(scenario):
    await scenario.donate("10.00")
    await scenario.service.tick("verify_nightly")
    await scenario.service.tick("verify_nightly")
    assert [each for each in await verifications(scenario) if each[0] == "nightly"] == [
        ("nightly", 0, 2, True, None, None)
    ]
    [row] = await scenario.fetch("SELECT due_at FROM verification_rounds WHERE name = 'nightly'")
    assert row["due_at"] == next_night(scenario.service.worker.clock.now(), LedgerSettings().nightly_verification_hour)


async def test_a_night_that_was_put_off_for_years_comes_all_the_same(scenario):
    await scenario.fetch("UPDATE verification_rounds SET due_at = now() + interval '3 years'")
    await scenario.service.tick("verify_nightly")
    assert [each[0] for each in await verifications(scenario)] == ["nightly"]


async def test_rounds_that_were_taken_out_are_missed_loudly(scenario):
    await scenario.fetch("DELETE FROM verification_rounds")
    for timer in ("scrub", "verify_nightly"):
        with pytest.raises(LookupError, match="verification_rounds is gone"):
            await scenario.service.tick(timer)


async def test_the_night_finds_a_lot_and_says_which(scenario):
    donation = await scenario.donate("10.00")
    scenario.is_sound = False
    await scenario.take_guards_down()
    await scenario.fetch("UPDATE lots SET taken = 4")
    await scenario.service.tick("verify_nightly")
    failure = f"lots {donation['id']}: 4.00 of it is taken, awards and refunds say 0"
    assert (await verifications(scenario))[-1] == ("nightly", 0, 2, False, 2, failure)


@pytest.mark.parametrize(("now", "hour", "night"), [(1, 2, (5, 2)), (2, 2, (6, 2)), (3, 2, (6, 2)), (23, 0, (6, 0))])
def test_the_next_night_is_the_next_time_the_clock_strikes(now, hour, night):
    day = datetime(2026, 11, 5, tzinfo=UTC)
    assert next_night(day + timedelta(hours=now), hour) == day.replace(day=night[0], hour=night[1])


# --- processes that share the work ----------------------------------------------------------------------------------


async def test_processes_see_what_this_one_sees(scenario):
    await scenario.donate("10.00")
    await grow(scenario, 3)
    url = scenario.urls["ledger_worker"]
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        async with connection.transaction(isolation="repeatable_read"), SegmentPool(url, 2) as pool:
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            await grow(scenario, 2)
            [segment] = [each async for each in pool.segments(snapshot, 0, 6)]
            assert segment.broken is None
            assert (segment.end, segment.tip) == (6, await connection.fetchval("SELECT tip FROM head"))
            [beyond] = [each async for each in pool.segments(snapshot, 0, 8)]
            assert beyond.broken == (6, "missing: no such block"), "what came later is not in the snapshot"
            with pytest.raises(RuntimeError, match="snapshot"):
                [each async for each in pool.segments("no such snapshot", 0, 6)]
    finally:
        await connection.close()


async def test_readers_beside_find_what_one_connection_finds_however_the_books_go_on(scenario):
    await scenario.donate("10.00")
    scenario.is_sound = False
    await scenario.take_guards_down()
    await scenario.fetch("UPDATE lots SET taken = 4")
    await scenario.fetch("UPDATE row_counts SET number = 9 WHERE name = 'programs'")
    async with scenario.service.worker.database.engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        alone = [each async for each in (await PostgresEvidence.on(connection)).contradictions(0, 3, whole=True)]
        await scenario.fetch("UPDATE lots SET taken = 0")
        readers = SnapshotReaders(scenario.urls["ledger_worker"], 2)
        shared = await PostgresEvidence.on(connection, None, readers)
        assert [each async for each in shared.contradictions(0, 3, whole=True)] == alone
        await shared.begin(0, 3)
        assert [each async for each in shared.contradictions(0, 3, whole=True)] == alone, "begun before it was asked"
        await shared.close()
        await connection.rollback()
    assert [each.detail.split(":")[0].split()[0] for each in alone] == ["lots", "row_counts"]


async def test_what_readers_could_not_read_of_broken_blocks_is_not_told_instead_of_them(scenario):
    await scenario.donate("10.00")
    await take_guards_down(scenario)
    await scenario.fetch('UPDATE blocks SET data = data || \'{"donor_id": "nobody"}\' WHERE block_index = 2')
    async with scenario.service.worker.database.engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        evidence = await PostgresEvidence.on(connection, None, SnapshotReaders(scenario.urls["ledger_worker"], 1))
        outcome = await verify_chain(evidence, Trust((), "localhost"))
        await asyncio.sleep(0.5)  # the readers have failed by now
        await evidence.close()
        await connection.rollback()
    assert (outcome.broken_index, outcome.failure) == (2, "columns: the column data differs from the bytes")


def test_pieces_begin_at_multiples():
    assert pieces_of(0, 20, 8) == [(0, 8), (8, 16), (16, 20)]
    assert pieces_of(5, 17, 8) == [(5, 8), (8, 16), (16, 17)]
    assert pieces_of(8, 9, 8) == [(8, 9)]
    assert pieces_of(8, 8, 8) == []
