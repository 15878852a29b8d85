"""Rows that a unit of work adds: gathered in memory, written by COPY at its end in the order foreign keys need."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from sqlalchemy import Table

from chassis.database import UnitOfWork
from chassis.inserting import Rows
from ledger.adapters.tables.chain import booked_events
from ledger.adapters.tables.money import (
    award_lots,
    awards,
    payments,
    programs,
    tranches,
    transaction_links,
    transactions,
)
from ledger.adapters.tables.people import beneficiaries, deciders

Row = dict[str, Any]

# What is referred to comes before what refers to it.
_ORDER: Final[tuple[Table, ...]] = (
    booked_events,
    programs,
    deciders,
    beneficiaries,
    transactions,
    payments,
    awards,
    tranches,
    award_lots,
    transaction_links,
)


class WriteBehind:
    """One per unit of work, shared by its books. A row may still be changed until it is written."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._updates: list[Callable[[], Awaitable[None]]] = []
        self._last: Callable[[], Sequence[Rows]] | None = None
        work.before_commit(self._finish)

    def add(self, table: Table, row: Row) -> Row:
        self._rows[table.name].append(row)
        return row

    def then(self, write: Callable[[], Awaitable[None]]) -> None:
        """Call `write` with every flush, after the new rows: for changes of rows that were there before."""
        self._updates.append(write)

    def last(self, make: Callable[[], Sequence[Rows]]) -> None:
        """Let `make` give the rows that come after all others, when the unit of work ends."""
        self._last = make

    async def flush(self) -> None:
        """Write what was gathered; before a statement that has to see it, and at the end."""
        await self._write([])

    async def _finish(self) -> None:
        await self._write([] if self._last is None else self._last())

    async def _write(self, last: Sequence[Rows]) -> None:
        gathered, self._rows = self._rows, defaultdict(list)
        tables: list[Rows] = []
        for table in _ORDER:
            by_columns: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
            for row in gathered.get(table.name, ()):
                by_columns[tuple(row)].append(tuple(row.values()))
            tables += [Rows(table.name, columns, records) for columns, records in by_columns.items()]
        await self._work.insert(*tables, *last)
        for write in self._updates:
            await write()
