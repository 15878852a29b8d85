"""Sums for everybody: statistics and integrity, at a cost that does not grow with the chain."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import Text, and_, cast, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.adapters.arrays import among
from ledger.adapters.reconciliation_book import count_overdue
from ledger.adapters.tables.chain import postings, quarantined_events
from ledger.adapters.tables.money import programs, transactions
from ledger.adapters.tables.reading import account_totals, block_counts, money_totals, program_balances, row_counts
from ledger.adapters.tables.witnesses import checkpoint_cosignatures
from ledger.adapters.transaction_reading import view_of
from ledger.domain.money import CURRENCIES
from ledger.domain.transactions import Status, TransactionType
from ledger.use_cases.reading_ports import Attention, ProgramBalance, Sums
from ledger.use_cases.readings import TransactionView

# More contradictions than this say no more than this many.
QUARANTINED_COUNTED_MAX: Final = 1000
_TOTALS: Final = ("received", "committed", "disbursed", "refunded")
_KINDS: Final = ("external", "available", "committed", "bank", "beneficiary")
_UNSETTLED: Final = (Status.SUBMITTED, Status.UNKNOWN, Status.DISPUTED)
_OUTGOING: Final = (TransactionType.DISBURSEMENT, TransactionType.REFUND)


class PublicReader:
    """Keeps `reading_ports.PublicReading`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def snapshot(self) -> None:
        await self._connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))

    async def sums(self) -> Sums:
        execute = self._connection.execute
        counted = {row.name: row.number for row in await execute(select(row_counts))}
        # Every currency of the books, also while nothing has moved in it.
        totals = {currency: dict.fromkeys(_TOTALS, Decimal(0)) for currency in CURRENCIES}
        for row in await execute(select(money_totals)):
            totals[row.currency] = {name: getattr(row, name) for name in _TOTALS}
        accounts = {currency: dict.fromkeys(_KINDS, Decimal(0)) for currency in CURRENCIES}
        for row in await execute(select(account_totals)):
            accounts[row.currency][row.kind] = row.balance
        deleted = await self._connection.scalar(
            select(func.count()).select_from(programs).where(programs.c.deleted_at.is_not(None))
        )
        return Sums(
            blocks={row.transaction_type: row.number for row in await execute(select(block_counts)) if row.number},
            programs=counted.get("programs", 0) - int(deleted or 0),
            beneficiaries=counted.get("beneficiaries", 0),
            totals=totals,
            accounts=accounts,
        )

    async def unbalanced_entries(self, start: int, end: int) -> int:
        """Entries of blocks start..end-1 that do not sum to zero."""
        broken = (
            select(postings.c.block_index)
            .where(postings.c.block_index >= start, postings.c.block_index < end)
            .group_by(postings.c.block_index, postings.c.currency)
            .having(func.sum(postings.c.amount) != 0)
        )
        return int(await self._connection.scalar(select(func.count()).select_from(broken.subquery())) or 0)

    async def attention(self) -> Attention:
        statement = (
            select(transactions.c.status, func.count().label("number"))
            .where(transactions.c.status.in_(_UNSETTLED), transactions.c.transaction_type.in_(_OUTGOING))
            .group_by(transactions.c.status)
        )
        unsettled = {row.status: row.number for row in await self._connection.execute(statement)}
        # Besides what hangs at the rails: what the books say was paid while the bank's statement knows nothing of it.
        overdue = await count_overdue(self._connection)
        some = select(quarantined_events.c.event_id).limit(QUARANTINED_COUNTED_MAX).subquery()
        quarantined = int(await self._connection.scalar(select(func.count()).select_from(some)) or 0)
        return Attention(sum(unsettled.values()) + overdue, unsettled.get(Status.DISPUTED, 0), quarantined)

    async def program_balances(self, program_id: UUID | None, limit: int) -> list[ProgramBalance]:
        """What every programme has left, and what it has promised and not yet paid; one more than `limit` if more.

        One that was taken back is left out, unless money had come in for it.
        """
        balance = program_balances.c
        mine = and_(balance.program_id == cast(programs.c.program_id, Text), balance.currency == programs.c.currency)
        statement = (
            select(
                programs.c.program_id,
                programs.c.currency,
                func.coalesce(balance.available, 0),
                func.coalesce(balance.committed, 0),
            )
            .join(program_balances, mine, isouter=True)
            .where(or_(programs.c.deleted_at.is_(None), balance.available > 0, balance.committed > 0))
            .order_by(programs.c.program_id)
            .limit(limit + 1)
        )
        if program_id is not None:
            statement = statement.where(programs.c.program_id == program_id)
        return [ProgramBalance(*row) for row in await self._connection.execute(statement)]

    async def cosignatures(self, size: int) -> list[tuple[str, datetime]]:
        table = checkpoint_cosignatures
        statement = select(table.c.witness, table.c.cosigned_at).where(table.c.size == size).order_by(table.c.witness)
        return [(row.witness, row.cosigned_at) for row in await self._connection.execute(statement)]

    async def find_booked(self, transaction_id: UUID) -> TransactionView | None:
        """A transaction that is in the chain: the chain is public, what is not booked yet is not."""
        statement = select(transactions).where(
            transactions.c.id == transaction_id, transactions.c.blockchain_hash.is_not(None)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else view_of(row)

    async def find_named(self, references: Sequence[UUID]) -> TransactionView | None:
        """The transaction that a block is about: the first of the ids it names that is one."""
        rows = (await self._connection.execute(select(transactions).where(among(transactions.c.id, references)))).all()
        found = {row.id: row for row in rows}
        return next((view_of(found[each]) for each in references if each in found), None)
