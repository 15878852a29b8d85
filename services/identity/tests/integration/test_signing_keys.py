"""Signing keys come and go, and nobody notices."""

import asyncio
from datetime import timedelta

from jose import jwt
from sqlalchemy import delete, select

from chassis.tables import signing_keys
from contracts.identity import SigningKeysChanged
from identity.use_cases.rotate_signing_keys import rotate_signing_keys


def kid_of(person):
    return jwt.get_unverified_header(person.tokens["access_token"])["kid"]


async def published(world) -> set[str]:
    async with world.stranger() as client:
        return {key["kid"] for key in (await client.get("/.well-known/jwks.json")).json()["keys"]}


async def test_a_new_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_expired(stepped_world):
    world, clock = stepped_world
    person = await world.member()
    old = kid_of(person)
    async with world.service.worker_parts.wiring.open_directory() as directory:
        new = await rotate_signing_keys(directory, lead=timedelta(seconds=300))
    assert await published(world) >= {old, new}
    await person.log_in()
    assert kid_of(person) == old
    clock.step(timedelta(seconds=301))
    await person.log_in()
    assert kid_of(person) == new
    await world.service.tick("keep_signing_keys")
    assert await published(world) >= {old, new}
    clock.step(timedelta(seconds=900 + 60))
    await world.service.tick("keep_signing_keys")
    assert await published(world) == {new}
    facts = await world.service.announced(SigningKeysChanged)
    assert {key["kid"] for key in facts[-1].keys} == {new}


async def test_a_key_signs_only_after_it_was_made_by_one_of_many_at_once(world):
    open_directory = world.service.worker_parts.wiring.open_directory

    async def signer():
        async with open_directory() as directory:
            return await directory.keys._signer()

    kids = await asyncio.gather(*(signer() for _ in range(5)))
    assert len(set(kids)) == 1


async def test_what_an_older_event_undid_is_mended_by_the_next_tick(world):
    before = await published(world)
    async with world.service.worker.database.unit_of_work() as work:
        await work.connection.execute(delete(signing_keys))
    await world.service.tick("keep_signing_keys")
    assert await published(world) == before
    async with world.service.worker.database.reading() as connection:
        assert len((await connection.scalars(select(signing_keys.c.kid))).all()) == len(before)


async def test_a_client_that_knows_the_keys_is_told_so_in_304(world):
    async with world.stranger() as client:
        first = await client.get("/.well-known/jwks.json")
        again = await client.get("/.well-known/jwks.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
