"""Takes a ledger's database to a revision, as `migrate` takes it to the newest."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from chassis.ids import new_id
from chassis.testing.servers import PostgresServer
from local_stack.roles import provision

_UPGRADE = (
    "import sys; from alembic import command; from chassis.migrations import _config;"
    " from ledger.settings import LedgerSettings; command.upgrade(_config(LedgerSettings()), sys.argv[1])"
)


async def upgrade(urls: Mapping[str, str], revision: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _UPGRADE, revision),
        env={"IMPACTNET_LEDGER_MIGRATOR_DATABASE_URL": urls["ledger_migrator"], "PATH": ""},
        stderr=asyncio.subprocess.PIPE,
    )
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()


@contextmanager
def ledger_at(server: PostgresServer, revision: str) -> Iterator[dict[str, str]]:
    """The roles' URLs of a new ledger of an older release; it is dropped afterwards."""
    name = f"test_ledger_{new_id().hex[-12:]}"
    urls = asyncio.run(provision(server.admin_url, name, server.passwords))
    try:
        asyncio.run(upgrade(urls, revision))
        yield {**urls, "admin": server.database_admin_url(name)}
    finally:
        server.drop(name)
