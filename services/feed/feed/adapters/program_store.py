"""What the feed keeps of programmes: a title and a board."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from feed.adapters.tables import board_members, programs


class ProgramStore:
    """The use cases' `Programs`."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def put(self, program_id: UUID, *, revision: int, title: str, board: Sequence[UUID]) -> None:
        statement = upsert(programs).values(program_id=program_id, revision=revision, title=title)
        statement = statement.on_conflict_do_update(
            index_elements=[programs.c.program_id],
            set_={"revision": revision, "title": title, "updated_at": self._now},
            where=programs.c.revision <= revision,
        )
        kept = await self._connection.execute(statement)
        if not kept.rowcount:
            return
        await self._connection.execute(delete(board_members).where(board_members.c.program_id == program_id))
        if board:
            rows = [{"program_id": program_id, "user_id": user_id} for user_id in board]
            await self._connection.execute(insert(board_members), rows)

    async def find_board(self, program_id: UUID) -> list[UUID] | None:
        known = select(programs.c.program_id).where(programs.c.program_id == program_id)
        if await self._connection.scalar(known) is None:
            return None
        members = select(board_members.c.user_id).where(board_members.c.program_id == program_id)
        return list((await self._connection.scalars(members.order_by(board_members.c.user_id))).all())
