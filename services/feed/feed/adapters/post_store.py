"""Posts in Postgres, what people wrote sealed under their own keys."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.personal_data import Vault
from chassis.refusals import NotFoundError
from feed.adapters.tables import POST_PURPOSE, REPLY_PURPOSE, REPORT_PURPOSE, likes, posts, replies, reports
from feed.domain.post import Content, Post, PostKind
from feed.use_cases.ports import Reply, Report

_PLAIN: Final = (
    "id",
    "author_id",
    "created_at",
    "updated_at",
    "program_id",
    "transaction_id",
    "request_id",
    "update_id",
    "amount",
    "currency",
    "version",
    "likes",
    "replies",
    "hidden_at",
    "hidden_by",
)


def post_of(row: RowMapping, content: Content | None) -> Post:
    """A post from its row and what was sealed in it."""
    return Post(kind=PostKind(row["kind"]), content=content, **{name: row[name] for name in _PLAIN})


class PostStore:
    """The use cases' `Posts`, on one connection; `now` stamps what is changed."""

    def __init__(self, connection: AsyncConnection, vault: Vault, now: datetime) -> None:
        self._connection = connection
        self._vault = vault
        self._now = now

    async def get_locked(self, post_id: UUID) -> Post:
        shown = await self._shown_locked(posts.c.id == post_id)
        if not shown:
            raise NotFoundError
        return shown[0]

    async def shown_of_request_locked(self, request_id: UUID) -> list[Post]:
        return await self._shown_locked(posts.c.request_id == request_id)

    async def _shown_locked(self, condition: ColumnElement[bool]) -> list[Post]:
        statement = select(posts).where(condition, posts.c.hidden_at.is_(None)).order_by(posts.c.id)
        rows = (await self._connection.execute(statement.with_for_update())).mappings().all()
        return [await self._read(row) for row in rows]

    async def _read(self, row: RowMapping) -> Post:
        content = None
        if row["author_id"] is not None:
            text = await self._vault.find(self._connection, row["author_id"], row["sealed_content"], POST_PURPOSE)
            content = None if text is None else Content.from_text(text)
        return post_of(row, content)

    async def _row_of(self, post: Post) -> dict[str, Any]:
        sealed = None
        if post.author_id is not None and post.content is not None:
            sealed = await self._vault.seal(self._connection, post.author_id, post.content.to_text(), POST_PURPOSE)
        own = {name: getattr(post, name) for name in _PLAIN}
        return {**own, "kind": post.kind.value, "sealed_content": sealed}

    async def add(self, post: Post) -> bool:
        statement = upsert(posts).values(await self._row_of(post)).on_conflict_do_nothing()
        return bool((await self._connection.execute(statement)).rowcount)

    async def save(self, post: Post) -> None:
        row = await self._row_of(post)
        await self._connection.execute(update(posts).where(posts.c.id == post.id).values(row))

    async def add_like(self, post_id: UUID, user_id: UUID) -> bool:
        statement = upsert(likes).values(post_id=post_id, user_id=user_id).on_conflict_do_nothing()
        return bool((await self._connection.execute(statement)).rowcount)

    async def remove_like(self, post_id: UUID, user_id: UUID) -> bool:
        statement = delete(likes).where(likes.c.post_id == post_id, likes.c.user_id == user_id)
        return bool((await self._connection.execute(statement)).rowcount)

    async def add_reply(self, reply: Reply) -> None:
        sealed = await self._vault.seal(self._connection, reply.author_id, reply.body, REPLY_PURPOSE)
        values = {"id": reply.id, "post_id": reply.post_id, "author_id": reply.author_id}
        await self._connection.execute(
            insert(replies).values(sealed_body=sealed, created_at=reply.created_at, **values)
        )

    async def put_report(self, report: Report) -> Report:
        sealed = await self._vault.seal(self._connection, report.reporter_id, report.reason, REPORT_PURPOSE)
        statement = upsert(reports).values(
            id=report.id,
            post_id=report.post_id,
            reporter_id=report.reporter_id,
            sealed_reason=sealed,
            created_at=report.created_at,
        )
        statement = statement.on_conflict_do_update(
            index_elements=[reports.c.post_id, reports.c.reporter_id],
            set_={"sealed_reason": sealed, "updated_at": self._now},
        )
        row = (await self._connection.execute(statement.returning(reports.c.id, reports.c.created_at))).one()
        return Report(row.id, report.post_id, report.reporter_id, report.reason, row.created_at)

    async def forget_person(self, user_id: UUID) -> None:
        # Locked in one order, as likers and repliers lock them one at a time.
        touched = select(posts.c.id).where(
            posts.c.id.in_(select(likes.c.post_id).where(likes.c.user_id == user_id))
            | posts.c.id.in_(select(replies.c.post_id).where(replies.c.author_id == user_id))
            | (posts.c.author_id == user_id)
        )
        await self._connection.execute(touched.order_by(posts.c.id).with_for_update())
        for table, person, counter in (
            (likes, likes.c.user_id, posts.c.likes),
            (replies, replies.c.author_id, posts.c.replies),
        ):
            theirs = (
                select(table.c.post_id, func.count().label("number"))
                .where(person == user_id)
                .group_by(table.c.post_id)
                .subquery()
            )
            await self._connection.execute(
                update(posts).where(posts.c.id == theirs.c.post_id).values({counter: counter - theirs.c.number})
            )
            await self._connection.execute(delete(table).where(person == user_id))
        await self._connection.execute(delete(reports).where(reports.c.reporter_id == user_id))
        await self._connection.execute(
            update(posts)
            .where(posts.c.author_id == user_id)
            .values(sealed_content=None, hidden_at=func.coalesce(posts.c.hidden_at, self._now), updated_at=self._now)
        )
