"""Roles, verification, suspension: who may do what to whom, and what follows."""

from uuid import UUID

import pytest
from sqlalchemy import select

from chassis.ids import new_id
from chassis.tables import user_standings
from contracts.identity import RoleChanged, SessionRevoked, UserSuspended, UserVerified


async def test_a_role_change_refuses_the_old_token_and_a_refresh_brings_the_role(world):
    boss = await world.with_role("super_admin")
    person = await world.member()
    answer = await boss.client.patch(f"/api/v1/users/{person.user_id}/role/", json={"role": "admin"})
    assert (answer.status_code, answer.json()["role"], answer.json()["role_version"]) == (200, "admin", 1)
    refused = await person.client.get("/api/v1/auth/me/")
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    refreshed = await person.client.post(
        "/api/v1/auth/refresh/", json={"refresh_token": person.tokens["refresh_token"]}
    )
    person.take(refreshed.json())
    assert (await person.client.get("/api/v1/auth/me/")).json()["role"] == "admin"
    assert (await person.client.get("/api/v1/users/")).status_code == 200
    facts = [fact for fact in await world.service.announced(RoleChanged) if str(fact.user_id) == person.user_id]
    assert [(fact.previous_role, fact.role, fact.role_version) for fact in facts] == [("member", "admin", 1)]
    async with world.service.worker.database.reading() as connection:
        standing = (
            await connection.execute(select(user_standings).where(user_standings.c.user_id == UUID(person.user_id)))
        ).one()
    assert (standing.role, standing.role_version) == ("admin", 1)


async def test_the_same_role_again_changes_nothing(world):
    boss = await world.with_role("super_admin")
    person = await world.member()
    for _ in range(2):
        answer = await boss.client.patch(f"/api/v1/users/{person.user_id}/role/", json={"role": "executive"})
        assert (answer.status_code, answer.json()["role_version"]) == (200, 1)


# (who decides, about whom, the role given, status, code)
DECISIONS = [
    ("member", "member", "executive", 403, "forbidden"),
    ("executive", "member", "executive", 403, "forbidden"),
    ("admin", "member", "executive", 200, None),
    ("admin", "executive", "member", 200, None),
    ("admin", "member", "admin", 403, "super_admin_required"),
    ("admin", "member", "super_admin", 403, "super_admin_required"),
    ("admin", "admin", "member", 403, "super_admin_required"),
    ("admin", "super_admin", "member", 403, "super_admin_required"),
    ("super_admin", "member", "admin", 200, None),
    ("super_admin", "admin", "member", 200, None),
    ("super_admin", "member", "super_admin", 200, None),
]


@pytest.mark.parametrize("decision", DECISIONS)
async def test_only_a_super_admin_decides_about_admins(world, decision):
    actor, target, role, status, code = decision
    decider = await world.with_role(actor) if actor != "member" else await world.member()
    person = await world.with_role(target) if target != "member" else await world.register()
    answer = await decider.client.patch(f"/api/v1/users/{person.user_id}/role/", json={"role": role})
    assert (answer.status_code, answer.json().get("code")) == (status, code)


@pytest.mark.parametrize("actor", ["admin", "super_admin"])
async def test_nobody_decides_about_themselves(world, actor):
    person = await world.with_role(actor)
    own = f"/api/v1/users/{person.user_id}"
    for answer in (
        await person.client.patch(f"{own}/role/", json={"role": "super_admin"}),
        await person.client.post(f"{own}/verify/", json={}),
        await person.client.post(f"{own}/suspend/", json={"reason": "why not"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "own_account")


async def test_a_user_who_never_was_is_404_and_an_unknown_role_422(world):
    admin = await world.with_role("admin")
    nobody = f"/api/v1/users/{new_id()}"
    assert (await admin.client.get(f"{nobody}/")).status_code == 404
    assert (await admin.client.get("/api/v1/users/none/")).status_code == 404
    assert (await admin.client.patch(f"{nobody}/role/", json={"role": "member"})).status_code == 404
    assert (await admin.client.patch(f"{nobody}/role/", json={"role": "king"})).status_code == 422


async def test_users_are_for_admins(world):
    person = await world.member()
    async with world.stranger() as client:
        assert (await client.get("/api/v1/users/")).status_code == 401
    for path in ("/api/v1/users/", f"/api/v1/users/{person.user_id}/"):
        answer = await person.client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_users_are_listed_page_by_page_without_gap_or_repeat(world):
    admin = await world.with_role("admin")
    made = [(await world.register()).user_id for _ in range(5)]
    seen, cursor = [], None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await admin.client.get("/api/v1/users/", params=query)).json()
        seen += [user["id"] for user in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert [user_id for user_id in seen if user_id in made] == made[::-1]
    only = (await admin.client.get("/api/v1/users/", params={"role": "admin", "username": admin.username})).json()
    assert [user["id"] for user in only["items"]] == [admin.user_id]


@pytest.mark.parametrize("query", ["unknown=1", "limit=0", "limit=101", "cursor=xyz", "role=king"])
async def test_a_query_that_is_not_known_is_422(world, query):
    admin = await world.with_role("admin")
    answer = await admin.client.get(f"/api/v1/users/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_an_admin_vouches_for_a_user_once(world):
    admin = await world.with_role("admin")
    person = await world.member()
    for _ in range(2):
        answer = await admin.client.post(f"/api/v1/users/{person.user_id}/verify/", json={})
        assert (answer.status_code, answer.json()["is_verified"]) == (200, True)
    facts = [fact for fact in await world.service.announced(UserVerified) if str(fact.user_id) == person.user_id]
    assert [fact.method for fact in facts] == ["admin"]


async def test_a_suspended_user_is_out_at_once_and_stays_out(world):
    admin = await world.with_role("admin")
    person = await world.member()
    answer = await admin.client.post(f"/api/v1/users/{person.user_id}/suspend/", json={"reason": "fraud"})
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert (await person.client.get("/api/v1/auth/me/")).status_code == 401
    refresh = await person.client.post("/api/v1/auth/refresh/", json={"refresh_token": person.tokens["refresh_token"]})
    assert refresh.status_code == 401
    name = {"username": person.username}
    login = await person.client.post("/api/v1/auth/login/", json={**name, "password": person.password})
    assert (login.status_code, login.json()["code"]) == (403, "account_suspended")
    wrong = await person.client.post("/api/v1/auth/login/", json={**name, "password": "wrong-wrong-1"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    assert UserSuspended(user_id=UUID(person.user_id)) in await world.service.announced(UserSuspended)
    revoked = [fact for fact in await world.service.announced(SessionRevoked) if str(fact.user_id) == person.user_id]
    assert [fact.reason for fact in revoked] == ["user_suspended"]


async def test_a_suspension_needs_a_reason(world):
    admin = await world.with_role("admin")
    person = await world.register()
    for body in ({}, {"reason": ""}, {"reason": "x", "more": 1}):
        answer = await admin.client.post(f"/api/v1/users/{person.user_id}/suspend/", json=body)
        assert answer.status_code == 422
