"""Counted attempts in PostgreSQL: every replica counts on the same row."""

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.database import UnitOfWork
from identity.adapters.master_key import MasterKey
from identity.adapters.tables import attempts
from identity.domain.throttle import Limit, recent, wait_seconds


class PostgresThrottle:
    """`ports.Throttle` within one unit of work."""

    def __init__(self, work: UnitOfWork, master_key: MasterKey) -> None:
        self._work = work
        self._master_key = master_key

    async def attempt(self, scope: str, limit: Limit) -> int:
        connection, now = self._work.connection, self._work.now
        scope_hash = self._master_key.lookup_hash("attempts", scope)
        await connection.execute(
            upsert(attempts).values(scope_hash=scope_hash, times=[], last_at=now).on_conflict_do_nothing()
        )
        mine = attempts.c.scope_hash == scope_hash
        times = recent(
            await connection.scalar(select(attempts.c.times).where(mine).with_for_update()) or [], now, limit
        )
        wait = wait_seconds(times, now, limit)
        if wait == 0:
            await connection.execute(update(attempts).where(mine).values(times=[*times, now], last_at=now))
        return wait

    async def forgive(self, scope: str) -> None:
        mine = attempts.c.scope_hash == self._master_key.lookup_hash("attempts", scope)
        await self._work.connection.execute(delete(attempts).where(mine))
