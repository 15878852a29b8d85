"""An award that draws on very many small donations costs a look at each, not one for each page that was read."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import count, islice
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

from chassis.database import UnitOfWork
from ledger.adapters.lot_books import PAGE_LOTS, PostgresLots
from ledger.adapters.write_behind import WriteBehind

LOTS = 64_000
# What is left of a lot is asked for when its page is counted, when it is taken, and once or twice in between.
LOOKS_PER_LOT_MAX = 5
PROGRAM, NAIRA = uuid4(), Decimal("1.00")


class Looked(Decimal):
    """An amount that counts how often what is left of it was reckoned."""

    looks = 0

    def __sub__(self, other: Decimal | int) -> Decimal:
        type(self).looks += 1
        return Decimal(self).__sub__(other)


class OldestFirst:
    """A connection behind which a programme has lots of a naira each, that gives the next page whenever it is asked."""

    def __init__(self, lots: int) -> None:
        self._rows: Iterator[Any] = (
            SimpleNamespace(
                donation_id=UUID(int=number + 1), program_id=PROGRAM, currency="NGN",
                amount=Looked(NAIRA), taken=Decimal(0), earmark=None, received=number, is_disputed=False,
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


async def test_each_of_very_many_lots_is_looked_at_a_few_times():
    books = books_of(LOTS)
    Looked.looks = 0
    found = await books.covering(PROGRAM, "NGN", NAIRA * LOTS, [])
    assert [lot.received for lot in found] == [*range(LOTS)]
    assert LOTS <= Looked.looks <= LOOKS_PER_LOT_MAX * LOTS


async def test_no_page_is_read_beyond_what_covers():
    books = books_of(3 * PAGE_LOTS)
    for wanted in (1, PAGE_LOTS, PAGE_LOTS + 1, 3 * PAGE_LOTS + 7):
        found = await books.covering(PROGRAM, "NGN", NAIRA * wanted, [])
        assert len(found) == min(wanted, 3 * PAGE_LOTS)
