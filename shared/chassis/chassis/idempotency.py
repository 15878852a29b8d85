"""Idempotency keys: the answer to a keyed POST is stored in the transaction of its effect, and given again."""

import hashlib
import os
from dataclasses import dataclass
from typing import Any, Final

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.refusals import RefusalError
from chassis.tables import idempotency_keys

# Long enough for any UUID, ULID or reference of a client's own; short enough to hash without thought.
KEY_CHARACTERS_MAX: Final = 255
NONCE_BYTES: Final = 12


class IdempotencyKeyReusedError(RefusalError):
    """This Idempotency-Key was used with another payload."""

    CODE = "idempotency_key_reused"
    FIELD = "Idempotency-Key"


class IdempotencyInFlightError(RefusalError):
    """A request with this Idempotency-Key is being worked on: ask again in a moment."""

    CODE = "idempotency_in_flight"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it was given the first time."""

    status: int
    headers: dict[str, str]
    body: bytes


class IdempotencyKey:
    """One key as one caller uses it for one operation.

    At rest neither the key nor the answer can be read: the row is found by a hash, the answer sealed (AES-256-GCM)
    under a key derived (HKDF, RFC 5869) from the client's own.
    """

    def __init__(self, *, caller: str, method: str, path: str, key: str, payload: bytes) -> None:
        scope = orjson.dumps([caller, method, path, key])
        self._scope_hash = hashlib.sha256(scope).digest()
        self._payload_hash = hashlib.sha256(b"payload\x00" + key.encode() + b"\x00" + payload).digest()
        derivation = HKDF(hashes.SHA256(), 32, self._scope_hash, b"impactnet idempotent answer")
        self._sealing_key = derivation.derive(key.encode() + self._payload_hash)

    async def find_answer(self, connection: AsyncConnection) -> StoredAnswer | None:
        """The stored answer, or None when this is the first request; the key stays locked until the transaction ends.

        Raises:
            IdempotencyInFlightError, IdempotencyKeyReusedError
        """
        lock = int.from_bytes(self._scope_hash[:8], "big", signed=True)
        if not await connection.scalar(select(func.pg_try_advisory_xact_lock(lock))):
            raise IdempotencyInFlightError
        statement = select(idempotency_keys).where(idempotency_keys.c.scope_hash == self._scope_hash)
        row = (await connection.execute(statement)).one_or_none()
        if row is None:
            return None
        if row.payload_hash != self._payload_hash:
            raise IdempotencyKeyReusedError
        sealed = bytes(row.sealed_answer)
        opened = AESGCM(self._sealing_key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self._scope_hash)
        head, _, body = opened.partition(b"\n")
        return StoredAnswer(row.status, orjson.loads(head), body)

    async def store(self, connection: AsyncConnection, answer: StoredAnswer) -> None:
        """Keep the answer, in the transaction of its effect."""
        nonce = os.urandom(NONCE_BYTES)
        opened = orjson.dumps(answer.headers) + b"\n" + answer.body
        values: dict[str, Any] = {
            "scope_hash": self._scope_hash,
            "payload_hash": self._payload_hash,
            "status": answer.status,
            "sealed_answer": nonce + AESGCM(self._sealing_key).encrypt(nonce, opened, self._scope_hash),
        }
        await connection.execute(insert(idempotency_keys).values(**values))
