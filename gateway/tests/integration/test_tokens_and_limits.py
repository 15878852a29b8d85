"""Who may come in, and how often."""

import base64
import json
import time
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import hashes, hmac, serialization
from jose import jwt

from chassis.testing.token_mint import TokenMint

PRIVATE = "/api/v1/notifications/"
PUBLIC = "/api/v1/programs/"


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, object]:
    claims: dict[str, object] = jwt.get_unverified_claims(token)
    return claims


def forged_tokens(mint: TokenMint) -> dict[str, str]:
    good = mint.token(uuid4())
    header, payload, signature = good.split(".")
    public = mint.private_key.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def signed_with_hmac(key: bytes) -> str:
        head = encoded({"alg": "HS256", "typ": "at+jwt", "kid": mint.kid})
        mac = hmac.HMAC(key, hashes.SHA256())
        mac.update(f"{head}.{payload}".encode())
        return f"{head}.{payload}." + base64.urlsafe_b64encode(mac.finalize()).rstrip(b"=").decode()

    def resigned(headers: dict[str, object], **claims: object) -> str:
        all_headers = {"kid": mint.kid, "typ": "at+jwt", **headers}
        token: str = jwt.encode({**claims_of(good), **claims}, mint.private_pem, algorithm="RS256", headers=all_headers)
        return token

    return {
        "none": f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': mint.kid})}.{payload}.",
        "hmac with the PEM": signed_with_hmac(pem),
        "hmac with the DER": signed_with_hmac(der),
        "signature cut off": f"{header}.{payload}.",
        "payload of another": f"{header}.{encoded({**claims_of(good), 'role': 'super_admin'})}.{signature}",
        "another key": TokenMint().token(uuid4()),
        "another key with our kid": jwt.encode(
            claims_of(good), TokenMint().private_pem, algorithm="RS256", headers={"kid": mint.kid, "typ": "at+jwt"}
        ),
        "no kid": resigned({"kid": None}),
        "wrong typ": resigned({"typ": "JWT"}),
        "crit": resigned({"crit": ["exp"]}),
        "wrong iss": resigned({}, iss="https://evil.example"),
        "wrong aud": resigned({}, aud="another"),
        "expired": mint.token(uuid4(), lifetime_seconds=-31),
        "no sub": resigned({}, sub=""),
        "unknown role": resigned({}, role="god"),
        "not a token": "hello",
        "too long": "a" * 5000,
    }


async def test_every_forged_token_is_401_and_reaches_no_service(stack):
    for name, token in forged_tokens(stack.mint).items():
        for path in (PRIVATE, PUBLIC):
            async with stack.client(token) as client:
                answer = await client.get(path)
            assert answer.status_code == 401, name
            assert answer.json()["code"] == "unauthenticated", name
            assert 'error="invalid_token"' in answer.headers["www-authenticate"], name
    assert stack.service.seen == []


async def test_a_route_that_needs_a_token_is_401_without_one_and_public_ones_are_open(stack):
    async with stack.client() as client:
        refused = await client.get(PRIVATE)
        written = await client.post(PUBLIC, json={})
        basic = await client.get(PRIVATE, headers={"Authorization": "Basic YTpi"})
        assert (await client.get(PUBLIC)).status_code == 200
    assert refused.status_code == written.status_code == basic.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer realm="impactnet"'
    assert [request.method for request in stack.service.seen] == ["GET"]


async def test_a_good_token_reaches_the_service_with_its_request(stack):
    token = stack.mint.token(uuid4())
    async with stack.client(token) as client:
        assert (await client.get(PRIVATE)).status_code == 200
    assert stack.service.seen[0].header("authorization") == f"Bearer {token}"


async def test_logging_in_looks_at_no_token_so_that_an_old_one_locks_nobody_out(stack):
    async with stack.client("old.and.bad") as client:
        assert (await client.post("/api/v1/auth/login/", json={"email": "a@x.ng"})).status_code == 200
        assert (await client.post("/api/v1/auth/refresh/", json={})).status_code == 200


async def test_without_any_keys_routes_that_need_a_token_are_503_and_others_go_on(gateway_stack, deserted_port):
    async with gateway_stack() as stack:
        token = stack.mint.token(uuid4())
    no_keys = f"http://127.0.0.1:{deserted_port}/.well-known/jwks.json"
    async with gateway_stack(jwks_url=no_keys, awaits_keys=False) as stack:
        async with stack.client(token) as client:
            refused = await client.get(PRIVATE)
            ready = await client.get("/health/ready")
        async with stack.client() as client:
            assert (await client.get(PUBLIC)).status_code == 200
    assert refused.status_code == 503
    assert refused.json()["code"] == "keys_unavailable"
    assert ready.status_code == 503
    assert "signing_keys" in ready.json()["missing"]


async def test_keys_outlive_a_restart_without_identity_where_a_file_keeps_them(gateway_stack, deserted_port, tmp_path):
    keys_file = tmp_path / "keys.json"
    async with gateway_stack(keys_file=keys_file) as stack:
        token = stack.mint.token(uuid4())
    no_identity = f"http://127.0.0.1:{deserted_port}/.well-known/jwks.json"
    async with gateway_stack(jwks_url=no_identity, keys_file=keys_file) as stack, stack.client(token) as client:
        assert (await client.get(PRIVATE)).status_code == 200


