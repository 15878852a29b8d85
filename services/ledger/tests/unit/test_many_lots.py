"""An award that draws on very many small donations costs a look at each, not one for each page that was read."""

import time
from collections.abc import Iterator
from decimal import Decimal
from itertools import count, islice
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

from chassis.database import UnitOfWork
from ledger.adapters.lot_books import PAGE_LOTS, PostgresLots
from ledger.adapters.write_behind import WriteBehind

FEW = 4_000
TIMES = 16
# Linear is 16, and what n * n takes 256.
GROWTH_MAX = 40
PROGRAM, NAIRA = uuid4(), Decimal("1.00")


class OldestFirst:
    """A connection behind which a programme has lots of a naira each, that gives the next page whenever it is asked."""

    def __init__(self, lots: int) -> None:
        self._rows: Iterator[Any] = (
            SimpleNamespace(
                donation_id=UUID(int=number + 1), program_id=PROGRAM, currency="NGN", amount=NAIRA, taken=Decimal(0),
                earmark=None, received=number,
            )
            for number in islice(count(), lots)
        )  # fmt: skip

    async def execute(self, _: Any) -> Any:
        page = [*islice(self._rows, PAGE_LOTS)]
        return SimpleNamespace(all=lambda: page)


def books_of(lots: int) -> PostgresLots:
    work = cast(
        "UnitOfWork",
        SimpleNamespace(connection=OldestFirst(lots), before_commit=lambda _: None, gather=lambda *_: None),
    )
    return PostgresLots(work, WriteBehind(work))


async def seconds_to_cover(lots: int) -> float:
    """Of the processor; the better of two, for others use the processor too."""
    taken = []
    for _ in range(2):
        books = books_of(lots)
        began = time.process_time()
        found = await books.covering(PROGRAM, "NGN", NAIRA * lots, [])
        taken.append(time.process_time() - began)
        assert [lot.received for lot in found] == [*range(lots)]
    return min(taken)


async def test_many_times_as_many_lots_take_about_as_many_times_as_long():
    few, many = await seconds_to_cover(FEW), await seconds_to_cover(TIMES * FEW)
    assert many < GROWTH_MAX * few, f"{FEW} lots: {few:.3f} s, {TIMES * FEW}: {many:.3f} s"


async def test_no_page_is_read_beyond_what_covers():
    books = books_of(3 * PAGE_LOTS)
    for wanted in (1, PAGE_LOTS, PAGE_LOTS + 1, 3 * PAGE_LOTS + 7):
        found = await books.covering(PROGRAM, "NGN", NAIRA * wanted, [])
        assert len(found) == min(wanted, 3 * PAGE_LOTS)
