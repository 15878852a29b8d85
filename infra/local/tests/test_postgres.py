"""The database server: what it keeps, who ends it, what it says."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import pytest

from local_stack.ports import PortTakenError
from local_stack.postgres import EmbeddedPostgres
from local_stack.running import birth_of

PARENT = """
import asyncio, sys
from pathlib import Path
from local_stack.postgres import EmbeddedPostgres

async def main():
    postgres = EmbeddedPostgres(Path(sys.argv[1]), durability="off")
    await postgres.start()
    print(postgres.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def _value(postgres: EmbeddedPostgres, query: str) -> object:
    connection = await asyncpg.connect(postgres.admin_url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_what_was_committed_survives_a_kill_and_a_restart_on_the_same_port(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "postgres") as postgres:
        port = postgres.port
        assert await _value(postgres, "SHOW fsync") == "on"
        await _value(postgres, "CREATE TABLE kept (amount int)")
        await _value(postgres, "INSERT INTO kept VALUES (300000)")

        await postgres.kill()
        assert not postgres.is_running
        await postgres.start()
        assert await _value(postgres, "SELECT sum(amount) FROM kept") == 300_000

        await postgres.restart()
        assert postgres.port == port
        assert await _value(postgres, "SELECT sum(amount) FROM kept") == 300_000


async def test_an_administrator_needs_the_password_of_the_folder(tmp_path: Path) -> None:
    async with EmbeddedPostgres(tmp_path / "postgres", durability="off") as postgres:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(host="127.0.0.1", port=postgres.port, user="postgres", password="postgres")
        assert (tmp_path / "postgres" / "password").stat().st_mode & 0o077 == 0
        assert await _value(postgres, "SHOW fsync") == "off"


async def test_a_taken_port_is_named_together_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(PortTakenError) as refusal:
            await EmbeddedPostgres(tmp_path / "postgres", port, durability="off").start()
    assert refusal.value.port == port
    assert f"port {port} (PostgreSQL) is taken" in str(refusal.value)
    assert f"(pid {os.getpid()})" in str(refusal.value)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_the_server_ends_when_whoever_started_it_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path / "postgres")], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    assert birth_of(server) is not None
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 20
    while birth_of(server) is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert birth_of(server) is None
