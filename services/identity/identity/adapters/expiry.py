"""Forgets what no longer counts: expired sessions, links and old attempts."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, or_, select

from chassis.database import Database
from identity.adapters.tables import attempts, links, sessions
from identity.domain.sessions import REFRESH_IDLE

# Rows per statement: keeps each transaction far below the statement timeout.
_ROWS: Final = 1_000
# Longer than every window that is counted in.
_ATTEMPTS_KEPT: Final = timedelta(hours=1)
# An ended session is kept a while, so that its reused refresh token is still recognized as one.
_SESSIONS_KEPT: Final = timedelta(days=1)


async def forget_expired(database: Database) -> bool:
    """One batch of each kind; True when there may be more."""
    async with database.unit_of_work() as work:
        now = work.now
        ended = or_(
            sessions.c.expires_at < now - _SESSIONS_KEPT,
            sessions.c.last_used_at < now - REFRESH_IDLE - _SESSIONS_KEPT,
        )
        removed = [
            await _forget(work.connection, sessions, sessions.c.session_id, ended),
            await _forget(work.connection, links, links.c.token_hash, links.c.expires_at < now),
            await _forget(work.connection, attempts, attempts.c.scope_hash, attempts.c.last_at < now - _ATTEMPTS_KEPT),
        ]
    return max(removed) >= _ROWS


async def _forget(connection: Any, table: Any, key: Any, condition: Any) -> int:
    some = select(key).where(condition).limit(_ROWS)
    return int((await connection.execute(delete(table).where(key.in_(some)))).rowcount)
