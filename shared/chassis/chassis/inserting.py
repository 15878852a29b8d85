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
    """Parts of a WITH clause with $1, $2 …, made together with the rows.

    With a `condition` all of the statement is refused unless it holds: by an error, so that nothing is kept, also
    where no transaction is under way.
    """

    parts: str
    arguments: tuple[Any, ...]
    condition: str | None = None


Part = Rows | Change | Command


class _Fetching(Protocol):
    async def fetch(self, statement: str, *arguments: Any) -> list[Any]: ...


# The types of columns never change while a process runs: a migration that changed one would come with a new release.
_types: Final[dict[Shape, tuple[str, ...]]] = {}
_Told = tuple[str, str | None]
_statements: Final[dict[tuple[tuple[Shape, ...], tuple[_Told, ...], str | None], str]] = {}


async def insert_together(
    work: _Fetching,
    driver: asyncpg.Connection,
    tables: Sequence[Rows],
    change: Change | None = None,
    commands: Sequence[Command] = (),
) -> None:
    """One INSERT per table, all in one statement: constraints and triggers see them when all of them are in.

    Each column travels as an array, so the statement is the same however many rows there are, and is prepared once.

    Raises:
        What `work` raises of a division by zero where a command's condition does not hold.
    """
    shapes = tuple((rows.table, rows.columns) for rows in tables)
    told = tuple((command.parts, command.condition) for command in commands)
    key = (shapes, told, None if change is None else change.statement)
    statement = _statements.get(key)
    if statement is None:
        for shape in shapes:
            if shape not in _types:
                _types[shape] = await _types_of(driver, *shape)
        statement = _statements[key] = _statement(*key)
    arguments: list[Any] = [list(column) for rows in tables for column in zip(*rows.records, strict=True)]
    for command in commands:
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


def _statement(shapes: Sequence[Shape], told: Sequence[_Told], change: str | None) -> str:
    parts = []
    conditions = []
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
    for command, condition in told:
        if command:
            parts.append(_renumbered(command, place))
        if condition is not None:
            conditions.append(_renumbered(condition, place))
        place += max(map(int, _PARAMETER.findall(f"{command} {condition}")))
    answer = ""
    if change is not None:
        parts.append(f"changed AS ({_renumbered(change, place)})")
        answer = "(SELECT count(*) FROM changed) AS touched"
        if conditions:
            conditions.append("(SELECT count(*) FROM changed) = 1")
    if conditions:
        # The one way to end a statement by an error that SQL has without a function of ours.
        refusing = f"1 / ({' AND '.join(f'({condition})' for condition in conditions)})::integer AS holds"
        answer = f"{answer}, {refusing}" if answer else refusing
    return f"WITH {', '.join(parts)} SELECT {answer}"


def _renumbered(statement: str, place: int) -> str:
    """Its parameters come after `place` others."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + place}", statement)


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
