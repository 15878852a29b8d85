"""Sessions and their refresh tokens in PostgreSQL; tokens only as hashes."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, update

from chassis.database import UnitOfWork
from chassis.personal_data import Vault
from chassis.standing import revoke_session
from contracts.identity import SessionRevoked
from identity.adapters.tables import refresh_tokens, sessions
from identity.domain.sessions import REFRESH_IDLE, Session

_USER_AGENT: Final = "sessions.user_agent"
# A browser's name for itself is about 120 characters; nobody recognizes more than this.
_USER_AGENT_CHARACTERS_MAX: Final = 200


def token_hash(token: str) -> bytes:
    """SHA-256: enough for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


class PostgresSessions:
    """`ports.Sessions` within one unit of work."""

    def __init__(self, work: UnitOfWork, vault: Vault) -> None:
        self._work = work
        self._vault = vault

    async def add(self, session: Session, refresh_token: str) -> None:
        connection = self._work.connection
        agent = session.user_agent
        sealed = None
        if agent:
            shown = agent[:_USER_AGENT_CHARACTERS_MAX]
            sealed = await self._vault.seal(connection, session.user_id, shown, _USER_AGENT)
        await connection.execute(
            insert(sessions).values(
                session_id=session.session_id,
                user_id=session.user_id,
                auth_time=session.auth_time,
                created_at=session.created_at,
                last_used_at=session.last_used_at,
                expires_at=session.expires_at,
                user_agent=sealed,
            )
        )
        await self._add_token(session.session_id, refresh_token)

    async def find_by_refresh_token_locked(self, refresh_token: str) -> tuple[Session, bool] | None:
        connection = self._work.connection
        mine = refresh_tokens.c.token_hash == token_hash(refresh_token)
        session_id = await connection.scalar(select(refresh_tokens.c.session_id).where(mine))
        if session_id is None:
            return None
        session = await self.find_locked(session_id)
        if session is None:
            return None
        # Only now, under the session's lock, is it known whether another request was first.
        used_at = await connection.scalar(select(refresh_tokens.c.used_at).where(mine))
        return session, used_at is not None

    async def rotate(self, session_id: UUID, old: str, new: str) -> None:
        connection = self._work.connection
        mine = refresh_tokens.c.token_hash == token_hash(old)
        await connection.execute(update(refresh_tokens).where(mine).values(used_at=self._work.now))
        await self._add_token(session_id, new)
        await connection.execute(
            update(sessions).where(sessions.c.session_id == session_id).values(last_used_at=self._work.now)
        )

    async def find_locked(self, session_id: UUID) -> Session | None:
        statement = select(sessions).where(sessions.c.session_id == session_id).with_for_update()
        row = (await self._work.connection.execute(statement)).one_or_none()
        return None if row is None else _session(row, None)

    async def confirm(self, session_id: UUID, auth_time: datetime) -> None:
        await self._work.connection.execute(
            update(sessions).where(sessions.c.session_id == session_id).values(auth_time=auth_time)
        )

    async def alive_of(self, user_id: UUID) -> Sequence[Session]:
        rows = (await self._work.connection.execute(self._alive(user_id))).all()
        return [_session(row, None) for row in rows]

    async def page(self, user_id: UUID, *, before: UUID | None, limit: int) -> list[Session]:
        """Up to `limit` living sessions of a user, the newest first, older than `before`."""
        statement = self._alive(user_id).order_by(sessions.c.session_id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(sessions.c.session_id < before)
        found = []
        for row in (await self._work.connection.execute(statement)).all():
            sealed = None if row.user_agent is None else bytes(row.user_agent)
            agent = await self._vault.find(self._work.connection, user_id, sealed, _USER_AGENT)
            found.append(_session(row, agent))
        return found

    async def revoke(self, session_id: UUID, reason: str) -> None:
        connection = self._work.connection
        ended = update(sessions).where(sessions.c.session_id == session_id, sessions.c.revoked_at.is_(None))
        user_id = await connection.scalar(
            ended.values(revoked_at=self._work.now, revoke_reason=reason).returning(sessions.c.user_id)
        )
        if user_id is None:
            return
        await revoke_session(connection, session_id)
        self._work.announce(
            SessionRevoked(session_id=session_id, user_id=user_id, reason=reason, revoked_at=self._work.now)
        )

    def _alive(self, user_id: UUID) -> Any:
        now = self._work.now
        return select(sessions).where(
            sessions.c.user_id == user_id,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > now,
            sessions.c.last_used_at > now - REFRESH_IDLE,
        )

    async def _add_token(self, session_id: UUID, token: str) -> None:
        await self._work.connection.execute(
            insert(refresh_tokens).values(
                token_hash=token_hash(token), session_id=session_id, created_at=self._work.now
            )
        )


def _session(row: Any, user_agent: str | None) -> Session:
    return Session(
        session_id=row.session_id,
        user_id=row.user_id,
        auth_time=row.auth_time,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        user_agent=user_agent,
    )
