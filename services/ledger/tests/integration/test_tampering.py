"""The tamper matrix: someone with all rights changes history, and verification names what no longer fits."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from ledger.adapters.evidence import PostgresEvidence
from ledger.adapters.keys import development_key, state_keys
from ledger.domain import merkle
from ledger.domain.block import Block, make_block
from ledger.domain.checkpoints import Checkpoint
from ledger.domain.moves import accounts_of
from ledger.domain.verified_state import VerifiedState
from ledger.settings import DEVELOPMENT_ORIGIN, LedgerSettings
from ledger.use_cases.verify_blocks import BOOKS
from ledger.use_cases.verify_chain import Outcome, Trust, verify_chain

KEY = development_key(DEVELOPMENT_ORIGIN)
TRUST = Trust((KEY.verifier,), DEVELOPMENT_ORIGIN, state_keys=state_keys(LedgerSettings()))

# Each attack stands in a file: what it is, the block that must be named, what must be said, and its SQL.
ATTACKS = [
    (*lines[0].removeprefix("-- ").split(" | "), "\n".join(lines[1:]))
    for lines in (part.splitlines() for part in (Path(__file__).with_name("attacks.sql")).read_text().split("\n\n")[1:])
    if lines
]
# Every kind of block is there to be attacked.
KINDS = {
    "program_create", "donation", "commitment", "decision", "interview", "exception", "decommitment", "reversal",
    "sent", "completed", "failed",
}  # fmt: skip


async def places(history: Any) -> dict[str, Any]:
    """What the attacks' words stand for in this history."""
    found: dict[str, Any] = {"nobody": "00000000-0000-4000-8000-000000000000"}
    for row in await history.fetch("SELECT block_index, transaction_type, transaction_id, data FROM blocks ORDER BY 1"):
        name = (
            row["transaction_id"].rpartition(":")[2]
            if row["transaction_type"] == "disbursement"
            else row["transaction_type"]
        )
        found.setdefault(name, row["block_index"])
        found.setdefault(f"{name}_id", row["transaction_id"].partition(":")[0])
        found["tip"], found["size"] = row["block_index"], row["block_index"] + 1
    queries = {
        "program": "SELECT data->>'program_id' FROM blocks WHERE block_index = 1",
        "lot": "SELECT transaction_id FROM blocks WHERE transaction_type = 'donation' ORDER BY block_index LIMIT 1",
        "other_lot": (
            "SELECT transaction_id FROM blocks WHERE transaction_type = 'donation'"
            " ORDER BY block_index OFFSET 1 LIMIT 1"
        ),
        "award": (
            "SELECT data->>'award_id' FROM blocks WHERE transaction_type = 'commitment' ORDER BY block_index LIMIT 1"
        ),
        "failed_award": "SELECT data->>'award_id' FROM blocks WHERE data->>'step' = 'failed'",
        "link": "SELECT min(id) FROM transaction_links",
        "checkpoint": "SELECT min(size) FROM checkpoints",
        "state": "SELECT min(size) FROM verified_states",
    }
    for name, query in queries.items():
        [row] = await history.fetch(query)
        found[name] = row[0]
    return found


@asynccontextmanager
async def tampering(history: Any) -> AsyncIterator[AsyncConnection]:
    """Someone changes history, in a transaction that is rolled back afterwards."""
    engine = create_async_engine(history.urls["admin"].replace("postgresql://", "postgresql+asyncpg://"))
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("SET search_path = ledger")
            yield connection
            await connection.rollback()
    finally:
        await engine.dispose()


async def verify(connection: AsyncConnection, trust: Trust = TRUST) -> Outcome:
    return await verify_chain(await PostgresEvidence.on(connection), trust)


async def test_an_untouched_history_verifies(whole_history):
    where = await places(whole_history)
    assert where.keys() >= KINDS
    async with tampering(whole_history) as connection:
        assert await verify(connection) == Outcome(0, where["size"], depth=BOOKS)


def filled(text: str, where: Mapping[str, Any]) -> str:
    return re.sub(r"\{(\w+)\}", lambda word: str(where[word[1]]), text)


@pytest.mark.parametrize(("what", "block", "failure", "statements"), ATTACKS, ids=[attack[0] for attack in ATTACKS])
async def test_every_edit_is_detected_and_named(whole_history, what, block, failure, statements):
    where = await places(whole_history)
    async with tampering(whole_history) as connection:
        for statement in filled(statements, where).removesuffix(";").split(";\n"):
            assert (await connection.exec_driver_sql(statement)).rowcount > 0, "nothing was attacked"
        outcome = await verify(connection)
    named = [finding for finding in outcome.findings if filled(failure, where) in finding.failure]
    assert named, (what, outcome.findings)
    name, _, offset = block.partition("+")
    expected = None if block == "-" else int(where.get(name, name)) + int(offset or 0)
    assert named[0].block_index == expected, outcome.findings


# --- whole tails, rewritten as well as only someone with all rights and much patience could -------------------------


