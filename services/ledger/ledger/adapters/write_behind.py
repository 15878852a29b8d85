"""Rows that a unit of work adds: gathered in memory, written by COPY at its end in the order foreign keys need."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy import Table

from chassis.database import UnitOfWork
from chassis.inserting import Rows
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
        work.before_commit(self._write_updates)
        work.gather(self._take)

    def add(self, table: Table, row: Row) -> Row:
        self._rows[table.name].append(row)
        return row

    def then(self, write: Callable[[], Awaitable[None]]) -> None:
        """Call `write` with every flush and at the end: for changes of rows that were there before."""
        self._updates.append(write)

    async def flush(self) -> None:
        """Write what was gathered, for a statement that has to see it; at the end it is written with all the rest."""
        await self._work.insert(*self._take())
        await self._write_updates()

    def _take(self) -> list[Rows]:
        gathered, self._rows = self._rows, defaultdict(list)
        tables: list[Rows] = []
        for table in _ORDER:
            by_columns: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
            for row in gathered.get(table.name, ()):
                by_columns[tuple(row)].append(tuple(row.values()))
            tables += [Rows(table.name, columns, records) for columns, records in by_columns.items()]
        return tables

    async def _write_updates(self) -> None:
        for write in self._updates:
            await write()
