"""Records of before erasure reached them: the migration puts the ledger's own ids in the place of people's."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
from services.ledger.tests.upgrading import ledger_at, upgrade

from chassis.ids import new_id
from chassis.testing.servers import PostgresServer

_BEFORE = """
SET session_replication_role = replica;
SET search_path = ledger;
INSERT INTO manual_transfers (transaction_id, outcome, amount, bank_reference, note, recorded_by)
    VALUES (gen_random_uuid(), 'failed', 1, 'A', 'To Amina.', '{first}'),
    (gen_random_uuid(), 'paid', 1, 'B', NULL, '{second}');
INSERT INTO statement_files
    (file_id, sha256, occurrence, format, size_bytes, line_count, new_line_count, imported_by)
    VALUES ('{first}', repeat('a', 64), 1, 'csv', 1, 0, 0, '{first}'),
    ('{second}', repeat('b', 64), 1, 'csv', 1, 0, 0, NULL);
INSERT INTO statement_withdrawals (file_id, reason, withdrawn_by) VALUES ('{first}', 'Wrong.', '{second}');
"""


async def fetch(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    try:
        rows: list[asyncpg.Record] = await connection.fetch(query)
        return rows
    finally:
        await connection.close()


async def execute(url: str, script: str) -> None:
    connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
    try:
        await connection.execute(script)
    finally:
        await connection.close()


def test_old_records_keep_who_is_who_without_their_ids(postgres_server: PostgresServer):
    first, second = new_id(), new_id()
    with ledger_at(postgres_server, "0008") as urls:
        admin = urls["admin"]
        asyncio.run(execute(admin, _BEFORE.format(first=first, second=second)))
        asyncio.run(upgrade(urls, "head"))
        actors = asyncio.run(fetch(admin, "SELECT actor_id, user_id FROM ledger.actors"))
        own: dict[UUID, Any] = {row["user_id"]: row["actor_id"] for row in actors}
        assert own.keys() == {first, second}
        transfers = asyncio.run(
            fetch(
                admin,
                "SELECT bank_reference, recorded_by, note FROM ledger.manual_transfers"
                " LEFT JOIN ledger.manual_transfer_notes ON transfer_id = id ORDER BY id",
            )
        )
        assert [tuple(row) for row in transfers] == [("A", own[first], "To Amina."), ("B", own[second], None)]
        files = asyncio.run(fetch(admin, "SELECT imported_by FROM ledger.statement_files ORDER BY number"))
        assert [row["imported_by"] for row in files] == [own[first], None]
        [gone] = asyncio.run(fetch(admin, "SELECT withdrawn_by FROM ledger.statement_withdrawals"))
        assert gone["withdrawn_by"] == own[second]


_WORDS = """
SET session_replication_role = replica;
SET search_path = ledger;
INSERT INTO donors (donor_id, user_id, reference)
    VALUES ('{erased}', NULL, NULL), ('{living}', gen_random_uuid(), NULL), ('{organisation}', NULL, 'ACME-1');
INSERT INTO transactions
    (id, transaction_type, status, program_id, donor_id, user_id, amount, currency, reason, initiated_at)
    SELECT donor_id, 'refund', 'pending', donor_id, donor_id, user_id, 1, 'NGN', 'Why.', now() FROM donors;
INSERT INTO disputes (dispute_id, transaction_id, status_before, code, reason)
    SELECT id, id, 'failed', 'paid_after_failure', 'How.' FROM transactions;
INSERT INTO manual_transfers (transaction_id, outcome, amount, bank_reference, recorded_by)
    SELECT id, 'failed', 1, 'A', gen_random_uuid() FROM transactions;
INSERT INTO manual_transfer_notes (transfer_id, note) SELECT id, 'What.' FROM manual_transfers;
"""


def test_old_words_about_the_money_of_the_erased_go(postgres_server: PostgresServer):
    people = {name: new_id() for name in ("erased", "living", "organisation")}
    with ledger_at(postgres_server, "0021") as urls:
        asyncio.run(execute(urls["admin"], _WORDS.format(**people)))
        asyncio.run(upgrade(urls, "0022"))
        told = asyncio.run(
            fetch(
                urls["admin"],
                "SELECT t.id, t.reason, d.reason, note FROM ledger.transactions t"
                " JOIN ledger.disputes d ON dispute_id = t.id JOIN ledger.manual_transfers m ON m.transaction_id = t.id"
                " LEFT JOIN ledger.manual_transfer_notes ON transfer_id = m.id",
            )
        )
    kept = ("Why.", "How.", "What.")
    found = {row[0]: tuple(row)[1:] for row in told}
    assert found == {
        people["erased"]: (None, None, None),
        people["living"]: kept,
        people["organisation"]: kept,
    }
