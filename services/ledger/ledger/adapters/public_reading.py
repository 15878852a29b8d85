"""Sums and graphs for everybody: statistics, integrity, the graph of the money, traces."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Text, and_, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.adapters.tables.chain import balances, postings
from ledger.adapters.tables.money import programs, transaction_links, transactions
from ledger.adapters.tables.people import beneficiaries
from ledger.adapters.transaction_reading import view_of
from ledger.domain.money import CURRENCIES
from ledger.domain.transactions import Status, TransactionType
from ledger.use_cases.readings import Graph, GraphLink, ProgramBalance, TransactionView

# Edges of one answer: what a browser draws without stalling.
LINKS_MAX: Final = 500
_OPEN: Final = (Status.SUBMITTED, Status.UNKNOWN, Status.DISPUTED)


class PublicReader:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def totals(self) -> dict[str, dict[str, Decimal]]:
        """Received, committed, disbursed and refunded, per currency; what came back counts as never gone."""
        statement = (
            select(
                transactions.c.currency,
                transactions.c.transaction_type,
                func.sum(transactions.c.amount),
            )
            .where(transactions.c.status == Status.COMPLETED)
            .group_by(transactions.c.currency, transactions.c.transaction_type)
        )
        # Every currency of the books, also while nothing has moved in it.
        found: dict[str, dict[str, Decimal]] = {currency: {} for currency in CURRENCIES}
        for currency, kind, amount in await self._connection.execute(statement):
            found[currency][kind] = amount
        zero = Decimal(0)
        return {
            currency: {
                "received": sums.get(TransactionType.DONATION, zero),
                "committed": sums.get(TransactionType.COMMITMENT, zero) - sums.get(TransactionType.DECOMMITMENT, zero),
                "disbursed": sums.get(TransactionType.DISBURSEMENT, zero),
                "refunded": sums.get(TransactionType.REFUND, zero),
            }
            for currency, sums in found.items()
        }

    async def counts(self) -> tuple[int, int]:
        """Programmes and beneficiaries."""
        row = (
            await self._connection.execute(
                select(
                    select(func.count()).select_from(programs).scalar_subquery(),
                    select(func.count()).select_from(beneficiaries).scalar_subquery(),
                )
            )
        ).one()
        return row[0], row[1]

    async def unbalanced_entries(self, beyond: int) -> int:
        """Entries after block `beyond` that do not sum to zero (up to there, a verification has looked)."""
        broken = (
            select(postings.c.block_index)
            .where(postings.c.block_index > beyond)
            .group_by(postings.c.block_index, postings.c.currency)
            .having(func.sum(postings.c.amount) != 0)
        )
        return int(await self._connection.scalar(select(func.count()).select_from(broken.subquery())) or 0)

    async def unreconciled_payments(self) -> int:
        statement = select(func.count()).where(
            transactions.c.transaction_type == TransactionType.DISBURSEMENT, transactions.c.status.in_(_OPEN)
        )
        return int(await self._connection.scalar(statement) or 0)

    async def program_balances(self) -> list[ProgramBalance]:
        """What every programme has left, and what it has promised and not yet paid."""
        # program:<id>:available and program:<id>:committed:<award>
        kind, owner, part = (func.split_part(balances.c.account, ":", number) for number in (1, 2, 3))
        available = func.sum(balances.c.balance).filter(part == "available")
        committed = func.sum(balances.c.balance).filter(part == "committed")
        mine = and_(
            kind == "program",
            owner == cast(programs.c.program_id, Text),
            balances.c.currency == programs.c.currency,
        )
        statement = (
            select(
                programs.c.program_id,
                programs.c.currency,
                func.coalesce(available, 0),
                func.coalesce(committed, 0),
            )
            .join(balances, mine, isouter=True)
            .group_by(programs.c.program_id, programs.c.currency)
            .order_by(programs.c.program_id)
        )
        return [ProgramBalance(*row) for row in await self._connection.execute(statement)]

    async def graph(self, program_id: UUID | None) -> Graph:
        """Which donation paid which disbursement, the newest first; only what has arrived."""
        statement = (
            select(transaction_links)
            .join(transactions, transactions.c.id == transaction_links.c.to_transaction)
            .where(
                transactions.c.transaction_type == TransactionType.DISBURSEMENT,
                transactions.c.status == Status.COMPLETED,
            )
            .order_by(transaction_links.c.id.desc())
            .limit(LINKS_MAX + 1)
        )
        if program_id is not None:
            statement = statement.where(transactions.c.program_id == program_id)
        return await self._graph((await self._connection.execute(statement)).all(), set())

    async def trace(self, transaction_id: UUID, *, forward: bool) -> Graph:
        """Where a donation went, or which donations paid a disbursement; a commitment is followed to its payments."""
        start, end = transaction_links.c.from_transaction, transaction_links.c.to_transaction
        near = start if forward else end
        statement = (
            select(transaction_links)
            .join(transactions, transactions.c.id == end)
            .where(
                near == transaction_id,
                transactions.c.transaction_type == TransactionType.DISBURSEMENT,
                transactions.c.status == Status.COMPLETED,
            )
            .order_by(transaction_links.c.id)
            .limit(LINKS_MAX + 1)
        )
        return await self._graph((await self._connection.execute(statement)).all(), {transaction_id})

    async def _graph(self, found: Sequence[Row[Any]], ids: set[UUID]) -> Graph:
        links = [GraphLink(row.from_transaction, row.to_transaction, row.amount) for row in found[:LINKS_MAX]]
        wanted = ids | {link.source for link in links} | {link.target for link in links}
        statement = select(transactions).where(transactions.c.id.in_(wanted)).order_by(transactions.c.id)
        rows = (await self._connection.execute(statement)).all() if wanted else []
        return Graph([view_of(row) for row in rows], links, len(found) > LINKS_MAX)

    async def find_booked(self, transaction_id: UUID) -> TransactionView | None:
        """A transaction that is in the chain: the chain is public, what is not booked yet is not."""
        statement = select(transactions).where(
            transactions.c.id == transaction_id, transactions.c.blockchain_hash.is_not(None)
        )
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else view_of(row)

    async def find_by_block(self, block_index: int, references: Sequence[UUID]) -> TransactionView | None:
        """The transaction that a block is about: its latest block, or one of the ids that its data names."""
        condition = or_(transactions.c.block_index == block_index, transactions.c.id.in_(references))
        statement = select(transactions).where(condition).order_by(transactions.c.id).limit(1)
        row = (await self._connection.execute(statement)).one_or_none()
        return None if row is None else view_of(row)
