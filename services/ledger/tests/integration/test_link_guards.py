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
# What a link changes besides: a disbursement the share of its award, a refund what is taken of the lot.
PAID = "UPDATE award_lots SET paid = paid + $1::numeric"
TAKEN = "UPDATE lots SET taken = taken + $1::numeric WHERE amount = 10"


def payment(kind: str = "disbursement", status: str = "submitted", amount: str = "4") -> tuple[UUID, Statement]:
    made = uuid4()
    return made, (PAYMENT, made, kind, status, Decimal(amount))


@pytest.mark.parametrize("kind", ["disbursement", "refund"])
@pytest.mark.parametrize("role", ["worker", "admin"])
async def test_links_of_a_payment_sum_to_its_amount(history, kind, role):
    replica = "SET session_replication_role = replica" if role == "admin" else "SELECT 1"
    paid, row = payment(kind)
    besides = (PAID if kind == "disbursement" else TAKEN, Decimal(4))
    await attempt(history, replica, row, (FROM_LOT, paid, Decimal(4)), besides, COMMIT, role=role)
    for amount in ("3.99", "4.01", "0.01"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="do not sum"):
            await attempt(history, replica, row, (FROM_LOT, paid, Decimal(amount)), role=role)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="0 taken from lots"):
        await attempt(history, replica, row, COMMIT, role=role)


@pytest.mark.parametrize("role", ["worker", "admin"])
async def test_a_refund_leaves_only_while_its_donation_is_completed(history, role):
    replica = "SET session_replication_role = replica" if role == "admin" else "SELECT 1"
    _, row = payment("refund", "pending")
    leaves = "UPDATE transactions SET status = 'submitted' WHERE transaction_type = 'refund'"
    await attempt(history, replica, row, leaves, role=role)
    disputed = "UPDATE transactions SET status = 'disputed' WHERE transaction_type = 'donation'"
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="donation is not completed"):
        await attempt(history, replica, row, disputed, leaves, role=role)


@pytest.mark.parametrize("role", ["worker", "admin"])
async def test_a_donation_has_one_live_refund_and_none_that_begins_beside_a_disputed_one(history, role):
    replica = "SET session_replication_role = replica" if role == "admin" else "SELECT 1"
    [_, pending], [_, submitted] = payment("refund", "pending"), payment("refund", "submitted")
    [_, failed], [_, disputed] = payment("refund", "failed"), payment("refund", "disputed")
    await attempt(history, replica, failed, pending, disputed, role=role)
    for refused in ([pending, submitted], [submitted, pending], [disputed, pending]):
        with pytest.raises(asyncpg.UniqueViolationError):
            await attempt(history, replica, *refused, role=role)
    leaves = "UPDATE transactions SET status = 'submitted' WHERE status = 'pending'"
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="another refund of it is disputed"):
        await attempt(history, replica, pending, disputed, leaves, role=role)


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
    await attempt(history, unbooked, linked, booked, (*over, "completed"), (TAKEN, Decimal(4)), COMMIT, role="worker")
    await attempt(history, unbooked, linked, booked, (*over, "failed"), back, COMMIT, role="worker")
    for ending in ([(*over, "failed"), (TAKEN, Decimal(4))], [back, (*over, "completed")]):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="given back"):
            await attempt(history, unbooked, linked, booked, *ending, COMMIT, role="worker")


async def test_more_than_a_lot_holds_never_goes_out_of_it(history):
    """The history's only donation is of 10.00, of which its award has 5.00."""
    one, first = payment(amount="5")
    other, second = payment("refund", amount="5.01")
    third, last = payment("refund", amount="5")
    spent = [first, (FROM_LOT, one, Decimal(5))]
    with pytest.raises(asyncpg.CheckViolationError, match="ck_lot_sums_given"):
        await attempt(history, *spent, second, (FROM_LOT, other, Decimal("5.01")), role="worker")
    both = f"{FROM_LOT} UNION ALL SELECT donation_id, $3::uuid, $4::numeric FROM lots"
    with pytest.raises(asyncpg.CheckViolationError, match="ck_lot_sums_given"):
        await attempt(history, first, second, (both, one, Decimal(5), other, Decimal("5.01")), role="worker")
    refunded = [last, (FROM_LOT, third, Decimal(5)), (TAKEN, Decimal(5))]
    await attempt(history, *spent, (PAID, Decimal(5)), *refunded, COMMIT, role="worker")
    # What came back may go out again.
    came_back = [(TO_LOT, one, Decimal(5)), ("UPDATE transactions SET status = 'failed' WHERE id = $1", one)]
    again, payment_again = payment(amount="4.01")
    paid_again = [payment_again, (FROM_LOT, again, Decimal("4.01")), (PAID, Decimal("4.01"))]
    await attempt(history, *spent, *came_back, *paid_again, *refunded, COMMIT, role="worker")
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


@pytest.mark.parametrize("role", ["worker", "admin"])
async def test_what_is_taken_of_a_lot_is_what_awards_and_refunds_have_of_it(history, role):
    """The history's award has 5.00 of the lot, which is all that is taken of it."""
    replica = "SET session_replication_role = replica" if role == "admin" else "SELECT 1"
    released = "UPDATE award_lots SET released = 5"
    wrongs: tuple[list[Statement], ...] = (
        [(TAKEN, Decimal(-5))],  # free to be promised a second time
        [(TAKEN, Decimal("0.01"))],  # nobody has it
        [released],  # nobody has it any more
        [released, (TAKEN, Decimal("-4.99"))],
        [released, (TAKEN, Decimal(-5)), "UPDATE award_lots SET released = 0"],  # and back again
    )
    for wrong in wrongs:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="is taken, with"):
            await attempt(history, replica, *wrong, COMMIT, role=role)
    await attempt(history, replica, released, (TAKEN, Decimal(-5)), COMMIT, role=role)
    paid, row = payment()
    link, paid_of_share = (FROM_LOT, paid, Decimal(4)), (PAID, Decimal(4))
    unlike: tuple[list[Statement], ...] = ([row, link], [row, link, (PAID, Decimal("3.99"))], [paid_of_share])
    for wrong in unlike:
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="has gone out of lot"):
            await attempt(history, replica, *wrong, COMMIT, role=role)
    refunded, refund = payment("refund")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=r"with 5\.00 promised .* 4\.00 refunded"):
        await attempt(history, replica, refund, (FROM_LOT, refunded, Decimal(4)), COMMIT, role=role)


async def test_a_share_that_is_new_and_a_lot_that_is_new_are_looked_at_too(history):
    another = (
        "WITH made AS (INSERT INTO awards SELECT "
        " (jsonb_populate_record(awards, jsonb_build_object('award_id', $1::uuid))).* FROM awards RETURNING award_id)"
        " INSERT INTO award_lots (award_id, donation_id, amount) SELECT made.award_id, donation_id, 3 FROM made, lots"
    )
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=r"5\.00 of lot .* with 8\.00 promised"):
        await attempt(history, (another, uuid4()), COMMIT, role="admin")
    await attempt(history, (another, uuid4()), (TAKEN, Decimal(3)), COMMIT, role="admin")
    begun = ELSEWHERE.replace("amount, received)", "amount, received, taken)").replace("4, 9 FROM", "4, 9, 1 FROM")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="0 promised to awards and 0 refunded"):
        await attempt(history, begun, COMMIT, role="worker")
    await attempt(history, ELSEWHERE, COMMIT, role="worker")
