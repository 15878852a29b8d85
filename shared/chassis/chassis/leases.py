"""Fenced leases: at most one holder acts at a time, and one that slept through its lease cannot act late."""

import os
import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.ids import new_id
from chassis.tables import leases

# Renewed each second; silent for three, another takes over: within the 5 s that 04-events promises.
LEASE_SECONDS: Final = 3
RENEW_EVERY_SECONDS: Final = 1

# One statement that commits itself: every worker of every service asks each second, and one that freezes at any point
# leaves no transaction behind that holds the row.
_ACQUIRE: Final = """
INSERT INTO leases AS held (name, epoch, holder, renewed_at) VALUES ($1, 1, $2, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET
    holder = excluded.holder,
    epoch = CASE WHEN held.holder = excluded.holder THEN held.epoch ELSE held.epoch + 1 END,
    renewed_at = excluded.renewed_at
WHERE held.holder = excluded.holder
    OR held.renewed_at < clock_timestamp() - $3::interval OR held.renewed_at > clock_timestamp() + $3::interval
RETURNING epoch
"""


class LeaseLostError(RuntimeError):
    """Another holder has taken over: whatever was being done must be left undone."""


def holder_name() -> str:
    """Host, process and a random part: tells people who holds a lease."""
    return f"{socket.gethostname()}:{os.getpid()}:{str(new_id())[-6:]}"


@dataclass(frozen=True, slots=True)
class Lease:
    """A held lease. `epoch` grows with each takeover and is the fence."""

    name: str
    holder: str
    epoch: int

    async def assert_held(self, connection: AsyncConnection) -> None:
        """Lock the lease's row for this transaction; a takeover waits for it, so what commits here was ours to do.

        Raises:
            LeaseLostError: the epoch has moved on.
        """
        row = select(leases.c.epoch).where(leases.c.name == self.name).with_for_update()
        if await connection.scalar(row) != self.epoch:
            raise LeaseLostError(self.name)


async def acquire_or_renew(database: Database, name: str, holder: str) -> Lease | None:
    """Take the lease when it is free or has run out, or renew it when it is ours; None while another holds it.

    Only the database's clock is asked, and a renewal that lies in the future (the clock stepped back) counts as run
    out: taking over early is harmless, for the epoch fences the one before.
    """
    rows = await database.fetch(_ACQUIRE, name, holder, timedelta(seconds=LEASE_SECONDS))
    return Lease(name, holder, rows[0]["epoch"]) if rows else None


async def release(database: Database, lease: Lease) -> None:
    """Give it back at a clean stop, so that another need not wait for it to run out."""
    async with database.unit_of_work() as work:
        await work.connection.execute(
            update(leases)
            .where(leases.c.name == lease.name, leases.c.epoch == lease.epoch)
            .values(renewed_at=func.clock_timestamp() - text(f"interval '{LEASE_SECONDS + 1} seconds'"))
        )
