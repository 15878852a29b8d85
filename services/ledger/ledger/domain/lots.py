"""Lots: which donation pays for what, first in, first out, earmarked money first, to the last kobo."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import NamedTuple

from ledger.domain.refusals import InsufficientFundsError


class Lot(NamedTuple):
    """What is left of one donation (or of one award's share in it), in the order it was received."""

    id: str
    received: int  # position in the chain: the order in which money came in
    remaining: Decimal
    earmark: str | None = None  # the application, award or beneficiary that the donor gave for


class Allocation(NamedTuple):
    """This much of that lot."""

    lot_id: str
    amount: Decimal


def allocate(lots: Iterable[Lot], amount: Decimal, purposes: AbstractSet[str] = frozenset()) -> list[Allocation]:
    """Takes exactly `amount` from `lots`; raises InsufficientFundsError when they don't hold it.

    A lot earmarked for one of `purposes` goes first; a lot earmarked for anything else is not touched,
    because its donor gave it for something else. Within each group: first in, first out.
    """
    usable = [lot for lot in lots if lot.remaining > 0 and (lot.earmark is None or lot.earmark in purposes)]
    usable.sort(key=lambda lot: (lot.earmark is None, lot.received, lot.id))
    taken: list[Allocation] = []
    missing = amount
    for lot in usable:
        if missing <= 0:
            break
        part = min(lot.remaining, missing)
        taken.append(Allocation(lot.id, part))
        missing -= part
    if missing > 0:
        raise InsufficientFundsError(f"{missing} of {amount} are not covered by funds received")
    return taken
