"""A corpus of forged access tokens: every one is refused, and the refusal says nothing of its content."""

import base64
import hashlib
import hmac
import json
import time
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from chassis.testing.token_mint import TokenMint
from chassis.tokens import (
    TOKEN_CHARACTERS_MAX,
    InvalidTokenError,
    KeysUnavailableError,
    TokenVerifier,
    public_jwk,
    sign_access_token,
)

ISSUER, AUDIENCE = "https://api.impactnet.ng", "impactnet"
# The corpus is made when this module is read: no forgery may be refused for its age only because the run took long.
LIFETIME_SECONDS = 86_400
MINT = TokenMint()
OTHER = TokenMint()
PUBLIC = MINT.private_key.public_key()
PEM = PUBLIC.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
DER = PUBLIC.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
PKCS1_PEM = PUBLIC.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1)
PKCS1_DER = PUBLIC.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
JWK_JSON = json.dumps(MINT.jwks[0]).encode()


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def header(**changes):
    return {"alg": "RS256", "typ": "at+jwt", "kid": MINT.kid} | changes


def claims(**changes):
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(uuid4()),
        "sid": str(uuid4()),
        "role": "member",
        "rv": 0,
        "jti": str(uuid4()),
        "iat": now,
        "auth_time": now,
        "exp": now + LIFETIME_SECONDS,
    } | changes


def without(mapping, *names):
    return {name: value for name, value in mapping.items() if name not in names}


def signing_input(head, body) -> str:
    return f"{b64(json.dumps(head).encode())}.{b64(json.dumps(body).encode())}"


def rs(head, body, *, key=None, algorithm=None) -> str:
    text = signing_input(head, body)
    signature = (key or MINT.private_key).sign(text.encode(), padding.PKCS1v15(), algorithm or hashes.SHA256())
    return f"{text}.{b64(signature)}"


def pss(head, body) -> str:
    text = signing_input(head, body)
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    return f"{text}.{b64(MINT.private_key.sign(text.encode(), scheme, hashes.SHA256()))}"


