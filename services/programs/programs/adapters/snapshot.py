"""The present state of every programme, said again for a read model that is built later."""

from typing import Final

from sqlalchemy import select

from chassis.service import Foundation
from contracts.programs import ProgramUpdated
from programs.adapters import tables
from programs.adapters.announcements import snapshot_of
from programs.adapters.program_store import ProgramStore

# Per transaction: small enough that programmes are locked only for a moment.
BATCH_ROWS: Final = 100


async def announce_every_program(foundation: Foundation) -> int:
    """Announce `ProgramUpdated` for every programme; returns how many."""
    count = 0
    last = None
    while True:
        async with foundation.database.unit_of_work() as work:
            statement = select(tables.programs.c.id).order_by(tables.programs.c.id).limit(BATCH_ROWS)
            if last is not None:
                statement = statement.where(tables.programs.c.id > last)
            ids = (await work.connection.scalars(statement)).all()
            if not ids:
                return count
            store = ProgramStore(work.connection, work.now)
            for program_id in ids:
                # Locked: the snapshot and its place in the programme's sequence belong together.
                program = await store.find_locked(program_id)
                if program is not None:
                    work.announce(ProgramUpdated(**snapshot_of(program)))
                    count += 1
            last = ids[-1]
