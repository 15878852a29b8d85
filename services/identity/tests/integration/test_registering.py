"""Registering: one person for an address and a name, and nothing personal in clear."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import select, text

from contracts.identity import UserRegistered
from identity.adapters.tables import users

REGISTERED = {
    "id",
    "email",
    "username",
    "full_name",
    "role",
    "phone",
    "location",
    "avatar",
    "is_verified",
    "email_verified",
    "applications_count",
    "approved_applications",
    "created_at",
}


def body(**changes):
    return {
        "email": "amina@x.ng",
        "username": "amina",
        "password": "blue-kettle-71-harmattan",
        "full_name": "Amina B",
        "phone": "+2348000000000",
    } | changes


async def test_a_member_registers_and_everybody_hears_of_the_id_only(world):
    async with world.stranger() as client:
        answer = await client.post("/api/v1/auth/register/", json=body(email="Amina@X.ng", username="Amina"))
    assert answer.status_code == 201
    user = answer.json()
    assert user.keys() >= REGISTERED
    assert (user["email"], user["username"], user["role"]) == ("amina@x.ng", "amina", "member")
    assert (user["is_verified"], user["email_verified"], user["location"]) == (False, False, None)
    facts = await world.service.announced(UserRegistered)
    assert UserRegistered(user_id=UUID(user["id"]), role="member") in facts


async def test_an_address_and_a_name_belong_to_one_person_whatever_the_case(world):
    person = await world.register()
    async with world.stranger() as client:
        same_address = body(email=person.email.upper(), username="someone-else")
        answer = await client.post("/api/v1/auth/register/", json=same_address)
        assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
        same_name = body(email="someone@else.ng", username=person.username.upper())
        answer = await client.post("/api/v1/auth/register/", json=same_name)
        assert (answer.status_code, answer.json()["code"]) == (409, "username_taken")


async def test_two_who_register_with_one_address_at_once_are_one_person(world):
    async with world.stranger() as client:
        answers = await asyncio.gather(
            *(
                client.post("/api/v1/auth/register/", json=body(email="race@x.ng", username=f"race{number}"))
                for number in range(4)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_repeated_registration_with_one_key_is_one_user_and_one_answer(world):
    async with world.stranger() as client:
        headers = {"Idempotency-Key": "register-1"}
        wanted = body(email="keyed@x.ng", username="keyed")
        first = await client.post("/api/v1/auth/register/", json=wanted, headers=headers)
        second = await client.post("/api/v1/auth/register/", json=wanted, headers=headers)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"


BAD_REGISTRATIONS = {
    "a short password": ({"password": "short-1"}, "password"),
    "a long password": ({"password": "x1y" * 60}, "password"),
    "a common password": ({"password": "Password123!"}, "password"),
    "the own name as password": ({"password": "bad-case99", "username": "bad-case"}, "password"),
    "no address": ({"email": "amina"}, "email"),
    "two addresses": ({"email": "a@x.ng, b@x.ng"}, "email"),
    "an address with a line break": ({"email": "a@x.ng\nBcc: b@x.ng"}, "email"),
    "a name with blanks": ({"username": "a b c"}, "username"),
    "a name too short": ({"username": "ab"}, "username"),
    "a number without a plus": ({"phone": "08000000000"}, "phone"),
    "a number too long": ({"phone": "+234800000000012345"}, "phone"),
    "an empty name": ({"full_name": " "}, "full_name"),
    "a control character": ({"full_name": "A\u0007"}, "full_name"),
    "a place too long": ({"location": "x" * 256}, "location"),
    "a field nobody knows": ({"role": "admin"}, "role"),
    "no number": ({"phone": None}, "phone"),
    "a password that is none": ({"password": 12345678}, "password"),
}


@pytest.mark.parametrize("case", BAD_REGISTRATIONS)
async def test_a_bad_registration_names_the_field_and_stores_nothing(world, case):
    changes, field = BAD_REGISTRATIONS[case]
    before = len(await world.service.announced(UserRegistered))
    async with world.stranger() as client:
        answer = await client.post("/api/v1/auth/register/", json=body(email="bad@x.ng", username="bad") | changes)
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    assert answer.json()["errors"][0]["field"] == field
    assert len(await world.service.announced(UserRegistered)) == before


async def test_nothing_personal_is_in_clear_in_the_tables(world):
    person = await world.register(full_name="Zainab Unmistakable", phone="+2348011122233")
    async with world.service.worker.database.reading() as connection:
        row = (await connection.execute(select(users).where(users.c.user_id == UUID(person.user_id)))).one()
        tables = (await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'identity'"))).all()
        everything = ""
        for table in tables:
            everything += str((await connection.execute(text(f'SELECT t::text FROM "{table}" t'))).all())
    assert row.username == person.username
    assert person.username in everything
    for secret in ("Unmistakable", "+2348011122233", person.email, person.password):
        assert secret not in everything
        assert secret.encode().hex() not in everything
