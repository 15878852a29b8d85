"""The graph of the money: which donations paid which payments, from the links that the lots leave behind."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Integer, any_, bindparam, func, literal, select, text
from sqlalchemy import Uuid as UuidType
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement, Select

from ledger.adapters.arrays import among
from ledger.adapters.held_payments import IS_DISBURSED, IS_HELD, disbursed_ids
from ledger.adapters.tables.money import award_lots, transaction_links, transactions
from ledger.adapters.transaction_reading import view_of
from ledger.domain.transactions import TransactionType
from ledger.use_cases.reading_ports import Cut, Graph, GraphLink
from ledger.use_cases.readings import TransactionView

# What a browser draws without stalling.
PAYMENTS_MAX: Final = 100
LINKS_MAX: Final = 500
# What was left out is counted up to here: counting must not cost more than showing.
COUNTED_MAX: Final = 500

_link = transaction_links.c
# Where a donation's money can have gone for good: to a beneficiary, or back to its donor.
_GONE: Final = transactions.c.transaction_type.in_((TransactionType.DISBURSEMENT, TransactionType.REFUND)) & IS_HELD

# Donation by donation, so that one that paid for a hundred thousand awards is not read to its end.
_PAYMENTS_OF: Final = text(
    "SELECT DISTINCT paid.to_transaction FROM unnest(:donations) AS donation(id) CROSS JOIN LATERAL ("
    " SELECT link.to_transaction FROM transaction_links AS link"
    " JOIN transactions ON transactions.id = link.to_transaction"
    " WHERE link.from_transaction = donation.id AND link.to_transaction <> ALL (:known)"
    " AND transactions.transaction_type = 'disbursement' AND (transactions.status = 'completed' OR EXISTS ("
    "  SELECT FROM disputes WHERE disputes.transaction_id = transactions.id AND disputes.closed_at IS NULL"
    "  AND disputes.status_before = 'completed' AND transactions.status = 'disputed'))"
    " ORDER BY link.to_transaction DESC LIMIT :limit) AS paid"
    " ORDER BY paid.to_transaction DESC LIMIT :limit"
).bindparams(
    bindparam("donations", type_=ARRAY(UuidType)),
    bindparam("known", type_=ARRAY(UuidType)),
    bindparam("limit", type_=Integer),
)


@dataclass(frozen=True, slots=True)
class _Part:
    payments: list[UUID]
    links: list[GraphLink]
    is_cut: bool


class MoneyGraphReader:
    """Keeps `reading_ports.MoneyGraph`; the caller has taken a snapshot."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def graph(self, program_id: UUID | None, depth: int) -> Graph:
        found = await self._newest_payments(program_id, PAYMENTS_MAX + 1)
        part = await self._whole(found[:PAYMENTS_MAX], LINKS_MAX)
        is_full = part.is_cut or len(found) > PAYMENTS_MAX
        seen, links = set(part.payments), part.links
        donations = fresh = {link.source for link in links}
        for _ in range(depth - 1):
            following = await self._payments_of(fresh, seen, PAYMENTS_MAX)
            part = await self._whole(following, LINKS_MAX - len(links))
            seen.update(part.payments)
            links = [*links, *part.links]
            fresh = {link.source for link in part.links} - donations
            donations = donations | fresh
            is_full = is_full or part.is_cut
            if part.is_cut or not fresh:
                break
        cut = None
        if is_full:
            cut = await self._cut("count", program_id, seen)
        elif await self._payments_of(donations, seen, 1):
            cut = await self._cut("depth", program_id, seen)
        return Graph(await self._nodes({*seen, *donations}), links, cut)

    async def trace(self, start: TransactionView, *, forward: bool) -> Graph:
        statement = self._forward(start) if forward else self._backward(start)
        if statement is None:
            return Graph([start], [])
        found = (await self._connection.execute(statement.limit(LINKS_MAX + COUNTED_MAX + 1))).all()
        links = [GraphLink(*row) for row in found[:LINKS_MAX]]
        left = len(found) - len(links)
        cut = Cut(left, left, "count", at_least=left > COUNTED_MAX) if left else None
        return Graph(await self._nodes({start.id, *_ends(links)}), links, cut)

    @staticmethod
    def _forward(start: TransactionView) -> Select[Any] | None:
        """Source, target and amount of where it went, in a stable order."""
        if start.transaction_type == TransactionType.DONATION:
            return (
                select(_link.from_transaction, _link.to_transaction, _link.amount)
                .join(transactions, transactions.c.id == _link.to_transaction)
                .where(_link.from_transaction == start.id, _GONE)
                .order_by(_link.to_transaction)
            )
        if start.transaction_type == TransactionType.COMMITMENT:
            return (
                select(literal(start.id, UuidType), transactions.c.id, transactions.c.amount)
                .where(transactions.c.award_id == start.award_id, IS_DISBURSED)
                .order_by(transactions.c.id)
            )
        return None

    @staticmethod
    def _backward(start: TransactionView) -> Select[Any] | None:
        if start.transaction_type == TransactionType.COMMITMENT:
            kept = award_lots.c.amount - award_lots.c.released
            return (
                select(award_lots.c.donation_id, literal(start.id, UuidType), kept)
                .where(award_lots.c.award_id == start.award_id, kept > 0)
                # As the index has them: of very many only the first are read.
                .order_by(award_lots.c.donation_id)
            )
        came = {TransactionType.DISBURSEMENT, TransactionType.REFUND}
        if start.transaction_type in came:
            return (
                select(_link.from_transaction, _link.to_transaction, _link.amount)
                .join(transactions, transactions.c.id == _link.to_transaction)
                .where(_link.to_transaction == start.id, IS_HELD)
                .order_by(_link.amount.desc(), _link.id)
            )
        return None

    # --- parts ------------------------------------------------------------------------------------------------------

    async def _newest_payments(self, program_id: UUID | None, limit: int) -> list[UUID]:
        statement = disbursed_ids(limit, *_within(program_id), newest_first=True)
        return list((await self._connection.scalars(statement)).all())

    async def _payments_of(self, donations: Collection[UUID], known: Collection[UUID], limit: int) -> list[UUID]:
        """What these donations paid besides what is known, the newest first; of each donation no more than `limit`."""
        values = {"donations": sorted(donations), "known": sorted(known), "limit": limit}
        return list((await self._connection.scalars(_PAYMENTS_OF, values)).all())

    async def _whole(self, payments: Sequence[UUID], room: int) -> _Part:
        """As many of the payments as fit with every link behind each, so that what comes in is what was paid.

        Only a first one with more donations than fit is shown with the largest of them.
        """
        if not payments:
            return _Part([], [], is_cut=False)
        statement = (
            select(_link.to_transaction, _link.from_transaction, _link.amount)
            .where(among(_link.to_transaction, payments))
            .order_by(_link.to_transaction.desc(), _link.amount.desc(), _link.id)
            .limit(room + 1)
        )
        rows = (await self._connection.execute(statement)).all()
        links = [GraphLink(source, target, amount) for target, source, amount in rows]
        if len(links) <= room:
            return _Part(list(payments), links, is_cut=False)
        last = links[-1].target
        whole = [link for link in links if link.target != last]
        if whole or not room:
            return _Part([payment for payment in payments if payment > last], whole, is_cut=True)
        return _Part([last], links[:room], is_cut=True)

    async def _cut(self, reason: Literal["count", "depth"], program_id: UUID | None, shown: Collection[UUID]) -> Cut:
        left = (_none_of(transactions.c.id, shown), *_within(program_id))
        cut = (await self._connection.scalars(disbursed_ids(COUNTED_MAX, *left, newest_first=True))).all()
        # By their ids, neighbours in the index: one walk through it, where a join would go down to each.
        behind = select(_link.id).where(among(_link.to_transaction, cut)).limit(COUNTED_MAX).subquery()
        links = int(await self._connection.scalar(select(func.count()).select_from(behind)) or 0)
        return Cut(len(cut), links, reason, at_least=COUNTED_MAX in (len(cut), links))

    async def _nodes(self, ids: Collection[UUID]) -> list[TransactionView]:
        if not ids:
            return []
        statement = select(transactions).where(among(transactions.c.id, ids)).order_by(transactions.c.id)
        return [view_of(row) for row in (await self._connection.execute(statement)).all()]


def _ends(links: Iterable[GraphLink]) -> Iterable[UUID]:
    return chain.from_iterable((link.source, link.target) for link in links)


def _within(program_id: UUID | None) -> tuple[ColumnElement[bool], ...]:
    return () if program_id is None else (transactions.c.program_id == program_id,)


def _none_of(column: ColumnElement[Any], ids: Collection[UUID]) -> ColumnElement[bool]:
    return ~(column == any_(bindparam(None, sorted(ids), type_=ARRAY(UuidType), unique=True)))
