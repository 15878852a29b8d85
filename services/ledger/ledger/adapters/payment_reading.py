"""Open payments, disputes and webhooks without a payment, for those who look after them."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.adapters.tables.money import lot_sums, lots, payments, transactions
from ledger.adapters.tables.payments import disputes, webhook_deliveries, webhook_outcomes
from ledger.use_cases.payment_readings import OpenDispute, OpenPayment, UnmatchedNotice

_DISPUTE = tuple(
    disputes.c[name].label(f"dispute_{name}")
    for name in (
        "code", "status_before", "rail_status", "rail_amount", "rail_currency", "opened_at", "outcome", "reason",
        "proposed_by", "approved_by",
    )
)  # fmt: skip
# What awards have of a donation that is in the books, and what of that was paid out. No sums: nobody has any of it.
_COMMITTED: Final = func.coalesce(lot_sums.c.promised - lot_sums.c.paid, lots.c.amount - lots.c.amount)
_PAID: Final = func.coalesce(lot_sums.c.paid, lots.c.amount - lots.c.amount)
_SHOWN: Final = (*_DISPUTE, _COMMITTED.label("dispute_committed"), _PAID.label("dispute_paid"))


class PaymentReader:
    """Keeps `payment_readings.PaymentReading`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open_payments(self, *, after: UUID | None, limit: int) -> Sequence[OpenPayment]:
        statement = (
            select(transactions, payments.c.rail, payments.c.reference, payments.c.asked, payments.c.due_at, *_SHOWN)
            .join(payments, payments.c.transaction_id == transactions.c.id)
            .outerjoin(disputes, (disputes.c.transaction_id == transactions.c.id) & disputes.c.closed_at.is_(None))
            .outerjoin(lots, lots.c.donation_id == disputes.c.transaction_id)
            .outerjoin(lot_sums, lot_sums.c.donation_id == lots.c.donation_id)
            # Written as the index on what is unsettled is, for the planner to see that it fits.
            .where(text("transactions.status IN ('pending','submitted','unknown','disputed')"))
            .order_by(transactions.c.id)
            .limit(limit + 1)
        )
        if after is not None:
            statement = statement.where(transactions.c.id > after)
        return [_open_payment(row) for row in (await self._connection.execute(statement)).all()]

    async def unmatched(self, *, after: int | None, limit: int) -> Sequence[UnmatchedNotice]:
        statement = (
            select(webhook_deliveries)
            .join(webhook_outcomes, webhook_outcomes.c.delivery_id == webhook_deliveries.c.delivery_id)
            .where(text("webhook_outcomes.outcome = 'unmatched'"))
            .order_by(webhook_outcomes.c.delivery_id)
            .limit(limit + 1)
        )
        if after is not None:
            statement = statement.where(webhook_outcomes.c.delivery_id > after)
        return [
            UnmatchedNotice(
                row.delivery_id, row.provider, row.event, row.reference, row.status, row.amount, row.currency,
                row.sha256, row.received_at,
            )
            for row in (await self._connection.execute(statement)).all()
        ]  # fmt: skip


def _open_payment(row: Any) -> OpenPayment:
    dispute = None
    if row.dispute_code is not None:
        dispute = OpenDispute(*(row._mapping[column.name] for column in _SHOWN))  # noqa: SLF001 -- SQLAlchemy's public way to a row by name
    return OpenPayment(
        transaction_id=row.id,
        transaction_type=row.transaction_type,
        status=row.status,
        code=row.code,
        rail=row.rail,
        reference=row.reference,
        amount=row.amount,
        currency=row.currency,
        initiated_at=row.initiated_at,
        asked=row.asked,
        due_at=row.due_at,
        dispute=dispute,
    )
