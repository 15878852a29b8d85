"""Users in PostgreSQL: one row each, what is personal sealed under their own key."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from chassis.database import UnitOfWork
from chassis.personal_data import Vault
from chassis.refusals import NotFoundError
from chassis.standing import set_erased
from identity.adapters.master_key import MasterKey
from identity.adapters.tables import counted_applications, credentials, links, mails, refresh_tokens, sessions, users
from identity.domain.people import Personal, Role, User
from identity.domain.refusals import EmailTakenError, NinTakenError, UsernameTakenError
from identity.use_cases.ports import Credential

_PERSONAL: Final = "users.personal"
_NIN: Final = "users.nin"
_REASON: Final = "users.suspension_reason"
# Counting super admins and making the first one exclude each other by this lock's name.
_SUPER_ADMIN_LOCK: Final = "impactnet-identity-super-admins"
# Rows per read when everyone is read: a few hundred kilobytes.
_BATCH_ROWS: Final = 1_000


class PostgresUsers:
    """`ports.Users` within one unit of work."""

    def __init__(self, work: UnitOfWork, vault: Vault, master_key: MasterKey) -> None:
        self._work = work
        self._vault = vault
        self._master_key = master_key

    async def add(self, user_id: UUID, username: str, personal: Personal, role: Role, *, email_verified: bool) -> User:
        email_hash = self._master_key.lookup_hash("email", personal.email)
        statement = upsert(users).values(
            user_id=user_id,
            username=username,
            email_hash=email_hash,
            personal=await self._seal(user_id, personal),
            role=role,
            email_verified=email_verified,
            created_at=self._work.now,
            updated_at=self._work.now,
        )
        # Not an error to catch: the transaction stays usable, and two at once wait for each other here.
        added = await self._work.connection.execute(statement.on_conflict_do_nothing())
        if added.rowcount == 0:
            taken = select(users.c.user_id).where(users.c.email_hash == email_hash)
            if await self._work.connection.scalar(taken) is not None:
                raise EmailTakenError
            raise UsernameTakenError
        return await self.get_locked(user_id)

    async def find(self, user_id: UUID) -> User | None:
        return await self._read(select(users).where(users.c.user_id == user_id, users.c.erased_at.is_(None)))

    async def get_locked(self, user_id: UUID) -> User:
        living = select(users).where(users.c.user_id == user_id, users.c.erased_at.is_(None))
        user = await self._read(living.with_for_update())
        if user is None:
            raise NotFoundError
        return user

    async def find_id(self, *, email: str | None = None, username: str | None = None) -> UUID | None:
        statement = select(users.c.user_id)
        if email is not None:
            statement = statement.where(users.c.email_hash == self._master_key.lookup_hash("email", email))
        else:
            statement = statement.where(users.c.username == username)
        user_id: UUID | None = await self._work.connection.scalar(statement)
        return user_id

    async def save(self, user: User) -> User:
        statement = (
            update(users)
            .where(users.c.user_id == user.user_id)
            .values(
                personal=await self._seal(user.user_id, user.personal),
                avatar=user.avatar,
                role=user.role,
                role_version=user.role_version,
                is_active=user.is_active,
                is_verified=user.is_verified,
                email_verified=user.email_verified,
                erasure_requested_at=user.erasure_requested_at,
                version=users.c.version + 1,
                updated_at=self._work.now,
            )
        )
        await self._work.connection.execute(statement)
        return await self.get_locked(user.user_id)

    async def set_nin(self, user_id: UUID, nin: str) -> None:
        sealed = await self._vault.seal(self._work.connection, user_id, nin, _NIN)
        statement = (
            update(users)
            .where(users.c.user_id == user_id)
            .values(
                nin=sealed,
                nin_hash=self._master_key.lookup_hash("nin", nin),
                version=users.c.version + 1,
                updated_at=self._work.now,
            )
        )
        try:
            await self._work.connection.execute(statement)
        except IntegrityError as error:
            raise NinTakenError from error

    async def find_nin(self, user_id: UUID) -> str | None:
        sealed = await self._work.connection.scalar(select(users.c.nin).where(users.c.user_id == user_id))
        return await self._vault.find(self._work.connection, user_id, sealed, _NIN)

    async def note_login(self, user_id: UUID) -> None:
        statement = update(users).where(users.c.user_id == user_id).values(last_login_at=self._work.now)
        await self._work.connection.execute(statement)

    async def set_suspension_reason(self, user_id: UUID, reason: str) -> None:
        sealed = await self._vault.seal(self._work.connection, user_id, reason, _REASON)
        await self._work.connection.execute(
            update(users).where(users.c.user_id == user_id).values(suspension_reason=sealed)
        )

    async def super_admins(self) -> int:
        await self._work.connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": _SUPER_ADMIN_LOCK}
        )
        statement = select(func.count()).where(
            users.c.role == "super_admin",
            users.c.erased_at.is_(None),
            users.c.erasure_requested_at.is_(None),
            users.c.is_active,
        )
        return int(await self._work.connection.scalar(statement) or 0)

    async def due_for_erasure(self, before: datetime) -> UUID | None:
        statement = (
            select(users.c.user_id)
            .where(users.c.erasure_requested_at <= before, users.c.erased_at.is_(None))
            .order_by(users.c.erasure_requested_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        user_id: UUID | None = await self._work.connection.scalar(statement)
        return user_id

    async def erase(self, user_id: UUID) -> None:
        connection = self._work.connection
        own = select(sessions.c.session_id).where(sessions.c.user_id == user_id)
        await connection.execute(delete(refresh_tokens).where(refresh_tokens.c.session_id.in_(own)))
        for table in (sessions, credentials, links, mails, counted_applications):
            await connection.execute(delete(table).where(table.c.user_id == user_id))
        emptied = dict.fromkeys(
            ("username", "email_hash", "personal", "avatar", "nin_hash", "nin", "suspension_reason", "last_login_at")
        )
        await connection.execute(
            update(users)
            .where(users.c.user_id == user_id)
            .values(
                **emptied,
                is_active=False,
                erased_at=self._work.now,
                version=users.c.version + 1,
                updated_at=self._work.now,
            )
        )
        await set_erased(connection, user_id)

    async def everyone(self) -> AsyncIterator[Mapping[str, Any]]:
        columns = (
            users.c.user_id,
            users.c.role,
            users.c.role_version,
            users.c.is_active,
            users.c.is_verified,
            users.c.email_verified,
            users.c.erased_at,
        )
        last: UUID | None = None
        while True:
            statement = select(*columns).order_by(users.c.user_id).limit(_BATCH_ROWS)
            if last is not None:
                statement = statement.where(users.c.user_id > last)
            rows = (await self._work.connection.execute(statement)).mappings().all()
            for row in rows:
                yield dict(row)
            if len(rows) < _BATCH_ROWS:
                return
            last = rows[-1]["user_id"]

    async def page(
        self, *, before: UUID | None, limit: int, role: str | None, is_active: bool | None, username: str | None
    ) -> list[User]:
        """Up to `limit` users, the newest first, older than `before`; `username` is a prefix."""
        statement = select(users).where(users.c.erased_at.is_(None)).order_by(users.c.user_id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(users.c.user_id < before)
        if role is not None:
            statement = statement.where(users.c.role == role)
        if is_active is not None:
            statement = statement.where(users.c.is_active == is_active)
        if username is not None:
            statement = statement.where(users.c.username.startswith(username.lower(), autoescape=True))
        rows = (await self._work.connection.execute(statement)).all()
        sealed = [(row.user_id, bytes(row.personal)) for row in rows]
        opened = await self._vault.find_many(self._work.connection, sealed, _PERSONAL)
        # None: erased between the two reads, so no longer there to be listed.
        return [_user(row, text) for row, text in zip(rows, opened, strict=True) if text is not None]

    async def _read(self, statement: Any) -> User | None:
        row = (await self._work.connection.execute(statement)).one_or_none()
        if row is None:
            return None
        opened = await self._vault.find(self._work.connection, row.user_id, bytes(row.personal), _PERSONAL)
        # None: erased between the two reads.
        return None if opened is None else _user(row, opened)

    async def _seal(self, user_id: UUID, personal: Personal) -> bytes:
        opened = json.dumps(asdict(personal), ensure_ascii=False)
        return await self._vault.seal(self._work.connection, user_id, opened, _PERSONAL)


def _user(row: Any, opened: str) -> User:
    nin_status: Literal["pending", "verified"] | None = None
    if row.nin_hash is not None:
        nin_status = "verified" if row.is_verified else "pending"
    same = {name: getattr(row, name) for name in User.__dataclass_fields__ if name not in ("personal", "nin_status")}
    return User(personal=Personal(**json.loads(opened)), nin_status=nin_status, **same)


class PostgresCredentials:
    """`ports.Credentials` within one unit of work."""

    def __init__(self, work: UnitOfWork) -> None:
        self._work = work

    async def find(self, user_id: UUID) -> Credential | None:
        statement = select(credentials.c.password_hash).where(credentials.c.user_id == user_id)
        password_hash = await self._work.connection.scalar(statement)
        return None if password_hash is None else Credential(user_id, password_hash)

    async def put(self, user_id: UUID, password_hash: str) -> None:
        statement = upsert(credentials).values(user_id=user_id, password_hash=password_hash, changed_at=self._work.now)
        await self._work.connection.execute(
            statement.on_conflict_do_update(
                index_elements=[credentials.c.user_id],
                set_={"password_hash": password_hash, "changed_at": self._work.now},
            )
        )