async def rewrite_tail(connection: AsyncConnection, changes: Mapping[int, Mapping[str, Any]]) -> merkle.Frontier:
    """Other data in these blocks, and everything that the database derives from it: all of it fits again."""
    start = min(changes)
    rows = (await connection.exec_driver_sql("SELECT * FROM blocks ORDER BY block_index")).mappings().all()
    sealed: list[Block] = []
    for row in rows:
        fields = {name: row[name] for name in ("block_index", "transaction_type", "transaction_id", "nonce")}
        data = dict(row["data"]) if isinstance(row["data"], dict) else orjson.loads(row["data"])
        data |= dict(changes.get(row["block_index"], {}))
        previous = sealed[-1].hash if sealed else row["previous_hash"]
        sealed.append(make_block(**fields, data=data, timestamp=row["timestamp"], previous_hash=previous))
    for block in reversed(sealed[start:]):
        await connection.exec_driver_sql(
            "UPDATE transactions SET blockchain_hash = $2, previous_block_hash = $3 WHERE block_index = $1",
            (block.block_index, block.hash, block.previous_hash),
        )
        await connection.exec_driver_sql(
            "UPDATE blocks SET data = $2::text::jsonb, previous_hash = $3, hash = $4, preimage = $5"
            " WHERE block_index = $1",
            (
                block.block_index,
                orjson.dumps(block.data).decode(),
                block.previous_hash,
                block.hash,
                block.preimage,
            ),
        )
    frontier, nodes = merkle.append(merkle.EMPTY, [block.leaf_hash for block in sealed])
    for node in nodes:
        await connection.exec_driver_sql(
            "UPDATE tree_spans SET hashes = overlay(hashes PLACING $3 FROM ($2 - first)::integer * 32 + 1)"
            " WHERE level = $1 AND first <= $2 AND $2 < first + octet_length(hashes) / 32",
            (node.level, node.index, node.hash),
        )
    await connection.exec_driver_sql(
        "UPDATE head SET tip = $1, peaks = $2", (sealed[-1].hash, b"".join(frontier.peaks))
    )
    return frontier


async def root_of(connection: AsyncConnection, size: int) -> bytes:
    rows = await connection.exec_driver_sql("SELECT hash FROM tree_nodes WHERE level = 0 ORDER BY index")
    return merkle.append(merkle.EMPTY, [bytes(row[0]) for row in rows.fetchall()[:size]])[0].root()


async def sign_again(connection: AsyncConnection) -> None:
    """With the signer's own key, every checkpoint that there is."""
    for (size,) in (await connection.exec_driver_sql("SELECT size FROM checkpoints")).fetchall():
        checkpoint = Checkpoint(DEVELOPMENT_ORIGIN, size, await root_of(connection, size))
        await connection.exec_driver_sql(
            "UPDATE checkpoints SET root = $2, note = $3 WHERE size = $1",
            (size, checkpoint.root, checkpoint.signed(KEY)),
        )


async def test_a_rewritten_tail_is_told_by_the_smallest_checkpoint_that_no_longer_fits(whole_history):
    where = await places(whole_history)
    async with tampering(whole_history) as connection:
        await rewrite_tail(connection, {where["decision"]: {"final_score": "99.00"}})
        outcome = await verify(connection, replace(TRUST, state_keys=()))
    assert (outcome.broken_index, outcome.failure) == (
        where["checkpoint"] - 1,
        f"checkpoint {where['checkpoint']}: the blocks have another root than was signed",
    )


async def test_a_tail_that_was_rewritten_and_signed_again_is_told_by_what_was_sealed(whole_history):
    where = await places(whole_history)
    [old] = await whole_history.fetch("SELECT note FROM checkpoints WHERE size = $1", where["checkpoint"])
    async with tampering(whole_history) as connection:
        await rewrite_tail(connection, {where["decision"]: {"final_score": "99.00"}})
        await sign_again(connection)
        assert (await verify(connection, replace(TRUST, state_keys=()))).ok, "the database alone fits together"
        outcome = await verify(connection)
        from_outside = await verify(connection, replace(TRUST, state_keys=(), outside_note=old["note"]))
    named = f"verified state {where['state']}: the blocks have another root than was verified"
    assert (outcome.broken_index, outcome.failure) == (where["state"] - 1, named)
    assert from_outside.failure == f"outside checkpoint {where['checkpoint']}: the blocks have another root"


