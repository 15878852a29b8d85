"""Who may still use a token: revoked sessions, changed roles and signing keys, kept by every service from events."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.personal_data import destroy_subject_key
from chassis.subscriptions import Delivery, Subscriptions
from chassis.tables import revoked_sessions, signing_keys, user_standings
from chassis.tokens import AccessToken
from contracts import identity


async def token_still_counts(connection: AsyncConnection, token: AccessToken) -> bool:
    """Whether the session lives, the user is in good standing and the role in the token is the present one."""
    revoked = exists().where(revoked_sessions.c.session_id == token.session_id)
    outdated = exists().where(
        user_standings.c.user_id == token.user_id,
        (user_standings.c.role_version > token.role_version) | user_standings.c.suspended | user_standings.c.erased,
    )
    return not await connection.scalar(select(revoked | outdated))


async def revoke_session(connection: AsyncConnection, session_id: UUID) -> None:
    await connection.execute(upsert(revoked_sessions).values(session_id=session_id).on_conflict_do_nothing())


async def set_role(connection: AsyncConnection, user_id: UUID, *, role: str, role_version: int) -> None:
    """Keep a user's role; an older `role_version` never overwrites a newer one."""
    table = user_standings
    statement = upsert(table).values(user_id=user_id, role=role, role_version=role_version)
    newer = statement.excluded.role_version >= table.c.role_version
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.user_id],
            set_={
                "role": case((newer, statement.excluded.role), else_=table.c.role),
                "role_version": func.greatest(table.c.role_version, statement.excluded.role_version),
            },
        )
    )


async def set_suspended(connection: AsyncConnection, user_id: UUID) -> None:
    """No token of this user counts any more."""
    await _flag(connection, user_id, "suspended")


async def set_erased(connection: AsyncConnection, user_id: UUID) -> None:
    """The user is gone, and so is the key of what was personal here."""
    await _flag(connection, user_id, "erased")
    await destroy_subject_key(connection, user_id)


async def _flag(connection: AsyncConnection, user_id: UUID, flag: str) -> None:
    statement = upsert(user_standings).values(user_id=user_id, role="member", role_version=0, **{flag: True})
    await connection.execute(
        statement.on_conflict_do_update(index_elements=[user_standings.c.user_id], set_={flag: True})
    )


async def replace_signing_keys(connection: AsyncConnection, jwks: Iterable[Mapping[str, Any]]) -> None:
    """From now on exactly these count. Two transactions at once (a rotation, its event) do not collide."""
    rows = [{"kid": str(jwk["kid"]), "jwk": dict(jwk)} for jwk in jwks]
    kids = [row["kid"] for row in rows]
    await connection.execute(delete(signing_keys).where(signing_keys.c.kid.not_in(kids)))
    if rows:
        statement = upsert(signing_keys).values(rows)
        await connection.execute(
            statement.on_conflict_do_update(index_elements=[signing_keys.c.kid], set_={"jwk": statement.excluded.jwk})
        )


async def known_signing_keys(connection: AsyncConnection) -> list[dict[str, Any]]:
    return list((await connection.scalars(select(signing_keys.c.jwk))).all())


async def role_of(connection: AsyncConnection, user_id: UUID) -> str | None:
    """The user's role as far as this service has heard; None for an unknown, suspended or erased user."""
    statement = select(user_standings.c.role).where(
        user_standings.c.user_id == user_id, ~user_standings.c.suspended, ~user_standings.c.erased
    )
    role: str | None = await connection.scalar(statement)
    return role


async def _on_keys(fact: identity.SigningKeysChanged, delivery: Delivery) -> None:
    await replace_signing_keys(delivery.work.connection, fact.keys)


async def _on_registered(fact: identity.UserRegistered, delivery: Delivery) -> None:
    await set_role(delivery.work.connection, fact.user_id, role=fact.role, role_version=0)


async def _on_role_changed(fact: identity.RoleChanged, delivery: Delivery) -> None:
    await set_role(delivery.work.connection, fact.user_id, role=fact.role, role_version=fact.role_version)


async def _on_suspended(fact: identity.UserSuspended, delivery: Delivery) -> None:
    await set_suspended(delivery.work.connection, fact.user_id)


async def _on_session_revoked(fact: identity.SessionRevoked, delivery: Delivery) -> None:
    await revoke_session(delivery.work.connection, fact.session_id)


async def _on_erased(fact: identity.UserErased, delivery: Delivery) -> None:
    await set_erased(delivery.work.connection, fact.user_id)


def subscribe_to_standing(subscriptions: Subscriptions) -> None:
    """What every service listens to, whatever else it does."""
    subscriptions.on(identity.SigningKeysChanged, _on_keys)
    subscriptions.on(identity.UserRegistered, _on_registered)
    subscriptions.on(identity.RoleChanged, _on_role_changed)
    subscriptions.on(identity.UserSuspended, _on_suspended)
    subscriptions.on(identity.SessionRevoked, _on_session_revoked)
    subscriptions.on(identity.UserErased, _on_erased)
