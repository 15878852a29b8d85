"""What every worker does on the side: measures the outbox and forgets what is older than its promise."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Table, any_, column, delete, func, select

from chassis import metrics
from chassis.database import Database
from chassis.tables import idempotency_keys, inbox, outbox
from chassis.timers import Timer

# 04-events: published rows stay 14 days for replay, the inbox 30 days: longer than any replay.
OUTBOX_DAYS: Final = 14
INBOX_DAYS: Final = 30
# A client that repeats a request does so within a day or two; a week leaves room for a broken queue over a holiday.
IDEMPOTENCY_DAYS: Final = 7
# Rows per statement: keeps each transaction far below the statement timeout.
DELETE_ROWS: Final = 5_000


def housekeeping_timers(context: str, database: Database) -> list[Timer]:
    """The timers of a worker."""

    async def measure() -> None:
        async with database.reading() as connection:
            waiting = outbox.c.published_at.is_(None)
            age = func.extract("epoch", func.clock_timestamp() - func.min(outbox.c.created_at))
            depth, oldest = (await connection.execute(select(func.count(), age).where(waiting))).one()
        metrics.OUTBOX_DEPTH.labels(context).set(depth)
        metrics.OUTBOX_AGE_SECONDS.labels(context).set(float(oldest or 0))

    async def forget() -> bool:
        removed = [
            await _forget(database, outbox, outbox.c.published_at, OUTBOX_DAYS),
            await _forget(database, inbox, inbox.c.handled_at, INBOX_DAYS),
            await _forget(database, idempotency_keys, idempotency_keys.c.created_at, IDEMPOTENCY_DAYS),
        ]
        return DELETE_ROWS in removed

    return [Timer("measure_outbox", 5, measure), Timer("forget_old_rows", 600, forget)]


async def _forget(database: Database, table: Table, at: Column[datetime], days: int) -> int:
    """Deletes the oldest rows, reading no others: found by the index on `at`, and deleted where they lie.

    now() and not clock_timestamp(), which is another at each row, so that no index can be asked for it; by ctid, for a
    key would be looked up in all of a table that is large.
    """
    place: ColumnElement[Any] = column("ctid")
    old = select(place).select_from(table).where(at < func.now() - timedelta(days=days)).order_by(at).limit(DELETE_ROWS)
    async with database.unit_of_work() as work:
        result = await work.connection.execute(delete(table).where(place == any_(func.array(old.scalar_subquery()))))
    return int(result.rowcount)
