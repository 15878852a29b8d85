"""Reads transactions for those whose they are, and for admins."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.sql import Select

from chassis.database import UnitOfWork
from chassis.personal_data import Vault
from ledger.adapters.people_books import open_snapshot
from ledger.adapters.tables.money import payments, receipts, transactions
from ledger.use_cases.readings import StoredReceipt, TransactionView


def view_of(row: Any, **more: Any) -> TransactionView:
    """A row of `transactions`, without what hangs on it."""
    return TransactionView(
        id=row.id,
        transaction_type=row.transaction_type,
        status=row.status,
        amount=row.amount,
        currency=row.currency,
        program_id=row.program_id,
        application_id=row.application_id,
        award_id=row.award_id,
        tranche_id=row.tranche_id,
        earmark=row.earmark,
        code=row.code,
        blockchain_hash=row.blockchain_hash,
        previous_block_hash=row.previous_block_hash,
        initiated_at=row.initiated_at,
        completed_at=row.completed_at,
        version=row.version,
        **more,
    )


class TransactionReader:
    """Keeps `readings.TransactionReading`."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault

    async def find(self, transaction_id: UUID, *, viewer: UUID | None) -> TransactionView | None:
        statement = self._visible(viewer).where(transactions.c.id == transaction_id)
        row = (await self._work.connection.execute(statement)).one_or_none()
        return None if row is None else await self._open(row)

    async def page(
        self, *, viewer: UUID | None, before: UUID | None, limit: int, filters: Mapping[str, Any]
    ) -> list[TransactionView]:
        statement = self._visible(viewer).order_by(transactions.c.id.desc()).limit(limit + 1)
        if before is not None:
            statement = statement.where(transactions.c.id < before)
        for name, value in filters.items():
            if value is not None:
                statement = statement.where(transactions.c[name] == value)
        return [await self._open(row) for row in (await self._work.connection.execute(statement)).all()]

    @staticmethod
    def _visible(viewer: UUID | None) -> Select[Any]:
        statement = (
            select(
                transactions,
                payments.c.rail,
                payments.c.reference,
                payments.c.sealed_account,
                receipts.c.number.label("receipt_number"),
            )
            .join(payments, payments.c.transaction_id == transactions.c.id, isouter=True)
            .join(receipts, receipts.c.transaction_id == transactions.c.id, isouter=True)
        )
        if viewer is None:
            return statement
        return statement.where(or_(transactions.c.user_id == viewer, transactions.c.requested_by == viewer))

    async def _open(self, row: Any) -> TransactionView:
        account = None
        if row.sealed_account is not None and row.user_id is not None:
            account = await open_snapshot(self._work, self._vault, row.user_id, row.sealed_account)
        return view_of(row, rail=row.rail, reference=row.reference, receipt_number=row.receipt_number, account=account)

    async def find_receipt(self, transaction_id: UUID) -> StoredReceipt | None:
        statement = select(receipts).where(receipts.c.transaction_id == transaction_id)
        row = (await self._work.connection.execute(statement)).one_or_none()
        return None if row is None else StoredReceipt(row.number, row.sha256, bytes(row.content))
