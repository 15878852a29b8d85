"""Lists of programmes, updates and categories, for readers."""

from dataclasses import fields
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal_column, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from programs.adapters import tables
from programs.adapters.program_rows import program_of
from programs.domain.program import Program
from programs.domain.search import Filters
from programs.use_cases.ports import CategoryCount, ProgramUpdate

_table: Final = tables.programs
# Of the search column too: words are compared by their English stems.
_LANGUAGE: Final[ColumnElement[Any]] = literal_column("'english'::regconfig")
# Sort orders by name: the column, and whether the largest comes first. Ties are broken by id, the same way round.
SORTS: Final[dict[str, tuple[ColumnElement[Any], bool]]] = {
    "-created_at": (_table.c.created_at, True),
    "created_at": (_table.c.created_at, False),
    "close_date": (_table.c.close_date, False),
    "-close_date": (_table.c.close_date, True),
    "award_max": (_table.c.award_max, False),
    "-award_max": (_table.c.award_max, True),
}


def _conditions_of(filters: Filters) -> list[ColumnElement[bool]]:
    columns = _table.c
    found: list[ColumnElement[bool]] = []
    if not filters.drafts_too:
        found.append(columns.status != "draft")
    if filters.status is not None:
        found.append(columns.status == filters.status)
    if filters.category is not None:
        found.append(columns.category == filters.category)
    if filters.words is not None:
        found.append(columns.search.op("@@")(func.websearch_to_tsquery(_LANGUAGE, filters.words)))
    if filters.currency is not None:
        found.append(columns.currency == filters.currency)
    if filters.open_on is not None:
        found += [
            columns.status == "open",
            columns.open_date <= filters.open_on,
            columns.close_date >= filters.open_on,
        ]
    if filters.min_award is not None:
        found.append(columns.award_max >= filters.min_award)
    if filters.max_award is not None:
        found.append(columns.award_min <= filters.max_award)
    return found


class PostgresCatalogue:
    """The use cases' `Catalogue`, on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def programs(
        self, filters: Filters, *, sort: str, after: tuple[Any, UUID] | None, limit: int
    ) -> list[Program]:
        column, descending = SORTS[sort]
        # The search column is for the database only.
        columns = [item for item in _table.c if item.name != "search"]
        statement: Select[Any] = select(*columns).where(*_conditions_of(filters))
        key = tuple_(column, _table.c.id)
        if after is not None:
            statement = statement.where(key < after if descending else key > after)
        if descending:
            statement = statement.order_by(column.desc(), _table.c.id.desc())
        else:
            statement = statement.order_by(column, _table.c.id)
        rows = await self._connection.execute(statement.limit(limit + 1))
        return [program_of(row) for row in rows.mappings()]

    async def categories(self) -> list[CategoryCount]:
        columns = _table.c
        statement = (
            select(
                columns.category,
                func.count().label("programs"),
                func.count().filter(columns.status == "open").label("open_programs"),
            )
            .where(columns.status != "draft")
            .group_by(columns.category)
            .order_by(columns.category)
        )
        return [CategoryCount(**row) for row in (await self._connection.execute(statement)).mappings()]

    async def updates(self, program_id: UUID, *, after: UUID | None, limit: int) -> list[ProgramUpdate]:
        table = tables.program_updates
        statement = select(table).where(table.c.program_id == program_id)
        if after is not None:
            statement = statement.where(table.c.id < after)
        statement = statement.order_by(table.c.id.desc()).limit(limit + 1)
        names = [item.name for item in fields(ProgramUpdate)]
        rows = await self._connection.execute(statement)
        return [ProgramUpdate(**{name: row[name] for name in names}) for row in rows.mappings()]
