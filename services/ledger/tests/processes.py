"""Starts `python -m ledger ...` as an operator would, told the URLs of a test's database roles."""

import asyncio
import os
import sys
from collections.abc import Mapping

from services.ledger.tests.witnesses import START_SECONDS_MAX


def environment_of(urls: Mapping[str, str]) -> dict[str, str]:
    roles = {
        "DATABASE_URL": "api",
        "WORKER_DATABASE_URL": "worker",
        "MIGRATOR_DATABASE_URL": "migrator",
        "SIGNER_DATABASE_URL": "signer",
    }
    of_roles = {f"IMPACTNET_LEDGER_{name}": urls[f"ledger_{role}"] for name, role in roles.items()}
    return {"PATH": os.environ.get("PATH", ""), **of_roles}


async def start_ledger(urls: Mapping[str, str], *arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ledger", *arguments),
        env={**environment_of(urls), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run_in_shell(urls: Mapping[str, str], line: str) -> int:
    """The exit status of a line of shell in which `$PYTHON -m ledger ...` finds its databases."""
    process = await asyncio.create_subprocess_shell(line, env={**environment_of(urls), "PYTHON": sys.executable})
    return await asyncio.wait_for(process.wait(), START_SECONDS_MAX)


async def run_ledger(urls: Mapping[str, str], *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit status, output and errors."""
    process = await start_ledger(urls, *arguments, **environment)
    out, err = await asyncio.wait_for(process.communicate(), START_SECONDS_MAX)
    return process.returncode or 0, out.decode(), err.decode()


async def run_verifier(*arguments: object) -> tuple[int, str]:
    """The stranger's verifier, as a stranger runs it: exit status and everything it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "impactnet_verify", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), START_SECONDS_MAX)
    return process.returncode or 0, out.decode()
