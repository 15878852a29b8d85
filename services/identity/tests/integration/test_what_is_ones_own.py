"""Profile, consents, sessions, NIN, passwords, export and erasure: one's own, and nobody else's."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from chassis.ids import new_id
from chassis.tables import subject_keys
from contracts.applications import ApplicationApproved, ApplicationSubmitted
from contracts.identity import ConsentChanged, SessionRevoked, UserErased
from identity.adapters.tables import credentials, sessions, users


async def test_a_patch_changes_what_it_names_and_a_stale_one_nothing(world):
    person = await world.member()
    me = await person.client.get("/api/v1/auth/me/")
    first = await person.client.patch(
        "/api/v1/auth/me/", json={"location": "Kano"}, headers={"If-Match": me.headers["etag"]}
    )
    assert (first.status_code, first.json()["location"], first.json()["phone"]) == (200, "Kano", me.json()["phone"])
    stale = await person.client.patch(
        "/api/v1/auth/me/", json={"location": "Jos"}, headers={"If-Match": me.headers["etag"]}
    )
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    emptied = await person.client.patch("/api/v1/auth/me/", json={"location": None})
    assert (emptied.status_code, emptied.json()["location"]) == (200, None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"full_name": None}, "full_name"),
        ({"phone": "123"}, "phone"),
        ({"avatar": "http://x.ng/a.png"}, "avatar"),
        ({"avatar": "https://" + "x" * 500}, "avatar"),
        ({"role": "admin"}, "role"),
        ({"is_verified": True}, "is_verified"),
        ({"email": "new@x.ng"}, "email"),
    ],
)
async def test_what_one_may_not_change_is_refused_by_name(world, change, field):
    person = await world.member()
    answer = await person.client.patch("/api/v1/auth/me/", json=change)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_profile_shows_what_its_owner_consents_to_and_hides_it_at_once(world):
    person = await world.member(full_name="Amina Bala")
    await person.client.patch("/api/v1/auth/me/", json={"location": "Kano", "avatar": "https://x.ng/a.png"})
    profile = f"/api/v1/profiles/{person.user_id}/"
    hidden = {
        "id": person.user_id,
        "username": person.username,
        "display_name": None,
        "avatar": None,
        "location": None,
    }
    async with world.stranger() as anybody:
        first = await anybody.get(profile)
        assert first.json() == hidden
        given = [{"consent": "profile_name", "given": True}, {"consent": "profile_location", "given": True}]
        answer = await person.client.put("/api/v1/auth/me/consents/", json={"items": given})
        assert {item["consent"]: item["given"] for item in answer.json()["items"]} == {
            "terms": True,
            "profile_name": True,
            "profile_avatar": False,
            "profile_location": True,
        }
        shown = await anybody.get(profile, headers={"If-None-Match": first.headers["etag"]})
        assert shown.json() == hidden | {"display_name": "Amina Bala", "location": "Kano"}
        withdrawn = [{"consent": "profile_name", "given": False}]
        await person.client.put("/api/v1/auth/me/consents/", json={"items": withdrawn})
        assert (await anybody.get(profile)).json() == hidden | {"location": "Kano"}
    facts = [fact for fact in await world.service.announced(ConsentChanged) if str(fact.user_id) == person.user_id]
    assert [(fact.consent, fact.given) for fact in facts] == [
        ("terms", True),
        ("profile_name", True),
        ("profile_location", True),
        ("profile_name", False),
    ]


@pytest.mark.parametrize(
    "items",
    [
        [{"consent": "everything", "given": True}],
        [{"consent": "terms", "given": True, "version": "v0"}],
        [{"consent": "terms", "given": True}, {"consent": "terms", "given": False}],
        [{"consent": "terms"}],
        "terms",
    ],
)
async def test_a_consent_that_is_none_is_422(world, items):
    person = await world.member()
    answer = await person.client.put("/api/v1/auth/me/consents/", json={"items": items})
    assert answer.status_code == 422


async def test_anothers_session_is_404_and_ones_own_ends(world):
    person, other = await world.member(), await world.member()
    first = person.tokens
    await person.log_in()
    listed = (await person.client.get("/api/v1/auth/sessions/")).json()
    assert [item["current"] for item in listed["items"]] == [True, False]
    older = listed["items"][1]["id"]
    answer = await other.client.delete(f"/api/v1/auth/sessions/{older}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await person.client.delete(f"/api/v1/auth/sessions/{older}/")).status_code == 204
    assert (await person.client.delete(f"/api/v1/auth/sessions/{new_id()}/")).status_code == 404
    old_token = {"Authorization": f"Bearer {first['access_token']}"}
    assert (await person.client.get("/api/v1/auth/me/", headers=old_token)).status_code == 401
    assert [item["id"] for item in (await person.client.get("/api/v1/auth/sessions/")).json()["items"]] == [
        listed["items"][0]["id"]
    ]


async def test_a_nin_belongs_to_one_person_and_is_never_shown(world):
    person, other = await world.member(), await world.member()
    answer = await person.client.post("/api/v1/auth/nin/", json={"nin": "12345678901"})
    assert (answer.status_code, answer.json()) == (202, {"status": "pending"})
    taken = await other.client.post("/api/v1/auth/nin/", json={"nin": "12345678901"})
    assert (taken.status_code, taken.json()["code"]) == (409, "nin_taken")
    me = await person.client.get("/api/v1/auth/me/")
    assert me.json()["nin_status"] == "pending"
    assert "12345678901" not in me.text
    async with world.service.worker.database.reading() as connection:
        row = (await connection.execute(select(users).where(users.c.user_id == UUID(person.user_id)))).one()
    assert b"12345678901" not in bytes(row.nin) + bytes(row.nin_hash)
    admin = await world.with_role("admin")
    verified = await admin.client.post(f"/api/v1/users/{person.user_id}/verify/", json={})
    assert verified.json()["nin_status"] == "verified"
    again = await person.client.post("/api/v1/auth/nin/", json={"nin": "12345678902"})
    assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "illegal_state", "verified")


@pytest.mark.parametrize("nin", ["1234567890", "123456789012", "1234567890a", "١٢٣٤٥٦٧٨٩٠١", 12345678901, None])
async def test_a_nin_that_is_none_is_422_and_not_repeated(world, nin):
    person = await world.member()
    answer = await person.client.post("/api/v1/auth/nin/", json={"nin": nin})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "nin")
    assert str(nin) not in answer.text.replace("null", "")


async def test_a_changed_password_ends_the_other_sessions(world):
    person = await world.member()
    first = person.tokens
    await person.log_in()
    wrong = await person.client.post(
        "/api/v1/auth/password/change/",
        json={"current_password": "wrong-wrong-1", "new_password": "green-kettle-72-monsoon"},
    )
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    weak = await person.client.post(
        "/api/v1/auth/password/change/", json={"current_password": person.password, "new_password": "password123"}
    )
    assert (weak.status_code, weak.json()["errors"][0]["field"]) == (422, "new_password")
    done = await person.client.post(
        "/api/v1/auth/password/change/",
        json={"current_password": person.password, "new_password": "green-kettle-72-monsoon"},
    )
    assert done.status_code == 204
    assert (await person.client.get("/api/v1/auth/me/")).status_code == 200
    old_token = {"Authorization": f"Bearer {first['access_token']}"}
    assert (await person.client.get("/api/v1/auth/me/", headers=old_token)).status_code == 401


async def test_a_reset_says_the_same_to_everybody_and_mails_only_who_is_there(world):
    person = await world.member()
    known = await person.client.post("/api/v1/auth/password/reset/", json={"email": person.email})
    async with world.stranger() as client:
        unknown = await client.post("/api/v1/auth/password/reset/", json={"email": "nobody@nowhere.ng"})
    assert known.status_code == unknown.status_code == 202
    assert known.json() == unknown.json()
    assert await world.mails("reset_password", "nobody@nowhere.ng") == []
    (mail,) = await world.mails("reset_password", person.email)
    confirm = "/api/v1/auth/password/reset/confirm/"
    weak = await person.client.post(confirm, json={"token": mail["token"], "new_password": "password123"})
    assert (weak.status_code, weak.json()["errors"][0]["code"]) == (422, "password_common")
    new = {"token": mail["token"], "new_password": "green-kettle-72-monsoon"}
    assert (await person.client.post(confirm, json=new)).status_code == 204
    assert (await person.client.post(confirm, json=new)).status_code == 422
    assert (await person.client.get("/api/v1/auth/me/")).status_code == 401
    person.password = "green-kettle-72-monsoon"
    await person.log_in()


async def test_a_link_for_one_purpose_does_not_serve_another(world):
    person = await world.member()
    (mail,) = await world.mails("verify_email", person.email)
    new = {"token": mail["token"], "new_password": "green-kettle-72-monsoon"}
    answer = await person.client.post("/api/v1/auth/password/reset/confirm/", json=new)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_token")
    assert [each["field"] for each in answer.json()["errors"]] == ["token"]


async def test_links_and_sessions_end_by_the_clock(stepped_world):
    world, clock = stepped_world
    person = await world.member()
    (mail,) = await world.mails("verify_email", person.email)
    clock.step(timedelta(hours=24, seconds=1))
    late = await person.client.post("/api/v1/auth/email/verify/", json={"token": mail["token"]})
    assert (late.status_code, late.json()["code"]) == (422, "invalid_token")
    refresh = "/api/v1/auth/refresh/"
    kept = await person.client.post(refresh, json={"refresh_token": person.tokens["refresh_token"]})
    assert kept.status_code == 200
    clock.step(timedelta(days=14, seconds=1))
    idle = await person.client.post(refresh, json={"refresh_token": kept.json()["refresh_token"]})
    assert (idle.status_code, idle.json()["code"]) == (401, "invalid_refresh_token")


async def test_a_session_in_constant_use_still_ends_after_thirty_days(stepped_world):
    world, clock = stepped_world
    person = await world.member()
    token, statuses = person.tokens["refresh_token"], []
    for _ in range(3):
        clock.step(timedelta(days=10))
        answer = await person.client.post("/api/v1/auth/refresh/", json={"refresh_token": token})
        statuses.append(answer.status_code)
        token = answer.json().get("refresh_token")
    assert statuses == [200, 200, 401]


async def test_an_export_has_all_there_is_about_a_person(world):
    person = await world.member(full_name="Amina Bala", location="Kano")
    await person.client.post("/api/v1/auth/nin/", json={"nin": "55555678901"})
    answer = await person.client.get("/api/v1/auth/me/export/")
    assert answer.headers["content-disposition"].startswith("attachment")
    exported = answer.json()
    assert exported["user"]["full_name"] == "Amina Bala"
    assert (exported["user"]["location"], exported["user"]["nin"]) == ("Kano", "55555678901")
    assert len(exported["sessions"]) == 1
    assert [item["consent"] for item in exported["consents"]] == ["terms"]


async def test_erasure_waits_seven_days_then_leaves_an_empty_row(stepped_world):
    world, clock = stepped_world
    person, other = await world.member(), await world.member()
    asked = await person.client.delete("/api/v1/auth/me/")
    assert (asked.status_code, asked.json()["status"]) == (202, "scheduled")
    clock.step(timedelta(days=6, hours=23))
    await world.service.tick("erase_users")
    assert await world.service.announced(UserErased) == []
    clock.step(timedelta(hours=2))
    await world.service.tick("erase_users")
    assert await world.service.announced(UserErased) == [UserErased(user_id=UUID(person.user_id))]
    assert (await person.client.get("/api/v1/auth/me/")).status_code == 401
    login = await person.client.post(
        "/api/v1/auth/login/", json={"username": person.username, "password": person.password}
    )
    assert (login.status_code, login.json()["code"]) == (401, "invalid_credentials")
    assert (await other.client.get(f"/api/v1/profiles/{person.user_id}/")).status_code == 404
    user_id = UUID(person.user_id)
    async with world.service.worker.database.reading() as connection:
        row = (await connection.execute(select(users).where(users.c.user_id == user_id))).one()
        key = await connection.scalar(select(subject_keys.c.wrapped_key).where(subject_keys.c.subject_id == user_id))
        for table in (sessions, credentials):
            assert (await connection.execute(select(table).where(table.c.user_id == user_id))).all() == []
    assert (row.username, row.email_hash, row.personal, row.nin, key) == (None, None, None, None, None)
    revoked = [fact for fact in await world.service.announced(SessionRevoked) if fact.user_id == user_id]
    assert [fact.reason for fact in revoked] == ["user_erased"]
    again = await world.register(email=person.email, username=person.username)
    assert again.user_id != person.user_id


async def test_who_changes_their_mind_within_the_grace_stays(stepped_world):
    world, clock = stepped_world
    person = await world.member()
    await person.client.delete("/api/v1/auth/me/")
    kept = await person.client.post("/api/v1/auth/me/erasure/withdraw/", json={})
    assert (kept.status_code, kept.json()["erasure_requested_at"]) == (200, None)
    clock.step(timedelta(days=8))
    await world.service.tick("erase_users")
    facts = await world.service.announced(UserErased)
    assert UUID(person.user_id) not in [fact.user_id for fact in facts]


async def test_counts_follow_the_applications_once_each(world):
    person = await world.member()
    application_id, program_id = new_id(), new_id()
    about = {"application_id": application_id, "program_id": program_id, "user_id": UUID(person.user_id)}
    submitted = ApplicationSubmitted(**about, status="under_review", submission_sha256="0" * 64, first_submission=True)
    approved = ApplicationApproved(
        **about,
        status="approved",
        award_id=new_id(),
        decision_id=new_id(),
        decider_id=new_id(),
        submission_sha256="0" * 64,
        reviews=2,
        final_score="76.00",
        amount="300000.00",
        currency="NGN",
    )
    # The approval may come first, and a replay under new ids says all of it again.
    for fact in (approved, submitted, submitted, approved):
        await world.service.deliver(fact)
    me = (await person.client.get("/api/v1/auth/me/")).json()
    assert (me["applications_count"], me["approved_applications"]) == (1, 1)
