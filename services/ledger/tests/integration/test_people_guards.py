"""Plain SQL as each role: money needs two people, whatever the code believes."""

from uuid import UUID, uuid4

import asyncpg
import pytest
from services.ledger.tests.integration.test_database_guards import Statement, attempt

ONE, OTHER, DONOR = uuid4(), uuid4(), uuid4()
TRANSACTION = (
    "INSERT INTO transactions"
    " (id, transaction_type, status, program_id, amount, currency, initiated_at, requested_by, user_id)"
    " VALUES ($1, $2, 'pending', gen_random_uuid(), 1, 'NGN', now(), $3, $4)"
)
PAYMENT = (
    "INSERT INTO payments (transaction_id, direction, rail, reference, due_at, confirmed_by)"
    " VALUES ($1, $2, 'manual', gen_random_uuid()::text, $3::text::timestamptz, $4)"
)


def rows(kind: str, confirmed_by: UUID | None, due_at: str | None) -> list[Statement]:
    """A donation that `ONE` recorded, or a refund that `ONE` asked for, of `DONOR`'s money."""
    made = uuid4()
    direction = "in" if kind == "donation" else "out"
    return [(TRANSACTION, made, kind, ONE, DONOR), (PAYMENT, made, direction, due_at, confirmed_by)]


@pytest.mark.parametrize("role", ["api", "worker", "admin"])
@pytest.mark.parametrize("kind", ["donation", "refund"])
async def test_whoever_recorded_or_asked_does_not_confirm(history, role, kind):
    replica = "SET session_replication_role = replica" if role == "admin" else "SELECT 1"
    await attempt(history, replica, *rows(kind, OTHER, "now"), role=role)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="somebody else"):
        await attempt(history, replica, *rows(kind, ONE, "now"), role=role)
    unconfirmed = rows(kind, None, None)
    confirm = "UPDATE payments SET confirmed_by = $1, due_at = now() WHERE confirmed_by IS NULL AND rail = 'manual'"
    await attempt(history, replica, *unconfirmed, (confirm, OTHER), role=role)
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="somebody else"):
        await attempt(history, replica, *unconfirmed, (confirm, ONE), role=role)


async def test_the_donor_does_not_confirm_the_refund(history):
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="somebody else"):
        await attempt(history, *rows("refund", DONOR, "now"), role="api")
    await attempt(history, *rows("donation", DONOR, "now"), role="api")


@pytest.mark.parametrize("role", ["api", "worker"])
async def test_a_transfer_that_nobody_has_confirmed_is_never_due(history, role):
    with pytest.raises(asyncpg.CheckViolationError):
        await attempt(history, *rows("donation", None, "now"), role=role)
    due = "UPDATE payments SET due_at = now() WHERE confirmed_by IS NULL AND rail = 'manual'"
    with pytest.raises(asyncpg.CheckViolationError):
        await attempt(history, *rows("donation", None, None), due, role=role)
