"""Sums for everybody: statistics and integrity, at a cost that does not grow with the chain."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import Text, and_, cast, func, or_, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.adapters.arrays import among
from ledger.adapters.reconciliation_book import count_overdue
from ledger.adapters.tables.chain import postings, quarantined_events
from ledger.adapters.tables.money import programs, transactions
from ledger.adapters.tables.reading import program_balances
from ledger.adapters.tables.witnesses import checkpoint_cosignatures
from ledger.adapters.transaction_reading import view_of
from ledger.domain.bank_accounts import BankAccount
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

_SNAPSHOT: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
# A few rows of five tables in one answer; amounts as text, which keeps their digits.
_SUMS: Final = text(
    "SELECT (SELECT jsonb_object_agg(name, number) FROM row_counts) AS counted,"
    " (SELECT count(*) FROM programs WHERE deleted_at IS NOT NULL) AS deleted,"
    " (SELECT jsonb_object_agg(transaction_type, number) FROM block_counts WHERE number > 0) AS blocks,"
    " (SELECT jsonb_agg(jsonb_build_array(currency, received::text, committed::text, disbursed::text, refunded::text))"
    " FROM money_totals) AS totals,"
    " (SELECT jsonb_agg(jsonb_build_array(currency, kind, balance::text)) FROM account_totals) AS accounts"
).columns(counted=JSONB, blocks=JSONB, totals=JSONB, accounts=JSONB)


class PublicReader:
    """Keeps `reading_ports.PublicReading`."""

    def __init__(self, connection: AsyncConnection, accounts: Sequence[BankAccount]) -> None:
        self._connection = connection
        self._accounts = accounts

    async def snapshot(self) -> None:
        await self._connection.execute(_SNAPSHOT)

    async def sums(self) -> Sums:
        found = (await self._connection.execute(_SUMS)).one()
        counted = found.counted or {}
        # Every currency of the books, also while nothing has moved in it.
        totals = {currency: dict.fromkeys(_TOTALS, Decimal(0)) for currency in CURRENCIES}
        for currency, *amounts in found.totals or ():
            totals[currency] = dict(zip(_TOTALS, map(Decimal, amounts), strict=True))
        accounts = {currency: dict.fromkeys(_KINDS, Decimal(0)) for currency in CURRENCIES}
        for currency, kind, balance in found.accounts or ():
            accounts[currency][kind] = Decimal(balance)
        return Sums(
            blocks=found.blocks or {},
            programs=counted.get("programs", 0) - found.deleted,
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
        overdue = await count_overdue(self._connection, self._accounts)
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

    async def find_behind(self, block_hash: str, references: Sequence[UUID]) -> TransactionView | None:
        mine = transactions.c.blockchain_hash == block_hash
        statement = select(transactions).where(or_(mine, among(transactions.c.id, references)))
        rows = (await self._connection.execute(statement)).all()
        found = {row.id: row for row in rows}
        # A bank's return has a transaction of its own, and its block names the payment that came back.
        own = [row.id for row in rows if row.blockchain_hash == block_hash]
        return next((view_of(found[each]) for each in (*own, *references) if each in found), None)
