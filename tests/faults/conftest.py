"""The whole system with two workers of each service, for tests that break parts of it."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from tests.journeys.people import GENEROUS_LIMITS

from local_stack.journey.platform import Platform
from local_stack.layout import Layout
from local_stack.stack import LocalStack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """API and two workers of each service apart; PostgreSQL as durable as in production."""
    environment = {
        "IMPACTNET_LEDGER_SIGNER_INTERVAL_SECONDS": "1",
        **GENEROUS_LIMITS,
    }
    started = LocalStack(
        tmp_path_factory.mktemp("stack"), layout=Layout(split=True, workers=2), environment=environment
    )
    asyncio.run(started.start())
    try:
        yield started
    finally:
        asyncio.run(started.stop())


@pytest.fixture
async def platform(stack: LocalStack):
    async with Platform(stack.gateway_url) as client:
        yield client


@pytest.fixture
async def database(stack: LocalStack):
    """A superuser's look at all schemas: what was really stored."""

    async def ask(query: str, *arguments: object) -> int:
        # A connection for each look: the tests restart PostgreSQL.
        connection = await asyncpg.connect(stack.admin_database_url)
        try:
            return int(await connection.fetchval(query, *arguments) or 0)
        finally:
            await connection.close()

    return ask
