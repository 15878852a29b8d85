"""Lots in PostgreSQL: which donation pays for what. Locked when read, read once in a unit of work."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Numeric, Uuid, bindparam, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from chassis.database import UnitOfWork
from ledger.adapters.arrays import among
from ledger.adapters.lot_shares import PostgresShares
from ledger.adapters.tables.money import lot_sums, lots, transaction_links
from ledger.adapters.tables.payments import disputes
from ledger.adapters.write_behind import WriteBehind
from ledger.domain.lots import Allocation, Lot
from ledger.domain.records import Donation

# Its donor's bank has taken it back. Open disputes are few, and read once for all lots of a statement.
_IS_DISPUTED: Final = lots.c.donation_id.in_(
    select(disputes.c.transaction_id).where(disputes.c.closed_at.is_(None))
).label("is_disputed")
_LOT: Final = select(lots, _IS_DISPUTED)
# Lots are read in the order in which they are spent, this many at a time: a programme may have a million of them.
PAGE_LOTS: Final = 256

_CHANGE_LOTS: Final = text(
    "UPDATE lots SET taken = changed.taken, updated_at = clock_timestamp()"
    " FROM unnest(:ids, :taken) AS changed(donation_id, taken) WHERE lots.donation_id = changed.donation_id"
).bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("taken", type_=ARRAY(Numeric)))


@dataclass(slots=True)
class _LotState:
    donation_id: UUID
    program_id: UUID
    currency: str
    amount: Decimal
    taken: Decimal
    earmark: UUID | None
    received: int
    is_disputed: bool

    @property
    def left(self) -> Decimal:
        return self.amount - self.taken

    def as_lot(self) -> Lot:
        earmark = None if self.earmark is None else str(self.earmark)
        return Lot(str(self.donation_id), self.received, self.left, earmark, self.is_disputed)


@dataclass(slots=True)
class _Queue:
    """A programme's unearmarked lots as far as they were read, in the order they came in."""

    lots: list[_LotState] = field(default_factory=list)
    first_open: int = 0
    is_complete: bool = False

    def left(self, enough: Decimal) -> Decimal:
        """What the lots read so far hold, counted until it is `enough`."""
        while self.first_open < len(self.lots) and self.lots[self.first_open].left <= 0:
            self.first_open += 1
        total = Decimal(0)
        for state in self.lots[self.first_open :]:
            total += state.left
            if total >= enough:
                break
        return total


