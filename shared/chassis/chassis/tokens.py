"""Access tokens: JWT, RS256 and nothing else (RFC 7519, RFC 9068). The only module that calls python-jose."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicNumbers
from jose import jwt
from jose.exceptions import JOSEError
from jose.utils import base64url_decode, long_to_base64

ALGORITHM: Final = "RS256"
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 -- the RFC 9068 type, not a secret
# Claims and an RS256 signature over a 2048-bit key are about 900 bytes; a longer string is no token of ours.
TOKEN_CHARACTERS_MAX: Final = 4096
# Clocks of two machines may differ by this much (09-values).
CLOCK_SKEW_SECONDS: Final = 30
RSA_BITS_MIN: Final = 2048
_SHAPE: Final = re.compile(r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")
_ROLES: Final = frozenset({"member", "executive", "admin", "super_admin"})


class InvalidTokenError(Exception):
    """Not a token that counts. The message names the check that failed, never the token's content."""


class KeysUnavailableError(Exception):
    """No signing key is known at all: nobody can be let in or turned away (503)."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a verified token says. `auth_time` is when the person last proved who they are."""

    user_id: UUID
    session_id: UUID
    role: str
    role_version: int
    token_id: str
    issued_at: datetime
    auth_time: datetime
    expires_at: datetime


def public_jwk(key: RSAPrivateKey, kid: str) -> dict[str, str]:
    """The public half as a JWK (RFC 7517)."""
    numbers = key.public_key().public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": ALGORITHM,
        "kid": kid,
        "n": long_to_base64(numbers.n).decode(),
        "e": long_to_base64(numbers.e).decode(),
    }


def _pem_of(jwk: Mapping[str, Any]) -> str:
    """Only RSA signing keys of at least 2048 bits; python-jose gets PEM, which it cannot mistake for an HMAC secret."""
    if jwk.get("kty") != "RSA" or jwk.get("alg", ALGORITHM) != ALGORITHM or jwk.get("use", "sig") != "sig":
        raise InvalidTokenError("a key in the JWKS is not an RS256 signing key")
    modulus = int.from_bytes(base64url_decode(str(jwk["n"]).encode()), "big")
    exponent = int.from_bytes(base64url_decode(str(jwk["e"]).encode()), "big")
    if modulus.bit_length() < RSA_BITS_MIN:
        raise InvalidTokenError("a key in the JWKS is too short")
    public = RSAPublicNumbers(exponent, modulus).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


class TokenVerifier:
    """Checks access tokens against the keys it was last given."""

    def __init__(self, *, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience
        self._pem_by_kid: dict[str, str] = {}

    def replace_keys(self, jwks: Iterable[Mapping[str, Any]]) -> None:
        """From now on exactly these count."""
        self._pem_by_kid = {str(jwk["kid"]): _pem_of(jwk) for jwk in jwks}

    @property
    def has_keys(self) -> bool:
        return bool(self._pem_by_kid)

    def knows(self, kid: str) -> bool:
        return kid in self._pem_by_kid

    def kid_of(self, token: str) -> str:
        """The key id a token names, after the checks that need no key.

        Raises:
            InvalidTokenError
        """
        if len(token) > TOKEN_CHARACTERS_MAX or not _SHAPE.match(token):
            raise InvalidTokenError("malformed")
        try:
            header = jwt.get_unverified_header(token)
        except (JOSEError, ValueError, TypeError) as error:
            raise InvalidTokenError("malformed header") from error
        if header.get("alg") != ALGORITHM:
            raise InvalidTokenError("wrong algorithm")
        if str(header.get("typ", "")).lower() != TOKEN_TYPE:
            raise InvalidTokenError("wrong type")
        # RFC 7515 4.1.11: what must be understood and is not, refuses the token; b64 and zip are such things here.
        if "crit" in header or "b64" in header or "zip" in header:
            raise InvalidTokenError("unsupported header")
        kid = header.get("kid")
        if not isinstance(kid, str):
            raise InvalidTokenError("no key id")
        return kid

    def verify(self, token: str) -> AccessToken:
        """Check a token completely.

        Raises:
            InvalidTokenError: any check failed.
            KeysUnavailableError: no keys are known yet.
        """
        kid = self.kid_of(token)
        if not self._pem_by_kid:
            raise KeysUnavailableError
        pem = self._pem_by_kid.get(kid)
        if pem is None:
            raise InvalidTokenError("unknown key id")
        options = {f"require_{claim}": True for claim in ("aud", "iat", "exp", "iss", "sub", "jti")}
        try:
            claims = jwt.decode(
                token,
                pem,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options={**options, "leeway": CLOCK_SKEW_SECONDS},
            )
        except (JOSEError, ValueError, TypeError, KeyError) as error:
            raise InvalidTokenError(type(error).__name__) from error
        return _read(claims)


def _read(claims: Mapping[str, Any]) -> AccessToken:
    try:
        issued_at = int(claims["iat"])
        if issued_at > datetime.now(UTC).timestamp() + CLOCK_SKEW_SECONDS:
            raise InvalidTokenError("issued in the future")
        if claims["role"] not in _ROLES:
            raise InvalidTokenError("unknown role")
        return AccessToken(
            user_id=UUID(claims["sub"]),
            session_id=UUID(claims["sid"]),
            role=str(claims["role"]),
            role_version=int(claims["rv"]),
            token_id=str(claims["jti"]),
            issued_at=datetime.fromtimestamp(issued_at, UTC),
            auth_time=datetime.fromtimestamp(int(claims["auth_time"]), UTC),
            expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
        )
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidTokenError("a claim is missing or malformed") from error


def sign_access_token(token: AccessToken, *, private_pem: str, kid: str, issuer: str, audience: str) -> str:
    """Sign; identity's part. `private_pem` is PKCS#8 PEM."""
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": str(token.user_id),
        "sid": str(token.session_id),
        "role": token.role,
        "rv": token.role_version,
        "jti": token.token_id,
        "iat": int(token.issued_at.timestamp()),
        "auth_time": int(token.auth_time.timestamp()),
        "exp": int(token.expires_at.timestamp()),
    }
    encoded: str = jwt.encode(claims, private_pem, algorithm=ALGORITHM, headers={"kid": kid, "typ": TOKEN_TYPE})
    return encoded
