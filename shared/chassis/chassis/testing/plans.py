"""What a process asks its database, and how PostgreSQL goes about answering it: for tests of growth."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database


@contextmanager
def asked_of(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """The statements said meanwhile, each with its parameters; not those in the driver's own words (`fetch`)."""
    engine = database.engine.sync_engine
    asked: list[tuple[str, Any]] = []

    def listen(*arguments: Any) -> None:
        _, _, statement, parameters, *_ = arguments
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", listen)


async def plan_of(connection: AsyncConnection, statement: str, parameters: Any, options: str = "ANALYZE") -> Any:
    """The root of a statement's plan as EXPLAIN gives it; with ANALYZE it is carried out."""
    explain = f"EXPLAIN ({options}, FORMAT JSON) {statement}"
    told = (await connection.exec_driver_sql(explain, parameters)).scalar_one()
    return (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