async def test_a_new_key_counts_at_once_although_no_event_told_of_it(stack, answer_of):
    rotated = TokenMint()
    keys = [*stack.mint.jwks, *rotated.jwks]
    stack.identity.on("GET", "/.well-known/jwks.json", answer_of(content={"keys": keys}))
    async with stack.client(rotated.token(uuid4())) as client:
        assert (await client.get(PRIVATE)).status_code == 200


async def test_logins_are_limited_per_account_and_address_and_say_when_to_come_back(stack):
    async with stack.client() as client:
        body = {"email": "amina@x.ng", "password": "guess"}
        answers = [await client.post("/api/v1/auth/login/", json=body) for _ in range(6)]
        disguised = await client.post("/api/v1/auth/login/", json={"email": " AMINA@x.ng ", "password": "x"})
        beside = await client.post("/api/v1/auth/login/", json={"email": "new@x.ng", "username": "amina@x.ng"})
        another = await client.post("/api/v1/auth/login/", json={"email": "b@x.ng", "password": "x"})
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    refused = answers[-1]
    assert refused.json()["code"] == "too_many_requests"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit-policy"] == '"login-account";q=5;w=60'
    assert refused.headers["ratelimit"] == f'"login-account";r=0;t={refused.headers["retry-after"]}'
    assert disguised.status_code == beside.status_code == 429
    assert another.status_code == 200
    assert len(stack.service.seen) == 6


async def test_logins_are_limited_per_address_whatever_the_account(stack):
    async with stack.client() as client:
        statuses = [
            (await client.post("/api/v1/auth/login/", json={"username": f"user{n}"})).status_code for n in range(21)
        ]
    assert statuses == [200] * 20 + [429]


async def test_an_account_tried_from_everywhere_is_slowed_and_its_owner_still_gets_in(gateway_stack):
    settings = {"logins_per_account_everywhere_per_minute": 3, "slow_login_seconds": 0.3}
    async with gateway_stack(trusted_proxies=["127.0.0.1"], **settings) as stack, stack.client() as client:
        seconds = []
        for n in range(5):
            started = time.monotonic()
            address = {"X-Real-IP": f"203.0.113.{n}"}
            answer = await client.post("/api/v1/auth/login/", json={"email": "amina@x.ng"}, headers=address)
            seconds.append(time.monotonic() - started)
            assert answer.status_code == 200
    assert max(seconds[:3]) < 0.3 <= min(seconds[3:])


@pytest.mark.parametrize(
    ("settings", "method", "path", "policy"),
    [
        ({"reads_per_user_per_minute": 3}, "GET", PRIVATE, '"reads";q=3;w=60'),
        ({"writes_per_minute": 3}, "POST", PRIVATE, '"writes";q=3;w=60'),
        (
            {"uploads_per_hour": 3},
            "POST",
            "/api/v1/applications/01a20de4-c754-7412-a5ef-090a9ffced06/video/",
            '"uploads";q=3;w=3600',
        ),
        ({"step_ups_per_user_per_minute": 3}, "POST", "/api/v1/auth/step-up/", '"step-up";q=3;w=60'),
        ({"writes_per_minute": 3}, "POST", "/api/v1/auth/ws-ticket/", '"writes";q=3;w=60'),
    ],
)
async def test_each_user_has_windows_of_their_own(gateway_stack, settings, method, path, policy):
    async with gateway_stack(**settings) as stack:
        async with stack.client(stack.mint.token(uuid4())) as client:
            answers = [await client.request(method, path) for _ in range(4)]
        async with stack.client(stack.mint.token(uuid4())) as client:
            another = await client.request(method, path)
    assert [answer.status_code for answer in answers[:3]] != [429] * 3
    assert answers[3].status_code == 429
    assert answers[3].headers["ratelimit-policy"] == policy
    assert another.status_code < 300


async def test_guessing_tokens_counts_against_the_address(gateway_stack):
    async with gateway_stack(reads_per_address_per_minute=3) as stack, stack.client("a.b.c") as client:
        statuses = [(await client.get(PRIVATE)).status_code for _ in range(4)]
    assert statuses == [401] * 3 + [429]


async def test_with_the_store_gone_reads_go_on_and_logins_and_money_are_503(gateway_stack, deserted_port):
    store = f"valkey://127.0.0.1:{deserted_port}"
    async with gateway_stack(valkey_url=store) as stack, stack.client(stack.mint.token(uuid4())) as client:
        read = await client.get(PRIVATE)
        written = await client.post(PRIVATE)
        money = await client.post("/api/v1/transactions/donations/", json={})
        login = await client.post("/api/v1/auth/login/", json={"email": "a@x.ng"})
        ready = await client.get("/health/ready")
    assert read.status_code == written.status_code == 200
    assert money.status_code == login.status_code == 503
    assert money.json()["code"] == "limits_unavailable"
    assert login.headers["retry-after"]
    assert ready.status_code == 200
    assert "limits_store" in ready.json()["degraded"]
