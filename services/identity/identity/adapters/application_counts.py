"""How many applications a user has submitted and had approved, in PostgreSQL."""

from typing import Literal
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert as upsert

from chassis.database import UnitOfWork
from identity.adapters.tables import counted_applications, users


class PostgresApplicationCounts:
    """`ports.ApplicationCounts` within one unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def add(self, user_id: UUID, application_id: UUID, what: Literal["submitted", "approved"]) -> None:
        connection = self._work.connection
        statement = upsert(counted_applications).values(application_id=application_id, user_id=user_id, **{what: True})
        counted = await connection.execute(
            statement.on_conflict_do_update(
                index_elements=[counted_applications.c.application_id],
                set_={what: True},
                where=~counted_applications.c[what],
            )
        )
        if counted.rowcount == 0:
            return
        total = users.c.applications_count if what == "submitted" else users.c.approved_applications
        await connection.execute(
            update(users)
            .where(users.c.user_id == user_id, users.c.erased_at.is_(None))
            .values({total: total + 1, users.c.version: users.c.version + 1, users.c.updated_at: self._work.now})
        )
