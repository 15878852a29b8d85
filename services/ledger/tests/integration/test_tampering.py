"""The tamper matrix: someone with all rights changes history, and verification names what no longer fits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.keys import development_key
from ledger.domain import merkle
from ledger.settings import DEVELOPMENT_ORIGIN
from ledger.use_cases.verify_chain import Outcome, Trust, verify_chain

EDITS = [
    ("block_index", "UPDATE blocks SET block_index = 99 WHERE block_index = 3", 3, "missing"),
    ("timestamp", "UPDATE blocks SET timestamp = timestamp + interval '1 us' WHERE block_index = 3", 3, "columns"),
    ("type", "UPDATE blocks SET transaction_type = 'refund' WHERE block_index = 3", 3, "columns"),
    ("id", "UPDATE blocks SET transaction_id = 'other' WHERE block_index = 3", 3, "columns"),
    ("data", "UPDATE blocks SET data = '{}' WHERE block_index = 3", 3, "columns"),
    ("previous_hash", "UPDATE blocks SET previous_hash = repeat('a', 64) WHERE block_index = 3", 3, "columns"),
    ("nonce", "UPDATE blocks SET nonce = 77 WHERE block_index = 3", 3, "columns"),
    ("hash", "UPDATE blocks SET hash = repeat('a', 64) WHERE block_index = 3", 3, "bytes"),
    ("preimage", "UPDATE blocks SET preimage = preimage || 'x' WHERE block_index = 3", 3, "bytes"),
    ("both", "UPDATE blocks SET preimage = '{}', hash = encode(sha256('{}'), 'hex') WHERE block_index = 3", 3, "bytes"),
    ("delete", "DELETE FROM blocks WHERE block_index = 3", 3, "missing"),
    ("posting amount", "UPDATE postings SET amount = amount * 2 WHERE block_index = 2", 2, "postings"),
    ("posting account", "UPDATE postings SET account = 'mine' WHERE block_index = 2 AND line = 1", 2, "postings"),
    ("posting gone", "DELETE FROM postings WHERE block_index = 2", 2, "postings"),
    ("posting more", "INSERT INTO postings VALUES (3, 0, 'a', 'NGN', 1), (3, 1, 'b', 'NGN', -1)", 3, "postings"),
    ("leaf", "UPDATE tree_nodes SET hash = sha256('') WHERE level = 0 AND index = 4", 4, "tree"),
    ("inner node", "UPDATE tree_nodes SET hash = sha256('') WHERE level = 1 AND index = 1", 3, "tree"),
    ("head", "UPDATE head SET tip = repeat('a', 64)", 5, "head"),
    ("head back", "UPDATE head SET size = 5", 5, "head"),
    ("checkpoint", "UPDATE checkpoints SET root = sha256('') WHERE size = 6", 5, "checkpoint 6"),
    ("checkpoint note", "UPDATE checkpoints SET note = replace(note, '6', '7') WHERE size = 6", 5, "checkpoint 6"),
    (
        "cut tail",
        (
            "DELETE FROM blocks WHERE block_index > 3;"
            "UPDATE head SET size = 4, tip = (SELECT hash FROM blocks WHERE block_index = 3),"
            " peaks = (SELECT hash FROM tree_nodes WHERE level = 2 AND index = 0)"
        ),
        4,
        "checkpoint 6: the chain is shorter",
    ),
]


TRUST = Trust((development_key(DEVELOPMENT_ORIGIN).verifier,), DEVELOPMENT_ORIGIN)


@asynccontextmanager
async def tampering(history, statements: str) -> AsyncIterator[AsyncConnection]:
    """Someone with all rights changes history, in a transaction that is rolled back when the test has looked."""
    engine = create_async_engine(history.urls["admin"].replace("postgresql://", "postgresql+asyncpg://"))
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("SET search_path = ledger")
            for table in ("blocks", "tree_nodes", "postings", "checkpoints"):
                await connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            await connection.exec_driver_sql("ALTER TABLE blocks DROP CONSTRAINT ck_blocks_hash_is_of_preimage")
            for statement in statements.split(";"):
                await connection.exec_driver_sql(statement)
            yield connection
            await connection.rollback()
    finally:
        await engine.dispose()


async def test_an_untouched_history_verifies(history):
    async with tampering(history, "SELECT 1") as connection:
        assert await verify_chain(ChainReader(connection), TRUST) == Outcome(0, 6)


@pytest.mark.parametrize(("what", "statements", "index", "failure"), EDITS, ids=[edit[0] for edit in EDITS])
async def test_every_edit_is_detected_and_the_first_broken_block_named(history, what, statements, index, failure):
    async with tampering(history, statements) as connection:
        outcome = await verify_chain(ChainReader(connection), TRUST)
    assert not outcome.ok, what
    assert outcome.broken_index == index
    assert outcome.failure is not None
    assert failure in outcome.failure


async def test_a_tail_that_was_cut_off_cleanly_is_told_by_a_checkpoint_from_outside_only(history):
    [signed] = await history.fetch("SELECT note FROM checkpoints")
    rows = await history.fetch("SELECT preimage FROM blocks WHERE block_index < 5 ORDER BY block_index")
    frontier, _ = merkle.append(merkle.EMPTY, [merkle.leaf_hash(bytes(row["preimage"])) for row in rows])
    peaks = b"".join(frontier.peaks).hex()
    cut = (
        "DELETE FROM checkpoints; DELETE FROM blocks WHERE block_index = 5;"
        "DELETE FROM tree_nodes WHERE (level = 0 AND index = 5) OR (level = 1 AND index = 2);"
        "UPDATE head SET size = 5, tip = (SELECT hash FROM blocks WHERE block_index = 4),"
        f" peaks = decode('{peaks}', 'hex')"
    )
    async with tampering(history, cut) as connection:
        assert (await verify_chain(ChainReader(connection), TRUST)).ok, "from the inside it looks whole"
        outcome = await verify_chain(ChainReader(connection), replace(TRUST, outside_note=signed["note"]))
    assert (outcome.ok, outcome.broken_index) == (False, 5)
    assert "shorter than was signed" in str(outcome.failure)


async def test_what_was_verified_is_kept_and_shown_with_the_block_and_a_tampered_one_as_such(scenario):
    donation = await scenario.donate("10.00")
    path = f"/api/v1/blockchain/verify/{donation['blockchain_hash']}/"
    await scenario.service.tick("verify_growth")
    async with scenario.service.client() as anyone:
        block = (await anyone.get("/api/v1/blockchain/blocks/2/")).json()
        assert (block["is_verified"], block["verified_by"]) == (True, "ledger worker")
        integrity = (await anyone.get("/api/v1/blockchain/integrity/")).json()
        assert (integrity["height"], integrity["last_verified_height"], integrity["unbalanced_entries"]) == (3, 3, 0)
        assert (await anyone.get(path)).json()["valid"] is True
        await scenario.fetch("ALTER TABLE blocks DISABLE TRIGGER ALL")
        await scenario.fetch('UPDATE blocks SET data = data || \'{"amount": "99.00"}\' WHERE block_index = 2')
        verdict = (await anyone.get(path)).json()
    assert (verdict["valid"], verdict["first_failure"]) == (False, "columns")
    await scenario.verifier.record(await scenario.verifier.verify(start=1), "auditor")
    [row] = await scenario.fetch("SELECT * FROM block_verifications WHERE NOT ok")
    assert (row["first_broken_index"], row["verified_by"]) == (2, "auditor")
