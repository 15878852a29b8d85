"""Rows for several tables, and one change, in one statement: one round trip for all that a single event causes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import asyncpg

# Up to this many rows go in one INSERT for all tables: one round trip, where COPY takes two for each table.
ROWS_IN_ONE_STATEMENT_MAX: Final = 24
_PARAMETER: Final = re.compile(r"\$(\d+)")

Shape = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Rows:
    """What is to be inserted into a table: values in the order of the columns."""

    table: str
    columns: tuple[str, ...]
    records: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Change:
    """An UPDATE with $1, $2 and a RETURNING clause, made together with the rows.

    `check` gets the number of rows that it touched, and raises when it is not the right one.
    """

    statement: str
    arguments: tuple[Any, ...]
    check: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Command:
    """Parts of a WITH clause with $1, $2 …, made together with the rows; nothing of it is looked at."""

    parts: str
    arguments: tuple[Any, ...]


class _Fetching(Protocol):
    async def fetch(self, statement: str, *arguments: Any) -> list[Any]: ...


# The types of columns never change while a process runs: a migration that changed one would come with a new release.
_types: Final[dict[Shape, tuple[str, ...]]] = {}
_statements: Final[dict[tuple[tuple[Shape, ...], str | None, str | None], str]] = {}


async def insert_together(
    work: _Fetching,
    driver: asyncpg.Connection,
    tables: Sequence[Rows],
    change: Change | None = None,
    command: Command | None = None,
) -> None:
    """One INSERT per table, all in one statement: constraints and triggers see them when all of them are in.

    Each column travels as an array, so the statement is the same however many rows there are, and is prepared once.
    """
    shapes = tuple((rows.table, rows.columns) for rows in tables)
    key = (shapes, None if command is None else command.parts, None if change is None else change.statement)
    statement = _statements.get(key)
    if statement is None:
        for shape in shapes:
            if shape not in _types:
                _types[shape] = await _types_of(driver, *shape)
        statement = _statements[key] = _statement(*key)
    arguments: list[Any] = [list(column) for rows in tables for column in zip(*rows.records, strict=True)]
    if command is not None:
        arguments += command.arguments
    if change is None:
        await work.fetch(statement, *arguments)
    else:
        [row] = await work.fetch(statement, *arguments, *change.arguments)
        change.check(row["touched"])


async def _types_of(driver: asyncpg.Connection, table: str, columns: Sequence[str]) -> tuple[str, ...]:
    # The names are the program's own, never anybody's input.
    prepared = await driver.prepare(f"SELECT {_listed(columns)} FROM {table} LIMIT 0")  # noqa: S608 -- as above
    return tuple(attribute.type.name for attribute in prepared.get_attributes())


def _statement(shapes: Sequence[Shape], command: str | None, change: str | None) -> str:
    parts = []
    place = 0
    for number, shape in enumerate(shapes):
        table, columns = shape
        arrays = []
        for kind in _types[shape]:
            place += 1
            arrays.append(f"${place}::{kind}[]")
        listed = _listed(columns)
        parts.append(
            f"written_{number} AS (INSERT INTO {table} ({listed})"  # noqa: S608 -- names of the program's own
            f" SELECT {listed} FROM unnest({', '.join(arrays)}) AS given({listed}))"
        )
    if command is not None:
        parts.append(_renumbered(command, place))
        place += max(map(int, _PARAMETER.findall(command)))
    if change is None:
        return f"WITH {', '.join(parts)} SELECT"
    parts.append(f"changed AS ({_renumbered(change, place)})")
    return f"WITH {', '.join(parts)} SELECT count(*) AS touched FROM changed"  # noqa: S608 -- as above


def _renumbered(statement: str, place: int) -> str:
    """Its parameters come after `place` others."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + place}", statement)


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
