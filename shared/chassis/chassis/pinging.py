"""Pings: a dead connection is found before work is put on it, e.g. after the database restarted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

# Who is given its work again anyway may take a connection that was used within this time to be there still: a ping
# costs as much as a small statement.
PING_AFTER_SECONDS: Final = 1.0
_skips_pings: Final[ContextVar[bool]] = ContextVar("impactnet_skips_pings", default=False)


@contextmanager
def without_ping(*, is_repeatable: bool) -> Iterator[None]:
    """What is asked of the pool here is given again if it fails: a connection that was just used needs no ping."""
    token = _skips_pings.set(is_repeatable)
    try:
        yield
    finally:
        _skips_pings.reset(token)


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
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # The pool opens another instead.
            raise DisconnectionError(str(error)) from error
