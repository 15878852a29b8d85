"""The use cases' `Desk` over one unit of work."""

from datetime import datetime
from uuid import UUID

from chassis.database import UnitOfWork
from chassis.standing import role_of
from programs.adapters.announcements import Announcements
from programs.adapters.catalogue import PostgresCatalogue
from programs.adapters.program_store import ProgramStore


class _People:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def role_of(self, user_id: UUID) -> str | None:
        return await role_of(self._work.connection, user_id)


class PostgresDesk:
    """Store, people and announcements of one request or message."""

    def __init__(self, work: UnitOfWork) -> None:
        self.now: datetime = work.now
        self.programs = ProgramStore(work.connection, work.now)
        self.catalogue = PostgresCatalogue(work.connection)
        self.people = _People(work)
        self.announce = Announcements(work)
