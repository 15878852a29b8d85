"""Refunds in PostgreSQL: a transaction when asked for, a payment once approved."""

from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import TextClause, func, insert, select, text, update
from sqlalchemy.sql import ColumnElement

from chassis.database import UnitOfWork
from ledger.adapters.erasure import words_about
from ledger.adapters.tables.money import payments, transactions
from ledger.domain.records import Donation, Refund
from ledger.domain.transactions import LIVE, Status, TransactionType
from ledger.use_cases.announce_donation import payment_reference

# Written as the indexes on what is live and on what is unsettled are, for the planner to see that they fit.
_LIVE: Final = text("status IN ('pending','submitted','unknown')")
_DISPUTED: Final = text("status = 'disputed'")
_LEFT: Final = (Status.SUBMITTED, Status.UNKNOWN, Status.COMPLETED)


class PostgresRefunds:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, refund: Refund, reason: str) -> None:
        await self._work.connection.execute(
            insert(transactions).values(
                id=refund.transaction_id,
                transaction_type=TransactionType.REFUND,
                status=refund.status,
                program_id=refund.program_id,
                donation_id=refund.donation_id,
                donor_id=refund.donor_id,
                user_id=refund.user_id,
                requested_by=refund.requested_by,
                amount=refund.amount,
                currency=refund.currency,
                reason=await words_about(self._work.connection, refund.donation_id, reason),
                initiated_at=self._work.now,
            )
        )

    async def add_return(self, refund: Refund, code: str) -> None:
        await self._work.connection.execute(
            insert(transactions).values(
                id=refund.transaction_id,
                transaction_type=TransactionType.REFUND,
                status=refund.status,
                code=code,
                program_id=refund.program_id,
                donation_id=refund.donation_id,
                donor_id=refund.donor_id,
                user_id=refund.user_id,
                requested_by=refund.requested_by,
                approved_by=refund.approved_by,
                amount=refund.amount,
                currency=refund.currency,
                initiated_at=self._work.now,
                completed_at=self._work.now,
            )
        )

    async def approve(self, refund: Refund, approved_by: UUID) -> None:
        await self._work.connection.execute(
            insert(payments).values(
                transaction_id=refund.transaction_id,
                direction="out",
                rail=refund.rail,
                reference=refund.reference,
                confirmed_by=approved_by,
                due_at=self._work.now,
            )
        )

    async def mark_approved(self, refund: Refund) -> None:
        """Who approved, beside who asked: a constraint refuses one and the same person."""
        await self._work.connection.execute(
            update(transactions)
            .where(transactions.c.id == refund.transaction_id)
            .values(approved_by=refund.approved_by, updated_at=func.clock_timestamp())
        )

    async def find_live(self, donation_id: UUID) -> Refund | None:
        its = transactions.c.donation_id == donation_id
        return await self._find(its, _LIVE) or await self._find(its, _DISPUTED)

    async def is_donation_completed(self, refund: Refund) -> bool:
        # Not locked: whoever holds the donation locks its refund after it. The database looks again.
        statement = select(transactions.c.status).where(transactions.c.id == refund.donation_id)
        return await self._work.connection.scalar(statement) == Status.COMPLETED

    async def has_disputed(self, donation_id: UUID) -> bool:
        its = (transactions.c.donation_id == donation_id) & (transactions.c.transaction_type == TransactionType.REFUND)
        return await self._work.connection.scalar(select(transactions.c.id).where(its, _DISPUTED).limit(1)) is not None

    async def has_successor(self, refund: Refund) -> bool:
        # As below, by the index of the programme's.
        later = (transactions.c.program_id == refund.program_id) & (transactions.c.id > refund.transaction_id)
        is_refund = transactions.c.transaction_type == TransactionType.REFUND
        its = is_refund & (transactions.c.donation_id == refund.donation_id) & transactions.c.status.in_(LIVE)
        return await self._work.connection.scalar(select(transactions.c.id).where(later & its).limit(1)) is not None

    async def how_the_last_ended(self, donation: Donation) -> Status | None:
        # A refund is younger than its donation, and so are its id and place in the index of the programme's.
        own = (transactions.c.program_id == donation.program_id) & (transactions.c.id > donation.transaction_id)
        is_refund = transactions.c.transaction_type == TransactionType.REFUND
        its = is_refund & (transactions.c.donation_id == donation.transaction_id)
        newest = select(transactions.c.status).where(own & its).order_by(transactions.c.id.desc()).limit(1)
        found = await self._work.connection.scalar(newest)
        return None if found is None else Status(found)

    async def give_all_back(self, donation: Donation) -> bool:
        # As above, by the index of the programme's.
        own = (transactions.c.program_id == donation.program_id) & (transactions.c.id > donation.transaction_id)
        is_refund = transactions.c.transaction_type == TransactionType.REFUND
        its = is_refund & (transactions.c.donation_id == donation.transaction_id) & transactions.c.status.in_(_LEFT)
        given: Decimal | None = await self._work.connection.scalar(
            select(func.sum(transactions.c.amount)).where(own & its)
        )
        return given == donation.amount

    async def find_locked(self, transaction_id: UUID) -> Refund | None:
        return await self._find(transactions.c.id == transaction_id)

    async def next_due(self) -> Refund | None:
        statement = (
            select(payments.c.transaction_id)
            .join(transactions, transactions.c.id == payments.c.transaction_id)
            .where(payments.c.due_at <= self._work.now, transactions.c.transaction_type == TransactionType.REFUND)
            .order_by(payments.c.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        due = await self._work.connection.scalar(statement)
        return None if due is None else await self._find(transactions.c.id == due)

    async def _find(self, *conditions: ColumnElement[bool] | TextClause) -> Refund | None:
        is_refund = text("transaction_type = 'refund'")
        statement = select(transactions).where(*conditions, is_refund).order_by(transactions.c.id).limit(1)
        row: Any = (await self._work.connection.execute(statement.with_for_update())).one_or_none()
        if row is None:
            return None
        own = select(payments).where(payments.c.transaction_id == row.id)
        payment: Any = (await self._work.connection.execute(own)).one_or_none()
        rail = await self._work.connection.scalar(
            select(payments.c.rail).where(payments.c.transaction_id == row.donation_id)
        )
        return Refund(
            transaction_id=row.id,
            donation_id=row.donation_id,
            program_id=row.program_id,
            donor_id=row.donor_id,
            user_id=row.user_id,
            requested_by=row.requested_by,
            approved_by=None if payment is None else payment.confirmed_by,
            amount=row.amount,
            currency=row.currency,
            status=Status(row.status),
            rail=str(rail),
            reference=payment_reference(row.id),
            called_at=None if payment is None else payment.called_at,
            asked=0 if payment is None else payment.asked,
        )
