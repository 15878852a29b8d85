"""Fenced leases: at most one holder acts at a time, and one that slept through its lease cannot act late."""

import os
import socket
from dataclasses import dataclass
from typing import Final

from sqlalchemy import case, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.ids import new_id
from chassis.tables import leases

# Renewed each second; silent for three, another takes over: within the 5 s that 04-events promises.
LEASE_SECONDS: Final = 3
RENEW_EVERY_SECONDS: Final = 1


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
    now = func.clock_timestamp()
    span = text(f"interval '{LEASE_SECONDS} seconds'")
    statement = upsert(leases).values(name=name, epoch=1, holder=holder, renewed_at=now)
    mine = leases.c.holder == statement.excluded.holder
    run_out = or_(leases.c.renewed_at < now - span, leases.c.renewed_at > now + span)
    # One statement: every worker of every service asks each second.
    statement = statement.on_conflict_do_update(
        index_elements=[leases.c.name],
        set_={
            "holder": statement.excluded.holder,
            "epoch": case((mine, leases.c.epoch), else_=leases.c.epoch + 1),
            "renewed_at": statement.excluded.renewed_at,
        },
        where=or_(mine, run_out),
    )
    async with database.unit_of_work() as work:
        epoch = await work.connection.scalar(statement.returning(leases.c.epoch))
    return None if epoch is None else Lease(name, holder, epoch)


async def release(database: Database, lease: Lease) -> None:
    """Give it back at a clean stop, so that another need not wait for it to run out."""
    async with database.unit_of_work() as work:
        await work.connection.execute(
            update(leases)
            .where(leases.c.name == lease.name, leases.c.epoch == lease.epoch)
            .values(renewed_at=func.clock_timestamp() - text(f"interval '{LEASE_SECONDS + 1} seconds'"))
        )
