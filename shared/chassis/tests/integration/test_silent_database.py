"""A database that says nothing any more, nor ends a connection: nobody waits for it for ever, and all go on after."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from shared.chassis.tests.integration.events import count, eventually, in_background
from shared.chassis.tests.integration.test_frozen_neighbours import FreezingWire
from sqlalchemy import text

from chassis.api.health import ANSWER_SECONDS_MAX, Health, health_router
from chassis.connecting import PARTING_SECONDS_MAX, SILENCE_SECONDS_MAX
from chassis.database import Database, UnitOfWork, database_is_away
from chassis.ids import new_id
from chassis.inserting import ROWS_IN_ONE_STATEMENT_MAX, Rows
from chassis.relay import LISTENING_SECONDS, Relay
from chassis.testing.harness import running_service
from contracts.topics import topic_of

STATEMENT_SECONDS = 1
# A statement given up, a rollback that is not heard either, and what a busy machine adds.
GIVEN_UP_SECONDS = STATEMENT_SECONDS + SILENCE_SECONDS_MAX + PARTING_SECONDS_MAX + 6


@pytest.fixture
async def wire(sample_urls):
    return FreezingWire(sample_urls["programs_worker"])


def rows(number: int) -> Rows:
    made = [(new_id(), f"silent {number} {new_id()}") for _ in range(number)]
    return Rows("notes", ("note_id", "name"), made)


async def own_words(work: UnitOfWork) -> None:
    await work.fetch("SELECT 1")


async def sqlalchemy(work: UnitOfWork) -> None:
    await work.connection.execute(text("SELECT 1"))


async def few(work: UnitOfWork) -> None:
    await work.insert(rows(1))


async def many(work: UnitOfWork) -> None:
    await work.insert(rows(ROWS_IN_ONE_STATEMENT_MAX + 1))


async def nothing(_work: UnitOfWork) -> None:
    """So that it is the commit that is not answered."""


async def test_whatever_is_not_answered_is_given_up_and_told_as_a_database_that_is_away(wire, sample_urls):
    async with wire as url:
        database = Database(url, application_name="test-silent", statement_timeout_seconds=STATEMENT_SECONDS)

        async def in_silence(say: Callable[[UnitOfWork], Awaitable[None]]) -> None:
            async with database.unit_of_work() as work:
                ready.release()
                await wire.froze.wait()
                await say(work)

        async def reading_in_silence() -> None:
            async with database.reading() as connection:
                await connection.execute(text("SELECT 1"))
                ready.release()
                await wire.froze.wait()

        doing: list[Callable[[UnitOfWork], Awaitable[None]]] = [own_words, sqlalchemy, few, many, nothing]
        ready = asyncio.Semaphore(0)
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(in_silence(say)) for say in doing]
        tasks.append(asyncio.create_task(reading_in_silence()))
        for _ in tasks:
            await ready.acquire()
        wire.froze.set()
        async with asyncio.timeout(GIVEN_UP_SECONDS):
            failures = await asyncio.gather(*tasks, return_exceptions=True)
        assert [database_is_away(each) for each in failures if isinstance(each, BaseException)] == [True] * len(tasks)
        # None of them is handed out again, nor one that rested in the pool: whoever comes next is served by another.
        wire.froze.clear()
        async with asyncio.timeout(GIVEN_UP_SECONDS):
            for _ in range(len(tasks) + 1):
                assert await count(database, "SELECT 1") == 1
        await database.close()
    judge = Database(sample_urls["programs_worker"], application_name="test-judge")
    assert await count(judge, "SELECT count(*) FROM notes") == 0
    await judge.close()


async def test_one_that_rested_in_the_pool_and_is_silent_now_is_replaced_in_seconds(wire):
    async with wire as url:
        database = Database(url, application_name="test-silent", statement_timeout_seconds=600)
        assert await count(database, "SELECT 1") == 1
        wire.froze.set()
        asked = asyncio.create_task(count(database, "SELECT 1"))
        await wire.heard_in_vain.wait()
        wire.froze.clear()
        async with asyncio.timeout(10):
            assert await asked == 1
        await database.close()


async def test_a_process_says_in_time_that_its_database_is_silent_and_when_it_is_back(wire):
    async with wire as url:
        database = Database(url, application_name="test-silent")
        health = Health()
        health.needs["database"] = database.is_reachable
        app = FastAPI()
        app.include_router(health_router(health))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://process") as client:
            assert (await client.get("/health/ready")).json() == {"status": "ready", "degraded": []}
            wire.froze.set()
            began = datetime.now(UTC)
            answer = await client.get("/health/ready")
            # Whoever asks waits for four seconds (infra/k8s).
            assert (datetime.now(UTC) - began).total_seconds() < ANSWER_SECONDS_MAX + 1
            assert (answer.status_code, answer.json()["missing"]) == (503, ["database"])
            wire.froze.clear()
            assert (await client.get("/health/ready")).status_code == 200
        await database.close()


async def test_a_relay_whose_listening_connection_fell_silent_listens_on_another(wire, sample_urls, sample_service):
    """Else each event would wait for the next look, a second, for as long as the process lives."""
    judge = Database(sample_urls["programs_worker"], application_name="test-judge")
    listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"
    async with running_service(sample_service, sample_urls) as service, wire as url:
        database = Database(url, application_name="test-relay")
        relay = Relay(service.worker.settings, database, [topic_of("programs")])

        async def listens() -> bool:
            return await count(judge, listening) == 1

        async with in_background(relay._listen()):
            await eventually(listens)
            wire.froze.set()
            await asyncio.wait_for(wire.heard_in_vain.wait(), 2 * LISTENING_SECONDS)
            newer = f"{listening} AND backend_start > '{datetime.now(UTC)}'"
            assert await count(judge, newer) == 0
            wire.froze.clear()

            async def listens_again() -> bool:
                return await count(judge, newer) == 1

            await eventually(listens_again)
        await database.close()
    await judge.close()


async def test_a_long_look_that_is_called_off_does_not_wait_for_the_answer(wire):
    """Else a worker that is to stop would have to be ended by force."""
    async with wire as url:
        database = Database(url, application_name="test-silent")
        looks = asyncio.Event()

        async def look() -> None:
            async with database.long_looking() as connection:
                driver: Any = (await connection.get_raw_connection()).driver_connection
                await connection.execute(text("SELECT 1"))
                wire.froze.set()
                looks.set()
                await driver.fetchval("SELECT 1")

        looking = asyncio.create_task(look())
        await looks.wait()
        await asyncio.wait_for(wire.heard_in_vain.wait(), 10)
        looking.cancel()
        done, _ = await asyncio.wait([looking], timeout=PARTING_SECONDS_MAX)
        assert done
        assert looking.cancelled()
        await database.close()


async def test_to_close_does_not_wait_for_a_goodbye_that_never_comes(wire):
    async with wire as url:
        database = Database(url, application_name="test-silent")
        assert await count(database, "SELECT 1") == 1
        wire.froze.set()
        async with asyncio.timeout(PARTING_SECONDS_MAX + 2):
            await database.close()


async def test_a_long_look_is_not_taken_for_silence(sample_urls):
    database = Database(
        sample_urls["programs_worker"], application_name="test-patient", statement_timeout_seconds=STATEMENT_SECONDS
    )
    async with database.long_looking() as connection:
        seconds = STATEMENT_SECONDS + SILENCE_SECONDS_MAX + 1
        slept = "SELECT extract(epoch FROM clock_timestamp() - statement_timestamp()) FROM pg_sleep(:seconds)"
        assert (await connection.execute(text(slept), {"seconds": seconds})).scalar_one() >= seconds
    await database.close()
