"""Plain SQL as each role: what a lot gives and what a payment is made of add up, whatever the code believes."""

from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import pytest
from services.ledger.tests.integration.test_database_guards import ROLES, Statement, attempt

# A payment of the history's award, or a refund of its donation, as plain rows; $1 is the payment.
PAYMENT = (
    "INSERT INTO transactions"
    " (id, transaction_type, status, program_id, amount, currency, initiated_at, blockchain_hash, award_id,"
    " donation_id)"
    " SELECT $1::uuid, $2::text, $3, program_id, $4, 'NGN', now(), md5($1::uuid::text),"
    " CASE $2::text WHEN 'disbursement' THEN award_id END, CASE $2::text WHEN 'refund' THEN donation_id END"
    " FROM award_lots JOIN awards USING (award_id)"
)
LINK = "INSERT INTO transaction_links (from_transaction, to_transaction, amount)"
FROM_LOT = f"{LINK} SELECT donation_id, $1::uuid, $2::numeric FROM lots"
TO_LOT = f"{LINK} SELECT $1::uuid, donation_id, $2::numeric FROM lots"
# A second donation and its lot, in a programme of its own.
ELSEWHERE = (
    "WITH given AS (INSERT INTO transactions (id, transaction_type, status, program_id, amount, currency, initiated_at)"
    " VALUES (gen_random_uuid(), 'donation', 'completed', gen_random_uuid(), 4, 'NGN', now()) RETURNING *)"
    " INSERT INTO lots (donation_id, program_id, currency, amount, received)"
    " SELECT id, program_id, 'NGN', 4, 9 FROM given"
)
# What is deferred to the commit speaks now: whatever is tried here is rolled back.
COMMIT = "SET CONSTRAINTS ALL IMMEDIATE"


def payment(kind: str = "disbursement", status: str = "submitted", amount: str = "4") -> tuple[UUID, Statement]:
    made = uuid4()
    return made, (PAYMENT, made, kind, status, Decimal(amount))


@pytest.mark.parametrize("kind", ["disbursement", "refund"])
@pytest.mark.parametrize("role", ["worker", "admin"])
async def test_links_of_a_payment_sum_to_its_amount(history, kind, role):
    replica = "SET session_replication_role = replica" if role == "admin" else "SELECT 1"
    paid, row = payment(kind)
    await attempt(history, replica, row, (FROM_LOT, paid, Decimal(4)), COMMIT, role=role)
    for amount in ("3.99", "4.01", "0.01"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="do not sum"):
            await attempt(history, replica, row, (FROM_LOT, paid, Decimal(amount)), role=role)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="0 taken from lots"):
        await attempt(history, replica, row, COMMIT, role=role)


async def test_a_payment_that_is_booked_or_over_later_is_looked_at_then(history):
    paid, row = payment("refund", "pending")
    unbooked = (row[0].replace("md5($1::uuid::text)", "NULL"), *row[1:])
    booked = (
        "UPDATE transactions SET blockchain_hash = md5($1::uuid::text), status = 'submitted' WHERE id = $1::uuid",
        paid,
    )
    await attempt(history, unbooked, COMMIT, role="worker")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="0 taken from lots"):
        await attempt(history, unbooked, COMMIT, booked, role="worker")
    linked = (FROM_LOT, paid, Decimal(4))
    over = ("UPDATE transactions SET status = $2 WHERE id = $1", paid)
    back = (TO_LOT, paid, Decimal(4))
    await attempt(history, unbooked, linked, booked, (*over, "completed"), COMMIT, role="worker")
    await attempt(history, unbooked, linked, booked, (*over, "failed"), back, COMMIT, role="worker")
    for ending in ([(*over, "failed")], [back, (*over, "completed")]):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="given back"):
            await attempt(history, unbooked, linked, booked, *ending, COMMIT, role="worker")


async def test_more_than_a_lot_holds_never_goes_out_of_it(history):
    """The history's only donation is of 10.00."""
    one, first = payment(amount="6")
    other, second = payment(amount="4.01")
    third, last = payment(amount="4")
    spent = [first, (FROM_LOT, one, Decimal(6))]
    with pytest.raises(asyncpg.CheckViolationError, match="ck_lot_sums_given"):
        await attempt(history, *spent, second, (FROM_LOT, other, Decimal("4.01")), role="worker")
    both = f"{FROM_LOT} UNION ALL SELECT donation_id, $3::uuid, $4::numeric FROM lots"
    with pytest.raises(asyncpg.CheckViolationError, match="ck_lot_sums_given"):
        await attempt(history, first, second, (both, one, Decimal(6), other, Decimal("4.01")), role="worker")
    await attempt(history, *spent, last, (FROM_LOT, third, Decimal(4)), COMMIT, role="worker")
    # What came back may go out again.
    came_back = [(TO_LOT, one, Decimal(6)), ("UPDATE transactions SET status = 'failed' WHERE id = $1", one)]
    await attempt(history, *spent, *came_back, second, (FROM_LOT, other, Decimal("4.01")), COMMIT, role="worker")
    for statement in (
        "UPDATE lot_sums SET given = 0",
        "DELETE FROM lot_sums",
        "INSERT INTO lot_sums VALUES ($1, 1, 0)",
    ):
        for role in ROLES:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await attempt(history, (statement, one) if "$1" in statement else statement, role=role)


async def test_a_link_pays_from_a_lot_or_gives_back_what_it_paid_and_nothing_else(history):
    one, first = payment()
    other, second = payment()
    paid = [first, (FROM_LOT, one, Decimal(4))]
    back, refund = payment("refund")
    between = (f"{LINK} VALUES ($1, $2, 4)", one, other)
    for wrong in (
        [first, second, between],  # from a payment to another
        [first, (TO_LOT, one, Decimal(4))],  # back, and nothing had gone out
        [*paid, (TO_LOT, one, Decimal(3))],  # not all of it
        [ELSEWHERE, first, (FROM_LOT, one, Decimal(2))],  # half of it from a lot of another programme
        [ELSEWHERE, refund, (FROM_LOT, back, Decimal(2))],  # and of a donation that is not the one given back
        [(f"{LINK} SELECT donation_id, donation_id, 4 FROM lots",)],
        [(f"{LINK} SELECT donation_id, commitment_id, 4 FROM lots, awards",)],
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="neither pays from a lot"):
            await attempt(history, *wrong, role="worker")
    donation, pending = payment("donation", "pending")
    lotless = (f"{LINK} VALUES ($1, $2, 4)", donation, one)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="neither pays from a lot"):
        await attempt(history, pending, first, lotless, role="worker")
    for role in ("api", "signer"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await attempt(history, (FROM_LOT, one, Decimal(4)), role=role)
