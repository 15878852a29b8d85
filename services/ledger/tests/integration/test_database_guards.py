"""Plain SQL as each role: the database itself refuses what the rules forbid, whatever the code believes."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

ROLES = ["api", "worker", "signer"]
PROTECTED = ["blocks", "tree_spans", "checkpoints", "postings", "booked_events", "transaction_links", "receipts"]

FIRST_COLUMN = (
    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped"
    " AND attidentity = '' ORDER BY attnum LIMIT 1"
)
# What each role may do with each table, by the catalogue; a privilege on one column counts.
PRIVILEGES = """
    SELECT c.relname AS name, array(SELECT role || ' ' || privilege
        FROM unnest(ARRAY['ledger_api', 'ledger_worker', 'ledger_signer']) AS role,
            unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) AS privilege
        WHERE has_table_privilege(role, c.oid, privilege)
            OR privilege IN ('INSERT', 'UPDATE') AND has_any_column_privilege(role, c.oid, privilege)) AS privileges,
        array(SELECT tgname::text FROM pg_trigger
            WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled = 'A') AS always
    FROM pg_class AS c WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind = 'r'"""
# Only added to, by grants alone: none of them is evidence that nothing else holds.
WITHOUT_GUARD = {
    "tranches",  # each pass compares their sum with its block
    "sandbox_transfers",  # the book of a bank that is none
    "reconciled_files",  # which statements a run has read
    "reconciliation_runs",  # when it ran
}

# State and who: all that any role may change of money and of what is said about it. Amounts, currencies, programmes,
# donations, earmarks, places in the queue and references are written once.
MAY_CHANGE = {
    "awards": {"user_id", "paid", "released", "updated_at"},
    "award_lots": {"paid", "released", "updated_at"},
    "head": {"epoch", "size", "tip", "tip_at", "peaks"},
    "lots": {"taken", "updated_at"},
    "payments": {"sealed_account", "called_at", "asked", "due_at", "confirmed_by", "updated_at"},
    "programs": {"title", "revision", "deleted_at", "updated_at"},
    "transactions": {
        "status", "user_id", "requested_by", "approved_by", "code", "reason", "blockchain_hash", "previous_block_hash",
        "block_index", "completed_at", "version", "updated_at",
    },
}  # fmt: skip
CHANGEABLE = """
    SELECT a.attname::text AS name FROM pg_attribute AS a
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND EXISTS (
        SELECT FROM unnest(ARRAY['ledger_api', 'ledger_worker', 'ledger_signer']) AS role
        WHERE has_column_privilege(role, a.attrelid, a.attnum, 'UPDATE'))"""

Statement = str | tuple[Any, ...]


async def attempt(history: Any, *statements: Statement, role: str) -> Sequence[asyncpg.Record]:
    """Plain SQL as a role (each a text, or a text with its arguments), in one transaction that is rolled back."""
    url = history.urls["admin" if role == "admin" else f"ledger_{role}"].replace("postgresql+asyncpg", "postgresql")
    connection = await asyncpg.connect(url)
    rows: Sequence[asyncpg.Record] = []
    try:
        if role == "admin":
            await connection.execute("SET search_path = ledger")
        transaction = connection.transaction()
        await transaction.start()
        for statement in statements:
            text, *arguments = (statement,) if isinstance(statement, str) else statement
            rows = await connection.fetch(text, *arguments)
        await transaction.rollback()
    finally:
        await connection.close()
    return rows


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_can_edit_delete_or_truncate_what_is_append_only(history, role):
    for table in PROTECTED:
        [column] = await attempt(history, (FIRST_COLUMN, table), role="admin")
        for statement in (
            f"DELETE FROM {table}",
            f"TRUNCATE {table} CASCADE",
            f"UPDATE {table} SET {column[0]} = {column[0]}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await attempt(history, statement, role=role)
    for statement in (
        "UPDATE blocks SET hash = previous_hash",
        "UPDATE postings SET amount = 1",
        "UPDATE tree_spans SET hashes = hashes",
        "UPDATE transactions SET amount = 1",
        "UPDATE balances SET balance = 1",
        "DELETE FROM balances",
        "DELETE FROM transactions",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await attempt(history, statement, role=role)


@pytest.mark.parametrize("table", PROTECTED)
async def test_not_even_the_owner_can_change_history_nor_by_playing_replica(history, table):
    """The owner could drop the trigger; nobody logs in as owner but migrations. The superuser stands for it here."""
    for prelude in ("SELECT 1", "SET session_replication_role = replica"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await attempt(history, prelude, f"TRUNCATE {table} CASCADE", role="admin")
        if table in ("blocks", "tree_spans", "checkpoints", "postings", "booked_events"):
            [column] = await attempt(history, (FIRST_COLUMN, table), role="admin")
            for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {column[0]} = {column[0]}"):
                with pytest.raises(asyncpg.RestrictViolationError):
                    await attempt(history, prelude, statement, role="admin")


async def test_every_table_that_is_only_added_to_refuses_the_rest_by_triggers_that_no_setting_skips(history):
    tables = {row["name"]: row for row in await attempt(history, PRIVILEGES, role="admin")}
    assert set(PROTECTED) <= tables.keys()
    guarded = {name for name, row in tables.items() if {"refuse_change", "refuse_truncate"} <= set(row["always"])}
    only_added_to = {
        name
        for name, row in tables.items()
        if row["privileges"] and all(each.endswith(" INSERT") for each in row["privileges"])
    }
    assert only_added_to - guarded == WITHOUT_GUARD
    # An erasure empties the content of an event that is quarantined; nothing else of it may change.
    assert guarded - only_added_to == {"quarantined_events"}
    owners = {each for row in tables.values() for each in row["privileges"]}
    assert not {each for each in owners if each.rpartition(" ")[2] in {"TRUNCATE", "TRIGGER", "REFERENCES"}}


async def test_no_trigger_is_skipped_by_a_setting_and_those_that_act_as_the_owner_are_hung_up_by_nobody(history):
    skipped = await attempt(
        history,
        "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
        " WHERE relnamespace = 'ledger'::regnamespace AND NOT tgisinternal AND tgenabled <> 'A'",
        role="admin",
    )
    assert skipped == []
    acting = await attempt(
        history,
        "SELECT proname::text AS name, array(SELECT role FROM unnest(ARRAY['ledger_api', 'ledger_worker',"
        " 'ledger_signer']) AS role WHERE has_function_privilege(role, pg_proc.oid, 'EXECUTE')) AS roles"
        " FROM pg_proc WHERE pronamespace = 'ledger'::regnamespace AND prosecdef",
        role="admin",
    )
    assert {row["name"] for row in acting} >= {
        "post_entries", "count_blocks", "sum_postings", "count_rows", "check_links",
    }  # fmt: skip
    assert not [row["name"] for row in acting if row["roles"]]


@pytest.mark.parametrize("table", [*MAY_CHANGE, "balances", "tranches"])
async def test_of_money_only_its_state_may_change(history, table):
    found = await attempt(history, (CHANGEABLE, table), role="admin")
    assert {row["name"] for row in found} == MAY_CHANGE.get(table, set())


@pytest.mark.parametrize("role", ROLES)
async def test_no_role_can_disable_a_guard(history, role):
    for statement in (
        "ALTER TABLE blocks DISABLE TRIGGER ALL",
        "DROP TRIGGER refuse_change ON blocks",
        "SET session_replication_role = replica",
        "CREATE TABLE shadow (id int)",
        # One could hang the triggers that write balances on a table of one's own.
        "CREATE TEMP TABLE shadow (id int)",
        "SET ROLE ledger_owner",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await attempt(history, statement, role=role)


@pytest.mark.parametrize("role", ["api", "signer"])
async def test_only_the_worker_appends(history, role):
    for statement in (
        "INSERT INTO blocks SELECT * FROM blocks",
        "INSERT INTO postings VALUES (1, 0, 'a', 'NGN', 1)",
        "INSERT INTO tree_spans VALUES (9, 9, '')",
        "UPDATE head SET epoch = 9",
        "INSERT INTO lots (donation_id) VALUES (gen_random_uuid())",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await attempt(history, statement, role=role)


async def test_the_api_cannot_write_a_transaction_that_counts(history):
    statement = (
        "INSERT INTO transactions (id, transaction_type, status, program_id, amount, currency, initiated_at)"
        " VALUES (gen_random_uuid(), $1, $2, gen_random_uuid(), 1, 'NGN', now())"
    )
    for kind, status in (("donation", "completed"), ("disbursement", "pending"), ("commitment", "completed")):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await attempt(history, (statement, kind, status), role="api")
    await attempt(history, (statement, "donation", "pending"), role="api")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await attempt(history, "UPDATE transactions SET status = 'completed'", role="api")


async def test_an_entry_that_does_not_balance_is_refused_by_the_database(history):
    for values in (
        "(1, 0, 'a', 'NGN', 1)",
        "(1, 0, 'a', 'NGN', 1), (1, 1, 'b', 'NGN', -2)",
        "(1, 0, 'a', 'NGN', 1), (1, 1, 'b', 'USD', -1)",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="sum to zero"):
            await attempt(history, f"INSERT INTO postings VALUES {values}", role="worker")


async def test_an_entry_comes_once_and_whole(history):
    first = "INSERT INTO postings VALUES (1, 0, 'a', 'NGN', 1), (1, 1, 'b', 'NGN', -1)"
    more = "INSERT INTO postings VALUES (1, 2, 'a', 'NGN', 1), (1, 3, 'b', 'NGN', -1)"
    await attempt(history, first, role="worker")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="already"):
        await attempt(history, first, more, role="worker")


async def test_program_money_never_goes_below_zero(history):
    account = f"program:{history.program_id}:available"
    with pytest.raises(asyncpg.CheckViolationError):
        await attempt(
            history,
            f"INSERT INTO postings VALUES (1, 0, '{account}', 'NGN', -10.01), (1, 1, 'x', 'NGN', 10.01)",
            role="worker",
        )


async def test_more_than_a_lot_or_an_award_holds_cannot_be_taken(history):
    with pytest.raises(asyncpg.CheckViolationError):
        await attempt(history, "UPDATE lots SET taken = 10.01", role="worker")
    for statement in (
        "UPDATE awards SET paid = 5.01",
        "UPDATE award_lots SET paid = 5.01",
        "UPDATE awards SET paid = -1",
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await attempt(history, statement, role="worker")


async def test_a_block_that_does_not_follow_is_refused(history):
    columns = "block_index, timestamp, transaction_type, transaction_id, data, previous_hash, hash, nonce, preimage"
    insert = f"INSERT INTO blocks ({columns}) VALUES ($1, $2, 'donation', $3, '{{}}', $4, $5, $6, $7)"
    select = "SELECT *, clock_timestamp() AS now FROM blocks ORDER BY block_index"
    genesis, *_, tip = await attempt(history, select, role="admin")
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"  # SHA-256 of {}
    follows = (6, tip["now"], "x", tip["hash"], digest, tip["nonce"], b"{}")

    def but(**changes: object) -> tuple[object, ...]:
        names = ("index", "at", "id", "previous", "hash", "nonce", "preimage")
        return (insert, *(dict(zip(names, follows, strict=True)) | changes).values())

    await attempt(history, but(), role="worker")
    for broken in (but(index=7), but(previous="f" * 64), but(at=genesis["timestamp"]), but(nonce=0)):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="does not follow"):
            await attempt(history, broken, role="worker")
    for taken in (but(index=5), but(previous=tip["previous_hash"]), but(id="genesis")):
        with pytest.raises(asyncpg.UniqueViolationError):
            await attempt(history, taken, role="worker")
    with pytest.raises(asyncpg.CheckViolationError):
        await attempt(history, but(hash="0" * 64), role="worker")


async def test_a_transaction_moves_through_its_states_only_forwards(history):
    for status in ("pending", "submitted", "failed", "unknown"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="does not move"):
            await attempt(history, ("UPDATE transactions SET status = $1", status), role="worker")
        replica = "SET session_replication_role = replica"
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="does not move"):
            await attempt(history, replica, ("UPDATE transactions SET status = $1", status), role="admin")


async def test_a_tranche_has_one_live_payment_whatever_the_code_believes(history):
    statement = (
        "INSERT INTO transactions"
        " (id, transaction_type, status, program_id, tranche_id, amount, currency, initiated_at)"
        " VALUES (gen_random_uuid(), 'disbursement', $1, $2, $2, 1, 'NGN', now())"
    )
    tranche = uuid4()
    over = [(statement, status, tranche) for status in ("failed", "reversed", "failed")]
    pending = (statement, "pending", tranche)
    await attempt(history, *over, pending, *over, role="worker")
    for status in ("pending", "submitted", "unknown", "completed", "disputed"):
        with pytest.raises(asyncpg.UniqueViolationError):
            await attempt(history, *over, pending, (statement, status, tranche), role="worker")
