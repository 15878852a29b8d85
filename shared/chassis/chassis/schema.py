"""Whether the tables that this code works with are there: at a first release processes start before migrations end."""

import asyncio
from typing import Final

import structlog
from sqlalchemy import MetaData

from chassis.database import Database, database_is_away, database_is_busy
from chassis.stopping import stop_if_asked

log = structlog.get_logger(__name__)

# As after any fault: soon enough that nobody notices, seldom enough to flood no log.
LOOK_EVERY_SECONDS: Final = 1.0
# The catalogue shows names to any role, whatever it may read. Names are as in the search path of the role.
_MISSING: Final = """
SELECT wanted.of_table || '.' || wanted.of_column AS missing
FROM unnest($1::text[], $2::text[]) AS wanted(of_table, of_column)
WHERE NOT EXISTS (
    SELECT FROM pg_catalog.pg_attribute
    WHERE attrelid = to_regclass(quote_ident(wanted.of_table)) AND attname = wanted.of_column AND NOT attisdropped
)
LIMIT 1
"""


class Schema:
    """The tables and columns of `metadata` in a database.

    Once there they stay: migrations take nothing from a release that runs.
    """

    def __init__(self, database: Database, metadata: MetaData) -> None:
        self._database = database
        columns = [(table.name, column.name) for table in metadata.tables.values() for column in table.columns]
        self._tables, self._columns = ([each[part] for each in columns] for part in (0, 1))
        self._is_there = False

    async def is_there(self) -> bool:
        """False as well while the database is away."""
        if not self._is_there:
            try:
                missing = await self._database.fetch(_MISSING, self._tables, self._columns)
            except Exception as error:
                if not (database_is_away(error) or database_is_busy(error)):
                    raise
                log.warning("database_away", error=type(error).__name__, detail=str(error)[:300])
                return False
            self._is_there = not missing
            if missing:
                log.warning("migrations_missing", first=missing[0]["missing"])
        return self._is_there

    async def wait(self) -> None:
        """Until they are there."""
        while not await self.is_there():
            stop_if_asked()
            await asyncio.sleep(LOOK_EVERY_SECONDS)
