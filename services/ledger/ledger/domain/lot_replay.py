"""The lots worked out anew from what happened: what was written beside the blocks has to be what the rule gives.

Not made of the code that books: an error there would be made twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from heapq import heappop, heappush
from typing import Final

from ledger.domain.refusals import InsufficientFundsError

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Deed:
    """A block that moves money, and what was written beside it about lots.

    `kind` is the block's type, with its step behind a colon where it has one. `purposes` are those of a commitment's
    award; `recorded` says of a commitment or a payment how much it took of which donation.
    """

    block_index: int
    kind: str
    payment_id: str  # of a disbursement or refund, in all its steps and its reversal; of a donation its own id
    amount: Decimal
    fund: str  # programme and currency
    award_id: str = ""
    donation_id: str = ""
    earmark: str = ""
    purposes: tuple[str, ...] = ()
    recorded: Mapping[str, Decimal] | None = None


@dataclass(slots=True, eq=False)
class _Lot:
    id: str
    received: int
    queue: tuple[str, str]  # fund and earmark
    left: Decimal


class _Shares:
    """What an award has of lots; the oldest is found without looking at all."""

    def __init__(self) -> None:
        self.of_lots: dict[_Lot, Decimal] = {}
        self._by_age: list[tuple[int, int, _Lot]] = []
        self._puts = 0

    def put(self, money: Mapping[_Lot, Decimal]) -> None:
        for lot, amount in money.items():
            if lot not in self.of_lots:
                self._puts += 1
                heappush(self._by_age, (lot.received, self._puts, lot))
            self.of_lots[lot] = self.of_lots.get(lot, ZERO) + amount

    def take(self, amount: Decimal) -> dict[_Lot, Decimal]:
        """Of the oldest first; all that there is if it is not so much."""
        taken: dict[_Lot, Decimal] = {}
        while amount and self._by_age:
            lot = self._by_age[0][2]
            taken[lot] = min(self.of_lots[lot], amount)
            amount -= taken[lot]
            self.of_lots[lot] -= taken[lot]
            if not self.of_lots[lot]:
                del self.of_lots[lot]
                heappop(self._by_age)
        return taken


class LotReplay:
    """Holds lots with money in them, the shares of awards, and what each payment that may come back was made of."""

    def __init__(self) -> None:
        self._open: dict[str, _Lot] = {}
        # By age. A lot that was emptied stays until it is first; one that is filled again may be there twice.
        self._queues: defaultdict[tuple[str, str], list[tuple[int, int, _Lot]]] = defaultdict(list)
        self._shares: defaultdict[str, _Shares] = defaultdict(_Shares)
        self._payments: dict[str, dict[_Lot, Decimal]] = {}
        self._puts = 0

    def follow(self, deed: Deed) -> str | None:
        """What is wrong with this one; None when it is as the rule says. After something wrong there is no more."""
        match deed.kind:
            case "donation":
                queue = (deed.fund, deed.earmark)
                self._put(_Lot(deed.payment_id, deed.block_index, queue, ZERO), deed.amount)
            case "commitment":
                return self._commit(deed)
            case "decommitment":
                return self._release(deed)
            case "disbursement:sent":
                return self._pay(deed)
            case "disbursement:failed" | "reversal":
                self._shares[deed.award_id].put(self._payments.pop(deed.payment_id))
            case "refund:sent":
                return self._refund(deed)
            case "refund:failed":
                for lot, amount in self._payments.pop(deed.payment_id).items():
                    self._put(lot, amount)
        return None

    def _put(self, lot: _Lot, amount: Decimal) -> None:
        if not lot.left:
            self._puts += 1
            heappush(self._queues[lot.queue], (lot.received, self._puts, lot))
            self._open[lot.id] = lot
        lot.left += amount

    def _take(self, lot: _Lot, amount: Decimal) -> None:
        lot.left -= amount
        if not lot.left:
            del self._open[lot.id]

    def _first(self, fund: str, earmarks: Iterable[str]) -> _Lot | None:
        found: _Lot | None = None
        for earmark in earmarks:
            queue = self._queues.get((fund, earmark))
            while queue and not queue[0][2].left:
                heappop(queue)
            if queue and (found is None or queue[0][0] < found.received):
                found = queue[0][2]
        return found

    def _commit(self, deed: Deed) -> str | None:
        shares = self._shares[deed.award_id]
        missing = deed.amount
        for earmarks in (deed.purposes, ("",)):
            while missing and (lot := self._first(deed.fund, earmarks)) is not None:
                part = min(lot.left, missing)
                self._take(lot, part)
                shares.put({lot: part})
                missing -= part
        if missing:
            raise InsufficientFundsError(f"award {deed.award_id}: {missing} is from lots earmarked for something else")
        return _difference(f"award {deed.award_id}", shares.of_lots, deed.recorded)

    def _release(self, deed: Deed) -> str | None:
        shares = self._shares.pop(deed.award_id, _Shares()).of_lots
        held = sum(shares.values(), ZERO)
        for lot, amount in shares.items():
            self._put(lot, amount)
        return None if held == deed.amount else f"award {deed.award_id}: {deed.amount} of {held} is released"

    def _pay(self, deed: Deed) -> str | None:
        taken = self._shares[deed.award_id].take(deed.amount)
        self._payments[deed.payment_id] = taken
        return _difference(f"disbursement {deed.payment_id}", taken, deed.recorded)

    def _refund(self, deed: Deed) -> str | None:
        lot = self._open.get(deed.donation_id)
        if lot is None or lot.queue[0] != deed.fund or lot.left < deed.amount:
            held = ZERO if lot is None else lot.left
            return f"refund {deed.payment_id}: donation {deed.donation_id} has {held} of {deed.amount}"
        self._take(lot, deed.amount)
        self._payments[deed.payment_id] = {lot: deed.amount}
        return _difference(f"refund {deed.payment_id}", self._payments[deed.payment_id], deed.recorded)


def _difference(what: str, taken: Mapping[_Lot, Decimal], recorded: Mapping[str, Decimal] | None) -> str | None:
    """The oldest donation of which another amount was written down than the rule gives."""
    written = dict(recorded or {})
    for lot in sorted(taken, key=lambda each: each.received):
        found = written.pop(lot.id, ZERO)
        if found != taken[lot]:
            return f"{what}: {found} is from donation {lot.id}, first in first out gives {taken[lot]}"
    for donation_id, amount in sorted(written.items()):
        return f"{what}: {amount} is from donation {donation_id}, first in first out gives nothing"
    return None
