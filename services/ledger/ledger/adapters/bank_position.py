"""What the books hold at the bank at two heights: all programme money, and what was sent and is not confirmed yet."""

from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.adapters.tables.chain import balances, postings
from ledger.domain.accounts import BANK_CLEARING
from ledger.domain.reconciliation_report import BooksPosition


async def positions_between(connection: AsyncConnection, first: int, end: int) -> list[BooksPosition]:
    """By currency, before block `first` and before block `end`.

    The balances as they are, less what was posted since; in one statement, for one view of both.
    """
    now = (
        select(
            balances.c.currency,
            func.sum(balances.c.balance).label("held"),
            _sum(balances.c.balance, balances.c.account == BANK_CLEARING).label("clearing"),
        )
        .where(_at_bank(balances.c.account))
        .group_by(balances.c.currency)
        .subquery()
    )
    cleared, later = postings.c.account == BANK_CLEARING, postings.c.block_index >= end
    since = (
        select(
            postings.c.currency,
            func.sum(postings.c.amount).label("held"),
            _sum(postings.c.amount, cleared).label("clearing"),
            _sum(postings.c.amount, later).label("held_later"),
            _sum(postings.c.amount, cleared & later).label("clearing_later"),
        )
        .where(_at_bank(postings.c.account), postings.c.block_index >= first)
        .group_by(postings.c.currency)
        .subquery()
    )
    statement = (
        select(
            now.c.currency,
            _less(now.c.held, since.c.held),
            _less(now.c.held, since.c.held_later),
            _less(now.c.clearing, since.c.clearing),
            _less(now.c.clearing, since.c.clearing_later),
        )
        .join(since, since.c.currency == now.c.currency, isouter=True)
        .order_by(now.c.currency)
    )
    return [BooksPosition(*row) for row in await connection.execute(statement)]


def _less(total: Any, part: Any) -> Any:
    return total - func.coalesce(part, Decimal(0))


def _sum(amount: Any, condition: ColumnElement[bool]) -> Any:
    return func.coalesce(func.sum(amount).filter(condition), Decimal(0))


def _at_bank(account: Any) -> ColumnElement[bool]:
    return or_(account == BANK_CLEARING, account.like("program:%"))
