"""Personal data at rest: AES-256-GCM under a key per person, wrapped by the service's master key; erased by key."""

import base64
import os
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.tables import subject_keys

# NIST SP 800-38D: 96-bit nonces; random ones are safe for 2^32 messages a key, far above one person's records.
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32


class SubjectErasedError(Exception):
    """The person's key has been destroyed: what it sealed cannot be read, and nothing new is sealed.

    It does not say whose: it may end in a log.
    """


def _seal(key: bytes, plaintext: bytes, purpose: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, purpose)


def _open(key: bytes, sealed: bytes, purpose: bytes) -> bytes:
    return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose)


class Vault:
    """Seals and opens one service's personal data. `purpose` binds a ciphertext to its place (table and column)."""

    def __init__(self, master_key: SecretStr) -> None:
        self._master_key = base64.b64decode(master_key.get_secret_value())

    async def seal(self, connection: AsyncConnection, subject_id: UUID, plaintext: str | bytes, purpose: str) -> bytes:
        """Encrypt for a person, making their key when they have none.

        Raises:
            SubjectErasedError
        """
        data = plaintext.encode() if isinstance(plaintext, str) else plaintext
        return _seal(await self._key(connection, subject_id), data, self._bound(subject_id, purpose))

    async def open(self, connection: AsyncConnection, subject_id: UUID, sealed: bytes, purpose: str) -> str:
        """Decrypt to text.

        Raises:
            SubjectErasedError: the key is gone.
            InvalidTag: not sealed for this person and purpose, or changed since.
        """
        key = await self._find_key(connection, subject_id)
        if key is None:
            raise SubjectErasedError
        return _open(key, sealed, self._bound(subject_id, purpose)).decode()

    async def find(
        self, connection: AsyncConnection, subject_id: UUID, sealed: bytes | None, purpose: str
    ) -> str | None:
        """Decrypt to text, or None when there is nothing or the person has been erased."""
        if sealed is None:
            return None
        try:
            return await self.open(connection, subject_id, sealed, purpose)
        except SubjectErasedError:
            return None

    async def find_many(
        self, connection: AsyncConnection, items: Sequence[tuple[UUID, bytes]], purpose: str
    ) -> list[str | None]:
        """Decrypt a page of texts, each of its own person, with one statement; None for the erased."""
        people = {subject_id for subject_id, _ in items}
        statement = select(subject_keys.c.subject_id, subject_keys.c.wrapped_key).where(
            subject_keys.c.subject_id.in_(people), subject_keys.c.wrapped_key.is_not(None)
        )
        rows = (await connection.execute(statement)).all() if people else []
        keys = {row.subject_id: self._unwrap(row.subject_id, row.wrapped_key) for row in rows}
        return [
            None
            if subject_id not in keys
            else _open(keys[subject_id], sealed, self._bound(subject_id, purpose)).decode()
            for subject_id, sealed in items
        ]

    def _unwrap(self, subject_id: UUID, wrapped: bytes) -> bytes:
        return _open(self._master_key, wrapped, self._bound(subject_id, "subject-key"))

    @staticmethod
    def _bound(subject_id: UUID, purpose: str) -> bytes:
        return f"{subject_id}:{purpose}".encode()

    async def _find_key(self, connection: AsyncConnection, subject_id: UUID) -> bytes | None:
        statement = select(subject_keys.c.wrapped_key).where(subject_keys.c.subject_id == subject_id)
        wrapped = await connection.scalar(statement)
        if wrapped is None:
            return None
        return self._unwrap(subject_id, wrapped)

    async def _key(self, connection: AsyncConnection, subject_id: UUID) -> bytes:
        key = await self._find_key(connection, subject_id)
        if key is not None:
            return key
        wrapped = _seal(self._master_key, os.urandom(KEY_BYTES), self._bound(subject_id, "subject-key"))
        await connection.execute(
            upsert(subject_keys).values(subject_id=subject_id, wrapped_key=wrapped).on_conflict_do_nothing()
        )
        key = await self._find_key(connection, subject_id)
        if key is None:
            raise SubjectErasedError
        return key


async def destroy_subject_key(connection: AsyncConnection, subject_id: UUID) -> None:
    """Make everything sealed for a person unreadable for ever. The row stays, so that no new key is made."""
    now = func.clock_timestamp()
    statement = upsert(subject_keys).values(subject_id=subject_id, wrapped_key=None, destroyed_at=now)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[subject_keys.c.subject_id], set_={"wrapped_key": None, "destroyed_at": now}
        )
    )


__all__ = ["InvalidTag", "SubjectErasedError", "Vault", "destroy_subject_key"]
