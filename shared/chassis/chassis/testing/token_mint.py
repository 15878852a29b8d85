"""Signs access tokens with a key of its own, as identity would."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from chassis.ids import new_id
from chassis.tokens import AccessToken, public_jwk, sign_access_token


class TokenMint:
    """Makes tokens that services accept once they know `jwks`."""

    def __init__(self, *, issuer: str = "https://api.impactnet.ng", audience: str = "impactnet") -> None:
        self.kid = f"test-{new_id()}"
        # 65537 and 2048 bits: what identity makes.
        self.private_key = rsa.generate_private_key(65537, 2048)
        self._issuer = issuer
        self._audience = audience

    @property
    def jwks(self) -> list[dict[str, str]]:
        return [public_jwk(self.private_key, self.kid)]

    @property
    def private_pem(self) -> str:
        return self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def token(
        self,
        user_id: UUID,
        role: str = "member",
        *,
        session_id: UUID | None = None,
        role_version: int = 0,
        auth_age_seconds: int = 0,
        lifetime_seconds: int = 900,
    ) -> str:
        """An access token of `user_id` in `role`, whose person proved who they are `auth_age_seconds` ago."""
        now = datetime.now(UTC)
        token = AccessToken(
            user_id=user_id,
            session_id=session_id or new_id(),
            role=role,
            role_version=role_version,
            token_id=str(new_id()),
            issued_at=now,
            auth_time=now - timedelta(seconds=auth_age_seconds),
            expires_at=now + timedelta(seconds=lifetime_seconds),
        )
        return sign_access_token(
            token, private_pem=self.private_pem, kid=self.kid, issuer=self._issuer, audience=self._audience
        )
