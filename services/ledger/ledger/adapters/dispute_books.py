"""Disputes in PostgreSQL: opened by the worker, resolved by two people, closed by the worker."""

from uuid import UUID

from sqlalchemy import func, insert, select, update

from chassis.database import UnitOfWork
from chassis.ids import new_id
from ledger.adapters.erasure import words_about
from ledger.adapters.tables.money import transactions
from ledger.adapters.tables.payments import disputes
from ledger.domain.disputes import Dispute, Outcome
from ledger.domain.payments import RailAnswer
from ledger.domain.records import Disbursement, Donation, Refund
from ledger.domain.transactions import Status


class PostgresDisputes:
    """Keeps `payment_ports.Disputes`. The transaction is always locked before its dispute."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def open(self, payment: Disbursement | Donation | Refund, code: str, said: RailAnswer | None) -> None:
        await self._work.connection.execute(
            insert(disputes).values(
                dispute_id=new_id(),
                transaction_id=payment.transaction_id,
                status_before=payment.status,
                code=code,
                rail_status=None if said is None else said.status,
                rail_amount=None if said is None else said.amount,
                rail_currency=None if said is None else said.currency,
                opened_at=self._work.now,
            )
        )

    async def find_open(self, transaction_id: UUID) -> Dispute | None:
        statement = (
            select(disputes, transactions.c.code.label("transaction_code"))
            .join(transactions, transactions.c.id == disputes.c.transaction_id)
            .where(disputes.c.transaction_id == transaction_id, disputes.c.closed_at.is_(None))
        )
        row = (await self._work.connection.execute(statement)).one_or_none()
        if row is None:
            return None
        return Dispute(
            row.dispute_id,
            row.transaction_id,
            Status(row.status_before),
            row.code,
            row.transaction_code,
            None if row.outcome is None else Outcome(row.outcome),
            row.proposed_by,
            row.approved_by,
        )

    async def propose(self, dispute: Dispute, outcome: Outcome, reason: str, proposed_by: UUID) -> None:
        kept = await words_about(self._work.connection, dispute.transaction_id, reason)
        await self._update(dispute, outcome=outcome, reason=kept, proposed_by=proposed_by, proposed_at=self._work.now)

    async def approve(self, dispute: Dispute, approved_by: UUID) -> None:
        await self._update(dispute, approved_by=approved_by, approved_at=self._work.now)

    async def next_approved(self) -> UUID | None:
        found: UUID | None = await self._work.connection.scalar(
            select(transactions.c.id)
            .join(disputes, disputes.c.transaction_id == transactions.c.id)
            .where(disputes.c.approved_at.is_not(None), disputes.c.closed_at.is_(None))
            .order_by(disputes.c.approved_at)
            .limit(1)
            .with_for_update(of=transactions, skip_locked=True)
        )
        return found

    async def correction_of(self, transaction_id: UUID) -> tuple[UUID, Status] | None:
        statement = (
            select(transactions.c.id, transactions.c.status)
            .join(disputes, disputes.c.correction_id == transactions.c.id)
            .where(disputes.c.transaction_id == transaction_id)
            .order_by(transactions.c.id.desc())
            .limit(1)
        )
        row = (await self._work.connection.execute(statement)).one_or_none()
        return None if row is None else (row.id, Status(row.status))

    async def close(self, dispute: Dispute, code: str | None, correction_id: UUID | None) -> None:
        await self._update(dispute, closed_at=self._work.now, correction_id=correction_id)
        await self._work.connection.execute(
            update(transactions)
            .where(transactions.c.id == dispute.transaction_id)
            .values(code=code, updated_at=func.clock_timestamp())
        )

    async def _update(self, dispute: Dispute, **values: object) -> None:
        await self._work.connection.execute(
            update(disputes).where(disputes.c.dispute_id == dispute.dispute_id).values(**values)
        )
