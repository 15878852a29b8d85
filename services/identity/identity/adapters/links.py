"""One-use tokens sent by mail, in PostgreSQL; only their hashes."""

import secrets
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, insert

from chassis.database import UnitOfWork
from identity.adapters.sessions import token_hash
from identity.adapters.tables import links
from identity.use_cases.ports import LinkPurpose


class PostgresLinks:
    """`ports.Links` within one unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def issue(self, user_id: UUID, purpose: LinkPurpose, expires_at: datetime) -> str:
        token = secrets.token_urlsafe(32)
        connection = self._work.connection
        await connection.execute(delete(links).where(links.c.user_id == user_id, links.c.purpose == purpose))
        await connection.execute(
            insert(links).values(token_hash=token_hash(token), user_id=user_id, purpose=purpose, expires_at=expires_at)
        )
        return token

    async def use(self, token: str, purpose: LinkPurpose) -> UUID | None:
        # Deleting is what makes it one use: of two at once, one finds the row gone.
        used = delete(links).where(
            links.c.token_hash == token_hash(token), links.c.purpose == purpose, links.c.expires_at > self._work.now
        )
        user_id: UUID | None = await self._work.connection.scalar(used.returning(links.c.user_id))
        return user_id
