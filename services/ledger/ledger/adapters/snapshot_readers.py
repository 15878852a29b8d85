"""Connections beside one that see exactly what it sees: long statements share the database's processors."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg

from chassis.connecting import CONNECT_TIMEOUT_SECONDS, LONG_LOOK_SECONDS_MAX

# What a long look at the books asks of its session, whoever asks.
READING_SETTINGS: Final = {
    "timezone": "UTC",
    "datestyle": "ISO",
    # A whole chain is read in one transaction, which takes as long as it takes and waits while others compute.
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    # A stretch of ten blocks and one of a million want different plans, and large joins more than the usual 4 MB.
    "plan_cache_mode": "force_custom_plan",
    "work_mem": "64MB",
    "jit": "off",
}

# And where whole tables are joined.
JOINING_SETTINGS: Final = {
    # Row by row is for few, which is what statistics of yesterday say of many.
    "enable_nestloop": "off",
    # Tables are read from end to end, which the operating system reads ahead: PostgreSQL's own workers for that would
    # take half as much processor time again.
    "effective_io_concurrency": "0",
}

Statement = tuple[str, tuple[Any, ...]]


class SnapshotReaders:
    """`count` of them at a time, opened for each call. `url` is for asyncpg."""

    def __init__(self, url: str, count: int) -> None:
        self._url = url.replace("postgresql+asyncpg://", "postgresql://", 1)
        self._count = count

    async def fetch(self, snapshot: str, statements: Sequence[Statement]) -> list[Sequence[Any]]:
        """The rows of each, in the order they were asked; `snapshot` is an exported one whose owner still holds it."""
        found: list[Sequence[Any]] = [()] * len(statements)
        waiting = iter(enumerate(statements))
        # No task group: whoever calls tells a database that is away by the error itself.
        tasks = [
            asyncio.create_task(self._read(snapshot, waiting, found)) for _ in range(min(self._count, len(statements)))
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return found

    async def _read(self, snapshot: str, waiting: "enumerate[Statement]", found: list[Sequence[Any]]) -> None:
        # Statements share the processors among them: each is better off without helpers of its own.
        settings = READING_SETTINGS | {
            "application_name": "impactnet-ledger-verifier",
            "max_parallel_workers_per_gather": "0",
            **JOINING_SETTINGS,
        }
        connection = await connect_for_long(self._url, settings)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await see(connection, snapshot)
                for place, (statement, arguments) in waiting:
                    found[place] = await connection.fetch(statement, *arguments)
        finally:
            connection.terminate()


async def connect_for_long(url: str, settings: Mapping[str, str]) -> asyncpg.Connection:
    """A connection whose statements may take hours; a database that says nothing for longer is given up.

    Raises:
        OSError, asyncpg.PostgresError: there is none to be had.
    """
    return await asyncpg.connect(
        url,
        server_settings=dict(settings),
        timeout=CONNECT_TIMEOUT_SECONDS,
        command_timeout=LONG_LOOK_SECONDS_MAX,
    )


async def see(connection: Any, snapshot: str) -> None:
    """Gives a transaction that has just begun the view of the one that exported `snapshot`."""
    quoted = snapshot.replace("'", "''")
    await connection.execute(f"SET TRANSACTION SNAPSHOT '{quoted}'")
