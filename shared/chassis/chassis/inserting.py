"""A few rows for several tables in one statement: one round trip for all that a single event causes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import asyncpg

Shape = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Rows:
    """What is to be inserted into a table: values in the order of the columns."""

    table: str
    columns: tuple[str, ...]
    records: Sequence[tuple[Any, ...]]


class _Fetching(Protocol):
    async def fetch(self, statement: str, *arguments: Any) -> list[Any]: ...


# The types of columns never change while a process runs: a migration that changed one would come with a new release.
_types: Final[dict[Shape, tuple[str, ...]]] = {}
_statements: Final[dict[tuple[Shape, ...], str]] = {}


async def insert_together(work: _Fetching, driver: asyncpg.Connection, tables: Sequence[Rows]) -> None:
    """One INSERT per table, all in one statement: constraints and triggers see them when all of them are in.

    Each column travels as an array, so the statement is the same however many rows there are, and is prepared once.
    """
    shapes = tuple((rows.table, rows.columns) for rows in tables)
    statement = _statements.get(shapes)
    if statement is None:
        for shape in shapes:
            if shape not in _types:
                _types[shape] = await _types_of(driver, *shape)
        statement = _statements[shapes] = _statement(shapes)
    columns = [list(column) for rows in tables for column in zip(*rows.records, strict=True)]
    await work.fetch(statement, *columns)


async def _types_of(driver: asyncpg.Connection, table: str, columns: Sequence[str]) -> tuple[str, ...]:
    # The names are the program's own, never anybody's input.
    prepared = await driver.prepare(f"SELECT {_listed(columns)} FROM {table} LIMIT 0")  # noqa: S608 -- as above
    return tuple(attribute.type.name for attribute in prepared.get_attributes())


def _statement(shapes: Sequence[Shape]) -> str:
    inserts = []
    place = 0
    for number, shape in enumerate(shapes):
        table, columns = shape
        arrays = []
        for kind in _types[shape]:
            place += 1
            arrays.append(f"${place}::{kind}[]")
        listed = _listed(columns)
        inserts.append(
            f"written_{number} AS (INSERT INTO {table} ({listed})"  # noqa: S608 -- names of the program's own
            f" SELECT {listed} FROM unnest({', '.join(arrays)}) AS given({listed}))"
        )
    return f"WITH {', '.join(inserts)} SELECT"


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
