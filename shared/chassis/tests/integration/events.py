"""What the tests of events share: facts, counting, waiting, a real topic."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import text

from chassis.database import Database
from chassis.ids import new_id
from contracts.applications import ApplicationStarted


def started(**changes: Any) -> ApplicationStarted:
    values = {"application_id": new_id(), "program_id": new_id(), "user_id": new_id(), "status": "draft"}
    return ApplicationStarted.model_validate({**values, **changes})


async def count(database: Database, sql: str) -> int:
    async with database.reading() as connection:
        return int(await connection.scalar(text(sql)) or 0)


async def eventually(check: Callable[[], Any], seconds: float = 20) -> None:
    """Wait until `check` holds; the time is a bound on a fault, not a measurement."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await check():
        assert asyncio.get_running_loop().time() < deadline, "did not happen in time"
        await asyncio.sleep(0.05)


async def read_topic(bootstrap: str, topic: str, wanted: int) -> list[Any]:
    reader = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await reader.start()
    found: list[Any] = []
    try:
        while len(found) < wanted:
            batches = await reader.getmany(timeout_ms=10_000)
            assert batches, f"{len(found)} of {wanted} records came"
            found += [record for records in batches.values() for record in records]
    finally:
        await reader.stop()
    return found


@asynccontextmanager
async def in_background(coroutine: Any) -> AsyncIterator[asyncio.Task[Any]]:
    task = asyncio.create_task(coroutine)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def nothing_unpublished(database: Database) -> bool:
    return await count(database, "SELECT count(*) FROM outbox WHERE published_at IS NULL") == 0


async def send(bootstrap: str, topic: str, events: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    try:
        for payload in events:
            await producer.send_and_wait(topic, payload, key=b"k")
    finally:
        await producer.stop()
