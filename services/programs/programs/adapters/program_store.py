"""Programmes in Postgres: read whole, kept whole, one locked at a time."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.refusals import NotFoundError
from programs.adapters import tables
from programs.adapters.program_rows import (
    PART_TABLES,
    executive_of,
    part_of,
    part_rows_of,
    program_of,
    row_of,
)
from programs.domain.parts import PartKind
from programs.domain.program import Program
from programs.domain.slugs import distinct_slug_of
from programs.use_cases.ports import ProgramUpdate


class ProgramStore:
    """The use cases' `Programs`, on one connection; `now` stamps what is changed."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def get_locked(self, program_id: UUID) -> Program:
        program = await self.find_locked(program_id)
        if program is None:
            raise NotFoundError
        return program

    async def find_locked(self, program_id: UUID) -> Program | None:
        return await self._find(program_id, lock=True)

    async def find(self, program_id: UUID) -> Program | None:
        """The programme as it is, for reading."""
        return await self._find(program_id, lock=False)

    async def _find(self, program_id: UUID, *, lock: bool) -> Program | None:
        statement = select(tables.programs).where(tables.programs.c.id == program_id)
        if lock:
            statement = statement.with_for_update()
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        if row is None:
            return None
        program = program_of(row)
        for kind, (table, _) in PART_TABLES.items():
            rows = await self._connection.execute(
                select(table).where(table.c.program_id == program_id).order_by(table.c.position)
            )
            setattr(program, kind.value, [part_of(kind, part) for part in rows.mappings()])
        seats = tables.executives
        rows = await self._connection.execute(
            # The chair first, then in the order they were seated.
            select(seats)
            .where(seats.c.program_id == program_id, seats.c.removed_at.is_(None))
            .order_by(seats.c.is_chair.desc(), seats.c.id)
        )
        program.executives = [executive_of(seat) for seat in rows.mappings()]
        return program

    async def add(self, program: Program) -> None:
        for slug in (program.slug, distinct_slug_of(program.details.title, program.id)):
            program.slug = slug
            statement = upsert(tables.programs).values(row_of(program))
            statement = statement.on_conflict_do_nothing(index_elements=[tables.programs.c.slug])
            if (await self._connection.execute(statement)).rowcount:
                return
        raise RuntimeError(f"no free slug for programme {program.id}")

    async def save(self, program: Program) -> None:
        await self._connection.execute(
            update(tables.programs).where(tables.programs.c.id == program.id).values(row_of(program))
        )
        for kind in PART_TABLES:
            await self._save_list(program, kind)
        await self._save_board(program)

    async def _save_list(self, program: Program, kind: PartKind) -> None:
        table = PART_TABLES[kind][0]
        rows = part_rows_of(program, program.list_of(kind))
        kept = [row["id"] for row in rows]
        await self._connection.execute(delete(table).where(table.c.program_id == program.id, table.c.id.not_in(kept)))
        for row in rows:
            statement = upsert(table).values(row)
            changed = {name: statement.excluded[name] for name in row if name not in ("id", "program_id")}
            await self._connection.execute(
                statement.on_conflict_do_update(index_elements=[table.c.id], set_={**changed, "updated_at": self._now})
            )

    async def _save_board(self, program: Program) -> None:
        seats = tables.executives
        seated = [executive.id for executive in program.executives]
        await self._connection.execute(
            update(seats)
            .where(seats.c.program_id == program.id, seats.c.id.not_in(seated), seats.c.removed_at.is_(None))
            .values(removed_at=self._now, updated_at=self._now)
        )
        for executive in program.executives:
            values = {
                "display_name": executive.display_name,
                "title": executive.title,
                "is_chair": executive.is_chair,
                "removed_at": None,
            }
            statement = upsert(seats).values(
                id=executive.id, program_id=program.id, user_id=executive.user_id, **values
            )
            await self._connection.execute(
                statement.on_conflict_do_update(index_elements=[seats.c.id], set_={**values, "updated_at": self._now})
            )

    async def remove(self, program_id: UUID) -> None:
        await self._connection.execute(delete(tables.programs).where(tables.programs.c.id == program_id))

    async def find_seat_id(self, program_id: UUID, user_id: UUID) -> UUID | None:
        seats = tables.executives
        statement = select(seats.c.id).where(seats.c.program_id == program_id, seats.c.user_id == user_id)
        found: UUID | None = await self._connection.scalar(statement)
        return found

    async def ids_with_seat_of(self, user_id: UUID) -> list[UUID]:
        seats = tables.executives
        statement = select(seats.c.program_id).where(seats.c.user_id == user_id, seats.c.removed_at.is_(None))
        # In one order everywhere, so that two such sweeps cannot lock each other out.
        return list((await self._connection.scalars(statement.order_by(seats.c.program_id))).all())

    async def forget_person(self, user_id: UUID) -> None:
        seats = tables.executives
        await self._connection.execute(
            update(seats).where(seats.c.user_id == user_id).values(display_name="", title="", updated_at=self._now)
        )

    async def add_update(self, posted: ProgramUpdate) -> None:
        await self._connection.execute(
            insert(tables.program_updates).values(
                id=posted.id,
                program_id=posted.program_id,
                author_id=posted.author_id,
                title=posted.title,
                body=posted.body,
                created_at=posted.created_at,
            )
        )
