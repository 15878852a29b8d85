"""Migrates every service on a fresh PostgreSQL and compares tables with models, as `make check` does."""

import asyncio
import base64
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from local_stack.postgres import EmbeddedPostgres
from local_stack.roles import CONTEXTS, provision, random_passwords

_SECONDS_MAX: Final = 120.0  # for one run of one service, which is seconds even on a busy machine


def _run(context: str, urls: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    upper = context.upper()
    key = base64.b64encode(os.urandom(32)).decode()
    own = {
        f"IMPACTNET_{upper}_DATABASE_URL": urls[f"{context}_api"],
        f"IMPACTNET_{upper}_WORKER_DATABASE_URL": urls[f"{context}_worker"],
        f"IMPACTNET_{upper}_MIGRATOR_DATABASE_URL": urls[f"{context}_migrator"],
        f"IMPACTNET_{upper}_MASTER_KEY": key,
    }
    outside = {name: value for name, value in os.environ.items() if not name.startswith("IMPACTNET_")}
    return subprocess.run(
        [sys.executable, "-m", context, "migrate", *arguments],
        env=outside | own,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )


def _check(context: str, urls: dict[str, str]) -> bool:
    """True when the migrations run and end at what the models say."""
    for arguments in ((), ("--check",)):
        result = _run(context, urls, *arguments)
        if result.returncode != 0:
            what = " ".join((context, "migrate", *arguments))
            print(f"{what}: failed\n{result.stdout}{result.stderr}", flush=True)
            return False
    print(f"{context}: migrations match the models", flush=True)
    return True


async def main() -> int:
    """0 when all services pass, 1 otherwise."""
    with tempfile.TemporaryDirectory(prefix="impactnet-check-") as folder:
        async with EmbeddedPostgres(Path(folder) / "postgres", durability="off") as postgres:
            urls = await provision(postgres.admin_url, "impactnet", random_passwords())
            results = [await asyncio.to_thread(_check, context, urls) for context in CONTEXTS]
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
