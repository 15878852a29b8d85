"""Takes a ledger's database to a revision, as `migrate` takes it to the newest."""

import asyncio
import sys
from collections.abc import Mapping

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
