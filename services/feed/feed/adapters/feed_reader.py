"""The feed, posts, replies and reports as their readers see them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, exists, false, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.personal_data import Vault
from chassis.refusals import NotFoundError
from feed.adapters.post_store import post_of
from feed.adapters.tables import (
    POST_PURPOSE,
    REPLY_PURPOSE,
    REPORT_PURPOSE,
    likes,
    posts,
    programs,
    replies,
    reports,
)
from feed.domain.post import Content
from feed.use_cases.ports import Reply, Report, ShownPost, Slice


class FeedReader:
    """The use cases' `Reader`, on one connection, for one reader (None: anybody)."""

    def __init__(self, connection: AsyncConnection, vault: Vault, reader_id: UUID | None) -> None:
        self._connection = connection
        self._vault = vault
        self._reader_id = reader_id

    def _select(self) -> Any:
        liked: Any = false()
        if self._reader_id is not None:
            liked = exists().where(likes.c.post_id == posts.c.id, likes.c.user_id == self._reader_id)
        joined = posts.outerjoin(programs, programs.c.program_id == posts.c.program_id)
        columns = (*posts.c, programs.c.title.label("program_title"), liked.label("liked"))
        return select(*columns).select_from(joined).where(posts.c.hidden_at.is_(None))

    async def feed(self, part: Slice, *, kind: str | None, program_id: UUID | None) -> list[ShownPost]:
        statement = self._select()
        if kind is not None:
            statement = statement.where(posts.c.kind == kind)
        if program_id is not None:
            statement = statement.where(posts.c.program_id == program_id)
        if part.after is not None:
            statement = statement.where(posts.c.id < part.after)
        return await self._shown(statement.order_by(posts.c.id.desc()).limit(part.limit + 1))

    async def get(self, post_id: UUID) -> ShownPost:
        found = await self._shown(self._select().where(posts.c.id == post_id))
        if not found:
            raise NotFoundError
        return found[0]

    async def _shown(self, statement: Any) -> list[ShownPost]:
        rows: Sequence[RowMapping] = (await self._connection.execute(statement)).mappings().all()
        sealed = [row for row in rows if row["author_id"] is not None and row["sealed_content"] is not None]
        texts = await self._vault.find_many(
            self._connection, [(row["author_id"], row["sealed_content"]) for row in sealed], POST_PURPOSE
        )
        contents = {
            row["id"]: Content.from_text(text) for row, text in zip(sealed, texts, strict=True) if text is not None
        }
        return [ShownPost(post_of(row, contents.get(row["id"])), row["program_title"], row["liked"]) for row in rows]

    async def replies(self, post_id: UUID, part: Slice) -> list[Reply]:
        await self.get(post_id)
        statement = select(replies).where(replies.c.post_id == post_id)
        if part.after is not None:
            statement = statement.where(replies.c.id > part.after)
        statement = statement.order_by(replies.c.id).limit(part.limit + 1)
        rows = (await self._connection.execute(statement)).mappings().all()
        texts = await self._vault.find_many(
            self._connection, [(row["author_id"], row["sealed_body"]) for row in rows], REPLY_PURPOSE
        )
        return [
            # A text whose author was erased between the two statements is empty; the next read has no such row.
            Reply(row["id"], post_id, row["author_id"], text or "", row["created_at"])
            for row, text in zip(rows, texts, strict=True)
        ]

    async def reports(self, part: Slice) -> list[Report]:
        statement = (
            select(reports)
            .join(posts, posts.c.id == reports.c.post_id)
            .where(posts.c.hidden_at.is_(None))
            .order_by(reports.c.id.desc())
            .limit(part.limit + 1)
        )
        if part.after is not None:
            statement = statement.where(reports.c.id < part.after)
        rows = (await self._connection.execute(statement)).mappings().all()
        texts = await self._vault.find_many(
            self._connection, [(row["reporter_id"], row["sealed_reason"]) for row in rows], REPORT_PURPOSE
        )
        return [
            Report(row["id"], row["post_id"], row["reporter_id"], text or "", row["created_at"])
            for row, text in zip(rows, texts, strict=True)
        ]
