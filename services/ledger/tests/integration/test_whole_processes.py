"""The ledger's processes while what they stand on is not there, or not for them: they wait, say so, and go on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from services.ledger.tests.processes import run_ledger
from services.ledger.tests.whole_processes import PROCESSES, until, whole_ledger

from chassis.testing.servers import PostgresServer
from local_stack.roles import drop_database, provision

DATABASE = "impactnet"
# Nobody listens there: all of this is about the database.
NOWHERE = {"IMPACTNET_KAFKA_BOOTSTRAP": "127.0.0.1:1"}


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory):
    """A server of this module's own: its roles are locked out, its connections are used up."""
    server = PostgresServer(tmp_path_factory.mktemp("own-postgres"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def urls(own_postgres):
    """The roles' URLs of a database without tables."""
    yield await provision(own_postgres.admin_url, DATABASE, own_postgres.passwords)
    await drop_database(own_postgres.admin_url, DATABASE)


@asynccontextmanager
async def administrator(server: PostgresServer) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(server.database_admin_url(DATABASE))
    try:
        yield connection
    finally:
        await connection.close()


async def migrate(urls) -> None:
    status, out, err = await run_ledger(urls, "migrate")
    assert status == 0, out + err


async def test_processes_that_are_there_before_their_tables_wait_for_them(own_postgres, urls, tmp_path):
    async with whole_ledger(urls, tmp_path, *PROCESSES, **NOWHERE) as processes:
        for process in processes:
            await process.lacks("migrations")
        await migrate(urls)
        for process in processes:
            await process.lacks()
        async with administrator(own_postgres) as admin:

            async def they_work() -> bool:
                return bool(await admin.fetchval("SELECT EXISTS (SELECT FROM ledger.checkpoints)"))

            await until(they_work)


async def test_processes_whose_roles_are_locked_out_say_so_and_go_on_afterwards(own_postgres, urls, tmp_path):
    """As while passwords are changed: every session ends, and no new one is to be had."""
    await migrate(urls)
    async with administrator(own_postgres) as admin, whole_ledger(urls, tmp_path, *PROCESSES, **NOWHERE) as processes:
        for process in processes:
            await process.lacks()
        api = processes[0]
        try:
            for kind in PROCESSES:
                await admin.execute(f"ALTER ROLE ledger_{kind} NOLOGIN")
            await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE 'ledger%'")
            for process in processes:
                await process.lacks("database")
            answer = await api.says("/api/v1/blockchain/stats/")
            assert answer is not None
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        finally:
            for kind in PROCESSES:
                await admin.execute(f"ALTER ROLE ledger_{kind} LOGIN")
        for process in processes:
            await process.lacks()
        answer = await api.says("/api/v1/blockchain/stats/")
        assert answer is not None
        assert answer.status_code == 200


async def test_a_signer_that_does_not_get_its_lock_in_time_tries_again(own_postgres, urls, tmp_path):
    await migrate(urls)
    async with administrator(own_postgres) as admin, whole_ledger(urls, tmp_path, "signer") as [signer]:
        await signer.lacks()
        async with admin.transaction():
            await admin.execute("LOCK TABLE ledger.checkpoints IN ACCESS EXCLUSIVE MODE")

            async def waited_in_vain() -> bool:
                assert signer.ended_with is None, signer.log.read_text()[-2000:]
                return bool(signer.said("signer_database_away"))

            await until(waited_in_vain)

        async def signed() -> bool:
            await signer.lacks()
            return bool(await admin.fetchval("SELECT EXISTS (SELECT FROM ledger.checkpoints)"))

        await until(signed)
