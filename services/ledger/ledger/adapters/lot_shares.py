"""What awards have of lots, in PostgreSQL: locked when read, the oldest first, and no more of it than pays."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Numeric, Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import UnitOfWork
from ledger.adapters.arrays import among
from ledger.adapters.tables.money import award_lots, lots
from ledger.adapters.write_behind import Row, WriteBehind

# A small award is paid by a few donations; one that thousands of them pay for would be read again with each tranche.
PAGE_SHARES: Final = 128

# Of each award the oldest shares that still hold something, from a place in the chain on; no limit: all of them.
_READ_OPEN: Final = text(
    "SELECT page.* FROM unnest(:awards, :after) AS wanted(award_id, after), LATERAL ("
    "SELECT award_lots.award_id, award_lots.donation_id, award_lots.amount, award_lots.paid, award_lots.released,"
    " lots.received FROM award_lots JOIN lots ON lots.donation_id = award_lots.donation_id"
    " WHERE award_lots.award_id = wanted.award_id AND lots.received > wanted.after"
    " AND award_lots.paid + award_lots.released < award_lots.amount"
    " ORDER BY lots.received LIMIT :at_most FOR UPDATE OF award_lots) AS page"
).bindparams(
    bindparam("awards", type_=ARRAY(Uuid)),
    bindparam("after", type_=ARRAY(BigInteger)),
    bindparam("at_most", type_=BigInteger),
)

_CHANGE: Final = text(
    "UPDATE award_lots SET paid = changed.paid, released = changed.released, updated_at = clock_timestamp()"
    " FROM unnest(:awards, :donations, :paid, :released) AS changed(award_id, donation_id, paid, released)"
    " WHERE award_lots.award_id = changed.award_id AND award_lots.donation_id = changed.donation_id"
).bindparams(
    bindparam("awards", type_=ARRAY(Uuid)),
    bindparam("donations", type_=ARRAY(Uuid)),
    bindparam("paid", type_=ARRAY(Numeric)),
    bindparam("released", type_=ARRAY(Numeric)),
)


@dataclass(slots=True)
class Share:
    """What of a lot is set aside for an award."""

    award_id: UUID
    donation_id: UUID
    amount: Decimal
    paid: Decimal
    released: Decimal
    received: int
    row: Row | None = None  # while it is new and not written

    @property
    def left(self) -> Decimal:
        return self.amount - self.paid - self.released


@dataclass(slots=True)
class _Reach:
    """How far an award's shares were read: all that are open up to a place in the chain."""

    up_to: int = -1
    is_complete: bool = False

    def covers(self, share: Share) -> bool:
        return self.is_complete or share.received <= self.up_to


class PostgresShares:
    """Of a unit of work. What was read or changed here is newer than its row, and stays."""

    def __init__(self, work: UnitOfWork, pending: WriteBehind) -> None:
        self._work = work
        self._pending = pending
        self._known: defaultdict[UUID, dict[UUID, Share]] = defaultdict(dict)
        self._reach: dict[UUID, _Reach] = {}
        self._changed: dict[tuple[UUID, UUID], Share] = {}

    async def read(self, award_ids: Sequence[UUID]) -> None:
        """The first page of each, in one statement for all of them."""
        missing = sorted({each for each in award_ids if each not in self._reach})
        if missing:
            await self._read(missing, PAGE_SHARES)

    async def open_of(self, award_id: UUID, enough: Decimal | None) -> list[Share]:
        """Those that still hold something, the oldest first: as many as hold `enough`, or all of them."""
        await self.read([award_id])
        reach, known = self._reach[award_id], self._known[award_id]
        while True:
            covered = [share for share in known.values() if share.left > 0 and reach.covers(share)]
            is_enough = enough is not None and sum((share.left for share in covered), Decimal(0)) >= enough
            if reach.is_complete or is_enough:
                return sorted(covered, key=attrgetter("received"))
            await self._read([award_id], None if enough is None else PAGE_SHARES)

    def add(self, award_id: UUID, donation_id: UUID, amount: Decimal, received: int) -> None:
        """Set aside just now for an award that had nothing before."""
        # Nothing paid and nothing released is what the columns hold by themselves.
        row = {"award_id": award_id, "donation_id": donation_id, "amount": amount}
        kept = self._pending.add(award_lots, row)
        self._known[award_id][donation_id] = Share(
            award_id, donation_id, amount, Decimal(0), Decimal(0), received, kept
        )
        self._reach[award_id] = _Reach(is_complete=True)

    async def meet(self, award_id: UUID, donation_ids: Collection[UUID]) -> None:
        """Those of these lots, whether they still hold something or not."""
        missing = [each for each in donation_ids if each not in self._known[award_id]]
        if not missing:
            return
        statement = (
            select(award_lots, lots.c.received)
            .join(lots, lots.c.donation_id == award_lots.c.donation_id)
            .where(award_lots.c.award_id == award_id, among(award_lots.c.donation_id, missing))
            .order_by(lots.c.received)
            .with_for_update(of=award_lots)
        )
        self._learn((await self._work.connection.execute(statement)).all())

    def change(
        self, award_id: UUID, donation_id: UUID, *, paid: Decimal = Decimal(0), released: Decimal = Decimal(0)
    ) -> None:
        """Of a share that was read or met."""
        share = self._known[award_id][donation_id]
        share.paid += paid
        share.released += released
        if share.row is None:
            self._changed[award_id, donation_id] = share
        else:
            share.row.update(paid=share.paid, released=share.released)

    async def write_changes(self) -> None:
        for shares in self._known.values():
            for share in shares.values():
                share.row = None
        changed, self._changed = [*self._changed.values()], {}
        if changed:
            values: dict[str, list[Any]] = {
                "awards": [share.award_id for share in changed],
                "donations": [share.donation_id for share in changed],
                "paid": [share.paid for share in changed],
                "released": [share.released for share in changed],
            }
            await self._work.connection.execute(_CHANGE, values)

    async def _read(self, award_ids: Sequence[UUID], at_most: int | None) -> None:
        """The next page of each; without a limit, all that is left."""
        reaches = [self._reach.setdefault(each, _Reach()) for each in award_ids]
        values = {"awards": list(award_ids), "after": [reach.up_to for reach in reaches], "at_most": at_most}
        rows = (await self._work.connection.execute(_READ_OPEN, values)).all()
        pages: defaultdict[UUID, list[Any]] = defaultdict(list)
        for row in rows:
            pages[row.award_id].append(row)
        self._learn(rows)
        for award_id, reach in zip(award_ids, reaches, strict=True):
            page = pages[award_id]
            reach.is_complete = at_most is None or len(page) < at_most
            reach.up_to = page[-1].received if page else reach.up_to

    def _learn(self, rows: Sequence[Any]) -> None:
        for row in rows:
            share = Share(row.award_id, row.donation_id, row.amount, row.paid, row.released, row.received)
            self._known[row.award_id].setdefault(row.donation_id, share)
