"""RSA signing keys: private halves sealed, public halves where everybody verifies."""

from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import delete, func, insert, select, text

from chassis.database import UnitOfWork
from chassis.ids import new_id
from chassis.standing import known_signing_keys, replace_signing_keys
from chassis.tokens import AccessToken, public_jwk, sign_access_token
from contracts.identity import SigningKeysChanged
from identity.adapters.master_key import MasterKey
from identity.adapters.tables import signing_key_pairs as pairs
from identity.domain.people import User
from identity.domain.sessions import ACCESS_SECONDS, Session

# 2048 bits: what RS256 asks for (RFC 7518 3.3); longer ones make every request's check slower.
RSA_BITS: Final = 2048
RSA_EXPONENT: Final = 65537
_LOCK: Final = "impactnet-identity-signing-keys"


class KeyCache:
    """Opened private keys by id, for the life of the process; a rotation adds one, a handful in all."""

    def __init__(self, master_key: MasterKey, issuer: str, audience: str) -> None:
        self.master_key = master_key
        self.issuer = issuer
        self.audience = audience
        self.pem_by_kid: dict[str, str] = {}


class PostgresSigningKeys:
    """`ports.SigningKeys` within one unit of work."""

    def __init__(self, work: UnitOfWork, cache: KeyCache) -> None:
        self._work = work
        self._cache = cache

    async def sign(self, *, session: Session, user: User) -> str:
        kid = await self._signer()
        token = AccessToken(
            user_id=user.user_id,
            session_id=session.session_id,
            role=user.role,
            role_version=user.role_version,
            token_id=str(new_id()),
            issued_at=self._work.now,
            auth_time=session.auth_time,
            expires_at=self._work.now + timedelta(seconds=ACCESS_SECONDS),
        )
        return sign_access_token(
            token,
            private_pem=await self._private_pem(kid),
            kid=kid,
            issuer=self._cache.issuer,
            audience=self._cache.audience,
        )

    async def hold(self) -> None:
        await self._work.connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": _LOCK})

    async def newest_signs_from(self) -> datetime | None:
        newest: datetime | None = await self._work.connection.scalar(select(func.max(pairs.c.signs_from)))
        return newest

    async def add(self, signs_from: datetime) -> str:
        private = rsa.generate_private_key(RSA_EXPONENT, RSA_BITS)
        kid = f"{self._work.now:%Y%m%d}-{new_id().hex[-12:]}"
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        await self._work.connection.execute(
            insert(pairs).values(
                kid=kid,
                private_key=self._cache.master_key.seal_signing_key(kid, pem),
                jwk=public_jwk(private, kid),
                signs_from=signs_from,
                created_at=self._work.now,
            )
        )
        return kid

    async def retire(self, stopped_before: datetime) -> None:
        newer = pairs.alias()
        replaced = select(newer.c.kid).where(
            newer.c.signs_from > pairs.c.signs_from, newer.c.signs_from < stopped_before
        )
        await self._work.connection.execute(delete(pairs).where(replaced.exists()))

    async def publish(self) -> bool:
        statement = select(pairs.c.jwk).order_by(pairs.c.signs_from.desc())
        jwks = [dict(jwk) for jwk in (await self._work.connection.scalars(statement)).all()]
        known = await known_signing_keys(self._work.connection)
        if _by_kid(known) == _by_kid(jwks):
            return False
        await replace_signing_keys(self._work.connection, jwks)
        self._work.announce(SigningKeysChanged(keys=jwks))
        return True

    async def _signer(self) -> str:
        statement = (
            select(pairs.c.kid).where(pairs.c.signs_from <= self._work.now).order_by(pairs.c.signs_from.desc()).limit(1)
        )
        kid: str | None = await self._work.connection.scalar(statement)
        if kid is None:
            # The very first token of a new system, before the worker's first tick.
            await self.hold()
            kid = await self._work.connection.scalar(statement)
        if kid is None:
            kid = await self.add(self._work.now)
            await self.publish()
        return kid

    async def _private_pem(self, kid: str) -> str:
        pem = self._cache.pem_by_kid.get(kid)
        if pem is None:
            statement = select(pairs.c.private_key).where(pairs.c.kid == kid)
            sealed = (await self._work.connection.execute(statement)).scalar_one()
            pem = self._cache.master_key.open_signing_key(kid, bytes(sealed))
            self._cache.pem_by_kid[kid] = pem
        return pem


def _by_kid(jwks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(jwks, key=lambda jwk: str(jwk["kid"]))