# What of a payment's blocks is changed, and what is said then; {id} is the payment.
OTHERS: dict[str, tuple[str, dict[str, str], str]] = {
    "completed for another person": (
        "data->>'transaction_id' = $1 AND data->>'step' = 'completed'",
        {"beneficiary_id": "{nobody}"},
        "transactions {id}: its step completed is not of what was sent",
    ),
    "completed for another tranche": (
        "data->>'transaction_id' = $1 AND data->>'step' = 'completed'",
        {"tranche_id": "{nobody}", "payee_commitment": "a" * 64},
        "transactions {id}: its step completed is not of what was sent",
    ),
    "back from another person": (
        "data->>'disbursement_id' = $1",
        {"beneficiary_id": "{nobody}"},
        "transactions {id}: its reversal is not of what was sent",
    ),
    "paid to another person from the start": (
        "data->>'transaction_id' = $1 OR data->>'disbursement_id' = $1",
        {"beneficiary_id": "{nobody}"},
        "awards {award}: a block moves its money for another beneficiary or programme",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
async def test_money_for_somebody_else_is_told_whoever_signs_it_and_whatever_the_rows_say(whole_history, what):
    which, changed, failure = OTHERS[what]
    [row] = await whole_history.fetch(
        "SELECT data->>'disbursement_id' AS id, data->>'award_id' AS award FROM blocks"
        " WHERE transaction_type = 'reversal' ORDER BY block_index LIMIT 1"
    )
    where = await places(whole_history) | dict(row)
    blocks = await whole_history.fetch(
        f"SELECT block_index, transaction_type, data FROM blocks WHERE {which}", row["id"]
    )
    other = {name: filled(value, where) for name, value in changed.items()}
    async with tampering(whole_history) as connection:
        changes: dict[int, dict[str, Any]] = {}
        for each in blocks:
            data = orjson.loads(each["data"]) | other
            accounts = accounts_of(each["transaction_type"], data)
            lines = [
                {**posting, "account": account} for posting, account in zip(data["postings"], accounts, strict=True)
            ]
            changes[each["block_index"]] = {**other, "postings": lines}
            for line, account in enumerate(accounts):
                await connection.exec_driver_sql(
                    "UPDATE postings SET account = $3 WHERE block_index = $1 AND line = $2",
                    (each["block_index"], line, account),
                )
        await rewrite_tail(connection, changes)
        await sign_again(connection)
        if what != "completed for another tranche":
            await connection.exec_driver_sql(
                "UPDATE transactions SET beneficiary_id = $2 WHERE block_index = ANY ($1)",
                ([each["block_index"] for each in blocks], where["nobody"]),
            )
        outcome = await verify(connection, replace(TRUST, state_keys=()))
    assert filled(failure, where) in [finding.failure for finding in outcome.findings]


async def cut(connection: AsyncConnection, size: int) -> None:
    """The tail taken off without a trace in the chain: blocks, nodes, postings, checkpoints, head."""
    await connection.exec_driver_sql(f"DELETE FROM blocks WHERE block_index >= {size}")
    await connection.exec_driver_sql(f"DELETE FROM postings WHERE block_index >= {size}")
    await connection.exec_driver_sql(f"DELETE FROM tree_spans WHERE first >= {size}::bigint >> level")
    await connection.exec_driver_sql(
        f"UPDATE tree_spans SET hashes = substr(hashes, 1, (({size}::bigint >> level) - first)::integer * 32)"
        f" WHERE first + octet_length(hashes) / 32 > {size}::bigint >> level"
    )
    await connection.exec_driver_sql(f"DELETE FROM checkpoints WHERE size > {size}")
    rows = await connection.exec_driver_sql("SELECT preimage, hash, timestamp, nonce FROM blocks ORDER BY block_index")
    last: Any = None
    frontier = merkle.EMPTY
    for last in rows.fetchall():
        frontier, _ = merkle.append(frontier, [merkle.leaf_hash(bytes(last[0]))])
    assert last is not None
    await connection.exec_driver_sql(
        "UPDATE head SET size = $1, tip = $2, tip_at = $3, peaks = $4, epoch = $5",
        (size, last[1], last[2], b"".join(frontier.peaks), last[3]),
    )


async def test_a_cut_tail_is_told_by_what_was_sealed_or_by_a_checkpoint_from_outside(whole_history):
    where = await places(whole_history)
    [newest] = await whole_history.fetch("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
    [state] = await whole_history.fetch("SELECT body FROM verified_states ORDER BY size DESC LIMIT 1")
    size = where["size"] - 1  # the last block is a program that nothing else speaks of
    async with tampering(whole_history) as connection:
        program = "SELECT (data->>'program_id')::uuid FROM blocks WHERE block_index = $1"
        await connection.exec_driver_sql(f"DELETE FROM programs WHERE program_id = ({program})", (size,))
        await connection.exec_driver_sql("UPDATE row_counts SET number = number - 1 WHERE name = 'programs'")
        counted = "UPDATE block_counts SET number = number - 1 WHERE transaction_type = 'program_create'"
        await connection.exec_driver_sql(counted)
        await cut(connection, size)
        assert (await verify(connection, replace(TRUST, state_keys=()))).ok, "from the inside it looks whole"
        sealed = await verify(connection)
        outside = await verify(connection, replace(TRUST, state_keys=(), outside_note=newest["note"]))
        await connection.exec_driver_sql(f"DELETE FROM verified_states WHERE size > {size}")
        assert (await verify(connection)).ok, "the states went with it"
        remembered = await verify(connection, replace(TRUST, remembered=VerifiedState.parse(state["body"])))
    assert (sealed.broken_index, sealed.failure) == (
        size,
        f"verified state {size + 1}: the chain is shorter than was verified",
    )
    assert (outside.broken_index, outside.failure) == (
        size,
        f"outside checkpoint {size + 1}: the chain is shorter than was signed",
    )
    assert remembered.failure == f"verified state {size + 1}: it was taken out of the database"