def es(head, body) -> str:
    text = signing_input(head, body)
    r, s = decode_dss_signature(ec.generate_private_key(ec.SECP256R1()).sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def hs(secret: bytes, **changes) -> str:
    text = signing_input(header(alg="HS256", **changes), claims(role="super_admin"))
    return f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def hs_under_rs(secret: bytes) -> str:
    text = signing_input(header(), claims(role="super_admin"))
    return f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def unsigned(algorithm: str) -> str:
    return signing_input(header(alg=algorithm), claims(role="super_admin")) + "."


def raw(head: bytes, body: bytes) -> str:
    text = f"{b64(head)}.{b64(body)}"
    return f"{text}.{b64(MINT.private_key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


NOW = int(time.time())
GOOD = rs(header(), claims())
EVIL_JWK = OTHER.jwks[0] | {"kid": MINT.kid}

FORGED = {
    "no algorithm": unsigned("none"),
    "no algorithm, spelled otherwise": unsigned("nOnE"),
    "no algorithm with a signature": rs(header(alg="none"), claims()),
    "RS256 with an empty signature": signing_input(header(), claims()) + ".",
    "RS256 with a one-byte signature": signing_input(header(), claims()) + ".AA",
    "HMAC with the public key in PEM": hs(PEM),
    "HMAC with the public key in PEM without its last line break": hs(PEM.strip()),
    "HMAC with the public key in DER": hs(DER),
    "HMAC with the public key in PKCS#1 PEM": hs(PKCS1_PEM),
    "HMAC with the public key in PKCS#1 DER": hs(PKCS1_DER),
    "HMAC with the public key as JWK": hs(JWK_JSON),
    "HMAC with an empty secret": hs(b""),
    "HMAC with the key id": hs(MINT.kid.encode()),
    "an HMAC that says it is RS256, PEM": hs_under_rs(PEM),
    "an HMAC that says it is RS256, DER": hs_under_rs(DER),
    "RS384": rs(header(alg="RS384"), claims(), algorithm=hashes.SHA384()),
    "RS512": rs(header(alg="RS512"), claims(), algorithm=hashes.SHA512()),
    "PS256": pss(header(alg="PS256"), claims()),
    "PSS that says it is RS256": pss(header(), claims()),
    "ES256": es(header(alg="ES256"), claims()),
    "SHA-384 that says it is RS256": rs(header(), claims(), algorithm=hashes.SHA384()),
    "the algorithm in lower case": rs(header(alg="rs256"), claims()),
    "a list of algorithms": rs(header(alg=["RS256"]), claims()),
    "no algorithm member": rs(without(header(), "alg"), claims()),
    "another key": rs(header(), claims(), key=OTHER.private_key),
    "another key with its own id": rs(header(kid=OTHER.kid), claims(), key=OTHER.private_key),
    "another key, embedded": rs(header(jwk=EVIL_JWK), claims(), key=OTHER.private_key),
    "another key, embedded, no id": rs(without(header(jwk=EVIL_JWK), "kid"), claims(), key=OTHER.private_key),
    "another key by address": rs(header(jku="https://evil.example/jwks.json"), claims(), key=OTHER.private_key),
    "another key by certificate": rs(header(x5u="https://evil.example/a.pem"), claims(), key=OTHER.private_key),
    "another key in a chain": rs(header(x5c=[b64(DER)]), claims(), key=OTHER.private_key),
    "no key id": rs(without(header(), "kid"), claims()),
    "an empty key id": rs(header(kid=""), claims()),
    "a path as key id": rs(header(kid="../../dev/null"), claims()),
    "a quote as key id": rs(header(kid="' OR 1=1 --"), claims()),
    "a number as key id": rs(header(kid=1), claims()),
    "an object as key id": rs(header(kid={"a": 1}), claims()),
    "type JWT": rs(header(typ="JWT"), claims()),
    "type id token": rs(header(typ="id+jwt"), claims()),
    "no type": rs(without(header(), "typ"), claims()),
    "a critical extension": rs(header(crit=["exp"]), claims()),
    "an empty list of critical extensions": rs(header(crit=[]), claims()),
    "an unencoded payload": rs(header(b64=False, crit=["b64"]), claims()),
    "a compressed payload": rs(header(zip="DEF"), claims()),
    "another issuer": rs(header(), claims(iss="https://api.impactnet.ng.evil.example")),
    "the issuer with a slash": rs(header(), claims(iss=ISSUER + "/")),
    "a list of issuers": rs(header(), claims(iss=[ISSUER])),
    "no issuer": rs(header(), without(claims(), "iss")),
    "another audience": rs(header(), claims(aud="somebody-else")),
    "an empty audience": rs(header(), claims(aud="")),
    "no audience": rs(header(), without(claims(), "aud")),
    "expired": rs(header(), claims(iat=NOW - 2000, exp=NOW - 1000)),
    "just expired, beyond the skew": rs(header(), claims(iat=NOW - 900, exp=NOW - 32)),
    "no expiry": rs(header(), without(claims(), "exp")),
    "an expiry of text": rs(header(), claims(exp="tomorrow")),
    "an expiry of null": rs(header(), claims(exp=None)),
    "an endless expiry": rs(header(), claims(exp=10**30)),
    "issued in the future": rs(header(), claims(iat=NOW + 3600, exp=NOW + 7200)),
    "not to be used yet": rs(header(), claims(nbf=NOW + 3600)),
    "no time of issue": rs(header(), without(claims(), "iat")),
    "no subject": rs(header(), without(claims(), "sub")),
    "a subject that is no id": rs(header(), claims(sub="admin")),
    "a number as subject": rs(header(), claims(sub=1)),
    "no session": rs(header(), without(claims(), "sid")),
    "a session that is no id": rs(header(), claims(sid="x")),
    "no role": rs(header(), without(claims(), "role")),
    "an unknown role": rs(header(), claims(role="god")),
    "a list of roles": rs(header(), claims(role=["admin"])),
    "no role version": rs(header(), without(claims(), "rv")),
    "a role version of text": rs(header(), claims(rv="many")),
    "no time of authentication": rs(header(), without(claims(), "auth_time")),
    "no token id": rs(header(), without(claims(), "jti")),
    "a changed payload": ".".join((GOOD.split(".")[0], b64(json.dumps(claims()).encode()), GOOD.split(".")[2])),
    "a changed signature": GOOD[:-8] + ("AAAAAAAA" if GOOD[-8:] != "AAAAAAAA" else "BBBBBBBB"),
    "two parts": GOOD.rpartition(".")[0],
    "four parts": GOOD + ".AA",
    "five parts, as encryption has": GOOD + ".AA.AA",
    "nothing": "",
    "dots": "..",
    "a space in front": " " + GOOD,
    "a line break behind": GOOD + "\n",
    "padding": GOOD + "=",
    "a NUL byte": GOOD[:20] + "\x00" + GOOD[20:],
    "letters of another alphabet": "\u0430" + GOOD[1:],
    "longer than any token of ours": rs(header(), claims(more="x" * TOKEN_CHARACTERS_MAX)),
    "a header that is no JSON": raw(b"{", json.dumps(claims()).encode()),
    "a header that is a list": raw(b"[]", json.dumps(claims()).encode()),
    "a payload that is no JSON": raw(json.dumps(header()).encode(), b"{"),
    "a payload that is a list": raw(json.dumps(header()).encode(), b"[]"),
    "a payload that is no UTF-8": raw(json.dumps(header()).encode(), b'{"sub": "\xff"}'),
}


@pytest.fixture
def verifier():
    verifier = TokenVerifier(issuer=ISSUER, audience=AUDIENCE)
    verifier.replace_keys(MINT.jwks)
    return verifier


def test_a_good_token_is_read_completely(verifier):
    user_id, session_id = uuid4(), uuid4()
    body = claims(sub=str(user_id), sid=str(session_id), role="admin", rv=3)
    token = verifier.verify(rs(header(), body))
    assert (token.user_id, token.session_id, token.role, token.role_version) == (user_id, session_id, "admin", 3)
    assert (token.token_id, int(token.expires_at.timestamp())) == (body["jti"], body["exp"])
    assert int(token.auth_time.timestamp()) == body["auth_time"]


def test_what_we_sign_we_verify(verifier):
    token = verifier.verify(MINT.token(uuid4(), "executive", role_version=2, auth_age_seconds=60))
    signed = sign_access_token(token, private_pem=MINT.private_pem, kid=MINT.kid, issuer=ISSUER, audience=AUDIENCE)
    assert verifier.verify(signed) == token


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_token_is_refused_without_repeating_it(verifier, case):
    with pytest.raises(InvalidTokenError) as refusal:
        verifier.verify(FORGED[case])
    assert len(str(refusal.value)) < 60
    assert "evil" not in str(refusal.value)


def test_a_token_within_the_skew_of_two_clocks_still_counts(verifier):
    assert verifier.verify(rs(header(), claims(exp=int(time.time()) - 10))).role == "member"


def test_without_any_key_nobody_is_let_in_or_turned_away():
    with pytest.raises(KeysUnavailableError):
        TokenVerifier(issuer=ISSUER, audience=AUDIENCE).verify(GOOD)


def test_a_key_that_is_withdrawn_verifies_nothing_any_more(verifier):
    verifier.replace_keys(OTHER.jwks)
    with pytest.raises(InvalidTokenError):
        verifier.verify(GOOD)
    assert verifier.verify(rs(header(kid=OTHER.kid), claims(), key=OTHER.private_key)).role == "member"


BAD_KEYS = {
    "a symmetric key": {"kty": "oct", "kid": "k", "k": b64(PEM)},
    "an RSA key that says HS256": MINT.jwks[0] | {"alg": "HS256"},
    "an RSA key for encryption": MINT.jwks[0] | {"use": "enc"},
    "a short RSA key": public_jwk(rsa.generate_private_key(65537, 1024), "k"),  # noqa: S505 -- it is to be refused
}


@pytest.mark.parametrize("case", BAD_KEYS)
def test_a_key_that_is_no_rs256_signing_key_is_never_taken(verifier, case):
    with pytest.raises(InvalidTokenError):
        verifier.replace_keys([BAD_KEYS[case]])
    assert verifier.verify(GOOD).role == "member"
