"""Steps of payments out of order, and a tranche paid twice, in chains that whoever has all rights made to fit again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
from services.ledger.tests.integration.test_tampering import TRUST, rewrite_tail, sign_again, tampering, verify
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True)
class Written:
    """What a block says, but for its place."""

    transaction_type: str
    transaction_id: str
    data: dict[str, Any]


async def failures_after(history: Any, changes: Mapping[int, Written], *statements: str) -> list[str]:
    """What verification says once these blocks say something else, and all that follows from them fits again."""
    async with tampering(history) as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
        for index in changes:
            await connection.exec_driver_sql("DELETE FROM postings WHERE block_index = $1", (index,))
            await connection.exec_driver_sql(
                "UPDATE blocks SET transaction_id = block_index WHERE block_index = $1", (index,)
            )
        for index, written in changes.items():
            await put(connection, index, written)
        await rewrite_tail(connection, {min(changes): {}})
        await sign_again(connection)
        outcome = await verify(connection, replace(TRUST, state_keys=()))
    return [finding.failure for finding in outcome.findings]


async def put(connection: AsyncConnection, index: int, written: Written) -> None:
    await connection.exec_driver_sql(
        "UPDATE blocks SET transaction_type = $2, transaction_id = $3, data = $4::text::jsonb WHERE block_index = $1",
        (index, written.transaction_type, written.transaction_id, orjson.dumps(written.data).decode()),
    )
    for line, posting in enumerate(written.data["postings"]):
        await connection.exec_driver_sql(
            "INSERT INTO postings VALUES ($1, $2, $3, 'NGN', $4::text::numeric)",
            (index, line, posting["account"], posting["amount"]),
        )


async def payment_that_came_back(history: Any) -> tuple[str, dict[str, int], dict[str, Written]]:
    """Its id; where its blocks are and what they say, by the last part of their ids."""
    rows = await history.fetch(
        "SELECT block_index, transaction_type, transaction_id, data::text AS data, (SELECT data->>'disbursement_id'"
        " FROM blocks WHERE transaction_type = 'reversal' ORDER BY block_index LIMIT 1) AS payment FROM blocks"
    )
    payment = rows[0]["payment"]
    found = {row["transaction_id"].rpartition(":")[2]: row for row in rows if row["transaction_id"].startswith(payment)}
    written = {
        name: Written(row["transaction_type"], row["transaction_id"], orjson.loads(row["data"]))
        for name, row in found.items()
    }
    return payment, {name: row["block_index"] for name, row in found.items()}, written


async def test_an_exchange_of_nothing_is_no_failure(whole_history):
    _, place, written = await payment_that_came_back(whole_history)
    assert await failures_after(whole_history, {place[name]: written[name] for name in place}) == []


@pytest.mark.parametrize(
    ("one", "other", "failure"),
    [
        ("sent", "completed", "it is completed, and not sent before"),
        ("completed", "reversed", "it came back, and had not arrived"),
    ],
)
async def test_steps_in_another_order_are_told(whole_history, one, other, failure):
    payment, place, written = await payment_that_came_back(whole_history)
    changes = {place[one]: written[other], place[other]: written[one]}
    assert f"transactions {payment}: {failure}" in await failures_after(whole_history, changes)


async def test_what_failed_after_it_was_completed_is_told(whole_history):
    payment, place, written = await payment_that_came_back(whole_history)
    clearing, committed = ({"account": each["account"]} for each in reversed(written["sent"].data["postings"]))
    amount = written["sent"].data["amount"]
    postings = [clearing | {"amount": f"-{amount}"}, committed | {"amount": amount}]
    failed = written["completed"].data | {"step": "failed", "postings": postings}
    changes = {place["reversed"]: Written("disbursement", f"{payment}:failed", failed)}
    named = f"transactions {payment}: it is failed, and was over before"
    assert named in await failures_after(whole_history, changes)


async def test_a_step_by_another_name_is_told(whole_history):
    _, place, written = await payment_that_came_back(whole_history)
    changes = {place["reversed"]: replace(written["reversed"], transaction_id="x")}
    named = f"blocks {place['reversed']}: x is not of its payment and step"
    assert named in await failures_after(whole_history, changes)


async def test_a_step_that_is_there_twice_is_told(whole_history):
    payment, place, written = await payment_that_came_back(whole_history)
    named = f"blocks {place['reversed']}: another is {payment}:completed too"
    assert named in await failures_after(
        whole_history,
        {place["reversed"]: written["completed"]},
        "ALTER TABLE blocks DROP CONSTRAINT uq_blocks_transaction_id",
    )


async def test_a_tranche_that_is_paid_twice_is_told_whatever_the_rows_say(whole_history):
    rows = await whole_history.fetch(
        "SELECT block_index, transaction_id, data::text AS data FROM blocks WHERE transaction_type = 'disbursement'"
        " ORDER BY block_index"
    )
    sent = [orjson.loads(row["data"]) for row in rows if row["transaction_id"].endswith(":sent")]
    first, second = sent[0], sent[-1]
    changes = {
        row["block_index"]: Written(
            "disbursement", row["transaction_id"], orjson.loads(row["data"]) | {"tranche_id": first["tranche_id"]}
        )
        for row in rows
        if row["transaction_id"].startswith(second["transaction_id"])
    }
    pays = f"{second['transaction_id']} pays it, and {first['transaction_id']} does already"
    found = await failures_after(
        whole_history,
        changes,
        "DROP INDEX uq_transactions_live_tranche",
        f"UPDATE transactions SET tranche_id = '{first['tranche_id']}' WHERE id = '{second['transaction_id']}'",
    )
    assert found == [f"tranches {first['tranche_id']}: {pays}"]
