"""A lone event in one statement: handled on assumptions, and kept only if the database says that they are so.

An event alone in its batch, as on a quiet day, takes five round trips, each longer than what it is for. Where a service
can assume what its handlers would ask, they are called without a database; all that comes of it, and what was assumed
as conditions, is then one statement, which is its own transaction.
"""

from typing import Any

from chassis.clock import Clock
from chassis.database import Database, UnitOfWork, database_is_away
from chassis.inserting import ROWS_IN_ONE_STATEMENT_MAX, Change, Command, Part, Rows, insert_together


class AsksDatabaseError(Exception):
    """What was assumed is not enough: a handler asked the database."""


class _Nowhere:
    """In the place of a connection."""

    def __getattr__(self, name: str) -> Any:
        raise AsksDatabaseError(name)


def assumed_work(clock: Clock) -> UnitOfWork:
    """A unit of work without a database: it gathers and announces, and raises AsksDatabaseError if asked more."""
    nowhere: Any = _Nowhere()
    return UnitOfWork(nowhere, nowhere, clock)


async def keep(database: Database, parts: list[Part]) -> bool:
    """Writes `parts` in one statement; False, and nothing of it is there, when a condition or a constraint refuses it.

    Raises:
        What says that the database is away; then nobody knows, and whoever delivered the event does so again.
    """
    tables = [part for part in parts if isinstance(part, Rows) and part.records]
    changes = [part for part in parts if isinstance(part, Change)]
    commands = [part for part in parts if isinstance(part, Command)]
    if len(changes) > 1 or sum(len(rows.records) for rows in tables) > ROWS_IN_ONE_STATEMENT_MAX:
        return False
    try:
        async with database.statements(is_repeatable=True) as work:
            await insert_together(work, work.driver, tables, changes[0] if changes else None, commands)
    except Exception as error:
        # Also a value that the driver cannot write: the usual way tells of that, too.
        if database_is_away(error):
            raise
        return False
    return True
