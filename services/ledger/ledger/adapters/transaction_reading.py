"""Reads transactions for those whose they are, and for admins."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BindParameter, String, bindparam, select
from sqlalchemy.sql import Select

from chassis.database import UnitOfWork
from chassis.personal_data import Vault
from ledger.adapters.people_books import SNAPSHOT_PURPOSE
from ledger.adapters.tables.money import payments, receipts, transactions
from ledger.domain.records import PayeeAccount
from ledger.use_cases.readings import TransactionView

# Written into the statement: how many there are differs by their value, and so does the index by which they are found.
_FEW_VALUES: Final = frozenset({"transaction_type", "status"})


def _written(value: StrEnum) -> BindParameter[str]:
    return bindparam(None, str(value), String, literal_execute=True)


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
        opened = await self._open((await self._work.connection.execute(statement)).all())
        return opened[0] if opened else None

    async def page(
        self, *, viewer: UUID | None, before: UUID | None, limit: int, filters: Mapping[str, Any]
    ) -> list[TransactionView]:
        conditions = [
            transactions.c[name] == (_written(value) if name in _FEW_VALUES else value)
            for name, value in filters.items()
            if value is not None
        ]
        if before is not None:
            conditions.append(transactions.c.id < before)
        statement = self._visible(viewer).where(*conditions).order_by(transactions.c.id.desc()).limit(limit + 1)
        return await self._open((await self._work.connection.execute(statement)).all())

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
        # Who asked for a payment is an admin, and sees it as one: it is not theirs once they are none any more.
        return statement.where(transactions.c.user_id == viewer)

    async def _open(self, rows: Sequence[Any]) -> list[TransactionView]:
        """With the accounts that were paid to, as far as their keys are still there; one statement for all of them."""
        sealed = [(row.user_id, row.sealed_account) for row in rows if row.user_id and row.sealed_account]
        texts = await self._vault.find_many(self._work.connection, sealed, SNAPSHOT_PURPOSE)
        accounts = {key: _account(json.loads(opened)) for key, opened in zip(sealed, texts, strict=True) if opened}
        return [
            view_of(
                row,
                rail=row.rail,
                reference=row.reference,
                receipt_number=row.receipt_number,
                account=accounts.get((row.user_id, row.sealed_account)),
            )
            for row in rows
        ]


def _account(fields: Mapping[str, Any]) -> PayeeAccount:
    names = ("bank_code", "account_number", "account_name", "currency", "version")
    return PayeeAccount(**{name: fields[name] for name in names})
