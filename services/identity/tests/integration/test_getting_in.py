"""Register, log in, refresh, log out, step up."""

import asyncio
import time
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from contracts.identity import EmailVerified, SessionRevoked
from identity.adapters.tables import refresh_tokens


async def test_login_by_address_or_name_gives_tokens_and_the_user(world):
    person = await world.register()
    for name in ({"email": person.email.upper()}, {"username": person.username.upper()}):
        answer = await person.client.post("/api/v1/auth/login/", json={**name, "password": person.password})
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        got = answer.json()
        assert (got["token_type"], got["expires_in"], got["user"]["id"]) == ("bearer", 900, person.user_id)
        headers = {"Authorization": f"Bearer {got['access_token']}"}
        me = await person.client.get("/api/v1/auth/me/", headers=headers)
        assert me.json()["last_login_at"] is not None
        assert me.headers["etag"]


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_in_the_same_time(world):
    person = await world.register()
    answers, seconds = [], []
    for name in (person.username, "nobody-of-that-name"):
        fastest = 1e9
        for attempt in range(4):
            async with world.stranger() as client:
                started = time.perf_counter()
                wrong = {"username": name, "password": f"wrong-{attempt}-wrong"}
                answer = await client.post("/api/v1/auth/login/", json=wrong)
                fastest = min(fastest, time.perf_counter() - started)
        seconds.append(fastest)
        answers.append((answer.status_code, {**answer.json(), "request_id": None}, answer.headers["www-authenticate"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401
    assert answers[0][1]["code"] == "invalid_credentials"
    # Both pay for one hash; without it the unknown name would answer several times faster.
    assert max(seconds) < 3 * min(seconds)


async def test_the_sixth_attempt_in_a_minute_waits_and_another_address_does_not(world):
    person = await world.register()
    for _ in range(5):
        answer = await person.client.post(
            "/api/v1/auth/login/", json={"username": person.username, "password": "wrong-wrong-1"}
        )
        assert answer.status_code == 401
    answer = await person.client.post(
        "/api/v1/auth/login/", json={"username": person.username, "password": person.password}
    )
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_attempts")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    async with world.stranger() as elsewhere:
        answer = await elsewhere.post(
            "/api/v1/auth/login/", json={"username": person.username, "password": person.password}
        )
    assert answer.status_code == 200


async def test_one_address_cannot_try_many_accounts(world):
    async with world.stranger() as client:
        statuses = []
        for number in range(21):
            guess = {"username": f"guessed-{number}", "password": "wrong-wrong-1"}
            statuses.append((await client.post("/api/v1/auth/login/", json=guess)).status_code)
    assert statuses == [401] * 20 + [429]


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "x"},
        {"email": "a@x.ng", "username": "abc", "password": "x"},
        {"email": "a@x.ng"},
        {"username": {"$ne": ""}, "password": "x"},
        {"username": "abc", "password": "x" * 129},
        [],
    ],
)
async def test_a_login_that_is_none_is_422(world, wrong):
    async with world.stranger() as client:
        answer = await client.post("/api/v1/auth/login/", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_a_refresh_rotates_and_keeps_the_time_of_authentication(world):
    person = await world.member()
    verifier = world.service.app.state.keyring
    before = await verifier.verify(person.tokens["access_token"])
    answer = await person.client.post("/api/v1/auth/refresh/", json={"refresh_token": person.tokens["refresh_token"]})
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    after = await verifier.verify(answer.json()["access_token"])
    assert (after.session_id, after.auth_time) == (before.session_id, before.auth_time)
    assert answer.json()["refresh_token"] != person.tokens["refresh_token"]


async def test_reuse_of_an_old_refresh_token_ends_the_whole_family(world):
    person = await world.member()
    old = person.tokens["refresh_token"]
    new = (await person.client.post("/api/v1/auth/refresh/", json={"refresh_token": old})).json()
    again = await person.client.post("/api/v1/auth/refresh/", json={"refresh_token": old})
    assert (again.status_code, again.json()["code"]) == (401, "invalid_refresh_token")
    newest = await person.client.post("/api/v1/auth/refresh/", json={"refresh_token": new["refresh_token"]})
    assert newest.status_code == 401
    for token in (new["access_token"], person.tokens["access_token"]):
        me = await person.client.get("/api/v1/auth/me/", headers={"Authorization": f"Bearer {token}"})
        assert (me.status_code, me.json()["code"]) == (401, "unauthenticated")
    revoked = [fact for fact in await world.service.announced(SessionRevoked) if str(fact.user_id) == person.user_id]
    assert [fact.reason for fact in revoked] == ["refresh_token_reused"]


async def test_of_two_refreshes_at_once_one_wins_and_the_other_is_a_reuse(world):
    person = await world.member()
    token = {"refresh_token": person.tokens["refresh_token"]}
    answers = await asyncio.gather(*(person.client.post("/api/v1/auth/refresh/", json=token) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    assert (await person.client.get("/api/v1/auth/me/")).status_code == 401


async def test_refresh_tokens_are_kept_as_hashes_only(world):
    person = await world.member()
    async with world.service.worker.database.reading() as connection:
        hashes = (await connection.scalars(select(refresh_tokens.c.token_hash))).all()
    assert hashes
    assert all(len(item) == 32 and person.tokens["refresh_token"].encode() not in item for item in hashes)


@pytest.mark.parametrize("token", ["", "x", "x" * 201, None, 7])
async def test_a_refresh_token_that_is_none_is_refused(world, token):
    async with world.stranger() as client:
        answer = await client.post("/api/v1/auth/refresh/", json={"refresh_token": token})
    assert answer.status_code == (401 if token == "x" else 422)


async def test_logout_ends_the_session_everywhere(world):
    person = await world.member()
    assert (await person.client.post("/api/v1/auth/logout/", json={})).status_code == 204
    assert (await person.client.get("/api/v1/auth/me/")).status_code == 401
    answer = await person.client.post("/api/v1/auth/refresh/", json={"refresh_token": person.tokens["refresh_token"]})
    assert answer.status_code == 401
    revoked = [fact for fact in await world.service.announced(SessionRevoked) if str(fact.user_id) == person.user_id]
    assert [fact.reason for fact in revoked] == ["logout"]


async def test_a_step_up_renews_the_time_of_authentication_and_a_refresh_keeps_it(stepped_world):
    world, clock = stepped_world
    person = await world.member()
    verifier = world.service.app.state.keyring
    logged_in = await verifier.verify(person.tokens["access_token"])
    clock.step(timedelta(seconds=2))
    wrong = await person.client.post("/api/v1/auth/step-up/", json={"password": "wrong-wrong-1"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    answer = await person.client.post("/api/v1/auth/step-up/", json={"password": person.password})
    assert answer.status_code == 200
    assert answer.json().keys() == {"access_token", "token_type", "expires_in"}
    confirmed = await verifier.verify(answer.json()["access_token"])
    assert confirmed.auth_time > logged_in.auth_time
    refreshed = await person.client.post(
        "/api/v1/auth/refresh/", json={"refresh_token": person.tokens["refresh_token"]}
    )
    kept = await verifier.verify(refreshed.json()["access_token"])
    assert (kept.auth_time, kept.session_id) == (confirmed.auth_time, logged_in.session_id)


async def test_guesses_at_a_confirmation_are_limited_and_right_ones_are_not_guesses(world):
    person = await world.member()
    for _ in range(7):
        answer = await person.client.post("/api/v1/auth/step-up/", json={"password": person.password})
        assert answer.status_code == 200
    statuses = []
    for _ in range(6):
        answer = await person.client.post("/api/v1/auth/step-up/", json={"password": "wrong-wrong-1"})
        statuses.append(answer.status_code)
    assert statuses == [401] * 5 + [429]
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_step_up_needs_a_token(world):
    async with world.stranger() as client:
        answer = await client.post("/api/v1/auth/step-up/", json={"password": "x"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def test_the_token_from_the_mail_proves_the_address_once(world):
    person = await world.member()
    (mail,) = await world.mails("verify_email", person.email)
    assert mail["token"] in mail["link"]
    assert mail["link"] in mail["text"]
    answer = await person.client.post("/api/v1/auth/email/verify/", json={"token": mail["token"]})
    assert (answer.status_code, answer.json()["email_verified"]) == (200, True)
    again = await person.client.post("/api/v1/auth/email/verify/", json={"token": mail["token"]})
    assert (again.status_code, again.json()["code"]) == (422, "invalid_token")
    assert EmailVerified(user_id=UUID(person.user_id)) in await world.service.announced(EmailVerified)


async def test_another_mail_makes_the_first_link_worthless(world):
    person = await world.member()
    (first,) = await world.mails("verify_email", person.email)
    assert (await person.client.post("/api/v1/auth/email/verify/request/")).status_code == 202
    mails = await world.mails("verify_email", person.email)
    second = next(mail for mail in mails if mail["mail_id"] != first["mail_id"])
    assert (await person.client.post("/api/v1/auth/email/verify/", json={"token": first["token"]})).status_code == 422
    assert (await person.client.post("/api/v1/auth/email/verify/", json={"token": second["token"]})).status_code == 200


async def test_the_published_keys_verify_what_was_signed(world):
    await world.member()
    async with world.stranger() as client:
        answer = await client.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    (key,) = answer.json()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert "d" not in key
    assert answer.headers["cache-control"] == "public, max-age=60"
