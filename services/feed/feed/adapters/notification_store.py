"""Notifications and preferences in Postgres."""

from dataclasses import fields
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.refusals import NotFoundError
from chassis.tables import user_standings
from feed.adapters.tables import notifications, preferences, programs
from feed.domain.notification import Group, Notification, NotificationKind
from feed.domain.preferences import Preferences
from feed.use_cases.ports import ShownNotification

_table: Final = notifications
# What the ledger says when the person behind a payment has been erased.
NOBODY: Final = UUID(int=0)


def _notification_of(row: RowMapping) -> Notification:
    values = {item.name: row[item.name] for item in fields(Notification)}
    return Notification(**{**values, "kind": NotificationKind(values["kind"])})


class NotificationStore:
    """The use cases' `Notifications`, and what their readers ask for."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    async def add(self, notification: Notification) -> bool:
        values = {item.name: getattr(notification, item.name) for item in fields(Notification)}
        statement = upsert(_table).values({**values, "kind": notification.kind.value})
        statement = statement.on_conflict_do_nothing(index_elements=[_table.c.user_id, _table.c.cause_id])
        return bool((await self._connection.execute(statement)).rowcount)

    async def wants(self, user_id: UUID, group: Group) -> bool:
        if user_id == NOBODY:
            return False
        erased = exists().where(user_standings.c.user_id == user_id, user_standings.c.erased)
        refused = exists().where(preferences.c.user_id == user_id, ~preferences.c[group.value])
        return not await self._connection.scalar(select(erased | refused))

    async def mark_read(self, notification_id: UUID, user_id: UUID) -> ShownNotification:
        statement = (
            update(_table)
            .where(_table.c.id == notification_id, _table.c.user_id == user_id)
            .values(read_at=func.coalesce(_table.c.read_at, self._now), updated_at=self._now)
            .returning(*_table.c)
        )
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise NotFoundError
        title = await self._connection.scalar(
            select(programs.c.title).where(programs.c.program_id == row["program_id"])
        )
        return ShownNotification(_notification_of(row), title)

    async def mark_all_read(self, user_id: UUID) -> None:
        await self._connection.execute(
            update(_table)
            .where(_table.c.user_id == user_id, _table.c.read_at.is_(None))
            .values(read_at=self._now, updated_at=self._now)
        )

    async def forget_person(self, user_id: UUID) -> None:
        await self._connection.execute(delete(_table).where(_table.c.user_id == user_id))
        await self._connection.execute(delete(preferences).where(preferences.c.user_id == user_id))

    # --- for readers -------------------------------------------------------------------------------------------------

    async def list_of(
        self, user_id: UUID, *, unread: bool | None, after: tuple[bool, UUID] | None, limit: int
    ) -> list[ShownNotification]:
        wanted = limit + 1
        seen_read, seen_id = after or (False, None)
        found: list[ShownNotification] = []
        if unread is not False and not seen_read:
            found = await self._half(user_id, _table.c.read_at.is_(None), seen_id, wanted)
        if unread is not True and len(found) < wanted:
            further = seen_id if seen_read else None
            found += await self._half(user_id, _table.c.read_at.is_not(None), further, wanted - len(found))
        return found

    async def _half(
        self, user_id: UUID, condition: ColumnElement[bool], after: UUID | None, limit: int
    ) -> list[ShownNotification]:
        """Read ones or unread ones: each has an index of its own, so that no page costs more than the first."""
        joined = _table.outerjoin(programs, programs.c.program_id == _table.c.program_id)
        statement = select(*_table.c, programs.c.title.label("program_title")).select_from(joined)
        statement = statement.where(_table.c.user_id == user_id, condition)
        if after is not None:
            statement = statement.where(_table.c.id < after)
        rows = (await self._connection.execute(statement.order_by(_table.c.id.desc()).limit(limit))).mappings()
        return [ShownNotification(_notification_of(row), row["program_title"]) for row in rows]

    async def count_unread(self, user_id: UUID) -> int:
        statement = select(func.count()).where(_table.c.user_id == user_id, _table.c.read_at.is_(None))
        return int(await self._connection.scalar(statement) or 0)

    async def preferences_of(self, user_id: UUID) -> Preferences:
        # Locked for a change that may follow; there is nobody else who reads them for long.
        statement = select(preferences).where(preferences.c.user_id == user_id).with_for_update()
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        if row is None:
            return Preferences()
        return Preferences(row["version"], {group: row[group.value] for group in Group})

    async def put_preferences(self, user_id: UUID, wanted: Preferences) -> None:
        values = {group.value: is_wanted for group, is_wanted in wanted.wanted.items()} | {"version": wanted.version}
        statement = upsert(preferences).values(user_id=user_id, **values)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[preferences.c.user_id], set_={**values, "updated_at": self._now}
            )
        )
