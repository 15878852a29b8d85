"""One block by its hash: what is checked, one by one, the first that fails, and how little of the chain that takes."""

from typing import Any

import pytest
from sqlalchemy import event

from chassis.database import Database
from chassis.ids import new_id
from contracts.programs import ProgramCreated
from ledger.adapters.chain_reading import ChainReader
from ledger.adapters.keys import development_key
from ledger.settings import DEVELOPMENT_ORIGIN
from ledger.use_cases.verify_block import verify_block

KEY = development_key(DEVELOPMENT_ORIGIN)


async def grow(scenario: Any, blocks: int) -> None:
    for _ in range(blocks):
        await scenario.service.deliver(ProgramCreated(program_id=new_id(), currency="NGN"))


async def take_guards_down(scenario: Any) -> None:
    for table in ("blocks", "tree_spans", "postings", "checkpoints"):
        await scenario.fetch(f"ALTER TABLE {table} DISABLE TRIGGER refuse_change")
    await scenario.fetch("ALTER TABLE blocks DROP CONSTRAINT ck_blocks_hash_is_of_preimage")
    scenario.is_sound = False


class Reads:
    """Statements that were executed, and rows that came back for them, on one database."""

    def __init__(self, database: Database) -> None:
        self.statements = 0
        self.rows = 0
        event.listen(database.engine.sync_engine, "after_cursor_execute", self._count)

    def _count(self, connection: Any, cursor: Any, *_: Any) -> None:
        del connection
        self.statements += 1
        self.rows += max(cursor.rowcount, 0)


async def test_one_block_takes_the_same_statements_and_a_logarithm_of_rows_however_long_the_chain(scenario):
    reads = Reads(scenario.service.api.database)
    seen = []
    for blocks in (30, 224):  # 32 and 256 in all
        await grow(scenario, blocks)
        note = await scenario.sign()
        reads.statements = reads.rows = 0
        async with scenario.service.api.database.reading() as connection:
            reader = ChainReader(connection)
            block = await reader.find_by_index(5)
            assert block is not None
            verdict = await verify_block(reader, block, note, keys=(KEY.verifier,), origin=DEVELOPMENT_ORIGIN)
        assert verdict.valid
        assert {check.name for check in verdict.checks if check.ok} == {
            "bytes", "columns", "postings", "link", "inclusion", "signature",
        }  # fmt: skip
        seen.append((reads.statements, reads.rows))
    (statements, rows), (statements_later, rows_later) = seen
    assert statements_later == statements <= 6
    assert rows_later - rows == 3, "three more levels"


@pytest.mark.parametrize(
    ("attack", "failing"),
    [
        ("UPDATE blocks SET preimage = preimage || 'x' WHERE block_index = 2", "bytes"),
        ('UPDATE blocks SET data = data || \'{"amount": "99.00"}\' WHERE block_index = 2', "columns"),
        ("UPDATE postings SET amount = amount * 2 WHERE block_index = 2", "postings"),
        ("UPDATE blocks SET preimage = preimage || 'x' WHERE block_index = 1", "link"),
        ("DELETE FROM blocks WHERE block_index = 1", "link"),
        ("UPDATE tree_spans SET hashes = sha256('') WHERE level = 1 AND first = 0", "inclusion"),
        ("UPDATE checkpoints SET note = replace(note, '4', '5')", "signature"),
        ("UPDATE blocks SET preimage = '{\"transaction_type\":[]}' WHERE block_index = 2", "bytes"),
    ],
)
async def test_a_block_by_its_hash_says_the_first_thing_that_fails(scenario, attack, failing):
    donation = await scenario.donate("10.00")
    await grow(scenario, 1)
    await scenario.sign()
    path = f"/api/v1/blockchain/verify/{donation['blockchain_hash']}/"
    await take_guards_down(scenario)
    async with scenario.service.client() as anyone:
        before = (await anyone.get(path)).json()
        assert (before["valid"], before["first_failure"]) == (True, None)
        assert [check["name"] for check in before["checks"]] == [
            "bytes", "columns", "postings", "link", "inclusion", "signature",
        ]  # fmt: skip
        await scenario.fetch(attack)
        after = (await anyone.get(path)).json()
    assert (after["valid"], after["first_failure"]) == (False, failing)