class PostgresLots:
    def __init__(self, work: UnitOfWork, pending: WriteBehind) -> None:
        self._work = work
        self._pending = pending
        self._states: dict[UUID, _LotState] = {}
        self._queues: dict[tuple[UUID, str], _Queue] = {}
        self._earmarked: dict[UUID, list[UUID]] = {}
        self._shares = PostgresShares(work, pending)
        self._changed_lots: set[UUID] = set()
        pending.then(self._write_changes)

    async def read(self, award_ids: Sequence[UUID], purposes: Sequence[UUID]) -> None:
        """For awards that are there; one that is not yet has no shares to be read."""
        await self._shares.read(award_ids)
        await self._read_earmarked(purposes)

    async def add(self, received: Sequence[tuple[Donation, int]]) -> None:
        rows = [
            {
                "donation_id": donation.transaction_id,
                "program_id": donation.program_id,
                "currency": donation.currency,
                "amount": donation.amount,
                "earmark": donation.earmark,
                "received": block_index,
            }
            for donation, block_index in received
        ]
        await self._work.connection.execute(insert(lots).values(rows))

    async def covering(self, program_id: UUID, currency: str, amount: Decimal, purposes: Collection[UUID]) -> list[Lot]:
        await self._read_earmarked(purposes)
        earmarked = [self._states[lot_id] for purpose in purposes for lot_id in self._earmarked[purpose]]
        own = [state for state in earmarked if state.program_id == program_id and state.currency == currency]
        queue = self._queues.setdefault((program_id, currency), _Queue())
        needed = amount - sum((state.left for state in own), Decimal(0))
        # Counted on with each page: a sum anew of all that was read would be one for each page.
        held = queue.left(needed) if needed > 0 else Decimal(0)
        while held < needed and not queue.is_complete:
            held += await self._read_page(program_id, currency, queue)
        usable = [state.as_lot() for state in own if state.left > 0]
        for state in queue.lots[queue.first_open :]:
            if needed <= 0:
                break
            if state.left > 0:
                usable.append(state.as_lot())
                needed -= state.left
        return usable

    async def of_award_locked(self, award_id: UUID, enough: Decimal | None = None) -> list[Lot]:
        """What lots still hold for this award; its earmark has served its purpose by now."""
        shares = await self._shares.open_of(award_id, enough)
        return [Lot(str(share.donation_id), share.received, share.left) for share in shares]

    async def reserve(self, award_id: UUID, allocations: Sequence[Allocation]) -> None:
        for each in allocations:
            state = await self._take(UUID(each.lot_id), each.amount)
            self._shares.add(award_id, state.donation_id, each.amount, state.received)

    async def release(self, award_id: UUID, allocations: Sequence[Allocation]) -> None:
        # At once: an award may be made of a hundred thousand donations.
        unknown = [lot_id for each in allocations if (lot_id := UUID(each.lot_id)) not in self._states]
        if unknown:
            await self._read_lots(_LOT.where(among(lots.c.donation_id, unknown)))
        for each in allocations:
            self._shares.change(award_id, UUID(each.lot_id), released=each.amount)
            await self._take(UUID(each.lot_id), -each.amount)
        # A lot that was spent may be open again, before those that were read: they are read anew when needed.
        self._queues.clear()
        self._earmarked.clear()
        await self._pending.flush()

    async def pay(self, award_id: UUID, disbursement_id: UUID, allocations: Sequence[Allocation]) -> None:
        for each in allocations:
            self._shares.change(award_id, UUID(each.lot_id), paid=each.amount)
            self._link(UUID(each.lot_id), disbursement_id, each.amount)

    async def give_back(self, award_id: UUID, disbursement_id: UUID) -> None:
        """The links back mirror those that paid: history stays, what a lot has given nets out."""
        await self._pending.flush()
        statement = select(transaction_links).where(transaction_links.c.to_transaction == disbursement_id)
        links = (await self._work.connection.execute(statement.order_by(transaction_links.c.id))).all()
        await self._shares.meet(award_id, [link.from_transaction for link in links])
        for link in links:
            self._shares.change(award_id, link.from_transaction, paid=-link.amount)
            self._link(disbursement_id, link.from_transaction, link.amount)

    async def left_of(self, donation_id: UUID) -> Decimal:
        if donation_id in self._states:
            return self._states[donation_id].left
        # Read without a lock, for the API may not lock; `refund` is what decides.
        statement = select(lots.c.amount - lots.c.taken).where(lots.c.donation_id == donation_id)
        return Decimal(await self._work.connection.scalar(statement) or 0)

    async def committed_of(self, donation_id: UUID) -> Decimal:
        await self._pending.flush()
        statement = select(lot_sums.c.promised).where(lot_sums.c.donation_id == donation_id)
        return Decimal(await self._work.connection.scalar(statement) or 0)

    async def refund(self, donation_id: UUID, refund_id: UUID, amount: Decimal) -> None:
        """The check on `taken` refuses what was promised in the meantime."""
        await self._take(donation_id, amount)
        self._link(donation_id, refund_id, amount)

    async def take_back_refund(self, donation_id: UUID, refund_id: UUID, amount: Decimal) -> None:
        await self._take(donation_id, -amount)
        self._link(refund_id, donation_id, amount)

    def _link(self, source: UUID, target: UUID, amount: Decimal) -> None:
        row = {"from_transaction": source, "to_transaction": target, "amount": amount}
        self._pending.add(transaction_links, row)

    async def _take(self, donation_id: UUID, amount: Decimal) -> _LotState:
        state = await self._state(donation_id)
        if state is None:
            raise LookupError(f"lot {donation_id}")
        state.taken += amount
        self._changed_lots.add(donation_id)
        return state

    # --- reading ----------------------------------------------------------------------------------------------------

    async def _state(self, donation_id: UUID) -> _LotState | None:
        if donation_id not in self._states:
            await self._read_lots(_LOT.where(lots.c.donation_id == donation_id))
        return self._states.get(donation_id)

    async def _read_lots(self, statement: Any) -> list[_LotState]:
        rows = (await self._work.connection.execute(statement.with_for_update(of=lots))).all()
        # What is known here already is newer than its row.
        return [self._states.setdefault(row.donation_id, _lot_state(row)) for row in rows]

    async def _read_page(self, program_id: UUID, currency: str, queue: _Queue) -> Decimal:
        """What the lots of the page hold."""
        after = queue.lots[-1].received if queue.lots else -1
        statement = _LOT.where(
            lots.c.program_id == program_id,
            lots.c.currency == currency,
            lots.c.earmark.is_(None),
            lots.c.taken < lots.c.amount,
            lots.c.received > after,
        )
        page = await self._read_lots(statement.order_by(lots.c.received).limit(PAGE_LOTS))
        queue.lots += page
        queue.is_complete = len(page) < PAGE_LOTS
        return sum((state.left for state in page), Decimal(0))

    async def _read_earmarked(self, purposes: Collection[UUID]) -> None:
        missing = [each for each in dict.fromkeys(purposes) if each not in self._earmarked]
        if not missing:
            return
        self._earmarked.update({each: [] for each in missing})
        statement = _LOT.where(among(lots.c.earmark, missing), lots.c.taken < lots.c.amount)
        for state in await self._read_lots(statement.order_by(lots.c.received)):
            if state.earmark is not None:
                self._earmarked[state.earmark].append(state.donation_id)

    async def _write_changes(self) -> None:
        changed, self._changed_lots = sorted(self._changed_lots), set()
        if changed:
            taken = [self._states[each].taken for each in changed]
            await self._work.connection.execute(_CHANGE_LOTS, {"ids": changed, "taken": taken})
        await self._shares.write_changes()


def _lot_state(row: Any) -> _LotState:
    return _LotState(
        row.donation_id, row.program_id, row.currency, row.amount, row.taken, row.earmark, row.received, row.is_disputed
    )
