"""Whatever row of the evidence is changed in whatever column: verification fails. What may change is listed."""

import asyncio
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.adapters.evidence import PostgresEvidence
from ledger.adapters.keys import development_key, state_keys
from ledger.settings import DEVELOPMENT_ORIGIN, LedgerSettings
from ledger.use_cases.verify_chain import Trust, verify_chain

TRUST = Trust(
    (development_key(DEVELOPMENT_ORIGIN).verifier,), DEVELOPMENT_ORIGIN, state_keys=state_keys(LedgerSettings())
)
EVIDENCE = (
    "blocks", "tree_spans", "postings", "balances", "head", "checkpoints", "verified_states", "programs", "lots",
    "lot_sums", "award_lots", "awards", "tranches", "transactions", "transaction_links", "payments", "booked_events",
    "quarantined_events", "receipts", "block_counts", "row_counts",
    "money_totals", "account_totals", "program_balances",
)  # fmt: skip
FREE = {
    # Changed with every change of the row; nothing is derived from them.
    **{
        (table, "updated_at"): "bookkeeping"
        for table in ("balances", "programs", "lots", "award_lots", "awards", "transactions", "payments")
    },
    ("transactions", "version"): "bookkeeping",
    # The way from the ledger's own ids to people, which erasure cuts.
    **{("transactions", column): "erasure" for column in ("user_id", "requested_by", "approved_by")},
    ("awards", "user_id"): "erasure",
    ("payments", "sealed_account"): "erasure",
    # Said again when two people end a dispute; a reversal's code is in its block.
    ("transactions", "code"): "disputes",
    ("transactions", "completed_at"): "disputes",
    # An admin's words, which no block repeats.
    ("transactions", "reason"): "words",
    # Where a call of a rail stands: it moves no books.
    **{("payments", column): "rail calls" for column in ("called_at", "asked", "due_at", "confirmed_by")},
    # As programs says it, until it says otherwise.
    ("programs", "title"): "programs' own",
    ("programs", "revision"): "programs' own",
    ("programs", "deleted_at"): "programs' own",
    # A takeover raises it, whether or not a block follows; lowered, it is detected.
    ("head", "epoch"): "takeover",
    # When a row was made; what it says is signed or sealed, this is beside it.
    ("checkpoints", "created_at"): "beside what is signed",
    ("verified_states", "created_at"): "beside what is sealed",
    ("quarantined_events", "seen_at"): "an event that was not booked",
}  # fmt: skip
# An approval's event is told by its payment: no block has its id.
ROWS = {"booked_events": "event_id::text IN (SELECT transaction_id FROM blocks)"}
CHANGES = {
    "bigint": "coalesce({0}, 0) + 1000",
    "integer": "coalesce({0}, 0) + 1000",
    "smallint": "coalesce({0}, 0) + 40",
    "numeric": "coalesce({0}, 0) + 0.01",
    "uuid": "gen_random_uuid()",
    "bytea": "coalesce({0}, '') || '\\x00'",
    "jsonb": "{0} || '{{\"x\": 1}}'",
    "timestamp with time zone": "coalesce({0}, now()) + interval '1 us'",
    "date": "coalesce({0}, '2026-01-01') + 1",
    "boolean": "NOT {0}",
    "text": "coalesce({0}, '') || 'x'",
    "character varying": "CASE left({0}, 1) WHEN 'x' THEN 'y' ELSE 'x' END || substr(coalesce({0}, ''), 2)",
}


@pytest.fixture
async def columns(whole_history) -> list[tuple[str, str, str]]:
    """(table, column, type) of everything that may not be changed without being noticed."""
    rows = await whole_history.fetch(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'ledger' AND table_name = ANY ($1) ORDER BY 1, 2",
        list(EVIDENCE),
    )
    found = [(row["table_name"], row["column_name"], row["data_type"]) for row in rows]
    assert {table for table, _, _ in found} == set(EVIDENCE)
    assert {(table, column) for table, column, _ in found} >= FREE.keys(), "what is free is there"
    return [each for each in found if each[:2] not in FREE]


async def failures_after(url: str, table: str, column: str, kind: str, row: int) -> list[str] | None:
    """What verification says when that column of that row was changed; None when there is nothing to change."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql("SET search_path = ledger")
            chosen = (
                f"SELECT ctid FROM {table} WHERE {ROWS.get(table, 'true')} ORDER BY ctid"
                f" OFFSET {row} % greatest((SELECT count(*) FROM {table} WHERE {ROWS.get(table, 'true')}), 1) LIMIT 1"
            )
            change = CHANGES[kind].format(f'"{column}"')
            statement = f'UPDATE {table} SET "{column}" = {change} WHERE ctid = ({chosen})'
            if (await connection.exec_driver_sql(statement)).rowcount == 0:
                return None
            outcome = await verify_chain(await PostgresEvidence.on(connection), TRUST)
            await connection.rollback()
            return [finding.failure for finding in outcome.findings]
    finally:
        await engine.dispose()


def test_any_change_of_any_row_of_the_evidence_is_noticed(whole_history, columns):
    url: str = whole_history.urls["admin"]

    # Each example takes a connection and a whole verification; every column has one in the test below.
    @settings(max_examples=60)
    @given(st.sampled_from(columns), st.integers(0, 1000))
    def look(where: tuple[str, str, str], row: int) -> None:
        found: Any = asyncio.run(failures_after(url, *where, row))
        assume(found is not None)
        assert found, f"{where[0]}.{where[1]} of row {row} was changed and nobody noticed"

    look()


def test_every_column_of_the_evidence_is_noticed_at_least_once(whole_history, columns):
    url: str = whole_history.urls["admin"]
    unnoticed = [each[:2] for each in columns if asyncio.run(failures_after(url, each[0], each[1], each[2], 0)) == []]
    assert not unnoticed
