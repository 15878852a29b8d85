"""Lots: which donation pays for what, first in, first out, earmarked money first, to the last kobo."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import NamedTuple

from ledger.domain.refusals import DonationDisputedError, InsufficientFundsError


class Lot(NamedTuple):
    """What is left of one donation (or of one award's share in it), in the order it was received."""

    id: str
    received: int  # position in the chain: the order in which money came in
    remaining: Decimal
    earmark: str | None = None  # the application, award or beneficiary that the donor gave for
    is_disputed: bool = False  # the donor's bank has taken it back, and people have not yet found out how that ended


class Allocation(NamedTuple):
    """This much of that lot."""

    lot_id: str
    amount: Decimal


def allocate(lots: Iterable[Lot], amount: Decimal, purposes: AbstractSet[str] = frozenset()) -> list[Allocation]:
    """Takes exactly `amount` from `lots`.

    A lot earmarked for one of `purposes` goes first; a lot earmarked for anything else is not touched,
    because its donor gave it for something else. Within each group: first in, first out.
    None is passed over because it is disputed: whose turn it is follows from the chain alone, which knows no disputes.

    Raises:
        InsufficientFundsError: they don't hold it.
        DonationDisputedError: it is the turn of one that may not be there.
    """
    usable = [lot for lot in lots if lot.remaining > 0 and (lot.earmark is None or lot.earmark in purposes)]
    usable.sort(key=lambda lot: (lot.earmark is None, lot.received, lot.id))
    taken: list[Allocation] = []
    disputed: list[str] = []
    missing = amount
    for lot in usable:
        if missing <= 0:
            break
        part = min(lot.remaining, missing)
        taken.append(Allocation(lot.id, part))
        disputed += [lot.id] if lot.is_disputed else []
        missing -= part
    if missing > 0:
        raise InsufficientFundsError(f"{missing} of {amount} are not covered by funds received")
    if disputed:
        raise DonationDisputedError(f"{amount} would be paid by {', '.join(disputed)}")
    return taken
