"""Pings: a dead connection is found before work is put on it, e.g. after the database restarted."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, Final

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

# Who is given its work again anyway may take a connection that was used within this time to be there still: a ping
# costs as much as a small statement.
PING_AFTER_SECONDS: Final = 1.0
# An answer to nothing takes milliseconds. Together with the time to connect anew (4 s) it is about as long as a client
# may wait for its 503.
PING_SECONDS_MAX: Final = 2
_skips_pings: Final[ContextVar[bool]] = ContextVar("impactnet_skips_pings", default=False)


@contextmanager
def without_ping(*, is_repeatable: bool) -> Iterator[None]:
    """What is asked of the pool here is given again if it fails: a connection that was just used needs no ping."""
    token = _skips_pings.set(is_repeatable)
    try:
        yield
    finally:
        _skips_pings.reset(token)


Lent = tuple[AsyncConnection, Any]


class Lending:
    """Lends connections of a pool, each with the driver's own, and keeps back the one that was used last.

    To give it back to the pool and to take it again takes half a millisecond. One that has rested so long that it would
    need a ping is given back; and at once where it is the last of the pool, which has `size` with its overflow.
    """

    def __init__(self, engine: AsyncEngine, size: int) -> None:
        self._engine = engine
        self._size = size
        self._kept: Lent | None = None
        self._used_at = 0.0

    @asynccontextmanager
    async def lend(self, *, is_repeatable: bool) -> AsyncIterator[Lent]:
        """After an error, whatever it was, the pool sees to the connection."""
        lent = await self._take_kept() if is_repeatable else None
        if lent is None:
            with without_ping(is_repeatable=is_repeatable):
                connection = await self._engine.connect()
            lent = connection, None
        connection, driver = lent
        try:
            if driver is None:
                driver = (await connection.get_raw_connection()).driver_connection
            if driver is None:
                raise InterfaceError("", None, ConnectionError("the connection is closed"))
            yield connection, driver
        except BaseException:
            await connection.close()
            raise
        if is_repeatable and self._kept is None and self._is_more_left():
            self._kept, self._used_at = (connection, driver), time.monotonic()
        else:
            await connection.close()

    async def close(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept[0].close()

    def _is_more_left(self) -> bool:
        pool = self._engine.pool
        return isinstance(pool, QueuePool) and pool.checkedout() < self._size

    async def _take_kept(self) -> Lent | None:
        if time.monotonic() - self._used_at > PING_AFTER_SECONDS:
            await self.close()
        kept, self._kept = self._kept, None
        return kept


def ping_after_rest(engine: AsyncEngine) -> None:
    """Pings each connection that the pool of this engine gives out."""

    def note(record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "connect")
    def connected(_connection: Any, record: Any) -> None:
        note(record)

    @event.listens_for(engine.sync_engine, "checkin")
    def given_back(_connection: Any, record: Any) -> None:
        note(record)

    @event.listens_for(engine.sync_engine, "checkout")
    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if _skips_pings.get() and time.monotonic() - record.info.get("used_at", 0.0) <= PING_AFTER_SECONDS:
            return
        try:
            connection.run_async(lambda driver: driver.fetchrow(";", timeout=PING_SECONDS_MAX))
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
            # The pool opens another instead, and does not wait for this one to say goodbye.
            connection.driver_connection.terminate()
            raise DisconnectionError(str(error)) from error
